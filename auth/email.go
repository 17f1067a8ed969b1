package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/session"
)

// How many letters a person has sent to other addresses.
const (
	changesAnHour = 5 // askings for another address
	lettersToNew  = 5 // an hour, to one address, whoever asks
)

// CanChangeEmail tells whether people can change their address here.
func (m *Manager) CanChangeEmail() bool { return m.registrar != nil && m.CanMail() }

// AskEmail begins a change of a person's address: it mails a link to the new one, which ConfirmEmail takes within 24 hours in a
// session of this person, and tells the old one. Where the new address is somebody else's, its owner is told instead, and the asker
// learns nothing of it.
//
// Reasons: ReasonProofRequired (see RecentlyProven), ReasonEmailInvalid, ReasonEmailSame, ReasonDomainNotAllowed (the old or the new
// domain asks for its company's own sign-in), ReasonTooManyAttempts, ReasonForbidden (addresses cannot be changed here).
func (m *Manager) AskEmail(ctx context.Context, s session.Session, typed string, c Client) (Answer, error) {
	now := m.now()
	o, why, err := m.change(ctx, s, now)
	if err != nil || why != "" {
		return Answer{Reason: why}, err
	}
	if !m.CanChangeEmail() {
		return Answer{Reason: ReasonForbidden}, nil
	}
	a, err := address.Parse(typed)
	switch {
	case err != nil:
		return Answer{Reason: ReasonEmailInvalid}, nil
	case a.Canonical == accountOf(o.user):
		return Answer{Reason: ReasonEmailSame}, nil
	}
	if allowed, err := m.mayMove(ctx, o, a.Canonical); err != nil || !allowed {
		return Answer{Reason: ReasonDomainNotAllowed}, err
	}
	if answer, err := m.chargeChange(ctx, "address", o, a.Canonical, c, now); err != nil || answer.Reason != "" {
		return answer, err
	}
	other, taken, err := found(m.users.UserByEmail(ctx, a.Canonical))
	if err != nil {
		return Answer{}, err
	}
	e := m.event(EmailAsked, now, c)
	e.UserID, e.SessionID = o.user.ID, s.ID
	if err := m.note(ctx, e); err != nil {
		return Answer{}, err
	}
	to, ends, err := m.mailable(ctx, emailLinks(), o.user.ID, link{
		UserID: o.user.ID, Version: o.cred.Version, Address: accountOf(o.user), To: a.Canonical,
	}, now)
	if err != nil {
		return Answer{}, err
	}
	told := m.letter(mail.EmailAsked, o.user, "", c, now)
	told.NewEmail = a.Canonical
	if _, err := m.announce(ctx, told); err != nil {
		return Answer{}, err
	}
	l := m.letter(mail.EmailConfirm, User{ID: o.user.ID, Email: a.Typed, Locale: o.user.Locale}, "", c, now)
	l.Link, l.ExpiresAt = to, ends
	if taken {
		l = m.letter(mail.EmailTaken, other, "", Client{}, now) // where the asker sits is not the owner's business
	}
	return Answer{}, m.post(ctx, l)
}

// mayMove tells whether a person may leave their domain for another. Where a company has its own sign-in, addresses are its matter.
func (m *Manager) mayMove(ctx context.Context, o owner, to string) (bool, error) {
	rule, err := m.domainRule(ctx, to)
	return err == nil && o.domain.SSO != SSOEnforced && !o.ssoOnly && rule.SSO != SSOEnforced, err
}

