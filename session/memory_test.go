package session_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// keyOf makes different keys that want to stand in the same place: n tells them apart, crowd gathers them.
func keyOf(n, crowd int) session.Key {
	var k session.Key
	binary.LittleEndian.PutUint64(k[8:], uint64(crowd))
	binary.LittleEndian.PutUint64(k[16:], uint64(n))
	return k
}

func row(user, id string, at time.Time) session.Session {
	return session.Session{ID: id, UserID: user, CreatedAt: at, AuthTime: at, SeenAt: at, Idle: time.Hour, ExpiresAt: at.Add(day)}
}

func TestMemoryRaces(t *testing.T) {
	t.Run("invariant 7: 64 callers touch a session while one ends it, and nothing brings it back", func(t *testing.T) {
		for range 20 {
			m, _, c := newManager(t, nil)
			plain, s := issue(t, m, session.Start{UserID: "ann"})
			c.move(time.Hour)
			var ended atomic.Bool
			together(65, func(i int) {
				if i == 64 {
					if err := m.End(t.Context(), "ann", s.ID); err != nil {
						t.Errorf("End = %v", err)
					}
					ended.Store(true)
					return
				}
				over := ended.Load()
				c.move(time.Hour / 8)
				if _, err := m.Lookup(t.Context(), plain); over && err == nil {
					t.Error("a request that began after the end was let in")
				}
			})
			wantLive(t, m, plain, false)
			if all, err := m.List(t.Context(), "ann"); err != nil || len(all) != 0 {
				t.Errorf("List = %v, %v, want none", all, err)
			}
		}
	})
	t.Run("invariant 7: a session that is ended while it is rotated is over under both tokens", func(t *testing.T) {
		for range 50 {
			m, _, _ := newManager(t, nil)
			plain, s := issue(t, m, session.Start{UserID: "ann"})
			var rotated atomic.Value
			together(2, func(i int) {
				if i == 0 {
					m.End(t.Context(), "ann", s.ID)
				} else if fresh, _, err := m.Rotate(t.Context(), plain, session.Change{}); err == nil {
					rotated.Store(fresh)
				}
			})
			wantLive(t, m, plain, false)
			if fresh, ok := rotated.Load().(string); ok {
				wantLive(t, m, fresh, false)
			}
		}
	})
	t.Run("A-242 a session that is rotated all the while its company is cut is cut too, by whatever clock it was made", func(t *testing.T) {
		store, at := session.NewMemory(), newClock().now
		for i := range 20_000 { // so that the cut takes a while
			key := keyOf(i, i)
			key[0] = byte(i)
			if err := store.CreateSession(t.Context(), key, row(fmt.Sprint("user", i), "a", at)); err != nil {
				t.Fatal(err)
			}
		}
		r := rand.New(rand.NewPCG(5, 6))
		for round := range 20 {
			s := row("ann", fmt.Sprint("ann", round), at.Add(time.Minute))
			s.AccountID = fmt.Sprint("acme", round)
			var key session.Key
			key[0], key[1] = 1, byte(round)
			if err := store.CreateSession(t.Context(), key, s); err != nil {
				t.Fatal(err)
			}
			var cut atomic.Bool
			together(2, func(i int) {
				if i == 0 {
					store.CutSessions(t.Context(), s.AccountID, at)
					cut.Store(true)
					return
				}
				for !cut.Load() {
					next := key
					binary.LittleEndian.PutUint64(next[8:], r.Uint64())
					next[0] = next[8]
					err := store.RotateSession(t.Context(), key, next, s, at)
					if errors.Is(err, session.ErrNotFound) {
						return // it is cut
					}
					if err != nil {
						t.Errorf("RotateSession = %v", err)
					}
					key = next
				}
			})
			if got, err := store.Session(t.Context(), key, at); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Session = %v, %v, want ErrNotFound: the session was there when its company was cut", got, err)
			}
		}
	})
	t.Run("everything at once leaves a store that agrees with itself", func(t *testing.T) {
		m, store, c := newManager(t, nil)
		together(16, func(i int) {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			user := fmt.Sprint("user", i%3)
			var mine []string
			for range 300 {
				switch n := r.IntN(12); {
				case n < 5:
					if plain, _, err := m.Issue(t.Context(), session.Start{UserID: user}); err == nil {
						mine = append(mine, plain)
					}
				case len(mine) == 0:
				case n < 8:
					m.Lookup(t.Context(), mine[r.IntN(len(mine))])
				case n < 10:
					at := r.IntN(len(mine))
					if fresh, _, err := m.Rotate(t.Context(), mine[at], session.Change{}); err == nil {
						mine[at] = fresh
					}
				case n == 10:
					m.SignOut(t.Context(), mine[r.IntN(len(mine))])
				default:
					c.move(time.Minute)
					store.DeleteExpired(t.Context(), c.Now(), 10)
					if i < 3 {
						m.EndAll(t.Context(), user)
					}
				}
			}
			for _, plain := range mine {
				s, err := m.Lookup(t.Context(), plain)
				if err != nil {
					continue
				}
				if err := m.SignOut(t.Context(), plain); err != nil {
					t.Errorf("SignOut of %s = %v", s.ID, err)
				}
			}
		})
		for i := range 3 {
			if all, err := m.List(t.Context(), fmt.Sprint("user", i)); err != nil || len(all) != 0 {
				t.Errorf("%d sessions are left that no token opens, %v", len(all), err)
			}
		}
	})
}

