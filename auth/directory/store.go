package directory

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// An Account is a company as a store keeps it.
type Account struct {
	ID     string            // never changes, never reused
	Name   string            // how people know the company
	State  auth.AccountState // how it stands with the product
	Policy auth.Policy       // what it asks of a sign-in; the zero Policy asks nothing
}

// A Member is a person's place in a company.
type Member struct {
	AccountID string
	UserID    string
	Role      auth.Role
	State     auth.MemberState
}

// A Domain is an e-mail domain that a company has verified to be its own.
type Domain struct {
	Name       string       // in ASCII, lower case
	AccountID  string       // the company that owns it
	SSO        auth.SSOMode // what it asks of addresses in it; empty: nothing
	VerifiedAt time.Time    // when the company last proved that it owns the domain
}

// Store is what a Directory keeps. store.Memory and sqlstore.DB implement it; a host whose people stand in tables of its
// own needs none of this and implements auth.Users instead. Its errors are auth.ErrNotFound and auth.ErrConflict.
// storetest.Directory tries all of this.
type Store interface {
	UserStore
	AccountStore
	DomainStore
}

// UserStore keeps people. Every method is one atomic change.
type UserStore interface {
	// CreateUser adds a person. ErrConflict: the ID or the address is taken, and nothing was written. Of callers that want one
	// address at the same moment, one gets it. Email is canonical already; the store compares it byte by byte.
	CreateUser(ctx context.Context, u auth.User) error

	// UserByID answers a person. ErrNotFound: there is none.
	UserByID(ctx context.Context, id string) (auth.User, error)

	// UserByEmail answers the person with this address. ErrNotFound: there is none.
	UserByEmail(ctx context.Context, email string) (auth.User, error)

	// SetUserSuspended suspends a person, or takes it back. ErrNotFound: there is no such person.
	SetUserSuspended(ctx context.Context, id string, suspended bool) error
}

// AccountStore keeps companies and who belongs to them. Every method is one atomic change.
type AccountStore interface {
	// CreateAccount adds a company. ErrConflict: the ID is taken, and nothing was written.
	CreateAccount(ctx context.Context, a Account) error

	// SetAccountState changes how a company stands and nothing else. ErrNotFound: there is no such company.
	SetAccountState(ctx context.Context, id string, state auth.AccountState) error

	// SetAccountPolicy replaces what a company asks and nothing else. ErrNotFound: there is no such company.
	SetAccountPolicy(ctx context.Context, id string, policy auth.Policy) error

	// SetMember adds a person to a company, or replaces Role and State of one who is in it. ErrNotFound: there is no such
	// company. The person is not looked up: a host may keep its people elsewhere.
	SetMember(ctx context.Context, m Member) error

	// Memberships answers every company of a person with the company's name, state and policy, by name and then by ID, both
	// compared byte by byte. None is not an error.
	Memberships(ctx context.Context, userID string) ([]auth.Membership, error)
}

// DomainStore keeps verified domains. A domain belongs to one company at most. Every method is one atomic change.
type DomainStore interface {
	// AddDomain gives a domain to a company. ErrConflict: another company has it. ErrNotFound: there is no such company.
	// A domain that is this company's already is left as it stands, so that a claim can be repeated.
	AddDomain(ctx context.Context, d Domain) error

	// SetDomainSSO changes what a domain asks and nothing else. ErrNotFound: nobody has verified it.
	SetDomainSSO(ctx context.Context, name string, mode auth.SSOMode) error

	// Domain answers a verified domain. ErrNotFound: nobody has verified it.
	Domain(ctx context.Context, name string) (Domain, error)
}
