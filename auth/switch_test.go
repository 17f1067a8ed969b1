package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// asks makes a company ask for something.
func (w *world) asks(account string, p auth.Policy) {
	w.t.Helper()
	w.must(w.people.SetAccountPolicy(w.t.Context(), account, p))
}

// inAcme signs two in to Acme, with the app if p is not nil.
func (w *world) inAcme(c auth.Client, p *phone) auth.Client {
	w.t.Helper()
	k := w.begin("two@acme.example", c)
	if p != nil && k.step.Stage == auth.StageVerify {
		k.totp(p.next())
	} else if k.step.Stage == auth.StageVerify {
		k.code(w.mail.take0())
	}
	if k.step.Stage == auth.StageAccount {
		k.took(w.m.ChooseAccount(w.t.Context(), k.ref, "acme", c))
	}
	return with(c, k.finish())
}

// Who is in works in another company of theirs, in the same session.
func TestSwitch(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c := w.inAcme(home, nil)
		s := w.session(c)
		w.take()
		w.move(time.Hour) // a proof of long ago is enough
		k := w.switches("umbra", c).at(auth.StageReady, "")
		done := k.finish()
		if done.Session.ID != s.ID || done.Session.AccountID != "umbra" || !done.Session.AuthTime.Equal(s.AuthTime) || w.live(c.Session) || !w.live(done.Token) || w.sessions("two") != 1 {
			t.Errorf("the session is %+v, want the same in umbra, proven when it was, under a new token alone", done.Session)
		}
		if !has(w.take(), auth.Switched) {
			t.Error("R113 no event")
		}
		c = with(c, done)
		for target, want := range map[string]auth.Reason{"": auth.ReasonAccountUnknown, "-": auth.ReasonAccountUnknown, "nowhere": auth.ReasonAccountUnknown} {
			if k := w.switches(target, c); k.step.Stage != auth.StageRefused || k.step.Reason != want || k.step.Token != "" {
				t.Errorf("to %q: %s %s, want %s and no flow", target, k.step.Stage, k.step.Reason, want)
			}
		}
		under := w.switches("acme", c).at(auth.StageReady, "")
		w.must(w.people.SuspendMember(ctx, "", "acme", "two"))
		if done, st, err := w.m.Finish(ctx, under.ref, c); err != nil || done.Token != "" || st.Reason != auth.ReasonUserSuspended || w.session(c).AccountID != "umbra" {
			t.Errorf("to a company that has shut her out meanwhile: %+v, %s, %v", done, st.Reason, err)
		}
		other := from("198.51.100.3")
		other.Session = w.signInTo("solo@acme.example", other)
		if done, st, err := w.m.Finish(ctx, under.ref, other); err != nil || done.Token != "" || st.Stage != auth.StageRefused {
			t.Errorf("A-121 in somebody else's session: %+v, %s, %v", done, st.Reason, err)
		}
	})
}

func (w *world) signInTo(email string, c auth.Client) string {
	w.t.Helper()
	after, _ := w.known(email, c)
	return after.Session
}

// Invariant 7: a company that shuts somebody out does so whenever it does: no switch that is under way brings them in.
func TestEndMemberDuringASwitch(t *testing.T) {
	for _, join := range []bool{false, true} {
		for n := 1; ; n++ {
			w := mailed(t)
			w.must(w.people.SetMember(t.Context(), memberOf("umbra", "solo", auth.MemberActive)))
			c := w.inAcme(home, nil)
			var k *walker
			if join {
				w.must(w.people.RemoveMember(t.Context(), "umbra", "two"))
				_, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: "two@acme.example"})
				k = w.joins(link, c).at(auth.StageReady, "")
			} else {
				k = w.switches("umbra", c).at(auth.StageReady, "")
			}
			out := false
			happened := w.meanwhile(n, func() error {
				if err := w.people.SuspendMember(t.Context(), "", "umbra", "two"); err == nil {
					out = true
				} else if !join {
					t.Error(err)
				}
				return w.m.EndMember(t.Context(), "two", "umbra")
			})
			done, _, err := w.m.Finish(t.Context(), k.ref, c)
			w.spy.before = nil
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) {
				t.Fatalf("before call %d: %v", n, err)
			}
			if out && done.Token != "" && w.live(done.Token) && w.session(with(c, done)).AccountID == "umbra" {
				t.Errorf("invariant 7: shut out before call %d of a switch (join %v), and in all the same", n, join)
			}
			for _, tok := range []string{c.Session, done.Token} {
				if out && tok != "" && w.live(tok) && w.session(auth.Client{Session: tok}).AccountID == "umbra" {
					t.Errorf("invariant 7: before call %d (join %v) a session in umbra is alive", n, join)
				}
			}
			list, err := w.m.ListSessions(t.Context(), "two")
			w.must(err)
			for _, s := range list {
				if out && s.AccountID == "umbra" {
					t.Errorf("invariant 7: before call %d (join %v) a session in umbra is left", n, join)
				}
			}
			w.move(time.Minute)
			w.mail.take()
			if !*happened {
				if n < 8 {
					t.Errorf("a switch makes %d calls: too few to be true", n)
				}
				break
			}
		}
	}
}

