package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

func TestStepUp(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c, s := w.known("ann@acme.example", home)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(ctx, auth.StepUpOpening{ReturnTo: "/auth/account"}, c)).at(auth.StageReady, "") // signed in just now
		w.move(11 * time.Minute)
		k.took(w.m.Current(ctx, k.ref.Token, c)).at(auth.StageAuthenticate, "") // it waited too long
		if recent, err := w.m.RecentlyProven(ctx, s); err != nil || recent {
			t.Errorf("R66 RecentlyProven = %v, %v, want false after 11 minutes", recent, err)
		}
		wrong := k.took(w.m.Password(ctx, k.ref, "wrong", c)).at(auth.StageAuthenticate, auth.ReasonInvalidCredentials)
		if done, _, err := w.m.Finish(ctx, wrong.ref, c); err != nil || done.Token != "" {
			t.Errorf("R66 Finish without the proof = %+v, %v", done, err)
		}
		k.took(w.m.Password(ctx, k.ref, secret, c)).at(auth.StageReady, "")
		stranger := c
		stranger.Session = ""
		if done, step, err := w.m.Finish(ctx, k.ref, stranger); err != nil || done.Token != "" || step.Stage != auth.StageRefused {
			t.Errorf("A-196 the flow without its session = %+v, %s, %v, want refused", done, step.Stage, err)
		}
		solo, _ := w.known("solo@acme.example", office)
		stranger.Session = solo.Session
		if done, step, err := w.m.Finish(ctx, k.ref, stranger); err != nil || done.Token != "" || step.Stage != auth.StageRefused {
			t.Errorf("A-196 the flow with somebody else's session = %+v, %s, %v, want refused", done, step.Stage, err)
		}
		done := k.finish()
		if done.Session.ID != s.ID || !done.Session.AuthTime.Equal(w.clock()) || done.ReturnTo != "/auth/account" || w.live(c.Session) || !w.live(done.Token) {
			t.Errorf("R66 done = %+v, want the same session, proven now, under a new token alone", done)
		}
		if got := done.Session.Methods; got != "password email_code" {
			t.Errorf("R114 the session was made by %q, want each way once", got)
		}
		if n := w.sessions("ann"); n != 1 {
			t.Errorf("invariant 2: a step-up leaves %d sessions, want 1", n)
		}
		if recent, err := w.m.RecentlyProven(ctx, done.Session); err != nil || !recent {
			t.Errorf("R66 RecentlyProven = %v, %v, want true", recent, err)
		}
		if _, _, err := w.m.Finish(ctx, k.ref, with(c, done)); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("R66 Finish again = %v, want flow gone", err)
		}
		for _, session := range []string{"", "ses_x", c.Session, done.Device} {
			if _, err := w.m.StepUp(ctx, auth.StepUpOpening{}, auth.Client{Session: session}); !errors.Is(err, auth.ErrFlowGone) {
				t.Errorf("StepUp of nobody = %v, want flow gone", err)
			}
		}
		w.must(w.m.EndUser(ctx, "ann"))
		k.took(w.m.StepUp(ctx, auth.StepUpOpening{}, solo)) // solo's, to have something to compare
		if auth.PurposeOf(k.step.Flow.ID) != auth.StepUp || auth.PurposeOf(w.identify("ann@acme.example", home).Flow.ID) != auth.SignIn {
			t.Error("the ID of a flow does not tell its purpose")
		}
	})
}

// R66: a StepUp without a proof still proves nothing later: the session that ends ends it.
func TestStepUpOfEndedSession(t *testing.T) {
	w := mailed(t)
	c, _ := w.known("ann@acme.example", home)
	k := &walker{world: w, c: c}
	k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{}, c)).at(auth.StageReady, "")
	w.must(w.m.SignOut(t.Context(), c.Session, c))
	k.took(w.m.Current(t.Context(), k.ref.Token, c)).at(auth.StageRefused, auth.ReasonSessionExpired)
	if done, _, err := w.m.Finish(t.Context(), k.ref, c); err != nil || done.Token != "" {
		t.Errorf("invariant 7: Finish = %+v, %v, want nothing", done, err)
	}
}

