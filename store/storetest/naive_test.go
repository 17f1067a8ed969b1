package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/storetest"
)

// naive is the store that everybody writes first: it gets a row, decides, and puts it back. Each get and each put is safe by
// itself, and with one caller at a time it keeps every contract. Between the two it lets others run, as a network would.
type naive struct {
	mu       sync.Mutex
	sessions map[session.Key]session.Session
	cuts     map[string]naiveCut
	devices  map[session.Key]map[string]session.Device
	creds    map[string]auth.Credential
	flows    map[[32]byte]auth.FlowRow
	counters map[[32]byte]auth.Counter
	users    map[string]auth.User
	accounts map[string]directory.Account
	members  map[string][]directory.Member
	domains  map[string]directory.Domain
	seats    map[string]map[string]int // by company
	holders  map[string]map[[2]string]bool
	invited  map[string]map[string]naiveInvitation
	apps     map[string]mfa.TOTPRecord
	codes    map[[32]byte]mfa.CodeRecord
	sets     map[string]naiveSet
	recovery map[string][]mfa.RecoveryCode
	letters  map[string]mail.OutboxRow
	tickets  map[[32]byte]auth.Ticket
	slots    map[[32]byte][32]byte // the key of the ticket in it
	links    map[[2]string]auth.Link
	asked    map[[2]string]auth.SSOOverride // by company and person
	claims   map[[2]string]directory.Claim  // by company and domain
	requests map[[32]byte]sso.RequestRow
	used     map[[32]byte]time.Time // until when
	logins   map[string]sso.LoginRow
	conns    map[string]sso.ConnectionRow // Version 0: deleted
	departed map[[32]byte]social.RequestRow
}

type naiveCut struct{ last, due time.Time }

func newNaive() *naive {
	return &naive{
		sessions: map[session.Key]session.Session{}, cuts: map[string]naiveCut{},
		devices: map[session.Key]map[string]session.Device{}, creds: map[string]auth.Credential{},
		flows: map[[32]byte]auth.FlowRow{}, counters: map[[32]byte]auth.Counter{},
		users: map[string]auth.User{}, accounts: map[string]directory.Account{},
		members: map[string][]directory.Member{}, domains: map[string]directory.Domain{},
		seats: map[string]map[string]int{}, holders: map[string]map[[2]string]bool{}, invited: map[string]map[string]naiveInvitation{},
		apps: map[string]mfa.TOTPRecord{}, codes: map[[32]byte]mfa.CodeRecord{}, sets: map[string]naiveSet{},
		recovery: map[string][]mfa.RecoveryCode{}, letters: map[string]mail.OutboxRow{},
		tickets: map[[32]byte]auth.Ticket{}, slots: map[[32]byte][32]byte{}, links: map[[2]string]auth.Link{},
		asked: map[[2]string]auth.SSOOverride{}, claims: map[[2]string]directory.Claim{},
		requests: map[[32]byte]sso.RequestRow{}, used: map[[32]byte]time.Time{}, logins: map[string]sso.LoginRow{},
		conns: map[string]sso.ConnectionRow{}, departed: map[[32]byte]social.RequestRow{},
	}
}

// read and write are one round trip each, and no two round trips take equally long: who has read last does not write last.
func (n *naive) read(get func())  { n.write(get); time.Sleep(rand.N(2 * time.Millisecond)) }
func (n *naive) write(put func()) { n.mu.Lock(); defer n.mu.Unlock(); put() }

func (n *naive) CreateSession(_ context.Context, key session.Key, s session.Session) error {
	var taken bool
	n.read(func() { _, taken = n.sessions[key] })
	if taken {
		return session.ErrConflict
	}
	n.write(func() { n.sessions[key] = s })
	return nil
}

func (n *naive) Session(_ context.Context, key session.Key, now time.Time) (*session.Session, error) {
	var s session.Session
	var ok bool
	n.read(func() { s, ok = n.sessions[key]; ok = ok && !n.cut(s, now) })
	if !ok {
		return nil, session.ErrNotFound
	}
	return &s, nil
}

func (n *naive) cut(s session.Session, now time.Time) bool {
	c := n.cuts[s.AccountID]
	return s.AccountID != "" && (s.CreatedAt.Before(c.last) || s.CreatedAt.Before(c.due) && !now.Before(c.due))
}

