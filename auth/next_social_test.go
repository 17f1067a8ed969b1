package auth_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// TestMeetSocialEnumerated tries every combination that Meet knows of a social account, and holds each against R32 to R34 and architecture
// §6.8 written a second time.
func TestMeetSocialEnumerated(t *testing.T) {
	skipShort(t)
	n := 0
	for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
		for _, linked := range []string{"", "u1", "u2", "gone"} {
			for _, named := range []string{"", "plain", "unverified", "suspended"} {
				for _, override := range []auth.SSOOverride{auth.SSOInherit, auth.SSOExempt, auth.SSORequired} {
					for bits := range 128 {
						bit := func(i int) bool { return bits&(1<<i) > 0 }
						g := auth.Meeting{
							Arrival: auth.Arrival{Provider: "google", Issuer: "https://accounts.google.com", Subject: "s", Email: "ann@acme.example", Speaks: bit(0), Proven: bit(1)},
							Domain:  auth.DomainRule{Domain: "acme.example", AccountID: "acme", SSO: mode, Connection: "con"},
							Linked:  linked != "", Named: named != "", CanAdd: bit(2), SignUp: bit(3), CanMail: bit(4), Bare: bit(5),
							Members: []auth.Membership{{AccountID: "acme", State: auth.MemberActive, SSO: override}},
						}
						if linked == "u1" || linked == "u2" {
							g.LinkedUser = auth.User{ID: linked, Email: linked + "@acme.example"}
						}
						if g.Named {
							g.NamedUser = auth.User{ID: "u1", Email: "ann@acme.example", Unverified: named == "unverified", Suspended: named == "suspended"}
						}
						if bit(6) {
							g.Members = nil
						}
						n++
						w := auth.Meet(g)
						proven := bit(0) || bit(1)
						barred := mode == auth.SSOEnforced || g.Linked && mode == auth.SSOOptional && override == auth.SSORequired && !bit(6)
						acts := w.Reason == "" && w.Act != auth.Recognize && w.Act != auth.Ask && w.Act != auth.Prove
						why := ""
						switch {
						case (w.Reason == "") == (w.Act == ""):
							why = "an answer is a reason or an act"
						case barred && linked != "gone" && w.Reason != auth.ReasonSSORequired:
							why = "R27 the company's own sign-in is the only way, and a social account does something"
						case w.Act == auth.Recognize && (!g.Linked || w.User.ID == "" || w.User != g.LinkedUser):
							why = "invariant 8 somebody is recognized whose account it is not"
						case acts && g.Linked:
							why = "somebody who is known gets another account"
						case acts && !proven:
							why = "A-101 A-119 something is done about an address that nobody has proven"
						case acts && !(bit(2) && bit(3)):
							why = "R33 somebody is added although nobody signs up by a social account"
						case w.Act == auth.Bind && (named != "plain" && named != "suspended" || !bit(5)):
							why = "invariant 8 an account is handed over for an equal address"
						case w.Act == auth.Bind && named == "suspended":
							why = "a suspended person is changed"
						case w.Act == auth.TakeOver && named != "unverified":
							why = "A-115 a proven account is taken over"
						case w.Act == auth.Create && g.Named:
							why = "a second account for one address"
						case w.User.ID != "" && w.Act != auth.Recognize && !proven:
							why = "invariant 3 who has the address is told before it is proven"
						case !proven && !g.Linked && !barred && bit(4) && w.Act != auth.Prove:
							why = "R38 no code is asked for"
						case w.Add != "" || w.Invitation.ID != "":
							why = "somebody joins a company by a social account"
						// And what must go on.
						case (linked == "u1" || linked == "u2") && !barred && w.Act != auth.Recognize:
							why = "R32 somebody is not recognized"
						case !g.Linked && !barred && proven && !g.Named && bit(2) && bit(3) && w.Act != auth.Create:
							why = "R33 somebody new gets no account"
						case !g.Linked && !barred && proven && named == "plain" && !(bit(5) && bit(3)) && (w.Act != auth.Ask || w.User.ID != "u1"):
							why = "R34 the owner of the address is not asked to prove it"
						}
						if why != "" {
							t.Fatalf("%s\nmeeting %+v\nanswer %+v", why, g, w)
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
	if n < 18_000 {
		t.Errorf("tried %d combinations, want all of them", n)
	}
}

// TestNextSocialEnumerated tries every combination of social accounts that Next knows.
func TestNextSocialEnumerated(t *testing.T) {
	skipShort(t)
	const now = currentVersion
	pw := auth.Proof{Method: auth.MethodPassword, Version: now, At: start}
	totp := auth.Proof{Method: auth.MethodTOTP, Version: now, At: start}
	code := auth.Proof{Method: auth.MethodEmailCode, Version: now, At: start}
	early := auth.Proof{Method: auth.MethodEmailCode, At: start, Address: "ann@acme.example"} // of nobody yet, or of somebody who has the address no more
	named := auth.Proof{Method: auth.MethodEmailCode, At: start, Address: "ann@acme.example", Version: now}
	social := func(change func(*auth.Proof)) auth.Proof {
		p := auth.Proof{Method: "social:google", Version: now, At: start}
		if change != nil {
			change(&p)
		}
		return p
	}
	proofs := [][]auth.Proof{
		nil, {pw}, {social(nil)}, {social(func(p *auth.Proof) { p.Version = now - 1 })}, {social(func(p *auth.Proof) { p.Speaks = true })},
		{social(func(p *auth.Proof) { p.Fresh, p.AuthTime = true, start })}, {social(func(p *auth.Proof) { p.AuthTime = start })},
		{social(func(p *auth.Proof) { p.Fresh, p.AuthTime = true, start.Add(-3*time.Minute) })},
		{early}, {early, social(nil)}, {early, pw}, {named, social(nil)}, {social(nil), code}, {pw, code}, {social(nil), pw},
		{social(func(p *auth.Proof) { p.Speaks, p.Version = true, now-1 }), pw}, {{Method: auth.MethodSSO, Version: now, At: start, Via: "con"}},
	}
	n := 0
	for _, purpose := range []auth.Purpose{auth.SignIn, auth.StepUp} {
		for _, mode := range []auth.SSOMode{auth.SSOOff, auth.SSOOptional, auth.SSOEnforced} {
			for _, override := range []auth.SSOOverride{auth.SSOInherit, auth.SSOExempt, auth.SSORequired} {
				for _, pending := range []time.Duration{-1, 0, 10 * time.Minute} {
					for _, verify := range []auth.Verification{auth.VerifyOff, auth.VerifyNewDevice, auth.VerifyAlways} {
						for bits := range 64 {
							for _, first := range proofs {
								bit := func(i int) bool { return bits&(1<<i) > 0 }
								app, locked, done, can, password, connects := bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)
								if connects && purpose == auth.SignIn || purpose == auth.StepUp && pending >= 0 {
									continue
								}
								facts := auth.Facts{
									Now: start, Preset: auth.Recommended(), CanMail: can, Found: true, User: auth.User{ID: "u", Email: "ann@acme.example"},
									Password: password, Credential: now,
									Domain:      auth.DomainRule{Domain: "acme.example", AccountID: "a", SSO: mode, Connection: "con"},
									Memberships: []auth.Membership{{AccountID: "a", AccountName: "A", State: auth.MemberActive, SSO: override}},
									Session:     session.Session{ID: "s", UserID: "u", Methods: "social:google", AuthTime: start.Add(-time.Hour)},
								}
								facts.Preset.Policy.Verification = verify
								if app {
									facts.App = mfa.TOTPStatus{ID: "x"}
								}
								if locked {
									facts.LockedAt = start.Add(-time.Hour)
								}
								flow := auth.Flow{
									Purpose: purpose, Address: "ann@acme.example", Email: "ann@acme.example", UserID: "u", AccountID: "a", SessionID: "s",
									Proofs: slices.Clone(first), MadeAt: start,
								}
								if done {
									flow.Proofs = append(flow.Proofs, totp)
								}
								if connects {
									flow.Action, flow.Provider = auth.ActionConnect, "facebook"
								}
								if pending >= 0 {
									flow.Pending = auth.Arrival{Provider: "facebook", Issuer: "https://f.example", Subject: "s", Email: "ann@acme.example", Proven: true, At: start.Add(-pending)}
								}
								n++
								d := auth.Next(facts, flow)
								if why := wrongSocial(facts, flow, d); why != "" {
									t.Fatalf("%s\nfacts %+v\nflow %+v\nanswer %+v", why, facts, flow, d)
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d combinations", n)
	if n < 64_000 {
		t.Errorf("tried %d combinations, want all of them", n)
	}
}

// wrongSocial says what the answer breaks; empty: nothing.
func wrongSocial(facts auth.Facts, flow auth.Flow, d auth.Decision) string {
	app, locked := facts.App.ID != "", !facts.LockedAt.IsZero()
	member := facts.Memberships[0]
	exempt := member.SSO == auth.SSOExempt && app
	counts := facts.Domain.SSO != auth.SSOEnforced && !(facts.Domain.SSO == auth.SSOOptional && member.SSO == auth.SSORequired)
	up := flow.Purpose == auth.StepUp
	pends := flow.Pending.Provider != "" && facts.Now.Sub(flow.Pending.At) < 10*time.Minute && counts
	var password, social, company, fresh, speaks, second, mailbox bool
	for _, p := range flow.Proofs {
		current := p.Version == currentVersion
		switch p.Method {
		case auth.MethodPassword:
			password = password || current && (counts || facts.Domain.SSO == auth.SSOEnforced && exempt && up)
		case "social:google":
			social = social || current && counts
			fresh = fresh || current && counts && p.Fresh && !p.AuthTime.Before(flow.MadeAt.Add(-2*time.Minute))
			speaks = speaks || current && counts && p.Speaks
		case auth.MethodSSO:
			company = company || current && facts.Domain.SSO != auth.SSOOff && !up
		case auth.MethodTOTP:
			second = second || current && app
		case auth.MethodEmailCode:
			mailbox = mailbox || current
		}
	}
	ready := d.Stage == auth.StageReady
	switch {
	case ready && pends:
		return "invariant 8 a session while a social account waits to be linked"
	case ready && locked && !up && !company:
		return "a locked account opens for a social account"
	case ready && app && !second:
		return "invariant 1 A-124 a session without the person's second step"
	case ready && !up && !password && !social && !company:
		return "invariant 1 a session without a first proof that counts"
	case ready && up && !app && !password && !(social && (fresh || mailbox)):
		return "R66 a step-up by a social account that was not demanded anew, and no mailed code"
	case ready && flow.Action == auth.ActionConnect:
		return "R35 a connection is over before there is one"
	case d.Stage == auth.StageLink && flow.Action != auth.ActionConnect && (!pends || !password && !social && !company || app && !second):
		return "A-124 a link is offered before everything else is met"
	case d.Stage == auth.StageLink && !counts:
		return "R27 a link is offered where the company's own sign-in is the only way"
	case ready && !up && facts.CanMail && facts.Preset.Policy.Verification == auth.VerifyAlways && !mailbox && !second:
		return "R49 a sign-in without the code that is always asked for"
	case ready && !up && facts.CanMail && facts.Preset.Policy.Verification == auth.VerifyNewDevice && !mailbox && !second && !speaks && !company:
		return "R49 a sign-in on a new device without a code"
	case d.Social && (up || facts.Domain.SSO == auth.SSOEnforced):
		return "R29 the providers are shown where none counts"
	}
	for _, m := range d.Offer {
		if _, ok := m.Social(); ok && (!counts || !up || !facts.CanMail && flow.Action != auth.ActionConnect) {
			return "a social account is offered that does not count, or could not be demanded anew"
		}
	}
	// And what must go on.
	met := (password || social || company) && (!app || second) && !locked && (mailbox || second || speaks || company || facts.Preset.Policy.Verification == auth.VerifyOff || !facts.CanMail)
	if met && facts.Preset.Policy.Verification == auth.VerifyAlways && facts.CanMail && !mailbox && !second {
		met = false
	}
	switch {
	case !up && met && !pends && !ready:
		return "R32 nothing is missing, and it is not ready"
	case !up && met && pends && d.Stage != auth.StageLink:
		return "R34 everything is met, and the link is not offered"
	}
	return ""
}

// A social account whose address is a mere claim leads to a code and to nothing else, whoever has the address.
func TestNextProvesAddress(t *testing.T) {
	a := auth.Arrival{Provider: "facebook", Issuer: "https://f.example", Subject: "s", Email: "ann@acme.example", At: start}
	facts := auth.Facts{Now: start, Preset: auth.Recommended(), CanMail: true}
	for what, c := range map[string]struct {
		change func(*auth.Facts, *auth.Flow)
		want   auth.Stage
	}{
		"a claim":                  {func(*auth.Facts, *auth.Flow) {}, auth.StageVerify},
		"proven":                   {func(_ *auth.Facts, f *auth.Flow) { f.Pending.Proven = true }, auth.StageIdentify},
		"the provider speaks":      {func(_ *auth.Facts, f *auth.Flow) { f.Pending.Speaks = true }, auth.StageIdentify},
		"no address":               {func(_ *auth.Facts, f *auth.Flow) { f.Pending.Email = "" }, auth.StageIdentify},
		"stale":                    {func(_ *auth.Facts, f *auth.Flow) { f.Pending.At = start.Add(-10 * time.Minute) }, auth.StageIdentify},
		"nothing can be mailed":    {func(f *auth.Facts, _ *auth.Flow) { f.CanMail = false }, auth.StageIdentify},
		"another address is named": {func(_ *auth.Facts, f *auth.Flow) { f.Address = "bob@acme.example" }, auth.StageAuthenticate},
		"of a company":             {func(_ *auth.Facts, f *auth.Flow) { f.Pending.Provider, f.Pending.Connection = "", "con" }, auth.StageIdentify},
	} {
		f, flow := facts, auth.Flow{Purpose: auth.SignIn, Pending: a, MadeAt: start}
		c.change(&f, &flow)
		d := auth.Next(f, flow)
		if d.Stage != c.want || (d.Stage == auth.StageVerify) != slices.Equal(d.Offer, []auth.Method{auth.MethodEmailCode}) {
			t.Errorf("A-101 %s: %+v, want %s", what, d, c.want)
		}
	}
}
