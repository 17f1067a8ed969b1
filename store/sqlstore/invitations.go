package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// selectInvitations reads invitations with their company, inviter and seats: a row for each seat.
const selectInvitations = `SELECT i.id, i.email, i.name, i.lang, i.invited_by, i.role, i.state, i.letter, i.sent_at, i.expires_at, i.created_at,
		a.id, a.name, a.state, a.grace_ends, a.policy,
		COALESCE(m.role, ''), COALESCE(m.state, ''), COALESCE(u.suspended, 0), COALESCE(r.product, '')
	FROM sallyport_invitations i
	JOIN sallyport_accounts a ON a.id = i.account_id
	LEFT JOIN sallyport_members m ON m.account_id = i.account_id AND m.user_id = i.invited_by
	LEFT JOIN sallyport_users u ON u.id = i.invited_by
	LEFT JOIN sallyport_invitation_seats r ON r.invitation_id = i.id
	WHERE `

// An invitation is a row, as it is to be answered.
type invitation struct {
	auth.Invitation
	createdAt time.Time
}

func scanInvitation(row scanner) (i invitation, err error) {
	var by directory.Member
	var policy []byte
	var suspended bool
	var product string
	as := &i.As
	err = row.Scan(&i.ID, &i.Email, &i.Name, &i.Lang, &i.By, &as.Role, &i.State, &i.Letter, instant{&i.SentAt}, instant{&i.ExpiresAt},
		instant{&i.createdAt}, &as.AccountID, &as.AccountName, &as.AccountState, instant{&as.GraceEnds}, &policy,
		&by.Role, &by.State, &suspended, &product)
	if err != nil {
		return i, err
	}
	as.State, as.Products = auth.MemberInvited, one(product)
	if live := i.By == "" || !suspended && by.MayManage(as.Role); i.State == auth.InvitationOpen && !live {
		i.State = auth.InvitationRevoked
	}
	return i, json.Unmarshal(policy, &as.Policy)
}

func (db *DB) invitations(ctx context.Context, q querier, where string, args ...any) ([]invitation, error) {
	rows, err := db.rows(ctx, q, selectInvitations+where, args...)
	all, err := scanAll(rows, err, scanInvitation)
	return merged(all, func(i *invitation) (string, *[]string) { return i.ID, &i.As.Products }), err
}

// invitation answers the one of a condition; auth.ErrNotFound: there is none.
func (db *DB) invitation(ctx context.Context, q querier, where string, args ...any) (invitation, error) {
	all, err := db.invitations(ctx, q, where, args...)
	if err == nil && len(all) == 0 {
		err = auth.ErrNotFound
	}
	if err != nil {
		return invitation{}, err
	}
	return all[0], nil
}

// CreateInvitation implements directory.InvitationStore.
func (db *DB) CreateInvitation(ctx context.Context, i auth.Invitation, now time.Time) (auth.Invitation, error) {
	var made invitation
	err := db.change(ctx, func(tx *sql.Tx) error {
		a, err := db.holdAccount(ctx, tx, `id = ?`, i.As.AccountID)
		if err != nil {
			return err
		}
		if err := db.mayInvite(ctx, tx, i); err != nil {
			return err
		}
		if a.Expired(now) {
			return auth.Refusal(auth.ReasonAccountExpired)
		}
		if err := db.replaceInvitation(ctx, tx, i, now); err != nil {
			return err
		}
		if err := db.room(ctx, tx, a.ID, i.As.Products, "", now); err != nil {
			return err
		}
		if err := db.insertInvitation(ctx, tx, i, now); err != nil {
			return err
		}
		made, err = db.invitation(ctx, tx, `i.id = ?`, i.ID)
		return err
	})
	if err != nil {
		return auth.Invitation{}, errRefused("creating an invitation", err)
	}
	return made.Invitation, nil
}

func (db *DB) mayInvite(ctx context.Context, tx *sql.Tx, i auth.Invitation) error {
	if i.By == "" {
		return nil
	}
	by, err := db.actor(ctx, tx, i.As.AccountID, i.By)
	if err == nil && !by.MayManage(i.As.Role) {
		return auth.Refusal(auth.ReasonForbidden)
	}
	return err
}

// replaceInvitation makes place for an invitation, unless its address is invited or a member already.
func (db *DB) replaceInvitation(ctx context.Context, tx *sql.Tx, i auth.Invitation, now time.Time) error {
	isMember, err := db.exists(ctx, tx, `SELECT 1 FROM sallyport_members m JOIN sallyport_users u ON u.id = m.user_id
		WHERE m.account_id = ? AND u.email = ?`, i.As.AccountID, i.Email)
	if err != nil {
		return err
	}
	old, err := db.invitations(ctx, tx, `i.account_id = ? AND i.email = ?`, i.As.AccountID, i.Email)
	if err != nil {
		return err
	}
	invited := len(old) > 0 && old[0].State == auth.InvitationOpen && now.Before(old[0].ExpiresAt)
	if isMember || invited {
		return auth.Refusal(auth.ReasonUserExistsInAccount)
	}
	if len(old) == 0 {
		return nil
	}
	if _, err := db.exec(ctx, tx, `DELETE FROM sallyport_invitation_seats WHERE invitation_id = ?`, old[0].ID); err != nil {
		return err
	}
	_, err = db.exec(ctx, tx, `DELETE FROM sallyport_invitations WHERE id = ?`, old[0].ID)
	return err
}

