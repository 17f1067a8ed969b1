package password_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func b64(raw []byte) string { return base64.RawStdEncoding.EncodeToString(raw) }

// The reference implementation's own test vector.
const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestArgon2id(t *testing.T) {
	t.Run("the reference implementation's hash matches", func(t *testing.T) {
		if _, err := (password.Hasher{}).Verify(reference, "password"); err != nil {
			t.Errorf("Verify = %v, want nil", err)
		}
		if _, err := (password.Hasher{}).Verify(reference, "passwore"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(wrong) = %v, want ErrMismatch", err)
		}
	})
	t.Run("any other spelling is refused", func(t *testing.T) {
		good := hash(t, quick, "pw")
		salt, key, _ := strings.Cut(strings.TrimPrefix(good, "$argon2id$v=19$m=8,t=1,p=1$"), "$")
		head := "$argon2id$v=19$m=8,t=1,p=1$"
		if _, err := quick.Verify(head+salt+"$"+key, "pw"); err != nil {
			t.Fatalf("Verify(the good one) = %v, want nil", err)
		}
		for name, bad := range map[string]string{
			"empty":                    "",
			"a space before":           " " + good,
			"a line end after":         good + "\n",
			"one field too many":       good + "$",
			"no key":                   head + salt,
			"another kind":             "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + key,
			"no kind in lower case":    "$Argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key,
			"no version":               "$argon2id$m=8,t=1,p=1$" + salt + "$" + key,
			"an old version":           "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + key,
			"another order":            "$argon2id$v=19$t=1,m=8,p=1$" + salt + "$" + key,
			"a parameter twice":        "$argon2id$v=19$m=8,m=8,t=1,p=1$" + salt + "$" + key,
			"a parameter for another":  "$argon2id$v=19$m=8,t=1,t=1$" + salt + "$" + key,
			"an unknown parameter":     "$argon2id$v=19$m=8,t=1,p=1,data=AAAA$" + salt + "$" + key,
			"a missing parameter":      "$argon2id$v=19$m=8,t=1$" + salt + "$" + key,
			"a leading zero":           "$argon2id$v=19$m=08,t=1,p=1$" + salt + "$" + key,
			"a sign":                   "$argon2id$v=19$m=+8,t=1,p=1$" + salt + "$" + key,
			"no passes":                "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + key,
			"no threads":               "$argon2id$v=19$m=8,t=1,p=0$" + salt + "$" + key,
			"256 threads":              "$argon2id$v=19$m=4096,t=1,p=256$" + salt + "$" + key,
			"memory beyond 32 bits":    "$argon2id$v=19$m=4294967304,t=1,p=1$" + salt + "$" + key,
			"less than 8 KiB a thread": "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + key,
			"padding":                  head + salt + "==$" + key + "=",
			"a line end inside":        head + salt[:4] + "\n" + salt[4:] + "$" + key,
			"stray bits in the salt":   head + salt[:21] + next(salt[21]) + "$" + key,
			"stray bits in the key":    head + salt + "$" + key[:42] + next(key[42]),
			"the URL alphabet":         head + strings.Repeat("_", 22) + "$" + key,
			"a salt of 7 bytes":        head + b64(make([]byte, 7)) + "$" + key,
			"a salt of 65 bytes":       head + b64(make([]byte, 65)) + "$" + key,
			"a key of 15 bytes":        head + salt + "$" + b64(make([]byte, 15)),
			"a key of 65 bytes":        head + salt + "$" + b64(make([]byte, 65)),
			"a text of 10 MB":          head + salt + "$" + strings.Repeat("A", 10<<20),
			"the password itself":      "pw",
		} {
			if _, err := quick.Verify(bad, "pw"); !errors.Is(err, password.ErrFormat) {
				t.Errorf("%s: Verify = %v, want ErrFormat", name, err)
			}
		}
	})
	t.Run("a changed bit anywhere in the key or salt is a mismatch", func(t *testing.T) {
		good := hash(t, quick, "pw")
		at := len("$argon2id$v=19$m=8,t=1,p=1$")
		for i := at; i < len(good); i++ {
			if good[i] == '$' {
				continue
			}
			bad := good[:i] + "A" + good[i+1:]
			if good[i] == 'A' {
				bad = good[:i] + "Q" + good[i+1:]
			}
			if _, err := quick.Verify(bad, "pw"); err == nil {
				t.Errorf("Verify(%q) = nil, want an error; the hash is %q", bad, good)
			}
		}
	})
}

// next is the letter after this one in base64, which differs in the lowest bit or more.
func next(c byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return string(letters[strings.IndexByte(letters, c)+1])
}

// FuzzVerifyFormat feeds stored hashes that somebody else wrote.
func FuzzVerifyFormat(f *testing.F) {
	for _, seed := range []string{
		reference,
		"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		bcryptHorse, passlibSHA256, phcSHA512, djangoSHA256, "", "$", "$$$$$", "$2b$", "pbkdf2_sha256$1$$",
	} {
		f.Add(seed, "password")
	}
	f.Fuzz(func(t *testing.T, stored, typed string) {
		var h password.Hasher
		memory, work, again, known := password.Cost(stored)
		if known && again != stored {
			t.Errorf("%q is read, but is written %q", stored, again)
		}
		switch affordable := memory <= 256<<10 && work <= 5_000_000; {
		case known && affordable && work > 1<<17:
			return // allowed, and too slow to do here
		case known && !affordable:
			if _, err := h.Verify(stored, typed); !errors.Is(err, password.ErrFormat) && !errors.Is(err, password.ErrTooLong) {
				t.Errorf("Verify(%q) = %v, want ErrFormat", stored, err)
			}
		case !known:
			if _, err := h.Verify(stored, typed); !errors.Is(err, password.ErrFormat) && !errors.Is(err, password.ErrTooLong) {
				t.Errorf("Verify(%q) = %v, want ErrFormat", stored, err)
			}
		default:
			h.Verify(stored, typed) // must not panic
		}
	})
}
