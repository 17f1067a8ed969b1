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

	"github.com/sallyport-auth/sallyport/sso"
)

// aLogin is a session that came from a connection, by a subject and an index; an empty index is none.
func aLogin(session, connection, subject, index string) sso.LoginRow {
	l := sso.LoginRow{
		SessionID: session, UserID: "user of " + session, Connection: connection, Subject: key(subject),
		Body: []byte("\x00\xff sealed " + session), ExpiresAt: noon.Add(time.Hour),
	}
	if index != "" {
		l.Index = key(index)
	}
	return l
}

func sameLogin(a, b sso.LoginRow) bool {
	same := a.SessionID == b.SessionID && a.UserID == b.UserID && a.Connection == b.Connection && a.Subject == b.Subject && a.Index == b.Index
	return same && bytes.Equal(a.Body, b.Body) && a.ExpiresAt.Equal(b.ExpiresAt)
}

func wantLogin(t *testing.T, s sso.Logins, want sso.LoginRow) {
	t.Helper()
	if got, err := s.LoginOf(context.Background(), want.SessionID); err != nil || !sameLogin(got, want) {
		t.Errorf("LoginOf(%s) = %+v, %v, want %+v", want.SessionID, got, err, want)
	}
}

func wantNoLogin(t *testing.T, s sso.Logins, session, why string) {
	t.Helper()
	if _, err := s.LoginOf(context.Background(), session); !errors.Is(err, sso.ErrNotFound) {
		t.Errorf("LoginOf(%s) = %v, want sso.ErrNotFound: %s", session, err, why)
	}
}

// wantTaken takes rows and compares whose they are.
func wantTaken(t *testing.T, s sso.Logins, connection string, subject [32]byte, indexes [][32]byte, why string, want ...string) []sso.LoginRow {
	t.Helper()
	rows, err := s.TakeLogins(context.Background(), connection, subject, indexes)
	ok(t, "TakeLogins", err)
	got := []string{}
	for _, row := range rows {
		got = append(got, row.SessionID)
	}
	slices.Sort(got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("TakeLogins = the rows of sessions %v, want %v: %s", got, want, why)
	}
	return rows
}

