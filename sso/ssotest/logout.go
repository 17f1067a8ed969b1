package ssotest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// participant is a product that somebody is signed in to by SAML.
type participant struct {
	sp    string
	name  NameID
	index string
}

// A Logout is a logout message of the provider: a LogoutRequest or, with a Status, a LogoutResponse. What is empty is left out.
type Logout struct {
	ID, Issuer, Destination string
	IssueInstant            time.Time
	NotOnOrAfter            time.Time
	NameID                  NameID
	SessionIndexes          []string
	InResponseTo            string
	Status                  []string
	RelayState              string
	Unsigned                bool
}

// HonestLogout is a request to end somebody's sessions at a product.
func (p *Provider) HonestLogout(sp SP, name NameID, sessionIndexes ...string) Logout {
	now := p.now()
	return Logout{
		ID: "_" + random(), Issuer: p.cfg.EntityID, Destination: sp.SLO, IssueInstant: now, NotOnOrAfter: now.Add(5 * time.Minute),
		NameID: name, SessionIndexes: sessionIndexes,
	}
}

// HonestLogoutResponse is the answer to a product's LogoutRequest.
func (p *Provider) HonestLogoutResponse(sp SP, inResponseTo string) Logout {
	return Logout{
		ID: "_" + random(), Issuer: p.cfg.EntityID, Destination: sp.SLO, IssueInstant: p.now(), InResponseTo: inResponseTo,
		Status: []string{Success},
	}
}

// logoutMessage is one in the making.
type logoutMessage struct {
	Logout
	key   *key
	root  *etree.Element
	bare  bool                                   // no Signature at all
	after func(p *Provider, root *etree.Element) // after signing, by POST
	big   bool                                   // a deflate bomb

	stated string // what it says about its destination, where that is not where it goes
}

func (p *Provider) prepareLocked(l Logout, attacks []attack) *logoutMessage {
	m := &logoutMessage{Logout: l, key: p.samlKeyLocked(), bare: l.Unsigned}
	for _, a := range attacks {
		if a.logout != nil {
			a.logout(p, m)
		}
	}
	m.root = writeLogout(m.Logout)
	attr(m.root, "Destination", m.stated)
	return m
}

// LogoutURL is the address that a browser is sent to with a logout message, signed as the Redirect binding wants.
func (p *Provider) LogoutURL(l Logout, attacks ...Attack) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logoutURLLocked(l, attackRows(attacks))
}

func (p *Provider) logoutURLLocked(l Logout, attacks []attack) string {
	m := p.prepareLocked(l, attacks)
	text := elementText(m.root)
	if m.big {
		text = strings.Replace(text, "</", strings.Repeat(" ", 64<<20)+"</", 1)
	}
	query := m.field() + "=" + url.QueryEscape(deflate([]byte(text)))
	if m.RelayState != "" {
		query += "&RelayState=" + url.QueryEscape(m.RelayState)
	}
	if !m.bare {
		method := cmp.Or(p.settings.SignatureMethod, RSASHA256)
		query += "&SigAlg=" + url.QueryEscape(method)
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signBytes(m.key, method, []byte(query))))
	}
	if strings.Contains(m.Destination, "?") {
		return m.Destination + "&" + query
	}
	return m.Destination + "?" + query
}

// LogoutForm is a logout message as it is posted, in base64, with an enveloped signature.
func (p *Provider) LogoutForm(l Logout, attacks ...Attack) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logoutFormLocked(l, attackRows(attacks))
}

func (p *Provider) logoutFormLocked(l Logout, attacks []attack) string {
	m := p.prepareLocked(l, attacks)
	if !m.bare {
		sig := p.signatureLocked(m.root)
		sig.key = m.key
		sig.sign(m.root, afterIssuer(m.root))
	}
	if m.after != nil {
		m.after(p, m.root)
	}
	return base64.StdEncoding.EncodeToString([]byte(elementText(m.root)))
}

