package mfa_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/mfa"
)

func TestNewTOTP(t *testing.T) {
	good := func() mfa.TOTPConfig {
		return mfa.TOTPConfig{Store: mfa.NewMemory(), Keys: [][]byte{newKey()}, Issuer: "Sallyport"}
	}
	for _, tt := range []struct {
		name   string
		change func(*mfa.TOTPConfig)
		want   string // in the error; empty: none
	}{
		{"the zeros are filled in", func(*mfa.TOTPConfig) {}, ""},
		{"no store", func(c *mfa.TOTPConfig) { c.Store = nil }, "TOTPConfig.Store"},
		{"no key", func(c *mfa.TOTPConfig) { c.Keys = nil }, "TOTPConfig.Keys"},
		{"a short key", func(c *mfa.TOTPConfig) { c.Keys[0] = c.Keys[0][1:] }, "TOTPConfig.Keys"},
		{"no issuer", func(c *mfa.TOTPConfig) { c.Issuer = " " }, "TOTPConfig.Issuer"},
		{"an issuer with a colon", func(c *mfa.TOTPConfig) { c.Issuer = "a:b" }, "TOTPConfig.Issuer"},
		{"a negative budget", func(c *mfa.TOTPConfig) { c.Budget.Pause = -1 }, "TOTPConfig.Budget"},
		{"a negative number in the budget", func(c *mfa.TOTPConfig) { c.Budget.Limit = -1 }, "TOTPConfig.Budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good()
			tt.change(&cfg)
			apps, err := mfa.NewTOTP(cfg)
			switch {
			case tt.want == "" && (err != nil || apps == nil):
				t.Errorf("NewTOTP = %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("NewTOTP = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// rows keeps what is stored in sight.
type rows struct {
	*mfa.Memory
	app    mfa.TOTPRecord
	spends int
}

func (s *rows) ReplaceTOTP(ctx context.Context, old string, r mfa.TOTPRecord) error {
	err := s.Memory.ReplaceTOTP(ctx, old, r)
	if err == nil {
		s.app = r
	}
	return err
}

func (s *rows) SpendTOTP(ctx context.Context, userID string, b mfa.Budget, now time.Time) (mfa.TOTPRecord, time.Time, error) {
	s.spends++
	return s.Memory.SpendTOTP(ctx, userID, b, now)
}

func TestSetUp(t *testing.T) {
	ctx := t.Context()
	t.Run("R58 what the app is told", func(t *testing.T) {
		p, err := newTOTP(t, newClock(), mfa.NewMemory()).Begin("ann", "ann+work@acme.example")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(p.URI)
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Sallyport Demo:ann+work@acme.example" {
			t.Errorf("URI is %q, want otpauth://totp/ with the label issuer:e-mail", p.URI)
		}
		for name, want := range map[string]string{"issuer": "Sallyport Demo", "algorithm": "SHA1", "digits": "6", "period": "30"} {
			if got := u.Query().Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		raw, err := base32.StdEncoding.DecodeString(u.Query().Get("secret"))
		if err != nil || len(raw) != 20 {
			t.Errorf("the secret has %d bytes (%v), want 160 bits", len(raw), err)
		}
		groups := strings.Split(p.Secret, " ")
		if strings.Join(groups, "") != u.Query().Get("secret") || len(groups) != 8 || len(groups[0]) != 4 || len(groups[7]) != 4 {
			t.Errorf("the key to type is %q, want the secret in groups of four", p.Secret)
		}
	})
	t.Run("every secret is another one", func(t *testing.T) {
		apps := newTOTP(t, newClock(), mfa.NewMemory())
		seen := map[string]bool{}
		for range 100 {
			p, err := apps.Begin("ann", "ann@acme.example")
			if err != nil {
				t.Fatal(err)
			}
			seen[p.Secret] = true
		}
		if len(seen) != 100 {
			t.Errorf("100 set-ups made %d secrets", len(seen))
		}
	})
	t.Run("A-206 nothing counts before the set-up code", func(t *testing.T) {
		c, store := newClock(), mfa.NewMemory()
		apps := newTOTP(t, c, store)
		p, ph := begin(t, apps, "ann", c.now)
		wantErr(t, "Verify before", apps.Verify(ctx, "ann", ph.code(c.now)), mfa.ErrNotFound)
		for name, tt := range map[string]struct {
			code string
			want error
		}{"letters": {"abcdef", mfa.ErrFormat}, "wrong": {ph.wrong(c.now), mfa.ErrWrong}, "old": {ph.code(c.now.Add(-2 * step)), mfa.ErrWrong}} {
			_, err := apps.Accept("ann", p.Sealed, tt.code)
			wantErr(t, "Accept "+name, err, tt.want)
		}
		f, err := apps.Accept("ann", p.Sealed, ph.code(c.now))
		if err != nil || f.ID() == "" {
			t.Fatalf("Accept = %q, %v", f.ID(), err)
		}
		_, err = store.TOTP(ctx, "ann")
		wantErr(t, "after Accept the store", err, mfa.ErrNotFound)
		if err := apps.Enroll(ctx, f, ""); err != nil {
			t.Fatal(err)
		}
		s, err := apps.Status(ctx, "ann")
		if want := (mfa.TOTPStatus{ID: f.ID(), Since: c.now}); err != nil || s != want {
			t.Errorf("Status = %+v, %v, want %+v", s, err, want)
		}
	})
	t.Run("R56 the set-up code never counts again", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		p, ph := begin(t, apps, "ann", c.now)
		code := ph.code(c.now)
		if err := apps.Confirm(ctx, "ann", p.Sealed, code, ""); err != nil {
			t.Fatal(err)
		}
		wantErr(t, "the set-up code", apps.Verify(ctx, "ann", code), mfa.ErrReused)
		wantErr(t, "the code before it", apps.Verify(ctx, "ann", ph.code(c.now.Add(-step))), mfa.ErrReused)
		c.move(step)
		wantErr(t, "the next code", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
	})
	t.Run("nobody's app", func(t *testing.T) {
		apps := newTOTP(t, newClock(), mfa.NewMemory())
		if _, err := apps.Begin("", "ann@acme.example"); err == nil {
			t.Error("Begin for nobody = nil, want an error")
		}
		if _, err := apps.Begin("ann", ""); err == nil {
			t.Error("Begin without a name = nil, want an error")
		}
		if err := apps.Enroll(ctx, mfa.Factor{}, ""); err == nil {
			t.Error("Enroll of no Factor = nil, want an error")
		}
	})
}

func TestReplace(t *testing.T) {
	ctx := t.Context()
	t.Run("R63 the old phone works until the new one is confirmed", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		old := setUp(t, apps, c, "ann")
		stands, _ := apps.Status(ctx, "ann")
		p, next := begin(t, apps, "ann", c.now)
		f, err := apps.Accept("ann", p.Sealed, next.code(c.now))
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, "the old phone, after Accept", apps.Verify(ctx, "ann", old.code(c.now)), nil)
		wantErr(t, "Enroll as if there were none", apps.Enroll(ctx, f, ""), mfa.ErrConflict)
		wantErr(t, "Enroll in the place of another", apps.Enroll(ctx, f, "other"), mfa.ErrConflict)
		wantErr(t, "Enroll", apps.Enroll(ctx, f, stands.ID), nil)
		c.move(step)
		wantErr(t, "the old phone, after Enroll", apps.Verify(ctx, "ann", old.code(c.now)), mfa.ErrWrong)
		wantErr(t, "the new phone", apps.Verify(ctx, "ann", next.code(c.now)), nil)
	})
	t.Run("A-205 one set-up sets up once", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		p, ph := begin(t, apps, "ann", c.now)
		f, err := apps.Accept("ann", p.Sealed, ph.code(c.now))
		if err != nil {
			t.Fatal(err)
		}
		wantErr(t, "Enroll", apps.Enroll(ctx, f, ""), nil)
		wantErr(t, "Enroll again", apps.Enroll(ctx, f, ""), mfa.ErrConflict)
		later := ph.code(c.now.Add(step))
		wantErr(t, "a later code", apps.Verify(ctx, "ann", later), nil)
		wantErr(t, "Enroll in its own place", apps.Enroll(ctx, f, f.ID()), mfa.ErrConflict)
		wantErr(t, "the later code again", apps.Verify(ctx, "ann", later), mfa.ErrReused)
	})
	t.Run("of 64 set-ups at once one wins", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		errs := atOnce(func(int) error {
			p, err := apps.Begin("ann", "ann@acme.example")
			if err != nil {
				return err
			}
			return apps.Confirm(ctx, "ann", p.Sealed, newPhone(t, p).code(c.now), "")
		})
		if none, each := count(errs, mfa.ErrConflict); none != 1 || each[0] != 63 {
			t.Errorf("%d set-ups succeeded and %d were in conflict, want 1 and 63", none, each[0])
		}
	})
	t.Run("Remove takes the app that was meant", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		stands, _ := apps.Status(ctx, "ann")
		wantErr(t, "Remove of another", apps.Remove(ctx, "ann", "other"), mfa.ErrNotFound)
		wantErr(t, "Remove", apps.Remove(ctx, "ann", stands.ID), nil)
		wantErr(t, "Verify after", apps.Verify(ctx, "ann", ph.code(c.now)), mfa.ErrNotFound)
		_, err := apps.Status(ctx, "ann")
		wantErr(t, "Status after", err, mfa.ErrNotFound)
	})
	t.Run("asking to replace", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		stands, _ := apps.Status(ctx, "ann")
		const life = 24 * time.Hour
		ask := func(want time.Time) {
			t.Helper()
			if got, err := apps.AskReset(ctx, "ann", stands.ID, life); err != nil || !got.Equal(want) {
				t.Errorf("AskReset = %v, %v, want %v", got, err, want)
			}
		}
		first := c.now
		ask(first)
		c.move(life)
		ask(first) // asking again does not move it
		c.move(time.Second)
		ask(c.now) // the first counts for nothing now
		if s, _ := apps.Status(ctx, "ann"); !s.ResetAsked.Equal(c.now) {
			t.Errorf("Status says asked %v, want %v", s.ResetAsked, c.now)
		}
		wantErr(t, "a code", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
		if s, _ := apps.Status(ctx, "ann"); !s.ResetAsked.IsZero() {
			t.Errorf("after a code of the app Status says asked %v, want never", s.ResetAsked)
		}
		_, err := apps.AskReset(ctx, "ann", "other", life)
		wantErr(t, "AskReset of another app", err, mfa.ErrNotFound)
	})
}

