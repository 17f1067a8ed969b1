package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestFirstPage(t *testing.T) {
	t.Run("R1 R110 the address, then the password", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example").is("password").status(200)
			v.password(secret).is("in")
			if got := v.p.sessions("ann"); got != 1 {
				t.Errorf("ann has %d sessions, want 1", got)
			}
			if got := v.Cookie("__Host-flow"); got != "" {
				t.Errorf("the flow cookie is %q after signing in, want none", got)
			}
		})
	})
	t.Run("R1 what is no address is refused, and kept in its field", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for _, typed := range []string{"", "ann", "ann@"} {
				v.open().identify(typed).status(422).is("identify").told(auth.ReasonEmailInvalid)
				if v.json {
					if v.state["field"] != "email" {
						t.Errorf("field %v, want email", v.state["field"])
					}
					continue
				}
				if got := v.shown.Form("/identify").Fields["email"]; got != typed {
					t.Errorf("the field holds %q, want %q", got, typed)
				}
				if got := v.shown.Title(); !strings.HasPrefix(got, "Error:") {
					t.Errorf("title %q, want it to begin with Error: (U25)", got)
				}
			}
		})
	})
	t.Run("R2 R3 one page for both", func(t *testing.T) {
		both(t, preset(auth.OnePage()), func(t *testing.T, v *visitor) {
			both := func(email, password string) *visitor {
				return v.open().step("signin/password", map[string]string{"email": email, "password": password})
			}
			both("nonsense", secret).status(422).is("identify").told(auth.ReasonEmailInvalid)
			both("ann@acme.example", "").status(422).told(auth.ReasonPasswordMissing)
			both("ann@acme.example", "wrong").status(422).told(auth.ReasonInvalidCredentials)
			if !v.json {
				f := v.shown.Form("/password")
				if f.Fields["email"] != "ann@acme.example" || f.Fields["password"] != "" || f.Fields["flow"] != "" {
					t.Errorf("after a wrong password the form holds %v, want the address alone", f.Fields)
				}
				if len(f.Boxes) != 0 {
					t.Errorf("boxes %v, want none: this preset forbids keeping (R16)", f.Boxes)
				}
			}
			both("pat@globex.example", secret).is("stop").told(auth.ReasonSSORequired)
			v.step("signin/restart", nil).is("identify")
			both("ann@acme.example", secret).is("in")
		})
	})
	t.Run("R3 a program may send both at once in any layout", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(true)
		v.step("signin/password", map[string]string{"email": "ann@acme.example", "password": secret, "return_to": "/x"}).is("in")
		if got := v.landed(); got != "/x" {
			t.Errorf("return_to %q, want /x", got)
		}
	})
	t.Run("R5 a domain that enforces its own sign-in leaves no password", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("pat@globex.example").is("stop").told(auth.ReasonSSORequired)
			v.again().identify("nobody@globex.example").is("stop").told(auth.ReasonSSORequired)
			v.step("signin/restart", nil).is("identify")
		})
	})
}

func TestRestart(t *testing.T) {
	t.Run("R6 another e-mail: address and box are kept", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.open("return_to", "/reports").step("signin/identify", map[string]string{"email": "Ann@acme.example", "remember": "1"}).is("password")
			v.step("signin/restart", nil).is("identify").status(200)
			if v.json {
				if got := v.state["hint"]; got != "a…@acme.example" {
					t.Errorf("hint %v, want the address masked", got)
				}
				return
			}
			f := v.shown.Form("/identify")
			if f.Fields["email"] != "Ann@acme.example" || f.Fields["remember"] != "1" || f.Fields["return_to"] != "/reports" {
				t.Errorf("the first page holds %v, want what was typed there", f.Fields)
			}
			v.identify("two@acme.example").is("password").password(secret).is("account")
		})
	})
	t.Run("R6 invariant 2 what was proven does not come along", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("two@acme.example").password(secret).is("account")
			before := v.Cookie("__Host-flow")
			if v.json {
				v.step("signin/restart", nil)
			} else {
				v.take(v.Post("/auth/signin/restart", form("flow", v.shown.Form("/account").Fields["flow"])))
			}
			v.is("identify")
			after := v.Cookie("__Host-flow")
			if after == before {
				t.Fatal("the flow has kept its token")
			}
			v.SetCookie("__Host-flow", before)
			v.open().is("identify")
			v.SetCookie("__Host-flow", after)
			v.take(v.JSON("POST", "/auth/signin/account", `{"account":"acme"}`))
			if v.p.sessions("two") != 0 {
				t.Error("a restarted flow led to a session without a password")
			}
		})
	})
	t.Run("R6 from an older form as well, but not of another flow", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			older := *v.identify("two@acme.example").is("password")
			v.password(secret).is("account")
			older.step("signin/restart", nil).is("identify").status(200)
			v.take(v.JSON("POST", "/auth/signin/restart", `{"flow":"another"}`)).status(409)
			v.take(v.JSON("POST", "/auth/signin/cancel", `{"flow":"another"}`)).status(409)
			if v.Cookie("__Host-flow") == "" {
				t.Error("the form of another flow has cancelled this one")
			}
		})
	})
	t.Run("cancel ends the flow", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("two@acme.example").password(secret).is("account")
			old := v.Cookie("__Host-flow")
			v.step("signin/cancel", nil).is("identify")
			if got := v.Cookie("__Host-flow"); got != "" {
				t.Errorf("the flow cookie is %q after cancelling, want none", got)
			}
			v.SetCookie("__Host-flow", old)
			v.open().is("identify")
			v.take(v.JSON("POST", "/auth/signin/cancel", "")).status(200)
		})
	})
}

