package mail_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestNewLetters(t *testing.T) {
	newLetters(t, mail.LettersConfig{Product: "Harbour"})

	for _, tc := range []struct {
		name, field string
		change      func(*mail.LettersConfig)
	}{
		{"no product", "Product", func(c *mail.LettersConfig) { c.Product = "" }},
		{"a product of two lines", "Product", func(c *mail.LettersConfig) { c.Product = "Harbour\r\nBcc: eve@evil.example" }},
		{"a product that turns the writing round", "Product", func(c *mail.LettersConfig) { c.Product = "Harbour\u202e" }},
		{"a product as long as a letter", "Product", func(c *mail.LettersConfig) { c.Product = strings.Repeat("é", 65) }},
		{"a path", "Security", func(c *mail.LettersConfig) { c.Security = "/auth/account" }},
		{"a script", "Help", func(c *mail.LettersConfig) { c.Help = "javascript:alert(1)" }},
		{"two lines", "Help", func(c *mail.LettersConfig) { c.Help = "https://app.example.com/\nhelp" }},
		{"an address without its scheme", "Support", func(c *mail.LettersConfig) { c.Support = "help@app.example.com" }},
		{"support without encryption", "Support", func(c *mail.LettersConfig) { c.Support = "http://app.example.com" }},
		{"texts that are not there", "Locales", func(c *mail.LettersConfig) { c.Locales = fstest.MapFS{"en.json": file(`{"mail.nothing": "a"}`)} }},
		{"a template that does not end", "Templates", func(c *mail.LettersConfig) { c.Templates = fstest.MapFS{"letter.txt": file("{{if .Code}}")} }},
	} {
		t.Run("refuses "+tc.name, func(t *testing.T) {
			cfg := harbour()
			tc.change(&cfg)
			if _, err := mail.NewLetters(cfg); err == nil || !strings.Contains(err.Error(), "mail: LettersConfig."+tc.field) {
				t.Errorf("NewLetters = %v, want an error that names %s", err, tc.field)
			}
		})
	}

	for name, templates := range map[string]fstest.MapFS{
		"a field that is not there":  {"letter.html": file("{{.Code}} {{.Button.URL}} {{.Unasked.Button.URL}} {{.Salutation}}")},
		"nothing":                    {"letter.txt": file(" \n")},
		"a letter without its code":  {"letter.txt": file("{{.Heading}} {{.Button.URL}} {{.Unasked.Button.URL}}")},
		"a letter without its link":  {"letter.html": file("<p>{{.Heading}} {{.Code}} {{.Unasked.Button.URL}}</p>")},
		"a mistake in one kind only": {"letter.txt": file("{{.CodeLine}}{{.Button.URL}}{{.Unasked.Button.URL}}{{.Why}}{{if eq .Kind `locked`}}{{.Nothing}}{{end}}")},
	} {
		t.Run("finds a template of the host that writes "+name, func(t *testing.T) {
			cfg := harbour()
			cfg.Templates = templates
			if _, err := mail.NewLetters(cfg); err == nil || !strings.Contains(err.Error(), "mail: writing ") {
				t.Errorf("NewLetters = %v, want an error about writing", err)
			}
		})
	}

	t.Run("ours stand the same trial", func(t *testing.T) {
		cfg := harbour()
		cfg.Locales = fstest.MapFS{}
		newLetters(t, cfg)
	})

	t.Run("the host's templates and texts", func(t *testing.T) {
		cfg := harbour()
		cfg.Templates = fstest.MapFS{"letter.txt": file("{{.Lead}} {{.CodeLine}} {{.Button.URL}} {{.Unasked.Button.URL}}")}
		cfg.Locales = fstest.MapFS{"en.json": file(`{"mail.verify_login.lead": "Welcome back to {product}.", "footer.help": "Assistance"}`)}
		m := compose(t, newLetters(t, cfg), letter(mail.VerifyLogin))
		if got, want := strings.TrimSpace(m.Text), "Welcome back to Harbour. Your code: 482913"; got != want {
			t.Errorf("text = %q, want %q", got, want)
		}
		for _, want := range []string{"Welcome back to Harbour.", "Assistance"} {
			if !strings.Contains(m.HTML, want) {
				t.Errorf("HTML lacks %q, which stands in the host's texts:\n%s", want, m.HTML)
			}
		}
	})
}

