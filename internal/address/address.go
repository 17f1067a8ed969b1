// Package address reads e-mail addresses. It is the only parser of them in this module, so that an address has one
// spelling wherever it is looked up, counted, compared or written to.
//
// Call [Parse] with what somebody typed and use Canonical from then on: it is what users are looked up by and what guesses
// are counted under. Compare canonical addresses byte by byte; a database column needs a binary collation, because one that
// ignores accents or case would make different people equal. [ParseDomain] does the same for a domain alone, [Mask] makes a hint.
//
// The grammar is narrower than RFC 5321 and RFC 6531, on purpose:
//
//	address = local "@" domain       after trimming white space; at most 254 bytes in canonical form
//	local   = atom *("." atom)       at most 64 bytes
//	atom    = 1*( ASCII letter, digit or one of !#$%&'*+-/=?^_`{|}~  |  letter, mark or decimal digit beyond ASCII )
//	domain  = label 1*("." label)    letters, marks, digits and hyphens; valid for registration under IDNA 2008;
//	                                 the last label begins with a letter
//
// There are no quoted parts, no comments, no IP literals, no display names and no lists. A character beyond ASCII is refused
// if it is invisible, if it has a compatibility form (full width, ligature), or if changing its case leads into ASCII (dotless i,
// dotted capital I, long s, the Kelvin sign): so folding never turns one person's address into another's. Other look-alikes,
// such as Cyrillic letters, stay what they are: a different address. Plus signs and dots are kept: a+x@ and a@ are two addresses.
//
// The canonical form is NFC and lower case, with the domain in ASCII (A-labels). Local parts that differ only in case are one
// address: a mailbox provider that tells them apart is not supported.
//
// It does not ask whether the domain exists, or whether anybody reads the mail.
package address

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxTyped     = 1024 // bytes looked at: more than any spelling of an address that fits
	maxCanonical = 254  // RFC 5321 §4.5.3.1.3, less the angle brackets
	maxLocal     = 64   // RFC 5321 §4.5.3.1.1
	maxDomain    = 253  // RFC 1035 §2.3.4, without the dot of the root
	maxLabel     = 63   // RFC 1035 §2.3.4
)

// ErrInvalid is what every error of this package is: errors.Is(err, ErrInvalid).
var ErrInvalid = errors.New("address: invalid")

// A Cause is the error of Parse and ParseDomain: what is wrong, in one word for programs. It never repeats what was typed.
type Cause string

const (
	Empty     Cause = "empty"    // nothing but white space
	TooLong   Cause = "too_long" // beyond 254 bytes, 64 before the at sign, or 63 between two dots after it
	NoAt      Cause = "no_at"    // no at sign
	ManyAt    Cause = "many_at"  // more than one: a list, a quoted part or a slip
	BadRune   Cause = "bad_rune" // a character that no address may hold, or that is not UTF-8
	BadLocal  Cause = "local"    // before the at sign: empty, or a dot too many
	BadDomain Cause = "domain"   // after it: not a domain of at least two labels
	BadLabel  Cause = "idna"     // a label that is not valid for registration, or an A-label of one
)

func (c Cause) Error() string { return "address: " + string(c) }

// Is makes every Cause an ErrInvalid.
func (c Cause) Is(target error) bool { return target == ErrInvalid }

// An Address is an e-mail address that was read by Parse.
type Address struct {
	Typed     string // as it was typed, without the white space around it; for showing it back to whoever typed it
	Canonical string // Local, an at sign and Domain; what addresses are compared by
	Local     string // NFC, lower case
	Domain    string // ASCII, lower case
}

// Parse reads an address. Its error is a Cause. Parsing a canonical address gives the same one again.
func Parse(typed string) (Address, error) {
	typed, err := trim(typed)
	if err != nil {
		return Address{}, err
	}
	before, after, found := strings.Cut(typed, "@")
	switch {
	case !found:
		return Address{}, NoAt
	case strings.Contains(after, "@"):
		return Address{}, ManyAt
	}
	local, err := parseLocal(before)
	if err != nil {
		return Address{}, err
	}
	domain, err := parseDomain(after)
	if err != nil {
		return Address{}, err
	}
	a := Address{Typed: typed, Canonical: local + "@" + domain, Local: local, Domain: domain}
	if len(a.Canonical) > maxCanonical {
		return Address{}, TooLong
	}
	return a, nil
}

// ParseDomain reads a domain alone and answers its canonical form, as it stands in Address.Domain. Its error is a Cause.
func ParseDomain(typed string) (string, error) {
	typed, err := trim(typed)
	if err != nil {
		return "", err
	}
	return parseDomain(typed)
}

// Domain answers the canonical domain of an address.
func Domain(typed string) (string, error) {
	a, err := Parse(typed)
	return a.Domain, err
}

