package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/store"
)

func TestCookies(t *testing.T) {
	t.Run("A-229 A-247 names and attributes keep them to this host", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.Stay = true
			v.open("lang", "es")
			var all []*http.Cookie
			collect := func(p *authtest.Page) *authtest.Page {
				all = append(all, (&http.Response{Header: p.Header}).Cookies()...)
				return p
			}
			v.step("signin/identify", map[string]string{"email": "ann@acme.example", "remember": "1"})
			collect(v.shown)
			if !v.json {
				v.open()
			}
			collect(v.password(secret).shown)
			names := map[string]bool{}
			for _, c := range all {
				names[c.Name] = true
				if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
					t.Errorf("cookie %s", c.Raw)
				}
			}
			for _, want := range []string{"session", "flow", "device", "signin-email", "signin-lang"} {
				if !names["__Host-"+want] {
					t.Errorf("cookies %v lack %s", names, want)
				}
			}
		})
	})
	t.Run("A-223 R109 a planted token is never adopted", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			planted := map[string]string{
				"__Host-session": "ses_" + strings.Repeat("A", 43), "__Host-flow": "flw_" + strings.Repeat("A", 43),
			}
			for name, value := range planted {
				v.SetCookie(name, value)
			}
			v.open().is("identify").identify("ann@acme.example")
			if v.Cookie("__Host-flow") == planted["__Host-flow"] {
				t.Error("the flow has the planted token")
			}
			v.password(secret).is("in")
			if v.Cookie("__Host-session") == planted["__Host-session"] {
				t.Error("the session has the planted token")
			}
			w := v.again()
			w.SetCookie("__Host-session", planted["__Host-session"])
			w.open().is("identify")
		})
	})
	t.Run("A-223 R109 a new session is a new token each time", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			first, device := v.Cookie("__Host-session"), v.Cookie("__Host-device")
			v.open("switch", "other").signIn("ann@acme.example")
			if v.Cookie("__Host-session") == first || v.Cookie("__Host-device") == device {
				t.Error("want a new session token and a new device token")
			}
			v.SetCookie("__Host-session", first)
			v.open().is("identify")
		})
	})
	t.Run("A-229 two of one name are none, and signing in still works", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			for _, more := range []string{"__Host-session=ses_x", "__Host-session=" + v.Cookie("__Host-session")} {
				r := v.Request("GET", "/auth/signin", "", "")
				if v.json {
					r.Header.Set("Accept", "application/json")
				}
				r.Header.Set("Cookie", more)
				v.take(v.Do(r)).is("identify")
			}
			w := v.again()
			w.identify("ann@acme.example")
			r := w.Request("POST", "/auth/signin/password", "application/x-www-form-urlencoded", form("password", secret).Encode())
			r.Header.Set("Cookie", "__Host-flow=flw_x")
			w.Browser.Stay = true
			if got := w.Do(r); got.Status != 410 {
				t.Errorf("with two flow cookies: status %d, want 410", got.Status)
			}
			w.Stay = false
			w.SetCookie("flow", "x")
			w.SetCookie("__Secure-flow", "x")
			w.SetCookie("session", "x")
			w.password(secret).is("in")
		})
	})
	t.Run("two hundred beginnings leave one flow and a short header", func(t *testing.T) {
		p := newProduct(t, authtest.Config{})
		v := p.visitor(true)
		var first string
		for i := range 200 {
			v.Address = fmt.Sprintf("198.51.100.%d:1", i) // the throttle of addresses is not what is tried here
			v.identify("ann@acme.example").is("password")
			if i == 0 {
				first = v.Cookie("__Host-flow")
			}
		}
		if size := len(v.Cookie("__Host-flow")); size > 100 {
			t.Errorf("the cookie has %d bytes", size)
		}
		v.password(secret).is("in")
		w := v.again()
		w.SetCookie("__Host-flow", first)
		w.open().is("identify")
	})
	t.Run("A-243 invariant 11 tokens and passwords stand in cookies and bodies of forms only", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			var seen strings.Builder
			look := func() {
				fmt.Fprintln(&seen, v.shown.URL, v.shown.Header.Get("Location"), v.shown.Body)
			}
			v.Stay = true
			v.open("return_to", "/x")
			look()
			v.step("signin/identify", map[string]string{"email": "two@acme.example"})
			look()
			flow := v.Cookie("__Host-flow")
			v.open()
			look()
			v.password("wrong " + secret)
			look()
			v.password(secret)
			look()
			v.open()
			look()
			v.step("signin/account", map[string]string{"account": "acme"})
			look()
			v.take(v.JSON("GET", "/auth/account/sessions", ""))
			look()
			events, _ := json.Marshal(v.p.Events())
			seen.Write(events)
			for _, private := range []string{
				flow, v.Cookie("__Host-session"), v.Cookie("__Host-device"), secret,
			} {
				if private == "" || strings.Contains(seen.String(), private) {
					t.Errorf("%q stands where it must not", private)
				}
			}
			if strings.Contains(string(events), "acme.example") {
				t.Errorf("the trail holds the address: %s", events)
			}
		})
	})
}

