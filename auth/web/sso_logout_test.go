package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

var eveThere = ssotest.NameID{Value: eve.Email, Format: ssotest.FormatEmail}

func TestSSOLogout(t *testing.T) {
	t.Run("R18 whoever signs out here is taken to the company to sign out there", func(t *testing.T) {
		for _, binding := range []string{"", "post"} {
			byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
				f.Change(func(c *sso.Connection) { c.SAML.SLOBinding = binding })
				v.identify(eve.Email).arrivesFrom(f, eve).is("in")
				if v.json {
					v.take(v.JSON(http.MethodPost, "/auth/signout", "{}"))
				} else {
					v.post("/auth/signout")
				}
				if v.status(200); v.whoIs() != "" || v.p.sessions("eve") != 0 {
					t.Fatal("the session here has not ended before")
				}
				away := v.shown.Away()
				if !strings.HasPrefix(away.URL, f.Provider.BaseURL()) {
					t.Fatalf("the way leads to %v", away)
				}
				if posts := f.protocol == "saml" && binding == "post"; posts != (away.Form != nil) {
					t.Errorf("the way is %v, want a form: %t", away, posts)
				}
				if !v.json {
					v.is("away")
					policy := v.shown.Header.Get("Content-Security-Policy")
					if leads := strings.Contains(policy, "form-action 'self' https: "+f.Provider.BaseURL()); leads != (away.Form != nil) {
						t.Errorf("the policy is %q", policy)
					}
				}
				back := f.Visit(away)
				if v.take(v.Bring(back)); v.shown.URL.Path != "/auth/signout" {
					t.Errorf("the provider's answer leads to %v", v.shown)
				}
			})
		}
	})
	t.Run("whoever came by a password is taken nowhere", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.signIn(eve.Email)
			if v.take(v.Post("/auth/signout", nil)); v.shown.URL.Path != "/auth/signout" || v.shown.Header.Get("Refresh") != "" {
				t.Errorf("signing out leads to %v", v.shown)
			}
		})
	})
	t.Run("R19 the company ends a session, and is answered", func(t *testing.T) {
		for _, posts := range []bool{false, true} {
			in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
				v.identify(eve.Email).arrivesFrom(f, eve).is("in")
				l := f.Provider.HonestLogout(f.SP, eveThere)
				r := authtest.Reply{URL: f.Provider.LogoutURL(l)}
				if posts {
					r = authtest.Reply{URL: f.Addresses.Logout, Form: url.Values{"SAMLRequest": {f.Provider.LogoutForm(l)}}}
				}
				v.Stay = true
				v.take(v.Bring(r))
				v.Stay = false
				if to := v.shown.Header.Get("Location"); v.shown.Status != 303 || !strings.HasPrefix(to, f.Provider.SLOURL()+"?SAMLResponse=") {
					t.Errorf("the company is answered by %d to %q", v.shown.Status, to)
				}
				if v.whoIs() != "" || v.p.sessions("eve") != 0 {
					t.Error("the session goes on")
				}
				if p := v.Bring(r); p.Status != 422 {
					t.Errorf("A-071 the same message once more: status %d, want 422", p.Status)
				}
			})
		}
	})
	t.Run("R19 the company is answered by a form where it asks for one", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			f.Change(func(c *sso.Connection) { c.SAML.SLOBinding = "post" })
			v.identify(eve.Email).arrivesFrom(f, eve).is("in")
			p := v.Bring(authtest.Reply{URL: f.Provider.LogoutURL(f.Provider.HonestLogout(f.SP, eveThere))})
			if away := p.Away(); away.URL != f.Provider.SLOURL() || away.Form.Get("SAMLResponse") == "" {
				t.Errorf("the company is answered by %v", away)
			}
			if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, f.Provider.BaseURL()) {
				t.Errorf("the policy %q forbids it", policy)
			}
		})
	})
	t.Run("R19 over the back channel, between programs", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).arrivesFrom(f, eve).is("in")
			token := f.Provider.LogoutToken("app", eve, "")
			r := v.Request(http.MethodPost, f.Addresses.Logout, urlencoded, url.Values{"logout_token": {token}}.Encode())
			if p := v.again().Do(r); p.Status != 200 || p.Body != "" {
				t.Errorf("the provider is answered by %d %q, want 200 and nothing", p.Status, p.Body)
			}
			if v.whoIs() != "" {
				t.Error("the session goes on")
			}
		})
	})
	t.Run("A-071 A-072 A-075 forged messages end nothing", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).arrivesFrom(f, eve).is("in")
			forged := f.Provider.HonestLogout(f.SP, eveThere)
			forged.Unsigned = true
			answer := f.Provider.HonestLogoutResponse(f.SP, "_x")
			for what, address := range map[string]string{
				"unsigned": f.Provider.LogoutURL(forged), "an answer to nothing": f.Provider.LogoutURL(answer),
				"nothing": f.Addresses.Logout, "junk": f.Addresses.Logout + "?SAMLRequest=x",
			} {
				if p := v.Bring(authtest.Reply{URL: address}); p.Status != 422 {
					t.Errorf("%s: status %d, want 422", what, p.Status)
				}
			}
			if got := v.whoIs(); got != "eve" {
				t.Errorf("the browser is %q's, want eve's", got)
			}
		})
	})
}

