package sso

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// connections implements Store.
type connections struct {
	mu   sync.Mutex
	rows map[string]ConnectionRow // Version 0: deleted, and only whose it was is kept
}

// CreateConnection implements [Store].
func (s *connections) CreateConnection(_ context.Context, c ConnectionRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, taken := s.rows[c.ID]; taken && (was.Version != 0 || was.AccountID != c.AccountID) {
		return ErrConflict
	}
	s.writeLocked(c, 1)
	return nil
}

// ConnectionRow implements [Store].
func (s *connections) ConnectionRow(_ context.Context, id string) (ConnectionRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[id]
	if !ok || row.Version == 0 {
		return ConnectionRow{}, ErrNotFound
	}
	return own(row), nil
}

// ConnectionRows implements [Store].
func (s *connections) ConnectionRows(_ context.Context, accountID string) ([]ConnectionRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ConnectionRow
	for _, row := range s.rows {
		if row.AccountID == accountID && row.Version != 0 {
			all = append(all, own(row))
		}
	}
	slices.SortFunc(all, func(a, b ConnectionRow) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// SwapConnection implements [Store].
func (s *connections) SwapConnection(_ context.Context, c ConnectionRow) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[c.ID]
	switch {
	case !ok, row.Version == 0, row.AccountID != c.AccountID:
		return ErrNotFound
	case row.Version != c.Version:
		return ErrConflict
	}
	s.writeLocked(c, c.Version+1)
	return nil
}

// DeleteConnection implements [Store].
func (s *connections) DeleteConnection(_ context.Context, id string, version int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[id]
	switch {
	case !ok, row.Version == 0:
		return ErrNotFound
	case row.Version != version:
		return ErrConflict
	}
	s.rows[id] = ConnectionRow{ID: row.ID, AccountID: row.AccountID}
	return nil
}

// ClaimRefresh implements [Store].
func (s *connections) ClaimRefresh(_ context.Context, now, until time.Time, limit int) ([]ConnectionRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []ConnectionRow
	for _, row := range s.rows {
		if !row.RefreshAt.IsZero() && !now.Before(row.RefreshAt) {
			due = append(due, row)
		}
	}
	slices.SortFunc(due, func(a, b ConnectionRow) int {
		return cmp.Or(a.RefreshAt.Compare(b.RefreshAt), strings.Compare(a.ID, b.ID))
	})
	due = due[:min(len(due), max(limit, 0))]
	for i := range due {
		due[i].RefreshAt = until
		s.rows[due[i].ID] = due[i]
		due[i] = own(due[i])
	}
	return due, nil
}

// writeLocked keeps a row without its Domains, which are not the store's to be told.
func (s *connections) writeLocked(c ConnectionRow, version int64) {
	c.Version, c.Domains = version, nil
	s.rows[c.ID] = own(c)
}

// own is the row with a Body of its own, so that no caller can change what is kept.
func own(row ConnectionRow) ConnectionRow {
	row.Body = slices.Clone(row.Body)
	return row
}
