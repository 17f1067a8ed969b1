package sso

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/baseurl"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// ErrDisabled is answered for a connection that is switched off: nobody is sent there, and no answer is taken.
var ErrDisabled = errors.New("sso: the connection is switched off")

// Config says what a Manager works with.
type Config struct {
	// BaseURL is where the addresses of the connections are, each below its ID: "https://app.example.com/auth/sso" makes
	// https://app.example.com/auth/sso/{id}/acs, /callback, /metadata and /slo. They are never made from a request. Plain http is
	// taken for localhost only; see InsecureHTTP.
	BaseURL string

	Keys        [][]byte    // 32 random bytes each; the first seals what requests remember, all open. At least one
	Connections Connections // required: a Registry, Fixed, or your own
	Requests    Requests    // required: what is under way
	Logins      Logins      // nil: sessions and those of the providers do not end each other
	Protocols   []Protocol  // at least one: saml.New, oidc.New

	// Renew reads the settings of a connection again, when an answer is signed by a key that it does not know, at most once in ten
	// minutes: Registry.Renew. Nil: it waits for the daily reading.
	Renew func(ctx context.Context, connectionID string) (Connection, error)

	SignedOutURL string // where a person lands after signing out at a provider; empty: the start page of BaseURL's host
	InsecureHTTP bool   // plain http to other hosts than localhost, for a test network without TLS. Never on the internet

	Record func(context.Context, Event) error // gets each event before its effect, and may refuse it; nil: no trail
	Now    func() time.Time                   // nil: time.Now
}

// A Manager sends people to their company's sign-in, and takes what comes back. It is safe for concurrent use.
type Manager struct {
	cfg       Config
	base      string // without a slash at its end
	ring      *token.Ring
	protocols map[string]Protocol
}

