package socialtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
)

// A key signs tokens.
type key struct {
	id     string
	signer crypto.Signer
}

// keys are the keys of a provider, by their place: the first one signs, the others are published beside it.
type keys []*key

// RollKeys signs with a new key from now on. The old ones stay published until DropOldKeys.
func (p *Provider) RollKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keyLocked()
	p.rsa = append(keys{rsaKey()}, p.rsa...)
	p.curve = append(keys{curveKey()}, p.curve...)
}

// DropOldKeys publishes only the keys that sign.
func (p *Provider) DropOldKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keyLocked()
	p.rsa, p.curve = p.rsa[:1], p.curve[:1]
}

// keyLocked is the key that signs. Keys are made when they are first needed.
func (p *Provider) keyLocked() *key {
	if p.rsa == nil {
		p.rsa, p.curve = keys{rsaKey()}, keys{curveKey()}
	}
	if p.settings.TokenAlgorithm == "ES256" {
		return p.curve[0]
	}
	return p.rsa[0]
}

// strangerLocked is a key that nobody publishes, under another id each time: an attacker has as many as there are numbers.
func (p *Provider) strangerLocked() *key {
	if p.stranger == nil {
		p.stranger = rsaKey()
	}
	return &key{random()[:10], p.stranger.signer}
}

func rsaKey() *key {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // a broken source of randomness
	}
	return &key{random()[:10], k}
}

func curveKey() *key {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // as above
	}
	return &key{random()[:10], k}
}

// algorithm is what JOSE calls the algorithm of a key.
func (k *key) algorithm() string {
	if _, ok := k.signer.(*rsa.PrivateKey); ok {
		return "RS256"
	}
	return "ES256"
}

// publicJWK is a key as it is published.
func publicJWK(k *key) Claims {
	c := Claims{}
	c.SetString("kid", k.id)
	c.SetString("use", "sig")
	c.SetString("alg", k.algorithm())
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		c.SetString("kty", "RSA")
		c.SetString("n", encode(public.N.Bytes()))
		c.SetString("e", encode(big.NewInt(int64(public.E)).Bytes()))
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err) // the curve is one of the library's
		}
		c.SetString("kty", "EC")
		c.SetString("crv", "P-256")
		c.SetString("x", encode(point[1:33]))
		c.SetString("y", encode(point[33:]))
	}
	return c
}

// publicPEM is a public key as it is written into files, and as a verifier that mixes up its keys would use it.
func publicPEM(k *key) []byte {
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		panic(err) // the key is ours
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
