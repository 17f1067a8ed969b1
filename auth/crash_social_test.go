package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// Every way by a social account is cut before and after each call. Wherever it stops nobody is in who was not, no account is linked with
// what somebody else had set up, the last way in is not taken away, and the same thing, done again, ends well.
func TestCrashPointsOfSocialAccounts(t *testing.T) {
	skipShort(t)
	type tale struct {
		*world
		c auth.Client
		a auth.Arrival
	}
	mailedCode := func(w *tale) string {
		for _, l := range w.mail.take() {
			if l.Kind == mail.SocialCode || l.Kind == mail.VerifyLogin {
				return l.Code
			}
		}
		return "000000"
	}
	// signIn is the way from the provider to the session, through everything that is asked for.
	signIn := func(w *tale) (auth.Done, error) {
		ctx := w.t.Context()
		d, err := w.m.DepartSocial(ctx, auth.Ref{}, auth.Opening{}, w.a.Provider, w.c)
		if err != nil {
			return auth.Done{}, err
		}
		ref := auth.Ref{Token: d.Token}
		ticket, err := w.m.Arrive(ctx, d.Handle, w.a)
		if err != nil {
			return auth.Done{}, err
		}
		s, err := w.m.Arrived(ctx, ref, ticket, false, w.c)
		for range 8 {
			if err != nil {
				return auth.Done{}, err
			}
			if s.Token != "" {
				ref.Token = s.Token
			}
			switch {
			case s.Stage == auth.StageVerify && slices.Contains(s.Offer, auth.MethodEmailCode):
				s, err = w.m.Code(ctx, ref, mailedCode(w), w.c)
			case s.Stage == auth.StageAuthenticate:
				s, err = w.m.Password(ctx, ref, secret, w.c)
			case s.Stage == auth.StageLink:
				s, err = w.m.Link(ctx, ref, true, w.c)
			case s.Stage == auth.StageReady:
				done, _, err := w.m.Finish(ctx, ref, w.c)
				return done, err
			default:
				return auth.Done{}, fmt.Errorf("stands at %s %s", s.Stage, s.Reason)
			}
		}
		return auth.Done{}, fmt.Errorf("stands at %s %s", s.Stage, s.Reason)
	}
	// connect is the way from my account to the provider and back.
	connect := func(w *tale) (auth.Done, error) {
		ctx := w.t.Context()
		s, err := w.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionConnect, Provider: w.a.Provider}, w.c)
		if err != nil {
			return auth.Done{}, err
		}
		ref := auth.Ref{Token: s.Token}
		d, err := w.m.DepartSocial(ctx, ref, auth.Opening{}, w.a.Provider, w.c)
		if err != nil {
			return auth.Done{}, err
		}
		ticket, err := w.m.Arrive(ctx, d.Handle, w.a)
		if err != nil {
			return auth.Done{}, err
		}
		if s, err = w.m.Arrived(ctx, ref, ticket, false, w.c); err != nil {
			return auth.Done{}, err
		}
		if s.Token != "" {
			ref.Token = s.Token
		}
		if s.Stage != auth.StageReady {
			return auth.Done{}, fmt.Errorf("stands at %s %s", s.Stage, s.Reason)
		}
		done, _, err := w.m.Finish(ctx, ref, w.c)
		return done, err
	}
	disconnect := func(w *tale) (auth.Done, error) {
		ctx := w.t.Context()
		s, err := lookup(w.m, w.c.Session)
		if err != nil {
			return auth.Done{}, err
		}
		links, err := w.m.Connected(ctx, s.UserID)
		if err != nil {
			return auth.Done{}, err
		}
		if len(links) == 0 {
			return auth.Done{Token: "nothing to do", Session: s}, nil
		}
		why, err := w.m.Disconnect(ctx, s, links[0].ID, providers, w.c)
		if err == nil && why != "" {
			err = fmt.Errorf("refused: %s", why)
		}
		if err != nil {
			return auth.Done{}, err
		}
		return auth.Done{Token: "done", Session: s}, nil
	}
	for name, tt := range map[string]struct {
		prepare func(w *tale)
		whole   func(w *tale) (auth.Done, error)
		links   int // in the end
	}{
		"somebody is recognized":               {func(w *tale) { w.a = google("ann"); w.connected("ann", w.a, office) }, signIn, 1},
		"somebody new is added":                {func(w *tale) { w.a = google("new") }, signIn, 1},
		"somebody new proves the address":      {func(w *tale) { w.a = facebook("new") }, signIn, 1},
		"an unverified account is taken over":  {func(w *tale) { w.a = google("una"); w.unverified("una") }, signIn, 1},
		"the owner of the address links":       {func(w *tale) { w.a = google("ann") }, signIn, 1},
		"the owner of a claimed address links": {func(w *tale) { w.a = facebook("ann") }, signIn, 1},
		"whoever is signed in connects":        {func(w *tale) { w.a = google("ann"); w.c, _ = w.known("ann@acme.example", home) }, connect, 1},
		"whoever is signed in disconnects":     {func(w *tale) { w.a = google("ann"); w.c, _ = w.connected("ann", w.a, home) }, disconnect, 0},
	} {
		begun := func(t *testing.T) *tale {
			w := &tale{world: mailed(t, func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn }), c: home}
			tt.prepare(w)
			w.move(time.Minute)
			w.quiet()
			w.spy.take()
			return w
		}
		w := begun(t)
		if done, err := tt.whole(w); err != nil || done.Token == "" {
			t.Fatalf("%s: %+v, %v", name, done, err)
		}
		calls := w.spy.take()
		w.quiet()
		if len(calls) < 8 {
			t.Errorf("%s makes %d calls: too few to be true", name, len(calls))
		}
		for n, call := range calls {
			for _, after := range []bool{false, true} {
				if after && reads(call) { // as before the next
					continue
				}
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
					done, err := tt.whole(w)
					w.spy.before, w.spy.after = nil, nil
					if err == nil || done.Token != "" {
						t.Fatal("it came through the crash")
					}
					if !errors.Is(err, errCrash) && !strings.Contains(err.Error(), errCrash.Error()) {
						t.Errorf("got %v, want the crash", err)
					}
					if u, err := w.people.UserByEmail(t.Context(), w.a.Email); err == nil {
						had, err := w.m.HasPassword(t.Context(), u.ID)
						w.must(err)
						if links := w.links(u.ID); len(links) > 0 && (u.Unverified || u.ID == "una" && had) {
							t.Errorf("A-115 an account that nobody has proven is linked: %+v, password %v", u, had)
						}
					}
					w.move(time.Minute)
					w.quiet()
					if w.c.Session != "" && !w.live(w.c.Session) {
						w.c, _ = w.known("ann@acme.example", home) // the new token was told to nobody
					}
					if done, err = tt.whole(w); err != nil || done.Token == "" {
						t.Fatalf("the same again: %v", err)
					}
					u, err := w.people.UserByEmail(t.Context(), w.a.Email)
					if err != nil || u.ID != done.Session.UserID {
						t.Errorf("again: %+v, %v, want the session's person", u, err)
					}
					if links := w.links(u.ID); len(links) != tt.links {
						t.Errorf("again: links %q, want %d", links, tt.links)
					}
					w.quiet()
				})
			}
		}
	}
}

// reads tells whether a call changes nothing.
func reads(call string) bool {
	return slices.Contains([]string{
		"Flow", "UserByID", "UserByEmail", "DomainRule", "Memberships", "Credential", "TOTP", "Device", "Session", "IdentityBy", "Identities", "Recovery",
	}, call)
}
