package auth_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// require makes Acme ask for two-step verification.
func (w *world) require(p auth.Policy) {
	w.t.Helper()
	p.TwoStep = auth.TwoStepRequired
	w.must(w.people.SetAccountPolicy(w.t.Context(), "acme", p))
}

func forced(c *auth.Config) { c.Preset.Policy.TwoStep = auth.TwoStepRequired }

func TestTwoStepByChoice(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, codes, c := w.enroll("ann@acme.example", home)
		if len(codes) != 10 {
			t.Errorf("R59 %d recovery codes, want 10", len(codes))
		}
		s, err := lookup(w.m, c.Session)
		if err != nil || !s.Methods.Has("totp") {
			t.Errorf("R57 the session that set it up: %v, methods %q, want it alive with totp", err, s.Methods)
		}
		state, err := w.m.TwoStep(ctx, "ann")
		if err != nil || !state.On() || state.CodesLeft != 10 || state.Required {
			t.Errorf("R57 TwoStep = %+v, %v", state, err)
		}

		k := w.begin("ann@acme.example", c).at(auth.StageVerify, "")
		if want := []auth.Method{auth.MethodTOTP, auth.MethodRecoveryCode}; !slices.Equal(k.step.Offer, want) {
			t.Errorf("R60 offers %v, want %v", k.step.Offer, want)
		}
		k.totp(p.code()).at(auth.StageVerify, auth.ReasonTOTPReused) // the set-up code's step
		k.totp(p.wrongOne()).at(auth.StageVerify, auth.ReasonTOTPWrong)
		k.totp("12 34").at(auth.StageVerify, auth.ReasonCodeFormat)
		code := p.next()
		done := k.totp(code[:3] + "-" + code[3:]).finish()
		c = with(c, done)
		if !done.Session.Methods.Has("totp") {
			t.Errorf("R114 methods %q, want totp among them", done.Session.Methods)
		}
		// the same code, in the window still, in another browser.
		w.begin("ann@acme.example", office).totp(code).at(auth.StageVerify, auth.ReasonTOTPReused)
		if k := w.begin("ann@acme.example", office).totp(p.next()); k.step.Stage != auth.StageReady {
			t.Errorf("R51 after the app's code on a new device: %s %v, want no mailed code besides", k.step.Stage, k.step.Offer)
		} else {
			k.finish() // but a notice
		}
		w.mail.notices(mail.NewDevice)

		// R59: a recovery code in the app's place, once, in any spelling.
		k = w.begin("ann@acme.example", c)
		k.recover("AAAAA-AAAAA").at(auth.StageVerify, auth.ReasonRecoveryWrong)
		c = with(c, k.recover(" "+codes[3]+" ").finish())
		if m := w.mail.notices(mail.RecoveryUsed); len(m) == 1 && m[0].To != "ann@acme.example" {
			t.Errorf("R68 notice to %q", m[0].To)
		}
		w.begin("ann@acme.example", c).recover(codes[3]).at(auth.StageVerify, auth.ReasonRecoveryUsed)
		if state, _ := w.m.TwoStep(ctx, "ann"); state.CodesLeft != 9 {
			t.Errorf("R59 %d codes left, want 9", state.CodesLeft)
		}
	})
}

