package storetest_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// What the naive store keeps of domains.

func (n *naive) Domain(_ context.Context, name string) (directory.Domain, error) {
	var d directory.Domain
	n.read(func() { d = n.domains[name] })
	if d.Name == "" {
		return d, auth.ErrNotFound
	}
	return d, nil
}

// counting is a domain that is not lost.
func (n *naive) counting(name string) (directory.Domain, error) {
	d, err := n.Domain(context.Background(), name)
	if err == nil && d.Lost() {
		err = auth.ErrNotFound
	}
	return d, err
}

func (n *naive) putDomain(d directory.Domain) { n.write(func() { n.domains[d.Name] = d }) }

// over is a domain as it is written over another.
func over(was, d directory.Domain) directory.Domain {
	if was.AccountID == d.AccountID {
		d.SSO, d.EnforcedAt, d.Connection, d.TestedAt = was.SSO, was.EnforcedAt, was.Connection, was.TestedAt
	}
	return d
}

func (n *naive) AddDomain(ctx context.Context, d directory.Domain) error {
	if _, err := n.account(d.AccountID); err != nil {
		return err
	}
	was, err := n.Domain(ctx, d.Name)
	switch {
	case err == nil && !was.Lost() && was.AccountID != d.AccountID:
		return auth.ErrConflict
	case err != nil || was.Lost():
		n.putDomain(over(was, d))
	}
	return nil
}

func (n *naive) ReleaseDomain(ctx context.Context, accountID, name string) error {
	d, err := n.Domain(ctx, name)
	if err != nil || d.AccountID != accountID {
		return auth.ErrNotFound
	}
	if err := d.MayRelease(); err != nil {
		return err
	}
	n.write(func() { delete(n.domains, name) })
	return nil
}

func (n *naive) Domains(_ context.Context, accountID string) (all []directory.Domain, _ error) {
	n.read(func() {
		for _, d := range n.domains {
			if d.AccountID == accountID {
				all = append(all, d)
			}
		}
	})
	slices.SortFunc(all, func(a, b directory.Domain) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (n *naive) DueDomains(_ context.Context, now, again time.Time, limit int) (due []directory.Domain, _ error) {
	n.read(func() {
		for _, d := range n.domains {
			if !d.CheckAt.IsZero() && !d.CheckAt.After(now) {
				due = append(due, d)
			}
		}
	})
	slices.SortFunc(due, func(a, b directory.Domain) int {
		return cmp.Or(a.CheckAt.Compare(b.CheckAt), cmp.Compare(a.Name, b.Name))
	})
	due = due[:min(limit, len(due))]
	for i := range due {
		due[i].CheckAt = again
		n.putDomain(due[i])
	}
	return due, nil
}

func (n *naive) SwapDomainCheck(ctx context.Context, d directory.Domain, was time.Time) error {
	stands, err := n.Domain(ctx, d.Name)
	if err != nil || stands.Proof != d.Proof || !stands.CheckAt.Equal(was) {
		return auth.ErrConflict
	}
	stands.VerifiedAt, stands.CheckAt, stands.Misses, stands.MissedAt, stands.LostAt = d.VerifiedAt, d.CheckAt, d.Misses, d.MissedAt, d.LostAt
	n.putDomain(stands)
	return nil
}

func (n *naive) ClaimDomain(_ context.Context, c directory.Claim) (directory.Claim, error) {
	if _, err := n.account(c.AccountID); err != nil {
		return directory.Claim{}, err
	}
	if d, err := n.counting(c.Domain); err == nil {
		if d.AccountID == c.AccountID {
			return directory.Claim{}, auth.ErrConflict
		}
		return directory.Claim{}, auth.Refusal(auth.ReasonDomainTaken)
	}
	var was directory.Claim
	at := [2]string{c.AccountID, c.Domain}
	n.read(func() { was = n.claims[at] })
	if c.MadeAt.Before(was.ExpiresAt) {
		return was, nil
	}
	n.write(func() { n.claims[at] = c })
	return c, nil
}

func (n *naive) Claims(_ context.Context, accountID string) (all []directory.Claim, _ error) {
	n.read(func() {
		for _, c := range n.claims {
			if c.AccountID == accountID {
				all = append(all, c)
			}
		}
	})
	slices.SortFunc(all, func(a, b directory.Claim) int { return cmp.Compare(a.Domain, b.Domain) })
	return all, nil
}

func (n *naive) ProveDomain(ctx context.Context, d directory.Domain) error {
	var c directory.Claim
	at := [2]string{d.AccountID, d.Name}
	n.read(func() { c = n.claims[at] })
	if c.Value != d.Proof || !d.VerifiedAt.Before(c.ExpiresAt) {
		return auth.ErrNotFound
	}
	was, err := n.Domain(ctx, d.Name)
	if err == nil && !was.Lost() && was.AccountID != d.AccountID {
		return auth.Refusal(auth.ReasonDomainTaken)
	}
	n.write(func() { delete(n.claims, at); n.domains[d.Name] = over(was, d) })
	return nil
}

func (n *naive) DropClaim(_ context.Context, accountID, name string) error {
	n.write(func() { delete(n.claims, [2]string{accountID, name}) })
	return nil
}

func (n *naive) SetDomainSSO(_ context.Context, name string, mode auth.SSOMode, now time.Time) error {
	d, err := n.counting(name)
	if err != nil {
		return err
	}
	switch {
	case mode != auth.SSOEnforced:
		d.EnforcedAt = time.Time{}
	case d.SSO != auth.SSOEnforced:
		d.EnforcedAt = now
	}
	d.SSO = mode
	n.putDomain(d)
	return nil
}

func (n *naive) EnforceSSO(ctx context.Context, name string, now time.Time) error {
	d, err := n.counting(name)
	if err != nil {
		return err
	}
	if err := d.MayEnforce(now); err != nil {
		return err
	}
	return n.SetDomainSSO(ctx, name, auth.SSOEnforced, now)
}

func (n *naive) SetDomainConnection(_ context.Context, name, connectionID string) error {
	d, err := n.counting(name)
	if err != nil {
		return err
	}
	if d.Connection != connectionID {
		d.Connection, d.TestedAt = connectionID, time.Time{}
	}
	n.putDomain(d)
	return nil
}

func (n *naive) PassConnectionTest(_ context.Context, connectionID string, at time.Time) error {
	var named []directory.Domain
	n.read(func() {
		for _, d := range n.domains {
			if d.Connection == connectionID && !d.Lost() && d.TestedAt.Before(at) {
				named = append(named, d)
			}
		}
	})
	for _, d := range named {
		d.TestedAt = at
		n.putDomain(d)
	}
	return nil
}
