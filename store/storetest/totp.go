package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func aTOTP(userID, id string) mfa.TOTPRecord {
	return mfa.TOTPRecord{UserID: userID, ID: id, Sealed: []byte("\x00\xff sealed secret of " + id), Since: noon, LastStep: 59_000_000}
}

// strict closes after three wrong codes, and for good after seven.
var strict = mfa.Budget{Burst: 3, Pause: 15 * time.Minute, Limit: 7, Lock: 24 * time.Hour}

// patient never closes in a test.
var patient = mfa.Budget{Burst: 1 << 30, Limit: 1 << 30}

func sameTries(a, b mfa.Tries) bool { return a.Count == b.Count && a.ClosedTo.Equal(b.ClosedTo) }

func sameTOTP(a, b mfa.TOTPRecord) bool {
	return a.UserID == b.UserID && a.ID == b.ID && bytes.Equal(a.Sealed, b.Sealed) && a.Since.Equal(b.Since) &&
		a.LastStep == b.LastStep && sameTries(a.Tries, b.Tries) && a.ResetAsked.Equal(b.ResetAsked)
}

// totpSuite has the steps that several tests of TOTP share.
type totpSuite struct {
	open func(t *testing.T) mfa.TOTPStore
}

// with opens a store with one app.
func (totpSuite) with(t *testing.T, s mfa.TOTPStore, r mfa.TOTPRecord) mfa.TOTPStore {
	t.Helper()
	ok(t, "ReplaceTOTP", s.ReplaceTOTP(context.Background(), "", r))
	return s
}

// spend makes one try, which must be counted, and answers the record.
func (totpSuite) spend(t *testing.T, s mfa.TOTPStore, userID string) mfa.TOTPRecord {
	t.Helper()
	r, closedTo, err := s.SpendTOTP(context.Background(), userID, patient, noon)
	ok(t, "SpendTOTP", err)
	if !closedTo.IsZero() {
		t.Fatalf("SpendTOTP = closed to %v, want the try counted", closedTo)
	}
	return r
}

// wantRecord makes a try and compares everything but the tries.
func (u totpSuite) wantRecord(t *testing.T, s mfa.TOTPStore, want mfa.TOTPRecord, why string) {
	t.Helper()
	got := u.spend(t, s, want.UserID)
	want.Tries = got.Tries
	if !sameTOTP(got, want) {
		t.Errorf("SpendTOTP = %+v, want %+v: %s", got, want, why)
	}
}

func (totpSuite) wantNone(t *testing.T, s mfa.TOTPStore, userID, why string) {
	t.Helper()
	if got, err := s.TOTP(context.Background(), userID); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("TOTP = %+v, %v, want mfa.ErrNotFound: %s", got, err, why)
	}
	if got, _, err := s.SpendTOTP(context.Background(), userID, patient, noon); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("SpendTOTP = %+v, %v, want mfa.ErrNotFound: %s", got, err, why)
	}
}

func (totpSuite) wantAdvance(t *testing.T, s mfa.TOTPStore, userID, id string, step int64, want bool, why string) {
	t.Helper()
	if got, err := s.AdvanceTOTP(context.Background(), userID, id, step); err != nil || got != want {
		t.Errorf("AdvanceTOTP(%s, step %d) = %v, %v, want %v: %s", id, step, got, err, want, why)
	}
}

// TOTP tries an mfa.TOTPStore. open answers an empty one each time.
func TOTP(t *testing.T, open func(t *testing.T) mfa.TOTPStore) {
	u := totpSuite{open}
	t.Run("there is none before the first app", u.none)
	t.Run("what was written is found", u.found)
	t.Run("what was written does not change with the caller's bytes", u.bytes)
	t.Run("A-194 each try is charged by the budget, and what is closed gives no secret away", u.budget)
	t.Run("A-194 a status is no try", u.status)
	t.Run("A-194 tries at the same moment do not share one attempt", u.budgetRace)
	t.Run("A-193 a time step is accepted once, and steps only go up", u.steps)
	t.Run("A-193 one caller gets a time step", u.stepRace)
	t.Run("A-193 of many time steps the highest stays", u.highestStep)
	t.Run("A-193 a try at the same moment does not take a step back", u.stepAndTries)
	t.Run("an accepted code starts the tries over and calls off a reset", u.startsOver)
	t.Run("an app is replaced by who knows which one stands", u.replace)
	t.Run("one caller sets up the first app", u.firstRace)
	t.Run("one caller replaces an app", u.replaceRace)
	t.Run("what is tried at the old app writes nothing over the new one", u.replaceAndTries)
	t.Run("an app is deleted by its ID", u.delete)
	t.Run("an app that is deleted while it is tried is gone", u.deleteAndTries)
	t.Run("a reset that was asked for stands until it is renewed", u.reset)
	t.Run("of many who ask for a reset the first stands", u.resetRace)
}

