package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// aTicket is a link in a slot, with the key of its own name.
func aTicket(name, slot string) auth.Ticket {
	return auth.Ticket{Key: key(name), Slot: key(slot), ExpiresAt: noon.Add(time.Hour), Body: []byte("sealed: " + name)}
}

// wantTicket finds a ticket by its key and in its slot.
func wantTicket(t *testing.T, s auth.Tickets, want auth.Ticket) {
	t.Helper()
	for by, find := range map[string]func() (auth.Ticket, error){
		"Ticket":   func() (auth.Ticket, error) { return s.Ticket(context.Background(), want.Key) },
		"TicketIn": func() (auth.Ticket, error) { return s.TicketIn(context.Background(), want.Slot) },
	} {
		got, err := find()
		if err != nil || got.Key != want.Key || got.Slot != want.Slot || !got.ExpiresAt.Equal(want.ExpiresAt) || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("%s = %x in %x until %v, %q, %v, want %x in %x until %v, %q",
				by, got.Key[:4], got.Slot[:4], got.ExpiresAt, got.Body, err, want.Key[:4], want.Slot[:4], want.ExpiresAt, want.Body)
		}
	}
}

// wantNoTicket finds no ticket with the key, and none of that key in the slot.
func wantNoTicket(t *testing.T, s auth.Tickets, gone auth.Ticket, why string) {
	t.Helper()
	if _, err := s.Ticket(context.Background(), gone.Key); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Ticket = %v, want auth.ErrNotFound: %s", err, why)
	}
	if got, err := s.TicketIn(context.Background(), gone.Slot); err == nil && got.Key == gone.Key || err != nil && !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("TicketIn = %v, want another ticket or auth.ErrNotFound: %s", err, why)
	}
}

