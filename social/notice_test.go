package social_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// posted is a notice as it comes.
func posted(payload ...string) social.Message {
	return social.Message{Post: true, Form: url.Values{"payload": payload}}
}

func event(kind string, at time.Time) string {
	return fmt.Sprintf(`{"type":%q,"sub":"ann-1","event_time":%d,"email":"x@privaterelay.appleid.com","is_private_email":"true"}`, kind, at.UnixMilli())
}

func TestNotice(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	h := newHouse(t, c, apple(p), google(newOP(t, c)))
	happened := start.Add(-time.Minute)
	honest := claims{
		"iss": p.URL, "aud": "com.example.app", "iat": start.Unix(), "exp": start.Add(24 * time.Hour).Unix(), "jti": "notice-1", "events": event("consent-revoked", happened),
	}
	for _, tt := range []struct {
		name    string
		change  claims
		kind    string
		revoked bool
	}{
		{"R39 the consent was taken back", nil, "consent-revoked", true},
		{"R39 the account was deleted", claims{"events": event("account-delete", happened)}, "account-delete", true},
		{"R39 the account was deleted, as it is documented", claims{"events": event("account-deleted", happened)}, "account-deleted", true},
		{"R39 letters are not forwarded any more", claims{"events": event("email-disabled", happened)}, "email-disabled", false},
		{"R39 letters are forwarded again", claims{"events": event("email-enabled", happened)}, "email-enabled", false},
		{"something new", claims{"events": event("account-moved", happened)}, "account-moved", false},
		{"A-091 by its other name", claims{"iss": appleAlias}, "consent-revoked", true},
		{"for the client itself", claims{"aud": "com.example.web"}, "consent-revoked", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := h.Notice(t.Context(), "apple", posted(sign(with(honest, tt.change), providerKey())))
			want := social.Notice{Provider: "apple", Issuer: p.URL, Subject: "ann-1", Kind: tt.kind, Revoked: tt.revoked, At: happened}
			if err != nil || n != want {
				t.Errorf("Notice = %+v, %s, want %+v", n, describe(err), want)
			}
		})
	}
	for _, tt := range []struct {
		name string
		msg  social.Message
		want social.Code
	}{
		{"A-087 by somebody else", posted(sign(honest, hostKey())), "id_token_signature"},
		{"A-087 not signed", posted(b64([]byte(`{"alg":"none"}`)) + "." + b64(must(json.Marshal(honest))) + "."), "id_token_algorithm"},
		{"A-090 for another app", posted(sign(with(honest, claims{"aud": "com.example.other"}), providerKey())), "id_token_audience"},
		{"A-091 of another issuer", posted(sign(with(honest, claims{"iss": "https://evil.example"}), providerKey())), "id_token_issuer"},
		{"A-092 expired", posted(sign(with(honest, claims{"exp": start.Unix() - 600}), providerKey())), "id_token_expired"},
		{"A-094 an ID token", posted(sign(claims{"iss": p.URL, "aud": "com.example.web", "sub": "ann-1", "iat": start.Unix(), "exp": start.Unix() + 60, "nonce": "n"}, providerKey())), "id_token_type"},
		{"A-104 about nobody", posted(sign(with(honest, claims{"events": strings.Replace(event("consent-revoked", happened), "ann-1", "0", 1)}), providerKey())), social.CodeSubject},
		{"nothing", posted(), social.CodeNotice},
		{"two", posted("a", "b"), social.CodeNotice},
		{"junk", posted("a.b.c"), "id_token_malformed"},
		{"a GET", social.Message{Query: url.Values{"payload": {sign(honest, providerKey())}}}, social.CodeMethod},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := h.Notice(t.Context(), "apple", tt.msg)
			failed(t, "Notice", err, tt.want)
			if n != (social.Notice{}) {
				t.Errorf("Notice = %+v beside the refusal, want nothing", n)
			}
		})
	}
	t.Run("a provider that sends none", func(t *testing.T) {
		if _, err := h.Notice(t.Context(), "google", posted(sign(honest, providerKey()))); !errors.Is(err, social.ErrNotFound) {
			t.Errorf("Notice = %v, want ErrNotFound", err)
		}
	})
	t.Run("keys that cannot be read now", func(t *testing.T) {
		q := newOP(t, c)
		q.broken = 503
		_, err := newHouse(t, c, apple(q)).Notice(t.Context(), "apple", posted(sign(honest, providerKey())))
		if _, ok := errors.AsType[*social.Refusal](err); err == nil || ok {
			t.Errorf("Notice = %s, want an error that is no refusal", describe(err))
		}
	})
}

