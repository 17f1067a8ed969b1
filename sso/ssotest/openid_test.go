package ssotest_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

const callbackURL = "https://app.example.com/oidc/callback"

func client() ssotest.Client {
	return ssotest.Client{
		ID: "product", Secret: "s3cret/ +", RedirectURIs: []string{callbackURL},
		PostLogoutRedirectURIs: []string{"https://app.example.com/goodbye"},
	}
}

// openid is a frozen provider that knows the product.
func openid(t *testing.T) *ssotest.Provider {
	t.Helper()
	p := frozen(t)
	p.RegisterClient(client())
	return p
}

// authorize begins a sign-in and returns what the product gets back.
func authorize(t *testing.T, p *ssotest.Provider, extra ...string) url.Values {
	t.Helper()
	q := url.Values{
		"client_id": {"product"}, "redirect_uri": {callbackURL}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"st"}, "nonce": {"no"}, "code_challenge": {oauth2.S256ChallengeFromVerifier("verifier")}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
		if extra[i+1] == "" {
			q.Del(extra[i])
		}
	}
	return arrived(t, newBrowser(t).get(p.BaseURL()+"/oidc/authorize?"+q.Encode()))
}

func arrived(t *testing.T, b *browser) url.Values {
	t.Helper()
	to, err := url.Parse(b.last.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), callbackURL) {
		t.Fatalf("status %d, the browser goes to %q, want %s\n%s", b.last.StatusCode, to, callbackURL, b.body)
	}
	return to.Query()
}

// exchange redeems a code by hand.
func exchange(t *testing.T, p *ssotest.Provider, code string, change func(url.Values, *http.Request)) (int, ssotest.Claims) {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callbackURL}, "code_verifier": {"verifier"}}
	r, err := http.NewRequest(http.MethodPost, p.BaseURL()+"/oidc/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape("product"), url.QueryEscape(client().Secret))
	if change != nil {
		change(form, r)
	}
	r.Body = io.NopCloser(strings.NewReader(form.Encode()))
	return fetch(t, r)
}

func fetch(t *testing.T, r *http.Request) (int, ssotest.Claims) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var fields ssotest.Claims
	json.NewDecoder(resp.Body).Decode(&fields) // no JSON is no fields
	return resp.StatusCode, fields
}

// parts are the header and the claims of a token.
func parts(t *testing.T, token string) (header, claims ssotest.Claims) {
	t.Helper()
	list := strings.Split(token, ".")
	if len(list) != 3 {
		t.Fatalf("%q is not a token", token)
	}
	for i, into := range []*ssotest.Claims{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(list[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// TestHonestTokens has go-oidc and x/oauth2 sign somebody in.
func TestHonestTokens(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256"} {
		t.Run(algorithm, func(t *testing.T) {
			person := anna()
			person.MultiFactor = true
			p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{person}, Settings: ssotest.Settings{TokenAlgorithm: algorithm}})
			p.RegisterClient(client())
			ctx := context.Background()
			provider, err := oidc.NewProvider(ctx, p.Issuer())
			if err != nil {
				t.Fatal(err)
			}
			cfg := oauth2.Config{ClientID: "product", ClientSecret: client().Secret, Endpoint: provider.Endpoint(), RedirectURL: callbackURL, Scopes: []string{"openid", "email", "profile"}}
			b := newBrowser(t).get(cfg.AuthCodeURL("st", oidc.Nonce("no"), oauth2.S256ChallengeOption("verifier")))
			q := arrived(t, b.signIn("anna@corp.example", "correct horse"))
			if q.Get("state") != "st" || q.Get("iss") != p.Issuer() {
				t.Errorf("state %q and iss %q, want st and %s", q.Get("state"), q.Get("iss"), p.Issuer())
			}
			token, err := cfg.Exchange(ctx, q.Get("code"), oauth2.VerifierOption("verifier"))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := token.Extra("id_token").(string)
			id, err := provider.Verifier(&oidc.Config{ClientID: "product"}).Verify(ctx, raw)
			if err != nil {
				t.Fatal(err)
			}
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				t.Errorf("at_hash: %v", err)
			}
			var claims struct {
				Email    string
				Verified bool `json:"email_verified"`
				Name     string
				Groups   []string
				AMR      []string
				ACR      string
				AuthTime int64 `json:"auth_time"`
			}
			if err := id.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if id.Nonce != "no" || claims.Email != person.Email || !claims.Verified || claims.Name != person.Name || len(claims.Groups) != 2 || len(claims.AMR) != 3 || claims.ACR == "" || time.Since(time.Unix(claims.AuthTime, 0)) > time.Minute {
				t.Errorf("nonce %q, claims %+v", id.Nonce, claims)
			}
			info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
			if err != nil {
				t.Fatal(err)
			}
			if info.Subject != id.Subject || info.Email != person.Email {
				t.Errorf("userinfo of %s, %s, want %s, %s", info.Subject, info.Email, id.Subject, person.Email)
			}
			p.RollKeys()
			code := arrived(t, b.get(cfg.AuthCodeURL("st", oidc.Nonce("no"), oauth2.S256ChallengeOption("verifier")))).Get("code")
			if token, err = cfg.Exchange(ctx, code, oauth2.VerifierOption("verifier")); err != nil {
				t.Fatal(err)
			}
			next, _ := token.Extra("id_token").(string)
			for _, token := range []string{raw, next} {
				if _, err := provider.Verifier(&oidc.Config{ClientID: "product"}).Verify(ctx, token); err != nil {
					t.Errorf("after the keys rolled: %v", err)
				}
			}
		})
	}
}

