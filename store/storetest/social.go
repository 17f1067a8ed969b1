package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/social"
)

func aSocialRequest(body string) social.RequestRow {
	return social.RequestRow{Provider: "google", Body: []byte(body), MadeAt: noon, ExpiresAt: noon.Add(10 * time.Minute)}
}

// wantSocialRequest takes a request, and compares.
func wantSocialRequest(t *testing.T, s social.Requests, k [32]byte, want social.RequestRow) {
	t.Helper()
	got, err := s.TakeSocialRequest(context.Background(), k, noon)
	if err != nil || got.Provider != want.Provider || !bytes.Equal(got.Body, want.Body) || !got.MadeAt.Equal(want.MadeAt) || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("TakeSocialRequest = %+v, %v, want %+v", got, err, want)
	}
}

func wantNoSocialRequest(t *testing.T, s social.Requests, k [32]byte, now time.Time, why string) {
	t.Helper()
	if got, err := s.TakeSocialRequest(context.Background(), k, now); !errors.Is(err, social.ErrNotFound) || got.Body != nil || got.Provider != "" {
		t.Errorf("TakeSocialRequest = %+v, %v, want nothing and social.ErrNotFound: %s", got, err, why)
	}
}

// SocialRequests tries a social.Requests. open answers an empty one each time.
func SocialRequests(t *testing.T, open func(t *testing.T) social.Requests) {
	ctx := context.Background()
	ends := noon.Add(10 * time.Minute)

	t.Run("what was created is taken, once", func(t *testing.T) {
		s := open(t)
		wantNoSocialRequest(t, s, key("r"), noon, "nothing was created")
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("r"), aSocialRequest("\x00\xff sealed"), noon))
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("other"), aSocialRequest("other"), noon))
		wantNoSocialRequest(t, s, key("none"), noon, "no row has this key")
		wantSocialRequest(t, s, key("r"), aSocialRequest("\x00\xff sealed"))
		wantNoSocialRequest(t, s, key("r"), noon, "it was taken: a second answer to one request is not taken")
		wantSocialRequest(t, s, key("other"), aSocialRequest("other"))
		bare := social.RequestRow{ExpiresAt: ends}
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("bare"), bare, noon))
		wantSocialRequest(t, s, key("bare"), bare)
	})

	t.Run("a key is taken once", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateSocialRequest", func(err error) bool { return errors.Is(err, social.ErrConflict) }, func(i int) error {
			return s.CreateSocialRequest(ctx, key("r"), aSocialRequest(fmt.Sprint("caller ", i)), noon)
		})
		if won != 1 {
			t.Errorf("%d of %d callers created a request under one key, want 1: CreateSocialRequest must not replace a row", won, callers)
		}
	})

	t.Run("what was written does not change with the caller's bytes", func(t *testing.T) {
		s := open(t)
		row := aSocialRequest("sealed")
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("r"), row, noon))
		row.Body[0] = 'X'
		wantSocialRequest(t, s, key("r"), aSocialRequest("sealed"))
	})

	t.Run("a request that has expired is not taken", func(t *testing.T) {
		s := open(t)
		for _, name := range []string{"late", "in time"} {
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(name), aSocialRequest(name), noon))
		}
		wantNoSocialRequest(t, s, key("late"), ends, "it has expired at this moment")
		wantNoSocialRequest(t, s, key("late"), ends.Add(time.Hour), "it expired an hour ago")
		if got, err := s.TakeSocialRequest(ctx, key("in time"), ends.Add(-time.Microsecond)); err != nil || string(got.Body) != "in time" {
			t.Errorf("TakeSocialRequest(a microsecond before the end) = %+v, %v, want the row", got, err)
		}
	})

	t.Run("A-080 one caller takes", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, k, aSocialRequest("sealed"), noon))
			won := winners(t, "TakeSocialRequest", func(err error) bool { return errors.Is(err, social.ErrNotFound) }, func(int) error {
				r, err := s.TakeSocialRequest(ctx, k, noon)
				if err == nil && string(r.Body) != "sealed" {
					t.Errorf("TakeSocialRequest = %q, want the row for who wins", r.Body)
				}
				return err
			})
			if won != 1 {
				t.Errorf("%d callers took one request %d times, want 1: TakeSocialRequest must delete and answer in one step, or an answer signs in twice", callers, won)
			}
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		for i := range 40 {
			old := social.RequestRow{ExpiresAt: noon.Add(-24 * time.Hour)}
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(fmt.Sprint("old ", i)), old, noon.Add(-25*time.Hour)))
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(fmt.Sprint("live ", i)), aSocialRequest("live"), noon))
		}
		for i := range 40 {
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(fmt.Sprint("new ", i)), aSocialRequest("new"), noon))
		}
		for i := range 40 {
			wantSocialRequest(t, s, key(fmt.Sprint("live ", i)), aSocialRequest("live"))
		}
	})
}

// A SocialExpiryStore deletes expired rows of package social.
type SocialExpiryStore interface {
	auth.Expiry
	social.Requests
}

// SocialExpiry tries an auth.Expiry together with the store of package social whose rows it deletes. open answers an empty one each
// time.
func SocialExpiry(t *testing.T, open func(t *testing.T) SocialExpiryStore) {
	ctx := context.Background()

	t.Run("A-278 a request goes when it has expired and not before", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("r"), aSocialRequest("sealed"), noon)) // ten minutes
		live := aSocialRequest("live")
		live.ExpiresAt = noon.Add(200 * time.Hour)
		ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key("live"), live, noon))
		for _, step := range []struct {
			after time.Duration
			want  int
			what  string
		}{
			{10*time.Minute - time.Microsecond, 0, "nothing has expired yet"},
			{10 * time.Minute, 1, "the request has expired"},
			{100 * time.Hour, 0, "nothing is left but what lasts longer"},
		} {
			if got := expire(t, s, noon.Add(step.after), 100); got != step.want {
				t.Errorf("DeleteExpired(%v after noon) = %d, want %d: %s", step.after, got, step.want, step.what)
			}
		}
		wantNoSocialRequest(t, s, key("r"), noon, "it has expired and was deleted")
		wantSocialRequest(t, s, key("live"), live)
	})

	t.Run("no more go than the limit says", func(t *testing.T) {
		s := open(t)
		for i := range 10 {
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(fmt.Sprint(i)), social.RequestRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		}
		for _, want := range []int{4, 4, 2, 0} {
			if got := expire(t, s, noon, 4); got != want {
				t.Errorf("DeleteExpired(limit 4) = %d, want %d", got, want)
			}
		}
	})

	t.Run("each row is counted by one caller", func(t *testing.T) {
		s := open(t)
		const rows = 200
		for i := range rows {
			ok(t, "CreateSocialRequest", s.CreateSocialRequest(ctx, key(fmt.Sprint(i)), social.RequestRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		}
		countedOnce(t, s, rows)
	})
}
