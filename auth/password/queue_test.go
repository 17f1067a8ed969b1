package password_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
)

func enter(t testing.TB, q *password.Queue) *password.Place {
	t.Helper()
	p, err := q.Enter("")
	if err != nil {
		t.Fatalf("Enter() = %v, want a place", err)
	}
	return p
}

// free counts the places that can be taken now, and gives them back.
func free(q *password.Queue) int {
	var taken []*password.Place
	for {
		p, err := q.Enter("")
		if err != nil {
			break
		}
		taken = append(taken, p)
	}
	for _, p := range taken {
		p.Leave()
	}
	return len(taken)
}

func TestQueue(t *testing.T) {
	t.Run("A-151 of 64 callers 2 hash, 3 wait, 59 are refused at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := password.NewQueue(2, 3)
			var entered, refused, running, done atomic.Int32
			finish := make(chan struct{})
			for range 64 {
				go func() {
					p, err := q.Enter("")
					if err != nil {
						refused.Add(1)
						return
					}
					defer p.Leave()
					entered.Add(1)
					if err := p.Start(t.Context()); err != nil {
						t.Errorf("Start() = %v, want nil", err)
					}
					running.Add(1)
					<-finish
					running.Add(-1)
					done.Add(1)
				}()
			}
			synctest.Wait() // everybody is refused, waits for the turn, or holds it
			if e, r, n := entered.Load(), refused.Load(), running.Load(); e != 5 || r != 59 || n != 2 {
				t.Errorf("entered, refused, running = %d, %d, %d, want 5, 59, 2", e, r, n)
			}
			for want := int32(1); want <= 5; want++ {
				finish <- struct{}{}
				synctest.Wait()
				if d, n := done.Load(), running.Load(); d != want || n != min(2, 5-want) {
					t.Errorf("done, running = %d, %d, want %d, %d", d, n, want, min(2, 5-want))
				}
			}
			if got := free(q); got != 5 {
				t.Errorf("places free at the end = %d, want 5", got)
			}
		})
	})
	t.Run("A-151 never more than the bounds, with callers who come and go", func(t *testing.T) {
		const running, waiting = 2, 4
		q := password.NewQueue(running, waiting)
		var in, hashing atomic.Int32
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for n := range 50 {
					p, err := q.Enter("")
					if err != nil {
						continue
					}
					if got := in.Add(1); got > running+waiting {
						t.Errorf("%d are in, want at most %d", got, running+waiting)
					}
					ctx, cancel := context.WithCancel(t.Context())
					if (i+n)%3 == 0 {
						go cancel()
					}
					if err := p.Start(ctx); err == nil {
						if got := hashing.Add(1); got > running {
							t.Errorf("%d hash, want at most %d", got, running)
						}
						quick.Decoy("some password")
						hashing.Add(-1)
					} else if !errors.Is(err, context.Canceled) {
						t.Errorf("Start() = %v, want nil or Canceled", err)
					}
					cancel()
					in.Add(-1)
					p.Leave()
				}
			})
		}
		wg.Wait()
		if got := free(q); got != running+waiting {
			t.Errorf("places free at the end = %d, want %d", got, running+waiting)
		}
	})
	t.Run("A-151 who waits leaves with the context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := password.NewQueue(1, 1)
			first, second := enter(t, q), enter(t, q)
			if err := first.Start(t.Context()); err != nil {
				t.Fatalf("Start() = %v, want nil", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := second.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Start() = %v, want DeadlineExceeded", err)
			}
			if got := free(q); got != 0 {
				t.Errorf("places free before Leave = %d, want 0", got)
			}
			second.Leave()
			if got := free(q); got != 1 {
				t.Errorf("places free after Leave = %d, want 1", got)
			}
			first.Leave()
		})
	})
	t.Run("an ended context takes no turn, even a free one", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := enter(t, password.NewQueue(1, 1))
		defer p.Leave()
		for range 50 {
			if err := p.Start(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("Start() = %v, want Canceled", err)
			}
		}
	})
	t.Run("turns go in the order of asking", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := password.NewQueue(1, 8)
			first := enter(t, q)
			first.Start(t.Context())
			var order []int
			for i := range 8 {
				go func() {
					p := enter(t, q)
					defer p.Leave()
					p.Start(t.Context())
					order = append(order, i) // one at a time: the turn guards it
				}()
				synctest.Wait()
			}
			first.Leave()
			synctest.Wait()
			for i, got := range order {
				if got != i {
					t.Errorf("order = %v, want 0 to 7", order)
					break
				}
			}
			if len(order) != 8 {
				t.Errorf("%d had a turn, want 8", len(order))
			}
		})
	})
	t.Run("leaving is counted once", func(t *testing.T) {
		q := password.NewQueue(1, 2)
		idle, busy := enter(t, q), enter(t, q)
		if err := busy.Start(t.Context()); err != nil {
			t.Fatalf("Start() = %v, want nil", err)
		}
		if err := busy.Start(t.Context()); err != nil {
			t.Errorf("Start() again = %v, want nil: it is the same turn", err)
		}
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(idle.Leave)
			wg.Go(busy.Leave)
		}
		wg.Wait()
		if got := free(q); got != 3 {
			t.Errorf("places free = %d, want 3", got)
		}
		if err := busy.Start(t.Context()); err == nil {
			t.Error("Start() after Leave = nil, want an error")
		}
		p := enter(t, q)
		defer p.Leave()
		if err := p.Start(t.Context()); err != nil {
			t.Errorf("Start() of the next = %v, want nil", err)
		}
	})
	t.Run("leaving while waiting takes no turn away", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			q := password.NewQueue(1, 1)
			first, second := enter(t, q), enter(t, q)
			first.Start(t.Context())
			waited := make(chan error, 1)
			go func() { waited <- second.Start(t.Context()) }()
			synctest.Wait()
			second.Leave()
			first.Leave()
			if err := <-waited; err == nil {
				t.Error("Start() of a place that was left = nil, want an error")
			}
			p := enter(t, q)
			defer p.Leave()
			if err := p.Start(t.Context()); err != nil {
				t.Errorf("Start() of the next = %v, want nil", err)
			}
		})
	})
	t.Run("the refusal says when to come back", func(t *testing.T) {
		for _, c := range []struct {
			running, waiting int
			least, most      time.Duration
		}{
			{1, 1, time.Second, time.Second},
			{2, 32, time.Second, 2 * time.Second},
			{2, 600, 5 * time.Second, 30 * time.Second},
		} {
			q := password.NewQueue(c.running, c.waiting)
			for range c.running + c.waiting {
				enter(t, q)
			}
			_, err := q.Enter("")
			var busy *password.BusyError
			if !errors.As(err, &busy) {
				t.Fatalf("Enter() = %v, want a *BusyError", err)
			}
			if busy.RetryAfter < c.least || busy.RetryAfter > c.most || busy.RetryAfter%time.Second != 0 {
				t.Errorf("NewQueue(%d, %d): RetryAfter = %v, want whole seconds from %v to %v", c.running, c.waiting, busy.RetryAfter, c.least, c.most)
			}
		}
	})
	t.Run("zero and less mean the defaults", func(t *testing.T) {
		want := free(password.NewQueue(0, 0))
		if want < 17 || want%17 != 0 {
			t.Errorf("NewQueue(0, 0) has %d places, want 17 for each processor", want)
		}
		if got := free(password.NewQueue(-1, -1)); got != want {
			t.Errorf("NewQueue(-1, -1) has %d places, want %d", got, want)
		}
	})
}

