package social_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/social"
)

// members are those of a JSON object, as they were written.
type members = map[string]json.RawMessage

// published reads what a provider publishes: see the README there.
func published(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t testing.TB, text []byte) members {
	t.Helper()
	var o members
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		t.Fatalf("%.100q is no JSON object: %v", text, err)
	}
	return o
}

// changed is a copy with members as in c; a nil goes away.
func changed(o members, c claims) members {
	o = maps.Clone(o)
	for name, v := range c {
		if o[name] = must(json.Marshal(v)); v == nil {
			delete(o, name)
		}
	}
	return o
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// signRSA signs what is published with RS256, which is what all of them say they sign with.
func signRSA(payload []byte) string {
	text := b64([]byte(`{"alg":"RS256","kid":"key-1","typ":"JWT"}`)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	return text + "." + b64(must(rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.SHA256, sum[:])))
}

// A real is a provider at the addresses that it has in life: it serves its document word for word, and answers with the claims that it
// publishes. Ours are its keys, the times, the nonce, and the hash of the access token. It is reached over TLS; whoever asks for
// anything else fails the test.
type real struct {
	t        testing.TB
	clock    *clock
	at       string // of the document
	document []byte
	known    members // the document as it was published: it says what may be asked
	claims   members // that it publishes
	info     string  // what userinfo says; empty: it must not be asked
	extra    url.Values

	spoil  func(members) []byte // of the ID token; nil: none
	tokens func(members) []byte // of the answer to a code; nil: none

	next http.RoundTripper

	mu    sync.Mutex
	codes map[string]url.Values
	token members // the last one that was honest
	said  members // the last answer to a code that was honest
}

func newReal(t testing.TB, c *clock, at string, document []byte, claims members) *real {
	r := &real{t: t, clock: c, at: at, document: document, known: read(t, document), claims: claims, codes: map[string]url.Values{}}
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	var d net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, // the name in httptest's certificate
	}
	t.Cleanup(transport.CloseIdleConnections)
	r.next = transport
	return r
}

// RoundTrip implements http.RoundTripper: every name is ours, and https only.
func (r *real) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		r.t.Errorf("%s was asked, want https", req.URL)
	}
	return r.next.RoundTrip(req)
}

func (r *real) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch address := "https://" + req.Host + req.URL.RequestURI(); {
	case address == r.at && req.Method == http.MethodGet:
		w.Write(r.document)
	case address == plain(r.known["jwks_uri"]) && req.Method == http.MethodGet:
		public := rsaKey().PublicKey
		key := claims{"kty": "RSA", "kid": "key-1", "use": "sig", "alg": "RS256", "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())}
		answer(w, claims{"keys": []any{key}})
	case address == plain(r.known["token_endpoint"]) && req.Method == http.MethodPost:
		r.exchange(w, req)
	case address == plain(r.known["userinfo_endpoint"]) && r.info != "" && req.Method == http.MethodGet:
		if req.Header.Get("Authorization") != "Bearer "+accessToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Write([]byte(r.info))
	default:
		r.t.Errorf("%s %s was asked, want nothing but what the document says", req.Method, address)
		http.NotFound(w, req)
	}
}

const accessToken = "ACCESS-TOKEN"

// exchange gives the answer that is published for a code, once.
func (r *real) exchange(w http.ResponseWriter, req *http.Request) {
	req.ParseForm()
	code := req.PostForm.Get("code")
	asked, ok := r.codes[code]
	delete(r.codes, code)
	if !ok || asked.Get("redirect_uri") != req.PostForm.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	r.token = r.fresh(asked)
	payload := must(json.Marshal(r.token))
	if r.spoil != nil {
		payload = r.spoil(r.token)
	}
	r.said = changed(members{}, claims{"access_token": accessToken, "token_type": "Bearer", "expires_in": 3599, "id_token": signRSA(payload)})
	text := must(json.Marshal(r.said))
	if r.tokens != nil {
		text = r.tokens(r.said)
	}
	w.Write(text)
}

