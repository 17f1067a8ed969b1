package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// credentials implements auth.Credentials.
type credentials struct {
	mu   sync.Mutex
	rows map[string]auth.Credential // by person
}

// Credential implements auth.Credentials.
func (s *credentials) Credential(_ context.Context, userID string) (auth.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.rows[userID]
	if !ok {
		return auth.Credential{}, auth.ErrNotFound
	}
	c.History = slices.Clone(c.History)
	return c, nil
}

// SwapCredential implements auth.Credentials.
func (s *credentials) SwapCredential(_ context.Context, c auth.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[c.UserID].Version != c.Version {
		return auth.ErrConflict
	}
	c.Version++
	c.History = slices.Clone(c.History)
	put(&s.rows, c.UserID, c)
	return nil
}

// MoveCredential implements auth.Credentials.
func (s *credentials) MoveCredential(_ context.Context, userID string, lockedAt time.Time) (version int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.rows[userID]
	c.UserID = userID
	c.Version++
	if !lockedAt.IsZero() {
		c.LockedAt = lockedAt
	}
	put(&s.rows, userID, c)
	return c.Version, nil
}

// UpgradeHash implements auth.Credentials.
func (s *credentials) UpgradeHash(_ context.Context, userID string, version int64, hash string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.rows[userID]
	if !ok || c.Version != version {
		return auth.ErrConflict
	}
	c.Hash = hash
	s.rows[userID] = c
	return nil
}
