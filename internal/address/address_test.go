package address_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sallyport-auth/sallyport/internal/address"
)

func canonical(t *testing.T, typed string) string {
	t.Helper()
	a, err := address.Parse(typed)
	if err != nil {
		t.Fatalf("Parse(%q) = %v, want an address", typed, err)
	}
	return a.Canonical
}

func refused(t *testing.T, typed string, want address.Cause) {
	t.Helper()
	a, err := address.Parse(typed)
	if err != want || a != (address.Address{}) {
		t.Errorf("Parse(%.80q) = %+v, %v; want nothing and %v", typed, a, err, want)
	}
}

func TestParse(t *testing.T) {
	a, err := address.Parse(" Ann.O'Neil+x@Acme.Example\n")
	want := address.Address{
		Typed:     "Ann.O'Neil+x@Acme.Example",
		Canonical: "ann.o'neil+x@acme.example",
		Local:     "ann.o'neil+x",
		Domain:    "acme.example",
	}
	if err != nil || a != want {
		t.Errorf("Parse = %+v, %v; want %+v", a, err, want)
	}
	for typed, want := range map[string]string{
		"a@b.c":                                "a@b.c",
		"ANN@xn--bcher-kva.example":            "ann@xn--bcher-kva.example",
		"Ann@Bücher.Example":                   "ann@xn--bcher-kva.example",
		"ann@BU\u0308CHER.example":             "ann@xn--bcher-kva.example",
		"Ren\u00c9e@acme.example":              "ren\u00e9e@acme.example",
		"rene\u0301e@acme.example":             "ren\u00e9e@acme.example",
		"ЖЕНЯ@пример.рф":                       "женя@xn--e1afmkfd.xn--p1ai",
		"用户@例子.中国":                             "用户@xn--fsqu00a.xn--fiqs8s",
		"x@1and1.example":                      "x@1and1.example",
		"straße@straße.example":                "straße@xn--strae-oqa.example",
		"!#$%&'*+-/=?^_`{|}~@acme.example":     "!#$%&'*+-/=?^_`{|}~@acme.example",
		strings.Repeat("a", 64) + "@b.example": strings.Repeat("a", 64) + "@b.example",
	} {
		if got := canonical(t, typed); got != want {
			t.Errorf("Parse(%q).Canonical = %q, want %q", typed, got, want)
		}
	}
}

