package authtest

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// step is how long each code of an app counts.
const step = 30 * time.Second

// A Phone is a person's authenticator app: one that shares no code with package mfa, and understands what every app does, which is
// SHA-1, six digits and thirty seconds. Make one with NewPhone, or use that of a World.
type Phone struct {
	t      testing.TB
	clock  *Clock
	secret string
}

// NewPhone returns a phone with an app that knows no secret yet. Its time is that of the clock.
func NewPhone(t testing.TB, clock *Clock) *Phone { return &Phone{t: t, clock: clock} }

// Scan reads a secret: the address that a QR code stands for (otpauth://totp/…), or the key as a person types it. It takes the
// place of the one before. It ends the test if apps could not read it.
func (p *Phone) Scan(what string) {
	p.t.Helper()
	secret := what
	if strings.Contains(what, "://") {
		key, err := otp.NewKeyFromURL(what)
		switch {
		case err != nil:
			p.t.Fatalf("authtest: apps cannot read the address: %v", err)
		case key.Type() != "totp", key.Digits() != otp.DigitsSix, key.Algorithm() != otp.AlgorithmSHA1, key.Period() != 30:
			p.t.Fatalf("authtest: not every app understands this: type %q, %d digits, %s, %d seconds",
				key.Type(), key.Digits(), key.Algorithm(), key.Period())
		}
		secret = key.Secret()
	}
	secret = strings.ToUpper(strings.Join(strings.Fields(secret), ""))
	if _, err := totp.GenerateCode(secret, p.clock.Now()); err != nil || secret == "" {
		p.t.Fatalf("authtest: apps cannot read the key: it is %d characters long (%v)", len(secret), err)
	}
	p.secret = secret
}

// Code is what the app shows now. It ends the test if the app knows no secret.
func (p *Phone) Code() string {
	p.t.Helper()
	if p.secret == "" {
		p.t.Fatal("authtest: the phone has scanned nothing yet")
	}
	code, err := totp.GenerateCode(p.secret, p.clock.Now())
	if err != nil {
		p.t.Fatalf("authtest: making a code: %v", err)
	}
	return code
}

// Next waits for the app's next code, by moving the clock: each code counts once.
func (p *Phone) Next() string {
	p.t.Helper()
	now := p.clock.Now()
	p.clock.Advance(now.Truncate(step).Add(step).Sub(now))
	return p.Code()
}
