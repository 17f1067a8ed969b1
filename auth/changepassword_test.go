package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// changesPassword tries to, and answers the browser as it goes on.
func (w *world) changesPassword(c auth.Client, current, typed string) (auth.Client, auth.Answer, error) {
	w.t.Helper()
	done, a, err := w.m.ChangePassword(w.t.Context(), w.session(c), current, typed, c)
	if done.Token != "" {
		c = with(c, done)
	}
	return c, a, err
}

// R12: the present password, the new one, and what ends.
func TestChangePassword(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		other, _ := w.known(annsOwn, office)
		c, s := w.known(annsOwn, home)
		under := w.begin(annsOwn, other).at(auth.StageReady, "")
		for _, wrong := range []string{"", "wrong", fresh} {
			if _, a, err := w.changesPassword(c, wrong, fresh); a.Reason != auth.ReasonCurrentWrong || err != nil {
				t.Errorf("A-157 with the present password %q: %q, %v, want it wrong", wrong, a.Reason, err)
			}
		}
		if _, a, err := w.changesPassword(c, secret, ""); a.Reason != auth.ReasonPasswordMissing || err != nil {
			t.Errorf("R12 no new one: %q, %v", a.Reason, err)
		}
		for _, weak := range []string{"short", annsOwn, secret} {
			var unmet *auth.PasswordError
			if _, a, err := w.changesPassword(c, secret, weak); !errors.As(err, &unmet) {
				t.Errorf("A-155 R10 %q: %q, %v, want the rules", weak, a.Reason, err)
			}
		}
		if !w.live(other.Session) || !w.live(c.Session) {
			t.Error("R12 a refusal has ended a session")
		}
		w.mail.notices()
		after, a, err := w.changesPassword(c, secret, fresh)
		if a.Reason != "" || err != nil {
			t.Fatalf("R12 ChangePassword = %q, %v", a.Reason, err)
		}
		if w.live(c.Session) || w.live(other.Session) || !w.live(after.Session) || w.session(after).ID != s.ID {
			t.Errorf("R12 the old token lives %v, another session %v, this one under its new token %v, want the last alone", w.live(c.Session), w.live(other.Session), w.live(after.Session))
		}
		if done, _, err := w.m.Finish(ctx, under.ref, other); err != nil || done.Token != "" {
			t.Errorf("R12 a sign-in under way with the old password finishes: %+v, %v", done, err)
		}
		w.mail.notices(mail.PasswordChanged)
		w.beginWith(annsOwn, fresh, after).at(auth.StageReady, "") // this browser is known still
		w.beginWith(annsOwn, fresh, other).at(auth.StageVerify, "")
		w.mail.take()
		w.move(11 * time.Minute)
		if _, a, err := w.changesPassword(after, fresh, "a third long passphrase"); a.Reason != auth.ReasonProofRequired || err != nil {
			t.Errorf("R66 eleven minutes after the proof: %q, %v, want another asked for", a.Reason, err)
		}
		if w.opensWith(annsOwn, secret) || !w.opensWith(annsOwn, fresh) {
			t.Error("R12 the old password opens the account, or the new one does not")
		}
	})
}

// A-157, R13: guesses at the present password are charged as any other, also those of somebody who has found a session.
func TestChangePasswordIsThrottled(t *testing.T) {
	w := mailed(t)
	c, _ := w.known(annsOwn, home)
	looked := 0
	for range 110 {
		w.move(6 * time.Minute)
		s := w.session(c)
		s.AuthTime = w.clock() // a proof that goes on being recent
		_, a, err := w.m.ChangePassword(t.Context(), s, "wrong", fresh, c)
		w.must(err)
		if a.Reason == auth.ReasonCurrentWrong {
			looked++
		}
	}
	if looked > 100 {
		t.Errorf("A-157 %d guesses at the present password were looked at, want a hundred at most", looked)
	}
	s := w.session(c)
	s.AuthTime = w.clock()
	if _, a, err := w.m.ChangePassword(t.Context(), s, secret, fresh, c); a.Reason != auth.ReasonTooManyAttempts || err != nil {
		t.Errorf("A-157 after a hundred wrong ones the right one = %q, %v, want it not looked at", a.Reason, err)
	}
	if has(w.take(), auth.PasswordSet) {
		t.Error("A-157 the password was set")
	}
}

