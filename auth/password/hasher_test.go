package password_test

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func ExampleHasher() {
	var hasher password.Hasher // 19 MiB, 2 passes, 1 thread
	hash, err := hasher.Hash("four small grey donkeys")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(hash[:30])

	_, err = hasher.Verify(hash, "four small grey donkeys")
	fmt.Println("right:", err)
	_, err = hasher.Verify(hash, "four small grey monkeys")
	fmt.Println("wrong:", err)
	// Output:
	// $argon2id$v=19$m=19456,t=2,p=1
	// right: <nil>
	// wrong: password: does not match
}

// quick is for tests that are not about cost.
var quick = password.Hasher{InsecureTestCost: true}

func hash(t testing.TB, h password.Hasher, text string) string {
	t.Helper()
	out, err := h.Hash(text)
	if err != nil {
		t.Fatalf("Hash: %v", err)
	}
	return out
}

// phc writes a well-formed hash of a cost that a Hasher would not make itself.
func phc(text string, memory, passes uint32, threads uint8, salt []byte, keyLen uint32) string {
	key := argon2.IDKey([]byte(text), salt, passes, memory, threads, keyLen)
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, passes, threads, b64(salt), b64(key))
}

func TestHash(t *testing.T) {
	t.Run("two hashes of one password differ and both match", func(t *testing.T) {
		first, second := hash(t, quick, "same words"), hash(t, quick, "same words")
		if first == second {
			t.Errorf("Hash twice = %q both times, want different salts", first)
		}
		for _, h := range []string{first, second} {
			if stale, err := quick.Verify(h, "same words"); stale || err != nil {
				t.Errorf("Verify(%q) = %v, %v, want false, nil", h, stale, err)
			}
		}
	})
	t.Run("every byte of a password counts, the last of 1024 too", func(t *testing.T) {
		long := strings.Repeat("x", 1024)
		h := hash(t, quick, long)
		if _, err := quick.Verify(h, long); err != nil {
			t.Errorf("Verify(1024 bytes) = %v, want nil", err)
		}
		if _, err := quick.Verify(h, long[:1023]+"y"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(last byte changed) = %v, want ErrMismatch", err)
		}
	})
	t.Run("spaces, case and width are kept", func(t *testing.T) {
		h := hash(t, quick, "a quiet pond")
		for _, other := range []string{" a quiet pond", "a quiet pond ", "A quiet pond", "a  quiet pond", "ａ quiet pond"} {
			if _, err := quick.Verify(h, other); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify(%q) = %v, want ErrMismatch", other, err)
			}
		}
	})
}

func TestUnusablePasswords(t *testing.T) {
	h := hash(t, quick, "a usable one")
	t.Run("A-152 more than 1024 bytes are refused before any work", func(t *testing.T) {
		real := password.Hasher{} // so that work would show as memory
		stored := hash(t, real, "a usable one")
		huge := strings.Repeat("x", 10<<20)
		calls := map[string]func() error{
			"Hash":   func() error { _, err := real.Hash(huge); return err },
			"Verify": func() error { _, err := real.Verify(stored, huge[:1025]); return err },
			"Decoy":  func() error { return real.Decoy(huge) },
		}
		for name, call := range calls {
			var err error
			used := memory(func() { err = call() })
			if !errors.Is(err, password.ErrTooLong) {
				t.Errorf("%s = %v, want ErrTooLong", name, err)
			}
			if used > 64<<10 {
				t.Errorf("%s took %d bytes, want next to none", name, used)
			}
		}
	})
	t.Run("bytes that are not UTF-8 are refused when set and match nothing", func(t *testing.T) {
		if _, err := quick.Hash("caf\xe9 au lait"); !errors.Is(err, password.ErrEncoding) {
			t.Errorf("Hash = %v, want ErrEncoding", err)
		}
		if _, err := quick.Verify(h, "caf\xe9 au lait"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify = %v, want ErrMismatch", err)
		}
	})
	t.Run("the empty password is refused when set and matches nothing, not even its own hash", func(t *testing.T) {
		if _, err := quick.Hash(""); !errors.Is(err, password.ErrEmpty) {
			t.Errorf("Hash = %v, want ErrEmpty", err)
		}
		empty := phc("", 8, 1, 1, make([]byte, 16), 32)
		if _, err := quick.Verify(empty, ""); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify = %v, want ErrMismatch", err)
		}
	})
	t.Run("they take the work of any other wrong password", func(t *testing.T) {
		var real password.Hasher
		stored := hash(t, real, "a usable one")
		for _, typed := range []string{"", "\xff"} {
			if used := memory(func() { real.Verify(stored, typed) }); used < 19<<20 {
				t.Errorf("Verify(%q) took %d bytes, want at least 19 MiB", typed, used)
			}
			if used := memory(func() { real.Decoy(typed) }); used < 19<<20 {
				t.Errorf("Decoy(%q) took %d bytes, want at least 19 MiB", typed, used)
			}
		}
	})
}

