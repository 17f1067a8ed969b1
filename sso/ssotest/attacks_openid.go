package ssotest

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// Attacks of and on an OpenID provider, A-077 to A-113, as far as a company's provider can make them.
const (
	StateMissing Attack = iota + afterProtocolAttacks
	StateEmpty
	StateWrong
	StateOfAnother
	IssParameterWrong
	IssParameterMissing
	CodeInjected
	CodeWrong
	CodeMissing
	PKCEPlainOnly
	PKCEUnknown
	CallbackExtra
	CallbackTwice
	NonceMissing
	NonceWrong
	NonceOld
	AlgNone
	AlgNoneCase
	AlgHS256Secret
	AlgHS256PublicKey
	AlgOtherKey // the header says ES256, the key is RSA
	AlgNotOffered
	SignatureWrong
	SignatureMissing
	HeaderJWK
	HeaderJKU
	HeaderX5U
	HeaderCrit
	UnknownKeyID
	NoKeyID
	AudienceOther
	AudienceSeveralNoAzp
	AudienceSeveral // with the right azp, and an audience that nobody trusts
	AudienceEmpty
	AzpOther
	IssuerSlash
	IssuerCase
	IssuerHTTP
	IssuerPlaceholder
	IssuerLookalike
	IssuerSubpath
	IssuerMissing
	TokenExpired
	IssuedLongAgo
	IssuedTomorrow
	NotYetValid
	ExpiryMissing
	ExpiryString
	ExpiryOverflow
	IssuedMissing
	AuthTimeOld
	AuthTimeMissing
	AuthTimeFuture
	ACRMissing
	ACRWeak
	AMRString // amr is a string, not a list
	AccessHashWrong
	AccessHashMissing
	ReplayIDToken
	AccessTokenType
	LogoutTokenType
	TokenTypeWrong // token_type is not Bearer
	UserinfoOtherSubject
	UserinfoNoSubject
	UserinfoOverrides
	DiscoveryOtherIssuer
	DiscoveryPlainHTTP
	DiscoveryNoKeys
	DiscoveryRedirect
	DiscoveryHuge
	DiscoveryNoAlgorithms
	EmailUnverified
	EmailVerifiedString
	EmailVerifiedFalseString
	EmailVerifiedCapitalised
	EmailVerifiedZero
	EmailVerifiedNull
	EmailVerifiedMissing
	EmailOfVictim
	OtherTenant
	NoHostedDomain
	NoIDToken
	NotJSON
	SubjectMissing
	SubjectEmpty
	SubjectBlank
	SubjectZero
	SubjectNull
	SubjectNumber
	SubjectFloat
	SubjectBool
	SubjectArray
	SubjectObject
	SubjectHuge
	ErrorAnswer
	ErrorMarkup
	ErrorLines
	ErrorHuge
	ErrorAndCode
	RecycledAddress
	DiscoveryInternal
	LogoutTokenNonce
	LogoutTokenNoEvents
	LogoutTokenNoOne // neither sub nor sid
	LogoutTokenWrongAudience
	LogoutTokenWrongIssuer
	LogoutTokenAlgNone
	LogoutTokenForeignKey
	LogoutTokenExpired
	LogoutTokenIDToken // an ID token in its place
)

