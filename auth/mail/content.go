package mail

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

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

// content is the letter in words. to is its address.
func (l *Letters) content(letter Letter, to string) Content {
	words := l.words.Text(l.words.Match(letter.Lang))
	item := "" // what the texts of a kind name. That of a social provider is the host's, and nothing that others wrote
	if letter.Kind.social() {
		item = clean(letter.Item, maxItem)
	}
	say := func(part string) string {
		return words.Get("mail."+string(letter.Kind)+"."+part, "product", l.cfg.Product, "item", item)
	}
	c := Content{
		Kind: letter.Kind, Lang: words.Tag(), Dir: words.Dir(), Product: l.cfg.Product,
		Subject: say("subject"), Heading: l.heading(words, letter, say("heading")), Lead: say("lead"),
		Facts: l.facts(words, letter, to), Notes: l.notes(words, letter),
		Unasked: Unasked{Heading: words.Get("mail.unasked"), Text: say("unasked")},
		Why:     l.why(words, letter.Kind), Links: l.links(words),
	}
	if letter.Kind.hasCode() {
		c.Code = letter.Code
		c.CodeLabel, c.CodeLine = words.Get("mail.code.label"), words.Get("mail.code.line", "code", letter.Code)
	}
	l.place(&c, words, letter)
	return c
}

// heading is the heading of a letter, which may name a company. Nothing else that others wrote stands outside the table, and none of
// it in a subject, in a label or beside a link: whoever chooses the name of a company does not get to write the letter.
func (l *Letters) heading(words locale.Text, letter Letter, plain string) string {
	switch company := plainName(letter.Company); {
	case company == "" || !letter.Kind.invites():
		return plain
	case letter.Kind == InviteExisting:
		return words.Get("mail.invite_existing.named", "name", company)
	default:
		return words.Get("mail.invite.named", "name", company, "product", l.cfg.Product)
	}
}

// why says why the mail comes. Not everybody who gets one has an account.
func (l *Letters) why(words locale.Text, kind Kind) string {
	switch {
	case kind.stranger():
		return words.Get("mail.why.stranger", "product", l.cfg.Product)
	case kind == SeatRequest, kind == BreakGlass:
		return words.Get("mail.why.admin", "product", l.cfg.Product)
	}
	return words.Get("mail.why", "product", l.cfg.Product)
}

// place puts the button where it belongs, which the kind decides.
func (l *Letters) place(c *Content, words locale.Text, letter Letter) {
	button := func(label, url string) Button {
		return Button{Label: words.Get(label), URL: url, Bare: words.Get("mail.button.bare")}
	}
	switch letter.Kind {
	case VerifyLogin, VerifyStepUp, EnrollEmail, SocialCode: // a letter with a code leads nowhere: what it leads to is open already
	case EmailTaken, BreakGlass: // nothing has happened to the account
	case Reset, Locked:
		c.Button = button("mail.button.password", letter.Link)
	case ResetSSO, SignUpTaken:
		c.Button = button("mail.button.signin", letter.Link)
	case Invite:
		c.Button = button("mail.button.activate", letter.Link)
	case InviteExisting:
		c.Button = button("mail.button.invitation", letter.Link)
	case InviteSSO:
		c.Button = button("mail.button.sso", letter.Link)
	case SignUp:
		c.Button = button("mail.button.signup", letter.Link)
	case EmailConfirm, RecoveryConfirm:
		c.Button = button("mail.button.confirm", letter.Link)
	case SeatRequest:
		c.Button = button("mail.button.request", letter.Link)
	case PasswordChanged, DeviceReported, EmailUndone: // whoever must read on here may not get to a page that asks for the password
		c.Unasked.Button = button("mail.button.password", letter.Link)
	case EmailChanged: // nor to one of an account that is in other hands by now
		c.Unasked.Button = button("mail.button.undo", letter.Link)
		if letter.Link != "" {
			c.Unasked.Text = words.Get("mail.email_changed.undo")
		}
	case RecoveryChanged:
		c.Unasked.Button = button("mail.button.devices", l.cfg.Security)
		if letter.Link != "" {
			c.Unasked.Button, c.Unasked.Text = button("mail.button.undo", letter.Link), words.Get("mail.recovery_changed.undo")
		}
	case SocialLinked, SocialUnlinked:
		c.Unasked.Button = button("mail.button.devices", l.cfg.Security)
		if letter.Link != "" {
			c.Unasked.Button = button("mail.button.connected", letter.Link)
		}
	default:
		c.Unasked.Button = button("mail.button.devices", cmp.Or(letter.Link, l.cfg.Security))
	}
	if letter.Kind == TwoStepReset || letter.Kind == Reset || letter.Kind.invites() || letter.Kind == SeatRequest || letter.Kind == BreakGlass {
		c.Unasked.Heading = words.Get("mail.unexpected") // somebody else did it, or may have asked for it
	}
	if letter.Kind == RecoveryChanged && letter.NewEmail == "" {
		c.Lead = words.Get("mail.recovery_changed.removed", "product", l.cfg.Product)
	}
}

