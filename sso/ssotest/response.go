package ssotest

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Names of SAML that answers hold.
const (
	Success      = "urn:oasis:names:tc:SAML:2.0:status:Success"
	Requester    = "urn:oasis:names:tc:SAML:2.0:status:Requester"
	Responder    = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	AuthnFailed  = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
	NoPassive    = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
	NoContext    = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
	Bearer       = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	HolderMethod = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
	SenderMethod = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"

	FormatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	FormatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	FormatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	FormatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

	PasswordContext    = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	MultiFactorContext = "https://refeds.org/profile/mfa"

	formatBasic = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	formatURI   = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
)

// A Response is everything that a SAML answer says. A field that is empty, zero or nil is left out of the XML.
type Response struct {
	ID           string
	Version      string
	IssueInstant time.Time
	Destination  string
	InResponseTo string
	Issuer       string
	Status       []string // codes, the outermost first
	Message      string   // what people may read about the status
	Assertion    *Assertion

	Sign    bool              // the Response
	Encrypt Encryption        // the Assertion
	To      *x509.Certificate // for whom it is encrypted
}

// An Assertion is what an answer says about a person.
type Assertion struct {
	ID            string
	Version       string
	IssueInstant  time.Time
	Issuer        string
	NoSubject     bool
	NameID        *NameID
	Confirmations []Confirmation
	Conditions    *Conditions
	Statements    []Statement
	Attributes    []Attribute

	Unsigned bool
}

// A NameID names a person.
type NameID struct{ Value, Format, NameQualifier, SPNameQualifier, SPProvidedID string }

// A Confirmation says who may present an Assertion, where and until when.
type Confirmation struct {
	Method       string
	NoData       bool
	Recipient    string
	InResponseTo string
	NotBefore    time.Time
	NotOnOrAfter time.Time
	Address      string
}

// Conditions bound an Assertion.
type Conditions struct {
	NotBefore    time.Time
	NotOnOrAfter time.Time
	Audiences    [][]string // each an AudienceRestriction, with its Audiences
	OneTimeUse   bool
	Extra        string // one more element, as XML; it may lean on the prefixes saml and xsi
}

// A Statement says when and how a person signed in at the provider.
type Statement struct {
	Instant             time.Time
	SessionIndex        string
	SessionNotOnOrAfter time.Time
	Context             string // AuthnContextClassRef
}

// An Attribute is a fact about a person. A nil Values is an Attribute without AttributeValue.
type Attribute struct {
	Name, NameFormat, FriendlyName string
	Values                         []string
}

// AttributeStyle is what a provider calls attributes.
type AttributeStyle int

// Styles of attributes.
const (
	PlainAttributes AttributeStyle = iota // email, name, givenName, familyName, groups
	OktaAttributes                        // email, displayName, firstName, lastName, groups; their format unspecified
	EntraAttributes                       // claims under schemas.xmlsoap.org and schemas.microsoft.com, the object id among them
	ADFSAttributes                        // claims under schemas.xmlsoap.org, groups as roles
	LDAPAttributes                        // object identifiers, with friendly names
	NoAttributes
)

