package mfa_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/mfa"
)

const rfcSecret = "12345678901234567890"

func TestHOTPVectors(t *testing.T) {
	key := [20]byte([]byte(rfcSecret))
	t.Run("R58 RFC 4226 appendix D", func(t *testing.T) {
		for counter, want := range []uint32{1284755224, 1094287082, 137359152, 1726969429, 1640338314,
			868254676, 1918287922, 82162583, 673399871, 645520489} {
			if got := mfa.HOTP(key, int64(counter)); got != want {
				t.Errorf("HOTP(%d) = %d, want %d", counter, got, want)
			}
		}
	})
	t.Run("R58 RFC 6238 appendix B", func(t *testing.T) {
		for _, tt := range []struct {
			unix int64
			want uint32 // of eight digits
		}{
			{59, 94287082}, {1111111109, 7081804}, {1111111111, 14050471},
			{1234567890, 89005924}, {2000000000, 69279037}, {20000000000, 65353130},
		} {
			if got := mfa.HOTP(key, tt.unix/30) % 100_000_000; got != tt.want {
				t.Errorf("HOTP at %d = %d, want %d", tt.unix, got, tt.want)
			}
			if got := mfa.Match(key, time.Unix(tt.unix, 0), tt.want%1_000_000); got != tt.unix/30 {
				t.Errorf("Match at %d = step %d, want %d", tt.unix, got, tt.unix/30)
			}
		}
	})
}

func TestHOTPAgainstOthers(t *testing.T) {
	t.Run("the HMAC is that of crypto/hmac", func(t *testing.T) {
		for range 1000 {
			var key [20]byte
			var counter [8]byte
			rand.Read(key[:])
			rand.Read(counter[:])
			counter[0] &= 0x7f
			h := hmac.New(sha1.New, key[:])
			h.Write(counter[:])
			sum := h.Sum(nil)
			at := sum[19] & 15
			want := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
			if got := mfa.HOTP(key, int64(binary.BigEndian.Uint64(counter[:]))); got != want {
				t.Fatalf("HOTP(%x, %x) = %d, want %d", key, counter, got, want)
			}
		}
	})
	t.Run("codes are those of oathtool", func(t *testing.T) {
		for i := range 5 {
			var key [20]byte
			rand.Read(key[:])
			now := time.Unix(1_790_000_000+int64(i)*12_345, 0)
			want := run(t, nil, "oathtool", "--totp=sha1", "--digits=6", "--now="+now.UTC().Format("2006-01-02 15:04:05 UTC"), fmt.Sprintf("%x", key))
			if got := fmt.Sprintf("%06d", mfa.HOTP(key, now.Unix()/30)%1_000_000); got != want {
				t.Errorf("code at %v = %s, want %s", now, got, want)
			}
		}
	})
	t.Run("codes are those of pquerna/otp", func(t *testing.T) {
		for i := range 200 {
			var key [20]byte
			rand.Read(key[:])
			now := time.Unix(1_790_000_000+int64(i)*777, 0)
			want, err := totp.GenerateCode(base32.StdEncoding.EncodeToString(key[:]), now)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%06d", mfa.HOTP(key, now.Unix()/30)%1_000_000); got != want {
				t.Errorf("code at %v = %s, want %s", now, got, want)
			}
		}
	})
}

func TestMatch(t *testing.T) {
	key := [20]byte([]byte(rfcSecret))
	code := func(step int64) uint32 { return mfa.HOTP(key, step) % 1_000_000 }
	const at = 60_000_000 // a step in 2027
	now := time.Unix(at*30, 0)
	t.Run("A-215 one step early and late, and no more", func(t *testing.T) {
		for off := int64(-5); off <= 5; off++ {
			want := int64(-1)
			if -1 <= off && off <= 1 {
				want = at + off
			}
			if got := mfa.Match(key, now, code(at+off)); got != want {
				t.Errorf("Match of the code %d steps away = %d, want %d", off, got, want)
			}
		}
	})
	t.Run("a clock 29 seconds early or late, at every second of a step", func(t *testing.T) {
		for second := range 30 {
			server := now.Add(time.Duration(second) * time.Second)
			for _, off := range []time.Duration{-29 * time.Second, 29 * time.Second} {
				step := server.Add(off).Unix() / 30
				if got := mfa.Match(key, server, code(step)); got != step {
					t.Errorf("second %d, phone %v off: Match = %d, want %d", second, off, got, step)
				}
			}
		}
	})
	t.Run("A-193 of two steps with the same code the later one counts", func(t *testing.T) {
		// A secret that was looked for: its codes of this step and the next are the same.
		twins := [20]byte([]byte("00000000000000008284"))
		if a, b := mfa.HOTP(twins, at)%1_000_000, mfa.HOTP(twins, at+1)%1_000_000; a != b {
			t.Fatalf("codes %06d and %06d: these are no twins", a, b)
		}
		if got := mfa.Match(twins, now, mfa.HOTP(twins, at)%1_000_000); got != at+1 {
			t.Errorf("Match = step %d, want %d: or the same digits count again", got, at+1)
		}
	})
	t.Run("zeros in front count", func(t *testing.T) {
		found := false
		for s := int64(0); s < 100 && !found; s++ {
			if c := fmt.Sprintf("%06d", code(at+s)); strings.HasPrefix(c, "0") {
				found = mfa.Match(key, now.Add(time.Duration(s)*step), code(at+s)) >= at+s
			}
		}
		if !found {
			t.Error("no code that begins with zero was accepted")
		}
	})
}
