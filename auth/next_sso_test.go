package auth_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// ssoCase is one sign-in at a domain with a company's own sign-in.
type ssoCase struct {
	mode     auth.SSOMode
	conn     string
	way      auth.Way
	override auth.SSOOverride
	app      bool
	locked   bool
	spared   bool
	requires string        // who requires two-step: "", "product", "owner", "other"
	alone    bool          // the person is in no other company
	pending  time.Duration // age of a pending answer; negative: none
	proofs   []auth.Proof
}

func (c ssoCase) facts() auth.Facts {
	const now = currentVersion
	f := auth.Facts{
		Now: start, Preset: auth.Recommended(), CanMail: true, Found: true, User: auth.User{ID: "u", Email: "ann@acme.example"}, Password: true, Credential: now,
		Domain: auth.DomainRule{Domain: "acme.example", AccountID: "a", SSO: c.mode, Connection: c.conn},
		Memberships: []auth.Membership{
			{AccountID: "a", AccountName: "A", State: auth.MemberActive, SSO: c.override, Policy: auth.Policy{DeviceTrust: auth.TrustAllowed}},
			{AccountID: "b", AccountName: "B", State: auth.MemberActive, SSO: auth.SSOExempt, Policy: auth.Policy{DeviceTrust: auth.TrustAllowed}}, // which must not count
		},
	}
	if c.alone {
		f.Memberships = f.Memberships[:1]
	}
	f.Preset.Policy.Verification, f.Preset.Policy.DeviceTrust = auth.VerifyOff, auth.TrustAllowed
	switch c.requires {
	case "product":
		f.Preset.Policy.TwoStep = auth.TwoStepRequired
	case "owner":
		f.Memberships[0].Policy.TwoStep = auth.TwoStepRequired
	case "other":
		if c.alone {
			break
		}
		f.Memberships[1].Policy.TwoStep = auth.TwoStepRequired
	}
	if c.app {
		f.App = mfa.TOTPStatus{ID: "x"}
	}
	if c.locked {
		f.LockedAt = start.Add(-time.Hour)
	}
	if c.spared {
		f.Device = session.Device{ID: "d", KnownUntil: start.Add(time.Hour), TwoStepUntil: start.Add(time.Hour)}
	}
	return f
}

func (c ssoCase) flow() auth.Flow {
	f := auth.Flow{Purpose: auth.SignIn, Address: "ann@acme.example", Email: "ann@acme.example", UserID: "u", AccountID: "a", Way: c.way, Proofs: c.proofs, MadeAt: start}
	if c.pending >= 0 {
		f.Pending = auth.Arrival{Connection: c.conn, AccountID: "a", Subject: "s", Email: f.Email, At: start.Add(-c.pending)}
	}
	return f
}

// wrong says what the answer breaks, by the rules written from the other end; empty: nothing.
func (c ssoCase) wrong(d auth.Decision) string {
	own := c.mode != auth.SSOOff && c.conn != ""
	exempt := c.override == auth.SSOExempt && c.app
	only := c.mode == auth.SSOEnforced && !exempt || c.mode == auth.SSOOptional && c.override == auth.SSORequired
	pends := c.pending >= 0 && c.pending < 10*time.Minute
	var password, company, asserted, second, ended bool
	for _, p := range c.proofs {
		current := p.Version == currentVersion
		unlocked := !c.locked || !only || p.Fresh && !p.AuthTime.Before(start.Add(-time.Hour))
		switch p.Method {
		case auth.MethodPassword:
			password = password || current && (pends || !only && (c.mode != auth.SSOEnforced || c.way == auth.WayPassword))
		case auth.MethodSSO:
			over := !p.Ends.IsZero() && !p.Ends.After(start)
			ended = ended || over
			counts := current && own && p.Via == c.conn && !over && unlocked
			company, asserted = company || counts, asserted || counts && p.MultiFactor
		case auth.MethodTOTP:
			second = second || current
		}
	}
	around := pends || password && c.mode == auth.SSOEnforced && !company
	opened := (password || company) && !(c.locked && !(only && company))
	needs := c.requires == "product" || c.requires == "other" && !c.alone || c.requires == "owner" && !asserted
	met := second || c.app && c.spared && !around || !needs && (!c.app || asserted && c.alone)
	if met && needs && !c.app {
		met = second && c.app
	}
	ready := d.Stage == auth.StageReady
	switch {
	case ready && !opened:
		return "invariant 1 a session without a first proof that counts"
	case ready && pends:
		return "invariant 8 a session while a company's answer waits to be linked"
	case ready && !met:
		return "invariant 1 a session without the second step that is required"
	case !ready && opened && met && !pends:
		return "nothing is missing, and it is not ready"
	case d.Stage == auth.StageLink && !(opened && met && pends):
		return "a link is offered before everything else is met"
	case opened && met && pends && d.Stage != auth.StageLink:
		return "everything is met, and the link is not offered"
	case slices.Contains(d.Offer, auth.MethodSSO) != (d.Connection != ""):
		return "the company's sign-in is offered without saying which, or the other way round"
	case d.Stage == auth.StageAuthenticate && only && !pends && slices.Contains(d.Offer, auth.MethodPassword):
		return "R27 a password is offered to somebody who must use the company's sign-in"
	case d.Stage == auth.StageAuthenticate && c.locked && own && only && !pends && !d.Fresh:
		return "a locked account is not demanded anew"
	case around && d.Stage == auth.StageVerify && (d.TrustBox || d.NewPhone):
		return "invariant 9 the way round offers to spare the second step"
	}
	if ready && c.requires == "" && len(c.proofs) > 0 {
		for _, p := range c.proofs {
			if p.Method == auth.MethodSSO && company && !p.Ends.IsZero() && p.Ends.After(start) && d.Cap > p.Ends.Sub(start) && p.Via == c.conn && p.Version == currentVersion {
				return "A-045 the session outlives that of the company"
			}
		}
	}
	_ = ended
	return ""
}

