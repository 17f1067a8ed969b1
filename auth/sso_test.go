package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const conn = "con_acme"

// company gives Acme a sign-in of its own.
func (w *world) company(mode auth.SSOMode) {
	w.t.Helper()
	w.must(w.people.SetDomainConnection(w.t.Context(), "acme.example", conn))
	w.must(w.people.SetDomainSSO(w.t.Context(), "acme.example", mode))
}

// says is what Acme's sign-in says of somebody.
func says(name string) auth.Arrival {
	return auth.Arrival{Connection: conn, AccountID: "acme", Subject: "s-" + name, Email: name + "@acme.example", Name: name}
}

// departs begins with an address and leaves for the company.
func (w *world) departs(email string, c auth.Client) (*walker, auth.Departure) {
	w.t.Helper()
	k := &walker{world: w, c: c}
	s := w.identify(email, c)
	k.step, k.ref = s, auth.Ref{Token: s.Token}
	return k, k.leaves()
}

// leaves goes to the company that the flow offers.
func (k *walker) leaves() auth.Departure {
	k.t.Helper()
	d, err := k.m.Depart(k.t.Context(), k.ref, conn, k.c)
	if err != nil || d.Handle == nil {
		k.t.Fatalf("Depart = %s %s, %v, want a way to %s", d.Stage, d.Reason, err, conn)
	}
	return d
}

// lays lays an answer beside the flow that asked, and has the ticket of the browser that brought it.
func (w *world) lays(d auth.Departure, a auth.Arrival) (ticket string) {
	w.t.Helper()
	ticket, err := w.m.Arrive(w.t.Context(), d.Handle, a)
	if err != nil {
		w.t.Fatalf("Arrive = %v", err)
	}
	return ticket
}

// comesBack brings an answer, and meets it.
func (k *walker) comesBack(d auth.Departure, a auth.Arrival) *walker {
	k.t.Helper()
	ticket, err := k.m.Arrive(k.t.Context(), d.Handle, a)
	if err != nil {
		k.t.Fatalf("Arrive = %v", err)
	}
	k.took(k.m.Arrived(k.t.Context(), k.ref, ticket, false, k.c))
	return k
}

// arrives is a whole way by the company.
func (w *world) arrives(email string, a auth.Arrival, c auth.Client) *walker {
	w.t.Helper()
	k, d := w.departs(email, c)
	return k.comesBack(d, a)
}

// quiet lets the letters go that wait, and throws them away.
func (w *world) quiet() {
	w.move(10 * time.Second)
	w.mail.take()
}

// bound is somebody whom the company has bound already.
func (w *world) bound(name string) {
	w.t.Helper()
	w.arrives(name+"@acme.example", says(name), from("198.51.100.9")).at(auth.StageReady, "")
	w.mail.notices(mail.SSOLinked)
	w.take()
}

