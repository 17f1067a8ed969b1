package openid

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	_ "crypto/sha256" // the hashes of at_hash
	_ "crypto/sha512"
)

// Claims are what a provider says about somebody, verified.
type Claims struct {
	Issuer   string
	Subject  string // with Issuer the key to somebody; nothing else is
	IssuedAt time.Time
	Expires  time.Time
	AuthTime time.Time // zero: it does not say
	ACR      string
	AMR      []string
	Session  string // sid; empty: it does not say

	Email         string
	EmailVerified bool // the provider says so, with the boolean true and beside the address

	Raw string // the ID token

	token object // of the ID token
	info  object // of userinfo, where it was asked
}

// Text is a claim that is a string; empty: there is none. Userinfo counts where the ID token is silent.
func (c Claims) Text(name string) string {
	s, _ := c.of(name).text(name)
	return s
}

// Texts is a claim that is a string or a list of them.
func (c Claims) Texts(name string) []string {
	list, _ := c.of(name).texts(name)
	return list
}

// TokenText is Text of the ID token alone: for what somebody is known by.
func (c Claims) TokenText(name string) string {
	s, _ := c.token.text(name)
	return s
}

// Flag is a claim that is the boolean true, in the ID token.
func (c Claims) Flag(name string) bool { return c.token.yes(name) }

// Has tells whether anybody says anything about a claim.
func (c Claims) Has(name string) bool { return c.token.has(name) || c.info.has(name) }

// of is who speaks about a claim.
func (c Claims) of(name string) object {
	if c.token.has(name) || protocol(name) {
		return c.token
	}
	return c.info
}

// protocol tells whether a claim is about the token, or about how somebody signed in: userinfo has no say in these.
func protocol(name string) bool {
	return slices.Contains([]string{
		"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "jti", "at_hash", "c_hash", "auth_time", "acr", "amr", "sid", "events",
	}, name)
}

// with adds userinfo. An address comes with what is said about it: never the address from one and the word for it from the other.
func (c Claims) with(info object) Claims {
	c.info = info
	if !c.token.has("email") && !c.token.has("email_verified") {
		c.Email, _ = info.text("email")
		c.EmailVerified = c.Email != "" && info.yes("email_verified")
	}
	return c
}

// expected is what an ID token must answer.
type expected struct {
	nonce  string
	access string // the access token that came with it
	since  time.Time
	fresh  bool
}

// A header is what counts of a token's.
type header struct{ algorithm, key string }

// A checker writes rules down and remembers the first that was not met.
type checker struct {
	trail *Trail
	first *Refusal
}

// is writes a rule down. It answers whether it was met.
func (c *checker) is(ok bool, code Code, expected, received string) bool {
	if ok {
		c.trail.pass(code, received)
		return true
	}
	if r := c.trail.fail(Refusal{Code: code, Expected: expected, Received: received}); c.first == nil {
		c.first = r
	}
	return false
}

func (c *Client) idToken(ctx context.Context, now time.Time, p Party, m Metadata, want expected, raw string, trail *Trail) (Claims, error) {
	h, err := readHeader(raw, p.algorithms(m), []string{"", "jwt"}, trail)
	if err != nil {
		return Claims{}, err
	}
	keys := &keySet{provider: c.provider(p.source()), now: now, header: h}
	verifier := oidc.NewVerifier(p.Issuer, keys, p.opinion(h, now))
	_, opinion := verifier.Verify(oidc.ClientContext(ctx, c.cfg.HTTP.HTTP()), raw)
	o, err := keys.object(trail)
	if err != nil {
		return Claims{}, err
	}
	ck := &checker{trail: trail}
	claims := Claims{Raw: raw, token: o}
	p.about(o, ck)
	p.signedBy(keys.signers, o, ck)
	claims.Issuer, _ = o.text("iss")
	claims.Expires, claims.IssuedAt = times(o, now, ck)
	if nonce, ok := o.text("nonce"); o.has("nonce") || !p.SkipNonce {
		ck.is(ok && want.nonce != "" && hmac.Equal([]byte(nonce), []byte(want.nonce)), TokenNonce, "the nonce of the request", "")
	}
	claims.Subject, _ = o.text("sub")
	ck.is(goodSubject(claims.Subject), TokenSubject, "a text of 1 to 255 bytes", o.raw("sub"))
	ck.is(!o.has("events"), TokenType, "an ID token", "a token with events")
	if o.has("at_hash") {
		got, ok := o.text("at_hash")
		ck.is(ok && hmac.Equal([]byte(got), []byte(halfHash(h.algorithm, want.access))), TokenAccessHash, "the hash of the access token", "")
	}
	claims.AuthTime = authTime(o, now, want, ck)
	claims.ACR, _ = o.text("acr")
	claims.AMR, _ = o.list("amr") // nothing else asserts anything (RFC 8176)
	if p.ACR != "" {
		ck.is(claims.ACR != "" && slices.Contains(strings.Fields(p.ACR), claims.ACR), TokenContext, p.ACR, o.raw("acr"))
	}
	if ck.first != nil {
		return Claims{}, ck.first
	}
	if opinion != nil {
		return Claims{}, trail.fail(Refusal{Code: TokenOpinion})
	}
	claims.Session, _ = o.text("sid")
	claims.Email, _ = o.text("email")
	claims.EmailVerified = claims.Email != "" && o.yes("email_verified")
	return claims, nil
}

