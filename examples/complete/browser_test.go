package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// A person is somebody in front of a page of the program.
type person struct {
	*browsertest.Page
	t    *testing.T
	b    *browsertest.Browser
	home string
	seen map[string]bool // mailed codes that are not the one that is waited for
	w    *world          // what is behind the pages; nil: another process
}

// visit lets a new person come, with a browser of their own.
func visit(t *testing.T, b *browsertest.Browser, home string) person {
	t.Helper()
	return person{Page: b.Private(t), t: t, b: b, home: home, seen: map[string]bool{}}
}

// other is somebody else, with a browser of their own, at the same program.
func (p person) other() person {
	p.t.Helper()
	other := visit(p.t, p.b, p.home)
	other.w = p.w
	return other
}

// with goes on in a part of the test that let the person come.
func (p person) with(t *testing.T) person {
	p.Page.With(t)
	p.t = t
	return p
}

// tab is another tab of the same browser.
func (p person) tab() person {
	p.t.Helper()
	p.Page = p.Page.Tab()
	return p
}

// identify types an address on the first page.
func (p person) identify(email string) {
	p.t.Helper()
	p.Open(p.home + "/")
	p.Type("#email", email)
	p.Enter()
}

// password types a password.
func (p person) password(password string) {
	p.t.Helper()
	p.expectMail()
	p.Type("#current-password", password)
	p.Enter()
}

// signIn goes all the way: with the mailed code, if this browser is asked for one. The app's code is the caller's.
func (p person) signIn(email string) {
	p.t.Helper()
	p.identify(email)
	p.password(demoPassword)
	if p.asksMailed() {
		p.code(p.mailed(email))
	}
}

// asksMailed tells whether the page asks for the code of a login verification.
func (p person) asksMailed() bool {
	p.t.Helper()
	return p.Has("form[action='/auth/signin/code'] #code")
}

// code types a code.
func (p person) code(typed string) {
	p.t.Helper()
	p.Type("#code", typed)
	p.Enter()
}

// expectMail notes the letters that are there already.
func (p person) expectMail() {
	p.t.Helper()
	all, err := letters(p.home)
	if err != nil {
		p.t.Fatalf("the mailbox: %v", err)
	}
	for _, l := range all {
		p.seen[l.Code] = true
	}
}

// mailed waits for the code that was mailed to an address since expectMail.
func (p person) mailed(email string) string {
	p.t.Helper()
	code, err := newCode(email, p.seen, 10*time.Second, p.home)
	if err != nil || code == "" {
		p.t.Fatalf("no code was mailed to %s (%v)", email, err)
	}
	return code
}

// shows fails the test unless the page has this path, whatever its query and fragment, and all of these words.
func (p person) shows(path string, words ...string) {
	p.t.Helper()
	if got := p.Ask("location.origin + location.pathname"); got != p.home+path {
		p.t.Errorf("the browser is at %s, want %s", got, p.home+path)
	}
	text := p.Text("body")
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.t.Errorf("%s does not say %q:\n%s", p.Title(), w, text)
		}
	}
}

// lacks fails the test if the page has one of these words.
func (p person) lacks(words ...string) {
	p.t.Helper()
	text := p.Text("body")
	for _, w := range words {
		if strings.Contains(text, w) {
			p.t.Errorf("%s says %q:\n%s", p.Title(), w, text)
		}
	}
}

// TestBrowser lets people do what they do. Each group has a program of its own: the throttle minds addresses, and here there is
// one only.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	for name, test := range map[string]func(*testing.T, *browsertest.Browser, string){
		"signing in":        testSignIn,
		"one-page":          testOnePage,
		"refused":           testRefused,
		"leaving":           testLeaving,
		"tabs":              testTabs,
		"no scripts":        testNoScripts,
		"languages":         testLanguages,
		"keyboard":          testKeyboard,
		"password managers": testPasswordManagers,
		"mailed code":       testMailedCode,
		"two-step":          testTwoStep,
		"forced":            testForced,
		"devices":           testDevices,
		"people":            testPeople,
		"own account":       testOwnAccount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{}
			if name == "one-page" {
				o.preset = name
			}
			test(t, b, serve(t, o))
		})
	}
}

