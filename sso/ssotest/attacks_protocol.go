package ssotest

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Attacks on the rules of SAML, A-031 to A-075. The provider stands for what they say, where nothing else is said.
const (
	WrongIssuer Attack = iota + afterSignatureAttacks
	WrongResponseIssuer
	WrongAssertionIssuer
	NoAssertionIssuer
	WrongAudience
	NoAudience
	EmptyAudience
	TwoRestrictions
	SeveralAudiences
	WrongRecipient
	RecipientOtherPath
	RecipientOtherPort
	RecipientSlash
	RecipientCase
	NoRecipient
	WrongDestination
	RelativeDestination
	EmptyDestination
	NoDestination
	NoInResponseTo
	UnknownInResponseTo
	ResponseInResponseTo  // the Response alone names another request
	AssertionInResponseTo // the Assertion alone does
	RelayStateOfAnother

	ExpiredConditions
	ExpiredConfirmation
	NoConditionsEnd
	NoConfirmationEnd
	FutureConditions
	FutureConfirmation
	FutureResponse
	FutureAssertion
	FutureAuthn
	OldResponse
	OldAuthn
	ShortSession // SessionNotOnOrAfter in ten minutes
	EndedSession // SessionNotOnOrAfter in the past
	NoConfirmation
	HolderOfKey
	SenderVouches
	NoConfirmationData
	NoSubject
	NoNameID
	EmptyNameID
	NoConditions
	NoAuthnStatement
	UnknownCondition
	OneTimeUse
	Replay
	ReplayFreshEnvelope
	Unsolicited
	StatusFailed
	StatusNested
	NoStatus
	Version11
	AssertionVersion11
	NoVersion

	EncryptedForgery
	EncryptedSwapped
	EncryptedCBC
	EncryptedPKCS1
	EncryptedTampered
	CiphertextShort
	CiphertextEmpty
	CiphertextOdd
	EncryptedTripleDES
	EncryptedResponse
	EncryptedTwoAssertions
	EncryptedDoctype
	EncryptedHuge

	RelayStateURL
	RelayStateSchemeless
	RelayStateBackslash
	RelayStateScript
	RelayStateMarkup
	RelayStateLines
	RelayStateHuge
	OtherACS
	OtherCompanysAddress // the address of the victim of Settings.Victim, else of a domain that is not the company's
	PublicAddress
	SubdomainAddress
	RecycledNameID
	TransientNameID
	OtherNameIDFormat
	RoleAttributes
	ManyGroups // 500
	NoGroupValues
	WeakContext // a password where more was asked for

	MetadataNewKey
	MetadataNewSSO
	MetadataDoctype
	MetadataHuge
	MetadataSeveralRoles
	MetadataSeveralEntities
	MetadataExpired
	MetadataScript
	MetadataData
	MetadataPlainHTTP
	MetadataOtherEntity
	MetadataNoKey
	LogoutUnsigned
	LogoutWrongKey
	LogoutWrapped // by POST
	LogoutOtherDestination
	LogoutOtherIssuer
	LogoutExpired
	LogoutResponseUnasked
	AnswerByGet
	AnswerTwice
	AnswerInQuery
	AnswerMultipart
	ArtifactParameter
	DeflateBomb // a logout message by Redirect

	afterProtocolAttacks
)

