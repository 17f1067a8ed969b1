package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
	"github.com/sallyport-auth/sallyport/social/socialtest"
)

const (
	kim    = "kim@umbra.example" // has connected her account at Google
	ann    = "ann@acme.example"  // has not, and has accounts with her address everywhere
	stella = "stella@studio.example"
	mute   = "10158000000000042" // Max at Facebook, which does not tell his address
)

// there is where a provider of the demo's is.
func (p person) there(provider string) string {
	p.t.Helper()
	return p.nextPort() + "/" + provider + "/"
}

// presses chooses the button of a provider, on whichever page it is, and waits for the provider's own page.
func (p person) presses(provider string) {
	p.t.Helper()
	p.leaves(provider)
	p.Reaches(p.there(provider))
}

// leaves is presses, for a provider that asks nothing.
func (p person) leaves(provider string) {
	p.t.Helper()
	start := "/auth/social/" + provider + "/start"
	p.Choose(`[formaction="` + start + `"], [action="` + start + `"] button`)
}

// comesAs presses the button of a provider, and chooses an account there.
func (p person) comesAs(provider, account string) {
	p.t.Helper()
	p.presses(provider)
	p.chooses(account)
}

// chooses takes an account on the page of a provider.
func (p person) chooses(account string) {
	p.t.Helper()
	p.Choose(`button[value="` + account + `"]`)
}

// connects is comesAs, from my account.
func (p person) connects(provider, account string) {
	p.t.Helper()
	p.Open(p.home + "/auth/account/connected")
	p.Choose(`button[aria-describedby="other-` + provider + `"]`)
	p.Reaches(p.there(provider))
	p.chooses(account)
}

// buttons are the providers that a page offers.
func (p person) buttons() string {
	p.t.Helper()
	return p.Ask(`[...document.querySelectorAll(".providers .provider-label")].map(e => e.innerText.replace(/^.* /, "")).join(" ")`)
}

const allButtons = "Google Microsoft Apple Facebook LinkedIn LastPass"

// withheldFromApple checks that Apple's page posted its answer, and the browser kept the cookie of the sign-in to itself.
func (p person) withheldFromApple() {
	p.t.Helper()
	p.Withheld("__Host-flow", "/auth/social/apple/callback")
}

