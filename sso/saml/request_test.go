package saml_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func addresses() sso.Addresses {
	const base = "https://app.example/auth/sso/acme"
	return sso.Addresses{
		EntityID: base + "/metadata", Metadata: base + "/metadata", ACS: base + "/acs",
		Callback: base + "/callback", Logout: base + "/logout", SignedOut: base + "/signed-out",
	}
}

func connection(change ...func(*sso.Connection)) sso.Connection {
	c := sso.Connection{ID: "acme", Protocol: "saml", Domains: []string{"acme.example"}, SAML: sso.SAML{
		EntityID: "https://idp.example/entity", SSOURL: "https://idp.example/sso",
		SLOURL: "https://idp.example/slo", Certificates: []sso.Certificate{{DER: theirs().Certificate.Raw}},
	}}
	for _, f := range change {
		f(&c)
	}
	return c
}

func signIn(change ...func(*sso.Connection)) sso.Request {
	return sso.Request{Connection: connection(change...), Addresses: addresses(), Handle: "handle-1", Now: start}
}

func begin(t *testing.T, p *saml.Protocol, r sso.Request) sso.Departure {
	t.Helper()
	d, err := p.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// remembered is the ID that a Departure keeps.
func remembered(t *testing.T, d sso.Departure) string {
	t.Helper()
	var m struct{ ID string }
	if err := json.Unmarshal(d.Memory, &m); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func inflate(t *testing.T, text string) []byte {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// inAddress is the message in the query of an address, and the query with each parameter once.
func inAddress(t *testing.T, address, param string) ([]byte, url.Values) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range query {
		if len(values) != 1 {
			t.Errorf("%s is there %d times, want once", name, len(values))
		}
	}
	return inflate(t, query.Get(param)), query
}

func inForm(t *testing.T, f *sso.Form, param string) []byte {
	t.Helper()
	if f == nil || len(f.Fields) == 0 || f.Fields[0].Name != param {
		t.Fatalf("the form is %+v, want one with %s", f, param)
	}
	doc, err := base64.StdEncoding.DecodeString(f.Fields[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// checkOctets checks the signature of a query with the standard library alone.
func checkOctets(t *testing.T, address string, key crypto.PublicKey) {
	t.Helper()
	_, raw, _ := strings.Cut(address, "?")
	signed, last, ok := strings.Cut(raw, "&Signature=")
	if !ok || strings.Contains(last, "&") {
		t.Fatalf("no signature at the end of %s", raw)
	}
	signed = signed[strings.Index(signed, "SAMLRe"):] // what the provider's own query holds is not signed
	text, err := url.QueryUnescape(last)
	if err != nil {
		t.Fatal(err)
	}
	checkRaw(t, []byte(signed), text, key)
}

func checkRaw(t *testing.T, signed []byte, text string, key crypto.PublicKey) {
	t.Helper()
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(signed)
	switch key := key.(type) {
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("the signature over %s: %v", signed, err)
		}
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		if len(signature) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])) {
			t.Errorf("the signature over %s is wrong", signed)
		}
	}
}

// checkEnveloped checks a signature in a document with goxmldsig; it does not know how ECDSA is written, and then only the digest is
// compared by its canonicalizer, the signature by the standard library.
func checkEnveloped(t *testing.T, doc []byte, k saml.KeyPair) {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatal(err)
	}
	children := d.Root().ChildElements()
	if len(children) < 2 || children[0].Tag != "Issuer" || children[1].Tag != "Signature" {
		t.Errorf("the signature is not behind the issuer in %s", doc)
	}
	if _, ok := k.Key.Public().(*ecdsa.PublicKey); ok {
		info := d.FindElement("//ds:SignedInfo")
		value := d.FindElement("//ds:SignatureValue").Text()
		digest := d.FindElement("//ds:DigestValue").Text()
		alone := info.Copy()
		alone.CreateAttr("xmlns:ds", dsig.Namespace)
		c := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
		canonical, err := c.Canonicalize(alone)
		if err != nil {
			t.Fatal(err)
		}
		checkRaw(t, canonical, value, k.Key.Public())
		root := d.Root().Copy()
		root.RemoveChild(root.FindElement("./ds:Signature"))
		if canonical, err = c.Canonicalize(root); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(canonical); base64.StdEncoding.EncodeToString(sum[:]) != digest {
			t.Errorf("the digest is %s, want that of %s", digest, canonical)
		}
		return
	}
	v := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{k.Certificate}})
	v.Clock = dsig.NewFakeClockAt(start)
	if _, err := v.Validate(d.Root()); err != nil {
		t.Errorf("goxmldsig: %v in %s", err, doc)
	}
}

func everything(c *sso.Connection) {
	c.SAML.NameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	c.SAML.AuthnContext = "https://refeds.org/profile/mfa"
}

