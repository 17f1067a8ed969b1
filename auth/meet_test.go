package auth_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
)

// TestMeetEnumerated tries every combination that Meet knows, and holds each against architecture §6.8 written a second time: what must
// be true of the answer.
func TestMeetEnumerated(t *testing.T) {
	owner := auth.DomainRule{Domain: "acme.example", AccountID: "acme", SSO: auth.SSOEnforced, Connection: "con"}
	with := func(change func(*auth.DomainRule)) auth.DomainRule { d := owner; change(&d); return d }
	domains := map[string]auth.DomainRule{
		"enforced": owner, "optional": with(func(d *auth.DomainRule) { d.SSO = auth.SSOOptional }),
		"off":     with(func(d *auth.DomainRule) { d.SSO = auth.SSOOff }),
		"foreign": with(func(d *auth.DomainRule) { d.Connection = "other" }), "none": with(func(d *auth.DomainRule) { d.Connection = "" }),
		"another company's": with(func(d *auth.DomainRule) { d.AccountID = "umbra" }), "unproved": {},
	}
	heres := []place{nil}
	for _, state := range []auth.MemberState{auth.MemberActive, auth.MemberSuspended} {
		for _, role := range []auth.Role{auth.RoleMember, auth.RoleAdmin, auth.RoleSuperAdmin} {
			for _, o := range []auth.SSOOverride{auth.SSOInherit, auth.SSOExempt, auth.SSORequired} {
				heres = append(heres, &auth.Membership{AccountID: "acme", State: state, Role: role, SSO: o})
			}
		}
	}
	elsewhere := []place{nil, {AccountID: "umbra", State: auth.MemberActive, Role: auth.RoleSuperAdmin}, {AccountID: "umbra", State: auth.MemberActive, SSO: auth.SSOExempt}}
	n := 0
	for name, domain := range domains {
		for _, linked := range []string{"", "u1", "u2", "gone"} {
			for _, named := range []string{"", "u1"} {
				for _, change := range []func(*auth.User){nil, func(u *auth.User) { u.Unverified = true }, func(u *auth.User) { u.Suspended = true }} {
					for _, other := range []bool{false, true} {
						for _, here := range heres {
							for _, there := range elsewhere {
								for _, invited := range []bool{false, true} {
									for _, jit := range []bool{false, true} {
										for _, can := range []bool{false, true} {
											g := auth.Meeting{
												Arrival: auth.Arrival{Connection: "con", AccountID: "acme", Subject: "s", Email: "ann@acme.example", JustInTime: jit, Role: auth.RoleSuperAdmin},
												Domain:  domain, Linked: linked != "", Named: named != "", Other: other && named != "", CanAdd: can,
												Members: members(here, there),
											}
											if named != "" {
												g.NamedUser = auth.User{ID: named, Email: "ann@acme.example"}
												if change != nil {
													change(&g.NamedUser)
												}
											}
											if linked == "u1" || linked == "u2" {
												g.LinkedUser = auth.User{ID: linked, Email: map[string]string{"u1": "ann@acme.example", "u2": "bob@acme.example"}[linked]}
											}
											if invited {
												g.Invitation = auth.Invitation{ID: "inv", As: auth.Membership{AccountID: "acme", Role: auth.RoleAdmin}}
											}
											n++
											if why := wrongWelcome(g, name == "enforced" || name == "optional"); why != "" {
												t.Fatalf("%s\nmeeting %+v\nanswer %+v", why, g, auth.Meet(g))
											}
										}
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
	if n < 50_000 {
		t.Errorf("tried %d combinations, want all of them", n)
	}
}

// wrongWelcome says what the answer breaks; empty: nothing.
func wrongWelcome(g auth.Meeting, speaks bool) string {
	w := auth.Meet(g)
	u := g.NamedUser
	member, protected := false, false
	for _, m := range g.Members {
		member = member || m.AccountID == "acme"
		protected = protected || m.AccountID == "acme" && m.SSO == auth.SSOExempt || m.Role == auth.RoleSuperAdmin && m.State == auth.MemberActive
	}
	acts := w.Reason == "" && w.Act != auth.Recognize
	switch {
	case w.Reason == "" && w.Act == "", w.Reason != "" && w.Act != "":
		return "an answer is a reason or an act"
	case !speaks && w.Reason != auth.ReasonSSODomainMismatch:
		return "A-062 the connection speaks for an address that is not its company's"
	case acts && g.Linked:
		return "somebody who was bound before is bound again"
	case w.Act == auth.Recognize && (!g.Linked || w.User != g.LinkedUser || w.User.ID == "" || w.User.Email != g.Arrival.Email):
		return "A-065 somebody is recognized who was not bound with this subject and address"
	case acts && w.Act != auth.Create && (!g.Named || w.User != u):
		return "somebody is bound whom the address does not name"
	case acts && g.Named && g.Other:
		return "invariant 8 a person gets a second subject at a connection"
	case (w.Act == auth.Bind || w.Act == auth.TakeOver) && protected:
		return "invariant 8 an exempt person or a super administrator is handed over"
	case w.Act == auth.Bind && u.Unverified:
		return "A-115 an unverified account is bound with what was set up on it"
	case acts && u.Suspended:
		return "a suspended person is changed"
	case w.Act == auth.Create && (g.Named || !g.CanAdd || !(g.Arrival.JustInTime || g.Invitation.ID != "")):
		return "R28 somebody is added whom nobody has asked for"
	case w.Add != "" && (!g.Arrival.JustInTime || member || w.Add != auth.RoleMember || g.Linked):
		return "A-067 somebody is made a member, or more than that"
	case w.Invitation.ID != "" && (member || w.Add != "" || w.Reason != ""):
		return "an invitation is accepted for a member"
	case w.Act == auth.Ask && (w.Add != "" || w.Invitation.ID != ""):
		return "somebody joins who has not proven anything here"
	}
	// And what must go on.
	if !speaks || g.Linked {
		return ""
	}
	switch {
	case g.Named && !g.Other && !u.Suspended && !protected && w.Act != auth.Bind && w.Act != auth.TakeOver:
		return "R28 the owner of an address in a proved domain is not bound"
	case !g.Named && g.CanAdd && g.Invitation.ID != "" && (w.Act != auth.Create || w.Invitation.ID == "" && !member):
		return "R43 somebody who is invited is not added"
	case !g.Named && !g.Arrival.JustInTime && g.Invitation.ID == "" && w.Reason != auth.ReasonSSOUserUnknown:
		return "R28 somebody unknown is not told so"
	}
	return ""
}
