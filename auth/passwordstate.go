package auth

import (
	"context"
	"time"
)

// A PasswordState is how a person stands with their password: for the person, and for administrators, never for a stranger.
type PasswordState struct {
	Set       bool      // there is one
	ChangedAt time.Time // since when it is this one; zero: there is none

	// SSO says that the domain of the person's address asks for its company's own sign-in: no password counts, and neither address
	// nor recovery address can be changed here.
	SSO bool
}

// PasswordState tells how a person stands with their password. ErrNotFound: no such person.
func (m *Manager) PasswordState(ctx context.Context, userID string) (PasswordState, error) {
	u, err := m.User(ctx, userID)
	if err != nil {
		return PasswordState{}, err
	}
	cred, err := m.credential(ctx, userID)
	if err != nil {
		return PasswordState{}, err
	}
	rule, err := m.domainRule(ctx, u.Email)
	if err != nil {
		return PasswordState{}, err
	}
	ssoOnly, err := m.ssoOnly(ctx, userID, rule, m.now())
	if err != nil {
		return PasswordState{}, err
	}
	s := PasswordState{Set: cred.Hash != "", SSO: ssoOnly}
	if s.Set {
		s.ChangedAt = cred.ChangedAt
	}
	return s, nil
}