// names are those of address, full name, given name, family name and groups.
func (s AttributeStyle) names() [5]string {
	const soap = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	const microsoft = "http://schemas.microsoft.com/"
	switch s {
	case OktaAttributes:
		return [5]string{"email", "displayName", "firstName", "lastName", "groups"}
	case EntraAttributes:
		return [5]string{soap + "emailaddress", microsoft + "identity/claims/displayname", soap + "givenname", soap + "surname",
			microsoft + "ws/2008/06/identity/claims/groups"}
	case ADFSAttributes:
		return [5]string{soap + "emailaddress", soap + "name", soap + "givenname", soap + "surname",
			microsoft + "ws/2008/06/identity/claims/role"}
	case LDAPAttributes:
		return [5]string{"urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:2.16.840.1.113730.3.1.241", "urn:oid:2.5.4.42",
			"urn:oid:2.5.4.4", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1"}
	}
	return [5]string{"email", "name", "givenName", "familyName", "groups"}
}

// attributes are the facts about a person in a style.
func (s AttributeStyle) attributes(who Person) []Attribute {
	if s == NoAttributes {
		return nil
	}
	names := s.names()
	values := [5][]string{{who.Email}, {who.name()}, {who.GivenName}, {who.FamilyName}, who.Groups}
	friendly := [5]string{"mail", "displayName", "givenName", "sn", "isMemberOf"}
	var all []Attribute
	for i, name := range names {
		if len(values[i]) == 0 || i < 4 && values[i][0] == "" {
			continue
		}
		a := Attribute{Name: name, NameFormat: formatBasic, Values: values[i]}
		switch s {
		case OktaAttributes:
			a.NameFormat = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
		case EntraAttributes:
			a.NameFormat = ""
		case LDAPAttributes:
			a.NameFormat, a.FriendlyName = formatURI, friendly[i]
		}
		all = append(all, a)
	}
	if s == EntraAttributes {
		const microsoft = "http://schemas.microsoft.com/identity/claims/"
		all = append(all, Attribute{Name: microsoft + "tenantid", Values: []string{"3f0c0a52-0000-4000-8000-000000000001"}},
			Attribute{Name: microsoft + "objectidentifier", Values: []string{who.subject()}})
	}
	return all
}

// Honest is the answer that the provider would give about a person. The ID of the request is empty for an answer that nobody
// asked for. It is not signed yet: change it and give it to Respond.
func (p *Provider) Honest(sp SP, inResponseTo string, who Person) Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.honestLocked(p.settings, sp, inResponseTo, who, p.now())
}

func (p *Provider) honestLocked(set Settings, sp SP, inResponseTo string, who Person, since time.Time) Response {
	now := p.now()
	name := &NameID{Value: who.Email, Format: cmp.Or(set.NameIDFormat, FormatEmail)}
	switch name.Format {
	case FormatPersistent:
		name.Value, name.NameQualifier, name.SPNameQualifier = who.subject(), p.cfg.EntityID, sp.EntityID
	case FormatTransient:
		name.Value = "_" + random()
	}
	context := PasswordContext
	if who.MultiFactor {
		context = MultiFactorContext
	}
	return Response{
		ID: "_" + random(), Version: "2.0", IssueInstant: now, Destination: sp.ACS, InResponseTo: inResponseTo,
		Issuer: p.cfg.EntityID, Status: []string{Success},
		Assertion: &Assertion{
			ID: "_" + random(), Version: "2.0", IssueInstant: now, Issuer: p.cfg.EntityID, NameID: name,
			Confirmations: []Confirmation{{
				Method: Bearer, Recipient: sp.ACS, InResponseTo: inResponseTo, NotOnOrAfter: now.Add(5 * time.Minute),
			}},
			Conditions: &Conditions{
				NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute), Audiences: [][]string{{sp.EntityID}},
			},
			Statements: []Statement{{
				Instant: since, SessionIndex: "_" + random(), SessionNotOnOrAfter: now.Add(8 * time.Hour), Context: context,
			}},
			Attributes: set.Attributes.attributes(who), Unsigned: set.UnsignedAssertion,
		},
		Sign: set.SignResponse, Encrypt: set.Encryption, To: sp.EncryptionCert,
	}
}

// Respond makes a SAMLResponse as it is posted, in base64, with these attacks on it.
func (p *Provider) Respond(r Response, attacks ...Attack) string {
	return base64.StdEncoding.EncodeToString(p.RespondXML(r, attacks...))
}

// RespondXML is Respond before base64.
func (p *Provider) RespondXML(r Response, attacks ...Attack) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	who := Person{}
	if r.Assertion != nil && r.Assertion.NameID != nil {
		who.Email = r.Assertion.NameID.Value
	}
	return p.answerLocked(r, p.victimLocked(who), attackRows(attacks))
}

// A message is an answer in the making, for attacks to change.
type message struct {
	p      *Provider
	r      Response
	victim string
	root   *etree.Element // the Response
	sig    signature      // how the next signature is made
}

