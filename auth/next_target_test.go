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

// A targetCase is one way that a switch to a company or the joining of one can stand. The company is b; a is another one, in which the
// person is active.
type targetCase struct {
	join     bool
	sso      bool
	a        *auth.Membership
	b        *auth.Membership // of a switch: the place there; nil: none. Of a join: what the invitation makes
	invite   auth.Invitation
	letter   int
	user     auth.User
	app      bool
	spared   bool
	trusted  bool
	methods  string
	recent   bool
	proofs   []auth.Proof
	setup    auth.Setup
	locked   bool
	kept     bool
	noMail   bool
	stranger bool // the session is somebody else's, or has ended
}

func (c targetCase) decide() auth.Decision {
	preset := auth.Recommended()
	f := auth.Facts{
		Now: start, Preset: preset, CanMail: !c.noMail, Found: true, User: c.user, Credential: currentVersion, Password: true,
		Domain:     auth.DomainRule{Domain: "acme.example"},
		Session:    session.Session{ID: "s", UserID: "u", AuthTime: start.Add(-time.Hour), Methods: session.NewMethods(c.methods)},
		Invitation: c.invite,
	}
	f.Session.Methods = session.Methods(c.methods)
	if c.recent {
		f.Session.AuthTime = start.Add(-time.Minute)
	}
	if c.sso {
		f.Domain.SSO = auth.SSOEnforced
	}
	if c.stranger {
		f.Session = session.Session{}
	}
	if c.app {
		f.App = mfa.TOTPStatus{ID: "x"}
	}
	if c.locked {
		f.LockedAt = start.Add(-time.Hour)
	}
	if c.spared || c.trusted {
		f.Device = session.Device{ID: "d", KnownUntil: start.Add(time.Hour)}
	}
	if c.spared {
		f.Device.TwoStepUntil = start.Add(time.Hour)
	}
	if c.trusted {
		f.Device.TrustedAt = start.Add(-time.Hour)
	}
	f.Memberships = members(c.a, c.b)
	flow := auth.Flow{
		Purpose: auth.StepUp, Action: auth.ActionSwitch, Target: "b", Address: "u@acme.example", UserID: "u", SessionID: "s",
		Proofs: c.proofs, Setup: c.setup, Remember: c.kept,
	}
	if c.join {
		flow.Action, flow.Invitation, flow.Letter = auth.ActionJoin, "i", c.letter
	}
	return auth.Next(f, flow)
}

// asking are the companies whose policy counts once the person is in b.
func (c targetCase) asking() []auth.Policy {
	all := []auth.Policy{auth.Recommended().Policy}
	for _, m := range []*auth.Membership{c.a, c.b} {
		if m != nil && m.State == auth.MemberActive && m.AccountState != auth.AccountExpired {
			all = append(all, m.Policy)
		}
	}
	return all
}

func (c targetCase) proven(methods ...auth.Method) bool {
	return slices.ContainsFunc(c.proofs, func(p auth.Proof) bool { return p.Version == currentVersion && slices.Contains(methods, p.Method) })
}

// second tells whether a second step was done, in the flow or when the session was made.
func (c targetCase) second() bool {
	return c.proven(auth.MethodTOTP, auth.MethodRecoveryCode) || slices.ContainsFunc([]string{"totp", "recovery_code"}, session.Methods(c.methods).Has)
}

func (c targetCase) mailbox() bool {
	return c.proven(auth.MethodEmailCode) || session.Methods(c.methods).Has("email_code")
}

func (c targetCase) required() bool {
	return slices.ContainsFunc(c.asking(), func(p auth.Policy) bool { return p.TwoStep == auth.TwoStepRequired })
}

func (c targetCase) always() bool {
	return slices.ContainsFunc(c.asking(), func(p auth.Policy) bool { return p.Verification == auth.VerifyAlways })
}

// maySpare is architecture §7: every company that asks for a second step allows it, and nobody forbids it.
func (c targetCase) maySpare() bool {
	return !slices.ContainsFunc(c.asking(), func(p auth.Policy) bool {
		return p.DeviceTrust == auth.TrustForbid || p.TwoStep == auth.TwoStepRequired && p.DeviceTrust != auth.TrustAllowed
	})
}

