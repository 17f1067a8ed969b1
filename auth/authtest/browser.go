package authtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Browser asks a program as a browser does: it keeps cookies by the rules of their attributes, says where a form was posted
// from, and follows redirects. Make one with NewBrowser. It is one person's: not safe for concurrent use.
type Browser struct {
	UserAgent string           // empty: what a common browser says
	Language  string           // Accept-Language; empty: "en"
	Address   string           // where it calls from, "203.0.113.7:4000"; empty: "192.0.2.1:1234"; counts only in front of a handler
	Stay      bool             // does not follow redirects
	Old       bool             // sends no Sec-Fetch-Site, as browsers before 2023
	Now       func() time.Time // the clock by which cookies end; nil: time.Now

	t       testing.TB
	base    *url.URL
	handler http.Handler
	jar     []cookie
	policy  string // the Referrer-Policy of the page shown last
}

// NewBrowser returns a browser in front of a handler, which is to believe that it is at base: "https://app.example.com". Without a
// handler it calls base over the network.
func NewBrowser(t testing.TB, base string, handler http.Handler) *Browser {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		t.Fatalf("authtest: %q is no address", base)
	}
	return &Browser{t: t, base: u, handler: handler}
}

// A cookie is one that the browser keeps. Cookies here are of one host only.
type cookie struct {
	http.Cookie
	ends time.Time // zero: with the browser
}

// Restart closes the browser and opens it again: cookies without a life of their own are gone.
func (b *Browser) Restart() {
	var kept []cookie
	for _, c := range b.jar {
		if !c.ends.IsZero() {
			kept = append(kept, c)
		}
	}
	b.jar = kept
}

// Cookie is the value of a cookie that the browser has; empty: it has none.
func (b *Browser) Cookie(name string) string {
	for _, c := range b.jar {
		if c.Name == name && b.alive(c) {
			return c.Value
		}
	}
	return ""
}

// SetCookie puts a cookie into the browser, as somebody does who has got hold of it. An empty value takes it out.
func (b *Browser) SetCookie(name, value string) {
	c := http.Cookie{Name: name, Value: value, Path: "/"}
	if value == "" {
		c.MaxAge = -1
	}
	b.keep(c)
}

// Get opens a path, or an address of the same host, and follows redirects.
func (b *Browser) Get(path string) *Page {
	b.t.Helper()
	return b.follow(b.send(b.request(http.MethodGet, path, "", ""), "none"))
}

// Submit fills in a form and posts it. Values take the place of what stands in the form's fields, and boxes that are not among them
// stay as they are.
func (b *Browser) Submit(f *Form, values map[string]string) *Page {
	b.t.Helper()
	filled := url.Values{}
	for name, value := range f.Fields {
		filled.Set(name, value)
	}
	for name, value := range values {
		filled.Set(name, value)
	}
	return b.Post(f.Action, filled)
}

// Post posts a form to a path from a page of the same host, and follows redirects.
func (b *Browser) Post(path string, form url.Values) *Page {
	b.t.Helper()
	r := b.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	r.Header.Set("Origin", b.origin())
	if b.policy == "no-referrer" {
		r.Header.Set("Origin", "null") // as the Fetch standard has it for every request that is not GET or HEAD
	}
	return b.follow(b.send(r, "same-origin"))
}

// PostFrom posts a form as a page of another site makes a browser do: with cookies only where their SameSite lets them.
func (b *Browser) PostFrom(origin, path string, form url.Values) *Page {
	b.t.Helper()
	r := b.request(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
	r.Header.Set("Origin", origin)
	return b.send(r, "cross-site")
}

// JSON asks as a script of the same host does, with a body in JSON, which may be empty. It follows no redirect.
func (b *Browser) JSON(method, path, body string) *Page {
	b.t.Helper()
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	r := b.request(method, path, kind, body)
	r.Header.Set("Accept", "application/json")
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", b.origin())
	}
	return b.send(r, "same-origin")
}

// Do sends a request as it is, with the browser's cookies, and follows no redirect. Make it with Request.
func (b *Browser) Do(r *http.Request) *Page {
	b.t.Helper()
	return b.send(r, "")
}

// Request makes a request for Do, with nothing but what is given.
func (b *Browser) Request(method, path, contentType, body string) *http.Request {
	b.t.Helper()
	return b.request(method, path, contentType, body)
}

