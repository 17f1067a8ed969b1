package saml_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

// An idp is metadata to write.
type idp struct {
	id       string   // of the entity
	attrs    string   // of the EntityDescriptor
	role     string   // attributes of the role
	keys     string   // KeyDescriptors; empty: one of theirs
	services []string // empty: both bindings of each
}

func keyDescriptor(attributes string, k saml.KeyPair) string {
	text := base64.StdEncoding.EncodeToString(k.Certificate.Raw)
	return `<KeyDescriptor` + attributes + `><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` + "\n" +
		text[:64] + "\n" + text[64:] + "\n" + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`
}

func service(tag, binding, location string) string {
	return fmt.Sprintf(`<%s Binding="urn:oasis:names:tc:SAML:2.0:bindings:%s" Location="%s"/>`, tag, binding, location)
}

func (i idp) String() string {
	if i.id == "" {
		i.id = "https://idp.example/entity"
	}
	if i.role == "" {
		i.role = ` protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"`
	}
	if i.keys == "" {
		i.keys = keyDescriptor(` use="signing"`, theirs())
	}
	if i.services == nil {
		i.services = []string{
			service("SingleLogoutService", "SOAP", "http://inside.example/soap"),
			service("SingleLogoutService", "HTTP-POST", "https://idp.example/slo/post"),
			service("SingleLogoutService", "HTTP-Redirect", "https://idp.example/slo"),
			service("SingleSignOnService", "HTTP-POST", "https://idp.example/sso/post"),
			service("SingleSignOnService", "HTTP-Redirect", "https://idp.example/sso"),
		}
	}
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" ID="_m" entityID="` + i.id + `"` + i.attrs + `><IDPSSODescriptor` + i.role + `>` +
		i.keys + strings.Join(i.services, "") + `</IDPSSODescriptor></EntityDescriptor>`
}

func several(attributes string, all ...string) string {
	return `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" ID="_all"` + attributes + `>` + strings.Join(all, "\n") + `</EntitiesDescriptor>`
}

