package ssotest

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Claims are the members of a JSON object, each as it is written.
type Claims map[string]json.RawMessage

// Set writes a member as JSON. A value that JSON cannot hold ends the program: it stands in the test.
func (c Claims) set(name string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	c[name] = text
}

// SetString writes a member as a string.
func (c Claims) SetString(name, value string) { c.set(name, value) }

// String reads a member that is a string; anything else is empty.
func (c Claims) String(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

func (c Claims) time(name string, t time.Time) { c.set(name, t.Unix()) }

// An idToken is a signed token in the making.
type idToken struct {
	p      *Provider
	client Client
	grant  grant
	who    Person
	victim string
	header Claims
	claims Claims
	key    *key
	secret []byte // for the HS algorithms
	ready  string // sent instead
}

// text signs a token, with what its header says or as near as the key allows.
func (t *idToken) text() string {
	if t.ready != "" {
		return t.ready
	}
	head, err := json.Marshal(t.header)
	if err != nil {
		panic(err) // an attack wrote something that is no JSON
	}
	body, err := json.Marshal(t.claims)
	if err != nil {
		panic(err) // as above
	}
	input := encode(head) + "." + encode(body)
	return input + "." + encode(t.signature(input))
}

func (t *idToken) signature(input string) []byte {
	alg := t.header.String("alg")
	switch {
	case strings.EqualFold(alg, "none"):
		return nil
	case alg == "HS256":
		mac := hmac.New(sha256.New, t.secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	if _, ok := t.key.signer.(*ecdsa.PrivateKey); ok {
		return signBytes(t.key, ECDSASHA256, []byte(input))
	}
	return signBytes(t.key, RSASHA256, []byte(input))
}

// algorithm is what JOSE calls the algorithm of a key.
func (k *key) algorithm() string {
	if _, ok := k.signer.(*rsa.PrivateKey); ok {
		return "RS256"
	}
	return "ES256"
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// halfHash is at_hash: the left half of the digest.
func halfHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return encode(sum[:16])
}