func testSignIn(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R1 R9 the home page says who, how, since when and why", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		p.shows("/auth/signin", "Sign in", "Email address", "Keep me signed in")
		if got, want := p.Title(), "Sign in – Sallyport Demo"; got != want {
			t.Errorf("title %q, want %q", got, want)
		}
		p.Focused("email")
		p.Press("Ann@ACME.example")
		p.Enter()
		if got, want := p.Title(), "Enter your password – Sallyport Demo"; got != want {
			t.Errorf("title %q, want %q", got, want)
		}
		p.Focused("current-password")
		p.expectMail()
		p.Press(demoPassword)
		p.Enter()
		p.Focused("code")
		p.Press(p.mailed("ann@acme.example"))
		p.Enter()
		p.shows("/", "Hello, Ann", "ann@acme.example", "Acme", "password email_code", "no, until the browser closes", today())
		if p.Text("section[aria-labelledby=why] li") == "" {
			t.Error("the home page does not say why")
		}
	})

	t.Run("R6 another address, with what was typed", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		p.Click("#remember")
		p.Type("#email", "ann@acme.exmaple")
		p.Enter()
		p.Follow("Use another email")
		if got := p.Value("#email"); got != "ann@acme.exmaple" || p.Ask("String(document.querySelector('#remember').checked)") != "true" {
			t.Errorf("the first page has %q and the box %s, want what was typed and ticked", got, p.Ask("String(document.querySelector('#remember').checked)"))
		}
		p.Type("#email", "ann@acme.example")
		p.Enter()
		p.password(demoPassword)
		p.code(p.mailed("ann@acme.example"))
		p.shows("/", "Hello, Ann", "yes")
	})

	t.Run("a member of two companies chooses", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("two@acme.example")
		p.shows("/auth/signin", "Choose a company", "Acme", "Umbra")
		p.Choose("button[value=umbra]")
		p.shows("/", "Hello, Tuva", "Umbra")
		p.lacks("Acme")
	})

	t.Run("R7 whoever is in and comes again", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("ann@acme.example")
		p.Open(p.home + "/auth/signin")
		p.shows("/", "Hello, Ann")
		p.Follow("Sign in as somebody else")
		p.shows("/auth/signin", "You are already signed in", "ann@acme.example")
		p.Follow("Continue as Ann")
		p.shows("/", "Hello, Ann")
		p.Follow("Sign in as somebody else")
		p.Follow("Use another account")
		p.Type("#email", "admin@acme.example")
		p.Enter()
		p.password(demoPassword)
		p.code(p.mailed("admin@acme.example")) // Ada has not signed in from this browser before
		p.shows("/", "Hello, Ada")
	})

	t.Run("U8 what is typed can be seen", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		p.Type("#current-password", "not this one")
		p.Click(".reveal")
		if got := p.Attribute("#current-password", "type"); got != "text" {
			t.Errorf("shown, the field has type %q, want text", got)
		}
		if got := p.Attribute(".reveal", "aria-label"); got != "Hide password" {
			t.Errorf("the button is called %q, want Hide password", got)
		}
		p.Click("#current-password")
		p.Enter()
		if got := p.Attribute("#current-password", "type"); got != "password" {
			t.Errorf("on the next page the field has type %q, want password", got)
		}
	})
}

func testOnePage(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R2 R3 both on one page", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		p.Type("#email", "ann@acme.example")
		p.password("not this one")
		if p.Status() != 422 || p.Value("#email") != "ann@acme.example" || p.Value("#current-password") != "" {
			t.Errorf("after a wrong password: status %d, address %q, password %q, want 422, the address and none",
				p.Status(), p.Value("#email"), p.Value("#current-password"))
		}
		p.password(demoPassword)
		p.code(p.mailed("ann@acme.example"))
		p.shows("/", "Hello, Ann")
	})

	t.Run("U1 U2 one page", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		checkField(t, p, "#email", emailField)
		checkField(t, p, "#current-password", passwordField)
	})
}

