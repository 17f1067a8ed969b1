package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

// CreateSocialRequest implements social.Requests.
func (db *DB) CreateSocialRequest(ctx context.Context, key [32]byte, r social.RequestRow, now time.Time) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_social_requests (request_key, provider, body, made_at, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (request_key) DO NOTHING`, key, r.Provider, r.Body, r.MadeAt, r.ExpiresAt)
	if err != nil {
		return failed("creating a request to a social provider", err)
	}
	if added == 0 {
		return social.ErrConflict
	}
	db.sweep(ctx, now, socialRequestTable)
	return nil
}

// TakeSocialRequest implements social.Requests.
func (db *DB) TakeSocialRequest(ctx context.Context, key [32]byte, now time.Time) (r social.RequestRow, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		return db.row(ctx, tx, `DELETE FROM sallyport_social_requests WHERE request_key = ? AND expires_at > ?
			RETURNING provider, body, made_at, expires_at`, key, now).
			Scan(&r.Provider, &r.Body, instant{&r.MadeAt}, instant{&r.ExpiresAt})
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return social.RequestRow{}, social.ErrNotFound
	case err != nil:
		return social.RequestRow{}, failed("taking a request to a social provider", err)
	}
	return r, nil
}