// R12: who cannot change it, and who sets a first one.
func TestChangePasswordOf(t *testing.T) {
	t.Run("R12 a company's own sign-in", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		w.must(w.people.SetDomainSSO(t.Context(), "acme.example", auth.SSOEnforced))
		if _, a, err := w.changesPassword(c, secret, fresh); a.Reason != auth.ReasonSSORequired || err != nil {
			t.Errorf("ChangePassword = %q, %v, want sso_required", a.Reason, err)
		}
	})
	t.Run("R12 somebody without one", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		cred, err := w.spy.stores.Credentials.Credential(t.Context(), "ann")
		w.must(err)
		cred.Hash = "" // a session of somebody whom another way has signed in
		w.must(w.spy.stores.Credentials.SwapCredential(t.Context(), cred))
		c, a, err := w.changesPassword(c, "", fresh)
		if a.Reason != "" || err != nil || !w.live(c.Session) || !w.opensWith(annsOwn, fresh) {
			t.Errorf("ChangePassword = %q, %v, want the first one set", a.Reason, err)
		}
		w.mail.notices() // there was none to be changed
	})
	t.Run("R14 somebody locked", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		w.reported(c)
		if _, a, err := w.changesPassword(c, secret, fresh); a.Reason != auth.ReasonProofRequired || err != nil {
			t.Errorf("ChangePassword = %q, %v, want proof_required", a.Reason, err)
		}
	})
	t.Run("R66 somebody with an app who has not used it", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionTwoStep}, c)).setUp()
		c = with(c, k.finish())
		s := w.session(c)
		s.Methods = "password"
		if _, a, err := w.m.ChangePassword(t.Context(), s, secret, fresh, c); a.Reason != auth.ReasonProofRequired || err != nil {
			t.Errorf("ChangePassword = %q, %v, want proof_required", a.Reason, err)
		}
		w.move(time.Minute)
		w.mail.take()
	})
}

// of 64 that change the password at once one does, and nobody is left in who is not the one.
func TestChangePasswordRace(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		other, _ := w.known(annsOwn, office)
		c, s := w.known(annsOwn, home)
		var set atomic.Int32
		var typed atomic.Value
		atOnce(64, func(i int) {
			mine := fmt.Sprintf("%s %d", fresh, i)
			_, a, err := w.m.ChangePassword(t.Context(), s, secret, mine, c)
			switch {
			case err == nil && a.Reason == "":
				set.Add(1)
				typed.Store(mine)
			case err != nil && !errors.Is(err, auth.ErrConflict) && !errors.Is(err, auth.ErrFlowGone):
				t.Errorf("A-174 ChangePassword = %v, %v", a, err)
			}
		})
		if set.Load() != 1 || w.live(other.Session) || w.sessions("ann") > 1 {
			t.Fatalf("A-174 %d have changed the password, another session lives %v, %d in all, want one, false, one", set.Load(), w.live(other.Session), w.sessions("ann"))
		}
		w.mail.notices(mail.PasswordChanged) // those of the others were taken back
		if w.opensWith(annsOwn, secret) || !w.opensWith(annsOwn, typed.Load().(string)) {
			t.Error("A-174 the password is not the one that was set")
		}
	})
}

