package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const fresh = "another long passphrase"

// forgot asks for a new password and answers the token in the letter that comes of it.
func (w *world) forgot(email string) string {
	w.t.Helper()
	w.asked(email)
	return linkToken(w.mail.one(mail.Reset))
}

// asked asks for a new password.
func (w *world) asked(email string) {
	w.t.Helper()
	if why, err := w.m.Forgot(w.t.Context(), email, "", office); why != "" || err != nil {
		w.t.Fatalf("Forgot(%q) = %q, %v", email, why, err)
	}
}

// opens begins a flow with the link of a reset.
func (w *world) opens(link string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	return k.took(w.m.OpenReset(w.t.Context(), link, "", c))
}

// choose sets the new password that a flow asks for, and fails the test unless that ends it.
func (k *walker) choose(choice auth.PasswordChoice) {
	k.t.Helper()
	k.at(auth.StageNewPassword, k.step.Reason)
	if s, done, err := k.m.NewPassword(k.t.Context(), k.ref, choice, k.c); err != nil || !done {
		k.t.Fatalf("NewPassword = %s %s, %v, %v, want done", s.Stage, s.Reason, done, err)
	}
}

// reset goes all the way from the question to the new password.
func (w *world) reset(email, typed string, c auth.Client) {
	w.t.Helper()
	w.opens(w.forgot(email), c).choose(auth.PasswordChoice{Password: typed})
}

// opensWith tells whether a password is right.
func (w *world) opensWith(email, typed string) bool {
	w.t.Helper()
	w.move(20 * time.Minute) // whatever was guessed before
	s, err := w.m.Password(w.t.Context(), auth.Ref{Token: w.identify(email, office).Token}, typed, office)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mail.take()
	return s.Reason != auth.ReasonInvalidCredentials
}

// unverified adds a person whose address nobody has proven, with a password that somebody has set.
func (w *world) unverified(name string) {
	w.t.Helper()
	if _, err := w.people.AddUser(w.t.Context(), auth.User{ID: name, Email: name + "@acme.example", Unverified: true}); err != nil {
		w.t.Fatal(err)
	}
	w.must(w.m.SetPassword(w.t.Context(), name, secret))
}

// recovers gives whoever is signed in a recovery address.
func (w *world) recovers(c auth.Client, to string) auth.Client {
	w.t.Helper()
	s, err := lookup(w.m, c.Session)
	w.must(err)
	if a, err := w.m.AskRecoveryEmail(w.t.Context(), s, to, c); err != nil || a.Reason != "" {
		w.t.Fatalf("AskRecoveryEmail = %+v, %v", a, err)
	}
	done, a, err := w.m.ConfirmRecoveryEmail(w.t.Context(), linkToken(w.mail.one(mail.RecoveryConfirm)), c)
	if err != nil || a.Reason != "" || done.Token == "" {
		w.t.Fatalf("ConfirmRecoveryEmail = %+v, %+v, %v", done, a, err)
	}
	w.move(10 * time.Second)
	w.mail.take()
	return with(c, done)
}

