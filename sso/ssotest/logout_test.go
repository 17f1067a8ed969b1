package ssotest_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/crewjam/saml"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// signedIn is a browser in which anna is signed in to the product, and the session's index.
func signedIn(t *testing.T, p *ssotest.Provider) (*browser, string) {
	t.Helper()
	b := newBrowser(t).get(p.SSOURL() + "?SAMLRequest=" + url.QueryEscape(requestText(p, "")))
	b.signIn("anna@corp.example", "correct horse")
	_, values := b.form()
	assertion := document(t, decode(t, values.Get("SAMLResponse"))).SelectElement("Assertion")
	return b, assertion.SelectElement("AuthnStatement").SelectAttrValue("SessionIndex", "")
}

// checkRedirect checks the signature of a message by the Redirect binding as the standard says, and returns the message.
func checkRedirect(t *testing.T, p *ssotest.Provider, address, field string) (message string, ok bool) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	signed, _, found := strings.Cut(u.RawQuery, "&Signature=")
	if !found || !strings.HasPrefix(signed, field+"=") || !strings.Contains(signed, "&SigAlg=") {
		return "", false
	}
	block, _ := pem.Decode(p.Certificate())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signed))
	ok = rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], decode(t, u.Query().Get("Signature"))) == nil
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(decode(t, u.Query().Get(field)))))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), ok
}

// signedRedirect is a product's message by the Redirect binding.
func signedRedirect(t *testing.T, to, field, text string) string {
	t.Helper()
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, 9)
	io.WriteString(z, text)
	z.Close()
	query := field + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes())) + "&RelayState=r%20s&SigAlg=" + url.QueryEscape(ssotest.RSASHA256)
	sum := sha256.Sum256([]byte(query))
	k, _ := spKey()
	sig, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return to + "?" + query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(sig))
}

const logoutText = `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_out" Version="2.0"><saml:Issuer>` + spID + `</saml:Issuer><saml:NameID>anna@corp.example</saml:NameID></samlp:LogoutRequest>`

// TestProductsLogout ends the provider's session by a message of the product.
func TestProductsLogout(t *testing.T) {
	t.Run("Redirect", func(t *testing.T) {
		p := start(t, ssotest.Settings{})
		b, _ := signedIn(t, p)
		b.get(signedRedirect(t, p.SLOURL(), "SAMLRequest", logoutText))
		text, ok := checkRedirect(t, p, b.last.Header.Get("Location"), "SAMLResponse")
		if !ok || !strings.Contains(text, `InResponseTo="_out"`) || !strings.Contains(text, ssotest.Success) || !strings.Contains(b.last.Header.Get("Location"), "RelayState=r+s") {
			t.Errorf("the answer: signed %v, %s, at %s", ok, text, b.last.Header.Get("Location"))
		}
		checkSignedOut(t, p, b)
	})
	t.Run("POST", func(t *testing.T) {
		p := start(t, ssotest.Settings{})
		byPost := sp()
		byPost.SLOBinding = ssotest.PostBinding
		p.Register(byPost)
		b, _ := signedIn(t, p)
		product := crewjam(t, p)
		request, err := product.MakeLogoutRequest(p.SLOURL(), "anna@corp.example")
		if err != nil {
			t.Fatal(err)
		}
		outer := &browser{t: t, body: string(request.Post("r")), last: b.last, http: b.http}
		_, values := outer.form()
		b.post(p.SLOURL(), values)
		action, answer := b.form()
		if err := product.ValidateLogoutResponseForm(answer.Get("SAMLResponse")); err != nil || action != byPost.SLO {
			t.Errorf("crewjam on the answer to %s: %v", action, private(err))
		}
		checkSignedOut(t, p, b)
	})
	t.Run("refused", func(t *testing.T) {
		p := start(t, ssotest.Settings{})
		b, _ := signedIn(t, p)
		good := signedRedirect(t, p.SLOURL(), "SAMLRequest", logoutText)
		unsigned, _, _ := strings.Cut(good, "&SigAlg=")
		for _, address := range []string{unsigned, strings.Replace(good, "RelayState=r%20s", "RelayState=x", 1), good[:len(good)-12] + "AAAAAAAAA%3D"} {
			if b.get(address); b.last.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, want 400, for %s", b.last.StatusCode, address)
			}
		}
		if b.get(p.BaseURL() + "/"); !strings.Contains(b.body, "anna@corp.example") {
			t.Error("she is signed out")
		}
	})
}