func TestAlreadySignedIn(t *testing.T) {
	t.Run("R7 whoever is signed in is sent on", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			if got := v.open().landed(); got != "/" {
				t.Errorf("sent to %q, want the host's home", got)
			}
			if got := v.open("return_to", "/reports?x=1").landed(); got != "/reports?x=1" {
				t.Errorf("sent to %q, want the address asked for", got)
			}
			if got := v.open("return_to", "//evil.example/").landed(); got != "/" {
				t.Errorf("sent to %q, want the host's home", got)
			}
		})
	})
	t.Run("R7 U43 or shown who they are", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.signIn("ann@acme.example")
		v.open("switch", "1", "return_to", "/reports").is("switch")
		for _, want := range []string{`href="/reports"`, "Continue as Ann", "ann@acme.example", `href="/auth/signin?return_to=%2Freports&amp;switch=other"`} {
			if !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page lacks %s", want)
			}
		}
	})
	t.Run("R7 R109 somebody else may sign in, and ends the session that was there", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			anns := v.Cookie("__Host-session")
			v.open("switch", "other").is("identify")
			v.identify("solo@acme.example").is("password").password(secret).is("in")
			if v.p.sessions("ann") != 0 || v.p.sessions("solo") != 1 {
				t.Errorf("ann has %d sessions and solo %d, want 0 and 1", v.p.sessions("ann"), v.p.sessions("solo"))
			}
			v.SetCookie("__Host-session", anns)
			v.open().is("identify")
		})
	})
}

func TestPassword(t *testing.T) {
	t.Run("R4 R9 R15 A-135 one answer for a wrong password, an unknown address and no password", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for _, email := range []string{"ann@acme.example", "unknown@acme.example", "nopass@acme.example", "gone@acme.example"} {
				w := v.again()
				w.identify(email).is("password").status(200)
				w.password("not the password").status(422).is("password").told(auth.ReasonInvalidCredentials)
				if strings.Contains(w.shown.Body, "not the password") {
					t.Error("the page holds what was typed as a password (U25, invariant 11)")
				}
				w.password("").status(422).told(auth.ReasonPasswordMissing)
			}
		})
	})
	t.Run("R13 A-142 too many attempts, known or not", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			for _, email := range []string{"ann@acme.example", "unknown@acme.example"} {
				w := v.again()
				w.identify(email)
				tries := 0
				for w.password("wrong").shown.Status == 422 {
					tries++
					if tries > 20 {
						t.Fatalf("%d wrong passwords for %s, and no end", tries, email)
					}
				}
				w.status(429).told(auth.ReasonTooManyAttempts)
				if tries != 6 || retryAfter(w.shown) != 1 {
					t.Errorf("%s: throttled after %d tries for %d seconds, want 6 and 1", email, tries, retryAfter(w.shown))
				}
				if w.json && w.state["retry_after"] != 1.0 {
					t.Errorf("retry_after %v, want 1", w.state["retry_after"])
				}
				w.password(secret).status(429)
			}
			v.p.Clock.Advance(time.Minute)
			v.signIn("ann@acme.example")
		})
	})
	t.Run("suspended: told after proof only", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("gone@acme.example").password(secret).is("stop").told(auth.ReasonUserSuspended)
			if err := v.p.People.UnsuspendUser(t.Context(), "gone"); err != nil {
				t.Fatal(err)
			}
			v.open().is("ready")
			v.step("signin/account", map[string]string{"account": ""}).is("in")
		})
	})
}

