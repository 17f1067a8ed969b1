package sso_test

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// site is a Handler, and who has come in.
type site struct {
	*world
	handler http.Handler
	in      []sso.Identity
	ended   []sso.SessionRef
	endErr  error
}

func newSite(t *testing.T, connections ...sso.Connection) *site {
	t.Helper()
	s := &site{world: newWorld(t, connections...)}
	s.cfg.Protocols = []sso.Protocol{s.fake, &fake{name: "oidc"}}
	s.make()
	h, err := sso.NewHandler(sso.HandlerConfig{
		Manager: s.m,
		Done: func(w http.ResponseWriter, _ *http.Request, id sso.Identity) {
			s.in = append(s.in, id)
			io.WriteString(w, "welcome")
		},
		Ended: func(_ context.Context, sessions []sso.SessionRef) error {
			s.ended = append(s.ended, sessions...)
			return s.endErr
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = h
	return s
}

// browser is what browsers do: it keeps cookies, and sends them along as SameSite=Lax says.
type browser struct {
	t       *testing.T
	s       *site
	cookies map[string]*http.Cookie
	pages   []string // where it has been
}

func (s *site) browser() *browser { return &browser{t: s.t, s: s, cookies: map[string]*http.Cookie{}} }

const ownSite, elsewhere = "same-origin", "cross-site"

func (b *browser) do(method, path, from string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	b.pages = append(b.pages, path)
	r := httptest.NewRequest(method, "https://app.example.com"+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", from)
	if from == ownSite || method == http.MethodGet {
		for _, c := range b.cookies {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	b.s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
			b.t.Errorf("cookie %v, want __Host-, Secure, HttpOnly and Lax", c)
		}
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		b.t.Errorf("%s %s: Cache-Control %q, want no-store", method, path, got)
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder { return b.do("GET", path, ownSite, nil) }

// start begins a sign-in and answers the handle that goes to the provider.
func (b *browser) start(connection string) string {
	b.t.Helper()
	w := b.do("POST", "/auth/sso/"+connection+"/start", ownSite, nil)
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || !strings.HasPrefix(to.String(), provider) {
		b.t.Fatalf("start = %d to %q, want the provider", w.Code, w.Header().Get("Location"))
	}
	return to.Query().Get("RelayState")
}

// post brings an answer as the provider's page does.
func (b *browser) post(connection string, m sso.Message) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.do("POST", "/auth/sso/"+connection+"/acs", elsewhere, m.Form)
}

// want checks how far somebody got.
func (s *site) want(w *httptest.ResponseRecorder, status, in int) {
	s.t.Helper()
	if w.Code != status || len(s.in) != in {
		s.t.Errorf("status %d with %d people in, want %d with %d\n%s", w.Code, len(s.in), status, in, w.Body)
	}
}

func TestNewHandler(t *testing.T) {
	m := newWorld(t).m
	done := func(http.ResponseWriter, *http.Request, sso.Identity) {}
	if _, err := sso.NewHandler(sso.HandlerConfig{Done: done}); err == nil || !strings.Contains(err.Error(), "Manager") {
		t.Errorf("NewHandler = %v, want an error of Manager", err)
	}
	if _, err := sso.NewHandler(sso.HandlerConfig{Manager: m}); err == nil || !strings.Contains(err.Error(), "Done") {
		t.Errorf("NewHandler = %v, want an error of Done", err)
	}
}

func TestHandlerStart(t *testing.T) {
	t.Run("R20 the page says where one will go, and its form goes there", func(t *testing.T) {
		c := acme()
		c.Name = `Acme <b>"Ltd"</b>`
		s := newSite(t, c)
		b := s.browser()
		w := b.get("/auth/sso/acme/start")
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), html.EscapeString(c.Name)) || strings.Contains(w.Body.String(), "<b>") {
			t.Errorf("GET = %d %s, want the name, escaped", w.Code, w.Body)
		}
		if !strings.Contains(w.Body.String(), `method="post" action="/auth/sso/acme/start"`) || len(b.cookies) != 0 || s.last().Kind != "" {
			t.Errorf("GET = %s, want a form, and nothing done", w.Body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("Content-Security-Policy %q", csp)
		}
		b.start("acme")
	})
	t.Run("A-079 another site cannot start it, and what it says does not count", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		if w := b.do("POST", "/auth/sso/acme/start", elsewhere, nil); w.Code != http.StatusForbidden || s.last().Kind != "" {
			t.Errorf("POST from elsewhere = %d, event %+v, want 403 and nothing done", w.Code, s.last())
		}
		w := b.do("POST", "/auth/sso/acme/start?state=chosen&RelayState=chosen", ownSite, url.Values{"state": {"chosen"}})
		if to := w.Header().Get("Location"); strings.Contains(to, "chosen") {
			t.Errorf("start leads to %s, with what the caller chose", to)
		}
	})
	t.Run("by POST", func(t *testing.T) {
		s := newSite(t)
		s.fake.begin = func(sso.Request) (sso.Departure, error) {
			return sso.Departure{Post: &sso.Form{Action: provider + "/sso", Fields: []sso.Field{{Name: "SAMLRequest", Value: `"><script>`}}}}, nil
		}
		w := s.browser().do("POST", "/auth/sso/acme/start", ownSite, nil)
		if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, `action="`+provider+`/sso"`) || strings.Contains(body, `"><script>`) || !strings.Contains(body, "<button>") {
			t.Errorf("start = %d %s, want a form that works without scripts too", w.Code, body)
		}
	})
	t.Run("nobody's connection", func(t *testing.T) {
		s := newSite(t)
		for _, path := range []string{"/auth/sso/nobody/start", "/auth/sso/nobody/metadata", "/auth/sso/nobody/callback", "/auth/sso/nobody/slo", "/auth/sso/x"} {
			if w := s.browser().get(path); w.Code != http.StatusNotFound {
				t.Errorf("GET %s = %d, want 404", path, w.Code)
			}
		}
	})
	t.Run("mounted without the path in front", func(t *testing.T) {
		s := newSite(t)
		s.handler = http.StripPrefix("/auth/sso", s.handler)
		if w := s.browser().get("/auth/sso/acme/start"); w.Code != http.StatusOK {
			t.Errorf("GET = %d, want 200", w.Code)
		}
		if w := s.browser().get("/auth/sso/acme/metadata"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "/acme/metadata") {
			t.Errorf("GET metadata = %d %s", w.Code, w.Body)
		}
	})
}

func TestHandlerPosted(t *testing.T) {
	t.Run("R21 an answer that is posted finishes on a GET of the browser that asked", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		w := b.post("acme", answer(b.start("acme")))
		s.want(w, http.StatusSeeOther, 0)
		to := w.Header().Get("Location")
		if !strings.HasPrefix(to, "/auth/sso/arrived?") || s.memory.holds("ann@acme.example") {
			t.Errorf("acs leads to %q, want /arrived, and nothing readable in the store", to)
		}
		s.want(b.get(to), http.StatusOK, 1)
		if s.in[0].Email != "ann@acme.example" || string(s.in[0].Login.Token) != "token" {
			t.Errorf("in came %+v, want Ann", s.in[0])
		}
		s.want(b.get(to), http.StatusBadRequest, 1) // once
	})
	t.Run("two windows of one browser", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		one, two := b.start("acme"), b.start("acme")
		s.want(b.get(b.post("acme", answer(one)).Header().Get("Location")), http.StatusOK, 1)
		s.want(b.get(b.post("acme", answer(two)).Header().Get("Location")), http.StatusOK, 2)
	})
	t.Run("A-041 S-13 an answer to the request of another browser", func(t *testing.T) {
		s := newSite(t)
		attacker, victim := s.browser(), s.browser()
		victim.start("acme") // it has a cookie of its own
		m := answer(attacker.start("acme"))
		to := victim.post("acme", m).Header().Get("Location")
		s.want(victim.get(to), http.StatusBadRequest, 0)
		if e := s.last(); e.Kind != sso.AnswerRefused || e.Code != sso.CodeBrowser {
			t.Errorf("event = %+v, want refused for the browser", e)
		}
		s.want(attacker.get(to), http.StatusBadRequest, 0) // it is spent
		to = victim.post("acme", answer(attacker.start("acme"))).Header().Get("Location")
		s.want(s.browser().get(to), http.StatusBadRequest, 0) // no cookie at all
	})
	t.Run("A-041 two cookies, one of them somebody else's", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		to := b.post("acme", answer(b.start("acme"))).Header().Get("Location")
		r := httptest.NewRequest("GET", "https://app.example.com"+to, nil)
		for _, c := range b.cookies {
			r.AddCookie(c)
			r.AddCookie(&http.Cookie{Name: c.Name, Value: "brw_" + strings.Repeat("A", 43)})
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		s.want(w, http.StatusBadRequest, 0)
	})
	t.Run("R21 the way back takes ten minutes at most", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		to := b.post("acme", answer(b.start("acme"))).Header().Get("Location")
		s.pass(10 * time.Minute)
		w := b.get(to)
		s.want(w, http.StatusBadRequest, 0)
		if !strings.Contains(w.Body.String(), "took too long") {
			t.Errorf("page %s, want it to say so", w.Body)
		}
	})
	t.Run("a refused answer says nothing about why", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		w := b.post("acme", answer(b.start("acme"), "bad", "1"))
		s.want(w, http.StatusBadRequest, 0)
		if strings.Contains(w.Body.String(), "signature") || !strings.Contains(w.Body.String(), "Reference: ") {
			t.Errorf("page %s, want a reference and no reason", w.Body)
		}
	})
	t.Run("A-076 a test signs nobody in", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		w := b.post("acme", answer(s.begin("acme", sso.Opening{Test: true})))
		s.want(w, http.StatusServiceUnavailable, 0)
	})
	t.Run("A-073 what is no message", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		handle := b.start("acme")
		if w := b.get("/auth/sso/acme/acs?" + answer(handle).Form.Encode()); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET acs = %d, want 405", w.Code)
		}
		for name, r := range map[string]*http.Request{
			"multipart":      body("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"handle\"\r\n\r\n"+handle+"\r\n--x--\r\n"),
			"JSON":           body("application/json", `{"handle":"`+handle+`"}`),
			"no type":        body("", answer(handle).Form.Encode()),
			"too long":       body("application/x-www-form-urlencoded", answer(handle, "x", strings.Repeat("x", 1<<20)).Form.Encode()),
			"no form":        body("application/x-www-form-urlencoded", "a=%zz"),
			"in the address": query(answer(handle).Form.Encode(), body("application/x-www-form-urlencoded", "")),
			"a broken query": query("a=%zz", body("application/x-www-form-urlencoded", answer(handle).Form.Encode())),
		} {
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest || len(s.in) != 0 {
				t.Errorf("%s = %d %s, want 400", name, w.Code, w.Header().Get("Location"))
			}
		}
		to := b.post("acme", answer(handle)).Header().Get("Location")
		s.want(b.get(to), http.StatusOK, 1) // none of them has spent the request
	})
	t.Run("a store that is broken", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		handle := b.start("acme")
		s.memory.broken = errors.New("disk full of secrets")
		w := b.post("acme", answer(handle))
		s.want(w, http.StatusServiceUnavailable, 0)
		if strings.Contains(w.Body.String(), "disk") {
			t.Errorf("page %s tells what is broken", w.Body)
		}
	})
	t.Run("HEAD spends nothing", func(t *testing.T) {
		s := newSite(t)
		b := s.browser()
		to := b.post("acme", answer(b.start("acme"))).Header().Get("Location")
		if w := b.do("HEAD", to, ownSite, nil); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("HEAD = %d, want 405", w.Code)
		}
		s.want(b.get(to), http.StatusOK, 1)
	})
}

