package saml

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
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
)

const (
	longestLogout = 64 << 10        // bytes, unpacked
	logoutAge     = 5 * time.Minute // how long a message of single logout is good for, at most
	mostIndexes   = 64
)

func logoutLimits() limits {
	return limits{bytes: longestLogout, depth: 16, elements: 512, attributes: 2048, wide: 32, scope: 32}
}

// Logout implements sso.Protocol. It makes a signed LogoutRequest; there is none where the provider has no address for it, we have no
// key, or the sign-in has left no name.
func (p *Protocol) Logout(_ context.Context, r sso.Request, l sso.Login) (sso.Departure, bool, error) {
	s := r.Connection.SAML
	if s.SLOURL == "" || len(p.keys) == 0 || len(l.Token) == 0 {
		return sso.Departure{}, false, nil
	}
	var name nameID
	if err := json.Unmarshal(l.Token, &name); err != nil || name.Value == "" {
		return sso.Departure{}, false, errors.New("saml: Login.Token is no name") // what json says repeats some of it
	}
	m := p.newMessage("samlp:LogoutRequest", paramRequest, r.Now)
	if r.Handle != "" {
		m.id = logoutID(r.Handle)
	}
	m.open(m.root, "xmlns:samlp", nsProtocol,
		"Destination", s.SLOURL,
		"ID", m.id,
		"IssueInstant", m.at,
		"NotOnOrAfter", r.Now.Add(logoutAge).UTC().Format(timeFormat),
		"Version", "2.0")
	m.issuer(r.Addresses.EntityID)
	m.leaf("saml:NameID", name.Value, "xmlns:saml", nsAssertion,
		"Format", name.Format,
		"NameQualifier", name.NameQualifier,
		"SPNameQualifier", name.SPNameQualifier)
	if l.Index != "" {
		m.leaf("samlp:SessionIndex", l.Index)
	}
	m.close(m.root)
	d, err := p.send(m, s.SLOURL, s.SLOBinding, r.Handle, true)
	return d, err == nil, err
}

// logoutID is the ID of a request to sign out. It follows from the handle, and does not lead back to it, so that an answer shows by
// itself whether its RelayState and its InResponseTo belong together.
func logoutID(handle string) string {
	sum := sha256.Sum256([]byte("logout " + handle))
	return "_" + hex.EncodeToString(sum[:16])
}

// Ended implements sso.Protocol. It reads a LogoutRequest or a LogoutResponse, by Redirect or POST.
//
// Ending.Subject is the NameID, which a Login has beside the person's Subject, where Attributes.Subject says that an attribute names
// people.
func (p *Protocol) Ended(_ context.Context, r sso.Request, m sso.Message, rep *sso.Report) (end sso.Ending, err error) {
	defer func() {
		if recover() != nil { // a stranger's message must not end a program, whatever the libraries below make of it
			end, err = sso.Ending{}, rep.Fail(sso.Refusal{Code: sso.CodeLogoutMessage, Detail: "it cannot be read"})
		}
	}()
	e := ended{p: p, r: r, rep: rep}
	if err := e.read(m); err != nil {
		return sso.Ending{}, e.refuse(err)
	}
	if err := e.common(); err != nil {
		return sso.Ending{}, e.refuse(err)
	}
	if e.in.param == paramRequest {
		end, err = e.request()
	} else {
		end, err = e.response()
	}
	if err != nil {
		return sso.Ending{}, e.refuse(err)
	}
	return end, nil
}

// ended is one message on its way through the checks.
type ended struct {
	p   *Protocol
	r   sso.Request
	rep *sso.Report
	in  incoming
	el  *etree.Element // what was signed
	id  string
	at  time.Time // IssueInstant
}

// refuse writes down what failed, if it is a refusal.
func (e *ended) refuse(err error) error {
	var r *sso.Refusal
	if errors.As(err, &r) {
		return e.rep.Fail(*r)
	}
	return err
}

// equal is a check of two texts that must be one.
func (e *ended) equal(code sso.Code, want, got string) error {
	if got != want {
		return &sso.Refusal{Code: code, Expected: want, Received: got}
	}
	e.rep.Pass(code, got)
	return nil
}

