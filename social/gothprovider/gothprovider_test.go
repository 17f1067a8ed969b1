package gothprovider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/onedrive"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
)

// R32: what a provider answers becomes an identity, which never speaks for an address.
func TestR32SignIn(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	if p.ID != "github" || p.Name != "GitHub" || p.OpenID != nil {
		t.Errorf("New = %q, %q, OpenID %v; want the ID and the name of the Config, and no OpenID", p.ID, p.Name, p.OpenID)
	}
	if err := p.Speaker.Check(); err != nil {
		t.Fatalf("Check = %v, want none", err)
	}
	r := s.request(t)
	address := begin(t, p, &r)
	m := s.browse(t, address)
	got, err := p.Speaker.Verify(t.Context(), r, m)
	want := social.Identity{Subject: "4711", Email: "ann@example.com", Name: "Ann Lee"}
	if err != nil || got != want {
		t.Errorf("Verify = %+v, %v; want %+v", got, err, want)
	}
	// A code counts once at the provider too.
	_, err = p.Speaker.Verify(t.Context(), r, m)
	if refused := wantRefusal(t, err, "token_error"); refused.Received != "invalid_grant" {
		t.Errorf("a code that was used: the provider says %q, want invalid_grant", refused.Received)
	}
}

// R30, A-101: Facebook, with an address, without one, and with anybody's.
func TestR30Facebook(t *testing.T) {
	for name, c := range map[string]struct {
		profile string
		want    social.Identity
	}{
		"with an address": {`{"id":"10158","name":"Ann Lee","first_name":"Ann","last_name":"Lee","email":"ann@example.com"}`,
			social.Identity{Subject: "10158", Name: "Ann Lee", GivenName: "Ann", FamilyName: "Lee", Email: "ann@example.com"}},
		"A-101 without":          {`{"id":"10158","name":"Ann Lee"}`, social.Identity{Subject: "10158", Name: "Ann Lee"}},
		"A-101 somebody else's":  {`{"id":"666","email":"ann@example.com","email_verified":true,"verified":true}`, social.Identity{Subject: "666", Email: "ann@example.com"}},
		"A-109 a recycled one's": {`{"id":"20000","email":"ann@example.com"}`, social.Identity{Subject: "20000", Email: "ann@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.profileOf(c.profile)
			p := gothprovider.Facebook(clientID, secret)
			if err := p.Speaker.Check(); err != nil {
				t.Fatalf("Check = %v, want none", err)
			}
			r := s.request(t)
			r.HTTP = s.facebookClient(t)
			address, err := url.Parse(begin(t, p, &r))
			if err != nil {
				t.Fatal(err)
			}
			want := url.Values{"client_id": {clientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"email"}, "state": {"state-1"}}
			if got := address.Query(); address.Scheme+"://"+address.Host+address.Path != "https://www.facebook.com/dialog/oauth" || got.Encode() != want.Encode() {
				t.Errorf("A-111, A-114: the address is %s, want https://www.facebook.com/dialog/oauth with %v", address, want)
			}
			got, err := p.Speaker.Verify(t.Context(), r, s.browse(t, s.URL+address.RequestURI()))
			if p.ID != "facebook" || p.Issuer != "https://www.facebook.com" {
				t.Errorf("A-081 people are known by %q of %q, and must be for ever", p.Issuer, p.ID)
			}
			if err != nil || got != c.want {
				t.Errorf("Verify = %+v, %v; want %+v, with an address that is not authoritative", got, err, c.want)
			}
			if fields := s.requests[len(s.requests)-1].Form.Get("fields"); fields != "id,name,first_name,last_name,email" {
				t.Errorf("A-111: the profile is asked for %q, want nothing that is not used", fields)
			}
		})
	}
}

func TestR38FacebookDenied(t *testing.T) {
	s := newServer(t)
	p := gothprovider.Facebook(clientID, secret)
	for name, c := range map[string]struct {
		q    url.Values
		want social.Code
	}{
		"as RFC 6749 has it":       {url.Values{"error": {"access_denied"}}, social.CodeCancelled},
		"as Facebook documents it": {url.Values{"error": {"access_denied"}, "error_reason": {"user_denied"}, "error_code": {"200"}, "error_description": {"Permissions error"}}, social.CodeCancelled},
		"with an error of its own": {url.Values{"error": {"OAuthException"}, "error_reason": {"user_denied"}}, social.CodeCancelled},
		"for another reason":       {url.Values{"error": {"OAuthException"}, "error_reason": {"app_disabled"}}, social.CodeProviderError},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(t)
			begin(t, p, &r)
			c.q.Set("state", r.State)
			_, err := p.Speaker.Verify(t.Context(), r, social.Message{Query: c.q})
			wantRefusal(t, err, c.want)
		})
	}
	if err := gothprovider.Facebook("", secret).Speaker.Check(); err == nil {
		t.Error("Check of Facebook without an id = nil, want an error")
	}
	if err := gothprovider.Facebook(clientID, "").Speaker.Check(); err == nil {
		t.Error("Check of Facebook without a secret = nil, want an error")
	}
}