// TestTokenRequests tells that the provider checks what the product sends, so that a test sees its mistakes.
func TestTokenRequests(t *testing.T) {
	p := openid(t)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	withKey := client()
	withKey.Key = &jose.JSONWebKey{Key: private.Public()}
	p.RegisterClient(withKey)
	assertion := func(audience string, key *ecdsa.PrivateKey) func(url.Values, *http.Request) {
		return func(f url.Values, r *http.Request) {
			r.Header.Del("Authorization")
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			text, err := jwt.Signed(signer).Claims(jwt.Claims{
				Issuer: "product", Subject: "product", Audience: jwt.Audience{audience}, ID: "1", IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
			}).Serialize()
			if err != nil {
				t.Fatal(err)
			}
			f.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			f.Set("client_assertion", text)
		}
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		want   int
		change func(url.Values, *http.Request)
	}{
		{"basic", 200, nil},
		{"post", 200, func(f url.Values, r *http.Request) {
			r.Header.Del("Authorization")
			f.Set("client_id", "product")
			f.Set("client_secret", client().Secret)
		}},
		{"private_key_jwt", 200, assertion(p.BaseURL()+"/oidc/token", private)},
		{"private_key_jwt of a stranger", 401, assertion(p.BaseURL()+"/oidc/token", stranger)},
		{"private_key_jwt for another", 401, assertion("https://other.example", private)},
		{"wrong secret", 401, func(_ url.Values, r *http.Request) { r.SetBasicAuth("product", "wrong") }},
		{"no secret", 401, func(f url.Values, r *http.Request) { r.Header.Del("Authorization"); f.Set("client_id", "product") }},
		{"wrong verifier", 400, func(f url.Values, _ *http.Request) { f.Set("code_verifier", "another") }},
		{"no verifier", 400, func(f url.Values, _ *http.Request) { f.Del("code_verifier") }},
		{"other redirect_uri", 400, func(f url.Values, _ *http.Request) { f.Set("redirect_uri", "https://other.example/") }},
		{"other grant", 400, func(f url.Values, _ *http.Request) { f.Set("grant_type", "password") }},
		{"unknown code", 400, func(f url.Values, _ *http.Request) { f.Set("code", "x") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			code := authorize(t, p).Get("code")
			if got, fields := exchange(t, p, code, c.change); got != c.want || (got == 200) != (fields["id_token"] != nil) {
				t.Errorf("status %d with %d fields, want %d", got, len(fields), c.want)
			}
			if got, _ := exchange(t, p, code, nil); c.want == 200 && got != 400 {
				t.Errorf("the same code again: status %d, want 400", got)
			}
		})
	}
	p.Set(func(s *ssotest.Settings) { s.IgnorePKCE = true })
	if got, _ := exchange(t, p, authorize(t, p).Get("code"), func(f url.Values, _ *http.Request) { f.Set("code_verifier", "another") }); got != 200 {
		t.Errorf("IgnorePKCE and a wrong verifier: status %d, want 200", got)
	}
}

