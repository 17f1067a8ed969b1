package locale

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// words is one language.
type words struct {
	tag      language.Tag
	name     string // the tag as text
	messages map[string]message
}

// Text is the words of one language. It does not change and is safe for concurrent use.
// The zero Text has no words; it answers every key by its name.
type Text struct {
	words *words
}

// Get is the text of a key. Pairs are the names and values of its placeholders: Get("title.help", "product", "Acme"). A value is
// put in as it is and never read for placeholders; a placeholder that no pair names stays visible.
//
// The answer is never empty: a key that does not exist answers its own name in brackets.
func (t Text) Get(key string, pairs ...string) string {
	m, ok := t.message(key)
	if !ok {
		return "[" + key + "]"
	}
	return fill(m.text, pairs)
}

// Count is the text of a key in the plural form that n asks for, with n in the place of {n}. Otherwise it is as Get.
func (t Text) Count(key string, n int, pairs ...string) string {
	m, ok := t.message(key)
	if !ok {
		return "[" + key + "]"
	}
	return fill(m.form(t.words.tag, n), append([]string{"n", strconv.Itoa(n)}, pairs...))
}

func (t Text) message(key string) (message, bool) {
	if t.words == nil {
		return message{}, false
	}
	m, ok := t.words.messages[key]
	return m, ok
}

// fill puts values in the place of placeholders, all in one pass.
func fill(text string, pairs []string) string {
	if len(pairs) < 2 || !strings.Contains(text, "{") {
		return text
	}
	var oldnew []string
	for pair := range slices.Chunk(pairs, 2) {
		if len(pair) == 2 {
			oldnew = append(oldnew, "{"+pair[0]+"}", pair[1])
		}
	}
	return strings.NewReplacer(oldnew...).Replace(text)
}

// Tag is the BCP 47 tag of the language, for the lang attribute. The zero Text has none.
func (t Text) Tag() string {
	if t.words == nil {
		return ""
	}
	return t.words.name
}

// Dir is the direction that the language is written in, for the dir attribute: "ltr" or "rtl".
func (t Text) Dir() string {
	if t.words == nil {
		return "ltr"
	}
	switch script, _ := t.words.tag.Script(); script.String() {
	case "Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Syrc", "Thaa":
		return "rtl"
	}
	return "ltr"
}