func openidAttacks() []attack {
	return []attack{
		{Attack: StateMissing, number: 77, name: "no state", callback: func(_ *Provider, q url.Values, _ string) { q.Del("state") }},
		{Attack: StateEmpty, number: 77, name: "empty state", callback: parameter("state", "")},
		{Attack: StateWrong, number: 78, name: "unknown state", callback: parameter("state", "0123456789abcdef")},
		{Attack: StateOfAnother, number: 81, name: "state of the request before", callback: func(p *Provider, q url.Values, _ string) { q.Set("state", before("state", p.memory.state)) }},
		{Attack: IssParameterWrong, number: 82, name: "iss of another provider", callback: parameter("iss", other)},
		{Attack: IssParameterMissing, number: 82, name: "no iss though it was promised", callback: func(_ *Provider, q url.Values, _ string) { q.Del("iss") }},
		{Attack: CodeInjected, number: 83, name: "a code of another transaction", callback: func(p *Provider, q url.Values, _ string) { q.Set("code", before("code", p.memory.code)) }},
		{Attack: CodeWrong, number: 83, name: "a code that nobody gave", callback: parameter("code", "0123456789abcdef")},
		{Attack: CodeMissing, number: 83, name: "no code", callback: func(_ *Provider, q url.Values, _ string) { q.Del("code") }},
		{Attack: PKCEPlainOnly, number: 84, name: "only plain PKCE is offered", want: Judge, document: field("code_challenge_methods_supported", `["plain"]`)},
		{Attack: PKCEUnknown, number: 84, name: "PKCE is not mentioned", want: Judge, document: func(_ *Provider, f Claims) { delete(f, "code_challenge_methods_supported") }},
		{Attack: CallbackExtra, number: 85, name: "callback with parameters of the token request", want: Judge, callback: func(_ *Provider, q url.Values, _ string) {
			for name, value := range map[string]string{"redirect_uri": other, "code_verifier": "x", "client_id": "x", "grant_type": "password"} {
				q.Set(name, value)
			}
		}},
		{Attack: CallbackTwice, number: 85, name: "two codes in the callback", callback: func(_ *Provider, q url.Values, _ string) { q.Add("code", "another") }},
		{Attack: NonceMissing, number: 86, name: "no nonce", token: without("nonce")},
		{Attack: NonceWrong, number: 86, name: "wrong nonce", token: claim("nonce", `"another"`)},
		{Attack: NonceOld, number: 86, name: "nonce of the transaction before", token: func(p *Provider, t *idToken) { t.claims.set("nonce", before("nonce", p.memory.nonce)) }},

		{Attack: AlgNone, number: 87, name: "alg none", token: forgedToken(header("alg", `"none"`))},
		{Attack: AlgNoneCase, number: 87, name: "alg nOnE", token: forgedToken(header("alg", `"nOnE"`))},
		{Attack: AlgHS256Secret, number: 87, name: "HS256 with the client's secret", token: forgedToken(func(_ *Provider, t *idToken) {
			t.header.set("alg", "HS256")
			t.secret = []byte(t.client.Secret)
		})},
		{Attack: AlgHS256PublicKey, number: 87, name: "HS256 with the public key", token: forgedToken(func(_ *Provider, t *idToken) {
			t.header.set("alg", "HS256")
			t.secret = publicPEM(t.key)
		})},
		{Attack: AlgOtherKey, number: 87, name: "the other algorithm in the header", token: func(_ *Provider, t *idToken) {
			t.header.set("alg", map[string]string{"RS256": "ES256", "ES256": "RS256"}[t.key.algorithm()])
		}},
		{Attack: AlgNotOffered, number: 87, name: "an algorithm that discovery does not offer", want: Judge, token: func(p *Provider, t *idToken) {
			t.key = p.otherAlgorithmLocked(t.key)
			t.header.set("alg", t.key.algorithm())
			t.header.set("kid", t.key.id)
		}},
		{Attack: SignatureWrong, number: 87, name: "signed with another key", token: forgedToken(func(p *Provider, t *idToken) { t.key = p.newKey(); t.header.set("alg", "RS256") })},
		{Attack: SignatureMissing, number: 87, name: "no signature", token: forgedToken(func(_ *Provider, t *idToken) {
			text := t.text()
			t.ready = text[:strings.LastIndex(text, ".")+1]
		})},
		{Attack: HeaderJWK, number: 88, name: "the token brings its key", token: forgedToken(func(p *Provider, t *idToken) {
			t.foreignKey(p)
			t.header.set("jwk", publicJWK(t.key))
		})},
		{Attack: HeaderJKU, number: 88, name: "the token says where its keys are", token: forgedToken(func(p *Provider, t *idToken) {
			t.foreignKey(p)
			t.header.set("jku", p.CanaryURL())
		})},
		{Attack: HeaderX5U, number: 88, name: "the token says where its certificate is", token: forgedToken(func(p *Provider, t *idToken) {
			t.foreignKey(p)
			t.header.set("x5u", p.CanaryURL())
		})},
		{Attack: HeaderCrit, number: 88, name: "unknown critical header", token: func(_ *Provider, t *idToken) {
			t.header["crit"], t.header["urn:unknown"] = json.RawMessage(`["urn:unknown"]`), json.RawMessage(`true`)
		}},
		{Attack: UnknownKeyID, number: 89, name: "unknown kid", token: forgedToken(func(p *Provider, t *idToken) { t.foreignKey(p) })},
		{Attack: NoKeyID, number: 89, name: "no kid", want: Judge, token: func(_ *Provider, t *idToken) { delete(t.header, "kid") }},
		{Attack: AudienceOther, number: 90, name: "another audience", token: claim("aud", `"another"`)},
		{Attack: AudienceSeveralNoAzp, number: 90, name: "several audiences, no azp", token: func(_ *Provider, t *idToken) { t.claims.set("aud", []string{t.client.ID, "another"}) }},
		{Attack: AudienceSeveral, number: 90, name: "an audience that nobody trusts", token: func(_ *Provider, t *idToken) {
			t.claims.set("aud", []string{t.client.ID, "another"})
			t.claims.set("azp", t.client.ID)
		}},
		{Attack: AudienceEmpty, number: 90, name: "no audience", token: claim("aud", `[]`)},
		{Attack: AzpOther, number: 90, name: "azp of another", token: claim("azp", `"another"`)},
		{Attack: IssuerSlash, number: 91, name: "issuer with a slash", token: issuerAs(func(s string) string { return s + "/" })},
		{Attack: IssuerCase, number: 91, name: "issuer in other case", token: issuerAs(func(s string) string { return strings.Replace(s, "http", "HTTP", 1) })},
		{Attack: IssuerHTTP, number: 91, name: "issuer with the other scheme", token: issuerAs(otherScheme)},
		{Attack: IssuerPlaceholder, number: 91, name: "issuer with a placeholder", token: issuerAs(func(s string) string { return s + "/{tenantid}/v2.0" })},
		{Attack: IssuerLookalike, number: 91, name: "issuer that looks alike", token: issuerAs(func(s string) string { return strings.Replace(s, "://", "://idp.", 1) })},
		{Attack: IssuerSubpath, number: 91, name: "issuer with a path below", token: issuerAs(func(s string) string { return s + "/tenant" })},
		{Attack: IssuerMissing, number: 91, name: "no issuer", token: without("iss")},

		{Attack: TokenExpired, number: 92, name: "expired", token: at("exp", -time.Hour)},
		{Attack: IssuedLongAgo, number: 92, name: "issued last year", token: at("iat", -365*24*time.Hour)},
		{Attack: IssuedTomorrow, number: 92, name: "issued tomorrow", token: at("iat", 24*time.Hour)},
		{Attack: NotYetValid, number: 92, name: "valid tomorrow", token: at("nbf", 24*time.Hour)},
		{Attack: ExpiryMissing, number: 92, name: "no exp", token: without("exp")},
		{Attack: ExpiryString, number: 92, name: "exp is a string", token: claim("exp", `"4102444800"`)},
		{Attack: ExpiryOverflow, number: 92, name: "exp overflows", token: claim("exp", `1e400`)},
		{Attack: IssuedMissing, number: 92, name: "no iat", token: without("iat")},
		{Attack: AuthTimeOld, number: 92, name: "sign-in of last week", want: Judge, token: at("auth_time", -7*24*time.Hour)},
		{Attack: AuthTimeMissing, number: 92, name: "no auth_time", want: Judge, token: without("auth_time")},
		{Attack: AuthTimeFuture, number: 92, name: "sign-in of tomorrow", want: Judge, token: at("auth_time", 24*time.Hour)},
		{Attack: ACRMissing, number: 92, name: "no acr and no amr", want: Judge, token: without("acr", "amr")},
		{Attack: ACRWeak, number: 92, name: "a password where more was asked for", want: Judge, token: func(_ *Provider, t *idToken) {
			t.claims.set("acr", PasswordContext)
			t.claims.set("amr", []string{"pwd"})
		}},
		{Attack: AMRString, number: 92, name: "amr is a string", want: Judge, token: claim("amr", `"mfa"`)},
		{Attack: AccessHashWrong, number: 92, name: "at_hash of another access token", token: func(_ *Provider, t *idToken) { t.claims.set("at_hash", halfHash("another")) }},
		{Attack: AccessHashMissing, number: 92, name: "no at_hash", want: Accept, token: without("at_hash")},
		{Attack: ReplayIDToken, number: 93, name: "the ID token before", token: func(p *Provider, t *idToken) { t.ready = before("token", p.memory.token) }},
		{Attack: AccessTokenType, number: 94, name: "an access token as ID token", token: func(_ *Provider, t *idToken) {
			t.header.set("typ", "at+jwt")
			delete(t.claims, "nonce")
			t.claims.set("client_id", t.client.ID)
		}},
		{Attack: LogoutTokenType, number: 94, name: "a logout token as ID token", token: func(_ *Provider, t *idToken) {
			t.header.set("typ", "logout+jwt")
			t.claims["events"] = json.RawMessage(`{"http://schemas.openid.net/event/backchannel-logout":{}}`)
		}},
		{Attack: TokenTypeWrong, number: 94, name: "token_type is not Bearer", want: Judge, reply: func(_ *Provider, f Claims) { f.set("token_type", "mac") }},
		{Attack: UserinfoOtherSubject, number: 95, name: "userinfo of another subject", info: func(_ *Provider, c Claims) { c.set("sub", "another") }},
		{Attack: UserinfoNoSubject, number: 95, name: "userinfo without a subject", info: func(_ *Provider, c Claims) { delete(c, "sub") }},
		{Attack: UserinfoOverrides, number: 95, name: "userinfo with claims of the token", want: Ignore, info: func(p *Provider, c Claims) {
			c.set("iss", other)
			c.set("aud", "another")
			c.set("email_verified", true)
			c.set("email", p.victimLocked(Person{Email: c.String("email")}))
		}},
		{Attack: DiscoveryOtherIssuer, number: 96, name: "discovery of another issuer", document: field("issuer", `"`+other+`"`)},
		{Attack: DiscoveryPlainHTTP, number: 96, name: "discovery with endpoints over http", document: endpoints("http://idp.example/")},
		{Attack: DiscoveryNoKeys, number: 96, name: "discovery without keys", document: func(_ *Provider, f Claims) { delete(f, "jwks_uri") }},
		{Attack: DiscoveryRedirect, number: 96, name: "discovery redirects", document: func(p *Provider, f Claims) { f.set(redirected, p.CanaryURL()) }},
		{Attack: DiscoveryHuge, number: 96, name: "discovery of 20 MB", document: func(_ *Provider, f Claims) { f.set("padding", strings.Repeat("x", 20<<20)) }},
		{Attack: DiscoveryNoAlgorithms, number: 96, name: "discovery offers none and HS256", want: Judge, document: field("id_token_signing_alg_values_supported", `["none","HS256"]`)},
		{Attack: EmailUnverified, number: 97, name: "email_verified false", want: Judge, token: claim("email_verified", `false`)},
		{Attack: EmailVerifiedString, number: 97, name: "email_verified is the string true", want: Judge, token: claim("email_verified", `"true"`)},
		{Attack: EmailVerifiedFalseString, number: 97, name: "email_verified is the string false", want: Judge, token: claim("email_verified", `"false"`)},
		{Attack: EmailVerifiedCapitalised, number: 97, name: "email_verified is the string False", want: Judge, token: claim("email_verified", `"False"`)},
		{Attack: EmailVerifiedZero, number: 97, name: "email_verified 0", want: Judge, token: claim("email_verified", `0`)},
		{Attack: EmailVerifiedNull, number: 97, name: "email_verified null", want: Judge, token: claim("email_verified", `null`)},
		{Attack: EmailVerifiedMissing, number: 97, name: "no email_verified", want: Judge, token: without("email_verified")},
		{Attack: EmailOfVictim, number: 98, name: "the victim's address, unproven", want: Judge, token: func(_ *Provider, t *idToken) {
			t.claims.set("email", t.victim)
			delete(t.claims, "email_verified")
			t.claims.set("xms_edov", false)
		}},
		{Attack: OtherTenant, number: 99, name: "tid of another tenant", want: Judge, token: claim("tid", `"00000000-0000-4000-8000-000000000002"`)},
		{Attack: NoHostedDomain, number: 100, name: "hd of nobody", want: Judge, token: without("hd")},

		{Attack: NoIDToken, number: 104, name: "no id_token", reply: func(_ *Provider, f Claims) { delete(f, "id_token") }},
		{Attack: NotJSON, number: 104, name: "an id_token that is no token", token: func(_ *Provider, t *idToken) { t.ready = "a.b.c" }},
		{Attack: SubjectMissing, number: 104, name: "no subject", token: without("sub")},
		{Attack: SubjectEmpty, number: 104, name: "empty subject", token: claim("sub", `""`)},
		{Attack: SubjectBlank, number: 104, name: "blank subject", token: claim("sub", `"  "`)},
		{Attack: SubjectZero, number: 104, name: "subject 0", token: claim("sub", `0`)},
		{Attack: SubjectNull, number: 104, name: "subject null", token: claim("sub", `null`)},
		{Attack: SubjectNumber, number: 105, name: "subject is a number", token: claim("sub", `12345678901234567890`)},
		{Attack: SubjectFloat, number: 105, name: "subject is 1e20", token: claim("sub", `1e20`)},
		{Attack: SubjectBool, number: 105, name: "subject is true", token: claim("sub", `true`)},
		{Attack: SubjectArray, number: 105, name: "subject is a list", token: claim("sub", `["a","b"]`)},
		{Attack: SubjectObject, number: 105, name: "subject is an object", token: claim("sub", `{"id":"a"}`)},
		{Attack: SubjectHuge, number: 105, name: "subject of 256 characters", token: func(_ *Provider, t *idToken) { t.claims.set("sub", strings.Repeat("x", 256)) }},
		{Attack: ErrorAnswer, number: 108, name: "error instead of a code", callback: failed("access_denied", "The person said no.", false)},
		{Attack: ErrorMarkup, number: 108, name: "error with markup", callback: failed(`<script>alert(1)</script>`, `"><script>alert(1)</script>`, false)},
		{Attack: ErrorLines, number: 108, name: "error of two lines", callback: failed("access_denied", "x\r\nSet-Cookie: a=b", false)},
		{Attack: ErrorHuge, number: 108, name: "error of 100 KB", callback: failed("access_denied", strings.Repeat("x", 100<<10), false)},
		{Attack: ErrorAndCode, number: 108, name: "error beside a code", callback: failed("access_denied", "", true)},
		{Attack: RecycledAddress, number: 109, name: "the same address under a new subject", want: Judge, token: func(_ *Provider, t *idToken) { t.claims.set("sub", "sub-"+random()) }},
		{Attack: DiscoveryInternal, number: 113, name: "discovery with endpoints inside of the network", document: endpoints("https://169.254.169.254/")},

		{Attack: LogoutTokenNonce, number: 94, name: "logout token with a nonce", back: claim("nonce", `"x"`)},
		{Attack: LogoutTokenNoEvents, number: 94, name: "logout token without events", back: without("events")},
		{Attack: LogoutTokenNoOne, number: 94, name: "logout token about nobody", back: without("sub", "sid")},
		{Attack: LogoutTokenWrongAudience, number: 90, name: "logout token for another", back: claim("aud", `"another"`)},
		{Attack: LogoutTokenWrongIssuer, number: 91, name: "logout token of another issuer", back: claim("iss", `"`+other+`"`)},
		{Attack: LogoutTokenAlgNone, number: 87, name: "logout token with alg none", back: header("alg", `"none"`)},
		{Attack: LogoutTokenForeignKey, number: 88, name: "logout token that brings its key", back: func(p *Provider, t *idToken) {
			t.foreignKey(p)
			t.header.set("jwk", publicJWK(t.key))
		}},
		{Attack: LogoutTokenExpired, number: 92, name: "expired logout token", back: func(p *Provider, t *idToken) {
			t.claims.time("iat", p.now().Add(-2*time.Hour))
			t.claims.time("exp", p.now().Add(-time.Hour))
		}},
		{Attack: LogoutTokenIDToken, number: 94, name: "an ID token as logout token", back: func(_ *Provider, t *idToken) {
			t.header.set("typ", "JWT")
			delete(t.claims, "events")
			t.claims.set("nonce", "x")
		}},
	}
}

