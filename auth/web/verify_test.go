package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

const ann = "ann@acme.example"

// other is a code of six digits that is not this one.
func other(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

func TestLoginVerification(t *testing.T) {
	t.Run("R49 R50 U18 U19 a code on a device not known, and none on one that is", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.open("return_to", "/reports").identify(ann).password(secret).is("mailcode").status(200)
			if v.p.sessions("ann") != 0 {
				t.Error("there is a session before the code")
			}
			code := v.p.Mail.Code(ann)
			if v.json {
				if v.state["mail_to"] != "a…@acme.example" || v.state["resend_at"] == nil || v.state["code_expires"] == nil {
					t.Errorf("the answer does not say where the code went, and for how long it counts: %s", v.shown.Body)
				}
			} else if !strings.Contains(v.shown.Body, "a…@acme.example") || !strings.Contains(v.shown.Body, "10 more minutes") {
				t.Errorf("the page lacks the masked address or the life of the code:\n%s", v.shown.Body)
			}
			if got := v.code(code).landed(); got != "/reports" {
				t.Errorf("landed at %q", got)
			}
			v.aside("signout")
			v.open().identify(ann).password(secret).is("in")
		})
	})
	t.Run("R50 wrong, of another form, expired", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			code := v.p.Mail.Code(ann)
			v.code(other(code)).status(422).is("mailcode").told(auth.ReasonCodeWrong)
			v.code("").status(422).told(auth.ReasonCodeFormat)
			v.p.Clock.Advance(10 * time.Minute)
			v.code(code).status(422).told(auth.ReasonCodeExpired)
			v.do("signin/code/resend").is("mailcode").status(200)
			v.code(v.p.Mail.Code(ann)).is("in")
		})
	})
	t.Run("U14 U15 codes as people type them, and errors by their cause", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			code := v.p.Mail.Code(ann)
			words := english(t)
			for typed, key := range map[string]string{"123": "few", "1234567": "many", "12a456": "digits", "": "few"} {
				v.code(typed).status(422)
				if want := words.Get("reason.code_format." + key); !strings.Contains(v.shown.Body, want) {
					t.Errorf("%q is not answered with %q:\n%s", typed, want, v.shown.Body)
				}
			}
			wide := strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
			v.code(wide[:9] + "- " + wide[9:]).is("in")
		})
	})
	t.Run("U13 U2 one field that is filled in by itself", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).anyLetters().visitor(false)
		v.identify(ann).password(secret).is("mailcode")
		fields := regexp.MustCompile(`<input type="text"[^>]*>`).FindAllString(v.shown.Body, -1)
		if len(fields) != 1 {
			t.Fatalf("fields %q, want one", fields)
		}
		for _, want := range []string{`autocomplete="one-time-code"`, `inputmode="numeric"`, `maxlength="24"`, `name="code"`} {
			if !strings.Contains(fields[0], want) {
				t.Errorf("the field %s lacks %s", fields[0], want)
			}
		}
	})
	t.Run("U16 A-186 another code: not too early, and then only the newest counts", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			first := v.p.Mail.Code(ann)
			v.p.Clock.Advance(20 * time.Second)
			v.do("signin/code/resend").status(http.StatusTooManyRequests).is("mailcode")
			if want := english(t).Count("reason.too_many_attempts.resend", 10); !strings.Contains(v.shown.Body, want) || retryAfter(v.shown) != 10 {
				t.Errorf("pressed early: Retry-After %d, and the answer lacks %q:\n%s", retryAfter(v.shown), want, v.shown.Body)
			}
			v.p.Clock.Advance(10 * time.Second)
			v.do("signin/code/resend").status(200).is("mailcode")
			if want := english(t).Get("resend.sent"); !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say %q (U26)", want)
			}
			second := v.p.Mail.Code(ann)
			if first != second {
				v.code(first).status(422).told(auth.ReasonCodeWrong)
			}
			v.code(second).is("in")
		})
	})
	t.Run("A-183 A-186 five wrong codes end the flow, however many were sent", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			code := v.p.Mail.Code(ann)
			for i := range 4 {
				v.code(other(code)).status(422)
				if i == 2 {
					v.p.Clock.Advance(time.Minute)
					v.do("signin/code/resend").status(200)
					code = v.p.Mail.Code(ann)
				}
			}
			v.code(other(code)).status(422)
			v.code(code).status(http.StatusTooManyRequests).is("mailcode")
			if want := english(t).Get("reason.too_many_attempts.spent"); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the answer lacks %q:\n%s", want, v.shown.Body)
			}
			v.do("signin/restart").is("identify")
			v.identify(ann).password(secret).is("mailcode").code(v.p.Mail.Code(ann)).is("in")
		})
	})
	t.Run("A-185 a code of one browser counts in no other", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			stolen := v.p.Mail.Code(ann)
			w := v.again()
			w.identify(ann).password(secret).is("mailcode")
			if v.p.Mail.Code(ann) == stolen {
				t.Skip("two codes were the same by chance")
			}
			w.code(stolen).status(422).told(auth.ReasonCodeWrong)
			v.code(stolen).is("in")
		})
	})
	t.Run("A-189 A-199 nothing outlives the browser before the code was right", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.open().do("signin/identify", "email", ann, "remember", "1").password(secret).is("mailcode")
			for _, name := range []string{"__Host-device", "__Host-session", "__Host-signin-email"} {
				if got := v.Cookie(name); got != "" {
					t.Errorf("%s is %q before the code", name, got)
				}
			}
			v.p.Mail.Code(ann)
			v.Restart()
			v.open().is("identify")
		})
	})
	t.Run("A-192 the code stands in the letter, and nowhere else", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.Stay = true
			v.open().identify(ann)
			v.open()
			v.password(secret)
			bodies := v.shown.Body
			v.open().is("mailcode")
			letters := v.p.Mail.Take(ann)
			if len(letters) != 1 || letters[0].Code == "" {
				t.Fatalf("letters %v, want one with a code", letters)
			}
			code := letters[0].Code
			if strings.Contains(letters[0].Subject, code) {
				t.Errorf("the subject has the code: %s", letters[0].Subject)
			}
			bodies += v.shown.Body
			v.do("signin/code", "code", other(code))
			bodies += v.shown.Body + v.shown.Header.Get("Location")
			for _, e := range v.p.Events() {
				bodies += strings.Join(e.Trace, " ") + string(e.Reason)
			}
			if strings.Contains(bodies, code) {
				t.Errorf("the code %s stands where it must not:\n%s", code, bodies)
			}
		})
	})
	t.Run("A-143 A-190 code pages before the password tell nothing and open nothing", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.p.AddUser(auth.User{ID: "nann", Email: "nann@acme.example"}, secret)
			var first []string
			for i, name := range []string{"nann", "nunk"} {
				w := v.again()
				w.Stay = true
				w.identify(name + "@acme.example")
				w.open()
				var seen []string
				for _, path := range []string{
					"code", "code/resend", "totp", "recovery", "enroll/begin", "enroll/email", "enroll/app", "enroll/confirm", "enroll/newdevice", "reset", "newpassword",
				} {
					body := map[string]string{"code": "123456", "password": secret}
					if !w.json {
						w.take(w.Post("/auth/signin/"+path, form("code", "123456", "password", secret)))
					} else {
						w.do("signin/"+path, "code", body["code"], "password", secret)
					}
					seen = append(seen, whole(w.shown, name))
				}
				if got := w.open().at(); got != "password" {
					t.Errorf("%s is at %q, want the password", name, got)
				}
				for k := range seen {
					if i > 0 && seen[k] != first[k] {
						t.Errorf("%s is told apart from nann:\n%s", name, difference(seen[k], first[k]))
					}
				}
				first = seen
			}
			if letters := v.p.Mail.Take("nann@acme.example"); len(letters) != 0 {
				t.Errorf("letters %v before the password, want none", letters)
			}
		})
	})
	t.Run("A-197 A-195 what is half done opens nothing, and does not last", func(t *testing.T) {
		bothMailed(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).is("mailcode")
			code := v.p.Mail.Code(ann)
			v.Stay = true
			token := v.Cookie("__Host-flow")
			v.SetCookie("__Host-session", token) // as if it were one
			for _, path := range []string{"/", "/reports", "/auth/account", "/auth/account/sessions", "/auth/account/devices", "/auth/account/two-step", "/auth/stepup"} {
				for _, p := range []*authtest.Page{v.Get(path), v.JSON("GET", path, "")} {
					if p.Status != http.StatusSeeOther && p.Status != http.StatusUnauthorized || strings.Contains(p.Body, "app:") {
						t.Errorf("%s: status %d with a sign-in half done", path, p.Status)
					}
				}
			}
			v.SetCookie("__Host-session", "")
			v.Stay = false
			v.p.Clock.Advance(16 * time.Minute)
			v.code(code).status(http.StatusGone).is("identify").told(auth.ReasonFlowGone)
		})
	})
	t.Run("R52 R49 verification that is off asks nothing, and one that is always on asks again", func(t *testing.T) {
		bothMailed(t, mailing(func(p *auth.Preset) { p.Policy.Verification = auth.VerifyAlways }), func(t *testing.T, v *visitor) {
			for range 2 {
				v.open("switch", "other").identify(ann).password(secret).is("mailcode").code(v.p.Mail.Code(ann)).is("in")
			}
		})
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) { v.signIn(ann) })
	})
	t.Run("U30 back to the same page in another language, and cancelled", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).anyLetters().visitor(false)
		v.identify(ann).password(secret).is("mailcode")
		v.take(v.Get("/auth/signin?lang=es")).is("mailcode")
		if !strings.Contains(v.shown.Body, "Compruebe su inicio de sesión") {
			t.Errorf("the page is not in Spanish:\n%s", v.shown.Body)
		}
		v.p.Mail.Code(ann)
		v.do("signin/cancel").is("identify")
	})
}

// aside posts what no form of the page does, and stays on the page.
func (v *visitor) aside(action string) {
	v.p.t.Helper()
	v.JSON(http.MethodPost, "/auth/"+action, "{}")
}