// TestAuthnRequest is S-20.
func TestAuthnRequest(t *testing.T) {
	p := newProtocol(t, ours())
	for name, row := range map[string]struct {
		golden string
		fresh  bool
		change func(*sso.Connection)
	}{
		"as little as possible": {"authnrequest-plain.xml", false, func(*sso.Connection) {}},
		"everything":            {"authnrequest-full.xml", true, everything},
	} {
		t.Run("S-20 "+name, func(t *testing.T) {
			r := signIn(row.change)
			r.Fresh = row.fresh
			r.LoginHint = "somebody@acme.example"
			d := begin(t, p, r)
			doc, query := inAddress(t, d.URL, "SAMLRequest")
			id := remembered(t, d)
			if !regexp.MustCompile(`^_[a-z2-7]{26}$`).MatchString(id) {
				t.Errorf("the ID is %q", id)
			}
			if bytes.Contains(doc, []byte("somebody")) {
				t.Errorf("the request tells who signs in: %s", doc)
			}
			golden(t, row.golden, bytes.ReplaceAll(doc, []byte(id), []byte("_ID")))
			if got := query.Get("RelayState"); got != "handle-1" {
				t.Errorf("RelayState = %q, want the handle", got)
			}
			if query.Has("Signature") || query.Has("SigAlg") {
				t.Errorf("the query %v is signed, want it as it was set", query)
			}
			var read crewjam.AuthnRequest
			if err := xml.Unmarshal(doc, &read); err != nil || read.AssertionConsumerServiceURL != r.Addresses.ACS || read.Issuer.Value != r.Addresses.EntityID {
				t.Errorf("another reader: %v, %+v", err, read)
			}
			if other := remembered(t, begin(t, p, r)); other == id {
				t.Errorf("two requests have the ID %s", id)
			}
		})
	}
}

func TestSignedRequests(t *testing.T) {
	for name, k := range map[string]saml.KeyPair{"RSA": ours(), "ECDSA": curved()} {
		for _, change := range []func(*sso.Connection){func(*sso.Connection) {}, everything} {
			p := newProtocol(t, k)
			t.Run("S-20 signed by Redirect, "+name, func(t *testing.T) {
				d := begin(t, p, signIn(change, func(c *sso.Connection) {
					c.SAML.SignRequests = true
					c.SAML.SSOURL = "https://idp.example/sso?tenant=7&x=a%26b"
				}))
				if !strings.HasPrefix(d.URL, "https://idp.example/sso?tenant=7&x=a%26b&SAMLRequest=") {
					t.Errorf("URL = %s", d.URL)
				}
				_, query := inAddress(t, d.URL, "SAMLRequest")
				if alg := query.Get("SigAlg"); !strings.HasSuffix(alg, "-sha256") {
					t.Errorf("SigAlg = %s", alg)
				}
				checkOctets(t, d.URL, k.Key.Public())
			})
			t.Run("S-20 signed by POST, "+name, func(t *testing.T) {
				d := begin(t, p, signIn(change, func(c *sso.Connection) {
					c.SAML.SignRequests = true
					c.SAML.SSOBinding = "post"
					c.SAML.SSOURL = "https://idp.example/sso?a=b&c=\"<d>"
				}))
				if d.URL != "" || d.Post.Action != "https://idp.example/sso?a=b&c=\"<d>" {
					t.Errorf("the form goes to %q, and the browser to %q", d.Post.Action, d.URL)
				}
				checkEnveloped(t, inForm(t, d.Post, "SAMLRequest"), k)
				if f := d.Post.Fields; len(f) != 2 || f[1] != (sso.Field{Name: "RelayState", Value: "handle-1"}) {
					t.Errorf("fields %v, want the handle as the second", f)
				}
			})
		}
	}
}

func TestRelayState(t *testing.T) {
	p := newProtocol(t, ours())
	for name, handle := range map[string]string{
		"A-060 a second message":     "x&SAMLRequest=AAAA&SigAlg=none",
		"A-060 an escaped ampersand": "x%26SAMLRequest%3DAAAA",
		"A-060 plus and space":       "a+b c;d#e",
		"A-059 lines":                "x\r\nSet-Cookie: a=b",
		"A-059 script":               "\"><script>alert(1)</script>",
	} {
		t.Run(name, func(t *testing.T) {
			r := signIn(func(c *sso.Connection) { c.SAML.SignRequests = true })
			r.Handle = handle
			d := begin(t, p, r)
			_, query := inAddress(t, d.URL, "SAMLRequest")
			if got := query.Get("RelayState"); got != handle || len(query) != 4 {
				t.Errorf("the provider sees %d parameters and RelayState %q, want 4 and %q", len(query), got, handle)
			}
			if strings.ContainsAny(d.URL, "\r\n<>\" ") {
				t.Errorf("URL = %s", d.URL)
			}
			checkOctets(t, d.URL, ours().Key.Public())
		})
	}
	t.Run("S-15 eighty bytes", func(t *testing.T) {
		r := signIn()
		r.Handle = strings.Repeat("h", 80)
		begin(t, p, r)
		r.Handle += "h"
		if d, err := p.Begin(t.Context(), r); err == nil {
			t.Errorf("Begin with 81 bytes = %v, want an error", d)
		}
	})
	t.Run("none", func(t *testing.T) {
		r := signIn()
		r.Handle = ""
		if d := begin(t, p, r); strings.Contains(d.URL, "RelayState") {
			t.Errorf("URL = %s, want no RelayState", d.URL)
		}
	})
}

