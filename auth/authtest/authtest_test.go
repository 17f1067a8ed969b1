package authtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/session"
)

// A host tests that its own page needs a sign-in and knows who is there.
func TestWorld(t *testing.T) {
	w := authtest.New(t, authtest.Config{})
	ann := w.AddUser(auth.User{Email: "ann@acme.example"}, "correct horse battery staple")
	w.AddAccount(directory.Account{ID: "acme", Name: "Acme"}, ann)
	mux := http.NewServeMux()
	mux.Handle("/auth/", w.Web)
	mux.Handle("/", w.Auth.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		fmt.Fprintf(w, "%s of %s", s.UserID, s.AccountID)
	})))

	b := authtest.NewBrowser(t, authtest.BaseURL, mux)
	b.Now = w.Clock.Now
	p := b.Get("/reports")
	p = b.Submit(p.Form("/signin/identify"), map[string]string{"email": "ann@acme.example"})
	p = b.Submit(p.Form("/signin/password"), map[string]string{"password": "correct horse battery staple"})
	if p.URL.Path != "/reports" || p.Body != ann.ID+" of acme" {
		t.Errorf("%s: %s, want ann of acme at /reports", p, p.Body)
	}
	events := w.Events()
	if i := slices.IndexFunc(events, func(e auth.Event) bool { return e.Kind == auth.SignedIn && e.UserID == ann.ID }); i < 0 {
		t.Errorf("events %v, want one that ann has signed in", events)
	}
	w.Clock.Advance(13 * time.Hour)
	if p := b.Get("/reports"); p.URL.Path != "/auth/signin" || p.Title() == "" {
		t.Errorf("%s, want the sign-in after a night", p)
	}
	if got := w.Faults(); len(got) != 0 {
		t.Errorf("faults %v, want none", got)
	}
	if got := w.Browser().JSON(http.MethodGet, "/auth/signin", ""); got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("JSON is answered with %s", got.Header.Get("Content-Type"))
	}
}

// cookieShop sets the cookies that it is asked for, and says what it was sent.
func cookieShop(headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set" {
			for _, h := range headers {
				w.Header().Add("Set-Cookie", h)
			}
		}
		w.Header().Set("Content-Type", "text/html")
		if policy := r.URL.Query().Get("policy"); policy != "" {
			w.Header().Set("Referrer-Policy", policy)
		}
		fmt.Fprintf(w, "cookies %q site %q origin %q", r.Header.Get("Cookie"), r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin"))
	})
}

func TestBrowser(t *testing.T) {
	t.Run("cookies end with the browser, with their life, and by the rules of their names", func(t *testing.T) {
		clock := authtest.NewClock()
		b := authtest.NewBrowser(t, "https://app.example.com", cookieShop(
			"short=1; Path=/", "long=2; Path=/; Max-Age=60", "__Host-bad=3; Path=/", "__Host-good=4; Path=/; Secure", "deep=5; Path=/x"))
		b.Now = clock.Now
		b.Get("/set")
		if got := b.Get("/").Body; got != `cookies "short=1; long=2; __Host-good=4" site "none" origin ""` {
			t.Errorf("%s", got)
		}
		b.Restart()
		if b.Cookie("short") != "" || b.Cookie("long") != "2" {
			t.Error("want the long cookie alone after a restart")
		}
		clock.Advance(time.Minute)
		if got := b.Cookie("long"); got != "" {
			t.Errorf("the cookie is %q after its life", got)
		}
	})
	t.Run("secure cookies go to https and to localhost", func(t *testing.T) {
		for base, want := range map[string]string{"http://localhost:8080": "1", "http://app.example.com": "", "https://app.example.com": "1"} {
			b := authtest.NewBrowser(t, base, cookieShop("safe=1; Path=/; Secure"))
			b.Get("/set")
			if got := b.Cookie("safe"); got != want {
				t.Errorf("%s: the cookie is %q, want %q", base, got, want)
			}
		}
	})
	t.Run("another site's form comes without cookies", func(t *testing.T) {
		b := authtest.NewBrowser(t, "https://app.example.com", cookieShop("a=1; Path=/; SameSite=Lax"))
		b.Get("/set")
		if got := b.PostFrom("https://evil.example", "/", nil).Body; got != `cookies "" site "cross-site" origin "https://evil.example"` {
			t.Errorf("%s", got)
		}
	})
	t.Run("a form says where it comes from, unless the page forbids it", func(t *testing.T) {
		b := authtest.NewBrowser(t, "https://app.example.com", cookieShop())
		b.Old = true
		for policy, want := range map[string]string{"no-referrer": "null", "same-origin": "https://app.example.com"} {
			b.Get("/?policy=" + policy)
			if got := b.Post("/", nil).Body; got != `cookies "" site "" origin "`+want+`"` {
				t.Errorf("%s: %s", policy, got)
			}
		}
	})
	t.Run("over the network", func(t *testing.T) {
		server := httptest.NewServer(cookieShop("a=1; Path=/"))
		defer server.Close()
		b := authtest.NewBrowser(t, server.URL, nil)
		b.Get("/set")
		if got := b.Post("/", nil).Body; got != fmt.Sprintf(`cookies "a=1" site "same-origin" origin %q`, server.URL) {
			t.Errorf("%s", got)
		}
	})
	t.Run("forms are filled in as they stand", func(t *testing.T) {
		b := authtest.NewBrowser(t, "https://app.example.com", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			fmt.Fprintf(w, `<title>T</title><form method="post" action="/go"><input name="a" value="&lt;1"><input type="checkbox" name="b" value="y">
				<input type="checkbox" name="c" value="z" checked></form>%s`, r.PostForm.Encode())
		}))
		p := b.Get("/")
		f := p.Form("/go")
		if f.Method != "POST" || f.Fields["a"] != "<1" || f.Fields["c"] != "z" || !slices.Equal(f.Boxes, []string{"b", "c"}) || p.Title() != "T" {
			t.Errorf("form %+v", f)
		}
		if got := b.Submit(f, map[string]string{"a": "2"}); got.Body[len(got.Body)-len("a=2&c=z"):] != "a=2&c=z" {
			t.Errorf("posted %s", got.Body)
		}
	})
}

func TestClock(t *testing.T) {
	c := authtest.NewClock()
	before := c.Now()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { c.Advance(time.Second); c.Now() })
	}
	all.Wait()
	if got := c.Now().Sub(before); got != 16*time.Second {
		t.Errorf("moved by %v, want 16 seconds", got)
	}
}

func TestKeys(t *testing.T) {
	a, b := authtest.Keys(), authtest.Keys()
	if len(a) != 1 || len(a[0]) != 32 || string(a[0]) == string(b[0]) {
		t.Errorf("keys %x and %x, want one of 32 random bytes each", a, b)
	}
	if err := authtest.CheapPasswords().Check(); err != nil {
		t.Error(err)
	}
}
