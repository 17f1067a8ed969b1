package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// Companies are the sign-ins of companies: what a host has of them, and the two companies themselves, which the demo plays too.
type companies struct {
	registry *sso.Registry
	manager  *sso.Manager
	globex   *ssotest.Provider // SAML
	initech  *ssotest.Provider // OpenID Connect
}

const (
	globex  = "globex" // the ID of the account and of its connection
	initech = "initech"
)

// newCompanies makes what sends people to their companies, and companies at theirs.
func newCompanies(db *sqlstore.DB, key []byte, baseURL, theirs string) (*companies, error) {
	// A new pair at every start will do where the providers hear of it at every start. A real host keeps its own: KeyPair.PEM writes it
	// down, and ParseKeyPair reads it.
	pair, err := saml.NewKeyPair(productName, time.Now(), 365*24*time.Hour)
	if err != nil {
		return nil, err
	}
	samlProtocol, err := saml.New(saml.Config{Keys: []saml.KeyPair{pair}})
	if err != nil {
		return nil, err
	}
	oidcProtocol, err := oidc.New(oidc.Config{AllowPrivate: true}) // Initech is on this machine. A real host leaves it out
	if err != nil {
		return nil, err
	}
	protocols := []sso.Protocol{samlProtocol, oidcProtocol}
	c := &companies{}
	if c.registry, err = sso.NewRegistry(sso.RegistryConfig{Store: db, Keys: [][]byte{key}, Protocols: protocols}); err != nil {
		return nil, err
	}
	c.manager, err = sso.New(sso.Config{
		BaseURL: baseURL + "/auth/sso", SignedOutURL: baseURL + "/auth/signout", Keys: [][]byte{key},
		Connections: c.registry, Requests: db, Logins: db, Protocols: protocols, Renew: c.registry.Renew,
		Record: func(_ context.Context, e sso.Event) error {
			if e.Code != "" { // what people are not told, for whoever runs the connection
				log.Printf("company sign-in at %s: %s: %s", e.Connection, e.Kind, e.Code)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	if c.globex, err = ssotest.New(ssotest.Config{BaseURL: theirs + "/globex", Name: "Globex", People: []ssotest.Person{
		{Email: "gil@globex.example", Name: "Gil Grant", Password: demoPassword},
		{Email: "root@globex.example", Name: "Ruth Root", Password: demoPassword},
		{Email: "mia@globex.example", Name: "Mia Marsh", Password: demoPassword},
	}}); err != nil {
		return nil, err
	}
	c.initech, err = ssotest.New(ssotest.Config{BaseURL: theirs + "/initech", Name: "Initech", People: []ssotest.Person{
		{Email: "ina@initech.example", Name: "Ina Ito", Password: demoPassword},
		{Email: "nina@initech.example", Name: "Nina Novak", Password: demoPassword},
	}})
	return c, err
}

// connect writes down the connections, and tells the companies of us: at every start, because their keys and the port may be others.
// On one database only the program that was started last sends people to its companies.
func (c *companies) connect(ctx context.Context) error {
	theirs, err := saml.ReadMetadata(c.globex.Metadata(), "", time.Now())
	if err != nil {
		return err
	}
	theirs.SignRequests = true
	g, err := c.write(ctx, sso.Connection{
		ID: globex, AccountID: globex, Name: "Globex", Protocol: "saml", SAML: theirs, IdPInitiated: true,
	})
	if err != nil {
		return fmt.Errorf("connecting Globex: %w", err)
	}
	client, secret := "sallyport-demo", rand.Text()
	i, err := c.write(ctx, sso.Connection{
		ID: initech, AccountID: initech, Name: "Initech", Protocol: "oidc", JustInTime: true,
		OIDC: sso.OIDC{Issuer: c.initech.Issuer(), ClientID: client, Secret: secret},
	})
	if err != nil {
		return fmt.Errorf("connecting Initech: %w", err)
	}

	doc, _, err := c.manager.Metadata(ctx, g.ID)
	if err != nil {
		return err
	}
	us, err := ssotest.ParseSP(doc)
	if err != nil {
		return err
	}
	c.globex.Register(us)
	at := c.manager.Addresses(i)
	c.initech.RegisterClient(ssotest.Client{
		ID: client, Secret: secret, RequirePKCE: true, RedirectURIs: []string{at.Callback},
		PostLogoutRedirectURIs: []string{at.Logout}, BackChannelLogoutURI: at.Logout,
	})
	return nil
}

// write adds a connection, or writes it over the one of an earlier start.
func (c *companies) write(ctx context.Context, to sso.Connection) (sso.Connection, error) {
	for range 5 { // another program may be starting at the same moment
		kept, err := c.registry.Get(ctx, to.AccountID, to.ID)
		switch {
		case errors.Is(err, sso.ErrNotFound):
			kept, err = c.registry.Add(ctx, to)
		case err == nil:
			to.Version = kept.Version
			kept, err = c.registry.Change(ctx, to)
		}
		if !errors.Is(err, sso.ErrConflict) {
			return kept, err
		}
	}
	return sso.Connection{}, sso.ErrConflict
}

// routes are where the companies are.
func (c *companies) routes(mux *http.ServeMux) {
	mux.Handle("/globex/", c.globex)
	mux.Handle("/initech/", c.initech)
}

// tested is the host's web.Config.SSOTested: a test that has passed lets the company enforce its sign-in.
func (p *product) tested(ctx context.Context, t web.SSOTest) error {
	log.Printf("test of %s: passed: %t", t.Connection.ID, t.Passed)
	if !t.Passed {
		return nil
	}
	return p.people.PassConnectionTest(ctx, t.Connection.ID, time.Now())
}

//go:embed ssotest.html
var ssotestHTML string

// testConnection begins a sign-in that signs nobody in. Only administrators of the company get here. Browsers hold the form-action of the
// page before against a redirect, so that a page leads on.
func (p *product) testConnection(w http.ResponseWriter, r *http.Request, _ session.Session, m auth.Membership) {
	to, err := p.companies.manager.Begin(r.Context(), m.AccountID, sso.Opening{Test: true, Fresh: true})
	if errors.Is(err, sso.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil || to.Post != nil {
		log.Printf("test of %s: %v", m.AccountID, err)
		http.Error(w, "The sign-in of your company cannot be reached at the moment.", http.StatusBadGateway)
		return
	}
	servePage(w, http.StatusOK, ssotestHTML, struct{ Company, URL string }{m.AccountName, to.URL})
}

// listen takes a port for the product and the next one of 127.0.0.1 for the companies: another site, as in life.
func listen(addr string) (ours, theirs net.Listener, err error) {
	for range 20 {
		if ours, err = net.Listen("tcp", addr); err != nil {
			return nil, nil, err
		}
		port := ours.Addr().(*net.TCPAddr).Port
		if theirs, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1))); err == nil {
			return ours, theirs, nil
		}
		ours.Close()
		if _, asked, _ := net.SplitHostPort(addr); asked != "0" {
			break
		}
	}
	return nil, nil, fmt.Errorf("the companies of the demo need the next port: %w", err)
}
