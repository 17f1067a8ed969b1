package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// atDialog4 is somebody who knows the password and has read the mailbox once, about to confirm an app.
func (w *world) atDialog4(c auth.Client) (*walker, *phone) {
	w.t.Helper()
	ctx := w.t.Context()
	k := w.begin("ann@acme.example", c)
	k.took(w.m.EnrollBegin(ctx, k.ref, c)).code(w.mail.one(mail.EnrollEmail).Code)
	k.took(w.m.EnrollApp(ctx, k.ref, c)).dialog(4)
	return k, w.scan(k.step.App.Secret)
}

// Invariant 6: a set-up that is under way while everything is ended comes to nothing, wherever in it that happens.
func TestSetupDuringAnEnding(t *testing.T) {
	changes := map[string]func(w *world) error{
		"a new password": func(w *world) error { return w.m.SetPassword(w.t.Context(), "ann", "another long passphrase") },
		"an ending":      func(w *world) error { return w.m.EndUser(w.t.Context(), "ann") },
		"a lock":         func(w *world) error { return w.m.Lock(w.t.Context(), "ann") },
	}
	for name, change := range changes {
		n := 1
		for ; ; n++ {
			w := mailed(t)
			w.require(auth.Policy{})
			thief, p := w.atDialog4(office)
			happened := w.meanwhile(n, func() error { return change(w) })
			s, err := w.m.EnrollConfirm(t.Context(), thief.ref, p.code(), office)
			w.spy.before = nil
			if !*happened {
				w.move(time.Minute)
				w.mail.take()
				break
			}
			if s.Token != "" {
				thief.ref.Token = s.Token
			}
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) {
				t.Fatalf("%s before call %d: %v", name, n, err)
			}
			if s, err := w.m.TOTP(t.Context(), thief.ref, p.next(), false, office); err == nil && s.Stage == auth.StageReady {
				t.Errorf("invariant 6: %s before call %d of a set-up: the thief is in with the app", name, n)
			}
			// Where the set-up was through before, it was the change that came second.
			if state, failed := w.m.TwoStep(t.Context(), "ann"); failed != nil || err != nil && state.On() {
				t.Errorf("invariant 6: %s before call %d of a set-up: the app is left on the account: %v, %v", name, n, state.On(), failed)
			}
			if done, _, err := w.m.Finish(t.Context(), thief.ref, office); err == nil && done.Token != "" {
				t.Errorf("invariant 6: %s before call %d of a set-up: a session for the thief", name, n)
			}
			w.move(time.Minute)
			w.mail.take()
		}
		if n < 15 {
			t.Errorf("a set-up makes %d calls: too few to be true", n)
		}
	}
}

// The same as a race, without anybody watching.
func TestSetupRacesWithANewPassword(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.require(auth.Policy{})
		for i := range 10 {
			w.move(time.Hour)
			thief, p := w.atDialog4(from(fmt.Sprintf("198.51.%d.1", i)))
			code := p.code()
			var wg sync.WaitGroup
			wg.Go(func() {
				s, err := w.m.EnrollConfirm(t.Context(), thief.ref, code, thief.c)
				if err == nil {
					thief.try(s, nil)
				}
			})
			wg.Go(func() { w.m.SetPassword(t.Context(), "ann", fmt.Sprint("another long passphrase ", i)) })
			wg.Wait()
			if s, err := w.m.TOTP(t.Context(), thief.ref, p.next(), false, thief.c); err == nil && s.Stage == auth.StageReady {
				t.Errorf("invariant 6: round %d: the thief's flow is ready after the owner's new password", i)
			}
			if _, err := w.m.ResetTwoStep(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			w.must(w.m.SetPassword(t.Context(), "ann", secret))
			w.move(time.Minute)
			w.mail.take()
		}
	})
}

// A reset that is under way does not undo a lock or an ending that comes meanwhile.
func TestResetDuringALock(t *testing.T) {
	for name, change := range map[string]func(w *world) error{
		"a lock":    func(w *world) error { return w.m.Lock(w.t.Context(), "ann") },
		"an ending": func(w *world) error { return w.m.EndUser(w.t.Context(), "ann") },
	} {
		during := func() {} // while the new password is being judged
		w := mailed(t, func(c *auth.Config) {
			c.Breaches = func(context.Context, string) (bool, error) {
				during()
				return false, nil
			}
		})
		w.must(w.m.Lock(t.Context(), "ann"))
		k := w.begin("ann@acme.example", office)
		k.took(w.m.SendReset(t.Context(), k.ref, office))
		r := &walker{world: w, c: office}
		r.took(w.m.OpenReset(t.Context(), linkToken(w.mail.one(mail.Reset)), "", office)).at(auth.StageNewPassword, "")
		during = func() { w.must(change(w)) }
		_, done, err := w.m.NewPassword(t.Context(), r.ref, auth.PasswordChoice{Password: "the thief's passphrase"}, office)
		during = func() {}
		if done || !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("R14 a reset during %s = %v, %v, want the flow gone", name, done, err)
		}
		if k := w.begin("ann@acme.example", home); k.step.Reason != auth.ReasonAccountLocked {
			t.Errorf("R14 after it the account stands at %s %s, want locked still", k.step.Stage, k.step.Reason)
		}
		w.move(time.Minute)
		w.mail.take()
	}
}

