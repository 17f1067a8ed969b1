package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// A Change is something about a person that ends what came before it. What each one ends:
//
//	Change               sessions            device records   sign-ins, codes and links under way
//	ChangePassword       all but the one     all              all but the one
//	ChangePasswordKept   none                all              all
//	ChangeVerified       all                 all              all                                    and everything that was set up
//	ChangeEmail          all but the one     all              all
//	ChangeEmailUndone    all                 all              all                                    and the account is locked
//	ChangeRecovery       all but the one     all              all
//	ChangeApp            all but the one     all              all but the one
//	ChangeAppGone        all but the one     all              all
//	ChangeReported       all but the one     the reported     all                                    and the account is locked
//	ChangeLocked         all                 all              all                                    and the account is locked
//	ChangeLinked         none                all              all but the one
//	ChangeUnlinked       all but the one     all              all
//	ChangeEnded          all                 all              all
//
// "The one" is the session, or the sign-in, in which the change is made; a new password that comes by a mailed link, or from an
// administrator, has none. ChangePasswordKept is such a link with the box "Sign out of all sessions" left unticked. With
// Preset.KeepOnReport a report ends the sessions of the reported device, and what is under way. A locked account opens for a new
// password, and has no recovery address and no social accounts then: whoever had the account may have set the one and connected the others. Everything that was set up goes with the password
// that proves the address; Invalidate alone takes no app away.
type Change string

const (
	ChangePassword     Change = "password"      // a new password
	ChangePasswordKept Change = "password_kept" // a new password by a mailed link, and the sessions stay
	ChangeVerified     Change = "verified"      // an address was proven for the first time, by a mailed link and a new password: what was set up before may be somebody else's
	ChangeEmail        Change = "email"         // another address
	ChangeEmailUndone  Change = "email_undone"  // the old address took that back
	ChangeRecovery     Change = "recovery"      // another recovery address, or none any more
	ChangeApp          Change = "app"           // an authenticator app was set up, or took the place of another
	ChangeAppGone      Change = "app_gone"      // two-step verification was turned off, or taken away by an administrator
	ChangeReported     Change = "reported"      // the person does not recognize a device
	ChangeLocked       Change = "locked"        // a suspicious sign-in
	ChangeLinked       Change = "linked"        // the company's own sign-in, or a social account, is this person's from now on
	ChangeUnlinked     Change = "unlinked"      // a social account is this person's no longer
	ChangeEnded        Change = "ended"         // suspended, deleted, or whatever else a host has for a reason: EndUser
)

// An ending is a line of the table at Change.
type ending struct {
	others  bool // one session may be kept
	none    bool // all sessions are
	devices bool // all device records go
	locks   bool
}

// endings is the table.
func (c Change) endings() ending {
	return map[Change]ending{
		ChangePassword:     {devices: true, others: true},
		ChangePasswordKept: {devices: true, none: true},
		ChangeVerified:     {devices: true},
		ChangeEmail:        {devices: true, others: true},
		ChangeEmailUndone:  {devices: true, locks: true},
		ChangeRecovery:     {devices: true, others: true},
		ChangeApp:          {devices: true, others: true},
		ChangeAppGone:      {devices: true, others: true},
		ChangeReported:     {others: true, locks: true},
		ChangeLocked:       {devices: true, locks: true},
		ChangeLinked:       {devices: true, none: true},
		ChangeUnlinked:     {devices: true, others: true},
		ChangeEnded:        {devices: true},
	}[c]
}

// Invalidate ends what a change of a person must end, as the table at Change says. keep is the ID of the session that may stay;
// empty: none. The library calls it for every change that it makes itself; a host calls it for one of its own, after the change.
func (m *Manager) Invalidate(ctx context.Context, userID string, why Change, keep string) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), UserID: userID, SessionID: keep, Change: why}); err != nil {
		return err
	}
	_, err := m.invalidate(ctx, userID, why, keep)
	return err
}

// invalidate moves the credential's version, so that nothing that was proven, mailed or opened before counts any more, and then
// ends sessions and device records: sessions first, because a sign-in that is finishing makes them in the other order. It answers
// the version that counts from now on. It can be repeated.
func (m *Manager) invalidate(ctx context.Context, userID string, why Change, keep string) (version int64, err error) {
	e := why.endings()
	var lock time.Time
	if e.locks {
		lock = m.now()
	}
	if version, err = m.stores.Credentials.MoveCredential(ctx, userID, lock); err != nil { // see stillMeant
		return 0, fmt.Errorf("auth: moving a credential's version: %w", err)
	}
	return version, m.endBy(ctx, userID, why, keep)
}

// endBy ends the sessions and device records that a change ends.
func (m *Manager) endBy(ctx context.Context, userID string, why Change, keep string) error {
	e := why.endings()
	var err error
	switch {
	case e.none:
	case e.others && keep != "":
		err = m.sessions.EndOthers(ctx, session.Session{ID: keep, UserID: userID})
	default:
		err = m.sessions.EndAll(ctx, userID)
	}
	if err != nil {
		return fmt.Errorf("auth: ending sessions: %w", err)
	}
	if !e.devices {
		return nil
	}
	if err := m.stores.Devices.EndDevices(ctx, userID); err != nil {
		return fmt.Errorf("auth: ending device records: %w", err)
	}
	return nil
}

// endWhere ends those of a person's sessions that is says so of.
func (m *Manager) endWhere(ctx context.Context, userID string, is func(session.Session) bool) error {
	open, err := m.sessions.List(ctx, userID)
	if err != nil {
		return fmt.Errorf("auth: listing sessions: %w", err)
	}
	for _, one := range open {
		if !is(one) {
			continue
		}
		if err := m.sessions.End(ctx, userID, one.ID); err != nil && !errors.Is(err, session.ErrNotFound) {
			return fmt.Errorf("auth: ending a session: %w", err)
		}
	}
	return nil
}

// reopen forgets the guesses at a person's password: with the device records goes the door that strangers could not close.
func (m *Manager) reopen(ctx context.Context, userID string) error {
	u, known, err := found(m.users.UserByID(ctx, userID))
	if err != nil || !known { // deleted, which is a reason to end everything
		return err
	}
	return m.refund(ctx, m.passwordToll(accountOf(u), u.ID, Client{}, ""))
}

// Lock closes every door of a person whose account seems to be in the wrong hands, ends all sessions, and tells the person by
// mail. The next right password is answered with ReasonAccountLocked and a way to set a new one by mail; SetPassword opens it too.
func (m *Manager) Lock(ctx context.Context, userID string) error {
	u, known, err := found(m.users.UserByID(ctx, userID))
	if err != nil || !known {
		return cmp.Or(err, ErrNotFound)
	}
	_, err = m.lock(ctx, u, "", Client{})
	return err
}
