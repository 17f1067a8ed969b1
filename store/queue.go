package store

import "container/list"

// A queue is a bounded table of rows in the order in which they came. The zero queue holds nothing and has no bound.
type queue[Row any] struct {
	max   int
	rows  map[[32]byte]*list.Element // of entry[Row]
	order list.List                  // the oldest first
}

type entry[Row any] struct {
	key [32]byte
	row Row
}

func (q *queue[Row]) get(key [32]byte) (row Row, ok bool) {
	at, ok := q.rows[key]
	if !ok {
		return row, false
	}
	return at.Value.(entry[Row]).row, true
}

// put adds a row as the newest, or replaces one where it stands.
func (q *queue[Row]) put(key [32]byte, row Row) {
	if at, ok := q.rows[key]; ok {
		at.Value = entry[Row]{key, row}
		return
	}
	if q.rows == nil {
		q.rows = map[[32]byte]*list.Element{}
	}
	q.rows[key] = q.order.PushBack(entry[Row]{key, row})
}

// touch makes a row the newest.
func (q *queue[Row]) touch(key [32]byte) {
	if at, ok := q.rows[key]; ok {
		q.order.MoveToBack(at)
	}
}

func (q *queue[Row]) delete(key [32]byte) {
	if at, ok := q.rows[key]; ok {
		q.order.Remove(at)
		delete(q.rows, key)
	}
}

// deleteWhere looks at the oldest rows, deletes up to limit of those that ended says so of, and answers how many went.
func (q *queue[Row]) deleteWhere(look, limit int, ended func(Row) bool) (deleted int) {
	for at := q.order.Front(); at != nil && look > 0 && deleted < limit; look-- {
		e := at.Value.(entry[Row])
		at = at.Next()
		if ended(e.row) {
			q.delete(e.key)
			deleted++
		}
	}
	return deleted
}

// full tells whether a row that is not there yet has no room.
func (q *queue[Row]) full() bool { return q.max > 0 && len(q.rows) >= q.max }