func TestReadMessage(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, method, target, kind, body string
		want                             social.Code
	}{
		{"a query", "GET", "/callback?state=s&code=c", "", "", ""},
		{"a form", "POST", "/callback", form, "state=s&code=c", ""},
		{"A-085 a form, and a query beside it", "POST", "/callback?state=other&code=other", form + "; charset=utf-8", "state=s&code=c", ""},
		{"a query that is none", "GET", "/callback?a=%zz", "", "", social.CodeMessage},
		{"a form that is none", "POST", "/callback", form, "a=%zz", social.CodeMessage},
		{"JSON", "POST", "/callback", "application/json", "{}", social.CodeMessage},
		{"several parts", "POST", "/callback", "multipart/form-data; boundary=x", "--x--", social.CodeMessage},
		{"no type", "POST", "/callback", "", "state=s", social.CodeMessage},
		{"too much", "POST", "/callback", form, "state=" + strings.Repeat("s", 128<<10), social.CodeMessage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			m, err := social.ReadMessage(httptest.NewRecorder(), r)
			if tt.want != "" {
				failed(t, "ReadMessage", err, tt.want)
				return
			}
			got := m.Query
			if m.Post {
				got = m.Form
			}
			if err != nil || m.Post != (tt.method == "POST") || got.Get("state") != "s" || got.Get("code") != "c" {
				t.Errorf("ReadMessage = %+v, %s, want state s and code c", m, describe(err))
			}
		})
	}
}

func TestReadNotice(t *testing.T) {
	for _, tt := range []struct {
		name, method, kind, body string
		want                     social.Code
	}{
		{"R39 JSON", "POST", "application/json; charset=utf-8", `{"payload":"a.b.c"}`, ""},
		{"R39 a form", "POST", "application/x-www-form-urlencoded", "payload=a.b.c", ""},
		{"a GET", "GET", "", "", social.CodeMethod},
		{"no JSON", "POST", "application/json", "payload", social.CodeNotice},
		{"another JSON", "POST", "application/json", `{"payload":1}`, social.CodeNotice},
		{"a form that is none", "POST", "application/x-www-form-urlencoded", "a=%zz", social.CodeNotice},
		{"text", "POST", "text/plain", "a.b.c", social.CodeNotice},
		{"too much", "POST", "application/json", `{"payload":"` + strings.Repeat("a", 128<<10) + `"}`, social.CodeMessage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/notice", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			m, err := social.ReadNotice(httptest.NewRecorder(), r)
			if tt.want != "" {
				failed(t, "ReadNotice", err, tt.want)
			} else if err != nil || !m.Post || m.Form.Get("payload") != "a.b.c" {
				t.Errorf("ReadNotice = %+v, %s, want the payload", m, describe(err))
			}
		})
	}
}

// FuzzReceived brings whatever a stranger can post: it signs nobody in, and says nothing about anybody.
func FuzzReceived(f *testing.F) {
	c := &clock{now: start}
	p := newOP(f, c)
	h := newHouse(f, c, apple(p), google(newOP(f, c)))
	f.Add("state=soc_x&code=a", "application/x-www-form-urlencoded")
	f.Add(`{"payload":"a.b.c"}`, "application/json")
	f.Add("payload="+b64([]byte(`{"alg":"ES256","kid":"key-1"}`))+"."+b64([]byte(`{"events":"{}"}`))+".AAAA", "application/x-www-form-urlencoded")
	f.Add("error=access_denied&state=x&user=%7B%7D", "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body, kind string) {
		request := func(method, target string) *http.Request {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header["Content-Type"] = []string{kind}
			return r
		}
		get := request("GET", "/callback")
		get.URL.RawQuery = body
		for id, r := range map[string]*http.Request{"apple": request("POST", "/callback"), "google": get} {
			m, err := social.ReadMessage(httptest.NewRecorder(), r)
			if err != nil {
				failed(t, "ReadMessage", err, social.CodeMessage)
				continue
			}
			if _, err := h.Receive(t.Context(), id, m); err == nil {
				t.Errorf("Receive takes %q", body)
			}
			if err := social.CheckAnswer(m.Form); err == nil && m.Form.Has("error") {
				t.Errorf("an answer with an error passes: %q", body)
			}
		}
		m, err := social.ReadNotice(httptest.NewRecorder(), request("POST", "/notice"))
		if err != nil {
			return
		}
		if n, err := h.Notice(t.Context(), "apple", m); err == nil {
			t.Errorf("Notice takes %q as %+v", body, n)
		}
	})
}
