package web_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
)

// signingUp is a world in which people get accounts by themselves, and no code is mailed for unknown devices.
func signingUp(mode auth.SignUpMode) authtest.Config {
	return unverified(func(p *auth.Preset) { p.SignUp = mode })
}

// mailed takes the letters to an address, and answers the link of the newest of a kind as path and query.
func (p *product) mailed(to string, kind mail.Kind) string {
	p.t.Helper()
	var found string
	letters := p.Mail.Take(to)
	for _, m := range letters {
		if m.Kind == kind {
			found = m.Link
		}
	}
	rest, ours := strings.CutPrefix(found, authtest.BaseURL)
	if !ours {
		p.t.Fatalf("%d letters to %s, the link of a %s is %q", len(letters), to, kind, found)
	}
	return rest
}

// invite has somebody invited to Acme by the host, and answers the link.
func (p *product) invite(email string, edit ...func(*auth.NewInvitation)) string {
	p.t.Helper()
	n := auth.NewInvitation{AccountID: "acme", Email: email, Name: "Nora New", Role: auth.RoleAdmin}
	for _, e := range edit {
		e(&n)
	}
	_, link, a, err := p.Auth.Invite(p.t.Context(), n, auth.Client{})
	if err != nil || a.Reason != "" {
		p.t.Fatal(a, err)
	}
	p.Mail.Take(email)
	return strings.TrimPrefix(link, authtest.BaseURL)
}

// undoable changes ann's address, and answers the link that takes it back.
func (p *product) undoable(to string) string {
	p.t.Helper()
	v := p.visitor(true).signIn(ann)
	c := auth.Client{Session: v.Cookie("__Host-session")}
	all, err := p.Auth.ListSessions(p.t.Context(), "ann")
	if err != nil || len(all) != 1 {
		p.t.Fatal(len(all), err)
	}
	if a, err := p.Auth.AskEmail(p.t.Context(), all[0], to, c); err != nil || a.Reason != "" {
		p.t.Fatal(a, err)
	}
	if _, a, err := p.Auth.ConfirmEmail(p.t.Context(), tokenOf(p.mailed(to, mail.EmailConfirm)), c); err != nil || a.Reason != "" {
		p.t.Fatal(a, err)
	}
	p.Clock.Advance(11e9)
	link := p.mailed(ann, mail.EmailChanged)
	p.t.Cleanup(func() { // before the mailbox looks at what is left
		p.Clock.Advance(11e9)
		p.Mail.Take(to)
	})
	return link
}

func tokenOf(link string) string {
	u, _ := url.Parse(link)
	return u.Query().Get("token")
}

// follows opens the link of a letter: a page with a button. A program keeps the token for its POST, which is what press sends.
func (v *visitor) follows(link, page string) *visitor {
	v.p.t.Helper()
	v.state = map[string]any{}
	if !v.json {
		return v.take(v.Get(link)).is(page)
	}
	v.get(link)
	v.query = form("token", tokenOf(link))
	return v
}

// press presses the button of a link's page.
func (v *visitor) press(action string, pairs ...string) *visitor {
	v.p.t.Helper()
	if v.json {
		v.state = nil
		pairs = append(pairs, "token", v.query.Get("token"))
	}
	return v.do(action, pairs...)
}

// tells checks that the answer has a text of a page in English, or a field of JSON.
func (v *visitor) tells(text string, fields ...string) *visitor {
	v.p.t.Helper()
	if v.json {
		for _, name := range fields {
			if v.state[name] == nil || v.state[name] == false {
				v.p.t.Errorf("the answer has no %s: %s", name, v.shown.Body)
			}
		}
	} else if !strings.Contains(html.UnescapeString(v.shown.Body), text) {
		v.p.t.Errorf("the page does not say %q:\n%s", text, v.shown.Body)
	}
	return v
}

// A mailedLink is a kind of link: how to get one, its page and its button.
type mailedLink struct {
	name   string
	get    func(p *product, n int) string // n makes it another person's
	page   string
	action string
	pairs  []string
}

