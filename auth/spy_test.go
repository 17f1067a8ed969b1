package auth_test

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// A spy stands between a Manager and everything it keeps: it writes down each call, and can cut the line before or after one.
type spy struct {
	stores      auth.Stores
	users       auth.Users
	companies   auth.Companies
	registrar   auth.Registrar
	invitations auth.Invitations
	admins      auth.Administrators
	members     auth.Members

	mu     sync.Mutex
	calls  []string
	before func(n int, call string) error // n counts calls from 1; an error stands for a crash before the call
	after  func(n int, call string) error // the same, with the call done

	claim      error // what a worker is answered instead of letters; nil: letters
	delivering bool  // a worker is at it, whose calls are no step's
}

// take answers the calls so far and starts a new list.
func (s *spy) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// meanwhile has do happen before the n-th call from now on, once, and tells whether it has. An error of do is that call's.
func (w *world) meanwhile(n int, do func() error) (happened *bool) {
	happened = new(bool)
	w.spy.take()
	w.spy.before = func(i int, _ string) error {
		if i != n {
			return nil
		}
		*happened, w.spy.before = true, nil
		return do()
	}
	return happened
}

// through makes one call.
func (s *spy) through(call string, do func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, call)
	n, before, after := len(s.calls), s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(n, call); err != nil {
			return err
		}
	}
	err := do()
	if after != nil {
		if cut := after(n, call); cut != nil {
			return cut
		}
	}
	return err
}

func (s *spy) Stores() auth.Stores {
	return auth.Stores{
		Credentials: spyCredentials{s}, Flows: spyFlows{s}, Limits: spyLimits{s},
		Sessions: spySessions{s}, Cuts: s.stores.Cuts, Devices: spyDevices{s}, Expiry: s.stores.Expiry,
		TOTP: spyTOTP{s}, Recovery: spyRecovery{s}, Codes: spyCodes{s}, Outbox: spyOutbox{s}, Tickets: spyTickets{s},
		Identities: spyIdentities{s},
	}
}

func (s *spy) UserByID(ctx context.Context, id string) (u auth.User, err error) {
	err = s.through("UserByID", func() (err error) { u, err = s.users.UserByID(ctx, id); return })
	return
}

func (s *spy) UserByEmail(ctx context.Context, email string) (u auth.User, err error) {
	err = s.through("UserByEmail", func() (err error) { u, err = s.users.UserByEmail(ctx, email); return })
	return
}

func (s *spy) Memberships(ctx context.Context, id string) (m []auth.Membership, err error) {
	err = s.through("Memberships", func() (err error) { m, err = s.companies.Memberships(ctx, id); return })
	return
}

func (s *spy) DomainRule(ctx context.Context, domain string) (r auth.DomainRule, err error) {
	err = s.through("DomainRule", func() (err error) { r, err = s.companies.DomainRule(ctx, domain); return })
	return
}

func (s *spy) CreateUser(ctx context.Context, n auth.NewUser) (u auth.User, err error) {
	err = s.through("CreateUser", func() (err error) { u, err = s.registrar.CreateUser(ctx, n); return })
	return
}

func (s *spy) VerifyUser(ctx context.Context, id, email string) error {
	return s.through("VerifyUser", func() error { return s.registrar.VerifyUser(ctx, id, email) })
}

func (s *spy) SwapEmail(ctx context.Context, id, from, to string) error {
	return s.through("SwapEmail", func() error { return s.registrar.SwapEmail(ctx, id, from, to) })
}

func (s *spy) CreateCompany(ctx context.Context, name, owner string) (id string, err error) {
	err = s.through("CreateCompany", func() (err error) { id, err = s.registrar.CreateCompany(ctx, name, owner); return })
	return
}

func (s *spy) CreateInvitation(ctx context.Context, n auth.NewInvitation, expires, now time.Time) (i auth.Invitation, err error) {
	err = s.through("CreateInvitation", func() (err error) { i, err = s.invitations.CreateInvitation(ctx, n, expires, now); return })
	return
}

func (s *spy) Invitation(ctx context.Context, id string) (i auth.Invitation, err error) {
	err = s.through("Invitation", func() (err error) { i, err = s.invitations.Invitation(ctx, id); return })
	return
}

func (s *spy) InvitationsTo(ctx context.Context, email string, now time.Time) (all []auth.Invitation, err error) {
	err = s.through("InvitationsTo", func() (err error) { all, err = s.invitations.InvitationsTo(ctx, email, now); return })
	return
}

func (s *spy) CountLetter(ctx context.Context, id string, expires, now time.Time) (i auth.Invitation, err error) {
	err = s.through("CountLetter", func() (err error) { i, err = s.invitations.CountLetter(ctx, id, expires, now); return })
	return
}

