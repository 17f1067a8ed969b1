package web_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestHelp(t *testing.T) {
	t.Run("R102 R48 R100 it names every way out that there is", func(t *testing.T) {
		both(t, signingUp(auth.SignUpPerson), func(t *testing.T, v *visitor) {
			text := english(t)
			v.get("/auth/help").status(200)
			if v.json {
				to, _ := v.state["links"].(map[string]any)
				if to["forgot"] != "/auth/forgot" || to["signup"] != "/auth/signup" || to["account"] != "/auth/account" {
					t.Errorf("links %v", to)
				}
				return
			}
			for _, key := range []string{
				"help.kind.heading", "help.password.heading", "help.email.heading", "help.invitation.join.text", "help.expired.heading", "help.seat.heading",
				"help.guest.heading", "help.code.heading", "help.phone.heading", "help.contact.heading", "help.signup.heading", "asked.missing.spam",
			} {
				v.tells(text.Get(key))
			}
			v.follow("/auth/forgot").is("forgot")
			v.get("/auth/help?lang=fr").follow("/auth/signup").is("signup")
			if !strings.Contains(v.shown.Body, `<html lang="fr"`) {
				t.Error("the language is lost on the way")
			}
		})
	})
	t.Run("R102 it is the same for everybody", func(t *testing.T) {
		p := newProduct(t, unverified(nil)).anyLetters()
		stranger := p.visitor(false).get("/auth/help").shown.Body
		if got := p.visitor(false).signIn(ann).get("/auth/help").shown.Body; got != stranger {
			t.Errorf("whoever is signed in reads something else:\n%s", difference(got, stranger))
		}
	})
	t.Run("R102 where nothing can be mailed it says whom to ask", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false).get("/auth/help").tells(english(t).Get("forgot.none.text"))
		if strings.Contains(v.shown.Body, "/auth/forgot") || strings.Contains(v.shown.Body, "/auth/signup") {
			t.Errorf("it leads to what there is not:\n%s", v.shown.Body)
		}
	})
}
