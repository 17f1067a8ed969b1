package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// somebody has set up an account with another person's address, and everything in it: password, app, recovery codes,
// recovery address, sessions, devices, a change of address that waits, links. When the owner of the address proves it by mail,
// nothing of that is left.
func TestUnverifiedAccountIsTakenOver(t *testing.T) {
	ways := map[string]func(w *world) *walker{
		"A-116 by a reset": func(w *world) *walker {
			w.asked("una@acme.example")
			letter := w.mail.one(mail.Reset)
			if letter.To != "una@acme.example" {
				w.t.Errorf("A-119 the letter that proves the address goes to %s", letter.To)
			}
			return w.opens(linkToken(letter), home)
		},
		"A-116 by an invitation": func(w *world) *walker {
			_, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: "una@acme.example"})
			k := &walker{world: w, c: home}
			return k.took(w.m.OpenInvitation(w.t.Context(), link, "", home))
		},
		"A-115 by signing up": func(w *world) *walker {
			w.cfg.Preset.SignUp = auth.SignUpPerson
			w.m = w.manager()
			if why, err := w.m.SignUp(w.t.Context(), "una@acme.example", "", home); why != "" || err != nil {
				w.t.Fatal(why, err)
			}
			k := &walker{world: w, c: home}
			return k.took(w.m.OpenSignUp(w.t.Context(), linkToken(w.mail.one(mail.SignUp)), "", home))
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
			ctx := t.Context()
			w.unverified("una")
			thief, _ := w.known("una@acme.example", office)
			w.mail.notices(mail.NewDevice)
			p, codes, thief := w.enroll("una@acme.example", thief)
			thief = w.recovers(thief, "thief@elsewhere.example")
			s := w.session(thief)
			if why, err := w.m.TrustDevice(ctx, s, s.DeviceID, thief); why != "" || err != nil {
				t.Fatal(why, err)
			}
			reset := w.forgot("una@acme.example")
			waits := w.wants(thief, "thief2@elsewhere.example")
			if a, err := w.m.AskRecoveryEmail(ctx, s, "thief3@elsewhere.example", thief); err != nil || a.Reason != "" {
				t.Fatal(a, err)
			}
			recovery := linkToken(w.letterOf(mail.RecoveryConfirm))
			w.move(time.Minute)
			w.mail.take()
			opened := w.opens(reset, office)
			under := w.begin("una@acme.example", thief).totp(p.next()).at(auth.StageReady, "")
			w.mail.take()

			k := way(w).at(auth.StageNewPassword, "") // no second step is asked, which would be the thief's
			k.choose(auth.PasswordChoice{Password: fresh})

			if w.live(thief.Session) || w.sessions("una") != 0 {
				t.Error("A-116 a session from before lives on")
			}
			if list, err := w.m.ListDevices(ctx, session.Session{UserID: "una"}); err != nil || len(list) != 0 {
				t.Errorf("A-116 %d devices are remembered, %v", len(list), err)
			}
			if done, _, err := w.m.Finish(ctx, under.ref, thief); err == nil && done.Token != "" {
				t.Error("A-116 a sign-in under way finishes")
			}
			if state, err := w.m.TwoStep(ctx, "una"); err != nil || state.On() {
				t.Errorf("A-117 the app is left: %+v, %v", state, err)
			}
			if at, pending, err := w.m.RecoveryEmail(ctx, "una"); at != "" || pending != "" || err != nil {
				t.Errorf("A-117 the recovery address is %q, %q waits, %v", at, pending, err)
			}
			if pending, err := w.m.PendingEmail(ctx, "una"); pending != "" || err != nil {
				t.Errorf("A-118 the address %q waits, %v", pending, err)
			}
			if u, err := w.people.UserByID(ctx, "una"); err != nil || u.Unverified || u.Email != "una@acme.example" {
				t.Errorf("A-115 the person is %+v, %v, want verified", u, err)
			}
			if s, done, err := w.m.NewPassword(ctx, opened.ref, auth.PasswordChoice{Password: "the thief's passphrase"}, office); done || err == nil && s.Stage == auth.StageNewPassword {
				t.Errorf("A-118 a reset under way goes on: %s, %v, %v", s.Stage, done, err)
			}
			if _, why, err := w.m.CheckReset(ctx, reset); why == "" || err != nil {
				t.Errorf("A-118 a reset from before counts: %q, %v", why, err)
			}
			owner, _ := w.knownWith("una@acme.example", fresh, home)
			for what, confirm := range map[string]func() (auth.Done, auth.Answer, error){
				"A-118 another address":    func() (auth.Done, auth.Answer, error) { return w.m.ConfirmEmail(ctx, waits, owner) },
				"A-117 a recovery address": func() (auth.Done, auth.Answer, error) { return w.m.ConfirmRecoveryEmail(ctx, recovery, owner) },
			} {
				if done, a, err := confirm(); done.Token != "" || err != nil || a.Reason != auth.ReasonLinkExpired {
					t.Errorf("%s from before = %q, %v, want expired", what, a.Reason, err)
				}
			}
			if w.opensWith("una@acme.example", secret) {
				t.Error("A-115 the password from before opens the account")
			}
			k2 := w.beginWith("una@acme.example", fresh, thief)
			k2.took(w.m.RecoveryCode(ctx, k2.ref, codes[0], thief))
			k2.at(auth.StageReady, "") // nobody has a second step
			w.mail.notices()
			if name != "A-116 by an invitation" {
				return
			}
			if m, err := w.m.Memberships(ctx, "una"); err != nil || len(m) != 1 || m[0].State != auth.MemberActive {
				t.Errorf("A-116 memberships %+v, %v, want the invitation's", m, err)
			}
		})
	}
}

