package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestReturnTo(t *testing.T) {
	allow := authtest.Config{Auth: func(c *auth.Config) { c.ReturnOrigins = []string{"https://admin.example.com"} }}
	evil := []string{
		"//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/%2f%2fevil.example", "%2f%2fevil.example", "/%252f%252fevil.example",
		"//host@evil.example", "https://app.example.com.evil.example", "https://app.example.com@evil.example", "https://evil.example/app.example.com",
		"javascript:alert(1)", "data:text/html,x", "/\tx", "/\nx", "\t//evil.example", "#x", "https://app.example.com:8443/", "http://admin.example.com/",
		"https://admin.example.com.evil.example/", "/" + strings.Repeat("a", 10<<10), "evil.example", "",
		"/auth/signin", "/auth/signout", "/auth/signin/cancel", "/auth/../auth/signout", "/x/../auth/signout",
	}
	t.Run("R8 A-235 A-237 invariant 12 nobody is sent elsewhere, or in circles", func(t *testing.T) {
		both(t, allow, func(t *testing.T, v *visitor) {
			for _, to := range evil {
				w := v.again()
				w.open("return_to", to)
				if !w.json {
					if got := w.shown.Form("/identify").Fields["return_to"]; got != "" {
						t.Errorf("the form carries %q for %.60q", got, to)
					}
				}
				w.identify("ann@acme.example")
				w.Stay = true
				w.password(secret)
				got := w.shown.Header.Get("Location")
				if w.json {
					got, _ = w.state["return_to"].(string)
				}
				if got != "/" {
					t.Errorf("return_to=%.60q leads to %q, want the host's home", to, got)
				}
				v.p.Clock.Advance(aDay)
			}
		})
	})
	t.Run("A-235 nor by a form that was changed", func(t *testing.T) {
		both(t, allow, func(t *testing.T, v *visitor) {
			for _, to := range evil {
				w := v.again()
				w.open().step("signin/identify", map[string]string{"email": "ann@acme.example", "return_to": to})
				w.step("signin/password", map[string]string{"password": secret, "return_to": to})
				if got := w.landed(); got != "/" {
					t.Errorf("return_to=%.60q leads to %q", to, got)
				}
				v.p.Clock.Advance(aDay)
			}
		})
	})
	t.Run("R8 what is allowed is kept", func(t *testing.T) {
		both(t, allow, func(t *testing.T, v *visitor) {
			for _, to := range []string{"/", "/reports?x=1&y=%20#z", "/%C3%A9", "/auth/account/sessions"} {
				w := v.again()
				w.open("return_to", to).identify("ann@acme.example")
				w.Stay = true
				w.password(secret)
				got := w.shown.Header.Get("Location")
				if w.json {
					got, _ = w.state["return_to"].(string)
				}
				if got != to {
					t.Errorf("return_to=%q leads to %q", to, got)
				}
				v.p.Clock.Advance(aDay)
			}
		})
	})
	t.Run("A-236 invariant 12 no header says where to go", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			ask := func(method, path, body string) *authtest.Page {
				r := v.Request(method, path, urlencoded, body)
				if v.json {
					r.Header.Set("Accept", "application/json")
				}
				r.Host = "evil.example"
				for _, h := range []string{"X-Forwarded-Host", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"} {
					r.Header.Set(h, "evil.example")
				}
				r.Header.Set("Referer", "https://evil.example/x")
				return v.Do(r)
			}
			v.identify("ann@acme.example")
			for _, p := range []*authtest.Page{
				ask(http.MethodGet, "/auth/signin", ""), ask(http.MethodGet, "/auth/help", ""), ask(http.MethodGet, "/auth/nothing", ""),
				ask(http.MethodPost, "/auth/signin/password", "password=wrong"), ask(http.MethodPost, "/auth/signin/password", form("password", secret).Encode()),
				ask(http.MethodGet, "/auth/signin", ""), ask(http.MethodPost, "/auth/signout", ""),
			} {
				if strings.Contains(p.Body+p.Header.Get("Location")+p.Header.Get("Content-Security-Policy"), "evil") {
					t.Errorf("%s repeats the host of a header: %v\n%s", p, p.Header, p.Body)
				}
			}
		})
	})
	t.Run("another return address begins another sign-in, with the e-mail filled in", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.open("return_to", "/a").identify("ann@acme.example").is("password")
		v.open("return_to", "/a").is("password")
		v.open("return_to", "/b").is("identify")
		if f := v.shown.Form("/identify").Fields; f["email"] != "ann@acme.example" || f["return_to"] != "/b" {
			t.Errorf("the form holds %v", f)
		}
		v.step("signin/identify", nil).is("password").password(secret)
		if got := v.landed(); got != "/b" {
			t.Errorf("landed at %q, want /b", got)
		}
	})
}
