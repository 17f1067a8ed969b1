// Package gothprovider brings Facebook, and any provider of github.com/markbates/goth that speaks OAuth 2, to package social.
//
// Call [Facebook], or [New] with a function that makes the goth.Provider, and put what comes back into social.Config.Providers. What goth
// has and package social needs lies far apart, so little of goth is used: a provider's addresses and how its profile is read. In between
//
//   - a goth.Provider is made anew for every request, with an http.Client of ours: it carries the context of the request and the limits
//     of the Manager, and a provider that goes around it is refused;
//   - the address that people are sent to must carry our state and our callback; PKCE is added where Config.PKCE says so, for few
//     goth providers know it;
//   - of what a browser brings, the code alone reaches goth, whose providers would take more from there;
//   - who somebody is comes from the profile that the provider answers, with a subject that is a name and no placeholder: a goth.User
//     without an ID is no error to goth;
//   - foreign code that panics refuses the answer, and takes nothing down. What it starts on its own nobody can catch.
//
// What it does not do: it believes no ID token and so has no nonce, no sign-in demanded fresh and no time of one; providers that speak
// OpenID Connect are refused by name, as package social speaks it better. It never says that an address is the person's (a profile holds
// what somebody wrote there). It keeps no token, asks for none that outlives the sign-in and renews none. It does not speak OAuth 1,
// whose providers must be asked before anybody leaves, or OpenID 2. It uses neither gothic nor goth's list of providers.
package gothprovider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/social"
)

// Config is what New needs.
type Config struct {
	ID   string // as social.Provider.ID; required
	Name string // as social.Provider.Name; required

	// Issuer is as social.Provider.Issuer: an https address of the provider's own, "https://github.com", for ever. Where answers name who
	// sent them (RFC 9207), it is that host. Required.
	Issuer string

	// Provider makes the provider, with the client in its HTTPClient. It is called for every request and asks nobody; required.
	Provider func(callback string, client *http.Client) (goth.Provider, error)

	PKCE bool // the provider takes it (RFC 7636, S256): then it must, or the answer does not count. Switch it on wherever it works
}

// New makes a provider for social.Config.Providers. What is wrong with the Config its Speaker.Check says, which social.New calls.
func New(cfg Config) social.Provider {
	return social.Provider{ID: cfg.ID, Name: cfg.Name, Issuer: cfg.Issuer, Speaker: &speaker{cfg}}
}

// Codes of refusals that only this package has. The others are those of package social and of its relying party, and mean the same.
const (
	CallbackState    social.Code = "callback_state"    // an answer to another request
	FreshUnsupported social.Code = "fresh_unsupported" // nothing in such an answer says when somebody signed in
	TokenVerifier    social.Code = "token_verifier"    // the code was not exchanged with the verifier of PKCE
	ProviderClient   social.Code = "provider_client"   // the goth.Provider did not use the client that it was given
	ProviderPanicked social.Code = "provider_panicked" // its code cannot cope with the answer
	ProviderRequests social.Code = "provider_requests" // it asks too often
)

// A speaker speaks to one provider. It holds nothing that changes.
type speaker struct{ cfg Config }

// Check implements social.Speaker. It makes an address and throws it away.
func (s *speaker) Check() error {
	issuer, err := url.Parse(s.cfg.Issuer)
	switch {
	case s.cfg.ID == "":
		return errors.New("gothprovider: Config.ID is required")
	case s.cfg.Name == "":
		return errors.New("gothprovider: Config.Name is required")
	case err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.User != nil || strings.ContainsAny(s.cfg.Issuer, "?#"):
		return errors.New("gothprovider: Config.Issuer must be an https address without a query")
	case s.cfg.Provider == nil:
		return errors.New("gothprovider: Config.Provider is required")
	}
	_, _, err = s.leave("state", "https://callback.invalid/"+s.cfg.ID)
	return err
}

// A memory is what a request remembers: what goth wants back, and what the answer must fit.
type memory struct {
	Issuer   string
	Callback string
	Session  string // the goth.Session of somebody who has not left yet: an address, and no token
	Verifier string // of PKCE; empty: none
}

