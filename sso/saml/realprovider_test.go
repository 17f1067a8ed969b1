package saml_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/hosttest"
	"github.com/sallyport-auth/sallyport/internal/providertest"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

// TestRealProvider signs people in at SimpleSAMLphp, in every way that it knows, and out again by either end.
func TestRealProvider(t *testing.T) {
	host, idp := hosttest.New(t), providertest.StartSAML(t, providertest.SAMLConfig{})
	key, err := saml.NewKeyPair("test", time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	protocol, err := saml.New(saml.Config{Keys: []saml.KeyPair{key}})
	if err != nil {
		t.Fatal(err)
	}
	w := realWorld{host: host, provider: idp, ann: providertest.People()[0]}
	whole := func(p *providertest.SAMLPeer) { p.SignResponse, p.UnsignedAssertion = true, true }
	unsigned := func(p *providertest.SAMLPeer) { p.UnsignedAssertion = true }
	encrypted := func(p *providertest.SAMLPeer) { p.EncryptionCertificate = key.Certificate.Raw }
	list := []realConnection{
		{id: "redirect"},
		{id: "post", ours: func(c *sso.Connection) { c.SAML.SSOBinding, c.SAML.SLOBinding = "post", "post" }, theirs: func(p *providertest.SAMLPeer) { p.SLOBinding = "post" }},
		{id: "redirect-signed", ours: func(c *sso.Connection) { c.SAML.SignRequests = true }, theirs: func(p *providertest.SAMLPeer) { p.SignedRequests = true }},
		{id: "post-signed", ours: func(c *sso.Connection) { c.SAML.SSOBinding, c.SAML.SignRequests = "post", true }, theirs: func(p *providertest.SAMLPeer) { p.SignedRequests = true }},
		{id: "response-signed", ours: func(c *sso.Connection) { c.SAML.ResponseSigned = true }, theirs: whole},
		{id: "both-signed", theirs: func(p *providertest.SAMLPeer) { p.SignResponse = true }},
		{id: "encrypted", ours: func(c *sso.Connection) { c.SAML.AllowCBC = true }, theirs: encrypted},
		{id: "encrypted-response-signed", ours: func(c *sso.Connection) { c.SAML.AllowCBC = true }, theirs: func(p *providertest.SAMLPeer) { encrypted(p); p.SignResponse = true }},
		{id: "named-by-address", ours: func(c *sso.Connection) {
			c.SAML.NameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
		}},
		{id: "named-by-attribute", ours: func(c *sso.Connection) { c.Attributes.Subject = "uid" }},
		{id: "unsolicited", ours: func(c *sso.Connection) { c.IdPInitiated = true }},
		{id: "refused-response-signed", theirs: whole},
		{id: "refused-unsigned", ours: func(c *sso.Connection) { c.SAML.ResponseSigned = true }, theirs: unsigned},
		{id: "refused-cbc", theirs: encrypted},
		{id: "refused-domain", ours: func(c *sso.Connection) { c.Domains = []string{"acme.example"} }},
		{id: "refused-context", ours: func(c *sso.Connection) { c.SAML.AuthnContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509" }},
	}
	w.open(t, list, protocol, key)

	for _, c := range list {
		if c.id == "unsolicited" || strings.HasPrefix(c.id, "refused-") {
			continue
		}
		t.Run(c.id, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			w.isAnn(t, c.id, w.signIn(t, b, host.Begin(b, c.id)))
		})
	}

	t.Run("begun at the provider", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		at := idp.SignIn(b, b.Get(idp.Begin(host.Base()+"/unsolicited/metadata", "https://evil.example/")), w.ann)
		if _, ok := host.Who(b); ok || !strings.Contains(at.Body, "Continue as "+w.ann.Email) {
			t.Fatalf("the way ends at %s, after %v, want a page that asks, and nobody signed in:\n%s", at, host.Failed(), at.Body)
		}
		w.isAnn(t, "unsolicited", w.in(t, b, b.Submit(at, at.Form("answer"), nil)))
	})

	for _, row := range []struct {
		name, id string
		want     sso.Code
	}{
		{"a signature of the response alone is refused, where the assertion must have one", "refused-response-signed", sso.CodeSignatureMissing},
		{"an answer without any signature is refused", "refused-unsigned", sso.CodeSignatureMissing},
		{"A-055 AES-CBC is refused where it is not allowed", "refused-cbc", sso.CodeDecryption},
		{"an address of another company is refused", "refused-domain", sso.CodeEmailDomain},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			w.refused(t, b, idp.SignIn(b, host.Begin(b, row.id), w.ann), row.want)
		})
	}
	t.Run("a context that the provider does not give is refused", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		// It may say so at once, or sign the person in by a password all the same.
		at := host.Begin(b, "refused-context")
		if strings.HasPrefix(at.URL.String(), idp.URL) {
			at = idp.SignIn(b, at, w.ann)
		}
		w.refused(t, b, at, sso.CodeContext)
	})
	t.Run("an answer that nobody asked for is refused where it is not allowed", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		w.refused(t, b, idp.SignIn(b, b.Get(idp.Begin(host.Base()+"/redirect/metadata", "")), w.ann), sso.CodeUnsolicited)
	})
	t.Run("an answer is refused in another browser than the one that asked", func(t *testing.T) {
		d, err := host.Manager.Begin(t.Context(), "redirect", sso.Opening{State: make([]byte, 32)}) // of some other browser
		if err != nil {
			t.Fatal(err)
		}
		b := providertest.NewBrowser(t)
		w.refused(t, b, idp.SignIn(b, b.Get(d.URL), w.ann), sso.CodeBrowser)
	})
	t.Run("a fresh sign-in is asked for", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		w.signIn(t, b, host.Begin(b, "redirect"))
		w.in(t, b, host.Begin(b, "redirect")) // known there by now
		d, err := host.Manager.Begin(t.Context(), "redirect", sso.Opening{Fresh: true})
		if err != nil {
			t.Fatal(err)
		}
		b.Get(d.URL).Form("password") // and yet asked
	})

	for _, id := range []string{"redirect", "post", "encrypted", "named-by-attribute"} {
		t.Run("signing out here, "+id, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			w.signIn(t, b, host.Begin(b, id))
			if at := host.SignOut(b); at.Body != hosttest.Bye {
				t.Errorf("the way ends at %s, after %v, want SignedOutURL:\n%s", at, host.Failed(), at.Body)
			}
			host.Begin(b, id).Form("password") // signed out there too
		})
		t.Run("signing out there, "+id, func(t *testing.T) {
			b, other := providertest.NewBrowser(t), providertest.NewBrowser(t)
			w.signIn(t, b, host.Begin(b, id))
			w.signIn(t, other, host.Begin(other, id))
			if at := b.Get(idp.SignOut()); at.URL.String() != idp.MetadataURL {
				t.Errorf("the way ends at %s, after %v, want the provider, which has our answer:\n%s", at, host.Failed(), at.Body)
			}
			if id, ok := host.Who(b); ok {
				t.Errorf("%s is signed in here, want nobody; %v", id.Email, host.Failed())
			}
			if _, ok := host.Who(other); !ok {
				t.Error("the session in another browser has ended too, want the one alone that the request names")
			}
		})
	}
}

