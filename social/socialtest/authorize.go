package socialtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An asking is an authorization request that may be answered.
type asking struct {
	path   string // of the endpoint
	q      url.Values
	client Client
	tenant string   // Microsoft: of the path
	scopes []string // Facebook takes commas too
}

// A grant is what a code or an access token stands for.
type grant struct {
	client    Client
	who       Person
	since     time.Time // when the person signed in
	tenant    string    // Microsoft: of the path
	redirect  string
	nonce     string
	challenge string
	method    string
	scopes    []string
	until     time.Time
}

// lure is how a hostile provider sends people on to an honest one: see MixUp.
type lure struct {
	to       *Provider
	clientID string
}

// A Callback is what a browser brings back to the product.
type Callback struct {
	URL  string     // where it goes; with the parameters in it where Form is nil
	Form url.Values // what it posts there, as Apple has it; nil: it gets URL
}

// Query are the parameters, whichever way they travel.
func (c Callback) Query() url.Values {
	if c.Form != nil {
		return c.Form
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil
	}
	return u.Query()
}

// SignIn is what comes back when somebody signs in and agrees at the address that a product sends people to. The person is one
// of Config.People, named by Email or Subject. The address may also be one at the real provider. Somebody whom no page would ask
// is taken all the same.
func (p *Provider) SignIn(address, person string) (Callback, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.personLocked(person)
	if !ok {
		return Callback{}, fmt.Errorf("socialtest: %s has nobody called %q", p.cfg.Name, person)
	}
	a, answer, err := p.readAddressLocked(address)
	if err != nil || answer != nil {
		return callbackOf(answer), err
	}
	if err := p.mayLocked(a, who); err != nil {
		return Callback{}, err
	}
	return callbackOf(p.grantLocked(a, who, p.now())), nil
}

// Cancel is what comes back when somebody cancels at the address that a product sends people to.
func (p *Provider) Cancel(address string) (Callback, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, answer, err := p.readAddressLocked(address)
	if err != nil || answer != nil {
		return callbackOf(answer), err
	}
	return callbackOf(p.cancelLocked(a)), nil
}

// readAddressLocked reads a request as a browser would bring it.
func (p *Provider) readAddressLocked(address string) (asking, *delivery, error) {
	rest, ok := strings.CutPrefix(p.Rewrite(address), p.cfg.BaseURL)
	u, err := url.Parse(rest)
	if err != nil || !ok {
		return asking{}, nil, fmt.Errorf("socialtest: %q is no address of %s", address, p.cfg.Name)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return asking{}, nil, fmt.Errorf("socialtest: the parameters of %q: %w", address, err)
	}
	if p.lure.to != nil {
		return asking{}, nil, errors.New("socialtest: this provider sends people to another one: follow AuthorizeURL with a browser, or sign in at the other with LuredURL")
	}
	return p.readLocked(u.Path, q)
}

// Rewrite turns an address at the real provider into the one here; any other stays as it is.
func (p *Provider) Rewrite(address string) string {
	u, err := url.Parse(address)
	if err != nil || !slices.Contains(p.trait.hosts, strings.ToLower(u.Hostname())) {
		return address
	}
	u.Scheme, u.Host, u.User = "", "", nil
	return p.cfg.BaseURL + u.String()
}

// authorize takes an authorization request.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		p.refuse(w, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lure.to != nil {
		http.Redirect(w, r, p.luredLocked(r.Form), http.StatusSeeOther)
		return
	}
	a, answer, err := p.readLocked(strings.TrimPrefix(r.URL.Path, p.path), r.Form)
	if err != nil {
		p.refuse(w, err)
		return
	}
	if answer != nil {
		p.deliver(w, r, answer)
		return
	}
	who, ok := p.personLocked(p.settings.SignedInAs)
	switch {
	case !ok && a.q.Get("prompt") == "none":
		p.deliver(w, r, p.failLocked(a, "login_required", ""))
	case ok && p.mayLocked(a, who) == nil:
		p.deliver(w, r, p.grantLocked(a, who, p.sinceLocked(a)))
	default:
		p.askLocked(w, a)
	}
}

