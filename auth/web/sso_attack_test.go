package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

func TestSSOAttacks(t *testing.T) {
	t.Run("A-041 A-078 an answer counts in the browser that asked for it only", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			other := v.again()
			other.identify(eve.Email).departs(f) // has a flow of its own
			r := f.Answer(v.shown, eve)
			other.brings(r)
			if other.at() == "in" || other.whoIs() != "" || v.p.sessions("eve") != 0 {
				t.Fatalf("another browser is signed in:\n%s", other.shown.Body)
			}
			third := v.again()
			third.brings(r)
			if third.whoIs() != "" || v.p.sessions("eve") != 0 {
				t.Fatalf("a third browser is signed in:\n%s", third.shown.Body)
			}
			// Nor does the browser that asked have what another has brought: somebody may have sent its owner there.
			for _, path := range []string{"/auth/signin/arrived", "/auth/signin/arrived?answer=tkt_" + strings.Repeat("A", 43), "/auth/signin"} {
				if v.shown = v.Get(path); v.at() == "in" || v.whoIs() != "" || v.p.sessions("eve") != 0 {
					t.Fatalf("A-041 whoever asked is signed in by what somebody else's browser brought:\n%s", v.shown.Body)
				}
			}
			if f.protocol == "oidc" {
				for _, visit := range f.Provider.Visits() {
					if strings.Contains(visit, "/oidc/token") {
						t.Error("A-078 the code of another browser was sent to the provider")
					}
				}
			}
		})
	})
	t.Run("A-080 A-043 an answer counts once", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			r := f.Answer(v.shown, eve)
			v.brings(r).is("in")
			v.brings(r).status(422).told(auth.ReasonSSOExpired)
			v.again().brings(r).status(422).told(auth.ReasonSSOExpired)
			if got := v.p.sessions("eve"); got != 1 {
				t.Errorf("eve has %d sessions, want one", got)
			}
		})
	})
	t.Run("A-061 A-042 an answer at another connection, and with the RelayState of another request", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			a := f.Answer(v.shown, eve)
			w := v.again()
			w.identify(eve.Email).departs(f)
			b := f.Answer(w.shown, eve)
			a.Form.Set("RelayState", b.Form.Get("RelayState"))
			v.brings(a)
			w.brings(a)
			if v.whoIs() != "" || w.whoIs() != "" {
				t.Error("A-042 somebody is signed in")
			}
			v.p.found2("saml")
			x := v.again()
			x.identify(eve.Email).departs(f)
			c := f.Answer(x.shown, eve)
			c.URL = strings.Replace(c.URL, "/initech/", "/hooli/", 1)
			if x.brings(c).status(422); x.whoIs() != "" {
				t.Error("A-061 somebody is signed in")
			}
		})
	})
	t.Run("A-073 A-074 wrong methods, doubled parameters, other forms, and too much", func(t *testing.T) {
		p := newProduct(t, withSSO)
		f := p.found("saml", auth.SSOEnforced)
		v := p.visitor(false)
		v.identify(eve.Email).departs(f)
		r := f.Answer(v.shown, eve)
		path, good := "/auth/sso/initech/acs", r.Form.Encode()
		for _, row := range []struct {
			what, method, path, kind, body string
			want                           int
		}{
			{"by GET", "GET", path + "?" + good, "", "", 405},
			{"by PUT", "PUT", path, urlencoded, good, 405},
			{"two answers", "POST", path, urlencoded, good + "&" + good, 422},
			{"multipart", "POST", path, "multipart/form-data; boundary=x", good, 415},
			{"JSON", "POST", path, "application/json", `{"SAMLResponse":"x"}`, 415},
			{"no kind", "POST", path, "", good, 415},
			{"too long", "POST", path, urlencoded, "SAMLResponse=" + strings.Repeat("A", 641<<10), 413},
			{"too many fields", "POST", path, urlencoded, good + strings.Repeat("&x=1", 40), 400},
			{"no form", "POST", path, urlencoded, "%zz=1", 400},
			{"in the address", "POST", path + "?" + good, urlencoded, "", 422},
			{"an artifact", "POST", path, urlencoded, "SAMLart=" + url.QueryEscape(f.Provider.CanaryURL()), 422},
			{"a callback by POST", "POST", "/auth/sso/initech/callback", urlencoded, "code=x&state=y", 405},
			{"no such verb", "POST", "/auth/sso/initech/acs/x", urlencoded, good, 404},
			{"no such connection", "POST", "/auth/sso/nobody/acs", urlencoded, good, 404},
		} {
			if got := v.Do(v.Request(row.method, row.path, row.kind, row.body)); got.Status != row.want {
				t.Errorf("%s: status %d, want %d", row.what, got.Status, row.want)
			}
		}
		for _, visit := range f.Provider.Visits() {
			if strings.Contains(visit, "canary") {
				t.Error("A-074 the artifact's address was fetched")
			}
		}
		if got := p.sessions("eve"); got != 0 {
			t.Errorf("eve has %d sessions, want none", got)
		}
		w := p.visitor(false)
		of := p.found2("oidc")
		w.identify("bob@hooli.example").departs(of)
		back := of.Answer(w.shown, ssotest.Person{Email: "bob@hooli.example"})
		if got := w.Bring(authtest.Reply{URL: back.URL + "&state=x"}); got.Status != 422 {
			t.Errorf("A-073 two states: status %d, want 422", got.Status)
		}
	})
	t.Run("A-058 A-059 invariant 12 nothing that comes back says where to go", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			f.Change(func(c *sso.Connection) { c.IdPInitiated = true })
			for _, relay := range []string{"https://evil.example/", "//evil.example", `"><script>evil</script>`, strings.Repeat("evil", 3000)} {
				w := v.again()
				w.identify(eve.Email).departs(f)
				r := f.Answer(w.shown, eve)
				r.Form.Set("RelayState", relay)
				w.brings(r)
				if strings.Contains(w.shown.Body+fmt.Sprint(w.shown.Header), "evil") {
					t.Errorf("%.30q is repeated: %v\n%s", relay, w.shown.Header, w.shown.Body)
				}
				if w.whoIs() != "" {
					t.Errorf("%.30q: somebody is signed in", relay)
				}
			}
		})
	})
	t.Run("A-108 A-085 an error that is brought repeats nothing", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			evil := "&error=access_denied&error_description=%3Cscript%3Eevil%3C%2Fscript%3E&error_uri=https%3A%2F%2Fevil.example"
			for _, state := range []string{"", "state=x"} {
				if v.brings(authtest.Reply{URL: "/auth/sso/initech/callback?" + state + evil}).status(422); strings.Contains(v.shown.Body, "evil") {
					t.Errorf("the page repeats what came:\n%s", v.shown.Body)
				}
			}
			v.open().identify(eve.Email).departs(f)
			r := f.Answer(v.shown, eve)
			u, _ := url.Parse(r.URL)
			v.brings(authtest.Reply{URL: "/auth/sso/initech/callback?state=" + url.QueryEscape(u.Query().Get("state")) + evil}).status(422)
			if strings.Contains(v.shown.Body, "evil") {
				t.Errorf("the page repeats what came:\n%s", v.shown.Body)
			}
			v.arrivesFrom(f, eve).is("in")
		})
	})
	t.Run("A-106 A-114 A-060 neither headers nor parameters change the request", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			extra := "prompt=none&login_hint=evil%40evil.example&acr_values=evil&redirect_uri=https%3A%2F%2Fevil.example&scope=evil&ForceAuthn=false&RelayState=evil&state=evil&nonce=evil"
			r := v.Request(http.MethodPost, "/auth/sso/initech/start?"+extra, urlencoded, extra)
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			if v.json {
				r.Header.Set("Accept", "application/json")
			}
			v.take(v.Do(r)).status(200)
			away := v.shown.Away()
			if strings.Contains(away.URL+away.Form.Encode()+v.shown.Body, "evil") {
				t.Errorf("the way leads to %v", away)
			}
			if to, _ := url.Parse(away.URL); f.protocol == "oidc" {
				q := to.Query()
				if q.Get("redirect_uri") != f.Addresses.Callback || q.Get("prompt") != "" || q.Has("acr_values") {
					t.Errorf("the request asks for %v", q)
				}
			}
			v.brings(f.Answer(v.shown, eve)).is("in")
			if v.json {
				return
			}
			r = v.Request(http.MethodGet, "/auth/sso/initech/start?"+extra, "", "")
			if r.Host = "evil.example"; strings.Contains(v.Do(r).Body, "evil") {
				t.Error("the page repeats what came")
			}
		})
	})
	t.Run("A-112 every redirect is a 303", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.Stay = true
			v.identify(eve.Email)
			v.Stay = false
			v.open().departs(f)
			r := f.Answer(v.shown, eve)
			v.Stay = true
			if p := v.Bring(r); p.Status != 303 || !strings.HasPrefix(p.Header.Get("Location"), "/") {
				t.Errorf("the answer is answered by %d to %q, want 303 to a path of ours", p.Status, p.Header.Get("Location"))
			}
		})
	})
	t.Run("A-076 a test of a connection signs nobody in", func(t *testing.T) {
		for _, protocol := range []string{"saml", "oidc"} {
			t.Run(protocol, func(t *testing.T) {
				var told []web.SSOTest
				cfg := withSSO
				cfg.Web = func(c *web.Config) {
					c.SSOTested = func(_ context.Context, s web.SSOTest) error { told = append(told, s); return nil }
				}
				p := newProduct(t, cfg)
				f := p.found(protocol, auth.SSOEnforced)
				f.Change(func(c *sso.Connection) { c.JustInTime = true })
				for _, who := range []ssotest.Person{eve, {Email: "new@initech.example"}, {Email: "eve@evil.example"}} {
					v := p.visitor(false)
					v.identify(eve.Email)
					d, err := p.SSO.Begin(t.Context(), "initech", sso.Opening{State: []byte("by ann"), Test: true})
					p.must(err)
					f.Provider.AddPerson(who)
					f.Provider.Set(func(s *ssotest.Settings) { s.SignedInAs = who.Email })
					v.take(v.Bring(f.Visit(authtest.Reply{URL: d.URL}))).status(200).is("tested")
					if got := v.whoIs(); got != "" {
						t.Errorf("%q is signed in", got)
					}
				}
				if len(told) != 3 || !told[0].Passed || !told[1].Passed || told[2].Passed || told[0].Identity.Email != eve.Email || string(told[0].State) != "by ann" {
					t.Errorf("the host was told %+v", told)
				}
				for _, x := range told {
					if len(x.Report.Checks) == 0 || x.Connection.OIDC.Secret != "" {
						t.Errorf("the host was told %+v", x)
					}
				}
				if list, err := p.Auth.Identities(t.Context(), "eve"); err != nil || len(list) > 0 {
					t.Errorf("eve is bound to %v, %v", list, err)
				}
				if _, err := p.People.UserByEmail(t.Context(), "new@initech.example"); err == nil {
					t.Error("somebody was added")
				}
			})
		}
	})
	t.Run("invariant 11 no secret is in an event, a page, or an address of ours", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			r := f.Answer(v.shown, eve)
			secrets := []string{"secret of the app", r.Form.Get("SAMLResponse"), r.Form.Get("RelayState"), v.Cookie("__Host-flow")}
			if u, _ := url.Parse(r.URL); f.protocol == "oidc" {
				secrets = append(secrets, u.Query().Get("code"), u.Query().Get("state"))
			}
			v.brings(r).is("in")
			a, _ := json.Marshal(v.p.Events())
			b, _ := json.Marshal(v.p.SSOEvents())
			all := string(a) + string(b) + v.shown.Body + v.shown.URL.String()
			if f.protocol == "oidc" && v.json {
				all = string(a) + string(b) + v.shown.Body // the address is the provider's redirect
			}
			for _, s := range secrets {
				if s != "" && strings.Contains(all, s) {
					t.Errorf("%.20q… stands in\n%s", s, all)
				}
			}
		})
	})
}
