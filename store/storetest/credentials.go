package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// Credentials tries an auth.Credentials. open answers an empty one each time.
func Credentials(t *testing.T, open func(t *testing.T) auth.Credentials) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	first := auth.Credential{UserID: "ann", Hash: "$argon2id$v=19$first", ChangedAt: noon, RecoveryEmail: "first@home.example"}
	stands := func(t *testing.T, s auth.Credentials, want auth.Credential) {
		t.Helper()
		got, err := s.Credential(ctx, want.UserID)
		same := err == nil && got.UserID == want.UserID && got.Hash == want.Hash && got.Version == want.Version &&
			got.ChangedAt.Equal(want.ChangedAt) && got.LockedAt.Equal(want.LockedAt) && got.ResetAt.Equal(want.ResetAt) &&
			got.MustChange == want.MustChange && got.RecoveryEmail == want.RecoveryEmail &&
			len(got.History) == len(want.History) &&
			(len(want.History) == 0 || reflect.DeepEqual(got.History, want.History))
		if !same {
			t.Errorf("Credential = %+v, %v, want %+v", got, err, want)
		}
	}

	t.Run("there is none before the first password", func(t *testing.T) {
		s := open(t)
		if got, err := s.Credential(ctx, "ann"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("Credential = %+v, %v, want auth.ErrNotFound", got, err)
		}
		later := first
		later.Version = 1
		if err := s.SwapCredential(ctx, later); !conflict(err) {
			t.Errorf("SwapCredential(version 1, no row) = %v, want auth.ErrConflict", err)
		}
		if err := s.UpgradeHash(ctx, "ann", 0, "x"); !conflict(err) {
			t.Errorf("UpgradeHash(no row) = %v, want auth.ErrConflict", err)
		}
		if _, err := s.Credential(ctx, "ann"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("Credential = %v, want auth.ErrNotFound: a conflict writes nothing", err)
		}
	})

	t.Run("a swap counts one version up", func(t *testing.T) {
		s := open(t)
		ok(t, "SwapCredential", s.SwapCredential(ctx, first))
		want := first
		want.Version = 1
		stands(t, s, want)
		if err := s.SwapCredential(ctx, first); !conflict(err) {
			t.Errorf("SwapCredential(version 0 again) = %v, want auth.ErrConflict", err)
		}
		second := auth.Credential{
			UserID: "ann", Hash: "", Version: 1, ChangedAt: noon.Add(time.Hour), History: []string{first.Hash, "older"},
			LockedAt: noon.Add(time.Minute), ResetAt: noon.Add(time.Hour), MustChange: true, RecoveryEmail: "ann@home.example",
		}
		ok(t, "SwapCredential", s.SwapCredential(ctx, second))
		second.Version = 2
		stands(t, s, second)
		for _, version := range []int64{0, 1, 3} {
			wrong := second
			wrong.Version, wrong.Hash, wrong.LockedAt = version, "wrong", time.Time{}
			if err := s.SwapCredential(ctx, wrong); !conflict(err) {
				t.Errorf("SwapCredential(version %d where 2 stands) = %v, want auth.ErrConflict", version, err)
			}
		}
		stands(t, s, second)
		third := auth.Credential{UserID: "ann", Hash: "third", Version: 2, ChangedAt: noon.Add(2 * time.Hour)}
		ok(t, "SwapCredential", s.SwapCredential(ctx, third))
		third.Version = 3
		stands(t, s, third) // open again, as the caller wrote
		if _, err := s.Credential(ctx, "bob"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("Credential(another person) = %v, want auth.ErrNotFound", err)
		}
	})

	t.Run("what was written does not change with the caller's slice", func(t *testing.T) {
		s := open(t)
		history := []string{"one", "two"}
		c := first
		c.History = history
		ok(t, "SwapCredential", s.SwapCredential(ctx, c))
		history[0] = "changed"
		got, err := s.Credential(ctx, "ann")
		ok(t, "Credential", err)
		got.History[1] = "changed"
		c.History, c.Version = []string{"one", "two"}, 1
		stands(t, s, c)
	})

	t.Run("one caller swaps", func(t *testing.T) {
		s := open(t)
		for version := range int64(3) {
			won := winners(t, "SwapCredential", conflict, func(i int) error {
				return s.SwapCredential(ctx, auth.Credential{UserID: "ann", Hash: fmt.Sprint("hash ", i), Version: version, ChangedAt: noon})
			})
			if won != 1 {
				t.Errorf("%d callers replaced version %d of a password %d times, want 1: SwapCredential must compare the version and write in one step", callers, version, won)
			}
		}
		if got, err := s.Credential(ctx, "ann"); err != nil || got.Version != 3 {
			t.Errorf("Credential = version %d, %v, want 3: each swap counts one up", got.Version, err)
		}
	})

	t.Run("an upgraded hash is of the same version", func(t *testing.T) {
		s := open(t)
		c := first
		c.History, c.MustChange, c.RecoveryEmail = []string{"older"}, true, "ann@home.example"
		ok(t, "SwapCredential", s.SwapCredential(ctx, c))
		ok(t, "UpgradeHash", s.UpgradeHash(ctx, "ann", 1, "stronger"))
		c.Version, c.Hash = 1, "stronger"
		stands(t, s, c)
		if err := s.UpgradeHash(ctx, "ann", 2, "stray"); !conflict(err) {
			t.Errorf("UpgradeHash(version 2 where 1 stands) = %v, want auth.ErrConflict", err)
		}
		stands(t, s, c)
	})

	t.Run("an upgrade never undoes a new password", func(t *testing.T) {
		s := open(t)
		ok(t, "SwapCredential", s.SwapCredential(ctx, first))
		for round := range int64(rounds) {
			version := round + 1
			together(func(i int) {
				var err error
				if i == callers/2 {
					err = s.SwapCredential(ctx, auth.Credential{UserID: "ann", Hash: "new password", Version: version, ChangedAt: noon})
				} else {
					err = s.UpgradeHash(ctx, "ann", version, "old password, rehashed")
				}
				if err != nil && !conflict(err) {
					t.Errorf("SwapCredential or UpgradeHash = %v, want nil or auth.ErrConflict", err)
				}
			})
			if got, err := s.Credential(ctx, "ann"); err != nil || got.Hash != "new password" || got.Version != version+1 {
				t.Errorf("Credential = %q, version %d, %v, want the new password, version %d: UpgradeHash must compare the version and write in one step",
					got.Hash, got.Version, err, version+1)
			}
		}
	})

	t.Run("a move counts one version up and changes nothing else", func(t *testing.T) {
		s := open(t)
		move := func(userID string, lockedAt time.Time, want int64) {
			t.Helper()
			if got, err := s.MoveCredential(ctx, userID, lockedAt); err != nil || got != want {
				t.Errorf("MoveCredential(%s) = version %d, %v, want %d", userID, got, err, want)
			}
		}
		c := first
		c.History, c.ResetAt, c.MustChange, c.RecoveryEmail = []string{"older"}, noon.Add(-time.Hour), true, "ann@home.example"
		ok(t, "SwapCredential", s.SwapCredential(ctx, c))
		move("ann", time.Time{}, 2)
		c.Version = 2
		stands(t, s, c)
		if err := s.UpgradeHash(ctx, "ann", 1, "stray"); !conflict(err) {
			t.Errorf("UpgradeHash(version 1 where 2 stands) = %v, want auth.ErrConflict", err)
		}
		move("ann", noon.Add(time.Hour), 3)
		move("ann", time.Time{}, 4)
		c.Version, c.LockedAt = 4, noon.Add(time.Hour)
		stands(t, s, c) // who only moves opens nothing
		move("ann", noon.Add(2*time.Hour), 5)
		c.Version, c.LockedAt = 5, noon.Add(2*time.Hour)
		stands(t, s, c)

		move("bob", time.Time{}, 1)
		stands(t, s, auth.Credential{UserID: "bob", Version: 1})
		move("cleo", noon, 1)
		stands(t, s, auth.Credential{UserID: "cleo", Version: 1, LockedAt: noon})
		if err := s.SwapCredential(ctx, auth.Credential{UserID: "bob", Hash: "first"}); !conflict(err) {
			t.Errorf("SwapCredential(version 0 where 1 stands) = %v, want auth.ErrConflict: a move adds a row that counts", err)
		}
		ok(t, "SwapCredential", s.SwapCredential(ctx, auth.Credential{UserID: "bob", Hash: "first", Version: 1, ChangedAt: noon}))
		stands(t, s, auth.Credential{UserID: "bob", Hash: "first", Version: 2, ChangedAt: noon})
		stands(t, s, c)
	})

	t.Run("of many moves each counts", func(t *testing.T) {
		s := open(t)
		var mu sync.Mutex
		told := map[int64]bool{}
		together(func(int) {
			version, err := s.MoveCredential(ctx, "ann", time.Time{})
			if err != nil {
				t.Errorf("MoveCredential = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[version] = true
		})
		if got, err := s.Credential(ctx, "ann"); err != nil || got.Version != callers || len(told) != callers {
			t.Errorf("%d callers moved a version, were told %d different ones, and %d stands (%v), want %d and %d: MoveCredential must add one and answer in one step",
				callers, len(told), got.Version, err, callers, callers)
		}
	})

	t.Run("a lock is not undone by a new password at the same moment", func(t *testing.T) {
		s := open(t)
		want := first
		ok(t, "SwapCredential", s.SwapCredential(ctx, first))
		for round := range rounds {
			stood, err := s.Credential(ctx, "ann")
			ok(t, "Credential", err)
			next := stood
			next.Hash, next.LockedAt = fmt.Sprint("password ", round), time.Time{}
			want.Hash, want.Version, want.LockedAt = stood.Hash, stood.Version+callers-1, noon.Add(time.Duration(round)*time.Hour)
			swapped := winners(t, "SwapCredential or MoveCredential", conflict, func(i int) error {
				if i == callers/2 {
					return s.SwapCredential(ctx, next)
				}
				_, err := s.MoveCredential(ctx, "ann", want.LockedAt)
				return err
			}) == callers
			if swapped { // it came first
				want.Version++
				want.Hash = next.Hash
			}
			if got, err := s.Credential(ctx, "ann"); err != nil || got.Version != want.Version || got.Hash != want.Hash || !got.LockedAt.Equal(want.LockedAt) {
				t.Errorf("Credential = %+v, %v, want %+v: a password that was swapped at an older version must not open what was locked since, nor may MoveCredential put an older one back",
					got, err, want)
			}
		}
	})
}