// notes are the sentences that not every letter of a kind has.
func (l *Letters) notes(words locale.Text, letter Letter) (notes []string) {
	if !letter.When.IsZero() && letter.ExpiresAt.After(letter.When) {
		minutes := max(1, int(letter.ExpiresAt.Sub(letter.When).Round(time.Minute)/time.Minute))
		switch {
		case letter.Kind.hasCode():
			notes = append(notes, words.Count("mail.code.valid", minutes))
		case letter.Kind.hasLink():
			notes = append(notes, linkValid(words, minutes))
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

// linkValid says how long a link counts, in the largest unit of which there are several and nothing is left over: 60 minutes, 24
// hours, 7 days.
func linkValid(words locale.Text, minutes int) string {
	const hour, day = 60, 24 * 60
	switch {
	case minutes > day && minutes%day == 0:
		return words.Count("mail.link.valid.days", minutes/day)
	case minutes > hour && minutes%hour == 0:
		return words.Count("mail.link.valid.hours", minutes/hour)
	}
	return words.Count("mail.link.valid", minutes)
}

// facts are the lines of the table. What is unknown is left out.
func (l *Letters) facts(words locale.Text, letter Letter, to string) (facts []Fact) {
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, Fact{Label: label, Value: value, Line: words.Get("mail.fact.line", "label", label, "value", value)})
		}
	}
	kind := letter.Kind
	switch {
	case kind == EmailConfirm:
		add(words.Get("mail.fact.new"), to)
	case kind == RecoveryConfirm:
		add(words.Get("mail.fact.recovery"), to)
	case kind.stranger():
		add(words.Get("mail.fact.address"), to)
	default:
		add(words.Get("mail.fact.account"), to)
	}
	switch {
	case kind == EmailAsked || kind == EmailChanged:
		add(words.Get("mail.fact.new"), plainAddress(letter.NewEmail))
	case kind == RecoveryChanged:
		add(words.Get("mail.fact.recovery"), plainAddress(letter.NewEmail))
	case kind == SeatRequest:
		add(words.Get("mail.fact.person"), plainAddress(letter.Person))
		add(words.Get("mail.fact.item"), plainName(letter.Item))
	case kind == BreakGlass:
		add(words.Get("mail.fact.by"), plainAddress(letter.Person))
	case kind == SocialLinked || kind == SocialUnlinked:
		add(words.Get("mail.fact.there", "name", clean(letter.Item, maxItem)), plainAddress(letter.Person))
	}
	if kind.invites() || kind == SeatRequest {
		add(words.Get("mail.fact.company"), plainName(letter.Company))
	}
	add(words.Get("mail.fact.when"), l.timeText(words, letter.When))
	if !kind.invites() && kind != SeatRequest { // where a colleague sits is not for those they write to
		add(words.Get("mail.fact.ip"), plainIP(letter.IP))
		add(words.Get("mail.fact.browser"), plainBrowser(letter.Browser))
	}
	switch {
	case kind.hasCode() || kind.hasLink():
		add(words.Get("mail.fact.until"), l.timeText(words, letter.ExpiresAt))
	case (kind == EmailChanged || kind == RecoveryChanged) && letter.Link != "":
		add(words.Get("mail.fact.undo"), l.timeText(words, letter.ExpiresAt))
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
