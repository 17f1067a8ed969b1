package main

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/browsertest"
	"github.com/sallyport-auth/sallyport/sso"
)

// come is visit, for a test that changes something behind the pages.
func come(t *testing.T, b *browsertest.Browser, w *world) person {
	t.Helper()
	p := visit(t, b, w.home())
	p.w = w
	return p
}

// home is where the product is.
func (w *world) home() string { return strings.TrimSuffix(w.product.in.URL("/"), "/") }

func (p person) globex() string  { p.t.Helper(); return p.nextPort() + "/globex" }
func (p person) initech() string { p.t.Helper(); return p.nextPort() + "/initech" }

// nextPort is where the companies are.
func (p person) nextPort() string {
	p.t.Helper()
	u, err := url.Parse(p.home)
	if err != nil {
		p.t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		p.t.Fatal(err)
	}
	return "http://127.0.0.1:" + strconv.Itoa(port+1)
}

// signInThere fills in the page of the company, which the browser has come to or is on its way to.
func (p person) signInThere(company, email string) {
	p.t.Helper()
	p.Reaches(company + "/signin")
	p.Type("#email", email)
	p.Type("#password", demoPassword)
	p.Enter()
}

// back waits until the browser is at the product again, at this path.
func (p person) back(path string) {
	p.t.Helper()
	p.Reaches(p.home + path)
}

// signInAtGlobex goes all the way.
func (p person) signInAtGlobex(email string) {
	p.t.Helper()
	p.identify(email)
	p.signInThere(p.globex(), email)
	p.back("/")
}

