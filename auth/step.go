package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// Errors of the steps besides a broken machine.
var (
	// ErrFlowGone: the flow took too long, was finished or cancelled, goes on under a newer token, or never existed.
	ErrFlowGone = errors.New("auth: the sign-in is gone")
	// ErrFlowChanged: another tab has moved on, or the step is not the one that the flow stands at. The Step that comes with it says where the flow stands now. Nothing was charged.
	ErrFlowChanged = errors.New("auth: the sign-in has moved on")
)

// load reads the flow that a step is for. It answers ErrFlowGone, or ErrFlowChanged together with the flow as it stands.
func (m *Manager) load(ctx context.Context, ref Ref, now time.Time) (Flow, [32]byte, error) {
	key, ok := token.Lookup(token.Flow, ref.Token)
	if !ok {
		return Flow{}, key, ErrFlowGone
	}
	f, err := m.loadKey(ctx, key, now)
	switch {
	case err != nil:
		return Flow{}, key, err
	case ref.ID != "" && ref.ID != f.ID, ref.Version != 0 && ref.Version != f.Version:
		return f, key, ErrFlowChanged
	}
	return f, key, nil
}

// loadKey reads the flow under a key. It answers ErrFlowGone where there is none that lives.
func (m *Manager) loadKey(ctx context.Context, key [32]byte, now time.Time) (Flow, error) {
	row, err := m.stores.Flows.Flow(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return Flow{}, ErrFlowGone
	}
	if err != nil {
		return Flow{}, fmt.Errorf("auth: reading a flow: %w", err)
	}
	var f Flow
	if err := json.Unmarshal(row.Body, &f); err != nil {
		return Flow{}, fmt.Errorf("auth: a flow cannot be read: %w", err)
	}
	f.Version = row.Version
	if !now.Before(row.ExpiresAt) {
		return Flow{}, ErrFlowGone
	}
	return f, nil
}

// row is the flow as it is stored.
func (f Flow) row() (FlowRow, error) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // it goes into no page, and must not grow sixfold
	if err := enc.Encode(f); err != nil {
		return FlowRow{}, fmt.Errorf("auth: writing a flow: %w", err)
	}
	return FlowRow{Version: f.Version, ExpiresAt: f.ExpiresAt, Body: body.Bytes()}, nil
}

// create stores a new flow and answers its token.
func (m *Manager) create(ctx context.Context, f Flow) (plain string, err error) {
	row, err := f.row()
	if err != nil {
		return "", err
	}
	plain, key := token.New(token.Flow)
	if err := m.stores.Flows.CreateFlow(ctx, key, row, f.MadeAt); err != nil {
		return "", fmt.Errorf("auth: making a flow: %w", err)
	}
	return plain, nil
}

// save writes the flow as one more accepted step, under the key new. The one who comes second gets ErrFlowChanged or ErrFlowGone.
func (m *Manager) save(ctx context.Context, old, new [32]byte, f Flow) error {
	row, err := f.row()
	if err != nil {
		return err
	}
	return flowError("writing", m.stores.Flows.SwapFlow(ctx, old, new, row))
}

func flowError(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrConflict):
		return ErrFlowChanged
	case errors.Is(err, ErrNotFound):
		return ErrFlowGone
	}
	return fmt.Errorf("auth: %s a flow: %w", doing, err)
}

// facts gathers what Next decides from. Before a user is fixed it asks for the domain's rule only.
func (m *Manager) facts(ctx context.Context, f Flow, c Client, now time.Time) (Facts, error) {
	facts := Facts{Now: now, Preset: m.preset, CanMail: m.CanMail()}
	email := f.Address
	if f.newcomer() || f.UserID != "" {
		if err := m.person(ctx, &facts, f, c); err != nil {
			return facts, err
		}
		if facts.Found && !f.newcomer() {
			email = facts.User.Email
		}
	}
	if err := m.asInvited(ctx, &facts, f); err != nil {
		return facts, err
	}
	var err error
	facts.Domain, err = m.domainRule(ctx, email)
	return facts, err
}

