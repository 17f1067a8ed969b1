package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// A writer makes XML. What it makes is in canonical form already (exclusive, without comments), if namespaces are declared where they
// are first used, and attributes come in the order of their names: then the bytes are what a signature is over.
type writer struct{ b []byte }

// open begins an element. The attributes are names and values in turn; one with an empty value is left out.
func (w *writer) open(name string, attributes ...string) {
	w.b = append(append(w.b, '<'), name...)
	for i := 0; i+1 < len(attributes); i += 2 {
		if attributes[i+1] == "" {
			continue
		}
		w.b = append(append(append(w.b, ' '), attributes[i]...), `="`...)
		w.escape(attributes[i+1], true)
		w.b = append(w.b, '"')
	}
	w.b = append(w.b, '>')
}

func (w *writer) close(name string) {
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

func (w *writer) text(s string) { w.escape(s, false) }

// leaf writes an element that holds text or nothing.
func (w *writer) leaf(name, text string, attributes ...string) {
	w.open(name, attributes...)
	w.text(text)
	w.close(name)
}

// line begins a line, for documents that people read.
func (w *writer) line(depth int) {
	w.b = append(append(w.b, '\n'), "        "[:2*depth]...)
}

func (w *writer) escape(s string, attribute bool) {
	for _, r := range s {
		switch {
		case r == '&':
			w.b = append(w.b, "&amp;"...)
		case r == '<':
			w.b = append(w.b, "&lt;"...)
		case r == '\r':
			w.b = append(w.b, "&#xD;"...)
		case r == '>' && !attribute:
			w.b = append(w.b, "&gt;"...)
		case r == '"' && attribute:
			w.b = append(w.b, "&quot;"...)
		case r == '\t' && attribute:
			w.b = append(w.b, "&#x9;"...)
		case r == '\n' && attribute:
			w.b = append(w.b, "&#xA;"...)
		case !xmlRune(r):
			w.b = utf8.AppendRune(w.b, utf8.RuneError) // XML has no way to say it
		default:
			w.b = utf8.AppendRune(w.b, r)
		}
	}
}

func xmlRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF
}

// plain tells whether a text can stand in XML as it is, on one line.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F || !xmlRune(r) }) < 0
}

// algorithm is what the pair signs by.
func (k KeyPair) algorithm() string {
	if _, ok := k.Key.Public().(*ecdsa.PublicKey); ok {
		return algECDSASHA256
	}
	return algRSASHA256
}

// sign signs as XML Signature does, with SHA-256. Go writes what ECDSA makes as ASN.1; here it is two numbers of one length (XML Signature 1.1, 6.4.3).
func (k KeyPair) sign(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	signature, err := k.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("saml: signing: %w", err)
	}
	public, ok := k.Key.Public().(*ecdsa.PublicKey)
	if !ok {
		return signature, nil
	}
	var n struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &n); err != nil || len(rest) != 0 {
		return nil, errors.New("saml: signing: the key makes no ECDSA signature")
	}
	size := (public.Params().BitSize + 7) / 8
	if n.R.Sign() <= 0 || n.S.Sign() <= 0 || n.R.BitLen() > 8*size || n.S.BitLen() > 8*size {
		return nil, errors.New("saml: signing: the key makes no ECDSA signature")
	}
	signature = make([]byte, 2*size)
	n.R.FillBytes(signature[:size])
	n.S.FillBytes(signature[size:])
	return signature, nil
}

// envelop signs a document of a writer, whose root has this ID, and puts the signature where the schema wants it.
func (k KeyPair) envelop(doc []byte, at int, id string) ([]byte, error) {
	sum := sha256.Sum256(doc)
	var info writer // what stands between <ds:SignedInfo> and its end
	info.leaf("ds:CanonicalizationMethod", "", "Algorithm", algExclusive)
	info.leaf("ds:SignatureMethod", "", "Algorithm", k.algorithm())
	info.open("ds:Reference", "URI", "#"+id)
	info.open("ds:Transforms")
	info.leaf("ds:Transform", "", "Algorithm", algEnveloped)
	info.leaf("ds:Transform", "", "Algorithm", algExclusive)
	info.close("ds:Transforms")
	info.leaf("ds:DigestMethod", "", "Algorithm", algSHA256)
	info.leaf("ds:DigestValue", base64.StdEncoding.EncodeToString(sum[:]))
	info.close("ds:Reference")

	// Canonical, SignedInfo stands alone and declares its namespace; in the document, Signature has done so.
	var alone writer
	alone.open("ds:SignedInfo", "xmlns:ds", nsDsig)
	alone.b = append(alone.b, info.b...)
	alone.close("ds:SignedInfo")
	signature, err := k.sign(alone.b)
	if err != nil {
		return nil, err
	}

	var w writer
	w.b = append(w.b, doc[:at]...)
	w.open("ds:Signature", "xmlns:ds", nsDsig)
	w.open("ds:SignedInfo")
	w.b = append(w.b, info.b...)
	w.close("ds:SignedInfo")
	w.leaf("ds:SignatureValue", base64.StdEncoding.EncodeToString(signature))
	w.open("ds:KeyInfo")
	w.open("ds:X509Data")
	w.leaf("ds:X509Certificate", base64.StdEncoding.EncodeToString(k.Certificate.Raw))
	w.close("ds:X509Data")
	w.close("ds:KeyInfo")
	w.close("ds:Signature")
	return append(w.b, doc[at:]...), nil
}
