package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

func TestForgot(t *testing.T) {
	t.Run("R45 R46 R47 ask, open, set, sign in", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			text := english(t)
			v.again().signIn(ann)
			v.identify(ann).is("password")
			if !v.json {
				v.follow("/auth/forgot").is("forgot")
				if got := v.shown.Form("/auth/forgot").Fields["email"]; got != ann {
					t.Errorf("the field holds %q, want the address of the sign-in under way", got)
				}
			}
			v.do("forgot", "email", ann).status(200).tells(text.Get("forgot.sent.lead", "to", ann), "sent", "message")
			if !v.json {
				v.is("asked").tells(text.Get("asked.missing.spam")).tells(text.Get("asked.missing.unknown"))
				if got := v.shown.URL.RequestURI(); got != "/auth/forgot?sent=1" {
					t.Errorf("the page is at %s: the address must not stand there", got)
				}
				v.p.Clock.Advance(time.Second)
				v.do("forgot").is("asked").tells(text.Get("asked.again"))
			} else {
				v.state = nil
				v.p.Clock.Advance(time.Second)
				v.do("forgot", "email", ann)
			}
			link := v.p.mailed(ann, mail.Reset)
			v.arrive(link).is("newpassword")
			if v.json {
				if v.state["sign_out"] != "ask-ticked" || fmt.Sprint(v.state["fields"]) != "[password signout]" {
					t.Errorf("sign_out %v, fields %v", v.state["sign_out"], v.state["fields"])
				}
			} else if f := v.shown.Form("/newpassword"); f.Fields["signout"] != "1" {
				t.Errorf("fields %v, want the box ticked", f.Fields)
			}
			v.do("signin/newpassword", "password", fresh).status(200).tells(text.Get("identify.password_set"))
			if got := v.p.sessions("ann"); got != 0 {
				t.Errorf("%d sessions, want none", got)
			}
			v.again().identify(ann).password(fresh).is("in")
		})
	})
	t.Run("R15 who never had a password gets a first one", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.get("/auth/forgot").do("forgot", "email", "nopass@acme.example")
			v.arrive(v.p.mailed("nopass@acme.example", mail.Reset)).is("newpassword").do("signin/newpassword", "password", fresh).is("identify")
			v.again().identify("nopass@acme.example").password(fresh).is("in")
		})
	})
	t.Run("R45 U25 what is no address is said, and kept", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.get("/auth/forgot").do("forgot", "email", "nonsense").status(422).told(auth.ReasonEmailInvalid)
			if !v.json && v.is("forgot").shown.Form("/auth/forgot").Fields["email"] != "nonsense" {
				t.Error("what was typed is lost")
			}
		})
	})
	t.Run("R47 the box does what it says", func(t *testing.T) {
		for mode, want := range map[auth.ResetSignOut][3]int{ // sessions left: nothing touched, box ticked, box not ticked
			auth.ResetSignOutNever: {1, 1, 1}, auth.ResetSignOutUnticked: {1, 0, 1}, auth.ResetSignOutTicked: {0, 0, 1}, auth.ResetSignOutAlways: {0, 0, 0},
		} {
			for i, posts := range []string{"", `,"signout":true`, `,"signout":false`} {
				p := newProduct(t, unverified(func(p *auth.Preset) { p.ResetSignOut = mode })).anyLetters()
				p.visitor(true).signIn(ann)
				v := p.visitor(true)
				p.Auth.Forgot(t.Context(), ann, "", auth.Client{})
				v.arrive(p.mailed(ann, mail.Reset)).is("newpassword")
				v.take(v.JSON(http.MethodPost, "/auth/signin/newpassword", `{"flow":"`+v.form()+`","password":"`+fresh+`"`+posts+`}`)).status(200)
				if got := p.sessions("ann"); got != want[i] {
					t.Errorf("%s, posted %q: %d sessions left, want %d", mode, posts, got, want[i])
				}
			}
			p := newProduct(t, unverified(func(p *auth.Preset) { p.ResetSignOut = mode })).anyLetters()
			p.visitor(true).signIn(ann)
			v := p.visitor(false)
			p.Auth.Forgot(t.Context(), ann, "", auth.Client{})
			f := v.arrive(p.mailed(ann, mail.Reset)).shown.Form("/newpassword")
			if asks := strings.HasPrefix(string(mode), "ask"); asks != (f.Fields["signout"] != "" || len(f.Boxes) > 0) {
				t.Errorf("%s: fields %v, boxes %v", mode, f.Fields, f.Boxes)
			}
			delete(f.Fields, "signout") // as browsers do with a box that is not ticked
			v.take(v.Submit(f, map[string]string{"password": fresh})).is("identify")
			if got := p.sessions("ann"); got != want[2] {
				t.Errorf("%s, not ticked: %d sessions left, want %d", mode, got, want[2])
			}
		}
	})
	t.Run("A-176 R45 only who has a password here gets a way to one", func(t *testing.T) {
		p := newProduct(t, unverified(nil))
		p.invite(nora)
		v := p.visitor(false)
		for _, email := range []string{"pat@globex.example", "gone@acme.example", "nobody@acme.example", nora} {
			p.Clock.Advance(time.Second)
			v.get("/auth/forgot").do("forgot", "email", email).is("asked")
		}
		if m := p.Mail.TakeOne("pat@globex.example", mail.ResetSSO); strings.Contains(m.Text, "token=") {
			t.Errorf("a company with its own sign-in: the letter has a link:\n%s", m.Text)
		}
		if got := len(p.Mail.Take("gone@acme.example")) + len(p.Mail.Take("nobody@acme.example")); got != 0 {
			t.Errorf("%d letters to suspended and unknown people, want none", got)
		}
		again := strings.TrimPrefix(p.Mail.TakeOne(nora, mail.Invite).Link, authtest.BaseURL)
		v.follows(again, "join").press("activate").is("newpassword")
	})
	t.Run("A-176 a link that was mailed before the person was suspended, or the company has its own sign-in, opens nothing", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.Auth.Forgot(t.Context(), ann, "", auth.Client{})
			first := v.p.mailed(ann, mail.Reset)
			v.p.Auth.Forgot(t.Context(), "two@acme.example", "", auth.Client{})
			second := v.p.mailed("two@acme.example", mail.Reset)
			if err := v.p.People.SuspendUser(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			v.arrive(first).is("stop").told(auth.ReasonUserSuspended)
			for _, err := range []error{
				v.p.People.AddDomain(t.Context(), "acme", "acme.example", v.p.Clock.Now()), v.p.People.SetDomainSSO(t.Context(), "acme.example", auth.SSOEnforced),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			v.again().arrive(second).is("stop").told(auth.ReasonSSORequired)
		})
	})
	t.Run("U28 a person who may not guess on is led to a new password", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).anyLetters().visitor(false).identify(ann)
		for range 12 {
			v.password("wrong")
		}
		v.status(http.StatusTooManyRequests)
		if !regexp.MustCompile(`(?s)<div class="problem".*?href="/auth/forgot".*?</div>`).MatchString(v.shown.Body) {
			t.Errorf("the summary does not lead to a new password:\n%s", v.shown.Body)
		}
	})
	t.Run("R45 where nothing can be mailed the page says whom to ask, and nothing leads there", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.identify(ann).is("password")
			if strings.Contains(v.shown.Body, "forgot") {
				t.Errorf("the password step leads to a letter:\n%s", v.shown.Body)
			}
			v.get("/auth/forgot").status(200).tells(english(t).Get("forgot.none.text"), "message")
			if !v.json && strings.Contains(v.shown.Body, "<form") {
				t.Error("the page has a form")
			}
			v.take(v.JSON(http.MethodPost, "/auth/forgot", `{"email":"`+ann+`"}`)).status(200)
			if strings.Contains(v.shown.Body, `"sent":true`) {
				t.Errorf("something was sent: %s", v.shown.Body)
			}
		})
	})
	t.Run("R46 R42 an administrator asks for a new password: the sign-in asks, says why, and goes on", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			if err := v.p.Auth.RequireNewPassword(t.Context(), "ann"); err != nil {
				t.Fatal(err)
			}
			v.identify(ann).password(secret).is("newpassword").told(auth.ReasonPasswordChange)
			if !v.json && strings.Contains(v.shown.Body, `class="problem"`) {
				t.Error("the reason of the stage is shown as an error")
			}
			v.do("signin/newpassword", "password", secret).status(422).told(auth.ReasonPasswordReused)
			v.do("signin/newpassword", "password", fresh).is("in")
		})
	})
}