func (db *DB) insertInvitation(ctx context.Context, tx *sql.Tx, i auth.Invitation, now time.Time) error {
	added, err := db.exec(ctx, tx, `INSERT INTO sallyport_invitations
			(id, account_id, email, name, lang, invited_by, role, state, letter, sent_at, expires_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		i.ID, i.As.AccountID, i.Email, i.Name, i.Lang, i.By, string(i.As.Role), string(i.State), i.Letter, i.SentAt, i.ExpiresAt, now)
	if err != nil {
		return err
	}
	if added == 0 {
		return auth.ErrConflict
	}
	for _, product := range i.As.Products {
		_, err := db.exec(ctx, tx, `INSERT INTO sallyport_invitation_seats (invitation_id, account_id, product) VALUES (?, ?, ?)`,
			i.ID, i.As.AccountID, product)
		if err != nil {
			return err
		}
	}
	return nil
}

// Invitation implements directory.InvitationStore.
func (db *DB) Invitation(ctx context.Context, id string) (auth.Invitation, error) {
	i, err := db.invitation(ctx, db.sql, `i.id = ?`, id)
	return i.Invitation, failed("looking up an invitation", err, auth.ErrNotFound)
}

// InvitationsTo implements directory.InvitationStore.
func (db *DB) InvitationsTo(ctx context.Context, email string, now time.Time) ([]auth.Invitation, error) {
	all, err := db.invitations(ctx, db.sql, `i.email = ? AND i.expires_at > ?`, email, now)
	slices.SortFunc(all, func(a, b invitation) int {
		return cmp.Or(b.createdAt.Compare(a.createdAt), cmp.Compare(a.ID, b.ID))
	})
	return live(all), failed("listing a person's invitations", err)
}

// InvitationsOf implements directory.InvitationStore.
func (db *DB) InvitationsOf(ctx context.Context, accountID string) ([]auth.Invitation, error) {
	all, err := db.invitations(ctx, db.sql, `i.account_id = ?`, accountID)
	slices.SortFunc(all, func(a, b invitation) int { return cmp.Compare(a.Email, b.Email) })
	return live(all), failed("listing a company's invitations", err)
}

func live(rows []invitation) (all []auth.Invitation) {
	for _, i := range rows {
		if i.State == auth.InvitationOpen {
			all = append(all, i.Invitation)
		}
	}
	return all
}

// ofInvitation is the company that an invitation is to.
const ofInvitation = `id = (SELECT account_id FROM sallyport_invitations WHERE id = ?)`

// inInvitation runs a verb of one invitation while its company is locked.
func (db *DB) inInvitation(ctx context.Context, doing, id string, do func(tx *sql.Tx, i invitation) error) error {
	return errRefused(doing, db.change(ctx, func(tx *sql.Tx) error {
		if _, err := db.holdAccount(ctx, tx, ofInvitation, id); err != nil {
			return err
		}
		i, err := db.invitation(ctx, tx, `i.id = ?`, id)
		if err != nil {
			return err
		}
		return do(tx, i)
	}))
}

// CountLetter implements directory.InvitationStore.
func (db *DB) CountLetter(ctx context.Context, id string, expires, now time.Time) (counted auth.Invitation, err error) {
	err = db.inInvitation(ctx, "counting a letter", id, func(tx *sql.Tx, i invitation) error {
		if i.State != auth.InvitationOpen {
			return auth.ErrNotFound
		}
		if err := db.room(ctx, tx, i.As.AccountID, i.As.Products, id, now); err != nil {
			return err
		}
		_, err := db.exec(ctx, tx, `UPDATE sallyport_invitations SET letter = letter + 1, sent_at = ?, expires_at = ? WHERE id = ?`, now, expires, id)
		if err != nil {
			return err
		}
		i, err = db.invitation(ctx, tx, `i.id = ?`, id)
		counted = i.Invitation
		return err
	})
	if err != nil {
		return auth.Invitation{}, err
	}
	return counted, nil
}

// Join implements directory.InvitationStore.
func (db *DB) Join(ctx context.Context, id string, letter int, userID string, now time.Time) (joined auth.Membership, err error) {
	err = db.inInvitation(ctx, "joining a company", id, func(tx *sql.Tx, i invitation) error {
		is, err := db.member(ctx, tx, i.As.AccountID, userID)
		if err != nil {
			return err
		}
		if err := directory.MayJoin(i.Invitation, letter, stateOf(is), now); err != nil {
			return err
		}
		if err := db.room(ctx, tx, i.As.AccountID, i.As.Products, id, now); err != nil {
			return err
		}
		if _, err := db.exec(ctx, tx, `UPDATE sallyport_invitations SET state = ? WHERE id = ?`, string(auth.InvitationJoined), id); err != nil {
			return err
		}
		m := directory.Member{AccountID: i.As.AccountID, UserID: userID, Role: i.As.Role, State: auth.MemberActive}
		if err := db.putMember(ctx, tx, m); err != nil {
			return err
		}
		joined = i.As
		joined.State = auth.MemberActive
		return db.hold(ctx, tx, m.AccountID, userID, i.As.Products)
	})
	if err != nil {
		return auth.Membership{}, err
	}
	return joined, nil
}

// stateOf is what a member is; empty: there is none.
func stateOf(m *directory.Member) auth.MemberState {
	if m == nil {
		return ""
	}
	return m.State
}

// CloseInvitation implements directory.InvitationStore. It locks the company too, so that it does not close what is being joined.
func (db *DB) CloseInvitation(ctx context.Context, id string, as auth.InvitationState) error {
	return errRefused("closing an invitation", db.change(ctx, func(tx *sql.Tx) error {
		if _, err := db.holdAccount(ctx, tx, ofInvitation, id); err != nil {
			return err
		}
		closed, err := db.exec(ctx, tx, `UPDATE sallyport_invitations SET state = ? WHERE id = ? AND state = ?`,
			string(as), id, string(auth.InvitationOpen))
		if err == nil && closed == 0 {
			return auth.ErrNotFound
		}
		return err
	}))
}
