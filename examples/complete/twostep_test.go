package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// button is what a person clicks on who wants the form with this action.
func button(action string) string { return "form[action='/auth/" + action + "'] button" }

// method fails the test unless the home page greets this person, who has signed in with these methods.
func (p person) in(name, methods string) {
	p.t.Helper()
	p.shows("/", "Hello, "+name, methods)
	if got := p.Text("section[aria-labelledby=how] dd"); got != methods {
		p.t.Errorf("the home page says that %s signed in with %q, want %q", name, got, methods)
	}
}

// signOut signs out, from wherever the person is.
func (p person) signOut() {
	p.t.Helper()
	p.Open(p.home + "/")
	p.Follow("Sign out")
}

// toMailed signs in as far as the mailed code.
func (p person) toMailed(email string) {
	p.t.Helper()
	p.identify(email)
	p.password(demoPassword)
}

// toApp signs in as far as the app's code.
func (p person) toApp(email string) {
	p.t.Helper()
	p.identify(email)
	p.password(demoPassword)
	p.shows("/auth/signin", "Enter the code from your app")
}

// setUp goes through the dialogs of two-step set-up, from the first to the recovery codes, and answers these. At every dialog it
// calls check.
func (p person) setUp(email string, phone *phone, check func(dialog int)) []string {
	p.t.Helper()
	check(1)
	p.expectMail()
	p.Follow("Continue")
	check(2)
	p.code(p.mailed(email))
	check(3)
	p.Follow("Continue")
	check(4)
	phone.scan(p)
	p.Follow("Continue")
	check(5)
	p.code(phone.code())
	var codes []string
	if text := p.Text("#codes"); text != "" {
		codes = strings.Fields(text)
	}
	return codes
}

// anywhere is a check of setUp that looks at nothing.
func anywhere(int) {}

func testMailedCode(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R49 R50 U18 a browser never seen before is asked for a mailed code, and only once", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		p.password(demoPassword)
		p.shows("/auth/signin", "Verify your sign-in", "10 more minutes", "Send the code again")
		p.lacks("ann@acme.example")
		if got, want := p.Text(".person"), "a…@acme.example"; got != want {
			t.Errorf("the page says that the code went to %q, want %q", got, want)
		}
		p.Focused("code")
		tab := p.tab()
		tab.Open(p.home + "/")
		tab.lacks("Hello")
		code := p.mailed("ann@acme.example")
		p.code(map[bool]string{true: "000001", false: "000000"}[code == "000000"])
		p.shows("/auth/signin/code")
		if p.Status() != 422 {
			t.Errorf("a wrong code answers %d, want 422", p.Status())
		}
		checkProblem(t, p, "code")
		p.code(code)
		p.in("Ann", "password email_code")
		p.Follow("Sign out")
		p.identify("ann@acme.example")
		p.password(demoPassword)
		p.in("Ann", "password")
	})

	t.Run("U14 codes as people type them", func(t *testing.T) {
		for name, spell := range map[string]func(string) string{
			"with a space":  func(c string) string { return " " + c[:3] + " " + c[3:] },
			"with a hyphen": func(c string) string { return c[:3] + "-" + c[3:] },
			"full-width":    func(c string) string { return strings.Map(func(r rune) rune { return r - '0' + '０' }, c) },
		} {
			p := visit(t, b, home)
			p.identify("admin@acme.example")
			p.password(demoPassword)
			p.code(spell(p.mailed("admin@acme.example")))
			if text := p.Text("body"); !strings.Contains(text, "Hello, Ada") {
				t.Errorf("a code typed %s leads to %s:\n%s", name, p.URL(), text)
			}
		}
	})

	t.Run("U16 asking for another code too early says when", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("two@acme.example")
		p.password(demoPassword)
		p.Follow("Send the code again")
		if p.Status() != 429 || !strings.Contains(p.Text("main"), "seconds") {
			t.Errorf("status %d: %s, want 429 and how long to wait", p.Status(), p.Text("main"))
		}
		p.code(p.mailed("two@acme.example")) // the first one counts still
		p.shows("/auth/signin", "Choose a company")
	})

	t.Run("R68 R111 the letter speaks the language of the page, and shows in the mailbox", func(t *testing.T) {
		p := visit(t, b, home)
		p.Speak("es")
		p.identify("ann@acme.example")
		p.password(demoPassword)
		code := p.mailed("ann@acme.example")
		p.Open(p.home + "/dev/mail")
		p.shows("/dev/mail", "Mailbox", "ann@acme.example", code)
		p.Choose(".letters a")
		p.shows(strings.TrimPrefix(p.URL(), p.home), "ann@acme.example", code)
		inside := p.tab()
		inside.Open(p.home + p.Attribute("iframe", "src"))
		if text := inside.Text("body"); !strings.Contains(text, code) || inside.Attribute("html", "lang") != "es" {
			t.Errorf("the frame has no letter in Spanish with the code in it:\n%s", text)
		}
		p.Follow("As text")
		if text := p.Text("pre.letter"); !strings.Contains(text, code) || !strings.Contains(text, "código") {
			t.Errorf("the letter as text lacks the code, or is not Spanish:\n%s", text)
		}
	})
}

