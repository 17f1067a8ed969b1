package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

// three is how often a code may be tried and sent in most of these tests.
var three = mfa.CodeRules{Tries: 3, Sends: 3, First: 30 * time.Second, Then: time.Minute}

// endless are rules that never say no.
var endless = mfa.CodeRules{Tries: 1 << 30, Sends: 1 << 30, First: time.Nanosecond, Then: time.Nanosecond}

func aCode(id string) mfa.CodeRecord {
	return mfa.CodeRecord{ID: id, MAC: key("the code of " + id), ExpiresAt: noon.Add(10 * time.Minute), EndsAt: noon.Add(time.Hour)}
}

func sameCode(a, b mfa.CodeRecord) bool {
	return a.ID == b.ID && a.MAC == b.MAC && a.ExpiresAt.Equal(b.ExpiresAt) && a.Tries == b.Tries && a.Sends == b.Sends &&
		a.SentAt.Equal(b.SentAt) && a.EndsAt.Equal(b.EndsAt)
}

// codeSuite has the steps that several tests of Codes share.
type codeSuite struct {
	open func(t *testing.T) mfa.CodeStore
}

// send sends a code, which must succeed.
func (codeSuite) send(t *testing.T, s mfa.CodeStore, k [32]byte, id string, now time.Time) {
	t.Helper()
	if wait, err := s.SendCode(context.Background(), k, aCode(id), three, now); err != nil || !wait.IsZero() {
		t.Errorf("SendCode(%s) = wait until %v, %v, want it sent", id, wait, err)
	}
}

// wantCode makes a try and compares the record.
func (codeSuite) wantCode(t *testing.T, s mfa.CodeStore, k [32]byte, now time.Time, want mfa.CodeRecord, why string) {
	t.Helper()
	if got, err := s.SpendCode(context.Background(), k, 1<<30, now); err != nil || !sameCode(got, want) {
		t.Errorf("SpendCode = %+v, %v, want %+v: %s", got, err, want, why)
	}
}

func (codeSuite) wantNoCode(t *testing.T, s mfa.CodeStore, k [32]byte, now time.Time, why string) {
	t.Helper()
	if got, err := s.SpendCode(context.Background(), k, 1<<30, now); !errors.Is(err, mfa.ErrNotFound) {
		t.Errorf("SpendCode = %+v, %v, want mfa.ErrNotFound: %s", got, err, why)
	}
}

func (codeSuite) wantConsume(t *testing.T, s mfa.CodeStore, k [32]byte, id string, want bool, why string) {
	t.Helper()
	if got, err := s.ConsumeCode(context.Background(), k, id); err != nil || got != want {
		t.Errorf("ConsumeCode(%s) = %v, %v, want %v: %s", id, got, err, want, why)
	}
}

// sent is the record of a code as it stands after so many sendings and tries.
func sent(id string, sends, tries int, at time.Time) mfa.CodeRecord {
	c := aCode(id)
	c.Sends, c.Tries, c.SentAt = sends, tries, at
	return c
}

// Codes tries an mfa.CodeStore. open answers an empty one each time.
func Codes(t *testing.T, open func(t *testing.T) mfa.CodeStore) {
	u := codeSuite{open}
	t.Run("what was sent is found", u.found)
	t.Run("a code is sent again when its time has come, and not before", u.early)
	t.Run("A-186 only the newest code counts", u.newest)
	t.Run("A-183 A-186 another sending gives no new tries", u.resend)
	t.Run("A-183 no more tries than the caller says", u.tries)
	t.Run("no more sendings than the rules say", u.sends)
	t.Run("counters last as long as the row", u.ends)
	t.Run("A-183 tries at the same moment do not share one attempt", u.triesRace)
	t.Run("A-183 A-186 tries that are made while a code is sent again are counted", u.triesAndSend)
	t.Run("A-191 of many sendings at the same moment one is written", u.sendRace)
	t.Run("a code is used once", u.consume)
	t.Run("one caller uses a code", u.consumeRace)
	t.Run("A-186 a code is not used once a newer one is sent", u.consumeAndSend)
	t.Run("A-278 a new code takes ended ones with it and no others", u.sweep)
}