// A-149 for second steps: who knows the password can close them for a while, and a new password opens them.
func TestNewPasswordForgivesGuesses(t *testing.T) {
	w := mailed(t)
	p, codes, c := w.enroll("ann@acme.example", home)
	ctx := t.Context()
	for range 40 {
		w.move(16 * time.Minute)
		k := w.begin("ann@acme.example", c)
		for range 5 {
			w.m.TOTP(ctx, k.ref, p.wrongOne(), false, c)
			w.m.RecoveryCode(ctx, k.ref, "aaaaa-aaaaa", c)
		}
	}
	w.begin("ann@acme.example", c).totp(p.next()).at(auth.StageVerify, auth.ReasonTooManyAttempts)
	w.begin("ann@acme.example", c).recover(codes[0]).at(auth.StageVerify, auth.ReasonTooManyAttempts)
	w.move(time.Second)
	w.must(w.m.SetPassword(ctx, "ann", "another long passphrase"))
	w.move(time.Second)
	w.beginWith("ann@acme.example", "another long passphrase", c).totp(p.next()).at(auth.StageReady, "")
	w.beginWith("ann@acme.example", "another long passphrase", c).recover(codes[0]).at(auth.StageReady, "")
	w.move(time.Minute)
	w.mail.take()

	for range 30 {
		w.move(61 * time.Minute)
		k := w.begin("solo@acme.example", office)
		for range 5 {
			w.m.Code(ctx, k.ref, otherThan(w.mail.take0()), office)
		}
	}
	w.begin("solo@acme.example", office)
	w.must(w.m.SetPassword(ctx, "solo", "another long passphrase"))
	w.mail.take()
	k := w.beginWith("solo@acme.example", "another long passphrase", office).at(auth.StageVerify, "")
	k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageReady, "")
	w.move(time.Minute)
	w.mail.take()
}

// take0 empties the mailbox and answers the last code in it.
func (b *mailbox) take0() (code string) {
	for _, m := range b.take() {
		if m.Code != "" {
			code = m.Code
		}
	}
	return code
}

// R62, A-211: a session that somebody has found open must neither shut its owner out nor weaken what a lock guards.
func TestReportNeedsARecentProof(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	p, _, c := w.enroll("ann@acme.example", home)
	old, err := lookup(w.m, c.Session)
	w.must(err)
	w.move(8 * time.Hour)
	owner := w.begin("ann@acme.example", office).totp(p.code()).finish()
	if why, err := w.m.ReportDevice(ctx, old, owner.Session.DeviceID, c); why != auth.ReasonProofRequired || err != nil {
		t.Errorf("R62 R66 a report from an old session = %s, %v, want a recent proof asked for", why, err)
	}
	if !w.live(owner.Token) {
		t.Error("R62 the owner's session has ended")
	}
	if why, err := w.m.ReportDevice(ctx, owner.Session, old.DeviceID, office); why != "" || err != nil {
		t.Fatalf("R62 ReportDevice = %s, %v", why, err)
	}
	// What is left may not change what the lock guards, however recent.
	if why, err := w.m.TurnOffTwoStep(ctx, owner.Session, office); why != auth.ReasonProofRequired || err != nil {
		t.Errorf("R14 turning two-step off while locked = %s, %v", why, err)
	}
	if _, why, err := w.m.NewRecoveryCodes(ctx, owner.Session, office); why != auth.ReasonProofRequired || err != nil {
		t.Errorf("R14 new recovery codes while locked = %s, %v", why, err)
	}
	w.move(time.Minute)
	for _, m := range w.mail.take() {
		if m.Kind != mail.Reset {
			continue
		}
		if _, why, err := w.m.CheckReset(ctx, linkToken(m)); err != nil || why != "" {
			t.Errorf("R62 the mailed link counts: %v, %v, want true", why, err)
		}
	}
}

// to have an app and a spared device must not make an unusual sign-in easier than to have none.
func TestSparedDeviceUnusualSignIn(t *testing.T) {
	for name, edit := range map[string]func(*auth.Config){
		"A-202 an unusual sign-in": func(c *auth.Config) {
			c.Preset.SkipHighRisk = true
			c.Risk = func(_ context.Context, a auth.Attempt) (auth.Verdict, error) {
				if a.Client.IP == office.IP {
					return auth.VerdictUnusual, nil
				}
				return auth.VerdictOrdinary, nil
			}
		},
		"A-202 every sign-in": func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyAlways },
	} {
		w := mailed(t, edit)
		p, _, c := w.enroll("ann@acme.example", home)
		w.move(time.Minute)
		k := w.begin("ann@acme.example", c)
		k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c))
		c = with(c, k.finish())
		c.IP = office.IP
		if k := w.begin("ann@acme.example", c); k.step.Stage != auth.StageVerify || k.step.Offer[0] != auth.MethodEmailCode {
			t.Errorf("%s from a spared device: %s %v, want the mailed code", name, k.step.Stage, k.step.Offer)
		}
		w.mail.take()
	}
}

