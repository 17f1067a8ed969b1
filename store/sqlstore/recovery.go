package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

// Whoever changes a person's codes locks the row of the set first. It stays where a set has no codes: there is always one to lock.

// ReplaceRecovery implements mfa.RecoveryStore.
func (db *DB) ReplaceRecovery(ctx context.Context, userID string, set mfa.RecoverySet) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		_, err := db.exec(ctx, tx, `INSERT INTO sallyport_recovery (user_id, id, made_at, tries, closed_to) VALUES (?, ?, ?, 0, 0)
			ON CONFLICT (user_id) DO UPDATE SET id = excluded.id, made_at = excluded.made_at, tries = 0, closed_to = 0`, userID, set.ID, set.MadeAt)
		if err != nil {
			return err
		}
		if _, err := db.exec(ctx, tx, `DELETE FROM sallyport_recovery_codes WHERE user_id = ?`, userID); err != nil || len(set.MACs) == 0 {
			return err
		}
		var codes []any
		for _, mac := range set.MACs {
			codes = append(codes, userID, mac)
		}
		_, err = db.exec(ctx, tx, `INSERT INTO sallyport_recovery_codes (user_id, mac, used_at) VALUES (?, ?, 0)`+
			strings.Repeat(`, (?, ?, 0)`, len(set.MACs)-1), codes...)
		return err
	})
	return failed("writing recovery codes", err)
}

// SpendRecovery implements mfa.RecoveryStore.
func (db *DB) SpendRecovery(
	ctx context.Context, userID string, b mfa.Budget, now time.Time,
) (setID string, codes []mfa.RecoveryCode, closedTo time.Time, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		var t mfa.Tries
		err := db.row(ctx, tx, `UPDATE sallyport_recovery SET tries = tries WHERE user_id = ? RETURNING id, tries, closed_to`, userID).
			Scan(&setID, &t.Count, instant{&t.ClosedTo})
		if errors.Is(err, sql.ErrNoRows) {
			return mfa.ErrNotFound
		}
		if err != nil {
			return err
		}
		if t, closedTo = b.Charge(t, now); !closedTo.IsZero() {
			return errShut
		}
		if _, err := db.exec(ctx, tx, `UPDATE sallyport_recovery SET tries = ?, closed_to = ? WHERE user_id = ?`, t.Count, t.ClosedTo, userID); err != nil {
			return err
		}
		rows, err := db.rows(ctx, tx, `SELECT mac, used_at FROM sallyport_recovery_codes WHERE user_id = ?`, userID)
		if codes, err = scanAll(rows, err, scanRecoveryCode); err == nil && len(codes) == 0 {
			return mfa.ErrNotFound
		}
		return err
	})
	switch {
	case errors.Is(err, errShut):
		return "", nil, closedTo, nil
	case err != nil:
		return "", nil, time.Time{}, failed("charging a try of a recovery code", err, mfa.ErrNotFound)
	}
	return setID, codes, time.Time{}, nil
}

func scanRecoveryCode(row scanner) (c mfa.RecoveryCode, err error) {
	var mac []byte
	err = row.Scan(&mac, instant{&c.UsedAt})
	copy(c.MAC[:], mac)
	return c, err
}

// errUsed undoes what using a code did before it turned out that there is none to use. It never leaves this file.
var errUsed = errors.New("no such code")

// ConsumeRecovery implements mfa.RecoveryStore.
func (db *DB) ConsumeRecovery(ctx context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error) {
	err := db.change(ctx, func(tx *sql.Tx) error {
		for _, step := range []struct {
			statement string
			args      []any
		}{
			{`UPDATE sallyport_recovery SET tries = 0, closed_to = 0 WHERE user_id = ? AND id = ?`, []any{userID, setID}},
			{`UPDATE sallyport_recovery_codes SET used_at = ? WHERE user_id = ? AND mac = ? AND used_at = 0`, []any{now, userID, mac}},
		} {
			changed, err := db.exec(ctx, tx, step.statement, step.args...)
			if err != nil {
				return err
			}
			if changed == 0 {
				return errUsed
			}
		}
		return nil
	})
	if errors.Is(err, errUsed) {
		return false, nil
	}
	return err == nil, failed("using up a recovery code", err)
}

// RecoveryLeft implements mfa.RecoveryStore.
func (db *DB) RecoveryLeft(ctx context.Context, userID string) (left int, err error) {
	err = db.row(ctx, db.sql, `SELECT COUNT(*) FROM sallyport_recovery_codes WHERE user_id = ? AND used_at = 0`, userID).Scan(&left)
	return left, failed("counting recovery codes", err)
}