func TestSSOMetadata(t *testing.T) {
	t.Run("A-106 what a provider's administrators read holds our addresses, whatever the Host", func(t *testing.T) {
		p := newProduct(t, withSSO)
		f := p.found("saml", auth.SSOEnforced)
		v := p.visitor(false)
		r := v.Request(http.MethodGet, "/auth/sso/initech/metadata", "", "")
		r.Host = "evil.example"
		got := v.Do(r)
		if got.Status != 200 || got.Header.Get("Content-Type") != "application/samlmetadata+xml" || !strings.Contains(got.Body, f.Addresses.ACS) || strings.Contains(got.Body, "evil") {
			t.Errorf("status %d, %s\n%s", got.Status, got.Header.Get("Content-Type"), got.Body)
		}
		f.Change(func(c *sso.Connection) { c.Disabled = true })
		if got := v.Get("/auth/sso/initech/metadata"); got.Status != 200 {
			t.Errorf("switched off: status %d, want 200: it is set up before it is switched on", got.Status)
		}
		for _, path := range []string{"/auth/sso/nobody/metadata", "/auth/sso/..%2Finitech/metadata", "/auth/sso/initech/"} {
			if got := v.Get(path); got.Status != 404 {
				t.Errorf("%s: status %d, want 404", path, got.Status)
			}
		}
	})
	t.Run("the page that leads away lets its form lead there, and its script run", func(t *testing.T) {
		p := newProduct(t, withSSO)
		f := p.found("saml", auth.SSOEnforced)
		f.Change(func(c *sso.Connection) { c.SAML.SSOBinding = "post" })
		v := p.visitor(false)
		v.identify(eve.Email).departs(f)
		policy := v.shown.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "form-action 'self' https: "+f.Provider.BaseURL()) || !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
			t.Errorf("the policy is %q", policy)
		}
		if away := v.shown.Away(); away.URL != f.Provider.SSOURL() || away.Form.Get("SAMLRequest") == "" {
			t.Errorf("the way leads to %v", away)
		}
		v.brings(f.Answer(v.shown, eve)).is("in")
		w := p.visitor(false)
		f.Change(func(c *sso.Connection) { c.SAML.SSOBinding = "redirect" })
		w.identify(eve.Email).departs(f)
		if policy := w.shown.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "form-action 'self'") {
			t.Errorf("the policy of a page with a link is %q", policy)
		}
		if to := w.shown.Away().URL; !strings.Contains(w.shown.Header.Get("Refresh"), to) || w.shown.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("Refresh %q, Referrer-Policy %q", w.shown.Header.Get("Refresh"), w.shown.Header.Get("Referrer-Policy"))
		}
	})
}
