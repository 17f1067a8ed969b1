package password

import (
	"cmp"
	"fmt"
	"time"
)

// The bounds of what a policy may ask.
const (
	leastLength = 8  // characters; no policy goes below it (NIST SP 800-63B-4, section 3.1.1.2)
	mostLength  = 64 // a password of so many characters is always long enough
	mostHistory = 24 // each costs a hash at every change
)

// A Policy is what a new password must meet. It is a plain value that can be compared. Zero in a field is "no opinion"; the
// zero Policy has none at all.
type Policy struct {
	MinLength            int  // in characters, that is code points after NFC; zero: no opinion, and 8 count
	MinLengthWithTwoStep int  // instead of MinLength, for people who always need a second step too; zero: MinLength counts
	RequireLetter        bool // of any script
	RequireLower         bool // a lower-case letter
	RequireUpper         bool // an upper-case letter
	RequireDigit         bool
	History              int  // how many of a person's last passwords may not be set again, the present one first; zero: no opinion
	RefuseCommon         bool // no password that everybody tries first; see Common
	RefusePersonal       bool // no password made of the person's address, name, or the company's words; see Personal

	MaxAge  time.Duration // a password is to be replaced this long after it was set; zero: no opinion
	Recheck bool          // a password that was set under weaker rules is to be replaced at the next sign-in
}

// Modern is the default: 15 characters, or 8 beside a second step, nothing common or personal, no composition rules
// (NIST SP 800-63B-4, section 3.1.1.2), and not the present password again.
func Modern() Policy {
	return Policy{MinLength: 15, MinLengthWithTwoStep: 8, History: 1, RefuseCommon: true, RefusePersonal: true}
}

// Platform asks for 8 characters with letters and digits, nothing common or personal, and not the present password again.
func Platform() Policy {
	return Policy{MinLength: 8, RequireLetter: true, RequireDigit: true, History: 1, RefuseCommon: true, RefusePersonal: true}
}

// Enhanced asks for 12 characters with upper and lower case and digits, nothing common or personal, none of the last 4, and a new
// one every 90 days, as older rules do. NIST SP 800-63B-4 advises against the classes and the ageing.
func Enhanced() Policy {
	return Policy{
		MinLength: 12, RequireLower: true, RequireUpper: true, RequireDigit: true, History: 4,
		RefuseCommon: true, RefusePersonal: true, MaxAge: 90 * 24 * time.Hour, Recheck: true,
	}
}

// Check tells which field cannot be meant.
func (p Policy) Check() error {
	switch {
	case p.MinLength != 0 && (p.MinLength < leastLength || p.MinLength > mostLength):
		return fmt.Errorf("password: Policy.MinLength is %d, want 0 or %d to %d", p.MinLength, leastLength, mostLength)
	case p.MinLengthWithTwoStep != 0 && p.MinLengthWithTwoStep < leastLength:
		return fmt.Errorf("password: Policy.MinLengthWithTwoStep is %d, want 0 or at least %d", p.MinLengthWithTwoStep, leastLength)
	case p.MinLengthWithTwoStep > p.MinLength:
		return fmt.Errorf("password: Policy.MinLengthWithTwoStep is %d, want at most MinLength, which is %d", p.MinLengthWithTwoStep, p.MinLength)
	case p.MaxAge < 0:
		return fmt.Errorf("password: Policy.MaxAge is %v, want 0 or more", p.MaxAge)
	case p.History < 0 || p.History > mostHistory:
		return fmt.Errorf("password: Policy.History is %d, want 0 to %d", p.History, mostHistory)
	}
	return nil
}

// Strictest is the policy that meets both, field by field.
func (p Policy) Strictest(q Policy) Policy {
	s := Policy{
		MinLength:      max(p.MinLength, q.MinLength),
		RequireLetter:  p.RequireLetter || q.RequireLetter,
		RequireLower:   p.RequireLower || q.RequireLower,
		RequireUpper:   p.RequireUpper || q.RequireUpper,
		RequireDigit:   p.RequireDigit || q.RequireDigit,
		History:        max(p.History, q.History),
		RefuseCommon:   p.RefuseCommon || q.RefuseCommon,
		RefusePersonal: p.RefusePersonal || q.RefusePersonal,
		MaxAge:         cmp.Or(min(p.MaxAge, q.MaxAge), p.MaxAge, q.MaxAge),
		Recheck:        p.Recheck || q.Recheck,
	}
	// Who asks for 15 and says nothing of a second step asks for 15 beside one as well.
	if p.MinLengthWithTwoStep != 0 || q.MinLengthWithTwoStep != 0 {
		s.MinLengthWithTwoStep = max(p.length(true), q.length(true))
	}
	return s
}

// length is what the policy asks for, zero where it has no opinion.
func (p Policy) length(twoStep bool) int {
	if twoStep && p.MinLengthWithTwoStep != 0 {
		return p.MinLengthWithTwoStep
	}
	return p.MinLength
}

// least is the length that counts.
func (p Policy) least(twoStep bool) int { return max(p.length(twoStep), leastLength) }