func (n *naive) TouchSession(_ context.Context, key session.Key, seen time.Time) error {
	var s session.Session
	var ok bool
	n.read(func() { s, ok = n.sessions[key] })
	if ok && s.SeenAt.Before(seen) {
		s.SeenAt = seen
		n.write(func() { n.sessions[key] = s })
	}
	return nil
}

func (n *naive) RotateSession(_ context.Context, old, new session.Key, s session.Session, now time.Time) error {
	var was session.Session
	var ok bool
	n.read(func() {
		was, ok = n.sessions[old]
		there := was
		there.AccountID = s.AccountID
		ok = ok && !n.cut(was, now) && !n.cut(there, now)
	})
	if !ok {
		return session.ErrNotFound
	}
	was.AccountID, was.Methods, was.AuthTime, was.Idle, was.ExpiresAt = s.AccountID, s.Methods, s.AuthTime, s.Idle, s.ExpiresAt
	n.write(func() { delete(n.sessions, old); n.sessions[new] = was })
	return nil
}

func (n *naive) Sessions(_ context.Context, userID string, now time.Time) (all []session.Session, _ error) {
	n.read(func() {
		for _, s := range n.sessions {
			if s.UserID == userID && !n.cut(s, now) {
				all = append(all, s)
			}
		}
	})
	slices.SortFunc(all, func(a, b session.Session) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all, nil
}

func (n *naive) EndSession(_ context.Context, userID, id string) error {
	var keys []session.Key
	n.read(func() {
		for key, s := range n.sessions {
			if s.UserID == userID && s.ID == id {
				keys = append(keys, key)
			}
		}
	})
	if len(keys) == 0 {
		return session.ErrNotFound
	}
	n.write(func() { delete(n.sessions, keys[0]) })
	return nil
}

func (n *naive) EndSessions(ctx context.Context, userID, except string) error {
	all, _ := n.Sessions(ctx, userID, time.Time{})
	for _, s := range all {
		if except == "" || s.ID != except {
			_ = n.EndSession(ctx, userID, s.ID)
		}
	}
	return nil
}

func (n *naive) CutSessions(_ context.Context, accountID string, now time.Time) error {
	var c naiveCut
	n.read(func() {
		c = n.cuts[accountID]
	})
	n.write(func() {
		for key, s := range n.sessions {
			if s.AccountID == accountID && !s.CreatedAt.Before(now) {
				delete(n.sessions, key)
			}
		}
	})
	if now.After(c.last) {
		c.last = now
		n.write(func() { n.cuts[accountID] = c })
	}
	return nil
}

func (n *naive) DueCut(_ context.Context, accountID string, at, now time.Time) error {
	var c naiveCut
	n.read(func() { c = n.cuts[accountID] })
	if !c.due.IsZero() && !now.Before(c.due) && c.due.After(c.last) {
		c.last = c.due
	}
	c.due = at
	n.write(func() { n.cuts[accountID] = c })
	return nil
}

func (n *naive) Device(_ context.Context, key session.Key, userID string) (session.Device, error) {
	var d session.Device
	var ok bool
	n.read(func() { d, ok = n.devices[key][userID] })
	if !ok {
		return d, session.ErrNotFound
	}
	return d, nil
}

func (n *naive) GrantDevice(_ context.Context, old, new session.Key, d session.Device) (session.Device, error) {
	var people map[string]session.Device
	move := false
	n.read(func() {
		move = old != session.Key{} && len(n.devices[new]) == 0
		people = maps.Clone(n.devices[new])
		if move {
			people = maps.Clone(n.devices[old])
		}
	})
	if people == nil {
		people = map[string]session.Device{}
	}
	if was, ok := people[d.UserID]; ok {
		d.ID, d.FirstSeen = was.ID, was.FirstSeen
		if d.TrustedAt.IsZero() {
			d.TrustedAt = was.TrustedAt
		}
		if d.TwoStepUntil.IsZero() {
			d.TwoStepUntil = was.TwoStepUntil
		}
	}
	people[d.UserID] = d
	n.write(func() {
		if move {
			delete(n.devices, old)
		}
		n.devices[new] = people
	})
	return d, nil
}

func (n *naive) Devices(_ context.Context, userID string) (all []session.Device, _ error) {
	n.read(func() {
		for _, people := range n.devices {
			if d, ok := people[userID]; ok {
				all = append(all, d)
			}
		}
	})
	slices.SortFunc(all, func(a, b session.Device) int { return b.LastSeen.Compare(a.LastSeen) })
	return all, nil
}

func (n *naive) EndDevice(_ context.Context, userID, id string) error {
	var keys []session.Key
	n.read(func() {
		for key, people := range n.devices {
			if d, ok := people[userID]; ok && d.ID == id {
				keys = append(keys, key)
			}
		}
	})
	if len(keys) == 0 {
		return session.ErrNotFound
	}
	n.write(func() { delete(n.devices[keys[0]], userID) })
	return nil
}

func (n *naive) EndDevices(_ context.Context, userID string) error {
	n.write(func() {
		for _, people := range n.devices {
			delete(people, userID)
		}
	})
	return nil
}

func (n *naive) Credential(_ context.Context, userID string) (auth.Credential, error) {
	var c auth.Credential
	n.read(func() { c = n.creds[userID] })
	if c.Version == 0 {
		return c, auth.ErrNotFound
	}
	c.History = slices.Clone(c.History)
	return c, nil
}

func (n *naive) SwapCredential(ctx context.Context, c auth.Credential) error {
	was, _ := n.Credential(ctx, c.UserID)
	if was.Version != c.Version {
		return auth.ErrConflict
	}
	c.Version++
	c.History = slices.Clone(c.History)
	n.write(func() { n.creds[c.UserID] = c })
	return nil
}

func (n *naive) UpgradeHash(ctx context.Context, userID string, version int64, hash string) error {
	c, err := n.Credential(ctx, userID)
	if err != nil || c.Version != version {
		return auth.ErrConflict
	}
	c.Hash = hash
	n.write(func() { n.creds[userID] = c })
	return nil
}

func (n *naive) CreateFlow(ctx context.Context, key [32]byte, row auth.FlowRow, _ time.Time) error {
	if _, err := n.Flow(ctx, key); err == nil {
		return auth.ErrConflict
	}
	row.Version, row.Body = 1, slices.Clone(row.Body)
	n.write(func() { n.flows[key] = row })
	return nil
}

func (n *naive) Flow(_ context.Context, key [32]byte) (auth.FlowRow, error) {
	var row auth.FlowRow
	n.read(func() { row = n.flows[key] })
	if row.Version == 0 {
		return row, auth.ErrNotFound
	}
	row.Body = slices.Clone(row.Body)
	return row, nil
}

func (n *naive) SwapFlow(_ context.Context, old, new [32]byte, row auth.FlowRow) error {
	var was, taken auth.FlowRow
	n.read(func() { was, taken = n.flows[old], n.flows[new] })
	switch {
	case was.Version == 0:
		return auth.ErrNotFound
	case was.Version != row.Version-1, new != old && taken.Version != 0:
		return auth.ErrConflict
	}
	n.write(func() { delete(n.flows, old); n.flows[new] = row })
	return nil
}

func (n *naive) TakeFlow(ctx context.Context, key [32]byte, version int64) error {
	was, err := n.Flow(ctx, key)
	if err != nil {
		return err
	}
	if was.Version != version {
		return auth.ErrConflict
	}
	return n.DropFlow(ctx, key)
}

func (n *naive) DropFlow(_ context.Context, key [32]byte) error {
	n.write(func() { delete(n.flows, key) })
	return nil
}

func (n *naive) Charge(_ context.Context, charges []auth.Charge, now time.Time) (time.Time, error) {
	counters := make([]auth.Counter, len(charges))
	n.read(func() {
		for i, c := range charges {
			counters[i] = n.counters[c.Key]
		}
	})
	after, closedTo := auth.ChargeAll(charges, counters, now)
	n.write(func() {
		for i, c := range after {
			n.counters[charges[i].Key] = c
		}
	})
	return closedTo, nil
}

func (n *naive) ClearLimits(_ context.Context, keys [][32]byte) error {
	n.write(func() {
		for _, key := range keys {
			delete(n.counters, key)
		}
	})
	return nil
}

func (n *naive) DeleteExpired(_ context.Context, now time.Time, limit int) (int, error) {
	var sessions, flows, counters, codes, tickets, requests, used, departed [][32]byte
	var logins []string
	n.read(func() {
		for key, s := range n.sessions {
			if (!now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= s.Idle) && len(sessions) < limit {
				sessions = append(sessions, key)
			}
		}
		for key, row := range n.flows {
			if !now.Before(row.ExpiresAt) && len(flows) < limit {
				flows = append(flows, key)
			}
		}
		for key, c := range n.counters {
			if !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt) && len(counters) < limit {
				counters = append(counters, key)
			}
		}
		for key, c := range n.codes {
			if !now.Before(c.EndsAt) && len(codes) < limit {
				codes = append(codes, key)
			}
		}
		for key, row := range n.tickets {
			if !now.Before(row.ExpiresAt) && len(tickets) < limit {
				tickets = append(tickets, key)
			}
		}
		for key, row := range n.requests {
			if !now.Before(row.ExpiresAt) && len(requests) < limit {
				requests = append(requests, key)
			}
		}
		for key, ends := range n.used {
			if !now.Before(ends) && len(used) < limit {
				used = append(used, key)
			}
		}
		for key, row := range n.departed {
			if !now.Before(row.ExpiresAt) && len(departed) < limit {
				departed = append(departed, key)
			}
		}
		for id, row := range n.logins {
			if !now.Before(row.ExpiresAt) && len(logins) < limit {
				logins = append(logins, id)
			}
		}
	})
	n.write(func() {
		for _, key := range sessions {
			delete(n.sessions, key)
		}
		for _, key := range flows {
			delete(n.flows, key)
		}
		for _, key := range counters {
			delete(n.counters, key)
		}
		for _, key := range codes {
			delete(n.codes, key)
		}
		for _, key := range tickets {
			delete(n.slots, n.tickets[key].Slot)
			delete(n.tickets, key)
		}
		for _, key := range requests {
			delete(n.requests, key)
		}
		for _, key := range used {
			delete(n.used, key)
		}
		for _, key := range departed {
			delete(n.departed, key)
		}
		for _, id := range logins {
			delete(n.logins, id)
		}
	})
	return len(sessions) + len(flows) + len(counters) + len(codes) + len(tickets) + len(requests) + len(used) + len(departed) + len(logins), nil
}

