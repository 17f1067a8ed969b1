package social_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/social"
)

// TestAnswers is about what a callback may say.
func TestAnswers(t *testing.T) {
	c := &clock{now: start}
	p := newOP(t, c)
	h := newHouse(t, c, google(p), apple(newOP(t, c)))
	for _, tt := range []struct {
		name   string
		query  url.Values // beside state; code-1 is known
		want   social.Code
		public string
	}{
		{"R38 A-108 no", url.Values{"error": {"access_denied"}}, social.CodeCancelled, "social_cancelled"},
		{"R38 A-108 no, at LinkedIn", url.Values{"error": {"user_cancelled_login"}}, social.CodeCancelled, "social_cancelled"},
		{"R38 A-108 no, at Apple", url.Values{"error": {"user_cancelled_authorize"}}, social.CodeCancelled, "social_cancelled"},
		{"R38 A-108 another error", url.Values{"error": {"server_error"}}, social.CodeProviderError, "social_failed"},
		{"A-108 an empty error", url.Values{"error": {""}}, social.CodeProviderError, "social_failed"},
		{"A-108 an error and a code", url.Values{"error": {"access_denied"}, "code": {"code-1"}}, social.CodeAmbiguous, "social_failed"},
		{"A-108 an error and an empty code", url.Values{"error": {"access_denied"}, "code": {""}}, social.CodeAmbiguous, "social_failed"},
		{"A-108 a description with a script", url.Values{"error": {"x\r\n<script>"}, "error_description": {"<script>alert(1)</script>"}}, social.CodeProviderError, "social_failed"},
		{"A-108 a hundred kilobytes", url.Values{"error": {strings.Repeat("x", 100<<10)}}, social.CodeProviderError, "social_failed"},
		{"A-085 a code twice", url.Values{"code": {"code-1", "code-2"}}, social.CodeDuplicate, "social_failed"},
		{"A-085 anything twice", url.Values{"code": {"code-1"}, "x": {"1", "2"}}, social.CodeDuplicate, "social_failed"},
		{"A-108 an error twice", url.Values{"error": {"access_denied", "access_denied"}}, social.CodeDuplicate, "social_failed"},
		{"A-104 nothing", url.Values{}, "callback_malformed", "social_failed"},
		{"A-107 a token instead of a code", url.Values{"access_token": {"access-token"}, "id_token": {"a.b.c"}}, "callback_malformed", "social_failed"},
		{"A-107 a token as a code", url.Values{"code": {"access-token"}}, "token_error", "social_failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := p.visit(h.begin("google", social.Opening{State: []byte("mine")})).Query.Get("state")
			tt.query.Set("state", state)
			a, err := h.Receive(t.Context(), "google", social.Message{Query: tt.query})
			if err != nil || string(a.State) != "mine" || a.Provider.ID != "google" {
				t.Fatalf("Receive = %q of %q, %s, want what was kept", a.State, a.Provider.ID, describe(err))
			}
			id, err := a.Identity(t.Context())
			refused(t, "Identity", err, tt.want, tt.public)
			if id != (social.Identity{}) {
				t.Errorf("Identity = %+v beside the refusal, want nobody", id)
			}
			if r, ok := errors.AsType[*social.Refusal](err); ok && (len(r.Received) > 256 || strings.ContainsAny(r.Received, "\r\n")) {
				t.Errorf("the refusal repeats %d bytes %q, want one line of 256", len(r.Received), r.Received[:20])
			}
			_, err = h.Receive(t.Context(), "google", social.Message{Query: url.Values{"state": {state}, "code": {"code-1"}}})
			failed(t, "the request afterwards", err, social.CodeRequestUnknown)
		})
	}
	t.Run("A-085 state twice", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		msg.Query.Add("state", msg.Query.Get("state"))
		_, err := h.Receive(t.Context(), "google", msg)
		failed(t, "Receive", err, social.CodeDuplicate)
	})
	t.Run("A-085 what else stands in the query changes nothing", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		for name, value := range map[string]string{
			"redirect_uri": "https://evil.example", "code_verifier": "x", "client_id": "other", "grant_type": "password", "nonce": "x", "scope": "all", "sub": "boss",
		} {
			msg.Query.Set(name, value)
		}
		id, err := h.bring("google", msg)
		if err != nil || id.Subject != "ann-1" {
			t.Errorf("Identity = %q, %s, want ann-1", id.Subject, describe(err))
		}
		want := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {base + "/google/callback"}, "code": p.form["code"], "code_verifier": p.form["code_verifier"]}
		if p.form.Encode() != want.Encode() || p.basic != [2]string{"google-client", "google-secret"} {
			t.Errorf("the exchange had %v, %q, want %v", p.form, p.basic, want)
		}
	})
	t.Run("R38 A-108 posted", func(t *testing.T) {
		state := must(url.Parse(h.begin("apple", social.Opening{}))).Query().Get("state")
		_, err := h.bring("apple", social.Message{Post: true, Form: url.Values{"state": {state}, "error": {"user_cancelled_authorize"}}})
		refused(t, "Identity", err, social.CodeCancelled, "social_cancelled")
	})
	t.Run("R38 a provider that cannot be reached", func(t *testing.T) {
		msg := p.visit(h.begin("google", social.Opening{}))
		p.broken = 503
		defer func() { p.broken = 0 }()
		_, err := h.bring("google", msg)
		if _, ok := errors.AsType[*social.Refusal](err); err == nil || ok {
			t.Errorf("Identity = %s, want an error that is no refusal", describe(err))
		}
		if strings.Contains(err.Error(), "google-secret") || strings.Contains(err.Error(), msg.Query.Get("code")) {
			t.Errorf("the error gives a secret away: %v", err)
		}
	})
}

