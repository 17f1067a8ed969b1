package openid_test

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// TestClaims changes one claim of an honest token at a time.
func TestClaims(t *testing.T) {
	p := newOP(t)
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, c := range []struct {
		name   string
		change claims
		want   openid.Code // empty: accepted
	}{
		{"as it should be", nil, ""},
		{"A-086 no nonce", claims{"nonce": nil}, openid.TokenNonce},
		{"A-086 an empty nonce", claims{"nonce": ""}, openid.TokenNonce},
		{"A-086 A-093 the nonce of another request", claims{"nonce": "abcdefghijklmnopqrstuvwxyz"}, openid.TokenNonce},
		{"A-086 a nonce that is null", claims{"nonce": null}, openid.TokenNonce},

		{"A-090 for another client", claims{"aud": "other"}, openid.TokenAudience},
		{"A-090 for nobody", claims{"aud": nil}, openid.TokenAudience},
		{"A-090 an empty list", claims{"aud": []string{}}, openid.TokenAudience},
		{"A-090 a number", claims{"aud": 1}, openid.TokenAudience},
		{"A-090 a list with a number", claims{"aud": []any{clientID, 1}, "azp": clientID}, openid.TokenAudience},
		{"A-090 a list with a null", claims{"aud": []any{clientID, nil}, "azp": clientID}, openid.TokenAudience},
		{"A-090 a list of us", claims{"aud": []string{clientID}}, ""},
		{"A-090 somebody else too", claims{"aud": []string{clientID, "other"}, "azp": clientID}, openid.TokenAudience},
		{"A-090 capitals", claims{"aud": strings.ToUpper(clientID)}, openid.TokenAudience},
		{"A-090 several and no azp", claims{"aud": []string{clientID, "trusted"}}, openid.TokenParty},
		{"A-090 several and another azp", claims{"aud": []string{clientID, "trusted"}, "azp": "trusted"}, openid.TokenParty},
		{"A-090 several, trusted, with azp", claims{"aud": []string{clientID, "trusted"}, "azp": clientID}, ""},
		{"A-090 another azp", claims{"azp": "other"}, openid.TokenParty},
		{"A-090 an azp that is null", claims{"azp": null}, openid.TokenParty},
		{"A-090 an azp that is us", claims{"azp": clientID}, ""},

		{"A-091 another issuer", claims{"iss": "https://evil.example"}, openid.TokenIssuer},
		{"A-091 a slash at its end", claims{"iss": p.URL + "/"}, openid.TokenIssuer},
		{"A-091 capitals", claims{"iss": strings.ToUpper(p.URL)}, openid.TokenIssuer},
		{"A-091 https instead", claims{"iss": strings.Replace(p.URL, "http:", "https:", 1)}, openid.TokenIssuer},
		{"A-091 no scheme", claims{"iss": strings.TrimPrefix(p.URL, "http://")}, openid.TokenIssuer},
		{"A-091 a sub-path", claims{"iss": p.URL + "/tenant"}, openid.TokenIssuer},
		{"A-091 a placeholder", claims{"iss": p.URL + "/{tenantid}"}, openid.TokenIssuer},
		{"A-091 a look-alike", claims{"iss": p.URL + ".evil.example"}, openid.TokenIssuer},
		{"A-091 no issuer", claims{"iss": nil}, openid.TokenIssuer},
		{"A-091 a list", claims{"iss": []string{p.URL}}, openid.TokenIssuer},

		{"A-092 expired", claims{"exp": at(-121 * time.Second)}, openid.TokenExpired},
		{"A-092 expired, within the skew", claims{"exp": at(-119 * time.Second)}, ""},
		{"A-092 no end", claims{"exp": nil}, openid.TokenExpired},
		{"A-092 an end that is a text", claims{"exp": "1795867500"}, openid.TokenExpired},
		{"A-092 an end that is null", claims{"exp": null}, openid.TokenExpired},
		{"A-092 an end that is true", claims{"exp": true}, openid.TokenExpired},
		{"A-092 an end beyond all numbers", claims{"exp": json.RawMessage("1e999")}, openid.TokenExpired},
		{"A-092 an end beyond all years", claims{"exp": json.RawMessage("1e18")}, openid.TokenExpired},
		{"A-092 an end with a fraction", claims{"exp": json.RawMessage("1795867500.5")}, ""},
		{"A-092 an end before the beginning", claims{"exp": -1}, openid.TokenExpired},
		{"A-092 an end at zero", claims{"exp": 0}, openid.TokenExpired},
		{"A-092 issued long ago", claims{"iat": at(-13 * time.Minute)}, openid.TokenIssued},
		{"A-092 issued in time to come", claims{"iat": at(121 * time.Second)}, openid.TokenIssued},
		{"A-092 issued in time to come, within the skew", claims{"iat": at(119 * time.Second)}, ""},
		{"A-092 not issued", claims{"iat": nil}, openid.TokenIssued},
		{"A-092 issued at a text", claims{"iat": "now"}, openid.TokenIssued},
		{"A-092 not yet", claims{"nbf": at(121 * time.Second)}, openid.TokenNotBefore},
		{"A-092 not yet, within the skew", claims{"nbf": at(119 * time.Second)}, ""},
		{"A-092 not before a text", claims{"nbf": "now"}, openid.TokenNotBefore},

		{"A-094 a logout token", claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}}, openid.TokenType},

		{"A-104 no subject", claims{"sub": nil}, openid.TokenSubject},
		{"A-104 an empty subject", claims{"sub": ""}, openid.TokenSubject},
		{"A-104 white space", claims{"sub": " \t"}, openid.TokenSubject},
		{"A-104 white space around it", claims{"sub": " ann-1"}, openid.TokenSubject},
		{"A-104 null as a text", claims{"sub": "null"}, openid.TokenSubject},
		{"A-104 null", claims{"sub": null}, openid.TokenSubject},
		{"A-104 zero", claims{"sub": 0}, openid.TokenSubject},
		{"A-104 a zero byte", claims{"sub": "ann\x00-1"}, openid.TokenSubject},
		{"A-104 256 bytes", claims{"sub": strings.Repeat("a", 256)}, openid.TokenSubject},
		{"A-104 255 bytes", claims{"sub": strings.Repeat("a", 255)}, ""},
		{"A-105 a number", claims{"sub": 12345}, openid.TokenSubject},
		{"A-105 a large number", claims{"sub": json.RawMessage("1e20")}, openid.TokenSubject},
		{"A-105 true", claims{"sub": true}, openid.TokenSubject},
		{"A-105 a list", claims{"sub": []string{"ann-1"}}, openid.TokenSubject},
		{"A-105 an object", claims{"sub": claims{"id": "ann-1"}}, openid.TokenSubject},
		{"A-105 under another spelling of its name", claims{"sub": nil, "SUB": "ann-1"}, openid.TokenSubject},

		{"C-10 the hash of another access token", claims{"at_hash": atHash("other")}, openid.TokenAccessHash},
		{"C-10 a hash that is a number", claims{"at_hash": 1}, openid.TokenAccessHash},
		{"C-10 an empty hash", claims{"at_hash": ""}, openid.TokenAccessHash},
		{"C-10 no hash", claims{"at_hash": nil}, ""},
		{"C-09 signed in in time to come", claims{"auth_time": at(time.Hour)}, openid.TokenAuthTime},
		{"A-092 signed in at zero", claims{"auth_time": 0}, openid.TokenAuthTime},
		{"A-092 signed in before the beginning", claims{"auth_time": -1}, openid.TokenAuthTime},
		{"C-09 signed in at a text", claims{"auth_time": "now"}, openid.TokenAuthTime},
		{"C-09 signed in long ago, which nobody minds", claims{"auth_time": at(-100 * time.Hour)}, ""},
		{"C-09 no word about when", claims{"auth_time": nil}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			party := p.party()
			party.Audiences = []string{"trusted"}
			f := begin(t, p, party, openid.Ask{})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), c.change), ecKey())
			if c.want != "" {
				f.refused(c.want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish = %s, want claims", describe(err))
			}
		})
	}
}

