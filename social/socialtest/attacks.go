package socialtest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Attacks of and on a provider, A-077 to A-113, as far as a provider can make them.
const (
	StateMissing Attack = iota + 1
	StateEmpty
	StateWrong
	StateOfAnother
	IssParameterWrong
	IssParameterMissing
	CodeInjected // the code of the transaction before
	CodeOfVictim // a code that somebody else was given in a browser of theirs. LinkedIn and Facebook bind a code to nothing that would show it
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
	AudienceMissing
	AzpOther
	IssuerSlash
	IssuerCase
	IssuerHTTP
	IssuerPlaceholder
	IssuerLookalike
	IssuerSubpath
	IssuerMissing
	IssuerHost      // Google: without the scheme, as its oldest tokens have it
	TenantOfAnother // Microsoft: iss names one tenant, tid another
	TenantMissing   // Microsoft: no tid
	TenantNoUUID    // Microsoft: tid and iss with something else
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
	AccessHashWrong
	AccessHashMissing
	ReplayIDToken
	AccessTokenType
	LogoutTokenType
	NoticeAsIDToken      // Apple: a notice about the victim
	TokenTypeWrong       // token_type is not Bearer
	UserinfoOtherSubject // to be refused where the product asks userinfo at all: Visits tells
	UserinfoNoSubject    // as above
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
	EmailOfVictim     // Microsoft: an attacker's tenant has the victim's address in its directory
	UsernameOfVictim  // Microsoft: and as preferred_username
	DomainOwnerFalse  // Microsoft: the victim's address, and xms_edov false
	DomainOwnerText   // Microsoft: the victim's address, and xms_edov is the string false
	OtherTenant       // Microsoft: signs in from another tenant, all in order
	PersonalAccount   // Microsoft: signs in with a personal account, all in order
	NoHostedDomain    // Google: a consumer account with an address of the Workspace's domain
	OtherHostedDomain // Google: hd of another Workspace
	HostedDomainLate  // Google: hd in userinfo only
	GraphNoEmail
	GraphEmailEmpty
	GraphEmailNull
	GraphEmailOfVictim
	UserForged // Apple: the field user names the victim
	UserMarkup
	UserBroken
	UserHuge
	NoIDToken
	NotJSON
	SubjectMissing
	SubjectEmpty
	SubjectBlank
	SubjectZero
	SubjectNull
	GraphIDMissing
	GraphIDEmpty
	GraphIDBlank
	GraphIDZero
	GraphIDNull
	SubjectNumber
	SubjectFloat
	SubjectBool
	SubjectArray
	SubjectObject
	SubjectHuge
	GraphIDNumber
	GraphIDFloat
	GraphIDBool
	GraphIDArray
	GraphIDObject
	GraphIDHuge
	GraphError // an error with the status of a good answer
	AccessTokenOfAnother
	AccessTokenInCallback
	AccessTokenBesideCode
	AccessTokenMissing
	AccessTokenEmpty
	ReplyError // an error with the status of a good answer
	ExpiresInText
	ErrorAnswer
	ErrorMarkup
	ErrorLines
	ErrorHuge
	ErrorAndCode
	RecycledAddress
	GraphRecycledAddress
	DiscoveryInternal
	NoticeAlgNone
	NoticeHS256
	NoticeForeignKey
	NoticeUnknownKeyID
	NoticeAudienceOther
	NoticeIssuerOther
	NoticeExpired
	NoticeNoExpiry // as in the example of Apple's page
	NoticeIssuedLongAgo
	NoticeIssuedTomorrow
	NoticeIDToken // an ID token in its place
	NoticeNoEvents
	NoticeEventsObject // events is an object and no string
	NoticeEventsBroken
	NoticeSeconds // event_time is in seconds, as in the example of Apple's page
	NoticeNoSubject
	NoticeUnknownType
	NoticeNotSigned // the payload is the claims, in the clear
	NoticeNoPayload
)

// other is an issuer, and an address, of somebody else.
const other = "https://evil.example"

func attacksOf() (withNonce, withHash, withVerified, withInfo, byTheBook, everyone []Personality) {
	return []Personality{Plain, Google, Microsoft, Apple, LastPass},
		[]Personality{Plain, Google, Apple, LastPass},
		[]Personality{Plain, Google, Apple, LinkedIn, LastPass},
		[]Personality{Plain, Google, Microsoft, LinkedIn, LastPass},
		[]Personality{Plain, LastPass},
		Personalities()
}

// table is every attack.
func table() []attack {
	return slices.Concat(callbackAttacks(), tokenAttacks(), claimAttacks(), graphAttacks(), replyAttacks(), documentAttacks(), noticeAttacks())
}

