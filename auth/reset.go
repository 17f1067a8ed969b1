package auth

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

const (
	resetsAnHour  = 5  // letters that can be asked for with one address
	asksAtOnce    = 30 // letters that can be asked for from one source within a minute
	resetsByOwner = 3  // letters that a locked person has sent within an hour
)

// Forgot mails the way to a new password to whoever has this address. What it answers, and the work that it does, is the same for
// everybody: whether a letter comes, and what it says, only its reader learns. It goes to the recovery address where there is one, unless
// the account is locked, or the person's own address was never proven.
// Reason ReasonEmailInvalid. Where nothing can be mailed it does nothing.
func (m *Manager) Forgot(ctx context.Context, email, lang string, c Client) (Reason, error) {
	a, err := address.Parse(email)
	if err != nil {
		return ReasonEmailInvalid, nil
	}
	if !m.CanMail() {
		return "", nil
	}
	now := m.now()
	asked, err := m.ask(ctx, "forgot", a.Canonical, c, now)
	if err != nil || !asked {
		return "", err
	}
	s, err := m.stranger(ctx, a.Canonical, now)
	if err != nil {
		return "", err
	}
	whose := a.Canonical
	if s.found {
		whose = accountOf(s.user) // a host may take several addresses for one person's
	}
	l := link{UserID: s.user.ID, Version: s.cred.Version, Address: whose}
	to, ends, err := m.mailable(ctx, resetLinks(), whose, l, now)
	if err != nil {
		return "", err
	}
	letter := m.forgotLetter(s, a.Canonical, spoken(lang), c, now)
	switch letter.Kind {
	case mail.Reset, mail.Nothing: // the one is as long as the other
		letter.Link, letter.ExpiresAt = to, ends
	case mail.Invite, mail.InviteSSO:
		if letter, err = m.invitationLetter(s.invitations[0], letter.Kind, c, now); err != nil {
			return "", err
		}
	}
	e := m.event(ResetAsked, now, c)
	if letter.Kind != mail.Nothing {
		e.UserID = letter.UserID
	}
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	return "", m.post(ctx, letter)
}

// A stranger is what is known of an address that somebody has typed. They must not be told any of it.
type stranger struct {
	user        User // ID is nobody where there is no such person
	found       bool
	cred        Credential
	linked      bool // they are known elsewhere
	domain      DomainRule
	ssoOnly     bool         // they have to use their company's own sign-in
	invitations []Invitation // those that can be accepted, newest first
}

// stranger looks an address up: by the same calls, whoever it belongs to.
func (m *Manager) stranger(ctx context.Context, canonical string, now time.Time) (s stranger, err error) {
	if s.domain, err = m.domainRule(ctx, canonical); err != nil {
		return s, err
	}
	if s.user, s.found, err = found(m.users.UserByEmail(ctx, canonical)); err != nil {
		return s, err
	}
	if !s.found {
		s.user = User{ID: nobody}
	}
	if s.cred, err = m.credential(ctx, s.user.ID); err != nil {
		return s, err
	}
	if s.linked, err = m.linked(ctx, s.user.ID); err != nil {
		return s, err
	}
	if s.ssoOnly, err = m.ssoOnly(ctx, s.user.ID, s.domain, now); err != nil {
		return s, err
	}
	s.invitations, err = m.invitationsTo(ctx, canonical, now)
	s.invitations = slices.DeleteFunc(s.invitations, func(i Invitation) bool { return i.stands(i.Letter, now) != "" })
	return s, err
}

// forgotLetter is the letter that an address gets which somebody has forgotten the password of.
func (m *Manager) forgotLetter(s stranger, canonical, lang string, c Client, now time.Time) mail.Letter {
	enforced := s.domain.SSO == SSOEnforced
	switch {
	case s.found && s.user.Suspended:
	case s.found && s.ssoOnly:
		return m.letter(mail.ResetSSO, s.user, lang, c, now)
	case s.found:
		l := m.letter(mail.Reset, s.user, lang, c, now)
		if s.cred.RecoveryEmail != "" && s.cred.LockedAt.IsZero() && !s.user.Unverified { // else somebody else may have set it
			l.To = s.cred.RecoveryEmail
		}
		return l
	case len(s.invitations) > 0 && enforced:
		return mail.Letter{Kind: mail.InviteSSO}
	case len(s.invitations) > 0:
		return mail.Letter{Kind: mail.Invite}
	}
	return m.letter(mail.Nothing, User{ID: nobody, Email: canonical}, lang, c, now)
}