// chargeChange charges a letter to an address that a person wants to add: to the person, and to the address.
func (m *Manager) chargeChange(ctx context.Context, kind string, o owner, to string, c Client, now time.Time) (Answer, error) {
	var t toll
	t.add(m.counters("changes of "+kind, o.user.ID), Charge{Window: time.Hour, Limit: changesAnHour, Lock: time.Hour}, false)
	t.add(m.counters("letters to a new address", to), Charge{Window: time.Hour, Limit: lettersToNew, Lock: time.Hour}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil || wait == 0 {
		return Answer{}, err
	}
	return Answer{ReasonTooManyAttempts, wait}, m.throttled(ctx, Flow{}, c, now)
}

// PendingEmail is the address that a person has asked for and not confirmed yet; empty: there is none.
func (m *Manager) PendingEmail(ctx context.Context, userID string) (string, error) {
	return m.pending(ctx, emailLinks(), userID)
}

// pending is the address that an outstanding link of this kind is about, if the link counts still.
func (m *Manager) pending(ctx context.Context, k linkKind, userID string) (string, error) {
	l, ok, err := m.standing(ctx, k, userID, m.now())
	if err != nil || !ok {
		return "", err
	}
	cred, err := m.credential(ctx, userID)
	if err != nil || cred.Version != l.Version {
		return "", err
	}
	return l.To, nil
}

// DropEmail takes back what AskEmail began: the link that was mailed counts no longer.
func (m *Manager) DropEmail(ctx context.Context, s session.Session) error {
	return m.dropTickets(ctx, emailLinks(), s.UserID)
}

// CheckEmail tells which address a mailed link is to make the person's, or why it counts no longer: ReasonLinkExpired,
// ReasonOtherUser. It changes nothing: mail scanners follow every link. session.ErrNotFound: nobody is signed in, and the page asks for
// that first.
func (m *Manager) CheckEmail(ctx context.Context, linkToken string, c Client) (to string, why Reason, err error) {
	_, l, why, err := m.confirmable(ctx, emailLinks(), linkToken, c)
	return l.To, why, err
}

// confirmable is a link by which somebody who is signed in confirms an address.
func (m *Manager) confirmable(ctx context.Context, k linkKind, plain string, c Client) (owner, ticketed, Reason, error) {
	s, err := m.sessions.Lookup(ctx, c.Session)
	if err != nil {
		return owner{}, ticketed{}, "", wrapped("auth: confirming an address", err)
	}
	l, ok, err := m.readTicket(ctx, k, plain, m.now())
	switch {
	case err != nil:
		return owner{}, ticketed{}, "", err
	case !ok:
		return owner{}, ticketed{}, ReasonLinkExpired, nil
	case l.UserID != s.UserID:
		return owner{}, ticketed{}, ReasonOtherUser, nil
	}
	o, err := m.owner(ctx, s)
	switch {
	case err != nil:
		return owner{}, ticketed{}, "", err
	case o.cred.Version != l.Version, accountOf(o.user) != l.Address, !o.cred.LockedAt.IsZero():
		return owner{}, ticketed{}, ReasonLinkExpired, nil
	}
	return o, l, "", nil
}

// ConfirmEmail gives the person who is signed in the address that a mailed link is about. The old address is told, with a link that
// takes it back for seven days, unless nobody has proven that one (User.Unverified). It ends what ChangeEmail ends; this session goes
// on under a new token (Done).
//
// Reasons: ReasonLinkExpired (it is too old, a newer one was sent, the address is taken by now, or something else has ended it),
// ReasonOtherUser, ReasonDomainNotAllowed. session.ErrNotFound: nobody is signed in.
func (m *Manager) ConfirmEmail(ctx context.Context, linkToken string, c Client) (Done, Answer, error) {
	o, l, why, err := m.confirmable(ctx, emailLinks(), linkToken, c)
	if err != nil || why != "" {
		return Done{}, Answer{Reason: why}, err
	}
	if m.registrar == nil {
		return Done{}, Answer{Reason: ReasonLinkExpired}, nil
	}
	if allowed, err := m.mayMove(ctx, o, l.To); err != nil || !allowed {
		return Done{}, Answer{Reason: ReasonDomainNotAllowed}, err
	}
	now := m.now()
	e := m.event(EmailChanged, now, c)
	e.UserID, e.SessionID, e.Change = o.user.ID, o.session.ID, ChangeEmail
	if err := m.note(ctx, e); err != nil {
		return Done{}, Answer{}, err
	}
	notices, undo, err := m.announceEmail(ctx, o, l.To, c, now)
	if err != nil {
		return Done{}, Answer{}, err
	}
	if err := m.endBy(ctx, o.user.ID, ChangeEmail, o.session.ID); err != nil {
		return Done{}, Answer{}, err
	}
	err = m.registrar.SwapEmail(ctx, o.user.ID, o.user.Email, l.To)
	// From here on a browser that hangs up must not leave a new address beside what the old one has opened.
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return Done{}, Answer{Reason: ReasonLinkExpired}, m.notChanged(ctx, o, l, notices, undo)
	}
	if err != nil {
		return Done{}, Answer{}, fmt.Errorf("auth: changing an address: %w", err)
	}
	version, err := m.invalidate(ctx, o.user.ID, ChangeEmail, o.session.ID)
	if err != nil {
		return Done{}, Answer{}, err
	}
	if version != l.Version+1 { // a new password or an ending came between: what the link was asked for with counts no longer
		return Done{}, Answer{Reason: ReasonLinkExpired}, m.moveBack(ctx, o, l, notices, undo)
	}
	if err := m.spent(ctx, l); err != nil {
		return Done{}, Answer{}, err
	}
	o.user.Email = l.To
	done, err := m.renew(ctx, o, c)
	return done, Answer{}, err
}

