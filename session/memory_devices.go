package session

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// devices holds the device records, under one lock: they are asked for at sign-ins, not at every request.
type devices struct {
	mu       sync.Mutex
	browsers map[Key][]Device // the people who signed in from a browser; never an empty list
	people   map[string][]Key // the browsers of a person; never an empty list
}

// Device implements [Devices].
func (m *Memory) Device(_ context.Context, key Key, userID string) (Device, error) {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	if stands := d.find(key, userID); stands != nil {
		return *stands, nil
	}
	return Device{}, ErrNotFound
}

// GrantDevice implements [Devices].
func (m *Memory) GrantDevice(_ context.Context, old, key Key, granted Device) (Device, error) {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	if old != (Key{}) {
		d.move(old, key)
	}
	if stands := d.find(key, granted.UserID); stands != nil {
		granted.ID, granted.FirstSeen = stands.ID, stands.FirstSeen
		granted.TrustedAt = unlessZero(granted.TrustedAt, stands.TrustedAt)
		granted.TwoStepUntil = unlessZero(granted.TwoStepUntil, stands.TwoStepUntil)
		*stands = granted
		return granted, nil
	}
	d.browsers[key] = append(d.browsers[key], granted)
	d.people[granted.UserID] = append(d.people[granted.UserID], key)
	return granted, nil
}

// Devices implements [Devices].
func (m *Memory) Devices(_ context.Context, userID string) ([]Device, error) {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Device
	for _, key := range d.people[userID] {
		all = append(all, *d.find(key, userID))
	}
	slices.SortFunc(all, func(a, b Device) int {
		if c := b.LastSeen.Compare(a.LastSeen); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// TrustDevice implements [Devices].
func (m *Memory) TrustDevice(_ context.Context, userID, id string, at time.Time) error {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range d.people[userID] {
		if r := d.find(key, userID); r.ID == id {
			r.TrustedAt = at
			if at.IsZero() {
				r.TwoStepUntil = time.Time{}
			}
			return nil
		}
	}
	return ErrNotFound
}

// EndDevice implements [Devices].
func (m *Memory) EndDevice(_ context.Context, userID, id string) error {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range d.people[userID] {
		if d.find(key, userID).ID == id {
			without(d.browsers, key, func(r Device) bool { return r.UserID == userID })
			without(d.people, userID, func(k Key) bool { return k == key })
			return nil
		}
	}
	return ErrNotFound
}

// EndDevices implements [Devices].
func (m *Memory) EndDevices(_ context.Context, userID string) error {
	d := &m.devices
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range d.people[userID] {
		without(d.browsers, key, func(r Device) bool { return r.UserID == userID })
	}
	delete(d.people, userID)
	return nil
}

// find returns the record, or nil.
func (d *devices) find(key Key, userID string) *Device {
	for i := range d.browsers[key] {
		if r := &d.browsers[key][i]; r.UserID == userID {
			return r
		}
	}
	return nil
}

// unlessZero is what a grant leaves of a mark: the new one, or where it has none the one that stands.
func unlessZero(granted, stands time.Time) time.Time {
	if granted.IsZero() {
		return stands
	}
	return granted
}

// move gives all records of a browser another key, unless that one has records already.
func (d *devices) move(old, key Key) {
	records := d.browsers[old]
	if len(records) == 0 || len(d.browsers[key]) > 0 {
		return
	}
	delete(d.browsers, old)
	d.browsers[key] = records
	for _, r := range records {
		keys := d.people[r.UserID]
		keys[slices.Index(keys, old)] = key
	}
}

// deleteExpired deletes up to limit records that have ended, and answers how many.
func (d *devices) deleteExpired(now time.Time, limit int) (deleted int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range d.browsers {
		if deleted >= limit {
			break
		}
		without(d.browsers, key, func(r Device) bool {
			if deleted >= limit || r.KnownUntil.IsZero() || r.Known(now) {
				return false
			}
			deleted++
			without(d.people, r.UserID, func(k Key) bool { return k == key })
			return true
		})
	}
	return deleted
}

// without takes what is gone out of one list, and the list out of the map where nothing is left of it.
func without[K comparable, E any](lists map[K][]E, of K, gone func(E) bool) {
	if rest := slices.DeleteFunc(lists[of], gone); len(rest) > 0 {
		lists[of] = rest
	} else {
		delete(lists, of)
	}
}
