package openid

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
	"github.com/go-jose/go-jose/v4/jwt"
)

// A Notice is a provider's word that something has happened to an account there. Apple sends such.
type Notice struct {
	Issuer  string
	Kind    string // in the provider's words
	Subject string
	At      time.Time // when it happened
}

const noticeAge = 24 * time.Hour // Apple's expire after a day

// VerifyNotice checks the token of a notice, as strictly as an ID token. It counts for the Party's ClientID and its Audiences alike.
// What it says may come twice: a caller does with the second what the first left to do.
func (c *Client) VerifyNotice(ctx context.Context, now time.Time, p Party, raw string, trail *Trail) (Notice, error) {
	m, err := c.discover(ctx, now, p)
	if err != nil {
		return Notice{}, trail.told(err)
	}
	h, err := readHeader(raw, p.algorithms(m), []string{"", "jwt", "secevent+jwt"}, trail)
	if err != nil {
		return Notice{}, err
	}
	keys := &keySet{provider: c.provider(p.source()), now: now, header: h}
	_, _ = keys.VerifySignature(ctx, raw) // it keeps both of what it answers
	o, err := keys.object(trail)
	if err != nil {
		return Notice{}, err
	}
	ck := &checker{trail: trail}
	var n Notice
	n.Issuer, _ = o.text("iss")
	tid, _ := o.text("tid")
	ck.is(p.issues(n.Issuer, tid), TokenIssuer, p.Issuer, o.raw("iss"))
	aud, ok := o.texts("aud")
	others := slices.ContainsFunc(aud, func(s string) bool { return s != p.ClientID && !slices.Contains(p.Audiences, s) })
	ck.is(ok && len(aud) > 0 && !others, TokenAudience, p.ClientID, o.raw("aud"))
	issued, ok := o.time("iat")
	ck.is(ok && !issued.After(now.Add(skew)) && !issued.Before(now.Add(-noticeAge-skew)), TokenIssued, "less than a day before "+stamp(now), o.when("iat"))
	if o.has("exp") { // Apple's documentation shows one without
		expires, ok := o.time("exp")
		ck.is(ok && now.Before(expires.Add(skew)), TokenExpired, "after "+stamp(now), o.when("exp"))
	}
	ck.is(!o.has("nonce"), TokenType, "a notice", "an ID token")
	n.Kind, n.Subject, n.At, ok = event(o, issued)
	ck.is(ok && !n.At.After(now.Add(skew)), NoticeEvent, "type, sub and event_time", "")
	if ck.first != nil {
		return Notice{}, ck.first
	}
	return n, nil
}

// event reads what a notice is about: an object, which Apple writes as a text with JSON in it.
func event(o object, issued time.Time) (kind, subject string, at time.Time, ok bool) {
	raw := []byte(o["events"])
	if s, ok := o.text("events"); ok {
		raw = []byte(s)
	}
	e, err := parse(raw)
	if err != nil {
		return "", "", time.Time{}, false
	}
	kind, _ = e.text("type")
	subject, _ = e.text("sub")
	at, ok = issued, true
	if e.has("event_time") {
		at, ok = eventTime(e["event_time"])
	}
	return kind, subject, at, ok && word(kind) != "" && goodSubject(subject)
}

// eventTime reads seconds, as Apple documents them, or thousandths, as Apple sends them.
func eventTime(raw json.RawMessage) (time.Time, bool) {
	const seconds = 100_000_000_000 // more of them than this is the year 5138
	n, err := strconv.ParseInt(string(raw), 10, 64)
	switch {
	case err != nil || n <= 0 || n >= seconds*1000:
		return time.Time{}, false
	case n >= seconds:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}

// A SignedSecret is a client secret that we sign ourselves, as Apple wants it: with ECDSA and P-256.
type SignedSecret struct {
	Issuer   string
	Subject  string
	Audience string
	KeyID    string
	Key      crypto.Signer
}

// Check tells what is wrong with the Key.
func (s SignedSecret) Check() error {
	if alg, err := signingAlgorithm(s.Key); err != nil || alg != jose.ES256 {
		return &Wrong{"Key", "must be ECDSA with P-256"}
	}
	return nil
}

// Sign makes a secret for five minutes.
func (s SignedSecret) Sign(now time.Time) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: cryptosigner.Opaque(s.Key)}, (&jose.SignerOptions{}).WithHeader("kid", s.KeyID))
	if err != nil {
		return "", fmt.Errorf("openid: signing a secret: %w", err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: s.Issuer, Subject: s.Subject, Audience: jwt.Audience{s.Audience},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("openid: signing a secret: %w", err)
	}
	return text, nil
}