func TestForcedEnrolment(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.require(auth.Policy{TwoStepSince: start})
		ctx := t.Context()
		k := w.begin("ann@acme.example", home).dialog(1)
		if !slices.Contains(k.step.Trace, "two-step verification is required by Acme since 2 March 2026") {
			t.Errorf("R54 the trace %q does not say who requires it since when", k.step.Trace)
		}
		never := func(where string) {
			t.Helper()
			if done, _, err := w.m.Finish(ctx, k.ref, home); err != nil || done.Token != "" {
				t.Fatalf("invariant 1: %s: Finish = %+v, %v, want no session", where, done, err)
			}
		}
		never("dialog 1")
		k.took(w.m.EnrollApp(ctx, k.ref, home)).dialog(1) // no app before the mailbox
		k.took(w.m.EnrollBegin(ctx, k.ref, home)).dialog(2)
		if k.step.MailTo != "ann@acme.example" {
			t.Errorf("U18 in a set-up the address is shown as %q, want it in full", k.step.MailTo)
		}
		code := w.mail.one(mail.EnrollEmail).Code
		never("dialog 2")
		k.took(w.m.EnrollApp(ctx, k.ref, home)).dialog(2)
		k.code(otherThan(code)).at(auth.StageEnroll, auth.ReasonCodeWrong)
		k.code(code).dialog(3)
		never("dialog 3")
		k.took(w.m.EnrollApp(ctx, k.ref, home)).dialog(4)
		never("dialog 4")
		p := w.scan(k.step.App.Secret)
		k.took(w.m.EnrollConfirm(ctx, k.ref, p.wrongOne(), home)).at(auth.StageEnroll, auth.ReasonTOTPWrong)
		if state, _ := w.m.TwoStep(ctx, "ann"); state.On() {
			t.Error("A-206 two-step is on before a code was right")
		}
		setup := p.code()
		k.took(w.m.EnrollConfirm(ctx, k.ref, setup, home)).at(auth.StageVerify, "")
		if len(k.step.RecoveryCodes) != 10 || k.step.App.Secret != "" {
			t.Errorf("R59 A-207 after set-up: %d codes, secret %q", len(k.step.RecoveryCodes), k.step.App.Secret)
		}
		if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodTOTP}) {
			t.Errorf("R56 a new code is asked for by %v, want the app alone", k.step.Offer)
		}
		never("before a new code")
		k.totp(setup).at(auth.StageVerify, auth.ReasonTOTPReused) // R56: the set-up code counts once
		k.totp(p.next()).finish()
		w.mail.notices(mail.TwoStepOn)
	})
}

func TestForcedEnrolmentAbandoned(t *testing.T) {
	w := mailed(t)
	w.require(auth.Policy{})
	ctx := t.Context()
	k := w.begin("ann@acme.example", home)
	k.took(w.m.EnrollBegin(ctx, k.ref, home)).code(w.mail.one(mail.EnrollEmail).Code)
	k.took(w.m.EnrollApp(ctx, k.ref, home)).dialog(4)
	secret := k.step.App.Secret
	again := w.begin("ann@acme.example", home).dialog(1) // R55: nothing is left of it
	p, _ := again.setUp()
	if p.secret == secret {
		t.Error("R55 A-205 a new set-up has the old secret")
	}
	again.at(auth.StageVerify, "").totp(p.next()).finish()
	// The abandoned one is dead: its proofs are from before the change.
	k.took(w.m.EnrollConfirm(ctx, k.ref, w.scan(secret).code(), home))
	if k.step.Stage != auth.StageAuthenticate {
		t.Errorf("A-205 the abandoned set-up stands at %s, want authenticate", k.step.Stage)
	}
	w.mail.notices(mail.TwoStepOn)
}

func TestAfterSetupGoOn(t *testing.T) {
	w := mailed(t, func(c *auth.Config) {
		c.Preset = auth.EmailFirst()
		c.Preset.Policy.TwoStep, c.Preset.Policy.Passwords = auth.TwoStepRequired, password.Modern()
	})
	k := w.begin("ann@acme.example", home)
	p, codes := k.setUp()
	if done := k.finish(); !done.Session.Methods.Has("totp") {
		t.Errorf("R56 methods %q, want the set-up code to count", done.Session.Methods)
	}
	if len(codes) != 0 {
		t.Errorf("R59 %d recovery codes, want none in this preset", len(codes))
	}
	if k := w.begin("ann@acme.example", home); !slices.Equal(k.step.Offer, []auth.Method{auth.MethodTOTP}) || k.totp(p.code()).step.Reason != auth.ReasonTOTPReused {
		t.Errorf("R56 offer %v, set-up code again: %s", k.step.Offer, k.step.Reason)
	}
	w.mail.notices(mail.TwoStepOn)
}

