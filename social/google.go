package social

import (
	"strings"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// Google is Google, for everybody's accounts and those of Google Workspace.
//
// It speaks for addresses that it hosts: those of Gmail, and those of accounts that belong to a Workspace. Of others it says that they
// were verified once, which says nothing about whose they are today.
//
// It cannot be asked for a fresh sign-in.
func Google(clientID, secret string) Provider {
	// Google, "OpenID Connect API Reference": the issuer; prompt is none, consent or select_account. auth_time comes only where a
	// published and verified project has switched it on ("Security bundle").
	return Provider{ID: "google", Name: "Google", OpenID: &OpenID{
		Issuer: "https://accounts.google.com", ClientID: clientID, Secret: secret, ways: ways{email: googleEmail, selects: true},
	}}
}

// googleEmail follows Google, "Verify the Google ID token on your server side": Google is authoritative where the address ends in @gmail.com,
// and where email_verified is true and hd is set. googlemail.com is Gmail under its name in some countries. We ask for email_verified in
// each case, and believe the boolean only.
func googleEmail(_ OpenID, c openid.Claims) (string, bool) {
	hosted := c.TokenText("hd") != ""
	if _, domain, ok := strings.Cut(c.Email, "@"); ok && !hosted {
		domain = strings.ToLower(domain)
		hosted = domain == "gmail.com" || domain == "googlemail.com"
	}
	return c.Email, c.EmailVerified && hosted
}