// A company that has ended its sessions is entered by a new sign-in only; the session from before lives on where it was.
func TestSwitchAfterACut(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		c := w.inAcme(home, nil)
		w.move(time.Second)
		w.must(w.m.EndAccount(t.Context(), "umbra"))
		w.move(time.Second)
		done, st, err := w.m.Finish(t.Context(), w.switches("umbra", c).at(auth.StageReady, "").ref, c)
		if err != nil || done.Token != "" || st.Stage != auth.StageRefused || st.Reason != auth.ReasonSignInAgain {
			t.Errorf("a switch after the cut = %+v, %s %s, %v, want sign_in_again", done, st.Stage, st.Reason, err)
		}
		if !w.live(c.Session) || w.session(c).AccountID != "acme" {
			t.Error("the session has ended, or moved, where it was")
		}
		w.must(w.people.RemoveMember(t.Context(), "umbra", "two"))
		i, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: "two@acme.example"})
		done, st, err = w.m.Finish(t.Context(), w.joins(link, c).at(auth.StageReady, "").ref, c)
		if err != nil || done.Token != "" || st.Reason != auth.ReasonSignInAgain || !w.live(c.Session) {
			t.Errorf("a join after the cut = %+v, %s, %v, want sign_in_again", done, st.Reason, err)
		}
		if w.member("two", "umbra").State != auth.MemberActive || w.standing(i.ID) != auth.InvitationJoined {
			t.Error("the join itself did not come about: nothing of it waits for the session")
		}
		k := w.begin("two@acme.example", c)
		k.took(w.m.ChooseAccount(t.Context(), k.ref, "umbra", c))
		if s := k.finish().Session; s.AccountID != "umbra" {
			t.Errorf("a new sign-in enters %q", s.AccountID)
		}
	})
}

// What two companies ask, and of whom it is asked when: at the sign-in, which chooses later, and at a switch, nothing more, unless
// they ask for more by then.
func TestPoliciesOfTwoCompanies(t *testing.T) {
	required := auth.Policy{TwoStep: auth.TwoStepRequired}
	sparing := auth.Policy{TwoStep: auth.TwoStepRequired, DeviceTrust: auth.TrustAllowed}
	always := auth.Policy{Verification: auth.VerifyAlways}
	none := auth.Policy{Verification: auth.VerifyOff}
	for name, tt := range map[string]struct {
		acme, umbra auth.Policy  // at the sign-in
		later       *auth.Policy // umbra's, at the switch; nil: the same
		app         bool
		signIn      auth.Stage // where the password leads to
		at          auth.Stage // where the switch begins
		offer       auth.Method
	}{
		"nobody asks":                         {none, none, nil, false, auth.StageVerify, auth.StageReady, ""},
		"nobody asks, an app":                 {none, none, nil, true, auth.StageVerify, auth.StageReady, ""},
		"acme asks":                           {required, none, nil, true, auth.StageVerify, auth.StageReady, ""},
		"umbra asks":                          {none, required, nil, true, auth.StageVerify, auth.StageReady, ""},
		"umbra asks, no app":                  {none, required, nil, false, auth.StageEnroll, auth.StageReady, ""},
		"both ask, and allow a device":        {sparing, sparing, nil, true, auth.StageVerify, auth.StageReady, ""},
		"umbra verifies always":               {none, always, nil, false, auth.StageVerify, auth.StageReady, ""},
		"umbra verifies always, an app":       {none, always, nil, true, auth.StageVerify, auth.StageReady, ""},
		"umbra asks since, no app":            {none, none, &required, false, auth.StageVerify, auth.StageEnroll, ""},
		"umbra asks since, an app":            {none, none, &required, true, auth.StageVerify, auth.StageReady, ""},
		"umbra verifies always since":         {none, none, &always, false, auth.StageVerify, auth.StageReady, ""}, // the browser was new: a code was mailed
		"umbra verifies always since, an app": {none, none, &always, true, auth.StageVerify, auth.StageReady, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t)
			var p *phone
			if tt.app {
				w.must(w.people.RemoveMember(t.Context(), "umbra", "two")) // for a moment, so that nobody has to choose
				p, _, _ = w.enroll("two@acme.example", home)
				w.must(w.people.SetMember(t.Context(), memberOf("umbra", "two", auth.MemberActive)))
			}
			w.asks("acme", tt.acme)
			w.asks("umbra", tt.umbra)
			w.move(time.Minute)
			w.mail.take()
			k := w.begin("two@acme.example", office).at(tt.signIn, "")
			switch {
			case tt.app:
				k.totp(p.next())
			case tt.signIn == auth.StageEnroll:
				p, _ = k.setUp()
				k.totp(p.next())
			default:
				k.code(w.mail.take0())
			}
			k.at(auth.StageAccount, "").took(w.m.ChooseAccount(t.Context(), k.ref, "acme", office))
			c := with(office, k.finish())
			if tt.later != nil {
				w.asks("umbra", *tt.later)
			}
			sw := w.switches("umbra", c).at(tt.at, "")
			if tt.at == auth.StageEnroll {
				sw.setUp()
			}
			sw.at(auth.StageReady, "")
			if done := sw.finish(); done.Session.AccountID != "umbra" {
				t.Errorf("the session is in %q", done.Session.AccountID)
			}
			w.move(time.Minute)
			w.mail.take()
		})
	}
}

