package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

const codeColumns = `id, mac, expires_at, tries, sends, sent_at, ends_at`

// lockCode makes the row if there is none, one that has ended, and locks it either way.
const lockCode = `INSERT INTO sallyport_codes (code_key, id, mac, expires_at, tries, sends, sent_at, ends_at) VALUES (?, '', ?, 0, 0, 0, 0, 0)
	ON CONFLICT (code_key) DO UPDATE SET tries = sallyport_codes.tries RETURNING ` + codeColumns

func scanCode(row scanner) (c mfa.CodeRecord, err error) {
	var mac []byte
	err = row.Scan(&c.ID, &mac, instant{&c.ExpiresAt}, &c.Tries, &c.Sends, instant{&c.SentAt}, instant{&c.EndsAt})
	copy(c.MAC[:], mac)
	return c, err
}

// SendCode implements mfa.CodeStore.
func (db *DB) SendCode(ctx context.Context, key [32]byte, c mfa.CodeRecord, r mfa.CodeRules, now time.Time) (wait time.Time, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		stands, err := scanCode(db.row(ctx, tx, lockCode, key, [32]byte{}))
		if err != nil {
			return err
		}
		if !now.Before(stands.EndsAt) {
			stands = mfa.CodeRecord{}
		}
		after, free, err := r.Next(stands, c, now)
		if err != nil {
			return err
		}
		if wait = free; !wait.IsZero() {
			return errShut
		}
		_, err = db.exec(ctx, tx, `UPDATE sallyport_codes SET id = ?, mac = ?, expires_at = ?, tries = ?, sends = ?, sent_at = ?, ends_at = ?
			WHERE code_key = ?`, after.ID, after.MAC, after.ExpiresAt, after.Tries, after.Sends, after.SentAt, after.EndsAt, key)
		return err
	})
	switch {
	case errors.Is(err, errShut):
		return wait, nil
	case err != nil:
		return time.Time{}, failed("writing a mailed code", err, mfa.ErrSpent)
	}
	db.sweep(ctx, now, codeTable)
	return time.Time{}, nil
}

// SpendCode implements mfa.CodeStore.
func (db *DB) SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (c mfa.CodeRecord, err error) {
	err = db.change(ctx, func(tx *sql.Tx) (err error) {
		c, err = scanCode(db.row(ctx, tx, `UPDATE sallyport_codes SET tries = tries + 1 WHERE code_key = ? AND ends_at > ? AND tries < ?
			RETURNING `+codeColumns, key, now, tries))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return mfa.CodeRecord{}, db.missedCode(ctx, key, now)
	}
	return c, failed("charging a try of a mailed code", err)
}

// missedCode tells why a try was not counted. Nothing hangs on the answer but words: nothing was written.
func (db *DB) missedCode(ctx context.Context, key [32]byte, now time.Time) error {
	there, err := db.exists(ctx, db.sql, `SELECT 1 FROM sallyport_codes WHERE code_key = ? AND ends_at > ?`, key, now)
	switch {
	case err != nil:
		return failed("reading a mailed code", err)
	case there:
		return mfa.ErrSpent
	}
	return mfa.ErrNotFound
}

// ConsumeCode implements mfa.CodeStore.
func (db *DB) ConsumeCode(ctx context.Context, key [32]byte, id string) (bool, error) {
	consumed, err := db.write(ctx, `DELETE FROM sallyport_codes WHERE code_key = ? AND id = ?`, key, id)
	return consumed == 1, failed("using up a mailed code", err)
}
