package auth

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// A Stage is where a flow stands: what it needs next.
type Stage string

const (
	StageIdentify     Stage = "identify"     // who is it
	StageAuthenticate Stage = "authenticate" // prove it
	StageVerify       Stage = "verify"       // prove it once more: the app, a recovery code, a mailed code
	StageEnroll       Stage = "enroll"       // set up an authenticator app; Dialog says how far that is
	StageLink         Stage = "link"         // confirm that the company's sign-in, or a social account, is this person's from now on; with an Offer: go there
	StageNewPassword  Stage = "new_password" // set a new password
	StageAccount      Stage = "account"      // choose a company
	StagePolicy       Stage = "policy"       // proven, but there is nothing to enter; Reason says why
	StageReady        Stage = "ready"        // Finish may be called
	StageRefused      Stage = "refused"      // proven, and turned away; Reason says why
)

// Facts are what Next decides from besides the flow: gathered once for each step, and anew by Finish.
type Facts struct {
	Now         time.Time
	Preset      Preset       // the product's own policy, complete
	CanMail     bool         // letters can be sent
	Domain      DomainRule   // of the address; the zero rule where nobody has verified the domain
	Found       bool         // the flow's user exists; false before a proof has fixed one
	User        User         // the flow's user, if Found
	Memberships []Membership // all of them, whatever their state
	Credential  int64        // the version of the user's credential; zero: there is none
	LockedAt    time.Time    // when a suspicious sign-in closed every door; zero: open
	ResetAt     time.Time    // when the password was last set by a mailed reset; zero: never
	ChangedAt   time.Time    // when the password was set
	Password    bool         // the user has one
	Linked      bool         // of Activate and SignUp: the user is known elsewhere, at a company or a social provider
	MustChange  bool         // an administrator asks for a new one
	App         mfa.TOTPStatus
	Device      session.Device  // what is remembered of this browser for this user; the zero Device: nothing
	Session     session.Session // of a StepUp: the session as it stands
	Invitation  Invitation      // of Activate and ActionJoin; the zero Invitation: there is none. Memberships has what it makes of the user, as if they had joined
}

// A Decision is what Next answers.
type Decision struct {
	Stage      Stage
	Offer      []Method        // what may be tried now
	Connection string          // where Offer has MethodSSO: the company's sign-in
	Social     bool            // accounts at social providers may be tried too: at those that the host has
	Fresh      bool            // it must be proven anew there
	Dialog     int             // at StageEnroll: 1 notice, 2 mailed code, 3 get an app, 4 scan and enter its code
	NewPhone   bool            // "set up a new mobile device" is offered
	TrustBox   bool            // the box that spares this device the app's code is offered
	SignOut    ResetSignOut    // at StageNewPassword of a Reset: whether the person is asked to end all sessions, or what becomes of them
	Reason     Reason          // why the stage refuses, or offers nothing; empty: nothing is wrong
	Accounts   []AccountChoice // at StageAccount: the companies to choose from
	AccountID  string          // at StageReady: the company to enter; empty: none
	Kept       bool            // at StageReady: the session is kept
	Idle, Cap  time.Duration   // at StageReady: the limits of the session
	Trace      []string        // the rules that decided, for a support person; not for strangers
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
	switch {
	case flow.provesAddress(facts):
		d.addressFirst(flow)
		return d
	case flow.Address == "":
		d.identify(facts, flow)
		return d
	case !d.proven(facts, flow), !d.welcome(facts, flow), !d.twoStep(facts, flow), !d.verified(facts, flow), !d.linked(facts, flow), !d.allowed(facts, flow):
		return d
	}
	d.Stage = StageReady
	d.limits(facts, flow)
	return d
}

// proven looks for a proof that says who it is, and counts.
func (d *Decision) proven(facts Facts, flow Flow) bool {
	switch flow.Purpose {
	case StepUp:
		return d.provenAgain(facts, flow)
	case Reset:
		return d.provenByLink(facts, flow)
	case Activate, SignUp:
		return d.provenNew(facts, flow)
	}
	return d.provenFirst(facts, flow)
}

