package providertest_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/providertest"
)

// answer is what these tests read of a SAML answer.
type answer struct {
	XMLName      xml.Name
	InResponseTo string      `xml:",attr"`
	Destination  string      `xml:",attr"`
	Signature    *struct{}   `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`
	Encrypted    *struct{}   `xml:"EncryptedAssertion"`
	Status       status      `xml:"Status>StatusCode"`
	Assertions   []assertion `xml:"Assertion"`
	NameID       string      `xml:"NameID"` // of a logout request
}

type status struct {
	Value string `xml:",attr"`
}

type assertion struct {
	Signature *struct{} `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`
	NameID    string    `xml:"Subject>NameID"`
	Session   struct {
		Index string `xml:"SessionIndex,attr"`
	} `xml:"AuthnStatement"`
	Attributes []struct {
		Name   string   `xml:",attr"`
		Values []string `xml:"AttributeValue"`
	} `xml:"AttributeStatement>Attribute"`
}

func (a assertion) attribute(name string) string {
	for _, at := range a.Attributes {
		if at.Name == name {
			return strings.Join(at.Values, " ")
		}
	}
	return ""
}

// program is one that people sign in to by SAML, with just enough of it to be talked to.
type program struct {
	t        *testing.T
	url      string
	key      *rsa.PrivateKey
	cert     []byte
	provider *providertest.SAMLProvider

	answers []answer     // what was posted to its ACS
	relays  []string     // with which RelayState
	ended   []answer     // what came to its logout address
	bodies  []string     // the same, as it came
	session *http.Cookie // what it saw of the browser's session cookie with an answer
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{t: t}
	var err error
	if p.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if p.cert, err = x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-mine", Value: "1", Path: "/", Secure: true, SameSite: http.SameSiteLaxMode})
	})
	mux.HandleFunc("POST /{peer}/acs", p.acs)
	mux.HandleFunc("/{peer}/slo", p.slo)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // another site than the provider's, as in life
	return p
}

func (p *program) peer(name string) providertest.SAMLPeer {
	return providertest.SAMLPeer{EntityID: p.url + "/" + name, ACS: p.url + "/" + name + "/acs", SLO: p.url + "/" + name + "/slo", Certificate: p.cert}
}

func (p *program) acs(w http.ResponseWriter, r *http.Request) {
	p.session, _ = r.Cookie("__Host-mine")
	p.answers = append(p.answers, p.read(r.PostFormValue("SAMLResponse"), false))
	p.relays = append(p.relays, r.PostFormValue("RelayState"))
	io.WriteString(w, "arrived")
}

func (p *program) slo(w http.ResponseWriter, r *http.Request) {
	message := r.FormValue("SAMLRequest") + r.FormValue("SAMLResponse")
	got := p.read(message, r.Method == http.MethodGet)
	p.ended, p.bodies = append(p.ended, got), append(p.bodies, r.URL.RawQuery)
	if got.XMLName.Local != "LogoutRequest" {
		io.WriteString(w, "signed out")
		return
	}
	id := attributeOf(p.plain(message, r.Method == http.MethodGet), "ID")
	reply := fmt.Sprintf(`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_%s" Version="2.0" IssueInstant="%s" Destination="%s" InResponseTo="%s"><saml:Issuer>%s</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>`,
		rand.Text(), time.Now().UTC().Format(time.RFC3339), p.provider.SLO, id, p.url+"/"+r.PathValue("peer"))
	http.Redirect(w, r, p.provider.SLO+"?"+p.signed("SAMLResponse", reply, r.FormValue("RelayState")), http.StatusSeeOther)
}

