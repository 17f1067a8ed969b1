package socialtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

const callbackURL = "https://app.example.com/auth/social/callback"

// tenant is a Microsoft tenant.
const tenant = "11111111-1111-4111-8111-111111111111"

func anna() socialtest.Person {
	return socialtest.Person{Email: "anna@corp.example", GivenName: "Anna", FamilyName: "Berg", Picture: "https://pictures.example/anna", HostedDomain: "corp.example", Tenant: tenant, DomainOwner: true}
}

func ben() socialtest.Person {
	return socialtest.Person{Email: "ben@mail.example", Name: "Ben Bach", Unverified: true, HidesEmail: true}
}

// A product is one at a provider, as this test knows it.
type product struct {
	t      *testing.T
	p      *socialtest.Provider
	secret string
	key    *ecdsa.PrivateKey
	now    time.Time
	http   *http.Client // follows no redirect
}

// start is a provider whose clock stands still, and a product that it knows.
func start(t *testing.T, k socialtest.Personality, settings socialtest.Settings) *product {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	p := socialtest.Start(t, socialtest.Config{
		Personality: k, People: []socialtest.Person{anna(), ben()}, Settings: settings, Now: func() time.Time { return now },
	})
	return register(t, p, now)
}

func register(t *testing.T, p *socialtest.Provider, now time.Time) *product {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pr := &product{t: t, p: p, secret: "s3cret/ +", key: key, now: now, http: p.Client()}
	pr.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if pr.http.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	p.RegisterClient(pr.client())
	return pr
}

func (pr *product) client() socialtest.Client {
	return socialtest.Client{ID: "product", Secret: pr.secret, RedirectURIs: []string{callbackURL}, TeamID: "TEAM", KeyID: "KEY", Key: &pr.key.PublicKey}
}

// appleSecret is a client secret, as Apple wants it unless change makes it another.
func (pr *product) appleSecret(change func(header map[jose.HeaderKey]any, c *jwt.Claims, key *any, alg *jose.SignatureAlgorithm)) string {
	pr.t.Helper()
	header := map[jose.HeaderKey]any{"kid": "KEY"}
	claims := jwt.Claims{
		Issuer: "TEAM", Subject: "product", Audience: jwt.Audience{"https://appleid.apple.com"}, IssuedAt: jwt.NewNumericDate(pr.now), Expiry: jwt.NewNumericDate(pr.now.Add(5 * time.Minute)),
	}
	var key any = pr.key
	alg := jose.ES256
	if change != nil {
		change(header, &claims, &key, &alg)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		pr.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		pr.t.Fatal(err)
	}
	return text
}

// address is where the product sends somebody, as each provider wants it. Pairs change parameters; an empty one is left out.
func (pr *product) address(pairs ...string) string {
	k := pr.p.Personality()
	q := url.Values{
		"client_id": {"product"}, "redirect_uri": {callbackURL}, "response_type": {"code"}, "scope": {"openid email profile"},
		"state": {"st"}, "nonce": {"no"}, "code_challenge": {challenge("verifier")}, "code_challenge_method": {"S256"},
	}
	switch k {
	case socialtest.Apple:
		q.Set("scope", "name email")
		q.Set("response_mode", "form_post")
	case socialtest.Facebook:
		q = url.Values{"client_id": {"product"}, "redirect_uri": {callbackURL}, "response_type": {"code"}, "scope": {"email"}, "state": {"st"}}
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return pr.p.AuthorizeURL() + "?" + q.Encode()
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signIn is what the product gets when somebody signs in.
func (pr *product) signIn(person string, pairs ...string) url.Values {
	pr.t.Helper()
	c, err := pr.p.SignIn(pr.address(pairs...), person)
	if err != nil {
		pr.t.Fatal(err)
	}
	if !strings.HasPrefix(c.URL, callbackURL) {
		pr.t.Fatalf("the callback goes to %q, want %s", c.URL, callbackURL)
	}
	return c.Query()
}

// tokenForm is the token request of a code, as each provider wants it.
func (pr *product) tokenForm(code string) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callbackURL}, "client_id": {"product"}, "client_secret": {pr.secret},
		"code_verifier": {"verifier"},
	}
	switch pr.p.Personality() {
	case socialtest.Apple:
		form.Set("client_secret", pr.appleSecret(nil))
	case socialtest.LinkedIn, socialtest.Facebook:
		form.Del("code_verifier")
	}
	return form
}