// Sixty-four callers share the packers; each must get its own message whole.
func TestBeginAtOnce(t *testing.T) {
	p := newProtocol(t, curved())
	const callers = 64
	departures := make([]sso.Departure, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			r := signIn(func(c *sso.Connection) { c.SAML.SignRequests = true })
			r.Handle = fmt.Sprint("handle-", i)
			departures[i], _ = p.Begin(context.Background(), r)
		})
	}
	all.Wait()
	for i, d := range departures {
		doc, query := inAddress(t, d.URL, "SAMLRequest")
		if !bytes.Contains(doc, []byte(remembered(t, d))) || query.Get("RelayState") != fmt.Sprint("handle-", i) {
			t.Errorf("caller %d was sent to %s", i, d.URL)
		}
		checkOctets(t, d.URL, curved().Key.Public())
	}
}

func TestBeginRefuses(t *testing.T) {
	r := signIn(func(c *sso.Connection) { c.SAML.SignRequests = true })
	if d, err := newProtocol(t).Begin(t.Context(), r); err == nil {
		t.Errorf("Begin without keys = %v, want an error rather than an unsigned request", d)
	}
	r = signIn(func(c *sso.Connection) { c.SAML.SSOBinding = "soap" })
	if d, err := newProtocol(t).Begin(t.Context(), r); err == nil {
		t.Errorf("Begin by SOAP = %v, want an error", d)
	}
}

// What is strange in a setting must not make another message of it.
func TestEscapes(t *testing.T) {
	p := newProtocol(t, ours())
	r := signIn(everything, func(c *sso.Connection) {
		c.SAML.SignRequests, c.SAML.SSOBinding = true, "post"
		c.SAML.AuthnContext = "a<b>&c]]>\"'\r\n\té\x00\xff\U0001F600"
		c.SAML.NameIDFormat = c.SAML.AuthnContext
	})
	doc := inForm(t, begin(t, p, r).Post, "SAMLRequest")
	checkEnveloped(t, doc, ours())
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatal(err)
	}
	want := "a<b>&c]]>\"'\r\n\té\uFFFD\uFFFD\U0001F600"
	if got := d.FindElement("//saml:AuthnContextClassRef").Text(); got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	if got := d.FindElement("//samlp:NameIDPolicy").SelectAttrValue("Format", ""); got != want {
		t.Errorf("the attribute is %q, want %q", got, want)
	}
}

func crewjamSP(b testing.TB, sign bool) *crewjam.ServiceProvider {
	at := func(s string) url.URL {
		u, err := url.Parse(s)
		if err != nil {
			b.Fatal(err)
		}
		return *u
	}
	sp := &crewjam.ServiceProvider{
		EntityID: addresses().EntityID, MetadataURL: at(addresses().Metadata), AcsURL: at(addresses().ACS),
		Key: ours().Key, Certificate: ours().Certificate, AuthnNameIDFormat: crewjam.EmailAddressNameIDFormat,
		IDPMetadata: &crewjam.EntityDescriptor{EntityID: "https://idp.example/entity", IDPSSODescriptors: []crewjam.IDPSSODescriptor{{
			SingleSignOnServices: []crewjam.Endpoint{{Binding: crewjam.HTTPRedirectBinding, Location: "https://idp.example/sso"}},
		}}},
	}
	if sign {
		sp.SignatureMethod = dsig.RSASHA256SignatureMethod
	}
	return sp
}

func BenchmarkBegin(b *testing.B) {
	for _, signed := range []bool{false, true} {
		name := map[bool]string{false: "unsigned", true: "signed"}[signed]
		r := signIn(func(c *sso.Connection) {
			c.SAML.SignRequests = signed
			c.SAML.NameIDFormat = string(crewjam.EmailAddressNameIDFormat)
		})
		b.Run("ours/"+name, func(b *testing.B) {
			p := newProtocol(b, ours())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Begin(context.Background(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("crewjam/"+name, func(b *testing.B) {
			sp := crewjamSP(b, signed)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sp.MakeRedirectAuthenticationRequest("handle-1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
