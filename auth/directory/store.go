package directory

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// An Account is a company as a store keeps it.
type Account struct {
	ID        string            // never changes, never reused
	Name      string            // how people know the company
	State     auth.AccountState // how it stands with the product
	GraceEnds time.Time         // a lapsed company counts as expired from then on; zero: not by itself
	Policy    auth.Policy       // what it asks of a sign-in; the zero Policy asks nothing
}

// Expired tells whether the company has expired by an instant: by its state, or by the end of its grace.
func (a Account) Expired(now time.Time) bool {
	lapsed := a.State == auth.AccountLapsed && !a.GraceEnds.IsZero() && !now.Before(a.GraceEnds)
	return a.State == auth.AccountExpired || lapsed
}

// Seats are the seats that a company has of a product.
type Seats struct {
	Product string
	Total   int
	Taken   int // by members, and held by open invitations; never more than Total
}

// Store is what a Directory keeps. store.Memory and sqlstore.DB implement it; a host whose people stand in tables of its
// own needs none of this and implements auth.Users instead. Its errors are auth.ErrNotFound, auth.ErrConflict, ErrNotEmpty, and
// auth.Refusal where a rule says no; whatever the error, nothing was written. storetest.Directory tries all of this.
//
// Where the condition of a verb reads other rows, the store first locks the one row that owns them, which is the company's for
// members, seats and invitations: two of these verbs for one company never run at the same moment.
type Store interface {
	UserStore
	AccountStore
	MemberStore
	SeatStore
	InvitationStore
	DomainStore
	ClaimStore
	SSOStore
}

// UserStore keeps people. Every method is one atomic change. Addresses are canonical already; the store compares them byte by byte.
type UserStore interface {
	// CreateUser adds a person. ErrConflict: the ID or the address is taken, and nothing was written. Of callers that want one
	// address at the same moment, one gets it.
	CreateUser(ctx context.Context, u auth.User) error

	// UserByID answers a person. ErrNotFound: there is none.
	UserByID(ctx context.Context, id string) (auth.User, error)

	// UserByEmail answers the person with this address. ErrNotFound: there is none.
	UserByEmail(ctx context.Context, email string) (auth.User, error)

	// SetUserSuspended suspends a person, or takes it back. ErrNotFound: there is no such person.
	SetUserSuspended(ctx context.Context, id string, suspended bool) error

	// SetUserName changes how a person is greeted and nothing else. ErrNotFound: there is no such person.
	SetUserName(ctx context.Context, id, name string) error

	// SetUserLocale changes a person's language and nothing else. ErrNotFound: there is no such person.
	SetUserLocale(ctx context.Context, id, tag string) error

	// VerifyUser clears Unverified where the person's address is email. ErrConflict: it is another one. ErrNotFound: there is no
	// such person.
	VerifyUser(ctx context.Context, id, email string) error

	// SwapEmail replaces the address from by the address to, which is proven: it clears Unverified too. ErrConflict: to is another
	// person's, or the person's address is not from. ErrNotFound: there is no such person.
	SwapEmail(ctx context.Context, id, from, to string) error
}

// AccountStore keeps companies. Every method is one atomic change.
type AccountStore interface {
	// CreateAccount adds a company. ErrConflict: the ID is taken, and nothing was written.
	CreateAccount(ctx context.Context, a Account) error

	// CreateCompany adds a company with a person as its active super administrator, and answers its ID. Where the person is an active
	// super administrator already it writes nothing and answers that company, the first by ID: of one person's callers one makes a
	// company. It locks the person's row. ErrNotFound: there is no such person. ErrConflict: the ID is taken.
	CreateCompany(ctx context.Context, a Account, ownerID string) (accountID string, err error)

	// Bootstrap adds the first company and an invitation into it, where there is neither a company nor a person: for one caller.
	// ErrNotEmpty: there is one.
	Bootstrap(ctx context.Context, a Account, first auth.Invitation, now time.Time) error

	// SetAccountState changes how a company stands, with the end of its grace, and nothing else. ErrNotFound: there is no such company.
	SetAccountState(ctx context.Context, id string, state auth.AccountState, graceEnds time.Time) error

	// SetAccountPolicy replaces what a company asks and nothing else. ErrNotFound: there is no such company.
	SetAccountPolicy(ctx context.Context, id string, policy auth.Policy) error
}

