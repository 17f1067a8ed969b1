package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// aSession is a session of a person, with something in every field.
func aSession(userID, id string, at time.Time) session.Session {
	return session.Session{
		ID: id, UserID: userID, AccountID: "acme", DeviceID: "device of " + id,
		Methods: session.NewMethods("password", "totp"), Via: "okta", Kept: true,
		CreatedAt: at, AuthTime: at.Add(time.Second), SeenAt: at.Add(2 * time.Second),
		Idle: time.Hour, ExpiresAt: at.Add(12 * time.Hour), UserAgent: "Firefox on Linux", IP: "192.0.2.7",
	}
}

// differs tells how a stored session differs from what it should be, or nothing.
func differs(got, want session.Session) string {
	var d []string
	note := func(field string, same bool, got, want any) {
		if !same {
			d = append(d, fmt.Sprintf("%s is %v, want %v", field, got, want))
		}
	}
	note("ID", got.ID == want.ID, got.ID, want.ID)
	note("UserID", got.UserID == want.UserID, got.UserID, want.UserID)
	note("AccountID", got.AccountID == want.AccountID, got.AccountID, want.AccountID)
	note("DeviceID", got.DeviceID == want.DeviceID, got.DeviceID, want.DeviceID)
	note("Methods", got.Methods == want.Methods, got.Methods, want.Methods)
	note("Via", got.Via == want.Via, got.Via, want.Via)
	note("Kept", got.Kept == want.Kept, got.Kept, want.Kept)
	note("CreatedAt", got.CreatedAt.Equal(want.CreatedAt), got.CreatedAt, want.CreatedAt)
	note("AuthTime", got.AuthTime.Equal(want.AuthTime), got.AuthTime, want.AuthTime)
	note("SeenAt", got.SeenAt.Equal(want.SeenAt), got.SeenAt, want.SeenAt)
	note("Idle", got.Idle == want.Idle, got.Idle, want.Idle)
	note("ExpiresAt", got.ExpiresAt.Equal(want.ExpiresAt), got.ExpiresAt, want.ExpiresAt)
	note("UserAgent", got.UserAgent == want.UserAgent, got.UserAgent, want.UserAgent)
	note("IP", got.IP == want.IP, got.IP, want.IP)
	return strings.Join(d, "; ")
}

func wantSession(t *testing.T, s session.Store, k session.Key, now time.Time, why string) *session.Session {
	t.Helper()
	got, err := s.Session(context.Background(), k, now)
	if err != nil {
		t.Fatalf("Session = %v, want the row: %s", err, why)
	}
	return got
}

func wantNoSession(t *testing.T, s session.Store, k session.Key, now time.Time, why string) {
	t.Helper()
	if got, err := s.Session(context.Background(), k, now); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Session = %v, %v, want session.ErrNotFound: %s", got, err, why)
	}
}

