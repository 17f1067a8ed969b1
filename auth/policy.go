package auth

import (
	"cmp"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/password"
)

// Keep says whether people may ask to be kept signed in.
type Keep string

const (
	KeepDefault Keep = ""          // no opinion; Recommended: allowed
	KeepAllowed Keep = "allowed"   // the box is shown, unticked
	KeepForbid  Keep = "forbidden" // no box; a ticked one counts for nothing
)

// Uncapped as a cap means that no length of stay ends a session; only rest does.
const Uncapped = time.Duration(1<<63 - 1)

// A Policy is what a company, or the product, asks of a sign-in. Zero in a field is "no opinion".
// Where several count, the strictest of each field does.
type Policy struct {
	Keep     Keep
	KeptIdle time.Duration // a kept session ends this long after the last activity; Recommended: 30 days
	KeptCap  time.Duration // and this long after sign-in at the latest; Recommended: 180 days
	Idle     time.Duration // a session that is not kept ends this long after the last activity; Recommended: 12 hours
	Cap      time.Duration // and this long after sign-in at the latest; Recommended: 24 hours

	// Passwords judges new passwords. Zero in a field is no opinion here too; Recommended: password.Modern.
	Passwords password.Policy
}

// A Layout says how the first page asks.
type Layout string

const (
	LayoutEmailFirst Layout = "email-first" // the e-mail, Next, then what the address asks for
	LayoutOnePage    Layout = "one-page"    // e-mail and password together
)

// A Preset is the product's own policy and how its pages are laid out. Presets are functions that return ordinary values to edit.
type Preset struct {
	Policy       Policy
	Layout       Layout // empty: LayoutEmailFirst
	NeedsCompany bool   // a person who belongs to no company is not let in
}

// Recommended is the default: e-mail first, kept for 30 days without activity and 180 at most.
func Recommended() Preset {
	const day = 24 * time.Hour
	return Preset{
		Layout: LayoutEmailFirst,
		Policy: Policy{
			Keep: KeepAllowed, KeptIdle: 30 * day, KeptCap: 180 * day, Idle: 12 * time.Hour, Cap: day,
			Passwords: password.Modern(),
		},
	}
}

// EmailFirst asks for the e-mail first, keeps a session until it rests for 30 days, however long it lasts, and takes passwords of
// eight letters and digits: the rules of products that people know. Recommended is stricter in both.
func EmailFirst() Preset {
	p := Recommended()
	p.Policy.KeptCap = Uncapped
	p.Policy.Passwords = password.Platform()
	return p
}

// OnePage asks for e-mail and password on one page, keeps nobody signed in, and takes passwords of eight letters and digits.
func OnePage() Preset {
	p := Recommended()
	p.Layout = LayoutOnePage
	p.Policy.Keep = KeepForbid
	p.Policy.Passwords = password.Platform()
	return p
}

// Strictest is what counts where both policies do.
func (p Policy) Strictest(q Policy) Policy {
	if q.Keep == KeepForbid || p.Keep == KeepDefault {
		p.Keep = cmp.Or(q.Keep, p.Keep)
	}
	p.KeptIdle = shortest(p.KeptIdle, q.KeptIdle)
	p.KeptCap = shortest(p.KeptCap, q.KeptCap)
	p.Idle = shortest(p.Idle, q.Idle)
	p.Cap = shortest(p.Cap, q.Cap)
	p.Passwords = p.Passwords.Strictest(q.Passwords)
	return p
}

// shortest is the shorter of two limits, of which zero is none.
func shortest(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}

// complete fills what the preset leaves open from Recommended.
func (p Preset) complete() Preset {
	r := Recommended()
	p.Layout = cmp.Or(p.Layout, r.Layout)
	p.Policy.Keep = cmp.Or(p.Policy.Keep, r.Policy.Keep)
	p.Policy.KeptIdle = cmp.Or(p.Policy.KeptIdle, r.Policy.KeptIdle)
	p.Policy.KeptCap = cmp.Or(p.Policy.KeptCap, r.Policy.KeptCap)
	p.Policy.Idle = cmp.Or(p.Policy.Idle, r.Policy.Idle)
	p.Policy.Cap = cmp.Or(p.Policy.Cap, r.Policy.Cap)
	p.Policy.Passwords = completePasswords(p.Policy.Passwords, r.Policy.Passwords)
	return p
}

