package openid

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Metadata is what a provider says about itself, as far as it is used.
type Metadata struct {
	Issuer     string
	Authorize  string
	Token      string
	Keys       string
	UserInfo   string   // empty: it has none
	EndSession string   // empty: it has none
	Algorithms []string // it signs with, of those that we know
	SaysIssuer bool     // its answers carry iss (RFC 9207)
}

// A source is where a document is, and whose it may be.
type source struct {
	document string // the issuer below which it is
	issuer   string
	others   string // Party.Issuers, one a line
}

func (p Party) source() source {
	return source{document: cmp.Or(p.Document, p.Issuer), issuer: p.Issuer, others: strings.Join(p.Issuers, "\n")}
}

// plain tells whether a document is its issuer's own, as the specification has it.
func (s source) plain() bool { return s.document == s.issuer && s.others == "" }

// bears tells whether a document that says so is the one.
func (s source) bears(issuer string) bool {
	return issuer == s.issuer || s.others != "" && slices.Contains(strings.Split(s.others, "\n"), issuer)
}

// A provider is what is known about an issuer.
type provider struct {
	client *Client
	source source
	busy   chan struct{} // holds one while somebody asks the provider; it guards everything below

	discovered *oidc.Provider
	metadata   Metadata
	documentAt attempt
	keys       []key
	keysAt     attempt
}

// An attempt is the last try to fetch something, and what came of it.
type attempt struct {
	good time.Time // the last that succeeded
	last time.Time // the last
	err  error     // of the last
}

// fresh tells whether what was fetched is still used.
func (a attempt) fresh(now time.Time, life time.Duration) bool {
	return !a.good.IsZero() && within(a.good, now, life)
}

// failing tells whether it was tried in vain just now.
func (a attempt) failing(now time.Time) bool { return a.err != nil && within(a.last, now, failPause) }

// within tells whether something has happened less than d ago. A clock that was set back ends it.
func within(at, now time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return 0 <= age && age < d
}

// done writes an attempt down. One that was given up by its caller says nothing about the provider.
func (a *attempt) done(ctx context.Context, now time.Time, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	a.last, a.err = now, err
	if err == nil {
		a.good = now
	}
}

// lock waits for whoever asks the provider now.
func (p *provider) lock(ctx context.Context) (unlock func(), err error) {
	select {
	case p.busy <- struct{}{}:
		return func() { <-p.busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Discover answers what a provider says about itself.
func (c *Client) Discover(ctx context.Context, now time.Time, issuer string) (Metadata, error) {
	return c.discover(ctx, now, Party{Issuer: issuer})
}

func (c *Client) discover(ctx context.Context, now time.Time, p Party) (Metadata, error) {
	m, _, err := c.provider(p.source()).document(ctx, now)
	return m, err
}

func (p *provider) document(ctx context.Context, now time.Time) (Metadata, *oidc.Provider, error) {
	unlock, err := p.lock(ctx)
	if err != nil {
		return Metadata{}, nil, err
	}
	defer unlock()
	if err := p.discoverLocked(ctx, now); err != nil {
		return Metadata{}, nil, err
	}
	return p.metadata, p.discovered, nil
}

func (p *provider) discoverLocked(ctx context.Context, now time.Time) error {
	switch {
	case p.documentAt.fresh(now, p.client.cfg.lifetime()):
		return nil
	case p.documentAt.failing(now):
		return p.documentAt.err
	}
	discovered, metadata, err := p.discover(ctx)
	p.documentAt.done(ctx, now, err)
	if err != nil {
		return err
	}
	if metadata.Keys != p.metadata.Keys {
		p.keys, p.keysAt = nil, attempt{}
	}
	p.discovered, p.metadata = discovered, metadata
	return nil
}

func (p *provider) discover(ctx context.Context) (*oidc.Provider, Metadata, error) {
	for _, s := range []string{p.source.document, p.source.issuer} {
		if !p.client.address(s) || strings.ContainsAny(s, "?#") {
			return nil, Metadata{}, &Refusal{Code: DiscoveryIssuer, Expected: "an https address", Received: s}
		}
	}
	if !p.source.plain() {
		ctx = oidc.InsecureIssuerURLContext(ctx, p.source.issuer) // go-oidc knows one name only; read compares all of them
	}
	d, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client.http(reader{code: DiscoveryMalformed})), p.source.document)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, Metadata{}, &Refusal{Code: DiscoveryIssuer, Expected: p.source.issuer, Received: other.Discovered}
	case err != nil:
		return nil, Metadata{}, explain(DiscoveryFailed, DiscoveryMalformed, err)
	}
	var raw json.RawMessage
	if err := d.Claims(&raw); err != nil {
		return nil, Metadata{}, &Refusal{Code: DiscoveryMalformed}
	}
	doc, err := parse(raw)
	if err != nil {
		return nil, Metadata{}, &Refusal{Code: DiscoveryMalformed}
	}
	m, err := p.read(doc)
	return d, m, err
}

// read takes what is used out of a document.
func (p *provider) read(doc object) (Metadata, error) {
	m := Metadata{SaysIssuer: doc.yes("authorization_response_iss_parameter_supported")}
	m.Issuer, _ = doc.text("issuer")
	if !p.source.bears(m.Issuer) {
		return Metadata{}, &Refusal{Code: DiscoveryIssuer, Expected: p.source.issuer, Received: doc.raw("issuer")}
	}
	for _, f := range []struct {
		name     string
		into     *string
		required bool
	}{
		{"authorization_endpoint", &m.Authorize, true},
		{"token_endpoint", &m.Token, true},
		{"jwks_uri", &m.Keys, true},
		{"userinfo_endpoint", &m.UserInfo, false},
		{"end_session_endpoint", &m.EndSession, false},
	} {
		if !doc.has(f.name) && !f.required {
			continue
		}
		s, ok := doc.text(f.name)
		if !ok || !p.client.address(s) || reserved(s) {
			return Metadata{}, &Refusal{Code: DiscoveryEndpoint, Expected: f.name + ": an https address", Received: doc.raw(f.name)}
		}
		*f.into = s
	}
	if types, ok := doc.texts("response_types_supported"); ok && !slices.Contains(types, "code") {
		return Metadata{}, &Refusal{Code: DiscoveryMalformed, Expected: "response type code", Received: strings.Join(types, ", ")}
	}
	algorithms, _ := doc.texts("id_token_signing_alg_values_supported")
	for _, a := range algorithms {
		if known(a) {
			m.Algorithms = append(m.Algorithms, a)
		}
	}
	return m, nil
}

// address tells whether a text is the address of something that may be asked.
func (c *Client) address(s string) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= 2048 && printable(s) && u.Hostname() != "" && u.User == nil && u.Opaque == "" && u.Fragment == "" &&
		(u.Scheme == "https" || c.cfg.AllowHTTP && u.Scheme == "http")
}

// reserved tells whether an address has a query that would get in the way of ours.
func reserved(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		return true
	}
	for _, name := range []string{
		"response_type", "response_mode", "client_id", "client_secret", "client_assertion", "client_assertion_type", "redirect_uri",
		"scope", "state", "nonce", "code", "code_challenge", "code_challenge_method", "code_verifier", "grant_type", "prompt", "max_age",
		"login_hint", "acr_values", "request", "request_uri", "id_token_hint", "post_logout_redirect_uri",
	} {
		if u.Query().Has(name) {
			return true
		}
	}
	return false
}