// SSOLogins tries an sso.Logins. open answers an empty one each time.
func SSOLogins(t *testing.T, open func(t *testing.T) sso.Logins) {
	ctx := context.Background()
	none := [32]byte{}

	t.Run("what was added is found by its session", func(t *testing.T) {
		s := open(t)
		wantNoLogin(t, s, "s1", "nothing was added")
		ok(t, "DropLogin(no row)", s.DropLogin(ctx, "s1"))
		bare := sso.LoginRow{SessionID: "bare", ExpiresAt: noon.Add(time.Hour)}
		for _, l := range []sso.LoginRow{aLogin("s1", "acme", "ann", "1"), aLogin("s2", "acme", "ann", ""), bare} {
			ok(t, "AddLogin", s.AddLogin(ctx, l, noon))
			wantLogin(t, s, l)
		}
		ok(t, "DropLogin", s.DropLogin(ctx, "s1"))
		wantNoLogin(t, s, "s1", "it was dropped")
		wantTaken(t, s, "acme", none, [][32]byte{key("1")}, "its row was dropped")
		wantLogin(t, s, aLogin("s2", "acme", "ann", ""))
	})

	t.Run("a session has one row, the newest", func(t *testing.T) {
		s := open(t)
		ok(t, "AddLogin", s.AddLogin(ctx, aLogin("s1", "acme", "ann", "1"), noon))
		next := aLogin("s1", "globex", "anna", "2")
		next.UserID, next.Body, next.ExpiresAt = "another", []byte("sealed anew"), noon.Add(2*time.Hour)
		ok(t, "AddLogin", s.AddLogin(ctx, next, noon))
		wantLogin(t, s, next)
		wantTaken(t, s, "acme", key("ann"), nil, "the session has another row in the place of that one")
		wantTaken(t, s, "acme", none, [][32]byte{key("1")}, "the session has another row in the place of that one")
		for _, row := range wantTaken(t, s, "globex", key("anna"), nil, "it is the one that stands", "s1") {
			if !sameLogin(row, next) {
				t.Errorf("TakeLogins = %+v, want %+v", row, next)
			}
		}
		wantNoLogin(t, s, "s1", "it was taken")
	})

	t.Run("what was written does not change with the caller's bytes", func(t *testing.T) {
		s := open(t)
		l := aLogin("s1", "acme", "ann", "1")
		ok(t, "AddLogin", s.AddLogin(ctx, l, noon))
		l.Body[0] = 'X'
		got, err := s.LoginOf(ctx, "s1")
		ok(t, "LoginOf", err)
		got.Body[1] = 'X'
		wantLogin(t, s, aLogin("s1", "acme", "ann", "1"))
	})

	t.Run("A-061 rows are taken by connection, subject and index", func(t *testing.T) {
		all := []sso.LoginRow{
			aLogin("ann 1", "acme", "ann", "1"), aLogin("ann 2", "acme", "ann", "2"), aLogin("ann 3", "acme", "ann", ""),
			aLogin("bob 1", "acme", "bob", "1"), aLogin("bob 4", "acme", "bob", "4"), aLogin("other", "globex", "ann", "1"),
			{SessionID: "nameless", Connection: "acme", ExpiresAt: noon.Add(time.Hour)},
		}
		for _, tt := range []struct {
			what       string
			connection string
			subject    [32]byte
			indexes    [][32]byte
			want       []string
		}{
			{"a subject", "acme", key("ann"), nil, []string{"ann 1", "ann 2", "ann 3"}},
			{"a subject, and a list of no indexes", "acme", key("ann"), [][32]byte{}, []string{"ann 1", "ann 2", "ann 3"}},
			{"an index", "acme", none, [][32]byte{key("1")}, []string{"ann 1", "bob 1"}},
			{"some indexes, one of them twice", "acme", none, [][32]byte{key("1"), key("4"), key("1"), key("no")}, []string{"ann 1", "bob 1", "bob 4"}},
			{"a subject and its index", "acme", key("ann"), [][32]byte{key("1")}, []string{"ann 1"}},
			{"a subject and some indexes", "acme", key("ann"), [][32]byte{key("2"), key("4"), key("1")}, []string{"ann 1", "ann 2"}},
			{"a subject and another's index", "acme", key("ann"), [][32]byte{key("4")}, nil},
			{"a subject and a zero index", "acme", key("ann"), [][32]byte{none}, nil},
			{"a zero index", "acme", none, [][32]byte{none}, nil},
			{"an index and a zero index", "acme", none, [][32]byte{none, key("4")}, []string{"bob 4"}},
			{"nothing", "acme", none, nil, nil},
			{"a list of no indexes", "acme", none, [][32]byte{}, nil},
			{"nobody", "acme", key("eve"), nil, nil},
			{"the same subject of another connection", "globex", key("ann"), nil, []string{"other"}},
			{"a connection that there is not", "initech", key("ann"), nil, nil},
		} {
			s := open(t)
			for _, l := range all {
				ok(t, "AddLogin", s.AddLogin(ctx, l, noon))
			}
			rows := wantTaken(t, s, tt.connection, tt.subject, tt.indexes, "it names "+tt.what, tt.want...)
			for _, l := range all {
				if !slices.Contains(tt.want, l.SessionID) {
					wantLogin(t, s, l)
					continue
				}
				wantNoLogin(t, s, l.SessionID, "it was taken")
				if !slices.ContainsFunc(rows, func(row sso.LoginRow) bool { return sameLogin(row, l) }) {
					t.Errorf("TakeLogins(%s) = %+v, want %+v among them", tt.what, rows, l)
				}
			}
			wantTaken(t, s, tt.connection, tt.subject, tt.indexes, "they were taken")
		}
	})

	t.Run("each row goes to one caller", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			subject, index := fmt.Sprint("ann ", round), fmt.Sprint("index ", round)
			const rows = 20
			for i := range rows {
				ok(t, "AddLogin", s.AddLogin(ctx, aLogin(fmt.Sprint(shuffled(i, round)), "acme", subject, index), noon))
			}
			var mu sync.Mutex
			taken := map[string]int{}
			together(func(i int) {
				by, indexes := key(subject), [][32]byte(nil)
				if i%2 == 0 {
					by, indexes = none, [][32]byte{key("no"), key(index)}
				}
				got, err := s.TakeLogins(ctx, "acme", by, indexes)
				if err != nil {
					t.Errorf("TakeLogins = %v, want nil", err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, row := range got {
					taken[row.SessionID]++
				}
			})
			for id, n := range taken {
				if n != 1 {
					t.Errorf("the row of session %s was taken by %d of %d callers, want 1: TakeLogins must delete and answer in one step", id, n, callers)
					break
				}
			}
			if len(taken) != rows {
				t.Errorf("%d rows were taken, want all %d: none may get lost between callers, or its session lives on", len(taken), rows)
			}
		}
	})

	t.Run("a row that comes in the place of another is not taken with it", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			id := fmt.Sprint("s ", round)
			ok(t, "AddLogin", s.AddLogin(ctx, aLogin(id, "acme", "ann", "1"), noon))
			next := aLogin(id, "acme", "bob", "2")
			together(func(i int) {
				if i == callers/2 {
					if err := s.AddLogin(ctx, next, noon); err != nil {
						t.Errorf("AddLogin = %v, want nil", err)
					}
					return
				}
				rows, err := s.TakeLogins(ctx, "acme", key("ann"), nil)
				if err != nil {
					t.Errorf("TakeLogins = %v, want nil", err)
				}
				for _, row := range rows {
					if row.Subject != key("ann") {
						t.Errorf("TakeLogins = the row of another subject: it must answer what it found by the subject")
					}
				}
			})
			if got, err := s.LoginOf(ctx, id); err != nil || !sameLogin(got, next) {
				t.Errorf("LoginOf = %+v, %v, want the newer row: TakeLogins must delete a row only where it still has the subject", got, err)
			}
			wantTaken(t, s, "acme", key("bob"), [][32]byte{key("2")}, "it is the row that stands", id)
		}
	})

	t.Run("of many rows of a session at the same moment one stands", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			id := fmt.Sprint("s ", round)
			together(func(i int) {
				if err := s.AddLogin(ctx, aLogin(id, "acme", fmt.Sprint("person ", i), fmt.Sprint("index ", i)), noon); err != nil {
					t.Errorf("AddLogin = %v, want nil", err)
				}
			})
			stands, err := s.LoginOf(ctx, id)
			ok(t, "LoginOf", err)
			found := 0
			for i := range callers {
				rows, err := s.TakeLogins(ctx, "acme", none, [][32]byte{key(fmt.Sprint("index ", i))})
				ok(t, "TakeLogins", err)
				for _, row := range rows {
					if found++; !sameLogin(row, stands) {
						t.Errorf("TakeLogins = %+v, want the row that LoginOf answered, %+v", row, stands)
					}
				}
			}
			if found != 1 {
				t.Errorf("after %d callers added a row of one session %d are found by index, want 1: AddLogin must replace in one step", callers, found)
			}
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		for i := range 40 {
			old := aLogin(fmt.Sprint("old ", i), "acme", "old", "")
			old.ExpiresAt = noon.Add(-24 * time.Hour)
			ok(t, "AddLogin", s.AddLogin(ctx, old, noon.Add(-25*time.Hour)))
			ok(t, "AddLogin", s.AddLogin(ctx, aLogin(fmt.Sprint("live ", i), "acme", "live", ""), noon))
		}
		for i := range 40 {
			ok(t, "AddLogin", s.AddLogin(ctx, aLogin(fmt.Sprint("new ", i), "acme", "new", ""), noon))
		}
		for i := range 40 {
			wantLogin(t, s, aLogin(fmt.Sprint("live ", i), "acme", "live", ""))
		}
	})
}
