// Package locale holds the words of Sallyport in English, Spanish and French: one catalogue for pages and mails.
//
// Make a [Catalogue] with [New], once; find out what to speak with [Catalogue.Match]; take the words of that language with
// [Catalogue.Text] and ask them for the text of a key:
//
//	words := catalogue.Text(catalogue.Match(r.URL.Query().Get("lang"), r.Header.Get("Accept-Language")))
//	words.Get("button.continue_as", "name", "Ana")
//
// A text is a whole sentence or label, never a part of one: what varies stands in it as a named placeholder, {name}. A text that
// depends on a number has the plural forms of its language (one, other, …) and is asked for with [Text.Count].
//
// Keys are stable. The first word says whose they are: button, field, title (of a document, by page), reason (by auth.Reason),
// problem, reveal, capslock, footer, help, language; else the page: identify, onepage, password, account, ready, stop (headings,
// by auth.Reason), switch, signedout, stepup, mailcode, appcode, recovery, enroll… (the dialogs of two-step set-up), codes, reset,
// newpassword, error. What belongs to several pages: progress, resend, copy, and rule, by password.Rule. It is mail in the words of
// mails: "mail." and the mail.Kind are followed by subject, heading, lead (what happened) and unasked (what to do if it was not the
// person), and what several kinds share stands under "mail." alone.
// Every auth.Reason has its text under "reason." and its code. Where a wait is known, "reason.too_many_attempts.minutes" and
// "….seconds" say it.
//
// The texts of mails lie in a folder of their own here, mail/en.json beside en.json, and are the same catalogue: no key stands in both.
// A host changes texts, or adds a language, by handing New a folder of files: en.json there may have keys of pages and of mails.
//
// The package formats no dates and does not escape HTML: texts are plain.
package locale

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed en.json es.json fr.json mail/en.json mail/es.json mail/fr.json
var embedded embed.FS

// english is what a language must have the keys of, and what is spoken if nothing else fits.
const english = "en"

// A Catalogue is the words of all languages. It does not change and is safe for concurrent use.
type Catalogue struct {
	languages []*words // en, es, fr, and the host's in the order of their tags
	matcher   language.Matcher
}

// A Language is one that there are words for.
type Language struct {
	Tag  string // BCP 47: "es"
	Name string // in the language itself: "Español"
}

// New reads the texts. A file of the overlay has the name of one of ours and replaces the keys it has: {"button.next": "Go on"}
// in en.json. A file with another tag for its name, such as de.json, adds a language and must have every key that English has.
// A nil overlay means ours alone.
//
// What cannot be right is refused, naming file and key: a key that does not exist, an empty text, a placeholder that is not filled
// in, a missing plural form, and a file that is not JSON or is not named by a tag.
func New(overlay fs.FS) (*Catalogue, error) {
	base, err := own(english, nil)
	if err != nil {
		return nil, err
	}
	languages := []*words{base}
	for _, tag := range []string{"es", "fr"} {
		w, err := own(tag, base)
		if err != nil {
			return nil, err
		}
		languages = append(languages, w)
	}
	if languages, err = overlaid(languages, base, overlay); err != nil {
		return nil, err
	}
	tags := make([]language.Tag, len(languages))
	for i, w := range languages {
		for _, key := range slices.Sorted(maps.Keys(base.messages)) {
			if _, ok := w.messages[key]; !ok {
				return nil, fmt.Errorf("locale: %s.json lacks %q", w.name, key)
			}
		}
		tags[i] = w.tag
	}
	return &Catalogue{languages: languages, matcher: language.NewMatcher(tags)}, nil
}

// own reads the two files of one of our languages: the texts of pages and those of mails.
func own(tag string, base *words) (*words, error) {
	mails, err := fs.Sub(embedded, "mail")
	if err != nil {
		return nil, fmt.Errorf("locale: reading the texts of mails: %w", err)
	}
	w, err := load(embedded, tag+".json", base)
	if err != nil {
		return nil, err
	}
	more, err := load(mails, tag+".json", base)
	if err != nil {
		return nil, err
	}
	for key, m := range more.messages {
		if _, twice := w.messages[key]; twice {
			return nil, fmt.Errorf("locale: %q stands in %s.json and in mail/%s.json", key, tag, tag)
		}
		w.messages[key] = m
	}
	return w, nil
}

