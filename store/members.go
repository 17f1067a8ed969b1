package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// A product is what a company has seats of.
type product struct{ accountID, name string }

// A place is a person's in a company.
type place struct{ accountID, userID string }

// SetMember implements directory.MemberStore.
func (p *people) SetMember(_ context.Context, m directory.Member) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, m.AccountID); err != nil {
		return err
	}
	if err := p.keepsLeaderLocked(p.members[m.UserID][m.AccountID], m); err != nil {
		return err
	}
	p.placeLocked(m)
	return nil
}

// ChangeMember implements directory.MemberStore.
func (p *people) ChangeMember(_ context.Context, by, accountID, userID string, change directory.MemberChange) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, accountID); err != nil {
		return err
	}
	var actor, was *directory.Member
	if by != "" {
		m := p.actorLocked(accountID, by)
		actor = &m
	}
	if m, ok := p.members[userID][accountID]; ok {
		was = &m
	}
	next, err := change.Apply(actor, was)
	if err != nil {
		return err
	}
	if err := p.keepsLeaderLocked(*was, next); err != nil {
		return err
	}
	p.placeLocked(next)
	return nil
}

// RemoveMember implements directory.MemberStore.
func (p *people) RemoveMember(_ context.Context, accountID, userID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, err := find(p.members[userID], accountID)
	if err != nil {
		return err
	}
	nobody := directory.Member{AccountID: accountID, UserID: userID}
	if err := p.keepsLeaderLocked(was, nobody); err != nil {
		return err
	}
	delete(p.members[userID], accountID)
	delete(p.overrides, place{accountID, userID})
	p.dropRightsLocked(nobody)
	return nil
}

// AddMember implements directory.MemberStore.
func (p *people) AddMember(_ context.Context, m directory.Member, now time.Time) (auth.Membership, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := find(p.accounts, m.AccountID)
	if err != nil {
		return auth.Membership{}, err
	}
	if is, ok := p.members[m.UserID][m.AccountID]; ok {
		return p.membershipLocked(is), nil
	}
	if a.Expired(now) {
		return auth.Membership{}, auth.Refusal(auth.ReasonAccountExpired)
	}
	p.placeLocked(m)
	return p.membershipLocked(m), nil
}

// SetMemberSSO implements directory.MemberStore.
func (p *people) SetMemberSSO(_ context.Context, accountID, userID string, o auth.SSOOverride) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.members[userID], accountID); err != nil {
		return err
	}
	put(&p.overrides, place{accountID, userID}, o)
	return nil
}

// placeLocked writes a member, and what goes with a change of one.
func (p *people) placeLocked(m directory.Member) {
	of := p.members[m.UserID]
	put(&of, m.AccountID, m)
	put(&p.members, m.UserID, of)
	p.dropRightsLocked(m)
}

// dropRightsLocked takes the seats of somebody who is suspended or gone, and revokes the invitations that a member could not make now.
func (p *people) dropRightsLocked(m directory.Member) {
	if m.State == auth.MemberSuspended || m.State == "" {
		for of, holders := range p.holders {
			if of.accountID == m.AccountID {
				delete(holders, m.UserID)
			}
		}
	}
	for id, i := range p.invitations {
		if i.As.AccountID == m.AccountID && i.By == m.UserID && i.State == auth.InvitationOpen && !m.MayManage(i.As.Role) {
			i.State = auth.InvitationRevoked
			p.invitations[id] = i
		}
	}
}

// keepsLeaderLocked refuses a change that takes away a company's last active super administrator.
func (p *people) keepsLeaderLocked(was, next directory.Member) error {
	if !was.Leads() || next.Leads() {
		return nil
	}
	for userID, of := range p.members {
		if userID != was.UserID && of[was.AccountID].Leads() {
			return nil
		}
	}
	return auth.Refusal(auth.ReasonLastSuperAdmin)
}

// actorLocked is a member as one who acts: a person who is suspended altogether may do nothing.
func (p *people) actorLocked(accountID, userID string) directory.Member {
	m := p.members[userID][accountID]
	if p.users[userID].Suspended {
		m.State = auth.MemberSuspended
	}
	return m
}

// Memberships implements directory.MemberStore and auth.Companies.
func (p *people) Memberships(_ context.Context, userID string) ([]auth.Membership, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []auth.Membership
	for _, m := range p.members[userID] {
		all = append(all, p.membershipLocked(m))
	}
	slices.SortFunc(all, func(a, b auth.Membership) int {
		return cmp.Or(cmp.Compare(a.AccountName, b.AccountName), cmp.Compare(a.AccountID, b.AccountID))
	})
	return all, nil
}

