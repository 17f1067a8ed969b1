package socialtest

import (
	"strings"
)

// A Personality is whose behaviour a provider has.
type Personality int

// The personalities.
const (
	Plain     Personality = iota // any OpenID issuer, by the book
	Google                       // OpenID Connect; hd for people of a Workspace
	Microsoft                    // OpenID Connect; many tenants with one set of keys, addresses that nobody checked
	Apple                        // OpenID Connect; posts its answers, wants a signed client secret, hides addresses
	LinkedIn                     // OpenID Connect; no nonce, and no PKCE
	Facebook                     // OAuth 2.0 and the Graph API; no ID token
	LastPass                     // OpenID Connect, by the book
)

// Personalities are all of them.
func Personalities() []Personality {
	return []Personality{Plain, Google, Microsoft, Apple, LinkedIn, Facebook, LastPass}
}

// String is the name in small letters.
func (k Personality) String() string {
	if k < 0 || int(k) >= len(traits()) {
		return "unknown"
	}
	return strings.ToLower(k.trait().name)
}

// OpenID tells whether it speaks OpenID Connect.
func (k Personality) OpenID() bool { return k != Facebook }

// A trait is what is the same in every provider of one personality. Paths are the real ones, so that an address of the real provider
// differs from one of ours in what stands in front.
type trait struct {
	name      string
	hosts     []string // of the real provider
	issuer    string   // path of it; for Microsoft that of what products are set up with
	authorize string
	token     string
	keys      string
	userinfo  string // empty: none
	basic     bool   // takes client_secret_basic too; all take client_secret_post
	cancel    string // the error when somebody cancels
	brand     string // the colour of its pages, on white
}

// traits are in the order of the constants. Sources: the discovery documents in social/testdata, and for the errors of a cancel the pages
// «Incorporating Sign in with Apple into other platforms», «LinkedIn: Authorization Code Flow», «Manually Build a Login Flow».
func traits() []trait {
	return []trait{
		{name: "Plain", issuer: "/oidc", authorize: "/oidc/authorize", token: "/oidc/token", keys: "/oidc/jwks", userinfo: "/oidc/userinfo", basic: true, cancel: "access_denied", brand: "#3b4a5a"},
		{
			name: "Google", hosts: []string{"accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com", "openidconnect.googleapis.com"},
			authorize: "/o/oauth2/v2/auth", token: "/token", keys: "/oauth2/v3/certs", userinfo: "/v1/userinfo", basic: true, cancel: "access_denied", brand: "#0b57d0",
		},
		{
			name: "Microsoft", hosts: []string{"login.microsoftonline.com", "graph.microsoft.com"},
			issuer: "/common/v2.0", authorize: "/{tenant}/oauth2/v2.0/authorize", token: "/{tenant}/oauth2/v2.0/token", keys: "/{tenant}/discovery/v2.0/keys",
			userinfo: "/oidc/userinfo", basic: true, cancel: "access_denied", brand: "#0067b8",
		},
		{
			name: "Apple", hosts: []string{"appleid.apple.com", "account.apple.com"},
			authorize: "/auth/authorize", token: "/auth/token", keys: "/auth/keys", cancel: "user_cancelled_authorize", brand: "#1d1d1f",
		},
		{
			name: "LinkedIn", hosts: []string{"www.linkedin.com", "api.linkedin.com"},
			issuer: "/oauth", authorize: "/oauth/v2/authorization", token: "/oauth/v2/accessToken", keys: "/oauth/openid/jwks", userinfo: "/v2/userinfo",
			cancel: "user_cancelled_authorize", brand: "#0a66c2",
		},
		{
			name: "Facebook", hosts: []string{"www.facebook.com", "graph.facebook.com"},
			authorize: "/dialog/oauth", token: "/oauth/access_token", cancel: "access_denied", brand: "#0866ff",
		},
		{name: "LastPass", issuer: "/oidc", authorize: "/oidc/authorize", token: "/oidc/token", keys: "/oidc/jwks", userinfo: "/oidc/userinfo", basic: true, cancel: "access_denied", brand: "#b3131e"},
	}
}

func (k Personality) trait() trait { return traits()[k] }
