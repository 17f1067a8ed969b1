package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// lockCounter makes the row if there is none, and locks it either way.
const lockCounter = `INSERT INTO sallyport_limits (counter_key, guesses, since, closed_to, expires_at) VALUES (?, 0, 0, 0, 0)
	ON CONFLICT (counter_key) DO UPDATE SET guesses = sallyport_limits.guesses`

// errClosed undoes a charge. It never leaves this file.
var errClosed = errors.New("a counter is closed")

// Charge implements auth.Limits.
func (db *DB) Charge(ctx context.Context, charges []auth.Charge, now time.Time) (closedTo time.Time, err error) {
	if len(charges) == 0 {
		return time.Time{}, nil
	}
	// In the order of the keys, so that two guesses that share counters cannot each hold what the other waits for.
	charges = slices.SortedFunc(slices.Values(charges), func(a, b auth.Charge) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	err = db.change(ctx, func(tx *sql.Tx) error {
		counters := make([]auth.Counter, len(charges))
		for i, charge := range charges {
			if _, err := db.exec(ctx, tx, lockCounter, charge.Key); err != nil {
				return err
			}
			c := &counters[i]
			err := db.row(ctx, tx, `SELECT guesses, since, closed_to, expires_at FROM sallyport_limits WHERE counter_key = ?`, charge.Key).
				Scan(&c.Count, instant{&c.Since}, instant{&c.ClosedTo}, instant{&c.ExpiresAt})
			if err != nil {
				return err
			}
		}
		var after []auth.Counter
		if after, closedTo = auth.ChargeAll(charges, counters, now); !closedTo.IsZero() {
			return errClosed
		}
		for i, c := range after {
			_, err := db.exec(ctx, tx, `UPDATE sallyport_limits SET guesses = ?, since = ?, closed_to = ?, expires_at = ? WHERE counter_key = ?`,
				c.Count, c.Since, c.ClosedTo, c.ExpiresAt, charges[i].Key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errClosed) {
		return closedTo, nil
	}
	if err != nil {
		return time.Time{}, failed("charging a guess", err)
	}
	db.sweep(ctx, now, limitTable)
	return time.Time{}, nil
}

// ClearLimits implements auth.Limits.
func (db *DB) ClearLimits(ctx context.Context, keys [][32]byte) error {
	if len(keys) == 0 {
		return nil
	}
	// One by one, in the order in which Charge locks them.
	keys = slices.SortedFunc(slices.Values(keys), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	err := db.change(ctx, func(tx *sql.Tx) error {
		for _, key := range keys {
			if _, err := db.exec(ctx, tx, `DELETE FROM sallyport_limits WHERE counter_key = ?`, key); err != nil {
				return err
			}
		}
		return nil
	})
	return failed("clearing limits", err)
}
