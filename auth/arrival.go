package auth

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

// An Arrival is what a company's own sign-in, or a social provider, has answered about whoever stands before a browser: who somebody is
// there, or why it says nothing. It is a claim that the caller has checked (packages sso and social do); what it is worth here, Meet and
// Next decide.
type Arrival struct {
	// Of a social account. Of the fields below, Subject, Email (which may be empty), Name and AuthTime count for it too.
	Provider     string `json:",omitzero"` // as the host names it: "google"; empty: a company's own sign-in
	ProviderName string `json:",omitzero"` // as people know it, for letters: "Google"
	Issuer       string `json:",omitzero"` // whose Subject it is
	Speaks       bool   `json:",omitzero"` // the provider speaks for Email: whoever has the account there has the mailbox

	Connection  string    `json:",omitzero"` // the connection that answered
	AccountID   string    `json:",omitzero"` // the company whose it is
	Subject     string    `json:",omitzero"` // names the person there for good
	Email       string    `json:",omitzero"` // the address that goes with it
	Name        string    `json:",omitzero"` // for somebody new; may be empty
	Role        Role      `json:",omitzero"` // for somebody new: what their groups there make of them; empty, or none that a connection may give: a member
	JustInTime  bool      `json:",omitzero"` // somebody new may be added
	AuthTime    time.Time `json:",omitzero"` // when the person proved it there; zero: the company does not say
	MultiFactor bool      `json:",omitzero"` // the company asserts a second step
	Ends        time.Time `json:",omitzero"` // the company wants the session over by then; zero: it does not say
	Login       []byte    `json:",omitzero"` // the caller's, for single logout: comes back in Done. At most 8 KiB

	Why       Reason `json:",omitzero"` // the answer was refused; of the rest only Connection, AccountID and Reference count then
	Reference string `json:",omitzero"` // names the failure towards the person and in the trail; empty: none

	At      time.Time `json:",omitzero"` // when it came in; written by Arrive
	Key     [32]byte  `json:",omitzero"` // of the ticket that Arrive has answered; written by it
	Fresh   bool      `json:",omitzero"` // a fresh sign-in was demanded; written by Arrive
	Unasked bool      `json:",omitzero"` // nobody here has asked for it; written by ArriveUnasked
	Proven  bool      `json:",omitzero"` // of a social account: a code that went to Email was right; written by Code
}

const (
	arrivalLife = 10 * time.Minute // an answer waits for its browser, or for its link, this long
	maxLogin    = 8 << 10
)

// here tells whether there is an answer at all.
func (a Arrival) here() bool { return !a.At.IsZero() }

// stale tells whether the answer is too old.
func (a Arrival) stale(now time.Time) bool { return !now.Before(a.At.Add(arrivalLife)) }

// source is where the person's identity is from, as Link.Source says it.
func (a Arrival) source() string {
	if a.Provider != "" {
		return a.Issuer
	}
	return ssoSource(a.Connection)
}

// late is what somebody is told whose answer has waited too long.
func (a Arrival) late() Reason {
	if a.Provider != "" {
		return ReasonSocialFailed
	}
	return ReasonSSOExpired
}

// method is the way in which such an answer proves somebody.
func (a Arrival) method() Method {
	if a.Provider != "" {
		return SocialMethod(a.Provider)
	}
	return MethodSSO
}

// ssoSource is no issuer of a social provider: those are addresses.
func ssoSource(connection string) string { return "sso:" + connection }

// pends tells whether an answer waits whose person has to prove who they are here before it is linked.
func (f Flow) pends(now time.Time) bool { return f.Pending.here() && !f.Pending.stale(now) }

// pendsCompany is pends for an answer of a company's own sign-in.
func (f Flow) pendsCompany(now time.Time) bool { return f.pends(now) && f.Pending.Provider == "" }

// pendsSocial is pends for an account at a social provider.
func (f Flow) pendsSocial(now time.Time) bool { return f.pends(now) && f.Pending.Provider != "" }

