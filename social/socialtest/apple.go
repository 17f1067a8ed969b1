package socialtest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// appleAudience is whom a client secret is for.
const appleAudience = "https://appleid.apple.com"

// appleSecretLife is how long a client secret may be good for. Source: Apple, «Creating a client secret»: 15777000 seconds, six months.
const appleSecretLife = 15777000 * time.Second

// asserted checks the client secret that Apple wants: a token that the developer signs. Its audience is Apple's or, as this provider stands
// in for Apple, our issuer.
func (p *Provider) asserted(c Client, text string) bool {
	t, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || c.Key == nil || len(t.Headers) != 1 || c.KeyID == "" || t.Headers[0].KeyID != c.KeyID {
		return false
	}
	var claims jwt.Claims
	if t.Claims(c.Key, &claims) != nil || claims.Expiry == nil || claims.IssuedAt == nil {
		return false
	}
	if claims.Validate(jwt.Expected{Issuer: c.TeamID, Subject: c.ID, Time: p.now()}) != nil || c.TeamID == "" {
		return false
	}
	if claims.Expiry.Time().After(p.now().Add(appleSecretLife + time.Minute)) {
		return false
	}
	return claims.Audience.Contains(appleAudience) || claims.Audience.Contains(p.cfg.Issuer)
}

// appleClaims are what Apple's ID tokens say. Source: Apple, «Authenticating users with Sign in with Apple». real_user_status is for
// programs on Apple's own systems.
func (p *Provider) appleClaims(c Claims, g grant) {
	c.time("exp", p.now().Add(24*time.Hour))
	c.time("auth_time", g.since)
	c.set("nonce_supported", true)
	if !slices.Contains(g.scopes, "email") || g.who.Email == "" {
		return
	}
	c.SetString("email", p.email(g.client, g.who))
	p.appleBool(c, "email_verified", true) // Apple has no others
	if g.who.HidesEmail {
		p.appleBool(c, "is_private_email", true)
	}
}

// appleBool writes what is a string for some products.
func (p *Provider) appleBool(c Claims, name string, value bool) {
	if p.settings.TextBooleans {
		c.SetString(name, text(value))
		return
	}
	c.set(name, value)
}

// userField is the field with the name and the address that is posted the first time somebody agrees, and never again.
func (p *Provider) userField(a asking, who Person) string {
	if p.agreed[agreement(a.client, who)] {
		return ""
	}
	user := Claims{}
	if slices.Contains(a.scopes, "name") {
		given, family := who.givenFamily()
		user.set("name", map[string]string{"firstName": given, "lastName": family})
	}
	if slices.Contains(a.scopes, "email") && who.Email != "" {
		user.SetString("email", p.email(a.client, who))
	}
	if len(user) == 0 {
		return ""
	}
	return jsonText(user)
}

// What Apple tells a product about an account. Source: Apple, «Processing changes for Sign in with Apple accounts».
const (
	EmailDisabled  = "email-disabled"  // mail to the relay address is no longer forwarded
	EmailEnabled   = "email-enabled"   // it is forwarded again
	ConsentRevoked = "consent-revoked" // the person does not use the account for the product any more
	AccountDeleted = "account-deleted" // the account is gone
	AccountDelete  = "account-delete"  // the same: Apple's page and Apple's servers do not use one name for it
)

// Notice is what Apple posts to a product about somebody: a JSON object with a signed payload. Somebody who withdraws agrees anew the
// next time, so that the name and the address are posted again. It panics where the provider is not Apple.
func (p *Provider) Notice(clientID, kind string, who Person, attacks ...Attack) []byte {
	if p.cfg.Personality != Apple {
		panic("socialtest: only Apple sends notices")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	client, ok := p.clientLocked(clientID)
	if !ok {
		client.ID = clientID
	}
	t := p.newTokenLocked(grant{client: client, who: who, since: p.now()})
	c := t.claims
	c.time("exp", p.now().Add(24*time.Hour))
	c.SetString("jti", random())
	event := Claims{}
	event.SetString("type", kind)
	event.SetString("sub", p.subject(client, who))
	event.set("event_time", p.now().UnixMilli())
	if kind == EmailDisabled || kind == EmailEnabled {
		event.some("email", p.email(client, who))
		event.SetString("is_private_email", "true")
	}
	n := &notice{t: t, event: event}
	for _, row := range attackRows(attacks) {
		if row.notice != nil {
			row.notice(p, n)
		}
	}
	if n.event != nil {
		n.t.claims.SetString("events", jsonText(n.event))
	}
	if kind == ConsentRevoked || kind == AccountDeleted || kind == AccountDelete {
		delete(p.agreed, agreement(client, who))
	}
	form := Claims{}
	if !n.omit {
		form.SetString("payload", n.t.text())
	}
	return []byte(jsonText(form))
}

// A notice is one in the making.
type notice struct {
	t     *signed
	event Claims // written as a string into events; nil: the claims have it already, or not at all
	omit  bool   // nothing is posted but an empty object
}

// SendNotice posts a notice to a product, as Apple's server does, and returns the status of the answer.
func (p *Provider) SendNotice(client *http.Client, address, clientID, kind string, who Person, attacks ...Attack) (int, error) {
	resp, err := client.Post(address, "application/json", bytes.NewReader(p.Notice(clientID, kind, who, attacks...)))
	if err != nil {
		return 0, fmt.Errorf("socialtest: posting a notice: %w", err)
	}
	return resp.StatusCode, errors.Join(resp.Body.Close())
}
