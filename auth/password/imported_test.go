package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/sallyport-auth/sallyport/auth/password"
)

// Made by other programs: libxcrypt for bcrypt, Python's hashlib and passlib's own documentation for PBKDF2.
const (
	bcryptHorse    = "$2b$08$abcdefghijklmnopqrstuubAvJmxpQuyV3jn7x.SUSPxe.DearCPe" // correct horse
	bcryptAB       = "$2b$08$abcdefghijklmnopqrstuu5rdP.qugnOzWI8JCJsLtESe.0afg5WG" // ab
	bcrypt72       = "$2b$08$abcdefghijklmnopqrstuujyJJZFHxfP7uFcWoV4k5KREorUKVI2K" // x, 72 times
	passlibDocs    = "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk"
	passlibSHA256  = "$pbkdf2-sha256$10000$....................AQ$t.ojE/aGzQfp5VpW.jQ.0yJ7/WguJ42VU/AhTwnp7z0"
	passlibSHA512  = "$pbkdf2-sha512$10000$....................AQ$/fSij1lZ0jGFZlRgtQBXhybyFaWKOeDKO79VDCkQ1yF3rXr4HwZHrxCQ22kUhe7YSGBw.1D6u2aM4NWpb3J1EA"
	phcSHA256      = "$pbkdf2-sha256$i=10000,l=32$++++++++++++++++++++AQ$t+ojE/aGzQfp5VpW+jQ+0yJ7/WguJ42VU/AhTwnp7z0"
	phcSHA512      = "$pbkdf2-sha512$i=10000,l=64$++++++++++++++++++++AQ$/fSij1lZ0jGFZlRgtQBXhybyFaWKOeDKO79VDCkQ1yF3rXr4HwZHrxCQ22kUhe7YSGBw+1D6u2aM4NWpb3J1EA"
	djangoSHA256   = "pbkdf2_sha256$10000$aGrainOfSalt$Sr/nY0nvbX8UyeUmz84TA49FX9UEZu40gLSKckP85VM="
	djangoSHA512   = "pbkdf2_sha512$10000$aGrainOfSalt$p8p7YHKD2E9i7eSAM0RH5STYfUTh1a7KdmgfhbM/9N81JP+gNyF0+eaY1FysFb1SyOwGthk0r63RCl5Uyxnt5w=="
	pbkdf2Password = "na\u00efve horse"
)

func TestImported(t *testing.T) {
	for _, c := range []struct{ name, stored, right string }{
		{"bcrypt 2a", strings.Replace(bcryptHorse, "2b", "2a", 1), "correct horse"},
		{"bcrypt 2b", bcryptHorse, "correct horse"},
		{"bcrypt 2y", strings.Replace(bcryptHorse, "2b", "2y", 1), "correct horse"},
		{"passlib's documentation", passlibDocs, "toomanysecrets"},
		{"passlib SHA-256", passlibSHA256, pbkdf2Password},
		{"passlib SHA-512", passlibSHA512, pbkdf2Password},
		{"PHC SHA-256", phcSHA256, pbkdf2Password},
		{"PHC SHA-512", phcSHA512, pbkdf2Password},
		{"PHC without length", strings.Replace(phcSHA256, ",l=32", "", 1), pbkdf2Password},
		{"Django SHA-256", djangoSHA256, pbkdf2Password},
		{"Django SHA-512", djangoSHA512, pbkdf2Password},
	} {
		t.Run(c.name, func(t *testing.T) {
			if stale, err := quick.Verify(c.stored, c.right); !stale || err != nil {
				t.Errorf("Verify(right) = %v, %v, want true, nil: it is to be replaced", stale, err)
			}
			for _, wrong := range []string{"", c.right[1:], c.right + "x", strings.ToUpper(c.right)} {
				if stale, err := quick.Verify(c.stored, wrong); stale || !errors.Is(err, password.ErrMismatch) {
					t.Errorf("Verify(%q) = %v, %v, want false, ErrMismatch", wrong, stale, err)
				}
			}
		})
	}
	t.Run("A-154 imported hashes are checked in NFC too", func(t *testing.T) {
		if _, err := quick.Verify(djangoSHA256, "nai\u0308ve horse"); err != nil {
			t.Errorf("Verify(decomposed) = %v, want nil", err)
		}
	})
}

func TestBcryptLimits(t *testing.T) {
	x72 := strings.Repeat("x", 72)
	if stale, err := quick.Verify(bcrypt72, x72); !stale || err != nil {
		t.Errorf("Verify(72 bytes) = %v, %v, want true, nil", stale, err)
	}
	t.Run("A-153 more than 72 bytes never match", func(t *testing.T) {
		if _, err := quick.Verify(bcrypt72, x72+"y"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(73 bytes) = %v, want ErrMismatch", err)
		}
		if err := bcrypt.CompareHashAndPassword([]byte(bcrypt72), []byte(x72+"y")); err != nil {
			t.Logf("x/crypto now refuses 73 bytes itself: %v", err)
		}
	})
	t.Run("A-153 a zero byte never matches, where bcrypt would start over", func(t *testing.T) {
		const again = "ab\x00ab"
		if err := bcrypt.CompareHashAndPassword([]byte(bcryptAB), []byte(again)); err != nil {
			t.Fatalf("bcrypt tells ab from %q: the rule has lost its reason", again)
		}
		for _, typed := range []string{again, "ab\x00", "ab\x00cd"} {
			if _, err := quick.Verify(bcryptAB, typed); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify(%q) = %v, want ErrMismatch", typed, err)
			}
		}
		if _, err := quick.Verify(bcryptAB, "ab"); err != nil {
			t.Errorf("Verify(ab) = %v, want nil", err)
		}
	})
	t.Run("A-153 the hash that replaces it knows the whole password", func(t *testing.T) {
		h := hash(t, quick, x72+"y")
		if _, err := quick.Verify(h, x72+"z"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify = %v, want ErrMismatch", err)
		}
	})
}

