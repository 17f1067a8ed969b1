package session_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

func setCookie(m *session.Manager, plain string, s session.Session) *http.Cookie {
	w := httptest.NewRecorder()
	m.SetCookie(w, plain, s)
	return only(w)
}

// only is the one cookie of an answer, or nil.
func only(w *httptest.ResponseRecorder) *http.Cookie {
	if cookies := w.Result().Cookies(); len(cookies) == 1 {
		return cookies[0]
	}
	return nil
}

func TestSetCookie(t *testing.T) {
	for _, tt := range []struct {
		name   string
		start  session.Start
		maxAge time.Duration
	}{
		{"R18 not kept: goes with the browser", session.Start{UserID: "ann"}, 0},
		{"R17 kept: lasts as long as the session can", session.Start{UserID: "ann", Kept: true}, 180 * day},
		{"R17 kept, with a limit of its own", session.Start{UserID: "ann", Kept: true, Cap: 7 * day}, 7 * day},
		{"R17 kept without a cap: as long as browsers allow", session.Start{UserID: "ann", Kept: true, Cap: session.Uncapped}, 400 * day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _, _ := newManager(t, nil)
			plain, s := issue(t, m, tt.start)
			c := setCookie(m, plain, s)
			if c == nil {
				t.Fatal("not one cookie was set")
			}
			if c.Name != "__Host-session" || c.Value != plain || c.Path != "/" || c.Domain != "" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("the cookie is %q, want __Host-, Path=/, Secure, HttpOnly, SameSite=Lax and no Domain", c.Raw)
			}
			if got := time.Duration(c.MaxAge) * time.Second; got != tt.maxAge || !c.Expires.IsZero() {
				t.Errorf("the cookie is %q, want a Max-Age of %v and no Expires", c.Raw, tt.maxAge)
			}
		})
	}
	t.Run("R17 Max-Age counts from now", func(t *testing.T) {
		m, _, c := newManager(t, nil)
		plain, s := issue(t, m, session.Start{UserID: "ann", Kept: true})
		c.move(80 * day)
		if got := setCookie(m, plain, s); got == nil || time.Duration(got.MaxAge)*time.Second != 100*day {
			t.Errorf("the cookie is %v, want a Max-Age of 100 days", got)
		}
		c.move(100 * day)
		if got := setCookie(m, plain, s); got == nil || got.MaxAge >= 0 || got.Value != "" {
			t.Errorf("the cookie of a session that is over is %v, want it taken back", got)
		}
	})
	t.Run("R67 ClearCookie takes the same cookie back", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		w := httptest.NewRecorder()
		m.ClearCookie(w)
		c := only(w)
		if c == nil || c.Name != "__Host-session" || c.Value != "" || c.MaxAge >= 0 || c.Path != "/" || !c.Secure {
			t.Errorf("the cookie is %v, want an empty __Host-session with Max-Age=0, Path=/ and Secure", c)
		}
	})
	t.Run("the last one set on an answer is the only one", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		plain, s := issue(t, m, session.Start{UserID: "ann"})
		w := httptest.NewRecorder()
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		m.SetCookie(w, "ses_old", s)
		m.SetCookie(w, plain, s)
		if got := w.Header()["Set-Cookie"]; len(got) != 2 || got[0] != "theme=dark" || !strings.Contains(got[1], plain) {
			t.Errorf("the cookies are %q, want theme and the last token", got)
		}
		m.ClearCookie(w)
		if got := w.Header()["Set-Cookie"]; len(got) != 2 || got[0] != "theme=dark" || !strings.Contains(got[1], "Max-Age=0") {
			t.Errorf("the cookies are %q, want theme and a token taken back", got)
		}
	})
	t.Run("an answer with a token is not cached unless the program has said how", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		w := httptest.NewRecorder()
		m.SetCookie(w, "ses_x", session.Session{})
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control = %q, want no-store", got)
		}
		w = httptest.NewRecorder()
		w.Header().Set("Cache-Control", "private")
		m.SetCookie(w, "ses_x", session.Session{})
		if got := w.Header().Get("Cache-Control"); got != "private" {
			t.Errorf("Cache-Control = %q, want the program's own", got)
		}
	})
	t.Run("InsecureHTTP: a plain cookie", func(t *testing.T) {
		m, _, _ := newManager(t, func(cfg *session.Config) { cfg.InsecureHTTP = true })
		plain, s := issue(t, m, session.Start{UserID: "ann"})
		c := setCookie(m, plain, s)
		if c == nil || c.Name != "session" || c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie is %v, want session, HttpOnly and SameSite=Lax without Secure", c)
		}
		if _, err := m.Authenticate(request("session=" + plain)); err != nil {
			t.Errorf("Authenticate = %v", err)
		}
	})
	t.Run("a browser brings it back", func(t *testing.T) {
		m, _, _ := newManager(t, nil)
		mux := http.NewServeMux()
		mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
			plain, s, err := m.Issue(r.Context(), session.Start{UserID: "ann"})
			if err != nil {
				t.Error(err)
			}
			m.SetCookie(w, plain, s)
		})
		mux.Handle("/", m.Require(http.NotFoundHandler()))
		server := httptest.NewTLSServer(mux)
		defer server.Close()
		browser := server.Client()
		browser.Jar, _ = cookiejar.New(nil)
		for _, step := range []struct {
			path string
			want int
		}{{"/", 401}, {"/in", 200}, {"/", 404}} {
			resp, err := browser.Get(server.URL + step.path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != step.want {
				t.Errorf("GET %s = %d, want %d", step.path, resp.StatusCode, step.want)
			}
		}
	})
}