func (n *naive) UserByID(_ context.Context, id string) (auth.User, error) {
	var u auth.User
	n.read(func() { u = n.users[id] })
	if u.ID == "" {
		return u, auth.ErrNotFound
	}
	return u, nil
}

func (n *naive) UserByEmail(_ context.Context, email string) (auth.User, error) {
	var found auth.User
	n.read(func() {
		for _, u := range n.users {
			if u.Email == email {
				found = u
			}
		}
	})
	if found.ID == "" {
		return found, auth.ErrNotFound
	}
	return found, nil
}

func (n *naive) CreateUser(ctx context.Context, u auth.User) error {
	_, byID := n.UserByID(ctx, u.ID)
	_, byEmail := n.UserByEmail(ctx, u.Email)
	if byID == nil || byEmail == nil {
		return auth.ErrConflict
	}
	n.write(func() { n.users[u.ID] = u })
	return nil
}

func (n *naive) SetUserSuspended(ctx context.Context, id string, suspended bool) error {
	u, err := n.UserByID(ctx, id)
	if err != nil {
		return err
	}
	u.Suspended = suspended
	n.write(func() { n.users[id] = u })
	return nil
}

func (n *naive) account(id string) (directory.Account, error) {
	var a directory.Account
	n.read(func() { a = n.accounts[id] })
	if a.ID == "" {
		return a, auth.ErrNotFound
	}
	return a, nil
}

