package auth

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// maxLang is longer than any language tag in use.
const maxLang = 35

// An Opening is what somebody says to begin a sign-in.
type Opening struct {
	Email    string // as it was typed
	Way      Way    // how the person asks to prove it; empty: as the domain has it
	Remember bool   // "keep me signed in" is ticked
	ReturnTo string // where to go afterwards; an address that is not allowed is dropped
	Lang     string // the language of the page, as a BCP 47 tag of at most 35 bytes; empty, or longer: none
	Replaces string // the token of a flow that this one takes the place of; empty: none
}

// Identify makes a flow for an address. Its answer depends on the domain of the address only, never on the person: nothing is
// looked up about them. A social account that waits in the flow that this one replaces waits on. Reasons: ReasonEmailInvalid, ReasonTooManyAttempts, and with WayCompany ReasonCompanyIDUnknown (the domain has no
// company's own sign-in); no flow is made then, and Step.Token is empty.
func (m *Manager) Identify(ctx context.Context, o Opening, c Client) (Step, error) {
	a, err := address.Parse(o.Email)
	if err != nil {
		return m.opening(o).refused(ReasonEmailInvalid, 0), nil
	}
	f, rejected, err := m.begin(ctx, o, c)
	if err != nil || rejected.Reason != "" {
		return rejected, err
	}
	f.Email, f.Address = a.Typed, a.Canonical
	facts, err := m.facts(ctx, f, c, f.MadeAt)
	if err != nil {
		return Step{}, err
	}
	if o.Way == WayCompany && !facts.Domain.companySignIn() {
		return m.opening(o).refused(ReasonCompanyIDUnknown, 0), nil
	}
	if err := m.keepPending(ctx, facts, &f, o.Replaces); err != nil {
		return Step{}, err
	}
	begun := opened{facts: facts}
	if err := m.arrive(ctx, &begun, &f, c); err != nil {
		return Step{}, err
	}
	step := begun.step
	step.Token, err = m.started(ctx, f, o.Replaces, c)
	return step, err
}

// keepPending takes over the social account that waits in the flow that this one takes the place of. One whose provider named no address
// goes by the one that was typed now, which is proven by a code before anything else is asked.
// Where the company's own sign-in is the only way none waits.
func (m *Manager) keepPending(ctx context.Context, facts Facts, f *Flow, replaces string) error {
	if replaces == "" || facts.Domain.SSO == SSOEnforced {
		return nil
	}
	old, _, err := m.load(ctx, Ref{Token: replaces}, f.MadeAt)
	if errors.Is(err, ErrFlowGone) {
		return nil
	}
	if err != nil || old.Purpose != SignIn || old.UserID != "" || !old.pendsSocial(f.MadeAt) {
		return err
	}
	f.Pending = old.Pending
	for _, p := range old.Proofs {
		if p.Address != "" && p.Address == old.Pending.Email && f.MadeAt.Before(p.At.Add(arrivalLife)) {
			f.Proofs = append(f.Proofs, p)
		}
	}
	if f.Pending.Email == "" && f.Way != WayCompany && m.CanMail() {
		f.Pending.Email, f.Address = f.Address, ""
	}
	return nil
}

// opening is the step of somebody who has not begun.
func (m *Manager) opening(o Opening) Step {
	f := Flow{Purpose: SignIn, Way: o.Way, Email: o.Email, Remember: o.Remember, ReturnTo: m.ReturnTo(o.ReturnTo), Lang: spoken(o.Lang)}
	return Step{Flow: f, Decision: Decision{Stage: StageIdentify}}
}

// begin charges the beginning of a flow to where it comes from, and makes the flow, which is not stored yet. A Reason: it may not begin.
func (m *Manager) begin(ctx context.Context, o Opening, c Client) (Flow, Step, error) {
	now, rejected := m.now(), m.opening(o)
	var t toll
	t.add(m.counters("identify", source(c)), Charge{Window: time.Minute, Limit: identifyLimit, Lock: time.Minute}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return Flow{}, Step{}, err
	}
	if wait > 0 {
		return Flow{}, rejected.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, rejected.Flow, c, now)
	}
	f := rejected.Flow
	f.ID, f.MadeAt = token.NewID(), now
	return f.accepted(now), Step{}, nil
}

// started records and stores a new flow, drops the one that it takes the place of, and answers its token.
func (m *Manager) started(ctx context.Context, f Flow, replaces string, c Client) (string, error) {
	e := m.event(FlowStarted, f.MadeAt, c)
	e.FlowID = f.ID
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	plain, err := m.create(ctx, f)
	if err != nil {
		return "", err
	}
	return plain, m.Cancel(ctx, replaces)
}

// throttled records that a guess was not looked at.
func (m *Manager) throttled(ctx context.Context, f Flow, c Client, now time.Time) error {
	e := m.event(Throttled, now, c)
	e.FlowID, e.Reason = f.ID, ReasonTooManyAttempts
	return m.note(ctx, e)
}
