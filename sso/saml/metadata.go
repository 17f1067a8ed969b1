package saml

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/sallyport-auth/sallyport/sso"
)

const (
	longestMetadata = 4 << 20 // bytes; a provider's own has a few thousand, a federation's some of its members
	mostKeys        = 16      // of one provider: each is tried at a signature
	mostComments    = 200     // each may stand within one long text
)

// metadataLimits are wider than those of messages: only administrators bring metadata, and other people's tools write it.
func metadataLimits() limits {
	return limits{bytes: longestMetadata, depth: 32, elements: 1 << 16, attributes: 1 << 17, wide: 32, scope: 48, comments: true}
}

// ReadMetadata makes settings of the metadata of an identity provider. Where the document holds several entities, entityID chooses;
// else it may be empty.
//
// It reads what a SAML needs to work: EntityID, the addresses with their bindings (Redirect where there is a choice), the certificates
// of signing, and SignRequests, if the provider insists. Nothing proves here that the document is the provider's: whoever brings it does.
// An error is a *sso.Refusal.
func ReadMetadata(doc []byte, entityID string, now time.Time) (sso.SAML, error) {
	return readMetadata(doc, nil, entityID, now)
}

// ReadSignedMetadata does the same with metadata that must be signed as a whole by the key of a certificate, in DER. It becomes the
// MetadataCertificate of the settings.
func ReadSignedMetadata(doc, certificate []byte, entityID string, now time.Time) (sso.SAML, error) {
	if err := checkCertificate(certificate); err != nil {
		return sso.SAML{}, refuse(sso.CodeMetadataKey, "", "", "the certificate that metadata must be signed by "+err.Error())
	}
	return readMetadata(doc, certificate, entityID, now)
}

// FetchMetadata reads a document from its address, with Config.HTTP. Redirects are not followed: they would lead where nobody has
// looked. An error that is not a *sso.Refusal means that the address was not reached.
func (p *Protocol) FetchMetadata(ctx context.Context, address string) ([]byte, error) {
	if err := checkAddress(address); err != nil {
		return nil, refuse(sso.CodeMetadataAddress, "https", address, "the address "+err.Error())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, refuse(sso.CodeMetadataAddress, "https", address, "the address cannot be read")
	}
	request.Header.Set("Accept", "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1")
	client := *p.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("saml: fetching metadata: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, refuse(sso.CodeMetadataFetch, "200", strconv.Itoa(answer.StatusCode), "")
	}
	doc, err := io.ReadAll(io.LimitReader(answer.Body, longestMetadata+1))
	if err != nil {
		return nil, fmt.Errorf("saml: fetching metadata: %w", err)
	}
	if len(doc) > longestMetadata {
		return nil, refuse(sso.CodeMetadataXML, fmt.Sprintf("at most %d bytes", longestMetadata), "more", "")
	}
	return doc, nil
}

// refuse makes a Refusal, cut as those of answers are.
func refuse(code sso.Code, expected, received, detail string) error {
	return new(sso.Report).Fail(sso.Refusal{Code: code, Expected: expected, Received: received, Detail: detail})
}

