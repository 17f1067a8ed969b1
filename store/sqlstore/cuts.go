package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// CutSessions implements session.Cuts. It looks through all sessions for those of the account: an index would cost every sign-in
// something, and this is an administrator's rare act.
func (db *DB) CutSessions(ctx context.Context, accountID string, now time.Time) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		_, err := db.exec(ctx, tx, `INSERT INTO sallyport_account_cuts (account_id, last_cut, due_cut) VALUES (?, ?, 0)
			ON CONFLICT (account_id) DO UPDATE SET last_cut = CASE
				WHEN excluded.last_cut > sallyport_account_cuts.last_cut THEN excluded.last_cut
				ELSE sallyport_account_cuts.last_cut END`, accountID, now)
		if err != nil {
			return err
		}
		_, err = db.exec(ctx, tx, `DELETE FROM sallyport_sessions WHERE account_id = ? AND created_at >= ?`, accountID, now)
		return err
	})
	return failed("cutting the sessions of an account", err)
}

// DueCut implements session.Cuts.
func (db *DB) DueCut(ctx context.Context, accountID string, at, now time.Time) error {
	_, err := db.write(ctx, `INSERT INTO sallyport_account_cuts (account_id, last_cut, due_cut) VALUES (?, 0, ?)
		ON CONFLICT (account_id) DO UPDATE SET
			last_cut = CASE
				WHEN sallyport_account_cuts.due_cut <= ? AND sallyport_account_cuts.due_cut > sallyport_account_cuts.last_cut
				THEN sallyport_account_cuts.due_cut
				ELSE sallyport_account_cuts.last_cut END,
			due_cut = excluded.due_cut`, accountID, at, now)
	return failed("appointing a cut of an account's sessions", err)
}
