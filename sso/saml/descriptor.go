package saml

import (
	"crypto"
	"encoding/base64"

	"github.com/sallyport-auth/sallyport/sso"
)

// Metadata implements sso.Protocol. The same settings make the same bytes; nothing in them ends by itself.
func (p *Protocol) Metadata(c sso.Connection, a sso.Addresses) ([]byte, string, bool, error) {
	s := c.SAML
	var w writer
	w.b = append(w.b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"...)
	w.open("md:EntityDescriptor", "xmlns:md", nsMetadata, "entityID", a.EntityID)
	w.line(1)
	w.open("md:SPSSODescriptor",
		"AuthnRequestsSigned", yes(s.SignRequests),
		"WantAssertionsSigned", yes(!s.ResponseSigned),
		"protocolSupportEnumeration", nsProtocol)
	for _, k := range p.keys {
		w.keyDescriptor(k, "signing")
		if _, ok := k.Key.(crypto.Decrypter); ok && k.algorithm() == algRSASHA256 {
			w.keyDescriptor(k, "encryption", encryptionMethods(s.AllowCBC)...)
		}
	}
	if len(p.keys) > 0 {
		for _, binding := range []string{bindingRedirect, bindingPOST} {
			w.line(2)
			w.leaf("md:SingleLogoutService", "", "Binding", binding, "Location", a.Logout)
		}
	}
	formats := []string{formatEmail, formatPersistent} // never one that changes with every session
	if s.NameIDFormat != "" {
		formats = []string{s.NameIDFormat}
	}
	for _, f := range formats {
		w.line(2)
		w.leaf("md:NameIDFormat", f)
	}
	w.line(2)
	w.leaf("md:AssertionConsumerService", "", "Binding", bindingPOST, "Location", a.ACS, "index", "0", "isDefault", "true")
	w.line(1)
	w.close("md:SPSSODescriptor")
	w.line(0)
	w.close("md:EntityDescriptor")
	w.line(0)
	return w.b, "application/samlmetadata+xml", true, nil
}

func (w *writer) keyDescriptor(k KeyPair, use string, methods ...string) {
	w.line(2)
	w.open("md:KeyDescriptor", "use", use)
	w.line(3)
	w.open("ds:KeyInfo", "xmlns:ds", nsDsig)
	w.open("ds:X509Data")
	w.leaf("ds:X509Certificate", base64.StdEncoding.EncodeToString(k.Certificate.Raw))
	w.close("ds:X509Data")
	w.close("ds:KeyInfo")
	for _, m := range methods {
		w.line(3)
		w.leaf("md:EncryptionMethod", "", "Algorithm", m)
	}
	w.line(2)
	w.close("md:KeyDescriptor")
}

// encryptionMethods are what a provider may encrypt with, the best first.
func encryptionMethods(cbc bool) []string {
	methods := []string{
		"http://www.w3.org/2009/xmlenc11#aes256-gcm",
		"http://www.w3.org/2009/xmlenc11#aes128-gcm",
	}
	if cbc {
		methods = append(methods, "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2001/04/xmlenc#aes128-cbc")
	}
	return append(methods, "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p")
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
