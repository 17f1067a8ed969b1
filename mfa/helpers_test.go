package mfa_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/mfa"
)

const step = 30 * time.Second

// A clock stands still until a test moves it.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 21, 9, 0, 10, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) move(d time.Duration) { c.now = c.now.Add(d) }

func newKey() []byte {
	k := make([]byte, 32)
	rand.Read(k)
	return k
}

func newTOTP(t testing.TB, c *clock, store mfa.TOTPStore, keys ...[]byte) *mfa.TOTP {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{newKey()}
	}
	apps, err := mfa.NewTOTP(mfa.TOTPConfig{Store: store, Keys: keys, Issuer: "Sallyport Demo", Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return apps
}

// A phone has the secret of an app, and makes codes as other people's software does.
type phone struct {
	t      testing.TB
	secret string
}

// newPhone scans the picture.
func newPhone(t testing.TB, p mfa.Pending) phone {
	t.Helper()
	u, err := url.Parse(p.URI)
	if err != nil {
		t.Fatal(err)
	}
	return phone{t, u.Query().Get("secret")}
}

func (p phone) code(at time.Time) string {
	p.t.Helper()
	code, err := totp.GenerateCode(p.secret, at)
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// wrong is a code of no step near.
func (p phone) wrong(now time.Time) string {
	p.t.Helper()
	for _, code := range []string{"000000", "111111", "222222", "333333"} {
		if code != p.code(now.Add(-step)) && code != p.code(now) && code != p.code(now.Add(step)) {
			return code
		}
	}
	return ""
}

// begin starts a set-up. No two codes around now are the same, which they are once in some thousand secrets.
func begin(t testing.TB, apps *mfa.TOTP, userID string, now time.Time) (mfa.Pending, phone) {
	t.Helper()
	for {
		p, err := apps.Begin(userID, userID+"@acme.example")
		if err != nil {
			t.Fatal(err)
		}
		ph := newPhone(t, p)
		seen := map[string]bool{}
		for i := range 41 {
			seen[ph.code(now.Add(time.Duration(i-10)*step))] = true
		}
		if len(seen) == 41 {
			return p, ph
		}
	}
}

// setUp gives a person an app, and goes on to the next code.
func setUp(t testing.TB, apps *mfa.TOTP, c *clock, userID string) phone {
	t.Helper()
	p, ph := begin(t, apps, userID, c.now)
	if err := apps.Confirm(t.Context(), userID, p.Sealed, ph.code(c.now), ""); err != nil {
		t.Fatalf("Confirm = %v", err)
	}
	c.move(step)
	return ph
}

// atOnce has 64 callers do the same at the same moment, and answers their errors.
func atOnce(f func(caller int) error) []error {
	errs := make([]error, 64)
	start := make(chan struct{})
	var callers sync.WaitGroup
	for i := range errs {
		callers.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	callers.Wait()
	return errs
}

// A crowd is a store where 64 callers have all paid their try before the first of them goes on: no luck decides a race.
type crowd struct {
	*mfa.Memory
	paid *sync.WaitGroup
}

func newCrowd() crowd { return crowd{mfa.NewMemory(), new(sync.WaitGroup)} }

// gather makes the next 64 callers wait for each other.
func (s crowd) gather() { s.paid.Add(64) }

func (s crowd) SpendTOTP(ctx context.Context, userID string, b mfa.Budget, now time.Time) (mfa.TOTPRecord, time.Time, error) {
	defer s.paid.Wait()
	defer s.paid.Done()
	return s.Memory.SpendTOTP(ctx, userID, b, now)
}

func (s crowd) SpendCode(ctx context.Context, key [32]byte, tries int, now time.Time) (mfa.CodeRecord, error) {
	defer s.paid.Wait()
	defer s.paid.Done()
	return s.Memory.SpendCode(ctx, key, tries, now)
}

func (s crowd) SpendRecovery(ctx context.Context, userID string, b mfa.Budget, now time.Time) (string, []mfa.RecoveryCode, time.Time, error) {
	defer s.paid.Wait()
	defer s.paid.Done()
	return s.Memory.SpendRecovery(ctx, userID, b, now)
}

// count is how many of the errors are nil, and how many are each of these.
func count(errs []error, kinds ...error) (none int, each []int) {
	each = make([]int, len(kinds))
	for _, err := range errs {
		if err == nil {
			none++
		}
		for i, kind := range kinds {
			if errors.Is(err, kind) {
				each[i]++
			}
		}
	}
	return none, each
}

// wantClosed fails unless err says closed until then.
func wantClosed(t *testing.T, what string, err error, until time.Time) {
	t.Helper()
	var closed *mfa.ClosedError
	if !errors.As(err, &closed) || !closed.Until.Equal(until) {
		t.Errorf("%s = %v, want closed until %v", what, err, until)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (want == nil) != (got == nil) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// run calls a program that other people wrote. Where it is missing the test is skipped, or fails where every test must run.
func run(t *testing.T, input []byte, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "there is no "+name+": install it (Debian: apt-get install oathtool zbar-tools)")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return strings.TrimRight(string(out), "\n")
}

func missing(t *testing.T, what string) {
	t.Helper()
	if strings.EqualFold(os.Getenv("CI"), "true") {
		t.Fatal(what)
	}
	t.Skip(what)
}

// What the examples leave to the reader: a clock, and a phone.

func sameMoment() time.Time { return time.Date(2026, 11, 21, 9, 0, 10, 0, time.UTC) }

func phoneShows(p mfa.Pending, later int) string {
	code, err := totp.GenerateCode(strings.ReplaceAll(p.Secret, " ", ""), sameMoment().Add(time.Duration(later)*step))
	if err != nil {
		return err.Error()
	}
	return code
}
