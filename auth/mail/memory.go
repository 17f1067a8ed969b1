package mail

import (
	"container/heap"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// MaxMemory is how many letters a Memory keeps. A letter must not be lost, so with more it takes no further one.
const MaxMemory = 100_000 // a letter has about 1 KB sealed

// Memory is an outbox in memory: for tests, for trying things out, and for a program that may lose what waits when it ends.
// Make it with [NewMemory]. It is safe for concurrent use.
type Memory struct {
	mu   sync.Mutex // guards everything below
	rows map[string]*waiting
	due  dueOrder
}

var _ OutboxStore = (*Memory)(nil)

// NewMemory returns an empty outbox in memory.
func NewMemory() *Memory { return &Memory{rows: map[string]*waiting{}} }

// AddOutbox implements OutboxStore. With MaxMemory letters waiting it takes no more and says so.
func (m *Memory) AddOutbox(_ context.Context, row OutboxRow) error {
	row.Body = slices.Clone(row.Body) // the caller's to change
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.rows[row.ID]; taken {
		return errors.New("mail: a letter with this id waits already")
	}
	if len(m.rows) >= MaxMemory {
		return errors.New("mail: the outbox in memory is full")
	}
	w := &waiting{OutboxRow: row}
	m.rows[row.ID] = w
	heap.Push(&m.due, w)
	return nil
}

// ClaimOutbox implements OutboxStore.
func (m *Memory) ClaimOutbox(_ context.Context, now, until time.Time, limit int) ([]OutboxRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var claimed []*waiting
	for len(claimed) < limit && len(m.due) > 0 && !m.due[0].DueAt.After(now) {
		claimed = append(claimed, heap.Pop(&m.due).(*waiting))
	}
	rows := make([]OutboxRow, len(claimed))
	for i, w := range claimed { // put back only now: until may have passed already, and no row is claimed twice in a call
		w.DueAt = until
		w.Attempts++
		heap.Push(&m.due, w)
		rows[i] = w.OutboxRow
		rows[i].Body = slices.Clone(w.Body)
	}
	return rows, nil
}

// RetryOutbox implements OutboxStore.
func (m *Memory) RetryOutbox(_ context.Context, id string, attempts int, due time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.rows[id]
	if w == nil || w.Attempts != attempts {
		return ErrNotFound
	}
	w.DueAt = due
	heap.Fix(&m.due, w.at)
	return nil
}

// DropOutbox implements OutboxStore.
func (m *Memory) DropOutbox(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.rows[id]; w != nil {
		heap.Remove(&m.due, w.at)
		delete(m.rows, id)
	}
	return nil
}

// waiting is a row with its place in the order.
type waiting struct {
	OutboxRow
	at int
}

// dueOrder is a heap.Interface with the row that is due first at its top.
type dueOrder []*waiting

func (d dueOrder) Len() int { return len(d) }

func (d dueOrder) Less(i, j int) bool {
	if c := d[i].DueAt.Compare(d[j].DueAt); c != 0 {
		return c < 0
	}
	return d[i].ID < d[j].ID
}

func (d dueOrder) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].at, d[j].at = i, j
}

func (d *dueOrder) Push(x any) {
	w := x.(*waiting)
	w.at = len(*d)
	*d = append(*d, w)
}

func (d *dueOrder) Pop() any {
	last := len(*d) - 1
	w := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return w
}