// redirected is the member of discovery that has the provider redirect instead of answering.
const redirected = "redirect"

func parameter(name, value string) func(*Provider, url.Values, string) {
	return func(_ *Provider, q url.Values, _ string) { q.Set(name, value) }
}

func failed(code, description string, withCode bool) func(*Provider, url.Values, string) {
	return func(_ *Provider, q url.Values, _ string) {
		if !withCode {
			q.Del("code")
		}
		q.Set("error", code)
		if description != "" {
			q.Set("error_description", description)
		}
	}
}

func claim(name, value string) func(*Provider, *idToken) {
	return func(_ *Provider, t *idToken) { t.claims[name] = json.RawMessage(value) }
}

func header(name, value string) func(*Provider, *idToken) {
	return func(_ *Provider, t *idToken) { t.header[name] = json.RawMessage(value) }
}

func without(names ...string) func(*Provider, *idToken) {
	return func(_ *Provider, t *idToken) {
		for _, name := range names {
			delete(t.claims, name)
		}
	}
}

func at(name string, d time.Duration) func(*Provider, *idToken) {
	return func(p *Provider, t *idToken) { t.claims.time(name, p.now().Add(d)) }
}

func issuerAs(change func(string) string) func(*Provider, *idToken) {
	return func(p *Provider, t *idToken) { t.claims.set("iss", change(p.cfg.Issuer)) }
}

