package social

import (
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

const (
	microsoft = "https://login.microsoftonline.com/"
	// consumers is the tenant of everybody's personal accounts (Microsoft, "ID token claims reference": tid).
	consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// Microsoft is Microsoft, for the tenants that are named by their ids, or for any work, school or personal account. Personal accounts
// are a tenant too: 9188040d-6c67-4c5b-b112-36a304b66dad.
//
// A person is known by tenant and subject, and belongs to a tenant by its id; what an address says does not count, because the
// administrators of a tenant write whatever they like there. It speaks for an address only where you have named the tenants, the account
// is of one of them other than that of personal accounts, and the token has xms_edov: that the domain of the address is one that the
// tenant has proved. Add that claim, and email, to the ID token of your registration ("Token configuration").
//
// It can be asked for a fresh sign-in once your registration has the optional claim auth_time: set OpenID.Fresh then.
func Microsoft(clientID, secret string, tenants ...string) Provider {
	o := &OpenID{
		ClientID: clientID, Secret: secret, SecretInForm: true, // Microsoft, "Microsoft identity platform and OAuth 2.0 authorization code flow"
		ways: ways{email: microsoftEmail, selects: true},
	}
	for _, t := range tenants {
		o.Tenants = append(o.Tenants, strings.ToLower(t))
	}
	// Microsoft, "OpenID Connect on the Microsoft identity platform": the documents of common and organizations have {tenantid} in their
	// issuer; that of a tenant, and of personal accounts, has its own.
	switch {
	case len(tenants) == 1:
		o.Issuer = microsoft + o.Tenants[0] + "/v2.0"
	case len(tenants) == 0 || slices.Contains(o.Tenants, consumers):
		o.Issuer, o.Document = microsoft+"{tenantid}/v2.0", microsoft+"common/v2.0"
	default:
		o.Issuer, o.Document = microsoft+"{tenantid}/v2.0", microsoft+"organizations/v2.0"
	}
	return Provider{ID: "microsoft", Name: "Microsoft", OpenID: o}
}

// microsoftEmail follows Microsoft, "Optional claims reference": xms_edov says that the owner of the address's domain is verified. It is
// documented as a boolean; tokens were seen with the texts "1" and "true", which count as well.
func microsoftEmail(o OpenID, c openid.Claims) (string, bool) {
	tid := c.TokenText("tid")
	edov := c.Flag("xms_edov") || slices.Contains([]string{"1", "true"}, c.TokenText("xms_edov"))
	return c.TokenText("email"), edov && tid != consumers && slices.Contains(o.Tenants, tid)
}