// R45: who gets which letter, and where. Whoever asks is answered the same, and nobody else is told.
func TestForgot(t *testing.T) {
	type story struct {
		prepare func(w *world)
		email   string
		kind    mail.Kind // empty: no letter
		to      string
	}
	sso := func(w *world) { w.must(w.people.SetDomainSSO(w.t.Context(), "acme.example", auth.SSOEnforced)) }
	for name, s := range map[string]story{
		"known":            {nil, "ann@acme.example", mail.Reset, "ann@acme.example"},
		"known, spelled":   {nil, " Ann@ACME.example ", mail.Reset, "ann@acme.example"},
		"unknown":          {nil, "nobody@acme.example", "", ""},
		"suspended":        {nil, "gone@acme.example", "", ""},
		"suspended there":  {nil, "sam@acme.example", mail.Reset, "sam@acme.example"}, // one company's matter
		"R15 no password":  {nil, "nopass@acme.example", mail.Reset, "nopass@acme.example"},
		"enforced":         {sso, "ann@acme.example", mail.ResetSSO, "ann@acme.example"},
		"enforced, nobody": {sso, "nobody@acme.example", "", ""},
		"invited":          {func(w *world) { w.invite(auth.NewInvitation{Email: "new@acme.example"}) }, "new@acme.example", mail.Invite, "new@acme.example"},
		"invited, enforced": {func(w *world) { w.invite(auth.NewInvitation{Email: "new@acme.example"}); sso(w) },
			"new@acme.example", mail.InviteSSO, "new@acme.example"},
		"recovery address": {func(w *world) {
			c, _ := w.known("ann@acme.example", home)
			w.recovers(c, "spare@elsewhere.example")
		}, "ann@acme.example", mail.Reset, "spare@elsewhere.example"},
		"recovery address, locked": {func(w *world) {
			c, _ := w.known("ann@acme.example", home)
			w.recovers(c, "spare@elsewhere.example")
			w.must(w.m.Lock(w.t.Context(), "ann"))
			w.mail.notices(mail.Locked)
		}, "ann@acme.example", mail.Reset, "ann@acme.example"}, // whoever had the account may have set the other
		"no address": {nil, "not an address", "", ""},
	} {
		t.Run("R45 "+name, func(t *testing.T) {
			w := mailed(t)
			if s.prepare != nil {
				s.prepare(w)
			}
			w.mail.take()
			why, err := w.m.Forgot(t.Context(), s.email, "", office)
			if want := map[bool]auth.Reason{true: auth.ReasonEmailInvalid}[name == "no address"]; why != want || err != nil {
				t.Errorf("A-137 Forgot = %q, %v, want %q", why, err, want)
			}
			list := w.mail.take()
			if s.kind == "" {
				if len(list) > 0 {
					t.Errorf("letters %v, want none", letterKinds(list))
				}
				return
			}
			if len(list) != 1 || list[0].Kind != s.kind || list[0].To != s.to {
				t.Fatalf("letters %+v, want one %s to %s", list, s.kind, s.to)
			}
			if s.kind != mail.Reset {
				return
			}
			k := w.opens(linkToken(list[0]), office).at(auth.StageNewPassword, "")
			k.choose(auth.PasswordChoice{Password: fresh})
			if !w.opensWith(s.email, fresh) {
				t.Error("R46 the new password does not open the account")
			}
			w.move(time.Minute)
			w.mail.take()
		})
	}
}

// A-137, invariant 3: the answer, the calls and the work are the same whoever has the address.
func TestForgotForStrangers(t *testing.T) {
	w := mailed(t)
	w.invite(auth.NewInvitation{Email: "new@acme.example"})
	w.must(w.people.SetAccountState(t.Context(), "umbra", auth.AccountExpired, time.Time{}))
	w.unverified("una")
	w.must(w.m.Lock(t.Context(), "solo"))
	w.move(time.Minute)
	w.mail.take()
	for what, ask := range map[string]func(email string, c auth.Client) (auth.Reason, error){
		"R45 Forgot": func(email string, c auth.Client) (auth.Reason, error) { return w.m.Forgot(t.Context(), email, "", c) },
		"R115 A-138 SignUp": func(email string, c auth.Client) (auth.Reason, error) {
			return w.signUps().SignUp(t.Context(), email, "", c)
		},
	} {
		var first []string
		for i, name := range []string{"ann", "nobody", "gone", "sam", "nopass", "new", "two", "una", "solo"} {
			w.spy.take()
			why, err := ask(name+"@acme.example", from(fmt.Sprintf("198.51.%d.7", i)))
			if why != "" || err != nil {
				t.Errorf("%s %s = %q, %v", what, name, why, err)
			}
			calls := w.spy.take()
			if first == nil {
				first = calls
			}
			if !slices.Equal(calls, first) {
				t.Errorf("%s for %s calls\n %v, want as for ann\n %v", what, name, calls, first)
			}
		}
	}
	w.mail.take()
	for _, e := range w.take() {
		if e.Kind == auth.ResetAsked && (e.UserID == "gone" || e.UserID == "nobody") {
			t.Errorf("R45 the trail says %+v of somebody who gets no letter", e)
		}
	}
}

