package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

const (
	rsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	token     = `{"value":"ann","format":"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent","nq":"https://idp.example/entity","spnq":"https://app.example/auth/sso/acme/metadata"}`
	subject   = "urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Anameid-format%3Apersistent|https%3A%2F%2Fidp.example%2Fentity|https%3A%2F%2Fapp.example%2Fauth%2Fsso%2Facme%2Fmetadata|ann"
)

func logout(t *testing.T, p *saml.Protocol, r sso.Request, l sso.Login) sso.Departure {
	t.Helper()
	d, ok, err := p.Logout(t.Context(), r, l)
	if err != nil || !ok {
		t.Fatalf("Logout = %v, %v", ok, err)
	}
	return d
}

func TestLogoutRequest(t *testing.T) {
	login := sso.Login{Subject: subject, Index: "session-7", Token: []byte(token)}
	for name, k := range map[string]saml.KeyPair{"RSA": ours(), "ECDSA": curved()} {
		t.Run("S-19 by Redirect, "+name, func(t *testing.T) {
			d := logout(t, newProtocol(t, k), signIn(), login)
			if !strings.HasPrefix(d.URL, "https://idp.example/slo?SAMLRequest=") {
				t.Errorf("URL = %s", d.URL)
			}
			doc, query := inAddress(t, d.URL, "SAMLRequest")
			if query.Get("RelayState") != "handle-1" {
				t.Errorf("RelayState = %q", query.Get("RelayState"))
			}
			checkOctets(t, d.URL, k.Key.Public())
			golden(t, "logoutrequest.xml", bytes.ReplaceAll(doc, []byte(remembered(t, d)), []byte("_ID")))
			var read crewjam.LogoutRequest
			if err := xml.Unmarshal(doc, &read); err != nil || read.NameID.Value != "ann" || read.SessionIndex.Value != "session-7" {
				t.Errorf("another reader: %v, %+v", err, read)
			}
		})
		t.Run("S-19 by POST, "+name, func(t *testing.T) {
			d := logout(t, newProtocol(t, k), signIn(func(c *sso.Connection) { c.SAML.SLOBinding = "post" }), login)
			checkEnveloped(t, inForm(t, d.Post, "SAMLRequest"), k)
		})
	}
	t.Run("a name and nothing else", func(t *testing.T) {
		d := logout(t, newProtocol(t, ours()), signIn(), sso.Login{Token: []byte(`{"value":"a&b"}`)})
		doc, _ := inAddress(t, d.URL, "SAMLRequest")
		if !bytes.Contains(doc, []byte(`<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">a&amp;b</saml:NameID></samlp:LogoutRequest>`)) {
			t.Errorf("the request is %s", doc)
		}
	})
	for name, row := range map[string]struct {
		p      *saml.Protocol
		login  sso.Login
		change func(*sso.Connection)
	}{
		"no address": {newProtocol(t, ours()), login, func(c *sso.Connection) { c.SAML.SLOURL = "" }},
		"no key":     {newProtocol(t), login, func(*sso.Connection) {}},
		"no name":    {newProtocol(t, ours()), sso.Login{Subject: subject}, func(*sso.Connection) {}},
	} {
		t.Run(name, func(t *testing.T) {
			if d, ok, err := row.p.Logout(t.Context(), signIn(row.change), row.login); ok || err != nil || !reflect.DeepEqual(d, sso.Departure{}) {
				t.Errorf("Logout = %+v, %v, %v, want none", d, ok, err)
			}
		})
	}
	t.Run("a name that is none", func(t *testing.T) {
		for _, bad := range []string{"ann", `{"format":"x"}`} {
			if d, ok, err := newProtocol(t, ours()).Logout(t.Context(), signIn(), sso.Login{Token: []byte(bad)}); ok || err == nil || strings.Contains(err.Error(), "ann") {
				t.Errorf("Logout = %+v, %v, %v, want an error that repeats nothing", d, ok, err)
			}
		}
	})
}

// A logoutMessage is one of a provider.
type logoutMessage struct {
	root, id, version, at, ends, to, issuer, reply, content string
}

