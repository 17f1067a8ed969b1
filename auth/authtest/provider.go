package authtest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// A Provider is one at which people have accounts, on this machine until the test ends. Config.Social makes them.
type Provider struct {
	*socialtest.Provider
	ID       string // "google"
	ClientID string // what it knows the World by

	w *World
}

// openProviders makes the providers of a World, at an address below which their own are.
func (w *World) openProviders(base string, requests social.Requests, kinds []socialtest.Personality, insecure bool) {
	w.t.Helper()
	cfg := social.Config{
		BaseURL: base, Keys: Keys(), Requests: requests, InsecureHTTP: insecure, AllowPrivate: true, Now: w.Clock.Now,
	}
	w.Providers = map[string]*Provider{}
	for _, kind := range kinds {
		p, at := w.startProvider(kind)
		cfg.Providers = append(cfg.Providers, p)
		at.RegisterClient(w.client(p, base))
		w.Providers[p.ID] = &Provider{Provider: at, ID: p.ID, ClientID: p.OpenID.ClientID, w: w}
	}
	var err error
	if w.Social, err = social.New(cfg); err != nil {
		w.t.Fatal(err)
	}
}

const (
	clientID     = "app"
	clientSecret = "secret of the app"
)

// startProvider starts a provider, and says how the World speaks to it.
func (w *World) startProvider(kind socialtest.Personality) (p social.Provider, at *socialtest.Provider) {
	w.t.Helper()
	at = socialtest.Start(w.t, socialtest.Config{Personality: kind, Now: w.Clock.Now})
	switch kind {
	case socialtest.Google:
		p = social.Google(clientID, clientSecret)
	case socialtest.Apple:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		w.appleKey = &key.PublicKey
		p = social.Apple(social.AppleConfig{ClientID: clientID, TeamID: "TEAM", KeyID: "KEY", Key: key})
		p.OpenID.Aliases = nil
	case socialtest.LinkedIn:
		p = social.LinkedIn(clientID, clientSecret)
	case socialtest.Microsoft:
		p = social.Microsoft(clientID, clientSecret)
		p.OpenID.Issuer, p.OpenID.Document = at.TenantIssuer("{tenantid}"), at.Issuer()
		return p, at
	case socialtest.LastPass:
		return social.LastPass(at.Issuer(), clientID, clientSecret), at
	case socialtest.Plain:
		p = social.OpenIDConnect("plain", "Plain", at.Issuer(), clientID, clientSecret)
	default:
		w.t.Fatalf("authtest: a World does not speak to %s", kind)
	}
	p.OpenID.Issuer = at.Issuer()
	return p, at
}

// client is what a provider knows of the World.
func (w *World) client(p social.Provider, base string) socialtest.Client {
	c := socialtest.Client{ID: clientID, Secret: clientSecret, Name: "World", RedirectURIs: []string{base + "/" + p.ID + "/callback"}}
	if p.ID == "apple" {
		c.TeamID, c.KeyID, c.Key = "TEAM", "KEY", w.appleKey
	}
	return c
}

// Answer goes where a page, or an answer in JSON, leads, signs somebody in there, and answers what the provider sends the browser back
// with. The browser has not brought it yet.
func (p *Provider) Answer(away *Page, who socialtest.Person) Reply {
	p.w.t.Helper()
	p.AddPerson(who)
	back, err := p.SignIn(away.Away().URL, cmp.Or(who.Email, who.Subject))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return Reply(back)
}

// Refusal is Answer for somebody who says no there.
func (p *Provider) Refusal(away *Page) Reply {
	p.w.t.Helper()
	back, err := p.Cancel(away.Away().URL)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return Reply(back)
}