func TestCompanySignIn(t *testing.T) {
	t.Run("R5 R20 R21 R28 the first arrival binds a member, and keeps sessions", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			before, _ := w.known("ann@acme.example", office)
			w.company(auth.SSOEnforced)
			k, d := w.departs("ann@acme.example", home)
			if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodSSO}) || k.step.Connection != conn || d.LoginHint != "ann@acme.example" {
				t.Fatalf("R5 the step is %+v, %+v, want only the company's sign-in", k.step.Decision, d)
			}
			k.comesBack(d, says("ann")).at(auth.StageReady, "")
			w.mail.notices(mail.SSOLinked)
			done := k.finish()
			w.quiet()
			if s := done.Session; s.UserID != "ann" || s.AccountID != "acme" || s.Via != conn || !s.Methods.Has("sso") {
				t.Errorf("R114 the session is %+v, want ann's by %s", s, conn)
			}
			if !w.live(before.Session) {
				t.Error("R26 a session from before has ended")
			}
			if list, err := w.m.Identities(t.Context(), "ann"); err != nil || len(list) != 1 || list[0].Subject != "s-ann" || list[0].Source != "sso:"+conn {
				t.Errorf("the identities are %+v, %v", list, err)
			}
			w.arrives("ann@acme.example", says("ann"), home).at(auth.StageReady, "") // and no letter
		})
	})
	t.Run("invariant 6 what was remembered and mailed before the binding ends", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			_, s := w.known("ann@acme.example", office)
			link := w.forgot("ann@acme.example")
			w.company(auth.SSOOptional)
			w.bound("ann")
			if list, err := w.m.ListDevices(t.Context(), s); err != nil || len(list) > 0 {
				t.Errorf("devices %+v, %v, want none", list, err)
			}
			if k := w.opens(link, home); k.step.Stage != auth.StageRefused {
				t.Errorf("a link from before opens %s", k.step.Stage)
			}
			w.quiet()
		})
	})
	t.Run("invariant 9 R27 enforcing shuts the password, and no proof of it is kept", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		k := &walker{world: w, c: home}
		step, err := w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example", Way: auth.WayPassword}, home)
		w.must(err)
		k.step, k.ref = step, auth.Ref{Token: step.Token}
		if !slices.Equal(step.Offer, []auth.Method{auth.MethodPassword}) {
			t.Fatalf("?way=password offers %v, want the password to everybody", step.Offer)
		}
		k.took(w.m.Password(t.Context(), k.ref, "wrong", home))
		k.at(auth.StageAuthenticate, auth.ReasonInvalidCredentials)
		k.took(w.m.Password(t.Context(), k.ref, secret, home))
		k.at(auth.StageAuthenticate, auth.ReasonSSORequired)
		now, err := w.m.Current(t.Context(), k.ref.Token, home)
		if err != nil || len(now.Flow.Proofs) > 0 || now.Flow.UserID != "" {
			t.Errorf("the flow holds %+v of %q, want no proof and nobody", now.Flow.Proofs, now.Flow.UserID)
		}
		k.comesBack(k.leaves(), says("ann")).at(auth.StageReady, "") // the way that is left is open
		w.mail.notices(mail.SSOLinked)
	})
	t.Run("R23 required of one person where others may choose", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOOptional)
		if _, err := w.m.SetMemberSSO(t.Context(), "acme", "ann", auth.SSORequired); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ann", "two"} {
			k := &walker{world: w, c: home}
			k.step = w.identify(name+"@acme.example", home)
			k.ref = auth.Ref{Token: k.step.Token}
			if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodSSO, auth.MethodPassword}) {
				t.Fatalf("R23 %s is offered %v before anything is proven, want both", name, k.step.Offer)
			}
			k.took(w.m.Password(t.Context(), k.ref, secret, home))
			if barred := k.step.Reason == auth.ReasonSSORequired; barred != (name == "ann") {
				t.Errorf("R23 %s after the password: %s %s", name, k.step.Stage, k.step.Reason)
			}
		}
		w.quiet()
		w.asked("ann@acme.example")
		if got := w.mail.take(); len(got) != 1 || got[0].Kind != mail.ResetSSO {
			t.Errorf("R27 forgot mails %v, want %s", letterKinds(got), mail.ResetSSO)
		}
	})
	t.Run("R28 somebody unknown is told so, invited they join, and just in time they are added", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			w.company(auth.SSOEnforced)
			k := w.arrives("new@acme.example", says("new"), home)
			k.at(auth.StageAuthenticate, auth.ReasonSSOUserUnknown)
			if _, err := w.people.UserByEmail(t.Context(), "new@acme.example"); !errors.Is(err, auth.ErrNotFound) {
				t.Fatalf("R28 somebody was made: %v", err)
			}
			a := says("new")
			a.JustInTime, a.Role = true, auth.RoleSuperAdmin
			k.comesBack(k.leaves(), a).at(auth.StageReady, "")
			done := k.finish()
			if m := w.member(done.Session.UserID, "acme"); m.Role != auth.RoleMember || m.State != auth.MemberActive {
				t.Errorf("A-067 just in time makes %+v, want a member and no more", m)
			}
			w.must(w.people.RemoveMember(t.Context(), "acme", done.Session.UserID))
			w.arrives("new@acme.example", a, home)
			if all, err := w.people.Memberships(t.Context(), done.Session.UserID); err != nil || len(all) > 0 {
				t.Errorf("whoever was taken out is put back: %+v, %v", all, err)
			}
			w.quiet()
			w.admin("ann", auth.RoleAdmin)
			i, _ := w.invite(auth.NewInvitation{AccountID: "acme", Email: "inv@acme.example", Role: auth.RoleAdmin, By: ""})
			w.quiet()
			k = w.arrives("inv@acme.example", says("inv"), home)
			k.at(auth.StageReady, "")
			if m := w.member(k.finish().Session.UserID, "acme"); m.Role != auth.RoleAdmin || w.standing(i.ID) != auth.InvitationJoined {
				t.Errorf("R43 the invitation makes %+v and is %s", m, w.standing(i.ID))
			}
			w.quiet()
		})
	})
	t.Run("A-062 A-063 a connection speaks for its own domain only", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		for name, a := range map[string]auth.Arrival{
			"another company's address": {Connection: conn, AccountID: "acme", Subject: "s", Email: "root@umbra.example"},
			"a sub-domain":              {Connection: conn, AccountID: "acme", Subject: "s", Email: "ann@mail.acme.example"},
			"another connection":        {Connection: "con_umbra", AccountID: "umbra", Subject: "s", Email: "ann@acme.example"},
			"the company of another":    {Connection: conn, AccountID: "umbra", Subject: "s", Email: "ann@acme.example"},
		} {
			a.JustInTime = true
			k := w.arrives("ann@acme.example", a, home)
			if k.step.Stage != auth.StageAuthenticate || k.step.Reason != auth.ReasonSSODomainMismatch {
				t.Errorf("%s: %s %s, want %s", name, k.step.Stage, k.step.Reason, auth.ReasonSSODomainMismatch)
			}
		}
		if list, err := w.m.Identities(t.Context(), "ann"); err != nil || len(list) > 0 {
			t.Errorf("bound: %+v, %v", list, err)
		}
	})
	t.Run("invariant 8 A-065 another subject, and the same subject with another address", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		other := says("ann")
		other.Subject = "s-somebody"
		w.arrives("ann@acme.example", other, home).at(auth.StageAuthenticate, auth.ReasonSSOSubjectChanged)
		moved := says("two")
		moved.Subject = "s-ann"
		w.arrives("two@acme.example", moved, home).at(auth.StageAuthenticate, auth.ReasonSSOSubjectChanged)
		list, err := w.m.Identities(t.Context(), "ann")
		w.must(err)
		w.must(w.m.Unbind(t.Context(), "ann", list[0].ID))
		w.arrives("ann@acme.example", other, home).at(auth.StageReady, "")
		w.quiet()
	})
	t.Run("A-115 A-116 A-117 A-123 invariant 8 an unverified account is discarded before it is bound", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		w.unverified("una")
		known, _ := w.known("una@acme.example", office)
		w.quiet()
		p, _, thief := w.enroll("una@acme.example", known)
		w.quiet()
		if u, err := w.people.UserByID(t.Context(), "una"); err != nil || !u.Unverified {
			t.Fatalf("una is %+v, %v, want unverified", u, err)
		}
		w.company(auth.SSOOptional)
		k := w.arrives("una@acme.example", says("una"), home).at(auth.StageReady, "")
		w.quiet()
		if w.live(thief.Session) {
			t.Error("the session of whoever set the account up lives")
		}
		if u, err := w.people.UserByID(t.Context(), "una"); err != nil || u.Unverified {
			t.Errorf("una is %+v, %v, want verified", u, err)
		}
		if had, err := w.m.HasPassword(t.Context(), "una"); err != nil || had {
			t.Errorf("the password of whoever set the account up is there: %v, %v", had, err)
		}
		if s := k.finish().Session; s.Methods.Has("totp") || s.UserID != "una" || p == nil {
			t.Errorf("the session is %+v", s)
		}
		w.quiet()
	})
	t.Run("A-200 the app is asked for behind a company's sign-in, unless that asserts a second step", func(t *testing.T) {
		w := mailed(t)
		w.enroll("ann@acme.example", home)
		w.company(auth.SSOEnforced)
		k := w.arrives("ann@acme.example", says("ann"), from("198.51.100.8")).at(auth.StageVerify, "")
		w.mail.notices(mail.SSOLinked)
		if done, _, err := w.m.Finish(t.Context(), k.ref, k.c); err != nil || done.Token != "" {
			t.Errorf("Finish = %+v, %v, want nothing", done.Session, err)
		}
		asserted := says("ann")
		asserted.MultiFactor = true
		k = w.arrives("ann@acme.example", asserted, from("198.51.100.8")).at(auth.StageReady, "")
		if s := k.finish().Session; !s.Methods.Has("sso_mfa") {
			t.Errorf("the session's methods are %q", s.Methods)
		}
		w.quiet()
	})
	t.Run("invariant 1 what one company's sign-in asserts counts for no other", func(t *testing.T) {
		w := mailed(t)
		w.enroll("ann@acme.example", home) // an app by choice
		w.must(w.people.SetMember(t.Context(), memberOf("umbra", "ann", auth.MemberActive)))
		w.company(auth.SSOEnforced)
		a := says("ann")
		a.MultiFactor = true
		w.arrives("ann@acme.example", a, from("198.51.100.8")).at(auth.StageVerify, "")
		w.must(w.people.RemoveMember(t.Context(), "umbra", "ann"))
		w.arrives("ann@acme.example", a, from("198.51.100.8")).at(auth.StageReady, "")
		w.quiet()
	})
	t.Run("another company has every sign-in verified by mail", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.asks("umbra", auth.Policy{Verification: auth.VerifyAlways})
		w.arrives("two@acme.example", says("two"), home).at(auth.StageVerify, "")
		w.quiet()
	})
	t.Run("a browser leaves so often and no more", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		k, _ := w.departs("ann@acme.example", home)
		for range 30 {
			d, err := w.m.Depart(t.Context(), k.ref, conn, home)
			w.must(err)
			k.step = d.Step
		}
		if k.step.Reason != auth.ReasonTooManyAttempts {
			t.Errorf("after 31 departures: %s %s, want %s", k.step.Stage, k.step.Reason, auth.ReasonTooManyAttempts)
		}
	})
	t.Run("R66 a sign-in that the company does not date is not recent", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		done := w.arrives("ann@acme.example", says("ann"), home).finish()
		if recent, err := w.m.RecentlyProven(t.Context(), done.Session); err != nil || recent {
			t.Errorf("RecentlyProven = %v, %v, want false", recent, err)
		}
		w.quiet()
	})
	t.Run("A-064 the connection of a domain that changes", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		k := w.arrives("ann@acme.example", says("ann"), home)
		k.at(auth.StageReady, "")
		w.must(w.people.SetDomainConnection(t.Context(), "acme.example", "con_next"))
		if done, s, err := w.m.Finish(t.Context(), k.ref, home); done.Token != "" || s.Stage != auth.StageAuthenticate {
			t.Errorf("a proof by the old connection finishes: %+v, %s, %v", done.Session, s.Stage, err)
		}
	})
	t.Run("A-045 the company's own session ends ours", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		a := says("ann")
		a.Ends = w.clock().Add(time.Hour)
		k, d := w.departs("ann@acme.example", home)
		k.comesBack(d, a).at(auth.StageReady, "")
		done := k.finish()
		w.quiet()
		if !done.Session.ExpiresAt.Equal(a.Ends) {
			t.Errorf("the session ends %v, want %v", done.Session.ExpiresAt, a.Ends)
		}
		w.move(time.Hour)
		if w.live(done.Token) {
			t.Error("A-045 the session outlives that of the company")
		}
		k, d = w.departs("ann@acme.example", home)
		k.comesBack(d, a)
		if k.step.Stage == auth.StageReady {
			t.Error("an answer whose session is over opens")
		}
	})
}