// change changes the connection of a company behind the pages.
func (w *world) change(t *testing.T, id string, change func(*sso.Connection)) {
	t.Helper()
	c, err := w.product.companies.registry.Get(t.Context(), id, id)
	if err == nil {
		change(&c)
		_, err = w.product.companies.registry.Change(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// withheld checks that the browser kept the cookie of the sign-in to itself when the answer was posted from the other site.
func (p person) withheld() {
	p.t.Helper()
	p.Withheld("__Host-flow", "/auth/sso/globex/acs")
}

// beginThere goes from the page of Globex to the product, without having begun there.
func (p person) beginThere(email string) {
	p.t.Helper()
	p.Open(p.globex() + "/")
	p.signInThere(p.globex(), email)
	p.Reaches(p.globex() + "/")
	p.Choose("main li a")
	p.Reaches(p.home + "/auth/s")
}

// breakGlass goes round the sign-in of Globex, and answers the phone that it took.
func (p person) breakGlass() *phone {
	p.t.Helper()
	phone := newPhone(p.t)
	phone.secret = p.appSecret("root")
	p.Open(p.home + "/auth/signin?way=password")
	p.Type("#email", "root@globex.example")
	p.Enter()
	p.password(demoPassword)
	p.shows("/auth/signin", "Enter the code from your app")
	tab := p.tab()
	tab.Open(p.home + "/")
	tab.lacks("Hello")
	p.code(phone.code())
	p.in("Ruth", "password totp")
	return phone
}

// appSecret is the key of somebody's app, as the program prints it.
func (p person) appSecret(userID string) string {
	p.t.Helper()
	address, err := p.w.product.apps.address(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("secret") == "" {
		p.t.Fatalf("the app of %s: %q (%v), want an address with a secret", userID, address, err)
	}
	return u.Query().Get("secret")
}

// toLink has Globex name its super administrator, whom it does not hand over by itself.
func (p person) toLink() {
	p.t.Helper()
	p.identify("root@globex.example")
	p.signInThere(p.globex(), "root@globex.example")
	p.back("/auth/signin")
	p.withheld()
	p.shows("/auth/signin", "Sign in once with that account’s password")
}

// postAgain posts an answer of Globex's from there.
func (p person) postAgain(answer string) {
	p.t.Helper()
	p.Open(p.globex() + "/signin")
	p.Ask(`(() => {
		const form = document.createElement("form"), field = document.createElement("input"), button = document.createElement("button");
		[form.method, form.action] = ["post", ` + quoted(p.home+"/auth/sso/globex/acs") + `];
		[field.type, field.name, field.value] = ["hidden", "SAMLResponse", ` + quoted(answer) + `];
		button.textContent = "Once more";
		form.append(field, button);
		document.querySelector("main").prepend(form);
		return "";
	})()`)
	p.Follow("Once more")
}

// TestCompanies lets people come by the sign-ins of their companies, which are at another site: the product is at localhost, they are at
// 127.0.0.1.
func TestCompanies(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	for name, test := range map[string]func(*testing.T, *browsertest.Browser, *world){
		"SAML":           testSAML,
		"OpenID Connect": testOpenID,
		"no scripts":     testNoScriptsThere,
		"enforced":       testEnforced,
		"break glass":    testBreakGlass,
		"signing out":    testSignOutThere,
		"replayed":       testReplayed,
		"My Company ID":  testCompanyID,
		"begun there":    testBegunThere,
		"newcomers":      testNewcomers,
		"languages":      testLanguagesThere,
		"test":           testConnectionTest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b, serveWorld(t, options{}))
		})
	}
}

func testSAML(t *testing.T, b *browsertest.Browser, w *world) {
	for name, binding := range map[string]string{"by address": "", "by form": "post"} {
		t.Run("R20 R21 carried there and back, "+name, func(t *testing.T) {
			w.change(t, globex, func(c *sso.Connection) { c.SAML.SSOBinding = binding })
			e := come(t, b, w)
			e.Open(e.home + "/reports")
			e.Click("#remember")
			e.Type("#email", "gil@globex.example")
			e.Enter()
			e.signInThere(e.globex(), "gil@globex.example")
			e.back("/reports")
			e.withheld()
			e.Open(e.home + "/")
			e.in("Gil", "sso")
			e.shows("/", "the sign-in of Globex", "yes", "30 days")
			if why := e.Text("section[aria-labelledby=why]"); !strings.Contains(why, "globex.example asks for the company's own sign-in") {
				t.Errorf("the home page says why: %q, want that the domain asks for it", why)
			}
			e.Open(e.home + "/auth/account")
			e.shows("/auth/account", "Company sign-in", "Globex")
			e.lacks("\nsso")
			e.Follow("Sign out")
			e.back("/auth/signout")
			e.Open(e.home + "/auth/signin/company")
			if got := e.Value("#email"); got != "gil@globex.example" {
				t.Errorf("the address filled in is %q, want that of somebody who was kept signed in", got)
			}
		})
	}
}

func testOpenID(t *testing.T, b *browsertest.Browser, w *world) {
	const email = "ina@initech.example"
	t.Run("R23 beside the password", func(t *testing.T) {
		e := come(t, b, w)
		e.identify(email)
		e.shows("/auth/signin", "Continue with Initech")
		e.Follow("Continue with Initech")
		e.Reaches(e.initech() + "/signin")
		if got := e.Value("#email"); got != email {
			t.Errorf("Initech is told the address %q, want %q", got, email)
		}
		e.signInThere(e.initech(), email)
		e.back("/")
		e.in("Ina", "sso")
		e.shows("/", "the sign-in of Initech", "no, until the browser closes")
	})
	t.Run("R23 or the password", func(t *testing.T) {
		e := come(t, b, w)
		e.signIn(email)
		e.in("Ina", "password email_code")
		e.shows("/", "this product")
	})
}

func testNoScriptsThere(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("U36 SAML", func(t *testing.T) {
		e := come(t, b, w)
		e.NoScripts()
		e.Open(e.home + "/")
		e.Type("#email", "gil@globex.example")
		e.Follow("Next")
		e.shows("/auth/signin", "Sign in with Globex", "gil@globex.example")
		e.Follow("Continue")
		e.signInThere(e.globex(), "gil@globex.example")
		e.Follow("Continue")
		e.back("/")
		e.withheld()
		e.in("Gil", "sso")
	})
	t.Run("U36 SAML by form", func(t *testing.T) {
		w.change(t, globex, func(c *sso.Connection) { c.SAML.SSOBinding = "post" })
		e := come(t, b, w)
		e.NoScripts()
		e.Open(e.home + "/")
		e.Type("#email", "gil@globex.example")
		e.Follow("Next")
		e.Follow("Continue")
		e.shows("/auth/sso/globex/start", "To the sign-in page of Globex")
		e.Follow("Continue")
		e.signInThere(e.globex(), "gil@globex.example")
		e.Follow("Continue")
		e.back("/")
		e.withheld()
		e.in("Gil", "sso")
	})
	t.Run("U36 OpenID Connect", func(t *testing.T) {
		e := come(t, b, w)
		e.NoScripts()
		e.Open(e.home + "/")
		e.Type("#email", "ina@initech.example")
		e.Follow("Next")
		e.Follow("Continue with Initech")
		e.signInThere(e.initech(), "ina@initech.example")
		e.back("/")
		e.in("Ina", "sso")
	})
}

func testEnforced(t *testing.T, b *browsertest.Browser, w *world) {
	const email = "ina@initech.example"
	e, forgetful := come(t, b, w), come(t, b, w)
	e.signIn(email)
	if err := w.product.people.SetDomainSSO(t.Context(), "initech.example", auth.SSOEnforced); err != nil {
		t.Fatal(err)
	}
	t.Run("R26 the session lives", func(t *testing.T) {
		e.Reload()
		e.in("Ina", "password email_code")
	})
	t.Run("R26 the next prompt is the company's", func(t *testing.T) {
		e.signOut()
		e.identify(email)
		e.signInThere(e.initech(), email)
		e.back("/")
		e.in("Ina", "sso")
	})
	t.Run("R27 a password is no way in, and a forgotten one leads to the company", func(t *testing.T) {
		e := forgetful
		e.Open(e.home + "/auth/signin?way=password")
		e.Type("#email", email)
		e.Enter()
		e.password(demoPassword)
		if e.asksMailed() {
			t.Error("a code is mailed after a password that counts for nothing")
		}
		e.lacks("Hello")
		e.shows("/auth/signin/password", "single sign-on")
		e.forgot(email)
		mailedSubject(t, w, email, "Sign in with your company – Sallyport Demo")
	})
}

// mailedSubject waits for a letter to an address with this subject.
func mailedSubject(t *testing.T, w *world, email, subject string) {
	t.Helper()
	var seen []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		seen = nil
		for _, l := range w.product.mail.newestFirst() {
			if l.To == email && l.Subject == subject {
				return
			}
			seen = append(seen, l.To+": "+l.Subject)
		}
	}
	t.Errorf("no letter %q came to %s, only %q", subject, email, seen)
}

