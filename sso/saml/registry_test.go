package saml_test

import (
	"crypto/sha256"
	"errors"
	"html"
	"io"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func unknownKey(err error) bool {
	refusal, ok := errors.AsType[*sso.Refusal](err)
	return ok && refusal.Code == sso.CodeSignatureKey
}

// TestRegistry goes the way of a connection from the address of its metadata to a provider that has changed its keys.
func TestRegistry(t *testing.T) {
	ann := ssotest.Person{Email: "ann@corp.example"}
	var later atomic.Int64 // than it is
	clock := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	provider := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{ann}, Settings: ssotest.Settings{SignedInAs: ann.Email}, Now: clock})
	speaker, err := saml.New(saml.Config{HTTP: provider.Client()})
	if err != nil {
		t.Fatal(err)
	}
	memory, protocols := sso.NewMemory(), []sso.Protocol{speaker}
	keys := [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}
	registry, err := sso.NewRegistry(sso.RegistryConfig{Store: memory, Keys: keys, Protocols: protocols, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	companies, err := sso.New(sso.Config{
		BaseURL: "https://app.example.com/sso", Keys: keys, Connections: registry, Renew: registry.Renew, Requests: memory, Protocols: protocols, Now: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := registry.Add(t.Context(), sso.Connection{
		AccountID: "acc_corp", Protocol: "saml", AllowAnyDomain: true, SAML: sso.SAML{MetadataURL: provider.MetadataURL()},
	})
	if err != nil || c.SAML.EntityID != provider.EntityID() || len(c.SAML.Certificates) != 1 || c.SAML.Certificates[0].Held {
		t.Fatalf("R87 Add = %+v, %v, want what the metadata says", c.SAML, err)
	}
	doc, _, err := companies.Metadata(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	sp, err := ssotest.ParseSP(doc)
	if err != nil {
		t.Fatal(err)
	}
	provider.Register(sp)
	field := regexp.MustCompile(`name="(SAMLResponse|RelayState)" value="([^"]*)"`)
	signIn := func() error {
		t.Helper()
		d, err := companies.Begin(t.Context(), c.ID, sso.Opening{})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := provider.Client().Get(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{}
		for _, f := range field.FindAllStringSubmatch(string(page), -1) {
			form.Set(f[1], html.UnescapeString(f[2]))
		}
		a, err := companies.Receive(t.Context(), c.ID, sso.Message{Post: true, Form: form})
		if err != nil {
			return err
		}
		id, _, err := a.Identity(t.Context())
		if err == nil && id.Email != ann.Email {
			t.Errorf("Identity = %+v, want Ann", id)
		}
		return err
	}
	if err := signIn(); err != nil {
		t.Fatalf("R21 a sign-in = %v", err)
	}
	provider.RollKeys()
	if err := signIn(); !unknownKey(err) {
		t.Errorf("A-069 an answer by a new key = %v, want signature_key until somebody approves it", err)
	}
	if c, err = registry.Get(t.Context(), "acc_corp", c.ID); err != nil || len(c.SAML.Certificates) != 2 || !c.SAML.Certificates[1].Held {
		t.Fatalf("A-069 Get = %+v, %v, want the new key, held", c.SAML.Certificates, err)
	}
	if c, err = registry.Approve(t.Context(), c, sha256.Sum256(c.SAML.Certificates[1].DER)); err != nil {
		t.Fatal(err)
	}
	if err := signIn(); err != nil {
		t.Errorf("a sign-in by the approved key = %v", err)
	}
	c.SAML.AllowNewKeys = true
	if c, err = registry.Change(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	provider.RollKeys()
	if err := signIn(); !unknownKey(err) {
		t.Errorf("an answer by a third key within ten minutes = %v, want signature_key", err)
	}
	later.Add(int64(10 * time.Minute))
	if err := signIn(); err != nil {
		t.Errorf("an answer by a new key, where those count at once = %v, want the metadata to be read", err)
	}
	later.Add(int64(26 * time.Hour))
	done, err := registry.Refresh(t.Context(), 10)
	if err != nil || len(done) != 1 || done[0].Err != nil {
		t.Errorf("Refresh = %+v, %v, want one reading", done, err)
	}
}
