package auth

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// Restart goes back to the first page: it ends the flow, whatever was proven in it, and begins another that keeps what was
// typed and chosen there. The new flow names nobody until [Manager.Identify] replaces it, and ends no later than the old one could.
func (m *Manager) Restart(ctx context.Context, ref Ref) (Step, error) {
	now := m.now()
	old, key, err := m.load(ctx, ref, now)
	if err == nil && old.Purpose != SignIn {
		err = ErrFlowGone // the others have no first page
	}
	if err != nil {
		return Step{}, err
	}
	f := Flow{
		ID: token.NewID(), Purpose: old.Purpose, MadeAt: old.MadeAt,
		Email: old.Email, Remember: old.Remember, ReturnTo: old.ReturnTo, Lang: old.Lang,
	}
	f.Version = old.Version
	f = f.accepted(now)
	plain, next := token.New(token.Flow)
	if err := m.save(ctx, key, next, f); err != nil {
		return Step{}, err
	}
	step := m.nameless(f, now)
	step.Token = plain
	return step, nil
}

// nameless is where a flow stands that names nobody: there is nothing to look up.
func (m *Manager) nameless(f Flow, now time.Time) Step {
	return Step{Flow: f, Decision: Next(Facts{Now: now, Preset: m.preset, CanMail: m.CanMail()}, f)}
}
