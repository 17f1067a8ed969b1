package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth/locale"
)

// LettersConfig says how letters look.
type LettersConfig struct {
	Product   string         // the name of the product; required
	Security  string         // absolute address of the page with a person's devices and sessions; empty: letters link to none
	Help      string         // absolute address of the help page; empty: none
	Support   string         // https or mailto; empty: none
	Locales   fs.FS          // texts that replace ours; see locale.New; nil: none
	Templates fs.FS          // letter.html, letter.txt that replace ours, each given a Content; nil: none
	Zone      *time.Location // in which times are told; nil: UTC
}

// Letters makes mails. It does not change and is safe for concurrent use.
type Letters struct {
	cfg   LettersConfig
	words *locale.Catalogue
	text  *template.Template
	html  *htmltemplate.Template
}

//go:embed letter.txt letter.html
var embedded embed.FS

// maxProduct is as long as the name of a product may be: subjects and headings have to hold it.
const maxProduct = 64

// NewLetters reads texts and templates. Where some are the host's it writes every letter in every language once, so that a mistake
// is found here: ours are tried by the tests of this package.
func NewLetters(cfg LettersConfig) (*Letters, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	l := &Letters{cfg: cfg}
	var err error
	if l.words, err = locale.New(cfg.Locales); err != nil {
		return nil, fmt.Errorf("mail: LettersConfig.Locales: %w", err)
	}
	if err := l.readTemplates(); err != nil {
		return nil, fmt.Errorf("mail: LettersConfig.Templates: %w", err)
	}
	if cfg.Locales != nil || cfg.Templates != nil {
		if err := l.rehearse(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (c LettersConfig) check() error {
	switch {
	case c.Product == "":
		return errors.New("mail: LettersConfig.Product is required")
	case utf8.RuneCountInString(c.Product) > maxProduct || clean(c.Product, maxProduct) != c.Product:
		return fmt.Errorf("mail: LettersConfig.Product must be one line of at most %d characters", maxProduct)
	case c.Security != "" && !absolute(c.Security, "https", "http"):
		return errors.New("mail: LettersConfig.Security is not an absolute address")
	case c.Help != "" && !absolute(c.Help, "https", "http"):
		return errors.New("mail: LettersConfig.Help is not an absolute address")
	case c.Support != "" && !absolute(c.Support, "https", "mailto"):
		return errors.New("mail: LettersConfig.Support is neither an https nor a mailto address")
	}
	return nil
}

// readTemplates parses the two templates, the host's where there is one.
func (l *Letters) readTemplates() error {
	text, err := templateText(l.cfg.Templates, "letter.txt")
	if err != nil {
		return err
	}
	if l.text, err = template.New("letter.txt").Parse(text); err != nil {
		return err
	}
	if text, err = templateText(l.cfg.Templates, "letter.html"); err != nil {
		return err
	}
	l.html, err = htmltemplate.New("letter.html").Parse(text)
	return err
}

func templateText(overlay fs.FS, name string) (string, error) {
	if overlay != nil {
		data, err := fs.ReadFile(overlay, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(data), err
		}
	}
	data, err := embedded.ReadFile(name)
	return string(data), err
}

// rehearse writes every letter in every language, with all that can stand in it and with nothing but what it needs.
func (l *Letters) rehearse() error {
	when := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, language := range l.words.Languages() {
		for _, kind := range Kinds() {
			least := Letter{Kind: kind, To: "ana@example.com", Lang: language.Tag}
			if kind.hasCode() {
				least.Code = "482913"
			}
			if kind.hasLink() {
				least.Link = "https://example.com/reset?token=a&lang=b"
			}
			if kind.invites() || kind == SeatRequest {
				least.Company = "//" // no name that can be shown
			}
			if kind.social() {
				least.Item = "G"
			}
			if kind == EmailAsked || kind == EmailChanged {
				least.NewEmail = "ana@example.org"
			}
			all := least
			all.Link = "https://example.com/reset?token=a&lang=b"
			all.When, all.ExpiresAt, all.Until, all.Left = when, when.Add(10*time.Minute), when.Add(24*time.Hour), 3
			all.IP, all.Browser = "203.0.113.7", "Firefox, Linux"
			all.Company, all.Person, all.Item, all.NewEmail = "Acme", "bob@example.com", "Harbour Pro", "ana@example.org"
			for _, letter := range []Letter{least, all} {
				if err := l.try(letter); err != nil {
					return fmt.Errorf("mail: writing %s in %s: %w", kind, language.Tag, err)
				}
			}
		}
	}
	return nil
}

// try composes a letter and looks for what a template must not leave out.
func (l *Letters) try(letter Letter) error {
	m, err := l.Compose(letter, "rehearsal")
	if err != nil {
		return err
	}
	for name, body := range map[string]string{"letter.txt": m.Text, "letter.html": m.HTML} {
		switch {
		case strings.TrimSpace(body) == "":
			return fmt.Errorf("%s writes nothing", name)
		case !strings.Contains(body, m.Code):
			return fmt.Errorf("%s leaves out the code", name)
		case !strings.Contains(strings.ReplaceAll(body, "&amp;", "&"), m.Link):
			return fmt.Errorf("%s leaves out the address that the letter leads to", name)
		}
	}
	return nil
}

// render executes both templates.
func (l *Letters) render(c Content) (text, html string, err error) {
	var b bytes.Buffer
	b.Grow(8 << 10) // a letter
	if err := l.text.Execute(&b, c); err != nil {
		return "", "", fmt.Errorf("mail: writing letter.txt: %w", err)
	}
	text = b.String()
	b.Reset()
	if err := l.html.Execute(&b, c); err != nil {
		return "", "", fmt.Errorf("mail: writing letter.html: %w", err)
	}
	return text, b.String(), nil
}
