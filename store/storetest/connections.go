package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/sso"
)

func aConnection(id, account string, version int64, body string) sso.ConnectionRow {
	return sso.ConnectionRow{ID: id, AccountID: account, Version: version, Body: []byte(body)}
}

func sameConnection(a, b sso.ConnectionRow) bool {
	same := a.ID == b.ID && a.AccountID == b.AccountID && a.Version == b.Version && slices.Equal(a.Domains, b.Domains)
	return same && bytes.Equal(a.Body, b.Body) && a.RefreshAt.Equal(b.RefreshAt)
}

func wantConnection(t *testing.T, s sso.Store, want sso.ConnectionRow) {
	t.Helper()
	if got, err := s.ConnectionRow(context.Background(), want.ID); err != nil || !sameConnection(got, want) {
		t.Errorf("ConnectionRow(%s) = %+v, %v, want %+v", want.ID, got, err, want)
	}
}

func wantNoConnection(t *testing.T, s sso.Store, id, why string) {
	t.Helper()
	if _, err := s.ConnectionRow(context.Background(), id); !errors.Is(err, sso.ErrNotFound) {
		t.Errorf("ConnectionRow(%s) = %v, want sso.ErrNotFound: %s", id, err, why)
	}
}

// wantConnections compares which connections a company has, in their order.
func wantConnections(t *testing.T, s sso.Store, account string, want ...string) []sso.ConnectionRow {
	t.Helper()
	rows, err := s.ConnectionRows(context.Background(), account)
	ok(t, "ConnectionRows", err)
	got := []string{}
	for _, row := range rows {
		got = append(got, row.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ConnectionRows(%s) = %v, want %v: those of the company and no others, by ID", account, got, want)
	}
	return rows
}

// wantRefresh claims what is due at an instant, for an hour, and compares which connections that gave, in their order.
func wantRefresh(t *testing.T, s sso.Store, now time.Time, limit int, why string, want ...string) []sso.ConnectionRow {
	t.Helper()
	rows, err := s.ClaimRefresh(context.Background(), now, now.Add(time.Hour), limit)
	ok(t, "ClaimRefresh", err)
	got := []string{}
	for _, row := range rows {
		got = append(got, row.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("ClaimRefresh(%v after noon, limit %d) = %v, want %v: %s", now.Sub(noon), limit, got, want, why)
	}
	return rows
}

// SSOConnections tries an sso.Store, but for the Domains that it answers: see SSODomains. open answers an empty one each time.
func SSOConnections(t *testing.T, open func(t *testing.T) sso.Store) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, sso.ErrConflict) }
	missing := func(err error) bool { return errors.Is(err, sso.ErrNotFound) }
	lost := func(err error) bool { return conflict(err) || missing(err) }

	t.Run("what was created is found", func(t *testing.T) {
		s := open(t)
		wantNoConnection(t, s, "c1", "nothing was created")
		wantConnections(t, s, "acme")
		given := aConnection("c1", "acme", 7, "\x00\xff body") // whatever version the caller wrote
		given.RefreshAt, given.Domains = noon, []string{"acme.example"}
		ok(t, "CreateConnection", s.CreateConnection(ctx, given))
		want := aConnection("c1", "acme", 1, "\x00\xff body")
		want.RefreshAt = noon
		wantConnection(t, s, want) // without domains: who writes a connection does not say what it speaks for
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("bare", "acme", 0, "")))
		wantConnection(t, s, aConnection("bare", "acme", 1, ""))
		wantNoConnection(t, s, "c2", "no row has this ID")
	})

	t.Run("what was written does not change with the caller's bytes", func(t *testing.T) {
		s := open(t)
		given := aConnection("c1", "acme", 1, "body")
		given.RefreshAt = noon
		want := aConnection("c1", "acme", 1, "body")
		want.RefreshAt = noon
		ok(t, "CreateConnection", s.CreateConnection(ctx, given))
		given.Body[0] = 'X'
		one, err := s.ConnectionRow(ctx, "c1")
		ok(t, "ConnectionRow", err)
		one.Body[1] = 'X'
		wantConnections(t, s, "acme", "c1")[0].Body[2] = 'X'
		wantConnection(t, s, want)
		wantRefresh(t, s, noon, 1, "it is due", "c1")[0].Body[3] = 'X'
		next := aConnection("c1", "acme", 1, "body")
		want.Version, want.RefreshAt = 2, time.Time{}
		ok(t, "SwapConnection", s.SwapConnection(ctx, next))
		next.Body[0] = 'X'
		wantConnection(t, s, want)
	})

	t.Run("an ID is taken once", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateConnection", conflict, func(i int) error {
			return s.CreateConnection(ctx, aConnection("c1", fmt.Sprint("company ", i), 0, fmt.Sprint(i)))
		})
		if won != 1 {
			t.Errorf("%d of %d callers created a connection with one ID, want 1: CreateConnection must not replace a row", won, callers)
		}
		row, err := s.ConnectionRow(ctx, "c1")
		ok(t, "ConnectionRow", err)
		if err := s.CreateConnection(ctx, aConnection("c1", row.AccountID, 0, "again")); !conflict(err) {
			t.Errorf("CreateConnection(an ID of the same company) = %v, want sso.ErrConflict", err)
		}
		wantConnection(t, s, row)
	})

	t.Run("A-064 the ID of a deleted connection stays its company's", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("c1", "acme", 0, "one")))
		ok(t, "DeleteConnection", s.DeleteConnection(ctx, "c1", 1))
		won := winners(t, "CreateConnection", conflict, func(i int) error {
			return s.CreateConnection(ctx, aConnection("c1", fmt.Sprint("company ", i), 0, ""))
		})
		if won != 0 {
			t.Errorf("%d other companies got the ID of a deleted connection, want 0: their provider could sign in as the people who are known by it", won)
		}
		wantNoConnection(t, s, "c1", "it was deleted")
		again := aConnection("c1", "acme", 0, "again")
		again.RefreshAt = noon
		won = winners(t, "CreateConnection", conflict, func(int) error { return s.CreateConnection(ctx, again) })
		if won != 1 {
			t.Errorf("its own company got the ID again %d times, want 1: CreateConnection must not replace a row", won)
		}
		again.Version = 1
		wantConnection(t, s, again)
		wantConnections(t, s, "acme", "c1")
		wantConnections(t, s, "company 1")
	})

	t.Run("a company's connections come by ID", func(t *testing.T) {
		s := open(t)
		for _, id := range []string{"b", "a-2", "B", "a_1", "9", "a"} {
			ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection(id, "acme", 0, "body of "+id)))
		}
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("aa", "globex", 0, "")))
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("gone", "acme", 0, "")))
		ok(t, "DeleteConnection", s.DeleteConnection(ctx, "gone", 1))
		for _, row := range wantConnections(t, s, "acme", "9", "B", "a", "a-2", "a_1", "b") {
			if !sameConnection(row, aConnection(row.ID, "acme", 1, "body of "+row.ID)) {
				t.Errorf("ConnectionRows = %+v among them, want what ConnectionRow answers", row)
			}
		}
		wantConnections(t, s, "initech")
	})

	t.Run("A-061 a swap needs the version and the company", func(t *testing.T) {
		s := open(t)
		if err := s.SwapConnection(ctx, aConnection("c1", "acme", 0, "")); !missing(err) {
			t.Errorf("SwapConnection(no row) = %v, want sso.ErrNotFound", err)
		}
		wantNoConnection(t, s, "c1", "SwapConnection must not make a row")
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("c1", "acme", 0, "one")))
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("c2", "globex", 0, "other")))
		next := aConnection("c1", "acme", 1, "two")
		next.RefreshAt, next.Domains = noon.Add(time.Hour), []string{"acme.example"}
		ok(t, "SwapConnection", s.SwapConnection(ctx, next))
		next.Version, next.Domains = 2, nil
		wantConnection(t, s, next)
		for _, version := range []int64{0, 1, 3} {
			if err := s.SwapConnection(ctx, aConnection("c1", "acme", version, "stray")); !conflict(err) {
				t.Errorf("SwapConnection(version %d where 2 stands) = %v, want sso.ErrConflict", version, err)
			}
		}
		for _, version := range []int64{1, 2} {
			if err := s.SwapConnection(ctx, aConnection("c1", "globex", version, "stray")); !missing(err) {
				t.Errorf("SwapConnection(version %d of another company's) = %v, want sso.ErrNotFound: it is none of theirs", version, err)
			}
		}
		wantConnection(t, s, next)
		wantConnection(t, s, aConnection("c2", "globex", 1, "other"))
		ok(t, "SwapConnection", s.SwapConnection(ctx, aConnection("c1", "acme", 2, "")))
		wantConnection(t, s, aConnection("c1", "acme", 3, ""))
	})

	t.Run("a connection is deleted at its version", func(t *testing.T) {
		s := open(t)
		if err := s.DeleteConnection(ctx, "c1", 1); !missing(err) {
			t.Errorf("DeleteConnection(no row) = %v, want sso.ErrNotFound", err)
		}
		one := aConnection("c1", "acme", 1, "one")
		one.RefreshAt = noon
		ok(t, "CreateConnection", s.CreateConnection(ctx, one))
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("c2", "acme", 0, "two")))
		for _, version := range []int64{0, 2} {
			if err := s.DeleteConnection(ctx, "c1", version); !conflict(err) {
				t.Errorf("DeleteConnection(version %d where 1 stands) = %v, want sso.ErrConflict", version, err)
			}
		}
		wantConnection(t, s, one)
		ok(t, "DeleteConnection", s.DeleteConnection(ctx, "c1", 1))
		wantNoConnection(t, s, "c1", "it was deleted")
		for _, version := range []int64{0, 1} {
			if err := s.DeleteConnection(ctx, "c1", version); !missing(err) {
				t.Errorf("DeleteConnection(again, version %d) = %v, want sso.ErrNotFound", version, err)
			}
			if err := s.SwapConnection(ctx, aConnection("c1", "acme", version, "")); !missing(err) {
				t.Errorf("SwapConnection(a deleted one, version %d) = %v, want sso.ErrNotFound", version, err)
			}
		}
		wantConnections(t, s, "acme", "c2")
		wantRefresh(t, s, noon.Add(time.Hour), 10, "it was deleted")
	})

	t.Run("one caller swaps", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("c1", "acme", 0, "")))
		for version := range int64(3) {
			won := winners(t, "SwapConnection", lost, func(i int) error {
				return s.SwapConnection(ctx, aConnection("c1", "acme", version+1, fmt.Sprint("caller ", i)))
			})
			if won != 1 {
				t.Errorf("%d callers changed version %d of a connection %d times, want 1: SwapConnection must compare the version and write in one step", callers, version+1, won)
			}
		}
	})

	t.Run("a change and the end do not both win", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			id := fmt.Sprint("c", round)
			ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection(id, "acme", 0, "")))
			won := winners(t, "SwapConnection or DeleteConnection", lost, func(i int) error {
				if i%2 == 0 {
					return s.DeleteConnection(ctx, id, 1)
				}
				return s.SwapConnection(ctx, aConnection(id, "acme", 1, "changed"))
			})
			if won != 1 {
				t.Errorf("of callers who changed a connection and callers who deleted it %d won, want 1: both verbs must compare the version in the step that writes", won)
			}
		}
	})

	t.Run("what is due is claimed, and nothing of it moves but the moment", func(t *testing.T) {
		s := open(t)
		wantRefresh(t, s, noon, 10, "there is none")
		due := aConnection("c1", "acme", 1, "body")
		due.RefreshAt = noon.Add(time.Minute)
		ok(t, "CreateConnection", s.CreateConnection(ctx, due))
		ok(t, "CreateConnection", s.CreateConnection(ctx, aConnection("never", "acme", 1, "body")))
		wantRefresh(t, s, noon.Add(time.Minute-time.Microsecond), 10, "it is not due yet")
		for range 2 {
			now := due.RefreshAt
			due.RefreshAt = now.Add(time.Hour)
			for _, row := range wantRefresh(t, s, now, 10, "it is due, and the other never is", "c1") {
				if !sameConnection(row, due) {
					t.Errorf("ClaimRefresh = %+v, want %+v: the row as it stands afterwards", row, due)
				}
			}
			wantConnection(t, s, due)
			wantRefresh(t, s, due.RefreshAt.Add(-time.Microsecond), 10, "somebody reads its metadata already")
		}
		due.Body = []byte("read again")
		due.RefreshAt = noon.Add(24 * time.Hour)
		ok(t, "SwapConnection at the version before the claim", s.SwapConnection(ctx, due))
		wantRefresh(t, s, noon.Add(23*time.Hour), 10, "whoever read it says when it is due again")
		wantConnection(t, s, aConnection("never", "acme", 1, "body"))
	})

	t.Run("those that wait longest come first, and no more than asked for", func(t *testing.T) {
		s := open(t)
		for id, due := range map[string]time.Duration{"third": 3, "first": 1, "fourth": 4, "second": 2, "later": 100} {
			row := aConnection(id, "company of "+id, 0, "")
			row.RefreshAt = noon.Add(due * time.Second)
			ok(t, "CreateConnection", s.CreateConnection(ctx, row))
		}
		now := noon.Add(10 * time.Second)
		wantRefresh(t, s, now, 0, "none was asked for")
		wantRefresh(t, s, now, -1, "none was asked for")
		wantRefresh(t, s, now, 3, "they wait longest", "first", "second", "third")
		wantRefresh(t, s, now, 3, "it is the last that is due", "fourth")
		wantRefresh(t, s, now, 3, "all that are due are claimed")
	})

	t.Run("many workers share what is due", func(t *testing.T) {
		s := open(t)
		const connections, limit = 200, 5
		for i := range connections {
			row := aConnection(fmt.Sprint("c", i), "acme", 0, "")
			row.RefreshAt = noon
			ok(t, "CreateConnection", s.CreateConnection(ctx, row))
		}
		var mu sync.Mutex
		claimed := map[string]int{}
		claim := func() int {
			rows, err := s.ClaimRefresh(ctx, noon, noon.Add(time.Minute), limit)
			if err != nil || len(rows) > limit {
				t.Errorf("ClaimRefresh = %d rows, %v, want %d at most", len(rows), err, limit)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, row := range rows {
				claimed[row.ID]++
			}
			return len(rows)
		}
		together(func(int) { claim() })
		for range connections { // what workers left who passed over what others were claiming
			if claim() == 0 {
				break
			}
		}
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("connection %s was claimed by %d workers, want 1: ClaimRefresh must look and write in one step", id, n)
				break
			}
		}
		if len(claimed) != connections {
			t.Errorf("%d connections were claimed, want all %d: none may get lost between workers, or its new keys are never read", len(claimed), connections)
		}
	})

	t.Run("a connection that is changed or deleted while it is claimed stays changed or deleted", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			changed, gone := fmt.Sprint("changed ", round), fmt.Sprint("gone ", round)
			for _, id := range []string{changed, gone} {
				row := aConnection(id, "acme", 0, "as it was")
				row.RefreshAt = noon
				ok(t, "CreateConnection", s.CreateConnection(ctx, row))
			}
			together(func(i int) {
				var err error
				switch i {
				case callers / 2:
					next := aConnection(changed, "acme", 1, "switched off")
					next.RefreshAt = noon
					err = s.SwapConnection(ctx, next)
				case callers/2 + 1:
					err = s.DeleteConnection(ctx, gone, 1)
				default:
					_, err = s.ClaimRefresh(ctx, noon, noon, 10) // due again at once, for the others
				}
				if err != nil {
					t.Errorf("SwapConnection, DeleteConnection or ClaimRefresh = %v, want nil: a claim moves no version", err)
				}
			})
			const rule = "ClaimRefresh must change the moment alone, where the row still stands"
			if got, err := s.ConnectionRow(ctx, changed); err != nil || got.Version != 2 || string(got.Body) != "switched off" {
				t.Errorf("ConnectionRow = %+v, %v, want version 2, switched off: %s", got, err, rule)
			}
			wantNoConnection(t, s, gone, rule)
			ok(t, "DeleteConnection", s.DeleteConnection(ctx, changed, 2))
		}
	})
}

