package ssotest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
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
	BaseURL  string           // where people and products reach it, without a slash at the end; required by New, filled in by Start
	Name     string           // of the company, for its pages; empty: "Acme"
	EntityID string           // its name in SAML; empty: BaseURL and /saml/metadata
	Issuer   string           // its name in OpenID Connect; empty: BaseURL and /oidc
	People   []Person         // who can sign in
	Settings Settings         // how it answers at first; zero: as most providers do
	Now      func() time.Time // nil: time.Now
}

// A Person works at the company.
type Person struct {
	Email       string
	Name        string
	GivenName   string
	FamilyName  string
	Subject     string // the id that never changes; empty: made of Email
	Password    string // empty: whatever is typed is right, but nothing typed is wrong
	Groups      []string
	MultiFactor bool // signs in with a second factor, and the answers say so
}

func (w Person) subject() string { return cmp.Or(w.Subject, "sub-"+digest(w.Email)[:16]) }
func (w Person) name() string    { return cmp.Or(w.Name, strings.TrimSpace(w.GivenName+" "+w.FamilyName)) }

// Settings say how a provider answers. Each may be changed while it runs, with Provider.Set.
type Settings struct {
	SignedInAs string // the e-mail of somebody who is signed in there already; empty: the sign-in page asks
	Victim     string // whom a forged answer names; empty: "victim@" and the domain of the person who signs in

	// SAML. Zero: the Assertion is signed with RSA and SHA-256, is in the clear and names the person by e-mail address.
	SignResponse      bool
	UnsignedAssertion bool // an Assertion carries no signature of its own; goes with SignResponse
	Encryption        Encryption
	NameIDFormat      string         // empty: emailAddress
	Attributes        AttributeStyle // what attributes are called; zero: PlainAttributes
	SignatureMethod   string         // the URI of an algorithm; empty: RSA with SHA-256. ECDSA from the start, or before RollKeys
	SignMetadata      bool
	MetadataFor       time.Duration // how long metadata says that it is valid; zero: a week, negative: it does not say

	// OpenID Connect.
	TokenAlgorithm string // RS256 or ES256; empty: RS256
	IgnorePKCE     bool   // any code_verifier is right
}

// A Provider is a company's identity provider. It is safe for concurrent use.
type Provider struct {
	cfg  Config
	path string // of BaseURL, in front of every path
	mux  *http.ServeMux

	transport http.RoundTripper // of Client; nil: the usual one

	mu       sync.Mutex // guards everything below
	settings Settings
	sps      []SP
	clients  []Client
	saml     keys
	openid   keys
	curve    keys // for ES256
	hostile  []Attack
	mangle   mangling
	sessions map[string]*session
	waiting  map[string]waiting
	codes    map[string]grant
	access   map[string]grant
	memory   memory
	visits   []string
}

// mangling holds the changes that a test makes to the next answers with its own hands.
type mangling struct {
	response []func(*Response)
	token    []func(header, claims Claims)
}

// memory holds what attacks send again.
type memory struct {
	answer, relay string // the last SAML answer, and the RelayState of the request before this one
	token         string // the last ID token
	nonce, code   string // of the transaction before this one
	state         string
}

// A session is somebody signed in at the provider, in one browser.
type session struct {
	id    string
	who   Person
	since time.Time
	sps   []participant
	rps   []string // the client IDs of who was told
}

// waiting is a request that stands while somebody signs in.
type waiting struct {
	saml   *AuthnRequest
	openid url.Values
}

// New makes a provider. It listens to nothing: serve it under BaseURL.
func New(cfg Config) (*Provider, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || strings.HasSuffix(cfg.BaseURL, "/") {
		return nil, fmt.Errorf("ssotest: Config.BaseURL %q: want an absolute URL without a slash at the end", cfg.BaseURL)
	}
	for _, w := range cfg.People {
		if w.Email == "" {
			return nil, errors.New("ssotest: Config.People: a person needs an Email")
		}
	}
	cfg.Name = cmp.Or(cfg.Name, "Acme")
	cfg.EntityID = cmp.Or(cfg.EntityID, cfg.BaseURL+"/saml/metadata")
	cfg.Issuer = cmp.Or(cfg.Issuer, cfg.BaseURL+"/oidc")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &Provider{
		cfg: cfg, path: base.Path, settings: cfg.Settings, mux: http.NewServeMux(),
		sessions: map[string]*session{}, waiting: map[string]waiting{}, codes: map[string]grant{}, access: map[string]grant{},
	}
	p.routes()
	return p, nil
}

