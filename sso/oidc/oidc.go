// Package oidc speaks OpenID Connect to the identity providers of companies: it is a protocol of package sso.
//
//	speaker, err := oidc.New(oidc.Config{})
//	companies, err := sso.New(sso.Config{Protocols: []sso.Protocol{speaker}, …})
//
// A provider is told two addresses of ours, which a [sso.Manager] makes: the one where answers come (…/callback), and the one where it
// says that a session is over (…/slo; as post-logout address and as back-channel logout address). Where the company lets us sign what
// we say instead of knowing a secret (private_key_jwt), our keys are at …/metadata.
//
// It uses the code flow with PKCE and a nonce. Somebody is who the ID token says, by its issuer and subject; the address counts
// where the provider says that it has verified it.
//
// It does not register itself with a provider, keeps no token but the ID token (sealed, as a hint for signing out), and asks for
// nothing that would outlive the sign-in.
package oidc

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/sso"
)

// Config is what New needs. The zero Config is a good one.
type Config struct {
	// Keys are ours, for connections with private_key_jwt: RSA of at least 2048 bits, or ECDSA with P-256. The first signs, all are
	// published: put a new one first once providers have had time to read it. None: no connection can use that method.
	Keys []crypto.Signer

	Timeout time.Duration  // for one request to a provider; zero: 10 seconds
	RootCAs *x509.CertPool // who vouches for providers' certificates; nil: whom the system trusts

	// AllowPrivate takes providers at plain http, on this machine and in private networks. It is for tests and demonstrations: with it,
	// whoever may enter the address of a provider can make the program talk to whatever stands beside it.
	AllowPrivate bool
}

const maxBytes = 512 << 10 // of anything that a provider says

// google is the one issuer that speaks for companies and for everybody else alike. Which company somebody belongs to stands in hd.
const (
	google       = "https://accounts.google.com"
	hostedDomain = "hd"
)

// Protocol implements sso.Protocol. It is safe for concurrent use, and keeps what providers publish for an hour.
type Protocol struct {
	cfg    Config
	client *openid.Client
	shared map[string]string // issuers of many companies: the claim that says of which
}

// New checks the Config and returns the Protocol.
func New(cfg Config) (*Protocol, error) {
	if cfg.Timeout < 0 {
		return nil, errors.New("oidc: Config.Timeout is negative")
	}
	if _, err := openid.KeySet(cfg.Keys); err != nil {
		return nil, fmt.Errorf("oidc: Config.Keys: %w", err)
	}
	way, err := fetch.New(fetch.Config{AllowPrivate: cfg.AllowPrivate, Timeout: cfg.Timeout, MaxBytes: maxBytes, RootCAs: cfg.RootCAs})
	if err != nil {
		return nil, fmt.Errorf("oidc: making the client: %w", err)
	}
	client, err := openid.New(openid.Config{HTTP: way, AllowHTTP: cfg.AllowPrivate})
	if err != nil {
		return nil, fmt.Errorf("oidc: making the client: %w", err)
	}
	return &Protocol{cfg: cfg, client: client, shared: map[string]string{google: hostedDomain}}, nil
}

// Name implements sso.Protocol.
func (p *Protocol) Name() string { return "oidc" }

// party is us at the provider of a connection.
func (p *Protocol) party(c sso.Connection, a sso.Addresses) openid.Party {
	party := openid.Party{
		Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, Secret: c.OIDC.Secret, AuthMethod: c.OIDC.AuthMethod, Redirect: a.Callback,
		Scopes: c.OIDC.Scopes, ACR: c.OIDC.ACR,
	}
	if len(party.Scopes) == 0 {
		party.Scopes = []string{"email", "profile"}
	}
	if len(p.cfg.Keys) > 0 {
		party.Key = p.cfg.Keys[0]
	}
	return party
}

// Check implements sso.Protocol.
func (p *Protocol) Check(c sso.Connection) error {
	err := p.client.Check(p.party(c, sso.Addresses{}))
	wrong, _ := errors.AsType[*openid.Wrong](err)
	switch {
	case wrong != nil && wrong.Field == "Key":
		return errors.New("sso: Connection.OIDC.AuthMethod private_key_jwt needs Keys in the Config of package oidc")
	case wrong != nil:
		return fmt.Errorf("sso: Connection.OIDC.%s %s", wrong.Field, wrong.Why)
	case err != nil:
		return fmt.Errorf("sso: Connection.OIDC: %w", err)
	case c.OIDC.AllowUnverifiedEmail && c.AllowAnyDomain:
		return errors.New("sso: Connection.OIDC.AllowUnverifiedEmail and AllowAnyDomain together would let the provider sign in as anybody")
	case p.shared[c.OIDC.Issuer] != "" && c.AllowAnyDomain:
		return errors.New("sso: Connection.AllowAnyDomain with an issuer that everybody uses would let everybody in")
	}
	return nil
}

// Begin implements sso.Protocol.
func (p *Protocol) Begin(ctx context.Context, r sso.Request) (sso.Departure, error) {
	ask := openid.Ask{State: r.Handle, LoginHint: r.LoginHint, Fresh: r.Fresh}
	address, kept, err := p.client.Begin(ctx, r.Now, p.party(r.Connection, r.Addresses), ask)
	if err != nil {
		return sso.Departure{}, refusal(err)
	}
	memory, err := json.Marshal(kept)
	if err != nil {
		return sso.Departure{}, fmt.Errorf("oidc: writing down a request: %w", err)
	}
	return sso.Departure{URL: address, Memory: memory}, nil
}

