package auth

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/session"
)

// RecoveryEmail is the address that a person's resets are mailed to, and the one that waits to be confirmed as such. Empty: there is
// none; also after a new password of a locked account, see Change. It is for the person, and for administrators.
func (m *Manager) RecoveryEmail(ctx context.Context, userID string) (email, pending string, err error) {
	cred, err := m.credential(ctx, userID)
	if err != nil {
		return "", "", err
	}
	pending, err = m.pending(ctx, recoveryLinks(), userID)
	return cred.RecoveryEmail, pending, err
}

// AskRecoveryEmail mails a link to an address that a person wants resets to go to; ConfirmRecoveryEmail takes it within 24 hours, in
// a session of this person.
//
// Reasons: ReasonProofRequired (see RecentlyProven), ReasonEmailInvalid, ReasonRecoverySame, ReasonSSORequired (the domain of the
// person's address asks for its company's own sign-in: there is nothing to reset), ReasonTooManyAttempts, ReasonForbidden (nothing can
// be mailed).
func (m *Manager) AskRecoveryEmail(ctx context.Context, s session.Session, typed string, c Client) (Answer, error) {
	now := m.now()
	o, why, err := m.change(ctx, s, now)
	if err != nil || why != "" {
		return Answer{Reason: why}, err
	}
	a, err := address.Parse(typed)
	switch {
	case !m.CanMail():
		return Answer{Reason: ReasonForbidden}, nil
	case o.ssoOnly:
		return Answer{Reason: ReasonSSORequired}, nil
	case err != nil:
		return Answer{Reason: ReasonEmailInvalid}, nil
	case a.Canonical == accountOf(o.user):
		return Answer{Reason: ReasonRecoverySame}, nil
	}
	if answer, err := m.chargeChange(ctx, "recovery address", o, a.Canonical, c, now); err != nil || answer.Reason != "" {
		return answer, err
	}
	to, ends, err := m.mailable(ctx, recoveryLinks(), o.user.ID, link{
		UserID: o.user.ID, Version: o.cred.Version, Address: accountOf(o.user), To: a.Canonical,
	}, now)
	if err != nil {
		return Answer{}, err
	}
	l := m.letter(mail.RecoveryConfirm, User{ID: o.user.ID, Email: a.Typed, Locale: o.user.Locale}, "", c, now)
	l.Link, l.ExpiresAt = to, ends
	return Answer{}, m.post(ctx, l)
}

// DropRecoveryEmail takes back what AskRecoveryEmail began: the link that was mailed counts no longer.
func (m *Manager) DropRecoveryEmail(ctx context.Context, s session.Session) error {
	return m.dropTickets(ctx, recoveryLinks(), s.UserID)
}

// CheckRecoveryEmail tells which address a mailed link is to make the recovery address, or why it counts no longer: ReasonLinkExpired,
// ReasonOtherUser. It changes nothing. session.ErrNotFound: nobody is signed in, and the page asks for that first.
func (m *Manager) CheckRecoveryEmail(ctx context.Context, linkToken string, c Client) (to string, why Reason, err error) {
	_, l, why, err := m.confirmable(ctx, recoveryLinks(), linkToken, c)
	return l.To, why, err
}

// ConfirmRecoveryEmail makes the address that a mailed link is about the recovery address of the person who is signed in. It ends
// what ChangeRecovery ends; this session goes on under a new token (Done).
//
// Reasons: ReasonLinkExpired, ReasonOtherUser, ReasonSSORequired (the company's own sign-in came meanwhile). session.ErrNotFound: nobody is signed in.
func (m *Manager) ConfirmRecoveryEmail(ctx context.Context, linkToken string, c Client) (Done, Answer, error) {
	o, l, why, err := m.confirmable(ctx, recoveryLinks(), linkToken, c)
	if err != nil || why != "" {
		return Done{}, Answer{Reason: why}, err
	}
	if o.ssoOnly {
		return Done{}, Answer{Reason: ReasonSSORequired}, nil
	}
	done, a, err := m.setRecovery(ctx, o, l.To, c)
	if err == nil && a.Reason == "" {
		err = m.spent(context.WithoutCancel(ctx), l)
	}
	return done, a, err
}

