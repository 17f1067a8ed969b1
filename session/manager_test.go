package session_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/session"
)

func TestNew(t *testing.T) {
	store := session.NewMemory()
	for _, tt := range []struct {
		name string
		cfg  session.Config
		want string // in the error; empty: none
	}{
		{"zero", session.Config{}, "Config.Store"},
		{"only a store", session.Config{Store: store}, ""},
		{"negative Idle", session.Config{Store: store, Idle: -1}, "Config.Idle"},
		{"negative Cap", session.Config{Store: store, Cap: -1}, "Config.Cap"},
		{"negative KeptIdle", session.Config{Store: store, KeptIdle: -1}, "Config.KeptIdle"},
		{"negative KeptCap", session.Config{Store: store, KeptCap: -1}, "Config.KeptCap"},
		{"negative TouchEvery", session.Config{Store: store, TouchEvery: -1}, "Config.TouchEvery"},
		{"a cookie without the prefix", session.Config{Store: store, CookieName: "sid"}, "Config.CookieName"},
		{"a cookie with the prefix in small letters", session.Config{Store: store, CookieName: "__host-sid"}, "Config.CookieName"},
		{"a cookie of the prefix only", session.Config{Store: store, CookieName: "__Host-"}, "Config.CookieName"},
		{"a cookie with a blank", session.Config{Store: store, CookieName: "__Host-my id"}, "Config.CookieName"},
		{"another cookie", session.Config{Store: store, CookieName: "__Host-sid"}, ""},
		{"any cookie over plain http", session.Config{Store: store, CookieName: "sid", InsecureHTTP: true}, ""},
		{"a cookie that plain http cannot set", session.Config{Store: store, CookieName: "__Host-sid", InsecureHTTP: true}, "Config.CookieName"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := session.New(tt.cfg)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("New = %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("New = %v, want an error that names %s", err, tt.want)
			}
		})
	}
}

