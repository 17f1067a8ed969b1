package openid_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
)

const (
	clientID = "client-1"
	secret   = "s3cret/with+signs"
	callback = "https://app.example.com/auth/sso/acme/callback"
	access   = "access-token"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// Keys are made once: an RSA key takes its time.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	smallKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 1024)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	otherKey = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey { _, k, err := ed25519.GenerateKey(rand.Reader); return must(k, err) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type claims = map[string]any

// An op is an OpenID provider that says what a test wants it to say.
type op struct {
	*httptest.Server
	doc  claims
	keys []jose.JSONWebKey

	// What it answers; nil: the honest thing.
	document, keySet, userinfo http.HandlerFunc
	tokens                     func(w http.ResponseWriter, r *http.Request, idToken string)

	mu      sync.Mutex
	hits    map[string]int
	form    url.Values // of the last token request
	basic   [2]string
	idToken string
}

func newOP(t testing.TB) *op {
	p := &op{hits: map[string]int{}, keys: []jose.JSONWebKey{
		{KeyID: "rsa", Key: rsaKey().Public(), Algorithm: "RS256", Use: "sig"},
		{KeyID: "ec", Key: ecKey().Public(), Use: "sig"},
		{KeyID: "ed", Key: edKey().Public()},
	}}
	mux := http.NewServeMux()
	count := func(pattern string, h func(w http.ResponseWriter, r *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			p.hits[r.URL.Path]++
			p.mu.Unlock()
			h(w, r)
		})
	}
	count("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if p.document != nil {
			p.document(w, r)
			return
		}
		answer(w, p.doc)
	})
	count("/keys", func(w http.ResponseWriter, r *http.Request) {
		if p.keySet != nil {
			p.keySet(w, r)
			return
		}
		answer(w, jose.JSONWebKeySet{Keys: p.keys})
	})
	count("/token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		p.form = r.PostForm
		p.basic[0], p.basic[1], _ = r.BasicAuth()
		if p.tokens != nil {
			p.tokens(w, r, p.idToken)
			return
		}
		answer(w, claims{"access_token": access, "token_type": "Bearer", "expires_in": 600, "id_token": p.idToken})
	})
	count("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+access {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p.userinfo(w, r)
	})
	count("/canary", func(http.ResponseWriter, *http.Request) {})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	p.doc = claims{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"userinfo_endpoint": p.URL + "/userinfo", "end_session_endpoint": p.URL + "/logout",
		"response_types_supported":              []string{"code"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA", "HS256", "none"},
	}
	return p
}

func (p *op) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (p *op) party() openid.Party {
	return openid.Party{Issuer: p.URL, ClientID: clientID, Secret: secret, Redirect: callback, Scopes: []string{"email", "profile"}}
}

// honest are the claims of an ID token for a request.
func (p *op) honest(nonce string) claims {
	return claims{
		"iss": p.URL, "sub": "ann-1", "aud": clientID, "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix(), "nonce": nonce,
		"auth_time": now.Unix(), "email": "ann@acme.example", "email_verified": true, "at_hash": atHash(access), "sid": "session-1",
	}
}

// logout are those of a logout token.
func (p *op) logout() claims {
	return claims{
		"iss": p.URL, "sub": "ann-1", "sid": "session-1", "aud": clientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": "once",
		"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}},
	}
}

func atHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return b64(sum[:16])
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token. A header or claims that are a string are taken as they are written.
func sign(header, payload, key any) string {
	input := b64(text(header)) + "." + b64(text(payload))
	alg := ""
	if h, ok := header.(claims); ok {
		alg, _ = h["alg"].(string)
	}
	sum := sha256.Sum256([]byte(input))
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if alg == "PS256" {
			return input + "." + b64(must(rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], nil)))
		}
		return input + "." + b64(must(rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			panic(err)
		}
		return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	case ed25519.PrivateKey:
		return input + "." + b64(ed25519.Sign(k, []byte(input)))
	case []byte:
		if alg == "HS512" {
			mac := hmac.New(sha512.New, k)
			mac.Write([]byte(input))
			return input + "." + b64(mac.Sum(nil))
		}
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	return input + "."
}

func text(v any) []byte {
	if s, ok := v.(string); ok {
		return []byte(s)
	}
	return must(json.Marshal(v))
}

func es256() claims { return claims{"alg": "ES256", "kid": "ec", "typ": "JWT"} }

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

// null is a null that stays.
var null = json.RawMessage("null")

func newClient(t testing.TB) *openid.Client {
	t.Helper()
	return must(openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{AllowPrivate: true, MaxBytes: 256 << 10, Timeout: 5 * time.Second})), AllowHTTP: true}))
}

// A flow is one sign-in at a provider.
type flow struct {
	t      testing.TB
	op     *op
	client *openid.Client
	party  openid.Party
	answer openid.Answer
	to     url.Values // what the browser takes along
	trail  openid.Trail
}

// begin makes a flow that is honest up to the callback.
func begin(t testing.TB, p *op, party openid.Party, ask openid.Ask) *flow {
	t.Helper()
	f := &flow{t: t, op: p, client: newClient(t), party: party}
	f.again(ask)
	return f
}

func (f *flow) again(ask openid.Ask) {
	f.t.Helper()
	address, m, err := f.client.Begin(f.t.Context(), now, f.party, ask)
	if err != nil {
		f.t.Fatalf("Begin: %v", err)
	}
	f.to = must(url.Parse(address)).Query()
	f.answer = openid.Answer{Memory: m, Callback: openid.Callback{State: ask.State, Code: "code-1"}, Since: now, Fresh: ask.Fresh}
	f.op.idToken = sign(es256(), f.op.honest(m.Nonce), ecKey())
}

func (f *flow) finish() (openid.Claims, error) {
	f.trail = openid.Trail{}
	return f.client.Finish(f.t.Context(), now, f.party, f.answer, &f.trail)
}

// refused fails unless the flow ends in a refusal with this code, which also stands in the trail.
func (f *flow) refused(want openid.Code) {
	f.t.Helper()
	c, err := f.finish()
	refused(f.t, "Finish", err, want)
	if c.Subject != "" || c.Email != "" {
		f.t.Errorf("Finish answers %q, %q beside the refusal, want nobody", c.Subject, c.Email)
	}
	for _, k := range f.trail.Checks {
		if k.Code == want && !k.OK {
			return
		}
	}
	f.t.Errorf("the trail %+v does not say that %s failed", f.trail.Checks, want)
}

func refused(t testing.TB, what string, err error, want openid.Code) {
	t.Helper()
	var r *openid.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Errorf("%s = %v, want a refusal %s", what, describe(err), want)
	}
}

func describe(err error) string {
	if r, ok := errors.AsType[*openid.Refusal](err); ok {
		return fmt.Sprintf("%s (expected %q, received %q)", r.Code, r.Expected, r.Received)
	}
	return fmt.Sprint(err)
}
