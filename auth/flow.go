package auth

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/mfa"
)

// A Purpose says what a flow is for. It is set when the flow is made and never changes.
type Purpose string

const (
	SignIn Purpose = "sign_in" // ends in a new session
	StepUp Purpose = "step_up" // whoever is signed in proves it once more: ends in the same session with a new token
	Reset  Purpose = "reset"   // a mailed link, then a new password: ends at the sign-in page

	Activate Purpose = "activate" // the link of an invitation, then a first password: ends at the sign-in page
	SignUp   Purpose = "sign_up"  // a mailed link, then a first password: ends at the sign-in page
)

// An Action is what somebody who is signed in wants to do in a StepUp. It is set when the flow is made and never changes.
type Action string

const (
	ActionProve    Action = ""           // nothing but the proof: the page that asked for it goes on
	ActionTwoStep  Action = "two_step"   // set up two-step verification
	ActionNewPhone Action = "new_device" // set it up anew with another phone
	ActionSwitch   Action = "switch"     // work in another company; Target names it
	ActionJoin     Action = "join"       // accept an invitation; Invitation names it
	ActionConnect  Action = "connect"    // connect an account at a social provider; Provider names it
)

// A Method is a way of proving something.
type Method string

const (
	MethodPassword     Method = "password"      // the person's password, checked by this library
	MethodEmailCode    Method = "email_code"    // a code that was mailed to the person
	MethodTOTP         Method = "totp"          // a code of the person's authenticator app
	MethodRecoveryCode Method = "recovery_code" // one of the codes that the person wrote down for the day the phone is lost
	MethodEmailLink    Method = "email_link"    // the link in a letter: of a reset, an invitation, a sign-up
	MethodSSO          Method = "sso"           // the company's own sign-in; Decision.Connection says which
)

// socialPrefix is what the methods of social providers begin with.
const socialPrefix = "social:"

// SocialMethod is the way of an account at a social provider: "social:google". The provider is named as the host names it.
func SocialMethod(provider string) Method { return Method(socialPrefix + provider) }

// Social tells whether this is the way of a social provider, and of which.
func (m Method) Social() (provider string, ok bool) {
	provider, ok = strings.CutPrefix(string(m), socialPrefix)
	return provider, ok && provider != ""
}

// sessionMultiFactor stands beside MethodSSO among a session's methods where the company's sign-in asserted a second step.
const sessionMultiFactor = "sso_mfa"

// A Proof is something that was proven in a flow. Proofs are only ever added.
type Proof struct {
	Method  Method
	At      time.Time
	Version int64 // of the person's credential at that moment; a newer credential makes the proof count for nothing

	// Of MethodSSO and of a social account.
	AuthTime time.Time `json:",omitzero"` // when the person proved it there; zero: nobody says
	Fresh    bool      `json:",omitzero"` // a fresh sign-in was demanded, in this flow

	// Of MethodSSO.
	Via         string    `json:",omitzero"` // the connection; where the domain names another one by now, the proof counts for nothing
	MultiFactor bool      `json:",omitzero"` // the company asserts a second step
	Ends        time.Time `json:",omitzero"` // the company wants the session over by then; zero: it does not say

	Speaks  bool   `json:",omitzero"` // of a social account: its provider speaks for the person's own address
	Address string `json:",omitzero"` // of a mailed code that went out before anybody was named: where to, in canonical form
}

// What a proof is worth. Only first opens a sign-in, and only second is a second step: a mailed code never is, because whoever
// reads the mailbox can often set the password too (NIST SP 800-63B-4 does not take e-mail for an authenticator).
func (p Proof) first() bool    { return p.Method == MethodPassword || p.Method == MethodSSO || p.social() }
func (p Proof) second() bool   { return p.Method == MethodTOTP || p.Method == MethodRecoveryCode }
func (p Proof) mailbox() bool  { return p.Method == MethodEmailCode }
func (p Proof) recovery() bool { return p.Method == MethodEmailLink }

// social tells whether it was proven with an account at a social provider.
func (p Proof) social() bool { _, ok := p.Method.Social(); return ok }

