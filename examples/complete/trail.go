package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// A trail keeps, for each session, the rules that let it begin: what the home page shows under "why".
type trail struct {
	db     *sql.DB
	insert string
	query  string
}

func newTrail(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect) (*trail, error) {
	t := &trail{
		db:     db,
		insert: "INSERT INTO demo_trail (session_id, rules) VALUES (?, ?)",
		query:  "SELECT rules FROM demo_trail WHERE session_id = ?",
	}
	if dialect == sqlstore.PostgreSQL {
		t.insert = "INSERT INTO demo_trail (session_id, rules) VALUES ($1, $2)"
		t.query = "SELECT rules FROM demo_trail WHERE session_id = $1"
	}
	const table = "CREATE TABLE IF NOT EXISTS demo_trail (session_id VARCHAR(64) PRIMARY KEY, rules TEXT NOT NULL)"
	_, err := db.ExecContext(ctx, table)
	if err != nil {
		// PostgreSQL lets two programs that start at once both try. Whoever loses finds the table the second time.
		_, err = db.ExecContext(ctx, table)
	}
	if err != nil {
		return nil, fmt.Errorf("making the trail: %w", err)
	}
	return t, nil
}

// record is the host's auth.Config.Record. It runs before the session begins, and an error keeps it from beginning.
func (t *trail) record(ctx context.Context, e auth.Event) error {
	if e.Kind != auth.SignedIn {
		return nil
	}
	_, err := t.db.ExecContext(ctx, t.insert, e.SessionID, strings.Join(e.Trace, "\n"))
	return err
}

// why answers the rules that let a session begin.
func (t *trail) why(ctx context.Context, sessionID string) ([]string, error) {
	var rules string
	if err := t.db.QueryRowContext(ctx, t.query, sessionID).Scan(&rules); err != nil {
		return nil, fmt.Errorf("reading the trail: %w", err)
	}
	return strings.Split(rules, "\n"), nil
}
