package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

// setSize is how many codes a set has in these tests.
const setSize = 8

// mac makes the MAC of one code of a set.
func mac(set string, i int) [32]byte { return key(fmt.Sprint(set, " code ", i)) }

func aSet(id string) mfa.RecoverySet {
	set := mfa.RecoverySet{ID: id, MadeAt: noon}
	for i := range setSize {
		set.MACs = append(set.MACs, mac(id, i))
	}
	return set
}

// recoverySuite has the steps that several tests of Recovery share.
type recoverySuite struct {
	open func(t *testing.T) mfa.RecoveryStore
}

func (recoverySuite) give(t *testing.T, s mfa.RecoveryStore, userID string, set mfa.RecoverySet) {
	t.Helper()
	ok(t, "ReplaceRecovery", s.ReplaceRecovery(context.Background(), userID, set))
}

// wantSet makes a try and compares what it answers with a set of which some codes were used at noon.
func (recoverySuite) wantSet(t *testing.T, s mfa.RecoveryStore, userID string, want mfa.RecoverySet, used int, why string) {
	t.Helper()
	id, codes, closedTo, err := s.SpendRecovery(context.Background(), userID, patient, noon)
	if err != nil || !closedTo.IsZero() {
		t.Fatalf("SpendRecovery = closed to %v, %v, want the try counted", closedTo, err)
	}
	if problem := differsFrom(id, codes, want, used); problem != "" {
		t.Errorf("SpendRecovery: %s: %s", problem, why)
	}
	if left, err := s.RecoveryLeft(context.Background(), userID); err != nil || left != len(want.MACs)-used {
		t.Errorf("RecoveryLeft = %d, %v, want %d: %s", left, err, len(want.MACs)-used, why)
	}
}

// differsFrom tells in what an answer of SpendRecovery is not the set with so many codes used at noon; empty: in nothing.
func differsFrom(id string, codes []mfa.RecoveryCode, want mfa.RecoverySet, used int) string {
	if id != want.ID || len(codes) != len(want.MACs) {
		return fmt.Sprintf("set %s with %d codes, want set %s with %d", id, len(codes), want.ID, len(want.MACs))
	}
	got := map[[32]byte]bool{}
	spent := 0
	for _, c := range codes {
		got[c.MAC] = true
		if c.UsedAt.Equal(noon) {
			spent++
		} else if !c.UsedAt.IsZero() {
			return fmt.Sprintf("a code was used at %v, want noon or never", c.UsedAt)
		}
	}
	for i, m := range want.MACs {
		if !got[m] {
			return fmt.Sprintf("code %d of set %s is not in it", i, want.ID)
		}
	}
	if spent != used {
		return fmt.Sprintf("%d codes are used, want %d", spent, used)
	}
	return ""
}

func (recoverySuite) wantNone(t *testing.T, s mfa.RecoveryStore, userID, why string) {
	t.Helper()
	if id, codes, _, err := s.SpendRecovery(context.Background(), userID, patient, noon); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("SpendRecovery = set %q, %d codes, %v, want mfa.ErrNotFound: %s", id, len(codes), err, why)
	}
	if left, err := s.RecoveryLeft(context.Background(), userID); err != nil || left != 0 {
		t.Errorf("RecoveryLeft = %d, %v, want 0 and no error: %s", left, err, why)
	}
}

func (recoverySuite) wantConsume(t *testing.T, s mfa.RecoveryStore, userID, setID string, m [32]byte, want bool, why string) {
	t.Helper()
	if got, err := s.ConsumeRecovery(context.Background(), userID, setID, m, noon); err != nil || got != want {
		t.Errorf("ConsumeRecovery(%s, set %s) = %v, %v, want %v: %s", userID, setID, got, err, want, why)
	}
}