func TestAuthenticationRequests(t *testing.T) {
	p := openid(t)
	for _, c := range []struct{ name, parameter, value, want string }{
		{"no openid", "scope", "email", "invalid_scope"},
		{"implicit", "response_type", "id_token", "unsupported_response_type"},
		{"plain PKCE", "code_challenge_method", "plain", "invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := authorize(t, p, c.parameter, c.value); got.Get("error") != c.want || got.Has("code") || got.Get("state") != "st" {
				t.Errorf("got %v, want error %s", got, c.want)
			}
		})
	}
	for _, query := range []string{"client_id=nobody", "client_id=product&redirect_uri=https://evil.example/", "client_id=product&client_id=product"} {
		if got := newBrowser(t).get(p.BaseURL() + "/oidc/authorize?" + query).last.StatusCode; got != 400 {
			t.Errorf("%s: status %d, want 400", query, got)
		}
	}
	p.Set(func(s *ssotest.Settings) { s.SignedInAs = "" })
	if got := authorize(t, p, "prompt", "none"); got.Get("error") != "login_required" {
		t.Errorf("prompt=none with nobody there: got %v, want login_required", got)
	}
}

// seen is everything that a product sees of one sign-in, without what is random.
func seen(t *testing.T, p *ssotest.Provider) string {
	t.Helper()
	var b bytes.Buffer
	show := func(name string, c ssotest.Claims) {
		for _, random := range []string{"code", "jti", "at_hash", "sid", "access_token", "id_token"} {
			if c[random] != nil && random != "at_hash" {
				c[random] = json.RawMessage(`"random"`)
			}
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\n", name, text)
	}
	r, _ := http.NewRequest(http.MethodGet, p.Issuer()+"/.well-known/openid-configuration", nil)
	status, fields := fetch(t, r)
	fmt.Fprintln(&b, "discovery", status)
	show("discovery", fields)
	q := authorize(t, p)
	code := q.Get("code")
	if code != "" && len(q["code"]) == 1 && code != "0123456789abcdef" {
		q.Set("code", "random")
	}
	fmt.Fprintln(&b, "callback", q.Encode())
	status, fields = exchange(t, p, code, nil)
	fmt.Fprintln(&b, "token", status)
	if token := fields.String("id_token"); token != "" && strings.Count(token, ".") == 2 && token != "a.b.c" {
		header, claims := parts(t, token)
		// at_hash follows the access token: it is right or it is wrong.
		if h := claims.String("at_hash"); h != "" && h == halfHash(fields.String("access_token")) {
			claims.SetString("at_hash", "right")
		}
		show("header", header)
		show("claims", claims)
		key := "unknown"
		if _, err := oidc.NewRemoteKeySet(context.Background(), p.BaseURL()+"/oidc/jwks").VerifySignature(context.Background(), token); err == nil {
			key = "known"
		}
		fmt.Fprintln(&b, "signature", key)
	}
	access := fields.String("access_token")
	show("tokens", fields)
	r, _ = http.NewRequest(http.MethodGet, p.BaseURL()+"/oidc/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	status, fields = fetch(t, r)
	fmt.Fprintln(&b, "userinfo", status)
	show("userinfo", fields)
	return b.String()
}

// TestOpenIDAttacksDiffer tells for each attack that the product sees something else, once.
func TestOpenIDAttacksDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	p := openid(t)
	honest := seen(t, p)
	if again := seen(t, p); again != honest {
		t.Fatalf("two honest sign-ins differ:\n%s\n%s", honest, again)
	}
	for _, a := range ssotest.Attacks() {
		if a.Protocol() != ssotest.OpenID || strings.Contains(a.Name(), "logout token") && a != ssotest.LogoutTokenType || a == ssotest.LogoutTokenIDToken {
			continue
		}
		if a == ssotest.NoHostedDomain || a == ssotest.StateOfAnother || a == ssotest.NonceOld || a == ssotest.ReplayIDToken || a == ssotest.CodeInjected {
			continue // the same here: TestOpenIDAttacksOfBefore looks at them, and an honest token has no hd
		}
		t.Run(a.String(), func(t *testing.T) {
			p.Hostile(a)
			if got := seen(t, p); got == honest {
				t.Errorf("the sign-in is the honest one:\n%s", got)
			}
			p.Behave()
			if got := seen(t, p); got != honest {
				t.Errorf("after Behave the sign-in is not honest:\n%s", got)
			}
		})
	}
	p.Hostile(ssotest.NonceWrong)
	seen(t, p)
	if got := seen(t, p); got != honest {
		t.Error("an attack on a token happened twice")
	}
	p.MangleIDToken(func(_, claims ssotest.Claims) { claims.SetString("sub", "mangled") })
	if got := seen(t, p); !strings.Contains(got, `"sub":"mangled"`) {
		t.Error("MangleIDToken changed nothing")
	}
}

// TestOpenIDAttacksOfBefore are the ones that send something again.
func TestOpenIDAttacksOfBefore(t *testing.T) {
	p := openid(t)
	first := authorize(t, p, "state", "first", "nonce", "first")
	p.Hostile(ssotest.StateOfAnother, ssotest.CodeInjected)
	second := authorize(t, p)
	if second.Get("state") != "first" || second.Get("code") != first.Get("code") {
		t.Errorf("state %q, code %q, want those of the first: %v", second.Get("state"), second.Get("code"), first)
	}
	exchange(t, p, second.Get("code"), nil)
	p.Hostile(ssotest.NonceOld)
	_, tokens := exchange(t, p, authorize(t, p).Get("code"), nil)
	if _, claims := parts(t, tokens.String("id_token")); claims.String("nonce") != "first" {
		t.Errorf("nonce %q, want first", claims.String("nonce"))
	}
	before := tokens.String("id_token")
	p.Hostile(ssotest.ReplayIDToken)
	if _, tokens = exchange(t, p, authorize(t, p).Get("code"), nil); tokens.String("id_token") != before {
		t.Error("the ID token is not the one before")
	}
}

// TestRefusedByGoOIDC has go-oidc refuse what it knows of.
func TestRefusedByGoOIDC(t *testing.T) {
	p := openid(t)
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []ssotest.Attack{
		ssotest.AlgNone, ssotest.AlgNoneCase, ssotest.AlgHS256Secret, ssotest.AlgHS256PublicKey, ssotest.AlgOtherKey, ssotest.AlgNotOffered,
		ssotest.SignatureWrong, ssotest.SignatureMissing, ssotest.HeaderJWK, ssotest.HeaderJKU, ssotest.HeaderX5U, ssotest.HeaderCrit,
		ssotest.UnknownKeyID, ssotest.AudienceOther, ssotest.AudienceEmpty, ssotest.IssuerSlash, ssotest.IssuerCase, ssotest.IssuerHTTP,
		ssotest.IssuerMissing, ssotest.TokenExpired, ssotest.NotYetValid, ssotest.ExpiryOverflow,
		ssotest.SubjectNumber, ssotest.SubjectArray,
	} {
		t.Run(a.String(), func(t *testing.T) {
			p.Hostile(a)
			_, tokens := exchange(t, p, authorize(t, p).Get("code"), nil)
			if _, err := provider.Verifier(&oidc.Config{ClientID: "product"}).Verify(ctx, tokens.String("id_token")); err == nil {
				t.Error("go-oidc accepts the token")
			}
		})
	}
	for _, visit := range p.Visits() {
		if strings.HasSuffix(visit, "/canary") {
			t.Error("somebody fetched the canary")
		}
	}
}

// TestBackChannel signs somebody out at the provider and listens at the product.
func TestBackChannel(t *testing.T) {
	told := make(chan string, 1)
	product := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.PostFormValue("logout_token") }))
	t.Cleanup(product.Close)
	p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{anna()}})
	c := client()
	c.BackChannelLogoutURI = product.URL
	p.RegisterClient(c)
	b := newBrowser(t).get(p.BaseURL() + "/oidc/authorize?" + url.Values{
		"client_id": {"product"}, "redirect_uri": {callbackURL}, "response_type": {"code"}, "scope": {"openid"}, "state": {"st"},
	}.Encode())
	q := arrived(t, b.signIn("anna@corp.example", "correct horse"))
	_, tokens := exchange(t, p, q.Get("code"), func(f url.Values, _ *http.Request) { f.Del("code_verifier") })
	_, id := parts(t, tokens.String("id_token"))
	b.post(p.BaseURL()+"/signout", nil)
	header, claims := parts(t, <-told)
	if header.String("typ") != "logout+jwt" || claims.String("sid") != id.String("sid") || claims.String("sub") != id.String("sub") || !strings.Contains(string(claims["events"]), "backchannel-logout") || claims["nonce"] != nil {
		t.Errorf("the logout token: %s %s", header, claims)
	}
	b.get(p.BaseURL() + "/oidc/logout?" + url.Values{"client_id": {"product"}, "post_logout_redirect_uri": {"https://app.example.com/goodbye"}, "state": {"x"}}.Encode())
	if got := b.last.Header.Get("Location"); got != "https://app.example.com/goodbye?state=x" {
		t.Errorf("after the product's logout the browser goes to %q", got)
	}
	if b.get(p.BaseURL() + "/oidc/logout?client_id=product&post_logout_redirect_uri=https://evil.example/"); b.last.StatusCode != 400 {
		t.Errorf("an address that is not registered: status %d, want 400", b.last.StatusCode)
	}
	honest := shape(t, p.LogoutToken("product", anna(), "sid"))
	for _, a := range []ssotest.Attack{
		ssotest.LogoutTokenNonce, ssotest.LogoutTokenNoEvents, ssotest.LogoutTokenNoOne, ssotest.LogoutTokenWrongAudience, ssotest.LogoutTokenWrongIssuer,
		ssotest.LogoutTokenAlgNone, ssotest.LogoutTokenForeignKey, ssotest.LogoutTokenExpired, ssotest.LogoutTokenIDToken,
	} {
		t.Run(a.String(), func(t *testing.T) {
			if shape(t, p.LogoutToken("product", anna(), "sid", a)) == honest {
				t.Error("the logout token is the honest one")
			}
		})
	}
}

