package mfa

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/internal/token"
)

const (
	sealedSetup = "totp set-up" // another purpose than that of a stored secret: neither opens as the other
	setupLife   = 15 * time.Minute
	setupHead   = 8 + secretLen // bytes before the ID: when it was made, and the secret
)

// A Pending is an app that is being set up. Nothing of it is stored: the caller keeps Sealed, on the server or in a field of the
// form, shows the rest on a page that no cache keeps, and drops all of it once the set-up code was right.
type Pending struct {
	Secret string // for typing: base32, in groups of four
	URI    string // for scanning: otpauth://…, see QR
	Sealed []byte // opens for this person only, for 15 minutes
}

// Begin makes a secret for a person. name is what the app shows: the e-mail address.
func (t *TOTP) Begin(userID, name string) (Pending, error) {
	if userID == "" {
		return Pending{}, errNobody
	}
	s := setup{id: token.NewID(), made: t.cfg.Now()}
	rand.Read(s.key[:])
	sealed, err := t.ring.Seal(sealedSetup, userID, s.bytes())
	if err != nil {
		return Pending{}, fmt.Errorf("mfa: sealing the secret of a set-up: %w", err)
	}
	return t.show(s, name, sealed)
}

// Pending shows a set-up again. ErrExpired, ErrWrong (damaged, or another's).
func (t *TOTP) Pending(userID, name string, sealed []byte) (Pending, error) {
	s, err := t.openSetup(userID, sealed, t.cfg.Now())
	if err != nil {
		return Pending{}, err
	}
	return t.show(s, name, sealed)
}

func (t *TOTP) show(s setup, name string, sealed []byte) (Pending, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: t.cfg.Issuer, AccountName: name, Secret: s.key[:]})
	if err != nil {
		return Pending{}, fmt.Errorf("mfa: making the address of a set-up: %w", err)
	}
	return Pending{Secret: inFours(key.Secret()), URI: key.URL(), Sealed: sealed}, nil
}

// A setup is what a Pending's Sealed holds.
type setup struct {
	id   string // of the app, once it is set up
	made time.Time
	key  secret
}

func (s setup) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(s.made.UnixMilli()))
	return append(append(b, s.key[:]...), s.id...)
}

func (t *TOTP) openSetup(userID string, sealed []byte, now time.Time) (setup, error) {
	b, err := t.ring.Open(sealedSetup, userID, sealed)
	if err != nil || len(b) <= setupHead {
		return setup{}, ErrWrong
	}
	s := setup{id: string(b[setupHead:]), made: time.UnixMilli(int64(binary.BigEndian.Uint64(b)))}
	copy(s.key[:], b[8:setupHead])
	if !now.Before(s.made.Add(setupLife)) {
		return setup{}, ErrExpired
	}
	return s, nil
}

// inFours parts a key so that it can be typed.
func inFours(key string) string {
	var parted strings.Builder
	for i, r := range key {
		if i > 0 && i%4 == 0 {
			parted.WriteByte(' ')
		}
		parted.WriteRune(r)
	}
	return parted.String()
}
