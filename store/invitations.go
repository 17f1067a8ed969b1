package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// An invitation is a row: its As has no more of the company than the ID.
type invitation struct {
	auth.Invitation
	createdAt time.Time
}

// CreateInvitation implements directory.InvitationStore.
func (p *people) CreateInvitation(_ context.Context, i auth.Invitation, now time.Time) (auth.Invitation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := find(p.accounts, i.As.AccountID)
	if err != nil {
		return auth.Invitation{}, err
	}
	old, isMember := p.sameLocked(i)
	exists := isMember || old.ID != "" && p.shownLocked(old).State == auth.InvitationOpen && now.Before(old.ExpiresAt)
	switch {
	case !p.liveLocked(i):
		return auth.Invitation{}, auth.Refusal(auth.ReasonForbidden)
	case a.Expired(now):
		return auth.Invitation{}, auth.Refusal(auth.ReasonAccountExpired)
	case exists:
		return auth.Invitation{}, auth.Refusal(auth.ReasonUserExistsInAccount)
	}
	if err := p.roomLocked(a.ID, i.As.Products, old.ID, now); err != nil {
		return auth.Invitation{}, err
	}
	if _, taken := p.invitations[i.ID]; taken {
		return auth.Invitation{}, auth.ErrConflict
	}
	i.As.Products = slices.Clone(i.As.Products)
	delete(p.invitations, old.ID)
	put(&p.invitations, i.ID, invitation{i, now})
	return p.shownLocked(p.invitations[i.ID]), nil
}

// sameLocked finds the invitation for the same address and company, and whether a person with the address is a member.
func (p *people) sameLocked(i auth.Invitation) (old invitation, isMember bool) {
	for _, other := range p.invitations {
		if other.Email == i.Email && other.As.AccountID == i.As.AccountID {
			old = other
		}
	}
	if userID, known := p.emails[i.Email]; known {
		_, isMember = p.members[userID][i.As.AccountID]
	}
	return old, isMember
}

// liveLocked tells whether the inviter could make it now.
func (p *people) liveLocked(i auth.Invitation) bool {
	return i.By == "" || p.actorLocked(i.As.AccountID, i.By).MayManage(i.As.Role)
}

// shownLocked is an invitation as it is answered: with its company as it stands, and revoked where it is not live.
func (p *people) shownLocked(row invitation) auth.Invitation {
	i := row.Invitation
	a := p.accounts[i.As.AccountID]
	i.As = auth.Membership{
		AccountID: a.ID, AccountName: a.Name, State: auth.MemberInvited, AccountState: a.State, Role: i.As.Role, Policy: a.Policy,
		GraceEnds: a.GraceEnds, Products: slices.Clone(i.As.Products),
	}
	if i.State == auth.InvitationOpen && !p.liveLocked(i) {
		i.State = auth.InvitationRevoked
	}
	return i
}

// Invitation implements directory.InvitationStore.
func (p *people) Invitation(_ context.Context, id string) (auth.Invitation, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	row, err := find(p.invitations, id)
	if err != nil {
		return auth.Invitation{}, err
	}
	return p.shownLocked(row), nil
}

// InvitationsTo implements directory.InvitationStore.
func (p *people) InvitationsTo(_ context.Context, email string, now time.Time) ([]auth.Invitation, error) {
	to := func(i invitation) bool { return i.Email == email && now.Before(i.ExpiresAt) }
	return p.list(to, func(a, b invitation) int {
		return cmp.Or(b.createdAt.Compare(a.createdAt), cmp.Compare(a.ID, b.ID))
	}), nil
}

// InvitationsOf implements directory.InvitationStore.
func (p *people) InvitationsOf(_ context.Context, accountID string) ([]auth.Invitation, error) {
	of := func(i invitation) bool { return i.As.AccountID == accountID }
	return p.list(of, func(a, b invitation) int { return cmp.Compare(a.Email, b.Email) }), nil
}

// list answers live invitations.
func (p *people) list(wanted func(invitation) bool, order func(a, b invitation) int) (all []auth.Invitation) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var rows []invitation
	for _, row := range p.invitations {
		if wanted(row) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, order)
	for _, row := range rows {
		if i := p.shownLocked(row); i.State == auth.InvitationOpen {
			all = append(all, i)
		}
	}
	return all
}

// CountLetter implements directory.InvitationStore.
func (p *people) CountLetter(_ context.Context, id string, expires, now time.Time) (auth.Invitation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	row, err := find(p.invitations, id)
	if err != nil || p.shownLocked(row).State != auth.InvitationOpen {
		return auth.Invitation{}, auth.ErrNotFound
	}
	if err := p.roomLocked(row.As.AccountID, row.As.Products, id, now); err != nil {
		return auth.Invitation{}, err
	}
	row.Letter, row.SentAt, row.ExpiresAt = row.Letter+1, now, expires
	p.invitations[id] = row
	return p.shownLocked(row), nil
}

// Join implements directory.InvitationStore.
func (p *people) Join(_ context.Context, id string, letter int, userID string, now time.Time) (auth.Membership, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	row, err := find(p.invitations, id)
	if err != nil {
		return auth.Membership{}, err
	}
	m := directory.Member{AccountID: row.As.AccountID, UserID: userID, Role: row.As.Role, State: auth.MemberActive}
	if err := directory.MayJoin(p.shownLocked(row), letter, p.members[userID][m.AccountID].State, now); err != nil {
		return auth.Membership{}, err
	}
	if err := p.roomLocked(m.AccountID, row.As.Products, id, now); err != nil {
		return auth.Membership{}, err
	}
	row.State = auth.InvitationJoined
	p.invitations[id] = row
	p.placeLocked(m)
	for _, name := range row.As.Products {
		p.holdLocked(product{m.AccountID, name}, userID)
	}
	return p.membershipLocked(m), nil
}

// CloseInvitation implements directory.InvitationStore.
func (p *people) CloseInvitation(_ context.Context, id string, as auth.InvitationState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	row, err := find(p.invitations, id)
	if err != nil || row.State != auth.InvitationOpen {
		return auth.ErrNotFound
	}
	row.State = as
	p.invitations[id] = row
	return nil
}
