package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// EnrollBegin leaves the first dialog of the set-up of an authenticator app: it mails the code of the second, which Code takes.
// Reason ReasonTooManyAttempts: no code was mailed, and ResendCode may mail one later.
func (m *Manager) EnrollBegin(ctx context.Context, ref Ref, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err != nil || o.step.Dialog != 1 {
		return outOfOrder(o.step, err)
	}
	f := o.step.Flow.accepted(now)
	f.Setup.Begun = true
	if err := m.arrive(ctx, &o, &f, c); err != nil {
		return Step{}, err
	}
	return o.step, m.save(ctx, o.key, o.key, f)
}

// EnrollApp leaves the third dialog: it makes the secret that the fourth shows. The person's present app, if there is one, goes on
// working.
func (m *Manager) EnrollApp(ctx context.Context, ref Ref, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err != nil || o.step.Dialog != 3 {
		return outOfOrder(o.step, err)
	}
	f := o.step.Flow.accepted(now)
	pending, err := m.totp.Begin(f.UserID, o.facts.User.Email)
	if err != nil {
		return Step{}, fmt.Errorf("auth: making a secret: %w", err)
	}
	f.Setup.Sealed = pending.Sealed
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return Step{}, err
	}
	return m.stepOf(o.facts, f), nil
}

// EnrollConfirm tries the first code of the new app. If it is right, the app takes the place of the person's present one, everything
// that was opened or remembered before ends (see ChangeApp), and the answer brings new recovery codes: they are shown this once.
//
// Reasons: ReasonCodeFormat, ReasonTOTPWrong, ReasonSetupExpired, ReasonTooManyAttempts.
func (m *Manager) EnrollConfirm(ctx context.Context, ref Ref, typed string, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || step.Dialog != 4 {
		return outOfOrder(step, err)
	}
	if _, ok := mfa.CleanCode(typed); !ok {
		return step.refused(ReasonCodeFormat, 0), nil
	}
	if refused, err := m.chargeFlow(ctx, step, "setup", c, now); err != nil || refused.Reason != "" {
		return refused, err
	}
	factor, err := m.totp.Accept(step.Flow.UserID, step.Flow.Setup.Sealed, typed)
	switch {
	case errors.Is(err, mfa.ErrExpired):
		return step.refused(ReasonSetupExpired, 0), nil
	case err != nil && isAnswer(err):
		return m.wrongCode(ctx, o, MethodTOTP, ReasonTOTPWrong, c)
	case err != nil:
		return Step{}, fmt.Errorf("auth: checking a set-up code: %w", err)
	}
	// Of two that confirm at once one goes on; and whatever stops it now, the secret is not tried again.
	f := step.Flow.accepted(now)
	f.Setup.Sealed = nil
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return Step{}, err
	}
	codes, version, err := m.changeApp(ctx, o, factor, c)
	if err != nil {
		return Step{}, err
	}
	return m.setUp(ctx, o, f, version, codes)
}

// changeApp writes the app. What must end ends before, so that nothing outlives it if this stops half-way, and once more after it,
// for whatever came in between.
func (m *Manager) changeApp(ctx context.Context, o opened, factor mfa.Factor, c Client) (codes []string, version int64, err error) {
	u, f, now := o.facts.User, o.step.Flow, o.facts.Now
	e := m.event(TwoStepSet, now, c)
	e.FlowID, e.UserID, e.SessionID = f.ID, u.ID, f.SessionID
	if err := m.note(ctx, e); err != nil {
		return nil, 0, err
	}
	kind := mail.TwoStepOn
	if o.facts.App.ID != "" {
		kind = mail.TwoStepReplaced
	}
	notice, err := m.announce(ctx, m.letter(kind, u, f.Lang, c, now))
	if err != nil {
		return nil, 0, err
	}
	before, err := m.invalidate(ctx, u.ID, ChangeApp, f.SessionID)
	if err != nil {
		return nil, 0, err
	}
	if before != o.facts.Credential+1 { // something else has ended this flow since it was read
		return nil, 0, cmp.Or(m.retract(ctx, notice), ErrFlowGone)
	}
	if o.facts.App.ID != "" { // the codes that went with the old app must not outlive it
		if err := m.recovery.Remove(ctx, u.ID); err != nil {
			return nil, 0, fmt.Errorf("auth: removing recovery codes: %w", err)
		}
	}
	err = m.totp.Enroll(ctx, factor, o.facts.App.ID)
	if errors.Is(err, mfa.ErrConflict) { // another flow of this person was faster
		return nil, 0, cmp.Or(m.retract(ctx, notice), ErrFlowGone)
	}
	// From here on a browser that hangs up must not leave an app whose proofs nobody has looked at once more.
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("auth: storing an app: %w", err), m.unenroll(ctx, o, factor.ID(), c))
	}
	version, err = m.invalidate(ctx, u.ID, ChangeApp, f.SessionID)
	if err != nil || version != before+1 {
		return nil, 0, errors.Join(err, m.unenroll(ctx, o, factor.ID(), c))
	}
	if !m.preset.SkipRecoveryCodes {
		if codes, err = m.recovery.New(ctx, u.ID); err != nil {
			return nil, 0, fmt.Errorf("auth: making recovery codes: %w", err)
		}
	}
	return codes, version, nil
}

