package openid

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// The ways to say that we are who we say we are.
const (
	SecretBasic = "client_secret_basic"
	SecretPost  = "client_secret_post"
	PrivateKey  = "private_key_jwt"
)

// A Party is us at a provider.
type Party struct {
	Issuer     string // compared byte by byte
	ClientID   string
	Secret     string
	AuthMethod string        // SecretBasic, SecretPost or PrivateKey; empty: SecretBasic
	Key        crypto.Signer // of PrivateKey: RSA, or ECDSA with P-256
	Redirect   string        // where answers come: from configuration, never from a request

	Scopes     []string // besides openid
	ACR        string   // values that are asked for, one of which is then required; empty: none
	Algorithms []string // that ID tokens may be signed with; none: those that the provider names, or RS256
	Audiences  []string // who else an ID token may be for; none: nobody
	Prompt     string   // what people are asked there in any case: "select_account" or "consent"; empty: what the provider likes
	FormPost   bool     // answers are posted, not sent as a query (OAuth 2.0 Form Post Response Mode)

	// SecretFunc makes the Secret of one exchange; nil: Secret. It is for providers that want one that we sign, and does not go with
	// PrivateKey.
	SecretFunc func(now time.Time) (string, error)

	// What follows is for providers that differ from the specification. Each lets in what it says, and nothing else.

	// Issuers are further names of the provider: its document, its tokens and the iss of its answers may bear Issuer or one of these,
	// byte by byte. None: there are none.
	Issuers []string

	// Document is the issuer whose document is read, of a provider that has an issuer for each of its tenants and one document for all.
	// Issuer then has {tenantid} in it, once: the document must bear exactly this text, and a token the same with its own tid, which
	// must be a UUID, in that place. Empty: the document is Issuer's.
	Document string
	Tenants  []string // what tid may be; none: it is not looked at beyond what Document says

	// SkipNonce takes an ID token that has no nonce, of a provider that never has one. A nonce that is there must be the one of the
	// request. What is lost: a code that somebody has stolen before it was used counts in his own sign-in, unless PKCE is there to stop
	// it. What stays: state, and which browser asked, are the caller's business.
	SkipNonce bool

	// SkipPKCE sends neither challenge nor verifier, to a provider that refuses them from whoever has a secret.
	SkipPKCE bool
}

const tenantID = "{tenantid}"

// Wrong is what Check finds: a field of a Party and what is wrong with it.
type Wrong struct{ Field, Why string }

func (w *Wrong) Error() string { return "openid: Party." + w.Field + " " + w.Why }

// Check tells what is wrong with a Party; the error is a *Wrong. It asks nobody.
func (c *Client) Check(p Party) error {
	switch {
	case !c.address(p.Issuer) || strings.ContainsAny(p.Issuer, "?#"):
		return &Wrong{"Issuer", "must be an https address without a query"}
	case strings.Contains(p.Issuer, "/.well-known/"):
		return &Wrong{"Issuer", "must be the issuer alone, without /.well-known/openid-configuration"}
	case manyTenants(p.Issuer):
		return &Wrong{"Issuer", "is of many tenants, none of which calls itself that: name one by its ID"}
	case p.Document == "" && strings.ContainsAny(p.Issuer, "{}"):
		return &Wrong{"Issuer", "has a placeholder, and there is no Document"}
	case p.ClientID == "" || len(p.ClientID) > 1024 || !printable(p.ClientID):
		return &Wrong{"ClientID", "is required, in printable ASCII"}
	case len(p.Secret) > 4096:
		return &Wrong{"Secret", "is longer than 4096 bytes"}
	case len(p.ACR) > 1024 || !printable(p.ACR):
		return &Wrong{"ACR", "must be printable ASCII"}
	case p.Prompt != "" && p.Prompt != "select_account" && p.Prompt != "consent":
		return &Wrong{"Prompt", "is none of select_account and consent"}
	}
	if err := c.checkNames(p); err != nil {
		return err
	}
	for _, s := range p.Scopes {
		if word(s) == "" {
			return &Wrong{"Scopes", "has something that is no scope"}
		}
		if s == oidc.ScopeOfflineAccess {
			return &Wrong{"Scopes", "has offline_access, which asks for a token that would outlive the sign-in, and that nobody here uses"}
		}
	}
	for _, a := range p.Algorithms {
		if !known(a) {
			return &Wrong{"Algorithms", "has one that does not count"}
		}
	}
	return p.checkAuth()
}