// R11: a password that an administrator, its age or new rules ask to be replaced is, in the sign-in, after everything else.
func TestNewPasswordInASignIn(t *testing.T) {
	for name, tt := range map[string]struct {
		edit    func(c *auth.Config)
		prepare func(w *world)
		want    auth.Reason
	}{
		"R11 an administrator asks": {nil, func(w *world) { w.must(w.m.RequireNewPassword(w.t.Context(), "ann")) }, auth.ReasonPasswordChange},
		"R11 its age":               {func(c *auth.Config) { c.Preset.Policy.Passwords.MaxAge = 90 * 24 * time.Hour }, func(w *world) { w.move(90 * 24 * time.Hour) }, auth.ReasonPasswordExpired},
		"R11 the rules of a company": {nil, func(w *world) {
			p := auth.Policy{}
			p.Passwords.MinLength, p.Passwords.Recheck = 40, true
			w.must(w.people.SetAccountPolicy(w.t.Context(), "acme", p))
		}, auth.ReasonPasswordOutdated},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) {
				if tt.edit != nil {
					tt.edit(c)
				}
			})
			ctx := t.Context()
			const long = "a passphrase that is quite a bit longer than others"
			p, _, c := w.enroll(annsOwn, home)
			tt.prepare(w)
			w.move(time.Minute)
			k := w.begin(annsOwn, c).at(auth.StageVerify, "").totp(p.next()).at(auth.StageNewPassword, tt.want)
			if done, s, err := w.m.Finish(ctx, k.ref, c); err != nil || done.Token != "" || s.Stage != auth.StageNewPassword {
				t.Errorf("R11 Finish before the new password = %+v, %s, %v", done, s.Stage, err)
			}
			var unmet *auth.PasswordError
			if _, _, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: secret}, c); !errors.As(err, &unmet) || !slices.ContainsFunc(unmet.Unmet, func(u password.Unmet) bool { return u.Rule == password.Reused }) {
				t.Errorf("R11 the same password = %v, want refused as used before", err)
			}
			old := k.ref
			s, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: long, KeepSessions: true}, c)
			if err != nil || done || s.Token == "" {
				t.Fatalf("R11 NewPassword = %s %s, %v, %v, want the sign-in to go on under a new token", s.Stage, s.Reason, done, err)
			}
			if w.live(c.Session) {
				t.Error("R11 a session with the old password lives on")
			}
			if _, _, err := w.m.Finish(ctx, old, c); !errors.Is(err, auth.ErrFlowGone) {
				t.Errorf("R11 the old token = %v, want it gone", err)
			}
			k.took(s, nil).at(auth.StageReady, "")
			c = with(c, k.finish())
			if !w.live(c.Session) || w.opensWith(annsOwn, secret) {
				t.Error("R11 nobody is in, or the old password opens the account")
			}
			w.move(time.Minute)
			w.mail.take()
			w.beginWith(annsOwn, long, c).at(auth.StageVerify, "").totp(p.next()).at(auth.StageReady, "") // and that was that
			w.move(time.Minute)
			w.mail.take()
		})
	}
}

// R11: RequireNewPassword ends what is under way, and is of no use to somebody without a password.
func TestRequireNewPassword(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	c, _ := w.known(annsOwn, home)
	k := w.begin(annsOwn, c).at(auth.StageReady, "")
	w.must(w.m.RequireNewPassword(ctx, "ann"))
	if done, _, err := w.m.Finish(ctx, k.ref, c); err != nil || done.Token != "" {
		t.Errorf("R11 a sign-in under way finishes: %+v, %v", done, err)
	}
	if !w.live(c.Session) {
		t.Error("a session ended that nobody has asked to end")
	}
	if err := w.m.RequireNewPassword(ctx, "nopass"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("RequireNewPassword of somebody without one = %v, want ErrNotFound", err)
	}
	// A reset meets it, too.
	w.reset(annsOwn, fresh, office)
	w.beginWith(annsOwn, fresh, c).at(auth.StageVerify, "")
	w.move(time.Minute)
	w.mail.take()
}

// Invariant 6: a password that an administrator sets while a change of address is taken back does not bring back the recovery address
// that went with it.
func TestSetPasswordKeepsWhatChangesMeanwhile(t *testing.T) {
	w := mailed(t)
	c, _ := w.known(annsOwn, home)
	c = w.recovers(c, "thief@elsewhere.example")
	w.moves(c, annsNext)
	w.move(10 * time.Second)
	undo := ""
	for _, m := range w.mail.take() {
		if m.Kind == mail.EmailChanged && m.To == annsOwn {
			undo = linkToken(m)
		}
	}
	w.spy.before = func(_ int, call string) error {
		if call == "SwapCredential" {
			w.spy.before = nil
			if a, err := w.m.UndoEmail(t.Context(), undo, office); a.Reason != "" || err != nil {
				t.Errorf("UndoEmail = %+v, %v", a, err)
			}
		}
		return nil
	}
	w.must(w.m.SetPassword(t.Context(), "ann", fresh))
	if at, _, err := w.m.RecoveryEmail(t.Context(), "ann"); at != "" || err != nil {
		t.Errorf("the recovery address is %q again, %v", at, err)
	}
	w.move(time.Minute)
	w.mail.take()
}