func (s *spy) Join(ctx context.Context, id string, letter int, userID string, now time.Time) (m auth.Membership, err error) {
	err = s.through("Join", func() (err error) { m, err = s.invitations.Join(ctx, id, letter, userID, now); return })
	return
}

func (s *spy) CloseInvitation(ctx context.Context, id string, as auth.InvitationState, now time.Time) error {
	return s.through("CloseInvitation", func() error { return s.invitations.CloseInvitation(ctx, id, as, now) })
}

func (s *spy) Administrators(ctx context.Context, id string) (all []auth.User, err error) {
	err = s.through("Administrators", func() (err error) { all, err = s.admins.Administrators(ctx, id); return })
	return
}

type spyCredentials struct{ *spy }

func (s spyCredentials) Credential(ctx context.Context, id string) (c auth.Credential, err error) {
	err = s.through("Credential", func() (err error) { c, err = s.stores.Credentials.Credential(ctx, id); return })
	return
}

func (s spyCredentials) SwapCredential(ctx context.Context, c auth.Credential) error {
	return s.through("SwapCredential", func() error { return s.stores.Credentials.SwapCredential(ctx, c) })
}

func (s spyCredentials) MoveCredential(ctx context.Context, id string, lock time.Time) (v int64, err error) {
	err = s.through("MoveCredential", func() (err error) { v, err = s.stores.Credentials.MoveCredential(ctx, id, lock); return })
	return
}

func (s spyCredentials) UpgradeHash(ctx context.Context, id string, v int64, hash string) error {
	return s.through("UpgradeHash", func() error { return s.stores.Credentials.UpgradeHash(ctx, id, v, hash) })
}

type spyFlows struct{ *spy }

func (s spyFlows) CreateFlow(ctx context.Context, key [32]byte, row auth.FlowRow, now time.Time) error {
	return s.through("CreateFlow", func() error { return s.stores.Flows.CreateFlow(ctx, key, row, now) })
}

func (s spyFlows) Flow(ctx context.Context, key [32]byte) (row auth.FlowRow, err error) {
	err = s.through("Flow", func() (err error) { row, err = s.stores.Flows.Flow(ctx, key); return })
	return
}

func (s spyFlows) SwapFlow(ctx context.Context, old, key [32]byte, row auth.FlowRow) error {
	return s.through("SwapFlow", func() error { return s.stores.Flows.SwapFlow(ctx, old, key, row) })
}

func (s spyFlows) TakeFlow(ctx context.Context, key [32]byte, version int64) error {
	return s.through("TakeFlow", func() error { return s.stores.Flows.TakeFlow(ctx, key, version) })
}

func (s spyFlows) DropFlow(ctx context.Context, key [32]byte) error {
	return s.through("DropFlow", func() error { return s.stores.Flows.DropFlow(ctx, key) })
}

type spyLimits struct{ *spy }

func (s spyLimits) Charge(ctx context.Context, c []auth.Charge, now time.Time) (until time.Time, err error) {
	err = s.through("Charge", func() (err error) { until, err = s.stores.Limits.Charge(ctx, c, now); return })
	return
}

func (s spyLimits) ClearLimits(ctx context.Context, keys [][32]byte) error {
	return s.through("ClearLimits", func() error { return s.stores.Limits.ClearLimits(ctx, keys) })
}

type spySessions struct{ *spy }

func (s spySessions) CreateSession(ctx context.Context, key session.Key, row session.Session) error {
	return s.through("CreateSession", func() error { return s.stores.Sessions.CreateSession(ctx, key, row) })
}

func (s spySessions) Session(ctx context.Context, key session.Key, now time.Time) (row *session.Session, err error) {
	err = s.through("Session", func() (err error) { row, err = s.stores.Sessions.Session(ctx, key, now); return })
	return
}

func (s spySessions) TouchSession(ctx context.Context, key session.Key, seen time.Time) error {
	return s.through("TouchSession", func() error { return s.stores.Sessions.TouchSession(ctx, key, seen) })
}

func (s spySessions) RotateSession(ctx context.Context, old, key session.Key, row session.Session, now time.Time) error {
	return s.through("RotateSession", func() error { return s.stores.Sessions.RotateSession(ctx, old, key, row, now) })
}

func (s spySessions) Sessions(ctx context.Context, id string, now time.Time) (rows []session.Session, err error) {
	err = s.through("Sessions", func() (err error) { rows, err = s.stores.Sessions.Sessions(ctx, id, now); return })
	return
}

func (s spySessions) EndSession(ctx context.Context, userID, id string) error {
	return s.through("EndSession", func() error { return s.stores.Sessions.EndSession(ctx, userID, id) })
}

