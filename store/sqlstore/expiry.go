package sqlstore

import (
	"context"
	"time"
)

// sweepLimit is how many expired rows a new one takes with it.
const sweepLimit = 16

// An expiring is a table whose rows end.
type expiring struct {
	table string
	key   string // the columns that name a row
	ends  string // the indexed column that says when a row ends
	never bool   // zero there means that the row does not end
}

var (
	sessionTable = expiring{table: "sallyport_sessions", key: "token_hash", ends: "ends_at"}
	deviceTable  = expiring{table: "sallyport_devices", key: "token_hash, user_id", ends: "known_until", never: true}
	flowTable    = expiring{table: "sallyport_flows", key: "token_hash", ends: "expires_at"}
	limitTable   = expiring{table: "sallyport_limits", key: "counter_key", ends: "expires_at", never: true}
	codeTable    = expiring{table: "sallyport_codes", key: "code_key", ends: "ends_at"}
	ticketTable  = expiring{table: "sallyport_tickets", key: "token_hash", ends: "expires_at"}

	requestTable   = expiring{table: "sallyport_sso_requests", key: "request_key", ends: "expires_at"}
	assertionTable = expiring{table: "sallyport_sso_assertions", key: "assertion_key", ends: "expires_at"}
	loginTable     = expiring{table: "sallyport_sso_logins", key: "session_id", ends: "expires_at"}

	socialRequestTable = expiring{table: "sallyport_social_requests", key: "request_key", ends: "expires_at"}
)

// DeleteExpired implements auth.Expiry. A device record expires when the device is no longer known. A letter in the outbox never
// does: whoever sends letters says when one is given up.
func (db *DB) DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	total := 0
	for _, e := range []expiring{
		sessionTable, deviceTable, flowTable, limitTable, codeTable, ticketTable, requestTable, assertionTable, loginTable,
		socialRequestTable,
	} {
		deleted, err := db.deleteExpired(ctx, e, now, limit)
		if err != nil {
			return total, failed("deleting expired rows of "+e.table, err)
		}
		total += deleted
	}
	return total, nil
}

// sweep deletes a few expired rows after a new one was written, in transactions of its own. What it fails to delete is left
// for the next: the new row stands, and its caller has no use for the error.
func (db *DB) sweep(ctx context.Context, now time.Time, tables ...expiring) {
	for _, e := range tables {
		_, _ = db.deleteExpired(ctx, e, now, sweepLimit)
	}
}

func (db *DB) deleteExpired(ctx context.Context, e expiring, now time.Time, limit int) (int, error) {
	first := int64(-1 << 62)
	if e.never {
		first = 1
	}
	deleted, err := db.write(ctx, db.deleteSome(e), first, now, limit)
	return int(deleted), err
}

// deleteSome is the statement that deletes the rows that ended first. On PostgreSQL it passes over rows that somebody is
// changing at the moment: it neither waits nor makes others wait for each other.
func (db *DB) deleteSome(e expiring) string {
	some := ` FROM ` + e.table + ` WHERE ` + e.ends + ` BETWEEN ? AND ? ORDER BY ` + e.ends + ` LIMIT ?`
	if db.dialect == PostgreSQL {
		return `DELETE FROM ` + e.table + ` WHERE ctid = ANY (ARRAY(SELECT ctid` + some + ` FOR UPDATE SKIP LOCKED))`
	}
	return `DELETE FROM ` + e.table + ` WHERE (` + e.key + `) IN (SELECT ` + e.key + some + `)`
}
