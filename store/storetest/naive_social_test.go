package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// What the naive store keeps for accounts that people have elsewhere.

func (n *naive) CreateSocialRequest(_ context.Context, key [32]byte, r social.RequestRow, _ time.Time) error {
	var taken bool
	n.read(func() { _, taken = n.departed[key] })
	if taken {
		return social.ErrConflict
	}
	r.Body = slices.Clone(r.Body)
	n.write(func() { n.departed[key] = r })
	return nil
}

func (n *naive) TakeSocialRequest(_ context.Context, key [32]byte, now time.Time) (social.RequestRow, error) {
	var r social.RequestRow
	var ok bool
	n.read(func() { r, ok = n.departed[key] })
	if !ok || !now.Before(r.ExpiresAt) {
		return social.RequestRow{}, social.ErrNotFound
	}
	n.write(func() { delete(n.departed, key) })
	return r, nil
}
