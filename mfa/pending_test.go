package mfa_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestPending(t *testing.T) {
	ctx := t.Context()
	t.Run("R55 it can be shown again for fifteen minutes", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		p, ph := begin(t, apps, "ann", c.now)
		c.move(15*time.Minute - time.Second)
		again, err := apps.Pending("ann", "ann@acme.example", p.Sealed)
		if err != nil || again.Secret != p.Secret || again.URI != p.URI || !bytes.Equal(again.Sealed, p.Sealed) {
			t.Errorf("Pending = %+v, %v, want what Begin made", again, err)
		}
		code := ph.code(c.now)
		if _, err := apps.Accept("ann", p.Sealed, code); err != nil {
			t.Errorf("Accept in the last second = %v", err)
		}
		c.move(time.Second)
		_, err = apps.Pending("ann", "ann@acme.example", p.Sealed)
		wantErr(t, "A-205 Pending too late", err, mfa.ErrExpired)
		_, err = apps.Accept("ann", p.Sealed, code)
		wantErr(t, "A-205 Accept too late", err, mfa.ErrExpired)
	})
	t.Run("A-205 it is this person's", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		p, ph := begin(t, apps, "ann", c.now)
		for _, userID := range []string{"bob", "", "ann "} {
			_, err := apps.Pending(userID, "bob@acme.example", p.Sealed)
			wantErr(t, "Pending for "+userID, err, mfa.ErrWrong)
			wantErr(t, "Confirm for "+userID, apps.Confirm(ctx, userID, p.Sealed, ph.code(c.now), ""), mfa.ErrWrong)
		}
	})
	t.Run("A-205 nobody makes one", func(t *testing.T) {
		c, store := newClock(), &rows{Memory: mfa.NewMemory()}
		key := newKey()
		apps := newTOTP(t, c, store, key)
		ph := setUp(t, apps, c, "ann")
		p, other := begin(t, apps, "ann", c.now)
		for name, sealed := range map[string][]byte{
			"nothing":                  nil,
			"the bare secret":          []byte(ph.secret),
			"the secret that is kept":  store.app.Sealed,
			"one of other keys":        mustBegin(t, newTOTP(t, c, mfa.NewMemory())).Sealed,
			"one that was cut":         p.Sealed[:len(p.Sealed)-1],
			"one with something added": append(bytes.Clone(p.Sealed), 0),
		} {
			for _, code := range []string{ph.code(c.now), other.code(c.now)} {
				_, err := apps.Accept("ann", sealed, code)
				wantErr(t, "Accept with "+name, err, mfa.ErrWrong)
			}
		}
		for i := range p.Sealed {
			changed := bytes.Clone(p.Sealed)
			changed[i] ^= 1
			if _, err := apps.Accept("ann", changed, other.code(c.now)); err == nil {
				t.Errorf("Accept with byte %d changed = nil, want ErrWrong", i)
			}
		}
	})
	t.Run("a set-up is no stored secret", func(t *testing.T) {
		c, key := newClock(), newKey()
		p, ph := begin(t, newTOTP(t, c, mfa.NewMemory(), key), "ann", c.now)
		db := mfa.NewMemory()
		if err := db.ReplaceTOTP(ctx, "", mfa.TOTPRecord{UserID: "ann", ID: "app", Sealed: p.Sealed}); err != nil {
			t.Fatal(err)
		}
		if err := newTOTP(t, c, db, key).Verify(ctx, "ann", ph.code(c.now)); err == nil {
			t.Error("Verify with a set-up in the place of a secret = nil, want an error")
		}
	})
	t.Run("keys are changed meanwhile", func(t *testing.T) {
		c, store, old, next := newClock(), mfa.NewMemory(), newKey(), newKey()
		p, ph := begin(t, newTOTP(t, c, store, old), "ann", c.now)
		apps := newTOTP(t, c, store, next, old)
		wantErr(t, "Confirm", apps.Confirm(ctx, "ann", p.Sealed, ph.code(c.now), ""), nil)
		c.move(step)
		wantErr(t, "the stored secret is sealed with the new key", newTOTP(t, c, store, next).Verify(ctx, "ann", ph.code(c.now)), nil)
	})
}

func mustBegin(t *testing.T, apps *mfa.TOTP) mfa.Pending {
	t.Helper()
	p, err := apps.Begin("ann", "ann@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	return p
}