// exchange redeems a code.
func (pr *product) exchange(code string, change func(url.Values, *http.Request)) (int, socialtest.Claims) {
	pr.t.Helper()
	form := pr.tokenForm(code)
	r, err := http.NewRequest(http.MethodPost, pr.p.TokenURL(), nil)
	if err != nil {
		pr.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if change != nil {
		change(form, r)
	}
	body := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return pr.fetch(r)
}

func (pr *product) fetch(r *http.Request) (int, socialtest.Claims) {
	pr.t.Helper()
	resp, err := pr.http.Do(r)
	if err != nil {
		pr.t.Fatal(err)
	}
	defer resp.Body.Close()
	var fields socialtest.Claims
	json.NewDecoder(resp.Body).Decode(&fields) // no JSON is no fields
	return resp.StatusCode, fields
}

func (pr *product) get(address, bearer string) (int, socialtest.Claims) {
	pr.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		pr.t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return pr.fetch(r)
}

// document is the discovery document.
func (pr *product) document() socialtest.Claims {
	pr.t.Helper()
	status, fields := pr.get(pr.p.Issuer()+"/.well-known/openid-configuration", "")
	if status != http.StatusOK {
		pr.t.Fatalf("discovery: status %d, want 200", status)
	}
	return fields
}

// tokens are those of a whole sign-in.
func (pr *product) tokens(person string, pairs ...string) socialtest.Claims {
	pr.t.Helper()
	status, fields := pr.exchange(pr.signIn(person, pairs...).Get("code"), nil)
	if status != http.StatusOK {
		pr.t.Fatalf("token request: status %d with %s, want 200", status, fields)
	}
	return fields
}

// idToken are the claims of the ID token of a whole sign-in.
func (pr *product) idToken(person string, pairs ...string) socialtest.Claims {
	pr.t.Helper()
	_, claims := parts(pr.t, pr.tokens(person, pairs...).String("id_token"))
	return claims
}

// parts are the header and the claims of a token.
func parts(t *testing.T, token string) (header, claims socialtest.Claims) {
	t.Helper()
	list := strings.Split(token, ".")
	if len(list) != 3 {
		t.Fatalf("%q is not a token", token)
	}
	for i, into := range []*socialtest.Claims{&header, &claims} {
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

// page gets a page as a browser does, and reads it.
func (pr *product) page(r *http.Request) (*http.Response, string) {
	pr.t.Helper()
	resp, err := pr.http.Do(r)
	if err != nil {
		pr.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		pr.t.Fatal(err)
	}
	return resp, string(body)
}

func (pr *product) open(address string) (*http.Response, string) {
	pr.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		pr.t.Fatal(err)
	}
	return pr.page(r)
}

var (
	action = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	input  = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// submit presses a button of a page.
func (pr *product) submit(page, name, value string) (*http.Response, string) {
	pr.t.Helper()
	to, form := formOf(pr.t, page)
	if name != "" {
		form.Set(name, value)
	}
	r, err := http.NewRequest(http.MethodPost, pr.p.BaseURL()+to, strings.NewReader(form.Encode()))
	if err != nil {
		pr.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return pr.page(r)
}

func formOf(t *testing.T, page string) (string, url.Values) {
	t.Helper()
	found := action.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no form:\n%s", page)
	}
	form := url.Values{}
	for _, m := range input.FindAllStringSubmatch(page, -1) {
		form.Add(unescape(m[1]), unescape(m[2]))
	}
	return unescape(found[1]), form
}

func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(s)
}