const nameXML = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="https://idp.example/entity" SPNameQualifier="https://app.example/auth/sso/acme/metadata">ann</saml:NameID>`

func asks(change ...func(*logoutMessage)) string {
	m := logoutMessage{
		root: "LogoutRequest", id: "_req-1", version: "2.0", at: "2026-11-28T12:00:00Z", to: addresses().Logout,
		issuer:  "<saml:Issuer>https://idp.example/entity</saml:Issuer>",
		content: nameXML + `<samlp:SessionIndex>session-7</samlp:SessionIndex>`,
	}
	for _, f := range change {
		f(&m)
	}
	return m.String()
}

func answers(to string, change ...func(*logoutMessage)) string {
	return asks(append([]func(*logoutMessage){func(m *logoutMessage) {
		m.root, m.id, m.reply = "LogoutResponse", "_res-1", to
		m.content = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`
	}}, change...)...)
}

func (m logoutMessage) String() string {
	var b strings.Builder
	b.WriteString(`<samlp:` + m.root + ` xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`)
	for _, a := range [][2]string{{"ID", m.id}, {"Version", m.version}, {"IssueInstant", m.at}, {"NotOnOrAfter", m.ends}, {"Destination", m.to}, {"InResponseTo", m.reply}} {
		if a[1] != "" {
			b.WriteString(` ` + a[0] + `="` + a[1] + `"`)
		}
	}
	b.WriteString(`>` + m.issuer + m.content + `</samlp:` + m.root + `>`)
	return b.String()
}

