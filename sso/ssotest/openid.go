package ssotest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// A Client is a product that the provider signs people in to by OpenID Connect.
type Client struct {
	ID                     string
	Secret                 string           // for client_secret_basic and client_secret_post; empty: neither works
	Key                    *jose.JSONWebKey // the public key for private_key_jwt; nil: that does not work
	Public                 bool             // needs no secret, only PKCE
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackChannelLogoutURI   string // told when somebody signs out; empty: nobody is told
	StartURL               string // where the home page of the provider leads; empty: nowhere
	RequirePKCE            bool
}

// A grant is what a code or an access token stands for.
type grant struct {
	client    Client
	who       Person
	session   string
	since     time.Time
	redirect  string
	nonce     string
	challenge string
	scopes    []string
	acr       string
	until     time.Time
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

// Issuer is the provider's name in OpenID Connect.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	base := p.cfg.BaseURL + "/oidc/"
	fields := Claims{}
	for name, value := range map[string]any{
		"issuer":                                           p.cfg.Issuer,
		"authorization_endpoint":                           base + "authorize",
		"token_endpoint":                                   base + "token",
		"jwks_uri":                                         base + "jwks",
		"userinfo_endpoint":                                base + "userinfo",
		"end_session_endpoint":                             base + "logout",
		"response_types_supported":                         []string{"code"},
		"response_modes_supported":                         []string{"query", "form_post"},
		"grant_types_supported":                            []string{"authorization_code"},
		"subject_types_supported":                          []string{"public"},
		"id_token_signing_alg_values_supported":            []string{p.openidKeyLocked().algorithm()},
		"scopes_supported":                                 []string{"openid", "email", "profile", "groups"},
		"token_endpoint_auth_methods_supported":            []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS256", "ES256"},
		"claims_supported":                                 []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "email", "email_verified", "name", "given_name", "family_name", "groups"},
		"code_challenge_methods_supported":                 []string{"S256"},
		"authorization_response_iss_parameter_supported":   true,
		"backchannel_logout_supported":                     true,
		"backchannel_logout_session_supported":             true,
	} {
		fields.set(name, value)
	}
	rows := p.lookLocked(func(a attack) bool { return a.document != nil })
	for _, a := range rows {
		a.document(p, fields)
	}
	if to := fields.String(redirected); to != "" {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	writeJSON(w, http.StatusOK, fields)
}

func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.openidKeyLocked()
	set := struct {
		Keys []Claims `json:"keys"`
	}{}
	for _, k := range slices.Concat(p.openid.published(), p.curve.published()) {
		set.Keys = append(set.Keys, publicJWK(k))
	}
	writeJSON(w, http.StatusOK, set)
}

func publicJWK(k *key) Claims {
	c := Claims{}
	c.set("kid", k.id)
	c.set("use", "sig")
	c.set("alg", k.algorithm())
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		c.set("kty", "RSA")
		c.set("n", encode(public.N.Bytes()))
		c.set("e", encode(big.NewInt(int64(public.E)).Bytes()))
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err) // the curve is one of the library's
		}
		c.set("kty", "EC")
		c.set("crv", "P-256")
		c.set("x", encode(point[1:33]))
		c.set("y", encode(point[33:]))
	}
	return c
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // what fails here is the connection
}