func TestEmailVerified(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name string
		said any
		want bool
	}{
		{"true", true, true},
		{"A-097 false", false, false},
		{"A-097 'true'", "true", false},
		{"A-097 'false'", "false", false},
		{"A-097 'False'", "False", false},
		{"A-097 0", 0, false},
		{"A-097 1", 1, false},
		{"A-097 null", null, false},
		{"A-097 a list", []bool{true}, false},
		{"A-097 missing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, p, p.party(), openid.Ask{})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"email_verified": c.said}), ecKey())
			got, err := f.finish()
			if err != nil || got.EmailVerified != c.want || got.Email != "ann@acme.example" {
				t.Errorf("Finish = %q, verified %v, %v, want %v", got.Email, got.EmailVerified, err, c.want)
			}
		})
	}
	t.Run("A-097 no address at all", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{})
		p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"email": nil}), ecKey())
		if got, err := f.finish(); err != nil || got.EmailVerified {
			t.Errorf("Finish = verified %v, %v, want not", got.EmailVerified, err)
		}
	})
}

func TestMethods(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name string
		said any
		want []string
	}{
		{"a list", []string{"pwd", "mfa"}, []string{"pwd", "mfa"}}, {"C-09 a text", "mfa", nil}, {"C-09 a list with a number", []any{"mfa", 1}, nil}, {"none", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, p, p.party(), openid.Ask{})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"amr": c.said}), ecKey())
			if got, err := f.finish(); err != nil || !slices.Equal(got.AMR, c.want) {
				t.Errorf("Finish = %q, %v, want %q", got.AMR, err, c.want)
			}
		})
	}
}

