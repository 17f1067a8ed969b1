package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

func aLetter(id string, due time.Time) mail.OutboxRow {
	return mail.OutboxRow{ID: id, DueAt: due, ExpiresAt: noon.Add(10 * time.Minute), Body: []byte("\x00\xff sealed letter " + id)}
}

func sameLetter(a, b mail.OutboxRow) bool {
	return a.ID == b.ID && a.DueAt.Equal(b.DueAt) && a.ExpiresAt.Equal(b.ExpiresAt) && a.Attempts == b.Attempts && bytes.Equal(a.Body, b.Body)
}

// outboxSuite has the steps that several tests of Outbox share.
type outboxSuite struct {
	open func(t *testing.T) mail.OutboxStore
}

// with opens a store with some letters, due one microsecond after another.
func (u outboxSuite) with(t *testing.T, ids ...string) mail.OutboxStore {
	t.Helper()
	s := u.open(t)
	for i, id := range ids {
		u.add(t, s, aLetter(id, noon.Add(time.Duration(i)*time.Microsecond)))
	}
	return s
}

func (outboxSuite) add(t *testing.T, s mail.OutboxStore, row mail.OutboxRow) {
	t.Helper()
	ok(t, "AddOutbox", s.AddOutbox(context.Background(), row))
}

// wantClaim claims at an instant, for a minute, and compares which letters that gave, in their order.
func (outboxSuite) wantClaim(t *testing.T, s mail.OutboxStore, now time.Time, limit int, why string, want ...string) []mail.OutboxRow {
	t.Helper()
	rows, err := s.ClaimOutbox(context.Background(), now, now.Add(time.Minute), limit)
	ok(t, "ClaimOutbox", err)
	var got []string
	for _, row := range rows {
		got = append(got, row.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ClaimOutbox(%v after noon, limit %d) = %v, want %v: %s", now.Sub(noon), limit, got, want, why)
	}
	return rows
}

// Outbox tries a mail.OutboxStore. open answers an empty one each time.
func Outbox(t *testing.T, open func(t *testing.T) mail.OutboxStore) {
	u := outboxSuite{open}
	t.Run("a letter waits until it is due", u.due)
	t.Run("a claim moves a letter on", u.claim)
	t.Run("what was written does not change with the caller's bytes", u.bytes)
	t.Run("those due longest come first, and no more than asked for", u.order)
	t.Run("a letter with a code that has expired is answered too", u.expired)
	t.Run("a claimed letter is put off by who holds it", u.retry)
	t.Run("a letter is dropped whoever has it", u.drop)
	t.Run("one worker claims a letter", u.claimRace)
	t.Run("many workers share the letters", u.share)
	t.Run("a letter is not both put off and claimed", u.retryAndClaim)
	t.Run("a letter that is dropped while it is claimed is gone", u.dropAndClaim)
}

func (u outboxSuite) due(t *testing.T) {
	s := u.open(t)
	u.wantClaim(t, s, noon, 10, "there is none")
	u.add(t, s, aLetter("held", noon.Add(time.Minute)))
	u.wantClaim(t, s, noon.Add(time.Minute-time.Microsecond), 10, "it is not due yet")
	u.wantClaim(t, s, noon.Add(time.Minute), 10, "it is due", "held")
}

func (u outboxSuite) claim(t *testing.T) {
	s := u.open(t)
	endless := aLetter("a", noon)
	endless.ExpiresAt = time.Time{}
	u.add(t, s, endless)
	want := endless
	for attempt, at := range []time.Time{noon, noon.Add(time.Minute), noon.Add(time.Hour)} {
		want.Attempts, want.DueAt = attempt+1, at.Add(time.Minute)
		rows := u.wantClaim(t, s, at, 10, "it is due", "a")
		if len(rows) == 1 && !sameLetter(rows[0], want) {
			t.Errorf("ClaimOutbox = %+v, want %+v: the row as it stands after the claim", rows[0], want)
		}
		u.wantClaim(t, s, at.Add(time.Minute-time.Microsecond), 10, "another worker has it")
	}
}

func (u outboxSuite) bytes(t *testing.T) {
	s := u.open(t)
	row := aLetter("a", noon)
	u.add(t, s, row)
	row.Body[0] = 'X'
	for attempt := range 2 {
		at := noon.Add(time.Duration(attempt) * time.Hour)
		for _, got := range u.wantClaim(t, s, at, 10, "it is due", "a") {
			if !bytes.Equal(got.Body, aLetter("a", noon).Body) {
				t.Errorf("ClaimOutbox = %q, want %q: a caller changed its own bytes", got.Body, aLetter("a", noon).Body)
			}
			got.Body[1] = 'X'
		}
	}
}

func (u outboxSuite) order(t *testing.T) {
	s := u.open(t)
	for id, due := range map[string]time.Duration{"third": 3, "first": 1, "fourth": 4, "second": 2, "later": 100} {
		u.add(t, s, aLetter(id, noon.Add(due*time.Second)))
	}
	now := noon.Add(10 * time.Second)
	u.wantClaim(t, s, now, 0, "none was asked for")
	u.wantClaim(t, s, now, 3, "they have been due longest", "first", "second", "third")
	u.wantClaim(t, s, now, 3, "it is the last that is due", "fourth")
	u.wantClaim(t, s, now, 3, "all that are due are claimed")
	for i, id := range []string{"third", "fourth", "first", "second"} {
		ok(t, "RetryOutbox", s.RetryOutbox(context.Background(), id, 1, noon.Add(time.Duration(20+i)*time.Second)))
	}
	u.wantClaim(t, s, noon.Add(100*time.Second), 9, "the order is that of DueAt as it stands", "third", "fourth", "first", "second", "later")
}

func (u outboxSuite) expired(t *testing.T) {
	s := u.with(t, "a")
	rows := u.wantClaim(t, s, noon.Add(24*time.Hour), 10, "whether it is worth sending is not the store's to say", "a")
	if len(rows) == 1 && !rows[0].ExpiresAt.Equal(aLetter("a", noon).ExpiresAt) {
		t.Errorf("ClaimOutbox = expires at %v, want %v", rows[0].ExpiresAt, aLetter("a", noon).ExpiresAt)
	}
}

func (u outboxSuite) retry(t *testing.T) {
	s, ctx := u.with(t, "a", "b"), context.Background()
	wantGone := func(id string, attempts int, why string) {
		t.Helper()
		if err := s.RetryOutbox(ctx, id, attempts, noon.Add(time.Second)); !errors.Is(err, mail.ErrNotFound) {
			t.Errorf("RetryOutbox(%s, attempts %d) = %v, want mail.ErrNotFound: %s", id, attempts, err, why)
		}
	}
	wantGone("none", 1, "there is none")
	u.wantClaim(t, s, noon.Add(time.Second), 1, "it is due", "a")
	wantGone("a", 0, "it stands at 1")
	wantGone("a", 2, "it stands at 1")
	wantGone("b", 1, "nobody has claimed it")
	u.wantClaim(t, s, noon.Add(30*time.Second), 10, "what was refused moved nothing", "b")
	ok(t, "RetryOutbox", s.RetryOutbox(ctx, "a", 1, noon.Add(10*time.Minute)))
	u.wantClaim(t, s, noon.Add(89*time.Second), 10, "it was put off, and the other is claimed")
	ok(t, "RetryOutbox", s.RetryOutbox(ctx, "a", 1, noon.Add(40*time.Second)))
	rows := u.wantClaim(t, s, noon.Add(40*time.Second), 10, "it was brought forward", "a")
	if want := aLetter("a", noon.Add(100*time.Second)); len(rows) == 1 {
		if want.Attempts = 2; !sameLetter(rows[0], want) {
			t.Errorf("ClaimOutbox = %+v, want %+v: only DueAt was changed", rows[0], want)
		}
	}
	wantGone("a", 1, "another worker has claimed it since")
	u.wantClaim(t, s, noon.Add(50*time.Second), 10, "what was refused moved nothing")
}

func (u outboxSuite) drop(t *testing.T) {
	s, ctx := u.with(t, "a", "b", "c"), context.Background()
	ok(t, "DropOutbox(no such letter)", s.DropOutbox(ctx, "none"))
	ok(t, "DropOutbox", s.DropOutbox(ctx, "a"))
	u.wantClaim(t, s, noon.Add(time.Second), 1, "the one before was dropped", "b")
	ok(t, "DropOutbox(a claimed one)", s.DropOutbox(ctx, "b"))
	ok(t, "DropOutbox(again)", s.DropOutbox(ctx, "b"))
	if err := s.RetryOutbox(ctx, "b", 1, noon); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("RetryOutbox(dropped) = %v, want mail.ErrNotFound", err)
	}
	u.wantClaim(t, s, noon.Add(24*time.Hour), 10, "the others were dropped", "c")
}

