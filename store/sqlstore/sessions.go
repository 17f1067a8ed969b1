package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

const sessionColumns = `s.id, s.user_id, s.account_id, s.device_id, s.methods, s.via, s.kept,
	s.created_at, s.auth_time, s.seen_at, s.idle, s.expires_at, s.user_agent, s.ip`

// notCut leaves out the sessions of accounts that were cut since, in the statement that finds them. It takes one argument, now.
const notCut = `(c.account_id IS NULL
	OR (s.created_at >= c.last_cut AND (c.due_cut = 0 OR c.due_cut > ? OR s.created_at >= c.due_cut)))`

const fromSessions = ` FROM sallyport_sessions s
	LEFT JOIN sallyport_account_cuts c ON c.account_id = s.account_id AND s.account_id <> ''`

const selectSession = `SELECT ` + sessionColumns + fromSessions + ` WHERE s.token_hash = ? AND ` + notCut

const selectSessions = `SELECT ` + sessionColumns + fromSessions + ` WHERE s.user_id = ? AND ` + notCut + `
	ORDER BY s.created_at DESC, s.id`

// CreateSession implements session.Store.
func (db *DB) CreateSession(ctx context.Context, key session.Key, s session.Session) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_sessions (token_hash, id, user_id, account_id, device_id, methods, via, kept,
			created_at, auth_time, seen_at, idle, expires_at, ends_at, user_agent, ip)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (token_hash) DO NOTHING`,
		key, s.ID, s.UserID, s.AccountID, s.DeviceID, string(s.Methods), s.Via, s.Kept,
		s.CreatedAt, s.AuthTime, s.SeenAt, s.Idle, s.ExpiresAt, endsAt(s), s.UserAgent, s.IP)
	if err != nil {
		return failed("creating a session", err)
	}
	if added == 0 {
		return session.ErrConflict
	}
	db.sweep(ctx, s.CreatedAt, sessionTable)
	return nil
}

// endsAt is when the session ends unless something happens: what expiry looks at.
func endsAt(s session.Session) int64 {
	return min(micros(s.ExpiresAt), micros(s.SeenAt)+s.Idle.Microseconds())
}

// Session implements session.Store.
func (db *DB) Session(ctx context.Context, key session.Key, now time.Time) (*session.Session, error) {
	s, err := scanSession(db.findSession.QueryRowContext(ctx, key[:], micros(now)))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, session.ErrNotFound
	}
	if err != nil {
		return nil, failed("looking up a session", err)
	}
	return &s, nil
}

// scanSession is on the path of every request, so it goes without the conveniences of query.go.
func scanSession(row scanner) (s session.Session, err error) {
	var created, proven, seen, idle, expires int64
	err = row.Scan(&s.ID, &s.UserID, &s.AccountID, &s.DeviceID, &s.Methods, &s.Via, &s.Kept,
		&created, &proven, &seen, &idle, &expires, &s.UserAgent, &s.IP)
	s.CreatedAt, s.AuthTime, s.SeenAt, s.ExpiresAt = fromMicros(created), fromMicros(proven), fromMicros(seen), fromMicros(expires)
	s.Idle = time.Duration(idle) * time.Microsecond
	return s, err
}

// TouchSession implements session.Store.
func (db *DB) TouchSession(ctx context.Context, key session.Key, seen time.Time) error {
	_, err := db.write(ctx, `UPDATE sallyport_sessions
		SET seen_at = ?, ends_at = CASE WHEN idle + ? < expires_at THEN idle + ? ELSE expires_at END
		WHERE token_hash = ? AND seen_at < ?`, seen, seen, seen, key, seen)
	return failed("touching a session", err)
}

// RotateSession implements session.Store.
func (db *DB) RotateSession(ctx context.Context, old, new session.Key, s session.Session, now time.Time) error {
	changed, err := db.write(ctx, `UPDATE sallyport_sessions
		SET token_hash = ?, account_id = ?, methods = ?, auth_time = ?, idle = ?, expires_at = ?,
			ends_at = CASE WHEN seen_at + ? < ? THEN seen_at + ? ELSE ? END
		WHERE token_hash = ? AND NOT EXISTS (SELECT 1 FROM sallyport_account_cuts c
			WHERE c.account_id <> '' AND (c.account_id = sallyport_sessions.account_id OR c.account_id = ?)
			AND (sallyport_sessions.created_at < c.last_cut OR (c.due_cut BETWEEN 1 AND ? AND sallyport_sessions.created_at < c.due_cut)))`,
		new, s.AccountID, string(s.Methods), s.AuthTime, s.Idle, s.ExpiresAt,
		s.Idle, s.ExpiresAt, s.Idle, s.ExpiresAt, old, s.AccountID, now)
	if err == nil && changed == 0 {
		return session.ErrNotFound
	}
	return failed("rotating a session", err)
}

// Sessions implements session.Store.
func (db *DB) Sessions(ctx context.Context, userID string, now time.Time) ([]session.Session, error) {
	rows, err := db.rows(ctx, db.sql, selectSessions, userID, now)
	all, err := scanAll(rows, err, scanSession)
	return all, failed("listing sessions", err)
}

// EndSession implements session.Store.
func (db *DB) EndSession(ctx context.Context, userID, id string) error {
	ended, err := db.write(ctx, `DELETE FROM sallyport_sessions WHERE user_id = ? AND id = ?`, userID, id)
	if err == nil && ended == 0 {
		return session.ErrNotFound
	}
	return failed("ending a session", err)
}

// EndSessions implements session.Store.
func (db *DB) EndSessions(ctx context.Context, userID, except string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_sessions WHERE user_id = ? AND (id <> ? OR ? = '')`, userID, except, except)
	return failed("ending a person's sessions", err)
}