func otherScheme(address string) string {
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		return "http://" + rest
	}
	return "https://" + strings.TrimPrefix(address, "http://")
}

// forgedToken names the victim, and does the rest.
func forgedToken(rest func(*Provider, *idToken)) func(*Provider, *idToken) {
	return func(p *Provider, t *idToken) {
		t.claims.set("sub", Person{Email: t.victim}.subject())
		t.claims.set("email", t.victim)
		rest(p, t)
	}
}

// foreignKey signs with a key that the provider does not publish.
func (t *idToken) foreignKey(p *Provider) {
	t.key = newKey(rsaKey(2048), "Attacker", p.now(), time.Hour)
	t.header.set("alg", "RS256")
	t.header.set("kid", t.key.id)
}

// otherAlgorithmLocked is the provider's key of the other kind.
func (p *Provider) otherAlgorithmLocked(k *key) *key {
	if k.algorithm() == "RS256" {
		return p.curve.signs
	}
	return p.openid.signs
}

func field(name, value string) func(*Provider, Claims) {
	return func(_ *Provider, f Claims) { f[name] = json.RawMessage(value) }
}

// endpoints leads everything that discovery names somewhere else.
func endpoints(base string) func(*Provider, Claims) {
	return func(_ *Provider, f Claims) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"} {
			f.set(name, base+name)
		}
	}
}
