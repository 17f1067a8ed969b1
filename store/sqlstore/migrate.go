package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// schema holds one folder for each dialect and in it one file for each version, 0001.sql onwards. A file that was released
// never changes; what is to change is a new file. There is no way back but a backup.
//
//go:embed schema
var schema embed.FS

const createVersions = `CREATE TABLE IF NOT EXISTS sallyport_schema_version (
	version    BIGINT NOT NULL PRIMARY KEY,
	applied_at BIGINT NOT NULL
)`

// migrationLock is the key of the lock that programs queue for on PostgreSQL: "sallypor" in ASCII.
const migrationLock = 0x73616c6c79706f72

// migrate applies the versions that the database lacks, all of them or none. Programs that start together take turns, and
// the later ones find nothing to do.
func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.ReadDir(schema, "schema/"+string(db.dialect))
	if err != nil {
		return fmt.Errorf("sqlstore: reading the embedded schema: %w", err)
	}
	// An error means, as a rule, that there are no tables yet; any other cause shows in the next statement.
	if at, err := db.version(ctx, db.sql); err == nil && at >= len(files) {
		return failed("opening", checkVersion(at, len(files)))
	}
	if db.dialect == SQLite {
		if _, err := db.write(ctx, createVersions); err != nil {
			return failed("creating the version table", err)
		}
	}
	return failed("updating the schema", db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockSchema(ctx, tx); err != nil {
			return err
		}
		at, err := db.version(ctx, tx)
		if err != nil {
			return err
		}
		if err := checkVersion(at, len(files)); err != nil {
			return err
		}
		for _, file := range files[at:] {
			at++
			if err := db.apply(ctx, tx, file.Name()); err != nil {
				return fmt.Errorf("version %d: %w", at, err)
			}
			_, err := db.exec(ctx, tx, `INSERT INTO sallyport_schema_version (version, applied_at) VALUES (?, ?)`, at, time.Now())
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// lockSchema makes this transaction the only one that migrates.
func (db *DB) lockSchema(ctx context.Context, tx *sql.Tx) error {
	if db.dialect == SQLite {
		_, err := db.exec(ctx, tx, `DELETE FROM sallyport_schema_version WHERE version < 0`) // deletes nothing: a write, for the lock
		return err
	}
	if _, err := db.exec(ctx, tx, `SELECT pg_advisory_xact_lock(?)`, int64(migrationLock)); err != nil {
		return err
	}
	_, err := db.exec(ctx, tx, createVersions)
	return err
}

func (db *DB) version(ctx context.Context, q querier) (at int, err error) {
	err = db.row(ctx, q, `SELECT COALESCE(MAX(version), 0) FROM sallyport_schema_version`).Scan(&at)
	return at, err
}

func checkVersion(at, known int) error {
	if at > known {
		return fmt.Errorf("the database is at schema version %d and this program knows versions up to %d: a newer release has changed it", at, known)
	}
	return nil
}

// apply runs one file, statement by statement: drivers differ in whether they take several at once.
func (db *DB) apply(ctx context.Context, tx *sql.Tx, name string) error {
	text, err := fs.ReadFile(schema, "schema/"+string(db.dialect)+"/"+name)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