func TestLookAlikes(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	t.Run("A-158 case and white space around it make one address", func(t *testing.T) {
		for _, typed := range []string{
			"a@x.tld", "A@X.TLD", "  a@x.tld", "a@x.tld  ", "\ta@x.tld\t", "\u00a0a@x.tld\u00a0", "\r\na@x.tld\r\n", "\u3000\u2003A@x.tld",
		} {
			if got := canonical(t, typed); got != "a@x.tld" {
				t.Errorf("Parse(%q).Canonical = %q, want a@x.tld", typed, got)
			}
		}
		refused(t, "a b@x.tld", address.BadRune)
		refused(t, "a @x.tld", address.BadRune)
		refused(t, "a@\u00a0x.tld", address.BadRune)
		refused(t, " \t\u00a0 ", address.Empty)
	})

	t.Run("A-159 no letter outside ASCII becomes one inside it", func(t *testing.T) {
		for _, typed := range []string{
			"kır@acme.example", "kIr@acme.example", "kİr@acme.example", "kI\u0307r@acme.example", "ſam@acme.example", "\u212aim@acme.example",
			"ann@ın.example", "ann@İn.example", "ann@I\u0307n.example", "ann@ſhop.example", "ann@\u212aiosk.example",
			"ａnn@acme.example", "ann@ａcme.example", "ﬁn@acme.example", "ann@ﬁn.example", "ªnn@acme.example",
		} {
			a, err := address.Parse(typed)
			if strings.HasPrefix(typed, "kIr") {
				if a.Canonical != "kir@acme.example" {
					t.Errorf("Parse(%q).Canonical = %q, want plain lower case", typed, a.Canonical)
				}
				continue
			}
			if err != address.BadRune {
				t.Errorf("Parse(%q) = %q, %v; want %v", typed, a.Canonical, err, address.BadRune)
			}
		}
	})

	t.Run("A-159 every single character stands for itself or its own lower case, or is refused", func(t *testing.T) {
		owner := map[string]rune{}
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if !utf8.ValidRune(r) {
				continue
			}
			a, err := address.Parse("x" + string(r) + "@acme.example")
			if err != nil {
				continue
			}
			if r >= utf8.RuneSelf && strings.IndexFunc(a.Local[1:], func(r rune) bool { return r < utf8.RuneSelf }) >= 0 {
				t.Errorf("%U gave %q: it folds into ASCII", r, a.Local)
			}
			if other, taken := owner[a.Local]; taken && unicode.ToLower(other) != unicode.ToLower(r) && !singleton(other) && !singleton(r) {
				t.Errorf("%U and %U are both %q", other, r, a.Local)
			}
			owner[a.Local] = r
			if again := canonical(t, a.Canonical); again != a.Canonical {
				t.Errorf("%U: Parse(%q).Canonical = %q, want a fixed point", r, a.Canonical, again)
			}
		}
	})

	t.Run("A-160 domains are compared in one ASCII form", func(t *testing.T) {
		latin := canonical(t, "ann@acme.example")
		for _, typed := range []string{"ann@\u0430cme.example", "ann@\u0430\u0441m\u0435.example", "ann@xn--cme-5cd.example", "ann@acm\u00e9.example"} {
			if got := canonical(t, typed); got == latin || !strings.HasPrefix(got, "ann@xn--") {
				t.Errorf("Parse(%q).Canonical = %q, want an A-label of its own", typed, got)
			}
		}
		if unicode, ascii := canonical(t, "ann@\u0430cme.example"), canonical(t, "ann@XN--cme-5cd.example"); unicode != ascii {
			t.Errorf("letters give %q and the A-label %q, want one form", unicode, ascii)
		}
		for _, domain := range []string{
			"xn--acme-.example", "xn--acme.example", "xn--.example", "xn--a.example", // decode to ASCII or to nothing
			"xn--bucher-xyd.example", // decodes to letters that are not in NFC
			"xn--hop-f3a.example",    // decodes to a long s
			"xn--n-cka.example",      // to a dotted capital I
			"xn--cfa.example",        // to a dotless i
			"xn--cme-n76s.example",   // to a letter of full width
			"xn--acme-w76a.example",  // to a zero-width space
			"xn--acme-tga.example",   // to a soft hyphen
			"xn--ls8h.example",       // to a picture
			"ab--cd.example",         // hyphens where only A-labels have them
			"-acme.example",          //
			"acme-.example",          //
			"א1a.example",            // letters of both directions
			"\u0660\u06f0.example",   // digits of two kinds
		} {
			if got, err := address.ParseDomain(domain); err == nil {
				t.Errorf("ParseDomain(%q) = %q, want it refused", domain, got)
			}
		}
		for _, typed := range []string{"ann@acme\u3002example", "ann@acme\uff0eexample", "ann@ac\u00adme.example", "ann@ac\u200bme.example", "ann@acme\u200d.example"} {
			refused(t, typed, address.BadRune)
		}
	})

	t.Run("A-161 plus signs and dots are kept", func(t *testing.T) {
		seen := map[string]string{}
		for _, typed := range []string{"ann@acme.example", "a.nn@acme.example", "an.n@acme.example", "ann+x@acme.example", "ann+@acme.example"} {
			got := canonical(t, typed)
			if other, ok := seen[got]; ok {
				t.Errorf("%q and %q are both %q, want two addresses", typed, other, got)
			}
			seen[got] = typed
		}
	})

	t.Run("A-162 odd and oversized addresses are refused", func(t *testing.T) {
		for typed, want := range map[string]address.Cause{
			"":                                      address.Empty,
			strings.Repeat("a", 10<<10):             address.TooLong,
			strings.Repeat(" ", 10<<10):             address.TooLong,
			strings.Repeat("a", 65) + "@b.c":        address.TooLong,
			strings.Repeat("é", 33) + "@b.c":        address.TooLong,
			"a@" + strings.Repeat("b", 64) + ".c":   address.TooLong,
			"a@" + strings.Repeat("b.", 126) + "cc": address.TooLong,
			"ann":                                   address.NoAt,
			"@acme.example":                         address.BadLocal,
			"ann@":                                  address.BadDomain,
			"ann@acme":                              address.BadDomain,
			"ann@.acme.example":                     address.BadDomain,
			"ann@acme..example":                     address.BadDomain,
			"ann@acme.example.":                     address.BadDomain,
			".ann@acme.example":                     address.BadLocal,
			"ann.@acme.example":                     address.BadLocal,
			"a..n@acme.example":                     address.BadLocal,
			`"ann"@acme.example`:                    address.BadRune,
			`"a b"@acme.example`:                    address.BadRune,
			`"a@b"@acme.example`:                    address.ManyAt,
			`a\@b@acme.example`:                     address.ManyAt,
			"ann(work)@acme.example":                address.BadRune,
			"ann@(work)acme.example":                address.BadRune,
			"ann@[192.0.2.1]":                       address.BadRune,
			"ann@[IPv6:2001:db8::1]":                address.BadRune,
			"ann@192.0.2.1":                         address.BadDomain,
			"ann@0x7f.0x1":                          address.BadDomain,
			"ann@acme_corp.example":                 address.BadRune,
			"ann@acme.example,bob@b.example":        address.ManyAt,
			"ann@acme.example bob":                  address.BadRune,
			"Ann <ann@acme.example>":                address.BadRune,
			"<ann@acme.example>":                    address.BadRune,
			"mailto:ann@acme.example":               address.BadRune,
			"an\x00n@acme.example":                  address.BadRune,
			"ann\r\nBcc: b@acme.example":            address.BadRune,
			"ann\u202ee@acme.example":               address.BadRune, // right-to-left override
			"an\u200bn@acme.example":                address.BadRune, // zero-width space
			"an\u2060n@acme.example":                address.BadRune, // word joiner
			"an\u00adn@acme.example":                address.BadRune, // soft hyphen
			"\ufeffann@acme.example":                address.BadRune, // byte order mark
			"an\u3164n@acme.example":                address.BadRune, // a letter that is a blank
			"an\u115fn@acme.example":                address.BadRune, // another
			"an\u034fn@acme.example":                address.BadRune, // a mark that nobody sees
			"an\ufe0fn@acme.example":                address.BadRune, // variation selector
			"an\U000e0041n@acme.example":            address.BadRune, // tag
			"\u0301ann@acme.example":                address.BadRune, // a mark on nothing
			"ann.\u0301@acme.example":               address.BadRune, // a mark on a dot
			"an\u20ddn@acme.example":                address.BadRune, // a mark around the letter
			"an\u2024n@acme.example":                address.BadRune, // one dot leader
			"an☃n@acme.example":                     address.BadRune,
			"an\xffn@acme.example":                  address.BadRune,
			"ann\uff20acme.example":                 address.NoAt,
		} {
			refused(t, typed, want)
		}
	})
}