// MemberStore keeps who belongs to which company. Every method is one atomic change. People are not looked up where nothing says
// so: a host may keep its people elsewhere.
//
// Whoever is suspended or removed loses their seats in the same step, and open invitations that a member made and could not make
// after it (see Member.MayManage) are revoked in it. A change that takes away a company's last active super administrator is
// refused with auth.ReasonLastSuperAdmin. A suspension of the person altogether
// does not count there: it is the host's own, and takes nothing from the company.
type MemberStore interface {
	// SetMember adds a person to a company, or replaces Role and State of one who is in it. ErrNotFound: there is no such
	// company. Refusal: ReasonLastSuperAdmin.
	SetMember(ctx context.Context, m Member) error

	// ChangeMember changes a member, by the rules of MemberChange.Apply, which it is given both rows for as they stand when it
	// writes. The empty by is the host itself. ErrNotFound: there is no such company, or the person is no member of it.
	// Refusals: those of Apply, and ReasonLastSuperAdmin.
	ChangeMember(ctx context.Context, by, accountID, userID string, change MemberChange) error

	// RemoveMember takes a person out of a company. ErrNotFound: there is no such company, or the person is no member of it.
	// Refusal: ReasonLastSuperAdmin.
	RemoveMember(ctx context.Context, accountID, userID string) error

	// AddMember adds a person with the role and state of m where they are no member yet, and answers what they are. A member, in whatever
	// state, is answered unchanged. ErrNotFound: there is no such company. Refusal: ReasonAccountExpired.
	AddMember(ctx context.Context, m Member, now time.Time) (auth.Membership, error)

	// SetMemberSSO changes what the company's domain asks of one member and nothing else. No other verb changes it but RemoveMember: it
	// ends with the membership. ErrNotFound: the person is no member of the company.
	SetMemberSSO(ctx context.Context, accountID, userID string, o auth.SSOOverride) error

	// Memberships answers every company of a person with the company's name, state and policy, and the products that the person has
	// a seat of, in order, nil for none; by name and then by ID, both compared byte by byte. None is not an error.
	Memberships(ctx context.Context, userID string) ([]auth.Membership, error)

	// Members answers a company's members by address and then by ID, compared byte by byte. Of people who are not in this store
	// it knows the ID. None is not an error.
	Members(ctx context.Context, accountID string) ([]Person, error)

	// Administrators answers the active super administrators of a company and then its active administrators, each by address: limit
	// at most. Only people in this store who are not suspended count. None is not an error.
	Administrators(ctx context.Context, accountID string, limit int) ([]auth.User, error)
}

// SeatStore keeps the seats of products. Every method is one atomic change. A seat is taken by a member, or held by an invitation that
// is open and has not expired at now. There are never more taken than there are: a change that would need one more is refused with
// auth.ReasonNoSeatsLeft, and so is one for a product that the company has no seats of.
type SeatStore interface {
	// SetSeats says how many seats a company has of a product; zero: it does not have the product. ErrNotFound: there is no such
	// company. Refusal: ReasonNoSeatsLeft (more are taken).
	SetSeats(ctx context.Context, accountID, product string, total int, now time.Time) error

	// TakeSeat gives a member a seat; one who has it already keeps it. ErrNotFound: there is no such company, or the person is no
	// member of it. Refusals: ReasonNoSeatsLeft, ReasonUserSuspended (the company has suspended the member).
	TakeSeat(ctx context.Context, accountID, product, userID string, now time.Time) error

	// FreeSeat takes a seat back. It is not an error if the person has none.
	FreeSeat(ctx context.Context, accountID, product, userID string) error

	// Seats answers what a company has, by product, compared byte by byte. None is not an error.
	Seats(ctx context.Context, accountID string, now time.Time) ([]Seats, error)
}

// InvitationStore keeps invitations: one for an address and company. Every method is one atomic change. An invitation is live while
// it is open and its inviter, unless that is the host, is a member who may manage its role (see Member.MayManage) and is not
// suspended altogether. One that is open and not live is answered as revoked. As is answered with the company as it stands.
type InvitationStore interface {
	// CreateInvitation adds an open invitation, with its ID, in the place of one for the same address and company that is not live or
	// has expired. Refusals, in this order: ReasonForbidden (it would not be live), ReasonAccountExpired, ReasonUserExistsInAccount
	// (one is live and has not expired, or a person with the address is a member), ReasonNoSeatsLeft.
	// ErrNotFound: there is no such company. ErrConflict: the ID is taken.
	CreateInvitation(ctx context.Context, i auth.Invitation, now time.Time) (auth.Invitation, error)

	// Invitation answers one. ErrNotFound: there is none.
	Invitation(ctx context.Context, id string) (auth.Invitation, error)

	// InvitationsTo answers the live invitations to an address that have not expired, newest first. None is not an error.
	InvitationsTo(ctx context.Context, email string, now time.Time) ([]auth.Invitation, error)

	// InvitationsOf answers the live invitations of a company, expired or not, by address. None is not an error.
	InvitationsOf(ctx context.Context, accountID string) ([]auth.Invitation, error)

	// CountLetter adds one to Letter of a live invitation, and writes SentAt and ExpiresAt. One that had expired takes its seats
	// anew. ErrNotFound: it is not live. Refusal: ReasonNoSeatsLeft.
	CountLetter(ctx context.Context, id string, expires, now time.Time) (auth.Invitation, error)

	// Join makes the person an active member and gives them the seats of the invitation, where MayJoin has nothing against it.
	// One caller wins. ErrNotFound: there is no such invitation. Refusals: those of MayJoin, and ReasonNoSeatsLeft, should its seats
	// have been given away by a clock that is ahead.
	Join(ctx context.Context, id string, letter int, userID string, now time.Time) (auth.Membership, error)

	// CloseInvitation gives an open invitation the state as. ErrNotFound: it is not open.
	CloseInvitation(ctx context.Context, id string, as auth.InvitationState) error
}

