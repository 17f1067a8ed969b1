package auth_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/store"
	"pgregory.net/rapid"
)

// TestWalk takes random walks through the engine: several browsers, people, companies that come and go, a clock that moves. After
// every step it holds what must always be true against a simple model: who has proven what in which flow.
func TestWalk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, store.NewMemory())
		type tab struct {
			token  string
			email  string
			proven string // the user whose right password this flow has seen since that password was set
			user   string // the user the flow is fixed to
			done   bool
		}
		var tabs []*tab
		passwords := map[string]string{"ann": secret, "two": secret, "sam": secret, "gone": secret, "solo": secret}
		news := 0
		forget := func(user string) {
			for _, tb := range tabs {
				if tb.proven == user {
					tb.proven = ""
				}
			}
		}
		person := rapid.SampledFrom([]string{"ann", "two", "sam", "gone", "nopass", "solo", "nobody"})
		pick := func(rt *rapid.T) *tab {
			if len(tabs) == 0 {
				rt.Skip("no flow yet")
			}
			return tabs[rapid.IntRange(0, len(tabs)-1).Draw(rt, "tab")]
		}
		check := func(tb *tab, s auth.Step) {
			if s.Flow.UserID != "" {
				if tb.user != "" && tb.user != s.Flow.UserID {
					rt.Fatalf("invariant 2: the flow's user changed from %q to %q", tb.user, s.Flow.UserID)
				}
				tb.user = s.Flow.UserID
			}
			if s.Stage == auth.StageReady && tb.proven == "" {
				rt.Fatalf("invariant 1: ready without a proof that counts: %+v", s)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"identify": func(rt *rapid.T) {
				email := person.Draw(rt, "person") + "@acme.example"
				s, err := w.m.Identify(t.Context(), auth.Opening{Email: email, Remember: rapid.Bool().Draw(rt, "keep")}, home)
				if err != nil {
					rt.Fatal(err)
				}
				if s.Token != "" {
					tabs = append(tabs, &tab{token: s.Token, email: email})
				}
			},
			"password": func(rt *rapid.T) {
				tb := pick(rt)
				user := tb.email[:len(tb.email)-len("@acme.example")]
				typed := map[string]string{"right": passwords[user], "first": secret, "wrong": "wrong", "none": ""}[rapid.SampledFrom([]string{"right", "first", "wrong", "none"}).Draw(rt, "typed")]
				s, err := w.m.Password(t.Context(), auth.Ref{Token: tb.token}, typed, home)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) {
					rt.Fatal(err)
				}
				if s.Token != "" {
					tb.token = s.Token
				}
				if err == nil && s.Reason != auth.ReasonTooManyAttempts && s.Reason != auth.ReasonSSORequired && passwords[user] == typed && typed != "" && tb.proven == "" {
					tb.proven = user
				}
				check(tb, s)
			},
			"choose": func(rt *rapid.T) {
				tb := pick(rt)
				s, err := w.m.ChooseAccount(t.Context(), auth.Ref{Token: tb.token}, rapid.SampledFrom([]string{"acme", "umbra", "x"}).Draw(rt, "account"), home)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) {
					rt.Fatal(err)
				}
				check(tb, s)
			},
			"finish": func(rt *rapid.T) {
				tb := pick(rt)
				done, s, err := w.m.Finish(t.Context(), auth.Ref{Token: tb.token}, home)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) {
					rt.Fatal(err)
				}
				check(tb, s)
				if done.Token == "" {
					return
				}
				if tb.done || tb.proven == "" || done.Session.UserID != tb.proven || done.Session.UserID == "nobody" {
					rt.Fatalf("invariant 1: a session for %q from %+v", done.Session.UserID, *tb)
				}
				tb.done = true
				u, err := w.people.UserByID(t.Context(), done.Session.UserID)
				if err != nil || u.Suspended {
					rt.Fatalf("invariant 7: a session for a suspended person: %v", err)
				}
				if rule, err := w.people.DomainRule(t.Context(), "acme.example"); err != nil || rule.SSO == auth.SSOEnforced {
					rt.Fatalf("a password opened a session where SSO is enforced: %v", err)
				}
				if acc := done.Session.AccountID; acc != "" {
					ms, _ := w.people.Memberships(t.Context(), u.ID)
					usable := false
					for _, m := range ms {
						usable = usable || m.AccountID == acc && m.Usable()
					}
					if !usable {
						rt.Fatalf("a session in %q, which %s cannot enter", acc, u.ID)
					}
				}
			},
			"suspend or not": func(rt *rapid.T) {
				who := rapid.SampledFrom([]string{"ann", "two", "solo"}).Draw(rt, "who")
				change := w.people.SuspendUser
				if rapid.Bool().Draw(rt, "back") {
					change = w.people.UnsuspendUser
				}
				if err := change(t.Context(), who); err != nil {
					rt.Fatal(err)
				}
				if err := w.m.EndUser(t.Context(), who); err != nil {
					rt.Fatal(err)
				}
				forget(who)
				if n := w.sessions(who); n != 0 {
					rt.Fatalf("invariant 7: %d sessions of %s are left", n, who)
				}
			},
			"member": func(rt *rapid.T) {
				state := rapid.SampledFrom([]auth.MemberState{auth.MemberActive, auth.MemberSuspended, auth.MemberInvited}).Draw(rt, "state")
				who := rapid.SampledFrom([]string{"ann", "two"}).Draw(rt, "who")
				if err := w.people.SetMember(t.Context(), memberOf("acme", who, state)); err != nil {
					rt.Fatal(err)
				}
			},
			"rule of the domain": func(rt *rapid.T) {
				mode := rapid.SampledFrom([]auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced}).Draw(rt, "mode")
				if err := w.people.SetDomainSSO(t.Context(), "acme.example", mode); err != nil {
					rt.Fatal(err)
				}
			},
			"new password": func(rt *rapid.T) {
				who := rapid.SampledFrom([]string{"ann", "two", "solo"}).Draw(rt, "who")
				news++
				typed := fmt.Sprintf("another long passphrase %d", news)
				if err := w.m.SetPassword(t.Context(), who, typed); err != nil {
					rt.Fatal(err)
				}
				passwords[who] = typed
				forget(who)
				if n := w.sessions(who); n != 0 {
					rt.Fatalf("invariant 6: %d sessions of %s are left after a new password", n, who)
				}
			},
			"time": func(rt *rapid.T) {
				w.move(time.Duration(rapid.IntRange(1, 20).Draw(rt, "minutes")) * time.Minute)
			},
		})
	})
}