// A Departure is a browser that leaves for its company's sign-in, or for a social provider.
type Departure struct {
	Step              // a Reason: it may not
	Connection string // where to: the company's sign-in
	Provider   string // or the social provider; one of both
	Handle     []byte // to be kept with the request, and given to Arrive with the answer. It is no secret, and opens nothing
	LoginHint  string // the address; empty: none is known
	Fresh      bool   // it must demand a fresh sign-in
	Connects   bool   // an account is to be connected: ask people there which one they mean, for the session there may be somebody else's
}

// handle is what a Departure.Handle holds.
type handle struct {
	Flow  [32]byte `json:"f"` // the key of the row
	ID    string   `json:"i"`
	Fresh bool     `json:"d,omitempty"`
}

// departures is how often a browser may leave in one flow.
const departures = 20

// Depart says whether this browser may leave for the company's sign-in that a flow offers. It writes nothing, unless the flow would end
// before an answer can come: then its life begins anew. Reason ReasonTooManyAttempts.
//
// A flow that has asked for the password step (WayPassword) may leave too, though it does not offer to.
//
// ErrFlowChanged: the flow does not offer this connection (any more).
func (m *Manager) Depart(ctx context.Context, ref Ref, connection string, c Client) (Departure, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err != nil {
		return Departure{Step: o.step}, err
	}
	f := o.step.Flow
	byName := f.Address == "" && f.Connection != "" && f.Connection == connection
	offered := slices.Contains(o.step.Offer, MethodSSO) && o.step.Connection == connection
	// Whoever has asked for the password step, and learned there that the company's own sign-in is needed, goes on with it from there.
	instead := f.Way == WayPassword && o.step.Stage == StageAuthenticate && o.facts.Domain.companySignIn() && o.facts.Domain.Connection == connection
	if !byName && !offered && !instead {
		step, err := outOfOrder(o.step, nil)
		return Departure{Step: step}, err
	}
	return m.leave(ctx, o, Departure{Connection: connection}, c)
}

// leave lets a browser leave in a flow that has been found to offer it.
func (m *Manager) leave(ctx context.Context, o opened, to Departure, c Client) (Departure, error) {
	f, now := o.step.Flow, o.facts.Now
	var t toll
	t.add(m.counters("departures", source(c)), Charge{Window: time.Minute, Limit: identifyLimit, Lock: time.Minute}, false)
	t.add(m.counters("flow", f.ID, "departures"), Charge{Window: flowLife, Limit: departures, Lock: flowLife}, false)
	wait, err := m.charge(ctx, t, now)
	if err != nil {
		return Departure{}, err
	}
	if wait > 0 {
		return Departure{Step: o.step.refused(ReasonTooManyAttempts, wait)}, m.throttled(ctx, f, c, now)
	}
	if f.ExpiresAt.Sub(now) < arrivalLife {
		f = f.accepted(now)
		if err := m.save(ctx, o.key, o.key, f); err != nil {
			return Departure{}, err
		}
		o.step.Flow = f
	}
	to.Step, to.Connects = o.step, f.Action == ActionConnect && o.step.Stage == StageLink
	return to.from(o.key)
}

// DepartFor makes a flow for a company's sign-in that was asked for by name, and not by an address: of the Opening, Email counts for
// nothing. Reason ReasonTooManyAttempts; no flow is made then. The host knows whether there is such a connection.
func (m *Manager) DepartFor(ctx context.Context, o Opening, connection string, c Client) (Departure, error) {
	o.Email = ""
	f, step, err := m.begin(ctx, o, c)
	if err != nil || step.Reason != "" {
		return Departure{Step: step}, err
	}
	f.Connection = connection
	return m.leaveAnew(ctx, f, o.Replaces, Departure{Connection: connection}, c)
}

// leaveAnew lets a browser leave in a flow that begins with that.
func (m *Manager) leaveAnew(ctx context.Context, f Flow, replaces string, to Departure, c Client) (_ Departure, err error) {
	to.Step = m.nameless(f, f.MadeAt)
	if to.Token, err = m.started(ctx, f, replaces, c); err != nil {
		return Departure{}, err
	}
	key, _ := token.Lookup(token.Flow, to.Token)
	return to.from(key)
}