func readMetadata(doc, certificate []byte, entityID string, now time.Time) (s sso.SAML, err error) {
	defer func() {
		if recover() != nil { // what others wrote must not end a program, whatever the libraries below make of it
			s, err = sso.SAML{}, refuse(sso.CodeMetadataXML, "", "", "the document cannot be read")
		}
	}()
	root, err := parseMetadata(doc)
	if err != nil {
		return sso.SAML{}, err
	}
	if len(certificate) > 0 {
		cert, err := x509.ParseCertificate(certificate)
		if err != nil {
			return sso.SAML{}, refuse(sso.CodeMetadataKey, "", "", "the certificate that metadata must be signed by is no certificate")
		}
		if root, err = verifySigned(root, []*x509.Certificate{cert}); err != nil {
			return sso.SAML{}, err
		}
	}
	entity, ends, err := chosen(root, entityID)
	if err != nil {
		return sso.SAML{}, err
	}
	role, err := providerOf(entity)
	if err != nil {
		return sso.SAML{}, err
	}
	for _, el := range []*etree.Element{entity, role} {
		if ends, err = sooner(ends, el); err != nil {
			return sso.SAML{}, err
		}
	}
	if !ends.IsZero() && !ends.After(now) {
		return sso.SAML{}, refuse(sso.CodeMetadataExpired, "a time after "+stamp(now), stamp(ends), "")
	}

	read := sso.SAML{EntityID: attr(entity, "entityID"), MetadataCertificate: certificate, ReadAt: now, ValidUntil: ends}
	if err := required(read.EntityID, checkURI); err != nil {
		return sso.SAML{}, refuse(sso.CodeMetadataEntity, "", read.EntityID, "entityID "+err.Error())
	}
	if read.SSOURL, read.SSOBinding, _, err = endpoint(role, "SingleSignOnService"); err != nil {
		return sso.SAML{}, err
	}
	if read.SSOURL == "" {
		return sso.SAML{}, refuse(sso.CodeMetadataBinding, bindingRedirect+" or "+bindingPOST, "", "no SingleSignOnService has either")
	}
	if read.SLOURL, read.SLOBinding, read.SLOReply, err = endpoint(role, "SingleLogoutService"); err != nil {
		return sso.SAML{}, err
	}
	if read.Certificates, err = signingKeys(role, now); err != nil {
		return sso.SAML{}, err
	}
	read.SignRequests = isTrue(attr(role, "WantAuthnRequestsSigned"))
	return read, nil
}

func parseMetadata(doc []byte) (*etree.Element, error) {
	if bytes.Count(doc, []byte("<!--")) > mostComments {
		return nil, refuse(sso.CodeMetadataXML, "", "", "too many comments")
	}
	root, err := parse(doc, metadataLimits(), nil)
	switch {
	case err != nil && len(doc) <= longestMetadata && bytes.Contains(doc, []byte("<!DOCTYPE")):
		return nil, refuse(sso.CodeMetadataDTD, "", "", "documents with a document type are not read")
	case err != nil:
		return nil, refuse(sso.CodeMetadataXML, "", "", err.Error())
	}
	return root, nil
}

// chosen finds one entity in a document, and when what stands around it ends.
func chosen(root *etree.Element, entityID string) (entity *etree.Element, ends time.Time, err error) {
	all := entities(root)
	if len(all) == 0 {
		return nil, ends, refuse(sso.CodeMetadataXML, "EntityDescriptor", root.Tag, "the document is no metadata of SAML 2.0")
	}
	if entityID == "" && len(all) > 1 {
		return nil, ends, refuse(sso.CodeMetadataSeveral, "one entity", strconv.Itoa(len(all)), "name the one that is meant")
	}
	for _, el := range all {
		if entityID != "" && attr(el, "entityID") != entityID {
			continue
		}
		if entity != nil {
			return nil, ends, refuse(sso.CodeMetadataEntity, entityID, "", "it is there twice")
		}
		entity = el
	}
	if entity == nil {
		received := ""
		if len(all) == 1 {
			received = attr(all[0], "entityID")
		}
		return nil, ends, refuse(sso.CodeMetadataEntity, entityID, received, "it is not there")
	}
	for around := entity.Parent(); around != nil && around.Tag != ""; around = around.Parent() {
		if ends, err = sooner(ends, around); err != nil {
			return nil, ends, err
		}
	}
	return entity, ends, nil
}

func entities(el *etree.Element) []*etree.Element {
	if is(el, nsMetadata, "EntityDescriptor") {
		return []*etree.Element{el}
	}
	if !is(el, nsMetadata, "EntitiesDescriptor") {
		return nil
	}
	var all []*etree.Element
	for _, child := range el.ChildElements() {
		all = append(all, entities(child)...) // as deep as the document, which is bounded
	}
	return all
}

