package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// CreateFlow implements auth.Flows.
func (db *DB) CreateFlow(ctx context.Context, key [32]byte, row auth.FlowRow, now time.Time) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_flows (token_hash, version, expires_at, body) VALUES (?, 1, ?, ?)
		ON CONFLICT (token_hash) DO NOTHING`, key, row.ExpiresAt, row.Body)
	if err != nil {
		return failed("creating a flow", err)
	}
	if added == 0 {
		return auth.ErrConflict
	}
	db.sweep(ctx, now, flowTable)
	return nil
}

// Flow implements auth.Flows.
func (db *DB) Flow(ctx context.Context, key [32]byte) (auth.FlowRow, error) {
	var row auth.FlowRow
	err := db.row(ctx, db.sql, `SELECT version, expires_at, body FROM sallyport_flows WHERE token_hash = ?`, key).
		Scan(&row.Version, instant{&row.ExpiresAt}, &row.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.FlowRow{}, auth.ErrNotFound
	}
	return row, failed("reading a flow", err)
}

// SwapFlow implements auth.Flows.
func (db *DB) SwapFlow(ctx context.Context, old, key [32]byte, row auth.FlowRow) error {
	changed, err := db.write(ctx, `UPDATE sallyport_flows SET token_hash = ?, version = ?, expires_at = ?, body = ? WHERE token_hash = ? AND version = ?`,
		key, row.Version, row.ExpiresAt, row.Body, old, row.Version-1)
	switch {
	case err == nil && changed == 0:
		return db.missedFlow(ctx, old)
	case err != nil && key != old && errors.Is(db.missedFlow(ctx, key), auth.ErrConflict):
		return auth.ErrConflict // the key is taken, which each database says in words of its own
	}
	return failed("changing a flow", err)
}

// TakeFlow implements auth.Flows.
func (db *DB) TakeFlow(ctx context.Context, key [32]byte, version int64) error {
	taken, err := db.write(ctx, `DELETE FROM sallyport_flows WHERE token_hash = ? AND version = ?`, key, version)
	if err == nil && taken == 0 {
		return db.missedFlow(ctx, key)
	}
	return failed("taking a flow", err)
}

// missedFlow tells why a change found no row at its version. Nothing hangs on the answer but words: nothing was written.
func (db *DB) missedFlow(ctx context.Context, key [32]byte) error {
	there, err := db.exists(ctx, db.sql, `SELECT 1 FROM sallyport_flows WHERE token_hash = ?`, key)
	switch {
	case err != nil:
		return failed("reading a flow", err)
	case there:
		return auth.ErrConflict
	}
	return auth.ErrNotFound
}

// DropFlow implements auth.Flows.
func (db *DB) DropFlow(ctx context.Context, key [32]byte) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_flows WHERE token_hash = ?`, key)
	return failed("dropping a flow", err)
}