func TestVerify(t *testing.T) {
	ctx := t.Context()
	t.Run("R60 a code as people type it", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		code := ph.code(c.now)
		wantErr(t, "Verify", apps.Verify(ctx, "ann", " "+code[:3]+"-"+code[3:]+"\n"), nil)
	})
	t.Run("A-193 a code counts once", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		early, code := ph.code(c.now.Add(-step)), ph.code(c.now)
		wantErr(t, "Verify", apps.Verify(ctx, "ann", code), nil)
		wantErr(t, "the same again", apps.Verify(ctx, "ann", code), mfa.ErrReused)
		wantErr(t, "an earlier step", apps.Verify(ctx, "ann", early), mfa.ErrReused)
		c.move(step)
		wantErr(t, "the same in the next step", apps.Verify(ctx, "ann", code), mfa.ErrReused)
		wantErr(t, "the next code", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
	})
	t.Run("A-193 of 64 callers with one code one is let in", func(t *testing.T) {
		c, store, key := newClock(), newCrowd(), newKey()
		ph := setUp(t, newTOTP(t, c, store, key), c, "ann")
		nodes := []*mfa.TOTP{newBudgetTOTP(t, c, store, 1000, key), newBudgetTOTP(t, c, store, 1000, key)}
		code := ph.code(c.now)
		store.gather()
		errs := atOnce(func(i int) error { return nodes[i%2].Verify(ctx, "ann", code) })
		if none, each := count(errs, mfa.ErrReused); none != 1 || each[0] != 63 {
			t.Errorf("%d callers got in and %d were told that the code is used, want 1 and 63", none, each[0])
		}
	})
	t.Run("A-193 a used step is told from the row as well", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, yesApps{mfa.NewMemory()})
		ph := setUp(t, apps, c, "ann")
		wantErr(t, "Verify", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
		wantErr(t, "the same again", apps.Verify(ctx, "ann", ph.code(c.now)), mfa.ErrReused)
	})
	t.Run("A-215 only the steps beside this one", func(t *testing.T) {
		for off := -5; off <= 5; off++ {
			c := newClock()
			apps := newTOTP(t, c, mfa.NewMemory())
			ph := setUp(t, apps, c, "ann")
			c.move(5 * time.Minute)
			var want error
			if off < -1 || off > 1 {
				want = mfa.ErrWrong
			}
			if got := apps.Verify(ctx, "ann", ph.code(c.now.Add(time.Duration(off)*step))); !errors.Is(got, want) {
				t.Errorf("a code %d steps away: %v, want %v", off, got, want)
			}
		}
	})
	t.Run("another person's code is wrong", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ann := setUp(t, apps, c, "ann")
		bob := setUp(t, apps, c, "bob")
		if bob.code(c.now) == ann.code(c.now) {
			c.move(step)
		}
		wantErr(t, "Ann's code for Bob", apps.Verify(ctx, "bob", ann.code(c.now)), mfa.ErrWrong)
		wantErr(t, "Ann's code for nobody", apps.Verify(ctx, "eve", ann.code(c.now)), mfa.ErrNotFound)
	})
	t.Run("R60 what cannot be a code is not charged", func(t *testing.T) {
		c, store := newClock(), &rows{Memory: mfa.NewMemory()}
		apps := newTOTP(t, c, store)
		setUp(t, apps, c, "ann")
		for _, typed := range []string{"", "12345", "1234567", "12345a", "abcde-fghjk"} {
			wantErr(t, "Verify("+typed+")", apps.Verify(ctx, "ann", typed), mfa.ErrFormat)
		}
		if store.spends != 0 {
			t.Errorf("%d tries were charged, want none", store.spends)
		}
	})
}

