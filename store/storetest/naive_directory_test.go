package storetest_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// What the naive store keeps of companies: it gets a whole company, decides, and puts it back.

// naiveCompany is what belongs to one company, and who has its seats: "product user".
type naiveCompany struct {
	members map[string]directory.Member
	seats   map[string]int
	holders map[[2]string]bool
	invited map[string]naiveInvitation
	asked   map[string]auth.SSOOverride
}

type naiveInvitation struct {
	auth.Invitation
	createdAt time.Time
}

func (n *naive) company(id string) (directory.Account, naiveCompany, error) {
	var c naiveCompany
	n.read(func() {
		c = naiveCompany{
			members: map[string]directory.Member{}, seats: maps.Clone(n.seats[id]), holders: maps.Clone(n.holders[id]), invited: maps.Clone(n.invited[id]),
		}
		c.asked = map[string]auth.SSOOverride{}
		for userID, of := range n.members {
			c.asked[userID] = n.asked[[2]string{id, userID}]
			for _, m := range of {
				if m.AccountID == id {
					c.members[userID] = m
				}
			}
		}
	})
	a, err := n.account(id)
	return a, c, err
}

func (n *naive) putMember(m directory.Member, known bool) {
	if known {
		n.members[m.UserID] = slices.DeleteFunc(n.members[m.UserID], func(was directory.Member) bool { return was.AccountID == m.AccountID })
	}
	if m.State != "" {
		n.members[m.UserID] = append(n.members[m.UserID], m)
	}
	if m.State == "" || m.State == auth.MemberSuspended {
		for of := range n.holders[m.AccountID] {
			if of[1] == m.UserID {
				delete(n.holders[m.AccountID], of)
			}
		}
	}
	for id, i := range n.invited[m.AccountID] {
		if i.By == m.UserID && i.State == auth.InvitationOpen && !m.MayManage(i.As.Role) {
			i.State = auth.InvitationRevoked
			n.invited[m.AccountID][id] = i
		}
	}
}

func (n *naive) replaceMember(c naiveCompany, m directory.Member) error {
	if c.members[m.UserID].Leads() && !m.Leads() {
		others := 0
		for userID, other := range c.members {
			if userID != m.UserID && other.Leads() {
				others++
			}
		}
		if others == 0 {
			return auth.Refusal(auth.ReasonLastSuperAdmin)
		}
	}
	_, known := c.members[m.UserID]
	n.write(func() { n.putMember(m, known) })
	return nil
}

func (n *naive) actor(c naiveCompany, userID string) *directory.Member {
	m := c.members[userID]
	var suspended bool
	n.read(func() { suspended = n.users[userID].Suspended })
	if suspended {
		m.State = auth.MemberSuspended
	}
	return &m
}

func (n *naive) SetMember(_ context.Context, m directory.Member) error {
	_, c, err := n.company(m.AccountID)
	if err != nil {
		return err
	}
	return n.replaceMember(c, m)
}

func (n *naive) ChangeMember(_ context.Context, by, accountID, userID string, change directory.MemberChange) error {
	_, c, err := n.company(accountID)
	if err != nil {
		return err
	}
	var actor, was *directory.Member
	if by != "" {
		actor = n.actor(c, by)
	}
	if m, ok := c.members[userID]; ok {
		was = &m
	}
	next, err := change.Apply(actor, was)
	if err != nil {
		return err
	}
	return n.replaceMember(c, next)
}

func (n *naive) RemoveMember(_ context.Context, accountID, userID string) error {
	_, c, err := n.company(accountID)
	if _, ok := c.members[userID]; err != nil || !ok {
		return auth.ErrNotFound
	}
	if err := n.replaceMember(c, directory.Member{AccountID: accountID, UserID: userID}); err != nil {
		return err
	}
	n.write(func() { delete(n.asked, [2]string{accountID, userID}) })
	return nil
}

func (n *naive) AddMember(ctx context.Context, m directory.Member, now time.Time) (auth.Membership, error) {
	a, c, err := n.company(m.AccountID)
	if err != nil {
		return auth.Membership{}, err
	}
	if _, ok := c.members[m.UserID]; !ok {
		if a.Expired(now) {
			return auth.Membership{}, auth.Refusal(auth.ReasonAccountExpired)
		}
		n.write(func() { n.putMember(m, true) })
	}
	all, _ := n.Memberships(ctx, m.UserID)
	for _, is := range all {
		if is.AccountID == m.AccountID {
			return is, nil
		}
	}
	return auth.Membership{}, auth.ErrNotFound
}

