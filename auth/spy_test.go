package auth_test

import (
	"context"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// A spy stands between a Manager and everything it keeps: it writes down each call, and can cut the line before or after one.
type spy struct {
	stores    auth.Stores
	users     auth.Users
	companies auth.Companies

	mu     sync.Mutex
	calls  []string
	before func(n int, call string) error // n counts calls from 1; an error stands for a crash before the call
	after  func(n int, call string) error // the same, with the call done
}

// take answers the calls so far and starts a new list.
func (s *spy) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
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

type spyCredentials struct{ *spy }

func (s spyCredentials) Credential(ctx context.Context, id string) (c auth.Credential, err error) {
	err = s.through("Credential", func() (err error) { c, err = s.stores.Credentials.Credential(ctx, id); return })
	return
}

func (s spyCredentials) SwapCredential(ctx context.Context, c auth.Credential) error {
	return s.through("SwapCredential", func() error { return s.stores.Credentials.SwapCredential(ctx, c) })
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

func (s spySessions) RotateSession(ctx context.Context, old, key session.Key, row session.Session) error {
	return s.through("RotateSession", func() error { return s.stores.Sessions.RotateSession(ctx, old, key, row) })
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

func (s spyDevices) EndDevice(ctx context.Context, userID, id string) error {
	return s.through("EndDevice", func() error { return s.stores.Devices.EndDevice(ctx, userID, id) })
}

func (s spyDevices) EndDevices(ctx context.Context, userID string) error {
	return s.through("EndDevices", func() error { return s.stores.Devices.EndDevices(ctx, userID) })
}
