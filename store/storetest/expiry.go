package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/sso"
)

// An ExpiryStore deletes expired rows of the tables that strangers can fill, and has an outbox whose letters it leaves alone.
type ExpiryStore interface {
	auth.Expiry
	auth.Flows
	auth.Limits
	auth.Tickets
	session.Store
	mfa.CodeStore
	mail.OutboxStore
}

// Expiry tries an auth.Expiry together with the stores whose rows it deletes. open answers an empty one each time.
func Expiry(t *testing.T, open func(t *testing.T) ExpiryStore) {
	ctx := context.Background()
	counter := auth.Charge{Key: key("counter"), Window: time.Hour, Limit: 3, Lock: 2 * time.Hour}

	t.Run("A-278 each kind of row goes when it has expired and not before", func(t *testing.T) {
		s := open(t)
		idle := aSession("ann", "idle", noon)
		idle.SeenAt, idle.Idle = noon, time.Hour
		ok(t, "CreateSession", s.CreateSession(ctx, key("idle"), idle))
		capped := aSession("ann", "capped", noon)
		capped.SeenAt, capped.Idle, capped.ExpiresAt = noon, 5*time.Hour, noon.Add(3*time.Hour)
		ok(t, "CreateSession", s.CreateSession(ctx, key("capped"), capped))
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("flow"), auth.FlowRow{ExpiresAt: noon.Add(15 * time.Minute)}, noon))
		if _, err := s.Charge(ctx, []auth.Charge{counter}, noon); err != nil {
			t.Fatal(err)
		}
		code := aCode("code")
		code.ExpiresAt, code.EndsAt = noon.Add(10*time.Minute), noon.Add(2*time.Hour)
		if _, err := s.SendCode(ctx, key("code"), code, three, noon); err != nil {
			t.Fatal(err)
		}
		link := auth.Ticket{Key: key("link"), Slot: key("slot"), ExpiresAt: noon.Add(4 * time.Hour)}
		ok(t, "PutTicket", s.PutTicket(ctx, link, noon))
		for _, step := range []struct {
			after time.Duration
			want  int
			what  string
		}{
			{15*time.Minute - time.Microsecond, 0, "nothing has expired yet"},
			{15 * time.Minute, 1, "the flow has expired"},
			{time.Hour - time.Microsecond, 0, "the session was seen less than an hour ago"},
			{time.Hour, 2, "the session without activity and the counter have expired"},
			{2*time.Hour - time.Microsecond, 0, "the code has expired long ago, and its counters count still"},
			{2 * time.Hour, 1, "the row of the code has ended"},
			{3*time.Hour - time.Microsecond, 0, "the other session lasts three hours"},
			{3 * time.Hour, 1, "the other session has come to its end"},
			{4*time.Hour - time.Microsecond, 0, "the link lasts four hours"},
			{4 * time.Hour, 1, "the link has expired"},
			{100 * time.Hour, 0, "nothing is left"},
		} {
			if got := expire(t, s, noon.Add(step.after), 100); got != step.want {
				t.Errorf("DeleteExpired(%v after noon) = %d, want %d: %s", step.after, got, step.want, step.what)
			}
		}
		wantNoFlow(t, s, key("flow"), "it has expired and was deleted")
		wantNoTicket(t, s, link, "it has expired and was deleted")
		wantNoSession(t, s, key("idle"), noon, "it has expired and was deleted")
		wantNoSession(t, s, key("capped"), noon, "it has expired and was deleted")
	})

	t.Run("activity and a rotation put the end off", func(t *testing.T) {
		s := open(t)
		one := aSession("ann", "s1", noon)
		one.SeenAt, one.Idle, one.ExpiresAt = noon, time.Hour, noon.Add(10*time.Hour)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), one))
		ok(t, "TouchSession", s.TouchSession(ctx, key("s1"), noon.Add(30*time.Minute)))
		if n := expire(t, s, noon.Add(time.Hour), 100); n != 0 {
			t.Errorf("DeleteExpired = %d, want 0: the session was touched half an hour ago", n)
		}
		one.Idle = 4 * time.Hour
		ok(t, "RotateSession", s.RotateSession(ctx, key("s1"), key("s2"), one, noon))
		if n := expire(t, s, noon.Add(4*time.Hour), 100); n != 0 {
			t.Errorf("DeleteExpired = %d, want 0: the rotation gave the session four hours", n)
		}
		one.ExpiresAt = noon.Add(4 * time.Hour)
		ok(t, "RotateSession", s.RotateSession(ctx, key("s2"), key("s3"), one, noon))
		if n := expire(t, s, noon.Add(4*time.Hour), 100); n != 1 {
			t.Errorf("DeleteExpired = %d, want 1: the rotation brought the end forward", n)
		}
	})

	t.Run("a count that has no end stays", func(t *testing.T) {
		s := open(t)
		endless := []auth.Charge{{Key: key("endless"), Limit: 2, Lock: time.Hour}}
		later := noon.AddDate(100, 0, 0)
		if _, err := s.Charge(ctx, endless, noon); err != nil {
			t.Fatal(err)
		}
		expire(t, s, later, 100)
		if _, err := s.Charge(ctx, endless, later); err != nil {
			t.Fatal(err)
		}
		if closedTo, err := s.Charge(ctx, endless, later); err != nil || !closedTo.Equal(later.Add(time.Hour)) {
			t.Errorf("Charge (guess 3, Limit 2) = %v, %v, want closed for an hour: a counter without ExpiresAt never expires", closedTo, err)
		}
	})

	t.Run("a letter stays until it is dropped", func(t *testing.T) {
		s := open(t)
		ok(t, "AddOutbox", s.AddOutbox(ctx, aLetter("letter", noon)))
		later := noon.AddDate(1, 0, 0)
		if n := expire(t, s, later, 100); n != 0 {
			t.Errorf("DeleteExpired = %d, want 0: whoever sends letters says when one is given up, and tells people", n)
		}
		if rows, err := s.ClaimOutbox(ctx, later, later.Add(time.Minute), 10); err != nil || len(rows) != 1 {
			t.Errorf("ClaimOutbox = %d letters, %v, want the one whose code has expired", len(rows), err)
		}
	})

	t.Run("no more go than the limit says", func(t *testing.T) {
		s := open(t)
		for i := range 10 {
			ok(t, "CreateFlow", s.CreateFlow(ctx, key(fmt.Sprint(i)), auth.FlowRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		}
		for _, want := range []int{4, 4, 2, 0} {
			if got := expire(t, s, noon, 4); got != want {
				t.Errorf("DeleteExpired(limit 4) = %d, want %d", got, want)
			}
		}
	})

	t.Run("each row is counted by one caller", func(t *testing.T) {
		s := open(t)
		const rows = 200
		for i := range rows {
			ok(t, "CreateFlow", s.CreateFlow(ctx, key(fmt.Sprint(i)), auth.FlowRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		}
		countedOnce(t, s, rows)
	})

	t.Run("a flow that goes on is not deleted with the old ones", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateFlow", s.CreateFlow(ctx, k, auth.FlowRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
			var swapped error
			together(func(i int) {
				if i == callers/2 {
					swapped = s.SwapFlow(ctx, k, k, auth.FlowRow{Version: 2, ExpiresAt: noon.Add(time.Hour)})
				} else if _, err := s.DeleteExpired(ctx, noon, 100); err != nil {
					t.Errorf("DeleteExpired = %v, want nil", err)
				}
			})
			_, err := s.Flow(ctx, k)
			if swapped == nil && err != nil {
				t.Errorf("Flow = %v after SwapFlow succeeded, want the row: DeleteExpired must look and delete in one step", err)
			}
			if swapped != nil && !errors.Is(swapped, auth.ErrNotFound) {
				t.Errorf("SwapFlow = %v, want nil or auth.ErrNotFound", swapped)
			}
		}
	})

	t.Run("a link that is sent anew is not deleted with the old ones", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			slot := key(fmt.Sprint("slot ", round))
			ok(t, "PutTicket", s.PutTicket(ctx, auth.Ticket{Key: slot, Slot: slot, ExpiresAt: noon}, noon.Add(-time.Hour)))
			fresh := auth.Ticket{Key: slot, Slot: slot, ExpiresAt: noon.Add(time.Hour)}
			if round%2 == 1 {
				fresh.Key = key(fmt.Sprint("new ", round))
			}
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.PutTicket(ctx, fresh, noon)
				} else {
					_, err = s.DeleteExpired(ctx, noon, 100)
				}
				if err != nil {
					t.Errorf("PutTicket or DeleteExpired = %v, want nil", err)
				}
			})
			if got, err := s.TicketIn(ctx, slot); err != nil || got.Key != fresh.Key {
				t.Errorf("TicketIn = %v, want the link that was sent: DeleteExpired must look and delete in one step", err)
			}
		}
	})

	t.Run("a code that is sent again is not deleted with the old ones", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k, id := key(fmt.Sprint(round)), fmt.Sprint("new ", round)
			old := aCode("old")
			old.EndsAt = noon
			_, err := s.SendCode(ctx, k, old, three, noon.Add(-time.Hour))
			ok(t, "SendCode", err)
			together(func(i int) {
				var err error
				if i == callers/2 {
					_, err = s.SendCode(ctx, k, aCode(id), three, noon)
				} else {
					_, err = s.DeleteExpired(ctx, noon, 100)
				}
				if err != nil {
					t.Errorf("SendCode or DeleteExpired = %v, want nil", err)
				}
			})
			if got, err := s.SpendCode(ctx, k, 1, noon); err != nil || got.ID != id {
				t.Errorf("SpendCode = %+v, %v, want the code that was sent: DeleteExpired must look and delete in one step", got, err)
			}
		}
	})
}

