package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// errRefused is what the verbs of a company answer with as it is.
func errRefused(doing string, err error) error {
	if refusal, ok := errors.AsType[auth.Refusal](err); ok {
		return refusal
	}
	return failed(doing, err, auth.ErrNotFound, auth.ErrConflict)
}

// inCompany runs a verb of one company while its row is locked.
func (db *DB) inCompany(ctx context.Context, doing, accountID string, do func(tx *sql.Tx) error) error {
	return errRefused(doing, db.change(ctx, func(tx *sql.Tx) error {
		if err := db.lockAccount(ctx, tx, accountID); err != nil {
			return err
		}
		return do(tx)
	}))
}

// SetMember implements directory.MemberStore.
func (db *DB) SetMember(ctx context.Context, m directory.Member) error {
	return db.inCompany(ctx, "setting a member", m.AccountID, func(tx *sql.Tx) error {
		was, err := db.member(ctx, tx, m.AccountID, m.UserID)
		if err != nil {
			return err
		}
		return db.replaceMember(ctx, tx, was, m)
	})
}

// ChangeMember implements directory.MemberStore.
func (db *DB) ChangeMember(ctx context.Context, by, accountID, userID string, change directory.MemberChange) error {
	return db.inCompany(ctx, "changing a member", accountID, func(tx *sql.Tx) error {
		var actor *directory.Member
		if by != "" {
			m, err := db.actor(ctx, tx, accountID, by)
			if err != nil {
				return err
			}
			actor = &m
		}
		was, err := db.member(ctx, tx, accountID, userID)
		if err != nil {
			return err
		}
		next, err := change.Apply(actor, was)
		if err != nil {
			return err
		}
		return db.replaceMember(ctx, tx, was, next)
	})
}

// RemoveMember implements directory.MemberStore.
func (db *DB) RemoveMember(ctx context.Context, accountID, userID string) error {
	return db.inCompany(ctx, "removing a member", accountID, func(tx *sql.Tx) error {
		was, err := db.member(ctx, tx, accountID, userID)
		if err != nil {
			return err
		}
		if was == nil {
			return auth.ErrNotFound
		}
		nobody := directory.Member{AccountID: accountID, UserID: userID}
		if err := db.keepsLeader(ctx, tx, was, nobody); err != nil {
			return err
		}
		if err := db.dropRights(ctx, tx, nobody); err != nil {
			return err
		}
		_, err = db.exec(ctx, tx, `DELETE FROM sallyport_members WHERE account_id = ? AND user_id = ?`, accountID, userID)
		return err
	})
}

// AddMember implements directory.MemberStore.
func (db *DB) AddMember(ctx context.Context, m directory.Member, now time.Time) (added auth.Membership, err error) {
	err = errRefused("adding a member", db.change(ctx, func(tx *sql.Tx) error {
		a, err := db.holdAccount(ctx, tx, `id = ?`, m.AccountID)
		if err != nil {
			return err
		}
		was, err := db.member(ctx, tx, m.AccountID, m.UserID)
		if err == nil && was == nil {
			if a.Expired(now) {
				return auth.Refusal(auth.ReasonAccountExpired)
			}
			err = db.putMember(ctx, tx, m)
		}
		if err != nil {
			return err
		}
		all, err := db.memberships(ctx, tx, `m.user_id = ? AND m.account_id = ?`, m.UserID, m.AccountID)
		if err == nil {
			added = all[0]
		}
		return err
	}))
	if err != nil {
		return auth.Membership{}, err
	}
	return added, nil
}

// SetMemberSSO implements directory.MemberStore.
func (db *DB) SetMemberSSO(ctx context.Context, accountID, userID string, o auth.SSOOverride) error {
	return db.set(ctx, "changing what a member is asked", `UPDATE sallyport_members SET sso = ? WHERE account_id = ? AND user_id = ?`,
		string(o), accountID, userID)
}

// member reads a member of a company that is locked; nil: there is none.
func (db *DB) member(ctx context.Context, tx *sql.Tx, accountID, userID string) (*directory.Member, error) {
	m := directory.Member{AccountID: accountID, UserID: userID}
	err := db.row(ctx, tx, `SELECT role, state FROM sallyport_members WHERE account_id = ? AND user_id = ?`, accountID, userID).Scan(&m.Role, &m.State)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &m, nil
}

