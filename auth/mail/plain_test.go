package mail_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// TestWhatOthersWrote is about the two fields that whoever signs in has a say in, and about names of the host.
func TestWhatOthersWrote(t *testing.T) {
	letters := newLetters(t, harbour())
	for _, tc := range []struct{ browser, want string }{
		{"Firefox, Linux", "Firefox, Linux"},
		{"Chrome 141.0.7390 on Windows 11", "Chrome 141.0.7390 on Windows 11"},
		{"Firefox\r\n\r\nGo to the page", "Firefox Go to the page"},
		{"Fire\u202efox\u200b", "Firefox"},
		{strings.Repeat("x", 2048), strings.Repeat("x", 79) + "…"},
		{"evil.example/prize", ""},
		{"www.evil.example", ""},
		{"https://evil.example", ""},
		{"eve@evil.example", ""},
		{"<a href=https://evil.example>Firefox</a>", ""},
		{"<b>Firefox</b>", ""},
		{"call 0800123456", ""},
		{"code 123456", ""},
		{"\x1b[31mFirefox", ""},
	} {
		l := letter(mail.NewDevice)
		l.Browser = tc.browser
		m := compose(t, letters, l)
		_, after, _ := strings.Cut(m.Text, "Browser: ")
		got, _, _ := strings.Cut(after, "\n")
		if got != tc.want || strings.Contains(m.HTML, "evil") || strings.Contains(m.Text, "evil") {
			t.Errorf("A-165 a browser called %.40q is shown as %q, want %q", tc.browser, got, tc.want)
		}
	}
	for ip, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8::1": "2001:db8::1", "fe80::1%eth0": "fe80::1",
		"evil.example": "", "203.0.113.7\r\nBcc: x": "", "": "",
	} {
		l := letter(mail.NewDevice)
		l.IP = ip
		m := compose(t, letters, l)
		_, after, _ := strings.Cut(m.Text, "IP address: ")
		if got, _, _ := strings.Cut(after, "\n"); got != want {
			t.Errorf("A-165 the IP address %q is shown as %q, want %q", ip, got, want)
		}
	}
	t.Run("A-165 a name of the host is escaped", func(t *testing.T) {
		cfg := harbour()
		cfg.Product = `Harbour & <b>"Sons"</b>`
		m := compose(t, newLetters(t, cfg), letter(mail.VerifyLogin))
		if strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, "Harbour &amp; &lt;b&gt;") || !strings.Contains(m.Text, cfg.Product) {
			t.Errorf("the product is not escaped in HTML, or is in text:\n%s\n%s", m.Text, m.HTML)
		}
	})
}

// A link is what mail programs make one of by themselves: schemes, www, domains, addresses, shares, telephone numbers.
var link = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+-]*[:：﹕][^\s,;)]|//|\\|\bwww\.[^\s,;)]|[\p{L}\p{N}\p{M}_-]+[.。．｡․﹒]\p{M}*[\p{L}\p{N}]{2,}|\S[@＠﹫]|[@＠﹫]\S|\d(?:\P{L}*\d){4,}`)

// others is a letter in words without what is the host's or the recipient's own.
func others(l mail.Letter, body string) string {
	for _, own := range []string{l.Link, harbour().Security, harbour().Help, harbour().Support, l.To, l.IP} {
		if own != "" {
			body = strings.ReplaceAll(body, own, "…")
		}
	}
	return regexp.MustCompile(`\d{1,2} March 2026, 09:00 UTC`).ReplaceAllString(body, "then")
}