func testBreakGlass(t *testing.T, b *browsertest.Browser, w *world) {
	const email = "root@globex.example"
	t.Run("R27 a password and the app's code, and the super administrators are told", func(t *testing.T) {
		come(t, b, w).breakGlass()
		mailedSubject(t, w, email, "A password was used instead of the company’s sign-in – Sallyport Demo")
	})
	t.Run("R27 nobody else", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/auth/signin?way=password")
		e.Type("#email", "gil@globex.example")
		e.Enter()
		e.password(demoPassword)
		e.lacks("Hello")
	})
	t.Run("the company's sign-in is linked to a super administrator only after a password and the app", func(t *testing.T) {
		e, phone := come(t, b, w), newPhone(t)
		phone.secret, phone.last = e.appSecret("root"), time.Now().Unix()/step+1
		e.toLink()
		e.password(demoPassword)
		e.code(phone.code())
		e.shows("/auth/signin", "Connect Globex’s sign-in?", email)
		e.Follow("Connect")
		e.in("Ruth", "password totp sso")
	})
}

func testSignOutThere(t *testing.T, b *browsertest.Browser, w *world) {
	for name, c := range map[string]struct{ email, company string }{
		"SAML":           {"gil@globex.example", w.product.companies.globex.BaseURL()},
		"OpenID Connect": {"ina@initech.example", w.product.companies.initech.BaseURL()},
	} {
		in := func(t *testing.T) person {
			e := come(t, b, w)
			e.identify(c.email)
			if c.company == e.initech() {
				e.Follow("Continue with Initech")
			}
			e.signInThere(c.company, c.email)
			e.back("/")
			if c.company == e.globex() {
				e.withheld()
			}
			return e
		}
		t.Run("R67 here and there, "+name, func(t *testing.T) {
			e := in(t)
			e.Follow("Sign out")
			e.back("/auth/signout")
			e.shows("/auth/signout", "You have signed out")
			e.Open(c.company + "/")
			if text := e.Text("body"); !strings.Contains(text, "Sign in") || strings.Contains(text, "Signed in as") {
				t.Errorf("at the company one is still signed in:\n%s", text)
			}
		})
		t.Run("R67 there and here, "+name, func(t *testing.T) {
			e := in(t)
			e.Open(c.company + "/")
			e.Follow("Sign out everywhere")
			e.Reaches(c.company + "/signin")
			e.Open(e.home + "/")
			e.shows("/auth/signin", "Email address")
			e.lacks("Hello")
		})
		t.Run("R67 U36 without scripts, "+name, func(t *testing.T) {
			e := in(t)
			e.NoScripts()
			e.Open(e.home + "/")
			e.Choose("button")
			e.back("/auth/signout")
			e.shows("/auth/signout", "You have signed out")
		})
	}
}

