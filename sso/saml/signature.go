package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sallyport-auth/sallyport/sso"
)

// Codes of signatures, by their short names.
const (
	CodeUnsigned  = sso.CodeSignatureMissing
	CodeShape     = sso.CodeSignatureMalformed
	CodeAlgorithm = sso.CodeAlgorithm
	CodeKey       = sso.CodeSignatureKey
	CodeSignature = sso.CodeSignatureInvalid
)

// verifySigned checks the signature of an element, and answers what was signed: a tree read from the very bytes that were digested,
// without the signature. Read values from it and from nothing else. The element itself is not changed.
//
// The signature is a child of the element, first or behind the Issuer, and has the one shape that SAML Core §5.4 gives it: one
// reference to the element by its ID, enveloped, in exclusive canonicalization, with SHA-256 or better. Only the certificates given
// count, each for its key; what the signature says of its own key is not looked at.
//
// An error is a *sso.Refusal.
func verifySigned(el *etree.Element, certs []*x509.Certificate) (*etree.Element, error) {
	sig, at, err := findSignature(el)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(el, sig)
	if err != nil {
		return nil, err
	}

	// What is handed on has no KeyInfo, so that nothing in it can matter; the value in one line; and the namespaces that hold here
	// declared on the element itself. Nothing of that is signed, or changes what is.
	bare := *sig
	detached := *el
	detached.Child = append([]etree.Token(nil), el.Child...)
	detached.Child[at] = &bare
	detached.Attr = append([]etree.Attr(nil), el.Attr...)
	for _, b := range scopeOf(el.Parent()) {
		if !declares(el, b.prefix) {
			detached.Attr = append(detached.Attr, declare(b))
		}
	}

	fits := false
	for _, cert := range certs {
		value, ok := s.valueFor(cert.PublicKey)
		if !ok {
			continue
		}
		bare.Child = nil
		bare.AddChild(s.info.Copy()) // a copy knows its new place among the children: goxmldsig changes it there
		bare.AddChild(valueElement(s.value, value))
		ctx := dsig.ValidationContext{
			CertificateStore: &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}},
			IdAttribute:      dsig.DefaultIdAttr,
			Clock:            dsig.NewFakeClockAt(cert.NotBefore), // the key is pinned: the lifetime of its certificate ends nothing
		}
		signed, err := ctx.Validate(&detached)
		if err == nil {
			return s.check(el, signed)
		}
		fits = fits || !wrongKey(err)
	}
	if fits {
		return nil, &sso.Refusal{Code: CodeSignature, Detail: "what came is not what was signed"}
	}
	return nil, &sso.Refusal{Code: CodeKey, Expected: fingerprints(certs), Received: s.claims, Detail: "signed by none of the keys of the connection"}
}

// signed tells whether an element has a signature of its own.
func signed(el *etree.Element) bool { return len(children(el, nsDsig, "Signature")) > 0 }

// A signature is what readSignature has found.
type signature struct {
	info      *etree.Element
	value     *etree.Element
	signature []byte
	method    string
	claims    string // the fingerprint of the certificate in KeyInfo, for the report alone
}

func shape(detail string) error { return &sso.Refusal{Code: CodeShape, Detail: detail} }

// findSignature finds the one signature of an element. goxmldsig takes the first that it meets on its way in, so that nothing may stand
// before ours but an Issuer with a text.
func findSignature(el *etree.Element) (sig *etree.Element, at int, err error) {
	issuers, others := 0, 0 // in front of it
	for i, t := range el.Child {
		c, ok := t.(*etree.Element)
		switch {
		case !ok:
		case is(c, nsDsig, "Signature") && sig != nil:
			return nil, 0, shape("two signatures")
		case is(c, nsDsig, "Signature") && (issuers > 1 || others > 0):
			return nil, 0, shape("the signature is not where it belongs")
		case is(c, nsDsig, "Signature"):
			sig, at = c, i
		case sig != nil:
		case is(c, nsAssertion, "Issuer") && len(c.ChildElements()) == 0:
			issuers++
		default:
			others++
		}
	}
	if sig == nil {
		return nil, 0, &sso.Refusal{Code: CodeUnsigned, Expected: "a signature of " + el.Tag}
	}
	return sig, at, nil
}

