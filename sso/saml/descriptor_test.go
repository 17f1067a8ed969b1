package saml_test

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/xml"
	"testing"

	crewjam "github.com/crewjam/saml"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

// signOnly hides that a key can decrypt.
type signOnly struct{ crypto.Signer }

func describe(t *testing.T, p *saml.Protocol, c sso.Connection) []byte {
	t.Helper()
	doc, kind, ok, err := p.Metadata(c, addresses())
	if err != nil || !ok || kind != "application/samlmetadata+xml" {
		t.Fatalf("Metadata = %q, %v, %v", kind, ok, err)
	}
	return doc
}

func TestMetadata(t *testing.T) {
	for name, row := range map[string]struct {
		golden string
		keys   []saml.KeyPair
		change func(*sso.Connection)
	}{
		"R87 without keys": {"metadata-bare.xml", nil, func(*sso.Connection) {}},
		"R87 two keys to change over": {"metadata-rollover.xml", []saml.KeyPair{ours(), another()}, func(c *sso.Connection) {
			c.SAML.SignRequests, c.SAML.NameIDFormat = true, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
		}},
		"keys that do not decrypt": {"metadata-signing.xml", []saml.KeyPair{curved(), {Key: signOnly{another().Key}, Certificate: another().Certificate}}, func(c *sso.Connection) {
			c.SAML.ResponseSigned, c.SAML.AllowCBC = true, true
		}},
		"CBC where it is allowed": {"metadata-cbc.xml", []saml.KeyPair{ours()}, func(c *sso.Connection) { c.SAML.AllowCBC = true }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProtocol(t, row.keys...)
			doc := describe(t, p, connection(row.change))
			if again := describe(t, p, connection(row.change)); !bytes.Equal(doc, again) {
				t.Errorf("the same settings make\n%s\nand\n%s", doc, again)
			}
			var read crewjam.EntityDescriptor
			if err := xml.Unmarshal(doc, &read); err != nil || read.EntityID != addresses().EntityID || len(read.SPSSODescriptors) != 1 {
				t.Errorf("another reader: %v, %+v", err, read)
			}
			for _, k := range row.keys {
				doc = bytes.ReplaceAll(doc, []byte(base64.StdEncoding.EncodeToString(k.Certificate.Raw)), []byte("CERTIFICATE OF "+k.Certificate.Subject.CommonName))
			}
			golden(t, row.golden, doc)
		})
	}
}
