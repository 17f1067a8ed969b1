package auth_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// A secondCase is one way that a flow, its person and the rules can stand, as far as second steps have a say.
type secondCase struct {
	purpose   auth.Purpose
	action    auth.Action
	proofs    []auth.Proof
	app       mfa.TOTPStatus
	product   auth.TwoStep
	company   *auth.Membership
	trust     auth.DeviceTrust
	selfReset auth.SelfReset
	after     auth.AfterSetup
	setup     auth.Setup
	newPhone  bool
	spared    bool
	noMail    bool
	locked    bool
	recency   int // of a StepUp's session: 0 long ago, 1 just now without the app, 2 just now with it
}

const currentVersion = 7

func (c secondCase) facts() (auth.Facts, auth.Flow) {
	preset := auth.Recommended()
	preset.Policy.TwoStep, preset.Policy.DeviceTrust, preset.SelfReset, preset.AfterSetup = c.product, c.trust, c.selfReset, c.after
	preset.Policy.Verification = auth.VerifyOff // TestNextVerification has the others
	facts := auth.Facts{
		Now: start, Preset: preset, CanMail: !c.noMail, Found: true, User: auth.User{ID: "u", Email: "u@acme.example"}, Credential: currentVersion, App: c.app,
	}
	if c.company != nil {
		facts.Memberships = []auth.Membership{*c.company}
	}
	if c.spared {
		facts.Device = session.Device{ID: "d", TwoStepUntil: start.Add(time.Hour), KnownUntil: start.Add(time.Hour)}
	}
	if c.locked {
		facts.LockedAt = start.Add(-time.Hour)
	}
	flow := auth.Flow{
		Purpose: c.purpose, Action: c.action, Address: "u@acme.example", UserID: "u", Proofs: c.proofs, Setup: c.setup, NewPhone: c.newPhone,
	}
	if c.purpose == auth.StepUp {
		flow.SessionID = "s"
		facts.Session = session.Session{ID: "s", UserID: "u", AuthTime: start.Add(-time.Hour), Methods: session.NewMethods("password")}
		if c.recency > 0 {
			facts.Session.AuthTime = start.Add(-time.Minute)
		}
		if c.recency == 2 {
			facts.Session.Methods = session.NewMethods("password", "totp")
		}
	}
	return facts, flow
}

func (c secondCase) has(m auth.Method) bool {
	return slices.ContainsFunc(c.proofs, func(p auth.Proof) bool { return p.Method == m && p.Version == currentVersion })
}

func (c secondCase) enrolled() bool { return c.app.ID != "" }

func (c secondCase) second() bool { return c.has(auth.MethodTOTP) || c.has(auth.MethodRecoveryCode) }

func (c secondCase) companyRequires() bool {
	return c.company != nil && c.company.AccountState != auth.AccountExpired && c.company.Policy.TwoStep == auth.TwoStepRequired
}

func (c secondCase) required() bool { return c.product == auth.TwoStepRequired || c.companyRequires() }

// mayBeSpared is architecture §7: trust a device only if every company that asks allows it.
func (c secondCase) mayBeSpared() bool {
	return c.trust == auth.TrustAllowed && (!c.companyRequires() || c.company.Policy.DeviceTrust == auth.TrustAllowed)
}

// replaceable is R63.
func (c secondCase) replaceable() bool {
	switch c.selfReset {
	case auth.SelfResetEmail:
		return true
	case auth.SelfResetEmailWait:
		return !c.app.ResetAsked.IsZero()
	}
	return c.second()
}

// dialog is the set-up dialog that comes next.
func (c secondCase) dialog() int {
	switch {
	case !c.setup.Begun:
		return 1
	case !c.noMail && !c.has(auth.MethodEmailCode):
		return 2
	case len(c.setup.Sealed) == 0:
		return 3
	}
	return 4
}

// answer is a decision as far as it is compared.
type answer struct {
	stage  auth.Stage
	reason auth.Reason
	offer  []auth.Method
	dialog int
}

func (a answer) is(b answer) bool {
	return a.stage == b.stage && a.reason == b.reason && a.dialog == b.dialog && slices.Equal(a.offer, b.offer)
}