// sinceLocked is when the person of Settings.SignedInAs signed in: anew, where the request wants that and the provider minds it.
func (p *Provider) sinceLocked(a asking) time.Time {
	age, err := strconv.Atoi(a.q.Get("max_age"))
	old := err == nil && p.now().Sub(p.since) >= time.Duration(age)*time.Second
	switch p.cfg.Personality {
	case Plain, LastPass, Microsoft:
		if old || slices.Contains(strings.Fields(a.q.Get("prompt")), "login") {
			return p.now()
		}
	}
	return p.since
}

// readLocked looks at an authorization request. What is wrong with it is told either to whoever sits there or, as an answer, to the product.
func (p *Provider) readLocked(path string, q url.Values) (asking, *delivery, error) {
	a := asking{path: path, q: q}
	for name, values := range q {
		if len(values) > 1 {
			return a, nil, fmt.Errorf("the parameter %s stands there twice", name)
		}
	}
	var ok bool
	if a.client, ok = p.clientLocked(q.Get("client_id")); !ok || !slices.Contains(a.client.RedirectURIs, q.Get("redirect_uri")) {
		return a, nil, errors.New("nobody is registered with that client_id and redirect_uri")
	}
	a.scopes = strings.Fields(q.Get("scope"))
	switch p.cfg.Personality {
	case Facebook:
		a.scopes = strings.FieldsFunc(q.Get("scope"), func(r rune) bool { return r == ' ' || r == ',' })
	case Microsoft:
		if a.tenant, _, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/"); !tenantLike(a.tenant) {
			return a, nil, fmt.Errorf("there is no tenant %s", a.tenant)
		}
	case Apple:
		// Apple says so on a page of its own, and to nobody else.
		if q.Get("response_mode") != "form_post" && (slices.Contains(a.scopes, "name") || slices.Contains(a.scopes, "email")) {
			return a, nil, errors.New("response_mode must be form_post when name or email scope is requested")
		}
	}
	if code := p.wrongLocked(a); code != "" {
		return a, p.failLocked(a, code, ""), nil
	}
	return a, nil, nil
}

// wrongLocked is the error of an authorization request; empty for a good one.
func (p *Provider) wrongLocked(a asking) string {
	q := a.q
	switch {
	case q.Get("response_type") != "code" && !(p.cfg.Personality == Facebook && q.Get("response_type") == ""):
		return "unsupported_response_type"
	case p.cfg.Personality != Facebook && p.cfg.Personality != Apple && !slices.Contains(a.scopes, "openid"):
		return "invalid_scope" // Apple issues an ID token in any case, and Facebook none
	case q.Get("response_mode") != "" && q.Get("response_mode") != "query" && q.Get("response_mode") != "form_post":
		return "invalid_request"
	case q.Get("code_challenge") == "" && a.client.RequirePKCE:
		return "invalid_request"
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256" && !p.blindToPKCE():
		return "invalid_request"
	}
	return ""
}

// blindToPKCE tells whether the real provider takes no notice of code_challenge. Apple's document does not name PKCE, and its token endpoint has
// minded it since October 2024: a-tokyo/apple-signin-auth issue 180.
func (p *Provider) blindToPKCE() bool { return p.cfg.Personality == LinkedIn }

// mayLocked tells whether somebody can sign in where the request went: a Microsoft tenant has its own people only.
func (p *Provider) mayLocked(a asking, who Person) error {
	switch {
	case p.cfg.Personality != Microsoft, a.tenant == "common", a.tenant == who.tenant(),
		a.tenant == "organizations" && who.tenant() != PersonalTenant, a.tenant == "consumers" && who.tenant() == PersonalTenant:
		return nil
	}
	return fmt.Errorf("socialtest: %s has no account in the tenant %s", who.key(), a.tenant)
}

// grantLocked gives the product a code.
func (p *Provider) grantLocked(a asking, who Person, since time.Time) *delivery {
	code := random()
	q := a.q
	p.codes[code] = grant{
		client: a.client, who: who, since: since, tenant: a.tenant, redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"), scopes: a.scopes, until: p.now().Add(5 * time.Minute),
	}
	answer := url.Values{"code": {code}}
	switch p.cfg.Personality {
	case Google: // what else Google sends
		answer.Set("scope", strings.Join(a.scopes, " "))
		answer.Set("authuser", "0")
		answer.Set("prompt", "consent")
		if who.HostedDomain != "" {
			answer.Set("hd", who.HostedDomain)
		}
	case Microsoft:
		answer.Set("session_state", objectID(Person{Email: random()}))
	case Apple:
		if user := p.userField(a, who); user != "" {
			answer.Set("user", user)
		}
	}
	p.agreed[agreement(a.client, who)] = true
	return p.answerLocked(a, answer)
}

