package social

import (
	"context"
	"errors"
	"time"
)

// Errors of Requests and of a Manager.
var (
	ErrNotFound = errors.New("social: not found")
	ErrConflict = errors.New("social: conflict")
)

// Requests keeps what is under way between us and the providers: rows that live for minutes. NewMemory makes one, and store.Memory and
// sqlstore.DB are others. Every method is one atomic change.
type Requests interface {
	// CreateSocialRequest adds a row. It also deletes up to 16 that have expired. ErrConflict: the key is taken.
	CreateSocialRequest(ctx context.Context, key [32]byte, r RequestRow, now time.Time) error

	// TakeSocialRequest answers a row and deletes it: one caller wins. ErrNotFound: there is none, or it has expired at now.
	TakeSocialRequest(ctx context.Context, key [32]byte, now time.Time) (RequestRow, error)
}

// A RequestRow is one request under way.
type RequestRow struct {
	Provider  string
	Body      []byte // sealed
	MadeAt    time.Time
	ExpiresAt time.Time
}