// An answer counts in the browser that asked for it, once.
func TestArrivals(t *testing.T) {
	t.Run("A-041 A-078 an answer is of one flow", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		mine, d := w.departs("ann@acme.example", home)
		theirs, _ := w.departs("ann@acme.example", office)
		if !w.m.Belongs(d.Handle, mine.ref.Token) || w.m.Belongs(d.Handle, theirs.ref.Token) || w.m.Belongs(d.Handle, "") || w.m.Belongs(nil, mine.ref.Token) {
			t.Error("Belongs does not tell the browsers apart")
		}
		_, away := w.departs("two@acme.example", from("198.51.100.20"))
		other := w.lays(away, says("two"))
		ticket := w.lays(d, says("ann"))
		if s, err := w.m.Arrived(t.Context(), theirs.ref, ticket, true, office); !errors.Is(err, auth.ErrFlowChanged) || s.Stage == auth.StageReady {
			t.Errorf("another browser's flow has it: %s, %v", s.Stage, err)
		}
		for name, held := range map[string]string{"none": "", "another's": other, "cut": ticket[:len(ticket)-1]} {
			if s, err := w.m.Arrived(t.Context(), mine.ref, held, true, home); !errors.Is(err, auth.ErrFlowChanged) || s.Stage == auth.StageReady || s.Came.Email != "" {
				t.Errorf("A-041 the flow that asked has the answer that another browser brought (ticket: %s): %s %+v, %v", name, s.Stage, s.Came, err)
			}
		}
		mine.took(w.m.Arrived(t.Context(), mine.ref, ticket, false, home))
		mine.at(auth.StageReady, "")
		if _, err := w.m.Arrived(t.Context(), mine.ref, ticket, false, home); !errors.Is(err, auth.ErrFlowChanged) {
			t.Errorf("a second time: %v, want ErrFlowChanged", err)
		}
		if _, err := w.m.Arrive(t.Context(), d.Handle, says("two")); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-040 a second answer to the same departure: %v, want ErrFlowGone", err)
		}
	})
	t.Run("an arrival proves nothing before it is met", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		k, d := w.departs("ann@acme.example", home)
		ticket := w.lays(d, says("ann"))
		if done, s, err := w.m.Finish(t.Context(), k.ref, home); err != nil || done.Token != "" || s.Stage != auth.StageAuthenticate {
			t.Errorf("Finish = %v, %s, %v, want nothing", done.Token, s.Stage, err)
		}
		w.move(11 * time.Minute)
		k.took(w.m.Arrived(t.Context(), k.ref, ticket, false, home))
		k.at(auth.StageAuthenticate, auth.ReasonSSOExpired)
	})
	t.Run("a refused answer says why, once", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		k, d := w.departs("ann@acme.example", home)
		a := says("ann")
		a.Why, a.Reference = auth.ReasonSSOFailed, "ref1"
		k.comesBack(d, a).at(auth.StageAuthenticate, auth.ReasonSSOFailed)
		if k.step.Came.Reference != "ref1" || k.step.Came.Subject != "" {
			t.Errorf("the step says %+v, want the reference and nothing of a person", k.step.Came)
		}
		if s, err := w.m.Current(t.Context(), k.ref.Token, home); err != nil || s.Reason != "" {
			t.Errorf("afterwards: %s, %v, want no reason", s.Reason, err)
		}
	})
	t.Run("A-050 R25 an answer that nobody asked for needs a button, and is never kept", func(t *testing.T) {
		w := mailed(t)
		w.company(auth.SSOEnforced)
		w.bound("ann")
		s, err := w.m.ArriveUnasked(t.Context(), says("ann"), auth.Opening{Remember: true}, home)
		w.must(err)
		k := &walker{world: w, c: home, step: s, ref: auth.Ref{Token: s.Token}}
		k.took(w.m.Arrived(t.Context(), k.ref, "", false, home))
		if k.step.Stage == auth.StageReady || k.step.Came.Email != "ann@acme.example" || !k.step.Flow.Arrival.Unasked {
			t.Fatalf("a look: %s, %+v, want the question", k.step.Stage, k.step.Came)
		}
		k.took(w.m.Arrived(t.Context(), k.ref, "", true, home))
		k.at(auth.StageReady, "")
		if done := k.finish(); done.Session.Kept {
			t.Error("the session is kept")
		}
		w.quiet()
	})
	t.Run("invariant 4 64 callers meet one answer", func(t *testing.T) {
		everywhere(t, func(t *testing.T, w *world) {
			w.company(auth.SSOEnforced)
			w.arrives("ann@acme.example", says("ann"), office).at(auth.StageReady, "")
			k, d := w.departs("ann@acme.example", home)
			ticket := w.lays(d, says("ann"))
			won := race(64, func() bool {
				s, err := w.m.Arrived(t.Context(), k.ref, ticket, false, home)
				return err == nil && s.Stage == auth.StageReady
			})
			if won != 1 {
				t.Errorf("%d of 64 have proven it, want 1", won)
			}
		})
	})
	t.Run("invariant 8 64 arrivals of somebody new make one person", func(t *testing.T) {
		everywhere(t, func(t *testing.T, w *world) {
			w.company(auth.SSOEnforced)
			type browser struct {
				k      *walker
				ticket string
			}
			var all []browser
			for i := range 16 {
				k, d := w.departs("new@acme.example", from(fmt.Sprintf("198.51.100.%d", i+1)))
				a := says("new")
				a.JustInTime = true
				all = append(all, browser{k, w.lays(d, a)})
			}
			next := make(chan browser, len(all))
			for _, b := range all {
				next <- b
			}
			race(len(all), func() bool {
				b := <-next
				for range 5 {
					if _, err := w.m.Arrived(t.Context(), b.k.ref, b.ticket, false, b.k.c); !errors.Is(err, auth.ErrFlowChanged) {
						return err == nil
					}
				}
				return false
			})
			u, err := w.people.UserByEmail(t.Context(), "new@acme.example")
			w.must(err)
			if list, err := w.m.Identities(t.Context(), u.ID); err != nil || len(list) != 1 {
				t.Errorf("identities %+v, %v, want one", list, err)
			}
		})
	})
}