func TestToken(t *testing.T) {
	m, _, _ := newManager(t, nil)
	many := strings.Repeat("a=b; ", 2000)
	for _, tt := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"alone", []string{"__Host-session=ses_x"}, "ses_x"},
		{"among others", []string{"a=b; __Host-session=ses_x; c=d"}, "ses_x"},
		{"in the second header", []string{"a=b", "__Host-session=ses_x"}, "ses_x"},
		{"with blanks", []string{" a=b ;\t__Host-session = ses_x ;; "}, "ses_x"},
		{"none", nil, ""},
		{"an empty header", []string{""}, ""},
		{"an empty one", []string{"__Host-session="}, ""},
		{"without a value", []string{"__Host-session"}, ""},
		{"another name", []string{"__Host-session2=ses_x; X__Host-session=ses_x; __host-session=ses_x"}, ""},
		{"in another's value", []string{"a=__Host-session=ses_x"}, ""},
		{"A-229 twice", []string{"__Host-session=ses_x; __Host-session=ses_y"}, ""},
		{"A-229 the same twice", []string{"__Host-session=ses_x; __Host-session=ses_x"}, ""},
		{"A-229 twice, in two headers", []string{"__Host-session=ses_x", "__Host-session=ses_y"}, ""},
		{"A-229 twice, once empty", []string{"__Host-session; __Host-session=ses_y"}, ""},
		{"A-229 beside many others", []string{many + "__Host-session=ses_x; " + many}, "ses_x"},
		{"A-229 beside the same name for a whole domain", []string{"session=evil; __Secure-session=evil; __Host-session=ses_x"}, "ses_x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := m.Token(request(tt.headers...))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Token = %q, %t, want %q", got, ok, tt.want)
			}
		})
	}
	t.Run("A-229 a live session beside a planted one is refused, and one alone is not", func(t *testing.T) {
		plain, _ := issue(t, m, session.Start{UserID: "ann"})
		planted, _ := issue(t, m, session.Start{UserID: "mallory"})
		if w := serve(m, request("__Host-session="+planted+"; __Host-session="+plain)); w.Code != 401 {
			t.Errorf("Require answered %d to two tokens, want 401", w.Code)
		}
		if w := serve(m, withToken(plain)); w.Code != 200 {
			t.Errorf("Require answered %d to one token, want 200", w.Code)
		}
	})
}

// wellFormed is a cookie-string of RFC 6265, section 4.2.1, without quoted values.
var wellFormed = regexp.MustCompile("^" + pair + "(; " + pair + ")*$")

const pair = "[!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+./0-:<-\\[\\]-~-]*"

func FuzzCookie(f *testing.F) {
	for _, line := range []string{
		"__Host-session=ses_x", "a=b; __Host-session=ses_x", "__Host-session=ses_x; __Host-session=ses_y",
		"__Host-session", "=", ";;;", " ; =__Host-session=x", "__Host-session=\"x\"", "__Host-session =\tx\x00; ü=1",
	} {
		f.Add(line)
	}
	m, err := session.New(session.Config{Store: session.NewMemory()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := request(line)
		got, ok := m.Token(r)
		if ok != (got != "") {
			t.Errorf("Token(%q) = %q, %t", line, got, ok)
		}
		if _, err := m.Authenticate(r); err == nil {
			t.Errorf("Authenticate(%q) found a session in an empty store", line)
		}
		if !wellFormed.MatchString(line) || strings.Count(line, ";") > 2000 {
			return
		}
		want := ""
		if cookies := r.CookiesNamed("__Host-session"); len(cookies) == 1 {
			want = cookies[0].Value
		}
		if got != want {
			t.Errorf("Token(%q) = %q, net/http reads %q", line, got, want)
		}
	})
}
