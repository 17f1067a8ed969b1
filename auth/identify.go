package auth

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// maxLang is longer than any language tag in use.
const maxLang = 35

// An Opening is what somebody says to begin a sign-in.
type Opening struct {
	Email    string // as it was typed
	Remember bool   // "keep me signed in" is ticked
	ReturnTo string // where to go afterwards; an address that is not allowed is dropped
	Lang     string // the language of the page, as a BCP 47 tag of at most 35 bytes; empty, or longer: none
	Replaces string // the token of a flow that this one takes the place of; empty: none
}

// Identify makes a flow for an address. Its answer depends on the domain of the address only, never on the person: nothing is
// looked up about them. Reasons: ReasonEmailInvalid, ReasonTooManyAttempts; no flow is made then, and Step.Token is empty.
func (m *Manager) Identify(ctx context.Context, o Opening, c Client) (Step, error) {
	now := m.now()
	if len(o.Lang) > maxLang {
		o.Lang = ""
	}
	opening := Flow{Purpose: SignIn, Email: o.Email, Remember: o.Remember, ReturnTo: m.ReturnTo(o.ReturnTo), Lang: o.Lang}
	rejected := Step{Flow: opening, Decision: Decision{Stage: StageIdentify}}
	a, err := address.Parse(o.Email)
	if err != nil {
		return rejected.refused(ReasonEmailInvalid, 0), nil
	}
	var t toll
	t.add(m.counters("identify", source(c)), Charge{Window: time.Minute, Limit: identifyLimit, Lock: time.Minute}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		return rejected.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, opening, c, now)
	}
	f := opening
	f.ID, f.MadeAt, f.Email, f.Address = token.NewID(), now, a.Typed, a.Canonical
	f = f.accepted(now)
	facts, err := m.facts(ctx, f, c, now)
	if err != nil {
		return Step{}, err
	}
	step := Step{Flow: f, Decision: Next(facts, f)}
	e := m.event(FlowStarted, now, c)
	e.FlowID = f.ID
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	if step.Token, err = m.create(ctx, f); err != nil {
		return Step{}, err
	}
	if err := m.Cancel(ctx, o.Replaces); err != nil {
		return Step{}, err
	}
	return step, nil
}

// throttled records that a guess was not looked at.
func (m *Manager) throttled(ctx context.Context, f Flow, c Client, now time.Time) error {
	e := m.event(Throttled, now, c)
	e.FlowID, e.Reason = f.ID, ReasonTooManyAttempts
	return m.note(ctx, e)
}
