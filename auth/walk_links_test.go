package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// TestWalkOfLinks takes random walks of a thief who knows ann's password and reads mailboxes of his own, and of ann, who reads hers.
// Whatever he does, nothing that is mailed to her serves him; while her password holds he is out; and what he has done to her address
// she can take back, to be alone in the account again.
func TestWalkOfLinks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff })
		ctx := t.Context()
		var (
			known   = secret                   // the password, as the thief knows it; empty: he does not
			tabs    []auth.Client              // his, signed in or not any more
			his     = map[mail.Kind][]string{} // links in his letters
			hers    = map[mail.Kind][]string{} // in hers
			moved   time.Time                  // when the address first left her
			news    int
			resetAt string // hers, once she has set one
		)
		read := func() {
			w.move(10 * time.Second)
			for _, m := range w.mail.take() {
				tok := linkToken(m)
				if tok == "" {
					continue
				}
				if strings.HasPrefix(m.To, "thief") {
					his[m.Kind] = append(his[m.Kind], tok)
				} else {
					hers[m.Kind] = append(hers[m.Kind], tok)
				}
			}
		}
		tab := func(rt *rapid.T) *auth.Client {
			if len(tabs) == 0 {
				rt.Skip("he has no session")
			}
			return &tabs[rapid.IntRange(0, len(tabs)-1).Draw(rt, "tab")]
		}
		newest := func(rt *rapid.T, of map[mail.Kind][]string, kind mail.Kind) string {
			if len(of[kind]) == 0 {
				rt.Skip("no such letter")
			}
			n := len(of[kind])
			return of[kind][n-1-rapid.IntRange(0, min(2, n-1)).Draw(rt, "older")]
		}
		fine := func(err error) {
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) && !errors.Is(err, auth.ErrConflict) && !errors.Is(err, session.ErrNotFound) {
				rt.Fatal(err)
			}
		}
		follow := func(c *auth.Client, done auth.Done) {
			if done.Token != "" {
				*c = with(*c, done)
			}
		}
		out := func(what string) {
			for _, c := range tabs {
				if w.live(c.Session) {
					rt.Fatalf("invariant 6: after %s the thief is in", what)
				}
			}
		}
		enter := func(typed string) (auth.Done, error) {
			s, err := w.m.Identify(ctx, auth.Opening{Email: w.address("ann")}, office)
			if err != nil || s.Token == "" {
				return auth.Done{}, err
			}
			ref := auth.Ref{Token: s.Token}
			if s, err = w.password(&ref, typed, office); err != nil || s.Stage != auth.StageReady {
				return auth.Done{}, err
			}
			done, _, err := w.m.Finish(ctx, ref, office)
			return done, err
		}
		reset := func(link string) (string, bool) {
			s, err := w.m.OpenReset(ctx, link, "", home)
			fine(err)
			if s.Token == "" || s.Stage != auth.StageNewPassword {
				return "", false
			}
			news++
			typed := fmt.Sprintf("%s %d", fresh, news)
			_, done, err := w.m.NewPassword(ctx, auth.Ref{Token: s.Token}, auth.PasswordChoice{Password: typed}, home)
			fine(err)
			return typed, done
		}
		undo := func(link string) bool {
			a, err := w.m.UndoEmail(ctx, link, home)
			fine(err)
			if err != nil || a.Reason != "" {
				return false
			}
			if w.address("ann") != annsOwn {
				rt.Fatalf("R69 undone, and the address is %q", w.address("ann"))
			}
			out("the way back")
			moved = time.Time{}
			return true
		}
		note := func() {
			if now := w.address("ann"); now == annsOwn {
				moved = time.Time{}
			} else if moved.IsZero() {
				moved = w.clock()
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"he signs in": func(rt *rapid.T) {
				done, err := enter(known)
				fine(err)
				if done.Token == "" {
					return
				}
				if known == "" || resetAt != "" && known != resetAt {
					rt.Fatalf("the thief is in without the password")
				}
				tabs = append(tabs, with(office, done))
			},
			"he wants another address": func(rt *rapid.T) {
				c := tab(rt)
				if s, err := lookup(w.m, c.Session); err == nil {
					news++
					_, err := w.m.AskEmail(ctx, s, fmt.Sprintf("thief%d@elsewhere.example", news), *c)
					fine(err)
				}
				if rapid.Bool().Draw(rt, "and reads his mail, and confirms it at once") {
					return
				}
				read()
				done, _, err := w.m.ConfirmEmail(ctx, newest(rt, his, mail.EmailConfirm), *c)
				fine(err)
				follow(c, done)
				note()
			},
			"he confirms an address": func(rt *rapid.T) {
				c := tab(rt)
				done, _, err := w.m.ConfirmEmail(ctx, newest(rt, his, mail.EmailConfirm), *c)
				fine(err)
				follow(c, done)
				note()
			},
			"he wants a recovery address": func(rt *rapid.T) {
				c := tab(rt)
				if s, err := lookup(w.m, c.Session); err == nil {
					_, err := w.m.AskRecoveryEmail(ctx, s, "thief@elsewhere.example", *c)
					fine(err)
				}
			},
			"he confirms a recovery address": func(rt *rapid.T) {
				c := tab(rt)
				done, _, err := w.m.ConfirmRecoveryEmail(ctx, newest(rt, his, mail.RecoveryConfirm), *c)
				fine(err)
				follow(c, done)
			},
			"he changes the password": func(rt *rapid.T) {
				c := tab(rt)
				if s, err := lookup(w.m, c.Session); err == nil && known != "" {
					news++
					typed := fmt.Sprintf("%s %d", fresh, news)
					done, a, err := w.m.ChangePassword(ctx, s, known, typed, *c)
					fine(err)
					follow(c, done)
					if err == nil && a.Reason == "" {
						known, resetAt = typed, ""
					}
				}
			},
			"he forgets": func(rt *rapid.T) {
				_, err := w.m.Forgot(ctx, w.address("ann"), "", office)
				fine(err)
			},
			"he resets": func(rt *rapid.T) {
				if typed, done := reset(newest(rt, his, mail.Reset)); done {
					known, resetAt = typed, ""
				}
			},
			"he tries her way back": func(rt *rapid.T) {
				for _, link := range his[mail.EmailChanged] {
					if back, why, err := w.m.CheckUndo(ctx, link); err == nil && why == "" && back == annsOwn {
						rt.Fatal("R69 the way back to her address is mailed to the thief")
					}
				}
			},
			"she resets": func(rt *rapid.T) {
				if typed, done := reset(newest(rt, hers, mail.Reset)); done {
					known, resetAt = "", typed
					out("her new password")
				}
			},
			"she takes the change back": func(rt *rapid.T) { undo(newest(rt, hers, mail.EmailChanged)) },
			"letters":                   func(rt *rapid.T) { read() },
			"time": func(rt *rapid.T) {
				w.move(time.Duration(rapid.IntRange(1, 300).Draw(rt, "minutes")) * time.Minute)
			},
		})
		read()
		// Within seven days of the first change she gets everything back by herself.
		if !moved.IsZero() && w.clock().Sub(moved) < 7*24*time.Hour-time.Hour {
			links := slices.Clone(hers[mail.EmailChanged])
			slices.Reverse(links)
			if !slices.ContainsFunc(links, undo) {
				rt.Fatalf("R69 the address is %q since %v, and none of her %d letters takes that back", w.address("ann"), w.clock().Sub(moved), len(links))
			}
			w.move(10 * time.Second)
			i := -1
			list := w.mail.take()
			for n, m := range list {
				if m.Kind == mail.Reset && m.To == annsOwn {
					i = n
				}
			}
			if i < 0 {
				rt.Fatalf("R69 no reset is mailed with it: %v", letterKinds(list))
			}
			typed, done := reset(linkToken(list[i]))
			if !done {
				rt.Fatal("R69 its link does not count")
			}
			out("her reset")
			w.move(time.Hour)
			if d, err := enter(known); err == nil && d.Token != "" {
				rt.Fatal("R69 the thief's password opens the account")
			}
			if d, err := enter(typed); err != nil || d.Token == "" {
				rt.Fatalf("R69 hers does not: %v", err)
			}
			if at, pending, err := w.m.RecoveryEmail(ctx, "ann"); at != "" || pending != "" || err != nil {
				rt.Fatalf("R69 the thief's recovery address %q is left, %q waits, %v", at, pending, err)
			}
		}
		w.move(8 * 24 * time.Hour)
		w.mail.take()
	})
}
