package saml

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
)

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

const longestName = 1024 // bytes of a NameID; twice what a qualified one needs

// subject reads whom the assertion is about, and who may present it.
func (a *answer) subject() {
	s := only(a.assertion, nsAssertion, "Subject")
	if s == nil {
		a.fail(sso.Refusal{Code: sso.CodeSubject, Detail: "not one Subject"})
		return
	}
	a.holds(s, "NameID", "SubjectConfirmation")
	if el := only(s, nsAssertion, "NameID"); el == nil {
		a.fail(sso.Refusal{Code: sso.CodeSubject, Detail: "not one NameID"})
	} else if value, ok := text(el); !ok || strings.Trim(value, " \t\r\n") == "" || len(value) > longestName {
		a.fail(sso.Refusal{Code: sso.CodeSubject, Detail: "an empty NameID, or more than a text"})
	} else {
		a.name = nameID{Value: value, Format: attr(el, "Format"), NameQualifier: attr(el, "NameQualifier"), SPNameQualifier: attr(el, "SPNameQualifier")}
	}
	a.confirmation(children(s, nsAssertion, "SubjectConfirmation"))
}

// confirmation looks for a way to present the assertion that is ours: to whoever brings it, here, now, for this request. One is
// enough. Where there is none, the Report is about the first that is meant for bringing.
func (a *answer) confirmation(all []*etree.Element) {
	var meant []*etree.Element
	var methods []string
	for _, c := range all {
		if methods = append(methods, attr(c, "Method")); attr(c, "Method") == bearer {
			meant = append(meant, c)
		}
	}
	if len(meant) == 0 {
		a.fail(sso.Refusal{Code: sso.CodeConfirmation, Expected: bearer, Received: strings.Join(methods, " ")})
		return
	}
	var tried *answer
	for _, c := range meant {
		try := *a
		try.rep, try.first = &sso.Report{}, nil
		if try.bearer(c); tried == nil || try.first == nil {
			tried = &try
		}
		if try.first == nil {
			break
		}
	}
	a.rep.Checks = append(a.rep.Checks, tried.rep.Checks...)
	if a.first == nil {
		a.first = tried.first
	}
	a.verified.OnceEnds = latest(meant, a.verified.OnceEnds)
}

// latest is the last NotOnOrAfter of confirmations, with the skew.
func latest(confirmations []*etree.Element, ends time.Time) time.Time {
	for _, c := range confirmations {
		for _, data := range children(c, nsAssertion, "SubjectConfirmationData") {
			if until, ok := readTime(attr(data, "NotOnOrAfter")); ok && until.Add(skew).After(ends) {
				ends = until.Add(skew)
			}
		}
	}
	return ends
}

func (a *answer) bearer(c *etree.Element) {
	data := only(c, nsAssertion, "SubjectConfirmationData")
	if !a.holds(c, "SubjectConfirmationData") { // a NameID: somebody else may present it, whom we cannot know
		return
	}
	if data == nil {
		a.fail(sso.Refusal{Code: sso.CodeConfirmation, Detail: "no SubjectConfirmationData"})
		return
	}
	a.check(attr(data, "Recipient") == a.r.Addresses.ACS, sso.CodeRecipient, a.r.Addresses.ACS, attr(data, "Recipient"), "")
	if from := attrOrNil(data, "NotBefore"); from != nil {
		a.fail(sso.Refusal{Code: sso.CodeConfirmation, Received: *from, Detail: "NotBefore, which SAML forbids here"})
	}
	a.within(data, "of the confirmation")
	a.inResponseTo(attrOrNil(data, "InResponseTo"), "of the confirmation")
}