// announceEmail tells the old address, and the recovery address, of the new one. The oldest address of the last seven days can take
// the change back, and no other: whoever has got in and changes the address twice must not take that from its owner.
func (m *Manager) announceEmail(ctx context.Context, o owner, to string, c Client, now time.Time) (notices []string, undo [32]byte, err error) {
	l := m.letter(mail.EmailChanged, o.user, "", c, now)
	l.NewEmail = to
	if o.cred.RecoveryEmail != "" {
		other := l
		other.To = o.cred.RecoveryEmail
		id, err := m.announce(ctx, other)
		if err != nil {
			return nil, undo, err
		}
		notices = append(notices, id)
	}
	if undo, err = m.wayBack(ctx, o, &l, now); err != nil {
		return notices, undo, err
	}
	id, err := m.announce(ctx, l)
	return append(notices, id), undo, err
}

// wayBack writes into a letter to the person's present address the link that takes a change back. The zero key: there is none, because
// an older address holds one.
func (m *Manager) wayBack(ctx context.Context, o owner, l *mail.Letter, now time.Time) (undo [32]byte, err error) {
	if o.user.Unverified || l.To == "" || !m.CanMail() {
		return undo, nil // whoever reads an address that nobody has proven may be anybody, and has nothing to take back
	}
	t, address, err := m.newTicket(undoLinks(), o.user.ID, link{UserID: o.user.ID, To: accountOf(o.user)}, now)
	if err != nil {
		return undo, err
	}
	standing, held, err := m.standing(ctx, undoLinks(), o.user.ID, now) // under another key of the ring, too
	if err != nil {
		return undo, err
	}
	// A link back to the present address is one whose change, or whose letter, has come to nothing, or that of an earlier recovery
	// address: this one replaces it.
	if held && standing.To != accountOf(o.user) {
		return undo, nil
	}
	l.Link, l.ExpiresAt = address, t.ExpiresAt
	return t.Key, m.putTicket(ctx, undoLinks(), o.user.ID, t, now)
}

// notChanged takes back what was announced of a change that did not come about: the new address is somebody else's by now. Where
// another tab has confirmed the same change, the letters are true, and the link in one of them is the one that undoes it.
func (m *Manager) notChanged(ctx context.Context, o owner, l ticketed, notices []string, undo [32]byte) error {
	u, known, err := found(m.users.UserByID(ctx, o.user.ID))
	if err != nil || known && accountOf(u) == l.To {
		return err
	}
	return errors.Join(m.retract(ctx, notices...), m.withdraw(ctx, undo))
}

// withdraw takes back the link that would undo a change which was refused. The zero key: there is none.
func (m *Manager) withdraw(ctx context.Context, undo [32]byte) error {
	if undo == ([32]byte{}) {
		return nil
	}
	return m.spent(ctx, ticketed{key: undo})
}

// moveBack gives a person the old address again. One that nobody has proven counts as proven by that: so nothing that was set up before
// is left, neither from before the address is back nor from the moment in which it was.
func (m *Manager) moveBack(ctx context.Context, o owner, l ticketed, notices []string, undo [32]byte) error {
	if o.user.Unverified {
		if err := m.startOver(ctx, o.user.ID); err != nil {
			return err
		}
	}
	if err := m.registrar.SwapEmail(ctx, o.user.ID, l.To, o.user.Email); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("auth: changing an address back: %w", err)
	}
	if o.user.Unverified {
		if err := m.startOver(ctx, o.user.ID); err != nil {
			return err
		}
	}
	return errors.Join(m.retract(ctx, notices...), m.withdraw(ctx, undo))
}

