package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

const (
	base     = "https://app.example.com/auth/sso"
	callback = base + "/acme/callback"
	logout   = base + "/acme/slo"
	client   = "product"
	secret   = "s3cret/+ %"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ann() ssotest.Person {
	return ssotest.Person{
		Email: "ann@acme.example", Name: "Ann Acre", GivenName: "Ann", FamilyName: "Acre", Subject: "ann-1", Groups: []string{"staff", "admins"}, MultiFactor: true,
	}
}

// A world is Acme's provider and a product that takes its people.
type world struct {
	t        *testing.T
	provider *ssotest.Provider
	protocol *oidc.Protocol
	manager  *sso.Manager
	now      time.Time
}

// newWorld makes a world. The provider is shared by the test: making one takes its time.
func newWorld(t *testing.T, p *ssotest.Provider, change func(c *sso.Connection)) *world {
	t.Helper()
	return newWorldWith(t, p, oidc.Config{AllowPrivate: true, Timeout: 5 * time.Second}, change)
}

func newWorldWith(t *testing.T, p *ssotest.Provider, cfg oidc.Config, change func(c *sso.Connection)) *world {
	t.Helper()
	p.Behave()
	w := &world{t: t, provider: p, now: time.Now()}
	w.protocol = must(oidc.New(cfg))
	acme := connection(p)
	if change != nil {
		change(&acme)
	}
	other := acme
	other.ID, other.AccountID = "other", "acc_other"
	w.manager = must(sso.New(sso.Config{
		BaseURL: base, Keys: [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}, Connections: sso.Fixed{acme, other}, Requests: sso.NewMemory(),
		Logins: sso.NewMemory(), Protocols: []sso.Protocol{w.protocol}, Now: func() time.Time { return w.now },
	}))
	return w
}

func connection(p *ssotest.Provider) sso.Connection {
	return sso.Connection{
		ID: "acme", AccountID: "acc_acme", Name: "Acme", Protocol: "oidc", Domains: []string{"acme.example"},
		OIDC: sso.OIDC{Issuer: p.Issuer(), ClientID: client, Secret: secret},
	}
}

// provider starts Acme's provider, where Ann is signed in.
func provider(t *testing.T) *ssotest.Provider {
	t.Helper()
	p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{ann()}, Settings: ssotest.Settings{SignedInAs: ann().Email}})
	p.RegisterClient(ssotest.Client{
		ID: client, Secret: secret, RedirectURIs: []string{callback, base + "/other/callback"}, PostLogoutRedirectURIs: []string{logout}, RequirePKCE: true,
	})
	return p
}

// begin is where a browser goes.
func (w *world) begin(o sso.Opening) (string, error) {
	d, err := w.manager.Begin(w.t.Context(), "acme", o)
	return d.URL, err
}

