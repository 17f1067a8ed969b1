package password_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func TestCommonList(t *testing.T) {
	list := password.CommonList()
	before, count := "", 0
	for line := range strings.Lines(list) {
		word, ended := strings.CutSuffix(line, "\n")
		switch {
		case !ended:
			t.Errorf("the last line %q does not end", line)
		case word <= before:
			t.Errorf("%q stands after %q: the list is not sorted", word, before)
		case word != strings.ToLower(word):
			t.Errorf("%q is not in lower case", word)
		case utf8.RuneCountInString(word) < 4 || utf8.RuneCountInString(word) > 32:
			t.Errorf("%q has fewer than 4 or more than 32 characters", word)
		case !password.Listed(word):
			t.Errorf("Listed(%q) = false, want true", word)
		case password.Listed(word+"\n") || password.Listed(word+"\x00"):
			t.Errorf("Listed(%q and more) = true, want false", word)
		}
		before, count = word, count+1
	}
	if count < 10_000 {
		t.Errorf("the list has %d passwords, want at least 10000", count)
	}
	for _, word := range []string{"", "\n", "a", "zzzzzzzzzz", "\x00", "\xff", "passwordd", "password\npassword1", "Password"} {
		if password.Listed(word) {
			t.Errorf("Listed(%q) = true, want false", word)
		}
	}
}

func TestCommon(t *testing.T) {
	j := password.Judge{Policy: password.Policy{MinLength: 8, RefuseCommon: true}}
	for _, text := range []string{
		"password", "qwertyuiop", "PassWord", "PASSWORD", // listed, in any case
		"password1", "Password2024", "dragon2026!", "Dragon!!2026", "2026dragon", "!!dragon!!", "sunshine 12/2026", "1Dragon1!",
		"password123456789", "password!!!!!!!!!!!!!!", "letmein1234567890!", "dragon11111111111",
		"p4ssw0rd", "P@$$w0rd", "p@ssw0rd2024!", "$unshine99", "!loveyou2026", "1loveyou", "foo7ba11", "drag0n12345",
		"trustno1!", "trustno12024", "trustno1trustno1",
		"passwordpassword", "passwordpasswordpassw", "dragon2024dragon2024", "abcabcabcabcabc", "aaaaaaaaaaaaaaaa", "1212121212121212",
		"abcdefghijklmnop", "123456789012345", "098765432109876", "zyxwvutsrqponml",
	} {
		t.Run("A-155 "+text, func(t *testing.T) {
			if got := judge(t, j, text, password.About{}); !strings.Contains(rules(got), "common") {
				t.Errorf("Unmet(%q) = %q, want common", text, rules(got))
			}
		})
	}
	for _, text := range []string{
		"four small grey donkeys", "correct horse battery staple", "vu7otmk9", "dragonfly nets", "my dragon sleeps",
		"dragon8402957138467", "dragon;wqz;2026", "xk2026dragonq", "84029571384", "abcdefghijkzmnop", "password is not it",
		strings.Repeat("zq wv fj kx mk vu ot ", 40),
	} {
		t.Run("not "+text, func(t *testing.T) {
			if got := judge(t, j, text, password.About{}); len(got) != 0 {
				t.Errorf("Unmet(%q) = %q, want none", text, rules(got))
			}
		})
	}
	t.Run("no opinion refuses nothing", func(t *testing.T) {
		j := password.Judge{Policy: password.Policy{MinLength: 8}}
		if got := judge(t, j, "password", password.About{}); len(got) != 0 {
			t.Errorf("Unmet = %q, want none", rules(got))
		}
	})
}

// FuzzJudge feeds what anybody may type.
func FuzzJudge(f *testing.F) {
	for _, seed := range []string{"", "password", "P@$$w0rd 2026", "11111111111111111111111111112", "\u0130\u0131\u017f", "e\u0301", "\xff\xfe"} {
		f.Add(seed, "grace@acme.example", "Grace Hopper", "Acme")
	}
	j := password.Judge{Policy: password.Enhanced(), Hasher: quick}
	f.Fuzz(func(t *testing.T, text, email, name, word string) {
		unmet, err := j.Unmet(t.Context(), text, password.About{Email: email, Name: name, Words: []string{word}})
		if err != nil {
			t.Errorf("Unmet = %v, want no error", err)
		}
		if len(unmet) > 0 {
			return
		}
		h, err := quick.Hash(text)
		if err != nil {
			t.Fatalf("Hash(%q) = %v, although nothing is unmet", text, err)
		}
		if _, err := quick.Verify(h, text); err != nil {
			t.Errorf("Verify(%q) = %v, want nil", text, err)
		}
	})
}

func BenchmarkCommon(b *testing.B) {
	j := password.Judge{Policy: password.Policy{MinLength: 8, RefuseCommon: true}}
	for name, text := range map[string]string{
		"listed":    "password",
		"decorated": "P@$$w0rd2026!",
		"sentence":  "four small grey donkeys",
		"digits":    "840295713846729105538216479301",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				j.Unmet(b.Context(), text, password.About{})
			}
		})
	}
	b.Run("lookup", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			password.Listed("sunshine")
		}
	})
}
