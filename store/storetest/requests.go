package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

func aRequest(body string) sso.RequestRow {
	return sso.RequestRow{Connection: "acme", Body: []byte(body), MadeAt: noon, ExpiresAt: noon.Add(10 * time.Minute)}
}

// wantRequest takes a request, and compares.
func wantRequest(t *testing.T, s sso.Requests, k [32]byte, want sso.RequestRow) {
	t.Helper()
	got, err := s.TakeRequest(context.Background(), k, noon)
	if err != nil || got.Connection != want.Connection || !bytes.Equal(got.Body, want.Body) || !got.MadeAt.Equal(want.MadeAt) || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("TakeRequest = %+v, %v, want %+v", got, err, want)
	}
}

func wantNoRequest(t *testing.T, s sso.Requests, k [32]byte, now time.Time, why string) {
	t.Helper()
	if got, err := s.TakeRequest(context.Background(), k, now); !errors.Is(err, sso.ErrNotFound) || got.Body != nil || got.Connection != "" {
		t.Errorf("TakeRequest = %+v, %v, want nothing and sso.ErrNotFound: %s", got, err, why)
	}
}

// wantUsed uses an answer, which counts or does not.
func wantUsed(t *testing.T, s sso.Requests, k [32]byte, expires, now time.Time, want bool, why string) {
	t.Helper()
	if got, err := s.UseAssertion(context.Background(), k, expires, now); err != nil || got != want {
		t.Errorf("UseAssertion = %v, %v, want %v: %s", got, err, want, why)
	}
}

// SSORequests tries an sso.Requests. open answers an empty one each time.
func SSORequests(t *testing.T, open func(t *testing.T) sso.Requests) {
	ctx := context.Background()
	missing := func(err error) bool { return errors.Is(err, sso.ErrNotFound) }
	ends := noon.Add(10 * time.Minute)

	t.Run("A-040 what was created is taken, once", func(t *testing.T) {
		s := open(t)
		wantNoRequest(t, s, key("r"), noon, "nothing was created")
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("r"), aRequest("\x00\xff sealed"), noon))
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("other"), aRequest("other"), noon))
		wantNoRequest(t, s, key("none"), noon, "no row has this key")
		wantRequest(t, s, key("r"), aRequest("\x00\xff sealed"))
		wantNoRequest(t, s, key("r"), noon, "it was taken: a second answer to one request is not taken")
		wantRequest(t, s, key("other"), aRequest("other"))
		bare := sso.RequestRow{ExpiresAt: ends}
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("bare"), bare, noon))
		wantRequest(t, s, key("bare"), bare)
	})

	t.Run("a key is taken once", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateRequest", func(err error) bool { return errors.Is(err, sso.ErrConflict) }, func(i int) error {
			return s.CreateRequest(ctx, key("r"), aRequest(fmt.Sprint("caller ", i)), noon)
		})
		if won != 1 {
			t.Errorf("%d of %d callers created a request under one key, want 1: CreateRequest must not replace a row", won, callers)
		}
	})

	t.Run("what was written does not change with the caller's bytes", func(t *testing.T) {
		s := open(t)
		row := aRequest("sealed")
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("r"), row, noon))
		row.Body[0] = 'X'
		wantRequest(t, s, key("r"), aRequest("sealed"))
	})

	t.Run("a request that has expired is not taken", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"late", "in time"} {
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(name), aRequest(name), noon))
		}
		wantNoRequest(t, s, key("late"), ends, "it has expired at this moment")
		wantNoRequest(t, s, key("late"), ends.Add(time.Hour), "it expired an hour ago")
		if _, err := s.TakeRequest(ctx, key("in time"), ends.Add(-time.Microsecond)); err != nil {
			t.Errorf("TakeRequest(a microsecond before the end) = %v, want the row", err)
		}
	})

	t.Run("A-080 one caller takes", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateRequest", s.CreateRequest(ctx, k, aRequest("sealed"), noon))
			won := winners(t, "TakeRequest", missing, func(int) error {
				r, err := s.TakeRequest(ctx, k, noon)
				if err == nil && string(r.Body) != "sealed" {
					t.Errorf("TakeRequest = %q, want the row for who wins", r.Body)
				}
				return err
			})
			if won != 1 {
				t.Errorf("%d callers took one request %d times, want 1: TakeRequest must delete and answer in one step, or an answer signs in twice", callers, won)
			}
		}
	})

	t.Run("A-048 an answer counts once", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			used := trues(t, "UseAssertion", func(i int) (bool, error) {
				return s.UseAssertion(ctx, k, ends.Add(time.Duration(i)*time.Second), noon)
			})
			if used != 1 {
				t.Errorf("%d callers used one answer %d times, want 1: UseAssertion must look and write in one step, or an answer signs in twice", callers, used)
			}
			wantUsed(t, s, k, ends, noon, false, "it was used")
		}
		all := trues(t, "UseAssertion", func(i int) (bool, error) { return s.UseAssertion(ctx, key(fmt.Sprint("own ", i)), ends, noon) })
		if all != callers {
			t.Errorf("%d callers with an answer of their own each were told true %d times, want %d: answers have nothing to do with each other", callers, all, callers)
		}
	})

	t.Run("a used answer is remembered to its end, and counts no more after it", func(t *testing.T) {
		s := open(t)
		wantUsed(t, s, key("a"), ends, noon, true, "it is new")
		for i := range 40 {
			soon := noon.Add(time.Duration(i+1) * time.Second)
			wantUsed(t, s, key(fmt.Sprint("other ", i)), soon, noon, true, "it is new")
			wantUsed(t, s, key(fmt.Sprint("later ", i)), ends.Add(time.Hour), ends.Add(-time.Microsecond), true, "it is new")
		}
		wantUsed(t, s, key("a"), ends.Add(time.Hour), ends.Add(-time.Microsecond), false, "it ends in a microsecond: until then nothing may make it good again")
		for _, late := range []time.Duration{0, time.Microsecond, time.Hour} {
			wantUsed(t, s, key("late"), ends, ends.Add(late), false, "its end has come: a row that may go at any moment does not say that it was used")
		}
	})

	t.Run("requests and answers do not share their keys", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateRequest", s.CreateRequest(ctx, key("a"), aRequest("sealed"), noon))
		wantUsed(t, s, key("a"), ends, noon, true, "it is a request that has this key")
		wantRequest(t, s, key("a"), aRequest("sealed"))
		wantUsed(t, s, key("a"), ends, noon, false, "taking the request does not make the answer new")
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		for i := range 40 {
			old := sso.RequestRow{ExpiresAt: noon.Add(-24 * time.Hour)}
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(fmt.Sprint("old ", i)), old, noon.Add(-25*time.Hour)))
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(fmt.Sprint("live ", i)), aRequest("live"), noon))
			wantUsed(t, s, key(fmt.Sprint("old ", i)), old.ExpiresAt, noon.Add(-25*time.Hour), true, "it is new")
			wantUsed(t, s, key(fmt.Sprint("live ", i)), ends, noon, true, "it is new")
		}
		for i := range 40 {
			ok(t, "CreateRequest", s.CreateRequest(ctx, key(fmt.Sprint("new ", i)), aRequest("new"), noon))
			wantUsed(t, s, key(fmt.Sprint("new ", i)), ends, noon, true, "it is new")
		}
		for i := range 40 {
			wantRequest(t, s, key(fmt.Sprint("live ", i)), aRequest("live"))
			wantUsed(t, s, key(fmt.Sprint("live ", i)), ends, noon, false, "it has not expired, and only expired rows may be deleted in passing")
		}
	})
}