// actor reads a member as one who acts: a person who is suspended altogether may do nothing. There being none is the zero Member.
func (db *DB) actor(ctx context.Context, tx *sql.Tx, accountID, userID string) (directory.Member, error) {
	m, err := db.member(ctx, tx, accountID, userID)
	if err != nil || m == nil {
		return directory.Member{}, err
	}
	suspended, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_users WHERE id = ? AND suspended = 1`, userID)
	if suspended {
		m.State = auth.MemberSuspended
	}
	return *m, err
}

// replaceMember writes a member of a company that is locked, and what goes with a change of one.
func (db *DB) replaceMember(ctx context.Context, tx *sql.Tx, was *directory.Member, m directory.Member) error {
	if err := db.keepsLeader(ctx, tx, was, m); err != nil {
		return err
	}
	if err := db.putMember(ctx, tx, m); err != nil {
		return err
	}
	return db.dropRights(ctx, tx, m)
}

func (db *DB) putMember(ctx context.Context, tx *sql.Tx, m directory.Member) error {
	_, err := db.exec(ctx, tx, `INSERT INTO sallyport_members (account_id, user_id, role, state) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id, user_id) DO UPDATE SET role = excluded.role, state = excluded.state`,
		m.AccountID, m.UserID, string(m.Role), string(m.State))
	return err
}

// keepsLeader refuses a change that takes away a company's last active super administrator.
func (db *DB) keepsLeader(ctx context.Context, tx *sql.Tx, was *directory.Member, next directory.Member) error {
	if was == nil || !was.Leads() || next.Leads() {
		return nil
	}
	another, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_members
		WHERE account_id = ? AND user_id <> ? AND role = ? AND state = ? LIMIT 1`,
		was.AccountID, was.UserID, string(auth.RoleSuperAdmin), string(auth.MemberActive))
	if err == nil && !another {
		return auth.Refusal(auth.ReasonLastSuperAdmin)
	}
	return err
}

// dropRights takes the seats of somebody who is suspended or goes, and revokes the invitations that a member could not make now.
func (db *DB) dropRights(ctx context.Context, tx *sql.Tx, m directory.Member) error {
	if m.State == auth.MemberSuspended || m.State == "" {
		_, err := db.exec(ctx, tx, `DELETE FROM sallyport_seat_holders WHERE account_id = ? AND user_id = ?`, m.AccountID, m.UserID)
		if err != nil {
			return err
		}
	}
	if m.MayManage(auth.RoleSuperAdmin) {
		return nil
	}
	keep := auth.Role("")
	if m.MayManage(auth.RoleMember) {
		keep = auth.RoleMember
	}
	_, err := db.exec(ctx, tx, `UPDATE sallyport_invitations SET state = ? WHERE account_id = ? AND invited_by = ? AND state = ? AND role <> ?`,
		string(auth.InvitationRevoked), m.AccountID, m.UserID, string(auth.InvitationOpen), string(keep))
	return err
}

// Memberships implements directory.MemberStore and auth.Companies.
func (db *DB) Memberships(ctx context.Context, userID string) ([]auth.Membership, error) {
	all, err := db.memberships(ctx, db.sql, `m.user_id = ?`, userID)
	return all, failed("listing memberships", err)
}

func (db *DB) memberships(ctx context.Context, q querier, where string, args ...any) ([]auth.Membership, error) {
	rows, err := db.rows(ctx, q, `SELECT a.id, a.name, a.state, a.grace_ends, a.policy, m.role, m.state, m.sso, COALESCE(h.product, '')
		FROM sallyport_members m
		JOIN sallyport_accounts a ON a.id = m.account_id
		LEFT JOIN sallyport_seat_holders h ON h.account_id = m.account_id AND h.user_id = m.user_id
		WHERE `+where, args...)
	all, err := scanAll(rows, err, func(row scanner) (m auth.Membership, err error) {
		var policy []byte
		var product string
		err = row.Scan(&m.AccountID, &m.AccountName, &m.AccountState, instant{&m.GraceEnds}, &policy, &m.Role, &m.State, &m.SSO, &product)
		if err != nil {
			return m, err
		}
		m.Products = one(product)
		return m, json.Unmarshal(policy, &m.Policy)
	})
	if err != nil {
		return nil, err
	}
	all = merged(all, func(m *auth.Membership) (string, *[]string) { return m.AccountID, &m.Products })
	// Sorted here because databases do not agree on an alphabet.
	slices.SortFunc(all, func(a, b auth.Membership) int {
		return cmp.Or(cmp.Compare(a.AccountName, b.AccountName), cmp.Compare(a.AccountID, b.AccountID))
	})
	return all, nil
}

