package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

func aFlow(version int64, body string) auth.FlowRow {
	return auth.FlowRow{Version: version, ExpiresAt: noon.Add(15 * time.Minute), Body: []byte(body)}
}

func wantFlow(t *testing.T, s auth.Flows, k [32]byte, want auth.FlowRow) {
	t.Helper()
	got, err := s.Flow(context.Background(), k)
	if err != nil || got.Version != want.Version || !got.ExpiresAt.Equal(want.ExpiresAt) || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("Flow = version %d, %v, %q, %v, want version %d, %v, %q",
			got.Version, got.ExpiresAt, got.Body, err, want.Version, want.ExpiresAt, want.Body)
	}
}

func wantNoFlow(t *testing.T, s auth.Flows, k [32]byte, why string) {
	t.Helper()
	if _, err := s.Flow(context.Background(), k); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Flow = %v, want auth.ErrNotFound: %s", err, why)
	}
}

// Flows tries an auth.Flows. open answers an empty one each time.
func Flows(t *testing.T, open func(t *testing.T) auth.Flows) {
	ctx := context.Background()
	lost := func(err error) bool { return errors.Is(err, auth.ErrConflict) || errors.Is(err, auth.ErrNotFound) }

	t.Run("what was created is found", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), aFlow(7, "\x00\xff body"), noon))
		wantFlow(t, s, key("f"), aFlow(1, "\x00\xff body")) // whatever version the caller wrote
		wantNoFlow(t, s, key("g"), "no row has this key")
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("empty"), auth.FlowRow{ExpiresAt: noon}, noon.Add(-time.Minute)))
		wantFlow(t, s, key("empty"), auth.FlowRow{Version: 1, ExpiresAt: noon})
	})

	t.Run("a key is taken once", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateFlow", func(err error) bool { return errors.Is(err, auth.ErrConflict) }, func(i int) error {
			return s.CreateFlow(ctx, key("f"), aFlow(1, fmt.Sprint("caller ", i)), noon)
		})
		if won != 1 {
			t.Errorf("%d of %d callers created a flow under one key, want 1: CreateFlow must not replace a row", won, callers)
		}
	})

	t.Run("what was written does not change with the caller's bytes", func(t *testing.T) {
		s := open(t)
		row := aFlow(1, "body")
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), row, noon))
		row.Body[0] = 'X'
		got, err := s.Flow(ctx, key("f"))
		ok(t, "Flow", err)
		got.Body[1] = 'X'
		wantFlow(t, s, key("f"), aFlow(1, "body"))
	})

	t.Run("a swap needs the version before", func(t *testing.T) {
		s := open(t)
		if err := s.SwapFlow(ctx, key("f"), key("f"), aFlow(2, "")); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SwapFlow(no row) = %v, want auth.ErrNotFound", err)
		}
		wantNoFlow(t, s, key("f"), "SwapFlow must not make a row")
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), aFlow(1, "one"), noon))
		next := aFlow(2, "two")
		next.ExpiresAt = noon.Add(time.Hour)
		ok(t, "SwapFlow", s.SwapFlow(ctx, key("f"), key("f"), next))
		wantFlow(t, s, key("f"), next)
		for _, version := range []int64{1, 2, 4} {
			if err := s.SwapFlow(ctx, key("f"), key("f"), aFlow(version, "stray")); !errors.Is(err, auth.ErrConflict) {
				t.Errorf("SwapFlow(to version %d where 2 stands) = %v, want auth.ErrConflict", version, err)
			}
		}
		wantFlow(t, s, key("f"), next)
	})

	t.Run("a swap can give the row a new key", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("old"), aFlow(1, "one"), noon))
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("other"), aFlow(1, "other"), noon))
		if err := s.SwapFlow(ctx, key("old"), key("new"), aFlow(3, "stray")); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("SwapFlow(to version 3 where 1 stands) = %v, want auth.ErrConflict", err)
		}
		wantNoFlow(t, s, key("new"), "the swap found another version, so it must write nothing")
		if err := s.SwapFlow(ctx, key("old"), key("other"), aFlow(2, "stray")); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("SwapFlow(to another row's key) = %v, want auth.ErrConflict", err)
		}
		wantFlow(t, s, key("old"), aFlow(1, "one"))
		wantFlow(t, s, key("other"), aFlow(1, "other"))
		ok(t, "SwapFlow", s.SwapFlow(ctx, key("old"), key("new"), aFlow(2, "two")))
		wantFlow(t, s, key("new"), aFlow(2, "two"))
		wantNoFlow(t, s, key("old"), "the row has a new key: the old one opens nothing")
		if err := s.SwapFlow(ctx, key("old"), key("newer"), aFlow(3, "stray")); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SwapFlow(old key) = %v, want auth.ErrNotFound", err)
		}
		if err := s.TakeFlow(ctx, key("old"), 2); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("TakeFlow(old key) = %v, want auth.ErrNotFound", err)
		}
		ok(t, "TakeFlow", s.TakeFlow(ctx, key("new"), 2))
	})

	t.Run("one caller gives the row a new key", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			old := key(fmt.Sprint(round))
			ok(t, "CreateFlow", s.CreateFlow(ctx, old, aFlow(1, ""), noon))
			fresh := func(i int) [32]byte { return key(fmt.Sprint(round, " new ", i)) }
			var mu sync.Mutex
			winner := -1
			won := winners(t, "SwapFlow", lost, func(i int) error {
				err := s.SwapFlow(ctx, old, fresh(i), aFlow(2, fmt.Sprint("caller ", i)))
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					winner = i
				}
				return err
			})
			var open []int
			for i := range callers {
				if _, err := s.Flow(ctx, fresh(i)); err == nil {
					open = append(open, i)
				}
			}
			if won != 1 || len(open) != 1 || open[0] != winner {
				t.Errorf("%d callers gave one flow a new key %d times, the last of them caller %d, and the keys of callers %v open it, want one winner, and only the winner's key: SwapFlow must find the old key and write the new one in one step",
					callers, won, winner, open)
			}
			wantNoFlow(t, s, old, "the row has a new key: the old one opens nothing")
		}
	})

	t.Run("one row gets a key", func(t *testing.T) {
		s := open(t)
		mine := func(i int) [32]byte { return key(fmt.Sprint("mine ", i)) }
		for i := range callers {
			ok(t, "CreateFlow", s.CreateFlow(ctx, mine(i), aFlow(1, fmt.Sprint("caller ", i)), noon))
		}
		conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
		won := winners(t, "SwapFlow", conflict, func(i int) error {
			return s.SwapFlow(ctx, mine(i), key("wanted by all"), aFlow(2, fmt.Sprint("caller ", i)))
		})
		stand := 0
		for i := range callers {
			if _, err := s.Flow(ctx, mine(i)); err == nil {
				stand++
			}
		}
		if won != 1 || stand != callers-1 {
			t.Errorf("%d flows got one key, and %d of %d kept their own, want 1 and %d: SwapFlow must not replace another row", won, stand, callers, callers-1)
		}
	})

	t.Run("a flow that is dropped while it goes on is gone", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateFlow", s.CreateFlow(ctx, k, aFlow(1, ""), noon))
			together(func(i int) {
				if i%2 == 0 {
					if err := s.DropFlow(ctx, k); err != nil {
						t.Errorf("DropFlow = %v, want nil", err)
					}
				} else if err := s.SwapFlow(ctx, k, k, aFlow(2, "a step")); err != nil && !lost(err) {
					t.Errorf("SwapFlow = %v, want nil, auth.ErrConflict or auth.ErrNotFound", err)
				}
			})
			wantNoFlow(t, s, k, "it was dropped: SwapFlow must change a row only where it still stands")
		}
	})

	t.Run("a flow is taken at its version", func(t *testing.T) {
		s := open(t)
		if err := s.TakeFlow(ctx, key("f"), 1); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("TakeFlow(no row) = %v, want auth.ErrNotFound", err)
		}
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), aFlow(1, ""), noon))
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("g"), aFlow(1, ""), noon))
		if err := s.TakeFlow(ctx, key("f"), 2); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("TakeFlow(version 2 where 1 stands) = %v, want auth.ErrConflict", err)
		}
		wantFlow(t, s, key("f"), aFlow(1, ""))
		ok(t, "TakeFlow", s.TakeFlow(ctx, key("f"), 1))
		wantNoFlow(t, s, key("f"), "it was taken")
		wantFlow(t, s, key("g"), aFlow(1, ""))
	})

	t.Run("a flow is dropped at any version", func(t *testing.T) {
		s := open(t)
		ok(t, "DropFlow", s.DropFlow(ctx, key("f")))
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), aFlow(1, ""), noon))
		ok(t, "SwapFlow", s.SwapFlow(ctx, key("f"), key("f"), aFlow(2, "")))
		ok(t, "DropFlow", s.DropFlow(ctx, key("f")))
		wantNoFlow(t, s, key("f"), "it was dropped")
	})

	t.Run("one caller swaps", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateFlow", s.CreateFlow(ctx, key("f"), aFlow(1, ""), noon))
		for version := range int64(3) {
			won := winners(t, "SwapFlow", lost, func(i int) error {
				return s.SwapFlow(ctx, key("f"), key("f"), aFlow(version+2, fmt.Sprint("caller ", i)))
			})
			if won != 1 {
				t.Errorf("%d callers changed version %d of a flow %d times, want 1: SwapFlow must compare the version and write in one step", callers, version+1, won)
			}
		}
	})

	t.Run("one caller takes", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateFlow", s.CreateFlow(ctx, k, aFlow(1, ""), noon))
			won := winners(t, "TakeFlow", lost, func(int) error { return s.TakeFlow(ctx, k, 1) })
			if won != 1 {
				t.Errorf("%d callers took the flow %d times, want 1: TakeFlow must delete and answer in one step", callers, won)
			}
		}
	})

	t.Run("a step and the end do not both win", func(t *testing.T) {
		s := open(t)
		for round := range rounds {
			k := key(fmt.Sprint(round))
			ok(t, "CreateFlow", s.CreateFlow(ctx, k, aFlow(1, ""), noon))
			won := winners(t, "SwapFlow or TakeFlow", lost, func(i int) error {
				if i%2 == 0 {
					return s.TakeFlow(ctx, k, 1)
				}
				return s.SwapFlow(ctx, k, k, aFlow(2, "a step"))
			})
			if won != 1 {
				t.Errorf("of callers who changed a flow and callers who took it %d won, want 1: both verbs must compare the version in the step that writes", won)
			}
		}
	})

	t.Run("A-278 a new row takes expired ones with it and no others", func(t *testing.T) {
		s := open(t)
		for i := range 40 {
			ok(t, "CreateFlow", s.CreateFlow(ctx, key(fmt.Sprint("old ", i)), auth.FlowRow{ExpiresAt: noon.Add(-24 * time.Hour)}, noon.Add(-25*time.Hour)))
			ok(t, "CreateFlow", s.CreateFlow(ctx, key(fmt.Sprint("live ", i)), auth.FlowRow{ExpiresAt: noon.Add(time.Minute)}, noon))
		}
		for i := range 40 {
			ok(t, "CreateFlow", s.CreateFlow(ctx, key(fmt.Sprint("new ", i)), auth.FlowRow{ExpiresAt: noon.Add(time.Hour)}, noon))
		}
		for i := range 40 {
			if _, err := s.Flow(ctx, key(fmt.Sprint("live ", i))); err != nil {
				t.Fatalf("Flow = %v, want the row: it has not expired, and only expired rows may be deleted in passing", err)
			}
		}
	})
}
