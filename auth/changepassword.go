package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/session"
)

// ChangePassword is for a person who is signed in: it checks the present password, which is charged like any guess, and sets the new
// one. Whoever has none yet sets the first. It ends what ChangePassword the Change ends but for this session, which goes on under a new
// token (Done). A new password that does not meet the rules is answered with a *PasswordError.
//
// Reasons: ReasonProofRequired (see RecentlyProven), ReasonCurrentWrong, ReasonPasswordMissing, ReasonTooManyAttempts, ReasonBusy, and
// ReasonSSORequired where the domain of the person's address asks for its company's own sign-in. ErrConflict: something else about the
// person's credential has changed meanwhile, and the password was not set. ErrFlowGone: it was set, and this session has ended meanwhile.
func (m *Manager) ChangePassword(ctx context.Context, s session.Session, current, typed string, c Client) (Done, Answer, error) {
	now := m.now()
	o, why, err := m.change(ctx, s, now)
	if err != nil || why != "" {
		return Done{}, Answer{Reason: why}, err
	}
	if o.ssoOnly {
		return Done{}, Answer{Reason: ReasonSSORequired}, nil
	}
	if typed == "" {
		return Done{}, Answer{Reason: ReasonPasswordMissing}, nil
	}
	if o.cred.Hash != "" {
		a, err := m.checkCurrent(ctx, o, current, c)
		if err != nil || a.Reason != "" {
			return Done{}, a, err
		}
	}
	members, err := m.memberships(ctx, o.user.ID, now)
	if err != nil {
		return Done{}, Answer{}, err
	}
	hash, err := m.hashNew(ctx, o.user, o.cred, members, typed)
	if busy := (*password.BusyError)(nil); errors.As(err, &busy) {
		return Done{}, Answer{ReasonBusy, busy.RetryAfter}, nil
	}
	if err != nil {
		return Done{}, Answer{}, err
	}
	p := newPassword{hash: hash, remember: m.judgeOf(members).Policy.History, resetAt: o.cred.ResetAt, keep: s.ID}
	if err := m.swapPassword(ctx, o.user, o.cred, p, c); err != nil {
		return Done{}, Answer{}, err
	}
	done, err := m.renew(ctx, o, c)
	return done, Answer{}, err
}

// checkCurrent tries the present password of somebody who is signed in.
func (m *Manager) checkCurrent(ctx context.Context, o owner, typed string, c Client) (Answer, error) {
	now := m.now()
	place, err := m.queue.Enter(source(c))
	if busy := (*password.BusyError)(nil); errors.As(err, &busy) {
		return Answer{ReasonBusy, busy.RetryAfter}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	defer place.Leave()
	f := Flow{UserID: o.user.ID, Address: accountOf(o.user)}
	g, err := m.guess(ctx, f, c, now)
	if err != nil {
		return Answer{}, err
	}
	wait, err := m.charge(ctx, g.toll, now) // before checking: two requests at once must not share one guess
	if err != nil {
		return Answer{}, err
	}
	if wait > 0 {
		return Answer{ReasonTooManyAttempts, wait}, m.throttled(ctx, f, c, now)
	}
	if err := place.Start(ctx); err != nil {
		return Answer{}, fmt.Errorf("auth: waiting to check a password: %w", err)
	}
	right, _, err := m.check(ctx, o.cred, typed, c, now)
	if err != nil {
		return Answer{}, err
	}
	if !right {
		return Answer{Reason: ReasonCurrentWrong}, m.wrong(ctx, f, g, c, now)
	}
	return Answer{}, m.refund(ctx, g.toll)
}

// An owner is somebody who is signed in and changes something about their account.
type owner struct {
	session session.Session
	user    User
	cred    Credential
	domain  DomainRule // of the person's address
	ssoOnly bool       // the person has to use their company's own sign-in
}

// change looks up who changes something. ReasonProofRequired: they must prove who they are before.
func (m *Manager) change(ctx context.Context, s session.Session, now time.Time) (owner, Reason, error) {
	if recent, err := m.RecentlyProven(ctx, s); err != nil || !recent {
		return owner{}, ReasonProofRequired, err
	}
	o, err := m.owner(ctx, s)
	return o, "", err
}

func (m *Manager) owner(ctx context.Context, s session.Session) (owner, error) {
	o := owner{session: s}
	var err error
	if o.user, err = m.User(ctx, s.UserID); err != nil {
		return o, err
	}
	if o.cred, err = m.credential(ctx, s.UserID); err != nil {
		return o, err
	}
	if o.domain, err = m.domainRule(ctx, o.user.Email); err != nil {
		return o, err
	}
	o.ssoOnly, err = m.ssoOnly(ctx, o.user.ID, o.domain, m.now())
	return o, err
}

// ssoOnly tells whether a person has to use their company's own sign-in. What it asks for depends on the domain alone.
func (m *Manager) ssoOnly(ctx context.Context, userID string, rule DomainRule, now time.Time) (bool, error) {
	if rule.SSO == SSOOff {
		return false, nil
	}
	members, err := m.memberships(ctx, userID, now)
	if err != nil {
		return false, err
	}
	app, err := m.app(ctx, userID)
	return Facts{Domain: rule, Memberships: members, App: app}.ssoOnly(), err
}

// renew gives the session in which something was changed a new token, and remembers its browser anew: the record of it ended with
// all others.
func (m *Manager) renew(ctx context.Context, o owner, c Client) (Done, error) {
	ctx = context.WithoutCancel(ctx) // what was changed stands: nobody must be left without a session for having hung up
	done := Done{Email: o.user.Email, Lang: o.user.Locale}
	if _, err := m.grant(ctx, &done, Facts{Now: m.now(), Preset: m.preset}, Flow{UserID: o.user.ID}, o.session.DeviceID, c); err != nil {
		return Done{}, err
	}
	var err error
	done.Token, done.Session, err = m.sessions.Rotate(ctx, c.Session, session.Change{})
	if errors.Is(err, session.ErrNotFound) {
		m.stores.Devices.EndDevice(ctx, o.user.ID, o.session.DeviceID) // whose token nobody is given: the row would only wait for its end
		err = ErrFlowGone
	}
	return done, wrapped("auth: giving a session a new token", err)
}