func TestStepUpActions(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	c, _ := w.known("ann@acme.example", home)
	k := &walker{world: w, c: c}
	k.took(w.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionNewPhone}, c)).at(auth.StageRefused, auth.ReasonNotEnrolled)
	old, _, c := w.enroll("ann@acme.example", c)
	k.took(w.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionTwoStep}, c)).at(auth.StageRefused, auth.ReasonNotEnrolled)

	// R63 from settings: the present app is proof enough, whatever SelfReset says; and the old one works until the new one does.
	w.move(time.Hour)
	k = &walker{world: w, c: c}
	k.took(w.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionNewPhone}, c)).at(auth.StageVerify, "")
	k.took(w.m.EnrollBegin(ctx, k.ref, c)).at(auth.StageVerify, "")
	k.totp(old.code())
	fresh, codes := k.setUp()
	c = with(c, k.finish())
	if len(codes) != 10 || !w.live(c.Session) {
		t.Errorf("R63 %d codes, session alive %v", len(codes), w.live(c.Session))
	}
	if k := w.begin("ann@acme.example", c).totp(old.next()); k.step.Reason != auth.ReasonTOTPWrong {
		t.Errorf("R63 the old phone: %q, want totp_wrong", k.step.Reason)
	}
	w.begin("ann@acme.example", c).totp(fresh.code()).finish()
	w.mail.notices(mail.TwoStepReplaced)
}

func TestRequireRecent(t *testing.T) {
	w := mailed(t)
	c, _ := w.known("ann@acme.example", home)
	page := w.m.RequireRecent(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusTeapot) }))
	ask := func(method, accept, session string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/secrets?x=1", nil)
		r.Header.Set("Accept", accept)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: session})
		rec := httptest.NewRecorder()
		page.ServeHTTP(rec, r)
		return rec
	}
	if got := ask("GET", "text/html", c.Session).Code; got != http.StatusTeapot {
		t.Errorf("R66 just signed in: %d, want through", got)
	}
	w.move(11 * time.Minute)
	if rec := ask("GET", "text/html", c.Session); rec.Code != 303 || rec.Header().Get("Location") != "/auth/stepup?return_to=%2Fsecrets%3Fx%3D1" {
		t.Errorf("R66 A-228 GET: %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if rec := ask("POST", "text/html", c.Session); rec.Code != 303 || rec.Header().Get("Location") != "/auth/stepup" {
		t.Errorf("R66 POST: %d to %q", rec.Code, rec.Header().Get("Location"))
	}
	if rec := ask("GET", "application/json", c.Session); rec.Code != 403 || rec.Body.String() != `{"reason":"proof_required","links":{"stepup":"/auth/stepup"}}`+"\n" {
		t.Errorf("R66 JSON: %d %s", rec.Code, rec.Body)
	}
	if rec := ask("GET", "application/json", "ses_x"); rec.Code != 401 {
		t.Errorf("R66 nobody: %d, want 401", rec.Code)
	}
}

// R114: a session says how it was proven by what counts, each way once.
func TestMethodsThatCount(t *testing.T) {
	w := mailed(t)
	p, _, c := w.enroll("ann@acme.example", home)
	k := w.begin("ann@acme.example", c).totp(p.next()).at(auth.StageReady, "")
	if why, err := w.m.ResetTwoStep(t.Context(), "ann"); why != "" || err != nil {
		t.Fatal(why, err)
	}
	k.took(w.m.Current(t.Context(), k.ref.Token, c)).at(auth.StageAuthenticate, "")
	k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageVerify, "")
	w.move(10 * time.Second)
	for _, m := range w.mail.take() {
		if m.Kind == mail.VerifyLogin {
			k.code(m.Code)
		}
	}
	if done := k.finish(); done.Session.Methods != "password email_code" {
		t.Errorf("R114 the session was made by %q, want the password once, the code, and not the app that is gone", done.Session.Methods)
	}
}

