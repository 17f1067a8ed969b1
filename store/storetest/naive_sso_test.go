package storetest_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// What the naive store keeps for companies that sign in by a provider of their own.

func (n *naive) CreateRequest(_ context.Context, key [32]byte, r sso.RequestRow, _ time.Time) error {
	var taken bool
	n.read(func() { _, taken = n.requests[key] })
	if taken {
		return sso.ErrConflict
	}
	r.Body = slices.Clone(r.Body)
	n.write(func() { n.requests[key] = r })
	return nil
}

func (n *naive) TakeRequest(_ context.Context, key [32]byte, now time.Time) (sso.RequestRow, error) {
	var r sso.RequestRow
	var ok bool
	n.read(func() { r, ok = n.requests[key] })
	if !ok || !now.Before(r.ExpiresAt) {
		return sso.RequestRow{}, sso.ErrNotFound
	}
	n.write(func() { delete(n.requests, key) })
	return r, nil
}

func (n *naive) UseAssertion(_ context.Context, key [32]byte, expires, now time.Time) (bool, error) {
	var used bool
	n.read(func() { _, used = n.used[key] })
	if used || !now.Before(expires) {
		return false, nil
	}
	n.write(func() { n.used[key] = expires })
	return true, nil
}

func (n *naive) AddLogin(_ context.Context, l sso.LoginRow, _ time.Time) error {
	l.Body = slices.Clone(l.Body)
	n.write(func() { n.logins[l.SessionID] = l })
	return nil
}

func (n *naive) LoginOf(_ context.Context, sessionID string) (sso.LoginRow, error) {
	var l sso.LoginRow
	var ok bool
	n.read(func() { l, ok = n.logins[sessionID] })
	if !ok {
		return l, sso.ErrNotFound
	}
	l.Body = slices.Clone(l.Body)
	return l, nil
}

func (n *naive) TakeLogins(_ context.Context, connection string, subject [32]byte, indexes [][32]byte) (all []sso.LoginRow, _ error) {
	none := [32]byte{}
	if subject == none && len(indexes) == 0 {
		return nil, nil
	}
	n.read(func() {
		for _, l := range n.logins {
			of := l.Connection == connection && (subject == none || l.Subject == subject)
			if of && (len(indexes) == 0 || l.Index != none && slices.Contains(indexes, l.Index)) {
				all = append(all, l)
			}
		}
	})
	n.write(func() {
		for _, l := range all {
			delete(n.logins, l.SessionID)
		}
	})
	return all, nil
}

func (n *naive) DropLogin(_ context.Context, sessionID string) error {
	n.write(func() { delete(n.logins, sessionID) })
	return nil
}

// connection is one that may be deleted.
func (n *naive) connection(id string) (c sso.ConnectionRow, ok bool) {
	n.read(func() { c, ok = n.conns[id] })
	c.Body = slices.Clone(c.Body)
	return c, ok
}

func (n *naive) keep(c sso.ConnectionRow, version int64) {
	c.Version, c.Domains, c.Body = version, nil, slices.Clone(c.Body)
	n.write(func() { n.conns[c.ID] = c })
}

func (n *naive) CreateConnection(_ context.Context, c sso.ConnectionRow) error {
	if was, taken := n.connection(c.ID); taken && (was.Version > 0 || was.AccountID != c.AccountID) {
		return sso.ErrConflict
	}
	n.keep(c, 1)
	return nil
}

func (n *naive) ConnectionRow(_ context.Context, id string) (sso.ConnectionRow, error) {
	c, _ := n.connection(id)
	if c.Version == 0 {
		return sso.ConnectionRow{}, sso.ErrNotFound
	}
	return c, nil
}

func (n *naive) ConnectionRows(_ context.Context, accountID string) (all []sso.ConnectionRow, _ error) {
	n.read(func() {
		for _, c := range n.conns {
			if c.AccountID == accountID && c.Version > 0 {
				c.Body = slices.Clone(c.Body)
				all = append(all, c)
			}
		}
	})
	slices.SortFunc(all, func(a, b sso.ConnectionRow) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

func (n *naive) SwapConnection(ctx context.Context, c sso.ConnectionRow) error {
	was, err := n.ConnectionRow(ctx, c.ID)
	switch {
	case err != nil, was.AccountID != c.AccountID:
		return sso.ErrNotFound
	case was.Version != c.Version:
		return sso.ErrConflict
	}
	n.keep(c, c.Version+1)
	return nil
}

func (n *naive) DeleteConnection(ctx context.Context, id string, version int64) error {
	was, err := n.ConnectionRow(ctx, id)
	switch {
	case err != nil:
		return err
	case was.Version != version:
		return sso.ErrConflict
	}
	n.keep(sso.ConnectionRow{ID: id, AccountID: was.AccountID}, 0)
	return nil
}

func (n *naive) ClaimRefresh(_ context.Context, now, until time.Time, limit int) (due []sso.ConnectionRow, _ error) {
	n.read(func() {
		for _, c := range n.conns {
			if !c.RefreshAt.IsZero() && !now.Before(c.RefreshAt) {
				c.Body = slices.Clone(c.Body)
				due = append(due, c)
			}
		}
	})
	slices.SortFunc(due, func(a, b sso.ConnectionRow) int { return a.RefreshAt.Compare(b.RefreshAt) })
	due = due[:min(len(due), max(limit, 0))]
	for i := range due {
		due[i].RefreshAt = until
		n.keep(due[i], due[i].Version)
	}
	return due, nil
}
