package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

const (
	resetLife     = time.Hour // of a mailed link
	resetsAnHour  = 3         // mailed to one person
	resetLinkName = "reset link"

	newPasswordTries = 20 // in one flow
)

// A resetLink is what the token of a mailed reset says. It is sealed, and needs no row: it counts for the version of the credential
// that it was made at, so that using it, any other new password, and any ending end it.
type resetLink struct {
	UserID    string
	Version   int64
	ExpiresAt time.Time
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
	t.add(m.counters("resets mailed", o.step.Flow.UserID), Charge{Window: time.Hour, Limit: resetsAnHour, Lock: time.Hour}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		return o.step.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, o.step.Flow, c, now)
	}
	return o.step, m.mailReset(ctx, o.facts.User, o.step.Flow.Lang, c)
}

// mailReset mails the link.
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
	link := resetLink{UserID: u.ID, Version: cred.Version, ExpiresAt: now.Add(resetLife)}
	plain, err := json.Marshal(link)
	if err != nil {
		return fmt.Errorf("auth: making a link: %w", err)
	}
	sealed, err := m.ring.Seal(resetLinkName, "", plain)
	if err != nil {
		return fmt.Errorf("auth: sealing a link: %w", err)
	}
	to := url.URL{Scheme: m.base.Scheme, Host: m.base.Host, Path: m.prefix + "reset"}
	to.RawQuery = url.Values{"token": {base64.RawURLEncoding.EncodeToString(sealed)}}.Encode()
	l := m.letter(mail.Reset, u, lang, c, now)
	l.Link, l.ExpiresAt = to.String(), link.ExpiresAt
	return m.post(ctx, l)
}

// readLink answers what a link says, if it counts still.
func (m *Manager) readLink(ctx context.Context, text string, now time.Time) (resetLink, bool, error) {
	var link resetLink
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return link, false, nil
	}
	plain, err := m.ring.Open(resetLinkName, "", sealed)
	if err != nil || json.Unmarshal(plain, &link) != nil || !now.Before(link.ExpiresAt) {
		return link, false, nil // nothing that we have sealed, or too old
	}
	cred, err := m.credential(ctx, link.UserID)
	return link, err == nil && cred.Version == link.Version, err
}

// CheckReset tells whether the link of a reset counts still, and for whose password: the masked address. It changes nothing: mail
// scanners follow every link.
func (m *Manager) CheckReset(ctx context.Context, linkToken string) (whose string, ok bool, err error) {
	link, ok, err := m.readLink(ctx, linkToken, m.now())
	if err != nil || !ok {
		return "", false, err
	}
	u, known, err := found(m.users.UserByID(ctx, link.UserID))
	return address.Mask(u.Email), known, err
}

// OpenReset begins a flow with the link of a reset. It leads to the second step, where the person has one, and to a new password;
// never to a session. Reason ReasonResetExpired; no flow is made then.
func (m *Manager) OpenReset(ctx context.Context, linkToken, lang string, c Client) (Step, error) {
	now := m.now()
	link, ok, err := m.readLink(ctx, linkToken, now)
	if err != nil {
		return Step{}, err
	}
	var t toll
	t.add(m.counters("identify", source(c)), Charge{Window: time.Minute, Limit: identifyLimit, Lock: time.Minute}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		refused := Step{Decision: Decision{Stage: StageAuthenticate, Offer: []Method{MethodEmailLink}}}
		return refused.refused(ReasonTooManyAttempts, wait), err
	}
	expired := Step{Decision: Decision{Stage: StageRefused, Reason: ReasonResetExpired}}
	if !ok {
		return expired, nil
	}
	u, known, err := found(m.users.UserByID(ctx, link.UserID))
	if err != nil || !known {
		return expired, err
	}
	if len(lang) > maxLang {
		lang = ""
	}
	f := Flow{
		ID: resetPrefix + token.NewID(), Purpose: Reset, UserID: u.ID, Email: u.Email, Address: accountOf(u), Lang: lang, MadeAt: now,
		Proofs: []Proof{{Method: MethodEmailLink, At: now, Version: link.Version}},
	}.accepted(now)
	facts, err := m.facts(ctx, f, c, now)
	if err != nil {
		return Step{}, err
	}
	e := m.event(FlowStarted, now, c)
	e.FlowID, e.UserID, e.Method = f.ID, u.ID, MethodEmailLink
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	step := m.stepOf(facts, f)
	step.Token, err = m.create(ctx, f)
	return step, err
}

// NewPassword sets the password at the end of a reset, and ends what ChangePassword ends. Nobody is signed in by it: the way on is
// the sign-in page. A password that does not meet the rules is answered with a *PasswordError; the flow stays.
//
// Reason ReasonPasswordMissing. done: the password is set and the flow is gone.
func (m *Manager) NewPassword(ctx context.Context, ref Ref, typed string, c Client) (step Step, done bool, err error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step = o.step
	if err != nil || step.Stage != StageNewPassword {
		return step, false, err
	}
	if typed == "" {
		return step.refused(ReasonPasswordMissing, 0), false, nil
	}
	var t toll // a refusal may tell which password was used before
	t.add(m.counters("flow", step.Flow.ID, "new password"), Charge{Window: flowLife, Limit: newPasswordTries, Lock: flowLife}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return step.refused(ReasonTooManyAttempts, 0), false, err
	}
	cred, err := m.credential(ctx, step.Flow.UserID)
	if err != nil {
		return step, false, err
	}
	if cred.Version != o.facts.Credential {
		return step, false, ErrFlowGone
	}
	err = m.newPassword(ctx, o.facts.User, cred, typed, now, c)
	switch {
	case errors.Is(err, ErrConflict):
		return step, false, ErrFlowGone // somebody else has set one
	case err != nil:
		return step, false, err
	}
	return step, true, flowError("dropping", m.stores.Flows.DropFlow(ctx, o.key))
}
