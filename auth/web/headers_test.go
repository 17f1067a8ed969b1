package web_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
)

func TestHeaders(t *testing.T) {
	t.Run("R104 U39 U40 A-234 A-238 every answer is guarded and kept by nobody", func(t *testing.T) {
		p := newProduct(t, authtest.Config{})
		both := []bool{false, true}
		answers := map[string]*authtest.Page{}
		for _, json := range both {
			kind := map[bool]string{false: " HTML", true: " JSON"}[json]
			v := p.visitor(json)
			v.Stay = true
			for _, r := range p.Web.Routes() {
				if r[0] == http.MethodGet {
					answers[r[0]+r[1]+kind] = v.get("/auth" + r[1]).shown
				} else if json {
					answers[r[0]+r[1]+kind] = v.JSON(r[0], "/auth"+r[1], `{}`)
				} else {
					answers[r[0]+r[1]+kind] = v.Post("/auth"+r[1], nil)
				}
			}
			answers["not found"+kind] = v.get("/auth/nothing").shown
			v.Stay = false
			v.Restart()
			answers["password"+kind] = v.open().identify("two@acme.example").shown
			answers["account"+kind] = v.password(secret).shown
			answers["in"+kind] = v.step("signin/account", map[string]string{"account": "acme"}).shown
			if !json {
				delete(answers, "in"+kind) // that page is the host's
				answers["switch"+kind] = v.open("switch", "1").shown
			}
		}
		for name, a := range answers {
			csp := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: Content-Security-Policy %q lacks %s", name, csp, part)
				}
			}
			if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
				t.Errorf("%s: Content-Security-Policy %q allows too much", name, csp)
			}
			for header, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Vary": "Cookie, Accept, Accept-Language",
			} {
				if got := a.Header.Get(header); got != want {
					t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
		}
		if len(answers) < 30 {
			t.Errorf("%d answers were looked at, want all there are", len(answers))
		}
	})
	t.Run("A-238 an ending makes another address, not the same page", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.signIn("ann@acme.example")
		for _, path := range []string{
			"/auth/account/sessions/x.css", "/auth/account/sessions/", "/auth/signin/", "/auth/signin/x.js", "/auth/help.css", "/auth/",
			"/auth//signin", "/auth/assets/", "/auth/assets/style.css",
		} {
			v.Stay = true
			if got := v.Get(path); got.Status != 404 && got.Status != 307 { // the router of the host cleans some of them first
				t.Errorf("%s: status %d, want 404", path, got.Status)
			}
		}
		v.json = true
		v.take(v.JSON("GET", "/auth/nothing", "")).status(404).told(auth.ReasonNotFound)
	})
	t.Run("U39 what pages load has a hash and is kept for ever", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		body := html.UnescapeString(v.open().shown.Body)
		found := regexp.MustCompile(`(?:href|src)="(/auth/assets/[^"]+)" integrity="sha384-[\w+/=]+"`).FindAllStringSubmatch(body, -1)
		if len(found) != 2 {
			t.Fatalf("the page loads %v, want a style sheet and a script with hashes", found)
		}
		for _, f := range found {
			a := v.Get(f[1])
			if a.Status != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || len(a.Header.Values("Set-Cookie")) != 0 {
				t.Errorf("%s: status %d, %v", f[1], a.Status, a.Header)
			}
			if got := v.Get(strings.Replace(f[1], "/assets/", "/assets/0", 1)).Status; got != 404 {
				t.Errorf("%s with another hash: status %d, want 404", f[1], got)
			}
		}
		if inline := regexp.MustCompile(`(?i)<style|<script>|\son\w+=|\sstyle=|javascript:`).FindString(body); inline != "" {
			t.Errorf("the page has %q in it", inline)
		}
	})
	t.Run("U39 a form may lead to where the sign-in ends, and nowhere else", func(t *testing.T) {
		p := newProduct(t, authtest.Config{Auth: func(c *auth.Config) { c.ReturnOrigins = []string{"https://admin.example.com"} }})
		v := p.visitor(false)
		for to, want := range map[string]string{
			"https://admin.example.com/users": "form-action 'self' https://admin.example.com",
			"https://evil.example/":           "form-action 'self'",
			"/reports":                        "form-action 'self'",
		} {
			if got := v.open("return_to", to).shown.Header.Get("Content-Security-Policy"); !strings.HasSuffix(got, want) {
				t.Errorf("with %s: %q, want it to end in %q", to, got, want)
			}
		}
		v.open("return_to", "https://admin.example.com/users").identify("ann@acme.example").is("password")
		if got := v.shown.Header.Get("Content-Security-Policy"); !strings.HasSuffix(got, " https://admin.example.com") {
			t.Errorf("on the password page: %q", got)
		}
		v.Stay = true
		if got := v.password(secret).shown.Header.Get("Location"); got != "https://admin.example.com/users" {
			t.Errorf("sent to %q", got)
		}
	})
}

func TestHome(t *testing.T) {
	both(t, withWeb(func(c *web.Config) { c.Home = "/dashboard" }), func(t *testing.T, v *visitor) {
		if got := v.signIn("ann@acme.example").landed(); got != "/dashboard" {
			t.Errorf("landed at %q, want the home of the configuration", got)
		}
	})
}