// manyTenants tells the addresses at which Microsoft publishes what holds for many tenants. The issuer in such a document is another.
func manyTenants(issuer string) bool {
	tenant, ok := strings.CutPrefix(issuer, "https://login.microsoftonline.com/")
	tenant, _, _ = strings.Cut(tenant, "/")
	return ok && slices.Contains([]string{"common", "organizations", "consumers"}, tenant)
}

// checkNames checks whose tokens count besides those of Issuer.
func (c *Client) checkNames(p Party) error {
	for _, s := range p.Issuers {
		if !c.address(s) || strings.ContainsAny(s, "?#{}") {
			return &Wrong{"Issuers", "must be https addresses without a query"}
		}
	}
	for _, t := range p.Tenants {
		if !isUUID(t) {
			return &Wrong{"Tenants", "must be UUIDs in small letters"}
		}
	}
	switch {
	case p.Document == "":
		return nil
	case !c.address(p.Document) || strings.ContainsAny(p.Document, "?#{}"):
		return &Wrong{"Document", "must be an https address without a query"}
	case strings.Count(p.Issuer, tenantID) != 1 || strings.ContainsAny(strings.Replace(p.Issuer, tenantID, "", 1), "{}"):
		return &Wrong{"Issuer", "must have {tenantid} in it, once, where there is a Document"}
	case len(p.Issuers) > 0:
		return &Wrong{"Issuers", "do not go with Document"}
	}
	return nil
}

func (p Party) checkAuth() error {
	switch p.AuthMethod {
	case "", SecretBasic, SecretPost:
		switch {
		case p.Secret == "" && p.SecretFunc == nil:
			return &Wrong{"Secret", "is required"}
		case p.Secret != "" && p.SecretFunc != nil:
			return &Wrong{"Secret", "does not go with SecretFunc"}
		}
	case PrivateKey:
		if p.SecretFunc != nil {
			return &Wrong{"SecretFunc", "does not go with private_key_jwt"}
		}
		if _, err := signingAlgorithm(p.Key); err != nil {
			return &Wrong{"Key", "must be RSA of at least 2048 bits, or ECDSA with P-256, for private_key_jwt"}
		}
	default:
		return &Wrong{"AuthMethod", "is none of client_secret_basic, client_secret_post and private_key_jwt"}
	}
	return nil
}

var errKey = errors.New("openid: a key must be RSA of at least 2048 bits, or ECDSA with P-256")

func signingAlgorithm(key crypto.Signer) (jose.SignatureAlgorithm, error) {
	if key == nil {
		return "", errKey
	}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSABits {
			return jose.RS256, nil
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	}
	return "", errKey
}

// KeySet writes the public halves of keys as a provider reads them (RFC 7517).
func KeySet(keys []crypto.Signer) ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, key := range keys {
		k, err := publicKey(key)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, k)
	}
	doc, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("openid: writing a key set: %w", err)
	}
	return doc, nil
}

// publicKey names a key by its thumbprint (RFC 7638).
func publicKey(key crypto.Signer) (jose.JSONWebKey, error) {
	alg, err := signingAlgorithm(key)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	k := jose.JSONWebKey{Key: key.Public(), Algorithm: string(alg), Use: "sig"}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("openid: naming a key: %w", err)
	}
	k.KeyID = encode(sum)
	return k, nil
}

// An Ask is what is special about one request.
type Ask struct {
	State     string // travels to the provider and back
	LoginHint string // empty: none
	Fresh     bool   // whoever signs in must prove it anew
}

// Memory is what a request must remember until its answer. It holds secrets: seal it.
type Memory struct {
	Issuer   string
	ClientID string
	Redirect string
	Nonce    string
	Verifier string // of PKCE; empty: Party.SkipPKCE
}

