package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// brought posts or gets what came back with the cookies of a browser, as often as wanted at once, and answers who was signed in each time.
func (s *stand) brought(v *visitor, r authtest.Reply, times int) (in int) {
	s.t.Helper()
	at, method, body := r.URL, http.MethodGet, ""
	cookies := []*http.Cookie{{Name: "__Host-flow", Value: v.Cookie("__Host-flow")}}
	if r.Form != nil {
		method, body = http.MethodPost, r.Form.Encode()
	}
	to, err := url.Parse(at)
	if err != nil {
		s.t.Fatal(err)
	}
	send := func(method, path, kind, body string, cookies []*http.Cookie) *http.Response {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.RemoteAddr = "192.0.2.1:1234"
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		for _, c := range cookies {
			req.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.mux.ServeHTTP(w, req)
		return w.Result()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range times {
		wg.Go(func() {
			var answer *http.Response
			if method == http.MethodPost {
				answer = send(method, to.RequestURI(), urlencoded, body, nil)
				if next := answer.Header.Get("Location"); next != "" {
					answer = send(http.MethodGet, next, "", "", cookies)
				}
			} else {
				answer = send(method, to.RequestURI(), "", "", cookies)
			}
			for _, c := range answer.Cookies() {
				if c.Name == "__Host-session" && c.Value != "" {
					mu.Lock()
					in++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return in
}

// nothing checks that nobody is signed in in some browsers, and that nothing has come of what they did.
func (s *stand) nothing(what string, all ...*visitor) {
	s.t.Helper()
	for i, v := range all {
		if got := v.whoIs(); got != "" {
			s.t.Errorf("%s: browser %d is %q's, want nobody's", what, i, got)
		}
	}
	if did := s.happened(); len(did) > 0 {
		s.t.Errorf("%s: it has come to %q, want nothing", what, did)
	}
}

// leave takes a visitor to a provider and answers what comes back.
func (s *stand) leave(v *visitor, id string, who socialtest.Person) authtest.Reply {
	s.t.Helper()
	v.open().do("social/" + id + "/start").status(200)
	return s.answer(v, id, who)
}

// tokens counts what was asked at a provider's token address since the last call.
func (s *stand) tokens(id string) (n int) {
	for _, visit := range s.at[id].Visits() {
		if strings.HasPrefix(visit, "POST ") && strings.Contains(strings.ToLower(visit), "token") {
			n++
		}
	}
	return n
}

// TestSocialBrowsers is about which browser an answer counts in, and for which request.
func TestSocialBrowsers(t *testing.T) {
	s := newStand(t, socialtest.Google, socialtest.Microsoft, socialtest.Apple, socialtest.Plain)
	all := []string{"google", "microsoft", "apple", "plain"}
	for _, id := range all {
		s.ties(solo, id, soloAt)
	}
	each := func(what string, story func(t *testing.T, id string, json bool)) {
		for i, id := range all {
			for _, json := range []bool{i%2 == 0, i%2 == 1} {
				if json != (i%2 == 0) && id != "google" && id != "apple" {
					continue // the others answer as Google does
				}
				t.Run(fmt.Sprintf("%s %s json=%v", what, id, json), func(t *testing.T) {
					defer s.within(t)()
					s.Clock.Advance(61 * time.Second)
					s.at[id].Visits()
					story(t, id, json)
					s.Faults()
				})
			}
		}
	}
	each("A-078 the browser of a victim loads an attacker's answer", func(t *testing.T, id string, json bool) {
		attacker, fresh, busy, away, in := s.visitor(json), s.visitor(json), s.visitor(json), s.visitor(json), s.visitor(json).enter(ann)
		s.happened()
		busy.open().identify(ann)
		s.leave(away, id, annAt)
		for _, victim := range []*visitor{fresh, busy, away} {
			r := s.leave(attacker, id, soloAt)
			victim.brings(r)
			victim.get("/auth/signin/arrived")
			victim.get("/auth/signin")
		}
		s.nothing("the callback", fresh, busy, away, attacker)
		in.brings(s.leave(attacker, id, soloAt))
		if got := in.whoIs(); got != "ann" {
			t.Errorf("the browser of ann is %q's", got)
		}
		if id != "apple" {
			if n := s.tokens(id); n > 0 {
				t.Errorf("%d codes of another browser were sent to the provider", n)
			}
			return
		}
		// The attacker posts the answer, and has the victim load what it is answered with: a flow and a ticket.
		for _, victim := range []*visitor{s.visitor(json), busy, away} {
			r := s.leave(attacker, id, soloAt)
			to := attacker.PostFrom("http://127.0.0.1", r.URL, r.Form)
			if to.Status != 303 {
				t.Fatalf("status %d, want 303", to.Status)
			}
			victim.get(to.Location().RequestURI())
			s.nothing("A-102 the attacker's ticket", victim)
			if attacker.get(to.Location().RequestURI()); attacker.whoIs() != "solo" { // nothing of that has spent it
				t.Errorf("whoever asked and has the ticket is %q's", attacker.whoIs())
			}
			s.happened()
			attacker = s.visitor(json)
		}
	})
	each("A-079 A-114 A-106 what is given at the start counts for nothing", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		extra := "state=evil&redirect_uri=https%3A%2F%2Fevil.example&nonce=evil&code_challenge=evil&prompt=none&login_hint=evil%40evil.example&acr_values=evil" +
			"&scope=evil&response_mode=evil&client_id=evil&hd=evil&email=evil%40evil.example"
		r := v.Request(http.MethodPost, "/auth/social/"+id+"/start?"+extra, urlencoded, extra)
		r.Host = "evil.example"
		for name, value := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example", "X-Original-URL": "/evil"} {
			r.Header.Set(name, value)
		}
		if json {
			r.Header.Set("Accept", "application/json")
		}
		v.take(v.Do(r)).status(200)
		away := v.shown.Away().URL
		to, err := url.Parse(away)
		if err != nil || strings.Contains(away+v.shown.Body+fmt.Sprint(v.shown.Header), "evil") {
			t.Errorf("the way leads to %s (%v)", away, err)
		}
		if got := to.Query().Get("redirect_uri"); got != authtest.BaseURL+"/auth/social/"+id+"/callback" {
			t.Errorf("redirect_uri %q", got)
		}
		for name, values := range to.Query() {
			if len(values) != 1 {
				t.Errorf("%s stands there %d times", name, len(values))
			}
		}
		back := s.answer(v, id, soloAt)
		w := s.visitor(json)
		forged := with(back, "state", "evil")
		w.brings(forged).status(422)
		v.brings(forged).status(422)
		s.nothing("the attacker's state", v, w)
		if v.brings(back).is("in").whoIs() != "solo" {
			t.Error("the honest answer does not count any more")
		}
		s.happened()
	})
	each("A-080 an answer counts once, and one of 64 at once", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		r := s.leave(v, id, soloAt)
		if n := s.brought(v, r, 64); n != 1 {
			t.Errorf("%d of 64 are signed in, want one", n)
		}
		if did := s.happened(); !slices.Equal(did, []string{"signed_in solo"}) {
			t.Errorf("it has come to %q, want solo signed in once", did)
		}
		v.brings(r).status(422).told(auth.ReasonSocialFailed)
		s.nothing("the replay", v)
		r = s.leave(v, id, soloAt)
		v.brings(r).is("in")
		s.happened()
		v.brings(r).status(422).told(auth.ReasonSocialFailed)
		if did := s.happened(); len(did) > 0 {
			t.Errorf("a replay in the browser that is signed in has come to %q", did)
		}
	})
	each("A-081 an answer at another provider's address", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		for _, at := range all {
			if at == id {
				continue
			}
			s.tokens(at)
			s.tokens(id)
			r := s.leave(v, id, soloAt)
			moved := r
			moved.URL = strings.Replace(r.URL, "/social/"+id+"/", "/social/"+at+"/", 1)
			if v.brings(moved); v.shown.Status < 400 {
				t.Errorf("at %s: status %d", at, v.shown.Status)
			}
			// The same in the way that the other one answers.
			u, _ := url.Parse(moved.URL)
			switch {
			case moved.Form != nil:
				v.brings(authtest.Reply{URL: u.Path + "?" + moved.Form.Encode()})
			case at == "apple":
				v.brings(authtest.Reply{URL: u.Path, Form: u.Query()})
			}
			s.nothing("at "+at, v)
			if n := s.tokens(at) + s.tokens(id); n > 0 {
				t.Errorf("at %s: %d codes were sent to a provider", at, n)
			}
			v.brings(r).status(422)
			s.nothing("A-081 the request afterwards", v)
		}
	})
	each("A-085 what is added to an answer reaches nobody", func(t *testing.T, id string, json bool) {
		v := s.visitor(json)
		for _, twice := range []string{"code", "state"} {
			r := s.leave(v, id, soloAt)
			r = withTwice(r, twice)
			v.brings(r).status(422).told(auth.ReasonSocialFailed)
			s.nothing("two of "+twice, v)
		}
		s.at[id].Caught()
		r := s.leave(v, id, soloAt)
		r = with(r, "redirect_uri", "https://evil.example", "code_verifier", "evil", "client_id", "evil", "grant_type", "password", "client_secret", "evil", "nonce", "evil", "scope", "evil", "id_token", "evil", "access_token", "evil", "return_to", "https://evil.example/", "flow", "evil")
		v.brings(r).is("in")
		s.happened()
		if caught := s.at[id].Caught(); len(caught) != 1 || strings.Contains(caught[0].Encode(), "evil") || caught[0].Get("code_verifier") == "" {
			t.Errorf("the provider was told %v", caught)
		}
		if strings.Contains(fmt.Sprint(v.shown.Header)+v.shown.Body, "evil.example/") {
			t.Errorf("the browser is led to %v", v.shown)
		}
	})
	t.Run("A-082 a provider that leads people on to an honest one learns no code", func(t *testing.T) {
		for json, hostile := range map[bool]string{false: "plain", true: "microsoft"} {
			honest := s.at["google"]
			honest.RegisterClient(socialtest.Client{ID: "of-the-other", Secret: "s", RedirectURIs: []string{authtest.BaseURL + "/auth/social/" + hostile + "/callback"}})
			s.at[hostile].MixUp(honest, "of-the-other")
			v := s.visitor(json)
			v.open().do("social/" + hostile + "/start").status(200)
			lured, err := s.at[hostile].LuredURL(v.shown.Away().URL)
			s.must(err)
			honest.AddPerson(soloAt)
			back, err := honest.SignIn(lured, solo)
			s.must(err)
			s.at[hostile].Caught()
			v.brings(authtest.Reply(back))
			if caught := s.at[hostile].Caught(); len(caught) > 0 {
				t.Errorf("%s was told %v, want nothing", hostile, caught)
			}
			s.nothing(hostile, v)
			s.at[hostile].Behave()
			s.Faults()
		}
	})
	t.Run("A-102 what Apple posts, from anywhere", func(t *testing.T) {
		v := s.visitor(false)
		r := s.leave(v, "apple", soloAt)
		bare := s.visitor(false)
		// From an attacker's page, by a browser that has asked for nothing: it waits, and nobody has it.
		got := bare.PostFrom("https://evil.example", r.URL, r.Form)
		if got.Status != 303 || len(got.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("status %d, cookies %v; want 303 and none", got.Status, got.Header.Values("Set-Cookie"))
		}
		bare.take(bare.Get(got.Location().RequestURI()))
		s.nothing("without the flow's cookie", bare)
		v.take(v.Get("/auth/signin/arrived"))
		s.nothing("without the ticket", v)
		for path, want := range map[string]int{"google": 403, "microsoft": 403, "plain": 403} {
			if got := bare.PostFrom("https://evil.example", "/auth/social/"+path+"/callback", r.Form); got.Status != want {
				t.Errorf("posted to %s: status %d, want %d", path, got.Status, want)
			}
		}
		again := s.leave(v, "apple", soloAt)
		if got := v.take(v.Get("/auth/social/apple/callback?" + again.Form.Encode())).shown.Status; got != 422 {
			t.Errorf("brought by GET: status %d, want 422", got)
		}
		s.nothing("by GET", v)
		v.brings(again).is("in") // a GET has not spent it
		s.happened()
		s.Faults()
	})
	t.Run("A-103 a name of the browser's is text", func(t *testing.T) {
		v := s.visitor(false)
		r := s.leave(v, "apple", socialtest.Person{Email: "vic@elsewhere.example", Subject: "100000000000000009"})
		r.Form.Set("user", `{"name":{"firstName":"<script>alert(1)</script>","lastName":"\u202eevil"},"email":"`+ann+`","sub":"`+annAt.Subject+`"}`)
		v.brings(r).is("in")
		u, err := s.Auth.User(t.Context(), v.whoIs())
		if err != nil || u.Email != "vic@elsewhere.example" || u.Name != "<script>alert(1)</script> evil" {
			t.Errorf("the person is %+v (%v)", u, err)
		}
		s.dropParts()
		if body := v.get("/auth/account").shown.Body; strings.Contains(body, "<script>alert") {
			t.Errorf("the name is no text on the page:\n%s", body)
		}
		s.happened()
	})
	t.Run("A-107 no address takes a token", func(t *testing.T) {
		token := s.at["google"].IDToken("app", soloAt, "")
		for _, path := range []string{"/auth/social/google/start", "/auth/signin/identify", "/auth/signin/password", "/auth/signin/code", "/auth/social/apple/callback", "/auth/social/apple/notice"} {
			v := s.visitor(true)
			v.post(path, "id_token", token, "access_token", token, "token", token, "credential", token, "code", token, "payload", token, "state", token)
			if v.get("/auth/social/google/callback?id_token=" + token + "&access_token=" + token + "&code=" + token); v.shown.Status != 422 {
				t.Errorf("status %d, want 422", v.shown.Status)
			}
			s.nothing(path, v)
		}
		s.Faults()
	})
	t.Run("A-112 every redirect after a POST is a 303", func(t *testing.T) {
		v := s.visitor(false)
		v.Stay = true
		check := func(what string, p *authtest.Page) {
			t.Helper()
			if p.Location() != nil && p.Status != 303 {
				t.Errorf("%s: status %d to %s", what, p.Status, p.Location())
			}
		}
		for _, id := range all {
			check("the start", v.Post("/auth/social/"+id+"/start", nil))
			r := s.leave(v, id, soloAt)
			p := v.Bring(r)
			check("the answer", p)
			if p.Location() == nil || !strings.HasPrefix(p.Header.Get("Location"), "/") {
				t.Errorf("%s: the answer is answered by %d to %q, want a redirect to a path of ours", id, p.Status, p.Header.Get("Location"))
			}
			v = s.visitor(false)
			v.open().do("social/" + id + "/start").status(200)
			no, err := s.at[id].Cancel(v.shown.Away().URL)
			s.must(err)
			v.Stay = true
			check("a refusal", v.Bring(authtest.Reply(no)))
			s.Faults()
		}
		s.happened()
	})
}

// with is what came back with some parameters set.
func with(r authtest.Reply, pairs ...string) authtest.Reply {
	return changed(r, func(q url.Values) {
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
	})
}

// withTwice is what came back with one parameter twice.
func withTwice(r authtest.Reply, name string) authtest.Reply {
	return changed(r, func(q url.Values) { q.Add(name, q.Get(name)) })
}

func changed(r authtest.Reply, change func(url.Values)) authtest.Reply {
	if r.Form != nil {
		r.Form = maps.Clone(r.Form)
		change(r.Form)
		return r
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		panic(err) // the provider has made it
	}
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	r.URL = u.String()
	return r
}
