package mfa

import "time"

// A Budget says how many wrong codes in a row a person's second step takes. The zero Budget is the default's.
type Budget struct {
	Burst int           // after so many wrong codes in a row none is looked at for Pause; zero: 10
	Pause time.Duration // zero: 15 minutes
	Limit int           // after so many none is looked at for Lock, and then the count starts over; zero: 100, the most that NIST SP 800-63B-4 allows
	Lock  time.Duration // zero: 30 days

	// Forgiven opens what wrong codes have closed before then: the person has a new password, so whoever guessed no longer gets
	// this far. It is set for one try by VerifySince; zero: nothing is forgiven.
	Forgiven time.Time
}

// Charge is the arithmetic of SpendTOTP and SpendRecovery, for whoever implements them: given the tries as they stand, it answers
// what to write, or until when no try counts. It does no input or output; the store must hold the row from reading to writing.
func (b Budget) Charge(t Tries, now time.Time) (after Tries, closedTo time.Time) {
	b = b.complete()
	if b.forgives(t, now) {
		t = Tries{}
	}
	if now.Before(t.ClosedTo) {
		return t, t.ClosedTo
	}
	if t.Count >= b.Limit {
		t.Count = 0
	}
	t.Count++
	t.ClosedTo = time.Time{}
	switch {
	case t.Count >= b.Limit:
		t.ClosedTo = now.Add(b.Lock)
	case t.Count%b.Burst == 0:
		t.ClosedTo = now.Add(b.Pause)
	}
	return t, time.Time{}
}

func (b Budget) forgiving(since time.Time) Budget {
	b.Forgiven = since
	return b
}

// forgives tells whether the door closed before Forgiven.
func (b Budget) forgives(t Tries, now time.Time) bool {
	if b.Forgiven.IsZero() || b.Forgiven.After(now) || t.ClosedTo.IsZero() { // no instant to come forgives: clocks differ
		return false
	}
	lasts := b.Pause
	if t.Count >= b.Limit {
		lasts = b.Lock
	}
	return t.ClosedTo.Add(-lasts).Before(b.Forgiven)
}

func (b Budget) negative() bool { return min(b.Burst, b.Limit) < 0 || min(b.Pause, b.Lock) < 0 }

func (b Budget) complete() Budget {
	if b.Burst == 0 {
		b.Burst = 10
	}
	if b.Pause == 0 {
		b.Pause = 15 * time.Minute
	}
	if b.Limit == 0 {
		b.Limit = 100
	}
	if b.Lock == 0 {
		b.Lock = 30 * 24 * time.Hour
	}
	return b
}

// CodeRules says how often a mailed code may be sent and tried under one key. The zero CodeRules is the default's.
type CodeRules struct {
	Tries int           // codes tried, over all that were sent; zero: 5
	Sends int           // codes sent; zero: 5
	First time.Duration // from the first to the second; zero: 30 seconds
	Then  time.Duration // between all others; zero: a minute
}

// Next is the arithmetic of SendCode, for whoever implements it: given the record that stands and the one to send, it answers
// what to write, or when the next may be sent. ErrSpent: none may.
func (r CodeRules) Next(stands, c CodeRecord, now time.Time) (after CodeRecord, wait time.Time, err error) {
	r = r.complete()
	pause := r.Then
	switch {
	case stands.Sends >= r.Sends, stands.Tries >= r.Tries:
		return stands, time.Time{}, ErrSpent
	case stands.Sends == 0:
		pause = 0
	case stands.Sends == 1:
		pause = r.First
	}
	if free := stands.SentAt.Add(pause); stands.Sends > 0 && now.Before(free) {
		return stands, free, nil
	}
	c.Tries, c.Sends, c.SentAt = stands.Tries, stands.Sends+1, now
	return c, time.Time{}, nil
}

// Wait is how long after a sending the next may follow; sends counts those so far.
func (r CodeRules) Wait(sends int) time.Duration {
	r = r.complete()
	if sends <= 1 {
		return r.First
	}
	return r.Then
}

func (r CodeRules) negative() bool { return min(r.Tries, r.Sends) < 0 || min(r.First, r.Then) < 0 }

func (r CodeRules) complete() CodeRules {
	if r.Tries == 0 {
		r.Tries = 5
	}
	if r.Sends == 0 {
		r.Sends = 5
	}
	if r.First == 0 {
		r.First = 30 * time.Second
	}
	if r.Then == 0 {
		r.Then = time.Minute
	}
	return r
}