// unenroll takes back an app that was set up while the person's password changed or everything of theirs was ended: what the set-up
// was proven with counted no longer. An app that it had replaced is gone; the person is told, and where an app is required the next
// sign-in sets one up.
func (m *Manager) unenroll(ctx context.Context, o opened, id string, c Client) error {
	u := o.facts.User
	if o.facts.App.ID != "" {
		e := m.event(TwoStepReset, o.facts.Now, c)
		e.FlowID, e.UserID = o.step.Flow.ID, u.ID
		if err := m.note(ctx, e); err != nil {
			return err
		}
		if _, err := m.announce(ctx, m.letter(mail.TwoStepReset, u, o.step.Flow.Lang, c, o.facts.Now)); err != nil {
			return err
		}
	}
	if err := m.recovery.Remove(ctx, u.ID); err != nil {
		return fmt.Errorf("auth: removing recovery codes: %w", err)
	}
	if err := m.dropApp(ctx, u.ID, id); err != nil {
		return err
	}
	if _, err := m.invalidate(ctx, u.ID, ChangeAppGone, o.step.Flow.SessionID); err != nil {
		return err
	}
	return ErrFlowGone
}

// dropApp takes an app away that may be gone already.
func (m *Manager) dropApp(ctx context.Context, userID, id string) error {
	if err := m.totp.Remove(ctx, userID, id); err != nil && !errors.Is(err, mfa.ErrNotFound) {
		return fmt.Errorf("auth: removing an app: %w", err)
	}
	return nil
}

// setUp goes on in the flow that has set up an app: what was proven in it counts on, at the new version of the credential.
func (m *Manager) setUp(ctx context.Context, o opened, f Flow, version int64, codes []string) (Step, error) {
	proofs := o.carried(version)
	if m.preset.AfterSetup == AfterSetupGoOn || f.Purpose == StepUp { // whoever is signed in need not sign in with the app at once
		proofs = append(proofs, Proof{Method: MethodTOTP, At: o.facts.Now, Version: version})
	}
	f = f.accepted(o.facts.Now)
	f.Proofs, f.Setup.DoneAt, f.NewPhone = proofs, o.facts.Now, false
	status, err := m.app(ctx, f.UserID)
	if err != nil {
		return Step{}, err
	}
	o.facts.Credential, o.facts.App = version, status
	o.facts.Device = session.Device{} // it ended with the others
	plain, next := token.New(token.Flow)
	if err := m.save(ctx, o.key, next, f); err != nil {
		return Step{}, err
	}
	step := m.stepOf(o.facts, f)
	step.Token, step.RecoveryCodes = plain, codes
	return step, nil
}

// NewPhone is for a person who is asked for the app's code and does not have the phone any more: where Decision.NewPhone offers it,
// it leads to the set-up of another. The old phone works until that is done.
//
// Reasons: ReasonSelfResetOff, and ReasonSelfResetWait with RetryAfter.
func (m *Manager) NewPhone(ctx context.Context, ref Ref, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	asked := step.Stage == StageVerify && slices.Contains(step.Offer, MethodTOTP) && step.Flow.Purpose == SignIn && step.Flow.Setup.DoneAt.IsZero()
	if err != nil || !asked {
		return outOfOrder(step, err)
	}
	if !step.NewPhone {
		return step.refused(ReasonSelfResetOff, 0), nil
	}
	if o.facts.Preset.SelfReset == SelfResetEmailWait {
		if err := m.askReset(ctx, &o, c); err != nil {
			return Step{}, err
		}
	}
	if o.facts.Preset.SelfReset != SelfResetRecovery {
		if why, at := selfReset(o.facts); why != "" {
			return step.refused(why, max(at.Sub(now), 0)), nil
		}
	}
	f := step.Flow.accepted(now)
	f.NewPhone, f.Setup = true, Setup{}
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return Step{}, err
	}
	return m.stepOf(o.facts, f), nil
}

// askReset writes down that the person asks for another phone, and warns by mail: the first time, and again once an asking has
// lain too long.
func (m *Manager) askReset(ctx context.Context, o *opened, c Client) error {
	now, delay, app := o.facts.Now, o.facts.Preset.SelfResetDelay, o.facts.App
	if askedInForce(o.facts) {
		return nil
	}
	e := m.event(TwoStepAsked, now, c)
	e.FlowID, e.UserID = o.step.Flow.ID, o.step.Flow.UserID
	if err := m.note(ctx, e); err != nil {
		return err
	}
	l := m.letter(mail.TwoStepAsked, o.facts.User, o.step.Flow.Lang, c, now)
	l.Until = now.Add(delay)
	if _, err := m.announce(ctx, l); err != nil {
		return err
	}
	asked, err := m.totp.AskReset(ctx, o.step.Flow.UserID, app.ID, min(delay+askedCount, now.Sub(o.facts.ChangedAt)))
	if err != nil {
		return fmt.Errorf("auth: asking for another phone: %w", err)
	}
	o.facts.App.ResetAsked = asked
	return nil
}