func (u totpSuite) none(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	u.wantNone(t, s, "ann", "nobody has an app")
	u.wantAdvance(t, s, "ann", "app", 1, false, "there is no app")
	u.wantAdvance(t, s, "ann", "", 1, false, "there is no app")
	if err := s.DeleteTOTP(ctx, "ann", "app"); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("DeleteTOTP(no app) = %v, want mfa.ErrNotFound", err)
	}
	if _, err := s.AskTOTPReset(ctx, "ann", "app", noon, noon); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("AskTOTPReset(no app) = %v, want mfa.ErrNotFound", err)
	}
	if err := s.ReplaceTOTP(ctx, "app", aTOTP("ann", "new")); !errors.Is(err, mfa.ErrConflict) {
		t.Errorf("ReplaceTOTP(an app that is not there) = %v, want mfa.ErrConflict", err)
	}
	u.wantNone(t, s, "ann", "none of these makes an app")
}

func (u totpSuite) found(t *testing.T) {
	full := aTOTP("ann", "app")
	full.Tries, full.ResetAsked = mfa.Tries{Count: 4}, noon.Add(-time.Hour)
	s := u.with(t, u.open(t), full)
	status, err := s.TOTP(context.Background(), "ann")
	if err != nil || status.ID != "app" || !status.Since.Equal(full.Since) || !status.ResetAsked.Equal(full.ResetAsked) {
		t.Errorf("TOTP = %+v, %v, want ID, Since and ResetAsked of %+v", status, err, full)
	}
	full.Tries.Count++
	if got := u.spend(t, s, "ann"); !sameTOTP(got, full) {
		t.Errorf("SpendTOTP = %+v, want %+v: the record as it stands after the try", got, full)
	}
	u.wantNone(t, s, "bob", "it is another person's app")
	u.with(t, s, aTOTP("bob", "app"))
	u.wantRecord(t, s, aTOTP("bob", "app"), "everybody has an app of their own")
	if status, err = s.TOTP(context.Background(), "bob"); err != nil || !status.ResetAsked.IsZero() {
		t.Errorf("TOTP = %+v, %v, want a zero ResetAsked: nobody asked", status, err)
	}
}

func (u totpSuite) bytes(t *testing.T) {
	r := aTOTP("ann", "app")
	s := u.with(t, u.open(t), r)
	r.Sealed[0] = 'X'
	got := u.spend(t, s, "ann")
	if len(got.Sealed) > 1 {
		got.Sealed[1] = 'X'
	}
	u.wantRecord(t, s, aTOTP("ann", "app"), "a caller changed its own bytes")
}

func (u totpSuite) budget(t *testing.T) {
	s, ctx := u.with(t, u.open(t), aTOTP("ann", "app")), context.Background()
	u.with(t, s, aTOTP("bob", "app"))
	tryBudget(t, "SpendTOTP", func(b mfa.Budget, now time.Time) (time.Time, error) {
		r, closedTo, err := s.SpendTOTP(ctx, "ann", b, now)
		if !closedTo.IsZero() && len(r.Sealed) > 0 {
			t.Errorf("SpendTOTP (closed to %v) answers the secret, want none: what is closed must not be looked at", closedTo)
		}
		if closedTo.IsZero() && !bytes.Equal(r.Sealed, aTOTP("ann", "app").Sealed) {
			t.Errorf("SpendTOTP (counted) = %+v, want the secret", r)
		}
		return closedTo, err
	})
	if got := u.spend(t, s, "bob"); got.Tries.Count != 1 {
		t.Errorf("SpendTOTP (another person's first try) = try %d, want 1: everybody has tries of their own", got.Tries.Count)
	}
}