// algorithms are those that tokens to us may be signed with.
func (p Party) algorithms(m Metadata) []string {
	switch {
	case len(p.Algorithms) > 0:
		return p.Algorithms
	case len(m.Algorithms) > 0:
		return m.Algorithms
	}
	return []string{"RS256"} // what every provider must offer
}

// opinion is how go-oidc is asked, which knows of no skew.
func (p Party) opinion(h header, now time.Time) *oidc.Config {
	return &oidc.Config{
		ClientID: p.ClientID, SupportedSigningAlgs: []string{h.algorithm}, Now: func() time.Time { return now.Add(-skew) },
		SkipIssuerCheck: !p.source().plain(), // it knows one name only; about compares all of them
	}
}

// readHeader reads the header of a token, before anything of it is believed and before anybody is asked for a key.
func readHeader(raw string, algorithms, types []string, trail *Trail) (header, error) {
	if len(raw) > maxToken {
		return header{}, trail.fail(Refusal{Code: TokenMalformed, Expected: "at most 64 KiB"})
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return header{}, trail.fail(Refusal{Code: TokenMalformed, Expected: "three parts"})
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return header{}, trail.fail(Refusal{Code: TokenMalformed, Expected: "a header in base64url"})
	}
	o, err := parse(text)
	if err != nil {
		return header{}, trail.fail(Refusal{Code: TokenMalformed, Expected: "a header that is a JSON object without a member twice"})
	}
	trail.pass(TokenMalformed, "")
	for _, name := range []string{"jku", "x5u", "jwk", "crit", "b64", "zip", "enc"} {
		if o.has(name) {
			return header{}, trail.fail(Refusal{Code: TokenHeader, Received: name})
		}
	}
	trail.pass(TokenHeader, "")
	typ, ok := o.text("typ")
	typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
	if o.has("typ") && !ok || !slices.Contains(types, typ) {
		return header{}, trail.fail(Refusal{Code: TokenType, Expected: strings.TrimSpace(strings.Join(types, " ")), Received: o.raw("typ")})
	}
	trail.pass(TokenType, typ)
	alg, _ := o.text("alg")
	if !known(alg) || !slices.Contains(algorithms, alg) {
		return header{}, trail.fail(Refusal{Code: TokenAlgorithm, Expected: strings.Join(algorithms, ", "), Received: o.raw("alg")})
	}
	trail.pass(TokenAlgorithm, alg)
	key, ok := o.text("kid")
	if o.has("kid") && !ok || len(key) > 1024 {
		return header{}, trail.fail(Refusal{Code: TokenKey, Expected: "a name of a key", Received: o.raw("kid")})
	}
	return header{algorithm: alg, key: key}, nil
}

// object is the payload of a token whose signature was found good.
func (s *keySet) object(trail *Trail) (object, error) {
	switch {
	case s.err != nil:
		return nil, trail.told(s.err)
	case s.payload == nil: // go-oidc has not come so far
		return nil, trail.fail(Refusal{Code: TokenMalformed})
	}
	trail.pass(TokenKey, s.header.key)
	trail.pass(TokenSignature, "")
	o, err := parse(s.payload)
	if err != nil {
		return nil, trail.fail(Refusal{Code: TokenMalformed, Expected: "claims that are a JSON object without a member twice"})
	}
	return o, nil
}