func TestCompose(t *testing.T) {
	letters := newLetters(t, harbour())

	t.Run("R112 the language of the person, else English", func(t *testing.T) {
		for lang, want := range map[string][2]string{
			"es": {"es", "Su código: 482913"}, "es-MX": {"es", "Su código: 482913"}, "fr-CA": {"fr", "Votre code\u00a0: 482913"},
			"": {"en", "Your code: 482913"}, "ja": {"en", "Your code: 482913"}, "../../en": {"en", "Your code: 482913"},
		} {
			l := letter(mail.VerifyLogin)
			l.Lang = lang
			m := compose(t, letters, l)
			if m.Lang != want[0] || !strings.Contains(m.Text, want[1]) || !strings.Contains(m.HTML, `<html lang="`+want[0]+`" dir="ltr"`) {
				t.Errorf("U49 Lang %q: %s, want %s with %q and <html lang dir>:\n%s", lang, m.Lang, want[0], want[1], m.Text)
			}
		}
	})

	t.Run("U49 a language that is written from right to left", func(t *testing.T) {
		cfg := harbour()
		cfg.Locales = fstest.MapFS{"ar.json": file(arabic(t))}
		l := letter(mail.VerifyLogin)
		l.Lang = "ar"
		if m := compose(t, newLetters(t, cfg), l); m.Lang != "ar" || !strings.Contains(m.HTML, `<body lang="ar" dir="rtl"`) {
			t.Errorf("Lang = %s without <body lang=\"ar\" dir=\"rtl\">:\n%s", m.Lang, m.HTML)
		}
	})

	t.Run("U51 when", func(t *testing.T) {
		for _, tc := range []struct {
			lang string
			when time.Time
			zone *time.Location
			want string
		}{
			{"en", noon, nil, "2 March 2026, 09:00 UTC"},
			{"es", noon, nil, "2 de marzo de 2026, 09:00 UTC"},
			{"fr", noon, nil, "2 mars 2026, 09:00 UTC"},
			{"fr", noon.AddDate(0, 0, -1), nil, "1er mars 2026, 09:00 UTC"},
			{"en", noon.AddDate(0, 0, -1), nil, "1 March 2026, 09:00 UTC"},
			{"en", noon.In(time.FixedZone("CST", -6*3600)), nil, "2 March 2026, 09:00 UTC"},
			{"en", noon.Add(16 * time.Hour), time.FixedZone("CST", 8*3600), "3 March 2026, 09:00 UTC+08:00"},
			{"en", noon, time.FixedZone("NST", -(3*3600 + 1800)), "2 March 2026, 05:30 UTC-03:30"},
			{"es", time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC), nil, "31 de diciembre de 2026, 23:59 UTC"},
		} {
			cfg := harbour()
			cfg.Zone = tc.zone
			l := letter(mail.NewDevice)
			l.Lang, l.When = tc.lang, tc.when
			m := compose(t, newLetters(t, cfg), l)
			if !strings.Contains(m.Text, tc.want+"\n") || !strings.Contains(html.UnescapeString(m.HTML), ">"+tc.want+"<") {
				t.Errorf("U51 %s: want %q in\n%s", tc.lang, tc.want, m.Text)
			}
		}
	})

	t.Run("U51 how long", func(t *testing.T) {
		for after, want := range map[time.Duration]string{
			10 * time.Minute: "valid for 10 minutes", 9*time.Minute + 59*time.Second: "valid for 10 minutes",
			time.Minute: "valid for 1 minute and", time.Second: "valid for 1 minute and",
		} {
			l := letter(mail.VerifyLogin)
			l.ExpiresAt = noon.Add(after)
			if m := compose(t, letters, l); !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%v: want %q in\n%s", after, want, m.Text)
			}
		}
		const day = 24 * time.Hour
		for after, want := range map[time.Duration]string{
			time.Minute: "valid for 1 minute and", time.Hour: "valid for 60 minutes and", 90 * time.Minute: "valid for 90 minutes and",
			2 * time.Hour: "valid for 2 hours and", day: "valid for 24 hours and", 36 * time.Hour: "valid for 36 hours and",
			2 * day: "valid for 2 days and", 7 * day: "valid for 7 days and", 7*day - time.Second: "valid for 7 days and",
		} {
			l := letter(mail.Invite)
			l.ExpiresAt = noon.Add(after)
			if m := compose(t, letters, l); !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%v: want %q in\n%s", after, want, m.Text)
			}
		}
		for kind, want := range map[mail.Kind]string{
			mail.Reset: "60 minutes", mail.SignUp: "60 minutes", mail.EmailConfirm: "24 hours", mail.RecoveryConfirm: "24 hours",
			mail.Invite: "7 days", mail.InviteExisting: "7 days", mail.InviteSSO: "7 days",
		} {
			if m := compose(t, letters, letter(kind)); !strings.Contains(m.Text, "The link is valid for "+want) || !strings.Contains(m.Text, "\nValid until: ") {
				t.Errorf("%s: want %s and the time in\n%s", kind, want, m.Text)
			}
		}
	})

	t.Run("A-181 a changed address can be taken back with a link, and with help without one", func(t *testing.T) {
		l := letter(mail.EmailChanged)
		for _, want := range []string{"take the change back", "Can be taken back until: 9 March 2026, 09:00 UTC"} {
			if m := compose(t, letters, l); !strings.Contains(m.Text, want) || m.Link != l.Link {
				t.Errorf("want %q and the link in\n%s", want, m.Text)
			}
		}
		l.Link = ""
		m := compose(t, letters, l)
		if strings.Contains(m.Text, "back") || !strings.Contains(m.Text, "support for help at once") || m.Link != "" {
			t.Errorf("want help, and nothing about a link, in\n%s", m.Text)
		}
	})

	t.Run("R34 R36 R38 a letter names the provider, in one line, and no longer than a heading holds", func(t *testing.T) {
		for _, lang := range []string{"en", "es", "fr"} {
			for _, kind := range []mail.Kind{mail.SocialLinked, mail.SocialUnlinked, mail.SocialCode} {
				l := letter(kind)
				l.Lang, l.Item = lang, "Big\r\nBcc: "+strings.Repeat("x", 100)
				m := compose(t, letters, l)
				shown := visible(m.HTML)
				if want := "Big Bcc: " + strings.Repeat("x", 30) + "…"; !strings.Contains(m.Text, want) || !strings.Contains(shown, want) {
					t.Errorf("%s %s: want %q in\n%s", lang, kind, want, m.Text)
				}
				if strings.Contains(m.Text+m.HTML, strings.Repeat("x", 31)) || strings.Contains(m.Subject, "Big") {
					t.Errorf("%s %s: the name of the provider is too long, or stands in a header: %q\n%s", lang, kind, m.Subject, m.Text)
				}
			}
		}
	})

	t.Run("R38 who gets the code of a social sign-in may have no account", func(t *testing.T) {
		m := compose(t, letters, letter(mail.SocialCode))
		for _, want := range []string{"tried to sign in with Google", "Ignore this message", "valid for 10 minutes", "Email address: ana@acme.example", "this address was entered at Harbour"} {
			if !strings.Contains(m.Text, want) || !strings.Contains(visible(m.HTML), strings.Replace(want, ":", "", 1)) {
				t.Errorf("want %q in\n%s", want, m.Text)
			}
		}
		if m.Link != "" || strings.Contains(m.Text, "Account: ") || strings.Contains(m.Text, "your Harbour account") {
			t.Errorf("the letter leads to %q, or speaks of an account that there may not be:\n%s", m.Link, m.Text)
		}
	})

	t.Run("R70 a recovery address that was removed", func(t *testing.T) {
		l := letter(mail.RecoveryChanged)
		if m := compose(t, letters, l); !strings.Contains(m.Text, "Recovery email address: ana. lopez @ acme. example\n") || strings.Contains(m.Text, "removed") {
			t.Errorf("want the new one in full in\n%s", m.Text)
		}
		l.NewEmail = ""
		if m := compose(t, letters, l); !strings.Contains(m.Text, "was removed") || strings.Contains(m.Text, "Recovery email address: ") {
			t.Errorf("want that it was removed in\n%s", m.Text)
		}
	})

	t.Run("an administrator's place is not told to those they invite, nor a colleague's to an administrator", func(t *testing.T) {
		for _, kind := range []mail.Kind{mail.Invite, mail.InviteExisting, mail.InviteSSO, mail.SeatRequest} {
			l := letter(kind)
			l.IP, l.Browser = "203.0.113.7", "Firefox, Linux"
			if m := compose(t, letters, l); strings.Contains(m.Text+m.HTML, l.IP) || strings.Contains(m.Text+m.HTML, l.Browser) {
				t.Errorf("%s tells from where it was asked:\n%s", kind, m.Text)
			}
		}
	})

	t.Run("what is unknown is left out", func(t *testing.T) {
		l := mail.Letter{Kind: mail.NewDevice, To: "ana@acme.example"}
		m := compose(t, newLetters(t, mail.LettersConfig{Product: "Harbour"}), l)
		for _, part := range []string{"Date and time", "IP address", "Browser", "http", "Help", "Support", "0001"} {
			if strings.Contains(m.Text, part) {
				t.Errorf("%q stands in\n%s", part, m.Text)
			}
		}
		if m.Link != "" || m.Code != "" {
			t.Errorf("Link, Code = %q, %q, want none", m.Link, m.Code)
		}
	})

	t.Run("recovery codes that are left", func(t *testing.T) {
		for left, want := range map[int]string{7: "You have 7 recovery codes left.", 1: "You have 1 recovery code left.", 0: "It was the last one."} {
			l := letter(mail.RecoveryUsed)
			l.Left = left
			if m := compose(t, letters, l); !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%d left: want %q in\n%s", left, want, m.Text)
			}
		}
	})

	t.Run("where a letter leads", func(t *testing.T) {
		const link = "https://app.example.com/auth/reset?token=a"
		security := harbour().Security
		for _, kind := range mail.Kinds() {
			with, without := letter(kind), letter(kind)
			with.Link, without.Link = link, ""
			wantWith, wantWithout := link, security
			switch kind {
			case mail.VerifyLogin, mail.VerifyStepUp, mail.EnrollEmail, mail.EmailTaken, mail.BreakGlass, mail.SocialCode:
				wantWith, wantWithout = "", ""
			case mail.PasswordChanged, mail.DeviceReported, mail.Locked, mail.ResetSSO, mail.SignUpTaken, mail.EmailChanged, mail.EmailUndone,
				mail.SeatRequest:
				wantWithout = ""
			case mail.Reset, mail.Invite, mail.InviteExisting, mail.InviteSSO, mail.SignUp, mail.EmailConfirm, mail.RecoveryConfirm:
				if _, err := letters.Compose(without, "id1"); err == nil || errors.Is(err, mail.ErrRefused) {
					t.Errorf("Compose(%s) without a link = %v, want an error, and not one about the address", kind, err)
				}
				without, wantWithout = with, link
			}
			if got := compose(t, letters, with).Link; got != wantWith {
				t.Errorf("%s with a link leads to %q, want %q", kind, got, wantWith)
			}
			if got := compose(t, letters, without).Link; got != wantWithout {
				t.Errorf("%s without one leads to %q, want %q", kind, got, wantWithout)
			}
		}
	})
}