// fact is the value beside a label of the table.
func fact(m mail.Message, label string) string {
	_, after, _ := strings.Cut(m.Text, "\n"+label+": ")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

func TestNames(t *testing.T) {
	letters := newLetters(t, harbour())
	for _, tc := range []struct{ name, want string }{
		{"Acme & Sons Ltd.", "Acme & Sons Ltd."},
		{"Martínez, S.A.", "Martínez, S.A."},
		{"J.P. Morgan (U.K.)", "J.P. Morgan (U.K.)"},
		{"Novo A/S", "Novo A/S"},
		{"株式会社アクメ", "株式会社アクメ"},
		{"Industrie 4.0: Labor", "Industrie 4. 0: Labor"},
		{"Booking.com", "Booking. com"},
		{"J.P.Morgan", "J.P. Morgan"},
		{"Win at evil.example/x", "Win at evil. example/x"},
		{"t.co", "t. co"},
		{"evil.x", "evil. x"},
		{"字.网", "字. 网"},
		{"8.8.8.8", "8. 8. 8. 8"},
		{"www.evil.example", "www. evil. example"},
		{"evil。example", "evil。 example"},
		{"ｅｖｉｌ．ｅｘａｍｐｌｅ", "ｅｖｉｌ． ｅｘａｍｐｌｅ"},
		{"字.网址", "字. 网址"},
		{"evil..example.", "evil. . example."},
		{"evil\u200b.\u200bexample", "evil. example"},
		{"evil.\u034fexample\ufe0f", "evil. example"},
		{"https://evil", ""},
		{"https://evil.example/x", ""},
		{"/\u200b/evil.example", ""},
		{"mailto:eve@evil.example", "mailto: eve @ evil. example"},
		{"javascript:alert(1)", "javascript: alert(1)"},
		{`\\evil\share`, ""},
		{"Team@Work", "Team @ Work"},
		{"Call 0800 123 456", ""},
		{"+1 (555) 0100", ""},
		{"Your code: 482913", ""},
		{"Acme\r\nBcc: eve@evil.example", "Acme Bcc: eve @ evil. example"},
		{"Acme\r\n\r\nGo to the page", "Acme Go to the page"},
		{"Acme\u2028\u2029\x00Ltd.", "Acme Ltd."},
		{"=?utf-8?q?Acme?=", "=?utf-8?q?Acme?="},
		{"Ac\u202eme\u2066", "Acme"},
		{"Ac\xffme", "Acme"},
		{"{product} {name} {{.Code}}", "{product} {name} {{. Code}}"},
		{"<b>Acme</b>", "<b>Acme</b>"},
		{`<a href="https://evil.example">Acme</a>`, ""},
		{`"><img src=x>`, `"><img src=x>`},
		{strings.Repeat("x", 2048), strings.Repeat("x", 79) + "…"},
		{strings.Repeat("ab.", 2048), strings.Repeat("ab. ", 19) + "ab.…"},
		{"\u200b", ""},
		{"\u3164", ""},
		{"...", ""},
	} {
		for _, kind := range []mail.Kind{mail.Invite, mail.InviteExisting, mail.InviteSSO, mail.SeatRequest} {
			l := letter(kind)
			l.Company, l.Item = tc.name, tc.name
			m := compose(t, letters, l)
			if got := fact(m, "Company"); got != tc.want {
				t.Errorf("A-165 in %s a company called %.40q is shown as %q, want %q", kind, tc.name, got, tc.want)
			}
			if got := fact(m, "Product"); kind == mail.SeatRequest && got != tc.want {
				t.Errorf("A-165 a product called %.40q is shown as %q, want %q", tc.name, got, tc.want)
			}
			checkName(t, l, m)
		}
	}
}

// FuzzNames looks for a name that mail programs make a link of.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Acme Ltd.", "J.P. Morgan", "evil.example", "https://evil", "a@b.example", "S.à r.l.", "1.1.1.1", "x\u200b.\u0301y", "\xff"} {
		f.Add(seed)
	}
	letters := newLetters(f, harbour())
	f.Fuzz(func(t *testing.T, name string) {
		l := letter(mail.SeatRequest)
		l.Company, l.Item = name+"x", name
		m := compose(t, letters, l)
		for _, shown := range []string{fact(m, "Company"), fact(m, "Product")} {
			if found := link.FindString(shown); found != "" || utf8.RuneCountInString(shown) > 80 || !utf8.ValidString(shown) || strings.ContainsFunc(shown, unicode.IsControl) {
				t.Errorf("A-165 %q is shown as %q with the link %q, or is not one short line", name, shown, found)
			}
		}
	})
}

// checkName is about a letter with a name that others chose.
func checkName(t *testing.T, l mail.Letter, m mail.Message) {
	t.Helper()
	for name, body := range map[string]string{"text": m.Text, "HTML": visible(m.HTML)} {
		if found := link.FindString(others(l, body)); found != "" {
			t.Errorf("A-165 in the %s of %s mail programs make a link of %q", name, l.Kind, found)
		}
	}
	if strings.Contains(m.HTML, "<b>") || strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "<a href=\"https://evil") {
		t.Errorf("A-165 %s has %q unescaped", l.Kind, l.Company)
	}
	heading := strings.Split(m.Text, "\n")[2]
	if n := utf8.RuneCountInString(heading); n > 80+64+30 {
		t.Errorf("A-165 the heading of %s has %d characters", l.Kind, n)
	}
	want := map[mail.Kind][2]string{
		mail.Invite:         {"You have been granted access to Harbour", "%s has granted you access to Harbour"},
		mail.InviteExisting: {"You are invited to join a company", "Join %s"},
		mail.InviteSSO:      {"You have been granted access to Harbour", "%s has granted you access to Harbour"},
		mail.SeatRequest:    {"Somebody asks for a seat", "Somebody asks for a seat"},
	}[l.Kind]
	company := fact(m, "Company")
	if company != "" && strings.Contains(want[1], "%s") {
		want[0] = fmt.Sprintf(want[1], company)
	}
	if heading != want[0] {
		t.Errorf("A-165 the heading of %s is %q, want %q", l.Kind, heading, want[0])
	}
	beside := regexp.MustCompile(`(?s)<p style="margin:16px 0 0">[^<]*</p>\s*<table role="presentation".*?</a></p>`) // the lead, the button and the bare link
	if at := beside.FindString(m.HTML); company != "" && strings.Contains(html.UnescapeString(at), company) {
		t.Errorf("U51 %s puts %q beside the link", l.Kind, company)
	}
}

