package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

func TestSignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, err := w.m.Identify(t.Context(), auth.Opening{Email: "  Ann@ACME.example\t", Remember: true, ReturnTo: "/reports", Lang: "fr"}, home)
		if err != nil {
			t.Fatal(err)
		}
		w.want(s, auth.StageAuthenticate, "")
		if s.Flow.Email != "Ann@ACME.example" || s.Flow.Address != "ann@acme.example" {
			t.Errorf("R1 the flow holds %q and %q, want the typed and the canonical address", s.Flow.Email, s.Flow.Address)
		}
		ref := auth.Ref{Token: s.Token, ID: s.Flow.ID, Version: s.Flow.Version}
		if s, err = w.password(&ref, secret, home); err != nil {
			t.Fatal(err)
		}
		w.want(s, auth.StageReady, "")
		done, _, err := w.m.Finish(t.Context(), auth.Ref{Token: ref.Token}, home)
		if err != nil {
			t.Fatal(err)
		}
		got := done.Session
		want := session.Session{
			ID: got.ID, UserID: "ann", AccountID: "acme", DeviceID: got.DeviceID, Methods: "password", Kept: true,
			CreatedAt: start, AuthTime: start, SeenAt: start, Idle: 30 * 24 * time.Hour, ExpiresAt: start.Add(180 * 24 * time.Hour),
			UserAgent: home.UserAgent, IP: "192.0.2.10",
		}
		if got != want {
			t.Errorf("R114 the session is\n %+v, want\n %+v", got, want)
		}
		if done.ReturnTo != "/reports" || done.Lang != "fr" || done.Email != "Ann@ACME.example" {
			t.Errorf("R8 done = %+v, want the return address, the language and the address as typed", done)
		}
		if !w.live(done.Token) {
			t.Error("the session's token opens nothing")
		}
		wantTrace := []string{"password proven", "nothing can be mailed: no code is asked for", "one company: Acme", "the session ends after 30 days without activity, and after 180 days in any case"}
		if !slices.Equal(done.Trace, wantTrace) {
			t.Errorf("the trace is %q, want %q", done.Trace, wantTrace)
		}
		wantKinds := []auth.Kind{auth.FlowStarted, auth.ProofAccepted, auth.SignedIn}
		if got := kinds(w.take()); !slices.Equal(got, wantKinds) {
			t.Errorf("R113 events %v, want %v", got, wantKinds)
		}
	})
}

func TestIdentifyRefuses(t *testing.T) {
	w := memory(t)
	for _, email := range []string{"", "ann", "ann@", "@acme.example", "a b@acme.example", "ann@acme.example,eve@acme.example", strings.Repeat("a", 10_000) + "@acme.example"} {
		s := w.identify(email, home)
		w.want(s, auth.StageIdentify, auth.ReasonEmailInvalid)
		if s.Token != "" || s.Flow.Email != email {
			t.Errorf("R1 A-162 identify %.20q: token %q and address %.20q, want no flow and what was typed", email, s.Token, s.Flow.Email)
		}
	}
	if s, err := w.m.Identify(t.Context(), auth.Opening{Email: "x", Lang: strings.Repeat("x", 36)}, home); err != nil || s.Flow.Lang != "" {
		t.Errorf("a language of 36 bytes: %q, %v, want none", s.Flow.Lang, err)
	}
	if calls := w.spy.take(); len(calls) != 0 {
		t.Errorf("A-162 malformed addresses reached the stores: %v", calls)
	}
}

