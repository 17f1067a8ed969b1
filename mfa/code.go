package mfa

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

const codeMAC = "mailed code" // the purpose of a code's MAC

// CodesConfig is what NewCodes needs.
type CodesConfig struct {
	Store CodeStore        // required
	Keys  [][]byte         // random keys of 32 bytes: the first makes the MACs, all check; required
	Life  time.Duration    // of a code; zero: 10 minutes
	Ends  time.Duration    // of a key's counters after the last sending; zero: an hour, or Life where that is longer
	Rules CodeRules        // zero: see CodeRules
	Now   func() time.Time // nil: time.Now
}

// A CodeFor is what a code is for. A code counts for exactly the CodeFor that it was sent for.
type CodeFor struct {
	Purpose string // what it lets somebody do; required
	UserID  string // who; required
	Flow    string // in which browser: the ID of a flow, or of whatever the caller keeps for one; empty: any
}

// A SentCode is a code to mail. It belongs into the letter and nowhere else.
type SentCode struct {
	Code      string
	SentAt    time.Time
	ExpiresAt time.Time
}

// Codes is mailed codes: they show that somebody reads a mailbox, and are never a second factor. It is safe for concurrent use.
//
// Its counters are those of one CodeFor. Whoever can make many (a new flow for each) is counted by the caller.
type Codes struct {
	cfg  CodesConfig
	ring *token.Ring
}

// NewCodes checks the CodesConfig and returns a Codes.
func NewCodes(cfg CodesConfig) (*Codes, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("mfa: CodesConfig.Store is required")
	case cfg.Life < 0:
		return nil, errors.New("mfa: CodesConfig.Life is negative")
	case cfg.Ends < 0:
		return nil, errors.New("mfa: CodesConfig.Ends is negative")
	case cfg.Rules.negative():
		return nil, errors.New("mfa: CodesConfig.Rules has a negative field")
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("mfa: CodesConfig.Keys: %w", err)
	}
	cfg.Life = cmp.Or(cfg.Life, 10*time.Minute)
	cfg.Ends = cmp.Or(cfg.Ends, max(time.Hour, cfg.Life))
	if cfg.Ends < cfg.Life {
		return nil, fmt.Errorf("mfa: CodesConfig.Ends is %v, and must not be shorter than Life, which is %v", cfg.Ends, cfg.Life)
	}
	cfg.Rules = cfg.Rules.complete()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Codes{cfg: cfg, ring: ring}, nil
}

// Send makes a code, in the place of the one before; the tries that were made at that one stay made. *ClosedError: too early.
// ErrSpent: no more.
func (c *Codes) Send(ctx context.Context, f CodeFor) (SentCode, error) {
	if f.UserID == "" {
		return SentCode{}, errNobody
	}
	if f.Purpose == "" {
		return SentCode{}, errors.New("mfa: CodeFor.Purpose is empty: a code must not open everything")
	}
	now := c.cfg.Now()
	sent := SentCode{Code: newCode(), SentAt: now, ExpiresAt: now.Add(c.cfg.Life)}
	wait, err := c.cfg.Store.SendCode(ctx, f.key(), CodeRecord{
		ID:        token.NewID(),
		MAC:       c.ring.MAC(codeMAC, f.Purpose, f.UserID, f.Flow, sent.Code),
		ExpiresAt: sent.ExpiresAt,
		EndsAt:    now.Add(c.cfg.Ends),
	}, c.cfg.Rules, now)
	if err != nil {
		return SentCode{}, failed("keeping a code", err)
	}
	if !wait.IsZero() {
		return SentCode{}, &ClosedError{wait}
	}
	return sent, nil
}

// Check checks a mailed code; nil: it is right, and counts never again. ErrFormat: nothing was charged. Everything else is a try:
// ErrWrong, ErrExpired (whatever was typed), ErrSpent (too many tries: nothing is looked at any more), ErrNotFound (none was sent
// for this, or it was used, or a newer one took its place at this moment).
func (c *Codes) Check(ctx context.Context, f CodeFor, typed string) error {
	code, ok := CleanCode(typed)
	if !ok {
		return ErrFormat
	}
	now := c.cfg.Now()
	// Charged before the MAC is read: guesses at the same moment must not share one try.
	r, err := c.cfg.Store.SpendCode(ctx, f.key(), c.cfg.Rules.Tries, now)
	if err != nil {
		return failed("charging a try at a code", err)
	}
	right := c.ring.CheckMAC(r.MAC, codeMAC, f.Purpose, f.UserID, f.Flow, code)
	switch {
	case !now.Before(r.ExpiresAt):
		return ErrExpired
	case !right:
		return ErrWrong
	}
	first, err := c.cfg.Store.ConsumeCode(ctx, f.key(), r.ID)
	if err != nil {
		return failed("using a code", err)
	}
	if !first {
		return ErrNotFound
	}
	return nil
}

// key is what the row is found by. It is a plain hash, because it holds nothing secret and must not change with the keys.
func (f CodeFor) key() [32]byte {
	var b []byte
	for _, part := range []string{codeMAC, f.Purpose, f.UserID, f.Flow} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// newCode is six random digits, each code as likely as any other.
func newCode() string {
	const all = 1_000_000
	for {
		var b [4]byte
		rand.Read(b[:])
		if n := binary.BigEndian.Uint32(b[:]); n < 1<<32/all*all {
			return fmt.Sprintf("%06d", n%all)
		}
	}
}
