package ssotest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// victim is whom forged answers name.
const victim = "victim@corp.example"

// frozen is a provider whose clock stands still: the same answer twice is the same text.
func frozen(t *testing.T) *ssotest.Provider {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	p := ssotest.Start(t, ssotest.Config{
		People: []ssotest.Person{anna()}, Now: func() time.Time { return now },
		Settings: ssotest.Settings{SignedInAs: anna().Email},
	})
	p.Register(sp())
	return p
}

func TestAttacks(t *testing.T) {
	names, last := map[string]bool{}, 0
	all := ssotest.Attacks()
	for _, a := range all {
		if names[a.String()] {
			t.Errorf("two attacks are called %q", a)
		}
		names[a.String()] = true
		if a.Number() < last {
			t.Errorf("%q stands behind A-%03d", a, last)
		}
		last = a.Number()
		if got, want := a.Protocol() == ssotest.OpenID, a.Number() >= 77; got != want {
			t.Errorf("%q is OpenID: %v, want %v", a, got, want)
		}
	}
	slices.Sort(all)
	for i, a := range all {
		if int(a) != i+1 {
			t.Fatalf("attack %d is no row of the table", i+1)
		}
	}
}

// TestAnswersDiffer tells for each attack on an answer that it is not the honest one, and not one more time.
func TestAnswersDiffer(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	p := frozen(t)
	for _, c := range []struct {
		name string
		make func(*ssotest.Response)
	}{
		{"signed Assertion", func(*ssotest.Response) {}},
		{"signed Response", func(r *ssotest.Response) { r.Sign, r.Assertion.Unsigned = true, true }},
		{"both", func(r *ssotest.Response) { r.Sign = true }},
	} {
		r := p.Honest(sp(), "_request", anna())
		c.make(&r)
		honest := string(p.RespondXML(r))
		for _, a := range samlAnswers() {
			if c.name != "signed Assertion" && (a == ssotest.EncryptedHuge || a == ssotest.HugeAnswer || a.Number() == 28) {
				continue // slow, and no other with another signature
			}
			t.Run(c.name+"/"+a.String(), func(t *testing.T) {
				got := string(p.RespondXML(r, a))
				if got == honest && !(a == ssotest.OnlyResponseSigned && c.name == "signed Response") && !(a == ssotest.OnlyAssertionSigned && c.name == "signed Assertion") {
					t.Error("the answer is the honest one")
				}
				if again := string(p.RespondXML(r)); again != honest {
					t.Error("the attack changed what it was given: the next answer is not the honest one")
				}
			})
		}
	}
}

// samlAnswers are the attacks that an answer made by hand can hold: not those on keys, metadata, logout or the post.
func samlAnswers() []ssotest.Attack {
	var all []ssotest.Attack
	for _, a := range ssotest.Attacks() {
		n := a.Number()
		if n <= 57 && n != 30 && n != 42 && n != 48 && n != 49 && a != ssotest.MetadataExternalEntity || n >= 62 && n <= 67 && a != ssotest.WeakContext {
			all = append(all, a)
		}
	}
	return all
}

// TestForgeriesHoldASignature tells that the attacks that rearrange a message hold something that the provider really signed, and
// the victim's name outside of it.
func TestForgeriesHoldASignature(t *testing.T) {
	p := frozen(t)
	r := p.Honest(sp(), "_request", anna())
	for a := ssotest.XSW1; a <= ssotest.XSW8; a++ {
		t.Run(a.String(), func(t *testing.T) {
			root := document(t, p.RespondXML(r, a))
			sig := root.FindElement("//Signature")
			id := strings.TrimPrefix(sig.FindElement("./SignedInfo/Reference").SelectAttrValue("URI", ""), "#")
			genuine := 0
			for _, el := range append(root.FindElements("//*[@ID='"+id+"']"), root) {
				whole := el.Copy()
				if s := whole.SelectElement("Signature"); s != nil {
					whole.RemoveChild(s)
				}
				whole.InsertChildAt(whole.SelectElement("Issuer").Index()+1, strip(sig))
				if _, err := verified(t, p, whole); err == nil {
					genuine++
					if strings.Contains(text(whole), victim) {
						t.Errorf("the signed element names the victim:\n%s", text(whole))
					}
				}
			}
			if genuine == 0 {
				t.Error("no element is what the provider signed")
			}
			if !strings.Contains(text(root), victim) {
				t.Error("the victim is not named")
			}
		})
	}
}

// strip is a Signature without what an attack hid in it.
func strip(sig *etree.Element) *etree.Element {
	sig = sig.Copy()
	for _, child := range sig.ChildElements() {
		if !slices.Contains([]string{"SignedInfo", "SignatureValue", "KeyInfo"}, child.Tag) {
			sig.RemoveChild(child)
		}
	}
	return sig
}