func (u outboxSuite) claimRace(t *testing.T) {
	s := u.with(t, "a")
	for round := range rounds {
		now := noon.Add(time.Duration(round) * time.Hour)
		claimed := trues(t, "ClaimOutbox", func(int) (bool, error) {
			rows, err := s.ClaimOutbox(context.Background(), now, now.Add(time.Minute), 10)
			if len(rows) == 1 && rows[0].Attempts != round+1 {
				t.Errorf("ClaimOutbox = attempt %d, want %d: one claim is one attempt", rows[0].Attempts, round+1)
			}
			return len(rows) == 1, err
		})
		if claimed != 1 {
			t.Errorf("%d workers claimed one letter %d times, want 1: ClaimOutbox must look and write in one step, or people get letters twice", callers, claimed)
		}
	}
}

func (u outboxSuite) share(t *testing.T) {
	s := u.open(t)
	const letters, limit = 200, 5
	for i := range letters {
		u.add(t, s, aLetter(fmt.Sprint(i), noon))
	}
	var mu sync.Mutex
	claimed := map[string]int{}
	claim := func() int {
		rows, err := s.ClaimOutbox(context.Background(), noon, noon.Add(time.Minute), limit)
		if err != nil || len(rows) > limit {
			t.Errorf("ClaimOutbox = %d letters, %v, want %d at most", len(rows), err, limit)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, row := range rows {
			claimed[row.ID]++
		}
		return len(rows)
	}
	together(func(int) { claim() })
	for claim() > 0 { // what workers left who passed over what others were claiming
	}
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("letter %s was claimed by %d workers, want 1: ClaimOutbox must look and write in one step, or people get letters twice", id, n)
			break
		}
	}
	if len(claimed) != letters {
		t.Errorf("%d letters were claimed, want all %d: none may get lost between workers", len(claimed), letters)
	}
}