// callbackAttacks are on what the browser brings.
func callbackAttacks() []attack {
	withNonce, _, _, _, byTheBook, everyone := attacksOf()
	apple := []Personality{Apple}
	rows := []attack{
		{Attack: StateMissing, number: 77, name: "no state", callback: func(_ *Provider, q url.Values, _ string) { q.Del("state") }},
		{Attack: StateEmpty, number: 77, name: "empty state", callback: parameter("state", "")},
		{Attack: StateWrong, number: 78, name: "unknown state", callback: parameter("state", "0123456789abcdef")},
		{Attack: StateOfAnother, number: 81, name: "state of the request before", callback: func(p *Provider, q url.Values, _ string) { q.Set("state", before("state", p.memory.state)) }},
		{Attack: CodeWrong, number: 83, name: "a code that nobody gave", callback: parameter("code", "0123456789abcdef")},
		{Attack: CodeMissing, number: 83, name: "no code", callback: func(_ *Provider, q url.Values, _ string) { q.Del("code") }},
		{Attack: CallbackExtra, number: 85, name: "callback with parameters of the token request", want: Judge, callback: func(_ *Provider, q url.Values, _ string) {
			for name, value := range map[string]string{"redirect_uri": other, "code_verifier": "x", "client_id": "x", "grant_type": "password"} {
				q.Set(name, value)
			}
		}},
		{Attack: CallbackTwice, number: 85, name: "two codes in the callback", callback: func(_ *Provider, q url.Values, _ string) { q.Add("code", "another") }},
		{Attack: AccessTokenInCallback, number: 107, name: "an access token in the callback, and no code", callback: func(p *Provider, q url.Values, _ string) {
			q.Set("access_token", p.tokenOfAnotherLocked(p.codes[q.Get("code")]))
			q.Set("token_type", "bearer")
			q.Del("code")
		}},
		{Attack: AccessTokenBesideCode, number: 107, name: "an access token beside the code", want: Judge, callback: func(p *Provider, q url.Values, _ string) {
			q.Set("access_token", p.tokenOfAnotherLocked(p.codes[q.Get("code")]))
		}},
		{Attack: ErrorAnswer, number: 108, name: "error instead of a code", callback: failed("access_denied", "The person said no.", false)},
		{Attack: ErrorMarkup, number: 108, name: "error with markup", callback: failed(`<script>alert(1)</script>`, `"><script>alert(1)</script>`, false)},
		{Attack: ErrorLines, number: 108, name: "error of two lines", callback: failed("access_denied", "x\r\nSet-Cookie: a=b", false)},
		{Attack: ErrorHuge, number: 108, name: "error of 100 KB", callback: func(p *Provider, q url.Values, state string) {
			failed("access_denied", strings.Repeat("x", 100<<10), false)(p, q, state)
		}},
		{Attack: ErrorAndCode, number: 108, name: "error beside a code", callback: failed("access_denied", "", true)},
	}
	for i := range rows {
		rows[i].on = everyone
	}
	return append(rows, []attack{
		{Attack: IssParameterWrong, number: 82, name: "iss of another provider", on: []Personality{Plain, Google, LastPass}, callback: parameter("iss", other)},
		{Attack: IssParameterMissing, number: 82, name: "no iss though it was promised", on: byTheBook, callback: func(_ *Provider, q url.Values, _ string) { q.Del("iss") }},
		{Attack: CodeInjected, number: 83, name: "the code of the transaction before", on: withNonce, callback: func(p *Provider, q url.Values, _ string) { q.Set("code", before("code", p.memory.code)) }},
		{Attack: CodeOfVictim, number: 83, name: "a code of the victim's browser", on: withNonce, callback: func(p *Provider, q url.Values, _ string) {
			g := p.codes[q.Get("code")]
			g.who = p.victimLocked(g.who)
			g.nonce, g.challenge = "nonce-of-the-victim", ""
			if p.codes[q.Get("code")].challenge != "" {
				g.challenge = halfHash("verifier-of-the-victim")
			}
			code := random()
			p.codes[code] = g
			q.Set("code", code)
		}},
		{Attack: UserForged, number: 103, name: "the field user names the victim", want: Ignore, on: apple, callback: func(p *Provider, q url.Values, _ string) {
			v := p.victimLocked(p.codes[q.Get("code")].who)
			given, family := v.givenFamily()
			user := Claims{}
			user.set("name", map[string]string{"firstName": given, "lastName": family})
			user.SetString("email", v.Email)
			q.Set("user", jsonText(user))
		}},
		{Attack: UserMarkup, number: 103, name: "the field user with markup", want: Ignore, on: apple, callback: parameter("user", `{"name":{"firstName":"<script>alert(1)</script>","lastName":"\u202etxet"}}`)},
		{Attack: UserBroken, number: 103, name: "the field user is no JSON", want: Ignore, on: apple, callback: parameter("user", `{"name":{"firstName":`)},
		{Attack: UserHuge, number: 103, name: "the field user of 100 KB", want: Judge, on: apple, callback: func(_ *Provider, q url.Values, _ string) {
			q.Set("user", `{"name":{"firstName":"`+strings.Repeat("x", 100<<10)+`"}}`)
		}},
	}...)
}