// read finds the message, checks its signature and parses it. By Redirect nothing is unpacked or parsed before the signature was right.
func (e *ended) read(m sso.Message) error {
	if len(e.p.keys) == 0 {
		return &sso.Refusal{Code: sso.CodeLogoutOff, Detail: "Config.Keys has no key to sign with"}
	}
	certs, err := certificates(e.r.Connection.SAML.Certificates)
	if err != nil {
		return err
	}
	if m.Post {
		e.in, err = fromForm(m)
	} else {
		e.in, err = fromQuery(m.RawQuery)
	}
	if err != nil {
		return err
	}
	if !m.Post {
		if err := e.in.checkOctets(certs); err != nil {
			return err
		}
		if e.in.doc, err = unpack(e.in.doc); err != nil {
			return err
		}
	}
	if e.el, err = parse(e.in.doc, logoutLimits(), nil); err != nil {
		return malformed(err.Error())
	}
	if m.Post {
		if e.el, err = verifySigned(e.el, certs); err != nil {
			return err
		}
	}
	e.rep.Pass(sso.CodeSignatureInvalid, "")
	return nil
}

// common is what holds for requests and answers.
func (e *ended) common() error {
	want := strings.Replace(e.in.param, "SAML", "Logout", 1)
	if !is(e.el, nsProtocol, want) {
		return &sso.Refusal{Code: sso.CodeLogoutMessage, Expected: want, Received: e.el.Tag}
	}
	if e.id = attr(e.el, "ID"); !isID(e.id) || attr(e.el, "Version") != "2.0" {
		return malformed("no ID, or not of SAML 2.0")
	}
	e.rep.Pass(sso.CodeLogoutMessage, want)
	issuer := only(e.el, nsAssertion, "Issuer")
	if issuer == nil {
		return &sso.Refusal{Code: sso.CodeLogoutIssuer, Expected: e.r.Connection.SAML.EntityID}
	}
	name, ok := text(issuer)
	if format := attr(issuer, "Format"); !ok || format != "" && format != formatEntity {
		return &sso.Refusal{Code: sso.CodeLogoutIssuer, Expected: formatEntity, Received: format}
	}
	if err := e.equal(sso.CodeLogoutIssuer, e.r.Connection.SAML.EntityID, name); err != nil {
		return err
	}
	if err := e.equal(sso.CodeLogoutDestination, e.r.Addresses.Logout, attr(e.el, "Destination")); err != nil {
		return err
	}
	return e.time()
}

func (e *ended) time() error {
	written := attr(e.el, "IssueInstant")
	var ok bool
	if e.at, ok = readTime(written); !ok {
		return &sso.Refusal{Code: sso.CodeLogoutTime, Expected: "a time in UTC", Received: written}
	}
	now := e.r.Now
	wrong := &sso.Refusal{Code: sso.CodeLogoutTime, Expected: "about " + stamp(now), Received: written, Detail: "off by " + now.Sub(e.at).Round(time.Second).String()}
	if e.at.After(now.Add(skew)) || now.After(e.at.Add(logoutAge+skew)) {
		return wrong
	}
	if ends := attr(e.el, "NotOnOrAfter"); ends != "" {
		until, ok := readTime(ends)
		if !ok || !now.Before(until.Add(skew)) {
			wrong.Received, wrong.Detail = ends, "NotOnOrAfter"
			return wrong
		}
	}
	e.rep.Pass(sso.CodeLogoutTime, written)
	return nil
}

func (e *ended) request() (sso.Ending, error) {
	names := children(e.el, nsAssertion, "NameID")
	switch {
	case len(children(e.el, nsAssertion, "EncryptedID")) > 0:
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutName, Expected: "NameID", Received: "EncryptedID", Detail: "let the provider write names of logout requests in the clear"}
	case len(names) != 1 || len(children(e.el, nsAssertion, "BaseID")) > 0:
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutName, Expected: "one NameID"}
	}
	value, ok := text(names[0])
	if !ok || value == "" {
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutName, Expected: "a NameID that is text"}
	}
	e.rep.Pass(sso.CodeLogoutName, attr(names[0], "Format"))
	end := sso.Ending{
		Request:  true,
		Once:     "logout:" + e.r.Connection.SAML.EntityID + " " + e.id,
		OnceEnds: e.at.Add(logoutAge + 2*skew),
		Answer:   e.answer(),
	}
	end.Subject = subjectOf(nameID{
		Value: value, Format: attr(names[0], "Format"),
		NameQualifier: attr(names[0], "NameQualifier"), SPNameQualifier: attr(names[0], "SPNameQualifier"),
	})
	indexes := children(e.el, nsProtocol, "SessionIndex")
	if len(indexes) > mostIndexes {
		return sso.Ending{}, malformed("too many indexes of sessions")
	}
	for _, el := range indexes {
		index, ok := text(el)
		if !ok || index == "" {
			return sso.Ending{}, malformed("a SessionIndex that is no text") // left out, it could make "this session" of "all"
		}
		end.Indexes = append(end.Indexes, index)
	}
	return end, nil
}