// R45, A-137: nobody's password is looked at, and nothing is hashed: while the only place for that is taken, everybody is answered.
func TestForgotHashesNothing(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	w := mailed(t, func(c *auth.Config) { c.HashesAtOnce = 1 })
	w.cfg.Breaches = func(context.Context, string) (bool, error) {
		close(held)
		<-hold
		return false, nil
	}
	w.m = w.manager()
	set := make(chan error)
	go func() { set <- w.m.SetPassword(context.Background(), "solo", fresh) }()
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, name := range []string{"ann", "nobody", "nopass", "gone"} {
		if why, err := w.m.Forgot(ctx, name+"@acme.example", "", office); why != "" || err != nil {
			t.Errorf("R45 Forgot of %s = %q, %v", name, why, err)
		}
	}
	close(hold)
	w.must(<-set)
	w.lapse()
}

// letters to one address, and from one source, are bounded; beyond that the answer is the same.
func TestForgotFlood(t *testing.T) {
	w := mailed(t)
	for i := range 100 {
		if why, err := w.m.Forgot(t.Context(), []string{"ann@acme.example", "ANN@acme.example"}[i%2], "", from(fmt.Sprintf("198.51.%d.7", i))); why != "" || err != nil {
			t.Fatalf("Forgot = %q, %v", why, err)
		}
	}
	if n := len(w.mail.take()); n != 5 {
		t.Errorf("A-177 a hundred askings mail one person %d letters, want 5", n)
	}
	w.move(time.Hour)
	w.asked("ann@acme.example")
	w.mail.one(mail.Reset)
	for i := range 100 {
		w.asked(fmt.Sprintf("somebody%d@acme.example", i))
	}
	w.asked("two@acme.example")
	if n := len(w.mail.take()); n != 0 {
		t.Errorf("A-177 the hundred-and-first address from one source gets %d letters, want none", n)
	}
}