// yesApps is a store with a fault: it says yes to everybody.
type yesApps struct{ *mfa.Memory }

func (s yesApps) AdvanceTOTP(ctx context.Context, userID, id string, step int64) (bool, error) {
	_, err := s.Memory.AdvanceTOTP(ctx, userID, id, step)
	return true, err
}

func newBudgetTOTP(t *testing.T, c *clock, store mfa.TOTPStore, burst int, keys ...[]byte) *mfa.TOTP {
	t.Helper()
	apps, err := mfa.NewTOTP(mfa.TOTPConfig{Store: store, Keys: keys, Issuer: "Sallyport", Now: c.Now, Budget: mfa.Budget{Burst: burst, Limit: burst}})
	if err != nil {
		t.Fatal(err)
	}
	return apps
}

func TestTOTPBudget(t *testing.T) {
	ctx := t.Context()
	t.Run("A-194 ten wrong codes, over all callers", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		bad := ph.wrong(c.now)
		errs := atOnce(func(int) error { return apps.Verify(ctx, "ann", bad) })
		if none, each := count(errs, mfa.ErrWrong); none != 0 || each[0] != 10 {
			t.Errorf("%d callers got in and %d codes were looked at, want none and 10", none, each[0])
		}
		until := c.now.Add(15 * time.Minute)
		wantClosed(t, "the right code", apps.Verify(ctx, "ann", ph.code(c.now)), until)
		c.move(15*time.Minute - time.Second)
		wantClosed(t, "the right code a second early", apps.Verify(ctx, "ann", ph.code(c.now)), until)
		c.move(time.Second)
		wantErr(t, "the right code in time", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
	})
	t.Run("the right code starts the tries over", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		for range 3 {
			for range 9 {
				wantErr(t, "a wrong code", apps.Verify(ctx, "ann", ph.wrong(c.now)), mfa.ErrWrong)
			}
			wantErr(t, "the right code", apps.Verify(ctx, "ann", ph.code(c.now)), nil)
			c.move(step)
		}
	})
	t.Run("A-193 a code that was used pays for nothing", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		code := ph.code(c.now)
		wantErr(t, "the code", apps.Verify(ctx, "ann", code), nil)
		for range 5 {
			wantErr(t, "a wrong code", apps.Verify(ctx, "ann", ph.wrong(c.now)), mfa.ErrWrong)
			wantErr(t, "the used code", apps.Verify(ctx, "ann", code), mfa.ErrReused)
		}
		wantClosed(t, "the eleventh", apps.Verify(ctx, "ann", ph.wrong(c.now)), c.now.Add(15*time.Minute))
	})
	t.Run("A-194 a hundred wrong codes in a row", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ph := setUp(t, apps, c, "ann")
		for i := range 100 {
			wantErr(t, "a wrong code", apps.Verify(ctx, "ann", ph.wrong(c.now)), mfa.ErrWrong)
			if i%10 == 9 && i < 99 {
				c.move(15 * time.Minute)
			}
		}
		wantClosed(t, "the right code", apps.Verify(ctx, "ann", ph.code(c.now)), c.now.Add(30*24*time.Hour))
	})
	t.Run("one person's wrong codes are not another's", func(t *testing.T) {
		c := newClock()
		apps := newTOTP(t, c, mfa.NewMemory())
		ann := setUp(t, apps, c, "ann")
		bob := setUp(t, apps, c, "bob")
		for range 11 {
			apps.Verify(ctx, "ann", ann.wrong(c.now))
		}
		wantErr(t, "Bob's code", apps.Verify(ctx, "bob", bob.code(c.now)), nil)
	})
}