func protocolAttacks() []attack {
	return []attack{
		{Attack: WrongIssuer, number: 31, name: "wrong Issuer", fields: func(_ *message, r *Response) { r.Issuer, r.Assertion.Issuer = other, other }},
		{Attack: WrongResponseIssuer, number: 31, name: "wrong Issuer of the Response", fields: func(_ *message, r *Response) { r.Issuer = other }},
		{Attack: WrongAssertionIssuer, number: 31, name: "wrong Issuer of the Assertion", fields: func(_ *message, r *Response) { r.Assertion.Issuer = other }},
		{Attack: NoAssertionIssuer, number: 31, name: "no Issuer of the Assertion", fields: func(_ *message, r *Response) { r.Assertion.Issuer = "" }},
		{Attack: WrongAudience, number: 32, name: "wrong Audience", fields: audiences([]string{other})},
		{Attack: NoAudience, number: 33, name: "no AudienceRestriction", fields: audiences()},
		{Attack: EmptyAudience, number: 33, name: "empty Audience", fields: audiences([]string{""})},
		{Attack: TwoRestrictions, number: 34, name: "two restrictions, one for another", fields: func(_ *message, r *Response) {
			c := r.conditions()
			c.Audiences = append(slices.Clone(c.Audiences), []string{other})
		}},
		{Attack: SeveralAudiences, number: 34, name: "one restriction with two Audiences", want: Accept, fields: func(_ *message, r *Response) {
			c := r.conditions()
			c.Audiences = [][]string{append([]string{other}, c.Audiences[0]...)}
		}},
		{Attack: WrongRecipient, number: 35, name: "wrong Recipient", fields: recipient(func(string) string { return other + "/acs" })},
		{Attack: RecipientOtherPath, number: 35, name: "Recipient with another path", fields: recipient(func(s string) string { return s + "2" })},
		{Attack: RecipientOtherPort, number: 35, name: "Recipient with another port", fields: recipient(otherPort)},
		{Attack: RecipientSlash, number: 35, name: "Recipient with a slash at the end", fields: recipient(func(s string) string { return s + "/" })},
		{Attack: RecipientCase, number: 35, name: "Recipient in other case", fields: recipient(func(s string) string { return s[:len(s)-1] + strings.ToUpper(s[len(s)-1:]) })},
		{Attack: NoRecipient, number: 35, name: "no Recipient", fields: recipient(func(string) string { return "" })},
		{Attack: WrongDestination, number: 36, name: "wrong Destination", fields: func(_ *message, r *Response) { r.Destination = other + "/acs" }},
		{Attack: RelativeDestination, number: 36, name: "relative Destination", fields: func(_ *message, r *Response) {
			_, rest, _ := strings.Cut(r.Destination, "://")
			_, path, _ := strings.Cut(rest, "/")
			r.Destination = "/" + path
		}},
		{Attack: EmptyDestination, number: 36, name: "empty Destination", before: func(m *message) { m.root.CreateAttr("Destination", "") }},
		{Attack: NoDestination, number: 36, name: "no Destination", fields: func(_ *message, r *Response) { r.Destination = "" }},
		{Attack: NoInResponseTo, number: 37, name: "no InResponseTo", fields: inResponseTo("", "")},
		{Attack: UnknownInResponseTo, number: 38, name: "unknown InResponseTo", fields: inResponseTo("_unknown", "_unknown")},
		{Attack: ResponseInResponseTo, number: 39, name: "Response names another request", fields: func(_ *message, r *Response) { r.InResponseTo = "_another" }},
		{Attack: AssertionInResponseTo, number: 39, name: "Assertion names another request", fields: func(_ *message, r *Response) { r.confirmation().InResponseTo = "_another" }},
		{Attack: RelayStateOfAnother, number: 42, name: "RelayState of the request before", deliver: func(p *Provider, d *delivery) {
			d.set("RelayState", before("RelayState", p.memory.relay))
		}},

		{Attack: ExpiredConditions, number: 43, name: "expired Conditions", fields: func(m *message, r *Response) {
			c := r.conditions()
			c.NotBefore, c.NotOnOrAfter = m.p.now().Add(-2*time.Hour), m.p.now().Add(-time.Hour)
		}},
		{Attack: ExpiredConfirmation, number: 43, name: "expired confirmation", fields: func(m *message, r *Response) { r.confirmation().NotOnOrAfter = m.p.now().Add(-time.Hour) }},
		{Attack: NoConditionsEnd, number: 43, name: "Conditions without an end", fields: func(_ *message, r *Response) { r.conditions().NotOnOrAfter = time.Time{} }},
		{Attack: NoConfirmationEnd, number: 43, name: "confirmation without an end", fields: func(_ *message, r *Response) { r.confirmation().NotOnOrAfter = time.Time{} }},
		{Attack: FutureConditions, number: 44, name: "Conditions from tomorrow", fields: func(m *message, r *Response) {
			c := r.conditions()
			c.NotBefore, c.NotOnOrAfter = m.p.now().Add(24*time.Hour), m.p.now().Add(25*time.Hour)
		}},
		{Attack: FutureConfirmation, number: 44, name: "confirmation with NotBefore", fields: func(m *message, r *Response) { r.confirmation().NotBefore = m.p.now().Add(-time.Minute) }},
		{Attack: FutureResponse, number: 44, name: "Response from tomorrow", fields: func(m *message, r *Response) { r.IssueInstant = m.p.now().Add(24 * time.Hour) }},
		{Attack: FutureAssertion, number: 44, name: "Assertion from tomorrow", fields: func(m *message, r *Response) { r.Assertion.IssueInstant = m.p.now().Add(24 * time.Hour) }},
		{Attack: FutureAuthn, number: 44, name: "sign-in of tomorrow", fields: func(m *message, r *Response) { r.statement().Instant = m.p.now().Add(24 * time.Hour) }},
		{Attack: OldResponse, number: 44, name: "Response of yesterday", fields: func(m *message, r *Response) { r.IssueInstant = m.p.now().Add(-24 * time.Hour) }},
		{Attack: OldAuthn, number: 44, name: "sign-in of last week", want: Judge, fields: func(m *message, r *Response) { r.statement().Instant = m.p.now().Add(-7 * 24 * time.Hour) }},
		{Attack: ShortSession, number: 45, name: "session of ten minutes", want: Accept, fields: func(m *message, r *Response) {
			r.statement().SessionNotOnOrAfter = m.p.now().Add(10 * time.Minute)
		}},
		{Attack: EndedSession, number: 45, name: "session that has ended", fields: func(m *message, r *Response) {
			r.statement().SessionNotOnOrAfter = m.p.now().Add(-time.Hour)
		}},
		{Attack: NoConfirmation, number: 46, name: "no SubjectConfirmation", fields: func(_ *message, r *Response) { r.Assertion.Confirmations = nil }},
		{Attack: HolderOfKey, number: 46, name: "holder of key", fields: func(_ *message, r *Response) { r.confirmation().Method = HolderMethod }},
		{Attack: SenderVouches, number: 46, name: "sender vouches", fields: func(_ *message, r *Response) { r.confirmation().Method = SenderMethod }},
		{Attack: NoConfirmationData, number: 46, name: "confirmation without data", fields: func(_ *message, r *Response) { r.confirmation().NoData = true }},
		{Attack: NoSubject, number: 47, name: "no Subject", fields: func(_ *message, r *Response) { r.Assertion.NoSubject = true }},
		{Attack: NoNameID, number: 47, name: "no NameID", fields: func(_ *message, r *Response) { r.Assertion.NameID = nil }},
		{Attack: EmptyNameID, number: 47, name: "empty NameID", fields: func(_ *message, r *Response) { r.nameID().Value = " " }},
		{Attack: NoConditions, number: 47, name: "no Conditions", fields: func(_ *message, r *Response) { r.Assertion.Conditions = nil }},
		{Attack: NoAuthnStatement, number: 47, name: "no AuthnStatement", fields: func(_ *message, r *Response) { r.Assertion.Statements = nil }},
		{Attack: UnknownCondition, number: 47, name: "unknown Condition", fields: func(_ *message, r *Response) {
			r.conditions().Extra = `<saml:Condition xmlns:saml="` + nsSAML + `" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:v="urn:vendor" xsi:type="v:OnlyOnMondays"/>`
		}},
		{Attack: OneTimeUse, number: 48, name: "OneTimeUse", want: Accept, fields: func(_ *message, r *Response) { r.conditions().OneTimeUse = true }},
		{Attack: Replay, number: 48, name: "the answer before, byte for byte", deliver: func(p *Provider, d *delivery) { d.set("SAMLResponse", before("SAMLResponse", p.memory.answer)) }},
		{Attack: ReplayFreshEnvelope, number: 49, name: "the Assertion before in a fresh envelope", deliver: func(p *Provider, d *delivery) {
			d.set("SAMLResponse", freshEnvelope(d.get("SAMLResponse"), before("SAMLResponse", p.memory.answer)))
		}},
		{Attack: Unsolicited, number: 50, name: "nobody asked", fields: inResponseTo("", ""), deliver: func(_ *Provider, d *delivery) {
			d.fields = slices.DeleteFunc(d.fields, func(f [2]string) bool { return f[0] == "RelayState" })
		}},
		{Attack: StatusFailed, number: 51, name: "status of failure beside an Assertion", fields: status(Responder)},
		{Attack: StatusNested, number: 51, name: "AuthnFailed beside an Assertion", fields: status(Responder, AuthnFailed)},
		{Attack: NoStatus, number: 51, name: "no Status", fields: status()},
		{Attack: Version11, number: 52, name: "Response of version 1.1", fields: func(_ *message, r *Response) { r.Version = "1.1" }},
		{Attack: AssertionVersion11, number: 52, name: "Assertion of version 1.1", fields: func(_ *message, r *Response) { r.Assertion.Version = "1.1" }},
		{Attack: NoVersion, number: 52, name: "no version", fields: func(_ *message, r *Response) { r.Version, r.Assertion.Version = "", "" }},

		{Attack: EncryptedForgery, number: 53, name: "unsigned forgery, encrypted", fields: func(m *message, r *Response) {
			encrypted(AES256GCM, "")(m, r)
			victimised(m, r)
			r.Sign, r.Assertion.Unsigned = false, true
		}, sealed: unchanged},
		{Attack: EncryptedSwapped, number: 54, name: "forgery swapped into a signed Response", fields: func(m *message, r *Response) {
			encrypted(AES256GCM, "")(m, r)
			r.Sign = true
		}, sealed: unchanged, after: func(m *message) {
			a := *m.r.Assertion
			m.r.Assertion = &a
			victimised(m, &m.r)
			m.replaceAssertion(m.seal(elementText(writeAssertion(*m.r.Assertion))))
		}},
		{Attack: EncryptedCBC, number: 55, name: "AES-CBC", want: Judge, fields: encrypted(AES256CBC, ""), sealed: unchanged},
		{Attack: EncryptedPKCS1, number: 55, name: "RSA 1.5", want: Judge, fields: encrypted(AES256GCM, PKCS1), sealed: unchanged},
		{Attack: EncryptedTampered, number: 55, name: "one bit of the ciphertext", fields: encrypted("", ""), sealing: ciphertext(func(b []byte) []byte {
			b[len(b)/2] ^= 1
			return b
		})},
		{Attack: CiphertextShort, number: 56, name: "ciphertext shorter than the nonce", fields: encrypted(AES256GCM, ""), sealing: ciphertext(func(b []byte) []byte { return b[:5] })},
		{Attack: CiphertextEmpty, number: 56, name: "no ciphertext", fields: encrypted(AES256GCM, ""), sealing: ciphertext(func([]byte) []byte { return nil })},
		{Attack: CiphertextOdd, number: 56, name: "half a block of AES-CBC", fields: encrypted(AES128CBC, ""), sealing: ciphertext(func(b []byte) []byte { return b[:len(b)-7] })},
		{Attack: EncryptedTripleDES, number: 56, name: "3DES", fields: encrypted(TripleDESCBC, ""), sealed: unchanged},
		{Attack: EncryptedResponse, number: 57, name: "a Response, encrypted", fields: encrypted(AES256GCM, ""), sealed: func(m *message, text string) string {
			return strings.TrimSuffix(elementText(writeResponse(Response{ID: "_" + random(), Version: "2.0", Status: []string{Success}})), "</samlp:Response>") + text + "</samlp:Response>"
		}},
		{Attack: EncryptedTwoAssertions, number: 57, name: "two Assertions, encrypted", fields: encrypted(AES256GCM, ""), sealed: func(_ *message, text string) string { return text + text }},
		{Attack: EncryptedDoctype, number: 57, name: "DOCTYPE, encrypted", fields: encrypted(AES256GCM, ""), sealed: func(_ *message, text string) string {
			return `<!DOCTYPE saml:Assertion [<!ENTITY x "y">]>` + text
		}},
		{Attack: EncryptedHuge, number: 57, name: "20 MB, encrypted", fields: encrypted(AES256GCM, ""), sealed: func(_ *message, text string) string {
			return strings.Replace(text, "</saml:Assertion>", strings.Repeat(" ", 20<<20)+"</saml:Assertion>", 1)
		}},

		{Attack: RelayStateURL, number: 58, name: "RelayState is an address", want: Judge, deliver: relay("https://evil.example/")},
		{Attack: RelayStateSchemeless, number: 58, name: "RelayState is an address without a scheme", want: Judge, deliver: relay("//evil.example/")},
		{Attack: RelayStateBackslash, number: 58, name: "RelayState with backslashes", want: Judge, deliver: relay(`/\evil.example/`)},
		{Attack: RelayStateScript, number: 58, name: "RelayState is a script", want: Judge, deliver: relay("javascript:alert(1)")},
		{Attack: RelayStateMarkup, number: 59, name: "RelayState is markup", want: Judge, deliver: relay(`"><script>alert(1)</script>`)},
		{Attack: RelayStateLines, number: 59, name: "RelayState of two lines", want: Judge, deliver: relay("x\r\nSet-Cookie: a=b")},
		{Attack: RelayStateHuge, number: 59, name: "RelayState of 1 MB", want: Judge, deliver: func(_ *Provider, d *delivery) { d.set("RelayState", strings.Repeat("x", 1<<20)) }},
		{Attack: OtherACS, number: 61, name: "the answer posted to another product", deliver: func(p *Provider, d *delivery) {
			i := slices.IndexFunc(p.sps, func(sp SP) bool { return sp.EntityID != d.sp.EntityID })
			if i < 0 {
				panic("ssotest: OtherACS needs a second product that is registered")
			}
			d.action = p.sps[i].ACS
		}},
		{Attack: OtherCompanysAddress, number: 62, name: "address of another company", fields: func(m *message, r *Response) {
			victim := m.p.settings.Victim
			if victim == "" {
				victim = "victim@other.example"
			}
			addressed(victim)(m, r)
		}},
		{Attack: PublicAddress, number: 63, name: "address of a public mail service", fields: addressed("victim@gmail.com")},
		{Attack: SubdomainAddress, number: 63, name: "address of a subdomain", fields: func(m *message, r *Response) {
			addressed(strings.Replace(m.victim, "@", "@sub.", 1))(m, r)
		}},
		{Attack: RecycledNameID, number: 65, name: "the NameID of somebody for somebody else", want: Judge, fields: func(m *message, r *Response) {
			r.Assertion.Attributes = victimAttributes(r.Assertion.Attributes, m.victim)
		}},
		{Attack: TransientNameID, number: 66, name: "transient NameID", fields: func(_ *message, r *Response) {
			*r.nameID() = NameID{Value: "_" + random(), Format: FormatTransient}
		}},
		{Attack: OtherNameIDFormat, number: 66, name: "the same NameID in another format", want: Judge, fields: func(_ *message, r *Response) {
			if n := r.nameID(); n.Format == FormatPersistent {
				n.Format = FormatUnspecified
			} else {
				n.Format = FormatPersistent
			}
		}},
		{Attack: RoleAttributes, number: 67, name: "attributes that claim a role", want: Ignore, fields: func(_ *message, r *Response) {
			for _, name := range []string{"role", "roles", "isAdmin", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"} {
				r.Assertion.Attributes = append(slices.Clip(r.Assertion.Attributes), Attribute{Name: name, NameFormat: formatBasic, Values: []string{"owner", "admin", "true"}})
			}
		}},
		{Attack: ManyGroups, number: 67, name: "500 groups", want: Accept, fields: func(_ *message, r *Response) {
			var names []string
			for range 500 {
				names = append(names, "group-"+random())
			}
			r.Assertion.Attributes = append(slices.Clip(r.Assertion.Attributes), Attribute{Name: "memberOf", NameFormat: formatBasic, Values: names})
		}},
		{Attack: NoGroupValues, number: 67, name: "attribute without values", want: Accept, fields: func(_ *message, r *Response) {
			r.Assertion.Attributes = append(slices.Clip(r.Assertion.Attributes), Attribute{Name: "memberOf", NameFormat: formatBasic})
		}},
		{Attack: WeakContext, number: 67, name: "a password where more was asked for", want: Judge, fields: func(_ *message, r *Response) { r.statement().Context = PasswordContext }},

		{Attack: MetadataNewKey, number: 69, name: "metadata with another key", want: Judge, meta: func(p *Provider, text string) string {
			for _, k := range p.saml.published() {
				text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString(k.cert.Raw), base64.StdEncoding.EncodeToString(p.newKey().cert.Raw))
			}
			return text
		}},
		{Attack: MetadataNewSSO, number: 69, name: "metadata with another address", want: Judge, meta: locations("https://evil.example/sso")},
		{Attack: MetadataDoctype, number: 70, name: "metadata with a DOCTYPE", meta: func(_ *Provider, text string) string { return `<!DOCTYPE md:EntityDescriptor>` + text }},
		{Attack: MetadataHuge, number: 70, name: "metadata of 100 MB", meta: func(_ *Provider, text string) string {
			return strings.Replace(text, "</md:EntityDescriptor>", strings.Repeat(" ", 100<<20)+"</md:EntityDescriptor>", 1)
		}},
		{Attack: MetadataSeveralRoles, number: 70, name: "metadata with two providers in one entity", meta: func(_ *Provider, text string) string {
			i, j := strings.Index(text, "<md:IDPSSODescriptor"), strings.Index(text, "</md:IDPSSODescriptor>")+len("</md:IDPSSODescriptor>")
			return text[:j] + text[i:j] + text[j:]
		}},
		{Attack: MetadataSeveralEntities, number: 70, name: "metadata of two entities", meta: func(p *Provider, text string) string {
			second := strings.Replace(text, `entityID="`+p.cfg.EntityID, `entityID="`+other, 1)
			return `<md:EntitiesDescriptor xmlns:md="` + nsMetadata + `">` + second + text + `</md:EntitiesDescriptor>`
		}},
		{Attack: MetadataExpired, number: 70, name: "expired metadata", meta: func(p *Provider, _ string) string {
			root := p.metadataLocked()
			instant(root, "validUntil", p.now().Add(-time.Hour))
			drop(root, "Signature")
			return elementText(root)
		}},
		{Attack: MetadataScript, number: 70, name: "metadata with a script for an address", meta: locations("javascript:alert(1)")},
		{Attack: MetadataData, number: 70, name: "metadata with a data address", meta: locations("data:text/html,x")},
		{Attack: MetadataPlainHTTP, number: 70, name: "metadata with http", want: Refuse, meta: locations("http://idp.example/sso")},
		{Attack: MetadataOtherEntity, number: 70, name: "metadata of another entity", want: Judge, meta: func(p *Provider, text string) string {
			return strings.Replace(text, `entityID="`+p.cfg.EntityID, `entityID="`+other, 1)
		}},
		{Attack: MetadataNoKey, number: 70, name: "metadata without a key", meta: func(p *Provider, _ string) string {
			root := p.metadataLocked()
			drop(root.SelectElement("IDPSSODescriptor"), "KeyDescriptor")
			drop(root, "Signature")
			return elementText(root)
		}},

		{Attack: LogoutUnsigned, number: 71, name: "unsigned logout message", logout: func(_ *Provider, l *logoutMessage) { l.bare = true }},
		{Attack: LogoutWrongKey, number: 71, name: "logout message signed with another key", logout: func(p *Provider, l *logoutMessage) { l.key = p.newKey() }},
		{Attack: LogoutWrapped, number: 71, name: "logout message wrapped around a signed one", logout: func(p *Provider, l *logoutMessage) {
			l.after = wrapLogout
		}},
		{Attack: LogoutOtherDestination, number: 71, name: "logout message for another destination", logout: func(_ *Provider, l *logoutMessage) { l.stated = other + "/slo" }},
		{Attack: LogoutOtherIssuer, number: 71, name: "logout message of another issuer", logout: func(_ *Provider, l *logoutMessage) { l.Issuer = other }},
		{Attack: LogoutExpired, number: 71, name: "expired logout message", logout: func(p *Provider, l *logoutMessage) {
			l.IssueInstant, l.NotOnOrAfter = p.now().Add(-2*time.Hour), p.now().Add(-time.Hour)
		}},
		{Attack: LogoutResponseUnasked, number: 72, name: "answer to a logout that nobody began", logout: func(_ *Provider, l *logoutMessage) {
			l.InResponseTo, l.Status = "_"+random(), []string{Success}
		}},
		{Attack: AnswerByGet, number: 73, name: "answer by GET", deliver: func(_ *Provider, d *delivery) { d.method = "get" }},
		{Attack: AnswerTwice, number: 73, name: "two SAMLResponse", deliver: func(_ *Provider, d *delivery) {
			d.fields = append(d.fields, [2]string{"SAMLResponse", d.get("SAMLResponse")})
		}},
		{Attack: AnswerInQuery, number: 73, name: "SAMLResponse in the address as well", deliver: func(_ *Provider, d *delivery) {
			separator := "?"
			if strings.Contains(d.action, "?") {
				separator = "&"
			}
			d.action += separator + "SAMLResponse=x"
		}},
		{Attack: AnswerMultipart, number: 73, name: "multipart form", deliver: func(_ *Provider, d *delivery) { d.multipart = true }},
		{Attack: ArtifactParameter, number: 74, name: "SAMLart", deliver: func(_ *Provider, d *delivery) {
			art := append([]byte{0, 4, 0, 0}, bytes.Repeat([]byte{7}, 40)...)
			d.fields = [][2]string{{"SAMLart", base64.StdEncoding.EncodeToString(art)}, {"RelayState", d.get("RelayState")}}
		}},
		{Attack: DeflateBomb, number: 75, name: "deflate bomb", logout: func(_ *Provider, l *logoutMessage) { l.big = true }},
	}
}