// startOver leaves a person with nothing to sign in with, and nothing open: a mailed link to their address leads to a first password.
func (m *Manager) startOver(ctx context.Context, userID string) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), UserID: userID, Change: ChangeVerified}); err != nil {
		return err
	}
	err := m.edit(ctx, userID, func(c *Credential) error {
		*c = Credential{UserID: userID, Version: c.Version, LockedAt: c.LockedAt}
		return nil
	})
	if err != nil {
		return err
	}
	if err := m.endBy(ctx, userID, ChangeVerified, ""); err != nil {
		return err
	}
	return m.discard(ctx, userID)
}

// CheckUndo tells which address a mailed link gives back, or why it counts no longer: ReasonLinkExpired. It changes nothing.
func (m *Manager) CheckUndo(ctx context.Context, linkToken string) (back string, why Reason, err error) {
	l, ok, err := m.readTicket(ctx, undoLinks(), linkToken, m.now())
	if err != nil || !ok {
		return "", ReasonLinkExpired, err
	}
	return l.To, "", nil
}

// UndoEmail takes a change of address or of the recovery address back. It gives a person the address that they had before the first
// change of the last seven days: for whoever reads it, and
// finds that somebody else has changed it. It ends what ChangeEmailUndone ends, forgets the recovery address, and mails the way to a
// new password to the address that counts again.
//
// Reasons: ReasonLinkExpired, ReasonTooManyAttempts.
func (m *Manager) UndoEmail(ctx context.Context, linkToken string, c Client) (Answer, error) {
	now := m.now()
	if wait, err := m.chargeOpening(ctx, c, now); err != nil || wait > 0 {
		return Answer{ReasonTooManyAttempts, wait}, err
	}
	l, ok, err := m.readTicket(ctx, undoLinks(), linkToken, now)
	if err != nil || !ok {
		return Answer{Reason: ReasonLinkExpired}, err
	}
	u, known, err := found(m.users.UserByID(ctx, l.UserID))
	if err != nil || !known || m.registrar == nil && accountOf(u) != l.To {
		return Answer{Reason: ReasonLinkExpired}, err
	}
	e := m.event(EmailUndone, now, c)
	e.UserID, e.Change = u.ID, ChangeEmailUndone
	if err := m.note(ctx, e); err != nil {
		return Answer{}, err
	}
	told := m.letter(mail.EmailUndone, u, "", c, now)
	if _, err := m.announceToAll(ctx, told, l.To); err != nil {
		return Answer{}, err
	}
	if _, err := m.invalidate(ctx, u.ID, ChangeEmailUndone, ""); err != nil { // first of all nobody gets any further
		return Answer{}, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := m.edit(ctx, u.ID, func(c *Credential) error { c.RecoveryEmail = ""; return nil }); err != nil {
		return Answer{}, err
	}
	if back, err := m.swapBack(ctx, u, l.To); err != nil || !back {
		return Answer{Reason: ReasonLinkExpired}, err
	}
	if err := m.takeUndo(ctx, l); err != nil {
		return Answer{}, err
	}
	u.Email = l.To
	if !m.CanMail() {
		return Answer{}, nil
	}
	return Answer{}, m.mailReset(ctx, u, "", c)
}

// swapBack gives a person an old address again, however often a change that was under way moves the present one meanwhile. None can
// begin any more. False: somebody else has the old address by now.
func (m *Manager) swapBack(ctx context.Context, u User, to string) (bool, error) {
	for accountOf(u) != to {
		err := m.registrar.SwapEmail(ctx, u.ID, u.Email, to)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, ErrConflict) {
			return false, fmt.Errorf("auth: changing an address back: %w", err)
		}
		now, known, err := found(m.users.UserByID(ctx, u.ID))
		if err != nil || !known || now.Email == u.Email {
			return false, err
		}
		u = now
	}
	return true, nil
}

// takeUndo deletes the link, and with it what a change that is under way might still be confirmed by.
func (m *Manager) takeUndo(ctx context.Context, l ticketed) error {
	if err := m.dropTickets(ctx, emailLinks(), l.UserID); err != nil {
		return err
	}
	return m.spent(ctx, l)
}
