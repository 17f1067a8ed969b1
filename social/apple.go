package social

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// AppleConfig is what Apple needs. All of it is in the developer account.
type AppleConfig struct {
	ClientID string        // of the Services ID. Required
	TeamID   string        // required
	KeyID    string        // of Key. Required
	Key      crypto.Signer // the private key for Sign in with Apple, ECDSA with P-256: see AppleKey. Required

	// AppIDs are those that notices may be for besides ClientID: the primary App ID of the group to which the Services ID belongs. None:
	// notices for an App ID are refused.
	AppIDs []string
}

// AppleKey reads a private key as Apple hands it out: AuthKey_….p8.
func AppleKey(p8 []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(p8)
	if block == nil {
		return nil, errors.New("social: Apple's key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("social: Apple's key is not PKCS #8") // the error of x509 may repeat some of it
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("social: Apple's key cannot sign")
	}
	return signer, nil
}

// appleAudience is who Apple's client secrets are for (Apple, "Creating a client secret").
const appleAudience = "https://appleid.apple.com"

// Apple is Sign in with Apple, on web pages.
//
// Its answers are posted by the browser, without our cookies: see Provider.Posts. It speaks for every address that it calls verified,
// those that forward (…@privaterelay.appleid.com) included. A name comes with the first answer only, and is what the person has typed.
// It says on its own account when somebody takes back the consent, or deletes the account: see Manager.Notice.
//
// It cannot be asked for a fresh sign-in.
func Apple(cfg AppleConfig) Provider {
	// Apple, "Incorporating Sign in with Apple into other platforms": response_mode must be form_post where a scope is asked for; the
	// scopes. "Creating a client secret": ES256 with kid, iss the team, sub the client, aud https://appleid.apple.com, at most six
	// months. "Authenticating users with Sign in with Apple": the claims of an identity token. The token address takes code_verifier
	// where code_challenge was sent (a-tokyo/apple-signin-auth issue 180).
	//
	// The issuer is https://appleid.apple.com by the documentation. Since 10 June 2025 Apple's document has been seen with
	// https://account.apple.com while tokens kept the other name (supabase/auth issue 2051, nextauthjs/next-auth issue 13050); Apple says
	// that appleid.apple.com is the one to use (Apple Developer Forums, thread 790821). They are one issuer with two names.
	return Provider{ID: "apple", Name: "Apple", OpenID: &OpenID{
		Issuer: "https://appleid.apple.com", Aliases: []string{"https://account.apple.com"},
		ClientID: cfg.ClientID, Scopes: []string{"name", "email"}, SecretInForm: true,
		ways: ways{
			post: true, notices: true, signs: true, skipHint: true, email: appleEmail, named: appleName, appIDs: cfg.AppIDs,
			secret: signedSecret{team: cfg.TeamID, keyID: cfg.KeyID, key: cfg.Key},
		},
	}}
}

// checkSecret tells what is wrong with what a secret is made of.
func (o OpenID) checkSecret() error {
	s := o.ways.secret
	switch {
	case s.team == "" || len(s.team) > 64:
		return errors.New("AppleConfig.TeamID is required")
	case s.keyID == "" || len(s.keyID) > 64:
		return errors.New("AppleConfig.KeyID is required")
	case s.key == nil:
		return errors.New("AppleConfig.Key is required")
	case o.signed().Check() != nil:
		return errors.New("AppleConfig.Key must be ECDSA with P-256")
	}
	return nil
}

// appleEmail follows Apple, "Authenticating users with Sign in with Apple": email_verified is a text or a boolean. No other provider's
// text counts.
func appleEmail(_ OpenID, c openid.Claims) (string, bool) {
	email := c.TokenText("email")
	return email, email != "" && (c.Flag("email_verified") || c.TokenText("email_verified") == "true")
}

// appleName takes the name out of the user field, which a browser brings and nobody has signed. Whatever else stands there, an address
// above all, is somebody's wish. It never refuses: a sign-in does not fail for want of a name.
func appleName(id *Identity, m Message) {
	var user struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if text := m.values().Get("user"); len(text) > maxUser || json.Unmarshal([]byte(text), &user) != nil {
		return
	}
	id.GivenName, id.FamilyName = user.Name.First, user.Name.Last
	id.Name = strings.TrimSpace(user.Name.First + " " + user.Name.Last)
}

const maxUser = 4 << 10 // bytes of Apple's user field
