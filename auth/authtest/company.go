package authtest

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// A Company is one that has a sign-in of its own, at a provider that listens on this machine until the test ends. Make it with
// World.AddCompany.
type Company struct {
	Provider   *ssotest.Provider
	Connection string // its ID
	Addresses  sso.Addresses
	SP         ssotest.SP // of SAML: what the provider knows of the World

	w *World
}

// openCompanies makes what companies' sign-ins need, at an address below which their own are.
func (w *World) openCompanies(base string, db Backend, insecure bool) {
	w.t.Helper()
	pair, err := saml.NewKeyPair("World", w.Clock.Now(), 365*24*time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	speaksSAML, err := saml.New(saml.Config{Keys: []saml.KeyPair{pair}})
	if err != nil {
		w.t.Fatal(err)
	}
	speaksOpenID, err := oidc.New(oidc.Config{AllowPrivate: true})
	if err != nil {
		w.t.Fatal(err)
	}
	protocols, keys := []sso.Protocol{speaksSAML, speaksOpenID}, Keys()
	w.Connections, err = sso.NewRegistry(sso.RegistryConfig{Store: db, Keys: keys, Protocols: protocols, Record: w.recordSSO, Now: w.Clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.SSO, err = sso.New(sso.Config{
		BaseURL: base, Keys: keys, Connections: w.Connections, Requests: db, Logins: db, Protocols: protocols, InsecureHTTP: insecure,
		Record: w.recordSSO, Now: w.Clock.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// AddCompany gives a company a sign-in of its own, in "saml" or "oidc", for the addresses of a domain, which becomes the company's.
// Its connection is called as the company is.
func (w *World) AddCompany(a directory.Account, domain, protocol string, mode auth.SSOMode) *Company {
	w.t.Helper()
	c := &Company{Provider: ssotest.Start(w.t, ssotest.Config{Name: a.Name, Now: w.Clock.Now}), Connection: a.ID, w: w}
	p := c.Provider
	conn := sso.Connection{ID: a.ID, AccountID: a.ID, Name: a.Name, Protocol: protocol}
	c.Addresses = w.SSO.Addresses(conn)
	switch protocol {
	case "saml":
		block, _ := pem.Decode(p.Certificate())
		conn.SAML = sso.SAML{
			EntityID: p.EntityID(), SSOURL: p.SSOURL(), SLOURL: p.SLOURL(), Certificates: []sso.Certificate{{DER: block.Bytes}},
		}
	case "oidc":
		conn.OIDC = sso.OIDC{Issuer: p.Issuer(), ClientID: "app", Secret: "secret of the app at " + a.ID}
		p.RegisterClient(ssotest.Client{
			ID: conn.OIDC.ClientID, Secret: conn.OIDC.Secret,
			RedirectURIs: []string{c.Addresses.Callback}, PostLogoutRedirectURIs: []string{c.Addresses.Logout, c.Addresses.SignedOut},
		})
	}
	ctx := context.Background()
	if _, err := w.Connections.Add(ctx, conn); err != nil {
		w.t.Fatal(err)
	}
	if protocol == "saml" {
		doc, _, err := w.SSO.Metadata(ctx, conn.ID)
		if err == nil {
			c.SP, err = ssotest.ParseSP(doc)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		p.Register(c.SP)
	}
	for _, err := range []error{
		w.People.AddDomain(ctx, a.ID, domain, w.Clock.Now()),
		w.People.SetDomainConnection(ctx, domain, conn.ID),
		w.People.SetDomainSSO(ctx, domain, mode),
	} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return c
}

// Change changes the connection.
func (c *Company) Change(change func(*sso.Connection)) {
	c.w.t.Helper()
	ctx := context.Background()
	conn, err := c.w.Connections.Connection(ctx, c.Connection)
	if err == nil {
		conn.OIDC.Secret = "" // the one that is kept
		change(&conn)
		_, err = c.w.Connections.Change(ctx, conn)
	}
	if err != nil {
		c.w.t.Fatal(err)
	}
}

// A Reply is what a provider sends a browser back with.
type Reply struct {
	URL  string
	Form url.Values // what is posted there; nil: the browser goes there
}

// Answer goes where a page, or an answer in JSON, leads, signs somebody in there, and answers what the provider sends the browser back
// with. The browser has not brought it yet.
func (c *Company) Answer(away *Page, who ssotest.Person) Reply {
	c.w.t.Helper()
	c.Provider.AddPerson(who)
	c.Provider.Set(func(s *ssotest.Settings) { s.SignedInAs = who.Email })
	return c.Visit(away.Away())
}

// Visit goes somewhere at the provider, and answers what that sends the browser back with.
func (c *Company) Visit(to Reply) Reply {
	c.w.t.Helper()
	client := c.Provider.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	method, body := http.MethodGet, ""
	if to.Form != nil {
		method, body = http.MethodPost, to.Form.Encode()
	}
	r, err := http.NewRequest(method, to.URL, strings.NewReader(body))
	if err != nil {
		c.w.t.Fatal(err)
	}
	if to.Form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := client.Do(r)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer answer.Body.Close()
	if back := answer.Header.Get("Location"); back != "" {
		return Reply{URL: back}
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	page := &Page{Status: answer.StatusCode, Header: answer.Header, URL: r.URL, Body: string(text), t: c.w.t}
	for _, f := range page.Forms() {
		return Reply{URL: f.Action, Form: f.values()}
	}
	c.w.t.Fatalf("authtest: %s (status %d) sends the browser nowhere:\n%s", to.URL, page.Status, page.Body)
	return Reply{}
}

// Away is where a page, or an answer in JSON, takes the browser, on another site. It ends the test where it leads nowhere.
func (p *Page) Away() Reply {
	p.t.Helper()
	var a struct {
		Redirect string
		Post     *struct {
			Action string
			Fields map[string]string
		}
	}
	if p.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal([]byte(p.Body), &a); err != nil {
			p.t.Fatal(err)
		}
		if a.Post != nil {
			f := &Form{Action: a.Post.Action, Fields: a.Post.Fields}
			return Reply{URL: f.Action, Form: f.values()}
		}
	} else {
		_, a.Redirect, _ = strings.Cut(p.Header.Get("Refresh"), "url=")
		for _, f := range p.Forms() {
			if strings.Contains(f.Action, "://") {
				return Reply{URL: f.Action, Form: f.values()}
			}
		}
	}
	if a.Redirect == "" {
		p.t.Fatalf("authtest: %s (status %d) leads to no other site:\n%s", p.URL, p.Status, p.Body)
	}
	return Reply{URL: a.Redirect}
}

func (f *Form) values() url.Values {
	filled := url.Values{}
	for name, value := range f.Fields {
		filled.Set(name, value)
	}
	return filled
}

// Bring brings a provider's reply, as a browser does: a form comes without cookies, which only the redirect that answers it gets.
func (b *Browser) Bring(r Reply) *Page {
	b.t.Helper()
	if r.Form == nil {
		return b.follow(b.send(b.request(http.MethodGet, r.URL, "", ""), "cross-site"))
	}
	return b.follow(b.PostFrom("http://127.0.0.1", r.URL, r.Form))
}

// SSOEvents are the events of companies' sign-ins recorded since the last call, in order.
func (w *World) SSOEvents() []sso.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.ssoEvents = nil }()
	return append([]sso.Event(nil), w.ssoEvents...)
}

func (w *World) recordSSO(_ context.Context, e sso.Event) error {
	if e.Time.IsZero() {
		return errors.New("authtest: an event without a time")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ssoEvents = append(w.ssoEvents, e)
	return nil
}