// TestNextCompanyEnumerated tries every combination of a company's own sign-in that Next knows.
func TestNextCompanyEnumerated(t *testing.T) {
	skipShort(t)
	const now = currentVersion
	pw := auth.Proof{Method: auth.MethodPassword, Version: now, At: start}
	totp := auth.Proof{Method: auth.MethodTOTP, Version: now, At: start}
	sso := func(change func(*auth.Proof)) auth.Proof {
		p := auth.Proof{Method: auth.MethodSSO, Version: now, At: start, Via: "con"}
		if change != nil {
			change(&p)
		}
		return p
	}
	firsts := [][]auth.Proof{
		nil, {pw}, {{Method: auth.MethodPassword, Version: now - 1}}, {sso(nil)}, {sso(func(p *auth.Proof) { p.Version = now - 1 })},
		{sso(func(p *auth.Proof) { p.Via = "old" })}, {sso(func(p *auth.Proof) { p.MultiFactor = true })},
		{sso(func(p *auth.Proof) { p.MultiFactor, p.Version = true, now-1 })},
		{sso(func(p *auth.Proof) { p.Ends = start })}, {sso(func(p *auth.Proof) { p.Ends, p.MultiFactor = start.Add(time.Minute), true })},
		{sso(func(p *auth.Proof) { p.Fresh, p.AuthTime = true, start })},
		{sso(func(p *auth.Proof) { p.AuthTime = start })},
		{sso(func(p *auth.Proof) { p.Fresh, p.AuthTime = true, start.Add(-2*time.Hour) })},
		{pw, sso(nil)}, {pw, sso(func(p *auth.Proof) { p.MultiFactor = true })},
	}
	n := 0
	for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
		for _, conn := range []string{"", "con"} {
			for _, way := range []auth.Way{auth.WayAny, auth.WayPassword, auth.WayCompany} {
				for _, override := range []auth.SSOOverride{auth.SSOInherit, auth.SSOExempt, auth.SSORequired} {
					for _, requires := range []string{"", "product", "owner", "other"} {
						for _, pending := range []time.Duration{-1, 0, 10 * time.Minute} {
							for bits := range 32 {
								for _, first := range firsts {
									c := ssoCase{
										mode: mode, conn: conn, way: way, override: override, requires: requires, pending: pending, proofs: first,
										app: bits&1 > 0, locked: bits&2 > 0, spared: bits&4 > 0, alone: bits&16 > 0,
									}
									if bits&8 > 0 {
										c.proofs = append(slices.Clone(first), totp)
									}
									d := auth.Next(c.facts(), c.flow())
									n++
									if why := c.wrong(d); why != "" {
										t.Fatalf("%s\ncase %+v\nanswer %+v", why, c, d)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
	if n < 100_000 {
		t.Errorf("tried %d combinations, want all of them", n)
	}
}

// Invariant 3: until somebody is proven the answer depends on the domain's rule and on what was asked for, and on nobody.
func TestNextCompanyTellsStrangersNothing(t *testing.T) {
	for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
		for _, way := range []auth.Way{auth.WayAny, auth.WayPassword, auth.WayCompany} {
			var first auth.Decision
			for i := range 3 * 16 {
				c := ssoCase{
					mode: mode, conn: "con", way: way, pending: -1, app: i&1 > 0, locked: i&2 > 0, spared: i&4 > 0,
					override: []auth.SSOOverride{auth.SSOInherit, auth.SSOExempt, auth.SSORequired}[i/16],
				}
				f := c.flow()
				f.UserID = ""
				facts := c.facts()
				if i&8 > 0 {
					facts = auth.Facts{Now: facts.Now, Preset: facts.Preset, CanMail: true, Domain: facts.Domain}
				} else { // as the facts of a flow that names nobody are
					facts.Found, facts.User, facts.Memberships, facts.App, facts.LockedAt = false, auth.User{}, nil, mfa.TOTPStatus{}, time.Time{}
				}
				d := auth.Next(facts, f)
				if i == 0 {
					first = d
				}
				if !reflect.DeepEqual(d, first) {
					t.Errorf("mode %q way %q: %+v, want as for everybody %+v", mode, way, d, first)
				}
			}
		}
	}
}
