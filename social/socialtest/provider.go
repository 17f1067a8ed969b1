package socialtest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what is special about a provider.
type Config struct {
	BaseURL     string           // where people and products reach it, without a slash at the end; required by New, filled in by Start
	Personality Personality      // whose behaviour it has; zero: Plain
	Name        string           // on its pages; empty: that of the personality
	Issuer      string           // its name in OpenID Connect; empty: BaseURL and a path as the real one's. Not for Microsoft, which has one for each tenant
	People      []Person         // who has an account
	Settings    Settings         // how it answers at first; zero: as the real one does
	Now         func() time.Time // nil: time.Now
}

// Settings say how a provider answers. Each may be changed while it runs, with Provider.Set.
type Settings struct {
	SignedInAs string // Email or Subject of somebody who is signed in there, since the setting was made, and has agreed: no page asks; empty: a page asks
	Victim     Person // whom a forged answer names; zero: "victim@" and the domain of the person who signs in, with the same tenant

	TokenAlgorithm string // RS256 or ES256; empty: RS256
	TokenIssuer    string // iss of ID tokens and notices; empty: the issuer. Apple's has been another than its discovery document's
	DocumentIssuer string // issuer in the discovery document; empty: the issuer
	AuthTime       bool   // Google, Microsoft: tokens say when somebody signed in, as a product may ask for in its settings there. Plain, Apple and LastPass always do, LinkedIn never
	TextBooleans   bool   // Apple: email_verified and is_private_email are strings, as they are for some products
	NoIssuer       bool   // Plain, LastPass: answers to the browser do not carry iss. Google's do, though its document does not announce it; those of others do not
	NoNonce        bool   // ID tokens have no nonce, as LinkedIn's never do
	IgnorePKCE     bool   // any code_verifier is right
	UserinfoOnly   bool   // Plain, LastPass: the address and the name are in userinfo and not in ID tokens
}

// A Client is a product that the provider signs people in to.
type Client struct {
	ID           string
	Secret       string // empty: no secret works. Not for Apple
	Name         string // on the pages; empty: the host of the first address
	RedirectURIs []string
	RequirePKCE  bool // refuses requests without code_challenge

	TeamID string           // Apple: iss of the client secret
	KeyID  string           // Apple: its kid
	Key    *ecdsa.PublicKey // Apple: what it is signed with; nil: no client secret works

	RequireProof bool // Facebook: the Graph API refuses calls without appsecret_proof. A wrong one is always refused
}

// A Provider is a provider of accounts. It is safe for concurrent use.
type Provider struct {
	cfg   Config
	trait trait
	path  string // of BaseURL, in front of every path
	mux   *http.ServeMux

	transport http.RoundTripper // of Client; nil: the usual one

	mu       sync.Mutex // guards everything below
	settings Settings
	since    time.Time // when Settings.SignedInAs was made
	clients  []Client
	rsa      keys
	curve    keys
	stranger *key // an attacker's
	hostile  []Attack
	mangle   []func(header, claims Claims)
	codes    map[string]grant
	access   map[string]grant
	agreed   map[string]bool // by client and person: who has agreed before
	memory   memory
	lure     lure
	visits   []string
	caught   []url.Values
}

// memory holds what attacks send again.
type memory struct {
	token       string // the last ID token
	nonce, code string // of the transaction before this one
	state       string
	access      string
}

// New makes a provider. It listens to nothing: serve it under BaseURL.
func New(cfg Config) (*Provider, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || strings.HasSuffix(cfg.BaseURL, "/") {
		return nil, fmt.Errorf("socialtest: Config.BaseURL %q: want an absolute URL without a slash at the end", cfg.BaseURL)
	}
	if cfg.Personality < 0 || int(cfg.Personality) >= len(traits()) {
		return nil, fmt.Errorf("socialtest: Config.Personality: there is no %d", int(cfg.Personality))
	}
	for _, w := range cfg.People {
		if w.key() == "" {
			return nil, errors.New("socialtest: Config.People: a person needs an Email or a Subject")
		}
	}
	t := cfg.Personality.trait()
	cfg.Name = cmp.Or(cfg.Name, t.name)
	if cfg.Issuer == "" || cfg.Personality == Microsoft {
		cfg.Issuer = cfg.BaseURL + t.issuer
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.People = slices.Clone(cfg.People)
	p := &Provider{
		cfg: cfg, trait: t, path: base.Path, settings: cfg.Settings, mux: http.NewServeMux(), since: cfg.Now(),
		codes: map[string]grant{}, access: map[string]grant{}, agreed: map[string]bool{},
	}
	p.routes()
	return p, nil
}

func (p *Provider) routes() {
	p.mux.HandleFunc("GET /{$}", p.home)
	p.mux.HandleFunc("POST /choose", p.choose)
	p.mux.HandleFunc("/canary", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "canary") })

	p.mux.HandleFunc("GET "+p.trait.authorize, p.authorize)
	p.mux.HandleFunc("POST "+p.trait.authorize, p.authorize)
	p.mux.HandleFunc("POST "+p.trait.token, p.token)
	if p.cfg.Personality == Facebook {
		p.mux.HandleFunc("GET "+p.trait.token, p.token)
		p.mux.HandleFunc("GET /me", p.me)
		for _, pattern := range []string{"GET /{version}/dialog/oauth", "POST /{version}/dialog/oauth"} {
			p.mux.HandleFunc(pattern, p.authorize)
		}
		p.mux.HandleFunc("GET /{version}/oauth/access_token", p.token)
		p.mux.HandleFunc("POST /{version}/oauth/access_token", p.token)
		p.mux.HandleFunc("GET /{version}/me", p.me)
		return
	}
	document := strings.TrimPrefix(p.cfg.Issuer, p.cfg.BaseURL)
	switch {
	case p.cfg.Personality == Microsoft:
		document = "/{tenant}/v2.0"
	case document == p.cfg.Issuer:
		document = p.trait.issuer // the host serves an issuer of its own where its document is
	}
	p.mux.HandleFunc("GET "+strings.TrimSuffix(document, "/")+"/.well-known/openid-configuration", p.discovery)
	if p.cfg.Personality == Apple {
		p.mux.HandleFunc("GET /account/.well-known/openid-configuration", p.discovery)
	}
	p.mux.HandleFunc("GET "+p.trait.keys, p.jwks)
	if p.trait.userinfo != "" {
		p.mux.HandleFunc("GET "+p.trait.userinfo, p.userinfo)
		p.mux.HandleFunc("POST "+p.trait.userinfo, p.userinfo)
	}
}