func attributeOf(doc, name string) string {
	_, rest, _ := strings.Cut(doc, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func (p *program) plain(message string, deflated bool) string {
	raw, err := base64.StdEncoding.DecodeString(message)
	if err != nil {
		p.t.Errorf("a message is not base64: %v", err)
	}
	if deflated {
		if raw, err = io.ReadAll(flate.NewReader(bytes.NewReader(raw))); err != nil {
			p.t.Errorf("a message is not deflated: %v", err)
		}
	}
	return string(raw)
}

func (p *program) read(message string, deflated bool) answer {
	var a answer
	if err := xml.Unmarshal([]byte(p.plain(message, deflated)), &a); err != nil {
		p.t.Errorf("a message is not XML: %v", err)
	}
	return a
}

func (p *program) authnRequest(peer providertest.SAMLPeer, id string) string {
	return fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="%s" Version="2.0" IssueInstant="%s" Destination="%s" AssertionConsumerServiceURL="%s" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>%s</saml:Issuer></samlp:AuthnRequest>`,
		id, time.Now().UTC().Format(time.RFC3339), p.provider.SSO, peer.ACS, peer.EntityID)
}

func (p *program) logoutRequest(peer providertest.SAMLPeer, in assertion) string {
	return fmt.Sprintf(`<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_%s" Version="2.0" IssueInstant="%s" Destination="%s"><saml:Issuer>%s</saml:Issuer><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%s</saml:NameID><samlp:SessionIndex>%s</samlp:SessionIndex></samlp:LogoutRequest>`,
		rand.Text(), time.Now().UTC().Format(time.RFC3339), p.provider.SLO, peer.EntityID, in.NameID, in.Session.Index)
}

// deflated is a message as the Redirect binding carries it.
func deflated(name, doc, relay string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	io.WriteString(w, doc)
	w.Close()
	q := name + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
	if relay != "" {
		q += "&RelayState=" + url.QueryEscape(relay)
	}
	return q
}

func (p *program) signed(name, doc, relay string) string {
	q := deflated(name, doc, relay) + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
	sum := sha256.Sum256([]byte(q))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	return q + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
}

// last is the answer that came just now, or the end of the test.
func (p *program) last(at *providertest.Page) answer {
	p.t.Helper()
	if at.Body != "arrived" || len(p.answers) == 0 {
		p.t.Fatalf("the way ends at %s, want the program:\n%s", at, at.Body)
	}
	return p.answers[len(p.answers)-1]
}

// unsigned is what the provider says of a message that has no signature.
const unsigned = "Validation of received messages enabled, but no signature found"

const success = "urn:oasis:names:tc:SAML:2.0:status:Success"

// TestSAML signs somebody in at SimpleSAMLphp in every way that the kit can set up.
func TestSAML(t *testing.T) {
	program := newProgram(t)
	plain := program.peer("plain")
	whole := program.peer("whole")
	whole.SignResponse, whole.UnsignedAssertion = true, true
	both := program.peer("both")
	both.SignResponse = true
	sealed := program.peer("sealed")
	sealed.EncryptionCertificate = program.cert
	strict := program.peer("strict")
	strict.SignedRequests = true
	posted := program.peer("posted")
	posted.SLOBinding = "post"
	program.provider = providertest.StartSAML(t, providertest.SAMLConfig{Peers: []providertest.SAMLPeer{plain, whole, both, sealed, strict}})
	program.provider.Trust(t, posted)
	idp, ann := program.provider, providertest.People()[0]

	for _, row := range []struct {
		name                string
		peer                providertest.SAMLPeer
		post, signed        bool
		response, assertion bool // which signatures come
	}{
		{name: "redirect", peer: plain, assertion: true},
		{name: "post", peer: plain, post: true, assertion: true},
		{name: "the whole answer is signed", peer: whole, response: true},
		{name: "both are signed", peer: both, response: true, assertion: true},
		{name: "encrypted", peer: sealed},
		{name: "the request is signed", peer: strict, signed: true, assertion: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			b.Get(program.url)
			request := program.authnRequest(row.peer, "_"+rand.Text())
			var at *providertest.Page
			switch {
			case row.post:
				at = b.Post(program.url, idp.SSO, url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(request))}, "RelayState": {"h"}})
			case row.signed:
				at = b.Get(idp.SSO + "?" + program.signed("SAMLRequest", request, "h"))
			default:
				at = b.Get(idp.SSO + "?" + deflated("SAMLRequest", request, "h"))
			}
			got := program.last(idp.SignIn(b, at, ann))
			if want := attributeOf(request, "ID"); got.Status.Value != success || got.InResponseTo != want || got.Destination != row.peer.ACS {
				t.Errorf("status %q in response to %q for %q, want %q, %q, %q", got.Status.Value, got.InResponseTo, got.Destination, success, want, row.peer.ACS)
			}
			if relay := program.relays[len(program.relays)-1]; relay != "h" {
				t.Errorf("RelayState = %q, want h", relay)
			}
			if program.session != nil {
				t.Error("the browser sends the program's Lax cookie with a post from another site")
			}
			if signed := got.Signature != nil; signed != row.response {
				t.Errorf("the answer is signed: %v, want %v", signed, row.response)
			}
			if encrypted := got.Encrypted != nil; encrypted != (row.peer.EncryptionCertificate != nil) || encrypted && len(got.Assertions) != 0 {
				t.Errorf("encrypted: %v, with %d assertions beside", encrypted, len(got.Assertions))
			}
			if row.peer.EncryptionCertificate != nil {
				return
			}
			if len(got.Assertions) != 1 {
				t.Fatalf("%d assertions, want 1", len(got.Assertions))
			}
			a := got.Assertions[0]
			if signed := a.Signature != nil; signed != row.assertion {
				t.Errorf("the assertion is signed: %v, want %v", signed, row.assertion)
			}
			for what, pair := range map[string][2]string{
				"NameID": {a.NameID, ann.ID}, "mail": {a.attribute("mail"), ann.Email}, "groups": {a.attribute("groups"), "staff admins"},
				"sn": {a.attribute("sn"), ann.FamilyName}, "givenName": {a.attribute("givenName"), ann.GivenName},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s = %q, want %q", what, pair[0], pair[1])
				}
			}
		})
	}

	t.Run("a request must be signed where that is asked", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		if at := b.Get(idp.SSO + "?" + deflated("SAMLRequest", program.authnRequest(strict, "_1"), "")); !strings.Contains(at.Body, unsigned) {
			t.Errorf("an unsigned request is answered by %s, want %q:\n%s", at, unsigned, at.Body)
		}
	})

	t.Run("a wrong password", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		mallory := ann
		mallory.Password = "wrong"
		idp.SignIn(b, b.Get(idp.Begin(plain.EntityID, "h")), mallory).Form("password") // asks again
	})

	t.Run("begun at the provider", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		got := program.last(idp.SignIn(b, b.Get(idp.Begin(plain.EntityID, "/reports")), ann))
		if relay := program.relays[len(program.relays)-1]; got.InResponseTo != "" || relay != "/reports" {
			t.Errorf("in response to %q with RelayState %q, want none and /reports", got.InResponseTo, relay)
		}
		// The provider knows her by now.
		program.last(b.Get(idp.Begin(plain.EntityID, "/reports")))
	})

	for _, peer := range []providertest.SAMLPeer{plain, posted} {
		name := peer.EntityID[len(program.url)+1:]
		t.Run("signing out of the program, "+name, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			in := program.last(idp.SignIn(b, b.Get(idp.Begin(peer.EntityID, "")), ann)).Assertions[0]
			program.ended = nil
			at := b.Get(idp.SLO + "?" + program.signed("SAMLRequest", program.logoutRequest(peer, in), "r"))
			if at.Body != "signed out" || len(program.ended) != 1 || program.ended[0].Status.Value != success {
				t.Fatalf("the way ends at %s after %+v, want a LogoutResponse at the program", at, program.ended)
			}
			b.Get(idp.Begin(peer.EntityID, "")).Form("password") // asks again
		})
		t.Run("signing out at the provider, "+name, func(t *testing.T) {
			b := providertest.NewBrowser(t)
			program.last(idp.SignIn(b, b.Get(idp.Begin(peer.EntityID, "")), ann))
			program.ended, program.bodies = nil, nil
			at := b.Get(idp.SignOut())
			if len(program.ended) != 1 || program.ended[0].XMLName.Local != "LogoutRequest" || program.ended[0].NameID != ann.ID {
				t.Fatalf("the program was told %+v, want a LogoutRequest for %s; the way ends at %s", program.ended, ann.ID, at)
			}
			if signed := strings.Contains(program.bodies[0], "&Signature=") || program.ended[0].Signature != nil; !signed {
				t.Error("the provider's LogoutRequest is not signed")
			}
			if at.URL.String() != idp.MetadataURL {
				t.Errorf("the way ends at %s, want %s", at, idp.MetadataURL)
			}
			b.Get(idp.Begin(peer.EntityID, "")).Form("password")
		})
	}
	t.Run("a logout request must be signed", func(t *testing.T) {
		b := providertest.NewBrowser(t)
		in := program.last(idp.SignIn(b, b.Get(idp.Begin(plain.EntityID, "")), ann)).Assertions[0]
		if at := b.Get(idp.SLO + "?" + deflated("SAMLRequest", program.logoutRequest(plain, in), "")); !strings.Contains(at.Body, unsigned) {
			t.Errorf("an unsigned request is answered by %s, want %q:\n%s", at, unsigned, at.Body)
		}
		program.last(b.Get(idp.Begin(plain.EntityID, "")))
	})
}
