package mfa

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

const sealedApp = "totp" // the purpose that a stored secret is sealed for

// TOTPConfig is what NewTOTP needs.
type TOTPConfig struct {
	Store  TOTPStore        // required
	Keys   [][]byte         // random keys of 32 bytes that secrets are sealed with: the first seals, all open; required
	Issuer string           // the name that apps show beside the person's: the product's; required, and without a colon
	Budget Budget           // zero: see Budget
	Now    func() time.Time // nil: time.Now
}

// TOTP is authenticator apps: one for each person, as RFC 6238 has them with what every app understands (SHA-1, six digits, thirty
// seconds). It is safe for concurrent use.
type TOTP struct {
	cfg  TOTPConfig
	ring *token.Ring
}

// NewTOTP checks the TOTPConfig and returns a TOTP.
func NewTOTP(cfg TOTPConfig) (*TOTP, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("mfa: TOTPConfig.Store is required")
	case strings.TrimSpace(cfg.Issuer) == "":
		return nil, errors.New("mfa: TOTPConfig.Issuer is required")
	case strings.Contains(cfg.Issuer, ":"):
		return nil, fmt.Errorf("mfa: TOTPConfig.Issuer %q has a colon, at which apps would cut it", cfg.Issuer)
	case cfg.Budget.negative():
		return nil, errors.New("mfa: TOTPConfig.Budget has a negative field")
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("mfa: TOTPConfig.Keys: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &TOTP{cfg: cfg, ring: ring}, nil
}

// A Factor is an app whose set-up code was right. It is not set up yet: see TOTP.Enroll.
type Factor struct{ record TOTPRecord }

// ID names the app.
func (f Factor) ID() string { return f.record.ID }

// Accept checks the set-up code and stores nothing. It charges nothing either: whoever has the Sealed was shown the secret.
// ErrFormat, ErrWrong (also where Sealed is damaged, or another person's), ErrExpired.
func (t *TOTP) Accept(userID string, sealed []byte, code string) (Factor, error) {
	clean, ok := CleanCode(code)
	if !ok {
		return Factor{}, ErrFormat
	}
	now := t.cfg.Now()
	s, err := t.openSetup(userID, sealed, now)
	if err != nil {
		return Factor{}, err
	}
	step := match(&s.key, now, number(clean))
	if step == noStep {
		return Factor{}, ErrWrong
	}
	stored, err := t.ring.Seal(sealedApp, owner(userID, s.id), s.key[:])
	if err != nil {
		return Factor{}, fmt.Errorf("mfa: sealing the secret of an app: %w", err)
	}
	return Factor{TOTPRecord{UserID: userID, ID: s.id, Sealed: stored, Since: now, LastStep: step}}, nil
}

// Enroll stores the app in the place of the one with the ID replaces (empty: there is none). The set-up code's time step counts as
// used. ErrConflict: the person has another app by now, or the app that this set-up made already.
func (t *TOTP) Enroll(ctx context.Context, f Factor, replaces string) error {
	if f.record.ID == "" {
		return errors.New("mfa: setting up an app: the Factor is not one that Accept made")
	}
	if f.record.ID == replaces {
		return ErrConflict // a second time would forget which codes were used since the first
	}
	if err := t.cfg.Store.ReplaceTOTP(ctx, replaces, f.record); err != nil {
		return failed("setting up an app", err)
	}
	return nil
}

// Confirm is Accept and Enroll in one.
func (t *TOTP) Confirm(ctx context.Context, userID string, sealed []byte, code, replaces string) error {
	f, err := t.Accept(userID, sealed, code)
	if err != nil {
		return err
	}
	return t.Enroll(ctx, f, replaces)
}

// Verify checks a code of the person's app; nil: it is right, and counts never again. ErrFormat: nothing was charged. Everything
// else is a try: ErrWrong, ErrReused (the code was right, and this time step or a later one was accepted before), *ClosedError.
// ErrNotFound: the person has no app.
func (t *TOTP) Verify(ctx context.Context, userID, code string) error {
	return t.VerifySince(ctx, userID, code, time.Time{})
}

// VerifySince is Verify for somebody who has proven something anew at an instant: what wrong codes have closed before it is open.
func (t *TOTP) VerifySince(ctx context.Context, userID, code string, since time.Time) error {
	clean, ok := CleanCode(code)
	if !ok {
		return ErrFormat
	}
	now := t.cfg.Now()
	// Charged before the secret is read: guesses at the same moment must not share one try.
	r, closedTo, err := t.cfg.Store.SpendTOTP(ctx, userID, t.cfg.Budget.forgiving(since), now)
	if err != nil {
		return failed("charging a try at an app", err)
	}
	if !closedTo.IsZero() {
		return &ClosedError{closedTo}
	}
	key, err := t.secret(r)
	if err != nil {
		return err
	}
	switch step := match(&key, now, number(clean)); {
	case step == noStep:
		return ErrWrong
	case step <= r.LastStep:
		return ErrReused
	default:
		return t.advance(ctx, r, step)
	}
}

func (t *TOTP) advance(ctx context.Context, r TOTPRecord, step int64) error {
	first, err := t.cfg.Store.AdvanceTOTP(ctx, r.UserID, r.ID, step)
	if err != nil {
		return failed("accepting a time step", err)
	}
	if !first {
		return ErrReused // by somebody with the same code at the same moment
	}
	return nil
}

func (t *TOTP) secret(r TOTPRecord) (key secret, err error) {
	plain, err := t.ring.Open(sealedApp, owner(r.UserID, r.ID), r.Sealed)
	if err != nil {
		return key, fmt.Errorf("mfa: opening the secret of an app: %w", err)
	}
	if copy(key[:], plain) != len(key) || len(plain) != len(key) {
		return key, errors.New("mfa: opening the secret of an app: it has the wrong length")
	}
	return key, nil
}

// Status tells what is known of the person's app. ErrNotFound: there is none.
func (t *TOTP) Status(ctx context.Context, userID string) (TOTPStatus, error) {
	s, err := t.cfg.Store.TOTP(ctx, userID)
	if err != nil {
		return TOTPStatus{}, failed("reading an app", err)
	}
	return s, nil
}

// Remove deletes the app with this ID. ErrNotFound.
func (t *TOTP) Remove(ctx context.Context, userID, id string) error {
	if err := t.cfg.Store.DeleteTOTP(ctx, userID, id); err != nil {
		return failed("removing an app", err)
	}
	return nil
}

// AskReset notes that somebody asks to replace the app without it, and answers since when that stands: asking again does not move
// it. An asking that is older than life counts for nothing, and an accepted code takes it back. ErrNotFound.
func (t *TOTP) AskReset(ctx context.Context, userID, id string, life time.Duration) (asked time.Time, err error) {
	now := t.cfg.Now()
	asked, err = t.cfg.Store.AskTOTPReset(ctx, userID, id, now.Add(-life), now)
	if err != nil {
		return time.Time{}, failed("asking to replace an app", err)
	}
	return asked, nil
}

// owner binds a secret to a person and an app; with the length before it, no other two make the same.
func owner(userID, id string) string { return strconv.Itoa(len(userID)) + " " + userID + " " + id }