func TestTOTPSecretAtRest(t *testing.T) {
	ctx := t.Context()
	t.Run("R58 what is stored holds no secret", func(t *testing.T) {
		c, store := newClock(), &rows{Memory: mfa.NewMemory()}
		ph := setUp(t, newTOTP(t, c, store), c, "ann")
		raw, err := base32.StdEncoding.DecodeString(ph.secret)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(store.app.Sealed, raw) || bytes.Contains(store.app.Sealed, []byte(ph.secret)) {
			t.Error("the secret stands in the record")
		}
	})
	t.Run("R58 it opens for this person and app only", func(t *testing.T) {
		c, store, key := newClock(), &rows{Memory: mfa.NewMemory()}, newKey()
		apps := newTOTP(t, c, store, key)
		setUp(t, apps, c, "bob")
		bob := store.app
		setUp(t, apps, c, "ann x")
		spaced := store.app
		ann := setUp(t, apps, c, "ann")
		stolen := store.app
		for name, r := range map[string]mfa.TOTPRecord{
			"Ann's secret in Bob's row":           {UserID: "bob", ID: bob.ID, Sealed: stolen.Sealed},
			"Ann's secret and ID in Bob's row":    {UserID: "bob", ID: stolen.ID, Sealed: stolen.Sealed},
			"Ann's secret under another app's ID": {UserID: "ann", ID: bob.ID, Sealed: stolen.Sealed},
			"a border elsewhere":                  {UserID: "ann" + stolen.ID[:5], ID: stolen.ID[5:], Sealed: stolen.Sealed},
			"a space elsewhere":                   {UserID: "ann", ID: "x " + spaced.ID, Sealed: spaced.Sealed},
		} {
			db := mfa.NewMemory()
			if err := db.ReplaceTOTP(ctx, "", r); err != nil {
				t.Fatal(err)
			}
			err := newTOTP(t, c, db, key).Verify(ctx, r.UserID, ann.code(c.now))
			if err == nil || !strings.Contains(err.Error(), "opening the secret") {
				t.Errorf("%s: Verify = %v, want that the secret does not open", name, err)
			}
		}
	})
	t.Run("keys are changed", func(t *testing.T) {
		c, store, old, next := newClock(), mfa.NewMemory(), newKey(), newKey()
		ph := setUp(t, newTOTP(t, c, store, old), c, "ann")
		wantErr(t, "with a new key in front", newTOTP(t, c, store, next, old).Verify(ctx, "ann", ph.code(c.now)), nil)
		c.move(step)
		err := newTOTP(t, c, store, next).Verify(ctx, "ann", ph.code(c.now))
		if err == nil || errors.Is(err, mfa.ErrWrong) || errors.Is(err, mfa.ErrReused) {
			t.Errorf("without the old key Verify = %v, want an error that is no answer to the person", err)
		}
	})
}