// R54: the strictest of product, companies and person.
func TestWhoMust(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(*auth.Config)
		member directory.Member
		state  auth.AccountState
		must   bool
	}{
		{name: "R54 nobody asks", member: directory.Member{State: auth.MemberActive}},
		{name: "R54 the product", edit: forced, must: true},
		{name: "R54 the company", member: directory.Member{State: auth.MemberActive}, must: true},
		{name: "R54 a company that the person was only invited to", member: directory.Member{State: auth.MemberInvited}},
		{name: "R54 a company that suspended the person", member: directory.Member{State: auth.MemberSuspended}},
		{name: "R54 an expired company", member: directory.Member{State: auth.MemberActive, Role: auth.RoleSuperAdmin}, state: auth.AccountExpired},
		{name: "R54 a lapsed company", member: directory.Member{State: auth.MemberActive}, state: auth.AccountLapsed, must: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) {
				if tt.edit != nil {
					tt.edit(c)
				}
				c.Preset.Policy.Verification = auth.VerifyOff
			})
			if tt.member.State != "" {
				tt.member.AccountID, tt.member.UserID = "umbra", "solo"
				w.must(w.people.SetMember(t.Context(), tt.member))
				if tt.name != "R54 nobody asks" {
					w.must(w.people.SetAccountPolicy(t.Context(), "umbra", auth.Policy{TwoStep: auth.TwoStepRequired}))
				}
				if tt.state != "" {
					w.must(w.people.SetAccountState(t.Context(), "umbra", tt.state, time.Time{}))
				}
			}
			k := w.begin("solo@acme.example", home)
			if must := k.step.Stage == auth.StageEnroll; must != tt.must {
				t.Errorf("must set it up: %v, want %v (%s, %q)", must, tt.must, k.step.Stage, k.step.Trace)
			}
		})
	}
}

// R61: a device may be spared the app's code where everybody who asks says so.
func TestSparedDevice(t *testing.T) {
	for _, tt := range []struct {
		name   string
		preset auth.DeviceTrust
		acme   auth.Policy
		box    bool
	}{
		{"R61 by choice", "", auth.Policy{}, true},
		{"R61 the product forbids", auth.TrustForbid, auth.Policy{}, false},
		{"R61 a company forbids", "", auth.Policy{DeviceTrust: auth.TrustForbid}, false},
		{"R61 a company requires two-step and says nothing", "", auth.Policy{TwoStep: auth.TwoStepRequired}, false},
		{"R61 a company requires two-step and allows", "", auth.Policy{TwoStep: auth.TwoStepRequired, DeviceTrust: auth.TrustAllowed}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) { c.Preset.Policy.DeviceTrust = tt.preset })
			p, _, c := w.enroll("ann@acme.example", home)
			w.must(w.people.SetAccountPolicy(t.Context(), "acme", tt.acme))
			w.move(time.Minute)
			k := w.begin("ann@acme.example", c).at(auth.StageVerify, "")
			if k.step.TrustBox != tt.box {
				t.Errorf("the box is offered: %v, want %v", k.step.TrustBox, tt.box)
			}
			k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c))
			c = with(c, k.finish())
			next := w.begin("ann@acme.example", c)
			if spared := next.step.Stage == auth.StageReady; spared != tt.box {
				t.Errorf("spared: %v, want %v (%q)", spared, tt.box, next.step.Trace)
			}
			if !tt.box {
				return
			}
			if k := w.begin("ann@acme.example", home); k.step.Stage != auth.StageVerify {
				t.Errorf("A-217 another browser: %s, want the app asked for", k.step.Stage)
			}
			foreign := c
			w.must(w.m.SetPassword(t.Context(), "nopass", secret))
			if k := w.begin("nopass@acme.example", foreign); k.step.Stage == auth.StageReady {
				t.Error("A-218 the device of one person spares another")
			}
			w.mail.take()
			w.move(29 * 24 * time.Hour)
			c = with(c, w.begin("ann@acme.example", c).finish())
			w.move(24 * time.Hour) // 30 days from the ticked box, not from the last sign-in
			w.begin("ann@acme.example", c).at(auth.StageVerify, "")
			// A policy that comes later counts at once.
			k = w.begin("ann@acme.example", c)
			k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c))
			c = with(c, k.finish())
			w.must(w.people.SetAccountPolicy(t.Context(), "acme", auth.Policy{DeviceTrust: auth.TrustForbid}))
			w.begin("ann@acme.example", c).at(auth.StageVerify, "")
			// And one that forbids it between the tick and the end of the sign-in leaves no grant for later.
			w.must(w.people.SetAccountPolicy(t.Context(), "acme", tt.acme))
			c = home
			c.Device = ""
			w.move(time.Hour)
			k = w.begin("ann@acme.example", c)
			k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c)).at(auth.StageReady, "")
			w.must(w.people.SetAccountPolicy(t.Context(), "acme", auth.Policy{DeviceTrust: auth.TrustForbid}))
			c = with(c, k.finish())
			w.must(w.people.SetAccountPolicy(t.Context(), "acme", tt.acme))
			w.begin("ann@acme.example", c).at(auth.StageVerify, "")
			w.mail.notices(mail.NewDevice)
		})
	}
}