func TestFlowEnds(t *testing.T) {
	t.Run("R106 after 15 minutes without an accepted step", func(t *testing.T) {
		w := memory(t)
		ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
		w.move(15*time.Minute - time.Second)
		if _, err := w.password(&ref, "wrong", home); err != nil {
			t.Errorf("a second before: %v, want none", err)
		}
		w.move(time.Second)
		if _, err := w.password(&ref, secret, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("at 15 minutes: %v, want ErrFlowGone: a wrong password is no accepted step", err)
		}
	})
	t.Run("after 60 minutes at most", func(t *testing.T) {
		w := memory(t)
		ref := auth.Ref{Token: w.identify("two@acme.example", home).Token}
		w.move(14 * time.Minute)
		s, err := w.password(&ref, secret, home)
		if err != nil || !s.Flow.ExpiresAt.Equal(start.Add(29*time.Minute)) {
			t.Errorf("after the password the flow ends at %v, %v, want 15 minutes later", s.Flow.ExpiresAt, err)
		}
		for _, account := range []string{"acme"} {
			w.move(14 * time.Minute)
			if _, err := w.m.ChooseAccount(t.Context(), ref, account, home); err != nil {
				t.Fatal(err)
			}
		}
		if s, err = w.m.Current(t.Context(), ref.Token, home); err != nil || !s.Flow.ExpiresAt.Equal(start.Add(43*time.Minute)) {
			t.Errorf("after the choice the flow ends at %v, %v, want 43 minutes after it began", s.Flow.ExpiresAt, err)
		}
	})
	t.Run("when another takes its place", func(t *testing.T) {
		w := memory(t)
		old := w.identify("ann@acme.example", home)
		if _, err := w.m.Identify(t.Context(), auth.Opening{Email: "two@acme.example", Replaces: old.Token}, home); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Current(t.Context(), old.Token, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("the replaced flow answers %v, want ErrFlowGone", err)
		}
	})
	t.Run("when it is cancelled, and twice is no error", func(t *testing.T) {
		w := memory(t)
		s := w.identify("ann@acme.example", home)
		for range 2 {
			if err := w.m.Cancel(t.Context(), s.Token); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.m.Cancel(t.Context(), "no token at all"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.m.Current(t.Context(), s.Token, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("a cancelled flow answers %v, want ErrFlowGone", err)
		}
	})
}

func TestTabs(t *testing.T) {
	w := memory(t)
	s := w.identify("ann@acme.example", home)
	other := w.identify("two@acme.example", home)
	for name, ref := range map[string]auth.Ref{
		"another flow's id": {Token: s.Token, ID: other.Flow.ID},
		"another version":   {Token: s.Token, ID: s.Flow.ID, Version: s.Flow.Version + 1},
	} {
		w.spy.take()
		got, err := w.password(&ref, secret, home)
		if !errors.Is(err, auth.ErrFlowChanged) || got.Stage != auth.StageAuthenticate || got.Flow.ID != s.Flow.ID {
			t.Errorf("R107 %s: %v at %q, want ErrFlowChanged with the current stage", name, err, got.Stage)
		}
		if calls := w.spy.take(); slices.Contains(calls, "Charge") {
			t.Errorf("R107 %s was charged: %v", name, calls)
		}
	}
	ref := auth.Ref{Token: s.Token, ID: s.Flow.ID, Version: s.Flow.Version}
	if _, err := w.password(&ref, secret, home); err != nil {
		t.Fatal(err)
	}
	if got, err := w.password(&ref, secret, home); !errors.Is(err, auth.ErrFlowChanged) || got.Stage != auth.StageReady {
		t.Errorf("R107 the form of the step before: %v at %q, want ErrFlowChanged at ready", err, got.Stage)
	}
}

func TestTokensOfOtherPurposes(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		done := w.signIn("ann@acme.example", home)
		s := w.identify("ann@acme.example", home)
		if _, err := w.m.Current(t.Context(), done.Token, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("invariant 2: a session's token as a flow: %v, want ErrFlowGone", err)
		}
		if _, err := w.m.Current(t.Context(), done.Device, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("invariant 2: a device's token as a flow: %v, want ErrFlowGone", err)
		}
		ref := auth.Ref{Token: s.Token}
		if _, err := w.password(&ref, secret, home); err != nil {
			t.Fatal(err)
		}
		for _, tok := range []string{s.Token, ref.Token, "ses_" + ref.Token[4:], "ses_" + s.Token[4:], done.Device, "ses_" + done.Device[4:], s.Flow.ID} {
			if w.live(tok) {
				t.Errorf("invariant 2: %.4s… opens a session", tok)
			}
		}
	})
}

