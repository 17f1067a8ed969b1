// Package saml speaks SAML 2.0 to the identity providers of companies, as a service provider does. It is a protocol of package sso.
//
// Make a [Protocol] with [New], name it in sso.Config.Protocols, and let [ReadMetadata] make the settings of a connection from what
// the company's administrator brings; [Presets] say what to copy where. From then on sso.Manager calls everything else.
//
// What it keeps to:
//
//   - A request has an ID of its own, 130 random bits, and asks for an answer by POST at the one address of its connection. It says
//     nothing about the person.
//   - What we sign is signed with SHA-256, by the first of Config.Keys. By the Redirect binding the very octets of the query are signed.
//   - What others have signed is checked with the certificates of the connection alone. A key that turns up in metadata by itself
//     waits for an administrator, and so does another address to send people to, unless the metadata is signed by a key that
//     the administrator has named.
//   - An answer is read by a strict parser of a small part of XML, and must have one signed assertion. Who somebody is, and every rule about it, is
//     read from the bytes that were digested. It counts for ten minutes after it was made; clocks may be off by two.
//   - A person's name is the NameID with its format and qualifiers, or the attribute that the connection names; a transient NameID
//     alone is none. An address is that of the attribute that the connection names, or else a NameID of the format emailAddress, or else
//     an attribute with one of the usual names; several addresses are none.
//   - Messages of single logout count only if they are signed, for our address, new and unused.
//
// The lifetime written in a provider's certificate ends nothing: the company has named the key, and it counts until the company
// names another. [Protocol.Warnings] says when such a certificate runs out, for those providers that do mind.
//
// It speaks the Redirect and POST bindings, neither artifacts nor SOAP, and is nobody's identity provider.
package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/internal/fetch"
)

// Config says what all connections share. The zero value works, with what it says of Keys.
type Config struct {
	// Keys are ours. The first signs, those of RSA decrypt, and all are in our metadata, so that a new key can be published before it
	// is used: add it behind the old one, and change places when the providers have read it. None: requests cannot be signed,
	// assertions cannot be encrypted, and there is no single logout.
	Keys []KeyPair

	// HTTP fetches metadata. Nil: a client that takes https alone, and reaches neither this machine nor private networks. Another must see
	// to that itself: administrators of companies say where it goes.
	HTTP *http.Client
}

// A KeyPair is a key of ours with its certificate. Providers use the key and seldom look at anything else of the certificate.
type KeyPair struct {
	Key         crypto.Signer // RSA of 2048 bits or more, which decrypts too where it is a crypto.Decrypter; or ECDSA on P-256, P-384 or P-521
	Certificate *x509.Certificate
}

// Protocol is SAML. It is safe for concurrent use.
type Protocol struct {
	keys     []KeyPair
	http     *http.Client
	deflater sync.Pool // of *flate.Writer: each has half a megabyte
}

// New checks the Config and returns a Protocol.
func New(cfg Config) (*Protocol, error) {
	for i, k := range cfg.Keys {
		if err := k.check(); err != nil {
			return nil, fmt.Errorf("saml: Config.Keys[%d]: %w", i, err)
		}
	}
	p := &Protocol{keys: append([]KeyPair(nil), cfg.Keys...), http: cfg.HTTP}
	if p.http == nil {
		way, err := fetch.New(fetch.Config{MaxBytes: longestMetadata + 1})
		if err != nil {
			return nil, fmt.Errorf("saml: making the client: %w", err)
		}
		p.http = way.HTTP()
	}
	return p, nil
}

// Name implements sso.Protocol.
func (p *Protocol) Name() string { return "saml" }

func (k KeyPair) check() error {
	if k.Key == nil || k.Certificate == nil {
		return errors.New("both Key and Certificate are required")
	}
	public := k.Key.Public()
	if err := checkKey(public); err != nil {
		return err
	}
	if !public.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Certificate.PublicKey) { // both kinds have it
		return errors.New("the Certificate is of another key")
	}
	return nil
}

