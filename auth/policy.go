package auth

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// TwoStep says who must use two-step verification.
type TwoStep string

const (
	TwoStepDefault  TwoStep = ""         // no opinion; Recommended: allowed
	TwoStepAllowed  TwoStep = "allowed"  // whoever has set it up
	TwoStepRequired TwoStep = "required" // everybody: who has not, sets it up in the next sign-in
)

// DeviceTrust says whether a person may ask for no more codes of the app on a device, for 30 days.
type DeviceTrust string

const (
	TrustDefault DeviceTrust = ""          // no opinion, which of a company that requires two-step verification is a no; Recommended: allowed
	TrustAllowed DeviceTrust = "allowed"   // the box is shown, unticked
	TrustForbid  DeviceTrust = "forbidden" // no box; what was granted earlier counts for nothing
)

// Verification says when a code is mailed to somebody who has proven the password and has no second step.
type Verification string

const (
	VerifyDefault   Verification = ""           // no opinion; Recommended: new-device
	VerifyOff       Verification = "off"        // never
	VerifyRisk      Verification = "risk"       // when Config.Risk finds the sign-in unusual; without one, and where it fails, as new-device
	VerifyNewDevice Verification = "new-device" // on a browser that the person has not signed in from for 90 days, and as risk
	VerifyAlways    Verification = "always"     // at every sign-in
)

// AfterSetup says what comes after the set-up of an app in a sign-in.
type AfterSetup string

const (
	AfterSetupNewCode AfterSetup = "new-code" // the app's next code; Recommended
	AfterSetupGoOn    AfterSetup = "go-on"    // the set-up code is proof enough
)

// SelfReset says how somebody who lost the phone gets to set up another one without an administrator.
type SelfReset string

const (
	SelfResetOff       SelfReset = "off"        // not at all
	SelfResetRecovery  SelfReset = "recovery"   // with a recovery code; Recommended
	SelfResetEmail     SelfReset = "email"      // with the password and a mailed code, but not within 24 hours of a mailed reset
	SelfResetEmailWait SelfReset = "email-wait" // the same, SelfResetDelay after having asked for it: using the app meanwhile takes the asking back
)

// SignUpMode says whether somebody can get an account by themselves.
type SignUpMode string

const (
	SignUpOff     SignUpMode = "off"     // only who is invited, or added by the host; Recommended
	SignUpPerson  SignUpMode = "person"  // whoever proves an address
	SignUpCompany SignUpMode = "company" // whoever proves an address, together with a company of which they are super administrator
)

// SocialDisplay says which social providers a page offers, of those that the host has.
type SocialDisplay string

const (
	SocialAllEnabled        SocialDisplay = "all-enabled"         // all, on the first page; Recommended
	SocialConnectedOnDevice SocialDisplay = "connected-on-device" // those used on this browser; one that was never used shows none, to nobody new either
	SocialConnectedForUser  SocialDisplay = "connected-for-user"  // those that the person has connected, once the address is typed: whoever types it learns which, and nobody new sees any
)

// SocialSignUp says whether whoever is new gets an account by one at a social provider.
type SocialSignUp string

const (
	SocialSignUpOff SocialSignUp = "off" // they are told to sign in with e-mail first; Recommended
	SocialSignUpOn  SocialSignUp = "on"  // whoever proves an address: by a provider that speaks for it, or, where letters can be sent, by a mailed code. With SocialAllEnabled: otherwise nobody new sees a button
)

// ResetSignOut says whether a new password by a mailed link ends the person's sessions. After a report, a lock, or for an address
// that was not proven before, it always does.
type ResetSignOut string

const (
	ResetSignOutNever    ResetSignOut = "never"        // sessions live on, and the page says so
	ResetSignOutUnticked ResetSignOut = "ask-unticked" // the person is asked, and the box is not ticked
	ResetSignOutTicked   ResetSignOut = "ask-ticked"   // the same, ticked; Recommended
	ResetSignOutAlways   ResetSignOut = "always"       // they end, and the page says so
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

	TwoStep      TwoStep
	TwoStepSince time.Time // since when TwoStep asks so, for explanations; zero: not told
	DeviceTrust  DeviceTrust
	Verification Verification

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

	AfterSetup            AfterSetup    // empty: AfterSetupNewCode
	SelfReset             SelfReset     // empty: SelfResetRecovery
	SelfResetDelay        time.Duration // of SelfResetEmailWait; zero: 24 hours
	SkipRecoveryCodes     bool          // nobody is given recovery codes, and none is asked for
	SkipHighRisk          bool          // whoever has done a second step is never asked for a mailed code besides, however unusual the sign-in
	TrustFor              time.Duration // how long "I trust this device" spares its owner mailed codes; zero: 90 days
	SignUp                SignUpMode    // empty: SignUpOff
	SocialDisplay         SocialDisplay // empty: SocialAllEnabled
	SocialSignUp          SocialSignUp  // empty: SocialSignUpOff
	ResetSignOut          ResetSignOut  // empty: ResetSignOutTicked
	SkipSecondStepAtReset bool          // a mailed link alone sets a new password, also for somebody with an authenticator app

	KeepOnReport bool // reporting a device ends that device's sessions only: the others stay, and no new password is asked for
}

