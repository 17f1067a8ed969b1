package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

// knownFor is how long a browser stays known after a sign-in.
const knownFor = 90 * day

// Done is what Finish answers: a person signed in.
type Done struct {
	Token    string          // the session cookie's; see Manager.SetSessionCookie
	Session  session.Session // what it opens
	Device   string          // the device cookie's new token; what was remembered under the one that was presented has moved to it
	ReturnTo string          // where to go; empty: the host's default
	Lang     string          // the language chosen on the page, else the person's own; empty: none
	Email    string          // the address as it was typed
	Trace    []string        // the rules that decided
	Login    []byte          // what Arrival.Login held, where the person came by their company's sign-in: for single logout
}

// Finish makes the session of a sign-in that is ready, or gives the session of a StepUp its new token. It gathers the facts anew and
// asks Next again, so what has changed since the last step counts. One caller wins; the others get ErrFlowGone. It is the only code
// that makes a session for a person.
//
// A flow that is not ready answers a zero Done and the Step as it stands.
func (m *Manager) Finish(ctx context.Context, ref Ref, c Client) (Done, Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step := o.step
	if err != nil || step.Stage != StageReady {
		return Done{}, step, err
	}
	if step.Flow.Purpose == StepUp {
		return m.finishStepUp(ctx, o, c)
	}
	f := step.Flow
	sessionID := token.NewID() // known before the session is, so that the trail can name it
	e := m.event(SignedIn, now, c)
	e.FlowID, e.UserID, e.AccountID, e.SessionID, e.Trace = f.ID, f.UserID, step.AccountID, sessionID, step.Trace
	if err := m.note(ctx, e); err != nil {
		return Done{}, Step{}, err
	}
	if o.facts.User.Unverified && mailboxProven(o.facts, f) { // by whoever has proven the password in the same flow
		if err := m.verify(ctx, o.facts.User, c); err != nil {
			return Done{}, Step{}, err
		}
	}
	notice, err := m.noticeDevice(ctx, o, c)
	if err != nil {
		return Done{}, Step{}, err
	}
	notices, err := m.noticeBreakGlass(ctx, o, c)
	if err != nil {
		return Done{}, Step{}, err
	}
	if err := flowError("taking", m.stores.Flows.TakeFlow(ctx, o.key, f.Version)); err != nil {
		if errors.Is(err, ErrFlowChanged) || errors.Is(err, ErrFlowGone) { // somebody else finishes it, and tells
			err = errors.Join(err, m.retract(ctx, append(notices, notice)...))
		}
		return Done{}, Step{}, err
	}
	done := Done{ReturnTo: f.ReturnTo, Lang: cmp.Or(f.Lang, o.facts.User.Locale), Email: f.Email, Trace: step.Trace, Login: f.Login}
	device, err := m.grant(ctx, &done, o.facts, f, token.NewID(), c)
	if err != nil {
		return Done{}, Step{}, err
	}
	done.Token, done.Session, err = m.sessions.Issue(ctx, session.Start{
		ID: sessionID, UserID: f.UserID, AccountID: step.AccountID, DeviceID: device.ID, Methods: session.NewMethods(methods(o.facts, f)...),
		Via: via(o.facts, f), Kept: step.Kept, Idle: step.Idle, Cap: step.Cap, CreatedAt: now, AuthTime: provenAt(o.facts, f),
		UserAgent: c.UserAgent, IP: ipText(c.IP),
	})
	if err != nil {
		return Done{}, Step{}, fmt.Errorf("auth: making a session: %w", err)
	}
	if err := m.stillMeant(ctx, o.facts, done.Session); err != nil {
		return Done{}, Step{}, err
	}
	return done, step, nil
}

// noticeDevice tells a person of a sign-in on a device not known before, unless a mailed code, or the letter about a social account that
// was connected, has told them already.
func (m *Manager) noticeDevice(ctx context.Context, o opened, c Client) (id string, err error) {
	if o.facts.Device.Known(o.facts.Now) || mailboxProven(o.facts, o.step.Flow) || o.step.Flow.Connected {
		return "", nil
	}
	return m.announce(ctx, m.letter(mail.NewDevice, o.facts.User, o.step.Flow.Lang, c, o.facts.Now))
}