// R63: a lost phone, by the four rules.
func TestNewPhone(t *testing.T) {
	ctx := t.Context()
	t.Run("R63 off: an administrator's matter", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.SelfReset = auth.SelfResetOff })
		_, _, c := w.enroll("ann@acme.example", home)
		k := w.begin("ann@acme.example", c)
		if k.step.NewPhone {
			t.Error("another phone is offered")
		}
		k.took(w.m.NewPhone(ctx, k.ref, c)).at(auth.StageVerify, auth.ReasonSelfResetOff)
		if why, err := w.m.ResetTwoStep(ctx, "ann"); why != "" || err != nil {
			t.Fatalf("R79 ResetTwoStep = %s, %v", why, err)
		}
		if w.live(c.Session) {
			t.Error("R79 the person's sessions live on")
		}
		k.took(w.m.Current(ctx, k.ref.Token, c)).at(auth.StageAuthenticate, "")
		w.begin("ann@acme.example", c).at(auth.StageVerify, "")
		w.mail.notices(mail.VerifyLogin, mail.TwoStepReset)
		if why, err := w.m.ResetTwoStep(ctx, "ann"); why != auth.ReasonNotEnrolled || err != nil {
			t.Errorf("R79 again = %s, %v, want not_enrolled", why, err)
		}
	})

	t.Run("R63 by recovery code: the old phone works until the new one is confirmed", func(t *testing.T) {
		w := mailed(t)
		old, codes, c := w.enroll("ann@acme.example", home)
		elsewhere := with(office, w.begin("ann@acme.example", office).totp(old.next()).finish())
		w.mail.notices(mail.NewDevice)
		k := w.begin("ann@acme.example", c)
		if !k.step.NewPhone {
			t.Fatal("another phone is not offered")
		}
		k.took(w.m.NewPhone(ctx, k.ref, c)).at(auth.StageVerify, "")
		if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodRecoveryCode}) {
			t.Errorf("A-208 offers %v, want the recovery code alone", k.step.Offer)
		}
		k.took(w.m.EnrollBegin(ctx, k.ref, c)).at(auth.StageVerify, "")
		k.recover(codes[0]).dialog(1)
		k.took(w.m.EnrollBegin(ctx, k.ref, c)).code(w.mail.one(mail.EnrollEmail).Code)
		k.took(w.m.EnrollApp(ctx, k.ref, c)).dialog(4)
		w.begin("ann@acme.example", c).totp(old.next()).finish() // still
		fresh := w.scan(k.step.App.Secret)
		k.took(w.m.EnrollConfirm(ctx, k.ref, fresh.code(), c)).at(auth.StageVerify, "")
		again := k.step.RecoveryCodes
		if len(again) != 10 || w.live(elsewhere.Session) {
			t.Errorf("R63 %d new codes, other session alive %v, want 10 and ended", len(again), w.live(elsewhere.Session))
		}
		k.totp(old.next()).at(auth.StageVerify, auth.ReasonTOTPWrong)
		k.totp(fresh.code()).finish()
		w.begin("ann@acme.example", c).recover(codes[1]).at(auth.StageVerify, auth.ReasonRecoveryWrong) // the old set is dead
		w.mail.notices(mail.RecoveryUsed, mail.TwoStepReplaced)
	})

	t.Run("R63 by mailed code, not within 24 hours of a mailed reset", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) {
			c.Preset = auth.ForcedTwoStep()
			c.Preset.Policy.Passwords = password.Modern()
		})
		k := w.begin("ann@acme.example", home)
		old, _ := k.setUp()
		c := with(home, k.totp(old.next()).finish())
		w.mail.notices(mail.TwoStepOn)
		k = w.begin("ann@acme.example", c)
		k.took(w.m.NewPhone(ctx, k.ref, c)).dialog(1)
		fresh, _ := k.setUp()
		k.at(auth.StageVerify, "").totp(fresh.next()).finish()
		w.mail.notices(mail.TwoStepReplaced)
		w.must(w.m.Lock(ctx, "ann"))
		w.resetPassword("ann@acme.example", home, fresh)
		k = w.beginWith("ann@acme.example", "another long passphrase", home)
		k.took(w.m.NewPhone(ctx, k.ref, home)).at(auth.StageVerify, auth.ReasonSelfResetWait)
		if k.step.RetryAfter <= 23*time.Hour {
			t.Errorf("A-208 again in %v, want a day after the reset", k.step.RetryAfter)
		}
		w.move(24 * time.Hour)
		k = w.beginWith("ann@acme.example", "another long passphrase", home)
		k.took(w.m.NewPhone(ctx, k.ref, home)).dialog(1)
		w.mail.take()
	})

	t.Run("R63 by mailed code after a delay that the owner can use", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.SelfReset = auth.SelfResetEmailWait })
		old, _, c := w.enroll("ann@acme.example", home)
		ask := func() *walker {
			k := w.begin("ann@acme.example", c)
			return k.took(w.m.NewPhone(ctx, k.ref, c))
		}
		ask().at(auth.StageVerify, auth.ReasonSelfResetWait)
		w.mail.notices(mail.TwoStepAsked)
		w.move(23 * time.Hour)
		if k := ask().at(auth.StageVerify, auth.ReasonSelfResetWait); k.step.RetryAfter > time.Hour {
			t.Errorf("asking again puts it off: %v", k.step.RetryAfter)
		}
		w.begin("ann@acme.example", c).totp(old.next()).finish() // the owner has the phone
		w.move(2 * time.Hour)
		ask().at(auth.StageVerify, auth.ReasonSelfResetWait)
		w.move(24 * time.Hour)
		ask().dialog(1)
		w.mail.take()
		w.move(8 * 24 * time.Hour)
		ask().at(auth.StageVerify, auth.ReasonSelfResetWait) // it lay too long
		w.mail.notices(mail.TwoStepAsked)
		w.must(w.m.SetPassword(ctx, "ann", secret+" and more")) // the letter says that a new password takes it back
		w.must(w.m.SetPassword(ctx, "ann", secret))
		w.move(25 * time.Hour)
		ask().at(auth.StageVerify, auth.ReasonSelfResetWait)
		w.mail.notices(mail.PasswordChanged, mail.PasswordChanged, mail.TwoStepAsked)
		w.move(25 * time.Hour)
		ask().dialog(1)
	})
}

