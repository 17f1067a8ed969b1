// Package social lets people sign in with accounts that they have elsewhere: Google, Microsoft, Apple, LinkedIn, LastPass, any OpenID
// issuer, and with package gothprovider those that do not speak OpenID Connect.
//
// Make a [Manager] with [New], from providers that are values:
//
//	providers, err := social.New(social.Config{
//		BaseURL:   "https://app.example.com/auth/social",
//		Keys:      keys,
//		Providers: []social.Provider{social.Google(id, secret), social.Microsoft(id, secret, tenant)},
//		Requests:  social.NewMemory(),
//	})
//
// Each provider has to know the address of its [Manager.Callback]. [Manager.Begin] says where a browser goes, [Manager.Receive] takes what
// it brings back, and [Answer.Identity] says who it is. With package auth, auth/web does that for you; alone, see examples/social.
//
// Somebody is who an ID token says, by issuer and subject: by the code flow with PKCE and a nonce, each rule checked. What a provider
// does differently is written at the function that makes it. An address is a claim, unless [Identity].Authoritative says that the
// provider speaks for it. No token is kept, and none is asked for that would outlive the sign-in.
//
// It makes no session and no account, links nobody to anything, and decides about nobody. It does not know which browser has asked: put
// into [Opening].State what you find again in a cookie, and compare.
package social