func (s spySessions) EndSessions(ctx context.Context, userID, except string) error {
	return s.through("EndSessions", func() error { return s.stores.Sessions.EndSessions(ctx, userID, except) })
}

type spyDevices struct{ *spy }

func (s spyDevices) Device(ctx context.Context, key session.Key, id string) (d session.Device, err error) {
	err = s.through("Device", func() (err error) { d, err = s.stores.Devices.Device(ctx, key, id); return })
	return
}

func (s spyDevices) GrantDevice(ctx context.Context, old, key session.Key, d session.Device) (out session.Device, err error) {
	err = s.through("GrantDevice", func() (err error) { out, err = s.stores.Devices.GrantDevice(ctx, old, key, d); return })
	return
}

func (s spyDevices) Devices(ctx context.Context, id string) (d []session.Device, err error) {
	err = s.through("Devices", func() (err error) { d, err = s.stores.Devices.Devices(ctx, id); return })
	return
}

func (s spyDevices) TrustDevice(ctx context.Context, userID, id string, at time.Time) error {
	return s.through("TrustDevice", func() error { return s.stores.Devices.TrustDevice(ctx, userID, id, at) })
}

func (s spyDevices) EndDevice(ctx context.Context, userID, id string) error {
	return s.through("EndDevice", func() error { return s.stores.Devices.EndDevice(ctx, userID, id) })
}

func (s spyDevices) EndDevices(ctx context.Context, userID string) error {
	return s.through("EndDevices", func() error { return s.stores.Devices.EndDevices(ctx, userID) })
}

type spyTOTP struct{ *spy }

func (s spyTOTP) TOTP(ctx context.Context, id string) (st mfa.TOTPStatus, err error) {
	err = s.through("TOTP", func() (err error) { st, err = s.stores.TOTP.TOTP(ctx, id); return })
	return
}

func (s spyTOTP) SpendTOTP(ctx context.Context, id string, b mfa.Budget, now time.Time) (r mfa.TOTPRecord, until time.Time, err error) {
	err = s.through("SpendTOTP", func() (err error) { r, until, err = s.stores.TOTP.SpendTOTP(ctx, id, b, now); return })
	return
}

func (s spyTOTP) AdvanceTOTP(ctx context.Context, userID, id string, step int64) (ok bool, err error) {
	err = s.through("AdvanceTOTP", func() (err error) { ok, err = s.stores.TOTP.AdvanceTOTP(ctx, userID, id, step); return })
	return
}

func (s spyTOTP) ReplaceTOTP(ctx context.Context, old string, r mfa.TOTPRecord) error {
	return s.through("ReplaceTOTP", func() error { return s.stores.TOTP.ReplaceTOTP(ctx, old, r) })
}

func (s spyTOTP) DeleteTOTP(ctx context.Context, userID, id string) error {
	return s.through("DeleteTOTP", func() error { return s.stores.TOTP.DeleteTOTP(ctx, userID, id) })
}

func (s spyTOTP) AskTOTPReset(ctx context.Context, userID, id string, renew, now time.Time) (asked time.Time, err error) {
	err = s.through("AskTOTPReset", func() (err error) { asked, err = s.stores.TOTP.AskTOTPReset(ctx, userID, id, renew, now); return })
	return
}

type spyTickets struct{ *spy }

func (s spyTickets) PutTicket(ctx context.Context, t auth.Ticket, now time.Time) error {
	return s.through("PutTicket", func() error { return s.stores.Tickets.PutTicket(ctx, t, now) })
}

func (s spyTickets) Ticket(ctx context.Context, key [32]byte) (t auth.Ticket, err error) {
	err = s.through("Ticket", func() (err error) { t, err = s.stores.Tickets.Ticket(ctx, key); return })
	return
}

func (s spyTickets) TicketIn(ctx context.Context, slot [32]byte) (t auth.Ticket, err error) {
	err = s.through("TicketIn", func() (err error) { t, err = s.stores.Tickets.TicketIn(ctx, slot); return })
	return
}

func (s spyTickets) TakeTicket(ctx context.Context, key [32]byte) error {
	return s.through("TakeTicket", func() error { return s.stores.Tickets.TakeTicket(ctx, key) })
}

func (s spyTickets) DropTicket(ctx context.Context, slot [32]byte) error {
	return s.through("DropTicket", func() error { return s.stores.Tickets.DropTicket(ctx, slot) })
}

type spyRecovery struct{ *spy }

func (s spyRecovery) ReplaceRecovery(ctx context.Context, id string, set mfa.RecoverySet) error {
	return s.through("ReplaceRecovery", func() error { return s.stores.Recovery.ReplaceRecovery(ctx, id, set) })
}

