package web_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// withSSO is a world whose companies can have sign-ins of their own.
var withSSO = authtest.Config{SSO: true}

// A firm is the company with a sign-in of its own in a story. Its people are eve, who has a password here too, and whoever its
// provider names.
type firm struct {
	*authtest.Company
	protocol string
}

var eve = ssotest.Person{Email: "eve@initech.example", Name: "Eve", Subject: "s-eve"}

// found gives the company Initech, with eve, a sign-in of its own.
func (p *product) found(protocol string, mode auth.SSOMode) *firm {
	p.t.Helper()
	u := p.AddUser(auth.User{ID: "eve", Email: eve.Email, Name: "Eve"}, secret)
	a := p.AddAccount(directory.Account{ID: "initech", Name: "Initech"}, u)
	c := p.AddCompany(a, "initech.example", protocol, mode)
	p.Events()
	p.SSOEvents()
	return &firm{Company: c, protocol: protocol}
}

// byBoth tells a story in each protocol, to people and to programs.
func byBoth(t *testing.T, cfg authtest.Config, mode auth.SSOMode, story func(t *testing.T, v *visitor, f *firm)) {
	t.Helper()
	for _, protocol := range []string{"saml", "oidc"} {
		in(t, protocol, cfg, mode, story)
	}
}

// in tells a story in one protocol. What stores do is tried by the first story, over each.
func in(t *testing.T, protocol string, cfg authtest.Config, mode auth.SSOMode, story func(t *testing.T, v *visitor, f *firm)) {
	t.Helper()
	cfg.SSO = true
	for name, json := range map[string]bool{"HTML": false, "JSON": true} {
		t.Run(name+" "+protocol, func(t *testing.T) {
			v := newProduct(t, cfg).visitor(json)
			story(t, v, v.p.found(protocol, mode))
		})
	}
}

// departs goes on from the page that leads to the company, to the one that takes the browser there.
func (v *visitor) departs(f *firm) *visitor {
	v.p.t.Helper()
	v.do("sso/" + f.Connection + "/start").status(200)
	if !v.json {
		v.is("away")
	}
	return v
}

// brings brings what the provider has said. A program posts it itself, and follows the redirect that it is answered with.
func (v *visitor) brings(r authtest.Reply) *visitor {
	v.p.t.Helper()
	if !v.json {
		return v.take(v.Bring(r))
	}
	if r.Form != nil {
		req := v.Request(http.MethodPost, r.URL, urlencoded, r.Form.Encode())
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := v.Do(req); p.Location() != nil && p.Status == http.StatusSeeOther {
			return v.get(p.Location().RequestURI())
		} else {
			return v.take(p)
		}
	}
	req := v.Request(http.MethodGet, r.URL, "", "")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	return v.take(v.Do(req))
}

// arrivesFrom signs somebody in at the company, and brings the answer.
func (v *visitor) arrivesFrom(f *firm, who ssotest.Person) *visitor {
	v.p.t.Helper()
	v.departs(f)
	return v.brings(f.Answer(v.shown, who))
}

// whoIs is whom the host's page knows; empty: nobody.
func (v *visitor) whoIs() string {
	v.p.t.Helper()
	name, found := strings.CutPrefix(v.Get("/who").Body, "app: ")
	name, _, _ = strings.Cut(name, " ")
	if !found {
		return ""
	}
	return name
}

// company is what the visitor is told of the company.
func (v *visitor) offersCompany() bool {
	if v.json {
		return v.state["links"].(map[string]any)["sso"] == "/auth/sso/initech/start"
	}
	return strings.Contains(v.shown.Body, `action="/auth/sso/initech/start"`)
}

// overEach tells a story in each protocol over every store.
func overEach(t *testing.T, mode auth.SSOMode, story func(t *testing.T, v *visitor, f *firm)) {
	t.Helper()
	for _, protocol := range []string{"saml", "oidc"} {
		t.Run(protocol, func(t *testing.T) {
			both(t, withSSO, func(t *testing.T, v *visitor) { story(t, v, v.p.found(protocol, mode)) })
		})
	}
}

