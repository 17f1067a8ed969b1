// Package authtest helps to test a program that signs people in with package auth.
//
// [New] makes a World: a manager, its pages, a few stores in memory, a clock to move and an ear at every event. [World.Browser] is
// a browser in front of it, which keeps cookies, follows redirects, fills in forms and can be closed and opened again; with
// [NewBrowser] it stands in front of any handler or address. With Config.Mail there is a [Mailbox] for the letters, and a [Phone]
// is there for the codes of an authenticator app. With Config.SSO a [Company] can have a sign-in of its own, at a provider of package
// ssotest: [Company.Answer] goes where the browser is sent, and [Browser.Bring] brings what comes of it.
//
// It is for tests only: passwords cost nothing here. It runs no scripts and draws nothing.
package authtest
