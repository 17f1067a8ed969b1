package social

import (
	"context"
	"errors"
	"time"
)

// What a store answers beside what it was asked for.
var (
	ErrNotFound = errors.New("social: not found")
	ErrConflict = errors.New("social: conflict") // somebody else was there first; nothing was written
)

// Requests keeps what is under way between us and the providers: rows that live for minutes. store.Memory and sqlstore.DB
// implement it, and storetest.SocialRequests tries it. Every method is one atomic change.
type Requests interface {
	// CreateSocialRequest adds a row. It also deletes up to 16 that have expired. ErrConflict: the key is taken.
	CreateSocialRequest(ctx context.Context, key [32]byte, r RequestRow, now time.Time) error

	// TakeSocialRequest answers a row and deletes it: one caller wins. ErrNotFound: there is none, or it has expired at now.
	TakeSocialRequest(ctx context.Context, key [32]byte, now time.Time) (RequestRow, error)
}

// A RequestRow is one request under way.
type RequestRow struct {
	Provider  string // Provider.ID
	Body      []byte // sealed
	MadeAt    time.Time
	ExpiresAt time.Time
}