func providerOf(entity *etree.Element) (*etree.Element, error) {
	roles := children(entity, nsMetadata, "IDPSSODescriptor")
	if len(roles) != 1 {
		return nil, refuse(sso.CodeMetadataRole, "one IDPSSODescriptor", strconv.Itoa(len(roles)), "")
	}
	for _, protocol := range strings.Fields(attr(roles[0], "protocolSupportEnumeration")) {
		if protocol == nsProtocol {
			return roles[0], nil
		}
	}
	return nil, refuse(sso.CodeMetadataRole, nsProtocol, attr(roles[0], "protocolSupportEnumeration"), "the provider does not speak SAML 2.0")
}

// endpoint finds where messages of a kind go, by Redirect if there is a choice, and where answers go if elsewhere. It answers nothing
// where no binding is ours. Every address by a binding of ours must be good, also those that are not taken: one that is not is no
// accident to overlook.
func endpoint(role *etree.Element, tag string) (address, binding, reply string, err error) {
	for _, el := range children(role, nsMetadata, tag) {
		var name string
		switch attr(el, "Binding") {
		case bindingRedirect:
			name = "redirect"
		case bindingPOST:
			name = "post"
		default:
			continue
		}
		to, back := attr(el, "Location"), attr(el, "ResponseLocation")
		if err := required(to, checkEndpoint); err != nil {
			return "", "", "", refuse(sso.CodeMetadataAddress, "https", to, tag+" "+err.Error())
		}
		if err := optional(back, checkEndpoint); err != nil {
			return "", "", "", refuse(sso.CodeMetadataAddress, "https", back, tag+" "+err.Error())
		}
		if binding == "" || binding == "post" && name == "redirect" {
			address, binding, reply = to, name, back
		}
	}
	if reply == address {
		reply = ""
	}
	return address, binding, reply, nil
}

// signingKeys reads the certificates of the keys that sign, each once. Keys that are too weak are left out: nothing they sign counts.
func signingKeys(role *etree.Element, now time.Time) ([]sso.Certificate, error) {
	var found []sso.Certificate
	weak := ""
	for _, key := range children(role, nsMetadata, "KeyDescriptor") {
		if use := attr(key, "use"); use != "" && use != "signing" {
			continue
		}
		for _, info := range children(key, nsDsig, "KeyInfo") {
			for _, data := range children(info, nsDsig, "X509Data") {
				certs := children(data, nsDsig, "X509Certificate")
				if len(certs) == 0 {
					continue
				}
				encoded, ok := text(certs[0]) // what follows is its chain
				der, err := base64.StdEncoding.DecodeString(unspaced(encoded))
				if !ok || err != nil {
					return nil, refuse(sso.CodeMetadataKey, "", "", "a certificate of signing is not in base64")
				}
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					return nil, refuse(sso.CodeMetadataKey, "", "", "a certificate of signing cannot be read")
				}
				if err := checkKey(cert.PublicKey); err != nil {
					weak = err.Error()
				} else if indexOf(found, der) < 0 {
					found = append(found, sso.Certificate{DER: der, SeenAt: now})
				}
				if len(found) > mostKeys {
					return nil, refuse(sso.CodeMetadataKey, fmt.Sprintf("at most %d certificates", mostKeys), "more", "")
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, refuse(sso.CodeMetadataKey, "a certificate of signing", weak, "")
	}
	return found, nil
}

func indexOf(list []sso.Certificate, der []byte) int {
	for i, c := range list {
		if bytes.Equal(c.DER, der) {
			return i
		}
	}
	return -1
}

// sooner is the earlier of a time, zero meaning never, and the validUntil of an element.
func sooner(ends time.Time, el *etree.Element) (time.Time, error) {
	written := attr(el, "validUntil")
	if written == "" {
		return ends, nil
	}
	until, ok := readTime(strings.TrimSpace(written))
	if !ok {
		return ends, refuse(sso.CodeMetadataXML, "a time in UTC", written, "validUntil cannot be read")
	}
	if ends.IsZero() || until.Before(ends) {
		return until, nil
	}
	return ends, nil
}

func isTrue(s string) bool { return s == "true" || s == "1" }