func (a answer) String() string {
	return fmt.Sprintf("%s %q %v dialog %d", a.stage, a.reason, a.offer, a.dialog)
}

var (
	app        = []auth.Method{auth.MethodTOTP}
	appOrCode  = []auth.Method{auth.MethodTOTP, auth.MethodRecoveryCode}
	codeOnly   = []auth.Method{auth.MethodRecoveryCode}
	mailedOnly = []auth.Method{auth.MethodEmailCode}
	password1  = []auth.Method{auth.MethodPassword}
)

// enroll is the set-up, which a sign-in cannot do where nothing can be mailed.
func (c secondCase) enroll() answer {
	if c.noMail && c.purpose == auth.SignIn {
		return answer{stage: auth.StagePolicy, reason: auth.ReasonMailMissing}
	}
	a := answer{stage: auth.StageEnroll, dialog: c.dialog()}
	if a.dialog == 2 {
		a.offer = mailedOnly
	}
	return a
}

// want is the answer as the specification gives it: one purpose after the other.
func (c secondCase) want() answer {
	lockedOut := answer{stage: auth.StageRefused, reason: auth.ReasonAccountLocked}
	ready := answer{stage: auth.StageReady}
	done := !c.setup.DoneAt.IsZero()
	switch c.purpose {
	case auth.Reset:
		switch {
		case !c.has(auth.MethodEmailLink):
			return answer{stage: auth.StageRefused, reason: auth.ReasonResetExpired}
		case c.enrolled() && !c.second():
			return answer{stage: auth.StageVerify, offer: appOrCode}
		}
		return answer{stage: auth.StageNewPassword}
	case auth.StepUp:
		switch {
		case c.enrolled() && c.recency != 2 && !c.second():
			return answer{stage: auth.StageVerify, offer: appOrCode}
		case !c.enrolled() && c.recency == 0 && !c.has(auth.MethodPassword):
			return answer{stage: auth.StageAuthenticate, offer: password1}
		case c.locked:
			return lockedOut
		case c.action == auth.ActionProve || done:
			return ready
		case c.enrolled() != (c.action == auth.ActionNewPhone):
			return answer{stage: auth.StageRefused, reason: auth.ReasonNotEnrolled}
		}
		return c.enroll()
	}
	switch {
	case !c.has(auth.MethodPassword):
		return answer{stage: auth.StageAuthenticate, offer: password1}
	case c.locked:
		return lockedOut
	case !c.enrolled() && c.required():
		return c.enroll()
	case !c.enrolled():
		return ready
	case c.newPhone && !done && (c.second() || c.replaceable()):
		return c.enroll()
	case done && c.after == auth.AfterSetupNewCode && !c.has(auth.MethodTOTP):
		return answer{stage: auth.StageVerify, offer: app}
	case c.second(), c.spared && c.mayBeSpared():
		return ready
	case c.newPhone && c.selfReset == auth.SelfResetRecovery:
		return answer{stage: auth.StageVerify, offer: codeOnly}
	}
	return answer{stage: auth.StageVerify, offer: appOrCode}
}

// broken says which invariant an answer breaks, whatever was wanted; empty: none.
func (c secondCase) broken(d auth.Decision) string {
	switch {
	case d.Stage == auth.StageReady && c.purpose == auth.Reset:
		return "a reset must never be ready"
	case d.Stage == auth.StageReady && c.locked:
		return "a locked person is let in"
	case d.Stage == auth.StageReady && c.purpose == auth.SignIn && !c.has(auth.MethodPassword):
		return "invariant 1: ready without a first proof"
	case d.Stage == auth.StageReady && c.purpose == auth.SignIn && (c.required() || c.enrolled()) && !c.second() && !(c.spared && c.mayBeSpared() && c.enrolled()):
		return "invariant 1: ready without a second step"
	case d.Stage == auth.StageNewPassword && c.enrolled() && !c.second():
		return "A-198: a new password without the second step"
	case d.Stage == auth.StageEnroll && d.Dialog > 2 && !c.has(auth.MethodEmailCode) && !c.noMail:
		return "A-204: an app is set up before the mailbox is proven"
	case d.Stage == auth.StageEnroll && c.purpose == auth.SignIn && c.enrolled() && !c.second() && (c.selfReset == auth.SelfResetOff || c.selfReset == auth.SelfResetRecovery):
		return "A-208: another phone without a recovery code"
	case slices.Contains(d.Offer, auth.MethodEmailCode) && slices.Contains(d.Offer, auth.MethodTOTP):
		return "A-202: a mailed code in the place of a second step"
	case d.TrustBox && (!c.mayBeSpared() || c.purpose != auth.SignIn):
		return "R61: the box is offered where somebody forbids it"
	case d.NewPhone && c.selfReset == auth.SelfResetOff:
		return "R63: another phone is offered where that is off"
	}
	return ""
}

