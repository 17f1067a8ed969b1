package mfa_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestCharge(t *testing.T) {
	now := newClock().now
	later := now.Add(time.Minute)
	own := mfa.Budget{Burst: 3, Pause: time.Minute, Limit: 7, Lock: time.Hour}
	for _, tt := range []struct {
		name   string
		budget mfa.Budget
		stands mfa.Tries
		after  mfa.Tries
		closed time.Time
	}{
		{"the first", mfa.Budget{}, mfa.Tries{}, mfa.Tries{Count: 1}, time.Time{}},
		{"the ninth", mfa.Budget{}, mfa.Tries{Count: 8}, mfa.Tries{Count: 9}, time.Time{}},
		{"A-194 the tenth counts, and closes", mfa.Budget{}, mfa.Tries{Count: 9}, mfa.Tries{10, now.Add(15 * time.Minute)}, time.Time{}},
		{"A-194 while it is closed none counts", mfa.Budget{}, mfa.Tries{10, later}, mfa.Tries{10, later}, later},
		{"it opens at that instant", mfa.Budget{}, mfa.Tries{10, now}, mfa.Tries{Count: 11}, time.Time{}},
		{"the twentieth closes again", mfa.Budget{}, mfa.Tries{19, now}, mfa.Tries{20, now.Add(15 * time.Minute)}, time.Time{}},
		{"A-194 the hundredth closes for a month", mfa.Budget{}, mfa.Tries{99, now}, mfa.Tries{100, now.Add(30 * 24 * time.Hour)}, time.Time{}},
		{"after the month the count starts over", mfa.Budget{}, mfa.Tries{100, now}, mfa.Tries{Count: 1}, time.Time{}},
		{"a budget of one's own", own, mfa.Tries{Count: 2}, mfa.Tries{3, now.Add(time.Minute)}, time.Time{}},
		{"and its limit", own, mfa.Tries{Count: 6}, mfa.Tries{7, now.Add(time.Hour)}, time.Time{}},
		{"a limit that was lowered", own, mfa.Tries{Count: 50}, mfa.Tries{Count: 1}, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after, closed := tt.budget.Charge(tt.stands, now)
			if after != tt.after || closed != tt.closed {
				t.Errorf("Charge(%v) = %v, %v, want %v, %v", tt.stands, after, closed, tt.after, tt.closed)
			}
		})
	}
}

func TestNext(t *testing.T) {
	now := newClock().now
	for _, tt := range []struct {
		name   string
		rules  mfa.CodeRules
		stands mfa.CodeRecord
		wait   time.Time
		err    error
	}{
		{"the first", mfa.CodeRules{}, mfa.CodeRecord{}, time.Time{}, nil},
		{"R50 the second too early", mfa.CodeRules{}, mfa.CodeRecord{Sends: 1, SentAt: now.Add(-29 * time.Second)}, now.Add(time.Second), nil},
		{"the second in time", mfa.CodeRules{}, mfa.CodeRecord{Sends: 1, SentAt: now.Add(-30 * time.Second)}, time.Time{}, nil},
		{"R50 the third too early", mfa.CodeRules{}, mfa.CodeRecord{Sends: 2, SentAt: now.Add(-59 * time.Second)}, now.Add(time.Second), nil},
		{"the fifth in time", mfa.CodeRules{}, mfa.CodeRecord{Sends: 4, SentAt: now.Add(-time.Minute)}, time.Time{}, nil},
		{"R50 the sixth", mfa.CodeRules{}, mfa.CodeRecord{Sends: 5, SentAt: now.Add(-time.Hour)}, time.Time{}, mfa.ErrSpent},
		{"A-186 after four tries", mfa.CodeRules{}, mfa.CodeRecord{Sends: 1, Tries: 4, SentAt: now.Add(-time.Hour)}, time.Time{}, nil},
		{"A-183 after five tries", mfa.CodeRules{}, mfa.CodeRecord{Sends: 1, Tries: 5, SentAt: now.Add(-time.Hour)}, time.Time{}, mfa.ErrSpent},
		{"rules of one's own", mfa.CodeRules{Sends: 6, First: time.Hour}, mfa.CodeRecord{Sends: 1, SentAt: now}, now.Add(time.Hour), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := mfa.CodeRecord{ID: "new", MAC: [32]byte{1}, ExpiresAt: now.Add(time.Minute), EndsAt: now.Add(time.Hour)}
			after, wait, err := tt.rules.Next(tt.stands, sent, now)
			want := tt.stands
			if tt.wait.IsZero() && tt.err == nil {
				want = sent
				want.Tries, want.Sends, want.SentAt = tt.stands.Tries, tt.stands.Sends+1, now
			}
			if after != want || wait != tt.wait || !errors.Is(err, tt.err) {
				t.Errorf("Next = %+v, %v, %v\nwant %+v, %v, %v", after, wait, err, want, tt.wait, tt.err)
			}
		})
	}
	t.Run("Wait tells the same", func(t *testing.T) {
		for sends, want := range map[int]time.Duration{1: 30 * time.Second, 2: time.Minute, 4: time.Minute} {
			if got := (mfa.CodeRules{}).Wait(sends); got != want {
				t.Errorf("Wait(%d) = %v, want %v", sends, got, want)
			}
		}
		if got := (mfa.CodeRules{First: time.Hour}).Wait(1); got != time.Hour {
			t.Errorf("Wait(1) = %v, want the rule's hour", got)
		}
	})
}
