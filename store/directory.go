package store

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// people implements directory.Store. One lock is every company's lock.
type people struct {
	mu          sync.RWMutex
	users       map[string]auth.User
	emails      map[string]string // the id of the person with this address
	accounts    map[string]directory.Account
	members     map[string]map[string]directory.Member // by person, then by company
	overrides   map[place]auth.SSOOverride
	domains     map[string]directory.Domain
	claims      map[claim]directory.Claim
	seats       map[product]int
	holders     map[product]map[string]bool // the people who have a seat of it
	invitations map[string]invitation
}

// CreateUser implements directory.UserStore.
func (p *people) CreateUser(_ context.Context, u auth.User) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.users[u.ID]; taken {
		return auth.ErrConflict
	}
	if _, taken := p.emails[u.Email]; taken {
		return auth.ErrConflict
	}
	put(&p.users, u.ID, u)
	put(&p.emails, u.Email, u.ID)
	return nil
}

// UserByID implements directory.UserStore and auth.Users.
func (p *people) UserByID(_ context.Context, id string) (auth.User, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return find(p.users, id)
}

// UserByEmail implements directory.UserStore and auth.Users.
func (p *people) UserByEmail(_ context.Context, email string) (auth.User, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, err := find(p.emails, email)
	if err != nil {
		return auth.User{}, err
	}
	return find(p.users, id)
}

// SetUserSuspended implements directory.UserStore.
func (p *people) SetUserSuspended(_ context.Context, id string, suspended bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.users, id, func(u *auth.User) { u.Suspended = suspended })
}

// SetUserName implements directory.UserStore.
func (p *people) SetUserName(_ context.Context, id, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.users, id, func(u *auth.User) { u.Name = name })
}

// SetUserLocale implements directory.UserStore.
func (p *people) SetUserLocale(_ context.Context, id, tag string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.users, id, func(u *auth.User) { u.Locale = tag })
}

// VerifyUser implements directory.UserStore.
func (p *people) VerifyUser(ctx context.Context, id, email string) error {
	return p.SwapEmail(ctx, id, email, email)
}

// SwapEmail implements directory.UserStore.
func (p *people) SwapEmail(_ context.Context, id, from, to string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := find(p.users, id)
	if err != nil {
		return err
	}
	if owner, taken := p.emails[to]; u.Email != from || taken && owner != id {
		return auth.ErrConflict
	}
	delete(p.emails, from)
	put(&p.emails, to, id)
	u.Email, u.Unverified = to, false
	p.users[id] = u
	return nil
}

// CreateAccount implements directory.AccountStore.
func (p *people) CreateAccount(_ context.Context, a directory.Account) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.accounts[a.ID]; taken {
		return auth.ErrConflict
	}
	put(&p.accounts, a.ID, a)
	return nil
}

// CreateCompany implements directory.AccountStore.
func (p *people) CreateCompany(_ context.Context, a directory.Account, ownerID string) (accountID string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.users, ownerID); err != nil {
		return "", err
	}
	for id, m := range p.members[ownerID] {
		if m.Leads() && (accountID == "" || id < accountID) {
			accountID = id
		}
	}
	if accountID != "" {
		return accountID, nil
	}
	if _, taken := p.accounts[a.ID]; taken {
		return "", auth.ErrConflict
	}
	put(&p.accounts, a.ID, a)
	p.placeLocked(directory.Member{AccountID: a.ID, UserID: ownerID, Role: auth.RoleSuperAdmin, State: auth.MemberActive})
	return a.ID, nil
}

// Bootstrap implements directory.AccountStore.
func (p *people) Bootstrap(_ context.Context, a directory.Account, first auth.Invitation, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.users) > 0 || len(p.accounts) > 0 {
		return directory.ErrNotEmpty
	}
	put(&p.accounts, a.ID, a)
	put(&p.invitations, first.ID, invitation{first, now})
	return nil
}

// SetAccountState implements directory.AccountStore.
func (p *people) SetAccountState(_ context.Context, id string, state auth.AccountState, graceEnds time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.accounts, id, func(a *directory.Account) { a.State, a.GraceEnds = state, graceEnds })
}

// SetAccountPolicy implements directory.AccountStore.
func (p *people) SetAccountPolicy(_ context.Context, id string, policy auth.Policy) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.accounts, id, func(a *directory.Account) { a.Policy = policy })
}

// find answers a row, or auth.ErrNotFound.
func find[Key comparable, Row any](table map[Key]Row, key Key) (Row, error) {
	row, ok := table[key]
	if !ok {
		return row, auth.ErrNotFound
	}
	return row, nil
}

// set changes a row that must be there.
func set[Key comparable, Row any](table map[Key]Row, key Key, change func(*Row)) error {
	row, err := find(table, key)
	if err != nil {
		return err
	}
	change(&row)
	table[key] = row
	return nil
}

// put writes a row and makes the table if there is none.
func put[Key comparable, Row any](table *map[Key]Row, key Key, row Row) {
	if *table == nil {
		*table = map[Key]Row{}
	}
	(*table)[key] = row
}
