package storetest_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// What the naive store keeps of identities.

func (n *naive) IdentityBy(_ context.Context, source, subject string) (l auth.Link, err error) {
	var known bool
	n.read(func() { l, known = n.links[[2]string{source, subject}] })
	if !known {
		return auth.Link{}, auth.ErrNotFound
	}
	return l, nil
}

func (n *naive) Identities(_ context.Context, userID string) (all []auth.Link, _ error) {
	n.read(func() {
		for _, l := range n.links {
			if l.UserID == userID {
				all = append(all, l)
			}
		}
	})
	slices.SortFunc(all, func(a, b auth.Link) int {
		return cmp.Or(a.LinkedAt.Compare(b.LinkedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

func (n *naive) LinkIdentity(_ context.Context, l auth.Link) error {
	var stands, taken bool
	n.read(func() {
		for _, was := range n.links {
			same := was.Source == l.Source && was.Subject == l.Subject
			stands = stands || same && was.UserID == l.UserID
			taken = taken || same || was.ID == l.ID || was.UserID == l.UserID && was.Source == l.Source
		}
	})
	switch {
	case stands:
		return nil
	case taken:
		return auth.ErrConflict
	}
	n.write(func() { n.links[[2]string{l.Source, l.Subject}] = l })
	return nil
}

func (n *naive) UseIdentity(ctx context.Context, source, subject string, now time.Time) error {
	l, err := n.IdentityBy(ctx, source, subject)
	if err != nil {
		return err
	}
	if l.UsedAt.Before(now) {
		l.UsedAt = now
		n.write(func() { n.links[[2]string{source, subject}] = l })
	}
	return nil
}

func (n *naive) UnlinkIdentity(ctx context.Context, userID, id string, providers []string) error {
	all, _ := n.Identities(ctx, userID)
	at := slices.IndexFunc(all, func(l auth.Link) bool { return l.ID == id })
	if at < 0 {
		return auth.ErrNotFound
	}
	stays := func(l auth.Link) bool { return l.ID != id && slices.Contains(providers, l.Provider) }
	if providers != nil && !slices.ContainsFunc(all, stays) {
		return auth.ErrConflict
	}
	n.write(func() { delete(n.links, [2]string{all[at].Source, all[at].Subject}) })
	return nil
}

func (n *naive) UnlinkIdentities(ctx context.Context, userID string) error {
	all, _ := n.Identities(ctx, userID)
	for _, l := range all {
		n.write(func() { delete(n.links, [2]string{l.Source, l.Subject}) })
	}
	return nil
}