// What a browser brings is judged before anybody is asked.
func TestCallback(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	for name, c := range map[string]struct {
		change   func(social.Message) social.Message
		want     social.Code
		received string
	}{
		"A-077 no state":           {set("state"), gothprovider.CallbackState, ""},
		"A-077 an empty state":     {set("state", ""), gothprovider.CallbackState, ""},
		"A-078 another state":      {set("state", "state-2"), gothprovider.CallbackState, ""},
		"A-085 a state twice":      {set("state", "state-1", "state-1"), "callback_duplicate", ""},
		"A-085 a code twice":       {set("code", "code-1", "code-2"), "callback_duplicate", ""},
		"A-085 something twice":    {set("scope", "a", "b"), "callback_duplicate", ""},
		"no code":                  {set("code"), "callback_malformed", ""},
		"A-107 a token":            {without("code", "access_token", access), "callback_malformed", ""},
		"A-107 an ID token":        {without("code", "id_token", "e30.e30."), "callback_malformed", ""},
		"A-108 code and error":     {set("error", "server_error"), "callback_ambiguous", ""},
		"A-108 an error":           {without("code", "error", "server_error"), "provider_error", "server_error"},
		"A-108 a script for one":   {without("code", "error", "<script>"), "provider_error", "unreadable"},
		"A-108 100 KB of it":       {without("code", "error", strings.Repeat("x", 100<<10)), "provider_error", "unreadable"},
		"A-108 of another request": {without("code", "error", "access_denied", "state", "state-2"), gothprovider.CallbackState, ""},
		"A-108 with line breaks":   {without("code", "error", "a\r\nSet-Cookie: b=c"), "provider_error", "unreadable"},
		"a code with line breaks":  {set("code", "a\r\nb"), "callback_malformed", ""},
		"A-082 another sender":     {set("iss", "https://evil.example"), "callback_issuer", "https://evil.example"},
		"A-082 in plain http":      {set("iss", "http://github.com"), "callback_issuer", "http://github.com"},
		"A-082 no sender at all":   {set("iss", "github.com"), "callback_issuer", "github.com"},
		"posted": {func(m social.Message) social.Message {
			return social.Message{Post: true, Form: m.Query, Query: m.Query}
		}, "callback_malformed", "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(t)
			m := s.browse(t, begin(t, p, &r))
			_, err := p.Speaker.Verify(t.Context(), r, c.change(m))
			if refused := wantRefusal(t, err, c.want); refused.Received != c.received {
				t.Errorf("received %q, want %q", refused.Received, c.received)
			}
			if asked := s.asked(); len(asked) != 0 {
				t.Errorf("the provider was asked %v, want nothing", asked)
			}
		})
	}
	t.Run("A-082 the right sender", func(t *testing.T) {
		r := s.request(t)
		m := set("iss", "https://github.com/login/oauth")(s.browse(t, begin(t, p, &r)))
		if _, err := p.Speaker.Verify(t.Context(), r, m); err != nil {
			t.Errorf("Verify = %v, want an identity", err)
		}
	})
}

// set changes one parameter of an answer. Without values it is left out.
func set(name string, values ...string) func(social.Message) social.Message {
	return func(m social.Message) social.Message {
		delete(m.Query, name)
		if len(values) > 0 {
			m.Query[name] = values
		}
		return m
	}
}

// without leaves one parameter out and sets others.
func without(name string, others ...string) func(social.Message) social.Message {
	return func(m social.Message) social.Message {
		m.Query.Del(name)
		for i := 0; i < len(others); i += 2 {
			m.Query.Set(others[i], others[i+1])
		}
		return m
	}
}

// of what a browser brings, the code alone reaches goth.
func TestA085ParametersStayOut(t *testing.T) {
	s := newServer(t)
	s.profileOf(`{"id":"ann"}`)
	extra := url.Values{"redirect_uri": {"https://evil.example"}, "code_verifier": {"mine"}, "client_id": {"other"}, "grant_type": {"password"}, "token": {"t"}, "oauth_verifier": {"v"}}
	var got url.Values
	cfg := s.fakeConfig(func(f *fake, _ *http.Client) {
		honest := f.authorize
		f.authorize = func(p goth.Params) error {
			got = url.Values{"code": {p.Get("code")}}
			for name := range extra {
				if v := p.Get(name); v != "" {
					got.Set(name, v)
				}
			}
			if v := p.Get("state"); v != "" {
				got.Set("state", v)
			}
			return honest(p)
		}
	})
	for name, cfg := range map[string]gothprovider.Config{"a curious provider": cfg, "goth's": s.config()} {
		if name == "goth's" {
			s.profile = nil
		} else {
			s.profileOf(`{"id":"ann"}`)
		}
		p := gothprovider.New(cfg)
		r := s.request(t)
		m := s.browse(t, begin(t, p, &r))
		for name, v := range extra {
			m.Query[name] = v
		}
		if _, err := p.Speaker.Verify(t.Context(), r, m); err != nil {
			t.Errorf("%s: Verify = %v, want an identity: what is not asked for is ignored", name, err)
		}
		form := s.form(t)
		if form.Get("redirect_uri") != callback || form.Get("grant_type") != "authorization_code" || form.Get("code_verifier") == "mine" || form.Get("code_verifier") == "" {
			t.Errorf("%s: the token was asked for with %v, want what we remember", name, form)
		}
	}
	if len(got) != 1 || got.Get("code") == "" {
		t.Errorf("Authorize could read %v, want the code and nothing else", got)
	}
}

