package session

import (
	"context"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sweepLook = 32 // places that CreateSession looks at in passing
	sweepDrop = 16 // rows that it deletes at most
)

// Memory keeps sessions and devices in this process: for tests, for trying things out, and for a program that runs once
// and may sign everybody out when it restarts. It implements [Store], [Cuts] and [Devices]; make one with [NewMemory].
//
// It knows every session by key (shards) and by person (people). Whoever changes a person's sessions holds the lock of
// that person first and then, for a moment, the lock of one shard; never two of a kind, and never the other way round.
// A look-up takes a shard's lock only. Rows are replaced, not changed, so what a look-up returned stays as it was.
type Memory struct {
	seed    maphash.Seed
	shards  [256]shard
	people  [64]people
	cuts    cuts
	devices devices
}

var (
	_ Store   = (*Memory)(nil)
	_ Cuts    = (*Memory)(nil)
	_ Devices = (*Memory)(nil)
)

// A row is one session. The Session in it never changes; the rest is guarded by the lock of the person.
type row struct {
	Session
	key        Key
	prev, next *row // the person's other rows
}

// A shard holds the rows whose key begins with one byte.
type shard struct {
	mu    sync.RWMutex
	rows  table
	swept atomic.Uint32 // where the next sweep begins
	_     [64]byte      // keeps the locks of two shards off one cache line
}

// people holds the rows of some of the persons.
type people struct {
	mu   sync.Mutex
	rows map[string]*row // the first of a person's rows
	peak int
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].rows = newTable(minSlots)
	}
	for i := range m.people {
		m.people[i].rows = map[string]*row{}
	}
	m.cuts.rows = map[string]cut{}
	m.devices = devices{browsers: map[Key][]Device{}, people: map[string][]Key{}}
	return m
}

// CreateSession implements [Store].
func (m *Memory) CreateSession(_ context.Context, key Key, s Session) error {
	if !m.create(key, s) {
		return ErrConflict
	}
	m.shard(&key).sweep(m, s.SeenAt)
	return nil
}

func (m *Memory) create(key Key, s Session) bool {
	p := m.person(s.UserID)
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &row{Session: compact(s), key: key}
	if !m.shard(&key).add(r) {
		return false
	}
	p.link(r)
	return true
}

// Session implements [Store].
func (m *Memory) Session(_ context.Context, key Key, now time.Time) (*Session, error) {
	r := m.shard(&key).row(&key)
	if r == nil || m.cuts.off(&r.Session, now) {
		return nil, ErrNotFound
	}
	return &r.Session, nil
}

// TouchSession implements [Store].
func (m *Memory) TouchSession(_ context.Context, key Key, seen time.Time) error {
	r, p := m.hold(&key)
	if r == nil {
		return nil
	}
	defer p.mu.Unlock()
	if !seen.After(r.SeenAt) {
		return nil
	}
	next := &row{Session: r.Session, key: key}
	next.SeenAt = seen
	m.shard(&key).replace(next)
	p.link(next)
	p.unlink(r)
	return nil
}

// RotateSession implements [Store].
func (m *Memory) RotateSession(_ context.Context, old, key Key, s Session, now time.Time) error {
	r, p := m.hold(&old)
	if r == nil {
		return ErrNotFound
	}
	defer p.mu.Unlock()
	next := &row{Session: r.Session, key: key}
	next.AccountID, next.Methods, next.AuthTime = s.AccountID, s.Methods, s.AuthTime
	next.Idle, next.ExpiresAt = s.Idle, s.ExpiresAt
	if m.cuts.off(&r.Session, now) || m.cuts.off(&next.Session, now) {
		return ErrNotFound
	}
	next.Session = compact(next.Session)
	if !m.shard(&key).add(next) { // nobody knows the new key yet, so for a moment both may stand
		return ErrConflict
	}
	m.shard(&old).drop(&old)
	p.link(next)
	p.unlink(r)
	return nil
}

