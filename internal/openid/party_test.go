package openid_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
)

func TestNew(t *testing.T) {
	if _, err := openid.New(openid.Config{}); err == nil || !strings.Contains(err.Error(), "Config.HTTP") {
		t.Errorf("New without HTTP = %v, want an error that names it", err)
	}
	if _, err := openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{})), Lifetime: -1}); err == nil || !strings.Contains(err.Error(), "Lifetime") {
		t.Errorf("New with a negative Lifetime = %v, want an error that names it", err)
	}
}

func TestCheck(t *testing.T) {
	strict := must(openid.New(openid.Config{HTTP: must(fetch.New(fetch.Config{}))}))
	good := openid.Party{Issuer: "https://idp.example", ClientID: clientID, Secret: secret}
	for _, c := range []struct {
		name   string
		change func(p *openid.Party)
		want   string // in the error; empty: none
	}{
		{"as it should be", func(*openid.Party) {}, ""},
		{"a path", func(p *openid.Party) { p.Issuer += "/tenant/" }, ""},
		{"a key", func(p *openid.Party) { p.AuthMethod, p.Secret, p.Key = openid.PrivateKey, "", ecKey() }, ""},
		{"A-113 plain http", func(p *openid.Party) { p.Issuer = "http://idp.example" }, "Issuer"},
		{"A-113 file", func(p *openid.Party) { p.Issuer = "file:///etc/passwd" }, "Issuer"},
		{"A-113 a user", func(p *openid.Party) { p.Issuer = "https://a@idp.example" }, "Issuer"},
		{"a query", func(p *openid.Party) { p.Issuer += "?a=b" }, "Issuer"},
		{"the address of its document", func(p *openid.Party) { p.Issuer += "/.well-known/openid-configuration" }, "the issuer alone"},
		{"many tenants", func(p *openid.Party) { p.Issuer = "https://login.microsoftonline.com/common/v2.0" }, "name one by its ID"},
		{"all organizations", func(p *openid.Party) { p.Issuer = "https://login.microsoftonline.com/organizations/v2.0" }, "name one by its ID"},
		{"one tenant", func(p *openid.Party) {
			p.Issuer = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
		}, ""},
		{"a fragment", func(p *openid.Party) { p.Issuer += "#" }, "Issuer"},
		{"no issuer", func(p *openid.Party) { p.Issuer = "" }, "Issuer"},
		{"no client", func(p *openid.Party) { p.ClientID = "" }, "ClientID"},
		{"no secret", func(p *openid.Party) { p.Secret = "" }, "Secret"},
		{"no key", func(p *openid.Party) { p.AuthMethod = openid.PrivateKey }, "Key"},
		{"a small key", func(p *openid.Party) { p.AuthMethod, p.Key = openid.PrivateKey, smallKey() }, "2048"},
		{"a key of another kind", func(p *openid.Party) { p.AuthMethod, p.Key = openid.PrivateKey, edKey() }, "P-256"},
		{"another method", func(p *openid.Party) { p.AuthMethod = "client_secret_jwt" }, "AuthMethod"},
		{"A-111 offline access", func(p *openid.Party) { p.Scopes = []string{"offline_access"} }, "offline_access"},
		{"A-114 a scope with more in it", func(p *openid.Party) { p.Scopes = []string{"email profile"} }, "Scopes"},
		{"A-087 HS256", func(p *openid.Party) { p.Algorithms = []string{"HS256"} }, "Algorithms"},
		{"A-087 none", func(p *openid.Party) { p.Algorithms = []string{"none"} }, "Algorithms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good
			c.change(&p)
			err := strict.Check(p)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestBegin(t *testing.T) {
	p := newOP(t)
	party := p.party()
	party.ACR = "phr phrh"
	t.Run("A-084 A-106 A-111 A-114 the parameters are these and no others", func(t *testing.T) {
		f := begin(t, p, party, openid.Ask{State: "state-1", LoginHint: "ann@acme.example&prompt=none", Fresh: true})
		got := map[string]string{}
		for name, values := range f.to {
			got[name] = strings.Join(values, "|")
		}
		sum := sha256.Sum256([]byte(f.answer.Memory.Verifier))
		want := map[string]string{
			"response_type": "code", "client_id": clientID, "redirect_uri": callback, "scope": "openid email profile", "state": "state-1",
			"nonce": f.answer.Memory.Nonce, "code_challenge": b64(sum[:]), "code_challenge_method": "S256",
			"login_hint": "ann@acme.example&prompt=none", "prompt": "login", "max_age": "0", "acr_values": "phr phrh",
		}
		if !maps.Equal(got, want) {
			t.Errorf("Begin asks with %v, want %v", got, want)
		}
	})
	t.Run("nothing is asked that nobody wants", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{State: "state-1"})
		for _, name := range []string{"login_hint", "prompt", "max_age", "acr_values", "access_type"} {
			if f.to.Has(name) {
				t.Errorf("Begin asks with %s=%q, want not", name, f.to.Get(name))
			}
		}
	})
	t.Run("A-084 A-086 verifier and nonce are never the same, and not short", func(t *testing.T) {
		seen := map[string]bool{}
		for range 20 {
			m := begin(t, p, p.party(), openid.Ask{State: "s"}).answer.Memory
			if seen[m.Nonce] || seen[m.Verifier] || len(m.Nonce) < 22 || len(m.Verifier) < 43 {
				t.Fatalf("nonce %q, verifier %q: want new ones of 128 bits at least", m.Nonce, m.Verifier)
			}
			seen[m.Nonce], seen[m.Verifier] = true, true
		}
	})
}

func TestFinish(t *testing.T) {
	p := newOP(t)
	f := begin(t, p, p.party(), openid.Ask{State: "state-1"})
	c, err := f.finish()
	if err != nil {
		t.Fatalf("Finish = %s, want claims", describe(err))
	}
	want := openid.Claims{Issuer: p.URL, Subject: "ann-1", Email: "ann@acme.example", EmailVerified: true, Session: "session-1"}
	if c.Issuer != want.Issuer || c.Subject != want.Subject || c.Email != want.Email || c.EmailVerified != want.EmailVerified || c.Session != want.Session {
		t.Errorf("Finish = %+v, want %+v", c, want)
	}
	if !c.AuthTime.Equal(now) || !c.IssuedAt.Equal(now) || !c.Expires.Equal(now.Add(5*time.Minute)) || c.Raw != p.idToken {
		t.Errorf("Finish says times %v, %v, %v, want those of the token", c.AuthTime, c.IssuedAt, c.Expires)
	}
	for _, k := range f.trail.Checks {
		if !k.OK {
			t.Errorf("the trail says that %s failed", k.Code)
		}
	}
	if len(f.trail.Checks) < 15 {
		t.Errorf("the trail has %d checks, want every one", len(f.trail.Checks))
	}
	for _, k := range f.trail.Checks {
		if s := k.Expected + k.Received; strings.Contains(s, secret) || strings.Contains(s, f.answer.Memory.Nonce) || strings.Contains(s, access) {
			t.Errorf("the trail gives a secret away: %+v", k)
		}
	}
}

func TestClientAuthentication(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name  string
		party func(q *openid.Party)
		check func(t *testing.T)
	}{
		{"client_secret_basic", func(*openid.Party) {}, func(t *testing.T) {
			if p.basic != [2]string{clientID, url.QueryEscape(secret)} || p.form.Has("client_secret") {
				t.Errorf("the token request says %q and %v, want the secret in its header alone", p.basic, p.form)
			}
		}},
		{"client_secret_post", func(q *openid.Party) { q.AuthMethod = openid.SecretPost }, func(t *testing.T) {
			if p.form.Get("client_id") != clientID || p.form.Get("client_secret") != secret || p.basic != [2]string{} {
				t.Errorf("the token request says %q and %v, want the secret in its form alone", p.basic, p.form)
			}
		}},
		{"private_key_jwt, ECDSA", func(q *openid.Party) { q.AuthMethod, q.Key = openid.PrivateKey, ecKey() }, func(t *testing.T) { assertion(t, p, ecKey()) }},
		{"private_key_jwt, RSA", func(q *openid.Party) { q.AuthMethod, q.Key = openid.PrivateKey, rsaKey() }, func(t *testing.T) { assertion(t, p, rsaKey()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			party := p.party()
			c.party(&party)
			f := begin(t, p, party, openid.Ask{})
			if _, err := f.finish(); err != nil {
				t.Fatalf("Finish = %s, want claims", describe(err))
			}
			c.check(t)
			for name, want := range map[string]string{
				"grant_type": "authorization_code", "code": "code-1", "redirect_uri": callback, "code_verifier": f.answer.Memory.Verifier,
			} {
				if got := p.form[name]; !slices.Equal(got, []string{want}) {
					t.Errorf("A-085 the token request has %s=%q, want %q", name, got, want)
				}
			}
		})
	}
}

// assertion checks that the last token request says who we are as RFC 7523 has it, and in no other way.
func assertion(t *testing.T, p *op, key crypto.Signer) {
	t.Helper()
	if p.form.Has("client_secret") || p.basic != [2]string{} || p.form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		t.Errorf("the token request says %q and %v, want an assertion alone", p.basic, p.form)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(must(openid.KeySet([]crypto.Signer{key})), &set); err != nil || len(set.Keys) != 1 || !set.Keys[0].IsPublic() {
		t.Fatalf("KeySet = %+v, %v, want one public key", set, err)
	}
	tok, err := jwt.ParseSigned(p.form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var c jwt.Claims
	if err := tok.Claims(set, &c); err != nil {
		t.Fatalf("the assertion is not signed with the published key: %v", err)
	}
	if c.Issuer != clientID || c.Subject != clientID || !slices.Equal(c.Audience, jwt.Audience{p.URL + "/token"}) || len(c.ID) < 22 || !c.Expiry.Time().Equal(now.Add(time.Minute)) {
		t.Errorf("the assertion says %+v, want us, for the token address, for a minute", c)
	}
}

func TestCallback(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name, query string
		want        openid.Code
	}{
		{"A-077 nothing", "", openid.CallbackMalformed},
		{"A-085 state twice", "code=a&state=b&state=c", openid.CallbackDuplicate},
		{"A-085 code twice", "code=a&code=a&state=b", openid.CallbackDuplicate},
		{"A-085 iss twice", "code=a&state=b&iss=c&iss=d", openid.CallbackDuplicate},
		{"A-085 anything twice", "code=a&state=b&x=1&x=2", openid.CallbackDuplicate},
		{"A-107 a token and no code", "access_token=a&id_token=b&state=c", openid.CallbackMalformed},
		{"A-108 an error and a code", "error=access_denied&code=a&state=b", openid.CallbackAmbiguous},
		{"A-108 an empty error and a code", "error=&code=a&state=b", openid.CallbackAmbiguous},
		{"A-108 a code of 10 KB", "code=" + strings.Repeat("a", 10<<10), openid.CallbackMalformed},
		{"A-108 a code with a line break", "code=a%0d%0ab&state=b", openid.CallbackMalformed},
		{"a state of 10 KB", "code=a&state=" + strings.Repeat("a", 10<<10), openid.CallbackMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := openid.ParseCallback(must(url.ParseQuery(c.query)))
			refused(t, "ParseCallback", err, c.want)
			if got.Code != "" {
				t.Errorf("ParseCallback answers the code %q beside the refusal", got.Code)
			}
		})
	}
	t.Run("A-085 what would override the token request is ignored", func(t *testing.T) {
		q := must(url.ParseQuery("code=code-1&state=state-1&redirect_uri=https://evil.example&code_verifier=v&client_id=c&grant_type=password&session_state=x"))
		got, err := openid.ParseCallback(q)
		if want := (openid.Callback{State: "state-1", Code: "code-1"}); err != nil || got != want {
			t.Errorf("ParseCallback = %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("A-108 script and 100 KB in an error", func(t *testing.T) {
		for _, said := range []string{"<script>alert(1)</script>", "a\r\nb", strings.Repeat("a", 100<<10), ""} {
			got, err := openid.ParseCallback(url.Values{"error": {said}, "error_description": {said}, "state": {"s"}})
			if err != nil || got.Error != "unreadable" || got.State != "s" {
				t.Errorf("ParseCallback = %.80v, %v, want an error that is unreadable", got, err)
			}
		}
	})
	t.Run("A-108 an error ends it", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{})
		f.answer.Callback = openid.Callback{Error: "access_denied", Code: "code-1"}
		f.refused(openid.ProviderError)
	})
	before := p.count("/token")
	t.Run("A-082 A-081 the answer of another provider", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{})
		f.answer.Callback.Issuer = "https://evil.example"
		f.refused(openid.CallbackIssuer)
		f.answer.Callback.Issuer = p.URL + "/"
		f.refused(openid.CallbackIssuer)
	})
	t.Run("A-082 a provider that names itself, and an answer that does not", func(t *testing.T) {
		q := newOP(t)
		q.doc["authorization_response_iss_parameter_supported"] = true
		f := begin(t, q, q.party(), openid.Ask{})
		f.refused(openid.CallbackIssuer)
		if q.count("/token") != 0 {
			t.Errorf("the code was sent to the provider, want not")
		}
		f.answer.Callback.Issuer = q.URL
		if _, err := f.finish(); err != nil {
			t.Errorf("Finish with its name = %s, want claims", describe(err))
		}
	})
	t.Run("A-081 a request of another connection, or of other settings", func(t *testing.T) {
		for _, change := range []func(m *openid.Memory){
			func(m *openid.Memory) { m.Issuer = "https://other.example" },
			func(m *openid.Memory) { m.ClientID = "other" },
			func(m *openid.Memory) { m.Redirect = callback + "/other" },
			func(m *openid.Memory) { m.Nonce = "" },
			func(m *openid.Memory) { m.Verifier = "" },
		} {
			f := begin(t, p, p.party(), openid.Ask{})
			change(&f.answer.Memory)
			f.refused(openid.RequestChanged)
		}
	})
	if got := p.count("/token"); got != before {
		t.Errorf("A-082 the code was sent to the provider %d times, want never", got-before)
	}
}

