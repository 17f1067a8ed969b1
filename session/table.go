package session

import (
	"encoding/binary"
	"time"
)

// A table finds rows by key. It is a hash table with open addressing and linear probing, whose hash is a part of the key,
// as keys are hashes already. A look-up reads one slot and one row, where a Go map reads three or four places; with a
// million sessions, whose rows are in no cache, that is what a request pays. It also shrinks, which a Go map does not, and
// can be looked through a little at a time.
type table struct {
	slots []slot // as many as a power of two
	used  int
}

type slot struct {
	tag tag
	row *row // nil: nothing here
}

// A tag is half of a key: enough to tell the rows of a table apart, so that a search under a lock looks at no row.
// What is found must still be compared with the whole key. Byte 0 of a key is left out, for it has chosen the shard.
type tag [16]byte

func tagOf(key *Key) tag { return tag(key[8:24]) }

func (t tag) home() uint64 { return binary.LittleEndian.Uint64(t[:]) }

const minSlots = 8

func newTable(slots int) table { return table{slots: make([]slot, slots)} }

// find returns the row, or nil, and the index where it is or would be put.
func (t *table) find(want tag) (*row, uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := want.home() & mask; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.row == nil || s.tag == want {
			return s.row, i
		}
	}
}

// put adds a row or replaces the one with its tag.
func (t *table) put(r *row) {
	tag := tagOf(&r.key)
	old, i := t.find(tag)
	t.slots[i] = slot{tag, r}
	if old != nil {
		return
	}
	t.used++
	if t.used > len(t.slots)/4*3 {
		t.resize(len(t.slots) * 2)
	}
}

func (t *table) drop(tag tag) {
	r, hole := t.find(tag)
	if r == nil {
		return
	}
	// Whatever follows without a gap moves up, unless it would come to stand before the place where it belongs:
	// a search stops at the first empty slot.
	mask := uint64(len(t.slots) - 1)
	for i := (hole + 1) & mask; t.slots[i].row != nil; i = (i + 1) & mask {
		if home := t.slots[i].tag.home() & mask; (i-home)&mask >= (i-hole)&mask {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = slot{}
	t.used--
	if len(t.slots) > minSlots && t.used < len(t.slots)/8 {
		t.resize(len(t.slots) / 2)
	}
}

func (t *table) resize(slots int) {
	was := t.slots
	*t = newTable(slots)
	for _, s := range was {
		if s.row != nil {
			_, i := t.find(s.tag)
			t.slots[i] = s
			t.used++
		}
	}
}

// expired appends the keys of up to limit rows that are not live, among look slots from start on.
func (t *table) expired(keys []Key, now time.Time, start uint32, look, limit int) []Key {
	mask := len(t.slots) - 1
	for i := range min(look, len(t.slots)) {
		if len(keys) == limit {
			break
		}
		if r := t.slots[(int(start)+i)&mask].row; r != nil && !r.live(now) {
			keys = append(keys, r.key)
		}
	}
	return keys
}
