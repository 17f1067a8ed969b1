package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// unasked is an answer that somebody begins with at a page of the company's.
func (f *firm) unasked(who ssotest.Person) authtest.Reply {
	f.Provider.AddPerson(who)
	f.Provider.Set(func(s *ssotest.Settings) { s.SignedInAs = who.Email })
	return f.Visit(authtest.Reply{URL: f.Provider.StartURL(f.SP.EntityID, "https://evil.example/")})
}

func TestArrived(t *testing.T) {
	begins := func(t *testing.T, story func(t *testing.T, v *visitor, f *firm)) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			f.Change(func(c *sso.Connection) { c.IdPInitiated = true })
			story(t, v, f)
		})
	}
	t.Run("R25 A-050 an answer that nobody asked for, where the company does not allow it", func(t *testing.T) {
		in(t, "saml", withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.brings(f.unasked(eve)).status(422).told(auth.ReasonSSOUnsolicited)
			if faults := v.p.Faults(); len(faults) != 1 || !strings.Contains(v.shown.Body, faults[0].Reference) {
				t.Errorf("the host was told %v, which the visitor is not:\n%s", faults, v.shown.Body)
			}
			if v.Cookie("__Host-flow") != "" || v.whoIs() != "" {
				t.Error("something has begun")
			}
		})
	})
	t.Run("R25 invariant 12 a GET shows it, a POST does it", func(t *testing.T) {
		begins(t, func(t *testing.T, v *visitor, f *firm) {
			v.unaskedBy(f, eve)
			for range 2 {
				if v.whoIs() != "" {
					t.Fatal("invariant 10 a GET has signed somebody in")
				}
				if v.get("/auth/signin/arrived"); !v.shows("Initech") {
					t.Fatalf("it does not say who asks:\n%s", v.shown.Body)
				}
			}
			if v.json && v.state["links"].(map[string]any)["arrived"] != "/auth/signin/arrived" {
				t.Errorf("no way on: %s", v.shown.Body)
			}
			v.do("signin/arrived")
			if got := v.landed(); got != "/" {
				t.Errorf("A-058 landed at %q, want the host's home", got)
			}
			if v.Restart(); v.whoIs() != "" {
				t.Error("the session is kept")
			}
		})
	})
	t.Run("R25 A-050 another site cannot post it", func(t *testing.T) {
		begins(t, func(t *testing.T, v *visitor, f *firm) {
			v.unaskedBy(f, eve)
			r := v.Request("POST", "/auth/signin/arrived", urlencoded, "")
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			if p := v.Do(r); p.Status != 403 || v.whoIs() != "" {
				t.Errorf("status %d, and the browser is %q's; want 403 and nobody's", p.Status, v.whoIs())
			}
		})
	})
	t.Run("R25 whoever else is signed in is shown, and replaced by the POST only", func(t *testing.T) {
		begins(t, func(t *testing.T, v *visitor, f *firm) {
			v.signIn("ann@acme.example")
			v.unaskedBy(f, eve)
			if got := v.whoIs(); got != "ann" {
				t.Fatalf("the browser is %q's, want ann's", got)
			}
			if !v.json && !v.is("arrived").shows("ann@acme.example") {
				t.Errorf("it does not say who is signed in:\n%s", v.shown.Body)
			}
			v.do("signin/arrived").is("in")
			if got := v.whoIs(); got != "eve" || v.p.sessions("ann") != 0 {
				t.Errorf("the browser is %q's, and ann has %d sessions; want eve's, and none", got, v.p.sessions("ann"))
			}
		})
	})
	t.Run("R25 A-043 it counts once, and may be dropped", func(t *testing.T) {
		begins(t, func(t *testing.T, v *visitor, f *firm) {
			r := f.unasked(eve)
			v.brings(r)
			v.do("signin/cancel")
			if v.get("/auth/signin/arrived"); v.whoIs() != "" {
				t.Error("it counts after it was dropped")
			}
			v.again().brings(r).status(422).told(auth.ReasonSSOReplayed)
		})
	})
}

// unaskedBy brings an answer that nobody asked for, and is asked whether to go on.
func (v *visitor) unaskedBy(f *firm, who ssotest.Person) *visitor {
	v.p.t.Helper()
	return v.brings(f.unasked(who)).status(200)
}

