package mfa

import (
	"context"
	"slices"
	"sync"
	"time"
)

// sets implements RecoveryStore.
type sets struct {
	mu   sync.Mutex
	rows map[string]*set // by person
}

type set struct {
	id    string
	codes []RecoveryCode // never none
	tries Tries
}

// ReplaceRecovery implements [RecoveryStore].
func (s *sets) ReplaceRecovery(_ context.Context, userID string, given RecoverySet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, userID)
	if len(given.MACs) == 0 {
		return nil
	}
	row := &set{id: given.ID}
	for _, mac := range given.MACs {
		row.codes = append(row.codes, RecoveryCode{MAC: mac})
	}
	s.rows[userID] = row
	return nil
}

// SpendRecovery implements [RecoveryStore].
func (s *sets) SpendRecovery(_ context.Context, userID string, b Budget, now time.Time) (string, []RecoveryCode, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[userID]
	if !ok {
		return "", nil, time.Time{}, ErrNotFound
	}
	after, closedTo := b.Charge(row.tries, now)
	if !closedTo.IsZero() {
		return "", nil, closedTo, nil
	}
	row.tries = after
	return row.id, slices.Clone(row.codes), time.Time{}, nil
}

// ConsumeRecovery implements [RecoveryStore].
func (s *sets) ConsumeRecovery(_ context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[userID]
	if !ok || row.id != setID {
		return false, nil
	}
	for i := range row.codes {
		if c := &row.codes[i]; c.MAC == mac && c.UsedAt.IsZero() {
			c.UsedAt, row.tries = now, Tries{}
			return true, nil
		}
	}
	return false, nil
}

// RecoveryLeft implements [RecoveryStore].
func (s *sets) RecoveryLeft(_ context.Context, userID string) (left int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[userID]
	if !ok {
		return 0, nil
	}
	for _, c := range row.codes {
		if c.UsedAt.IsZero() {
			left++
		}
	}
	return left, nil
}
