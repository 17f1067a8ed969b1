package ssotest

import (
	"cmp"
	"net/http"
	"time"

	"github.com/beevik/etree"
)

// Metadata is what the provider publishes about its SAML side.
func (p *Provider) Metadata() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.samlKeyLocked()
	text := elementText(p.metadataLocked())
	for _, a := range p.lookLocked(func(a attack) bool { return a.meta != nil }) {
		text = a.meta(p, text)
	}
	return []byte(text)
}

// MetadataURL is where it is.
func (p *Provider) MetadataURL() string { return p.cfg.BaseURL + "/saml/metadata" }

func (p *Provider) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	w.Write(p.Metadata())
}

func (p *Provider) metadataLocked() *etree.Element {
	root := etree.NewElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", nsMetadata)
	root.CreateAttr("ID", "_"+random())
	root.CreateAttr("entityID", p.cfg.EntityID)
	if d := cmp.Or(p.settings.MetadataFor, 7*24*time.Hour); d > 0 {
		instant(root, "validUntil", p.now().Add(d))
	}
	role := root.CreateElement("md:IDPSSODescriptor")
	role.CreateAttr("WantAuthnRequestsSigned", "false")
	role.CreateAttr("protocolSupportEnumeration", nsProtocol)
	for _, k := range p.saml.published() {
		descriptor := role.CreateElement("md:KeyDescriptor")
		descriptor.CreateAttr("use", "signing")
		info := descriptor.CreateElement("ds:KeyInfo")
		info.CreateAttr("xmlns:ds", nsSig)
		writeCertificate(info, k)
	}
	service := func(tag, binding, location string) {
		el := role.CreateElement("md:" + tag)
		el.CreateAttr("Binding", binding)
		el.CreateAttr("Location", location)
	}
	service("SingleLogoutService", RedirectBinding, p.SLOURL())
	service("SingleLogoutService", PostBinding, p.SLOURL())
	for _, format := range []string{FormatEmail, FormatPersistent, FormatTransient} {
		role.CreateElement("md:NameIDFormat").SetText(format)
	}
	service("SingleSignOnService", RedirectBinding, p.SSOURL())
	service("SingleSignOnService", PostBinding, p.SSOURL())
	organization := root.CreateElement("md:Organization")
	for _, f := range [][2]string{{"Name", p.cfg.Name}, {"DisplayName", p.cfg.Name}, {"URL", p.cfg.BaseURL}} {
		el := organization.CreateElement("md:Organization" + f[0])
		el.CreateAttr("xml:lang", "en")
		el.SetText(f[1])
	}
	if p.settings.SignMetadata {
		sig := p.signatureLocked(root)
		sig.sign(root, 0)
	}
	return root
}