func TestSSOLink(t *testing.T) {
	boss := func(t *testing.T, mode auth.SSOMode, story func(t *testing.T, v *visitor, f *firm)) {
		byBoth(t, withSSO, mode, func(t *testing.T, v *visitor, f *firm) {
			v.p.must(v.p.People.SetMember(t.Context(), directory.Member{AccountID: "initech", UserID: "eve", Role: auth.RoleSuperAdmin}))
			v.identify(eve.Email).arrivesFrom(f, eve).status(200).is("password")
			if v.whoIs() != "" {
				t.Fatal("invariant 8 a super administrator is bound by an answer alone")
			}
			story(t, v, f)
		})
	}
	identities := func(t *testing.T, v *visitor) int {
		t.Helper()
		list, err := v.p.Auth.Identities(t.Context(), "eve")
		v.p.must(err)
		return len(list)
	}
	t.Run("invariant 8 R28 a super administrator proves who they are, and links", func(t *testing.T) {
		boss(t, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.password("wrong").status(422).told(auth.ReasonInvalidCredentials)
			if v.password(secret).is("link"); !v.json && !v.shows("Initech") {
				t.Errorf("it does not say whose sign-in it is:\n%s", v.shown.Body)
			}
			if identities(t, v) != 0 {
				t.Error("linked before the button")
			}
			v.do("signin/link", "do", "link").is("in")
			if got := identities(t, v); got != 1 {
				t.Errorf("eve has %d identities, want one", got)
			}
			v.again().identify(eve.Email).arrivesFrom(f, eve).is("in")
		})
	})
	t.Run("invariant 8 without the link the password counts for what it did before", func(t *testing.T) {
		boss(t, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.password(secret).is("link").do("signin/link", "do", "skip")
			if v.whoIs() != "" || identities(t, v) != 0 {
				t.Errorf("the browser is %q's, and eve has %d identities; want nobody's, and none", v.whoIs(), identities(t, v))
			}
		})
		boss(t, auth.SSOOptional, func(t *testing.T, v *visitor, f *firm) {
			v.password(secret).is("link").do("signin/link", "do", "skip").is("in")
			if got := identities(t, v); got != 0 {
				t.Errorf("eve has %d identities, want none", got)
			}
		})
	})
}

func TestSSOStepUp(t *testing.T) {
	t.Run("R66 the company's sign-in once more, which is demanded", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			v.identify(eve.Email).arrivesFrom(f, eve).is("in")
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp("return_to", "/reports")
			if !v.json {
				v.is("company")
			}
			v.do("stepup", "sso", "1", "return_to", "/reports").status(200)
			if away := v.shown.Away(); f.protocol == "oidc" && !strings.Contains(away.URL, "prompt=login") {
				t.Errorf("no fresh sign-in is demanded: %v", away)
			}
			v.brings(f.Answer(v.shown, eve))
			if got := v.landed(); got != "/reports" {
				t.Errorf("landed at %q, want /reports", got)
			}
			if got := v.p.sessions("eve"); got != 1 {
				t.Errorf("eve has %d sessions, want the one", got)
			}
			v.stepUp("return_to", "/reports").is("in")
		})
	})
	t.Run("R66 somebody else there is somebody else here", func(t *testing.T) {
		byBoth(t, withSSO, auth.SSOEnforced, func(t *testing.T, v *visitor, f *firm) {
			f.Change(func(c *sso.Connection) { c.JustInTime = true })
			v.identify(eve.Email).arrivesFrom(f, eve).is("in")
			v.p.Clock.Advance(11 * time.Minute)
			v.stepUp().do("stepup", "sso", "1").status(200)
			v.brings(f.Answer(v.shown, ssotest.Person{Email: "new@initech.example"})).status(422).told(auth.ReasonOtherUser)
			if got := v.whoIs(); got != "eve" {
				t.Errorf("the browser is %q's, want eve's", got)
			}
			if _, err := v.p.People.UserByEmail(t.Context(), "new@initech.example"); err == nil {
				t.Error("somebody was added")
			}
		})
	})
}
