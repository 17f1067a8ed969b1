package social

import "github.com/sallyport-auth/sallyport/internal/openid"

// LinkedIn is LinkedIn. It never speaks for an address.
//
// It keeps to less of OpenID Connect than the others: its ID tokens have no nonce, and it takes PKCE from programs without a secret only. So
// nothing ties a code to the request that it was made for but state and the browser: whoever steals a code before it is used
// can bring it into a sign-in of his own. Codes travel over TLS to one address, are used at once, and count once.
func LinkedIn(clientID, secret string) Provider {
	// Microsoft, "Sign In with LinkedIn using OpenID Connect": the document below /oauth, scopes, and what an ID token says (email and
	// email_verified may be missing). "Authorization Code Flow": client_id and client_secret in the form. "Authenticating with OAuth 2.0
	// for Native Clients": PKCE is switched on for an application by LinkedIn, and then comes without a secret. No nonce comes back:
	// linkedin-developers/linkedin-api-js-client issue 34. The issuer has /oauth in it since August 2024 (openiddict-core pull request 2162).
	return Provider{ID: "linkedin", Name: "LinkedIn", OpenID: &OpenID{
		Issuer: "https://www.linkedin.com/oauth", ClientID: clientID, Secret: secret, SecretInForm: true,
		ways: ways{skipNonce: true, skipPKCE: true, skipHint: true, email: func(_ OpenID, c openid.Claims) (string, bool) { return c.Email, false }},
	}}
}