func (b *Browser) request(method, path, contentType, body string) *http.Request {
	b.t.Helper()
	to, err := b.base.Parse(path)
	if err != nil {
		b.t.Fatalf("authtest: %q is no address: %v", path, err)
	}
	r := httptest.NewRequest(method, to.String(), strings.NewReader(body))
	r.RequestURI, r.TLS = "", nil
	r.RemoteAddr = "192.0.2.1:1234"
	if b.Address != "" {
		r.RemoteAddr = b.Address
	}
	r.Header.Set("User-Agent", b.UserAgent)
	if b.UserAgent == "" {
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Accept-Language", b.Language)
	if b.Language == "" {
		r.Header.Set("Accept-Language", "en")
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func (b *Browser) origin() string { return b.base.Scheme + "://" + b.base.Host }

// send sends one request, from a page of the given kind of site, and keeps the cookies of the answer.
func (b *Browser) send(r *http.Request, site string) *Page {
	b.t.Helper()
	if site != "" && !b.Old && b.trustworthy() {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	for _, c := range b.jar {
		foreign := site == "cross-site" && c.SameSite != http.SameSiteNoneMode && r.Method != http.MethodGet
		if b.alive(c) && !foreign && (!c.Secure || b.trustworthy()) && under(r.URL.Path, c.Path) {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	answer := b.exchange(r)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range answer.Cookies() {
		b.keep(*c)
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		b.policy = answer.Header.Get("Referrer-Policy")
	}
	return &Page{Status: answer.StatusCode, Header: answer.Header, URL: r.URL, Body: string(body), t: b.t}
}

func (b *Browser) exchange(r *http.Request) *http.Response {
	b.t.Helper()
	if b.handler != nil {
		w := httptest.NewRecorder()
		served := r.Clone(r.Context())
		served.URL.Scheme, served.URL.Host = "", "" // a server sees no more than the path
		served.RequestURI = served.URL.RequestURI()
		b.handler.ServeHTTP(w, served)
		return w.Result()
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer
}

// follow goes where redirects lead, as long as they stay on this host.
func (b *Browser) follow(p *Page) *Page {
	b.t.Helper()
	for range 10 {
		to := p.Location()
		if b.Stay || to == nil || to.Host != b.base.Host || p.Status != http.StatusSeeOther && p.Status != http.StatusFound {
			return p
		}
		p = b.send(b.request(http.MethodGet, to.String(), "", ""), "same-origin")
	}
	b.t.Fatalf("authtest: %s redirects in circles", p.URL)
	return nil
}

// keep takes in a cookie as a browser does.
func (b *Browser) keep(c http.Cookie) {
	if strings.HasPrefix(c.Name, "__Host-") && c.Value != "" && c.Raw != "" && (!c.Secure || c.Path != "/" || c.Domain != "") ||
		c.Secure && !b.trustworthy() {
		return
	}
	var others []cookie
	for _, old := range b.jar {
		if old.Name != c.Name || old.Path != c.Path {
			others = append(others, old)
		}
	}
	b.jar = others
	kept := cookie{Cookie: c}
	switch {
	case c.MaxAge < 0:
		return
	case c.MaxAge > 0:
		kept.ends = b.now().Add(time.Duration(c.MaxAge) * time.Second)
	case !c.Expires.IsZero():
		kept.ends = c.Expires
	}
	if b.alive(kept) {
		b.jar = append(b.jar, kept)
	}
}

func (b *Browser) alive(c cookie) bool { return c.ends.IsZero() || b.now().Before(c.ends) }

func (b *Browser) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

// trustworthy tells whether browsers take this host's pages for safe from people on the way: then Secure cookies go there, and
// Sec-Fetch-Site is sent.
func (b *Browser) trustworthy() bool {
	host := b.base.Hostname()
	return b.base.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// under tells whether a cookie of one path is sent to another.
func under(path, of string) bool {
	return of == "" || of == "/" || path == of || strings.HasPrefix(path, strings.TrimSuffix(of, "/")+"/")
}

// A Page is what a program has answered.
type Page struct {
	Status int
	Header http.Header
	URL    *url.URL
	Body   string

	t testing.TB
}

// Location is where a redirect leads; nil: nowhere.
func (p *Page) Location() *url.URL {
	at := p.Header.Get("Location")
	if at == "" {
		return nil
	}
	to, err := p.URL.Parse(at)
	if err != nil {
		p.t.Fatalf("authtest: %s redirects to %q: %v", p.URL, at, err)
	}
	return to
}

// String says what there is to see, in short.
func (p *Page) String() string { return strconv.Itoa(p.Status) + " " + p.URL.Path }
