package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// A StepUpOpening is what somebody who is signed in wants a StepUp for.
type StepUpOpening struct {
	Action   Action
	Target   string // of ActionSwitch: the company to work in
	Link     string // of ActionJoin: the token of the invitation's link
	Provider string // of ActionConnect: the social provider
	ReturnTo string // where to go afterwards; an address that is not allowed is dropped
	Lang     string // the language of the page, as a BCP 47 tag of at most 35 bytes; empty, or longer: none
	Replaces string // the token of a StepUp that this one takes the place of; empty: none
}

// StepUp begins a flow in which whoever is signed in (Client.Session) proves it once more, with the strongest proof that they have,
// and then sets up an app if that is the Action. A proof from the last ten minutes counts. It ends in Finish: the same session
// under a new token.
//
// With ActionSwitch and ActionJoin it asks only for what the company wants beyond what the session was made with, and ends in that
// company. What cannot be entered is answered with StageRefused and the reason; no flow is made then. With ActionConnect it leads to a
// social provider (DepartSocial), whose answer is linked.
//
// ErrFlowGone: nobody is signed in.
func (m *Manager) StepUp(ctx context.Context, o StepUpOpening, c Client) (Step, error) {
	begun, err := m.previewStepUp(ctx, o, c)
	if err != nil {
		return Step{}, err
	}
	step, f := begun.step, begun.step.Flow
	if step.Stage == StageRefused && f.Target != "" || f.Action == ActionJoin && f.Invitation == "" {
		step.Flow.ID, step.Flow.Version = "", 0
		return step, nil
	}
	var t toll
	t.add(m.counters("step-ups", f.UserID), Charge{Window: time.Minute, Limit: stepUpLimit, Lock: time.Minute}, false)
	wait, err := m.charge(ctx, t, f.MadeAt)
	if err != nil {
		return Step{}, err
	}
	if wait > 0 {
		step.Flow.ID, step.Flow.Version = "", 0 // there is no such flow
		return step.refused(ReasonTooManyAttempts, wait), m.throttled(ctx, f, c, f.MadeAt)
	}
	e := m.event(FlowStarted, f.MadeAt, c)
	e.FlowID, e.UserID, e.SessionID = f.ID, f.UserID, f.SessionID
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	if err := m.arrive(ctx, &begun, &f, c); err != nil {
		return Step{}, err
	}
	step = begun.step
	if step.Token, err = m.create(ctx, f); err != nil {
		return Step{}, err
	}
	if err := m.Cancel(ctx, o.Replaces); err != nil {
		return Step{}, err
	}
	return step, nil
}

// PreviewStepUp answers what StepUp would, and makes no flow: for the page that asks for the first proof. ErrFlowGone: nobody is
// signed in.
func (m *Manager) PreviewStepUp(ctx context.Context, o StepUpOpening, c Client) (Step, error) {
	begun, err := m.previewStepUp(ctx, o, c)
	return begun.step, err
}

func (m *Manager) previewStepUp(ctx context.Context, o StepUpOpening, c Client) (opened, error) {
	now := m.now()
	s, err := m.sessions.Lookup(ctx, c.Session)
	if errors.Is(err, session.ErrNotFound) {
		return opened{}, ErrFlowGone
	}
	if err != nil {
		return opened{}, fmt.Errorf("auth: reading the session of a step-up: %w", err)
	}
	u, known, err := found(m.users.UserByID(ctx, s.UserID))
	if err != nil || !known {
		return opened{}, cmp.Or(err, ErrFlowGone)
	}
	f := Flow{
		ID: stepUpPrefix + token.NewID(), Purpose: StepUp, Action: o.Action, SessionID: s.ID, UserID: u.ID,
		Email: u.Email, Address: cmp.Or(accountOf(u), u.ID), ReturnTo: m.ReturnTo(o.ReturnTo), Lang: spoken(o.Lang), MadeAt: now,
	}.accepted(now)
	switch o.Action {
	case ActionSwitch:
		f.Target, f.Remember = cmp.Or(o.Target, "-"), s.Kept
	case ActionJoin:
		i, letter, why, err := m.readInvitation(ctx, o.Link, now)
		if err != nil {
			return opened{}, err
		}
		if why != "" {
			return opened{step: Step{Flow: f, Decision: Decision{}.stop(StageRefused, why, "the invitation cannot be accepted")}}, nil
		}
		f.Invitation, f.Letter, f.Target, f.Remember = i.ID, letter, i.As.AccountID, s.Kept
	case ActionConnect:
		f.Provider = o.Provider
	}
	facts, err := m.facts(ctx, f, c, now)
	if err != nil {
		return opened{}, err
	}
	return opened{facts: facts, step: m.stepOf(facts, f)}, nil
}

// stepUpLimit is how many step-ups one person begins within a minute.
const stepUpLimit = 30

// Each purpose has a cookie of its own, and the posted ID of a flow says which it is.
const (
	stepUpPrefix   = "stepup-"
	resetPrefix    = "reset-"
	activatePrefix = "activate-"
	signUpPrefix   = "signup-"
)