func (u outboxSuite) retryAndClaim(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	gone := func(err error) bool { return errors.Is(err, mail.ErrNotFound) }
	for round := range rounds {
		id := fmt.Sprint(round)
		u.add(t, s, aLetter(id, noon))
		u.wantClaim(t, s, noon, 1, "it is due", id)
		// Its worker is slow: the claim is over, and another comes when it puts the letter off.
		claimed := false
		retried := winners(t, "RetryOutbox", gone, func(i int) error {
			if i == callers/2 {
				rows, err := s.ClaimOutbox(ctx, noon.Add(time.Minute), noon.Add(2*time.Minute), 1)
				claimed = len(rows) == 1
				if err != nil {
					t.Errorf("ClaimOutbox = %v, want nil", err)
				}
				return mail.ErrNotFound // it is no retry
			}
			return s.RetryOutbox(ctx, id, 1, noon.Add(time.Hour))
		})
		if claimed == (retried > 0) {
			t.Errorf("a letter was claimed again: %v, and put off %d times by who had it before, want one or the other: RetryOutbox must compare the attempts in the step that writes, and ClaimOutbox look and write in one step",
				claimed, retried)
		}
		ok(t, "DropOutbox", s.DropOutbox(ctx, id))
	}
}

func (u outboxSuite) dropAndClaim(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		id := fmt.Sprint(round)
		u.add(t, s, aLetter(id, noon))
		together(func(i int) {
			var err error
			switch {
			case i == callers/2:
				err = s.DropOutbox(ctx, id)
			case i%2 == 0:
				_, err = s.ClaimOutbox(ctx, noon, noon, 1)
			default:
				if err = s.RetryOutbox(ctx, id, i/4, noon); errors.Is(err, mail.ErrNotFound) {
					err = nil
				}
			}
			if err != nil {
				t.Errorf("DropOutbox, ClaimOutbox or RetryOutbox = %v, want nil", err)
			}
		})
		u.wantClaim(t, s, noon.Add(24*time.Hour), 1, "it was dropped while it was claimed and put off: these must change a row only where it still stands")
	}
}