// linked checks which providers somebody has connected.
func (p person) linked(userID, want string) {
	p.t.Helper()
	links, err := p.w.product.in.Connected(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	var all []string
	for _, l := range links {
		all = append(all, l.Provider)
	}
	if got := strings.Join(all, " "); got != want {
		p.t.Errorf("%s has connected %q, want %q", userID, got, want)
	}
}

// giveApp sets up an app for somebody behind the pages, and answers a phone with it.
func (p person) giveApp(userID, email string) *phone {
	p.t.Helper()
	if err := p.w.product.apps.setUp(p.t.Context(), userID, email); err != nil {
		p.t.Fatal(err)
	}
	phone := newPhone(p.t)
	phone.secret = p.appSecret(userID)
	return phone
}

// TestAccounts lets people come with accounts that they have at Google and the others, which are at another site, as companies are.
func TestAccounts(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	for name, c := range map[string]struct {
		test func(*testing.T, *browsertest.Browser, *world)
		o    options
	}{
		"connected":     {testConnected, options{}},
		"not connected": {testNotConnected, options{}},
		"my account":    {testMyAccounts, options{}},
		"new people":    {testNewByAccount, options{socialSignUp: "on"}},
		"for the user":  {testForUser, options{preset: "email-first"}},
		"on the device": {testOnDevice, options{socialDisplay: "connected-on-device"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.test(t, b, serveWorld(t, c.o))
		})
	}
}

func testConnected(t *testing.T, b *browsertest.Browser, w *world) {
	google := w.product.accounts.played["google"]
	t.Run("R29 R32 by one button to where one wanted to go, and the button is marked on this device", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/reports")
		if got := e.buttons(); got != allButtons {
			t.Errorf("the first page has buttons for %q, want %q", got, allButtons)
		}
		if e.Has(".provider-last") {
			t.Error("a button is marked as used before any was")
		}
		e.Click("#remember")
		e.comesAs("google", kim)
		e.back("/reports")
		e.Open(e.home + "/")
		e.in("Kim", "social:google")
		e.shows("/", "an account at Google", "yes")
		e.signOut()
		e.Open(e.home + "/")
		if got := e.Text(`[formaction*="google"] .provider-last`); got != "Last used" {
			t.Errorf("the button of Google is marked %q, want Last used", got)
		}
		if other := e.other(); e.Ask(`String(document.querySelectorAll(".provider-last").length)`) != "1" {
			t.Error("several buttons are marked")
		} else if other.Open(e.home + "/"); other.Has(".provider-last") {
			t.Error("a button is marked on another device")
		}
		google.Set(func(s *socialtest.Settings) { s.SignedInAs = kim })
		defer google.Set(func(s *socialtest.Settings) { s.SignedInAs = "" })
		e.leaves("google") // who is signed in there sees no page of theirs
		e.back("/")
		e.in("Kim", "social:google")
	})
	t.Run("R32 U36 without scripts", func(t *testing.T) {
		e := come(t, b, w)
		e.NoScripts()
		e.Open(e.home + "/")
		e.comesAs("google", kim)
		e.back("/")
		e.in("Kim", "social:google")
	})
	t.Run("R32 U32 without a mouse", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.Focused("email")
		e.Press("\t\t\t")
		for got := e.Focus(); !strings.Contains(got, "Continue with Google"); got = e.Focus() {
			if got == "body" {
				t.Fatal("Tab does not lead to the button of Google")
			}
			e.Press("\t")
		}
		e.Enter()
		e.Reaches(google.BaseURL())
		e.Press("\t")
		e.Enter()
		e.back("/")
		e.in("Kim", "social:google")
	})
	t.Run("R38 cancelled there", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		for _, provider := range []string{"Google", "Apple"} {
			e.presses(strings.ToLower(provider))
			e.Follow("Cancel")
			e.Reaches(e.home + "/auth/signin?")
			if provider == "Apple" {
				e.withheldFromApple()
			}
			e.shows("/auth/signin", "The sign-in with "+provider+" was cancelled, and nothing was changed.")
			if e.Has("#problem") || e.Attribute(".notice", "role") != "status" {
				t.Errorf("%s: cancelling is shown as a problem", provider)
			}
		}
		e.Type("#email", ann)
		e.Enter()
		e.password(demoPassword)
		e.code(e.mailed(ann))
		e.in("Ann", "password email_code")
	})
	for _, l := range []struct{ tag, button, cancel, cancelled, stranger string }{
		{"es", "Continuar con Google", "Cancelar", "Se ha cancelado el inicio de sesión con Google", "Su cuenta de Google no está conectada a ninguna cuenta aquí."},
		{"fr", "Continuer avec Google", "Annuler", "La connexion avec Google a été annulée", "Votre compte Google n’est associé à aucun compte ici."},
	} {
		t.Run("R32 R33 R111 in "+l.tag, func(t *testing.T) {
			e := come(t, b, w)
			e.Speak(l.tag)
			e.Open(e.home + "/")
			e.shows("/auth/signin", l.button)
			e.presses("google")
			e.Follow("Cancel") // at Google, in English
			e.Reaches(e.home + "/auth/signin?")
			e.shows("/auth/signin", l.cancelled)
			e.comesAs("google", stella)
			e.back("/auth/signin")
			e.shows("/auth/signin", l.stranger, stella)
			if got := e.Attribute("html", "lang"); got != l.tag {
				t.Errorf("the page is in %q, want %q", got, l.tag)
			}
			e.Choose(".waiting button")
			e.shows("/auth/signin", l.button)
			e.lacks(stella)
		})
	}
	t.Run("R32 the second step is asked for all the same", func(t *testing.T) {
		e := come(t, b, w)
		phone := e.giveApp("kim", kim)
		e.Open(e.home + "/")
		e.comesAs("google", kim)
		e.back("/auth/signin")
		e.shows("/auth/signin", "Enter the code from your app")
		tab := e.tab()
		tab.Open(tab.home + "/")
		tab.lacks("Hello")
		e.code(phone.code())
		e.in("Kim", "social:google totp")
	})
}