func TestBreakGlass(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if why, err := w.m.SetMemberSSO(ctx, "acme", "ann", auth.SSOExempt); err != nil || why != auth.ReasonExemptNeedsTwoStep {
			t.Fatalf("somebody without an app is exempt: %q, %v", why, err)
		}
		p, _, c := w.enroll("ann@acme.example", home)
		w.admin("two", auth.RoleSuperAdmin)
		w.admin("nopass", auth.RoleAdmin) // who is not told
		w.company(auth.SSOEnforced)
		if why, err := w.m.SetMemberSSO(ctx, "acme", "ann", auth.SSOExempt); err != nil || why != "" {
			t.Fatalf("SetMemberSSO = %q, %v", why, err)
		}
		w.quiet()
		begin := func() *walker {
			s, err := w.m.Identify(ctx, auth.Opening{Email: "ann@acme.example", Way: auth.WayPassword}, c)
			w.must(err)
			k := &walker{world: w, c: c, step: s, ref: auth.Ref{Token: s.Token}}
			k.took(w.m.Password(ctx, k.ref, secret, c))
			return k
		}
		w.move(time.Minute)
		k := begin().at(auth.StageVerify, "")
		if k.step.TrustBox || k.step.NewPhone {
			t.Errorf("invariant 9 the way round offers %+v, want the app's code and nothing to spare it", k.step.Decision)
		}
		k.took(w.m.TOTP(ctx, k.ref, p.code(), true, c))
		k.at(auth.StageReady, "")
		done := k.finish()
		w.move(10 * time.Second)
		letters := w.mail.take()
		if !strings.Contains(letterKinds(letters), string(mail.BreakGlass)) {
			t.Errorf("invariant 9 letters %v, want one to the super administrators", letterKinds(letters))
		}
		for _, l := range letters {
			if l.Kind == mail.BreakGlass && l.To != "two@acme.example" {
				t.Errorf("the letter goes to %s, want two, the super administrator", l.To)
			}
		}
		w.move(time.Minute)
		c = with(c, done)
		if k := begin(); k.step.Stage != auth.StageVerify {
			t.Errorf("invariant 9 a device is trusted on the way round: %s", k.step.Stage)
		}
		w.arrives("ann@acme.example", says("ann"), office) // an exempt person is not handed over
		if list, err := w.m.Identities(ctx, "ann"); err != nil || len(list) > 0 {
			t.Errorf("invariant 8 an exempt person is bound: %+v, %v", list, err)
		}
		w.quiet()
	})
}

