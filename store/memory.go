package store

import (
	"context"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
)

// How many rows that strangers can make are kept. With more, the oldest go first: a sign-in in progress then starts over,
// a counter of guesses
// forgets, and a mailed link is asked for again. Nothing that belongs to a person who has signed in is dropped for want of room.
const (
	MaxFlows    = 100_000 // a flow has a few KB at most, as package auth bounds what people type: some hundred MB where all are full
	MaxCounters = 200_000 // about 50 MB; a counter that is closed goes only where no open one is among the oldest
	MaxTickets  = 100_000 // mailed links, of a few hundred bytes each
)

// Memory keeps everything in memory. Make it with [NewMemory]. It is safe for concurrent use.
//
// It is for tests and for trying things out. Its bounds keep a flood from taking all memory, and have a price: a flood from very
// many networks can push out the counters of an account that is being attacked, which then takes guesses again. store/sqlstore
// has no such bounds, and forgets no counter before its time. For mailed codes, letters that wait and requests to providers
// see [mfa.Memory], [mail.Memory], [sso.Memory] and [social.Memory].
type Memory struct {
	*session.Memory
	*secondSteps
	*outbox
	*companySignIns
	*socialSignIns
	flows
	limits
	tickets
	credentials
	identities
	people
}

// The names of what is called Memory in other packages too.
type (
	secondSteps    = mfa.Memory
	outbox         = mail.Memory
	companySignIns = sso.Memory
	socialSignIns  = social.Memory
)

var (
	_ session.Store     = (*Memory)(nil)
	_ session.Cuts      = (*Memory)(nil)
	_ session.Devices   = (*Memory)(nil)
	_ auth.Credentials  = (*Memory)(nil)
	_ auth.Flows        = (*Memory)(nil)
	_ auth.Limits       = (*Memory)(nil)
	_ auth.Tickets      = (*Memory)(nil)
	_ auth.Identities   = (*Memory)(nil)
	_ mfa.TOTPStore     = (*Memory)(nil)
	_ mfa.RecoveryStore = (*Memory)(nil)
	_ mfa.CodeStore     = (*Memory)(nil)
	_ mail.OutboxStore  = (*Memory)(nil)
	_ auth.Expiry       = (*Memory)(nil)
	_ directory.Store   = (*Memory)(nil)
	_ social.Requests   = (*Memory)(nil)
	_ sso.Requests      = (*Memory)(nil)
	_ sso.Logins        = (*Memory)(nil)
	_ sso.Store         = (*Memory)(nil)
)

// NewMemory returns an empty Memory, for tests and for trying things out: see [Memory] for what a flood makes it forget.
func NewMemory() *Memory {
	m := &Memory{
		Memory: session.NewMemory(), secondSteps: mfa.NewMemory(), outbox: mail.NewMemory(), companySignIns: sso.NewMemory(),
		socialSignIns: social.NewMemory(),
	}
	m.flows.rows.max = MaxFlows
	m.limits.rows.max = MaxCounters
	m.tickets.rows.max = MaxTickets
	return m
}

// Stores answers the Memory in every field that it can fill, which is all of them.
func (m *Memory) Stores() auth.Stores {
	return auth.Stores{
		Credentials: m, Flows: m, Limits: m, Sessions: m, Cuts: m, Devices: m,
		TOTP: m, Recovery: m, Codes: m, Outbox: m, Tickets: m, Identities: m, Expiry: m,
	}
}

// DeleteExpired implements auth.Expiry.
func (m *Memory) DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	sessions, err := m.Memory.DeleteExpired(ctx, now, limit)
	deleted := sessions + m.flows.deleteExpired(now, limit) + m.limits.deleteExpired(now, limit) + m.tickets.deleteExpired(now, limit)
	return deleted + m.secondSteps.DeleteExpired(now, limit) + m.companySignIns.DeleteExpired(now, limit) +
		m.socialSignIns.DeleteExpired(now, limit), err
}