// provenFirst looks for a first proof. Without one it offers what the domain of the address leaves open, and nothing that depends
// on the person.
func (d *Decision) provenFirst(facts Facts, flow Flow) bool {
	for _, p := range flow.Proofs {
		if !p.first() {
			continue
		}
		why := p.worthless(facts, flow)
		switch {
		case why != "":
			d.say("%s", why)
		case flow.UserID != "":
			d.say("%s proven", p.Method)
			if p.Method == MethodSSO && facts.Domain.SSO == SSOEnforced {
				d.say("%s asks for the company's own sign-in", facts.Domain.Domain)
			}
			return true
		}
	}
	d.Stage = StageAuthenticate
	d.offerFirst(facts, flow)
	return false
}

// offerFirst offers what may be tried for a first proof.
func (d *Decision) offerFirst(facts Facts, flow Flow) {
	rule := facts.Domain
	own := rule.companySignIn()
	only := rule.SSO == SSOEnforced && flow.Way != WayPassword || own && flow.Way == WayCompany
	if flow.UserID != "" { // whatever is told of them now was proven before
		only = facts.ssoOnly()
	}
	switch {
	case flow.pendsCompany(facts.Now):
		d.say("the company's answer is to be linked: whose account it is is proven by password")
		d.Offer = []Method{MethodPassword}
		return
	case only:
		d.say("%s asks for the company's own sign-in", rule.Domain)
	}
	if only || own && flow.Way != WayPassword && !(flow.Purpose == StepUp && facts.Password) {
		if own {
			d.Offer, d.Connection = append(d.Offer, MethodSSO), rule.Connection
			d.Fresh = flow.Purpose == StepUp || !facts.LockedAt.IsZero()
		}
	}
	switch {
	case !only && flow.Purpose == StepUp && len(d.Offer) > 0:
	case !only && flow.Purpose == StepUp && !facts.Password && d.socialDoors(facts):
	case !only:
		d.Offer = append(d.Offer, MethodPassword)
	case !own:
		d.Reason = ReasonSSORequired
	case flow.UserID != "" && !facts.LockedAt.IsZero():
		d.Reason = ReasonSSOAgain
	}
	d.Social = flow.Purpose == SignIn && flow.Way == WayAny && !only && facts.Domain.SSO != SSOEnforced
	if d.Reason == "" && flow.pendsSocial(facts.Now) && flow.Address == flow.Pending.Email {
		d.Reason = flow.Told
	}
}

// recentProof is how old a proof may be where a page asks for a recent one.
const recentProof = 10 * time.Minute

// provenAgain asks whoever is signed in for the strongest proof that they have, unless that is no older than recentProof.
func (d *Decision) provenAgain(facts Facts, flow Flow) bool {
	if facts.Session.ID == "" || facts.Session.ID != flow.SessionID || facts.Session.UserID != flow.UserID {
		*d = d.stop(StageRefused, ReasonSessionExpired, "the session has ended")
		return false
	}
	if flow.Target != "" {
		if why := cannotEnter(facts, flow); why != "" { // nobody is asked for anything to be turned away after it
			*d = d.stop(StageRefused, why, "the company cannot be entered")
			return false
		}
		if !d.setsUpFor(facts) {
			return true // what the company asks beyond what the session has is asked for below
		}
	}
	if recentlyProven(facts.Session, facts.App, facts.Now) {
		d.say("proven %s ago", span(facts.Now.Sub(facts.Session.AuthTime).Truncate(time.Second)))
		return true
	}
	if facts.App.ID != "" {
		if p, ok := d.second(facts, flow); ok {
			d.say("%s proven", p.Method)
			return true
		}
		d.Stage, d.Offer = StageVerify, d.secondMethods(facts)
		return false
	}
	return d.provenFirst(facts, flow) && d.socialAgain(facts, flow)
}

// setsUpFor tells whether entering a company leads to the set-up of an app. Whoever sets one up proves first who they are.
func (d *Decision) setsUpFor(facts Facts) bool {
	return facts.App.ID == "" && facts.policy().TwoStep == TwoStepRequired
}

// recentlyProven tells whether a session's last proof is recent, and was the strongest that the person has.
func recentlyProven(s session.Session, app mfa.TOTPStatus, now time.Time) bool {
	if now.Sub(s.AuthTime) > recentProof {
		return false
	}
	return app.ID == "" || hasSecond(s)
}