// An SSOExpiryStore deletes expired rows of package sso.
type SSOExpiryStore interface {
	auth.Expiry
	sso.Requests
	sso.Logins
}

// SSOExpiry tries an auth.Expiry together with the stores of package sso whose rows it deletes. open answers an empty one each time.
func SSOExpiry(t *testing.T, open func(t *testing.T) SSOExpiryStore) {
	ctx := context.Background()

	t.Run("A-278 each kind of row goes when it has expired and not before", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("r"), aRequest("sealed"), noon)) // ten minutes
		wantUsed(t, s, key("a"), noon.Add(20*time.Minute), noon, true, "it is new")
		ok(t, "AddLogin", s.AddLogin(ctx, aLogin("s1", "acme", "ann", "1"), noon)) // an hour
		for _, step := range []struct {
			after time.Duration
			want  int
			what  string
		}{
			{10*time.Minute - time.Microsecond, 0, "nothing has expired yet"},
			{10 * time.Minute, 1, "the request has expired"},
			{20*time.Minute - time.Microsecond, 0, "the used answer could still be used"},
			{20 * time.Minute, 1, "nobody can use the answer any more"},
			{time.Hour - time.Microsecond, 0, "the session lasts an hour"},
			{time.Hour, 1, "the session is over"},
			{100 * time.Hour, 0, "nothing is left"},
		} {
			if got := expire(t, s, noon.Add(step.after), 100); got != step.want {
				t.Errorf("DeleteExpired(%v after noon) = %d, want %d: %s", step.after, got, step.want, step.what)
			}
			if step.after < 20*time.Minute {
				wantUsed(t, s, key("a"), noon.Add(time.Hour), noon, false, "it was used, and has not come to its end")
			}
			if step.after < time.Hour {
				wantLogin(t, s, aLogin("s1", "acme", "ann", "1"))
			}
		}
		wantNoRequest(t, s, key("r"), noon, "it has expired and was deleted")
		wantNoLogin(t, s, "s1", "it has expired and was deleted")
		wantTaken(t, s, "acme", key("ann"), nil, "it has expired and was deleted")
		wantTaken(t, s, "acme", [32]byte{}, [][32]byte{key("1")}, "it has expired and was deleted")
	})

	t.Run("no more of each go than the limit says", func(t *testing.T) {
		s := open(t)
		before := noon.Add(-time.Minute)
		for i := range 10 {
			name := fmt.Sprint(i)
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(name), sso.RequestRow{ExpiresAt: noon}, before))
			wantUsed(t, s, key(name), noon, before, true, "it is new")
			ok(t, "AddLogin", s.AddLogin(ctx, sso.LoginRow{SessionID: name, ExpiresAt: noon}, before))
		}
		for _, want := range []int{12, 12, 6, 0} {
			if got := expire(t, s, noon, 4); got != want {
				t.Errorf("DeleteExpired(limit 4, of each of three tables) = %d, want %d", got, want)
			}
		}
	})

	t.Run("each row is counted by one caller", func(t *testing.T) {
		s := open(t)
		const rows = 200
		for i := range rows {
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(fmt.Sprint(i)), sso.RequestRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		}
		countedOnce(t, s, rows)
	})

	t.Run("a session that signs in anew does not lose where it came from with the old ones", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			fresh := aLogin(fmt.Sprint("s ", round), "acme", "ann", "1")
			old := fresh
			old.ExpiresAt = noon
			ok(t, "AddLogin", s.AddLogin(ctx, old, noon.Add(-time.Hour)))
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.AddLogin(ctx, fresh, noon)
				} else {
					_, err = s.DeleteExpired(ctx, noon, 100)
				}
				if err != nil {
					t.Errorf("AddLogin or DeleteExpired = %v, want nil", err)
				}
			})
			if got, err := s.LoginOf(ctx, fresh.SessionID); err != nil || !sameLogin(got, fresh) {
				t.Errorf("LoginOf = %+v, %v, want the newer row: DeleteExpired must look and delete in one step", got, err)
			}
		}
	})
}

// countedOnce has many callers delete what has expired at noon, which are this many rows, and counts what they say.
func countedOnce(t *testing.T, s auth.Expiry, rows int) {
	t.Helper()
	var mu sync.Mutex
	total := 0
	together(func(int) {
		n, err := s.DeleteExpired(t.Context(), noon, 10)
		mu.Lock()
		defer mu.Unlock()
		total += n
		if err != nil {
			t.Errorf("DeleteExpired = %v, want nil", err)
		}
	})
	if total > rows {
		t.Errorf("%d callers deleted %d rows, and there were %d: DeleteExpired must delete and count in one step", callers, total, rows)
	}
	for total < rows {
		n := expire(t, s, noon, rows)
		if total += n; n == 0 {
			t.Fatalf("all callers together deleted %d rows, want %d", total, rows)
		}
	}
}

// expire deletes what has expired, and answers how many rows that were.
func expire(t *testing.T, s auth.Expiry, now time.Time, limit int) int {
	t.Helper()
	n, err := s.DeleteExpired(t.Context(), now, limit)
	ok(t, "DeleteExpired", err)
	return n
}