// tryBudget makes tries over some days and compares each answer with what the arithmetic of Budget says.
func tryBudget(t *testing.T, verb string, spend func(b mfa.Budget, now time.Time) (closedTo time.Time, err error)) {
	t.Helper()
	var stands mfa.Tries
	for i, after := range []time.Duration{
		0, 0, time.Second, time.Minute, time.Minute, -time.Hour, 15*time.Minute - time.Microsecond, // closed by the third
		16 * time.Minute, 17 * time.Minute, 18 * time.Minute, 19 * time.Minute, // closed by the sixth
		time.Hour, 2 * time.Hour, 24 * time.Hour, // closed for a day by the seventh
		25 * time.Hour, 25 * time.Hour, 25 * time.Hour, 25 * time.Hour, // starts over
	} {
		now := noon.Add(after)
		var want time.Time
		stands, want = strict.Charge(stands, now)
		if got, err := spend(strict, now); err != nil || !got.Equal(want) {
			t.Errorf("%s (call %d, %v after noon) = closed to %v, %v, want %v as Budget.Charge says: a try that counts is written, and one that does not is not",
				verb, i+1, after, got, err, want)
		}
	}
}

func (u totpSuite) status(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	for range 20 {
		_, err := s.TOTP(context.Background(), "ann")
		ok(t, "TOTP", err)
	}
	if got := u.spend(t, s, "ann"); got.Tries.Count != 1 {
		t.Errorf("SpendTOTP after reading the status 20 times = try %d, want 1: TOTP charges nothing", got.Tries.Count)
	}
}

func (u totpSuite) budgetRace(t *testing.T) {
	s := u.open(t)
	for round := range rounds { // a store that opens connections as they are needed has them after the first
		userID := fmt.Sprint("ann", round)
		u.with(t, s, aTOTP(userID, "app"))
		read := raceBudget(t, "SpendTOTP", func(b mfa.Budget) (bool, error) {
			r, _, err := s.SpendTOTP(context.Background(), userID, b, noon)
			return len(r.Sealed) > 0, err
		})
		if read != 5 {
			t.Errorf("%d callers read the secret %d times, want 5: SpendTOTP must count and read in one step", callers, read)
		}
	}
}

// raceBudget makes 64 tries at the same moment where five are left, and answers how many got to see what is guessed at.
func raceBudget(t *testing.T, verb string, spend func(b mfa.Budget) (read bool, err error)) int {
	t.Helper()
	return trues(t, verb, func(int) (bool, error) { return spend(mfa.Budget{Burst: 5}) })
}

func (u totpSuite) steps(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	u.with(t, s, aTOTP("bob", "other"))
	first := aTOTP("ann", "app").LastStep
	u.wantAdvance(t, s, "ann", "app", first, false, "it is the step of the set-up code")
	u.wantAdvance(t, s, "ann", "app", first-1, false, "steps only go up")
	u.wantAdvance(t, s, "ann", "other", first+1, false, "it is another app")
	u.wantAdvance(t, s, "bob", "app", first+1, false, "it is another person's app")
	u.wantAdvance(t, s, "ann", "app", first+2, true, "it is a new step")
	u.wantAdvance(t, s, "ann", "app", first+2, false, "it was accepted already")
	u.wantAdvance(t, s, "ann", "app", first+1, false, "steps only go up, also past one that nobody used")
	want := aTOTP("ann", "app")
	want.LastStep = first + 2
	u.wantRecord(t, s, want, "only LastStep moves")
	u.wantRecord(t, s, aTOTP("bob", "other"), "nothing was accepted of Bob's app")
}

