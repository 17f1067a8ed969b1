package auth_test

import (
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

var thiefIP = from("198.51.100.66")

// unverifies switches codes on new devices off: what is shown here must not hang on them.
func unverifies(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff }

// wires is connected for a world in which anything may have gone out before.
func (w *world) wires(name string, a auth.Arrival, c auth.Client) auth.Client {
	w.t.Helper()
	c, _ = w.connects(name, a, c)
	w.quiet()
	return c
}

// Another phone is set up by the password and the mailbox. Whoever has one account elsewhere may have the mailbox with it.
func TestPhoneIsNotReplacedByOneAccountElsewhere(t *testing.T) {
	for name, preset := range map[string]auth.Preset{"EmailFirst": auth.EmailFirst(), "ForcedTwoStep": auth.ForcedTwoStep()} {
		t.Run("A-208 A-200 "+name, func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) {
				c.Preset = preset
				c.Preset.Policy.Passwords = auth.Recommended().Policy.Passwords // the world's people have long ones
			})
			k := w.begin("ann@acme.example", home)
			if k.step.Stage == auth.StageVerify {
				k.code(w.mail.one(mail.VerifyLogin).Code)
			}
			if preset.Policy.TwoStep != auth.TwoStepRequired {
				k = &walker{world: w, c: with(home, k.finish())}
				k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionTwoStep}, k.c))
			}
			phone, _ := k.setUp()
			if k.step.Stage == auth.StageVerify {
				w.move(30 * time.Second)
				k.totp(phone.next())
			}
			c := with(k.c, k.finish())
			k = &walker{world: w, c: c}
			k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c)).at(auth.StageLink, "")
			k.comesBack(k.goesOn("google"), google("ann")).finish()
			w.quiet()
			w.move(48 * time.Hour)

			thief := w.by(google("ann"), thiefIP).at(auth.StageVerify, "")
			if thief.step.NewPhone {
				t.Error("another phone is offered")
			}
			step, err := w.m.NewPhone(t.Context(), thief.ref, thiefIP)
			if err == nil && step.Reason == "" && step.Stage == auth.StageEnroll {
				t.Errorf("NewPhone = %s, want it refused", step.Stage)
			}
			w.quiet()
			owner := w.begin("ann@acme.example", thiefIP) // with the password it goes on, as ever
			if !owner.step.NewPhone {
				t.Error("it is not offered with the password")
			}
			owner.took(w.m.NewPhone(t.Context(), owner.ref, thiefIP)).dialog(1)
			w.quiet()
		})
	}
	t.Run("A-208 A-200 nor by the sign-in of one company where another asks for the app", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.SelfReset = auth.SelfResetEmail })
		w.must(w.people.SetAccountPolicy(t.Context(), "umbra", auth.Policy{TwoStep: auth.TwoStepRequired, TwoStepSince: start}))
		k := w.begin("two@acme.example", home)
		if k.step.Stage == auth.StageVerify {
			k.code(w.mail.one(mail.VerifyLogin).Code)
		}
		p, _ := k.setUp()
		w.move(30 * time.Second)
		k.totp(p.next())
		w.quiet()
		w.company(auth.SSOEnforced)
		w.move(48 * time.Hour)
		a := says("two")
		a.MultiFactor = true // for Acme alone
		thief := w.arrives("two@acme.example", a, thiefIP).at(auth.StageVerify, "")
		if thief.step.NewPhone {
			t.Error("another phone is offered")
		}
		if step, err := w.m.NewPhone(t.Context(), thief.ref, thiefIP); err == nil && step.Stage == auth.StageEnroll {
			t.Errorf("NewPhone = %s, want it refused", step.Stage)
		}
		w.quiet()
	})
}

