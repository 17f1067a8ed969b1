package mfa

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"time"
)

// What authenticator apps agree on without being told: SHA-1, six digits, thirty seconds. SHA-1 is not used as a hash here but in
// an HMAC, where its collisions do not matter (RFC 4226, appendix B.2).
const (
	secretLen = 20 // bytes: 160 bits, as RFC 4226 advises
	stepLen   = 30 // seconds
	skew      = 1  // time steps that a phone's clock may be early or late
	noStep    = -1
)

// A secret is what an app and this program share.
type secret [secretLen]byte

// stepAt is the number of the time step of an instant (RFC 6238, 4.2).
func stepAt(t time.Time) int64 { return t.Unix() / stepLen }

// match answers the time step around now whose code this is, or noStep. Every step of the window is computed and compared, whatever
// the others gave, and only numbers are compared: the time taken tells nothing. Where two steps have the same code it is the later
// one: with the earlier, the same digits would count a second time.
func match(key *secret, now time.Time, code uint32) int64 {
	at := stepAt(now)
	h := padded(key)
	found := noStep
	for i := range 2*skew + 1 {
		same := subtle.ConstantTimeEq(int32(h.number(at-skew+int64(i))%1_000_000), int32(code))
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found == noStep {
		return noStep
	}
	return at - skew + int64(found)
}

// A hotp holds what the two hashes of an HMAC (RFC 2104) read: the padded key, and room for the rest. It is written out for a key of
// one length and a counter, because crypto/hmac allocates for every new key.
type hotp struct {
	inner [sha1.BlockSize + 8]byte
	outer [sha1.BlockSize + sha1.Size]byte
}

func padded(key *secret) (h hotp) {
	for i := range sha1.BlockSize {
		h.inner[i], h.outer[i] = 0x36, 0x5c
	}
	for i, b := range key {
		h.inner[i] ^= b
		h.outer[i] ^= b
	}
	return h
}

// number is that of a counter before it is cut to digits (RFC 4226, 5.3).
func (h *hotp) number(counter int64) uint32 {
	binary.BigEndian.PutUint64(h.inner[sha1.BlockSize:], uint64(counter))
	sum := sha1.Sum(h.inner[:])
	copy(h.outer[sha1.BlockSize:], sum[:])
	sum = sha1.Sum(h.outer[:])
	at := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
}
