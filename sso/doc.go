// Package sso signs the people of companies in by their company's own sign-in: SAML or OpenID Connect, any number of connections.
//
// Make a [Manager] with [New], from the connections of your companies and the protocols that they speak:
//
//	speaker, err := oidc.New(oidc.Config{})
//	companies, err := sso.New(sso.Config{
//		BaseURL:     "https://app.example.com/auth/sso",
//		Keys:        keys,
//		Connections: sso.Fixed{{ID: "acme", Protocol: "oidc", …}},
//		Requests:    sso.NewMemory(),
//		Protocols:   []sso.Protocol{speaker},
//	})
//
// [Manager.Begin] says where a browser goes, [Manager.Receive] takes what it brings back, and [Answer.Identity] says who it is.
// With package auth, auth/web does that for you. Alone, a [Handler] does (examples/saml, examples/oidc).
//
// A [Registry] keeps the connections that companies make themselves, and reads their providers' metadata daily. What was refused and
// why is a [Code]; [Explain] says it to an administrator, and a test of a connection (Opening.Test) reports every check
// ([Answer.DryRun]). [Manager.Remember], [Manager.SignOut] and [Manager.Logout] end sessions here and there together.
//
// It makes no session and no account, and decides about nobody: an [Identity] says who somebody is at their company, and what
// follows is the caller's. It finds no connection for an address either: a host knows whose domain is whose (see auth.DomainRule).
package sso