// statements reads when and how the person signed in there.
func (a *answer) statements() {
	id := &a.verified.Identity
	all := children(a.assertion, nsAssertion, "AuthnStatement")
	if len(all) == 0 {
		a.fail(sso.Refusal{Code: sso.CodeStatement, Detail: "no AuthnStatement"})
		return
	}
	for _, s := range all {
		a.holds(s, "SubjectLocality", "AuthnContext")
		written := attr(s, "AuthnInstant")
		at, ok := readTime(written)
		a.check(ok, sso.CodeStatement, "a time in UTC", written, "")
		if ok && at.After(a.r.Now.Add(skew)) { // it is the clock, and not the statement
			a.fail(sso.Refusal{
				Code: sso.CodeNotYet, Expected: stamp(a.r.Now), Received: written,
				Detail: fmt.Sprintf("the person signed in there %v from now", at.Sub(a.r.Now).Round(time.Second)),
			})
		}
		if at.After(id.AuthTime) {
			id.AuthTime = at
		}
		if ends := attrOrNil(s, "SessionNotOnOrAfter"); ends != nil {
			until, ok := readTime(*ends)
			if !ok {
				a.fail(sso.Refusal{Code: sso.CodeStatement, Received: *ends, Detail: "SessionNotOnOrAfter is no time in UTC"})
			} else if id.SessionEnds.IsZero() || until.Before(id.SessionEnds) {
				id.SessionEnds = until
			}
		}
		if id.Login.Index == "" {
			id.Login.Index = attr(s, "SessionIndex")
		}
		for _, c := range children(s, nsAssertion, "AuthnContext") {
			if class := only(c, nsAssertion, "AuthnContextClassRef"); class != nil {
				if name, ok := text(class); ok && name != "" && !slices.Contains(id.Contexts, name) {
					id.Contexts = append(id.Contexts, name)
				}
			}
		}
	}
	if a.r.Fresh && !a.r.MadeAt.IsZero() {
		from := a.r.MadeAt.Add(-skew)
		a.check(!id.AuthTime.Before(from), sso.CodeNotFresh, "after "+stamp(from), stamp(id.AuthTime), "")
	}
	if want := a.r.Connection.SAML.AuthnContext; want != "" {
		a.check(slices.Contains(id.Contexts, want), sso.CodeContext, want, strings.Join(id.Contexts, " "), "")
	}
}

// authnMethods is where Entra ID says how somebody signed in; its AuthnContextClassRef says nothing of a second step.
const authnMethods = "http://schemas.microsoft.com/claims/authnmethodsreferences"

// person reads who it is.
func (a *answer) person() {
	facts := a.attributes()
	id, names := &a.verified.Identity, a.r.Connection.Attributes
	const soap = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

	a.stableName(facts)
	a.email(facts, "email", "mail", "emailAddress", "emailaddress", "Email", "Mail", "EmailAddress", "E-Mail", "User.email", "user.email",
		soap+"emailaddress", "urn:oid:0.9.2342.19200300.100.1.3")
	id.Name = facts.first(names.Name, "name", "displayName", "displayname", "Name", "DisplayName", "fullName", "FullName",
		"http://schemas.microsoft.com/identity/claims/displayname", "urn:oid:2.16.840.1.113730.3.1.241", "urn:oid:2.5.4.3")
	id.GivenName = facts.first(names.GivenName, "givenName", "firstName", "givenname", "first_name", "GivenName", "FirstName", "User.FirstName",
		"user.firstName", soap+"givenname", "urn:oid:2.5.4.42")
	id.FamilyName = facts.first(names.FamilyName, "familyName", "lastName", "surname", "last_name", "sn", "FamilyName", "LastName", "Surname",
		"User.LastName", "user.lastName", soap+"surname", "urn:oid:2.5.4.4")
	id.Groups = facts.all(names.Groups, "groups", "Groups", "group", "Group", "memberOf", "MemberOf",
		"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "http://schemas.xmlsoap.org/claims/Group",
		"urn:oid:1.3.6.1.4.1.5923.1.5.1.1")
	for _, method := range facts[authnMethods] {
		if !slices.Contains(id.Contexts, method) {
			id.Contexts = append(id.Contexts, method)
		}
	}
	c := a.r.Connection
	believed := c.MultiFactor
	if len(believed) == 0 {
		believed = sso.DefaultMultiFactor()
	}
	id.MultiFactor = slices.ContainsFunc(id.Contexts, func(s string) bool { return slices.Contains(believed, s) })
	id.Connection, id.AccountID, id.At, id.Role = c.ID, c.AccountID, a.r.Now, c.RoleOf(id.Groups)
}