// Recovery tries an mfa.RecoveryStore. open answers an empty one each time.
func Recovery(t *testing.T, open func(t *testing.T) mfa.RecoveryStore) {
	u := recoverySuite{open}
	t.Run("there are none before the first set", u.none)
	t.Run("what was given is found", u.found)
	t.Run("A-214 a new set ends the old one", u.replace)
	t.Run("an empty set leaves no codes", u.empty)
	t.Run("A-214 a code is used once", u.consume)
	t.Run("A-214 each try is charged by the budget, and what is closed gives no codes away", u.budget)
	t.Run("a used code and a new set start the tries over", u.startsOver)
	t.Run("A-214 tries at the same moment do not share one attempt", u.budgetRace)
	t.Run("A-214 one caller uses a code", u.consumeRace)
	t.Run("A-214 codes used at the same moment all stay used", u.consumeAll)
	t.Run("A-214 a try at the same moment does not give a code back", u.consumeAndTries)
	t.Run("A-214 a code that is used while a new set is given changes nothing of the new set", u.consumeAndReplace)
	t.Run("of many sets at the same moment one stands, and all of it", u.replaceRace)
}

func (u recoverySuite) none(t *testing.T) {
	s := u.open(t)
	u.wantNone(t, s, "ann", "nobody has codes")
	u.wantConsume(t, s, "ann", "set", mac("set", 0), false, "nobody has codes")
	u.wantConsume(t, s, "ann", "", [32]byte{}, false, "nobody has codes")
	u.wantNone(t, s, "ann", "none of these makes codes")
}

func (u recoverySuite) found(t *testing.T) {
	s := u.open(t)
	set := aSet("set")
	u.give(t, s, "ann", set)
	set.MACs[0] = key("changed") // a caller may change its own slice
	u.wantSet(t, s, "ann", aSet("set"), 0, "it was given")
	u.wantNone(t, s, "bob", "it is another person's set")
	u.give(t, s, "bob", aSet("set"))
	u.wantConsume(t, s, "bob", "set", mac("set", 0), true, "it is his code too")
	u.wantSet(t, s, "ann", aSet("set"), 0, "everybody has codes of their own")
	_, codes, _, err := s.SpendRecovery(context.Background(), "ann", patient, noon)
	ok(t, "SpendRecovery", err)
	for i := range codes {
		codes[i].UsedAt = noon
	}
	u.wantSet(t, s, "ann", aSet("set"), 0, "a caller changed its own slice")
}

func (u recoverySuite) replace(t *testing.T) {
	s := u.open(t)
	u.give(t, s, "ann", aSet("old"))
	u.wantConsume(t, s, "ann", "old", mac("old", 0), true, "it is a code of the set")
	next := aSet("new")
	next.MACs = append(next.MACs[:setSize-2], mac("old", 0), mac("old", 1)) // which chance does not do
	u.give(t, s, "ann", next)
	u.wantSet(t, s, "ann", next, 0, "the old set is gone, and what was used of it")
	u.wantConsume(t, s, "ann", "old", mac("old", 2), false, "the old set is gone")
	u.wantConsume(t, s, "ann", "old", mac("old", 1), false, "it is a code of the new set, and was found in the old one")
	u.wantConsume(t, s, "ann", "new", mac("old", 2), false, "the new set has no such code")
	u.wantSet(t, s, "ann", next, 0, "nothing of it was used")
}

func (u recoverySuite) empty(t *testing.T) {
	s := u.open(t)
	u.give(t, s, "ann", mfa.RecoverySet{})
	u.wantNone(t, s, "ann", "an empty set is none")
	u.give(t, s, "ann", aSet("set"))
	u.give(t, s, "bob", aSet("set"))
	u.give(t, s, "ann", mfa.RecoverySet{ID: "empty", MadeAt: noon})
	u.wantNone(t, s, "ann", "an empty set is none")
	u.wantConsume(t, s, "ann", "set", mac("set", 0), false, "the codes were taken away")
	u.wantSet(t, s, "bob", aSet("set"), 0, "it is another person's set")
}

