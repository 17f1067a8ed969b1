package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

const loginColumns = `session_id, user_id, connection, subject, session_index, body, expires_at`

func scanLogin(row scanner) (l sso.LoginRow, err error) {
	var subject, index []byte
	err = row.Scan(&l.SessionID, &l.UserID, &l.Connection, &subject, &index, &l.Body, instant{&l.ExpiresAt})
	copy(l.Subject[:], subject)
	copy(l.Index[:], index)
	return l, err
}

// AddLogin implements sso.Logins.
func (db *DB) AddLogin(ctx context.Context, l sso.LoginRow, now time.Time) error {
	_, err := db.write(ctx, `INSERT INTO sallyport_sso_logins (`+loginColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (session_id) DO UPDATE SET user_id = excluded.user_id, connection = excluded.connection, subject = excluded.subject,
			session_index = excluded.session_index, body = excluded.body, expires_at = excluded.expires_at`,
		l.SessionID, l.UserID, l.Connection, l.Subject, l.Index, l.Body, l.ExpiresAt)
	if err != nil {
		return failed("writing which session of a provider a session came from", err)
	}
	db.sweep(ctx, now, loginTable)
	return nil
}

// LoginOf implements sso.Logins.
func (db *DB) LoginOf(ctx context.Context, sessionID string) (sso.LoginRow, error) {
	l, err := scanLogin(db.row(ctx, db.sql, `SELECT `+loginColumns+` FROM sallyport_sso_logins WHERE session_id = ?`, sessionID))
	if errors.Is(err, sql.ErrNoRows) {
		return sso.LoginRow{}, sso.ErrNotFound
	}
	return l, failed("reading which session of a provider a session came from", err)
}

// TakeLogins implements sso.Logins.
func (db *DB) TakeLogins(ctx context.Context, connection string, subject [32]byte, indexes [][32]byte) (taken []sso.LoginRow, err error) {
	where, args := `connection = ?`, []any{connection}
	if subject != ([32]byte{}) {
		where, args = where+` AND subject = ?`, append(args, subject)
	}
	if len(indexes) > 0 {
		where += ` AND session_index IN (?` + strings.Repeat(`, ?`, len(indexes)-1) + `) AND session_index <> ?`
		for _, index := range indexes {
			args = append(args, index)
		}
		args = append(args, [32]byte{})
	}
	if len(args) == 1 {
		return nil, nil
	}
	err = db.change(ctx, func(tx *sql.Tx) error {
		rows, err := db.rows(ctx, tx, db.deleteLogins(where), args...)
		taken, err = scanAll(rows, err, scanLogin)
		return err
	})
	if err != nil {
		return nil, failed("taking the sessions of a provider's session", err)
	}
	return taken, nil
}

// deleteLogins is the statement that deletes rows and answers them. On PostgreSQL it locks them one after another in an order that
// is the same for all: two callers who name some of the same rows, by subject and by index, would wait for each other.
func (db *DB) deleteLogins(where string) string {
	if db.dialect == PostgreSQL {
		where = `session_id = ANY (ARRAY(SELECT session_id FROM sallyport_sso_logins WHERE ` + where + ` ORDER BY session_id FOR UPDATE))`
	}
	return `DELETE FROM sallyport_sso_logins WHERE ` + where + ` RETURNING ` + loginColumns
}

// DropLogin implements sso.Logins.
func (db *DB) DropLogin(ctx context.Context, sessionID string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_sso_logins WHERE session_id = ?`, sessionID)
	return failed("dropping what a session came from", err)
}
