package socialtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// TestAppleSecret tells what Apple makes of a client secret.
func TestAppleSecret(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{})
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	type header = map[jose.HeaderKey]any
	for _, c := range []struct {
		name   string
		good   bool
		change func(h header, c *jwt.Claims, key *any, alg *jose.SignatureAlgorithm)
	}{
		{"as it should be", true, nil},
		{"for our issuer", true, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) {
			c.Audience = jwt.Audience{pr.p.Issuer()}
		}},
		{"almost six months", true, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) {
			c.Expiry = jwt.NewNumericDate(pr.now.Add(15777000 * time.Second))
		}},
		{"more than six months", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) {
			c.Expiry = jwt.NewNumericDate(pr.now.Add(200 * 24 * time.Hour))
		}},
		{"expired", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) {
			c.Expiry = jwt.NewNumericDate(pr.now.Add(-time.Hour))
		}},
		{"no exp", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { c.Expiry = nil }},
		{"no iat", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { c.IssuedAt = nil }},
		{"for another", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) {
			c.Audience = jwt.Audience{"https://other.example"}
		}},
		{"another team", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { c.Issuer = "OTHER" }},
		{"another product", false, func(_ header, c *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { c.Subject = "other" }},
		{"another kid", false, func(h header, _ *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { h["kid"] = "OTHER" }},
		{"no kid", false, func(h header, _ *jwt.Claims, _ *any, _ *jose.SignatureAlgorithm) { delete(h, "kid") }},
		{"another key", false, func(_ header, _ *jwt.Claims, key *any, _ *jose.SignatureAlgorithm) { *key = stranger }},
		{"HS256", false, func(_ header, _ *jwt.Claims, key *any, alg *jose.SignatureAlgorithm) {
			*key, *alg = []byte(strings.Repeat("k", 32)), jose.HS256
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, fields := pr.exchange(pr.signIn(anna().Email).Get("code"), func(f url.Values, _ *http.Request) { f.Set("client_secret", pr.appleSecret(c.change)) })
			if (status == http.StatusOK) != c.good {
				t.Errorf("status %d with %s, want tokens: %v", status, fields, c.good)
			}
			if !c.good && fields.String("error") != "invalid_client" {
				t.Errorf("error %q, want invalid_client", fields.String("error"))
			}
		})
	}
}

// TestAppleFormPost tells that Apple wants its answers posted where it is to say a name or an address.
func TestAppleFormPost(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{SignedInAs: anna().Email})
	for _, mode := range []string{"", "query", "fragment"} {
		resp, page := pr.open(pr.address("response_mode", mode))
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(page, "response_mode must be form_post") {
			t.Errorf("response_mode %q: status %d, want a page with 400\n%s", mode, resp.StatusCode, page)
		}
	}
	resp, _ := pr.open(pr.address("response_mode", "", "scope", "openid"))
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, callbackURL+"?") {
		t.Errorf("without a name or an address: the browser goes to %q, want %s", to, callbackURL)
	}
	resp, page := pr.open(pr.address())
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(page, "document.forms[0].submit()") || !strings.Contains(csp, "script-src 'nonce-") || !strings.Contains(page, "<button") {
		t.Errorf("the page that posts: script under %q, and a button, want both\n%s", csp, page)
	}
}

// TestAppleUser tells that the name is posted the first time and never again, until somebody withdraws.
func TestAppleUser(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{})
	relay := "@privaterelay.appleid.com"
	if user := pr.signIn(ben().Email).Get("user"); !strings.Contains(user, `"firstName":"Ben"`) || !strings.Contains(user, `"lastName":"Bach"`) || !strings.Contains(user, relay) {
		t.Errorf("the first time the field user is %q, want the name and a relay address", user)
	}
	if user := pr.signIn(anna().Email, "scope", "name").Get("user"); strings.Contains(user, "email") || !strings.Contains(user, "Anna") {
		t.Errorf("with scope name the field user is %q, want only a name", user)
	}
	if q := pr.signIn(ben().Email); q.Has("user") {
		t.Errorf("the second time the field user is %q, want none", q.Get("user"))
	}
	claims := pr.idToken(ben().Email)
	if !strings.HasSuffix(claims.String("email"), relay) || string(claims["is_private_email"]) != "true" || string(claims["email_verified"]) != "true" || claims["name"] != nil {
		t.Errorf("the ID token of somebody who hides the address: %s", claims)
	}
	if claims := pr.idToken(anna().Email); claims.String("email") != anna().Email || claims["is_private_email"] != nil {
		t.Errorf("the ID token of somebody who hides nothing: %s", claims)
	}
	pr.p.Set(func(s *socialtest.Settings) { s.TextBooleans = true })
	if claims := pr.idToken(ben().Email); claims.String("email_verified") != "true" || claims.String("is_private_email") != "true" {
		t.Errorf("TextBooleans: the ID token has %s and %s, want strings", claims["email_verified"], claims["is_private_email"])
	}
	pr.p.Notice("product", socialtest.ConsentRevoked, ben())
	if q := pr.signIn(ben().Email); !q.Has("user") {
		t.Error("after somebody withdrew there is no field user")
	}
}

