package web_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const (
	emailPage    = "/auth/account/email"
	recoveryPage = "/auth/account/recovery"
	newMail      = "ann@home.example"
)

// linkTo is the path and query of the one letter to an address, which has a link.
func (p *product) linkTo(to string, kind mail.Kind) string {
	p.t.Helper()
	u, err := url.Parse(p.Mail.TakeOne(to, kind).Link)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.RequestURI()
}

// email is the address that a person has.
func (p *product) email(userID string) string {
	p.t.Helper()
	u, err := p.Auth.User(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Email
}

// asked asks for another address, on the page of it or of the recovery address, and answers the link.
func (v *visitor) asked(page, to string, kind mail.Kind) string {
	v.p.t.Helper()
	v.get(page).do(strings.TrimPrefix(page, "/auth/"), "email", to).status(200)
	return v.p.linkTo(to, kind)
}

// confirms opens the link of a letter and presses the button there.
func (v *visitor) confirms(link string) *visitor {
	v.p.t.Helper()
	u, _ := url.Parse(link)
	v.get(link).status(200)
	if !v.json {
		return v.is("account_confirm").do(strings.TrimPrefix(u.Path, "/auth/"))
	}
	return v.do(strings.TrimPrefix(u.Path, "/auth/"), "token", u.Query().Get("token"))
}

// shows tells whether the answer has a text.
func (v *visitor) shows(text string) bool {
	return strings.Contains(html.UnescapeString(v.shown.Body), text)
}

func TestAccountEmail(t *testing.T) {
	t.Run("R69 A-181 A-224 U22 asked for, confirmed by a button, and the old address is told of both", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			other := v.again().enter(annMail).Cookie("__Host-session")
			v.enter(annMail).get(emailPage).status(200)
			v.do("account/email", "email", "  Ann@HOME.example ").status(200).says("email.done.asked", "email.pending.text")
			if !v.shows(newMail) || v.p.email("ann") != annMail {
				t.Errorf("the address is %s; want it to wait:\n%s", v.p.email("ann"), v.shown.Body)
			}
			link := v.p.linkTo(newMail, mail.EmailConfirm)
			v.letter(annMail, mail.EmailAsked)
			v.get("/auth/account").says("email.pending.heading")
			v.p.Events()
			if !v.json {
				v.Stay = true
				first := v.Get(link)
				if first.Status != http.StatusSeeOther || first.Header.Get("Location") != emailPage+"/confirm" || first.Header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("status %d to %q, want the token out of the address", first.Status, first.Header.Get("Location"))
				}
				v.Do(v.Request(http.MethodHead, emailPage+"/confirm", "", ""))
				v.Stay = false
			}
			if v.get(link).status(200); !v.shows(newMail) || v.p.email("ann") != annMail || len(v.p.Events()) != 0 {
				t.Errorf("looking at the link has changed something, or does not show the address:\n%s", v.shown.Body)
			}
			before, device := v.Cookie("__Host-session"), v.Cookie("__Host-device")
			if v.confirms(link).status(200); !v.json {
				v.is("account_email").says("email.done.changed")
			}
			if v.p.email("ann") != newMail || !v.shows(newMail) {
				t.Errorf("the address is %s", v.p.email("ann"))
			}
			if v.Cookie("__Host-session") == before || v.Cookie("__Host-device") == device || v.Cookie("__Host-email-link") != "" || v.p.sessions("ann") != 1 {
				t.Errorf("want new tokens, no link, and one session, not %d", v.p.sessions("ann"))
			}
			v.dead(before)
			v.dead(other)
			v.p.Clock.Advance(1 << 34) // past the hold of notices
			if told := v.p.Mail.TakeOne(annMail, mail.EmailChanged); !strings.Contains(told.Link, "/auth/undo?") {
				t.Errorf("the old address is given %q, want a link that takes the change back", told.Link)
			}
			w := v.again()
			w.open().identify(newMail).password(secret).is("mailcode").code(v.p.Mail.Code(newMail)).is("in")
			if v.get(link); v.json {
				v.told(auth.ReasonLinkExpired).post(emailPage+"/confirm", "token", link[strings.Index(link, "=")+1:]).status(422).told(auth.ReasonLinkExpired)
			} else if v.says("confirm.dead.heading"); len(v.shown.Forms()) != 0 {
				t.Errorf("a used link has a button:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("R66 A-201 the strongest proof comes first, and the address that was typed comes back with the form", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			v.stale().get(emailPage).do("account/email", "email", newMail).sentToProve(emailPage)
			v.post("/auth/stepup", "password", secret, "return_to", emailPage) // a stolen password is not enough
			v.post(emailPage, "email", newMail).sentToProve(emailPage)
			v.totp(v.p.Phone.Next()).status(200)
			if pending, _ := v.p.Auth.PendingEmail(t.Context(), "ann"); pending != "" {
				t.Errorf("the step-up itself has asked for %s", pending)
			}
			if v.get(emailPage); !v.json && v.shown.Form("/account/email").Fields["email"] != newMail {
				t.Errorf("the form has forgotten the address:\n%s", v.shown.Body)
			}
			v.do("account/email", "email", newMail).status(200)
			v.p.linkTo(newMail, mail.EmailConfirm)
			v.letter(annMail, mail.EmailAsked)
			if v.Cookie("__Host-typed") != "" {
				t.Error("what was typed is kept for longer than it is needed")
			}
		})
	})
	t.Run("R66 what was typed is shown to nobody else, nor on another page", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).anyLetters().visitor(false)
		v.enter(annMail).stale().get(emailPage).do("account/email", "email", newMail).sentToProve(emailPage)
		typed := v.Cookie("__Host-typed")
		if typed == "" || strings.Contains(typed, "home") {
			t.Errorf("cookie %q, want one that only we can read", typed)
		}
		v.proves("password", secret, emailPage)
		if v.get(recoveryPage); v.shows(newMail) {
			t.Error("the form of the recovery address has it")
		}
		w := v.again().enter("solo@acme.example")
		w.SetCookie("__Host-typed", typed)
		if w.get(emailPage); w.shows(newMail) {
			t.Error("another person is shown what was typed")
		}
	})
	t.Run("A-138 a taken address is answered as a free one is, byte for byte, and its owner is told", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.AddUser(auth.User{ID: "zqa", Email: "zqa@home.example"}, secret)
			answers := func(name string) (all []string) {
				w := v.again().enter(annMail)
				w.get(emailPage)
				if w.Stay = true; w.json {
					w.Stay = false
				}
				for _, p := range []*authtest.Page{
					w.do("account/email", "email", name+"@home.example").shown, w.get(emailPage + "?done=asked").shown, w.get("/auth/account/email").shown,
				} {
					all = append(all, whole(p, name))
				}
				w.post("/auth/account/sessions/end/all")
				return all
			}
			taken, free := answers("zqa"), answers("zqb")
			for i := range taken {
				if taken[i] != free[i] {
					t.Errorf("answer %d tells them apart:\n%s", i, difference(taken[i], free[i]))
				}
			}
			v.p.Mail.TakeOne("zqa@home.example", mail.EmailTaken)
			v.p.Mail.TakeOne("zqb@home.example", mail.EmailConfirm)
			v.letter(annMail, mail.EmailAsked, mail.EmailAsked)
		})
	})
	t.Run("R69 A-118 what waits dies by cancelling, and by a new password", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail)
			dies := func(link string) {
				t.Helper()
				if v.get(link); v.json {
					v.status(200).told(auth.ReasonLinkExpired)
				} else {
					v.says("confirm.dead.heading")
				}
				v.post(emailPage+"/confirm", "token", link[strings.Index(link, "=")+1:]).status(422)
				if v.p.email("ann") != annMail {
					t.Error("the dead link has changed the address")
				}
			}
			link := v.asked(emailPage, newMail, mail.EmailConfirm)
			v.do("account/email/drop").status(200).says("email.done.dropped")
			dies(link)
			link = v.asked(emailPage, newMail, mail.EmailConfirm)
			v.get(passwordPage).do("account/password", "current", secret, "password", fresh).status(200)
			dies(link)
			if v.get(emailPage); v.shows(newMail) {
				t.Errorf("the page still has the address:\n%s", v.shown.Body)
			}
			v.letter(annMail, mail.EmailAsked, mail.EmailAsked, mail.PasswordChanged)
		})
	})
	t.Run("R69 U24 the link in another browser: the sign-in first, and only for the person whose it is", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			link := v.enter(annMail).asked(emailPage, newMail, mail.EmailConfirm)
			w := v.again().enter("solo@acme.example")
			w.get(link).says("confirm.other.heading")
			if w.shows(newMail) {
				t.Error("somebody else is shown the address")
			}
			if w.json {
				w.told(auth.ReasonOtherUser)
			}
			w.post(emailPage+"/confirm", "token", link[strings.Index(link, "=")+1:]).status(422).told(auth.ReasonOtherUser)
			w = v.again()
			w.p.dropParts()
			if w.get(link); w.json {
				w.status(http.StatusUnauthorized).told(auth.ReasonSignInRequired)
				return
			}
			w.is("identify").identify(annMail).password(secret).is("mailcode").code(v.p.Mail.Code(annMail)).is("account_confirm")
			w.do("account/email/confirm").is("account_email").says("email.done.changed")
			if v.p.email("ann") != newMail {
				t.Errorf("the address is %s", v.p.email("ann"))
			}
		})
	})
	t.Run("R69 a button does what its own page's link said", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).anyLetters().visitor(false)
		first := v.enter(annMail).asked(emailPage, newMail, mail.EmailConfirm)
		tab := *v.get(first).is("account_confirm")
		second := v.asked(emailPage, "ann@work.example", mail.EmailConfirm)
		v.get(second).is("account_confirm")
		tab.do("account/email/confirm").status(http.StatusConflict)
		if v.p.email("ann") != annMail {
			t.Errorf("the first page's button has made the address %s", v.p.email("ann"))
		}
	})
	t.Run("R69 no address, the same address, one of a company's own, and too many", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.enter(annMail).get(emailPage)
			for typed, want := range map[string]auth.Reason{
				"nonsense": auth.ReasonEmailInvalid, "Ann@Acme.example": auth.ReasonEmailSame, "ann@globex.example": auth.ReasonDomainNotAllowed,
			} {
				if v.do("account/email", "email", typed).status(422).told(want); !v.json && !v.shows(`value="`+typed+`"`) {
					t.Errorf("the form has forgotten %s:\n%s", typed, v.shown.Body)
				}
			}
			for range 5 {
				v.do("account/email", "email", newMail).status(200)
			}
			if v.do("account/email", "email", newMail).status(http.StatusTooManyRequests).told(auth.ReasonTooManyAttempts); retryAfter(v.shown) == 0 {
				t.Error("no Retry-After")
			}
			v.p.Mail.Take(newMail)
			v.p.enforced()
			v.get(emailPage).says("email.sso.text")
			if v.json && v.state["can_change"] != false {
				t.Errorf("answer %v, want no change", v.state)
			}
			v.post(emailPage, "email", "ann@else.example").status(422).told(auth.ReasonDomainNotAllowed)
		})
	})
	t.Run("R69 a host whose people's addresses cannot be changed says so", func(t *testing.T) {
		for _, json := range []bool{false, true} {
			cfg := mailing(nil)
			edit := cfg.Auth
			cfg.Auth = func(c *auth.Config) { edit(c); c.Registrar, c.Invitations = nil, nil }
			v := newProduct(t, cfg).visitor(json)
			v.enter(annMail).get(emailPage).says("email.fixed.text")
			if strings.Contains(v.shown.Body, `action="/auth/account/email"`) {
				t.Errorf("there is a form:\n%s", v.shown.Body)
			}
			v.post(emailPage, "email", newMail).status(http.StatusForbidden).told(auth.ReasonForbidden)
		}
	})
}

