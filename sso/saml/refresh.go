package saml

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// keepUnseen is how long a key counts that the metadata no longer has: providers take keys out before they stop signing with them.
const keepUnseen = 7 * 24 * time.Hour

// Refresh implements sso.Refresher: it fetches the metadata from SAML.MetadataURL and goes on as Refreshed does. A connection that has
// no certificate yet gets everything from there, also its EntityID where it is empty.
func (p *Protocol) Refresh(ctx context.Context, c sso.Connection, now time.Time) (sso.Connection, []sso.Change, error) {
	doc, err := p.FetchMetadata(ctx, c.SAML.MetadataURL)
	if err != nil {
		return c, nil, err
	}
	if len(c.SAML.Certificates) > 0 {
		next, changes, err := Refreshed(c.SAML, doc, now)
		c.SAML = next
		return c, changes, err
	}
	read, err := readMetadata(doc, c.SAML.MetadataCertificate, c.SAML.EntityID, now)
	if err != nil {
		return c, nil, err
	}
	next := c.SAML
	next.EntityID, next.Certificates, next.ReadAt, next.ValidUntil = read.EntityID, read.Certificates, read.ReadAt, read.ValidUntil
	next.SignRequests = next.SignRequests || read.SignRequests
	for _, f := range addressFields() {
		*f.of(&next) = *f.of(&read)
	}
	c.SAML = next
	return c, nil, nil
}

// Refreshed compares the settings of a connection with its metadata, read again, and answers the settings that count from now on and
// what has changed.
//
// Metadata that only came from the right address is not believed more than that address: a new key is held, as another address
// for messages is, and the old ones go on counting until somebody calls [Approve]. SAML.AllowNewKeys lets new keys in at once,
// addresses not. Where SAML.MetadataCertificate is set, the metadata must be signed by it, and then everything counts at once.
//
// A key that the metadata has lost counts for seven days more, and longer where no other is left that counts. One that was given by
// hand stays. A held address is not kept anywhere: as long as the metadata says so, every refresh answers the same change.
//
// An error is a *sso.Refusal, and the settings are as they were.
func Refreshed(old sso.SAML, doc []byte, now time.Time) (next sso.SAML, changes []sso.Change, err error) {
	read, err := readMetadata(doc, old.MetadataCertificate, old.EntityID, now)
	if err != nil {
		return old, nil, err
	}
	signed := len(old.MetadataCertificate) > 0
	next = old
	next.ReadAt, next.ValidUntil = now, read.ValidUntil
	next.Certificates, changes = refreshKeys(old, read, signed || old.AllowNewKeys, now)
	for _, f := range addressFields() {
		was, says := f.of(&next), f.of(&read)
		if same(f.name, *was, *says) {
			continue
		}
		changes = append(changes, sso.Change{Field: f.name, Was: *was, Is: *says, Held: !signed})
		if signed {
			*was = *says
		}
	}
	return next, changes, nil
}

// A field is one that metadata says, and that may not change unseen.
type field struct {
	name string
	of   func(*sso.SAML) *string
}

func addressFields() []field {
	return []field{
		{"SSOURL", func(s *sso.SAML) *string { return &s.SSOURL }},
		{"SSOBinding", func(s *sso.SAML) *string { return &s.SSOBinding }},
		{"SLOURL", func(s *sso.SAML) *string { return &s.SLOURL }},
		{"SLOBinding", func(s *sso.SAML) *string { return &s.SLOBinding }},
		{"SLOReply", func(s *sso.SAML) *string { return &s.SLOReply }},
	}
}

// same compares two values of a field; no binding is one by Redirect.
func same(name, a, b string) bool {
	if name == "SSOBinding" || name == "SLOBinding" {
		return (a == "" || a == "redirect") == (b == "" || b == "redirect")
	}
	return a == b
}

func refreshKeys(old, read sso.SAML, trusted bool, now time.Time) (next []sso.Certificate, changes []sso.Change) {
	left := false // a key that counts and is in the metadata
	for _, c := range old.Certificates {
		left = left || indexOf(read.Certificates, c.DER) >= 0 && (!c.Held || trusted)
	}
	for _, c := range read.Certificates {
		left = left || trusted && indexOf(old.Certificates, c.DER) < 0
	}
	for _, c := range old.Certificates {
		seen := indexOf(read.Certificates, c.DER) >= 0
		switch {
		case seen && c.Held && trusted:
			c.Held = false
			changes = append(changes, sso.Change{Field: "Certificates", Is: sum(c.DER)})
		case seen && c.Held:
			changes = append(changes, sso.Change{Field: "Certificates", Is: sum(c.DER), Held: true})
		case !seen && (c.Held || left && !c.SeenAt.IsZero() && now.Sub(c.SeenAt) > keepUnseen):
			changes = append(changes, sso.Change{Field: "Certificates", Was: sum(c.DER)})
			continue
		}
		if seen && !c.SeenAt.IsZero() {
			c.SeenAt = now
		}
		next = append(next, c)
	}
	for _, c := range read.Certificates {
		if indexOf(old.Certificates, c.DER) < 0 {
			c.Held = !trusted
			next = append(next, c)
			changes = append(changes, sso.Change{Field: "Certificates", Is: sum(c.DER), Held: c.Held})
		}
	}
	return next, changes
}

// Approve lets a held change count. It is what an administrator has seen and agreed to: a change that no longer fits the settings, such
// as a key that the metadata has lost again, is an error.
func Approve(s sso.SAML, c sso.Change) (sso.SAML, error) {
	if c.Field == "Certificates" {
		i := slices.IndexFunc(s.Certificates, func(have sso.Certificate) bool { return sum(have.DER) == c.Is })
		if i < 0 {
			return s, errors.New("saml: approving a key: the connection does not have it")
		}
		s.Certificates = slices.Clone(s.Certificates)
		s.Certificates[i].Held = false
		return s, nil
	}
	for _, f := range addressFields() {
		if f.name != c.Field {
			continue
		}
		now := f.of(&s)
		if !same(f.name, *now, c.Was) {
			return s, fmt.Errorf("saml: approving %s: it has changed in the meantime", c.Field)
		}
		check := func(s string) error { return optional(s, checkEndpoint) }
		switch c.Field {
		case "SSOURL":
			check = func(s string) error { return required(s, checkEndpoint) }
		case "SSOBinding", "SLOBinding":
			check = checkBinding
		}
		if err := check(c.Is); err != nil {
			return s, fmt.Errorf("saml: approving %s: it %w", c.Field, err)
		}
		*now = c.Is
		return s, nil
	}
	return s, fmt.Errorf("saml: approving %q: metadata does not say it", c.Field)
}

// sum is how a Change names a certificate.
func sum(der []byte) string {
	s := sha256.Sum256(der)
	return hex.EncodeToString(s[:])
}