func TestIssue(t *testing.T) {
	t.Run("R114 the session says how it was made", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		start := session.Start{
			UserID: "ann", AccountID: "acme", DeviceID: "laptop", Methods: session.NewMethods("password", "email_code"),
			Via: "okta", Kept: true, UserAgent: "Firefox", IP: "192.0.2.1",
		}
		plain, issued := issue(t, m, start)
		want := session.Session{
			ID: issued.ID, UserID: "ann", AccountID: "acme", DeviceID: "laptop", Methods: "password email_code", Via: "okta",
			Kept: true, CreatedAt: c.now, AuthTime: c.now, SeenAt: c.now, Idle: 30 * day, ExpiresAt: c.now.Add(180 * day),
			UserAgent: "Firefox", IP: "192.0.2.1",
		}
		if issued != want || issued.ID == "" {
			t.Errorf("Issue = %+v\nwant %+v", issued, want)
		}
		if got, err := m.Lookup(t.Context(), plain); err != nil || got != want {
			t.Errorf("Lookup = %+v, %v\nwant %+v", got, err, want)
		}
		if got := issued.Methods; !got.Has("email_code") || got.Has("email") || got.Has("totp") {
			t.Errorf("Methods %q: Has is wrong", got)
		}
	})
	t.Run("it names what is missing", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		for field, start := range map[string]session.Start{
			"Start.UserID": {},
			"Start.Idle":   {UserID: "ann", Idle: -1},
			"Start.Cap":    {UserID: "ann", Cap: -1},
		} {
			if plain, _, err := m.Issue(t.Context(), start); err == nil || !strings.Contains(err.Error(), field) || plain != "" {
				t.Errorf("Issue(%+v) = %q, %v, want an error that names %s", start, plain, err, field)
			}
		}
	})
	t.Run("a start with limits of its own", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		_, s := issue(t, m, session.Start{UserID: "ann", Kept: true, Idle: time.Hour, Cap: 2 * time.Hour})
		if s.Idle != time.Hour || !s.ExpiresAt.Equal(c.now.Add(2*time.Hour)) {
			t.Errorf("Idle %v, ExpiresAt %v; want the start's own", s.Idle, s.ExpiresAt)
		}
	})
	t.Run("a sign-in counts from when it began", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		began := c.now.Add(-time.Minute)
		_, s := issue(t, m, session.Start{UserID: "ann", CreatedAt: began})
		if !s.CreatedAt.Equal(began) || !s.ExpiresAt.Equal(began.Add(day)) || !s.SeenAt.Equal(c.now) {
			t.Errorf("CreatedAt %v, ExpiresAt %v, SeenAt %v; want them to count from %v, seen now", s.CreatedAt, s.ExpiresAt, s.SeenAt, began)
		}
		_, s = issue(t, m, session.Start{UserID: "ann", CreatedAt: c.now.Add(time.Hour)})
		if !s.CreatedAt.Equal(c.now) {
			t.Errorf("CreatedAt %v lies ahead of %v: no cut would reach it", s.CreatedAt, c.now)
		}
	})
	t.Run("Uncapped fits into any store", func(t *testing.T) {
		m, _, c := newManager(t, func(cfg *session.Config) { cfg.KeptCap, cfg.KeptIdle = session.Uncapped, session.Uncapped })
		plain, s := issue(t, m, session.Start{UserID: "ann", Kept: true})
		if y := s.ExpiresAt.Year(); y < 2100 || y > 2200 {
			t.Errorf("ExpiresAt = %v, want about a hundred years from now", s.ExpiresAt)
		}
		if got := time.UnixMicro(s.ExpiresAt.UnixMicro()); !got.Equal(s.ExpiresAt) {
			t.Errorf("ExpiresAt comes back from microseconds as %v, want %v", got, s.ExpiresAt)
		}
		c.move(50 * 365 * day)
		wantLive(t, m, plain, true)
	})
	t.Run("times are whole microseconds of no zone and no process", func(t *testing.T) {
		m, _, _ := newManager(t, func(cfg *session.Config) { cfg.Now = time.Now })
		_, s := issue(t, m, session.Start{UserID: "ann", CreatedAt: time.Now().Add(-time.Second)})
		for _, at := range []time.Time{s.CreatedAt, s.AuthTime, s.SeenAt, s.ExpiresAt} {
			if at != time.UnixMicro(at.UnixMicro()).UTC() {
				t.Errorf("%#v does not survive being stored", at)
			}
		}
	})
	t.Run("A-223 a planted cookie is never adopted", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		planted := "ses_" + strings.Repeat("A", 43)
		r := withToken(planted)
		if _, err := m.Authenticate(r); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Authenticate(planted) = %v, want ErrNotFound", err)
		}
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		again, _ := issue(t, m, session.Start{UserID: "ann"})
		if plain == planted || plain == again {
			t.Error("Issue gave out a token that somebody has already")
		}
		if _, err := m.Authenticate(r); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Authenticate(planted) after the sign-in = %v, want ErrNotFound", err)
		}
	})
}