// what is half proven opens nothing, stays with its person and its browser, and dies in time.
func TestHalfProven(t *testing.T) {
	ctx := t.Context()
	t.Run("A-195 A-199 the token of a flow is no session, and there is no other before the second step", func(t *testing.T) {
		w := mailed(t)
		_, _, c := w.enroll("ann@acme.example", home)
		k := w.begin("ann@acme.example", c).at(auth.StageVerify, "")
		if w.live(k.ref.Token) {
			t.Error("A-195 the flow's token opens a session")
		}
		if done, _, err := w.m.Finish(ctx, k.ref, c); err != nil || done.Token != "" || done.Device != "" {
			t.Errorf("A-199 A-189 Finish = %+v, %v, want no cookie of any kind", done, err)
		}
		stepUp := auth.Client{Session: k.ref.Token}
		if _, err := w.m.StepUp(ctx, auth.StepUpOpening{}, stepUp); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-195 StepUp with a flow's token = %v", err)
		}
	})

	t.Run("A-196 one person's code does not go on in another's flow", func(t *testing.T) {
		w := mailed(t)
		p, _, _ := w.enroll("solo@acme.example", office) // the attacker's own
		_, _, c := w.enroll("ann@acme.example", home)
		w.move(time.Minute)
		k := w.begin("ann@acme.example", c)
		own := w.begin("solo@acme.example", office)
		k.totp(p.code()).at(auth.StageVerify, auth.ReasonTOTPWrong)
		mixed := auth.Ref{Token: own.ref.Token, ID: k.step.Flow.ID}
		if s, err := w.m.TOTP(ctx, mixed, p.code(), false, office); !errors.Is(err, auth.ErrFlowChanged) || s.Flow.UserID == "ann" {
			t.Errorf("A-196 a mixed flow = %s, %v, want flow changed", s.Flow.UserID, err)
		}
	})

	t.Run("A-197 an hour later it is gone", func(t *testing.T) {
		w := mailed(t)
		p, _, c := w.enroll("ann@acme.example", home)
		k := w.begin("ann@acme.example", c)
		w.move(16 * time.Minute)
		if _, err := w.m.TOTP(ctx, k.ref, p.code(), false, c); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-197 %v, want flow gone", err)
		}
	})

	t.Run("A-202 A-190 no other step leads past the one that is asked for", func(t *testing.T) {
		w := mailed(t)
		_, _, c := w.enroll("ann@acme.example", home)
		k := w.begin("ann@acme.example", c).at(auth.StageVerify, "")
		for name, try := range map[string]func() (auth.Step, error){
			"mailed code": func() (auth.Step, error) { return w.m.Code(ctx, k.ref, "123456", c) },
			"resend":      func() (auth.Step, error) { return w.m.ResendCode(ctx, k.ref, c) },
			"password":    func() (auth.Step, error) { return w.m.Password(ctx, k.ref, secret, c) },
			"company":     func() (auth.Step, error) { return w.m.ChooseAccount(ctx, k.ref, "acme", c) },
			"begin":       func() (auth.Step, error) { return w.m.EnrollBegin(ctx, k.ref, c) },
			"app":         func() (auth.Step, error) { return w.m.EnrollApp(ctx, k.ref, c) },
			"confirm":     func() (auth.Step, error) { return w.m.EnrollConfirm(ctx, k.ref, "123456", c) },
			"reset":       func() (auth.Step, error) { return w.m.SendReset(ctx, k.ref, c) },
		} {
			if s, err := try(); err != nil && !errors.Is(err, auth.ErrFlowChanged) || s.Stage != auth.StageVerify || s.Flow.Version != k.step.Flow.Version {
				t.Errorf("A-202 %s: %s version %d, %v, want nothing changed", name, s.Stage, s.Flow.Version, err)
			}
		}
		if s, _, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: "another long passphrase"}, c); err != nil || s.Stage != auth.StageVerify {
			t.Errorf("A-202 new password: %s, %v", s.Stage, err)
		}
	})

	t.Run("A-204 a password alone sets up nothing without the mailbox", func(t *testing.T) {
		w := memory(t, func(c *auth.Config) {}) // nothing can be mailed
		w.must(w.people.SetAccountPolicy(ctx, "acme", auth.Policy{TwoStep: auth.TwoStepRequired}))
		k := w.begin("ann@acme.example", home).at(auth.StagePolicy, auth.ReasonMailMissing)
		k.took(w.m.EnrollBegin(ctx, k.ref, home)).at(auth.StagePolicy, auth.ReasonMailMissing)
	})
}

// R112: letters in the person's language, else in that of the sign-in.
func TestLettersInTheirLanguage(t *testing.T) {
	w := mailed(t)
	if _, err := w.people.AddUser(t.Context(), auth.User{ID: "eva", Email: "eva@acme.example", Locale: "es"}); err != nil {
		t.Fatal(err)
	}
	w.must(w.m.SetPassword(t.Context(), "eva", secret))
	for _, tt := range []struct {
		email, chosen, speaks, want string
	}{
		{"eva@acme.example", "fr", "fr", "es"}, {"ann@acme.example", "fr", "en", "fr"}, {"ann@acme.example", "", "es", "es"}, {"ann@acme.example", "", "", "en"},
	} {
		c := from("198.51.100.8")
		c.Lang = tt.speaks
		s, err := w.m.Identify(t.Context(), auth.Opening{Email: tt.email, Lang: tt.chosen}, c)
		w.must(err)
		if _, err := w.m.Password(t.Context(), auth.Ref{Token: s.Token}, secret, c); err != nil {
			t.Fatal(err)
		}
		if m := w.mail.one(mail.VerifyLogin); m.Lang != tt.want {
			t.Errorf("R112 %s, who chose %q and reads %q, gets %q, want %q", tt.email, tt.chosen, tt.speaks, m.Lang, tt.want)
		}
	}
}