// spying is a store that notes what is written of flows.
type spying struct {
	*store.Memory
	writes []string
}

func (s *spying) Stores() auth.Stores {
	stores := s.Memory.Stores()
	stores.Flows = spyingFlows{stores.Flows, s}
	return stores
}

type spyingFlows struct {
	auth.Flows
	s *spying
}

func (f spyingFlows) note(what string) { f.s.writes = append(f.s.writes, what) }

func (f spyingFlows) CreateFlow(ctx context.Context, key [32]byte, row auth.FlowRow, now time.Time) error {
	f.note("create")
	return f.Flows.CreateFlow(ctx, key, row, now)
}

func (f spyingFlows) SwapFlow(ctx context.Context, old, key [32]byte, row auth.FlowRow) error {
	f.note("swap")
	return f.Flows.SwapFlow(ctx, old, key, row)
}

func (f spyingFlows) TakeFlow(ctx context.Context, key [32]byte, version int64) error {
	f.note("take")
	return f.Flows.TakeFlow(ctx, key, version)
}

func (f spyingFlows) DropFlow(ctx context.Context, key [32]byte) error {
	f.note("drop")
	return f.Flows.DropFlow(ctx, key)
}

func TestInvariant10(t *testing.T) {
	spy := &spying{Memory: store.NewMemory()}
	p := newProduct(t, authtest.Config{DB: spy})
	for _, json := range []bool{false, true} {
		v := p.visitor(json)
		v.signIn("ann@acme.example")
		v.open("switch", "other").identify("gone@acme.example").password(secret).is("stop")
		if err := p.People.UnsuspendUser(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		v.open().is("ready") // one step before a session
		p.Clock.Advance(11 * time.Minute)
		if v.JSON("POST", "/auth/stepup", `{"return_to":"/x","password":"wrong"}`); v.Cookie("__Host-stepup") == "" {
			t.Fatal("no step-up is under way")
		}
		spy.writes = nil
		p.Events()
		v.Stay = true
		for _, r := range p.Web.Routes() {
			for _, method := range []string{"GET", "HEAD"} {
				for _, query := range []string{"", "?lang=es", "?email=x%40y.example&password=z&account=acme&id=x", "?switch=1", "?switch=other", "?return_to=/x", "?way=recovery&dialog=5&sent=1&reason=password_set&action=two_step",
					"?code=123456&begin=1&trust=1&way=recovery",
				} {
					q := v.Request(method, "/auth"+r[1]+query, "", "")
					if json {
						q.Header.Set("Accept", "application/json")
					}
					if got := v.Do(q); len(got.Header.Values("Set-Cookie")) != 0 {
						t.Errorf("invariant 10: %s %s%s sets %v", method, r[1], query, got.Header.Values("Set-Cookie"))
					}
				}
			}
		}
		if events := p.Events(); len(events) != 0 || len(spy.writes) != 0 {
			t.Errorf("invariant 10: events %v and writes %v after GETs with all cookies, want none", events, slices.Compact(spy.writes))
		}
		if p.sessions("ann") != 1 || p.sessions("gone") != 0 {
			t.Errorf("ann has %d sessions and gone %d, want 1 and 0", p.sessions("ann"), p.sessions("gone"))
		}
		if err := p.People.SuspendUser(t.Context(), "gone"); err != nil {
			t.Fatal(err)
		}
		v.Stay = false
		v.JSON("POST", "/auth/signout", "")
	}
}