func (u codeSuite) found(t *testing.T) {
	s, k := u.open(t), key("a")
	u.wantNoCode(t, s, k, noon, "none was sent")
	u.wantConsume(t, s, k, "c1", false, "none was sent")
	u.wantConsume(t, s, k, "", false, "none was sent")
	made := aCode("c1")
	made.Tries, made.Sends, made.SentAt = 7, 7, noon.Add(-time.Hour) // whatever the caller wrote
	if wait, err := s.SendCode(context.Background(), k, made, three, noon); err != nil || !wait.IsZero() {
		t.Errorf("SendCode = wait until %v, %v, want it sent", wait, err)
	}
	u.wantCode(t, s, k, noon, sent("c1", 1, 1, noon), "the record as it stands after the first try")
	u.wantCode(t, s, k, noon.Add(time.Minute), sent("c1", 1, 2, noon), "a try counts one up and changes nothing else")
	u.wantNoCode(t, s, key("b"), noon, "it was sent under another key")
	u.send(t, s, key("b"), "c2", noon)
	u.wantCode(t, s, key("b"), noon, sent("c2", 1, 1, noon), "each key has counters of its own")
	u.wantCode(t, s, k, noon, sent("c1", 1, 3, noon), "another key was sent to")
}

func (u codeSuite) early(t *testing.T) {
	s, k := u.open(t), key("a")
	early := func(at, want time.Duration) {
		t.Helper()
		wait, err := s.SendCode(context.Background(), k, aCode("too early"), three, noon.Add(at))
		if err != nil || !wait.Equal(noon.Add(want)) {
			t.Errorf("SendCode(%v after noon) = wait until %v, %v, want %v", at, wait, err, noon.Add(want))
		}
	}
	u.send(t, s, k, "c1", noon)
	early(0, 30*time.Second)
	early(30*time.Second-time.Microsecond, 30*time.Second)
	u.wantCode(t, s, k, noon, sent("c1", 1, 1, noon), "what came too early writes nothing")
	u.send(t, s, k, "c2", noon.Add(30*time.Second))
	early(90*time.Second-time.Microsecond, 90*time.Second)
	u.wantCode(t, s, k, noon, sent("c2", 2, 2, noon.Add(30*time.Second)), "what came too early writes nothing")
	u.send(t, s, k, "c3", noon.Add(90*time.Second))
	u.wantCode(t, s, k, noon, sent("c3", 3, 3, noon.Add(90*time.Second)), "it was sent")
}

func (u codeSuite) newest(t *testing.T) {
	s, k := u.open(t), key("a")
	u.send(t, s, k, "c1", noon)
	u.send(t, s, k, "c2", noon.Add(time.Minute))
	u.wantCode(t, s, k, noon.Add(time.Minute), sent("c2", 2, 1, noon.Add(time.Minute)), "a newer code takes the place of the one before")
	u.wantConsume(t, s, k, "c1", false, "a newer one was sent")
	u.wantConsume(t, s, k, "c2", true, "it is the newest")
}

func (u codeSuite) resend(t *testing.T) {
	s, k, ctx := u.open(t), key("a"), context.Background()
	u.send(t, s, k, "c1", noon)
	for range 2 {
		_, err := s.SpendCode(ctx, k, 3, noon)
		ok(t, "SpendCode", err)
	}
	u.send(t, s, k, "c2", noon.Add(time.Minute))
	if got, err := s.SpendCode(ctx, k, 3, noon); err != nil || got.Tries != 3 {
		t.Errorf("SpendCode (two tries, a resend, one try) = try %d, %v, want 3: another sending gives no new tries", got.Tries, err)
	}
	if got, err := s.SpendCode(ctx, k, 3, noon); !errors.Is(err, mfa.ErrSpent) {
		t.Errorf("SpendCode (try 4 of 3) = %+v, %v, want mfa.ErrSpent", got, err)
	}
	if wait, err := s.SendCode(ctx, k, aCode("c3"), three, noon.Add(30*time.Minute)); !errors.Is(err, mfa.ErrSpent) {
		t.Errorf("SendCode (no tries left) = %v, %v, want mfa.ErrSpent: there is nothing to type it for", wait, err)
	}
	u.wantCode(t, s, k, noon, sent("c2", 2, 4, noon.Add(time.Minute)), "a sending that is refused writes nothing")
}

