package social

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxRequests = 100_000 // rows that Memory keeps; each has a few KB at most
	sweepLimit  = 16      // expired rows that a new one takes with it
)

// Memory keeps requests in this process: for tests, and for a program that is one process and may let what is under way start over when
// it restarts. It implements Requests; make one with NewMemory. It is safe for concurrent use.
//
// It keeps 100,000 requests. With more, the oldest go first: the person starts over.
type Memory struct {
	max int

	mu    sync.Mutex
	rows  map[[32]byte]*list.Element
	order list.List // of memoryRow, the oldest first: all rows live equally long
}

type memoryRow struct {
	key [32]byte
	row RequestRow
}

var _ Requests = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{max: maxRequests, rows: map[[32]byte]*list.Element{}} }

// CreateSocialRequest implements Requests.
func (m *Memory) CreateSocialRequest(_ context.Context, key [32]byte, r RequestRow, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.rows[key]; taken {
		return ErrConflict
	}
	m.sweepLocked(now, sweepLimit)
	if len(m.rows) >= m.max {
		m.dropLocked(m.order.Front())
	}
	r.Body = slices.Clone(r.Body)
	m.rows[key] = m.order.PushBack(memoryRow{key, r})
	return nil
}

// TakeSocialRequest implements Requests.
func (m *Memory) TakeSocialRequest(_ context.Context, key [32]byte, now time.Time) (RequestRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.rows[key]
	if !ok {
		return RequestRow{}, ErrNotFound
	}
	kept := e.Value.(memoryRow).row
	if !now.Before(kept.ExpiresAt) {
		return RequestRow{}, ErrNotFound
	}
	m.dropLocked(e)
	return kept, nil
}

// DeleteExpired deletes up to limit requests that have expired, and answers how many went.
func (m *Memory) DeleteExpired(now time.Time, limit int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sweepLocked(now, limit)
}

func (m *Memory) sweepLocked(now time.Time, limit int) (n int) {
	for e := m.order.Front(); e != nil && n < limit && !now.Before(e.Value.(memoryRow).row.ExpiresAt); e = m.order.Front() {
		m.dropLocked(e)
		n++
	}
	return n
}

func (m *Memory) dropLocked(e *list.Element) {
	delete(m.rows, e.Value.(memoryRow).key)
	m.order.Remove(e)
}
