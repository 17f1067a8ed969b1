package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	times = times && a.TrustedAt.Equal(b.TrustedAt) && a.TwoStepUntil.Equal(b.TwoStepUntil)
	return times && a.ID == b.ID && a.UserID == b.UserID && a.UserAgent == b.UserAgent && a.IP == b.IP
}

// Devices tries a session.Devices. open answers an empty one each time.
func Devices(t *testing.T, open func(t *testing.T) session.Devices) {
	ctx := context.Background()
	gone := func(err error) bool { return errors.Is(err, session.ErrNotFound) }
	// rotate grants a device and moves what stands under old, and grant does it for a browser that had no key.
	rotate := func(t *testing.T, s session.Devices, old, new session.Key, d session.Device) session.Device {
		t.Helper()
		stands, err := s.GrantDevice(ctx, old, new, d)
		ok(t, "GrantDevice", err)
		return stands
	}
	grant := func(t *testing.T, s session.Devices, k session.Key, d session.Device) session.Device {
		t.Helper()
		return rotate(t, s, session.Key{}, k, d)
	}
	wantDevice := func(t *testing.T, s session.Devices, k session.Key, want session.Device, why string) {
		t.Helper()
		if got, err := s.Device(ctx, k, want.UserID); err != nil || !sameDevice(got, want) {
			t.Errorf("Device = %+v, %v, want %+v: %s", got, err, want, why)
		}
	}
	wantNoDevice := func(t *testing.T, s session.Devices, k session.Key, userID, why string) {
		t.Helper()
		if got, err := s.Device(ctx, k, userID); !gone(err) {
			t.Errorf("Device = %+v, %v, want session.ErrNotFound: %s", got, err, why)
		}
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

	t.Run("A-223 a new key takes everybody's records along, and the old one opens nothing", func(t *testing.T) {
		s := open(t)
		anns, bobs, cleos := aDevice("ann", "d1", noon), aDevice("bob", "d2", noon), aDevice("cleo", "d3", noon)
		grant(t, s, key("old"), anns)
		grant(t, s, key("old"), bobs)
		grant(t, s, key("another browser"), cleos)

		next := aDevice("ann", "not this", noon.Add(time.Hour))
		got := rotate(t, s, key("old"), key("new"), next)
		next.ID, next.FirstSeen = anns.ID, anns.FirstSeen
		if !sameDevice(got, next) {
			t.Errorf("GrantDevice = %+v, want %+v: ID and FirstSeen stay, the rest is new", got, next)
		}
		wantDevice(t, s, key("new"), next, "it is the record that stood under the old key")
		wantDevice(t, s, key("new"), bobs, "the browser has a new key for everybody, and nothing else changed for Bob")
		wantDevice(t, s, key("another browser"), cleos, "it is another browser")
		for _, userID := range []string{"ann", "bob"} {
			wantNoDevice(t, s, key("old"), userID, "the browser has a new key: the old one opens nothing")
			if all, err := s.Devices(ctx, userID); err != nil || len(all) != 1 {
				t.Errorf("Devices(%s) = %d records, %v, want the one that moved", userID, len(all), err)
			}
		}

		dans := aDevice("dan", "d4", noon)
		rotate(t, s, key("new"), key("newer"), dans)
		for _, d := range []session.Device{next, bobs, dans} {
			wantDevice(t, s, key("newer"), d, "somebody new signed in from the browser, and the others are remembered")
		}
		ok(t, "EndDevice", s.EndDevice(ctx, "bob", "d2"))
		wantNoDevice(t, s, key("newer"), "bob", "it was ended after it had moved")
	})

	t.Run("A-218 marks are one person's, and a grant without marks leaves them as they are", func(t *testing.T) {
		s := open(t)
		want := aDevice("ann", "d1", noon)
		want.TrustedAt, want.TwoStepUntil = noon, noon.Add(30*24*time.Hour)
		if got := grant(t, s, key("1"), want); !sameDevice(got, want) {
			t.Errorf("GrantDevice = %+v, want %+v", got, want)
		}
		bobs := aDevice("bob", "d2", noon)
		grant(t, s, key("1"), bobs)
		wantDevice(t, s, key("1"), bobs, "another person's marks on the same browser are not Bob's")
		wantDevice(t, s, key("1"), want, "another person signed in")

		for i, marks := range []struct {
			trusted, twoStep time.Time
			why              string
		}{
			{time.Time{}, time.Time{}, "a grant without marks takes none away"},
			{noon.Add(time.Hour), time.Time{}, "a grant with one mark writes that one"},
			{time.Time{}, noon.Add(50 * 24 * time.Hour), "a grant with one mark writes that one"},
			{noon.Add(2 * time.Hour), noon.Add(24 * time.Hour), "a grant with both writes both"},
		} {
			d := aDevice("ann", "d1", noon)
			d.TrustedAt, d.TwoStepUntil = marks.trusted, marks.twoStep
			if !marks.trusted.IsZero() {
				want.TrustedAt = marks.trusted
			}
			if !marks.twoStep.IsZero() {
				want.TwoStepUntil = marks.twoStep
			}
			from, to := key(fmt.Sprint(i+1)), key(fmt.Sprint(i+2))
			if got := rotate(t, s, from, to, d); !sameDevice(got, want) {
				t.Errorf("GrantDevice = %+v, want %+v: %s", got, want, marks.why)
			}
			wantDevice(t, s, to, want, marks.why)
		}
		wantDevice(t, s, key("5"), bobs, "it moved along, and nobody marked it")
		dans := aDevice("dan", "d3", noon)
		rotate(t, s, key("5"), key("6"), dans)
		wantDevice(t, s, key("6"), want, "marks move along with the record")
		if all, err := s.Devices(ctx, "ann"); err != nil || len(all) != 1 || !sameDevice(all[0], want) {
			t.Errorf("Devices = %+v, %v, want %+v: a list tells the marks too", all, err, want)
		}
	})

	t.Run("A-219 trust is taken back from one record, and with it the second step's", func(t *testing.T) {
		s := open(t)
		anns, others, bobs := aDevice("ann", "d1", noon), aDevice("ann", "d2", noon), aDevice("bob", "d3", noon)
		for _, d := range []*session.Device{&anns, &others, &bobs} {
			d.TrustedAt, d.TwoStepUntil = noon, noon.Add(30*24*time.Hour)
		}
		grant(t, s, key("browser"), anns)
		grant(t, s, key("browser"), bobs)
		grant(t, s, key("another browser"), others)
		for userID, id := range map[string]string{"eve": "d1", "bob": "d1", "ann": "d3"} {
			if err := s.TrustDevice(ctx, userID, id, time.Time{}); !gone(err) {
				t.Errorf("TrustDevice(%s, %s) = %v, want session.ErrNotFound: the person has no such record", userID, id, err)
			}
		}
		wantDevice(t, s, key("browser"), anns, "nobody but the person takes trust back")
		ok(t, "TrustDevice", s.TrustDevice(ctx, "ann", "d1", time.Time{}))
		anns.TrustedAt, anns.TwoStepUntil = time.Time{}, time.Time{}
		wantDevice(t, s, key("browser"), anns, "its trust was taken back")
		wantDevice(t, s, key("browser"), bobs, "it is another person's record")
		wantDevice(t, s, key("another browser"), others, "it is another browser")
		ok(t, "TrustDevice", s.TrustDevice(ctx, "ann", "d1", noon.Add(time.Hour)))
		anns.TrustedAt = noon.Add(time.Hour)
		wantDevice(t, s, key("browser"), anns, "to trust a device writes TrustedAt and nothing else")
		ok(t, "TrustDevice", s.TrustDevice(ctx, "ann", "d2", noon.Add(time.Hour)))
		others.TrustedAt = noon.Add(time.Hour)
		wantDevice(t, s, key("another browser"), others, "to trust a device writes TrustedAt and nothing else")
		ok(t, "EndDevice", s.EndDevice(ctx, "ann", "d1"))
		if err := s.TrustDevice(ctx, "ann", "d1", noon); !gone(err) {
			t.Errorf("TrustDevice(an ended record) = %v, want session.ErrNotFound", err)
		}
		wantNoDevice(t, s, key("browser"), "ann", "TrustDevice brings nothing back")
	})

	t.Run("A-219 trust that is taken back while the browser gets a new key stays taken back", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			old, user := key(fmt.Sprint(round)), fmt.Sprint("ann", round)
			d := aDevice(user, "d", noon)
			d.TrustedAt, d.TwoStepUntil = noon, noon.Add(30*24*time.Hour)
			grant(t, s, old, d)
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.TrustDevice(ctx, user, "d", time.Time{})
				} else {
					_, err = s.GrantDevice(ctx, old, key(fmt.Sprint(round, " new ", i)), aDevice([]string{user, "bob"}[i%2], fmt.Sprint(round, " d", i), noon))
				}
				if err != nil {
					t.Errorf("GrantDevice or TrustDevice = %v, want nil", err)
				}
			})
			all, err := s.Devices(ctx, user)
			ok(t, "Devices", err)
			for _, d := range all {
				if !d.TrustedAt.IsZero() || !d.TwoStepUntil.IsZero() {
					t.Errorf("record %s has marks, want none: its trust was taken back while the browser got a new key, so GrantDevice must write only the marks that it is given", d.ID)
				}
			}
			if !slices.ContainsFunc(all, func(d session.Device) bool { return d.ID == "d" }) {
				t.Error("the record is gone, want it under a new key: TrustDevice must change it wherever it has moved")
			}
		}
	})

	t.Run("an old key without records moves nothing", func(t *testing.T) {
		s := open(t)
		grant(t, s, session.Key{1}, aDevice("bob", "d2", noon))
		want := aDevice("ann", "d1", noon)
		if got := rotate(t, s, key("planted"), key("new"), want); !sameDevice(got, want) {
			t.Errorf("GrantDevice = %+v, want %+v", got, want)
		}
		wantDevice(t, s, key("new"), want, "it was granted")
		wantNoDevice(t, s, key("planted"), "ann", "a key that somebody made up must not become one")
	})

	t.Run("nothing moves where records stand already", func(t *testing.T) {
		s := open(t)
		anns, bobs, cleos := aDevice("ann", "d1", noon), aDevice("bob", "d2", noon), aDevice("cleo", "d3", noon)
		for _, d := range []session.Device{anns, bobs} {
			grant(t, s, key("old"), d)
		}
		grant(t, s, key("taken"), cleos)
		mine := aDevice("bob", "d4", noon)
		rotate(t, s, key("old"), key("taken"), mine)
		wantDevice(t, s, key("old"), bobs, "it did not move")
		wantDevice(t, s, key("old"), anns, "it did not move")
		wantDevice(t, s, key("taken"), mine, "it was granted")
		wantDevice(t, s, key("taken"), cleos, "it stood there")

		rotate(t, s, key("old"), key("old"), anns)
		wantDevice(t, s, key("old"), anns, "the key is the same")
		wantDevice(t, s, key("old"), bobs, "the key is the same")
	})

	t.Run("of many new keys at the same moment one gets the records", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			old := key(fmt.Sprint(round))
			fresh := func(i int) session.Key { return key(fmt.Sprint(round, " new ", i)) }
			var people []session.Device
			for _, name := range []string{"ann", "bob", "cleo", "dan"} {
				d := aDevice(fmt.Sprint(name, round), name, noon)
				people = append(people, d)
				grant(t, s, old, d)
			}
			together(func(i int) { // half of them sign in as Ann, half as somebody who has not been here
				userID := people[0].UserID
				if i%2 == 1 {
					userID = fmt.Sprint("newcomer ", round, " ", i)
				}
				if _, err := s.GrantDevice(ctx, old, fresh(i), aDevice(userID, fmt.Sprint("d", i), noon)); err != nil {
					t.Errorf("GrantDevice = %v, want nil", err)
				}
			})
			const rule = "GrantDevice must move all records in one step"
			at := map[string][]int{} // under whose new key a record stands
			for i := range callers {
				for _, d := range people {
					if got, err := s.Device(ctx, fresh(i), d.UserID); err == nil && got.ID == d.ID {
						at[d.ID] = append(at[d.ID], i)
					}
				}
			}
			for _, d := range people {
				wantNoDevice(t, s, old, d.UserID, "the browser has a new key: the old one opens nothing")
				if len(at[d.ID]) != 1 || !slices.Equal(at[d.ID], at["ann"]) {
					t.Errorf("after %d callers gave a browser new keys, the record of %s stands under those of callers %v and Ann's under those of %v, want one and the same: %s",
						callers, d.ID, at[d.ID], at["ann"], rule)
				}
			}
			if all, err := s.Devices(ctx, people[1].UserID); err != nil || len(all) != 1 {
				t.Errorf("Devices of somebody who did not sign in = %d records, %v, want 1: %s", len(all), err, rule)
			}
			for i := 1; i < callers; i += 2 {
				wantDevice(t, s, fresh(i), aDevice(fmt.Sprint("newcomer ", round, " ", i), fmt.Sprint("d", i), noon), "it was granted under this key")
			}
		}
	})

	t.Run("a record that is ended while it moves is gone", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			old, user := key(fmt.Sprint(round)), fmt.Sprint("bob", round)
			grant(t, s, old, aDevice(user, "d", noon))
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.EndDevices(ctx, user)
				} else {
					_, err = s.GrantDevice(ctx, old, key(fmt.Sprint(round, " new ", i)), aDevice("ann", fmt.Sprint("d", i), noon))
				}
				if err != nil {
					t.Errorf("GrantDevice or EndDevices = %v, want nil", err)
				}
			})
			if all, err := s.Devices(ctx, user); err != nil || len(all) != 0 {
				t.Errorf("Devices = %d records, %v, want none: they were ended while the browser got a new key", len(all), err)
			}
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
			d, err := s.GrantDevice(ctx, session.Key{}, key("browser"), aDevice("ann", fmt.Sprint("d", i), noon.Add(time.Duration(i)*time.Second)))
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
