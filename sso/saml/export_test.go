package saml

import (
	"crypto/x509"

	"github.com/beevik/etree"
)

// ParseAnswer reads a document within the limits of an answer.
func ParseAnswer(raw []byte) (*etree.Element, error) { return parse(raw, answerLimits(), nil) }

// ParseWithin reads a document of metadata's kind, with comments, which stands where a prefix is declared.
func ParseWithin(raw []byte, prefix, uri string) (*etree.Element, error) {
	lim := answerLimits()
	lim.comments = true
	return parse(raw, lim, []binding{{prefix, uri}})
}

// VerifySigned checks the signature of an element.
func VerifySigned(el *etree.Element, certs ...*x509.Certificate) (*etree.Element, error) {
	return verifySigned(el, certs)
}

// Envelop signs a document, at a place, for an element by its ID.
func (k KeyPair) Envelop(doc []byte, at int, id string) ([]byte, error) {
	return k.envelop(doc, at, id)
}
