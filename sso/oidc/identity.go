package oidc

import (
	"cmp"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/sso"
)

const maxGroups = 1000 // of a person

// identity is who the claims speak of. Whether the connection may speak for them is for package sso to judge.
func (p *Protocol) identity(c sso.Connection, claims openid.Claims, rep *sso.Report) (sso.Identity, error) {
	id := sso.Identity{
		Subject:    claims.Subject,
		Name:       claims.Text(cmp.Or(c.Attributes.Name, "name")),
		GivenName:  claims.Text(cmp.Or(c.Attributes.GivenName, "given_name")),
		FamilyName: claims.Text(cmp.Or(c.Attributes.FamilyName, "family_name")),
		Groups:     claims.Texts(cmp.Or(c.Attributes.Groups, "groups")),
		AuthTime:   claims.AuthTime,
		Login:      sso.Login{Index: claims.Session},
	}
	if len(id.Groups) > maxGroups {
		id.Groups = id.Groups[:maxGroups]
	}
	if claims.ACR != "" {
		id.Contexts = append(id.Contexts, claims.ACR)
	}
	id.Contexts = append(id.Contexts, claims.AMR...)
	if len(claims.Raw) <= openid.MaxHint {
		id.Login.Token = []byte(claims.Raw)
	}
	if name := c.Attributes.Subject; name != "" {
		if id.Subject = claims.TokenText(name); strings.TrimSpace(id.Subject) == "" {
			return id, rep.Fail(sso.Refusal{Code: sso.CodeSubject, Expected: name + ", a text in the ID token"})
		}
	}
	if name, ok := p.shared[c.OIDC.Issuer]; ok {
		if domain := claims.TokenText(name); !oneOf(domain, c) {
			return id, rep.Fail(sso.Refusal{Code: sso.CodeHostedDomain, Expected: strings.Join(c.Domains, ", "), Received: domain})
		}
		rep.Pass(sso.CodeHostedDomain, claims.TokenText(name))
	}
	var err error
	id.Email, err = email(c, claims, rep)
	return id, err
}

// email is the address, where it counts. Empty: there is none, which package sso will say.
func email(c sso.Connection, claims openid.Claims, rep *sso.Report) (string, error) {
	name := cmp.Or(c.Attributes.Email, "email")
	usual := name == "email"
	if usual && claims.EmailVerified {
		rep.Pass(sso.CodeEmailUnverified, claims.Email)
		return claims.Email, nil
	}
	address := claims.Text(name)
	if address == "" {
		return "", nil
	}
	// A provider that says nothing about any address may be trusted with those of its own domains. One that says no is believed.
	trusted := c.OIDC.AllowUnverifiedEmail && !c.AllowAnyDomain && claims.TokenText(name) != "" && !(usual && claims.Has("email_verified"))
	if !trusted {
		return "", rep.Fail(sso.Refusal{Code: sso.CodeEmailUnverified, Expected: "email_verified true", Received: address})
	}
	rep.Pass(sso.CodeEmailUnverified, address)
	return address, nil
}
