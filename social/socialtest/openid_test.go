package socialtest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// TestHonest signs somebody in at each provider, by the page, and has go-oidc judge the ID token.
func TestHonest(t *testing.T) {
	for _, k := range socialtest.Personalities() {
		t.Run(k.String(), func(t *testing.T) {
			pr := start(t, k, socialtest.Settings{})
			resp, page := pr.open(pr.address())
			if resp.StatusCode != http.StatusOK || !strings.Contains(page, "Anna Berg") || !strings.Contains(page, "app.example.com") {
				t.Fatalf("the page of accounts: status %d\n%s", resp.StatusCode, page)
			}
			q := pr.back(pr.submit(page, "person", anna().Email))
			if q.Get("state") != "st" || q.Get("code") == "" {
				t.Fatalf("the product gets %v, want the state and a code", q)
			}
			status, fields := pr.exchange(q.Get("code"), nil)
			if status != http.StatusOK || fields.String("access_token") == "" {
				t.Fatalf("token request: status %d with %s", status, fields)
			}
			if status, again := pr.exchange(q.Get("code"), nil); status == http.StatusOK {
				t.Errorf("the same code again: %s", again)
			}
			if k == socialtest.Facebook {
				if fields["id_token"] != nil {
					t.Error("Facebook gives an ID token")
				}
				return
			}
			keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), pr.http), pr.document().String("jwks_uri"))
			issuer := pr.p.Issuer()
			if k == socialtest.Microsoft {
				issuer = pr.p.TenantIssuer(tenant)
			}
			id, err := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: "product"}).Verify(context.Background(), fields.String("id_token"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := id.Subject, pr.p.Subject("product", anna()); got != want {
				t.Errorf("subject %q, want %q", got, want)
			}
			if want := map[bool]string{true: "", false: "no"}[k == socialtest.LinkedIn]; id.Nonce != want {
				t.Errorf("nonce %q, want %q", id.Nonce, want)
			}
			if id.AccessTokenHash != "" {
				if err := id.VerifyAccessToken(fields.String("access_token")); err != nil {
					t.Error(err)
				}
			}
			if to := pr.document().String("userinfo_endpoint"); to != "" {
				if _, info := pr.get(to, fields.String("access_token")); info.String("sub") != id.Subject || info.String("email") != anna().Email {
					t.Errorf("userinfo %s, want that of %s", info, id.Subject)
				}
			}
		})
	}
}

// back is what a browser brings to the product after a page.
func (pr *product) back(resp *http.Response, page string) url.Values {
	pr.t.Helper()
	if pr.p.Personality() == socialtest.Apple {
		to, form := formOf(pr.t, page)
		if to != callbackURL {
			pr.t.Fatalf("the page posts to %q, want %s", to, callbackURL)
		}
		return form
	}
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), callbackURL) || resp.StatusCode != http.StatusSeeOther {
		pr.t.Fatalf("status %d, the browser goes to %q, want %s\n%s", resp.StatusCode, to, callbackURL, page)
	}
	return to.Query()
}

// TestDiscovered has go-oidc and x/oauth2 sign somebody in at those whose documents are by the book.
func TestDiscovered(t *testing.T) {
	for _, k := range []socialtest.Personality{socialtest.Plain, socialtest.Google, socialtest.LastPass} {
		for _, algorithm := range []string{"RS256", "ES256"} {
			t.Run(k.String()+" "+algorithm, func(t *testing.T) {
				pr := start(t, k, socialtest.Settings{TokenAlgorithm: algorithm})
				ctx := context.Background()
				provider, err := oidc.NewProvider(ctx, pr.p.Issuer())
				if err != nil {
					t.Fatal(err)
				}
				cfg := oauth2.Config{ClientID: "product", ClientSecret: pr.secret, Endpoint: provider.Endpoint(), RedirectURL: callbackURL, Scopes: []string{"openid", "email", "profile"}}
				var raws []string
				for range 2 {
					c, err := pr.p.SignIn(cfg.AuthCodeURL("st", oidc.Nonce("no"), oauth2.S256ChallengeOption("verifier")), anna().Email)
					if err != nil {
						t.Fatal(err)
					}
					token, err := cfg.Exchange(ctx, c.Query().Get("code"), oauth2.VerifierOption("verifier"))
					if err != nil {
						t.Fatal(err)
					}
					raw, _ := token.Extra("id_token").(string)
					raws = append(raws, raw)
					pr.p.RollKeys()
				}
				for _, raw := range raws {
					if _, err := provider.Verifier(&oidc.Config{ClientID: "product"}).Verify(ctx, raw); err != nil {
						t.Errorf("after the keys rolled: %v", err)
					}
				}
				pr.p.DropOldKeys()
				fresh, err := oidc.NewProvider(ctx, pr.p.Issuer())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := fresh.Verifier(&oidc.Config{ClientID: "product"}).Verify(ctx, raws[0]); err == nil {
					t.Error("the old key is published after DropOldKeys")
				}
			})
		}
	}
}

