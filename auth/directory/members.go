package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// maxAdministrators is how many administrators of a company are told.
const maxAdministrators = 20

// SetMember adds a person to a company, or changes the role and state of one who is in it, for seeding and for a host's own
// decisions: it asks nobody's right. An empty role is a member's, an empty state active. Somebody who is suspended loses their seats.
// ErrNotFound: no such company. Refusal: ReasonLastSuperAdmin.
func (d *Directory) SetMember(ctx context.Context, m Member) error {
	m.Role, m.State = cmp.Or(m.Role, auth.RoleMember), cmp.Or(m.State, auth.MemberActive)
	return d.store.SetMember(ctx, m)
}

// ChangeRole gives a member another role; an empty one is a member's. By is the active super administrator who does it, and never the
// member; empty: the host itself. What the member has open counts with the new role from its next request on.
// ErrNotFound: no such company or member. Refusals: ReasonForbidden, ReasonLastSuperAdmin.
func (d *Directory) ChangeRole(ctx context.Context, by, accountID, userID string, role auth.Role) error {
	return d.store.ChangeMember(ctx, by, accountID, userID, MemberChange{Role: cmp.Or(role, auth.RoleMember)})
}

// SuspendMember shuts a member out of one company and frees their seats there. By is an active super administrator, or an active
// administrator where the member is a plain one, and never the member; empty: the host itself. Call (*auth.Manager).EndMember after it.
// ErrNotFound: no such company or member. Refusals: ReasonForbidden, ReasonLastSuperAdmin.
func (d *Directory) SuspendMember(ctx context.Context, by, accountID, userID string) error {
	return d.store.ChangeMember(ctx, by, accountID, userID, MemberChange{Suspend: true})
}

// RestoreMember takes a suspension by the company back, for those who may suspend. Seats and sessions do not come back.
// Somebody who is not suspended is left as they stand. ErrNotFound: no such company or member. Refusal: ReasonForbidden.
func (d *Directory) RestoreMember(ctx context.Context, by, accountID, userID string) error {
	return d.store.ChangeMember(ctx, by, accountID, userID, MemberChange{Restore: true})
}

// RemoveMember takes a person out of a company, with their seats, for a host's own decisions: it asks nobody's right. The person
// stays. Call (*auth.Manager).EndMember after it. ErrNotFound: no such company or member. Refusal: ReasonLastSuperAdmin.
func (d *Directory) RemoveMember(ctx context.Context, accountID, userID string) error {
	return d.store.RemoveMember(ctx, accountID, userID)
}

// AddMember implements auth.Members.
func (d *Directory) AddMember(ctx context.Context, accountID, userID string, role auth.Role, now time.Time) (auth.Membership, error) {
	role = cmp.Or(role, auth.RoleMember)
	if role != auth.RoleMember && role != auth.RoleAdmin {
		return auth.Membership{}, auth.Refusal(auth.ReasonForbidden)
	}
	return d.store.AddMember(ctx, Member{AccountID: accountID, UserID: userID, Role: role, State: auth.MemberActive}, now)
}

// SetMemberSSO implements auth.Members. It lasts as long as the membership, through suspensions and changes of role. An override that
// there is not is an error.
func (d *Directory) SetMemberSSO(ctx context.Context, accountID, userID string, o auth.SSOOverride) error {
	switch o {
	case auth.SSOInherit, auth.SSOExempt, auth.SSORequired:
		return d.store.SetMemberSSO(ctx, accountID, userID, o)
	}
	return fmt.Errorf("directory: changing a member: the override %q is none of inherit (empty), exempt, required", o)
}

// Administrators implements auth.Administrators. People who are suspended, or who are not in this directory, are left out.
func (d *Directory) Administrators(ctx context.Context, accountID string) ([]auth.User, error) {
	return d.store.Administrators(ctx, accountID, maxAdministrators)
}

// People answers a company's members and open invitations, for a page of its administrators. Somebody who joins meanwhile may stand
// in both lists, and is never missing. A company that does not exist has none.
func (d *Directory) People(ctx context.Context, accountID string) (People, error) {
	invitations, err := d.store.InvitationsOf(ctx, accountID)
	if err != nil {
		return People{}, err
	}
	members, err := d.store.Members(ctx, accountID)
	if err != nil {
		return People{}, err
	}
	return People{Members: members, Invitations: invitations}, nil
}

// SetSeats says how many seats a company has of a product; zero: it does not have the product. ErrNotFound: no such company.
// Refusal: ReasonNoSeatsLeft, where more are taken, or held by open invitations.
func (d *Directory) SetSeats(ctx context.Context, accountID, product string, total int) error {
	if product == "" {
		return errors.New("directory: setting seats: the product is required")
	}
	if total < 0 {
		return errors.New("directory: setting seats: the total is negative")
	}
	return d.store.SetSeats(ctx, accountID, product, total, d.now())
}

// TakeSeat gives a member a seat of a product; one who has it keeps it. ErrNotFound: no such company or member.
// Refusals: ReasonNoSeatsLeft, also where the company does not have the product; ReasonUserSuspended.
func (d *Directory) TakeSeat(ctx context.Context, accountID, product, userID string) error {
	return d.store.TakeSeat(ctx, accountID, product, userID, d.now())
}

// FreeSeat takes a member's seat of a product back. It is not an error if there is none.
func (d *Directory) FreeSeat(ctx context.Context, accountID, product, userID string) error {
	return d.store.FreeSeat(ctx, accountID, product, userID)
}

// Seats answers the products that a company has, in order, with how many seats of each are taken. None is not an error.
func (d *Directory) Seats(ctx context.Context, accountID string) ([]Seats, error) {
	return d.store.Seats(ctx, accountID, d.now())
}