// catalogue is what stands in a file of texts.
func catalogue(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "locale", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// arabic is every text of ours, in no language, with the plural forms that Arabic has.
func arabic(t *testing.T) string {
	t.Helper()
	all := catalogue(t, "en.json")
	maps.Copy(all, catalogue(t, "mail/en.json"))
	for key, text := range all {
		if forms, ok := text.(map[string]any); ok {
			other := forms["other"]
			all[key] = map[string]any{"zero": other, "one": other, "two": other, "few": other, "many": other, "other": other}
		}
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var tag = regexp.MustCompile(`<[^>]*>`)

// plain is a text with one kind of space.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// visible is the text of a page without its title.
func visible(page string) string {
	_, body, _ := strings.Cut(page, "<body")
	return plain(html.UnescapeString(tag.ReplaceAllString("<body"+body, " ")))
}

// TestEveryLetter says what holds for all of them.
func TestEveryLetter(t *testing.T) {
	letters := newLetters(t, harbour())
	for _, lang := range []string{"en", "es", "fr"} {
		for _, kind := range mail.Kinds() {
			l := letter(kind)
			l.Lang = lang
			m := compose(t, letters, l)
			t.Run(lang+" "+string(kind), func(t *testing.T) { checkLetter(t, l, m) })
		}
	}
}

// TestLabels is about what a letter tells a person to look for on a page: in quotation marks stands nothing but a label that the
// pages have.
func TestLabels(t *testing.T) {
	quoted := regexp.MustCompile(`[“«„][^”»]*[”»]?|[”»]`)
	for _, lang := range []string{"en", "es", "fr"} {
		labels, found := map[string]bool{}, 0
		for _, text := range catalogue(t, lang+".json") {
			if label, ok := text.(string); ok {
				labels[label] = true
			}
		}
		for key, text := range catalogue(t, "mail/"+lang+".json") {
			for _, name := range quoted.FindAllString(fmt.Sprint(text), -1) { // fmt.Sprint: all plural forms
				found++
				if label := strings.Trim(name, "“”«»„\u00a0"); !labels[label] {
					t.Errorf("U51 %s: %q names %s, which stands on no page", lang, key, name)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no letter names a label; which quotation marks does it use?", lang)
		}
	}
}

func checkLetter(t *testing.T, l mail.Letter, m mail.Message) {
	if m.ID != "id1" || m.Kind != l.Kind || m.To != l.To || m.Code != l.Code {
		t.Errorf("ID, Kind, To, Code = %q, %q, %q, %q, want those of the letter", m.ID, m.Kind, m.To, m.Code)
	}
	shown := visible(m.HTML)
	for line := range strings.Lines(m.Text) { // U49 the same in both
		if line = plain(line); line == "--" || strings.Contains(line, "mailto:") || strings.Contains(line, "/auth/help") {
			continue // in HTML they are links with a label
		}
		for _, half := range strings.SplitN(line, ": ", 2) {
			if half = strings.TrimSpace(half); !strings.Contains(shown, half) {
				t.Errorf("U49 the text says %q, the HTML does not:\n%s", half, shown)
			}
		}
	}
	for _, bad := range []string{"<img", "<link", "<style", "<script", "@import", "url(", "src=", "background=", "<object", "<form", "ZgotmplZ"} {
		if strings.Contains(strings.ToLower(m.HTML), strings.ToLower(bad)) {
			t.Errorf("U50 the HTML has %q", bad)
		}
	}
	for _, address := range regexp.MustCompile(`(?:href="|\b)((?:https?:|//|mailto:)[^"<\s]+)`).FindAllStringSubmatch(m.HTML, -1) {
		if !strings.HasPrefix(address[1], "https://app.example.com/auth/") && address[1] != "mailto:help@app.example.com" {
			t.Errorf("U50 the HTML leads to %q, which is not the product's", address[1])
		}
	}
	for _, part := range []string{"Harbour", l.IP, l.Browser, "09:00 UTC", l.To} {
		if !strings.Contains(m.Text, part) || !strings.Contains(shown, part) {
			t.Errorf("U51 the letter lacks %q:\n%s", part, m.Text)
		}
	}
	if strings.Contains(m.Text+m.HTML+m.Subject, l.UserID) {
		t.Errorf("the letter has the id of the user")
	}
	if strings.Contains(m.Text+m.HTML+m.Subject, "{") || strings.Contains(m.Text+m.Subject, "[mail.") {
		t.Errorf("R111 a text is missing, or a placeholder was not filled in:\n%s\n%s", m.Subject, m.Text)
	}
	if m.Link != "" && strings.Count(m.Text, m.Link) != 1 {
		t.Errorf("U51 the text has the bare link %d times, want once:\n%s", strings.Count(m.Text, m.Link), m.Text)
	}
	if bare := html.UnescapeString(m.HTML); m.Link != "" && !strings.Contains(bare, ">"+m.Link+"</a>") {
		t.Errorf("U51 the HTML does not show the bare link %q", m.Link)
	}
	checkCode(t, m, shown)
}

func checkCode(t *testing.T, m mail.Message, shown string) {
	long := regexp.MustCompile(`\d{5,}`)
	if m.Code == "" {
		if got := long.FindString(m.Text); got != "" {
			t.Errorf("U20 a letter without a code has %q, which looks like one", got)
		}
		return
	}
	if strings.Contains(m.Subject, m.Code) || strings.Contains(m.HTML[:strings.Index(m.HTML, "<body")], m.Code) {
		t.Errorf("A-192 U53 the subject or the title has the code")
	}
	for name, body := range map[string]string{"text": m.Text, "HTML": shown} {
		if got := long.FindAllString(body, -1); len(got) != 1 || got[0] != m.Code {
			t.Errorf("U20 the %s has the numbers %q, want the code alone", name, got)
		}
		near := regexp.MustCompile(`(?i)(code|código)[\p{Z}:]{1,3}` + m.Code)
		if at := near.FindStringIndex(body); at == nil || at[0] > 400 {
			t.Errorf("U20 the %s does not have the code beside its word, early:\n%s", name, body)
		}
	}
}

func TestComposeRefuses(t *testing.T) {
	letters := newLetters(t, harbour())
	for _, to := range []string{
		"", "ana", "ana@acme.example\r\nBcc: eve@evil.example", "ana@acme.example\nX: y", "a\r\n@acme.example", "ana@acme.example,eve@evil.example",
		"Ana <ana@acme.example>", "ana@acme.example\u2028", "ana\u0000@acme.example", "=?utf-8?q?ana?=@acme.example x", `"ana eve"@acme.example`,
	} {
		l := letter(mail.NewDevice)
		l.To = to
		m, err := letters.Compose(l, "id1")
		if to == "ana@acme.example\u2028" { // white space at the end is cut off
			if err != nil || m.To != "ana@acme.example" {
				t.Errorf("A-164 Compose to %q = %q, %v, want ana@acme.example", to, m.To, err)
			}
			continue
		}
		if !errors.Is(err, mail.ErrRefused) {
			t.Errorf("A-164 Compose to %q = %v, want ErrRefused", to, err)
		}
		if err != nil && strings.Contains(err.Error(), "eve") {
			t.Errorf("A-164 the error repeats the address: %v", err)
		}
	}
	for name, change := range map[string]func(*mail.Letter){
		"an unknown kind":           func(l *mail.Letter) { l.Kind = "birthday" },
		"nothing to say":            func(l *mail.Letter) { l.Kind = mail.Nothing },
		"no company":                func(l *mail.Letter) { *l = letter(mail.Invite); l.Company = "" },
		"no company to join":        func(l *mail.Letter) { *l = letter(mail.InviteExisting); l.Company = "" },
		"no company with SSO":       func(l *mail.Letter) { *l = letter(mail.InviteSSO); l.Company = "" },
		"no company with seats":     func(l *mail.Letter) { *l = letter(mail.SeatRequest); l.Company = "" },
		"no provider":               func(l *mail.Letter) { *l = letter(mail.SocialLinked); l.Item = "" },
		"no provider any more":      func(l *mail.Letter) { *l = letter(mail.SocialUnlinked); l.Item = " \r\n\u202e" },
		"no provider with a code":   func(l *mail.Letter) { *l = letter(mail.SocialCode); l.Item = "" },
		"no code of a provider":     func(l *mail.Letter) { *l = letter(mail.SocialCode); l.Code = "" },
		"no new address":            func(l *mail.Letter) { *l = letter(mail.EmailAsked); l.NewEmail = "" },
		"no address that it became": func(l *mail.Letter) { *l = letter(mail.EmailChanged); l.NewEmail = "" },
		"no code":                   func(l *mail.Letter) { l.Code = "" },
		"a code of two lines":       func(l *mail.Letter) { l.Code = "482913\r\n" },
		"a code in other digits":    func(l *mail.Letter) { l.Code = "٤٨٢٩١٣" },
		"a code that is a sentence": func(l *mail.Letter) { l.Code = "go to evil.example" },
		"no link":                   func(l *mail.Letter) { l.Kind, l.Link = mail.Reset, "" },
		"a script for a link":       func(l *mail.Letter) { l.Kind, l.Link = mail.Reset, "javascript:alert(1)" },
		"a path for a link":         func(l *mail.Letter) { l.Kind, l.Link = mail.Reset, "/auth/reset" },
		"a link of two lines":       func(l *mail.Letter) { l.Kind, l.Link = mail.Reset, "https://app.example.com/\r\nx" },
	} {
		l := letter(mail.VerifyLogin)
		change(&l)
		if _, err := letters.Compose(l, "id1"); err == nil || errors.Is(err, mail.ErrRefused) {
			t.Errorf("Compose with %s = %v, want an error, and not one about the address", name, err)
		}
	}
}

func TestRecipient(t *testing.T) {
	letters := newLetters(t, harbour())
	for to, want := range map[string]string{
		" ana@acme.example ": "ana@acme.example", "Ana.Lopez@Acme.Example": "Ana.Lopez@acme.example", "ana+x@bücher.example": "ana+x@xn--bcher-kva.example",
	} {
		l := letter(mail.NewDevice)
		l.To = to
		if got := compose(t, letters, l).To; got != want {
			t.Errorf("A-164 Compose to %q = %q, want %q", to, got, want)
		}
	}
}
