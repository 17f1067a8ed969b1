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

// What a mailed code is for: one that was sent for the one counts for nothing at the other.
const (
	codeVerify = "verify" // login verification
	codeSetup  = "setup"  // the second dialog of two-step set-up
)

// The throttles of mailed codes, beside the five tries and five sendings of each flow that package mfa counts.
const (
	mailsAnHour   = 5 // codes mailed to one person, over all flows
	codesInBurst  = 10
	codeBurstLock = 15 * time.Minute
)

// Code tries a code that was mailed: for login verification at StageVerify, for the address of a social account there, or for the
// second dialog of the set-up at StageEnroll. It is no second step.
//
// Reasons: ReasonCodeFormat, ReasonCodeWrong, ReasonCodeExpired, ReasonTooManyAttempts. What becomes of a social account once its address
// is proven is told as by Arrived.
func (m *Manager) Code(ctx context.Context, ref Ref, typed string, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || !slices.Contains(step.Offer, MethodEmailCode) {
		return outOfOrder(step, err)
	}
	if _, ok := mfa.CleanCode(typed); !ok {
		return step.refused(ReasonCodeFormat, 0), nil
	}
	t := m.codeToll(o.mailbox())
	wait, err := m.charge(ctx, t, now) // before checking: two requests at once must not share one guess
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		if err := m.throttled(ctx, step.Flow, c, now); err != nil {
			return Step{}, err
		}
		return step.refused(ReasonTooManyAttempts, wait), m.suspectAny(ctx, o, c)
	}
	err = m.codes.Check(ctx, m.codeFor(o), typed)
	switch {
	case err == nil:
	case errors.Is(err, mfa.ErrWrong):
		return m.wrongCode(ctx, o, MethodEmailCode, ReasonCodeWrong, c)
	case errors.Is(err, mfa.ErrExpired), errors.Is(err, mfa.ErrNotFound):
		return step.refused(ReasonCodeExpired, 0), nil
	case errors.Is(err, mfa.ErrSpent):
		return step.refused(ReasonTooManyAttempts, 0), m.throttled(ctx, step.Flow, c, now)
	default:
		return Step{}, fmt.Errorf("auth: checking a mailed code: %w", err)
	}
	if step.Flow.provesAddress(o.facts) {
		step, err := m.addressProven(ctx, o, c)
		if err != nil {
			return step, err
		}
		return step, m.refund(ctx, t)
	}
	if err := m.prove(ctx, &o, step.Flow, Proof{Method: MethodEmailCode, At: now, Version: o.facts.Credential}, o.facts.Device.ID, c); err != nil {
		return Step{}, err
	}
	return o.step, m.refund(ctx, t)
}

// mailbox is whom a mailed code is charged to, and for: the person; or the address, where nobody is known yet. No user's ID has an @ in
// front.
func (o opened) mailbox() string {
	if f := o.step.Flow; f.provesAddress(o.facts) {
		return "@" + f.Pending.Email
	}
	return o.step.Flow.UserID
}

// suspectAny tells a person that somebody guesses at their codes. Where nobody is known, nobody is told.
func (m *Manager) suspectAny(ctx context.Context, o opened, c Client) error {
	if o.step.Flow.UserID == "" {
		return nil
	}
	return m.suspect(ctx, o.facts.User, c, o.step.Flow, o.facts.Now)
}

// codeToll is what a guess at a mailed code costs its person or address, over all flows.
func (m *Manager) codeToll(mailbox string) toll {
	var t toll
	t.add(m.counters("mailed code", mailbox), Charge{Window: time.Hour, Limit: codesInBurst, Lock: codeBurstLock}, true)
	t.add(m.counters("mailed code in a row", mailbox), Charge{Window: rowLock, Limit: inARow, Lock: rowLock}, true)
	return t
}

// mailToll is what mailing a code costs its person or address, over all flows.
func (m *Manager) mailToll(mailbox string) toll {
	var t toll
	t.add(m.counters("codes mailed", mailbox), Charge{Window: time.Hour, Limit: mailsAnHour, Lock: time.Hour}, true)
	return t
}