// tokenAttacks are on how an ID token is signed, whom it is for, who made it and when.
func tokenAttacks() []attack {
	withNonce, withHash, _, _, byTheBook, _ := attacksOf()
	microsoft, google, apple := []Personality{Microsoft}, []Personality{Google}, []Personality{Apple}
	return []attack{
		{Attack: NonceMissing, number: 86, name: "no nonce", on: withNonce, token: without("nonce")},
		{Attack: NonceWrong, number: 86, name: "wrong nonce", on: withNonce, token: claim("nonce", `"another"`)},
		{Attack: NonceOld, number: 86, name: "nonce of the transaction before", on: withNonce, token: func(p *Provider, t *signed) { t.claims.SetString("nonce", before("nonce", p.memory.nonce)) }},

		{Attack: AlgNone, number: 87, name: "alg none", token: forged(header("alg", `"none"`))},
		{Attack: AlgNoneCase, number: 87, name: "alg nOnE", token: forged(header("alg", `"nOnE"`))},
		{Attack: AlgHS256Secret, number: 87, name: "HS256 with the client's secret", token: forged(func(_ *Provider, t *signed) {
			t.header.SetString("alg", "HS256")
			t.secret = []byte(t.grant.client.Secret)
		})},
		{Attack: AlgHS256PublicKey, number: 87, name: "HS256 with the public key", token: forged(func(_ *Provider, t *signed) { t.hs256() })},
		{Attack: AlgOtherKey, number: 87, name: "the other algorithm in the header", token: func(_ *Provider, t *signed) {
			t.header.SetString("alg", map[string]string{"RS256": "ES256", "ES256": "RS256"}[t.key.algorithm()])
		}},
		{Attack: AlgNotOffered, number: 87, name: "an algorithm that discovery does not offer", want: Judge, token: func(p *Provider, t *signed) {
			if t.key.algorithm() == "RS256" {
				t.key = p.curve[0]
			} else {
				t.key = p.rsa[0]
			}
			t.header.SetString("alg", t.key.algorithm())
			t.header.SetString("kid", t.key.id)
		}},
		{Attack: SignatureWrong, number: 87, name: "signed with another key", token: forged(func(p *Provider, t *signed) {
			t.key = p.strangerLocked()
			t.header.SetString("alg", "RS256")
		})},
		{Attack: SignatureMissing, number: 87, name: "no signature", token: forged(func(_ *Provider, t *signed) {
			text := t.text()
			t.ready = text[:strings.LastIndex(text, ".")+1]
		})},
		{Attack: HeaderJWK, number: 88, name: "the token brings its key", token: forged(func(p *Provider, t *signed) {
			t.foreignKey(p)
			t.header.set("jwk", publicJWK(t.key))
		})},
		{Attack: HeaderJKU, number: 88, name: "the token says where its keys are", token: forged(func(p *Provider, t *signed) {
			t.foreignKey(p)
			t.header.SetString("jku", p.CanaryURL())
		})},
		{Attack: HeaderX5U, number: 88, name: "the token says where its certificate is", token: forged(func(p *Provider, t *signed) {
			t.foreignKey(p)
			t.header.SetString("x5u", p.CanaryURL())
		})},
		{Attack: HeaderCrit, number: 88, name: "unknown critical header", token: func(_ *Provider, t *signed) {
			t.header["crit"], t.header["urn:unknown"] = json.RawMessage(`["urn:unknown"]`), json.RawMessage(`true`)
		}},
		{Attack: UnknownKeyID, number: 89, name: "unknown kid", token: forged(func(p *Provider, t *signed) { t.foreignKey(p) })},
		{Attack: NoKeyID, number: 89, name: "no kid", want: Judge, token: func(_ *Provider, t *signed) { delete(t.header, "kid") }},
		{Attack: AudienceOther, number: 90, name: "another audience", token: claim("aud", `"another"`)},
		{Attack: AudienceSeveralNoAzp, number: 90, name: "several audiences, no azp", token: func(_ *Provider, t *signed) {
			t.claims.set("aud", []string{t.grant.client.ID, "another"})
			delete(t.claims, "azp")
		}},
		{Attack: AudienceSeveral, number: 90, name: "an audience that nobody trusts", token: func(_ *Provider, t *signed) {
			t.claims.set("aud", []string{t.grant.client.ID, "another"})
			t.claims.SetString("azp", t.grant.client.ID)
		}},
		{Attack: AudienceEmpty, number: 90, name: "no audience in the list", token: claim("aud", `[]`)},
		{Attack: AudienceMissing, number: 90, name: "no aud", token: without("aud")},
		{Attack: AzpOther, number: 90, name: "azp of another", token: claim("azp", `"another"`)},
		{Attack: IssuerSlash, number: 91, name: "issuer with a slash", token: issuerAs(func(s string) string { return s + "/" })},
		{Attack: IssuerCase, number: 91, name: "issuer in other case", token: issuerAs(func(s string) string { return strings.Replace(s, "http", "HTTP", 1) })},
		{Attack: IssuerHTTP, number: 91, name: "issuer with the other scheme", token: issuerAs(otherScheme)},
		{Attack: IssuerPlaceholder, number: 91, name: "issuer with a placeholder", token: func(p *Provider, t *signed) {
			t.claims.SetString("iss", p.cfg.BaseURL+"/{tenantid}/v2.0")
		}},
		{Attack: IssuerLookalike, number: 91, name: "issuer that looks alike", token: issuerAs(func(s string) string { return strings.Replace(s, "://", "://id.", 1) })},
		{Attack: IssuerSubpath, number: 91, name: "issuer with a path below", token: issuerAs(func(s string) string { return s + "/tenant" })},
		{Attack: IssuerMissing, number: 91, name: "no issuer", token: without("iss")},
		{Attack: IssuerHost, number: 91, name: "issuer without the scheme", want: Judge, on: google, token: issuerAs(func(s string) string { return s[strings.Index(s, "://")+3:] })},
		{Attack: TenantOfAnother, number: 91, name: "iss of one tenant, tid of another", on: microsoft, token: claim("tid", `"`+strangeTenant+`"`)},
		{Attack: TenantMissing, number: 91, name: "no tid", on: microsoft, token: without("tid")},
		{Attack: TenantNoUUID, number: 91, name: "a tenant that is none", on: microsoft, token: func(p *Provider, t *signed) {
			t.claims.SetString("tid", "../common")
			t.claims.SetString("iss", p.TenantIssuer("../common"))
		}},

		{Attack: TokenExpired, number: 92, name: "expired", token: at("exp", -time.Hour)},
		{Attack: IssuedLongAgo, number: 92, name: "issued last year", token: at("iat", -365*24*time.Hour)},
		{Attack: IssuedTomorrow, number: 92, name: "issued tomorrow", token: at("iat", 24*time.Hour)},
		{Attack: NotYetValid, number: 92, name: "valid tomorrow", token: at("nbf", 24*time.Hour)},
		{Attack: ExpiryMissing, number: 92, name: "no exp", token: without("exp")},
		{Attack: ExpiryString, number: 92, name: "exp is a string", token: claim("exp", `"4102444800"`)},
		{Attack: ExpiryOverflow, number: 92, name: "exp overflows", token: claim("exp", `1e400`)},
		{Attack: IssuedMissing, number: 92, name: "no iat", token: without("iat")},
		{Attack: AuthTimeOld, number: 92, name: "sign-in of last week", want: Judge, token: at("auth_time", -7*24*time.Hour)},
		{Attack: AuthTimeMissing, number: 92, name: "no auth_time", want: Judge, on: append(apple, byTheBook...), token: without("auth_time")},
		{Attack: AuthTimeFuture, number: 92, name: "sign-in of tomorrow", want: Judge, token: at("auth_time", 24*time.Hour)},
		{Attack: AccessHashWrong, number: 92, name: "at_hash of another access token", token: func(_ *Provider, t *signed) { t.claims.SetString("at_hash", halfHash("another")) }},
		{Attack: AccessHashMissing, number: 92, name: "no at_hash", want: Accept, on: withHash, token: without("at_hash")},
		{Attack: ReplayIDToken, number: 93, name: "the ID token before", on: withNonce, token: func(p *Provider, t *signed) { t.ready = before("token", p.memory.token) }},
		{Attack: AccessTokenType, number: 94, name: "an access token as ID token", token: func(_ *Provider, t *signed) {
			t.header.SetString("typ", "at+jwt")
			delete(t.claims, "nonce")
			t.claims.SetString("client_id", t.grant.client.ID)
		}},
		{Attack: LogoutTokenType, number: 94, name: "a logout token as ID token", token: func(_ *Provider, t *signed) {
			t.header.SetString("typ", "logout+jwt")
			t.claims["events"] = json.RawMessage(`{"http://schemas.openid.net/event/backchannel-logout":{}}`)
		}},
		{Attack: NoticeAsIDToken, number: 94, name: "a notice as ID token", on: apple, token: func(p *Provider, t *signed) {
			event := Claims{}
			event.SetString("type", EmailEnabled)
			event.SetString("sub", p.subject(t.grant.client, t.victim))
			event.SetString("email", t.victim.Email)
			t.claims.SetString("events", jsonText(event))
			for _, name := range []string{"sub", "nonce", "email", "email_verified", "auth_time", "at_hash", "nonce_supported"} {
				delete(t.claims, name)
			}
		}},
	}
}

