package ssotest_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
	"golang.org/x/net/html"

	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

const (
	acsURL = "https://app.example.com/saml/acs"
	spID   = "https://app.example.com/saml"
)

func anna() ssotest.Person {
	return ssotest.Person{
		Email: "anna@corp.example", Name: "Anna Berg", GivenName: "Anna", FamilyName: "Berg", Password: "correct horse",
		Groups: []string{"staff", "R&D <core>"},
	}
}

// spKey is the product's key, made once: no test changes it.
var spKey = sync.OnceValues(func() (*rsa.PrivateKey, *x509.Certificate) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "product"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return k, cert
})

func sp() ssotest.SP {
	_, cert := spKey()
	return ssotest.SP{EntityID: spID, ACS: acsURL, SLO: "https://app.example.com/saml/slo", SigningCert: cert, EncryptionCert: cert}
}

func start(t *testing.T, set ssotest.Settings) *ssotest.Provider {
	t.Helper()
	p := ssotest.Start(t, ssotest.Config{People: []ssotest.Person{anna()}, Settings: set})
	p.Register(sp())
	return p
}

// crewjam is a product that knows nothing of our code.
func crewjam(t *testing.T, p *ssotest.Provider) *saml.ServiceProvider {
	t.Helper()
	var idp saml.EntityDescriptor
	if err := xml.Unmarshal(p.Metadata(), &idp); err != nil {
		t.Fatal(err)
	}
	k, cert := spKey()
	acs, _ := url.Parse(acsURL)
	slo, _ := url.Parse("https://app.example.com/saml/slo")
	meta, _ := url.Parse(spID)
	return &saml.ServiceProvider{
		EntityID: spID, Key: k, Certificate: cert, AcsURL: *acs, SloURL: *slo, MetadataURL: *meta, IDPMetadata: &idp,
		SignatureMethod: dsig.RSASHA256SignatureMethod,
	}
}

// verified is the element that goxmldsig finds signed.
func verified(t *testing.T, p *ssotest.Provider, el *etree.Element) (*etree.Element, error) {
	t.Helper()
	block, _ := pem.Decode(p.Certificate())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}}).Validate(el)
}

func document(t *testing.T, text []byte) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestHonestAnswers has two libraries that know nothing of ours judge the answers of every kind of provider.
func TestHonestAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		set  ssotest.Settings
	}{
		{"signed Assertion", ssotest.Settings{}},
		{"both signed", ssotest.Settings{SignResponse: true}},
		{"signed Response", ssotest.Settings{SignResponse: true, UnsignedAssertion: true}},
		{"SHA-512", ssotest.Settings{SignatureMethod: ssotest.RSASHA512}},
		{"persistent", ssotest.Settings{NameIDFormat: ssotest.FormatPersistent}},
		{"Okta", ssotest.Settings{Attributes: ssotest.OktaAttributes}},
		{"Entra", ssotest.Settings{Attributes: ssotest.EntraAttributes}},
		{"ADFS", ssotest.Settings{Attributes: ssotest.ADFSAttributes}},
		{"LDAP", ssotest.Settings{Attributes: ssotest.LDAPAttributes}},
		{"no attributes", ssotest.Settings{Attributes: ssotest.NoAttributes}},
		{"AES-128-GCM", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128GCM}}},
		{"alone with AES-256-GCM", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}}},
		{"alone with AES-256-GCM in a signed Response", ssotest.Settings{SignResponse: true, Encryption: ssotest.Encryption{Content: ssotest.AES256GCM}}},
		{"AES-128-CBC", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128CBC}}},
		{"AES-256-CBC", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256CBC}}},
		{"alone with 3DES", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.TripleDESCBC}}},
		{"alone with OAEP of SHA-256", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, Key: ssotest.OAEPSHA256}}},
		{"alone with a prefix of the Response", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES256GCM, OuterPrefix: true}}},
		{"RSA 1.5", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128CBC, Key: ssotest.PKCS1}}},
		{"key beside", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128CBC, KeyBeside: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, c.set)
			text := p.RespondXML(p.Honest(sp(), "_request", anna()))
			root := document(t, text)
			if !strings.HasPrefix(c.name, "alone") { // the rest is more than crewjam reads
				product := crewjam(t, p)
				a, err := product.ParseXMLResponse(text, []string{"_request"}, product.AcsURL)
				if err != nil {
					t.Fatalf("crewjam: %v", private(err))
				}
				if want := anna().Email; c.set.NameIDFormat == "" && a.Subject.NameID.Value != want {
					t.Errorf("NameID = %q, want %q", a.Subject.NameID.Value, want)
				}
			}
			if c.set.Encryption.Content != "" {
				decrypt(t, root)
			}
			if c.set.SignResponse && c.set.Encryption.Content == "" {
				if _, err := verified(t, p, root); err != nil {
					t.Errorf("goxmldsig on the Response: %v", err)
				}
			}
			if assertion := root.SelectElement("Assertion"); assertion != nil && !c.set.UnsignedAssertion {
				if _, err := verified(t, p, assertion); err != nil {
					t.Errorf("goxmldsig on the Assertion: %v", err)
				}
			}
		})
	}
}

