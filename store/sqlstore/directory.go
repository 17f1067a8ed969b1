package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

const selectUser = `SELECT id, email, name, locale, suspended, unverified FROM sallyport_users`

func scanUser(row scanner) (u auth.User, err error) {
	err = row.Scan(&u.ID, &u.Email, &u.Name, &u.Locale, &u.Suspended, &u.Unverified)
	return u, err
}

// CreateUser implements directory.UserStore.
func (db *DB) CreateUser(ctx context.Context, u auth.User) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_users (id, email, name, locale, suspended, unverified) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, u.ID, u.Email, u.Name, u.Locale, u.Suspended, u.Unverified)
	if err == nil && added == 0 {
		return auth.ErrConflict
	}
	return failed("creating a person", err)
}

// UserByID implements directory.UserStore and auth.Users.
func (db *DB) UserByID(ctx context.Context, id string) (auth.User, error) {
	return db.user(ctx, selectUser+` WHERE id = ?`, id)
}

// UserByEmail implements directory.UserStore and auth.Users.
func (db *DB) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	return db.user(ctx, selectUser+` WHERE email = ?`, email)
}

func (db *DB) user(ctx context.Context, query, arg string) (u auth.User, err error) {
	u, err = scanUser(db.row(ctx, db.sql, query, arg))
	if errors.Is(err, sql.ErrNoRows) {
		return auth.User{}, auth.ErrNotFound
	}
	return u, failed("looking up a person", err)
}

// SetUserSuspended implements directory.UserStore.
func (db *DB) SetUserSuspended(ctx context.Context, id string, suspended bool) error {
	return db.set(ctx, "suspending a person", `UPDATE sallyport_users SET suspended = ? WHERE id = ?`, suspended, id)
}

// SetUserName implements directory.UserStore.
func (db *DB) SetUserName(ctx context.Context, id, name string) error {
	return db.set(ctx, "changing a person's name", `UPDATE sallyport_users SET name = ? WHERE id = ?`, name, id)
}

// SetUserLocale implements directory.UserStore.
func (db *DB) SetUserLocale(ctx context.Context, id, tag string) error {
	return db.set(ctx, "changing a person's language", `UPDATE sallyport_users SET locale = ? WHERE id = ?`, tag, id)
}

// VerifyUser implements directory.UserStore.
func (db *DB) VerifyUser(ctx context.Context, id, email string) error {
	return db.SwapEmail(ctx, id, email, email)
}

// SwapEmail implements directory.UserStore.
func (db *DB) SwapEmail(ctx context.Context, id, from, to string) error {
	changed, err := db.write(ctx, `UPDATE sallyport_users SET email = ?, unverified = 0 WHERE id = ? AND email = ?`, to, id, from)
	if err == nil && changed == 1 {
		return nil
	}
	// Nothing was written. Why is told by what stands now: nothing hangs on it but words.
	owner, byEmail := db.UserByEmail(ctx, to)
	switch _, byID := db.UserByID(ctx, id); {
	case err != nil && (byEmail != nil || owner.ID == id):
		return failed("changing a person's address", err)
	case err != nil:
		return auth.ErrConflict // the address is taken, which each database says in words of its own
	case byID != nil:
		return byID
	}
	return auth.ErrConflict
}

// set changes one row that must be there.
func (db *DB) set(ctx context.Context, doing, query string, args ...any) error {
	changed, err := db.write(ctx, query, args...)
	if err == nil && changed == 0 {
		return auth.ErrNotFound
	}
	return failed(doing, err)
}

// CreateAccount implements directory.AccountStore.
func (db *DB) CreateAccount(ctx context.Context, a directory.Account) error {
	if err := db.startWriting(ctx); err != nil {
		return failed("creating a company", err)
	}
	defer db.stopWriting()
	return failed("creating a company", db.insertAccount(ctx, db.sql, a), auth.ErrConflict)
}

