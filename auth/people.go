package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/session"
)

// A PasswordError says which rules a new password does not meet: all of them at once.
type PasswordError struct {
	Unmet []password.Unmet
}

// Reason is ReasonPasswordReused where that is all that is wrong, and else ReasonPasswordPolicy.
func (e *PasswordError) Reason() Reason {
	if len(e.Unmet) == 1 && e.Unmet[0].Rule == password.Reused {
		return ReasonPasswordReused
	}
	return ReasonPasswordPolicy
}

func (e *PasswordError) Error() string {
	rules := make([]string, len(e.Unmet))
	for i, u := range e.Unmet {
		rules[i] = string(u.Rule)
	}
	return "auth: the password does not meet the rules: " + strings.Join(rules, ", ")
}

// ImportHash gives a person who has no password the hash of one from another system: bcrypt, PBKDF2, or whatever the Verifiers of
// Config.Passwords read. Nothing is judged. At the next sign-in it is replaced by a hash of today's.
// ErrConflict: the person has a password already. ErrNotFound: no such person.
func (m *Manager) ImportHash(ctx context.Context, userID, hash string) error {
	u, err := m.users.UserByID(ctx, userID)
	if err != nil {
		return fmt.Errorf("auth: importing a hash: reading the user: %w", err)
	}
	cred, err := m.credential(ctx, u.ID)
	if err != nil {
		return err
	}
	if cred.Hash != "" {
		return fmt.Errorf("auth: importing a hash: the person has a password: %w", ErrConflict)
	}
	now := m.now()
	if err := m.note(ctx, Event{Kind: PasswordSet, Time: now, UserID: u.ID}); err != nil {
		return err
	}
	next := Credential{UserID: u.ID, Hash: hash, Version: cred.Version, ChangedAt: now, LockedAt: cred.LockedAt, RecoveryEmail: cred.RecoveryEmail}
	if err := m.stores.Credentials.SwapCredential(ctx, next); err != nil {
		return fmt.Errorf("auth: importing a hash: %w", err)
	}
	return nil
}

// ListSessions answers a person's sessions, newest first.
func (m *Manager) ListSessions(ctx context.Context, userID string) ([]session.Session, error) {
	return m.sessions.List(ctx, userID)
}

// HasPassword tells whether a person has a password: for administrators, and for the person, never for a stranger.
func (m *Manager) HasPassword(ctx context.Context, userID string) (bool, error) {
	cred, err := m.credential(ctx, userID)
	return cred.Hash != "", err
}

// PasswordRules is the policy that a new password of this person is judged by: what a page says before anybody types.
func (m *Manager) PasswordRules(ctx context.Context, userID string) (password.Policy, error) {
	members, err := m.memberships(ctx, userID, m.now())
	return m.judgeOf(members).Policy, err
}

// User answers a person by id, as the host's Users does. ErrNotFound: no such person.
func (m *Manager) User(ctx context.Context, id string) (User, error) {
	u, err := m.users.UserByID(ctx, id)
	if err != nil {
		return User{}, fmt.Errorf("auth: reading a user: %w", err)
	}
	return u, nil
}

// SignOut ends the session that a cookie's token opens. A token that opens nothing is not an error.
func (m *Manager) SignOut(ctx context.Context, sessionToken string, c Client) error {
	s, err := m.sessions.Lookup(ctx, sessionToken)
	if errors.Is(err, session.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("auth: signing out: %w", err)
	}
	e := m.event(SignedOut, m.now(), c)
	e.UserID, e.AccountID, e.SessionID, e.DeviceID = s.UserID, s.AccountID, s.ID, s.DeviceID
	if err := m.note(ctx, e); err != nil {
		return err
	}
	return m.sessions.SignOut(ctx, sessionToken)
}

// EndSession ends one session of a person, by its ID. session.ErrNotFound: the person has no such session.
func (m *Manager) EndSession(ctx context.Context, userID, id string) error {
	if err := m.note(ctx, Event{Kind: SessionEnded, Time: m.now(), UserID: userID, SessionID: id}); err != nil {
		return err
	}
	return m.sessions.End(ctx, userID, id)
}

// EndOtherSessions ends every session of the person but this one.
func (m *Manager) EndOtherSessions(ctx context.Context, s session.Session) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), UserID: s.UserID, SessionID: s.ID}); err != nil {
		return err
	}
	return m.sessions.EndOthers(ctx, s)
}

// EndUser ends every session and device record of a person, wherever they are, and every sign-in under way: what was proven in it
// counts for nothing. The password stays. Call it after suspending or deleting somebody: first change the person, then end, then
// answer.
func (m *Manager) EndUser(ctx context.Context, userID string) error {
	if err := m.Invalidate(ctx, userID, ChangeEnded, ""); err != nil {
		return err
	}
	return m.reopen(ctx, userID)
}

// forcedWithin is how far ahead a forced sign-out may lie.
const forcedWithin = 14 * day

// EndAccountAt appoints the end of every session in a company that is made before a date: the forced sign-out that follows when a
// company begins to require two-step verification. day is any instant of that date in the administrator's zone, which is its
// Location; the sessions end as the day begins there, and today's end at once. It needs no job on time; a later call replaces the
// appointment. The policy itself stands in the company's Policy and counts from the next sign-in on.
//
// Reason ReasonDateOutOfRange: the date is not from today to 14 days on.
func (m *Manager) EndAccountAt(ctx context.Context, accountID string, day time.Time) (at time.Time, why Reason, err error) {
	now := m.now().In(day.Location())
	at = midnight(day)
	if at.Before(midnight(now)) || at.After(midnight(now.Add(forcedWithin))) {
		return time.Time{}, ReasonDateOutOfRange, nil
	}
	if err := m.note(ctx, Event{Kind: SignOutAppointed, Time: now, AccountID: accountID, Due: at}); err != nil {
		return time.Time{}, "", err
	}
	if !at.After(now) {
		return at, "", m.sessions.CutAccount(ctx, accountID)
	}
	return at, "", m.sessions.CutAccountAt(ctx, accountID, at)
}

// midnight is when a date begins in its place.
func midnight(t time.Time) time.Time {
	y, month, d := t.Date()
	return time.Date(y, month, d, 0, 0, 0, 0, t.Location())
}

// EndAccount ends every session in a company, of all its people. Call it after suspending the company. After shutting one person
// out of it call EndUser instead.
func (m *Manager) EndAccount(ctx context.Context, accountID string) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), AccountID: accountID}); err != nil {
		return err
	}
	return m.sessions.CutAccount(ctx, accountID)
}