func (u totpSuite) stepRace(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	step := aTOTP("ann", "app").LastStep
	for range rounds {
		step++
		won := trues(t, "AdvanceTOTP", func(int) (bool, error) { return s.AdvanceTOTP(context.Background(), "ann", "app", step) })
		if won != 1 {
			t.Errorf("%d callers had one time step accepted %d times, want 1: AdvanceTOTP must compare and write in one step", callers, won)
		}
	}
}

func (u totpSuite) highestStep(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	base := aTOTP("ann", "app").LastStep
	for round := range rounds {
		trues(t, "AdvanceTOTP", func(i int) (bool, error) {
			return s.AdvanceTOTP(context.Background(), "ann", "app", base+int64(shuffled(i, round)+1))
		})
		base += callers
		if got := u.spend(t, s, "ann"); got.LastStep != base {
			t.Errorf("after %d callers with a step each LastStep = %d, want the highest, %d: AdvanceTOTP must compare and write in one step, or a used code is good again",
				callers, got.LastStep, base)
		}
	}
}

func (u totpSuite) stepAndTries(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	step := aTOTP("ann", "app").LastStep
	for range rounds {
		step++
		together(func(i int) {
			var err error
			if i == callers/2 {
				_, err = s.AdvanceTOTP(context.Background(), "ann", "app", step)
			} else {
				_, _, err = s.SpendTOTP(context.Background(), "ann", patient, noon)
			}
			if err != nil {
				t.Errorf("AdvanceTOTP or SpendTOTP = %v, want nil", err)
			}
		})
		u.wantAdvance(t, s, "ann", "app", step, false, "it was accepted while others tried: SpendTOTP must write the tries and nothing else")
	}
}

func (u totpSuite) startsOver(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	r := aTOTP("ann", "app")
	r.Tries, r.ResetAsked = mfa.Tries{Count: 3, ClosedTo: noon.Add(time.Hour)}, noon
	u.with(t, s, r)
	u.wantAdvance(t, s, "ann", "app", r.LastStep, false, "it was accepted already")
	if _, closedTo, err := s.SpendTOTP(ctx, "ann", strict, noon); err != nil || !closedTo.Equal(r.Tries.ClosedTo) {
		t.Errorf("SpendTOTP = closed to %v, %v, want %v: a step that was not accepted opens nothing", closedTo, err, r.Tries.ClosedTo)
	}
	if status, err := s.TOTP(ctx, "ann"); err != nil || !status.ResetAsked.Equal(noon) {
		t.Errorf("TOTP = %+v, %v, want the reset asked for still: a step that was not accepted calls nothing off", status, err)
	}
	u.wantAdvance(t, s, "ann", "app", r.LastStep+1, true, "it is a new step")
	if status, err := s.TOTP(ctx, "ann"); err != nil || !status.ResetAsked.IsZero() {
		t.Errorf("TOTP = %+v, %v, want a zero ResetAsked: whoever has the app needs no reset", status, err)
	}
	want := mfa.Tries{Count: 1}
	if got, closedTo, err := s.SpendTOTP(ctx, "ann", strict, noon); err != nil || !closedTo.IsZero() || !sameTries(got.Tries, want) {
		t.Errorf("SpendTOTP after an accepted code = %+v, closed to %v, %v, want %+v: the tries start over", got.Tries, closedTo, err, want)
	}
}

func (u totpSuite) replace(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	first := aTOTP("ann", "first")
	first.Tries, first.ResetAsked = mfa.Tries{Count: 7}, noon
	u.with(t, s, first)
	second := aTOTP("ann", "second")
	second.Since, second.LastStep = noon.Add(time.Hour), first.LastStep-5
	for _, old := range []string{"", "second", "other"} {
		if err := s.ReplaceTOTP(ctx, old, second); !errors.Is(err, mfa.ErrConflict) {
			t.Errorf("ReplaceTOTP(%q where first stands) = %v, want mfa.ErrConflict", old, err)
		}
	}
	u.wantRecord(t, s, first, "a conflict writes nothing")
	u.with(t, s, aTOTP("bob", "bobs"))
	ok(t, "ReplaceTOTP", s.ReplaceTOTP(ctx, "first", second))
	got := u.spend(t, s, "ann")
	if want := second; got.Tries.Count != 1 || got.ID != want.ID {
		t.Errorf("SpendTOTP = app %s, try %d, want second, 1: the new app brings its own tries", got.ID, got.Tries.Count)
	}
	u.wantRecord(t, s, second, "the new app stands, with nothing of the old one")
	u.wantRecord(t, s, aTOTP("bob", "bobs"), "it is another person's app")
	if err := s.ReplaceTOTP(ctx, "first", aTOTP("ann", "third")); !errors.Is(err, mfa.ErrConflict) {
		t.Errorf("ReplaceTOTP(first where second stands) = %v, want mfa.ErrConflict", err)
	}
	u.wantAdvance(t, s, "ann", "first", second.LastStep+10, false, "the old app's codes count for nothing")
}