// PurposeOf is the purpose of the flow with this ID. It says nothing about whether there is one.
func PurposeOf(flowID string) Purpose {
	switch {
	case strings.HasPrefix(flowID, stepUpPrefix):
		return StepUp
	case strings.HasPrefix(flowID, resetPrefix):
		return Reset
	case strings.HasPrefix(flowID, activatePrefix):
		return Activate
	case strings.HasPrefix(flowID, signUpPrefix):
		return SignUp
	}
	return SignIn
}

// finishStepUp gives the session of a StepUp a new token, and writes into it what was proven. After the set-up of an app this
// browser is remembered anew, and after a link too: its record ended with all others.
func (m *Manager) finishStepUp(ctx context.Context, o opened, c Client) (Done, Step, error) {
	f, now, s := o.step.Flow, o.facts.Now, o.facts.Session
	e := m.event(SteppedUp, now, c)
	e.FlowID, e.UserID, e.AccountID, e.SessionID, e.Trace = f.ID, f.UserID, s.AccountID, s.ID, o.step.Trace
	if err := m.note(ctx, e); err != nil {
		return Done{}, Step{}, err
	}
	if err := flowError("taking", m.stores.Flows.TakeFlow(ctx, o.key, f.Version)); err != nil {
		return Done{}, Step{}, err
	}
	done := Done{ReturnTo: f.ReturnTo, Lang: cmp.Or(f.Lang, o.facts.User.Locale), Email: f.Email, Trace: o.step.Trace}
	if !f.Setup.DoneAt.IsZero() || f.Connected {
		if _, err := m.grant(ctx, &done, o.facts, f, s.DeviceID, c); err != nil {
			return Done{}, Step{}, err
		}
	}
	names := slices.Collect(s.Methods.All())
	for _, name := range methods(o.facts, f) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	change := session.Change{Methods: session.NewMethods(names...), AuthTime: provenAt(o.facts, f)}
	if f.Target != "" {
		if why, err := m.enter(ctx, o, &change, c); err != nil || why != "" {
			step := o.step
			step.Decision = Decision{}.stop(StageRefused, why, "the company cannot be entered")
			return Done{}, step, err
		}
	}
	var err error
	done.Token, done.Session, err = m.sessions.Rotate(ctx, c.Session, change)
	if errors.Is(err, session.ErrNotFound) {
		err = ErrFlowGone
	}
	if err != nil {
		if done.Device != "" { // whose token nobody is given
			m.stores.Devices.EndDevice(context.WithoutCancel(ctx), f.UserID, s.DeviceID) // the row would only wait for its end
		}
		if f.Target != "" && errors.Is(err, ErrFlowGone) {
			step, err := m.notEntered(ctx, o, c)
			return Done{}, step, err
		}
		return Done{}, Step{}, fmt.Errorf("auth: giving a session a new token: %w", err)
	}
	if f.Target != "" { // whoever shuts a member out finds only sessions that are in the company already
		if err := m.stillMeant(ctx, o.facts, done.Session); err != nil {
			return Done{}, Step{}, err
		}
	}
	return done, o.step, nil
}

// RecentlyProven tells whether the session's last proof is no older than ten minutes and was the strongest that the person has:
// what pages ask for that change how somebody signs in. If not, a StepUp is the way.
//
// Nothing is recent where the account is locked: a session that a report has left must not change what only a new password may.
func (m *Manager) RecentlyProven(ctx context.Context, s session.Session) (bool, error) {
	app, err := m.app(ctx, s.UserID)
	if err != nil {
		return false, err
	}
	return m.recent(ctx, s, app)
}

// recent is RecentlyProven for a person whose app was read.
func (m *Manager) recent(ctx context.Context, s session.Session, app mfa.TOTPStatus) (bool, error) {
	if !recentlyProven(s, app, m.now()) {
		return false, nil
	}
	cred, err := m.credential(ctx, s.UserID)
	return err == nil && cred.LockedAt.IsZero(), err
}

// RequireRecent is Require for pages that only a recent proof opens (see RecentlyProven). Whoever is signed in without one is sent
// to the step-up page, and from there back to the page they asked for; programs get 403 and a reason.
func (m *Manager) RequireRecent(next http.Handler) http.Handler {
	return m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		recent, err := m.RecentlyProven(r.Context(), s)
		switch {
		case err != nil:
			m.brokenGuard(w, r, err)
		case recent:
			next.ServeHTTP(w, r)
		default:
			m.askAgain(w, r)
		}
	}))
}

// askAgain answers a request whose proof is too old.
func (m *Manager) askAgain(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: m.prefix + "stepup"}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept")
	if WantsJSON(r) {
		refuse(w, http.StatusForbidden, ReasonProofRequired, map[string]string{"stepup": to.Path})
		return
	}
	if r.Method == http.MethodGet {
		if back := m.ReturnTo(m.base.Path + r.URL.RequestURI()); back != "" {
			to.RawQuery = url.Values{"return_to": {back}}.Encode()
		}
	}
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}