// whoever held an account before its address was proven connected one of theirs, and drives a change of address into being taken back.
func TestStartingOverTakesAccountsElsewhere(t *testing.T) {
	w := mailed(t, unverifies)
	ctx := t.Context()
	w.unverified("una")
	thief := w.wires("una", google("evil"), thiefIP)
	link := w.wants(thief, "thief2@elsewhere.example")
	w.spy.after = func(_ int, call string) error {
		if call == "SwapEmail" {
			w.spy.after = nil
			if _, a, err := w.changesPassword(thief, secret, "the thief's passphrase"); a.Reason != "" || err != nil {
				t.Errorf("ChangePassword = %+v, %v", a, err)
			}
		}
		return nil
	}
	if done, a, err := w.m.ConfirmEmail(ctx, link, thief); done.Token != "" || a.Reason != auth.ReasonLinkExpired || err != nil {
		t.Fatalf("ConfirmEmail = %+v, %+v, %v, want expired", done, a, err)
	}
	w.quiet()
	if got := w.links("una"); len(got) > 0 || w.sessions("una") > 0 {
		t.Errorf("the address is back, with %q and %d sessions, want nothing from before", got, w.sessions("una"))
	}
	if k := w.by(google("evil"), thiefIP); k.step.Stage == auth.StageReady {
		t.Error("A-117 the thief's account opens it still")
	}
	w.quiet()
}

// a lock that the company's own sign-in lifts takes what a reset takes.
func TestLockLiftedByCompanyTakesAccountsElsewhere(t *testing.T) {
	w := mailed(t, unverifies)
	w.wires("ann", google("evil"), thiefIP)
	w.company(auth.SSOEnforced)
	w.bound("ann")
	w.move(time.Hour)
	w.must(w.m.Lock(t.Context(), "ann"))
	w.quiet()
	w.move(time.Minute)
	k, d := w.departs("ann@acme.example", home)
	k.comesBack(d, says("ann")).at(auth.StageAuthenticate, auth.ReasonSSOAgain)
	if got := w.links("ann"); len(got) != 1 {
		t.Errorf("before it is lifted links %q, want the thief's", got)
	}
	a := says("ann")
	a.AuthTime = w.clock()
	k.comesBack(k.leaves(), a).at(auth.StageReady, "").finish()
	w.quiet()
	w.company(auth.SSOOptional)
	if k := w.by(google("evil"), thiefIP); k.step.Flow.UserID == "ann" {
		t.Error("A-116 the thief's account proves ann again once the company enforces no longer")
	}
	if got := w.links("ann"); len(got) > 0 {
		t.Errorf("links %q, want none", got)
	}
	if all, err := w.m.Identities(t.Context(), "ann"); err != nil || len(all) != 1 {
		t.Errorf("Identities = %+v, %v, want the company's", all, err)
	}
	w.quiet()
}

// a password that an administrator sets lifts a lock, also one that comes at that moment, and takes what goes with it.
func TestSetPasswordDuringALock(t *testing.T) {
	between(t, unverifies, func(w *world) (func() (auth.Step, error), func() error) {
		w.wires("ann", google("evil"), thiefIP)
		return func() (auth.Step, error) { return auth.Step{}, w.m.SetPassword(t.Context(), "ann", otherSecret) },
			func() error { return w.m.Lock(t.Context(), "ann") }
	}, func(t *testing.T, w *world, ended error, _ auth.Step) {
		w.quiet()
		if k := w.by(google("evil"), thiefIP); ended == nil && k.step.Stage == auth.StageReady {
			t.Errorf("the lock is gone, and %q opens the account", w.links("ann"))
		}
	})
}

// whoever knows a password that is to be replaced makes no way in of their own with it.
func TestLinkAfterNewPassword(t *testing.T) {
	for name, edit := range map[string]func(w *world){
		"that an administrator asks for": func(w *world) { w.must(w.m.RequireNewPassword(t.Context(), "ann")) },
		"that is too old":                func(w *world) { w.move(100 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t, unverifies, func(c *auth.Config) { c.Preset.Policy.Passwords.MaxAge = 90 * 24 * time.Hour })
			edit(w)
			k := w.by(google("evil"), thiefIP)
			k.took(w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example", Replaces: k.ref.Token}, thiefIP))
			k.took(w.m.Password(t.Context(), k.ref, secret, thiefIP))
			if k.step.Stage != auth.StageNewPassword {
				t.Fatalf("after the old password the flow is at %s, want the new one first", k.step.Stage)
			}
			if s, err := w.m.Link(t.Context(), k.ref, true, thiefIP); s.Stage == auth.StageLink || s.Stage == auth.StageReady || len(w.links("ann")) > 0 {
				t.Errorf("Link before the new password = %s, %v, links %q, want none", s.Stage, err, w.links("ann"))
			}
			s, _, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: otherSecret}, thiefIP)
			k.took(s, err).at(auth.StageLink, "") // and then it goes on
			k.took(w.m.Link(t.Context(), k.ref, true, thiefIP)).at(auth.StageReady, "")
			w.quiet()
		})
	}
}