// from is the departure of the flow under this key.
func (d Departure) from(key [32]byte) (Departure, error) {
	f := d.Step.Flow
	d.Fresh, d.LoginHint = d.Step.Fresh, f.Email
	var err error
	if d.Handle, err = json.Marshal(handle{Flow: key, ID: f.ID, Fresh: d.Fresh}); err != nil {
		return Departure{}, fmt.Errorf("auth: writing a handle: %w", err)
	}
	return d, nil
}

// Departed tells which flow a handle is of; empty: it is none of ours.
func (m *Manager) Departed(departed []byte) (flowID string) {
	h, ok := readHandle(departed)
	if !ok {
		return ""
	}
	return h.ID
}

// Belongs tells whether a handle is of the flow whose cookie's token this is: whether the browser that brings an answer is the one that
// left for it. A caller that is not told so must not go on with the answer, but for one that was posted from elsewhere, which waits.
func (m *Manager) Belongs(departed []byte, flowToken string) bool {
	h, ok := readHandle(departed)
	key, is := token.Lookup(token.Flow, flowToken)
	return ok && is && h.Flow == key
}

func readHandle(text []byte) (handle, bool) {
	var h handle
	err := json.Unmarshal(text, &h)
	return h, err == nil && h.ID != ""
}

// Arrive lays an answer beside the flow that asked for it, where it waits for the browser: see Arrived. It proves nothing yet, because it
// may have come by whichever browser: somebody may have had another person's bring the answer to a request of their own. So it answers a
// ticket, which goes to the browser that has brought it and to no other. ErrFlowGone: the flow has ended meanwhile, or somebody was proven
// in it.
func (m *Manager) Arrive(ctx context.Context, departed []byte, a Arrival) (ticket string, err error) {
	h, ok := readHandle(departed)
	if !ok {
		return "", ErrFlowGone
	}
	if err := m.checkArrival(&a); err != nil {
		return "", err
	}
	ticket, a.Key = token.New(token.SSOTicket)
	a.Fresh, a.Unasked, a.Proven = h.Fresh, false, false
	for range 5 { // somebody may be pressing buttons in the same flow
		now := m.now()
		f, err := m.loadKey(ctx, h.Flow, now)
		if err != nil {
			return "", err
		}
		a.At = now
		f = f.accepted(now)
		f.Arrival = a
		err = m.save(ctx, h.Flow, h.Flow, f)
		if err == nil {
			return ticket, nil
		}
		if !errors.Is(err, ErrFlowChanged) {
			return "", err
		}
	}
	return "", ErrFlowChanged
}

// isFor tells whether the browser that has this ticket is the one that has brought the answer. One that nobody has asked for needs none: its
// flow was made for that browser.
func (a Arrival) isFor(ticket string) bool {
	key, ok := token.Lookup(token.SSOTicket, ticket)
	return a.Unasked || ok && subtle.ConstantTimeCompare(key[:], a.Key[:]) == 1
}

// ArriveUnasked makes a flow for an answer that nobody here has asked for, for a company that lets its people begin at a page of its own.
// The person is asked whether to go on as who they are there (Arrived). Such a session is never kept. The caller has charged it.
func (m *Manager) ArriveUnasked(ctx context.Context, a Arrival, o Opening, c Client) (Step, error) {
	if err := m.checkArrival(&a); err != nil {
		return Step{}, err
	}
	o.Email, o.Remember = "", false
	f, step, err := m.begin(ctx, o, c)
	if err != nil || step.Reason != "" {
		return step, err
	}
	a.At, a.Fresh, a.Unasked, a.Proven = f.MadeAt, false, true, false
	f.Arrival, f.Connection = a, a.Connection
	step = m.nameless(f, f.MadeAt)
	step.Token, err = m.started(ctx, f, o.Replaces, c)
	return step, err
}

