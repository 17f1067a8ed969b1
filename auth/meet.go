package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An Act is what is done about somebody who arrives by their company's sign-in, or by a social account.
type Act string

const (
	Recognize Act = "recognize" // it is somebody who was bound before
	Bind      Act = "bind"      // it is the owner of this address, who is bound now
	TakeOver  Act = "take_over" // the same, of an account whose address nobody has proven yet: what was set up on it goes first
	Create    Act = "create"    // it is somebody new, who is added and bound
	Ask       Act = "ask"       // it may be somebody whom nobody else can hand over: they prove it here, and confirm
	Prove     Act = "prove"     // a social account whose address is a mere claim: a code goes there, before anything is said about it
)

// A Meeting is what Meet decides from: an answer of a company's sign-in or of a social provider, and who is known by what it says.
type Meeting struct {
	Arrival    Arrival
	Domain     DomainRule   // of the answer's address; of a social account that is somebody's, of that person's
	Linked     bool         // its subject is somebody's
	LinkedUser User         // whose; the zero User: of somebody who is gone
	Named      bool         // somebody has its address
	NamedUser  User         // who
	Other      bool         // that person is another subject at this connection
	Members    []Membership // of the person: LinkedUser, else NamedUser
	Invitation Invitation   // an open one of the company to this address; the zero Invitation: none
	CanAdd     bool         // people can be added here

	// Of a social account.
	SignUp  bool // whoever is new gets an account by it: Preset.SocialSignUp
	CanMail bool // a code can be mailed
	Bare    bool // NamedUser has nothing to sign in with

	// Version is that of NamedUser's credential when it was looked at. Meet does not read it: whoever binds or takes over demands that nothing
	// has moved it since.
	Version int64
}

// A Welcome is what Meet answers.
type Welcome struct {
	Act        Act
	Reason     Reason     // the person is turned away; then nothing is done
	User       User       // who it is; the zero User with Create, and where nobody is known
	Invitation Invitation // to be accepted for them; the zero Invitation: none
	Add        Role       // they become a member of the company with this role; empty: they do not
}

// Meet is the rule book of arrivals: who somebody is whom a company's sign-in names, and what becomes of them. Like Next it reads values
// and does no input or output.
//
// An identity is a connection and a subject. An equal address never links by itself, with one exception: the first arrival by a
// connection at an address in a domain that its company has proved. Not even then is anybody handed over who is exempt from the company's
// sign-in, or a super administrator of any company.
//
// Of a social account the key is the issuer and the subject. Nobody is ever handed over to one for an equal address: its owner proves the
// account that has the address, with everything that it asks for, and confirms. Whether there is one is not told before the address is
// proven, by a provider that speaks for it or by a mailed code. Where a company enforces its own sign-in for the domain, no social account
// opens or links anything.
func Meet(m Meeting) Welcome {
	a := m.Arrival
	if a.Provider != "" {
		return meetSocial(m)
	}
	if !m.Domain.companySignIn() || m.Domain.Connection != a.Connection || m.Domain.AccountID != a.AccountID {
		return Welcome{Reason: ReasonSSODomainMismatch}
	}
	in, member := in(m.Members, a.AccountID)
	w := Welcome{User: m.NamedUser}
	switch {
	case m.Linked && m.LinkedUser.ID == "":
		return Welcome{Reason: ReasonSSOUserUnknown}
	case m.Linked && m.LinkedUser.Email != a.Email:
		return Welcome{Reason: ReasonSSOSubjectChanged} // the subject was given to somebody else, or the person has another address: people look at it
	case m.Linked:
		w.Act, w.User = Recognize, m.LinkedUser
	case m.Named && m.Other:
		return Welcome{Reason: ReasonSSOSubjectChanged}
	case m.Named && m.NamedUser.Suspended:
		return Welcome{Reason: ReasonUserSuspended}
	case m.Named && (in.SSO == SSOExempt || superAdmin(m.Members)):
		w.Act = Ask
		return w
	case m.Named && m.NamedUser.Unverified:
		w.Act = TakeOver
	case m.Named:
		w.Act = Bind
	case m.CanAdd && (m.Invitation.ID != "" || a.JustInTime):
		w.Act = Create
	default:
		return Welcome{Reason: ReasonSSOUserUnknown}
	}
	switch {
	case member:
	case m.Invitation.ID != "" && m.CanAdd:
		w.Invitation = m.Invitation
	case a.JustInTime && m.CanAdd && w.Act != Recognize: // whoever was taken out of the company is not put back by it
		w.Add = grantable(a.Role)
	}
	return w
}

// grantable is the role that a connection may give: never that of a super administrator.
func grantable(r Role) Role {
	if r == RoleAdmin {
		return RoleAdmin
	}
	return RoleMember
}

