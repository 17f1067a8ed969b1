package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// malicious finds something very wrong with every sign-in.
func malicious() authtest.Config {
	return authtest.Config{Mail: true, Auth: func(c *auth.Config) {
		c.Risk = func(context.Context, auth.Attempt) (auth.Verdict, error) { return auth.VerdictMalicious, nil }
	}}
}

const fresh = "a wholly new sentence 42"

// resetLink is the path and query of the newest reset in the mailbox.
func (p *product) resetLink(to string) string {
	p.t.Helper()
	found := ""
	for _, m := range p.Mail.Take(to) {
		if m.Kind == mail.Reset {
			u, err := url.Parse(m.Link)
			if err != nil {
				p.t.Fatal(err)
			}
			found = u.RequestURI()
		}
	}
	if found == "" {
		p.t.Fatalf("no reset was mailed to %s", to)
	}
	return found
}

// locked brings ann to the page of a locked account, and has the mail sent.
func (v *visitor) locked() (link string) {
	v.p.t.Helper()
	v.identify(ann).password(secret).is("stop").told(auth.ReasonAccountLocked)
	v.do("signin/reset").is("stop").status(200)
	return v.p.resetLink(ann)
}

// arrive opens the link of a mail. A program posts its token.
func (v *visitor) arrive(link string) *visitor {
	v.p.t.Helper()
	if !v.json {
		return v.take(v.Get(link)).is("reset").do("reset")
	}
	u, _ := url.Parse(link)
	v.state = nil
	return v.do("reset", "token", u.Query().Get("token"))
}