func (n *naive) SetMemberSSO(_ context.Context, accountID, userID string, o auth.SSOOverride) error {
	_, c, err := n.company(accountID)
	if _, ok := c.members[userID]; err != nil || !ok {
		return auth.ErrNotFound
	}
	n.write(func() { n.asked[[2]string{accountID, userID}] = o })
	return nil
}

func (n *naive) Members(_ context.Context, accountID string) (all []directory.Person, _ error) {
	_, c, _ := n.company(accountID)
	for userID, m := range c.members {
		u := auth.User{ID: userID}
		n.write(func() {
			if known, ok := n.users[userID]; ok {
				u = known
			}
		})
		all = append(all, directory.Person{User: u, Role: m.Role, State: m.State, Products: products(c.holders, userID), SSO: c.asked[userID]})
	}
	slices.SortFunc(all, func(a, b directory.Person) int {
		return cmp.Or(cmp.Compare(a.User.Email, b.User.Email), cmp.Compare(a.User.ID, b.User.ID))
	})
	return all, nil
}

func products(holders map[[2]string]bool, userID string) (all []string) {
	for of := range holders {
		if of[1] == userID {
			all = append(all, of[0])
		}
	}
	slices.Sort(all)
	return all
}

func (n *naive) Administrators(ctx context.Context, accountID string, limit int) (all []auth.User, _ error) {
	members, _ := n.Members(ctx, accountID)
	for _, role := range []auth.Role{auth.RoleSuperAdmin, auth.RoleAdmin} {
		for _, p := range members {
			if p.Role == role && p.State == auth.MemberActive && p.User.Email != "" && !p.User.Suspended {
				all = append(all, p.User)
			}
		}
	}
	return all[:min(limit, len(all))], nil
}

func (n *naive) taken(c naiveCompany, product, except string, now time.Time) (taken int) {
	for of := range c.holders {
		if of[0] == product {
			taken++
		}
	}
	for id, i := range c.invited {
		if id != except && i.State == auth.InvitationOpen && now.Before(i.ExpiresAt) && slices.Contains(i.As.Products, product) {
			taken++
		}
	}
	return taken
}

func (n *naive) room(c naiveCompany, products []string, except string, now time.Time) error {
	for _, product := range products {
		if n.taken(c, product, except, now) >= c.seats[product] {
			return auth.Refusal(auth.ReasonNoSeatsLeft)
		}
	}
	return nil
}

func (n *naive) SetSeats(_ context.Context, accountID, product string, total int, now time.Time) error {
	_, c, err := n.company(accountID)
	if err != nil {
		return err
	}
	if n.taken(c, product, "", now) > total {
		return auth.Refusal(auth.ReasonNoSeatsLeft)
	}
	n.write(func() {
		if n.seats[accountID] == nil {
			n.seats[accountID], n.holders[accountID] = map[string]int{}, map[[2]string]bool{}
		}
		n.seats[accountID][product] = total
		if total == 0 {
			delete(n.seats[accountID], product)
		}
	})
	return nil
}

func (n *naive) TakeSeat(_ context.Context, accountID, product, userID string, now time.Time) error {
	_, c, err := n.company(accountID)
	m, ok := c.members[userID]
	switch {
	case err != nil || !ok:
		return auth.ErrNotFound
	case m.State == auth.MemberSuspended:
		return auth.Refusal(auth.ReasonUserSuspended)
	case c.holders[[2]string{product, userID}]:
		return nil
	}
	if err := n.room(c, []string{product}, "", now); err != nil {
		return err
	}
	n.write(func() { n.holders[accountID][[2]string{product, userID}] = true })
	return nil
}

func (n *naive) FreeSeat(_ context.Context, accountID, product, userID string) error {
	n.write(func() { delete(n.holders[accountID], [2]string{product, userID}) })
	return nil
}

