package auth_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
)

var errCrash = errors.New("the machine stops here")

// Every flow is cut before and after each call to a store. Wherever it stops, nobody is signed in who was not answered, and the
// person can do it again.
func TestCrashPoints(t *testing.T) {
	skipShort(t)
	flows := map[string]func(w *world) (string, error){
		"sign in":          func(w *world) (string, error) { return attempt(w, "ann@acme.example", secret) },
		"choose a company": func(w *world) (string, error) { return attempt(w, "two@acme.example", secret) },
		"set a password": func(w *world) (string, error) {
			return "", w.m.SetPassword(w.t.Context(), "ann", "another long passphrase")
		},
	}
	flows["end a person"] = func(w *world) (string, error) { return "", w.m.EndUser(w.t.Context(), "ann") }
	for name, flow := range flows {
		w := memory(t)
		if _, err := flow(w); err != nil {
			t.Fatalf("%s without a crash: %v", name, err)
		}
		calls := w.spy.take()
		if len(calls) < 4 {
			t.Fatalf("%s makes %d calls: too few to be true", name, len(calls))
		}
		for n, call := range calls {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d %s done=%v", name, n+1, call, done), func(t *testing.T) {
					w := memory(t)
					victim := w.signIn("ann@acme.example", from("203.0.113.5"))
					w.spy.take()
					cut := func(i int, _ string) error {
						if i == n+1 {
							return errCrash
						}
						return nil
					}
					if done {
						w.spy.after = cut
					} else {
						w.spy.before = cut
					}
					tok, err := flow(w)
					w.spy.before, w.spy.after = nil, nil
					if !errors.Is(err, errCrash) || tok != "" {
						t.Fatalf("got %q, %v, want the crash and no session", tok, err)
					}
					again(w, name, victim.Token)
				})
			}
		}
	}
}

// attempt signs in with one password, and answers the session's token.
func attempt(w *world, email, typed string) (string, error) {
	s, err := w.m.Identify(w.t.Context(), auth.Opening{Email: email}, home)
	if err != nil {
		return "", err
	}
	ref := auth.Ref{Token: s.Token}
	if s, err = w.password(&ref, typed, home); err != nil {
		return "", err
	}
	if s.Stage == auth.StageAccount {
		if s, err = w.m.ChooseAccount(w.t.Context(), ref, "umbra", home); err != nil {
			return "", err
		}
	}
	done, _, err := w.m.Finish(w.t.Context(), ref, home)
	return done.Token, err
}

// again repeats what was cut, and checks what must hold afterwards.
func again(w *world, flow, victim string) {
	w.t.Helper()
	w.spy.take()
	if flow == "end a person" {
		if err := w.m.EndUser(w.t.Context(), "ann"); err != nil || w.live(victim) {
			w.t.Errorf("again: %v, want the session ended", err)
		}
		return
	}
	if flow != "set a password" {
		if tok, err := attempt(w, map[string]string{"sign in": "ann@acme.example", "choose a company": "two@acme.example"}[flow], secret); err != nil || !w.live(tok) {
			w.t.Errorf("again: %v, want a session", err)
		}
		return
	}
	// Until the new password stands, the old one may still work; never both, and never a session from before with the new one.
	old, err := attempt(w, "ann@acme.example", secret)
	if err != nil {
		w.t.Fatal(err)
	}
	fresh, err := attempt(w, "ann@acme.example", "another long passphrase")
	if err != nil {
		w.t.Fatal(err)
	}
	if (old == "") == (fresh == "") {
		w.t.Errorf("the old password opens %v, the new one %v, want exactly one", old != "", fresh != "")
	}
	if fresh != "" && w.live(victim) {
		w.t.Error("the password was changed and a session from before lives on")
	}
	typed := "yet another long passphrase"
	if err := w.m.SetPassword(w.t.Context(), "ann", typed); err != nil {
		w.t.Errorf("again: %v", err)
	}
	for _, tok := range []string{victim, old, fresh} {
		if tok != "" && w.live(tok) {
			w.t.Error("again: a session from before lives on")
		}
	}
	if tok, err := attempt(w, "ann@acme.example", typed); err != nil || tok == "" {
		w.t.Errorf("again: the new password opens nothing: %v", err)
	}
}