func TestTurnOffTwoStep(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, codes, c := w.enroll("ann@acme.example", home)
		other := with(office, w.begin("ann@acme.example", office).totp(p.next()).finish())
		w.mail.notices(mail.NewDevice)
		w.move(11 * time.Minute)
		s, err := lookup(w.m, c.Session)
		w.must(err)
		if why, err := w.m.TurnOffTwoStep(ctx, s, c); why != auth.ReasonProofRequired || err != nil {
			t.Fatalf("A-211 TurnOffTwoStep = %s, %v, want a recent proof asked for", why, err)
		}
		if _, why, err := w.m.NewRecoveryCodes(ctx, s, c); why != auth.ReasonProofRequired || err != nil {
			t.Fatalf("A-214 NewRecoveryCodes = %s, %v, want a recent proof asked for", why, err)
		}
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(ctx, auth.StepUpOpening{}, c)).at(auth.StageVerify, "")
		k.took(w.m.Password(ctx, k.ref, secret, c)).at(auth.StageVerify, "") // R66: the strongest proof, not another
		done := k.totp(p.next()).finish()
		if w.live(c.Session) || done.Session.ID != s.ID {
			t.Errorf("R66 the session is %s under the old token %v, want %s under a new one alone", done.Session.ID, w.live(c.Session), s.ID)
		}
		c = with(c, done)
		s = done.Session
		fresh, why, err := w.m.NewRecoveryCodes(ctx, s, c)
		if why != "" || err != nil || len(fresh) != 10 {
			t.Fatalf("NewRecoveryCodes = %d, %s, %v", len(fresh), why, err)
		}
		w.begin("ann@acme.example", office).recover(codes[0]).at(auth.StageVerify, auth.ReasonRecoveryWrong)
		w.mail.notices(mail.RecoveryNew)
		w.require(auth.Policy{})
		if why, err := w.m.TurnOffTwoStep(ctx, s, c); why != auth.ReasonMFARequired || err != nil {
			t.Fatalf("R57 A-211 TurnOffTwoStep = %s, %v, want it refused where it is required", why, err)
		}
		w.must(w.people.SetAccountPolicy(ctx, "acme", auth.Policy{}))
		if why, err := w.m.TurnOffTwoStep(ctx, s, c); why != "" || err != nil {
			t.Fatalf("TurnOffTwoStep = %s, %v", why, err)
		}
		if w.live(other.Session) || !w.live(c.Session) {
			t.Error("R57 invariant 6: turning it off ends the other sessions and keeps this one")
		}
		w.begin("ann@acme.example", c).at(auth.StageVerify, "")
		w.mail.notices(mail.VerifyLogin, mail.TwoStepOff)
		if why, err := w.m.TurnOffTwoStep(ctx, s, c); why != auth.ReasonNotEnrolled || err != nil {
			t.Errorf("again = %s, %v, want not_enrolled", why, err)
		}
	})
}

