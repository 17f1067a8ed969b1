package auth_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// The calls that each step makes, in order: what a step costs, and that it costs the same for everybody who has proven nothing
// (invariant 3). A step that needs one more must say so here.
func TestCallsOfEachStep(t *testing.T) {
	w := memory(t)
	known := home
	known.Device = w.signIn("ann@acme.example", home).Device
	w.spy.take()

	identify := []string{"Charge", "DomainRule", "CreateFlow"}
	wrong := []string{"Flow", "DomainRule", "UserByEmail", "Charge", "Credential"}
	wrongKnown := []string{"Flow", "DomainRule", "UserByEmail", "Device", "Charge", "Credential"}
	right := []string{"Flow", "DomainRule", "UserByEmail", "Device", "Charge", "Credential", "TOTP", "Memberships", "SwapFlow", "ClearLimits"}
	finish := []string{"Flow", "UserByID", "Credential", "TOTP", "Device", "Memberships", "DomainRule", "TakeFlow", "GrantDevice", "CreateSession", "Credential"}
	for _, tt := range []struct {
		step string
		most int
		want []string
	}{{"identify", 4, identify}, {"wrong password", 7, wrongKnown}, {"right password", 10, right}, {"Finish", 11, finish}} {
		if len(tt.want) > tt.most {
			t.Errorf("%s makes %d calls, want at most %d", tt.step, len(tt.want), tt.most)
		}
	}
	check := func(step string, want []string) {
		t.Helper()
		if got := w.spy.take(); !slices.Equal(got, want) {
			t.Errorf("%s calls\n %v, want\n %v", step, got, want)
		}
	}

	for _, email := range []string{"ann@acme.example", "nobody@acme.example", "nopass@acme.example", "sam@acme.example", "gone@acme.example", "x@elsewhere.example"} {
		s := w.identify(email, home)
		check("A-139 identify "+email, identify)
		ref := auth.Ref{Token: s.Token}
		w.password(&ref, "wrong", home)
		check("R4 wrong password "+email, wrong)
		w.password(&ref, "wrong", known)
		check("R4 wrong password, browser with a device cookie, "+email, wrongKnown)
	}
	ref := auth.Ref{Token: w.identify("ann@acme.example", known).Token}
	w.spy.take()
	if s, err := w.password(&ref, secret, known); err != nil || s.Stage != auth.StageReady {
		t.Fatalf("Password = %v, %v, want ready", s.Stage, err)
	}
	check("right password", right)
	done, _, err := w.m.Finish(t.Context(), ref, known)
	if err != nil {
		t.Fatal(err)
	}
	check("Finish", finish)
	if _, err := lookup(w.m, done.Token); err != nil {
		t.Fatal(err)
	}
	check("session check", []string{"Session"})
}

// an unknown address, a person without a password and a wrong password cost one hash each. Work is measured as memory,
// which a busy machine does not blur: one hash of tests takes 8 KiB and more, everything else of a guess is the same.
func TestSameWorkForStrangers(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.Record = nil })
	cost := func(name string) uint64 {
		const guesses = 50
		refs := make([]auth.Ref, guesses)
		clients := make([]auth.Client, guesses)
		for i := range refs {
			clients[i] = from(fmt.Sprintf("198.51.%d.1", i))
			refs[i].Token = w.identify(name+"@acme.example", clients[i]).Token
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range refs {
			if s, err := w.m.Password(t.Context(), refs[i], "wrong", clients[i]); err != nil || i < 10 && s.Reason != auth.ReasonInvalidCredentials {
				t.Fatalf("guess %d at %s: %s, %v", i, name, s.Reason, err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / guesses
	}
	cost("warm-up") // whatever is made once
	known := cost("ann")
	for _, name := range []string{"nobody", "nopass", "gone"} {
		if got := cost(name); max(got, known)-min(got, known) > 1024 {
			t.Errorf("A-136 a guess at %s takes %d bytes of work, one at ann %d, want the same", name, got, known)
		}
	}
}

// what strangers are answered says nothing about the person.
func TestOneAnswerForStrangers(t *testing.T) {
	for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
		w := memory(t)
		if err := w.people.SetDomainSSO(t.Context(), "acme.example", mode); err != nil {
			t.Fatal(err)
		}
		var first *auth.Step
		for _, name := range []string{"ann", "nobody", "nopass", "sam", "gone", "two"} {
			s := w.identify(name+"@acme.example", home)
			if _, ok := token.Lookup(token.Flow, s.Token); !ok {
				t.Fatalf("identify %s: no flow", name)
			}
			after, err := w.m.Password(t.Context(), auth.Ref{Token: s.Token}, "wrong", from("198.51.100.7"))
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []*auth.Step{&s, &after} {
				step.Token, step.Flow.ID, step.Flow.Email, step.Flow.Address = "", "", "", ""
			}
			if mode != auth.SSOEnforced && after.Reason != auth.ReasonInvalidCredentials || mode == auth.SSOEnforced && after.Reason != auth.ReasonSSORequired {
				t.Errorf("A-135 domain %q, %s: reason %q", mode, name, after.Reason)
			}
			if first == nil {
				first = &after
			}
			if !equalSteps(after, *first) {
				t.Errorf("A-135 invariant 3: domain %q: the answer for %s is %+v, want %+v as for ann", mode, name, after, *first)
			}
		}
	}
}

func equalSteps(a, b auth.Step) bool {
	return a.Stage == b.Stage && a.Reason == b.Reason && a.RetryAfter == b.RetryAfter && slices.Equal(a.Offer, b.Offer) &&
		slices.Equal(a.Trace, b.Trace) && a.Flow.Version == b.Flow.Version && a.Flow.UserID == b.Flow.UserID &&
		a.Flow.ExpiresAt.Equal(b.Flow.ExpiresAt) && len(a.Flow.Proofs) == len(b.Flow.Proofs)
}