// decrypt puts the Assertion in the place of the encrypted one, as a product does with nothing but the standard library.
func decrypt(t *testing.T, root *etree.Element) {
	t.Helper()
	k, _ := spKey()
	outer := root.SelectElement("EncryptedAssertion")
	value := func(path string) []byte { return decode(t, outer.FindElement(path).Text()) }
	algorithm := func(path string) string { return outer.FindElement(path).SelectAttrValue("Algorithm", "") }
	var secret []byte
	var err error
	switch wrapped := value(".//EncryptedKey/CipherData/CipherValue"); algorithm(".//EncryptedKey/EncryptionMethod") {
	case ssotest.OAEP:
		secret, err = rsa.DecryptOAEP(sha1.New(), nil, k, wrapped, nil)
	case ssotest.OAEPSHA256:
		secret, err = rsa.DecryptOAEP(sha256.New(), nil, k, wrapped, nil)
	default:
		//lint:ignore SA1019 what the provider sends so, to be refused, is read once
		secret, err = rsa.DecryptPKCS1v15(nil, k, wrapped)
	}
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(secret)
	content := algorithm("./EncryptedData/EncryptionMethod")
	if content == ssotest.TripleDESCBC {
		block, err = des.NewTripleDESCipher(secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	sealed := value("./EncryptedData/CipherData/CipherValue")
	var text []byte
	if strings.HasSuffix(content, "gcm") {
		gcm, _ := cipher.NewGCMWithRandomNonce(block)
		if text, err = gcm.Open(nil, nil, sealed, nil); err != nil {
			t.Fatal(err)
		}
	} else {
		n := block.BlockSize()
		text = make([]byte, len(sealed)-n)
		cipher.NewCBCDecrypter(block, sealed[:n]).CryptBlocks(text, sealed[n:])
		text = text[:len(text)-int(text[len(text)-1])]
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	assertion := doc.Root()
	if assertion.SelectAttr("xmlns:saml") == nil { // leans on the Response
		if root.SelectAttr("xmlns:saml") == nil {
			t.Fatal("the prefix of the Assertion is declared nowhere")
		}
		assertion.CreateAttr("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion")
	}
	root.InsertChildAt(outer.Index(), assertion)
	root.RemoveChild(outer)
}

func private(err error) error {
	if e, ok := err.(*saml.InvalidResponseError); ok {
		return e.PrivateErr
	}
	return err
}

// browser keeps cookies, and reads the form of a page. It goes nowhere outside of this machine.
type browser struct {
	t    *testing.T
	http *http.Client
	last *http.Response
	body string
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, http: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Hostname() != "127.0.0.1" {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

func (b *browser) get(address string) *browser {
	b.t.Helper()
	resp, err := b.http.Get(address)
	return b.take(resp, err)
}

func (b *browser) post(address string, values url.Values) *browser {
	b.t.Helper()
	resp, err := b.http.PostForm(address, values)
	return b.take(resp, err)
}

func (b *browser) take(resp *http.Response, err error) *browser {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.last, b.body = resp, string(body)
	return b
}

// form is the first form of the page.
func (b *browser) form() (action string, values url.Values) {
	b.t.Helper()
	doc, err := html.Parse(strings.NewReader(b.body))
	if err != nil {
		b.t.Fatal(err)
	}
	get := func(n *html.Node, name string) string {
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
		if i < 0 {
			return ""
		}
		return n.Attr[i].Val
	}
	values = url.Values{}
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "form" && action == "":
			action = get(n, "action")
		case n.Type == html.ElementNode && n.Data == "input":
			values.Add(get(n, "name"), get(n, "value"))
		}
	}
	if action == "" {
		b.t.Fatalf("no form on the page (%d):\n%s", b.last.StatusCode, b.body)
	}
	u, err := b.last.Request.URL.Parse(action)
	if err != nil {
		b.t.Fatal(err)
	}
	return u.String(), values
}

// signIn fills in the sign-in page.
func (b *browser) signIn(email, password string) *browser {
	b.t.Helper()
	action, values := b.form()
	values.Set("email", email)
	values.Set("password", password)
	return b.post(action, values)
}

// TestSignInByBrowser goes through the pages, as somebody without script does.
func TestSignInByBrowser(t *testing.T) {
	for _, binding := range []string{saml.HTTPRedirectBinding, saml.HTTPPostBinding} {
		t.Run(binding, func(t *testing.T) {
			p := start(t, ssotest.Settings{})
			product := crewjam(t, p)
			request, err := product.MakeAuthenticationRequest(p.SSOURL(), binding, saml.HTTPPostBinding)
			if err != nil {
				t.Fatal(err)
			}
			b := newBrowser(t)
			ask := func() {
				if binding == saml.HTTPRedirectBinding {
					address, err := request.Redirect("state", product)
					if err != nil {
						t.Fatal(err)
					}
					b.get(address.String())
					return
				}
				b.body = string(request.Post("state"))
				b.last = &http.Response{Request: &http.Request{URL: &url.URL{}}}
				action, values := b.form()
				b.post(action, values)
			}
			ask()
			b.signIn("anna@corp.example", "wrong")
			if !strings.Contains(b.body, "do not belong together") {
				t.Errorf("a wrong password: got no complaint:\n%s", b.body)
			}
			b.signIn("ANNA@corp.example", "correct horse")
			checkArrival(t, product, b, request.ID, "state")
			ask() // signed in already
			checkArrival(t, product, b, request.ID, "state")
		})
	}
}

// checkArrival has the product judge the answer that stands on the page.
func checkArrival(t *testing.T, product *saml.ServiceProvider, b *browser, request, relay string) {
	t.Helper()
	action, values := b.form()
	if action != acsURL || values.Get("RelayState") != relay {
		t.Errorf("the answer goes to %s with RelayState %q, want %s and %q", action, values.Get("RelayState"), acsURL, relay)
	}
	var ids []string
	if request != "" {
		ids = []string{request}
	}
	a, err := product.ParseXMLResponse(decode(t, values.Get("SAMLResponse")), ids, product.AcsURL)
	if err != nil {
		t.Fatalf("crewjam: %v", private(err))
	}
	if got := a.Subject.NameID.Value; request != "" && product.AuthnNameIDFormat == saml.EmailAddressNameIDFormat && got != "anna@corp.example" {
		t.Errorf("NameID = %q, want anna@corp.example", got)
	}
}

func TestUnasked(t *testing.T) {
	p := start(t, ssotest.Settings{SignedInAs: "anna@corp.example"})
	product := crewjam(t, p)
	product.AllowIDPInitiated = true
	checkArrival(t, product, newBrowser(t).get(p.StartURL(spID, "page")), "", "page")
}

func TestPassive(t *testing.T) {
	p := start(t, ssotest.Settings{})
	b := newBrowser(t).get(p.SSOURL() + "?SAMLRequest=" + url.QueryEscape(requestText(p, `IsPassive="true"`)))
	_, values := b.form()
	root := document(t, decode(t, values.Get("SAMLResponse")))
	if code := root.FindElement("./Status/StatusCode/StatusCode"); code == nil || code.SelectAttrValue("Value", "") != ssotest.NoPassive || root.SelectElement("Assertion") != nil {
		t.Errorf("an answer without anybody signed in: want status NoPassive and no Assertion, got\n%s", decode(t, values.Get("SAMLResponse")))
	}
}

// requestText is an unsigned AuthnRequest for the Redirect binding.
func requestText(p *ssotest.Provider, attributes string) string {
	text := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r" Version="2.0" %s><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">%s</saml:Issuer></samlp:AuthnRequest>`, attributes, spID)
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, 9)
	io.WriteString(z, text)
	z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestRequestsRefused tells that the provider checks what products ask for, so that a test of one sees its mistakes.
func TestRequestsRefused(t *testing.T) {
	p := start(t, ssotest.Settings{SignedInAs: "anna@corp.example"})
	good := url.QueryEscape(requestText(p, ""))
	strict := sp()
	strict.EntityID, strict.SignedRequests = spID, true
	for name, query := range map[string]string{
		"nothing":          "",
		"twice":            "SAMLRequest=" + good + "&SAMLRequest=" + good,
		"no base64":        "SAMLRequest=%25",
		"other ACS":        "SAMLRequest=" + url.QueryEscape(requestText(p, `AssertionConsumerServiceURL="https://evil.example/"`)),
		"other place":      "SAMLRequest=" + url.QueryEscape(requestText(p, `Destination="https://other.example/"`)),
		"wrong signature":  "SAMLRequest=" + good + "&SigAlg=" + url.QueryEscape(ssotest.RSASHA256) + "&Signature=AAAA",
		"signed with SHA1": "SAMLRequest=" + good + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2000/09/xmldsig#rsa-sha1") + "&Signature=AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			if got := newBrowser(t).get(p.SSOURL() + "?" + query).last.StatusCode; got != http.StatusBadRequest {
				t.Errorf("status %d, want 400", got)
			}
		})
	}
	if got := newBrowser(t).get(p.SSOURL() + "?SAMLRequest=" + good).last.StatusCode; got != http.StatusOK {
		t.Errorf("a good request: status %d, want 200", got)
	}
	p.Register(strict)
	if got := newBrowser(t).get(p.SSOURL() + "?SAMLRequest=" + good).last.StatusCode; got != http.StatusBadRequest {
		t.Errorf("an unsigned request where they must be signed: status %d, want 400", got)
	}
}

// TestOddCharacters has goxmldsig read what canonical XML escapes.
func TestOddCharacters(t *testing.T) {
	const odd = "<\"quoted\"> & 'odd'\t\r\n\u00e9\u2028 name"
	p := start(t, ssotest.Settings{})
	r := p.Honest(sp(), "_request", anna())
	r.Assertion.NameID.NameQualifier = odd
	r.Assertion.Attributes = append(r.Assertion.Attributes, ssotest.Attribute{Name: odd, Values: []string{odd, ""}})
	el, err := verified(t, p, document(t, p.RespondXML(r)).SelectElement("Assertion"))
	if err != nil {
		t.Fatal(err)
	}
	if got := el.FindElement("./Subject/NameID").SelectAttrValue("NameQualifier", ""); got != odd {
		t.Errorf("the attribute reads %q, want %q", got, odd)
	}
	all := el.FindElements("./AttributeStatement/Attribute")
	if got := all[len(all)-1].SelectElement("AttributeValue").Text(); got != odd {
		t.Errorf("the text reads %q, want %q", got, odd)
	}
}

// TestCurve checks a signature of ECDSA by hand: two numbers, as the standard says, where goxmldsig expects their DER.
func TestCurve(t *testing.T) {
	p := start(t, ssotest.Settings{SignatureMethod: ssotest.ECDSASHA256})
	block, _ := pem.Decode(p.Certificate())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig := document(t, p.RespondXML(p.Honest(sp(), "_request", anna()))).FindElement("./Assertion/Signature")
	info := sig.SelectElement("SignedInfo").Copy()
	info.CreateAttr("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#")
	canonical, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(info)
	if err != nil {
		t.Fatal(err)
	}
	sum, value := sha256.Sum256(canonical), decode(t, sig.SelectElement("SignatureValue").Text())
	r, s := new(big.Int).SetBytes(value[:32]), new(big.Int).SetBytes(value[32:])
	if len(value) != 64 || !ecdsa.Verify(cert.PublicKey.(*ecdsa.PublicKey), sum[:], r, s) {
		t.Errorf("the signature of %d bytes is wrong", len(value))
	}
}
