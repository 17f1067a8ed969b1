// Package openid is the one OpenID Connect relying party: for the sign-in of companies (sso/oidc) and of providers that everybody
// knows (social). It is the only importer of go-oidc and x/oauth2.
//
// Make a [Client] with [New]. [Client.Begin] makes the address that a browser goes to, [ParseCallback] reads what it brings back, and
// [Client.Finish] turns the code into verified [Claims]. [Client.LogoutURL] and [Client.VerifyLogout] end sessions, there and here.
//
// It speaks the code flow with PKCE and a nonce, and nothing else. go-oidc discovers providers and verifies signatures; what the
// claims must say is checked here, rule by rule, and go-oidc's own opinion is asked as well: both must accept. A token is read once,
// strictly: no member twice, no number where a text belongs.
//
// It keeps providers' documents and keys for an hour, and nothing about anybody. The state of a flow, that it counts once, and that it
// belongs to a browser are the caller's business.
package openid