var recoveryCode = regexp.MustCompile(`^[a-z0-9]{5}-[a-z0-9]{5}$`)

func testTwoStep(t *testing.T, b *browsertest.Browser, home string) {
	const email = "ann@acme.example"
	p, later, old := visit(t, b, home), visit(t, b, home), newPhone(t)
	p.signIn(email)
	var codes []string
	t.Run("R57 R58 R59 turning it on from my account", func(t *testing.T) {
		p := p.with(t)
		old.t = t
		p.Follow("Sign-in and security")
		p.shows("/auth/account", "Sign-in and security", "ann@acme.example", "Two-step verification")
		p.Follow("Manage two-step verification")
		p.Follow("Set up two-step verification")
		codes = p.setUp(email, old, anywhere)
		if len(codes) != 10 || !recoveryCode.MatchString(codes[0]) || slices.Compact(slices.Sorted(slices.Values(codes)))[0] == "" {
			t.Fatalf("recovery codes %q, want ten like abcde-fgh23", codes)
		}
		p.Follow("I have saved the codes")
		p.shows("/auth/account/two-step", "On since", "Recovery codes left", "10")
		p.Open(p.home + "/")
		p.shows("/", "Hello, Ann")
	})
	if t.Failed() {
		return // the rest goes on from there
	}
	t.Run("R56 R60 R61 the next sign-in asks for the app's code, until the device is spared it", func(t *testing.T) {
		p := p.with(t)
		old.t = t
		p.signOut()
		p.toApp(email)
		p.Focused("code")
		checkField(t, p, "#code", codeField)
		tab := p.tab()
		tab.Open(p.home + "/")
		tab.lacks("Hello")
		p.code(old.at(time.Now().Unix()/step + 100))
		p.shows("/auth/signin/totp")
		checkProblem(t, p, "code")
		p.code(old.at(old.last))
		checkProblem(t, p, "code")
		if text := p.Text("#problem"); !strings.Contains(text, "already") {
			t.Errorf("a code used before is answered with %q, want that it was used already", text)
		}
		p.Click("#trust")
		p.code(old.code())
		p.in("Ann", "password totp")
		p.signOut()
		p.identify(email)
		p.password(demoPassword)
		p.in("Ann", "password")
	})

	t.Run("R59 a recovery code signs in, once", func(t *testing.T) {
		p := visit(t, b, home)
		for _, round := range []string{"first", "again"} {
			p.toApp(email)
			p.Follow("Use a recovery code")
			p.code(strings.ToUpper(strings.ReplaceAll(codes[0], "-", " ")))
			if round == "first" {
				p.in("Ann", "password recovery_code")
				p.signOut()
			}
		}
		checkProblem(t, p, "code")
		p.lacks("Hello")
	})

	t.Run("R63 a lost phone is replaced with a recovery code, and only the new one counts", func(t *testing.T) {
		p, phone := visit(t, b, home), newPhone(t)
		old.t = t
		p.toApp(email)
		p.Follow("Set up a new mobile device")
		p.code(codes[1])
		fresh := p.setUp(email, phone, func(dialog int) {
			if dialog == 1 {
				p.shows("/auth/signin", "stops working")
			}
		})
		if len(fresh) != 10 || slices.Contains(fresh, codes[2]) {
			t.Errorf("recovery codes %q after %q, want ten new ones", fresh, codes)
		}
		p.Follow("I have saved the codes")
		p.shows("/auth/signin", "Enter a new code")
		tab := p.tab()
		tab.Open(p.home + "/")
		tab.lacks("Hello")
		p.code(phone.code())
		p.in("Ann", "password recovery_code email_code totp")

		p = later.with(t)
		p.toApp(email)
		p.code(old.at(time.Now().Unix() / step))
		checkProblem(t, p, "code")
		p.Follow("Use a recovery code")
		p.code(codes[2])
		checkProblem(t, p, "code")
		p.Follow("Use the code from my app")
		p.Click("#trust")
		p.code(phone.code())
		p.in("Ann", "password totp")
		old.secret, old.last = phone.secret, phone.last
	})
	if t.Failed() {
		return
	}

	t.Run("R57 R66 turning it off asks for the app's code where the sign-in did not", func(t *testing.T) {
		p, phone := later.with(t), old
		phone.t = t
		p.signOut()
		p.signIn(email)
		p.in("Ann", "password")
		p.Open(p.home + "/auth/account/two-step")
		p.Follow("Turn off")
		p.shows("/auth/stepup")
		p.code("000000")
		checkProblem(t, p, "code")
		p.code(phone.code())
		p.shows("/auth/account/two-step", "On since")
		p.Follow("Turn off")
		p.shows("/auth/account/two-step", "Two-step verification is off now.")
		p.signOut()
		p.identify(email)
		p.password(demoPassword)
		p.code(p.mailed(email)) // every device went with the app
		p.in("Ann", "password email_code")
	})

	t.Run("R68 every change was told by mail", func(t *testing.T) {
		want := map[string]int{}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) { // notices wait ten seconds
			all, err := letters(home)
			if err != nil {
				t.Fatal(err)
			}
			clear(want)
			for _, l := range all {
				if l.To == email && l.Code == "" {
					want[l.Subject]++
				}
			}
			if len(want) >= 4 || time.Now().After(end) {
				break
			}
		}
		if len(want) < 4 {
			t.Errorf("notices %v, want of the app, of its replacement, of recovery codes, and of new devices", want)
		}
	})
}