func TestTurnedAway(t *testing.T) {
	for _, tt := range []struct {
		email  string
		stage  auth.Stage
		reason auth.Reason
	}{
		{"gone@acme.example", auth.StageRefused, auth.ReasonUserSuspended},
		{"sam@acme.example", auth.StagePolicy, auth.ReasonUserSuspended},
	} {
		w := memory(t)
		ref := auth.Ref{Token: w.identify(tt.email, home).Token}
		s, err := w.password(&ref, secret, home)
		if err != nil {
			t.Fatal(err)
		}
		w.want(s, tt.stage, tt.reason)
		done, s, err := w.m.Finish(t.Context(), ref, home)
		if err != nil || done.Token != "" {
			t.Errorf("invariant 1: Finish(%s) = %+v, %v, want no session", tt.email, done, err)
		}
		w.want(s, tt.stage, tt.reason)
		if !has(w.take(), auth.TurnedAway) {
			t.Errorf("R113 %s was turned away without an event", tt.email)
		}
	}
	t.Run("no company", func(t *testing.T) {
		w := memory(t, func(c *auth.Config) { c.Preset.NeedsCompany = true })
		w.want(w.guess("solo@acme.example", secret, home), auth.StagePolicy, auth.ReasonNoCompany)
	})
	t.Run("no company needed", func(t *testing.T) {
		w := memory(t)
		if done := w.signIn("solo@acme.example", home); done.Session.AccountID != "" {
			t.Errorf("solo is in company %q, want none", done.Session.AccountID)
		}
	})
	t.Run("what stood in the way has gone", func(t *testing.T) {
		w := memory(t)
		ref := auth.Ref{Token: w.identify("gone@acme.example", home).Token}
		w.password(&ref, secret, home)
		if err := w.people.UnsuspendUser(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		if s, err := w.m.ChooseAccount(t.Context(), ref, "", home); err != nil || s.Stage != auth.StageReady {
			t.Errorf("the step answers %q, %v, want ready", s.Stage, err)
		}
		if done, _, err := w.m.Finish(t.Context(), ref, home); err != nil || done.Token == "" {
			t.Errorf("Finish = %v, want a session", err)
		}
	})
}

func TestChooseAccount(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ref := auth.Ref{Token: w.identify("two@acme.example", home).Token}
		s, err := w.password(&ref, secret, home)
		if err != nil {
			t.Fatal(err)
		}
		w.want(s, auth.StageAccount, "")
		if len(s.Accounts) != 2 || s.Accounts[0].Name != "Acme" || s.Accounts[1].Name != "Umbra" {
			t.Fatalf("the choice is %+v, want Acme and Umbra", s.Accounts)
		}
		if done, _, err := w.m.Finish(t.Context(), ref, home); err != nil || done.Token != "" {
			t.Errorf("Finish before the choice: %+v, %v, want no session", done, err)
		}
		for _, id := range []string{"stranger", "", "acme "} {
			if s, err = w.m.ChooseAccount(t.Context(), ref, id, home); err != nil {
				t.Fatal(err)
			}
			w.want(s, auth.StageAccount, auth.ReasonAccountUnknown)
		}
		if s, err = w.m.ChooseAccount(t.Context(), ref, "umbra", home); err != nil {
			t.Fatal(err)
		}
		w.want(s, auth.StageReady, "")
		// What was usable when it was chosen may not be when it is entered.
		if err := w.people.SetMember(t.Context(), memberOf("umbra", "two", auth.MemberSuspended)); err != nil {
			t.Fatal(err)
		}
		done, s, err := w.m.Finish(t.Context(), ref, home)
		if err != nil || done.Token != "" {
			t.Errorf("Finish into a company that has shut the person out: %+v, %v, want no session", done, err)
		}
		w.want(s, auth.StageAccount, auth.ReasonUserSuspended)
		if s, err = w.m.ChooseAccount(t.Context(), ref, "acme", home); err != nil {
			t.Fatal(err)
		}
		if done, _, err = w.m.Finish(t.Context(), ref, home); err != nil || done.Session.AccountID != "acme" {
			t.Errorf("Finish = %q, %v, want a session in acme", done.Session.AccountID, err)
		}
	})
}

func TestChangedWhileSigningIn(t *testing.T) {
	stories := map[string]func(w *world) error{
		"user suspended": func(w *world) error { return w.people.SuspendUser(w.t.Context(), "ann") },
		"company expired": func(w *world) error {
			return w.people.SetAccountState(w.t.Context(), "acme", auth.AccountExpired, time.Time{})
		},
		"shut out": func(w *world) error {
			return w.people.SetMember(w.t.Context(), memberOf("acme", "ann", auth.MemberSuspended))
		},
		"password changed": func(w *world) error { return w.m.SetPassword(w.t.Context(), "ann", "another long passphrase") },
		"SSO enforced":     func(w *world) error { return w.people.SetDomainSSO(w.t.Context(), "acme.example", auth.SSOEnforced) },
	}
	for name, change := range stories {
		t.Run(name, func(t *testing.T) {
			w := memory(t)
			ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
			if s, err := w.password(&ref, secret, home); err != nil || s.Stage != auth.StageReady {
				t.Fatalf("Password = %s, %v", s.Stage, err)
			}
			if err := change(w); err != nil {
				t.Fatal(err)
			}
			if done, s, err := w.m.Finish(t.Context(), ref, home); err != nil || done.Token != "" || s.Stage == auth.StageReady {
				t.Errorf("invariant 1: Finish = %q at %s, %v, want no session: Finish must ask Next with the facts of now", done.Token, s.Stage, err)
			}
			if n := w.sessions("ann"); n != 0 {
				t.Errorf("%d sessions were made, want 0", n)
			}
		})
	}
}

