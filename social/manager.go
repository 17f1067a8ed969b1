package social

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/baseurl"
	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// Config says what a Manager works with.
type Config struct {
	// BaseURL is where the addresses of the providers are, each below its ID: "https://app.example.com/auth/social" makes
	// https://app.example.com/auth/social/{provider}/callback. They are never made from a request. Plain http is taken for localhost only;
	// see InsecureHTTP.
	BaseURL string

	Keys      [][]byte   // 32 random bytes each; the first seals what requests remember, all open. At least one
	Providers []Provider // in the order of the buttons. At least one
	Requests  Requests   // required: what is under way

	InsecureHTTP bool // plain http in BaseURL on other hosts than localhost, for a test network without TLS. Never on the internet

	Timeout time.Duration  // for one request to a provider; zero: 10 seconds
	RootCAs *x509.CertPool // who vouches for providers' certificates; nil: whom the system trusts

	// AllowPrivate takes providers at plain http, on this machine and in private networks. It is for tests and demonstrations.
	AllowPrivate bool

	Now func() time.Time // nil: time.Now
}

const (
	requestLife = 10 * time.Minute
	maxState    = 4 << 10   // bytes of Opening.State
	maxHint     = 320       // bytes of Opening.LoginHint
	maxBytes    = 512 << 10 // of anything that a provider says
	maxMemory   = 16 << 10  // bytes of a Speaker's memory
)

// A Manager sends people to the providers where they have accounts, and takes what comes back. It is safe for concurrent use.
type Manager struct {
	cfg    Config
	base   string // without a slash at its end
	ring   *token.Ring
	http   *http.Client
	openid *openid.Client
	order  []string
	known  map[string]known // by Provider.ID
}

// known is a provider, and who speaks to it.
type known struct {
	provider Provider // without secrets
	speaker  Speaker
	o        OpenID // with secrets; zero where there is a Speaker
}