func testRefused(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R1 U25 something that is no address", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann at acme")
		if p.Status() != 422 || p.Value("#email") != "ann at acme" {
			t.Errorf("status %d with %q in the field, want 422 with what was typed", p.Status(), p.Value("#email"))
		}
		checkProblem(t, p, "email")
	})

	t.Run("R9 U25 a wrong password", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		p.password("not this one")
		if p.Status() != 422 || p.Value("#username") != "ann@acme.example" || p.Value("#current-password") != "" {
			t.Errorf("status %d with the address %q and the password %q, want 422, the address and none",
				p.Status(), p.Value("#username"), p.Value("#current-password"))
		}
		checkProblem(t, p, "current-password")
		p.password(demoPassword)
		p.code(p.mailed("ann@acme.example"))
		p.shows("/", "Hello, Ann")
	})

	t.Run("R4 R15 U27 nobody can tell who is there", func(t *testing.T) {
		p := visit(t, b, home)
		var seen []string
		p.identify("somebody@acme.example")
		for _, email := range []string{"ann@acme.example", "nopass@acme.example", "sam@acme.example", "nobody@acme.example"} {
			p.Follow("Use another email")
			p.Type("#email", email)
			p.Enter()
			before := p.Text("body")
			p.password("not this one")
			seen = append(seen, strings.ReplaceAll(before+p.Text("body"), email, "…"))
		}
		if len(slices.Compact(seen)) != 1 {
			t.Errorf("the pages differ:\n%s", strings.Join(slices.Compact(seen), "\n\n"))
		}
	})

	t.Run("somebody suspended is told so after the proof", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("sam@acme.example")
		p.lacks("suspended")
		p.password(demoPassword)
		p.lacks("suspended")
		p.code(p.mailed("sam@acme.example"))
		p.shows("/auth/signin", "Your access is suspended")
		p.Open(p.home + "/")
		p.lacks("Hello")
	})
}

// checkProblem checks the summary of a form that was refused.
func checkProblem(t *testing.T, p person, field string) {
	t.Helper()
	if got := p.Title(); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("title %q, want Error: in front", got)
	}
	p.Focused("problem")
	if got := p.Attribute("#problem", "role"); got != "alert" {
		t.Errorf("the summary has the role %q, want alert", got)
	}
	if got := p.Attribute("#"+field, "aria-invalid"); got != "true" {
		t.Errorf("aria-invalid of the field is %q, want true", got)
	}
	describedBy, _, _ := strings.Cut(p.Attribute("#"+field, "aria-describedby"), " ")
	if summary, beside := p.Text("#problem a"), p.Text("#"+describedBy); summary != beside || summary == "" {
		t.Errorf("the summary says %q and the field %q, want the same", summary, beside)
	}
	p.Click("#problem a")
	p.Focused(field)
}

func testLeaving(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R67 U40 after signing out the way back shows nothing", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("ann@acme.example")
		p.Follow("Sign out")
		p.shows("/auth/signout", "You have signed out")
		p.Back()
		p.lacks("Hello", "ann@acme.example")
		p.shows("/auth/signin")
		p.Open(p.home + "/auth/signout")
		p.Follow("Sign in again")
		p.shows("/auth/signin", "Email address")
	})

	t.Run("R7 U40 after signing in the way back shows no form", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("ann@acme.example")
		p.Back()
		p.shows("/", "Hello, Ann")
	})

	t.Run("R67 signed out in another tab", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("ann@acme.example")
		tab := p.tab()
		tab.Open(p.home + "/")
		tab.Follow("Sign out")
		p.Reload()
		p.shows("/auth/signin", "Email address")
		p.lacks("Hello")
	})
}

