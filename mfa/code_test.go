package mfa_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func newCodes(t testing.TB, c *clock, store mfa.CodeStore, keys ...[]byte) *mfa.Codes {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{newKey()}
	}
	codes, err := mfa.NewCodes(mfa.CodesConfig{Store: store, Keys: keys, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

var forAnn = mfa.CodeFor{Purpose: "sign in", UserID: "ann", Flow: "f1"}

func send(t testing.TB, codes *mfa.Codes, f mfa.CodeFor) mfa.SentCode {
	t.Helper()
	sent, err := codes.Send(t.Context(), f)
	if err != nil {
		t.Fatalf("Send = %v", err)
	}
	return sent
}

// other is a code that is not this one.
func other(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

func TestNewCodes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*mfa.CodesConfig)
		want   string // in the error; empty: none
	}{
		{"the zeros are filled in", func(*mfa.CodesConfig) {}, ""},
		{"a long life", func(c *mfa.CodesConfig) { c.Life = 5 * time.Hour }, ""},
		{"no store", func(c *mfa.CodesConfig) { c.Store = nil }, "CodesConfig.Store"},
		{"no key", func(c *mfa.CodesConfig) { c.Keys = nil }, "CodesConfig.Keys"},
		{"a negative life", func(c *mfa.CodesConfig) { c.Life = -1 }, "CodesConfig.Life"},
		{"a negative end", func(c *mfa.CodesConfig) { c.Ends = -1 }, "CodesConfig.Ends"},
		{"counters that end before the code", func(c *mfa.CodesConfig) { c.Ends = time.Minute }, "CodesConfig.Ends"},
		{"negative rules", func(c *mfa.CodesConfig) { c.Rules.Tries = -1 }, "CodesConfig.Rules"},
		{"a negative pause", func(c *mfa.CodesConfig) { c.Rules.Then = -1 }, "CodesConfig.Rules"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mfa.CodesConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}}
			tt.change(&cfg)
			codes, err := mfa.NewCodes(cfg)
			switch {
			case tt.want == "" && (err != nil || codes == nil):
				t.Errorf("NewCodes = %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("NewCodes = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestSend(t *testing.T) {
	ctx := t.Context()
	t.Run("R50 six digits for ten minutes", func(t *testing.T) {
		c := newClock()
		sent := send(t, newCodes(t, c, mfa.NewMemory()), forAnn)
		if clean, ok := mfa.CleanCode(sent.Code); !ok || clean != sent.Code {
			t.Errorf("the code is %q, want six digits", sent.Code)
		}
		if !sent.SentAt.Equal(c.now) || !sent.ExpiresAt.Equal(c.now.Add(10*time.Minute)) {
			t.Errorf("sent at %v until %v, want %v and ten minutes", sent.SentAt, sent.ExpiresAt, c.now)
		}
	})
	t.Run("every code is as likely as another", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		var first [10]int
		seen := map[string]bool{}
		const n = 2000
		for i := range n {
			code := send(t, codes, mfa.CodeFor{Purpose: "test", UserID: fmt.Sprint(i)}).Code
			first[code[0]-'0']++
			seen[code] = true
		}
		for digit, got := range first {
			if got < n/10-95 || got > n/10+95 { // seven standard deviations
				t.Errorf("%d of %d codes begin with %d, want about a tenth", got, n, digit)
			}
		}
		if len(seen) < n-30 {
			t.Errorf("%d codes are only %d different ones", n, len(seen))
		}
	})
	t.Run("R50 half a minute, then a minute, five in all", func(t *testing.T) {
		c := newClock()
		codes := newCodes(t, c, mfa.NewMemory())
		for i, pause := range []time.Duration{30 * time.Second, time.Minute, time.Minute, time.Minute} {
			send(t, codes, forAnn)
			until := c.now.Add(pause)
			_, err := codes.Send(ctx, forAnn)
			wantClosed(t, fmt.Sprintf("sending %d at once", i+2), err, until)
			c.move(pause - time.Second)
			_, err = codes.Send(ctx, forAnn)
			wantClosed(t, fmt.Sprintf("sending %d a second early", i+2), err, until)
			c.move(time.Second)
		}
		send(t, codes, forAnn)
		c.move(time.Hour - time.Second)
		_, err := codes.Send(ctx, forAnn)
		wantErr(t, "the sixth", err, mfa.ErrSpent)
		c.move(time.Second)
		send(t, codes, forAnn) // the counters have ended
	})
	t.Run("of 64 sendings at once one is made", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		var closed *mfa.ClosedError
		errs := atOnce(func(int) error { _, err := codes.Send(ctx, forAnn); return err })
		refused := 0
		for _, err := range errs {
			if errors.As(err, &closed) {
				refused++
			}
		}
		if none, _ := count(errs); none != 1 || refused != 63 {
			t.Errorf("%d codes were made and %d refused, want 1 and 63", none, refused)
		}
	})
	t.Run("a code for nobody, or for everything", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		for _, f := range []mfa.CodeFor{{Purpose: "sign in", Flow: "f1"}, {UserID: "ann", Flow: "f1"}} {
			if sent, err := codes.Send(ctx, f); err == nil || sent.Code != "" {
				t.Errorf("Send(%+v) = %v, want an error", f, err)
			}
		}
	})
}