// Begin implements social.Speaker.
func (s *speaker) Begin(_ context.Context, r social.Request) (social.Departure, error) {
	switch {
	case r.HTTP == nil:
		return social.Departure{}, errors.New("gothprovider: Request.HTTP is required")
	case r.State == "":
		return social.Departure{}, errors.New("gothprovider: Request.State is required")
	case r.Fresh:
		return social.Departure{}, errors.New("gothprovider: " + s.cfg.ID + " cannot be asked for a fresh sign-in")
	}
	u, session, err := s.leave(r.State, r.Callback)
	if err != nil {
		return social.Departure{}, err
	}
	if u.Scheme != "https" && !goes(r.HTTP, u) {
		return social.Departure{}, errors.New("gothprovider: the address of " + s.cfg.ID + " is not https")
	}
	kept := memory{Issuer: s.cfg.Issuer, Callback: r.Callback, Session: session}
	if s.cfg.PKCE {
		kept.Verifier = oauth2.GenerateVerifier()
		q := u.Query()
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(kept.Verifier))
		q.Set("code_challenge_method", "S256")
		u.RawQuery = q.Encode()
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return social.Departure{}, fmt.Errorf("gothprovider: remembering a request: %w", err)
	}
	return social.Departure{URL: u.String(), Memory: text}, nil
}

