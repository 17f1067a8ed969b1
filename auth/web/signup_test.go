package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

func TestSignUp(t *testing.T) {
	const email = "nora@up.example"
	t.Run("R115 an address, a letter, a password, and a company of one's own", func(t *testing.T) {
		both(t, signingUp(auth.SignUpCompany), func(t *testing.T, v *visitor) {
			text := english(t)
			v.open()
			if v.json {
				if to := v.state["links"].(map[string]any)["signup"]; to != "/auth/signup" {
					t.Errorf("links.signup %v", to)
				}
				v.get("/auth/signup")
			} else {
				v.follow("/auth/signup").is("signup")
			}
			v.do("signup", "email", email).status(200).tells(text.Get("signup.sent.lead", "to", email), "sent")
			v.follows(v.p.mailed(email, mail.SignUp), "signuplink").press("signup").is("newpassword").status(200)
			if v.json && fmt.Sprint(v.state["fields"]) != "[password name company]" {
				t.Errorf("fields %v", v.state["fields"])
			}
			v.do("signin/newpassword", "password", fresh, "name", "Nora").status(422).told(auth.ReasonCompanyMissing)
			v.do("signin/newpassword", "password", "password1", "name", "Nora", "company", "Nordwind").status(422).told(auth.ReasonPasswordPolicy)
			if f := v.shown; !v.json {
				if got := f.Form("/newpassword").Fields; got["name"] != "Nora" || got["company"] != "Nordwind" || got["password"] != "" {
					t.Errorf("fields %v, want what was typed but for the password", got)
				}
			}
			v.do("signin/newpassword", "password", fresh, "name", "Nora", "company", "Nordwind").is("identify").tells(text.Get("identify.signed_up"))
			v.identify(email).password(fresh).is("in")
			v.p.Clock.Advance(11 * time.Second)
			v.p.Mail.TakeOne(email, mail.NewDevice)
			u, err := v.p.People.UserByEmail(t.Context(), email)
			if err != nil || u.Name != "Nora" || u.Unverified {
				t.Errorf("user %+v, %v", u, err)
			}
			m, err := v.p.Auth.Memberships(t.Context(), u.ID)
			if err != nil || len(m) != 1 || m[0].AccountName != "Nordwind" || m[0].Role != auth.RoleSuperAdmin {
				t.Errorf("memberships %+v, %v", m, err)
			}
		})
	})
	t.Run("R115 whoever has an account is told in the letter only", func(t *testing.T) {
		both(t, signingUp(auth.SignUpPerson), func(t *testing.T, v *visitor) {
			v.get("/auth/signup").do("signup", "email", ann).status(200)
			v.p.Mail.TakeOne(ann, mail.SignUpTaken)
		})
	})
	t.Run("R115 an address of a company with its own sign-in cannot sign up", func(t *testing.T) {
		both(t, signingUp(auth.SignUpPerson), func(t *testing.T, v *visitor) {
			v.get("/auth/signup").do("signup", "email", "any@globex.example").status(422).told(auth.ReasonSSORequired)
		})
	})
	t.Run("R115 a link that is too old leads to another letter", func(t *testing.T) {
		both(t, signingUp(auth.SignUpPerson), func(t *testing.T, v *visitor) {
			v.get("/auth/signup").do("signup", "email", email)
			link := v.p.mailed(email, mail.SignUp)
			v.p.Clock.Advance(time.Hour)
			v.follows(link, "signuplink").told(auth.ReasonLinkExpired)
			v.state = nil
			v.do("signup", "email", email).status(200)
			v.p.mailed(email, mail.SignUp)
		})
	})
	t.Run("R115 off, there is no such page, and nothing leads to one", func(t *testing.T) {
		both(t, authtest.Config{Mail: true}, func(t *testing.T, v *visitor) {
			v.open()
			if strings.Contains(v.shown.Body, "signup") {
				t.Errorf("the sign-in leads to a sign-up:\n%s", v.shown.Body)
			}
			v.get("/auth/signup").status(http.StatusNotFound).told(auth.ReasonNotFound)
			v.take(v.JSON(http.MethodPost, "/auth/signup", `{"email":"a@up.example"}`)).status(http.StatusNotFound)
		})
	})
}