func testTabs(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R107 U42 a form of an older sign-in signs nobody in", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		tab := p.tab()
		tab.Open(p.home + "/") // the same sign-in
		tab.Follow("Use another email")
		tab.Type("#email", "admin@acme.example")
		tab.Enter()
		p.password(demoPassword)
		if p.Status() != 409 {
			t.Errorf("status %d, want 409", p.Status())
		}
		p.shows("/auth/signin/password", "in another tab")
		if got := p.Value("#username"); got != "admin@acme.example" {
			t.Errorf("the form is for %q, want admin@acme.example", got)
		}
		p.password(demoPassword)
		p.code(p.mailed("admin@acme.example"))
		p.shows("/", "Hello, Ada")
	})

	t.Run("R107 U42 finishing in one tab lets the other go on", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		tab := p.tab()
		tab.Open(p.home + "/auth/signin")
		tab.password(demoPassword)
		tab.code(p.mailed("ann@acme.example"))
		tab.shows("/", "Hello, Ann")
		p.password(demoPassword)
		p.shows("/", "Hello, Ann")
	})
}

func testNoScripts(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("U36 in and out", func(t *testing.T) {
		p := visit(t, b, home)
		p.NoScripts()
		p.Open(p.home + "/")
		p.Focused("email")
		p.Type("#email", "two@acme.example")
		p.Click("#remember")
		p.Follow("Next")
		if p.Has(".reveal") {
			t.Error("there is a button that can do nothing")
		}
		p.Type("#current-password", "not this one")
		p.Follow("Sign in")
		checkProblem(t, p, "current-password")
		p.expectMail()
		p.Type("#current-password", demoPassword)
		p.Follow("Sign in")
		p.Focused("code")
		p.Type("#code", "12345")
		p.Follow("Continue")
		checkProblem(t, p, "code")
		p.Type("#code", p.mailed("two@acme.example"))
		p.Follow("Continue")
		p.Choose("button[value=acme]")
		p.shows("/", "Hello, Tuva", "Acme", "yes")
		p.Follow("Sign out")
		p.shows("/auth/signout", "You have signed out")
	})
}

func testLanguages(t *testing.T, b *browsertest.Browser, home string) {
	for _, l := range []struct {
		tag, signIn, email, keep, next, password, problem, mailed, resend, goOn, choose, signedOut, suspended string
	}{
		{"es", "Iniciar sesión", "Dirección de correo electrónico", "Mantener mi sesión iniciada", "Siguiente", "Contraseña",
			"Hay un problema", "Compruebe su inicio de sesión", "Enviar el código de nuevo", "Continuar", "Elija una empresa", "Ha cerrado la sesión", "Su acceso está suspendido"},
		{"fr", "Se connecter", "Adresse e-mail", "Rester connecté", "Suivant", "Mot de passe",
			"Un problème est survenu", "Vérification de la connexion", "Renvoyer le code", "Continuer", "Choisissez une entreprise", "Vous êtes déconnecté", "Votre accès est suspendu"},
	} {
		t.Run("R111 U63 the whole sign-in in "+l.tag, func(t *testing.T) {
			p := visit(t, b, home)
			p.Speak(l.tag)
			says := func(words ...string) {
				t.Helper()
				text := p.Text("body")
				for _, w := range words {
					if !strings.Contains(text, w) {
						t.Errorf("%s does not say %q:\n%s", p.Title(), w, text)
					}
				}
				if got := p.Attribute("html", "lang"); got != l.tag {
					t.Errorf("%s has the language %q, want %q", p.Title(), got, l.tag)
				}
			}
			p.Open(p.home + "/")
			says(l.signIn, l.email, l.keep, l.next)
			p.Type("#email", "two@acme.example")
			p.Follow(l.next)
			says(l.password, l.signIn)
			p.Type("#current-password", "not this one")
			p.Follow(l.signIn)
			says(l.problem)
			p.expectMail()
			p.Type("#current-password", demoPassword)
			p.Follow(l.signIn)
			says(l.mailed, l.resend)
			p.Type("#code", "123")
			p.Follow(l.goOn)
			says(l.problem)
			p.Type("#code", p.mailed("two@acme.example"))
			p.Follow(l.goOn)
			says(l.choose)
			p.Choose("button[value=acme]")
			p.shows("/", "Hello, Tuva") // the host's own page, in English
			p.Follow("Sign out")
			says(l.signedOut)
			p.identify("sam@acme.example")
			p.password(demoPassword)
			p.code(p.mailed("sam@acme.example"))
			says(l.suspended)
		})
	}

	t.Run("U63 another language keeps the step, and is remembered", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("ann@acme.example")
		p.Follow("Español")
		if got := p.Attribute("html", "lang"); got != "es" || p.Value("#username") != "ann@acme.example" {
			t.Errorf("language %q, address %q, want es and ann@acme.example", got, p.Value("#username"))
		}
		p.password("not this one")
		p.Follow("Français")
		if got := p.Attribute("html", "lang"); got != "fr" || p.Value("#username") != "ann@acme.example" {
			t.Errorf("language %q, address %q, want fr and ann@acme.example", got, p.Value("#username"))
		}
		p.password(demoPassword)
		p.code(p.mailed("ann@acme.example"))
		p.shows("/", "Hello, Ann")
		p.Follow("Sign out")
		if got, want := p.Text("h1"), "Vous êtes déconnecté"; got != want {
			t.Errorf("signed out: %q, want %q", got, want)
		}
		p.Open(p.home + "/")
		if got := p.Attribute("html", "lang"); got != "fr" {
			t.Errorf("the next visit is in %q, want fr", got)
		}
	})
}