// ServeHTTP serves the provider under the path of Config.BaseURL.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.visits = append(p.visits, r.Method+" "+strings.TrimPrefix(r.URL.Path, p.path))
	if len(p.visits) > 10_000 {
		p.visits = slices.Clone(p.visits[5_000:]) // a demo runs for days
	}
	p.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.StripPrefix(p.path, p.mux).ServeHTTP(w, r)
}

// Visits are the requests since the last call, each a method and a path: whether keys were fetched again, or a canary.
func (p *Provider) Visits() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.visits = nil }()
	return slices.Clone(p.visits)
}

// Caught are the token requests since the last call, as they came: what the product tells this provider, its codes and secrets.
func (p *Provider) Caught() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.caught = nil }()
	return slices.Clone(p.caught)
}

// CanaryURL is an address that nobody has a reason to fetch: key references of attacks point there.
func (p *Provider) CanaryURL() string { return p.cfg.BaseURL + "/canary" }

// BaseURL is where the provider is.
func (p *Provider) BaseURL() string { return p.cfg.BaseURL }

// Personality is whose behaviour it has.
func (p *Provider) Personality() Personality { return p.cfg.Personality }

// Issuer is the provider's name in OpenID Connect, as a product is set up with it. Microsoft's is the one of all tenants, and
// TenantIssuer has what tokens say. Facebook has none: its BaseURL.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// TenantIssuer is the issuer of a Microsoft tenant. An empty tenant is that of personal accounts.
func (p *Provider) TenantIssuer(tenant string) string {
	return p.cfg.BaseURL + "/" + cmp.Or(tenant, PersonalTenant) + "/v2.0"
}

// SecondIssuer is the other name that Apple has gone by: discovery has said https://account.apple.com while tokens said
// https://appleid.apple.com, in June 2025. Settings.TokenIssuer and DocumentIssuer take it.
func (p *Provider) SecondIssuer() string { return p.cfg.BaseURL + "/account" }

// AuthorizeURL is where people are sent, TokenURL where codes are exchanged, and KeysURL where the keys are: for a product that reads no discovery
// document. They are those of every tenant.
func (p *Provider) AuthorizeURL() string { return p.endpoint(p.trait.authorize, "common") }

// TokenURL is described at AuthorizeURL.
func (p *Provider) TokenURL() string { return p.endpoint(p.trait.token, "common") }

// KeysURL is described at AuthorizeURL.
func (p *Provider) KeysURL() string { return p.endpoint(p.trait.keys, "common") }

func (p *Provider) endpoint(path, tenant string) string {
	return p.cfg.BaseURL + strings.Replace(path, "{tenant}", tenant, 1)
}

// Set changes the settings from the next request on.
func (p *Provider) Set(change func(*Settings)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.settings.SignedInAs
	change(&p.settings)
	if p.settings.SignedInAs != before {
		p.since = p.now()
	}
}

// RegisterClient tells the provider of a product, or what is new about it.
func (p *Provider) RegisterClient(c Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = append(slices.DeleteFunc(slices.Clone(p.clients), func(old Client) bool { return old.ID == c.ID }), c)
}

func (p *Provider) clientLocked(id string) (Client, bool) {
	i := slices.IndexFunc(p.clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return p.clients[i], true
}

// AddPerson adds somebody, or replaces who has the same Email; where that is empty, the same Subject.
func (p *Provider) AddPerson(w Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.People = append(slices.DeleteFunc(slices.Clone(p.cfg.People), func(old Person) bool { return old.key() == w.key() }), w)
}

// personLocked finds somebody by Email or Subject.
func (p *Provider) personLocked(name string) (Person, bool) {
	want := Person{Email: name}.key()
	i := slices.IndexFunc(p.cfg.People, func(w Person) bool {
		return want != "" && w.key() == want || name != "" && w.Subject == name
	})
	if i < 0 {
		return Person{}, false
	}
	return p.cfg.People[i], true
}

func (p *Provider) now() time.Time { return p.cfg.Now().UTC() }

// victimLocked is whom a forged answer to somebody names.
func (p *Provider) victimLocked(who Person) Person {
	if v := p.settings.Victim; v.key() != "" {
		return v
	}
	_, domain, _ := strings.Cut(who.Email, "@")
	return Person{
		Email: "victim@" + cmp.Or(domain, "corp.example"), Name: "Victoria Victim",
		Tenant: who.Tenant, HostedDomain: who.HostedDomain, DomainOwner: who.DomainOwner,
	}
}

// before is what an attack sends again, from the transaction before.
func before(what, value string) string {
	if value == "" {
		panic("socialtest: the attack needs a " + what + " of a transaction before it")
	}
	return value
}

// random is 128 random bits in hexadecimal.
func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}