// R46: what the link leads to, and what it never does.
func TestReset(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c, _ := w.known("ann@acme.example", home)
		other, _ := w.known("ann@acme.example", from("198.51.100.20"))
		under := w.begin("ann@acme.example", c).at(auth.StageReady, "")
		old := w.forgot("ann@acme.example")
		link := w.forgot("ann@acme.example")
		for what, tok := range map[string]string{"A-171 an older link": old, "A-178 a link that was made up": "rst_" + link[4:len(link)-1] + "A", "no link": ""} {
			if tok == link {
				continue
			}
			if _, why, err := w.m.CheckReset(ctx, tok); why != auth.ReasonResetExpired || err != nil {
				t.Errorf("%s: CheckReset = %q, %v, want expired", what, why, err)
			}
			if s, err := w.m.OpenReset(ctx, tok, "", office); s.Reason != auth.ReasonResetExpired || s.Token != "" || err != nil {
				t.Errorf("%s: OpenReset = %q, %q, %v, want expired and no flow", what, s.Reason, s.Token, err)
			}
		}
		for range 3 {
			if whose, why, err := w.m.CheckReset(ctx, link); whose == "" || whose == "ann@acme.example" || why != "" || err != nil {
				t.Errorf("A-179 CheckReset = %q, %q, %v, want the masked address, as often as a scanner looks", whose, why, err)
			}
		}
		k := w.opens(link, office).at(auth.StageNewPassword, "")
		twin := w.opens(link, office).at(auth.StageNewPassword, "") // another tab
		if k.step.SignOut != auth.ResetSignOutTicked || len(k.step.Rules) == 0 {
			t.Errorf("R47 the box is %q, rules %v, want ticked, with the rules", k.step.SignOut, k.step.Rules)
		}
		if done, s, err := w.m.Finish(ctx, k.ref, office); err != nil || done.Token != "" || s.Stage != auth.StageNewPassword {
			t.Errorf("A-175 Finish of a reset = %+v, %s, %v, want no session", done, s.Stage, err)
		}
		if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{}, office); done || err != nil {
			t.Errorf("R46 no password = %v, %v", done, err)
		}
		for _, weak := range []string{"short", "ann@acme.example", secret} {
			var unmet *auth.PasswordError
			if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: weak}, office); done || !errors.As(err, &unmet) {
				t.Errorf("A-155 NewPassword(%q) = %v, %v, want the rules that it does not meet", weak, done, err)
			} else if weak == secret && unmet.Reason() != auth.ReasonPasswordReused {
				t.Errorf("R11 the present password = %q, want password_reused", unmet.Reason())
			}
		}
		k.choose(auth.PasswordChoice{Password: fresh})
		for what, tok := range map[string]string{"this browser's": c.Session, "another": other.Session} {
			if w.live(tok) {
				t.Errorf("A-180 %s session lives on", what)
			}
		}
		if list, err := w.m.ListDevices(ctx, w.signedOut("ann")); err != nil || len(list) != 0 {
			t.Errorf("A-180 %d devices are remembered, %v, want none", len(list), err)
		}
		if done, _, err := w.m.Finish(ctx, under.ref, c); err != nil || done.Token != "" {
			t.Errorf("A-180 a sign-in under way finishes: %+v, %v", done, err)
		}
		if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: "a third long passphrase"}, office); done || !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-170 the same flow again = %v, %v, want it gone", done, err)
		}
		if s, done, err := w.m.NewPassword(ctx, twin.ref, auth.PasswordChoice{Password: "a third long passphrase"}, office); done || err != nil || s.Reason != auth.ReasonResetExpired {
			t.Errorf("A-170 the other tab = %s, %v, %v, want it expired", s.Reason, done, err)
		}
		if _, why, err := w.m.CheckReset(ctx, link); why != auth.ReasonResetUsed || err != nil {
			t.Errorf("A-170 the used link = %q, %v, want used", why, err)
		}
		if w.opensWith("ann@acme.example", secret) || !w.opensWith("ann@acme.example", fresh) {
			t.Error("R46 the old password opens the account, or the new one does not")
		}
		w.move(time.Minute)
		w.mail.take()
	})
}

// signedOut is what asks for a person's devices when nobody is signed in.
func (w *world) signedOut(userID string) (s sessionOf) { s.UserID = userID; return }

// a link is good for an hour by the clock that made it, and a clock that is set back brings none back...
func TestResetLinkExpires(t *testing.T) {
	w := mailed(t)
	link := w.forgot("ann@acme.example")
	k := w.opens(link, office).at(auth.StageNewPassword, "")
	w.move(time.Hour)
	if _, why, err := w.m.CheckReset(t.Context(), link); why != auth.ReasonResetExpired || err != nil {
		t.Errorf("A-172 after an hour = %q, %v, want expired", why, err)
	}
	if _, done, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: fresh}, office); done || !errors.Is(err, auth.ErrFlowGone) {
		t.Errorf("A-172 a flow of it after an hour = %v, %v, want it gone", done, err)
	}
	w.must(w.m.Expire(t.Context()))
	w.move(-30 * time.Minute)
	if _, why, err := w.m.CheckReset(t.Context(), link); why != auth.ReasonResetExpired || err != nil {
		t.Errorf("A-172 with the clock set back after the housekeeping = %q, %v, want expired", why, err)
	}
	w.mail.take()
}