// codeFor is what the flow's mailed code is for. It counts in this flow, for this person as they are now.
func (m *Manager) codeFor(o opened) mfa.CodeFor {
	f := o.step.Flow
	return mfa.CodeFor{Purpose: codePurpose(o.step.Decision), UserID: o.mailbox(), Flow: fmt.Sprint(f.ID, " ", o.facts.Credential)}
}

func codePurpose(d Decision) string {
	if d.Stage == StageEnroll {
		return codeSetup
	}
	return codeVerify
}

// ResendCode mails another code; the one before counts no longer. Reasons: ReasonTooManyAttempts, with RetryAfter if it is only
// too early.
func (m *Manager) ResendCode(ctx context.Context, ref Ref, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err != nil || !slices.Contains(o.step.Offer, MethodEmailCode) {
		return outOfOrder(o.step, err)
	}
	f := o.step.Flow.accepted(now)
	reason, wait, err := m.mailCode(ctx, &o, &f, c)
	if err != nil {
		return Step{}, err
	}
	if reason != "" {
		return o.step.refused(reason, wait), m.throttled(ctx, o.step.Flow, c, now)
	}
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return Step{}, err
	}
	return m.stepOf(o.facts, f), nil
}

// mailCode mails a code for the stage that o stands at and writes into f that it did; or answers why not.
func (m *Manager) mailCode(ctx context.Context, o *opened, f *Flow, c Client) (Reason, time.Duration, error) {
	now, purpose := o.facts.Now, codePurpose(o.step.Decision)
	if f.Code.Purpose == purpose && now.Before(f.Code.ResendAt()) {
		return ReasonTooManyAttempts, f.Code.ResendAt().Sub(now), nil // and the person's own count is spared
	}
	t := m.mailToll(o.mailbox())
	if f.provesAddress(o.facts) { // of anybody, as far as anybody knows: as every letter that a stranger asks for
		t.add(m.counters("asks from", source(c)), Charge{Window: time.Minute, Limit: asksAtOnce, Lock: time.Minute}, false)
	}
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return "", 0, err
	}
	if wait > 0 {
		return ReasonTooManyAttempts, wait, m.suspectAny(ctx, *o, c)
	}
	sent, err := m.codes.Send(ctx, m.codeFor(*o))
	closed := (*mfa.ClosedError)(nil)
	switch {
	case errors.As(err, &closed):
		return ReasonTooManyAttempts, closed.Until.Sub(now), nil
	case errors.Is(err, mfa.ErrSpent):
		return ReasonTooManyAttempts, 0, nil
	case err != nil:
		return "", 0, fmt.Errorf("auth: making a code: %w", err)
	}
	e := m.event(CodeSent, now, c)
	e.FlowID, e.UserID, e.Method = f.ID, f.UserID, MethodEmailCode
	if err := m.note(ctx, e); err != nil {
		return "", 0, err
	}
	kind, u := mail.VerifyLogin, o.facts.User
	switch {
	case purpose == codeSetup:
		kind = mail.EnrollEmail
	case f.provesAddress(o.facts):
		kind, u = mail.SocialCode, User{ID: nobody, Email: f.Pending.Email}
	case f.Purpose == StepUp:
		kind = mail.VerifyStepUp
	}
	l := m.letter(kind, u, f.Lang, c, now)
	if kind == mail.SocialCode {
		l.Item = f.Pending.name()
	}
	l.Code, l.ExpiresAt = sent.Code, sent.ExpiresAt
	if err := m.post(ctx, l); err != nil {
		return "", 0, err
	}
	sends := 1
	if f.Code.Purpose == purpose {
		sends += f.Code.Sends
	}
	f.Code = MailedCode{Purpose: purpose, SentAt: now, ExpiresAt: sent.ExpiresAt, Sends: sends}
	return "", 0, nil
}
