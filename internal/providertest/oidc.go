package providertest

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

//go:embed oidc-provider/server.mjs
var oidcServer []byte

// OIDCConfig is what the OpenID provider is told.
type OIDCConfig struct {
	Clients          []OIDCClient
	People           []Person // nil: People()
	ClaimsAtUserInfo bool     // an ID token says nothing but sub; zero: it says all that the scopes ask for
}

// An OIDCClient is a program that an OpenID provider signs people in for. Every one must use PKCE.
type OIDCClient struct {
	ID           string
	Secret       string          // empty: none, as with private_key_jwt
	AuthMethod   string          // "client_secret_basic", "client_secret_post" or "private_key_jwt"; empty: basic
	JWKS         json.RawMessage // with private_key_jwt: the public keys, {"keys": […]}; empty: none
	SigningAlg   string          // with private_key_jwt: what its assertions must be signed with; empty: anything that a key allows
	RedirectURIs []string
	SignedOut    []string // where people may be sent after they have signed out; none: nowhere
	BackChannel  string   // where it is told that somebody has signed out; empty: it is not told
}

// An OIDCProvider is an oidc-provider that runs.
type OIDCProvider struct {
	Issuer string // plain http, and no slash at its end
}

// StartOIDC starts oidc-provider.
func StartOIDC(t testing.TB, config OIDCConfig) *OIDCProvider {
	t.Helper()
	modules, node := installedOIDC(t)
	settings := struct {
		Clients          []map[string]any `json:"clients"`
		People           []map[string]any `json:"people"`
		ClaimsAtUserInfo bool             `json:"claimsAtUserInfo"`
	}{ClaimsAtUserInfo: config.ClaimsAtUserInfo}
	for _, c := range config.Clients {
		settings.Clients = append(settings.Clients, c.metadata())
	}
	for _, who := range orPeople(config.People) {
		settings.People = append(settings.People, map[string]any{
			"sub": who.ID, "login": who.Login, "password": who.Password, "claims": map[string]any{
				"sub": who.ID, "email": who.Email, "email_verified": true, "name": who.GivenName + " " + who.FamilyName,
				"given_name": who.GivenName, "family_name": who.FamilyName, "groups": who.Groups,
			},
		})
	}
	doc, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	server, told := filepath.Join(folder, "server.mjs"), filepath.Join(folder, "settings.json")
	for path, content := range map[string][]byte{server: oidcServer, told: doc} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	process, err := start(exec.Command(node, server, modules, told), true)
	if err != nil {
		t.Fatalf("providertest: starting oidc-provider: %v", err)
	}
	process.stopAfter(t, "oidc-provider")
	return &OIDCProvider{Issuer: process.first}
}

// installedOIDC finds oidc-provider, and a Node that can run it. Where there is none the test ends.
func installedOIDC(t testing.TB) (folder, node string) {
	t.Helper()
	const how = "install the npm packages oidc-provider@9 and, where there is no Node 22, node@22 in a folder, and name it in " +
		"SALLYPORT_OIDC_PROVIDER (CI=true bash .ci/run sees to both)"
	folder = os.Getenv("SALLYPORT_OIDC_PROVIDER")
	if folder == "" {
		missing(t, "there is no oidc-provider: "+how)
	}
	folder, err := filepath.Abs(folder)
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules", "oidc-provider", "package.json"))
	}
	if err != nil {
		missing(t, "there is no oidc-provider where SALLYPORT_OIDC_PROVIDER says: "+how+": "+err.Error())
	}
	for _, name := range []string{filepath.Join(folder, "node_modules", ".bin", "node"), "node"} {
		if node, err = exec.LookPath(name); err == nil && nodeVersion(node) >= 22 {
			return folder, node
		}
	}
	missing(t, "there is no Node 22: "+how)
	return "", ""
}

// nodeVersion is the first number of a Node's version; zero: it does not say.
func nodeVersion(node string) int {
	said, err := exec.Command(node, "--version").Output()
	if err != nil {
		return 0
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(said), "v"), ".")
	n, _ := strconv.Atoi(major)
	return n
}

// metadata is the client as the registry of OpenID names its parts.
func (c OIDCClient) metadata() map[string]any {
	m := map[string]any{
		"client_id":                  c.ID,
		"token_endpoint_auth_method": cmp.Or(c.AuthMethod, "client_secret_basic"),
		"redirect_uris":              c.RedirectURIs,
		"response_types":             []string{"code"},
		"grant_types":                []string{"authorization_code"},
	}
	if c.Secret != "" {
		m["client_secret"] = c.Secret
	}
	if len(c.JWKS) > 0 {
		m["jwks"] = c.JWKS
	}
	if c.SigningAlg != "" {
		m["token_endpoint_auth_signing_alg"] = c.SigningAlg
	}
	if len(c.SignedOut) > 0 {
		m["post_logout_redirect_uris"] = c.SignedOut
	}
	if c.BackChannel != "" {
		m["backchannel_logout_uri"], m["backchannel_logout_session_required"] = c.BackChannel, true
	}
	return m
}

// SignIn types somebody's name and password into the page that asks for them, and goes on from there.
func (p *OIDCProvider) SignIn(b *Browser, at *Page, who Person) *Page {
	b.t.Helper()
	if !strings.HasPrefix(at.URL.String(), p.Issuer+"/") {
		b.t.Fatalf("providertest: %s is not a page of the provider at %s", at, p.Issuer)
	}
	return b.Submit(at, at.Form("password"), map[string]string{"login": who.Login, "password": who.Password})
}

// SignOut is the address at which somebody signs out at the provider, which then tells every program where they are signed in. It
// shows a page that asks whether they mean it: go on with ConfirmSignOut.
func (p *OIDCProvider) SignOut() string { return p.Issuer + "/session/end" }

// ConfirmSignOut says yes where the provider asks whether somebody wants to sign out, and goes on from there.
func (p *OIDCProvider) ConfirmSignOut(b *Browser, at *Page) *Page {
	b.t.Helper()
	return b.Submit(at, at.Form("logout"), nil)
}
