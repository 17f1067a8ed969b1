package social_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

const base = "https://app.example.com/auth/social"

const (
	tenant      = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	otherTenant = "5b1e1f2c-0000-4a4a-8b8b-000000000001"
	consumers   = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

var (
	providerKey = sync.OnceValue(newECKey)
	hostKey     = sync.OnceValue(newECKey)
)

func newECKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newKey() []byte {
	k := make([]byte, 32)
	rand.Read(k)
	return k
}

type claims = map[string]any

// null is a null that stays.
var null = json.RawMessage("null")

// A clock is what time it is.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// An op is a provider over HTTP. It is honest about the exchange, and says what a test wants it to say.
type op struct {
	*httptest.Server
	t     testing.TB
	clock *clock

	issuer string // of its document
	doc    claims // more of it; changes win
	says   claims // changes to an honest ID token; a nil goes away
	info   claims // what userinfo says
	broken int    // status of every answer; zero: none

	mu    sync.Mutex
	codes map[string]url.Values // what was asked for, by code
	hits  map[string]int
	form  url.Values // of the last exchange
	basic [2]string
}

func newOP(t testing.TB, c *clock) *op {
	p := &op{t: t, clock: c, codes: map[string]url.Values{}, hits: map[string]int{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.issuer = p.URL
	return p
}

func (p *op) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hits[r.URL.Path]++
	switch {
	case p.broken != 0:
		w.Header().Set("Location", p.URL+"/canary")
		w.WriteHeader(p.broken)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		answer(w, with(claims{
			"issuer": p.issuer, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"userinfo_endpoint": p.URL + "/userinfo", "response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		}, p.doc))
	case r.URL.Path == "/keys":
		answer(w, claims{"keys": []any{jwk(providerKey())}})
	case r.URL.Path == "/token":
		p.token(w, r)
	case r.URL.Path == "/userinfo" && r.Header.Get("Authorization") == "Bearer access-token":
		answer(w, p.info)
	default:
		http.NotFound(w, r)
	}
}

// token exchanges a code, once, for whoever has asked for it, and who has the verifier where there was a challenge.
func (p *op) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	p.form = r.PostForm
	p.basic[0], p.basic[1], _ = r.BasicAuth()
	asked, ok := p.codes[p.form.Get("code")]
	delete(p.codes, p.form.Get("code"))
	sum := sha256.Sum256([]byte(p.form.Get("code_verifier")))
	if !ok || asked.Get("redirect_uri") != p.form.Get("redirect_uri") || asked.Has("code_challenge") && b64(sum[:]) != asked.Get("code_challenge") ||
		asked.Has("code_challenge") != p.form.Has("code_verifier") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	now := p.clock.Now()
	token := with(claims{
		"iss": p.issuer, "sub": "ann-1", "aud": asked.Get("client_id"), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": asked.Get("nonce"),
	}, p.says)
	if asked.Get("prompt") == "login" {
		token["auth_time"] = now.Unix()
	}
	answer(w, claims{"access_token": "access-token", "token_type": "Bearer", "expires_in": 600, "refresh_token": "refresh-token", "id_token": sign(token, providerKey())})
}

// visit plays a browser that goes to the provider and comes back with a code.
func (p *op) visit(address string) social.Message {
	p.t.Helper()
	u := must(url.Parse(address))
	asked := u.Query()
	p.mu.Lock()
	code := fmt.Sprintf("code-%d", len(p.codes)+p.hits["/token"]*1000+1)
	p.codes[code] = asked
	p.mu.Unlock()
	back := url.Values{"state": asked["state"], "code": {code}}
	if asked.Get("response_mode") == "form_post" {
		return social.Message{Post: true, Form: back}
	}
	return social.Message{Query: back}
}

func (p *op) count(path string) int { p.mu.Lock(); defer p.mu.Unlock(); return p.hits[path] }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// with is a copy of claims with some changed; a nil goes away.
func with(c claims, change claims) claims {
	c = maps.Clone(c)
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jwk(key *ecdsa.PrivateKey) claims {
	point := must(key.PublicKey.ECDH()).Bytes()
	return claims{"kty": "EC", "crv": "P-256", "kid": "key-1", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}
}

func sign(payload claims, key *ecdsa.PrivateKey) string {
	text := b64([]byte(`{"alg":"ES256","kid":"key-1"}`)) + "." + b64(must(json.Marshal(payload)))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// at is a provider whose issuer is another one than in life.
func at(p social.Provider, issuer string) social.Provider {
	p.OpenID.Issuer, p.OpenID.Aliases = issuer, nil
	return p
}

func google(p *op) social.Provider { return at(social.Google("google-client", "google-secret"), p.URL) }

func linkedin(p *op) social.Provider { return at(social.LinkedIn("linkedin-client", "s"), p.URL) }

func custom(p *op) social.Provider {
	return social.OpenIDConnect("corp", "Corp", p.URL, "corp-client", "s")
}

// microsoft is Microsoft at a provider whose document is that of all tenants.
func microsoft(p *op, tenants ...string) social.Provider {
	m := social.Microsoft("ms-client", "s", tenants...)
	m.OpenID.Issuer, m.OpenID.Document = p.URL+"/{tenantid}/v2.0", p.URL+"/common/v2.0"
	p.issuer = m.OpenID.Issuer
	return m
}

func appleConfig() social.AppleConfig {
	return social.AppleConfig{ClientID: "com.example.web", TeamID: "TEAM123456", KeyID: "KEY1234567", Key: hostKey(), AppIDs: []string{"com.example.app"}}
}

const appleAlias = "https://account.apple.example"

func apple(p *op) social.Provider {
	a := social.Apple(appleConfig())
	a.OpenID.Issuer, a.OpenID.Aliases = p.URL, []string{appleAlias}
	return a
}

// A house is a Manager with its providers.
type house struct {
	*social.Manager
	t     testing.TB
	clock *clock
	rows  *rows
}

// rows are the Requests of a house, which can be looked at.
type rows struct {
	*social.Memory
	mu   sync.Mutex
	last social.RequestRow
	key  [32]byte
	slow time.Duration // by how much its clock goes after
}

func (r *rows) TakeSocialRequest(ctx context.Context, key [32]byte, now time.Time) (social.RequestRow, error) {
	return r.Memory.TakeSocialRequest(ctx, key, now.Add(-r.slow))
}

func (r *rows) CreateSocialRequest(ctx context.Context, key [32]byte, row social.RequestRow, now time.Time) error {
	r.mu.Lock()
	r.last, r.key = row, key
	r.mu.Unlock()
	return r.Memory.CreateSocialRequest(ctx, key, row, now)
}

func newHouse(t testing.TB, c *clock, providers ...social.Provider) *house {
	t.Helper()
	r := &rows{Memory: social.NewMemory()}
	m, err := social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: providers, Requests: r, AllowPrivate: true, Timeout: 5 * time.Second, Now: c.Now})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return &house{m, t, c, r}
}

func (h *house) begin(id string, o social.Opening) string {
	h.t.Helper()
	address, err := h.Begin(h.t.Context(), id, o)
	if err != nil {
		h.t.Fatalf("Begin: %s", describe(err))
	}
	return address
}

// signIn goes through all of it.
func (h *house) signIn(p *op, id string, o social.Opening) (social.Identity, error) {
	h.t.Helper()
	return h.bring(id, p.visit(h.begin(id, o)))
}

func (h *house) bring(id string, msg social.Message) (social.Identity, error) {
	h.t.Helper()
	a, err := h.Receive(h.t.Context(), id, msg)
	if err != nil {
		return social.Identity{}, err
	}
	return a.Identity(h.t.Context())
}

// refused fails unless err is a refusal with this code that tells a person no more than public.
func refused(t testing.TB, what string, err error, want social.Code, public string) {
	t.Helper()
	r, ok := errors.AsType[*social.Refusal](err)
	if !ok || r.Code != want || r.Public() != public {
		t.Errorf("%s = %s, want a refusal %s, %s", what, describe(err), want, public)
	}
}

func failed(t testing.TB, what string, err error, want social.Code) {
	t.Helper()
	refused(t, what, err, want, "social_failed")
}

func describe(err error) string {
	if r, ok := errors.AsType[*social.Refusal](err); ok {
		return fmt.Sprintf("%s (expected %q, received %q)", r.Code, r.Expected, r.Received)
	}
	return fmt.Sprint(err)
}