// checkArrival refuses what no caller that has checked an answer hands over.
func (m *Manager) checkArrival(a *Arrival) error {
	if a.Why != "" {
		*a = Arrival{Provider: a.Provider, ProviderName: a.ProviderName, Connection: a.Connection, AccountID: a.AccountID, Why: a.Why, Reference: a.Reference}
		return nil
	}
	if m.stores.Identities == nil {
		return errors.New("auth: Config.Stores.Identities is required by a company's own sign-in, and by social accounts")
	}
	if a.Provider != "" {
		return a.checkSocial()
	}
	typed, err := address.Parse(a.Email)
	switch {
	case a.Issuer != "" || a.Speaks:
		return errors.New("auth: an arrival of a company with the fields of a social account")
	case a.Connection == "" || a.AccountID == "" || a.Subject == "":
		return errors.New("auth: an arrival without a connection, company or subject")
	case err != nil:
		return errors.New("auth: an arrival without an address")
	case len(a.Subject) > MaxIdentity:
		return errors.New("auth: Arrival.Subject is longer than MaxIdentity")
	case len(a.Login) > maxLogin:
		return errors.New("auth: Arrival.Login is longer than 8 KiB")
	}
	a.Email, a.Name = typed.Canonical, oneLine(a.Name)
	return nil
}

// Arrived makes a proof of the answer that waits in this browser's flow, where the browser has the ticket that Arrive answered. Both are
// needed: the cookie says who has asked, and the ticket who has brought the answer. Of one that nobody has asked for it does so only where confirmed,
// which a person has said by a button; else it answers the flow as it stands, with the answer in Step.Came.
//
// Whoever is new is added first, where the company has invited them or its connection adds people, and then bound to who they are there.
// Reasons: that of the answer itself, ReasonSSOExpired (it has waited too long), ReasonSSODomainMismatch (the address is in no domain that
// the connection speaks for), ReasonSSOUserUnknown, ReasonSSOSubjectChanged (somebody else there goes by this address now, or this person by another),
// ReasonOtherUser (of a StepUp: it is somebody else), ReasonUserSuspended, and those of an invitation. The flow stays.
// ErrFlowChanged: there is no answer waiting for this browser.
func (m *Manager) Arrived(ctx context.Context, ref Ref, ticket string, confirmed bool, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step, f := o.step, o.step.Flow
	step.Came = f.Arrival
	switch {
	case err != nil:
		return step, err
	case !f.Arrival.here(), !f.Arrival.isFor(ticket):
		step.Came = Arrival{}
		return outOfOrder(step, nil)
	case f.Arrival.stale(now):
		return m.dismiss(ctx, o, f.Arrival.late(), c)
	case f.Arrival.Why != "":
		return m.dismiss(ctx, o, f.Arrival.Why, c)
	case f.Arrival.Unasked && !confirmed:
		return step, nil
	case f.Arrival.Provider != "":
		return m.arrivedSocial(ctx, o, c)
	}
	a := f.Arrival
	meeting, err := m.meeting(ctx, a, now)
	if err != nil {
		return Step{}, err
	}
	w := Meet(meeting)
	switch {
	case f.UserID != "" && (w.User.ID != f.UserID || w.Act != Recognize): // whoever goes on as somebody binds nothing
		return m.dismiss(ctx, o, ReasonOtherUser, c)
	case w.Reason != "":
		return m.dismiss(ctx, o, w.Reason, c)
	case w.Act == Ask:
		return m.pend(ctx, o, w.User, c)
	}
	u, why, err := m.welcomed(ctx, meeting, w, f, c)
	if err != nil {
		return step, err
	}
	if why != "" {
		return m.dismiss(ctx, o, why, c)
	}
	return m.proveArrival(ctx, o, a, u, c)
}

