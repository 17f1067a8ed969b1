package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// stepUp asks for the step-up page.
func (v *visitor) stepUp(pairs ...string) *visitor {
	return v.get("/auth/stepup?" + form(pairs...).Encode())
}

// events are the kinds of what was recorded since the last call.
func (p *product) kinds() []auth.Kind {
	var kinds []auth.Kind
	for _, e := range p.Events() {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func TestStepUp(t *testing.T) {
	t.Run("R66 the password once more, a new token, and back to the page", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			before, flow := v.Cookie("__Host-session"), v.Cookie("__Host-flow")
			v.p.Clock.Advance(11 * time.Minute)
			v.p.Events()
			v.stepUp("return_to", "/billing?tab=2").is("password").status(200)
			if got := v.p.kinds(); len(got) != 0 || v.Cookie("__Host-stepup") != "" {
				t.Errorf("the GET has written: events %v, cookie %q", got, v.Cookie("__Host-stepup"))
			}
			if want := english(t).Get("stepup.lead"); !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say why:\n%s", v.shown.Body)
			}
			v.do("stepup", "password", "wrong", "return_to", "/billing?tab=2").status(422).is("password").told(auth.ReasonInvalidCredentials)
			if v.Cookie("__Host-stepup") == "" || v.Cookie("__Host-flow") != flow {
				t.Error("want a cookie of its own")
			}
			if got := v.password(secret).landed(); got != "/billing?tab=2" {
				t.Errorf("landed at %q", got)
			}
			if v.Cookie("__Host-session") == before || v.Cookie("__Host-stepup") != "" || v.p.sessions("ann") != 1 {
				t.Error("want the same session under a new token, and no flow left")
			}
			v.SetCookie("__Host-session", before)
			v.open().is("identify")
		})
	})
	t.Run("R66 right at once, and with recent proof not at all", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").do("stepup", "password", secret, "return_to", "/billing")
			if got := v.landed(); got != "/billing" {
				t.Errorf("landed at %q", got)
			}
			token := v.Cookie("__Host-session")
			if got := v.stepUp("return_to", "/again").landed(); got != "/again" || v.Cookie("__Host-session") != token {
				t.Errorf("landed at %q; a GET must not change the session", got)
			}
		})
	})
	t.Run("R66 the strongest proof is asked for: the app, not the password", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, codes := v.p.withApp(t, ann)
			v.identify(ann).password(secret).totp(phone.Code()).is("in")
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").is("appcode")
			v.do("stepup", "password", secret, "return_to", "/billing").is("appcode")
			v.totp(other(phone.Code())).status(422).told(auth.ReasonTOTPWrong)
			if got := v.totp(phone.Code()).landed(); got != "/billing" {
				t.Errorf("landed at %q", got)
			}
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").is("appcode")
			v.follow("way=recovery")
			if got := v.do("stepup", "code", codes[0], "way", "recovery", "return_to", "/billing").landed(); got != "/billing" {
				t.Errorf("landed at %q with a recovery code", got)
			}
		})
	})
	t.Run("R57 set-up in a step-up: codes after the session has its new token, and then back", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			before := v.Cookie("__Host-session")
			v.stepUp("action", "two_step", "return_to", "/billing")
			if v.json {
				v.do("stepup", "action", "two_step", "return_to", "/billing")
			}
			v.dialogs(ann, v.p.Phone)
			if codes := v.confirm(v.p.Phone); len(codes) != 10 {
				t.Errorf("recovery codes %v, want ten", codes)
			}
			if v.Cookie("__Host-session") == before || v.Cookie("__Host-device") == "" {
				t.Error("want a new session token and a device cookie with the codes")
			}
			if v.json {
				if v.state["stage"] != "ready" || v.state["return_to"] != "/billing" {
					t.Errorf("answer %s, want ready and the way back", v.shown.Body)
				}
			} else if v.next(); v.shown.URL.Path != "/billing" || !strings.HasPrefix(v.shown.Body, "app: ann") {
				t.Errorf("Continue leads to %s", v.shown)
			}
			v.stepUp("action", "two_step").is("stop").told(auth.ReasonNotEnrolled)
		})
	})
	t.Run("R66 nobody is signed in: the sign-in comes first and leads back", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.stepUp("return_to", "/billing", "action", "two_step")
			if v.json {
				v.status(http.StatusUnauthorized).told(auth.ReasonSignInRequired)
				v.do("stepup", "password", secret).status(http.StatusUnauthorized)
				return
			}
			v.is("identify")
			if got := v.identify(ann).password(secret).landed(); got != "/billing" {
				t.Errorf("landed at %q", got)
			}
			v.again().stepUp("action", "two_step").is("identify")
		})
	})
	t.Run("R66 invariant 2 a step-up is its session's, whoever has its cookie", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").do("stepup", "password", "wrong", "return_to", "/billing").is("password")
			w := v.again()
			w.open("return_to", "/?account=acme").identify("two@acme.example").password(secret).is("in")
			before := w.Cookie("__Host-session")
			w.SetCookie("__Host-stepup", v.Cookie("__Host-stepup"))
			w.take(w.JSON("POST", "/auth/signin/password", `{"flow":"`+v.form()+`","password":"`+secret+`"}`))
			if slices.Contains(w.p.kinds(), auth.SteppedUp) || w.Cookie("__Host-session") != before {
				t.Errorf("the step-up of ann has changed the session of two: %s", w.shown.Body)
			}
		})
	})
	t.Run("R66 cancelled, and begun anew", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			phone, _ := v.p.withApp(t, ann)
			v.identify(ann).password(secret).totp(phone.Code()).is("in")
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").do("stepup", "code", other(phone.Code()), "return_to", "/billing").status(422)
			for range 5 {
				v.totp(other(phone.Code()))
			}
			v.status(http.StatusTooManyRequests).do("signin/restart").is("appcode").status(200)
			phone.Next()
			v.do("signin/cancel")
			if v.Cookie("__Host-stepup") != "" {
				t.Error("the flow is there after cancelling")
			}
			if v.json {
				v.is("in")
			} else if v.shown.URL.Path != "/auth/account" {
				t.Errorf("cancelled to %s, want my account", v.shown.URL)
			}
			if v.p.sessions("ann") != 2 {
				t.Errorf("cancelling has ended a session: %d, want 2", v.p.sessions("ann"))
			}
		})
	})
	t.Run("R66 two flows in one browser: the posted id picks the cookie", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").do("stepup", "password", "wrong", "return_to", "/billing").is("password")
			mine := *v
			v.open("switch", "other").identify("two@acme.example").password(secret).is("account")
			if v.Cookie("__Host-flow") == "" || v.Cookie("__Host-stepup") == "" {
				t.Fatal("want both flows")
			}
			if got := mine.password(secret).landed(); got != "/billing" {
				t.Errorf("landed at %q", got)
			}
			if v.p.sessions("two") != 0 {
				t.Error("the step-up has finished the sign-in")
			}
		})
	})
	t.Run("R66 a flow that took too long begins anew, with what it was for", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/billing").do("stepup", "password", "wrong", "return_to", "/billing").is("password")
			v.p.Clock.Advance(16 * time.Minute)
			v.password(secret).status(http.StatusGone).is("password").told(auth.ReasonFlowGone)
			if got := v.do("stepup", "password", secret, "return_to", "/billing").landed(); got != "/billing" {
				t.Errorf("landed at %q", got)
			}
		})
	})
	t.Run("R12 a return address of another site is dropped", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "https://evil.example/").do("stepup", "password", secret, "return_to", "https://evil.example/")
			if v.json {
				if got := v.landed(); got != "/auth/account" {
					t.Errorf("landed at %q, want my account", got)
				}
			} else if v.shown.URL.Path != "/auth/account" {
				t.Errorf("landed at %s, want my account", v.shown.URL)
			}
		})
	})
	t.Run("signing out ends what is under way", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.signIn(ann)
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp().do("stepup", "password", "wrong").is("password")
			token := v.Cookie("__Host-stepup")
			v.aside("signout")
			if v.Cookie("__Host-stepup") != "" {
				t.Error("the cookie is still there")
			}
			v.SetCookie("__Host-stepup", token)
			v.password(secret)
			if v.json {
				v.status(http.StatusUnauthorized)
			}
			if v.p.sessions("ann") != 0 {
				t.Error("a step-up without a session has made one")
			}
		})
	})
}
