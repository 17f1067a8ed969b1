package web_test

import (
	"html"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

// mailing is a world that can send letters.
func mailing(edit func(*auth.Preset)) authtest.Config {
	return authtest.Config{Mail: true, Auth: func(c *auth.Config) {
		c.Preset = auth.Recommended()
		if edit != nil {
			edit(&c.Preset)
		}
	}}
}

// unverified mails no codes for unknown devices, so that a story is about the second step alone.
func unverified(edit func(*auth.Preset)) authtest.Config {
	return mailing(func(p *auth.Preset) {
		p.Policy.Verification = auth.VerifyOff
		if edit != nil {
			edit(p)
		}
	})
}

// anyLetters lets the letters lie that a story does not look at: which are written is package auth's to test.
func (p *product) anyLetters() *product {
	p.t.Cleanup(func() {
		p.Clock.Advance(11 * time.Second) // past the hold of notices
		for _, name := range []string{"ann", "two", "gone", "nopass", "solo", "nora", "boss"} {
			p.Mail.Take(name + "@acme.example")
		}
	})
	return p
}

// bothMailed is both for a world that can send letters.
func bothMailed(t *testing.T, cfg authtest.Config, story func(t *testing.T, v *visitor)) {
	t.Helper()
	both(t, cfg, func(t *testing.T, v *visitor) {
		v.p.anyLetters()
		story(t, v)
	})
}

func required(p *auth.Preset) { p.Policy.TwoStep = auth.TwoStepRequired }

// do sends the form of the page, or what a program sends in its place.
func (v *visitor) do(action string, pairs ...string) *visitor {
	v.p.t.Helper()
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return v.step(action, values)
}

// code types a mailed code.
func (v *visitor) code(typed string) *visitor {
	v.p.t.Helper()
	return v.do("signin/code", "code", typed)
}

// totp types a code of the app.
func (v *visitor) totp(typed string) *visitor {
	v.p.t.Helper()
	return v.do("signin/totp", "code", typed)
}

// recovery goes to the page for a recovery code and types one.
func (v *visitor) recovery(typed string) *visitor {
	v.p.t.Helper()
	if !v.json && v.at() != "recovery" {
		v.follow("way=recovery").is("recovery")
	}
	return v.do("signin/recovery", "code", typed)
}

var link = regexp.MustCompile(`href="([^"]*)"`)

// follow opens the link of the page that has this in its address. A program has nothing to follow.
func (v *visitor) follow(part string) *visitor {
	v.p.t.Helper()
	if v.json {
		return v
	}
	for _, m := range link.FindAllStringSubmatch(v.shown.Body, -1) {
		if to := html.UnescapeString(m[1]); regexp.MustCompile(regexp.QuoteMeta(part)).MatchString(to) {
			return v.take(v.Get(to))
		}
	}
	v.p.t.Fatalf("no link to %s:\n%s", part, v.shown.Body)
	return v
}

var (
	otpauth = regexp.MustCompile(`otpauth://[^"]+`)
	listed1 = regexp.MustCompile(`<li><code>([^<]+)</code></li>`)
)

// scan is the address in the QR code of the page.
func (v *visitor) scan() string {
	v.p.t.Helper()
	v.is("enrollscan")
	if v.json {
		return v.state["enroll"].(map[string]any)["uri"].(string)
	}
	return html.UnescapeString(otpauth.FindString(v.shown.Body))
}

// dialogs goes on through the dialogs of the set-up to the fourth, where the phone scans the key.
func (v *visitor) dialogs(email string, phone *authtest.Phone) *visitor {
	v.p.t.Helper()
	switch {
	case v.at() == "enrollstart" && v.begins():
		v.do("stepup", "begin", "1")
	case v.at() == "enrollstart":
		v.do("signin/enroll/begin")
	}
	if v.at() == "enrollmail" {
		v.do("signin/enroll/email", "code", v.p.Mail.Code(email))
	}
	v.is("enrollapp").do("signin/enroll/app").is("enrollscan")
	phone.Scan(v.scan())
	return v
}

// begins tells whether the page is that of a step-up of which there is no flow yet.
func (v *visitor) begins() bool {
	return !v.json && slices.ContainsFunc(v.shown.Forms(), func(f *authtest.Form) bool { return f.Action == "/auth/stepup" })
}

// confirm types the first code of the new app, and answers the recovery codes.
func (v *visitor) confirm(phone *authtest.Phone) []string {
	v.p.t.Helper()
	v.follow("dialog=5").do("signin/enroll/confirm", "code", phone.Code()).status(200)
	return v.codes()
}

// codes are the recovery codes that the answer shows.
func (v *visitor) codes() []string {
	var codes []string
	if v.json {
		list, _ := v.state["recovery_codes"].([]any)
		for _, c := range list {
			codes = append(codes, c.(string))
		}
		return codes
	}
	for _, m := range listed1.FindAllStringSubmatch(v.shown.Body, -1) {
		codes = append(codes, m[1])
	}
	return codes
}

// next goes on from the recovery codes.
func (v *visitor) next() *visitor {
	v.p.t.Helper()
	if v.json {
		return v
	}
	m := regexp.MustCompile(`<a class="button primary" href="([^"]*)"`).FindStringSubmatch(v.shown.Body)
	if m == nil {
		v.p.t.Fatalf("no way on:\n%s", v.shown.Body)
	}
	return v.take(v.Get(html.UnescapeString(m[1])))
}

// withApp gives a person an app, in another browser than the story's. The world must mail.
func (p *product) withApp(t *testing.T, email string) (phone *authtest.Phone, codes []string) {
	t.Helper()
	phone = authtest.NewPhone(t, p.Clock)
	v := p.visitor(true)
	v.identify(email).password(secret)
	if v.at() == "mailcode" {
		v.code(p.Mail.Code(email))
	}
	if v.at() == "account" {
		v.do("signin/account", "account", "acme")
	}
	v.is("in").do("stepup", "action", "two_step").dialogs(email, phone)
	codes = v.confirm(phone)
	v.is("in")
	p.Events()
	phone.Next() // that one has not been used yet
	return phone, codes
}