func checkSignedOut(t *testing.T, p *ssotest.Provider, b *browser) {
	t.Helper()
	if b.get(p.BaseURL() + "/"); !strings.Contains(b.body, "Password") {
		t.Errorf("she is still signed in:\n%s", b.body)
	}
}

// TestProvidersLogout signs her out at the provider, which tells the product.
func TestProvidersLogout(t *testing.T) {
	p := start(t, ssotest.Settings{})
	b, index := signedIn(t, p)
	b.post(p.BaseURL()+"/signout", nil)
	to := b.last.Header.Get("Location")
	text, ok := checkRedirect(t, p, to, "SAMLRequest")
	if !ok || !strings.HasPrefix(to, "https://app.example.com/saml/slo?") || !strings.Contains(text, index) || !strings.Contains(text, "anna@corp.example") {
		t.Errorf("the request: signed %v, %s, at %s", ok, text, to)
	}
	b.get(signedRedirect(t, p.SLOURL(), "SAMLResponse", strings.NewReplacer("LogoutRequest", "LogoutResponse").Replace(logoutText)))
	checkSignedOut(t, p, b)

	b, _ = signedIn(t, p)
	p.Hostile(ssotest.LogoutWrongKey)
	b.post(p.BaseURL()+"/signout", nil)
	if _, ok := checkRedirect(t, p, b.last.Header.Get("Location"), "SAMLRequest"); ok {
		t.Error("with LogoutWrongKey the request is well signed")
	}
}

func TestLogoutAttacks(t *testing.T) {
	p := start(t, ssotest.Settings{})
	name := ssotest.NameID{Value: "anna@corp.example", Format: ssotest.FormatEmail}
	l := p.HonestLogout(sp(), name, "_index")
	if _, err := verified(t, p, document(t, decode(t, p.LogoutForm(l)))); err != nil {
		t.Errorf("an honest message by POST: %v", err)
	}
	for _, c := range []struct {
		attack ssotest.Attack
		signed bool // as the provider signs
		says   string
	}{
		{ssotest.LogoutUnsigned, false, "anna@corp.example"},
		{ssotest.LogoutWrongKey, false, "anna@corp.example"},
		{ssotest.LogoutWrapped, false, "victim@corp.example"},
		{ssotest.LogoutOtherDestination, true, `Destination="https://other.example/slo"`},
		{ssotest.LogoutOtherIssuer, true, "https://other.example</saml:Issuer>"},
		{ssotest.LogoutExpired, true, "NotOnOrAfter"},
		{ssotest.LogoutResponseUnasked, true, "LogoutResponse"},
	} {
		t.Run(c.attack.String(), func(t *testing.T) {
			text := decode(t, p.LogoutForm(l, c.attack))
			if _, err := verified(t, p, document(t, text)); (err == nil) != c.signed {
				t.Errorf("by POST: %v, want well signed: %v", err, c.signed)
			}
			if !strings.Contains(string(text), c.says) {
				t.Errorf("by POST: want %q in\n%s", c.says, text)
			}
			if c.attack == ssotest.LogoutWrapped {
				return
			}
			field := "SAMLRequest"
			if c.attack == ssotest.LogoutResponseUnasked {
				field = "SAMLResponse"
			}
			if _, ok := checkRedirect(t, p, p.LogoutURL(l, c.attack), field); ok != c.signed {
				t.Errorf("by Redirect: well signed: %v, want %v", ok, c.signed)
			}
		})
	}
	t.Run(ssotest.DeflateBomb.String(), func(t *testing.T) {
		address := p.LogoutURL(l, ssotest.DeflateBomb)
		text, _ := checkRedirect(t, p, address, "SAMLRequest")
		if len(text) < 50<<20 || len(address) > 1<<20 {
			t.Errorf("%d bytes make %d, want far more of far fewer", len(address), len(text))
		}
	})
}

// TestParseSP reads the metadata of a product that knows nothing of our code.
func TestParseSP(t *testing.T) {
	p := start(t, ssotest.Settings{})
	product := crewjam(t, p)
	product.LogoutBindings = []string{saml.HTTPRedirectBinding}
	text, err := xml.Marshal(product.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	got, err := ssotest.ParseSP(text)
	if err != nil {
		t.Fatal(err)
	}
	want := sp()
	if got.EntityID != want.EntityID || got.ACS != want.ACS || got.SLO != want.SLO || got.SigningCert == nil || got.EncryptionCert == nil || !got.EncryptionCert.Equal(want.EncryptionCert) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, bad := range []string{"", "<x/>", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>`} {
		if _, err := ssotest.ParseSP([]byte(bad)); err == nil {
			t.Errorf("ParseSP(%q): no error", bad)
		}
	}
}