// knownWith is known with another password.
func (w *world) knownWith(email, typed string, c auth.Client) (auth.Client, session.Session) {
	w.t.Helper()
	k := w.beginWith(email, typed, c)
	if k.step.Stage == auth.StageVerify {
		k.code(w.mail.take0())
	}
	done := k.finish()
	w.move(10 * time.Second)
	w.mail.take()
	return with(c, done), done.Session
}

// a password proves no address. It does only together with a code that reached the mailbox.
func TestPasswordVerifiesNobody(t *testing.T) {
	unverified := func(w *world) bool {
		u, err := w.people.UserByID(w.t.Context(), "una")
		w.must(err)
		return u.Unverified
	}
	t.Run("A-119 a sign-in without a code", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		w.unverified("una")
		w.known("una@acme.example", home)
		if !unverified(w) {
			t.Error("the password alone has proven the address")
		}
		w.mail.notices(mail.NewDevice)
	})
	t.Run("A-119 a new password in a sign-in", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		w.unverified("una")
		c, _ := w.known("una@acme.example", office)
		w.mail.notices(mail.NewDevice)
		p, _, c := w.enroll("una@acme.example", c)
		w.must(w.m.RequireNewPassword(t.Context(), "una"))
		k := w.begin("una@acme.example", c).totp(p.next()).at(auth.StageNewPassword, auth.ReasonPasswordChange)
		s, _, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: fresh}, c)
		k.took(s, err).finish()
		if !unverified(w) {
			t.Error("a new password in a sign-in has proven the address")
		}
		if state, err := w.m.TwoStep(t.Context(), "una"); err != nil || !state.On() {
			t.Errorf("the app is gone: %+v, %v", state, err)
		}
		w.move(time.Minute)
		w.mail.take()
	})
	t.Run("A-119 a change of the password", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		w.unverified("una")
		c, _ := w.known("una@acme.example", home)
		if _, a, err := w.changesPassword(c, secret, fresh); a.Reason != "" || err != nil {
			t.Fatal(a, err)
		}
		w.must(w.m.SetPassword(t.Context(), "una", secret))
		if !unverified(w) {
			t.Error("a new password has proven the address")
		}
		w.move(time.Minute)
		w.mail.take()
	})
	t.Run("password and mailbox", func(t *testing.T) {
		w := mailed(t)
		w.unverified("una")
		w.known("una@acme.example", home)
		if unverified(w) || !has(w.take(), auth.UserVerified) {
			t.Error("password and mailed code have not proven the address")
		}
	})
	t.Run("A-118 another address that was proven", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		w.unverified("una")
		c, _ := w.known("una@acme.example", home)
		w.moves(c, "una@elsewhere.example")
		if unverified(w) {
			t.Error("the new address was proven")
		}
		w.move(time.Minute)
		w.mail.take()
	})
	t.Run("where the host's table cannot be written", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Registrar, c.Invitations = nil, nil })
		w.unverified("una")
		w.reset("una@acme.example", fresh, home)
		if !w.opensWith("una@acme.example", fresh) {
			t.Error("R46 the new password does not open the account")
		}
		w.reset("una@acme.example", "a third long passphrase", home) // and once more
		w.move(time.Minute)
		w.mail.take()
	})
}