// brokenApps fails at one verb.
type brokenApps struct {
	*mfa.Memory
	verb string
}

var errBroken = errors.New("the disk is full")

func (s *brokenApps) fail(verb string) error {
	if s.verb == verb {
		return errBroken
	}
	return nil
}

func (s *brokenApps) TOTP(ctx context.Context, userID string) (mfa.TOTPStatus, error) {
	if err := s.fail("TOTP"); err != nil {
		return mfa.TOTPStatus{}, err
	}
	return s.Memory.TOTP(ctx, userID)
}

func (s *brokenApps) SpendTOTP(ctx context.Context, userID string, b mfa.Budget, now time.Time) (mfa.TOTPRecord, time.Time, error) {
	if err := s.fail("SpendTOTP"); err != nil {
		return mfa.TOTPRecord{}, time.Time{}, err
	}
	return s.Memory.SpendTOTP(ctx, userID, b, now)
}

func (s *brokenApps) AdvanceTOTP(ctx context.Context, userID, id string, step int64) (bool, error) {
	if err := s.fail("AdvanceTOTP"); err != nil {
		return false, err
	}
	return s.Memory.AdvanceTOTP(ctx, userID, id, step)
}

func (s *brokenApps) ReplaceTOTP(ctx context.Context, old string, r mfa.TOTPRecord) error {
	if err := s.fail("ReplaceTOTP"); err != nil {
		return err
	}
	return s.Memory.ReplaceTOTP(ctx, old, r)
}

