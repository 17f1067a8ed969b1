package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// socialRequests implements social.Requests.
type socialRequests struct {
	mu   sync.Mutex
	rows queue[social.RequestRow]
}

// CreateSocialRequest implements social.Requests.
func (s *socialRequests) CreateSocialRequest(_ context.Context, key [32]byte, r social.RequestRow, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.rows.get(key); taken {
		return social.ErrConflict
	}
	s.rows.deleteWhere(sweepLimit, sweepLimit, func(old social.RequestRow) bool { return !now.Before(old.ExpiresAt) })
	if s.rows.full() {
		s.rows.deleteWhere(1, 1, func(social.RequestRow) bool { return true })
	}
	r.Body = slices.Clone(r.Body)
	s.rows.put(key, r)
	return nil
}

// TakeSocialRequest implements social.Requests.
func (s *socialRequests) TakeSocialRequest(_ context.Context, key [32]byte, now time.Time) (social.RequestRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows.get(key)
	if !ok || !now.Before(r.ExpiresAt) {
		return social.RequestRow{}, social.ErrNotFound
	}
	s.rows.delete(key)
	return r, nil
}

func (s *socialRequests) deleteExpired(now time.Time, limit int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows.deleteWhere(len(s.rows.rows), limit, func(r social.RequestRow) bool { return !now.Before(r.ExpiresAt) })
}
