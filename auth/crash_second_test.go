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

// A stage of a play is everything that a story needs before it may be cut.
type play struct {
	*world
	c      auth.Client // ann's browser, signed in
	other  auth.Client // another of hers, signed in
	phone  *phone      // nil: she has no app
	codes  []string
	fresh  *phone // the phone that the story itself has scanned
	letter string // the code of the newest letter
}

// try takes a step and keeps what comes of it, also when it crashes half-way.
func (k *walker) try(s auth.Step, err error) error {
	if s.Token != "" {
		k.ref.Token = s.Token
	}
	k.step = s
	return err
}

// enter signs ann in however she must, and answers the session's token; with the crash it answers none.
func (p *play) enter() (string, error) {
	ctx := p.t.Context()
	s, err := p.m.Identify(ctx, auth.Opening{Email: "ann@acme.example"}, p.c)
	if err != nil {
		return "", err
	}
	k := &walker{world: p.world, c: p.c}
	k.ref.Token = s.Token
	if err := k.try(p.m.Password(ctx, k.ref, secret, p.c)); err != nil {
		return "", err
	}
	for range 12 {
		switch k.step.Stage {
		case auth.StageVerify, auth.StageEnroll:
			err = p.answer(k)
		case auth.StageReady:
			done, _, err := p.m.Finish(ctx, k.ref, p.c)
			return done.Token, err
		default:
			return "", fmt.Errorf("stands at %s %s", k.step.Stage, k.step.Reason)
		}
		if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("goes round in circles at %s %s", k.step.Stage, k.step.Reason)
}

// answer does what a stage asks for.
func (p *play) answer(k *walker) error {
	ctx := p.t.Context()
	switch {
	case slices.Contains(k.step.Offer, auth.MethodEmailCode):
		if k.step.Reason != "" {
			return fmt.Errorf("the mailed code: %s", k.step.Reason)
		}
		return k.try(p.m.Code(ctx, k.ref, p.newest(), p.c))
	case slices.Contains(k.step.Offer, auth.MethodTOTP):
		phone := p.phone
		if p.fresh != nil && (k.step.Reason == "" || phone == nil) {
			phone = p.fresh
		} // else it was cut before it counted, and the old one works
		return k.try(p.m.TOTP(ctx, k.ref, phone.next(), false, p.c))
	case k.step.Dialog == 1:
		return k.try(p.m.EnrollBegin(ctx, k.ref, p.c))
	case k.step.Dialog == 3:
		return k.try(p.m.EnrollApp(ctx, k.ref, p.c))
	}
	p.fresh = p.scan(k.step.App.Secret)
	return k.try(p.m.EnrollConfirm(ctx, k.ref, p.fresh.code(), p.c))
}

// newest is the code of the newest letter.
func (p *play) newest() string {
	for _, m := range p.mail.take() {
		if m.Code != "" {
			p.letter = m.Code
		}
	}
	return p.letter
}

// Every flow of this kind is cut before and after each call to a store. Wherever it stops nobody is in who was not answered, what
// must end has ended where the change stands, its notice is on the way, and it can be done again.
func TestCrashPointsOfSecondSteps(t *testing.T) {
	skipShort(t)
	type story struct {
		prepare func(p *play)
		run     func(p *play) (token string, err error)
		after   func(p *play) // what must hold after the crash
	}
	enrolled := func(p *play) {
		p.phone, p.codes, p.c = p.enroll("ann@acme.example", p.c)
		other := p.begin("ann@acme.example", office).totp(p.phone.next()).finish()
		p.other = with(office, other)
		p.mail.notices(mail.NewDevice)
		p.move(time.Minute)
	}
	on := func(p *play) bool {
		s, err := p.m.TwoStep(p.t.Context(), "ann")
		p.must(err)
		return s.On()
	}
	told := func(p *play, kind mail.Kind) bool {
		p.move(10 * time.Second)
		return strings.Contains(letterKinds(p.mail.take()), string(kind))
	}
	stories := map[string]story{
		"mailed code": {
			prepare: func(p *play) { p.c = from("198.51.100.50") },
			run:     func(p *play) (string, error) { return p.enter() },
		},
		"app": {prepare: enrolled, run: func(p *play) (string, error) { return p.enter() }},
		"recovery code": {prepare: enrolled, run: func(p *play) (string, error) {
			ctx := p.t.Context()
			s, err := p.m.Identify(ctx, auth.Opening{Email: "ann@acme.example"}, p.c)
			k := &walker{world: p.world, c: p.c}
			k.ref.Token = s.Token
			if err == nil {
				err = k.try(p.m.Password(ctx, k.ref, secret, p.c))
			}
			if err != nil {
				return "", err
			}
			code := p.codes[0]
			p.codes = p.codes[1:]
			if err := k.try(p.m.RecoveryCode(ctx, k.ref, code, p.c)); err != nil {
				return "", err
			}
			done, _, err := p.m.Finish(ctx, k.ref, p.c)
			return done.Token, err
		}, after: func(p *play) {
			if s, _ := p.m.TwoStep(p.t.Context(), "ann"); s.CodesLeft == 9 && !told(p, mail.RecoveryUsed) {
				p.t.Error("a recovery code was used and nobody is told")
			}
		}},
		"forced set-up": {
			prepare: func(p *play) { p.require(auth.Policy{}) },
			run:     func(p *play) (string, error) { return p.enter() },
			after: func(p *play) {
				if on(p) && p.live(p.other.Session) {
					p.t.Error("invariant 6: two-step is on and a session from before lives")
				}
				if on(p) && !told(p, mail.TwoStepOn) {
					p.t.Error("two-step is on and nobody is told")
				}
			},
		},
		"turning off": {prepare: enrolled, run: func(p *play) (string, error) {
			s, err := lookup(p.m, p.c.Session)
			if err != nil {
				return "", err
			}
			s.AuthTime = p.clock()
			_, err = p.m.TurnOffTwoStep(p.t.Context(), s, p.c)
			return "", err
		}, after: func(p *play) {
			if !on(p) && p.live(p.other.Session) {
				p.t.Error("invariant 6: two-step is off and another session from before lives")
			}
			if !on(p) && !told(p, mail.TwoStepOff) {
				p.t.Error("two-step is off and nobody is told")
			}
		}},
		"step-up and another phone": {prepare: enrolled, run: func(p *play) (string, error) {
			ctx := p.t.Context()
			k := &walker{world: p.world, c: p.c}
			if err := k.try(p.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionNewPhone}, p.c)); err != nil {
				return "", err
			}
			for k.step.Stage != auth.StageReady {
				if err := p.answer(k); err != nil {
					return "", err
				}
			}
			done, _, err := p.m.Finish(ctx, k.ref, p.c)
			return done.Token, err
		}},
		"locking": {run: func(p *play) (string, error) { return "", p.m.Lock(p.t.Context(), "ann") }, after: func(p *play) {
			p.must(p.m.Lock(p.t.Context(), "ann"))
			p.begin("ann@acme.example", p.c).at(auth.StageRefused, auth.ReasonAccountLocked)
			p.must(p.m.SetPassword(p.t.Context(), "ann", "another long passphrase"))
			p.must(p.m.SetPassword(p.t.Context(), "ann", secret))
		}},
		"reporting a device": {run: func(p *play) (string, error) {
			s, err := lookup(p.m, p.c.Session)
			if err != nil {
				return "", err
			}
			o, err := lookup(p.m, p.other.Session)
			if err != nil {
				return "", err
			}
			_, err = p.m.ReportDevice(p.t.Context(), s, o.DeviceID, p.c)
			return "", err
		}, after: func(p *play) {
			p.must(p.m.SetPassword(p.t.Context(), "ann", "another long passphrase"))
			p.must(p.m.SetPassword(p.t.Context(), "ann", secret))
		}},
	}
	stage := func(t *testing.T, s story) *play {
		p := &play{world: mailed(t)}
		p.c, _ = p.known("ann@acme.example", home)
		p.other, _ = p.known("ann@acme.example", office)
		if s.prepare != nil {
			s.prepare(p)
		}
		p.mail.take()
		p.spy.take()
		return p
	}
	for name, s := range stories {
		p := stage(t, s)
		if _, err := s.run(p); err != nil {
			t.Fatalf("%s without a crash: %v", name, err)
		}
		p.move(time.Minute)
		p.mail.take()
		calls := p.spy.take()
		for n, call := range calls {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d %s done=%v", name, n+1, call, done), func(t *testing.T) {
					t.Parallel()
					p := stage(t, s)
					cut := func(i int, _ string) error {
						if i == n+1 {
							return errCrash
						}
						return nil
					}
					if done {
						p.spy.after = cut
					} else {
						p.spy.before = cut
					}
					tok, err := s.run(p)
					p.spy.before, p.spy.after = nil, nil
					if !errors.Is(err, errCrash) || tok != "" {
						t.Fatalf("got %q, %v, want the crash and no session", tok, err)
					}
					if s.after != nil {
						s.after(p)
					}
					p.move(time.Hour) // whatever budgets were spent
					if tok, err := p.enter(); err != nil || tok == "" {
						t.Errorf("again: %v, want a session", err)
					}
					p.move(time.Minute)
					p.mail.take()
				})
			}
		}
	}
}
