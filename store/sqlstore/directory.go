package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// CreateUser implements directory.UserStore.
func (db *DB) CreateUser(ctx context.Context, u auth.User) error {
	added, err := db.write(ctx, `INSERT INTO sallyport_users (id, email, name, locale, suspended) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`, u.ID, u.Email, u.Name, u.Locale, u.Suspended)
	if err == nil && added == 0 {
		return auth.ErrConflict
	}
	return failed("creating a person", err)
}

// UserByID implements directory.UserStore and auth.Users.
func (db *DB) UserByID(ctx context.Context, id string) (auth.User, error) {
	return db.user(ctx, `SELECT id, email, name, locale, suspended FROM sallyport_users WHERE id = ?`, id)
}

// UserByEmail implements directory.UserStore and auth.Users.
func (db *DB) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	return db.user(ctx, `SELECT id, email, name, locale, suspended FROM sallyport_users WHERE email = ?`, email)
}

func (db *DB) user(ctx context.Context, query, arg string) (u auth.User, err error) {
	err = db.row(ctx, db.sql, query, arg).Scan(&u.ID, &u.Email, &u.Name, &u.Locale, &u.Suspended)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.User{}, auth.ErrNotFound
	}
	return u, failed("looking up a person", err)
}

// SetUserSuspended implements directory.UserStore.
func (db *DB) SetUserSuspended(ctx context.Context, id string, suspended bool) error {
	return db.set(ctx, "suspending a person", `UPDATE sallyport_users SET suspended = ? WHERE id = ?`, suspended, id)
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
	policy, err := json.Marshal(a.Policy)
	if err != nil {
		return failed("creating a company", err)
	}
	added, err := db.write(ctx, `INSERT INTO sallyport_accounts (id, name, state, policy) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO NOTHING`, a.ID, a.Name, string(a.State), string(policy))
	if err == nil && added == 0 {
		return auth.ErrConflict
	}
	return failed("creating a company", err)
}

// SetAccountState implements directory.AccountStore.
func (db *DB) SetAccountState(ctx context.Context, id string, state auth.AccountState) error {
	return db.set(ctx, "changing a company's state", `UPDATE sallyport_accounts SET state = ? WHERE id = ?`, string(state), id)
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
	found, err := db.exec(ctx, tx, `UPDATE sallyport_accounts SET state = state WHERE id = ?`, id)
	if err == nil && found == 0 {
		return auth.ErrNotFound
	}
	return err
}

// SetMember implements directory.AccountStore.
func (db *DB) SetMember(ctx context.Context, m directory.Member) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockAccount(ctx, tx, m.AccountID); err != nil {
			return err
		}
		_, err := db.exec(ctx, tx, `INSERT INTO sallyport_members (account_id, user_id, role, state) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, user_id) DO UPDATE SET role = excluded.role, state = excluded.state`,
			m.AccountID, m.UserID, string(m.Role), string(m.State))
		return err
	})
	return failed("setting a member", err, auth.ErrNotFound)
}

// Memberships implements directory.AccountStore and auth.Companies.
func (db *DB) Memberships(ctx context.Context, userID string) ([]auth.Membership, error) {
	rows, err := db.rows(ctx, db.sql, `SELECT a.id, a.name, a.state, a.policy, m.role, m.state
		FROM sallyport_members m JOIN sallyport_accounts a ON a.id = m.account_id WHERE m.user_id = ?`, userID)
	all, err := scanAll(rows, err, func(row scanner) (m auth.Membership, err error) {
		var policy []byte
		if err := row.Scan(&m.AccountID, &m.AccountName, &m.AccountState, &policy, &m.Role, &m.State); err != nil {
			return m, err
		}
		return m, json.Unmarshal(policy, &m.Policy)
	})
	if err != nil {
		return nil, failed("listing memberships", err)
	}
	// Sorted here because databases do not agree on an alphabet.
	slices.SortFunc(all, func(a, b auth.Membership) int {
		return cmp.Or(cmp.Compare(a.AccountName, b.AccountName), cmp.Compare(a.AccountID, b.AccountID))
	})
	return all, nil
}

// AddDomain implements directory.DomainStore.
func (db *DB) AddDomain(ctx context.Context, d directory.Domain) error {
	err := db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockAccount(ctx, tx, d.AccountID); err != nil {
			return err
		}
		added, err := db.exec(ctx, tx, `INSERT INTO sallyport_domains (name, account_id, sso, verified_at) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO NOTHING`, d.Name, d.AccountID, string(d.SSO), d.VerifiedAt)
		if err != nil || added == 1 {
			return err
		}
		ours, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_domains WHERE name = ? AND account_id = ?`, d.Name, d.AccountID)
		if err == nil && !ours {
			return auth.ErrConflict
		}
		return err
	})
	return failed("adding a domain", err, auth.ErrNotFound, auth.ErrConflict)
}

// SetDomainSSO implements directory.DomainStore.
func (db *DB) SetDomainSSO(ctx context.Context, name string, mode auth.SSOMode) error {
	return db.set(ctx, "changing what a domain asks", `UPDATE sallyport_domains SET sso = ? WHERE name = ?`, string(mode), name)
}

// Domain implements directory.DomainStore.
func (db *DB) Domain(ctx context.Context, name string) (d directory.Domain, err error) {
	err = db.row(ctx, db.sql, `SELECT name, account_id, sso, verified_at FROM sallyport_domains WHERE name = ?`, name).
		Scan(&d.Name, &d.AccountID, &d.SSO, instant{&d.VerifiedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return directory.Domain{}, auth.ErrNotFound
	}
	return d, failed("looking up a domain", err)
}
