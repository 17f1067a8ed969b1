package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/internal/browsertest"
)

// forgot asks for a new password.
func (p person) forgot(email string) {
	p.t.Helper()
	p.Open(p.home + "/auth/forgot")
	p.Type("#email", email)
	p.Enter()
}

// resetPassword sets a new password by mail, and answers the link that led there.
func (p person) resetPassword(email, password string) string {
	p.t.Helper()
	p.forgot(email)
	link := linkTo(p.t, p.home, email)
	p.Open(link)
	p.Follow("Set a new password")
	p.Type("#new-password", password)
	p.Enter()
	return link
}

// askEmail signs somebody in and asks for another address, and answers the link that was mailed there.
func (p person) askEmail(email, to string) string {
	p.t.Helper()
	p.signIn(email)
	p.Open(p.home + "/auth/account/email")
	p.Type("input[name=email]", to)
	p.Enter()
	return mailedLink(p.t, p.home, to, "/auth/account/email/confirm")
}

// invite lets the administrator of Acme invite somebody, in a browser of their own, and answers the link of the letter.
func invite(p person, email string) string {
	p.t.Helper()
	ada := p.other()
	ada.signIn("admin@acme.example")
	ada.Open(p.home + "/team")
	ada.Type("#email", email)
	ada.Enter()
	ada.shows("/team", "The invitation is on its way.", "Invite sent (1)")
	return mailedLink(p.t, p.home, email, "/auth/join")
}

// toSignUp opens the link of a sign-up.
func toSignUp(p person) {
	p.t.Helper()
	p.Open(p.home + "/auth/signup")
	p.Type("#email", "zoe@new.example")
	p.Enter()
	p.Open(mailedLink(p.t, p.home, "zoe@new.example", "/auth/signup"))
}

func testPeople(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R40 R41 somebody new is invited, makes a password and signs in", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(invite(p, "nell@new.example"))
		p.shows("/auth/join", "Join Acme", "nell@new.example")
		if got := p.URL(); strings.Contains(got, "token") {
			t.Errorf("A-168 the address is %s, want it without the token", got)
		}
		p.Follow("Create my account")
		p.Type("#new-password", demoPassword)
		p.Enter()
		p.shows("/auth/signin", "Your account is active.")
		p.signIn("nell@new.example")
		p.shows("/", "Hello, nell@new.example", "Acme")
	})
	t.Run("R41 R55 a company that requires two-step verification has it set up in the first sign-in", func(t *testing.T) {
		p := visit(t, b, home)
		p.identify("vera@vault.example")
		p.password(demoPassword)
		p.shows("/auth/signin", "Set up two-step verification")
	})
	t.Run("R42 somebody with an account signs in, joins, and switches", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(invite(p, "lara@dawdle.example"))
		p.shows("/auth/join", "You have an account with this address already.")
		p.Follow("Sign in")
		p.Type("#email", "lara@dawdle.example")
		p.Enter()
		p.password(demoPassword)
		if p.asksMailed() {
			p.code(p.mailed("lara@dawdle.example"))
		}
		p.shows("/auth/join", "Join Acme")
		p.Follow("Join")
		p.Open(p.home + "/")
		p.shows("/", "Hello, Lara", "Acme")
		p.Follow("Another company")
		p.Choose("button[value=dawdle]")
		p.shows("/auth/account")
		p.Open(p.home + "/")
		p.shows("/", "Dawdle", "has lapsed")
	})
	t.Run("R45 R46 R47 a forgotten password is replaced, and other browsers are out at their next click", func(t *testing.T) {
		other := visit(t, b, home)
		other.signIn("ann@acme.example")
		other.in("Ann", "password email_code")
		p := visit(t, b, home)
		link := p.resetPassword("ann@acme.example", "another long passphrase")
		p.shows("/auth/signin", "Your new password is set.")
		other.Open(home + "/")
		other.shows("/auth/signin", "You have been signed out.")
		p.Open(link)
		p.shows("/auth/reset", "This link is no longer valid")
	})
	t.Run("R95 R96 R98 without a seat, and in an expired company, people are told what to do", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("eve@acme.example")
		p.Open(home + "/reports")
		p.shows("/auth/product", "You cannot open Reports yet", "admin@acme.example")
		p.Follow("Request a seat")
		p.shows("/auth/product", "Your administrators have been told.")
		otto := p.other()
		otto.signIn("otto@bygone.example")
		otto.shows("/auth/signin", "expired", "Whom to ask", "boss@bygone.example")
		boss := p.other()
		boss.signIn("boss@bygone.example")
		boss.Open(home + "/reports")
		boss.Follow("Renew the account")
		boss.Follow("Renew the account")
		otto.Open(home + "/")
		otto.shows("/auth/signin", "You can go on now") // what was in the way has gone, and what was proven counts on
		otto.Follow("Continue")
		otto.shows("/", "Hello, Otto", "Bygone")
	})
	t.Run("R77 somebody who is suspended is out at the next click", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("eve@acme.example")
		ada := p.other()
		ada.signIn("admin@acme.example")
		ada.Open(home + "/team")
		ada.Choose("form[action='/team/suspend']:has(input[value=eve]) button")
		ada.shows("/team", "their sessions in this company have ended")
		p.Open(home + "/")
		p.shows("/auth/signin")
		p.signIn("eve@acme.example")
		p.shows("/auth/signin", "Your access is suspended")
	})
	t.Run("R115 a newcomer signs up with a company of their own", func(t *testing.T) {
		p := visit(t, b, home)
		toSignUp(p)
		p.Follow("Continue")
		p.Type("#name", "Zoe")
		p.Type("#company", "Zest")
		p.Type("#new-password", demoPassword)
		p.Enter()
		p.shows("/auth/signin", "Your account is ready.")
		p.signIn("zoe@new.example")
		p.shows("/", "Hello, Zoe", "Zest", "super_admin")
		p.Follow("Team")
		p.shows("/team", "Team of Zest")
	})
}

