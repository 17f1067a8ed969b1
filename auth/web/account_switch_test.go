package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

const (
	switchPage = "/auth/account/switch"
	twoMail    = "two@acme.example"
)

// atAcme is a visitor who is signed in as two, of Acme and Umbra, and works at Acme.
func (v *visitor) atAcme() *visitor {
	v.p.t.Helper()
	v.p.dropParts()
	v.identify(twoMail).password(secret)
	if v.at() == "mailcode" {
		v.code(v.p.Mail.Code(twoMail))
	}
	return v.is("account").step("signin/account", map[string]string{"account": "acme"}).is("in")
}

// worksIn checks in which company the product finds the visitor.
func (v *visitor) worksIn(company string) {
	v.p.t.Helper()
	if got := v.Get("/x").Body; !strings.HasSuffix(got, " in "+company) {
		v.p.t.Errorf("the product says %q, want the company %s", got, company)
	}
}

// moved checks that the visitor has come to my account by a switch.
func (v *visitor) moved(company string) *visitor {
	v.p.t.Helper()
	if v.json {
		if got := v.landed(); got != "/auth/account?done=switched" {
			v.p.t.Errorf("return_to %q, want my account", got)
		}
	} else {
		v.is("account_home").says("companies.done")
	}
	v.worksIn(company)
	return v
}

func (p *product) must(errs ...error) {
	p.t.Helper()
	for _, err := range errs {
		if err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestAccountSwitch(t *testing.T) {
	t.Run("A-224 into another company: a new token, and the old one is dead", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.atAcme().get(switchPage).status(200)
			for _, want := range []string{"Acme", "Umbra"} {
				if !v.shows(want) {
					t.Errorf("%s is not in the list:\n%s", want, v.shown.Body)
				}
			}
			if v.json {
				for _, c := range v.state["companies"].([]any) {
					if c := c.(map[string]any); c["current"] != (c["id"] == "acme") || c["usable"] != true {
						t.Errorf("company %v, want Acme to be the present one", c)
					}
				}
			} else {
				v.says("companies.current", "companies.role.member")
				if strings.Contains(v.shown.Body, `value="acme"`) {
					t.Error("there is a button for the company of the session")
				}
			}
			before := v.Cookie("__Host-session")
			v.do("account/switch", "account", "umbra").moved("umbra")
			if v.Cookie("__Host-session") == before || v.Cookie("__Host-stepup") != "" || v.p.sessions("two") != 1 {
				t.Error("want the same session under a new token, and no flow left")
			}
			v.dead(before)
			v.get(switchPage).do("account/switch", "account", "acme", "return_to", "/reports")
			if got := v.landed(); got != "/reports" {
				t.Errorf("landed at %q", got)
			}
			v.worksIn("acme")
		})
	})
	t.Run("R77 R96 what cannot be entered says why, and the session stays as it is", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.p.AddAccount(directory.Account{ID: "initech", Name: "Initech"}, auth.User{ID: "two"})
			v.p.AddAccount(directory.Account{ID: "hooli", Name: "Hooli", State: auth.AccountExpired}, auth.User{ID: "two"})
			v.atAcme()
			v.p.must(v.p.People.SetMember(t.Context(), directory.Member{AccountID: "initech", UserID: "two", State: auth.MemberSuspended}))
			before := v.Cookie("__Host-session")
			v.get(switchPage).status(200).says("companies.suspended.text", "companies.expired.text")
			for id, want := range map[string]auth.Reason{
				"initech": auth.ReasonUserSuspended, "hooli": auth.ReasonAccountExpired, "globex": auth.ReasonAccountUnknown, "": auth.ReasonAccountUnknown,
			} {
				if v.post(switchPage, "account", id).status(422).told(want); !v.json {
					v.is("account_switch")
				}
			}
			if v.Cookie("__Host-session") != before || v.Cookie("__Host-stepup") != "" {
				t.Error("a refusal has left something")
			}
			v.worksIn("acme")
		})
	})
	t.Run("a company that has ended its sessions is entered by a new sign-in", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.atAcme()
			v.p.Clock.Advance(time.Minute)
			v.p.must(v.p.Auth.EndAccount(t.Context(), "umbra"))
			v.get(switchPage).do("account/switch", "account", "umbra").status(422).told(auth.ReasonSignInAgain)
			v.worksIn("acme")
			if v.Cookie("__Host-stepup") != "" && !v.json {
				t.Error("the flow that led nowhere is still there")
			}
			if !v.json {
				v.is("account_switch").follow("switch=other").is("identify")
				v.identify(twoMail).password(secret).is("account_home")
				v.worksIn("umbra")
			}
		})
	})
	t.Run("R66 what the company asks beyond the session comes first; begun anew it leads there still", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.atAcme()
			v.p.must(v.p.People.SetAccountPolicy(t.Context(), "umbra", auth.Policy{TwoStep: auth.TwoStepRequired}))
			v.get(switchPage).do("account/switch", "account", "umbra").is("enrollstart")
			v.worksIn("acme")
			v.post("/auth/signin/restart", "flow", v.form()).is("enrollstart").dialogs(twoMail, v.p.Phone)
			v.confirm(v.p.Phone)
			if !v.json {
				v.next()
			}
			v.moved("umbra")
		})
	})
	t.Run("no GET leads into a company", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.atAcme()
			before := v.Cookie("__Host-session")
			v.p.Events()
			for _, path := range []string{switchPage + "?account=umbra", "/auth/stepup?action=switch&account=umbra&target=umbra", "/auth/stepup?action=join"} {
				v.get(path).status(200)
			}
			v.post("/auth/stepup", "action", "switch", "account", "umbra", "target", "umbra")
			v.worksIn("acme")
			if v.Cookie("__Host-session") == before && !v.json {
				t.Error("the POST has proven nothing: this story tests less than it says")
			}
		})
	})
}