func TestSSO(t *testing.T) {
	t.Run("R5 R20 R21 by the address to the company, and back", func(t *testing.T) {
		overEach(t, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.open("return_to", "/reports?x=1").identify(eve.Email)
			if v.json {
				if v.state["company"] != "Initech" || v.state["links"].(map[string]any)["sso"] != "/auth/sso/initech/start" {
					t.Errorf("R20 the answer is %s, want the company and where its sign-in starts", v.shown.Body)
				}
			} else {
				v.is("company")
				if got := v.shown.URL.Query().Get("go"); got != "1" {
					t.Errorf("R20 the page is %s, want one that may move on by itself", v.shown.URL)
				}
				if !strings.Contains(v.shown.Body, " data-moves") {
					t.Error("R20 the page does not move on by itself")
				}
				if v.open().is("company"); strings.Contains(v.shown.Body, " data-moves") {
					t.Error("R20 the page moves on by itself when it is opened again")
				}
			}
			v.arrivesFrom(f, eve)
			if got := v.landed(); got != "/reports?x=1" {
				t.Errorf("invariant 12 landed at %q, want /reports?x=1", got)
			}
			if got := v.whoIs(); got != "eve" {
				t.Errorf("the host's page knows %q, want eve", got)
			}
		})
	})
	t.Run("R17 R21 the keep box is carried to the company and back", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			for box, kept := range map[string]string{"on": "eve", "": ""} {
				w := v.again()
				w.open().do("signin/identify", "email", eve.Email, "remember", box)
				w.arrivesFrom(f, eve).is("in")
				w.Restart()
				if got := w.whoIs(); got != kept {
					t.Errorf("remember=%q: after a restart the browser is %q's, want %q", box, got, kept)
				}
			}
		})
	})
	t.Run("R22 R24 the My Company ID page", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.get("/auth/signin/company")
			v.do("signin/company", "email", "ann@acme.example").status(422).told(auth.ReasonCompanyIDUnknown)
			if !v.json {
				v.is("companyid")
				if got := v.shown.Form("/signin/company").Fields["email"]; got != "ann@acme.example" {
					t.Errorf("R24 the form holds %q, want what was typed", got)
				}
				v.follow(`/auth/signin`)
				v.get("/auth/signin/company").is("companyid")
			}
			v.do("signin/company", "email", eve.Email)
			if !v.json && !strings.Contains(v.shown.URL.RawQuery, "go=1") {
				t.Errorf("the page is %s, want one that may move on", v.shown.URL)
			}
			if !v.offersCompany() {
				t.Fatalf("no way to the company:\n%s", v.shown.Body)
			}
			v.arrivesFrom(f, eve).is("in")
		})
	})
	t.Run("R23 R24 optional offers both", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).is("password")
			if !v.offersCompany() {
				t.Errorf("no way to the company:\n%s", v.shown.Body)
			}
			v.password("wrong").status(422).told(auth.ReasonInvalidCredentials)
			if !v.offersCompany() {
				t.Errorf("R24 no way to the company after a wrong password:\n%s", v.shown.Body)
			}
			w := v.again()
			v.arrivesFrom(f, eve).is("in")
			w.signIn(eve.Email)
		})
	})
	t.Run("R24 whoever has no password here is told of the other way", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.identify("ann@acme.example").password("wrong").status(422)
			if v.json && v.state["links"].(map[string]any)["company"] != "/auth/signin/company" ||
				!v.json && !strings.Contains(v.shown.Body, `href="/auth/signin/company"`) {
				t.Errorf("no way to the company page:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("invariant 9 R27 enforced: the password step is there for everybody, and lets nobody in", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.open("way", "password").do("signin/identify", "email", eve.Email, "way", "password").is("password")
			v.password("wrong").status(422).told(auth.ReasonInvalidCredentials)
			v.password(secret).status(422).told(auth.ReasonSSORequired)
			if !v.offersCompany() {
				t.Errorf("R27 no way to the company:\n%s", v.shown.Body)
			}
			if got := v.whoIs(); got != "" {
				t.Errorf("%q is signed in", got)
			}
			v.arrivesFrom(f, eve).is("in")
		})
	})
	t.Run("R26 enforcing leaves sessions alone", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOOff, func(t *testing.T, v *visitor, f *firm) {
			v.signIn(eve.Email)
			v.p.must(v.p.People.SetDomainSSO(t.Context(), "initech.example", auth.SSOEnforced))
			if got := v.whoIs(); got != "eve" {
				t.Errorf("the browser is %q's, want eve's", got)
			}
			w := v.again()
			if w.identify(eve.Email); !w.offersCompany() || !w.json && w.at() != "company" {
				t.Errorf("the next sign-in is offered\n%s", w.shown.Body)
			}
		})
	})
	t.Run("R28 somebody unknown is told whom to ask, and the company may add people", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			new := ssotest.Person{Email: "new@initech.example", Name: "New"}
			v.identify(new.Email).arrivesFrom(f, new).status(422).told(auth.ReasonSSOUserUnknown)
			f.Change(func(c *sso.Connection) { c.JustInTime = true })
			v.arrivesFrom(f, new).is("in")
		})
	})
	for _, mode := range []auth.SSOMode{auth.SSOEnforced, auth.SSOOptional} {
		t.Run("R21 what goes wrong has a reference, and the host has the rest: "+string(mode), func(t *testing.T) {
			byBoth(t, withSSO, mode, func(t *testing.T, v *visitor, f *firm) {
				v.identify(eve.Email).arrivesFrom(f, ssotest.Person{Email: "eve@evil.example"}).status(422).told(auth.ReasonSSODomainMismatch)
				faults := v.p.Faults()
				if len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
					t.Fatalf("the host was told %v, which the visitor is not:\n%s", faults, v.shown.Body)
				}
				r := (*sso.Refusal)(nil)
				if !errors.As(faults[0].Err, &r) || r.Code != sso.CodeEmailDomain {
					t.Errorf("the host was told %v, want %s", faults[0].Err, sso.CodeEmailDomain)
				}
				if strings.Contains(v.shown.Body, "evil") {
					t.Errorf("the page repeats what came:\n%s", v.shown.Body)
				}
				v.arrivesFrom(f, eve).is("in") // try again
			})
		})
	}
	t.Run("R20 a provider that is not there", func(t *testing.T) {
		in(t, "oidc", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			f.Change(func(c *sso.Connection) { c.OIDC.Issuer, c.OIDC.Secret = "http://127.0.0.1:1/oidc", "s" })
			v.identify(eve.Email).do("sso/initech/start").status(422).told(auth.ReasonSSOFailed)
			if faults := v.p.Faults(); len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
				t.Errorf("the host was told %v, which the visitor is not:\n%s", faults, v.shown.Body)
			}
			if strings.Contains(v.shown.Body, "127.0.0.1") {
				t.Errorf("the page repeats the error:\n%s", v.shown.Body)
			}
		})
	})
	t.Run("R21 an answer that took too long", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			r := f.Answer(v.shown, eve)
			v.p.Clock.Advance(11 * time.Minute)
			v.brings(r).status(422).told(auth.ReasonSSOExpired)
			if got := v.whoIs(); got != "" {
				t.Errorf("%q is signed in", got)
			}
		})
	})
	t.Run("R21 an answer is taken in once: loaded again, the page leads on", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email)
			if v.json {
				v.get("/auth/signin/arrived").status(409).told(auth.ReasonFlowChanged)
			} else {
				v.get("/auth/signin/arrived").is("company")
			}
			v.open()
			v.arrivesFrom(f, eve).is("in")
			if v.get("/auth/signin/arrived"); !v.json {
				v.is("in")
			}
		})
	})
	t.Run("R5 a connection that is switched off", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).departs(f)
			r := f.Answer(v.shown, eve)
			f.Change(func(c *sso.Connection) { c.Disabled = true })
			v.brings(r).status(404).told(auth.ReasonNotFound)
			for _, p := range []*authtest.Page{v.Get("/auth/sso/initech/start"), v.again().Post("/auth/sso/initech/start", nil)} {
				if p.Status != 404 {
					t.Errorf("%s: status %d, want 404", p, p.Status)
				}
			}
			w := v.again()
			w.identify(eve.Email).do("sso/initech/start").status(422).told(auth.ReasonSSOFailed)
			w.again().signIn(eve.Email)
		})
	})
	t.Run("R20 the way there by name, which a GET only shows", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.query = form("return_to", "/reports")
			v.get("/auth/sso/initech/start?return_to=/reports").status(200)
			if len(v.shown.Header.Values("Set-Cookie")) > 0 || len(v.p.SSOEvents()) > 0 {
				t.Error("invariant 10 a GET has begun something")
			}
			v.do("sso/initech/start", "return_to", "/reports").status(200)
			v.brings(f.Answer(v.shown, eve))
			if got := v.landed(); got != "/reports" {
				t.Errorf("landed at %q, want /reports", got)
			}
			if p := v.Get("/auth/sso/nobody/start"); p.Status != 404 {
				t.Errorf("no such connection: status %d, want 404", p.Status)
			}
		})
	})
}

func accountOf(id string) directory.Account {
	return directory.Account{ID: id, Name: strings.ToUpper(id[:1]) + id[1:]}
}

// found2 gives another company, Hooli, a sign-in of its own. It has nobody yet.
func (p *product) found2(protocol string) *firm {
	p.t.Helper()
	return &firm{Company: p.AddCompany(p.AddAccount(accountOf("hooli")), "hooli.example", protocol, auth.SSOEnforced), protocol: protocol}
}