// DomainStore keeps the domains of companies. A domain that counts, which is one that is not lost, belongs to one company. One that is
// lost is anybody's to prove: until then it is kept as it stood. Every method is one atomic change.
type DomainStore interface {
	// AddDomain gives a domain to a company. ErrConflict: another company has it. ErrNotFound: there is no such company.
	// A domain that is this company's already is left as it stands, so that a claim can be repeated. One that is lost is written over;
	// where it was this company's, SSO, EnforcedAt, Connection and TestedAt stay.
	AddDomain(ctx context.Context, d Domain) error

	// ReleaseDomain deletes a domain of a company. ErrNotFound: it is not the company's. Refusal: that of Domain.MayRelease.
	ReleaseDomain(ctx context.Context, accountID, name string) error

	// Domain answers a domain, lost or not. ErrNotFound: nobody has verified it.
	Domain(ctx context.Context, name string) (Domain, error)

	// Domains answers the domains of a company, lost or not, by name, compared byte by byte. None is not an error.
	Domains(ctx context.Context, accountID string) ([]Domain, error)

	// DueDomains answers domains whose CheckAt is not zero and not after now, longest due first, limit at most, with CheckAt moved to
	// again: each is one caller's until then.
	DueDomains(ctx context.Context, now, again time.Time, limit int) ([]Domain, error)

	// SwapDomainCheck writes VerifiedAt, CheckAt, Misses, MissedAt and LostAt of d where the domain has still the Proof of d and a
	// CheckAt of was, and nothing else. ErrConflict: it has not.
	SwapDomainCheck(ctx context.Context, d Domain, was time.Time) error
}

// ClaimStore keeps what companies claim: a claim for each domain and company. Every method is one atomic change.
type ClaimStore interface {
	// ClaimDomain adds a claim, or answers the company's own for this domain where that has not expired by c.MadeAt; one that has is
	// replaced. It may also delete claims of the company that expired 30 days before. ErrNotFound: there is no such company.
	// ErrConflict: the domain is the company's already. Refusal: ReasonDomainTaken (it is another company's). A lost domain is nobody's.
	ClaimDomain(ctx context.Context, c Claim) (Claim, error)

	// Claims answers the claims of a company, expired or not, by domain, compared byte by byte. None is not an error.
	Claims(ctx context.Context, accountID string) ([]Claim, error)

	// ProveDomain turns a claim into a domain: it deletes the claim of d.AccountID whose value is d.Proof and which has not expired by
	// d.VerifiedAt, and writes d in the place of a lost one, or of the company's own; then SSO, EnforcedAt, Connection and TestedAt stay.
	// Of companies that prove one domain at the same moment, one gets it. ErrNotFound: there is no such claim.
	// Refusal: ReasonDomainTaken.
	ProveDomain(ctx context.Context, d Domain) error

	// DropClaim deletes a claim. It is not an error if there is none.
	DropClaim(ctx context.Context, accountID, name string) error
}

// SSOStore keeps what domains ask. It changes domains that count: to all others its answer is ErrNotFound. Every method is one atomic
// change.
type SSOStore interface {
	// SetDomainSSO changes what a domain asks and nothing else but EnforcedAt: now where SSO becomes enforced, as it stands where it
	// was, and zero in other modes. ErrNotFound: it is nobody's.
	SetDomainSSO(ctx context.Context, name string, mode auth.SSOMode, now time.Time) error

	// EnforceSSO makes SSO enforced in the same way, where Domain.MayEnforce has nothing against it. ErrNotFound: it is nobody's.
	// Refusals: those of MayEnforce.
	EnforceSSO(ctx context.Context, name string, now time.Time) error

	// SetDomainConnection names the connection of a domain, or none. TestedAt becomes zero where that changes it.
	// ErrNotFound: it is nobody's.
	SetDomainConnection(ctx context.Context, name, connectionID string) error

	// PassConnectionTest moves TestedAt forward, and never back, of all domains that name the connection. None is not an error.
	PassConnectionTest(ctx context.Context, connectionID string, at time.Time) error
}
