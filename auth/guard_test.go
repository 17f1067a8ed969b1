package auth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// ask sends one request through Require.
func ask(w *world, method, target string, edit func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if edit != nil {
		edit(r)
	}
	rec := httptest.NewRecorder()
	w.m.Require(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s, ok := session.From(r.Context())
		if !ok {
			w.t.Error("a guarded handler without a session")
		}
		rw.Write([]byte(s.UserID))
	})).ServeHTTP(rec, r)
	return rec
}

func withCookie(token string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-session", Value: token}) }
}

func TestRequire(t *testing.T) {
	w := memory(t)
	done := w.signIn("ann@acme.example", home)
	if rec := ask(w, "GET", "/reports", withCookie(done.Token)); rec.Code != 200 || rec.Body.String() != "ann" {
		t.Errorf("a signed-in request got %d %q, want ann", rec.Code, rec.Body)
	}
	for name, tt := range map[string]struct {
		method, target string
		edit           func(*http.Request)
		want           string
	}{
		"a page":                     {"GET", "/reports?q=1", nil, "/auth/signin?return_to=%2Freports%3Fq%3D1"},
		"R18 an ended session":       {"GET", "/reports", withCookie("ses_" + strings.Repeat("a", 43)), "/auth/signin?reason=session_expired&return_to=%2Freports"},
		"A-236 a form, not its page": {"POST", "/reports", func(r *http.Request) { r.Header.Set("Referer", "https://evil.example/") }, "/auth/signin"},
		"A-235 a strange path":       {"GET", "//evil.example/x", nil, "/auth/signin"},
		"A-237 the sign-in itself":   {"GET", "/auth/signout", nil, "/auth/signin"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := ask(w, tt.method, tt.target, tt.edit)
			if got := rec.Header().Get("Location"); rec.Code != http.StatusSeeOther || got != tt.want {
				t.Errorf("got %d to %q, want 303 to %q", rec.Code, got, tt.want)
			}
			if rec.Header().Get("Cache-Control") != "no-store" {
				t.Error("R104 the answer may be stored")
			}
		})
	}
	t.Run("R110 a program", func(t *testing.T) {
		rec := ask(w, "GET", "/api", func(r *http.Request) { r.Header.Set("Accept", "application/json") })
		var got struct {
			Reason string
			Links  map[string]string
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != 401 || got.Reason != string(auth.ReasonSignInRequired) || got.Links["signin"] != "/auth/signin" {
			t.Errorf("got %d %s, %v, want 401 with a reason and the address of the sign-in", rec.Code, rec.Body, err)
		}
	})
	t.Run("R19 30 days without activity", func(t *testing.T) {
		s, err := w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example", Remember: true}, home)
		if err != nil {
			t.Fatal(err)
		}
		ref := auth.Ref{Token: s.Token}
		w.password(&ref, secret, home)
		kept, _, err := w.m.Finish(t.Context(), ref, home)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			w.move(29 * 24 * time.Hour)
			if rec := ask(w, "GET", "/", withCookie(kept.Token)); rec.Code != 200 {
				t.Fatalf("29 days after the last activity: %d, want 200", rec.Code)
			}
		}
		w.move(30 * 24 * time.Hour)
		if rec := ask(w, "GET", "/", withCookie(kept.Token)); rec.Code != http.StatusSeeOther {
			t.Errorf("30 days after the last activity: %d, want to be signed out", rec.Code)
		}
	})
	t.Run("A-274 a broken store is not a sign-out", func(t *testing.T) {
		w.spy.before = func(int, string) error { return errors.New("no connection") }
		defer func() { w.spy.before = nil }()
		if rec := ask(w, "GET", "/", withCookie(done.Token)); rec.Code != http.StatusServiceUnavailable || len(w.reports) != 1 {
			t.Errorf("got %d and the reports %v, want 503 and one report", rec.Code, w.reports)
		}
	})
}

func TestBehindAPath(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.BaseURL, c.SignInPath = "https://example.com/app/", "/in/signin" })
	if got, want := w.m.SignInPath(), "/app/in/signin"; got != want {
		t.Errorf("SignInPath = %q, want %q", got, want)
	}
	if got, want := w.m.URL("/in/help"), "https://example.com/app/in/help"; got != want {
		t.Errorf("URL = %q, want %q", got, want)
	}
	rec := ask(w, "GET", "/reports", nil) // the proxy has cut /app off
	if got, want := rec.Header().Get("Location"), "/app/in/signin?return_to=%2Fapp%2Freports"; got != want {
		t.Errorf("Require leads to %q, want %q", got, want)
	}
	if w.m.ReturnTo("/app/in/signout") != "" || w.m.ReturnTo("/app/reports") == "" {
		t.Error("ReturnTo does not know the path that the host is below")
	}
}