// a code belongs to the request that it was asked for with.
func TestA084PKCE(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())

	mine, other := s.request(t), s.request(t)
	first, second := begin(t, p, &mine), begin(t, p, &other)
	challenges := map[string]bool{}
	for _, address := range []string{first, second} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if q := u.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
			t.Errorf("the address has method %q and challenge %q, want S256 and 43 letters", q.Get("code_challenge_method"), q.Get("code_challenge"))
		}
		challenges[u.Query().Get("code_challenge")] = true
	}
	if len(challenges) != 2 {
		t.Error("two requests have one challenge, want one each")
	}
	if _, err := p.Speaker.Verify(t.Context(), other, s.browse(t, first)); wantRefusal(t, err, "token_error").Received != "invalid_grant" {
		t.Errorf("A-083 a code of another request: %v, want invalid_grant", err)
	}
	if id, err := p.Speaker.Verify(t.Context(), other, s.browse(t, second)); err != nil || id.Subject != "4711" {
		t.Errorf("Verify = %+v, %v; want ann", id, err)
	}

	t.Run("a provider that would not send it", func(t *testing.T) {
		s := newServer(t)
		cfg := s.fakeConfig(func(f *fake, client *http.Client) {
			f.authorize = func(p goth.Params) error { return done(client.Get(s.URL + "/user?code=" + p.Get("code"))) }
		})
		_, err := s.signIn(t, gothprovider.New(cfg))
		wantRefusal(t, err, gothprovider.TokenVerifier)
		cfg.PKCE = false
		s.profileOf(`{"id":"ann"}`)
		if _, err := s.signIn(t, gothprovider.New(cfg)); err != nil {
			t.Errorf("without PKCE: Verify = %v, want an identity", err)
		}
	})
	t.Run("a provider that sends another code", func(t *testing.T) {
		s := newServer(t)
		cfg := s.fakeConfig(func(f *fake, client *http.Client) {
			honest := f.authorize
			f.authorize = func(goth.Params) error {
				s.token = func(w http.ResponseWriter, _ *http.Request) { say(w, `{}`) }
				return honest(url.Values{"code": {"another"}})
			}
		})
		_, err := s.signIn(t, gothprovider.New(cfg))
		wantRefusal(t, err, gothprovider.TokenVerifier)
		if form := s.form(t); form.Has("code_verifier") {
			t.Errorf("the verifier went with %v, want it to go with our code only", form)
		}
	})
	t.Run("a form that is too long", func(t *testing.T) {
		s := newServer(t)
		cfg := s.fakeConfig(func(f *fake, client *http.Client) {
			f.authorize = func(p goth.Params) error {
				return done(client.PostForm(s.URL+"/token", url.Values{"code": {p.Get("code")}, "x": {strings.Repeat("x", 64<<10)}}))
			}
		})
		_, err := s.signIn(t, gothprovider.New(cfg))
		wantRefusal(t, err, gothprovider.TokenVerifier)
		if asked := s.asked(); len(asked) != 0 {
			t.Errorf("the provider was asked %v, want nothing", asked)
		}
	})
	t.Run("switched off", func(t *testing.T) {
		s := newServer(t)
		cfg := s.config()
		cfg.PKCE = false
		r := s.request(t)
		address := begin(t, gothprovider.New(cfg), &r)
		if strings.Contains(address, "code_challenge") {
			t.Errorf("the address is %s, want no code_challenge", address)
		}
		if _, err := gothprovider.New(cfg).Speaker.Verify(t.Context(), r, s.browse(t, address)); err != nil || s.form(t).Has("code_verifier") {
			t.Errorf("Verify = %v with %v, want an identity without a verifier", err, s.form(t))
		}
	})
}

// An address that goth makes is judged before anybody goes there, and in Check already.
func TestAddress(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"A-079 a state of its own":    {func(q url.Values) { q.Set("state", "fixed") }, "does not carry our state"},
		"A-077 no state":              {func(q url.Values) { q.Del("state") }, "does not carry our state"},
		"A-106 another callback":      {func(q url.Values) { q.Set("redirect_uri", "https://evil.example") }, "does not carry our callback"},
		"A-106 no callback":           {func(q url.Values) { q.Del("redirect_uri") }, "does not carry our callback"},
		"two states":                  {func(q url.Values) { q["state"] = append(q["state"], "b") }, `has "state" twice`},
		"two callbacks":               {func(q url.Values) { q["redirect_uri"] = append(q["redirect_uri"], "b") }, `has "redirect_uri" twice`},
		"no client":                   {func(q url.Values) { q.Set("client_id", " ") }, "empty client_id"},
		"a token at once":             {func(q url.Values) { q.Set("response_type", "token") }, "asks for something else than a code"},
		"a posted answer":             {func(q url.Values) { q.Set("response_mode", "form_post") }, "not a GET"},
		"A-084 a challenge of itself": {func(q url.Values) { q.Set("code_challenge", "x") }, "has a code_challenge of its own"},
		"A-111 Google's offline":      {func(q url.Values) { q.Set("access_type", "offline") }, "outlive the sign-in"},
		"A-111 Dropbox's":             {func(q url.Values) { q.Set("token_access_type", "offline") }, "outlive the sign-in"},
		"A-111 a scope for it":        {func(q url.Values) { q.Set("scope", "email offline_access") }, "outlive the sign-in"},
		"A-111 Microsoft's":           {func(q url.Values) { q.Set("scope", "wl.signin wl.offline_access") }, "outlive the sign-in"},
	} {
		t.Run(name, func(t *testing.T) {
			p := gothprovider.New(s.fakeConfig(func(f *fake, _ *http.Client) {
				honest := f.address
				f.address = func(state string) string {
					u, err := url.Parse(honest(state))
					if err != nil {
						t.Error(err)
					}
					q := u.Query()
					c.change(q)
					return s.URL + "/authorize?" + q.Encode()
				}
			}))
			if err := p.Speaker.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want an error with %q", err, c.want)
			}
			if _, err := p.Speaker.Begin(t.Context(), s.request(t)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Begin = %v, want an error with %q", err, c.want)
			}
		})
	}
	for name, address := range map[string]string{
		"none": "", "a path": "/authorize", "a script": "javascript:alert(1)", "with a user": "https://a:b@example.com/?x=y", "unreadable": "https://%zz/",
		"an unreadable query": "https://example.com/?a=%zz", "endless": "https://example.com/?a=" + strings.Repeat("x", 8192),
	} {
		t.Run(name, func(t *testing.T) {
			p := gothprovider.New(s.fakeConfig(func(f *fake, _ *http.Client) {
				honest := f.address
				f.address = func(state string) string {
					if strings.Contains(address, "?") { // all else about it is right
						return address + "&" + strings.TrimPrefix(honest(state), s.URL+"/authorize?")
					}
					return address
				}
			}))
			_, err := p.Speaker.Begin(t.Context(), s.request(t))
			if err == nil || !strings.Contains(err.Error(), "the address of fake") {
				t.Errorf("Begin = %v, want an error about the address", err)
			}
		})
	}
}