func (n *naive) Seats(_ context.Context, accountID string, now time.Time) (all []directory.Seats, _ error) {
	_, c, _ := n.company(accountID)
	for product, total := range c.seats {
		all = append(all, directory.Seats{Product: product, Total: total, Taken: n.taken(c, product, "", now)})
	}
	slices.SortFunc(all, func(a, b directory.Seats) int { return cmp.Compare(a.Product, b.Product) })
	return all, nil
}

func (n *naive) shown(i naiveInvitation) auth.Invitation {
	a, c, _ := n.company(i.As.AccountID)
	i.As.AccountName, i.As.AccountState, i.As.GraceEnds, i.As.Policy, i.As.State = a.Name, a.State, a.GraceEnds, a.Policy, auth.MemberInvited
	if i.State == auth.InvitationOpen && i.By != "" && !n.actor(c, i.By).MayManage(i.As.Role) {
		i.State = auth.InvitationRevoked
	}
	return i.Invitation
}

func (n *naive) putInvitation(i naiveInvitation) {
	if n.invited[i.As.AccountID] == nil {
		n.invited[i.As.AccountID] = map[string]naiveInvitation{}
	}
	n.invited[i.As.AccountID][i.ID] = i
}

func (n *naive) CreateInvitation(_ context.Context, i auth.Invitation, now time.Time) (auth.Invitation, error) {
	a, c, err := n.company(i.As.AccountID)
	if err != nil {
		return auth.Invitation{}, err
	}
	var isMember bool
	n.read(func() {
		for userID := range c.members {
			isMember = isMember || n.users[userID].Email == i.Email
		}
	})
	var old naiveInvitation
	for _, other := range c.invited {
		if other.Email == i.Email {
			old = other
		}
	}
	_, taken := c.invited[i.ID]
	reason := auth.Reason("")
	switch {
	case i.By != "" && !n.actor(c, i.By).MayManage(i.As.Role):
		reason = auth.ReasonForbidden
	case a.Expired(now):
		reason = auth.ReasonAccountExpired
	case isMember || old.ID != "" && n.shown(old).State == auth.InvitationOpen && now.Before(old.ExpiresAt):
		reason = auth.ReasonUserExistsInAccount
	case n.room(c, i.As.Products, old.ID, now) != nil:
		reason = auth.ReasonNoSeatsLeft
	case taken:
		return auth.Invitation{}, auth.ErrConflict
	}
	if reason != "" {
		return auth.Invitation{}, auth.Refusal(reason)
	}
	n.write(func() { delete(n.invited[a.ID], old.ID); n.putInvitation(naiveInvitation{i, now}) })
	return n.shown(naiveInvitation{i, now}), nil
}

func (n *naive) invitation(id string) (found naiveInvitation, ok bool) {
	n.read(func() {
		for _, of := range n.invited {
			if i, there := of[id]; there {
				found, ok = i, true
			}
		}
	})
	return found, ok
}

func (n *naive) Invitation(_ context.Context, id string) (auth.Invitation, error) {
	i, ok := n.invitation(id)
	if !ok {
		return auth.Invitation{}, auth.ErrNotFound
	}
	return n.shown(i), nil
}

func (n *naive) list(wanted func(naiveInvitation) bool, order func(a, b naiveInvitation) int) (all []auth.Invitation, _ error) {
	var rows []naiveInvitation
	n.read(func() {
		for _, of := range n.invited {
			for _, i := range of {
				if wanted(i) {
					rows = append(rows, i)
				}
			}
		}
	})
	slices.SortFunc(rows, order)
	for _, row := range rows {
		if i := n.shown(row); i.State == auth.InvitationOpen {
			all = append(all, i)
		}
	}
	return all, nil
}

func (n *naive) InvitationsTo(_ context.Context, email string, now time.Time) ([]auth.Invitation, error) {
	return n.list(func(i naiveInvitation) bool { return i.Email == email && now.Before(i.ExpiresAt) },
		func(a, b naiveInvitation) int { return b.createdAt.Compare(a.createdAt) })
}

func (n *naive) InvitationsOf(_ context.Context, accountID string) ([]auth.Invitation, error) {
	return n.list(func(i naiveInvitation) bool { return i.As.AccountID == accountID },
		func(a, b naiveInvitation) int { return cmp.Compare(a.Email, b.Email) })
}

