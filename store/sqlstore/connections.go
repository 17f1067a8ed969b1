package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// selectConnections reads connections that are not deleted, with the domains of each in one text.
func (db *DB) selectConnections(where string) string {
	return `SELECT c.id, c.account_id, c.version, c.body, c.refresh_at, ` + db.domainsOf() + `
		FROM sallyport_sso_connections c WHERE c.version > 0 AND ` + where
}

// domainsOf is the domains that a connection c speaks for, with spaces between, which none has within: those of its company that name
// it, and are not lost. One that names none is nobody's, whatever a connection is called.
func (db *DB) domainsOf() string {
	list := `group_concat`
	if db.dialect == PostgreSQL {
		list = `string_agg`
	}
	return `COALESCE((SELECT ` + list + `(d.name, ' ') FROM sallyport_domains d
		WHERE d.connection_id = c.id AND d.connection_id <> '' AND d.account_id = c.account_id AND d.lost_at = 0), '')`
}

func scanConnection(row scanner) (c sso.ConnectionRow, err error) {
	var domains string
	err = row.Scan(&c.ID, &c.AccountID, &c.Version, &c.Body, instant{&c.RefreshAt}, &domains)
	if domains != "" {
		c.Domains = strings.Fields(domains)
		slices.Sort(c.Domains) // here, since databases differ in their order of texts
	}
	return c, err
}

// CreateConnection implements sso.Store.
func (db *DB) CreateConnection(ctx context.Context, c sso.ConnectionRow) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_sso_connections (id, account_id, version, body, refresh_at) VALUES (?, ?, 1, ?, ?)
		ON CONFLICT (id) DO UPDATE SET version = 1, body = excluded.body, refresh_at = excluded.refresh_at
			WHERE sallyport_sso_connections.version = 0 AND sallyport_sso_connections.account_id = excluded.account_id`,
		c.ID, c.AccountID, c.Body, c.RefreshAt)
	if err == nil && added == 0 {
		return sso.ErrConflict
	}
	return failed("creating a connection", err)
}

// ConnectionRow implements sso.Store.
func (db *DB) ConnectionRow(ctx context.Context, id string) (sso.ConnectionRow, error) {
	c, err := scanConnection(db.row(ctx, db.sql, db.selectConnections(`c.id = ?`), id))
	if errors.Is(err, sql.ErrNoRows) {
		return sso.ConnectionRow{}, sso.ErrNotFound
	}
	return c, failed("reading a connection", err)
}

// ConnectionRows implements sso.Store.
func (db *DB) ConnectionRows(ctx context.Context, accountID string) ([]sso.ConnectionRow, error) {
	rows, err := db.rows(ctx, db.sql, db.selectConnections(`c.account_id = ?`), accountID)
	all, err := scanAll(rows, err, scanConnection)
	slices.SortFunc(all, func(a, b sso.ConnectionRow) int { return strings.Compare(a.ID, b.ID) })
	return all, failed("listing a company's connections", err)
}

// SwapConnection implements sso.Store.
func (db *DB) SwapConnection(ctx context.Context, c sso.ConnectionRow) error {
	changed, err := db.write(ctx, `UPDATE sallyport_sso_connections SET version = version + 1, body = ?, refresh_at = ?
		WHERE id = ? AND account_id = ? AND version = ? AND version > 0`, c.Body, c.RefreshAt, c.ID, c.AccountID, c.Version)
	if err == nil && changed == 0 {
		return db.missedConnection(ctx, `id = ? AND account_id = ?`, c.ID, c.AccountID)
	}
	return failed("changing a connection", err)
}

// DeleteConnection implements sso.Store.
func (db *DB) DeleteConnection(ctx context.Context, id string, version int64) error {
	changed, err := db.write(ctx, `UPDATE sallyport_sso_connections SET version = 0, body = ?, refresh_at = 0
		WHERE id = ? AND version = ? AND version > 0`, []byte{}, id, version)
	if err == nil && changed == 0 {
		return db.missedConnection(ctx, `id = ?`, id)
	}
	return failed("deleting a connection", err)
}

// missedConnection tells why a change found no row at its version. Nothing hangs on the answer but words: nothing was written.
func (db *DB) missedConnection(ctx context.Context, where string, args ...any) error {
	there, err := db.exists(ctx, db.sql, `SELECT 1 FROM sallyport_sso_connections WHERE version > 0 AND `+where, args...)
	switch {
	case err != nil:
		return failed("reading a connection", err)
	case there:
		return sso.ErrConflict
	}
	return sso.ErrNotFound
}

// ClaimRefresh implements sso.Store.
func (db *DB) ClaimRefresh(ctx context.Context, now, until time.Time, limit int) (claimed []sso.ConnectionRow, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		due, err := db.lockRefresh(ctx, tx, now, limit)
		if err != nil || len(due) == 0 {
			return err
		}
		args := []any{until}
		for i := range due {
			args = append(args, due[i].ID)
			due[i].RefreshAt = fromMicros(micros(until))
		}
		_, err = db.exec(ctx, tx, `UPDATE sallyport_sso_connections SET refresh_at = ? WHERE id IN (?`+strings.Repeat(`, ?`, len(due)-1)+`)`, args...)
		claimed = due
		return err
	})
	if err != nil {
		return nil, failed("claiming connections whose metadata is due", err)
	}
	return claimed, nil
}

// lockRefresh answers due connections that nobody else can claim before this transaction ends, nor change.
func (db *DB) lockRefresh(ctx context.Context, tx *sql.Tx, now time.Time, limit int) ([]sso.ConnectionRow, error) {
	query := db.selectConnections(`c.refresh_at BETWEEN 1 AND ? ORDER BY c.refresh_at, c.id LIMIT ?`)
	if db.dialect == PostgreSQL {
		query += ` FOR UPDATE OF c SKIP LOCKED`
	} else if _, err := db.exec(ctx, tx, `UPDATE sallyport_sso_connections SET version = version WHERE id = ''`); err != nil { // a write, for the lock
		return nil, err
	}
	rows, err := db.rows(ctx, tx, query, now, max(limit, 0)) // below zero, one database refuses and the other has no limit
	return scanAll(rows, err, scanConnection)
}
