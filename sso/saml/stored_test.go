package saml_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// storedDir holds answers of a provider whose key is gone, and its certificate. They count at start, and what they say is known.
const storedDir = "testdata/answers"

func stored(t testing.TB) (answers map[string][]byte, certificate []byte) {
	t.Helper()
	answers = map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(storedDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) == "idp.der" {
			certificate = b
		} else {
			answers[filepath.Base(name)] = b
		}
	}
	return answers, certificate
}

// storeAnswers makes them anew, with -update.
func storeAnswers(t *testing.T) {
	t.Helper()
	d := newDesk(t, ssotest.Settings{})
	p, err := ssotest.New(ssotest.Config{BaseURL: "https://idp.acme.example", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(storedDir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(storedDir, 0o755); err != nil {
		t.Fatal(err)
	}
	write("idp.der", certificate(p))
	for name, set := range map[string]ssotest.Settings{
		"assertion.xml": {}, "both.xml": {SignResponse: true}, "response.xml": {SignResponse: true, UnsignedAssertion: true},
		"entra.xml": {Attributes: ssotest.EntraAttributes}, "ldap.xml": {Attributes: ssotest.LDAPAttributes},
	} {
		p.Set(func(s *ssotest.Settings) { *s = set })
		write(name, p.RespondXML(p.Honest(d.sp, requestID, ann())))
	}
}

// storedDesk takes stored answers.
func storedDesk(t testing.TB, certificate []byte) *desk {
	d := newDesk(t, ssotest.Settings{})
	d.conn.SAML.Certificates = []sso.Certificate{{DER: certificate}}
	d.conn.SAML.ResponseSigned = true
	return d
}

func TestStoredAnswers(t *testing.T) {
	if *update {
		storeAnswers(t)
	}
	all, cert := stored(t)
	if len(all) < 5 {
		t.Fatalf("%d answers are stored, want 5", len(all))
	}
	d := storedDesk(t, cert)
	for name, raw := range all {
		v, rep, err := d.verify(encode(raw))
		if err != nil || !isAnn(v.Identity) {
			t.Errorf("Verify of %s = %+v, %v; %q", name, v.Identity, err, failed(rep))
		}
	}
}

func isAnn(id sso.Identity) bool {
	return id.Email == "ann@acme.example" && strings.HasSuffix(id.Subject, "|||ann%40acme.example") && id.Name == "Ann Berg" &&
		slices.Equal(id.Groups, ann().Groups) && !id.MultiFactor && id.AuthTime.Equal(start)
}

// FuzzAnswer changes answers as somebody between the provider and us would. Whatever becomes of them, either they are refused or
// they say what was signed.
func FuzzAnswer(f *testing.F) {
	all, cert := stored(f)
	for _, raw := range all {
		f.Add(raw)
	}
	d := storedDesk(f, cert)
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, rep, err := d.verify(encode(raw))
		var refusal *sso.Refusal
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Errorf("Verify = %v, want a refusal", err)
		case err != nil && len(failed(rep)) == 0:
			t.Errorf("the report says nothing of %v", err)
		case err == nil && !isAnn(v.Identity):
			t.Errorf("Verify = %+v, which nobody signed", v.Identity)
		}
	})
}

// FuzzSigned signs whatever comes, as a provider gone wrong would, so that all that lies behind the signature is reached.
func FuzzSigned(f *testing.F) {
	all, _ := stored(f)
	for _, raw := range all {
		f.Add(raw)
	}
	d := newDesk(f, ssotest.Settings{})
	k := curved()
	d.conn.SAML.Certificates = []sso.Certificate{{DER: k.Certificate.Raw}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, rep, err := d.verify(encode(resigned(t, raw, k)))
		var refusal *sso.Refusal
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Errorf("Verify = %v, want a refusal", err)
		case err != nil && len(failed(rep)) == 0:
			t.Errorf("the report says nothing of %v", err)
		case err == nil && (v.Identity.Subject == "" || v.Identity.Email == "" || v.Once == "" || v.OnceEnds.Before(d.now) || len(v.Identity.Login.Token) == 0):
			t.Errorf("Verify = %+v", v)
		}
	})
}

// resigned signs the assertion of an answer anew, if it has one.
func resigned(t *testing.T, raw []byte, k saml.KeyPair) []byte {
	root, err := saml.ParseAnswer(raw)
	if err != nil {
		return raw
	}
	assertion := root.SelectElement("Assertion")
	if assertion == nil {
		return raw
	}
	for _, el := range []*etree.Element{root, assertion} {
		if old := el.SelectElement("Signature"); old != nil {
			el.RemoveChild(old)
		}
	}
	for _, prefix := range []string{"saml", "samlp"} {
		if assertion.SelectAttr("xmlns:"+prefix) == nil && root.SelectAttr("xmlns:"+prefix) != nil {
			assertion.CreateAttr("xmlns:"+prefix, root.SelectAttrValue("xmlns:"+prefix, ""))
		}
	}
	assertion.CreateAttr("ID", "_a")
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(assertion.Copy())
	if err != nil {
		return raw
	}
	whole := etree.NewDocument()
	whole.WriteSettings = etree.WriteSettings{CanonicalAttrVal: true, CanonicalEndTags: true, CanonicalText: true}
	whole.SetRoot(root)
	root.InsertChildAt(assertion.Index(), etree.NewElement("placeholder"))
	root.RemoveChild(assertion)
	text, err := whole.WriteToString()
	if err != nil {
		return raw
	}
	return []byte(strings.Replace(text, "<placeholder></placeholder>", signedBy(t, k, string(canonical), ""), 1))
}