func testNotConnected(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R33 whoever has no account here is told to sign in with e-mail first", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.comesAs("google", stella)
		e.back("/auth/signin")
		e.shows("/auth/signin", "Your Google account is not connected to an account here. If you have one, sign in with your email address and your password", "Your Google account", stella)
		tab := e.tab()
		tab.Open(tab.home + "/")
		tab.lacks("Hello")
		e.Choose(".waiting button")
		e.lacks(stella)
	})
	t.Run("R34 an account with this address is not connected without the confirmation", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.comesAs("google", ann)
		e.back("/auth/signin")
		e.shows("/auth/signin", "An account with this email address exists. Sign in again with your email address to proceed. We will then ask whether to connect Google.", ann)
		e.password(demoPassword)
		e.code(e.mailed(ann))
		e.shows("/auth/signin", "Connect your Google account?", ann)
		tab := e.tab()
		tab.Open(tab.home + "/")
		tab.lacks("Hello")
		e.Follow("Not now")
		e.in("Ann", "password email_code")
		e.linked("ann", "")
	})
	t.Run("R34 password, second step, confirmation, and a letter", func(t *testing.T) {
		e := come(t, b, w)
		phone := e.giveApp("ann", ann)
		e.Open(e.home + "/reports")
		e.comesAs("google", ann)
		e.back("/auth/signin")
		e.password(demoPassword)
		e.code(phone.code())
		e.shows("/auth/signin", "Connect your Google account?", "Account at Google", ann)
		e.linked("ann", "")
		e.Follow("Connect")
		e.back("/reports")
		e.linked("ann", "google")
		mailedSubject(t, w, ann, "A new way to sign in was added – Sallyport Demo")
		e.Open(e.home + "/")
		e.in("Ann", "password totp social:google")
	})
	t.Run("R38 A-101 an address that Facebook does not stand for is proven by a code before anything is said", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.expectMail()
		e.comesAs("facebook", ann)
		e.back("/auth/signin")
		e.shows("/auth/signin", "Confirm your email address", "Facebook does not guarantee", ann)
		e.lacks("exists")
		e.code(e.mailed(ann))
		e.shows("/auth/signin", "An account with this email address exists", "We will then ask whether to connect Facebook.")
		e.lacks("Hello")
	})
	t.Run("R38 A-101 an account at Facebook without an address", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.comesAs("facebook", mute)
		e.back("/auth/signin")
		e.shows("/auth/signin", "Facebook has not told us an email address. Enter yours to go on.")
		e.expectMail()
		e.Type("#email", "nobody@new.example")
		e.Enter()
		e.code(e.mailed("nobody@new.example"))
		e.shows("/auth/signin", "Your Facebook account is not connected to an account here.")
		e.lacks("Hello")
	})
}

func testMyAccounts(t *testing.T, b *browsertest.Browser, w *world) {
	e := come(t, b, w)
	e.signIn(ann)
	t.Run("R35 connected from my account, with a letter", func(t *testing.T) {
		e := e.with(t)
		e.Open(e.home + "/auth/account/connected")
		e.shows("/auth/account/connected", "No account is connected yet.", "Google", "LastPass")
		e.connects("apple", kim)
		e.back("/auth/account/connected")
		e.Withheld("__Host-stepup", "/auth/social/apple/callback")
		e.shows("/auth/account/connected", "The account is connected now.", "@privaterelay.appleid.com")
		mailedSubject(t, w, ann, "A new way to sign in was added – Sallyport Demo")
	})
	t.Run("R35 cancelled there", func(t *testing.T) {
		e := e.with(t)
		e.Open(e.home + "/auth/account/connected")
		e.Choose(`button[aria-describedby="other-linkedin"]`)
		e.Reaches(e.there("linkedin"))
		e.Follow("Cancel")
		e.Reaches(e.home + "/auth/stepup")
		e.shows("/auth/stepup", "LinkedIn was not connected.", "Connect LinkedIn")
		e.Follow("Cancel")
		e.linked("ann", "apple")
	})
	t.Run("R35 not what is somebody else's", func(t *testing.T) {
		e := e.with(t)
		e.connects("google", kim)
		e.Reaches(e.home + "/auth/")
		if got := e.Text("#problem"); !strings.Contains(got, "This Google account cannot be connected. It is connected to another account already") {
			t.Errorf("the page says %q, want that the account is somebody else's", got)
		}
		e.linked("ann", "apple")
	})
	t.Run("R39 Apple posts its answer without cookies, and hides the address", func(t *testing.T) {
		e := e.with(t)
		e.signOut()
		e.Open(e.home + "/reports")
		e.comesAs("apple", kim)
		e.back("/reports")
		e.withheldFromApple()
		e.Open(e.home + "/")
		e.in("Ann", "social:apple")
	})
	t.Run("R36 disconnected, with a letter", func(t *testing.T) {
		e := come(t, b, w)
		e.signIn(ann)
		e.Open(e.home + "/auth/account/connected")
		e.Follow("Disconnect")
		e.shows("/auth/account/connected/disconnect", "Disconnect Apple?", "How you can still sign in", "Password")
		e.Follow("Disconnect")
		e.shows("/auth/account/connected", "The account is no longer connected.", "No account is connected yet.")
		mailedSubject(t, w, ann, "A way to sign in was removed – Sallyport Demo")
		e.linked("ann", "")
	})
}