// leave makes the address that goth would send a browser to, and judges it.
func (s *speaker) leave(state, callback string) (*url.URL, string, error) {
	var address, session string
	err := try(func() error {
		p, err := s.provider(callback, &http.Client{Transport: nobody{}})
		if err != nil {
			return err
		}
		begun, err := p.BeginAuth(state)
		if err != nil {
			// Its text is foreign and may hold the state.
			return errors.New("gothprovider: " + s.cfg.ID + " cannot begin: does it ask somebody before people leave, as OAuth 1 does?")
		}
		if address, err = begun.GetAuthURL(); err != nil {
			return errors.New("gothprovider: " + s.cfg.ID + " has no address to send people to")
		}
		session = begun.Marshal()
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	u, wrong := judge(address, state, callback)
	if wrong != "" {
		return nil, "", errors.New("gothprovider: the address of " + s.cfg.ID + " " + wrong)
	}
	if u.Query().Has("code_challenge") {
		return nil, "", errors.New("gothprovider: the address of " + s.cfg.ID + " has a code_challenge of its own: set Config.PKCE, and leave the verifier to us")
	}
	return u, session, nil
}

// provider makes the goth.Provider of one request.
func (s *speaker) provider(callback string, client *http.Client) (goth.Provider, error) {
	p, err := s.cfg.Provider(callback, client)
	switch {
	case err != nil:
		return nil, fmt.Errorf("gothprovider: making the provider of %s: %w", s.cfg.ID, err)
	case p == nil:
		return nil, errors.New("gothprovider: Config.Provider of " + s.cfg.ID + " makes none")
	}
	if why := unfit(p); why != "" {
		return nil, fmt.Errorf("gothprovider: %s: %T %s", s.cfg.ID, p, why)
	}
	if c, has := p.(interface{ Client() *http.Client }); has && c.Client() == http.DefaultClient { // what goth falls back to
		return nil, fmt.Errorf("gothprovider: %s: %T does not use the client that Config.Provider was given: set its HTTPClient", s.cfg.ID, p)
	}
	return p, nil
}

// judge reads an address that goth has made. What is wrong with it comes back in words that follow "the address".
func judge(address, state, callback string) (*url.URL, string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(address) > 8192 {
		return nil, "is none that a browser can be sent to"
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "has a query that cannot be read"
	}
	for name, values := range q {
		if len(values) > 1 {
			return nil, fmt.Sprintf("has %q twice", name)
		}
	}
	switch {
	case q.Has("client_id") && strings.TrimSpace(q.Get("client_id")) == "":
		return nil, "has an empty client_id: give the provider the client ID of your application"
	case q.Get("state") != state:
		return nil, "does not carry our state"
	case q.Get("redirect_uri") != callback:
		return nil, "does not carry our callback as redirect_uri"
	case q.Has("response_type") && q.Get("response_type") != "code":
		return nil, "asks for something else than a code"
	case q.Has("response_mode") && q.Get("response_mode") != "query":
		return nil, "asks for an answer that is not a GET"
	case strings.Contains(q.Get("scope"), "offline_access"), q.Get("access_type") == "offline", q.Get("token_access_type") == "offline":
		return nil, "asks for a token that would outlive the sign-in, and that nobody here uses"
	}
	return u, ""
}

// Verify implements social.Speaker.
func (s *speaker) Verify(ctx context.Context, r social.Request, m social.Message) (social.Identity, error) {
	if r.HTTP == nil {
		return social.Identity{}, errors.New("gothprovider: Request.HTTP is required")
	}
	code, err := s.code(r, m)
	if err != nil {
		return social.Identity{}, err
	}
	var kept memory
	if err := json.Unmarshal(r.Memory, &kept); err != nil {
		return social.Identity{}, &social.Refusal{Code: social.Code(openid.RequestChanged)}
	}
	switch {
	case kept.Issuer != s.cfg.Issuer:
		return social.Identity{}, &social.Refusal{Code: social.Code(openid.RequestChanged), Expected: kept.Issuer, Received: s.cfg.Issuer}
	case kept.Callback != r.Callback:
		return social.Identity{}, &social.Refusal{Code: social.Code(openid.RequestChanged), Expected: kept.Callback, Received: r.Callback}
	case s.cfg.PKCE != (kept.Verifier != ""):
		return social.Identity{}, &social.Refusal{Code: social.Code(openid.RequestChanged)}
	case r.Fresh:
		return social.Identity{}, &social.Refusal{Code: FreshUnsupported}
	}
	user, err := s.ask(ctx, r, kept, code)
	if err != nil {
		return social.Identity{}, err
	}
	return s.identity(user)
}

// code is what of a callback counts.
func (s *speaker) code(r social.Request, m social.Message) (string, error) {
	if m.Post {
		return "", &social.Refusal{Code: social.Code(openid.CallbackMalformed), Expected: "GET", Received: "POST"}
	}
	c, err := openid.ParseCallback(m.Query)
	if refused, ok := errors.AsType[*openid.Refusal](err); ok {
		return "", &social.Refusal{Code: social.Code(refused.Code), Expected: refused.Expected, Received: refused.Received}
	}
	switch {
	case err != nil:
		return "", err
	case r.State == "" || c.State != r.State:
		return "", &social.Refusal{Code: CallbackState}
	case c.Issuer != "" && host(c.Issuer) != host(s.cfg.Issuer):
		return "", &social.Refusal{Code: social.Code(openid.CallbackIssuer), Expected: s.cfg.Issuer, Received: c.Issuer}
	case c.Error == "access_denied", c.Error != "" && m.Query.Get("error_reason") == "user_denied": // the second is Facebook's
		return "", &social.Refusal{Code: social.CodeCancelled, Received: c.Error}
	case c.Error != "":
		return "", &social.Refusal{Code: social.Code(openid.ProviderError), Received: c.Error}
	}
	return c.Code, nil
}

// host is who an address belongs to; empty: nobody.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	return u.Host
}

// ask exchanges the code and has the profile read. The tokens are gone when it returns.
func (s *speaker) ask(ctx context.Context, r social.Request, kept memory, code string) (goth.User, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // nothing that foreign code has begun goes on
	way := &carrier{ctx: ctx, next: transport(r.HTTP), code: code, verifier: kept.Verifier, left: maxBytes}
	client := *r.HTTP
	client.Transport, client.Jar = way, nil

	var (
		p       goth.Provider
		session goth.Session
		user    goth.User
	)
	err := try(func() (err error) {
		p, err = s.provider(kept.Callback, &client)
		return err
	})
	if err != nil {
		return goth.User{}, err
	}
	err = try(func() (err error) {
		if session, err = p.UnmarshalSession(kept.Session); err != nil {
			return err
		}
		_, err = session.Authorize(p, answer(code))
		return err
	})
	switch {
	case err != nil || way.broke() != nil:
		return goth.User{}, way.explain(openid.TokenFailed, openid.TokenResponse, err)
	case way.count() == 0:
		return goth.User{}, &social.Refusal{Code: ProviderClient, Expected: "the code exchanged with the client of Config.Provider"}
	case kept.Verifier != "" && !way.verified():
		return goth.User{}, &social.Refusal{Code: TokenVerifier}
	}
	before := way.count()
	err = try(func() (err error) {
		user, err = p.FetchUser(session)
		return err
	})
	switch {
	case err != nil || way.broke() != nil:
		return goth.User{}, way.explain(openid.UserInfoFailed, openid.UserInfoResponse, err)
	case way.count() == before:
		return goth.User{}, &social.Refusal{Code: ProviderClient, Expected: "the profile asked for with the client of Config.Provider"}
	}
	return user, nil
}

// An answer is all that goth gets to see of a callback: the code. Some of its providers would take the verifier of PKCE and the
// redirect_uri from there too, and so from whoever wrote the address.
type answer string

// Get implements goth.Params.
func (a answer) Get(name string) string {
	if name == "code" {
		return string(a)
	}
	return ""
}