func (l Logout) field() string {
	if len(l.Status) > 0 {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

func writeLogout(l Logout) *etree.Element {
	root := etree.NewElement("samlp:LogoutRequest")
	if len(l.Status) > 0 {
		root.Tag = "LogoutResponse"
	}
	root.CreateAttr("xmlns:samlp", nsProtocol)
	attr(root, "ID", l.ID)
	root.CreateAttr("Version", "2.0")
	instant(root, "IssueInstant", l.IssueInstant)
	instant(root, "NotOnOrAfter", l.NotOnOrAfter)
	attr(root, "Destination", l.Destination)
	attr(root, "InResponseTo", l.InResponseTo)
	if l.Issuer != "" {
		root.AddChild(issuer(l.Issuer))
	}
	if len(l.Status) > 0 {
		writeStatus(root, l.Status, "")
		return root
	}
	if l.NameID.Value != "" {
		name := root.CreateElement("saml:NameID")
		name.CreateAttr("xmlns:saml", nsSAML)
		writeNameID(name, l.NameID)
	}
	for _, index := range l.SessionIndexes {
		root.CreateElement("samlp:SessionIndex").SetText(index)
	}
	return root
}

// slo takes a product's logout message: a request to sign somebody out, or the answer to the provider's.
func (p *Provider) slo(w http.ResponseWriter, r *http.Request) {
	field := "SAMLRequest"
	if r.ParseForm() == nil && r.Form.Has("SAMLResponse") {
		field = "SAMLResponse"
	}
	m, err := p.readMessage(r, field)
	switch {
	case err != nil:
	case m.sp.SigningCert != nil && !m.signed:
		err = errors.New("the logout message is not signed")
	case field == "SAMLRequest" && m.root.Tag != "LogoutRequest" || field == "SAMLResponse" && m.root.Tag != "LogoutResponse":
		err = errors.New("not a logout message")
	}
	if err != nil {
		p.refuse(w, err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if field == "SAMLResponse" {
		p.nextLogoutLocked(w, r)
		return
	}
	if name := m.root.SelectElement("NameID"); name != nil {
		p.endLocked(m.sp.EntityID, name.Text())
	}
	if c, err := r.Cookie(p.cookieName()); err == nil && p.sessions[c.Value] == nil {
		p.setCookie(w, nil)
	}
	answer := p.HonestLogoutResponse(m.sp, m.root.SelectAttrValue("ID", ""))
	answer.RelayState = m.relay
	p.sendLogoutLocked(w, r, m.sp, answer)
}

// endLocked ends the sessions of a person that a product names. Without SignedInAs the person has to sign in again.
func (p *Provider) endLocked(sp, name string) {
	for id, s := range p.sessions {
		if slices.ContainsFunc(s.sps, func(x participant) bool { return x.sp == sp && x.name.Value == name }) {
			delete(p.sessions, id)
		}
	}
}

// signOut signs somebody out of the provider and, one after the other, out of every product.
func (p *Provider) signOut(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextLogoutLocked(w, r)
}

// nextLogoutLocked tells the next product that somebody is signed out, or is done.
func (p *Provider) nextLogoutLocked(w http.ResponseWriter, r *http.Request) {
	var s *session
	if c, err := r.Cookie(p.cookieName()); err == nil {
		s = p.sessions[c.Value]
	}
	for s != nil && len(s.sps) > 0 {
		next := s.sps[0]
		s.sps = s.sps[1:]
		if sp, ok := p.spLocked(next.sp); ok && sp.SLO != "" {
			p.sendLogoutLocked(w, r, sp, p.HonestLogout(sp, next.name, next.index))
			return
		}
	}
	if s != nil {
		p.tellClientsLocked(s)
		delete(p.sessions, s.id)
	}
	p.setCookie(w, nil)
	http.Redirect(w, r, p.path+"/", http.StatusSeeOther)
}

// sendLogoutLocked sends a logout message by the product's binding.
func (p *Provider) sendLogoutLocked(w http.ResponseWriter, r *http.Request, sp SP, l Logout) {
	rows := p.takeLocked(func(a attack) bool { return a.logout != nil })
	if sp.SLO == "" {
		http.Redirect(w, r, p.path+"/", http.StatusSeeOther)
		return
	}
	if sp.SLOBinding != PostBinding {
		http.Redirect(w, r, p.logoutURLLocked(l, rows), http.StatusSeeOther)
		return
	}
	d := &delivery{sp: sp, method: "post", action: sp.SLO, fields: [][2]string{{l.field(), p.logoutFormLocked(l, rows)}}}
	if l.RelayState != "" {
		d.set("RelayState", l.RelayState)
	}
	p.deliver(w, d)
}