// hasSecond tells whether a session was made, or proven again, with a second step.
func hasSecond(s session.Session) bool {
	return s.Methods.Has(string(MethodTOTP)) || s.Methods.Has(string(MethodRecoveryCode))
}

// provenByLink looks for the mailed link of a reset. It says who it is and opens a new password, never a session.
func (d *Decision) provenByLink(facts Facts, flow Flow) bool {
	if facts.ssoOnly() {
		*d = d.stop(StageRefused, ReasonSSORequired, facts.Domain.Domain+" asks for the company's own sign-in")
		return false
	}
	for _, p := range flow.Proofs {
		if p.recovery() && facts.Found && p.reset(facts, flow) {
			d.say("the mailed link was opened")
			return true
		}
	}
	*d = d.stop(StageRefused, ReasonResetExpired, "the mailed link counts no longer")
	return false
}

// reset tells whether the link of a reset counts still: nothing about the person's credential has changed since it was mailed, and the
// address that it went to is theirs still. Whoever has no password yet may have no credential at all, which is version zero.
func (p Proof) reset(facts Facts, flow Flow) bool {
	return flow.UserID != "" && p.Version == facts.Credential && flow.Address == accountOf(facts.User)
}

// provenNew looks for the mailed link of an invitation or a sign-up. It opens a first password, for somebody who has nothing to sign
// in with yet; never a session.
func (d *Decision) provenNew(facts Facts, flow Flow) bool {
	why := Reason("")
	switch linked := slices.ContainsFunc(flow.Proofs, Proof.recovery); {
	case !linked:
		why = ReasonLinkExpired
	case facts.Domain.SSO == SSOEnforced:
		why = ReasonSSORequired
	case flow.Purpose == Activate:
		why = facts.Invitation.stands(flow.Letter, facts.Now)
	case facts.Preset.SignUp == SignUpOff:
		why = ReasonSignUpOff
	}
	if why == "" && complete(facts) {
		why = map[Purpose]Reason{Activate: ReasonInviteSignIn, SignUp: ReasonAccountExists}[flow.Purpose]
	}
	if why != "" {
		*d = d.stop(StageRefused, why, "the mailed link leads to no new account")
		return false
	}
	d.say("the mailed link was opened")
	return true
}

// complete tells whether the user has an account to sign in to: an address that is proven, and something to prove oneself with.
func complete(facts Facts) bool {
	return facts.Found && !facts.User.Unverified && (facts.Password || facts.App.ID != "" || facts.Linked)
}

// counts tells whether the person's credential is still the one that the proof was made with.
func (p Proof) counts(facts Facts) bool { return p.Version != 0 && p.Version == facts.Credential }

// second is a second step that was done in this flow.
func (d *Decision) second(facts Facts, flow Flow) (Proof, bool) {
	for _, p := range flow.Proofs {
		if p.second() && p.counts(facts) {
			return p, true
		}
	}
	return Proof{}, false
}

// mailboxProven tells whether a mailed code reached the person in this flow.
func mailboxProven(facts Facts, flow Flow) bool {
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool { return p.mailbox() && p.counts(facts) })
}

// secondMethods are the second steps that a person with an app may try.
func (d *Decision) secondMethods(facts Facts) []Method {
	if facts.Preset.SkipRecoveryCodes {
		return []Method{MethodTOTP}
	}
	return []Method{MethodTOTP, MethodRecoveryCode}
}

// welcome turns away who must not come in, whatever else they could prove. A locked person is told so here, after the first proof,
// and may still set a new password with a mailed link.
func (d *Decision) welcome(facts Facts, flow Flow) bool {
	switch {
	case !facts.Found && flow.newcomer():
		return true
	case !facts.Found:
		*d = d.stop(StageRefused, ReasonInvalidCredentials, "the user is gone")
	case facts.User.Suspended:
		*d = d.stop(StageRefused, ReasonUserSuspended, "the user is suspended")
	case !facts.LockedAt.IsZero() && flow.Purpose != Reset && !flow.newcomer() && !(facts.ssoOnly() && facts.provenBy(flow, MethodSSO)):
		*d = d.stop(StageRefused, ReasonAccountLocked, "locked by a suspicious sign-in, until there is a new password")
	default:
		return true
	}
	return false
}