// TestAppleIssuers plays the days on which Apple went by two names.
func TestAppleIssuers(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{})
	second := pr.p.SecondIssuer()
	if _, fields := pr.get(second+"/.well-known/openid-configuration", ""); fields.String("issuer") != second {
		t.Errorf("the document of the second issuer names %q, want %q", fields.String("issuer"), second)
	}
	pr.p.Set(func(s *socialtest.Settings) { s.DocumentIssuer = second })
	if got, token := pr.document().String("issuer"), pr.idToken(anna().Email).String("iss"); got != second || token != pr.p.Issuer() {
		t.Errorf("discovery says %q and tokens %q, want %q and %q", got, token, second, pr.p.Issuer())
	}
	pr.p.Set(func(s *socialtest.Settings) { s.DocumentIssuer, s.TokenIssuer = "", second })
	if got, token := pr.document().String("issuer"), pr.idToken(anna().Email).String("iss"); got != pr.p.Issuer() || token != second {
		t.Errorf("discovery says %q and tokens %q, want %q and %q", got, token, pr.p.Issuer(), second)
	}
}

// TestNotices has go-oidc judge what Apple posts, and each attack on it differ.
func TestNotices(t *testing.T) {
	pr := start(t, socialtest.Apple, socialtest.Settings{})
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), pr.http), pr.p.KeysURL())
	honest := object(t, pr.p.Notice("product", socialtest.ConsentRevoked, ben())).String("payload")
	if _, err := keys.VerifySignature(t.Context(), honest); err != nil {
		t.Fatal(err)
	}
	header, claims := parts(t, honest)
	event := object(t, []byte(claims.String("events")))
	if header.String("alg") != "RS256" || claims.String("iss") != pr.p.Issuer() || claims.String("aud") != "product" || event.String("type") != "consent-revoked" || event.String("sub") != pr.p.Subject("product", ben()) {
		t.Errorf("the notice: %s %s", header, claims)
	}
	for _, a := range socialtest.NoticeAttacks() {
		t.Run(a.String(), func(t *testing.T) {
			body := object(t, pr.p.Notice("product", socialtest.ConsentRevoked, ben(), a))
			payload := body.String("payload")
			if strings.Count(payload, ".") == 2 && shape(t, payload) == shape(t, honest) {
				if _, err := keys.VerifySignature(t.Context(), payload); err == nil {
					t.Error("the notice is the honest one")
				}
			}
			_, err := keys.VerifySignature(t.Context(), payload)
			forged := map[int]bool{87: true, 88: true, 89: true}[a.Number()] || a == socialtest.NoticeNoPayload
			if (err != nil) != forged {
				t.Errorf("go-oidc says of its signature: %v, want an error: %v", err, forged)
			}
		})
	}
	if shape(t, object(t, pr.p.Notice("product", socialtest.ConsentRevoked, ben())).String("payload")) != shape(t, honest) {
		t.Error("an attack stays: the next notice is not the honest one")
	}
	var got []byte
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == "application/json" {
			got = make([]byte, r.ContentLength)
			r.Body.Read(got)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(product.Close)
	status, err := pr.p.SendNotice(product.Client(), product.URL, "product", socialtest.AccountDeleted, ben())
	if err != nil || status != http.StatusNoContent {
		t.Fatalf("SendNotice = %d, %v, want 204", status, err)
	}
	if _, claims := parts(t, object(t, got).String("payload")); !strings.Contains(claims.String("events"), "account-deleted") {
		t.Errorf("the product was sent %s", claims)
	}
}

// shape is a token without what differs each time.
func shape(t *testing.T, token string) string {
	t.Helper()
	header, claims := parts(t, token)
	for _, name := range []string{"jti", "uti", "rh", "sid", "aio", "at_hash"} {
		delete(claims, name)
	}
	return text(t, header) + " " + text(t, claims)
}