func (u codeSuite) tries(t *testing.T) {
	s, k, ctx := u.open(t), key("a"), context.Background()
	u.send(t, s, k, "c1", noon)
	for try := range 5 {
		got, err := s.SpendCode(ctx, k, 3, noon)
		if try < 3 && (err != nil || got.Tries != try+1) {
			t.Errorf("SpendCode (try %d of 3) = try %d, %v, want it counted", try+1, got.Tries, err)
		}
		if try >= 3 && (!errors.Is(err, mfa.ErrSpent) || got.ID != "" || got.MAC != [32]byte{}) {
			t.Errorf("SpendCode (try %d of 3) = %+v, %v, want mfa.ErrSpent and nothing to compare with", try+1, got, err)
		}
	}
	u.wantCode(t, s, k, noon, sent("c1", 1, 4, noon), "a try that is refused writes nothing")
}

func (u codeSuite) sends(t *testing.T) {
	s, k := u.open(t), key("a")
	for i := range 3 {
		u.send(t, s, k, fmt.Sprint("c", i), noon.Add(time.Duration(i)*time.Minute))
	}
	if wait, err := s.SendCode(context.Background(), k, aCode("c4"), three, noon.Add(50*time.Minute)); !errors.Is(err, mfa.ErrSpent) || !wait.IsZero() {
		t.Errorf("SendCode (sending 4 of 3) = %v, %v, want mfa.ErrSpent", wait, err)
	}
	u.wantCode(t, s, k, noon, sent("c2", 3, 1, noon.Add(2*time.Minute)), "a sending that is refused writes nothing")
	u.wantConsume(t, s, k, "c2", true, "it is the newest that was sent")
}

func (u codeSuite) ends(t *testing.T) {
	s, k := u.open(t), key("a")
	u.send(t, s, k, "c1", noon)
	u.send(t, s, k, "c2", noon.Add(time.Minute))
	last, end := noon.Add(time.Hour-time.Microsecond), noon.Add(time.Hour)
	u.wantCode(t, s, k, last, sent("c2", 2, 1, noon.Add(time.Minute)), "the code has expired and the row has not ended: the library tells the two apart")
	u.wantNoCode(t, s, k, end, "the row has ended")
	next := aCode("c3")
	next.EndsAt = end.Add(time.Hour)
	if wait, err := s.SendCode(context.Background(), k, next, three, end); err != nil || !wait.IsZero() {
		t.Errorf("SendCode = wait until %v, %v, want it sent", wait, err)
	}
	want := next
	want.Sends, want.Tries, want.SentAt = 1, 1, end
	u.wantCode(t, s, k, end, want, "the counters were gone with the row that had ended")
}

func (u codeSuite) triesRace(t *testing.T) {
	s := u.open(t)
	spent := func(err error) bool { return errors.Is(err, mfa.ErrSpent) }
	for round := range rounds {
		k := key(fmt.Sprint(round))
		u.send(t, s, k, "c1", noon)
		counted := winners(t, "SpendCode", spent, func(int) error { _, err := s.SpendCode(context.Background(), k, 5, noon); return err })
		if counted != 5 {
			t.Errorf("%d callers made %d tries at one code, want 5: SpendCode must count and read in one step", callers, counted)
		}
	}
}

func (u codeSuite) triesAndSend(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		k := key(fmt.Sprint(round))
		u.send(t, s, k, "c1", noon)
		together(func(i int) {
			var err error
			if i == callers/2 {
				_, err = s.SendCode(ctx, k, aCode("c2"), endless, noon.Add(time.Minute))
			} else {
				_, err = s.SpendCode(ctx, k, 1<<30, noon)
			}
			if err != nil {
				t.Errorf("SendCode or SpendCode = %v, want nil", err)
			}
		})
		u.wantCode(t, s, k, noon, sent("c2", 2, callers, noon.Add(time.Minute)),
			"a code was sent while others were trying: SendCode must read the counters and write them in one step, and SpendCode must count where the row stands")
	}
}