// People are sent to https, and asked of over https, unless the way out allows something else.
func TestOnlyHTTPS(t *testing.T) {
	s := newServer(t)
	plain := s.fakeConfig(func(f *fake, _ *http.Client) {
		honest := f.address
		f.address = func(state string) string { return strings.Replace(honest(state), "https://", "http://", 1) }
	})
	r := s.request(t)
	r.HTTP = wayOut(t, fetch.Config{})
	if _, err := gothprovider.New(plain).Speaker.Begin(t.Context(), r); err == nil || !strings.Contains(err.Error(), "is not https") {
		t.Errorf("Begin with an http address = %v, want an error about https", err)
	}
	if _, err := gothprovider.New(plain).Speaker.Begin(t.Context(), s.request(t)); err != nil {
		t.Errorf("Begin with an http address, which the way out allows = %v, want none", err)
	}

	r = s.request(t)
	cfg := s.fakeConfig(func(f *fake, client *http.Client) {
		f.authorize = func(p goth.Params) error {
			return done(client.PostForm("http://provider.example/token", url.Values{"code": {p.Get("code")}}))
		}
	})
	m := s.browse(t, begin(t, gothprovider.New(cfg), &r))
	r.HTTP = wayOut(t, fetch.Config{})
	_, err := gothprovider.New(cfg).Speaker.Verify(t.Context(), r, m)
	wantRefusal(t, err, "fetch_scheme")

	m = s.browse(t, begin(t, gothprovider.New(s.config()), &r))
	_, err = gothprovider.New(s.config()).Speaker.Verify(t.Context(), r, m)
	wantRefusal(t, err, "fetch_private")
}

// who somebody is must be a name, and one that stays.
func TestA104Subject(t *testing.T) {
	s := newServer(t)
	s.profileOf(`{}`)
	p := gothprovider.New(s.fakeConfig(nil))
	for _, c := range []struct {
		id string
		ok bool
	}{
		{"4711", true}, {"ann", true}, {"10158000000000000001", true}, {"a0", true}, {"-1x", true}, {"12e5", true}, {"U1.2-3", true}, {strings.Repeat("x", 255), true},
		{"9f86d081-884c-7d65-9a2f-eaa0c55ad015", true}, {"Änne", true}, {"NULLA", true},
		{"", false}, {" ", false}, {"\t", false}, {"0", false}, {"00", false}, {"-0", false}, {"0.0", false}, {"null", false}, {"NULL", false}, {"nil", false},
		{"<nil>", false}, {"undefined", false}, {"true", false}, {"false", false}, {"[]", false}, {"{}", false}, {"map[]", false}, {"1e+20", false}, {"1.2345678e+07", false},
		{"00000000-0000-0000-0000-000000000000", false}, {" 4711", false}, {"4711\n", false}, {"47\u000011", false}, {"ann@example.com", false},
		{strings.Repeat("x", 256), false}, {"a\xff", false},
	} {
		t.Run(fmt.Sprintf("%.40q", c.id), func(t *testing.T) {
			r := s.request(t)
			m := s.browse(t, begin(t, p, &r))
			// As the provider's code makes it: JSON would mend what is no UTF-8.
			odd := gothprovider.New(s.fakeConfig(func(f *fake, _ *http.Client) {
				honest := f.user
				f.user = func() (goth.User, error) {
					_, err := honest()
					return goth.User{UserID: c.id}, err
				}
			}))
			got, err := odd.Speaker.Verify(t.Context(), r, m)
			if !c.ok {
				wantRefusal(t, err, "userinfo_subject")
				if got != (social.Identity{}) {
					t.Errorf("Verify = %+v besides, want nothing", got)
				}
			} else if err != nil || got.Subject != c.id {
				t.Errorf("Verify = %q, %v; want %q", got.Subject, err, c.id)
			}
		})
	}
}

// as goth's own providers read a profile.
func TestA105SubjectTypes(t *testing.T) {
	for _, c := range []struct {
		id             string // as JSON; empty: none
		gitHub         social.Code
		facebook       social.Code
		github, fbText string
	}{
		{id: `4711`, github: "4711", facebook: "userinfo_response"},
		{id: `"4711"`, gitHub: "userinfo_response", fbText: "4711"},
		{id: ``, gitHub: "userinfo_subject", facebook: "userinfo_subject"},
		{id: `null`, gitHub: "userinfo_subject", facebook: "userinfo_subject"},
		{id: `0`, gitHub: "userinfo_subject", facebook: "userinfo_response"},
		{id: `1e20`, gitHub: "userinfo_response", facebook: "userinfo_response"},
		{id: `true`, gitHub: "userinfo_response", facebook: "userinfo_response"},
		{id: `[4711]`, gitHub: "userinfo_response", facebook: "userinfo_response"},
		{id: `{"a":1}`, gitHub: "userinfo_response", facebook: "userinfo_response"},
		{id: `"null"`, gitHub: "userinfo_response", facebook: "userinfo_subject"},
		{id: `"  "`, gitHub: "userinfo_response", facebook: "userinfo_subject"},
	} {
		t.Run(c.id, func(t *testing.T) {
			s := newServer(t)
			profile := `{"name":"Ann Lee"}`
			if c.id != "" {
				profile = `{"name":"Ann Lee","id":` + c.id + `}`
			}
			s.profileOf(profile)
			got, err := s.signIn(t, gothprovider.New(s.config()))
			if c.gitHub != "" {
				wantRefusal(t, err, c.gitHub)
			} else if err != nil || got.Subject != c.github {
				t.Errorf("GitHub: Verify = %q, %v; want %q", got.Subject, err, c.github)
			}
			p, r := gothprovider.Facebook(clientID, secret), s.request(t)
			r.HTTP = s.facebookClient(t)
			u, _ := url.Parse(begin(t, p, &r))
			got, err = p.Speaker.Verify(t.Context(), r, s.browse(t, s.URL+u.RequestURI()))
			if c.facebook != "" {
				wantRefusal(t, err, c.facebook)
			} else if err != nil || got.Subject != c.fbText {
				t.Errorf("Facebook: Verify = %q, %v; want %q", got.Subject, err, c.fbText)
			}
		})
	}
}

