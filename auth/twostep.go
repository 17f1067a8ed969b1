package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// A TwoStepState is how a person stands with two-step verification.
type TwoStepState struct {
	Since     time.Time // when the app was set up; zero: two-step verification is off
	Required  bool      // the product or a company requires it: it cannot be turned off
	CodesLeft int       // recovery codes not used yet
	NoCodes   bool      // there are no recovery codes in this product
}

// On tells whether a sign-in asks for a second step.
func (s TwoStepState) On() bool { return !s.Since.IsZero() }

// TwoStep answers how a person stands: for the person and for administrators.
func (m *Manager) TwoStep(ctx context.Context, userID string) (TwoStepState, error) {
	app, err := m.app(ctx, userID)
	if err != nil {
		return TwoStepState{}, err
	}
	required, err := m.twoStepRequired(ctx, userID)
	if err != nil {
		return TwoStepState{}, err
	}
	s := TwoStepState{Since: app.Since, Required: required, NoCodes: m.preset.SkipRecoveryCodes}
	if app.ID == "" || s.NoCodes {
		return s, nil
	}
	if s.CodesLeft, err = m.recovery.Left(ctx, userID); err != nil {
		return TwoStepState{}, fmt.Errorf("auth: counting recovery codes: %w", err)
	}
	return s, nil
}

func (m *Manager) twoStepRequired(ctx context.Context, userID string) (bool, error) {
	members, err := m.memberships(ctx, userID, m.now())
	if err != nil {
		return false, err
	}
	return Facts{Preset: m.preset, Memberships: members}.policy().TwoStep == TwoStepRequired, nil
}

// TurnOffTwoStep takes the person's app and recovery codes away. It ends what ChangeAppGone ends and writes to the person.
//
// Reasons: ReasonProofRequired (the app or a recovery code must have been proven in the last ten minutes), ReasonNotEnrolled,
// ReasonMFARequired.
func (m *Manager) TurnOffTwoStep(ctx context.Context, s session.Session, c Client) (Reason, error) {
	app, err := m.app(ctx, s.UserID)
	switch {
	case err != nil:
		return "", err
	case app.ID == "":
		return ReasonNotEnrolled, nil
	}
	if recent, err := m.recent(ctx, s, app); err != nil || !recent {
		return ReasonProofRequired, err
	}
	required, err := m.twoStepRequired(ctx, s.UserID)
	if err != nil {
		return "", err
	}
	if required {
		return ReasonMFARequired, nil
	}
	return m.removeApp(ctx, s.UserID, s.ID, app, TwoStepOff, mail.TwoStepOff, c)
}

// ResetTwoStep takes a person's app and recovery codes away, for somebody who has lost both: the next sign-in sets an app up anew
// where it is required. It ends what ChangeAppGone ends and writes to the person. It is for administrators' tools: who may do it to
// whom is for the caller to say. Reason ReasonNotEnrolled: there is no app.
func (m *Manager) ResetTwoStep(ctx context.Context, userID string) (Reason, error) {
	app, err := m.app(ctx, userID)
	if err != nil {
		return "", err
	}
	if app.ID == "" {
		return ReasonNotEnrolled, nil
	}
	return m.removeApp(ctx, userID, "", app, TwoStepReset, mail.TwoStepReset, Client{})
}

// removeApp ends what the app has guarded before the app goes, and once more after it: a session that was made with it must not
// outlive it, and no sign-in that began before may go on without it.
func (m *Manager) removeApp(ctx context.Context, userID, keep string, app mfa.TOTPStatus, kind Kind, letter mail.Kind, c Client) (Reason, error) {
	u, err := m.User(ctx, userID)
	if err != nil {
		return "", err
	}
	now := m.now()
	e := m.event(kind, now, c)
	e.UserID, e.SessionID = userID, keep
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	notice, err := m.announce(ctx, m.letter(letter, u, "", c, now))
	if err != nil {
		return "", err
	}
	if _, err := m.invalidate(ctx, userID, ChangeAppGone, keep); err != nil {
		return "", err
	}
	if err := m.recovery.Remove(ctx, userID); err != nil { // before the app: codes without one must not be left behind
		return "", fmt.Errorf("auth: removing recovery codes: %w", err)
	}
	if err := m.totp.Remove(ctx, userID, app.ID); err != nil {
		if errors.Is(err, mfa.ErrNotFound) { // somebody else was faster
			return ReasonNotEnrolled, m.retract(ctx, notice)
		}
		return "", fmt.Errorf("auth: removing an app: %w", err)
	}
	_, err = m.invalidate(ctx, userID, ChangeAppGone, keep)
	return "", err
}

// setsAnHour is how many sets of recovery codes one person is given within an hour: each is told by mail.
const setsAnHour = 5

// NewRecoveryCodes gives a person new recovery codes, in the place of all earlier ones. They are shown this once.
//
// Reasons: ReasonProofRequired, ReasonNotEnrolled, ReasonTooManyAttempts.
func (m *Manager) NewRecoveryCodes(ctx context.Context, s session.Session, c Client) ([]string, Reason, error) {
	app, err := m.app(ctx, s.UserID)
	switch {
	case err != nil:
		return nil, "", err
	case app.ID == "" || m.preset.SkipRecoveryCodes:
		return nil, ReasonNotEnrolled, nil
	}
	if recent, err := m.recent(ctx, s, app); err != nil || !recent {
		return nil, ReasonProofRequired, err
	}
	var t toll
	t.add(m.counters("recovery codes made", s.UserID), Charge{Window: time.Hour, Limit: setsAnHour, Lock: time.Hour}, false)
	if wait, err := m.charge(ctx, t, m.now()); err != nil || wait > 0 {
		return nil, ReasonTooManyAttempts, err
	}
	u, err := m.User(ctx, s.UserID)
	if err != nil {
		return nil, "", err
	}
	now := m.now()
	e := m.event(RecoveryMade, now, c)
	e.UserID, e.SessionID = u.ID, s.ID
	if err := m.note(ctx, e); err != nil {
		return nil, "", err
	}
	if _, err := m.announce(ctx, m.letter(mail.RecoveryNew, u, "", c, now)); err != nil {
		return nil, "", err
	}
	codes, err := m.recovery.New(ctx, u.ID)
	if err != nil {
		return nil, "", fmt.Errorf("auth: making recovery codes: %w", err)
	}
	return codes, "", nil
}