func mailedLinks() []mailedLink {
	return []mailedLink{
		{"reset", func(p *product, n int) string {
			email := []string{ann, "two@acme.example"}[n]
			p.Auth.Forgot(p.t.Context(), email, "", auth.Client{})
			return p.mailed(email, mail.Reset)
		}, "reset", "reset", nil},
		{"invitation", func(p *product, n int) string { return p.invite(fmt.Sprintf("new%d@acme.example", n)) }, "join", "activate", nil},
		{"sign-up", func(p *product, n int) string {
			email := fmt.Sprintf("sign%d@up.example", n)
			p.Auth.SignUp(p.t.Context(), email, "", auth.Client{})
			return p.mailed(email, mail.SignUp)
		}, "signuplink", "signup", nil},
		{"undo", func(p *product, n int) string {
			if n > 0 {
				return "/auth/undo?token=another"
			}
			return p.undoable("ann@new.example")
		}, "undo", "undo", nil},
	}
}

func TestMailedLinks(t *testing.T) {
	for _, l := range mailedLinks() {
		t.Run(l.name, func(t *testing.T) {
			p := newProduct(t, signingUp(auth.SignUpPerson)).anyLetters()
			first := l.get(p, 0)
			token := tokenOf(first)
			t.Run("A-179 U22 neither GET nor HEAD spends it", func(t *testing.T) {
				p.Events()
				for range 3 {
					for _, json := range []bool{false, true} {
						w := p.visitor(json)
						w.Do(w.Request(http.MethodHead, first, "", ""))
						w.get(first).status(200)
					}
				}
				if got := p.kinds(); len(got) != 0 {
					t.Errorf("looking at it has written %v", got)
				}
			})
			t.Run("A-168 A-169 its token leaves the address bar and stands in no page", func(t *testing.T) {
				w := p.visitor(false)
				w.Stay = true
				answer := w.Get(first)
				if answer.Status != http.StatusSeeOther || strings.Contains(answer.Header.Get("Location"), "token") || answer.Header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("status %d to %q, Referrer-Policy %q", answer.Status, answer.Header.Get("Location"), answer.Header.Get("Referrer-Policy"))
				}
				c, err := http.ParseSetCookie(answer.Header.Get("Set-Cookie"))
				if err != nil || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || c.MaxAge > 3600 || !strings.HasPrefix(c.Name, "__Host-") {
					t.Errorf("cookie %v, %v", c, err)
				}
				w.get(answer.Header.Get("Location")).is(l.page)
				if strings.Contains(w.shown.Body, token) || w.shown.Header.Get("Referrer-Policy") != "same-origin" {
					t.Errorf("the page has the token, or lets another site see its address:\n%s", w.shown.Body)
				}
				for _, m := range link.FindAllStringSubmatch(w.shown.Body, -1) {
					if u, err := url.Parse(html.UnescapeString(m[1])); err != nil || u.Host != "" {
						t.Errorf("the page loads or leads to %s", m[1])
					}
				}
			})
			t.Run("two links in two tabs are not mixed", func(t *testing.T) {
				other := l.get(p, 1)
				one := p.visitor(false).follows(first, l.page)
				old := one.shown
				if l.name == "undo" {
					one.SetCookie("__Host-undo-link", "another")
				} else {
					one.follows(other, l.page)
				}
				one.take(one.Submit(old.Form("/auth/"+l.action), nil)).status(http.StatusConflict).is(l.page)
				if l.name != "undo" {
					one.told(auth.ReasonFlowChanged).press(l.action).status(200)
					if one.at() == l.page {
						t.Error("the button of the page that the answer has shown does nothing")
					}
				}
				bare := p.visitor(false).follows(first, l.page)
				bare.take(bare.Post("/auth/"+l.action, nil)).status(http.StatusConflict)
			})
			t.Run("A-182 no other site presses the button", func(t *testing.T) {
				w := p.visitor(false).follows(first, l.page)
				p.Events()
				f := w.shown.Form("/auth/" + l.action)
				values := url.Values{"token": {token}}
				for name, value := range f.Fields {
					values.Set(name, value)
				}
				if got := w.PostFrom("https://evil.example", f.Action, values); got.Status != http.StatusForbidden {
					t.Errorf("status %d, want 403", got.Status)
				}
				if got := p.kinds(); len(got) != 0 {
					t.Errorf("another site has done %v", got)
				}
			})
			t.Run("U24 and then the button works, in whatever browser", func(t *testing.T) {
				w := p.visitor(false).follows(first, l.page).press(l.action).status(200)
				if w.at() == l.page && l.page != "undo" {
					t.Errorf("the visitor is still at %s:\n%s", l.page, w.shown.Body)
				}
			})
			t.Run("A-169 nothing of it is in the trail", func(t *testing.T) {
				if strings.Contains(fmt.Sprintf("%+v %+v", p.Events(), p.Faults()), token) {
					t.Error("an event or a fault has the token")
				}
			})
			t.Run("A-144 one that is none says nothing of anybody", func(t *testing.T) {
				for _, json := range []bool{false, true} {
					w := p.visitor(json).get(strings.Split(first, "token=")[0] + "token=nonsense")
					if strings.Contains(w.shown.Body, "@") {
						t.Errorf("the answer has an address:\n%s", w.shown.Body)
					}
				}
			})
		})
	}
	t.Run("A-182 a stranger's link in one's own browser changes nothing about being signed in", func(t *testing.T) {
		p := newProduct(t, unverified(nil)).anyLetters()
		v := p.visitor(false).signIn(ann)
		before := v.Cookie("__Host-session")
		p.Auth.Forgot(t.Context(), "two@acme.example", "", auth.Client{})
		v.follows(p.mailed("two@acme.example", mail.Reset), "reset").press("reset").is("newpassword")
		v.do("signin/newpassword", "password", fresh)
		if v.Cookie("__Host-session") != before || p.sessions("ann") != 1 {
			t.Error("ann's session was touched")
		}
	})
	t.Run("A-166 A-167 what a request says of its host is in no letter", func(t *testing.T) {
		p := newProduct(t, signingUp(auth.SignUpPerson)).anyLetters()
		for header, value := range map[string]string{
			"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=http", "X-Forwarded-Proto": "http",
			"X-Original-URL": "https://evil.example/",
		} {
			for path, body := range map[string]string{"/auth/forgot": "email=ann%40acme.example", "/auth/signup": "email=fresh%40up.example"} {
				p.Clock.Advance(3600e9) // every asking counts anew
				b := p.browser()
				r := b.Request(http.MethodPost, path, urlencoded, body)
				r.Header.Set(header, value)
				if header == "Host" {
					r.Host = value
				}
				if got := b.Do(r); got.Status != http.StatusSeeOther || strings.Contains(fmt.Sprint(got.Header), "evil") {
					t.Errorf("%s with %s: status %d, %v", path, header, got.Status, got.Header)
				}
				to := map[string]string{"/auth/forgot": ann, "/auth/signup": "fresh@up.example"}[path]
				letters := p.Mail.Take(to)
				if len(letters) != 1 || !strings.HasPrefix(letters[0].Link, authtest.BaseURL+"/auth/") || strings.Contains(letters[0].HTML+letters[0].Text, "evil.example") {
					t.Errorf("%s with %s: letters %+v", path, header, letters)
				}
			}
		}
	})
}