// authorize takes an authentication request.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		p.refuse(w, err)
		return
	}
	q := r.Form
	for name, values := range q {
		if len(values) > 1 {
			p.refuse(w, errors.New("the parameter "+name+" stands there twice"))
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.clientLocked(q.Get("client_id"))
	if !ok || !slices.Contains(client.RedirectURIs, q.Get("redirect_uri")) {
		p.refuse(w, errors.New("nobody is registered with that client_id and redirect_uri"))
		return
	}
	if code := wrongRequest(client, q); code != "" {
		p.callbackLocked(w, r, q, url.Values{"error": {code}})
		return
	}
	s := p.sessionLocked(r)
	fresh := s != nil && q.Get("prompt") != "login" && !p.tooOld(s, q.Get("max_age"))
	if s != nil && !fresh && p.settings.SignedInAs != "" {
		s, fresh = p.openLocked(s.who), true // signed in anew
	}
	switch {
	case s == nil && q.Get("prompt") == "none":
		p.callbackLocked(w, r, q, url.Values{"error": {"login_required"}})
	case !fresh:
		p.askLocked(w, r, waiting{openid: q})
	default:
		p.grantLocked(w, r, s, q)
	}
}

// tooOld tells whether somebody signed in longer ago than max_age allows.
func (p *Provider) tooOld(s *session, maxAge string) bool {
	n, err := strconv.Atoi(maxAge)
	return err == nil && p.now().Sub(s.since) >= time.Duration(n)*time.Second
}

// wrongRequest is the error of an authentication request; empty for a good one.
func wrongRequest(c Client, q url.Values) string {
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "invalid_scope"
	case q.Get("code_challenge") == "" && (c.RequirePKCE || c.Public):
		return "invalid_request"
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return "invalid_request"
	}
	return ""
}

// grantLocked gives the product a code.
func (p *Provider) grantLocked(w http.ResponseWriter, r *http.Request, s *session, q url.Values) {
	client, _ := p.clientLocked(q.Get("client_id"))
	p.setCookie(w, s)
	if !slices.Contains(s.rps, client.ID) {
		s.rps = append(s.rps, client.ID)
	}
	acr, _, _ := strings.Cut(q.Get("acr_values"), " ")
	code := random()
	p.codes[code] = grant{
		client: client, who: s.who, session: s.id, since: s.since, redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), scopes: strings.Fields(q.Get("scope")), acr: acr, until: p.now().Add(time.Minute),
	}
	p.callbackLocked(w, r, q, url.Values{"code": {code}})
}

// callbackLocked sends the browser back to the product.
func (p *Provider) callbackLocked(w http.ResponseWriter, r *http.Request, q, answer url.Values) {
	if state := q.Get("state"); state != "" {
		answer.Set("state", state)
	}
	answer.Set("iss", p.cfg.Issuer)
	for _, a := range p.takeLocked(func(a attack) bool { return a.callback != nil }) {
		a.callback(p, answer, q.Get("state"))
	}
	p.memory.code, p.memory.state = cmp.Or(answer.Get("code"), p.memory.code), q.Get("state")
	if q.Get("response_mode") == "form_post" {
		d := &delivery{method: "post", action: q.Get("redirect_uri")}
		for name, values := range answer {
			for _, v := range values {
				d.fields = append(d.fields, [2]string{name, v})
			}
		}
		p.deliver(w, d)
		return
	}
	separator := "?"
	if strings.Contains(q.Get("redirect_uri"), "?") {
		separator = "&"
	}
	http.Redirect(w, r, q.Get("redirect_uri")+separator+answer.Encode(), http.StatusSeeOther)
}

// token gives tokens for a code.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "authorization_code" {
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.authenticateLocked(r)
	if !ok {
		tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	code := r.PostForm.Get("code")
	g, ok := p.codes[code]
	delete(p.codes, code)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || p.now().After(g.until) || g.client.ID != client.ID || g.redirect != r.PostForm.Get("redirect_uri") ||
		!p.settings.IgnorePKCE && (g.challenge != "" && g.challenge != encode(sum[:]) || g.challenge == "" && r.PostForm.Has("code_verifier")) {
		tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	access := random()
	g.until = p.now().Add(10 * time.Minute)
	p.access[access] = g
	fields := Claims{}
	fields.set("access_token", access)
	fields.set("token_type", "Bearer")
	fields.set("expires_in", 600)
	fields.set("scope", strings.Join(g.scopes, " "))
	t := p.idTokenLocked(g, access)
	rows := p.takeLocked(func(a attack) bool { return a.token != nil || a.reply != nil })
	for _, a := range rows {
		if a.token != nil {
			a.token(p, t)
		}
	}
	for _, change := range p.mangle.token {
		change(t.header, t.claims)
	}
	p.mangle.token = nil
	text := t.text()
	fields.set("id_token", text)
	for _, a := range rows {
		if a.reply != nil {
			a.reply(p, fields)
		}
	}
	p.memory.token, p.memory.nonce = text, g.nonce
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, http.StatusOK, fields)
}

