package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// PutTicket implements auth.Tickets.
func (db *DB) PutTicket(ctx context.Context, t auth.Ticket, now time.Time) error {
	_, err := db.write(ctx, `INSERT INTO sallyport_tickets (token_hash, slot, expires_at, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (slot) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at, body = excluded.body`,
		t.Key, t.Slot, t.ExpiresAt, t.Body)
	switch {
	case err != nil && db.ticketStands(ctx, t.Key):
		return auth.ErrConflict // the key is taken, which each database says in words of its own
	case err != nil:
		return failed("writing a mailed link", err)
	}
	db.sweep(ctx, now, ticketTable)
	return nil
}

func (db *DB) ticketStands(ctx context.Context, key [32]byte) bool {
	stands, err := db.exists(ctx, db.sql, `SELECT 1 FROM sallyport_tickets WHERE token_hash = ?`, key)
	return stands && err == nil
}

// Ticket implements auth.Tickets.
func (db *DB) Ticket(ctx context.Context, key [32]byte) (auth.Ticket, error) {
	return db.ticket(ctx, `SELECT token_hash, slot, expires_at, body FROM sallyport_tickets WHERE token_hash = ?`, key)
}

// TicketIn implements auth.Tickets.
func (db *DB) TicketIn(ctx context.Context, slot [32]byte) (auth.Ticket, error) {
	return db.ticket(ctx, `SELECT token_hash, slot, expires_at, body FROM sallyport_tickets WHERE slot = ?`, slot)
}

func (db *DB) ticket(ctx context.Context, query string, by [32]byte) (t auth.Ticket, err error) {
	var key, slot []byte
	err = db.row(ctx, db.sql, query, by).Scan(&key, &slot, instant{&t.ExpiresAt}, &t.Body)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Ticket{}, auth.ErrNotFound
	}
	copy(t.Key[:], key)
	copy(t.Slot[:], slot)
	return t, failed("reading a mailed link", err)
}

// TakeTicket implements auth.Tickets.
func (db *DB) TakeTicket(ctx context.Context, key [32]byte) error {
	taken, err := db.write(ctx, `DELETE FROM sallyport_tickets WHERE token_hash = ?`, key)
	if err == nil && taken == 0 {
		return auth.ErrNotFound
	}
	return failed("taking a mailed link", err)
}

// DropTicket implements auth.Tickets.
func (db *DB) DropTicket(ctx context.Context, slot [32]byte) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_tickets WHERE slot = ?`, slot)
	return failed("dropping a mailed link", err)
}