func (s *brokenApps) DeleteTOTP(ctx context.Context, userID, id string) error {
	if err := s.fail("DeleteTOTP"); err != nil {
		return err
	}
	return s.Memory.DeleteTOTP(ctx, userID, id)
}

func (s *brokenApps) AskTOTPReset(ctx context.Context, userID, id string, renew, now time.Time) (time.Time, error) {
	if err := s.fail("AskTOTPReset"); err != nil {
		return time.Time{}, err
	}
	return s.Memory.AskTOTPReset(ctx, userID, id, renew, now)
}

func TestTOTPBrokenStore(t *testing.T) {
	ctx := t.Context()
	for _, tt := range []struct {
		verb string
		call func(apps *mfa.TOTP, ph phone, c *clock) error
	}{
		{"TOTP", func(apps *mfa.TOTP, _ phone, _ *clock) error { _, err := apps.Status(ctx, "ann"); return err }},
		{"SpendTOTP", func(apps *mfa.TOTP, ph phone, c *clock) error { return apps.Verify(ctx, "ann", ph.code(c.now)) }},
		{"AdvanceTOTP", func(apps *mfa.TOTP, ph phone, c *clock) error { return apps.Verify(ctx, "ann", ph.code(c.now)) }},
		{"ReplaceTOTP", func(apps *mfa.TOTP, _ phone, c *clock) error {
			p, ph := begin(t, apps, "bob", c.now)
			return apps.Confirm(ctx, "bob", p.Sealed, ph.code(c.now), "")
		}},
		{"DeleteTOTP", func(apps *mfa.TOTP, _ phone, _ *clock) error { return apps.Remove(ctx, "ann", "any") }},
		{"AskTOTPReset", func(apps *mfa.TOTP, _ phone, _ *clock) error {
			_, err := apps.AskReset(ctx, "ann", "any", time.Hour)
			return err
		}},
	} {
		t.Run(tt.verb, func(t *testing.T) {
			c, store := newClock(), &brokenApps{Memory: mfa.NewMemory()}
			apps := newTOTP(t, c, store)
			ph := setUp(t, apps, c, "ann")
			store.verb = tt.verb
			err := tt.call(apps, ph, c)
			if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "mfa: ") {
				t.Errorf("with a broken %s: %v, want what was being done, and the error of the store", tt.verb, err)
			}
		})
	}
}