// Mask makes a hint of an address: "a…@acme.example". It is made of the argument alone, so give it what was typed: then it
// tells nobody what is stored. The answer is empty for what is not an address.
func Mask(typed string) string {
	a, err := Parse(typed)
	if err != nil {
		return ""
	}
	return firstLetter(a.Local) + "…@" + a.Domain
}

// firstLetter is the first character with the marks that belong to it.
func firstLetter(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !unicode.IsMark(r) {
			break
		}
		n += size
	}
	return s[:n]
}

// trim cuts white space off both ends. Length comes first: nothing is done for input that cannot be an address.
func trim(typed string) (string, error) {
	if len(typed) > maxTyped {
		return "", TooLong
	}
	typed = strings.TrimSpace(typed)
	switch {
	case typed == "":
		return "", Empty
	case !utf8.ValidString(typed):
		return "", BadRune
	}
	return typed, nil
}

func parseLocal(s string) (string, error) {
	local, err := fold(s, symbols)
	switch {
	case err != nil:
		return "", err
	case len(local) > maxLocal:
		return "", TooLong
	case local == "" || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "", BadLocal
	}
	return local, nil
}

func parseDomain(s string) (string, error) {
	folded, err := fold(s, "-")
	if err != nil {
		return "", err
	}
	labels := strings.Split(folded, ".")
	if len(labels) < 2 {
		return "", BadDomain
	}
	for i, label := range labels {
		switch {
		case label == "":
			return "", BadDomain
		case utf8.RuneCountInString(label) > maxLabel: // its A-label is longer still
			return "", TooLong
		}
		if labels[i], err = unicodeLabel(label); err != nil {
			return "", err
		}
	}
	// No top-level domain begins with a digit, but the last part of an IP address does.
	if first, _ := utf8.DecodeRuneInString(labels[len(labels)-1]); !unicode.IsLetter(first) {
		return "", BadDomain
	}
	// All labels at once: what a label may hold depends on whether another one is written from right to left (RFC 5893).
	domain, err := idna.Registration.ToASCII(strings.Join(labels, "."))
	switch {
	case err != nil && len(domain) > maxDomain:
		return "", TooLong
	case err != nil:
		return "", BadLabel
	}
	return domain, nil
}

// unicodeLabel decodes an A-label, and gives back any other label as it is. What it decodes to must be a label that could have
// been typed in letters, else a refused letter would come in encoded. The caller encodes all labels anew, so one name has one form.
func unicodeLabel(label string) (string, error) {
	const prefix = "xn--"
	if !strings.HasPrefix(label, prefix) {
		return label, nil
	}
	name, err := idna.Registration.ToUnicode(label)
	if err != nil {
		return "", BadLabel
	}
	if folded, err := fold(name, "-"); err != nil || folded != name {
		return "", BadLabel
	}
	return name, nil
}

// symbols are the ASCII characters beside letters, digits and dots that may stand in a local part (RFC 5322 §3.2.3, atext).
const symbols = "!#$%&'*+-/=?^_`{|}~"

// fold answers s in NFC and lower case. It refuses every character that is neither a letter, a mark on one, a digit, a dot nor
// one of the extra ASCII characters, before and after normalizing: an I and a combining dot are each harmless and together
// the dotted capital I, whose lower case is an ASCII i.
func fold(s, extra string) (string, error) {
	if err := check(s, extra); err != nil {
		return "", err
	}
	if isASCII(s) {
		return strings.ToLower(s), nil
	}
	s = norm.NFC.String(s)
	if err := check(s, extra); err != nil {
		return "", err
	}
	s = norm.NFC.String(strings.Map(unicode.ToLower, s))
	return s, check(s, extra)
}

func check(s, extra string) error {
	markable := false // whether a combining mark may follow
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf:
			markable = isAlphanumeric(r)
			if !markable && r != '.' && strings.IndexByte(extra, byte(r)) < 0 {
				return BadRune
			}
		case unicode.IsMark(r) && !markable, !allowed(r, s[i:i+utf8.RuneLen(r)]):
			return BadRune
		default:
			markable = true
		}
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// allowed tells whether a character beyond ASCII may stand in an address. It is close to the IdentifierClass of PRECIS (RFC 8264 §4.2).
// It is given twice, as a number and as the text it came from.
func allowed(r rune, text string) bool {
	switch {
	case !unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd):
		return false
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector): // letters and marks that nobody sees
		return false
	case !norm.NFKC.IsNormalString(text) && norm.NFC.IsNormalString(text): // full width, ligatures, small raised letters
		return false
	}
	return !foldsIntoASCII(r)
}

// foldsIntoASCII tells whether some change of case makes an ASCII letter of r.
func foldsIntoASCII(r rune) bool {
	if unicode.ToLower(r) < utf8.RuneSelf || unicode.ToUpper(r) < utf8.RuneSelf {
		return true
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f < utf8.RuneSelf {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
