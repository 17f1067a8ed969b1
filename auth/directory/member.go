package directory

import (
	"cmp"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// A Member is a person's place in a company.
type Member struct {
	AccountID string
	UserID    string
	Role      auth.Role
	State     auth.MemberState
}

// MayManage tells whether a member may invite people as role, and suspend and restore those who have it. Super administrators may
// with any role, administrators with plain members only, and nobody else with anybody.
func (m Member) MayManage(role auth.Role) bool {
	if m.State != auth.MemberActive {
		return false
	}
	return m.Role == auth.RoleSuperAdmin || m.Role == auth.RoleAdmin && cmp.Or(role, auth.RoleMember) == auth.RoleMember
}

// Leads tells whether a member is an active super administrator.
func (m Member) Leads() bool { return m.State == auth.MemberActive && m.Role == auth.RoleSuperAdmin }

// A MemberChange is what somebody does to a member. The zero one does nothing.
type MemberChange struct {
	Role    auth.Role // the new one; empty: it stays
	Suspend bool      // shuts the member out
	Restore bool      // takes a suspension back; somebody who is not suspended is left as they stand
}

// Apply answers what a change makes of a member. It is the rule for stores, which do not decide by themselves. by is the member who
// does it, with State MemberSuspended where the person is suspended altogether, and the zero Member where there is no such one; nil
// is the host itself, who may do anything. A nil was is nobody.
//
// Refusals: ReasonForbidden. Nobody changes themselves, only super administrators change roles, and who suspends or restores must
// be able to manage the role. ErrNotFound: there is no such member, which is told only to those who may manage any.
func (c MemberChange) Apply(by, was *Member) (Member, error) {
	if by != nil && (c.Role != "" && !by.Leads() || !by.MayManage(auth.RoleMember)) {
		return Member{}, auth.Refusal(auth.ReasonForbidden)
	}
	if was == nil {
		return Member{}, auth.ErrNotFound
	}
	if by != nil && (by.UserID == was.UserID || !by.MayManage(was.Role)) {
		return Member{}, auth.Refusal(auth.ReasonForbidden)
	}
	next := *was
	next.Role = cmp.Or(c.Role, was.Role)
	switch {
	case c.Suspend:
		next.State = auth.MemberSuspended
	case c.Restore && was.State == auth.MemberSuspended:
		next.State = auth.MemberActive
	}
	return next, nil
}

// MayJoin tells why an invitation, answered as InvitationStore says, is not to be accepted, as an error of type auth.Refusal, or
// nil. It is the rule for stores, which do not decide by themselves. Letter is that of the link. is what the person is in the company
// already; empty: nothing.
func MayJoin(i auth.Invitation, letter int, is auth.MemberState, now time.Time) error {
	company := Account{State: i.As.AccountState, GraceEnds: i.As.GraceEnds}
	var reason auth.Reason
	switch {
	case i.State == auth.InvitationJoined, i.State == auth.InvitationDeclined:
		reason = auth.ReasonInviteUsed
	case i.State != auth.InvitationOpen:
		reason = auth.ReasonInviteRevoked
	case i.Letter != letter:
		reason = auth.ReasonInviteReplaced
	case !now.Before(i.ExpiresAt):
		reason = auth.ReasonInviteExpired
	case is == auth.MemberSuspended:
		reason = auth.ReasonUserSuspended
	case is != "":
		reason = auth.ReasonUserExistsInAccount
	case company.Expired(now):
		reason = auth.ReasonAccountExpired
	default:
		return nil
	}
	return auth.Refusal(reason)
}

// A Person is a member of a company, for a list of its people.
type Person struct {
	User     auth.User // the ID alone, where a host keeps its people elsewhere
	Role     auth.Role
	State    auth.MemberState
	Products []string         // what the person has a seat of, in order; nil: none
	SSO      auth.SSOOverride // what the company's domain asks of this person; empty: what it asks of everybody
}

// People are those who belong to a company, and those who are asked to.
type People struct {
	Members     []Person          // by address and then by ID
	Invitations []auth.Invitation // the open ones, expired or not, by address
}
