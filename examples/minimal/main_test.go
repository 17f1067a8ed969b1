package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestHost(t *testing.T) {
	b := authtest.NewBrowser(t, "http://localhost:8080", host())
	const ann, right = "ann@acme.example", "correct horse battery staple"

	t.Run("the page is guarded", func(t *testing.T) {
		if p := b.Get("/"); p.URL.Path != "/auth/signin" || p.Status != http.StatusOK {
			t.Errorf("a stranger ends at %s, want the sign-in", p)
		}
		if p := b.JSON(http.MethodGet, "/", ""); p.Status != http.StatusUnauthorized {
			t.Errorf("a program without a session gets %s, want 401", p)
		}
	})

	t.Run("R9 a wrong password opens nothing", func(t *testing.T) {
		p := b.Submit(b.Get("/").Form("/signin/identify"), map[string]string{"email": ann})
		p = b.Submit(p.Form("/signin/password"), map[string]string{"password": "not this one"})
		if p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Body, `id="problem"`) {
			t.Errorf("after a wrong password: %s, want 422 with the problem", p)
		}
		if p := b.Get("/"); strings.Contains(p.Body, "Signed in since") {
			t.Error("the page is open")
		}
	})

	t.Run("R9 the right one leads to the page that was asked for", func(t *testing.T) {
		p := b.Submit(b.Get("/").Form("/signin/password"), map[string]string{"password": right})
		if p.URL.Path != "/" || !strings.HasPrefix(p.Body, "Signed in since ") {
			t.Errorf("signing in ends at %s with %q, want the page", p, p.Body)
		}
	})

	t.Run("R67 signing out shuts it", func(t *testing.T) {
		if p := b.Post("/auth/signout", nil); p.Status != http.StatusOK || p.URL.Path != "/auth/signout" {
			t.Errorf("signing out ends at %s, want the signed-out page", p)
		}
		if p := b.Get("/"); p.URL.Path != "/auth/signin" {
			t.Errorf("after signing out the page is at %s, want the sign-in", p)
		}
	})

	t.Run("R110 the same as JSON", func(t *testing.T) {
		b := authtest.NewBrowser(t, "http://localhost:8080", host())
		p := b.JSON(http.MethodPost, "/auth/signin/identify", `{"email":"`+ann+`"}`)
		if p.Status != http.StatusOK || !strings.Contains(p.Body, `"stage":"authenticate"`) {
			t.Fatalf("identify answers %s: %s", p, p.Body)
		}
		p = b.JSON(http.MethodPost, "/auth/signin/password", `{"password":"`+right+`"}`)
		if p.Status != http.StatusOK || !strings.Contains(p.Body, `"stage":"ready"`) {
			t.Fatalf("the password answers %s: %s", p, p.Body)
		}
		if p = b.JSON(http.MethodGet, "/", ""); !strings.HasPrefix(p.Body, "Signed in since ") {
			t.Errorf("the page answers %s: %s", p, p.Body)
		}
	})
}
