package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// KeySize is the length of every key in a ring.
const KeySize = 32

// keyIDLen bytes name the key that sealed a value, so that a value of a retired key is told from a damaged one.
const keyIDLen = 4

// Errors of Open. Neither says more than that the value cannot be used.
var (
	ErrUnknownKey = errors.New("token: sealed with a key that is not in the ring")
	ErrDamaged    = errors.New("token: sealed value is damaged, or was sealed for something else")
)

// A Ring holds the host's keys. The first seals and makes MACs; all of them open and check.
// Every purpose works with a key derived for it alone (HKDF-SHA256, RFC 5869). A Ring is safe for concurrent use.
type Ring struct {
	keys []ringKey
}

type ringKey struct {
	id     [keyIDLen]byte
	secret []byte
	mac    []byte // derived once: MACs are made several times in a step
}

// NewRing checks the keys and returns a ring of them. Each must have 32 bytes, and none may be repeated or be one byte over and over.
func NewRing(keys [][]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, errors.New("token: the key ring is empty: give at least one random key of 32 bytes")
	}
	r := &Ring{}
	for i, k := range keys {
		if len(k) != KeySize {
			return nil, fmt.Errorf("token: key %d has %d bytes, want %d", i, len(k), KeySize)
		}
		if weak(k) {
			return nil, fmt.Errorf("token: key %d is not random: it has fewer than 8 different bytes", i)
		}
		for j := range i {
			if hmac.Equal(keys[j], k) {
				return nil, fmt.Errorf("token: keys %d and %d are the same", j, i)
			}
		}
		rk := ringKey{secret: append([]byte(nil), k...)}
		rk.mac = derive(rk.secret, "mac", 32)
		copy(rk.id[:], derive(rk.secret, "key id", keyIDLen))
		r.keys = append(r.keys, rk)
	}
	return r, nil
}

// weak tells a key that a person typed from one that a generator made: 32 random bytes have fewer than 8 different ones
// less than once in 2^100.
func weak(k []byte) bool {
	seen := map[byte]bool{}
	for _, b := range k {
		seen[b] = true
	}
	return len(seen) < 8
}

// Derive returns a key of n bytes (at most 64) for one purpose, from the first key of the ring.
func (r *Ring) Derive(purpose string, n int) []byte { return derive(r.keys[0].secret, purpose, n) }

// DeriveAll is Derive for every key of the ring, in their order: for libraries that rotate keys themselves.
func (r *Ring) DeriveAll(purpose string, n int) [][]byte {
	out := make([][]byte, len(r.keys))
	for i, k := range r.keys {
		out[i] = derive(k.secret, purpose, n)
	}
	return out
}

func derive(secret []byte, purpose string, n int) []byte {
	k, err := hkdf.Key(sha256.New, secret, nil, "sallyport "+purpose, n)
	if err != nil {
		return nil // only for n beyond 255 hashes, which no caller in this module asks for
	}
	return k
}

// Seal encrypts a value (AES-256-GCM) so that Open gives it back only for the same purpose and owner.
func (r *Ring) Seal(purpose, owner string, plain []byte) ([]byte, error) {
	k := r.keys[0]
	gcm, err := sealer(k.secret, purpose)
	if err != nil {
		return nil, err
	}
	out := make([]byte, keyIDLen+gcm.NonceSize(), keyIDLen+gcm.NonceSize()+len(plain)+gcm.Overhead())
	copy(out, k.id[:])
	rand.Read(out[keyIDLen:])
	return gcm.Seal(out, out[keyIDLen:], plain, bind(purpose, owner)), nil
}

// Open gives back what Seal was given. ErrUnknownKey: the key has left the ring. ErrDamaged: anything else.
func (r *Ring) Open(purpose, owner string, sealed []byte) ([]byte, error) {
	if len(sealed) < keyIDLen {
		return nil, ErrDamaged
	}
	failure := ErrUnknownKey
	for _, k := range r.keys {
		if [keyIDLen]byte(sealed[:keyIDLen]) != k.id {
			continue
		}
		failure = ErrDamaged // unless another key happens to have the same short id
		gcm, err := sealer(k.secret, purpose)
		if err != nil {
			return nil, err
		}
		rest := sealed[keyIDLen:]
		if len(rest) < gcm.NonceSize() {
			continue
		}
		if plain, err := gcm.Open(nil, rest[:gcm.NonceSize()], rest[gcm.NonceSize():], bind(purpose, owner)); err == nil {
			return plain, nil
		}
	}
	return nil, failure
}

func sealer(secret []byte, purpose string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(derive(secret, "seal "+purpose, 32))
	if err != nil {
		return nil, fmt.Errorf("token: making the cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// MAC returns the keyed hash of the parts for one purpose: what is stored of a short code, or the key of a counter.
// The parts cannot run into each other: ("ab", "c") and ("a", "bc") differ.
func (r *Ring) MAC(purpose string, parts ...string) [32]byte {
	return r.keys[0].sum(purpose, parts)
}

// MACs is MAC under every key of the ring, the sealing one first: for what must be found again while keys are being changed.
func (r *Ring) MACs(purpose string, parts ...string) [][32]byte {
	all := make([][32]byte, len(r.keys))
	for i, k := range r.keys {
		all[i] = k.sum(purpose, parts)
	}
	return all
}

// CheckMAC tells whether any key of the ring makes this MAC of the parts. It compares in constant time.
func (r *Ring) CheckMAC(got [32]byte, purpose string, parts ...string) bool {
	ok := false
	for _, k := range r.keys {
		want := k.sum(purpose, parts)
		ok = hmac.Equal(got[:], want[:]) || ok
	}
	return ok
}

// sum is the MAC; the purpose stands bound before the parts.
func (k ringKey) sum(purpose string, parts []string) [32]byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(bind(purpose))
	h.Write(bind(parts...))
	return [32]byte(h.Sum(nil))
}

// bind writes each part behind its length, so that no two lists of parts have the same bytes.
func bind(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}