// signDoc signs a document as a provider does, by means that are not ours.
func signDoc(t testing.TB, doc string, k saml.KeyPair) string {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	ctx, err := dsig.NewSigningContext(k.Key, [][]byte{k.Certificate.Raw})
	if err != nil {
		t.Fatal(err)
	}
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	sig, err := ctx.ConstructSignature(d.Root().Copy(), true)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	if first := d.Root().ChildElements(); len(first) > 0 && first[0].Tag == "Issuer" {
		at = first[0].Index() + 1
	}
	d.Root().InsertChildAt(at, sig)
	out, err := d.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func refused(t *testing.T, err error, want sso.Code) *sso.Refusal {
	t.Helper()
	var r *sso.Refusal
	if !errors.As(err, &r) || r.Code != want {
		t.Fatalf("error %v (%+v), want a refusal with %s", err, r, want)
	}
	return r
}

func TestReadMetadata(t *testing.T) {
	der := func(keys ...saml.KeyPair) []sso.Certificate {
		var list []sso.Certificate
		for _, k := range keys {
			list = append(list, sso.Certificate{DER: k.Certificate.Raw, SeenAt: start})
		}
		return list
	}
	usual := sso.SAML{
		EntityID: "https://idp.example/entity", SSOURL: "https://idp.example/sso", SSOBinding: "redirect",
		SLOURL: "https://idp.example/slo", SLOBinding: "redirect", Certificates: der(theirs()), ReadAt: start,
	}
	for name, row := range map[string]struct {
		doc    string
		entity string
		want   func(*sso.SAML)
	}{
		"by Redirect where there is a choice":        {idp{}.String(), "", func(*sso.SAML) {}},
		"the entity by name":                         {idp{}.String(), "https://idp.example/entity", func(*sso.SAML) {}},
		"with a declaration, comments and its order": {"\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made by hand -->\n" + idp{}.String() + "\n<!-- end -->", "", func(*sso.SAML) {}},
		"by POST alone, no logout": {idp{services: []string{service("SingleSignOnService", "HTTP-POST", "https://idp.example/sso/post")}}.String(), "", func(s *sso.SAML) {
			s.SSOURL, s.SSOBinding, s.SLOURL, s.SLOBinding = "https://idp.example/sso/post", "post", "", ""
		}},
		"a key of no stated use, and one of encryption": {idp{keys: keyDescriptor(``, theirs()) + keyDescriptor(` use="encryption"`, another())}.String(), "", func(*sso.SAML) {}},
		"two keys, one of them twice": {idp{keys: keyDescriptor(``, theirs()) + keyDescriptor(` use="signing"`, theirs()) + keyDescriptor(` use="signing"`, another())}.String(), "", func(s *sso.SAML) {
			s.Certificates = der(theirs(), another())
		}},
		"replies elsewhere": {idp{services: []string{
			service("SingleSignOnService", "HTTP-Redirect", "https://idp.example/sso"),
			`<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/slo" ResponseLocation="https://idp.example/slo/reply"/>`,
		}}.String(), "", func(s *sso.SAML) { s.SLOReply = "https://idp.example/slo/reply" }},
		"it wants signed requests": {idp{role: ` WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol"`}.String(), "", func(s *sso.SAML) { s.SignRequests = true }},
		"the earliest end": {several(` validUntil="2026-12-24T00:00:00Z"`, idp{attrs: ` validUntil="2026-12-06T01:00:00+01:00"`}.String()), "", func(s *sso.SAML) {
			s.ValidUntil = time.Date(2026, 12, 6, 0, 0, 0, 0, time.UTC)
		}},
		"A-070 one of several, chosen":      {several("", plain(idp{id: "https://other.example"}), strings.Replace(several("", idp{}.String()), "_all", "_some", 1)), "https://idp.example/entity", func(*sso.SAML) {}},
		"a comment in an address is no end": {strings.Replace(idp{keys: keyDescriptor(``, theirs())}.String(), "</ds:X509Certificate>", "<!-- x --></ds:X509Certificate>", 1), "", func(*sso.SAML) {}},
	} {
		t.Run("R87 "+name, func(t *testing.T) {
			want := usual
			row.want(&want)
			got, err := saml.ReadMetadata([]byte(row.doc), row.entity, start)
			if err != nil {
				t.Fatalf("ReadMetadata = %v, %+v", err, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("ReadMetadata =\n%+v, want\n%+v", got, want)
			}
			if err := newProtocol(t, ours()).Check(sso.Connection{SAML: got}); err != nil {
				t.Errorf("Check of what was read = %v, want nil", err)
			}
		})
	}
}

func TestHostileMetadata(t *testing.T) {
	with := func(tag, binding, location string) string {
		return idp{services: []string{service("SingleSignOnService", "HTTP-Redirect", "https://idp.example/sso"), service(tag, binding, location)}}.String()
	}
	for name, row := range map[string]struct {
		doc    string
		entity string
		want   sso.Code
	}{
		"A-070 nothing":                      {"", "", sso.CodeMetadataXML},
		"A-070 no XML":                       {"{}", "", sso.CodeMetadataXML},
		"A-070 HTML":                         {"<html></html>", "", sso.CodeMetadataXML},
		"A-070 another namespace":            {strings.Replace(idp{}.String(), "SAML:2.0:metadata", "SAML:1.0:metadata", 1), "", sso.CodeMetadataXML},
		"A-070 DTD":                          {`<!DOCTYPE x [<!ENTITY a "b">]>` + idp{}.String(), "", sso.CodeMetadataDTD},
		"A-070 external entity":              {`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + strings.Replace(idp{}.String(), "https://idp.example/entity", "&a;", 1), "", sso.CodeMetadataDTD},
		"A-070 five megabytes":               {idp{}.String() + strings.Repeat(" ", 5<<20), "", sso.CodeMetadataXML},
		"A-070 deep":                         {strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000), "", sso.CodeMetadataXML},
		"A-070 comments within one text":     {strings.Replace(idp{}.String(), "<ds:X509Certificate>", "<ds:X509Certificate>"+strings.Repeat("a<!---->", 100000), 1), "", sso.CodeMetadataXML},
		"A-070 many elements":                {several("", strings.Repeat("<a/>", 100000)), "", sso.CodeMetadataXML},
		"A-070 several entities":             {several("", idp{}.String(), idp{id: "b"}.String()), "", sso.CodeMetadataXML},
		"A-070 several entities, no IDs":     {several("", plain(idp{}), plain(idp{id: "b"})), "", sso.CodeMetadataSeveral},
		"A-070 the chosen one twice":         {several("", plain(idp{}), plain(idp{})), "https://idp.example/entity", sso.CodeMetadataEntity},
		"A-070 another than the chosen one":  {idp{}.String(), "https://other.example", sso.CodeMetadataEntity},
		"A-070 the chosen one in other case": {idp{id: "https://IDP.example/entity"}.String(), "https://idp.example/entity", sso.CodeMetadataEntity},
		"A-070 no entities":                  {several(""), "", sso.CodeMetadataXML},
		"A-070 an entity without a name":     {strings.Replace(idp{}.String(), ` entityID="https://idp.example/entity"`, "", 1), "", sso.CodeMetadataEntity},
		"A-070 a name of two lines":          {idp{id: "a&#10;b"}.String(), "", sso.CodeMetadataEntity},
		"A-070 two roles":                    {strings.Replace(idp{}.String(), "</EntityDescriptor>", `<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></EntityDescriptor>`, 1), "", sso.CodeMetadataRole},
		"A-070 only a service provider":      {strings.ReplaceAll(idp{}.String(), "IDPSSODescriptor", "SPSSODescriptor"), "", sso.CodeMetadataRole},
		"A-070 SAML 1.1":                     {idp{role: ` protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"`}.String(), "", sso.CodeMetadataRole},
		"A-070 expired entity":               {idp{attrs: ` validUntil="2026-11-28T12:00:00Z"`}.String(), "", sso.CodeMetadataExpired},
		"A-070 expired role":                 {idp{role: ` validUntil="2020-01-01T00:00:00Z" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"`}.String(), "", sso.CodeMetadataExpired},
		"A-070 expired federation":           {several(` validUntil="2020-01-01T00:00:00Z"`, plain(idp{})), "", sso.CodeMetadataExpired},
		"A-070 an end that is no time":       {idp{attrs: ` validUntil="tomorrow"`}.String(), "", sso.CodeMetadataXML},
		"A-070 javascript":                   {with("SingleSignOnService", "HTTP-POST", "javascript:alert(1)"), "", sso.CodeMetadataAddress},
		"A-070 data":                         {with("SingleSignOnService", "HTTP-Redirect", "data:text/html,x"), "", sso.CodeMetadataAddress},
		"A-070 http":                         {with("SingleSignOnService", "HTTP-POST", "http://idp.example/sso"), "", sso.CodeMetadataAddress},
		"A-070 empty":                        {with("SingleSignOnService", "HTTP-POST", ""), "", sso.CodeMetadataAddress},
		"A-070 logout by javascript":         {with("SingleLogoutService", "HTTP-Redirect", "javascript:alert(1)"), "", sso.CodeMetadataAddress},
		"A-070 replies by javascript": {idp{services: []string{service("SingleSignOnService", "HTTP-Redirect", "https://idp.example/sso"),
			`<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/slo" ResponseLocation="javascript:x"/>`}}.String(), "", sso.CodeMetadataAddress},
		"A-060 a message in the address": {with("SingleSignOnService", "HTTP-POST", "https://idp.example/?SAMLRequest=x"), "", sso.CodeMetadataAddress},
		"only artifacts":                 {idp{services: []string{service("SingleSignOnService", "HTTP-Artifact", "https://idp.example/sso")}}.String(), "", sso.CodeMetadataBinding},
		"only a key of encryption":       {idp{keys: keyDescriptor(` use="encryption"`, theirs())}.String(), "", sso.CodeMetadataKey},
		"a key by name":                  {idp{keys: `<KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyName>x</ds:KeyName></ds:KeyInfo></KeyDescriptor>`}.String(), "", sso.CodeMetadataKey},
		"no certificate":                 {strings.Replace(idp{}.String(), "X509Certificate>\nMII", "X509Certificate>\nMIX", 1), "", sso.CodeMetadataKey},
		"no base64":                      {strings.Replace(idp{}.String(), "X509Certificate>\nMII", "X509Certificate>\n***", 1), "", sso.CodeMetadataKey},
		"markup in a certificate":        {strings.Replace(idp{}.String(), "X509Certificate>\nMII", "X509Certificate>\n<b/>MII", 1), "", sso.CodeMetadataKey},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := saml.ReadMetadata([]byte(row.doc), row.entity, start)
			r := refused(t, err, row.want)
			if len(r.Received) > 256 || len(r.Expected) > 256 {
				t.Errorf("the refusal repeats %d and %d bytes", len(r.Expected), len(r.Received))
			}
			if !reflect.DeepEqual(got, sso.SAML{}) {
				t.Errorf("settings of refused metadata: %+v", got)
			}
		})
	}
	t.Run("a weak key beside a good one", func(t *testing.T) {
		got, err := saml.ReadMetadata([]byte(idp{keys: keyDescriptor("", weak()) + keyDescriptor("", theirs())}.String()), "", start)
		if err != nil || len(got.Certificates) != 1 {
			t.Errorf("ReadMetadata = %v with %d certificates, want one", err, len(got.Certificates))
		}
		_, err = saml.ReadMetadata([]byte(idp{keys: keyDescriptor("", weak())}.String()), "", start)
		if r := refused(t, err, sso.CodeMetadataKey); !strings.Contains(r.Received, "1024") {
			t.Errorf("Received = %q, want how weak it is", r.Received)
		}
	})
}

// plain is metadata without an ID, which may stand beside others.
func plain(i idp) string { return strings.Replace(i.String(), ` ID="_m"`, "", 1) }

func TestSignedMetadata(t *testing.T) {
	good := signDoc(t, idp{}.String(), another())
	read := func(doc string) (sso.SAML, error) {
		return saml.ReadSignedMetadata([]byte(doc), another().Certificate.Raw, "https://idp.example/entity", start)
	}
	got, err := read(good)
	if err != nil || got.SSOURL != "https://idp.example/sso" || string(got.MetadataCertificate) != string(another().Certificate.Raw) {
		t.Fatalf("ReadSignedMetadata = %+v, %v", got, err)
	}
	if _, err := read(signDoc(t, several("", plain(idp{}), plain(idp{id: "b"})), another())); err != nil {
		t.Errorf("ReadSignedMetadata of a federation = %v", err)
	}
	for name, row := range map[string]struct {
		doc  string
		want sso.Code
	}{
		"A-069 not signed":            {idp{}.String(), sso.CodeSignatureMissing},
		"A-069 by another key":        {signDoc(t, idp{}.String(), theirs()), sso.CodeSignatureKey},
		"A-069 changed since":         {strings.ReplaceAll(good, "https://idp.example/sso", "https://evil.example/sso"), sso.CodeSignatureInvalid},
		"A-069 wrapped":               {several("", good, plain(idp{})), sso.CodeSignatureMissing},
		"A-069 signed inside alone":   {several("", good), sso.CodeSignatureMissing},
		"A-069 the signature of less": {strings.Replace(good, "</EntityDescriptor>", "<Organization/></EntityDescriptor>", 1), sso.CodeSignatureInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(row.doc)
			refused(t, err, row.want)
		})
	}
	t.Run("no certificate", func(t *testing.T) {
		_, err := saml.ReadSignedMetadata([]byte(good), nil, "", start)
		refused(t, err, sso.CodeMetadataKey)
	})
}

