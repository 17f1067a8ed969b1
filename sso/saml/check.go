package saml

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/baseurl"
	"github.com/sallyport-auth/sallyport/sso"
)

const longestURI = 1024 // bytes of a name or address; Core 8.3.6 says so of an entity's

// Check implements sso.Protocol.
func (p *Protocol) Check(c sso.Connection) error {
	s := c.SAML
	for _, f := range []struct {
		field string
		err   error
	}{
		{"EntityID", required(s.EntityID, checkURI)},
		{"SSOURL", required(s.SSOURL, checkEndpoint)},
		{"SSOBinding", checkBinding(s.SSOBinding)},
		{"SLOURL", optional(s.SLOURL, checkEndpoint)},
		{"SLOBinding", checkBinding(s.SLOBinding)},
		{"SLOReply", optional(s.SLOReply, checkEndpoint)},
		{"Certificates", checkCertificates(s.Certificates)},
		{"MetadataURL", optional(s.MetadataURL, checkAddress)},
		{"MetadataCertificate", optional(string(s.MetadataCertificate), func(der string) error { return checkCertificate([]byte(der)) })},
		{"NameIDFormat", optional(s.NameIDFormat, checkURI)},
		{"EntityIDOverride", optional(s.EntityIDOverride, checkURI)},
		{"AuthnContext", optional(s.AuthnContext, checkURI)},
	} {
		if f.err != nil {
			return fmt.Errorf("saml: Connection.SAML.%s: %w", f.field, f.err)
		}
	}
	if s.SignRequests && len(p.keys) == 0 {
		return errors.New("saml: Connection.SAML.SignRequests: Config.Keys has no key to sign with")
	}
	if s.NameIDFormat == formatTransient && c.Attributes.Subject == "" {
		return errors.New("saml: Connection.SAML.NameIDFormat: a transient name is another one every time; Attributes.Subject must say what names the person")
	}
	return nil
}

func required(s string, check func(string) error) error {
	if s == "" {
		return errors.New("is required")
	}
	return check(s)
}

func optional(s string, check func(string) error) error {
	if s == "" {
		return nil
	}
	return check(s)
}

// checkURI takes whatever may name something: providers' names are addresses, URNs, and sometimes plain words.
func checkURI(s string) error {
	if len(s) > longestURI {
		return fmt.Errorf("is longer than %d bytes", longestURI)
	}
	if !plain(s) || strings.TrimSpace(s) != s {
		return errors.New("has characters that no name has")
	}
	return nil
}

// checkAddress takes where something is fetched or sent: https, and plain http only to this machine itself, for tests.
func checkAddress(s string) error {
	if err := checkURI(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("is no address")
	}
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && baseurl.Loopback(u.Hostname())):
		return errors.New("is not an https address")
	case u.Hostname() == "" || u.Opaque != "":
		return errors.New("has no host")
	case u.User != nil:
		return errors.New("holds a user name")
	case strings.Contains(s, "#"):
		return errors.New("has a fragment")
	case strings.ContainsAny(s, "\\ \"<>"):
		return errors.New("has characters that no address has") // browsers and Go do not agree what they mean
	}
	return nil
}

// checkEndpoint takes where messages go. Their parameters must not stand there already: the provider would see two.
func checkEndpoint(s string) error {
	if err := checkAddress(s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return errors.New("is no address")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("has a query that cannot be read")
	}
	for _, name := range []string{paramRequest, paramResponse, paramRelay, "SigAlg", "Signature", "SAMLEncoding"} {
		if query.Has(name) {
			return fmt.Errorf("has a parameter %s, which belongs to the message", name)
		}
	}
	return nil
}

func checkBinding(s string) error {
	switch s {
	case "", "redirect", "post":
		return nil
	}
	return fmt.Errorf("is %q; redirect and post are known", s)
}

func checkCertificates(list []sso.Certificate) error {
	counts := 0
	for i, c := range list {
		if err := checkCertificate(c.DER); err != nil {
			return fmt.Errorf("number %d: %w", i+1, err)
		}
		if !c.Held {
			counts++
		}
	}
	if counts == 0 {
		return errors.New("one that is not held is required")
	}
	return nil
}

func checkCertificate(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return errors.New("is no certificate")
	}
	return checkKey(c.PublicKey)
}

// A Warning is something that will stop working, or already should have.
type Warning struct {
	Field string    // "Certificates" or "ValidUntil" of sso.SAML, or "Keys" of Config
	Ends  time.Time // when
	Days  int       // how near that is: within 30, 14, 7 or 1 days; 0: it has passed. Who tells people does so once for each
}

// Warnings says what of a connection runs out within thirty days. It is empty where all is well.
//
// Certificates is about the one that ends last. Nothing here stops when it does, as it is the key that was agreed on; but many
// providers renew keys with their certificates.
func (p *Protocol) Warnings(c sso.Connection, now time.Time) []Warning {
	var out []Warning
	warn := func(field string, ends time.Time, within ...int) {
		if ends.IsZero() {
			return
		}
		for _, days := range within {
			if !ends.After(now.AddDate(0, 0, days)) {
				out = append(out, Warning{Field: field, Ends: ends, Days: days})
				return
			}
		}
	}
	var last time.Time
	for _, held := range c.SAML.Certificates {
		if held.Held {
			continue
		}
		if c, err := x509.ParseCertificate(held.DER); err == nil && c.NotAfter.After(last) {
			last = c.NotAfter
		}
	}
	warn("Certificates", last, 0, 1, 7, 14, 30)
	warn("ValidUntil", c.SAML.ValidUntil, 0, 1) // many providers say a few days, and renew it daily
	if len(p.keys) > 0 {
		warn("Keys", p.keys[0].Certificate.NotAfter, 0, 1, 7, 14, 30)
	}
	return out
}