func tokenError(w http.ResponseWriter, status int, code string) {
	writeJSON(w, status, map[string]string{"error": code})
}

// authenticateLocked is the client that a token request comes from, by any of the ways that discovery names.
func (p *Provider) authenticateLocked(r *http.Request) (Client, bool) {
	if text := r.PostForm.Get("client_assertion"); text != "" {
		return p.asserted(r, text)
	}
	id, secret, basic := r.BasicAuth()
	if basic {
		id, secret = unescape(id), unescape(secret)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	c, ok := p.clientLocked(id)
	if ok && c.Public && secret == "" {
		return c, true
	}
	return c, ok && c.Secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) == 1
}

// unescape undoes the form encoding that RFC 6749 puts inside of basic authentication.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// asserted checks private_key_jwt.
func (p *Provider) asserted(r *http.Request, text string) (Client, bool) {
	if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return Client{}, false
	}
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return Client{}, false
	}
	var claims jwt.Claims
	if t.UnsafeClaimsWithoutVerification(&claims) != nil {
		return Client{}, false
	}
	c, ok := p.clientLocked(claims.Subject)
	if !ok || c.Key == nil || t.Claims(c.Key, &claims) != nil || claims.ID == "" || claims.Expiry == nil {
		return c, false
	}
	err = claims.Validate(jwt.Expected{Issuer: c.ID, Subject: c.ID, Time: p.now()})
	good := claims.Audience.Contains(p.cfg.BaseURL+"/oidc/token") || claims.Audience.Contains(p.cfg.Issuer)
	return c, err == nil && good
}

// IDToken is an ID token about a person for a client, for tests that need no browser.
func (p *Provider) IDToken(clientID string, who Person, nonce string, attacks ...Attack) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.clientLocked(clientID)
	if !ok {
		client.ID = clientID
	}
	g := grant{client: client, who: who, since: p.now(), nonce: nonce, scopes: []string{"openid", "email", "profile"}}
	t := p.idTokenLocked(g, "")
	delete(t.claims, "at_hash")
	for _, a := range attackRows(attacks) {
		if a.token != nil {
			a.token(p, t)
		}
	}
	return t.text()
}

// idTokenLocked is the honest ID token for a grant.
func (p *Provider) idTokenLocked(g grant, access string) *idToken {
	t := p.newTokenLocked(g.client, "JWT")
	t.grant, t.who, t.victim = g, g.who, p.victimLocked(g.who)
	c := t.claims
	c.set("sub", g.who.subject())
	c.time("exp", p.now().Add(5*time.Minute))
	c.time("auth_time", g.since)
	c.set("sid", digest(g.session)[:16])
	c.set("at_hash", halfHash(access))
	if g.nonce != "" {
		c.set("nonce", g.nonce)
	}
	amr := []string{"pwd"}
	if g.who.MultiFactor {
		amr = []string{"pwd", "otp", "mfa"}
		c.set("acr", cmp.Or(g.acr, MultiFactorContext))
	}
	c.set("amr", amr)
	personClaims(c, g)
	return t
}

// newTokenLocked is a token from the provider to a client, with nothing about anybody in it.
func (p *Provider) newTokenLocked(c Client, kind string) *idToken {
	k := p.openidKeyLocked()
	t := &idToken{p: p, client: c, header: Claims{}, claims: Claims{}, key: k}
	t.header.set("alg", k.algorithm())
	t.header.set("kid", k.id)
	t.header.set("typ", kind)
	t.claims.set("iss", p.cfg.Issuer)
	t.claims.set("aud", c.ID)
	t.claims.time("iat", p.now())
	t.claims.set("jti", random())
	return t
}