func TestPendingLink(t *testing.T) {
	pending := func(t *testing.T) (*world, *walker, *phone) {
		w := mailed(t)
		p, _, _ := w.enroll("ann@acme.example", home)
		w.admin("ann", auth.RoleSuperAdmin)
		w.company(auth.SSOEnforced)
		w.quiet()
		w.move(time.Minute)
		k := w.arrives("ann@acme.example", says("ann"), office)
		if k.at(auth.StageAuthenticate, ""); !slices.Equal(k.step.Offer, []auth.Method{auth.MethodPassword}) || k.step.Flow.UserID != "" {
			t.Fatalf("invariant 8 the step is %+v of %q, want the password asked of nobody yet", k.step.Decision, k.step.Flow.UserID)
		}
		return w, k, p
	}
	t.Run("invariant 8 password, second step, and a confirmed link", func(t *testing.T) {
		w, k, p := pending(t)
		k.took(w.m.Password(t.Context(), k.ref, secret, office))
		k.at(auth.StageVerify, "")
		k.took(w.m.TOTP(t.Context(), k.ref, p.code(), false, office))
		k.at(auth.StageLink, "")
		if done, s, err := w.m.Finish(t.Context(), k.ref, office); err != nil || done.Token != "" || s.Stage != auth.StageLink {
			t.Fatalf("Finish before the link = %s, %v", s.Stage, err)
		}
		k.took(w.m.Link(t.Context(), k.ref, true, office))
		k.at(auth.StageReady, "")
		w.mail.notices(mail.SSOLinked)
		if done := k.finish(); done.Session.UserID != "ann" || done.Session.Via != conn {
			t.Errorf("the session is %+v", done.Session)
		}
		w.quiet()
	})
	for name, end := range map[string]func(w *world, k *walker){
		"declined": func(w *world, k *walker) { k.took(w.m.Link(w.t.Context(), k.ref, false, office)) },
		"too late": func(w *world, k *walker) {
			w.move(11 * time.Minute)
			k.took(w.m.Current(w.t.Context(), k.ref.Token, office))
		},
	} {
		t.Run("invariant 8 without the link the password counts for nothing: "+name, func(t *testing.T) {
			w, k, p := pending(t)
			k.took(w.m.Password(t.Context(), k.ref, secret, office))
			k.took(w.m.TOTP(t.Context(), k.ref, p.code(), false, office))
			end(w, k)
			if k.step.Stage != auth.StageAuthenticate || !slices.Equal(k.step.Offer, []auth.Method{auth.MethodSSO}) {
				t.Errorf("the flow stands at %s %v, want the company's sign-in", k.step.Stage, k.step.Offer)
			}
			if list, err := w.m.Identities(t.Context(), "ann"); err != nil || len(list) > 0 {
				t.Errorf("bound: %+v, %v", list, err)
			}
		})
	}
}

