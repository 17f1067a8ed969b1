package saml

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/sso"
)

// Begin implements sso.Protocol. It makes an AuthnRequest.
//
// Request.LoginHint goes nowhere: SAML has no place for it but a Subject, which most providers refuse.
func (p *Protocol) Begin(_ context.Context, r sso.Request) (sso.Departure, error) {
	s := r.Connection.SAML
	m := p.newMessage("samlp:AuthnRequest", paramRequest, r.Now)
	fresh := ""
	if r.Fresh {
		fresh = "true"
	}
	m.open(m.root, "xmlns:samlp", nsProtocol,
		"AssertionConsumerServiceURL", r.Addresses.ACS,
		"Destination", s.SSOURL,
		"ForceAuthn", fresh,
		"ID", m.id,
		"IssueInstant", m.at,
		"ProtocolBinding", bindingPOST,
		"Version", "2.0")
	m.issuer(r.Addresses.EntityID)
	if s.NameIDFormat != "" {
		m.leaf("samlp:NameIDPolicy", "", "AllowCreate", "true", "Format", s.NameIDFormat)
	}
	if s.AuthnContext != "" {
		m.open("samlp:RequestedAuthnContext", "Comparison", "exact")
		m.leaf("saml:AuthnContextClassRef", s.AuthnContext, "xmlns:saml", nsAssertion)
		m.close("samlp:RequestedAuthnContext")
	}
	m.close(m.root)
	return p.send(m, s.SSOURL, s.SSOBinding, r.Handle, s.SignRequests)
}

// A message is what we send, while it is written.
type message struct {
	writer
	root  string // the element
	param string // what carries it: paramRequest or paramResponse
	id    string
	at    string // IssueInstant
	sigAt int    // where a signature belongs: behind the Issuer
}

func (p *Protocol) newMessage(root, param string, now time.Time) *message {
	return &message{
		writer: writer{b: make([]byte, 0, 1024)},
		root:   root, param: param,
		id: "_" + token.NewID(), // an ID must not begin with a digit
		at: now.UTC().Format(timeFormat),
	}
}

func (m *message) issuer(entityID string) {
	m.leaf("saml:Issuer", entityID, "xmlns:saml", nsAssertion)
	m.sigAt = len(m.b)
}

// send says how a browser takes a message to a provider.
func (p *Protocol) send(m *message, to, binding, relayState string, signed bool) (sso.Departure, error) {
	if len(relayState) > longestRelayState {
		return sso.Departure{}, fmt.Errorf("saml: a RelayState of %d bytes; %d is the most", len(relayState), longestRelayState)
	}
	if signed && len(p.keys) == 0 {
		return sso.Departure{}, errors.New("saml: Config.Keys has no key to sign with")
	}
	keep, err := json.Marshal(memory{ID: m.id})
	if err != nil {
		return sso.Departure{}, fmt.Errorf("saml: keeping the ID of a request: %w", err)
	}
	switch binding {
	case "", "redirect":
		address, err := p.redirect(m, to, relayState, signed)
		return sso.Departure{URL: address, Memory: keep}, err
	case "post":
		form, err := p.form(m, to, relayState, signed)
		return sso.Departure{Post: form, Memory: keep}, err
	}
	return sso.Departure{}, fmt.Errorf("saml: no binding is called %q", binding)
}

// redirect writes a message into an address. Each parameter stands there once, whatever the values hold.
func (p *Protocol) redirect(m *message, to, relayState string, signed bool) (string, error) {
	packed, err := p.deflate(m.b)
	if err != nil {
		return "", err
	}
	text := base64.StdEncoding.EncodeToString(packed)
	query := m.param + "=" + url.QueryEscape(text)
	if relayState != "" {
		query += "&" + paramRelay + "=" + url.QueryEscape(relayState)
	}
	if signed {
		query += "&SigAlg=" + url.QueryEscape(p.keys[0].algorithm())
		signature, err := p.keys[0].sign([]byte(query)) // over the octets that the provider will see
		if err != nil {
			return "", err
		}
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	}
	if strings.Contains(to, "?") {
		return to + "&" + query, nil
	}
	return to + "?" + query, nil
}

func (p *Protocol) form(m *message, to, relayState string, signed bool) (*sso.Form, error) {
	doc := m.b
	if signed {
		var err error
		if doc, err = p.keys[0].envelop(m.b, m.sigAt, m.id); err != nil {
			return nil, err
		}
	}
	f := &sso.Form{Action: to, Fields: []sso.Field{{Name: m.param, Value: base64.StdEncoding.EncodeToString(doc)}}}
	if relayState != "" {
		f.Fields = append(f.Fields, sso.Field{Name: paramRelay, Value: relayState})
	}
	return f, nil
}

// deflate packs a message. What packs it is kept for the next one, as it is four hundred times as big.
func (p *Protocol) deflate(doc []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(doc))
	w, ok := p.deflater.Get().(*flate.Writer)
	if ok {
		w.Reset(&out)
	} else {
		var err error
		if w, err = flate.NewWriter(&out, flate.DefaultCompression); err != nil {
			return nil, fmt.Errorf("saml: packing a message: %w", err)
		}
	}
	defer p.deflater.Put(w)
	if _, err := w.Write(doc); err != nil {
		return nil, fmt.Errorf("saml: packing a message: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("saml: packing a message: %w", err)
	}
	return out.Bytes(), nil
}