// Apple writes whole seconds, and does not say it twice.
func TestRevokedInTheSecondOfTheLink(t *testing.T) {
	w := mailed(t)
	w.move(300 * time.Millisecond)
	c := w.wires("ann", google("ann"), home)
	all, err := w.m.Connected(t.Context(), "ann")
	w.must(err)
	at := all[0].LinkedAt.Add(500 * time.Millisecond).Truncate(time.Second)
	w.must(w.m.Revoked(t.Context(), providers[0], "https://accounts.google.com", "g-ann", at.Add(-time.Second)))
	if got := w.links("ann"); len(got) != 1 {
		t.Errorf("what was taken back before it was given takes %q", got)
	}
	w.must(w.m.Revoked(t.Context(), providers[0], "https://accounts.google.com", "g-ann", at))
	if got := w.links("ann"); len(got) > 0 || w.live(c.Session) {
		t.Errorf("the consent was taken back, and %q opens the account here", got)
	}
	w.quiet()
}

// Invariant 8: somebody who had nothing to sign in with when they were looked at has a password by the time of the link.
func TestBareNoLonger(t *testing.T) {
	on := func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn }
	linked := false
	var k *walker
	between(t, on, func(w *world) (func() (auth.Step, error), func() error) {
		var d auth.Departure
		k, d = w.goes("google", thiefIP)
		ticket := w.lays(d, google("nopass"))
		return func() (auth.Step, error) { return w.m.Arrived(t.Context(), k.ref, ticket, false, thiefIP) },
			func() error {
				linked = len(w.links("nopass")) > 0 // then they had nothing when it was made
				return w.m.SetPassword(t.Context(), "nopass", otherSecret)
			}
	}, func(t *testing.T, w *world, ended error, s auth.Step) {
		if ended == nil && !linked && len(w.links("nopass")) > 0 {
			t.Errorf("the password was there first, and links are %q", w.links("nopass"))
		}
		w.quiet()
	})
}

// Invariant 8: the owner proves the address between the look at the account and its take-over, and keeps what they have set.
func TestTakeOverNoLonger(t *testing.T) {
	on := func(c *auth.Config) { unverifies(c); c.Preset.SocialSignUp = auth.SocialSignUpOn }
	var k *walker
	linked := false
	between(t, on, func(w *world) (func() (auth.Step, error), func() error) {
		w.unverified("eve")
		link := w.forgot("eve@acme.example")
		var d auth.Departure
		k, d = w.goes("google", thiefIP)
		ticket := w.lays(d, google("eve"))
		return func() (auth.Step, error) { return w.m.Arrived(t.Context(), k.ref, ticket, false, thiefIP) },
			func() error {
				linked = len(w.links("eve")) > 0
				r := w.opens(link, home)
				_, _, err := w.m.NewPassword(t.Context(), r.ref, auth.PasswordChoice{Password: otherSecret}, home)
				return err
			}
	}, func(t *testing.T, w *world, ended error, s auth.Step) {
		w.quiet()
		if ended == nil && !linked && (len(w.links("eve")) > 0 || !w.opensWith("eve@acme.example", otherSecret)) {
			t.Errorf("proven and with a password before: links %q, and the password opens: %v", w.links("eve"), w.opensWith("eve@acme.example", otherSecret))
		}
		w.quiet()
	})
}

// What an administrator takes back is gone once Unbind has answered, however often it was stopped in between.
func TestUnbindCutShort(t *testing.T) {
	for _, cut := range []string{"UnlinkIdentity", "MoveCredential", "EndAll"} {
		w := mailed(t)
		c := w.wires("ann", google("evil"), thiefIP)
		all, err := w.m.Connected(t.Context(), "ann")
		w.must(err)
		w.spy.after = func(_ int, call string) error {
			if call == cut {
				w.spy.after = nil
				return errCrash
			}
			return nil
		}
		if err := w.m.Unbind(t.Context(), "ann", all[0].ID); err == nil {
			t.Logf("%s is not called", cut)
		}
		w.spy.after = nil
		if len(w.links("ann")) == 0 && w.live(c.Session) {
			t.Errorf("after %s the account is unbound, and the session of whoever it was lives", cut)
		}
		w.quiet()
	}
}
