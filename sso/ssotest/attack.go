package ssotest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"github.com/beevik/etree"
)

// An Attack is one thing that a hostile or broken provider does, or somebody between it and the product.
type Attack int

// Protocol is what an attack speaks.
type Protocol int

// The protocols.
const (
	SAML Protocol = iota + 1
	OpenID
)

// An Expectation is what the product must make of an attack.
type Expectation int

// Expectations.
const (
	Refuse Expectation = iota // nobody is signed in, nothing changes
	Accept                    // unusual, and right: the person is signed in
	Ignore                    // the person is signed in, and what the attack adds has no effect
	Judge                     // depends on the product's policy, which the test knows
)

// attack is a row of the table: what is done, at which step. An attack that has nothing at a step leaves it alone.
type attack struct {
	Attack
	number int // in the catalogue of attacks
	name   string
	want   Expectation
	now    func(p *Provider) // at once, when it is named

	// A SAML answer.
	fields  func(m *message, r *Response)                // before anything is made of them
	before  func(m *message)                             // before signing: the provider stands for it
	sign    func(m *message, el *etree.Element)          // changes m.sig before it is used on an element
	sealed  func(m *message, text string) string         // the Assertion before encryption
	sealing func(m *message, text string) *etree.Element // the EncryptedAssertion
	after   func(m *message)                             // after signing
	text    func(m *message, text string) string         // the text of it all
	deliver func(p *Provider, d *delivery)               // how it is posted
	logout  func(p *Provider, l *logoutMessage)          // a logout message
	meta    func(p *Provider, text string) string        // the metadata; stays until Behave

	// OpenID Connect.
	callback func(p *Provider, q url.Values, state string) // the parameters of the answer to the browser
	token    func(p *Provider, t *idToken)                 // the ID token
	reply    func(p *Provider, fields Claims)              // the answer of the token endpoint
	info     func(p *Provider, claims Claims)              // userinfo
	document func(p *Provider, fields Claims)              // discovery; stays until Behave
	back     func(p *Provider, t *idToken)                 // a logout token
}

// Hostile makes the next answer that an attack concerns so. Attacks on what is published stay until Behave, and those on keys
// happen at once.
func (p *Provider) Hostile(attacks ...Attack) {
	for _, a := range attackRows(attacks) {
		if a.now != nil {
			a.now(p)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostile = append(p.hostile, attacks...)
}

// Behave forgets every attack that has not happened yet, and those that stay.
func (p *Provider) Behave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostile, p.mangle = nil, mangling{}
}

// MangleResponse changes the next SAML answer of a person before it is signed.
func (p *Provider) MangleResponse(change func(*Response)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mangle.response = append(p.mangle.response, change)
}

// MangleIDToken changes the next ID token before it is signed.
func (p *Provider) MangleIDToken(change func(header, claims Claims)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mangle.token = append(p.mangle.token, change)
}

// takeLocked are the attacks that concern a step, and forgets them.
func (p *Provider) takeLocked(concerns func(attack) bool) []attack {
	rows := p.lookLocked(concerns)
	for _, a := range rows {
		if i := slices.Index(p.hostile, a.Attack); i >= 0 {
			p.hostile = slices.Delete(p.hostile, i, i+1)
		}
	}
	return rows
}

// lookLocked are the attacks that concern a step, which stay.
func (p *Provider) lookLocked(concerns func(attack) bool) []attack {
	var rows []attack
	for _, a := range attackRows(p.hostile) {
		if concerns(a) {
			rows = append(rows, a)
		}
	}
	return rows
}

func (a attack) ofAnswer() bool {
	return a.fields != nil || a.before != nil || a.sign != nil || a.sealed != nil || a.sealing != nil || a.after != nil || a.text != nil
}

func attackRows(attacks []Attack) []attack {
	var rows []attack
	for _, a := range attacks {
		rows = append(rows, a.row())
	}
	return rows
}

func (a Attack) row() attack {
	for _, r := range table() {
		if r.Attack == a {
			return r
		}
	}
	panic(fmt.Sprintf("ssotest: there is no attack %d", int(a)))
}

// table is every attack.
func table() []attack {
	return slices.Concat(signatureAttacks(), protocolAttacks(), openidAttacks())
}

// Attacks are all attacks, in the order of the catalogue.
func Attacks() []Attack {
	rows := table()
	slices.SortStableFunc(rows, func(x, y attack) int { return cmp.Compare(x.number, y.number) })
	var all []Attack
	for _, r := range rows {
		all = append(all, r.Attack)
	}
	return all
}

// Number is the number of the case in the catalogue of attacks, such as 31 for A-031.
func (a Attack) Number() int { return a.row().number }

// Name is a few words about it.
func (a Attack) Name() string { return a.row().name }

// Want is what the product must make of it.
func (a Attack) Want() Expectation { return a.row().want }

// Protocol is what it speaks.
func (a Attack) Protocol() Protocol {
	if a.row().number >= 77 {
		return OpenID
	}
	return SAML
}

// String is the number and the name, for the name of a subtest.
func (a Attack) String() string {
	r := a.row()
	return fmt.Sprintf("A-%03d %s", r.number, r.name)
}