// other is somebody else's name.
const other = "https://other.example"

// What attacks change of an answer, each a copy: what the test holds stays as it is.

func (r *Response) conditions() *Conditions {
	var c Conditions
	if r.Assertion.Conditions != nil {
		c = *r.Assertion.Conditions
	}
	r.Assertion.Conditions = &c
	return r.Assertion.Conditions
}

func (r *Response) confirmation() *Confirmation {
	r.Assertion.Confirmations = slices.Clone(r.Assertion.Confirmations)
	return &r.Assertion.Confirmations[0]
}

func (r *Response) statement() *Statement {
	r.Assertion.Statements = slices.Clone(r.Assertion.Statements)
	return &r.Assertion.Statements[0]
}

func (r *Response) nameID() *NameID {
	n := *r.Assertion.NameID
	r.Assertion.NameID = &n
	return &n
}

func audiences(list ...[]string) func(*message, *Response) {
	return func(_ *message, r *Response) { r.conditions().Audiences = list }
}

func recipient(change func(string) string) func(*message, *Response) {
	return func(_ *message, r *Response) {
		c := r.confirmation()
		c.Recipient = change(c.Recipient)
	}
}

// otherPort is an address with port 8443 behind its host.
func otherPort(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(host, ":")
	return scheme + "://" + name + ":8443/" + path
}