// answerLocked makes the text of an answer: fields, elements, signatures, encryption, text, each with its attacks.
func (p *Provider) answerLocked(r Response, victim string, attacks []attack) []byte {
	if r.Assertion == nil && len(attacks) > 0 {
		panic("ssotest: an attack needs an answer with an Assertion")
	}
	if r.Assertion != nil { // attacks change a copy
		a := *r.Assertion
		r.Assertion = &a
	}
	m := &message{p: p, r: r, victim: victim}
	for _, a := range attacks {
		if a.fields != nil {
			a.fields(m, &m.r)
		}
	}
	m.root = writeResponse(m.r)
	for _, a := range attacks {
		if a.before != nil {
			a.before(m)
		}
	}
	signedWith := func(el *etree.Element) {
		m.sig = p.signatureLocked(el)
		for _, a := range attacks {
			if a.sign != nil {
				a.sign(m, el)
			}
		}
		m.sig.sign(el, afterIssuer(el))
	}
	assertion := m.assertion()
	if m.r.To == nil && slices.ContainsFunc(attacks, func(a attack) bool { return a.sealed != nil || a.sealing != nil }) {
		panic("ssotest: an attack on encryption needs SP.EncryptionCert")
	}
	if assertion != nil && !m.r.Assertion.Unsigned {
		signedWith(assertion)
	}
	if assertion != nil && m.r.Encrypt.Content != "" && m.r.To != nil {
		text := elementText(assertion)
		for _, a := range attacks {
			if a.sealed != nil {
				text = a.sealed(m, text)
			}
		}
		m.replaceAssertion(m.seal(text))
		if m.r.Encrypt.OuterPrefix {
			m.root.CreateAttr("xmlns:saml", nsSAML)
		}
		for _, a := range attacks {
			if a.sealing != nil {
				m.replaceAssertion(a.sealing(m, text))
			}
		}
	}
	if m.r.Sign {
		signedWith(m.root)
	}
	for _, a := range attacks {
		if a.after != nil {
			a.after(m)
		}
	}
	text := elementText(m.root)
	for _, a := range attacks {
		if a.text != nil {
			text = a.text(m, text)
		}
	}
	return []byte(text)
}

// seal encrypts the text of an Assertion as the answer wants it.
func (m *message) seal(text string) *etree.Element {
	if m.r.Encrypt.OuterPrefix {
		text = strings.Replace(text, ` xmlns:saml="`+nsSAML+`"`, "", 1)
	}
	return encrypt(m.r.Encrypt, m.r.To, []byte(text))
}

// replaceAssertion puts an element where the Assertion is, encrypted or not.
func (m *message) replaceAssertion(by *etree.Element) {
	old := m.assertion()
	if old == nil {
		old = m.root.SelectElement("EncryptedAssertion")
	}
	at := old.Index()
	m.root.RemoveChildAt(at)
	m.root.InsertChildAt(at, by)
}

// assertion is the Assertion of the answer, where it is in the clear.
func (m *message) assertion() *etree.Element { return m.root.SelectElement("Assertion") }

// signatureLocked is how the provider signs an element.
func (p *Provider) signatureLocked(el *etree.Element) signature {
	method := cmp.Or(p.settings.SignatureMethod, RSASHA256)
	k := p.samlKeyLocked()
	return signature{
		key: k, method: method, digest: digestOf(method),
		references: []reference{{uri: "#" + el.SelectAttrValue("ID", ""), covers: el, transforms: []string{enveloped, exclusive}}},
	}
}

// afterIssuer is where the schema wants the Signature.
func afterIssuer(el *etree.Element) int {
	if issuer := el.SelectElement("Issuer"); issuer != nil {
		return issuer.Index() + 1
	}
	return 0
}

func elementText(el *etree.Element) string {
	var b strings.Builder
	doc := etree.NewDocumentWithRoot(el.Copy())
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	if _, err := doc.WriteTo(&b); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return b.String()
}

func writeResponse(r Response) *etree.Element {
	root := etree.NewElement("samlp:Response")
	root.CreateAttr("xmlns:samlp", nsProtocol)
	attr(root, "ID", r.ID)
	attr(root, "Version", r.Version)
	instant(root, "IssueInstant", r.IssueInstant)
	attr(root, "Destination", r.Destination)
	attr(root, "InResponseTo", r.InResponseTo)
	if r.Issuer != "" {
		root.AddChild(issuer(r.Issuer))
	}
	if len(r.Status) > 0 {
		writeStatus(root, r.Status, r.Message)
	}
	if r.Assertion != nil {
		root.AddChild(writeAssertion(*r.Assertion))
	}
	return root
}

func writeStatus(parent *etree.Element, codes []string, text string) {
	status := parent.CreateElement("samlp:Status")
	at := status
	for _, code := range codes {
		at = at.CreateElement("samlp:StatusCode")
		at.CreateAttr("Value", code)
	}
	if text != "" {
		status.CreateElement("samlp:StatusMessage").SetText(text)
	}
}

