package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// hashTime is about how long one hash of today's cost takes; the advice of a BusyError is made of it.
const hashTime = 50 * time.Millisecond

// A Queue bounds how much hashing a program does at once, and how many wait for it. Make one with [NewQueue] for the
// whole program. It is safe for concurrent use and starts no goroutine.
//
// A sign-in first takes a place, before anything is charged or read; then it waits for its turn:
//
//	place, err := queue.Enter(address)
//	if err != nil {
//		return err // *BusyError
//	}
//	defer place.Leave()
//	if err := place.Start(ctx); err != nil {
//		return err
//	}
//	stale, err := hasher.Verify(hash, typed)
type Queue struct {
	places chan struct{} // a value for each Place that has not left
	turns  chan struct{} // a value for each Place that hashes

	mu   sync.Mutex
	held map[string]int // places by source
}

// NewQueue lets so many hash at the same time and so many more wait. Zero or less means, for running, the number of
// processors that the program may use, and for waiting 16 times that number.
func NewQueue(running, waiting int) *Queue {
	processors := runtime.GOMAXPROCS(0) // not NumCPU: a container is often given less than the machine
	if running <= 0 {
		running = processors
	}
	if waiting <= 0 {
		waiting = 16 * processors
	}
	return &Queue{places: make(chan struct{}, running+waiting), turns: make(chan struct{}, running), held: map[string]int{}}
}

// Enter takes a place, or answers a *[BusyError] at once. Nothing waits here. Every Place must be given back with Leave.
//
// Source is where the caller comes from, such as a network address. One source gets a quarter of the places at most, so that it
// cannot keep all others out; the empty source may take them all.
func (q *Queue) Enter(source string) (*Place, error) {
	if !q.hold(source) {
		return nil, &BusyError{RetryAfter: q.drained()}
	}
	select {
	case q.places <- struct{}{}:
		return &Place{queue: q, source: source}, nil
	default:
		q.release(source)
		return nil, &BusyError{RetryAfter: q.drained()}
	}
}

func (q *Queue) hold(source string) bool {
	if source == "" {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[source] >= max(1, cap(q.places)/4) {
		return false
	}
	q.held[source]++
	return true
}

func (q *Queue) release(source string) {
	if source == "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[source]--; q.held[source] == 0 {
		delete(q.held, source)
	}
}

// drained estimates how long the places taken now will take, in whole seconds and at least one.
func (q *Queue) drained() time.Duration {
	rounds := time.Duration(cap(q.places) / cap(q.turns))
	return max(time.Second, (rounds * hashTime).Round(time.Second))
}

// A BusyError says that so many are signing in that no more may even wait.
type BusyError struct {
	RetryAfter time.Duration // when to try again: an estimate in whole seconds, at least one
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("password: too many sign-ins at once, try again in %v", e.RetryAfter)
}

// A Place is one caller's right to wait for a turn and to hash in it, as often as the work in hand needs.
type Place struct {
	queue  *Queue
	source string
	state  atomic.Int32
}

var errLeft = errors.New("password: Place.Start after Leave")

// The states of a Place.
const (
	entered int32 = iota
	started
	left
)

// Start waits for the turn to hash. It answers the context's error if that ends first; the place is then still to be left.
// Starting again in the same turn answers nil at once.
func (p *Place) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch p.state.Load() {
	case started:
		return nil
	case left:
		return errLeft
	}
	select { // senders on a channel are served in the order they came
	case p.queue.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !p.state.CompareAndSwap(entered, started) {
		<-p.queue.turns
		return errLeft
	}
	return nil
}

// Leave gives back the place, and the turn if there was one. Leaving again does nothing.
func (p *Place) Leave() {
	before := p.state.Swap(left)
	if before == started {
		<-p.queue.turns
	}
	if before != left {
		<-p.queue.places
		p.queue.release(p.source)
	}
}