func TestReference(t *testing.T) {
	t.Run("R101 a page that stops a sign-in names it for support, and leads there", func(t *testing.T) {
		cfg := unverified(nil)
		cfg.Web = func(c *web.Config) { c.Support = "mailto:help@app.example.com" }
		v := newProduct(t, cfg).visitor(false).identify("gone@acme.example").password(secret).is("stop").told(auth.ReasonUserSuspended)
		if v.form() == "" {
			t.Fatal("no flow")
		}
		v.tells(english(t).Get("error.reference", "reference", v.form())).tells("mailto:help@app.example.com")
	})
}

func TestUndo(t *testing.T) {
	t.Run("A-181 the old address takes a change back: everybody is out, and a new password is needed", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			link := v.p.undoable("ann@new.example")
			v.follows(link, "undo").tells("ann@acme.example", "email").press("undo").status(200).tells(english(t).Get("undo.done.text"), "undone")
			if got := v.p.sessions("ann"); got != 0 {
				t.Errorf("%d sessions, want none", got)
			}
			v.again().identify(ann).password(secret).is("stop").told(auth.ReasonAccountLocked)
			v.again().arrive(v.p.mailed(ann, mail.Reset)).is("newpassword")
			w := v.again()
			w.state = nil
			if w.json {
				w.do("undo", "token", tokenOf(link)).status(422).told(auth.ReasonLinkExpired)
			} else {
				w.follows(link, "undo").tells(english(t).Get("undo.expired.text"))
			}
			v.p.Clock.Advance(11e9)
		})
	})
}

// member writes what a person is in a company.
func (p *product) member(accountID, userID string, edit func(*directory.Member)) {
	p.t.Helper()
	m := directory.Member{AccountID: accountID, UserID: userID}
	edit(&m)
	if err := p.People.SetMember(p.t.Context(), m); err != nil {
		p.t.Fatal(err)
	}
}