func inResponseTo(response, confirmation string) func(*message, *Response) {
	return func(_ *message, r *Response) { r.InResponseTo, r.confirmation().InResponseTo = response, confirmation }
}

func status(codes ...string) func(*message, *Response) {
	return func(_ *message, r *Response) { r.Status = codes }
}

func addressed(victim string) func(*message, *Response) {
	return func(m *message, r *Response) {
		m.victim = victim
		if n := r.nameID(); strings.Contains(n.Value, "@") {
			n.Value = victim
		}
		r.Assertion.Attributes = victimAttributes(r.Assertion.Attributes, victim)
	}
}

func relay(value string) func(*Provider, *delivery) {
	return func(_ *Provider, d *delivery) { d.set("RelayState", value) }
}

// encrypted has the Assertion encrypted so, whatever the settings say. No cipher: theirs, or AES-256-GCM.
func encrypted(content, transport string) func(*message, *Response) {
	return func(_ *message, r *Response) {
		if content == "" {
			content = AES256GCM
			if r.Encrypt.Content != "" {
				content = r.Encrypt.Content
			}
		}
		r.Encrypt = Encryption{Content: content, Key: transport}
	}
}

func unchanged(_ *message, text string) string { return text }

// ciphertext changes the encrypted bytes, under the right key.
func ciphertext(change func([]byte) []byte) func(*message, string) *etree.Element {
	return func(m *message, text string) *etree.Element {
		el := m.seal(text)
		value := el.FindElement("./EncryptedData/CipherData/CipherValue")
		b, err := base64.StdEncoding.DecodeString(value.Text())
		if err != nil {
			panic(err) // written a line ago
		}
		value.SetText(base64.StdEncoding.EncodeToString(change(b)))
		return el
	}
}