// TestNamesAbroad is about the other languages: a name stands where it may stand in each.
func TestNamesAbroad(t *testing.T) {
	letters := newLetters(t, harbour())
	for lang, want := range map[string][2]string{
		"es": {"Acme & Sons Ltd. le ha concedido acceso a Harbour", "Únase a Acme & Sons Ltd."},
		"fr": {"Acme & Sons Ltd. vous a accordé l’accès à Harbour", "Rejoignez Acme & Sons Ltd."},
	} {
		for i, kind := range []mail.Kind{mail.Invite, mail.InviteExisting} {
			l := letter(kind)
			l.Lang = lang
			if m := compose(t, letters, l); strings.Split(m.Text, "\n")[2] != want[i] || !strings.Contains(m.HTML, html.EscapeString(want[i])+"</h1>") {
				t.Errorf("%s %s: want the heading %q in\n%s", lang, kind, want[i], m.Text)
			}
		}
	}
}

func TestAddressesOfOthers(t *testing.T) {
	letters := newLetters(t, harbour())
	for typed, want := range map[string]string{
		"Bob.Smith@Acme.example":               "bob. smith @ acme. example",
		"bob@bücher.example":                   "bob @ xn--bcher-kva. example",
		"evil.example/x@acme.example":          "evil. example/x @ acme. example",
		"www.evil.example@acme.example":        "www. evil. example @ acme. example",
		"eve@evil.example\r\nBcc: a@b.example": "",
		"eve@evil.example\x00":                 "",
		"Eve <eve@evil.example>":               "",
		"=?utf-8?q?eve?= <e@evil.example>":     "",
		"https://evil.example":                 "",
		"e\u202eve@evil.example":               "",
		"":                                     "",
	} {
		for label, kind := range map[string]mail.Kind{"Requested by": mail.SeatRequest, "New email address": mail.EmailChanged, "Recovery email address": mail.RecoveryChanged} {
			l := letter(kind)
			l.Person, l.NewEmail = typed, typed
			if kind == mail.EmailChanged && typed == "" {
				continue // refused
			}
			m := compose(t, letters, l)
			if got := fact(m, label); got != want {
				t.Errorf("A-165 %s shows %q as %q, want %q", kind, typed, got, want)
			}
			for name, body := range map[string]string{"text": m.Text, "HTML": visible(m.HTML)} {
				if found := link.FindString(others(l, body)); found != "" {
					t.Errorf("A-165 in the %s of %s mail programs make a link of %q", name, kind, found)
				}
			}
		}
	}
}

// TestHeaders is about what becomes a header: nothing of it is written by others.
func TestHeaders(t *testing.T) {
	letters := newLetters(t, harbour())
	hostile := []string{
		"Acme\r\nBcc: eve@evil.example", "Acme\nX: y", "Acme\rX: y", "Acme\x00", "Acme\u2028Bcc: eve@evil.example", "Acme\u2029X",
		"=?utf-8?q?=0D=0ABcc:_eve@evil.example?=", "eve@evil.example\r\nBcc: eve@evil.example", strings.Repeat("x", 2048),
	}
	for _, lang := range []string{"en", "es", "fr"} {
		for _, kind := range mail.Kinds() {
			l := letter(kind)
			l.Lang = lang
			want := compose(t, letters, l)
			for _, bad := range hostile {
				l.Company, l.Person, l.Item, l.NewEmail, l.Browser, l.IP = bad, bad, bad, bad, bad, bad
				m := compose(t, letters, l)
				if m.Subject != want.Subject || m.To != want.To || m.ID != want.ID || m.Lang != want.Lang || m.Link != want.Link {
					t.Errorf("A-164 %s %s with %.30q: %q to %q, want %q to %q", lang, kind, bad, m.Subject, m.To, want.Subject, want.To)
				}
				if strings.ContainsFunc(m.Subject, unicode.IsControl) {
					t.Errorf("A-164 %s %s: the subject %q has control characters", lang, kind, m.Subject)
				}
			}
		}
	}
}
