package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

// errShut undoes a try that may not be made. It never leaves this package.
var errShut = errors.New("no try counts")

// TOTP implements mfa.TOTPStore.
func (db *DB) TOTP(ctx context.Context, userID string) (mfa.TOTPStatus, error) {
	var s mfa.TOTPStatus
	err := db.row(ctx, db.sql, `SELECT id, since, reset_asked FROM sallyport_totp WHERE user_id = ?`, userID).
		Scan(&s.ID, instant{&s.Since}, instant{&s.ResetAsked})
	if errors.Is(err, sql.ErrNoRows) {
		return mfa.TOTPStatus{}, mfa.ErrNotFound
	}
	return s, failed("reading an authenticator app", err)
}

// SpendTOTP implements mfa.TOTPStore.
func (db *DB) SpendTOTP(ctx context.Context, userID string, b mfa.Budget, now time.Time) (r mfa.TOTPRecord, closedTo time.Time, err error) {
	r.UserID = userID
	err = db.change(ctx, func(tx *sql.Tx) error {
		err := db.row(ctx, tx, `UPDATE sallyport_totp SET tries = tries WHERE user_id = ?
			RETURNING id, sealed, since, last_step, tries, closed_to, reset_asked`, userID).
			Scan(&r.ID, &r.Sealed, instant{&r.Since}, &r.LastStep, &r.Tries.Count, instant{&r.Tries.ClosedTo}, instant{&r.ResetAsked})
		if errors.Is(err, sql.ErrNoRows) {
			return mfa.ErrNotFound
		}
		if err != nil {
			return err
		}
		if r.Tries, closedTo = b.Charge(r.Tries, now); !closedTo.IsZero() {
			return errShut
		}
		_, err = db.exec(ctx, tx, `UPDATE sallyport_totp SET tries = ?, closed_to = ? WHERE user_id = ?`, r.Tries.Count, r.Tries.ClosedTo, userID)
		return err
	})
	switch {
	case errors.Is(err, errShut):
		return mfa.TOTPRecord{}, closedTo, nil
	case err != nil:
		return mfa.TOTPRecord{}, time.Time{}, failed("charging a try of an authenticator app", err, mfa.ErrNotFound)
	}
	return r, time.Time{}, nil
}

// AdvanceTOTP implements mfa.TOTPStore.
func (db *DB) AdvanceTOTP(ctx context.Context, userID, id string, step int64) (bool, error) {
	advanced, err := db.write(ctx, `UPDATE sallyport_totp SET last_step = ?, tries = 0, closed_to = 0, reset_asked = 0
		WHERE user_id = ? AND id = ? AND last_step < ?`, step, userID, id, step)
	return advanced == 1, failed("accepting a code of an authenticator app", err)
}

// ReplaceTOTP implements mfa.TOTPStore.
func (db *DB) ReplaceTOTP(ctx context.Context, old string, r mfa.TOTPRecord) error {
	row := []any{r.ID, r.Sealed, r.Since, r.LastStep, r.Tries.Count, r.Tries.ClosedTo, r.ResetAsked, r.UserID}
	statement := `INSERT INTO sallyport_totp (id, sealed, since, last_step, tries, closed_to, reset_asked, user_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id) DO NOTHING`
	if old != "" {
		statement = `UPDATE sallyport_totp SET id = ?, sealed = ?, since = ?, last_step = ?, tries = ?, closed_to = ?, reset_asked = ?
			WHERE user_id = ? AND id = ?`
		row = append(row, old)
	}
	replaced, err := db.write(ctx, statement, row...)
	if err == nil && replaced == 0 {
		return mfa.ErrConflict
	}
	return failed("writing an authenticator app", err)
}

// DeleteTOTP implements mfa.TOTPStore.
func (db *DB) DeleteTOTP(ctx context.Context, userID, id string) error {
	deleted, err := db.write(ctx, `DELETE FROM sallyport_totp WHERE user_id = ? AND id = ?`, userID, id)
	if err == nil && deleted == 0 {
		return mfa.ErrNotFound
	}
	return failed("deleting an authenticator app", err)
}

// AskTOTPReset implements mfa.TOTPStore.
func (db *DB) AskTOTPReset(ctx context.Context, userID, id string, renew, now time.Time) (asked time.Time, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		return db.row(ctx, tx, `UPDATE sallyport_totp SET reset_asked = CASE WHEN reset_asked = 0 OR reset_asked < ? THEN ? ELSE reset_asked END
			WHERE user_id = ? AND id = ? RETURNING reset_asked`, renew, now, userID, id).Scan(instant{&asked})
	})
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, mfa.ErrNotFound
	}
	return asked, failed("asking to replace an authenticator app", err)
}
