package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
)

const (
	triesInFlow = 5        // second steps of one kind tried in one flow: more need a new first proof
	sparedFor   = 30 * day // how long a device is spared the app's code, from the sign-in with the ticked box on
)

// TOTP tries a code of the person's authenticator app. trust is the box "do not ask on this device for 30 days"; where
// Decision.TrustBox is not set it counts for nothing.
//
// Reasons: ReasonCodeFormat, ReasonTOTPWrong, ReasonTOTPReused, ReasonTooManyAttempts (without RetryAfter: not in this flow any
// more; with it: too many wrong codes in a row, over all flows).
func (m *Manager) TOTP(ctx context.Context, ref Ref, typed string, trust bool, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || !slices.Contains(step.Offer, MethodTOTP) {
		return outOfOrder(step, err)
	}
	if _, ok := mfa.CleanCode(typed); !ok {
		return step.refused(ReasonCodeFormat, 0), nil
	}
	if refused, err := m.chargeFlow(ctx, step, MethodTOTP, c, now); err != nil || refused.Reason != "" {
		return refused, err
	}
	if err := m.totp.VerifySince(ctx, step.Flow.UserID, typed, forgivenSince(o)); err != nil {
		return m.notSecond(ctx, o, MethodTOTP, err, c)
	}
	f := step.Flow
	f.Trust = f.Trust || trust && step.TrustBox
	err = m.prove(ctx, &o, f, Proof{Method: MethodTOTP, At: now, Version: o.facts.Credential}, o.facts.Device.ID, c)
	return o.step, err
}

// RecoveryCode tries one of the person's recovery codes. Each counts once. The person is told by mail.
//
// Reasons: ReasonCodeFormat, ReasonRecoveryWrong, ReasonRecoveryUsed, ReasonTooManyAttempts.
func (m *Manager) RecoveryCode(ctx context.Context, ref Ref, typed string, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || !slices.Contains(step.Offer, MethodRecoveryCode) {
		return outOfOrder(step, err)
	}
	if _, ok := mfa.CleanRecovery(typed); !ok {
		return step.refused(ReasonCodeFormat, 0), nil
	}
	if refused, err := m.chargeFlow(ctx, step, MethodRecoveryCode, c, now); err != nil || refused.Reason != "" {
		return refused, err
	}
	left, err := m.recovery.Left(ctx, step.Flow.UserID)
	if err != nil {
		return Step{}, fmt.Errorf("auth: counting recovery codes: %w", err)
	}
	l := m.letter(mail.RecoveryUsed, o.facts.User, step.Flow.Lang, c, now)
	l.Left = max(left-1, 0)
	notice, err := m.announce(ctx, l)
	if err != nil {
		return Step{}, err
	}
	if _, err := m.recovery.VerifySince(ctx, step.Flow.UserID, typed, forgivenSince(o)); err != nil {
		if isAnswer(err) { // else nobody knows whether the code was used, and the notice stays
			if err := m.retract(ctx, notice); err != nil {
				return Step{}, err
			}
		}
		return m.notSecond(ctx, o, MethodRecoveryCode, err, c)
	}
	err = m.prove(ctx, &o, step.Flow, Proof{Method: MethodRecoveryCode, At: now, Version: o.facts.Credential}, o.facts.Device.ID, c)
	return o.step, err
}

// forgivenSince is when the person's password was set: whoever guessed before does not get this far any more. A reset gets here
// without it.
func forgivenSince(o opened) time.Time {
	if o.step.Flow.Purpose == Reset {
		return time.Time{}
	}
	return o.facts.ChangedAt
}

// chargeFlow charges one try of a second step to its flow. A step with a Reason: it may not be tried any more.
func (m *Manager) chargeFlow(ctx context.Context, step Step, method Method, c Client, now time.Time) (Step, error) {
	var t toll
	t.add(m.counters("flow", step.Flow.ID, string(method)), Charge{Window: flowLife, Limit: triesInFlow, Lock: flowLife}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil || wait == 0 {
		return Step{}, err
	}
	return step.refused(ReasonTooManyAttempts, 0), m.throttled(ctx, step.Flow, c, now)
}

// isAnswer tells an answer of package mfa about what was typed from a broken machine.
func isAnswer(err error) bool {
	closed := (*mfa.ClosedError)(nil)
	for _, answer := range []error{mfa.ErrFormat, mfa.ErrWrong, mfa.ErrReused, mfa.ErrNotFound} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return errors.As(err, &closed)
}

// notSecond answers a second step that was not accepted.
func (m *Manager) notSecond(ctx context.Context, o opened, method Method, err error, c Client) (Step, error) {
	now := o.facts.Now
	wrong, used := ReasonTOTPWrong, ReasonTOTPReused
	if method == MethodRecoveryCode {
		wrong, used = ReasonRecoveryWrong, ReasonRecoveryUsed
	}
	closed := (*mfa.ClosedError)(nil)
	switch {
	case errors.Is(err, mfa.ErrFormat):
		return o.step.refused(ReasonCodeFormat, 0), nil
	case errors.Is(err, mfa.ErrReused):
		return m.wrongCode(ctx, o, method, used, c)
	case errors.Is(err, mfa.ErrWrong), errors.Is(err, mfa.ErrNotFound):
		return m.wrongCode(ctx, o, method, wrong, c)
	case errors.As(err, &closed):
		if err := m.throttled(ctx, o.step.Flow, c, now); err != nil {
			return Step{}, err
		}
		return o.step.refused(ReasonTooManyAttempts, closed.Until.Sub(now)), m.suspect(ctx, o.facts.User, c, o.step.Flow, now)
	}
	return Step{}, fmt.Errorf("auth: checking a second step: %w", err)
}

// wrongCode records a wrong code. The person was proven: the trail may name them.
func (m *Manager) wrongCode(ctx context.Context, o opened, method Method, why Reason, c Client) (Step, error) {
	e := m.event(ProofRefused, o.facts.Now, c)
	e.FlowID, e.UserID, e.Method, e.Reason, e.DeviceID = o.step.Flow.ID, o.step.Flow.UserID, method, why, o.facts.Device.ID
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	return o.step.refused(why, 0), m.alert(ctx, o.facts.Now)
}
