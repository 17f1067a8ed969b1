package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// CreateRequest implements sso.Requests.
func (db *DB) CreateRequest(ctx context.Context, key [32]byte, r sso.RequestRow, now time.Time) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_sso_requests (request_key, connection, body, made_at, expires_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (request_key) DO NOTHING`, key, r.Connection, r.Body, r.MadeAt, r.ExpiresAt)
	if err != nil {
		return failed("creating a request to a provider", err)
	}
	if added == 0 {
		return sso.ErrConflict
	}
	db.sweep(ctx, now, requestTable)
	return nil
}

// TakeRequest implements sso.Requests.
func (db *DB) TakeRequest(ctx context.Context, key [32]byte, now time.Time) (r sso.RequestRow, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		return db.row(ctx, tx, `DELETE FROM sallyport_sso_requests WHERE request_key = ? AND expires_at > ?
			RETURNING connection, body, made_at, expires_at`, key, now).
			Scan(&r.Connection, &r.Body, instant{&r.MadeAt}, instant{&r.ExpiresAt})
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return sso.RequestRow{}, sso.ErrNotFound
	case err != nil:
		return sso.RequestRow{}, failed("taking a request to a provider", err)
	}
	return r, nil
}

// UseAssertion implements sso.Requests.
func (db *DB) UseAssertion(ctx context.Context, key [32]byte, expires, now time.Time) (bool, error) {
	if micros(expires) <= micros(now) {
		return false, nil // a row that has ended may go at any moment, and would not say that it was used
	}
	added, err := db.write(ctx, `INSERT INTO sallyport_sso_assertions (assertion_key, expires_at) VALUES (?, ?)
		ON CONFLICT (assertion_key) DO NOTHING`, key, expires)
	if err != nil {
		return false, failed("writing down that an answer was used", err)
	}
	if added == 1 {
		db.sweep(ctx, now, assertionTable)
	}
	return added == 1, nil
}
