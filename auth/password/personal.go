package password

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	shortestOwn = 3 // characters of a personal word that counts
	enoughElse  = 8 // so many characters beside personal words make a password of their own
)

// personal tells whether a password is what Personal says.
func personal(password string, about About) bool {
	typed := []rune(lower(password))
	words := about.words()
	return madeOf(typed, words, 'i') || madeOf(typed, words, 'l')
}

func madeOf(typed []rune, words []string, one rune) bool {
	own := make([]bool, len(typed)) // the characters that belong to a personal word
	for _, w := range words {
		word := []rune(w)
		for i := 0; i+len(word) <= len(typed); i++ {
			if sameWord(typed[i:i+len(word)], word, one) {
				for k := range word {
					own[i+k] = true
				}
			}
		}
	}
	var rest []rune
	letters := false
	for i, r := range typed {
		if !own[i] {
			rest = append(rest, r)
			letters = letters || unicode.IsLetter(r)
		}
	}
	covered := len(typed) - len(rest)
	switch {
	case covered == 0:
		return false
	case covered >= len(rest) && len(rest) < enoughElse:
		return true
	}
	return !letters && free(nil, rest)
}

func sameWord(typed, word []rune, one rune) bool {
	for i := range word {
		if letterFor(typed[i], one) != letterFor(word[i], one) {
			return false
		}
	}
	return true
}

// words are what an attacker who knows the person would try, in lower case, each as a whole and in its parts.
func (a About) words() []string {
	email := lower(a.Email)
	local, domain, _ := strings.Cut(email, "@")
	words := []string{email, domain}
	if top := strings.LastIndexByte(domain, '.'); top >= 0 {
		domain = domain[:top] // "com" by itself is nobody's
	}
	for _, text := range append([]string{local, domain, a.Name}, a.Words...) {
		text = lower(text)
		parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		words = append(words, parts...)
		words = append(words, strings.Join(parts, ""))
		words = append(words, strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })...)
	}
	slices.Sort(words)
	words = slices.Compact(words)
	return slices.DeleteFunc(words, func(w string) bool { return utf8.RuneCountInString(w) < shortestOwn })
}

// lower is in NFC before and after: lower case can take composed letters apart.
func lower(text string) string { return norm.NFC.String(strings.ToLower(norm.NFC.String(text))) }
