package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

// nobody stands for the person whose address is unknown, so that the same tables are asked for everybody.
const nobody = "nobody"

// Password tries a password for the flow's address. An unknown address, a person without a password and a wrong password take
// the same steps, cost the same work and get the same answer.
//
// Reasons: ReasonPasswordMissing, ReasonInvalidCredentials, ReasonTooManyAttempts, ReasonBusy, and ReasonSSORequired where the
// domain leaves no password.
// A step that answers StageReady is for Finish.
func (m *Manager) Password(ctx context.Context, ref Ref, typed string, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step, f := o.step, o.step.Flow
	if err != nil || !slices.Contains(step.Offer, MethodPassword) {
		return step, err // with the stage's own reason, and nothing charged
	}
	if typed == "" {
		return step.refused(ReasonPasswordMissing, 0), nil
	}
	place, err := m.queue.Enter(source(c))
	if busy := (*password.BusyError)(nil); errors.As(err, &busy) {
		return step.refused(ReasonBusy, busy.RetryAfter), nil
	}
	if err != nil {
		return Step{}, err
	}
	defer place.Leave()
	g, err := m.guess(ctx, f, c, now)
	if err != nil {
		return Step{}, err
	}
	wait, err := m.charge(ctx, g.toll, now) // before checking: two requests at once must not share one guess
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		return step.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, f, c, now)
	}
	cred, err := m.credential(ctx, g.user.ID)
	if err != nil {
		return Step{}, err
	}
	if err := place.Start(ctx); err != nil {
		return Step{}, fmt.Errorf("auth: waiting to check a password: %w", err)
	}
	right, stale, err := m.check(ctx, cred, typed, c, now)
	if err != nil {
		return Step{}, err
	}
	if !right || !g.found {
		return step.refused(ReasonInvalidCredentials, 0), m.wrong(ctx, f, g, c, now)
	}
	if stale {
		if err := m.upgrade(ctx, cred, typed, c, now); err != nil {
			return Step{}, err
		}
	}
	place.Leave() // nothing below hashes
	o.facts.Found, o.facts.User, o.facts.Device = true, g.user, g.record
	o.facts.stand(cred)
	o.typed = typed
	f.UserID = g.user.ID
	barred, err := m.barred(ctx, &o, f)
	if err != nil {
		return Step{}, err
	}
	if barred { // right, and worth nothing: no proof is kept of it, and the flow stands where it stood
		e := m.event(ProofRefused, now, c)
		e.FlowID, e.UserID, e.Method, e.Reason = f.ID, f.UserID, MethodPassword, ReasonSSORequired
		if err := m.note(ctx, e); err != nil {
			return Step{}, err
		}
		step.Connection = o.facts.Domain.Connection
		return step.refused(ReasonSSORequired, 0), m.refund(ctx, g.toll)
	}
	if err := m.prove(ctx, &o, f, Proof{Method: MethodPassword, At: now, Version: cred.Version}, g.device, c); err != nil {
		return Step{}, err
	}
	return o.step, m.refund(ctx, g.toll)
}

// barred tells whether the person whose password was right has to use their company's own sign-in instead.
func (m *Manager) barred(ctx context.Context, o *opened, f Flow) (bool, error) {
	if email := o.facts.User.Email; email != f.Address {
		var err error
		if o.facts.Domain, err = m.domainRule(ctx, email); err != nil {
			return false, err
		}
	}
	if o.facts.Domain.SSO == SSOOff {
		return false, nil
	}
	var err error
	if o.facts.Memberships, err = m.memberships(ctx, f.UserID, o.facts.Now); err != nil {
		return false, err
	}
	if o.facts.App, err = m.app(ctx, f.UserID); err != nil {
		return false, err
	}
	return !o.facts.passwordCounts(f), nil
}

// guess is whom a password is tried for, and what that costs.
type guess struct {
	user   User // ID is nobody where there is no such person
	found  bool
	device string         // of a browser that the person has signed in from before; empty: a stranger's, as far as anybody knows
	record session.Device // what is remembered of the browser for the person; the zero Device: nothing
	toll   toll
}

// guess finds out whom the flow's address names. Once a user is fixed, the flow's own user is meant.
func (m *Manager) guess(ctx context.Context, f Flow, c Client, now time.Time) (guess, error) {
	g := guess{user: User{ID: nobody}}
	var u User
	var known bool
	var err error
	if f.UserID != "" {
		u, known, err = found(m.users.UserByID(ctx, f.UserID))
	} else {
		u, known, err = found(m.users.UserByEmail(ctx, f.Address))
	}
	if err != nil {
		return g, err
	}
	guessed := f.Address
	if known {
		g.user, g.found, guessed = u, true, accountOf(u)
	}
	if g.record, err = m.device(ctx, c, g.user.ID); err != nil {
		return g, err
	}
	if g.record.Known(now) {
		g.device = g.record.ID
	}
	g.toll = m.passwordToll(guessed, g.user.ID, c, g.device)
	return g, nil
}