func testReplayed(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("A-048 the way back to the answer", func(t *testing.T) {
		e := come(t, b, w)
		e.NoScripts()
		e.identify("gil@globex.example")
		e.Follow("Continue")
		e.signInThere(e.globex(), "gil@globex.example")
		answer := e.Value("[name=SAMLResponse]")
		e.Follow("Continue")
		e.back("/")
		e.withheld()
		e.in("Gil", "sso")
		e.postAgain(answer)
		if e.Status() != 422 {
			t.Errorf("a used answer is answered %d, want 422", e.Status())
		}
		e.shows("/auth/sso/globex/acs", "Try again", "Reference")
		e.Withheld("__Host-session", "/auth/sso/globex/acs")
		e.Open(e.home + "/")
		e.in("Gil", "sso") // the session stays
		other := come(t, b, w)
		other.postAgain(answer)
		other.Open(other.home + "/")
		other.shows("/auth/signin")
	})
	t.Run("A-048 loaded again, and gone back", func(t *testing.T) {
		e := come(t, b, w)
		e.signInAtGlobex("gil@globex.example")
		e.withheld()
		e.Reload()
		e.in("Gil", "sso")
		e.Open(e.home + "/auth/signin/arrived")
		e.shows("/", "Hello, Gil")
	})
}

// quoted is a text as JavaScript.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}

func testCompanyID(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R22 there and back to one's own address", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/")
		e.Follow("My Company ID")
		e.shows("/auth/signin/company", "My Company ID", "company email address")
		e.Follow("I have my own email address")
		e.shows("/auth/signin", "Email address")
		e.Follow("My Company ID")
		e.Type("#email", "gil@globex.example")
		e.Enter()
		e.signInThere(e.globex(), "gil@globex.example")
		e.back("/")
		e.withheld()
		e.in("Gil", "sso")
	})
	t.Run("R22 an optional company is the only way from there", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/auth/signin/company")
		e.Type("#email", "ina@initech.example")
		e.Enter()
		e.signInThere(e.initech(), "ina@initech.example")
		e.back("/")
		e.in("Ina", "sso")
	})
	t.Run("R22 R24 an address of a company without a sign-in", func(t *testing.T) {
		e := come(t, b, w)
		e.Open(e.home + "/auth/signin/company")
		e.Type("#email", "ann@acme.example")
		e.Enter()
		checkProblem(t, e, "email")
		if got := e.Value("#email"); e.Status() != 422 || got != "ann@acme.example" {
			t.Errorf("status %d with the address %q, want 422 with what was typed", e.Status(), got)
		}
		e.Follow("I have my own email address")
		e.shows("/auth/signin", "Email address")
	})
}

