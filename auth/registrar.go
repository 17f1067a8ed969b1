package auth

import (
	"context"
	"time"
)

// A NewUser is a person who has proven an address and is to be added.
type NewUser struct {
	Email  string // in the form of CanonicalEmail
	Name   string // as the person wrote it; may be empty
	Locale string // the language of the page, as a BCP 47 tag; empty: unknown
}

// Registrar adds and changes people. It is optional: without it New refuses sign-up and invitations, and nobody can change their
// address. directory.Directory is one; a host with its own table may be one too. Every method is one atomic change.
type Registrar interface {
	// CreateUser adds a person whose address is proven. ErrConflict: the address is taken.
	CreateUser(ctx context.Context, u NewUser) (User, error)
	// VerifyUser clears User.Unverified. ErrConflict: the person has another address by now. ErrNotFound: no such person.
	VerifyUser(ctx context.Context, userID, email string) error
	// SwapEmail gives the person the address to, which is proven. ErrConflict: to is taken, or the person's address is no longer
	// from; nothing was written. ErrNotFound: no such person.
	SwapEmail(ctx context.Context, userID, from, to string) error
	// CreateCompany adds a company of which the person is super administrator, for SignUpCompany. Somebody who is super
	// administrator of one already gets no second one: that is answered, so that a sign-up that was cut short can be repeated.
	CreateCompany(ctx context.Context, name, ownerID string) (accountID string, err error)
}

// Administrators tells whom to turn to in a company. It is optional: without it nobody can ask for a seat, and pages name no
// contact. directory.Directory is one.
type Administrators interface {
	// Administrators answers the active super administrators of a company and then its administrators, each by address, 20 at
	// most. None is not an error.
	Administrators(ctx context.Context, accountID string) ([]User, error)
}

// Members changes who belongs to a company, for its own sign-in: whoever it sends and nobody knows yet joins, and single people may be
// exempt from it. It is optional: without it a connection brings nobody in, and there are no exemptions. directory.Directory is
// one. Every method is one atomic change.
type Members interface {
	// AddMember makes a person an active member of a company where they are none, and answers what they are there. Somebody who is a
	// member in whatever state is answered unchanged: a suspension stays. Role is RoleMember, which is also the empty one, or RoleAdmin.
	// ErrNotFound: no such company. Refusals: ReasonForbidden (another role: nobody becomes super administrator like this),
	// ReasonAccountExpired.
	AddMember(ctx context.Context, accountID, userID string, role Role, now time.Time) (Membership, error)
	// SetMemberSSO changes what a company's domain asks of one member and nothing else. It does not ask whether somebody who is to be
	// exempt has an authenticator app: whoever calls it does. ErrNotFound: no such company or member.
	SetMemberSSO(ctx context.Context, accountID, userID string, o SSOOverride) error
}