func (s spyRecovery) SpendRecovery(ctx context.Context, id string, b mfa.Budget, now time.Time) (set string, codes []mfa.RecoveryCode, until time.Time, err error) {
	err = s.through("SpendRecovery", func() (err error) { set, codes, until, err = s.stores.Recovery.SpendRecovery(ctx, id, b, now); return })
	return
}

func (s spyRecovery) ConsumeRecovery(ctx context.Context, userID, set string, mac [32]byte, now time.Time) (ok bool, err error) {
	err = s.through("ConsumeRecovery", func() (err error) { ok, err = s.stores.Recovery.ConsumeRecovery(ctx, userID, set, mac, now); return })
	return
}

func (s spyRecovery) RecoveryLeft(ctx context.Context, id string) (n int, err error) {
	err = s.through("RecoveryLeft", func() (err error) { n, err = s.stores.Recovery.RecoveryLeft(ctx, id); return })
	return
}

type spyCodes struct{ *spy }

func (s spyCodes) SendCode(ctx context.Context, key [32]byte, c mfa.CodeRecord, r mfa.CodeRules, now time.Time) (wait time.Time, err error) {
	err = s.through("SendCode", func() (err error) { wait, err = s.stores.Codes.SendCode(ctx, key, c, r, now); return })
	return
}

func (s spyCodes) SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (c mfa.CodeRecord, err error) {
	err = s.through("SpendCode", func() (err error) { c, err = s.stores.Codes.SpendCode(ctx, key, tries, now); return })
	return
}

func (s spyCodes) ConsumeCode(ctx context.Context, key [32]byte, id string) (ok bool, err error) {
	err = s.through("ConsumeCode", func() (err error) { ok, err = s.stores.Codes.ConsumeCode(ctx, key, id); return })
	return
}

type spyOutbox struct{ *spy }

func (s spyOutbox) AddOutbox(ctx context.Context, row mail.OutboxRow) error {
	return s.through("AddOutbox", func() error { return s.stores.Outbox.AddOutbox(ctx, row) })
}

func (s spyOutbox) ClaimOutbox(ctx context.Context, now, until time.Time, limit int) (rows []mail.OutboxRow, err error) {
	if s.claim != nil {
		return nil, s.claim
	}
	return s.stores.Outbox.ClaimOutbox(ctx, now, until, limit) // a worker's, not a step's
}

func (s spyOutbox) RetryOutbox(ctx context.Context, id string, attempts int, due time.Time) error {
	return s.stores.Outbox.RetryOutbox(ctx, id, attempts, due)
}

func (s spyOutbox) DropOutbox(ctx context.Context, id string) error {
	if s.delivering {
		return s.stores.Outbox.DropOutbox(ctx, id) // the worker's, too
	}
	return s.through("DropOutbox", func() error { return s.stores.Outbox.DropOutbox(ctx, id) })
}

type spyIdentities struct{ *spy }

func (s spyIdentities) IdentityBy(ctx context.Context, source, subject string) (l auth.Link, err error) {
	err = s.through("IdentityBy", func() (err error) { l, err = s.stores.Identities.IdentityBy(ctx, source, subject); return })
	return
}

func (s spyIdentities) Identities(ctx context.Context, userID string) (all []auth.Link, err error) {
	err = s.through("Identities", func() (err error) { all, err = s.stores.Identities.Identities(ctx, userID); return })
	return
}

func (s spyIdentities) LinkIdentity(ctx context.Context, l auth.Link) error {
	return s.through("LinkIdentity", func() error { return s.stores.Identities.LinkIdentity(ctx, l) })
}

func (s spyIdentities) UseIdentity(ctx context.Context, source, subject string, now time.Time) error {
	return s.through("UseIdentity", func() error { return s.stores.Identities.UseIdentity(ctx, source, subject, now) })
}

func (s spyIdentities) UnlinkIdentity(ctx context.Context, userID, id string, providers []string) error {
	return s.through("UnlinkIdentity", func() error { return s.stores.Identities.UnlinkIdentity(ctx, userID, id, providers) })
}

func (s spyIdentities) UnlinkIdentities(ctx context.Context, userID string) error {
	return s.through("UnlinkIdentities", func() error { return s.stores.Identities.UnlinkIdentities(ctx, userID) })
}

func (s *spy) AddMember(ctx context.Context, accountID, userID string, role auth.Role, now time.Time) (m auth.Membership, err error) {
	err = s.through("AddMember", func() (err error) { m, err = s.members.AddMember(ctx, accountID, userID, role, now); return })
	return
}

func (s *spy) SetMemberSSO(ctx context.Context, accountID, userID string, o auth.SSOOverride) error {
	return s.through("SetMemberSSO", func() error { return s.members.SetMemberSSO(ctx, accountID, userID, o) })
}