// New makes a Manager. Its error names the field.
func New(cfg Config) (*Manager, error) {
	base, err := baseurl.Parse(cfg.BaseURL, cfg.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("social: Config.BaseURL %w", err)
	}
	ring, err := token.NewRing(cfg.Keys)
	switch {
	case err != nil:
		return nil, fmt.Errorf("social: Config.Keys: %w", err)
	case cfg.Requests == nil:
		return nil, errors.New("social: Config.Requests is required")
	case cfg.Timeout < 0:
		return nil, errors.New("social: Config.Timeout is negative")
	case len(cfg.Providers) == 0:
		return nil, errors.New("social: Config.Providers is empty: give social.Google, or another")
	}
	way, err := fetch.New(fetch.Config{AllowPrivate: cfg.AllowPrivate, Timeout: cfg.Timeout, MaxBytes: maxBytes, RootCAs: cfg.RootCAs})
	if err != nil {
		return nil, fmt.Errorf("social: making the client: %w", err)
	}
	client, err := openid.New(openid.Config{HTTP: way, AllowHTTP: cfg.AllowPrivate})
	if err != nil {
		return nil, fmt.Errorf("social: making the client: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Manager{cfg: cfg, base: base.String(), ring: ring, http: way.HTTP(), openid: client, known: map[string]known{}}
	m.cfg.Providers = nil // they may hold secrets, and the caller may change them
	for i, p := range cfg.Providers {
		if err := m.add(p); err != nil {
			return nil, fmt.Errorf("social: Config.Providers[%d] %q: %w", i, p.ID, err)
		}
	}
	return m, nil
}

// add checks a provider and takes it in.
func (m *Manager) add(p Provider) error {
	k := known{provider: p, speaker: p.Speaker}
	switch {
	case !validID(p.ID):
		return errors.New("its ID must be 1 to 32 small letters, digits and dashes")
	case m.known[p.ID].speaker != nil:
		return errors.New("its ID is there twice")
	case p.Name == "" || oneLine(p.Name) != p.Name || utf8.RuneCountInString(p.Name) > 64:
		return errors.New("its Name must be one line of at most 64 letters")
	case p.OpenID == nil && p.Speaker == nil:
		return errors.New("OpenID or Speaker is required")
	case p.OpenID != nil && p.Speaker != nil:
		return errors.New("OpenID and Speaker do not go together")
	case p.OpenID != nil && p.Issuer != "":
		return errors.New("its Issuer is for a Speaker, and OpenID has its own")
	case p.OpenID != nil:
		k.o = p.OpenID.private()
		public := p.OpenID.public()
		k.provider.OpenID, k.speaker = &public, relyingParty{k.o, m.openid}
	}
	if err := k.speaker.Check(); err != nil {
		return err
	}
	if p.Speaker != nil && !goodIssuer(p.Issuer) {
		return fmt.Errorf("its Issuer %q must be an https address without a query, of at most %d bytes", p.Issuer, maxIssuer)
	}
	for _, id := range m.order {
		if k.shares(m.known[id]) {
			return fmt.Errorf("its issuer is also that of %q: people are known by issuer, so there can be one only", id)
		}
	}
	k.provider.Speaker = nil
	m.order, m.known[p.ID] = append(m.order, p.ID), k
	return nil
}

// validID tells whether a text can be the ID of a provider: then it stands in an address as it is.
func validID(id string) bool {
	return id != "" && len(id) <= 32 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// goodIssuer tells whether a text can be who names the people of a Speaker.
func goodIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= maxIssuer && u.Scheme == "https" && u.Host != "" && u.User == nil && !strings.ContainsAny(s, "?#") && oneLine(s) == s
}

// shares tells whether two providers could say the same issuer.
func (k known) shares(other known) bool {
	for _, a := range k.issuers() {
		for _, b := range other.issuers() {
			if a == b || fits(a, b) || fits(b, a) {
				return true
			}
		}
	}
	return false
}

// issuers are the names under which a provider speaks of people.
func (k known) issuers() []string {
	if k.provider.OpenID == nil {
		return []string{k.provider.Issuer}
	}
	return append([]string{k.o.Issuer}, k.o.Aliases...)
}

// fits tells whether an issuer is one of those that a text with {tenantid} stands for.
func fits(template, issuer string) bool {
	before, after, ok := strings.Cut(template, "{tenantid}")
	return ok && len(issuer) >= len(before)+len(after) && strings.HasPrefix(issuer, before) && strings.HasSuffix(issuer, after)
}

// Providers are those of the Config, in their order, without their secrets.
func (m *Manager) Providers() []Provider {
	all := make([]Provider, len(m.order))
	for i, id := range m.order {
		all[i] = m.known[id].shown()
	}
	return all
}

// Provider answers one of them.
func (m *Manager) Provider(id string) (Provider, bool) {
	k, ok := m.known[id]
	return k.shown(), ok
}

// shown is a copy for callers, who may change it.
func (k known) shown() Provider {
	p := k.provider
	if p.OpenID != nil {
		o := p.OpenID.private()
		p.OpenID = &o
	}
	return p
}

// Callback is where answers of a provider come: its redirect URI. Each provider has its own, so that an answer of one is never taken for
// one of another.
func (m *Manager) Callback(id string) string { return m.base + "/" + id + "/callback" }

// An Opening is what a caller says about a sign-in that begins.
type Opening struct {
	State     []byte // the caller's, at most 4 KiB: comes back as Answer.State. It is kept here, sealed, and never travels
	LoginHint string // the address that was typed; empty: none
	Fresh     bool   // whoever signs in must prove it anew, whatever session there is at the provider: only where Provider.Fresh

	// SelectAccount has people asked there which account they mean, whatever session there is: Google's and Microsoft's, and those of a
	// provider whose OpenID.SelectAccount says so always. Others do as they like. Set it before an account is connected with a person who
	// is signed in: the session at the provider may be somebody else's.
	SelectAccount bool
}

// remembered is what the row of a request holds.
type remembered struct {
	State  []byte
	Memory []byte
	Fresh  bool
}

// Begin answers where a browser goes to sign in at a provider. It is remembered for ten minutes. Nothing of a request of a browser's goes
// into the address but what is in the Opening: what it says to the provider is fixed.
//
// Errors: ErrNotFound, there is no such provider; a *Refusal, what the provider publishes is wrong; any other means that it cannot be
// reached, that the Opening is wrong (a long State, Fresh where Provider.Fresh says no), or that something is broken here.
func (m *Manager) Begin(ctx context.Context, id string, o Opening) (address string, err error) {
	k, ok := m.known[id]
	switch {
	case !ok:
		return "", ErrNotFound
	case len(o.State) > maxState:
		return "", fmt.Errorf("social: Opening.State has %d bytes, at most %d are kept", len(o.State), maxState)
	case o.Fresh && !k.provider.Fresh():
		return "", fmt.Errorf("social: %q cannot be asked for a fresh sign-in", id)
	}
	if len(o.LoginHint) > maxHint || oneLine(o.LoginHint) != o.LoginHint {
		o.LoginHint = "" // no address that anybody has
	}
	now := m.cfg.Now()
	state, key := token.New(token.SocialRequest)
	d, err := k.speaker.Begin(ctx, Request{
		Now: now, MadeAt: now, State: state, Callback: m.Callback(id), Fresh: o.Fresh, SelectAccount: o.SelectAccount, LoginHint: o.LoginHint, HTTP: m.http,
	})
	if err != nil {
		return "", m.explain("beginning a sign-in at", id, err)
	}
	if err := m.checkDeparture(d); err != nil {
		return "", fmt.Errorf("social: beginning a sign-in at %q: %w", id, err)
	}
	return d.URL, m.keep(ctx, key, id, remembered{State: o.State, Memory: d.Memory, Fresh: o.Fresh}, now)
}

// explain says what was being done, unless a rule was not met.
func (m *Manager) explain(doing, id string, err error) error {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return fmt.Errorf("social: %s %q: %w", doing, id, err)
}

// checkDeparture keeps browsers from anything but web pages.
func (m *Manager) checkDeparture(d Departure) error {
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && m.cfg.AllowPrivate):
		return errors.New("the provider's address is not https")
	case len(d.Memory) > maxMemory:
		return fmt.Errorf("its Departure.Memory has %d bytes, at most %d are kept", len(d.Memory), maxMemory)
	}
	return nil
}