// visit goes there, and answers what the browser brings back. Elsewhere than at the provider nobody goes: somebody there answers as
// it pleases him.
func (w *world) visit(address string) url.Values {
	w.t.Helper()
	if !strings.HasPrefix(address, w.provider.BaseURL()+"/") {
		return url.Values{"state": {must(url.Parse(address)).Query().Get("state")}, "code": {"code-1"}, "iss": {w.provider.Issuer()}}
	}
	resp, err := http.DefaultTransport.RoundTrip(must(http.NewRequest(http.MethodGet, address, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
	to, err := resp.Location()
	if err != nil || !strings.HasPrefix(to.String(), callback+"?") {
		w.t.Fatalf("the provider answers %d and sends the browser to %v, want %s", resp.StatusCode, to, callback)
	}
	return to.Query()
}

func message(q url.Values) sso.Message { return sso.Message{RawQuery: q.Encode(), Query: q} }

// arrive takes what a browser brings back.
func (w *world) arrive(q url.Values) (sso.Identity, sso.Report, error) {
	a, err := w.manager.Receive(w.t.Context(), "acme", message(q))
	if err != nil {
		return sso.Identity{}, sso.Report{}, err
	}
	return a.Identity(w.t.Context())
}

// signIn is the whole way.
func (w *world) signIn(o sso.Opening) (sso.Identity, sso.Report, error) {
	w.t.Helper()
	address, err := w.begin(o)
	if err != nil {
		return sso.Identity{}, sso.Report{}, err
	}
	return w.arrive(w.visit(address))
}

func code(err error) string {
	if r, ok := errors.AsType[*sso.Refusal](err); ok {
		return string(r.Code)
	}
	return fmt.Sprint(err)
}

func refused(t *testing.T, what string, err error, want sso.Code) {
	t.Helper()
	if code(err) != string(want) {
		t.Errorf("%s = %s, want a refusal %s", what, code(err), want)
	}
}

func TestNew(t *testing.T) {
	small := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	for field, cfg := range map[string]oidc.Config{"Timeout": {Timeout: -1}, "Keys": {Keys: []crypto.Signer{small}}} {
		if _, err := oidc.New(cfg); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("New = %v, want an error that names Config.%s", err, field)
		}
	}
	if _, err := oidc.New(oidc.Config{}); err != nil {
		t.Errorf("New(zero) = %v, want a protocol", err)
	}
}

func TestCheck(t *testing.T) {
	bare := must(oidc.New(oidc.Config{}))
	keyed := must(oidc.New(oidc.Config{Keys: []crypto.Signer{must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}}))
	for _, c := range []struct {
		name     string
		protocol *oidc.Protocol
		change   func(c *sso.Connection)
		want     string // in the error; empty: none
	}{
		{"as it should be", bare, func(*sso.Connection) {}, ""},
		{"A-113 plain http", bare, func(c *sso.Connection) { c.OIDC.Issuer = "http://idp.acme.example" }, "OIDC.Issuer"},
		{"A-113 file", bare, func(c *sso.Connection) { c.OIDC.Issuer = "file:///etc/passwd" }, "OIDC.Issuer"},
		{"no issuer", bare, func(c *sso.Connection) { c.OIDC.Issuer = "" }, "OIDC.Issuer"},
		{"no client", bare, func(c *sso.Connection) { c.OIDC.ClientID = "" }, "OIDC.ClientID"},
		{"no secret", bare, func(c *sso.Connection) { c.OIDC.Secret = "" }, "OIDC.Secret"},
		{"another method", bare, func(c *sso.Connection) { c.OIDC.AuthMethod = "none" }, "OIDC.AuthMethod"},
		{"a key that we have not", bare, func(c *sso.Connection) { c.OIDC.AuthMethod = "private_key_jwt" }, "needs Keys"},
		{"a key that we have", keyed, func(c *sso.Connection) { c.OIDC.AuthMethod, c.OIDC.Secret = "private_key_jwt", "" }, ""},
		{"A-111 offline access", bare, func(c *sso.Connection) { c.OIDC.Scopes = []string{"offline_access"} }, "OIDC.Scopes"},
		{"A-097 unverified addresses of everybody", bare, func(c *sso.Connection) { c.OIDC.AllowUnverifiedEmail, c.AllowAnyDomain = true, true }, "AllowUnverifiedEmail"},
		{"A-100 everybody at Google", bare, func(c *sso.Connection) { c.OIDC.Issuer, c.AllowAnyDomain = "https://accounts.google.com", true }, "AllowAnyDomain"},
		{"A-100 a company at Google", bare, func(c *sso.Connection) { c.OIDC.Issuer = "https://accounts.google.com" }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			acme := sso.Connection{ID: "acme", Protocol: "oidc", Domains: []string{"acme.example"}, OIDC: sso.OIDC{Issuer: "https://idp.acme.example", ClientID: client, Secret: secret}}
			c.change(&acme)
			err := c.protocol.Check(acme)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	p := provider(t)
	t.Run("R91 R21 somebody arrives", func(t *testing.T) {
		w := newWorld(t, p, func(c *sso.Connection) { c.Roles = []sso.RoleRule{{Group: "admins", Role: "admin"}} })
		id, rep, err := w.signIn(sso.Opening{LoginHint: ann().Email})
		if err != nil {
			t.Fatalf("Identity = %s, want Ann\n%+v", code(err), rep)
		}
		if id.Subject != "ann-1" || id.Email != ann().Email || id.Name != "Ann Acre" || id.GivenName != "Ann" || id.FamilyName != "Acre" ||
			!slices.Equal(id.Groups, ann().Groups) || id.Role != "admin" || !id.MultiFactor || id.AuthTime.IsZero() || id.Login.Index == "" || len(id.Login.Token) == 0 {
			t.Errorf("Identity = %+v, want Ann with all that is known of her", id)
		}
		for _, want := range []sso.Code{
			sso.CodeTokenIssuer, sso.CodeTokenAudience, sso.CodeTokenNonce, sso.CodeTokenSignature, sso.CodeTokenExpired, sso.CodeTokenSubject,
			sso.CodeCallbackIssuer, sso.CodeEmailUnverified,
		} {
			if !slices.ContainsFunc(rep.Checks, func(c sso.Check) bool { return c.Code == want && c.OK }) {
				t.Errorf("the report does not say that %s was met: %+v", want, rep)
			}
		}
		for _, c := range rep.Checks {
			if !c.OK || strings.Contains(c.Expected+c.Received+c.Detail, secret) {
				t.Errorf("the report says %+v, want no failure and no secret", c)
			}
		}
	})
	for _, method := range []string{"client_secret_post", "private_key_jwt"} {
		t.Run("R91 with "+method, func(t *testing.T) {
			key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
			q := provider(t)
			q.RegisterClient(ssotest.Client{ID: client, Secret: secret, Key: &jose.JSONWebKey{Key: key.Public(), Algorithm: "ES256"}, RedirectURIs: []string{callback}})
			w := newWorldWith(t, q, oidc.Config{AllowPrivate: true, Keys: []crypto.Signer{key}}, func(c *sso.Connection) { c.OIDC.AuthMethod = method })
			if _, rep, err := w.signIn(sso.Opening{}); err != nil {
				t.Errorf("Identity = %s, want Ann\n%+v", code(err), rep)
			}
		})
	}
	t.Run("R90 attributes where the connection says", func(t *testing.T) {
		w := newWorld(t, p, func(c *sso.Connection) {
			c.Attributes = sso.Attributes{Subject: "oid", Email: "upn", Name: "nick", Groups: "roles"}
			c.OIDC.AllowUnverifiedEmail = true
		})
		p.MangleIDToken(func(_, c ssotest.Claims) {
			c.SetString("oid", "object-1")
			c.SetString("upn", "Ann@Acme.example")
			c.SetString("nick", "Annie")
			c["roles"] = []byte(`["boss"]`)
		})
		id, _, err := w.signIn(sso.Opening{})
		if err != nil || id.Subject != "object-1" || id.Email != "ann@acme.example" || id.Name != "Annie" || !slices.Equal(id.Groups, []string{"boss"}) {
			t.Errorf("Identity = %+v, %s, want what the connection maps", id, code(err))
		}
		_, _, err = w.signIn(sso.Opening{})
		refused(t, "Identity without the claim that names people", err, sso.CodeSubject)
		if r, _ := errors.AsType[*sso.Refusal](err); r == nil || !strings.Contains(r.Expected, "oid") {
			t.Errorf("the refusal is %+v, want the name of the claim in it", r)
		}
	})
	t.Run("userinfo for what the ID token leaves out", func(t *testing.T) {
		w := newWorld(t, p, func(c *sso.Connection) { c.OIDC.UserInfo = true })
		p.MangleIDToken(func(_, c ssotest.Claims) {
			for _, name := range []string{"email", "email_verified", "name", "groups"} {
				delete(c, name)
			}
		})
		id, _, err := w.signIn(sso.Opening{})
		if err != nil || id.Email != ann().Email || id.Name != "Ann Acre" || len(id.Groups) != 2 {
			t.Errorf("Identity = %+v, %s, want Ann with all that is known of her", id, code(err))
		}
	})
	t.Run("R90 no address at all", func(t *testing.T) {
		w := newWorld(t, p, nil)
		p.MangleIDToken(func(_, c ssotest.Claims) { delete(c, "email"); delete(c, "email_verified") })
		_, _, err := w.signIn(sso.Opening{})
		refused(t, "Identity", err, sso.CodeEmailMissing)
	})
	t.Run("R21 an address that is not the company's", func(t *testing.T) {
		w := newWorld(t, p, nil)
		p.MangleIDToken(func(_, c ssotest.Claims) { c.SetString("email", "ann@globex.example") })
		_, _, err := w.signIn(sso.Opening{})
		refused(t, "Identity", err, sso.CodeEmailDomain)
	})
	t.Run("R88 a test goes on after the first fault", func(t *testing.T) {
		w := newWorld(t, p, nil)
		p.MangleIDToken(func(_, c ssotest.Claims) { c.SetString("iss", "https://other.example"); c.SetString("nonce", "x") })
		q := w.visit(must(w.begin(sso.Opening{Test: true})))
		a, err := w.manager.Receive(t.Context(), "acme", message(q))
		if err != nil {
			t.Fatal(err)
		}
		rep, _, err := a.DryRun(t.Context())
		refused(t, "DryRun", err, sso.CodeTokenIssuer)
		if !slices.ContainsFunc(rep.Checks, func(c sso.Check) bool { return c.Code == sso.CodeTokenNonce && !c.OK }) {
			t.Errorf("the report does not tell of the nonce: %+v", rep)
		}
	})
}

func TestBegin(t *testing.T) {
	p := provider(t)
	w := newWorld(t, p, func(c *sso.Connection) { c.OIDC.ACR = "phr" })
	t.Run("A-084 A-106 A-114 R-08 the parameters are these and no others", func(t *testing.T) {
		u := must(url.Parse(must(w.begin(sso.Opening{Fresh: true, LoginHint: ann().Email}))))
		q := u.Query()
		names := []string{"acr_values", "client_id", "code_challenge", "code_challenge_method", "login_hint", "max_age", "nonce", "prompt", "redirect_uri", "response_type", "scope", "state"}
		var got []string
		for name := range q {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, names) || q.Get("redirect_uri") != callback || q.Get("scope") != "openid email profile" || q.Get("code_challenge_method") != "S256" || q.Get("prompt") != "login" {
			t.Errorf("Begin asks with %v, want %v", q, names)
		}
	})
	t.Run("A-113 issuers within our network", func(t *testing.T) {
		for _, issuer := range []string{
			"https://127.0.0.1:1", "https://[::1]:1", "https://[::ffff:127.0.0.1]:1", "https://169.254.169.254", "https://10.0.0.1", "https://localhost:1",
			"https://[64:ff9b::7f00:1]:1",
		} {
			w := newWorldWith(t, p, oidc.Config{}, func(c *sso.Connection) { c.OIDC.Issuer = issuer })
			_, err := w.begin(sso.Opening{})
			refused(t, "Begin at "+issuer, err, sso.CodeFetchPrivate)
		}
		w := newWorldWith(t, p, oidc.Config{}, func(c *sso.Connection) { c.OIDC.Issuer = "https://2130706433" })
		_, err := w.begin(sso.Opening{})
		refused(t, "Begin at a number", err, sso.CodeFetchAddress)
	})
}

// TestCallback is about what happens between two connections, and twice.
func TestCallback(t *testing.T) {
	p := provider(t)
	w := newWorld(t, p, nil)
	t.Run("A-080 an answer twice", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		if _, _, err := w.arrive(q); err != nil {
			t.Fatalf("the first time = %s, want Ann", code(err))
		}
		_, _, err := w.arrive(q)
		refused(t, "the second time", err, sso.CodeRequestUnknown)
	})
	t.Run("A-081 an answer at another connection", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		p.Visits()
		_, err := w.manager.Receive(t.Context(), "other", message(q))
		refused(t, "Receive", err, sso.CodeRequestConnection)
		if v := p.Visits(); len(v) != 0 {
			t.Errorf("A-082 the provider was asked %q, want nothing", v)
		}
		_, _, err = w.arrive(q)
		refused(t, "Receive where it belongs, afterwards", err, sso.CodeRequestUnknown)
	})
	t.Run("A-082 an answer of another provider, and the code stays here", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		q.Set("iss", "https://evil.example")
		p.Visits()
		_, _, err := w.arrive(q)
		refused(t, "Identity", err, sso.CodeCallbackIssuer)
		if v := p.Visits(); len(v) != 0 {
			t.Errorf("the provider was asked %q, want nothing", v)
		}
	})
	t.Run("A-108 what is wrong with an answer does not keep its request alive", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		bad := url.Values{"state": q["state"], "code": q["code"], "error": {"access_denied"}}
		_, _, err := w.arrive(bad)
		refused(t, "Identity", err, sso.CodeCallbackAmbiguous)
		_, _, err = w.arrive(q)
		refused(t, "the honest answer afterwards", err, sso.CodeRequestUnknown)
	})
	t.Run("A-085 state twice", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		_, _, err := w.arrive(url.Values{"state": {q.Get("state"), "x"}, "code": q["code"], "iss": q["iss"]})
		refused(t, "Identity", err, sso.CodeCallbackDuplicate)
		if _, _, err := w.arrive(q); err != nil {
			t.Errorf("the honest answer afterwards = %s, want Ann: nobody knows which request the other was for", code(err))
		}
	})
	t.Run("A-078 an answer with the state of another request than the one that was taken", func(t *testing.T) {
		r := sso.Request{
			Connection: connection(p), Addresses: sso.Addresses{Callback: callback}, Handle: "state-1", MadeAt: w.now, Now: w.now,
		}
		d, err := w.protocol.Begin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		q := w.visit(d.URL)
		r.Handle, r.Memory = "state-2", d.Memory
		_, err = w.protocol.Verify(t.Context(), r, message(q), &sso.Report{})
		refused(t, "Verify", err, sso.CodeCallbackMalformed)
	})
	t.Run("A-107 a posted answer with tokens", func(t *testing.T) {
		q := w.visit(must(w.begin(sso.Opening{})))
		_, err := w.manager.Receive(t.Context(), "acme", sso.Message{Post: true, Query: q, Form: url.Values{"id_token": {"a.b.c"}, "state": q["state"]}})
		refused(t, "Receive", err, sso.CodeCallbackMethod)
	})
	t.Run("A-083 a code of another request", func(t *testing.T) {
		one, two := w.visit(must(w.begin(sso.Opening{}))), w.visit(must(w.begin(sso.Opening{})))
		one["code"] = two["code"]
		_, _, err := w.arrive(one)
		refused(t, "Identity", err, sso.CodeTokenError)
	})
	t.Run("a code that was kept too long", func(t *testing.T) {
		late := newWorld(t, p, nil)
		q := late.visit(must(late.begin(sso.Opening{})))
		late.now = late.now.Add(11 * time.Minute)
		_, _, err := late.arrive(q)
		refused(t, "Identity", err, sso.CodeRequestUnknown)
	})
	t.Run("a provider that is gone is no refusal", func(t *testing.T) {
		nobody := newWorldWith(t, p, oidc.Config{AllowPrivate: true}, func(c *sso.Connection) { c.OIDC.Issuer = "http://127.0.0.1:1" })
		if _, err := nobody.begin(sso.Opening{}); err == nil || strings.HasPrefix(code(err), "discovery") || strings.HasPrefix(code(err), "fetch") {
			t.Errorf("Begin = %s, want an error that is no refusal", code(err))
		}
	})
}

