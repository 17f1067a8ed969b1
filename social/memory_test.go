package social_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
)

func TestMemory(t *testing.T) {
	ctx := t.Context()
	key := func(n int) (k [32]byte) { k[0], k[1] = byte(n), byte(n>>8); return k }
	row := func(now time.Time) social.RequestRow {
		return social.RequestRow{Provider: "google", Body: []byte("sealed"), MadeAt: now, ExpiresAt: now.Add(10 * time.Minute)}
	}
	create := func(t *testing.T, m *social.Memory, n int, now time.Time) {
		t.Helper()
		if err := m.CreateSocialRequest(ctx, key(n), row(now), now); err != nil {
			t.Fatalf("CreateSocialRequest = %v, want none", err)
		}
	}
	t.Run("a row is taken once", func(t *testing.T) {
		m := social.NewMemory()
		create(t, m, 1, start)
		if err := m.CreateSocialRequest(ctx, key(1), row(start), start); !errors.Is(err, social.ErrConflict) {
			t.Errorf("CreateSocialRequest again = %v, want ErrConflict", err)
		}
		got, err := m.TakeSocialRequest(ctx, key(1), start)
		if err != nil || got.Provider != "google" || string(got.Body) != "sealed" || !got.ExpiresAt.Equal(start.Add(10*time.Minute)) {
			t.Errorf("TakeSocialRequest = %+v, %v, want the row", got, err)
		}
		if _, err := m.TakeSocialRequest(ctx, key(1), start); !errors.Is(err, social.ErrNotFound) {
			t.Errorf("TakeSocialRequest again = %v, want ErrNotFound", err)
		}
	})
	t.Run("A-080 sixty-four at once", func(t *testing.T) {
		m := social.NewMemory()
		create(t, m, 1, start)
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if _, err := m.TakeSocialRequest(ctx, key(1), start); err == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d callers took the row, want one", won.Load())
		}
	})
	t.Run("it ends", func(t *testing.T) {
		m := social.NewMemory()
		create(t, m, 1, start)
		end := start.Add(10 * time.Minute)
		if _, err := m.TakeSocialRequest(ctx, key(1), end); !errors.Is(err, social.ErrNotFound) {
			t.Errorf("TakeSocialRequest = %v, want ErrNotFound", err)
		}
		if _, err := m.TakeSocialRequest(ctx, key(1), end.Add(-time.Nanosecond)); err != nil {
			t.Errorf("TakeSocialRequest = %v, want the row", err)
		}
	})
	t.Run("a new row takes sixteen that have ended with it", func(t *testing.T) {
		m := social.NewMemory()
		for n := range 20 {
			create(t, m, n, start)
		}
		end := start.Add(10 * time.Minute)
		create(t, m, 100, end)
		if n := m.DeleteExpired(end, 100); n != 4 {
			t.Errorf("DeleteExpired = %d, want the four that were left", n)
		}
		if _, err := m.TakeSocialRequest(ctx, key(100), end); err != nil {
			t.Errorf("TakeSocialRequest = %v, want the row that has not ended", err)
		}
	})
	t.Run("DeleteExpired keeps to its limit", func(t *testing.T) {
		m := social.NewMemory()
		for n := range 5 {
			create(t, m, n, start)
		}
		if n := m.DeleteExpired(start.Add(time.Hour), 3); n != 3 {
			t.Errorf("DeleteExpired = %d, want 3", n)
		}
		if n := m.DeleteExpired(start, 3); n != 0 {
			t.Errorf("DeleteExpired = %d, want none that have not ended", n)
		}
	})
	t.Run("the oldest goes where there is no room", func(t *testing.T) {
		m := social.NewMemoryOf(3)
		for n := range 4 {
			create(t, m, n, start)
		}
		for n := range 4 {
			if _, err := m.TakeSocialRequest(ctx, key(n), start); (err == nil) != (n > 0) {
				t.Errorf("TakeSocialRequest of row %d = %v, want the first gone and no other", n, err)
			}
		}
	})
	t.Run("nobody changes a row from outside", func(t *testing.T) {
		m := social.NewMemory()
		r := row(start)
		if err := m.CreateSocialRequest(ctx, key(1), r, start); err != nil {
			t.Fatal(err)
		}
		r.Body[0] = 'x'
		if got, err := m.TakeSocialRequest(ctx, key(1), start); err != nil || string(got.Body) != "sealed" {
			t.Errorf("TakeSocialRequest = %q, %v, want what was given", got.Body, err)
		}
	})
}