// R42: a company that asks for more than the session was made with asks for that, and for nothing else.
func TestJoinAsksForMore(t *testing.T) {
	join := func(w *world, p auth.Policy, c auth.Client) *walker {
		w.asks("umbra", p)
		_, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: annsOwn})
		return w.joins(link, c)
	}
	t.Run("R42 two-step verification, and there is no app", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		other, _ := w.known(annsOwn, office)
		w.move(11 * time.Minute) // so that whoever sets an app up proves first who they are
		k := join(w, auth.Policy{TwoStep: auth.TwoStepRequired}, c).at(auth.StageAuthenticate, "")
		k.took(w.m.Password(t.Context(), k.ref, "wrong", c)).at(auth.StageAuthenticate, auth.ReasonInvalidCredentials)
		k.took(w.m.Password(t.Context(), k.ref, secret, c))
		k.setUp()
		done := k.finish()
		if done.Session.AccountID != "umbra" || !done.Session.Methods.Has("totp") || w.live(other.Session) {
			t.Errorf("the session is %+v, another lives %v, want it in umbra with the app, and alone", done.Session, w.live(other.Session))
		}
		w.mail.notices(mail.TwoStepOn)
	})
	t.Run("R42 two-step verification, and the device was spared", func(t *testing.T) {
		w := mailed(t)
		p, _, c := w.enroll(annsOwn, home)
		w.move(time.Minute)
		k := w.begin(annsOwn, c)
		c = with(c, k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c)).finish())
		c = with(c, w.begin(annsOwn, c).finish()) // by the password alone
		k = join(w, auth.Policy{TwoStep: auth.TwoStepRequired}, c).at(auth.StageVerify, "")
		if k.step.TrustBox || k.step.NewPhone {
			t.Error("R42 the device may be spared again, or the phone replaced")
		}
		if done, st, err := w.m.Finish(t.Context(), k.ref, c); err != nil || done.Token != "" || st.Stage != auth.StageVerify || w.member("ann", "umbra").State != "" {
			t.Errorf("R42 Finish without the code = %+v, %s, %v", done, st.Stage, err)
		}
		k.totp(p.wrongOne()).at(auth.StageVerify, auth.ReasonTOTPWrong)
		if done := k.totp(p.next()).finish(); done.Session.AccountID != "umbra" {
			t.Errorf("the session is %+v", done.Session)
		}
		w.move(time.Minute)
		w.mail.take()
	})
	t.Run("A-202 a code by mail at every sign-in, and the device was spared the app's", func(t *testing.T) {
		w := mailed(t)
		p, _, c := w.enroll(annsOwn, home)
		w.move(time.Minute)
		k := w.begin(annsOwn, c)
		c = with(c, k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c)).finish())
		c = with(c, w.begin(annsOwn, c).finish())
		w.mail.take()
		k = join(w, auth.Policy{Verification: auth.VerifyAlways}, c)
		w.mustMail(k)
	})
	t.Run("R42 a code by mail at every sign-in", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		c = with(c, w.begin(annsOwn, c).finish()) // on a known browser, without one
		w.mail.take()
		k := join(w, auth.Policy{Verification: auth.VerifyAlways}, c)
		w.mustMail(k)
	})
}