func testNewByAccount(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R33 R36 an account here by one there, which stays as the only way in", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.comesAs("google", stella)
		e.back("/")
		e.in("Stella Stone", "social:google")
		e.Open(e.home + "/auth/account/connected")
		e.Follow("Disconnect")
		e.shows("/auth/account/connected/disconnect", "This is your only way to sign in. Add another one before you remove it.")
		e.lacks("How you can still sign in")
		e.Open(e.home + "/auth/stepup")
		e.shows("/auth/stepup", "Confirm that it is you")
		e.expectMail()
		e.Choose(".providers button")
		e.Reaches(e.there("google"))
		e.chooses(stella)
		e.back("/auth/stepup")
		e.code(e.mailed(stella)) // Google does not say when she signed in there
		e.back("/auth/account")
	})
}

func testForUser(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R29 the buttons of what the person has connected, once the address is typed", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		if got := e.buttons(); got != "" {
			t.Errorf("before anything is typed there are buttons for %q", got)
		}
		e.identify(ann)
		if got := e.buttons(); got != "" {
			t.Errorf("Ann, who has connected nothing, finds buttons for %q", got)
		}
		e.Follow("Use another email")
		e.Type("#email", kim)
		e.Enter()
		if got := e.buttons(); got != "Google" {
			t.Errorf("Kim finds buttons for %q, want Google", got)
		}
		e.presses("google")
		if got := e.Text("li"); !strings.Contains(got, "Kim") {
			t.Errorf("Google offers %q first, want Kim", got)
		}
		e.chooses(kim)
		e.back("/")
		e.in("Kim", "social:google")
	})
}

func testOnDevice(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R29 the buttons of what was used on this device", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		if got := e.buttons(); got != "" {
			t.Errorf("on a new device there are buttons for %q", got)
		}
		e.signIn(kim)
		e.connects("linkedin", kim)
		e.back("/auth/account/connected")
		e.signOut()
		e.Open(e.home + "/")
		e.Open(e.home + "/")
		if got := e.buttons(); got != "LinkedIn" {
			t.Errorf("after LinkedIn was connected on this device there are buttons for %q, want LinkedIn", got)
		}
	})
}