func TestAccountRecovery(t *testing.T) {
	t.Run("R70 asked for, confirmed, shown masked, and removed", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail).get(recoveryPage).says("recoverymail.none.text")
			link := v.asked(recoveryPage, newMail, mail.RecoveryConfirm)
			v.says("recoverymail.done.asked")
			if !v.shows(newMail) {
				t.Errorf("the page does not show which address waits:\n%s", v.shown.Body)
			}
			before := v.Cookie("__Host-session")
			v.confirms(link).status(200).says("recoverymail.done.changed")
			masked := "a…@home.example"
			if !v.shows(masked) || v.shows(newMail) {
				t.Errorf("want the address masked:\n%s", v.shown.Body)
			}
			v.letter(annMail, mail.RecoveryChanged)
			if v.get("/auth/account"); !v.shows(masked) {
				t.Errorf("my account does not have it:\n%s", v.shown.Body)
			}
			v.dead(before)
			before = v.Cookie("__Host-session")
			v.stale().get(recoveryPage).do("account/recovery/remove").sentToProve(recoveryPage + "#remove")
			v.proves("password", secret, recoveryPage)
			v.get(recoveryPage).do("account/recovery/remove").status(200).says("recoverymail.done.removed", "recoverymail.none.text")
			if v.shows(masked) {
				t.Errorf("it is still there:\n%s", v.shown.Body)
			}
			v.dead(before)
			v.letter(annMail, mail.RecoveryChanged)
			v.letter(newMail, mail.RecoveryChanged)
		})
	})
	t.Run("R70 R66 refused, cancelled, and kept through the proof", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.enter(annMail).get(recoveryPage)
			v.do("account/recovery", "email", "nonsense").status(422).told(auth.ReasonEmailInvalid)
			v.do("account/recovery", "email", "ANN@acme.example").status(422).told(auth.ReasonRecoverySame)
			link := v.asked(recoveryPage, newMail, mail.RecoveryConfirm)
			v.do("account/recovery/drop").status(200).says("recoverymail.done.dropped")
			v.post(recoveryPage+"/confirm", "token", link[strings.Index(link, "=")+1:]).status(422)
			v.stale().get(recoveryPage).do("account/recovery", "email", newMail).sentToProve(recoveryPage)
			if v.proves("password", secret, recoveryPage); !v.json && v.shown.Form("/account/recovery").Fields["email"] != newMail {
				t.Errorf("the form has forgotten the address:\n%s", v.shown.Body)
			}
			v.p.enforced()
			v.get(recoveryPage).says("recoverymail.sso.text")
			v.post(recoveryPage, "email", newMail).status(422).told(auth.ReasonSSORequired)
		})
	})
}