func (u totpSuite) firstRace(t *testing.T) {
	s := u.open(t)
	for round := range rounds {
		u.raceReplace(t, s, fmt.Sprint("ann", round), "")
	}
}

func (u totpSuite) replaceRace(t *testing.T) {
	s := u.with(t, u.open(t), aTOTP("ann", "app"))
	old := "app"
	for range rounds {
		old = u.raceReplace(t, s, "ann", old)
	}
}

// raceReplace lets 64 callers replace one app, and answers which stands then.
func (u totpSuite) raceReplace(t *testing.T, s mfa.TOTPStore, userID, old string) string {
	t.Helper()
	var mu sync.Mutex
	winner := ""
	conflict := func(err error) bool { return errors.Is(err, mfa.ErrConflict) }
	won := winners(t, "ReplaceTOTP", conflict, func(i int) error {
		id := fmt.Sprint(old, ".", i)
		err := s.ReplaceTOTP(context.Background(), old, aTOTP(userID, id))
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			winner = id
		}
		return err
	})
	stands, err := s.TOTP(context.Background(), userID)
	if err != nil || won != 1 || stands.ID != winner {
		t.Errorf("%d callers replaced one app %d times, the last of them with %s, and %s stands (%v), want one winner, whose app stands: ReplaceTOTP must compare the ID and write in one step",
			callers, won, winner, stands.ID, err)
	}
	return stands.ID
}

func (u totpSuite) replaceAndTries(t *testing.T) {
	s, ctx := u.with(t, u.open(t), aTOTP("ann", "app 0")), context.Background()
	for round := range rounds {
		old, next := fmt.Sprint("app ", round), aTOTP("ann", fmt.Sprint("app ", round+1))
		together(func(i int) {
			var err error
			switch {
			case i == callers/2:
				err = s.ReplaceTOTP(ctx, old, next)
			case i%3 == 0:
				_, _, err = s.SpendTOTP(ctx, "ann", patient, noon)
			case i%3 == 1:
				_, err = s.AdvanceTOTP(ctx, "ann", old, next.LastStep+int64(i)+1)
			default:
				if _, err = s.AskTOTPReset(ctx, "ann", old, noon, noon); errors.Is(err, mfa.ErrNotFound) {
					err = nil
				}
			}
			if err != nil {
				t.Errorf("ReplaceTOTP, SpendTOTP, AdvanceTOTP or AskTOTPReset = %v, want nil", err)
			}
		})
		u.wantRecord(t, s, next, "the app was replaced while the old one was tried: each verb must change only the app that it found, where it still stands")
	}
}

func (u totpSuite) delete(t *testing.T) {
	s, ctx := u.with(t, u.open(t), aTOTP("ann", "app")), context.Background()
	u.with(t, s, aTOTP("bob", "bobs"))
	gone := func(err error) bool { return errors.Is(err, mfa.ErrNotFound) }
	for userID, id := range map[string]string{"ann": "other", "bob": "app", "eve": "app"} {
		if err := s.DeleteTOTP(ctx, userID, id); !gone(err) {
			t.Errorf("DeleteTOTP(%s, %s) = %v, want mfa.ErrNotFound: the person has no such app", userID, id, err)
		}
	}
	u.wantRecord(t, s, aTOTP("ann", "app"), "nobody deleted it")
	if won := winners(t, "DeleteTOTP", gone, func(int) error { return s.DeleteTOTP(ctx, "ann", "app") }); won != 1 {
		t.Errorf("%d callers deleted one app %d times, want 1: DeleteTOTP must delete and answer in one step", callers, won)
	}
	u.wantNone(t, s, "ann", "it was deleted")
	u.wantRecord(t, s, aTOTP("bob", "bobs"), "it is another person's app")
	ok(t, "ReplaceTOTP", s.ReplaceTOTP(ctx, "", aTOTP("ann", "app")))
}