func testForced(t *testing.T, b *browsertest.Browser, home string) {
	const email = "vera@vault.example"
	t.Run("R54 R55 R56 whoever must have it sets it up in six dialogs, and has no session before", func(t *testing.T) {
		p, phone := visit(t, b, home), newPhone(t)
		p.identify(email)
		p.password(demoPassword)
		outside := func(dialog int) {
			t.Helper()
			if got, want := p.Text(".progress"), fmt.Sprintf("Step %d of 6", dialog); got != want {
				t.Errorf("the dialog says %q, want %q", got, want)
			}
			tab := p.tab()
			tab.Open(p.home + "/")
			tab.lacks("Hello")
			tab.Close()
		}
		codes := p.setUp(email, phone, outside)
		if len(codes) != 10 {
			t.Errorf("recovery codes %q, want ten", codes)
		}
		p.Follow("I have saved the codes")
		outside(6)
		p.code(phone.at(phone.last))
		checkProblem(t, p, "code")
		p.code(phone.code())
		p.in("Vera", "password email_code totp")
		if why := p.Text("section[aria-labelledby=why]"); !strings.Contains(why, "required by Vault since 1 May 2026") {
			t.Errorf("the home page says why: %q, want that Vault requires two-step verification", why)
		}
		p.Open(p.home + "/auth/account/two-step")
		p.shows("/auth/account/two-step", "required for your account")
		if p.Has(button("account/two-step/off")) {
			t.Error("there is a button to turn off what Vault requires")
		}
	})

	t.Run("U36 R55 without scripts", func(t *testing.T) {
		p, phone := visit(t, b, serve(t, options{preset: "forced-two-step"})), newPhone(t)
		p.NoScripts()
		p.identify("ann@acme.example")
		p.password(demoPassword)
		if codes := p.setUp("ann@acme.example", phone, anywhere); len(codes) != 0 {
			t.Errorf("recovery codes %q, want none: this preset has none", codes)
		}
		p.shows("/auth/signin", "Enter a new code")
		p.code(phone.code())
		p.in("Ann", "password email_code totp")
	})
}