// readSignature insists on the shape. It reads what is not signed yet; goxmldsig reads SignedInfo once more from the bytes that are.
func readSignature(el, sig *etree.Element) (s signature, err error) {
	id := attr(el, "ID")
	if !isID(id) {
		return s, shape("what is signed has no ID")
	}
	parts, ok := shaped(sig, "Id", "SignedInfo", "SignatureValue", "KeyInfo?")
	if !ok {
		return s, shape("Signature has other parts than SignedInfo, SignatureValue and KeyInfo")
	}
	s.info, s.value, s.claims = parts[0], parts[1], claimed(parts[2])
	if parts, ok = shaped(s.info, "Id", "CanonicalizationMethod", "SignatureMethod", "Reference"); !ok {
		return s, shape("SignedInfo has other parts than one method each and one Reference")
	}
	canonical, method, ref := parts[0], parts[1], parts[2]
	if _, ok := shaped(canonical, "Algorithm"); !ok || attr(canonical, "Algorithm") != algExclusive {
		return s, algorithm("CanonicalizationMethod", algExclusive, canonical)
	}
	s.method = attr(method, "Algorithm")
	if _, ok := shaped(method, "Algorithm"); !ok || !signatureMethod(s.method) {
		return s, algorithm("SignatureMethod", "RSA or ECDSA with SHA-256 or better", method)
	}
	if parts, ok = shaped(ref, "URI", "Transforms", "DigestMethod", "DigestValue"); !ok {
		return s, shape("Reference has other parts than Transforms, DigestMethod and DigestValue")
	}
	transforms, digest, value := parts[0], parts[1], parts[2]
	if attr(ref, "URI") != "#"+id {
		return s, &sso.Refusal{Code: CodeShape, Expected: "#" + id, Received: attr(ref, "URI"), Detail: "Reference names something else than what it stands in"}
	}
	if parts, ok = shaped(transforms, "", "Transform", "Transform"); !ok {
		return s, shape("Transforms are not two")
	}
	if _, ok := shaped(parts[0], "Algorithm"); !ok || attr(parts[0], "Algorithm") != algEnveloped {
		return s, algorithm("the first Transform", algEnveloped, parts[0])
	}
	if attr(parts[1], "Algorithm") != algExclusive || !exclusive(parts[1]) {
		return s, algorithm("the second Transform", algExclusive, parts[1])
	}
	size := digestSize(attr(digest, "Algorithm"))
	if _, ok := shaped(digest, "Algorithm"); !ok || size == 0 {
		return s, algorithm("DigestMethod", "SHA-256 or better", digest)
	}
	encoded, ok := text(value)
	if sum, err := base64.StdEncoding.Strict().DecodeString(encoded); !ok || err != nil || len(sum) != size || len(value.Attr) > 0 || strings.ContainsAny(encoded, "\r\n") {
		return s, shape("DigestValue is not one value in base64")
	}
	encoded, ok = text(s.value)
	s.signature, err = base64.StdEncoding.Strict().DecodeString(unspaced(encoded))
	if !ok || err != nil || len(s.signature) == 0 || len(s.signature) > 2048 {
		return s, shape("SignatureValue is not one value in base64")
	}
	return s, nil
}

func algorithm(what, expected string, el *etree.Element) error {
	return &sso.Refusal{Code: CodeAlgorithm, Expected: expected, Received: attr(el, "Algorithm"), Detail: what}
}

