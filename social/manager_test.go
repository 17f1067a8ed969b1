package social_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

func TestNew(t *testing.T) {
	named := func(change func(p *social.Provider)) []social.Provider {
		p := social.Google("client", "secret")
		change(&p)
		return []social.Provider{p}
	}
	issuer := func(change func(o *social.OpenID)) []social.Provider {
		return named(func(p *social.Provider) { change(p.OpenID) })
	}
	apple := func(change func(c *social.AppleConfig)) []social.Provider {
		c := appleConfig()
		change(&c)
		return []social.Provider{social.Apple(c)}
	}
	google := social.Google("client", "secret")
	const face = "https://face.example"
	spoken := func(id, issuer string) social.Provider {
		return social.Provider{ID: id, Name: "X", Issuer: issuer, Speaker: &speaker{}}
	}
	for _, c := range []struct {
		name   string
		change func(c *social.Config)
		want   string // in the error; empty: none
	}{
		{"as it should be", func(*social.Config) {}, ""},
		{"localhost", func(c *social.Config) { c.BaseURL = "http://localhost:8080/auth/social/" }, ""},
		{"a test network", func(c *social.Config) { c.BaseURL, c.InsecureHTTP = "http://app.test/auth/social", true }, ""},
		{"several", func(c *social.Config) {
			c.Providers = []social.Provider{google, social.Microsoft("c", "s"), social.LinkedIn("c", "s"), social.Apple(appleConfig())}
		}, ""},
		{"A-106 no address of ours", func(c *social.Config) { c.BaseURL = "" }, "Config.BaseURL"},
		{"A-106 a path", func(c *social.Config) { c.BaseURL = "/auth/social" }, "Config.BaseURL"},
		{"A-106 plain http", func(c *social.Config) { c.BaseURL = "http://app.example.com/auth/social" }, "Config.BaseURL"},
		{"A-106 a query", func(c *social.Config) { c.BaseURL += "?a=b" }, "Config.BaseURL"},
		{"A-106 an empty query", func(c *social.Config) { c.BaseURL += "?" }, "Config.BaseURL"},
		{"A-106 a fragment", func(c *social.Config) { c.BaseURL += "#a" }, "Config.BaseURL"},
		{"A-106 a user", func(c *social.Config) { c.BaseURL = "https://a@app.example.com" }, "Config.BaseURL"},
		{"no keys", func(c *social.Config) { c.Keys = nil }, "Config.Keys"},
		{"a short key", func(c *social.Config) { c.Keys = [][]byte{make([]byte, 16)} }, "Config.Keys"},
		{"no requests", func(c *social.Config) { c.Requests = nil }, "Config.Requests"},
		{"time running backwards", func(c *social.Config) { c.Timeout = -1 }, "Config.Timeout"},
		{"no providers", func(c *social.Config) { c.Providers = nil }, "Config.Providers"},
		{"R30 the same ID twice", func(c *social.Config) {
			c.Providers = []social.Provider{google, social.OpenIDConnect("google", "X", "https://x.example", "c", "s")}
		}, `Config.Providers[1] "google": its ID is there twice`},
		{"R30 no ID", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.ID = "" }) }, "ID"},
		{"R30 an ID in capitals", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.ID = "Google" }) }, "ID"},
		{"R30 an ID with a slash", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.ID = "a/b" }) }, "ID"},
		{"R30 a long ID", func(c *social.Config) {
			c.Providers = named(func(p *social.Provider) { p.ID = strings.Repeat("a", 33) })
		}, "ID"},
		{"no name", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.Name = "" }) }, "Name"},
		{"a name of two lines", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.Name = "a\nb" }) }, "Name"},
		{"neither OpenID nor Speaker", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.OpenID = nil }) }, "OpenID or Speaker"},
		{"both", func(c *social.Config) { c.Providers = named(func(p *social.Provider) { p.Speaker = &speaker{} }) }, "do not go together"},
		{"both issuers", func(c *social.Config) {
			c.Providers = named(func(p *social.Provider) { p.Issuer = "https://x.example" })
		}, "Issuer is for a Speaker, and"},
		{"a Speaker that is not ready", func(c *social.Config) {
			c.Providers = []social.Provider{{ID: "x", Name: "X", Speaker: &speaker{check: errors.New("Key is required")}}}
		}, `"x": Key is required`},
		{"no client", func(c *social.Config) { c.Providers = issuer(func(o *social.OpenID) { o.ClientID = "" }) }, "OpenID.ClientID"},
		{"no secret", func(c *social.Config) { c.Providers = issuer(func(o *social.OpenID) { o.Secret = "" }) }, "OpenID.Secret"},
		{"A-113 plain http", func(c *social.Config) { c.Providers = issuer(func(o *social.OpenID) { o.Issuer = "http://x.example" }) }, "Config.AllowPrivate"},
		{"the issuer of many tenants", func(c *social.Config) {
			c.Providers = issuer(func(o *social.OpenID) { o.Issuer = "https://login.microsoftonline.com/common/v2.0" })
		}, "see Microsoft"},
		{"A-111 offline access", func(c *social.Config) {
			c.Providers = issuer(func(o *social.OpenID) { o.Scopes = []string{"offline_access"} })
		}, "OpenID.Scopes"},
		{"A-091 an alias at plain http", func(c *social.Config) {
			c.Providers = issuer(func(o *social.OpenID) { o.Aliases = []string{"http://x.example"} })
		}, "OpenID.Aliases"},
		{"A-099 a tenant by its domain", func(c *social.Config) {
			c.Providers = []social.Provider{social.Microsoft("c", "s", "acme.example", tenant)}
		}, "OpenID.Tenants"},
		{"no issuer of LastPass", func(c *social.Config) { c.Providers = []social.Provider{social.LastPass("", "c", "s")} }, "OpenID.Issuer"},
		{"no team", func(c *social.Config) { c.Providers = apple(func(a *social.AppleConfig) { a.TeamID = "" }) }, "AppleConfig.TeamID"},
		{"no key ID", func(c *social.Config) { c.Providers = apple(func(a *social.AppleConfig) { a.KeyID = "" }) }, "AppleConfig.KeyID"},
		{"no key", func(c *social.Config) { c.Providers = apple(func(a *social.AppleConfig) { a.Key = nil }) }, "AppleConfig.Key"},
		{"a key of another kind", func(c *social.Config) {
			c.Providers = apple(func(a *social.AppleConfig) { _, a.Key, _ = ed25519.GenerateKey(rand.Reader) })
		}, "AppleConfig.Key"},
		{"a key of another curve", func(c *social.Config) {
			c.Providers = apple(func(a *social.AppleConfig) { a.Key = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
		}, "AppleConfig.Key"},
		{"nothing at all for Apple", func(c *social.Config) { c.Providers = []social.Provider{social.Apple(social.AppleConfig{})} }, "AppleConfig"},
		{"A-081 two with one issuer", func(c *social.Config) {
			c.Providers = []social.Provider{google, social.OpenIDConnect("second", "X", "https://accounts.google.com", "c", "s")}
		}, `"second": its issuer is also that of "google"`},
		{"A-081 two with one issuer, by its other name", func(c *social.Config) {
			c.Providers = []social.Provider{social.Apple(appleConfig()), social.OpenIDConnect("second", "X", "https://account.apple.com", "c", "s")}
		}, `also that of "apple"`},
		{"A-081 a tenant, and all of them", func(c *social.Config) {
			second := social.Microsoft("c", "s", tenant)
			second.ID = "second"
			c.Providers = []social.Provider{social.Microsoft("c", "s"), second}
		}, `also that of "microsoft"`},
		{"A-081 all tenants, and one of them", func(c *social.Config) {
			second := social.Microsoft("c", "s", tenant)
			second.ID = "second"
			c.Providers = []social.Provider{second, social.Microsoft("c", "s")}
		}, `also that of "second"`},
		{"A-081 two Speakers with one issuer", func(c *social.Config) { c.Providers = []social.Provider{spoken("x", face), spoken("second", face)} },
			`"second": its issuer is also that of "x"`},
		{"A-081 a Speaker with an OpenID provider's", func(c *social.Config) {
			c.Providers = []social.Provider{google, spoken("second", "https://accounts.google.com")}
		},
			`also that of "google"`},
		{"A-081 a Speaker with a tenant's", func(c *social.Config) {
			c.Providers = []social.Provider{social.Microsoft("c", "s"), spoken("second", "https://login.microsoftonline.com/"+tenant+"/v2.0")}
		}, `also that of "microsoft"`},
		{"A-081 an OpenID provider with a Speaker's", func(c *social.Config) {
			c.Providers = []social.Provider{spoken("x", "https://account.apple.com"), social.Apple(appleConfig())}
		}, `also that of "x"`},
		{"A-091 a Speaker without an issuer", func(c *social.Config) { c.Providers = []social.Provider{spoken("x", "")} }, "its Issuer"},
		{"A-091 an issuer that is a name", func(c *social.Config) { c.Providers = []social.Provider{spoken("x", "face")} }, "its Issuer"},
		{"A-091 an issuer at plain http", func(c *social.Config) { c.Providers = []social.Provider{spoken("x", "http://face.example")} }, "its Issuer"},
		{"A-091 an issuer with a query", func(c *social.Config) { c.Providers = []social.Provider{spoken("x", face+"?a")} }, "its Issuer"},
		{"A-091 a long issuer", func(c *social.Config) {
			c.Providers = []social.Provider{spoken("x", face+"/"+strings.Repeat("a", 512))}
		}, "its Issuer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: []social.Provider{google}, Requests: social.NewMemory()}
			c.change(&cfg)
			m, err := social.New(cfg)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("New = %v, want an error with %q", err, c.want)
			}
			if (m == nil) != (err != nil) {
				t.Errorf("New = %v, %v, want one of them", m, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") && !strings.Contains(c.want, "secret") {
				t.Errorf("the error gives a secret away: %v", err)
			}
		})
	}
}