// Sessions tries a session.Store. open answers an empty one each time.
func Sessions(t *testing.T, open func(t *testing.T) session.Store) {
	ctx := context.Background()
	gone := func(err error) bool { return errors.Is(err, session.ErrNotFound) }

	t.Run("what was created is found", func(t *testing.T) {
		s := open(t)
		want := aSession("ann", "s1", noon)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), want))
		if d := differs(*wantSession(t, s, key("s1"), noon, "it was just created"), want); d != "" {
			t.Errorf("Session answers another row than was created: %s", d)
		}
		wantNoSession(t, s, key("s2"), noon, "no row has this key")
	})

	t.Run("zero times and empty texts stay what they are", func(t *testing.T) {
		s := open(t)
		want := session.Session{ID: "s1", UserID: "ann", CreatedAt: noon, ExpiresAt: noon.AddDate(100, 0, 0), Idle: 100 * 365 * 24 * time.Hour}
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), want))
		got := wantSession(t, s, key("s1"), noon, "it was just created")
		if d := differs(*got, want); d != "" || !got.AuthTime.IsZero() || !got.SeenAt.IsZero() {
			t.Errorf("Session answers another row than was created: %s (AuthTime %v, SeenAt %v, want zero)", d, got.AuthTime, got.SeenAt)
		}
	})

	t.Run("a key is taken once", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), aSession("ann", "s1", noon)))
		if err := s.CreateSession(ctx, key("s1"), aSession("bob", "s2", noon)); !errors.Is(err, session.ErrConflict) {
			t.Errorf("CreateSession(a key that is taken) = %v, want session.ErrConflict", err)
		}
		if d := differs(*wantSession(t, s, key("s1"), noon, "its key was tried again"), aSession("ann", "s1", noon)); d != "" {
			t.Errorf("CreateSession with a key that is taken changed the row: %s", d)
		}
		won := winners(t, "CreateSession", func(err error) bool { return errors.Is(err, session.ErrConflict) }, func(i int) error {
			return s.CreateSession(ctx, key("one key"), aSession("ann", fmt.Sprint("s", i), noon))
		})
		if won != 1 {
			t.Errorf("%d of %d callers created a session under one key, want 1: CreateSession must not replace a row", won, callers)
		}
	})

	t.Run("a browser may call itself anything", func(t *testing.T) {
		s := open(t)
		strange := aSession("ann", "s1", noon)
		strange.UserAgent = "cut in a letter \xc3, NUL \x00, \xff\xfe ' \" \\ % ? $1 \r\n \u202e"
		if err := s.CreateSession(ctx, key("s1"), strange); err != nil {
			t.Fatalf("CreateSession(strange user agent) = %v, want nil: what a browser sends must not break its sign-in", err)
		}
		strange.UserAgent = wantSession(t, s, key("s1"), noon, "it was just created").UserAgent // which characters are kept is the store's
		if d := differs(*wantSession(t, s, key("s1"), noon, "it was just created"), strange); d != "" {
			t.Errorf("a strange user agent changed another field: %s", d)
		}
		if err := s.EndSession(ctx, "ann", "\xff\x00"); !gone(err) {
			t.Errorf("EndSession(id of strange bytes) = %v, want session.ErrNotFound", err)
		}
	})

	t.Run("an answer does not change later", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), aSession("ann", "s1", noon)))
		got := wantSession(t, s, key("s1"), noon, "it was just created")
		was := *got
		ok(t, "TouchSession", s.TouchSession(ctx, key("s1"), noon.Add(time.Minute)))
		ok(t, "EndSession", s.EndSession(ctx, "ann", "s1"))
		if d := differs(*got, was); d != "" {
			t.Errorf("the answer of Session was changed by a later call: %s", d)
		}
	})

	t.Run("a touch moves SeenAt forward only", func(t *testing.T) {
		s := open(t)
		want := aSession("ann", "s1", noon)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), want))
		ok(t, "TouchSession", s.TouchSession(ctx, key("s1"), noon.Add(20*time.Minute)))
		ok(t, "TouchSession", s.TouchSession(ctx, key("s1"), noon.Add(10*time.Minute)))
		want.SeenAt = noon.Add(20 * time.Minute)
		if d := differs(*wantSession(t, s, key("s1"), noon, "it was touched"), want); d != "" {
			t.Errorf("after touches at +20 and +10 minutes: %s", d)
		}
	})

	t.Run("of many touches the latest stays", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateSession", s.CreateSession(ctx, k, aSession("ann", fmt.Sprint(round), noon)))
			together(func(i int) {
				if err := s.TouchSession(ctx, k, noon.Add(time.Duration(shuffled(i, round)+1)*time.Minute)); err != nil {
					t.Errorf("TouchSession = %v, want nil", err)
				}
			})
			got := wantSession(t, s, k, noon, "it was touched").SeenAt
			if want := noon.Add(callers * time.Minute); !got.Equal(want) {
				t.Errorf("after %d touches at the same moment SeenAt is %v, want the latest, %v: TouchSession must compare and write in one step", callers, got, want)
			}
		}
	})

	t.Run("invariant 7 a touch brings nothing back", func(t *testing.T) {
		s := open(t)
		if err := s.TouchSession(ctx, key("never"), noon); err != nil {
			t.Errorf("TouchSession(no such row) = %v, want nil", err)
		}
		wantNoSession(t, s, key("never"), noon, "TouchSession must not make a row")
		for round := range rounds {
			k := key(fmt.Sprint("touched ", round))
			ok(t, "CreateSession", s.CreateSession(ctx, k, aSession("ann", fmt.Sprint(round), noon)))
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.EndSession(ctx, "ann", fmt.Sprint(round))
				} else {
					err = s.TouchSession(ctx, k, noon.Add(time.Duration(i)*time.Minute))
				}
				if err != nil {
					t.Errorf("TouchSession or EndSession = %v, want nil", err)
				}
			})
			wantNoSession(t, s, k, noon, "it was ended while others touched it: TouchSession must change a row only where it still stands")
		}
	})

	t.Run("rotation gives a new key and new proofs", func(t *testing.T) {
		s := open(t)
		want := aSession("ann", "s1", noon)
		ok(t, "CreateSession", s.CreateSession(ctx, key("old"), want))
		next := aSession("somebody else", "other id", noon.Add(time.Hour))
		next.AccountID, next.Methods, next.Idle, next.Kept, next.Via = "globex", "passkey", 2*time.Hour, false, "other"
		ok(t, "RotateSession", s.RotateSession(ctx, key("old"), key("new"), next, noon))
		wantNoSession(t, s, key("old"), noon, "it was rotated away: the old key opens nothing")
		want.AccountID, want.Methods, want.AuthTime, want.Idle, want.ExpiresAt = next.AccountID, next.Methods, next.AuthTime, next.Idle, next.ExpiresAt
		if d := differs(*wantSession(t, s, key("new"), noon, "it was rotated to this key"), want); d != "" {
			t.Errorf("RotateSession must change AccountID, Methods, AuthTime, Idle and ExpiresAt and nothing else: %s", d)
		}
		if all, err := s.Sessions(ctx, "ann", noon); err != nil || len(all) != 1 {
			t.Errorf("Sessions = %d rows, %v, want the one that was rotated", len(all), err)
		}
		if err := s.RotateSession(ctx, key("old"), key("newer"), next, noon); !gone(err) {
			t.Errorf("RotateSession(old key) = %v, want session.ErrNotFound", err)
		}
		wantNoSession(t, s, key("newer"), noon, "the rotation found nothing, so it must write nothing")
	})

	t.Run("one caller rotates a key", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSession", s.CreateSession(ctx, key("old"), aSession("ann", "s1", noon)))
		won := winners(t, "RotateSession", gone, func(i int) error {
			return s.RotateSession(ctx, key("old"), key(fmt.Sprint("new ", i)), aSession("ann", "s1", noon), noon)
		})
		live := 0
		for i := range callers {
			if _, err := s.Session(ctx, key(fmt.Sprint("new ", i)), noon); err == nil {
				live++
			}
		}
		if won != 1 || live != 1 {
			t.Errorf("%d callers rotated one session %d times and left %d keys that open it, want 1 and 1: RotateSession must find the old key and write the new one in one step",
				callers, won, live)
		}
	})

	t.Run("invariant 7 a rotation brings nothing back", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			user := fmt.Sprint("ann", round)
			ok(t, "CreateSession", s.CreateSession(ctx, key(user), aSession(user, "s", noon)))
			together(func(i int) {
				if i == callers/2 {
					if err := s.EndSessions(ctx, user, ""); err != nil {
						t.Errorf("EndSessions = %v, want nil", err)
					}
				} else if err := s.RotateSession(ctx, key(user), key(fmt.Sprint(user, i)), aSession(user, "s", noon), noon); err != nil && !gone(err) {
					t.Errorf("RotateSession = %v, want nil or session.ErrNotFound", err)
				}
			})
			if all, err := s.Sessions(ctx, user, noon); err != nil || len(all) != 0 {
				t.Errorf("Sessions = %d rows, %v, want none: the person's sessions were ended while one was rotated", len(all), err)
			}
			for i := range callers {
				wantNoSession(t, s, key(fmt.Sprint(user, i)), noon, "the person's sessions were ended while it was rotated")
			}
		}
	})

	t.Run("a list has the person's rows, newest first", func(t *testing.T) {
		s := open(t)
		for i, id := range []string{"b", "c", "a"} {
			ok(t, "CreateSession", s.CreateSession(ctx, key(id), aSession("ann", id, noon.Add(time.Duration(i)*time.Minute))))
		}
		ok(t, "CreateSession", s.CreateSession(ctx, key("x"), aSession("bob", "x", noon)))
		all, err := s.Sessions(ctx, "ann", noon)
		ok(t, "Sessions", err)
		got := ""
		for _, one := range all {
			got += one.ID
		}
		if got != "acb" {
			t.Errorf("Sessions lists %q, want %q: the person's own, newest first", got, "acb")
		}
		if d := differs(all[0], aSession("ann", "a", noon.Add(2*time.Minute))); d != "" {
			t.Errorf("Sessions lists another row than was created: %s", d)
		}
		if none, err := s.Sessions(ctx, "nobody", noon); err != nil || len(none) != 0 {
			t.Errorf("Sessions(nobody) = %v, %v, want none", none, err)
		}
	})

	t.Run("A-246 nobody ends another person's session", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSession", s.CreateSession(ctx, key("s1"), aSession("ann", "s1", noon)))
		if err := s.EndSession(ctx, "eve", "s1"); !gone(err) {
			t.Errorf("EndSession(another person, s1) = %v, want session.ErrNotFound", err)
		}
		wantSession(t, s, key("s1"), noon, "another person tried to end it")
		won := winners(t, "EndSession", gone, func(int) error { return s.EndSession(ctx, "ann", "s1") })
		if won != 1 {
			t.Errorf("%d callers ended one session %d times, want 1: EndSession must delete and answer in one step", callers, won)
		}
		wantNoSession(t, s, key("s1"), noon, "it was ended")
	})

	t.Run("all of a person's sessions end, but one if asked", func(t *testing.T) {
		s := open(t)
		for _, id := range []string{"a", "b", "c"} {
			ok(t, "CreateSession", s.CreateSession(ctx, key(id), aSession("ann", id, noon)))
		}
		ok(t, "CreateSession", s.CreateSession(ctx, key("x"), aSession("bob", "x", noon)))
		ok(t, "EndSessions", s.EndSessions(ctx, "ann", "b"))
		wantNoSession(t, s, key("a"), noon, "EndSessions deletes every row but one")
		wantSession(t, s, key("b"), noon, "EndSessions was told to leave it")
		wantNoSession(t, s, key("c"), noon, "EndSessions deletes every row but one")
		wantSession(t, s, key("x"), noon, "EndSessions of one person leaves others alone")
		ok(t, "EndSessions", s.EndSessions(ctx, "ann", ""))
		wantNoSession(t, s, key("b"), noon, "EndSessions with no exception deletes every row")
		ok(t, "CreateSession", s.CreateSession(ctx, key("nameless"), aSession("ann", "", noon)))
		ok(t, "EndSessions", s.EndSessions(ctx, "ann", ""))
		wantNoSession(t, s, key("nameless"), noon, "EndSessions with no exception deletes every row, even one without an ID")
	})

	t.Run("a person whose sessions were ended may come back, by whatever clock", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSession", s.CreateSession(ctx, key("before"), aSession("ann", "before", noon)))
		ok(t, "EndSessions", s.EndSessions(ctx, "ann", ""))
		for i, at := range []time.Time{noon, noon.Add(-24 * time.Hour), noon.Add(24 * time.Hour)} {
			id := fmt.Sprint("after ", i)
			ok(t, "CreateSession", s.CreateSession(ctx, key(id), aSession("ann", id, at)))
			wantSession(t, s, key(id), noon, "it was made after the others were ended: nobody's clock has a say in that")
		}
		wantNoSession(t, s, key("before"), noon, "it was ended")
	})

	t.Run("sign-ins while all end: what is listed is what can be opened, and ends with the next call", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			user := fmt.Sprint("ann", round)
			id := func(i int) string { return fmt.Sprint(user, " ", i) }
			ok(t, "CreateSession", s.CreateSession(ctx, key(user), aSession(user, user, noon)))
			together(func(i int) {
				var err error
				if i%8 == 0 {
					err = s.EndSessions(ctx, user, "")
				} else {
					err = s.CreateSession(ctx, key(id(i)), aSession(user, id(i), noon))
				}
				if err != nil {
					t.Errorf("CreateSession or EndSessions = %v, want nil", err)
				}
			})
			wantNoSession(t, s, key(user), noon, "it was there before all were ended")
			all, err := s.Sessions(ctx, user, noon)
			ok(t, "Sessions", err)
			opened := 0
			for i := range callers {
				if _, err := s.Session(ctx, key(id(i)), noon); err == nil {
					opened++
				}
			}
			if opened != len(all) {
				t.Errorf("Sessions lists %d and Session finds %d of them, want the same: CreateSession and EndSessions must each be one step", len(all), opened)
			}
			ok(t, "EndSessions", s.EndSessions(ctx, user, ""))
			for i := range callers {
				wantNoSession(t, s, key(id(i)), noon, "all were ended after it was made")
			}
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		idle := aSession("ann", "idle", noon) // ends after an hour without activity
		ok(t, "CreateSession", s.CreateSession(ctx, key("idle"), idle))
		for i := range 40 {
			id := fmt.Sprint("live ", i)
			live := aSession("ann", id, noon)
			live.Idle = 3 * time.Hour
			ok(t, "CreateSession", s.CreateSession(ctx, key(id), live))
		}
		for i := range 40 {
			id := fmt.Sprint("new ", i)
			ok(t, "CreateSession", s.CreateSession(ctx, key(id), aSession("bob", id, noon.Add(2*time.Hour))))
		}
		for i := range 40 {
			wantSession(t, s, key(fmt.Sprint("live ", i)), noon, "it has not expired: only expired rows may be deleted in passing")
		}
	})
}