func TestNormalization(t *testing.T) {
	const composed, decomposed = "cr\u00e8me br\u00fbl\u00e9e", "cre\u0300me bru\u0302le\u0301e"
	t.Run("A-154 one form when set and when checked", func(t *testing.T) {
		for _, set := range []string{composed, decomposed} {
			h := hash(t, quick, set)
			for _, typed := range []string{composed, decomposed} {
				if _, err := quick.Verify(h, typed); err != nil {
					t.Errorf("Verify(%+q) of a hash of %+q = %v, want nil", typed, set, err)
				}
			}
		}
	})
	t.Run("A-154 nothing else is changed", func(t *testing.T) {
		for _, pair := range [][2]string{
			{"\ufb01sh and chips", "fish and chips"},           // compatibility form: NFKC would make them one
			{"p\u0430radise lost", "paradise lost"},            // Cyrillic а
			{"stra\u00dfenbahn", "strassenbahn"},               // case folding would
			{"zero\u200dwidth joiner", "zerowidth joiner"},     // invisible
			{"\uff11\uff12\uff13 go, horse", "123 go, horse"},  // full width
			{"d\u0131sco balls 99", "disco balls 99"},          // dotless i
			{"trailing nul, horse\x00", "trailing nul, horse"}, // C strings would
			{"tab\tand space", "tab and space"},
		} {
			h := hash(t, quick, pair[0])
			if _, err := quick.Verify(h, pair[1]); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify(%+q) of a hash of %+q = %v, want ErrMismatch", pair[1], pair[0], err)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	mib := func(n uint32) uint32 { return n << 10 }
	for _, c := range []struct {
		name   string
		params password.Params
		ok     bool
	}{
		{"zero", password.Params{}, true},
		{"memory alone", password.Params{Memory: mib(64)}, true},
		{"passes alone", password.Params{Passes: 5}, true},
		{"threads alone", password.Params{Threads: 4}, true},
		{"one pass of 46 MiB", password.Params{Memory: mib(46), Passes: 1}, true},
		{"three passes of 12 MiB", password.Params{Memory: mib(12), Passes: 3}, true},
		{"four passes of 9 MiB", password.Params{Memory: mib(9), Passes: 4}, true},
		{"five passes of 7 MiB", password.Params{Memory: mib(7), Passes: 5}, true},
		{"RFC 9106, second choice", password.Params{Memory: mib(64), Passes: 3, Threads: 4}, true},
		{"A-156 one pass", password.Params{Passes: 1}, false},
		{"A-156 two passes of 18 MiB", password.Params{Memory: mib(18)}, false},
		{"A-156 many passes of 6 MiB", password.Params{Memory: mib(6), Passes: 60}, false},
		{"A-156 eight threads do not make up for memory", password.Params{Memory: mib(9), Threads: 8}, false},
		{"the most memory", password.Params{Memory: mib(256), Passes: 4}, true},
		{"too much memory", password.Params{Memory: mib(256) + 1}, false},
		{"too much in all passes", password.Params{Memory: mib(256), Passes: 5}, false},
		{"passes beyond counting", password.Params{Memory: mib(256), Passes: math.MaxUint32}, false},
		{"a product that is 0 in 32 bits", password.Params{Memory: mib(256), Passes: 1 << 14}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := password.Hasher{Params: c.params}.Check()
			if (err == nil) != c.ok {
				t.Errorf("Check() = %v, want ok %v", err, c.ok)
			}
			if err != nil && !strings.Contains(err.Error(), "Hasher.Params") {
				t.Errorf("Check() = %q, want the field's name in it", err)
			}
		})
	}
	t.Run("wrong settings stop every method", func(t *testing.T) {
		stored := hash(t, password.Hasher{}, "some password")
		refuses(t, password.Hasher{Params: password.Params{Passes: 1}}, stored)
	})
	t.Run("test cost is refused outside a test binary", func(t *testing.T) {
		stored := hash(t, quick, "some password")
		flags := flag.CommandLine
		defer func() { flag.CommandLine = flags }()
		flag.CommandLine = flag.NewFlagSet("a program", flag.ContinueOnError)
		refuses(t, quick, stored)
	})
}

func refuses(t *testing.T, h password.Hasher, stored string) {
	t.Helper()
	if err := h.Check(); err == nil {
		t.Error("Check() = nil, want an error")
	}
	if got, err := h.Hash("some password"); err == nil {
		t.Errorf("Hash() = %q, want an error", got)
	}
	if _, err := h.Verify(stored, "some password"); err == nil || errors.Is(err, password.ErrMismatch) {
		t.Errorf("Verify() = %v, want an error about the settings", err)
	}
	if err := h.Decoy("some password"); err == nil || errors.Is(err, password.ErrMismatch) {
		t.Errorf("Decoy() = %v, want an error about the settings", err)
	}
}

func TestStale(t *testing.T) {
	salt := []byte("sixteen bytes ..")
	for _, c := range []struct {
		name   string
		params password.Params // of the Hasher
		stored string
		stale  bool
	}{
		{"today's own cost", password.Params{}, phc("pw", 19456, 2, 1, salt, 32), false},
		{"A-156 fewer passes", password.Params{}, phc("pw", 19456, 1, 1, salt, 32), true},
		{"A-156 less memory", password.Params{}, phc("pw", 12288, 2, 1, salt, 32), true},
		{"A-156 little memory, more passes", password.Params{}, phc("pw", 4096, 3, 1, salt, 32), true},
		{"A-156 a dearer hash is left alone", password.Params{}, phc("pw", 32768, 3, 1, salt, 32), false},
		{"A-156 more memory in fewer passes is left alone", password.Params{}, phc("pw", 47104, 1, 1, salt, 32), false},
		{"A-156 the equal with more passes is left alone", password.Params{}, phc("pw", 12288, 3, 1, salt, 32), false},
		{"A-156 raised settings", password.Params{Memory: 32768}, phc("pw", 19456, 2, 1, salt, 32), true},
		{"threads only divide the work", password.Params{}, phc("pw", 19456, 2, 4, salt, 32), false},
		{"a short salt", password.Params{}, phc("pw", 19456, 2, 1, salt[:8], 32), true},
		{"A-156 a short salt does not make a dearer hash cheaper", password.Params{}, phc("pw", 32768, 2, 1, salt[:8], 32), false},
		{"a short key", password.Params{}, phc("pw", 19456, 2, 1, salt, 16), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			stale, err := password.Hasher{Params: c.params}.Verify(c.stored, "pw")
			if stale != c.stale || err != nil {
				t.Errorf("Verify(%s) = %v, %v, want %v, nil", c.stored, stale, err, c.stale)
			}
		})
	}
	t.Run("a wrong password is never stale", func(t *testing.T) {
		stale, err := password.Hasher{}.Verify(phc("pw", 4096, 1, 1, salt, 32), "other")
		if stale || !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify = %v, %v, want false, ErrMismatch", stale, err)
		}
	})
	t.Run("A-156 what is made for a stale hash is not stale", func(t *testing.T) {
		if stale, err := (password.Hasher{}).Verify(hash(t, password.Hasher{}, "pw"), "pw"); stale || err != nil {
			t.Errorf("Verify = %v, %v, want false, nil", stale, err)
		}
	})
}

