package token_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/token"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []token.Purpose{token.Session, token.Flow, token.Device} {
		for range 100 {
			plain, key := token.New(p)
			if !strings.HasPrefix(plain, string(p)) || len(plain) != len(p)+43 {
				t.Fatalf("New(%s) = %q, want the purpose and 43 characters", p, plain)
			}
			if seen[plain] {
				t.Fatalf("New(%s) gave %q twice", p, plain)
			}
			seen[plain] = true
			if want := sha256.Sum256([]byte(plain)); key != want {
				t.Fatalf("New(%s): the key is not the SHA-256 of the token", p)
			}
			if got, ok := token.Lookup(p, plain); !ok || got != key {
				t.Fatalf("Lookup(%s) of a new token = %x, %t, want its key", p, got, ok)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	plain, key := token.New(token.Session)
	secret := strings.TrimPrefix(plain, "ses_")
	for _, tt := range []struct{ name, plain string }{
		{"empty", ""},
		{"the purpose alone", "ses_"},
		{"A-244 a token of another purpose", "flw_" + secret},
		{"without its purpose", secret},
		{"with the purpose in capitals", "SES_" + secret},
		{"too short", plain[:len(plain)-1]},
		{"too long", plain + "A"},
		{"with a blank in front", " " + plain[:len(plain)-1]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := token.Lookup(token.Session, tt.plain); ok || got != [32]byte{} {
				t.Errorf("Lookup = %x, %t, want no key", got, ok)
			}
		})
	}
	t.Run("each byte is looked at", func(t *testing.T) {
		for b := range 256 {
			for _, at := range []int{0, 21, 42} {
				text := []byte(plain)
				text[4+at] = byte(b)
				got, ok := token.Lookup(token.Session, string(text))
				if same := string(text) == plain; !ok || (got == key) != same {
					t.Errorf("Lookup with byte %#x at %d finds the same row: %t, want %t", b, at, got == key, same)
				}
			}
		}
	})
	t.Run("a purpose too long for the library's tokens has none", func(t *testing.T) {
		long := token.Purpose("much_too_long_")
		if _, ok := token.Lookup(long, string(long)+secret); ok {
			t.Error("Lookup hashed a part of the token only")
		}
	})
	t.Run("it does not allocate", func(t *testing.T) {
		if got := testing.AllocsPerRun(100, func() { token.Lookup(token.Session, plain) }); got != 0 {
			t.Errorf("Lookup allocates %v times, want 0", got)
		}
	})
}

func FuzzLookup(f *testing.F) {
	plain, _ := token.New(token.Session)
	f.Add(plain)
	f.Add("ses_")
	f.Fuzz(func(t *testing.T, text string) {
		if key, ok := token.Lookup(token.Session, text); ok && key != sha256.Sum256([]byte(text)) {
			t.Errorf("Lookup(%q) is not its SHA-256", text)
		}
	})
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := token.NewID()
		if len(id) != 26 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("NewID = %q, want 26 lower-case letters and digits", id)
		}
		if seen[id] {
			t.Fatalf("NewID gave %q twice", id)
		}
		seen[id] = true
	}
}