func TestMemoryRows(t *testing.T) {
	at := newClock().now
	t.Run("it keeps what a map would keep, however keys crowd", func(t *testing.T) {
		store := session.NewMemory()
		model := map[session.Key]session.Session{}
		r := rand.New(rand.NewPCG(3, 4))
		for step := range 20_000 {
			key := keyOf(r.IntN(400), r.IntN(3)*7)
			user := fmt.Sprint("user", key[16])
			switch s, have := model[key]; r.IntN(5) {
			case 0, 1:
				fresh := row(user, fmt.Sprint("id", step), at)
				err := store.CreateSession(t.Context(), key, fresh)
				if have != errors.Is(err, session.ErrConflict) {
					t.Fatalf("CreateSession over a row (%t) = %v", have, err)
				}
				if !have {
					model[key] = fresh
				}
			case 2:
				if err := store.EndSession(t.Context(), user, s.ID); have != (err == nil) {
					t.Fatalf("EndSession of a row (%t) = %v", have, err)
				}
				delete(model, key)
			case 3:
				seen := at.Add(time.Duration(r.IntN(1000)) * time.Millisecond)
				if err := store.TouchSession(t.Context(), key, seen); err != nil {
					t.Fatalf("TouchSession = %v", err)
				}
				if have && seen.After(s.SeenAt) {
					s.SeenAt = seen
					model[key] = s
				}
			case 4:
				fresh := keyOf(r.IntN(400)+400, int(key[8]))
				fresh[17] = key[17]
				if _, taken := model[fresh]; taken || fresh == key {
					continue
				}
				err := store.RotateSession(t.Context(), key, fresh, s, at)
				if have != (err == nil) {
					t.Fatalf("RotateSession of a row (%t) = %v", have, err)
				}
				// Put it back, so that the keys of a person stay told by the key.
				if have {
					if err := store.RotateSession(t.Context(), fresh, key, s, at); err != nil {
						t.Fatalf("RotateSession back = %v", err)
					}
				}
			}
		}
		for n := range 400 {
			for crowd := range 3 {
				key := keyOf(n, crowd*7)
				want, have := model[key]
				got, err := store.Session(t.Context(), key, at)
				if have != (err == nil) || have && *got != want {
					t.Fatalf("Session(%d, %d) = %v, %v, want %v (%t)", n, crowd, got, err, want, have)
				}
			}
		}
	})
	t.Run("a key is compared to its last byte", func(t *testing.T) {
		store := session.NewMemory()
		key := keyOf(1, 2)
		if err := store.CreateSession(t.Context(), key, row("ann", "a", at)); err != nil {
			t.Fatal(err)
		}
		for i := range key {
			other := key
			other[i] ^= 1
			if _, err := store.Session(t.Context(), other, at); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Session of a key that differs in byte %d = %v, want ErrNotFound", i, err)
			}
		}
	})
	t.Run("what a look-up returned does not change later", func(t *testing.T) {
		store := session.NewMemory()
		key := keyOf(1, 1)
		want := row("ann", "a", at)
		if err := store.CreateSession(t.Context(), key, want); err != nil {
			t.Fatal(err)
		}
		got, err := store.Session(t.Context(), key, at)
		if err != nil {
			t.Fatal(err)
		}
		store.TouchSession(t.Context(), key, at.Add(time.Minute))
		store.RotateSession(t.Context(), key, keyOf(2, 2), session.Session{Methods: "totp"}, at)
		store.EndSessions(t.Context(), "ann", "")
		if *got != want {
			t.Errorf("the session is now %+v, want %+v", *got, want)
		}
	})
}

