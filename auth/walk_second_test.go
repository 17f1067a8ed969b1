package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"pgregory.net/rapid"
)

// TestWalkOfSecondSteps takes random walks through sign-ins of one person whose second step comes, changes and goes. The model is
// an epoch, which every change begins anew, and what each tab has proven in it.
func TestWalkOfSecondSteps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := mailed(t, func(c *auth.Config) {
			c.Preset.Policy.DeviceTrust = auth.TrustForbid
			c.Preset.Policy.Verification = auth.VerifyOff
		})
		ctx := t.Context()
		type tab struct {
			*walker
			first, second int // the epoch in which it was proven
		}
		var (
			tabs     []*tab
			epoch    = 1
			phone    *phone // nil: she has no app
			codes    []string
			required bool
			live     []string // sessions that must work still
		)
		change := func(keep ...string) {
			epoch++
			for _, tok := range live {
				if w.live(tok) && (len(keep) == 0 || tok != keep[0]) {
					rt.Fatalf("invariant 6: a session from before the change lives")
				}
			}
			live = keep
		}
		pick := func(rt *rapid.T) *tab {
			if len(tabs) == 0 {
				rt.Skip("no flow yet")
			}
			return tabs[rapid.IntRange(0, len(tabs)-1).Draw(rt, "tab")]
		}
		// took is a step: whatever it answers, it is never ready without what must be proven.
		took := func(tb *tab, s auth.Step, err error) {
			if errors.Is(err, auth.ErrFlowGone) || errors.Is(err, auth.ErrFlowChanged) {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			tb.try(s, nil)
			if s.Stage == auth.StageReady && (tb.first != epoch || (required || phone != nil) && tb.second != epoch) {
				rt.Fatalf("invariant 1: ready with first %d second %d in epoch %d, required %v, app %v", tb.first, tb.second, epoch, required, phone != nil)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"password": func(rt *rapid.T) {
				tb := &tab{walker: &walker{world: w, c: home}}
				tb.ref.Token = w.identify("ann@acme.example", home).Token
				s, err := w.m.Password(ctx, tb.ref, secret, home)
				if err == nil && s.Reason == "" {
					tb.first = epoch
				}
				took(tb, s, err)
				tabs = append(tabs, tb)
			},
			"app": func(rt *rapid.T) {
				tb := pick(rt)
				if phone == nil {
					rt.Skip("no app")
				}
				before := tb.step.Flow.Version
				s, err := w.m.TOTP(ctx, tb.ref, phone.next(), false, home)
				if err == nil && s.Reason == "" && s.Flow.Version > before {
					tb.second = epoch
				}
				took(tb, s, err)
			},
			"recovery code": func(rt *rapid.T) {
				tb := pick(rt)
				if len(codes) == 0 {
					rt.Skip("no codes")
				}
				s, err := w.m.RecoveryCode(ctx, tb.ref, codes[0], home)
				if err == nil && s.Reason == "" && s.Token != "" {
					tb.second, codes = epoch, codes[1:]
				}
				took(tb, s, err)
			},
			"another phone": func(rt *rapid.T) {
				tb := pick(rt)
				s, err := w.m.NewPhone(ctx, tb.ref, home)
				took(tb, s, err)
			},
			"set up": func(rt *rapid.T) {
				tb := pick(rt)
				s, err := w.m.EnrollBegin(ctx, tb.ref, home)
				took(tb, s, err)
				for _, m := range w.mail.take() {
					if m.Kind == mail.EnrollEmail {
						s, err = w.m.Code(ctx, tb.ref, m.Code, home)
						took(tb, s, err)
					}
				}
				s, err = w.m.EnrollApp(ctx, tb.ref, home)
				took(tb, s, err)
				if err != nil || tb.step.Dialog != 4 {
					return
				}
				fresh := w.scan(tb.step.App.Secret)
				s, err = w.m.EnrollConfirm(ctx, tb.ref, fresh.code(), home)
				if err == nil && s.Flow.Setup.DoneAt.Equal(w.clock()) {
					if tb.first != epoch || phone != nil && tb.second != epoch {
						rt.Fatalf("A-208 an app was set up with first %d second %d in epoch %d, app before: %v", tb.first, tb.second, epoch, phone != nil)
					}
					change()
					phone, codes, tb.first, tb.second = fresh, s.RecoveryCodes, epoch, 0
				}
				took(tb, s, err)
			},
			"finish": func(rt *rapid.T) {
				tb := pick(rt)
				done, s, err := w.m.Finish(ctx, tb.ref, home)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) {
					rt.Fatal(err)
				}
				if done.Token == "" {
					return
				}
				if tb.first != epoch || (required || phone != nil) && tb.second != epoch {
					rt.Fatalf("invariant 1: a session with first %d second %d in epoch %d (%s)", tb.first, tb.second, epoch, s.Trace)
				}
				live = append(live, done.Token)
			},
			"turn off": func(rt *rapid.T) {
				if len(live) == 0 || !w.live(live[len(live)-1]) {
					rt.Skip("nobody is in")
				}
				tok := live[len(live)-1]
				s, err := lookup(w.m, tok)
				w.must(err)
				why, err := w.m.TurnOffTwoStep(ctx, s, home)
				w.must(err)
				switch {
				case why == "" && (required || phone == nil):
					rt.Fatalf("A-211 turned off with required %v, app %v", required, phone != nil)
				case why == "":
					change(tok)
					phone, codes = nil, nil
				}
			},
			"administrator": func(rt *rapid.T) {
				why, err := w.m.ResetTwoStep(ctx, "ann")
				w.must(err)
				if (why == "") != (phone != nil) {
					rt.Fatalf("R79 ResetTwoStep = %q with app %v", why, phone != nil)
				}
				if why == "" {
					change()
					phone, codes = nil, nil
				}
			},
			"policy": func(rt *rapid.T) {
				required = rapid.Bool().Draw(rt, "required")
				p := auth.Policy{}
				if required {
					p.TwoStep = auth.TwoStepRequired
				}
				w.must(w.people.SetAccountPolicy(ctx, "acme", p))
			},
			"new password": func(rt *rapid.T) {
				w.must(w.m.SetPassword(ctx, "ann", "another long passphrase"))
				w.must(w.m.SetPassword(ctx, "ann", secret))
				change()
			},
			"time": func(rt *rapid.T) {
				w.move(time.Duration(rapid.IntRange(1, 20).Draw(rt, "minutes")) * time.Minute)
			},
		})
		w.move(time.Minute)
		w.mail.take()
	})
}