// TestTokens looks at the rules about ID tokens from outside; internal/openid has all of them.
func TestTokens(t *testing.T) {
	c := &clock{now: start}
	for _, tt := range []struct {
		name   string
		change claims
		want   social.Code
	}{
		{"A-104 no subject", claims{"sub": nil}, "id_token_subject"},
		{"A-104 an empty subject", claims{"sub": ""}, "id_token_subject"},
		{"A-104 white space", claims{"sub": " "}, "id_token_subject"},
		{"A-104 null", claims{"sub": null}, "id_token_subject"},
		{"A-104 null as a text", claims{"sub": "null"}, "id_token_subject"},
		{"A-104 zero as a text", claims{"sub": "0"}, social.CodeSubject},
		{"A-104 an address, which can be somebody else's tomorrow", claims{"sub": "Ann@acme.example", "email": "ann@acme.example"}, social.CodeSubject},
		{"A-105 zero", claims{"sub": 0}, "id_token_subject"},
		{"A-105 a large number", claims{"sub": json.RawMessage("1e20")}, "id_token_subject"},
		{"A-105 true", claims{"sub": true}, "id_token_subject"},
		{"A-105 a list", claims{"sub": []string{"ann-1"}}, "id_token_subject"},
		{"A-105 an object", claims{"sub": claims{"id": 1}}, "id_token_subject"},
		{"A-090 for somebody else", claims{"aud": "other"}, "id_token_audience"},
		{"A-091 another issuer", claims{"iss": "https://evil.example"}, "id_token_issuer"},
		{"A-091 Google without its scheme", claims{"iss": "accounts.google.com"}, "id_token_issuer"},
		{"A-092 expired", claims{"exp": start.Unix() - 3600}, "id_token_expired"},
		{"A-086 A-093 another nonce", claims{"nonce": "x"}, "id_token_nonce"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newOP(t, c)
			p.says = tt.change
			id, err := newHouse(t, c, google(p)).signIn(p, "google", social.Opening{})
			failed(t, "Identity", err, tt.want)
			if id != (social.Identity{}) {
				t.Errorf("Identity = %+v beside the refusal, want nobody", id)
			}
		})
	}
	t.Run("A-104 no ID token at all", func(t *testing.T) {
		p := newOP(t, c)
		p.doc = claims{"token_endpoint": p.URL + "/userinfo"} // answers JSON that is none
		p.info = claims{"sub": "ann-1"}
		_, err := newHouse(t, c, google(p)).signIn(p, "google", social.Opening{})
		failed(t, "Identity", err, "token_response")
	})
	t.Run("A-109 the same address under another subject is somebody else", func(t *testing.T) {
		p := newOP(t, c)
		h := newHouse(t, c, google(p))
		p.says = claims{"sub": "ann-1", "email": "ann@gmail.com", "email_verified": true}
		first, err1 := h.signIn(p, "google", social.Opening{})
		p.says = claims{"sub": "eve-2", "email": "ann@gmail.com", "email_verified": true}
		second, err2 := h.signIn(p, "google", social.Opening{})
		if err := errors.Join(err1, err2); err != nil || first.Subject == second.Subject || first.Email != second.Email {
			t.Errorf("Identity = %+v and %+v, %v, want two people with one address", first, second, err)
		}
	})
}