func TestFresh(t *testing.T) {
	p := provider(t)
	for _, a := range []ssotest.Attack{ssotest.AuthTimeOld, ssotest.AuthTimeMissing} {
		t.Run("C-09 "+a.Name(), func(t *testing.T) {
			w := newWorld(t, p, nil)
			p.Hostile(a)
			_, _, err := w.signIn(sso.Opening{Fresh: true})
			refused(t, "Identity", err, sso.CodeTokenAuthTime)
		})
	}
	t.Run("C-09 signed in anew", func(t *testing.T) {
		if _, _, err := newWorld(t, p, nil).signIn(sso.Opening{Fresh: true}); err != nil {
			t.Errorf("Identity = %s, want Ann", code(err))
		}
	})
}

func TestContext(t *testing.T) {
	p := provider(t)
	w := newWorld(t, p, func(c *sso.Connection) { c.OIDC.ACR = ssotest.MultiFactorContext })
	if id, _, err := w.signIn(sso.Opening{}); err != nil || !id.MultiFactor {
		t.Errorf("Identity with what was asked for = %+v, %s, want Ann with two steps", id, code(err))
	}
	for _, a := range []ssotest.Attack{ssotest.ACRMissing, ssotest.ACRWeak} {
		t.Run("C-09 "+a.Name(), func(t *testing.T) {
			w.provider.Behave()
			p.Hostile(a)
			_, _, err := w.signIn(sso.Opening{})
			refused(t, "Identity", err, sso.CodeTokenContext)
		})
	}
}

func TestMetadata(t *testing.T) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p := must(oidc.New(oidc.Config{Keys: []crypto.Signer{key}}))
	if _, _, ok, err := p.Metadata(sso.Connection{}, sso.Addresses{}); ok || err != nil {
		t.Errorf("Metadata of a connection with a secret = %v, %v, want none", ok, err)
	}
	doc, typ, ok, err := p.Metadata(sso.Connection{OIDC: sso.OIDC{AuthMethod: "private_key_jwt"}}, sso.Addresses{})
	if err != nil || !ok || typ != "application/jwk-set+json" || !strings.Contains(string(doc), `"kty":"EC"`) || strings.Contains(string(doc), `"d":`) {
		t.Errorf("Metadata = %s, %s, %v, %v, want our public key", doc, typ, ok, err)
	}
}
