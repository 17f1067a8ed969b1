package saml_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/ssotest"
)

// BenchmarkAnswer checks one answer, of a person with twelve groups, with the whole of crewjam/saml, with the signature of goxmldsig
// alone (the document parsed before, and parsed within) and with ours.
func BenchmarkAnswer(b *testing.B) {
	for _, row := range []struct {
		name string
		set  ssotest.Settings
	}{
		{"assertion", ssotest.Settings{}},
		{"both", ssotest.Settings{SignResponse: true}},
		{"encrypted", ssotest.Settings{Encryption: ssotest.Encryption{Content: ssotest.AES128GCM}}},
	} {
		d := newDesk(b, row.set)
		who := ann()
		for i := range 10 {
			who.Groups = append(who.Groups, fmt.Sprintf("cn=group-%d,ou=groups,dc=acme,dc=example", i))
		}
		raw := d.p.RespondXML(d.p.Honest(d.sp, requestID, who))
		answer := posted(encode(raw))

		b.Run(row.name+"/crewjam", func(b *testing.B) {
			theirs := crewjamFor(b, d)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := theirs.ParseXMLResponse(raw, []string{requestID}, theirs.AcsURL); err != nil {
					b.Fatal(err.(*crewjam.InvalidResponseError).PrivateErr)
				}
			}
		})
		if row.name == "assertion" {
			ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{mustParse(b, certificate(d.p))}})
			ctx.Clock = dsig.NewFakeClockAt(d.now)
			validate := func(b *testing.B, doc *etree.Document) {
				if _, err := ctx.Validate(doc.Root().SelectElement("Assertion")); err != nil {
					b.Fatal(err)
				}
			}
			parse := func(b *testing.B) *etree.Document {
				doc := etree.NewDocument()
				if err := doc.ReadFromBytes(raw); err != nil {
					b.Fatal(err)
				}
				return doc
			}
			b.Run(row.name+"/goxmldsig", func(b *testing.B) {
				doc := parse(b)
				b.ReportAllocs()
				for b.Loop() {
					validate(b, doc)
				}
			})
			b.Run(row.name+"/goxmldsig, parsing", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					validate(b, parse(b))
				}
			})
		}
		b.Run(row.name+"/ours", func(b *testing.B) {
			r := d.request()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.us.Verify(context.Background(), r, answer, &sso.Report{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefused are answers of the greatest length that nobody has signed: what a stranger can make us do.
func BenchmarkRefused(b *testing.B) {
	d := newDesk(b, ssotest.Settings{})
	all := floods()
	all["grown"] = grown(d)
	for name, text := range all {
		b.Run(name, func(b *testing.B) {
			answer, r := posted(encode([]byte(text))), d.request()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.us.Verify(context.Background(), r, answer, &sso.Report{}); err == nil {
					b.Fatal("Verify = nil")
				}
			}
		})
	}
}

// floods are documents of about the most bytes that are read, each the most of something.
func floods() map[string]string {
	const most = 256<<10 - 1024
	in := func(s string) string {
		return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><samlp:Extensions>` + s + `</samlp:Extensions></samlp:Response>`
	}
	many := func(s string) string { return strings.Repeat(s, most/len(s)) }
	declared := func(format string, n int) (s string) {
		for i := range n {
			s += fmt.Sprintf(format, i, i)
		}
		return s
	}
	wide := `<a ` + declared(`xmlns:n%d="u%d" `, 16) + declared(`n%[1]d:a="" `, 16) + `/>`
	return map[string]string{
		"nested":     in(strings.Repeat("<a>", most/7) + strings.Repeat("</a>", most/7)),
		"siblings":   in(many("<a/>")),
		"text":       in(many("x")),
		"references": in(many("&amp;")),
		"attributes": in("<a " + declared(`a%d="%d" `, 15000) + "/>"),
		"namespaces": in("<a " + declared(`xmlns:n%d="%d" `, 12000) + "/>"),
		"wide":       in(strings.Repeat(wide, most/len(wide))),
		"unclosed":   in(many("<")),
		"quotes":     in(many(`<a b='`)),
		"entities":   in(many("&")),
		"IDs":        in(declared(`<a ID="_%d%d"/>`, 4000)),
	}
}

// grown is a signed assertion with as much put into it as fits: the signature of SignedInfo is right, so all of it is canonicalized.
func grown(d *desk) string {
	text, scope := string(d.p.RespondXML(d.honest())), ""
	for i := range 6 {
		scope += fmt.Sprintf(` xmlns:n%d="urn:n%d"`, i, i)
	}
	flood := `<saml:AttributeStatement>`
	for range 3 { // three within each other: as many namespaces in scope as there may be
		flood += `<saml:a` + scope + `>`
		scope = strings.ReplaceAll(scope, "xmlns:n", "xmlns:nn")
	}
	flood += strings.Repeat(`<saml:b a="" b="" c=""/>`, 3900) + strings.Repeat(`</saml:a>`, 3)
	return strings.Replace(text, "<saml:AttributeStatement>", flood, 1)
}

func crewjamFor(t testing.TB, d *desk) *crewjam.ServiceProvider {
	t.Helper()
	var meta crewjam.EntityDescriptor
	if err := xml.Unmarshal(d.p.Metadata(), &meta); err != nil {
		t.Fatal(err)
	}
	here, _ := url.Parse(acs)
	crewjam.TimeNow = now
	crewjam.Clock = dsig.NewFakeClockAt(d.now)
	return &crewjam.ServiceProvider{
		EntityID: entityID, Key: ours().Key.(*rsa.PrivateKey), Certificate: ours().Certificate, AcsURL: *here, IDPMetadata: &meta,
	}
}

func mustParse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