// grant remembers that the person has signed in from this browser, under this ID if it is not remembered already. The browser gets
// a new token each time, to which all that was remembered under the old one moves: a token that somebody planted or copied opens
// nothing afterwards.
func (m *Manager) grant(ctx context.Context, done *Done, facts Facts, f Flow, id string, c Client) (session.Device, error) {
	now := facts.Now
	record := session.Device{
		ID: id, UserID: f.UserID, UserAgent: session.CleanUserAgent(c.UserAgent), IP: ipText(c.IP),
		FirstSeen: now, LastSeen: now, KnownUntil: now.Add(knownFor),
	}
	if f.Trust && sparable(facts) {
		record.TwoStepUntil = now.Add(sparedFor)
	}
	old, _ := token.Lookup(token.Device, c.Device)
	var key [32]byte
	done.Device, key = token.New(token.Device)
	d, err := m.stores.Devices.GrantDevice(ctx, old, key, record)
	if err != nil {
		return d, fmt.Errorf("auth: remembering a device: %w", err)
	}
	return d, nil
}

// stillMeant looks once more whether what the session was made from counts. Whoever ends a person's sessions first moves the
// credential's version and then deletes; so either the deletion finds this session, or the version is found moved here. No clock
// has a say in that. Nobody has been given the session's token yet.
func (m *Manager) stillMeant(ctx context.Context, facts Facts, s session.Session) error {
	cred, err := m.credential(ctx, s.UserID)
	if err == nil && cred.Version == facts.Credential {
		return nil
	}
	// A browser that hangs up must not keep what it is not given.
	if failed := m.unmade(context.WithoutCancel(ctx), s); failed != nil {
		return errors.Join(failed, err)
	}
	return cmp.Or(err, ErrFlowGone)
}

// unmade takes back a session and the device record that came with it: the one even if the other fails.
func (m *Manager) unmade(ctx context.Context, s session.Session) error {
	var failed [2]error
	if err := m.sessions.End(ctx, s.UserID, s.ID); err != nil && !errors.Is(err, session.ErrNotFound) {
		failed[0] = fmt.Errorf("auth: ending a session: %w", err)
	}
	if err := m.stores.Devices.EndDevice(ctx, s.UserID, s.DeviceID); err != nil && !errors.Is(err, session.ErrNotFound) {
		failed[1] = fmt.Errorf("auth: forgetting a device: %w", err)
	}
	return errors.Join(failed[:]...)
}

// provenAt is when the newest proof was made that counts, and is worth more than a look into the mailbox.
func provenAt(facts Facts, f Flow) (at time.Time) {
	for _, p := range f.Proofs {
		if p.counts(facts) && (!p.mailbox() || f.Purpose == StepUp && undated(facts, f)) && p.when().After(at) {
			at = p.when()
		}
	}
	return at
}

// methods are how the person has proven who they are in the flow: each way once, and only by proofs that count.
func methods(facts Facts, f Flow) []string {
	var names []string
	for _, p := range f.Proofs {
		for _, name := range p.names() {
			if p.counts(facts) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// names are what a session says of a proof.
func (p Proof) names() []string {
	if p.Method == MethodSSO && p.MultiFactor {
		return []string{string(MethodSSO), sessionMultiFactor}
	}
	return []string{string(p.Method)}
}

// when is when the person proved it: elsewhere that may have been long before it was told here.
func (p Proof) when() time.Time {
	switch {
	case p.Method != MethodSSO && !p.social(), p.AuthTime.After(p.At):
		return p.At
	case p.AuthTime.IsZero(): // nobody knows when: then it is not recent
		return p.At.Add(-recentProof - time.Second)
	}
	return p.AuthTime
}

// via is the connection that a sign-in came by; empty: none.
func via(facts Facts, f Flow) string {
	for _, p := range f.Proofs {
		if p.Method == MethodSSO && p.worthless(facts, f) == "" {
			return p.Via
		}
	}
	return ""
}

// noticeBreakGlass tells the super administrators of a company that somebody has gone round its own sign-in.
func (m *Manager) noticeBreakGlass(ctx context.Context, o opened, c Client) (ids []string, err error) {
	if !o.facts.breakGlass(o.step.Flow) {
		return nil, nil
	}
	accountID := o.facts.Domain.AccountID
	e := m.event(BreakGlass, o.facts.Now, c)
	e.FlowID, e.UserID, e.AccountID = o.step.Flow.ID, o.facts.User.ID, accountID
	if err := m.note(ctx, e); err != nil || m.admins == nil {
		return nil, err
	}
	admins, err := m.admins.Administrators(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("auth: reading administrators: %w", err)
	}
	for _, a := range admins {
		theirs, err := m.memberships(ctx, a.ID, o.facts.Now)
		if err != nil {
			return ids, err
		}
		if at, ok := in(theirs, accountID); !ok || at.Role != RoleSuperAdmin {
			continue
		}
		l := m.letter(mail.BreakGlass, a, "", c, o.facts.Now)
		l.Person = o.facts.User.Email
		id, err := m.announce(ctx, l)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