func (n *naive) CountLetter(_ context.Context, id string, expires, now time.Time) (auth.Invitation, error) {
	i, ok := n.invitation(id)
	if !ok || n.shown(i).State != auth.InvitationOpen {
		return auth.Invitation{}, auth.ErrNotFound
	}
	_, c, _ := n.company(i.As.AccountID)
	if err := n.room(c, i.As.Products, id, now); err != nil {
		return auth.Invitation{}, err
	}
	i.Letter, i.SentAt, i.ExpiresAt = i.Letter+1, now, expires
	n.write(func() { n.putInvitation(i) })
	return n.shown(i), nil
}

func (n *naive) Join(ctx context.Context, id string, letter int, userID string, now time.Time) (auth.Membership, error) {
	i, ok := n.invitation(id)
	if !ok {
		return auth.Membership{}, auth.ErrNotFound
	}
	_, c, _ := n.company(i.As.AccountID)
	if err := directory.MayJoin(n.shown(i), letter, c.members[userID].State, now); err != nil {
		return auth.Membership{}, err
	}
	if err := n.room(c, i.As.Products, id, now); err != nil {
		return auth.Membership{}, err
	}
	i.State = auth.InvitationJoined
	n.write(func() {
		n.putInvitation(i)
		n.putMember(directory.Member{AccountID: i.As.AccountID, UserID: userID, Role: i.As.Role, State: auth.MemberActive}, false)
		for _, product := range i.As.Products {
			n.holders[i.As.AccountID][[2]string{product, userID}] = true
		}
	})
	as := n.shown(i).As
	as.State = auth.MemberActive
	return as, nil
}

func (n *naive) CloseInvitation(_ context.Context, id string, as auth.InvitationState) error {
	i, ok := n.invitation(id)
	if !ok || i.State != auth.InvitationOpen {
		return auth.ErrNotFound
	}
	i.State = as
	n.write(func() { n.putInvitation(i) })
	return nil
}

func (n *naive) change(id string, do func(*auth.User)) error {
	u, err := n.UserByID(context.Background(), id)
	if err != nil {
		return err
	}
	do(&u)
	n.write(func() { n.users[id] = u })
	return nil
}

func (n *naive) SetUserName(_ context.Context, id, name string) error {
	return n.change(id, func(u *auth.User) { u.Name = name })
}

func (n *naive) SetUserLocale(_ context.Context, id, tag string) error {
	return n.change(id, func(u *auth.User) { u.Locale = tag })
}

func (n *naive) VerifyUser(ctx context.Context, id, email string) error {
	return n.SwapEmail(ctx, id, email, email)
}

func (n *naive) SwapEmail(ctx context.Context, id, from, to string) error {
	owner, _ := n.UserByEmail(ctx, to)
	u, err := n.UserByID(ctx, id)
	switch {
	case err != nil:
		return err
	case u.Email != from || owner.ID != "" && owner.ID != id:
		return auth.ErrConflict
	}
	return n.change(id, func(u *auth.User) { u.Email, u.Unverified = to, false })
}

func (n *naive) CreateCompany(ctx context.Context, a directory.Account, ownerID string) (string, error) {
	if _, err := n.UserByID(ctx, ownerID); err != nil {
		return "", err
	}
	all, _ := n.Memberships(ctx, ownerID)
	for _, m := range all {
		if m.Role == auth.RoleSuperAdmin && m.State == auth.MemberActive {
			return m.AccountID, nil
		}
	}
	if err := n.CreateAccount(ctx, a); err != nil {
		return "", err
	}
	n.write(func() {
		n.putMember(directory.Member{AccountID: a.ID, UserID: ownerID, Role: auth.RoleSuperAdmin, State: auth.MemberActive}, false)
	})
	return a.ID, nil
}

func (n *naive) Bootstrap(ctx context.Context, a directory.Account, first auth.Invitation, now time.Time) error {
	var some bool
	n.read(func() { some = len(n.users)+len(n.accounts) > 0 })
	if some {
		return directory.ErrNotEmpty
	}
	n.write(func() { n.accounts[a.ID] = a; n.putInvitation(naiveInvitation{first, now}) })
	return nil
}