func (u totpSuite) deleteAndTries(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.with(t, s, aTOTP(userID, "app"))
		together(func(i int) {
			var err error
			switch {
			case i == callers/2:
				err = s.DeleteTOTP(ctx, userID, "app")
			case i%3 == 0:
				_, _, err = s.SpendTOTP(ctx, userID, patient, noon)
			case i%3 == 1:
				_, err = s.AdvanceTOTP(ctx, userID, "app", aTOTP(userID, "app").LastStep+int64(i)+1)
			default:
				_, err = s.AskTOTPReset(ctx, userID, "app", noon, noon)
			}
			if err != nil && !errors.Is(err, mfa.ErrNotFound) {
				t.Errorf("DeleteTOTP, SpendTOTP, AdvanceTOTP or AskTOTPReset = %v, want nil or mfa.ErrNotFound", err)
			}
		})
		u.wantNone(t, s, userID, "it was deleted while it was tried: each verb must change a record only where it still stands")
	}
}

func (u totpSuite) reset(t *testing.T) {
	s, ctx := u.with(t, u.open(t), aTOTP("ann", "app")), context.Background()
	ask := func(renew, now, want time.Time, why string) {
		t.Helper()
		if got, err := s.AskTOTPReset(ctx, "ann", "app", renew, now); err != nil || !got.Equal(want) {
			t.Errorf("AskTOTPReset(renew %v, now %v) = %v, %v, want %v: %s", renew, now, got, err, want, why)
		}
		if status, err := s.TOTP(ctx, "ann"); err != nil || !status.ResetAsked.Equal(want) {
			t.Errorf("TOTP = %+v, %v, want ResetAsked %v: %s", status, err, want, why)
		}
	}
	const day = 24 * time.Hour
	ask(time.Time{}, noon, noon, "nobody had asked")
	ask(noon.Add(-day), noon.Add(time.Hour), noon, "who asks again does not put it off")
	ask(noon, noon.Add(day), noon, "somebody has asked since noon: at noon")
	ask(noon.Add(time.Microsecond), noon.Add(2*day), noon.Add(2*day), "the asking was older than that, so it is a new one")
	ask(noon, noon.Add(3*day), noon.Add(2*day), "the new one stands")
	for userID, id := range map[string]string{"ann": "other", "bob": "app"} {
		if _, err := s.AskTOTPReset(ctx, userID, id, noon.Add(9*day), noon.Add(9*day)); !errors.Is(err, mfa.ErrNotFound) {
			t.Errorf("AskTOTPReset(%s, %s) = %v, want mfa.ErrNotFound: the person has no such app", userID, id, err)
		}
	}
	want := aTOTP("ann", "app")
	want.ResetAsked = noon.Add(2 * day)
	u.wantRecord(t, s, want, "an asking changes nothing else")
}

func (u totpSuite) resetRace(t *testing.T) {
	s := u.open(t)
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.with(t, s, aTOTP(userID, "app"))
		var mu sync.Mutex
		told := map[time.Time]bool{}
		together(func(i int) {
			asked, err := s.AskTOTPReset(context.Background(), userID, "app", noon, noon.Add(time.Duration(shuffled(i, round))*time.Second))
			if err != nil {
				t.Errorf("AskTOTPReset = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[asked.UTC()] = true
		})
		status, err := s.TOTP(context.Background(), userID)
		if err != nil || len(told) != 1 || !told[status.ResetAsked.UTC()] {
			t.Errorf("%d callers who asked for a reset were told %d instants, and %v stands (%v), want one and the same: AskTOTPReset must look and write in one step",
				callers, len(told), status.ResetAsked, err)
		}
	}
}