func TestFetchMetadata(t *testing.T) {
	var hits int
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, idp{}) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/inside", http.StatusFound) })
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) { hits++ })
	mux.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			fmt.Fprint(w, strings.Repeat(" ", 1<<20))
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	p, err := saml.New(saml.Config{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := p.FetchMetadata(t.Context(), server.URL+"/good")
	if err != nil || string(doc) != (idp{}).String() {
		t.Errorf("FetchMetadata = %s, %v", doc, err)
	}
	for name, row := range map[string]struct {
		address string
		want    sso.Code
	}{
		"A-068 a redirect":     {server.URL + "/away", sso.CodeMetadataFetch},
		"A-068 http":           {"http://idp.example/metadata", sso.CodeMetadataAddress},
		"A-068 a file":         {"file:///etc/passwd", sso.CodeMetadataAddress},
		"A-068 gopher":         {"gopher://127.0.0.1/", sso.CodeMetadataAddress},
		"not there":            {server.URL + "/nothing", sso.CodeMetadataFetch},
		"A-070 100 megabytes":  {server.URL + "/flood", sso.CodeMetadataXML},
		"A-068 nothing at all": {"", sso.CodeMetadataAddress},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.FetchMetadata(t.Context(), row.address)
			refused(t, err, row.want)
		})
	}
	if hits != 0 {
		t.Errorf("the redirect was followed %d times", hits)
	}
	if _, err := newProtocol(t).FetchMetadata(t.Context(), server.URL+"/good"); err == nil {
		t.Error("FetchMetadata without Config.HTTP = nil, want an error")
	}
	if _, err := p.FetchMetadata(t.Context(), "http://127.0.0.1:1/"); err == nil || errors.As(err, new(*sso.Refusal)) {
		t.Errorf("FetchMetadata of nobody = %v, want an error that is no refusal", err)
	}
}