func TestReadMessage(t *testing.T) {
	for _, kind := range []string{"multipart/form-data; boundary=x", "text/plain", "", "application/x-www-form-urlencoded; x"} {
		if _, err := sso.ReadMessage(httptest.NewRecorder(), body(kind, "a=b")); code(err) != sso.CodeMessage {
			t.Errorf("A-073 ReadMessage of %q = %v, want message_malformed", kind, err)
		}
	}
	m, err := sso.ReadMessage(httptest.NewRecorder(), query("q=1&a=c", body("application/x-www-form-urlencoded; charset=utf-8", "a=b")))
	if err != nil || !m.Post || m.RawQuery != "q=1&a=c" || m.Form.Encode() != "a=b" || m.Query.Encode() != "a=c&q=1" {
		t.Errorf("ReadMessage = %+v, %v, want body and query apart", m, err)
	}
}

func body(kind, text string) *http.Request {
	r := httptest.NewRequest("POST", "https://app.example.com/auth/sso/acme/acs", strings.NewReader(text))
	r.Header.Set("Content-Type", kind)
	return r
}

func query(raw string, r *http.Request) *http.Request {
	r.URL.RawQuery = raw
	return r
}

func TestHandlerCallback(t *testing.T) {
	// The fake reads forms alone; over GET it reads the query.
	newOIDC := func(t *testing.T) *site {
		c := acme()
		c.Protocol = "oidc"
		s := newSite(t, c)
		s.cfg.Protocols = []sso.Protocol{queried{s.fake}}
		s.make()
		h, err := sso.NewHandler(sso.HandlerConfig{Manager: s.m, Done: func(w http.ResponseWriter, _ *http.Request, id sso.Identity) {
			s.in = append(s.in, id)
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.handler = h
		return s
	}
	callback := func(handle string) string { return "/auth/sso/acme/callback?" + answer(handle).Form.Encode() }
	t.Run("R91 an answer that comes by GET", func(t *testing.T) {
		s := newOIDC(t)
		b := s.browser()
		to := callback(b.start("acme"))
		s.want(b.do("GET", to, elsewhere, nil), http.StatusOK, 1)
		s.want(b.do("GET", to, elsewhere, nil), http.StatusBadRequest, 1)
	})
	t.Run("A-078 an answer to the request of another browser, which the provider does not hear of", func(t *testing.T) {
		s := newOIDC(t)
		s.fake.verify = func(sso.Request, sso.Message, *sso.Report) (sso.Verified, error) {
			t.Error("the code was sent on")
			return sso.Verified{}, nil
		}
		victim := s.browser()
		victim.start("acme")
		s.want(victim.do("GET", callback(s.browser().start("acme")), elsewhere, nil), http.StatusBadRequest, 0)
	})
	t.Run("A-077 no state", func(t *testing.T) {
		s := newOIDC(t)
		b := s.browser()
		b.start("acme")
		s.want(b.do("GET", callback(""), elsewhere, nil), http.StatusBadRequest, 0)
	})
}

// queried is the fake over GET.
type queried struct{ *fake }

func (queried) Name() string { return "oidc" }
func (q queried) Handle(m sso.Message) (string, error) {
	return q.fake.Handle(sso.Message{Form: m.Query})
}
func (q queried) Verify(ctx context.Context, r sso.Request, m sso.Message, rep *sso.Report) (sso.Verified, error) {
	m.Form = m.Query
	return q.fake.Verify(ctx, r, m, rep)
}

func TestHandlerUnsolicited(t *testing.T) {
	c := acme()
	c.IdPInitiated = true
	field := regexp.MustCompile(`name="answer" value="([^"]+)"`)
	arrive := func(t *testing.T, s *site, b *browser) url.Values {
		t.Helper()
		w := b.post("acme", answer("", "once", t.Name()))
		s.want(w, http.StatusOK, 0)
		found := field.FindStringSubmatch(w.Body.String())
		if found == nil || !strings.Contains(w.Body.String(), "Continue as ann@acme.example") {
			t.Fatalf("page %s, want it to ask", w.Body)
		}
		return url.Values{"answer": {found[1]}}
	}
	t.Run("R25 the person is asked, and then in", func(t *testing.T) {
		s := newSite(t, c)
		b := s.browser()
		form := arrive(t, s, b)
		s.want(b.do("POST", "/auth/sso/arrived", ownSite, form), http.StatusOK, 1)
		if len(b.cookies) != 0 {
			t.Errorf("cookies %v afterwards, want none", b.cookies)
		}
		s.want(b.do("POST", "/auth/sso/arrived", ownSite, form), http.StatusBadRequest, 1)
	})
	t.Run("S-14 another site cannot agree", func(t *testing.T) {
		s := newSite(t, c)
		b := s.browser()
		form := arrive(t, s, b)
		s.want(b.do("POST", "/auth/sso/arrived", elsewhere, form), http.StatusForbidden, 0)
		s.want(b.do("POST", "/auth/sso/arrived", ownSite, form), http.StatusOK, 1)
	})
	t.Run("A-041 nobody agrees by following a link", func(t *testing.T) {
		s := newSite(t, c)
		b := s.browser()
		s.want(b.get("/auth/sso/arrived?"+arrive(t, s, b).Encode()), http.StatusBadRequest, 0)
	})
	t.Run("A-041 nor in another browser", func(t *testing.T) {
		s := newSite(t, c)
		s.want(s.browser().do("POST", "/auth/sso/arrived", ownSite, arrive(t, s, s.browser())), http.StatusBadRequest, 0)
	})
	t.Run("it does not disturb a sign-in that was begun", func(t *testing.T) {
		s := newSite(t, c)
		b := s.browser()
		handle := b.start("acme")
		arrive(t, s, b)
		s.want(b.get(b.post("acme", answer(handle)).Header().Get("Location")), http.StatusOK, 1)
	})
	t.Run("A-050 where the connection does not take it", func(t *testing.T) {
		s := newSite(t)
		w := s.browser().post("acme", answer(""))
		s.want(w, http.StatusBadRequest, 0)
		if !strings.Contains(w.Body.String(), "begin to sign in here") {
			t.Errorf("page %s, want it to say where to begin", w.Body)
		}
	})
}

func TestHandlerLogout(t *testing.T) {
	slo := "/auth/sso/acme/slo"
	t.Run("a provider ends sessions", func(t *testing.T) {
		s := newSite(t)
		s.signIn("ses-1", "ann", "idx-1")
		w := s.browser().do("POST", slo, elsewhere, asks("m", "ann").Form)
		if w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "done=true") || len(s.ended) != 1 || s.ended[0].SessionID != "ses-1" {
			t.Errorf("slo = %d %q, ended %+v, want ses-1 and the reply", w.Code, w.Header().Get("Location"), s.ended)
		}
	})
	t.Run("sessions that cannot be ended", func(t *testing.T) {
		s := newSite(t)
		s.signIn("ses-1", "ann", "idx-1")
		s.endErr = errors.New("disk")
		w := s.browser().do("POST", slo, elsewhere, asks("m", "ann").Form)
		if !strings.HasSuffix(w.Header().Get("Location"), "done=false") || s.memory.logins("ses-1") != 1 {
			t.Errorf("slo = %d %q, want a reply that says so, and the session still known", w.Code, w.Header().Get("Location"))
		}
	})
	t.Run("A-071 a forged one", func(t *testing.T) {
		s := newSite(t)
		s.signIn("ses-1", "ann", "idx-1")
		w := s.browser().do("POST", slo, elsewhere, url.Values{"bad": {"1"}, "subject": {"ann"}})
		if w.Code != http.StatusBadRequest || len(s.ended) != 0 {
			t.Errorf("slo = %d, ended %+v, want 400 and nobody", w.Code, s.ended)
		}
	})
	t.Run("the way back from a sign-out of ours", func(t *testing.T) {
		s := newSite(t)
		w := s.browser().do("POST", slo, elsewhere, url.Values{"handle": {signOutHandle(t, s.world)}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://app.example.com/" {
			t.Errorf("slo = %d %q, want where people land after it", w.Code, w.Header().Get("Location"))
		}
	})
	t.Run("from the provider itself, which wants no reply", func(t *testing.T) {
		s := newSite(t)
		s.signIn("ses-1", "ann", "idx-1")
		s.fake.ended = func(sso.Message) (sso.Ending, error) {
			return sso.Ending{Request: true, Subject: "ann", Once: "m"}, nil
		}
		if w := s.browser().do("POST", slo, elsewhere, nil); w.Code != http.StatusOK || len(s.ended) != 1 {
			t.Errorf("slo = %d, ended %+v, want 200 and ses-1", w.Code, s.ended)
		}
		s.signIn("ses-1", "ann", "idx-1")
		s.endErr = errors.New("disk")
		s.fake.ended = func(sso.Message) (sso.Ending, error) {
			return sso.Ending{Request: true, Subject: "ann", Once: "m2"}, nil
		}
		if w := s.browser().do("POST", slo, elsewhere, nil); w.Code != http.StatusServiceUnavailable {
			t.Errorf("slo = %d where a session cannot be ended, want 503", w.Code)
		}
	})
}

func TestHandlerFailed(t *testing.T) {
	w := newWorld(t)
	var got error
	var reference string
	h, err := sso.NewHandler(sso.HandlerConfig{
		Manager: w.m, Done: func(http.ResponseWriter, *http.Request, sso.Identity) {},
		Failed: func(w http.ResponseWriter, _ *http.Request, err error, ref string) {
			got, reference = err, ref
			w.WriteHeader(http.StatusTeapot)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "https://app.example.com/auth/sso/arrived?answer=arr_x", nil))
	if rec.Code != http.StatusTeapot || code(got) != sso.CodeRequestUnknown || reference == "" {
		t.Errorf("Failed got %v, %q with status %d, want request_unknown", got, reference, rec.Code)
	}
}