func TestSecondStepBudgets(t *testing.T) {
	t.Run("A-183 five tries in a flow; other methods stay open", func(t *testing.T) {
		w := mailed(t)
		p, codes, c := w.enroll("ann@acme.example", home)
		w.move(time.Minute)
		k := w.begin("ann@acme.example", c)
		for range 5 {
			k.totp(p.wrongOne()).at(auth.StageVerify, auth.ReasonTOTPWrong)
		}
		k.totp(p.code()).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		if k.step.RetryAfter != 0 {
			t.Errorf("try again in %v, want never in this flow", k.step.RetryAfter)
		}
		k.recover(codes[0]).finish()
		w.mail.notices(mail.RecoveryUsed)
	})

	t.Run("A-194 one budget for a person, over all sign-ins, with a warning", func(t *testing.T) {
		w := mailed(t)
		p, codes, c := w.enroll("ann@acme.example", home)
		w.move(time.Minute)
		looked := 0
		for range 20 {
			k := w.begin("ann@acme.example", c)
			for range 5 {
				if k.totp(p.wrongOne()); k.step.Reason == auth.ReasonTOTPWrong {
					looked++
				}
			}
		}
		if looked != 10 {
			t.Errorf("A-194 %d wrong codes were looked at, want 10", looked)
		}
		k := w.begin("ann@acme.example", c).totp(p.code()).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		if k.step.RetryAfter != 15*time.Minute {
			t.Errorf("A-194 try again in %v, want 15 minutes", k.step.RetryAfter)
		}
		c = with(c, w.begin("ann@acme.example", c).recover(codes[0]).finish()) // other methods stay open
		w.mail.notices(mail.Guessing, mail.RecoveryUsed)
		w.move(15 * time.Minute)
		w.begin("ann@acme.example", c).totp(p.code()).finish()
	})

	t.Run("A-215 one step either way and no more; a clock 29 s wrong", func(t *testing.T) {
		for off := -5; off <= 5; off++ {
			w := mailed(t)
			p, _, c := w.enroll("ann@acme.example", home)
			w.move(10 * time.Minute)
			p.off = time.Duration(off) * 30 * time.Second
			k := w.begin("ann@acme.example", c).totp(p.code())
			if in := k.step.Stage == auth.StageReady; in != (off >= -1 && off <= 1) {
				t.Errorf("A-215 a code of %d steps off opens: %v", off, in)
			}
		}
		for _, off := range []time.Duration{-29 * time.Second, 29 * time.Second} {
			w := mailed(t)
			p, _, c := w.enroll("ann@acme.example", home)
			w.move(10 * time.Minute)
			p.off = off
			w.begin("ann@acme.example", c).totp(p.code()).finish()
		}
	})
}

