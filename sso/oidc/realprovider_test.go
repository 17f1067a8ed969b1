package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/hosttest"
	"github.com/sallyport-auth/sallyport/internal/providertest"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
)

// TestRealProvider signs people in at the npm package oidc-provider, as each kind of client, and out again by either end.
func TestRealProvider(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("claims in the ID token", func(t *testing.T) {
		w := newRealWorld(t, key, false, []realConnection{
			{id: "basic", method: "client_secret_basic"},
			{id: "posted", method: "client_secret_post"},
			{id: "rsa", method: "private_key_jwt"},
			{id: "wrong-secret", change: func(c *sso.Connection) { c.OIDC.Secret = "wrong" }},
			{id: "other-domain", change: func(c *sso.Connection) { c.Domains = []string{"acme.example"} }},
			{id: "hardware", change: func(c *sso.Connection) { c.OIDC.ACR = "urn:example:hardware" }},
		})
		for _, id := range []string{"basic", "posted", "rsa"} {
			t.Run(id, func(t *testing.T) { w.inAndOut(t, id) })
		}
		t.Run("a wrong secret is refused", func(t *testing.T) { w.refuses(t, "wrong-secret", sso.CodeTokenError) })
		t.Run("an address of another company is refused", func(t *testing.T) { w.refuses(t, "other-domain", sso.CodeEmailDomain) })
		t.Run("a context that was not reached is refused", func(t *testing.T) { w.refuses(t, "hardware", sso.CodeTokenContext) })
		t.Run("a fresh sign-in is asked for", w.fresh)
		t.Run("an answer is refused in another browser than the one that asked", w.stolen)
	})
	t.Run("claims at the userinfo address", func(t *testing.T) {
		w := newRealWorld(t, curve, true, []realConnection{
			{id: "basic", change: func(c *sso.Connection) { c.OIDC.UserInfo = true }},
			{id: "ecdsa", method: "private_key_jwt", change: func(c *sso.Connection) { c.OIDC.UserInfo = true }},
			{id: "not-asked"},
		})
		for _, id := range []string{"basic", "ecdsa"} {
			t.Run(id, func(t *testing.T) { w.inAndOut(t, id) })
		}
		t.Run("no address, where nobody asks for it, is refused", func(t *testing.T) { w.refuses(t, "not-asked", sso.CodeEmailMissing) })
	})
}

// realWorld is a program with connections to a real provider.
type realWorld struct {
	host     *hosttest.Host
	provider *providertest.OIDCProvider
	ann      providertest.Person
}

type realConnection struct {
	id     string
	method string                // empty: basic
	change func(*sso.Connection) // after the provider has heard of it; nil: none
}