// Begin makes the address that a browser goes to. Its parameters are these and no others.
func (c *Client) Begin(ctx context.Context, now time.Time, p Party, a Ask) (string, Memory, error) {
	m, err := c.discover(ctx, now, p)
	if err != nil {
		return "", Memory{}, err
	}
	kept := Memory{Issuer: p.Issuer, ClientID: p.ClientID, Redirect: p.Redirect, Nonce: token.NewID()}
	options := []oauth2.AuthCodeOption{oidc.Nonce(kept.Nonce)}
	if !p.SkipPKCE {
		kept.Verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(kept.Verifier))
	}
	set := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	if a.LoginHint != "" {
		set("login_hint", a.LoginHint)
	}
	switch {
	case a.Fresh:
		set("prompt", "login")
		set("max_age", "0") // so that auth_time comes back
	case p.Prompt != "":
		set("prompt", p.Prompt)
	}
	if p.FormPost {
		set("response_mode", "form_post")
	}
	if p.ACR != "" {
		set("acr_values", p.ACR)
	}
	return p.oauth(m).AuthCodeURL(a.State, options...), kept, nil
}

// oauth is what x/oauth2 needs to know.
func (p Party) oauth(m Metadata) *oauth2.Config {
	cfg := &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.Secret, RedirectURL: p.Redirect, Scopes: p.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorize, TokenURL: m.Token, AuthStyle: oauth2.AuthStyleInHeader},
	}
	switch p.AuthMethod {
	case SecretPost:
		cfg.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	case PrivateKey:
		cfg.Endpoint.AuthStyle, cfg.ClientSecret = oauth2.AuthStyleInParams, ""
	}
	return cfg
}