// twoStep asks for the second step of whoever has one, and lets who must have one set it up.
func (d *Decision) twoStep(facts Facts, flow Flow) bool {
	switch {
	case flow.Target != "":
		return d.twoStepOfTarget(facts, flow)
	case flow.Purpose == StepUp:
		return d.twoStepAgain(facts, flow)
	case flow.Purpose == Reset:
		return d.twoStepOfReset(facts, flow)
	case flow.newcomer():
		return true // who must have an app sets it up in the sign-in that follows
	}
	return d.twoStepOfSignIn(facts, flow)
}

// twoStepAgain sets up what somebody who is signed in has asked for. The second step itself was asked for by provenAgain.
func (d *Decision) twoStepAgain(facts Facts, flow Flow) bool {
	switch enrolled := facts.App.ID != ""; {
	case flow.Action == ActionProve, flow.Action == ActionConnect, !flow.Setup.DoneAt.IsZero():
		return true
	case enrolled == (flow.Action == ActionNewPhone):
		return d.dialogs(facts, flow)
	}
	*d = d.stop(StageRefused, ReasonNotEnrolled, "there is nothing to set up")
	return false
}

// twoStepOfTarget asks for the second step that a company wants of whoever enters it, unless the session came by one already.
func (d *Decision) twoStepOfTarget(facts Facts, flow Flow) bool {
	required := d.requirers(facts, flow)
	if facts.App.ID == "" {
		return !required || d.dialogs(facts, flow)
	}
	_, done := d.second(facts, flow)
	switch {
	case hasSecond(facts.Session):
		d.say("the session was made with a second step")
		return true
	case done, d.spared(facts, required):
		return true
	}
	d.askSecond(facts, flow, required)
	return false
}

// twoStepOfReset asks who has an app for it. Who must have one and has none sets it up in the sign-in that follows. An app that was
// set up before the address was proven may be somebody else's: it is discarded with the new password.
func (d *Decision) twoStepOfReset(facts Facts, flow Flow) bool {
	if _, done := d.second(facts, flow); done || facts.App.ID == "" || facts.User.Unverified {
		return true
	}
	if facts.Preset.SkipSecondStepAtReset {
		d.say("a reset asks for no second step")
		return true
	}
	d.askSecond(facts, flow, d.requirers(facts, flow))
	return false
}

func (d *Decision) twoStepOfSignIn(facts Facts, flow Flow) bool {
	required := d.requirers(facts, flow)
	if facts.App.ID == "" {
		return !required || d.dialogs(facts, flow)
	}
	if !required && facts.asserted(flow, facts.Domain.AccountID) && facts.ownCompanyOnly() {
		d.say("the company's own sign-in asserts a second step")
		return true
	}
	fresh := !flow.Setup.DoneAt.IsZero() // set up in this flow
	p, done := d.second(facts, flow)
	switch {
	case flow.NewPhone && !fresh && d.replaceable(facts, flow):
		return d.dialogs(facts, flow)
	case fresh && facts.Preset.AfterSetup == AfterSetupNewCode && !provenSince(facts, flow):
		d.say("the app was set up just now: its next code is needed")
		d.Stage, d.Offer = StageVerify, []Method{MethodTOTP}
		return false
	case done:
		d.say("%s proven as the second step", p.Method)
		return true
	case facts.breakGlass(flow), flow.pends(facts.Now):
		d.say("no device is spared the app's code on the way round the company's own sign-in")
		required = true
	case d.spared(facts, required):
		return true
	}
	d.askSecond(facts, flow, required)
	return false
}

// provenSince tells whether a code of the app was accepted after it was set up.
func provenSince(facts Facts, flow Flow) bool {
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool {
		return p.Method == MethodTOTP && p.counts(facts) && p.At.After(flow.Setup.DoneAt)
	})
}

// requirers tells whether anybody requires two-step verification: the product, or a company that the person is active in and that
// has not expired.
func (d *Decision) requirers(facts Facts, flow Flow) bool {
	required := facts.Preset.Policy.TwoStep == TwoStepRequired
	if required {
		d.say("two-step verification is required of everybody")
	}
	for _, m := range facts.Memberships {
		if !m.asks() || m.Policy.TwoStep != TwoStepRequired {
			continue
		}
		if facts.asserted(flow, m.AccountID) {
			d.say("the sign-in of %s asserts the second step that it requires", m.AccountName)
			continue
		}
		required = true
		since := ""
		if !m.Policy.TwoStepSince.IsZero() {
			since = " since " + m.Policy.TwoStepSince.UTC().Format("2 January 2006")
		}
		d.say("two-step verification is required by %s%s", m.AccountName, since)
	}
	return required
}