func TestCompany(t *testing.T) {
	t.Run("of two, one is chosen", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("two@acme.example").password(secret).is("account").status(200)
			if v.json && v.state["hint"] != "t…@acme.example" {
				t.Errorf("hint %v, want what was typed, masked, and no more", v.state["hint"])
			}
			for _, want := range []string{"Acme", "Umbra"} {
				if !strings.Contains(v.shown.Body, want) {
					t.Errorf("the choice lacks %s", want)
				}
			}
			v.step("signin/account", map[string]string{"account": "globex"}).status(422).is("account").told(auth.ReasonAccountUnknown)
			v.step("signin/account", map[string]string{"account": "umbra"}).is("in")
			list, err := v.p.Auth.ListSessions(t.Context(), "two")
			if err != nil || len(list) != 1 || list[0].AccountID != "umbra" {
				t.Errorf("sessions %+v, %v, want one in Umbra", list, err)
			}
		})
	})
	t.Run("the return address may name it", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			if got := v.open("return_to", "/?account=umbra").signIn("two@acme.example").landed(); got != "/?account=umbra" {
				t.Errorf("landed at %q", got)
			}
		})
	})
	t.Run("none where one is needed", func(t *testing.T) {
		needs := auth.Recommended()
		needs.NeedsCompany = true
		both(t, preset(needs), func(t *testing.T, v *visitor) {
			v.identify("solo@acme.example").password(secret).is("stop").told(auth.ReasonNoCompany)
		})
	})
}

func TestTabs(t *testing.T) {
	t.Run("R107 the form of another flow, or of an older state, is not taken for this one", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			first := *v.identify("ann@acme.example")
			v.open("return_to", "/elsewhere").identify("two@acme.example").is("password")
			v.p.Events()
			first.password(secret).status(409).is("password").told(auth.ReasonFlowChanged)
			if events := v.p.Events(); len(events) != 0 {
				t.Errorf("events %v, want none: nothing was tried", events)
			}
			first.password(secret).is("account")
			v.password(secret).status(409).is("account").told(auth.ReasonFlowChanged)
		})
	})
	t.Run("R107 U42 finished in one tab, the other is sent on", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		other := *v.identify("ann@acme.example")
		v.password(secret).is("in")
		other.password(secret).is("in")
		if got := v.p.sessions("ann"); got != 1 {
			t.Errorf("%d sessions, want 1", got)
		}
	})
	t.Run("R107 the cookie binds the flow to its browser", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example")
			thief := v.again()
			thief.shown, thief.state = v.shown, v.state
			thief.password(secret).status(410).told(auth.ReasonFlowGone)
		})
	})
	t.Run("R107 a form posted sixteen times at once makes one session", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example")
			flow, body := v.Cookie("__Host-flow"), form("password", secret).Encode()
			statuses := make(chan int, 16)
			for range 16 {
				go func() {
					w := v.again()
					w.Stay = true
					w.SetCookie("__Host-flow", flow)
					statuses <- w.send("/auth/signin/password", urlencoded, body).shown.Status
				}()
			}
			for range 16 {
				switch status := <-statuses; status {
				case 200, 303, 409, 410, 429, 503: // each is charged before it is looked at, and one source has a part of the queue only
				default:
					t.Errorf("status %d, want a session or an answer about the flow", status)
				}
			}
			if got := v.p.sessions("ann"); got != 1 {
				t.Errorf("%d sessions, want 1", got)
			}
		})
	})
	t.Run("R106 a flow that took too long starts over with its address", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("ann@acme.example")
			v.p.Clock.Advance(15*time.Minute + time.Second)
			v.password(secret).status(410).is("identify").told(auth.ReasonFlowGone)
			if v.json {
				if links, _ := v.state["links"].(map[string]any); links["restart"] != "/auth/signin" {
					t.Errorf("links %v, want one to restart", links)
				}
				return
			}
			if got := v.shown.Form("/identify").Fields["email"]; got != "ann@acme.example" {
				t.Errorf("the first page holds %q, want the address", got)
			}
			v.identify("ann@acme.example").password(secret).is("in")
		})
	})
}

func TestEvents(t *testing.T) {
	t.Run("R113 each outcome is recorded", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify("two@acme.example").password("wrong")
			v.password(secret).step("signin/account", map[string]string{"account": "acme"}).is("in")
			var got []string
			for _, e := range v.p.Events() {
				got = append(got, string(e.Kind))
				if e.IP != "192.0.2.1" || e.UserAgent == "" {
					t.Errorf("%s comes from %q, %q; want the visitor's address and browser", e.Kind, e.IP, e.UserAgent)
				}
			}
			want := "flow_started proof_refused proof_accepted account_chosen signed_in"
			if strings.Join(got, " ") != want {
				t.Errorf("events %v, want %s", got, want)
			}
		})
	})
}
