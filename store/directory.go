package store

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// people implements directory.Store.
type people struct {
	mu       sync.RWMutex
	users    map[string]auth.User
	emails   map[string]string // the id of the person with this address
	accounts map[string]directory.Account
	members  map[string]map[string]directory.Member // by person, then by company
	domains  map[string]directory.Domain
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

// SetAccountState implements directory.AccountStore.
func (p *people) SetAccountState(_ context.Context, id string, state auth.AccountState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.accounts, id, func(a *directory.Account) { a.State = state })
}

// SetAccountPolicy implements directory.AccountStore.
func (p *people) SetAccountPolicy(_ context.Context, id string, policy auth.Policy) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.accounts, id, func(a *directory.Account) { a.Policy = policy })
}

// SetMember implements directory.AccountStore.
func (p *people) SetMember(_ context.Context, m directory.Member) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, m.AccountID); err != nil {
		return err
	}
	of := p.members[m.UserID]
	put(&of, m.AccountID, m)
	put(&p.members, m.UserID, of)
	return nil
}

// Memberships implements directory.AccountStore and auth.Companies.
func (p *people) Memberships(_ context.Context, userID string) ([]auth.Membership, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []auth.Membership
	for _, m := range p.members[userID] {
		a := p.accounts[m.AccountID]
		all = append(all, auth.Membership{
			AccountID: a.ID, AccountName: a.Name, State: m.State, AccountState: a.State, Role: m.Role, Policy: a.Policy,
		})
	}
	slices.SortFunc(all, func(a, b auth.Membership) int {
		return cmp.Or(cmp.Compare(a.AccountName, b.AccountName), cmp.Compare(a.AccountID, b.AccountID))
	})
	return all, nil
}

// AddDomain implements directory.DomainStore.
func (p *people) AddDomain(_ context.Context, d directory.Domain) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, d.AccountID); err != nil {
		return err
	}
	if stands, taken := p.domains[d.Name]; taken {
		if stands.AccountID != d.AccountID {
			return auth.ErrConflict
		}
		return nil
	}
	put(&p.domains, d.Name, d)
	return nil
}

// SetDomainSSO implements directory.DomainStore.
func (p *people) SetDomainSSO(_ context.Context, name string, mode auth.SSOMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return set(p.domains, name, func(d *directory.Domain) { d.SSO = mode })
}

// Domain implements directory.DomainStore.
func (p *people) Domain(_ context.Context, name string) (directory.Domain, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return find(p.domains, name)
}

// find answers a row, or auth.ErrNotFound.
func find[Row any](table map[string]Row, key string) (Row, error) {
	row, ok := table[key]
	if !ok {
		return row, auth.ErrNotFound
	}
	return row, nil
}

// set changes a row that must be there.
func set[Row any](table map[string]Row, key string, change func(*Row)) error {
	row, err := find(table, key)
	if err != nil {
		return err
	}
	change(&row)
	table[key] = row
	return nil
}

// put writes a row and makes the table if there is none.
func put[Row any](table *map[string]Row, key string, row Row) {
	if *table == nil {
		*table = map[string]Row{}
	}
	(*table)[key] = row
}
