package socialtest

import (
	"regexp"
	"slices"
)

// uuid is what a tenant is called by; names of domains, which work too, are not played here.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// tenantLike tells whether addresses may have that tenant: any UUID is one.
func tenantLike(tenant string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, tenant) || uuid.MatchString(tenant)
}

// tenantIssuer is the issuer in the document of a tenant. Those that stand for several have a placeholder in it, word for word. Source:
// Microsoft, «OpenID Connect on the Microsoft identity platform», and social/testdata.
func tenantIssuer(base, tenant string) string {
	switch tenant {
	case "", "common", "organizations":
		tenant = "{tenantid}"
	case "consumers":
		tenant = PersonalTenant
	}
	return base + "/" + tenant + "/v2.0"
}

// microsoftClaims are what only Microsoft says. Source: «ID token claims reference», «Optional claims reference».
func (p *Provider) microsoftClaims(c Claims, g grant) {
	c.SetString("ver", "2.0")
	c.time("nbf", p.now())
	c.SetString("tid", g.who.tenant())
	c.SetString("aio", random())
	c.SetString("uti", random()[:22])
	c.SetString("rh", "0."+random()+".")
	c.SetString("sid", objectID(Person{Email: random()}))
	if slices.Contains(g.scopes, "profile") {
		c.SetString("oid", objectID(g.who))
		username := g.who.Username
		if username == "" {
			username = g.who.Email
		}
		c.some("preferred_username", username)
	}
	if g.who.DomainOwner && c["email"] != nil {
		c.set("xms_edov", true)
	}
}
