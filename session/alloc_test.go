//go:build !race

package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// The race detector allocates for itself, so these two are not built with it.

func TestAllocations(t *testing.T) {
	m, err := session.New(session.Config{Store: session.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := issue(t, m, session.Start{UserID: "ann", AccountID: "acme"})
	r := request("theme=dark; __Host-session=" + plain)
	nobody := withToken("ses_" + strings.Repeat("A", 43))
	w := httptest.NewRecorder()
	h := m.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := session.From(r.Context()); !ok {
			t.Error("From found nothing")
		}
	}))
	for _, tt := range []struct {
		name string
		want float64
		f    func()
	}{
		{"Authenticate", 0, func() {
			if _, err := m.Authenticate(r); err != nil {
				t.Error(err)
			}
		}},
		{"Authenticate of nobody", 0, func() {
			if _, err := m.Authenticate(nobody); err == nil {
				t.Error("an unknown token opened a session")
			}
		}},
		{"Require", 2, func() { h.ServeHTTP(w, r) }}, // the context and the copy of the request that carries it
	} {
		if got := testing.AllocsPerRun(200, tt.f); got != tt.want {
			t.Errorf("%s allocates %v times, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	const sessions = 50_000
	heap := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	empty := heap()
	m, store, c := newManager(t, nil)
	for i := range sessions {
		issue(t, m, session.Start{UserID: fmt.Sprint("user", i), UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"})
	}
	full := heap() - empty
	t.Logf("%d bytes a session", full/sessions)
	c.move(2 * day)
	began := time.Now()
	if got, err := store.DeleteExpired(t.Context(), c.Now(), sessions); err != nil || got == 0 {
		t.Fatalf("DeleteExpired = %d, %v", got, err)
	}
	t.Logf("deleted in %v", time.Since(began))
	if left := heap() - empty; left > full/20 {
		t.Errorf("%d of %d bytes are still held after every session has expired, want a twentieth at most", left, full)
	}
	runtime.KeepAlive(store)
	runtime.KeepAlive(m)
}