// A Flow is a sign-in in progress. It is a row held by the server and never a session: nothing but Finish turns one into the other.
type Flow struct {
	ID         string // names the flow in forms, answers and events; opens nothing
	Version    int64  // counts accepted steps; a form made for an older one is refused
	Purpose    Purpose
	Way        Way       `json:",omitzero"` // how the person asks to prove it, where their domain leaves a choice
	Email      string    // the address as it was typed, without the white space around it
	Address    string    // the same in canonical form
	Remember   bool      // "keep me signed in" is ticked
	ReturnTo   string    // where to go afterwards: a path of this host or an allowed origin; empty: the host's default
	Lang       string    // the language chosen on the page, as a BCP 47 tag; empty: none
	UserID     string    // fixed by the first proof that says who it is; never changes from then on
	AccountID  string    // the company chosen; empty: none yet
	SessionID  string    // of a StepUp: the session it is for
	Action     Action    // of a StepUp: what it leads to
	Target     string    // of ActionSwitch and ActionJoin: the company to enter
	Invitation string    // of ActionJoin and Activate: the invitation to accept
	Letter     int       // the letter whose link was opened
	Outdated   bool      // the password that was typed does not meet the rules as they are now
	Renewed    time.Time // when the password was replaced in a sign-in, after everything that was asked for before it; zero: it was not
	Proofs     []Proof
	Verdict    Verdict    // what Config.Risk said about the first proof
	Code       MailedCode // the newest one of this flow; the zero MailedCode: none was mailed
	NewPhone   bool       // the person cannot use the app and wants to set it up on another phone
	Setup      Setup      // of an authenticator app in this flow
	Trust      bool       // with the app's code the box "do not ask on this device" was ticked
	Connection string     `json:",omitzero"` // the company's sign-in that was asked for by name, before there was an address; empty: none
	Arrival    Arrival    `json:",omitzero"` // an answer from outside that waits for the browser it is for; the zero Arrival: none
	Pending    Arrival    `json:",omitzero"` // one whose person has to prove who they are here before it is linked; the zero Arrival: none
	Told       Reason     `json:",omitzero"` // what the person was told about Pending, of a social account; empty: nothing yet
	Provider   string     `json:",omitzero"` // the social provider that was asked for by name, or that ActionConnect is about; empty: none
	Connected  bool       `json:",omitzero"` // a social account was connected, after everything that was asked for before it
	Login      []byte     `json:",omitzero"` // what Arrival.Login held of the answer that was accepted
	MadeAt     time.Time
	ExpiresAt  time.Time // the flow ends then unless a step is accepted before
}

// A Way is how a person asks to prove who they are.
type Way string

const (
	WayAny      Way = ""         // as the domain of their address has it
	WayCompany  Way = "company"  // the company's own sign-in, and nothing else
	WayPassword Way = "password" // the password: where the company's own sign-in is the only way, it leads in those alone who are exempt
)

// newcomer tells whether the flow leads to somebody's first password, by a mailed link.
func (f Flow) newcomer() bool { return f.Purpose == Activate || f.Purpose == SignUp }

// A MailedCode is when a code went out and what for. The code itself is nowhere but in the letter.
type MailedCode struct {
	Purpose   string
	SentAt    time.Time
	ExpiresAt time.Time
	Sends     int
}

// ResendAt is when the next code may be sent.
func (c MailedCode) ResendAt() time.Time { return c.SentAt.Add(mfa.CodeRules{}.Wait(c.Sends)) }

// A Setup is how far the set-up of an authenticator app has come. It is gone with its flow: nothing of it is stored elsewhere
// until the app's first code was right.
type Setup struct {
	Begun  bool      // the first dialog was left
	Sealed []byte    // the secret that waits for its first code
	DoneAt time.Time // an app was set up in this flow
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
	RetryAfter time.Duration // with ReasonTooManyAttempts and ReasonBusy: when to try again. Zero: not with this method in this flow

	App           mfa.Pending      // at the dialog that shows it: the app to be set up
	RecoveryCodes []string         // in the one answer that makes them
	Rules         []password.Unmet // at StageNewPassword: what the new password must meet
	Invitation    Invitation       // of Activate and ActionJoin: the one to accept; the zero Invitation: there is none
	Came          Arrival          // the answer from outside that this step was about, in the answer of Arrived; the zero Arrival: none
	MailTo        string           // where a code was or will be mailed, masked in a sign-in, in full where the person sets something up
}

// A Client is the browser or program that asks, as far as the library cares.
type Client struct {
	IP        netip.Addr // the zero Addr: unknown, and counted as one source
	UserAgent string
	Device    string // the device cookie's token; empty: none
	Session   string // the session cookie's token, for steps of a StepUp; empty: none
	Lang      string // what the pages speak with this visitor, as a BCP 47 tag: letters do too, unless the person chose another; empty: unknown
}

// A Ref is the flow that a step is for: the cookie's token, and what the form or program says it saw.
type Ref struct {
	Token   string // the flow cookie
	ID      string // the posted id; empty: not compared
	Version int64  // the posted version; zero: not compared
}