func TestProviders(t *testing.T) {
	p := social.Google("client", "hush")
	h := newHouse(t, &clock{now: start}, p, social.Apple(appleConfig()), social.LinkedIn("c", "hush"))
	var ids []string
	for _, p := range h.Providers() {
		ids = append(ids, p.ID)
		if p.OpenID.Secret != "" {
			t.Errorf("Providers shows the secret of %q", p.ID)
		}
	}
	if want := []string{"google", "apple", "linkedin"}; !slices.Equal(ids, want) {
		t.Errorf("Providers = %q, want %q, in the order of the Config", ids, want)
	}
	got, ok := h.Provider("google")
	if !ok || got.Name != "Google" || got.OpenID.ClientID != "client" || got.OpenID.Secret != "" {
		t.Errorf("Provider = %+v, %v, want Google without its secret", got, ok)
	}
	if a, _ := h.Provider("apple"); !a.Posts() || !a.Notices() {
		t.Error("Provider forgets that Apple posts, and sends notices")
	}
	t.Run("R30 one that there is not", func(t *testing.T) {
		if p, ok := h.Provider("facebook"); ok || p.ID != "" {
			t.Errorf("Provider = %+v, %v, want none", p, ok)
		}
		_, err1 := h.Begin(t.Context(), "facebook", social.Opening{})
		_, err2 := h.Receive(t.Context(), "facebook", social.Message{})
		_, err3 := h.Notice(t.Context(), "facebook", social.Message{})
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, social.ErrNotFound) {
				t.Errorf("an unknown provider = %v, want ErrNotFound", err)
			}
		}
	})
	t.Run("nobody changes what a Manager works with", func(t *testing.T) {
		p.OpenID.Issuer = "https://evil.example"
		got.OpenID.Issuer = "https://evil.example"
		h.Providers()[0].OpenID.Issuer = "https://evil.example"
		if now, _ := h.Provider("google"); now.OpenID.Issuer != "https://accounts.google.com" {
			t.Errorf("the issuer is %q, want what it was", now.OpenID.Issuer)
		}
		c := &clock{now: start}
		q := newOP(t, c)
		ms := microsoft(q, tenant, otherTenant)
		ms.OpenID.Scopes = []string{"email"}
		g := newHouse(t, c, ms)
		shown, _ := g.Provider("microsoft")
		ms.OpenID.Tenants[0], shown.OpenID.Tenants[1], ms.OpenID.Scopes[0] = consumers, consumers, "everything"
		if now, _ := g.Provider("microsoft"); !slices.Equal(now.OpenID.Tenants, []string{tenant, otherTenant}) {
			t.Errorf("the tenants are %q, want what they were", now.OpenID.Tenants)
		}
		q.says = claims{"iss": q.URL + "/" + consumers + "/v2.0", "tid": consumers}
		_, err := g.signIn(q, "microsoft", social.Opening{})
		failed(t, "A-099 a tenant that was added afterwards", err, "id_token_tid")
		if scope := must(url.Parse(g.begin("microsoft", social.Opening{}))).Query().Get("scope"); scope != "openid email" {
			t.Errorf("Begin asks for %q, want what was configured", scope)
		}
	})
	t.Run("A-082 A-106 each has its own address, from configuration", func(t *testing.T) {
		if got, want := h.Callback("google"), base+"/google/callback"; got != want {
			t.Errorf("Callback = %q, want %q", got, want)
		}
	})
}