func TestImportedSpelling(t *testing.T) {
	for name, bad := range map[string]string{
		"bcrypt of the faulty program": strings.Replace(bcryptHorse, "2b", "2x", 1),
		"bcrypt without a letter":      strings.Replace(bcryptHorse, "2b", "2", 1),
		"bcrypt 3":                     strings.Replace(bcryptHorse, "$2b", "$3b", 1),
		"bcrypt, one letter short":     bcryptHorse[:59],
		"bcrypt, one letter more":      bcryptHorse + "a",
		"bcrypt, another alphabet":     bcryptHorse[:59] + "+",
		"bcrypt, a signed cost":        strings.Replace(bcryptHorse, "$08$", "$+8$", 1),
		"bcrypt, no cost":              strings.Replace(bcryptHorse, "$08$", "$00$", 1),
		"PBKDF2 with SHA-1":            strings.Replace(passlibSHA256, "sha256", "sha1", 1),
		"passlib with plus signs":      strings.Replace(passlibSHA256, ".", "+", 1),
		"passlib with padding":         passlibSHA256 + "=",
		"passlib with a zero ahead":    strings.Replace(passlibSHA256, "10000", "010000", 1),
		"passlib, a short key":         passlibSHA256[:len(passlibSHA256)-4],
		"passlib, SHA-512 key":         strings.Replace(passlibSHA512, "sha512", "sha256", 1),
		"passlib, short salt":          strings.Replace(passlibSHA256, "....................AQ", "AAAA", 1),
		"PHC, the wrong length":        strings.Replace(phcSHA256, "l=32", "l=64", 1),
		"PHC with dots":                strings.Replace(phcSHA256, "+", ".", 1),
		"PHC, an unknown setting":      strings.Replace(phcSHA256, "l=32", "x=32", 1),
		"Django without padding":       strings.TrimRight(djangoSHA256, "="),
		"Django with too much padding": djangoSHA256 + "====",
		"Django with dashes":           strings.Replace(djangoSHA256, "pbkdf2_", "pbkdf2-", 1),
		"Django behind a dollar":       "$" + djangoSHA256,
		"Django without salt":          strings.Replace(djangoSHA256, "aGrainOfSalt", "", 1),
		"Django with a long salt":      strings.Replace(djangoSHA256, "aGrainOfSalt", strings.Repeat("a", 65), 1),
		"Django in the PHC way":        strings.Replace(djangoSHA256, "10000", "i=10000", 1),
	} {
		if _, err := quick.Verify(bad, "correct horse"); !errors.Is(err, password.ErrFormat) {
			t.Errorf("%s: Verify(%q) = %v, want ErrFormat", name, bad, err)
		}
	}
}

func TestVerifiers(t *testing.T) {
	var asked []string
	plain := func(prefix string) password.Verifier {
		return func(hash, typed string) (mine, ok bool) {
			asked = append(asked, prefix)
			rest, mine := strings.CutPrefix(hash, prefix)
			return mine, mine && rest == typed
		}
	}
	h := password.Hasher{InsecureTestCost: true, Verifiers: []password.Verifier{plain("one:"), plain("two:"), plain("three:")}}
	t.Run("the first that knows the format decides, and the hash is stale", func(t *testing.T) {
		asked = nil
		if stale, err := h.Verify("two:br\u00fbl\u00e9e", "bru\u0302le\u0301e"); !stale || err != nil {
			t.Errorf("Verify = %v, %v, want true, nil", stale, err)
		}
		if got := strings.Join(asked, " "); got != "one: two:" {
			t.Errorf("asked %q, want one: two:", got)
		}
		if _, err := h.Verify("two:secret", "other"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("Verify(wrong) = %v, want ErrMismatch", err)
		}
	})
	t.Run("a format that nobody knows is ErrFormat", func(t *testing.T) {
		if _, err := h.Verify("four:secret", "secret"); !errors.Is(err, password.ErrFormat) {
			t.Errorf("Verify = %v, want ErrFormat", err)
		}
	})
	t.Run("formats built in, and passwords nobody can have, do not reach them", func(t *testing.T) {
		asked = nil
		if _, err := h.Verify(hash(t, quick, "secret"), "secret"); err != nil {
			t.Errorf("Verify = %v, want nil", err)
		}
		if _, err := h.Verify("one:", strings.Repeat("x", 1025)); !errors.Is(err, password.ErrTooLong) {
			t.Errorf("Verify(1025 bytes) = %v, want ErrTooLong", err)
		}
		if len(asked) != 0 {
			t.Errorf("asked %q, want nobody", asked)
		}
	})
	t.Run("a yes to the empty password or to bytes that are not UTF-8 does not count", func(t *testing.T) {
		for _, typed := range []string{"", "\xff"} {
			if _, err := h.Verify("one:", typed); !errors.Is(err, password.ErrMismatch) {
				t.Errorf("Verify(%q) = %v, want ErrMismatch", typed, err)
			}
		}
	})
}