func TestNextTwoStepEnumerated(t *testing.T) {
	skipShort(t)
	at := func(m auth.Method) auth.Proof { return auth.Proof{Method: m, At: start, Version: currentVersion} }
	old := func(m auth.Method) auth.Proof { return auth.Proof{Method: m, At: start, Version: currentVersion - 1} }
	pw, totp, rec, code, link := auth.MethodPassword, auth.MethodTOTP, auth.MethodRecoveryCode, auth.MethodEmailCode, auth.MethodEmailLink
	proofs := [][]auth.Proof{
		nil, {at(pw)}, {at(pw), at(totp)}, {at(pw), at(rec)}, {at(pw), at(code)}, {at(pw), at(code), at(totp)}, {at(pw), at(rec), at(code)},
		{old(pw)}, {at(pw), old(totp)}, {old(pw), at(totp)}, {at(pw), old(code)}, {at(totp)}, {at(code)}, {at(link)}, {at(link), at(totp)},
		{at(link), at(code)}, {old(link), at(rec)}, {at(pw), at(link)}, {at(rec)}, {at(pw), at(totp), at(rec), at(code), at(link)},
	}
	member := func(state auth.AccountState, p auth.Policy) *auth.Membership {
		return &auth.Membership{AccountID: "a", AccountName: "A", State: auth.MemberActive, AccountState: state, Role: auth.RoleSuperAdmin, Policy: p}
	}
	requires := auth.Policy{TwoStep: auth.TwoStepRequired}
	allows := auth.Policy{TwoStep: auth.TwoStepRequired, DeviceTrust: auth.TrustAllowed}
	purposes := []secondCase{
		{purpose: auth.SignIn}, {purpose: auth.Reset},
		{purpose: auth.StepUp}, {purpose: auth.StepUp, recency: 1}, {purpose: auth.StepUp, recency: 2},
	}
	for _, action := range []auth.Action{auth.ActionTwoStep, auth.ActionNewPhone} {
		for recency := range 3 {
			purposes = append(purposes, secondCase{purpose: auth.StepUp, action: action, recency: recency})
		}
	}
	n := 0
	for _, c := range purposes {
		for _, c.proofs = range proofs {
			for _, c.app = range []mfa.TOTPStatus{{}, {ID: "x"}, {ID: "x", ResetAsked: start.Add(-30 * time.Hour)}} {
				for _, c.product = range []auth.TwoStep{auth.TwoStepAllowed, auth.TwoStepRequired} {
					for _, c.company = range []*auth.Membership{nil, member("", auth.Policy{}), member("", requires), member("", allows), member(auth.AccountExpired, requires)} {
						for _, c.trust = range []auth.DeviceTrust{auth.TrustForbid, auth.TrustAllowed} {
							if c.purpose != auth.SignIn && c.trust == auth.TrustForbid {
								continue // no device is spared there; TrustAllowed is the harder case
							}
							for _, c.selfReset = range []auth.SelfReset{auth.SelfResetOff, auth.SelfResetRecovery, auth.SelfResetEmail, auth.SelfResetEmailWait} {
								for _, c.after = range []auth.AfterSetup{auth.AfterSetupNewCode, auth.AfterSetupGoOn} {
									for _, c.setup = range []auth.Setup{{}, {Begun: true}, {Begun: true, Sealed: []byte{1}}, {Begun: true, DoneAt: start.Add(-time.Minute)}} {
										for bits := range 16 {
											c.newPhone, c.spared, c.noMail, c.locked = bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
											if c.purpose != auth.SignIn && c.newPhone != c.spared {
												continue // neither has a say there: both or none
											}
											n++
											tryNext(t, c)
										}
									}
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
	if n < 2_000_000 {
		t.Errorf("tried %d combinations, want all of them (more than two million)", n)
	}
}

func tryNext(t *testing.T, c secondCase) {
	d := auth.Next(c.facts())
	want := c.want()
	if d.Stage != want.stage || d.Reason != want.reason || d.Dialog != want.dialog || !slices.Equal(d.Offer, want.offer) {
		t.Fatalf("Next = %s, want %s\ncase %+v\ntrace %q", answer{d.Stage, d.Reason, d.Offer, d.Dialog}, want, c, d.Trace)
	}
	if why := c.broken(d); why != "" {
		t.Fatalf("%s\ncase %+v\nanswer %+v", why, c, d)
	}
}

// R49 to R53, R64: every combination of what asks for a mailed code, and of what makes it unnecessary.
func TestNextVerification(t *testing.T) {
	at := func(m auth.Method) auth.Proof { return auth.Proof{Method: m, Version: currentVersion} }
	pw := at(auth.MethodPassword)
	modes := []auth.Verification{auth.VerifyOff, auth.VerifyRisk, auth.VerifyNewDevice, auth.VerifyAlways}
	n := 0
	for _, proofs := range [][]auth.Proof{{pw}, {pw, at(auth.MethodEmailCode)}, {pw, at(auth.MethodTOTP)}, {pw, {Method: auth.MethodEmailCode, Version: currentVersion - 1}}} {
		for _, enrolled := range []bool{false, true} {
			for _, product := range modes {
				for _, company := range append([]auth.Verification{""}, modes...) {
					for _, verdict := range []auth.Verdict{"", auth.VerdictOrdinary, auth.VerdictUnusual} {
						for bits := range 32 {
							known, trusted, stale, canMail, skip := bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0, bits&16 != 0
							preset := auth.Recommended()
							preset.Policy.Verification, preset.SkipHighRisk = product, skip
							f := auth.Facts{
								Now: start, Preset: preset, CanMail: canMail, Found: true, User: auth.User{ID: "u"}, Credential: currentVersion,
								Memberships: []auth.Membership{{AccountID: "a", State: auth.MemberActive, Policy: auth.Policy{Verification: company}}},
							}
							if enrolled {
								f.App.ID = "x"
							}
							if known {
								f.Device.KnownUntil = start.Add(time.Second)
							}
							if trusted {
								f.Device.TrustedAt = start.Add(-89 * 24 * time.Hour)
								if stale {
									f.Device.TrustedAt = start.Add(-90 * 24 * time.Hour)
								}
							}
							d := auth.Next(f, auth.Flow{Purpose: auth.SignIn, Address: "u@acme.example", UserID: "u", Proofs: proofs, Verdict: verdict})
							n++

							strictest := max(slices.Index(modes, product), slices.Index(modes, company))
							high := verdict == auth.VerdictUnusual
							asks := high && !skip
							if !enrolled {
								asks = [4]bool{false, high || verdict == "" && !known, high || !known, true}[strictest]
							}
							asks = asks && canMail && !(trusted && !stale && known) && !(len(proofs) == 2 && proofs[1].Method == auth.MethodEmailCode && proofs[1].Version == currentVersion)
							want := auth.StageReady
							switch {
							case enrolled && (len(proofs) == 1 || proofs[1].Method != auth.MethodTOTP):
								want = auth.StageVerify // the app, and not a mailed code
							case asks:
								want = auth.StageVerify
							}
							mailed := len(d.Offer) == 1 && d.Offer[0] == auth.MethodEmailCode
							if d.Stage != want || want == auth.StageVerify && mailed == (enrolled && (len(proofs) == 1 || proofs[1].Method != auth.MethodTOTP)) {
								t.Fatalf("R49 product %s company %q verdict %q known %v trusted %v stale %v mail %v skip %v enrolled %v proofs %v:\n%s %v, want %s\ntrace %q",
									product, company, verdict, known, trusted, stale, canMail, skip, enrolled, proofs, d.Stage, d.Offer, want, d.Trace)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
}