func TestDeleteExpired(t *testing.T) {
	m, store, c := newManager(t, nil)
	for i := range 500 {
		issue(t, m, session.Start{UserID: fmt.Sprint("user", i)})
	}
	kept, _ := issue(t, m, session.Start{UserID: "user1", Kept: true})
	for _, tt := range []struct {
		after time.Duration
		limit int
		want  int
	}{{time.Hour, 1000, 0}, {11 * time.Hour, 0, 0}, {0, 200, 200}, {0, 1000, 300}, {0, 1000, 0}} {
		c.move(tt.after)
		if got, err := store.DeleteExpired(t.Context(), c.Now(), tt.limit); err != nil || got != tt.want {
			t.Errorf("DeleteExpired(limit %d) = %d, %v, want %d", tt.limit, got, err, tt.want)
		}
	}
	wantLive(t, m, kept, true)
	c.move(31 * day)
	if got, err := store.DeleteExpired(t.Context(), c.Now(), 10); err != nil || got != 1 {
		t.Errorf("DeleteExpired = %d, %v, want the kept one", got, err)
	}
}

func TestCreateSweeps(t *testing.T) {
	m, store, c := newManager(t, nil)
	const batch = 5000
	for i := range batch {
		issue(t, m, session.Start{UserID: fmt.Sprint("old", i)})
	}
	c.move(day)
	for i := range batch {
		issue(t, m, session.Start{UserID: fmt.Sprint("new", i)})
	}
	left, err := store.DeleteExpired(t.Context(), c.Now(), 2*batch)
	if err != nil || left > batch/10 {
		t.Errorf("%d of %d expired sessions are left after as many new ones, %v; want them swept in passing", left, batch, err)
	}
	if all, err := m.List(t.Context(), "new7"); err != nil || len(all) != 1 {
		t.Errorf("List = %v, %v, want the new session", all, err)
	}
}