// check compares a password with a person's hash, and does the same work where there is none. A hash that nobody can read is
// recorded and answered like a wrong password: before proof, a stranger must not learn that the person is there.
func (m *Manager) check(ctx context.Context, cred Credential, typed string, c Client, now time.Time) (right, stale bool, err error) {
	err = password.ErrFormat
	if cred.Hash != "" {
		stale, err = m.hasher.Verify(cred.Hash, typed)
	}
	if errors.Is(err, password.ErrFormat) {
		if cred.Hash != "" {
			e := m.event(HashUnreadable, now, c)
			e.UserID = cred.UserID
			if err := m.note(ctx, e); err != nil {
				return false, false, err
			}
		}
		err = m.hasher.Decoy(typed)
	}
	switch {
	case errors.Is(err, password.ErrMismatch), errors.Is(err, password.ErrTooLong):
		return false, false, nil
	case err != nil:
		return false, false, fmt.Errorf("auth: checking a password: %w", err)
	}
	return true, stale, nil
}

// wrong records a wrong guess. Who was guessed at goes into the trail, never into the answer.
func (m *Manager) wrong(ctx context.Context, f Flow, g guess, c Client, now time.Time) error {
	e := m.event(ProofRefused, now, c)
	e.FlowID, e.Method, e.Reason, e.DeviceID = f.ID, MethodPassword, ReasonInvalidCredentials, g.device
	if g.found {
		e.UserID = g.user.ID
	}
	if err := m.note(ctx, e); err != nil {
		return err
	}
	return m.alert(ctx, now)
}

// alert counts a wrong guess towards an alert.
func (m *Manager) alert(ctx context.Context, now time.Time) error {
	if count, report := m.alarm.refused(now); report {
		return m.note(ctx, Event{Kind: GuessingAlert, Time: now, Count: count})
	}
	return nil
}

// upgrade stores the same password in the current form. Somebody who was faster has done as much.
func (m *Manager) upgrade(ctx context.Context, cred Credential, typed string, c Client, now time.Time) error {
	hash, err := m.hasher.Hash(typed)
	if err != nil {
		return nil // an old password that no new rule would accept: it goes on working as it is
	}
	e := m.event(HashUpgraded, now, c)
	e.UserID = cred.UserID
	if err := m.note(ctx, e); err != nil {
		return err
	}
	err = m.stores.Credentials.UpgradeHash(ctx, cred.UserID, cred.Version, hash)
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("auth: upgrading a hash: %w", err)
	}
	return nil
}

// prove adds a proof to the flow and decides what comes next. The facts hold the user already. The flow gets a new token: whoever
// knew the old one, before anybody was proven, must not go on as this person.
func (m *Manager) prove(ctx context.Context, o *opened, f Flow, p Proof, device string, c Client) error {
	var err error
	if f.Purpose == SignIn && p.first() {
		if err := m.meet(ctx, o, &f, &p, c); err != nil {
			return err
		}
	}
	f = f.accepted(p.At)
	f.Proofs = append(f.Proofs, p)
	plain, next := token.New(token.Flow)
	decided := Next(o.facts, f)
	e := m.event(ProofAccepted, p.At, c)
	e.FlowID, e.UserID, e.Method, e.DeviceID, e.Verdict, e.Trace = f.ID, f.UserID, p.Method, device, f.Verdict, decided.Trace
	if err = m.note(ctx, e); err != nil {
		return err
	}
	if err = m.turnedAway(ctx, Step{Flow: f, Decision: decided}, c, p.At); err != nil {
		return err
	}
	if err = m.arrive(ctx, o, &f, c); err != nil {
		return err
	}
	o.step.Token = plain
	return m.save(ctx, o.key, next, f)
}

// meet gathers what is to be known of a person who was proven just now, and asks the host whether anything is wrong with it.
func (m *Manager) meet(ctx context.Context, o *opened, f *Flow, p *Proof, c Client) error {
	f.Code = MailedCode{} // what was mailed before a first proof went stale counts no longer
	f.named(o.facts)
	var err error
	if o.facts.App, err = m.app(ctx, f.UserID); err != nil {
		return err
	}
	if o.facts.Memberships, err = m.memberships(ctx, f.UserID, o.facts.Now); err != nil {
		return err
	}
	f.Outdated = o.typed != "" && m.outdated(ctx, o)
	if f.Verdict, err = m.assess(ctx, o, p.Method, c); err != nil {
		return err
	}
	if f.Verdict != VerdictMalicious || !o.facts.LockedAt.IsZero() {
		return nil
	}
	// The person is locked, and told so in this flow: its proof counts on.
	before := o.facts.Credential
	o.facts.Credential, err = m.lock(ctx, o.facts.User, f.Lang, c)
	if o.facts.Credential == before+1 { // and nothing else has made the proof worthless
		p.Version = o.facts.Credential
	}
	o.facts.LockedAt = o.facts.Now
	return err
}

// lock closes every door of a person, and tells them.
func (m *Manager) lock(ctx context.Context, u User, lang string, c Client) (version int64, err error) {
	now := m.now()
	e := m.event(Locked, now, c)
	e.UserID = u.ID
	if err := m.note(ctx, e); err != nil {
		return 0, err
	}
	if _, err := m.announce(ctx, m.letter(mail.Locked, u, lang, c, now)); err != nil {
		return 0, err
	}
	return m.invalidate(ctx, u.ID, ChangeLocked, "")
}

// turnedAway records that a proven person is not let in.
func (m *Manager) turnedAway(ctx context.Context, s Step, c Client, now time.Time) error {
	if s.Stage != StageRefused && s.Stage != StagePolicy {
		return nil
	}
	e := m.event(TurnedAway, now, c)
	e.FlowID, e.UserID, e.Reason, e.Trace = s.Flow.ID, s.Flow.UserID, s.Reason, s.Trace
	return m.note(ctx, e)
}