// Tickets tries an auth.Tickets. open answers an empty one each time.
func Tickets(t *testing.T, open func(t *testing.T) auth.Tickets) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	missing := func(err error) bool { return errors.Is(err, auth.ErrNotFound) }

	t.Run("what was put is found by its key and in its slot", func(t *testing.T) {
		s := open(t)
		wantNoTicket(t, s, aTicket("a", "slot"), "nothing was put")
		body := []byte("sealed: a")
		put := aTicket("a", "slot")
		put.Body = body
		ok(t, "PutTicket", s.PutTicket(ctx, put, noon))
		body[0] = 'X'
		got, err := s.Ticket(ctx, put.Key)
		ok(t, "Ticket", err)
		got.Body[1] = 'X'
		wantTicket(t, s, aTicket("a", "slot"))
		if _, err := s.Ticket(ctx, put.Slot); !missing(err) {
			t.Errorf("Ticket(a slot) = %v, want auth.ErrNotFound", err)
		}
		if _, err := s.TicketIn(ctx, put.Key); !missing(err) {
			t.Errorf("TicketIn(a key) = %v, want auth.ErrNotFound", err)
		}
	})

	t.Run("a slot holds the newest", func(t *testing.T) {
		s := open(t)
		other := aTicket("other", "other slot")
		ok(t, "PutTicket", s.PutTicket(ctx, other, noon))
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("a", "slot"), noon))
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("b", "slot"), noon))
		wantNoTicket(t, s, aTicket("a", "slot"), "a newer one was put in its slot")
		wantTicket(t, s, aTicket("b", "slot"))
		again := aTicket("b", "slot")
		again.ExpiresAt, again.Body = noon.Add(2*time.Hour), []byte("sealed: again")
		ok(t, "PutTicket", s.PutTicket(ctx, again, noon))
		wantTicket(t, s, again)
		wantTicket(t, s, other)
	})

	t.Run("a key is taken once", func(t *testing.T) {
		s := open(t)
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("a", "slot"), noon))
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("b", "other slot"), noon))
		for _, slot := range []string{"other slot", "a third slot"} {
			if err := s.PutTicket(ctx, aTicket("a", slot), noon.Add(2*time.Hour)); !conflict(err) {
				t.Errorf("PutTicket(a key of another slot, in %s) = %v, want auth.ErrConflict", slot, err)
			}
		}
		wantTicket(t, s, aTicket("a", "slot"))
		wantTicket(t, s, aTicket("b", "other slot"))
		if _, err := s.TicketIn(ctx, key("a third slot")); !missing(err) {
			t.Errorf("TicketIn = %v, want auth.ErrNotFound: a conflict writes nothing", err)
		}
	})

	t.Run("a ticket is taken by its key and dropped by its slot", func(t *testing.T) {
		s := open(t)
		if err := s.TakeTicket(ctx, key("a")); !missing(err) {
			t.Errorf("TakeTicket(no row) = %v, want auth.ErrNotFound", err)
		}
		ok(t, "DropTicket", s.DropTicket(ctx, key("slot")))
		for _, name := range []string{"a", "b", "c"} {
			ok(t, "PutTicket", s.PutTicket(ctx, aTicket(name, "slot of "+name), noon))
		}
		ok(t, "TakeTicket", s.TakeTicket(ctx, key("a")))
		ok(t, "DropTicket", s.DropTicket(ctx, key("slot of b")))
		wantNoTicket(t, s, aTicket("a", "slot of a"), "it was taken")
		wantNoTicket(t, s, aTicket("b", "slot of b"), "it was dropped")
		wantTicket(t, s, aTicket("c", "slot of c"))
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("d", "slot of a"), noon))
		ok(t, "PutTicket", s.PutTicket(ctx, aTicket("b", "slot of b"), noon))
		wantTicket(t, s, aTicket("d", "slot of a"))
	})

	t.Run("of many tickets at the same moment one is in the slot", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			one := func(i int) auth.Ticket { return aTicket(fmt.Sprint(round, " ", i), fmt.Sprint("slot ", round)) }
			together(func(i int) {
				if err := s.PutTicket(ctx, one(i), noon); err != nil {
					t.Errorf("PutTicket = %v, want nil", err)
				}
			})
			in, err := s.TicketIn(ctx, one(0).Slot)
			ok(t, "TicketIn", err)
			var open []int
			for i := range callers {
				if _, err := s.Ticket(ctx, one(i).Key); err == nil {
					open = append(open, i)
				}
			}
			if len(open) != 1 || one(open[0]).Key != in.Key {
				t.Errorf("after %d callers put a ticket in one slot, the keys of callers %v find one, want the one in the slot alone: PutTicket must replace in one step", callers, open)
			}
		}
	})

	t.Run("one slot gets a key", func(t *testing.T) {
		s := open(t)
		won := winners(t, "PutTicket", conflict, func(i int) error { return s.PutTicket(ctx, aTicket("wanted by all", fmt.Sprint("slot ", i)), noon) })
		held := 0
		for i := range callers {
			if _, err := s.TicketIn(ctx, key(fmt.Sprint("slot ", i))); err == nil {
				held++
			}
		}
		if won != 1 || held != 1 {
			t.Errorf("one key was put in %d slots and stands in %d, want 1 and 1: PutTicket must not take another slot's key", won, held)
		}
	})

	t.Run("one caller takes", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			one := aTicket(fmt.Sprint(round), "slot")
			ok(t, "PutTicket", s.PutTicket(ctx, one, noon))
			if won := winners(t, "TakeTicket", missing, func(int) error { return s.TakeTicket(ctx, one.Key) }); won != 1 {
				t.Errorf("%d callers took the ticket %d times, want 1: TakeTicket must delete and answer in one step", callers, won)
			}
			wantNoTicket(t, s, one, "it was taken")
		}
	})

	t.Run("a ticket that is taken while a newer one is put does not take the newer one", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			slot := fmt.Sprint("slot ", round)
			old, fresh := aTicket(fmt.Sprint("old ", round), slot), aTicket(fmt.Sprint("new ", round), slot)
			ok(t, "PutTicket", s.PutTicket(ctx, old, noon))
			together(func(i int) {
				if i == callers/2 {
					if err := s.PutTicket(ctx, fresh, noon); err != nil {
						t.Errorf("PutTicket = %v, want nil", err)
					}
				} else if err := s.TakeTicket(ctx, old.Key); err != nil && !missing(err) {
					t.Errorf("TakeTicket = %v, want nil or auth.ErrNotFound", err)
				}
			})
			if got, err := s.TicketIn(ctx, fresh.Slot); err != nil || got.Key != fresh.Key {
				t.Errorf("TicketIn = %v, want the newer ticket: TakeTicket must empty a slot only of the ticket that it takes", err)
			}
			wantNoTicket(t, s, old, "it was taken, or replaced")
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		for i := range 40 {
			old, live := aTicket(fmt.Sprint("old ", i), fmt.Sprint("old slot ", i)), aTicket(fmt.Sprint("live ", i), fmt.Sprint("live slot ", i))
			old.ExpiresAt = noon.Add(-24 * time.Hour)
			ok(t, "PutTicket", s.PutTicket(ctx, old, noon.Add(-25*time.Hour)))
			ok(t, "PutTicket", s.PutTicket(ctx, live, noon))
		}
		for i := range 40 {
			ok(t, "PutTicket", s.PutTicket(ctx, aTicket(fmt.Sprint("new ", i), fmt.Sprint("new slot ", i)), noon))
		}
		for i := range 40 {
			wantTicket(t, s, aTicket(fmt.Sprint("live ", i), fmt.Sprint("live slot ", i)))
		}
	})
}
