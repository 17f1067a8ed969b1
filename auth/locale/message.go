package locale

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// A message is what stands under one key of one language.
type message struct {
	text  string            // of a message with plural forms: the form "other"
	forms map[string]string // by the names of the Unicode plural categories; nil: the message does not depend on a number
}

// UnmarshalJSON reads a text, or an object of plural forms.
func (m *message) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &m.text)
	}
	if err := json.Unmarshal(data, &m.forms); err != nil {
		return err
	}
	m.text = m.forms["other"]
	return nil
}

// check tells whether the message is whole by itself; needed are the plural forms that its language has.
func (m message) check(needed []string) error {
	if m.text == "" && m.forms == nil {
		return errors.New("is empty")
	}
	if m.forms == nil {
		return nil
	}
	for _, name := range needed {
		if m.forms[name] == "" {
			return fmt.Errorf("lacks the plural form %q", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.forms)) {
		switch {
		case !slices.Contains(categories(), name):
			return fmt.Errorf("has a plural form %q, which does not exist", name)
		case m.forms[name] == "":
			return fmt.Errorf("has an empty plural form %q", name)
		}
	}
	return nil
}

// form is the text for a number.
func (m message) form(tag language.Tag, n int) string {
	if text, ok := m.forms[category(tag, n)]; ok {
		return text
	}
	return m.text
}

// placeholders are the names in braces, in alphabetical order, each once.
func (m message) placeholders() []string {
	texts := append(slices.Collect(maps.Values(m.forms)), m.text)
	var names []string
	for _, rest := range texts {
		for {
			_, after, open := strings.Cut(rest, "{")
			name, next, closed := strings.Cut(after, "}")
			if !open || !closed {
				break
			}
			names = append(names, name)
			rest = next
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// categories are the plural categories of Unicode, as plural.Form counts them.
func categories() []string { return []string{"other", "zero", "one", "two", "few", "many"} }

// category is the plural category of a whole number.
func category(tag language.Tag, n int) string {
	if n < 0 {
		n = -max(n, -math.MaxInt) // the smallest int has no opposite
	}
	return categories()[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
}

// pluralForms are the categories that whole numbers of a language fall into. Millions have one of their own in some languages;
// no text needs it, and one that lacks it has "other".
func pluralForms(tag language.Tag) []string {
	names := []string{"other"}
	for n := range 200 { // the rules for smaller numbers look at the last two digits
		names = append(names, category(tag, n))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