func TestAccountCompany(t *testing.T) {
	t.Run("R97 a lapsed company has a banner, until when it works, and works", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.atAcme()
			ends := v.p.Clock.Now().Add(10 * 24 * time.Hour)
			v.p.must(v.p.People.SetAccountState(t.Context(), "acme", auth.AccountLapsed, ends))
			v.get("/auth/account").status(200).says("account.lapsed")
			if v.json {
				company := v.state["company"].(map[string]any)
				if company["state"] != "lapsed" || company["grace_ends"] != ends.UTC().Format(time.RFC3339) || company["usable"] != true {
					t.Errorf("company %v", company)
				}
			} else if !v.shows(`class="notice warning"`) || !v.shows("It works until ") {
				t.Errorf("no banner:\n%s", v.shown.Body)
			}
			if v.get(switchPage); !v.json && !v.shows("Works until ") {
				t.Errorf("the list does not say until when:\n%s", v.shown.Body)
			}
			v.worksIn("acme")
			v.p.Clock.Advance(11 * 24 * time.Hour)
			w := v.again()
			w.identify(twoMail).password(secret).is("in")
			w.worksIn("umbra")
			w.get(switchPage).says("companies.expired.text")
		})
	})
	t.Run("R57 my account names the company and its role, and what there is to change", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			v.p.must(v.p.People.SetMember(t.Context(), directory.Member{AccountID: "acme", UserID: "two", Role: auth.RoleAdmin}))
			v.atAcme().get("/auth/account").status(200).says("companies.role.admin", "recoverymail.none")
			if v.json {
				if company, links := v.state["company"].(map[string]any), v.state["links"].(map[string]any); company["name"] != "Acme" || company["role"] != "admin" ||
					links["switch"] != switchPage || links["password"] != passwordPage || links["email"] != emailPage || links["recovery"] != recoveryPage {
					t.Errorf("answer %s", v.shown.Body)
				}
			} else if !v.shows("Acme") || !v.shows("Changed on ") {
				t.Errorf("the page lacks the company or the password's age:\n%s", v.shown.Body)
			}
			w := v.again()
			w.p.dropParts()
			w.open().identify("solo@acme.example").password(secret).is("in").get("/auth/account").status(http.StatusOK)
			if w.json && w.state["company"] != nil || !w.json && w.shows(switchPage) {
				t.Errorf("somebody of no company is shown one:\n%s", w.shown.Body)
			}
		})
	})
}