// dismiss takes an answer out of the flow, and says why.
func (m *Manager) dismiss(ctx context.Context, o opened, why Reason, c Client) (Step, error) {
	f, a := o.step.Flow.accepted(o.facts.Now), o.step.Flow.Arrival
	if !a.here() { // one that was laid aside turns out to be worth nothing
		a, f.Pending = f.Pending, Arrival{}
	}
	f.Arrival = Arrival{}
	e := m.event(ProofRefused, o.facts.Now, c)
	e.FlowID, e.UserID, e.AccountID, e.Method, e.Reason, e.Connection, e.Reference = f.ID, f.UserID, a.AccountID, a.method(), why, a.Connection, a.Reference
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return Step{}, err
	}
	step := m.stepOf(o.facts, f).refused(why, 0)
	step.Came = a
	return step, nil
}

// pend keeps an answer for somebody who proves first who they are here. Its clock goes on.
func (m *Manager) pend(ctx context.Context, o opened, u User, c Client) (Step, error) {
	f, a := o.step.Flow.accepted(o.facts.Now), o.step.Flow.Arrival
	f.Arrival, f.Pending = Arrival{}, a
	f.Email, f.Address = u.Email, accountOf(u)
	e := m.event(LinkAsked, o.facts.Now, c)
	e.FlowID, e.AccountID, e.Method, e.Connection = f.ID, a.AccountID, MethodSSO, a.Connection
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	plain, next := token.New(token.Flow)
	if err := m.save(ctx, o.key, next, f); err != nil {
		return Step{}, err
	}
	var err error
	if o.facts.Domain, err = m.domainRule(ctx, f.Address); err != nil {
		return Step{}, err
	}
	step := m.stepOf(o.facts, f)
	step.Token, step.Came = plain, a
	return step, nil
}

// Link answers StageLink: the company's sign-in, or the social account, is this person's from now on, or it is not and the flow goes on
// without it. The person is told by mail. Reasons: it is somebody else's meanwhile, ReasonSSOSubjectChanged or
// ReasonSocialAlreadyLinked; ReasonLinkExpired: the person has waited too long.
func (m *Manager) Link(ctx context.Context, ref Ref, confirmed bool, c Client) (Step, error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	if err == nil && o.step.Flow.Pending.Provider != "" && o.step.Flow.Pending.stale(now) && o.step.Flow.UserID != "" {
		return m.linkless(ctx, o, ReasonLinkExpired, c)
	}
	if err != nil || o.step.Stage != StageLink || !o.step.Flow.pends(now) {
		return outOfOrder(o.step, err)
	}
	f := o.step.Flow
	a := f.Pending
	if !confirmed {
		f.Pending = Arrival{}
		return m.goOn(ctx, o, f, c)
	}
	why := Reason("")
	if a.Provider == "" {
		meeting, err := m.meeting(ctx, a, now)
		if err != nil {
			return Step{}, err
		}
		w := Meet(meeting)
		if why = w.Reason; why == "" && (w.User.ID != f.UserID || w.Act == Create) {
			why = ReasonSSOSubjectChanged
		}
	}
	f.Pending = Arrival{}
	if f, err = m.claimed(ctx, &o, f); err != nil {
		return o.step, err
	}
	if why == "" {
		if why, err = m.bind(ctx, a, o.facts.User, f, o.facts.Credential, c, true); err != nil {
			return o.step, err
		}
	}
	if why != "" {
		return m.linkless(ctx, o, why, c)
	}
	if f, err = m.bound(ctx, &o, f); err != nil {
		return Step{}, err
	}
	f.Login, f.Connected = a.Login, a.Provider != ""
	err = m.proveAs(ctx, &o, f, a, c)
	return o.step, err
}

// claimed writes the flow before something is linked in it: of several callers one goes on, so that none undoes what another has done.
func (m *Manager) claimed(ctx context.Context, o *opened, f Flow) (Flow, error) {
	f = f.accepted(o.facts.Now)
	if err := m.save(ctx, o.key, o.key, f); err != nil {
		return f, err
	}
	o.step.Flow = f
	return f, nil
}

