package mail

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/address"
)

// Lengths of what others may have written.
const (
	maxIP      = 64
	maxBrowser = 80
	maxCompany = 80   // and the name of a product that somebody asks for
	maxItem    = 40   // the name of a social provider, as the host wrote it: headings have to hold it
	maxRead    = 1024 // bytes of a name that are looked at
)

// clean makes one line of at most n characters from a text that others wrote: without control characters, without the marks
// that turn the direction of writing, and without white space that shows as nothing.
func clean(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f' || unicode.IsControl(r)
	}), " ")
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n-1]) + "…"
	}
	return s
}

// plainIP is an address from a letter as it is shown; empty for what is none.
func plainIP(s string) string {
	addr, err := netip.ParseAddr(s[:min(len(s), maxIP)])
	if err != nil {
		return ""
	}
	return addr.Unmap().WithZone("").String()
}

// plainBrowser is the name of a browser as it is shown. It was told by whoever signs in: one that a mail program could take for
// an address to click on is left out, and so is one that has more digits in a row than a version has.
func plainBrowser(s string) string {
	s = clean(s, maxBrowser)
	digits := 0
	for i, r := range s {
		switch {
		case unicode.IsDigit(r):
			if digits++; digits > 4 {
				return ""
			}
			continue
		case r == '.' && (i+1 >= len(s) || s[i+1] < '0' || s[i+1] > '9'):
			return ""
		case !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(" .-_()/,;+…", r):
			return ""
		}
		digits = 0
	}
	return s
}

// plainName is the name of a company or product as it is shown. Whoever founds a company chooses its name, and invites whom they
// like: what a mail program could take for an address to click on or a number to call is broken up or left out, and so is what
// nobody sees. Empty: there is no name that can be shown.
func plainName(s string) string {
	s = clean(s[:min(len(s), maxRead)], maxCompany)
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, s)
	if strings.Contains(s, "//") || strings.Contains(s, `\`) || manyDigits(s) || !strings.ContainsFunc(s, isWord) {
		return ""
	}
	return clean(unlinked(s), maxCompany)
}

// manyDigits tells a text with more digits than a name has, with no letter between them: a telephone number, a date, or a code.
func manyDigits(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			digits = 0
		case unicode.IsDigit(r):
			if digits++; digits > 4 {
				return true
			}
		}
	}
	return false
}

// plainAddress is the e-mail address of somebody else as it is shown: in its canonical form, broken up. Empty for what is none.
func plainAddress(s string) string {
	a, err := address.Parse(s)
	if err != nil {
		return ""
	}
	return unlinked(a.Canonical)
}

// Marks that hold an address together, each with those that are taken for it somewhere.
const (
	dots   = ".。．｡․﹒"
	colons = ":：﹕"
	ats    = "@＠﹫"
)

// unlinked breaks up what a mail program could make a link of: a space follows every dot and colon that does not end a word, and
// stands on both sides of an at sign. Initials stay together, because no top-level domain has one letter. Nothing that is not seen
// is put in, as some do to the same end: filters take it for a disguise.
func unlinked(s string) string {
	in := []rune(s)
	var b strings.Builder
	for i, r := range in {
		at := strings.ContainsRune(ats, r)
		if at {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		if at || strings.ContainsRune(dots+colons, r) && !endsWord(in, i) && !initials(in, i) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// endsWord tells whether no word goes on behind in[i].
func endsWord(in []rune, i int) bool { return i+1 == len(in) || strings.ContainsRune(" ,;)", in[i+1]) }

// initials tells whether in[i] stands between two letters that stand alone: "S.A.", "J.P. Morgan". Scripts without capitals have
// words of one letter, and may have domains of one.
func initials(in []rune, i int) bool {
	cased := func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) }
	return i > 0 && cased(in[i-1]) && (i == 1 || strings.ContainsRune(" .(", in[i-2])) &&
		i+1 < len(in) && cased(in[i+1]) && (i+2 == len(in) || strings.ContainsRune(" .,;)", in[i+2]))
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
