package session_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// BenchmarkSessionCheck measures what a session costs every request: through the middleware, with the session in the
// context, and through Authenticate, without. Each is measured beside its floor: the least that gives the same answer.
// The requests carry the cookies of all sessions in no order, so that a large table costs what it costs.
func BenchmarkSessionCheck(b *testing.B) {
	for _, kind := range []struct {
		name string
		fill func(b *testing.B, n int) (checker, []string)
	}{
		{"floor", fillFloor},
		{"memory", fillMemory},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for _, n := range []int{1, 100_000, 1_000_000} {
				var c checker
				var cookies []string
				fill := sync.OnceFunc(func() { c, cookies = kind.fill(b, n) })
				b.Run(fmt.Sprintf("middleware/sessions=%d", n), func(b *testing.B) {
					fill()
					h := c.middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !c.signedIn(r.Context()) {
							b.Error("no session in the context")
						}
					}))
					w := httptest.NewRecorder()
					b.ReportAllocs()
					drive(b, cookies, func(r *http.Request) { h.ServeHTTP(w, r) })
				})
				b.Run(fmt.Sprintf("authenticate/sessions=%d", n), func(b *testing.B) {
					fill()
					b.ReportAllocs()
					drive(b, cookies, func(r *http.Request) {
						if !c.authenticate(r) {
							b.Error("no session")
						}
					})
				})
			}
		})
	}
}

// drive sends one request after the other, each with the next cookie.
func drive(b *testing.B, cookies []string, serve func(*http.Request)) {
	r := httptest.NewRequest("GET", "/", nil)
	header := []string{""}
	r.Header["Cookie"] = header
	i := 0
	for b.Loop() {
		header[0] = cookies[i]
		if i++; i == len(cookies) {
			i = 0
		}
		serve(r)
	}
}

type checker struct {
	middleware   func(http.Handler) http.Handler
	signedIn     func(context.Context) bool
	authenticate func(*http.Request) bool
}

const benchCookie = "__Host-session"

func shuffle(cookies []string) []string {
	mathrand.Shuffle(len(cookies), func(i, j int) { cookies[i], cookies[j] = cookies[j], cookies[i] })
	return cookies
}

func fillMemory(b *testing.B, n int) (checker, []string) {
	m, err := session.New(session.Config{Store: session.NewMemory()})
	if err != nil {
		b.Fatal(err)
	}
	cookies := make([]string, n)
	for i := range cookies {
		plain, _, err := m.Issue(b.Context(), session.Start{
			UserID: fmt.Sprintf("user-%d", i), AccountID: fmt.Sprintf("account-%d", i%1000),
			Methods: session.NewMethods("password", "totp"), IP: "192.0.2.1",
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		})
		if err != nil {
			b.Fatal(err)
		}
		cookies[i] = "theme=dark; " + benchCookie + "=" + plain
	}
	return checker{
		middleware: m.Require,
		signedIn: func(ctx context.Context) bool {
			s, ok := session.From(ctx)
			return ok && s.UserID != ""
		},
		authenticate: func(r *http.Request) bool {
			s, err := m.Authenticate(r)
			return err == nil && s.UserID != ""
		},
	}, shuffle(cookies)
}

// The floor: a scan of the Cookie header, the SHA-256 of the token, a sharded map of plain structs, an expiry.

type floorSession struct {
	user             uint64
	idleEnd, hardEnd int64
	_                uint32 // what kind of sign-in it was
}

type floorShard struct {
	mu   sync.RWMutex
	rows map[session.Key]floorSession
	_    [64]byte
}

type floorStore struct{ shards [256]floorShard }

func (f *floorStore) check(r *http.Request) (floorSession, bool) {
	var plain string
	for _, rest := range r.Header["Cookie"] {
		for rest != "" {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			if name, value, _ := strings.Cut(strings.TrimLeft(pair, " "), "="); name == benchCookie {
				plain = value
			}
		}
	}
	var buf [64]byte
	if plain == "" || len(plain) > len(buf) {
		return floorSession{}, false
	}
	key := sha256.Sum256(buf[:copy(buf[:], plain)])
	shard := &f.shards[key[0]]
	shard.mu.RLock()
	s, ok := shard.rows[key]
	shard.mu.RUnlock()
	now := time.Now().UnixNano()
	return s, ok && now < s.idleEnd && now < s.hardEnd
}

type floorContext struct {
	context.Context
	session floorSession
}

func (c *floorContext) Value(key any) any {
	if _, ok := key.(floorKey); ok {
		return c
	}
	return c.Context.Value(key)
}

type floorKey struct{}

func fillFloor(b *testing.B, n int) (checker, []string) {
	f := &floorStore{}
	for i := range f.shards {
		f.shards[i].rows = map[session.Key]floorSession{}
	}
	cookies := make([]string, n)
	for i := range cookies {
		var secret [32]byte
		rand.Read(secret[:])
		plain := "ses_" + base64.RawURLEncoding.EncodeToString(secret[:])
		key := sha256.Sum256([]byte(plain))
		end := time.Now().Add(time.Hour).UnixNano()
		f.shards[key[0]].rows[key] = floorSession{user: uint64(i) + 1, idleEnd: end, hardEnd: end}
		cookies[i] = "theme=dark; " + benchCookie + "=" + plain
	}
	return checker{
		middleware: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, ok := f.check(r)
				if !ok {
					http.Error(w, "no", http.StatusUnauthorized)
					return
				}
				next.ServeHTTP(w, r.WithContext(&floorContext{r.Context(), s}))
			})
		},
		signedIn: func(ctx context.Context) bool {
			c, ok := ctx.Value(floorKey{}).(*floorContext)
			return ok && c.session.user != 0
		},
		authenticate: func(r *http.Request) bool {
			s, ok := f.check(r)
			return ok && s.user != 0
		},
	}, shuffle(cookies)
}