// asks tells whether the company's policy counts for this person.
func (m Membership) asks() bool { return m.State == MemberActive && m.AccountState != AccountExpired }

// sparable tells whether a device may be spared the app's code: where the product allows it, nobody forbids it, and every company
// that requires two-step verification says that it allows it.
func sparable(facts Facts) bool {
	if facts.Preset.Policy.DeviceTrust != TrustAllowed {
		return false
	}
	for _, m := range facts.Memberships {
		if m.asks() && (m.Policy.DeviceTrust == TrustForbid || m.Policy.TwoStep == TwoStepRequired && m.Policy.DeviceTrust != TrustAllowed) {
			return false
		}
	}
	return true
}

// spared tells whether this device needs no code of the app.
func (d *Decision) spared(facts Facts, required bool) bool {
	if !facts.Now.Before(facts.Device.TwoStepUntil) {
		return false
	}
	if !sparable(facts) {
		d.say("this device was spared the app's code, which is no longer allowed")
		return false
	}
	if required {
		d.say("everybody who requires two-step verification allows it to be remembered on a device")
	}
	d.say("this device needs no code of the app until %s", facts.Device.TwoStepUntil.UTC().Format("2 January 2006"))
	return true
}

// askSecond asks for the second step.
func (d *Decision) askSecond(facts Facts, flow Flow, required bool) {
	if !required {
		d.say("the person has set up two-step verification")
	}
	d.Stage, d.Offer = StageVerify, d.secondMethods(facts)
	if flow.Purpose != SignIn {
		return
	}
	around := facts.breakGlass(flow) || flow.pends(facts.Now)
	d.NewPhone, d.TrustBox = facts.replacesPhone(flow) && !around, sparable(facts) && !around
	if flow.NewPhone && facts.Preset.SelfReset == SelfResetRecovery {
		d.say("another phone is set up after a recovery code")
		d.Offer, d.NewPhone, d.TrustBox = []Method{MethodRecoveryCode}, false, false
	}
}

// replacesPhone tells whether another phone may be set up without the old one in this flow: by mailbox only beside the password, for
// a provider or a company that has let the person in may have the mailbox too.
func (f Facts) replacesPhone(flow Flow) bool {
	switch f.Preset.SelfReset {
	case SelfResetOff:
		return false
	case SelfResetRecovery:
		return true
	}
	return f.provenBy(flow, MethodPassword)
}

// replaceable tells whether the person may set up another phone now, without the old one.
func (d *Decision) replaceable(facts Facts, flow Flow) bool {
	if p, ok := d.second(facts, flow); ok {
		d.say("another phone is set up after a %s", p.Method)
		return true
	}
	if facts.Preset.SelfReset == SelfResetRecovery || !facts.replacesPhone(flow) {
		return false // of the former askSecond asks for the code
	}
	why, _ := selfReset(facts)
	if why == "" {
		d.say("another phone is set up by password and mailbox")
	}
	return why == ""
}

const (
	resetRest  = day     // after a mailed reset the mailbox has replaced the password, and must not replace the phone too
	askedCount = 7 * day // how long an asking that has waited long enough counts
)

// selfReset tells whether password and mailbox may replace the phone now; else why not, and when they may.
func selfReset(facts Facts) (why Reason, at time.Time) {
	if rest := facts.ResetAt.Add(resetRest); !facts.ResetAt.IsZero() && facts.Now.Before(rest) {
		return ReasonSelfResetWait, rest
	}
	switch facts.Preset.SelfReset {
	case SelfResetEmail:
		return "", time.Time{}
	case SelfResetEmailWait:
		ready := facts.App.ResetAsked.Add(facts.Preset.SelfResetDelay)
		switch {
		case !askedInForce(facts):
			return ReasonSelfResetWait, facts.Now.Add(facts.Preset.SelfResetDelay)
		case facts.Now.Before(ready):
			return ReasonSelfResetWait, ready
		}
		return "", time.Time{}
	}
	return ReasonSelfResetOff, time.Time{}
}

