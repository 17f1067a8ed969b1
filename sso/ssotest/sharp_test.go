package ssotest_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// TestSharp has a careless product fall for attacks: nothing is wrong with them beside what their name says, so a product that
// refuses them has looked.
func TestSharp(t *testing.T) {
	p := start(t, ssotest.Settings{})
	r := p.Honest(sp(), "_request", anna())
	for _, a := range []ssotest.Attack{
		ssotest.XSW3, ssotest.XSW7, ssotest.TwoAssertions, ssotest.TwoAssertionsReversed, ssotest.SHA1Signature, ssotest.SHA1Digest,
		ssotest.NoAudience, ssotest.TwoRestrictions, ssotest.NoConfirmation, ssotest.HolderOfKey, ssotest.SenderVouches,
		ssotest.NoAuthnStatement, ssotest.AssertionVersion11, ssotest.Doctype, ssotest.DoctypeUnused, ssotest.InstructionInNameID,
		ssotest.UnknownCondition, ssotest.FutureAuthn, ssotest.EndedSession, ssotest.FutureConfirmation, ssotest.DuplicateID,
		ssotest.KeyRetrieval, ssotest.EncryptedCBC, ssotest.TransientNameID, ssotest.RoleAttributes,
		ssotest.OtherCompanysAddress, ssotest.PublicAddress,
	} {
		t.Run(a.String(), func(t *testing.T) {
			product := crewjam(t, p)
			got, err := product.ParseXMLResponse(p.RespondXML(r, a), []string{"_request"}, product.AcsURL)
			if err != nil {
				t.Errorf("crewjam refuses it: %v", private(err))
			} else if a == ssotest.TwoAssertionsReversed && got.Subject.NameID.Value != victim {
				t.Errorf("crewjam finds %s, want %s", got.Subject.NameID.Value, victim)
			}
		})
	}
}

// TestContexts asks for more than a password.
func TestContexts(t *testing.T) {
	const contexts = `><samlp:RequestedAuthnContext><saml:AuthnContextClassRef xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">` + ssotest.MultiFactorContext + `</saml:AuthnContextClassRef></samlp:RequestedAuthnContext><x `
	now := time.Now()
	strong := ssotest.Person{Email: "otto@corp.example", MultiFactor: true}
	p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{anna(), strong}, Now: func() time.Time { return now }})
	p.Register(sp())
	ask := func(email, attributes string) string {
		p.Set(func(s *ssotest.Settings) { s.SignedInAs = email })
		text := requestText(p, attributes)
		_, values := newBrowser(t).get(p.SSOURL() + "?SAMLRequest=" + url.QueryEscape(text)).form()
		return string(decode(t, values.Get("SAMLResponse")))
	}
	if got := ask(anna().Email, contexts+"/"); !strings.Contains(got, ssotest.NoContext) || strings.Contains(got, "<saml:Assertion") {
		t.Errorf("a password where more is asked for: want %s, got\n%s", ssotest.NoContext, got)
	}
	if got := ask(strong.Email, contexts+"/"); !strings.Contains(got, "AuthnContextClassRef>"+ssotest.MultiFactorContext) {
		t.Errorf("two factors: want %s, got\n%s", ssotest.MultiFactorContext, got)
	}
	p.Hostile(ssotest.WeakContext)
	if got := ask(anna().Email, contexts+"/"); !strings.Contains(got, "AuthnContextClassRef>"+ssotest.PasswordContext) {
		t.Errorf("WeakContext: want %s, got\n%s", ssotest.PasswordContext, got)
	}
}

// TestSignsInAnew asks a second time with ForceAuthn.
func TestSignsInAnew(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{anna()}, Now: func() time.Time { return now }, Settings: ssotest.Settings{SignedInAs: anna().Email}})
	p.Register(sp())
	b := newBrowser(t)
	at := func(attributes string) string {
		_, values := b.get(p.SSOURL() + "?SAMLRequest=" + url.QueryEscape(requestText(p, attributes))).form()
		return document(t, decode(t, values.Get("SAMLResponse"))).FindElement("./Assertion/AuthnStatement").SelectAttrValue("AuthnInstant", "")
	}
	first := at("")
	now = now.Add(time.Hour)
	if got := at(""); got != first {
		t.Errorf("without ForceAuthn: AuthnInstant %s, want %s", got, first)
	}
	if got := at(`ForceAuthn="true"`); got == first {
		t.Errorf("with ForceAuthn: AuthnInstant %s, want an hour later", got)
	}
	p.Set(func(s *ssotest.Settings) { s.SignedInAs = "" })
	if b.get(p.SSOURL() + "?SAMLRequest=" + url.QueryEscape(requestText(p, `ForceAuthn="true"`))); !strings.Contains(b.body, "Password") {
		t.Error("with ForceAuthn the page does not ask")
	}
}