// New makes a Manager. Its error names the field.
func New(cfg Config) (*Manager, error) {
	base, err := baseurl.Parse(cfg.BaseURL, cfg.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("sso: Config.BaseURL %w", err)
	}
	home := url.URL{Scheme: base.Scheme, Host: base.Host, Path: "/"}
	cfg.SignedOutURL = cmp.Or(cfg.SignedOutURL, home.String())
	if _, err := baseurl.Parse(cfg.SignedOutURL, cfg.InsecureHTTP); err != nil {
		return nil, fmt.Errorf("sso: Config.SignedOutURL %w", err)
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("sso: Config.Keys: %w", err)
	}
	switch {
	case cfg.Connections == nil:
		return nil, errors.New("sso: Config.Connections is required")
	case cfg.Requests == nil:
		return nil, errors.New("sso: Config.Requests is required")
	}
	protocols, err := byName(cfg.Protocols)
	if err != nil {
		return nil, err
	}
	if fixed, ok := cfg.Connections.(Fixed); ok {
		if err := checkFixed(fixed, protocols); err != nil {
			return nil, err
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Manager{cfg: cfg, base: base.String(), ring: ring, protocols: protocols}, nil
}

func byName(list []Protocol) (map[string]Protocol, error) {
	if len(list) == 0 {
		return nil, errors.New("sso: Config.Protocols is empty: give saml.New or oidc.New")
	}
	all := map[string]Protocol{}
	for _, p := range list {
		if p == nil {
			return nil, errors.New("sso: Config.Protocols has a nil")
		}
		if _, twice := all[p.Name()]; twice || p.Name() == "" {
			return nil, fmt.Errorf("sso: Config.Protocols has %q twice, or without a name", p.Name())
		}
		all[p.Name()] = p
	}
	return all, nil
}

func checkFixed(list Fixed, protocols map[string]Protocol) error {
	seen := map[string]bool{}
	for _, c := range list {
		if err := check(c, protocols); err != nil {
			return fmt.Errorf("sso: Config.Connections: %q: %w", c.ID, err)
		}
		if seen[c.ID] {
			return fmt.Errorf("sso: Config.Connections has %q twice", c.ID)
		}
		seen[c.ID] = true
	}
	return nil
}

// check tells what is wrong with the settings of a connection.
func check(c Connection, protocols map[string]Protocol) error {
	if !validID(c.ID) {
		return errors.New("sso: Connection.ID must be 1 to 64 letters, digits, \"-\" and \"_\"")
	}
	p := protocols[c.Protocol]
	if p == nil {
		return fmt.Errorf("sso: Connection.Protocol %q is none of Config.Protocols", c.Protocol)
	}
	for _, d := range c.Domains {
		if clean, err := address.ParseDomain(d); err != nil || clean != d {
			return fmt.Errorf("sso: Connection.Domains: %q must be a domain in ASCII and lower case", d)
		}
	}
	for _, r := range c.Roles {
		if r.Group == "" || r.Role == "" {
			return errors.New("sso: Connection.Roles: a rule needs a Group and a Role")
		}
	}
	return p.Check(c)
}

// validID tells whether a text can be the ID of a connection: then it stands in an address as it is.
func validID(id string) bool {
	for _, r := range id {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
		default:
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// Addresses are ours for a connection, as its provider has to know them. Of c only ID and SAML.EntityIDOverride count.
func (m *Manager) Addresses(c Connection) Addresses {
	at := m.base + "/" + c.ID
	return Addresses{
		EntityID: cmp.Or(c.SAML.EntityIDOverride, at+"/metadata"),
		Metadata: at + "/metadata", ACS: at + "/acs", Callback: at + "/callback", Logout: at + "/slo",
		SignedOut: m.cfg.SignedOutURL,
	}
}

// Destination answers a connection that people can be sent to, without its secret: its Name is for the page that says where they
// will go. ErrNotFound, ErrDisabled.
func (m *Manager) Destination(ctx context.Context, connectionID string) (Connection, error) {
	c, _, err := m.open(ctx, connectionID)
	return withoutSecret(c), err
}

// Metadata is what the administrators of a connection's provider may read of us. ErrNotFound: its protocol has none.
func (m *Manager) Metadata(ctx context.Context, connectionID string) (doc []byte, contentType string, err error) {
	c, p, err := m.connection(ctx, connectionID)
	if err != nil {
		return nil, "", err
	}
	doc, contentType, ok, err := p.Metadata(c, m.Addresses(c))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("sso: writing the metadata of %q: %w", c.ID, err)
	case !ok:
		return nil, "", ErrNotFound
	}
	return doc, contentType, nil
}

// connection finds a connection and what speaks to it, switched off or not.
func (m *Manager) connection(ctx context.Context, id string) (Connection, Protocol, error) {
	if !validID(id) {
		return Connection{}, nil, ErrNotFound
	}
	c, err := m.cfg.Connections.Connection(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Connection{}, nil, ErrNotFound
	case err != nil:
		return Connection{}, nil, fmt.Errorf("sso: finding connection %q: %w", id, err)
	case c.ID != id: // a table that does not tell capitals apart
		return Connection{}, nil, ErrNotFound
	}
	p := m.protocols[c.Protocol]
	if p == nil {
		return Connection{}, nil, fmt.Errorf("sso: connection %q speaks %q, which is none of Config.Protocols", id, c.Protocol)
	}
	return c, p, nil
}

// open is connection for one that is not switched off.
func (m *Manager) open(ctx context.Context, id string) (Connection, Protocol, error) {
	c, p, err := m.connection(ctx, id)
	if err == nil && c.Disabled {
		return Connection{}, nil, ErrDisabled
	}
	return c, p, err
}

func withoutSecret(c Connection) Connection {
	c.OIDC.Secret = ""
	return c
}

const (
	requestLife = 10 * time.Minute
	maxState    = 1024 // bytes of Opening.State
	maxHint     = 320  // bytes of Opening.LoginHint
)

// An Opening is what a caller says about a sign-in that begins.
type Opening struct {
	State     []byte // the caller's, at most 1 KiB: comes back as Answer.State. It is kept here, sealed, and never travels
	LoginHint string // the address that was typed; empty: none
	Fresh     bool   // whoever signs in must prove it anew, whatever session there is at the provider
	Test      bool   // nobody signs in: what comes back is for Answer.DryRun
}

// remembered is what the row of a request holds.
type remembered struct {
	State  []byte
	Memory []byte
	Hint   string
	Fresh  bool
	Test   bool
}

// Begin says how a browser gets to the provider of a connection. It is remembered for ten minutes. ErrNotFound, ErrDisabled; a
// *Refusal: what the connection's settings say of the provider is wrong (see Explain); any other error means that the provider cannot be
// reached or something is broken here.
func (m *Manager) Begin(ctx context.Context, connectionID string, o Opening) (Departure, error) {
	c, p, err := m.open(ctx, connectionID)
	if err != nil {
		return Departure{}, err
	}
	if len(o.State) > maxState {
		return Departure{}, fmt.Errorf("sso: Opening.State has %d bytes, at most %d are kept", len(o.State), maxState)
	}
	if len(o.LoginHint) > maxHint {
		o.LoginHint = "" // no address that anybody has
	}
	now := m.cfg.Now()
	handle, key := token.New(token.SSORequest)
	r := Request{
		Connection: c, Addresses: m.Addresses(c), Handle: handle, Fresh: o.Fresh, LoginHint: o.LoginHint, MadeAt: now, Now: now,
	}
	d, err := p.Begin(ctx, r)
	if err != nil {
		return Departure{}, fmt.Errorf("sso: beginning a sign-in at %q: %w", c.ID, err)
	}
	if err := m.checkDeparture(d); err != nil {
		return Departure{}, err
	}
	if err := m.record(ctx, c, Event{Kind: RequestMade, Time: now, Test: o.Test}); err != nil {
		return Departure{}, err
	}
	kept := remembered{State: o.State, Memory: d.Memory, Hint: o.LoginHint, Fresh: o.Fresh, Test: o.Test}
	if err := m.keep(ctx, token.SSORequest, key, c.ID, kept, now); err != nil {
		return Departure{}, err
	}
	d.Memory = nil
	return d, nil
}

// checkDeparture keeps browsers from anything but web pages, whatever somebody has entered as an address.
func (m *Manager) checkDeparture(d Departure) error {
	to := d.URL
	if d.Post != nil {
		to = d.Post.Action
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && (m.cfg.InsecureHTTP || baseurl.Loopback(u.Hostname()))) {
		return errors.New("sso: the provider's address is not https")
	}
	return nil
}

// keep seals what a request remembers, and stores it. It opens only as a request of the same purpose, key and connection.
func (m *Manager) keep(ctx context.Context, p token.Purpose, key [32]byte, connection string, what any, now time.Time) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("sso: writing down a request: %w", err)
	}
	sealed, err := m.ring.Seal("sso row "+string(p), connection+"/"+string(key[:]), body)
	if err != nil {
		return fmt.Errorf("sso: sealing a request: %w", err)
	}
	row := RequestRow{Connection: connection, Body: sealed, MadeAt: now, ExpiresAt: now.Add(requestLife)}
	if err := m.cfg.Requests.CreateRequest(ctx, key, row, now); err != nil {
		return fmt.Errorf("sso: keeping a request: %w", err)
	}
	return nil
}

// take answers what keep was given, once. ErrNotFound: it is no such token, or was taken, or has expired. The row is gone then,
// also where it turns out to be of another connection: whoever brings it there has no use of it.
func (m *Manager) take(ctx context.Context, p token.Purpose, plain string, into any, now time.Time) (RequestRow, error) {
	key, ok := token.Lookup(p, plain)
	if !ok {
		return RequestRow{}, ErrNotFound
	}
	row, err := m.cfg.Requests.TakeRequest(ctx, key, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return RequestRow{}, ErrNotFound
	case err != nil:
		return RequestRow{}, fmt.Errorf("sso: taking a request: %w", err)
	case !now.Before(row.ExpiresAt):
		return RequestRow{}, ErrNotFound
	}
	body, err := m.ring.Open("sso row "+string(p), row.Connection+"/"+string(key[:]), row.Body)
	if err != nil {
		return RequestRow{}, ErrNotFound // its key has left the ring, or somebody has changed the table
	}
	if err := json.Unmarshal(body, into); err != nil {
		return RequestRow{}, fmt.Errorf("sso: reading a request: %w", err)
	}
	return row, nil
}