// person gathers what is known of the flow's user. In the flow of a newcomer that is whoever has the address by now.
func (m *Manager) person(ctx context.Context, facts *Facts, f Flow, c Client) (err error) {
	id := f.UserID
	if f.newcomer() {
		facts.User, facts.Found, err = found(m.users.UserByEmail(ctx, f.Address))
		id = facts.User.ID
	} else {
		facts.User, facts.Found, err = found(m.users.UserByID(ctx, id))
	}
	if err != nil || id == "" {
		return err
	}
	cred, err := m.credential(ctx, id)
	if err != nil {
		return err
	}
	facts.stand(cred)
	if facts.App, err = m.app(ctx, id); err != nil {
		return err
	}
	if f.newcomer() {
		if facts.Linked, err = m.linked(ctx, id); err != nil {
			return err
		}
	}
	if facts.Device, err = m.device(ctx, c, id); err != nil {
		return err
	}
	if f.Purpose == StepUp {
		if facts.Session, err = m.sessionOf(ctx, c); err != nil {
			return err
		}
	}
	facts.Memberships, err = m.memberships(ctx, id, facts.Now)
	return err
}

// asInvited gathers the invitation that a flow leads to, and counts what it makes of the person as if they had joined.
func (m *Manager) asInvited(ctx context.Context, facts *Facts, f Flow) error {
	if f.Invitation == "" {
		return nil
	}
	i, err := m.invitation(ctx, f.Invitation)
	if err != nil {
		return err
	}
	facts.Invitation = i
	as := i.As.at(facts.Now)
	as.State = MemberActive
	if _, member := in(facts.Memberships, as.AccountID); !member && i.ID != "" {
		facts.Memberships = append(facts.Memberships, as)
	}
	return nil
}

// stand takes over what counts of a credential.
func (f *Facts) stand(cred Credential) {
	f.Credential, f.LockedAt, f.ResetAt, f.ChangedAt = cred.Version, cred.LockedAt, cred.ResetAt, cred.ChangedAt
	f.Password, f.MustChange = cred.Hash != "", cred.MustChange
}

// app answers the zero TOTPStatus where the person has no app.
func (m *Manager) app(ctx context.Context, userID string) (mfa.TOTPStatus, error) {
	app, err := m.totp.Status(ctx, userID)
	if err != nil && !errors.Is(err, mfa.ErrNotFound) {
		return mfa.TOTPStatus{}, fmt.Errorf("auth: reading an app: %w", err)
	}
	return app, nil
}

// device answers the zero Device where nothing is remembered of this browser for this person.
func (m *Manager) device(ctx context.Context, c Client, userID string) (session.Device, error) {
	key, ok := token.Lookup(token.Device, c.Device)
	if !ok {
		return session.Device{}, nil
	}
	d, err := m.stores.Devices.Device(ctx, key, userID)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		return session.Device{}, fmt.Errorf("auth: reading a device: %w", err)
	}
	return d, nil
}

// sessionOf answers the zero Session where nobody is signed in.
func (m *Manager) sessionOf(ctx context.Context, c Client) (session.Session, error) {
	s, err := m.sessions.Lookup(ctx, c.Session)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		return session.Session{}, fmt.Errorf("auth: reading a session: %w", err)
	}
	return s, nil
}

func (m *Manager) domainRule(ctx context.Context, email string) (DomainRule, error) {
	domain, err := address.Domain(email)
	if err != nil {
		return DomainRule{}, nil // a host's own user may have no address; then no domain has a say
	}
	rule, err := m.companies.DomainRule(ctx, domain)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return DomainRule{}, fmt.Errorf("auth: reading a domain's rule: %w", err)
	}
	return rule, nil
}

// found turns ErrNotFound of a look-up of a person into an answer.
func found(u User, err error) (User, bool, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return User{}, false, nil
	case err != nil:
		return User{}, false, fmt.Errorf("auth: reading a user: %w", err)
	}
	return u, true, nil
}

