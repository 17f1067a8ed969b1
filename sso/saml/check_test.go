package saml_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

func TestCheck(t *testing.T) {
	short := weak().Certificate.Raw
	p := newProtocol(t, ours())
	for name, change := range map[string]func(*sso.SAML){
		"as little as possible": func(s *sso.SAML) { s.SLOURL = "" },
		"loopback":              func(s *sso.SAML) { s.SSOURL = "http://127.0.0.1:8081/sso" },
		"loopback by name":      func(s *sso.SAML) { s.SSOURL = "http://localhost:8081/sso" },
		"loopback, IPv6":        func(s *sso.SAML) { s.SSOURL = "http://[::1]:8081/sso" },
		"a query":               func(s *sso.SAML) { s.SSOURL = "https://idp.example/sso?idpid=C0123" },
		"an entity that is no address": func(s *sso.SAML) {
			s.EntityID = "urn:example:idp"
		},
		"an elliptic key": func(s *sso.SAML) { s.Certificates[0].DER = curved().Certificate.Raw },
		"one held": func(s *sso.SAML) {
			s.Certificates = append(s.Certificates, sso.Certificate{DER: another().Certificate.Raw, Held: true})
		},
		"all of it": func(s *sso.SAML) {
			s.SSOBinding, s.SLOBinding, s.SLOReply = "post", "redirect", "https://idp.example/slo/reply"
			s.MetadataURL, s.MetadataCertificate = "https://idp.example/metadata", theirs().Certificate.Raw
			s.SignRequests, s.EntityIDOverride, s.AuthnContext = true, "https://app.example/saml", "https://refeds.org/profile/mfa"
		},
	} {
		t.Run("R87 "+name, func(t *testing.T) {
			if err := p.Check(connection(func(c *sso.Connection) { change(&c.SAML) })); err != nil {
				t.Errorf("Check = %v, want nil", err)
			}
		})
	}
	for name, row := range map[string]struct {
		field  string
		change func(*sso.SAML)
	}{
		"no entity":                    {"EntityID", func(s *sso.SAML) { s.EntityID = "" }},
		"an entity of two lines":       {"EntityID", func(s *sso.SAML) { s.EntityID = "a\nb" }},
		"a long entity":                {"EntityID", func(s *sso.SAML) { s.EntityID = "https://" + strings.Repeat("a", 1024) }},
		"no address":                   {"SSOURL", func(s *sso.SAML) { s.SSOURL = "" }},
		"A-070 http":                   {"SSOURL", func(s *sso.SAML) { s.SSOURL = "http://idp.example/sso" }},
		"A-070 http to a name like us": {"SSOURL", func(s *sso.SAML) { s.SSOURL = "http://localhost.example/sso" }},
		"A-070 javascript":             {"SSOURL", func(s *sso.SAML) { s.SSOURL = "javascript:alert(1)" }},
		"A-070 data":                   {"SSOURL", func(s *sso.SAML) { s.SSOURL = "data:text/html,hello" }},
		"A-070 no scheme":              {"SSOURL", func(s *sso.SAML) { s.SSOURL = "//idp.example/sso" }},
		"A-070 no host":                {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https:///sso" }},
		"A-070 opaque":                 {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https:idp.example" }},
		"A-070 a user":                 {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://app.example@evil.example/" }},
		"A-070 a backslash":            {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://evil.example\\@idp.example/" }},
		"A-070 quotes and brackets":    {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/\"><script>" }},
		"A-070 a backslash in a path":  {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/\\evil.example" }},
		"A-070 http to inside":         {"SSOURL", func(s *sso.SAML) { s.SSOURL = "http://10.0.0.1/sso" }},
		"A-070 a fragment":             {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/#x" }},
		"A-060 a message already":      {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/?SAMLRequest=x" }},
		"A-060 the same, escaped":      {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/?%52elayState=x" }},
		"a query nobody reads":         {"SSOURL", func(s *sso.SAML) { s.SSOURL = "https://idp.example/?a;b" }},
		"another binding":              {"SSOBinding", func(s *sso.SAML) { s.SSOBinding = "artifact" }},
		"A-070 logout by http":         {"SLOURL", func(s *sso.SAML) { s.SLOURL = "http://idp.example/slo" }},
		"another binding of logout":    {"SLOBinding", func(s *sso.SAML) { s.SLOBinding = "soap" }},
		"A-070 replies by http":        {"SLOReply", func(s *sso.SAML) { s.SLOReply = "http://idp.example/slo" }},
		"no certificate":               {"Certificates", func(s *sso.SAML) { s.Certificates = nil }},
		"A-069 only held ones":         {"Certificates", func(s *sso.SAML) { s.Certificates[0].Held = true }},
		"no certificate at all":        {"Certificates: number 1", func(s *sso.SAML) { s.Certificates[0].DER = []byte("x") }},
		"a weak key":                   {"Certificates: number 2", func(s *sso.SAML) { s.Certificates = append(s.Certificates, sso.Certificate{DER: short}) }},
		"metadata by http":             {"MetadataURL", func(s *sso.SAML) { s.MetadataURL = "http://idp.example/metadata" }},
		"metadata from a file":         {"MetadataURL", func(s *sso.SAML) { s.MetadataURL = "file:///etc/passwd" }},
		"metadata signed weakly":       {"MetadataCertificate", func(s *sso.SAML) { s.MetadataCertificate = short }},
		"a format of two lines":        {"NameIDFormat", func(s *sso.SAML) { s.NameIDFormat = "a\nb" }},
		"our name with a space":        {"EntityIDOverride", func(s *sso.SAML) { s.EntityIDOverride = " https://app.example" }},
		"a context of nothing":         {"AuthnContext", func(s *sso.SAML) { s.AuthnContext = "\x00" }},
		"A-066 transient names":        {"NameIDFormat", func(s *sso.SAML) { s.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }},
	} {
		t.Run("R87 "+name, func(t *testing.T) {
			err := p.Check(connection(func(c *sso.Connection) { row.change(&c.SAML) }))
			if want := "saml: Connection.SAML." + row.field + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("Check = %v, want %s…", err, want)
			}
		})
	}
	t.Run("R90 transient names beside an attribute", func(t *testing.T) {
		c := connection()
		c.SAML.NameIDFormat, c.Attributes.Subject = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", "employeeNumber"
		if err := p.Check(c); err != nil {
			t.Errorf("Check = %v, want nil", err)
		}
	})
	t.Run("signed without a key", func(t *testing.T) {
		err := newProtocol(t).Check(connection(func(c *sso.Connection) { c.SAML.SignRequests = true }))
		if err == nil || !strings.Contains(err.Error(), "SignRequests") {
			t.Errorf("Check = %v, want an error of SignRequests", err)
		}
	})
}

func TestWarnings(t *testing.T) {
	ends := theirs().Certificate.NotAfter
	day := 24 * time.Hour
	for name, row := range map[string]struct {
		now    time.Time
		change func(*sso.Connection)
		want   []saml.Warning
	}{
		"nothing yet":        {ends.Add(-31 * day), func(*sso.Connection) {}, nil},
		"R87 thirty days":    {ends.Add(-30 * day), func(*sso.Connection) {}, []saml.Warning{{Field: "Certificates", Ends: ends, Days: 30}}},
		"R87 fourteen":       {ends.Add(-14*day + time.Hour), func(*sso.Connection) {}, []saml.Warning{{Field: "Certificates", Ends: ends, Days: 14}}},
		"R87 seven":          {ends.Add(-2 * day), func(*sso.Connection) {}, []saml.Warning{{Field: "Certificates", Ends: ends, Days: 7}}},
		"R87 the last day":   {ends.Add(-time.Hour), func(*sso.Connection) {}, []saml.Warning{{Field: "Certificates", Ends: ends, Days: 1}}},
		"R87 it has passed":  {ends, func(*sso.Connection) {}, []saml.Warning{{Field: "Certificates", Ends: ends}}},
		"a held one is none": {ends, func(c *sso.Connection) { c.SAML.Certificates[0].Held = true }, nil},
		"the metadata":       {start, func(c *sso.Connection) { c.SAML.ValidUntil = start.Add(time.Hour) }, []saml.Warning{{Field: "ValidUntil", Ends: start.Add(time.Hour), Days: 1}}},
		"metadata of a week": {start, func(c *sso.Connection) { c.SAML.ValidUntil = start.Add(7 * day) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newProtocol(t).Warnings(connection(row.change), row.now); !slices.Equal(got, row.want) {
				t.Errorf("Warnings = %v, want %v", got, row.want)
			}
		})
	}
	if got := newProtocol(t, ours()).Warnings(connection(), ends.Add(-time.Hour)); len(got) != 2 || got[1].Field != "Keys" {
		t.Errorf("Warnings = %v, want one of our own key too", got)
	}
}
