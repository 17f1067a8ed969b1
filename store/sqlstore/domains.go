package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// claimKept is how long a claim is kept after it has expired.
const claimKept = 30 * 24 * time.Hour

const domainColumns = `name, account_id, verified_at, sso, enforced_at, connection_id, tested_at, proof, check_at, misses, missed_at, lost_at`

const selectDomain = `SELECT ` + domainColumns + ` FROM sallyport_domains`

func scanDomain(row scanner) (d directory.Domain, err error) {
	err = row.Scan(&d.Name, &d.AccountID, instant{&d.VerifiedAt}, &d.SSO, instant{&d.EnforcedAt}, &d.Connection, instant{&d.TestedAt},
		&d.Proof, instant{&d.CheckAt}, &d.Misses, instant{&d.MissedAt}, instant{&d.LostAt})
	return d, err
}

// putDomain writes a domain where there is none, or one that orWhere says may be written over; what the company's own one asks stays.
// It tells whether it did.
func (db *DB) putDomain(ctx context.Context, tx *sql.Tx, d directory.Domain, orWhere string) (bool, error) {
	const ours = `CASE WHEN sallyport_domains.account_id = excluded.account_id THEN sallyport_domains.`
	written, err := db.exec(ctx, tx, `INSERT INTO sallyport_domains (`+domainColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET account_id = excluded.account_id, verified_at = excluded.verified_at,
			sso = `+ours+`sso ELSE excluded.sso END, enforced_at = `+ours+`enforced_at ELSE excluded.enforced_at END,
			connection_id = `+ours+`connection_id ELSE excluded.connection_id END, tested_at = `+ours+`tested_at ELSE excluded.tested_at END,
			proof = excluded.proof, check_at = excluded.check_at, misses = excluded.misses, missed_at = excluded.missed_at, lost_at = excluded.lost_at
		WHERE `+orWhere,
		d.Name, d.AccountID, d.VerifiedAt, string(d.SSO), d.EnforcedAt, d.Connection, d.TestedAt, d.Proof, d.CheckAt, d.Misses, d.MissedAt, d.LostAt)
	return written == 1, err
}

// AddDomain implements directory.DomainStore.
func (db *DB) AddDomain(ctx context.Context, d directory.Domain) error {
	return db.inCompany(ctx, "adding a domain", d.AccountID, func(tx *sql.Tx) error {
		written, err := db.putDomain(ctx, tx, d, `sallyport_domains.lost_at <> 0`)
		if err != nil || written {
			return err
		}
		ours, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_domains WHERE name = ? AND account_id = ?`, d.Name, d.AccountID)
		if err == nil && !ours {
			return auth.ErrConflict
		}
		return err
	})
}

// inDomain runs a verb of one domain, which it answers as it stands, while its row is locked.
func (db *DB) inDomain(ctx context.Context, doing, name string, do func(tx *sql.Tx, d directory.Domain) error) error {
	return errRefused(doing, db.change(ctx, func(tx *sql.Tx) error {
		d, err := scanDomain(db.row(ctx, tx, `UPDATE sallyport_domains SET sso = sso WHERE name = ? RETURNING `+domainColumns, name))
		if errors.Is(err, sql.ErrNoRows) {
			return auth.ErrNotFound
		}
		if err != nil {
			return err
		}
		return do(tx, d)
	}))
}

// ReleaseDomain implements directory.DomainStore.
func (db *DB) ReleaseDomain(ctx context.Context, accountID, name string) error {
	return db.inDomain(ctx, "releasing a domain", name, func(tx *sql.Tx, d directory.Domain) error {
		if d.AccountID != accountID {
			return auth.ErrNotFound
		}
		if err := d.MayRelease(); err != nil {
			return err
		}
		_, err := db.exec(ctx, tx, `DELETE FROM sallyport_domains WHERE name = ?`, name)
		return err
	})
}