// personClaims are what the scopes of a grant say about a person.
func personClaims(c Claims, g grant) {
	if slices.Contains(g.scopes, "email") {
		c.set("email", g.who.Email)
		c.set("email_verified", true)
	}
	if slices.Contains(g.scopes, "profile") {
		for name, value := range map[string]string{"name": g.who.name(), "given_name": g.who.GivenName, "family_name": g.who.FamilyName} {
			if value != "" {
				c.set(name, value)
			}
		}
	}
	if len(g.who.Groups) > 0 {
		c.set("groups", g.who.Groups)
	}
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, known := p.access[token]
	if !ok || !known || p.now().After(g.until) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_token")
		return
	}
	c := Claims{}
	c.set("sub", g.who.subject())
	personClaims(c, g)
	for _, a := range p.takeLocked(func(a attack) bool { return a.info != nil }) {
		a.info(p, c)
	}
	writeJSON(w, http.StatusOK, c)
}

// endSession is the logout that a product begins.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.refuse(w, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clientID := cmp.Or(r.Form.Get("client_id"), hintAudience(r.Form.Get("id_token_hint")))
	client, known := p.clientLocked(clientID)
	back := r.Form.Get("post_logout_redirect_uri")
	if back != "" && (!known || !slices.Contains(client.PostLogoutRedirectURIs, back)) {
		p.refuse(w, errors.New("that post_logout_redirect_uri is not registered"))
		return
	}
	if c, err := r.Cookie(p.cookieName()); err == nil && p.sessions[c.Value] != nil {
		s := p.sessions[c.Value]
		s.rps = slices.DeleteFunc(s.rps, func(id string) bool { return id == clientID })
		p.tellClientsLocked(s)
		delete(p.sessions, s.id)
	}
	p.setCookie(w, nil)
	if back == "" {
		http.Redirect(w, r, p.path+"/", http.StatusSeeOther)
		return
	}
	u, err := url.Parse(back)
	if err != nil {
		p.refuse(w, err)
		return
	}
	if state := r.Form.Get("state"); state != "" {
		q := u.Query()
		q.Set("state", state)
		u.RawQuery = q.Encode()
	}
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// hintAudience is the client that an ID token was made for. Nothing rests on it: the address has to be registered too.
func hintAudience(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims Claims
	if err != nil || json.Unmarshal(body, &claims) != nil {
		return ""
	}
	return claims.String("aud")
}

// LogoutToken is the token that tells a product over the back channel that somebody's sessions are over. The session is the sid
// of an ID token; empty leaves it out.
func (p *Provider) LogoutToken(clientID string, who Person, sid string, attacks ...Attack) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logoutTokenLocked(clientID, who, sid, attackRows(attacks))
}

func (p *Provider) logoutTokenLocked(clientID string, who Person, sid string, attacks []attack) string {
	client, ok := p.clientLocked(clientID)
	if !ok {
		client.ID = clientID
	}
	t := p.newTokenLocked(client, "logout+jwt")
	t.who, t.victim = who, p.victimLocked(who)
	t.claims.set("sub", who.subject())
	t.claims.time("exp", p.now().Add(2*time.Minute))
	t.claims.set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})
	if sid != "" {
		t.claims.set("sid", sid)
	}
	for _, a := range attacks {
		if a.back != nil {
			a.back(p, t)
		}
	}
	return t.text()
}

// tellClientsLocked tells every product over the back channel that somebody has signed out. What one makes of it is its affair.
func (p *Provider) tellClientsLocked(s *session) {
	rows := p.takeLocked(func(a attack) bool { return a.back != nil })
	clients := s.rps
	s.rps = nil
	for _, id := range clients {
		c, ok := p.clientLocked(id)
		if !ok || c.BackChannelLogoutURI == "" {
			continue
		}
		text := p.logoutTokenLocked(id, s.who, digest(s.id)[:16], rows)
		p.tell(c.BackChannelLogoutURI, text)
	}
}

// tell posts a logout token, while nobody waits for the lock: the product may fetch the keys meanwhile.
func (p *Provider) tell(address, token string) {
	p.mu.Unlock()
	defer p.mu.Lock()
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.PostForm(address, url.Values{"logout_token": {token}})
	if err == nil {
		resp.Body.Close()
	}
}