// TestClock moves the clock and asks after each move whether the session is live. Asking counts as activity.
func TestClock(t *testing.T) {
	type move struct {
		by   time.Duration
		live bool
	}
	every := func(d time.Duration, times int, then ...move) []move {
		var moves []move
		for range times {
			moves = append(moves, move{d, true})
		}
		return append(moves, then...)
	}
	for _, tt := range []struct {
		name  string
		kept  bool
		cap   time.Duration
		moves []move
	}{
		{"R18 not kept: 12 hours idle", false, 0, []move{{12*time.Hour - time.Second, true}, {12 * time.Hour, false}}},
		{"R18 not kept: idle to the second", false, 0, []move{{12 * time.Hour, false}}},
		{"R18 not kept: 24 hours at most", false, 0, every(time.Hour, 23, move{time.Hour, false})},
		{"R17 kept: 30 days idle", true, 0, []move{{30*day - time.Second, true}, {30*day - time.Second, true}, {30 * day, false}}},
		{"R17 kept: activity renews, within 15 minutes", true, 0, []move{{14 * time.Minute, true}, {30*day - 15*time.Minute, true}, {30*day - time.Minute, true}}},
		{"R17 activity within 15 minutes is not written, and never ends a session late", true, 0, []move{{14 * time.Minute, true}, {30*day - 14*time.Minute, false}}},
		{"R17 kept: no cap in the v4 preset", true, session.Uncapped, every(29*day, 40, move{30 * day, false})},
		{"A-227 kept and active for a year: ends after 180 days", true, 0, every(10*day, 17, move{10*day - time.Second, true}, move{time.Second, false})},
		{"A-240 a day back: still signed in", false, 0, []move{{-day, true}, {day, true}}},
		{"A-240 a day back: idle time is not lengthened by more than that day", false, 0, []move{{-day, true}, {day + 12*time.Hour, false}}},
		{"A-240 a day on, and back: what was found expired stays so", false, 0, []move{{day, false}, {-day, false}}},
		{"A-240 a day on, and back: who is kept stays signed in", true, 0, []move{{day, true}, {-day, true}, {31*day + time.Second, false}}},
		{"A-240 the cap is not moved by clock steps", false, 0, []move{{11 * time.Hour, true}, {-11 * time.Hour, true}, {22 * time.Hour, true}, {2 * time.Hour, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _, c := newManager(t, nil)
			plain, _ := issue(t, m, session.Start{UserID: "ann", Kept: tt.kept, Cap: tt.cap})
			for i, mv := range tt.moves {
				c.move(mv.by)
				if got := live(t, m, plain); got != mv.live {
					t.Fatalf("after move %d by %v, at %v: live %t, want %t", i+1, mv.by, c.now, got, mv.live)
				}
			}
		})
	}
}

func TestTouch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration
		idle  time.Duration
		moves []time.Duration
		want  []time.Duration // the moments written, after sign-in
	}{
		{"R17 at most every 15 minutes", 0, 0,
			[]time.Duration{time.Minute, 13 * time.Minute, time.Minute, time.Minute, 14 * time.Minute},
			[]time.Duration{15 * time.Minute, 30 * time.Minute}},
		{"as configured", time.Minute, 0, []time.Duration{30 * time.Second, 30 * time.Second}, []time.Duration{time.Minute}},
		{"at a tenth of a short Idle", 0, 10 * time.Minute, []time.Duration{30 * time.Second, 30 * time.Second}, []time.Duration{time.Minute}},
		{"never for the future", 0, 0, []time.Duration{-time.Hour, 30 * time.Minute}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []time.Duration
			var c *clock
			var began time.Time
			m, _, c := newManager(t, func(cfg *session.Config) {
				cfg.TouchEvery = tt.every
				cfg.Store = &faultyStore{Store: cfg.Store, touch: func(_ session.Key, seen time.Time) error {
					got = append(got, seen.Sub(began))
					return nil
				}}
			})
			began = c.now
			plain, _ := issue(t, m, session.Start{UserID: "ann", Idle: tt.idle})
			for _, by := range tt.moves {
				c.move(by)
				wantLive(t, m, plain, true)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("activity was written at %v, want %v", got, tt.want)
			}
		})
	}
	t.Run("the answer says that it was seen", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(time.Hour)
		if s, err := m.Lookup(t.Context(), plain); err != nil || !s.SeenAt.Equal(c.now) {
			t.Errorf("Lookup = %v, %v, want SeenAt %v", s.SeenAt, err, c.now)
		}
	})
}

func TestActivity(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, m *session.Manager, plain string){
		"Lookup": func(t *testing.T, m *session.Manager, plain string) {
			if _, err := m.Lookup(t.Context(), plain); err != nil {
				t.Errorf("Lookup = %v", err)
			}
		},
		"Authenticate": func(t *testing.T, m *session.Manager, plain string) {
			if _, err := m.Authenticate(withToken(plain)); err != nil {
				t.Errorf("Authenticate = %v", err)
			}
		},
		"Require": func(t *testing.T, m *session.Manager, plain string) {
			if w := serve(m, withToken(plain)); w.Code != 200 {
				t.Errorf("Require answered %d", w.Code)
			}
		},
	} {
		t.Run("A-245 counts: "+name, func(t *testing.T) {
			m, _, c := newManager(t, nil)
			plain, _ := issue(t, m, session.Start{UserID: "ann"})
			c.move(11 * time.Hour)
			ask(t, m, plain)
			c.move(11 * time.Hour)
			wantLive(t, m, plain, true)
		})
	}
	t.Run("A-245 does not count: a list, another session, no session", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		other, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(11 * time.Hour)
		if all, err := m.List(t.Context(), "ann"); err != nil || len(all) != 2 {
			t.Errorf("List = %d sessions, %v, want 2", len(all), err)
		}
		wantLive(t, m, other, true)
		serve(m, request())
		c.move(time.Hour)
		wantLive(t, m, plain, false)
		wantLive(t, m, other, true)
	})
}