// Domain implements directory.DomainStore.
func (db *DB) Domain(ctx context.Context, name string) (directory.Domain, error) {
	d, err := scanDomain(db.row(ctx, db.sql, selectDomain+` WHERE name = ?`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return directory.Domain{}, auth.ErrNotFound
	}
	return d, failed("looking up a domain", err)
}

// Domains implements directory.DomainStore.
func (db *DB) Domains(ctx context.Context, accountID string) ([]directory.Domain, error) {
	rows, err := db.rows(ctx, db.sql, selectDomain+` WHERE account_id = ?`, accountID)
	all, err := scanAll(rows, err, scanDomain)
	if err != nil {
		return nil, failed("listing domains", err)
	}
	slices.SortFunc(all, func(a, b directory.Domain) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// DueDomains implements directory.DomainStore.
func (db *DB) DueDomains(ctx context.Context, now, again time.Time, limit int) (due []directory.Domain, err error) {
	err = db.change(ctx, func(tx *sql.Tx) error {
		due, err = db.lockDueDomains(ctx, tx, now, limit)
		if err != nil || len(due) == 0 {
			return err
		}
		args := []any{again}
		for i := range due {
			args = append(args, due[i].Name)
			due[i].CheckAt = fromMicros(micros(again))
		}
		_, err = db.exec(ctx, tx, `UPDATE sallyport_domains SET check_at = ? WHERE name IN (?`+strings.Repeat(`, ?`, len(due)-1)+`)`, args...)
		return err
	})
	if err != nil {
		return nil, failed("taking domains to check", err)
	}
	return due, nil
}

// lockDueDomains answers due rows that nobody else can take before this transaction ends. On PostgreSQL it passes over those that
// another worker is taking.
func (db *DB) lockDueDomains(ctx context.Context, tx *sql.Tx, now time.Time, limit int) ([]directory.Domain, error) {
	query := selectDomain + ` WHERE check_at BETWEEN 1 AND ? ORDER BY check_at, name LIMIT ?`
	if db.dialect == PostgreSQL {
		query += ` FOR UPDATE SKIP LOCKED`
	} else if _, err := db.exec(ctx, tx, `UPDATE sallyport_domains SET misses = misses WHERE name = ''`); err != nil { // a write, for the lock
		return nil, err
	}
	rows, err := db.rows(ctx, tx, query, now, limit)
	return scanAll(rows, err, scanDomain)
}

// SwapDomainCheck implements directory.DomainStore.
func (db *DB) SwapDomainCheck(ctx context.Context, d directory.Domain, was time.Time) error {
	changed, err := db.write(ctx, `UPDATE sallyport_domains SET verified_at = ?, check_at = ?, misses = ?, missed_at = ?, lost_at = ?
		WHERE name = ? AND proof = ? AND check_at = ?`, d.VerifiedAt, d.CheckAt, d.Misses, d.MissedAt, d.LostAt, d.Name, d.Proof, was)
	if err == nil && changed == 0 {
		return auth.ErrConflict
	}
	return failed("writing the check of a domain", err)
}

const selectClaim = `SELECT name, account_id, value, made_at, expires_at FROM sallyport_domain_claims`

func scanClaim(row scanner) (c directory.Claim, err error) {
	err = row.Scan(&c.Domain, &c.AccountID, &c.Value, instant{&c.MadeAt}, instant{&c.ExpiresAt})
	return c, err
}

// ClaimDomain implements directory.ClaimStore.
func (db *DB) ClaimDomain(ctx context.Context, c directory.Claim) (pending directory.Claim, err error) {
	err = db.inCompany(ctx, "claiming a domain", c.AccountID, func(tx *sql.Tx) error {
		var owner string
		err := db.row(ctx, tx, `SELECT account_id FROM sallyport_domains WHERE name = ? AND lost_at = 0`, c.Domain).Scan(&owner)
		switch {
		case err == nil && owner == c.AccountID:
			return auth.ErrConflict
		case err == nil:
			return auth.Refusal(auth.ReasonDomainTaken)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		_, err = db.exec(ctx, tx, `DELETE FROM sallyport_domain_claims WHERE account_id = ? AND expires_at <= ?`, c.AccountID, c.MadeAt.Add(-claimKept))
		if err != nil {
			return err
		}
		_, err = db.exec(ctx, tx, `INSERT INTO sallyport_domain_claims (name, account_id, value, made_at, expires_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (name, account_id) DO UPDATE SET value = excluded.value, made_at = excluded.made_at, expires_at = excluded.expires_at
			WHERE sallyport_domain_claims.expires_at <= excluded.made_at`, c.Domain, c.AccountID, c.Value, c.MadeAt, c.ExpiresAt)
		if err != nil {
			return err
		}
		pending, err = scanClaim(db.row(ctx, tx, selectClaim+` WHERE name = ? AND account_id = ?`, c.Domain, c.AccountID))
		return err
	})
	if err != nil {
		return directory.Claim{}, err
	}
	return pending, nil
}

// Claims implements directory.ClaimStore.
func (db *DB) Claims(ctx context.Context, accountID string) ([]directory.Claim, error) {
	rows, err := db.rows(ctx, db.sql, selectClaim+` WHERE account_id = ?`, accountID)
	all, err := scanAll(rows, err, scanClaim)
	if err != nil {
		return nil, failed("listing claims", err)
	}
	slices.SortFunc(all, func(a, b directory.Claim) int { return cmp.Compare(a.Domain, b.Domain) })
	return all, nil
}

// ProveDomain implements directory.ClaimStore. A refusal undoes all of it: the claim stays.
func (db *DB) ProveDomain(ctx context.Context, d directory.Domain) error {
	return errRefused("proving a domain", db.change(ctx, func(tx *sql.Tx) error {
		claimed, err := db.exec(ctx, tx, `DELETE FROM sallyport_domain_claims WHERE name = ? AND account_id = ? AND value = ? AND expires_at > ?`,
			d.Name, d.AccountID, d.Proof, d.VerifiedAt)
		if err != nil {
			return err
		}
		if claimed == 0 {
			return auth.ErrNotFound
		}
		written, err := db.putDomain(ctx, tx, d, `sallyport_domains.lost_at <> 0 OR sallyport_domains.account_id = excluded.account_id`)
		if err == nil && !written {
			return auth.Refusal(auth.ReasonDomainTaken)
		}
		return err
	}))
}

// DropClaim implements directory.ClaimStore.
func (db *DB) DropClaim(ctx context.Context, accountID, name string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_domain_claims WHERE name = ? AND account_id = ?`, name, accountID)
	return failed("dropping a claim", err)
}

// SetDomainSSO implements directory.SSOStore.
func (db *DB) SetDomainSSO(ctx context.Context, name string, mode auth.SSOMode, now time.Time) error {
	if mode != auth.SSOEnforced {
		return db.set(ctx, "changing what a domain asks", `UPDATE sallyport_domains SET sso = ?, enforced_at = 0 WHERE name = ? AND lost_at = 0`,
			string(mode), name)
	}
	return db.set(ctx, "changing what a domain asks", enforce+` WHERE name = ? AND lost_at = 0`, string(mode), now, string(mode), name)
}

// enforce makes a mode enforced, from now on where it was not.
const enforce = `UPDATE sallyport_domains SET enforced_at = CASE WHEN sso = ? THEN enforced_at ELSE ? END, sso = ?`

// EnforceSSO implements directory.SSOStore.
func (db *DB) EnforceSSO(ctx context.Context, name string, now time.Time) error {
	return db.inDomain(ctx, "enforcing a company's sign-in", name, func(tx *sql.Tx, d directory.Domain) error {
		if d.Lost() {
			return auth.ErrNotFound
		}
		if err := d.MayEnforce(now); err != nil {
			return err
		}
		_, err := db.exec(ctx, tx, enforce+` WHERE name = ?`, string(auth.SSOEnforced), now, string(auth.SSOEnforced), name)
		return err
	})
}

// SetDomainConnection implements directory.SSOStore.
func (db *DB) SetDomainConnection(ctx context.Context, name, connectionID string) error {
	return db.set(ctx, "naming the connection of a domain", `UPDATE sallyport_domains
		SET tested_at = CASE WHEN connection_id = ? THEN tested_at ELSE 0 END, connection_id = ? WHERE name = ? AND lost_at = 0`,
		connectionID, connectionID, name)
}

// PassConnectionTest implements directory.SSOStore. On PostgreSQL it locks the rows in order first, so that two of these do not wait for
// each other.
func (db *DB) PassConnectionTest(ctx context.Context, connectionID string, at time.Time) error {
	const older = `connection_id = ? AND lost_at = 0 AND tested_at < ?`
	some := `SELECT name FROM sallyport_domains WHERE ` + older + ` ORDER BY name`
	if db.dialect == PostgreSQL {
		some += ` FOR UPDATE`
	}
	_, err := db.write(ctx, `UPDATE sallyport_domains SET tested_at = ? WHERE `+older+` AND name IN (`+some+`)`, at, connectionID, at, connectionID, at)
	return failed("keeping the test of a connection", err)
}
