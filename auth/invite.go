package auth

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
)

// How many letters of invitation go out.
const (
	letterRest      = time.Minute // between two letters of one invitation
	lettersAnHour   = 5           // of one invitation
	invitesToOne    = 10          // a day, of one company to one address: letters, and invitations
	invitesOfOne    = 200         // an hour, of one company
	invitationsName = "invitation"
)

// An invitationLink is what the link of an invitation says. It is sealed, and needs no row beside the invitation's: the number of the
// letter says whether a newer one was sent.
type invitationLink struct {
	ID     string
	Letter int
}

// Invite makes an invitation and mails its first letter. n.By is who invites; whether they may is for Invitations to say.
//
// Reasons: ReasonEmailInvalid, ReasonForbidden, ReasonUserExistsInAccount, ReasonNoSeatsLeft, ReasonAccountExpired,
// ReasonTooManyAttempts. ErrNotFound: no such company, or nobody can be invited here. See SendInvitation for the link.
func (m *Manager) Invite(ctx context.Context, n NewInvitation, c Client) (i Invitation, link string, a Answer, err error) {
	if m.invitations == nil {
		return i, "", a, ErrNotFound
	}
	to, err := address.Parse(n.Email)
	if err != nil {
		return i, "", Answer{Reason: ReasonEmailInvalid}, nil
	}
	n.Email, n.Name, n.Lang = to.Canonical, oneLine(n.Name), spoken(n.Lang)
	now := m.now()
	var t toll
	t.add(m.counters("invitations to", n.AccountID, n.Email), Charge{Window: day, Limit: invitesToOne, Lock: day}, false)
	t.add(m.counters("invitations of", n.AccountID), Charge{Window: time.Hour, Limit: invitesOfOne, Lock: time.Hour}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return i, "", Answer{ReasonTooManyAttempts, wait}, err
	}
	e := m.event(Invited, now, c)
	e.UserID, e.AccountID = n.By, n.AccountID
	if err := m.note(ctx, e); err != nil {
		return i, "", a, err
	}
	i, err = m.invitations.CreateInvitation(ctx, n, now.Add(inviteLife), now)
	if why, refused := refusal(err); refused {
		return i, "", Answer{Reason: why}, nil
	}
	if err != nil {
		return i, "", a, fmt.Errorf("auth: making an invitation: %w", err)
	}
	return m.SendInvitation(ctx, i.ID, c)
}

// SendInvitation mails a letter of an open invitation; the links of earlier letters count no longer, and the invitation is good for
// seven days again. It answers the link too, for the very first administrator and for hosts that hand it over by themselves: whoever
// has it can make the account. It answers none for somebody who is there and has nothing to sign in with yet, perhaps of another company:
// their first password comes by a letter alone. Where nothing can be mailed only the link goes out. Who may send is for the caller to say.
//
// Reasons: ReasonTooManyAttempts (a minute must pass between two letters), ReasonNoSeatsLeft (it had expired, and its seats are
// taken). ErrNotFound: there is no such open invitation.
func (m *Manager) SendInvitation(ctx context.Context, id string, c Client) (i Invitation, link string, a Answer, err error) {
	if m.invitations == nil {
		return i, "", a, ErrNotFound
	}
	now := m.now()
	if i, err = m.invitation(ctx, id); err != nil || i.State != InvitationOpen {
		return i, "", a, cmp.Or(err, ErrNotFound)
	}
	var t toll
	t.add(m.counters("letter of", id), Charge{Window: letterRest, Limit: 1, Lock: letterRest}, false)
	t.add(m.counters("letters of", id), Charge{Window: time.Hour, Limit: lettersAnHour, Lock: time.Hour}, false)
	t.add(m.counters("letters to", i.As.AccountID, i.Email), Charge{Window: day, Limit: invitesToOne, Lock: day}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return i, "", Answer{ReasonTooManyAttempts, wait}, err
	}
	s, err := m.stranger(ctx, i.Email, now)
	if err != nil {
		return i, "", a, err
	}
	app, err := m.app(ctx, s.user.ID)
	if err != nil {
		return i, "", a, err
	}
	kind := mail.Invite
	switch {
	case s.domain.SSO == SSOEnforced:
		kind = mail.InviteSSO
	case complete(Facts{Found: s.found, User: s.user, Password: s.cred.Hash != "", App: app, Linked: s.linked}):
		kind = mail.InviteExisting
	}
	e := m.event(InvitationSent, now, c)
	e.AccountID, e.Invitation = i.As.AccountID, id
	if s.found {
		e.UserID = s.user.ID
	}
	if err := m.note(ctx, e); err != nil {
		return i, "", a, err
	}
	counted, err := m.invitations.CountLetter(ctx, id, now.Add(inviteLife), now)
	if why, refused := refusal(err); refused {
		return i, "", Answer{Reason: why}, nil
	}
	if err != nil {
		return i, "", a, fmt.Errorf("auth: counting a letter: %w", err)
	}
	l, err := m.invitationLetter(counted, kind, c, now)
	if err != nil {
		return i, "", a, err
	}
	if s.found && s.user.Locale != "" {
		l.Lang = s.user.Locale
	}
	if m.CanMail() {
		err = m.post(ctx, l)
	}
	if s.found && kind == mail.Invite {
		l.Link = ""
	}
	return counted, l.Link, a, err
}