// answer makes the LogoutResponse to a request. There is none where the provider has no address for it.
func (e *ended) answer() func(done bool) (sso.Departure, error) {
	s, p, r, id, relay := e.r.Connection.SAML, e.p, e.r, e.id, e.in.relay
	to := s.SLOReply
	if to == "" {
		to = s.SLOURL
	}
	if to == "" {
		return nil
	}
	if len(relay) > longestRelayState {
		relay = "" // it must not be that long, and is not carried around
	}
	return func(done bool) (sso.Departure, error) {
		m := p.newMessage("samlp:LogoutResponse", paramResponse, r.Now)
		m.open(m.root, "xmlns:samlp", nsProtocol,
			"Destination", to,
			"ID", m.id,
			"InResponseTo", id,
			"IssueInstant", m.at,
			"Version", "2.0")
		m.issuer(r.Addresses.EntityID)
		m.open("samlp:Status")
		if done {
			m.leaf("samlp:StatusCode", "", "Value", statusSuccess)
		} else {
			m.open("samlp:StatusCode", "Value", statusResponder)
			m.leaf("samlp:StatusCode", "", "Value", statusPartialLogout)
			m.close("samlp:StatusCode")
		}
		m.close("samlp:Status")
		m.close(m.root)
		d, err := p.send(m, to, s.SLOBinding, relay, true)
		d.Memory = nil
		return d, err
	}
}

// response reads the answer to a request of ours. That the request is under way is for the caller to see, by Ending.Handle.
func (e *ended) response() (sso.Ending, error) {
	if e.in.relay == "" {
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutReply, Expected: "the RelayState of a request"}
	}
	if err := e.equal(sso.CodeLogoutReply, logoutID(e.in.relay), attr(e.el, "InResponseTo")); err != nil {
		return sso.Ending{}, err
	}
	status := only(e.el, nsProtocol, "Status")
	if status == nil {
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutStatus, Expected: statusSuccess}
	}
	code := only(status, nsProtocol, "StatusCode")
	if code == nil {
		return sso.Ending{}, &sso.Refusal{Code: sso.CodeLogoutStatus, Expected: statusSuccess}
	}
	if err := e.equal(sso.CodeLogoutStatus, statusSuccess, attr(code, "Value")); err != nil {
		return sso.Ending{}, err
	}
	return sso.Ending{Handle: e.in.relay}, nil
}

// incoming is a message as it came, not yet believed.
type incoming struct {
	param     string // paramRequest or paramResponse
	doc       []byte // by Redirect packed, until its signature was checked
	relay     string
	octets    []byte // by Redirect: what the signature is over
	algorithm string
	signature []byte
}

func malformed(detail string) error { return &sso.Refusal{Code: sso.CodeLogoutMessage, Detail: detail} }

// carriers are the parameters that may carry something of a message.
func carriers() []string {
	return []string{paramRequest, paramResponse, paramRelay, "SigAlg", "Signature", "SAMLEncoding", "SAMLart"}
}

func fromForm(m sso.Message) (incoming, error) {
	values := map[string]string{}
	for _, name := range carriers() {
		if m.Query.Has(name) {
			return incoming{}, malformed("parts of a message in the address of a form")
		}
		switch got := m.Form[name]; len(got) {
		case 0:
		case 1:
			values[name] = got[0]
		default:
			return incoming{}, malformed("a field twice")
		}
	}
	in, err := carried(values)
	in.relay = values[paramRelay]
	return in, err
}

