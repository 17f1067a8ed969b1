package auth

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sallyport-auth/sallyport/internal/address"
)

const day = 24 * time.Hour

// The throttle: what a guess is charged to, and how much each counter allows.
const (
	sourceLimit   = 30               // guesses of one address, of whatever people, within a minute
	identifyLimit = 300              // addresses named by one address within a minute: a whole office may share it
	freeGuesses   = 5                // on one account from one network before waiting begins
	firstPause    = time.Second      // and how long the first wait is; each further one is twice as long
	outsiderLimit = 10               // guesses on one account, from devices without a grant, before the soft lock
	softLock      = 15 * time.Minute // within which they count, and for which the lock lasts
	inARow        = 100              // wrong guesses in a row, the most that NIST SP 800-63B-4 allows
	rowLock       = 30 * day
)

// A toll is what a guess costs, and what a right password gives back.
type toll struct {
	charges []Charge
	refunds [][32]byte
}

// add charges one counter under every key of the ring, so that a new key opens no lock.
func (t *toll) add(keys [][32]byte, c Charge, refunded bool) {
	for _, k := range keys {
		c.Key = k
		t.charges = append(t.charges, c)
	}
	if refunded {
		t.refunds = append(t.refunds, keys...)
	}
}

// passwordToll is what a guess at a password costs. A browser that the person has signed in from before has a budget of its own:
// strangers cannot use it up, neither by guessing at the same person nor from the same address. What a source did to other people
// is never given back.
func (m *Manager) passwordToll(address, userID string, c Client, device string) toll {
	var t toll
	row := m.counters("account in a row", address)
	if device != "" {
		t.add(m.counters("device", userID, device), Charge{Window: rowLock, Free: freeGuesses, Pause: firstPause, Limit: inARow, Lock: rowLock}, true)
		t.refunds = append(t.refunds, row...)
		return t
	}
	t.add(m.counters("source", source(c)), Charge{Window: time.Minute, Limit: sourceLimit, Lock: time.Minute}, false)
	t.add(m.counters("account and network", address, network(c.IP, 24, 64)), Charge{Window: time.Hour, Free: freeGuesses, Pause: firstPause}, true)
	t.add(m.counters("account", address), Charge{Window: softLock, Limit: outsiderLimit, Lock: softLock}, true)
	t.add(row, Charge{Window: rowLock, Limit: inARow, Lock: rowLock}, true)
	return t
}

// accountOf is the address that guesses at a person are charged to: one, however many a host's table takes for theirs.
func accountOf(u User) string {
	a, err := address.Parse(u.Email)
	if err != nil {
		return u.Email
	}
	return a.Canonical
}

// refund forgets the guesses that a right password makes good.
func (m *Manager) refund(ctx context.Context, t toll) error {
	if err := m.stores.Limits.ClearLimits(ctx, t.refunds); err != nil {
		return fmt.Errorf("auth: clearing counters: %w", err)
	}
	return nil
}

// charge counts a guess, or answers how long to wait.
func (m *Manager) charge(ctx context.Context, t toll, now time.Time) (wait time.Duration, err error) {
	until, err := m.stores.Limits.Charge(ctx, t.charges, now)
	if err != nil {
		return 0, fmt.Errorf("auth: charging a guess: %w", err)
	}
	if until.IsZero() {
		return 0, nil
	}
	return max(until.Sub(now), time.Second), nil
}

// counters names a counter by a keyed hash, one for each key of the ring: a copied table of counters does not tell whose they are.
func (m *Manager) counters(kind string, of ...string) [][32]byte {
	return m.ring.MACs("counter "+kind, of...)
}

// source is the address that a guess comes from, as one subscriber holds it.
func source(c Client) string { return network(c.IP, 32, 64) }

// network is the part of an address that one subscriber is likely to hold.
func network(ip netip.Addr, v4, v6 int) string {
	ip = ip.Unmap().WithZone("")
	bits := v6
	if ip.Is4() {
		bits = v4
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}
