package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func logoutMessage(token string) sso.Message {
	return sso.Message{Post: true, Query: url.Values{}, Form: url.Values{"logout_token": {token}}}
}

// signedIn is a world with one session of Ann's, and what the provider calls it.
func signedIn(t *testing.T, p *ssotest.Provider, change func(*sso.Connection)) (*world, sso.Identity) {
	t.Helper()
	w := newWorld(t, p, change)
	id, _, err := w.signIn(sso.Opening{})
	if err != nil {
		t.Fatalf("Identity = %s, want Ann", code(err))
	}
	if err := w.manager.Remember(t.Context(), "our-session", "ann", id, w.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	return w, id
}

func TestBackChannel(t *testing.T) {
	p := provider(t)
	end := func(t *testing.T, w *world, token string) []sso.SessionRef {
		t.Helper()
		res, err := w.manager.Logout(t.Context(), "acme", logoutMessage(token))
		if err != nil {
			t.Fatalf("Logout = %s, want sessions", code(err))
		}
		return res.Sessions
	}
	ours := []sso.SessionRef{{UserID: "ann", SessionID: "our-session"}}
	t.Run("C-17 the provider ends a session, once", func(t *testing.T) {
		w, id := signedIn(t, p, nil)
		token := p.LogoutToken(client, ann(), id.Login.Index)
		if got := end(t, w, token); !slices.Equal(got, ours) {
			t.Errorf("Logout = %v, want %v", got, ours)
		}
		_, err := w.manager.Logout(t.Context(), "acme", logoutMessage(token))
		refused(t, "Logout with the same token", err, sso.CodeReplayed)
	})
	t.Run("C-17 all sessions of a person", func(t *testing.T) {
		w, _ := signedIn(t, p, nil)
		if got := end(t, w, p.LogoutToken(client, ann(), "")); !slices.Equal(got, ours) {
			t.Errorf("Logout = %v, want %v", got, ours)
		}
	})
	t.Run("C-17 another session, and another person", func(t *testing.T) {
		w, id := signedIn(t, p, nil)
		bob := ssotest.Person{Email: "bob@acme.example", Subject: "bob-2"}
		for _, token := range []string{p.LogoutToken(client, ann(), "another"), p.LogoutToken(client, bob, ""), p.LogoutToken(client, bob, id.Login.Index)} {
			if got := end(t, w, token); len(got) != 0 {
				t.Errorf("Logout = %v, want nobody's", got)
			}
		}
	})
	t.Run("C-17 people who are known by another claim are ended by their session alone", func(t *testing.T) {
		named := func(c *sso.Connection) { c.Attributes.Subject = "email" }
		w, id := signedIn(t, p, named)
		if got := end(t, w, p.LogoutToken(client, ann(), id.Login.Index)); !slices.Equal(got, ours) {
			t.Errorf("Logout = %v, want %v", got, ours)
		}
		_, err := w.manager.Logout(t.Context(), "acme", logoutMessage(p.LogoutToken(client, ann(), "")))
		refused(t, "Logout by subject", err, sso.CodeLogoutNobody)
	})
	t.Run("C-17 no token, and two", func(t *testing.T) {
		w, id := signedIn(t, p, nil)
		token := p.LogoutToken(client, ann(), id.Login.Index)
		for _, form := range []url.Values{{}, {"logout_token": {token, token}}} {
			_, err := w.manager.Logout(t.Context(), "acme", sso.Message{Post: true, Form: form})
			refused(t, "Logout", err, sso.CodeLogoutTokenMissing)
		}
	})
	t.Run("C-17 a token in the address says nothing", func(t *testing.T) {
		w, id := signedIn(t, p, nil)
		q := url.Values{"logout_token": {p.LogoutToken(client, ann(), id.Login.Index)}}
		_, err := w.manager.Logout(t.Context(), "acme", message(q))
		refused(t, "Logout", err, sso.CodeLogoutUnknown)
	})
}

func TestSignOut(t *testing.T) {
	p := provider(t)
	t.Run("C-17 signing out there, and back", func(t *testing.T) {
		w, id := signedIn(t, p, nil)
		d, ok, err := w.manager.SignOut(t.Context(), "our-session")
		if err != nil || !ok {
			t.Fatalf("SignOut = %v, %v, want an address", ok, err)
		}
		q := must(url.Parse(d.URL)).Query()
		if q.Get("post_logout_redirect_uri") != logout || q.Get("id_token_hint") != string(id.Login.Token) || q.Get("client_id") != client || q.Get("state") == "" {
			t.Errorf("SignOut leads to %s, want our address, state and hint", d.URL)
		}
		resp, err := http.DefaultTransport.RoundTrip(must(http.NewRequest(http.MethodGet, d.URL, nil)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		back, err := resp.Location()
		if err != nil || !strings.HasPrefix(back.String(), logout+"?") {
			t.Fatalf("the provider sends the browser to %v, want %s", back, logout)
		}
		_, err = w.manager.Logout(t.Context(), "acme", message(url.Values{"state": {back.Query().Get("state"), "x"}}))
		refused(t, "Logout with two states", err, sso.CodeCallbackDuplicate)
		res, err := w.manager.Logout(t.Context(), "acme", message(back.Query()))
		if err != nil || !res.Answered || len(res.Sessions) != 0 {
			t.Errorf("Logout = %+v, %s, want an answer", res, code(err))
		}
		_, err = w.manager.Logout(t.Context(), "acme", message(back.Query()))
		refused(t, "Logout with the same answer", err, sso.CodeLogoutUnknown)
	})
	t.Run("C-17 an answer that nobody asked for", func(t *testing.T) {
		w := newWorld(t, p, nil)
		for _, q := range []url.Values{{}, {"state": {"x"}}, {"state": {strings.Repeat("x", 1000)}}, {"state": {"x", "y"}}} {
			if _, err := w.manager.Logout(t.Context(), "acme", message(q)); err == nil {
				t.Errorf("Logout with %.40v = nil, want a refusal", q)
			}
		}
	})
}
