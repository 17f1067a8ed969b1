// Package sso signs the people of companies in by their company's own sign-in: SAML or OpenID Connect, any number of connections.
//
// Make a [Manager] with [New], from the connections of your companies and the protocols that they speak:
//
//	companies, err := sso.New(sso.Config{
//		BaseURL:     "https://app.example.com/auth/sso",
//		Keys:        keys,
//		Connections: sso.Fixed{{ID: "acme", Protocol: "oidc", …}},
//		Requests:    store.NewMemory(),
//		Protocols:   []sso.Protocol{oidc.New(oidc.Config{})},
//	})
//
// [Manager.Begin] says where a browser goes, [Manager.Receive] takes what it brings back, and [Answer.Identity] says who it is.
// With package auth, auth/web does that for you. Alone, a [Handler] does (examples/saml, examples/oidc).
//
// It makes no session and no account, and decides about nobody: an [Identity] says who somebody is at their company, and what
// follows is the caller's. It finds no connection for an address either: a host knows whose domain is whose (see auth.DomainRule).
package sso
