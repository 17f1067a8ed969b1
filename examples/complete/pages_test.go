package main

import (
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/browsertest"
	"github.com/sallyport-auth/sallyport/sso"
)

// TestPages looks at every page as different people do: bright and dark, on a desk and on a small phone, in each language.
func TestPages(t *testing.T) {
	t.Parallel()
	b := browsertest.Start(t)
	axe := browsertest.Axe(t)
	for _, page := range []struct {
		name   string
		preset string
		path   string // of the page, in the end
		open   func(p person)
	}{
		{"identify", "recommended", "/auth/signin", func(p person) { p.Open(p.home + "/") }},
		{"identify-error", "recommended", "/auth/signin/identify", func(p person) { p.identify("ann at acme") }},
		{"password", "recommended", "/auth/signin", func(p person) { p.identify("ann@acme.example") }},
		{"password-error", "recommended", "/auth/signin/password", func(p person) {
			p.identify("ann@acme.example")
			p.password("not this one")
		}},
		{"onepage", "one-page", "/auth/signin", func(p person) { p.Open(p.home + "/") }},
		{"onepage-error", "one-page", "/auth/signin/password", func(p person) {
			p.Open(p.home + "/")
			p.Type("#email", "ann@acme.example")
			p.password("not this one")
		}},
		{"mailcode", "recommended", "/auth/signin", func(p person) { p.toMailed("ann@acme.example") }},
		{"mailcode-error", "recommended", "/auth/signin/code", func(p person) {
			p.toMailed("ann@acme.example")
			p.code("12345")
		}},
		{"enroll-1", "recommended", "/auth/signin", dialog(1)},
		{"enroll-2", "recommended", "/auth/signin", dialog(2)},
		{"enroll-3", "recommended", "/auth/signin", dialog(3)},
		{"enroll-4", "recommended", "/auth/signin", dialog(4)},
		{"enroll-5", "recommended", "/auth/signin", dialog(5)},
		{"enroll-5-error", "recommended", "/auth/signin/enroll/confirm", func(p person) {
			dialog(5)(p)
			p.code("12345")
		}},
		{"codes", "recommended", "/auth/signin/enroll/confirm", dialog(6)},
		{"enroll-6", "recommended", "/auth/signin", func(p person) {
			dialog(6)(p)
			p.Follow("I have saved the codes")
		}},
		{"appcode", "recommended", "/auth/signin", toApp},
		{"appcode-error", "recommended", "/auth/signin/totp", func(p person) {
			toApp(p)
			p.code("12345")
		}},
		{"recovery", "recommended", "/auth/signin", func(p person) {
			toApp(p)
			p.Follow("Use a recovery code")
		}},
		{"recovery-error", "recommended", "/auth/signin/recovery", func(p person) {
			toApp(p)
			p.Follow("Use a recovery code")
			p.code("abc")
		}},
		{"newphone", "recommended", "/auth/signin", func(p person) {
			toApp(p)
			p.Follow("Set up a new mobile device")
		}},
		{"account-home", "recommended", "/auth/account", account("")},
		{"account-twostep", "recommended", "/auth/account/two-step", account("/two-step")},
		{"account-twostep-on", "recommended", "/auth/account/two-step", func(p person) {
			withApp(p)
			p.Open(p.home + "/auth/account/two-step")
		}},
		{"account-devices", "recommended", "/auth/account/devices", func(p person) {
			p.other().signIn("ann@acme.example")
			account("/devices")(p)
		}},
		{"account-report", "recommended", "/auth/account/devices/report", toReport},
		{"account-reported", "recommended", "/auth/account/devices/report", func(p person) {
			toReport(p)
			p.Follow("Report and sign out")
		}},
		{"account-sessions", "recommended", "/auth/account/sessions", func(p person) {
			p.other().signIn("ann@acme.example")
			account("/sessions")(p)
		}},
		{"account-endall", "recommended", "/auth/account/sessions/end/all", account("/sessions/end/all")},
		{"locked", "recommended", "/auth/signin", func(p person) {
			report(p)
			p.signOut()
			p.signIn("ann@acme.example")
		}},
		{"reset", "recommended", "/auth/reset", func(p person) {
			report(p)
			p.Open(linkTo(p.t, p.home, "ann@acme.example"))
		}},
		{"newpassword", "recommended", "/auth/reset", func(p person) {
			report(p)
			p.Open(linkTo(p.t, p.home, "ann@acme.example"))
			p.Follow("Set a new password")
		}},
		{"forgot", "recommended", "/auth/forgot", func(p person) { p.Open(p.home + "/auth/forgot") }},
		{"forgot-error", "recommended", "/auth/forgot", func(p person) { p.forgot("ann at acme") }},
		{"asked", "recommended", "/auth/forgot", func(p person) { p.forgot("ann@acme.example") }},
		{"reset-used", "recommended", "/auth/reset", func(p person) {
			link := p.resetPassword("ann@acme.example", "another long passphrase")
			p.Open(link)
		}},
		{"join", "recommended", "/auth/join", func(p person) { p.Open(invite(p, "nell@new.example")) }},
		{"join-existing", "recommended", "/auth/join", func(p person) { p.Open(invite(p, "lara@dawdle.example")) }},
		{"join-signin", "recommended", "/auth/signin", func(p person) {
			p.Open(invite(p, "lara@dawdle.example"))
			p.Follow("Sign in")
		}},
		{"join-answer", "recommended", "/auth/join", func(p person) {
			link := invite(p, "lara@dawdle.example")
			p.signIn("lara@dawdle.example")
			p.Open(link)
		}},
		{"join-other", "recommended", "/auth/join", func(p person) {
			link := invite(p, "lara@dawdle.example")
			p.signIn("ann@acme.example")
			p.Open(link)
		}},
		{"activate", "recommended", "/auth/activate", func(p person) {
			p.Open(invite(p, "nell@new.example"))
			p.Follow("Create my account")
		}},
		{"signup", "recommended", "/auth/signup", func(p person) { p.Open(p.home + "/auth/signup") }},
		{"signup-link", "recommended", "/auth/signup", toSignUp},
		{"signup-form", "recommended", "/auth/signup", func(p person) {
			toSignUp(p)
			p.Follow("Continue")
		}},
		{"product", "recommended", "/auth/product", func(p person) {
			p.signIn("eve@acme.example")
			p.Open(p.home + "/reports")
		}},
		{"product-expired", "recommended", "/auth/product", func(p person) {
			p.signIn("boss@bygone.example")
			p.Open(p.home + "/reports")
		}},
		{"stop-expired", "recommended", "/auth/signin", func(p person) { p.signIn("otto@bygone.example") }},
		{"account-password", "recommended", "/auth/account/password", account("/password")},
		{"account-email", "recommended", "/auth/account/email", account("/email")},
		{"account-email-confirm", "recommended", "/auth/account/email/confirm", func(p person) {
			p.Open(p.askEmail("ann@acme.example", "ann@new.example"))
		}},
		{"account-recovery", "recommended", "/auth/account/recovery", account("/recovery")},
		{"account-switch", "recommended", "/auth/account/switch", func(p person) {
			p.signIn("two@acme.example")
			p.Choose("button[value=acme]")
			p.Open(p.home + "/auth/account/switch")
		}},
		{"undo", "recommended", "/auth/undo", func(p person) {
			p.Open(p.askEmail("ann@acme.example", "ann@new.example"))
			p.Follow("Confirm this address")
			p.Open(mailedLink(p.t, p.home, "ann@acme.example", "/auth/undo"))
		}},
		{"company", "recommended", "/auth/signin", func(p person) {
			p.NoScripts()
			p.identify("gil@globex.example")
		}},
		{"company-failed", "recommended", "/auth/signin/arrived", func(p person) {
			p.identify("mia@globex.example")
			p.signInThere(p.globex(), "mia@globex.example")
			p.back("/auth/signin/arrived")
			p.withheld()
		}},
		{"company-or", "recommended", "/auth/signin", func(p person) { p.identify("ina@initech.example") }},
		{"company-start", "recommended", "/auth/sso/globex/start", func(p person) { p.Open(p.home + "/auth/sso/globex/start") }},
		{"companyid", "recommended", "/auth/signin/company", func(p person) { p.Open(p.home + "/auth/signin/company") }},
		{"companyid-error", "recommended", "/auth/signin/company", func(p person) {
			p.Open(p.home + "/auth/signin/company")
			p.Type("#email", "ann@acme.example")
			p.Enter()
		}},
		{"arrived", "recommended", "/auth/signin/arrived", func(p person) { p.beginThere("gil@globex.example") }},
		{"arrived-other", "recommended", "/auth/signin/arrived", func(p person) {
			p.signIn("ann@acme.example")
			p.beginThere("gil@globex.example")
			p.Withheld("__Host-session", "/auth/sso/globex/acs")
		}},
		{"arrived-replayed", "recommended", "/auth/sso/globex/acs", func(p person) {
			p.Open(p.globex() + "/")
			p.NoScripts()
			p.signInThere(p.globex(), "gil@globex.example")
			p.Choose("main li a")
			answer := p.Value("[name=SAMLResponse]")
			p.Follow("Continue")
			p.postAgain(answer)
			p.withheld()
		}},
		{"link-password", "recommended", "/auth/signin", func(p person) { p.toLink() }},
		{"link", "recommended", "/auth/signin", func(p person) {
			p.toLink()
			p.password(demoPassword)
			phone := newPhone(p.t)
			phone.secret = p.appSecret("root")
			p.code(phone.code())
		}},
		{"away", "recommended", "/auth/sso/globex/start", func(p person) {
			p.w.change(p.t, globex, func(c *sso.Connection) { c.SAML.SSOBinding = "post" })
			p.NoScripts()
			p.identify("gil@globex.example")
			p.Follow("Continue")
		}},
		{"away-out", "recommended", "/auth/signout", func(p person) {
			p.w.change(p.t, globex, func(c *sso.Connection) { c.SAML.SLOBinding = "post" })
			p.identify("gil@globex.example")
			p.signInThere(p.globex(), "gil@globex.example")
			p.back("/")
			p.withheld()
			p.NoScripts()
			p.Follow("Sign out")
		}},
		{"tested", "recommended", "/auth/sso/globex/acs", func(p person) {
			p.breakGlass()
			p.Open(p.home + "/team")
			p.Follow("Test the sign-in")
			p.Follow("Continue to Globex")
			p.signInThere(p.globex(), "gil@globex.example")
			p.back("/auth/sso/globex/acs")
			p.Withheld("__Host-session", "/auth/sso/globex/acs")
		}},
		{"team-sso", "recommended", "/team", func(p person) {
			p.breakGlass()
			p.Open(p.home + "/team")
		}},
		{"ssotest", "recommended", "/team/sso", func(p person) {
			p.breakGlass()
			p.Open(p.home + "/team")
			p.Follow("Test the sign-in")
		}},
		{"account-sso", "recommended", "/auth/account", func(p person) {
			p.signInAtGlobex("gil@globex.example")
			p.withheld()
			p.Open(p.home + "/auth/account")
		}},
		{"account-password-sso", "recommended", "/auth/account/password", func(p person) {
			p.signInAtGlobex("gil@globex.example")
			p.withheld()
			p.Open(p.home + "/auth/account/password")
		}},
		{"sso-required", "recommended", "/auth/signin/password", func(p person) {
			if err := p.w.product.people.SetDomainSSO(p.t.Context(), "initech.example", auth.SSOEnforced); err != nil {
				p.t.Fatal(err)
			}
			p.Open(p.home + "/auth/signin?way=password")
			p.Type("#email", "ina@initech.example")
			p.Enter()
			p.password(demoPassword)
		}},
		{"home-sso", "recommended", "/", func(p person) {
			p.identify("ina@initech.example")
			p.Follow("Continue with Initech")
			p.signInThere(p.initech(), "ina@initech.example")
			p.back("/")
		}},
		{"team", "recommended", "/team", func(p person) {
			p.signIn("admin@acme.example")
			p.Open(p.home + "/team")
		}},
		{"billing", "recommended", "/billing", func(p person) {
			p.signIn("boss@bygone.example")
			p.Open(p.home + "/billing")
		}},
		{"mailbox-empty", "recommended", "/dev/mail", func(p person) { p.Open(p.home + "/dev/mail") }},
		{"mailbox", "recommended", "/dev/mail", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/dev/mail")
		}},
		{"letter", "recommended", "/dev/mail/1", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/dev/mail/1")
		}},
		{"letter-text", "recommended", "/dev/mail/1", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/dev/mail/1?as=text")
		}},
		{"account", "recommended", "/auth/signin", func(p person) { p.signIn("two@acme.example") }},
		{"stop", "recommended", "/auth/signin", func(p person) { p.signIn("sam@acme.example") }},
		{"home", "recommended", "/", func(p person) { p.signIn("ann@acme.example") }},
		{"switch", "recommended", "/auth/signin", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/auth/signin?switch=1")
		}},
		{"signout", "recommended", "/auth/signout", func(p person) {
			p.signIn("ann@acme.example")
			p.Open(p.home + "/auth/signout")
		}},
		{"signedout", "recommended", "/auth/signout", func(p person) { p.Open(p.home + "/auth/signout") }},
		{"expired", "recommended", "/auth/signin", func(p person) { p.Open(p.home + "/auth/signin?reason=session_expired") }},
		{"help", "recommended", "/auth/help", func(p person) { p.Open(p.home + "/auth/help") }},
		{"notfound", "recommended", "/auth/nothing", func(p person) { p.Open(p.home + "/auth/nothing") }},
	} {
		t.Run("U35 U37 U39 "+page.name, func(t *testing.T) {
			t.Parallel()
			p := come(t, b, serveWorld(t, options{preset: page.preset}))
			page.open(p)
			p.shows(page.path)
			p.looksWell(axe, page.name)
		})
	}
}

