package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// A browser keeps cookies, and sends those of this program along as SameSite=Lax says.
type browser struct {
	t    *testing.T
	jar  http.CookieJar
	base string
	http *http.Client // has no cookies of its own
}

// do sends a request, and follows where the answer leads. from is the site of the page that asks for it.
func (b *browser) do(method, address, from string, form url.Values) (status int, page string) {
	b.t.Helper()
	for range 10 {
		req, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
		if err != nil {
			b.t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		req.Header.Set("Sec-Fetch-Site", from)
		if from != "cross-site" || method == http.MethodGet {
			for _, c := range b.jar.Cookies(req.URL) {
				req.AddCookie(c)
			}
		}
		resp, err := b.http.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		b.jar.SetCookies(req.URL, resp.Cookies())
		to, err := resp.Location()
		if err != nil {
			return resp.StatusCode, string(body)
		}
		method, address, form = http.MethodGet, to.String(), nil
	}
	b.t.Fatal("the redirects do not end")
	return 0, ""
}

// post posts the form of a page of the provider's.
func (b *browser) post(page string) (int, string) {
	b.t.Helper()
	form := url.Values{}
	for _, f := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(f[1], html.UnescapeString(f[2]))
	}
	if form.Get("SAMLResponse") == "" {
		b.t.Fatalf("the provider's page has no answer: %s", page)
	}
	return b.do("POST", b.base+"/sso/company/acs", "cross-site", form)
}

func TestSignIn(t *testing.T) {
	ann := ssotest.Person{Email: "ann@corp.example"}
	eve := ssotest.Person{Email: "eve@other.example"}
	provider := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{ann, eve}, Settings: ssotest.Settings{SignedInAs: ann.Email}})
	var handler http.Handler
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	base := server.URL
	var err error
	if handler, err = newHandler(base, "corp.example", provider.Metadata()); err != nil {
		t.Fatal(err)
	}
	newBrowser := func() *browser {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return &browser{t, jar, base, &http.Client{
			Transport:     server.Client().Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
	}
	want := func(t *testing.T, status int, page string, wantStatus int, text string) {
		t.Helper()
		if status != wantStatus || !strings.Contains(page, text) {
			t.Errorf("%d %q, want %d with %q", status, page, wantStatus, text)
		}
	}
	b := newBrowser()
	_, metadata := b.do("GET", base+"/sso/company/metadata", "none", nil)
	sp, err := ssotest.ParseSP([]byte(metadata))
	if err != nil {
		t.Fatal(err)
	}
	provider.Register(sp)
	start := func(b *browser) string {
		_, page := b.do("POST", base+"/sso/company/start", "same-origin", url.Values{})
		return page
	}
	closed := func(t *testing.T, b *browser) {
		t.Helper()
		status, page := b.do("GET", base+"/", "none", nil)
		want(t, status, page, 200, "You will sign in there")
	}
	closed(t, b)
	page := start(b)
	status, room := b.post(page)
	want(t, status, room, 200, "You are ")
	status, room = b.do("GET", base+"/", "none", nil)
	want(t, status, room, 200, "ann%40corp.example")
	t.Run("A-048 the same answer again", func(t *testing.T) {
		b := newBrowser()
		status, text := b.post(page)
		want(t, status, text, 400, "took too long")
		closed(t, b)
	})
	t.Run("A-041 an answer to the request of another browser", func(t *testing.T) {
		victim := newBrowser()
		start(victim)
		status, text := victim.post(start(newBrowser()))
		want(t, status, text, 400, "in another browser")
		closed(t, victim)
	})
	t.Run("A-050 an answer that nobody asked for", func(t *testing.T) {
		b := newBrowser()
		_, page := b.do("GET", provider.StartURL(sp.EntityID, ""), "none", nil)
		status, text := b.post(page)
		want(t, status, text, 400, "begin to sign in here")
		closed(t, b)
	})
	t.Run("A-063 somebody of another company", func(t *testing.T) {
		provider.Set(func(s *ssotest.Settings) { s.SignedInAs = eve.Email })
		b := newBrowser()
		status, text := b.post(start(b))
		want(t, status, text, 400, "not one of its own")
		closed(t, b)
	})
}