// TestAccountPages looks at the pages about accounts elsewhere as TestPages does at the others, and at those of the demo's providers. Nobody
// changes anything here, so that one world is enough.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	axe := browsertest.Axe(t)
	w := serveWorld(t, options{})
	w.product.accounts.played["google"].AddPerson(socialtest.Person{Email: "admin@acme.example", Name: "Ada Ames", HostedDomain: "acme.example"})
	open := serveWorld(t, options{socialSignUp: "on"}) // to whoever has an account elsewhere
	comes := func(provider, account string) func(person) {
		return func(p person) {
			p.t.Helper()
			p.Open(p.home + "/")
			p.comesAs(provider, account)
			p.Reaches(p.home)
		}
	}
	kimAt := func(path string) func(person) {
		return func(p person) {
			p.t.Helper()
			comes("google", kim)(p)
			p.Open(p.home + path)
		}
	}
	for _, page := range []struct {
		name, says string
		at         *world
		open       func(p person)
	}{
		{"social-exists", "An account with this email address exists", w, comes("google", ann)},
		{"social-stranger", "If you have none, create an account.", w, comes("google", stella)},
		{"social-code", "Confirm your email address", w, comes("facebook", ann)},
		{"social-link", "Connect your Google account?", w, func(p person) {
			comes("google", "admin@acme.example")(p)
			p.password(demoPassword)
			p.code(p.mailed("admin@acme.example"))
		}},
		{"social-last", "Last used", w, func(p person) {
			comes("google", kim)(p)
			p.signOut()
			p.Open(p.home + "/")
		}},
		{"connected", "Connected accounts", w, kimAt("/auth/account/connected")},
		{"disconnect", "Disconnect Google?", w, func(p person) {
			kimAt("/auth/account/connected")(p)
			p.Follow("Disconnect")
		}},
		{"disconnect-last", "Google cannot be disconnected yet", open, func(p person) {
			comes("google", stella)(p)
			p.Open(p.home + "/auth/account/connected")
			p.Follow("Disconnect")
		}},
		{"provider-deliver", "This page goes on by itself", w, func(p person) {
			p.NoScripts()
			p.Open(p.home + "/")
			p.comesAs("apple", kim)
		}},
	} {
		t.Run("U35 U37 U39 "+page.name, func(t *testing.T) {
			t.Parallel()
			p := come(t, b, page.at)
			page.open(p)
			if text := p.Text("main"); !strings.Contains(text, page.says) {
				t.Errorf("%s does not say %q:\n%s", p.URL(), page.says, text)
			}
			p.looksWell(axe, page.name)
		})
	}
}