func testKeyboard(t *testing.T, b *browsertest.Browser, home string) {
	// walk presses Tab from the beginning of the page to its end, and notes where the focus goes, and whether that can be seen.
	walk := func(t *testing.T, p person) []string {
		t.Helper()
		for tabs := 0; p.Focus() != "body" && tabs < 30; tabs++ {
			p.Press("\t")
		}
		var stops []string
		for range 30 {
			p.Press("\t")
			at := p.Focus()
			if at == "body" {
				break
			}
			stops = append(stops, at)
			seen := p.Ask(`((e) => {
				for (; e; e = e.parentElement) {
					const s = getComputedStyle(e);
					if (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2) return "yes";
					if (e.matches("form, main, footer")) break;
				}
				return "no";
			})(document.activeElement)`)
			if seen != "yes" {
				t.Errorf("%s: nobody sees that the focus is at %q", p.Title(), at)
			}
		}
		return stops
	}
	elsewhere := []string{
		"G\nContinue with Google", "M\nSign in with Microsoft", "A\nContinue with Apple", "F\nContinue with Facebook",
		"L\nSign in with LinkedIn", "L\nContinue with LastPass",
	}
	foot := []string{"Help", "Contact Support", "Español", "Français"}
	for _, page := range []struct {
		name string
		open func(p person)
		want []string
	}{
		{"the first page", func(p person) { p.Open(p.home + "/") }, slices.Concat([]string{"email", "remember", "Next"}, elsewhere, []string{"Create an account", "My Company ID"})},
		{"the password page", func(p person) { p.identify("ann@acme.example") },
			slices.Concat([]string{"username", "Use another email", "current-password", "Show", "Sign in", "Forgot your password?"}, elsewhere,
				[]string{"Create an account", "My Company ID"})},
		{"the mailed code", func(p person) { p.identify("admin@acme.example"); p.password(demoPassword) },
			[]string{"code", "Continue", "Send the code again", "I cannot open this mailbox", "Cancel"}},
		{"the company’s sign-in", func(p person) { p.Open(p.home + "/auth/sso/globex/start") }, []string{"Continue"}},
		{"the Company ID page", func(p person) { p.Open(p.home + "/auth/signin/company") }, []string{"email", "Continue", "I have my own email address"}},
		{"the companies", func(p person) { p.signIn("two@acme.example") }, []string{"acme", "umbra", "Cancel"}},
	} {
		t.Run("U32 the order of "+page.name, func(t *testing.T) {
			p := visit(t, b, home)
			page.open(p)
			if got, want := walk(t, p), slices.Concat(page.want, foot); !slices.Equal(got, want) {
				t.Errorf("Tab goes to %q, want %q", got, want)
			}
		})
	}

	t.Run("R16 in and out without a mouse", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		p.Focused("email")
		p.Press("ann@acme.example\t ")
		p.Enter()
		p.Focused("current-password")
		p.expectMail()
		p.Press(demoPassword + "\t\t") // past the button that shows it
		p.Focused("Sign in")
		p.Enter()
		p.Focused("code")
		p.Press(p.mailed("ann@acme.example") + "\t")
		p.Focused("Continue")
		p.Enter()
		p.shows("/", "Hello, Ann", "yes")
		p.Press("\t")
		p.Focused("Sign out")
		p.Enter()
		p.shows("/auth/signout", "You have signed out")
	})
}

