package sso_test

import (
	"encoding/binary"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/storetest"
)

func TestMemoryKeepsEveryContract(t *testing.T) {
	t.Run("Requests", func(t *testing.T) {
		storetest.SSORequests(t, func(*testing.T) sso.Requests { return sso.NewMemory() })
	})
	t.Run("Logins", func(t *testing.T) {
		storetest.SSOLogins(t, func(*testing.T) sso.Logins { return sso.NewMemory() })
	})
	t.Run("Store", func(t *testing.T) {
		storetest.SSOConnections(t, func(*testing.T) sso.Store { return sso.NewMemory() })
	})
}

// numbered is a key for each number.
func numbered(i int) (k [32]byte) {
	binary.BigEndian.PutUint64(k[:], uint64(i))
	return k
}

func TestMemoryIsBounded(t *testing.T) {
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	ends := noon.Add(10 * time.Minute)

	t.Run("A-277 the oldest request goes first", func(t *testing.T) {
		m := sso.NewMemory()
		for i := range sso.MaxRequests + 10 {
			if err := m.CreateRequest(t.Context(), numbered(i), sso.RequestRow{ExpiresAt: ends}, noon); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range map[int]error{0: sso.ErrNotFound, 9: sso.ErrNotFound, 10: nil, sso.MaxRequests + 9: nil} {
			if _, err := m.TakeRequest(t.Context(), numbered(i), noon); !errors.Is(err, want) {
				t.Errorf("TakeRequest(%d of %d) = %v, want %v", i, sso.MaxRequests+10, err, want)
			}
		}
	})

	t.Run("A-048 A-277 a flood makes no used answer good again", func(t *testing.T) {
		m := sso.NewMemory()
		use := func(i int, ends, now time.Time, want bool) {
			t.Helper()
			if used, err := m.UseAssertion(t.Context(), numbered(i), ends, now); err != nil || used != want {
				t.Fatalf("UseAssertion(%d) = %v, %v, want %v", i, used, err, want)
			}
		}
		use(0, ends, noon, true)
		for i := range sso.MaxAssertions - 1 {
			use(i+1, ends.Add(time.Hour), noon, true)
		}
		for i := range 3 {
			if used, err := m.UseAssertion(t.Context(), numbered(-1-i), ends, noon); used || err == nil {
				t.Fatalf("UseAssertion(one too many) = %v, %v, want an error: what cannot be written down does not count", used, err)
			}
		}
		use(0, ends, ends.Add(-time.Nanosecond), false)
		use(-1, ends.Add(time.Hour), ends, true) // the first has ended, and leaves its room
		if used, err := m.UseAssertion(t.Context(), numbered(-2), ends.Add(time.Hour), ends); used || err == nil {
			t.Errorf("UseAssertion(one too many) = %v, %v, want an error", used, err)
		}
	})

	t.Run("no login goes for want of room", func(t *testing.T) {
		m := sso.NewMemory()
		for i := range sso.MaxAssertions + 10 {
			l := sso.LoginRow{SessionID: strconv.Itoa(i), Connection: "acme", Subject: numbered(i % 1000), ExpiresAt: ends}
			if err := m.AddLogin(t.Context(), l, noon); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.LoginOf(t.Context(), "0"); err != nil {
			t.Errorf("LoginOf(the oldest) = %v, want it", err)
		}
		if rows, err := m.TakeLogins(t.Context(), "acme", numbered(9), nil); err != nil || len(rows) != sso.MaxAssertions/1000+1 {
			t.Errorf("TakeLogins = %d rows, %v, want %d", len(rows), err, sso.MaxAssertions/1000+1)
		}
	})
}

func TestMemoryForgetsWhatHasEnded(t *testing.T) {
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	m := sso.NewMemory()
	for i := range 10 {
		ends := noon.Add(time.Duration(10-i) * time.Minute) // the last to come ends first
		created := m.CreateRequest(t.Context(), numbered(i), sso.RequestRow{ExpiresAt: ends}, noon)
		_, used := m.UseAssertion(t.Context(), numbered(i), ends, noon)
		added := m.AddLogin(t.Context(), sso.LoginRow{SessionID: strconv.Itoa(i), Connection: "acme", Subject: numbered(0), Index: numbered(1), ExpiresAt: ends}, noon)
		if err := errors.Join(created, used, added); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		after       time.Duration
		limit, want int
	}{
		{time.Minute - time.Nanosecond, 100, 0}, {time.Minute, 100, 3}, {5 * time.Minute, 2, 6}, {5 * time.Minute, 100, 6}, {time.Hour, 0, 0},
	} {
		if got := m.DeleteExpired(noon.Add(tt.after), tt.limit); got != tt.want {
			t.Errorf("DeleteExpired(%v after noon, limit %d) = %d, want %d", tt.after, tt.limit, got, tt.want)
		}
	}
	if rows, err := m.TakeLogins(t.Context(), "acme", [32]byte{}, [][32]byte{numbered(1)}); err != nil || len(rows) != 5 {
		t.Errorf("TakeLogins = %d rows, %v, want the 5 that last", len(rows), err)
	}
	if got := m.DeleteExpired(noon.Add(time.Hour), 100); got != 10 {
		t.Errorf("DeleteExpired = %d, want 10: five requests and five answers, and no login that was taken", got)
	}
}