// one is a list of one product, or none.
func one(product string) []string {
	if product == "" {
		return nil
	}
	return []string{product}
}

// merged makes one of the rows that differ in their product only.
func merged[Row any](rows []Row, parts func(*Row) (id string, products *[]string)) (all []Row) {
	at := map[string]int{}
	for i := range rows {
		id, products := parts(&rows[i])
		if j, ok := at[id]; ok {
			_, into := parts(&all[j])
			*into = append(*into, *products...)
			continue
		}
		at[id] = len(all)
		all = append(all, rows[i])
	}
	for i := range all {
		_, products := parts(&all[i])
		slices.Sort(*products)
	}
	return all
}

// Members implements directory.MemberStore.
func (db *DB) Members(ctx context.Context, accountID string) ([]directory.Person, error) {
	rows, err := db.rows(ctx, db.sql, `SELECT m.user_id, COALESCE(u.email, ''), COALESCE(u.name, ''), COALESCE(u.locale, ''),
			COALESCE(u.suspended, 0), COALESCE(u.unverified, 0), m.role, m.state, m.sso, COALESCE(h.product, '')
		FROM sallyport_members m
		LEFT JOIN sallyport_users u ON u.id = m.user_id
		LEFT JOIN sallyport_seat_holders h ON h.account_id = m.account_id AND h.user_id = m.user_id
		WHERE m.account_id = ?`, accountID)
	all, err := scanAll(rows, err, func(row scanner) (p directory.Person, err error) {
		var product string
		u := &p.User
		err = row.Scan(&u.ID, &u.Email, &u.Name, &u.Locale, &u.Suspended, &u.Unverified, &p.Role, &p.State, &p.SSO, &product)
		p.Products = one(product)
		return p, err
	})
	if err != nil {
		return nil, failed("listing members", err)
	}
	all = merged(all, func(p *directory.Person) (string, *[]string) { return p.User.ID, &p.Products })
	slices.SortFunc(all, func(a, b directory.Person) int {
		return cmp.Or(cmp.Compare(a.User.Email, b.User.Email), cmp.Compare(a.User.ID, b.User.ID))
	})
	return all, nil
}

// Administrators implements directory.MemberStore.
func (db *DB) Administrators(ctx context.Context, accountID string, limit int) ([]auth.User, error) {
	type administrator struct {
		auth.User
		role auth.Role
	}
	rows, err := db.rows(ctx, db.sql, `SELECT u.id, u.email, u.name, u.locale, u.unverified, m.role
		FROM sallyport_members m JOIN sallyport_users u ON u.id = m.user_id
		WHERE m.account_id = ? AND m.state = ? AND m.role IN (?, ?) AND u.suspended = 0`,
		accountID, string(auth.MemberActive), string(auth.RoleSuperAdmin), string(auth.RoleAdmin))
	found, err := scanAll(rows, err, func(row scanner) (a administrator, err error) {
		err = row.Scan(&a.ID, &a.Email, &a.Name, &a.Locale, &a.Unverified, &a.role)
		return a, err
	})
	if err != nil {
		return nil, failed("listing administrators", err)
	}
	slices.SortFunc(found, func(a, b administrator) int {
		return cmp.Or(-cmp.Compare(a.role, b.role), cmp.Compare(a.Email, b.Email)) // "super_admin" stands after "admin"
	})
	var all []auth.User
	for _, a := range found[:min(limit, len(found))] {
		all = append(all, a.User)
	}
	return all, nil
}

// SetSeats implements directory.SeatStore.
func (db *DB) SetSeats(ctx context.Context, accountID, product string, total int, now time.Time) error {
	return db.inCompany(ctx, "setting seats", accountID, func(tx *sql.Tx) error {
		_, taken, err := db.seats(ctx, tx, accountID, product, "", now)
		if err != nil {
			return err
		}
		if taken > total {
			return auth.Refusal(auth.ReasonNoSeatsLeft)
		}
		if total == 0 {
			_, err = db.exec(ctx, tx, `DELETE FROM sallyport_seats WHERE account_id = ? AND product = ?`, accountID, product)
			return err
		}
		_, err = db.exec(ctx, tx, `INSERT INTO sallyport_seats (account_id, product, total) VALUES (?, ?, ?)
			ON CONFLICT (account_id, product) DO UPDATE SET total = excluded.total`, accountID, product, total)
		return err
	})
}

