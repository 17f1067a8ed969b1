package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/address"
)

// Errors that implementers of this package's interfaces answer with.
var (
	ErrNotFound = errors.New("auth: not found")
	ErrConflict = errors.New("auth: conflict") // somebody else was there first; nothing was written
)

// A User is a person who may sign in.
type User struct {
	ID        string // never changes, never reused
	Email     string // in the form of CanonicalEmail
	Name      string // how the person is greeted; may be empty
	Locale    string // the language the person chose, as a BCP 47 tag; empty: none chosen
	Suspended bool   // refused after proof, whatever company the person belongs to

	// Unverified says that nobody has proven yet that the address is this person's. Whoever first does so by a mailed link may be
	// somebody else than who set the account up: password, app and everything else from before is discarded then. A sign-in with the
	// password and a mailed code proves it too, and discards nothing. It needs Config.Registrar, and is for hosts that add people
	// before their address is proven; this library never does.
	Unverified bool
}

// CanonicalEmail is the form in which addresses are compared and looked up: lower case, NFC, the domain in ASCII. A host with a
// table of its own keeps its people's addresses in this form. The error says what is wrong with the address, and not what it is.
func CanonicalEmail(typed string) (string, error) {
	a, err := address.Parse(typed)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	return a.Canonical, nil
}

// Users finds the host's people. It is what a host with its own table implements: two reads.
// directory.Directory is one.
type Users interface {
	UserByID(ctx context.Context, id string) (User, error)       // ErrNotFound
	UserByEmail(ctx context.Context, email string) (User, error) // email is in the form of CanonicalEmail; ErrNotFound
}

// Companies tells which companies a person belongs to and what their domains ask for. It is optional:
// without it only the product's own policy counts. directory.Directory is one.
type Companies interface {
	// Memberships answers all memberships of a person, whatever their state. None is not an error.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
	// DomainRule answers the rule of a verified domain, given in ASCII. ErrNotFound: nobody has verified it.
	DomainRule(ctx context.Context, domain string) (DomainRule, error)
}

// MemberState is what a person is in a company.
type MemberState string

const (
	MemberActive    MemberState = "active"
	MemberInvited   MemberState = "invited"   // has not joined yet
	MemberSuspended MemberState = "suspended" // shut out by the company
)

// AccountState is how a company stands with the product.
type AccountState string

const (
	AccountActive  AccountState = "active"
	AccountLapsed  AccountState = "lapsed"  // works, with a banner
	AccountExpired AccountState = "expired" // billing roles only
)

// Role is what a person may do in a company. The library asks it only for what it must decide itself.
type Role string

const (
	RoleMember     Role = "member"
	RoleAdmin      Role = "admin"
	RoleSuperAdmin Role = "super_admin"
)

// A Membership is a person in a company, with what the company asks of its people.
type Membership struct {
	AccountID    string       // the company; required
	AccountName  string       // how people know it; shown where they choose
	State        MemberState  // only MemberActive lets the person in: empty is shut out
	AccountState AccountState // empty counts as AccountActive
	Role         Role         // empty: a member
	Policy       Policy       // what the company asks; the zero Policy asks nothing
	GraceEnds    time.Time    // a lapsed company counts as expired from then on; zero: not by itself
	SSO          SSOOverride  // what the company asks of this person instead of what its domain asks; counts only in the company that owns it
	Products     []string     // what the person has a seat for there, in order; see RequireProduct
}

// Usable tells whether the person may work in this company now. An expired company lets in its super administrators only,
// who can renew it.
func (m Membership) Usable() bool {
	return m.State == MemberActive && (m.AccountState != AccountExpired || m.Role == RoleSuperAdmin)
}

// SSOMode is what a domain asks of the people whose address is in it.
type SSOMode string

const (
	SSOOff      SSOMode = ""         // nothing
	SSOOptional SSOMode = "optional" // the company's own sign-in is offered beside the others
	SSOEnforced SSOMode = "enforced" // the company's own sign-in is the only way in, but for whoever is exempt
)

// SSOOverride is what a company asks of one person instead of what its domain asks of everybody. It counts only in the company that
// owns the domain of the person's address (see DomainRule): another company exempts nobody and asks nobody for its own sign-in.
type SSOOverride string

const (
	SSOInherit  SSOOverride = ""         // what the domain asks
	SSOExempt   SSOOverride = "exempt"   // the person keeps the other ways in where the domain enforces the company's own
	SSORequired SSOOverride = "required" // the company's own sign-in is the person's only way in where the domain offers it
)

// A DomainRule is what the company that has verified a domain asks of addresses in it.
type DomainRule struct {
	Domain    string  // in ASCII; empty in the zero rule, which asks nothing
	AccountID string  // the company that owns it
	SSO       SSOMode // empty: nothing

	// Connection is the company's own sign-in that speaks for addresses in this domain. Empty: there is none; where SSO is enforced nobody
	// gets in then, and otherwise SSO says nothing.
	Connection string
}

// A Credential is a person's password and what goes with it. There is none before the first password.
type Credential struct {
	UserID    string
	Hash      string    // PHC text; empty: there is no password
	Version   int64     // moves with every new password or app and every ending (see Change); what was proven at an older one counts for nothing
	ChangedAt time.Time // when the password was set
	History   []string  // hashes of earlier passwords, newest first, as many as the policy asks to remember
	LockedAt  time.Time // a suspicious sign-in closed every door then, until there is a new password; zero: open
	ResetAt   time.Time // when the password was last set by a mailed reset; zero: never

	MustChange    bool   // the next sign-in asks for a new password
	RecoveryEmail string // a second address that the person has proven, canonical: resets are mailed to it; empty: none
}

// Credentials keeps passwords, by person, in tables of the library's own. Every method is one atomic change.
type Credentials interface {
	// Credential answers the person's row; its Hash may be empty. ErrNotFound: there is none yet.
	Credential(ctx context.Context, userID string) (Credential, error)

	// SwapCredential writes c with Version c.Version+1 where the row stands at c.Version; zero adds the first row.
	// ErrConflict: it stands elsewhere.
	SwapCredential(ctx context.Context, c Credential) error

	// MoveCredential moves Version on by one, wherever it stands, and answers it; the first row it adds has Version 1. Where
	// lockedAt is not zero it writes LockedAt too. Nothing else changes.
	MoveCredential(ctx context.Context, userID string, lockedAt time.Time) (version int64, err error)

	// UpgradeHash replaces the hash of the same password: Version stays. ErrConflict: the row is at another version.
	UpgradeHash(ctx context.Context, userID string, version int64, hash string) error
}