// What is only shown must be fit to be shown, and is no reason to refuse anybody.
func TestTexts(t *testing.T) {
	s := newServer(t)
	long, err := json.Marshal(strings.Repeat("x", 321))
	if err != nil {
		t.Fatal(err)
	}
	s.profileOf(`{"id":"ann","name":" Ann Lee ","first":"A\u0000nn","last":` + string(long) + `,"email":"ann@example.com\r\nBcc: all@example.com"}`)
	got, err := s.signIn(t, gothprovider.New(s.fakeConfig(nil)))
	want := social.Identity{Subject: "ann", Name: "Ann Lee"}
	if err != nil || got != want {
		t.Errorf("Verify = %+v, %v; want %+v", got, err, want)
	}
}

// A provider that goes around our client would know none of our limits.
func TestGoesAround(t *testing.T) {
	s := newServer(t)
	for name, change := range map[string]func(*fake, *http.Client){
		"for the token": func(f *fake, _ *http.Client) {
			f.authorize = func(p goth.Params) error {
				return done(s.Client().PostForm(s.URL+"/token", url.Values{"code": {p.Get("code")}, "client_id": {clientID}, "client_secret": {secret}}))
			}
		},
		"for the profile": func(f *fake, _ *http.Client) {
			f.user = func() (goth.User, error) { return goth.User{UserID: "ann"}, done(s.Client().Get(s.URL + "/user")) }
		},
		"and asks nobody": func(f *fake, _ *http.Client) {
			f.authorize = func(goth.Params) error { return nil }
			f.user = func() (goth.User, error) { return goth.User{UserID: "ann"}, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.fakeConfig(change)
			cfg.PKCE = name == "for the profile"
			s.token = func(w http.ResponseWriter, _ *http.Request) { say(w, `{}`) }
			_, err := s.signIn(t, gothprovider.New(cfg))
			wantRefusal(t, err, gothprovider.ProviderClient)
		})
	}
}

// What one answer makes us do has an end.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(s *server, f *fake, client *http.Client)
		profile http.HandlerFunc
		want    social.Code
	}{
		"a profile without end": {nil, func(w http.ResponseWriter, _ *http.Request) {
			say(w, `{"id":"ann","x":"`+strings.Repeat("x", gothprovider.MaxBytes)+`"}`)
		}, "fetch_too_large"},
		"many that are long": {func(s *server, f *fake, client *http.Client) {
			honest := f.user
			f.user = func() (goth.User, error) {
				for range 3 {
					if _, err := honest(); err != nil {
						return goth.User{}, err
					}
				}
				return honest()
			}
		}, func(w http.ResponseWriter, _ *http.Request) {
			say(w, `{"id":"ann","x":"`+strings.Repeat("x", gothprovider.MaxBytes/3)+`"}`)
		}, "fetch_too_large"},
		"one that is cut, and nobody minds": {func(s *server, f *fake, client *http.Client) {
			f.user = func() (goth.User, error) {
				resp, err := client.Get(s.URL + "/user")
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				return goth.User{UserID: "ann"}, err
			}
		}, func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				w.Write(make([]byte, gothprovider.MaxBytes/16))
			}
		}, "fetch_too_large"},
		"requests without end": {func(s *server, f *fake, client *http.Client) {
			f.user = func() (goth.User, error) {
				for range 100 {
					done(client.Get(s.URL + "/user"))
				}
				return goth.User{UserID: "ann"}, nil
			}
		}, nil, gothprovider.ProviderRequests},
		"a way elsewhere": {nil, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/user?again", http.StatusFound)
		}, "fetch_redirect"},
	} {
		for _, way := range []string{"guarded", "bare"} {
			t.Run(name+", "+way, func(t *testing.T) {
				s := newServer(t)
				s.profile = c.profile
				p := gothprovider.New(s.fakeConfig(func(f *fake, client *http.Client) {
					if c.change != nil {
						c.change(s, f, client)
					}
				}))
				r := s.request(t)
				m := s.browse(t, begin(t, p, &r))
				if way == "bare" { // a client without limits of its own
					r.HTTP = &http.Client{Transport: s.Client().Transport}
				}
				_, err := p.Speaker.Verify(t.Context(), r, m)
				wantRefusal(t, err, c.want)
				if asked := s.asked(); len(asked) > gothprovider.MaxRequests {
					t.Errorf("the provider was asked %d times, want %d at most", len(asked), gothprovider.MaxRequests)
				}
			})
		}
	}
	t.Run("nothing goes out after a rule was not met", func(t *testing.T) {
		s := newServer(t)
		s.profile = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/user?again", http.StatusFound) }
		_, err := s.signIn(t, gothprovider.New(s.fakeConfig(func(f *fake, client *http.Client) {
			f.user = func() (goth.User, error) {
				for range 3 {
					done(client.Get(s.URL + "/user"))
				}
				return goth.User{UserID: "ann"}, nil
			}
		})))
		wantRefusal(t, err, "fetch_redirect")
		if got, want := s.asked(), []string{"POST /token", "GET /user"}; !slices.Equal(got, want) {
			t.Errorf("the provider was asked %v, want %v", got, want)
		}
	})
	t.Run("A-112 a way elsewhere for the code", func(t *testing.T) {
		s := newServer(t)
		s.token = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/user", http.StatusTemporaryRedirect)
		}
		p := gothprovider.New(s.config())
		r := s.request(t)
		m := s.browse(t, begin(t, p, &r))
		r.HTTP = &http.Client{Transport: s.Client().Transport}
		_, err := p.Speaker.Verify(t.Context(), r, m)
		wantRefusal(t, err, "fetch_redirect")
	})
}

// goth's requests end with the context of whoever waits.
func TestContext(t *testing.T) {
	for _, end := range []string{"cancelled", "deadline", "client timeout"} {
		t.Run(end, func(t *testing.T) {
			s := newServer(t)
			arrived, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			s.profile = func(http.ResponseWriter, *http.Request) { close(arrived); <-release }
			p := gothprovider.New(s.config())
			r := s.request(t)
			m := s.browse(t, begin(t, p, &r))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			switch end {
			case "cancelled":
				go func() { <-arrived; cancel() }()
			case "deadline":
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			case "client timeout":
				short := *r.HTTP
				short.Timeout = 300 * time.Millisecond
				r.HTTP = &short
			}
			start := time.Now()
			_, err := p.Speaker.Verify(ctx, r, m)
			if _, refused := errors.AsType[*social.Refusal](err); err == nil || refused {
				t.Errorf("Verify = %v, want an error that is no refusal", err)
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("Verify took %v, want it to end with its context", took)
			}
			if end == "cancelled" && !errors.Is(err, context.Canceled) {
				t.Errorf("Verify = %v, want context.Canceled in it", err)
			}
		})
	}
}

