package auth

import (
	"fmt"
	"slices"
	"time"
)

// worthless says why a first proof does not count here; empty: it counts.
func (p Proof) worthless(facts Facts, flow Flow) string {
	switch {
	case !p.counts(facts):
		return fmt.Sprintf("the %s was proven before the person's credential changed", p.Method)
	case p.Method == MethodPassword && !facts.passwordCounts(flow):
		return "the password does not count here"
	case p.social() && !facts.socialCounts():
		return "a social account does not count here"
	case p.Method == MethodSSO && (!facts.Domain.companySignIn() || p.Via != facts.Domain.Connection):
		return "the company's sign-in is another one by now"
	case p.Method == MethodSSO && !p.Ends.IsZero() && !facts.Now.Before(p.Ends):
		return "the company's own session is over"
	case p.Method == MethodSSO && !facts.LockedAt.IsZero() && facts.ssoOnly() && !p.freshAfter(facts.LockedAt):
		return "the company's sign-in was not demanded anew after the account was locked"
	case p.Method == MethodSSO && flow.Purpose == StepUp && !p.freshAfter(flow.MadeAt.Add(-ssoSkew)):
		return "the company's sign-in was not demanded anew"
	}
	return ""
}

// ssoSkew is how far the clock of a company's provider may be from ours.
const ssoSkew = 2 * time.Minute

// freshAfter tells whether the person proved anew who they are at their company, after an instant.
func (p Proof) freshAfter(t time.Time) bool { return p.Fresh && !p.AuthTime.Before(t) }

// companySignIn tells whether the domain has its company's own sign-in, and people may or must use it.
func (r DomainRule) companySignIn() bool { return r.SSO != SSOOff && r.Connection != "" }

// ssoOnly tells whether the user has to use the company's own sign-in: their domain says so of everybody, or the company that owns it
// of this one. What only the person decides is known once the person is.
func (f Facts) ssoOnly() bool {
	m, _ := in(f.Memberships, f.Domain.AccountID)
	switch f.Domain.SSO {
	case SSOEnforced:
		return !f.exempt()
	case SSOOptional:
		return m.SSO == SSORequired
	}
	return false
}

// exempt tells whether the user keeps their password where the domain enforces the company's own sign-in: those whom the company has
// named, and only as long as they have an authenticator app.
func (f Facts) exempt() bool {
	m, ok := in(f.Memberships, f.Domain.AccountID)
	return ok && m.State == MemberActive && m.SSO == SSOExempt && f.App.ID != ""
}

// passwordCounts tells whether a password is a first proof in this flow. Where the company's own sign-in is the only way it is for those
// who are exempt and have asked for it; and for whoever has to show whose account a company's answer is about, which alone leads nowhere.
func (f Facts) passwordCounts(flow Flow) bool {
	if flow.pendsCompany(f.Now) {
		return true
	}
	if f.Domain.SSO == SSOEnforced {
		return (flow.Way == WayPassword || flow.Purpose == StepUp) && f.exempt()
	}
	return !f.ssoOnly()
}

// breakGlass tells whether the flow goes round the company's own sign-in, which only those can who are exempt.
func (f Facts) breakGlass(flow Flow) bool {
	if f.Domain.SSO != SSOEnforced || flow.Purpose != SignIn || f.provenBy(flow, MethodSSO) {
		return false
	}
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool { return p.Method == MethodPassword && p.counts(f) })
}

// provenBy tells whether a first proof of this kind counts in the flow.
func (f Facts) provenBy(flow Flow, by Method) bool {
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool { return p.Method == by && p.worthless(f, flow) == "" })
}

// asserted tells whether a company's own sign-in asserts a second step: in this flow, or in the session that a StepUp is for. It does so
// for that company only.
func (f Facts) asserted(flow Flow, accountID string) bool {
	if accountID == "" || accountID != f.Domain.AccountID || !f.Domain.companySignIn() {
		return false
	}
	if f.Session.Via == f.Domain.Connection && f.Session.Methods.Has(sessionMultiFactor) {
		return true
	}
	return slices.ContainsFunc(flow.Proofs, func(p Proof) bool {
		return p.Method == MethodSSO && p.MultiFactor && p.worthless(f, flow) == ""
	})
}

// linked asks whether an answer that waits is to be this person's from now on. Whoever says no goes on without it.
func (d *Decision) linked(facts Facts, flow Flow) bool {
	switch {
	case flow.Action == ActionConnect:
		return d.connected(facts, flow)
	case flow.pendsSocial(facts.Now) && !facts.socialCounts():
		d.say("the social account that waits counts for nothing here")
		return true
	case !flow.pends(facts.Now):
		return true
	case flow.Pending.Provider != "":
		d.say("the %s account that waits is to be linked", flow.Pending.Provider)
	default:
		d.say("the company's answer is to be linked")
	}
	if !d.current(facts, flow) { // whoever has nothing but a password that is to be replaced links nothing by it
		return false
	}
	d.Stage = StageLink
	return false
}

// ownCompanyOnly tells whether no company has a say in this sign-in but the one that owns the domain. What that company's sign-in asserts
// counts for nobody else.
func (f Facts) ownCompanyOnly() bool {
	return !slices.ContainsFunc(f.Memberships, func(m Membership) bool { return m.asks() && m.AccountID != f.Domain.AccountID })
}

// othersVerify tells whether the product, or another company than the one that owns the domain, has every sign-in verified by mail.
func (f Facts) othersVerify() bool {
	if f.Preset.Policy.Verification == VerifyAlways {
		return true
	}
	return slices.ContainsFunc(f.Memberships, func(m Membership) bool {
		return m.asks() && m.AccountID != f.Domain.AccountID && m.Policy.Verification == VerifyAlways
	})
}
