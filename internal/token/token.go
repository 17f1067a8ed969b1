// Package token makes the secrets that Sallyport hands out and the keys under which it remembers them.
//
// Call [New] for a random token, [Lookup] for the key that a presented token is stored under, and [NewRing] for
// everything that needs the host's keys: a [Ring] seals values, and makes keyed MACs of short codes.
// It uses the standard library only. It stores nothing and knows nothing of HTTP.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// A Purpose says what a token opens. Its text opens the token, so a token of one purpose is never looked up as another.
type Purpose string

const (
	Session Purpose = "ses_" // a signed-in session
	Flow    Purpose = "flw_" // a sign-in in progress
	Device  Purpose = "dev_" // a browser, across sign-ins

	// The links in letters.
	Reset         Purpose = "rst_" // a new password
	SignUp        Purpose = "sup_" // an account
	EmailChange   Purpose = "eml_" // another address
	EmailUndo     Purpose = "und_" // the old address back
	RecoveryEmail Purpose = "rcv_" // a recovery address

	// What travels to a provider and back. It opens nothing but the row of its own request.
	SSORequest    Purpose = "sso_" // a sign-in at a company's
	SSOLogout     Purpose = "slo_" // a sign-out there
	SocialRequest Purpose = "soc_" // a sign-in at one where people have accounts of their own

	// What stays between us and the browser on the way to a company.
	SSOArrival Purpose = "arr_" // an accepted answer on its way to the browser that asked
	SSOBrowser Purpose = "brw_" // the browser that asked
	SSOTicket  Purpose = "tkt_" // an answer that waits beside its flow, for the browser that has brought it
)

const (
	secretLen  = 32                          // bytes of randomness in a token
	encodedLen = (secretLen*8 + 5) / 6       // of base64 without padding
	maxLen     = 8 /* prefix */ + encodedLen // longest token there is
)

// New returns a random token of 256 bits and the key to store it under. The key does not lead back to the token.
func New(p Purpose) (plain string, key [32]byte) {
	var secret [secretLen]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the program instead
	plain = string(p) + base64.RawURLEncoding.EncodeToString(secret[:])
	key, _ = Lookup(p, plain)
	return plain, key
}

// Lookup returns the key under which a token of this purpose is stored, the SHA-256 of the whole text.
// It is false for a text that cannot be such a token: the wrong prefix or length. It does not allocate.
func Lookup(p Purpose, plain string) (key [32]byte, ok bool) {
	if len(plain) != len(p)+encodedLen || !strings.HasPrefix(plain, string(p)) {
		return key, false
	}
	if len(plain) > maxLen {
		return key, false
	}
	var buf [maxLen]byte // copied by hand so that hashing needs no allocation
	return sha256.Sum256(buf[:copy(buf[:], plain)]), true
}

// NewID returns a random name of 130 bits in lower-case letters and digits. It names a thing in lists, links and events; it opens nothing.
func NewID() string {
	var b [17]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:26]
}