func TestStoredCostIsBounded(t *testing.T) {
	key, salt := b64(make([]byte, 32)), b64(make([]byte, 16))
	for name, stored := range map[string]string{
		"A-156 below the bare minimum": "$argon2id$v=19$m=4095,t=9,p=1$" + salt + "$" + key,
		"A-156 test cost":              phc("pw", 8, 1, 1, make([]byte, 16), 32),
		"4 GiB":                        "$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + key,
		"just too much memory":         "$argon2id$v=19$m=262145,t=1,p=1$" + salt + "$" + key,
		"just too many passes":         "$argon2id$v=19$m=262144,t=5,p=1$" + salt + "$" + key,
		"passes beyond counting":       "$argon2id$v=19$m=4096,t=4294967295,p=1$" + salt + "$" + key,
		"a product of 0 in 32 bits":    "$argon2id$v=19$m=262144,t=16384,p=1$" + salt + "$" + key,
		"bcrypt of cost 16":            "$2b$16$" + strings.Repeat("a", 53),
		"bcrypt of cost 31":            "$2b$31$" + strings.Repeat("a", 53),
		"A-156 bcrypt of cost 7":       "$2b$07$" + strings.Repeat("a", 53),
		"PBKDF2 without end":           "$pbkdf2-sha256$5000001$" + salt + "$" + key,
		"A-156 PBKDF2 of few rounds":   "$pbkdf2-sha256$9999$" + salt + "$" + key,
		"Django without end":           "pbkdf2_sha256$2147483647$saltsaltsalt$" + key + "=",
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			used := memory(func() { _, err = password.Hasher{}.Verify(stored, "pw") })
			if !errors.Is(err, password.ErrFormat) {
				t.Errorf("Verify(%q) = %v, want ErrFormat", stored, err)
			}
			if used > 64<<10 {
				t.Errorf("Verify(%q) took %d bytes, want next to none", stored, used)
			}
		})
	}
}