func testDevices(t *testing.T, b *browsertest.Browser, home string) {
	const email = "ann@acme.example"
	p, other := visit(t, b, home), visit(t, b, home)
	p.signIn(email)
	other.signIn(email)
	const here = ".panel:has(.badge.note) "

	t.Run("R64 a device is trusted, and no longer", func(t *testing.T) {
		p := p.with(t)
		p.Open(p.home + "/auth/account/devices")
		p.shows("/auth/account/devices", "Your devices", "This device", "Last sign-in", "127.0.0.1")
		p.lacks("Trusted since")
		p.Choose(here + button("account/devices/trust"))
		p.shows("/auth/account/devices", "The device is trusted now.", "Trusted since")
		p.Choose(here + button("account/devices/untrust"))
		p.shows("/auth/account/devices", "The device is no longer trusted.")
		p.lacks("Trusted since")
	})

	t.Run("R65 the other session is ended from here", func(t *testing.T) {
		p, other := p.with(t), other.with(t)
		p.Open(p.home + "/auth/account/sessions")
		p.shows("/auth/account/sessions", "Where you are signed in", "This session", "Password", "Code by email")
		p.Follow("End all other sessions")
		p.shows("/auth/account/sessions", "All other sessions have ended.")
		other.Open(p.home + "/")
		other.shows("/auth/signin")
		other.signIn(email)
		other.in("Ann", "password")
	})

	t.Run("R62 R14 a device that nobody knows is reported, and the account waits for a new password", func(t *testing.T) {
		p, other := p.with(t), other.with(t)
		p.Open(p.home + "/auth/account/devices")
		if p.Has(here + "a[href*='/devices/report']") {
			t.Error("the device in use can be reported")
		}
		p.Follow("I don’t recognize this device")
		p.shows("/auth/account/devices/report", "Report this device?")
		p.Follow("Report and sign out")
		p.shows("/auth/account/devices/report", "The device has been reported", email)
		other.Reload()
		other.shows("/auth/signin")
		other.identify(email)
		other.password(demoPassword)
		other.shows("/auth/signin", "Your account is locked")
		p.Open(p.home + "/")
		p.shows("/", "Hello, Ann")

		const fresh = "a new password that Ann chose"
		other.Open(linkTo(t, home, email))
		other.Follow("Set a new password")
		other.Type("#new-password", fresh)
		other.Enter()
		other.shows("/auth/signin", "Your new password is set")
		other.password(fresh)
		other.code(other.mailed(email)) // all devices went with the password
		other.in("Ann", "password email_code")
		p.Open(p.home + "/")
		p.shows("/auth/signin")
	})
}

// linkTo waits for the newest letter with a link to an address.
func linkTo(t *testing.T, home, email string) string {
	t.Helper()
	return mailedLink(t, home, email, "/auth/reset")
}

// mailedLink waits for a letter to an address that leads to this page, and answers where: the newest.
func mailedLink(t *testing.T, home, email, page string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		all, err := letters(home)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if l.To == email && strings.Contains(l.Link, page) {
				return l.Link
			}
		}
	}
	t.Fatalf("no letter with a link came to %s", email)
	return ""
}
