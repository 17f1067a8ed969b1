package auth

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// The throttle of architecture §7: what a guess is charged to, and how much each counter allows.
const (
	sourceLimit   = 30               // guesses of one address, of whatever people, within a minute
	identifyLimit = 60               // addresses named by one address within a minute
	freeGuesses   = 5                // on one account from one network before waiting begins
	firstPause    = time.Second      // and how long the first wait is; each further one is twice as long
	outsiderLimit = 10               // guesses on one account, from devices without a grant, before the soft lock
	softLock      = 15 * time.Minute // within which they count, and for which the lock lasts
	inARow        = 100              // wrong guesses in a row, after which only a new password opens the door
	rowLife       = 30 * 24 * time.Hour
)

// charges is what a guess at the password of this address costs. A browser that the person has signed in from before has a
// budget of its own, so that strangers cannot use it up.
func (m *Manager) charges(address, userID string, c Client, device string) []Charge {
	source := Charge{Key: m.counter("source", network(c.IP, 32, 64)), Window: time.Minute, Limit: sourceLimit, Lock: time.Minute}
	if device != "" {
		return []Charge{source, {Key: m.counter("device", userID, device), Window: rowLife, Free: freeGuesses, Pause: firstPause, Limit: inARow}}
	}
	return []Charge{
		source,
		{Key: m.counter("account and network", address, network(c.IP, 24, 64)), Window: time.Hour, Free: freeGuesses, Pause: firstPause},
		{Key: m.counter("account", address), Window: softLock, Limit: outsiderLimit, Lock: softLock},
		{Key: m.counter("account in a row", address), Window: rowLife, Limit: inARow},
	}
}

// proven forgets the guesses that a right password makes good: those it was charged to, and the row of wrong ones before it. What the
// source did to other people stays counted, and so does what outsiders did lately to a person who comes from a known device.
func (m *Manager) proven(ctx context.Context, address string, charges []Charge) error {
	keys := [][32]byte{m.counter("account in a row", address)}
	for _, c := range charges[1:] {
		if c.Key != keys[0] {
			keys = append(keys, c.Key)
		}
	}
	if err := m.stores.Limits.ClearLimits(ctx, keys); err != nil {
		return fmt.Errorf("auth: clearing counters: %w", err)
	}
	return nil
}

// charge counts a guess, or answers how long to wait.
func (m *Manager) charge(ctx context.Context, charges []Charge, now time.Time) (wait time.Duration, err error) {
	until, err := m.stores.Limits.Charge(ctx, charges, now)
	if err != nil {
		return 0, fmt.Errorf("auth: charging a guess: %w", err)
	}
	if until.IsZero() {
		return 0, nil
	}
	return max(until.Sub(now), time.Second), nil
}

// counter names a counter by a keyed hash: a copied table of counters does not tell whose they are.
func (m *Manager) counter(kind string, of ...string) [32]byte {
	return m.ring.MAC("counter "+kind, of...)
}

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
