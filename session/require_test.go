package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

func TestFrom(t *testing.T) {
	t.Run("without a session", func(t *testing.T) {
		if s, ok := session.From(t.Context()); ok || s != (session.Session{}) {
			t.Errorf("From = %+v, %t, want none", s, ok)
		}
	})
	t.Run("what it returns is a copy", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, want := issue(t, m, session.Start{UserID: "ann"})
		m.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s, _ := session.From(r.Context())
			s.UserID = "root"
			if got, ok := session.From(r.Context()); !ok || got != want {
				t.Errorf("From = %+v, %t, want %+v", got, ok, want)
			}
		})).ServeHTTP(httptest.NewRecorder(), withToken(plain))
		if got, err := m.Lookup(t.Context(), plain); err != nil || got != want {
			t.Errorf("Lookup = %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("the request's own context goes on", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		cancel()
		r := withToken(plain).WithContext(ctx)
		m.Require(http.HandlerFunc(func(_ http.ResponseWriter, inner *http.Request) {
			if got := inner.Context().Value(key{}); got != "value" {
				t.Errorf("Value = %v, want value", got)
			}
			if inner.Context().Err() == nil {
				t.Error("the handler's context is not cancelled with the request's")
			}
			if inner == r {
				t.Error("Require changed the caller's request")
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}

func TestRequire(t *testing.T) {
	t.Run("somebody", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		w := serve(m, withToken(plain))
		if w.Code != 200 || w.Body.String() != "ann" {
			t.Errorf("Require answered %d %q, want ann's page", w.Code, w.Body)
		}
		if len(w.Header()["Set-Cookie"]) != 0 || w.Header().Get("Cache-Control") != "" {
			t.Errorf("Require set headers of its own: %v", w.Header())
		}
	})
	t.Run("nobody: 401, in the form that was asked for", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		expired, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(day)
		for name, r := range map[string]*http.Request{
			"no cookie": request(), "nonsense": withToken("nonsense"), "R18 expired": withToken(expired),
			"another's purpose": withToken("flw_" + strings.TrimPrefix(expired, "ses_")),
		} {
			t.Run(name, func(t *testing.T) {
				w := serve(m, r)
				if w.Code != 401 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || w.Body.Len() == 0 {
					t.Errorf("Require answered %d %q %q, want 401 in plain text", w.Code, w.Header().Get("Content-Type"), w.Body)
				}
				r.Header.Set("Accept", "application/json")
				w = serve(m, r)
				var body struct{ Reason, Message string }
				err := json.Unmarshal(w.Body.Bytes(), &body)
				if w.Code != 401 || err != nil || body.Reason != "session_expired" || body.Message == "" {
					t.Errorf("Require answered %d %q, want 401 session_expired in JSON", w.Code, w.Body)
				}
				// A rotation may have sent a newer cookie to the same browser a moment ago.
				if len(w.Header()["Set-Cookie"]) != 0 {
					t.Errorf("Require took the cookie back: %v", w.Header()["Set-Cookie"])
				}
				if got := w.Header().Get("Cache-Control"); got != "no-store" {
					t.Errorf("Cache-Control = %q, want no-store", got)
				}
			})
		}
	})
	t.Run("nobody: the program's own answer", func(t *testing.T) {
		m, _, _ := newManager(t, func(cfg *session.Config) { cfg.Unauthorized = http.RedirectHandler("/signin", http.StatusSeeOther) })
		if w := serve(m, request()); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin" {
			t.Errorf("Require answered %d to %q, want the redirect", w.Code, w.Header().Get("Location"))
		}
	})
	t.Run("a broken store is not nobody", func(t *testing.T) {
		fire := errors.New("disk on fire")
		for name, fault := range map[string]func(*faultyStore){
			"at reading":  func(f *faultyStore) { f.session = func() error { return fire } },
			"at touching": func(f *faultyStore) { f.touch = func(session.Key, time.Time) error { return fire } },
		} {
			t.Run(name, func(t *testing.T) {
				var told error
				own := func(w http.ResponseWriter, _ *http.Request, err error) { told = err; w.WriteHeader(502) }
				for _, tt := range []struct {
					broken func(http.ResponseWriter, *http.Request, error)
					want   int
				}{{nil, 503}, {own, 502}} {
					faulty := &faultyStore{}
					m, _, c := newManager(t, func(cfg *session.Config) {
						faulty.Store = cfg.Store
						cfg.Store, cfg.Broken = faulty, tt.broken
					})
					plain, _ := issue(t, m, session.Start{UserID: "ann"})
					fault(faulty)
					c.move(time.Hour)
					if w := serve(m, withToken(plain)); w.Code != tt.want || strings.Contains(w.Body.String(), "fire") {
						t.Errorf("Require answered %d %q, want %d without the cause", w.Code, w.Body, tt.want)
					}
					if _, err := m.Lookup(t.Context(), plain); !errors.Is(err, fire) || errors.Is(err, session.ErrNotFound) {
						t.Errorf("Lookup = %v, want the store's error", err)
					}
				}
				if !errors.Is(told, fire) {
					t.Errorf("Broken was told %v, want the store's error", told)
				}
			})
		}
	})
	t.Run("a touch that finds the row gone means nobody", func(t *testing.T) {
		m, _, c := newManager(t, func(cfg *session.Config) {
			cfg.Store = &faultyStore{Store: cfg.Store, touch: func(session.Key, time.Time) error {
				return fmt.Errorf("store: %w", session.ErrNotFound)
			}}
		})
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		c.move(time.Hour)
		if w := serve(m, withToken(plain)); w.Code != 401 {
			t.Errorf("Require answered %d, want 401", w.Code)
		}
	})
	for _, tt := range []struct {
		name  string
		start session.Start
		want  bool
	}{
		{"R17 a cookie that could run out before its session is renewed", session.Start{UserID: "ann", Kept: true, Cap: session.Uncapped}, true},
		{"R17 a cookie that lasts as long as its session is not", session.Start{UserID: "ann", Kept: true, Cap: 400 * day}, false},
		{"R18 nor is one that goes with the browser", session.Start{UserID: "ann", Cap: session.Uncapped}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _, c := newManager(t, nil)
			plain, _ := issue(t, m, tt.start)
			if got := only(serve(m, withToken(plain))); got != nil {
				t.Errorf("an hour too early, the cookie was sent again: %v", got)
			}
			c.move(time.Hour)
			got := only(serve(m, withToken(plain)))
			if (got != nil) != tt.want {
				t.Fatalf("the cookie sent again is %v, want one: %t", got, tt.want)
			}
			if got != nil && (got.Value != plain || time.Duration(got.MaxAge)*time.Second != 400*day) {
				t.Errorf("the cookie sent again is %v, want the same token for 400 days", got)
			}
		})
	}
}
