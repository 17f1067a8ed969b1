package token_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/token"
)

func newKey() []byte {
	k := make([]byte, token.KeySize)
	rand.Read(k)
	return k
}

func newRing(t testing.TB, keys ...[]byte) *token.Ring {
	t.Helper()
	r, err := token.NewRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewRing(t *testing.T) {
	key := newKey()
	for _, tt := range []struct {
		name string
		keys [][]byte
		want string // in the error; empty: none
	}{
		{"one key", [][]byte{key}, ""},
		{"three keys", [][]byte{newKey(), key, newKey()}, ""},
		{"no key", nil, "empty"},
		{"a short key", [][]byte{key, key[:31]}, "key 1 has 31 bytes"},
		{"a long key", [][]byte{append(newKey(), 0)}, "key 0 has 33 bytes"},
		{"a key of zeros", [][]byte{make([]byte, 32)}, "key 0 is not random"},
		{"a key that somebody typed", [][]byte{[]byte(strings.Repeat("changeme", 4))}, "key 0 is not random"},
		{"the same key twice", [][]byte{key, newKey(), key}, "keys 0 and 2 are the same"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := token.NewRing(tt.keys)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("NewRing = %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("NewRing = %v, want an error with %q", err, tt.want)
			}
		})
	}
	t.Run("the caller's bytes may change afterwards", func(t *testing.T) {
		mine := newKey()
		ring := newRing(t, mine)
		before := ring.Derive("test", 32)
		clear(mine)
		if !bytes.Equal(ring.Derive("test", 32), before) {
			t.Error("the ring shares its key with the caller")
		}
	})
}

func TestDerive(t *testing.T) {
	one, two := newKey(), newKey()
	ring := newRing(t, one, two)
	a := ring.Derive("cookies", 64)
	if len(a) != 64 || !bytes.Equal(a, newRing(t, one).Derive("cookies", 64)) {
		t.Error("Derive is not decided by the first key and the purpose")
	}
	if bytes.Equal(a, ring.Derive("links", 64)) || bytes.Equal(a, newRing(t, two).Derive("cookies", 64)) {
		t.Error("another purpose or key derives the same")
	}
	if bytes.Equal(a[:32], one) {
		t.Error("Derive gives the key itself away")
	}
	all := ring.DeriveAll("cookies", 64)
	if len(all) != 2 || !bytes.Equal(all[0], a) || !bytes.Equal(all[1], newRing(t, two).Derive("cookies", 64)) {
		t.Error("DeriveAll is not Derive for every key in order")
	}
}

func TestSeal(t *testing.T) {
	old, current := newKey(), newKey()
	ring := newRing(t, current, old)
	plain := []byte("JBSWY3DPEHPK3PXP")
	seal := func(t *testing.T, r *token.Ring) []byte {
		t.Helper()
		sealed, err := r.Seal("totp", "ann", plain)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	t.Run("opens for the same purpose and owner", func(t *testing.T) {
		for _, want := range [][]byte{plain, nil, bytes.Repeat([]byte("x"), 5000)} {
			sealed, err := ring.Seal("totp", "ann", want)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ring.Open("totp", "ann", sealed); err != nil || !bytes.Equal(got, want) {
				t.Errorf("Open = %q, %v, want %q", got, err, want)
			}
			if len(want) > 0 && bytes.Contains(sealed, want) {
				t.Error("the value stands in what was sealed")
			}
		}
	})
	t.Run("is never the same twice", func(t *testing.T) {
		if bytes.Equal(seal(t, ring), seal(t, ring)) {
			t.Error("two seals of one value are the same")
		}
	})
	t.Run("a retired key still opens, and a removed one is told", func(t *testing.T) {
		sealed := seal(t, newRing(t, old))
		if got, err := ring.Open("totp", "ann", sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open = %q, %v, want the value", got, err)
		}
		if got, err := newRing(t, current).Open("totp", "ann", sealed); !errors.Is(err, token.ErrUnknownKey) || got != nil {
			t.Errorf("Open without the key = %q, %v, want ErrUnknownKey", got, err)
		}
	})
	t.Run("the first key seals", func(t *testing.T) {
		if _, err := newRing(t, current).Open("totp", "ann", seal(t, ring)); err != nil {
			t.Errorf("Open with the first key alone = %v", err)
		}
	})
	t.Run("nothing else opens it", func(t *testing.T) {
		sealed := seal(t, ring)
		for _, tt := range []struct{ purpose, owner string }{{"totp", "bob"}, {"client", "ann"}, {"totp", ""}, {"", "ann"}, {"totpann", ""}} {
			if got, err := ring.Open(tt.purpose, tt.owner, sealed); !errors.Is(err, token.ErrDamaged) || got != nil {
				t.Errorf("Open(%q, %q) = %q, %v, want ErrDamaged", tt.purpose, tt.owner, got, err)
			}
		}
	})
	t.Run("every changed byte and every cut is noticed", func(t *testing.T) {
		sealed := seal(t, ring)
		for i := range sealed {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			if got, err := ring.Open("totp", "ann", changed); err == nil {
				t.Errorf("Open with byte %d changed = %q, want an error", i, got)
			}
			if got, err := ring.Open("totp", "ann", sealed[:i]); err == nil {
				t.Errorf("Open of the first %d bytes = %q, want an error", i, got)
			}
		}
	})
}

func TestMAC(t *testing.T) {
	old, current := newKey(), newKey()
	ring := newRing(t, current, old)
	mac := ring.MAC("code", "flow", "ann", "123456")
	if !ring.CheckMAC(mac, "code", "flow", "ann", "123456") {
		t.Error("CheckMAC refuses what MAC made")
	}
	if retired := newRing(t, old).MAC("code", "flow", "123456"); !ring.CheckMAC(retired, "code", "flow", "123456") {
		t.Error("CheckMAC refuses what a retired key made")
	}
	if newRing(t, old).CheckMAC(mac, "code", "flow", "ann", "123456") {
		t.Error("CheckMAC accepts what a key outside of the ring made")
	}
	for _, tt := range []struct {
		name    string
		purpose string
		parts   []string
	}{
		{"another purpose", "link", []string{"flow", "ann", "123456"}},
		{"another part", "code", []string{"flow", "ann", "123457"}},
		{"parts that run into each other", "code", []string{"flowann", "123456"}},
		{"a border elsewhere", "code", []string{"flow", "ann1", "23456"}},
		{"one part less", "code", []string{"flow", "ann"}},
		{"one empty part more", "code", []string{"flow", "ann", "123456", ""}},
		{"no part", "code", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if ring.CheckMAC(mac, tt.purpose, tt.parts...) {
				t.Errorf("CheckMAC(%q, %q) accepts the MAC of something else", tt.purpose, tt.parts)
			}
		})
	}
	changed := mac
	changed[31] ^= 1
	if ring.CheckMAC(changed, "code", "flow", "ann", "123456") {
		t.Error("CheckMAC accepts a changed MAC")
	}
}

func FuzzOpen(f *testing.F) {
	key := bytes.Repeat([]byte("0123456789abcdef"), 2)
	ring := newRing(f, key)
	sealed, err := ring.Seal("totp", "ann", []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ring.Open("totp", "ann", data)
		if err == nil && !bytes.Equal(data, sealed) && string(got) != "secret" {
			t.Errorf("Open(%x) = %q: a forged value was accepted", data, got)
		}
	})
}