// A provider that has contexts of its own ends when they end, or when the caller's does.
func TestOwnContext(t *testing.T) {
	s := newServer(t)
	release := make(chan struct{})
	defer close(release)
	s.profile = func(_ http.ResponseWriter, r *http.Request) { <-release }
	p := gothprovider.New(s.fakeConfig(func(f *fake, client *http.Client) {
		f.user = func() (goth.User, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/user", nil)
			if err != nil {
				return goth.User{}, err
			}
			return goth.User{UserID: "ann"}, done(client.Do(req))
		}
	}))
	start := time.Now()
	_, err := s.signIn(t, p)
	if _, refused := errors.AsType[*social.Refusal](err); err == nil || refused || time.Since(start) > 3*time.Second {
		t.Errorf("Verify = %v after %v, want an error that is no refusal, when the provider's own time is over", err, time.Since(start))
	}

	ctx, cancel := context.WithCancel(t.Context())
	p = gothprovider.New(s.fakeConfig(func(f *fake, _ *http.Client) {
		f.user = func() (goth.User, error) { cancel(); return goth.User{}, errors.New("no profile") }
	}))
	r := s.request(t)
	m := s.browse(t, begin(t, p, &r))
	if _, err := p.Speaker.Verify(ctx, r, m); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify with a context that ended = %v, want context.Canceled: it says nothing about the person", err)
	}
}

// Foreign code that panics takes nothing down, and tells nothing.
func TestPanics(t *testing.T) {
	s := newServer(t)
	s.profileOf(`{"id":"ann"}`)
	boom := func() { panic("boom " + access) }
	for name, change := range map[string]func(*fake){
		"GetAuthURL": func(f *fake) { f.address = func(string) string { boom(); return "" } },
		"Marshal":    func(f *fake) { f.marshal = func() string { boom(); return "" } },
		"Name":       nil, // a nil provider with a type
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.fakeConfig(func(f *fake, _ *http.Client) { change(f) })
			if name == "Name" {
				cfg.Provider = func(string, *http.Client) (goth.Provider, error) { return (*fake)(nil), nil }
			}
			p := gothprovider.New(cfg)
			if err := p.Speaker.Check(); err == nil || hasSecret(err.Error()) {
				t.Errorf("Check = %v, want an error that repeats nothing", err)
			}
			if _, err := p.Speaker.Begin(t.Context(), s.request(t)); err == nil || hasSecret(err.Error()) {
				t.Errorf("Begin = %v, want an error that repeats nothing", err)
			}
		})
	}
	for name, change := range map[string]func(*fake){
		"UnmarshalSession": func(f *fake) { f.unmarshal = boom },
		"Authorize":        func(f *fake) { f.authorize = func(goth.Params) error { boom(); return nil } },
		"FetchUser":        func(f *fake) { f.user = func() (goth.User, error) { boom(); return goth.User{}, nil } },
		"of the runtime": func(f *fake) {
			f.user = func() (goth.User, error) { return goth.User{UserID: any(map[string]any{"id": 1}["id"]).(string)}, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.request(t)
			m := s.browse(t, begin(t, gothprovider.New(s.fakeConfig(nil)), &r))
			_, err := gothprovider.New(s.fakeConfig(func(f *fake, _ *http.Client) { change(f) })).Speaker.Verify(t.Context(), r, m)
			refused := wantRefusal(t, err, gothprovider.ProviderPanicked)
			want := "string"
			if name == "of the runtime" {
				want = "interface conversion"
			}
			if !strings.HasPrefix(refused.Received, want) || hasSecret(refused.Received) {
				t.Errorf("received %q, want %q and nothing of the answer", refused.Received, want)
			}
		})
	}
	t.Run("Config.Provider", func(t *testing.T) {
		cfg := s.fakeConfig(nil)
		cfg.Provider = func(string, *http.Client) (goth.Provider, error) { panic("boom") }
		if err := gothprovider.New(cfg).Speaker.Check(); err == nil {
			t.Error("Check = nil, want an error")
		}
	})
}