// strangeTenant is a tenant that no product here was set up for.
const strangeTenant = "00000000-0000-4000-8000-000000000002"

// claimAttacks are on what an ID token and userinfo say about somebody.
func claimAttacks() []attack {
	_, _, withVerified, withInfo, _, _ := attacksOf()
	microsoft, google := []Personality{Microsoft}, []Personality{Google}
	return []attack{
		{Attack: UserinfoOtherSubject, number: 95, name: "userinfo of another subject", want: Judge, on: withInfo, info: func(_ *Provider, c Claims, _ grant) { c.SetString("sub", "another") }},
		{Attack: UserinfoNoSubject, number: 95, name: "userinfo without a subject", want: Judge, on: withInfo, info: func(_ *Provider, c Claims, _ grant) { delete(c, "sub") }},
		{Attack: UserinfoOverrides, number: 95, name: "userinfo with claims of the token", want: Ignore, on: withInfo, info: func(p *Provider, c Claims, g grant) {
			c.SetString("iss", other)
			c.SetString("aud", "another")
			c.set("email_verified", true)
			c.SetString("email", p.victimLocked(g.who).Email)
		}},

		{Attack: EmailUnverified, number: 97, name: "email_verified false", want: Judge, on: withVerified, token: claim("email_verified", `false`)},
		{Attack: EmailVerifiedString, number: 97, name: "email_verified is the string true", want: Judge, on: []Personality{Plain, Google, Apple, LastPass}, token: claim("email_verified", `"true"`)},
		{Attack: EmailVerifiedFalseString, number: 97, name: "email_verified is the string false", want: Judge, on: withVerified, token: claim("email_verified", `"false"`)},
		{Attack: EmailVerifiedCapitalised, number: 97, name: "email_verified is the string False", want: Judge, on: withVerified, token: claim("email_verified", `"False"`)},
		{Attack: EmailVerifiedZero, number: 97, name: "email_verified 0", want: Judge, on: withVerified, token: claim("email_verified", `0`)},
		{Attack: EmailVerifiedNull, number: 97, name: "email_verified null", want: Judge, on: withVerified, token: claim("email_verified", `null`)},
		{Attack: EmailVerifiedMissing, number: 97, name: "no email_verified", want: Judge, on: withVerified, token: without("email_verified")},
		{Attack: EmailOfVictim, number: 98, name: "the victim's address, unproven", want: Judge, on: microsoft, token: func(_ *Provider, t *signed) {
			t.claims.SetString("email", t.victim.Email)
			delete(t.claims, "xms_edov")
		}},
		{Attack: UsernameOfVictim, number: 98, name: "the victim's address as preferred_username", want: Judge, on: microsoft, token: func(_ *Provider, t *signed) {
			t.claims.SetString("preferred_username", t.victim.Email)
			delete(t.claims, "email")
			delete(t.claims, "xms_edov")
		}},
		{Attack: DomainOwnerFalse, number: 98, name: "the victim's address, xms_edov false", want: Judge, on: microsoft, token: func(_ *Provider, t *signed) {
			t.claims.SetString("email", t.victim.Email)
			t.claims.set("xms_edov", false)
		}},
		{Attack: DomainOwnerText, number: 98, name: "the victim's address, xms_edov the string false", want: Judge, on: microsoft, token: func(_ *Provider, t *signed) {
			t.claims.SetString("email", t.victim.Email)
			t.claims.SetString("xms_edov", "false")
		}},
		{Attack: OtherTenant, number: 99, name: "a token of another tenant", want: Judge, on: microsoft, token: tenantAs(strangeTenant)},
		{Attack: PersonalAccount, number: 99, name: "a token of a personal account", want: Judge, on: microsoft, token: tenantAs(PersonalTenant)},
		{Attack: NoHostedDomain, number: 100, name: "no hd", want: Judge, on: google, token: without("hd")},
		{Attack: OtherHostedDomain, number: 100, name: "hd of another Workspace", want: Judge, on: google, token: claim("hd", `"evil.example"`)},
		{Attack: HostedDomainLate, number: 100, name: "hd in userinfo only", want: Judge, on: google, token: without("hd"), info: func(_ *Provider, c Claims, g grant) { c.some("hd", g.who.HostedDomain) }},

		{Attack: NotJSON, number: 104, name: "an id_token that is no token", token: func(_ *Provider, t *signed) { t.ready = "a.b.c" }},
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
		{Attack: SubjectHuge, number: 105, name: "subject of 256 characters", token: claim("sub", `"`+strings.Repeat("x", 256)+`"`)},
		{Attack: RecycledAddress, number: 109, name: "the same address under a new subject", want: Judge, token: func(_ *Provider, t *signed) { t.claims.SetString("sub", "sub-"+random()) }},
	}
}

