package auth_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// place is where a person stands in one company; nil: nowhere.
type place = *auth.Membership

// places are all the ways to stand in a company that Next knows.
func places(id string) []place {
	all := []place{nil}
	for _, state := range []auth.MemberState{auth.MemberActive, auth.MemberInvited, auth.MemberSuspended} {
		for _, standing := range []auth.AccountState{auth.AccountActive, auth.AccountLapsed, auth.AccountExpired} {
			for _, role := range []auth.Role{auth.RoleMember, auth.RoleAdmin, auth.RoleSuperAdmin} {
				all = append(all, &auth.Membership{AccountID: id, AccountName: "Company " + id, State: state, AccountState: standing, Role: role})
			}
		}
	}
	return all
}

type nextCase struct {
	address  string
	domain   auth.DomainRule
	user     string // the flow's
	proofs   []auth.Proof
	found    bool
	suspend  bool
	version  int64
	members  []auth.Membership
	wanted   string // flow.AccountID
	returnTo string
	needs    bool
}

func (c nextCase) decide() auth.Decision {
	preset := auth.Recommended()
	preset.NeedsCompany = c.needs
	return auth.Next(auth.Facts{
		Now: start, Preset: preset, Domain: c.domain, Found: c.found, User: auth.User{ID: c.user, Suspended: c.suspend},
		Memberships: c.members, Credential: c.version,
	}, auth.Flow{Address: c.address, UserID: c.user, Proofs: c.proofs, AccountID: c.wanted, ReturnTo: c.returnTo})
}

