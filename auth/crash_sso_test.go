package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Every way in by a company's own sign-in is cut before and after each call. Wherever it stops nobody is in who was not, nobody is bound
// with what somebody else had set up, and the same answer, given again, ends well.
func TestCrashPointsOfCompanySignIn(t *testing.T) {
	skipShort(t)
	type tale struct {
		*world
		c   auth.Client
		a   auth.Arrival
		p   *phone
		old auth.Client // a browser from before
	}
	// whole is the way from the address to the session.
	whole := func(w *tale) (auth.Done, error) {
		ctx := w.t.Context()
		s, err := w.m.Identify(ctx, auth.Opening{Email: w.a.Email}, w.c)
		if err != nil {
			return auth.Done{}, err
		}
		ref := auth.Ref{Token: s.Token}
		step := func(s auth.Step, err error) (auth.Step, error) {
			if s.Token != "" {
				ref.Token = s.Token
			}
			return s, err
		}
		d, err := w.m.Depart(ctx, ref, conn, w.c)
		if err != nil {
			return auth.Done{}, err
		}
		w.a.AuthTime = w.clock()
		ticket, err := w.m.Arrive(ctx, d.Handle, w.a)
		if err != nil {
			return auth.Done{}, err
		}
		if s, err = step(w.m.Arrived(ctx, ref, ticket, false, w.c)); err != nil {
			return auth.Done{}, err
		}
		if s.Reason == auth.ReasonSSOAgain {
			if d, err = w.m.Depart(ctx, ref, conn, w.c); err != nil {
				return auth.Done{}, err
			}
			if ticket, err = w.m.Arrive(ctx, d.Handle, w.a); err != nil {
				return auth.Done{}, err
			}
			if s, err = step(w.m.Arrived(ctx, ref, ticket, false, w.c)); err != nil {
				return auth.Done{}, err
			}
		}
		if s.Stage == auth.StageAuthenticate && w.p != nil {
			if _, err = step(w.m.Password(ctx, ref, secret, w.c)); err != nil {
				return auth.Done{}, err
			}
			if _, err = step(w.m.TOTP(ctx, ref, w.p.code(), false, w.c)); err != nil {
				return auth.Done{}, err
			}
			if s, err = step(w.m.Link(ctx, ref, true, w.c)); err != nil {
				return auth.Done{}, err
			}
		}
		if s.Stage == auth.StageVerify && w.p != nil { // linked before, and recognized
			if s, err = step(w.m.TOTP(ctx, ref, w.p.code(), false, w.c)); err != nil {
				return auth.Done{}, err
			}
		}
		if s.Stage != auth.StageReady {
			return auth.Done{}, fmt.Errorf("stands at %s %s", s.Stage, s.Reason)
		}
		done, _, err := w.m.Finish(ctx, ref, w.c)
		return done, err
	}
	for name, prepare := range map[string]func(w *tale){
		"a member is bound":     func(w *tale) { w.a = says("ann"); w.old, _ = w.known("ann@acme.example", office) },
		"somebody new is added": func(w *tale) { w.a = says("new"); w.a.JustInTime = true },
		"somebody invited is let in": func(w *tale) {
			w.a = says("inv")
			w.admin("two", auth.RoleAdmin)
			w.invite(auth.NewInvitation{AccountID: "acme", Email: "inv@acme.example"})
		},
		"an unverified account is taken over": func(w *tale) { w.a = says("una"); w.unverified("una") },
		"a super administrator links": func(w *tale) {
			w.a = says("ann")
			w.p, _, w.old = w.enroll("ann@acme.example", office)
			w.admin("ann", auth.RoleSuperAdmin)
		},
		"a lock is lifted": func(w *tale) {
			w.a = says("ann")
			w.company(auth.SSOEnforced)
			w.bound("ann")
			w.must(w.m.Lock(w.t.Context(), "ann"))
			w.move(time.Minute)
		},
	} {
		begun := func(t *testing.T) *tale {
			w := &tale{world: mailed(t), c: home}
			prepare(w)
			w.company(auth.SSOEnforced)
			w.move(time.Minute)
			w.quiet()
			w.spy.take()
			return w
		}
		w := begun(t)
		if _, err := whole(w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		calls := w.spy.take()
		w.quiet()
		if len(calls) < 20 {
			t.Errorf("%s makes %d calls: too few to be true", name, len(calls))
		}
		for n, call := range calls {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d %s done=%v", name, n+1, call, after), func(t *testing.T) {
					t.Parallel()
					w := begun(t)
					cut := func(i int, _ string) error {
						if i == n+1 {
							return errCrash
						}
						return nil
					}
					if after {
						w.spy.after = cut
					} else {
						w.spy.before = cut
					}
					done, err := whole(w)
					w.spy.before, w.spy.after = nil, nil
					if err == nil || done.Token != "" {
						t.Fatal("it came through the crash")
					}
					if !errors.Is(err, errCrash) && !strings.Contains(err.Error(), errCrash.Error()) {
						t.Errorf("got %v, want the crash", err)
					}
					u, err := w.people.UserByEmail(t.Context(), w.a.Email)
					if err == nil {
						links, err := w.m.Identities(t.Context(), u.ID)
						w.must(err)
						had, err := w.m.HasPassword(t.Context(), u.ID)
						w.must(err)
						if len(links) > 0 && u.Unverified {
							t.Error("an unverified account is bound")
						}
						if len(links) > 0 && u.ID == "una" && had {
							t.Error("A-115 somebody is bound with the password of whoever set the account up")
						}
					}
					w.move(time.Minute)
					w.c = from("198.51.100.77")
					if done, err = whole(w); err != nil || done.Token == "" {
						t.Fatalf("the same answer again: %v", err)
					}
					if u, err = w.people.UserByEmail(t.Context(), w.a.Email); err != nil || u.ID != done.Session.UserID {
						t.Errorf("again: %+v, %v, want the session's person", u, err)
					}
					if links, err := w.m.Identities(t.Context(), u.ID); err != nil || len(links) != 1 || links[0].Subject != w.a.Subject {
						t.Errorf("again: bound %+v, %v, want once", links, err)
					}
					if m := w.member(u.ID, "acme"); strings.HasPrefix(name, "somebody") && m.State != auth.MemberActive {
						t.Errorf("again: membership %+v, want an active one", m)
					}
					w.quiet()
				})
			}
		}
	}
}
