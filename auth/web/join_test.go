package web_test

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const (
	nora = "nora@acme.example"
	solo = "solo@acme.example"
)

// member is what a person is in a company.
func (p *product) membership(userID, accountID string) auth.Membership {
	p.t.Helper()
	all, err := p.Auth.Memberships(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, m := range all {
		if m.AccountID == accountID {
			return m
		}
	}
	return auth.Membership{}
}

func TestActivate(t *testing.T) {
	t.Run("R40 R41 somebody new: a password, and a member", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			text := english(t)
			v.follows(v.p.invite(nora), "join").tells("Acme", "invitation").tells(nora)
			v.press("activate", "role", "super_admin", "company", "umbra", "email", ann, "account", "umbra").is("newpassword").status(200)
			if !v.json {
				if f := v.shown.Form("/newpassword"); f.Fields["username"] != nora || f.Fields["name"] != "Nora New" || v.shown.URL.Path != "/auth/activate" {
					t.Errorf("%s has the fields %v", v.shown.URL, f.Fields)
				}
			} else if i, _ := v.state["invitation"].(map[string]any); i["company"] != "Acme" {
				t.Errorf("invitation %v", v.state["invitation"])
			}
			v.do("signin/newpassword", "password", "short", "name", "Nora N.").status(422).told(auth.ReasonPasswordPolicy)
			if !v.json && v.shown.Form("/newpassword").Fields["name"] != "Nora N." {
				t.Error("the name that was typed is lost")
			}
			v.do("signin/newpassword", "password", fresh, "name", "Nora N.").is("identify").tells(text.Get("identify.activated"))
			v.identify(nora).password(fresh).is("in")
			u, err := v.p.People.UserByEmail(t.Context(), nora)
			if err != nil || u.Name != "Nora N." || u.Unverified {
				t.Errorf("user %+v, %v", u, err)
			}
			if m := v.p.membership(u.ID, "acme"); m.State != auth.MemberActive || m.Role != auth.RoleAdmin {
				t.Errorf("A-129 membership %+v", m)
			}
			if m := v.p.membership(u.ID, "umbra"); m.AccountID != "" {
				t.Errorf("A-129 membership %+v of a company that was only posted", m)
			}
		})
	})
	t.Run("R41 a flow that took too long goes on from the invitation's page", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.follows(v.p.invite(nora), "join").press("activate").is("newpassword")
			v.p.Clock.Advance(16 * 60e9)
			v.do("signin/newpassword", "password", fresh).status(http.StatusGone).told(auth.ReasonFlowGone)
			if !v.json {
				v.is("join")
			}
			if v.press("activate").is("newpassword"); !v.json {
				v.take(v.Post("/auth/signin/restart", form("flow", v.form()))).is("join").do("activate").is("newpassword")
			}
		})
	})
	t.Run("A-130 U23 a link that counts no longer says why", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			ctx := t.Context()
			invite := func(email string) (auth.Invitation, string) {
				i, link, a, err := v.p.Auth.Invite(ctx, auth.NewInvitation{AccountID: "acme", Email: email}, auth.Client{})
				if err != nil || a.Reason != "" {
					t.Fatal(a, err)
				}
				v.p.Mail.Take(email)
				return i, strings.TrimPrefix(link, "https://app.example.com")
			}
			dead := func(link string, why auth.Reason) {
				t.Helper()
				w := v.again().follows(link, "join").told(why)
				if strings.Contains(w.shown.Body, "@acme") {
					t.Errorf("%s: the answer has the address", why)
				}
				w = v.again()
				w.state = nil
				w.take(w.JSON(http.MethodPost, "/auth/activate", `{"token":"`+tokenOf(link)+`"}`)).status(422)
				if !strings.Contains(w.shown.Body, `"`+string(why)+`"`) {
					t.Errorf("POST answers %s, want %s", w.shown.Body, why)
				}
			}
			first, link := invite("one@acme.example")
			v.p.Clock.Advance(2 * 60e9)
			if _, _, a, err := v.p.Auth.SendInvitation(ctx, first.ID, auth.Client{}); err != nil || a.Reason != "" {
				t.Fatal(a, err)
			}
			v.p.Mail.Take("one@acme.example")
			dead(link, auth.ReasonInviteReplaced)
			second, link := invite("nono@acme.example")
			if err := v.p.Auth.RevokeInvitation(ctx, second.ID, auth.Client{}); err != nil {
				t.Fatal(err)
			}
			dead(link, auth.ReasonInviteRevoked)
			_, link = invite("late@acme.example")
			v.p.Clock.Advance(7 * aDay)
			dead(link, auth.ReasonInviteExpired)
			_, link = invite(nora)
			v.again().follows(link, "join").press("activate").do("signin/newpassword", "password", fresh).is("identify")
			dead(link, auth.ReasonInviteUsed)
			dead("/auth/join?token=nonsense", auth.ReasonInviteRevoked)
		})
	})
	t.Run("R43 A-131 where the company has its own sign-in there is no password", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			link := v.p.invite("nora@globex.example", func(n *auth.NewInvitation) { n.AccountID = "globex" })
			v.follows(link, "join").tells(english(t).Get("join.sso.text"), "sso")
			if strings.Contains(v.shown.Body, "/auth/activate") {
				t.Errorf("there is a way to a password:\n%s", v.shown.Body)
			}
			v.take(v.JSON(http.MethodPost, "/auth/activate", `{"token":"`+tokenOf(link)+`"}`)).status(422)
			if !strings.Contains(v.shown.Body, string(auth.ReasonSSORequired)) {
				t.Errorf("want sso_required: %s", v.shown.Body)
			}
		})
	})
}

