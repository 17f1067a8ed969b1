package ssotest

import (
	"bytes"
	"cmp"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// Bindings of SAML.
const (
	RedirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	PostBinding     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// An SP is a product that the provider signs people in to by SAML.
type SP struct {
	EntityID       string
	ACS            string            // where answers are posted
	SLO            string            // where logout messages go; empty: nowhere
	SLOBinding     string            // empty: RedirectBinding
	SigningCert    *x509.Certificate // checks its requests; nil: signatures are not checked
	EncryptionCert *x509.Certificate // Assertions are encrypted to it where Settings.Encryption says so
	SignedRequests bool              // refuse requests that are not signed; needs SigningCert
}

// ParseSP reads a product's metadata.
func ParseSP(metadata []byte) (SP, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(metadata); err != nil {
		return SP{}, fmt.Errorf("ssotest: reading metadata: %w", err)
	}
	if doc.Root() == nil || doc.Root().Tag != "EntityDescriptor" || doc.Root().NamespaceURI() != nsMetadata {
		return SP{}, errors.New("ssotest: metadata is not an EntityDescriptor")
	}
	sp := SP{EntityID: doc.Root().SelectAttrValue("entityID", "")}
	role := doc.Root().SelectElement("SPSSODescriptor")
	if role == nil {
		return SP{}, errors.New("ssotest: metadata has no SPSSODescriptor")
	}
	sp.SignedRequests = role.SelectAttrValue("AuthnRequestsSigned", "") == "true"
	for _, acs := range role.SelectElements("AssertionConsumerService") {
		if acs.SelectAttrValue("Binding", "") == PostBinding && sp.ACS == "" {
			sp.ACS = acs.SelectAttrValue("Location", "")
		}
	}
	if slo := role.SelectElement("SingleLogoutService"); slo != nil {
		sp.SLO, sp.SLOBinding = slo.SelectAttrValue("Location", ""), slo.SelectAttrValue("Binding", "")
	}
	for _, k := range role.SelectElements("KeyDescriptor") {
		cert, err := certificateIn(k)
		if err != nil {
			return SP{}, fmt.Errorf("ssotest: reading a certificate in metadata: %w", err)
		}
		use := k.SelectAttrValue("use", "")
		if use != "encryption" && sp.SigningCert == nil {
			sp.SigningCert = cert
		}
		if use != "signing" && sp.EncryptionCert == nil {
			sp.EncryptionCert = cert
		}
	}
	if sp.EntityID == "" || sp.ACS == "" {
		return SP{}, errors.New("ssotest: metadata names no entity ID, or nowhere to post answers")
	}
	return sp, nil
}

func certificateIn(el *etree.Element) (*x509.Certificate, error) {
	text := el.FindElement(".//X509Certificate")
	if text == nil {
		return nil, errors.New("there is none")
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text.Text()), ""))
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Register tells the provider of a product, or what is new about it.
func (p *Provider) Register(sp SP) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sps = append(slices.DeleteFunc(slices.Clone(p.sps), func(old SP) bool { return old.EntityID == sp.EntityID }), sp)
}

func (p *Provider) spLocked(entityID string) (SP, bool) {
	i := slices.IndexFunc(p.sps, func(sp SP) bool { return sp.EntityID == entityID })
	if i < 0 {
		return SP{}, false
	}
	return p.sps[i], true
}

// EntityID is the provider's name in SAML.
func (p *Provider) EntityID() string { return p.cfg.EntityID }

// SSOURL is where AuthnRequests go.
func (p *Provider) SSOURL() string { return p.cfg.BaseURL + "/saml/sso" }

// SLOURL is where logout messages go.
func (p *Provider) SLOURL() string { return p.cfg.BaseURL + "/saml/slo" }

// StartURL is where somebody at the provider begins a sign-in to a product that did not ask.
func (p *Provider) StartURL(entityID, relay string) string {
	return p.cfg.BaseURL + "/saml/start?" + url.Values{"sp": {entityID}, "relay": {relay}}.Encode()
}

// An AuthnRequest is how a product asks who somebody is.
type AuthnRequest struct {
	ID, Issuer, ACS, Destination string
	ForceAuthn, IsPassive        bool
	NameIDFormat                 string
	Contexts                     []string // the AuthnContextClassRefs that it wants
	RelayState                   string
	Signed                       bool
	XML                          []byte
}