// graphAttacks are on what the Graph API says about somebody.
func graphAttacks() []attack {
	rows := []attack{
		{Attack: GraphNoEmail, number: 101, name: "no address", want: Judge, info: func(_ *Provider, c Claims, _ grant) { delete(c, "email") }},
		{Attack: GraphEmailEmpty, number: 101, name: "an empty address", want: Judge, info: field("email", `""`)},
		{Attack: GraphEmailNull, number: 101, name: "the address null", want: Judge, info: field("email", `null`)},
		{Attack: GraphEmailOfVictim, number: 101, name: "the victim's address, unconfirmed", want: Judge, info: func(p *Provider, c Claims, g grant) { c.SetString("email", p.victimLocked(g.who).Email) }},
		{Attack: GraphIDMissing, number: 104, name: "no id", info: func(_ *Provider, c Claims, _ grant) { delete(c, "id") }},
		{Attack: GraphIDEmpty, number: 104, name: "empty id", info: field("id", `""`)},
		{Attack: GraphIDBlank, number: 104, name: "blank id", info: field("id", `"  "`)},
		{Attack: GraphIDZero, number: 104, name: "id 0", info: field("id", `0`)},
		{Attack: GraphIDNull, number: 104, name: "id null", info: field("id", `null`)},
		{Attack: GraphIDNumber, number: 105, name: "id is a number", want: Judge, info: field("id", `12345678901234567890`)},
		{Attack: GraphIDFloat, number: 105, name: "id is 1e20", info: field("id", `1e20`)},
		{Attack: GraphIDBool, number: 105, name: "id is true", info: field("id", `true`)},
		{Attack: GraphIDArray, number: 105, name: "id is a list", info: field("id", `["a","b"]`)},
		{Attack: GraphIDObject, number: 105, name: "id is an object", info: field("id", `{"id":"a"}`)},
		{Attack: GraphIDHuge, number: 105, name: "id of 256 characters", info: field("id", `"`+strings.Repeat("1", 256)+`"`)},
		{Attack: GraphError, number: 104, name: "an error with status 200", info: func(_ *Provider, c Claims, _ grant) {
			clear(c)
			c["error"] = json.RawMessage(`{"message":"An unknown error has occurred.","type":"OAuthException","code":1,"fbtrace_id":"x"}`)
		}},
		{Attack: GraphRecycledAddress, number: 109, name: "the same address under a new id", want: Judge, info: func(_ *Provider, c Claims, _ grant) { c.SetString("id", "1"+digits(random(), 16)) }},
	}
	for i := range rows {
		rows[i].on = []Personality{Facebook}
	}
	return rows
}