func meetSocial(m Meeting) Welcome {
	a := m.Arrival
	switch {
	case m.Linked && m.LinkedUser.ID == "":
		return Welcome{Reason: ReasonSocialNotConnected}
	case m.Domain.SSO == SSOEnforced, m.Linked && !(Facts{Domain: m.Domain, Memberships: m.Members}).socialCounts():
		return Welcome{Reason: ReasonSSORequired}
	case m.Linked:
		return Welcome{Act: Recognize, User: m.LinkedUser}
	case !a.Speaks && !a.Proven && m.CanMail:
		return Welcome{Act: Prove}
	case !a.Speaks && !a.Proven:
		return Welcome{Act: Ask}
	case m.Named && !m.NamedUser.Unverified && !(m.Bare && m.SignUp):
		return Welcome{Act: Ask, User: m.NamedUser}
	case !m.SignUp || !m.CanAdd || m.Named && m.NamedUser.Suspended:
		return Welcome{Act: Ask}
	case m.Named && !(Facts{Domain: m.Domain, Memberships: m.Members}).socialCounts():
		return Welcome{Reason: ReasonSSORequired}
	case m.Named && m.NamedUser.Unverified:
		return Welcome{Act: TakeOver, User: m.NamedUser}
	case m.Named:
		return Welcome{Act: Bind, User: m.NamedUser}
	}
	return Welcome{Act: Create}
}

func superAdmin(all []Membership) bool {
	for _, m := range all {
		if m.Role == RoleSuperAdmin && m.State == MemberActive {
			return true
		}
	}
	return false
}

// meeting gathers what Meet decides from.
func (m *Manager) meeting(ctx context.Context, a Arrival, now time.Time) (g Meeting, err error) {
	if a.Provider != "" {
		return m.socialMeeting(ctx, a, now)
	}
	g = Meeting{Arrival: a, CanAdd: m.registrar != nil && m.members != nil}
	if g.Domain, err = m.domainRule(ctx, a.Email); err != nil {
		return g, err
	}
	link, err := m.stores.Identities.IdentityBy(ctx, a.source(), a.Subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return g, fmt.Errorf("auth: reading an identity: %w", err)
	}
	g.Linked = err == nil
	if g.Linked {
		if g.LinkedUser, _, err = found(m.users.UserByID(ctx, link.UserID)); err != nil {
			return g, err
		}
	}
	if g.NamedUser, g.Named, err = found(m.users.UserByEmail(ctx, a.Email)); err != nil {
		return g, err
	}
	if g.Named {
		theirs, err := m.stores.Identities.Identities(ctx, g.NamedUser.ID)
		if err != nil {
			return g, fmt.Errorf("auth: reading identities: %w", err)
		}
		for _, l := range theirs {
			g.Other = g.Other || l.Source == a.source() && l.Subject != a.Subject
		}
	}
	who := g.NamedUser.ID
	if g.LinkedUser.ID != "" {
		who = g.LinkedUser.ID
	}
	if who != "" {
		if g.Members, err = m.memberships(ctx, who, now); err != nil {
			return g, err
		}
	}
	invited, err := m.invitationsTo(ctx, a.Email, now)
	if err != nil {
		return g, err
	}
	for _, i := range invited {
		if i.As.AccountID == a.AccountID && i.stands(i.Letter, now) == "" && g.Invitation.ID == "" {
			g.Invitation = i
		}
	}
	return g, nil
}

// socialMeeting gathers what Meet decides from about a social account. Whoever has the address is looked up once it is proven, and not before.
func (m *Manager) socialMeeting(ctx context.Context, a Arrival, now time.Time) (g Meeting, err error) {
	g = Meeting{Arrival: a, CanAdd: m.registrar != nil, CanMail: m.CanMail(), SignUp: m.preset.SocialSignUp == SocialSignUpOn}
	link, err := m.stores.Identities.IdentityBy(ctx, a.source(), a.Subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return g, fmt.Errorf("auth: reading an identity: %w", err)
	}
	email := a.Email
	if g.Linked = err == nil; g.Linked {
		if g.LinkedUser, _, err = found(m.users.UserByID(ctx, link.UserID)); err != nil {
			return g, err
		}
		email = g.LinkedUser.Email
		if g.Members, err = m.memberships(ctx, link.UserID, now); err != nil {
			return g, err
		}
	}
	if g.Domain, err = m.domainRule(ctx, email); err != nil || g.Linked || !a.Speaks && !a.Proven {
		return g, err
	}
	if g.NamedUser, g.Named, err = found(m.users.UserByEmail(ctx, a.Email)); err != nil || !g.Named || !g.SignUp {
		return g, err
	}
	cred, err := m.credential(ctx, g.NamedUser.ID)
	if err != nil {
		return g, err
	}
	g.Version = cred.Version
	// Once more, after the version: whatever they set up from now on moves it.
	if g.NamedUser, g.Named, err = found(m.users.UserByEmail(ctx, a.Email)); err != nil || !g.Named {
		return g, err
	}
	if g.Members, err = m.memberships(ctx, g.NamedUser.ID, now); err != nil {
		return g, err
	}
	g.Bare, err = m.bare(ctx, g.NamedUser.ID, cred)
	return g, err
}

// bare tells whether a person has nothing to sign in with: the sign-up that made them was cut short.
func (m *Manager) bare(ctx context.Context, userID string, cred Credential) (bool, error) {
	if cred.Hash != "" {
		return false, nil
	}
	app, err := m.app(ctx, userID)
	if err != nil || app.ID != "" {
		return false, err
	}
	linked, err := m.linked(ctx, userID)
	return !linked, err
}

// linked tells whether a person is known elsewhere.
func (m *Manager) linked(ctx context.Context, userID string) (bool, error) {
	all, err := m.Identities(ctx, userID)
	return len(all) > 0, err
}
