// Package sallyport is the root of the module and holds no code: it is a map.
//
// A program that wants the whole sign-in of a business product starts with auth.New and gives the result to auth/web.
// A program that wants one part imports that part alone.
//
//	auth              signs people in: the flow, the decision, the session at its end
//	auth/password     hashes passwords, checks them, judges new ones
//	auth/directory    people and the companies they belong to; a host with its own table of users does without it
//	auth/locale       the words, in English, Spanish and French
//	auth/mail         letters in those languages, and an outbox that loses none
//	auth/mail/smtp    sends them
//	auth/web          the sign-in over HTTP: the same steps as pages and as JSON
//	auth/authtest     a browser, a mailbox, a phone and a movable clock, for tests of hosts
//	mfa               authenticator apps, mailed codes, recovery codes; usable alone
//	session           keeps people signed in; usable alone
//	sso               the sign-ins of companies; usable alone, with sso/saml and sso/oidc
//	social            accounts at Google, Microsoft, Apple, LinkedIn, LastPass, any OpenID issuer; usable alone
//	social/gothprovider  Facebook, and other providers of goth's
//	store             everything kept in memory, and the map of the storage contracts
//	store/sqlstore    the same in SQLite or PostgreSQL; links no driver
//	store/storetest   the tests that a host's own store must pass
//	examples          programs to run and to copy from; start with examples/complete
//
// Packages of the module import each other downwards only; arrows_test.go lists every arrow with its reason.
package sallyport