// What changes about a person's company counts at the next request or prompt, and ends no session by itself: that is a step of its own.
func TestChangedDuringASession(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		done := w.signIn("ann@acme.example", home)
		if err := w.people.SetDomainSSO(t.Context(), "acme.example", auth.SSOEnforced); err != nil {
			t.Fatal(err)
		}
		if !w.live(done.Token) {
			t.Error("A-241 enforcing SSO ended a live session: it must not")
		}
		w.want(w.guess("ann@acme.example", secret, from("203.0.113.77")), auth.StageAuthenticate, auth.ReasonSSORequired)
		if err := w.people.SetDomainSSO(t.Context(), "acme.example", auth.SSOOff); err != nil {
			t.Fatal(err)
		}
		// A session holds no role: what the host asks at each request is what counts now.
		if err := w.people.SetMember(t.Context(), memberOf("acme", "ann", auth.MemberSuspended)); err != nil {
			t.Fatal(err)
		}
		if ms, err := w.people.Memberships(t.Context(), done.Session.UserID); err != nil || len(ms) != 1 || ms[0].Usable() {
			t.Errorf("A-241 Memberships = %+v, %v, want one that cannot be used", ms, err)
		}
		w.want(w.guess("ann@acme.example", secret, from("203.0.113.78")), auth.StagePolicy, auth.ReasonUserSuspended)
		if err := w.m.EndUser(t.Context(), "ann"); err != nil || w.live(done.Token) {
			t.Errorf("A-241 EndUser = %v, want the session ended with the membership", err)
		}
	})
}

// A flow token that somebody planted or copied before the password was typed is worth nothing after it.
func TestFlowTokenChangesWithTheProof(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		planted := w.identify("two@acme.example", home).Token
		ref := auth.Ref{Token: planted}
		if s, err := w.password(&ref, secret, home); err != nil || s.Stage != auth.StageAccount || ref.Token == planted {
			t.Fatalf("Password = %s, %v with the token unchanged: %v", s.Stage, err, ref.Token == planted)
		}
		thief := from("203.0.113.66")
		if _, err := w.m.ChooseAccount(t.Context(), auth.Ref{Token: planted}, "acme", thief); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-223 R109 the planted token goes on: %v, want ErrFlowGone", err)
		}
		if done, _, err := w.m.Finish(t.Context(), auth.Ref{Token: planted}, thief); !errors.Is(err, auth.ErrFlowGone) || done.Token != "" {
			t.Errorf("A-223 R109 the planted token finishes: %v, want ErrFlowGone", err)
		}
		restarted, err := w.m.Restart(t.Context(), ref)
		if err != nil || restarted.Token == ref.Token || restarted.Stage != auth.StageIdentify || len(restarted.Flow.Proofs) != 0 {
			t.Errorf("R6 Restart = %+v, %v, want the first page, a new token and nothing proven", restarted, err)
		}
		if _, err := w.m.Current(t.Context(), ref.Token, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("R6 after Restart the old token answers %v, want ErrFlowGone", err)
		}
	})
}

// A device token that somebody planted or copied is worth nothing after the next sign-in, and the records move on.
func TestDeviceTokenChangesWithTheSignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		planted := home
		planted.Device = "dev_" + strings.Repeat("A", 43)
		first := w.signIn("ann@acme.example", planted)
		here := home
		here.Device = first.Device
		second := w.signIn("solo@acme.example", here)
		if first.Device == planted.Device || second.Device == first.Device {
			t.Fatal("A-223 a device token stays the same")
		}
		now := home
		now.Device = second.Device
		for range 12 { // closes the door for outsiders
			w.guess("ann@acme.example", "wrong", from("198.51.100.9"))
			w.move(20 * time.Second)
		}
		for name, device := range map[string]string{"planted": planted.Device, "copied": first.Device} {
			c := from("203.0.113.66")
			c.Device = device
			w.want(w.guess("ann@acme.example", secret, c), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
			if t.Failed() {
				t.Errorf("A-223 a %s device token is known", name)
			}
		}
		w.want(w.guess("ann@acme.example", secret, now), auth.StageReady, "") // ann's record came along with solo's sign-in
		d, err := w.spy.stores.Devices.Devices(t.Context(), "ann")
		if err != nil || len(d) != 1 || d[0].ID != first.Session.DeviceID {
			t.Errorf("ann has the devices %+v, %v, want the one of the first sign-in", d, err)
		}
	})
}

