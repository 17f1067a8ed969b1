package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/sallyport-auth/sallyport/auth"
)

// Credential implements auth.Credentials.
func (db *DB) Credential(ctx context.Context, userID string) (auth.Credential, error) {
	c := auth.Credential{UserID: userID}
	var history []byte
	err := db.row(ctx, db.sql, `SELECT hash, version, changed_at, history FROM sallyport_credentials WHERE user_id = ?`, userID).
		Scan(&c.Hash, &c.Version, instant{&c.ChangedAt}, &history)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Credential{}, auth.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(history, &c.History)
	}
	if err != nil {
		return auth.Credential{}, failed("reading a credential", err)
	}
	return c, nil
}

// SwapCredential implements auth.Credentials.
func (db *DB) SwapCredential(ctx context.Context, c auth.Credential) error {
	history, err := json.Marshal(c.History)
	if err != nil {
		return failed("writing a credential", err)
	}
	var changed int64
	if c.Version == 0 {
		changed, err = db.write(ctx, `INSERT INTO sallyport_credentials (user_id, hash, version, changed_at, history)
			VALUES (?, ?, 1, ?, ?) ON CONFLICT (user_id) DO NOTHING`, c.UserID, c.Hash, c.ChangedAt, string(history))
	} else {
		changed, err = db.write(ctx, `UPDATE sallyport_credentials SET hash = ?, version = version + 1, changed_at = ?, history = ?
			WHERE user_id = ? AND version = ?`, c.Hash, c.ChangedAt, string(history), c.UserID, c.Version)
	}
	if err == nil && changed == 0 {
		return auth.ErrConflict
	}
	return failed("writing a credential", err)
}

// UpgradeHash implements auth.Credentials.
func (db *DB) UpgradeHash(ctx context.Context, userID string, version int64, hash string) error {
	changed, err := db.write(ctx, `UPDATE sallyport_credentials SET hash = ? WHERE user_id = ? AND version = ?`, hash, userID, version)
	if err == nil && changed == 0 {
		return auth.ErrConflict
	}
	return failed("upgrading a password hash", err)
}