func testBegunThere(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R25 whoever comes from the company's page is asked", func(t *testing.T) {
		e := come(t, b, w)
		e.beginThere("gil@globex.example")
		e.shows("/auth/signin/arrived", "You come from Globex", "gil@globex.example")
		tab := e.tab()
		tab.Open(e.home + "/")
		tab.lacks("Hello")
		e.Follow("Continue as gil@globex.example")
		e.in("Gil", "sso")
		e.shows("/", "no, until the browser closes")
	})
	t.Run("R25 somebody else's session is named first", func(t *testing.T) {
		e := come(t, b, w)
		e.signIn("ann@acme.example")
		e.beginThere("gil@globex.example")
		e.Withheld("__Host-session", "/auth/sso/globex/acs")
		e.shows("/auth/signin/arrived", "ann@acme.example is signed in")
		e.Open(e.home + "/")
		e.shows("/", "Hello, Ann")
		e.Open(e.globex() + "/")
		e.Choose("main li a")
		e.back("/auth/signin/arrived")
		e.Withheld("__Host-session", "/auth/sso/globex/acs")
		e.Follow("Continue as gil@globex.example")
		e.in("Gil", "sso")
	})
	t.Run("A-050 a connection that does not allow it", func(t *testing.T) {
		w.change(t, globex, func(c *sso.Connection) { c.IdPInitiated = false })
		e := come(t, b, w)
		e.beginThere("gil@globex.example")
		e.shows("/auth/sso/globex/acs", "not begun here")
		e.Open(e.home + "/")
		e.lacks("Hello")
	})
}

func testNewcomers(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R28 just in time", func(t *testing.T) {
		e := come(t, b, w)
		e.identify("nina@initech.example")
		e.Follow("Continue with Initech")
		e.signInThere(e.initech(), "nina@initech.example")
		e.back("/")
		e.in("Nina Novak", "sso")
		e.shows("/", "Initech", "member")
	})
	t.Run("R28 not where the connection does not add people", func(t *testing.T) {
		e := come(t, b, w)
		e.identify("mia@globex.example")
		e.signInThere(e.globex(), "mia@globex.example")
		e.back("/auth/signin/arrived")
		e.withheld()
		e.shows("/auth/signin/arrived", "no account here yet")
		e.lacks("Hello")
	})
}

func testLanguagesThere(t *testing.T, b *browsertest.Browser, w *world) {
	for _, l := range []struct{ tag, company, next, goOn, asked string }{
		{"es", "Inicie sesión con Globex", "Siguiente", "Continuar", "Continuar a Sallyport Demo"},
		{"fr", "Connectez-vous avec Globex", "Suivant", "Continuer", "Continuer vers Sallyport Demo"},
	} {
		t.Run("R111 "+l.tag, func(t *testing.T) {
			e := come(t, b, w)
			e.Speak(l.tag)
			e.NoScripts()
			e.Open(e.home + "/")
			e.Type("#email", "gil@globex.example")
			e.Follow(l.next)
			if got := e.Text("h1"); got != l.company {
				t.Errorf("the page is called %q, want %q", got, l.company)
			}
			e.Follow(l.goOn)
			e.signInThere(e.globex(), "gil@globex.example")
			e.Follow("Continue") // at Globex, in English
			e.back("/")
			e.withheld()
			e.in("Gil", "sso")
			e.Open(e.globex() + "/")
			e.Choose("main li a")
			e.Follow("Continue")
			e.Withheld("__Host-session", "/auth/sso/globex/acs")
			e.shows("/auth/signin/arrived", l.asked, "gil@globex.example")
			e.Follow("English")
			e.shows("/auth/signin/arrived", "You come from Globex", "gil@globex.example")
		})
	}
}

func testConnectionTest(t *testing.T, b *browsertest.Browser, w *world) {
	t.Run("R88 a test signs nobody in, and lets the company enforce", func(t *testing.T) {
		e := come(t, b, w)
		e.breakGlass()
		e.Open(e.home + "/team")
		e.shows("/team", "the only way in", "not tested yet")
		e.Follow("Test the sign-in")
		e.Follow("Continue to Globex")
		e.signInThere(e.globex(), "gil@globex.example")
		e.back("/auth/sso/globex/acs")
		e.Withheld("__Host-session", "/auth/sso/globex/acs")
		e.shows("/auth/sso/globex/acs", "The test has passed", "Nobody was signed in")
		e.Open(e.home + "/")
		e.in("Ruth", "password totp")
		e.Open(e.home + "/team")
		e.shows("/team", "last seen to work on "+today())
	})
}