// R38: what is wrong for now is told from what is wrong.
func TestR38Trouble(t *testing.T) {
	status := func(code int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			w.Write([]byte(text))
		}
	}
	for name, c := range map[string]struct {
		token, profile http.HandlerFunc
		want           social.Code // empty: no refusal
		text           string      // of the error, or received
	}{
		"no token today":          {status(503, `{"error":"temporarily_unavailable"}`), nil, "", "gothprovider: token_failed: fetch_status"},
		"too many ask":            {status(429, `{}`), nil, "", "gothprovider: token_failed: fetch_status"},
		"no token for this code":  {status(400, `{"error":"invalid_grant","error_description":"`+access+`"}`), nil, "token_error", "invalid_grant"},
		"as GitHub says no":       {status(200, `{"error":"bad_verification_code"}`), nil, "token_error", "bad_verification_code"},
		"as Facebook says no":     {status(400, `{"error":{"message":"no","type":"OAuthException","code":100}}`), nil, "token_error", ""},
		"no JSON":                 {status(200, `<html>`), nil, "token_response", ""},
		"no token in it":          {status(200, `{}`), nil, "token_response", ""},
		"A-105 a token of arrays": {status(200, `{"access_token":["a"]}`), nil, "token_response", ""},
		"no profile today":        {nil, status(502, ``), "", "gothprovider: userinfo_failed: fetch_status"},
		"no profile":              {nil, status(404, `{}`), "userinfo_response", ""},
		"a profile that is none":  {nil, status(200, `[]`), "userinfo_response", ""},
		"half of a profile":       {nil, status(200, `{"id":47`), "userinfo_response", ""},
		"a line that breaks": {nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte(`{"id":4711,`))
			panic(http.ErrAbortHandler)
		}, "", "gothprovider: userinfo_failed: fetch_unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.token, s.profile = c.token, c.profile
			_, err := s.signIn(t, gothprovider.New(s.config()))
			if c.want != "" {
				if refused := wantRefusal(t, err, c.want); refused.Received != c.text {
					t.Errorf("received %q, want %q", refused.Received, c.text)
				}
				return
			}
			if _, refused := errors.AsType[*social.Refusal](err); refused || err == nil || err.Error() != c.text {
				t.Errorf("Verify = %v, want %q and no refusal", err, c.text)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		s := newServer(t)
		p, r := gothprovider.Facebook(clientID, secret), s.request(t)
		r.HTTP = s.facebookClient(t)
		u, _ := url.Parse(begin(t, p, &r))
		m := s.browse(t, s.URL+u.RequestURI())
		s.profile = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		_, err := p.Speaker.Verify(t.Context(), r, m)
		if _, refused := errors.AsType[*social.Refusal](err); err == nil || refused {
			t.Fatalf("Verify = %v, want an error that is no refusal", err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) { // Facebook's profile is asked for with the token in the address
			if hasSecret(e.Error()) {
				t.Errorf("the error says %q, want no token in it", e)
			}
		}
	})
}

// A request remembers nothing that opens anything, and fits the settings it was made with.
func TestMemory(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	r := s.request(t)
	address := begin(t, p, &r)
	if text := string(r.Memory); hasSecret(text) || len(text) > 4096 {
		t.Errorf("A-111: a request remembers %q, want no secret, and 4 KiB at most", text)
	}
	m := s.browse(t, address)
	for name, change := range map[string]func(*social.Request, *gothprovider.Config){
		"A-081 another provider's": func(_ *social.Request, c *gothprovider.Config) { c.Issuer = "https://gitlab.com" },
		"A-106 another callback":   func(r *social.Request, _ *gothprovider.Config) { r.Callback = "https://app.example.com/elsewhere" },
		"A-084 PKCE switched off":  func(_ *social.Request, c *gothprovider.Config) { c.PKCE = false },
		"A-084 PKCE switched on": func(r *social.Request, _ *gothprovider.Config) {
			r.Memory = []byte(regexp.MustCompile(`"Verifier":"[^"]*"`).ReplaceAllString(string(r.Memory), `"Verifier":""`))
		},
		"nothing": func(r *social.Request, _ *gothprovider.Config) { r.Memory = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r, cfg := r, s.config()
			change(&r, &cfg)
			_, err := gothprovider.New(cfg).Speaker.Verify(t.Context(), r, m)
			wantRefusal(t, err, "request_changed")
			if asked := s.asked(); len(asked) != 0 {
				t.Errorf("the provider was asked %v, want nothing", asked)
			}
		})
	}
	if _, err := p.Speaker.Verify(t.Context(), r, m); err != nil {
		t.Errorf("Verify = %v, want an identity", err)
	}
}

// Nothing in plain OAuth says when somebody signed in, so it is neither asked for nor believed.
func TestFresh(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	r := s.request(t)
	m := s.browse(t, begin(t, p, &r))
	r.Fresh = true
	if _, err := p.Speaker.Begin(t.Context(), r); err == nil {
		t.Error("Begin with Fresh = nil, want an error")
	}
	_, err := p.Speaker.Verify(t.Context(), r, m)
	wantRefusal(t, err, gothprovider.FreshUnsupported)
}

func TestRequired(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	for name, change := range map[string]func(*social.Request){
		"Request.HTTP":  func(r *social.Request) { r.HTTP = nil },
		"Request.State": func(r *social.Request) { r.State = "" },
	} {
		r := s.request(t)
		change(&r)
		if _, err := p.Speaker.Begin(t.Context(), r); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Begin without it = %v, want an error about %s", err, name)
		}
	}
	r := s.request(t)
	m := s.browse(t, begin(t, p, &r))
	r.HTTP = nil
	if _, err := p.Speaker.Verify(t.Context(), r, m); err == nil || !strings.Contains(err.Error(), "Request.HTTP") {
		t.Errorf("Verify without it = %v, want an error about Request.HTTP", err)
	}
	r.HTTP, r.State = s.client(t), "" // and an answer without one
	_, err := p.Speaker.Verify(t.Context(), r, set("state")(m))
	wantRefusal(t, err, gothprovider.CallbackState)
}

func TestCheck(t *testing.T) {
	s := newServer(t)
	for name, c := range map[string]struct {
		change func(*gothprovider.Config)
		want   string
	}{
		"no ID":           {func(c *gothprovider.Config) { c.ID = "" }, "Config.ID"},
		"no name":         {func(c *gothprovider.Config) { c.Name = "" }, "Config.Name"},
		"no issuer":       {func(c *gothprovider.Config) { c.Issuer = "" }, "Config.Issuer"},
		"a name for one":  {func(c *gothprovider.Config) { c.Issuer = "github" }, "Config.Issuer"},
		"http":            {func(c *gothprovider.Config) { c.Issuer = "http://github.com" }, "Config.Issuer"},
		"with a query":    {func(c *gothprovider.Config) { c.Issuer = "https://github.com?a" }, "Config.Issuer"},
		"with a fragment": {func(c *gothprovider.Config) { c.Issuer = "https://github.com#a" }, "Config.Issuer"},
		"with a user":     {func(c *gothprovider.Config) { c.Issuer = "https://a@github.com" }, "Config.Issuer"},
		"no provider":     {func(c *gothprovider.Config) { c.Provider = nil }, "Config.Provider is required"},
		"that makes none": {func(c *gothprovider.Config) {
			c.Provider = func(string, *http.Client) (goth.Provider, error) { return nil, nil }
		}, "makes none"},
		"that makes an error": {func(c *gothprovider.Config) {
			c.Provider = func(string, *http.Client) (goth.Provider, error) { return nil, errors.New("no key") }
		}, "no key"},
		"that forgets the client": {func(c *gothprovider.Config) {
			c.Provider = func(callback string, _ *http.Client) (goth.Provider, error) {
				return github.New(clientID, secret, callback), nil
			}
		}, "set its HTTPClient"},
		"that forgets the callback": {func(c *gothprovider.Config) {
			honest := c.Provider
			c.Provider = func(_ string, client *http.Client) (goth.Provider, error) { return honest("", client) }
		}, "redirect_uri"},
	} {
		cfg := s.config()
		c.change(&cfg)
		if err := gothprovider.New(cfg).Speaker.Check(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "gothprovider: ") {
			t.Errorf("%s: Check = %v, want an error about %s", name, err, c.want)
		}
	}
}