func TestDecoy(t *testing.T) {
	t.Run("A-136 it takes the memory of a wrong password and never says yes", func(t *testing.T) {
		h := password.Hasher{Params: password.Params{Memory: 32 << 10}}
		stored := hash(t, h, "the right one")
		var wrong, decoy error
		verify := memory(func() { _, wrong = h.Verify(stored, "the wrong one") })
		nobody := memory(func() { decoy = h.Decoy("the wrong one") })
		if !errors.Is(wrong, password.ErrMismatch) || !errors.Is(decoy, password.ErrMismatch) {
			t.Errorf("Verify, Decoy = %v, %v, want ErrMismatch twice", wrong, decoy)
		}
		if ratio := float64(nobody) / float64(verify); ratio < 0.99 || ratio > 1.01 {
			t.Errorf("Decoy took %d bytes and Verify %d, want the same", nobody, verify)
		}
	})
}

// memory is what a call allocates, which is also how much Argon2 did.
func memory(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// BenchmarkVerify sets ours beside x/crypto called bare at the same cost.
func BenchmarkVerify(b *testing.B) {
	salt := make([]byte, 16)
	rand.Read(salt)
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			argon2.IDKey([]byte("four small grey donkeys"), salt, 2, 19456, 1, 32)
		}
	})
	b.Run("ours", func(b *testing.B) {
		var h password.Hasher
		stored := hash(b, h, "four small grey donkeys")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := h.Verify(stored, "four small grey donkeys"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decoy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := (password.Hasher{}).Decoy("four small grey donkeys"); err == nil {
				b.Fatal("Decoy = nil")
			}
		}
	})
}