func pack(doc []byte) string {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestCompression)
	w.Write(doc)
	w.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func paramOf(doc string) string {
	if strings.Contains(doc, "LogoutResponse") {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// signQuery signs a query as a provider does: a few of them escape in lower case.
func signQuery(t testing.TB, query string, k saml.KeyPair) string {
	t.Helper()
	query += "&SigAlg=" + strings.ReplaceAll(url.QueryEscape(rsaSHA256), "%3A", "%3a")
	return query + "&Signature=" + url.QueryEscape(signOctets(t, query, k, crypto.SHA256))
}

func signOctets(t testing.TB, octets string, k saml.KeyPair, hash crypto.Hash) string {
	t.Helper()
	h := hash.New()
	h.Write([]byte(octets))
	signature, err := k.Key.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func byQuery(query string) sso.Message {
	values, _ := url.ParseQuery(query)
	return sso.Message{RawQuery: query, Query: values}
}

func byRedirect(t testing.TB, doc, relay string) sso.Message {
	t.Helper()
	query := paramOf(doc) + "=" + url.QueryEscape(pack([]byte(doc)))
	if relay != "" {
		query += "&RelayState=" + url.QueryEscape(relay)
	}
	return byQuery(signQuery(t, query, theirs()))
}

func byPost(t testing.TB, doc, relay string) sso.Message {
	t.Helper()
	return byForm(signDoc(t, doc, theirs()), relay)
}

func byForm(doc, relay string) sso.Message {
	form := url.Values{paramOf(doc): {base64.StdEncoding.EncodeToString([]byte(doc))}}
	if relay != "" {
		form.Set("RelayState", relay)
	}
	return sso.Message{Post: true, Form: form}
}

func noted(t *testing.T, rep *sso.Report, want *sso.Refusal) {
	t.Helper()
	if len(rep.Checks) == 0 {
		t.Fatal("nothing is in the report")
	}
	for i, c := range rep.Checks {
		if last := i == len(rep.Checks)-1; c.OK != (!last || want == nil) {
			t.Errorf("the report is %+v", rep.Checks)
		}
	}
	if last := rep.Checks[len(rep.Checks)-1]; want != nil && last.Code != want.Code {
		t.Errorf("the report ends with %s, want %s", last.Code, want.Code)
	}
}

func TestEndedRequest(t *testing.T) {
	p := newProtocol(t, ours())
	carry := map[string]func(testing.TB, string, string) sso.Message{"by Redirect": byRedirect, "by POST": byPost}
	for name, send := range carry {
		t.Run("S-19 "+name, func(t *testing.T) {
			var rep sso.Report
			got, err := p.Ended(t.Context(), signIn(), send(t, asks(), "theirs&<>"), &rep)
			if err != nil {
				t.Fatalf("Ended = %v, %+v", err, err)
			}
			noted(t, &rep, nil)
			answer := got.Answer
			got.Answer = nil
			want := sso.Ending{Request: true, Subject: subject, Indexes: []string{"session-7"}, Once: "logout:https://idp.example/entity _req-1", OnceEnds: start.Add(9 * time.Minute)}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Ended = %+v, want %+v", got, want)
			}
			for done, status := range map[bool]string{true: "logoutresponse-done.xml", false: "logoutresponse-partial.xml"} {
				d, err := answer(done)
				if err != nil || d.Memory != nil {
					t.Fatalf("Answer = %+v, %v", d, err)
				}
				doc, query := inAddress(t, d.URL, "SAMLResponse")
				if query.Get("RelayState") != "theirs&<>" || !strings.HasPrefix(d.URL, "https://idp.example/slo?") {
					t.Errorf("URL = %s", d.URL)
				}
				checkOctets(t, d.URL, ours().Key.Public())
				var read crewjam.LogoutResponse
				if err := xml.Unmarshal(doc, &read); err != nil || read.InResponseTo != "_req-1" {
					t.Errorf("another reader: %v, %+v", err, read)
				}
				golden(t, status, bytes.ReplaceAll(doc, []byte(read.ID), []byte("_ID")))
			}
		})
		t.Run("A-059 a long RelayState is not carried back, "+name, func(t *testing.T) {
			r := signIn(func(c *sso.Connection) { c.SAML.SLOBinding, c.SAML.SLOReply = "post", "https://idp.example/reply" })
			got, err := p.Ended(t.Context(), r, send(t, asks(), strings.Repeat("r", 81)), new(sso.Report))
			if err != nil {
				t.Fatal(err)
			}
			d, err := got.Answer(true)
			if err != nil || d.Post.Action != "https://idp.example/reply" || len(d.Post.Fields) != 1 {
				t.Fatalf("Answer = %+v, %v", d.Post, err)
			}
			checkEnveloped(t, inForm(t, d.Post, "SAMLResponse"), ours())
		})
		t.Run("an attribute names people, "+name, func(t *testing.T) {
			r := signIn(func(c *sso.Connection) { c.Attributes.Subject, c.SAML.SLOURL = "employeeNumber", "" })
			got, err := p.Ended(t.Context(), r, send(t, asks(), ""), new(sso.Report))
			if err != nil || !strings.HasSuffix(got.Subject, "|ann") || !slices.Equal(got.Indexes, []string{"session-7"}) || got.Answer != nil {
				t.Errorf("Ended = %+v, %v, want the name that the provider has for it, the index, and no answer without an address", got, err)
			}
		})
		for _, row := range []struct {
			name   string
			change func(*logoutMessage)
			want   sso.Code
		}{
			{"S-19 another provider", func(m *logoutMessage) { m.issuer = "<saml:Issuer>https://evil.example</saml:Issuer>" }, sso.CodeLogoutIssuer},
			{"S-19 no provider", func(m *logoutMessage) { m.issuer = "" }, sso.CodeLogoutIssuer},
			{"S-19 two providers", func(m *logoutMessage) { m.content = m.issuer + m.content }, sso.CodeLogoutIssuer},
			{"S-19 a provider of another format", func(m *logoutMessage) { m.issuer = strings.Replace(m.issuer, "Issuer>", `Issuer Format="urn:x">`, 1) }, sso.CodeLogoutIssuer},
			{"S-19 another address", func(m *logoutMessage) { m.to = addresses().ACS }, sso.CodeLogoutDestination},
			{"S-19 no address", func(m *logoutMessage) { m.to = "" }, sso.CodeLogoutDestination},
			{"S-19 old", func(m *logoutMessage) { m.at = "2026-11-28T11:52:59Z" }, sso.CodeLogoutTime},
			{"S-19 of a time to come", func(m *logoutMessage) { m.at = "2026-11-28T12:02:01Z" }, sso.CodeLogoutTime},
			{"S-19 of no time", func(m *logoutMessage) { m.at = "" }, sso.CodeLogoutTime},
			{"S-19 over", func(m *logoutMessage) { m.ends = "2026-11-28T11:58:00Z" }, sso.CodeLogoutTime},
			{"S-19 over by no time", func(m *logoutMessage) { m.ends = "soon" }, sso.CodeLogoutTime},
			{"S-19 SAML 1.1", func(m *logoutMessage) { m.version = "1.1" }, sso.CodeLogoutMessage},
			{"S-19 nobody", func(m *logoutMessage) { m.content = "" }, sso.CodeLogoutName},
			{"S-19 an empty name", func(m *logoutMessage) { m.content = "<saml:NameID/>" }, sso.CodeLogoutName},
			{"S-19 two names", func(m *logoutMessage) { m.content += nameXML }, sso.CodeLogoutName},
			{"S-19 a name with markup", func(m *logoutMessage) { m.content = "<saml:NameID>a<b/>nn</saml:NameID>" }, sso.CodeLogoutName},
			{"S-19 an encrypted name", func(m *logoutMessage) { m.content = "<saml:EncryptedID/>" }, sso.CodeLogoutName},
			{"S-19 a name of another namespace", func(m *logoutMessage) { m.content = strings.ReplaceAll(nameXML, "saml:NameID", "samlp:NameID") }, sso.CodeLogoutName},
			{"S-19 an empty index", func(m *logoutMessage) { m.content += "<samlp:SessionIndex/>" }, sso.CodeLogoutMessage},
			{"S-19 many indexes", func(m *logoutMessage) { m.content += strings.Repeat("<samlp:SessionIndex>x</samlp:SessionIndex>", 64) }, sso.CodeLogoutMessage},
			{"S-19 another message", func(m *logoutMessage) { m.root = "AuthnRequest" }, sso.CodeLogoutMessage},
		} {
			t.Run(row.name+", "+name, func(t *testing.T) {
				var rep sso.Report
				got, err := p.Ended(t.Context(), signIn(), send(t, asks(row.change), ""), &rep)
				noted(t, &rep, refused(t, err, row.want))
				if !reflect.DeepEqual(got, sso.Ending{}) {
					t.Errorf("Ended = %+v, want nothing", got)
				}
			})
		}
	}
	t.Run("S-19 the edges of time", func(t *testing.T) {
		for _, at := range []string{"2026-11-28T11:53:00Z", "2026-11-28T12:02:00Z", "2026-11-28T13:00:00.123+01:00"} {
			if _, err := p.Ended(t.Context(), signIn(), byRedirect(t, asks(func(m *logoutMessage) { m.at = at }), ""), new(sso.Report)); err != nil {
				t.Errorf("Ended with %s = %v", at, err)
			}
		}
	})
	t.Run("S-19 an elliptic key, both ways of writing", func(t *testing.T) {
		r := signIn(func(c *sso.Connection) { c.SAML.Certificates = []sso.Certificate{{DER: curved().Certificate.Raw}} })
		query := "SAMLRequest=" + url.QueryEscape(pack([]byte(asks()))) + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512")
		if _, err := p.Ended(t.Context(), r, byQuery(query+"&Signature="+url.QueryEscape(signOctets(t, query, curved(), crypto.SHA512))), new(sso.Report)); err != nil {
			t.Errorf("Ended of ASN.1 = %+v", err)
		}
		d := logout(t, newProtocol(t, curved()), signIn(), sso.Login{Token: []byte(token)}) // ours are written as XML Signature does
		_, raw, _ := strings.Cut(d.URL, "?")
		_, err := p.Ended(t.Context(), r, byQuery(raw), new(sso.Report))
		refused(t, err, sso.CodeLogoutIssuer) // it came as far as that
	})
	t.Run("S-19 octets as the provider writes them", func(t *testing.T) {
		lower := func(s string) string {
			return regexp.MustCompile("%[0-9A-F]{2}").ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)
		}
		query := "SAMLRequest=" + strings.ReplaceAll(lower(pack([]byte(asks()))), "%2f", "/") + "&RelayState=" + strings.ReplaceAll(lower("a b/c"), "+", "%20")
		got, err := p.Ended(t.Context(), signIn(), byQuery(signQuery(t, query, theirs())), new(sso.Report))
		if err != nil || got.Subject != subject {
			t.Errorf("Ended = %+v, %+v", got, err)
		}
	})
	t.Run("A-066 a name that looks like two parts", func(t *testing.T) {
		got, err := p.Ended(t.Context(), signIn(), byRedirect(t, asks(func(m *logoutMessage) {
			m.content = `<saml:NameID Format="a" NameQualifier="b|c">d|e &amp; %7C</saml:NameID>`
		}), ""), new(sso.Report))
		if want := "a|b%7Cc||d%7Ce+%26+%257C"; err != nil || got.Subject != want {
			t.Errorf("Ended = %q, %v, want %q", got.Subject, err, want)
		}
	})
	t.Run("other parameters do not matter", func(t *testing.T) {
		m := byRedirect(t, asks(), "")
		if _, err := p.Ended(t.Context(), signIn(), byQuery("a=b&"+m.RawQuery+"&c;d=%20"), new(sso.Report)); err != nil {
			t.Errorf("Ended = %v", err)
		}
	})
}

func TestForgedLogout(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
	p := newProtocol(t, ours())
	good := byRedirect(t, asks(), "relay").RawQuery
	packed := url.QueryEscape(pack([]byte(asks())))
	other := url.QueryEscape(pack([]byte(asks(func(m *logoutMessage) { m.content = "<saml:NameID>bob</saml:NameID>" }))))
	query := func(s string) sso.Message { return byQuery(s) }
	signed := signDoc(t, asks(), theirs())
	d := etree.NewDocument()
	if err := d.ReadFromString(signed); err != nil {
		t.Fatal(err)
	}
	weakly := "SAMLRequest=" + packed + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2000/09/xmldsig#rsa-sha1")
	for name, row := range map[string]struct {
		m    sso.Message
		want sso.Code
	}{
		"A-071 unsigned, by Redirect":                  {query("SAMLRequest=" + packed), sso.CodeSignatureMissing},
		"A-071 signed by nothing":                      {query("SAMLRequest=" + packed + "&SigAlg=" + url.QueryEscape(rsaSHA256) + "&Signature="), sso.CodeSignatureMissing},
		"A-071 signed by another":                      {query(signQuery(t, "SAMLRequest="+packed, another())), sso.CodeSignatureKey},
		"A-071 signed inside alone":                    {query("SAMLRequest=" + url.QueryEscape(pack([]byte(signed)))), sso.CodeSignatureMissing},
		"A-071 the signature of another":               {query(strings.Replace(good, packed, other, 1)), sso.CodeSignatureKey},
		"A-071 another RelayState":                     {query(strings.Replace(good, "=relay", "=elsewhere", 1)), sso.CodeSignatureKey},
		"A-071 no RelayState":                          {query(strings.Replace(good, "&RelayState=relay", "", 1)), sso.CodeSignatureKey},
		"A-071 a RelayState that nobody signed":        {query(signQuery(t, "SAMLRequest="+packed, theirs()) + "&RelayState=x"), sso.CodeSignatureKey},
		"A-071 an answer that was signed as a request": {query(strings.Replace(good, "SAMLRequest", "SAMLResponse", 1)), sso.CodeSignatureKey},
		"A-071 SHA-1":                                  {query(weakly + "&Signature=" + url.QueryEscape(signOctets(t, weakly, theirs(), crypto.SHA1))), sso.CodeAlgorithm},
		"A-071 no algorithm":                           {query("SAMLRequest=" + packed + "&Signature=" + url.QueryEscape(signOctets(t, "SAMLRequest="+packed, theirs(), crypto.SHA256))), sso.CodeAlgorithm},
		"A-071 octets written anew":                    {query(strings.Replace(good, "%3a", "%3A", 1)), sso.CodeSignatureKey},
		"A-073 the message twice":                      {query(good + "&SAMLRequest=" + other), sso.CodeLogoutMessage},
		"A-073 the message twice, escaped":             {query(good + "&SAML%52equest=" + other), sso.CodeLogoutMessage},
		"A-073 only escaped":                           {query(strings.Replace(good, "SAMLRequest", "SAML%52equest", 1)), sso.CodeLogoutMessage},
		"A-073 a request and an answer":                {query(good + "&SAMLResponse=" + other), sso.CodeLogoutMessage},
		"A-073 both, of nothing":                       {query("SAMLRequest=AAAA&SAMLResponse=AAAA"), sso.CodeLogoutMessage},
		"A-073 two signatures":                         {query(good + "&Signature=x"), sso.CodeLogoutMessage},
		"A-073 nothing":                                {query(""), sso.CodeLogoutMessage},
		"A-073 bad escapes":                            {query("SAMLRequest=%zz"), sso.CodeLogoutMessage},
		"A-073 a name with bad escapes":                {query(good + "&%zz=1"), sso.CodeLogoutMessage},
		"A-073 another packing":                        {query(good + "&SAMLEncoding=gzip"), sso.CodeLogoutMessage},
		"A-074 an artifact":                            {query(good + "&SAMLart=x"), sso.CodeLogoutMessage},
		"A-075 a long query":                           {query(good + "&x=" + strings.Repeat("x", 1<<20)), sso.CodeLogoutMessage},
		"A-075 a bomb":                                 {query(signQuery(t, "SAMLRequest="+url.QueryEscape(pack(make([]byte, 64<<20))), theirs())), sso.CodeLogoutMessage},
		"A-075 a bomb that nobody signed":              {query(signQuery(t, "SAMLRequest="+url.QueryEscape(pack(make([]byte, 64<<20))), another())), sso.CodeSignatureKey},
		"not packed":                                   {query(signQuery(t, "SAMLRequest="+url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(asks()))), theirs())), sso.CodeLogoutMessage},
		"no base64":                                    {query(signQuery(t, "SAMLRequest=***", theirs())), sso.CodeLogoutMessage},
		"A-071 a DTD":                                  {byRedirect(t, "<!DOCTYPE a>"+asks(), ""), sso.CodeLogoutMessage},

		"A-071 unsigned, by POST":         {byForm(asks(), ""), sso.CodeSignatureMissing},
		"A-071 by POST, by another":       {byForm(signDoc(t, asks(), another()), ""), sso.CodeSignatureKey},
		"A-071 by POST, changed":          {byForm(strings.Replace(signed, ">ann<", ">bob<", 1), ""), sso.CodeSignatureInvalid},
		"A-071 by POST, wrapped":          {byForm(strings.Replace(asks(func(m *logoutMessage) { m.id = "_evil"; m.content = "<saml:NameID>bob</saml:NameID>" }), "</samlp:LogoutRequest>", signed+"</samlp:LogoutRequest>", 1), ""), sso.CodeSignatureMissing},
		"A-071 by POST, an ID twice":      {byForm(strings.Replace(asks(), "</samlp:LogoutRequest>", signed+"</samlp:LogoutRequest>", 1), ""), sso.CodeLogoutMessage},
		"A-071 signed as by Redirect":     {sso.Message{Post: true, Form: byRedirect(t, asks(), "").Query}, sso.CodeLogoutMessage},
		"A-073 a form and its address":    {sso.Message{Post: true, Form: byForm(signed, "").Form, Query: url.Values{"SAMLRequest": {"x"}}, RawQuery: "SAMLRequest=x"}, sso.CodeLogoutMessage},
		"A-073 RelayState in the address": {sso.Message{Post: true, Form: byForm(signed, "").Form, Query: url.Values{"RelayState": {"x"}}, RawQuery: "RelayState=x"}, sso.CodeLogoutMessage},
		"A-073 a field twice":             {sso.Message{Post: true, Form: url.Values{"SAMLRequest": {"a", "b"}}}, sso.CodeLogoutMessage},
		"A-073 an empty form":             {sso.Message{Post: true}, sso.CodeLogoutMessage},
		"A-075 a large form":              {byForm(signed+strings.Repeat(" ", 64<<10), ""), sso.CodeLogoutMessage},
	} {
		t.Run(name, func(t *testing.T) {
			var rep sso.Report
			got, err := p.Ended(t.Context(), signIn(), row.m, &rep)
			noted(t, &rep, refused(t, err, row.want))
			if !reflect.DeepEqual(got, sso.Ending{}) {
				t.Errorf("Ended = %+v, want nothing", got)
			}
		})
	}
	t.Run("A-069 signed by a key that is held", func(t *testing.T) {
		r := signIn(func(c *sso.Connection) {
			c.SAML.Certificates = []sso.Certificate{{DER: another().Certificate.Raw}, {DER: theirs().Certificate.Raw, Held: true}}
		})
		for _, m := range []sso.Message{byQuery(good), byForm(signed, "")} {
			_, err := p.Ended(t.Context(), r, m, new(sso.Report))
			refused(t, err, sso.CodeSignatureKey)
		}
	})
	t.Run("we have no key", func(t *testing.T) {
		_, err := newProtocol(t).Ended(t.Context(), signIn(), byQuery(good), new(sso.Report))
		refused(t, err, sso.CodeLogoutOff)
	})
}