// sealed are the values of cookies that only the program can read; their length is what others see.
var sealed = regexp.MustCompile(`(__Host-asked)=([^;\]]+)`)

// TestAsking compares the answers to everybody of a domain who asks for a letter, byte for byte.
func TestAsking(t *testing.T) {
	people := []string{"nann", "nunk", "nnop", "nsus", "nexp", "ninv"}
	for _, path := range []string{"forgot", "signup"} {
		t.Run("A-137 A-138 A-141 R45 R115 U27 "+path, func(t *testing.T) {
			both(t, signingUp(auth.SignUpPerson), func(t *testing.T, v *visitor) {
				p := v.p.anyLetters()
				for _, name := range people {
					u := auth.User{ID: name, Email: name + "@acme.example", Name: "Name", Locale: "fr"}
					switch name {
					case "nunk":
					case "ninv":
						p.invite(name + "@acme.example")
					case "nnop":
						p.AddUser(u, "")
					default:
						u = p.AddUser(u, secret)
						if name == "nexp" {
							p.AddAccount(directory.Account{ID: "past", Name: "Past"}, u)
							if err := p.People.SetAccountState(t.Context(), "past", auth.AccountExpired, time.Time{}); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				if err := p.People.SuspendUser(t.Context(), "nsus"); err != nil {
					t.Fatal(err)
				}
				var first []string
				for _, name := range people {
					w := v.again()
					w.Stay = true
					email := name + "@acme.example"
					var pages []*authtest.Page
					pages = append(pages, w.get("/auth/"+path).do(path, "email", email).shown)
					if !w.json {
						pages = append(pages, w.get("/auth/"+path+"?sent=1").is("asked").shown, w.do(path).shown)
					}
					for i, page := range pages {
						got := sealed.ReplaceAllStringFunc(whole(page, name), func(c string) string {
							return fmt.Sprint("cookie of ", len(c))
						})
						if name == people[0] {
							first = append(first, got)
						} else if got != first[i] {
							t.Errorf("answer %d tells %s from %s:\n%s", i, name, people[0], difference(got, first[i]))
						}
					}
					p.Mail.Take(email)
				}
			})
		})
	}
}
