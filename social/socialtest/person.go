package socialtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

// PersonalTenant is the tenant of Microsoft accounts that belong to no organization. Source: Microsoft, «ID token claims reference», iss.
const PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// A Person has an account at the provider.
type Person struct {
	Email      string // may be empty where Subject is not
	Name       string // empty: GivenName and FamilyName
	GivenName  string
	FamilyName string
	Picture    string // address of one; empty: none
	Subject    string // the id that never changes; empty: made of Email, as long as the provider's are, and other for each product where the provider's are
	Unverified bool   // the provider has not confirmed Email, and says so where it says anything

	HostedDomain string // Google: hd; empty: no Workspace
	Tenant       string // Microsoft: a UUID; empty: PersonalTenant
	Username     string // Microsoft: preferred_username; empty: Email
	DomainOwner  bool   // Microsoft: xms_edov says that the owner of the domain stands for Email; false: the claim is not there
	HidesEmail   bool   // Apple: the product gets an address that forwards
}

// key names somebody at one provider.
func (w Person) key() string    { return cmp.Or(strings.ToLower(strings.TrimSpace(w.Email)), w.Subject) }
func (w Person) tenant() string { return cmp.Or(w.Tenant, PersonalTenant) }
func (w Person) name() string {
	return cmp.Or(w.Name, strings.TrimSpace(w.GivenName+" "+w.FamilyName))
}

// givenFamily are the parts of a name. Somebody who has only a whole one has a first word in it.
func (w Person) givenFamily() (given, family string) {
	if w.GivenName != "" || w.FamilyName != "" {
		return w.GivenName, w.FamilyName
	}
	given, family, _ = strings.Cut(w.Name, " ")
	return given, strings.TrimSpace(family)
}

// Subject is the id of somebody as a product gets it: sub, or id in the Graph API. Microsoft, LinkedIn and Facebook give each product
// another one, Apple each developer team.
func (p *Provider) Subject(clientID string, who Person) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, _ := p.clientLocked(clientID)
	client.ID = clientID
	return p.subject(client, who)
}

func (p *Provider) subject(c Client, who Person) string {
	if who.Subject != "" {
		return who.Subject
	}
	switch p.cfg.Personality {
	case Google:
		return "1" + digits(who.key(), 20)
	case Microsoft:
		sum := sha256.Sum256([]byte("sub " + c.ID + " " + who.tenant() + " " + who.key()))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	case Apple:
		return "00" + digits(c.TeamID, 4) + "." + digest(c.TeamID + " " + who.key())[:32] + "." + digits(who.key(), 4)
	case LinkedIn:
		sum := sha256.Sum256([]byte(c.ID + " " + who.key()))
		return base64.RawURLEncoding.EncodeToString(sum[:])[:10]
	case Facebook:
		return "1" + digits(c.ID+" "+who.key(), 16)
	}
	return "sub-" + digest(who.key())[:16]
}

// objectID is Microsoft's oid: the same for every product of a tenant. Personal accounts have one that begins with zeros.
func objectID(who Person) string {
	d := digest("oid " + who.tenant() + " " + who.key())
	if who.tenant() == PersonalTenant {
		return fmt.Sprintf("00000000-0000-0000-%s-%s", d[:4], d[4:16])
	}
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", d[:8], d[8:12], d[12:15], d[15:18], d[18:30])
}

// relayAddress is an address of Apple's that forwards to somebody: another one for each developer team.
func relayAddress(c Client, who Person) string {
	return digest("relay " + c.TeamID + " " + who.key())[:10] + "@privaterelay.appleid.com"
}

// email is the address that a product gets.
func (p *Provider) email(c Client, who Person) string {
	if p.cfg.Personality == Apple && who.HidesEmail && who.Email != "" {
		return relayAddress(c, who)
	}
	return who.Email
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// digits are n decimal digits that follow from a text.
func digits(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	text := new(big.Int).SetBytes(sum[:]).String()
	return text[len(text)-n:]
}