// replyAttacks are on the answer of the token endpoint.
func replyAttacks() []attack {
	_, withHash, _, _, _, everyone := attacksOf()
	return []attack{
		{Attack: TokenTypeWrong, number: 94, name: "token_type is not Bearer", want: Judge, on: everyone, reply: func(_ *Provider, f Claims, _ grant) { f.SetString("token_type", "mac") }},
		{Attack: NoIDToken, number: 104, name: "no id_token", reply: func(_ *Provider, f Claims, _ grant) { delete(f, "id_token") }},
		{Attack: AccessTokenOfAnother, number: 107, name: "the victim's access token, made for another product", on: append(withHash, Facebook), reply: func(p *Provider, f Claims, g grant) {
			f.SetString("access_token", p.tokenOfAnotherLocked(g))
		}},
		{Attack: AccessTokenMissing, number: 107, name: "no access_token", on: everyone, reply: func(_ *Provider, f Claims, _ grant) { delete(f, "access_token") }},
		{Attack: AccessTokenEmpty, number: 107, name: "empty access_token", on: everyone, reply: func(_ *Provider, f Claims, _ grant) { f.SetString("access_token", "") }},
		{Attack: ReplyError, number: 107, name: "an error with status 200", on: everyone, reply: func(_ *Provider, f Claims, _ grant) {
			clear(f)
			f.SetString("error", "invalid_grant")
		}},
		{Attack: ExpiresInText, number: 107, name: "expires_in is a string", want: Accept, on: everyone, reply: func(_ *Provider, f Claims, _ grant) { f.SetString("expires_in", "3599") }},
	}
}