// TestNextEnumerated tries every combination that Next knows, and holds each against the rules as architecture §2 states them,
// written here a second time and from the other end: not what to do next, but what must be true of the answer.
func TestNextEnumerated(t *testing.T) {
	skipShort(t)
	const current = 7
	proofs := map[string][]auth.Proof{
		"none":         nil,
		"password":     {{Method: auth.MethodPassword, Version: current}},
		"old password": {{Method: auth.MethodPassword, Version: current - 1}},
		"old and new":  {{Method: auth.MethodPassword, Version: current - 1}, {Method: auth.MethodPassword, Version: current}},
		"unknown":      {{Method: "carrier_pigeon", Version: current}},
		"no version":   {{Method: auth.MethodPassword}},
	}
	n := 0
	for _, address := range []string{"", "ann@acme.example"} {
		for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
			for name, proof := range proofs {
				for _, person := range []struct {
					user    string
					found   bool
					suspend bool
					version int64
				}{{"", false, false, 0}, {"u1", false, false, 0}, {"u1", true, false, current}, {"u1", true, true, current}, {"u1", true, false, 0}} {
					for _, a := range places("a") {
						for _, b := range places("b") {
							for _, wanted := range []string{"", "a", "b", "stranger"} {
								for _, needs := range []bool{false, true} {
									c := nextCase{
										address: address, domain: auth.DomainRule{Domain: "acme.example", AccountID: "a", SSO: mode},
										user: person.user, proofs: proof, found: person.found, suspend: person.suspend, version: person.version,
										members: members(a, b), wanted: wanted, needs: needs,
									}
									n++
									if why := wrongAnswer(c, name); why != "" {
										t.Fatalf("%s\ncase %+v\nanswer %+v", why, c, c.decide())
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
	if n < 1_000_000 {
		t.Errorf("tried %d combinations, want all of them (more than a million)", n)
	}
}

func members(all ...place) []auth.Membership {
	var out []auth.Membership
	for _, m := range all {
		if m != nil {
			out = append(out, *m)
		}
	}
	return out
}

// wrongAnswer says what the answer breaks; empty: nothing.
func wrongAnswer(c nextCase, proof string) string {
	d := c.decide()
	proven := c.address != "" && c.user != "" && c.domain.SSO != auth.SSOEnforced && c.version != 0 &&
		(proof == "password" || proof == "old and new")
	var usable []string
	expired, shutOut, belongs := false, false, false
	for _, m := range c.members {
		switch {
		case m.State == auth.MemberActive && (m.AccountState != auth.AccountExpired || m.Role == auth.RoleSuperAdmin):
			usable = append(usable, m.AccountID)
		case m.State == auth.MemberActive:
			expired = true
		case m.State == auth.MemberSuspended:
			shutOut = true
		}
		belongs = belongs || m.State != auth.MemberInvited && m.AccountID == c.wanted
	}
	wantedShut := belongs && !slices.Contains(usable, c.wanted)

	want := auth.Decision{}
	switch {
	case c.address == "":
		want.Stage = auth.StageIdentify
	case !proven && c.domain.SSO == auth.SSOEnforced:
		want.Stage, want.Reason = auth.StageAuthenticate, auth.ReasonSSORequired
	case !proven:
		want.Stage, want.Offer = auth.StageAuthenticate, []auth.Method{auth.MethodPassword}
	case !c.found:
		want.Stage, want.Reason = auth.StageRefused, auth.ReasonInvalidCredentials
	case c.suspend:
		want.Stage, want.Reason = auth.StageRefused, auth.ReasonUserSuspended
	case slices.Contains(usable, c.wanted):
		want.Stage, want.AccountID = auth.StageReady, c.wanted
	case len(usable) > 1, len(usable) == 1 && wantedShut:
		want.Stage = auth.StageAccount
	case len(usable) == 1:
		want.Stage, want.AccountID = auth.StageReady, usable[0]
	case expired:
		want.Stage, want.Reason = auth.StagePolicy, auth.ReasonAccountExpired
	case shutOut:
		want.Stage, want.Reason = auth.StagePolicy, auth.ReasonUserSuspended
	case c.needs:
		want.Stage, want.Reason = auth.StagePolicy, auth.ReasonNoCompany
	default:
		want.Stage = auth.StageReady
	}
	switch {
	case d.Stage != want.Stage || d.AccountID != want.AccountID || !slices.Equal(d.Offer, want.Offer):
		return fmt.Sprintf("got stage %q account %q offer %v, want %q %q %v", d.Stage, d.AccountID, d.Offer, want.Stage, want.AccountID, want.Offer)
	case want.Stage != auth.StageAccount && d.Reason != want.Reason:
		return fmt.Sprintf("got reason %q, want %q", d.Reason, want.Reason)
	case want.Stage == auth.StageAccount && (d.Reason != "") != wantedShut:
		return fmt.Sprintf("got reason %q at the choice of a company, asked for by name and shut: %v", d.Reason, wantedShut)
	case d.Stage == auth.StageReady && (d.Idle <= 0 || d.Cap <= 0):
		return "ready without limits for the session"
	case d.Stage != auth.StageIdentify && !(d.Stage == auth.StageAuthenticate && len(c.proofs) == 0 && c.domain.SSO != auth.SSOEnforced) &&
		proof != "unknown" && c.user != "" && len(d.Trace) == 0:
		return "decided without a trace"
	}
	if d.Stage == auth.StageAccount {
		var offered []string
		for _, a := range d.Accounts {
			offered = append(offered, a.ID)
		}
		if !slices.Equal(offered, usable) {
			return fmt.Sprintf("offers the companies %v, want %v", offered, usable)
		}
	}
	return ""
}

// Invariant 3: before a proof, Next sees the domain and nothing of the person.
func TestNextBeforeProof(t *testing.T) {
	for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
		c := nextCase{address: "ann@acme.example", domain: auth.DomainRule{Domain: "acme.example", SSO: mode}}
		want := c.decide()
		for _, a := range places("a") {
			c.found, c.suspend, c.version, c.members = true, true, 3, members(a)
			if got := c.decide(); !reflect.DeepEqual(got, want) {
				t.Fatalf("invariant 3: with a person known, Next = %+v, want %+v as without", got, want)
			}
		}
	}
}

// The strictest over the product and every active membership in a company that has not expired.
func TestNextLimits(t *testing.T) {
	strict := auth.Policy{Idle: time.Hour, Cap: 2 * time.Hour, KeptIdle: 24 * time.Hour, KeptCap: 48 * time.Hour}
	rec := auth.Recommended().Policy
	for _, tt := range []struct {
		name      string
		member    auth.Membership
		remember  bool
		policy    auth.Policy
		kept      bool
		idle, cap time.Duration
	}{
		{"R18 product only", auth.Membership{}, false, auth.Policy{}, false, rec.Idle, rec.Cap},
		{"R17 product only, kept", auth.Membership{}, true, auth.Policy{}, true, rec.KeptIdle, rec.KeptCap},
		{"strict company", auth.Membership{State: auth.MemberActive}, false, strict, false, time.Hour, 2 * time.Hour},
		{"strict company, kept", auth.Membership{State: auth.MemberActive}, true, strict, true, 24 * time.Hour, 48 * time.Hour},
		{"lapsed company counts", auth.Membership{State: auth.MemberActive, AccountState: auth.AccountLapsed}, false, strict, false, time.Hour, 2 * time.Hour},
		{"expired company does not", auth.Membership{State: auth.MemberActive, AccountState: auth.AccountExpired, Role: auth.RoleSuperAdmin}, false, strict, false, rec.Idle, rec.Cap},
		{"laxer company cannot loosen", auth.Membership{State: auth.MemberActive}, false, auth.Policy{Idle: 1000 * time.Hour, Cap: 1000 * time.Hour}, false, rec.Idle, rec.Cap},
		{"R16 forbidden box is dropped", auth.Membership{State: auth.MemberActive}, true, auth.Policy{Keep: auth.KeepForbid}, false, rec.Idle, rec.Cap},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var memberships []auth.Membership
			if tt.member.State != "" {
				tt.member.AccountID, tt.member.Policy = "a", tt.policy
				memberships = append(memberships, tt.member)
			}
			d := auth.Next(
				auth.Facts{Now: start, Preset: auth.Recommended(), Found: true, User: auth.User{ID: "u"}, Memberships: memberships, Credential: 1},
				auth.Flow{Address: "u@acme.example", UserID: "u", Remember: tt.remember, Proofs: []auth.Proof{{Method: auth.MethodPassword, Version: 1}}},
			)
			if d.Stage != auth.StageReady || d.Kept != tt.kept || d.Idle != tt.idle || d.Cap != tt.cap {
				t.Errorf("Next = %s kept %v idle %v cap %v, want ready kept %v idle %v cap %v", d.Stage, d.Kept, d.Idle, d.Cap, tt.kept, tt.idle, tt.cap)
			}
		})
	}
}

// A return address may name the company to enter, so that nobody is asked what the link has said.
func TestNextAccountNamedByReturnTo(t *testing.T) {
	two := []auth.Membership{
		{AccountID: "acme", AccountName: "Acme", State: auth.MemberActive, AccountState: auth.AccountActive},
		{AccountID: "umbra", AccountName: "Umbra", State: auth.MemberActive, AccountState: auth.AccountActive},
	}
	c := nextCase{
		address: "two@acme.example", user: "u", found: true, version: 1, members: two, returnTo: "/reports?account=umbra",
		proofs: []auth.Proof{{Method: auth.MethodPassword, Version: 1}},
	}
	if d := c.decide(); d.Stage != auth.StageReady || d.AccountID != "umbra" {
		t.Errorf("return_to names umbra: Next = %s, account %q, want ready, umbra", d.Stage, d.AccountID)
	}
	c.wanted = "acme"
	if d := c.decide(); d.AccountID != "acme" {
		t.Errorf("the person chose acme: account %q, want acme", d.AccountID)
	}
	c.wanted, c.members[1].State = "", auth.MemberSuspended
	if d := c.decide(); d.Stage != auth.StageAccount || d.Reason != auth.ReasonUserSuspended || len(d.Accounts) != 1 {
		t.Errorf("return_to names a company that shut the person out: Next = %s, %q, %v, want account, user_suspended, one choice", d.Stage, d.Reason, d.Accounts)
	}
}
