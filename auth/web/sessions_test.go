package web_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/internal/testdb"
)

type listed struct {
	ID      string
	Current bool
	Methods []string
}

// list reads the visitor's own sessions.
func (v *visitor) list(p *authtest.Page) []listed {
	v.p.t.Helper()
	var answer struct{ Sessions []listed }
	if err := json.Unmarshal([]byte(p.Body), &answer); err != nil || p.Status != 200 {
		v.p.t.Fatalf("status %d, %v: %s", p.Status, err, p.Body)
	}
	return answer.Sessions
}

func TestSessions(t *testing.T) {
	t.Run("memory", func(t *testing.T) { testSessions(t, func(*testing.T) authtest.Backend { return nil }) })
	t.Run("sqlite", func(t *testing.T) { testSessions(t, func(t *testing.T) authtest.Backend { return testdb.SQLite(t) }) })
	t.Run("postgresql", func(t *testing.T) {
		testSessions(t, func(t *testing.T) authtest.Backend { return testdb.PostgreSQL(t) })
	})
}

func testSessions(t *testing.T, open func(*testing.T) authtest.Backend) {
	const list, end = "/auth/account/sessions", "/auth/account/sessions/end"
	three := func(t *testing.T) (a, b, c *visitor) {
		a = newProduct(t, authtest.Config{DB: open(t)}).visitor(true)
		b, c = a.again(), a.again()
		a.signIn("ann@acme.example")
		b.signIn("ann@acme.example")
		c.signIn("ann@acme.example")
		return a, b, c
	}
	t.Run("R65 a list, with a mark at the one that asks", func(t *testing.T) {
		a, _, _ := three(t)
		all := a.list(a.JSON(http.MethodGet, list, ""))
		marks := 0
		for _, s := range all {
			if s.Current {
				marks++
			}
			if len(s.Methods) != 1 || s.Methods[0] != "password" {
				t.Errorf("methods %v, want the password", s.Methods)
			}
		}
		if len(all) != 3 || marks != 1 {
			t.Errorf("%d sessions with %d marks, want 3 and 1", len(all), marks)
		}
	})
	t.Run("R65 end one", func(t *testing.T) {
		a, b, c := three(t)
		var id string
		for _, s := range b.list(b.JSON(http.MethodGet, list, "")) {
			if s.Current {
				id = s.ID
			}
		}
		if left := a.list(a.JSON(http.MethodPost, end, `{"id":"`+id+`"}`)); len(left) != 2 {
			t.Errorf("%d sessions are left, want 2", len(left))
		}
		a.open().is("in")
		b.open().is("identify")
		c.open().is("in")
	})
	t.Run("R65 end the one that asks", func(t *testing.T) {
		a, b, _ := three(t)
		for _, s := range a.list(a.JSON(http.MethodGet, list, "")) {
			if s.Current {
				a.JSON(http.MethodPost, end, `{"id":"`+s.ID+`"}`)
			}
		}
		if got := a.Cookie("__Host-session"); got != "" {
			t.Errorf("the browser still has the cookie %q", got)
		}
		b.open().is("in")
	})
	t.Run("R65 end all others", func(t *testing.T) {
		a, b, c := three(t)
		if left := a.list(a.JSON(http.MethodPost, end+"/others", "")); len(left) != 1 || !left[0].Current {
			t.Errorf("left %v, want the current one", left)
		}
		a.open().is("in")
		b.open().is("identify")
		c.open().is("identify")
	})
	t.Run("R65 end all", func(t *testing.T) {
		a, b, c := three(t)
		if left := a.list(a.JSON(http.MethodPost, end+"/all", "")); len(left) != 0 {
			t.Errorf("left %v, want none", left)
		}
		a.open().is("identify")
		b.open().is("identify")
		c.open().is("identify")
	})
	t.Run("A-246 somebody else's session is not found, and typed ids are not recorded", func(t *testing.T) {
		a, _, _ := three(t)
		solo := a.again().signIn("solo@acme.example")
		a.p.Events()
		for _, s := range a.list(a.JSON(http.MethodGet, list, "")) {
			solo.take(solo.JSON(http.MethodPost, end, `{"id":"`+s.ID+`"}`)).status(404)
		}
		solo.take(solo.JSON(http.MethodPost, end, `{}`)).status(404)
		if got := solo.Post(end, form("id", "x")); got.Status != 404 || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a form is answered with %s %s, want 404 in JSON: there is no page yet", got, got.Header.Get("Content-Type"))
		}
		if events := a.p.Events(); len(events) != 0 {
			t.Errorf("events %v, want none", events)
		}
		a.open().is("in")
	})
	t.Run("nobody gets 401, in JSON", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		v.take(v.JSON(http.MethodGet, list, "")).status(401).told(auth.ReasonSignInRequired)
		for _, path := range []string{end, end + "/others", end + "/all"} {
			v.take(v.JSON(http.MethodPost, path, `{"id":"x"}`)).status(401).told(auth.ReasonSignInRequired)
		}
		v.SetCookie("__Host-session", "ses_nonsense")
		v.take(v.Get(list)).status(401)
		if got := v.shown.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("content type %q, want JSON: there is no page yet", got)
		}
	})
}
