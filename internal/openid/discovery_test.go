package openid_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
)

func TestDiscovery(t *testing.T) {
	change := func(c claims) func(p *op) { return func(p *op) { p.doc = with(p.doc, c) } }
	for _, c := range []struct {
		name  string
		spoil func(p *op)
		want  openid.Code
	}{
		{"A-096 another issuer", change(claims{"issuer": "https://evil.example"}), openid.DiscoveryIssuer},
		{"A-091 a slash at its end", func(p *op) { p.doc["issuer"] = p.URL + "/" }, openid.DiscoveryIssuer},
		{"A-091 a sub-path", func(p *op) { p.doc["issuer"] = p.URL + "/tenant" }, openid.DiscoveryIssuer},
		{"A-091 capitals", func(p *op) { p.doc["issuer"] = strings.ToUpper(p.URL) }, openid.DiscoveryIssuer},
		{"A-091 a placeholder", func(p *op) { p.doc["issuer"] = p.URL + "/{tenantid}" }, openid.DiscoveryIssuer},
		{"A-091 no issuer", change(claims{"issuer": nil}), openid.DiscoveryIssuer},
		{"A-091 the issuer under another spelling of its name", func(p *op) { p.doc = with(p.doc, claims{"issuer": nil, "Issuer": p.URL}) }, openid.DiscoveryIssuer},
		{"A-096 no authorization address", change(claims{"authorization_endpoint": nil}), openid.DiscoveryEndpoint},
		{"A-096 no token address", change(claims{"token_endpoint": nil}), openid.DiscoveryEndpoint},
		{"A-096 no keys", change(claims{"jwks_uri": nil}), openid.DiscoveryEndpoint},
		{"A-096 a script", change(claims{"authorization_endpoint": "javascript:alert(1)"}), openid.DiscoveryEndpoint},
		{"A-113 a file", change(claims{"jwks_uri": "file:///etc/passwd"}), openid.DiscoveryEndpoint},
		{"A-113 gopher", change(claims{"token_endpoint": "gopher://127.0.0.1/"}), openid.DiscoveryEndpoint},
		{"A-096 a relative address", change(claims{"token_endpoint": "/token"}), openid.DiscoveryEndpoint},
		{"A-096 an address with a user", change(claims{"token_endpoint": "https://a:b@idp.example/token"}), openid.DiscoveryEndpoint},
		{"A-096 a userinfo address that is a number", change(claims{"userinfo_endpoint": 1}), openid.DiscoveryMalformed},
		{"A-096 a logout address with a script", change(claims{"end_session_endpoint": "javascript:alert(1)"}), openid.DiscoveryEndpoint},
		{"A-114 an address that brings our parameters along", func(p *op) { p.doc["authorization_endpoint"] = p.URL + "/authorize?redirect_uri=https://evil.example" }, openid.DiscoveryEndpoint},
		{"no code flow", change(claims{"response_types_supported": []string{"id_token"}}), openid.DiscoveryMalformed},
		{"a list", func(p *op) { p.document = func(w http.ResponseWriter, _ *http.Request) { answer(w, []string{"a"}) } }, openid.DiscoveryMalformed},
		{"a page", func(p *op) { p.document = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") } }, openid.DiscoveryMalformed},
		{"a member twice", func(p *op) {
			p.document = func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"issuer":%q,"issuer":%q,"token_endpoint":%q,"authorization_endpoint":%q,"jwks_uri":%q}`, p.URL, p.URL, p.URL, p.URL, p.URL)
			}
		}, openid.DiscoveryMalformed},
		{"a megabyte", func(p *op) {
			p.document = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(" ", 1<<20)) }
		}, openid.Code(fetch.TooLarge)},
		{"A-113 a redirect", func(p *op) {
			p.document = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, p.URL+"/canary", http.StatusFound) }
		}, openid.Code(fetch.Redirected)},
		{"not there", func(p *op) { p.document = http.NotFound }, openid.Code(fetch.BadStatus)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newOP(t)
			c.spoil(p)
			_, err := newClient(t).Discover(t.Context(), now, p.URL)
			refused(t, "Discover", err, c.want)
			if p.count("/canary") != 0 {
				t.Error("the redirect was followed, want not")
			}
		})
	}
	t.Run("A-096 A-113 plain http and loopback, where they are not allowed", func(t *testing.T) {
		p := newOP(t)
		strict := must(openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{}))}))
		_, err := strict.Discover(t.Context(), now, p.URL)
		refused(t, "Discover", err, openid.DiscoveryIssuer)
		_, err = strict.Discover(t.Context(), now, strings.Replace(p.URL, "http:", "https:", 1))
		refused(t, "Discover", err, openid.Code(fetch.Private))
		half := must(openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{AllowPrivate: true}))}))
		_, err = half.Discover(t.Context(), now, p.URL)
		refused(t, "Discover", err, openid.DiscoveryIssuer)
		if len(p.hits) != 0 {
			t.Errorf("requests arrived at %v, want none", p.hits)
		}
	})
	t.Run("a provider that is ill is no refusal", func(t *testing.T) {
		p := newOP(t)
		p.document = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }
		_, err := newClient(t).Discover(t.Context(), now, p.URL)
		var f *openid.Failure
		if !errors.As(err, &f) || f.Code != openid.DiscoveryFailed || f.Reason != fetch.BadStatus {
			t.Errorf("Discover = %v, want a failure %s", err, openid.DiscoveryFailed)
		}
		p.Close()
		if _, err := newClient(t).Discover(t.Context(), now, p.URL); !errors.As(err, &f) || f.Reason != fetch.Unreachable {
			t.Errorf("Discover = %v, want a failure %s", err, fetch.Unreachable)
		}
	})
	t.Run("it is asked once an hour, and soon again after a failure", func(t *testing.T) {
		const path = "/.well-known/openid-configuration"
		p, c := newOP(t), newClient(t)
		p.document = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }
		for i, step := range []struct {
			at   time.Duration
			want int
		}{{0, 1}, {time.Second, 1}, {5 * time.Second, 2}} {
			if _, err := c.Discover(t.Context(), now.Add(step.at), p.URL); err == nil || p.count(path) != step.want {
				t.Errorf("try %d = %v after %d requests, want an error after %d", i, err, p.count(path), step.want)
			}
		}
		p.document = nil
		good := now.Add(10 * time.Second)
		for i, step := range []struct {
			at   time.Duration
			want int
		}{{0, 3}, {time.Minute, 3}, {time.Hour - 1, 3}, {time.Hour, 4}, {0, 5}} { // at last, a clock that was set back
			if _, err := c.Discover(t.Context(), good.Add(step.at), p.URL); err != nil || p.count(path) != step.want {
				t.Errorf("look %d = %v after %d requests, want %d", i, err, p.count(path), step.want)
			}
		}
		c.Forget(p.URL)
		if _, err := c.Discover(t.Context(), good, p.URL); err != nil || p.count(path) != 6 {
			t.Errorf("after Forget = %v after %d requests, want 6", err, p.count(path))
		}
	})
	t.Run("whoever gives up says nothing about the provider", func(t *testing.T) {
		p, c := newOP(t), newClient(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Discover(ctx, now, p.URL); err == nil {
			t.Error("Discover with a context that is over = nil, want an error")
		}
		if _, err := c.Discover(t.Context(), now, p.URL); err != nil {
			t.Errorf("Discover after that = %v, want the document", err)
		}
	})
	t.Run("64 at once ask once", func(t *testing.T) {
		p, c := newOP(t), newClient(t)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := c.Discover(t.Context(), now, p.URL); err != nil {
					t.Errorf("Discover = %v, want the document", err)
				}
			})
		}
		wg.Wait()
		if got := p.count("/.well-known/openid-configuration"); got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
	})
	t.Run("more providers than are kept", func(t *testing.T) {
		c := newClient(t)
		for i := range 1100 {
			if _, err := c.Discover(t.Context(), now, fmt.Sprintf("nonsense-%d", i)); err == nil {
				t.Fatal("Discover(nonsense) = nil, want an error")
			}
		}
	})
}

func TestKeys(t *testing.T) {
	t.Run("A-089 1000 tokens with names of keys that nobody has", func(t *testing.T) {
		p := newOP(t)
		f := begin(t, p, p.party(), openid.Ask{})
		if _, err := f.finish(); err != nil {
			t.Fatalf("Finish = %s, want claims", describe(err))
		}
		for i := range 1000 {
			raw := sign(claims{"alg": "ES256", "kid": fmt.Sprint("made-up-", i)}, p.logout(), otherKey())
			_, err := f.client.VerifyLogout(t.Context(), now.Add(time.Duration(i)*60*time.Millisecond), f.party, raw, &openid.Trail{})
			refused(t, "VerifyLogout", err, openid.TokenKey)
		}
		if got := p.count("/keys"); got > 2 {
			t.Errorf("1000 tokens within a minute make us ask for the keys %d times, want twice at most", got)
		}
	})
	t.Run("A-089 a key set that cannot be had", func(t *testing.T) {
		p := newOP(t)
		f := begin(t, p, p.party(), openid.Ask{})
		p.keySet = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
		for range 100 {
			_, err := f.client.VerifyLogout(t.Context(), now, f.party, sign(es256(), p.logout(), ecKey()), &openid.Trail{})
			var fail *openid.Failure
			if !errors.As(err, &fail) || fail.Code != openid.KeysFailed {
				t.Fatalf("VerifyLogout = %v, want a failure %s", err, openid.KeysFailed)
			}
		}
		if got := p.count("/keys"); got != 1 {
			t.Errorf("100 tokens make us ask for the keys %d times, want once", got)
		}
	})
	t.Run("C-15 a new key", func(t *testing.T) {
		p := newOP(t)
		f := begin(t, p, p.party(), openid.Ask{})
		if _, err := f.finish(); err != nil {
			t.Fatalf("Finish = %s, want claims", describe(err))
		}
		p.keys = append(p.keys, jose.JSONWebKey{KeyID: "new", Key: otherKey().Public()})
		raw := sign(claims{"alg": "ES256", "kid": "new"}, with(p.logout(), nil), otherKey())
		if _, err := f.client.VerifyLogout(t.Context(), now.Add(61*time.Second), f.party, raw, &openid.Trail{}); err != nil {
			t.Errorf("a token signed with the new key = %s, want it accepted", describe(err))
		}
	})
	t.Run("C-15 a key that is gone counts for an hour at most", func(t *testing.T) {
		p := newOP(t)
		f := begin(t, p, p.party(), openid.Ask{})
		if _, err := f.finish(); err != nil {
			t.Fatalf("Finish = %s, want claims", describe(err))
		}
		p.keys = p.keys[:1]
		later := now.Add(time.Hour)
		raw := sign(es256(), with(p.logout(), claims{"iat": later.Unix(), "exp": later.Unix() + 60}), ecKey())
		_, err := f.client.VerifyLogout(t.Context(), later, f.party, raw, &openid.Trail{})
		refused(t, "a token signed with the old key", err, openid.TokenKey)
	})
	t.Run("C-15 keys without names that change unseen", func(t *testing.T) {
		p := newOP(t)
		p.keys = []jose.JSONWebKey{{Key: ecKey().Public()}}
		f := begin(t, p, p.party(), openid.Ask{})
		header := claims{"alg": "ES256"}
		if _, err := f.client.VerifyLogout(t.Context(), now, f.party, sign(header, p.logout(), ecKey()), &openid.Trail{}); err != nil {
			t.Fatalf("VerifyLogout = %s, want it accepted", describe(err))
		}
		p.keys = []jose.JSONWebKey{{Key: otherKey().Public()}}
		if _, err := f.client.VerifyLogout(t.Context(), now.Add(61*time.Second), f.party, sign(header, p.logout(), otherKey()), &openid.Trail{}); err != nil {
			t.Errorf("a token signed with the new key = %s, want it accepted", describe(err))
		}
	})
	for _, c := range []struct {
		name string
		body string
	}{
		{"none", `{"keys":[]}`}, {"null", `{"keys":null}`}, {"a list", `[]`}, {"a text", `{"keys":"a"}`}, {"twice", `{"keys":[],"keys":[]}`},
		{"a symmetric one", `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"ec"}]}`},
		{"101", `{"keys":[` + strings.TrimSuffix(strings.Repeat(string(must(jose.JSONWebKey{Key: ecKey().Public()}.MarshalJSON()))+",", 101), ",") + `]}`},
		{"a private one", `{"keys":[` + string(must(jose.JSONWebKey{Key: ecKey(), KeyID: "ec"}.MarshalJSON())) + `]}`},
	} {
		t.Run("A-087 a key set that is none: "+c.name, func(t *testing.T) {
			p := newOP(t)
			p.keySet = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) }
			begin(t, p, p.party(), openid.Ask{}).refused(openid.KeysMalformed)
		})
	}
	t.Run("A-113 keys at a redirect", func(t *testing.T) {
		p := newOP(t)
		p.keySet = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/canary", http.StatusFound) }
		begin(t, p, p.party(), openid.Ask{}).refused(openid.Code(fetch.Redirected))
		if p.count("/canary") != 0 {
			t.Error("the redirect was followed, want not")
		}
	})
}
