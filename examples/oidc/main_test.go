package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func TestSignInAndOut(t *testing.T) {
	ann := ssotest.Person{Email: "ann@corp.example", Subject: "sub-ann"}
	eve := ssotest.Person{Email: "eve@other.example", Subject: "sub-eve"}
	provider := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{ann, eve}, Settings: ssotest.Settings{SignedInAs: ann.Email}})
	var handler http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base := server.URL
	provider.RegisterClient(ssotest.Client{
		ID: "app", Secret: "hush", RedirectURIs: []string{base + "/sso/company/callback"}, PostLogoutRedirectURIs: []string{base + "/sso/company/slo"},
	})
	company := sso.Connection{
		ID: "company", AccountID: "company", Protocol: "oidc", Domains: []string{"corp.example"},
		OIDC: sso.OIDC{Issuer: provider.Issuer(), ClientID: "app", Secret: "hush"},
	}
	var err error
	if handler, err = newHandler(base, company, oidc.Config{AllowPrivate: true}); err != nil {
		t.Fatal(err)
	}
	browser := func() *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Client{Transport: server.Client().Transport, Jar: jar}
	}
	do := func(b *http.Client, method, path string) (status int, page string, at *url.URL) {
		t.Helper()
		req, err := http.NewRequest(method, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		resp, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body), resp.Request.URL
	}
	want := func(t *testing.T, b *http.Client, method, path string, status int, text string) {
		t.Helper()
		if got, page, at := do(b, method, path); got != status || !strings.Contains(page, text) {
			t.Errorf("%s %s = %d at %s %q, want %d with %q", method, path, got, at, page, status, text)
		}
	}
	b := browser()
	want(t, b, "GET", "/", 200, "You will sign in there")
	want(t, b, "POST", "/sso/company/start", 200, "You are sub-ann.")
	want(t, b, "GET", "/", 200, "You are sub-ann.")
	t.Run("A-063 somebody of another company", func(t *testing.T) {
		provider.Set(func(s *ssotest.Settings) { s.SignedInAs = eve.Email })
		other := browser()
		want(t, other, "POST", "/sso/company/start", 400, "not one of its own")
		want(t, other, "GET", "/", 200, "You will sign in there")
		provider.Set(func(s *ssotest.Settings) { s.SignedInAs = ann.Email })
	})
	t.Run("A-233 another site signs nobody out", func(t *testing.T) {
		req, err := http.NewRequest("POST", base+"/signout", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		resp, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("POST /signout = %d, want 403", resp.StatusCode)
		}
		want(t, b, "GET", "/", 200, "You are sub-ann.")
	})
	t.Run("A-078 an answer to the request of another browser", func(t *testing.T) {
		attacker := browser()
		attacker.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.Contains(r.URL.Path, "/callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}
		resp, err := attacker.Post(base+"/sso/company/start", "application/x-www-form-urlencoded", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		to, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		victim := browser()
		want(t, victim, "GET", to.RequestURI(), 400, "in another browser")
		want(t, victim, "GET", "/", 200, "You will sign in there")
	})
	t.Run("signing out ends the session there too", func(t *testing.T) {
		provider.Visits()
		want(t, b, "POST", "/signout", 200, "You will sign in there")
		want(t, b, "GET", "/", 200, "You will sign in there")
		if all := strings.Join(provider.Visits(), " "); !strings.Contains(all, "logout") {
			t.Errorf("the provider was visited at %s, want its logout", all)
		}
	})
	t.Run("the provider ends the session here", func(t *testing.T) {
		b := browser()
		want(t, b, "POST", "/sso/company/start", 200, "You are sub-ann.")
		token := provider.LogoutToken("app", ann, "")
		resp, err := server.Client().PostForm(base+"/sso/company/slo", url.Values{"logout_token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("back-channel logout = %d, want 200", resp.StatusCode)
		}
		want(t, b, "GET", "/", 200, "You will sign in there")
	})
}