func TestTokenResponse(t *testing.T) {
	body := func(s string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, id string) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, strings.ReplaceAll(s, "$ID", id))
		}
	}
	for _, c := range []struct {
		name   string
		tokens func(http.ResponseWriter, *http.Request, string)
		want   openid.Code
	}{
		{"A-104 no ID token", body(`{"access_token":"access-token","token_type":"Bearer"}`), openid.TokenMissing},
		{"A-104 an empty ID token", body(`{"access_token":"access-token","token_type":"Bearer","id_token":""}`), openid.TokenMissing},
		{"A-104 an ID token that is null", body(`{"access_token":"access-token","token_type":"Bearer","id_token":null}`), openid.TokenMissing},
		{"A-104 an ID token that is a number", body(`{"access_token":"access-token","token_type":"Bearer","id_token":1}`), openid.TokenMissing},
		{"C-02 another type of token", body(`{"access_token":"access-token","token_type":"mac","id_token":"$ID"}`), openid.TokenResponse},
		{"C-02 no type of token", body(`{"access_token":"access-token","id_token":"$ID"}`), openid.TokenResponse},
		{"C-02 no access token", body(`{"token_type":"Bearer","id_token":"$ID"}`), openid.TokenResponse},
		{"C-02 a member twice", body(`{"access_token":"access-token","token_type":"Bearer","id_token":"$ID","id_token":"$ID"}`), openid.TokenResponse},
		{"C-02 a list", body(`["$ID"]`), openid.TokenResponse},
		{"C-02 nothing", body(``), openid.TokenResponse},
		{"C-02 a form", func(w http.ResponseWriter, _ *http.Request, id string) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			io.WriteString(w, "access_token=access-token&token_type=Bearer&id_token="+id)
		}, openid.TokenResponse},
		{"C-02 JSON called text", func(w http.ResponseWriter, _ *http.Request, id string) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `{"access_token":"access-token","token_type":"Bearer","id_token":"`+id+`"}`)
		}, openid.TokenResponse},
		{"C-02 a megabyte", func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(bytes.Repeat([]byte(" "), 1<<20))
		}, openid.Code(fetch.TooLarge)},
		{"A-113 a redirect", func(w http.ResponseWriter, r *http.Request, _ string) {
			http.Redirect(w, r, "/canary", http.StatusTemporaryRedirect)
		}, openid.Code(fetch.Redirected)},
		{"A-083 a code that is refused", func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"invalid_grant","error_description":"<script>"}`)
		}, openid.TokenError},
		{"A-108 an error that is no word", func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			io.WriteString(w, `{"error":"<script>"}`)
		}, openid.TokenResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newOP(t)
			p.tokens = c.tokens
			begin(t, p, p.party(), openid.Ask{}).refused(c.want)
			if p.count("/canary") != 0 {
				t.Errorf("the redirect was followed, want not")
			}
		})
	}
	t.Run("a provider that is ill is no refusal", func(t *testing.T) {
		p := newOP(t)
		p.tokens = func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(503) }
		_, err := begin(t, p, p.party(), openid.Ask{}).finish()
		var f *openid.Failure
		if !errors.As(err, &f) || f.Code != openid.TokenFailed {
			t.Errorf("Finish = %v, want a failure %s", err, openid.TokenFailed)
		}
		q := newOP(t)
		g := begin(t, q, q.party(), openid.Ask{})
		q.Close()
		if _, err := g.finish(); !errors.As(err, &f) || f.Code != openid.TokenFailed || f.Reason != fetch.Unreachable {
			t.Errorf("Finish = %v, want a failure %s", err, openid.TokenFailed)
		}
		if strings.Contains(err.Error(), "code-1") || strings.Contains(err.Error(), secret) {
			t.Errorf("the error gives a secret away: %v", err)
		}
	})
}

func TestUserInfo(t *testing.T) {
	said := func(v any) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { answer(w, v) } }
	finish := func(t *testing.T, h http.HandlerFunc, change claims) (*flow, openid.Claims, error) {
		p := newOP(t)
		p.userinfo = h
		f := begin(t, p, p.party(), openid.Ask{})
		p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), change), ecKey())
		f.answer.UserInfo = true
		c, err := f.finish()
		return f, c, err
	}
	t.Run("A-095 somebody else's", func(t *testing.T) {
		for _, sub := range []any{"bob-2", "", nil, "ANN-1", "ann-1 "} {
			_, _, err := finish(t, said(claims{"sub": sub, "name": "Bob"}), nil)
			refused(t, "Finish", err, openid.UserInfoSubject)
		}
		_, _, err := finish(t, said(claims{"sub": 1}), nil)
		refused(t, "Finish", err, openid.UserInfoResponse)
	})
	t.Run("A-095 it overrides nothing", func(t *testing.T) {
		_, c, err := finish(t, said(claims{
			"sub": "ann-1", "iss": "https://evil.example", "aud": "other", "email": "boss@acme.example", "email_verified": true, "acr": "mfa", "amr": []string{"mfa"},
			"groups": []string{"staff"}, "name": "Ann",
		}), claims{"email_verified": false, "groups": []string{"guests"}})
		if err != nil {
			t.Fatalf("Finish = %s, want claims", describe(err))
		}
		if c.Email != "ann@acme.example" || c.EmailVerified || c.ACR != "" || c.AMR != nil || c.Text("acr") != "" {
			t.Errorf("Finish = %+v, want what the ID token says", c)
		}
		if g := c.Texts("groups"); !slices.Equal(g, []string{"guests"}) || c.Text("name") != "Ann" || c.TokenText("name") != "" {
			t.Errorf("groups %q, name %q, want those of the ID token, and what it leaves out", g, c.Text("name"))
		}
	})
	t.Run("A-097 an address of userinfo is not vouched for by the ID token, nor the other way round", func(t *testing.T) {
		_, c, err := finish(t, said(claims{"sub": "ann-1", "email": "boss@acme.example"}), claims{"email": nil})
		if err != nil || c.Email != "" || c.EmailVerified {
			t.Errorf("Finish = %q, verified %v, %v, want no address", c.Email, c.EmailVerified, err)
		}
		_, c, err = finish(t, said(claims{"sub": "ann-1", "email_verified": true}), claims{"email_verified": nil})
		if err != nil || c.Email != "ann@acme.example" || c.EmailVerified {
			t.Errorf("Finish = %q, verified %v, %v, want the address of the ID token, not verified", c.Email, c.EmailVerified, err)
		}
	})
	t.Run("both from userinfo", func(t *testing.T) {
		_, c, err := finish(t, said(claims{"sub": "ann-1", "email": "ann@acme.example", "email_verified": true}), claims{"email": nil, "email_verified": nil})
		if err != nil || c.Email != "ann@acme.example" || !c.EmailVerified {
			t.Errorf("Finish = %q, verified %v, %v, want the address, verified", c.Email, c.EmailVerified, err)
		}
	})
	for name, h := range map[string]http.HandlerFunc{
		"C-11 a token": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jwt")
			io.WriteString(w, "a.b.c")
		},
		"C-11 a member twice": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"sub":"ann-1","sub":"bob-2"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := finish(t, h, nil)
			refused(t, "Finish", err, openid.UserInfoResponse)
		})
	}
}