// mustMail fails the test unless a mailed code is asked for, and lets the person in.
func (w *world) mustMail(k *walker) {
	w.t.Helper()
	k.at(auth.StageVerify, "")
	if len(k.step.Offer) != 1 || k.step.Offer[0] != auth.MethodEmailCode {
		w.t.Fatalf("offered %v, want the mailed code", k.step.Offer)
	}
	code := w.mail.take0()
	if code == "" { // the letter went with the invitation's
		k.took(w.m.ResendCode(w.t.Context(), k.ref, k.c))
		w.move(time.Minute)
		k.took(w.m.ResendCode(w.t.Context(), k.ref, k.c))
		code = w.mail.take0()
	}
	if done := k.code(code).finish(); done.Session.AccountID != "umbra" {
		w.t.Errorf("the session is %+v", done.Session)
	}
}

// A join shortens the limits of the session, and never makes them longer.
func TestLimitsOnlyShrink(t *testing.T) {
	for name, tt := range map[string]struct {
		acme, umbra auth.Policy
		remember    bool
		idle, cap   time.Duration
		ends        bool // the session is older than the company allows: it ends
	}{
		"shorter":                       {umbra: auth.Policy{Idle: time.Hour, Cap: 3 * time.Hour}, idle: time.Hour, cap: 3 * time.Hour},
		"longer":                        {acme: auth.Policy{Idle: time.Hour, Cap: 3 * time.Hour}, umbra: auth.Policy{Idle: 20 * time.Hour, Cap: 23 * time.Hour}, idle: time.Hour, cap: 3 * time.Hour},
		"laxer since":                   {acme: auth.Policy{Idle: time.Hour, Cap: 3 * time.Hour}, idle: time.Hour, cap: 3 * time.Hour},
		"no opinion":                    {idle: 12 * time.Hour, cap: 24 * time.Hour},
		"kept":                          {remember: true, idle: 30 * 24 * time.Hour, cap: 180 * 24 * time.Hour},
		"kept, shorter":                 {remember: true, umbra: auth.Policy{KeptIdle: time.Hour, KeptCap: 5 * time.Hour}, idle: time.Hour, cap: 5 * time.Hour},
		"kept, where that is forbidden": {remember: true, umbra: auth.Policy{Keep: auth.KeepForbid}, idle: 12 * time.Hour, cap: 24 * time.Hour},
		"older than that":               {umbra: auth.Policy{Cap: time.Minute}, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t)
			w.asks("acme", tt.acme)
			s, err := w.m.Identify(t.Context(), auth.Opening{Email: annsOwn, Remember: tt.remember}, home)
			w.must(err)
			k := &walker{world: w, c: home}
			k.ref.Token = s.Token
			k.took(w.m.Password(t.Context(), k.ref, secret, home)).code(w.mail.one(mail.VerifyLogin).Code)
			c := with(home, k.finish())
			before := w.session(c)
			w.move(10 * time.Minute)
			w.asks("umbra", tt.umbra)
			if name == "laxer since" {
				w.asks("acme", auth.Policy{})
			}
			_, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: annsOwn})
			k = w.joins(link, c).at(auth.StageReady, "")
			done, _, err := w.m.Finish(t.Context(), k.ref, c)
			if tt.ends {
				if !errors.Is(err, auth.ErrFlowGone) || done.Token != "" || w.live(c.Session) || w.member("ann", "umbra").State != auth.MemberActive {
					t.Errorf("Finish = %+v, %v, want a member, and a new sign-in", done, err)
				}
				return
			}
			w.must(err)
			if got := done.Session; got.Idle != tt.idle || got.ExpiresAt.Sub(got.CreatedAt) != tt.cap || got.ExpiresAt.After(before.ExpiresAt) || got.Idle > before.Idle {
				t.Errorf("limits %v and %v, were %v and %v, want %v and %v", got.Idle, got.ExpiresAt.Sub(got.CreatedAt), before.Idle, before.ExpiresAt.Sub(before.CreatedAt), tt.idle, tt.cap)
			}
		})
	}
}