// overlaid is the languages with the host's words in them. What a language reads is checked against base, which is ours as it came.
func overlaid(languages []*words, base *words, overlay fs.FS) ([]*words, error) {
	if overlay == nil {
		return languages, nil
	}
	names, err := fs.Glob(overlay, "*.json")
	if err != nil {
		return nil, fmt.Errorf("locale: reading the overlay: %w", err)
	}
	for _, name := range names {
		w, err := load(overlay, name, base)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(languages, func(l *words) bool { return l.name == w.name })
		if i < 0 {
			languages = append(languages, w)
			continue
		}
		merged := maps.Clone(languages[i].messages)
		maps.Copy(merged, w.messages)
		w.messages = merged
		languages[i] = w
	}
	return languages, nil
}

// load reads one file. Without a base the file is the base.
func load(from fs.FS, name string, base *words) (*words, error) {
	tag, err := language.Parse(strings.TrimSuffix(name, ".json"))
	if err != nil || tag.String()+".json" != name {
		return nil, fmt.Errorf("locale: %s is not named by a language tag, as es.json or pt-BR.json", name)
	}
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, fmt.Errorf("locale: reading %s: %w", name, err)
	}
	w := &words{tag: tag, name: tag.String()}
	if err := json.Unmarshal(data, &w.messages); err != nil {
		return nil, fmt.Errorf("locale: reading %s: %w", name, err)
	}
	needed := pluralForms(tag)
	for _, key := range slices.Sorted(maps.Keys(w.messages)) {
		m := w.messages[key]
		err := m.check(needed)
		if err == nil && base != nil {
			err = m.fits(base.messages, key)
		}
		if err != nil {
			return nil, fmt.Errorf("locale: %s: %q %w", name, key, err)
		}
	}
	return w, nil
}

// fits tells whether the message can stand where English has base[key].
func (m message) fits(base map[string]message, key string) error {
	model, ok := base[key]
	switch {
	case !ok:
		return errors.New("is a key that does not exist")
	case (model.forms == nil) != (m.forms == nil):
		return errors.New("has plural forms where English has none, or the other way round")
	}
	known := model.placeholders()
	for _, p := range m.placeholders() {
		if !slices.Contains(known, p) {
			return fmt.Errorf("has the placeholder {%s}, which is not filled in here", p)
		}
	}
	return nil
}

// Text is the words for a tag: of exactly that language, else of the one it is a variety of ("es-MX" of "es"), else English.
func (c *Catalogue) Text(tag string) Text {
	tag = strings.ReplaceAll(tag[:min(len(tag), maxCandidate)], "_", "-")
	for tag != "" {
		for _, w := range c.languages {
			if strings.EqualFold(w.name, tag) {
				return Text{w}
			}
		}
		tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
	}
	return Text{c.languages[0]}
}

// maxCandidate is as much of a candidate as is read. Browsers send less; only somebody who wants to keep us busy sends more.
const maxCandidate = 256

// Match finds the language to speak. Candidates come best first; each is a tag or the value of an Accept-Language header, and
// empty, unreadable or unknown ones count for nothing. With none left it answers "en".
func (c *Catalogue) Match(candidates ...string) string {
	for _, candidate := range candidates {
		if len(candidate) > maxCandidate {
			candidate = candidate[:maxCandidate]
			candidate = candidate[:max(0, strings.LastIndexByte(candidate, ','))]
		}
		tags, _, err := language.ParseAcceptLanguage(candidate)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := c.matcher.Match(tags...); confidence > language.No {
			return c.languages[i].name
		}
	}
	return english
}

// Languages are those there are words for: English, Spanish, French, then the host's by their tags.
func (c *Catalogue) Languages() []Language {
	list := make([]Language, len(c.languages))
	for i, w := range c.languages {
		list[i] = Language{Tag: w.name, Name: w.messages["language.name"].text}
	}
	return list
}