func (p Party) scopes() []string {
	all := []string{oidc.ScopeOpenID}
	for _, s := range p.Scopes {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// An Answer is what a callback is checked against.
type Answer struct {
	Memory   Memory
	Callback Callback
	Since    time.Time // when the request was made
	Fresh    bool      // Ask.Fresh
	UserInfo bool      // ask the userinfo address for what the ID token leaves out
}

// Finish turns the code of a callback into what the provider says about somebody. Every rule that was tried is in the trail, and the
// first that was not met is the *Refusal; where the claims are concerned, all of them are tried. A *Failure is a provider that cannot
// be reached.
func (c *Client) Finish(ctx context.Context, now time.Time, p Party, a Answer, trail *Trail) (Claims, error) {
	m, err := c.discover(ctx, now, p)
	if err != nil {
		return Claims{}, trail.told(err)
	}
	trail.pass(DiscoveryFailed, m.Issuer)
	// Before the code goes anywhere: it may be one of another provider, brought here so that we hand it over.
	if err := before(p, m, a, trail); err != nil {
		return Claims{}, err
	}
	tokens, raw, err := c.exchange(ctx, now, p, m, a, trail)
	if err != nil {
		return Claims{}, err
	}
	claims, err := c.idToken(ctx, now, p, m, expected{nonce: a.Memory.Nonce, access: tokens.AccessToken, since: a.Since, fresh: a.Fresh}, raw, trail)
	if err != nil {
		return Claims{}, err
	}
	if p.Document != "" && a.Callback.Issuer != "" && a.Callback.Issuer != claims.Issuer {
		return Claims{}, trail.fail(Refusal{Code: CallbackIssuer, Expected: claims.Issuer, Received: a.Callback.Issuer})
	}
	if a.UserInfo && m.UserInfo != "" {
		return c.userInfo(ctx, now, p, claims, tokens, trail)
	}
	return claims, nil
}

// before is what can be told about a callback without asking the provider.
func before(p Party, m Metadata, a Answer, trail *Trail) error {
	switch {
	case a.Memory.Issuer != p.Issuer:
		return trail.fail(Refusal{Code: RequestChanged, Expected: a.Memory.Issuer, Received: p.Issuer})
	case a.Memory.ClientID != p.ClientID:
		return trail.fail(Refusal{Code: RequestChanged, Expected: a.Memory.ClientID, Received: p.ClientID})
	case a.Memory.Redirect != p.Redirect:
		return trail.fail(Refusal{Code: RequestChanged, Expected: a.Memory.Redirect, Received: p.Redirect})
	case a.Memory.Nonce == "" || (a.Memory.Verifier == "") != p.SkipPKCE:
		return trail.fail(Refusal{Code: RequestChanged})
	case a.Callback.Issuer == "" && m.SaysIssuer:
		return trail.fail(Refusal{Code: CallbackIssuer, Expected: p.Issuer, Received: "(none)"})
	case a.Callback.Issuer != "" && !p.named(a.Callback.Issuer):
		return trail.fail(Refusal{Code: CallbackIssuer, Expected: p.Issuer, Received: a.Callback.Issuer})
	}
	trail.pass(CallbackIssuer, a.Callback.Issuer)
	if a.Callback.Error != "" {
		return trail.fail(Refusal{Code: ProviderError, Received: a.Callback.Error})
	}
	if a.Callback.Code == "" {
		return trail.fail(Refusal{Code: CallbackMalformed, Expected: "code"})
	}
	return nil
}

// exchange sends the code to the provider, with the verifier of this request: a code of another one is refused there.
func (c *Client) exchange(ctx context.Context, now time.Time, p Party, m Metadata, a Answer, trail *Trail) (*oauth2.Token, string, error) {
	var options []oauth2.AuthCodeOption
	if !p.SkipPKCE {
		options = append(options, oauth2.VerifierOption(a.Memory.Verifier))
	}
	if p.SecretFunc != nil {
		var err error
		if p.Secret, err = p.SecretFunc(now); err != nil {
			return nil, "", fmt.Errorf("openid: making a secret: %w", err)
		}
	}
	if p.AuthMethod == PrivateKey {
		assertion, err := p.assertion(now, m.Token)
		if err != nil {
			return nil, "", err
		}
		options = append(options,
			oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
			oauth2.SetAuthURLParam("client_assertion", assertion))
	}
	ctx = oidc.ClientContext(ctx, c.http(reader{code: TokenResponse, typ: true, errors: true}))
	tokens, err := p.oauth(m).Exchange(ctx, a.Callback.Code, options...)
	if err != nil {
		malformed := TokenResponse
		if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok && word(said.ErrorCode) != "" {
			malformed = TokenError
		}
		return nil, "", trail.told(explain(TokenFailed, malformed, err))
	}
	if !strings.EqualFold(tokens.TokenType, "Bearer") {
		return nil, "", trail.fail(Refusal{Code: TokenResponse, Expected: "token_type Bearer", Received: tokens.TokenType})
	}
	trail.pass(TokenResponse, "")
	raw, ok := tokens.Extra("id_token").(string)
	if !ok || raw == "" {
		return nil, "", trail.fail(Refusal{Code: TokenMissing})
	}
	trail.pass(TokenMissing, "")
	return tokens, raw, nil
}

// assertion says who we are, for a minute and for one address (RFC 7523).
func (p Party) assertion(now time.Time, audience string) (string, error) {
	public, err := publicKey(p.Key)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(public.Algorithm), Key: cryptosigner.Opaque(p.Key)},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", public.KeyID))
	if err != nil {
		return "", fmt.Errorf("openid: signing an assertion: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.ClientID, Subject: p.ClientID, Audience: jwt.Audience{audience}, ID: token.NewID(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("openid: signing an assertion: %w", err)
	}
	return text, nil
}

// userInfo adds what the ID token leaves out. It is believed only about the same person, and never where the ID token speaks.
func (c *Client) userInfo(ctx context.Context, now time.Time, p Party, claims Claims, tokens *oauth2.Token, trail *Trail) (Claims, error) {
	_, provider, err := c.provider(p.source()).document(ctx, now)
	if err != nil {
		return Claims{}, trail.told(err)
	}
	ctx = oidc.ClientContext(ctx, c.http(reader{code: UserInfoResponse, typ: true}))
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return Claims{}, trail.told(explain(UserInfoFailed, UserInfoResponse, err))
	}
	var raw json.RawMessage
	if err := info.Claims(&raw); err != nil {
		return Claims{}, trail.fail(Refusal{Code: UserInfoResponse})
	}
	o, err := parse(raw)
	if err != nil {
		return Claims{}, trail.fail(Refusal{Code: UserInfoResponse})
	}
	if subject, ok := o.text("sub"); !ok || subject != claims.Subject {
		return Claims{}, trail.fail(Refusal{Code: UserInfoSubject, Expected: claims.Subject, Received: o.raw("sub")})
	}
	trail.pass(UserInfoSubject, claims.Subject)
	return claims.with(o), nil
}

// told writes an error down that was made elsewhere.
func (t *Trail) told(err error) error {
	var (
		r *Refusal
		f *Failure
	)
	switch {
	case errors.As(err, &r):
		return t.fail(*r)
	case errors.As(err, &f):
		t.fail(Refusal{Code: f.Code, Received: string(f.Reason)})
	}
	return err
}