func TestEndedResponse(t *testing.T) {
	p := newProtocol(t, ours())
	d := logout(t, p, signIn(), sso.Login{Token: []byte(token)})
	id := remembered(t, d)
	status := func(s string) func(*logoutMessage) {
		return func(m *logoutMessage) { m.content = s }
	}
	for _, send := range []func(testing.TB, string, string) sso.Message{byRedirect, byPost} {
		var rep sso.Report
		got, err := p.Ended(t.Context(), signIn(), send(t, answers(id), "handle-1"), &rep)
		if err != nil || !reflect.DeepEqual(got, sso.Ending{Handle: "handle-1"}) {
			t.Errorf("Ended = %+v, %v, want the handle", got, err)
		}
		noted(t, &rep, nil)
		for name, row := range map[string]struct {
			m    sso.Message
			want sso.Code
		}{
			"A-072 to another request":      {send(t, answers("_other"), "handle-1"), sso.CodeLogoutReply},
			"A-072 to no request":           {send(t, answers(""), "handle-1"), sso.CodeLogoutReply},
			"A-072 another handle":          {send(t, answers(id), "handle-2"), sso.CodeLogoutReply},
			"A-072 no handle":               {send(t, answers(id), ""), sso.CodeLogoutReply},
			"A-059 a long handle":           {send(t, answers(id), strings.Repeat("h", 81)), sso.CodeLogoutReply},
			"S-19 another address":          {send(t, answers(id, func(m *logoutMessage) { m.to = "https://evil.example" }), "handle-1"), sso.CodeLogoutDestination},
			"S-19 another provider":         {send(t, answers(id, func(m *logoutMessage) { m.issuer = "<saml:Issuer>x</saml:Issuer>" }), "handle-1"), sso.CodeLogoutIssuer},
			"S-19 old":                      {send(t, answers(id, func(m *logoutMessage) { m.at = "2026-11-28T11:00:00Z" }), "handle-1"), sso.CodeLogoutTime},
			"S-19 it did not work":          {send(t, answers(id, status(`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/></samlp:Status>`)), "handle-1"), sso.CodeLogoutStatus},
			"S-19 no status":                {send(t, answers(id, status("")), "handle-1"), sso.CodeLogoutStatus},
			"S-19 a status without a code":  {send(t, answers(id, status("<samlp:Status/>")), "handle-1"), sso.CodeLogoutStatus},
			"S-19 success as a second code": {send(t, answers(id, status(`<samlp:Status><samlp:StatusCode Value="x"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:StatusCode></samlp:Status>`)), "handle-1"), sso.CodeLogoutStatus},
		} {
			t.Run(name, func(t *testing.T) {
				var rep sso.Report
				_, err := p.Ended(t.Context(), signIn(), row.m, &rep)
				noted(t, &rep, refused(t, err, row.want))
			})
		}
	}
	t.Run("the ID does not lead to the handle", func(t *testing.T) {
		other := signIn()
		other.Handle = "handle-2"
		if again := remembered(t, logout(t, p, other, sso.Login{Token: []byte(token)})); again == id || strings.Contains(id, "handle") {
			t.Errorf("IDs %s and %s", id, again)
		}
		other.Handle = ""
		a, b := remembered(t, logout(t, p, other, sso.Login{Token: []byte(token)})), remembered(t, logout(t, p, other, sso.Login{Token: []byte(token)}))
		if a == b {
			t.Errorf("two requests without a handle have the ID %s", a)
		}
	})
}
