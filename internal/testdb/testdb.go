// Package testdb opens real databases for tests: [Each] runs a test over every kind there is, and [Both] over one of each dialect.
//
// Only tests import it: it links the drivers. PostgreSQL is found by the environment variable SALLYPORT_POSTGRES, a
// connection URL of somebody who may create schemas; each test has a schema to itself. Making one takes much longer than most tests,
// and the server remembers it for ever unless somebody vacuums its catalogue, so those with our tables are emptied and used again.
package testdb

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// Each runs a test over SQLite in a file, SQLite in memory and PostgreSQL, each with empty tables.
func Each(t *testing.T, test func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	t.Run("sqlite file", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("sqlite memory", func(t *testing.T) { test(t, SQLiteMemory(t)) })
	t.Run("postgresql", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// Both runs a test over SQLite in a file and PostgreSQL, each with empty tables: for stories, to which it makes no difference where
// SQLite keeps its pages.
func Both(t *testing.T, test func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgresql", func(t *testing.T) { test(t, PostgreSQL(t)) })
}

// SQLite opens a new SQLite file, which goes with the test.
func SQLite(t testing.TB) *sqlstore.DB { return open(t, RawSQLite(t), sqlstore.SQLite) }

// SQLiteMemory opens a new SQLite database in memory.
func SQLiteMemory(t testing.TB) *sqlstore.DB {
	t.Helper()
	db := sqlite(t, ":memory:")
	db.SetMaxOpenConns(1)
	return open(t, db, sqlstore.SQLite)
}

// PostgreSQL opens a schema of the test server with empty tables, for this test alone.
func PostgreSQL(t testing.TB) *sqlstore.DB {
	t.Helper()
	s := take(t)
	t.Cleanup(func() { s.giveBack(t) })
	return s.open
}

// RawSQLite is the database of SQLite before sqlstore.Open has seen it.
func RawSQLite(t testing.TB) *sql.DB {
	t.Helper()
	return sqlite(t, filepath.Join(t.TempDir(), "test.db"))
}

// RawPostgreSQL is the database of PostgreSQL before sqlstore.Open has seen it: a new schema, which goes with the test.
func RawPostgreSQL(t testing.TB) *sql.DB {
	t.Helper()
	config := server(t)
	admin := stdlib.OpenDB(config)
	admin.SetMaxOpenConns(1)
	t.Cleanup(func() { admin.Close() })
	schema := "sallyport_test_" + token.NewID()
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatalf("making a schema for the test: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Errorf("dropping the schema of the test: %v", err)
		}
	})
	db := connect(config, schema)
	t.Cleanup(func() { db.Close() })
	return db
}

// server is the test server, if it answers.
func server(t testing.TB) pgx.ConnConfig {
	t.Helper()
	url := cmp.Or(os.Getenv("SALLYPORT_POSTGRES"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatalf("SALLYPORT_POSTGRES is not a connection URL: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	db := stdlib.OpenDB(*config)
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		missing(t, err)
	}
	return *config
}

// connect opens a pool of connections that see one schema.
func connect(config pgx.ConnConfig, schema string) *sql.DB {
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	config.RuntimeParams["search_path"] = schema
	config.RuntimeParams["lock_timeout"] = "30s"       // a test that waits for itself fails, and does not hang
	config.RuntimeParams["synchronous_commit"] = "off" // no test pulls the plug of the server
	db := stdlib.OpenDB(config)
	db.SetMaxOpenConns(8) // several packages are tested at once, on one server
	db.SetMaxIdleConns(8)
	return db
}

// missing ends a test that has no server: loudly where every test must run, and else in words that help.
func missing(t testing.TB, err error) {
	t.Helper()
	const how = "PostgreSQL does not answer: start one, and name it in SALLYPORT_POSTGRES (postgres://user:password@host:5432/database)"
	if strings.EqualFold(os.Getenv("CI"), "true") {
		t.Fatalf("%s: %v", how, err)
	}
	t.Skipf("%s: %v", how, err)
}

func sqlite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		t.Fatalf("opening SQLite: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t testing.TB, db *sql.DB, dialect sqlstore.Dialect) *sqlstore.DB {
	t.Helper()
	d, err := sqlstore.Open(db, dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