// Sessions implements [Store].
func (m *Memory) Sessions(_ context.Context, userID string, now time.Time) ([]Session, error) {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Session
	for r := p.rows[userID]; r != nil; r = r.next {
		if !m.cuts.off(&r.Session, now) {
			all = append(all, r.Session)
		}
	}
	slices.SortFunc(all, func(a, b Session) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// EndSession implements [Store].
func (m *Memory) EndSession(_ context.Context, userID, id string) error {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := p.rows[userID]; r != nil; r = r.next {
		if r.ID == id {
			m.shard(&r.key).drop(&r.key)
			p.unlink(r)
			return nil
		}
	}
	return ErrNotFound
}

// EndSessions implements [Store].
func (m *Memory) EndSessions(_ context.Context, userID, except string) error {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	for r := p.rows[userID]; r != nil; {
		next := r.next
		if except == "" || r.ID != except {
			m.shard(&r.key).drop(&r.key)
			p.unlink(r)
		}
		r = next
	}
	return nil
}

// CutSessions implements [Cuts].
func (m *Memory) CutSessions(_ context.Context, accountID string, now time.Time) error {
	m.cuts.change(accountID, func(c cut) cut {
		c.last = later(c.last, now)
		return c
	})
	// By person, not by key: a session that is rotated meanwhile changes its shard, and would be missed in both.
	for i := range m.people {
		m.endFrom(&m.people[i], accountID, now)
	}
	return nil
}

// DueCut implements [Cuts].
func (m *Memory) DueCut(_ context.Context, accountID string, at, now time.Time) error {
	m.cuts.change(accountID, func(c cut) cut {
		if !c.due.IsZero() && !now.Before(c.due) {
			c.last = later(c.last, c.due)
		}
		c.due = at
		return c
	})
	return nil
}

// DeleteExpired deletes up to limit sessions that have ended by their limits, and up to limit records of devices that are no
// longer known, and answers how many went. It stops early, with what it has done, where ctx ends. Call it now and then: memory
// is otherwise given back only as new sessions come. The look-up of a session waits at most while one part in 256 is looked
// through.
func (m *Memory) DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error) {
	deleted := 0
	for i := range m.shards {
		if err := ctx.Err(); err != nil {
			return deleted, err
		}
		if deleted >= limit {
			break
		}
		for _, key := range m.shards[i].expired(nil, now, 0, math.MaxInt, limit-deleted) {
			if m.deleteExpired(&key, now) {
				deleted++
			}
		}
	}
	return deleted + m.devices.deleteExpired(now, limit), nil
}

// deleteExpired looks again under the person's lock: the row may have been touched since.
func (m *Memory) deleteExpired(key *Key, now time.Time) bool {
	r, p := m.hold(key)
	if r == nil {
		return false
	}
	defer p.mu.Unlock()
	if r.live(now) {
		return false
	}
	m.shard(key).drop(key)
	p.unlink(r)
	return true
}

// hold returns the row of a key with its person locked, so that nothing else changes it until the caller unlocks.
// Without a row it locks nothing.
func (m *Memory) hold(key *Key) (*row, *people) {
	r := m.shard(key).row(key)
	if r == nil {
		return nil, nil
	}
	p := m.person(r.UserID) // a key is never another person's later
	p.mu.Lock()
	if r = m.shard(key).row(key); r == nil {
		p.mu.Unlock()
		return nil, nil
	}
	return r, p
}

func (m *Memory) shard(key *Key) *shard { return &m.shards[key[0]] }

func (m *Memory) person(userID string) *people {
	return &m.people[maphash.String(m.seed, userID)%uint64(len(m.people))]
}

func (sh *shard) row(key *Key) *row {
	tag := tagOf(key)
	sh.mu.RLock()
	r, _ := sh.rows.find(tag)
	sh.mu.RUnlock()
	if r == nil || r.key != *key {
		return nil
	}
	return r
}

// add is false where there is such a row already.
func (sh *shard) add(r *row) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if old, _ := sh.rows.find(tagOf(&r.key)); old != nil {
		return false
	}
	sh.rows.put(r)
	return true
}

