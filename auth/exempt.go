package auth

import (
	"context"
	"errors"
	"fmt"
)

// SetMemberSSO says what a company asks of one of its people, beside what its domain asks of all: to keep their password where the company's
// own sign-in is enforced, for the day when that is broken, or to use it where others need not. Who may is for the caller to say.
//
// Reason ReasonExemptNeedsTwoStep: whoever is exempt needs an authenticator app before. ErrNotFound: the person is no member of the company.
func (m *Manager) SetMemberSSO(ctx context.Context, accountID, userID string, o SSOOverride) (Reason, error) {
	if m.members == nil {
		return "", errors.New("auth: Config.Members is required to exempt anybody")
	}
	switch o {
	case SSOInherit, SSOExempt, SSORequired:
	default:
		return "", fmt.Errorf("auth: the override %q is none of inherit (empty), exempt, required", o)
	}
	if o == SSOExempt {
		app, err := m.app(ctx, userID)
		if err != nil {
			return "", err
		}
		if app.ID == "" {
			return ReasonExemptNeedsTwoStep, nil
		}
	}
	if err := m.note(ctx, Event{Kind: SSOChanged, Time: m.now(), UserID: userID, AccountID: accountID, Override: o}); err != nil {
		return "", err
	}
	return "", wrapped("auth: changing a member", m.members.SetMemberSSO(ctx, accountID, userID, o))
}

// Identities answers who a person is at their companies, by when that was linked.
func (m *Manager) Identities(ctx context.Context, userID string) ([]Link, error) {
	if m.stores.Identities == nil {
		return nil, nil
	}
	all, err := m.stores.Identities.Identities(ctx, userID)
	return all, wrapped("auth: reading identities", err)
}

// Unbind takes a person's identity at their company back, so that the next arrival binds another: for an administrator, after
// ReasonSSOSubjectChanged. It ends every session and sign-in of the person. ErrNotFound: the person has no such identity.
func (m *Manager) Unbind(ctx context.Context, userID, linkID string) error {
	if m.stores.Identities == nil {
		return ErrNotFound
	}
	if err := m.note(ctx, Event{Kind: IdentityUnlinked, Time: m.now(), UserID: userID}); err != nil {
		return err
	}
	if err := m.EndUser(ctx, userID); err != nil {
		return err
	}
	if err := m.stores.Identities.UnlinkIdentity(ctx, userID, linkID, nil); err != nil {
		return wrapped("auth: unlinking an identity", err)
	}
	return m.EndUser(ctx, userID)
}
