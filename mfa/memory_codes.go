package mfa

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	maxCodes   = 100_000 // rows of mailed codes that Memory keeps: about 40 MB
	sweepLimit = 16      // ended rows that a new one takes with it
)

// codes implements CodeStore.
type codes struct {
	max   int // rows
	mu    sync.Mutex
	rows  map[[32]byte]*list.Element // of *codeRow
	order list.List                  // whatever was sent longest ago first
}

type codeRow struct {
	CodeRecord
	key [32]byte
}

// SendCode implements [CodeStore].
func (c *codes) SendCode(_ context.Context, key [32]byte, r CodeRecord, rules CodeRules, now time.Time) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var stands CodeRecord
	if row := c.rowLocked(key, now); row != nil {
		stands = row.CodeRecord
	}
	after, wait, err := rules.Next(stands, r, now)
	if err != nil || !wait.IsZero() {
		return wait, err
	}
	c.dropLocked(key)
	c.sweepLocked(now, sweepLimit, sweepLimit)
	if len(c.rows) >= c.max {
		c.dropLocked(c.order.Front().Value.(*codeRow).key)
	}
	c.rows[key] = c.order.PushBack(&codeRow{after, key})
	return time.Time{}, nil
}

// SpendCode implements [CodeStore].
func (c *codes) SpendCode(_ context.Context, key [32]byte, tries int, now time.Time) (CodeRecord, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row := c.rowLocked(key, now)
	switch {
	case row == nil:
		return CodeRecord{}, ErrNotFound
	case row.Tries >= tries:
		return CodeRecord{}, ErrSpent
	}
	row.Tries++
	return row.CodeRecord, nil
}

// ConsumeCode implements [CodeStore].
func (c *codes) ConsumeCode(_ context.Context, key [32]byte, id string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.rows[key]
	if !ok || at.Value.(*codeRow).ID != id {
		return false, nil
	}
	c.dropLocked(key)
	return true, nil
}

// rowLocked is the row that has not ended, or nil.
func (c *codes) rowLocked(key [32]byte, now time.Time) *codeRow {
	if at, ok := c.rows[key]; ok {
		if row := at.Value.(*codeRow); now.Before(row.EndsAt) {
			return row
		}
	}
	return nil
}

func (c *codes) dropLocked(key [32]byte) {
	if at, ok := c.rows[key]; ok {
		c.order.Remove(at)
		delete(c.rows, key)
	}
}

// sweepLocked looks at the oldest rows, deletes up to limit of those that have ended, and answers how many went.
func (c *codes) sweepLocked(now time.Time, look, limit int) (deleted int) {
	for at := c.order.Front(); at != nil && look > 0 && deleted < limit; look-- {
		row := at.Value.(*codeRow)
		at = at.Next()
		if !now.Before(row.EndsAt) {
			c.dropLocked(row.key)
			deleted++
		}
	}
	return deleted
}
