package mfa

import (
	"context"
	"errors"
	"time"
)

// Errors that a store answers with.
var (
	ErrNotFound = errors.New("mfa: not found")
	ErrConflict = errors.New("mfa: conflict") // somebody else was there first; nothing was written
	ErrSpent    = errors.New("mfa: spent")    // the tries or the sendings of a mailed code are used up
)

// Tries is how many wrong codes came in a row, as a store keeps it beside what they were tried at. See Budget.Charge.
type Tries struct {
	Count    int
	ClosedTo time.Time // nothing is looked at before then; zero: open
}

// A TOTPRecord is a person's authenticator app as a store keeps it. There is one for each person at most.
type TOTPRecord struct {
	UserID     string
	ID         string    // of this app; a new one for each that is set up
	Sealed     []byte    // the secret, sealed: it opens for this person and ID only
	Since      time.Time // when it was set up
	LastStep   int64     // the last time step whose code was accepted
	Tries      Tries
	ResetAsked time.Time // when somebody asked to replace it without it; zero: nobody did
}

// A TOTPStatus is what may be known of a person's app without paying for a try: everything but the secret.
type TOTPStatus struct {
	ID         string
	Since      time.Time
	ResetAsked time.Time
}

// TOTPStore keeps authenticator apps. Every method is one atomic change. storetest.TOTP tries all of this.
type TOTPStore interface {
	// TOTP answers what is known of the person's app. ErrNotFound: there is none.
	TOTP(ctx context.Context, userID string) (TOTPStatus, error)

	// SpendTOTP charges one try by b.Charge and answers the record. Where that says closed it writes nothing, and answers no
	// secret but until when. ErrNotFound: there is none.
	SpendTOTP(ctx context.Context, userID string, b Budget, now time.Time) (r TOTPRecord, closedTo time.Time, err error)

	// AdvanceTOTP accepts a time step: true once for each step of this app, and steps only go up. With true the tries start over
	// and nobody has asked for a reset any more.
	AdvanceTOTP(ctx context.Context, userID, id string, step int64) (bool, error)

	// ReplaceTOTP writes the record where the person's app is the one with the ID old; empty: where there is none.
	// ErrConflict: it is another, or there is none. One caller wins.
	ReplaceTOTP(ctx context.Context, old string, r TOTPRecord) error

	// DeleteTOTP deletes the person's app if it is the one with this ID. ErrNotFound: it is not.
	DeleteTOTP(ctx context.Context, userID, id string) error

	// AskTOTPReset writes down that somebody asks now to replace this app without it, unless somebody has since renew, and
	// answers the instant that stands. ErrNotFound: there is no such app.
	AskTOTPReset(ctx context.Context, userID, id string, renew, now time.Time) (asked time.Time, err error)
}

// A CodeRecord is what a store keeps under the key of a mailed code: the newest one, and the counters of all that were sent.
type CodeRecord struct {
	ID        string // of this code; each that is sent has a new one
	MAC       [32]byte
	ExpiresAt time.Time // the code counts for nothing from then on
	Tries     int       // codes tried under this key
	Sends     int       // codes sent under this key
	SentAt    time.Time
	EndsAt    time.Time // the row may be deleted from then on; its counters are gone with it
}

// CodeStore keeps mailed codes. Every method is one atomic change. storetest.Codes tries all of this.
type CodeStore interface {
	// SendCode writes what r.Next makes of the record that stands (the zero one where there is none, or where EndsAt has come)
	// and of c; or, if that says it is too early, writes nothing and answers when the next may be sent. ErrSpent: none may.
	// It may also delete up to 16 rows that have ended now.
	SendCode(ctx context.Context, key [32]byte, c CodeRecord, r CodeRules, now time.Time) (wait time.Time, err error)

	// SpendCode counts one try and answers the record. ErrNotFound: there is none, or EndsAt has come. ErrSpent: tries have been
	// made already; nothing was written.
	SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (CodeRecord, error)

	// ConsumeCode deletes the row if its code is the one with this ID. True once.
	ConsumeCode(ctx context.Context, key [32]byte, id string) (bool, error)
}

// A RecoverySet is the recovery codes that a person was given last.
type RecoverySet struct {
	ID     string     // of the set; a new one for each
	MACs   [][32]byte // of the codes; none: the person has no codes any more
	MadeAt time.Time
}

// A RecoveryCode is one code of a set as a store keeps it.
type RecoveryCode struct {
	MAC    [32]byte
	UsedAt time.Time // zero: not used yet
}

// RecoveryStore keeps recovery codes. Every method is one atomic change. storetest.Recovery tries all of this.
type RecoveryStore interface {
	// ReplaceRecovery puts a set in the place of whatever the person has. Tries start over.
	ReplaceRecovery(ctx context.Context, userID string, set RecoverySet) error

	// SpendRecovery charges one try by b.Charge and answers the set's ID and its codes, used ones too. Where that says closed it
	// writes nothing and answers until when. ErrNotFound: the person has no codes.
	SpendRecovery(ctx context.Context, userID string, b Budget, now time.Time) (setID string, codes []RecoveryCode, closedTo time.Time, err error)

	// ConsumeRecovery marks one code of this set as used: true once. With true the tries start over.
	ConsumeRecovery(ctx context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error)

	// RecoveryLeft counts the codes not used yet. None is not an error.
	RecoveryLeft(ctx context.Context, userID string) (int, error)
}