// TestSignedOddities has a provider sign what no honest one does, where ssotest has no word for it.
func TestSignedOddities(t *testing.T) {
	k := curved()
	in := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("no %s in %s", old, s)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	for name, row := range map[string]struct {
		change func(string) string
		want   sso.Code
	}{
		"as it should be":                {func(s string) string { return s }, ""},
		"S-02 Advice":                    {in("<saml:Conditions ", "<saml:Advice></saml:Advice><saml:Conditions "), sso.CodeStructure},
		"S-02 something of others":       {in("<saml:Conditions ", `<x xmlns="urn:x"/><saml:Conditions `), sso.CodeStructure},
		"S-02 text":                      {in("<saml:Conditions ", `text<saml:Conditions `), sso.CodeStructure},
		"S-09 two of Subject":            {in("<saml:Conditions ", "<saml:Subject></saml:Subject><saml:Conditions "), sso.CodeSubject},
		"S-09 two of NameID":             {in("<saml:SubjectConfirmation ", "<saml:NameID>bob</saml:NameID><saml:SubjectConfirmation "), sso.CodeSubject},
		"S-09 an EncryptedID":            {in("<saml:SubjectConfirmation ", "<saml:EncryptedID></saml:EncryptedID><saml:SubjectConfirmation "), sso.CodeStructure},
		"S-09 an element in NameID":      {in("</saml:NameID>", "<x/></saml:NameID>"), sso.CodeSubject},
		"S-09 somebody else may present": {in("<saml:SubjectConfirmationData ", "<saml:NameID>bob</saml:NameID><saml:SubjectConfirmationData "), sso.CodeStructure},
		"S-10 two of Conditions":         {in("<saml:Conditions ", "<saml:Conditions></saml:Conditions><saml:Conditions "), sso.CodeConditions},
		"S-10 two of OneTimeUse":         {in("</saml:Conditions>", "<saml:OneTimeUse/><saml:OneTimeUse/></saml:Conditions>"), sso.CodeConditions},
		"S-11 something in a statement":  {in("<saml:AuthnContext>", "<saml:Advice/><saml:AuthnContext>"), sso.CodeStructure},
		"S-11 no time":                   {in(`AuthnInstant="2026`, `AuthnInstant="26`), sso.CodeStatement},
		"S-11 a time without zone":       {in(`12:00:00.000Z" SessionIndex`, `12:00:00.000" SessionIndex`), sso.CodeStatement},
		"S-11 the end is no time":        {in(`SessionNotOnOrAfter="2026`, `SessionNotOnOrAfter="x2026`), sso.CodeStatement},
		"A-043 no time":                  {in(`NotOnOrAfter="2026`, `NotOnOrAfter="x2026`), sso.CodeExpired},
		"A-044 no time":                  {in(`NotBefore="2026`, `NotBefore="x2026`), sso.CodeNotYet},
		"A-031 an element in Issuer":     {in("</saml:Issuer><samlp:Status>", "<x/></saml:Issuer><samlp:Status>"), sso.CodeIssuer},
		"A-031 a name of another kind":   {in(`<saml:Issuer>https://idp.acme.example/saml/metadata</saml:Issuer><saml:Subject>`, `<saml:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName">https://idp.acme.example/saml/metadata</saml:Issuer><saml:Subject>`), sso.CodeIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, ssotest.Settings{})
			d.conn.SAML.Certificates = []sso.Certificate{{DER: k.Certificate.Raw}}
			r := d.honest()
			r.Assertion.Unsigned = true
			text := row.change(string(d.p.RespondXML(r)))
			if _, rep, err := d.verify(encode(resigned(t, []byte(text), k))); codeOf(err) != row.want {
				t.Errorf("Verify = %v, want %q; %q", err, row.want, failed(rep))
			}
		})
	}
	t.Run("S-12 an assertion without an ID", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{SignResponse: true, UnsignedAssertion: true})
		d.conn.SAML.ResponseSigned = true
		r := d.honest()
		r.Assertion.ID = ""
		if _, rep, err := d.verify(d.p.Respond(r)); codeOf(err) != sso.CodeStructure {
			t.Errorf("Verify = %v, want %q; %q", err, sso.CodeStructure, failed(rep))
		}
	})
	t.Run("S-12 remembered until the last confirmation ends", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		r := d.honest()
		later := r.Assertion.Confirmations[0]
		later.NotOnOrAfter = d.now.Add(time.Hour)
		r.Assertion.Confirmations = append(r.Assertion.Confirmations, later)
		if v, _, err := d.verify(d.p.Respond(r)); err != nil || !v.OnceEnds.Equal(d.now.Add(time.Hour+2*time.Minute)) {
			t.Errorf("OnceEnds = %v, %v, want an hour and the skew from %v", v.OnceEnds, err, d.now)
		}
	})
	t.Run("S-21 an attribute with two values names nobody", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		d.conn.Attributes.Subject = "groups"
		if _, rep, err := d.verify(d.p.Respond(d.honest())); codeOf(err) != sso.CodeSubject {
			t.Errorf("Verify = %v, want %q; %q", err, sso.CodeSubject, failed(rep))
		}
	})
	t.Run("A-038 names an empty request", func(t *testing.T) {
		d := newDesk(t, ssotest.Settings{})
		d.conn.IdPInitiated = true
		text := in("<samlp:Response ", `<samlp:Response InResponseTo="" `)(string(d.p.RespondXML(d.p.Honest(d.sp, "", ann()))))
		if _, rep, err := d.verifyAs(d.unasked(), posted(encode([]byte(text)))); codeOf(err) != sso.CodeInResponseTo {
			t.Errorf("Verify = %v, want %q; %q", err, sso.CodeInResponseTo, failed(rep))
		}
	})
}
