package sso

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	maxRequests   = 100_000 // rows of requests under way that Memory keeps; each has a few KB at most
	maxAssertions = 200_000 // used answers: about 40 MB
	sweepLimit    = 16      // ended rows that a new one takes with it
)

// Memory keeps requests, logins and connections in this process: for tests, for trying things out, and for a program that names
// its connections when it starts (see [Fixed]) and may let what is under way start over when it restarts. It implements [Requests],
// [Logins] and [Store]; make one with [NewMemory]. It is safe for concurrent use.
//
// Of requests, which are made before anybody has signed in, it keeps 100,000. With more, the oldest go first: the person starts
// over. Of answers that were used it keeps 200,000 and takes no further one before one of them has ended, since one that is forgotten
// could be used again. Logins and connections are never dropped for want of room.
//
// It knows no domains: the connections of a Registry over it speak for nobody, unless they have AllowAnyDomain. store.Memory knows
// those of package directory.
type Memory struct {
	requests
	assertions
	logins
	connections
}

var (
	_ Requests = (*Memory)(nil)
	_ Logins   = (*Memory)(nil)
	_ Store    = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{}
	m.requests.max, m.assertions.max = maxRequests, maxAssertions
	m.logins.subjects, m.logins.indexes = names{}, names{}
	m.connections.rows = map[string]ConnectionRow{}
	return m
}

// DeleteExpired deletes up to limit requests, used answers and logins each that have ended, and answers how many went. Connections
// do not expire.
func (m *Memory) DeleteExpired(now time.Time, limit int) int {
	return m.requests.deleteExpired(now, limit) + m.assertions.deleteExpired(now, limit) + m.logins.deleteExpired(now, limit)
}

// requests has the first two verbs of Requests.
type requests struct {
	max  int
	mu   sync.Mutex
	rows table[[32]byte, RequestRow]
}

// CreateRequest implements [Requests].
func (r *requests) CreateRequest(_ context.Context, key [32]byte, row RequestRow, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.rows.get(key); taken {
		return ErrConflict
	}
	r.rows.sweep(now, sweepLimit)
	if r.rows.len() >= r.max {
		r.rows.dropFirst()
	}
	row.Body = slices.Clone(row.Body)
	r.rows.put(key, row, row.ExpiresAt)
	return nil
}

// TakeRequest implements [Requests].
func (r *requests) TakeRequest(_ context.Context, key [32]byte, now time.Time) (RequestRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, ok := r.rows.get(key)
	if !ok || !now.Before(row.ExpiresAt) {
		return RequestRow{}, ErrNotFound
	}
	r.rows.drop(key)
	return row, nil
}

func (r *requests) deleteExpired(now time.Time, limit int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.rows.sweep(now, limit))
}

// errFull is no answer that a caller acts on: the machine is too small, and an answer that cannot be written down is not taken.
var errFull = errors.New("sso: the memory is full of answers that were used")

// assertions has the last verb of Requests.
type assertions struct {
	max  int
	mu   sync.Mutex
	rows table[[32]byte, struct{}]
}

// UseAssertion implements [Requests].
func (a *assertions) UseAssertion(_ context.Context, key [32]byte, expires, now time.Time) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, used := a.rows.get(key); used || !now.Before(expires) {
		return false, nil
	}
	a.rows.sweep(now, sweepLimit)
	if a.rows.len() >= a.max {
		return false, errFull
	}
	a.rows.put(key, struct{}{}, expires)
	return true, nil
}

func (a *assertions) deleteExpired(now time.Time, limit int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.rows.sweep(now, limit))
}
