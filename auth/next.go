package auth

import (
	"fmt"
	"net/url"
	"time"
)

// A Stage is where a flow stands: what it needs next.
type Stage string

const (
	StageIdentify     Stage = "identify"     // who is it
	StageAuthenticate Stage = "authenticate" // prove it
	StageAccount      Stage = "account"      // choose a company
	StagePolicy       Stage = "policy"       // proven, but there is nothing to enter; Reason says why
	StageReady        Stage = "ready"        // Finish may be called
	StageRefused      Stage = "refused"      // proven, and turned away; Reason says why
)

// Facts are what Next decides from besides the flow: gathered once for each step, and anew by Finish.
type Facts struct {
	Now         time.Time
	Preset      Preset       // the product's own policy, complete
	Domain      DomainRule   // of the address; the zero rule where nobody has verified the domain
	Found       bool         // the flow's user exists; false before a proof has fixed one
	User        User         // the flow's user, if Found
	Memberships []Membership // all of them, whatever their state
	Credential  int64        // the version of the user's password; zero: none
}

// A Decision is what Next answers.
type Decision struct {
	Stage     Stage
	Offer     []Method        // what may be tried now
	Reason    Reason          // why the stage refuses, or offers nothing; empty: nothing is wrong
	Accounts  []AccountChoice // at StageAccount: the companies to choose from
	AccountID string          // at StageReady: the company to enter; empty: none
	Kept      bool            // at StageReady: the session is kept
	Idle, Cap time.Duration   // at StageReady: the limits of the session
	Trace     []string        // the rules that decided, for a support person; not for strangers
}

// An AccountChoice is a company that a person may choose.
type AccountChoice struct {
	ID    string
	Name  string
	State AccountState
}

// Next is the whole rule book: from what is known and what was proven, what comes next. It reads values, does no input or
// output, and is the only place that answers StageReady.
func Next(facts Facts, flow Flow) Decision {
	d := Decision{}
	if flow.Address == "" {
		d.Stage = StageIdentify
		return d
	}
	if !d.proven(facts, flow) {
		return d
	}
	if !facts.Found {
		return d.stop(StageRefused, ReasonInvalidCredentials, "the user is gone")
	}
	if facts.User.Suspended {
		return d.stop(StageRefused, ReasonUserSuspended, "the user is suspended")
	}
	if !d.company(facts, flow) {
		return d
	}
	d.Stage = StageReady
	d.limits(facts, flow)
	return d
}

// proven looks for a first proof that counts. Without one it offers what the domain of the address leaves open, and nothing
// that depends on the person.
func (d *Decision) proven(facts Facts, flow Flow) bool {
	enforced := facts.Domain.SSO == SSOEnforced
	if enforced {
		d.say("%s asks for the company's own sign-in", facts.Domain.Domain)
	}
	for _, p := range flow.Proofs {
		switch {
		case !p.first():
		case p.Method == MethodPassword && enforced:
			d.say("the password does not count here")
		case p.Method == MethodPassword && (p.Version == 0 || p.Version != facts.Credential):
			d.say("the password was changed after it was proven")
		case flow.UserID != "":
			d.say("%s proven", p.Method)
			return true
		}
	}
	d.Stage = StageAuthenticate
	if enforced {
		d.Reason = ReasonSSORequired
		return false
	}
	d.Offer = []Method{MethodPassword}
	return false
}

// company finds the company to enter, or says why there is none.
func (d *Decision) company(facts Facts, flow Flow) bool {
	var usable []AccountChoice
	var expired, suspended, named bool
	wanted := flow.AccountID
	if wanted == "" {
		wanted = accountNamed(flow.ReturnTo)
	}
	for _, m := range facts.Memberships {
		switch {
		case m.State == MemberInvited:
			continue
		case m.Usable():
			usable = append(usable, AccountChoice{ID: m.AccountID, Name: m.AccountName, State: m.AccountState})
		case m.State == MemberSuspended:
			suspended = true
		default:
			expired = true
		}
		if m.AccountID == wanted {
			named = true
			d.AccountID = m.AccountID
			d.say("%s asked for", m.AccountName)
			d.Reason = shut(m)
		}
	}
	switch {
	case named && d.Reason == "":
		return true
	case len(usable) > 1, len(usable) == 1 && d.Reason != "":
		d.AccountID = ""
		d.Stage, d.Accounts = StageAccount, usable
		d.say("%d companies to choose from", len(usable))
		return false
	case len(usable) == 1:
		d.AccountID = usable[0].ID
		d.say("one company: %s", usable[0].Name)
		return true
	}
	d.AccountID = ""
	switch {
	case expired:
		*d = d.stop(StagePolicy, ReasonAccountExpired, "no company left: expired")
		return false
	case suspended:
		*d = d.stop(StagePolicy, ReasonUserSuspended, "no company left: suspended")
		return false
	case facts.Preset.NeedsCompany:
		*d = d.stop(StagePolicy, ReasonNoCompany, "the product is for members of a company")
		return false
	}
	d.say("no company needed")
	return true
}

// shut says why a membership cannot be entered; empty: it can.
func shut(m Membership) Reason {
	switch {
	case m.Usable():
		return ""
	case m.State == MemberSuspended:
		return ReasonUserSuspended
	}
	return ReasonAccountExpired
}

// limits sets what the session may be: the strictest over the product and every active membership in a company that has not expired.
func (d *Decision) limits(facts Facts, flow Flow) {
	p := facts.Preset.Policy
	for _, m := range facts.Memberships {
		if m.State == MemberActive && m.AccountState != AccountExpired {
			p = p.Strictest(m.Policy)
		}
	}
	d.Kept = flow.Remember && p.Keep != KeepForbid
	if flow.Remember && !d.Kept {
		d.say("the keep box is forbidden")
	}
	d.Idle, d.Cap = p.Idle, p.Cap
	if d.Kept {
		d.Idle, d.Cap = p.KeptIdle, p.KeptCap
	}
	if d.Cap == Uncapped {
		d.say("the session ends after %s without activity", span(d.Idle))
		return
	}
	d.say("the session ends after %s without activity, and after %s in any case", span(d.Idle), span(d.Cap))
}

// span is a length of time as a person says it: "30 days", "12 hours", "1h30m0s" where neither fits.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d > time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}

func (d Decision) stop(s Stage, r Reason, why string) Decision {
	d.Stage, d.Reason = s, r
	d.say("%s", why)
	return d
}

func (d *Decision) say(format string, args ...any) {
	d.Trace = append(d.Trace, fmt.Sprintf(format, args...))
}

// accountNamed is the company that a return address asks for by name (?account=…); empty: none.
func accountNamed(returnTo string) string {
	u, err := url.Parse(returnTo)
	if err != nil {
		return ""
	}
	return u.Query().Get("account")
}