func TestRotate(t *testing.T) {
	t.Run("A-224 R109 the old token opens nothing after a change of privilege", func(t *testing.T) {
		for name, change := range map[string]session.Change{
			"step-up":        {AuthTime: newClock().now.Add(time.Hour)},
			"second factor":  {Methods: session.NewMethods("password", "totp"), AuthTime: newClock().now.Add(time.Hour)},
			"company switch": {AccountID: "globex", Idle: 2 * time.Hour, Cap: 8 * time.Hour},
			"role change":    {},
		} {
			t.Run(name, func(t *testing.T) {
				m, _, c := newManager(t, nil)
				old, was := issue(t, m, session.Start{UserID: "ann", AccountID: "acme", Methods: "password"})
				c.move(time.Hour)
				plain, s, err := m.Rotate(t.Context(), old, change)
				if err != nil {
					t.Fatal(err)
				}
				wantLive(t, m, old, false)
				got, err := m.Lookup(t.Context(), plain)
				if err != nil {
					t.Fatalf("Lookup(new token) = %v", err)
				}
				want := was
				if change.AccountID != "" {
					want.AccountID = change.AccountID
				}
				if change.Methods != "" {
					want.Methods = change.Methods
				}
				if !change.AuthTime.IsZero() {
					want.AuthTime = change.AuthTime
				}
				if change.Idle != 0 {
					want.Idle, want.ExpiresAt = change.Idle, was.CreatedAt.Add(change.Cap)
				}
				if s != want {
					t.Errorf("Rotate = %+v\nwant %+v", s, want)
				}
				want.SeenAt = got.SeenAt // the look-up has moved it
				if got != want {
					t.Errorf("Lookup = %+v\nwant %+v", got, want)
				}
				if all, err := m.List(t.Context(), "ann"); err != nil || len(all) != 1 {
					t.Errorf("List = %d sessions, %v, want the one", len(all), err)
				}
			})
		}
	})
	t.Run("AuthTime moves neither back nor ahead of the clock", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, was := issue(t, m, session.Start{UserID: "ann"})
		plain, s, err := m.Rotate(t.Context(), plain, session.Change{AuthTime: was.AuthTime.Add(-time.Hour)})
		if err != nil || !s.AuthTime.Equal(was.AuthTime) {
			t.Errorf("AuthTime = %v, %v, want %v", s.AuthTime, err, was.AuthTime)
		}
		c.move(time.Minute)
		_, s, err = m.Rotate(t.Context(), plain, session.Change{AuthTime: c.now.Add(time.Hour)})
		if err != nil || !s.AuthTime.Equal(c.now) {
			t.Errorf("AuthTime = %v, %v, want %v", s.AuthTime, err, c.now)
		}
	})
	t.Run("limits that have passed end the session", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(2 * time.Hour)
		if _, _, err := m.Rotate(t.Context(), plain, session.Change{Cap: time.Hour}); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Rotate = %v, want ErrNotFound", err)
		}
		wantLive(t, m, plain, false)
	})
	t.Run("nothing to rotate", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		expired, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(day)
		for _, plain := range []string{"", "ses_", "ses_" + strings.Repeat("A", 43), expired} {
			if got, _, err := m.Rotate(t.Context(), plain, session.Change{}); !errors.Is(err, session.ErrNotFound) || got != "" {
				t.Errorf("Rotate(%q) = %q, %v, want ErrNotFound", plain, got, err)
			}
		}
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		if _, _, err := m.Rotate(t.Context(), plain, session.Change{Idle: -1}); err == nil {
			t.Error("Rotate with a negative limit: no error")
		}
		wantLive(t, m, plain, true)
	})
	t.Run("A-239 64 callers rotate one token: one wins, and nobody's activity is written over it", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		old, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme"})
		c.move(time.Hour) // so that every look-up touches
		var won atomic.Int32
		var winner atomic.Value
		together(64, func(i int) {
			if i%2 == 0 {
				m.Lookup(t.Context(), old)
				return
			}
			plain, _, err := m.Rotate(t.Context(), old, session.Change{AccountID: fmt.Sprint("account", i)})
			switch {
			case err == nil:
				won.Add(1)
				winner.Store([2]string{plain, fmt.Sprint("account", i)})
			case !errors.Is(err, session.ErrNotFound):
				t.Errorf("Rotate = %v, want ErrNotFound", err)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("%d callers rotated the token, want 1", won.Load())
		}
		w := winner.Load().([2]string)
		if s, err := m.Lookup(t.Context(), w[0]); err != nil || s.AccountID != w[1] {
			t.Errorf("Lookup = %q, %v, want the winner's account %q", s.AccountID, err, w[1])
		}
		wantLive(t, m, old, false)
	})
}

