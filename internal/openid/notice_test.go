package openid_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

func jsonInto(data []byte, v any) error { return json.Unmarshal(data, v) }

// notice are the claims of one, as Apple sends them.
func (p *op) notice() claims {
	return claims{
		"iss": p.URL, "aud": "com.example.app", "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "jti": "notice-1",
		"events": `{"type":"consent-revoked","sub":"ann-1","event_time":` + millis(now.Add(-time.Minute)) + `}`,
	}
}

func millis(t time.Time) string { return string(must(json.Marshal(t.UnixMilli()))) }

func TestVerifyNotice(t *testing.T) {
	p := newOP(t)
	party := p.party()
	party.Audiences = []string{"com.example.app"}
	client := newClient(t)
	event := func(s string) claims { return claims{"events": s} }
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, c := range []struct {
		name   string
		change claims
		want   openid.Code
	}{
		{"as it should be", nil, ""},
		{"for the client itself", claims{"aud": clientID}, ""},
		{"as Apple documents it", claims{"exp": nil, "events": claims{"type": "consent-revoked", "sub": "ann-1", "event_time": at(-time.Minute)}}, ""},
		{"no time of the event", event(`{"type":"consent-revoked","sub":"ann-1"}`), ""},
		{"R39 almost a day old", claims{"iat": at(-24 * time.Hour), "exp": at(0)}, ""},
		{"A-090 for somebody else", claims{"aud": "com.example.other"}, openid.TokenAudience},
		{"A-090 for somebody else too", claims{"aud": []string{clientID, "com.example.other"}}, openid.TokenAudience},
		{"A-090 for nobody", claims{"aud": nil}, openid.TokenAudience},
		{"A-090 an empty list", claims{"aud": []string{}}, openid.TokenAudience},
		{"A-091 another issuer", claims{"iss": "https://evil.example"}, openid.TokenIssuer},
		{"A-091 no issuer", claims{"iss": nil}, openid.TokenIssuer},
		{"A-092 expired", claims{"exp": at(-3 * time.Minute)}, openid.TokenExpired},
		{"A-092 an end that is a text", claims{"exp": "tomorrow"}, openid.TokenExpired},
		{"A-092 two days old", claims{"iat": at(-48 * time.Hour)}, openid.TokenIssued},
		{"A-092 made in time to come", claims{"iat": at(time.Hour)}, openid.TokenIssued},
		{"A-092 made at no time", claims{"iat": nil}, openid.TokenIssued},
		{"A-094 an ID token", claims{"events": nil, "sub": "ann-1", "nonce": "n"}, openid.TokenType},
		{"A-094 an ID token without a nonce", claims{"events": nil, "sub": "ann-1"}, openid.NoticeEvent},
		{"A-094 a logout token", claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}, "sub": "ann-1"}, openid.NoticeEvent},
		{"no JSON", event(`consent-revoked`), openid.NoticeEvent},
		{"a list", event(`[{"type":"consent-revoked","sub":"ann-1"}]`), openid.NoticeEvent},
		{"a member twice", event(`{"type":"consent-revoked","sub":"ann-1","sub":"bob-2"}`), openid.NoticeEvent},
		{"no type", event(`{"sub":"ann-1"}`), openid.NoticeEvent},
		{"a type that is no word", event(`{"type":"<script>","sub":"ann-1"}`), openid.NoticeEvent},
		{"A-104 no subject", event(`{"type":"consent-revoked"}`), openid.NoticeEvent},
		{"A-104 an empty subject", event(`{"type":"consent-revoked","sub":""}`), openid.NoticeEvent},
		{"A-105 a number", event(`{"type":"consent-revoked","sub":1}`), openid.NoticeEvent},
		{"a time to come", event(`{"type":"consent-revoked","sub":"ann-1","event_time":` + millis(now.Add(time.Hour)) + `}`), openid.NoticeEvent},
		{"a time that is a text", event(`{"type":"consent-revoked","sub":"ann-1","event_time":"now"}`), openid.NoticeEvent},
		{"a time beyond all years", event(`{"type":"consent-revoked","sub":"ann-1","event_time":99999999999999999}`), openid.NoticeEvent},
		{"a time before the beginning", event(`{"type":"consent-revoked","sub":"ann-1","event_time":-1}`), openid.NoticeEvent},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := client.VerifyNotice(t.Context(), now, party, sign(es256(), with(p.notice(), c.change), ecKey()), &openid.Trail{})
			if c.want != "" {
				if refused(t, "VerifyNotice", err, c.want); n != (openid.Notice{}) {
					t.Errorf("VerifyNotice answers %+v beside the refusal, want nothing", n)
				}
				return
			}
			if err != nil || n.Issuer != p.URL || n.Kind != "consent-revoked" || n.Subject != "ann-1" || now.Sub(n.At) > 24*time.Hour || n.At.After(now) {
				t.Errorf("VerifyNotice = %+v, %s, want ann-1 who has taken back her consent", n, describe(err))
			}
		})
	}
	for name, c := range map[string]struct {
		token string
		want  openid.Code
	}{
		"A-087 not signed":          {sign(claims{"alg": "none"}, p.notice(), nil), openid.TokenAlgorithm},
		"A-087 with our secret":     {sign(claims{"alg": "HS256"}, p.notice(), []byte(secret)), openid.TokenAlgorithm},
		"A-088 brings its own key":  {sign(claims{"alg": "ES256", "jwk": claims{}}, p.notice(), otherKey()), openid.TokenHeader},
		"by somebody else":          {sign(es256(), p.notice(), otherKey()), openid.TokenSignature},
		"A-094 of another kind":     {sign(with(es256(), claims{"typ": "at+jwt"}), p.notice(), ecKey()), openid.TokenType},
		"C-17 of the kind of a log": {sign(with(es256(), claims{"typ": "logout+jwt"}), p.notice(), ecKey()), openid.TokenType},
		"nothing":                   {"", openid.TokenMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.VerifyNotice(t.Context(), now, party, c.token, &openid.Trail{})
			refused(t, "VerifyNotice", err, c.want)
		})
	}
	t.Run("A-094 a notice signs nobody in", func(t *testing.T) {
		f := begin(t, p, party, openid.Ask{})
		p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"events": p.notice()["events"]}), ecKey())
		f.refused(openid.TokenType)
	})
}

