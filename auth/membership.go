package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// Memberships answers all memberships of a person as they count now, whatever their state: a lapsed company whose grace has ended
// is answered as expired.
func (m *Manager) Memberships(ctx context.Context, userID string) ([]Membership, error) {
	return m.memberships(ctx, userID, m.now())
}

func (m *Manager) memberships(ctx context.Context, userID string, now time.Time) ([]Membership, error) {
	all, err := m.companies.Memberships(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("auth: reading memberships: %w", err)
	}
	all = slices.Clone(all)
	for i := range all {
		all[i] = all[i].at(now)
	}
	return all, nil
}

// at is the membership as it counts at this moment.
func (m Membership) at(now time.Time) Membership {
	if m.AccountState == AccountLapsed && !m.GraceEnds.IsZero() && !now.Before(m.GraceEnds) {
		m.AccountState = AccountExpired
	}
	return m
}

// in is the person's membership in one company; false: there is none.
func in(all []Membership, accountID string) (Membership, bool) {
	i := slices.IndexFunc(all, func(m Membership) bool { return m.AccountID == accountID })
	if accountID == "" || i < 0 {
		return Membership{}, false
	}
	return all[i], true
}

// EndMember ends a person's sessions in one company, and every sign-in and mailed link of theirs that is under way. Sessions in other
// companies live on, but for one that is entering this company at that moment. Call it after suspending or removing a member: first
// change the membership, then end, then answer.
func (m *Manager) EndMember(ctx context.Context, userID, accountID string) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), UserID: userID, AccountID: accountID}); err != nil {
		return err
	}
	// First the version, so that a sign-in that is finishing finds it moved: see stillMeant.
	if _, err := m.stores.Credentials.MoveCredential(ctx, userID, time.Time{}); err != nil {
		return fmt.Errorf("auth: moving a credential's version: %w", err)
	}
	return m.endWhere(ctx, userID, func(s session.Session) bool { return s.AccountID == accountID })
}