func (n *naive) CreateAccount(_ context.Context, a directory.Account) error {
	if _, err := n.account(a.ID); err == nil {
		return auth.ErrConflict
	}
	n.write(func() { n.accounts[a.ID] = a })
	return nil
}

func (n *naive) SetAccountState(_ context.Context, id string, state auth.AccountState, graceEnds time.Time) error {
	a, err := n.account(id)
	if err != nil {
		return err
	}
	a.State, a.GraceEnds = state, graceEnds
	n.write(func() { n.accounts[id] = a })
	return nil
}

func (n *naive) SetAccountPolicy(_ context.Context, id string, policy auth.Policy) error {
	a, err := n.account(id)
	if err != nil {
		return err
	}
	a.Policy = policy
	n.write(func() { n.accounts[id] = a })
	return nil
}

func (n *naive) Memberships(_ context.Context, userID string) (all []auth.Membership, _ error) {
	n.read(func() {
		for _, m := range n.members[userID] {
			a := n.accounts[m.AccountID]
			all = append(all, auth.Membership{
				AccountID: a.ID, AccountName: a.Name, State: m.State, AccountState: a.State, Role: m.Role, Policy: a.Policy,
				GraceEnds: a.GraceEnds, Products: products(n.holders[a.ID], userID), SSO: n.asked[[2]string{a.ID, userID}],
			})
		}
	})
	slices.SortFunc(all, func(a, b auth.Membership) int {
		return strings.Compare(a.AccountName+"\x00"+a.AccountID, b.AccountName+"\x00"+b.AccountID)
	})
	return all, nil
}