func (u recoverySuite) consume(t *testing.T) {
	s := u.open(t)
	u.give(t, s, "ann", aSet("set"))
	u.wantConsume(t, s, "bob", "set", mac("set", 0), false, "it is another person's code")
	u.wantConsume(t, s, "ann", "other", mac("set", 0), false, "it is no code of that set")
	u.wantConsume(t, s, "ann", "set", mac("other", 0), false, "the set has no such code")
	u.wantSet(t, s, "ann", aSet("set"), 0, "nothing was used")
	for i := range setSize {
		u.wantConsume(t, s, "ann", "set", mac("set", i), true, "it was not used yet")
		u.wantConsume(t, s, "ann", "set", mac("set", i), false, "it was used")
		u.wantSet(t, s, "ann", aSet("set"), i+1, "used codes are answered too, and counted no more")
	}
}

func (u recoverySuite) budget(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	u.give(t, s, "ann", aSet("set"))
	u.give(t, s, "bob", aSet("set"))
	tryBudget(t, "SpendRecovery", func(b mfa.Budget, now time.Time) (time.Time, error) {
		_, codes, closedTo, err := s.SpendRecovery(ctx, "ann", b, now)
		if closedTo.IsZero() != (len(codes) == setSize) {
			t.Errorf("SpendRecovery (closed to %v) answers %d codes, want them where the try was counted and none else", closedTo, len(codes))
		}
		return closedTo, err
	})
	if _, _, closedTo, err := s.SpendRecovery(ctx, "bob", strict, noon); err != nil || !closedTo.IsZero() {
		t.Errorf("SpendRecovery (another person's first try) = closed to %v, %v, want it counted: everybody has tries of their own", closedTo, err)
	}
}

func (u recoverySuite) startsOver(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	u.give(t, s, "ann", aSet("set"))
	// try makes tries until no more count, and answers how many did.
	try := func() int {
		t.Helper()
		for n := range 10 {
			_, _, closedTo, err := s.SpendRecovery(ctx, "ann", strict, noon)
			ok(t, "SpendRecovery", err)
			if !closedTo.IsZero() {
				return n
			}
		}
		t.Fatal("SpendRecovery counted 10 tries of 3")
		return 0
	}
	try()
	u.wantConsume(t, s, "ann", "set", mac("other", 0), false, "the set has no such code")
	if n := try(); n != 0 {
		t.Errorf("after a code that was not used %d tries count, want 0: it opens nothing", n)
	}
	u.wantConsume(t, s, "ann", "set", mac("set", 0), true, "it was found before the tries were used up")
	if n := try(); n != 3 {
		t.Errorf("after a code was used %d tries count, want 3: they start over", n)
	}
	u.wantConsume(t, s, "ann", "set", mac("set", 0), false, "it was used")
	if n := try(); n != 0 {
		t.Errorf("after a code that was used already %d tries count, want 0: it opens nothing", n)
	}
	u.give(t, s, "ann", aSet("new"))
	if n := try(); n != 3 {
		t.Errorf("after a new set %d tries count, want 3: they start over", n)
	}
}

func (u recoverySuite) budgetRace(t *testing.T) {
	s := u.open(t)
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.give(t, s, userID, aSet("set"))
		read := raceBudget(t, "SpendRecovery", func(b mfa.Budget) (bool, error) {
			_, codes, _, err := s.SpendRecovery(context.Background(), userID, b, noon)
			return len(codes) > 0, err
		})
		if read != 5 {
			t.Errorf("%d callers read the codes %d times, want 5: SpendRecovery must count and read in one step", callers, read)
		}
	}
}

func (u recoverySuite) consumeRace(t *testing.T) {
	s := u.open(t)
	u.give(t, s, "ann", aSet("set"))
	for i := range setSize {
		won := trues(t, "ConsumeRecovery", func(int) (bool, error) {
			return s.ConsumeRecovery(context.Background(), "ann", "set", mac("set", i), noon)
		})
		if won != 1 {
			t.Errorf("%d callers used one code %d times, want 1: ConsumeRecovery must look and write in one step", callers, won)
		}
	}
	u.wantSet(t, s, "ann", aSet("set"), setSize, "all were used")
}