func newRealWorld(t *testing.T, key crypto.Signer, userInfo bool, list []realConnection) realWorld {
	t.Helper()
	protocol, err := oidc.New(oidc.Config{Keys: []crypto.Signer{key}, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	w := realWorld{host: hosttest.New(t), ann: providertest.People()[0]}
	var connections []sso.Connection
	var clients []providertest.OIDCClient
	for _, row := range list {
		at := w.host.Base() + "/" + row.id
		client := providertest.OIDCClient{
			ID: "client " + row.id, AuthMethod: row.method, // the space is written in its own way on the way, as are these:
			Secret: rand.Text() + "+/ %&=:", RedirectURIs: []string{at + "/callback"}, SignedOut: []string{at + "/slo"}, BackChannel: at + "/slo",
		}
		c := sso.Connection{
			ID: row.id, AccountID: "acc_globex", Name: "Globex", Protocol: "oidc", Domains: []string{"globex.example"},
			Roles: []sso.RoleRule{{Group: "admins", Role: "admin"}},
			OIDC:  sso.OIDC{ClientID: client.ID, AuthMethod: row.method, Secret: client.Secret},
		}
		if row.method == "private_key_jwt" {
			keys, _, ok, err := protocol.Metadata(c, sso.Addresses{})
			if err != nil || !ok {
				t.Fatalf("Metadata = %v, %v, want our keys", ok, err)
			}
			client.Secret, c.OIDC.Secret, client.JWKS, client.SigningAlg = "", "", keys, "RS256"
			if _, isCurve := key.(*ecdsa.PrivateKey); isCurve {
				client.SigningAlg = "ES256"
			}
		}
		clients, connections = append(clients, client), append(connections, c)
	}
	w.provider = providertest.StartOIDC(t, providertest.OIDCConfig{Clients: clients, ClaimsAtUserInfo: userInfo})
	for i, row := range list {
		connections[i].OIDC.Issuer = w.provider.Issuer
		if row.change != nil {
			row.change(&connections[i])
		}
	}
	w.host.Open(connections, protocol)
	return w
}

// inAndOut signs Ann in at a connection, out here, in again, and out there.
func (w realWorld) inAndOut(t *testing.T, connection string) {
	b, ann := providertest.NewBrowser(t), w.ann
	before := time.Now().Add(-time.Minute)
	id := w.signIn(t, b, w.host.Begin(b, connection))
	if id.Connection != connection || id.AccountID != "acc_globex" || id.Subject != ann.ID || id.Email != ann.Email || id.Role != "admin" {
		t.Errorf("Identity = %+v, want Ann of Globex, an administrator, by %s", id, connection)
	}
	if id.Name != ann.GivenName+" "+ann.FamilyName || id.GivenName != ann.GivenName || id.FamilyName != ann.FamilyName ||
		strings.Join(id.Groups, " ") != strings.Join(ann.Groups, " ") {
		t.Errorf("Identity = %+v, want what %+v says", id, ann)
	}
	if id.Login.Index == "" || id.AuthTime.Before(before) || id.MultiFactor || strings.Join(id.Contexts, " ") != "pwd" {
		t.Errorf("Index, AuthTime, MultiFactor, Contexts = %q, %v, %v, %q, want some, now, false, pwd", id.Login.Index, id.AuthTime, id.MultiFactor, id.Contexts)
	}

	at := w.provider.ConfirmSignOut(b, w.host.SignOut(b))
	if at.Body != hosttest.Bye {
		t.Errorf("signing out ends at %s, after %v, want SignedOutURL:\n%s", at, w.host.Failed(), at.Body)
	}
	w.signIn(t, b, w.host.Begin(b, connection)) // which asks for the password: the session there has ended

	other := providertest.NewBrowser(t)
	w.signIn(t, other, w.host.Begin(other, connection))
	w.provider.ConfirmSignOut(b, b.Get(w.provider.SignOut())) // which says so by the back channel, before it answers
	if id, ok := w.host.Who(b); ok {
		t.Errorf("after signing out there %s is signed in here, want nobody; %v", id.Email, w.host.Failed())
	}
	if _, ok := w.host.Who(other); !ok {
		t.Error("the session in another browser has ended too, want the one alone that the logout token names")
	}
}

func (w realWorld) refuses(t *testing.T, connection string, want sso.Code) {
	b := providertest.NewBrowser(t)
	w.refused(t, b, w.provider.SignIn(b, w.host.Begin(b, connection), w.ann), want)
}

func (w realWorld) refused(t *testing.T, b *providertest.Browser, at *providertest.Page, want sso.Code) {
	t.Helper()
	var got *sso.Refusal
	if err := w.host.Failed(); !errors.As(err, &got) || got.Code != want {
		t.Errorf("the way ends at %s with %v, want %s", at, err, want)
	}
	if id, ok := w.host.Who(b); ok {
		t.Errorf("%s is signed in, want nobody", id.Email)
	}
}

func (w realWorld) fresh(t *testing.T) {
	b := providertest.NewBrowser(t)
	w.signIn(t, b, w.host.Begin(b, "basic"))
	w.in(t, b, w.host.Begin(b, "basic")) // known there by now
	d, err := w.host.Manager.Begin(t.Context(), "basic", sso.Opening{Fresh: true})
	if err != nil {
		t.Fatal(err)
	}
	b.Get(d.URL).Form("password") // and yet asked
}

func (w realWorld) stolen(t *testing.T) {
	d, err := w.host.Manager.Begin(t.Context(), "basic", sso.Opening{State: make([]byte, 32)}) // of some other browser
	if err != nil {
		t.Fatal(err)
	}
	b := providertest.NewBrowser(t)
	w.refused(t, b, w.provider.SignIn(b, b.Get(d.URL), w.ann), sso.CodeBrowser)
}

// signIn signs Ann in, from the page on that asks for her password.
func (w realWorld) signIn(t *testing.T, b *providertest.Browser, at *providertest.Page) sso.Identity {
	t.Helper()
	return w.in(t, b, w.provider.SignIn(b, at, w.ann))
}

// in is who is signed in with a browser that has come back, or the end of the test.
func (w realWorld) in(t *testing.T, b *providertest.Browser, at *providertest.Page) sso.Identity {
	t.Helper()
	id, ok := w.host.Who(b)
	if !ok {
		var r *sso.Refusal
		err := w.host.Failed()
		errors.As(err, &r)
		t.Fatalf("the way ends at %s, after %v %+v, with nobody signed in:\n%s", at, err, r, at.Body)
	}
	return id
}
