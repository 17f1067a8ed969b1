// Package sqlstore keeps everything that Sallyport keeps in a database of the host's: SQLite or PostgreSQL, through database/sql.
//
// Call [Open] with the host's *sql.DB; it makes or updates the tables, whose names all begin with sallyport_. [DB.Stores]
// then fills every field of auth.Config.Stores, and the DB itself is the directory.Store, the session.Store and whatever packages
// sso and social ask for. Every method is safe for concurrent use, by many programs at once, and is one atomic change however many tables it
// touches: a program that is killed, or a caller who goes away, leaves all of it or nothing.
//
// What the host must do:
//
//   - import a driver; this package links none. It is tried with modernc.org/sqlite and with the database/sql side of
//     github.com/jackc/pgx/v5.
//   - open SQLite with the settings of [SQLiteDSN]; Open refuses weaker ones. One machine only: SQLite files on network
//     drives lose writes.
//   - leave default_transaction_isolation of PostgreSQL at "read committed", which is what it is unless somebody changed it,
//     and raise SetMaxIdleConns: database/sql keeps two connections and opens every other one anew.
//   - run auth.Manager.Run, or call [DB.DeleteExpired] now and then. Without it expired rows go only as new ones come,
//     up to 16 at a time, and nothing is less secure.
//
// It keeps instants and lengths of time as whole microseconds. It does not keep secrets from people who can read the
// database: what stands there are hashes, keyed hashes and sealed values, and making those is the caller's. It has no
// cache, starts no goroutine, and does not close the host's *sql.DB.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
)

// A Dialect is a kind of database.
type Dialect string

const (
	SQLite     Dialect = "sqlite"     // 3.35 or newer
	PostgreSQL Dialect = "postgresql" // 12 or newer
)

// A DB keeps rows in one database. It implements every storage contract of this module.
type DB struct {
	sql     *sql.DB
	dialect Dialect

	// writing has room for one on SQLite, which has one writer at a time: callers of this program wait their turn here, in
	// order, and not in SQLite's lock, which is won by luck and lost by time. It is nil on PostgreSQL.
	writing chan struct{}

	findSession *sql.Stmt // the look-up of every request
}

var (
	_ session.Store     = (*DB)(nil)
	_ session.Cuts      = (*DB)(nil)
	_ session.Devices   = (*DB)(nil)
	_ auth.Credentials  = (*DB)(nil)
	_ auth.Flows        = (*DB)(nil)
	_ auth.Limits       = (*DB)(nil)
	_ auth.Tickets      = (*DB)(nil)
	_ auth.Identities   = (*DB)(nil)
	_ auth.Expiry       = (*DB)(nil)
	_ mfa.TOTPStore     = (*DB)(nil)
	_ mfa.RecoveryStore = (*DB)(nil)
	_ mfa.CodeStore     = (*DB)(nil)
	_ mail.OutboxStore  = (*DB)(nil)
	_ directory.Store   = (*DB)(nil)
	_ social.Requests   = (*DB)(nil)
	_ sso.Requests      = (*DB)(nil)
	_ sso.Logins        = (*DB)(nil)
	_ sso.Store         = (*DB)(nil)
)

// Open brings the tables to this program's version and answers a store over them. It may be called by any number of
// programs at the same time. It refuses a database that a newer release has already changed, and a SQLite connection that
// could lose what was committed.
//
// Where the tables are up to date, Open writes nothing and needs no right to change them: a host may apply the files of
// schema/ beforehand, under a login of its own.
func Open(db *sql.DB, dialect Dialect) (*DB, error) {
	if db == nil {
		return nil, errors.New("sqlstore: Open needs a *sql.DB")
	}
	ctx := context.Background()
	switch dialect {
	case SQLite:
		return patiently(ctx, func() (*DB, error) {
			if err := checkSQLite(ctx, db); err != nil {
				return nil, err
			}
			return (&DB{sql: db, dialect: dialect, writing: make(chan struct{}, 1)}).open(ctx)
		})
	case PostgreSQL:
		return (&DB{sql: db, dialect: dialect}).open(ctx)
	}
	return nil, fmt.Errorf("sqlstore: unknown dialect %q: use sqlstore.SQLite or sqlstore.PostgreSQL", dialect)
}

// open is Open for a database that will do.
func (d *DB) open(ctx context.Context) (*DB, error) {
	if err := d.migrate(ctx); err != nil {
		return nil, err
	}
	var err error
	if d.findSession, err = d.sql.PrepareContext(ctx, d.rebind(selectSession)); err != nil {
		return nil, fmt.Errorf("sqlstore: preparing the session look-up: %w", err)
	}
	return d, nil
}

// Stores answers the DB in every field that it can fill, which is all of them.
func (db *DB) Stores() auth.Stores {
	return auth.Stores{
		Credentials: db, Flows: db, Limits: db, Sessions: db, Cuts: db, Devices: db,
		TOTP: db, Recovery: db, Codes: db, Outbox: db, Tickets: db, Identities: db, Expiry: db,
	}
}