func (u recoverySuite) consumeAll(t *testing.T) {
	s := u.open(t)
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.give(t, s, userID, aSet("set"))
		won := trues(t, "ConsumeRecovery", func(i int) (bool, error) {
			return s.ConsumeRecovery(context.Background(), userID, "set", mac("set", i%setSize), noon)
		})
		if won != setSize {
			t.Errorf("%d callers used %d codes %d times, want each once: ConsumeRecovery must look and write in one step", callers, setSize, won)
		}
		u.wantSet(t, s, userID, aSet("set"), setSize, "all were used: ConsumeRecovery must change one code and no other")
	}
}

func (u recoverySuite) consumeAndTries(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	u.give(t, s, "ann", aSet("set"))
	for i := range setSize {
		used := trues(t, "ConsumeRecovery", func(caller int) (bool, error) {
			if caller == callers/2 {
				return s.ConsumeRecovery(ctx, "ann", "set", mac("set", i), noon)
			}
			_, _, _, err := s.SpendRecovery(ctx, "ann", patient, noon)
			return false, err
		})
		if used != 1 {
			t.Errorf("ConsumeRecovery = true %d times while others tried, want once", used)
		}
		u.wantSet(t, s, "ann", aSet("set"), i+1, "it was used while others tried: SpendRecovery must write the tries and nothing else")
	}
}

func (u recoverySuite) consumeAndReplace(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.give(t, s, userID, aSet("old"))
		next := aSet("new")
		next.MACs = append(next.MACs[1:], mac("old", 0)) // which chance does not do
		trues(t, "ConsumeRecovery", func(i int) (bool, error) {
			if i == callers/2 {
				return false, s.ReplaceRecovery(ctx, userID, next)
			}
			return s.ConsumeRecovery(ctx, userID, "old", mac("old", i%setSize), noon)
		})
		u.wantSet(t, s, userID, next, 0, "it was given while codes of the old set were used: ConsumeRecovery must find the set and write in one step")
	}
}

func (u recoverySuite) replaceRace(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		userID := fmt.Sprint("ann", round)
		u.give(t, s, userID, aSet("first"))
		together(func(i int) {
			for again := range 2 {
				switch (i + again) % 4 {
				case 0:
					id, codes, _, err := s.SpendRecovery(ctx, userID, patient, noon)
					if err != nil && !errors.Is(err, mfa.ErrNotFound) {
						t.Errorf("SpendRecovery = %v, want nil or mfa.ErrNotFound", err)
					} else if problem := differsFrom(id, codes, aSet(id), 0); err == nil && problem != "" {
						t.Errorf("SpendRecovery while sets are given: %s: it must read the set and its codes in one step", problem)
					}
				case 1:
					if err := s.ReplaceRecovery(ctx, userID, mfa.RecoverySet{}); err != nil {
						t.Errorf("ReplaceRecovery(none) = %v, want nil", err)
					}
				default:
					if err := s.ReplaceRecovery(ctx, userID, aSet(fmt.Sprint("set ", i, again))); err != nil {
						t.Errorf("ReplaceRecovery = %v, want nil", err)
					}
				}
			}
		})
		id, codes, _, err := s.SpendRecovery(ctx, userID, patient, noon)
		left, _ := s.RecoveryLeft(ctx, userID)
		const rule = "ReplaceRecovery must take the old set away and write the new one in one step"
		switch {
		case errors.Is(err, mfa.ErrNotFound) && left != 0:
			t.Errorf("RecoveryLeft = %d after a set was taken away while others were given, want 0: %s", left, rule)
		case errors.Is(err, mfa.ErrNotFound):
		case err != nil:
			t.Errorf("SpendRecovery = %v, want nil or mfa.ErrNotFound", err)
		default:
			if problem := differsFrom(id, codes, aSet(id), 0); problem != "" || left != setSize {
				t.Errorf("after many sets at the same moment %d codes are left, and %q, want one whole set: %s", left, problem, rule)
			}
		}
	}
}
