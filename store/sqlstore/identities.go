package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// pairKey is what a unique index holds in the place of two texts, which may be longer than an index takes, or no text at all. The
// length of the first stands before it: no two pairs have one spelling.
func pairKey(a, b string) [32]byte {
	pair := binary.BigEndian.AppendUint64(nil, uint64(len(a)))
	return sha256.Sum256(append(append(pair, a...), b...))
}

const selectLink = `SELECT id, user_id, source, subject, provider, email, linked_at, used_at FROM sallyport_identities`

func scanLink(row scanner) (l auth.Link, err error) {
	var source, subject []byte
	err = row.Scan(&l.ID, &l.UserID, &source, &subject, &l.Provider, &l.Email, instant{&l.LinkedAt}, instant{&l.UsedAt})
	l.Source, l.Subject = string(source), string(subject)
	return l, err
}

// IdentityBy implements auth.Identities.
func (db *DB) IdentityBy(ctx context.Context, source, subject string) (auth.Link, error) {
	l, err := scanLink(db.row(ctx, db.sql, selectLink+` WHERE identity_key = ?`, pairKey(source, subject)))
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Link{}, auth.ErrNotFound
	}
	return l, failed("looking up an identity", err)
}

// Identities implements auth.Identities.
func (db *DB) Identities(ctx context.Context, userID string) ([]auth.Link, error) {
	rows, err := db.rows(ctx, db.sql, selectLink+` WHERE user_id = ?`, userID)
	all, err := scanAll(rows, err, scanLink)
	if err != nil {
		return nil, failed("listing identities", err)
	}
	slices.SortFunc(all, func(a, b auth.Link) int {
		return cmp.Or(a.LinkedAt.Compare(b.LinkedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// LinkIdentity implements auth.Identities. The unique columns decide who gets an identity.
func (db *DB) LinkIdentity(ctx context.Context, l auth.Link) error {
	key := pairKey(l.Source, l.Subject)
	added, err := db.write(ctx, `INSERT INTO sallyport_identities (identity_key, place_key, id, user_id, source, subject, provider, email, linked_at, used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		key, pairKey(l.UserID, l.Source), l.ID, l.UserID, []byte(l.Source), []byte(l.Subject), l.Provider, l.Email, l.LinkedAt, l.UsedAt)
	if err != nil || added == 1 {
		return failed("linking an identity", err)
	}
	// Nothing was written. Whether it stands already hangs on what stands now.
	stands, err := db.exists(ctx, db.sql, `SELECT 1 FROM sallyport_identities WHERE identity_key = ? AND user_id = ?`, key, l.UserID)
	if err == nil && !stands {
		return auth.ErrConflict
	}
	return failed("linking an identity", err)
}

// UseIdentity implements auth.Identities.
func (db *DB) UseIdentity(ctx context.Context, source, subject string, now time.Time) error {
	return db.set(ctx, "using an identity", `UPDATE sallyport_identities SET used_at = CASE WHEN used_at < ? THEN ? ELSE used_at END
		WHERE identity_key = ?`, now, now, pairKey(source, subject))
}

// UnlinkIdentity implements auth.Identities.
func (db *DB) UnlinkIdentity(ctx context.Context, userID, id string, providers []string) error {
	const link = `id = ? AND user_id = ?`
	if providers == nil {
		return db.set(ctx, "unlinking an identity", `DELETE FROM sallyport_identities WHERE `+link, id, userID)
	}
	// NULL equals nothing: the list may be empty.
	other := `EXISTS (SELECT 1 FROM sallyport_identities WHERE user_id = ? AND id <> ? AND provider IN (NULL` + strings.Repeat(`, ?`, len(providers)) + `))`
	args := []any{id, userID, userID, id}
	for _, p := range providers {
		args = append(args, p)
	}
	return failed("unlinking an identity", db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockIdentities(ctx, tx, userID); err != nil {
			return err
		}
		deleted, err := db.exec(ctx, tx, `DELETE FROM sallyport_identities WHERE `+link+` AND `+other, args...)
		if err != nil || deleted == 1 {
			return err
		}
		stands, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_identities WHERE `+link, id, userID)
		switch {
		case err != nil:
			return err
		case stands:
			return auth.ErrConflict
		}
		return auth.ErrNotFound
	}), auth.ErrConflict, auth.ErrNotFound)
}

// UnlinkIdentities implements auth.Identities.
func (db *DB) UnlinkIdentities(ctx context.Context, userID string) error {
	return failed("unlinking identities", db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockIdentities(ctx, tx, userID); err != nil {
			return err
		}
		_, err := db.exec(ctx, tx, `DELETE FROM sallyport_identities WHERE user_id = ?`, userID)
		return err
	}))
}

// lockIdentities makes others who unlink what a person has wait, so that none of them counts a link that is about to go. It locks in an
// order that is the same for all, or they would wait for each other. SQLite has one writer at a time and needs none of it.
func (db *DB) lockIdentities(ctx context.Context, tx *sql.Tx, userID string) error {
	if db.dialect != PostgreSQL {
		return nil
	}
	_, err := db.exec(ctx, tx, `SELECT 1 FROM sallyport_identities WHERE user_id = ? ORDER BY identity_key FOR UPDATE`, userID)
	return err
}