// bound carries a flow over a link that was made in it: what led here was proven before the link, and for it.
func (m *Manager) bound(ctx context.Context, o *opened, f Flow) (Flow, error) {
	cred, err := m.credential(ctx, f.UserID)
	if err != nil {
		return f, err
	}
	if cred.Version != o.facts.Credential+1 { // not the link alone has moved it
		return f, ErrFlowGone
	}
	f.Proofs = o.carried(cred.Version)
	o.facts.stand(cred)
	o.facts.Device = session.Device{} // it ended with what else was remembered
	return f, nil
}

// linkless goes on without what was to be linked, and says why.
func (m *Manager) linkless(ctx context.Context, o opened, why Reason, c Client) (Step, error) {
	f := o.step.Flow
	f.Pending = Arrival{}
	step, err := m.goOn(ctx, o, f, c)
	return step.refused(why, 0), err
}

// goOn saves a flow after a step that proves nothing, and says where it stands.
func (m *Manager) goOn(ctx context.Context, o opened, f Flow, c Client) (Step, error) {
	f = f.accepted(o.facts.Now)
	if err := m.arrive(ctx, &o, &f, c); err != nil {
		return Step{}, err
	}
	return o.step, m.save(ctx, o.key, o.key, f)
}

// proveArrival writes the proof that an answer makes.
func (m *Manager) proveArrival(ctx context.Context, o opened, a Arrival, u User, c Client) (Step, error) {
	cred, err := m.credential(ctx, u.ID)
	if err != nil {
		return Step{}, err
	}
	if cred.Version == 0 { // somebody without a password: what they prove counts from a first version on, as everybody's does
		if cred.Version, err = m.stores.Credentials.MoveCredential(ctx, u.ID, time.Time{}); err != nil {
			return Step{}, fmt.Errorf("auth: moving a credential's version: %w", err)
		}
	}
	o.facts.Found, o.facts.User = true, u
	if o.facts.Device, err = m.device(ctx, c, u.ID); err != nil {
		return Step{}, err
	}
	if o.facts.Domain, err = m.domainRule(ctx, u.Email); err != nil {
		return Step{}, err
	}
	if o.facts.Memberships, err = m.memberships(ctx, u.ID, o.facts.Now); err != nil {
		return Step{}, err
	}
	if o.facts.App, err = m.app(ctx, u.ID); err != nil {
		return Step{}, err
	}
	if cred, err = m.unlocked(ctx, o.facts, cred, a, c); err != nil {
		return Step{}, err
	}
	o.facts.stand(cred)
	if err := m.stores.Identities.UseIdentity(ctx, a.source(), a.Subject, o.facts.Now); err != nil {
		return Step{}, fmt.Errorf("auth: writing down that an identity was used: %w", err)
	}
	f := o.step.Flow
	f.Arrival, f.Login = Arrival{}, a.Login
	if f.Pending.source() == a.source() || f.Pending.Provider == "" { // else this proves whose account the one that waits is to be linked with
		f.Pending = Arrival{}
	}
	f.UserID = u.ID
	if f.Purpose == SignIn {
		f.Way = WayAny
		f.Address = accountOf(u)
		if typed, err := address.Parse(f.Email); err != nil || typed.Canonical != f.Address {
			f.Email = u.Email
		}
	}
	if err := m.proveAs(ctx, &o, f, a, c); err != nil {
		return Step{}, err
	}
	o.step.Came = a
	return o.step, nil
}

// proveAs adds the proof of an answer to a flow whose user it has found. The facts hold the user.
func (m *Manager) proveAs(ctx context.Context, o *opened, f Flow, a Arrival, c Client) error {
	return m.prove(ctx, o, f, Proof{
		Method: a.method(), At: o.facts.Now, Version: o.facts.Credential, Via: a.Connection,
		AuthTime: a.AuthTime, Fresh: a.Fresh, MultiFactor: a.MultiFactor, Ends: a.Ends,
		Speaks: a.Speaks && a.Email == accountOf(o.facts.User),
	}, "", c)
}