// A-123, R42: nobody joins by a session before the address is proven.
func TestUnverifiedDoesNotJoin(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
	w.unverified("una")
	c, _ := w.known("una@acme.example", office)
	w.mail.notices(mail.NewDevice)
	i, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: "una@acme.example"})
	s, err := w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionJoin, Link: link}, c)
	if err != nil || s.Stage != auth.StageRefused || s.Reason != auth.ReasonInviteOtherUser || s.Token != "" {
		t.Errorf("A-123 StepUp = %s %s, %v, want another person asked for", s.Stage, s.Reason, err)
	}
	if a, err := w.m.Decline(t.Context(), link, c); a.Reason != auth.ReasonInviteOtherUser || err != nil {
		t.Errorf("A-123 Decline = %q, %v", a.Reason, err)
	}
	if in, err := w.m.CheckInvitation(t.Context(), link, c); err != nil || in.Exists {
		t.Errorf("A-127 CheckInvitation = %+v, %v, want nobody who has an account", in, err)
	}
	if now, err := w.people.Invitation(t.Context(), i.ID); err != nil || now.State != auth.InvitationOpen {
		t.Errorf("the invitation is %+v, %v, want open", now, err)
	}
}

// whoever has set up an account with another person's address asks for an address of their own, and at the moment in which
// it is confirmed for a new password. The change is taken back, and by that nobody has proven the address that counts again.
func TestUnverifiedAddressThatComesBack(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
	ctx := t.Context()
	w.unverified("una")
	thief, _ := w.known("una@acme.example", office)
	w.mail.notices(mail.NewDevice)
	_, _, thief = w.enroll("una@acme.example", thief)
	thief = w.recovers(thief, "thief@elsewhere.example")
	link := w.wants(thief, "thief2@elsewhere.example")
	w.spy.after = func(_ int, call string) error {
		if call != "SwapEmail" {
			return nil
		}
		w.spy.after = nil
		if _, a, err := w.changesPassword(thief, secret, "the thief's passphrase"); a.Reason != "" || err != nil {
			t.Errorf("ChangePassword = %+v, %v", a, err)
		}
		return nil
	}
	if done, a, err := w.m.ConfirmEmail(ctx, link, thief); done.Token != "" || a.Reason != auth.ReasonLinkExpired || err != nil {
		t.Fatalf("A-118 ConfirmEmail = %+v, %v, want expired", a, err)
	}
	w.move(time.Minute)
	w.mail.take()
	if at := w.address("una"); at != "una@acme.example" {
		t.Fatalf("A-118 the address is %q", at)
	}
	if !has(w.take(), auth.SessionsEnded) {
		t.Error("the trail does not say that everything ended")
	}
	if w.sessions("una") != 0 || w.opensWith("una@acme.example", "the thief's passphrase") || w.opensWith("una@acme.example", secret) {
		t.Error("A-116 what the thief has opens an address that nobody has proven")
	}
	_, invited := w.invite(auth.NewInvitation{AccountID: "umbra", Email: "una@acme.example"})
	if in, err := w.m.CheckInvitation(ctx, invited, home); err != nil || in.Exists {
		t.Errorf("A-127 CheckInvitation = %+v, %v, want nobody who has an account", in, err)
	}
	w.asked("una@acme.example")
	letter := w.letterOf(mail.Reset)
	if letter.To != "una@acme.example" {
		t.Errorf("A-117 the reset goes to %s", letter.To)
	}
	w.opens(linkToken(letter), home).choose(auth.PasswordChoice{Password: fresh}) // nobody asks for the thief's app
	w.move(time.Minute)
	w.mail.take()
}

// whoever reads an address that nobody has proven may be anybody: where somebody mistyped their own it is a stranger, who
// would take the account by taking the change of address back. They are told, for it may be theirs; but there is nothing to give back.
func TestUnverifiedAddressIsNotGivenBack(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
	w.unverified("una")
	c, _ := w.known("una@acme.example", home)
	w.mail.notices(mail.NewDevice)
	w.moves(c, "una@elsewhere.example")
	w.move(time.Minute)
	told := w.letterOf(mail.EmailChanged)
	if told.To != "una@acme.example" {
		t.Errorf("A-181 %s is told", told.To)
	}
	if strings.Contains(told.Text, "token=") {
		t.Error("A-119 the letter to an address that nobody has proven takes the account back")
	}
	w.mail.take()
}
