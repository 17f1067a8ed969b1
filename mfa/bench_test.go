package mfa_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"hash"
	"image/png"
	"io"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/mfa"
)

// BenchmarkTOTP measures the check of a wrong code, which is what a guesser sends: the comparison with all steps of the window beside
// its floor (three bare HMACs of a key that was made ready before) and beside another library, and the whole of Verify over memory.
func BenchmarkTOTP(b *testing.B) {
	key := [20]byte([]byte(rfcSecret))
	now := time.Unix(1_800_000_010, 0)
	const wrong = 1
	b.Run("floor", func(b *testing.B) {
		f := floor{h: hmac.New(sha1.New, key[:])}
		b.ReportAllocs()
		for b.Loop() {
			if f.match(now, wrong) {
				b.Error("a wrong code was accepted")
			}
		}
	})
	b.Run("match", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if mfa.Match(key, now, wrong) >= 0 {
				b.Error("a wrong code was accepted")
			}
		}
	})
	b.Run("pquerna", func(b *testing.B) {
		secret := base32.StdEncoding.EncodeToString(key[:])
		opts := totp.ValidateOpts{Period: 30, Skew: 1, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
		b.ReportAllocs()
		for b.Loop() {
			if ok, _ := totp.ValidateCustom("000001", secret, now, opts); ok {
				b.Error("a wrong code was accepted")
			}
		}
	})
	b.Run("Verify", func(b *testing.B) {
		c := newClock()
		apps, err := mfa.NewTOTP(mfa.TOTPConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}, Issuer: "Sallyport", Now: c.Now,
			Budget: mfa.Budget{Burst: 1 << 40, Limit: 1 << 40}})
		if err != nil {
			b.Fatal(err)
		}
		bad := setUp(b, apps, c, "ann").wrong(c.now)
		b.ReportAllocs()
		for b.Loop() {
			if err := apps.Verify(b.Context(), "ann", bad); err != mfa.ErrWrong {
				b.Errorf("Verify = %v, want ErrWrong", err)
			}
		}
	})
}

// A floor is the least that gives the answer: three codes, compared in constant time.
type floor struct {
	h       hash.Hash
	counter [8]byte
	sum     [sha1.Size]byte
}

func (f *floor) match(now time.Time, code uint32) bool {
	found := 0
	for i := int64(-1); i <= 1; i++ {
		binary.BigEndian.PutUint64(f.counter[:], uint64(now.Unix()/30+i))
		f.h.Reset()
		f.h.Write(f.counter[:])
		sum := f.h.Sum(f.sum[:0])
		at := sum[19] & 15
		found |= subtle.ConstantTimeEq(int32(binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000), int32(code))
	}
	return found == 1
}

// BenchmarkCode measures a wrong mailed code and a wrong recovery code, over memory.
func BenchmarkCode(b *testing.B) {
	c := newClock()
	b.Run("mailed", func(b *testing.B) {
		codes, err := mfa.NewCodes(mfa.CodesConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}, Now: c.Now, Rules: mfa.CodeRules{Tries: 1 << 40}})
		if err != nil {
			b.Fatal(err)
		}
		bad := other(send(b, codes, forAnn).Code)
		b.ReportAllocs()
		for b.Loop() {
			if err := codes.Check(b.Context(), forAnn, bad); err != mfa.ErrWrong {
				b.Errorf("Check = %v, want ErrWrong", err)
			}
		}
	})
	b.Run("recovery", func(b *testing.B) {
		r, err := mfa.NewRecovery(mfa.RecoveryConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}, Now: c.Now,
			Budget: mfa.Budget{Burst: 1 << 40, Limit: 1 << 40}})
		if err != nil {
			b.Fatal(err)
		}
		newSet(b, r, "ann")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Verify(b.Context(), "ann", "abcde-fghjk"); err != mfa.ErrWrong {
				b.Errorf("Verify = %v, want ErrWrong", err)
			}
		}
	})
}

// BenchmarkQR measures the picture of a set-up, beside the one that pquerna/otp makes with the same encoder.
func BenchmarkQR(b *testing.B) {
	c := newClock()
	p, err := newTOTP(b, c, mfa.NewMemory()).Begin("ann", "ann@acme.example")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("QR", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mfa.QR(p.URI); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pquerna", func(b *testing.B) {
		key, err := otp.NewKeyFromURL(p.URI)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			picture, err := key.Image(265, 265)
			if err == nil {
				err = png.Encode(io.Discard, picture)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