func TestStepUpByCompany(t *testing.T) {
	w := mailed(t)
	w.company(auth.SSOEnforced)
	w.bound("ann")
	w.must(w.people.RemoveMember(t.Context(), "umbra", "two"))
	w.bound("two")
	before := says("ann")
	before.AuthTime = w.clock().Add(-time.Hour) // the company knew the person already
	k := w.arrives("ann@acme.example", before, home)
	done := k.finish()
	if recent, err := w.m.RecentlyProven(t.Context(), done.Session); err != nil || recent {
		t.Errorf("R66 a sign-in at the company an hour ago is recent: %v, %v", recent, err)
	}
	w.quiet()
	c := with(home, done)
	w.move(11 * time.Minute)
	step := func() *walker {
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{}, c))
		return k
	}
	k = step().at(auth.StageAuthenticate, "")
	if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodSSO}) || !k.step.Fresh {
		t.Fatalf("the step-up offers %+v, want the company's sign-in, demanded anew", k.step.Decision)
	}
	d := k.leaves()
	if !d.Fresh {
		t.Error("the departure demands nothing anew")
	}
	k.comesBack(d, says("ann")) // without the time of the sign-in there
	if k.step.Stage != auth.StageAuthenticate {
		t.Errorf("an answer that does not say when: %s", k.step.Stage)
	}
	k = step()
	other := says("two")
	other.AuthTime = w.clock()
	if k.comesBack(k.leaves(), other); k.step.Reason != auth.ReasonOtherUser {
		t.Errorf("somebody else: %s %s, want %s", k.step.Stage, k.step.Reason, auth.ReasonOtherUser)
	}
	stranger := says("stranger")
	stranger.JustInTime, stranger.AuthTime = true, w.clock()
	if k.comesBack(k.leaves(), stranger); k.step.Reason != auth.ReasonOtherUser {
		t.Errorf("an unbound identity: %s %s, want %s", k.step.Stage, k.step.Reason, auth.ReasonOtherUser)
	}
	mine := says("ann")
	mine.AuthTime = w.clock()
	k.comesBack(k.leaves(), mine).at(auth.StageReady, "")
	if done := k.finish(); done.Session.ID == "" || !done.Session.AuthTime.Equal(w.clock()) {
		t.Errorf("the session is %+v, want it proven now", done.Session)
	}
}

