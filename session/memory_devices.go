package session

import (
	"context"
	"slices"
	"strings"
)

// Device implements [Devices].
func (m *Memory) Device(_ context.Context, key Key, userID string) (Device, error) {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if d, ok := p.devices[userID][key]; ok {
		return d, nil
	}
	return Device{}, ErrNotFound
}

// GrantDevice implements [Devices].
func (m *Memory) GrantDevice(_ context.Context, key Key, d Device) (Device, error) {
	p := m.person(d.UserID)
	p.mu.Lock()
	defer p.mu.Unlock()
	mine := p.devices[d.UserID]
	if mine == nil {
		mine = map[Key]Device{}
		p.devices[d.UserID] = mine
	}
	if was, ok := mine[key]; ok {
		d.ID, d.FirstSeen = was.ID, was.FirstSeen
	}
	mine[key] = d
	return d, nil
}

// Devices implements [Devices].
func (m *Memory) Devices(_ context.Context, userID string) ([]Device, error) {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Device
	for _, d := range p.devices[userID] {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Device) int {
		if c := b.LastSeen.Compare(a.LastSeen); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// EndDevice implements [Devices].
func (m *Memory) EndDevice(_ context.Context, userID, id string) error {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	mine := p.devices[userID]
	for key, d := range mine {
		if d.ID == id {
			delete(mine, key)
			if len(mine) == 0 {
				delete(p.devices, userID)
			}
			return nil
		}
	}
	return ErrNotFound
}

// EndDevices implements [Devices].
func (m *Memory) EndDevices(_ context.Context, userID string) error {
	p := m.person(userID)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.devices, userID)
	return nil
}
