package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// tickets implements auth.Tickets.
type tickets struct {
	mu    sync.Mutex
	rows  queue[auth.Ticket]    // by key
	slots map[[32]byte][32]byte // the key of the ticket in a slot
}

// PutTicket implements auth.Tickets.
func (s *tickets) PutTicket(_ context.Context, t auth.Ticket, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stands, taken := s.rows.get(t.Key); taken && stands.Slot != t.Slot {
		return auth.ErrConflict
	}
	if old, taken := s.slots[t.Slot]; taken {
		s.rows.delete(old)
		delete(s.slots, t.Slot)
	}
	s.deleteLocked(sweepLimit, sweepLimit, func(old auth.Ticket) bool { return !now.Before(old.ExpiresAt) })
	if s.rows.full() {
		s.deleteLocked(1, 1, func(auth.Ticket) bool { return true })
	}
	t.Body = slices.Clone(t.Body)
	s.rows.put(t.Key, t)
	if s.slots == nil {
		s.slots = map[[32]byte][32]byte{}
	}
	s.slots[t.Slot] = t.Key
	return nil
}

// deleteLocked deletes as deleteWhere does, and empties the slots.
func (s *tickets) deleteLocked(look, limit int, ended func(auth.Ticket) bool) int {
	return s.rows.deleteWhere(look, limit, func(t auth.Ticket) bool {
		if !ended(t) {
			return false
		}
		delete(s.slots, t.Slot)
		return true
	})
}

// Ticket implements auth.Tickets.
func (s *tickets) Ticket(_ context.Context, key [32]byte) (auth.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ticketLocked(key)
}

// TicketIn implements auth.Tickets.
func (s *tickets) TicketIn(_ context.Context, slot [32]byte) (auth.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := s.slots[slot]
	if !ok {
		return auth.Ticket{}, auth.ErrNotFound
	}
	return s.ticketLocked(key)
}

func (s *tickets) ticketLocked(key [32]byte) (auth.Ticket, error) {
	t, ok := s.rows.get(key)
	if !ok {
		return auth.Ticket{}, auth.ErrNotFound
	}
	t.Body = slices.Clone(t.Body)
	return t, nil
}

// TakeTicket implements auth.Tickets.
func (s *tickets) TakeTicket(_ context.Context, key [32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.rows.get(key)
	if !ok {
		return auth.ErrNotFound
	}
	s.rows.delete(key)
	delete(s.slots, t.Slot)
	return nil
}

// DropTicket implements auth.Tickets.
func (s *tickets) DropTicket(_ context.Context, slot [32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key, ok := s.slots[slot]; ok {
		s.rows.delete(key)
		delete(s.slots, slot)
	}
	return nil
}

func (s *tickets) deleteExpired(now time.Time, limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deleteLocked(len(s.rows.rows), limit, func(t auth.Ticket) bool { return !now.Before(t.ExpiresAt) })
}
