package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// posts are the addresses that take something in, but for those that other sites post to.
func posts(p *product) []string {
	var paths []string
	for _, r := range p.Web.Routes() {
		if r[0] == http.MethodPost && r[1] != "/sso/{connection}/acs" && r[1] != "/sso/{connection}/slo" {
			paths = append(paths, "/auth"+strings.NewReplacer("{connection}", "initech", "{provider}", "google").Replace(r[1]))
		}
	}
	return paths
}

// withBoth is a world whose people can sign in at companies and at a provider.
var withBoth = authtest.Config{SSO: true, Social: []socialtest.Personality{socialtest.Google}}

func TestCrossOrigin(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	t.Run("R103 A-230 A-232 other sites can post nothing", func(t *testing.T) {
		p := newProduct(t, withBoth)
		p.found("saml", auth.SSOOptional)
		for _, path := range posts(p) {
			p.Clock.Advance(time.Minute) // no budget runs out
			for _, from := range []struct{ what, site, origin string }{
				{"another site", "cross-site", "https://evil.example"},
				{"another site in a frame without an origin", "cross-site", "null"},
				{"a sibling host", "same-site", "https://other.example.com"},
				{"another site in an old browser", "", "https://evil.example"},
				{"no origin in an old browser", "", "null"},
				{"another port in an old browser", "", "https://app.example.com:8443"},
			} {
				v := p.visitor(false)
				v.identify("ann@acme.example")
				body := "email=ann%40acme.example&password=" + strings.ReplaceAll(secret, " ", "+")
				r := v.Request(http.MethodPost, path, urlencoded, body)
				r.Header.Set("Origin", from.origin)
				if from.site != "" {
					r.Header.Set("Sec-Fetch-Site", from.site)
				}
				v.take(v.Do(r)).status(403).told(auth.ReasonCrossOrigin)
				if got := v.shown.Header.Values("Set-Cookie"); len(got) != 0 {
					t.Errorf("%s to %s: cookies %v, want none", from.what, path, got)
				}
				r = v.Request(http.MethodPost, path, "application/json", `{"email":"ann@acme.example"}`)
				r.Header.Set("Origin", from.origin)
				r.Header.Set("Accept", "application/json")
				v.json = true
				v.take(v.Do(r)).status(403).told(auth.ReasonCrossOrigin)
				v.json = false
				v.open().is("password") // and the flow stands where it stood
			}
		}
		if got := p.sessions("ann"); got != 0 {
			t.Errorf("ann has %d sessions, want none", got)
		}
	})
	t.Run("R103 A-230 companies post their answers and their logouts, and nothing where there are none", func(t *testing.T) {
		p := newProduct(t, withSSO)
		p.found("saml", auth.SSOOptional)
		bare := newProduct(t, authtest.Config{})
		for _, path := range []string{"/auth/sso/initech/acs", "/auth/sso/initech/slo"} {
			if got := p.browser().PostFrom("https://evil.example", path, form("SAMLResponse", "x")); got.Status != 422 || len(got.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: status %d, cookies %v; want 422 and none", path, got.Status, got.Header.Values("Set-Cookie"))
			}
			if got := bare.browser().PostFrom("https://evil.example", path, form("SAMLResponse", "x")); got.Status != 403 {
				t.Errorf("%s without companies: status %d, want 403", path, got.Status)
			}
		}
		for _, path := range []string{"/auth/sso/initech/acs/x", "/auth/sso/x/initech/acs", "/auth/sso/initech/metadata", "/auth/sso/initech/callback", "/auth/x/sso/initech/acs"} {
			if got := p.browser().PostFrom("https://evil.example", path, form("SAMLResponse", "x")); got.Status != 403 {
				t.Errorf("%s: status %d, want 403", path, got.Status)
			}
		}
	})
	t.Run("A-230 a form of another site comes without cookies besides", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.signIn("ann@acme.example")
		if p := v.PostFrom("https://evil.example", "/auth/account/sessions/end/all", nil); p.Status != 403 {
			t.Errorf("status %d, want 403", p.Status)
		}
		v.open().is("in")
	})
	t.Run("A-230 A-248 what is posted is not taken from a GET, and methods are what they are", func(t *testing.T) {
		p := newProduct(t, withBoth)
		p.found("saml", auth.SSOOptional)
		v := p.visitor(false)
		v.signIn("ann@acme.example")
		for _, path := range posts(p) {
			allow, refused := "POST", []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"}
			if slices.Contains(p.Web.Routes(), [2]string{"GET", strings.NewReplacer("/initech/", "/{connection}/", "/google/", "/{provider}/").Replace(strings.TrimPrefix(path, "/auth"))}) {
				allow, refused = "GET, HEAD, POST", refused[2:] // has a page of its own
			}
			if strings.HasSuffix(path, "/signin/arrived") || strings.HasSuffix(path, "/slo") || strings.HasSuffix(path, "/google/callback") {
				allow, refused = "GET, POST", append([]string{"HEAD"}, refused...) // a GET that counts once is no matter of headers alone
			}
			for _, method := range refused {
				r := v.Request(method, path, "", "")
				r.Header.Set("X-HTTP-Method-Override", "POST")
				r.Header.Set("X-HTTP-Method", "POST")
				got := v.Do(r)
				if got.Status != 405 || got.Header.Get("Allow") != allow {
					t.Errorf("%s %s: status %d, Allow %q; want 405, %s", method, path, got.Status, got.Header.Get("Allow"), allow)
				}
			}
		}
		for _, path := range []string{"/auth/signin", "/auth/help"} {
			r := v.Request("DELETE", path, "", "")
			if got := v.Do(r); got.Status != 405 || got.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("DELETE %s: status %d, Allow %q; want 405, GET, HEAD", path, got.Status, got.Header.Get("Allow"))
			}
		}
		v.open().is("in")
	})
	t.Run("A-248 no answer may be read by another site", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		r := v.Request("OPTIONS", "/auth/signin/identify", "", "")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		for _, p := range []*authtest.Page{v.Do(r), v.open().shown} {
			for name := range p.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%v has the header %s", p, name)
				}
			}
		}
	})
	t.Run("A-230 plain text is no form", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", "application/xml", ""} {
			r := v.Request(http.MethodPost, "/auth/signin/identify", kind, `{"email":"ann@acme.example"}`)
			v.take(v.Do(r)).status(415).told(auth.ReasonBadRequest)
		}
	})
	t.Run("R103 older browsers can sign in", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.Old = true
		v.signIn("ann@acme.example")
	})
	t.Run("R103 over plain http, where no browser sends Sec-Fetch-Site", func(t *testing.T) {
		const base = "http://test.lan:8080"
		p := newProduct(t, authtest.Config{Auth: func(c *auth.Config) { c.BaseURL, c.InsecureHTTP = base, true }})
		v := p.visitor(false)
		v.Browser = authtest.NewBrowser(t, base, p.mux)
		v.Now = p.Clock.Now
		v.signIn("ann@acme.example")
		if v.Cookie("session") == "" || v.Cookie("__Host-session") != "" || v.Cookie("device") == "" {
			t.Error("want cookies without the prefix, which browsers refuse over http")
		}
	})
	t.Run("A-250 a page that came over plain http cannot sign anybody in", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		r := v.Request(http.MethodPost, "/auth/signin/password", urlencoded, "email=ann%40acme.example&password=x")
		r.Header.Set("Origin", "http://app.example.com")
		v.take(v.Do(r)).status(403).told(auth.ReasonCrossOrigin)
	})
	t.Run("an origin that the host trusts may post", func(t *testing.T) {
		p := newProduct(t, withWeb(func(c *web.Config) { c.TrustedOrigins = []string{"https://spa.example.net"} }))
		v := p.visitor(true)
		for origin, want := range map[string]int{"https://spa.example.net": 200, "https://spa.example.net.evil.example": 403} {
			r := v.Request(http.MethodPost, "/auth/signin/identify", "application/json", `{"email":"ann@acme.example"}`)
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Accept", "application/json")
			if got := v.Do(r).Status; got != want {
				t.Errorf("from %s: status %d, want %d", origin, got, want)
			}
		}
	})
}