// Of 64 callers one wins, on every store.
func TestSecondStepRaces(t *testing.T) {
	const callers = 64
	together := func(do func(i int)) {
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for i := range callers {
			wg.Go(func() { <-gate; do(i) })
		}
		close(gate)
		wg.Wait()
	}
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		p, codes, c := w.enroll("ann@acme.example", home)
		w.move(time.Minute)
		count := func(what string, want int, try func(ref auth.Ref) (auth.Step, error), ok func(auth.Step) bool, flows ...auth.Ref) {
			t.Helper()
			var mu sync.Mutex
			won := 0
			together(func(i int) {
				s, err := try(flows[i%len(flows)])
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && ok(s):
					won++
				case err != nil && !errors.Is(err, auth.ErrFlowChanged) && !errors.Is(err, auth.ErrFlowGone):
					t.Errorf("%s: %v", what, err)
				}
			})
			if won != want {
				t.Errorf("invariant 4: %s: %d of %d callers, want %d", what, won, callers, want)
			}
		}
		ready := func(s auth.Step) bool { return s.Stage == auth.StageReady && s.Reason == "" }
		flows := func(n int) (refs []auth.Ref) {
			for range n {
				refs = append(refs, w.begin("ann@acme.example", c).ref)
			}
			return refs
		}
		code := p.code()
		count("A-193 one time step", 1, func(r auth.Ref) (auth.Step, error) { return w.m.TOTP(ctx, r, code, false, c) }, ready, flows(16)...)
		count("A-214 one recovery code", 1, func(r auth.Ref) (auth.Step, error) { return w.m.RecoveryCode(ctx, r, codes[0], c) }, ready, flows(16)...)
		w.move(time.Hour)
		k := w.begin("ann@acme.example", c)
		k.took(w.m.TOTP(ctx, k.ref, p.code(), false, c)).at(auth.StageReady, "") // what the losers have used up of the budget is given back
		w.move(time.Minute)
		wrong := p.wrongOne()
		count("A-194 one budget of ten", 10, func(r auth.Ref) (auth.Step, error) { return w.m.TOTP(ctx, r, wrong, false, c) },
			func(s auth.Step) bool { return s.Reason == auth.ReasonTOTPWrong }, flows(16)...)
		w.move(10 * time.Second)
		w.mail.take()

		k = w.begin("solo@acme.example", office)
		mailedCode := w.mail.one(mail.VerifyLogin).Code
		count("A-193 one mailed code", 1, func(r auth.Ref) (auth.Step, error) { return w.m.Code(ctx, r, mailedCode, office) }, ready, k.ref)
		w.move(time.Hour) // the losers have closed the person's own count, and warned
		w.mail.take()
		k = w.begin("solo@acme.example", office)
		mailedCode = w.mail.one(mail.VerifyLogin).Code
		count("A-183 five tries at a mailed code", 5, func(r auth.Ref) (auth.Step, error) { return w.m.Code(ctx, r, otherThan(mailedCode), office) },
			func(s auth.Step) bool { return s.Reason == auth.ReasonCodeWrong }, k.ref)
		w.move(10 * time.Second)
		w.mail.take()
	})
}

