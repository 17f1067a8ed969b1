package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SQLiteDSN is the name to open a SQLite file by, for modernc.org/sqlite and for mattn/go-sqlite3, with the settings that
// Open insists on: every commit is on the disk before it is answered, so that a session ended before a power cut stays
// ended; readers do not wait for writers; and other programs are waited for instead of failing at once.
//
//	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN("app.db"))
//
// The path ":memory:" is a database that ends with the program. Each connection would have one of its own, so call
// db.SetMaxOpenConns(1) as well; Open refuses it otherwise.
func SQLiteDSN(path string) string {
	escape := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")
	return "file:" + escape.Replace(path) + "?_busy_timeout=10000&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=1"
}

// checkSQLite refuses connections that lose commits or fail under load. It sees one connection and trusts that the
// others have the same settings.
func checkSQLite(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: opening SQLite: %w", err)
	}
	defer conn.Close()
	var file string
	var busy, synchronous int
	for _, setting := range []struct {
		query string
		into  any
	}{
		{"SELECT file FROM pragma_database_list WHERE name = 'main'", &file},
		{"PRAGMA busy_timeout", &busy},
		{"PRAGMA synchronous", &synchronous},
	} {
		if err := conn.QueryRowContext(ctx, setting.query).Scan(setting.into); err != nil {
			return fmt.Errorf("sqlstore: reading the settings of SQLite: %w", err)
		}
	}
	const full = 2
	switch {
	case file == "" && db.Stats().MaxOpenConnections != 1:
		return errors.New("sqlstore: a SQLite database in memory belongs to one connection: call db.SetMaxOpenConns(1) before Open")
	case busy == 0:
		return errors.New("sqlstore: this SQLite connection fails instead of waiting (busy_timeout is 0): open it with SQLiteDSN")
	case synchronous < full:
		return errors.New("sqlstore: this SQLite connection may lose commits (synchronous is below FULL): open it with SQLiteDSN")
	}
	return nil
}

// patiently opens a file, also while another program lets go of it as the last that has it: SQLite tidies up then, and answers at once that it
// is locked, whatever busy_timeout says (sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
func patiently(ctx context.Context, open func() (*DB, error)) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // as busy_timeout
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		d, err := open()
		if err == nil || !strings.Contains(err.Error(), "database is locked") { // the drivers have no other word in common
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}