// shut is why the door is shut whatever is proven; empty: it is open.
func (c targetCase) shut() auth.Reason {
	i := c.invite
	switch {
	case c.join && (i.Email != c.user.Email || c.user.Unverified):
		return auth.ReasonInviteOtherUser
	case c.join && (i.ID == "" || i.State == auth.InvitationRevoked):
		return auth.ReasonInviteRevoked
	case c.join && i.State != auth.InvitationOpen:
		return auth.ReasonInviteUsed
	case c.join && i.Letter != c.letter:
		return auth.ReasonInviteReplaced
	case c.join && !i.ExpiresAt.After(start):
		return auth.ReasonInviteExpired
	case c.join && i.As.AccountState == auth.AccountExpired:
		return auth.ReasonAccountExpired
	case c.join:
		return ""
	case c.b == nil:
		return auth.ReasonAccountUnknown
	case c.b.State == auth.MemberSuspended:
		return auth.ReasonUserSuspended
	case c.b.State != auth.MemberActive, c.b.AccountState == auth.AccountExpired && c.b.Role != auth.RoleSuperAdmin:
		return auth.ReasonAccountExpired
	}
	return ""
}

// want is the answer as the specification gives it.
func (c targetCase) want() answer {
	refused := func(r auth.Reason) answer { return answer{stage: auth.StageRefused, reason: r} }
	sets := c.required() && !c.app
	switch {
	case c.stranger:
		return refused(auth.ReasonSessionExpired)
	case c.shut() != "":
		return refused(c.shut())
	case sets && !c.recent && c.sso:
		return answer{stage: auth.StageAuthenticate, reason: auth.ReasonSSORequired}
	case sets && !c.recent && !c.proven(auth.MethodPassword):
		return answer{stage: auth.StageAuthenticate, offer: password1}
	case c.user.Suspended:
		return refused(auth.ReasonUserSuspended)
	case c.locked:
		return refused(auth.ReasonAccountLocked)
	case sets:
		s := secondCase{purpose: auth.StepUp, proofs: c.proofs, setup: c.setup, noMail: c.noMail}
		return s.enroll()
	case c.app && !c.second() && !(c.spared && c.maySpare()):
		return answer{stage: auth.StageVerify, offer: appOrCode}
	case c.always() && !(c.app && c.second()) && !c.mailbox() && !c.trusted && !c.noMail:
		return answer{stage: auth.StageVerify, offer: mailedOnly}
	}
	return answer{stage: auth.StageReady}
}

// broken says which invariant an answer breaks, whatever was wanted; empty: none.
func (c targetCase) broken(d auth.Decision) string {
	ready := d.Stage == auth.StageReady
	switch {
	case slices.Contains(d.Offer, auth.MethodPassword) && c.sso:
		return "invariant 9: a password where the company's own sign-in is enforced"
	case ready && (c.locked || c.user.Suspended || c.stranger):
		return "invariant 7: somebody who is shut out enters a company"
	case ready && c.join && (c.user.Unverified || c.user.Email != c.invite.Email):
		return "A-128: somebody else joins"
	case ready && d.AccountID != "b":
		return "another company is entered"
	case !ready && d.AccountID != "":
		return "a company is entered without having come so far"
	case ready && c.required() && (!c.app || !c.second() && !(c.spared && c.maySpare())):
		return "invariant 1: a company that requires two-step is entered without"
	case d.TrustBox || d.NewPhone || d.SignOut != "" || d.Kept && !c.kept:
		return "what a sign-in or a reset offers"
	}
	if !ready {
		return ""
	}
	idle, cap := auth.Recommended().Policy.Idle, auth.Recommended().Policy.Cap
	if d.Kept {
		idle, cap = auth.Recommended().Policy.KeptIdle, auth.Recommended().Policy.KeptCap
	}
	for _, p := range c.asking() {
		if d.Kept && p.Keep == auth.KeepForbid {
			return "R16: kept where a company forbids it"
		}
		i, m := p.Idle, p.Cap
		if d.Kept {
			i, m = p.KeptIdle, p.KeptCap
		}
		if i != 0 {
			idle = min(idle, i)
		}
		if m != 0 {
			cap = min(cap, m)
		}
	}
	if d.Idle != idle || d.Cap != cap {
		return fmt.Sprintf("the limits are %v and %v, want the shortest: %v and %v", d.Idle, d.Cap, idle, cap)
	}
	return ""
}