func (p *people) membershipLocked(m directory.Member) auth.Membership {
	a := p.accounts[m.AccountID]
	return auth.Membership{
		AccountID: a.ID, AccountName: a.Name, State: m.State, AccountState: a.State, Role: m.Role, Policy: a.Policy,
		GraceEnds: a.GraceEnds, Products: p.productsLocked(m.AccountID, m.UserID), SSO: p.overrides[place{m.AccountID, m.UserID}],
	}
}

// productsLocked are those that a person has a seat of, in order.
func (p *people) productsLocked(accountID, userID string) (all []string) {
	for of, holders := range p.holders {
		if of.accountID == accountID && holders[userID] {
			all = append(all, of.name)
		}
	}
	slices.Sort(all)
	return all
}

// Members implements directory.MemberStore.
func (p *people) Members(_ context.Context, accountID string) ([]directory.Person, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []directory.Person
	for userID, of := range p.members {
		if m, ok := of[accountID]; ok {
			u := p.users[userID]
			u.ID = userID
			all = append(all, directory.Person{
				User: u, Role: m.Role, State: m.State, Products: p.productsLocked(accountID, userID), SSO: p.overrides[place{accountID, userID}],
			})
		}
	}
	slices.SortFunc(all, func(a, b directory.Person) int {
		return cmp.Or(cmp.Compare(a.User.Email, b.User.Email), cmp.Compare(a.User.ID, b.User.ID))
	})
	return all, nil
}

// Administrators implements directory.MemberStore.
func (p *people) Administrators(_ context.Context, accountID string, limit int) ([]auth.User, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var leaders, others []auth.User
	for userID, u := range p.users {
		switch m := p.actorLocked(accountID, userID); {
		case m.Leads():
			leaders = append(leaders, u)
		case m.State == auth.MemberActive && m.Role == auth.RoleAdmin:
			others = append(others, u)
		}
	}
	for _, some := range [][]auth.User{leaders, others} {
		slices.SortFunc(some, func(a, b auth.User) int { return cmp.Compare(a.Email, b.Email) })
	}
	all := append(leaders, others...)
	return all[:min(limit, len(all))], nil
}

// SetSeats implements directory.SeatStore.
func (p *people) SetSeats(_ context.Context, accountID, name string, total int, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := find(p.accounts, accountID); err != nil {
		return err
	}
	of := product{accountID, name}
	if p.takenLocked(of, "", now) > total {
		return auth.Refusal(auth.ReasonNoSeatsLeft)
	}
	put(&p.seats, of, total)
	if total == 0 {
		delete(p.seats, of)
	}
	return nil
}

// TakeSeat implements directory.SeatStore.
func (p *people) TakeSeat(_ context.Context, accountID, name, userID string, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := find(p.members[userID], accountID)
	of := product{accountID, name}
	switch {
	case err != nil:
		return err
	case m.State == auth.MemberSuspended:
		return auth.Refusal(auth.ReasonUserSuspended)
	case p.holders[of][userID]:
		return nil
	}
	if err := p.roomLocked(accountID, []string{name}, "", now); err != nil {
		return err
	}
	p.holdLocked(of, userID)
	return nil
}

func (p *people) holdLocked(of product, userID string) {
	holders := p.holders[of]
	put(&holders, userID, true)
	put(&p.holders, of, holders)
}

// roomLocked refuses where one of these products has no seat left. The invitation except holds none.
func (p *people) roomLocked(accountID string, products []string, except string, now time.Time) error {
	for _, name := range products {
		of := product{accountID, name}
		if p.takenLocked(of, except, now) >= p.seats[of] {
			return auth.Refusal(auth.ReasonNoSeatsLeft)
		}
	}
	return nil
}

// takenLocked counts the seats that members have, and that open invitations but one hold.
func (p *people) takenLocked(of product, except string, now time.Time) int {
	taken := len(p.holders[of])
	for id, i := range p.invitations {
		holds := i.State == auth.InvitationOpen && now.Before(i.ExpiresAt) && id != except
		if holds && i.As.AccountID == of.accountID && slices.Contains(i.As.Products, of.name) {
			taken++
		}
	}
	return taken
}

// FreeSeat implements directory.SeatStore.
func (p *people) FreeSeat(_ context.Context, accountID, name, userID string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.holders[product{accountID, name}], userID)
	return nil
}

// Seats implements directory.SeatStore.
func (p *people) Seats(_ context.Context, accountID string, now time.Time) ([]directory.Seats, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var all []directory.Seats
	for of, total := range p.seats {
		if of.accountID == accountID {
			all = append(all, directory.Seats{Product: of.name, Total: total, Taken: p.takenLocked(of, "", now)})
		}
	}
	slices.SortFunc(all, func(a, b directory.Seats) int { return cmp.Compare(a.Product, b.Product) })
	return all, nil
}