func TestFresh(t *testing.T) {
	p := newOP(t)
	for _, c := range []struct {
		name string
		said any
		want openid.Code
	}{
		{"now", now.Unix(), ""},
		{"C-09 before the request, within the skew", now.Add(-119 * time.Second).Unix(), ""},
		{"C-09 before the request", now.Add(-121 * time.Second).Unix(), openid.TokenAuthTime},
		{"C-09 in time to come", now.Add(121 * time.Second).Unix(), openid.TokenAuthTime},
		{"C-09 no word", nil, openid.TokenAuthTime},
		{"C-09 null", null, openid.TokenAuthTime},
		{"C-09 a text", "now", openid.TokenAuthTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, p, p.party(), openid.Ask{Fresh: true})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"auth_time": c.said}), ecKey())
			if c.want != "" {
				f.refused(c.want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish = %s, want claims", describe(err))
			}
		})
	}
}

func TestContext(t *testing.T) {
	p := newOP(t)
	party := p.party()
	party.ACR = "phr phrh"
	for _, c := range []struct {
		name string
		said any
		want openid.Code
	}{
		{"one", "phr", ""}, {"the other", "phrh", ""},
		{"C-09 another", "pwd", openid.TokenContext}, {"C-09 none", nil, openid.TokenContext}, {"C-09 empty", "", openid.TokenContext},
		{"C-09 both", "phr phrh", openid.TokenContext}, {"C-09 a list", []string{"phr"}, openid.TokenContext},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, p, party, openid.Ask{})
			p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"acr": c.said}), ecKey())
			if c.want != "" {
				f.refused(c.want)
			} else if got, err := f.finish(); err != nil || got.ACR != c.said {
				t.Errorf("Finish = %q, %s, want claims with %q", got.ACR, describe(err), c.said)
			}
		})
	}
}

