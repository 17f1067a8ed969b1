package mail

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is what a store answers where there is no such row, or another worker has it now.
var ErrNotFound = errors.New("mail: not found")

// An OutboxRow is a letter that waits to be sent, as a store keeps it.
type OutboxRow struct {
	ID        string
	DueAt     time.Time // not to be sent before then
	ExpiresAt time.Time // worth nothing from then on: a letter with a code that has expired
	Attempts  int       // how often a worker has claimed it
	Body      []byte    // the letter, sealed: a copied table tells neither codes nor addresses
}

// OutboxStore keeps letters until they are sent. Every method is one atomic change. storetest.Outbox tries all of this.
type OutboxStore interface {
	// AddOutbox adds a row.
	AddOutbox(ctx context.Context, row OutboxRow) error

	// ClaimOutbox answers up to limit rows that are due, those due longest first, and moves each one's DueAt to until and its
	// Attempts up by one: no two workers get the same row before then. The answer has the rows as they stand afterwards.
	ClaimOutbox(ctx context.Context, now, until time.Time, limit int) ([]OutboxRow, error)

	// RetryOutbox makes a claimed row due at another time, if it stands at these attempts still. ErrNotFound: it does not.
	RetryOutbox(ctx context.Context, id string, attempts int, due time.Time) error

	// DropOutbox deletes a row, whoever has claimed it. It is not an error if there is none.
	DropOutbox(ctx context.Context, id string) error
}
