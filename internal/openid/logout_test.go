package openid_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

func TestLogoutURL(t *testing.T) {
	p, back := newOP(t), "https://app.example.com/"
	p.doc["end_session_endpoint"] = p.URL + "/logout?tenant=1"
	c := newClient(t)
	address, ok, err := c.LogoutURL(t.Context(), now, p.party(), "id-token", back, "state-1")
	if err != nil || !ok {
		t.Fatalf("LogoutURL = %v, %v, want an address", ok, err)
	}
	q := must(url.Parse(address)).Query()
	for name, want := range map[string]string{
		"tenant": "1", "client_id": clientID, "post_logout_redirect_uri": back, "state": "state-1", "id_token_hint": "id-token",
	} {
		if q.Get(name) != want {
			t.Errorf("C-17 LogoutURL has %s=%q, want %q", name, q.Get(name), want)
		}
	}
	address, _, _ = c.LogoutURL(t.Context(), now, p.party(), strings.Repeat("a", 10<<10), back, "state-1")
	if strings.Contains(address, "id_token_hint") {
		t.Error("LogoutURL has a hint of 10 KB, want none")
	}
	none := newOP(t)
	delete(none.doc, "end_session_endpoint")
	if _, ok, err := c.LogoutURL(t.Context(), now, none.party(), "", back, "s"); ok || err != nil {
		t.Errorf("LogoutURL of a provider without = %v, %v, want none", ok, err)
	}
}

func TestVerifyLogout(t *testing.T) {
	p := newOP(t)
	c := newClient(t)
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, tt := range []struct {
		name   string
		header claims
		change claims
		want   openid.Code
	}{
		{"as it should be", nil, nil, ""},
		{"typed", claims{"typ": "logout+jwt"}, nil, ""},
		{"not typed", claims{"typ": nil}, nil, ""},
		{"C-17 a subject alone", nil, claims{"sid": nil}, ""},
		{"C-17 a session alone", nil, claims{"sub": nil}, ""},
		{"C-17 neither", nil, claims{"sub": nil, "sid": nil}, openid.LogoutNames},
		{"C-17 an empty subject", nil, claims{"sub": ""}, openid.LogoutNames},
		{"C-17 an empty session", nil, claims{"sid": ""}, openid.LogoutNames},
		{"C-17 a subject that is a number", nil, claims{"sub": 1}, openid.LogoutNames},
		{"C-17 a nonce", nil, claims{"nonce": "n"}, openid.LogoutNonce},
		{"C-17 a nonce that is null", nil, claims{"nonce": null}, openid.LogoutNonce},
		{"C-17 no events", nil, claims{"events": nil}, openid.LogoutEvent},
		{"C-17 another event", nil, claims{"events": claims{"http://evil.example": claims{}}}, openid.LogoutEvent},
		{"C-17 an event that is null", nil, claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": nil}}, openid.LogoutEvent},
		{"C-17 an event that is a text", nil, claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": "x"}}, openid.LogoutEvent},
		{"C-17 events that are a list", nil, claims{"events": []string{"http://schemas.openid.net/event/backchannel-logout"}}, openid.LogoutEvent},
		{"C-17 no name", nil, claims{"jti": nil}, openid.LogoutID},
		{"C-17 an empty name", nil, claims{"jti": ""}, openid.LogoutID},
		{"A-094 an access token", claims{"typ": "at+jwt"}, nil, openid.TokenType},
		{"A-090 for another client", nil, claims{"aud": "other"}, openid.TokenAudience},
		{"A-091 another issuer", nil, claims{"iss": p.URL + "/"}, openid.TokenIssuer},
		{"A-092 expired", nil, claims{"exp": at(-3 * time.Minute)}, openid.TokenExpired},
		{"A-092 no end", nil, claims{"exp": nil}, openid.TokenExpired},
		{"A-092 issued long ago", nil, claims{"iat": at(-time.Hour)}, openid.TokenIssued},
		{"A-092 not issued", nil, claims{"iat": nil}, openid.TokenIssued},
		{"A-087 none", claims{"alg": "none"}, nil, openid.TokenAlgorithm},
		{"A-088 jku", claims{"jku": p.URL + "/canary"}, nil, openid.TokenHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var trail openid.Trail
			raw := sign(with(es256(), tt.header), with(p.logout(), tt.change), ecKey())
			l, err := c.VerifyLogout(t.Context(), now, p.party(), raw, &trail)
			if tt.want != "" {
				refused(t, "VerifyLogout", err, tt.want)
				return
			}
			if err != nil || l.ID != "once" || l.Subject == "" && l.Session == "" || l.Expires.IsZero() {
				t.Errorf("VerifyLogout = %+v, %s, want it accepted", l, describe(err))
			}
		})
	}
	t.Run("A-094 an ID token", func(t *testing.T) {
		_, err := c.VerifyLogout(t.Context(), now, p.party(), sign(es256(), p.honest("n"), ecKey()), &openid.Trail{})
		refused(t, "VerifyLogout", err, openid.LogoutEvent)
	})
	t.Run("A-087 another key", func(t *testing.T) {
		_, err := c.VerifyLogout(t.Context(), now, p.party(), sign(es256(), p.logout(), otherKey()), &openid.Trail{})
		refused(t, "VerifyLogout", err, openid.TokenSignature)
	})
}
