package socialtest

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// document is the discovery document of an issuer, with the members of the real one: see social/testdata for where they come from.
func (p *Provider) document(tenant string) Claims {
	at := func(path string) string { return p.endpoint(path, tenant) }
	fields := map[string]any{
		"issuer":                 p.cfg.Issuer,
		"authorization_endpoint": at(p.trait.authorize),
		"token_endpoint":         at(p.trait.token),
		"jwks_uri":               at(p.trait.keys),

		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{p.keyLocked().algorithm()},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"claims_supported":                      []string{"aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "picture", "sub"},
	}
	if p.trait.userinfo != "" {
		fields["userinfo_endpoint"] = at(p.trait.userinfo)
	}
	for name, value := range p.special(tenant) {
		fields[name] = value
	}
	c := Claims{}
	for name, value := range fields {
		if value != nil {
			c.set(name, value)
		}
	}
	if i := p.settings.DocumentIssuer; i != "" {
		c.SetString("issuer", i)
	}
	return c
}

// special is what one personality says otherwise; nil: it does not say it.
func (p *Provider) special(tenant string) map[string]any {
	at := func(path string) string { return p.endpoint(path, tenant) }
	switch p.cfg.Personality {
	case Google:
		return map[string]any{
			"device_authorization_endpoint":    at("/device/code"),
			"revocation_endpoint":              at("/revoke"),
			"response_types_supported":         []string{"code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token", "none"},
			"code_challenge_methods_supported": []string{"plain", "S256"},
			"grant_types_supported":            []string{"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
		}
	case Microsoft:
		return map[string]any{
			"issuer":                                tenantIssuer(p.cfg.BaseURL, tenant),
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"},
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"subject_types_supported":               []string{"pairwise"},
			"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
			"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
			"request_uri_parameter_supported":       false,
			"device_authorization_endpoint":         at("/{tenant}/oauth2/v2.0/devicecode"),
			"http_logout_supported":                 true,
			"frontchannel_logout_supported":         true,
			"end_session_endpoint":                  at("/{tenant}/oauth2/v2.0/logout"),
			"claims_supported": []string{
				"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce",
				"preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
			},
			"kerberos_endpoint":     at("/{tenant}/kerberos"),
			"tenant_region_scope":   json.RawMessage("null"),
			"cloud_instance_name":   "microsoftonline.com",
			"cloud_graph_host_name": "graph.windows.net",
			"msgraph_host":          "graph.microsoft.com",
			"rbac_url":              "https://pas.windows.net",
		}
	case Apple:
		return map[string]any{
			"revocation_endpoint":                   at("/auth/revoke"),
			"response_modes_supported":              []string{"query", "fragment", "form_post"},
			"subject_types_supported":               []string{"pairwise"},
			"scopes_supported":                      []string{"openid", "email", "name"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
			"claims_supported":                      []string{"aud", "email", "email_verified", "exp", "iat", "is_private_email", "iss", "nonce", "nonce_supported", "real_user_status", "sub", "transfer_sub"},
		}
	case LinkedIn:
		return map[string]any{
			"subject_types_supported":               []string{"pairwise"},
			"scopes_supported":                      []string{"openid", "profile", "email"},
			"token_endpoint_auth_methods_supported": nil, // it does not say, so that client_secret_basic would follow, which does not work
			"claims_supported":                      []string{"iss", "aud", "iat", "exp", "sub", "name", "given_name", "family_name", "picture", "email", "email_verified", "locale"},
		}
	}
	announced := map[string]any{
		"response_modes_supported":         []string{"query", "form_post"},
		"grant_types_supported":            []string{"authorization_code"},
		"code_challenge_methods_supported": []string{"S256"},
	}
	if !p.settings.NoIssuer {
		announced["authorization_response_iss_parameter_supported"] = true
	}
	return announced
}

// discovery is the document of an issuer.
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if p.cfg.Personality == Microsoft && !tenantLike(tenant) {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_tenant", "error_description": "AADSTS90002: Tenant '" + tenant + "' not found."})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fields := p.document(tenant)
	if strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/.well-known/openid-configuration"), "/account") && p.cfg.Personality == Apple {
		fields.SetString("issuer", cmp.Or(p.settings.DocumentIssuer, p.SecondIssuer()))
	}
	for _, row := range p.lookLocked(func(row attack) bool { return row.document != nil }) {
		row.document(p, fields)
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
	p.keyLocked()
	set := struct {
		Keys []Claims `json:"keys"`
	}{}
	for _, k := range slices.Concat(p.rsa, p.curve) {
		c := publicJWK(k)
		if p.cfg.Personality == Microsoft {
			c.SetString("issuer", tenantIssuer(p.cfg.BaseURL, "common"))
		}
		set.Keys = append(set.Keys, c)
	}
	writeJSON(w, http.StatusOK, set)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // what fails here is the connection
}

// token gives tokens for a code.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	form := r.PostForm
	if p.cfg.Personality == Facebook {
		form = r.Form // Facebook takes them in the address too
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.caught = append(p.caught, form)
	if len(p.caught) > 1_000 {
		p.caught = slices.Clone(p.caught[500:]) // a demo runs for days
	}
	if p.cfg.Personality != Facebook && form.Get("grant_type") != "authorization_code" {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	client, ok := p.authenticateLocked(r, form)
	if !ok {
		p.tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	if p.cfg.Personality == LinkedIn && form.Has("code_verifier") {
		// LinkedIn has PKCE for native programs only, at other addresses, and refuses it here: teamhanko/hanko pull request 2405,
		// nextauthjs/next-auth issue 8831.
		p.tokenError(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	code := form.Get("code")
	g, ok := p.codes[code]
	delete(p.codes, code)
	if !ok || p.now().After(g.until) || g.client.ID != client.ID || g.redirect != form.Get("redirect_uri") || !p.verified(g, form) {
		p.tokenError(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	p.replyLocked(w, g)
}

// verified tells whether a token request answers the challenge of the authorization request.
func (p *Provider) verified(g grant, form url.Values) bool {
	if p.settings.IgnorePKCE || p.blindToPKCE() {
		return true
	}
	if g.challenge == "" {
		return !form.Has("code_verifier")
	}
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	return g.challenge == encode(sum[:])
}

// replyLocked is the answer of the token endpoint.
func (p *Provider) replyLocked(w http.ResponseWriter, g grant) {
	access := random()
	g.until = p.now().Add(time.Hour)
	p.access[access] = g
	fields := Claims{}
	fields.SetString("access_token", access)
	fields.SetString("token_type", "Bearer")
	fields.set("expires_in", 3599)
	switch p.cfg.Personality {
	case Facebook:
		fields.SetString("token_type", "bearer")
		fields.set("expires_in", 5183944) // sixty days
	case Apple:
		fields.SetString("refresh_token", "r"+random())
	default:
		fields.SetString("scope", strings.Join(g.scopes, " "))
	}
	rows := p.takeLocked(func(row attack) bool { return row.token != nil || row.reply != nil })
	text := ""
	if p.cfg.Personality.OpenID() {
		t := p.idTokenLocked(g, access)
		for _, row := range rows {
			if row.token != nil {
				row.token(p, t)
			}
		}
		for _, change := range p.mangle {
			change(t.header, t.claims)
		}
		p.mangle = nil
		text = t.text()
		fields.SetString("id_token", text)
	}
	for _, row := range rows {
		if row.reply != nil {
			row.reply(p, fields, g)
		}
	}
	p.memory.token, p.memory.nonce, p.memory.access = text, g.nonce, access
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, http.StatusOK, fields)
}

// tokenError tells a product what was wrong, in the way of the personality.
func (p *Provider) tokenError(w http.ResponseWriter, status int, code string) {
	reply := map[string]any{"error": code}
	switch p.cfg.Personality {
	case Facebook:
		if code == "invalid_client" {
			graphError(w, "OAuthException", 1, "Error validating client secret.")
			return
		}
		graphError(w, "OAuthException", 100, "This authorization code has been used.")
		return
	case Apple:
		status = http.StatusBadRequest // whatever it is
	case Microsoft:
		reply["error_description"] = map[string]string{
			"invalid_client": "AADSTS7000215: Invalid client secret provided.",
			"invalid_grant":  "AADSTS70008: The provided authorization code or refresh token has expired or was not issued for this request.",
		}[code]
	}
	writeJSON(w, status, reply)
}

// authenticateLocked is the client that a token request comes from.
func (p *Provider) authenticateLocked(r *http.Request, form url.Values) (Client, bool) {
	id, secret, basic := r.BasicAuth()
	if basic {
		if !p.trait.basic {
			return Client{}, false
		}
		id, secret = unescape(id), unescape(secret)
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	c, ok := p.clientLocked(id)
	if p.cfg.Personality == Apple {
		return c, ok && p.asserted(c, secret)
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

// MangleIDToken changes the next ID token before it is signed.
func (p *Provider) MangleIDToken(change func(header, claims Claims)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mangle = append(p.mangle, change)
}

// IDToken is an ID token about a person for a client, for tests that need no browser.
func (p *Provider) IDToken(clientID string, who Person, nonce string, attacks ...Attack) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.clientLocked(clientID)
	if !ok {
		client.ID = clientID
	}
	t := p.idTokenLocked(grant{client: client, who: who, since: p.now(), nonce: nonce, scopes: []string{"openid", "email", "profile", "name"}}, "")
	delete(t.claims, "at_hash")
	for _, row := range attackRows(attacks) {
		if row.token != nil {
			row.token(p, t)
		}
	}
	return t.text()
}

// newTokenLocked is a token from the provider to a client, with nothing about anybody in it.
func (p *Provider) newTokenLocked(g grant) *signed {
	k := p.keyLocked()
	t := &signed{grant: g, victim: p.victimLocked(g.who), header: Claims{}, claims: Claims{}, key: k}
	t.header.SetString("alg", k.algorithm())
	t.header.SetString("kid", k.id)
	if p.cfg.Personality != Apple { // whose tokens do not say
		t.header.SetString("typ", "JWT")
	}
	t.claims.SetString("iss", p.tokenIssuerLocked(g.who))
	t.claims.SetString("aud", g.client.ID)
	t.claims.time("iat", p.now())
	return t
}

func (p *Provider) tokenIssuerLocked(who Person) string {
	issuer := p.cfg.Issuer
	if p.cfg.Personality == Microsoft {
		issuer = p.TenantIssuer(who.tenant())
	}
	return cmp.Or(p.settings.TokenIssuer, issuer)
}

// idTokenLocked is the honest ID token for a grant.
func (p *Provider) idTokenLocked(g grant, access string) *signed {
	t := p.newTokenLocked(g)
	c := t.claims
	c.SetString("sub", p.subject(g.client, g.who))
	c.time("exp", p.now().Add(time.Hour))
	if g.nonce != "" && !p.settings.NoNonce && p.cfg.Personality != LinkedIn {
		c.SetString("nonce", g.nonce)
	}
	p.personClaims(c, g, !p.settings.UserinfoOnly || p.cfg.Personality != Plain && p.cfg.Personality != LastPass)
	switch p.cfg.Personality {
	case Google:
		c.SetString("azp", g.client.ID)
		c.SetString("at_hash", halfHash(access))
	case Microsoft: // no at_hash: «ID token claims reference» has it for the authorization endpoint only
		p.microsoftClaims(c, g)
	case Apple:
		p.appleClaims(c, g)
		c.SetString("at_hash", halfHash(access))
	case LinkedIn:
		return t
	default:
		c.SetString("jti", random())
		c.SetString("at_hash", halfHash(access))
		c.time("auth_time", g.since)
	}
	if p.settings.AuthTime {
		c.time("auth_time", g.since)
	}
	return t
}

// personClaims are what the scopes of a grant say about a person, in ID tokens and in userinfo.
func (p *Provider) personClaims(c Claims, g grant, all bool) {
	if p.cfg.Personality == Apple || !all {
		return
	}
	email := slices.Contains(g.scopes, "email") && g.who.Email != ""
	if email {
		c.SetString("email", g.who.Email)
	}
	switch {
	case !email, p.cfg.Personality == Microsoft: // which knows nothing of email_verified
	case p.cfg.Personality == LinkedIn && c["aud"] != nil:
		c.SetString("email_verified", text(!g.who.Unverified)) // a string in ID tokens, not in userinfo: logto-io/logto issue 6843
	default:
		c.set("email_verified", !g.who.Unverified)
	}
	if p.cfg.Personality == Google {
		c.some("hd", g.who.HostedDomain)
	}
	if !slices.Contains(g.scopes, "profile") {
		return
	}
	c.some("name", g.who.name())
	if p.cfg.Personality == Microsoft && c["aud"] != nil {
		return // the parts of a name are in userinfo only
	}
	given, family := g.who.givenFamily()
	c.some("given_name", given)
	c.some("family_name", family)
	c.some("picture", g.who.Picture)
	switch {
	case p.cfg.Personality == LinkedIn && c["aud"] != nil:
		c.SetString("locale", "en_US")
	case p.cfg.Personality == LinkedIn:
		c.set("locale", map[string]string{"country": "US", "language": "en"})
	}
}

func text(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, known := p.access[token]
	if !ok || !known || p.now().After(g.until) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	c := Claims{}
	c.SetString("sub", p.subject(g.client, g.who))
	p.personClaims(c, g, true)
	for _, row := range p.takeLocked(func(row attack) bool { return row.info != nil }) {
		row.info(p, c, g)
	}
	writeJSON(w, http.StatusOK, c)
}
