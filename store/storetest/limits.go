package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Limits tries an auth.Limits. open answers an empty one each time.
func Limits(t *testing.T, open func(t *testing.T) auth.Limits) {
	ctx := context.Background()
	const minute = time.Minute

	charge := func(t *testing.T, s auth.Limits, now time.Time, charges ...auth.Charge) time.Time {
		t.Helper()
		closedTo, err := s.Charge(ctx, charges, now)
		ok(t, "Charge", err)
		return closedTo
	}
	// left counts how many guesses a counter still takes, by making them.
	left := func(t *testing.T, s auth.Limits, now time.Time, c auth.Charge) int {
		t.Helper()
		for n := range 2 * callers {
			if !charge(t, s, now, c).IsZero() {
				return n
			}
		}
		t.Fatalf("a counter with Limit %d took %d guesses", c.Limit, 2*callers)
		return 0
	}
	five := func(name string) auth.Charge {
		return auth.Charge{Key: key(name), Window: 15 * minute, Limit: 5, Lock: 15 * minute}
	}

	t.Run("a counter closes at its limit and opens again", func(t *testing.T) {
		s := open(t)
		for i := range 5 {
			if closedTo := charge(t, s, noon, five("a")); !closedTo.IsZero() {
				t.Errorf("Charge (guess %d of 5) = closed to %v, want it counted", i+1, closedTo)
			}
		}
		want := noon.Add(15 * minute)
		if closedTo := charge(t, s, noon.Add(minute), five("a")); !closedTo.Equal(want) {
			t.Errorf("Charge (guess 6) = closed to %v, want %v", closedTo, want)
		}
		if closedTo := charge(t, s, noon, five("b")); !closedTo.IsZero() {
			t.Errorf("Charge (another counter) = closed to %v, want it counted", closedTo)
		}
		if n := left(t, s, want, five("a")); n != 5 {
			t.Errorf("after its lock the counter takes %d guesses, want 5: it starts over", n)
		}
	})

	t.Run("A-240 a clock that goes back opens nothing", func(t *testing.T) {
		s := open(t)
		left(t, s, noon, five("a"))
		if charge(t, s, noon.Add(-24*time.Hour), five("a")).IsZero() {
			t.Error("Charge counted a guess a day before the counter opens, want it closed")
		}
	})

	t.Run("a counter without a window counts on until it closes or is cleared", func(t *testing.T) {
		s := open(t)
		endless := auth.Charge{Key: key("a"), Limit: 3, Lock: minute}
		charge(t, s, noon, endless)
		later := noon.AddDate(50, 0, 0)
		if n := left(t, s, later, endless); n != 2 {
			t.Errorf("50 years after one guess the counter takes %d more, want 2: nothing starts it over", n)
		}
		if n := left(t, s, later.Add(minute), endless); n != 3 {
			t.Errorf("after its lock the counter takes %d guesses, want 3: it starts over", n)
		}
		ok(t, "ClearLimits", s.ClearLimits(ctx, [][32]byte{key("a")}))
		if n := left(t, s, noon, endless); n != 3 {
			t.Errorf("a counter that was cleared takes %d guesses, want 3", n)
		}
	})

	t.Run("guesses that are not free have to wait", func(t *testing.T) {
		s := open(t)
		slow := auth.Charge{Key: key("a"), Window: time.Hour, Free: 1, Pause: 10 * time.Second}
		charge(t, s, noon, slow)
		charge(t, s, noon, slow)
		if closedTo, want := charge(t, s, noon, slow), noon.Add(10*time.Second); !closedTo.Equal(want) {
			t.Errorf("Charge after the first guess that is not free = closed to %v, want %v", closedTo, want)
		}
		charge(t, s, noon.Add(10*time.Second), slow)
		if closedTo, want := charge(t, s, noon.Add(10*time.Second), slow), noon.Add(30*time.Second); !closedTo.Equal(want) {
			t.Errorf("Charge after the second = closed to %v, want %v: the pause doubles, so Count must be kept", closedTo, want)
		}
	})

	t.Run("all counters of a guess are charged, or none", func(t *testing.T) {
		s := open(t)
		left(t, s, noon.Add(-minute), five("closed first"))
		left(t, s, noon, five("closed last"))
		got := charge(t, s, noon, five("open"), five("closed last"), five("closed first"))
		if want := noon.Add(15 * minute); !got.Equal(want) {
			t.Errorf("Charge = closed to %v, want %v, when the last of the closed counters opens", got, want)
		}
		if n := left(t, s, noon, five("open")); n != 5 {
			t.Errorf("the open counter takes %d more guesses, want 5: where one is closed, none is charged", n)
		}
	})

	t.Run("a guess with no counters is free", func(t *testing.T) {
		s := open(t)
		if closedTo := charge(t, s, noon); !closedTo.IsZero() {
			t.Errorf("Charge(nothing) = closed to %v, want the zero time", closedTo)
		}
		ok(t, "ClearLimits", s.ClearLimits(ctx, nil))
	})

	t.Run("clearing forgets these counters and no others", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"a", "b", "c"} {
			left(t, s, noon, five(name))
		}
		ok(t, "ClearLimits", s.ClearLimits(ctx, [][32]byte{key("a"), key("never seen"), key("b")}))
		for name, want := range map[string]int{"a": 5, "b": 5, "c": 0} {
			if n := left(t, s, noon, five(name)); n != want {
				t.Errorf("counter %s takes %d guesses, want %d", name, n, want)
			}
		}
	})

	t.Run("guesses at the same moment do not share one attempt", func(t *testing.T) {
		s := open(t)
		for round := range rounds { // a store that opens connections as they are needed has them after the first
			counted := count(t, s, func(int) []auth.Charge { return []auth.Charge{five(fmt.Sprint(round))} })
			if counted != 5 {
				t.Errorf("%d callers made %d guesses, want 5: Charge must read and count in one step", callers, counted)
			}
		}
	})

	t.Run("guesses that share some counters neither wait for each other for ever nor slip through", func(t *testing.T) {
		s := open(t)
		wide := func(name string) auth.Charge {
			return auth.Charge{Key: key(name), Window: 15 * minute, Limit: callers, Lock: 15 * minute}
		}
		counted := count(t, s, func(i int) []auth.Charge {
			charges := []auth.Charge{wide("address"), five("account"), wide(fmt.Sprint("browser ", i%4))}
			if i%2 == 1 { // in the other order
				charges[0], charges[2] = charges[2], charges[0]
			}
			return charges
		})
		if counted != 5 {
			t.Errorf("%d callers made %d guesses, want 5: Charge must read and count all counters in one step", callers, counted)
		}
		if n := left(t, s, noon, wide("address")); n != callers-5 {
			t.Errorf("the address may make %d more guesses, want %d: a refused guess charges no counter", n, callers-5)
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		endless := auth.Charge{Key: key("endless"), Limit: 3, Lock: minute}
		locked := auth.Charge{Key: key("locked"), Window: time.Hour, Limit: 3, Lock: time.Hour}
		charge(t, s, noon, endless)
		left(t, s, noon.Add(2*time.Hour), locked)
		for i := range 40 {
			charge(t, s, noon, five(fmt.Sprint("old ", i)))
		}
		for i := range 40 {
			charge(t, s, noon.Add(150*minute), five(fmt.Sprint("new ", i)))
		}
		if charge(t, s, noon.Add(150*minute), locked).IsZero() {
			t.Error("a locked counter was open, want it closed still: only expired rows may be deleted in passing")
		}
		if n := left(t, s, noon.Add(150*minute), endless); n != 2 {
			t.Errorf("a counter without a window takes %d guesses after one of 3, want 2: only expired rows may be deleted in passing", n)
		}
	})
}

// count charges from 64 callers at the same moment and answers how many guesses were counted.
func count(t *testing.T, s auth.Limits, charges func(i int) []auth.Charge) int {
	t.Helper()
	var mu sync.Mutex
	counted := 0
	together(func(i int) {
		closedTo, err := s.Charge(context.Background(), charges(i), noon)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("Charge = %v, want nil for each of %d callers at the same moment", err, callers)
		} else if closedTo.IsZero() {
			counted++
		}
	})
	return counted
}