// about checks who made a token, and for whom.
func (p Party) about(o object, ck *checker) {
	iss, ok := o.text("iss")
	tid, _ := o.text("tid")
	ck.is(ok && p.issues(iss, tid), TokenIssuer, p.Issuer, o.raw("iss"))
	if len(p.Tenants) > 0 {
		ck.is(slices.Contains(p.Tenants, tid), TokenTenant, strings.Join(p.Tenants, ", "), o.raw("tid"))
	}
	aud, ok := o.texts("aud")
	others := slices.ContainsFunc(aud, func(s string) bool { return s != p.ClientID && !slices.Contains(p.Audiences, s) })
	ck.is(ok && slices.Contains(aud, p.ClientID) && !others, TokenAudience, p.ClientID, o.raw("aud"))
	if o.has("azp") || len(aud) > 1 {
		azp, ok := o.text("azp")
		ck.is(ok && azp == p.ClientID, TokenParty, p.ClientID, o.raw("azp"))
	}
}

// issues tells whether a token of a tenant may bear a name.
func (p Party) issues(iss, tid string) bool {
	if p.Document == "" {
		return p.named(iss)
	}
	return isUUID(tid) && iss == strings.Replace(p.Issuer, tenantID, tid, 1)
}

// named tells whether a name is one of the provider's.
func (p Party) named(iss string) bool {
	if p.Document == "" {
		return iss == p.Issuer || slices.Contains(p.Issuers, iss)
	}
	before, after, _ := strings.Cut(p.Issuer, tenantID)
	tid, ok := strings.CutPrefix(iss, before)
	tid, ends := strings.CutSuffix(tid, after)
	return ok && ends && isUUID(tid)
}

// signedBy checks that a key which is said to be one tenant's has signed for that one.
func (p Party) signedBy(signers []key, o object, ck *checker) {
	if p.Document == "" {
		return
	}
	iss, _ := o.text("iss")
	tid, _ := o.text("tid")
	ok := slices.ContainsFunc(signers, func(k key) bool { return k.issuer == "" || strings.Replace(k.issuer, tenantID, tid, 1) == iss })
	ck.is(ok, TokenKey, "a key for "+iss, "")
}

// isUUID tells whether a text is a UUID in small letters.
func isUUID(s string) bool {
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(s[i])) {
			return false
		}
	}
	return len(s) == 36
}

// times checks when a token counts.
func times(o object, now time.Time, ck *checker) (expires, issued time.Time) {
	expires, ok := o.time("exp")
	ck.is(ok && now.Before(expires.Add(skew)), TokenExpired, "after "+stamp(now), o.when("exp"))
	issued, ok = o.time("iat")
	ck.is(ok && !issued.After(now.Add(skew)) && !issued.Before(now.Add(-maxAge-skew)), TokenIssued, "about "+stamp(now), o.when("iat"))
	if o.has("nbf") {
		nbf, ok := o.time("nbf")
		ck.is(ok && !nbf.After(now.Add(skew)), TokenNotBefore, "before "+stamp(now), o.when("nbf"))
	}
	return expires, issued
}

// authTime checks when somebody has proved who they are: after the request, where that was asked for.
func authTime(o object, now time.Time, want expected, ck *checker) time.Time {
	if !want.fresh && !o.has("auth_time") {
		return time.Time{}
	}
	at, ok := o.time("auth_time")
	ok = ok && !at.After(now.Add(skew))
	if !want.fresh {
		ck.is(ok, TokenAuthTime, "before "+stamp(now), o.when("auth_time"))
		return at
	}
	ck.is(ok && !at.Before(want.since.Add(-skew)), TokenAuthTime, "after "+stamp(want.since), o.when("auth_time"))
	return at
}

// goodSubject tells whether a text can be what somebody is known by.
func goodSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && strings.TrimSpace(s) == s && !strings.EqualFold(s, "null") &&
		strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' }) < 0
}

// halfHash is at_hash: the left half of a hash (OpenID Core §3.1.3.6).
func halfHash(algorithm, access string) string {
	h := hash(algorithm).New()
	h.Write([]byte(access))
	sum := h.Sum(nil)
	return encode(sum[:len(sum)/2])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// when is a time in a report.
func (o object) when(name string) string {
	if t, ok := o.time(name); ok {
		return stamp(t)
	}
	return o.raw(name)
}
