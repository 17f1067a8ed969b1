package auth_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

func TestThrottleWaits(t *testing.T) {
	for _, email := range []string{"ann@acme.example", "nobody@acme.example"} {
		t.Run("R13 A-142 "+email, func(t *testing.T) {
			w := memory(t)
			for i := range 5 {
				w.want(w.guess(email, "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
				_ = i
			}
			w.want(w.guess(email, "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials) // the sixth makes the first wait
			for i, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
				s := w.guess(email, "wrong", home)
				w.want(s, auth.StageAuthenticate, auth.ReasonTooManyAttempts)
				if s.RetryAfter != wait {
					t.Errorf("wait %d is %v, want %v", i, s.RetryAfter, wait)
				}
				w.move(wait)
				w.want(w.guess(email, "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
			}
			w.move(8 * time.Second)
			w.want(w.guess(email, "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials) // the tenth within 15 minutes
			s := w.guess(email, "wrong", from("198.51.100.1"))
			w.want(s, auth.StageAuthenticate, auth.ReasonTooManyAttempts)
			if s.RetryAfter != 15*time.Minute {
				t.Errorf("the soft lock lasts %v, want 15 minutes, whatever the network", s.RetryAfter)
			}
			w.move(15 * time.Minute)
			w.want(w.guess(email, "wrong", from("198.51.100.1")), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
		})
	}
}

func TestThrottleSpellings(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for i, spelling := range []string{"ann@acme.example", "ANN@acme.example", " ann@acme.example ", "Ann@Acme.Example\t", "ann@acme.example\u00a0", "ann@ACME.EXAMPLE"} {
			w.want(w.guess(spelling, "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
			_ = i
		}
		w.want(w.guess("aNN@acme.example", "wrong", home), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
		t.Run("A-158 all spellings are one account", func(t *testing.T) {
			w.want(w.guess("ann@acme.example", secret, home), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
		})
	})
}

func TestThrottleNewFlowsAndDevicesDoNotHelp(t *testing.T) {
	w := memory(t)
	wrong := 0
	for i := range 40 {
		c := home
		c.Device = fmt.Sprintf("dev_%043d", i) // made up: no grant
		if w.guess("ann@acme.example", "wrong", c).Reason == auth.ReasonInvalidCredentials {
			wrong++
		}
	}
	if wrong > 10 {
		t.Errorf("invariant 5: %d guesses were looked at with a new flow and device cookie each, want at most 10", wrong)
	}
}

func TestLockoutIsForOutsiders(t *testing.T) {
	w := memory(t)
	known := home
	known.Device = w.signIn("ann@acme.example", home).Device
	for i := range 200 {
		w.guess("ann@acme.example", "wrong", from(fmt.Sprintf("198.51.%d.%d", i/20, i)))
		w.move(time.Second)
	}
	w.want(w.guess("ann@acme.example", secret, from("203.0.113.9")), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	t.Run("R13 A-149 invariant 5: a known device still gets in", func(t *testing.T) {
		w.want(w.guess("ann@acme.example", secret, known), auth.StageReady, "")
	})
	t.Run("and that keeps the door shut for outsiders", func(t *testing.T) {
		w.want(w.guess("ann@acme.example", secret, from("203.0.113.9")), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	})
	t.Run("another person's device is an outsider", func(t *testing.T) {
		other := from("203.0.113.20")
		other.Device = w.signIn("solo@acme.example", other).Device
		w.want(w.guess("ann@acme.example", secret, other), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	})
	t.Run("a device is known for 90 days", func(t *testing.T) {
		w.move(91 * 24 * time.Hour)
		for i := range 12 {
			w.guess("ann@acme.example", "wrong", from(fmt.Sprintf("198.51.%d.1", i)))
		}
		w.want(w.guess("ann@acme.example", secret, known), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	})
}

func TestAHundredInARow(t *testing.T) {
	t.Run("A-148 outsiders", func(t *testing.T) {
		w := memory(t)
		looked := 0
		for i := range 3000 {
			if w.guess("ann@acme.example", "wrong", from(fmt.Sprintf("198.%d.%d.9", i/200, i%200))).Reason == auth.ReasonInvalidCredentials {
				looked++
			}
			w.move(5 * time.Minute)
		}
		if looked != 100 {
			t.Errorf("%d guesses in a row were looked at over ten days, want 100", looked)
		}
		w.want(w.guess("ann@acme.example", secret, from("203.0.113.9")), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
		if err := w.m.SetPassword(t.Context(), "ann", "another long passphrase"); err != nil {
			t.Fatal(err)
		}
		w.want(w.guess("ann@acme.example", "another long passphrase", from("203.0.113.9")), auth.StageReady, "")
	})
	t.Run("R13 a known device", func(t *testing.T) {
		w := memory(t)
		known := home
		known.Device = w.signIn("ann@acme.example", home).Device
		looked := 0
		for range 400 {
			if w.guess("ann@acme.example", "wrong", known).Reason == auth.ReasonInvalidCredentials {
				looked++
			}
			w.move(6 * time.Minute)
		}
		if looked != 100 {
			t.Errorf("%d guesses in a row were looked at, want 100", looked)
		}
		w.want(w.guess("ann@acme.example", secret, known), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	})
	t.Run("ending a person's sessions gives the door back that their device records were", func(t *testing.T) {
		w := memory(t)
		known := home
		known.Device = w.signIn("ann@acme.example", home).Device
		for i := range 110 {
			w.guess("ann@acme.example", "wrong", from(fmt.Sprintf("198.%d.%d.9", i/200, i%200)))
			w.move(2 * time.Minute)
		}
		w.move(15 * time.Minute)
		if err := w.m.EndUser(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		w.want(w.guess("ann@acme.example", secret, known), auth.StageReady, "")
	})
	t.Run("a right password starts the row over", func(t *testing.T) {
		w := memory(t)
		for range 30 {
			for range 4 {
				w.want(w.guess("ann@acme.example", "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
			}
			w.want(w.guess("ann@acme.example", secret, home), auth.StageReady, "")
			w.move(time.Minute)
		}
	})
}

func TestSourceBudget(t *testing.T) {
	for name, ip := range map[string]func(i int) string{
		"one address":          func(int) string { return "198.51.100.77" },
		"addresses of one /64": func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i+1) },
	} {
		t.Run("R13 A-146 A-150 "+name, func(t *testing.T) {
			w := memory(t)
			ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
			looked := 0
			for i := range 100 {
				flow := auth.Ref{Token: w.identify(fmt.Sprintf("p%d@acme.example", i), from(fmt.Sprintf("203.0.113.%d", i))).Token}
				s, err := w.m.Password(t.Context(), flow, "wrong", from(ip(i)))
				if err != nil {
					t.Fatal(err)
				}
				if s.Reason == auth.ReasonInvalidCredentials {
					looked++
				}
			}
			if looked != 30 {
				t.Errorf("%d guesses from one source within a minute were looked at, want 30", looked)
			}
			s, err := w.password(&ref, secret, from(ip(1)))
			if err != nil {
				t.Fatal(err)
			}
			w.want(s, auth.StageAuthenticate, auth.ReasonTooManyAttempts)
			w.move(time.Minute)
			if s, err = w.password(&ref, secret, from(ip(1))); err != nil {
				t.Fatal(err)
			}
			w.want(s, auth.StageReady, "")
		})
	}
	t.Run("A-140 naming addresses has a budget too", func(t *testing.T) {
		w := memory(t)
		made := 0
		for i := range 500 {
			if w.identify(fmt.Sprintf("x@d%d.example", i), home).Token != "" {
				made++
			}
		}
		if made != 300 {
			t.Errorf("%d flows were made from one source within a minute, want 300", made)
		}
	})
}

// What neighbours do from the same address is not a known device's to pay for.
func TestSourceAndKnownDevice(t *testing.T) {
	w := memory(t)
	known := home
	known.Device = w.signIn("ann@acme.example", home).Device
	for i := range 40 {
		w.guess(fmt.Sprintf("p%d@acme.example", i), "wrong", home)
	}
	w.want(w.guess("solo@acme.example", secret, home), auth.StageAuthenticate, auth.ReasonTooManyAttempts)
	s := w.guess("ann@acme.example", secret, known)
	if w.want(s, auth.StageReady, ""); s.Stage != auth.StageReady {
		t.Error("invariant 5 A-149: a neighbour's guesses locked a known device out")
	}
}

// A new first key must not open what guesses have closed.
func TestLocksOutliveAKeyChange(t *testing.T) {
	w := memory(t)
	for i := range 12 {
		w.guess("ann@acme.example", "wrong", from(fmt.Sprintf("198.51.%d.1", i)))
	}
	w.cfg.Keys = [][]byte{randomKey(), w.cfg.Keys[0]}
	w.m = w.manager()
	if s := w.guess("ann@acme.example", secret, home); s.Reason != auth.ReasonTooManyAttempts {
		t.Errorf("A-270 with a new key in front the answer is %q, want the lock still closed", s.Reason)
	}
}

// tolerant are a host's own people, whose table takes several spellings for one person.
type tolerant struct{ auth.Users }

func (u tolerant) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	local, domain, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	return u.Users.UserByEmail(ctx, local+"@"+domain)
}

func TestOneAccountHoweverItIsAddressed(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.Users = tolerant{c.Users} })
	looked := 0
	for i := range 50 {
		if w.guess(fmt.Sprintf("ann+%d@acme.example", i), "wrong", from(fmt.Sprintf("198.51.%d.1", i))).Reason == auth.ReasonInvalidCredentials {
			looked++
		}
	}
	if looked != 10 {
		t.Errorf("A-161 invariant 5: %d guesses at ann under as many addresses were looked at, want 10", looked)
	}
}

func TestGuessesAtOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		nodes := []*auth.Manager{w.m, w.manager()}
		refs := make([]auth.Ref, 64)
		for i := range refs {
			refs[i].Token = w.identify("ann@acme.example", from(fmt.Sprintf("203.0.113.%d", i))).Token
		}
		var looked atomic.Int32
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				s, err := nodes[i%2].Password(t.Context(), refs[i], "wrong", from(fmt.Sprintf("198.51.%d.1", i)))
				if err != nil {
					t.Error(err)
				}
				if s.Reason == auth.ReasonInvalidCredentials {
					looked.Add(1)
				}
			})
		}
		wg.Wait()
		if looked.Load() != 10 {
			t.Errorf("invariant 5: of 64 guesses at once on two nodes %d were looked at, want 10: charge before checking", looked.Load())
		}
	})
}

func TestBusyChargesNothing(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.HashesAtOnce, c.HashesWaiting = 1, 1 })
	var inside, busy atomic.Int32
	hold := make(chan struct{})
	w.spy.before = func(_ int, call string) error {
		if call == "Credential" { // charged, and in the queue
			inside.Add(1)
			<-hold
		}
		return nil
	}
	refs := make([]auth.Ref, 20)
	for i := range refs {
		refs[i].Token = w.identify(fmt.Sprintf("p%d@acme.example", i), from(fmt.Sprintf("203.0.113.%d", i))).Token
	}
	w.spy.take()
	var wg sync.WaitGroup
	for i := range refs {
		wg.Go(func() {
			s, err := w.m.Password(t.Context(), refs[i], "wrong", from(fmt.Sprintf("198.51.%d.1", i)))
			if err != nil {
				t.Error(err)
			}
			if s.Reason == auth.ReasonBusy {
				if s.RetryAfter < time.Second {
					t.Errorf("busy without a time to come again: %v", s.RetryAfter)
				}
				if busy.Add(1) == 18 {
					close(hold)
				}
			}
		})
	}
	wg.Wait()
	charges := 0
	for _, call := range w.spy.take() {
		if call == "Charge" {
			charges++
		}
	}
	if busy.Load() != 18 || charges != 2 {
		t.Errorf("A-151 with one place and one waiting, of 20 at once %d were told to come again and %d charged, want 18 and 2", busy.Load(), charges)
	}
}

func TestGuessingAlert(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.AlertAfter = 7 })
	for i := range 20 {
		w.guess(fmt.Sprintf("p%d@acme.example", i), "Summer2026!", from(fmt.Sprintf("198.51.%d.1", i)))
	}
	alerts := 0
	for _, e := range w.take() {
		if e.Kind == auth.GuessingAlert {
			alerts++
			if e.Count != 7 || e.UserID != "" {
				t.Errorf("the alert is %+v, want a count of 7 and nobody's name", e)
			}
		}
	}
	if alerts != 1 {
		t.Errorf("A-147 one password over many people raised %d alerts within a minute, want 1", alerts)
	}
}

func TestChargeAll(t *testing.T) {
	now := start
	rule := auth.Charge{Window: 10 * time.Minute, Free: 2, Pause: time.Second, Limit: 4, Lock: 5 * time.Minute}
	var c []auth.Counter = []auth.Counter{{}}
	step := func(move time.Duration, wantCount int, wantWait time.Duration) {
		t.Helper()
		now = now.Add(move)
		after, closed := auth.ChargeAll([]auth.Charge{rule}, c, now)
		if wantWait > 0 {
			if after != nil || closed.Sub(now) != wantWait {
				t.Errorf("at %v: %v, closed for %v, want closed for %v and nothing written", now.Sub(start), after, closed.Sub(now), wantWait)
			}
			return
		}
		if len(after) != 1 || after[0].Count != wantCount || !closed.IsZero() {
			t.Fatalf("at %v: %+v, %v, want count %d", now.Sub(start), after, closed, wantCount)
		}
		c = after
	}
	step(0, 1, 0)
	step(0, 2, 0)
	step(0, 3, 0)
	step(0, 0, time.Second)
	step(time.Second, 4, 0) // the limit
	step(time.Minute, 0, 4*time.Minute)
	step(4*time.Minute, 1, 0)  // started over after the lock
	step(10*time.Minute, 1, 0) // and after the window
	if !c[0].ExpiresAt.Equal(now.Add(10 * time.Minute)) {
		t.Errorf("the row expires at %v, want at the end of its window", c[0].ExpiresAt)
	}
	t.Run("one closed counter keeps all from being charged", func(t *testing.T) {
		closed := auth.Counter{Count: 4, Since: now, ClosedTo: now.Add(time.Minute)}
		after, until := auth.ChargeAll([]auth.Charge{rule, rule}, []auth.Counter{{}, closed}, now)
		if after != nil || !until.Equal(closed.ClosedTo) {
			t.Errorf("ChargeAll = %v, %v, want nothing written", after, until)
		}
	})
	t.Run("the pause stops growing", func(t *testing.T) {
		rule := auth.Charge{Pause: time.Second}
		after, _ := auth.ChargeAll([]auth.Charge{rule}, []auth.Counter{{Count: 90, Since: now}}, now)
		if got := after[0].ClosedTo.Sub(now); got != 5*time.Minute {
			t.Errorf("after 91 guesses the pause is %v, want 5 minutes", got)
		}
	})
}