// together runs f from many goroutines that start at one moment.
func together(callers int, f func(i int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range callers {
		wg.Go(func() {
			<-gate
			f(i)
		})
	}
	close(gate)
	wg.Wait()
}

func TestEnding(t *testing.T) {
	t.Run("A-225 R67 R19 a copied cookie is refused after sign-out, on every node", func(t *testing.T) {
		m, store, c := newManager(t, nil)
		node2, err := session.New(session.Config{Store: store, Now: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := issue(t, m, session.Start{UserID: "ann", Kept: true})
		wantLive(t, node2, plain, true)
		if err := m.SignOut(t.Context(), plain); err != nil {
			t.Fatal(err)
		}
		wantLive(t, m, plain, false)
		wantLive(t, node2, plain, false)
		if w := serve(node2, withToken(plain)); w.Code != 401 {
			t.Errorf("Require answered %d to the copied cookie, want 401", w.Code)
		}
	})
	t.Run("R67 signing out twice, or without a session, is not an error", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		for _, token := range []string{plain, plain, "", "nonsense", "ses_" + strings.Repeat("A", 43)} {
			if err := m.SignOut(t.Context(), token); err != nil {
				t.Errorf("SignOut = %v, want nil", err)
			}
		}
	})
	t.Run("R67 signing out ends that session only", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		one, _ := issue(t, m, session.Start{UserID: "ann"})
		two, _ := issue(t, m, session.Start{UserID: "ann"})
		if err := m.SignOut(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		wantLive(t, m, two, true)
	})
	t.Run("R65 list, end one, all others, all", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		var tokens []string
		var all []session.Session
		for i := range 4 {
			plain, s := issue(t, m, session.Start{UserID: "ann", UserAgent: fmt.Sprint("browser ", i)})
			tokens, all = append(tokens, plain), append(all, s)
			c.move(time.Second)
		}
		bob, _ := issue(t, m, session.Start{UserID: "bob"})
		check := func(want ...int) {
			t.Helper()
			list, err := m.List(t.Context(), "ann")
			var got, wanted []string
			for _, s := range list {
				got = append(got, s.UserAgent)
			}
			for _, i := range want {
				wanted = append(wanted, fmt.Sprint("browser ", i))
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(wanted) {
				t.Errorf("List = %v, %v, want %v", got, err, wanted)
			}
			for i, plain := range tokens {
				if got, want := live(t, m, plain), strings.Contains(fmt.Sprint(want), fmt.Sprint(i)); got != want {
					t.Errorf("session %d is live: %t, want %t", i, got, want)
				}
			}
		}
		check(3, 2, 1, 0)
		if err := m.End(t.Context(), "ann", all[2].ID); err != nil {
			t.Fatal(err)
		}
		check(3, 1, 0)
		if err := m.EndOthers(t.Context(), all[1]); err != nil {
			t.Fatal(err)
		}
		check(1)
		if err := m.EndAll(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		check()
		wantLive(t, m, bob, true)
	})
	t.Run("R65 a list leaves out what has expired", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		issue(t, m, session.Start{UserID: "ann"})
		c.move(12 * time.Hour)
		_, s := issue(t, m, session.Start{UserID: "ann", Kept: true})
		if all, err := m.List(t.Context(), "ann"); err != nil || len(all) != 1 || all[0].ID != s.ID {
			t.Errorf("List = %v, %v, want the new session only", all, err)
		}
	})
	t.Run("EndOthers without a session ends nothing", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		if err := m.EndOthers(t.Context(), session.Session{UserID: "ann"}); err == nil {
			t.Error("EndOthers of a session without an ID: no error")
		}
		wantLive(t, m, plain, true)
	})
	t.Run("A-246 somebody else's session is not found", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		ann, hers := issue(t, m, session.Start{UserID: "ann"})
		issue(t, m, session.Start{UserID: "bob"})
		for _, id := range []string{hers.ID, "", "nonsense"} {
			if err := m.End(t.Context(), "bob", id); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("End(bob, %q) = %v, want ErrNotFound", id, err)
			}
		}
		wantLive(t, m, ann, true)
	})
	t.Run("A-242 R19 a person shut out is refused at the next request, and let in again only by a new sign-in", func(t *testing.T) {
		m, store, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann", Kept: true})
		ahead, err := session.New(session.Config{Store: store, Now: func() time.Time { return c.Now().Add(day) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := ahead.EndAll(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		wantLive(t, m, plain, false)
		again, _ := issue(t, m, session.Start{UserID: "ann"}) // whatever the clock of the one who ended them says
		wantLive(t, m, again, true)
		wantLive(t, m, plain, false)
	})
	t.Run("A-242 a company's sessions end with one cut", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme", Kept: true})
		other, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "globex"})
		none, _ := issue(t, m, session.Start{UserID: "ann"})
		underWay := c.now
		c.move(time.Second)
		if err := m.CutAccount(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		wantLive(t, m, plain, false)
		wantLive(t, m, other, true)
		wantLive(t, m, none, true)
		late, _ := issue(t, m, session.Start{UserID: "bob", AccountID: "acme", CreatedAt: underWay})
		wantLive(t, m, late, false)
		again, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme"})
		wantLive(t, m, again, true)
		if all, err := m.List(t.Context(), "ann"); err != nil || len(all) != 3 {
			t.Errorf("List = %d sessions, %v, want 3 without the cut one", len(all), err)
		}
		if err := m.SignOut(t.Context(), plain); err != nil {
			t.Errorf("SignOut of a session that was cut = %v, want nil", err)
		}
	})
	t.Run("A-242 R19 a session does not go to a company that was cut later than it began", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "globex"})
		c.move(time.Second)
		if err := m.CutAccount(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		if err := m.CutAccountAt(t.Context(), "initech", c.now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for account, after := range map[string]time.Duration{"acme": 0, "initech": time.Hour} {
			c.move(after)
			if got, _, err := m.Rotate(t.Context(), plain, session.Change{AccountID: account}); !errors.Is(err, session.ErrNotFound) || got != "" {
				t.Errorf("Rotate to %s = %q, %v, want ErrNotFound", account, got, err)
			}
			wantLive(t, m, plain, true)
		}
	})
	t.Run("R19 a forced date needs no job on time", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		before, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme", Kept: true})
		at := c.now.Add(7 * day)
		if err := m.CutAccountAt(t.Context(), "acme", at); err != nil {
			t.Fatal(err)
		}
		c.move(7*day - time.Microsecond)
		wantLive(t, m, before, true)
		c.move(time.Microsecond)
		wantLive(t, m, before, false)
		after, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme"})
		wantLive(t, m, after, true)
		// What has passed stays: neither taking it back nor a new date revives anybody.
		if err := m.CutAccountAt(t.Context(), "acme", time.Time{}); err != nil {
			t.Fatal(err)
		}
		wantLive(t, m, before, false)
		wantLive(t, m, after, true)
	})
	t.Run("R19 a forced date can be moved and taken back until then", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme", Kept: true})
		for _, at := range []time.Time{c.now.Add(time.Hour), c.now.Add(2 * time.Hour), {}} {
			if err := m.CutAccountAt(t.Context(), "acme", at); err != nil {
				t.Fatal(err)
			}
		}
		c.move(3 * time.Hour)
		wantLive(t, m, plain, true)
	})
	t.Run("cuts say what is missing", func(t *testing.T) {
		m, _, _ := newManager(t, func(cfg *session.Config) { cfg.Cuts = nil })
		if err := m.CutAccount(t.Context(), "acme"); err == nil || !strings.Contains(err.Error(), "Config.Cuts") {
			t.Errorf("CutAccount = %v, want an error that names Config.Cuts", err)
		}
		if err := m.CutAccountAt(t.Context(), "acme", time.Time{}); err == nil || !strings.Contains(err.Error(), "Config.Cuts") {
			t.Errorf("CutAccountAt = %v, want an error that names Config.Cuts", err)
		}
		m, _, _ = newManager(t, nil)
		if err := m.CutAccount(t.Context(), ""); err == nil {
			t.Error("CutAccount of no account: no error")
		}
	})
}

