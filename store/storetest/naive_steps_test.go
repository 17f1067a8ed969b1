package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// What the naive store keeps of second steps and letters, and the verbs that came with them.

type naiveSet struct {
	id    string
	tries mfa.Tries
}

func (n *naive) TrustDevice(_ context.Context, userID, id string, at time.Time) error {
	var found session.Device
	var where session.Key
	n.read(func() {
		for key, people := range n.devices {
			if d, ok := people[userID]; ok && d.ID == id {
				found, where = d, key
			}
		}
	})
	if found.ID == "" {
		return session.ErrNotFound
	}
	if found.TrustedAt = at; at.IsZero() {
		found.TwoStepUntil = time.Time{}
	}
	n.write(func() {
		if people := n.devices[where]; people != nil {
			people[userID] = found
		}
	})
	return nil
}

func (n *naive) MoveCredential(ctx context.Context, userID string, lockedAt time.Time) (int64, error) {
	c, _ := n.Credential(ctx, userID)
	c.UserID = userID
	c.Version++
	if !lockedAt.IsZero() {
		c.LockedAt = lockedAt
	}
	n.write(func() { n.creds[userID] = c })
	return c.Version, nil
}

func (n *naive) app(userID, id string) (mfa.TOTPRecord, error) {
	var r mfa.TOTPRecord
	var ok bool
	n.read(func() { r, ok = n.apps[userID] })
	if !ok || id != "" && r.ID != id {
		return mfa.TOTPRecord{}, mfa.ErrNotFound
	}
	r.Sealed = slices.Clone(r.Sealed)
	return r, nil
}

func (n *naive) TOTP(_ context.Context, userID string) (mfa.TOTPStatus, error) {
	r, err := n.app(userID, "")
	return mfa.TOTPStatus{ID: r.ID, Since: r.Since, ResetAsked: r.ResetAsked}, err
}

func (n *naive) SpendTOTP(_ context.Context, userID string, b mfa.Budget, now time.Time) (mfa.TOTPRecord, time.Time, error) {
	r, err := n.app(userID, "")
	if err != nil {
		return r, time.Time{}, err
	}
	after, closedTo := b.Charge(r.Tries, now)
	if !closedTo.IsZero() {
		return mfa.TOTPRecord{}, closedTo, nil
	}
	r.Tries = after
	n.write(func() { n.apps[userID] = r })
	r.Sealed = slices.Clone(r.Sealed)
	return r, time.Time{}, nil
}

func (n *naive) AdvanceTOTP(_ context.Context, userID, id string, step int64) (bool, error) {
	r, err := n.app(userID, id)
	if err != nil || step <= r.LastStep {
		return false, nil
	}
	r.LastStep, r.Tries, r.ResetAsked = step, mfa.Tries{}, time.Time{}
	n.write(func() { n.apps[userID] = r })
	return true, nil
}

func (n *naive) ReplaceTOTP(_ context.Context, old string, r mfa.TOTPRecord) error {
	if stands, _ := n.app(r.UserID, ""); stands.ID != old {
		return mfa.ErrConflict
	}
	r.Sealed = slices.Clone(r.Sealed)
	n.write(func() { n.apps[r.UserID] = r })
	return nil
}

func (n *naive) DeleteTOTP(_ context.Context, userID, id string) error {
	if _, err := n.app(userID, id); err != nil {
		return err
	}
	n.write(func() { delete(n.apps, userID) })
	return nil
}

func (n *naive) AskTOTPReset(_ context.Context, userID, id string, renew, now time.Time) (time.Time, error) {
	r, err := n.app(userID, id)
	if err != nil {
		return time.Time{}, err
	}
	if r.ResetAsked.IsZero() || r.ResetAsked.Before(renew) {
		r.ResetAsked = now
		n.write(func() { n.apps[userID] = r })
	}
	return r.ResetAsked, nil
}

func (n *naive) code(key [32]byte, now time.Time) (c mfa.CodeRecord, ok bool) {
	n.read(func() { c, ok = n.codes[key] })
	if !ok || !now.Before(c.EndsAt) {
		return mfa.CodeRecord{}, false
	}
	return c, true
}

func (n *naive) SendCode(_ context.Context, key [32]byte, c mfa.CodeRecord, r mfa.CodeRules, now time.Time) (time.Time, error) {
	stands, _ := n.code(key, now)
	after, wait, err := r.Next(stands, c, now)
	if err == nil && wait.IsZero() {
		n.write(func() { n.codes[key] = after })
	}
	return wait, err
}