// An SSODomainStore keeps connections, and the domains that name them.
type SSODomainStore interface {
	sso.Store
	directory.Store
}

// SSODomains tries the Domains that an sso.Store answers where it keeps those of package directory too. open answers an empty one each
// time.
func SSODomains(t *testing.T, open func(t *testing.T) SSODomainStore) {
	ctx := context.Background()
	// fill makes two companies, three connections of one of them, and domains that name c1 or do not.
	fill := func(t *testing.T) SSODomainStore {
		t.Helper()
		s := open(t)
		for _, id := range []string{"acme", "evil"} {
			ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: id, Name: id, State: auth.AccountActive}))
		}
		for _, id := range []string{"", "c1", "c2"} {
			row := aConnection(id, "acme", 0, "")
			row.RefreshAt = noon
			ok(t, "CreateConnection", s.CreateConnection(ctx, row))
		}
		for _, d := range []directory.Domain{
			{Name: "z.example", AccountID: "acme", Connection: "c1"}, {Name: "acme.example", AccountID: "acme", Connection: "c1"},
			{Name: "xn--a-ecp.example", AccountID: "acme", Connection: "c1"}, {Name: "c-9.acme.example", AccountID: "acme", Connection: "c1"},
			{Name: "none.example", AccountID: "acme"}, {Name: "two.example", AccountID: "acme", Connection: "c2"},
			{Name: "case.example", AccountID: "acme", Connection: "C1"}, {Name: "evil.example", AccountID: "evil", Connection: "c1"},
		} {
			d.VerifiedAt, d.Proof, d.CheckAt = noon, "proof of "+d.Name, noon.Add(time.Hour)
			ok(t, "AddDomain", s.AddDomain(ctx, d))
			ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, d.Name, d.Connection))
		}
		return s
	}
	// want compares the domains of c1, by whichever verb.
	want := func(t *testing.T, s SSODomainStore, why string, want ...string) {
		t.Helper()
		all := map[string][]string{"c1": want, "c2": {"two.example"}}
		check := func(verb string, rows []sso.ConnectionRow, err error) {
			t.Helper()
			ok(t, verb, err)
			if !slices.ContainsFunc(rows, func(c sso.ConnectionRow) bool { return c.ID == "c1" }) {
				t.Errorf("%s = %+v, want c1 among them", verb, rows)
			}
			for _, c := range rows {
				if !slices.Equal(c.Domains, all[c.ID]) {
					t.Errorf("%s = domains %v of connection %q, want %v: %s", verb, c.Domains, c.ID, all[c.ID], why)
				}
			}
		}
		one, err := s.ConnectionRow(ctx, "c1")
		check("ConnectionRow", []sso.ConnectionRow{one}, err)
		rows, err := s.ConnectionRows(ctx, "acme")
		check("ConnectionRows", rows, err)
		due, err := s.ClaimRefresh(ctx, noon, noon, 10) // due again at once, for the next look
		check("ClaimRefresh", due, err)
	}
	const own = "those of its company that name it, and count, in order"
	theirs := []string{"acme.example", "c-9.acme.example", "xn--a-ecp.example", "z.example"}

	t.Run("A-062 a connection speaks for its company's domains that name it", func(t *testing.T) {
		s := fill(t)
		want(t, s, own, theirs...)
		one, err := s.ConnectionRow(ctx, "c1")
		ok(t, "ConnectionRow", err)
		one.Domains[0] = "changed by the caller"
		want(t, s, own, theirs...)
		next := aConnection("c1", "acme", 1, "changed")
		next.RefreshAt, next.Domains = noon, []string{"two.example", "evil.example"}
		ok(t, "SwapConnection", s.SwapConnection(ctx, next))
		want(t, s, "who writes a connection does not say what it speaks for", theirs...)
	})

	t.Run("A-063 a domain that is only claimed does not count", func(t *testing.T) {
		s := fill(t)
		_, err := s.ClaimDomain(ctx, directory.Claim{
			Domain: "claimed.example", AccountID: "acme", Value: "value", MadeAt: noon, ExpiresAt: noon.Add(time.Hour),
		})
		ok(t, "ClaimDomain", err)
		if err := s.SetDomainConnection(ctx, "claimed.example", "c1"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SetDomainConnection(a domain that is only claimed) = %v, want auth.ErrNotFound", err)
		}
		want(t, s, own, theirs...)
	})

	t.Run("A-063 a domain stops to count at once when it is lost, released or names another", func(t *testing.T) {
		s := fill(t)
		lost, err := s.Domain(ctx, "acme.example")
		ok(t, "Domain", err)
		was := lost.CheckAt
		lost.LostAt = noon
		ok(t, "SwapDomainCheck", s.SwapDomainCheck(ctx, lost, was))
		want(t, s, "one is lost", theirs[1:]...)
		ok(t, "ReleaseDomain", s.ReleaseDomain(ctx, "acme", "c-9.acme.example"))
		want(t, s, "one was given up", theirs[2:]...)
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "z.example", ""))
		want(t, s, "one names none any more", theirs[2])
		// The company that proves what was lost does not get what it asked for, nor does the connection get what is another's.
		taken := directory.Domain{Name: "acme.example", AccountID: "evil", VerifiedAt: noon}
		ok(t, "AddDomain", s.AddDomain(ctx, taken))
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, taken.Name, "c1"))
		want(t, s, "it is another company's now", theirs[2])
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, theirs[2], "C1"))
		want(t, s, "none is left")
	})
}
