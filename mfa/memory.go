package mfa

import (
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory keeps apps and codes in this process: for tests, for trying things out, and for a program whose people may set
// everything up again when it restarts. It implements [TOTPStore], [CodeStore] and [RecoveryStore]; make one with [NewMemory].
// It is safe for concurrent use.
//
// Of mailed codes, which are made before anybody has signed in, it keeps 100,000. With more, the oldest go first: the person asks
// for another one, and the tries at that one start over. Apps and recovery codes are never dropped for want of room.
type Memory struct {
	apps
	codes
	sets
}

var (
	_ TOTPStore     = (*Memory)(nil)
	_ CodeStore     = (*Memory)(nil)
	_ RecoveryStore = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{}
	m.apps.rows = map[string]*TOTPRecord{}
	m.codes.rows, m.codes.max = map[[32]byte]*list.Element{}, maxCodes
	m.sets.rows = map[string]*set{}
	return m
}

// DeleteExpired deletes up to limit rows of mailed codes that have ended, and answers how many went. Nothing else expires.
func (m *Memory) DeleteExpired(now time.Time, limit int) int {
	m.codes.mu.Lock()
	defer m.codes.mu.Unlock()
	return m.codes.sweepLocked(now, len(m.codes.rows), limit)
}

// apps implements TOTPStore.
type apps struct {
	mu   sync.Mutex
	rows map[string]*TOTPRecord // by person
}

// TOTP implements [TOTPStore].
func (a *apps) TOTP(_ context.Context, userID string) (TOTPStatus, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.rows[userID]
	if !ok {
		return TOTPStatus{}, ErrNotFound
	}
	return TOTPStatus{ID: r.ID, Since: r.Since, ResetAsked: r.ResetAsked}, nil
}

// SpendTOTP implements [TOTPStore].
func (a *apps) SpendTOTP(_ context.Context, userID string, b Budget, now time.Time) (TOTPRecord, time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.rows[userID]
	if !ok {
		return TOTPRecord{}, time.Time{}, ErrNotFound
	}
	after, closedTo := b.Charge(r.Tries, now)
	if !closedTo.IsZero() {
		return TOTPRecord{}, closedTo, nil
	}
	r.Tries = after
	return copied(*r), time.Time{}, nil
}

// AdvanceTOTP implements [TOTPStore].
func (a *apps) AdvanceTOTP(_ context.Context, userID, id string, step int64) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.appLocked(userID, id)
	if r == nil || step <= r.LastStep {
		return false, nil
	}
	r.LastStep, r.Tries, r.ResetAsked = step, Tries{}, time.Time{}
	return true, nil
}

// ReplaceTOTP implements [TOTPStore].
func (a *apps) ReplaceTOTP(_ context.Context, old string, r TOTPRecord) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	stands := ""
	if app, ok := a.rows[r.UserID]; ok {
		stands = app.ID
	}
	if stands != old {
		return ErrConflict
	}
	r = copied(r)
	a.rows[r.UserID] = &r
	return nil
}

// DeleteTOTP implements [TOTPStore].
func (a *apps) DeleteTOTP(_ context.Context, userID, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.appLocked(userID, id) == nil {
		return ErrNotFound
	}
	delete(a.rows, userID)
	return nil
}

// AskTOTPReset implements [TOTPStore].
func (a *apps) AskTOTPReset(_ context.Context, userID, id string, renew, now time.Time) (time.Time, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.appLocked(userID, id)
	if r == nil {
		return time.Time{}, ErrNotFound
	}
	if r.ResetAsked.IsZero() || r.ResetAsked.Before(renew) {
		r.ResetAsked = now
	}
	return r.ResetAsked, nil
}

// appLocked is the person's app if it is the one with this ID, or nil.
func (a *apps) appLocked(userID, id string) *TOTPRecord {
	if r := a.rows[userID]; r != nil && r.ID == id {
		return r
	}
	return nil
}

// copied is the record with a Sealed of its own, so that no caller can change what is kept.
func copied(r TOTPRecord) TOTPRecord {
	r.Sealed = slices.Clone(r.Sealed)
	return r
}
