package auth

import "slices"

// provesAddress tells whether a social account waits whose address is a mere claim of its provider's. Until a mailed code has reached it,
// the flow stands at that, and says the same of every address.
func (f Flow) provesAddress(facts Facts) bool {
	return facts.CanMail && f.Purpose == SignIn && f.Address == "" && f.pendsSocial(facts.Now) && f.Pending.Email != "" && !f.Pending.Speaks && !f.Pending.Proven
}

// addressFirst asks for the code that was mailed to the address of a social account.
func (d *Decision) addressFirst(f Flow) {
	d.say("%s does not speak for the address of its account: a mailed code is needed", f.Pending.Provider)
	d.Stage, d.Offer = StageVerify, []Method{MethodEmailCode}
}

// identify asks who it is.
func (d *Decision) identify(facts Facts, f Flow) {
	d.Stage, d.Social = StageIdentify, f.Purpose == SignIn
	if f.pendsSocial(facts.Now) {
		d.Reason = f.Told
	}
}

// socialCounts tells whether accounts at social providers open anything for the user, or may be linked: not where the company's own
// sign-in is the only way, for nobody.
func (f Facts) socialCounts() bool { return f.Domain.SSO != SSOEnforced && !f.ssoOnly() }

// spokenFor tells whether the user came by a social account whose provider speaks for their address, so that a code mailed there would
// prove nothing new.
func (f Facts) spokenFor(flow Flow) bool {
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool { return p.social() && p.Speaks && p.worthless(f, flow) == "" })
}

// named gives a code that was right before anybody was named to whoever has the address that it went to, now that they are proven: it counts
// from then on as what they prove does, and ends with it.
func (f *Flow) named(facts Facts) {
	f.Proofs = slices.Clone(f.Proofs)
	for i, p := range f.Proofs {
		if p.Address != "" && p.Version == 0 && p.Address == accountOf(facts.User) {
			f.Proofs[i].Version = facts.Credential
		}
	}
}

// socialDoors offers the social accounts that the session of a StepUp came by, to somebody who has nothing else. It tells whether there is
// one. Where nothing can be mailed there is none: see socialAgain. Whoever must use their company's own sign-in is offered that instead.
func (d *Decision) socialDoors(facts Facts) bool {
	if !facts.CanMail {
		return false
	}
	for name := range facts.Session.Methods.All() {
		if _, ok := Method(name).Social(); ok {
			d.Offer = append(d.Offer, Method(name))
		}
	}
	d.Fresh = len(d.Offer) > 0
	return d.Fresh
}

// socialAgain asks for a mailed code where a StepUp was proven by a social account that was not demanded anew: most providers cannot be
// made to, and send whoever is signed in there back at once.
func (d *Decision) socialAgain(facts Facts, flow Flow) bool {
	if !undated(facts, flow) || mailboxProven(facts, flow) {
		return true
	}
	d.say("the social account was not demanded anew: a mailed code is needed besides")
	d.Stage, d.Offer = StageVerify, []Method{MethodEmailCode}
	return false
}

// undated tells whether everything that proves the user in a StepUp is a social account that was not demanded anew.
func undated(facts Facts, flow Flow) bool {
	undated := false
	for _, p := range flow.Proofs {
		switch {
		case !p.first() || p.worthless(facts, flow) != "":
		case !p.social() || p.freshAfter(flow.MadeAt.Add(-ssoSkew)):
			return false
		default:
			undated = true
		}
	}
	return undated
}

// connected leads whoever connects a social account to its provider.
func (d *Decision) connected(facts Facts, flow Flow) bool {
	switch {
	case flow.Connected:
		d.say("the %s account is connected", flow.Provider)
		return true
	case !facts.socialCounts():
		*d = d.stop(StageRefused, ReasonSSORequired, facts.Domain.Domain+" asks for the company's own sign-in")
		return false
	}
	d.say("a %s account is to be connected", flow.Provider)
	d.Stage, d.Offer = StageLink, []Method{SocialMethod(flow.Provider)}
	return false
}