// RemoveRecoveryEmail takes the recovery address away: resets go to the person's own address again. It ends what ChangeRecovery ends;
// this session goes on under a new token (Done). Reason ReasonProofRequired.
func (m *Manager) RemoveRecoveryEmail(ctx context.Context, s session.Session, c Client) (Done, Answer, error) {
	o, why, err := m.change(ctx, s, m.now())
	if err != nil || why != "" {
		return Done{}, Answer{Reason: why}, err
	}
	return m.setRecovery(ctx, o, "", c)
}

// setRecovery writes the recovery address, where nothing else about the person's credential has changed meanwhile, and tells the
// person's own address and the one that it takes the place of.
func (m *Manager) setRecovery(ctx context.Context, o owner, to string, c Client) (Done, Answer, error) {
	now := m.now()
	e := m.event(RecoveryChanged, now, c)
	e.UserID, e.SessionID, e.Change = o.user.ID, o.session.ID, ChangeRecovery
	if err := m.note(ctx, e); err != nil {
		return Done{}, Answer{}, err
	}
	notices, undo, err := m.announceRecovery(ctx, o, to, c, now)
	if err != nil {
		return Done{}, Answer{}, err
	}
	if err := m.endBy(ctx, o.user.ID, ChangeRecovery, o.session.ID); err != nil {
		return Done{}, Answer{}, err
	}
	next := o.cred
	next.UserID, next.RecoveryEmail = o.user.ID, to
	err = m.stores.Credentials.SwapCredential(ctx, next) // at a new version, which ends what was proven, mailed or opened before
	if errors.Is(err, ErrConflict) {
		return Done{}, Answer{Reason: ReasonLinkExpired}, m.notRecovered(ctx, o, to, notices, undo)
	}
	if err != nil {
		return Done{}, Answer{}, wrapped("auth: writing a recovery address", err)
	}
	if err := m.endBy(context.WithoutCancel(ctx), o.user.ID, ChangeRecovery, o.session.ID); err != nil {
		return Done{}, Answer{}, err
	}
	done, err := m.renew(ctx, o, c)
	return done, Answer{}, err
}

// announceRecovery tells the person's own address of the new recovery address, and the one that it takes the place of. The next reset
// would be mailed to the new one alone: so the person's own address can take the change back for seven days, as UndoEmail says.
func (m *Manager) announceRecovery(ctx context.Context, o owner, to string, c Client, now time.Time) (notices []string, undo [32]byte, err error) {
	l := m.letter(mail.RecoveryChanged, o.user, "", c, now)
	l.NewEmail = to
	if old := o.cred.RecoveryEmail; old != "" && old != o.user.Email {
		other := l
		other.To = old
		id, err := m.announce(ctx, other)
		if err != nil {
			return nil, undo, err
		}
		notices = append(notices, id)
	}
	if to != "" { // without a recovery address resets come to the person's own again: there is nothing to take back
		if undo, err = m.wayBack(ctx, o, &l, now); err != nil {
			return notices, undo, err
		}
	}
	id, err := m.announce(ctx, l)
	return append(notices, id), undo, err
}

// notRecovered takes the letters back of a recovery address that could not be set. Where another tab has set the same, whoever asked
// last keeps theirs: it has the link that counts, and what it says is true.
func (m *Manager) notRecovered(ctx context.Context, o owner, to string, notices []string, undo [32]byte) error {
	cred, err := m.credential(ctx, o.user.ID)
	if err != nil {
		return err
	}
	if cred.RecoveryEmail == to {
		_, err := m.stores.Tickets.Ticket(ctx, undo)
		if !errors.Is(err, ErrNotFound) {
			return wrapped("auth: reading a link", err)
		}
	}
	return errors.Join(m.retract(ctx, notices...), m.withdraw(ctx, undo))
}