// shaped answers the children of an element of XML Signature, if they are those named, in this order, with nothing but white space
// between them; and if there is no attribute but that named. One with a question mark may be missing.
func shaped(el *etree.Element, attribute string, names ...string) ([]*etree.Element, bool) {
	for _, a := range el.Attr {
		if a.Space != "xmlns" && !(a.Space == "" && (a.Key == "xmlns" || a.Key == attribute)) {
			return nil, false
		}
	}
	found := make([]*etree.Element, len(names))
	next := 0
	for _, t := range el.Child {
		switch t := t.(type) {
		case *etree.Element:
			if next == len(names) || !is(t, nsDsig, strings.TrimSuffix(names[next], "?")) {
				return nil, false
			}
			found[next] = t
			next++
		case *etree.CharData:
			if strings.Trim(t.Data, " \t\r\n") != "" {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	for _, n := range names[next:] {
		if !strings.HasSuffix(n, "?") {
			return nil, false
		}
	}
	return found, true
}

// exclusive tells whether a transform has nothing in it but, perhaps, a list of prefixes.
func exclusive(transform *etree.Element) bool {
	for _, a := range transform.Attr {
		if a.Space != "xmlns" && !(a.Space == "" && (a.Key == "xmlns" || a.Key == "Algorithm")) {
			return false
		}
	}
	lists := 0
	for _, t := range transform.Child {
		switch t := t.(type) {
		case *etree.Element:
			lists++
			if lists > 1 || !is(t, algExclusive, "InclusiveNamespaces") || len(t.Child) > 0 || len(attr(t, "PrefixList")) > 256 {
				return false
			}
		case *etree.CharData:
			if strings.Trim(t.Data, " \t\r\n") != "" {
				return false
			}
		}
	}
	return true
}

// signatureMethod tells whether a method is on the list.
func signatureMethod(uri string) bool {
	switch uri {
	case dsig.RSASHA256SignatureMethod, dsig.RSASHA384SignatureMethod, dsig.RSASHA512SignatureMethod,
		dsig.ECDSASHA256SignatureMethod, dsig.ECDSASHA384SignatureMethod, dsig.ECDSASHA512SignatureMethod:
		return true
	}
	return false
}

// digestSize is how long a digest is; zero: the method is not on the list.
func digestSize(uri string) int {
	switch uri {
	case algSHA256:
		return crypto.SHA256.Size()
	case "http://www.w3.org/2001/04/xmldsig-more#sha384":
		return crypto.SHA384.Size()
	case "http://www.w3.org/2001/04/xmlenc#sha512":
		return crypto.SHA512.Size()
	}
	return 0
}

// suits tells whether a key is of the method's kind, and strong enough.
func (s signature) suits(key crypto.PublicKey) bool {
	if checkKey(key) != nil {
		return false
	}
	switch key.(type) {
	case *rsa.PublicKey:
		return strings.Contains(s.method, "#rsa-")
	case *ecdsa.PublicKey:
		return strings.Contains(s.method, "#ecdsa-")
	}
	return false
}

// valueFor is the signature as Go checks it with a key; false: it cannot be of that key. XML Signature writes the two numbers of
// ECDSA one behind the other, each as long as the order of the curve.
func (s signature) valueFor(key crypto.PublicKey) ([]byte, bool) {
	if !s.suits(key) {
		return nil, false
	}
	curved, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return s.signature, true
	}
	half := (curved.Params().N.BitLen() + 7) / 8
	if len(s.signature) != 2*half {
		return nil, false
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s.signature[:half]), new(big.Int).SetBytes(s.signature[half:])})
	return der, err == nil
}

// check compares what goxmldsig has digested with what it was asked for.
func (s signature) check(el, signed *etree.Element) (*etree.Element, error) {
	if signed == nil || signed.Tag != el.Tag || signed.NamespaceURI() != el.NamespaceURI() || attr(signed, "ID") != attr(el, "ID") {
		return nil, &sso.Refusal{Code: CodeSignature, Detail: "something else was signed"}
	}
	return signed, nil
}

// wrongKey tells whether a signature was not made by the key at all; else the key is right, and the content is not.
func wrongKey(err error) bool {
	return errors.Is(err, rsa.ErrVerification) || strings.Contains(err.Error(), "ECDSA verification failure")
}

// claimed is the fingerprint of the certificate that a KeyInfo holds; empty: none.
func claimed(info *etree.Element) string {
	if info == nil {
		return ""
	}
	if data := only(info, nsDsig, "X509Data"); data != nil {
		for _, c := range children(data, nsDsig, "X509Certificate") {
			encoded, _ := text(c)
			if der, err := base64.StdEncoding.DecodeString(unspaced(encoded)); err == nil && len(der) > 0 {
				return fingerprint(der)
			}
		}
	}
	return ""
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "SHA-256 " + hex.EncodeToString(sum[:])
}

func fingerprints(certs []*x509.Certificate) string {
	all := make([]string, len(certs))
	for i, c := range certs {
		all[i] = fingerprint(c.Raw)
	}
	return strings.Join(all, ", ")
}

func valueElement(value *etree.Element, signature []byte) *etree.Element {
	el := etree.Element{Space: value.Space, Tag: value.Tag}
	for _, a := range value.Attr {
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			el.Attr = append(el.Attr, a)
		}
	}
	el.Child = []etree.Token{etree.NewText(base64.StdEncoding.EncodeToString(signature))}
	return &el
}

// unspaced removes the white space by which providers wrap base64.
func unspaced(s string) string {
	wrapped := false
	for _, c := range []byte(" \t\r\n") { // four fast looks instead of a slow one: most are not wrapped
		wrapped = wrapped || strings.IndexByte(s, c) >= 0
	}
	if !wrapped {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 && space(byte(r)) {
			return -1
		}
		return r
	}, s)
}

// isID tells whether a text can be an ID that a reference names.
func isID(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !('0' <= c && c <= '9') && c != '-' && c != '.') {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

// certificates reads those of a connection that count.
func certificates(of []sso.Certificate) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for i, c := range of {
		if c.Held {
			continue
		}
		cert, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return nil, fmt.Errorf("saml: reading certificate %d of the connection: %w", i, err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}