// credential answers the zero Credential where there is none.
func (m *Manager) credential(ctx context.Context, userID string) (Credential, error) {
	cred, err := m.stores.Credentials.Credential(ctx, userID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Credential{}, fmt.Errorf("auth: reading a credential: %w", err)
	}
	return cred, nil
}

// opened is a flow as a step finds it.
type opened struct {
	key   [32]byte
	facts Facts
	step  Step
	typed string // a right password, for as long as the step lasts
}

// open loads the flow of a step, gathers the facts and asks Next. With ErrFlowChanged the flow is the current one.
func (m *Manager) open(ctx context.Context, ref Ref, c Client, now time.Time) (opened, error) {
	f, key, stale := m.load(ctx, ref, now)
	if stale != nil && !errors.Is(stale, ErrFlowChanged) {
		return opened{}, stale
	}
	facts, err := m.facts(ctx, f, c, now)
	if err != nil {
		return opened{}, err
	}
	return opened{key: key, facts: facts, step: m.stepOf(facts, f)}, stale
}

// stepOf is where a flow stands, with what its page shows.
func (m *Manager) stepOf(facts Facts, f Flow) Step {
	s := Step{Flow: f, Decision: Next(facts, f), Invitation: facts.Invitation}
	switch {
	case s.Stage == StageNewPassword:
		s.Rules = m.judgeOf(facts.Memberships).Rules(facts.policy().TwoStep == TwoStepRequired)
		if !facts.Password { // there is none to be used again
			s.Rules = slices.DeleteFunc(s.Rules, func(r password.Unmet) bool { return r.Rule == password.Reused })
		}
	case f.provesAddress(facts):
		s.MailTo = f.Pending.Email // which the browser's owner has written into their account there, or typed here
	case s.Stage == StageVerify:
		s.MailTo = address.Mask(facts.User.Email)
	case s.Stage == StageEnroll:
		s.MailTo = facts.User.Email
	}
	if s.Dialog == 4 {
		var err error
		if s.App, err = m.totp.Pending(f.UserID, facts.User.Email, f.Setup.Sealed); err != nil {
			s.Reason = ReasonSetupExpired // too old, or the key it was sealed with is gone
		}
	}
	return s
}

// arrive does what a stage needs that a flow has just come to: it mails the code that is asked for. f is the flow as it will be
// saved; the step says so if no code may be mailed.
func (m *Manager) arrive(ctx context.Context, o *opened, f *Flow, c Client) error {
	o.step = m.stepOf(o.facts, *f)
	if !slices.Contains(o.step.Offer, MethodEmailCode) || f.Code.Purpose == codePurpose(o.step.Decision) {
		return nil
	}
	reason, wait, err := m.mailCode(ctx, o, f, c)
	if err != nil {
		return err
	}
	o.step.Flow, o.step.Reason, o.step.RetryAfter = *f, reason, wait
	return nil
}

// Current answers where the flow stands. It changes nothing.
func (m *Manager) Current(ctx context.Context, flowToken string, c Client) (Step, error) {
	o, err := m.open(ctx, Ref{Token: flowToken}, c, m.now())
	return o.step, err
}

// Cancel ends the flow, at whatever stage. It is not an error if there is none.
func (m *Manager) Cancel(ctx context.Context, flowToken string) error {
	key, ok := token.Lookup(token.Flow, flowToken)
	if !ok {
		return nil
	}
	return flowError("dropping", m.stores.Flows.DropFlow(ctx, key))
}

// outOfOrder answers a step that the flow does not stand at: with the stage's own reason if it has one, and else so that nobody takes
// it for accepted.
func outOfOrder(s Step, err error) (Step, error) {
	if err == nil && s.Reason == "" {
		err = ErrFlowChanged
	}
	return s, err
}

// refused is the step with the reason why it was not accepted.
func (s Step) refused(r Reason, wait time.Duration) Step {
	s.Reason, s.RetryAfter = r, wait
	return s
}
