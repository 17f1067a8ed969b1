package saml_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

// FuzzLogoutRequest signs whatever comes, as a provider gone wrong would, so that all that lies behind the signature is reached; and
// then takes the same without a signature, which must never count.
func FuzzLogoutRequest(f *testing.F) {
	f.Add(asks(), "relay")
	f.Add(asks(func(m *logoutMessage) { m.ends = "2026-11-28T12:05:00Z" }), "")
	f.Add(asks(func(m *logoutMessage) { m.content = "<saml:EncryptedID/>" }), "a&b")
	f.Add(answers("_x"), "handle-1")
	f.Add(signDoc(f, asks(), theirs()), "")
	f.Add("<a/>", "")
	k := curved()
	p := newProtocol(f, k)
	r := signIn(func(c *sso.Connection) { c.SAML.Certificates = []sso.Certificate{{DER: k.Certificate.Raw}} })
	f.Fuzz(func(t *testing.T, doc, relay string) {
		query := paramOf(doc) + "=" + url.QueryEscape(pack([]byte(doc)))
		if relay != "" {
			query += "&RelayState=" + url.QueryEscape(relay)
		}
		signed := query + "&SigAlg=" + url.QueryEscape("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256")
		signed += "&Signature=" + url.QueryEscape(signOctets(t, signed, k, 5))
		got, err := p.Ended(t.Context(), r, byQuery(signed), new(sso.Report))
		var refusal *sso.Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("Ended = %v, want a refusal", err)
		}
		if err == nil && got.Request {
			if got.Subject == "" || got.Once == "" || !got.OnceEnds.After(r.Now) || got.OnceEnds.After(r.Now.Add(time.Hour)) {
				t.Errorf("Ended of %q = %+v", doc, got)
			}
			if d, err := got.Answer(true); err != nil || d.URL == "" {
				t.Errorf("Answer to %q = %+v, %v", doc, d, err)
			}
		}
		if err == nil && !got.Request && got.Handle != relay {
			t.Errorf("Ended of %q = %+v, want the handle %q", doc, got, relay)
		}
		for _, m := range []sso.Message{byQuery(query), byForm(doc, relay), byQuery(doc), {Post: true, Form: url.Values{"SAMLRequest": {doc}}}} {
			if got, err := p.Ended(t.Context(), r, m, new(sso.Report)); err == nil {
				t.Errorf("Ended of what nobody has signed = %+v", got)
			}
		}
	})
}

// FuzzMetadata reads what administrators may bring. Whatever is taken must be fit for a connection.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(idp{}.String()), "")
	f.Add([]byte(several(` validUntil="2027-01-01T00:00:00Z"`, plain(idp{}), plain(idp{id: "b"}))), "b")
	f.Add([]byte(signDoc(f, idp{}.String(), theirs())), "")
	f.Add([]byte("<!-- --><!DOCTYPE a>"), "a")
	f.Add([]byte(base64.StdEncoding.EncodeToString(theirs().Certificate.Raw)), "")
	p := newProtocol(f, ours())
	s, err := saml.ReadMetadata([]byte(idp{}.String()), "", start)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte, entity string) {
		got, err := saml.ReadMetadata(doc, entity, start)
		if err != nil && !errors.As(err, new(*sso.Refusal)) {
			t.Fatalf("ReadMetadata = %v, want a refusal", err)
		}
		if err == nil {
			if err := p.Check(sso.Connection{SAML: got}); err != nil {
				t.Errorf("Check of what was read = %v: %q", err, doc)
			}
			if entity != "" && got.EntityID != entity {
				t.Errorf("ReadMetadata = the entity %q, want %q", got.EntityID, entity)
			}
		}
		next, changes, err := saml.Refreshed(s, doc, start.Add(30*day))
		if err := p.Check(sso.Connection{SAML: next}); err != nil {
			t.Errorf("Check of what was refreshed = %v: %q", err, doc)
		}
		if next.SSOURL != s.SSOURL || next.SLOURL != s.SLOURL || !next.Certificates[0].SeenAt.After(time.Time{}) {
			t.Errorf("Refreshed without a signature = %+v: %q", next, doc)
		}
		for _, c := range next.Certificates[1:] {
			if !c.Held {
				t.Errorf("Refreshed without a signature takes a key: %q", doc)
			}
		}
		for _, c := range changes {
			if _, approve := saml.Approve(next, c); err == nil && c.Held && approve != nil {
				t.Errorf("Approve of %+v = %v: %q", c, approve, doc)
			}
		}
		if _, err := saml.ReadSignedMetadata(doc, theirs().Certificate.Raw, entity, start); err != nil && !errors.As(err, new(*sso.Refusal)) {
			t.Fatalf("ReadSignedMetadata = %v, want a refusal", err)
		}
	})
}