// fresh is the published answer to what somebody asked just now.
func (r *real) fresh(asked url.Values) members {
	o := maps.Clone(r.claims)
	var issued int64
	if err := json.Unmarshal(o["iat"], &issued); err != nil {
		r.t.Errorf("the published iat is %s: %v", o["iat"], err)
	}
	for _, name := range []string{"iat", "exp", "nbf", "auth_time"} {
		var at int64
		if o[name] != nil && json.Unmarshal(o[name], &at) == nil {
			o[name] = must(json.Marshal(at - issued + r.clock.Now().Unix()))
		}
	}
	if o["nonce"] != nil {
		o["nonce"] = must(json.Marshal(asked.Get("nonce")))
	}
	if o["at_hash"] != nil {
		sum := sha256.Sum256([]byte(accessToken))
		o["at_hash"] = must(json.Marshal(b64(sum[:16])))
	}
	return o
}

// visit plays a browser that goes where it is sent, and comes back with a code.
func (r *real) visit(address string) social.Message {
	r.t.Helper()
	asked := must(url.Parse(address)).Query()
	if want := plain(r.known["authorization_endpoint"]); !strings.HasPrefix(address, want+"?") {
		r.t.Errorf("people go to %s, want %s", address, want)
	}
	r.mu.Lock()
	code := fmt.Sprintf("code-%d", len(r.codes)+1)
	r.codes[code] = asked
	r.mu.Unlock()
	back := url.Values{"state": asked["state"], "code": {code}}
	maps.Copy(back, r.extra)
	if asked.Get("response_mode") == "form_post" {
		return social.Message{Post: true, Form: back}
	}
	return social.Message{Query: back}
}

// house is a Manager of the safe kind, whose way out leads here.
func (r *real) house(provider social.Provider) *house {
	r.t.Helper()
	requests := &rows{Memory: social.NewMemory()}
	m, err := social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: []social.Provider{provider}, Requests: requests, Now: r.clock.Now})
	if err != nil {
		r.t.Fatalf("New: %v", err)
	}
	m.Through(r)
	return &house{m, r.t, r.clock, requests}
}

// A flaw is one thing that can be wrong with one member of an object.
type flaw struct {
	name  string
	spoil func(o members, member string) []byte
}

// flaws are what can be wrong with a member that is honestly so: it is missing, null, of another type, empty, twice, under a name in
// another case; and others, which are the test's own, by name.
func flaws(honest json.RawMessage, others func(honest string) claims) []flaw {
	set := func(name string, value func(honest json.RawMessage) json.RawMessage) flaw {
		return flaw{name, func(o members, member string) []byte {
			o = maps.Clone(o)
			o[member] = value(o[member])
			return must(json.Marshal(o))
		}}
	}
	all := []flaw{
		{"missing", func(o members, member string) []byte {
			o = maps.Clone(o)
			delete(o, member)
			return must(json.Marshal(o))
		}},
		{"in another case", func(o members, member string) []byte {
			o = maps.Clone(o)
			o[strings.ToUpper(member[:1])+member[1:]] = o[member]
			delete(o, member)
			return must(json.Marshal(o))
		}},
		{"twice", func(o members, member string) []byte {
			text := must(json.Marshal(o))
			return slices.Concat([]byte(fmt.Sprintf("{%q:%s,", member, o[member])), text[1:])
		}},
		set("itself in a list", func(honest json.RawMessage) json.RawMessage { return slices.Concat([]byte("["), honest, []byte("]")) }),
		set("itself in an object", func(honest json.RawMessage) json.RawMessage {
			return slices.Concat([]byte(`{"value":`), honest, []byte("}"))
		}),
	}
	if honest[0] != '"' {
		all = append(all, set("itself as a text", func(honest json.RawMessage) json.RawMessage { return must(json.Marshal(string(honest))) }))
	}
	for _, value := range []string{"null", "true", "false", "0", "1", "1.5", `""`, "[]", "{}"} {
		if !bytes.Equal(honest, []byte(value)) {
			all = append(all, set(value, func(json.RawMessage) json.RawMessage { return json.RawMessage(value) }))
		}
	}
	if others == nil {
		return all
	}
	for _, name := range slices.Sorted(maps.Keys(others(plain(honest)))) {
		all = append(all, set(name, func(honest json.RawMessage) json.RawMessage { return must(json.Marshal(others(plain(honest))[name])) }))
	}
	return all
}