// looksWell looks at the page that the person has come to, in all these ways.
func (p person) looksWell(axe, name string) {
	p.t.Helper()
	still := []string{"prefers-reduced-motion", "reduce"} // or axe sees colours on their way
	p.Prefer(still...)
	p.Accessible(axe)
	p.Screenshot(name)
	p.Prefer(append(still, "prefers-color-scheme", "dark")...)
	p.Accessible(axe)
	p.Screenshot(name + "-dark")
	p.Prefer(still...)
	p.Resize(320, 640)
	p.Fits()
	p.Screenshot(name + "-320")
	for _, l := range []struct{ tag, name string }{{"es", "Español"}, {"fr", "Français"}} {
		if !p.Has("a[hreflang=" + l.tag + "]") {
			continue // the host's own page
		}
		p.Follow(l.name)
		p.Fits()
		p.Screenshot(name + "-" + l.tag + "-320")
	}
}

// dialog goes as far as one of the dialogs of two-step set-up; 6 is the page with the recovery codes.
func dialog(n int) func(person) {
	return func(p person) {
		p.t.Helper()
		p.identify("vera@vault.example")
		p.password(demoPassword)
		phone := newPhone(p.t)
		for _, step := range []func(){
			func() { p.expectMail(); p.Follow("Continue") },
			func() { p.code(p.mailed("vera@vault.example")) },
			func() { p.Follow("Continue") },
			func() { phone.scan(p); p.Follow("Continue") },
			func() { p.code(phone.code()) },
		}[:n-1] {
			step()
		}
	}
}

// withApp signs somebody in who has an app.
func withApp(p person) {
	p.t.Helper()
	p.identify("vera@vault.example")
	p.password(demoPassword)
	phone := newPhone(p.t)
	p.setUp("vera@vault.example", phone, anywhere)
	p.Follow("I have saved the codes")
	p.code(phone.code())
}

// toApp goes as far as the app's code.
func toApp(p person) {
	p.t.Helper()
	withApp(p)
	p.signOut()
	p.toApp("vera@vault.example")
}

// account opens a page of my account.
func account(path string) func(person) {
	return func(p person) {
		p.t.Helper()
		p.signIn("ann@acme.example")
		p.Open(p.home + "/auth/account" + path)
	}
}

// toReport goes as far as reporting another device.
func toReport(p person) {
	p.t.Helper()
	p.other().signIn("ann@acme.example")
	account("/devices")(p)
	p.Follow("I don’t recognize this device")
}

// report reports another device.
func report(p person) {
	p.t.Helper()
	toReport(p)
	p.Follow("Report and sign out")
}