// shape is a token without its times and its id.
func shape(t *testing.T, token string) string {
	header, claims := parts(t, token)
	delete(claims, "jti")
	if exp := claims["exp"]; exp != nil {
		var at int64
		if json.Unmarshal(exp, &at) == nil && at > time.Now().Unix() {
			delete(claims, "exp")
		}
	}
	delete(claims, "iat")
	return fmt.Sprintf("%s %s", header, claims)
}

// TestTLS reaches a provider under a name that no server has.
func TestTLS(t *testing.T) {
	p := ssotest.StartTLS(t, ssotest.Config{})
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.Client()), "https://idp.corp.example/oidc")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := provider.Endpoint().TokenURL, "https://idp.corp.example/oidc/token"; got != want {
		t.Errorf("token endpoint %s, want %s", got, want)
	}
}

func TestConfig(t *testing.T) {
	for _, base := range []string{"", "/idp", "https://idp.example/"} {
		if _, err := ssotest.New(ssotest.Config{BaseURL: base}); err == nil || !strings.Contains(err.Error(), "Config.BaseURL") {
			t.Errorf("BaseURL %q: %v, want an error that names it", base, err)
		}
	}
	if _, err := ssotest.New(ssotest.Config{BaseURL: "https://idp.example", People: []ssotest.Person{{Name: "Nobody"}}}); err == nil {
		t.Error("a person without an address: no error")
	}
	p, err := ssotest.New(ssotest.Config{BaseURL: "https://demo.example/idp", Name: "Umbrella <Corp>"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/idp/signin", nil))
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "Umbrella &lt;Corp&gt;") || !strings.Contains(body, `action="/idp/signin"`) {
		t.Errorf("the sign-in page below a path: status %d\n%s", w.Code, body)
	}
}

// halfHash is at_hash of an access token.
func halfHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
