package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// sweepLimit is how many expired rows a new one takes with it.
const sweepLimit = 16

// flows implements auth.Flows.
type flows struct {
	mu   sync.Mutex
	rows queue[auth.FlowRow]
}

// CreateFlow implements auth.Flows.
func (f *flows) CreateFlow(_ context.Context, key [32]byte, row auth.FlowRow, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, taken := f.rows.get(key); taken {
		return auth.ErrConflict
	}
	expired := func(old auth.FlowRow) bool { return !old.ExpiresAt.After(now) }
	f.rows.deleteWhere(sweepLimit, sweepLimit, expired)
	if f.rows.full() {
		f.rows.deleteWhere(1, 1, func(auth.FlowRow) bool { return true })
	}
	f.rows.put(key, copied(row, 1))
	return nil
}

// Flow implements auth.Flows.
func (f *flows) Flow(_ context.Context, key [32]byte) (auth.FlowRow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	row, ok := f.rows.get(key)
	if !ok {
		return auth.FlowRow{}, auth.ErrNotFound
	}
	return copied(row, row.Version), nil
}

// SwapFlow implements auth.Flows. A flow that goes on is as new as one that begins.
func (f *flows) SwapFlow(_ context.Context, old, key [32]byte, row auth.FlowRow) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.standsLocked(old, row.Version-1); err != nil {
		return err
	}
	if _, taken := f.rows.get(key); taken && key != old {
		return auth.ErrConflict
	}
	f.rows.delete(old)
	f.rows.put(key, copied(row, row.Version))
	return nil
}

// TakeFlow implements auth.Flows.
func (f *flows) TakeFlow(_ context.Context, key [32]byte, version int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.standsLocked(key, version); err != nil {
		return err
	}
	f.rows.delete(key)
	return nil
}

// DropFlow implements auth.Flows.
func (f *flows) DropFlow(_ context.Context, key [32]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows.delete(key)
	return nil
}

func (f *flows) standsLocked(key [32]byte, version int64) error {
	row, ok := f.rows.get(key)
	switch {
	case !ok:
		return auth.ErrNotFound
	case row.Version != version:
		return auth.ErrConflict
	}
	return nil
}

func (f *flows) deleteExpired(now time.Time, limit int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows.deleteWhere(len(f.rows.rows), limit, func(row auth.FlowRow) bool { return !now.Before(row.ExpiresAt) })
}

// copied is the row with a Body of its own, so that no caller can change what is kept.
func copied(row auth.FlowRow, version int64) auth.FlowRow {
	return auth.FlowRow{Version: version, ExpiresAt: row.ExpiresAt, Body: slices.Clone(row.Body)}
}