// A double click on the last dialog: one answer brings the recovery codes, and its flow goes on.
func TestSetupConfirmedTwice(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.require(auth.Policy{})
		ctx := t.Context()
		k := w.begin("ann@acme.example", home)
		k.took(w.m.EnrollBegin(ctx, k.ref, home)).code(w.mail.one(mail.EnrollEmail).Code)
		k.took(w.m.EnrollApp(ctx, k.ref, home))
		p, ref := w.scan(k.step.App.Secret), k.ref
		code := p.code()
		var mu sync.Mutex
		won := 0
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				s, err := w.m.EnrollConfirm(ctx, ref, code, home)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && len(s.RecoveryCodes) == 10 {
					won++
					k.took(s, nil)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Fatalf("U31 %d of 64 confirmations made recovery codes, want 1", won)
		}
		k.totp(p.next()).finish()
		w.mail.notices(mail.TwoStepOn)
	})
}

// The one of two confirmations that comes second ends nothing that the first has made.
func TestSetupConfirmedBehind(t *testing.T) {
	w := mailed(t)
	w.require(auth.Policy{})
	ctx := t.Context()
	k := w.begin("ann@acme.example", home)
	k.took(w.m.EnrollBegin(ctx, k.ref, home)).code(w.mail.one(mail.EnrollEmail).Code)
	k.took(w.m.EnrollApp(ctx, k.ref, home))
	p, ref := w.scan(k.step.App.Secret), k.ref
	code, first := p.code(), true
	w.spy.before = func(_ int, call string) error {
		if call == "Charge" && first { // the second has read the flow, and now the first goes all the way
			first = false
			k.took(w.m.EnrollConfirm(ctx, ref, code, home))
		}
		return nil
	}
	if _, err := w.m.EnrollConfirm(ctx, ref, code, home); !errors.Is(err, auth.ErrFlowGone) {
		t.Errorf("U31 the second confirmation = %v, want flow gone", err)
	}
	w.spy.before = nil
	k.at(auth.StageVerify, "").totp(p.next()).finish()
	w.mail.notices(mail.TwoStepOn)
}

func TestAppointedSignOut(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	zone := time.FixedZone("CET", 3600)
	day := func(n int) time.Time { return w.clock().In(zone).AddDate(0, 0, n) }
	for _, n := range []int{-1, 15} {
		if _, why, err := w.m.EndAccountAt(ctx, "acme", day(n)); why != auth.ReasonDateOutOfRange || err != nil {
			t.Errorf("R83 in %d days: %s, %v, want date_out_of_range", n, why, err)
		}
	}
	k := w.begin("ann@acme.example", home)
	c := with(home, k.code(w.mail.one(mail.VerifyLogin).Code).finish())
	w.require(auth.Policy{})
	at, why, err := w.m.EndAccountAt(ctx, "acme", day(3))
	want := time.Date(2026, 3, 5, 0, 0, 0, 0, zone)
	if err != nil || why != "" || !at.Equal(want) {
		t.Fatalf("R83 EndAccountAt = %v, %s, %v, want %v", at, why, err, want)
	}
	if k := w.begin("ann@acme.example", c); k.step.Stage != auth.StageEnroll {
		t.Errorf("A-213 a sign-in before the date is at %s, want the set-up: the date is for sessions from before", k.step.Stage)
	}
	touch := func() bool { return w.live(c.Session) }
	for w.clock().Before(want.Add(-6 * time.Hour)) {
		w.move(6 * time.Hour)
		if w.clock().Before(start.Add(23*time.Hour)) && !touch() {
			t.Fatal("R83 the session ended before the date")
		}
	}
	w.move(6 * time.Hour)
	if touch() {
		t.Error("A-212 A-213 R83 the session lives on after the date, whatever was done meanwhile")
	}
	w.begin("ann@acme.example", c).dialog(1)
	if at, why, err := w.m.EndAccountAt(ctx, "acme", day(0)); err != nil || why != "" || at.After(w.clock()) {
		t.Errorf("R83 today = %v, %s, %v, want at once", at, why, err)
	}
}
