// Package storetest is the examination of whoever implements a storage contract of this module.
//
// Call, in a test of your store, the function that is named after the interface, and give it a way to open an empty store:
//
//	func TestMyStore(t *testing.T) {
//		storetest.Flows(t, func(t *testing.T) auth.Flows { return mystore.Open(t.TempDir()) })
//	}
//
// Each suite tries the whole written contract, and calls the verbs that must be atomic 64 times at the same moment: run it
// with -race. A failure says which rule was broken. No suite waits; time is told to a store.
//
// It does not measure, and it does not try what happens when the machine under a store breaks.
package storetest

import (
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"
)

// callers is how many come at the same moment.
const callers = 64

// rounds is how often a race between different verbs is run: its end depends on who comes first.
const rounds = 8

// noon is when everything here happens. It has microseconds, which a store must keep, and nothing smaller.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456000, time.UTC)

// key makes the key of a thing from its name.
func key(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// together calls do from 64 goroutines at the same moment and waits for all.
func together(do func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(callers)
	for i := range callers {
		done.Go(func() {
			ready.Done()
			<-start
			do(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// shuffled puts the numbers of the callers in another order each round: who starts last is not who should win.
func shuffled(i, round int) int { return (i*37 + round*11) % callers }

// winners calls do from 64 goroutines at the same moment and counts the answers: nil, and the error that losers must get.
// Any other error fails the test.
func winners(t *testing.T, verb string, lost func(error) bool, do func(i int) error) int {
	t.Helper()
	var mu sync.Mutex
	won := 0
	together(func(i int) {
		err := do(i)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			won++
		case !lost(err):
			t.Errorf("%s = %v for one of %d callers at the same moment: neither a success nor the answer of a loser", verb, err, callers)
		}
	})
	return won
}

// trues calls do from 64 goroutines at the same moment and counts those who were told true. An error fails the test.
func trues(t *testing.T, verb string, do func(i int) (bool, error)) int {
	t.Helper()
	no := errors.New("no")
	return winners(t, verb, func(err error) bool { return err == no }, func(i int) error {
		won, err := do(i)
		if err == nil && !won {
			return no
		}
		return err
	})
}

// ok ends the test where a step that only prepares it failed.
func ok(t *testing.T, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}
