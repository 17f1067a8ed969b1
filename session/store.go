package session

import (
	"context"
	"errors"
	"time"
)

// Errors that a Store answers with. A manager's own methods pass them on.
var (
	ErrNotFound = errors.New("session: not found") // no such row, or it is no longer valid
	ErrConflict = errors.New("session: conflict")  // somebody else was there first
)

// A Key finds a session or device: the SHA-256 of its token. A store never sees a token.
type Key = [32]byte

// Store keeps sessions. Every method is one atomic change, safe for concurrent use by many programs.
// Instants are compared as given; a store keeps at least microseconds. storetest.Sessions tries all of this.
type Store interface {
	// CreateSession adds a row. ErrConflict: the key is taken; it never replaces a row. It may also delete up to 16 expired rows.
	CreateSession(ctx context.Context, key Key, s Session) error

	// Session answers the row, in one look-up. ErrNotFound: there is none, or the sessions of its account were cut
	// (see CutSessions, DueCut) after s.CreatedAt. It need not look at Idle and ExpiresAt: the manager does.
	// The answer is shared: the store must not change it later, and the caller must not either.
	Session(ctx context.Context, key Key, now time.Time) (*Session, error)

	// TouchSession moves SeenAt forward, never back, and does nothing to a row that is gone: it never brings one back.
	TouchSession(ctx context.Context, key Key, seen time.Time) error

	// RotateSession gives the row a new key and takes AccountID, Methods, AuthTime, Idle and ExpiresAt from s, in one step.
	// The old key opens nothing from then on. ErrNotFound: the old key has no row, or the sessions of s.AccountID were cut after the
	// row's CreatedAt (see CutSessions, DueCut); nothing was written. A row that Session would not find is not there either.
	// ErrConflict: new is another row's.
	RotateSession(ctx context.Context, old, new Key, s Session, now time.Time) error

	// Sessions lists a person's rows, newest first, leaving out those that Session would not find.
	Sessions(ctx context.Context, userID string, now time.Time) ([]Session, error)

	// EndSession deletes one row of this person by its ID. ErrNotFound: the person has no such row (somebody else may).
	EndSession(ctx context.Context, userID, id string) error

	// EndSessions deletes every row of a person but the one with the ID except (empty: every one).
	EndSessions(ctx context.Context, userID, except string) error
}

// Cuts ends the sessions of a whole account at once, by writing one row instead of deleting many.
// It is implemented by the same store that implements Store.
type Cuts interface {
	// CutSessions ends every session of the account made before now, by an instant that only moves forward, and deletes those
	// that are there already and claim to be made later: by whatever clock they were made.
	CutSessions(ctx context.Context, accountID string, now time.Time) error

	// DueCut appoints the end of every session of the account made before at, from at on; a zero at takes an appointment
	// back. An appointment that has already passed has become a cut and stays one: it is folded in first, in the same step.
	DueCut(ctx context.Context, accountID string, at, now time.Time) error
}

// A Device is what is remembered of one browser for one person. Several people may use one browser: each has a
// record of their own under the same key.
type Device struct {
	ID         string    // names the record in lists and events; opens nothing
	UserID     string    // whose record it is
	UserAgent  string    // the browser's own description, cut to 256 bytes
	IP         string    // the last address it signed in from; empty where unknown
	FirstSeen  time.Time // the first sign-in
	LastSeen   time.Time // the last sign-in
	KnownUntil time.Time // until then a sign-in from here is nothing unusual; zero: it is unknown

	TrustedAt    time.Time // when the person said "I trust this device"; zero: it is not trusted
	TwoStepUntil time.Time // until then a sign-in from here needs no code of an app; zero: it needs one
}

// Known tells whether the person has lately signed in from this browser.
func (d Device) Known(now time.Time) bool { return now.Before(d.KnownUntil) }

// Devices keeps device records. Every method is one atomic change. A record whose KnownUntil has passed says nothing any more
// and may be deleted. storetest.Devices tries all of this.
type Devices interface {
	// Device answers the person's record of this browser. ErrNotFound: there is none.
	Device(ctx context.Context, key Key, userID string) (Device, error)

	// GrantDevice gives the browser a new key, in one step: every record under old, whoever's it is, moves under new, and the one
	// of d.UserID is added there or, where there is one, gets UserAgent, IP, LastSeen and KnownUntil from d, and TrustedAt and
	// TwoStepUntil too unless they are zero in d, and keeps ID and FirstSeen. The zero old: the browser had no key. Nothing moves
	// where new has records already, as it has if it is old. It answers the record as it now stands.
	GrantDevice(ctx context.Context, old, new Key, d Device) (Device, error)

	// Devices lists a person's records, last seen first.
	Devices(ctx context.Context, userID string) ([]Device, error)

	// TrustDevice writes TrustedAt of one record of this person, and nothing else; a zero at takes trust back, and with it
	// TwoStepUntil. ErrNotFound: the person has no such record.
	TrustDevice(ctx context.Context, userID, id string, at time.Time) error

	// EndDevice deletes one record of this person by its ID. ErrNotFound: the person has no such record.
	EndDevice(ctx context.Context, userID, id string) error

	// EndDevices deletes every record of a person.
	EndDevices(ctx context.Context, userID string) error
}
