package ssotest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // for attacks
	"crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"

	"github.com/beevik/etree"
)

// What the standards call things.
const (
	nsSAML     = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSig      = "http://www.w3.org/2000/09/xmldsig#"
	nsEnc      = "http://www.w3.org/2001/04/xmlenc#"

	exclusive         = "http://www.w3.org/2001/10/xml-exc-c14n#"
	exclusiveComments = exclusive + "WithComments"
	enveloped         = nsSig + "enveloped-signature"

	rsaSHA1     = nsSig + "rsa-sha1"
	hmacSHA256  = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
	digestSHA1  = nsSig + "sha1"
	digestSHA2  = nsEnc + "sha256"
	vendorsOwn  = "https://vendor.example/xmldsig#rot13"
	transformXP = "http://www.w3.org/TR/1999/REC-xpath-19991116"
	transformXS = "http://www.w3.org/TR/1999/REC-xslt-19991116"
	transform64 = nsSig + "base64"
)

// Algorithms of signatures, for Settings.SignatureMethod. The digest in the reference follows the algorithm's.
const (
	RSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	RSASHA384   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	ECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" // with a key of P-256
)

// A signature is how an element is signed. An attack changes it before it is made.
type signature struct {
	key        *key
	method     string
	digest     string
	references []reference
	keyInfo    func(info *etree.Element) // nil: the certificate of key
}

// A reference is one thing that a signature covers.
type reference struct {
	uri        string
	covers     *etree.Element
	transforms []string
	empty      bool                       // the digest of nothing, whatever it covers
	write      func(digest string) string // nil: as it is
}

// sign puts a signature over an element into it, at this place among its children.
func (s *signature) sign(el *etree.Element, at int) {
	sig := etree.NewElement("ds:Signature")
	sig.CreateAttr("xmlns:ds", nsSig)
	info := sig.CreateElement("ds:SignedInfo")
	info.CreateElement("ds:CanonicalizationMethod").CreateAttr("Algorithm", exclusive)
	info.CreateElement("ds:SignatureMethod").CreateAttr("Algorithm", s.method)
	for _, r := range s.references {
		ref := info.CreateElement("ds:Reference")
		ref.CreateAttr("URI", r.uri)
		transforms := ref.CreateElement("ds:Transforms")
		for _, t := range r.transforms {
			writeTransform(transforms, t)
		}
		ref.CreateElement("ds:DigestMethod").CreateAttr("Algorithm", s.digest)
		h := hashes()[s.digest].New()
		if !r.empty {
			h.Write(canonical(r.covers))
		}
		value := base64.StdEncoding.EncodeToString(h.Sum(nil))
		if r.write != nil {
			value = r.write(value)
		}
		ref.CreateElement("ds:DigestValue").SetText(value)
	}
	value := sig.CreateElement("ds:SignatureValue")
	value.SetText(base64.StdEncoding.EncodeToString(signBytes(s.key, s.method, canonical(info))))
	keyInfo := sig.CreateElement("ds:KeyInfo")
	if s.keyInfo != nil {
		s.keyInfo(keyInfo)
	} else {
		writeCertificate(keyInfo, s.key)
	}
	el.InsertChildAt(at, sig)
}

func writeTransform(parent *etree.Element, algorithm string) {
	t := parent.CreateElement("ds:Transform")
	t.CreateAttr("Algorithm", algorithm)
	switch algorithm {
	case transformXP:
		t.CreateElement("ds:XPath").SetText("not(ancestor-or-self::ds:Signature)")
	case transformXS:
		sheet := t.CreateElement("xsl:stylesheet")
		sheet.CreateAttr("xmlns:xsl", "http://www.w3.org/1999/XSL/Transform")
		sheet.CreateAttr("version", "1.0")
		template := sheet.CreateElement("xsl:template")
		template.CreateAttr("match", "/")
		template.CreateElement("xsl:copy-of").CreateAttr("select", ".")
	}
}

func writeCertificate(info *etree.Element, k *key) {
	info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(k.cert.Raw))
}

// hashes are the hashes behind digests and signatures.
func hashes() map[string]crypto.Hash {
	return map[string]crypto.Hash{
		digestSHA1: crypto.SHA1, digestSHA2: crypto.SHA256, nsEnc + "sha512": crypto.SHA512,
		"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,

		rsaSHA1: crypto.SHA1, RSASHA256: crypto.SHA256, RSASHA384: crypto.SHA384, RSASHA512: crypto.SHA512, ECDSASHA256: crypto.SHA256,
	}
}

// digestOf is the digest that goes with an algorithm of signatures.
func digestOf(method string) string {
	switch method {
	case RSASHA384:
		return "http://www.w3.org/2001/04/xmldsig-more#sha384"
	case RSASHA512:
		return nsEnc + "sha512"
	}
	return digestSHA2
}

// signBytes signs with what the URI of an algorithm means. One that means nothing is signed as RSA with SHA-256: a verifier that
// falls back to that would be content.
func signBytes(k *key, method string, text []byte) []byte {
	if method == hmacSHA256 {
		mac := hmac.New(sha256.New, k.cert.Raw)
		mac.Write(text)
		return mac.Sum(nil)
	}
	hash := crypto.SHA256
	if h, ok := hashes()[method]; ok {
		hash = h
	}
	h := hash.New()
	h.Write(text)
	switch private := k.signer.(type) {
	case *rsa.PrivateKey:
		b, err := rsa.SignPKCS1v15(rand.Reader, private, hash, h.Sum(nil))
		if err != nil {
			panic(err) // the key and the hash are ours
		}
		return b
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
		if err != nil {
			panic(err) // as above
		}
		return append(fill(r), fill(s)...)
	}
	panic("ssotest: a key that is neither RSA nor ECDSA")
}

func fill(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

// checkBytes tells whether a certificate's key signed a text, for requests of products.
func checkBytes(public crypto.PublicKey, method string, text, sig []byte) bool {
	hash, ok := hashes()[method]
	if !ok || hash == crypto.SHA1 {
		return false
	}
	h := hash.New()
	h.Write(text)
	switch k := public.(type) {
	case *rsa.PublicKey:
		return method != ECDSASHA256 && rsa.VerifyPKCS1v15(k, hash, h.Sum(nil), sig) == nil
	case *ecdsa.PublicKey:
		return method == ECDSASHA256 && len(sig) == 64 &&
			ecdsa.Verify(k, h.Sum(nil), new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	}
	return false
}
