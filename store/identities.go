package store

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// identities implements auth.Identities. There are few at a time: it reads them all.
type identities struct {
	mu   sync.RWMutex
	rows map[identity]auth.Link
}

// An identity is who somebody is elsewhere.
type identity struct{ source, subject string }

// IdentityBy implements auth.Identities.
func (s *identities) IdentityBy(_ context.Context, source, subject string) (auth.Link, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return find(s.rows, identity{source, subject})
}

// Identities implements auth.Identities.
func (s *identities) Identities(_ context.Context, userID string) ([]auth.Link, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []auth.Link
	for _, l := range s.rows {
		if l.UserID == userID {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b auth.Link) int {
		return cmp.Or(a.LinkedAt.Compare(b.LinkedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// LinkIdentity implements auth.Identities.
func (s *identities) LinkIdentity(_ context.Context, l auth.Link) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, taken := s.rows[identity{l.Source, l.Subject}]; taken {
		if was.UserID != l.UserID {
			return auth.ErrConflict
		}
		return nil
	}
	for _, other := range s.rows {
		if other.ID == l.ID || other.UserID == l.UserID && other.Source == l.Source {
			return auth.ErrConflict
		}
	}
	put(&s.rows, identity{l.Source, l.Subject}, l)
	return nil
}

// UseIdentity implements auth.Identities.
func (s *identities) UseIdentity(_ context.Context, source, subject string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return set(s.rows, identity{source, subject}, func(l *auth.Link) {
		if l.UsedAt.Before(now) {
			l.UsedAt = now
		}
	})
}

// UnlinkIdentity implements auth.Identities.
func (s *identities) UnlinkIdentity(_ context.Context, userID, id string, providers []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *identity
	stays := providers == nil
	for at, l := range s.rows {
		switch {
		case l.UserID != userID:
		case l.ID == id:
			found = &at
		default:
			stays = stays || slices.Contains(providers, l.Provider)
		}
	}
	switch {
	case found == nil:
		return auth.ErrNotFound
	case !stays:
		return auth.ErrConflict
	}
	delete(s.rows, *found)
	return nil
}

// UnlinkIdentities implements auth.Identities.
func (s *identities) UnlinkIdentities(_ context.Context, userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, l := range s.rows {
		if l.UserID == userID {
			delete(s.rows, at)
		}
	}
	return nil
}