// checkKey refuses keys that are too weak to sign with, whoever's they are.
func checkKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return fmt.Errorf("an RSA key of %d bits; 2048 to 8192 are taken", bits)
		}
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
		default:
			return fmt.Errorf("an ECDSA key on %s; P-256, P-384 and P-521 are taken", key.Params().Name)
		}
	default:
		return fmt.Errorf("a key of the kind %T; RSA and ECDSA are taken", key)
	}
	return nil
}

// NewKeyPair makes an RSA key with a certificate signed by itself, which says that it is good for life from now on.
func NewKeyPair(commonName string, now time.Time, life time.Duration) (KeyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return KeyPair{}, fmt.Errorf("saml: making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return KeyPair{}, fmt.Errorf("saml: making a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    now.Add(-time.Hour), // others' clocks may be behind
		NotAfter:     now.Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("saml: making a certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return KeyPair{}, fmt.Errorf("saml: making a certificate: %w", err)
	}
	return KeyPair{Key: key, Certificate: c}, nil
}

// ParseKeyPair reads a pair from PEM: a private key that is not encrypted (PKCS #8, PKCS #1 or SEC 1) and a certificate, in any order.
func ParseKeyPair(text []byte) (KeyPair, error) {
	var k KeyPair
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var err error
		switch block.Type {
		case "CERTIFICATE":
			if k.Certificate == nil { // what follows are those of authorities
				k.Certificate, err = x509.ParseCertificate(block.Bytes)
			}
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			if k.Key != nil {
				return KeyPair{}, errors.New("saml: reading a key pair: two private keys")
			}
			k.Key, err = parseKey(block)
		}
		if err != nil {
			return KeyPair{}, fmt.Errorf("saml: reading a key pair: %w", err)
		}
	}
	if err := k.check(); err != nil {
		return KeyPair{}, fmt.Errorf("saml: reading a key pair: %w", err)
	}
	return k, nil
}

func parseKey(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read") // what x509 says may repeat some of it
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of the kind %T cannot sign", key)
	}
	return signer, nil
}

// PEM writes the pair as ParseKeyPair reads it. The key must be one that Go holds itself.
func (k KeyPair) PEM() ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, fmt.Errorf("saml: writing a key pair: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.Key)
	if err != nil {
		return nil, errors.New("saml: writing a key pair: the key does not leave where it is kept")
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw})...), nil
}

// memory is what Begin and Logout keep in sso.Departure.Memory, as JSON.
type memory struct {
	ID string `json:"id"` // of the request, which the answer must name
}

// A nameID is how a provider names somebody, as it was written in the assertion. As JSON it is sso.Login.Token: single logout must
// repeat all of it.
type nameID struct {
	Value           string `json:"value"`
	Format          string `json:"format,omitempty"`
	NameQualifier   string `json:"nq,omitempty"`
	SPNameQualifier string `json:"spnq,omitempty"`
}

// subjectOf makes one text of a name, for sso.Identity.Subject. Two names have the same text only if all four parts are equal: each
// is escaped, and the bars between them are not. Nothing is lower-cased: whether two spellings are one person is the provider's
// to know.
func subjectOf(n nameID) string {
	return url.QueryEscape(n.Format) + "|" + url.QueryEscape(n.NameQualifier) + "|" + url.QueryEscape(n.SPNameQualifier) + "|" + url.QueryEscape(n.Value)
}

// Names of the standards.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsDsig      = "http://www.w3.org/2000/09/xmldsig#"

	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	bindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

	statusSuccess       = "urn:oasis:names:tc:SAML:2.0:status:Success"
	statusResponder     = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	statusPartialLogout = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"

	formatEmail      = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatPersistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient  = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	formatEntity     = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

	algRSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	algSHA256      = "http://www.w3.org/2001/04/xmlenc#sha256"
	algExclusive   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algEnveloped   = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

	paramRequest  = "SAMLRequest"
	paramResponse = "SAMLResponse"
	paramRelay    = "RelayState"

	longestRelayState = 80 // bytes; Bindings 3.4.3
	timeFormat        = "2006-01-02T15:04:05Z"
)