// freshEnvelope is an old Assertion in a new Response: another ID, another order of attributes, white space, the new InResponseTo.
func freshEnvelope(now, before string) string {
	old, root := parseBase64(before), parseBase64(now)
	drop(root, "Signature")
	drop(root, "Assertion")
	drop(root, "EncryptedAssertion")
	for _, tag := range []string{"Assertion", "EncryptedAssertion"} {
		if a := old.SelectElement(tag); a != nil {
			root.CreateText("\n  ")
			root.AddChild(a)
			root.CreateText("\n")
		}
	}
	slices.Reverse(root.Attr)
	return base64.StdEncoding.EncodeToString([]byte(elementText(root)))
}

func parseBase64(text string) *etree.Element {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err) // the provider wrote it
	}
	return parse(string(b))
}

// locations changes where metadata says that requests go.
func locations(address string) func(*Provider, string) string {
	return func(p *Provider, text string) string {
		return strings.ReplaceAll(text, `Location="`+p.SSOURL()+`"`, `Location="`+address+`"`)
	}
}

// wrapLogout hides the signed message in the Extensions of one for the victim that carries its Signature.
func wrapLogout(p *Provider, root *etree.Element) {
	signed := bare(root)
	if name := root.SelectElement("NameID"); name != nil {
		name.SetText(p.victimLocked(Person{Email: name.Text()}))
	}
	root.CreateAttr("ID", "_"+random())
	ext := etree.NewElement("samlp:Extensions")
	ext.AddChild(signed)
	root.InsertChildAt(root.SelectElement("Signature").Index()+1, ext)
}