// TestShown is about what is only for show.
func TestShown(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a name", "Ann Lee", "Ann Lee"},
		{"other letters", "Ærø 李", "Ærø 李"},
		{"lines", "Ann\r\nLee\tX", "Ann  Lee X"},
		{"other lines", "Ann\u2028Lee\u0085X", "Ann Lee X"},
		{"marks that turn text around", "\u202eeeL nnA\u2066\u200f", "eeL nnA"},
		{"a zero byte", "Ann\x00Lee", "Ann Lee"},
		{"no text", "Ann\xff\xfeLee", "AnnLee"},
		{"white space around", "  Ann  ", "Ann"},
		{"256 letters", strings.Repeat("ä", 256), strings.Repeat("ä", 256)},
		{"257 letters", strings.Repeat("ä", 257), strings.Repeat("ä", 256)},
		{"a blank at the end", strings.Repeat("ä", 255) + " ä", strings.Repeat("ä", 255)},
		{"nothing", "\u200b\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := social.OneLine(tt.in); got != tt.want {
				t.Errorf("OneLine(%q) = %q, want %q", tt.in, got, tt.want)
			}
			c := &clock{now: start}
			p := newOP(t, c)
			p.says = claims{"name": tt.in, "given_name": tt.in, "family_name": tt.in}
			id, err := newHouse(t, c, google(p)).signIn(p, "google", social.Opening{})
			if err != nil || id.GivenName != tt.want || id.FamilyName != tt.want || tt.want != "" && id.Name != tt.want {
				t.Errorf("Identity = %q, %q, %q, %s, want %q", id.Name, id.GivenName, id.FamilyName, describe(err), tt.want)
			}
		})
	}
	t.Run("a name made of two", func(t *testing.T) {
		c := &clock{now: start}
		p := newOP(t, c)
		p.says = claims{"given_name": "Ann", "family_name": "Lee"}
		if id, err := newHouse(t, c, google(p)).signIn(p, "google", social.Opening{}); err != nil || id.Name != "Ann Lee" {
			t.Errorf("Identity = %q, %s, want Ann Lee", id.Name, describe(err))
		}
	})
	t.Run("an address that is none", func(t *testing.T) {
		for _, email := range []string{"ann@gmail.com\r\nBcc: x@gmail.com", strings.Repeat("a", 320) + "@gmail.com", "\u202eann@gmail.com"} {
			c := &clock{now: start}
			p := newOP(t, c)
			p.says = claims{"email": email, "email_verified": true}
			if id, err := newHouse(t, c, google(p)).signIn(p, "google", social.Opening{}); err != nil || id.Email != "" || id.Authoritative {
				t.Errorf("Identity = %q, authoritative %v, %s, want no address", id.Email, id.Authoritative, describe(err))
			}
		}
	})
}

// A speaker speaks to nobody.
type speaker struct {
	check   error
	begun   social.Request
	depart  social.Departure
	asked   social.Request
	message social.Message
	id      social.Identity
	err     error
}

func (s *speaker) Check() error { return s.check }

func (s *speaker) Begin(_ context.Context, r social.Request) (social.Departure, error) {
	s.begun = r
	return s.depart, s.err
}

func (s *speaker) Verify(_ context.Context, r social.Request, m social.Message) (social.Identity, error) {
	s.asked, s.message = r, m
	return s.id, s.err
}

