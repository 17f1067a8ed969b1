package socialtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Claims are the members of a JSON object, each as it is written.
type Claims map[string]json.RawMessage

// set writes a member as JSON. A value that JSON cannot hold ends the program: it stands in the test.
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

// some writes a member where there is something to write.
func (c Claims) some(name, value string) {
	if value != "" {
		c.SetString(name, value)
	}
}

// A signed token in the making.
type signed struct {
	grant  grant
	victim Person
	header Claims
	claims Claims
	key    *key
	secret []byte // for the HS algorithms
	ready  string // sent instead
}

// text signs a token, with what its header says or as near as the key allows.
func (t *signed) text() string {
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

func (t *signed) signature(input string) []byte {
	alg := t.header.String("alg")
	switch {
	case strings.EqualFold(alg, "none"):
		return nil
	case alg == "HS256":
		mac := hmac.New(sha256.New, t.secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	sum := sha256.Sum256([]byte(input))
	switch k := t.key.signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			panic(err) // the key is ours
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		b, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
		if err != nil {
			panic(err) // as above
		}
		return b
	}
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// halfHash is at_hash: the left half of the digest.
func halfHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return encode(sum[:16])
}