// plain is a value as a text: a string without its quotes, anything else as it is written.
func plain(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}

// A fate is what comes of an answer: a refusal with one of codes, or somebody as told changes them. The zero fate is acceptance, and
// nothing changes.
type fate struct {
	codes []social.Code
	told  func(id *social.Identity)
}

func no(codes ...social.Code) fate { return fate{codes: codes} }

func told(f func(id *social.Identity)) fate { return fate{told: f} }

// A rule says what comes of everything that can be wrong with a member.
type rule struct {
	numbers string // of the requirements and attacks
	fate    fate
	but     map[string]fate // of what comes to something else, by the name of the flaw
	others  func(honest string) claims
}

// of is what comes of a flaw. A member twice is no JSON that counts, and one with a name in another case is not there.
func (r rule) of(flaw string, twice social.Code) fate {
	f, ok := r.but[flaw]
	switch {
	case ok:
		return f
	case flaw == "twice":
		return no(twice)
	case flaw == "in another case":
		return r.of("missing", twice)
	}
	return r.fate
}

type rules map[string]rule

// and is all of these; those of more win.
func (r rules) and(more rules) rules {
	r = maps.Clone(r)
	maps.Copy(r, more)
	return r
}

// each runs a test for every flaw of every member of an honest object. Each member must have its rule, and each rule its member.
func (r rules) each(t *testing.T, honest members, f func(t *testing.T, member string, rule rule, w flaw)) {
	t.Helper()
	for _, member := range slices.Sorted(maps.Keys(honest)) {
		rule, ok := r[member]
		if !ok {
			t.Errorf("nothing says what becomes of a wrong %s: decide, and write a rule", member)
			continue
		}
		all := flaws(honest[member], rule.others)
		for name := range rule.but {
			if !slices.ContainsFunc(all, func(w flaw) bool { return w.name == name }) {
				t.Errorf("the rule of %s speaks of %q, which is none of its flaws", member, name)
			}
		}
		for _, w := range all {
			t.Run(strings.TrimSpace(rule.numbers+" "+member+" "+w.name), func(t *testing.T) { f(t, member, rule, w) })
		}
	}
	for _, member := range slices.Sorted(maps.Keys(r)) {
		if _, ok := honest[member]; !ok {
			t.Errorf("there is a rule for %s, and no such member", member)
		}
	}
}

// met compares what came of an answer with its fate. Whatever it is, nobody becomes another person or gains a right.
func (f fate) met(t *testing.T, honest, got social.Identity, err error) {
	t.Helper()
	if len(f.codes) > 0 {
		r, ok := err.(*social.Refusal)
		if !ok || !slices.Contains(f.codes, r.Code) || got != (social.Identity{}) {
			t.Errorf("Identity = %+v, %s, want a refusal %q", got, describe(err), f.codes)
		}
		return
	}
	want := honest
	if f.told != nil {
		f.told(&want)
	}
	if err != nil || got != want {
		t.Errorf("Identity = %+v, %s, want %+v", got, describe(err), want)
	}
	if got.Issuer != honest.Issuer || got.Subject != honest.Subject || got.Provider != honest.Provider {
		t.Errorf("Identity is %q at %q, want %q at %q as before", got.Subject, got.Issuer, honest.Subject, honest.Issuer)
	}
	if got.Authoritative && !honest.Authoritative {
		t.Error("the provider speaks for the address now, want no right that was not there")
	}
}