// carried finds the one message among values.
func carried(values map[string]string) (incoming, error) {
	asks, answers := values[paramRequest], values[paramResponse]
	in := incoming{param: paramRequest}
	if answers != "" {
		in.param = paramResponse
	}
	switch encoded := asks + answers; {
	case encoded == "" || asks != "" && answers != "" || values["SAMLart"] != "":
		return in, malformed("not one message")
	case len(encoded) > base64.StdEncoding.EncodedLen(longestLogout):
		return in, malformed("too large")
	default:
		var err error
		if in.doc, err = base64.StdEncoding.DecodeString(unspaced(encoded)); err != nil {
			return in, malformed("not in base64")
		}
	}
	return in, nil
}

// fromQuery reads a message from the address. The octets that were signed are those that came, so they are kept as they are: written
// anew from what they mean, they could be others.
func fromQuery(query string) (incoming, error) {
	if len(query) > 3*longestLogout {
		return incoming{}, malformed("too large")
	}
	raw, values := map[string]string{}, map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return incoming{}, malformed("a parameter that cannot be read")
		}
		for _, carrier := range carriers() {
			if name != carrier {
				continue
			}
			if _, twice := raw[name]; twice || rawName != name {
				return incoming{}, malformed("a parameter twice, or in disguise")
			}
			raw[name] = rawValue
			if values[name], err = url.QueryUnescape(rawValue); err != nil {
				return incoming{}, malformed("a parameter that cannot be read")
			}
		}
	}
	in, err := carried(values)
	if err != nil {
		return in, err
	}
	if encoding := values["SAMLEncoding"]; encoding != "" && encoding != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE" {
		return in, malformed("packed in a way that is not known")
	}
	signed := in.param + "=" + raw[in.param]
	if _, ok := raw[paramRelay]; ok {
		signed += "&" + paramRelay + "=" + raw[paramRelay]
	}
	signed += "&SigAlg=" + raw["SigAlg"]
	in.octets, in.algorithm, in.relay = []byte(signed), values["SigAlg"], values[paramRelay]
	if values["Signature"] == "" {
		return in, &sso.Refusal{Code: sso.CodeSignatureMissing, Expected: "a signature of the query"}
	}
	if in.signature, err = base64.StdEncoding.DecodeString(unspaced(values["Signature"])); err != nil {
		return in, malformed("the signature is not in base64")
	}
	return in, nil
}

// checkOctets checks the signature of a query with the keys of the connection.
func (in incoming) checkOctets(certs []*x509.Certificate) error {
	if !signatureMethod(in.algorithm) {
		return &sso.Refusal{Code: sso.CodeAlgorithm, Expected: "RSA or ECDSA with SHA-256 or better", Received: in.algorithm, Detail: "SigAlg"}
	}
	hash := crypto.SHA256
	switch {
	case strings.HasSuffix(in.algorithm, "sha384"):
		hash = crypto.SHA384
	case strings.HasSuffix(in.algorithm, "sha512"):
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(in.octets)
	digest := h.Sum(nil)
	for _, cert := range certs {
		if !(signature{method: in.algorithm}).suits(cert.PublicKey) {
			continue
		}
		switch key := cert.PublicKey.(type) {
		case *rsa.PublicKey:
			if rsa.VerifyPKCS1v15(key, hash, digest, in.signature) == nil {
				return nil
			}
		case *ecdsa.PublicKey:
			if verifyECDSA(key, digest, in.signature) {
				return nil
			}
		}
	}
	return &sso.Refusal{Code: sso.CodeSignatureKey, Expected: fingerprints(certs), Detail: "signed by none of the keys of the connection, or not what came"}
}

// verifyECDSA takes the two numbers as XML Signature writes them, and as ASN.1 does: by Redirect providers do either.
func verifyECDSA(key *ecdsa.PublicKey, digest, signature []byte) bool {
	size := (key.Params().BitSize + 7) / 8
	if len(signature) == 2*size && ecdsa.Verify(key, digest, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])) {
		return true
	}
	return ecdsa.VerifyASN1(key, digest, signature)
}

// unpack inflates a message, and stops where it gets too large: parse refuses it then.
func unpack(packed []byte) ([]byte, error) {
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), longestLogout+1))
	if err != nil {
		return nil, malformed("it cannot be unpacked")
	}
	return doc, nil
}
