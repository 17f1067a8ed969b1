package gothprovider_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
)

type members = map[string]json.RawMessage

// published reads what Facebook publishes: see the README there.
func published(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "facebook", file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, text []byte) members {
	t.Helper()
	var o members
	if err := json.Unmarshal(text, &o); err != nil || o == nil {
		t.Fatalf("%.100q is no JSON object: %v", text, err)
	}
	return o
}

func write(t *testing.T, o members) []byte {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A graph is Facebook at the host that it has in life, over TLS. It says what it publishes, word for word. Whoever asks for anything else
// fails the test.
type graph struct {
	t         *testing.T
	token, me []byte // what it says
	client    *http.Client
}

func newGraph(t *testing.T) *graph {
	g := &graph{t: t, token: published(t, "token.json"), me: published(t, "me.json")}
	server := httptest.NewTLSServer(g)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}, // the name in httptest's certificate
	}
	t.Cleanup(transport.CloseIdleConnections)
	g.client = &http.Client{Transport: transport}
	return g
}

func (g *graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	proof := hmac.New(sha256.New, []byte(secret))
	proof.Write([]byte("ACCESS-TOKEN"))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodPost && r.Host+r.URL.Path == "graph.facebook.com/oauth/access_token":
		if r.PostForm.Get("code") != "code-1" || r.PostForm.Get("redirect_uri") != callback {
			g.t.Errorf("the token is asked for with %v, want the code and our callback", r.PostForm)
		}
		w.Write(g.token)
	case r.Method == http.MethodGet && r.Host+r.URL.Path == "graph.facebook.com/me":
		if r.Form.Get("access_token") != "ACCESS-TOKEN" || r.Form.Get("appsecret_proof") != hex.EncodeToString(proof.Sum(nil)) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write(published(g.t, "error.json"))
			return
		}
		w.Write(g.me)
	default:
		g.t.Errorf("%s %s%s was asked, want nothing but a token and a profile", r.Method, r.Host, r.URL.Path)
		http.NotFound(w, r)
	}
}

// signIn goes all the way.
func (g *graph) signIn(t *testing.T, answer url.Values) (social.Identity, error) {
	t.Helper()
	p := gothprovider.Facebook(clientID, secret)
	r := social.Request{State: "state-1", Callback: callback, HTTP: g.client}
	if address := begin(t, p, &r); !strings.HasPrefix(address, "https://www.facebook.com/dialog/oauth?") {
		t.Fatalf("people go to %s, want Facebook", address)
	}
	answer.Set("state", r.State)
	return p.Speaker.Verify(t.Context(), r, social.Message{Query: answer})
}

// fate is what comes of a wrong answer: a refusal with one of codes, or somebody as told changes them.
type fate struct {
	codes []social.Code
	told  func(id *social.Identity)
}

func no(codes ...social.Code) fate { return fate{codes: codes} }

// flaws are what can be wrong with a member: it is missing, null, empty, of another type. The value of a missing one is nil.
func flaws(honest json.RawMessage) map[string]json.RawMessage {
	all := map[string]json.RawMessage{
		"missing": nil, "itself in a list": slices.Concat([]byte("["), honest, []byte("]")), "itself in an object": slices.Concat([]byte(`{"value":`), honest, []byte("}")),
	}
	for _, value := range []string{"null", "true", "false", "0", "1", "1.5", `""`, "[]", "{}"} {
		all[value] = json.RawMessage(value)
	}
	if honest[0] != '"' {
		all["itself as a text"], _ = json.Marshal(string(honest))
	}
	return all
}

// A rule says what comes of everything that is wrong with a member, and of what else it may say.
type rule struct {
	numbers string
	fate    fate            // of its flaws
	but     map[string]fate // of some of them, by name
	also    map[string]fate // of further values
}

