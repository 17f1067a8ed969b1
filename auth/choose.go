package auth

import (
	"context"
	"slices"
)

// ChooseAccount says which company to enter. An empty id keeps the choice as it stands: the way on for a flow that is ready
// already, because something that was in its way has gone. Reason ReasonAccountUnknown: the company is not among those offered.
func (m *Manager) ChooseAccount(ctx context.Context, ref Ref, accountID string, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || step.Stage != StageAccount {
		return step, err
	}
	if !slices.ContainsFunc(step.Accounts, func(a AccountChoice) bool { return a.ID == accountID }) {
		return step.refused(ReasonAccountUnknown, 0), nil
	}
	f := step.Flow
	f.AccountID = accountID
	f = f.accepted(now)
	step = m.stepOf(o.facts, f)
	e := m.event(AccountChosen, now, c)
	e.FlowID, e.UserID, e.AccountID = f.ID, f.UserID, accountID
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	return step, m.save(ctx, o.key, o.key, f)
}