func (u codeSuite) sendRace(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		k := key(fmt.Sprint(round))
		at := noon
		for sends := 1; sends <= 2; sends++ { // the first of all, and the next
			var mu sync.Mutex
			var written []string
			together(func(i int) {
				id := fmt.Sprint("c", sends, ".", i)
				wait, err := s.SendCode(ctx, k, aCode(id), three, at)
				mu.Lock()
				defer mu.Unlock()
				if want := at.Add(three.Wait(sends)); err != nil || !wait.IsZero() && !wait.Equal(want) {
					t.Errorf("SendCode = wait until %v, %v, want it sent, or %v", wait, err, want)
				}
				if wait.IsZero() {
					written = append(written, id)
				}
			})
			if len(written) != 1 {
				t.Errorf("%d callers sent %d codes at the same moment, want 1: SendCode must look and write in one step", callers, len(written))
				break
			}
			u.wantCode(t, s, k, at, sent(written[0], sends, sends, at), "it is the one that was sent")
			at = at.Add(time.Minute)
		}
	}
}

func (u codeSuite) consume(t *testing.T) {
	s, k := u.open(t), key("a")
	u.send(t, s, k, "c1", noon)
	u.send(t, s, key("b"), "c1", noon)
	u.wantConsume(t, s, k, "c2", false, "it is another code")
	u.wantCode(t, s, k, noon, sent("c1", 1, 1, noon), "it was not used")
	u.wantConsume(t, s, k, "c1", true, "it is the code")
	u.wantConsume(t, s, k, "c1", false, "it was used")
	u.wantNoCode(t, s, k, noon, "it was used")
	u.wantCode(t, s, key("b"), noon, sent("c1", 1, 1, noon), "it stands under another key")
	u.send(t, s, k, "c2", noon)
	u.wantCode(t, s, k, noon, sent("c2", 1, 1, noon), "the counters were gone with the code that was used")
}

func (u codeSuite) consumeRace(t *testing.T) {
	s := u.open(t)
	for round := range rounds {
		k := key(fmt.Sprint(round))
		u.send(t, s, k, "c1", noon)
		won := trues(t, "ConsumeCode", func(int) (bool, error) { return s.ConsumeCode(context.Background(), k, "c1") })
		if won != 1 {
			t.Errorf("%d callers used one code %d times, want 1: ConsumeCode must delete and answer in one step", callers, won)
		}
	}
}

func (u codeSuite) consumeAndSend(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	for round := range rounds {
		k := key(fmt.Sprint(round))
		u.send(t, s, k, "c1", noon)
		used := trues(t, "ConsumeCode", func(i int) (bool, error) {
			if i == callers/2 {
				_, err := s.SendCode(ctx, k, aCode("c2"), endless, noon.Add(time.Minute))
				return false, err
			}
			return s.ConsumeCode(ctx, k, "c1")
		})
		if used > 1 {
			t.Errorf("%d callers used one code %d times, want 1 at most: ConsumeCode must delete and answer in one step", callers, used)
		}
		u.wantCode(t, s, k, noon, sent("c2", 2-used, 1, noon.Add(time.Minute)),
			"c1 was used before c2 was sent, or not at all: ConsumeCode must compare the ID in the step that deletes, and SendCode must find what stands then")
	}
}

func (u codeSuite) sweep(t *testing.T) {
	s, ctx := u.open(t), context.Background()
	send := func(name string, ends, now time.Time) {
		t.Helper()
		c := aCode(name)
		c.EndsAt = ends
		_, err := s.SendCode(ctx, key(name), c, three, now)
		ok(t, "SendCode", err)
	}
	for i := range 40 {
		send(fmt.Sprint("old ", i), noon.Add(-24*time.Hour), noon.Add(-25*time.Hour))
		send(fmt.Sprint("live ", i), noon.Add(time.Minute), noon.Add(-25*time.Hour))
	}
	for i := range 40 {
		send(fmt.Sprint("new ", i), noon.Add(time.Hour), noon)
	}
	for i := range 40 {
		if _, err := s.SpendCode(ctx, key(fmt.Sprint("live ", i)), 1, noon); err != nil {
			t.Fatalf("SpendCode = %v, want the record: it has not ended, and only ended rows may be deleted in passing", err)
		}
	}
}