// unlocked opens the account of somebody whose company asks for its own sign-in, so that no mailed link can, and who has proven it there
// anew after the account was locked.
func (m *Manager) unlocked(ctx context.Context, facts Facts, cred Credential, a Arrival, c Client) (Credential, error) {
	facts.stand(cred)
	p := Proof{Method: a.method(), AuthTime: a.AuthTime, Fresh: a.Fresh}
	if cred.LockedAt.IsZero() || p.social() || !facts.ssoOnly() || !p.freshAfter(cred.LockedAt) {
		return cred, nil
	}
	e := m.event(Unlocked, facts.Now, c)
	e.UserID, e.AccountID, e.Connection = cred.UserID, a.AccountID, a.Connection
	if err := m.note(ctx, e); err != nil {
		return cred, err
	}
	if err := m.dropped(ctx, cred.UserID, cred, newPassword{}); err != nil {
		return cred, err
	}
	next := cred
	next.RecoveryEmail, next.LockedAt = cred.recovery(), time.Time{}
	if err := m.stores.Credentials.SwapCredential(ctx, next); err != nil {
		if errors.Is(err, ErrConflict) {
			err = ErrFlowChanged // something else has just ended what counted; the answer waits still
		}
		return cred, wrapped("auth: opening a locked account", err)
	}
	next.Version++
	return next, nil
}

// unled is the version of what leads to a link that nothing of the person's own leads to.
const unled int64 = -1

// led is the version that a link must be made with, or the account taken over: that which the account was judged by. A company owns the
// address, whatever its owner does meanwhile.
func (g Meeting) led() int64 {
	if g.Arrival.Provider == "" {
		return unled
	}
	return g.Version
}

// bind makes an identity a person's: it ends what was remembered and mailed before, keeps sessions, and tells whoever had an account
// already. A Reason: it is somebody else's, or the person has another one there. led is the version of the credential that what led here
// was proven with, or judged by; unled: nothing of the person's own did. ErrFlowGone: it counts no longer, and nothing is bound.
func (m *Manager) bind(ctx context.Context, a Arrival, u User, f Flow, led int64, c Client, tell bool) (Reason, error) {
	now := m.now()
	e := m.event(IdentityLinked, now, c)
	e.FlowID, e.UserID, e.AccountID, e.Method, e.Connection = f.ID, u.ID, a.AccountID, a.method(), a.Connection
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	notice, conflict := "", ReasonSSOSubjectChanged
	l := m.letter(mail.SSOLinked, u, f.Lang, c, now)
	if a.Provider != "" {
		l.Kind, l.Item, l.Person, conflict = mail.SocialLinked, a.name(), a.Email, ReasonSocialAlreadyLinked
		l.Link = m.URLOf("account/connected")
	}
	if tell {
		var err error
		if notice, err = m.announce(ctx, l); err != nil {
			return "", err
		}
	}
	version, err := m.invalidate(ctx, u.ID, ChangeLinked, "")
	switch {
	case err != nil:
		return "", err
	case led != unled && version != led+1: // what led here was ended meanwhile
		return "", errors.Join(ErrFlowGone, m.retract(ctx, notice))
	}
	id := "idn_" + token.NewID()
	err = m.stores.Identities.LinkIdentity(ctx, Link{
		ID: id, UserID: u.ID, Provider: a.Provider, Source: a.source(), Subject: a.Subject, Email: a.Email, LinkedAt: now, UsedAt: now,
	})
	if errors.Is(err, ErrConflict) {
		return conflict, m.retract(ctx, notice)
	}
	if err != nil {
		return "", wrapped("auth: linking an identity", err)
	}
	if led == unled {
		return "", nil // by whoever speaks for the address, which nothing of the person's own takes back
	}
	// Whoever takes everything away that was set up before moves the version first: either that finds the link, or it is found here.
	cred, err := m.credential(ctx, u.ID)
	if err == nil && cred.Version == version {
		return "", nil
	}
	failed := m.stores.Identities.UnlinkIdentity(context.WithoutCancel(ctx), u.ID, id, nil)
	if errors.Is(failed, ErrNotFound) {
		failed = nil
	}
	return "", errors.Join(cmp.Or(err, ErrFlowGone), failed)
}

