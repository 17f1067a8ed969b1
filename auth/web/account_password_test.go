package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const passwordPage = "/auth/account/password"

// opens tells whether a password is ann's, in another browser. A code that is mailed meanwhile is not needed.
func (v *visitor) opens(typed string) bool {
	v.p.t.Helper()
	w := v.again()
	w.open().identify(annMail).password(typed)
	w.p.Mail.Take(annMail)
	return w.at() != "password"
}

// dead checks that a session's token opens nothing any more.
func (v *visitor) dead(token string) {
	v.p.t.Helper()
	w := v.again()
	w.SetCookie("__Host-session", token)
	if w.get("/auth/account"); w.shown.Status == http.StatusOK && w.shown.URL.Path == "/auth/account" {
		v.p.t.Error("an old session still opens my account")
	}
}

// enforced lets acme.example ask for its company's own sign-in.
func (p *product) enforced() {
	p.t.Helper()
	err := p.People.AddDomain(p.t.Context(), "acme", "acme.example", p.Clock.Now())
	if err == nil {
		err = p.People.SetDomainSSO(p.t.Context(), "acme.example", auth.SSOEnforced)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestAccountPassword(t *testing.T) {
	t.Run("R12 U4 A-224 a new password: this session goes on under a new token, the others end", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			other := v.again().enter(annMail).Cookie("__Host-session")
			v.enter(annMail).get(passwordPage).status(200).says("password.heading.change", "password.hint")
			before, device := v.Cookie("__Host-session"), v.Cookie("__Host-device")
			if !v.json {
				f := v.shown.Form("/account/password")
				if f.Fields["username"] != annMail {
					t.Errorf("fields %v, want the address for password managers", f.Fields)
				}
				for _, want := range []string{
					`id="current-password" name="current" autocomplete="current-password"`, `id="new-password" name="password" autocomplete="new-password"`,
				} {
					if !strings.Contains(v.shown.Body, want) {
						t.Errorf("the form lacks %s:\n%s", want, v.shown.Body)
					}
				}
			}
			if v.do("account/password", "current", secret, "password", fresh).status(200); !v.json {
				v.is("account_home").says("password.done")
			}
			v.letter(annMail, mail.PasswordChanged)
			if v.Cookie("__Host-session") == before || v.Cookie("__Host-device") == device || v.p.sessions("ann") != 1 {
				t.Errorf("want new tokens and one session, not %d", v.p.sessions("ann"))
			}
			v.dead(before)
			v.dead(other)
			if v.opens(secret) || !v.opens(fresh) {
				t.Error("the password is not the new one")
			}
			v.get("/auth/account").status(200)
		})
	})
	t.Run("R12 A-157 not without the present password, whichever way it is tried, and every try is counted", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail).get(passwordPage).do("account/password", "password", fresh).status(422).told(auth.ReasonCurrentWrong)
			v.do("account/password", "current", "wrong", "password", fresh).status(422).told(auth.ReasonCurrentWrong).says("forgot.link")
			if strings.Contains(v.shown.Body, fresh) {
				t.Error("the answer shows what was typed")
			}
			if v.json {
				if v.state["field"] != "current" {
					t.Errorf("field %v, want current", v.state["field"])
				}
			} else if !strings.Contains(v.shown.Body, `<a href="#current-password">`) {
				t.Errorf("the summary leads to no field:\n%s", v.shown.Body)
			}
			v.post("/auth/reset").status(422)
			v.post("/auth/signin/newpassword", "password", fresh).status(http.StatusGone)
			v.get(passwordPage)
			tries := 2
			for v.shown.Status != http.StatusTooManyRequests && tries < 30 {
				v.do("account/password", "current", "wrong", "password", fresh)
				tries++
			}
			v.do("account/password", "current", secret, "password", fresh).status(http.StatusTooManyRequests).told(auth.ReasonTooManyAttempts)
			if retryAfter(v.shown) == 0 {
				t.Errorf("no Retry-After after %d tries", tries)
			}
			v.p.Clock.Advance(1 << 40) // about 18 minutes: what was charged is over, and so is what was proven
			if v.opens(fresh) || !v.opens(secret) {
				t.Error("the password has changed")
			}
		})
	})
	t.Run("R12 U11 rules that are not met, and a password that was used before", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail).get(passwordPage)
			if want := english(t).Count("rule.too_short", 15); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the rule %q does not stand there before:\n%s", want, v.shown.Body)
			}
			v.do("account/password", "current", secret, "password", "").status(422).told(auth.ReasonPasswordMissing)
			v.do("account/password", "current", secret, "password", "password1").status(422).told(auth.ReasonPasswordPolicy)
			if got := strings.Count(v.shown.Body, `"unmet":true`) + strings.Count(v.shown.Body, `class="unmet"`); got != 2 {
				t.Errorf("%d unmet rules, want 2:\n%s", got, v.shown.Body)
			}
			v.do("account/password", "current", secret, "password", secret).status(422).told(auth.ReasonPasswordReused)
		})
	})
	t.Run("R12 R66 a recent proof comes first, the app's where there is one, and changes nothing itself", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			v.stale().get(passwordPage)
			if !v.json {
				v.sentToProve(passwordPage)
			}
			v.post(passwordPage, "current", secret, "password", fresh).sentToProve(passwordPage)
			v.post("/auth/stepup", "password", secret, "return_to", passwordPage)
			v.post(passwordPage, "current", secret, "password", fresh).sentToProve(passwordPage)
			v.totp(v.p.Phone.Next()).status(200)
			if !v.opens(secret) {
				t.Error("the step-up has changed the password")
			}
			v.get(passwordPage).do("account/password", "current", secret, "password", fresh).status(200)
			v.letter(annMail, mail.PasswordChanged)
		})
	})
	t.Run("R12 a company with its own sign-in: whom to ask, and no form", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail)
			v.p.enforced()
			v.get(passwordPage).status(200).says("password.sso.text")
			if strings.Contains(v.shown.Body, "current-password") {
				t.Errorf("there is a form:\n%s", v.shown.Body)
			}
			if v.post(passwordPage, "current", secret, "password", fresh).status(422).says("password.sso.text"); v.json {
				v.told(auth.ReasonSSORequired)
			}
			v.get("/auth/account").says("password.sso.short")
		})
	})
	t.Run("R12 whoever has no password sets the first", func(t *testing.T) {
		for _, json := range []bool{false, true} {
			none := false
			cfg := mailing(nil)
			edit := cfg.Auth
			cfg.Auth = func(c *auth.Config) {
				edit(c)
				c.Stores.Credentials = &hashless{c.Stores.Credentials, &none}
			}
			v := newProduct(t, cfg).visitor(json)
			v.enter(annMail)
			none = true
			v.get(passwordPage).status(200).says("password.heading.set")
			if strings.Contains(v.shown.Body, "current-password") {
				t.Errorf("the page asks for a password that is not there:\n%s", v.shown.Body)
			}
			if v.do("account/password", "password", fresh).status(200); !json {
				v.is("account_home").says("password.done.first")
			}
			none = false
			if !v.opens(fresh) {
				t.Error("the password is not set")
			}
		}
	})
}

// hashless is Credentials in which nobody has a password while none is true.
type hashless struct {
	auth.Credentials
	none *bool
}

func (h *hashless) Credential(ctx context.Context, userID string) (auth.Credential, error) {
	c, err := h.Credentials.Credential(ctx, userID)
	if *h.none {
		c.Hash = ""
	}
	return c, err
}
