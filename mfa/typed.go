package mfa

import (
	"strings"
	"unicode"
)

const codeLen = 6 // digits of an app's code and of a mailed one

// A Shape says what is right or wrong with the form of a code, for the words that a page has for it.
type Shape int

const (
	ShapeSix       Shape = iota // six digits: it can be a code
	ShapeTooFew                 // digits, but fewer than six; also nothing at all
	ShapeTooMany                // digits, but more than six
	ShapeNotDigits              // something that is no digit, space or hyphen
)

// CodeShape tells the form of what somebody typed into the field of a code. It is not ShapeSix exactly where CleanCode is false.
func CodeShape(typed string) Shape {
	_, shape := digits(typed)
	return shape
}

// CleanCode is the digits of a code as somebody typed or pasted it: without spaces, hyphens and what cannot be seen, digits of
// every script as ASCII. False: it is not six digits.
func CleanCode(typed string) (string, bool) {
	code, shape := digits(typed)
	return code, shape == ShapeSix
}

// digits answers a code only with ShapeSix.
func digits(typed string) (string, Shape) {
	var code [codeLen]byte
	n := 0
	for _, r := range typed {
		if skipped(r) {
			continue
		}
		d, ok := digit(r)
		if !ok {
			return "", ShapeNotDigits
		}
		if n < codeLen {
			code[n] = '0' + d
		}
		n++
	}
	switch {
	case n < codeLen:
		return "", ShapeTooFew
	case n > codeLen:
		return "", ShapeTooMany
	}
	return string(code[:]), ShapeSix
}

// skipped tells what means nothing in a code: spaces, dashes (the minus sign is one to whoever types it), and marks that cannot be
// seen, which come along when something is copied from a page or a letter.
func skipped(r rune) bool {
	return r == '-' || r == ' ' || r == '\u2212' || unicode.In(r, unicode.White_Space, unicode.Pd, unicode.Cf)
}

// digit is the value of a decimal digit. Unicode gives the ten digits of a script ten numbers in a row, from zero up.
func digit(r rune) (byte, bool) {
	if '0' <= r && r <= '9' {
		return byte(r - '0'), true
	}
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	return 0, false
}

// number is the value of a clean code.
func number(code string) (n uint32) {
	for i := range len(code) {
		n = n*10 + uint32(code[i]-'0')
	}
	return n
}

// Letters and digits of a recovery code: none that another one looks like, and no u, so that no word comes out.
const recoveryAlphabet = "23456789abcdefghjkmnpqrstvwxyz"

const recoveryLen = 10

// CleanRecovery is a recovery code as it was made, without the hyphen. False: it cannot be one.
func CleanRecovery(typed string) (string, bool) {
	var code [recoveryLen]byte
	n := 0
	for _, r := range typed {
		if skipped(r) {
			continue
		}
		c, ok := recoverySign(r)
		if !ok || n == recoveryLen {
			return "", false
		}
		code[n] = c
		n++
	}
	return string(code[:]), n == recoveryLen
}

// recoverySign is the one of the alphabet that somebody means: in any case, full-width letters and digits of every script too.
func recoverySign(r rune) (byte, bool) {
	if '\uff01' <= r && r <= '\uff5e' {
		r -= '\uff01' - '!'
	}
	if d, ok := digit(r); ok {
		r = rune('0' + d)
	}
	r = unicode.ToLower(r)
	return byte(r), r < unicode.MaxASCII && strings.IndexByte(recoveryAlphabet, byte(r)) >= 0
}
