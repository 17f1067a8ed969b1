package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

const outboxColumns = `id, due_at, expires_at, attempts, body`

// selectDue finds the rows to claim. On PostgreSQL it locks them, and passes over those that another worker is claiming.
const selectDue = `SELECT ` + outboxColumns + ` FROM sallyport_outbox WHERE due_at <= ? ORDER BY due_at, id LIMIT ?`

func scanOutbox(row scanner) (r mail.OutboxRow, err error) {
	err = row.Scan(&r.ID, instant{&r.DueAt}, instant{&r.ExpiresAt}, &r.Attempts, &r.Body)
	return r, err
}

// AddOutbox implements mail.OutboxStore.
func (db *DB) AddOutbox(ctx context.Context, row mail.OutboxRow) error {
	_, err := db.write(ctx, `INSERT INTO sallyport_outbox (id, due_at, expires_at, attempts, body) VALUES (?, ?, ?, ?, ?)`,
		row.ID, row.DueAt, row.ExpiresAt, row.Attempts, row.Body)
	return failed("adding a letter to the outbox", err)
}

// ClaimOutbox implements mail.OutboxStore.
func (db *DB) ClaimOutbox(ctx context.Context, now, until time.Time, limit int) (claimed []mail.OutboxRow, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		due, err := db.lockDue(ctx, tx, now, limit)
		if err != nil || len(due) == 0 {
			return err
		}
		args := []any{until}
		for i := range due {
			args = append(args, due[i].ID)
			due[i].DueAt, due[i].Attempts = fromMicros(micros(until)), due[i].Attempts+1
		}
		_, err = db.exec(ctx, tx, `UPDATE sallyport_outbox SET due_at = ?, attempts = attempts + 1
			WHERE id IN (?`+strings.Repeat(`, ?`, len(due)-1)+`)`, args...)
		claimed = due
		return err
	})
	if err != nil {
		return nil, failed("claiming letters of the outbox", err)
	}
	return claimed, nil
}

// lockDue answers due rows that nobody else can claim before this transaction ends.
func (db *DB) lockDue(ctx context.Context, tx *sql.Tx, now time.Time, limit int) ([]mail.OutboxRow, error) {
	query := selectDue
	if db.dialect == PostgreSQL {
		query += ` FOR UPDATE SKIP LOCKED`
	} else if _, err := db.exec(ctx, tx, `UPDATE sallyport_outbox SET attempts = attempts WHERE id = ''`); err != nil { // a write, for the lock
		return nil, err
	}
	rows, err := db.rows(ctx, tx, query, now, limit)
	return scanAll(rows, err, scanOutbox)
}

// RetryOutbox implements mail.OutboxStore.
func (db *DB) RetryOutbox(ctx context.Context, id string, attempts int, due time.Time) error {
	changed, err := db.write(ctx, `UPDATE sallyport_outbox SET due_at = ? WHERE id = ? AND attempts = ?`, due, id, attempts)
	if err == nil && changed == 0 {
		return mail.ErrNotFound
	}
	return failed("putting a letter off", err)
}

// DropOutbox implements mail.OutboxStore.
func (db *DB) DropOutbox(ctx context.Context, id string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_outbox WHERE id = ?`, id)
	return failed("dropping a letter from the outbox", err)
}