// TestTokenRequests tells that each provider checks what the product sends, so that a test sees its mistakes.
func TestTokenRequests(t *testing.T) {
	basic := func(f url.Values, r *http.Request) {
		r.SetBasicAuth(url.QueryEscape("product"), url.QueryEscape(f.Get("client_secret")))
		f.Del("client_id")
		f.Del("client_secret")
	}
	set := func(name, value string) func(url.Values, *http.Request) {
		return func(f url.Values, _ *http.Request) { f.Set(name, value) }
	}
	drop := func(name string) func(url.Values, *http.Request) {
		return func(f url.Values, _ *http.Request) { f.Del(name) }
	}
	p, g, m, l, f, s := socialtest.Plain, socialtest.Google, socialtest.Microsoft, socialtest.LinkedIn, socialtest.Facebook, socialtest.LastPass
	cases := []struct {
		name   string
		good   []socialtest.Personality // who takes it
		change func(url.Values, *http.Request)
	}{
		{"as it should be", socialtest.Personalities(), nil},
		{"basic", []socialtest.Personality{p, g, m, s}, basic},
		{"wrong secret", nil, set("client_secret", "wrong")},
		{"no secret", nil, drop("client_secret")},
		{"unknown client", nil, set("client_id", "another")},
		{"other redirect_uri", nil, set("redirect_uri", "https://other.example/")},
		{"unknown code", nil, set("code", "x")},
		{"other grant", []socialtest.Personality{f}, set("grant_type", "password")}, // Facebook does not look
		{"wrong verifier", nil, set("code_verifier", "another")},
		{"no verifier", []socialtest.Personality{l, f}, drop("code_verifier")}, // who were sent no challenge, or took no notice
	}
	for _, k := range socialtest.Personalities() {
		pr := start(t, k, socialtest.Settings{})
		for _, c := range cases {
			t.Run(c.name+" at "+k.String(), func(t *testing.T) {
				pr.t = t
				code := pr.signIn(anna().Email).Get("code")
				want := slices.Contains(c.good, k)
				if status, fields := pr.exchange(code, c.change); (status == http.StatusOK) != want || (fields["access_token"] != nil) != want {
					t.Errorf("status %d with %s, want tokens: %v", status, fields, want)
				}
				status, _ := pr.exchange(code, nil)
				if want && status == http.StatusOK {
					t.Error("the same code counts twice")
				}
				// x/oauth2 tries basic first, and the form where that fails.
				if c.name == "basic" && !want && status != http.StatusOK {
					t.Errorf("the form after basic: status %d, want 200: who is not known uses up no code", status)
				}
			})
		}
	}
}

// TestCodesAreOfOneProduct tells that a code, and an address, belong to one product, and end.
func TestCodesAreOfOneProduct(t *testing.T) {
	now := time.Now()
	p := socialtest.Start(t, socialtest.Config{Personality: socialtest.Google, People: []socialtest.Person{anna()}, Now: func() time.Time { return now }})
	pr := register(t, p, now)
	p.RegisterClient(socialtest.Client{ID: "another", Secret: "another", RedirectURIs: []string{callbackURL}})
	status, _ := pr.exchange(pr.signIn(anna().Email).Get("code"), func(f url.Values, _ *http.Request) {
		f.Set("client_id", "another")
		f.Set("client_secret", "another")
	})
	if status != http.StatusBadRequest {
		t.Errorf("a code of another product: status %d, want 400", status)
	}
	code := pr.signIn(anna().Email).Get("code")
	now = now.Add(6 * time.Minute)
	if status, _ := pr.exchange(code, nil); status != http.StatusBadRequest {
		t.Errorf("a code of six minutes ago: status %d, want 400", status)
	}
}