func (db *DB) insertAccount(ctx context.Context, q querier, a directory.Account) error {
	policy, err := json.Marshal(a.Policy)
	if err != nil {
		return err
	}
	added, err := db.exec(ctx, q, `INSERT INTO sallyport_accounts (id, name, state, grace_ends, policy) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO NOTHING`, a.ID, a.Name, string(a.State), a.GraceEnds, string(policy))
	if err == nil && added == 0 {
		return auth.ErrConflict
	}
	return err
}

// CreateCompany implements directory.AccountStore.
func (db *DB) CreateCompany(ctx context.Context, a directory.Account, ownerID string) (accountID string, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		found, err := db.exec(ctx, tx, `UPDATE sallyport_users SET locale = locale WHERE id = ?`, ownerID) // for the lock
		if err != nil {
			return err
		}
		if found == 0 {
			return auth.ErrNotFound
		}
		rows, err := db.rows(ctx, tx, `SELECT account_id FROM sallyport_members WHERE user_id = ? AND role = ? AND state = ?`,
			ownerID, string(auth.RoleSuperAdmin), string(auth.MemberActive))
		leads, err := scanAll(rows, err, scanText)
		if err != nil {
			return err
		}
		if len(leads) > 0 {
			accountID = slices.Min(leads) // here, because databases do not agree on an alphabet
			return nil
		}
		if err := db.insertAccount(ctx, tx, a); err != nil {
			return err
		}
		accountID = a.ID
		return db.putMember(ctx, tx, directory.Member{AccountID: a.ID, UserID: ownerID, Role: auth.RoleSuperAdmin, State: auth.MemberActive})
	})
	if err != nil {
		return "", failed("creating a company of a person's", err, auth.ErrNotFound, auth.ErrConflict)
	}
	return accountID, nil
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// Bootstrap implements directory.AccountStore. It locks a row that is in every database, and that nothing else changes once the
// tables are there.
func (db *DB) Bootstrap(ctx context.Context, a directory.Account, first auth.Invitation, now time.Time) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		_, err := db.exec(ctx, tx, `UPDATE sallyport_schema_version SET applied_at = applied_at
			WHERE version = (SELECT MIN(version) FROM sallyport_schema_version)`)
		if err != nil {
			return err
		}
		some, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_users UNION ALL SELECT 1 FROM sallyport_accounts LIMIT 1`)
		if err != nil {
			return err
		}
		if some {
			return directory.ErrNotEmpty
		}
		if err := db.insertAccount(ctx, tx, a); err != nil {
			return err
		}
		return db.insertInvitation(ctx, tx, first, now)
	})
	return failed("making the first company", err, directory.ErrNotEmpty)
}

// SetAccountState implements directory.AccountStore.
func (db *DB) SetAccountState(ctx context.Context, id string, state auth.AccountState, graceEnds time.Time) error {
	return db.set(ctx, "changing a company's state", `UPDATE sallyport_accounts SET state = ?, grace_ends = ? WHERE id = ?`,
		string(state), graceEnds, id)
}

// SetAccountPolicy implements directory.AccountStore.
func (db *DB) SetAccountPolicy(ctx context.Context, id string, p auth.Policy) error {
	policy, err := json.Marshal(p)
	if err != nil {
		return failed("changing a company's policy", err)
	}
	return db.set(ctx, "changing a company's policy", `UPDATE sallyport_accounts SET policy = ? WHERE id = ?`, string(policy), id)
}

// lockAccount holds a company's row, so that what depends on it stays true until the transaction ends.
// auth.ErrNotFound: there is no such company.
func (db *DB) lockAccount(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := db.holdAccount(ctx, tx, `id = ?`, id)
	return err
}

// holdAccount locks the one company of a condition, and answers it as it stands.
func (db *DB) holdAccount(ctx context.Context, tx *sql.Tx, where, arg string) (a directory.Account, err error) {
	var policy []byte
	err = db.row(ctx, tx, `UPDATE sallyport_accounts SET state = state WHERE `+where+` RETURNING id, name, state, grace_ends, policy`, arg).
		Scan(&a.ID, &a.Name, &a.State, instant{&a.GraceEnds}, &policy)
	if errors.Is(err, sql.ErrNoRows) {
		return a, auth.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(policy, &a.Policy)
	}
	return a, err
}