func text(el *etree.Element) string {
	s, _ := etree.NewDocumentWithRoot(el.Copy()).WriteToString()
	return s
}

// TestProviderStandsForIt tells that what the provider says wrongly is signed as well as what it says rightly: a product that
// refuses it has read it.
func TestProviderStandsForIt(t *testing.T) {
	p := frozen(t)
	r := p.Honest(sp(), "_request", anna())
	for _, a := range samlAnswers() {
		n := a.Number()
		if n < 31 || n >= 53 && n <= 57 {
			continue
		}
		t.Run(a.String(), func(t *testing.T) {
			assertion := document(t, p.RespondXML(r, a)).SelectElement("Assertion")
			if _, err := verified(t, p, assertion); err != nil && a != ssotest.ManyGroups {
				t.Errorf("the Assertion is not well signed: %v", err)
			}
		})
	}
}

// TestWhatAttacksSay looks at the XML of attacks whose difference is one value.
func TestWhatAttacksSay(t *testing.T) {
	p := frozen(t)
	r := p.Honest(sp(), "_request", anna())
	missing := "-"
	for _, c := range []struct {
		attack ssotest.Attack
		path   string
		attr   string // empty: the text
		want   string
	}{
		{ssotest.WrongAssertionIssuer, "./Assertion/Issuer", "", "https://other.example"},
		{ssotest.NoAssertionIssuer, "./Assertion/Issuer", "", missing},
		{ssotest.WrongAudience, "./Assertion/Conditions/AudienceRestriction/Audience", "", "https://other.example"},
		{ssotest.NoAudience, "./Assertion/Conditions/AudienceRestriction", "", missing},
		{ssotest.EmptyAudience, "./Assertion/Conditions/AudienceRestriction/Audience", "", ""},
		{ssotest.TwoRestrictions, "./Assertion/Conditions/AudienceRestriction[2]/Audience", "", "https://other.example"},
		{ssotest.SeveralAudiences, "./Assertion/Conditions/AudienceRestriction/Audience[2]", "", spID},
		{ssotest.RecipientOtherPort, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "Recipient", "https://app.example.com:8443/saml/acs"},
		{ssotest.RecipientCase, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "Recipient", "https://app.example.com/saml/acS"},
		{ssotest.NoRecipient, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "Recipient", missing},
		{ssotest.RelativeDestination, ".", "Destination", "/saml/acs"},
		{ssotest.EmptyDestination, ".", "Destination", ""},
		{ssotest.NoDestination, ".", "Destination", missing},
		{ssotest.NoInResponseTo, ".", "InResponseTo", missing},
		{ssotest.NoInResponseTo, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "InResponseTo", missing},
		{ssotest.AssertionInResponseTo, ".", "InResponseTo", "_request"},
		{ssotest.AssertionInResponseTo, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "InResponseTo", "_another"},
		{ssotest.NoConfirmationData, "./Assertion/Subject/SubjectConfirmation/SubjectConfirmationData", "", missing},
		{ssotest.NoSubject, "./Assertion/Subject", "", missing},
		{ssotest.NoNameID, "./Assertion/Subject/NameID", "", missing},
		{ssotest.NoConditions, "./Assertion/Conditions", "", missing},
		{ssotest.NoAuthnStatement, "./Assertion/AuthnStatement", "", missing},
		{ssotest.StatusNested, "./Status/StatusCode/StatusCode", "Value", ssotest.AuthnFailed},
		{ssotest.NoStatus, "./Status", "", missing},
		{ssotest.NoVersion, "./Assertion", "Version", missing},
		{ssotest.AssertionVersion11, "./Assertion", "Version", "1.1"},
		{ssotest.SHA1Signature, "./Assertion/Signature/SignedInfo/SignatureMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
		{ssotest.SHA1Digest, "./Assertion/Signature/SignedInfo/Reference/DigestMethod", "Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1"},
		{ssotest.HMACSignature, "./Assertion/Subject/NameID", "", victim},
		{ssotest.ReferenceHash, "./Assertion/Signature/SignedInfo/Reference", "URI", "#"},
		{ssotest.ReferenceDocument, "./Assertion/Signature/SignedInfo/Reference", "URI", ""},
		{ssotest.SeveralReferences, "./Assertion/Signature/SignedInfo/Reference[2]", "", ""},
		{ssotest.ManyTransforms, "./Assertion/Signature/SignedInfo/Reference/Transforms/Transform[30]", "Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#"},
		{ssotest.CommentInNameID, "./Assertion/Subject/NameID", "", victim + ".evil.example"},
		{ssotest.ExpiredConditions, "./Assertion/Conditions", "NotBefore", stamp(p, -2*time.Hour)},
		{ssotest.ExpiredConditions, "./Assertion/Conditions", "NotOnOrAfter", stamp(p, -time.Hour)},
		{ssotest.FutureConditions, "./Assertion/Conditions", "NotBefore", stamp(p, 24*time.Hour)},
		{ssotest.FutureConditions, "./Assertion/Conditions", "NotOnOrAfter", stamp(p, 25*time.Hour)},
		{ssotest.EncryptedCBC, "./EncryptedAssertion/EncryptedData/EncryptionMethod", "Algorithm", ssotest.AES256CBC},
		{ssotest.EncryptedPKCS1, ".//EncryptedKey/EncryptionMethod", "Algorithm", ssotest.PKCS1},
		{ssotest.CiphertextEmpty, "./EncryptedAssertion/EncryptedData/CipherData/CipherValue", "", ""},
		{ssotest.OtherCompanysAddress, "./Assertion/Subject/NameID", "", "victim@other.example"},
		{ssotest.SubdomainAddress, "./Assertion/Subject/NameID", "", "victim@sub.corp.example"},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.attack, c.path, c.attr), func(t *testing.T) {
			got := missing
			root := document(t, p.RespondXML(r, c.attack))
			el := root
			if c.path != "." {
				el = root.FindElement(c.path)
			}
			if el != nil {
				if got = el.Text(); c.attr != "" {
					got = el.SelectAttrValue(c.attr, missing)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// stamp is a time as SAML writes it, from the frozen now.
func stamp(p *ssotest.Provider, d time.Duration) string {
	return p.Honest(sp(), "", anna()).IssueInstant.Add(d).Format("2006-01-02T15:04:05.000Z")
}

// TestWrongSignatures has goxmldsig refuse what no product may accept. What it knows nothing of is the product's affair.
func TestWrongSignatures(t *testing.T) {
	p := frozen(t)
	r := p.Honest(sp(), "_request", anna())
	for _, a := range []ssotest.Attack{
		ssotest.XSW5, ssotest.XSW6, ssotest.SignatureStripped, ssotest.EmptySignature, ssotest.NoSignedInfo, ssotest.NoSignatureValue,
		ssotest.EmptySignatureValue, ssotest.ReferenceSibling, ssotest.EmptyDigest, ssotest.DigestComment, ssotest.TwoDigests, ssotest.HMACSignature, ssotest.EmbeddedKey,
		ssotest.EmbeddedRightCertificate, ssotest.EmbeddedSameSubject,
	} {
		t.Run(a.String(), func(t *testing.T) {
			assertion := document(t, p.RespondXML(r, a)).SelectElement("Assertion")
			if el, err := verified(t, p, assertion); err == nil && strings.Contains(text(el), victim) {
				t.Error("goxmldsig finds the victim signed")
			}
			if !strings.Contains(text(assertion), victim) {
				t.Error("the Assertion does not name the victim")
			}
		})
	}
}

// TestHostileIsOnce goes through a browser: the next answer is so, the one after is honest, and Behave forgets.
func TestHostileIsOnce(t *testing.T) {
	p := frozen(t)
	second := sp()
	second.EntityID, second.ACS = "https://second.example", "https://second.example/acs"
	p.Register(second)
	b := newBrowser(t)
	ask := func(relay string) (string, url.Values) {
		b.get(p.SSOURL() + "?RelayState=" + relay + "&SAMLRequest=" + url.QueryEscape(requestText(p, "")))
		action, values := b.form()
		if i := strings.Index(b.body, "<form"); i >= 0 {
			form, _, _ := strings.Cut(b.body[i:], ">")
			values.Set("form", form)
		}
		return action, values
	}
	_, before := ask("before")
	for _, a := range []ssotest.Attack{
		ssotest.WrongAudience, ssotest.XSW3, ssotest.RelayStateOfAnother, ssotest.Replay, ssotest.ReplayFreshEnvelope, ssotest.Unsolicited,
		ssotest.RelayStateURL, ssotest.RelayStateSchemeless, ssotest.RelayStateBackslash, ssotest.RelayStateScript, ssotest.RelayStateMarkup,
		ssotest.RelayStateLines, ssotest.RelayStateHuge, ssotest.OtherACS, ssotest.AnswerByGet, ssotest.AnswerTwice, ssotest.AnswerInQuery,
		ssotest.AnswerMultipart, ssotest.ArtifactParameter,
	} {
		t.Run(a.String(), func(t *testing.T) {
			p.Hostile(a)
			action, values := ask("now")
			same := action == acsURL && values.Get("RelayState") == "now" && len(values["SAMLResponse"]) == 1 && strings.Contains(values.Get("form"), `"post"`) && !strings.Contains(values.Get("form"), "multipart")
			answered := values.Get("SAMLResponse") != "" && !strings.Contains(string(decode(t, values.Get("SAMLResponse"))), "other.example")
			if answered && same && a != ssotest.XSW3 && a != ssotest.Replay && a != ssotest.ReplayFreshEnvelope {
				t.Errorf("the answer is the honest one: %s %v", action, values.Get("form"))
			}
			if a == ssotest.Replay && values.Get("SAMLResponse") != before.Get("SAMLResponse") {
				t.Error("the answer is not the one before")
			}
			if a == ssotest.ReplayFreshEnvelope {
				root := document(t, decode(t, values.Get("SAMLResponse")))
				old := document(t, decode(t, before.Get("SAMLResponse")))
				if root.SelectAttrValue("ID", "") == old.SelectAttrValue("ID", "") || root.SelectElement("Assertion").SelectAttrValue("ID", "") != old.SelectElement("Assertion").SelectAttrValue("ID", "") {
					t.Error("want the Assertion before in another Response")
				}
				if _, err := verified(t, p, root.SelectElement("Assertion")); err != nil {
					t.Errorf("the old Assertion: %v", err)
				}
			}
			action, values = ask("before")
			if _, err := verified(t, p, document(t, decode(t, values.Get("SAMLResponse"))).SelectElement("Assertion")); err != nil || action != acsURL || values.Get("RelayState") != "before" {
				t.Errorf("the next answer is not honest: %v", err)
			}
			before = values
		})
	}
	p.Hostile(ssotest.WrongAudience)
	p.MangleResponse(func(r *ssotest.Response) { r.Assertion.NameID.Value = "mangled@corp.example" })
	p.Behave()
	if _, values := ask("x"); strings.Contains(string(decode(t, values.Get("SAMLResponse"))), "other.example") {
		t.Error("the provider did not Behave")
	}
	p.MangleResponse(func(r *ssotest.Response) { r.Assertion.NameID.Value = "mangled@corp.example" })
	if _, values := ask("x"); !strings.Contains(string(decode(t, values.Get("SAMLResponse"))), "mangled@corp.example") {
		t.Error("MangleResponse changed nothing")
	}
}

func TestMetadataAttacks(t *testing.T) {
	p := frozen(t)
	normal := func() string { // without the ID of the document
		s := string(p.Metadata())
		i := strings.Index(s, ` ID="`)
		if i < 0 {
			return s
		}
		return s[:i] + s[i+len(` ID="_0123456789abcdef0123456789abcdef"`):]
	}
	honest := normal()
	for _, a := range ssotest.Attacks() {
		if n := a.Number(); n != 69 && n != 70 && a != ssotest.MetadataExternalEntity {
			continue
		}
		t.Run(a.String(), func(t *testing.T) {
			p.Hostile(a)
			if normal() == honest {
				t.Error("the metadata is the honest one")
			}
			if normal() == honest {
				t.Error("the attack does not stay")
			}
			p.Behave()
			if normal() != honest {
				t.Error("after Behave the metadata is not the honest one")
			}
		})
	}
	for _, a := range []ssotest.Attack{ssotest.ExpiredCertificate, ssotest.FutureCertificate, ssotest.WeakCertificate} {
		t.Run(a.String(), func(t *testing.T) {
			before := string(p.Certificate())
			p.Hostile(a)
			if string(p.Certificate()) == before {
				t.Error("the certificate is the one before")
			}
		})
	}
}

func TestKeys(t *testing.T) {
	p := frozen(t)
	certificates := func() int { return strings.Count(string(p.Metadata()), "<ds:X509Certificate>") }
	first := string(p.Certificate())
	p.AnnounceKeys()
	if n := certificates(); n != 2 || string(p.Certificate()) != first {
		t.Errorf("announced keys: %d certificates, want 2, and the old one signs", n)
	}
	announced := string(p.Metadata())
	p.RollKeys()
	if n := certificates(); n != 2 || string(p.Certificate()) == first {
		t.Errorf("rolled keys: %d certificates, want 2, and the new one signs", n)
	}
	body := strings.Join(strings.Split(strings.TrimSpace(string(p.Certificate())), "\n")[1:], "")
	if !strings.Contains(announced, body[:64]) {
		t.Error("the new key is not the announced one")
	}
	p.DropOldKeys()
	if n := certificates(); n != 1 {
		t.Errorf("dropped keys: %d certificates, want 1", n)
	}
	if _, err := verified(t, p, document(t, p.RespondXML(p.Honest(sp(), "", anna()))).SelectElement("Assertion")); err != nil {
		t.Errorf("an answer with the new key: %v", err)
	}
	p.Set(func(s *ssotest.Settings) { s.SignMetadata = true })
	if _, err := verified(t, p, document(t, p.Metadata())); err != nil {
		t.Errorf("signed metadata: %v", err)
	}
}