// a device that no list shows any more counts for nothing, trusted or not.
func TestTrustEndsWithTheRecord(t *testing.T) {
	w := mailed(t)
	laptop, there := w.known("ann@acme.example", office)
	w.move(85 * 24 * time.Hour)
	_, here := w.known("ann@acme.example", home)
	if why, err := w.m.TrustDevice(t.Context(), here, there.DeviceID, home); why != "" || err != nil {
		t.Fatalf("TrustDevice = %s, %v", why, err)
	}
	w.begin("ann@acme.example", laptop).at(auth.StageReady, "")
	w.move(6 * 24 * time.Hour)
	w.begin("ann@acme.example", laptop).at(auth.StageVerify, "")
	w.mail.one(mail.VerifyLogin)
}

// the codes of the old phone do not outlive it, wherever its replacement stops.
func TestOldRecoveryCodesGoFirst(t *testing.T) {
	w := mailed(t)
	_, codes, c := w.enroll("ann@acme.example", home)
	k := &walker{world: w, c: c}
	k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionNewPhone}, c))
	k.dialog(1).took(w.m.EnrollBegin(t.Context(), k.ref, c)).code(w.mail.one(mail.EnrollEmail).Code)
	k.took(w.m.EnrollApp(t.Context(), k.ref, c)).dialog(4)
	seen := 0
	w.spy.before = func(_ int, call string) error {
		if call == "ReplaceRecovery" {
			if seen++; seen == 2 {
				return errCrash
			}
		}
		return nil
	}
	if _, err := w.m.EnrollConfirm(t.Context(), k.ref, w.scan(k.step.App.Secret).code(), c); !errors.Is(err, errCrash) {
		t.Fatalf("got %v, want the crash", err)
	}
	w.spy.before = nil
	w.begin("ann@acme.example", c).recover(codes[0]).at(auth.StageVerify, auth.ReasonRecoveryWrong)
	w.move(time.Minute)
	w.mail.take()
}

// R66: what is recent is the proof, not the moment at which its sign-in was finished.
func TestAuthTimeIsTheProofs(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
	k := w.begin("two@acme.example", home).at(auth.StageAccount, "")
	proven := w.clock()
	w.move(9 * time.Minute)
	k.took(w.m.ChooseAccount(t.Context(), k.ref, "acme", home))
	w.move(2 * time.Minute)
	done := k.finish()
	if !done.Session.AuthTime.Equal(proven) {
		t.Errorf("R66 AuthTime is %v, want %v", done.Session.AuthTime, proven)
	}
	if recent, err := w.m.RecentlyProven(t.Context(), done.Session); err != nil || recent {
		t.Errorf("R66 eleven minutes after the proof RecentlyProven = %v, %v", recent, err)
	}
	w.mail.notices(mail.NewDevice)
}

// R62: with KeepOnReport too, a sign-in that is under way on the reported device comes to nothing.
func TestReportEndsWhatIsUnderWay(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.KeepOnReport = true })
	thief, there := w.known("ann@acme.example", office)
	ready := w.begin("ann@acme.example", thief).at(auth.StageReady, "")
	desk, here := w.known("ann@acme.example", home)
	if why, err := w.m.ReportDevice(t.Context(), here, there.DeviceID, desk); why != "" || err != nil {
		t.Fatalf("ReportDevice = %s, %v", why, err)
	}
	if done, _, err := w.m.Finish(t.Context(), ready.ref, thief); err != nil || done.Token != "" {
		t.Errorf("R62 the reported device finishes: %+v, %v", done, err)
	}
	w.mail.notices(mail.DeviceReported)
}

// whoever is signed in cannot make flows, letters or sets of codes without end.
func TestBoundsOfTheSignedIn(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	_, _, c := w.enroll("ann@acme.example", home)
	s, err := lookup(w.m, c.Session)
	w.must(err)
	made := 0
	for range 20 {
		if codes, _, err := w.m.NewRecoveryCodes(ctx, s, c); err == nil && len(codes) > 0 {
			made++
		}
	}
	begun := 0
	for range 100 {
		if step, err := w.m.StepUp(ctx, auth.StepUpOpening{}, c); err == nil && step.Token != "" {
			begun++
		}
	}
	if made != 5 || begun != 29 { // one more set the app up
		t.Errorf("A-278 %d sets of codes and %d step-ups, want 5 and 29", made, begun)
	}
	w.move(time.Minute)
	w.mail.take()
}

// U15: what has not the form of a code costs no try.
func TestMalformedCodesAreFree(t *testing.T) {
	w := mailed(t)
	_, codes, c := w.enroll("ann@acme.example", home)
	k := w.begin("ann@acme.example", c)
	for range 10 {
		k.recover("x").at(auth.StageVerify, auth.ReasonCodeFormat)
	}
	k.recover(codes[0]).at(auth.StageReady, "")
	w.move(time.Minute)
	w.mail.take()
}