func TestAuthorizationRequests(t *testing.T) {
	for _, k := range socialtest.Personalities() {
		t.Run(k.String(), func(t *testing.T) {
			pr := start(t, k, socialtest.Settings{SignedInAs: anna().Email})
			pr.p.RegisterClient(socialtest.Client{ID: "strict", Secret: "s", RedirectURIs: []string{callbackURL}, RequirePKCE: true})
			for _, c := range []struct{ parameter, value, want string }{
				{"response_type", "id_token", "unsupported_response_type"},
				{"response_mode", "web_message", "invalid_request"},
			} {
				if k == socialtest.Apple && c.parameter == "response_mode" {
					continue // it is told on a page: TestAppleFormPost
				}
				if got := pr.back(pr.open(pr.address(c.parameter, c.value))); got.Get("error") != c.want || got.Has("code") || got.Get("state") != "st" {
					t.Errorf("%s=%s: got %v, want error %s", c.parameter, c.value, got, c.want)
				}
			}
			if got := pr.back(pr.open(pr.address("client_id", "strict", "code_challenge", "", "code_challenge_method", ""))); got.Get("error") != "invalid_request" {
				t.Errorf("no challenge for a product that must have one: got %v, want invalid_request", got)
			}
			for _, address := range []string{
				pr.address("client_id", "nobody"), pr.address("redirect_uri", callbackURL+"/other"), pr.address("redirect_uri", ""), pr.address() + "&state=again",
			} {
				if resp, _ := pr.open(address); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Location") != "" {
					t.Errorf("%s: status %d to %q, want a page with 400", address, resp.StatusCode, resp.Header.Get("Location"))
				}
				if _, err := pr.p.SignIn(address, anna().Email); err == nil {
					t.Errorf("SignIn(%s) = no error, want one", address)
				}
			}
			if got := pr.back(pr.open(pr.address())); got.Get("code") == "" {
				t.Errorf("somebody who is signed in and has agreed: got %v, want a code at once", got)
			}
			pr.p.Set(func(s *socialtest.Settings) { s.SignedInAs = "" })
			if got := pr.back(pr.open(pr.address("prompt", "none"))); got.Get("error") != "login_required" {
				t.Errorf("prompt=none with nobody there: got %v, want login_required", got)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	for k, want := range map[socialtest.Personality]url.Values{
		socialtest.Plain:     {"error": {"access_denied"}},
		socialtest.Google:    {"error": {"access_denied"}},
		socialtest.Microsoft: {"error": {"access_denied"}, "error_subcode": {"cancel"}},
		socialtest.Apple:     {"error": {"user_cancelled_authorize"}},
		socialtest.LinkedIn:  {"error": {"user_cancelled_authorize"}},
		socialtest.Facebook:  {"error": {"access_denied"}, "error_reason": {"user_denied"}},
		socialtest.LastPass:  {"error": {"access_denied"}},
	} {
		t.Run(k.String(), func(t *testing.T) {
			pr := start(t, k, socialtest.Settings{})
			_, page := pr.open(pr.address())
			byPage := pr.back(pr.submit(page, "cancel", "1"))
			c, err := pr.p.Cancel(pr.address())
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []url.Values{byPage, c.Query()} {
				for name := range want {
					if got.Get(name) != want.Get(name) {
						t.Errorf("%s = %q, want %q", name, got.Get(name), want.Get(name))
					}
				}
				if got.Has("code") || got.Get("state") != "st" {
					t.Errorf("got %v, want the state and no code", got)
				}
			}
		})
	}
}

// TestOneWinner has many callers redeem one code at the same moment, while the settings change.
func TestOneWinner(t *testing.T) {
	pr := start(t, socialtest.Plain, socialtest.Settings{})
	form := pr.tokenForm(pr.signIn(anna().Email).Get("code"))
	status := make(chan int)
	for range 64 {
		go func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/oidc/token", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			pr.p.Set(func(s *socialtest.Settings) { s.SignedInAs = ben().Email })
			pr.p.ServeHTTP(w, r)
			status <- w.Code
		}()
	}
	good := 0
	for range 64 {
		if <-status == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d of 64 callers have tokens for one code, want 1", good)
	}
}