func TestBegin(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	h := newHouse(t, c, google(p))
	t.Run("A-079 state is ours, and new each time", func(t *testing.T) {
		seen := map[string]bool{}
		for range 20 {
			state := must(url.Parse(h.begin("google", social.Opening{}))).Query().Get("state")
			if seen[state] || len(state) < 47 {
				t.Fatalf("state %q, want a new one of 256 bits", state)
			}
			seen[state] = true
		}
	})
	t.Run("A-111 what is kept is sealed", func(t *testing.T) {
		address := h.begin("google", social.Opening{State: []byte("the state of a caller")})
		row := h.rows.last
		q := must(url.Parse(address)).Query()
		for _, s := range []string{"the state of a caller", q.Get("nonce"), q.Get("state"), "google-client"} {
			if bytes.Contains(row.Body, []byte(s)) || bytes.Contains(row.Body, must(json.Marshal([]byte(s)))) {
				t.Errorf("the row shows %q", s)
			}
		}
		if strings.Contains(address, "the+state") || strings.Contains(address, "google-secret") {
			t.Errorf("the address %q says what is not for the provider", address)
		}
		if row.Provider != "google" || !row.MadeAt.Equal(start) || !row.ExpiresAt.Equal(start.Add(10*time.Minute)) {
			t.Errorf("the row is %q, from %v to %v, want google, for ten minutes", row.Provider, row.MadeAt, row.ExpiresAt)
		}
	})
	t.Run("how much is kept", func(t *testing.T) {
		big := bytes.Repeat([]byte("x"), 4<<10)
		a, err := h.Receive(t.Context(), "google", p.visit(h.begin("google", social.Opening{State: big})))
		if err != nil || !bytes.Equal(a.State, big) {
			t.Errorf("Receive = %d bytes, %s, want 4 KiB", len(a.State), describe(err))
		}
		if _, err := h.Begin(t.Context(), "google", social.Opening{State: append(big, 'x')}); err == nil || !strings.Contains(err.Error(), "Opening.State") {
			t.Errorf("Begin = %v, want an error that names Opening.State", err)
		}
	})
	t.Run("A-114 a hint that is no address does not travel", func(t *testing.T) {
		for _, hint := range []string{strings.Repeat("a", 321), "ann@acme.example\r\nx: y", "\u202eann@acme.example"} {
			if q := must(url.Parse(h.begin("google", social.Opening{LoginHint: hint}))).Query(); q.Has("login_hint") {
				t.Errorf("Begin asks with login_hint %q, want none", q.Get("login_hint"))
			}
		}
		q := must(url.Parse(h.begin("google", social.Opening{LoginHint: "a@b.example&prompt=none&redirect_uri=https://evil.example"}))).Query()
		if q.Has("prompt") || len(q["redirect_uri"]) != 1 || q.Get("redirect_uri") != base+"/google/callback" {
			t.Errorf("Begin asks with %v, want the hint in its place", q)
		}
	})
	t.Run("R31 a provider that cannot be reached, and one that is wrong", func(t *testing.T) {
		q := newOP(t, c)
		h := newHouse(t, c, google(q))
		q.broken = 503
		_, err := h.Begin(t.Context(), "google", social.Opening{})
		if r, ok := errors.AsType[*social.Refusal](err); err == nil || ok {
			t.Errorf("Begin = %v, want an error that is no refusal", r)
		}
		c.add(time.Minute)
		q.broken, q.issuer = 0, "https://evil.example"
		_, err = h.Begin(t.Context(), "google", social.Opening{})
		failed(t, "A-096 Begin", err, "discovery_issuer")
	})
	t.Run("a store that is broken", func(t *testing.T) {
		m := must(social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: []social.Provider{google(p)}, Requests: brokenRows{}, AllowPrivate: true, Now: c.Now}))
		if address, err := m.Begin(t.Context(), "google", social.Opening{}); !errors.Is(err, errBroken) {
			t.Errorf("Begin = %q, %v, want the store's error", address, err)
		}
		_, err := m.Receive(t.Context(), "google", social.Message{Query: url.Values{"state": {"soc_" + strings.Repeat("a", 43)}}})
		if r, ok := errors.AsType[*social.Refusal](err); ok || !errors.Is(err, errBroken) {
			t.Errorf("Receive = %v, %v, want the store's error", r, err)
		}
	})
}