// askedInForce tells whether an asking for another phone stands: for a time, and no longer than the password that it came with,
// so that a new one takes it back.
func askedInForce(facts Facts) bool {
	asked := facts.App.ResetAsked
	end := asked.Add(facts.Preset.SelfResetDelay).Add(askedCount)
	return !asked.IsZero() && asked.After(facts.ChangedAt) && facts.Now.Before(end)
}

// dialogs says which dialog of the set-up comes next. Nobody sets up an app before the mailbox is proven: a password alone, which
// somebody else may know, must not become a second step.
func (d *Decision) dialogs(facts Facts, flow Flow) bool {
	if !facts.CanMail && flow.Purpose == SignIn {
		*d = d.stop(StagePolicy, ReasonMailMissing, "an app cannot be set up: nothing can be mailed")
		return false
	}
	d.say("an authenticator app is to be set up")
	d.Stage = StageEnroll
	switch {
	case !flow.Setup.Begun:
		d.Dialog = 1
	case facts.CanMail && !mailboxProven(facts, flow):
		d.Dialog, d.Offer = 2, []Method{MethodEmailCode}
	case len(flow.Setup.Sealed) == 0:
		d.Dialog = 3
	default:
		d.Dialog = 4
	}
	return false
}

// verified asks for a mailed code where the sign-in is unusual. It is no second step, and does not replace one.
func (d *Decision) verified(facts Facts, flow Flow) bool {
	if flow.Purpose != SignIn && flow.Target == "" {
		return true
	}
	need, why := d.unusual(facts, flow)
	switch {
	case need && (!flow.Renewed.IsZero() || flow.Connected):
		d.say("what was asked for before the new password, or the link, was met")
		return true
	case !need:
		if why != "" {
			d.say("%s", why)
		}
		return true
	case !facts.CanMail:
		d.say("nothing can be mailed: no code is asked for")
		return true
	case mailboxProven(facts, flow):
		d.say("%s: the mailed code was right", why)
		return true
	}
	if trusted := facts.Device.TrustedAt; facts.Device.Known(facts.Now) && !trusted.IsZero() && facts.Now.Before(trusted.Add(facts.Preset.TrustFor)) {
		d.say("%s, but the person trusts this device", why)
		return true
	}
	d.say("%s: a mailed code is needed", why)
	d.Stage, d.Offer = StageVerify, []Method{MethodEmailCode}
	return false
}

// unusual tells whether the sign-in asks for a mailed code, and why or why not.
func (d *Decision) unusual(facts Facts, flow Flow) (bool, string) {
	if flow.Target != "" {
		return d.unusualForTarget(facts, flow)
	}
	if facts.provenBy(flow, MethodSSO) && !facts.othersVerify() {
		return false, "the company's own sign-in has let the person in"
	}
	high := flow.Verdict == VerdictUnusual
	if _, done := d.second(facts, flow); done && facts.App.ID != "" {
		if !high || facts.Preset.SkipHighRisk {
			return false, ""
		}
		return true, "an unusual sign-in"
	}
	p := facts.policy()
	known := facts.Device.Known(facts.Now)
	switch {
	case p.Verification == VerifyOff:
		return false, ""
	case p.Verification == VerifyAlways:
		return true, "every sign-in is verified by mail"
	case high:
		return true, "an unusual sign-in"
	case facts.spokenFor(flow):
		return false, "the social provider speaks for the person's address"
	case known:
		return false, "a known device"
	case p.Verification == VerifyRisk && flow.Verdict == VerdictOrdinary:
		return false, "nothing unusual"
	}
	return true, "a device not known before"
}

// unusualForTarget asks for a mailed code where every sign-in is verified by mail, and the session came without: as a sign-in would,
// with a second step, or else with the code.
func (d *Decision) unusualForTarget(facts Facts, flow Flow) (bool, string) {
	_, done := d.second(facts, flow)
	switch {
	case facts.policy().Verification != VerifyAlways, facts.App.ID != "" && (done || hasSecond(facts.Session)):
		return false, ""
	case facts.Session.Methods.Has(string(MethodEmailCode)):
		return false, "the session was made with a mailed code"
	}
	return true, "every sign-in is verified by mail"
}

