package password

import (
	_ "embed"
	"strings"
	"unicode"
)

// commonText has one password a line, in lower case, sorted by bytes; common.LICENSE says where it is from. It is searched as it
// lies: no table is built, so a program that never sets a password pays nothing but the bytes.
//
//go:embed common.txt
var commonText string

const (
	shortestWord = 4  // the shortest entry that counts
	longestWord  = 32 // longer than every entry
	freeDigits   = 6  // so many digits around a word change nothing: a date, or a year and a bit
)

// listed tells whether the list has exactly this word.
func listed(word string) bool {
	low, high := 0, len(commonText)
	for low < high { // both are starts of lines
		middle := (low + high) / 2
		start := low + strings.LastIndexByte(commonText[low:middle], '\n') + 1
		end := start + strings.IndexByte(commonText[start:], '\n')
		switch strings.Compare(word, commonText[start:end]) {
		case 0:
			return true
		case -1:
			high = start
		default:
			low = end + 1
		}
	}
	return false
}

// common tells whether a password is what Common says.
func common(password string) bool {
	word := []rune(strings.ToLower(password))
	if len(word) < shortestWord {
		return false // too short for any policy, and told so
	}
	word = word[:period(word)]
	if len(word) < shortestWord || straight(word) {
		return true
	}
	if len(word) > longestWord+2*freeDigits {
		return false
	}
	// The word may stand in decoration, and end or begin with some of the same characters itself: trustno1 in "trustno1!".
	for start := range word {
		for end := len(word); end-start >= shortestWord; end-- {
			if free(word[:start], word[end:]) && listedLike(word[start:end]) {
				return true
			}
			if unicode.IsLetter(word[end-1]) {
				break
			}
		}
		if unicode.IsLetter(word[start]) {
			break
		}
	}
	return false
}

// period is the length of the shortest piece that gives the word when repeated, the last time perhaps not to its end. A word that
// does not repeat is its own.
func period(word []rune) int {
	for p := 1; p <= len(word)/2; p++ {
		i := p
		for i < len(word) && word[i] == word[i-p] {
			i++
		}
		if i == len(word) {
			return p
		}
	}
	return len(word)
}

// straight tells a run: each character follows the one before, upward, downward or by staying. 0 is beside 9.
func straight(word []rune) bool {
	for i := 1; i < len(word); i++ {
		step := stepBetween(word[i-1], word[i])
		if step < -1 || step > 1 || step != stepBetween(word[0], word[1]) {
			return false
		}
	}
	return len(word) > 1
}

func stepBetween(a, b rune) rune {
	switch {
	case a == '9' && b == '0':
		return 1
	case a == '0' && b == '9':
		return -1
	}
	return b - a
}

// free tells whether what stands before and after a word makes it no harder to guess.
func free(before, after []rune) bool {
	costly := 0
	for _, side := range [][]rune{before, after} {
		digits := digitsOf(side)
		if !straight([]rune(digits)) && !listed(digits) {
			costly += len(digits)
		}
	}
	return costly <= freeDigits
}

func digitsOf(text []rune) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, string(text))
}

// listedLike tells whether the list has the word, or the word that its digits and signs stand for.
func listedLike(word []rune) bool {
	if len(word) > longestWord {
		return false
	}
	text := string(word)
	if listed(text) {
		return true
	}
	for _, one := range []rune{'i', 'l'} {
		read := strings.Map(func(r rune) rune { return letterFor(r, one) }, text)
		if read != text && listed(read) {
			return true
		}
	}
	return false
}

// letterFor is the letter that a digit or sign stands for in "p4$$w0rd". one is what 1 stands for.
func letterFor(r, one rune) rune {
	switch r {
	case '0':
		return 'o'
	case '1', '!', '|':
		return one
	case '3':
		return 'e'
	case '4', '@':
		return 'a'
	case '5', '$':
		return 's'
	case '7':
		return 't'
	}
	return r
}