// singleton tells a character that Unicode itself equates with another one: the ångström sign is the letter Å.
func singleton(r rune) bool { return !norm.NFC.IsNormalString(string(r)) }

func TestErrors(t *testing.T) {
	_, err := address.Parse("hunter2")
	if !errors.Is(err, address.ErrInvalid) {
		t.Errorf("errors.Is(%v, ErrInvalid) = false, want true", err)
	}
	var cause address.Cause
	if !errors.As(err, &cause) || cause != address.NoAt {
		t.Errorf("cause = %q, want %q", cause, address.NoAt)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %q repeats what was typed", err)
	}
}

func TestParseDomain(t *testing.T) {
	for typed, want := range map[string]string{
		" Acme.Example\t": "acme.example",
		"bücher.example":  "xn--bcher-kva.example",
	} {
		if got, err := address.ParseDomain(typed); got != want || err != nil {
			t.Errorf("ParseDomain(%q) = %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"", "acme", "@acme.example", "ann@acme.example", "https://acme.example", "acme.example/x", "acme.example:80", "*.acme.example"} {
		if got, err := address.ParseDomain(typed); err == nil {
			t.Errorf("ParseDomain(%q) = %q, want it refused", typed, got)
		}
	}
	if got, err := address.Domain("Ann@Acme.Example"); got != "acme.example" || err != nil {
		t.Errorf("Domain = %q, %v; want acme.example", got, err)
	}
}

func TestMask(t *testing.T) {
	for typed, want := range map[string]string{
		" Ann@Acme.example":     "a…@acme.example",
		"a@acme.example":        "a…@acme.example",
		"q\u0307x@acme.example": "q\u0307…@acme.example",
		"用户@例子.中国":              "用…@xn--fsqu00a.xn--fiqs8s",
		"not an address":        "",
	} {
		if got := address.Mask(typed); got != want {
			t.Errorf("Mask(%q) = %q, want %q", typed, got, want)
		}
	}
}

func ExampleParse() {
	a, err := address.Parse("  Ann@Bücher.Example ")
	fmt.Println(a.Canonical, err)
	_, err = address.Parse("Ann <ann@acme.example>")
	fmt.Println(err, errors.Is(err, address.ErrInvalid))
	// Output:
	// ann@xn--bcher-kva.example <nil>
	// address: bad_rune true
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"ann@acme.example", " Ann@Bücher.Example\u00a0", "k\u0130r@xn--bcher-kva.example", "I\u0307@b.c", "q\u0323\u0307@שלום.example", "ΑΣ@ΝΙΚΟΣ.gr", "a@xn--a.b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		a, err := address.Parse(typed)
		if err != nil {
			if !errors.Is(err, address.ErrInvalid) || a != (address.Address{}) {
				t.Errorf("Parse(%q) = %+v, %v; want nothing and ErrInvalid", typed, a, err)
			}
			return
		}
		again, err := address.Parse(a.Canonical)
		if err != nil || again.Canonical != a.Canonical {
			t.Errorf("Parse(%q).Canonical = %q, %v; want a fixed point", a.Canonical, again.Canonical, err)
		}
		if len(a.Canonical) > 254 || len(a.Local) > 64 || a.Canonical != a.Local+"@"+a.Domain {
			t.Errorf("Parse(%q) = %+v: too long, or not made of its parts", typed, a)
		}
		for _, r := range a.Typed {
			if unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == utf8.RuneError {
				t.Errorf("Parse(%q) took %U", typed, r)
			}
		}
		for _, r := range a.Domain {
			if r >= utf8.RuneSelf || unicode.IsUpper(r) {
				t.Errorf("Parse(%q).Domain = %q, want lower-case ASCII", typed, a.Domain)
			}
		}
		if domain, err := address.ParseDomain(a.Domain); domain != a.Domain || err != nil {
			t.Errorf("ParseDomain(%q) = %q, %v; want the same", a.Domain, domain, err)
		}
		if address.Mask(typed) == "" {
			t.Errorf("Mask(%q) is empty, want a hint", typed)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, typed := range map[string]string{
		"ascii":   "Ann.Other@Acme.Example",
		"letters": "Renée@Bücher.Example",
		"10KB":    strings.Repeat("a", 10<<10),
		"worst":   strings.Repeat("é", 500) + "@b.example",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := address.Parse(typed)
				if got, want := err == nil, name == "ascii" || name == "letters"; got != want {
					b.Fatalf("Parse accepted: %v, want %v", got, want)
				}
			}
		})
	}
}
