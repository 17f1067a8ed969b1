package socialtest

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
)

// An Attack is one thing that a hostile or broken provider does, or somebody between it and the product.
type Attack int

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
	on     []Personality // which can make it; none: all that speak OpenID Connect

	callback func(p *Provider, q url.Values, state string) // the parameters of the answer to the browser
	token    func(p *Provider, t *signed)                  // the ID token
	reply    func(p *Provider, fields Claims, g grant)     // the answer of the token endpoint
	info     func(p *Provider, claims Claims, g grant)     // userinfo, and /me of the Graph API
	document func(p *Provider, fields Claims)              // discovery; stays until Behave
	notice   func(p *Provider, n *notice)                  // what Apple posts
}

// Hostile makes the next answer that an attack concerns so. Attacks on what is published stay until Behave. Those on notices are told to
// Notice instead. It panics where an attack is none of the provider's personality.
func (p *Provider) Hostile(attacks ...Attack) {
	for _, a := range attacks {
		if !a.Concerns(p.cfg.Personality) {
			panic(fmt.Sprintf("socialtest: %s cannot make %q", p.cfg.Personality, a))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostile = append(p.hostile, attacks...)
}

// Behave forgets every attack that has not happened yet, those that stay, and MixUp.
func (p *Provider) Behave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostile, p.mangle, p.lure = nil, nil, lure{}
}

// takeLocked are the attacks that concern a step, and forgets them.
func (p *Provider) takeLocked(concerns func(attack) bool) []attack {
	rows := p.lookLocked(concerns)
	for _, row := range rows {
		if i := slices.Index(p.hostile, row.Attack); i >= 0 {
			p.hostile = slices.Delete(p.hostile, i, i+1)
		}
	}
	return rows
}

// lookLocked are the attacks that concern a step, which stay.
func (p *Provider) lookLocked(concerns func(attack) bool) []attack {
	var rows []attack
	for _, row := range attackRows(p.hostile) {
		if concerns(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

func attackRows(attacks []Attack) []attack {
	var rows []attack
	for _, a := range attacks {
		rows = append(rows, a.row())
	}
	return rows
}

func (a Attack) row() attack {
	for _, row := range table() {
		if row.Attack == a {
			return row
		}
	}
	panic(fmt.Sprintf("socialtest: there is no attack %d", int(a)))
}

// Attacks are all attacks that a personality can make, in the order of the catalogue, without those on notices.
func Attacks(k Personality) []Attack {
	return attacksWhere(func(row attack) bool { return row.notice == nil && row.concerns(k) })
}

// NoticeAttacks are all attacks on what Apple posts, for Notice.
func NoticeAttacks() []Attack {
	return attacksWhere(func(row attack) bool { return row.notice != nil })
}

func attacksWhere(good func(attack) bool) []Attack {
	rows := table()
	slices.SortStableFunc(rows, func(x, y attack) int { return cmp.Compare(x.number, y.number) })
	var all []Attack
	for _, row := range rows {
		if good(row) {
			all = append(all, row.Attack)
		}
	}
	return all
}

// Number is the number of the case in the catalogue of attacks, such as 86 for A-086.
func (a Attack) Number() int { return a.row().number }

// Name is a few words about it.
func (a Attack) Name() string { return a.row().name }

// Want is what the product must make of it.
func (a Attack) Want() Expectation { return a.row().want }

// Concerns tells whether a personality can make it.
func (a Attack) Concerns(k Personality) bool { return a.row().concerns(k) }

func (row attack) concerns(k Personality) bool {
	if row.on == nil {
		return k.OpenID()
	}
	return slices.Contains(row.on, k)
}

// String is the number and the name, for the name of a subtest.
func (a Attack) String() string {
	row := a.row()
	return fmt.Sprintf("A-%03d %s", row.number, row.name)
}