// An asker is as OAuth 1 is: somebody is asked before people leave.
type asker struct {
	fake
	client  *http.Client
	address string
}

func (a *asker) BeginAuth(string) (goth.Session, error) { return nil, done(a.client.Get(a.address)) }

// Providers that package social speaks to better, or that nobody can keep within limits, are refused by name.
func TestUnfit(t *testing.T) {
	s := newServer(t)
	anybody := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody was asked before anybody left") }))
	defer anybody.Close()
	for name, c := range map[string]struct {
		provider func(callback string, client *http.Client) goth.Provider
		want     string
	}{
		"google":          {named("google"), "social.Google"},
		"gplus":           {named("gplus"), "social.Google"},
		"apple":           {named("apple"), "social.Apple"},
		"microsoftonline": {named("microsoftonline"), "social.Microsoft"},
		"azureadv2":       {named("azureadv2"), "social.Microsoft"},
		"linkedin":        {named("linkedin"), "social.LinkedIn"},
		"openid-connect":  {named("openid-connect"), "OpenID provider of package social"},
		"discord, renamed": {func(callback string, client *http.Client) goth.Provider {
			p := discord.New(clientID, secret, callback, discord.ScopeIdentify)
			p.HTTPClient = client
			p.SetName("chat")
			return p
		}, "does not use the client"},
		"onedrive": {func(callback string, client *http.Client) goth.Provider {
			return onedrive.New(clientID, secret, callback)
		}, "use social.Microsoft"},
		"OAuth 1": {func(_ string, client *http.Client) goth.Provider {
			return &asker{fake{name: "asker"}, client, anybody.URL}
		}, "does it ask somebody before people leave"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.config()
			cfg.Provider = func(callback string, client *http.Client) (goth.Provider, error) {
				return c.provider(callback, client), nil
			}
			p := gothprovider.New(cfg)
			if err := p.Speaker.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want an error with %q", err, c.want)
			}
			if _, err := p.Speaker.Begin(t.Context(), s.request(t)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Begin = %v, want an error with %q", err, c.want)
			}
			r := s.request(t)
			m := s.browse(t, begin(t, gothprovider.New(s.config()), &r))
			if name != "OAuth 1" {
				if _, err := p.Speaker.Verify(t.Context(), r, m); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Verify = %v, want an error with %q", err, c.want)
				}
			}
			if asked := s.asked(); len(asked) != 0 {
				t.Errorf("the provider was asked %v, want nothing", asked)
			}
		})
	}
}

func named(name string) func(string, *http.Client) goth.Provider {
	return func(string, *http.Client) goth.Provider { return &fake{name: name} }
}

// TestGothItself reads the source of goth for providers that cannot be kept within limits: the list must know them all.
func TestGothItself(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/markbates/goth").Output()
	if err != nil {
		t.Fatal(err)
	}
	// A token asked for with no client, a client that is nobody else's to set, and OAuth 1.
	around := regexp.MustCompile(`Exchange\((oauth2\.NoContext|context\.)|(?m)^\s+(httpClient|client)\s+\*?http\.Client|mrjones/oauth`)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "providers", "*", "*.go"))
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d files of goth, %v; want its source", len(files), err)
	}
	found := []string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(filepath.Dir(file)); !strings.HasSuffix(file, "_test.go") && around.Match(text) && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	for _, name := range found {
		if gothprovider.Known(name) == "" {
			t.Errorf("goth's %s goes around its client, or speaks OAuth 1: Check must refuse it", name)
		}
	}
	if len(found) < 10 || !slices.Contains(found, "discord") || !slices.Contains(found, "twitter") {
		t.Errorf("found %v, want discord and twitter among them: does goth still look as it did?", found)
	}
	for _, name := range []string{"facebook", "github", "gitlab", "slack", "bitbucket", "twitch", "spotify"} {
		if why := gothprovider.Known(name); why != "" {
			t.Errorf("%s is refused: %s; want it to work", name, why)
		}
	}
}

// A Speaker is used by many at once.
func TestConcurrent(t *testing.T) {
	s := newServer(t)
	p := gothprovider.New(s.config())
	var wait sync.WaitGroup
	for i := range 16 {
		r := s.request(t)
		r.State = fmt.Sprintf("state-%d", i)
		m := s.browse(t, begin(t, p, &r))
		wait.Go(func() {
			if id, err := p.Speaker.Verify(t.Context(), r, m); err != nil || id.Subject != "4711" {
				t.Errorf("Verify = %+v, %v; want ann", id, err)
			}
		})
	}
	wait.Wait()
}

// Bringing a provider of goth's takes a host five lines, and those of the example are they.
func TestFiveLines(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "example_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.SelectorExpr); ok && name.Sel.Name == "New" && len(call.Args) == 1 {
			found++
			if lines := set.Position(call.End()).Line - set.Position(call.Pos()).Line + 1; lines != 5 {
				t.Errorf("ExampleNew takes %d lines, want 5", lines)
			}
		}
		return true
	})
	if found != 1 {
		t.Errorf("found %d calls of gothprovider.New in the example, want 1", found)
	}
}