// ReadRequest reads an AuthnRequest by the Redirect or POST binding and checks its signature, as far as the product's registration
// allows. Tests call it to see what the product sends.
func (p *Provider) ReadRequest(r *http.Request) (AuthnRequest, error) {
	m, err := p.readMessage(r, "SAMLRequest")
	if err != nil {
		return AuthnRequest{}, err
	}
	root := m.root
	q := AuthnRequest{
		ID: root.SelectAttrValue("ID", ""), ACS: root.SelectAttrValue("AssertionConsumerServiceURL", ""),
		Destination: root.SelectAttrValue("Destination", ""),
		ForceAuthn:  root.SelectAttrValue("ForceAuthn", "") == "true", IsPassive: root.SelectAttrValue("IsPassive", "") == "true",
		Issuer: m.sp.EntityID, RelayState: m.relay, Signed: m.signed, XML: m.text,
	}
	if policy := root.SelectElement("NameIDPolicy"); policy != nil {
		q.NameIDFormat = policy.SelectAttrValue("Format", "")
	}
	for _, c := range root.FindElements("./RequestedAuthnContext/AuthnContextClassRef") {
		q.Contexts = append(q.Contexts, c.Text())
	}
	switch {
	case root.Tag != "AuthnRequest":
		return q, fmt.Errorf("want an AuthnRequest, got a %s", root.Tag)
	case q.ID == "" || root.SelectAttrValue("Version", "") != "2.0":
		return q, errors.New("the request has no ID, or is not of version 2.0")
	case q.Destination != "" && q.Destination != p.SSOURL():
		return q, errors.New("the request is for another destination")
	case q.ACS != "" && q.ACS != m.sp.ACS:
		return q, errors.New("the request wants its answer somewhere that is not registered")
	case m.sp.SignedRequests && !q.Signed:
		return q, errors.New("the request is not signed")
	}
	return q, nil
}

// incoming is a message of a product.
type incoming struct {
	sp     SP
	root   *etree.Element
	relay  string
	signed bool
	text   []byte
}

// readMessage reads a message by either binding, finds who sent it and checks the signature.
func (p *Provider) readMessage(r *http.Request, field string) (incoming, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return incoming{}, err
	}
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		values = r.PostForm
	}
	if len(values[field]) != 1 || len(values["RelayState"]) > 1 || len(values["SigAlg"]) > 1 {
		return incoming{}, fmt.Errorf("want one %s, and one RelayState and SigAlg at most", field)
	}
	text, err := base64.StdEncoding.DecodeString(values.Get(field))
	if err == nil && r.Method != http.MethodPost {
		text, err = limited(flate.NewReader(bytes.NewReader(text)))
	}
	if err != nil {
		return incoming{}, fmt.Errorf("decoding %s: %w", field, err)
	}
	m := incoming{relay: values.Get("RelayState"), text: text}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil || doc.Root() == nil || doc.Root().NamespaceURI() != nsProtocol {
		return m, cmp.Or(err, errors.New("not a message of SAML"))
	}
	m.root = doc.Root()
	if el := m.root.SelectElement("Issuer"); el != nil {
		p.mu.Lock()
		m.sp, _ = p.spLocked(strings.TrimSpace(el.Text()))
		p.mu.Unlock()
	}
	if m.sp.EntityID == "" {
		return m, errors.New("nobody is registered under the name of the sender")
	}
	return m, p.checkSender(r, field, &m)
}

// checkSender checks the signature of a product's message. None is fine; a wrong one is not.
func (p *Provider) checkSender(r *http.Request, field string, m *incoming) error {
	if m.sp.SigningCert == nil {
		return nil
	}
	if r.Method == http.MethodPost {
		sig := m.root.SelectElement("Signature")
		if sig == nil {
			return nil
		}
		m.signed = checkElement(m.root, sig, m.sp.SigningCert)
	} else {
		raw := rawQuery(r.URL.RawQuery)
		if raw["Signature"] == "" {
			return nil
		}
		text := field + "=" + raw[field]
		if relay, ok := raw["RelayState"]; ok {
			text += "&RelayState=" + relay
		}
		text += "&SigAlg=" + raw["SigAlg"]
		sig, err := base64.StdEncoding.DecodeString(r.URL.Query().Get("Signature"))
		m.signed = err == nil && checkBytes(m.sp.SigningCert.PublicKey, r.URL.Query().Get("SigAlg"), []byte(text), sig)
	}
	if !m.signed {
		return errors.New("the signature of the message is wrong")
	}
	return nil
}

// rawQuery are parameters as they stand in the address: what is signed is their encoding.
func rawQuery(query string) map[string]string {
	raw := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		raw[name] = value
	}
	return raw
}

// checkElement tells whether a certificate's key signed the element that a signature stands in, in the one way that products do.
func checkElement(el, sig *etree.Element, cert *x509.Certificate) bool {
	refs := sig.FindElements("./SignedInfo/Reference")
	if len(refs) != 1 || refs[0].SelectAttrValue("URI", "") != "#"+el.SelectAttrValue("ID", "") {
		return false
	}
	find := func(path string) string {
		if found := sig.FindElement(path); found != nil {
			return cmp.Or(found.SelectAttrValue("Algorithm", ""), strings.Join(strings.Fields(found.Text()), ""))
		}
		return ""
	}
	at := sig.Index()
	el.RemoveChildAt(at)
	text := canonical(el)
	el.InsertChildAt(at, sig)
	hash, ok := hashes()[find("./SignedInfo/Reference/DigestMethod")]
	if !ok {
		return false
	}
	h := hash.New()
	h.Write(text)
	if base64.StdEncoding.EncodeToString(h.Sum(nil)) != find("./SignedInfo/Reference/DigestValue") {
		return false
	}
	value, err := base64.StdEncoding.DecodeString(find("./SignatureValue"))
	return err == nil && checkBytes(cert.PublicKey, find("./SignedInfo/SignatureMethod"), canonical(sig.SelectElement("SignedInfo")), value)
}

