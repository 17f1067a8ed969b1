package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Credential implements auth.Credentials.
func (db *DB) Credential(ctx context.Context, userID string) (auth.Credential, error) {
	c := auth.Credential{UserID: userID}
	var history []byte
	err := db.row(ctx, db.sql, `SELECT hash, version, changed_at, history, locked_at, reset_at, must_change, recovery_email
		FROM sallyport_credentials WHERE user_id = ?`, userID).
		Scan(&c.Hash, &c.Version, instant{&c.ChangedAt}, &history, instant{&c.LockedAt}, instant{&c.ResetAt}, &c.MustChange, &c.RecoveryEmail)
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
	row := []any{c.Hash, c.ChangedAt, string(history), c.LockedAt, c.ResetAt, c.MustChange, c.RecoveryEmail, c.UserID}
	statement := `INSERT INTO sallyport_credentials (hash, version, changed_at, history, locked_at, reset_at, must_change, recovery_email, user_id)
		VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id) DO NOTHING`
	if c.Version != 0 {
		statement = `UPDATE sallyport_credentials SET hash = ?, version = version + 1, changed_at = ?, history = ?, locked_at = ?, reset_at = ?,
			must_change = ?, recovery_email = ? WHERE user_id = ? AND version = ?`
		row = append(row, c.Version)
	}
	changed, err := db.write(ctx, statement, row...)
	if err == nil && changed == 0 {
		return auth.ErrConflict
	}
	return failed("writing a credential", err)
}

// MoveCredential implements auth.Credentials.
func (db *DB) MoveCredential(ctx context.Context, userID string, lockedAt time.Time) (version int64, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		return db.row(ctx, tx, `INSERT INTO sallyport_credentials (user_id, hash, version, changed_at, history, locked_at, reset_at)
			VALUES (?, '', 1, 0, 'null', ?, 0)
			ON CONFLICT (user_id) DO UPDATE SET version = sallyport_credentials.version + 1, locked_at = CASE
				WHEN excluded.locked_at <> 0 THEN excluded.locked_at
				ELSE sallyport_credentials.locked_at END
			RETURNING version`, userID, lockedAt).Scan(&version)
	})
	if err != nil {
		return 0, failed("ending what stands on a credential", err)
	}
	return version, nil
}

// UpgradeHash implements auth.Credentials.
func (db *DB) UpgradeHash(ctx context.Context, userID string, version int64, hash string) error {
	changed, err := db.write(ctx, `UPDATE sallyport_credentials SET hash = ? WHERE user_id = ? AND version = ?`, hash, userID, version)
	if err == nil && changed == 0 {
		return auth.ErrConflict
	}
	return failed("upgrading a password hash", err)
}