// allowed is what comes after every proof: a new password, the company.
func (d *Decision) allowed(facts Facts, flow Flow) bool {
	switch {
	case flow.Purpose == Reset, flow.newcomer():
		d.Stage = StageNewPassword
		if flow.Purpose == Reset {
			d.SignOut = signOutOf(facts)
		}
		return false
	case flow.Target != "":
		return d.target(facts, flow)
	case flow.Purpose == StepUp:
		return true
	}
	return d.current(facts, flow) && d.company(facts, flow)
}

// signOutOf says whether a reset ends all sessions. Where somebody else may have had the account, nobody is asked.
func signOutOf(facts Facts) ResetSignOut {
	if !facts.LockedAt.IsZero() || facts.User.Unverified {
		return ResetSignOutAlways
	}
	return facts.Preset.ResetSignOut
}

// current asks for a new password where the one that was proven just now is to be replaced.
func (d *Decision) current(facts Facts, flow Flow) bool {
	if !facts.provenBy(flow, MethodPassword) || !flow.Renewed.IsZero() {
		return true
	}
	rules := facts.policy().Passwords
	switch {
	case facts.MustChange:
		*d = d.stop(StageNewPassword, ReasonPasswordChange, "an administrator asks for a new password")
	case rules.MaxAge > 0 && !facts.Now.Before(facts.ChangedAt.Add(rules.MaxAge)):
		*d = d.stop(StageNewPassword, ReasonPasswordExpired, "the password is older than "+span(rules.MaxAge))
	case rules.Recheck && flow.Outdated:
		*d = d.stop(StageNewPassword, ReasonPasswordOutdated, "the password does not meet the rules as they are now")
	default:
		return true
	}
	return false
}

// target enters the company of a switch or an invitation, whose door was found open by provenAgain.
func (d *Decision) target(facts Facts, flow Flow) bool {
	m, _ := in(facts.Memberships, flow.Target)
	d.AccountID = flow.Target
	d.say("%s is entered", m.AccountName)
	return true
}

// cannotEnter says why the company of a switch or an invitation cannot be entered, whatever is proven; empty: it can.
func cannotEnter(facts Facts, flow Flow) Reason {
	m, member := in(facts.Memberships, flow.Target)
	switch {
	case flow.Action == ActionJoin && (facts.Invitation.Email != accountOf(facts.User) || facts.User.Unverified):
		return ReasonInviteOtherUser // also where nobody has proven yet that the address is this person's
	case flow.Action == ActionJoin:
		return facts.Invitation.stands(flow.Letter, facts.Now)
	case !member:
		return ReasonAccountUnknown
	}
	return shut(m)
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

// policy is the strictest over the product and every active membership in a company that has not expired.
func (f Facts) policy() Policy {
	p := f.Preset.Policy
	for _, m := range f.Memberships {
		if m.asks() {
			p = p.Strictest(m.Policy)
		}
	}
	return p
}

// limits sets what the session may be.
func (d *Decision) limits(facts Facts, flow Flow) {
	p := facts.policy()
	d.Kept = flow.Remember && p.Keep != KeepForbid
	if flow.Remember && !d.Kept {
		d.say("the keep box is forbidden")
	}
	d.Idle, d.Cap = p.Idle, p.Cap
	if d.Kept {
		d.Idle, d.Cap = p.KeptIdle, p.KeptCap
	}
	for _, p := range flow.Proofs {
		if p.Method != MethodSSO || p.Ends.IsZero() || p.worthless(facts, flow) != "" {
			continue
		}
		if left := p.Ends.Sub(facts.Now); d.Cap == Uncapped || left < d.Cap {
			d.Cap = left
			d.say("the company's own session ends in %s", span(left))
		}
	}
	if d.Cap == Uncapped {
		d.say("the session ends after %s without activity", span(d.Idle))
		return
	}
	d.say("the session ends after %s without activity, and after %s in any case", span(d.Idle), span(d.Cap))
}

// span is a length of time as a person says it: "30 days", "12 hours", "1h30m0s" where neither fits.
func span(d time.Duration) string {
	d = d.Round(time.Second)
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
