package mfa_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestMemoryApps(t *testing.T) {
	ctx := t.Context()
	now := newClock().now
	fill := func(t *testing.T) *mfa.Memory {
		t.Helper()
		m := mfa.NewMemory()
		if err := m.ReplaceTOTP(ctx, "", mfa.TOTPRecord{UserID: "ann", ID: "one", Sealed: []byte("sealed"), Since: now, LastStep: 100}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("A-193 steps only go up, each to one caller", func(t *testing.T) {
		m := fill(t)
		for _, tt := range []struct {
			user, id string
			step     int64
			want     bool
		}{
			{"ann", "one", 100, false}, {"ann", "one", 99, false}, {"ann", "other", 101, false}, {"bob", "one", 101, false},
			{"ann", "one", 101, true}, {"ann", "one", 101, false}, {"ann", "one", 103, true}, {"ann", "one", 102, false},
		} {
			if got, err := m.AdvanceTOTP(ctx, tt.user, tt.id, tt.step); err != nil || got != tt.want {
				t.Errorf("AdvanceTOTP(%s, %s, %d) = %v, %v, want %v", tt.user, tt.id, tt.step, got, err, tt.want)
			}
		}
		errs := atOnce(func(int) error {
			if ok, _ := m.AdvanceTOTP(ctx, "ann", "one", 200); !ok {
				return errBroken
			}
			return nil
		})
		if none, _ := count(errs); none != 1 {
			t.Errorf("%d of 64 callers advanced to one step, want 1", none)
		}
	})
	t.Run("A-194 a try is charged before the secret is given out", func(t *testing.T) {
		m := fill(t)
		errs := atOnce(func(int) error {
			r, closedTo, err := m.SpendTOTP(ctx, "ann", mfa.Budget{Burst: 5}, now)
			if err == nil && (closedTo.IsZero() == (len(r.Sealed) == 0)) {
				t.Errorf("SpendTOTP answers %d bytes of a secret, closed to %v: want one of them", len(r.Sealed), closedTo)
			}
			if !closedTo.IsZero() {
				return &mfa.ClosedError{Until: closedTo}
			}
			return err
		})
		if none, _ := count(errs); none != 5 {
			t.Errorf("64 callers read the secret %d times, want 5", none)
		}
	})
	t.Run("what was answered is not what is kept", func(t *testing.T) {
		m := fill(t)
		r, _, err := m.SpendTOTP(ctx, "ann", mfa.Budget{}, now)
		if err != nil {
			t.Fatal(err)
		}
		clear(r.Sealed)
		if r, _, _ = m.SpendTOTP(ctx, "ann", mfa.Budget{}, now); string(r.Sealed) != "sealed" || r.Tries.Count != 2 {
			t.Errorf("SpendTOTP = %q and %d tries, want sealed and 2", r.Sealed, r.Tries.Count)
		}
	})
	t.Run("what is not there", func(t *testing.T) {
		m := fill(t)
		_, _, err := m.SpendTOTP(ctx, "bob", mfa.Budget{}, now)
		wantErr(t, "SpendTOTP", err, mfa.ErrNotFound)
		wantErr(t, "DeleteTOTP", m.DeleteTOTP(ctx, "bob", "one"), mfa.ErrNotFound)
		wantErr(t, "DeleteTOTP of another", m.DeleteTOTP(ctx, "ann", "two"), mfa.ErrNotFound)
		_, err = m.AskTOTPReset(ctx, "bob", "one", now, now)
		wantErr(t, "AskTOTPReset", err, mfa.ErrNotFound)
		wantErr(t, "ReplaceTOTP of another", m.ReplaceTOTP(ctx, "two", mfa.TOTPRecord{UserID: "ann", ID: "three"}), mfa.ErrConflict)
		wantErr(t, "ReplaceTOTP of none", m.ReplaceTOTP(ctx, "", mfa.TOTPRecord{UserID: "ann", ID: "three"}), mfa.ErrConflict)
		if s, err := m.TOTP(ctx, "ann"); err != nil || s.ID != "one" {
			t.Errorf("TOTP = %+v, %v, want the first app", s, err)
		}
	})
}

func codeKey(i int) (key [32]byte) {
	binary.BigEndian.PutUint64(key[:], uint64(i))
	return key
}

func TestMemoryCodes(t *testing.T) {
	ctx := t.Context()
	now := newClock().now
	put := func(t *testing.T, m *mfa.Memory, key int, ends time.Time) {
		t.Helper()
		wait, err := m.SendCode(ctx, codeKey(key), mfa.CodeRecord{ID: fmt.Sprint(key), ExpiresAt: ends, EndsAt: ends}, mfa.CodeRules{}, now)
		if err != nil || !wait.IsZero() {
			t.Fatalf("SendCode = %v, %v", wait, err)
		}
	}
	has := func(m *mfa.Memory, key int, at time.Time) bool {
		_, err := m.SpendCode(ctx, codeKey(key), 1000, at)
		return err == nil
	}
	t.Run("A-186 the newest record, with the tries and sendings of all", func(t *testing.T) {
		m := mfa.NewMemory()
		put(t, m, 1, now.Add(time.Hour))
		has(m, 1, now)
		later := now.Add(30 * time.Second)
		if _, err := m.SendCode(ctx, codeKey(1), mfa.CodeRecord{ID: "second", EndsAt: later.Add(time.Hour)}, mfa.CodeRules{}, later); err != nil {
			t.Fatal(err)
		}
		r, err := m.SpendCode(ctx, codeKey(1), 5, later)
		if err != nil || r.ID != "second" || r.Tries != 2 || r.Sends != 2 || !r.SentAt.Equal(later) {
			t.Errorf("SpendCode = %+v, %v, want the second, with 2 tries and 2 sendings", r, err)
		}
		if ok, err := m.ConsumeCode(ctx, codeKey(1), "1"); ok || err != nil {
			t.Errorf("ConsumeCode of the first = %v, %v, want false", ok, err)
		}
		for _, want := range []bool{true, false} {
			if ok, err := m.ConsumeCode(ctx, codeKey(1), "second"); ok != want || err != nil {
				t.Errorf("ConsumeCode = %v, %v, want %v", ok, err, want)
			}
		}
	})
	t.Run("a new row takes ended ones with it", func(t *testing.T) {
		m := mfa.NewMemory()
		for i := range 20 {
			put(t, m, i, now.Add(time.Minute))
		}
		put(t, m, 100, now.Add(time.Hour))
		if has(m, 0, now.Add(time.Minute)) {
			t.Error("SpendCode of a row that has ended = nil, want ErrNotFound")
		}
		m.SendCode(ctx, codeKey(200), mfa.CodeRecord{EndsAt: now.Add(time.Hour)}, mfa.CodeRules{}, now.Add(time.Minute))
		if got := m.DeleteExpired(now.Add(time.Minute), 1000); got != 4 {
			t.Errorf("%d of 20 ended rows are left after a new one came, want 4", got)
		}
		if !has(m, 100, now) || !has(m, 200, now) {
			t.Error("a row that has not ended was deleted")
		}
	})
	t.Run("DeleteExpired keeps to its limit", func(t *testing.T) {
		m := mfa.NewMemory()
		for i := range 10 {
			put(t, m, i, now.Add(time.Duration(i+1)*time.Minute))
		}
		for _, want := range []int{3, 2, 0} { // rows 0 to 4 have ended
			if got := m.DeleteExpired(now.Add(5*time.Minute), 3); got != want {
				t.Errorf("DeleteExpired = %d, want %d", got, want)
			}
		}
	})
	t.Run("with too many the oldest goes", func(t *testing.T) {
		const room = 100
		m := mfa.NewMemory()
		m.Keep(room)
		for i := range room {
			put(t, m, i, now.Add(time.Hour))
		}
		later := now.Add(time.Minute) // sent again, row 0 is the newest
		if _, err := m.SendCode(ctx, codeKey(0), mfa.CodeRecord{EndsAt: now.Add(time.Hour)}, mfa.CodeRules{}, later); err != nil {
			t.Fatal(err)
		}
		put(t, m, room, now.Add(time.Hour))
		for key, want := range map[int]bool{0: true, 1: false, 2: true, room: true} {
			if got := has(m, key, now); got != want {
				t.Errorf("row %d is there: %v, want %v", key, got, want)
			}
		}
	})
}

func TestMemorySets(t *testing.T) {
	ctx := t.Context()
	now := newClock().now
	m := mfa.NewMemory()
	if err := m.ReplaceRecovery(ctx, "ann", mfa.RecoverySet{ID: "set", MACs: [][32]byte{codeKey(1), codeKey(2)}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user, set string
		mac       int
		want      bool
	}{{"ann", "other", 1, false}, {"bob", "set", 1, false}, {"ann", "set", 3, false}, {"ann", "set", 1, true}, {"ann", "set", 1, false}} {
		if got, err := m.ConsumeRecovery(ctx, tt.user, tt.set, codeKey(tt.mac), now); err != nil || got != tt.want {
			t.Errorf("A-214 ConsumeRecovery(%s, %s, %d) = %v, %v, want %v", tt.user, tt.set, tt.mac, got, err, tt.want)
		}
	}
	id, codes, closedTo, err := m.SpendRecovery(ctx, "ann", mfa.Budget{Burst: 1}, now)
	if err != nil || !closedTo.IsZero() || id != "set" || len(codes) != 2 || !codes[0].UsedAt.Equal(now) || !codes[1].UsedAt.IsZero() {
		t.Errorf("SpendRecovery = %q, %v, %v, %v, want both codes, the first used", id, codes, closedTo, err)
	}
	codes[1].UsedAt = now
	if left, err := m.RecoveryLeft(ctx, "ann"); err != nil || left != 1 {
		t.Errorf("RecoveryLeft = %d, %v, want 1: what was answered is not what is kept", left, err)
	}
	if _, codes, closedTo, _ = m.SpendRecovery(ctx, "ann", mfa.Budget{Burst: 1}, now); closedTo.IsZero() || codes != nil {
		t.Errorf("SpendRecovery with no try left = %v, %v, want when it opens and no codes", codes, closedTo)
	}
}