// completePasswords fills field by field, so that asking for one thing more never asks for another less.
func completePasswords(p, r password.Policy) password.Policy {
	p.MinLength = cmp.Or(p.MinLength, r.MinLength)
	p.MinLengthWithTwoStep = cmp.Or(p.MinLengthWithTwoStep, min(p.MinLength, r.MinLengthWithTwoStep))
	p.History = cmp.Or(p.History, r.History)
	p.RefuseCommon = p.RefuseCommon || r.RefuseCommon
	p.RefusePersonal = p.RefusePersonal || r.RefusePersonal
	return p
}

// check says what in a complete preset cannot work.
func (p Preset) check() error {
	switch {
	case p.Layout != LayoutEmailFirst && p.Layout != LayoutOnePage:
		return fmt.Errorf("auth: Preset.Layout %q is none of email-first, one-page", p.Layout)
	case p.Policy.Keep != KeepAllowed && p.Policy.Keep != KeepForbid:
		return fmt.Errorf("auth: Preset.Policy.Keep %q is none of allowed, forbidden", p.Policy.Keep)
	}
	if err := p.Policy.Passwords.Check(); err != nil {
		return fmt.Errorf("auth: Preset.Policy.Passwords: %w", err)
	}
	for _, d := range []struct {
		field string
		is    time.Duration
	}{
		{"KeptIdle", p.Policy.KeptIdle}, {"KeptCap", p.Policy.KeptCap}, {"Idle", p.Policy.Idle}, {"Cap", p.Policy.Cap},
	} {
		if d.is < time.Minute {
			return fmt.Errorf("auth: Preset.Policy.%s is %v, want at least a minute", d.field, d.is)
		}
	}
	return nil
}

// A Risk is a setting that opens something on purpose.
type Risk struct {
	Field string   // the setting, as Go writes it
	Why   string   // what it opens
	Cases []string // the numbers of the attack cases that fail with it (docs/cases.md)
}

// Validate explains what in the preset is riskier than Recommended. An empty answer means nothing is.
// New accepts a preset with risks: they are the host's to take.
func (p Preset) Validate() []Risk {
	p = p.complete()
	r := Recommended()
	var risks []Risk
	add := func(when bool, field, why string, cases ...string) {
		if when {
			risks = append(risks, Risk{Field: field, Why: why, Cases: cases})
		}
	}
	keeps := p.Policy.Keep == KeepAllowed
	add(keeps && p.Policy.KeptCap == Uncapped, "Policy.KeptCap",
		"a kept session in daily use never ends by itself: a copied cookie works until somebody ends it", "A-227")
	add(keeps && p.Policy.KeptCap != Uncapped && p.Policy.KeptCap > r.Policy.KeptCap, "Policy.KeptCap",
		"a kept session lasts longer than half a year")
	add(keeps && p.Policy.KeptIdle > r.Policy.KeptIdle, "Policy.KeptIdle", "a forgotten browser stays signed in for more than 30 days")
	add(p.Policy.Cap == Uncapped, "Policy.Cap", "a session that nobody asked to keep never ends while it is used", "A-227")
	add(p.Policy.Idle > r.Policy.KeptIdle, "Policy.Idle", "a session that nobody asked to keep outlives a kept one")
	add(p.Policy.Passwords.MinLength < r.Policy.Passwords.MinLength, "Policy.Passwords.MinLength",
		fmt.Sprintf("a password that is the only proof may have %d characters; NIST SP 800-63B-4 asks for 15", p.Policy.Passwords.MinLength))
	return risks
}