func (sh *shard) replace(r *row) {
	sh.mu.Lock()
	sh.rows.put(r)
	sh.mu.Unlock()
}

func (sh *shard) drop(key *Key) {
	sh.mu.Lock()
	sh.rows.drop(tagOf(key))
	sh.mu.Unlock()
}

// sweep deletes a few expired rows, and goes on where it stopped the last time.
func (sh *shard) sweep(m *Memory, now time.Time) {
	var room [sweepDrop]Key
	start := sh.swept.Add(sweepLook) - sweepLook
	for _, key := range sh.expired(room[:0], now, start, sweepLook, sweepDrop) {
		m.deleteExpired(&key, now)
	}
}

func (sh *shard) expired(keys []Key, now time.Time, start uint32, look, limit int) []Key {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.rows.expired(keys, now, start, look, limit)
}

func (p *people) link(r *row) {
	r.prev, r.next = nil, p.rows[r.UserID]
	if r.next != nil {
		r.next.prev = r
	}
	p.rows[r.UserID] = r
	p.peak = max(p.peak, len(p.rows))
}

func (p *people) unlink(r *row) {
	switch {
	case r.prev != nil:
		r.prev.next = r.next
	case r.next != nil:
		p.rows[r.UserID] = r.next
	default:
		delete(p.rows, r.UserID)
		p.rows, p.peak = shrunk(p.rows, p.peak)
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	r.prev, r.next = nil, nil // a request may hold on to the row: not to the others too
}

// endFrom ends the account's sessions of these people that were made at an instant or after it.
func (m *Memory) endFrom(p *people, accountID string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var end []*row
	for _, r := range p.rows {
		for ; r != nil; r = r.next {
			if r.AccountID == accountID && !r.CreatedAt.Before(at) {
				end = append(end, r)
			}
		}
	}
	for _, r := range end {
		m.shard(&r.key).drop(&r.key)
		p.unlink(r)
	}
}

// A cut is what is known of an account: sessions made before last are over, and from due on those made before due.
type cut struct{ last, due time.Time }

type cuts struct {
	count atomic.Int64 // of rows; while it is zero a look-up need not lock
	mu    sync.RWMutex
	rows  map[string]cut
}

func (c *cuts) change(accountID string, next func(cut) cut) {
	c.mu.Lock()
	if row := next(c.rows[accountID]); row != (cut{}) {
		c.rows[accountID] = row
	} else {
		delete(c.rows, accountID)
	}
	c.count.Store(int64(len(c.rows)))
	c.mu.Unlock()
}

// off tells whether a session was cut off with its account.
func (c *cuts) off(s *Session, now time.Time) bool {
	if s.AccountID == "" || c.count.Load() == 0 {
		return false
	}
	c.mu.RLock()
	row, ok := c.rows[s.AccountID]
	c.mu.RUnlock()
	return ok && (s.CreatedAt.Before(row.last) || s.CreatedAt.Before(row.due) && !now.Before(row.due))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// shrunk is the map, or a copy of it when most of what it held has gone: a Go map gives no memory back by itself.
func shrunk[K comparable, V any](m map[K]V, peak int) (map[K]V, int) {
	if peak < 64 || len(m) > peak/4 {
		return m, peak
	}
	small := make(map[K]V, len(m))
	for k, v := range m {
		small[k] = v
	}
	return small, len(small)
}

// compact puts all texts of a session into one piece of memory, so that a collector with a million sessions to mark has
// two objects for each of them, not nine.
func compact(s Session) Session {
	methods := string(s.Methods)
	texts := [...]*string{&s.ID, &s.UserID, &s.AccountID, &s.DeviceID, &methods, &s.Via, &s.UserAgent, &s.IP}
	var all strings.Builder
	for _, t := range texts {
		all.WriteString(*t)
	}
	rest := all.String()
	for _, t := range texts {
		*t, rest = rest[:len(*t)], rest[len(*t):]
	}
	s.Methods = Methods(methods)
	return s
}