// ask charges the asking for a letter to the address and to where it comes from; false: no letter goes out. Which of the two is full
// depends on nothing but what was asked for before.
func (m *Manager) ask(ctx context.Context, kind, address string, c Client, now time.Time) (bool, error) {
	var t toll
	t.add(m.counters("asks "+kind, address), Charge{Window: time.Hour, Limit: resetsAnHour, Lock: time.Hour}, false)
	t.add(m.counters("asks from", source(c)), Charge{Window: time.Minute, Limit: asksAtOnce, Lock: time.Minute}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil || wait == 0 {
		return err == nil, err
	}
	return false, m.throttled(ctx, Flow{}, c, now)
}

// SendReset mails the way to a new password to a person whose account is locked, and who has proven the old one in this flow.
// Reason ReasonTooManyAttempts.
func (m *Manager) SendReset(ctx context.Context, ref Ref, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err != nil || o.step.Reason != ReasonAccountLocked || !m.CanMail() {
		return o.step, err
	}
	var t toll
	t.add(m.counters("resets mailed", o.step.Flow.UserID), Charge{Window: time.Hour, Limit: resetsByOwner, Lock: time.Hour}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		return o.step.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, o.step.Flow, c, now)
	}
	return o.step, m.mailReset(ctx, o.facts.User, o.step.Flow.Lang, c)
}

// mailReset mails the link to somebody whose account is locked. It goes to the person's own address: whoever had the account may have
// set the recovery address.
func (m *Manager) mailReset(ctx context.Context, u User, lang string, c Client) error {
	now := m.now()
	cred, err := m.credential(ctx, u.ID)
	if err != nil {
		return err
	}
	e := m.event(ResetSent, now, c)
	e.UserID = u.ID
	if err := m.note(ctx, e); err != nil {
		return err
	}
	l := m.letter(mail.Reset, u, lang, c, now)
	l.Link, l.ExpiresAt, err = m.mailable(ctx, resetLinks(), accountOf(u), link{UserID: u.ID, Version: cred.Version, Address: accountOf(u)}, now)
	if err != nil {
		return err
	}
	return m.post(ctx, l)
}

// readReset answers whom a link is for, and why it counts no longer: ReasonResetExpired (it is too old, or a newer one was sent) or
// ReasonResetUsed (a password was set since, or something else has ended it).
func (m *Manager) readReset(ctx context.Context, plain string, now time.Time) (l ticketed, u User, why Reason, err error) {
	l, ok, err := m.readTicket(ctx, resetLinks(), plain, now)
	if err != nil || !ok {
		return l, u, ReasonResetExpired, err
	}
	u, known, err := found(m.users.UserByID(ctx, l.UserID))
	if err != nil {
		return l, u, "", err
	}
	cred, err := m.credential(ctx, l.UserID)
	if err != nil {
		return l, u, "", err
	}
	if !known || cred.Version != l.Version || accountOf(u) != l.Address {
		return l, u, ReasonResetUsed, nil
	}
	return l, u, "", nil
}

// CheckReset tells for whose password the link of a reset is, by the masked address, or why it counts no longer: ReasonResetExpired,
// ReasonResetUsed. It changes nothing: mail scanners follow every link.
func (m *Manager) CheckReset(ctx context.Context, linkToken string) (whose string, why Reason, err error) {
	_, u, why, err := m.readReset(ctx, linkToken, m.now())
	if err != nil || why != "" {
		return "", why, err
	}
	return address.Mask(u.Email), "", nil
}

// OpenReset begins a flow with the link of a reset. It leads to the second step, where the person has one, and to a new password;
// never to a session. Reasons ReasonResetExpired, ReasonResetUsed, ReasonTooManyAttempts; no flow is made then.
func (m *Manager) OpenReset(ctx context.Context, linkToken, lang string, c Client) (Step, error) {
	now := m.now()
	if wait, err := m.chargeOpening(ctx, c, now); err != nil || wait > 0 {
		refused := Step{Decision: Decision{Stage: StageAuthenticate, Offer: []Method{MethodEmailLink}}}
		return refused.refused(ReasonTooManyAttempts, wait), err
	}
	l, u, why, err := m.readReset(ctx, linkToken, now)
	if err != nil {
		return Step{}, err
	}
	if why != "" {
		return Step{Decision: Decision{Stage: StageRefused, Reason: why}}, nil
	}
	return m.opensWith(ctx, Flow{
		ID: resetPrefix + token.NewID(), Purpose: Reset, UserID: u.ID, Email: u.Email, Address: accountOf(u), Lang: spoken(lang), MadeAt: now,
		Proofs: []Proof{{Method: MethodEmailLink, At: now, Version: l.Version}},
	}, c)
}

// opensWith begins a flow with a mailed link, which its one proof says was opened.
func (m *Manager) opensWith(ctx context.Context, f Flow, c Client) (Step, error) {
	f = f.accepted(f.MadeAt)
	facts, err := m.facts(ctx, f, c, f.MadeAt)
	if err != nil {
		return Step{}, err
	}
	e := m.event(FlowStarted, f.MadeAt, c)
	e.FlowID, e.UserID, e.Method = f.ID, f.UserID, MethodEmailLink
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	step := m.stepOf(facts, f)
	step.Token, err = m.create(ctx, f)
	return step, err
}