// Recommended is the default: e-mail first, kept for 30 days without activity and 180 at most; a mailed code on unknown devices;
// two-step verification for whoever wants it or whose company asks for it, with recovery codes for a lost phone.
func Recommended() Preset {
	return Preset{
		SignUp: SignUpOff, ResetSignOut: ResetSignOutTicked, SocialDisplay: SocialAllEnabled, SocialSignUp: SocialSignUpOff,
		Layout: LayoutEmailFirst, AfterSetup: AfterSetupNewCode, SelfReset: SelfResetRecovery, SelfResetDelay: day, TrustFor: 90 * day,
		Policy: Policy{
			Keep: KeepAllowed, KeptIdle: 30 * day, KeptCap: 180 * day, Idle: 12 * time.Hour, Cap: day,
			TwoStep: TwoStepAllowed, DeviceTrust: TrustAllowed, Verification: VerifyNewDevice,
			Passwords: password.Modern(),
		},
	}
}

// EmailFirst asks for the e-mail first, keeps a session until it rests for 30 days, however long it lasts, takes passwords of
// eight letters and digits, gives out no recovery codes, and lets password and mailbox replace a lost phone: the rules of products
// that people know. Recommended is stricter in all of it.
func EmailFirst() Preset {
	p := Recommended()
	p.Policy.KeptCap = Uncapped
	p.Policy.Passwords = password.Platform()
	p.Policy.DeviceTrust = TrustForbid
	p.Policy.Verification = VerifyRisk
	p.AfterSetup, p.SelfReset = AfterSetupGoOn, SelfResetEmail
	p.SkipRecoveryCodes, p.SkipHighRisk = true, true
	p.ResetSignOut = ResetSignOutUnticked
	p.SocialDisplay = SocialConnectedForUser
	return p
}

// ForcedTwoStep is EmailFirst with two-step verification for everybody: the app's code at every sign-in, and a new one right after
// the set-up.
func ForcedTwoStep() Preset {
	p := EmailFirst()
	p.Policy.TwoStep = TwoStepRequired
	p.AfterSetup = AfterSetupNewCode
	return p
}

// OnePage asks for e-mail and password on one page, keeps nobody signed in, and takes passwords of eight letters and digits.
func OnePage() Preset {
	p := Recommended()
	p.Layout = LayoutOnePage
	p.Policy.Keep = KeepForbid
	p.Policy.Passwords = password.Platform()
	p.Policy.Verification = VerifyRisk
	p.ResetSignOut = ResetSignOutNever
	return p
}

// Check tells which field cannot be meant: a value that is none of its type's, or a limit of less than a minute. A host that keeps
// what its companies ask for in tables of its own calls it before it writes: a value that nothing here knows asks for nothing.
func (p Policy) Check() error {
	for _, f := range []struct {
		field, is string
		of        []string
	}{
		{"Keep", string(p.Keep), []string{"allowed", "forbidden"}},
		{"TwoStep", string(p.TwoStep), []string{"allowed", "required"}},
		{"DeviceTrust", string(p.DeviceTrust), []string{"allowed", "forbidden"}},
		{"Verification", string(p.Verification), []string{"off", "risk", "new-device", "always"}},
	} {
		if f.is != "" && !slices.Contains(f.of, f.is) {
			return fmt.Errorf("auth: Policy.%s %q is none of %s", f.field, f.is, strings.Join(f.of, ", "))
		}
	}
	for _, d := range []struct {
		field string
		is    time.Duration
	}{
		{"KeptIdle", p.KeptIdle}, {"KeptCap", p.KeptCap}, {"Idle", p.Idle}, {"Cap", p.Cap},
	} {
		if d.is != 0 && d.is < time.Minute {
			return fmt.Errorf("auth: Policy.%s is %v, want at least a minute", d.field, d.is)
		}
	}
	if err := completePasswords(p.Passwords, Recommended().Policy.Passwords).Check(); err != nil {
		return fmt.Errorf("auth: Policy.Passwords: %w", err)
	}
	return nil
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
	if q.TwoStep == TwoStepRequired || p.TwoStep == TwoStepDefault {
		p.TwoStep, p.TwoStepSince = cmp.Or(q.TwoStep, p.TwoStep), q.TwoStepSince
	}
	if q.DeviceTrust == TrustForbid || p.DeviceTrust == TrustDefault {
		p.DeviceTrust = cmp.Or(q.DeviceTrust, p.DeviceTrust)
	}
	if slices.Index(verifications(), q.Verification) > slices.Index(verifications(), p.Verification) {
		p.Verification = q.Verification
	}
	p.Passwords = p.Passwords.Strictest(q.Passwords)
	return p
}

