package sso

import (
	"context"
	"time"
)

// Requests keeps what is under way between us and the providers: rows that live for minutes. store.Memory and sqlstore.DB
// implement it, and storetest.SSORequests tries it. Every method is one atomic change.
type Requests interface {
	// CreateRequest adds a row. It also deletes up to 16 that have expired. ErrConflict: the key is taken.
	CreateRequest(ctx context.Context, key [32]byte, r RequestRow, now time.Time) error

	// TakeRequest answers a row and deletes it: one caller wins. ErrNotFound: there is none, or it has expired at now.
	TakeRequest(ctx context.Context, key [32]byte, now time.Time) (RequestRow, error)

	// UseAssertion writes down that an answer was used, until expires: true once for a key, and never where expires has come. It also
	// deletes up to 16 that have expired. A store that has no room for another answers an error: it forgets none before its time.
	UseAssertion(ctx context.Context, key [32]byte, expires, now time.Time) (bool, error)
}

// A RequestRow is one request under way.
type RequestRow struct {
	Connection string
	Body       []byte // sealed
	MadeAt     time.Time
	ExpiresAt  time.Time
}

// Logins keeps which of our sessions came from which session at a provider, for single logout. Every method is one atomic change.
type Logins interface {
	// AddLogin adds a row, in the place of one with the same session. It also deletes up to 16 that have expired.
	AddLogin(ctx context.Context, l LoginRow, now time.Time) error

	// LoginOf answers the row of one of our sessions. ErrNotFound: there is none.
	LoginOf(ctx context.Context, sessionID string) (LoginRow, error)

	// TakeLogins answers the rows of a connection that have this subject, or any where subject is zero, and one of these indexes, or
	// any where there are none, and deletes them: each row goes to one caller. Where both say nothing it answers none. A zero among
	// the indexes is no row's, not even of those whose Index is zero.
	TakeLogins(ctx context.Context, connection string, subject [32]byte, indexes [][32]byte) ([]LoginRow, error)

	// DropLogin deletes the row of one of our sessions. It is not an error if there is none.
	DropLogin(ctx context.Context, sessionID string) error
}

// A LoginRow is one of our sessions and what it is called at the provider.
type LoginRow struct {
	SessionID  string
	UserID     string
	Connection string
	Subject    [32]byte // a MAC of the subject
	Index      [32]byte // a MAC of the index; zero: the provider gave none
	Body       []byte   // sealed
	ExpiresAt  time.Time
}

// Store keeps connections for a Registry. Every method is one atomic change.
type Store interface {
	// CreateConnection adds a connection; its Version is 1. ErrConflict: the ID is taken, or another company has had it. What is known
	// of people by a connection is known by its ID, so that of a deleted one stays its company's.
	CreateConnection(ctx context.Context, c ConnectionRow) error

	// ConnectionRow answers one. ErrNotFound: there is none.
	ConnectionRow(ctx context.Context, id string) (ConnectionRow, error)

	// ConnectionRows answers those of a company, by ID. None is not an error.
	ConnectionRows(ctx context.Context, accountID string) ([]ConnectionRow, error)

	// SwapConnection writes c with Version c.Version+1 where the row stands at c.Version and is of the same company. ErrConflict: it
	// stands elsewhere. ErrNotFound: there is none, or it is another company's.
	SwapConnection(ctx context.Context, c ConnectionRow) error

	// DeleteConnection deletes a connection where it stands at version. ErrConflict: it stands elsewhere. ErrNotFound: there is none.
	DeleteConnection(ctx context.Context, id string, version int64) error

	// ClaimRefresh answers up to limit connections whose RefreshAt is not zero and has come, those that wait longest first, and moves
	// it to until: each to one caller. It answers them as they stand afterwards. No Version moves: nobody's change is refused for it.
	ClaimRefresh(ctx context.Context, now, until time.Time, limit int) ([]ConnectionRow, error)
}

// A ConnectionRow is a connection as it is kept.
type ConnectionRow struct {
	ID        string
	AccountID string
	Version   int64
	Domains   []string  // answered, never written: the company's proved domains that name this connection, in order
	Body      []byte    // JSON; its secrets are sealed
	RefreshAt time.Time // when the metadata is to be read again; zero: never
}