// seen keeps in sight what is stored of a code.
type seen struct {
	*mfa.Memory
	key    [32]byte
	code   mfa.CodeRecord
	spends int
}

func (s *seen) SendCode(ctx context.Context, key [32]byte, c mfa.CodeRecord, r mfa.CodeRules, now time.Time) (time.Time, error) {
	s.key, s.code = key, c
	return s.Memory.SendCode(ctx, key, c, r, now)
}

func (s *seen) SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (mfa.CodeRecord, error) {
	s.spends++
	return s.Memory.SpendCode(ctx, key, tries, now)
}

func TestCheck(t *testing.T) {
	ctx := t.Context()
	t.Run("R50 a code counts once", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		wantErr(t, "before one was sent", codes.Check(ctx, forAnn, "123456"), mfa.ErrNotFound)
		code := send(t, codes, forAnn).Code
		wantErr(t, "another code", codes.Check(ctx, forAnn, other(code)), mfa.ErrWrong)
		wantErr(t, "the code", codes.Check(ctx, forAnn, code[:3]+" "+code[3:]), nil)
		wantErr(t, "the code again", codes.Check(ctx, forAnn, code), mfa.ErrNotFound)
	})
	t.Run("of 64 callers with one code one is let in", func(t *testing.T) {
		c, store := newClock(), newCrowd()
		codes, err := mfa.NewCodes(mfa.CodesConfig{Store: store, Keys: [][]byte{newKey()}, Now: c.Now, Rules: mfa.CodeRules{Tries: 100}})
		if err != nil {
			t.Fatal(err)
		}
		code := send(t, codes, forAnn).Code
		store.gather()
		errs := atOnce(func(int) error { return codes.Check(ctx, forAnn, code) })
		if none, each := count(errs, mfa.ErrNotFound); none != 1 || each[0] != 63 {
			t.Errorf("%d callers got in and %d were told that there is none, want 1 and 63", none, each[0])
		}
	})
	t.Run("A-183 five tries, over all callers", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		code := send(t, codes, forAnn).Code
		errs := atOnce(func(int) error { return codes.Check(ctx, forAnn, other(code)) })
		if none, each := count(errs, mfa.ErrWrong, mfa.ErrSpent); none != 0 || each[0] != 5 || each[1] != 59 {
			t.Errorf("%d got in, %d codes were looked at, %d refused: want none, 5 and 59", none, each[0], each[1])
		}
		wantErr(t, "the right code", codes.Check(ctx, forAnn, code), mfa.ErrSpent)
	})
	t.Run("A-186 only the newest counts, and sending gives no new tries", func(t *testing.T) {
		c := newClock()
		codes := newCodes(t, c, mfa.NewMemory())
		var first, second string
		first = send(t, codes, forAnn).Code
		wantErr(t, "a wrong code", codes.Check(ctx, forAnn, other(first)), mfa.ErrWrong)
		for c.move(30 * time.Second); second == "" || second == first; c.move(time.Minute) {
			second = send(t, codes, forAnn).Code
		}
		wantErr(t, "the first code", codes.Check(ctx, forAnn, first), mfa.ErrWrong)
		for range 3 {
			wantErr(t, "a wrong code", codes.Check(ctx, forAnn, other(second)), mfa.ErrWrong)
		}
		wantErr(t, "the sixth try, with the right code", codes.Check(ctx, forAnn, second), mfa.ErrSpent)
		c.move(time.Minute)
		_, err := codes.Send(ctx, forAnn)
		wantErr(t, "another sending", err, mfa.ErrSpent)
	})
	t.Run("A-185 a code is for one purpose, person and browser", func(t *testing.T) {
		codes := newCodes(t, newClock(), mfa.NewMemory())
		code := send(t, codes, forAnn).Code
		for name, f := range map[string]mfa.CodeFor{
			"another purpose":    {Purpose: "change address", UserID: "ann", Flow: "f1"},
			"another person":     {Purpose: "sign in", UserID: "bob", Flow: "f1"},
			"another browser":    {Purpose: "sign in", UserID: "ann", Flow: "f2"},
			"no browser":         {Purpose: "sign in", UserID: "ann"},
			"a border elsewhere": {Purpose: "sign in", UserID: "annf", Flow: "1"},
		} {
			wantErr(t, name, codes.Check(ctx, f, code), mfa.ErrNotFound)
		}
		wantErr(t, "what it is for", codes.Check(ctx, forAnn, code), nil)
	})
	t.Run("A-185 nor does it count in another's row", func(t *testing.T) {
		key := newKey()
		for name, f := range map[string]mfa.CodeFor{
			"another purpose": {Purpose: "change address", UserID: "ann", Flow: "f1"},
			"another person":  {Purpose: "sign in", UserID: "bob", Flow: "f1"},
			"another browser": {Purpose: "sign in", UserID: "ann", Flow: "f2"},
		} {
			c, store := newClock(), &seen{Memory: mfa.NewMemory()}
			codes := newCodes(t, c, store, key)
			code := send(t, codes, forAnn).Code
			mine := store.code
			send(t, codes, f)
			theirs := store.key
			// Somebody who can write to the table, but has no key, copies the row.
			db := mfa.NewMemory()
			if _, err := db.SendCode(ctx, theirs, mine, mfa.CodeRules{}, c.now); err != nil {
				t.Fatal(err)
			}
			wantErr(t, name, newCodes(t, c, db, key).Check(ctx, f, code), mfa.ErrWrong)
		}
	})
	t.Run("R50 it ends after ten minutes, whatever is typed", func(t *testing.T) {
		c := newClock()
		codes := newCodes(t, c, mfa.NewMemory())
		code := send(t, codes, forAnn).Code
		c.move(10 * time.Minute)
		wantErr(t, "the right code", codes.Check(ctx, forAnn, code), mfa.ErrExpired)
		wantErr(t, "a wrong code", codes.Check(ctx, forAnn, other(code)), mfa.ErrExpired)
		c.move(50 * time.Minute)
		wantErr(t, "after an hour", codes.Check(ctx, forAnn, code), mfa.ErrNotFound)

		code = send(t, codes, forAnn).Code
		c.move(10*time.Minute - time.Second)
		wantErr(t, "in the last second", codes.Check(ctx, forAnn, code), nil)
	})
	t.Run("U15 what cannot be a code is not charged", func(t *testing.T) {
		store := &seen{Memory: mfa.NewMemory()}
		codes := newCodes(t, newClock(), store)
		send(t, codes, forAnn)
		for _, typed := range []string{"", "12345", "1234567", "12345a"} {
			wantErr(t, "Check("+typed+")", codes.Check(ctx, forAnn, typed), mfa.ErrFormat)
		}
		if store.spends != 0 {
			t.Errorf("%d tries were charged, want none", store.spends)
		}
	})
	t.Run("A-192 what is stored does not tell the code", func(t *testing.T) {
		store := &seen{Memory: mfa.NewMemory()}
		code := send(t, newCodes(t, newClock(), store), forAnn).Code
		if strings.Contains(fmt.Sprintf("%s%v", store.code.MAC[:], store.code), code) {
			t.Error("the code stands in the record")
		}
		if sha256.Sum256([]byte(code)) == store.code.MAC { // a million guesses would find it
			t.Error("the MAC is a hash without a key")
		}
	})
	t.Run("keys are changed meanwhile", func(t *testing.T) {
		c, store, old, next := newClock(), mfa.NewMemory(), newKey(), newKey()
		code := send(t, newCodes(t, c, store, old), forAnn).Code
		wantErr(t, "without the old key", newCodes(t, c, store, next).Check(ctx, forAnn, code), mfa.ErrWrong)
		codes := newCodes(t, c, store, next, old)
		_, err := codes.Send(ctx, forAnn)
		wantClosed(t, "another sending", err, c.now.Add(30*time.Second)) // the counters are found under every key
		wantErr(t, "with a new key in front", codes.Check(ctx, forAnn, code), nil)
	})
}

