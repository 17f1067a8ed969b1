package ssotest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// A key signs, and has a certificate that says so.
type key struct {
	id     string
	signer crypto.Signer
	cert   *x509.Certificate
}

// keys are the keys of one protocol: the one that signs, those that are published beside it.
type keys struct {
	signs  *key
	others []*key
	next   *key // announced, and not signing yet
}

// published are the keys that metadata and JWKS name, the one that signs first.
func (k keys) published() []*key {
	all := append([]*key{k.signs}, k.others...)
	if k.next != nil {
		all = append(all, k.next)
	}
	return all
}

func (k *keys) roll(next *key) {
	if k.next != nil {
		next, k.next = k.next, nil
	}
	if k.signs != nil {
		k.others = append([]*key{k.signs}, k.others...)
	}
	k.signs = next
}

// RollKeys signs with new keys from now on. The old ones stay published until DropOldKeys.
func (p *Provider) RollKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samlKeyLocked()
	p.openidKeyLocked()
	p.saml.roll(p.newSAMLKey())
	p.openid.roll(p.newKey())
	p.curve.roll(p.newCurveKey())
}

// AnnounceKeys publishes the keys that the next RollKeys begins to use, as careful providers do.
func (p *Provider) AnnounceKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samlKeyLocked()
	p.openidKeyLocked()
	p.saml.next, p.openid.next, p.curve.next = p.newSAMLKey(), p.newKey(), p.newCurveKey()
}

// DropOldKeys publishes only the keys that sign.
func (p *Provider) DropOldKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saml.others, p.openid.others, p.curve.others = nil, nil, nil
}

// Certificate is the certificate that SAML answers are signed with, as PEM.
func (p *Provider) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.samlKey().cert.Raw})
}

func (p *Provider) samlKey() *key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.samlKeyLocked()
}

// samlKeyLocked makes the key when it is first needed: a test of OpenID alone does not wait for it.
func (p *Provider) samlKeyLocked() *key {
	if p.saml.signs == nil {
		p.saml.signs = p.newSAMLKey()
	}
	return p.saml.signs
}

func (p *Provider) openidKeyLocked() *key {
	if p.openid.signs == nil {
		p.openid.signs, p.curve.signs = p.newKey(), p.newCurveKey()
	}
	if p.settings.TokenAlgorithm == "ES256" {
		return p.curve.signs
	}
	return p.openid.signs
}

func (p *Provider) newKey() *key {
	return newKey(rsaKey(2048), p.cfg.Name, p.now(), 5*365*24*time.Hour)
}
func (p *Provider) newCurveKey() *key {
	return newKey(curveKey(), p.cfg.Name, p.now(), 5*365*24*time.Hour)
}

// newSAMLKey is a key for the algorithm that the settings name.
func (p *Provider) newSAMLKey() *key {
	if p.settings.SignatureMethod == ECDSASHA256 {
		return p.newCurveKey()
	}
	return p.newKey()
}

// rsaKey makes a key. A size of which the standard library disapproves is what somebody wants to see refused.
func rsaKey(bits int) crypto.Signer {
	if bits < 1024 {
		panic("ssotest: no key is that small")
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err) // a broken source of randomness, or a size that nobody asks for
	}
	return k
}

func curveKey() crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // as above
	}
	return k
}

// newKey gives a key a certificate that it signed itself, as those of identity providers are.
func newKey(signer crypto.Signer, name string, from time.Time, d time.Duration) *key {
	id := random()
	serial, _ := new(big.Int).SetString(id, 16)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name + " sign-in"},
		NotBefore: from.Add(-time.Hour), NotAfter: from.Add(d), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		panic(err) // the template is ours
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // it is ours too
	}
	return &key{id: id[:8], signer: signer, cert: cert}
}

// publicPEM is a public key as it is written into files, and as a verifier that mixes up its keys would use it.
func publicPEM(k *key) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		panic(err) // the key is ours
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
