package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// What the naive store keeps of mailed links: rows by key, and for each slot the key of its newest.

func (n *naive) PutTicket(_ context.Context, t auth.Ticket, _ time.Time) error {
	var was auth.Ticket
	var taken, held bool
	var old [32]byte
	n.read(func() { was, taken = n.tickets[t.Key]; old, held = n.slots[t.Slot] })
	if taken && was.Slot != t.Slot {
		return auth.ErrConflict
	}
	t.Body = slices.Clone(t.Body)
	n.write(func() {
		if held {
			delete(n.tickets, old)
		}
		n.tickets[t.Key] = t
		n.slots[t.Slot] = t.Key
	})
	return nil
}

func (n *naive) Ticket(_ context.Context, key [32]byte) (auth.Ticket, error) {
	var t auth.Ticket
	var ok bool
	n.read(func() { t, ok = n.tickets[key] })
	if !ok {
		return t, auth.ErrNotFound
	}
	t.Body = slices.Clone(t.Body)
	return t, nil
}

func (n *naive) TicketIn(ctx context.Context, slot [32]byte) (auth.Ticket, error) {
	var key [32]byte
	var ok bool
	n.read(func() { key, ok = n.slots[slot] })
	if !ok {
		return auth.Ticket{}, auth.ErrNotFound
	}
	return n.Ticket(ctx, key)
}

func (n *naive) TakeTicket(ctx context.Context, key [32]byte) error {
	t, err := n.Ticket(ctx, key)
	if err != nil {
		return err
	}
	n.write(func() { delete(n.tickets, key); delete(n.slots, t.Slot) })
	return nil
}

func (n *naive) DropTicket(ctx context.Context, slot [32]byte) error {
	t, err := n.TicketIn(ctx, slot)
	if err != nil {
		return nil
	}
	n.write(func() { delete(n.tickets, t.Key); delete(n.slots, slot) })
	return nil
}