func TestReset(t *testing.T) {
	t.Run("R14 R53 A-143 locked: told after the password, a mail, a new password, and in", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			v.identify(ann).password("wrong").status(422).told(auth.ReasonInvalidCredentials)
			v.password(secret).is("stop").told(auth.ReasonAccountLocked)
			if len(v.shown.Forms()) == 0 && !v.json {
				t.Error("no button")
			}
			for _, m := range v.p.Mail.Take(ann) {
				if m.Code != "" || m.Link != "" {
					t.Errorf("letter %s with a code or a link before anybody asked (R53)", m.Kind)
				}
			}
			v.do("signin/reset").is("stop").status(200)
			if v.json && v.state["sent"] != true {
				t.Errorf("the answer does not say that something was sent: %s", v.shown.Body)
			}
			if want := english(t).Get("stop.account_locked_reset_required.sent"); !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
			}
			v.arrive(v.p.resetLink(ann)).is("newpassword")
			v.do("signin/newpassword", "password", fresh)
			if v.json {
				v.status(200).is("identify")
			} else if want := english(t).Get("identify.password_set"); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
			}
			if v.p.sessions("ann") != 0 || v.Cookie("__Host-reset") != "" {
				t.Error("a reset signs nobody in, and leaves nothing")
			}
		})
	})
	t.Run("R14 the mail is sent three times an hour, and then the page says so", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("stop")
			for range 3 {
				v.do("signin/reset").status(200)
			}
			v.do("signin/reset").status(http.StatusTooManyRequests).is("stop").told(auth.ReasonTooManyAttempts)
			if want := english(t).Get("stop.account_locked_reset_required"); !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page has forgotten what it is about:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("U22 invariant 10 the link's token leaves the address bar, and a GET consumes nothing", func(t *testing.T) {
		p := newProduct(t, malicious()).anyLetters()
		v := p.visitor(false)
		link := v.locked()
		p.Events()
		w := p.visitor(false) // another browser (U24)
		w.Stay = true
		first := w.Get(link)
		if first.Status != http.StatusSeeOther || first.Header.Get("Location") != "/auth/reset" || first.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("status %d to %q, Referrer-Policy %q", first.Status, first.Header.Get("Location"), first.Header.Get("Referrer-Policy"))
		}
		c, err := http.ParseSetCookie(first.Header.Get("Set-Cookie"))
		if err != nil || c.Name != "__Host-reset-link" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 600 || c.Path != "/" {
			t.Errorf("cookie %q, %v", first.Header.Get("Set-Cookie"), err)
		}
		for range 3 {
			w.Do(w.Request(http.MethodHead, link, "", ""))
			w.take(w.Get("/auth/reset")).is("reset").status(200)
		}
		if got := p.kinds(); len(got) != 0 || w.Cookie("__Host-reset") != "" {
			t.Errorf("the GETs have written: events %v", got)
		}
		if got := w.shown.Header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("the page with the form has Referrer-Policy %q: its form could not be told from another site's", got)
		}
		w.Stay, w.Old = false, true
		w.do("reset").is("newpassword")
		if w.Cookie("__Host-reset-link") != "" {
			t.Error("the link's cookie is still there")
		}
	})
	t.Run("U23 a link that counts no longer says so, and how to go on", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			link := v.locked()
			expired := func(w *visitor, link string, why auth.Reason) {
				t.Helper()
				u, _ := url.Parse(link)
				if !w.json {
					w.take(w.Get(link)).is("reset")
					if len(w.shown.Forms()) != 0 || !strings.Contains(w.shown.Body, english(t).Get("reset.expired.heading")) {
						t.Errorf("the page does not say that the link is no longer valid:\n%s", w.shown.Body)
					}
					w.take(w.Post("/auth/reset", form("token", u.Query().Get("token")))).status(422).is("reset").told(why)
					return
				}
				w.get(u.RequestURI()).is("stop").told(why)
				w.do("reset", "token", u.Query().Get("token")).status(422).told(why)
			}
			expired(v.again(), link+"x", auth.ReasonResetExpired)
			expired(v.again(), "/auth/reset?token=nonsense", auth.ReasonResetExpired)
			v.again().arrive(link).is("newpassword").do("signin/newpassword", "password", fresh)
			expired(v.again(), link, auth.ReasonResetUsed)
		})
	})
	t.Run("U23 an hour is too long", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			link := v.locked()
			v.p.Clock.Advance(time.Hour)
			w := v.again()
			if u, _ := url.Parse(link); w.json {
				w.do("reset", "token", u.Query().Get("token")).status(422).told(auth.ReasonResetExpired)
			} else if w.take(w.Get(link)).is("reset"); len(w.shown.Forms()) != 0 {
				t.Errorf("there is a way on:\n%s", w.shown.Body)
			}
		})
	})
	t.Run("U4 U11 the rules stand there before, and all that are not met afterwards", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			v.arrive(v.locked()).is("newpassword")
			text := english(t)
			for _, want := range []string{text.Count("rule.too_short", 15), text.Get("rule.common"), text.Get("rule.personal"), text.Count("rule.reused", 1)} {
				if !strings.Contains(v.shown.Body, want) {
					t.Errorf("the answer lacks the rule %q:\n%s", want, v.shown.Body)
				}
			}
			if !v.json {
				if f := v.shown.Form("/newpassword"); f.Fields["username"] != ann {
					t.Errorf("fields %v, want the address for password managers", f.Fields)
				}
			}
			v.do("signin/newpassword", "password", "").status(422).told(auth.ReasonPasswordMissing)
			v.do("signin/newpassword", "password", "password1").status(422).is("newpassword").told(auth.ReasonPasswordPolicy)
			if v.json {
				unmet := 0
				for _, r := range v.state["rules"].([]any) {
					if r.(map[string]any)["unmet"] == true {
						unmet++
					}
				}
				if unmet != 2 || v.state["field"] != "password" {
					t.Errorf("%d unmet rules, field %v, want 2 and password: %s", unmet, v.state["field"], v.shown.Body)
				}
			} else if got := strings.Count(v.shown.Body, `<li class="unmet">`); got != 2 {
				t.Errorf("%d unmet rules, want 2:\n%s", got, v.shown.Body)
			}
			if strings.Contains(v.shown.Body, "password1") {
				t.Error("the answer repeats the password")
			}
			v.do("signin/newpassword", "password", fresh)
			v.again().identify(ann).password(secret).status(422).told(auth.ReasonInvalidCredentials)
		})
	})
	t.Run("A-198 whoever has an app needs it for a new password as well", func(t *testing.T) {
		locks := false
		cfg := authtest.Config{Mail: true, Auth: func(c *auth.Config) {
			c.Preset.Policy.Verification = auth.VerifyOff
			c.Risk = func(context.Context, auth.Attempt) (auth.Verdict, error) {
				if locks {
					return auth.VerdictMalicious, nil
				}
				return auth.VerdictOrdinary, nil
			}
		}}
		bothMailed(t, cfg, func(t *testing.T, v *visitor) {
			locks = false
			phone, _ := v.p.withApp(t, ann)
			locks = true
			v.arrive(v.locked()).is("appcode")
			v.take(v.JSON("POST", "/auth/signin/newpassword", `{"flow":"`+v.form()+`","password":"`+fresh+`"}`))
			if len(v.codes()) != 0 || v.at() == "identify" {
				t.Errorf("a new password without the app: %s", v.shown.Body)
			}
			v.get("/auth/reset").is("appcode")
			v.totp(other(phone.Code())).status(422).told(auth.ReasonTOTPWrong)
			v.totp(phone.Code()).is("newpassword").do("signin/newpassword", "password", fresh)
			if v.p.sessions("ann") != 0 {
				t.Error("a reset has signed somebody in")
			}
		})
	})
	t.Run("a reset that took too long, or is begun anew, needs its link", func(t *testing.T) {
		bothMailed(t, malicious(), func(t *testing.T, v *visitor) {
			link := v.locked()
			v.arrive(link).is("newpassword")
			v.p.Clock.Advance(16 * time.Minute)
			v.do("signin/newpassword", "password", fresh).status(http.StatusGone).told(auth.ReasonFlowGone)
			v.arrive(link).is("newpassword").do("signin/cancel").is("identify")
		})
	})
}

// Where nothing can be mailed, a locked person is not offered a mail.
func TestLockedWithoutMail(t *testing.T) {
	both(t, authtest.Config{Auth: malicious().Auth}, func(t *testing.T, v *visitor) {
		v.identify(ann).password(secret).is("stop").told(auth.ReasonAccountLocked)
		if want := english(t).Get("stop.account_locked_reset_required.ask"); !v.json && (!strings.Contains(v.shown.Body, want) || strings.Contains(v.shown.Body, "signin/reset")) {
			t.Errorf("R14 the page does not say %q, or has the button", want)
		}
		if v.json && strings.Contains(v.shown.Body, "signin/reset") {
			t.Errorf("R14 the answer leads to a mail: %s", v.shown.Body)
		}
	})
}
