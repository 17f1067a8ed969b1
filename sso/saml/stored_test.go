package saml_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