// each runs a test for every flaw of every member. Each must have its rule.
func each(t *testing.T, honest members, rules map[string]rule, f func(t *testing.T, spoiled members, want fate)) {
	t.Helper()
	for name := range rules {
		if honest[name] == nil {
			t.Errorf("there is a rule for %s, and no such member", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(honest)) {
		rule, ok := rules[name]
		if !ok {
			t.Errorf("nothing says what becomes of a wrong %s: decide, and write a rule", name)
			continue
		}
		try := func(what string, value json.RawMessage, want fate) {
			t.Run(rule.numbers+" "+name+" "+what, func(t *testing.T) {
				spoiled := maps.Clone(honest)
				if spoiled[name] = value; value == nil {
					delete(spoiled, name)
				}
				f(t, spoiled, want)
			})
		}
		all := flaws(honest[name])
		for _, what := range slices.Sorted(maps.Keys(all)) {
			want, ok := rule.but[what]
			if !ok {
				want = rule.fate
			}
			try(what, all[what], want)
		}
		for what := range rule.but {
			if _, ok := all[what]; !ok {
				t.Errorf("the rule of %s speaks of %q, which is none of its flaws", name, what)
			}
		}
		for what, want := range rule.also {
			try(what, json.RawMessage(what), want)
		}
	}
}

// TestPublished holds what Facebook publishes, and one thing that is wrong with it, against what must come of it.
func TestPublished(t *testing.T) {
	g := newGraph(t)
	code := func() url.Values { return url.Values{"code": {"code-1"}} }
	honest := social.Identity{Subject: "USER-ID", Email: "EXAMPLE@EMAIL.COM", Name: "EXAMPLE NAME"}
	met := func(t *testing.T, want fate) {
		t.Helper()
		got, err := g.signIn(t, code())
		if got.Authoritative {
			t.Error("A-101: Facebook speaks for an address, want that it never does")
		}
		if len(want.codes) > 0 {
			r, ok := errors.AsType[*social.Refusal](err)
			if !ok || !slices.Contains(want.codes, r.Code) || got != (social.Identity{}) {
				t.Errorf("Verify = %+v, %v, want a refusal %q", got, err, want.codes)
			}
			return
		}
		somebody := honest
		if want.told != nil {
			want.told(&somebody)
		}
		if err != nil || got != somebody {
			t.Errorf("Verify = %+v, %v, want %+v", got, err, somebody)
		}
	}
	t.Run("R30 as it is published", func(t *testing.T) { met(t, fate{}) })

	noName := fate{told: func(id *social.Identity) { id.Name = "" }}
	noAddress := fate{told: func(id *social.Identity) { id.Email = "" }}
	malformed, nobody := no("userinfo_response"), no("userinfo_subject")
	profile := read(t, g.me)
	t.Run("me", func(t *testing.T) {
		defer func(me []byte) { g.me = me }(g.me)
		each(t, profile, map[string]rule{
			"id": {"A-104 A-105", malformed, map[string]fate{"missing": nobody, "null": nobody, `""`: nobody}, map[string]fate{
				`"0"`: nobody, `" "`: nobody, `"null"`: nobody, `"true"`: nobody, `"USER-ID "`: nobody, `"1e+20"`: nobody, `"ann@example.com"`: nobody, `10158`: malformed, `1e20`: malformed,
				`"` + strings.Repeat("x", 256) + `"`: nobody, `"a\u0000b"`: nobody,
			}},
			"name": {"for show", malformed, map[string]fate{"missing": noName, "null": noName, `""`: noName}, map[string]fate{
				`"Eve"`: {told: func(id *social.Identity) { id.Name = "Eve" }}, `"Eve\r\nBcc: x"`: noName, `"` + strings.Repeat("x", 400) + `"`: noName,
			}},
			"email": {"A-101", malformed, map[string]fate{"missing": noAddress, "null": noAddress, `""`: noAddress}, map[string]fate{
				`"boss@acme.example"`: {told: func(id *social.Identity) { id.Email = "boss@acme.example" }}, `"a@b.example\r\nBcc: c@d.example"`: noAddress, `"` + strings.Repeat("x", 400) + `"`: noAddress,
			}},
			// goth reads it, and it is dropped: nothing asks for it.
			"picture": {"ignored", malformed, map[string]fate{"missing": {}, "null": {}, "{}": {}, "itself in an object": {}}, map[string]fate{`{"data":{}}`: {}, `{"data":{"url":1}}`: malformed}},
		}, func(t *testing.T, spoiled members, want fate) {
			g.me = write(t, spoiled)
			met(t, want)
		})
		for name, value := range map[string]string{
			"verified": "true", "email_verified": "true", "is_verified": "true", "sub": `"boss"`, "user_id": `"boss"`, "third_party_id": `"boss"`, "about": `"boss@acme.example"`, "link": `"https://evil.example"`, "something_new": `{"a":[1,null]}`,
		} {
			t.Run("A-101 ignored "+name, func(t *testing.T) {
				more := maps.Clone(profile)
				more[name] = json.RawMessage(value)
				g.me = write(t, more)
				met(t, fate{})
			})
		}
		for name, text := range map[string]string{"nothing": "", "null": "null", "a list": "[]", "half": `{"id":"USER-ID"`, "a page": "<html>"} {
			t.Run("A-104 "+name, func(t *testing.T) {
				g.me = []byte(text)
				met(t, no("userinfo_response", "userinfo_subject"))
			})
		}
		t.Run("A-104 a refusal", func(t *testing.T) {
			g.me = published(t, "error.json") // with the status of an answer
			met(t, nobody)
		})
	})
	t.Run("token", func(t *testing.T) {
		defer func(token []byte) { g.token = token }(g.token)
		broken := no("token_response")
		each(t, read(t, g.token), map[string]rule{
			"access_token": {"C-02", broken, nil, map[string]fate{`"ANOTHER-TOKEN"`: malformed, `"ACCESS-TOKEN "`: malformed, `"ACCESS-TOKEN&fields=id"`: malformed}},
			// The token goes into the query that Facebook documents, whatever its type is called.
			"token_type": {"C-02 ignored", broken, map[string]fate{"missing": {}, "null": {}, `""`: {}}, map[string]fate{`"Bearer"`: {}, `"mac"`: {}}},
			"expires_in": {"ignored", broken, map[string]fate{"missing": {}, "null": {}, "0": {}, "1": broken, "itself as a text": {}}, map[string]fate{`-1`: broken}}, // one that has ended, or is about to, is of no use
		}, func(t *testing.T, spoiled members, want fate) {
			g.token = write(t, spoiled)
			met(t, want)
		})
		for name, text := range map[string]string{"nothing": "", "null": "null", "a list": "[]", "half": `{"access_token":"ACCESS-TOKEN"`, "an ID token alone": `{"id_token":"x.y.z"}`} {
			t.Run("C-02 A-104 "+name, func(t *testing.T) {
				g.token = []byte(text)
				met(t, broken)
			})
		}
	})
	t.Run("R38 a cancel", func(t *testing.T) {
		q := url.Values{}
		for name, value := range read(t, published(t, "denied.json")) {
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				t.Fatal(err)
			}
			q.Set(name, s)
		}
		got, err := g.signIn(t, q)
		if refused := wantRefusal(t, err, social.CodeCancelled); refused.Public() != "social_cancelled" || got != (social.Identity{}) {
			t.Errorf("Verify = %+v, %q in public, want nobody and social_cancelled", got, refused.Public())
		}
	})
}
