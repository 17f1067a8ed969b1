package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
	"github.com/sallyport-auth/sallyport/social/socialtest"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// Accounts are the providers where people have accounts: what a host has of them, and the providers themselves, which the demo plays too,
// unless it is given the credentials of a real one.
type accounts struct {
	manager  *social.Manager
	played   map[string]*socialtest.Provider // by ID
	appleKey *ecdsa.PrivateKey               // what the demo's Apple knows us by; nil: it is the real one
}

// A credential is what a real provider has given a host, as the flags have it.
type credential []string

func (c *credential) String() string { return "" } // it holds a secret
func (c *credential) Set(text string) error {
	*c = strings.Split(text, ",")
	return nil
}

// credentials are those of the flags, by the ID of the provider.
type credentials map[string]*credential

// flags declares a flag for each provider.
func (c credentials) flags(f *flag.FlagSet) {
	for _, p := range []struct{ id, form string }{
		{"google", "client ID,secret"}, {"microsoft", "client ID,secret[,tenant…]"},
		{"apple", "client ID,team ID,key ID,file of the key; Apple sends nobody to localhost, so this needs a name and TLS before the program"},
		{"facebook", "app ID,secret"}, {"linkedin", "client ID,secret"}, {"lastpass", "issuer,client ID,secret"},
	} {
		c[p.id] = &credential{}
		f.Var(c[p.id], p.id, "the real provider instead of the demo's: "+p.form)
	}
}

// of answers what was given for a provider: nothing, or at least n parts.
func (c credentials) of(id string, n int) ([]string, error) {
	if c[id] == nil || len(*c[id]) == 0 {
		return nil, nil
	}
	if got := len(*c[id]); got < n || got > n && id != "microsoft" {
		return nil, fmt.Errorf("-%s takes %d parts with a comma between them and has %d: see -help", id, n, got)
	}
	return *c[id], nil
}

const (
	demoClient = "sallyport-demo"
	demoTeam   = "DEMOTEAM01"
	demoKeyID  = "DEMOKEY001"
)

// atProviders are the people who have accounts at the demo's providers. Kim's at Google is connected from the start; Ann's addresses are
// those of her account here; nobody here knows Stella; and Facebook does not say, or does not know, what address somebody has.
func atProviders(kind socialtest.Personality) []socialtest.Person {
	const workspace = "acme.example"
	people := []socialtest.Person{
		{Email: "kim@umbra.example", Name: "Kim Kato", HostedDomain: "umbra.example"},
		{Email: "ann@acme.example", Name: "Ann Ames", HostedDomain: workspace},
		{Email: "stella@studio.example", Name: "Stella Stone", HostedDomain: "studio.example"},
	}
	switch kind {
	case socialtest.Apple:
		people[0].HidesEmail = true
	case socialtest.Facebook:
		people = append(people, socialtest.Person{Subject: "10158000000000042", Name: "Max Mute"})
	}
	return people
}

// newAccounts makes what sends people to providers, and the providers.
func newAccounts(db *sqlstore.DB, key []byte, baseURL, theirs string, given credentials) (*accounts, error) {
	a := &accounts{played: map[string]*socialtest.Provider{}}
	cfg := social.Config{BaseURL: baseURL + "/auth/social", Keys: [][]byte{key}, Requests: db, AllowPrivate: true} // a real host leaves AllowPrivate out
	secret := rand.Text()
	for _, make := range []func(theirs, secret string, given credentials) (social.Provider, error){
		a.google, a.microsoft, a.apple, a.facebook, a.linkedIn, a.lastPass,
	} {
		p, err := make(theirs, secret, given)
		if err != nil {
			return nil, err
		}
		cfg.Providers = append(cfg.Providers, p)
	}
	var err error
	if a.manager, err = social.New(cfg); err != nil {
		return nil, err
	}
	for id, p := range a.played {
		c := socialtest.Client{ID: demoClient, Secret: secret, Name: productName, RedirectURIs: []string{a.manager.Callback(id)}}
		if id == "apple" {
			c.TeamID, c.KeyID, c.Key = demoTeam, demoKeyID, &a.appleKey.PublicKey
		}
		p.RegisterClient(c)
	}
	return a, nil
}

// play plays a provider at the other site.
func (a *accounts) play(theirs, id string, kind socialtest.Personality) (*socialtest.Provider, error) {
	p, err := socialtest.New(socialtest.Config{BaseURL: theirs + "/" + id, Personality: kind, People: atProviders(kind)})
	a.played[id] = p
	return p, err
}

func (a *accounts) google(theirs, secret string, given credentials) (social.Provider, error) {
	real, err := given.of("google", 2)
	if err != nil {
		return social.Provider{}, err
	}
	if real != nil {
		return social.Google(real[0], real[1]), nil
	}
	played, err := a.play(theirs, "google", socialtest.Google)
	if err != nil {
		return social.Provider{}, err
	}
	p := social.Google(demoClient, secret)
	p.OpenID.Issuer = played.Issuer()
	return p, nil
}

func (a *accounts) microsoft(theirs, secret string, given credentials) (social.Provider, error) {
	real, err := given.of("microsoft", 2)
	if err != nil {
		return social.Provider{}, err
	}
	if real != nil {
		return social.Microsoft(real[0], real[1], real[2:]...), nil
	}
	played, err := a.play(theirs, "microsoft", socialtest.Microsoft)
	if err != nil {
		return social.Provider{}, err
	}
	p := social.Microsoft(demoClient, secret)
	p.OpenID.Issuer, p.OpenID.Document = played.TenantIssuer("{tenantid}"), played.Issuer()
	return p, nil
}

