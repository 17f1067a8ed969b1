package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func newRecovery(t testing.TB, c *clock, store mfa.RecoveryStore, keys ...[]byte) *mfa.Recovery {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{newKey()}
	}
	r, err := mfa.NewRecovery(mfa.RecoveryConfig{Store: store, Keys: keys, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newSet(t testing.TB, r *mfa.Recovery, userID string) []string {
	t.Helper()
	codes, err := r.New(t.Context(), userID)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return codes
}

func TestNewRecovery(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*mfa.RecoveryConfig)
		want   string // in the error; empty: none
	}{
		{"the zeros are filled in", func(*mfa.RecoveryConfig) {}, ""},
		{"no store", func(c *mfa.RecoveryConfig) { c.Store = nil }, "RecoveryConfig.Store"},
		{"no key", func(c *mfa.RecoveryConfig) { c.Keys = nil }, "RecoveryConfig.Keys"},
		{"a negative budget", func(c *mfa.RecoveryConfig) { c.Budget.Lock = -1 }, "RecoveryConfig.Budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mfa.RecoveryConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}}
			tt.change(&cfg)
			r, err := mfa.NewRecovery(cfg)
			switch {
			case tt.want == "" && (err != nil || r == nil):
				t.Errorf("NewRecovery = %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("NewRecovery = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// setRows keeps in sight what is stored of a set.
type setRows struct {
	*mfa.Memory
	set    mfa.RecoverySet
	spends int
}

func (s *setRows) ReplaceRecovery(ctx context.Context, userID string, set mfa.RecoverySet) error {
	s.set = set
	return s.Memory.ReplaceRecovery(ctx, userID, set)
}

func (s *setRows) SpendRecovery(ctx context.Context, userID string, b mfa.Budget, now time.Time) (string, []mfa.RecoveryCode, time.Time, error) {
	s.spends++
	return s.Memory.SpendRecovery(ctx, userID, b, now)
}

func TestRecoveryNew(t *testing.T) {
	t.Run("R59 ten codes of five and five without look-alikes", func(t *testing.T) {
		r := newRecovery(t, newClock(), mfa.NewMemory())
		form := regexp.MustCompile(`^[2-9a-hjkmnp-tv-z]{5}-[2-9a-hjkmnp-tv-z]{5}$`)
		signs := map[rune]int{}
		seen := map[string]bool{}
		for range 300 {
			codes := newSet(t, r, "ann")
			if len(codes) != 10 {
				t.Fatalf("New made %d codes, want 10", len(codes))
			}
			for _, code := range codes {
				if !form.MatchString(code) {
					t.Errorf("the code %q is not of the form", code)
				}
				seen[code] = true
				for _, sign := range strings.ReplaceAll(code, "-", "") {
					signs[sign]++
				}
			}
		}
		if len(seen) != 3000 {
			t.Errorf("3000 codes are only %d different ones", len(seen))
		}
		if len(signs) != len(mfa.RecoveryAlphabet) {
			t.Errorf("%d signs of %d are used", len(signs), len(mfa.RecoveryAlphabet))
		}
		first := 0 // of 30,000 signs, those that a random byte modulo 30 would favour
		for _, sign := range mfa.RecoveryAlphabet[:16] {
			first += signs[sign]
		}
		if first < 16_000-430 || first > 16_000+430 { // five standard deviations
			t.Errorf("the first 16 of 30 signs were drawn %d times, want about 16000", first)
		}
	})
	t.Run("R59 A-214 what is stored does not tell the codes", func(t *testing.T) {
		c, store := newClock(), &setRows{Memory: mfa.NewMemory()}
		codes := newSet(t, newRecovery(t, c, store), "ann")
		if len(store.set.MACs) != 10 || store.set.ID == "" || !store.set.MadeAt.Equal(c.now) {
			t.Errorf("stored %d MACs of set %q made at %v, want 10, an ID and now", len(store.set.MACs), store.set.ID, store.set.MadeAt)
		}
		for _, code := range codes {
			if strings.Contains(fmt.Sprintf("%s", store.set.MACs), code[:5]) {
				t.Errorf("the code %s stands in the record", code)
			}
		}
	})
	t.Run("nobody's codes", func(t *testing.T) {
		if codes, err := newRecovery(t, newClock(), mfa.NewMemory()).New(t.Context(), ""); err == nil || codes != nil {
			t.Errorf("New for nobody = %q, %v, want an error", codes, err)
		}
	})
}

func TestRecoveryVerify(t *testing.T) {
	ctx := t.Context()
	verify := func(t *testing.T, r *mfa.Recovery, userID, code string, wantLeft int, want error) {
		t.Helper()
		left, err := r.Verify(ctx, userID, code)
		if !errors.Is(err, want) || (err == nil) != (want == nil) || left != wantLeft {
			t.Errorf("Verify = %d, %v, want %d, %v", left, err, wantLeft, want)
		}
	}
	t.Run("A-214 each counts once", func(t *testing.T) {
		r := newRecovery(t, newClock(), mfa.NewMemory())
		verify(t, r, "ann", "abcde-fghjk", 0, mfa.ErrNotFound)
		codes := newSet(t, r, "ann")
		for i, code := range codes {
			verify(t, r, "ann", code, 9-i, nil)
			verify(t, r, "ann", code, 0, mfa.ErrReused)
			if left, err := r.Left(ctx, "ann"); err != nil || left != 9-i {
				t.Errorf("Left = %d, %v, want %d", left, err, 9-i)
			}
		}
		verify(t, r, "ann", "abcde-fghjk", 0, mfa.ErrWrong)
	})
	t.Run("R59 in whatever way it is typed", func(t *testing.T) {
		r := newRecovery(t, newClock(), mfa.NewMemory())
		codes := newSet(t, r, "ann")
		bare := strings.ReplaceAll(codes[3], "-", "")
		wide := []rune(strings.ToUpper(codes[4]))
		for i := range wide {
			wide[i] += '\uff01' - '!'
		}
		for i, typed := range []string{strings.ToUpper(codes[0]), "  " + strings.ReplaceAll(codes[1], "-", " "), strings.ReplaceAll(codes[2], "-", "\u2013") + "\r\n",
			strings.Join(strings.Split(bare, ""), " "), string(wide)} {
			verify(t, r, "ann", typed, 9-i, nil)
		}
	})
	t.Run("what cannot be a code is not charged", func(t *testing.T) {
		store := &setRows{Memory: mfa.NewMemory()}
		r := newRecovery(t, newClock(), store)
		codes := newSet(t, r, "ann")
		for _, typed := range []string{"", codes[0][:10], codes[0] + "a", codes[0] + codes[1], "abcde-fghj0", "abcde-fghjl", "abcde-fghj!", "123456", "äbcde-fghjk"} {
			verify(t, r, "ann", typed, 0, mfa.ErrFormat)
		}
		if store.spends != 0 {
			t.Errorf("%d tries were charged, want none", store.spends)
		}
	})
	t.Run("A-214 of 64 callers with one code one is let in", func(t *testing.T) {
		c, store := newClock(), newCrowd()
		r, err := mfa.NewRecovery(mfa.RecoveryConfig{Store: store, Keys: [][]byte{newKey()}, Now: c.Now, Budget: mfa.Budget{Burst: 1000, Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		code := newSet(t, r, "ann")[4]
		store.gather()
		errs := atOnce(func(int) error { _, err := r.Verify(ctx, "ann", code); return err })
		if none, each := count(errs, mfa.ErrReused); none != 1 || each[0] != 63 {
			t.Errorf("%d callers got in and %d were told that it is used, want 1 and 63", none, each[0])
		}
		if left, _ := r.Left(ctx, "ann"); left != 9 {
			t.Errorf("%d codes are left, want 9", left)
		}
	})
	t.Run("A-214 ten wrong codes, over all callers", func(t *testing.T) {
		c := newClock()
		r := newRecovery(t, c, mfa.NewMemory())
		code := newSet(t, r, "ann")[0]
		errs := atOnce(func(int) error { _, err := r.Verify(ctx, "ann", "abcde-fghjk"); return err })
		if none, each := count(errs, mfa.ErrWrong); none != 0 || each[0] != 10 {
			t.Errorf("%d callers got in and %d codes were looked at, want none and 10", none, each[0])
		}
		_, err := r.Verify(ctx, "ann", code)
		wantClosed(t, "the right code", err, c.now.Add(15*time.Minute))
		c.move(15 * time.Minute)
		verify(t, r, "ann", code, 9, nil)
	})
	t.Run("A-214 new codes end the old ones", func(t *testing.T) {
		r := newRecovery(t, newClock(), mfa.NewMemory())
		old, next := newSet(t, r, "ann"), newSet(t, r, "ann")
		if slices.Equal(old, next) {
			t.Fatal("New gave the same codes twice")
		}
		verify(t, r, "ann", old[0], 0, mfa.ErrWrong)
		verify(t, r, "ann", next[0], 9, nil)
		if err := r.Remove(ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		verify(t, r, "ann", next[1], 0, mfa.ErrNotFound)
		if left, err := r.Left(ctx, "ann"); err != nil || left != 0 {
			t.Errorf("Left = %d, %v, want 0", left, err)
		}
		wantErr(t, "Remove of none", r.Remove(ctx, "ann"), nil)
	})
	t.Run("A-214 a code is this person's, and of this set", func(t *testing.T) {
		c, store, key := newClock(), &setRows{Memory: mfa.NewMemory()}, newKey()
		r := newRecovery(t, c, store, key)
		ann := newSet(t, r, "ann")
		stolen := store.set
		newSet(t, r, "bob")
		verify(t, r, "bob", ann[0], 0, mfa.ErrWrong)
		// Somebody who can write to the table, but has no key, copies rows.
		for name, row := range map[string]struct {
			userID string
			set    mfa.RecoverySet
		}{
			"Ann's set in Bob's place":      {"bob", stolen},
			"Ann's MACs in another set":     {"ann", mfa.RecoverySet{ID: "other", MACs: stolen.MACs}},
			"Ann's set, a border elsewhere": {"ann" + stolen.ID[:4], mfa.RecoverySet{ID: stolen.ID[4:], MACs: stolen.MACs}},
		} {
			db := mfa.NewMemory()
			if err := db.ReplaceRecovery(ctx, row.userID, row.set); err != nil {
				t.Fatal(err)
			}
			_, err := newRecovery(t, c, db, key).Verify(ctx, row.userID, ann[0])
			wantErr(t, name, err, mfa.ErrWrong)
		}
	})
	t.Run("A-214 a used code is told from the rows as well", func(t *testing.T) {
		r := newRecovery(t, newClock(), yesSets{mfa.NewMemory()})
		code := newSet(t, r, "ann")[0]
		verify(t, r, "ann", code, 9, nil)
		verify(t, r, "ann", code, 0, mfa.ErrReused)
	})
	t.Run("keys are changed", func(t *testing.T) {
		c, store, old, next := newClock(), mfa.NewMemory(), newKey(), newKey()
		codes := newSet(t, newRecovery(t, c, store, old), "ann")
		verify(t, newRecovery(t, c, store, next), "ann", codes[0], 0, mfa.ErrWrong)
		verify(t, newRecovery(t, c, store, next, old), "ann", codes[0], 9, nil)
	})
}

// yesSets is a store with a fault: it says yes to everybody.
type yesSets struct{ *mfa.Memory }

func (s yesSets) ConsumeRecovery(ctx context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error) {
	_, err := s.Memory.ConsumeRecovery(ctx, userID, setID, mac, now)
	return true, err
}

// brokenSets fails at one verb.
type brokenSets struct {
	*mfa.Memory
	verb string
}

func (s *brokenSets) ReplaceRecovery(ctx context.Context, userID string, set mfa.RecoverySet) error {
	if s.verb == "ReplaceRecovery" {
		return errBroken
	}
	return s.Memory.ReplaceRecovery(ctx, userID, set)
}

func (s *brokenSets) SpendRecovery(ctx context.Context, userID string, b mfa.Budget, now time.Time) (string, []mfa.RecoveryCode, time.Time, error) {
	if s.verb == "SpendRecovery" {
		return "", nil, time.Time{}, errBroken
	}
	return s.Memory.SpendRecovery(ctx, userID, b, now)
}

func (s *brokenSets) ConsumeRecovery(ctx context.Context, userID, setID string, mac [32]byte, now time.Time) (bool, error) {
	if s.verb == "ConsumeRecovery" {
		return false, errBroken
	}
	return s.Memory.ConsumeRecovery(ctx, userID, setID, mac, now)
}

func (s *brokenSets) RecoveryLeft(ctx context.Context, userID string) (int, error) {
	if s.verb == "RecoveryLeft" {
		return 0, errBroken
	}
	return s.Memory.RecoveryLeft(ctx, userID)
}

func TestRecoveryBrokenStore(t *testing.T) {
	ctx := t.Context()
	for _, tt := range []struct {
		verb string
		call func(r *mfa.Recovery, code string) error
	}{
		{"ReplaceRecovery", func(r *mfa.Recovery, _ string) error { _, err := r.New(ctx, "ann"); return err }},
		{"ReplaceRecovery", func(r *mfa.Recovery, _ string) error { return r.Remove(ctx, "ann") }},
		{"SpendRecovery", func(r *mfa.Recovery, code string) error { _, err := r.Verify(ctx, "ann", code); return err }},
		{"ConsumeRecovery", func(r *mfa.Recovery, code string) error { _, err := r.Verify(ctx, "ann", code); return err }},
		{"RecoveryLeft", func(r *mfa.Recovery, _ string) error { _, err := r.Left(ctx, "ann"); return err }},
	} {
		t.Run(tt.verb, func(t *testing.T) {
			store := &brokenSets{Memory: mfa.NewMemory()}
			r := newRecovery(t, newClock(), store)
			code := newSet(t, r, "ann")[0]
			store.verb = tt.verb
			if err := tt.call(r, code); !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "mfa: ") {
				t.Errorf("with a broken %s: %v, want what was being done, and the error of the store", tt.verb, err)
			}
		})
	}
}
