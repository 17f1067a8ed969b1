package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

func aDevice(userID, id string, at time.Time) session.Device {
	return session.Device{
		ID: id, UserID: userID, UserAgent: "Firefox on Linux", IP: "192.0.2.7",
		FirstSeen: at, LastSeen: at.Add(time.Minute), KnownUntil: at.Add(90 * 24 * time.Hour),
	}
}

func sameDevice(a, b session.Device) bool {
	times := a.FirstSeen.Equal(b.FirstSeen) && a.LastSeen.Equal(b.LastSeen) && a.KnownUntil.Equal(b.KnownUntil)
	return times && a.ID == b.ID && a.UserID == b.UserID && a.UserAgent == b.UserAgent && a.IP == b.IP
}

// Devices tries a session.Devices. open answers an empty one each time.
func Devices(t *testing.T, open func(t *testing.T) session.Devices) {
	ctx := context.Background()
	gone := func(err error) bool { return errors.Is(err, session.ErrNotFound) }
	grant := func(t *testing.T, s session.Devices, k session.Key, d session.Device) session.Device {
		t.Helper()
		stands, err := s.GrantDevice(ctx, k, d)
		ok(t, "GrantDevice", err)
		return stands
	}

	t.Run("what was granted is found", func(t *testing.T) {
		s := open(t)
		want := aDevice("ann", "d1", noon)
		if got := grant(t, s, key("browser"), want); !sameDevice(got, want) {
			t.Errorf("GrantDevice = %+v, want %+v", got, want)
		}
		if got, err := s.Device(ctx, key("browser"), "ann"); err != nil || !sameDevice(got, want) {
			t.Errorf("Device = %+v, %v, want %+v", got, err, want)
		}
		if got, err := s.Device(ctx, key("another browser"), "ann"); !gone(err) {
			t.Errorf("Device(another browser) = %+v, %v, want session.ErrNotFound", got, err)
		}
	})

	t.Run("a device that is not known has no time", func(t *testing.T) {
		s := open(t)
		want := session.Device{ID: "d1", UserID: "ann", FirstSeen: noon, LastSeen: noon}
		if got := grant(t, s, key("browser"), want); !sameDevice(got, want) || !got.KnownUntil.IsZero() {
			t.Errorf("GrantDevice = %+v, want %+v", got, want)
		}
	})

	t.Run("a second grant keeps the name and the first day", func(t *testing.T) {
		s := open(t)
		first := aDevice("ann", "d1", noon)
		grant(t, s, key("browser"), first)
		next := aDevice("ann", "d2", noon.Add(time.Hour))
		next.UserAgent, next.IP, next.KnownUntil = "a newer Firefox \xff", "192.0.2.8", noon.Add(2*time.Hour)
		got := grant(t, s, key("browser"), next)
		next.ID, next.FirstSeen, next.UserAgent = first.ID, first.FirstSeen, got.UserAgent
		if !sameDevice(got, next) {
			t.Errorf("GrantDevice = %+v, want %+v: ID and FirstSeen stay, the rest is new", got, next)
		}
		if stands, err := s.Device(ctx, key("browser"), "ann"); err != nil || !sameDevice(stands, got) {
			t.Errorf("Device = %+v, %v, want what GrantDevice answered, %+v", stands, err, got)
		}
	})

	t.Run("people who share a browser have records of their own", func(t *testing.T) {
		s := open(t)
		grant(t, s, key("browser"), aDevice("ann", "d1", noon))
		if got, err := s.Device(ctx, key("browser"), "bob"); !gone(err) {
			t.Errorf("Device(another person) = %+v, %v, want session.ErrNotFound", got, err)
		}
		grant(t, s, key("browser"), aDevice("bob", "d2", noon.Add(time.Hour)))
		ok(t, "EndDevices", s.EndDevices(ctx, "bob"))
		if got, err := s.Device(ctx, key("browser"), "ann"); err != nil || got.ID != "d1" {
			t.Errorf("Device = %+v, %v, want d1: another person's record was ended", got, err)
		}
		if _, err := s.Device(ctx, key("browser"), "bob"); !gone(err) {
			t.Errorf("Device = %v after EndDevices, want session.ErrNotFound", err)
		}
	})

	t.Run("a list has the person's records, last seen first", func(t *testing.T) {
		s := open(t)
		for i, id := range []string{"b", "c", "a"} {
			grant(t, s, key(id), aDevice("ann", id, noon.Add(time.Duration(i)*time.Hour)))
		}
		grant(t, s, key("x"), aDevice("bob", "x", noon))
		grant(t, s, key("b"), aDevice("ann", "other", noon.Add(24*time.Hour)))
		all, err := s.Devices(ctx, "ann")
		ok(t, "Devices", err)
		got := ""
		for _, d := range all {
			got += d.ID
		}
		if got != "bac" {
			t.Errorf("Devices lists %q, want %q: the person's own, last seen first", got, "bac")
		}
	})

	t.Run("A-246 nobody ends another person's device", func(t *testing.T) {
		s := open(t)
		grant(t, s, key("browser"), aDevice("ann", "d1", noon))
		if err := s.EndDevice(ctx, "eve", "d1"); !gone(err) {
			t.Errorf("EndDevice(another person, d1) = %v, want session.ErrNotFound", err)
		}
		won := winners(t, "EndDevice", gone, func(int) error { return s.EndDevice(ctx, "ann", "d1") })
		if won != 1 {
			t.Errorf("%d callers ended one device %d times, want 1: EndDevice must delete and answer in one step", callers, won)
		}
		if _, err := s.Device(ctx, key("browser"), "ann"); !gone(err) {
			t.Errorf("Device = %v after EndDevice, want session.ErrNotFound", err)
		}
	})

	t.Run("many grants make one record", func(t *testing.T) {
		s := open(t)
		var mu sync.Mutex
		names := map[string]bool{}
		together(func(i int) {
			d, err := s.GrantDevice(ctx, key("browser"), aDevice("ann", fmt.Sprint("d", i), noon.Add(time.Duration(i)*time.Second)))
			if err != nil {
				t.Errorf("GrantDevice = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			names[d.ID] = true
		})
		if all, err := s.Devices(ctx, "ann"); err != nil || len(all) != 1 || len(names) != 1 || !names[all[0].ID] {
			t.Errorf("%d callers were told %d names of one device, and %d records stand (%v), want 1 and 1: GrantDevice must add or update in one step",
				callers, len(names), len(all), err)
		}
	})
}