func testOwnAccount(t *testing.T, b *browsertest.Browser, home string) {
	t.Run("R12 a new password", func(t *testing.T) {
		p := visit(t, b, home)
		p.signIn("eve@acme.example")
		p.Open(home + "/auth/account/password")
		p.Type("#current-password", "not this one")
		p.Type("#new-password", "another long passphrase")
		p.Enter()
		p.shows("/auth/account/password", "There is a problem")
		p.Type("#current-password", demoPassword)
		p.Type("#new-password", "another long passphrase")
		p.Enter()
		p.shows("/auth/account", "Your password is changed.")
		p.Open(home + "/")
		p.shows("/", "Hello, Eve")
	})
	t.Run("R69 A-181 another address, and back", func(t *testing.T) {
		p := visit(t, b, home)
		p.Open(p.askEmail("ann@acme.example", "ann@new.example"))
		p.Follow("Confirm this address")
		p.shows("/auth/account/email", "ann@new.example", "Your email address is changed.")
		owner := p.other()
		owner.Open(mailedLink(t, home, "ann@acme.example", "/auth/undo"))
		owner.shows("/auth/undo", "ann@acme.example")
		owner.Follow("Take the change back")
		p.Open(home + "/")
		p.shows("/auth/signin", "You have been signed out.")
		owner.Open(linkTo(t, home, "ann@acme.example"))
		owner.shows("/auth/reset", "Set a new password")
	})
}