func TestSecrecy(t *testing.T) {
	t.Run("A-243 R105 a store sees the hash of a token, and a session or error never shows one", func(t *testing.T) {
		var key session.Key
		var stored session.Session
		m, _, _ := newManager(t, func(cfg *session.Config) {
			cfg.Store = &faultyStore{Store: cfg.Store, create: func(k session.Key, s session.Session) error {
				key, stored = k, s
				return nil
			}}
		})
		plain, s := issue(t, m, session.Start{UserID: "ann"})
		if key != sha256.Sum256([]byte(plain)) {
			t.Error("the key is not the SHA-256 of the token")
		}
		secret := strings.TrimPrefix(plain, "ses_")
		for name, text := range map[string]string{"the session": fmt.Sprintf("%#v", s), "the row": fmt.Sprintf("%#v", stored)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows the token", name)
			}
		}
		broken, _, _ := newManager(t, func(cfg *session.Config) {
			cfg.Store = &faultyStore{Store: cfg.Store, session: func() error { return errors.New("disk on fire") }}
		})
		_, err := broken.Lookup(t.Context(), plain)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Lookup = %v, want an error without the token", err)
		}
		if w := serve(broken, withToken(plain)); strings.Contains(w.Body.String()+fmt.Sprint(w.Header()), secret) {
			t.Error("the answer of Require shows the token")
		}
	})
	t.Run("A-244 what stands in a copied table opens nothing", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, s := issue(t, m, session.Start{UserID: "ann"})
		key := sha256.Sum256([]byte(plain))
		for _, guess := range []string{
			s.ID, "ses_" + s.ID, string(key[:]), hex.EncodeToString(key[:]), "ses_" + hex.EncodeToString(key[:]),
			base64.RawURLEncoding.EncodeToString(key[:]), "ses_" + base64.RawURLEncoding.EncodeToString(key[:]),
			strings.TrimPrefix(plain, "ses_"), "flw_" + strings.TrimPrefix(plain, "ses_"), strings.ToUpper(plain), plain + "A", plain[:len(plain)-1], plain + "\x00",
		} {
			if live(t, m, guess) {
				t.Errorf("%q opens the session", guess)
			}
		}
		if len(plain) < 4+43 {
			t.Errorf("a token has %d characters, want 256 random bits", len(plain))
		}
		wantLive(t, m, plain, true)
	})
}