func TestJoin(t *testing.T) {
	t.Run("R42 A-127 whoever has an account signs in and joins", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			link := v.p.invite(solo)
			v.follows(link, "join").tells(english(t).Get("join.exists.text"), "exists")
			v.take(v.JSON(http.MethodPost, "/auth/activate", `{"token":"`+tokenOf(link)+`"}`)).status(422)
			if !strings.Contains(v.shown.Body, string(auth.ReasonInviteSignIn)) {
				t.Errorf("want invite_sign_in: %s", v.shown.Body)
			}
			v.query = form("token", tokenOf(link))
			if v.json {
				v.state = nil
				v.press("join", "do", "join").status(http.StatusUnauthorized).told(auth.ReasonSignInRequired)
				v.query = nil
				v.open().signIn(solo)
			} else {
				v.get("/auth/join").follow("switch=other").is("identify").tells(english(t).Get("identify.invited", "name", "Acme"))
				if !strings.Contains(v.shown.Body, `value="`+solo+`"`) {
					t.Errorf("the address is to be typed:\n%s", v.shown.Body)
				}
				v.identify(solo).password(secret).is("join").status(200)
				if got := html.UnescapeString(v.shown.Body); !strings.Contains(got, english(t).Get("join.role.admin")) {
					t.Errorf("the page does not say what changes:\n%s", got)
				}
			}
			before := v.Cookie("__Host-session")
			v.query = form("token", tokenOf(link))
			v.press("join", "do", "join").is("in")
			if got := v.p.membership("solo", "acme"); got.State != auth.MemberActive || got.Role != auth.RoleAdmin {
				t.Errorf("membership %+v", got)
			}
			if v.Cookie("__Host-session") == before {
				t.Error("the session has its old token")
			}
			if !v.json && !strings.Contains(v.shown.Body, "in acme") {
				t.Errorf("the session is not in Acme: %s", v.shown.Body)
			}
			if v.Cookie("__Host-join-link") != "" {
				t.Error("the link is still in the browser")
			}
		})
	})
	t.Run("R42 or declines", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			link := v.p.invite(solo)
			v.signIn(solo).follows(link, "join").press("join", "do", "decline").status(200).tells(english(t).Get("join.declined.text"), "declined")
			late := v.again().follows(link, "join").open("return_to", "/auth/join").is("identify")
			if strings.Contains(late.shown.Body, solo) {
				t.Errorf("a link that counts no longer tells whom it was for:\n%s", late.shown.Body)
			}
			if got := v.p.membership("solo", "acme"); got.AccountID != "" {
				t.Errorf("membership %+v", got)
			}
			v.again().follows(link, "join").told(auth.ReasonInviteUsed)
		})
	})
	t.Run("R42 A-128 somebody else is signed in", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			link := v.p.invite(solo)
			v.signIn(ann).follows(link, "join").tells(english(t).Get("join.other.text", "to", ann), "other")
			if v.json {
				for _, do := range []string{"join", "decline"} {
					v.press("join", "do", do).status(422).told(auth.ReasonInviteOtherUser)
				}
			} else {
				f := form("do", "join", "token", tokenOf(link))
				v.take(v.Post("/auth/join", f)).status(422).is("join").told(auth.ReasonInviteOtherUser)
			}
			if got := v.p.membership("ann", "acme"); got.Role == auth.RoleAdmin {
				t.Error("ann has taken solo's role")
			}
			if v.p.sessions("ann") != 1 {
				t.Error("ann was signed out")
			}
		})
	})
	t.Run("R42 somebody new may go on where another is signed in, who is named", func(t *testing.T) {
		v := newProduct(t, unverified(nil)).anyLetters().visitor(false)
		v.signIn(ann).follows(v.p.invite(nora), "join").tells(english(t).Get("join.other.text", "to", ann)).press("activate").is("newpassword")
	})
	t.Run("R42 a company that requires two-step verification has it set up on the way", func(t *testing.T) {
		both(t, unverified(nil), func(t *testing.T, v *visitor) {
			v.p.anyLetters()
			if err := v.p.People.SetAccountPolicy(t.Context(), "acme", auth.Policy{TwoStep: auth.TwoStepRequired}); err != nil {
				t.Fatal(err)
			}
			link := v.p.invite(solo)
			v.signIn(solo).follows(link, "join").press("join", "do", "join").is("enrollstart")
			if !v.json { // begun anew, it is still about the invitation
				v.take(v.Post("/auth/signin/restart", form("flow", v.form()))).is("enrollstart")
			}
			v.dialogs(solo, v.p.Phone)
			v.confirm(v.p.Phone)
			v.next()
			if got := v.p.membership("solo", "acme"); got.State != auth.MemberActive {
				t.Errorf("membership %+v", got)
			}
		})
	})
	t.Run("A-128 begun anew, a join does not turn to the invitation that another tab shows", func(t *testing.T) {
		v := newProduct(t, unverified(nil)).anyLetters().visitor(false)
		if err := v.p.People.SetAccountPolicy(t.Context(), "acme", auth.Policy{TwoStep: auth.TwoStepRequired}); err != nil {
			t.Fatal(err)
		}
		v.signIn(solo).follows(v.p.invite(solo), "join").press("join", "do", "join").is("enrollstart")
		flow := v.form()
		v.follows(v.p.invite(solo, func(n *auth.NewInvitation) { n.AccountID = "umbra" }), "join").tells("Umbra")
		v.take(v.Post("/auth/signin/restart", form("flow", flow)))
		if got := v.p.membership("solo", "umbra"); got.AccountID != "" {
			t.Errorf("solo has joined Umbra by a button of the way to Acme: %+v", got)
		}
		v.is("join")
	})
	t.Run("the page keeps its place in another language", func(t *testing.T) {
		v := newProduct(t, unverified(nil)).visitor(false)
		v.follows(v.p.invite(nora), "join").follow("lang=fr").is("join").status(200)
		if !strings.Contains(v.shown.Body, `<html lang="fr"`) || strings.Contains(v.shown.Body, fmt.Sprint(mail.Invite)+"=") {
			t.Errorf("not in French:\n%s", v.shown.Body)
		}
		v.do("activate").is("newpassword")
		if !strings.Contains(v.shown.Body, `<html lang="fr"`) {
			t.Error("the next page has forgotten the language")
		}
	})
}