// invitationLetter is the letter whose number the invitation stands at.
func (m *Manager) invitationLetter(i Invitation, kind mail.Kind, c Client, now time.Time) (mail.Letter, error) {
	plain, err := json.Marshal(invitationLink{ID: i.ID, Letter: i.Letter})
	if err != nil {
		return mail.Letter{}, fmt.Errorf("auth: making a link: %w", err)
	}
	sealed, err := m.ring.Seal(invitationsName, "", plain)
	if err != nil {
		return mail.Letter{}, fmt.Errorf("auth: sealing a link: %w", err)
	}
	c.Lang = "" // what the inviter's browser speaks says nothing of the invited; nor is it theirs where the inviter sits
	l := m.letter(kind, User{Email: i.Email}, i.Lang, Client{}, now)
	l.Company, l.ExpiresAt = i.As.AccountName, i.ExpiresAt
	l.Link = m.linkAddress("join", base64.RawURLEncoding.EncodeToString(sealed))
	return l, nil
}

// readInvitation answers the invitation of a link, and why it counts no longer.
func (m *Manager) readInvitation(ctx context.Context, plain string, now time.Time) (i Invitation, letter int, why Reason, err error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(plain)
	if err != nil || m.invitations == nil {
		return i, 0, ReasonInviteRevoked, nil
	}
	var l invitationLink
	text, err := m.ring.Open(invitationsName, "", sealed)
	if err != nil || json.Unmarshal(text, &l) != nil {
		return i, 0, ReasonInviteRevoked, nil // nothing that we have sealed
	}
	if i, err = m.invitation(ctx, l.ID); err != nil {
		return i, 0, "", err
	}
	return i, l.Letter, i.stands(l.Letter, now), nil
}

// invitation answers the zero Invitation where there is none.
func (m *Manager) invitation(ctx context.Context, id string) (Invitation, error) {
	if m.invitations == nil {
		return Invitation{}, nil
	}
	i, err := m.invitations.Invitation(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Invitation{}, nil
	}
	return i, wrapped("auth: reading an invitation", err)
}

func (m *Manager) invitationsTo(ctx context.Context, email string, now time.Time) ([]Invitation, error) {
	if m.invitations == nil {
		return nil, nil
	}
	all, err := m.invitations.InvitationsTo(ctx, email, now)
	return all, wrapped("auth: reading invitations", err)
}

// RevokeInvitation takes an open invitation back and frees its seats. Who may is for the caller to say. ErrNotFound: there is no such
// open invitation.
func (m *Manager) RevokeInvitation(ctx context.Context, id string, c Client) error {
	return m.closeInvitation(ctx, id, InvitationRevoked, "", c)
}

func (m *Manager) closeInvitation(ctx context.Context, id string, as InvitationState, userID string, c Client) error {
	if m.invitations == nil {
		return ErrNotFound
	}
	i, err := m.invitation(ctx, id)
	if err != nil || i.ID == "" {
		return cmp.Or(err, ErrNotFound)
	}
	now := m.now()
	e := m.event(InvitationClosed, now, c)
	e.UserID, e.AccountID, e.Invitation = userID, i.As.AccountID, id
	if err := m.note(ctx, e); err != nil {
		return err
	}
	return wrapped("auth: closing an invitation", m.invitations.CloseInvitation(ctx, id, as, now))
}

// refusal is the reason of an error that is one.
func refusal(err error) (Reason, bool) {
	var r Refusal
	if errors.As(err, &r) {
		return Reason(r), true
	}
	return "", false
}
