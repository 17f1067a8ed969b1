package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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
		if got := solo.Post(end, form("id", "x")); got.Status != 404 || !strings.Contains(got.Body, english(t).Get("sessions.gone")) {
			t.Errorf("a form is answered with %s, want 404 and the list: %s", got, got.Body)
		}
		if events := a.p.Events(); len(events) != 0 {
			t.Errorf("events %v, want none", events)
		}
		a.open().is("in")
	})
}

func TestSessionsPage(t *testing.T) {
	const page = "/auth/account/sessions"
	three := func(v *visitor) (b, c *visitor) {
		b, c = v.again(), v.again()
		b.UserAgent, b.Address = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "203.0.113.9:4000"
		b.signIn("ann@acme.example")
		v.p.Clock.Advance(2 * time.Hour)
		c.signIn("ann@acme.example")
		v.signIn("ann@acme.example").get(page).status(200)
		return b, c
	}
	pages := func(t *testing.T, story func(t *testing.T, v *visitor)) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			if !v.json { // programs have TestSessions
				story(t, v)
			}
		})
	}
	t.Run("R65 U45 the list: browser, address, times and the mark", func(t *testing.T) {
		pages(t, func(t *testing.T, v *visitor) {
			three(v)
			for _, want := range []string{"Safari, iPhone", "203.0.113.9", "Firefox, Linux", "2 hours ago", "Just now", "UTC</time>"} {
				if !strings.Contains(v.shown.Body, want) {
					t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
				}
			}
			v.again().signIn("ann@acme.example")
			rows := strings.Split(v.get(page).shown.Body, `<article class="panel" aria-labelledby="session-`)
			for i, row := range rows[1:] {
				if got := strings.Contains(row, english(t).Get("sessions.this")); got != (i == 0) {
					t.Errorf("row %d of %d is marked as this session: %t; want the first, and no other", i, len(rows)-1, got)
				}
			}
		})
	})
	t.Run("R65 end one, then it is gone", func(t *testing.T) {
		pages(t, func(t *testing.T, v *visitor) {
			b, c := three(v)
			_, row, _ := strings.Cut(v.shown.Body, "Safari, iPhone")
			_, row, _ = strings.Cut(row, `name="id" value="`)
			id := row[:strings.IndexByte(row, '"')]
			form := v.shown.Form("/sessions/end").Action
			v.take(v.Post(form, url.Values{"id": {id}})).is("account_sessions").status(200).says("sessions.done.ended")
			b.open().is("identify")
			c.open().is("in")
			v.take(v.Post(form, url.Values{"id": {id}})).is("account_sessions").status(404).says("sessions.gone")
			if got := v.shown.Title(); !strings.HasPrefix(got, "Error:") {
				t.Errorf("title %q, want it to begin with Error: (U25)", got)
			}
		})
	})
	t.Run("R65 end all others", func(t *testing.T) {
		pages(t, func(t *testing.T, v *visitor) {
			b, c := three(v)
			v.do("account/sessions/end/others").is("account_sessions").says("sessions.done.others")
			b.open().is("identify")
			c.open().is("identify")
			if strings.Contains(v.shown.Body, "/end/others") {
				t.Error("the page offers to end others, and there are none")
			}
		})
	})
	t.Run("R65 U45 ending all asks first", func(t *testing.T) {
		pages(t, func(t *testing.T, v *visitor) {
			b, _ := three(v)
			v.follow("/sessions/end/all").is("account_endall")
			if got := v.p.sessions("ann"); got != 3 {
				t.Fatalf("%d sessions are left by looking, want 3", got)
			}
			v.do("account/sessions/end/all").is("signedout")
			b.open().is("identify")
			if got := v.p.sessions("ann"); got != 0 || v.Cookie("__Host-session") != "" {
				t.Errorf("%d sessions and the cookie %q are left, want none", got, v.Cookie("__Host-session"))
			}
		})
	})
	t.Run("R65 end the one that asks", func(t *testing.T) {
		pages(t, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example").get(page).do("account/sessions/end").is("signedout")
			if got := v.p.sessions("ann"); got != 0 || v.Cookie("__Host-session") != "" {
				t.Errorf("%d sessions and the cookie %q are left, want none", got, v.Cookie("__Host-session"))
			}
		})
	})
}
