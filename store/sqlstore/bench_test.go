package sqlstore_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// BenchmarkSessionCheck is the check of a request's cookie by session.Manager, beside a floor: the barest prepared SELECT by
// key on the same connections. "16" is with sixteen requests under way at any time.
func BenchmarkSessionCheck(b *testing.B) {
	for _, d := range []struct {
		name    string
		open    func(testing.TB) *sql.DB
		dialect sqlstore.Dialect
		bare    string
	}{
		{"sqlite", testdb.RawSQLite, sqlstore.SQLite, "SELECT user_id, expires_at FROM sallyport_sessions WHERE token_hash = ?"},
		{"postgres", testdb.RawPostgreSQL, sqlstore.PostgreSQL, "SELECT user_id, expires_at FROM sallyport_sessions WHERE token_hash = $1"},
	} {
		raw := d.open(b)
		raw.SetMaxOpenConns(16)
		raw.SetMaxIdleConns(16)
		db := mustOpen(b, raw, d.dialect)
		manager, err := session.New(session.Config{Store: db, Cuts: db})
		if err != nil {
			b.Fatal(err)
		}
		var plains []string
		var requests []*http.Request
		for i := range 500 {
			plain, _, err := manager.Issue(ctx, session.Start{
				UserID: fmt.Sprint("user ", i), AccountID: fmt.Sprint("account ", i%20), Methods: "password", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", IP: "192.0.2.1",
			})
			if err != nil {
				b.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: plain})
			plains, requests = append(plains, plain), append(requests, r)
		}
		bare, err := raw.Prepare(d.bare)
		if err != nil {
			b.Fatal(err)
		}
		check := func(b *testing.B, i int) {
			if _, err := manager.Authenticate(requests[i%len(requests)]); err != nil {
				b.Error(err)
			}
		}
		floor := func(b *testing.B, i int) {
			key, _ := token.Lookup(token.Session, plains[i%len(plains)])
			var userID string
			var expires int64
			if err := bare.QueryRowContext(ctx, key[:]).Scan(&userID, &expires); err != nil {
				b.Error(err)
			}
			if time.UnixMicro(expires).IsZero() {
				b.Error("no time")
			}
		}
		for _, way := range []struct {
			name string
			do   func(*testing.B, int)
		}{{d.name, check}, {d.name + "-floor", floor}} {
			b.Run(way.name, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					way.do(b, i)
				}
			})
			b.Run(way.name+"/16", func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(8) // times GOMAXPROCS
				var n atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						way.do(b, int(n.Add(1)))
					}
				})
			})
		}
	}
}
