package store

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// limits implements auth.Limits.
type limits struct {
	mu   sync.Mutex
	rows queue[auth.Counter]
}

// Charge implements auth.Limits.
func (l *limits) Charge(_ context.Context, charges []auth.Charge, now time.Time) (closedTo time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	counters := make([]auth.Counter, len(charges))
	for i, c := range charges {
		counters[i], _ = l.rows.get(c.Key)
	}
	after, closedTo := auth.ChargeAll(charges, counters, now)
	if !closedTo.IsZero() {
		return closedTo, nil
	}
	l.rows.deleteWhere(sweepLimit, sweepLimit, func(c auth.Counter) bool { return ended(c, now) })
	for i, c := range after {
		if _, there := l.rows.get(charges[i].Key); !there && l.rows.full() {
			l.makeRoomLocked(now)
		}
		l.rows.put(charges[i].Key, c)
		l.rows.touch(charges[i].Key)
	}
	return time.Time{}, nil
}

// makeRoomLocked drops the oldest counter that is open, so that a flood of new ones does not open a closed one first.
// It looks at a few only: a flood must not make each guess slow either.
func (l *limits) makeRoomLocked(now time.Time) {
	const look = 64
	open := func(c auth.Counter) bool { return !now.Before(c.ClosedTo) }
	if l.rows.deleteWhere(look, 1, open) == 0 {
		l.rows.deleteWhere(1, 1, func(auth.Counter) bool { return true })
	}
}

// ClearLimits implements auth.Limits.
func (l *limits) ClearLimits(_ context.Context, keys [][32]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		l.rows.delete(key)
	}
	return nil
}

func (l *limits) deleteExpired(now time.Time, limit int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows.deleteWhere(len(l.rows.rows), limit, func(c auth.Counter) bool { return ended(c, now) })
}

func ended(c auth.Counter, now time.Time) bool {
	return !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}