// TestNextTargetEnumerated tries every way to stand before another company that Next knows, against the rules written a second time.
func TestNextTargetEnumerated(t *testing.T) {
	skipShort(t)
	policies := []auth.Policy{
		{},
		{TwoStep: auth.TwoStepRequired, Idle: time.Hour, KeptIdle: 2 * time.Hour},
		{TwoStep: auth.TwoStepRequired, DeviceTrust: auth.TrustAllowed, Cap: 2 * time.Hour},
		{DeviceTrust: auth.TrustForbid, Keep: auth.KeepForbid},
		{Verification: auth.VerifyAlways, KeptCap: time.Hour},
		{TwoStep: auth.TwoStepRequired, DeviceTrust: auth.TrustAllowed, Verification: auth.VerifyAlways},
	}
	in := func(id string, state auth.MemberState, account auth.AccountState, role auth.Role, p auth.Policy) *auth.Membership {
		return &auth.Membership{AccountID: id, AccountName: "Company " + id, State: state, AccountState: account, Role: role, Policy: p}
	}
	var as, bs []*auth.Membership
	as = append(as, nil)
	for _, p := range policies {
		as = append(as, in("a", auth.MemberActive, "", auth.RoleMember, p))
		bs = append(bs, in("b", auth.MemberActive, "", auth.RoleMember, p))
	}
	strict := policies[1]
	as = append(as, in("a", auth.MemberSuspended, "", auth.RoleMember, strict), in("a", auth.MemberActive, auth.AccountExpired, auth.RoleSuperAdmin, strict))
	shut := []*auth.Membership{
		nil, in("b", auth.MemberSuspended, "", auth.RoleMember, strict), in("b", auth.MemberInvited, "", auth.RoleMember, strict),
		in("b", auth.MemberActive, auth.AccountExpired, auth.RoleMember, strict), in("b", auth.MemberActive, auth.AccountExpired, auth.RoleSuperAdmin, strict),
	}
	own := auth.User{ID: "u", Email: "u@acme.example"}
	open := auth.Invitation{ID: "i", Email: own.Email, State: auth.InvitationOpen, Letter: 1, ExpiresAt: start.Add(time.Hour)}
	changed := func(edit func(*auth.Invitation)) auth.Invitation { i := open; edit(&i); return i }
	closed := []auth.Invitation{
		{}, changed(func(i *auth.Invitation) { i.State = auth.InvitationRevoked }), changed(func(i *auth.Invitation) { i.State = auth.InvitationJoined }),
		changed(func(i *auth.Invitation) { i.State = auth.InvitationDeclined }), changed(func(i *auth.Invitation) { i.Letter = 2 }),
		changed(func(i *auth.Invitation) { i.ExpiresAt = start }), changed(func(i *auth.Invitation) { i.As.AccountState = auth.AccountExpired }),
		changed(func(i *auth.Invitation) { i.Email = "other@acme.example" }),
	}
	at := func(m auth.Method) auth.Proof { return auth.Proof{Method: m, At: start, Version: currentVersion} }
	old := auth.Proof{Method: auth.MethodTOTP, At: start, Version: currentVersion - 1}
	proofs := [][]auth.Proof{
		nil, {at(auth.MethodPassword)}, {at(auth.MethodTOTP)}, {old}, {at(auth.MethodRecoveryCode)}, {at(auth.MethodEmailCode)},
		{at(auth.MethodPassword), at(auth.MethodEmailCode)}, {at(auth.MethodEmailLink)}, {at(auth.MethodTOTP), at(auth.MethodEmailCode)},
	}
	n := 0
	try := func(c targetCase) {
		t.Helper()
		n++
		d := c.decide()
		got, want := answer{d.Stage, d.Reason, d.Offer, d.Dialog}, c.want()
		if !got.is(want) {
			t.Fatalf("case %+v\na %+v\nb %+v\ngot  %s\nwant %s\ntrace %q", c, c.a, c.b, got, want, d.Trace)
		}
		if why := c.broken(d); why != "" {
			t.Fatalf("%s\ncase %+v\nanswer %+v", why, c, d)
		}
	}
	each := func(c targetCase, do func(targetCase)) {
		for _, c.app = range []bool{false, true} {
			for _, c.methods = range []string{"password", "password totp", "password email_code", "password recovery_code", "sso"} {
				for _, c.recent = range []bool{false, true} {
					for _, c.proofs = range proofs {
						for _, c.spared = range []bool{false, true} {
							do(c)
						}
					}
				}
			}
		}
	}
	for _, a := range as {
		for _, b := range bs {
			for _, join := range []bool{false, true} {
				each(targetCase{a: a, b: b, join: join, invite: open, letter: 1, user: own}, func(c targetCase) {
					for _, c.trusted = range []bool{false, true} {
						for _, c.kept = range []bool{false, true} {
							try(c)
						}
					}
				})
			}
		}
	}
	for _, b := range append(shut, bs[1]) { // what is shut, and who is
		each(targetCase{a: as[1], b: b, user: own}, func(c targetCase) {
			for _, c.sso = range []bool{false, true} {
				for _, c.locked = range []bool{false, true} {
					for _, c.user.Suspended = range []bool{false, true} {
						for _, c.stranger = range []bool{false, true} {
							try(c)
						}
					}
				}
			}
		})
	}
	for _, i := range append(closed, open) {
		each(targetCase{a: as[1], b: bs[1], join: true, invite: i, letter: 1, user: own}, func(c targetCase) {
			for _, c.user.Unverified = range []bool{false, true} {
				for _, c.sso = range []bool{false, true} {
					try(c)
				}
			}
		})
	}
	for _, setup := range []auth.Setup{{Begun: true}, {Begun: true, Sealed: []byte("x")}} {
		each(targetCase{a: as[1], b: bs[1], user: own, setup: setup}, func(c targetCase) {
			for _, c.noMail = range []bool{false, true} {
				try(c)
			}
		})
	}
	t.Logf("%d combinations", n)
	if n < 100_000 {
		t.Errorf("tried %d combinations, want all of them", n)
	}
}

