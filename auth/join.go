package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

// An Invitee is what the page of an invitation shows. Whoever has its link reads the mailbox that it went to, and may be told.
type Invitee struct {
	Invitation Invitation
	Why        Reason // why it counts no longer, and Invitation is not to be shown; empty: it counts
	Exists     bool   // the person has an account: they sign in, and then join or decline. Else OpenInvitation is the way
	SSO        bool   // their company has its own sign-in: no password can be set
	Other      bool   // somebody else is signed in (Client.Session)
	SignedIn   bool   // the person is
}

// CheckInvitation tells what the link of an invitation leads to. It changes nothing: mail scanners follow every link.
func (m *Manager) CheckInvitation(ctx context.Context, linkToken string, c Client) (Invitee, error) {
	now := m.now()
	i, _, why, err := m.readInvitation(ctx, linkToken, now)
	in := Invitee{Invitation: i, Why: why}
	if err != nil || why != "" {
		return in, err
	}
	s, err := m.stranger(ctx, i.Email, now)
	if err != nil {
		return in, err
	}
	app, err := m.app(ctx, s.user.ID)
	if err != nil {
		return in, err
	}
	in.Exists = complete(Facts{Found: s.found, User: s.user, Password: s.cred.Hash != "", App: app, Linked: s.linked})
	in.SSO = s.domain.SSO == SSOEnforced
	live, err := m.sessionOf(ctx, c)
	if err != nil || live.ID == "" {
		return in, err
	}
	in.SignedIn = s.found && live.UserID == s.user.ID
	in.Other = !in.SignedIn
	return in, nil
}

// OpenInvitation begins a flow with the link of an invitation, for somebody who has no account yet. It leads to a first password,
// which NewPassword sets; never to a session. Whoever has an account signs in and begins a StepUp with ActionJoin instead
// (ReasonInviteSignIn).
//
// Reasons: ReasonInviteExpired, ReasonInviteReplaced, ReasonInviteUsed, ReasonInviteRevoked, ReasonAccountExpired,
// ReasonTooManyAttempts; no flow is made then.
func (m *Manager) OpenInvitation(ctx context.Context, linkToken, lang string, c Client) (Step, error) {
	now := m.now()
	if wait, err := m.chargeOpening(ctx, c, now); err != nil || wait > 0 {
		refused := Step{Decision: Decision{Stage: StageAuthenticate, Offer: []Method{MethodEmailLink}}}
		return refused.refused(ReasonTooManyAttempts, wait), err
	}
	i, letter, why, err := m.readInvitation(ctx, linkToken, now)
	if err != nil || why != "" {
		return Step{Decision: Decision{Stage: StageRefused, Reason: why}}, err
	}
	return m.opensWith(ctx, Flow{
		ID: activatePrefix + token.NewID(), Purpose: Activate, Email: i.Email, Address: i.Email, Lang: spoken(lang), MadeAt: now,
		Invitation: i.ID, Letter: letter, Proofs: []Proof{{Method: MethodEmailLink, At: now}},
	}, c)
}

// Decline closes the invitation of a link, for the person who is signed in. Reasons: those of an invitation that counts no longer,
// ReasonInviteOtherUser. session.ErrNotFound: nobody is signed in.
func (m *Manager) Decline(ctx context.Context, linkToken string, c Client) (Answer, error) {
	s, err := m.sessions.Lookup(ctx, c.Session)
	if err != nil {
		return Answer{}, wrapped("auth: declining", err)
	}
	i, _, why, err := m.readInvitation(ctx, linkToken, m.now())
	if err != nil || why != "" {
		return Answer{Reason: why}, err
	}
	u, err := m.User(ctx, s.UserID)
	if err != nil {
		return Answer{}, err
	}
	if accountOf(u) != i.Email || u.Unverified {
		return Answer{Reason: ReasonInviteOtherUser}, nil
	}
	err = m.closeInvitation(ctx, i.ID, InvitationDeclined, u.ID, c)
	if errors.Is(err, ErrNotFound) { // somebody was faster
		return Answer{Reason: ReasonInviteUsed}, nil
	}
	return Answer{}, err
}

// join makes a person a member, as the invitation says. A Reason: it cannot be accepted any more.
func (m *Manager) join(ctx context.Context, i Invitation, letter int, u User, sessionID string, c Client) (Reason, error) {
	now := m.now()
	e := m.event(Joined, now, c)
	e.UserID, e.AccountID, e.SessionID, e.Invitation = u.ID, i.As.AccountID, sessionID, i.ID
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	_, err := m.invitations.Join(ctx, i.ID, letter, u.ID, now)
	if why, refused := refusal(err); refused {
		return why, nil
	}
	if errors.Is(err, ErrNotFound) {
		return ReasonInviteRevoked, nil
	}
	return "", wrapped("auth: joining a company", err)
}

// enter writes the company of a switch or a join into the session's change: for a join the person becomes a member first. The limits
// of the session become no longer.
func (m *Manager) enter(ctx context.Context, o opened, change *session.Change, c Client) (Reason, error) {
	f, s := o.step.Flow, o.facts.Session
	if f.Action == ActionJoin {
		if why, err := m.join(ctx, o.facts.Invitation, f.Letter, o.facts.User, s.ID, c); err != nil || why != "" {
			return why, err
		}
	} else {
		e := m.event(Switched, o.facts.Now, c)
		e.FlowID, e.UserID, e.AccountID, e.SessionID = f.ID, f.UserID, f.Target, s.ID
		if err := m.note(ctx, e); err != nil {
			return "", err
		}
	}
	change.AccountID = o.step.AccountID
	change.Idle = min(s.Idle, o.step.Idle)
	change.Cap = min(s.ExpiresAt.Sub(s.CreatedAt), o.step.Cap)
	return "", nil
}

// notEntered answers a session that could not be given its new company. It stands as it stood, if it stands: then its company has
// ended all sessions since this one began, and a new sign-in is needed to enter.
func (m *Manager) notEntered(ctx context.Context, o opened, c Client) (Step, error) {
	s, err := m.sessionOf(ctx, c)
	if err != nil {
		return Step{}, err
	}
	if s.ID == "" {
		return Step{}, fmt.Errorf("auth: giving a session a new token: %w", ErrFlowGone)
	}
	step := o.step
	step.Decision = Decision{}.stop(StageRefused, ReasonSignInAgain, "the company has ended its sessions since this one began")
	return step, nil
}
