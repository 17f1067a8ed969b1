package auth

import (
	"net/netip"
	"slices"
	"time"
)

// A Purpose says what a flow is for. It is set when the flow is made and never changes.
type Purpose string

// SignIn is the purpose of a flow that ends in a new session.
const SignIn Purpose = "sign_in"

// A Method is a way of proving something.
type Method string

// MethodPassword is the person's password, checked by this library.
const MethodPassword Method = "password"

// A Proof is something that was proven in a flow. Proofs are only ever added.
type Proof struct {
	Method  Method
	At      time.Time
	Version int64 // of the credential it was proven with; a newer credential makes the proof count for nothing
}

// first tells whether the proof alone can say who somebody is.
func (p Proof) first() bool { return p.Method == MethodPassword }

// A Flow is a sign-in in progress. It is a row held by the server and never a session: nothing but Finish turns one into the other.
type Flow struct {
	ID        string // names the flow in forms, answers and events; opens nothing
	Version   int64  // counts accepted steps; a form made for an older one is refused
	Purpose   Purpose
	Email     string // the address as it was typed, without the white space around it
	Address   string // the same in canonical form
	Remember  bool   // "keep me signed in" is ticked
	ReturnTo  string // where to go afterwards: a path of this host or an allowed origin; empty: the host's default
	Lang      string // the language chosen on the page, as a BCP 47 tag; empty: none
	UserID    string // fixed by the first proof that says who it is; never changes from then on
	AccountID string // the company chosen; empty: none yet
	Proofs    []Proof
	MadeAt    time.Time
	ExpiresAt time.Time // the flow ends then unless a step is accepted before
}

// Life of a flow.
const (
	flowIdle = 15 * time.Minute // after the last accepted step
	flowLife = 60 * time.Minute // in all
)

// accepted is the flow after one more accepted step.
func (f Flow) accepted(now time.Time) Flow {
	f.Version++
	f.Proofs = slices.Clip(f.Proofs)
	f.ExpiresAt = now.Add(flowIdle)
	if end := f.MadeAt.Add(flowLife); f.ExpiresAt.After(end) {
		f.ExpiresAt = end
	}
	return f
}

// A Step is what a step of a flow answers: the flow, what Next decided about it, and why the step was not accepted, if it was not.
type Step struct {
	Token      string // the flow cookie's new token, in the answer of a step that makes a flow or proves who it is; empty: it stays
	Flow       Flow
	Decision                 // Reason says why the last step was not accepted, or why the stage refuses; empty: nothing is wrong
	RetryAfter time.Duration // with ReasonTooManyAttempts and ReasonBusy: when to try again
}

// A Client is the browser or program that asks, as far as the library cares.
type Client struct {
	IP        netip.Addr // the zero Addr: unknown, and counted as one source
	UserAgent string
	Device    string // the device cookie's token; empty: none
}

// A Ref is the flow that a step is for: the cookie's token, and what the form or program says it saw.
type Ref struct {
	Token   string // the flow cookie
	ID      string // the posted id; empty: not compared
	Version int64  // the posted version; zero: not compared
}