// What password managers go by.
var (
	emailField = map[string]string{
		"type": "email", "name": "email", "autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false",
	}
	codeField = map[string]string{
		"type": "text", "name": "code", "autocomplete": "one-time-code", "inputmode": "numeric", "autocapitalize": "none", "spellcheck": "false",
	}
	passwordField = map[string]string{"type": "password", "name": "password", "autocomplete": "current-password"}
)

// checkField checks the attributes of a field, and that it has a label.
func checkField(t *testing.T, p person, selector string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := p.Attribute(selector, name); got != value {
			t.Errorf("%s: %s of %s is %q, want %q", p.Title(), name, selector, got, value)
		}
	}
	if p.Ask("String(document.querySelector('"+selector+"').labels.length)") == "0" {
		t.Errorf("%s: %s has no label", p.Title(), selector)
	}
}

func testPasswordManagers(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("U1 U2 U3 two pages", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.home + "/")
		checkField(t, p, "#email", emailField)
		p.Type("#email", "ann@acme.example")
		p.Enter()
		checkField(t, p, "#username", map[string]string{"type": "text", "autocomplete": "username"})
		checkField(t, p, "#current-password", passwordField)
		if p.Value("#username") != "ann@acme.example" || p.Ask("String(document.querySelector('#username').readOnly)") != "true" {
			t.Error("the password page does not say whose password it wants in a field that cannot be changed")
		}
		if p.Ask("String(document.querySelector('#username').form === document.querySelector('#current-password').form)") != "true" {
			t.Error("the address and the password are not in one form")
		}
		p.password(demoPassword)
		if p.Has("input[type=password]") {
			t.Error("the form is still there after success")
		}
		checkField(t, p, "#code", codeField)
	})

	t.Run("U5 where managers look for the page to change a password", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("ann@acme.example")
		p.Open(p.home + "/.well-known/change-password")
		p.shows("/auth/account/password", "Change your password")
		p.Open(p.home + "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200")
		if p.Status() != 404 {
			t.Errorf("a path that cannot exist answers %d, want 404", p.Status())
		}
	})
}

// TestKeep closes the browser and opens it again.
func TestKeep(t *testing.T) {
	t.Parallel()
	b, home := browsertest.Start(t), serve(t, options{})
	open := func(t *testing.T) person {
		return person{Page: b.Page(t), t: t, b: b, home: home, seen: map[string]bool{}}
	}
	reopen := func(p *person) {
		b.Restart(p.t)
		*p = open(p.t)
		p.Open(p.home + "/")
	}
	t.Run("R17 kept, the browser may be closed", func(t *testing.T) {
		p := open(t)
		p.Open(p.home + "/")
		p.Click("#remember")
		p.Type("#email", "ann@acme.example")
		p.Enter()
		p.password(demoPassword)
		p.code(p.mailed("ann@acme.example"))
		p.shows("/", "Hello, Ann", "yes")
		reopen(&p)
		p.shows("/", "Hello, Ann")
	})
	t.Run("R19 signing out ends it, and the address is still filled in", func(t *testing.T) {
		p := open(t)
		p.Open(p.home + "/")
		p.Follow("Sign out")
		reopen(&p)
		p.shows("/auth/signin", "Email address")
		if got := p.Value("#email"); got != "ann@acme.example" {
			t.Errorf("the address filled in is %q, want ann@acme.example", got)
		}
	})
	t.Run("R16 R18 not kept, it ends with the browser", func(t *testing.T) {
		p := open(t)
		p.signIn("ann@acme.example")
		p.shows("/", "Hello, Ann", "no, until the browser closes")
		reopen(&p)
		p.shows("/auth/signin", "Email address")
	})
}
