package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

const day = 24 * time.Hour

// A clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newManager returns a manager over a memory store and a clock that stands still.
func newManager(t testing.TB, edit func(*session.Config)) (*session.Manager, *session.Memory, *clock) {
	t.Helper()
	c := newClock()
	store := session.NewMemory()
	cfg := session.Config{Store: store, Cuts: store, Now: c.Now}
	if edit != nil {
		edit(&cfg)
	}
	m, err := session.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, store, c
}

func issue(t testing.TB, m *session.Manager, start session.Start) (string, session.Session) {
	t.Helper()
	plain, s, err := m.Issue(t.Context(), start)
	if err != nil {
		t.Fatalf("Issue(%+v) = %v", start, err)
	}
	return plain, s
}

func live(t testing.TB, m *session.Manager, plain string) bool {
	t.Helper()
	_, err := m.Lookup(t.Context(), plain)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("Lookup = %v", err)
	}
	return err == nil
}

func wantLive(t testing.TB, m *session.Manager, plain string, want bool) {
	t.Helper()
	if got := live(t, m, plain); got != want {
		t.Errorf("the session is live: %t, want %t", got, want)
	}
}

func request(header ...string) *http.Request {
	r := httptest.NewRequest("GET", "https://app.example.com/", nil)
	for _, line := range header {
		r.Header.Add("Cookie", line)
	}
	return r
}

func withToken(plain string) *http.Request { return request("__Host-session=" + plain) }

// serve sends a request through Require to a handler that says who is signed in.
func serve(m *session.Manager, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, ok := session.From(r.Context())
		if !ok {
			http.Error(w, "From found nothing behind Require", http.StatusInternalServerError)
			return
		}
		w.Write([]byte(s.UserID))
	})).ServeHTTP(w, r)
	return w
}

// A faultyStore fails where a func is set.
type faultyStore struct {
	session.Store
	session func() error
	touch   func(key session.Key, seen time.Time) error
	create  func(key session.Key, s session.Session) error
}

func (f *faultyStore) Session(ctx context.Context, key session.Key, now time.Time) (*session.Session, error) {
	if f.session != nil {
		return nil, f.session()
	}
	return f.Store.Session(ctx, key, now)
}

func (f *faultyStore) TouchSession(ctx context.Context, key session.Key, seen time.Time) error {
	if f.touch != nil {
		if err := f.touch(key, seen); err != nil {
			return err
		}
	}
	return f.Store.TouchSession(ctx, key, seen)
}

func (f *faultyStore) CreateSession(ctx context.Context, key session.Key, s session.Session) error {
	if f.create != nil {
		if err := f.create(key, s); err != nil {
			return err
		}
	}
	return f.Store.CreateSession(ctx, key, s)
}
