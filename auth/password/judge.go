package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Rule is the stable code of something that a new password must meet.
type Rule string

const (
	TooShort    Rule = "too_short"    // N: the least number of characters
	TooLong     Rule = "too_long"     // N: the most bytes of UTF-8; told alone, since nothing else is looked at then
	NotText     Rule = "not_text"     // it is not UTF-8, or holds U+FFFD, which stands for what was not; told alone
	NeedsLetter Rule = "needs_letter" // of any script
	NeedsLower  Rule = "needs_lower"
	NeedsUpper  Rule = "needs_upper"
	NeedsDigit  Rule = "needs_digit"

	// Common: it is one of 30,000 passwords that everybody tries first, in any case, with digits for letters ("p4ssw0rd"),
	// with punctuation and up to six digits or a run of them before or after ("Dragon2024!"), or over and over; or it is one
	// run of letters or digits, such as 123456789012345.
	Common Rule = "common"

	// Personal: words of the person's own (see About), in any case and with digits for letters, make up most of it and fewer
	// than 8 other characters are left, or nothing but punctuation and a few digits is. Words of fewer than 3 characters
	// do not count.
	Personal Rule = "personal"

	Breached Rule = "breached" // Judge.Breaches knows it
	Reused   Rule = "reused"   // it is one of the last N
)

// An Unmet is a rule that a password does not meet. N is the number that the rule is about, 0 where there is none.
type Unmet struct {
	Rule Rule
	N    int
}

// About is whom a new password is for. Every field may be empty.
type About struct {
	Email string // its local part, and the labels of its domain but the last, are personal words
	Name  string
	Words []string // more that an attacker would try: the company, the product, the host

	// TwoStep says that this person always needs a second step beside the password.
	TwoStep bool

	// Previous are the person's hashes, newest first, from the one in use on. Policy.History says how many of them count.
	// One that cannot be read, or is empty, is passed over.
	Previous []string
}

// A Judge says what is wrong with a new password. The zero Judge follows Modern and asks nobody about breaches.
type Judge struct {
	Policy   Policy   // the zero Policy means Modern
	Hasher   Hasher   // compares with About.Previous
	Breaches Breaches // nil: not asked
}

// Unmet answers every rule that the password does not meet, in the order of Rules; none means that it may be set.
//
// An error says that the question could not be answered in full: the context ended, Hasher is set wrong, or Breaches
// failed. The rules found until then come with it. Breaches is asked last, and not for a common password: that one is
// known from breaches without asking. A caller that would rather take a password than turn people away while a breach
// service is down may go on if the error is a *[BreachError] and no rule is unmet.
//
// Every hash of About.Previous that counts costs as much as a sign-in: hold a [Place].
func (j Judge) Unmet(ctx context.Context, password string, about About) ([]Unmet, error) {
	text, err := normal(password)
	switch {
	case errors.Is(err, ErrTooLong):
		return []Unmet{{TooLong, maxBytes}}, nil
	case errors.Is(err, ErrEncoding), strings.ContainsRune(password, utf8.RuneError): // the sign of text damaged on its way
		return []Unmet{{Rule: NotText}}, nil
	}
	var unmet []Unmet
	for _, rule := range j.policyRules(about.TwoStep) {
		broken := false
		switch rule.Rule {
		case TooShort:
			broken = utf8.RuneCountInString(text) < rule.N
		case NeedsLetter:
			broken = !strings.ContainsFunc(text, unicode.IsLetter)
		case NeedsLower:
			broken = !strings.ContainsFunc(text, unicode.IsLower)
		case NeedsUpper:
			broken = !strings.ContainsFunc(text, unicode.IsUpper)
		case NeedsDigit:
			broken = !strings.ContainsFunc(text, unicode.IsDigit)
		case Common:
			broken = common(text)
		case Personal:
			broken = personal(text, about)
		case Reused:
			broken, err = j.reused(ctx, text, about.Previous[:min(rule.N, len(about.Previous))])
			if err != nil {
				return unmet, err
			}
		}
		if broken {
			unmet = append(unmet, rule)
		}
	}
	if j.Breaches == nil || text == "" || slices.Contains(unmet, Unmet{Rule: Common}) {
		return unmet, nil
	}
	breached, err := j.Breaches(ctx, text)
	if err != nil {
		return unmet, &BreachError{Err: err}
	}
	if breached {
		unmet = append(unmet, Unmet{Rule: Breached})
	}
	return unmet, nil
}

// Rules are all the rules that this judge asks for, so that a page can show them before anything is typed.
func (j Judge) Rules(twoStep bool) []Unmet {
	rules := j.policyRules(twoStep)
	if j.Breaches != nil {
		rules = append(rules, Unmet{Rule: Breached})
	}
	return rules
}

func (j Judge) policyRules(twoStep bool) []Unmet {
	p := j.Policy
	if p == (Policy{}) {
		p = Modern()
	}
	rules := []Unmet{{TooShort, p.least(twoStep)}}
	for _, r := range []struct {
		asked bool
		rule  Unmet
	}{
		{p.RequireLetter, Unmet{Rule: NeedsLetter}},
		{p.RequireLower, Unmet{Rule: NeedsLower}},
		{p.RequireUpper, Unmet{Rule: NeedsUpper}},
		{p.RequireDigit, Unmet{Rule: NeedsDigit}},
		{p.RefuseCommon, Unmet{Rule: Common}},
		{p.RefusePersonal, Unmet{Rule: Personal}},
		{p.History > 0, Unmet{Reused, p.History}},
	} {
		if r.asked {
			rules = append(rules, r.rule)
		}
	}
	return rules
}

func (j Judge) reused(ctx context.Context, password string, previous []string) (bool, error) {
	for _, hash := range previous {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		_, err := j.Hasher.Verify(hash, password)
		switch {
		case err == nil:
			return true, nil
		case !errors.Is(err, ErrMismatch) && !errors.Is(err, ErrFormat):
			return false, fmt.Errorf("password: comparing with earlier passwords: %w", err)
		}
	}
	return false, nil
}
