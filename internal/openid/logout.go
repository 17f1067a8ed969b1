package openid

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutURL is where a browser signs out at the provider. The hint is the ID token of the session that ends, or empty; back is one of
// ours, registered there, and state comes back with it. It is false where the provider has no such address.
func (c *Client) LogoutURL(ctx context.Context, now time.Time, p Party, hint, back, state string) (string, bool, error) {
	m, err := c.discover(ctx, now, p)
	if err != nil {
		return "", false, err
	}
	if m.EndSession == "" {
		return "", false, nil
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return "", false, &Refusal{Code: DiscoveryEndpoint}
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", back)
	q.Set("state", state)
	if hint != "" && len(hint) <= MaxHint {
		q.Set("id_token_hint", hint)
	}
	u.RawQuery = q.Encode()
	return u.String(), true, nil
}

// MaxHint is how many bytes of a hint fit into an address that every server takes. A longer one is left out.
const MaxHint = 6 << 10

// A Logout is a provider's word that sessions are over.
type Logout struct {
	ID      string    // names the token for good: it counts once
	Subject string    // empty: whoever has the Session
	Session string    // empty: every one of the Subject
	Expires time.Time // nobody could use it any more after that
}

// VerifyLogout checks a logout token (OpenID Connect Back-Channel Logout §2.6), as strictly as an ID token.
func (c *Client) VerifyLogout(ctx context.Context, now time.Time, p Party, raw string, trail *Trail) (Logout, error) {
	m, err := c.discover(ctx, now, p)
	if err != nil {
		return Logout{}, trail.told(err)
	}
	h, err := readHeader(raw, p.algorithms(m), []string{"", "jwt", "logout+jwt"}, trail)
	if err != nil {
		return Logout{}, err
	}
	keys := &keySet{provider: c.provider(p.source()), now: now, header: h}
	verifier := oidc.NewVerifier(p.Issuer, keys, p.opinion(h, now))
	_, opinion := verifier.VerifyLogout(oidc.ClientContext(ctx, c.cfg.HTTP.HTTP()), raw)
	o, err := keys.object(trail)
	if err != nil {
		return Logout{}, err
	}
	ck := &checker{trail: trail}
	var l Logout
	p.about(o, ck)
	expires, issued := times(o, now, ck)
	if l.Expires = issued.Add(maxAge); expires.Before(l.Expires) {
		l.Expires = expires
	}
	l.Expires = l.Expires.Add(skew)
	events, event := object{}, object{}
	ok := json.Unmarshal(o["events"], &events) == nil && json.Unmarshal(events[logoutEvent], &event) == nil && event != nil
	ck.is(ok, LogoutEvent, logoutEvent, "")
	ck.is(!o.has("nonce"), LogoutNonce, "none", "")
	l.ID, ok = o.text("jti")
	ck.is(ok && l.ID != "" && len(l.ID) <= 1024, LogoutID, "jti", o.raw("jti"))
	l.Subject, _ = o.text("sub")
	l.Session, _ = o.text("sid")
	ok = (!o.has("sub") || goodSubject(l.Subject)) && (!o.has("sid") || l.Session != "" && len(l.Session) <= 1024) && (o.has("sub") || o.has("sid"))
	ck.is(ok, LogoutNames, "sub or sid", o.raw("sub"))
	if ck.first != nil {
		return Logout{}, ck.first
	}
	if opinion != nil {
		return Logout{}, trail.fail(Refusal{Code: TokenOpinion})
	}
	return l, nil
}