// brokenCodes fails at one verb.
type brokenCodes struct {
	*mfa.Memory
	verb string
}

func (s *brokenCodes) SendCode(ctx context.Context, key [32]byte, c mfa.CodeRecord, r mfa.CodeRules, now time.Time) (time.Time, error) {
	if s.verb == "SendCode" {
		return time.Time{}, errBroken
	}
	return s.Memory.SendCode(ctx, key, c, r, now)
}

func (s *brokenCodes) SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (mfa.CodeRecord, error) {
	if s.verb == "SpendCode" {
		return mfa.CodeRecord{}, errBroken
	}
	return s.Memory.SpendCode(ctx, key, tries, now)
}

func (s *brokenCodes) ConsumeCode(ctx context.Context, key [32]byte, id string) (bool, error) {
	if s.verb == "ConsumeCode" {
		return false, errBroken
	}
	return s.Memory.ConsumeCode(ctx, key, id)
}

func TestCodesBrokenStore(t *testing.T) {
	for _, verb := range []string{"SendCode", "SpendCode", "ConsumeCode"} {
		t.Run(verb, func(t *testing.T) {
			store := &brokenCodes{Memory: mfa.NewMemory()}
			codes := newCodes(t, newClock(), store)
			code := send(t, codes, forAnn).Code
			store.verb = verb
			err := codes.Check(t.Context(), forAnn, code)
			if verb == "SendCode" {
				_, err = codes.Send(t.Context(), forAnn)
			}
			if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "mfa: ") {
				t.Errorf("with a broken %s: %v, want what was being done, and the error of the store", verb, err)
			}
		})
	}
}