func TestSignedSecret(t *testing.T) {
	s := openid.SignedSecret{Issuer: "TEAM123456", Subject: clientID, Audience: "https://appleid.example", KeyID: "KEY1234567", Key: ecKey()}
	if err := s.Check(); err != nil {
		t.Errorf("Check = %v, want none", err)
	}
	tok := must(jwt.ParseSigned(must(s.Sign(now)), []jose.SignatureAlgorithm{jose.ES256}))
	var c jwt.Claims
	if err := tok.Claims(ecKey().Public(), &c); err != nil {
		t.Fatalf("the secret is not signed by our key: %v", err)
	}
	if c.Issuer != s.Issuer || c.Subject != s.Subject || len(c.Audience) != 1 || c.Audience[0] != s.Audience || tok.Headers[0].KeyID != s.KeyID {
		t.Errorf("the secret says %+v, key %q, want what it was made of", c, tok.Headers[0].KeyID)
	}
	if !c.IssuedAt.Time().Equal(now) || c.Expiry.Time().Sub(now) != 5*time.Minute {
		t.Errorf("the secret counts from %v until %v, want five minutes", c.IssuedAt.Time(), c.Expiry.Time())
	}
	for name, key := range map[string]openid.SignedSecret{"RSA": {Key: rsaKey()}, "Ed25519": {Key: edKey()}, "none": {}} {
		if err := key.Check(); err == nil || !strings.Contains(err.Error(), "P-256") {
			t.Errorf("Check with %s = %v, want an error about P-256", name, err)
		}
	}
}

// FuzzNotice signs whatever comes with the provider's key: anybody may post a notice to us.
func FuzzNotice(f *testing.F) {
	p := newOP(f)
	c := newClient(f)
	for _, s := range []string{`{}`, `{"events":null}`, `{"events":"{}"}`, string(text(p.notice())), `{"events":"\"\\\"\""}`} {
		f.Add(`{"alg":"ES256","kid":"ec"}`, s)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		for _, raw := range []string{sign(header, payload, ecKey()), header + "." + payload, payload} {
			n, err := c.VerifyNotice(t.Context(), now, p.party(), raw, &openid.Trail{})
			if err == nil && (n.Subject == "" || n.Kind == "" || n.Issuer != p.URL || n.At.IsZero()) {
				t.Errorf("VerifyNotice accepts %q as %+v", payload, n)
			}
		}
	})
}