// A hard lock is lifted by the company's sign-in, demanded anew, where that leaves no reset.
func TestLockLiftedByCompany(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.company(auth.SSOEnforced)
		w.bound("ann")
		w.move(time.Hour)
		w.must(w.m.Lock(t.Context(), "ann"))
		w.quiet()
		k, d := w.departs("ann@acme.example", home)
		if d.Fresh {
			t.Error("a stranger is told that the account is locked: the departure demands a fresh sign-in")
		}
		k.comesBack(d, says("ann")).at(auth.StageAuthenticate, auth.ReasonSSOAgain)
		d = k.leaves()
		if !d.Fresh {
			t.Fatal("nothing is demanded anew")
		}
		old := says("ann")
		old.AuthTime = w.clock().Add(-2 * time.Hour)
		k.comesBack(d, old).at(auth.StageAuthenticate, auth.ReasonSSOAgain)
		w.move(time.Minute)
		fresh := says("ann")
		fresh.AuthTime = w.clock()
		k.comesBack(k.leaves(), fresh).at(auth.StageReady, "")
		k.finish()
		w.quiet()
		w.arrives("ann@acme.example", says("ann"), home).at(auth.StageReady, "")
	})
}

// race has n callers do the same at once, and counts those that have won.
func race(n int, do func() bool) int {
	var won atomic.Int64
	atOnce(n, func(int) {
		if do() {
			won.Add(1)
		}
	})
	return int(won.Load())
}