// The page of the example's administrators does what its forms say, and nothing for anybody else.
func TestTeam(t *testing.T) {
	t.Parallel()
	home := serve(t, options{})
	enter := func(email string) *authtest.Browser {
		t.Helper()
		b := authtest.NewBrowser(t, home, nil)
		p := b.Submit(b.Get("/auth/signin").Form("/signin/identify"), map[string]string{"email": email})
		p = b.Submit(p.Form("/signin/password"), map[string]string{"password": demoPassword})
		if strings.Contains(p.Body, "/signin/code") {
			code, err := newCode(email, map[string]bool{}, 10*time.Second, home)
			if err != nil || code == "" {
				t.Fatalf("no code for %s: %v", email, err)
			}
			b.Submit(p.Form("/signin/code"), map[string]string{"code": code})
		}
		return b
	}
	ada := enter("admin@acme.example")
	said := func(p *authtest.Page, status int, words string) {
		t.Helper()
		if p.Status != status || !strings.Contains(p.Body, words) {
			t.Errorf("%s, want %d with %q:\n%s", p, status, words, p.Body)
		}
	}

	t.Run("R74 it is for administrators", func(t *testing.T) {
		ann := enter("ann@acme.example")
		said(ann.Get("/team"), http.StatusForbidden, "for the administrators")
		said(ann.Post("/team/invite", url.Values{"email": {"mate@new.example"}}), http.StatusForbidden, "for the administrators")
		if p := authtest.NewBrowser(t, home, nil).Get("/team"); p.URL.Path != "/auth/signin" {
			t.Errorf("a stranger is at %s, want the sign-in", p)
		}
	})
	t.Run("A-230 no other site invites anybody", func(t *testing.T) {
		said(ada.PostFrom("https://evil.example", "/team/invite", url.Values{"email": {"mate@new.example"}}), http.StatusForbidden, "")
		if strings.Contains(ada.Get("/team").Body, "mate@new.example") {
			t.Error("somebody is invited")
		}
	})
	t.Run("R40 R44 invite, resend, revoke", func(t *testing.T) {
		said(ada.Post("/team/invite", url.Values{"email": {"mate at new"}, "name": {"Mate"}}), http.StatusUnprocessableEntity, `value="Mate"`)
		said(ada.Post("/team/invite", url.Values{"email": {"ann@acme.example"}}), http.StatusUnprocessableEntity, "a member or invited already")
		p := ada.Post("/team/invite", url.Values{"email": {"mate@new.example"}, "product": {reports}})
		said(p, http.StatusOK, "Invite sent (1)")
		id := p.Form("/team/revoke").Fields["id"]
		said(ada.Post("/team/resend", url.Values{"id": {id}}), http.StatusUnprocessableEntity, "Wait a minute")
		boss := enter("boss@bygone.example")
		said(boss.Post("/team/revoke", url.Values{"id": {id}}), http.StatusUnprocessableEntity, "You may not do that")
		said(ada.Post("/team/revoke", url.Values{"id": {id}}), http.StatusOK, "taken back")
	})
	t.Run("A-261 an administrator neither takes back nor renews what only a super administrator may give", func(t *testing.T) {
		said(ada.Post("/team/invite", url.Values{"email": {"vice@new.example"}, "role": {"admin"}}), http.StatusOK, "on its way")
		b := authtest.NewBrowser(t, home, nil)
		p := b.Submit(b.Get(strings.TrimPrefix(mailedLink(t, home, "vice@new.example", "/auth/join"), home)).Form("/activate"), nil)
		b.Submit(p.Form("/newpassword"), map[string]string{"password": demoPassword})
		id := ada.Post("/team/invite", url.Values{"email": {"root@new.example"}, "role": {"super_admin"}}).Form("/team/revoke").Fields["id"]
		vice := enter("vice@new.example")
		said(vice.Post("/team/resend", url.Values{"id": {id}}), http.StatusUnprocessableEntity, "You may not do that")
		said(vice.Post("/team/revoke", url.Values{"id": {id}}), http.StatusUnprocessableEntity, "You may not do that")
		said(ada.Post("/team/revoke", url.Values{"id": {id}}), http.StatusOK, "taken back")
	})
	t.Run("A-134 an administrator gives no role above their own", func(t *testing.T) {
		said(ada.Post("/team/suspend", url.Values{"id": {"admin"}}), http.StatusUnprocessableEntity, "You may not do that")
		said(ada.Post("/team/seat", url.Values{"id": {"otto"}, "product": {reports}}), http.StatusUnprocessableEntity, "You may not do that")
		said(ada.Post("/team/invite", url.Values{"email": {"root@new.example"}, "role": {"owner"}}), http.StatusUnprocessableEntity, "You may not do that")
	})
}
