package gothprovider_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
)

const (
	clientID = "client-1"
	secret   = "secret-1"
	callback = "https://app.example.com/auth/social/github/callback"
	access   = "access-token-1" // what the server gives out
)

// A server is a provider of plain OAuth 2 with one person, ann.
type server struct {
	*httptest.Server

	// What is said, where a test wants something else.
	token   http.HandlerFunc
	profile http.HandlerFunc

	mu       sync.Mutex
	codes    map[string]grant // each good once
	requests []*http.Request  // all but those of browsers, with their forms
}

// A grant is what a code was given for.
type grant struct{ redirect, challenge string }

func newServer(t *testing.T) *server {
	s := &server{codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("GET /dialog/oauth", s.authorize) // as Facebook has it
	mux.HandleFunc("POST /token", s.seen(func(w http.ResponseWriter, r *http.Request) {
		if s.token != nil {
			s.token(w, r)
			return
		}
		s.exchange(w, r)
	}))
	mux.HandleFunc("POST /oauth/access_token", s.seen(s.exchange))
	profile := s.seen(func(w http.ResponseWriter, r *http.Request) {
		if s.profile != nil {
			s.profile(w, r)
			return
		}
		say(w, `{"id": 4711, "login": "ann", "name": "Ann Lee", "email": "ann@example.com"}`)
	})
	mux.HandleFunc("GET /user", profile)
	mux.HandleFunc("GET /me", profile)
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

// seen writes a request down before it is answered.
func (s *server) seen(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		next(w, r)
	}
}

// asked is what the server was asked, but by browsers.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, r := range s.requests {
		all = append(all, r.Method+" "+r.URL.Path)
	}
	return all
}

// form is what came with the last request for a token.
func (s *server) form(t *testing.T) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.requests) - 1; i >= 0; i-- {
		if s.requests[i].Method == http.MethodPost {
			return s.requests[i].PostForm
		}
	}
	t.Fatal("no token was asked for")
	return nil
}

// authorize is the page where ann agrees.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	code := fmt.Sprintf("code-%d", len(s.codes)+1)
	s.codes[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge")}
	s.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

// exchange gives a token for a code, as RFC 6749 and RFC 7636 say.
func (s *server) exchange(w http.ResponseWriter, r *http.Request) {
	id, key, ok := r.BasicAuth()
	if !ok {
		id, key = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	s.mu.Lock()
	g, known := s.codes[r.PostForm.Get("code")]
	delete(s.codes, r.PostForm.Get("code"))
	s.codes["used "+r.PostForm.Get("code")] = grant{}
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case id != clientID || key != secret:
		fail(w, "invalid_client")
	case !known, g.redirect != r.PostForm.Get("redirect_uri"), r.PostForm.Get("grant_type") != "authorization_code":
		fail(w, "invalid_grant")
	case g.challenge != "" && g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		fail(w, "invalid_grant")
	default:
		say(w, `{"access_token": "`+access+`", "token_type": "bearer", "expires_in": 3600, "refresh_token": "refresh-token-1"}`)
	}
}

func say(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte(text))
}

func fail(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	w.Write([]byte(`{"error": "` + code + `"}`))
}

// client is a way out as a Manager has it, that trusts the server and may talk to it.
func (s *server) client(t *testing.T) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return wayOut(t, fetch.Config{AllowPrivate: true, RootCAs: roots, Timeout: 5 * time.Second})
}

func wayOut(t *testing.T, cfg fetch.Config) *http.Client {
	out, err := fetch.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out.HTTP()
}

// config is the settings for the server, with goth's provider of GitHub.
func (s *server) config() gothprovider.Config {
	return gothprovider.Config{
		ID: "github", Name: "GitHub", Issuer: "https://github.com", PKCE: true,
		Provider: func(callback string, client *http.Client) (goth.Provider, error) {
			p := github.NewCustomisedURL(clientID, secret, callback, s.URL+"/authorize", s.URL+"/token", s.URL+"/user", s.URL+"/emails")
			p.HTTPClient = client
			return p, nil
		},
	}
}

func (s *server) request(t *testing.T) social.Request {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	return social.Request{Now: now, MadeAt: now, State: "state-1", Callback: callback, HTTP: s.client(t)}
}

// begin starts a request, which then remembers what it must.
func begin(t *testing.T, p social.Provider, r *social.Request) string {
	t.Helper()
	d, err := p.Speaker.Begin(t.Context(), *r)
	if err != nil {
		t.Fatalf("Begin = %v, want an address", err)
	}
	r.Memory = d.Memory
	return d.URL
}

