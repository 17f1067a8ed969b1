package main

import (
	"testing"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// TestPages looks at every page as different people do: bright and dark, on a desk and on a small phone, in each language.
func TestPages(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	axe := browsertest.Axe(t)
	homes := map[string]string{}
	for _, preset := range []string{"recommended", "one-page"} {
		homes[preset] = serve(t, options{preset: preset})
	}
	for _, page := range []struct {
		name   string
		preset string
		path   string // of the page, in the end
		open   func(p person)
	}{
		{"identify", "recommended", "/auth/signin", func(p person) { p.Open(p.home + "/") }},
		{"identify-error", "recommended", "/auth/signin/identify", func(p person) { p.identify("ann at acme") }},
		{"password", "recommended", "/auth/signin", func(p person) { p.identify("ann@acme.example") }},
		{"password-error", "recommended", "/auth/signin/password", func(p person) {
			p.identify("ann@acme.example")
			p.password("not this one")
		}},
		{"onepage", "one-page", "/auth/signin", func(p person) { p.Open(p.home + "/") }},
		{"onepage-error", "one-page", "/auth/signin/password", func(p person) {
			p.Open(p.home + "/")
			p.Type("#email", "ann@acme.example")
			p.password("not this one")
		}},
		{"account", "recommended", "/auth/signin", func(p person) { p.signIn("two@acme.example") }},
		{"stop", "recommended", "/auth/signin", func(p person) { p.signIn("sam@acme.example") }},
		{"home", "recommended", "/", func(p person) { p.signIn("ann@acme.example") }},
		{"switch", "recommended", "/auth/signin", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/auth/signin?switch=1")
		}},
		{"signout", "recommended", "/auth/signout", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/auth/signout")
		}},
		{"signedout", "recommended", "/auth/signout", func(p person) { p.Open(p.home + "/auth/signout") }},
		{"expired", "recommended", "/auth/signin", func(p person) { p.Open(p.home + "/auth/signin?reason=session_expired") }},
		{"help", "recommended", "/auth/help", func(p person) { p.Open(p.home + "/auth/help") }},
		{"notfound", "recommended", "/auth/nothing", func(p person) { p.Open(p.home + "/auth/nothing") }},
	} {
		t.Run("U35 U37 U39 "+page.name, func(t *testing.T) {
			t.Parallel()
			p := person{Page: b.Private(t), t: t, home: homes[page.preset]}
			page.open(p)
			p.shows(page.path)
			still := []string{"prefers-reduced-motion", "reduce"} // or axe sees colours on their way
			p.Prefer(still...)
			p.Accessible(axe)
			p.Screenshot(page.name)
			p.Prefer(append(still, "prefers-color-scheme", "dark")...)
			p.Accessible(axe)
			p.Screenshot(page.name + "-dark")
			p.Prefer(still...)
			p.Resize(320, 640)
			p.Fits()
			p.Screenshot(page.name + "-320")
			for _, l := range []struct{ tag, name string }{{"es", "Español"}, {"fr", "Français"}} {
				if !p.Has("a[hreflang=" + l.tag + "]") {
					continue // the host's own page
				}
				p.Follow(l.name)
				p.Fits()
				p.Screenshot(page.name + "-" + l.tag + "-320")
			}
		})
	}
}