func (n *naive) SpendCode(_ context.Context, key [32]byte, tries int, now time.Time) (mfa.CodeRecord, error) {
	c, ok := n.code(key, now)
	switch {
	case !ok:
		return c, mfa.ErrNotFound
	case c.Tries >= tries:
		return mfa.CodeRecord{}, mfa.ErrSpent
	}
	c.Tries++
	n.write(func() { n.codes[key] = c })
	return c, nil
}

func (n *naive) ConsumeCode(_ context.Context, key [32]byte, id string) (bool, error) {
	c, ok := n.code(key, time.Time{})
	if !ok || c.ID != id {
		return false, nil
	}
	n.write(func() { delete(n.codes, key) })
	return true, nil
}

func (n *naive) set(userID string) (set naiveSet, codes []mfa.RecoveryCode, ok bool) {
	n.read(func() { set, ok = n.sets[userID] })
	n.read(func() { codes = slices.Clone(n.recovery[userID]) })
	return set, codes, ok
}

func (n *naive) ReplaceRecovery(_ context.Context, userID string, set mfa.RecoverySet) error {
	var codes []mfa.RecoveryCode
	for _, mac := range set.MACs {
		codes = append(codes, mfa.RecoveryCode{MAC: mac})
	}
	n.read(func() {
		delete(n.sets, userID)
		if len(codes) > 0 {
			n.sets[userID] = naiveSet{id: set.ID}
		}
	})
	n.write(func() { n.recovery[userID] = codes })
	return nil
}

func (n *naive) SpendRecovery(
	_ context.Context, userID string, b mfa.Budget, now time.Time,
) (setID string, codes []mfa.RecoveryCode, closedTo time.Time, err error) {
	set, codes, ok := n.set(userID)
	if !ok {
		return "", nil, time.Time{}, mfa.ErrNotFound
	}
	if set.tries, closedTo = b.Charge(set.tries, now); !closedTo.IsZero() {
		return "", nil, closedTo, nil
	}
	n.write(func() { n.sets[userID] = set; n.recovery[userID] = slices.Clone(codes) })
	return set.id, codes, time.Time{}, nil
}

func (n *naive) ConsumeRecovery(_ context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error) {
	set, codes, ok := n.set(userID)
	at := slices.IndexFunc(codes, func(c mfa.RecoveryCode) bool { return c.MAC == mac && c.UsedAt.IsZero() })
	if !ok || set.id != setID || at < 0 {
		return false, nil
	}
	codes[at].UsedAt, set.tries = now, mfa.Tries{}
	n.write(func() { n.sets[userID] = set; n.recovery[userID] = codes })
	return true, nil
}

func (n *naive) RecoveryLeft(_ context.Context, userID string) (left int, err error) {
	_, codes, _ := n.set(userID)
	for _, c := range codes {
		if c.UsedAt.IsZero() {
			left++
		}
	}
	return left, nil
}

func (n *naive) AddOutbox(_ context.Context, row mail.OutboxRow) error {
	row.Body = slices.Clone(row.Body)
	n.write(func() { n.letters[row.ID] = row })
	return nil
}

func (n *naive) ClaimOutbox(_ context.Context, now, until time.Time, limit int) (rows []mail.OutboxRow, _ error) {
	n.read(func() {
		for _, row := range n.letters {
			if !row.DueAt.After(now) {
				rows = append(rows, row)
			}
		}
	})
	slices.SortFunc(rows, func(a, b mail.OutboxRow) int { return a.DueAt.Compare(b.DueAt) })
	rows = rows[:min(limit, len(rows))]
	for i := range rows {
		rows[i].DueAt, rows[i].Attempts = until, rows[i].Attempts+1
		n.write(func() { n.letters[rows[i].ID] = rows[i] })
		rows[i].Body = slices.Clone(rows[i].Body)
	}
	return rows, nil
}

func (n *naive) RetryOutbox(_ context.Context, id string, attempts int, due time.Time) error {
	var row mail.OutboxRow
	var ok bool
	n.read(func() { row, ok = n.letters[id] })
	if !ok || row.Attempts != attempts {
		return mail.ErrNotFound
	}
	row.DueAt = due
	n.write(func() { n.letters[id] = row })
	return nil
}

func (n *naive) DropOutbox(_ context.Context, id string) error {
	n.write(func() { delete(n.letters, id) })
	return nil
}