// issuer declares its own prefix, as many providers have it.
func issuer(name string) *etree.Element {
	el := etree.NewElement("saml:Issuer")
	el.CreateAttr("xmlns:saml", nsSAML)
	el.SetText(name)
	return el
}

func writeAssertion(a Assertion) *etree.Element {
	el := etree.NewElement("saml:Assertion")
	el.CreateAttr("xmlns:saml", nsSAML)
	attr(el, "ID", a.ID)
	attr(el, "Version", a.Version)
	instant(el, "IssueInstant", a.IssueInstant)
	if a.Issuer != "" {
		el.CreateElement("saml:Issuer").SetText(a.Issuer)
	}
	if !a.NoSubject {
		writeSubject(el.CreateElement("saml:Subject"), a)
	}
	if a.Conditions != nil {
		writeConditions(el.CreateElement("saml:Conditions"), *a.Conditions)
	}
	for _, s := range a.Statements {
		statement := el.CreateElement("saml:AuthnStatement")
		instant(statement, "AuthnInstant", s.Instant)
		attr(statement, "SessionIndex", s.SessionIndex)
		instant(statement, "SessionNotOnOrAfter", s.SessionNotOnOrAfter)
		if s.Context != "" {
			statement.CreateElement("saml:AuthnContext").CreateElement("saml:AuthnContextClassRef").SetText(s.Context)
		}
	}
	if len(a.Attributes) > 0 {
		statement := el.CreateElement("saml:AttributeStatement")
		for _, fact := range a.Attributes {
			writeAttribute(statement.CreateElement("saml:Attribute"), fact)
		}
	}
	return el
}

func writeSubject(subject *etree.Element, a Assertion) {
	if a.NameID != nil {
		writeNameID(subject.CreateElement("saml:NameID"), *a.NameID)
	}
	for _, c := range a.Confirmations {
		el := subject.CreateElement("saml:SubjectConfirmation")
		attr(el, "Method", c.Method)
		if c.NoData {
			continue
		}
		data := el.CreateElement("saml:SubjectConfirmationData")
		instant(data, "NotBefore", c.NotBefore)
		instant(data, "NotOnOrAfter", c.NotOnOrAfter)
		attr(data, "Recipient", c.Recipient)
		attr(data, "InResponseTo", c.InResponseTo)
		attr(data, "Address", c.Address)
	}
}

func writeNameID(el *etree.Element, n NameID) {
	attr(el, "NameQualifier", n.NameQualifier)
	attr(el, "SPNameQualifier", n.SPNameQualifier)
	attr(el, "Format", n.Format)
	attr(el, "SPProvidedID", n.SPProvidedID)
	el.SetText(n.Value)
}

func writeConditions(el *etree.Element, c Conditions) {
	instant(el, "NotBefore", c.NotBefore)
	instant(el, "NotOnOrAfter", c.NotOnOrAfter)
	for _, audiences := range c.Audiences {
		restriction := el.CreateElement("saml:AudienceRestriction")
		for _, name := range audiences {
			restriction.CreateElement("saml:Audience").SetText(name)
		}
	}
	if c.OneTimeUse {
		el.CreateElement("saml:OneTimeUse")
	}
	if c.Extra != "" {
		el.AddChild(parse(c.Extra))
	}
}

func writeAttribute(el *etree.Element, a Attribute) {
	attr(el, "Name", a.Name)
	attr(el, "NameFormat", a.NameFormat)
	attr(el, "FriendlyName", a.FriendlyName)
	for _, v := range a.Values {
		value := el.CreateElement("saml:AttributeValue")
		value.CreateAttr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
		value.CreateAttr("xmlns:xs", "http://www.w3.org/2001/XMLSchema")
		value.CreateAttr("xsi:type", "xs:string")
		value.SetText(v)
	}
}

// parse reads one element that stands in this package or in a test.
func parse(text string) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil || doc.Root() == nil {
		panic("ssotest: that is not an element: " + text)
	}
	return doc.Root().Copy()
}

func attr(el *etree.Element, name, value string) {
	if value != "" {
		el.CreateAttr(name, value)
	}
}

func instant(el *etree.Element, name string, t time.Time) {
	if !t.IsZero() {
		el.CreateAttr(name, t.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}
