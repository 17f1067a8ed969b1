package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social"
)

func TestMount(t *testing.T) {
	for _, c := range []struct {
		name, base, prefix string
		mount              func(web http.Handler) http.Handler
		at                 string // where browsers find it
	}{
		{"U58 as it is", "https://app.example.com", "/auth", func(h http.Handler) http.Handler { return h }, "/auth"},
		{"U58 at another path", "https://app.example.com", "/id/v1", func(h http.Handler) http.Handler { return h }, "/id/v1"},
		{"U58 behind StripPrefix", "https://app.example.com", "/id", func(h http.Handler) http.Handler { return http.StripPrefix("/id", h) }, "/id"},
		{"U58 below a path that the proxy leaves", "https://example.com/app", "/auth", func(h http.Handler) http.Handler { return h }, "/app/auth"},
		{"U58 below a path that the proxy takes away", "https://example.com/app", "/auth", func(h http.Handler) http.Handler { return http.StripPrefix("/app", h) }, "/app/auth"},
		{"U58 below a path, with nothing left", "https://example.com/app", "/auth", func(h http.Handler) http.Handler { return http.StripPrefix("/app/auth", h) }, "/app/auth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := authtest.New(t, authtest.Config{
				Auth: func(a *auth.Config) { a.BaseURL, a.SignInPath = c.base, c.prefix+"/signin" },
				Web:  func(a *web.Config) { a.Prefix = c.prefix },
			})
			w.AddUser(auth.User{Email: "ann@acme.example"}, secret)
			b := authtest.NewBrowser(t, c.base, c.mount(w.Web))
			p := b.Get(c.at + "/signin")
			if f := p.Form("/identify"); f.Action != c.at+"/signin/identify" {
				t.Fatalf("the form leads to %s", f.Action)
			}
			if !strings.Contains(p.Body, `href="`+c.at+`/assets/`) {
				t.Errorf("the style is not below %s:\n%s", c.at, p.Body)
			}
			p = b.Submit(p.Form("/identify"), map[string]string{"email": "ann@acme.example"})
			b.Stay = true
			p = b.Submit(p.Form("/password"), map[string]string{"password": secret})
			want := strings.TrimSuffix(c.at, c.prefix) + "/"
			if got := p.Header.Get("Location"); p.Status != 303 || got != want {
				t.Errorf("status %d, sent to %q, want %q", p.Status, got, want)
			}
		})
	}
	t.Run("a Prefix that auth.Config.SignInPath does not know is refused", func(t *testing.T) {
		w := authtest.New(t, authtest.Config{})
		_, err := web.New(web.Config{Auth: w.Auth, Prefix: "/login"})
		if err == nil || !strings.Contains(err.Error(), `asks for "/auth"`) {
			t.Errorf("New answers %v, want the Prefix that fits", err)
		}
	})
}

func TestNewSocial(t *testing.T) {
	providers := func(base string) *social.Manager {
		m, err := social.New(social.Config{
			BaseURL: base, Keys: authtest.Keys(), Requests: social.NewMemory(), Providers: []social.Provider{social.Google("app", "secret")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("R30 answers come where the pages are", func(t *testing.T) {
		w := authtest.New(t, authtest.Config{})
		for base, fits := range map[string]bool{
			"https://app.example.com/auth/social": true, "https://app.example.com/social": false, "https://other.example.com/auth/social": false,
		} {
			_, err := web.New(web.Config{Auth: w.Auth, Social: providers(base)})
			if fits != (err == nil) || !fits && !strings.Contains(err.Error(), `must be "https://app.example.com/auth/social"`) {
				t.Errorf("%s: New answers %v", base, err)
			}
		}
	})
	t.Run("there must be somewhere to keep who is connected", func(t *testing.T) {
		w := authtest.New(t, authtest.Config{Auth: func(c *auth.Config) { c.Stores.Identities = nil }})
		_, err := web.New(web.Config{Auth: w.Auth, Social: providers("https://app.example.com/auth/social")})
		if err == nil || !strings.Contains(err.Error(), "Stores.Identities") {
			t.Errorf("New answers %v, want the field", err)
		}
	})
}

func TestWellKnown(t *testing.T) {
	p := newProduct(t, authtest.Config{})
	b := authtest.NewBrowser(t, authtest.BaseURL, p.Web.WellKnown())
	b.Stay = true
	t.Run("U5 the way to change a password leads on", func(t *testing.T) {
		if got := b.Get("/.well-known/change-password"); got.Status != 303 || got.Header.Get("Location") != "/auth/account/password" {
			t.Errorf("status %d, Location %q", got.Status, got.Header.Get("Location"))
		}
	})
	t.Run("U5 what cannot exist does not", func(t *testing.T) {
		for _, path := range []string{"/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200", "/.well-known/", "/.well-known/change-password/"} {
			if got := b.Get(path); got.Status != 404 {
				t.Errorf("%s: status %d, want 404", path, got.Status)
			}
		}
	})
}