// Handle implements sso.Protocol. It looks at nothing but state, so that the request is over whatever else is wrong.
func (p *Protocol) Handle(m sso.Message) (string, error) {
	if m.Post {
		return "", &sso.Refusal{Code: sso.CodeCallbackMethod, Expected: "GET", Received: "POST"}
	}
	return state(m.Query)
}

func state(q url.Values) (string, error) {
	if len(q["state"]) > 1 {
		return "", &sso.Refusal{Code: sso.CodeCallbackDuplicate, Received: "state"}
	}
	return q.Get("state"), nil
}

// Verify implements sso.Protocol.
func (p *Protocol) Verify(ctx context.Context, r sso.Request, m sso.Message, rep *sso.Report) (sso.Verified, error) {
	var trail openid.Trail
	a, err := answer(r, m)
	if err != nil {
		return sso.Verified{}, report(&trail, rep, err)
	}
	claims, err := p.client.Finish(ctx, r.Now, p.party(r.Connection, r.Addresses), a, &trail)
	if err := report(&trail, rep, err); err != nil {
		return sso.Verified{}, err
	}
	id, err := p.identity(r.Connection, claims, rep)
	if err != nil {
		return sso.Verified{}, err
	}
	return sso.Verified{Identity: id}, nil // the request was taken with its handle: the answer counts once
}

// answer is what a callback is to be checked against.
func answer(r sso.Request, m sso.Message) (openid.Answer, error) {
	a := openid.Answer{Since: r.MadeAt, Fresh: r.Fresh, UserInfo: r.Connection.OIDC.UserInfo}
	if r.Handle == "" || json.Unmarshal(r.Memory, &a.Memory) != nil {
		return a, &openid.Refusal{Code: openid.RequestChanged}
	}
	if m.Post {
		return a, &openid.Refusal{Code: openid.Code(sso.CodeCallbackMethod), Expected: "GET", Received: "POST"}
	}
	var err error
	if a.Callback, err = openid.ParseCallback(m.Query); err != nil {
		return a, err
	}
	if a.Callback.State != r.Handle {
		return a, &openid.Refusal{Code: openid.CallbackMalformed, Expected: "the state of the request"}
	}
	return a, nil
}

// Metadata implements sso.Protocol: our public keys, for a connection that is to know them.
func (p *Protocol) Metadata(c sso.Connection, _ sso.Addresses) (doc []byte, contentType string, ok bool, err error) {
	if c.OIDC.AuthMethod != openid.PrivateKey || len(p.cfg.Keys) == 0 {
		return nil, "", false, nil
	}
	doc, err = openid.KeySet(p.cfg.Keys)
	return doc, "application/jwk-set+json", err == nil, err
}

// Logout implements sso.Protocol.
func (p *Protocol) Logout(ctx context.Context, r sso.Request, l sso.Login) (sso.Departure, bool, error) {
	address, ok, err := p.client.LogoutURL(ctx, r.Now, p.party(r.Connection, r.Addresses), string(l.Token), r.Addresses.Logout, r.Handle)
	if err != nil || !ok {
		return sso.Departure{}, false, refusal(err)
	}
	return sso.Departure{URL: address}, true, nil
}

// Ended implements sso.Protocol. A logout token is posted by the provider itself; the answer to ours is a browser with a state, which
// says nothing and needs no signature.
func (p *Protocol) Ended(ctx context.Context, r sso.Request, m sso.Message, rep *sso.Report) (sso.Ending, error) {
	if !m.Post {
		handle, err := state(m.Query)
		return sso.Ending{Handle: handle}, err
	}
	tokens := m.Form["logout_token"]
	if len(tokens) != 1 {
		return sso.Ending{}, rep.Fail(sso.Refusal{Code: sso.CodeLogoutTokenMissing, Expected: "one logout_token"})
	}
	var trail openid.Trail
	l, err := p.client.VerifyLogout(ctx, r.Now, p.party(r.Connection, r.Addresses), tokens[0], &trail)
	if err := report(&trail, rep, err); err != nil {
		return sso.Ending{}, err
	}
	e := sso.Ending{Request: true, Subject: l.Subject, Once: l.ID, OnceEnds: l.Expires}
	if r.Connection.Attributes.Subject != "" {
		e.Subject = "" // people are known by another name than the one that it says
	}
	if l.Session != "" {
		e.Indexes = []string{l.Session}
	}
	return e, nil
}

// refusal is an error as package sso has it.
func refusal(err error) error {
	if r, ok := errors.AsType[*openid.Refusal](err); ok {
		return &sso.Refusal{Code: sso.Code(r.Code), Expected: r.Expected, Received: r.Received}
	}
	return err
}

// report copies what was tried, and answers the refusal as it stands in the report.
func report(trail *openid.Trail, rep *sso.Report, err error) error {
	refused, _ := errors.AsType[*openid.Refusal](err)
	var first *sso.Refusal
	for _, c := range trail.Checks {
		if c.OK {
			rep.Pass(sso.Code(c.Code), c.Received)
			continue
		}
		r := rep.Fail(sso.Refusal{Code: sso.Code(c.Code), Expected: c.Expected, Received: c.Received})
		if first == nil && refused != nil && refused.Code == c.Code {
			first = r
		}
	}
	switch {
	case first != nil:
		return first
	case refused != nil:
		return rep.Fail(sso.Refusal{Code: sso.Code(refused.Code), Expected: refused.Expected, Received: refused.Received})
	}
	return err
}

// oneOf tells whether a company's domain is among those of a connection.
func oneOf(domain string, c sso.Connection) bool {
	return domain != "" && slices.Contains(c.Domains, domain)
}