func BenchmarkQueue(b *testing.B) {
	b.Run("turn", func(b *testing.B) {
		q := password.NewQueue(2, 32)
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			p, err := q.Enter("")
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Start(ctx); err != nil {
				b.Fatal(err)
			}
			p.Leave()
		}
	})
	b.Run("refusal", func(b *testing.B) {
		q := password.NewQueue(1, 1)
		enter(b, q)
		enter(b, q)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := q.Enter(""); err == nil {
				b.Fatal("Enter() = nil, want a refusal")
			}
		}
	})
}

func TestQueueSources(t *testing.T) {
	q := password.NewQueue(2, 14) // sixteen places: four for each source
	var places []*password.Place
	for range 4 {
		p, err := q.Enter("198.51.100.7")
		if err != nil {
			t.Fatalf("Enter = %v, want a place", err)
		}
		places = append(places, p)
	}
	var busy *password.BusyError
	if _, err := q.Enter("198.51.100.7"); !errors.As(err, &busy) {
		t.Errorf("A-151 the fifth of one source: %v, want a BusyError: one source must not keep all others out", err)
	}
	if p, err := q.Enter("198.51.100.8"); err != nil {
		t.Errorf("A-151 another source: %v, want a place", err)
	} else {
		p.Leave()
	}
	places[0].Leave()
	places[0].Leave()
	if p, err := q.Enter("198.51.100.7"); err != nil {
		t.Errorf("after one has left: %v, want a place", err)
	} else {
		p.Leave()
	}
	for _, p := range places {
		p.Leave()
	}
	for i := range 16 {
		if _, err := q.Enter(""); err != nil {
			t.Fatalf("the empty source gets %d places, want all sixteen: %v", i, err)
		}
	}
	if _, err := q.Enter("198.51.100.9"); !errors.As(err, &busy) {
		t.Errorf("with all places taken: %v, want a BusyError", err)
	}
}