// naiveSuites says, for each suite, which tests a naive store fails and what it is told. It fails no other test, so each
// failure is the race and nothing else.
var naiveSuites = map[string]struct {
	run   func(t *testing.T)
	fails map[string]string
}{
	"Sessions": {
		func(t *testing.T) { storetest.Sessions(t, func(*testing.T) session.Store { return newNaive() }) },
		map[string]string{
			"a key is taken once":                        "CreateSession must not replace a row",
			"of many touches the latest stays":           "TouchSession must compare and write in one step",
			"invariant 7 a touch brings nothing back":    "TouchSession must change a row only where it still stands",
			"one caller rotates a key":                   "RotateSession must find the old key and write the new one in one step",
			"invariant 7 a rotation brings nothing back": "the person's sessions were ended while one was rotated",
			"A-246 nobody ends another person's session": "EndSession must delete and answer in one step",
		},
	},
	"Cuts": {
		func(t *testing.T) { storetest.Cuts(t, func(*testing.T) storetest.CutStore { return newNaive() }) },
		map[string]string{
			"A-242 sessions of 64 clocks do not survive a cut, nor where they are rotated meanwhile": "CutSessions must end what is there, wherever it has moved",

			"of many cuts the latest stays":                      "CutSessions must compare and write in one step",
			"cuts and appointments at the same moment all count": "each verb must change its own instant and nothing else",
		},
	},
	"Devices": {
		func(t *testing.T) { storetest.Devices(t, func(*testing.T) session.Devices { return newNaive() }) },
		map[string]string{
			"many grants make one record":                                                      "GrantDevice must add or update in one step",
			"of many new keys at the same moment one gets the records":                         "GrantDevice must move all records in one step",
			"a record that is ended while it moves is gone":                                    "they were ended while the browser got a new key",
			"A-246 nobody ends another person's device":                                        "EndDevice must delete and answer in one step",
			"A-219 trust that is taken back while the browser gets a new key stays taken back": "GrantDevice must write only the marks that it is given",
		},
	},
	"Credentials": {
		func(t *testing.T) { storetest.Credentials(t, func(*testing.T) auth.Credentials { return newNaive() }) },
		map[string]string{
			"one caller swaps":                                          "SwapCredential must compare the version and write in one step",
			"an upgrade never undoes a new password":                    "UpgradeHash must compare the version and write in one step",
			"of many moves each counts":                                 "MoveCredential must add one and answer in one step",
			"a lock is not undone by a new password at the same moment": "must not open what was locked since",
		},
	},
	"Flows": {
		func(t *testing.T) { storetest.Flows(t, func(*testing.T) auth.Flows { return newNaive() }) },
		map[string]string{
			"a key is taken once":                             "CreateFlow must not replace a row",
			"one caller swaps":                                "SwapFlow must compare the version and write in one step",
			"one caller gives the row a new key":              "SwapFlow must find the old key and write the new one in one step",
			"one row gets a key":                              "SwapFlow must not replace another row",
			"a flow that is dropped while it goes on is gone": "SwapFlow must change a row only where it still stands",
			"one caller takes":                                "TakeFlow must delete and answer in one step",
			"a step and the end do not both win":              "both verbs must compare the version in the step that writes",
		},
	},
	"Limits": {
		func(t *testing.T) { storetest.Limits(t, func(*testing.T) auth.Limits { return newNaive() }) },
		map[string]string{
			"guesses at the same moment do not share one attempt":                                    "Charge must read and count in one step",
			"guesses that share some counters neither wait for each other for ever nor slip through": "Charge must read and count all counters in one step",
		},
	},
	"Tickets": {
		func(t *testing.T) { storetest.Tickets(t, func(*testing.T) auth.Tickets { return newNaive() }) },
		map[string]string{
			"one slot gets a key": "PutTicket must not take another slot's key",
			"one caller takes":    "TakeTicket must delete and answer in one step",
			"a ticket that is taken while a newer one is put does not take the newer one": "TakeTicket must empty a slot only of the ticket that it takes",
			"of many tickets at the same moment one is in the slot":                       "PutTicket must replace in one step",
		},
	},
	"Identities": {
		func(t *testing.T) { storetest.Identities(t, func(*testing.T) auth.Identities { return newNaive() }) },
		map[string]string{
			"invariant 8 one person gets an identity":               "LinkIdentity must look at source and subject and write in one step",
			"invariant 8 a person gets one subject at a source":     "LinkIdentity must look at person and source and write in one step",
			"use goes forward only, and changes nothing else":       "UseIdentity must compare and write in one step",
			"nobody unlinks another person's":                       "UnlinkIdentity must delete and answer in one step",
			"R38 of 64 ways that are unlinked at once one stays":    "UnlinkIdentity must look at the others and delete in one step",
			"an identity that is unlinked while it is used is gone": "UseIdentity must change a link only where it still stands",
		},
	},
	"TOTP": {
		func(t *testing.T) { storetest.TOTP(t, func(*testing.T) mfa.TOTPStore { return newNaive() }) },
		map[string]string{
			"A-194 tries at the same moment do not share one attempt":      "SpendTOTP must count and read in one step",
			"A-193 one caller gets a time step":                            "AdvanceTOTP must compare and write in one step",
			"A-193 of many time steps the highest stays":                   "or a used code is good again",
			"A-193 a try at the same moment does not take a step back":     "SpendTOTP must write the tries and nothing else",
			"one caller sets up the first app":                             "ReplaceTOTP must compare the ID and write in one step",
			"one caller replaces an app":                                   "ReplaceTOTP must compare the ID and write in one step",
			"what is tried at the old app writes nothing over the new one": "each verb must change only the app that it found, where it still stands",
			"an app is deleted by its ID":                                  "DeleteTOTP must delete and answer in one step",
			"an app that is deleted while it is tried is gone":             "each verb must change a record only where it still stands",
			"of many who ask for a reset the first stands":                 "AskTOTPReset must look and write in one step",
		},
	},
	"Codes": {
		func(t *testing.T) { storetest.Codes(t, func(*testing.T) mfa.CodeStore { return newNaive() }) },
		map[string]string{
			"A-183 tries at the same moment do not share one attempt":                "SpendCode must count and read in one step",
			"A-183 A-186 tries that are made while a code is sent again are counted": "SpendCode must count where the row stands",
			"A-191 of many sendings at the same moment one is written":               "SendCode must look and write in one step",
			"one caller uses a code":                            "ConsumeCode must delete and answer in one step",
			"A-186 a code is not used once a newer one is sent": "ConsumeCode must compare the ID in the step that deletes",
		},
	},
	"Recovery": {
		func(t *testing.T) { storetest.Recovery(t, func(*testing.T) mfa.RecoveryStore { return newNaive() }) },
		map[string]string{
			"A-214 tries at the same moment do not share one attempt":                           "SpendRecovery must count and read in one step",
			"A-214 one caller uses a code":                                                      "ConsumeRecovery must look and write in one step",
			"A-214 codes used at the same moment all stay used":                                 "ConsumeRecovery must change one code and no other",
			"A-214 a try at the same moment does not give a code back":                          "SpendRecovery must write the tries and nothing else",
			"A-214 a code that is used while a new set is given changes nothing of the new set": "ConsumeRecovery must find the set and write in one step",
			"of many sets at the same moment one stands, and all of it":                         "in one step",
		},
	},
	"Outbox": {
		func(t *testing.T) { storetest.Outbox(t, func(*testing.T) mail.OutboxStore { return newNaive() }) },
		map[string]string{
			"one worker claims a letter":                           "ClaimOutbox must look and write in one step",
			"many workers share the letters":                       "or people get letters twice",
			"a letter is not both put off and claimed":             "RetryOutbox must compare the attempts in the step that writes",
			"a letter that is dropped while it is claimed is gone": "these must change a row only where it still stands",
		},
	},
	"Expiry": {
		func(t *testing.T) { storetest.Expiry(t, func(*testing.T) storetest.ExpiryStore { return newNaive() }) },
		map[string]string{
			"each row is counted by one caller":                          "DeleteExpired must delete and count in one step",
			"a link that is sent anew is not deleted with the old ones":  "want the link that was sent: DeleteExpired must look and delete in one step",
			"a flow that goes on is not deleted with the old ones":       "DeleteExpired must look and delete in one step",
			"a code that is sent again is not deleted with the old ones": "want the code that was sent: DeleteExpired must look and delete in one step",
		},
	},
	"SSORequests": {
		func(t *testing.T) { storetest.SSORequests(t, func(*testing.T) sso.Requests { return newNaive() }) },
		map[string]string{
			"a key is taken once":         "CreateRequest must not replace a row",
			"A-080 one caller takes":      "TakeRequest must delete and answer in one step",
			"A-048 an answer counts once": "UseAssertion must look and write in one step",
		},
	},
	"SSOLogins": {
		func(t *testing.T) { storetest.SSOLogins(t, func(*testing.T) sso.Logins { return newNaive() }) },
		map[string]string{
			"each row goes to one caller":                                   "TakeLogins must delete and answer in one step",
			"a row that comes in the place of another is not taken with it": "TakeLogins must delete a row only where it still has the subject",
		},
	},
	"SSOConnections": {
		func(t *testing.T) { storetest.SSOConnections(t, func(*testing.T) sso.Store { return newNaive() }) },
		map[string]string{
			"an ID is taken once": "CreateConnection must not replace a row",
			"A-064 the ID of a deleted connection stays its company's": "its own company got the ID again",

			"one caller swaps":                     "SwapConnection must compare the version and write in one step",
			"a change and the end do not both win": "both verbs must compare the version in the step that writes",
			"many workers share what is due":       "ClaimRefresh must look and write in one step",
			"a connection that is changed or deleted while it is claimed stays changed or deleted": "ClaimRefresh must change the moment alone",
		},
	},
	"SSOExpiry": {
		func(t *testing.T) {
			storetest.SSOExpiry(t, func(*testing.T) storetest.SSOExpiryStore { return newNaive() })
		},
		map[string]string{
			"each row is counted by one caller":                                               "DeleteExpired must delete and count in one step",
			"a session that signs in anew does not lose where it came from with the old ones": "want the newer row: DeleteExpired must look and delete in one step",
		},
	},
	"SocialRequests": {
		func(t *testing.T) {
			storetest.SocialRequests(t, func(*testing.T) social.Requests { return newNaive() })
		},
		map[string]string{
			"a key is taken once":    "CreateSocialRequest must not replace a row",
			"A-080 one caller takes": "TakeSocialRequest must delete and answer in one step",
		},
	},
	"SocialExpiry": {
		func(t *testing.T) {
			storetest.SocialExpiry(t, func(*testing.T) storetest.SocialExpiryStore { return newNaive() })
		},
		map[string]string{
			"each row is counted by one caller": "DeleteExpired must delete and count in one step",
		},
	},
	"Directory": {
		func(t *testing.T) { storetest.Directory(t, func(*testing.T) directory.Store { return newNaive() }) },
		map[string]string{
			"one caller gets an address":            "CreateUser must look and write in one step",
			"a member is replaced, not added twice": "SetMember must add or replace in one step",
			"a company's id is taken once":          "CreateAccount must look and write in one step",
			"state and policy change alone":         "each verb must change its own part and nothing else",
			"one company gets a domain":             "AddDomain must look and write in one step",
			"name and language change alone":        "a verb of a person must change its own part and nothing else",
			"one caller swaps an address":           "SwapEmail must compare and write in one step",
			"one person is given an address":        "SwapEmail must look and write in one step",
			"a person gets one company":             "CreateCompany must look and write in one step",

			"one caller writes a check":                                         "SwapDomainCheck must compare and write in one step",
			"many workers share the domains":                                    "DueDomains must look and write in one step",
			"what a domain asks is not undone by a check at the same moment":    "each verb of a domain must change its own part and nothing else",
			"R86 a domain is released by its company while it enforces nothing": "ReleaseDomain must look and delete in one step",
			"R86 a domain is not both enforced and released":                    "both verbs must look and write in one step",
			"R86 many claims of one company at the same moment are one":         "ClaimDomain must look and write in one step",
			"R86 a claim is proved by its value, in time, once":                 "ProveDomain must delete the claim and write in one step",
			"R86 of companies that prove a domain the first has it":             "ProveDomain must look and write in one step",
			"R89 nobody enforces what another connection has passed":            "SetDomainConnection must clear the test in the step that writes",
			"R28 whoever is suspended while they are added is suspended":        "AddMember must look and write in one step",
			"R116 one caller makes the first company":                           "Bootstrap must look and write in one step",
			"R74 of 64 super administrators who all go one stays":               "every verb must count them in the step that writes",
			"R74 two super administrators do not demote each other":             "ChangeMember must look at who does it in the step that writes",
			"R94 one member gets the last seat":                                 "TakeSeat must count and write in one step",
			"who is suspended while they take a seat has none":                  "TakeSeat must look at the member in the step that writes",
			"one caller invites an address":                                     "CreateInvitation must look and write in one step",
			"R41 A-130 one caller joins":                                        "Join must look and write in one step",
			"an invitation is not both joined and closed":                       "both verbs must look and write in one step",
			"nobody invites while they lose the right":                          "CreateInvitation must look at its inviter in the step that writes",
			"A-133 an invitation and others do not get the same last seat":      "every verb must count the seats in the step that writes",
		},
	},
}

