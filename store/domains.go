package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// claimKept is how long a claim is kept after it has expired.
const claimKept = 30 * 24 * time.Hour

// A claim is what a company has one of for each domain.
type claim struct{ domain, accountID string }

// AddDomain implements directory.DomainStore.
func (p *people) AddDomain(_ context.Context, d directory.Domain) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, d.AccountID); err != nil {
		return err
	}
	stands, taken := p.domains[d.Name]
	switch {
	case !taken || stands.Lost():
		p.putDomainLocked(d)
	case stands.AccountID != d.AccountID:
		return auth.ErrConflict
	}
	return nil
}

// putDomainLocked writes a domain; what the company's own one asks stays.
func (p *people) putDomainLocked(d directory.Domain) {
	if was, ok := p.domains[d.Name]; ok && was.AccountID == d.AccountID {
		d.SSO, d.EnforcedAt, d.Connection, d.TestedAt = was.SSO, was.EnforcedAt, was.Connection, was.TestedAt
	}
	put(&p.domains, d.Name, d)
}

// ReleaseDomain implements directory.DomainStore.
func (p *people) ReleaseDomain(_ context.Context, accountID, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := find(p.domains, name)
	switch {
	case err != nil:
		return err
	case d.AccountID != accountID:
		return auth.ErrNotFound
	}
	if err := d.MayRelease(); err != nil {
		return err
	}
	delete(p.domains, name)
	return nil
}

// Domain implements directory.DomainStore.
func (p *people) Domain(_ context.Context, name string) (directory.Domain, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return find(p.domains, name)
}

// Domains implements directory.DomainStore.
func (p *people) Domains(_ context.Context, accountID string) ([]directory.Domain, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []directory.Domain
	for _, d := range p.domains {
		if d.AccountID == accountID {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b directory.Domain) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// DueDomains implements directory.DomainStore.
func (p *people) DueDomains(_ context.Context, now, again time.Time, limit int) ([]directory.Domain, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []directory.Domain
	for _, d := range p.domains {
		if !d.CheckAt.IsZero() && !d.CheckAt.After(now) {
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b directory.Domain) int {
		return cmp.Or(a.CheckAt.Compare(b.CheckAt), cmp.Compare(a.Name, b.Name))
	})
	due = due[:min(limit, len(due))]
	for i := range due {
		due[i].CheckAt = again
		p.domains[due[i].Name] = due[i]
	}
	return due, nil
}

// SwapDomainCheck implements directory.DomainStore.
func (p *people) SwapDomainCheck(_ context.Context, d directory.Domain, was time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	stands, ok := p.domains[d.Name]
	if !ok || stands.Proof != d.Proof || !stands.CheckAt.Equal(was) {
		return auth.ErrConflict
	}
	stands.VerifiedAt, stands.CheckAt, stands.Misses, stands.MissedAt, stands.LostAt = d.VerifiedAt, d.CheckAt, d.Misses, d.MissedAt, d.LostAt
	p.domains[d.Name] = stands
	return nil
}

// ClaimDomain implements directory.ClaimStore.
func (p *people) ClaimDomain(_ context.Context, c directory.Claim) (directory.Claim, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, c.AccountID); err != nil {
		return directory.Claim{}, err
	}
	if d, taken := p.domains[c.Domain]; taken && !d.Lost() {
		if d.AccountID == c.AccountID {
			return directory.Claim{}, auth.ErrConflict
		}
		return directory.Claim{}, auth.Refusal(auth.ReasonDomainTaken)
	}
	at := claim{c.Domain, c.AccountID}
	if stands, ok := p.claims[at]; ok && c.MadeAt.Before(stands.ExpiresAt) {
		return stands, nil
	}
	for other, old := range p.claims {
		if other.accountID == c.AccountID && !c.MadeAt.Before(old.ExpiresAt.Add(claimKept)) {
			delete(p.claims, other)
		}
	}
	c.Name = "" // the directory's
	put(&p.claims, at, c)
	return c, nil
}

// Claims implements directory.ClaimStore.
func (p *people) Claims(_ context.Context, accountID string) ([]directory.Claim, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []directory.Claim
	for _, c := range p.claims {
		if c.AccountID == accountID {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b directory.Claim) int { return cmp.Compare(a.Domain, b.Domain) })
	return all, nil
}

// ProveDomain implements directory.ClaimStore.
func (p *people) ProveDomain(_ context.Context, d directory.Domain) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := claim{d.Name, d.AccountID}
	c, ok := p.claims[at]
	if !ok || c.Value != d.Proof || !d.VerifiedAt.Before(c.ExpiresAt) {
		return auth.ErrNotFound
	}
	if stands, taken := p.domains[d.Name]; taken && !stands.Lost() && stands.AccountID != d.AccountID {
		return auth.Refusal(auth.ReasonDomainTaken)
	}
	delete(p.claims, at)
	p.putDomainLocked(d)
	return nil
}

// DropClaim implements directory.ClaimStore.
func (p *people) DropClaim(_ context.Context, accountID, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.claims, claim{name, accountID})
	return nil
}

// changeDomain changes what a domain asks, if it counts and change has nothing against it.
func (p *people) changeDomain(name string, change func(*directory.Domain) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, err := find(p.domains, name)
	switch {
	case err != nil:
		return err
	case d.Lost():
		return auth.ErrNotFound
	}
	if err := change(&d); err != nil {
		return err
	}
	p.domains[name] = d
	return nil
}

// SetDomainSSO implements directory.SSOStore.
func (p *people) SetDomainSSO(_ context.Context, name string, mode auth.SSOMode, now time.Time) error {
	return p.changeDomain(name, func(d *directory.Domain) error {
		switch {
		case mode != auth.SSOEnforced:
			d.EnforcedAt = time.Time{}
		case d.SSO != auth.SSOEnforced:
			d.EnforcedAt = now
		}
		d.SSO = mode
		return nil
	})
}

// EnforceSSO implements directory.SSOStore.
func (p *people) EnforceSSO(_ context.Context, name string, now time.Time) error {
	return p.changeDomain(name, func(d *directory.Domain) error {
		if err := d.MayEnforce(now); err != nil {
			return err
		}
		if d.SSO != auth.SSOEnforced {
			d.SSO, d.EnforcedAt = auth.SSOEnforced, now
		}
		return nil
	})
}

// SetDomainConnection implements directory.SSOStore.
func (p *people) SetDomainConnection(_ context.Context, name, connectionID string) error {
	return p.changeDomain(name, func(d *directory.Domain) error {
		if d.Connection != connectionID {
			d.Connection, d.TestedAt = connectionID, time.Time{}
		}
		return nil
	})
}

// PassConnectionTest implements directory.SSOStore.
func (p *people) PassConnectionTest(_ context.Context, connectionID string, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, d := range p.domains {
		if d.Connection == connectionID && !d.Lost() && d.TestedAt.Before(at) {
			d.TestedAt = at
			p.domains[name] = d
		}
	}
	return nil
}