// R46, A-198: the second step comes first, and no device replaces it. Where the product says so, it does not.
func TestResetSecondStepFirst(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	p, _, c := w.enroll("ann@acme.example", home)
	w.move(time.Minute)
	k := w.begin("ann@acme.example", c)
	done := k.took(w.m.TOTP(ctx, k.ref, p.code(), true, c)).finish()
	c = with(c, done)
	if why, err := w.m.TrustDevice(ctx, done.Session, done.Session.DeviceID, c); why != "" || err != nil {
		t.Fatal(why, err)
	}
	w.begin("ann@acme.example", c).at(auth.StageReady, "") // the device is spared and trusted
	link := w.forgot("ann@acme.example")
	r := w.opens(link, c).at(auth.StageVerify, "")
	if !slices.Equal(r.step.Offer, appOrCode) || r.step.TrustBox || r.step.NewPhone {
		t.Errorf("A-175 A-198 on a spared device a reset offers %v, box %v, another phone %v, want the second step alone", r.step.Offer, r.step.TrustBox, r.step.NewPhone)
	}
	if s, done, err := w.m.NewPassword(ctx, r.ref, auth.PasswordChoice{Password: fresh}, c); done || err != nil || s.Stage != auth.StageVerify {
		t.Errorf("A-198 a new password before the second step = %s, %v, %v", s.Stage, done, err)
	}
	r.totp(p.wrongOne()).at(auth.StageVerify, auth.ReasonTOTPWrong)
	r.totp(p.next()).at(auth.StageNewPassword, "").choose(auth.PasswordChoice{Password: fresh})
	w.beginWith("ann@acme.example", fresh, c).at(auth.StageVerify, "").totp(p.next()).at(auth.StageReady, "") // and the sign-in asks again
	w.move(time.Minute)
	w.mail.take()

	w.cfg.Preset.SkipSecondStepAtReset = true
	w.m = w.manager()
	r = w.opens(w.forgot("ann@acme.example"), office).at(auth.StageNewPassword, "")
	r.choose(auth.PasswordChoice{Password: secret})
	w.begin("ann@acme.example", office).at(auth.StageVerify, "")
	w.move(time.Minute)
	w.mail.take()
}

// R47: the four ways, what the box is worth in each, and the two cases in which nobody is asked.
func TestResetSignOut(t *testing.T) {
	for _, tt := range []struct {
		mode        auth.ResetSignOut
		keep        bool // the box is left unticked
		locked      bool
		unverified  bool
		asks        auth.ResetSignOut
		live, spare bool
	}{
		{mode: auth.ResetSignOutNever, asks: auth.ResetSignOutNever, live: true},
		{mode: auth.ResetSignOutNever, keep: true, asks: auth.ResetSignOutNever, live: true},
		{mode: auth.ResetSignOutUnticked, asks: auth.ResetSignOutUnticked},
		{mode: auth.ResetSignOutUnticked, keep: true, asks: auth.ResetSignOutUnticked, live: true},
		{mode: auth.ResetSignOutTicked, asks: auth.ResetSignOutTicked},
		{mode: auth.ResetSignOutTicked, keep: true, asks: auth.ResetSignOutTicked, live: true},
		{mode: auth.ResetSignOutAlways, asks: auth.ResetSignOutAlways},
		{mode: auth.ResetSignOutAlways, keep: true, asks: auth.ResetSignOutAlways},
		{mode: auth.ResetSignOutNever, locked: true, asks: auth.ResetSignOutAlways},
		{mode: auth.ResetSignOutTicked, keep: true, locked: true, asks: auth.ResetSignOutAlways},
		{mode: auth.ResetSignOutNever, unverified: true, asks: auth.ResetSignOutAlways},
		{mode: auth.ResetSignOutUnticked, keep: true, unverified: true, asks: auth.ResetSignOutAlways},
	} {
		t.Run(fmt.Sprintf("R47 %s keep %v locked %v unverified %v", tt.mode, tt.keep, tt.locked, tt.unverified), func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) { c.Preset.ResetSignOut = tt.mode })
			email := "ann@acme.example"
			if tt.unverified {
				w.unverified("una")
				email = "una@acme.example"
				w.cfg.Preset.Policy.Verification = auth.VerifyOff // whoever proves the mailbox in a sign-in is verified by it
				w.m = w.manager()
			}
			c, s := w.known(email, home)
			w.cfg.Preset.Policy.Verification = ""
			w.m = w.manager()
			if tt.locked { // by a report, which leaves the session that reports
				there := w.begin(email, office)
				there.code(w.mail.take0())
				if why, err := w.m.ReportDevice(t.Context(), s, there.finish().Session.DeviceID, c); why != "" || err != nil {
					t.Fatal(why, err)
				}
			}
			w.move(time.Minute)
			w.mail.take()
			k := w.opens(w.forgot(email), office).at(auth.StageNewPassword, "")
			if k.step.SignOut != tt.asks {
				t.Errorf("the page says %q, want %q", k.step.SignOut, tt.asks)
			}
			k.choose(auth.PasswordChoice{Password: fresh, KeepSessions: tt.keep})
			if live := w.live(c.Session); live != tt.live {
				t.Errorf("the session lives: %v, want %v", live, tt.live)
			}
			if list, err := w.m.ListDevices(t.Context(), w.signedOut(s.UserID)); err != nil || len(list) != 0 {
				t.Errorf("%d devices are remembered, %v, want none", len(list), err)
			}
			if w.beginWith(email, fresh, c).step.Reason == auth.ReasonAccountLocked {
				t.Error("R14 the account is locked still")
			}
			w.move(time.Minute)
			w.mail.take()
		})
	}
}

