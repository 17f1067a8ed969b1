// Package directory keeps people and the companies they belong to, with their roles, seats and invitations, for a host that has no
// tables of its own for them.
//
// Make a [Directory] with [New] and give it to auth.Config as Users and as Companies, and as everything else there that it
// implements: auth.Registrar, auth.Invitations, auth.Administrators, auth.Members. On an empty store call [Directory.Bootstrap] first:
// it answers the invitation of the first super administrator. Or seed: add people with [Directory.AddUser] and companies with
// [Directory.AddAccount], bring them together with [Directory.SetMember], say what a company has paid for with [Directory.SetSeats],
// and give it its domain with [Directory.AddDomain]. A page for a company's own administrators has [Directory.People], and what they
// do there goes through the verbs that ask who does it: [Directory.CreateInvitation], [Directory.ChangeRole],
// [Directory.SuspendMember], [Directory.RestoreMember].
//
// A company proves by DNS that a domain is its own: [Directory.ClaimDomain], then [Directory.ProveDomain]; a worker of the host's calls
// [Directory.RecheckDomains], which tells whom to warn. The domain names the connection that speaks for it
// ([Directory.SetDomainConnection]), and asks for the company's own sign-in with [Directory.SetDomainSSO], the host's own decision, or
// with [Directory.EnforceSSO], what a page calls.
//
// What it decides is in the same step in which it is written, whoever else is at it: a company keeps one super administrator,
// seats are not taken twice, and an invitation counts only while its inviter could still make it. Reasons for saying no are errors
// of type auth.Refusal.
//
// It holds no password, ends no session and sends no letter: after suspending somebody call (*auth.Manager).EndUser, and after
// shutting a person out of a company EndMember, after shutting out the company itself EndAccount. It does not prove what is given
// with AddDomain: whoever calls that has done so. It knows connections by their IDs only, and does not try them. It does not know
// who is active: that is derived from the sessions, which know when they were last used. A role of the host's own is kept as it is given, and may do here what a member may.
package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// A Directory is the people and companies in a Store. It is safe for concurrent use.
type Directory struct {
	// Now tells the time to verbs that are not told it. Set it before the first call; nil means time.Now.
	Now func() time.Time

	// Resolver asks DNS whether a company owns a domain. Set it before the first call; nil means net.DefaultResolver.
	Resolver Resolver

	// ClaimPrefix is what the DNS records that prove domains begin with, before an equals sign: letters, digits, dots, hyphens and
	// underscores. Set it before the first call; empty means "sallyport-verification". It may change later: what was claimed keeps its.
	ClaimPrefix string

	store Store
}

var (
	_ auth.Users          = (*Directory)(nil)
	_ auth.Companies      = (*Directory)(nil)
	_ auth.Registrar      = (*Directory)(nil)
	_ auth.Invitations    = (*Directory)(nil)
	_ auth.Administrators = (*Directory)(nil)
	_ auth.Members        = (*Directory)(nil)
)

// New returns a Directory over a store, which must not be nil.
func New(store Store) *Directory { return &Directory{store: store} }

func (d *Directory) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}

// UserByID implements auth.Users.
func (d *Directory) UserByID(ctx context.Context, id string) (auth.User, error) {
	return d.store.UserByID(ctx, id)
}

// UserByEmail implements auth.Users. The address may be in any spelling of its canonical form.
func (d *Directory) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	a, err := address.Parse(email)
	if err != nil {
		return auth.User{}, auth.ErrNotFound
	}
	return d.store.UserByEmail(ctx, a.Canonical)
}

// Memberships implements auth.Companies.
func (d *Directory) Memberships(ctx context.Context, userID string) ([]auth.Membership, error) {
	return d.store.Memberships(ctx, userID)
}

// AddUser adds a person and answers them as they are kept: with the address in canonical form, and with a random ID where u has none.
// The person has no password; see (*auth.Manager).SetPassword. ErrConflict: the address or the ID is taken.
func (d *Directory) AddUser(ctx context.Context, u auth.User) (auth.User, error) {
	a, err := address.Parse(u.Email)
	if err != nil {
		return auth.User{}, fmt.Errorf("directory: adding a user: %w", err)
	}
	u.Email = a.Canonical
	if u.ID == "" {
		u.ID = "usr_" + token.NewID()
	}
	if err := d.store.CreateUser(ctx, u); err != nil {
		return auth.User{}, fmt.Errorf("directory: adding a user: %w", err)
	}
	return u, nil
}

// SuspendUser shuts a person out of everything, at the next sign-in. Call (*auth.Manager).EndUser after it, so that what the
// person has open ends too. It is the host's own decision and asks no company: it may shut out a company's last super
// administrator, and the person keeps their seats. Invitations that they made do not count while it lasts.
// ErrNotFound: no such person.
func (d *Directory) SuspendUser(ctx context.Context, id string) error {
	return d.store.SetUserSuspended(ctx, id, true)
}

// UnsuspendUser takes a suspension back. Sessions that it ended stay ended. ErrNotFound: no such person.
func (d *Directory) UnsuspendUser(ctx context.Context, id string) error {
	return d.store.SetUserSuspended(ctx, id, false)
}

// AddAccount adds a company and answers it as it is kept: active, and with a random ID, where a leaves these open.
// ErrConflict: the ID is taken. A state that there is not, or a policy that fails Check, is an error.
func (d *Directory) AddAccount(ctx context.Context, a Account) (Account, error) {
	if a.Name == "" {
		return Account{}, errors.New("directory: adding an account: Account.Name is required")
	}
	if a.ID == "" {
		a.ID = "acc_" + token.NewID()
	}
	a.State = cmp.Or(a.State, auth.AccountActive)
	if err := cmp.Or(checkState(a.State), a.Policy.Check()); err != nil {
		return Account{}, fmt.Errorf("directory: adding an account: %w", err)
	}
	if err := d.store.CreateAccount(ctx, a); err != nil {
		return Account{}, fmt.Errorf("directory: adding an account: %w", err)
	}
	return a, nil
}

// SetAccountState changes how a company stands with the product. One that lapses counts as expired from graceEnds on; zero: not by
// itself. In another state graceEnds says nothing. ErrNotFound: no such company. A state that there is not is an error.
func (d *Directory) SetAccountState(ctx context.Context, id string, state auth.AccountState, graceEnds time.Time) error {
	if err := checkState(state); err != nil {
		return fmt.Errorf("directory: changing an account: %w", err)
	}
	if state != auth.AccountLapsed {
		graceEnds = time.Time{}
	}
	return d.store.SetAccountState(ctx, id, state, graceEnds)
}

// checkState refuses a state that nothing else here knows: it would count as active.
func checkState(s auth.AccountState) error {
	switch s {
	case auth.AccountActive, auth.AccountLapsed, auth.AccountExpired:
		return nil
	}
	return fmt.Errorf("the state %q is none of active, lapsed, expired", s)
}

// SetAccountPolicy replaces what a company asks of a sign-in, from the next one on. ErrNotFound: no such company. A policy that fails
// its Check is an error.
func (d *Directory) SetAccountPolicy(ctx context.Context, id string, policy auth.Policy) error {
	if err := policy.Check(); err != nil {
		return fmt.Errorf("directory: changing an account: %w", err)
	}
	return d.store.SetAccountPolicy(ctx, id, policy)
}