// TestANaiveStoreFails runs each suite over the naive store in a process of its own, where it may fail, and reads what it says.
func TestANaiveStoreFails(t *testing.T) {
	const variable = "SALLYPORT_NAIVE_SUITE"
	if suite := os.Getenv(variable); suite != "" {
		naiveSuites[suite].run(t)
		return
	}
	for name, suite := range naiveSuites {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			failed := map[string]bool{}
			passed := func() bool { // something that it should fail
				return slices.ContainsFunc(slices.Collect(maps.Keys(suite.fails)), func(test string) bool { return !failed[test] })
			}
			// On a busy machine callers come one after the other, and a naive store may get through one race by chance.
			for tries := 0; tries == 0 || tries < 3 && passed(); tries++ {
				cmd := exec.Command(os.Args[0], "-test.run=^TestANaiveStoreFails$", "-test.v")
				cmd.Env = append(os.Environ(), variable+"="+name)
				cmd.Stdout, cmd.Stderr = &out, &out
				var exit *exec.ExitError
				if err := cmd.Run(); !errors.As(err, &exit) {
					t.Fatalf("the suite over a naive store ended with %v, want a failure:\n%s", err, &out)
				}
				for line := range strings.Lines(out.String()) {
					if _, test, ok := strings.Cut(line, "--- FAIL: TestANaiveStoreFails/"); ok {
						test, _, _ = strings.Cut(test, " (")
						failed[strings.ReplaceAll(test, "_", " ")] = true
					}
				}
			}
			for test, explained := range suite.fails {
				if !failed[test] {
					t.Errorf("the naive store passed %q, want it to fail", test)
				} else if !strings.Contains(out.String(), explained) {
					t.Errorf("the failure of %q does not say %q", test, explained)
				}
				delete(failed, test)
			}
			for test := range failed {
				t.Errorf("the naive store failed %q, which is no race: the naive store or the suite is wrong", test)
			}
			if t.Failed() {
				t.Logf("the suite said:\n%s", &out)
			}
		})
	}
}