// whatever changes about a person ends the links that are outstanding.
func TestLinksEndWithWhatTheyAreAbout(t *testing.T) {
	ctx := context.Background()
	changes := map[string]func(w *world, c auth.Client) auth.Client{
		"SetPassword": func(w *world, c auth.Client) auth.Client { w.must(w.m.SetPassword(ctx, "ann", fresh)); return c },
		"ChangePassword": func(w *world, c auth.Client) auth.Client {
			s, _ := lookup(w.m, c.Session)
			done, a, err := w.m.ChangePassword(ctx, s, secret, fresh, c)
			if err != nil || a.Reason != "" {
				w.t.Fatal(a, err)
			}
			return with(c, done)
		},
		"an app": func(w *world, c auth.Client) auth.Client {
			k := &walker{world: w, c: c}
			k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionTwoStep}, c))
			w.mail.take()
			k.setUp()
			return with(c, k.finish())
		},
		"a lock":             func(w *world, c auth.Client) auth.Client { w.must(w.m.Lock(ctx, "ann")); return c },
		"an ending":          func(w *world, c auth.Client) auth.Client { w.must(w.m.EndUser(ctx, "ann")); return c },
		"an ending there":    func(w *world, c auth.Client) auth.Client { w.must(w.m.EndMember(ctx, "ann", "acme")); return c },
		"a recovery address": func(w *world, c auth.Client) auth.Client { return w.recovers(c, "spare@elsewhere.example") },
		"RequireNewPassword": func(w *world, c auth.Client) auth.Client { w.must(w.m.RequireNewPassword(ctx, "ann")); return c },
		"a company's sign-in": func(w *world, c auth.Client) auth.Client {
			w.must(w.people.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced))
			return c
		},
		"another address": func(w *world, c auth.Client) auth.Client {
			return w.moves(c, "ann@elsewhere.example")
		},
		"the same change by the host": func(w *world, c auth.Client) auth.Client {
			w.must(w.people.SwapEmail(ctx, "ann", "ann@acme.example", "ann@elsewhere.example"))
			return c
		},
	}
	for name, change := range changes {
		for _, kind := range []string{"reset", "e-mail", "recovery"} {
			t.Run("A-173 "+kind+" after "+name, func(t *testing.T) {
				w := mailed(t)
				c, s := w.known("ann@acme.example", home)
				var link string
				var reset *walker
				switch kind {
				case "reset":
					link = w.forgot("ann@acme.example")
					reset = w.opens(link, office).at(auth.StageNewPassword, "")
				case "e-mail":
					if a, err := w.m.AskEmail(t.Context(), s, "x@elsewhere.example", c); err != nil || a.Reason != "" {
						t.Fatal(a, err)
					}
					link = linkToken(w.letterOf(mail.EmailConfirm))
				case "recovery":
					if a, err := w.m.AskRecoveryEmail(t.Context(), s, "x@elsewhere.example", c); err != nil || a.Reason != "" {
						t.Fatal(a, err)
					}
					link = linkToken(w.letterOf(mail.RecoveryConfirm))
				}
				c = change(w, c)
				switch kind {
				case "reset":
					if s, done, err := w.m.NewPassword(t.Context(), reset.ref, auth.PasswordChoice{Password: "the thief's passphrase"}, office); done || err == nil && s.Stage != auth.StageRefused && s.Stage != "" {
						t.Errorf("a flow of the link sets a password: %v, %s %s, %v", done, s.Stage, s.Reason, err)
					}
					if s, err := w.m.OpenReset(t.Context(), link, "", office); err != nil || s.Stage != auth.StageRefused {
						t.Errorf("the link opens %s %s, %v, want refused", s.Stage, s.Reason, err)
					}
				case "e-mail":
					if done, a, err := w.m.ConfirmEmail(t.Context(), link, c); done.Token != "" || err == nil && a.Reason == "" {
						t.Errorf("the link changes the address: %v, %v", a, err)
					}
					if to, err := w.m.PendingEmail(t.Context(), "ann"); err != nil || to != "" && name != "a company's sign-in" && name != "the same change by the host" {
						t.Errorf("R69 %q still waits, %v", to, err)
					}
				case "recovery":
					if done, a, err := w.m.ConfirmRecoveryEmail(t.Context(), link, c); done.Token != "" || err == nil && a.Reason == "" {
						t.Errorf("the link sets a recovery address: %v, %v", a, err)
					}
				}
				w.move(time.Minute)
				w.mail.take()
			})
		}
	}
}

