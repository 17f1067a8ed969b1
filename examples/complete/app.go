package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// An appOf is the authenticator app of somebody who must have one from the start. A real app sits on the person's phone and nowhere else; the
// demo keeps its key beside the data and prints it, so that anybody can be that person.
type appOf struct {
	db     *sql.DB
	apps   *mfa.TOTP
	insert string
	remove string
	query  string
}

func newAppOf(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, store mfa.TOTPStore, key []byte) (*appOf, error) {
	a := &appOf{
		db:     db,
		insert: "INSERT INTO demo_app (user_id, app_id, address) VALUES (?, ?, ?)",
		remove: "DELETE FROM demo_app WHERE user_id = ?",
		query:  "SELECT app_id, address FROM demo_app WHERE user_id = ?",
	}
	if dialect == sqlstore.PostgreSQL {
		a.insert = "INSERT INTO demo_app (user_id, app_id, address) VALUES ($1, $2, $3)"
		a.remove = "DELETE FROM demo_app WHERE user_id = $1"
		a.query = "SELECT app_id, address FROM demo_app WHERE user_id = $1"
	}
	const table = "CREATE TABLE IF NOT EXISTS demo_app (user_id VARCHAR(64) PRIMARY KEY, app_id VARCHAR(64) NOT NULL, address TEXT NOT NULL)"
	if _, err := db.ExecContext(ctx, table); err != nil {
		if _, err = db.ExecContext(ctx, table); err != nil { // as in newTrail
			return nil, fmt.Errorf("making the table of apps: %w", err)
		}
	}
	var err error
	a.apps, err = mfa.NewTOTP(mfa.TOTPConfig{Store: store, Keys: [][]byte{key}, Issuer: productName, Now: aMinuteAgo})
	return a, err
}

// aMinuteAgo is when the apps are set up: a code counts once, and the one that an app shows now is left for whoever signs in with it.
func aMinuteAgo() time.Time { return time.Now().Add(-time.Minute) }

// setUp gives somebody an app, unless they have one whose key is known here, or have set up another since.
func (a *appOf) setUp(ctx context.Context, userID, email string) error {
	var known string
	err := a.db.QueryRowContext(ctx, a.query, userID).Scan(&known, new(string))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading an app: %w", err)
	}
	now, err := a.apps.Status(ctx, userID)
	switch {
	case err != nil && !errors.Is(err, mfa.ErrNotFound):
		return err
	case known != "" && now.ID != "":
		return nil
	}
	setup, err := a.apps.Begin(userID, email)
	if err != nil {
		return err
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(setup.Secret, " ", ""), aMinuteAgo())
	if err != nil {
		return err
	}
	err = a.apps.Confirm(ctx, userID, setup.Sealed, code, now.ID)
	if errors.Is(err, mfa.ErrConflict) {
		return nil // another program, started at the same moment on the same database, was faster
	}
	if err != nil {
		return err
	}
	if now, err = a.apps.Status(ctx, userID); err != nil {
		return err
	}
	if _, err := a.db.ExecContext(ctx, a.remove, userID); err != nil {
		return fmt.Errorf("keeping an app: %w", err)
	}
	if _, err := a.db.ExecContext(ctx, a.insert, userID, now.ID, setup.URI); err != nil {
		return fmt.Errorf("keeping an app: %w", err)
	}
	return nil
}

// address is what an app scans to be this person's; empty: they have set up one of their own since.
func (a *appOf) address(ctx context.Context, userID string) (string, error) {
	var known, address string
	err := a.db.QueryRowContext(ctx, a.query, userID).Scan(&known, &address)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	now, err2 := a.apps.Status(ctx, userID)
	if errors.Is(err2, mfa.ErrNotFound) {
		err2 = nil
	}
	if err := errors.Join(err, err2); err != nil || now.ID != known {
		return "", err
	}
	return address, nil
}