// A change that happens in the very middle of Finish, after it has read the facts, must win as well: whatever the clocks of the
// two programs say, and whether or not the browser is still there.
func TestEndedWhileFinishing(t *testing.T) {
	endings := map[string]func(w *world, other *auth.Manager) error{
		"suspended": func(w *world, other *auth.Manager) error {
			if err := w.people.SuspendUser(w.t.Context(), "ann"); err != nil {
				return err
			}
			return other.EndUser(w.t.Context(), "ann")
		},
		"a new password": func(w *world, other *auth.Manager) error {
			return other.SetPassword(w.t.Context(), "ann", "another long passphrase")
		},
	}
	for ending, end := range endings {
		for _, call := range []string{"TakeFlow", "GrantDevice", "CreateSession", "last Credential"} {
			for _, skew := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
				everywhere(t, func(t *testing.T, w *world) {
					ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
					w.password(&ref, secret, home)
					w.cfg.Now = func() time.Time { return w.clock().Add(skew) }
					other := w.manager()
					w.cfg.Now = w.clock
					ctx, hangUp := context.WithCancel(t.Context())
					seen := 0
					w.spy.before = func(_ int, c string) error {
						if c == "Credential" {
							if seen++; seen == 2 {
								c = "last Credential"
							}
						}
						if c != call {
							return nil
						}
						w.spy.before = nil
						err := end(w, other)
						if c == "last Credential" {
							hangUp()
						}
						return err
					}
					done, _, err := w.m.Finish(ctx, ref, home)
					w.spy.before = nil
					hangUp()
					if err == nil || done.Token != "" || w.sessions("ann") != 0 {
						t.Errorf("invariant 7: %s before %s, by a clock %v off: Finish = %q, %v with %d sessions, want an error and none", ending, call, skew, done.Token, err, w.sessions("ann"))
					}
					if d, err := w.spy.stores.Devices.Devices(t.Context(), "ann"); err != nil || len(d) != 0 {
						t.Errorf("invariant 6: %s before %s: %d device records are left, %v, want none", ending, call, len(d), err)
					}
				})
			}
		}
	}
}

// A node whose clock is wrong must not keep people out after it has ended somebody's sessions.
func TestEndedByAWrongClock(t *testing.T) {
	w := memory(t)
	w.cfg.Now = func() time.Time { return w.clock().Add(24 * time.Hour) }
	if err := w.manager().EndUser(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if done := w.signIn("ann@acme.example", home); !w.live(done.Token) {
		t.Error("A-240 after a node a day ahead ended ann's sessions she cannot sign in")
	}
}

func TestFinishOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
		w.password(&ref, secret, home)
		nodes := []*auth.Manager{w.m, w.manager()}
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				done, _, err := nodes[i%2].Finish(t.Context(), ref, home)
				switch {
				case err == nil && done.Token != "":
					won.Add(1)
				case !errors.Is(err, auth.ErrFlowGone):
					t.Errorf("a loser got %v, want ErrFlowGone", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || w.sessions("ann") != 1 {
			t.Errorf("invariant 2: 64 callers on two nodes made %d sessions (%d stored), want 1", won.Load(), w.sessions("ann"))
		}
	})
}

func TestRecordRefuses(t *testing.T) {
	for _, kind := range []auth.Kind{auth.FlowStarted, auth.ProofAccepted, auth.SignedIn} {
		t.Run("R113 "+string(kind), func(t *testing.T) {
			w := memory(t)
			w.refuse = kind
			s, err := w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example"}, home)
			ref := auth.Ref{Token: s.Token}
			if err == nil {
				_, err = w.password(&ref, secret, home)
			}
			if err == nil {
				_, _, err = w.m.Finish(t.Context(), ref, home)
			}
			if !errors.Is(err, errTrail) || w.sessions("ann") != 0 {
				t.Errorf("with a trail that cannot be written: %v and %d sessions, want its error and none", err, w.sessions("ann"))
			}
		})
	}
}