func TestSpeaker(t *testing.T) {
	c := &clock{now: start}
	s := &speaker{depart: social.Departure{URL: "https://face.example/dialog", Memory: []byte("verifier")}}
	face := social.Provider{ID: "face", Name: "Face", Issuer: "https://face.example", Speaker: s}
	h := newHouse(t, c, face, social.Google("c", "s"), social.Microsoft("c", "s"))
	honest := social.Identity{Subject: "1234567890", Email: "ann@acme.example", Authoritative: true, Name: "Ann\nLee"}
	// through is one sign-in.
	through := func(t *testing.T) (social.Identity, error) {
		t.Helper()
		if got := h.begin("face", social.Opening{LoginHint: "ann@acme.example"}); got != s.depart.URL {
			t.Fatalf("Begin = %q, want %q", got, s.depart.URL)
		}
		return h.bring("face", social.Message{Query: url.Values{"state": {s.begun.State}, "code": {"c"}}})
	}
	t.Run("what it is told, and what it says", func(t *testing.T) {
		s.id = honest
		id, err := through(t)
		want := social.Identity{Provider: "face", Issuer: "https://face.example", Subject: "1234567890", Email: "ann@acme.example", Authoritative: true, Name: "Ann Lee"}
		if err != nil || id != want {
			t.Errorf("Identity = %+v, %s, want %+v", id, describe(err), want)
		}
		if s.begun.LoginHint != "ann@acme.example" || s.begun.Callback != base+"/face/callback" || s.begun.HTTP == nil || !s.begun.Now.Equal(start) || s.begun.Memory != nil {
			t.Errorf("Begin is told %+v, want all of it", s.begun)
		}
		if string(s.asked.Memory) != "verifier" || s.asked.State != s.begun.State || s.asked.Callback != s.begun.Callback || !s.asked.MadeAt.Equal(start) || s.message.Query.Get("code") != "c" {
			t.Errorf("Verify is told %+v, %v, want what was begun", s.asked, s.message)
		}
		p, _ := h.Provider("face")
		if p.Posts() || p.Fresh() || p.Notices() || p.Speaker != nil {
			t.Errorf("Provider = %+v, want one that does nothing of the kind", p)
		}
		if _, err := h.Notice(t.Context(), "face", social.Message{Post: true}); !errors.Is(err, social.ErrNotFound) {
			t.Errorf("Notice = %v, want ErrNotFound", err)
		}
	})
	for _, tt := range []struct {
		name   string
		change func(id *social.Identity)
		want   social.Code
	}{
		{"A-104 no subject", func(id *social.Identity) { id.Subject = "" }, social.CodeSubject},
		{"A-104 white space", func(id *social.Identity) { id.Subject = " 1" }, social.CodeSubject},
		{"A-104 zero", func(id *social.Identity) { id.Subject = "0" }, social.CodeSubject},
		{"A-104 null", func(id *social.Identity) { id.Subject = "null" }, social.CodeSubject},
		{"A-104 a line break", func(id *social.Identity) { id.Subject = "1\n2" }, social.CodeSubject},
		{"A-104 no text", func(id *social.Identity) { id.Subject = "\xff" }, social.CodeSubject},
		{"A-104 256 bytes", func(id *social.Identity) { id.Subject = strings.Repeat("1", 256) }, social.CodeSubject},
		{"A-104 an address", func(id *social.Identity) { id.Subject = "ANN@acme.example" }, social.CodeSubject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.id = honest
			tt.change(&s.id)
			_, err := through(t)
			failed(t, "Identity", err, tt.want)
		})
	}
	t.Run("A-091 A-081 whose name it says counts for nothing", func(t *testing.T) {
		for _, issuer := range []string{"", "face", "https://accounts.google.com", "https://login.microsoftonline.com/" + tenant + "/v2.0"} {
			s.id = honest
			s.id.Provider, s.id.Issuer = "google", issuer
			if id, err := through(t); err != nil || id.Provider != "face" || id.Issuer != "https://face.example" {
				t.Errorf("Identity = %q, %q, %s, want the Provider's own", id.Provider, id.Issuer, describe(err))
			}
		}
	})
	t.Run("no address, no word about it", func(t *testing.T) {
		s.id = honest
		s.id.Email = ""
		if id, err := through(t); err != nil || id.Authoritative {
			t.Errorf("Identity = authoritative %v, %s, want not", id.Authoritative, describe(err))
		}
	})
	t.Run("it does not see what is no answer", func(t *testing.T) {
		for _, query := range []url.Values{{"error": {"access_denied"}}, {"code": {"a", "b"}}, {"code": {"a"}, "error": {"x"}}} {
			h.begin("face", social.Opening{})
			s.message = social.Message{}
			query.Set("state", s.begun.State)
			if _, err := h.bring("face", social.Message{Query: query}); err == nil || s.message.Query != nil {
				t.Errorf("Identity of %v = %v, and Verify saw %v, want it refused before", query, err, s.message)
			}
		}
	})
	t.Run("its errors", func(t *testing.T) {
		h.begin("face", social.Opening{})
		broken := errors.New("no route to host")
		s.err = broken
		_, err := h.bring("face", social.Message{Query: url.Values{"state": {s.begun.State}, "code": {"c"}}})
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "face") {
			t.Errorf("Identity = %v, want the error, and where", err)
		}
		if _, err := h.Begin(t.Context(), "face", social.Opening{}); !errors.Is(err, broken) {
			t.Errorf("Begin = %v, want the error", err)
		}
		s.err = nil
		h.begin("face", social.Opening{})
		s.err = &social.Refusal{Code: "debug_token"}
		_, err = h.bring("face", social.Message{Query: url.Values{"state": {s.begun.State}, "code": {"c"}}})
		failed(t, "Identity", err, "debug_token")
		s.err = nil
	})
	t.Run("A-113 where it sends browsers", func(t *testing.T) {
		for _, address := range []string{"", "javascript:alert(1)", "/dialog", "ftp://face.example", "//face.example"} {
			s.depart.URL = address
			if got, err := h.Begin(t.Context(), "face", social.Opening{}); err == nil {
				t.Errorf("Begin = %q, want an error", got)
			}
		}
		s.depart = social.Departure{URL: "https://face.example", Memory: make([]byte, 16<<10+1)}
		if _, err := h.Begin(t.Context(), "face", social.Opening{}); err == nil || !strings.Contains(err.Error(), "Memory") {
			t.Errorf("Begin = %v, want an error about Memory", err)
		}
		strict := must(social.New(social.Config{BaseURL: base, Keys: [][]byte{newKey()}, Providers: []social.Provider{face}, Requests: social.NewMemory()}))
		s.depart = social.Departure{URL: "http://face.example"}
		if got, err := strict.Begin(t.Context(), "face", social.Opening{}); err == nil {
			t.Errorf("Begin = %q, want an error: it is plain http", got)
		}
	})
}