// TestHeader is about the header and the signature of a token.
func TestHeader(t *testing.T) {
	p := newOP(t)
	p.keys = append(p.keys, jose.JSONWebKey{KeyID: "small", Key: smallKey().Public()}, jose.JSONWebKey{KeyID: "enc", Key: otherKey().Public(), Use: "enc"})
	public := func() []byte { return must(jose.JSONWebKey{Key: rsaKey().Public()}.MarshalJSON()) }
	for _, c := range []struct {
		name   string
		header any
		key    any
		want   openid.Code
	}{
		{"ES256", es256(), ecKey(), ""},
		{"RS256", claims{"alg": "RS256", "kid": "rsa"}, rsaKey(), ""},
		{"EdDSA", claims{"alg": "EdDSA", "kid": "ed"}, edKey(), ""},
		{"no kid, and one key that fits", claims{"alg": "EdDSA"}, edKey(), ""},
		{"x5t, which says nothing", with(es256(), claims{"x5t": "abc"}), ecKey(), ""},

		{"A-087 none", claims{"alg": "none"}, nil, openid.TokenAlgorithm},
		{"A-087 None", claims{"alg": "None"}, nil, openid.TokenAlgorithm},
		{"A-087 NONE", claims{"alg": "NONE", "kid": "ec"}, nil, openid.TokenAlgorithm},
		{"A-087 nOnE", claims{"alg": "nOnE"}, nil, openid.TokenAlgorithm},
		{"A-087 no alg", claims{"kid": "ec"}, nil, openid.TokenAlgorithm},
		{"A-087 an alg that is a list", claims{"alg": []string{"ES256"}, "kid": "ec"}, ecKey(), openid.TokenAlgorithm},
		{"A-087 HS256 with the client secret", claims{"alg": "HS256", "kid": "rsa"}, []byte(secret), openid.TokenAlgorithm},
		{"A-087 HS512 with the client secret", claims{"alg": "HS512"}, []byte(secret), openid.TokenAlgorithm},
		{"A-087 HS256 with the public key", claims{"alg": "HS256", "kid": "rsa"}, public(), openid.TokenAlgorithm},
		{"A-087 PS256, which the provider does not name", claims{"alg": "PS256", "kid": "rsa"}, rsaKey(), openid.TokenAlgorithm},
		{"A-087 es256", claims{"alg": "es256", "kid": "ec"}, ecKey(), openid.TokenAlgorithm},
		{"A-087 ES256 with an RSA key", claims{"alg": "ES256", "kid": "rsa"}, rsaKey(), openid.TokenKey},
		{"A-087 RS256 with an ECDSA key", claims{"alg": "RS256", "kid": "ec"}, ecKey(), openid.TokenKey},
		{"A-087 a small key", claims{"alg": "RS256", "kid": "small"}, smallKey(), openid.TokenKey},
		{"A-087 a key for encryption", claims{"alg": "ES256", "kid": "enc"}, otherKey(), openid.TokenKey},
		{"A-087 no signature", es256(), nil, openid.TokenSignature},
		{"A-087 another key of the same name", es256(), otherKey(), openid.TokenSignature},

		{"A-088 jku", with(es256(), claims{"jku": p.URL + "/canary"}), ecKey(), openid.TokenHeader},
		{"A-088 x5u", with(es256(), claims{"x5u": p.URL + "/canary"}), ecKey(), openid.TokenHeader},
		{"A-088 jwk", with(es256(), claims{"kid": nil, "jwk": json.RawMessage(must(jose.JSONWebKey{Key: otherKey().Public()}.MarshalJSON()))}), otherKey(), openid.TokenHeader},
		{"A-088 crit", with(es256(), claims{"crit": []string{"exp"}}), ecKey(), openid.TokenHeader},
		{"A-088 b64", with(es256(), claims{"b64": false}), ecKey(), openid.TokenHeader},
		{"A-088 a kid that is a path", with(es256(), claims{"kid": "../../dev/null"}), ecKey(), openid.TokenKey},
		{"A-088 a kid that is a number", with(es256(), claims{"kid": 1}), ecKey(), openid.TokenKey},
		{"A-088 a header with a member twice", `{"alg":"ES256","kid":"ec","alg":"none"}`, ecKey(), openid.TokenMalformed},

		{"A-094 an access token", with(es256(), claims{"typ": "at+jwt"}), ecKey(), openid.TokenType},
		{"A-094 an access token, spelled out", with(es256(), claims{"typ": "application/at+JWT"}), ecKey(), openid.TokenType},
		{"A-094 a logout token", with(es256(), claims{"typ": "logout+jwt"}), ecKey(), openid.TokenType},
		{"A-094 a type that is a number", with(es256(), claims{"typ": 1}), ecKey(), openid.TokenType},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := begin(t, p, p.party(), openid.Ask{})
			said := p.honest(f.answer.Memory.Nonce)
			if _, ok := c.key.(ed25519.PrivateKey); ok {
				sum := sha512.Sum512([]byte(access))
				said["at_hash"] = b64(sum[:32])
			}
			p.idToken = sign(c.header, said, c.key)
			if c.want != "" {
				f.refused(c.want)
			} else if _, err := f.finish(); err != nil {
				t.Errorf("Finish = %s, want claims", describe(err))
			}
			if p.count("/canary") != 0 {
				t.Error("A-088 an address out of the token was asked, want not")
			}
		})
	}
	t.Run("A-087 the list of the connection is narrower than the provider's", func(t *testing.T) {
		party := p.party()
		party.Algorithms = []string{"RS256"}
		begin(t, p, party, openid.Ask{}).refused(openid.TokenAlgorithm)
	})
	t.Run("A-087 a list of the connection that nobody has checked", func(t *testing.T) {
		party := p.party()
		party.Algorithms = []string{"HS256", "none"}
		f := begin(t, p, party, openid.Ask{})
		p.idToken = sign(claims{"alg": "HS256"}, p.honest(f.answer.Memory.Nonce), []byte(secret))
		f.refused(openid.TokenAlgorithm)
		p.idToken = sign(claims{"alg": "none"}, p.honest(f.answer.Memory.Nonce), nil)
		f.refused(openid.TokenAlgorithm)
	})
	t.Run("A-087 a key that the provider uses with another algorithm", func(t *testing.T) {
		party := p.party()
		party.Algorithms = []string{"PS256"}
		f := begin(t, p, party, openid.Ask{})
		p.idToken = sign(claims{"alg": "PS256", "kid": "rsa"}, p.honest(f.answer.Memory.Nonce), rsaKey())
		f.refused(openid.TokenKey)
	})
	t.Run("A-087 a provider that names none that counts", func(t *testing.T) {
		q := newOP(t)
		q.doc["id_token_signing_alg_values_supported"] = []string{"HS256", "none"}
		begin(t, q, q.party(), openid.Ask{}).refused(openid.TokenAlgorithm)
		f := begin(t, q, q.party(), openid.Ask{})
		q.idToken = sign(claims{"alg": "RS256", "kid": "rsa"}, q.honest(f.answer.Memory.Nonce), rsaKey())
		if _, err := f.finish(); err != nil {
			t.Errorf("RS256, which every provider has = %s, want claims", describe(err))
		}
	})
	t.Run("no kid, and several keys that fit", func(t *testing.T) {
		q := newOP(t)
		q.keys = append(q.keys, jose.JSONWebKey{KeyID: "ec-2", Key: otherKey().Public()})
		f := begin(t, q, q.party(), openid.Ask{})
		q.idToken = sign(claims{"alg": "ES256"}, q.honest(f.answer.Memory.Nonce), ecKey())
		f.refused(openid.TokenKey)
	})
}

