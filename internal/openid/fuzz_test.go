package openid_test

import (
	"net/url"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// FuzzIDToken signs whatever comes with the provider's key: no claims may bring us down, and none may make somebody of nobody.
func FuzzIDToken(f *testing.F) {
	p := newOP(f)
	for _, s := range []string{
		`{}`, `null`, `{"sub":null}`, `{"aud":["a",null]}`, `{"exp":1e999}`, `{"events":{}}`, `{"a":{"a":{}}}`, `{"nonce":"x"}`, string(text(p.honest("x"))),
		`{"_claim_names":{"a":"b"},"_claim_sources":{"b":{"endpoint":"http://127.0.0.1/"}}}`,
	} {
		f.Add(`{"alg":"ES256","kid":"ec"}`, s)
	}
	f.Add(`{"alg":"none"}`, `{}`)
	f.Add(`{"alg":"ES256","crit":["a"]}`, `{}`)
	fl := begin(f, p, p.party(), openid.Ask{})
	f.Fuzz(func(t *testing.T, header, payload string) {
		fl.t = t
		p.idToken = sign(header, payload, ecKey())
		if c, err := fl.finish(); err == nil && (c.Issuer != p.URL || c.Subject == "" || len(c.Subject) > 255) {
			t.Errorf("Finish accepts %q as %+v", payload, c)
		}
		p.idToken = header + "." + payload
		if _, err := fl.finish(); err == nil {
			t.Errorf("Finish accepts %q", p.idToken)
		}
	})
}

// FuzzLogoutToken is the same for tokens that anybody may post to us.
func FuzzLogoutToken(f *testing.F) {
	p := newOP(f)
	c := newClient(f)
	for _, s := range []string{`{}`, `{"events":null}`, `{"jti":1}`, string(text(p.logout()))} {
		f.Add(`{"alg":"ES256","kid":"ec"}`, s)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		for _, raw := range []string{sign(header, payload, ecKey()), header + "." + payload, payload} {
			l, err := c.VerifyLogout(t.Context(), now, p.party(), raw, &openid.Trail{})
			if err == nil && (l.ID == "" || l.Subject == "" && l.Session == "" || l.Expires.IsZero()) {
				t.Errorf("VerifyLogout accepts %q as %+v", payload, l)
			}
		}
	})
}

func FuzzCallback(f *testing.F) {
	for _, s := range []string{"", "code=a&state=b", "error=x&code=y", "state=a&state=b", "%zz", "code=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, _ := url.ParseQuery(query)
		c, err := openid.ParseCallback(q)
		if err == nil && (c.Code == "") == (c.Error == "") {
			t.Errorf("ParseCallback(%q) = %+v, want a code or an error", query, c)
		}
		if len(c.Code)+len(c.State)+len(c.Error)+len(c.Issuer) > 16<<10 {
			t.Errorf("ParseCallback keeps %d bytes", len(c.Code)+len(c.State)+len(c.Error)+len(c.Issuer))
		}
	})
}