// welcomed does what Meet has decided, and answers who it is. It can be repeated: what an earlier try has done is found done.
func (m *Manager) welcomed(ctx context.Context, meeting Meeting, w Welcome, f Flow, c Client) (u User, why Reason, err error) {
	a := meeting.Arrival
	u = w.User
	switch w.Act {
	case Create:
		if u, err = m.createArrived(ctx, a, f, c); err != nil {
			return u, "", err
		}
	case TakeOver:
		if err = m.takeOver(ctx, u, meeting.led(), c); err != nil {
			return u, "", err
		}
		u.Unverified = false
	}
	switch {
	case w.Invitation.ID != "":
		if why, err = m.join(ctx, w.Invitation, w.Invitation.Letter, u, "", c); err != nil {
			return u, "", err
		}
		if why != "" && why != ReasonUserExistsInAccount && why != ReasonInviteUsed {
			return u, why, nil // taken back in this moment
		}
	case w.Add != "":
		e := m.event(Joined, m.now(), c)
		e.FlowID, e.UserID, e.AccountID, e.Connection = f.ID, u.ID, a.AccountID, a.Connection
		if err := m.note(ctx, e); err != nil {
			return u, "", err
		}
		_, err := m.members.AddMember(ctx, a.AccountID, u.ID, w.Add, m.now())
		if why, refused := refusal(err); refused {
			return u, why, nil
		}
		if err != nil {
			return u, "", fmt.Errorf("auth: adding a member: %w", err)
		}
	}
	if w.Act == Recognize {
		return u, "", nil
	}
	led := meeting.led()
	if w.Act != Bind {
		led = unled // just added, or proven to be theirs by takeOver
	}
	why, err = m.bind(ctx, a, u, f, led, c, w.Act != Create)
	return u, why, err
}

// createArrived adds somebody whom their company's sign-in has named.
func (m *Manager) createArrived(ctx context.Context, a Arrival, f Flow, c Client) (User, error) {
	e := m.event(UserCreated, m.now(), c)
	e.FlowID, e.AccountID, e.Connection = f.ID, a.AccountID, a.Connection
	if err := m.note(ctx, e); err != nil {
		return User{}, err
	}
	u, err := m.registrar.CreateUser(ctx, NewUser{Email: a.Email, Name: a.Name, Locale: f.Lang})
	if errors.Is(err, ErrConflict) {
		return User{}, ErrFlowChanged // somebody else has just done so; the answer waits still
	}
	return u, wrapped("auth: adding a person", err)
}

// takeOver discards whatever was set up on an account before its address was proven: it may be somebody else's. The company that owns
// the domain has proven it now.
//
// ErrFlowChanged: its owner has done something with it since the version led.
func (m *Manager) takeOver(ctx context.Context, u User, led int64, c Client) error {
	if err := m.note(ctx, Event{Kind: SessionsEnded, Time: m.now(), UserID: u.ID, Change: ChangeVerified}); err != nil {
		return err
	}
	cred, err := m.credential(ctx, u.ID)
	if err != nil {
		return err
	}
	if led != unled && cred.Version != led {
		return ErrFlowChanged // the answer waits still, and is judged anew
	}
	if err := m.endBy(ctx, u.ID, ChangeVerified, ""); err != nil {
		return err
	}
	if err := m.discard(ctx, u.ID); err != nil {
		return err
	}
	err = m.stores.Credentials.SwapCredential(ctx, Credential{UserID: u.ID, Version: cred.Version})
	if errors.Is(err, ErrConflict) {
		return ErrFlowChanged
	}
	if err != nil {
		return fmt.Errorf("auth: discarding a password: %w", err)
	}
	if err := m.endBy(context.WithoutCancel(ctx), u.ID, ChangeVerified, ""); err != nil { // what slipped in between the two
		return err
	}
	if err := m.discard(context.WithoutCancel(ctx), u.ID); err != nil { // and a link that did
		return err
	}
	return m.verify(ctx, u, c)
}
