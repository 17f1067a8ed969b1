package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// A CutStore keeps sessions and ends those of whole accounts.
type CutStore interface {
	session.Store
	session.Cuts
}

// Cuts tries a session.Cuts together with the session.Store that it belongs to. open answers an empty one each time.
func Cuts(t *testing.T, open func(t *testing.T) CutStore) {
	ctx := context.Background()
	const minute = time.Minute

	// sign makes one session of acme for each offset from noon, under that offset's key.
	at := func(offset time.Duration) session.Key { return key(offset.String()) }
	sign := func(t *testing.T, s CutStore, offsets ...time.Duration) {
		t.Helper()
		for _, offset := range offsets {
			ok(t, "CreateSession", s.CreateSession(ctx, at(offset), aSession("ann", offset.String(), noon.Add(offset))))
		}
	}
	// made opens a store with such sessions.
	made := func(t *testing.T, offsets ...time.Duration) CutStore {
		t.Helper()
		s := open(t)
		sign(t, s, offsets...)
		return s
	}
	found := func(t *testing.T, s CutStore, offset time.Duration, now time.Time, want bool, why string) {
		t.Helper()
		if want {
			wantSession(t, s, at(offset), now, why)
		} else {
			wantNoSession(t, s, at(offset), now, why)
		}
		listed := false
		all, err := s.Sessions(ctx, "ann", now)
		ok(t, "Sessions", err)
		for _, one := range all {
			listed = listed || one.ID == offset.String()
		}
		if listed != want {
			t.Errorf("Sessions lists the session: %v, want %v, as Session finds it: %s", listed, want, why)
		}
	}

	t.Run("A-242 a cut ends what was made before it", func(t *testing.T) {
		s := made(t, -1*time.Microsecond)
		other := aSession("bob", "other", noon.Add(-minute))
		other.AccountID = "globex"
		ok(t, "CreateSession", s.CreateSession(ctx, key("other"), other))
		other.AccountID = ""
		ok(t, "CreateSession", s.CreateSession(ctx, key("none"), other))

		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon))
		sign(t, s, 0, minute)
		found(t, s, -1*time.Microsecond, noon, false, "it was made before the cut")
		found(t, s, -1*time.Microsecond, noon.Add(-minute), false, "a cut counts whatever the clock says")
		found(t, s, 0, noon, true, "it was made at the cut, not before")
		found(t, s, minute, noon, true, "it was made after the cut")
		wantSession(t, s, key("other"), noon, "it belongs to another account")
		ok(t, "CutSessions", s.CutSessions(ctx, "", noon))
		wantSession(t, s, key("none"), noon, "it belongs to no account, so no cut can end it")
	})

	t.Run("A-242 a cut ends what is there already, by whatever clock it was made", func(t *testing.T) {
		const ahead = 20 * minute // less than the sessions last: a new one takes expired ones with it
		s := made(t, -minute, 0, minute, ahead)
		other := aSession("ann", "other", noon.Add(2*ahead))
		other.AccountID = "globex"
		ok(t, "CreateSession", s.CreateSession(ctx, key("other"), other))
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon))
		for _, offset := range []time.Duration{-minute, 0, minute, ahead} {
			found(t, s, offset, noon, false, "it was there when the account was cut")
			found(t, s, offset, noon.Add(2*ahead), false, "it was there when the account was cut")
		}
		wantSession(t, s, key("other"), noon, "it belongs to another account")
		sign(t, s, ahead-minute, ahead+time.Microsecond)
		found(t, s, ahead-minute, noon, true, "it was made after the cut: a clock ahead must not shut the account")
		found(t, s, ahead+time.Microsecond, noon, true, "it was made after the cut")

		other.AccountID = "acme"
		ok(t, "RotateSession", s.RotateSession(ctx, key("other"), key("rotated"), other, noon))
		wantSession(t, s, key("rotated"), noon, "it came to the account after the cut, and was made after it")
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon))
		wantNoSession(t, s, key("rotated"), noon, "it was the account's when that was cut again")
		found(t, s, ahead+time.Microsecond, noon, false, "it was there when the account was cut again")
	})

	t.Run("A-242 sessions of 64 clocks do not survive a cut, nor where they are rotated meanwhile", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			account := fmt.Sprint("acme", round)
			one := func(i int) session.Session {
				made := aSession("ann", fmt.Sprint(account, i), noon.Add(time.Duration(shuffled(i, round))*time.Second))
				made.AccountID = account
				return made
			}
			together(func(i int) {
				if err := s.CreateSession(ctx, key(one(i).ID), one(i)); err != nil {
					t.Errorf("CreateSession = %v, want nil", err)
				}
			})
			together(func(i int) {
				if i == callers/2 {
					if err := s.CutSessions(ctx, account, noon); err != nil {
						t.Errorf("CutSessions = %v, want nil", err)
					}
				} else if err := s.RotateSession(ctx, key(one(i).ID), key(one(i).ID+" rotated"), one(i), noon); err != nil && !errors.Is(err, session.ErrNotFound) {
					t.Errorf("RotateSession = %v, want nil, or ErrNotFound once it is cut", err)
				}
			})
			for i := range callers {
				const why = "it was there when its account was cut: CutSessions must end what is there, wherever it has moved"
				wantNoSession(t, s, key(one(i).ID), noon, why)
				wantNoSession(t, s, key(one(i).ID+" rotated"), noon, why)
			}
		}
	})

	t.Run("a session made before the cut and written after it is not found", func(t *testing.T) {
		s := open(t)
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon))
		ok(t, "CreateSession", s.CreateSession(ctx, at(-minute), aSession("ann", (-minute).String(), noon.Add(-minute))))
		found(t, s, -minute, noon, false, "it was made before the cut")
	})

	t.Run("a cut moves forward only", func(t *testing.T) {
		s := made(t, 0)
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon.Add(2*minute)))
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon.Add(-minute)))
		sign(t, s, minute, 3*minute)
		found(t, s, 0, noon, false, "an earlier cut takes nothing back")
		found(t, s, minute, noon, false, "an earlier cut takes nothing back")
		found(t, s, 3*minute, noon, true, "it was made after both")
	})

	t.Run("an appointed cut comes by itself", func(t *testing.T) {
		s := made(t, 0, 10*minute, 11*minute)
		due := noon.Add(10 * minute)
		ok(t, "DueCut", s.DueCut(ctx, "acme", due, noon))
		found(t, s, 0, due.Add(-time.Microsecond), true, "the cut is not due yet")
		found(t, s, 0, due, false, "the cut is due")
		found(t, s, 10*minute, due, true, "it was made when the cut came, not before")
		found(t, s, 11*minute, due.Add(minute), true, "it was made after the cut")
	})

	t.Run("an appointment can be moved and taken back", func(t *testing.T) {
		s := made(t, 0)
		ok(t, "DueCut", s.DueCut(ctx, "acme", noon.Add(10*minute), noon))
		ok(t, "DueCut", s.DueCut(ctx, "acme", noon.Add(20*minute), noon.Add(minute)))
		found(t, s, 0, noon.Add(15*minute), true, "the cut was put off")
		ok(t, "DueCut", s.DueCut(ctx, "acme", time.Time{}, noon.Add(minute)))
		found(t, s, 0, noon.Add(30*minute), true, "the cut was called off")
		ok(t, "DueCut", s.DueCut(ctx, "nobody", time.Time{}, noon)) // there was none
	})

	t.Run("an appointment that has passed stays a cut", func(t *testing.T) {
		due := noon.Add(10 * minute)
		for name, next := range map[string]time.Time{"taken back": {}, "moved": noon.Add(60 * minute)} {
			s := made(t, 0, 10*minute)
			ok(t, "DueCut", s.DueCut(ctx, "acme", due, noon))
			ok(t, "DueCut", s.DueCut(ctx, "acme", next, due))
			found(t, s, 0, due, false, "the cut had come before the appointment was "+name)
			found(t, s, 10*minute, due.Add(minute), true, "it was made when the cut came")
		}
	})

	t.Run("the two cuts do not undo each other", func(t *testing.T) {
		s := made(t, 0)
		ok(t, "DueCut", s.DueCut(ctx, "acme", noon.Add(10*minute), noon))
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon.Add(minute)))
		sign(t, s, 5*minute)
		found(t, s, 0, noon.Add(2*minute), false, "an appointment does not undo a cut")
		found(t, s, 5*minute, noon.Add(9*minute), true, "the appointed cut is not due yet")
		found(t, s, 5*minute, noon.Add(10*minute), false, "a cut does not undo an appointment")
		ok(t, "DueCut", s.DueCut(ctx, "acme", time.Time{}, noon.Add(2*minute)))
		found(t, s, 0, noon.Add(2*minute), false, "to call off an appointment does not undo a cut")
	})

	t.Run("a session that is older than a cut of an account does not go there", func(t *testing.T) {
		s := made(t, 0)
		refused := func(account string, now time.Time, why string) {
			t.Helper()
			next := aSession("ann", "0s", noon)
			next.AccountID = account
			if err := s.RotateSession(ctx, at(0), key("rotated"), next, now); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("RotateSession(to %s) = %v, want session.ErrNotFound: %s", account, err, why)
			}
			wantNoSession(t, s, key("rotated"), now, why)
		}
		ok(t, "CutSessions", s.CutSessions(ctx, "globex", noon.Add(minute)))
		ok(t, "DueCut", s.DueCut(ctx, "initech", noon.Add(10*minute), noon))
		refused("globex", noon.Add(2*minute), "the sessions of that account were cut after it was made")
		found(t, s, 0, noon.Add(2*minute), true, "the rotation was refused, and must write nothing")
		refused("initech", noon.Add(10*minute), "the appointed cut of that account is due")
		found(t, s, 0, noon.Add(10*minute), true, "the rotation was refused, and must write nothing")
		next := aSession("ann", "0s", noon)
		next.AccountID = "initech"
		ok(t, "RotateSession", s.RotateSession(ctx, at(0), key("rotated"), next, noon.Add(10*minute-time.Microsecond)))
		wantSession(t, s, key("rotated"), noon, "the appointed cut was not due")
		wantNoSession(t, s, key("rotated"), noon.Add(10*minute), "it stands under the cuts of the account that it belongs to now")
	})

	t.Run("a session that was cut goes nowhere", func(t *testing.T) {
		s := made(t, 0)
		ok(t, "CutSessions", s.CutSessions(ctx, "acme", noon.Add(minute)))
		for _, account := range []string{"acme", "globex", ""} {
			next := aSession("ann", "0s", noon)
			next.AccountID = account
			if err := s.RotateSession(ctx, at(0), key("rotated"), next, noon.Add(minute)); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("RotateSession(to %q) = %v, want session.ErrNotFound: the session was cut with its account", account, err)
			}
			wantNoSession(t, s, key("rotated"), noon, "it was cut with its account: to leave that must not bring it back")
		}
	})

	t.Run("A-242 a session does not slip into an account while that is cut", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			account := fmt.Sprint("globex", round)
			one := func(i int) session.Session { return aSession("ann", fmt.Sprint(account, i), noon) }
			for i := range callers {
				ok(t, "CreateSession", s.CreateSession(ctx, key(one(i).ID), one(i)))
			}
			together(func(i int) {
				next := one(i)
				next.AccountID = account
				if i == callers/2 {
					if err := s.CutSessions(ctx, account, noon.Add(minute)); err != nil {
						t.Errorf("CutSessions = %v, want nil", err)
					}
				} else if err := s.RotateSession(ctx, key(next.ID), key(next.ID+" rotated"), next, noon.Add(minute)); err != nil && !errors.Is(err, session.ErrNotFound) {
					t.Errorf("RotateSession = %v, want nil, or ErrNotFound once the account is cut", err)
				}
			})
			for i := range callers {
				wantNoSession(t, s, key(one(i).ID+" rotated"), noon.Add(minute), "it was made before the account was cut, whether it came there before or after")
			}
			ok(t, "EndSessions", s.EndSessions(ctx, "ann", ""))
		}
	})

	t.Run("of many cuts the latest stays", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			account := fmt.Sprint("acme", round)
			together(func(i int) {
				if err := s.CutSessions(ctx, account, noon.Add(time.Duration(shuffled(i, round)+1)*minute)); err != nil {
					t.Errorf("CutSessions = %v, want nil", err)
				}
			})
			last := aSession("ann", "last", noon.Add(callers*minute-time.Microsecond))
			last.AccountID = account
			ok(t, "CreateSession", s.CreateSession(ctx, key(account), last))
			wantNoSession(t, s, key(account), noon, "of the cuts at the same moment one was later: CutSessions must compare and write in one step")
		}
	})

	t.Run("cuts and appointments at the same moment all count", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			account := fmt.Sprint("acme", round)
			together(func(i int) {
				var err error
				if i%2 == 0 {
					err = s.DueCut(ctx, account, noon.Add(10*minute), noon)
				} else {
					err = s.CutSessions(ctx, account, noon.Add(minute))
				}
				if err != nil {
					t.Errorf("DueCut or CutSessions = %v, want nil", err)
				}
			})
			for _, offset := range []time.Duration{0, 5 * minute} {
				one := aSession("ann", account+offset.String(), noon.Add(offset))
				one.AccountID = account
				ok(t, "CreateSession", s.CreateSession(ctx, key(one.ID), one))
			}
			const rule = ": each verb must change its own instant and nothing else"
			wantNoSession(t, s, key(account+"0s"), noon.Add(2*minute), "the account was cut while a cut was appointed"+rule)
			wantNoSession(t, s, key(account+"5m0s"), noon.Add(10*minute), "a cut was appointed while the account was cut"+rule)
		}
	})
}