// goesTo sends the visitor to a provider, has somebody sign in there, and answers what the product says when they are back.
func (v *visitor) goesTo(t *testing.T, provider *socialtest.Provider, path string, body map[string]any, account string) reply {
	t.Helper()
	r, err := v.post(path, body)
	if err != nil || r.status != http.StatusOK || r.Redirect == "" {
		t.Fatalf("%s answers %d %s (%v), want where to go", path, r.status, r.body, err)
	}
	back, err := provider.SignIn(r.Redirect, account)
	if err != nil {
		t.Fatal(err)
	}
	r, err = v.do(http.MethodGet, strings.TrimPrefix(back.URL, v.url), "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCredentials gives the program what real providers have given a host.
func TestCredentials(t *testing.T) {
	for flag, parts := range map[string]string{
		"google": "id", "microsoft": "id", "apple": "id,team,key", "facebook": "id", "linkedin": "id", "lastpass": "issuer,id",
	} {
		t.Run("-"+flag+" with too little", func(t *testing.T) {
			c := credential(strings.Split(parts, ","))
			_, err := newAccounts(nil, make([]byte, 32), "http://localhost:8080", "http://127.0.0.1:8081", credentials{flag: &c})
			if err == nil || !strings.Contains(err.Error(), "-"+flag+" takes ") {
				t.Errorf("-%s %s is answered with %v, want how many parts are needed", flag, parts, err)
			}
		})
	}
}

// TestAccountsJSON is what a program of one's own does with accounts elsewhere.
func TestAccountsJSON(t *testing.T) {
	t.Parallel()
	w := serveWorld(t, options{})
	google := w.product.accounts.played["google"]
	const start = "/auth/social/google/start"
	t.Run("R32 in by one account", func(t *testing.T) {
		v := newVisitor(t, w.home(), "127.0.0.1")
		if r := v.goesTo(t, google, start, nil, kim); !r.in() {
			t.Errorf("Kim comes back to %d %s, want a session", r.status, r.body)
		}
		v.sees(t, "Kim")
	})
	t.Run("R33 nobody here", func(t *testing.T) {
		v := newVisitor(t, w.home(), "127.0.0.1")
		if r := v.goesTo(t, google, start, nil, stella); r.Stage != "identify" || r.Reason != "social_not_connected" {
			t.Errorf("Stella comes back to %s %s, want identify social_not_connected", r.Stage, r.Reason)
		}
		v.sees(t, "")
	})
	t.Run("R34 R36 connected after the proof and the confirmation, and taken back", func(t *testing.T) {
		v := newVisitor(t, w.home(), "127.0.0.1")
		v.email = ann
		r := v.goesTo(t, google, start, nil, ann)
		if r.Stage != "authenticate" || r.Reason != "social_email_exists" {
			t.Fatalf("Ann comes back to %s %s, want authenticate social_email_exists", r.Stage, r.Reason)
		}
		r.Reason = "" // it says what the stage is
		r, err := v.finish(r)
		if err != nil || r.Stage != "link" {
			t.Fatalf("after her password: %s %s (%v), want link", r.Stage, r.Reason, err)
		}
		v.sees(t, "")
		if r, err = v.post("/auth/signin/link", map[string]any{"flow": r.Flow, "version": r.Version, "do": "link"}); err != nil || !r.in() {
			t.Fatalf("confirmed: %d %s (%v), want a session", r.status, r.body, err)
		}
		var list struct {
			Accounts []struct{ ID, Provider, Email string }
		}
		r, err = v.do(http.MethodGet, "/auth/account/connected", "application/json", nil)
		if err := errors.Join(err, json.Unmarshal([]byte(r.body), &list)); err != nil || len(list.Accounts) != 1 || list.Accounts[0].Provider != "google" || list.Accounts[0].Email != ann {
			t.Fatalf("connected: %s (%v), want Ann's account at Google", r.body, err)
		}
		if r, err = v.post("/auth/account/connected/disconnect", map[string]any{"id": list.Accounts[0].ID}); err != nil || r.status != http.StatusOK || strings.Contains(r.body, list.Accounts[0].ID) {
			t.Errorf("disconnected: %d %s (%v), want 200 without it", r.status, r.body, err)
		}
	})
	t.Run("R35 somebody else's", func(t *testing.T) {
		v := newVisitor(t, w.home(), "127.0.0.1")
		if r, err := v.signIn("admin@acme.example"); err != nil || !r.in() {
			t.Fatalf("signing in ends with %v %+v", err, r)
		}
		if r := v.goesTo(t, google, "/auth/account/connected/connect", map[string]any{"provider": "google"}, kim); r.Reason != "social_already_linked" {
			t.Errorf("Kim's account is answered %d %s, want social_already_linked", r.status, r.body)
		}
	})
}

// The demo's providers are at the port beside the program's, which may be another one at the next start.
func TestAccountsAtAnotherAddress(t *testing.T) {
	db := filepath.Join(t.TempDir(), "demo.db")
	for range 2 {
		p := serveWorld(t, options{db: db, key: db + ".key"}).product
		kim, err := p.people.UserByEmail(t.Context(), "kim@umbra.example")
		if err != nil {
			t.Fatal(err)
		}
		all, err := p.in.Connected(t.Context(), kim.ID)
		if want := p.accounts.played["google"].Issuer(); err != nil || len(all) != 1 || all[0].Source != want {
			t.Errorf("Kim is connected with %+v, %v, want her account at %s alone", all, err, want)
		}
	}
}

// What a real provider has to know is printed, and no more is taken than there is a place for.
func TestRealProviders(t *testing.T) {
	var out strings.Builder
	w := serveWorld(t, options{credentials: credentials{"google": {"id", "secret"}}})
	w.product.welcome(t.Context(), &out)
	if want := "Google must know " + w.home() + "/auth/social/google/callback\n"; !strings.Contains(out.String(), want) || strings.Contains(out.String(), "Apple must know") {
		t.Errorf("the program says\n%s\nwant %s", &out, want)
	}
	for _, given := range []credential{{"id"}, {"id", "secret", "tenant"}} {
		_, err := open(t.Context(), options{addr: "localhost:0", db: ":memory:", preset: "recommended", signUp: "company", credentials: credentials{"google": &given}})
		if err == nil || !strings.Contains(err.Error(), "-google takes 2 parts") {
			t.Errorf("open with %q = %v, want an error about -google", given, err)
		}
	}
}
