package sso

import (
	"context"
	"slices"
	"sync"
	"time"
)

// logins implements Logins.
type logins struct {
	mu       sync.Mutex
	rows     table[string, LoginRow] // by session
	subjects names
	indexes  names
}

// AddLogin implements [Logins].
func (l *logins) AddLogin(_ context.Context, row LoginRow, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked(row.SessionID)
	l.sweepLocked(now, sweepLimit)
	row.Body = slices.Clone(row.Body)
	l.rows.put(row.SessionID, row, row.ExpiresAt)
	l.subjects.add(row.Connection, row.Subject, row.SessionID)
	l.indexes.add(row.Connection, row.Index, row.SessionID)
	return nil
}

// LoginOf implements [Logins].
func (l *logins) LoginOf(_ context.Context, sessionID string) (LoginRow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	row, ok := l.rows.get(sessionID)
	if !ok {
		return LoginRow{}, ErrNotFound
	}
	row.Body = slices.Clone(row.Body)
	return row, nil
}

// TakeLogins implements [Logins].
func (l *logins) TakeLogins(_ context.Context, connection string, subject [32]byte, indexes [][32]byte) ([]LoginRow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var taken []LoginRow
	for _, id := range l.namedLocked(connection, subject, indexes) {
		row, _ := l.rows.get(id)
		taken = append(taken, row)
		l.dropLocked(id)
	}
	return taken, nil
}

// namedLocked answers which sessions TakeLogins is about, each once.
func (l *logins) namedLocked(connection string, subject [32]byte, indexes [][32]byte) []string {
	var ids []string
	if len(indexes) == 0 {
		if subject != ([32]byte{}) {
			ids = l.subjects.of(connection, subject)
		}
		return ids
	}
	for _, index := range indexes {
		if index == ([32]byte{}) {
			continue
		}
		for _, id := range l.indexes.of(connection, index) {
			if row, _ := l.rows.get(id); subject == ([32]byte{}) || row.Subject == subject {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// DropLogin implements [Logins].
func (l *logins) DropLogin(_ context.Context, sessionID string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked(sessionID)
	return nil
}

func (l *logins) dropLocked(sessionID string) {
	if row, ok := l.rows.get(sessionID); ok {
		l.rows.drop(sessionID)
		l.forgetLocked(row)
	}
}

// forgetLocked takes the names of a row away that has gone.
func (l *logins) forgetLocked(row LoginRow) {
	l.subjects.remove(row.Connection, row.Subject, row.SessionID)
	l.indexes.remove(row.Connection, row.Index, row.SessionID)
}

func (l *logins) sweepLocked(now time.Time, limit int) int {
	ended := l.rows.sweep(now, limit)
	for _, row := range ended {
		l.forgetLocked(row)
	}
	return len(ended)
}

func (l *logins) deleteExpired(now time.Time, limit int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sweepLocked(now, limit)
}

// names finds sessions by what a connection calls something.
type names map[named]map[string]bool

type named struct {
	connection string
	mac        [32]byte
}

func (n names) of(connection string, mac [32]byte) (ids []string) {
	for id := range n[named{connection, mac}] {
		ids = append(ids, id)
	}
	return ids
}

func (n names) add(connection string, mac [32]byte, id string) {
	at := named{connection, mac}
	if n[at] == nil {
		n[at] = map[string]bool{}
	}
	n[at][id] = true
}

func (n names) remove(connection string, mac [32]byte, id string) {
	at := named{connection, mac}
	delete(n[at], id)
	if len(n[at]) == 0 {
		delete(n, at)
	}
}