// letterOf answers the only letter of a kind among those that have come.
func (w *world) letterOf(kind mail.Kind) mail.Message {
	w.t.Helper()
	w.move(10 * time.Second)
	for _, m := range w.mail.take() {
		if m.Kind == kind {
			return m
		}
	}
	w.t.Fatalf("no letter %s", kind)
	return mail.Message{}
}

// of 64 that redeem one link at once, one sets a password.
func TestResetRace(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		link := w.forgot("ann@acme.example")
		var walks [64]*walker
		for i := range walks {
			walks[i] = w.opens(link, office).at(auth.StageNewPassword, "")
		}
		w.move(time.Second)
		var mu sync.Mutex
		var won []string
		var wg sync.WaitGroup
		for i, k := range walks {
			wg.Go(func() {
				typed := fmt.Sprintf("another long passphrase %d", i)
				s, done, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: typed}, k.c)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) || err == nil && !done && s.Stage != auth.StageRefused {
					t.Errorf("A-174 NewPassword = %s %s, %v, %v", s.Stage, s.Reason, done, err)
				}
				if done {
					mu.Lock()
					won = append(won, typed)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || !w.opensWith("ann@acme.example", won[0]) {
			t.Errorf("A-174 %d callers have set a password, want one", len(won))
		}
		w.move(time.Minute)
		w.mail.take()
	})
}

// a host that takes several spellings for one person's has one link for the person, whichever is typed.
func TestForgotOfATolerantHost(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Users = tolerant{c.Users} })
	first := w.forgot("ann+a@acme.example")
	w.opens(first, office).at(auth.StageNewPassword, "")
	second := w.forgot("ann@acme.example")
	third := w.forgot("ann+b@acme.example")
	for _, older := range []string{first, second} {
		if _, why, err := w.m.CheckReset(t.Context(), older); why != auth.ReasonResetExpired || err != nil {
			t.Errorf("A-171 an older link = %q, %v, want expired", why, err)
		}
	}
	w.opens(third, office).choose(auth.PasswordChoice{Password: fresh})
	w.lapse()
}
