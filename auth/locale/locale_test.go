package locale_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sallyport-auth/sallyport/auth/locale"
)

func ours(t testing.TB) *locale.Catalogue {
	t.Helper()
	c, err := locale.New(nil)
	if err != nil {
		t.Fatalf("New(nil): %v", err)
	}
	return c
}

func ExampleNew() {
	catalogue, err := locale.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	words := catalogue.Text(catalogue.Match("", "fr-CA,fr;q=0.9,en;q=0.5"))
	fmt.Println(words.Tag(), words.Get("button.signin"))
	fmt.Println(words.Count("reason.too_many_attempts.minutes", 2))
	// Output:
	// fr Se connecter
	// Trop de tentatives. Réessayez dans 2 minutes.
}

func TestText(t *testing.T) {
	c := ours(t)
	for tag, want := range map[string]string{
		"en": "en", "es": "es", "fr": "fr", "ES": "es", "es-MX": "es", "es_MX": "es", "fr-Latn-CA": "fr",
		"": "en", "de": "en", "-": "en", "es-": "es", "x": "en", "est": "en", strings.Repeat("es-", 1<<20): "es",
	} {
		if got := c.Text(tag).Tag(); got != want {
			t.Errorf("Text(%.20q).Tag() = %q, want %q", tag, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	c := ours(t)
	for _, tc := range []struct {
		candidates []string
		want       string
	}{
		{nil, "en"},
		{[]string{""}, "en"},
		{[]string{"es"}, "es"},
		{[]string{"fr-CA"}, "fr"},
		{[]string{"es_MX"}, "es"},
		{[]string{"", "", "es-419,es;q=0.9"}, "es"},
		{[]string{"fr", "es-ES,es;q=0.9"}, "fr"},                   // what was chosen beats what the browser says
		{[]string{"ja", "es-ES,es;q=0.9"}, "es"},                   // unless nobody here speaks it
		{[]string{"de-DE,de;q=0.9,fr;q=0.8,en;q=0.7"}, "fr"},       // the best of those that there are
		{[]string{"en;q=0.3,es;q=0.8"}, "es"},                      // by weight, not by place
		{[]string{"fr;q=0,es;q=0.1"}, "es"},                        // a weight of nothing is a no
		{[]string{"*"}, "en"},                                      // anything will do
		{[]string{"ja"}, "en"},                                     // none of ours
		{[]string{"../../etc/passwd"}, "en"},                       // not a tag
		{[]string{"\x00\xff", "fr"}, "fr"},                         // not text
		{[]string{"es;q=nonsense", "fr"}, "fr"},                    // half readable is unreadable
		{[]string{"fr," + strings.Repeat("de,", 1<<20)}, "fr"},     // only the beginning is read
		{[]string{strings.Repeat("de,", 1<<20) + "fr"}, "en"},      // the same
		{[]string{strings.Repeat("e", 1<<20), "es"}, "es"},         // no tag in sight
		{[]string{strings.Repeat("en-", 1<<18) + ",es", ""}, "en"}, // what makes careless parsers slow
	} {
		if got := c.Match(tc.candidates...); got != tc.want {
			t.Errorf("Match(%.40q) = %q, want %q", tc.candidates, got, tc.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	c := ours(f)
	for _, seed := range []string{"", "es", "fr-CA,fr;q=0.9", "*", "en;q=0.3,es;q=0.8", "i-klingon", "x-a-b", "und", "zh-Hant-TW;q=1.0000"} {
		f.Add(seed)
	}
	var known []string
	for _, l := range c.Languages() {
		known = append(known, l.Tag)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := c.Match(header)
		if !slices.Contains(known, got) {
			t.Errorf("Match(%q) = %q, want one of %q", header, got, known)
		}
		if again := c.Match("", header); again != got {
			t.Errorf("Match(%q) = %q once and %q another time", header, got, again)
		}
		if tag := c.Text(header).Tag(); !slices.Contains(known, tag) {
			t.Errorf("Text(%q).Tag() = %q, want one of %q", header, tag, known)
		}
	})
}

func TestLanguages(t *testing.T) {
	want := []locale.Language{{Tag: "en", Name: "English"}, {Tag: "es", Name: "Español"}, {Tag: "fr", Name: "Français"}}
	if got := ours(t).Languages(); !slices.Equal(got, want) {
		t.Errorf("Languages() = %v, want %v", got, want)
	}
}

// whole is a file with every key, in no language.
func whole(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for key, m := range texts(t, "en") {
		if len(m) == 1 {
			fmt.Fprintf(&b, ",%q:%q", key, "~"+m[""])
		} else {
			fmt.Fprintf(&b, `,%q:{"other":%q,"zero":"0","one":"1","two":"2","few":"3","many":"4"}`, key, "~"+m["other"])
		}
	}
	return "{" + b.String()[1:] + "}"
}

func TestOverlay(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

	t.Run("replaces the keys it has and leaves the others", func(t *testing.T) {
		c, err := locale.New(fstest.MapFS{"es.json": file(`{"button.next": "Adelante"}`), "README.md": file("not ours")})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Text("es").Get("button.next"); got != "Adelante" {
			t.Errorf("button.next = %q, want Adelante", got)
		}
		if got, want := c.Text("es").Get("button.signin"), ours(t).Text("es").Get("button.signin"); got != want {
			t.Errorf("button.signin = %q, want %q", got, want)
		}
		if got := c.Text("en").Get("button.next"); got != "Next" {
			t.Errorf("English button.next = %q, want Next", got)
		}
		if got := len(c.Languages()); got != 3 {
			t.Errorf("%d languages, want 3", got)
		}
	})

	t.Run("adds languages, ours first", func(t *testing.T) {
		c, err := locale.New(fstest.MapFS{"pt-BR.json": file(whole(t)), "ar.json": file(whole(t))})
		if err != nil {
			t.Fatal(err)
		}
		var tags []string
		for _, l := range c.Languages() {
			tags = append(tags, l.Tag)
		}
		if want := []string{"en", "es", "fr", "ar", "pt-BR"}; !slices.Equal(tags, want) {
			t.Errorf("Languages() = %q, want %q", tags, want)
		}
		if got := c.Match("pt-PT,pt;q=0.9"); got != "pt-BR" {
			t.Errorf("Match(pt-PT) = %q, want pt-BR", got)
		}
		if got := c.Text("ar").Dir(); got != "rtl" {
			t.Errorf("Arabic is written %q, want rtl", got)
		}
		if got := c.Text("pt-BR").Dir(); got != "ltr" {
			t.Errorf("Portuguese is written %q, want ltr", got)
		}
		for n, want := range map[int]string{0: "0", 1: "1", 2: "2", 5: "3", 11: "4"} {
			if got := c.Text("ar").Count("reason.too_many_attempts.minutes", n); got != want {
				t.Errorf("Arabic form for %d = %q, want %q", n, got, want)
			}
		}
	})

	for name, tc := range map[string]struct{ file, text, want string }{
		"an unknown key":            {"en.json", `{"buton.next": "Go"}`, `en.json: "buton.next" is a key that does not exist`},
		"an empty text":             {"fr.json", `{"button.next": ""}`, `fr.json: "button.next" is empty`},
		"a text that is null":       {"fr.json", `{"button.next": null}`, `fr.json: "button.next" is empty`},
		"an unknown placeholder":    {"en.json", `{"button.next": "Go to {product}"}`, `{product}`},
		"plural where there is one": {"en.json", `{"button.next": {"one": "a", "other": "b"}}`, `"button.next" has plural forms where English has none`},
		"no plural where there is":  {"en.json", `{"reason.too_many_attempts.minutes": "Soon"}`, `"reason.too_many_attempts.minutes" has plural forms`},
		"a missing plural form":     {"es.json", `{"reason.too_many_attempts.minutes": {"other": "a"}}`, `lacks the plural form "one"`},
		"a plural form of nothing":  {"es.json", `{"reason.too_many_attempts.minutes": {"other": "a", "one": "b", "lots": "c"}}`, `"lots"`},
		"an empty plural form":      {"es.json", `{"reason.too_many_attempts.minutes": {"other": "a", "one": "b", "few": ""}}`, `"few"`},
		"half a language":           {"de.json", `{"button.next": "Weiter"}`, `de.json lacks "account.expired"`},
		"not JSON":                  {"es.json", `button.next = Adelante`, `es.json`},
		"not text":                  {"es.json", `{"button.next": 7}`, `es.json`},
		"a name that is no tag":     {"spanish-texts.json", `{}`, `spanish-texts.json is not named by a language tag`},
		"a tag spelled otherwise":   {"ES.json", `{}`, `ES.json is not named by a language tag`},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			_, err := locale.New(fstest.MapFS{tc.file: file(tc.text)})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "locale: ") {
				t.Errorf("New = %v, want an error with %q", err, tc.want)
			}
		})
	}
}
