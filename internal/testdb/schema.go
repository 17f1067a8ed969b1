package testdb

import (
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// prefix begins the names of schemas that are used again.
const prefix = "sallyport_pool_"

// A schema has our tables, and is used by one test at a time.
type schema struct {
	db   *sql.DB
	open *sqlstore.DB
}

// pool is the schemas of this process. What a process leaves behind the next one drops: a connection of its own holds a lock for each
// process that lives.
var pool struct {
	mu   sync.Mutex
	mine string // what the names of this process's schemas begin with; empty: there is none yet
	lock *sql.Conn
	idle []*schema
}

// take answers a schema with empty tables.
func take(t testing.TB) *schema {
	t.Helper()
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if n := len(pool.idle); n > 0 {
		s := pool.idle[n-1]
		pool.idle = pool.idle[:n-1]
		s.db.SetMaxIdleConns(8)
		return s
	}
	config := server(t)
	if pool.mine == "" {
		if err := begin(t, config); err != nil {
			t.Fatalf("preparing the test server: %v", err)
		}
	}
	name := pool.mine + token.NewID()
	s := &schema{db: connect(config, name)}
	if _, err := s.db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatalf("making a schema: %v", err)
	}
	s.open = open(t, s.db, sqlstore.PostgreSQL)
	return s
}

// begin takes the lock of this process, and drops what processes have left behind that live no more.
func begin(t testing.TB, config pgx.ConnConfig) error {
	ctx := t.Context()
	conn, err := stdlib.OpenDB(config).Conn(ctx) // as long as the process lives
	if err != nil {
		return err
	}
	mine := prefix + token.NewID()[:8] + "_"
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(hashtext($1))", mine); err != nil {
		return err
	}
	pool.mine, pool.lock = mine, conn
	rows, err := conn.QueryContext(ctx, "SELECT nspname FROM pg_namespace WHERE nspname LIKE $1", prefix+"%")
	if err != nil {
		return err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, name := range names {
		whose := name[:len(mine)]
		var free bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(hashtext($1))", whose).Scan(&free); err != nil {
			return err
		}
		if !free || whose == mine {
			continue
		}
		_, dropped := conn.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE")
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock(hashtext($1))", whose)
		if err := errors.Join(dropped, err); err != nil {
			return err
		}
	}
	return nil
}

// empty deletes all rows: first of the tables that none refers to, last of those that refer to none. The version of the tables stays.
const empty = `DO $$
DECLARE one record;
BEGIN
	FOR one IN
		SELECT c.oid::regclass AS name FROM pg_class c
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> 'sallyport_schema_version'
		ORDER BY EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f'),
			NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f')
	LOOP
		EXECUTE 'DELETE FROM ' || one.name;
	END LOOP;
END
$$`

// giveBack empties the schema for the next test. One that cannot be emptied is not used again.
func (s *schema) giveBack(t testing.TB) {
	if _, err := s.db.Exec(empty); err != nil {
		t.Errorf("emptying a schema: %v", err)
		s.db.Close()
		return
	}
	s.db.SetMaxIdleConns(1) // the server has not many
	pool.mu.Lock()
	defer pool.mu.Unlock()
	pool.idle = append(pool.idle, s)
}