func TestMalformed(t *testing.T) {
	p := newOP(t)
	good := func(nonce string) []byte { return text(p.honest(nonce)) }
	for _, c := range []struct {
		name  string
		token func(nonce string) string
	}{
		{"one part", func(string) string { return "a" }},
		{"four parts", func(n string) string { return sign(es256(), string(good(n)), ecKey()) + ".a" }},
		{"five parts, encrypted", func(string) string { return "a.b.c.d.e" }},
		{"padding", func(n string) string { return strings.Replace(sign(es256(), string(good(n)), ecKey()), ".", "=.", 1) }},
		{"JSON form", func(string) string { return `{"payload":"","signatures":[]}` }},
		{"a payload that is a list", func(string) string { return sign(es256(), "[]", ecKey()) }},
		{"a payload that is null", func(string) string { return sign(es256(), "null", ecKey()) }},
		{"an empty payload", func(string) string { return sign(es256(), "", ecKey()) }},
		{"something behind it", func(n string) string { return sign(es256(), string(good(n))+"{}", ecKey()) }},
		{"a claim twice", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+`,"sub":"bob-2"}`, ecKey())
		}},
		{"a claim twice, once in disguise", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+`,"s\u0075b":"bob-2"}`, ecKey())
		}},
		{"a claim twice, deep inside", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+`,"a":[{"b":1,"b":2}]}`, ecKey())
		}},
		{"not UTF-8", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+",\"a\":\"\xff\"}", ecKey())
		}},
		{"very deep", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+`,"a":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"}", ecKey())
		}},
		{"100 KB", func(n string) string {
			return sign(es256(), strings.TrimSuffix(string(good(n)), "}")+`,"a":"`+strings.Repeat("a", 100<<10)+`"}`, ecKey())
		}},
	} {
		t.Run("A-092 "+c.name, func(t *testing.T) {
			f := begin(t, p, p.party(), openid.Ask{})
			p.idToken = c.token(f.answer.Memory.Nonce)
			f.refused(openid.TokenMalformed)
		})
	}
	t.Run("several faults are all in the trail, and the first is the refusal", func(t *testing.T) {
		f := begin(t, p, p.party(), openid.Ask{})
		p.idToken = sign(es256(), with(p.honest(f.answer.Memory.Nonce), claims{"aud": "other", "exp": 1, "sub": ""}), ecKey())
		f.refused(openid.TokenAudience)
		failed := map[openid.Code]bool{}
		for _, k := range f.trail.Checks {
			failed[k.Code] = failed[k.Code] || !k.OK
		}
		if !failed[openid.TokenExpired] || !failed[openid.TokenSubject] {
			t.Errorf("the trail is %+v, want the other faults too", f.trail.Checks)
		}
	})
}