// stableName makes the subject: of the attribute that the connection names, or else of the NameID, which must then be one that stays.
// An attribute's name takes the place of the format. No format has a space in it, so neither can pass for the other.
func (a *answer) stableName(facts facts) {
	id, name := &a.verified.Identity, a.r.Connection.Attributes.Subject
	if a.name.Value == "" {
		return // refused already
	}
	token, err := json.Marshal(a.name)
	if err != nil {
		a.fail(sso.Refusal{Code: sso.CodeSubject, Detail: "a NameID that cannot be kept"})
		return
	}
	id.Login.Subject, id.Login.Token = subjectOf(a.name), token
	if name == "" {
		if !a.check(a.name.Format != formatTransient, sso.CodeSubject, "a NameID that stays, or Attributes.Subject", a.name.Format, "") {
			return
		}
		id.Subject = id.Login.Subject
		return
	}
	values := distinct(facts[name])
	if a.check(len(values) == 1 && len(values[0]) <= longestName, sso.CodeSubject, "one value of "+name, fmt.Sprintf("%d values", len(values)), "") {
		id.Subject = subjectOf(nameID{Format: "attribute " + name, Value: values[0]})
	}
}

// email takes the address of the attribute that the connection names, and of nothing else where it names one; or else the NameID, if
// it is an address; or else an attribute with one of the usual names. Several addresses are none: it is not ours to choose.
func (a *answer) email(facts facts, usual ...string) {
	id, where := &a.verified.Identity, a.r.Connection.Attributes.Email
	var values []string
	switch {
	case where != "":
		values = distinct(facts[where])
	case a.name.Format == formatEmail:
		where, values = "NameID", []string{strings.Trim(a.name.Value, " \t\r\n")}
	default:
		where = "NameID of the format emailAddress, or one of " + strings.Join(usual, ", ")
		for _, name := range usual {
			if values = distinct(facts[name]); len(values) > 0 {
				where = name
				break
			}
		}
	}
	if len(values) != 1 {
		a.fail(sso.Refusal{Code: sso.CodeEmailMissing, Expected: "one value of " + where, Received: facts.names(), Detail: fmt.Sprintf("%d values", len(values))})
		return
	}
	a.rep.Pass(sso.CodeEmailMissing, where)
	id.Email = values[0]
}

// facts are the attributes of an assertion by name, as they are written; without empty values.
type facts map[string][]string

func (a *answer) attributes() facts {
	found := facts{}
	for _, s := range children(a.assertion, nsAssertion, "AttributeStatement") {
		a.holds(s, "Attribute", "EncryptedAttribute")
		for _, el := range children(s, nsAssertion, "Attribute") {
			name := attr(el, "Name")
			for _, v := range children(el, nsAssertion, "AttributeValue") {
				if value, ok := text(v); ok && strings.Trim(value, " \t\r\n") != "" {
					found[name] = append(found[name], strings.Trim(value, " \t\r\n"))
				}
			}
		}
	}
	return found
}

// all are the values of the attribute that the connection names, or else of the first usual one that is there.
func (f facts) all(named string, usual ...string) []string {
	if named != "" {
		return distinct(f[named])
	}
	for _, name := range usual {
		if len(f[name]) > 0 {
			return distinct(f[name])
		}
	}
	return nil
}

func (f facts) first(named string, usual ...string) string {
	if values := f.all(named, usual...); len(values) > 0 {
		return values[0]
	}
	return ""
}

// names are those of the attributes that came, for a Report.
func (f facts) names() string {
	var all []string
	for name := range f {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// distinct leaves out what was there before, and keeps the order.
func distinct(values []string) []string {
	seen := make(map[string]bool, len(values))
	var out []string
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
