package saml_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso/saml"
)

var start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// ours, theirs and another are pairs made once: making them is what costs most in these tests.
var (
	ours    = sync.OnceValue(func() saml.KeyPair { return makePair("us") })
	theirs  = sync.OnceValue(func() saml.KeyPair { return makePair("idp") })
	another = sync.OnceValue(func() saml.KeyPair { return makePair("idp, next year") })
	curved  = sync.OnceValue(func() saml.KeyPair {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return saml.KeyPair{Key: key, Certificate: certify(key.Public(), key)}
	})
)

// weak is a pair that no provider should have.
var weak = sync.OnceValue(func() saml.KeyPair {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return saml.KeyPair{Key: key, Certificate: certify(key.Public(), key)}
})

func makePair(name string) saml.KeyPair {
	k, err := saml.NewKeyPair(name, start, 365*24*time.Hour)
	if err != nil {
		panic(err)
	}
	return k
}

func certify(public, signer any) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "test"}, NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		panic(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return c
}

func newProtocol(t testing.TB, keys ...saml.KeyPair) *saml.Protocol {
	t.Helper()
	p, err := saml.New(saml.Config{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewRefusesKeys(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		key  saml.KeyPair
		want string
	}{
		"nothing":             {saml.KeyPair{}, "Keys[1]: both Key and Certificate are required"},
		"no certificate":      {saml.KeyPair{Key: ours().Key}, "required"},
		"another certificate": {saml.KeyPair{Key: ours().Key, Certificate: theirs().Certificate}, "the Certificate is of another key"},
		"an empty one":        {saml.KeyPair{Key: ours().Key, Certificate: &x509.Certificate{}}, "the Certificate is of another key"},
		"RSA 1024":            {weak(), "1024 bits"},
		"P-224":               {saml.KeyPair{Key: p224, Certificate: certify(p224.Public(), p224)}, "P-224"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := saml.New(saml.Config{Keys: []saml.KeyPair{theirs(), row.key}})
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("New = %v, want an error with %q", err, row.want)
			}
		})
	}
	if p, err := saml.New(saml.Config{}); err != nil || p.Name() != "saml" {
		t.Errorf("New of nothing = %v, want a protocol", err)
	}
}

func TestKeyPairPEM(t *testing.T) {
	for _, k := range []saml.KeyPair{ours(), curved()} {
		text, err := k.PEM()
		if err != nil {
			t.Fatal(err)
		}
		back, err := saml.ParseKeyPair(text)
		if err != nil || !back.Certificate.Equal(k.Certificate) {
			t.Errorf("ParseKeyPair of %T = %v, want the same pair", k.Key, err)
		}
		if _, err := saml.ParseKeyPair(append(text, text...)); err == nil {
			t.Error("ParseKeyPair of two keys = nil, want an error")
		}
		if _, err := saml.ParseKeyPair(text[len(text)/2:]); err == nil {
			t.Error("ParseKeyPair of half = nil, want an error")
		}
	}
	if c := ours().Certificate; c.NotAfter != start.Add(365*24*time.Hour) {
		t.Errorf("the certificate ends at %v", c.NotAfter)
	}
}