func TestCleanUserAgent(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for _, tt := range []struct{ name, in, want string }{
		{"an ordinary one", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"},
		{"empty", "", ""},
		{"control characters", "a\r\nb\x00c\x7f\u0085d\u202ee", "abcde"},
		{"cut between characters", "x" + long, "x" + long[:254]},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := session.CleanUserAgent(tt.in)
			if got != tt.want {
				t.Errorf("CleanUserAgent(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
	t.Run("always short and valid", func(t *testing.T) {
		for _, in := range []string{strings.Repeat("\xff", 5000), strings.Repeat("\x00", 5000) + "a", strings.Repeat("😀", 1000)} {
			if got := session.CleanUserAgent(in); len(got) > 256 || !utf8.ValidString(got) {
				t.Errorf("CleanUserAgent gave %d bytes, valid %t", len(got), utf8.ValidString(got))
			}
		}
		m, _, _ := newManager(t, nil)
		if _, s := issue(t, m, session.Start{UserID: "ann", UserAgent: "a\nb" + long, IP: strings.Repeat("1", 999)}); len(s.UserAgent) > 256 || s.UserAgent[:2] != "ab" || len(s.IP) > 64 {
			t.Errorf("Issue kept UserAgent %q and an IP of %d bytes", s.UserAgent, len(s.IP))
		}
	})
}