// owner is what a row is sealed for: it opens for its own key and provider only.
func owner(id string, key [32]byte) string { return id + "/" + string(key[:]) }

const sealPurpose = "social request"

// keep seals what a request remembers, and stores it.
func (m *Manager) keep(ctx context.Context, key [32]byte, id string, what remembered, now time.Time) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("social: writing down a request: %w", err)
	}
	sealed, err := m.ring.Seal(sealPurpose, owner(id, key), body)
	if err != nil {
		return fmt.Errorf("social: sealing a request: %w", err)
	}
	row := RequestRow{Provider: id, Body: sealed, MadeAt: now, ExpiresAt: now.Add(requestLife)}
	if err := m.cfg.Requests.CreateSocialRequest(ctx, key, row, now); err != nil {
		return fmt.Errorf("social: keeping a request: %w", err)
	}
	return nil
}

// take answers what keep was given, once. The row is gone then, also where it turns out to be of another provider: whoever brings it
// there has no use of it. A *Refusal: it is no such state, or was taken, or has expired.
func (m *Manager) take(ctx context.Context, id, state string, now time.Time) (RequestRow, remembered, error) {
	var kept remembered
	key, ok := token.Lookup(token.SocialRequest, state)
	if !ok {
		return RequestRow{}, kept, &Refusal{Code: CodeRequestUnknown}
	}
	row, err := m.cfg.Requests.TakeSocialRequest(ctx, key, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return RequestRow{}, kept, &Refusal{Code: CodeRequestUnknown}
	case err != nil:
		return RequestRow{}, kept, fmt.Errorf("social: taking a request: %w", err)
	case !now.Before(row.ExpiresAt):
		return RequestRow{}, kept, &Refusal{Code: CodeRequestUnknown}
	case row.Provider != id:
		return RequestRow{}, kept, &Refusal{Code: CodeRequestProvider, Expected: row.Provider, Received: id}
	}
	body, err := m.ring.Open(sealPurpose, owner(row.Provider, key), row.Body)
	if err != nil {
		return RequestRow{}, kept, &Refusal{Code: CodeRequestUnknown} // its key has left the ring, or somebody has changed the table
	}
	if err := json.Unmarshal(body, &kept); err != nil {
		return RequestRow{}, kept, fmt.Errorf("social: reading a request: %w", err)
	}
	return row, kept, nil
}
