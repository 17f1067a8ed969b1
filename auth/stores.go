package auth

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// Stores is everything that a Manager keeps, one field for each interface. sqlstore and store.Memory fill all of it;
// mixing is assignment. New names the field that a feature needs and that is nil.
type Stores struct {
	Credentials Credentials       // required
	Flows       Flows             // required
	Limits      Limits            // required
	Sessions    session.Store     // required
	Cuts        session.Cuts      // nil: a company's sessions cannot be ended all at once
	Devices     session.Devices   // required
	TOTP        mfa.TOTPStore     // required: authenticator apps
	Recovery    mfa.RecoveryStore // required: recovery codes
	Codes       mfa.CodeStore     // mailed codes; required where Config.Mail is set
	Outbox      mail.OutboxStore  // letters that wait; required where Config.Mail is set
	Tickets     Tickets           // mailed links; required where Config.Mail is set
	Identities  Identities        // who people are at companies and social providers; required where they sign in there: nil, an arrival is an error
	Expiry      Expiry            // nil: Run deletes nothing; expired rows then go only as new ones come
}

// A FlowRow is a flow as a store keeps it. Body is the library's own and may change between releases.
type FlowRow struct {
	Version   int64     // counts accepted changes, from 1
	ExpiresAt time.Time // the row may be deleted from then on
	Body      []byte
}

// Flows keeps sign-ins in progress. Every method is one atomic change. storetest.Flows tries all of this.
type Flows interface {
	// CreateFlow adds a row with Version 1. ErrConflict: the key is taken. It may also delete up to 16 rows that have expired now.
	CreateFlow(ctx context.Context, key [32]byte, row FlowRow, now time.Time) error
	// Flow answers the row, expired or not. ErrNotFound: there is none.
	Flow(ctx context.Context, key [32]byte) (FlowRow, error)
	// SwapFlow replaces the row under old that stands at row.Version-1, and gives it the key new, which may be the same.
	// ErrConflict: it stands elsewhere, or new is another row's. ErrNotFound: it is gone.
	SwapFlow(ctx context.Context, old, new [32]byte, row FlowRow) error
	// TakeFlow deletes the row that stands at version. One caller wins; ErrConflict: it stands elsewhere. ErrNotFound: it is gone.
	TakeFlow(ctx context.Context, key [32]byte, version int64) error
	// DropFlow deletes the row at whatever version. It is not an error if there is none.
	DropFlow(ctx context.Context, key [32]byte) error
}

// A Charge is one guess against one counter. The counter's rules travel with it, so that a store knows no policy.
type Charge struct {
	Key    [32]byte      // which counter; made with a key, so that a copied table does not tell addresses
	Window time.Duration // the count starts over this long after its first guess; zero: only ClearLimits starts it over
	Free   int           // guesses that cost no waiting
	Pause  time.Duration // to wait after the first guess that is not free; doubles with each further one; zero: none
	Limit  int           // with this many the counter closes for Lock, and then starts over; zero: never
	Lock   time.Duration // for how long; it must not be zero where Limit is not
}

// A Counter is what a store keeps for one key.
type Counter struct {
	Count     int
	Since     time.Time // the first guess of this count
	ClosedTo  time.Time // no guess before then; zero: open
	ExpiresAt time.Time // the row says nothing from then on and may be deleted; zero: never
}

// Limits counts guesses. Every method is one atomic change. storetest.Limits tries all of this.
type Limits interface {
	// Charge counts a guess on every counter, or on none: where one of them is closed it writes nothing and answers when the
	// last of them opens. The zero time: it counted. Use ChargeAll for the arithmetic.
	// Each call may also delete up to 16 expired rows.
	Charge(ctx context.Context, charges []Charge, now time.Time) (closedTo time.Time, err error)
	// ClearLimits forgets these counters.
	ClearLimits(ctx context.Context, keys [][32]byte) error
}

// A Ticket is a mailed link as a store keeps it. Body is the library's own, sealed, and may change between releases.
type Ticket struct {
	Key       [32]byte  // finds it: the hash of the token in the letter
	Slot      [32]byte  // what for and for whom: a slot holds one ticket. It is made with a key, so that a copied table does not tell whose
	ExpiresAt time.Time // the row may be deleted from then on
	Body      []byte
}

// Tickets keeps the newest mailed link of each purpose and person. Every method is one atomic change. storetest.Tickets tries all
// of this.
type Tickets interface {
	// PutTicket adds a ticket in the place of the one in its slot, if there is one. ErrConflict: another slot's has the key.
	// It may also delete up to 16 rows that have expired now.
	PutTicket(ctx context.Context, t Ticket, now time.Time) error
	// Ticket answers the ticket with the key, expired or not. ErrNotFound: there is none.
	Ticket(ctx context.Context, key [32]byte) (Ticket, error)
	// TicketIn answers the ticket in a slot, expired or not. ErrNotFound: there is none.
	TicketIn(ctx context.Context, slot [32]byte) (Ticket, error)
	// TakeTicket deletes the ticket with the key. One caller wins; ErrNotFound: it is gone.
	TakeTicket(ctx context.Context, key [32]byte) error
	// DropTicket deletes the ticket in a slot. It is not an error if there is none.
	DropTicket(ctx context.Context, slot [32]byte) error
}

// Expiry deletes what has ended.
type Expiry interface {
	// DeleteExpired deletes up to limit rows of each table that have expired, and answers how many went.
	DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error)
}