// verifications are all of them, the strictest last.
func verifications() []Verification {
	return []Verification{VerifyDefault, VerifyOff, VerifyRisk, VerifyNewDevice, VerifyAlways}
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
	p.Policy.TwoStep = cmp.Or(p.Policy.TwoStep, r.Policy.TwoStep)
	p.Policy.DeviceTrust = cmp.Or(p.Policy.DeviceTrust, r.Policy.DeviceTrust)
	p.Policy.Verification = cmp.Or(p.Policy.Verification, r.Policy.Verification)
	p.AfterSetup = cmp.Or(p.AfterSetup, r.AfterSetup)
	p.SelfReset = cmp.Or(p.SelfReset, r.SelfReset)
	p.SelfResetDelay = cmp.Or(p.SelfResetDelay, r.SelfResetDelay)
	p.TrustFor = cmp.Or(p.TrustFor, r.TrustFor)
	p.SignUp = cmp.Or(p.SignUp, r.SignUp)
	p.SocialDisplay = cmp.Or(p.SocialDisplay, r.SocialDisplay)
	p.SocialSignUp = cmp.Or(p.SocialSignUp, r.SocialSignUp)
	p.ResetSignOut = cmp.Or(p.ResetSignOut, r.ResetSignOut)
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
	p.MaxAge = cmp.Or(p.MaxAge, r.MaxAge)
	p.Recheck = p.Recheck || r.Recheck
	return p
}

// check says what in a complete preset cannot work.
func (p Preset) check() error {
	for _, f := range []struct {
		field, is string
		of        []string
	}{
		{"Layout", string(p.Layout), []string{"email-first", "one-page"}},
		{"AfterSetup", string(p.AfterSetup), []string{"new-code", "go-on"}},
		{"SelfReset", string(p.SelfReset), []string{"off", "recovery", "email", "email-wait"}},
		{"SignUp", string(p.SignUp), []string{"off", "person", "company"}},
		{"SocialDisplay", string(p.SocialDisplay), []string{"all-enabled", "connected-on-device", "connected-for-user"}},
		{"SocialSignUp", string(p.SocialSignUp), []string{"off", "on"}},
		{"ResetSignOut", string(p.ResetSignOut), []string{"never", "ask-unticked", "ask-ticked", "always"}},
	} {
		if !slices.Contains(f.of, f.is) {
			return fmt.Errorf("auth: Preset.%s %q is none of %s", f.field, f.is, strings.Join(f.of, ", "))
		}
	}
	if p.SelfReset == SelfResetRecovery && p.SkipRecoveryCodes {
		return errors.New("auth: Preset.SelfReset is recovery, and SkipRecoveryCodes leaves no recovery codes")
	}
	if p.SelfResetDelay < 0 || p.TrustFor < 0 {
		return errors.New("auth: Preset.SelfResetDelay or TrustFor is negative")
	}
	if err := p.Policy.Check(); err != nil {
		return fmt.Errorf("auth: Preset: %w", err)
	}
	return nil
}

// A Warning is a setting that opens something on purpose.
type Warning struct {
	Field string   // the setting, as Go writes it
	Why   string   // what it opens
	Cases []string // the numbers of the attack cases that fail with it (docs/cases.md)
}

// Validate explains what in the preset is riskier than Recommended. An empty answer means nothing is.
// New accepts a preset with risks: they are the host's to take.
func (p Preset) Validate() []Warning {
	p = p.complete()
	r := Recommended()
	var risks []Warning
	add := func(when bool, field, why string, cases ...string) {
		if when {
			risks = append(risks, Warning{Field: field, Why: why, Cases: cases})
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
	add(p.Policy.Verification == VerifyOff, "Policy.Verification", "a password alone opens an account from any browser in the world")
	add(p.SelfReset == SelfResetEmail, "SelfReset", "password and mailbox replace a lost phone: whoever has both needs no second step", "A-208")
	add(p.SelfReset == SelfResetEmailWait, "SelfReset", "password and mailbox replace a lost phone, after a delay in which its owner is warned", "A-208")
	add(p.AfterSetup == AfterSetupGoOn, "AfterSetup", "the set-up code signs in: nobody has shown that the app goes on working")
	add(p.ResetSignOut == ResetSignOutNever || p.ResetSignOut == ResetSignOutUnticked, "ResetSignOut",
		"whoever has got in with the old password stays in after a forgotten one was replaced, unless the person thinks of it")
	add(p.SkipSecondStepAtReset, "SkipSecondStepAtReset", "whoever reads the mailbox sets a new password without the app; the sign-in asks for it still", "A-198")
	add(p.Policy.Passwords.MaxAge > 0, "Policy.Passwords.MaxAge",
		"people who must think of new passwords again and again choose weaker ones; NIST SP 800-63B-4 advises against it")
	add(p.SocialDisplay == SocialConnectedForUser, "SocialDisplay",
		"whoever types an address learns which social accounts its owner has connected, and so that there is one", "A-139")
	add(p.KeepOnReport, "KeepOnReport", "a thief whom a person reports keeps the sessions on other devices, and the password")
	return risks
}
