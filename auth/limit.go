package auth

import "time"

// maxPause bounds the growing delay between guesses.
const maxPause = 5 * time.Minute

// ChargeAll is the arithmetic of Limits.Charge, for whoever implements it: given the counters as they stand, in the order
// of the charges (the zero Counter where there is no row), it answers the counters to write, or when the closed ones open.
// It does no input or output; the store must hold the rows from reading to writing.
func ChargeAll(charges []Charge, counters []Counter, now time.Time) (after []Counter, closedTo time.Time) {
	for i, c := range counters {
		c = current(charges[i], c, now)
		if now.Before(c.ClosedTo) && c.ClosedTo.After(closedTo) {
			closedTo = c.ClosedTo
		}
	}
	if !closedTo.IsZero() {
		return nil, closedTo
	}
	after = make([]Counter, len(charges))
	for i, c := range counters {
		after[i] = charged(charges[i], current(charges[i], c, now), now)
	}
	return after, time.Time{}
}

// current is the counter as it counts now: started over if its window or its lock has passed.
func current(rule Charge, c Counter, now time.Time) Counter {
	locked := rule.Limit > 0 && c.Count >= rule.Limit
	switch {
	case locked && !now.Before(c.ClosedTo):
		return Counter{}
	case !locked && rule.Window > 0 && now.Sub(c.Since) >= rule.Window:
		return Counter{}
	}
	return c
}

func charged(rule Charge, c Counter, now time.Time) Counter {
	if c.Count == 0 {
		c.Since = now
	}
	c.Count++
	c.ClosedTo = time.Time{}
	switch {
	case rule.Limit > 0 && c.Count >= rule.Limit:
		c.ClosedTo = now.Add(rule.Lock)
	case rule.Pause > 0 && c.Count > rule.Free:
		c.ClosedTo = now.Add(min(rule.Pause<<min(c.Count-rule.Free-1, 20), maxPause))
	}
	c.ExpiresAt = time.Time{}
	if rule.Window > 0 {
		c.ExpiresAt = c.Since.Add(rule.Window)
		if c.ClosedTo.After(c.ExpiresAt) {
			c.ExpiresAt = c.ClosedTo
		}
	}
	return c
}