// realWorld is a program with connections to a real provider.
type realWorld struct {
	host     *hosttest.Host
	provider *providertest.SAMLProvider
	ann      providertest.Person
}

type realConnection struct {
	id     string
	ours   func(*sso.Connection)        // what we are told of it besides; nil: nothing
	theirs func(*providertest.SAMLPeer) // what the provider is told of us besides; nil: nothing
}

// open makes connections of the provider's metadata, and tells the provider of each.
func (w realWorld) open(t *testing.T, list []realConnection, protocol sso.Protocol, key saml.KeyPair) {
	t.Helper()
	answer, err := http.Get(w.provider.MetadataURL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	doc, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := saml.ReadMetadata(doc, "", time.Now())
	if err != nil {
		t.Fatalf("ReadMetadata: %v", err)
	}
	if settings.EntityID != w.provider.EntityID || settings.SSOURL != w.provider.SSO || settings.SLOURL != w.provider.SLO ||
		len(settings.Certificates) != 1 || !bytes.Equal(settings.Certificates[0].DER, w.provider.Certificate) {
		t.Errorf("ReadMetadata = %+v, want what %+v says", settings, w.provider)
	}
	var connections []sso.Connection
	for _, row := range list {
		c := sso.Connection{
			ID: row.id, AccountID: "acc_globex", Name: "Globex", Protocol: "saml", Domains: []string{"globex.example"}, SAML: settings,
			Roles: []sso.RoleRule{{Group: "admins", Role: "admin"}},
		}
		if row.ours != nil {
			row.ours(&c)
		}
		connections = append(connections, c)
	}
	w.host.Open(connections, protocol)
	for i, row := range list {
		a := w.host.Manager.Addresses(connections[i])
		peer := providertest.SAMLPeer{EntityID: a.EntityID, ACS: a.ACS, SLO: a.Logout, Certificate: key.Certificate.Raw}
		if row.theirs != nil {
			row.theirs(&peer)
		}
		w.provider.Trust(t, peer)
	}
}

// isAnn checks what an answer has said of her.
func (w realWorld) isAnn(t *testing.T, connection string, id sso.Identity) {
	t.Helper()
	if id.Connection != connection || id.AccountID != "acc_globex" || id.Email != w.ann.Email || id.Role != "admin" {
		t.Errorf("Identity = %+v, want Ann of Globex, an administrator, by %s", id, connection)
	}
	name := w.ann.ID
	if connection == "named-by-address" {
		name = "ann%40globex.example"
	}
	if !strings.HasSuffix(id.Subject, "|"+name) || id.Login.Index == "" {
		t.Errorf("Subject, Index = %q, %q, want one that ends in %s, and some", id.Subject, id.Login.Index, name)
	}
	if id.Name != w.ann.GivenName+" "+w.ann.FamilyName || id.GivenName != w.ann.GivenName || id.FamilyName != w.ann.FamilyName ||
		strings.Join(id.Groups, " ") != strings.Join(w.ann.Groups, " ") {
		t.Errorf("Identity = %+v, want what %+v says", id, w.ann)
	}
	if ends := time.Until(id.SessionEnds); ends < 7*time.Hour || ends > 9*time.Hour || time.Since(id.AuthTime) > time.Minute || id.MultiFactor {
		t.Errorf("SessionEnds, AuthTime, MultiFactor = %v, %v, %v, want in eight hours, now, and false", id.SessionEnds, id.AuthTime, id.MultiFactor)
	}
}

func (w realWorld) refused(t *testing.T, b *providertest.Browser, at *providertest.Page, want sso.Code) {
	t.Helper()
	var got *sso.Refusal
	if err := w.host.Failed(); !errors.As(err, &got) || got.Code != want {
		t.Errorf("the way ends at %s with %v, want %s:\n%s", at, err, want, at.Body)
	}
	if id, ok := w.host.Who(b); ok {
		t.Errorf("%s is signed in, want nobody", id.Email)
	}
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