// Nothing but a mailed link of its own purpose leads to a new password, and nothing to a session; whatever else is proven.
func TestNextLinksEnumerated(t *testing.T) {
	skipShort(t)
	own := auth.User{ID: "u", Email: "u@acme.example"}
	open := auth.Invitation{ID: "i", Email: own.Email, State: auth.InvitationOpen, Letter: 1, ExpiresAt: start.Add(time.Hour)}
	at := func(m auth.Method, v int64) auth.Proof { return auth.Proof{Method: m, At: start, Version: v} }
	pw, totp, rec, code, link := auth.MethodPassword, auth.MethodTOTP, auth.MethodRecoveryCode, auth.MethodEmailCode, auth.MethodEmailLink
	const now = currentVersion
	type person struct {
		found, unverified, suspended, password, app, locked bool
		version                                             int64
		email                                               string
	}
	var persons []person
	for _, found := range []bool{false, true} {
		for bits := range 32 {
			if !found && bits > 0 {
				break
			}
			p := person{found, bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0, 0, own.Email}
			if !found {
				persons = append(persons, p)
				continue
			}
			if p.version = now; !p.password && !p.app && !p.locked {
				persons = append(persons, person{p.found, p.unverified, p.suspended, false, false, false, 0, own.Email})
			}
			persons = append(persons, p)
		}
	}
	persons = append(persons, person{found: true, password: true, version: now, email: "moved@acme.example"})
	n := 0
	for _, purpose := range []auth.Purpose{auth.Reset, auth.Activate, auth.SignUp} {
		for _, p := range persons {
			for _, proofs := range [][]auth.Proof{
				nil, {at(link, now)}, {at(link, now-1)}, {at(link, 0)}, {at(pw, now)}, {at(code, now)}, {at(pw, now), at(totp, now)},
				{at(link, now), at(totp, now)}, {at(link, now), at(rec, now)}, {at(link, now), at(code, now)}, {at(link, now), at(totp, now-1)},
				{at(link, now-1), at(totp, now)}, {at(link, now), at(pw, now)}, {at(link, now), at(pw, now), at(totp, now), at(code, now)},
			} {
				for _, sso := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
					for _, mode := range []auth.ResetSignOut{auth.ResetSignOutNever, auth.ResetSignOutUnticked, auth.ResetSignOutTicked, auth.ResetSignOutAlways} {
						for bits := range 16 {
							skip, required, spared, off := bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0
							for _, state := range []auth.InvitationState{auth.InvitationOpen, auth.InvitationRevoked, auth.InvitationJoined} {
								if purpose != auth.Activate && state != auth.InvitationOpen || purpose != auth.Reset && (mode != auth.ResetSignOutTicked || skip) {
									continue
								}
								f := auth.Facts{
									Now: start, Preset: auth.Recommended(), CanMail: true, Domain: auth.DomainRule{Domain: "acme.example", SSO: sso},
									Found: p.found, Password: p.password, Credential: p.version, Invitation: open,
								}
								f.Invitation.State = state
								f.Preset.SignUp = auth.SignUpPerson
								if off {
									f.Preset.SignUp = auth.SignUpOff
								}
								f.Preset.ResetSignOut, f.Preset.SkipSecondStepAtReset = mode, skip
								if required {
									f.Preset.Policy.TwoStep, f.Preset.Policy.Verification = auth.TwoStepRequired, auth.VerifyAlways
								}
								if p.found {
									f.User = auth.User{ID: "u", Email: p.email, Unverified: p.unverified, Suspended: p.suspended}
								}
								if p.app {
									f.App = mfa.TOTPStatus{ID: "x"}
								}
								if p.locked {
									f.LockedAt = start.Add(-time.Hour)
								}
								if spared {
									f.Device = session.Device{ID: "d", KnownUntil: start.Add(time.Hour), TwoStepUntil: start.Add(time.Hour), TrustedAt: start.Add(-time.Hour)}
								}
								flow := auth.Flow{Purpose: purpose, Address: own.Email, Invitation: "i", Letter: 1, Proofs: proofs}
								if purpose == auth.Reset {
									flow.UserID = "u"
								}
								d := auth.Next(f, flow)
								n++

								linked := slices.ContainsFunc(proofs, func(q auth.Proof) bool { return q.Method == link })
								current := slices.ContainsFunc(proofs, func(q auth.Proof) bool { return q.Method == link && q.Version == p.version })
								second := slices.ContainsFunc(proofs, func(q auth.Proof) bool {
									return (q.Method == totp || q.Method == rec) && q.Version == now && p.version == now
								})
								complete := p.found && !p.unverified && (p.password || p.app)
								refused := func(r auth.Reason) answer { return answer{stage: auth.StageRefused, reason: r} }
								want := answer{stage: auth.StageNewPassword}
								switch {
								case purpose == auth.Reset && sso == auth.SSOEnforced:
									want = refused(auth.ReasonSSORequired)
								case purpose == auth.Reset && (!p.found || !current || p.email != own.Email):
									want = refused(auth.ReasonResetExpired)
								case purpose != auth.Reset && !linked:
									want = refused(auth.ReasonLinkExpired)
								case sso == auth.SSOEnforced:
									want = refused(auth.ReasonSSORequired)
								case purpose == auth.Activate && state == auth.InvitationRevoked:
									want = refused(auth.ReasonInviteRevoked)
								case purpose == auth.Activate && state == auth.InvitationJoined:
									want = refused(auth.ReasonInviteUsed)
								case purpose == auth.SignUp && off:
									want = refused(auth.ReasonSignUpOff)
								case purpose == auth.Activate && complete:
									want = refused(auth.ReasonInviteSignIn)
								case purpose == auth.SignUp && complete:
									want = refused(auth.ReasonAccountExists)
								case p.suspended:
									want = refused(auth.ReasonUserSuspended)
								case purpose == auth.Reset && p.app && !p.unverified && !second && !skip:
									want = answer{stage: auth.StageVerify, offer: appOrCode}
								}
								signOut := auth.ResetSignOut("")
								if purpose == auth.Reset && want.stage == auth.StageNewPassword {
									if signOut = mode; p.locked || p.unverified {
										signOut = auth.ResetSignOutAlways
									}
								}
								got := answer{d.Stage, d.Reason, d.Offer, d.Dialog}
								if !got.is(want) || d.SignOut != signOut || d.TrustBox || d.NewPhone || d.AccountID != "" {
									t.Fatalf("%s, person %+v, proofs %v, domain %q, sign-out %s, skip %v required %v spared %v off %v, invitation %s:\ngot  %s %q\nwant %s %q\ntrace %q",
										purpose, p, proofs, sso, mode, skip, required, spared, off, state, got, d.SignOut, want, signOut, d.Trace)
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
}

// R11: what asks for a new password in a sign-in, and what does not; and that nothing asks again for what it was set after.
func TestNextRenewalEnumerated(t *testing.T) {
	skipShort(t)
	const now = currentVersion
	at := func(m auth.Method, v int64) auth.Proof { return auth.Proof{Method: m, At: start, Version: v} }
	n := 0
	for bits := range 1 << 9 {
		is := func(i int) bool { return bits&(1<<i) > 0 }
		must, aged, recheck, outdated, renewed, app, second, known, byCompany := is(0), is(1), is(2), is(3), is(4), is(5), is(6), is(7), is(8)
		f := auth.Facts{
			Now: start, Preset: auth.Recommended(), CanMail: true, Found: true, User: auth.User{ID: "u", Email: "u@acme.example"}, Credential: now,
			Password: true, MustChange: must, ChangedAt: start.Add(-90 * 24 * time.Hour),
		}
		rules := auth.Policy{}
		rules.Passwords.Recheck = recheck
		if aged {
			rules.Passwords.MaxAge = 90 * 24 * time.Hour
		} else {
			rules.Passwords.MaxAge = 91 * 24 * time.Hour
		}
		if byCompany {
			f.Memberships = []auth.Membership{{AccountID: "a", AccountName: "A", State: auth.MemberActive, Policy: rules}}
		} else {
			f.Preset.Policy.Passwords.Recheck, f.Preset.Policy.Passwords.MaxAge = recheck, rules.Passwords.MaxAge
		}
		if app {
			f.App = mfa.TOTPStatus{ID: "x"}
		}
		if known {
			f.Device = session.Device{ID: "d", KnownUntil: start.Add(time.Hour)}
		}
		flow := auth.Flow{Purpose: auth.SignIn, Address: "u@acme.example", UserID: "u", Outdated: outdated, Proofs: []auth.Proof{at(auth.MethodPassword, now)}}
		if second {
			flow.Proofs = append(flow.Proofs, at(auth.MethodTOTP, now))
		}
		if renewed {
			flow.Renewed = start
		}
		d := auth.Next(f, flow)
		n++
		want := answer{stage: auth.StageReady}
		switch {
		case app && !second:
			want = answer{stage: auth.StageVerify, offer: appOrCode}
		case !app && !known && !renewed:
			want = answer{stage: auth.StageVerify, offer: mailedOnly}
		case renewed:
		case must:
			want = answer{stage: auth.StageNewPassword, reason: auth.ReasonPasswordChange}
		case aged:
			want = answer{stage: auth.StageNewPassword, reason: auth.ReasonPasswordExpired}
		case recheck && outdated:
			want = answer{stage: auth.StageNewPassword, reason: auth.ReasonPasswordOutdated}
		}
		if got := (answer{d.Stage, d.Reason, d.Offer, d.Dialog}); !got.is(want) || d.SignOut != "" {
			t.Fatalf("R11 must %v aged %v recheck %v outdated %v renewed %v app %v second %v known %v company %v:\ngot  %s\nwant %s\ntrace %q",
				must, aged, recheck, outdated, renewed, app, second, known, byCompany, got, want, d.Trace)
		}
	}
	t.Logf("%d combinations", n)
}