// tokenOfAnotherLocked is an access token that a malicious product was given by the victim.
func (p *Provider) tokenOfAnotherLocked(g grant) string {
	access := random()
	p.access[access] = grant{
		client: Client{ID: "another", Secret: random()}, who: p.victimLocked(g.who), since: p.now(), scopes: g.scopes, until: p.now().Add(time.Hour),
	}
	return access
}

// documentAttacks are on discovery.
func documentAttacks() []attack {
	return []attack{
		{Attack: PKCEPlainOnly, number: 84, name: "only plain PKCE is offered", want: Judge, on: []Personality{Plain, Google, LastPass}, document: member("code_challenge_methods_supported", `["plain"]`)},
		{Attack: PKCEUnknown, number: 84, name: "PKCE is not mentioned", want: Judge, on: []Personality{Plain, Google, LastPass}, document: func(_ *Provider, f Claims) { delete(f, "code_challenge_methods_supported") }},
		{Attack: DiscoveryOtherIssuer, number: 96, name: "discovery of another issuer", document: member("issuer", `"`+other+`"`)},
		{Attack: DiscoveryPlainHTTP, number: 96, name: "discovery with endpoints over http", document: endpoints("http://id.example/")},
		{Attack: DiscoveryNoKeys, number: 96, name: "discovery without keys", document: func(_ *Provider, f Claims) { delete(f, "jwks_uri") }},
		{Attack: DiscoveryRedirect, number: 96, name: "discovery redirects", document: func(p *Provider, f Claims) { f.SetString(redirected, p.CanaryURL()) }},
		{Attack: DiscoveryHuge, number: 96, name: "discovery of 20 MB", document: func(_ *Provider, f Claims) { f.SetString("padding", strings.Repeat("x", 20<<20)) }},
		{Attack: DiscoveryNoAlgorithms, number: 96, name: "discovery offers none and HS256", want: Judge, document: member("id_token_signing_alg_values_supported", `["none","HS256"]`)},
		{Attack: DiscoveryInternal, number: 113, name: "discovery with endpoints inside of the network", document: endpoints("https://169.254.169.254/")},
	}
}

