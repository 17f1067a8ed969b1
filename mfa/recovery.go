package mfa

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

const (
	recoveryMAC   = "recovery code" // the purpose of a code's MAC
	recoveryCodes = 10              // in a set
)

// RecoveryConfig is what NewRecovery needs.
type RecoveryConfig struct {
	Store  RecoveryStore    // required
	Keys   [][]byte         // random keys of 32 bytes: the first makes the MACs, all check; required
	Budget Budget           // zero: see Budget
	Now    func() time.Time // nil: time.Now
}

// Recovery is recovery codes, for whoever has lost the phone. It is safe for concurrent use.
type Recovery struct {
	cfg  RecoveryConfig
	ring *token.Ring
}

// NewRecovery checks the RecoveryConfig and returns a Recovery.
func NewRecovery(cfg RecoveryConfig) (*Recovery, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("mfa: RecoveryConfig.Store is required")
	case cfg.Budget.negative():
		return nil, errors.New("mfa: RecoveryConfig.Budget has a negative field")
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("mfa: RecoveryConfig.Keys: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Recovery{cfg: cfg, ring: ring}, nil
}

// New gives a person ten codes in the place of all earlier ones. They are shown once: only MACs are kept.
func (r *Recovery) New(ctx context.Context, userID string) ([]string, error) {
	if userID == "" {
		return nil, errNobody
	}
	set := RecoverySet{ID: token.NewID(), MadeAt: r.cfg.Now()}
	shown := make([]string, recoveryCodes)
	for i := range shown {
		code := newRecoveryCode()
		shown[i] = code[:recoveryLen/2] + "-" + code[recoveryLen/2:]
		set.MACs = append(set.MACs, r.ring.MAC(recoveryMAC, userID, set.ID, code))
	}
	if err := r.cfg.Store.ReplaceRecovery(ctx, userID, set); err != nil {
		return nil, failed("keeping recovery codes", err)
	}
	return shown, nil
}

// Verify checks a recovery code; nil: it is right, and counts never again; left is how many are left then. ErrFormat: nothing was
// charged. Everything else is a try: ErrWrong, ErrReused, *ClosedError. ErrNotFound: the person has none.
func (r *Recovery) Verify(ctx context.Context, userID, typed string) (left int, err error) {
	return r.VerifySince(ctx, userID, typed, time.Time{})
}

// VerifySince is Verify for somebody who has proven something anew at an instant: what wrong codes have closed before it is open.
func (r *Recovery) VerifySince(ctx context.Context, userID, typed string, since time.Time) (left int, err error) {
	code, ok := CleanRecovery(typed)
	if !ok {
		return 0, ErrFormat
	}
	now := r.cfg.Now()
	// Charged before the MACs are read: guesses at the same moment must not share one try.
	setID, codes, closedTo, err := r.cfg.Store.SpendRecovery(ctx, userID, r.cfg.Budget.forgiving(since), now)
	if err != nil {
		return 0, failed("charging a try at recovery codes", err)
	}
	if !closedTo.IsZero() {
		return 0, &ClosedError{closedTo}
	}
	found, left := r.find(codes, r.ring.MACs(recoveryMAC, userID, setID, code))
	switch {
	case found == nil:
		return 0, ErrWrong
	case !found.UsedAt.IsZero():
		return 0, ErrReused
	}
	first, err := r.cfg.Store.ConsumeRecovery(ctx, userID, setID, found.MAC, now)
	if err != nil {
		return 0, failed("using a recovery code", err)
	}
	if !first {
		return 0, ErrReused // at this moment by somebody else, or a new set took its place
	}
	return left - 1, nil
}

// find answers the code that has one of the MACs, or nil, and how many are not used. It compares all of them, whatever it has
// found: the time taken does not tell which one it was.
func (r *Recovery) find(codes []RecoveryCode, macs [][32]byte) (found *RecoveryCode, unused int) {
	for i := range codes {
		c := &codes[i]
		for _, mac := range macs {
			if hmac.Equal(c.MAC[:], mac[:]) {
				found = c
			}
		}
		if c.UsedAt.IsZero() {
			unused++
		}
	}
	return found, unused
}

// Left counts the codes not used yet.
func (r *Recovery) Left(ctx context.Context, userID string) (int, error) {
	left, err := r.cfg.Store.RecoveryLeft(ctx, userID)
	if err != nil {
		return 0, failed("counting recovery codes", err)
	}
	return left, nil
}

// Remove takes all codes away. It is not an error if there are none.
func (r *Recovery) Remove(ctx context.Context, userID string) error {
	if err := r.cfg.Store.ReplaceRecovery(ctx, userID, RecoverySet{ID: token.NewID(), MadeAt: r.cfg.Now()}); err != nil {
		return failed("removing recovery codes", err)
	}
	return nil
}

// newRecoveryCode is ten random signs: about 49 bits, which Budget keeps out of a guesser's reach.
func newRecoveryCode() string {
	const fair = 256 / len(recoveryAlphabet) * len(recoveryAlphabet) // a byte from there on would make some signs likelier
	code := make([]byte, 0, recoveryLen)
	for len(code) < recoveryLen {
		var b [2 * recoveryLen]byte
		rand.Read(b[:])
		for _, b := range b {
			if int(b) < fair && len(code) < recoveryLen {
				code = append(code, recoveryAlphabet[int(b)%len(recoveryAlphabet)])
			}
		}
	}
	return string(code)
}
