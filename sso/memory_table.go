package sso

import (
	"container/heap"
	"time"
)

// A table is rows that end. The zero table is empty.
type table[Key comparable, Row any] struct {
	rows  map[Key]*entry[Key, Row]
	order order[Key, Row]
	made  uint64 // rows, ever
}

type entry[Key comparable, Row any] struct {
	key  Key
	row  Row
	ends time.Time
	nth  uint64 // of all rows that were made
	at   int    // where it stands in the order
}

func (t *table[Key, Row]) len() int { return len(t.rows) }

func (t *table[Key, Row]) get(key Key) (row Row, ok bool) {
	e, ok := t.rows[key]
	if !ok {
		return row, false
	}
	return e.row, true
}

// put adds a row, which must not be there.
func (t *table[Key, Row]) put(key Key, row Row, ends time.Time) {
	if t.rows == nil {
		t.rows = map[Key]*entry[Key, Row]{}
	}
	t.made++
	e := &entry[Key, Row]{key: key, row: row, ends: ends, nth: t.made}
	t.rows[key] = e
	heap.Push(&t.order, e)
}

func (t *table[Key, Row]) drop(key Key) {
	if e, ok := t.rows[key]; ok {
		heap.Remove(&t.order, e.at)
		delete(t.rows, key)
	}
}

// dropFirst drops the row that ends first. Where all last equally long, that is the oldest.
func (t *table[Key, Row]) dropFirst() {
	if len(t.order) > 0 {
		t.drop(t.order[0].key)
	}
}

// sweep drops up to limit rows that have ended, and answers them.
func (t *table[Key, Row]) sweep(now time.Time, limit int) (ended []Row) {
	for len(t.order) > 0 && len(ended) < limit && !now.Before(t.order[0].ends) {
		ended = append(ended, t.order[0].row)
		t.dropFirst()
	}
	return ended
}

// order is a heap.Interface with the row that ends first at its top.
type order[Key comparable, Row any] []*entry[Key, Row]

func (o order[Key, Row]) Len() int { return len(o) }

func (o order[Key, Row]) Less(i, j int) bool {
	if c := o[i].ends.Compare(o[j].ends); c != 0 {
		return c < 0
	}
	return o[i].nth < o[j].nth
}

func (o order[Key, Row]) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].at, o[j].at = i, j
}

func (o *order[Key, Row]) Push(x any) {
	e := x.(*entry[Key, Row])
	e.at = len(*o)
	*o = append(*o, e)
}

func (o *order[Key, Row]) Pop() any {
	last := len(*o) - 1
	e := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return e
}
