package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestSecondStep(t *testing.T) {
	t.Run("R60 R51 the app's code, and no mailed one besides", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.open("return_to", "/reports").identify(ann).password(secret).is("appcode").status(200)
			if v.p.sessions("ann") != 1 {
				t.Error("there is a session before the second step")
			}
			if got := v.totp(phone.Code()).landed(); got != "/reports" {
				t.Errorf("landed at %q", got)
			}
			if letters := v.p.Mail.Take(ann); len(letters) > 0 && letters[len(letters)-1].Code != "" {
				t.Errorf("a code was mailed: %v", letters)
			}
		})
	})
	t.Run("R60 R56 wrong, of another form, used", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode")
			v.totp(other(phone.Code())).status(422).told(auth.ReasonTOTPWrong)
			v.totp("12 34").status(422).told(auth.ReasonCodeFormat)
			code := phone.Code()
			v.totp(code[:3] + " " + code[3:]).is("in")
			w := v.again()
			w.identify(ann).password(secret).totp(code).status(422).is("appcode").told(auth.ReasonTOTPReused)
			w.totp(phone.Next()).is("in")
		})
	})
	t.Run("R60 A-183 five tries, and then a new beginning; other methods stay open", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, codes := v.p.withApp(t, ann)
			v.identify(ann).password(secret)
			for range 5 {
				v.totp(other(phone.Code())).status(422)
			}
			v.totp(phone.Code()).status(http.StatusTooManyRequests).is("appcode")
			if want := english(t).Get("reason.too_many_attempts.spent"); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the answer lacks %q:\n%s", want, v.shown.Body)
			}
			w := *v
			w.recovery(codes[0]).is("in")
			v.open("switch", "other").identify(ann).password(secret).totp(phone.Next()).is("in")
		})
	})
	t.Run("R60 the way out of too many tries", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret)
			for range 6 {
				v.totp(other(phone.Code()))
			}
			v.status(429).do("signin/restart").is("identify")
			v.identify(ann).password(secret).totp(phone.Code()).is("in")
		})
	})
	t.Run("R59 a recovery code, once and in any spelling", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			_, codes := v.p.withApp(t, ann)
			if len(codes) != 10 {
				t.Fatalf("%d recovery codes, want 10", len(codes))
			}
			v.identify(ann).password(secret).is("appcode")
			v.recovery("nonsense").status(422).is("recovery")
			if want := english(t).Get("reason.code_format.recovery"); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the answer lacks %q:\n%s", want, v.shown.Body)
			}
			v.recovery("22222-22222").status(422).told(auth.ReasonRecoveryWrong)
			v.recovery(" " + strings.ToUpper(strings.ReplaceAll(codes[3], "-", " "))).is("in")
			w := v.again()
			w.identify(ann).password(secret).recovery(codes[3]).status(422).told(auth.ReasonRecoveryUsed)
			w.recovery(codes[4]).is("in")
		})
	})
	t.Run("R59 where there are none, none is asked for", func(t *testing.T) {
		bothMailed(t, unverified(func(p *auth.Preset) { p.SkipRecoveryCodes, p.SelfReset = true, auth.SelfResetOff }), func(t *testing.T, v *visitor) {
			_, codes := v.p.withApp(t, ann)
			if len(codes) != 0 {
				t.Errorf("recovery codes %v, want none", codes)
			}
			v.open().identify(ann).password(secret).is("appcode")
			if strings.Contains(v.shown.Body, "recovery") {
				t.Errorf("recovery codes are offered:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("R61 the box names the days, and spares this device for thirty", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode")
			switch want := english(t).Count("field.trust", 30); {
			case v.json && v.state["trust_box"] != true:
				t.Errorf("no box in %s", v.shown.Body)
			case !v.json && !strings.Contains(v.shown.Body, want):
				t.Errorf("the page lacks %q:\n%s", want, v.shown.Body)
			}
			v.do("signin/totp", "code", phone.Code(), "trust", "1").is("in")
			v.p.Clock.Advance(29 * aDay)
			v.open().identify(ann).password(secret).is("in")
			v.p.Clock.Advance(2 * aDay)
			v.open().identify(ann).password(secret).is("appcode")
			v.again().identify(ann).password(secret).is("appcode")
		})
	})
	t.Run("R61 a box that nobody offered counts for nothing", func(t *testing.T) {
		bothMailed(t, unverified(func(p *auth.Preset) { p.Policy.DeviceTrust = auth.TrustForbid }), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode")
			if v.state["trust_box"] == true || !v.json && strings.Contains(v.shown.Body, `name="trust"`) {
				t.Errorf("the box is offered:\n%s", v.shown.Body)
			}
			v.do("signin/totp", "code", phone.Code(), "trust", "1").is("in")
			v.p.Clock.Advance(2 * aDay)
			v.open().identify(ann).password(secret).is("appcode")
		})
	})
	t.Run("A-196 the user comes from the flow, whatever is posted, and flows do not mix", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.withApp(t, ann)
			mine, _ := v.p.withApp(t, "two@acme.example")
			v.identify(ann).password(secret).is("appcode")
			v.do("signin/totp", "code", mine.Code(), "email", "two@acme.example", "user", "two", "account", "umbra").status(422)
			w := v.again()
			w.identify("two@acme.example").password(secret).is("appcode")
			anns := v.form() // with the cookie of another sign-in
			w.take(w.JSON("POST", "/auth/signin/totp", `{"code":"`+mine.Code()+`","flow":"`+anns+`"}`)).status(409)
			if n := w.p.sessions("ann"); n != 1 {
				t.Errorf("ann has %d sessions, want the one of the set-up", n)
			}
		})
	})
	t.Run("A-202 A-203 no other method, address or kind of body gets past it", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode")
			flow := v.form()
			for _, kind := range []string{"application/json", urlencoded, "multipart/form-data; boundary=x", "text/plain"} {
				for _, path := range []string{
					"code", "code/resend", "enroll/begin", "enroll/email", "enroll/app", "enroll/confirm", "account", "newpassword", "password", "reset",
				} {
					body := form("flow", flow, "code", "123456", "password", secret, "account", "acme", "stage", "ready").Encode()
					if kind == "application/json" {
						body = `{"flow":"` + flow + `","code":"123456","password":"` + secret + `","account":"acme","stage":"ready"}`
					}
					r := v.Request("POST", "/auth/signin/"+path, kind, body)
					r.Header.Set("Origin", authtest.BaseURL)
					v.Do(r)
				}
			}
			if v.open().is("appcode"); v.p.sessions("ann") != 1 {
				t.Error("a session without the second step")
			}
			if letters := v.p.Mail.Take(ann); len(letters) > 0 && letters[len(letters)-1].Code != "" {
				t.Errorf("a code was mailed in the place of the app's: %v", letters)
			}
		})
	})
	t.Run("A-195 A-197 A-199 what is half done opens nothing and does not last", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.open().do("signin/identify", "email", ann, "remember", "1").password(secret).is("appcode")
			v.Stay = true
			for _, path := range []string{"/", "/auth/account", "/auth/account/two-step", "/auth/stepup"} {
				if p := v.Get(path); p.Status != http.StatusSeeOther {
					t.Errorf("%s: status %d with a sign-in half done", path, p.Status)
				}
			}
			v.Stay = false
			for _, name := range []string{"__Host-device", "__Host-session", "__Host-signin-email"} {
				if got := v.Cookie(name); got != "" {
					t.Errorf("%s is %q before the second step", name, got)
				}
			}
			v.p.Clock.Advance(16 * time.Minute)
			v.totp(phone.Code()).status(http.StatusGone).is("identify").told(auth.ReasonFlowGone)
		})
	})
}

// form is the public id of the flow that the visitor's page is of.
func (v *visitor) form() string {
	if v.json {
		id, _ := v.state["flow"].(string)
		return id
	}
	for _, f := range v.shown.Forms() {
		if id := f.Fields["flow"]; id != "" {
			return id
		}
	}
	return ""
}