func agreement(c Client, who Person) string { return c.ID + " " + who.key() }

// cancelLocked is the answer of somebody who did not want to.
func (p *Provider) cancelLocked(a asking) *delivery {
	return p.failLocked(a, p.trait.cancel, "")
}

func (p *Provider) failLocked(a asking, code, description string) *delivery {
	answer := url.Values{"error": {code}}
	if description != "" {
		answer.Set("error_description", description)
	}
	switch {
	case p.cfg.Personality == Facebook && code == "access_denied":
		// Facebook, «Manually Build a Login Flow»: canceled login.
		answer.Set("error_reason", "user_denied")
		answer.Set("error_code", "200")
		answer.Set("error_description", "Permissions error")
	case p.cfg.Personality == Microsoft && code == "access_denied":
		answer.Set("error_subcode", "cancel")
		answer.Set("error_description", "AADSTS65004: User declined to consent to access the app.")
	case p.cfg.Personality == LinkedIn && code == "user_cancelled_authorize":
		answer.Set("error_description", "The user cancelled the authorization")
	}
	return p.answerLocked(a, answer)
}

// answerLocked is what the browser takes back to the product.
func (p *Provider) answerLocked(a asking, answer url.Values) *delivery {
	state := a.q.Get("state")
	if state != "" {
		answer.Set("state", state)
	}
	switch p.cfg.Personality {
	case Plain, LastPass:
		if !p.settings.NoIssuer {
			answer.Set("iss", p.cfg.Issuer)
		}
	case Google:
		answer.Set("iss", p.cfg.Issuer) // since early 2026, unannounced: openiddict-core issue 2428
	}
	for _, row := range p.takeLocked(func(row attack) bool { return row.callback != nil }) {
		row.callback(p, answer, state)
	}
	if code := answer.Get("code"); code != "" {
		p.memory.code = code
	}
	p.memory.state = state
	return &delivery{action: a.q.Get("redirect_uri"), fields: answer, post: a.q.Get("response_mode") == "form_post", fragment: p.fragment()}
}

// fragment is what Facebook puts at the end of every address that it sends somebody back to.
func (p *Provider) fragment() string {
	if p.cfg.Personality == Facebook {
		return "#_=_"
	}
	return ""
}

// A delivery is an answer on its way.
type delivery struct {
	action   string
	fields   url.Values
	post     bool
	fragment string
}

// address is where the browser goes with an answer that is not posted.
func (d *delivery) address() string {
	separator := "?"
	if strings.Contains(d.action, "?") {
		separator = "&"
	}
	return d.action + separator + d.fields.Encode() + d.fragment
}

func callbackOf(d *delivery) Callback {
	switch {
	case d == nil:
		return Callback{}
	case d.post:
		return Callback{URL: d.action, Form: d.fields}
	}
	return Callback{URL: d.address()}
}

// deliver sends an answer on its way. A posted one goes at once with script, with a button without.
func (p *Provider) deliver(w http.ResponseWriter, r *http.Request, d *delivery) {
	if d.post {
		p.show(w, http.StatusOK, "deliver", view{Title: "Continue to " + hostOf(d.action), Form: d})
		return
	}
	http.Redirect(w, r, d.address(), http.StatusSeeOther)
}

// MixUp makes the provider hostile in the way of a mix-up: whoever comes to sign in is sent on to an honest provider, under a
// client ID of the product's there, so that the honest provider's code comes to the product as if it were from here. The product then
// tells it to TokenURL, where Caught has it. The honest provider must know the product's address for this one, as a careless registration does.
func (p *Provider) MixUp(honest *Provider, clientID string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lure = lure{honest, clientID}
}

// LuredURL is where a provider after MixUp sends a browser that came with an address.
func (p *Provider) LuredURL(address string) (string, error) {
	u, err := url.Parse(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil || p.lure.to == nil {
		return "", errors.New("socialtest: LuredURL needs an address, and MixUp before it")
	}
	return p.luredLocked(u.Query()), nil
}

func (p *Provider) luredLocked(q url.Values) string {
	q.Set("client_id", p.lure.clientID)
	return p.lure.to.AuthorizeURL() + "?" + q.Encode()
}
