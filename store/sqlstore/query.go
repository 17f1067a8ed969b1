package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// querier is what statements run on: the pool, or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// write runs one statement on its own and tells how many rows it changed.
func (db *DB) write(ctx context.Context, query string, args ...any) (int64, error) {
	if err := db.startWriting(ctx); err != nil {
		return 0, err
	}
	defer db.stopWriting()
	return db.exec(ctx, db.sql, query, args...)
}

// change runs several statements as one: all of them, or none where do fails or ctx ends first.
// The first statement must be a write. On SQLite it takes the lock that others wait for; a transaction that read first
// would fail instead of waiting.
func (db *DB) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	if err := db.startWriting(ctx); err != nil {
		return err
	}
	defer db.stopWriting()
	tx, err := db.sql.BeginTx(ctx, db.isolation())
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once committed
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// isolation asks PostgreSQL for the level that these statements are written for, whatever the server's default is: each
// statement sees what was committed before it, which after a row is locked is the row as it stands.
func (db *DB) isolation() *sql.TxOptions {
	if db.dialect == PostgreSQL {
		return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}

func (db *DB) startWriting(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.writing == nil {
		return nil
	}
	select {
	case db.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (db *DB) stopWriting() {
	if db.writing != nil {
		<-db.writing
	}
}

func (db *DB) exec(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, db.rebind(query), columns(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (db *DB) row(ctx context.Context, q querier, query string, args ...any) *sql.Row {
	return q.QueryRowContext(ctx, db.rebind(query), columns(args)...)
}

func (db *DB) rows(ctx context.Context, q querier, query string, args ...any) (*sql.Rows, error) {
	return q.QueryContext(ctx, db.rebind(query), columns(args)...)
}

// exists tells whether a query finds anything.
func (db *DB) exists(ctx context.Context, q querier, query string, args ...any) (bool, error) {
	var one int
	err := db.row(ctx, q, query, args...).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// scanAll reads every row of a query and closes it.
func scanAll[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(into ...any) error }

// rebind turns the question marks of a query into what the dialect wants. No query of this package has one in a text.
func (db *DB) rebind(query string) string {
	if db.dialect != PostgreSQL {
		return query
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// columns turns Go values into what the columns hold.
func columns(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case [32]byte:
			out[i] = v[:]
		case []byte:
			out[i] = append([]byte{}, v...) // never NULL
		case string:
			out[i] = text(v)
		case time.Time:
			out[i] = micros(v)
		case time.Duration:
			out[i] = v.Microseconds()
		case bool:
			out[i] = flag(v)
		default:
			out[i] = arg
		}
	}
	return out
}

// text makes a string that every database takes. PostgreSQL refuses bytes that are not UTF-8, and NUL; a browser may call
// itself anything, and an id from a link may be anything, and neither must break a sign-in.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// micros keeps the zero Time apart from 1970.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// instant scans what micros wrote.
type instant struct{ into *time.Time }

func (i instant) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("an instant is stored as %T, want a number", value)
	}
	*i.into = fromMicros(n)
	return nil
}

// failed says what was being done, and lets the answers that callers act on pass as they are.
func failed(doing string, err error, answers ...error) error {
	if err == nil {
		return nil
	}
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return answer
		}
	}
	return fmt.Errorf("sqlstore: %s: %w", doing, err)
}