// sso takes an AuthnRequest.
func (p *Provider) sso(w http.ResponseWriter, r *http.Request) {
	q, err := p.ReadRequest(r)
	if err != nil {
		p.refuse(w, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sessionLocked(r)
	if s == nil && q.IsPassive {
		p.failLocked(w, q, Responder, NoPassive)
		return
	}
	if s == nil || q.ForceAuthn && p.settings.SignedInAs == "" {
		p.askLocked(w, r, waiting{saml: &q})
		return
	}
	if q.ForceAuthn {
		s = p.openLocked(s.who) // signed in anew
	}
	p.answerRequestLocked(w, s, q)
}

// failLocked tells a product that there is no answer.
func (p *Provider) failLocked(w http.ResponseWriter, q AuthnRequest, status ...string) {
	sp, _ := p.spLocked(q.Issuer)
	p.postLocked(w, sp, Response{
		ID: "_" + random(), Version: "2.0", IssueInstant: p.now(), Destination: sp.ACS, InResponseTo: q.ID,
		Issuer: p.cfg.EntityID, Status: status, Sign: p.settings.SignResponse,
	}, q.RelayState, Person{})
}

// startUnasked signs somebody in to a product that did not ask.
func (p *Provider) startUnasked(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := AuthnRequest{Issuer: r.URL.Query().Get("sp"), RelayState: r.URL.Query().Get("relay")}
	if _, ok := p.spLocked(q.Issuer); !ok {
		p.refuse(w, errors.New("nobody is registered under that name"))
		return
	}
	if s := p.sessionLocked(r); s != nil {
		p.answerRequestLocked(w, s, q)
		return
	}
	p.askLocked(w, r, waiting{saml: &q})
}

// answerRequestLocked tells a product who somebody is.
func (p *Provider) answerRequestLocked(w http.ResponseWriter, s *session, q AuthnRequest) {
	sp, _ := p.spLocked(q.Issuer)
	set := p.settings
	if set.NameIDFormat == "" && q.NameIDFormat != FormatUnspecified {
		set.NameIDFormat = q.NameIDFormat
	}
	p.setCookie(w, s)
	r := p.honestLocked(set, sp, q.ID, s.who, s.since)
	if given := &r.Assertion.Statements[0].Context; len(q.Contexts) > 0 && !slices.Contains(q.Contexts, *given) {
		if !s.who.MultiFactor && !slices.Contains(p.hostile, WeakContext) {
			p.failLocked(w, q, Responder, NoContext)
			return
		}
		*given = q.Contexts[0]
	}
	for _, change := range p.mangle.response {
		change(&r)
	}
	p.mangle.response = nil
	if a := r.Assertion; a != nil && a.NameID != nil && len(a.Statements) > 0 {
		s.sps = append(s.sps, participant{sp.EntityID, *a.NameID, a.Statements[0].SessionIndex})
	}
	p.postLocked(w, sp, r, q.RelayState, s.who)
}

// A delivery is how an answer reaches the product: as a form that the browser posts.
type delivery struct {
	sp        SP
	method    string
	action    string
	multipart bool
	fields    [][2]string
}

func (d *delivery) set(name, value string) {
	for i := range d.fields {
		if d.fields[i][0] == name {
			d.fields[i][1] = value
			return
		}
	}
	d.fields = append(d.fields, [2]string{name, value})
}

func (d *delivery) get(name string) string {
	for _, f := range d.fields {
		if f[0] == name {
			return f[1]
		}
	}
	return ""
}

// postLocked sends an answer by way of the browser.
func (p *Provider) postLocked(w http.ResponseWriter, sp SP, r Response, relay string, who Person) {
	rows := p.takeLocked(func(a attack) bool { return r.Assertion != nil && (a.ofAnswer() || a.deliver != nil) })
	text := base64.StdEncoding.EncodeToString(p.answerLocked(r, p.victimLocked(who), rows))
	d := &delivery{sp: sp, method: "post", action: sp.ACS, fields: [][2]string{{"SAMLResponse", text}}}
	if relay != "" {
		d.set("RelayState", relay)
	}
	for _, a := range rows {
		if a.deliver != nil {
			a.deliver(p, d)
		}
	}
	p.memory.answer = text
	p.memory.relay = relay
	p.deliver(w, d)
}

// deflate is a message for the Redirect binding.
func deflate(text []byte) string {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is one of them
	}
	io.Copy(z, bytes.NewReader(text)) // into memory
	z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}