// noticeAttacks are on what Apple posts.
func noticeAttacks() []attack {
	rows := []attack{
		{Attack: NoticeAlgNone, number: 87, name: "notice with alg none", notice: func(_ *Provider, n *notice) { n.t.header.SetString("alg", "none") }},
		{Attack: NoticeHS256, number: 87, name: "notice with HS256 and the public key", notice: func(_ *Provider, n *notice) { n.t.hs256() }},
		{Attack: NoticeForeignKey, number: 88, name: "notice that brings its key", notice: func(p *Provider, n *notice) {
			n.t.foreignKey(p)
			n.t.header.set("jwk", publicJWK(n.t.key))
		}},
		{Attack: NoticeUnknownKeyID, number: 89, name: "notice with an unknown kid", notice: func(p *Provider, n *notice) { n.t.foreignKey(p) }},
		{Attack: NoticeAudienceOther, number: 90, name: "notice for another", notice: func(_ *Provider, n *notice) { n.t.claims.SetString("aud", "another") }},
		{Attack: NoticeIssuerOther, number: 91, name: "notice of another issuer", notice: func(_ *Provider, n *notice) { n.t.claims.SetString("iss", other) }},
		{Attack: NoticeExpired, number: 92, name: "expired notice", notice: func(p *Provider, n *notice) {
			n.t.claims.time("iat", p.now().Add(-48*time.Hour))
			n.t.claims.time("exp", p.now().Add(-24*time.Hour))
		}},
		{Attack: NoticeNoExpiry, number: 92, name: "notice without exp", want: Judge, notice: func(_ *Provider, n *notice) { delete(n.t.claims, "exp") }},
		{Attack: NoticeIssuedLongAgo, number: 92, name: "notice of last year that is still good", want: Judge, notice: func(p *Provider, n *notice) { n.t.claims.time("iat", p.now().Add(-365*24*time.Hour)) }},
		{Attack: NoticeIssuedTomorrow, number: 92, name: "notice of tomorrow", notice: func(p *Provider, n *notice) { n.t.claims.time("iat", p.now().Add(24*time.Hour)) }},
		{Attack: NoticeIDToken, number: 94, name: "an ID token as notice", notice: func(p *Provider, n *notice) {
			n.t, n.event = p.idTokenLocked(n.t.grant, random()), nil
		}},
		{Attack: NoticeNoEvents, number: 94, name: "notice without events", notice: func(_ *Provider, n *notice) { n.event = nil }},
		{Attack: NoticeEventsObject, number: 94, name: "notice with events as an object", want: Judge, notice: func(_ *Provider, n *notice) {
			n.t.claims.set("events", n.event)
			n.event = nil
		}},
		{Attack: NoticeEventsBroken, number: 94, name: "notice with events that are no JSON", notice: func(_ *Provider, n *notice) {
			n.t.claims.SetString("events", `{"type":`)
			n.event = nil
		}},
		{Attack: NoticeSeconds, number: 92, name: "notice with event_time in seconds", want: Accept, notice: func(p *Provider, n *notice) { n.event.time("event_time", p.now()) }},
		{Attack: NoticeNoSubject, number: 104, name: "notice about nobody", notice: func(_ *Provider, n *notice) { delete(n.event, "sub") }},
		{Attack: NoticeUnknownType, number: 94, name: "notice of an unknown kind", want: Ignore, notice: func(_ *Provider, n *notice) { n.event.SetString("type", "something-new") }},
		{Attack: NoticeNotSigned, number: 87, name: "notice in the clear", notice: func(_ *Provider, n *notice) {
			n.t.claims.SetString("events", jsonText(n.event))
			n.t.ready, n.event = jsonText(n.t.claims), nil
		}},
		{Attack: NoticeNoPayload, number: 94, name: "notice without a payload", notice: func(_ *Provider, n *notice) { n.omit = true }},
	}
	for i := range rows {
		rows[i].on = []Personality{Apple}
	}
	return rows
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

func claim(name, value string) func(*Provider, *signed) {
	return func(_ *Provider, t *signed) { t.claims[name] = json.RawMessage(value) }
}

func header(name, value string) func(*Provider, *signed) {
	return func(_ *Provider, t *signed) { t.header[name] = json.RawMessage(value) }
}

func without(names ...string) func(*Provider, *signed) {
	return func(_ *Provider, t *signed) {
		for _, name := range names {
			delete(t.claims, name)
		}
	}
}

func at(name string, d time.Duration) func(*Provider, *signed) {
	return func(p *Provider, t *signed) { t.claims.time(name, p.now().Add(d)) }
}

func issuerAs(change func(string) string) func(*Provider, *signed) {
	return func(_ *Provider, t *signed) { t.claims.SetString("iss", change(t.claims.String("iss"))) }
}

// tenantAs has a Microsoft tenant stand for the person, all in order: who can make accounts there can write any address into them.
func tenantAs(tenant string) func(*Provider, *signed) {
	return func(p *Provider, t *signed) {
		g := t.grant
		g.who.Tenant = tenant
		next := p.idTokenLocked(g, "")
		t.claims, t.header, t.key = next.claims, next.header, next.key
	}
}

func otherScheme(address string) string {
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		return "http://" + rest
	}
	return "https://" + strings.TrimPrefix(address, "http://")
}

// forged names the victim, and does the rest.
func forged(rest func(*Provider, *signed)) func(*Provider, *signed) {
	return func(p *Provider, t *signed) {
		t.claims.SetString("sub", p.subject(t.grant.client, t.victim))
		t.claims.SetString("email", t.victim.Email)
		rest(p, t)
	}
}

// hs256 takes the public key for a secret, as a verifier that mixes up its keys would.
func (t *signed) hs256() {
	t.header.SetString("alg", "HS256")
	t.secret = publicPEM(t.key)
}

// foreignKey signs with a key that the provider does not publish, under another kid each time.
func (t *signed) foreignKey(p *Provider) {
	t.key = p.strangerLocked()
	t.header.SetString("alg", "RS256")
	t.header.SetString("kid", t.key.id)
}

func member(name, value string) func(*Provider, Claims) {
	return func(_ *Provider, f Claims) { f[name] = json.RawMessage(value) }
}

func field(name, value string) func(*Provider, Claims, grant) {
	return func(_ *Provider, c Claims, _ grant) { c[name] = json.RawMessage(value) }
}

// endpoints leads everything that discovery names somewhere else.
func endpoints(base string) func(*Provider, Claims) {
	return func(_ *Provider, f Claims) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"} {
			if f[name] != nil {
				f.SetString(name, base+name)
			}
		}
	}
}

func jsonText(c Claims) string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it was made of JSON
	}
	return string(text)
}