func TestMemoryDevices(t *testing.T) {
	at := newClock().now
	none := session.Key{}
	grant := func(t *testing.T, store *session.Memory, old, key session.Key, d session.Device) session.Device {
		t.Helper()
		got, err := store.GrantDevice(t.Context(), old, key, d)
		if err != nil {
			t.Fatalf("GrantDevice = %v", err)
		}
		return got
	}
	wantNone := func(t *testing.T, store *session.Memory, key session.Key, user, why string) {
		t.Helper()
		if got, err := store.Device(t.Context(), key, user); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Device of %s = %+v, %v, want ErrNotFound: %s", user, got, err, why)
		}
	}
	t.Run("a record is the person's and the browser's", func(t *testing.T) {
		store := session.NewMemory()
		key := keyOf(1, 1)
		wantNone(t, store, key, "ann", "there is no record")
		first := session.Device{ID: "a", UserID: "ann", UserAgent: "Firefox 1", IP: "192.0.2.1", FirstSeen: at, LastSeen: at, KnownUntil: at.Add(day)}
		if got := grant(t, store, none, key, first); got != first {
			t.Errorf("GrantDevice = %+v, want %+v", got, first)
		}
		again := session.Device{ID: "b", UserID: "ann", UserAgent: "Firefox 2", IP: "192.0.2.2", FirstSeen: at.Add(day), LastSeen: at.Add(day), KnownUntil: at.Add(2 * day)}
		want := again
		want.ID, want.FirstSeen = "a", at
		if got := grant(t, store, none, key, again); got != want {
			t.Errorf("GrantDevice again = %+v, want %+v", got, want)
		}
		bobs := session.Device{ID: "c", UserID: "bob", LastSeen: at}
		grant(t, store, none, key, bobs)
		if got, err := store.Device(t.Context(), key, "bob"); err != nil || got != bobs {
			t.Errorf("Device of another person on the same browser = %+v, %v, want %+v", got, err, bobs)
		}
		newest := session.Device{ID: "d", UserID: "ann", LastSeen: at.Add(3 * day)}
		grant(t, store, none, keyOf(2, 2), newest)
		if got, err := store.Devices(t.Context(), "ann"); err != nil || len(got) != 2 || got[0] != newest || got[1] != want {
			t.Errorf("Devices = %+v, %v, want the last seen first", got, err)
		}
		if err := store.EndDevice(t.Context(), "bob", "a"); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("A-246 EndDevice of another's = %v, want ErrNotFound", err)
		}
		if err := store.EndDevice(t.Context(), "ann", "a"); err != nil {
			t.Errorf("EndDevice = %v", err)
		}
		wantNone(t, store, key, "ann", "it was ended")
		if err := store.EndDevices(t.Context(), "ann"); err != nil {
			t.Errorf("EndDevices = %v", err)
		}
		if got, err := store.Devices(t.Context(), "ann"); err != nil || len(got) != 0 {
			t.Errorf("Devices after EndDevices = %v, %v, want none", got, err)
		}
		if _, err := store.Device(t.Context(), key, "bob"); err != nil {
			t.Errorf("Device of the other person = %v", err)
		}
	})
	t.Run("a new key takes everybody's records along", func(t *testing.T) {
		store := session.NewMemory()
		old, key := keyOf(1, 1), keyOf(2, 2)
		anns := session.Device{ID: "a", UserID: "ann", FirstSeen: at, LastSeen: at}
		bobs := session.Device{ID: "b", UserID: "bob", FirstSeen: at, LastSeen: at}
		grant(t, store, none, old, anns)
		grant(t, store, none, old, bobs)
		grant(t, store, old, key, session.Device{ID: "x", UserID: "ann", FirstSeen: at.Add(day), LastSeen: at.Add(day)})
		want := anns
		want.LastSeen = at.Add(day)
		for _, want := range []session.Device{want, bobs} {
			wantNone(t, store, old, want.UserID, "it moved")
			if got, err := store.Device(t.Context(), key, want.UserID); err != nil || got != want {
				t.Errorf("Device under the new key = %+v, %v, want %+v", got, err, want)
			}
			if got, err := store.Devices(t.Context(), want.UserID); err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("Devices = %+v, %v, want the one that moved", got, err)
			}
		}
	})
	t.Run("trust is one record's, and a grant without marks leaves them as they are", func(t *testing.T) {
		store := session.NewMemory()
		want := session.Device{ID: "a", UserID: "ann", FirstSeen: at, LastSeen: at, TrustedAt: at, TwoStepUntil: at.Add(day)}
		grant(t, store, none, keyOf(1, 1), want)
		grant(t, store, none, keyOf(2, 2), session.Device{ID: "b", UserID: "ann", LastSeen: at})
		if got := grant(t, store, keyOf(1, 1), keyOf(3, 3), session.Device{UserID: "ann", LastSeen: at}); got != want {
			t.Errorf("GrantDevice without marks = %+v, want %+v", got, want)
		}
		want.TrustedAt, want.TwoStepUntil = at.Add(1), at.Add(2*day)
		if got := grant(t, store, none, keyOf(3, 3), session.Device{UserID: "ann", LastSeen: at, TrustedAt: at.Add(1), TwoStepUntil: at.Add(2 * day)}); got != want {
			t.Errorf("GrantDevice with marks = %+v, want %+v", got, want)
		}
		if err := store.TrustDevice(t.Context(), "bob", "a", at); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("A-246 TrustDevice of another's = %v, want ErrNotFound", err)
		}
		for _, trusted := range []time.Time{at.Add(day), {}} {
			if err := store.TrustDevice(t.Context(), "ann", "a", trusted); err != nil {
				t.Errorf("TrustDevice = %v", err)
			}
			if want.TrustedAt = trusted; trusted.IsZero() {
				want.TwoStepUntil = time.Time{}
			}
			if got, err := store.Device(t.Context(), keyOf(3, 3), "ann"); err != nil || got != want {
				t.Errorf("Device after TrustDevice(%v) = %+v, %v, want %+v", trusted, got, err, want)
			}
		}
		if got, err := store.Device(t.Context(), keyOf(2, 2), "ann"); err != nil || !got.TrustedAt.IsZero() {
			t.Errorf("Device = %+v, %v, want the other browser as it was", got, err)
		}
	})
	t.Run("what is known no longer may be deleted", func(t *testing.T) {
		store := session.NewMemory()
		key := keyOf(1, 1)
		for i, until := range []time.Time{at.Add(day), at.Add(day), at.Add(2 * day), {}} {
			user := fmt.Sprint("user", i)
			grant(t, store, none, key, session.Device{ID: user, UserID: user, LastSeen: at, KnownUntil: until})
		}
		for _, tt := range []struct {
			after       time.Duration
			limit, want int
		}{{day - 1, 10, 0}, {day, 0, 0}, {day, 1, 1}, {day, 10, 1}, {day, 10, 0}, {9 * day, 10, 1}, {9 * day, 10, 0}} {
			if got, err := store.DeleteExpired(t.Context(), at.Add(tt.after), tt.limit); err != nil || got != tt.want {
				t.Errorf("DeleteExpired(%v later, limit %d) = %d, %v, want %d", tt.after, tt.limit, got, err, tt.want)
			}
		}
		for i, want := range []int{0, 0, 0, 1} { // the last was never known, so nothing ended
			if got, err := store.Devices(t.Context(), fmt.Sprint("user", i)); err != nil || len(got) != want {
				t.Errorf("Devices of user%d = %v, %v, want %d", i, got, err, want)
			}
		}
	})
}