var errBroken = errors.New("disk full")

type brokenRows struct{}

func (brokenRows) CreateSocialRequest(context.Context, [32]byte, social.RequestRow, time.Time) error {
	return errBroken
}

func (brokenRows) TakeSocialRequest(context.Context, [32]byte, time.Time) (social.RequestRow, error) {
	return social.RequestRow{}, errBroken
}

// TestOutside holds the Manager's one way out against its limits.
func TestOutside(t *testing.T) {
	c := &clock{now: start}
	t.Run("A-113 this machine, unless it is allowed", func(t *testing.T) {
		tls := httptest.NewTLSServer(nil)
		t.Cleanup(tls.Close)
		m := must(social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Requests: social.NewMemory(), Now: c.Now, Providers: []social.Provider{
			social.OpenIDConnect("corp", "Corp", tls.URL, "c", "s"),
		}}))
		_, err := m.Begin(t.Context(), "corp", social.Opening{})
		failed(t, "Begin", err, "fetch_private")
	})
	t.Run("A-113 a redirect", func(t *testing.T) {
		p := newOP(t, c)
		h := newHouse(t, c, google(p))
		p.broken = 302
		_, err := h.Begin(t.Context(), "google", social.Opening{})
		failed(t, "Begin", err, "fetch_redirect")
		if p.count("/canary") != 0 {
			t.Error("the redirect was followed, want not")
		}
	})
	t.Run("too much", func(t *testing.T) {
		p := newOP(t, c)
		p.doc = claims{"x": strings.Repeat("x", 600<<10)}
		_, err := newHouse(t, c, google(p)).Begin(t.Context(), "google", social.Opening{})
		failed(t, "Begin", err, "fetch_too_large")
	})
	t.Run("A-113 a page that is none", func(t *testing.T) {
		for _, address := range []string{"javascript:alert(1)", "ftp://idp.example/", "/authorize", "http://"} {
			p := newOP(t, c)
			p.doc = claims{"authorization_endpoint": address}
			_, err := newHouse(t, c, google(p)).Begin(t.Context(), "google", social.Opening{})
			failed(t, "Begin with "+address, err, "discovery_endpoint")
		}
	})
	t.Run("RootCAs and Timeout are used", func(t *testing.T) {
		p := &op{t: t, clock: c, codes: map[string]url.Values{}, hits: map[string]int{}}
		p.Server = httptest.NewTLSServer(p)
		t.Cleanup(p.Close)
		p.issuer = p.URL
		trusted := x509.NewCertPool()
		trusted.AddCert(p.Certificate())
		for _, pool := range []*x509.CertPool{nil, trusted} {
			m := must(social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Requests: social.NewMemory(), Now: c.Now, AllowPrivate: true, RootCAs: pool, Providers: []social.Provider{google(p)}}))
			if _, err := m.Begin(t.Context(), "google", social.Opening{}); (err == nil) != (pool != nil) {
				t.Errorf("Begin with RootCAs %v = %v, want it to decide", pool != nil, err)
			}
		}
	})
}