// browse goes where a browser is sent, and answers what it brings back.
func (s *server) browse(t *testing.T, address string) social.Message {
	t.Helper()
	browser := s.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answered %s, want a way back: %v", resp.Status, err)
	}
	return social.Message{Query: back.Query()}
}

// signIn goes all the way.
func (s *server) signIn(t *testing.T, p social.Provider) (social.Identity, error) {
	t.Helper()
	r := s.request(t)
	m := s.browse(t, begin(t, p, &r))
	return p.Speaker.Verify(t.Context(), r, m)
}

// wantRefusal fails where an error is no refusal with this code.
func wantRefusal(t *testing.T, err error, want social.Code) *social.Refusal {
	t.Helper()
	refused, ok := errors.AsType[*social.Refusal](err)
	if !ok || refused.Code != want {
		if ok {
			t.Fatalf("Verify = refusal %q (expected %q, received %q), want refusal %q", refused.Code, refused.Expected, refused.Received, want)
		}
		t.Fatalf("Verify = %v, want refusal %q", err, want)
	}
	return refused
}

// A fake is a goth.Provider that does what a test says.
type fake struct {
	name      string
	address   func(state string) string
	marshal   func() string
	unmarshal func()
	authorize func(goth.Params) error
	user      func() (goth.User, error)
	goth.Provider
}

type fakeSession struct{ *fake }

func (f *fake) Name() string { return f.name }

func (f *fake) BeginAuth(state string) (goth.Session, error) {
	return fakeSession{&fake{address: func(string) string { return f.address(state) }, marshal: f.marshal}}, nil
}

func (f *fake) UnmarshalSession(string) (goth.Session, error) {
	if f.unmarshal != nil {
		f.unmarshal()
	}
	return fakeSession{f}, nil
}

func (f *fake) FetchUser(goth.Session) (goth.User, error) { return f.user() }

func (f fakeSession) GetAuthURL() (string, error) { return f.address(""), nil }

func (f fakeSession) Marshal() string {
	if f.marshal != nil {
		return f.marshal()
	}
	return "{}"
}

func (f fakeSession) Authorize(_ goth.Provider, p goth.Params) (string, error) {
	return access, f.authorize(p)
}

// fakeConfig is the settings for a fake that behaves: it asks the server for a token and for a profile, whose ID counts. A test changes it.
func (s *server) fakeConfig(change func(f *fake, client *http.Client)) gothprovider.Config {
	return gothprovider.Config{
		ID: "fake", Name: "Fake", Issuer: "https://fake.example", PKCE: true,
		Provider: func(callback string, client *http.Client) (goth.Provider, error) {
			f := &fake{name: "fake"}
			f.address = func(state string) string {
				return s.URL + "/authorize?" + url.Values{"state": {state}, "redirect_uri": {callback}, "client_id": {clientID}, "response_type": {"code"}}.Encode()
			}
			f.authorize = func(p goth.Params) error {
				return done(client.PostForm(s.URL+"/token", url.Values{"grant_type": {"authorization_code"}, "code": {p.Get("code")},
					"redirect_uri": {callback}, "client_id": {clientID}, "client_secret": {secret}}))
			}
			f.user = func() (goth.User, error) {
				var said struct{ ID, Name, First, Last, Email string }
				resp, err := client.Get(s.URL + "/user")
				if err != nil {
					return goth.User{}, err
				}
				defer resp.Body.Close()
				err = json.NewDecoder(resp.Body).Decode(&said)
				return goth.User{UserID: said.ID, Name: said.Name, FirstName: said.First, LastName: said.Last, Email: said.Email}, err
			}
			if change != nil {
				change(f, client)
			}
			return f, nil
		},
	}
}

// done closes an answer.
func done(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// profileOf makes the server say one profile.
func (s *server) profileOf(text string) {
	s.profile = func(w http.ResponseWriter, _ *http.Request) { say(w, text) }
}

// detour leads to the server what is meant for Facebook.
type detour struct {
	to   *url.URL
	next http.RoundTripper
}

func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "graph.facebook.com" {
		r = r.Clone(r.Context())
		r.URL.Host, r.Host = d.to.Host, ""
	}
	return d.next.RoundTrip(r)
}

func (s *server) facebookClient(t *testing.T) *http.Client {
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := *s.client(t)
	client.Transport = detour{to, client.Transport}
	return &client
}

func hasSecret(s string) bool {
	return strings.Contains(s, access) || strings.Contains(s, secret) || strings.Contains(s, "code-1") || strings.Contains(s, "refresh-token")
}
