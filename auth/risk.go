package auth

import (
	"context"

	"github.com/sallyport-auth/sallyport/session"
)

// A Verdict is what Config.Risk says about a sign-in.
type Verdict string

const (
	VerdictOrdinary  Verdict = "ordinary"
	VerdictUnusual   Verdict = "unusual"   // asks for a mailed code, where the policy's Verification is not off
	VerdictMalicious Verdict = "malicious" // closes every door of the person until there is a new password, and ends all sessions
)

// verdictUnknown stands for a hook that has failed or is not there: whatever depends on it is then decided by the device alone.
const verdictUnknown Verdict = ""

// An Attempt is what Config.Risk judges: a sign-in whose first proof was right just now.
type Attempt struct {
	User   User
	Client Client         // Device is empty: the cookie is nobody's business
	Device session.Device // what is remembered of this browser for this person; the zero Device: nothing
	Method Method         // the first proof
}

// assess asks the hook. One that fails is reported, and leaves the decision to what is known of the device.
func (m *Manager) assess(ctx context.Context, o *opened, method Method, c Client) (Verdict, error) {
	if m.risk == nil {
		return verdictUnknown, nil
	}
	c.Device, c.Session = "", ""
	v, err := m.risk(ctx, Attempt{User: o.facts.User, Client: c, Device: o.facts.Device, Method: method})
	if err == nil && (v == VerdictOrdinary || v == VerdictUnusual || v == VerdictMalicious) {
		return v, nil
	}
	e := m.event(RiskUnknown, o.facts.Now, c)
	e.FlowID, e.UserID = o.step.Flow.ID, o.facts.User.ID
	return verdictUnknown, m.note(ctx, e)
}