// TestState is about whose answer counts, and how often.
func TestState(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	q := newOP(t, c)
	second := custom(q)
	q.info = claims{"sub": "ann-1"}
	h := newHouse(t, c, google(p), second)
	t.Run("R32 honest", func(t *testing.T) {
		id, err := h.signIn(p, "google", social.Opening{})
		if err != nil || id.Issuer != p.URL || id.Subject != "ann-1" {
			t.Errorf("Identity = %+v, %s, want ann-1", id, describe(err))
		}
	})
	t.Run("A-077 A-079 no state, and states that are none", func(t *testing.T) {
		for _, state := range []string{"", "x", "soc_", "soc_" + strings.Repeat("a", 43), "sso_" + strings.Repeat("a", 43), strings.Repeat("a", 5000)} {
			_, err := h.bring("google", social.Message{Query: url.Values{"state": {state}, "code": {"code-1"}}})
			failed(t, "Receive with state "+state[:min(len(state), 10)], err, social.CodeRequestUnknown)
		}
		_, err := h.bring("google", social.Message{Query: url.Values{"code": {"code-1"}}})
		failed(t, "Receive without state", err, social.CodeRequestUnknown)
		_, err = h.bring("google", social.Message{})
		failed(t, "Receive of nothing", err, social.CodeRequestUnknown)
	})
	t.Run("A-080 an answer counts once", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		a, err := h.Receive(t.Context(), "google", msg)
		if err != nil {
			t.Fatal(describe(err))
		}
		_, err = h.Receive(t.Context(), "google", msg)
		failed(t, "Receive twice", err, social.CodeRequestUnknown)
		if _, err := a.Identity(t.Context()); err != nil {
			t.Errorf("Identity = %s, want somebody", describe(err))
		}
		if id, err := a.Identity(t.Context()); !errors.Is(err, social.ErrUsed) || id.Subject != "" {
			t.Errorf("Identity twice = %+v, %v, want ErrUsed", id, err)
		}
	})
	t.Run("A-080 sixty-four at once", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		won := make(chan social.Answer, 64)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				a, err := h.Receive(t.Context(), "google", msg)
				if err == nil {
					won <- a
				} else if r, ok := errors.AsType[*social.Refusal](err); !ok || r.Code != social.CodeRequestUnknown {
					t.Errorf("Receive = %v, want a refusal %s", err, social.CodeRequestUnknown)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d callers took the request, want one", len(won))
		}
		a, people := <-won, make(chan social.Identity, 64)
		for range 64 {
			wg.Go(func() {
				if id, err := a.Identity(t.Context()); err == nil {
					people <- id
				}
			})
		}
		wg.Wait()
		if len(people) != 1 {
			t.Errorf("%d copies of an answer said who it is, want one", len(people))
		}
	})
	t.Run("A-081 A-082 the answer of one provider at the address of another", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		before := q.count("/token")
		_, err := h.bring("corp", msg)
		failed(t, "Receive", err, social.CodeRequestProvider)
		if q.count("/token") != before {
			t.Error("the code went to the other provider, want not")
		}
		_, err = h.bring("google", msg)
		failed(t, "Receive afterwards", err, social.CodeRequestUnknown)
	})
	t.Run("A-082 an answer that says it is another's", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		msg.Query.Set("iss", q.URL)
		before := p.count("/token")
		_, err := h.bring("google", msg)
		failed(t, "Identity", err, "callback_issuer")
		if p.count("/token") != before {
			t.Error("the code went out, want not")
		}
	})
	t.Run("A-083 a code of another request", func(t *testing.T) {
		stolen, mine := p.visit(h.begin("google", social.Opening{})), p.visit(h.begin("google", social.Opening{}))
		mine.Query.Set("code", stolen.Query.Get("code"))
		_, err := h.bring("google", mine)
		failed(t, "Identity", err, "token_error")
	})
	t.Run("ten minutes", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		c.add(10*time.Minute - time.Second)
		a, err := h.Receive(t.Context(), "google", msg)
		if err != nil {
			t.Fatalf("Receive = %s, want an answer", describe(err))
		}
		c.add(time.Second)
		_, err = a.Identity(t.Context())
		failed(t, "Identity after ten minutes", err, social.CodeRequestUnknown)
		msg = p.visit(h.begin("google", social.Opening{}))
		c.add(10 * time.Minute)
		_, err = h.bring("google", msg)
		failed(t, "Receive after ten minutes", err, social.CodeRequestUnknown)
		h.rows.slow = time.Hour
		defer func() { h.rows.slow = 0 }()
		_, err = h.Receive(t.Context(), "google", msg)
		failed(t, "Receive after ten minutes, from a store whose clock is slow", err, social.CodeRequestUnknown)
	})
	t.Run("rows that were changed", func(t *testing.T) {
		for name, change := range map[string]func(r *social.RequestRow){
			"a byte of what is sealed":         func(r *social.RequestRow) { r.Body = bytes.Clone(r.Body); r.Body[20] ^= 1 },
			"nothing sealed":                   func(r *social.RequestRow) { r.Body = nil },
			"A-081 another provider":           func(r *social.RequestRow) { r.Provider = "corp" },
			"A-080 the row of another request": func(r *social.RequestRow) { h.begin("google", social.Opening{}); r.Body = h.rows.last.Body },
		} {
			msg := p.visit(h.begin("google", social.Opening{}))
			key, row := h.rows.key, h.rows.last
			if _, err := h.rows.TakeSocialRequest(t.Context(), key, c.Now()); err != nil {
				t.Fatal(err)
			}
			change(&row)
			if err := h.rows.Memory.CreateSocialRequest(t.Context(), key, row, c.Now()); err != nil {
				t.Fatal(err)
			}
			id := row.Provider
			a, err := h.Receive(t.Context(), id, msg)
			failed(t, name, err, social.CodeRequestUnknown)
			if a.State != nil {
				t.Errorf("%s: Receive answers %q beside the refusal", name, a.State)
			}
		}
	})
	t.Run("settings that have changed meanwhile", func(t *testing.T) {
		requests, keys := social.NewMemory(), [][]byte{newKey()}
		make := func(client string) *social.Manager {
			g := google(p)
			g.OpenID.ClientID = client
			return must(social.New(social.Config{BaseURL: base, Keys: keys, Providers: []social.Provider{g}, Requests: requests, AllowPrivate: true, Now: c.Now}))
		}
		msg := p.visit(must(make("one").Begin(t.Context(), "google", social.Opening{})))
		a, err := make("two").Receive(t.Context(), "google", msg)
		if err != nil {
			t.Fatal(describe(err))
		}
		_, err = a.Identity(t.Context())
		failed(t, "Identity", err, "request_changed")
	})
	t.Run("an Answer that nobody has received", func(t *testing.T) {
		if _, err := (social.Answer{}).Identity(t.Context()); err == nil {
			t.Error("Identity of the zero Answer = nil, want an error")
		}
	})
}