func (p *Provider) routes() {
	p.mux.HandleFunc("GET /{$}", p.home)
	p.mux.HandleFunc("GET /signin", p.signInPage)
	p.mux.HandleFunc("POST /signin", p.signIn)
	p.mux.HandleFunc("POST /signout", p.signOut)
	p.mux.HandleFunc("/canary", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "canary") })

	p.mux.HandleFunc("GET /saml/metadata", p.serveMetadata)
	p.mux.HandleFunc("GET /saml/sso", p.sso)
	p.mux.HandleFunc("POST /saml/sso", p.sso)
	p.mux.HandleFunc("GET /saml/start", p.startUnasked)
	p.mux.HandleFunc("GET /saml/slo", p.slo)
	p.mux.HandleFunc("POST /saml/slo", p.slo)

	p.mux.HandleFunc("GET /oidc/.well-known/openid-configuration", p.discovery)
	p.mux.HandleFunc("GET /oidc/jwks", p.jwks)
	p.mux.HandleFunc("GET /oidc/authorize", p.authorize)
	p.mux.HandleFunc("POST /oidc/authorize", p.authorize)
	p.mux.HandleFunc("POST /oidc/token", p.token)
	p.mux.HandleFunc("GET /oidc/userinfo", p.userinfo)
	p.mux.HandleFunc("POST /oidc/userinfo", p.userinfo)
	p.mux.HandleFunc("GET /oidc/logout", p.endSession)
	p.mux.HandleFunc("POST /oidc/logout", p.endSession)
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

// CanaryURL is an address that nobody has a reason to fetch: entities and key references of attacks point there.
func (p *Provider) CanaryURL() string { return p.cfg.BaseURL + "/canary" }

// BaseURL is where the provider is.
func (p *Provider) BaseURL() string { return p.cfg.BaseURL }

// Set changes the settings from the next request on.
func (p *Provider) Set(change func(*Settings)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.settings)
}

// AddPerson adds somebody, or replaces the person with the same e-mail address.
func (p *Provider) AddPerson(w Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.People = append(slices.DeleteFunc(slices.Clone(p.cfg.People), func(old Person) bool { return sameEmail(old, w.Email) }), w)
}

func sameEmail(w Person, email string) bool {
	return strings.EqualFold(w.Email, strings.TrimSpace(email))
}

func (p *Provider) personLocked(email string) (Person, bool) {
	i := slices.IndexFunc(p.cfg.People, func(w Person) bool { return sameEmail(w, email) })
	if i < 0 {
		return Person{}, false
	}
	return p.cfg.People[i], true
}

func (p *Provider) now() time.Time { return p.cfg.Now().UTC() }

// victimLocked is whom a forged answer to somebody names.
func (p *Provider) victimLocked(who Person) string {
	_, domain, _ := strings.Cut(who.Email, "@")
	return cmp.Or(p.settings.Victim, "victim@"+domain)
}

// sessionLocked is who is signed in, by the cookie or because the settings say so; nil where nobody is.
func (p *Provider) sessionLocked(r *http.Request) *session {
	if c, err := r.Cookie(p.cookieName()); err == nil && p.sessions[c.Value] != nil {
		return p.sessions[c.Value]
	}
	if who, ok := p.personLocked(p.settings.SignedInAs); ok {
		return p.openLocked(who)
	}
	return nil
}

func (p *Provider) openLocked(who Person) *session {
	s := &session{id: random(), who: who, since: p.now()}
	p.sessions[s.id] = s
	return s
}

// cookieName differs between providers on one machine, since cookies know no ports.
func (p *Provider) cookieName() string { return "company_" + digest(p.cfg.BaseURL)[:8] }

func (p *Provider) setCookie(w http.ResponseWriter, s *session) {
	c := &http.Cookie{Name: p.cookieName(), Path: p.path + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1}
	if s != nil {
		c.Value, c.MaxAge = s.id, 0
	}
	http.SetCookie(w, c)
}

// before is what an attack sends again, from the transaction before.
func before(what, value string) string {
	if value == "" {
		panic("ssotest: the attack needs a " + what + " of a transaction before it")
	}
	return value
}

// random is 128 random bits in hexadecimal.
func random() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// limited reads what somebody posted, within reason.
func limited(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(r, 1<<20+1)); err != nil || n > 1<<20 {
		return nil, cmp.Or(err, errors.New("more than a megabyte"))
	}
	return b.Bytes(), nil
}