func (a *accounts) apple(theirs, _ string, given credentials) (social.Provider, error) {
	if real, err := given.of("apple", 4); err != nil || real != nil {
		return realApple(real, err)
	}
	played, err := a.play(theirs, "apple", socialtest.Apple)
	if err != nil {
		return social.Provider{}, err
	}
	if a.appleKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return social.Provider{}, err
	}
	p := social.Apple(social.AppleConfig{ClientID: demoClient, TeamID: demoTeam, KeyID: demoKeyID, Key: a.appleKey})
	p.OpenID.Issuer, p.OpenID.Aliases = played.Issuer(), nil
	return p, nil
}

func realApple(real []string, err error) (social.Provider, error) {
	if err != nil {
		return social.Provider{}, err
	}
	text, err := os.ReadFile(real[3])
	if err != nil {
		return social.Provider{}, err
	}
	key, err := social.AppleKey(text)
	return social.Apple(social.AppleConfig{ClientID: real[0], TeamID: real[1], KeyID: real[2], Key: key}), err
}

// facebook comes by way of goth, which has Facebook's addresses in it: the demo's stand in for them.
func (a *accounts) facebook(theirs, secret string, given credentials) (social.Provider, error) {
	real, err := given.of("facebook", 2)
	if err != nil {
		return social.Provider{}, err
	}
	if real != nil {
		return gothprovider.Facebook(real[0], real[1]), nil
	}
	played, err := a.play(theirs, "facebook", socialtest.Facebook)
	if err != nil {
		return social.Provider{}, err
	}
	p := gothprovider.Facebook(demoClient, secret)
	p.Speaker = diverted{p.Speaker, played}
	return p, nil
}

func (a *accounts) linkedIn(theirs, secret string, given credentials) (social.Provider, error) {
	real, err := given.of("linkedin", 2)
	if err != nil {
		return social.Provider{}, err
	}
	if real != nil {
		return social.LinkedIn(real[0], real[1]), nil
	}
	played, err := a.play(theirs, "linkedin", socialtest.LinkedIn)
	if err != nil {
		return social.Provider{}, err
	}
	p := social.LinkedIn(demoClient, secret)
	p.OpenID.Issuer = played.Issuer()
	return p, nil
}

func (a *accounts) lastPass(theirs, secret string, given credentials) (social.Provider, error) {
	real, err := given.of("lastpass", 3)
	if err != nil {
		return social.Provider{}, err
	}
	if real != nil {
		return social.LastPass(real[0], real[1], real[2]), nil
	}
	played, err := a.play(theirs, "lastpass", socialtest.LastPass)
	if err != nil {
		return social.Provider{}, err
	}
	return social.LastPass(played.Issuer(), demoClient, secret), nil
}

// A diverted Speaker speaks to a provider that the demo plays, where another one is meant.
type diverted struct {
	social.Speaker
	to *socialtest.Provider
}

func (d diverted) Begin(ctx context.Context, r social.Request) (social.Departure, error) {
	away, err := d.Speaker.Begin(ctx, r)
	away.URL = d.to.Rewrite(away.URL)
	return away, err
}

func (d diverted) Verify(ctx context.Context, r social.Request, m social.Message) (social.Identity, error) {
	client := *r.HTTP
	client.Transport = d.to.RoundTripper(client.Transport)
	r.HTTP = &client
	return d.Speaker.Verify(ctx, r, m)
}

// routes are where the demo's providers are.
func (a *accounts) routes(mux *http.ServeMux) {
	for id, p := range a.played {
		mux.Handle("/"+id+"/", p)
	}
}

// connect connects the account of somebody new at the demo's Google, as if they had done so themselves. Of anybody else it moves what is
// connected along when the demo's Google has moved to another address, which a change of -addr brings.
func (a *accounts) connect(ctx context.Context, links auth.Identities, userID, email string, isNew bool) error {
	google := a.played["google"]
	if google == nil {
		return nil
	}
	for _, who := range atProviders(socialtest.Google) {
		if who.Email != email {
			continue
		}
		all, err := links.Identities(ctx, userID)
		if err != nil {
			return fmt.Errorf("looking for the account of %s: %w", email, err)
		}
		here, elsewhere := false, []auth.Link(nil)
		for _, l := range all {
			here = here || l.Source == google.Issuer()
			if l.Provider == "google" && l.Source != google.Issuer() && strings.HasPrefix(l.Source, "http://") { // the real one's is https
				elsewhere = append(elsewhere, l)
			}
		}
		if !here && (isNew || len(elsewhere) > 0) {
			err := links.LinkIdentity(ctx, auth.Link{
				ID: "idn_" + rand.Text(), UserID: userID, Provider: "google", Source: google.Issuer(), Subject: google.Subject(demoClient, who),
				Email: email, LinkedAt: time.Now(),
			})
			if err != nil && !errors.Is(err, auth.ErrConflict) {
				return fmt.Errorf("connecting the account of %s: %w", email, err)
			}
		}
		for _, l := range elsewhere {
			if err := links.UnlinkIdentity(ctx, userID, l.ID, nil); err != nil && !errors.Is(err, auth.ErrNotFound) {
				return fmt.Errorf("replacing the account of %s: %w", email, err)
			}
		}
	}
	return nil
}
