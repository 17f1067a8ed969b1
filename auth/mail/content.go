package mail

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport-auth/sallyport/auth/locale"
)

// A Content is what the templates of a letter are given. All words are in the person's language, and plain: letter.html is an
// html/template and escapes them.
type Content struct {
	Kind      Kind
	Lang      string // for the attribute lang
	Dir       string // for the attribute dir
	Product   string
	Subject   string
	Heading   string
	Lead      string   // what happened, or what is asked of the person
	Code      string   // empty: none
	CodeLabel string   // stands at the code
	CodeLine  string   // both in one line
	Button    Button   // what to do; the zero Button: none
	Notes     []string // what else there is to know: how long a code is valid, how many are left
	Facts     []Fact   // for whom, when, from where
	Unasked   Unasked  // what to do if it was not the person
	Why       string   // why this mail comes
	Links     []Button // help, support; in the footer
}

// A Button leads somewhere.
type Button struct {
	Label string
	URL   string // empty: there is no button
	Bare  string // says that the address can be copied too
}

// A Fact is a line of a table.
type Fact struct {
	Label string
	Value string
	Line  string // both in one line
}

// Unasked says what to do if it was not the person.
type Unasked struct {
	Heading string
	Text    string
	Button  Button // the zero Button: none
}

// Lengths of what others may have written.
const (
	maxIP      = 64
	maxBrowser = 80
)

// content is the letter in words. to is its address.
func (l *Letters) content(letter Letter, to string) Content {
	words := l.words.Text(l.words.Match(letter.Lang))
	say := func(part string) string {
		return words.Get("mail."+string(letter.Kind)+"."+part, "product", l.cfg.Product)
	}
	c := Content{
		Kind: letter.Kind, Lang: words.Tag(), Dir: words.Dir(), Product: l.cfg.Product,
		Subject: say("subject"), Heading: say("heading"), Lead: say("lead"),
		Facts: l.facts(words, letter, to), Notes: l.notes(words, letter),
		Unasked: Unasked{Heading: words.Get("mail.unasked"), Text: say("unasked")},
		Why:     words.Get("mail.why", "product", l.cfg.Product), Links: l.links(words),
	}
	if letter.Kind.hasCode() {
		c.Code = letter.Code
		c.CodeLabel, c.CodeLine = words.Get("mail.code.label"), words.Get("mail.code.line", "code", letter.Code)
	}
	l.place(&c, words, letter)
	return c
}

// place puts the button where it belongs, which the kind decides.
func (l *Letters) place(c *Content, words locale.Text, letter Letter) {
	password := Button{Label: words.Get("mail.button.password"), URL: letter.Link, Bare: words.Get("mail.button.bare")}
	devices := Button{Label: words.Get("mail.button.devices"), URL: letter.Link, Bare: password.Bare}
	if devices.URL == "" {
		devices.URL = l.cfg.Security
	}
	switch letter.Kind {
	case VerifyLogin, EnrollEmail: // a letter with a code leads nowhere: what it leads to is open already
	case Reset, Locked:
		c.Button = password
	case PasswordChanged, DeviceReported: // whoever must read on here may not get to a page that asks for the password
		c.Unasked.Button = password
	default:
		c.Unasked.Button = devices
	}
	if letter.Kind == TwoStepReset || letter.Kind == Reset { // somebody else did the one, and may have asked for the other
		c.Unasked.Heading = words.Get("mail.unexpected")
	}
}

// notes are the sentences that not every letter of a kind has.
func (l *Letters) notes(words locale.Text, letter Letter) (notes []string) {
	if !letter.When.IsZero() && letter.ExpiresAt.After(letter.When) {
		minutes := max(1, int(letter.ExpiresAt.Sub(letter.When).Round(time.Minute)/time.Minute))
		switch {
		case letter.Kind.hasCode():
			notes = append(notes, words.Count("mail.code.valid", minutes))
		case letter.Kind == Reset:
			notes = append(notes, words.Count("mail.link.valid", minutes))
		}
	}
	switch {
	case letter.Kind == TwoStepAsked && !letter.Until.IsZero():
		notes = append(notes, words.Get("mail.two_step_asked.until", "until", l.timeText(words, letter.Until)))
	case letter.Kind == RecoveryUsed && letter.Left > 0:
		notes = append(notes, words.Count("mail.recovery_used.left", letter.Left))
	case letter.Kind == RecoveryUsed:
		notes = append(notes, words.Get("mail.recovery_used.none"))
	}
	return notes
}

// facts are the lines of the table. What is unknown is left out.
func (l *Letters) facts(words locale.Text, letter Letter, to string) (facts []Fact) {
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, Fact{Label: label, Value: value, Line: words.Get("mail.fact.line", "label", label, "value", value)})
		}
	}
	add(words.Get("mail.fact.account"), to)
	add(words.Get("mail.fact.when"), l.timeText(words, letter.When))
	add(words.Get("mail.fact.ip"), plainIP(letter.IP))
	add(words.Get("mail.fact.browser"), plainBrowser(letter.Browser))
	if letter.Kind.hasCode() || letter.Kind == Reset {
		add(words.Get("mail.fact.until"), l.timeText(words, letter.ExpiresAt))
	}
	return facts
}

func (l *Letters) links(words locale.Text) (links []Button) {
	if l.cfg.Help != "" {
		links = append(links, Button{Label: words.Get("footer.help"), URL: l.cfg.Help})
	}
	if l.cfg.Support != "" {
		links = append(links, Button{Label: words.Get("footer.support"), URL: l.cfg.Support})
	}
	return links
}

// timeText is a time that nobody can misread: the month in words, the clock of 24 hours, the zone by its distance from UTC,
// because abbreviations such as CST mean several. Empty for the zero time.
func (l *Letters) timeText(words locale.Text, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(l.cfg.Zone)
	day, zone := strconv.Itoa(t.Day()), "UTC"
	if t.Day() == 1 {
		day = words.Get("mail.day.first")
	}
	if _, offset := t.Zone(); offset != 0 {
		zone += t.Format("-07:00")
	}
	return words.Get("mail.time", "day", day, "month", words.Get("mail.month."+strconv.Itoa(int(t.Month()))),
		"year", fmt.Sprintf("%04d", t.Year()), "clock", t.Format("15:04"), "zone", zone)
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
