package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func TestSignInAndOut(t *testing.T) {
	ann := ssotest.Person{Email: "ann@corp.example", Subject: "sub-ann"}
	provider := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{ann}, Settings: ssotest.Settings{SignedInAs: ann.Email}})
	var handler http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base := server.URL
	provider.RegisterClient(ssotest.Client{ID: "app", Secret: "hush", RedirectURIs: []string{base + "/social/other/callback"}})
	var err error
	handler, err = newHandler(base, []social.Provider{
		social.OpenIDConnect("other", "your account", provider.Issuer(), "app", "hush"), social.Google("app", "hush"),
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	browser := func() *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Client{Transport: server.Client().Transport, Jar: jar}
	}
	do := func(t *testing.T, b *http.Client, method, path, site string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := b.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	want := func(t *testing.T, b *http.Client, method, path string, status int, text string) {
		t.Helper()
		resp := do(t, b, method, path, "same-origin")
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status || !strings.Contains(string(body), text) {
			t.Errorf("%s %s = %d at %s %q, want %d with %q", method, path, resp.StatusCode, resp.Request.URL, body, status, text)
		}
	}
	// halfway begins in one browser, and answers the address that the provider would send it to.
	halfway := func(t *testing.T, b *http.Client) *url.URL {
		t.Helper()
		b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.Contains(r.URL.Path, "/callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}
		resp := do(t, b, "POST", "/signin/other", "same-origin")
		resp.Body.Close()
		to, err := resp.Location()
		if err != nil {
			t.Fatal(err)
		}
		b.CheckRedirect = nil
		return to
	}
	b := browser()
	t.Run("R30 R31 R32 in", func(t *testing.T) {
		want(t, b, "GET", "/", 200, "Continue with your account")
		want(t, b, "GET", "/", 200, "Continue with Google")
		want(t, b, "POST", "/signin/other", 200, "You are "+provider.Issuer()+"#sub-ann.")
		want(t, b, "GET", "/", 200, "You are "+provider.Issuer()+"#sub-ann.")
	})
	t.Run("R30 a provider that there is not", func(t *testing.T) {
		want(t, browser(), "POST", "/signin/facebook", 404, "not found")
		want(t, browser(), "GET", "/social/facebook/callback?state=x", 404, "not found")
	})
	t.Run("A-078 an answer to the request of another browser", func(t *testing.T) {
		to, victim := halfway(t, browser()), browser()
		want(t, victim, "GET", to.RequestURI(), 400, "in another browser")
		want(t, victim, "GET", "/", 200, "Continue with")
		halfway(t, victim) // has asked for something of its own
		to = halfway(t, browser())
		want(t, victim, "GET", to.RequestURI(), 400, "in another browser")
		want(t, victim, "GET", "/", 200, "Continue with")
	})
	t.Run("A-080 an answer counts once", func(t *testing.T) {
		b := browser()
		to := halfway(t, b)
		resp := do(t, b, "HEAD", to.RequestURI(), "cross-site")
		if resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("HEAD = %d, want 405", resp.StatusCode)
		}
		want(t, b, "GET", to.RequestURI(), 200, "#sub-ann")
		want(t, b, "GET", to.RequestURI(), 400, "did not work")
	})
	t.Run("R38 A-108 no", func(t *testing.T) {
		b := browser()
		q := halfway(t, b).Query()
		q.Del("code")
		q.Set("error", "access_denied")
		q.Set("error_description", "<script>")
		want(t, b, "GET", "/social/other/callback?"+q.Encode(), 200, "You have not signed in.")
		want(t, b, "GET", "/", 200, "Continue with")
	})
	t.Run("A-079 A-233 another site begins nothing, and signs nobody out", func(t *testing.T) {
		for _, path := range []string{"/signin/other", "/signout"} {
			resp := do(t, b, "POST", path, "cross-site")
			if resp.Body.Close(); resp.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s = %d, want 403", path, resp.StatusCode)
			}
		}
		want(t, b, "GET", "/", 200, "#sub-ann")
	})
	t.Run("out", func(t *testing.T) {
		want(t, b, "POST", "/signout", 200, "Continue with")
		want(t, b, "GET", "/", 200, "Continue with")
	})
}