// countTaken counts the seats that members have, and that open invitations but one hold.
const countTaken = `(SELECT COUNT(*) FROM sallyport_seat_holders h WHERE h.account_id = s.account_id AND h.product = s.product)
	+ (SELECT COUNT(*) FROM sallyport_invitation_seats r JOIN sallyport_invitations i ON i.id = r.invitation_id
		WHERE r.account_id = s.account_id AND r.product = s.product AND i.state = 'open' AND i.expires_at > ? AND i.id <> ?)`

// seats answers how many seats there are of a product, and how many are taken. The invitation except holds none.
func (db *DB) seats(ctx context.Context, tx *sql.Tx, accountID, product, except string, now time.Time) (total, taken int, err error) {
	err = db.row(ctx, tx, `SELECT s.total, `+countTaken+` FROM sallyport_seats s WHERE s.account_id = ? AND s.product = ?`,
		now, except, accountID, product).Scan(&total, &taken)
	if errors.Is(err, sql.ErrNoRows) { // then none is taken either
		return 0, 0, nil
	}
	return total, taken, err
}

// room refuses where one of these products has no seat left, in a company that is locked. The invitation except holds none.
func (db *DB) room(ctx context.Context, tx *sql.Tx, accountID string, products []string, except string, now time.Time) error {
	for _, product := range products {
		total, taken, err := db.seats(ctx, tx, accountID, product, except, now)
		if err != nil {
			return err
		}
		if taken >= total {
			return auth.Refusal(auth.ReasonNoSeatsLeft)
		}
	}
	return nil
}

// TakeSeat implements directory.SeatStore.
func (db *DB) TakeSeat(ctx context.Context, accountID, product, userID string, now time.Time) error {
	return db.inCompany(ctx, "taking a seat", accountID, func(tx *sql.Tx) error {
		m, err := db.member(ctx, tx, accountID, userID)
		switch {
		case err != nil:
			return err
		case m == nil:
			return auth.ErrNotFound
		case m.State == auth.MemberSuspended:
			return auth.Refusal(auth.ReasonUserSuspended)
		}
		has, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_seat_holders WHERE account_id = ? AND user_id = ? AND product = ?`,
			accountID, userID, product)
		if has || err != nil {
			return err
		}
		if err := db.room(ctx, tx, accountID, []string{product}, "", now); err != nil {
			return err
		}
		return db.hold(ctx, tx, accountID, userID, []string{product})
	})
}

// hold gives a member seats, for which there is room.
func (db *DB) hold(ctx context.Context, tx *sql.Tx, accountID, userID string, products []string) error {
	for _, product := range products {
		_, err := db.exec(ctx, tx, `INSERT INTO sallyport_seat_holders (account_id, user_id, product) VALUES (?, ?, ?)`, accountID, userID, product)
		if err != nil {
			return err
		}
	}
	return nil
}

// FreeSeat implements directory.SeatStore. It needs no lock: a seat that is free a moment later than it could be is not taken twice.
func (db *DB) FreeSeat(ctx context.Context, accountID, product, userID string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_seat_holders WHERE account_id = ? AND user_id = ? AND product = ?`, accountID, userID, product)
	return failed("freeing a seat", err)
}

// Seats implements directory.SeatStore.
func (db *DB) Seats(ctx context.Context, accountID string, now time.Time) ([]directory.Seats, error) {
	rows, err := db.rows(ctx, db.sql, `SELECT s.product, s.total, `+countTaken+` FROM sallyport_seats s WHERE s.account_id = ?`, now, "", accountID)
	all, err := scanAll(rows, err, func(row scanner) (s directory.Seats, err error) {
		err = row.Scan(&s.Product, &s.Total, &s.Taken)
		return s, err
	})
	if err != nil {
		return nil, failed("listing seats", err)
	}
	slices.SortFunc(all, func(a, b directory.Seats) int { return cmp.Compare(a.Product, b.Product) })
	return all, nil
}
