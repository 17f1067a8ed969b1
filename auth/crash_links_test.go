package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// A cast is everybody in a story that may be cut, and what they hold.
type cast struct {
	*world
	c      auth.Client     // ann's browser, signed in; in some stories two's
	other  auth.Client     // another of hers
	s      session.Session // that of the first
	link   string          // what the story is about
	invite string          // the ID of an invitation
	ref    auth.Ref        // of a flow that waits
	old    string          // the password before
	typed  string          // the one that the story sets
}

// try takes a step and keeps what comes of it, also when it is cut half-way.
func (p *cast) try(s auth.Step, err error) (auth.Step, error) {
	if s.Token != "" {
		p.ref.Token = s.Token
	}
	return s, err
}

// took keeps the browser of a change that came through.
func (p *cast) took(done auth.Done, a auth.Answer, err error) error {
	if done.Token != "" {
		p.c = with(p.c, done)
	}
	if err == nil && a.Reason != "" {
		return fmt.Errorf("refused: %s", a.Reason)
	}
	return err
}

// resets sets a new password by a letter, from the asking on, with whatever the person has for a second step.
func (p *cast) resets(email, typed string) error {
	p.move(time.Hour)
	p.mail.take()
	if _, err := p.m.Forgot(p.t.Context(), email, "", home); err != nil {
		return err
	}
	letters := p.mail.take()
	if len(letters) != 1 || letters[0].Kind != mail.Reset {
		return fmt.Errorf("letters %v", letterKinds(letters))
	}
	s, err := p.try(p.m.OpenReset(p.t.Context(), linkToken(letters[0]), "", home))
	if err != nil || s.Stage != auth.StageNewPassword {
		return fmt.Errorf("stands at %s %s: %w", s.Stage, s.Reason, err)
	}
	_, done, err := p.m.NewPassword(p.t.Context(), p.ref, auth.PasswordChoice{Password: typed}, home)
	if err == nil && !done {
		err = errors.New("not done")
	}
	return err
}

// chooses sets a password in the flow that waits.
func (p *cast) chooses(company string) error {
	_, done, err := p.m.NewPassword(p.t.Context(), p.ref, auth.PasswordChoice{Password: p.typed, Company: company}, home)
	if err == nil && !done {
		err = errors.New("not done")
	}
	return err
}

// exactlyOne fails the test unless just one of the two passwords opens the account.
func (p *cast) exactlyOne(email string) (isNew bool) {
	p.t.Helper()
	old, typed := p.opensWith(email, p.old), p.opensWith(email, p.typed)
	if old == typed {
		p.t.Errorf("the old password is right %v, the new one %v, want exactly one", old, typed)
	}
	return typed
}

// Every flow of mailed links, new passwords, addresses and companies is cut before and after each call. Wherever it stops nobody is in
// who was not, nothing is half a change, and it can be done again.
func TestCrashPointsOfLinks(t *testing.T) {
	skipShort(t)
	const waits = 11 // calls, at least, where a story makes several steps
	stories := map[string]struct {
		prepare func(p *cast)
		run     func(p *cast) error
		after   func(p *cast) // what must hold, and how it is done again
	}{
		"forgot and reset": {
			run: func(p *cast) error { return p.resets(annsOwn, p.typed) },
			after: func(p *cast) {
				if p.exactlyOne(annsOwn) && (p.live(p.c.Session) || p.live(p.other.Session)) {
					p.t.Error("R47 the password is new, and a session from before lives")
				}
				p.must(p.resets(annsOwn, "yet another long passphrase"))
				if p.live(p.c.Session) || p.live(p.other.Session) || !p.opensWith(annsOwn, "yet another long passphrase") {
					p.t.Error("again: a session from before lives, or the password opens nothing")
				}
			},
		},
		"a reset of somebody unverified": {
			prepare: func(p *cast) {
				p.unverified("una")
				p.ref = auth.Ref{}
			},
			run: func(p *cast) error { return p.resets("una@acme.example", p.typed) },
			after: func(p *cast) {
				p.exactlyOne("una@acme.example")
				p.must(p.resets("una@acme.example", "yet another long passphrase"))
				if u, err := p.people.UserByID(p.t.Context(), "una"); err != nil || u.Unverified {
					p.t.Errorf("again: %+v, %v, want verified", u, err)
				}
			},
		},
		"a new password in a sign-in": {
			prepare: func(p *cast) {
				p.must(p.m.RequireNewPassword(p.t.Context(), "ann"))
				p.c, _ = p.known("solo@acme.example", from("198.51.100.70")) // not ann's: hers end
			},
			run: func(p *cast) error {
				s, err := p.m.Identify(p.t.Context(), auth.Opening{Email: annsOwn}, p.other)
				p.ref = auth.Ref{Token: s.Token}
				if err == nil {
					s, err = p.try(p.m.Password(p.t.Context(), p.ref, p.old, p.other))
				}
				if err == nil {
					s, err = p.try(first(p.m.NewPassword(p.t.Context(), p.ref, auth.PasswordChoice{Password: p.typed}, p.other)))
				}
				if err != nil {
					return err
				}
				if s.Stage != auth.StageReady {
					return fmt.Errorf("stands at %s %s", s.Stage, s.Reason)
				}
				done, _, err := p.m.Finish(p.t.Context(), p.ref, p.other)
				if (done.Token == "") != (err != nil) {
					return fmt.Errorf("Finish = %+v, %w", done, err)
				}
				return err
			},
			after: func(p *cast) {
				if p.exactlyOne(annsOwn) && p.live(p.other.Session) {
					p.t.Error("R11 the password is new, and a session from before lives")
				}
				p.must(p.resets(annsOwn, "yet another long passphrase"))
			},
		},
		"change the password": {
			run: func(p *cast) error {
				return p.took(p.m.ChangePassword(p.t.Context(), p.s, p.old, p.typed, p.c))
			},
			after: func(p *cast) {
				if p.exactlyOne(annsOwn) && p.live(p.other.Session) {
					p.t.Error("R12 the password is new, and another session lives")
				}
				p.must(p.resets(annsOwn, "yet another long passphrase"))
			},
		},
		"sign up": {
			prepare: func(p *cast) { p.old = "no password of theirs" },
			run: func(p *cast) error {
				if _, err := p.m.SignUp(p.t.Context(), newcomer, "", home); err != nil {
					return err
				}
				for _, m := range p.mail.take() {
					if m.Kind == mail.SignUp {
						p.link = linkToken(m)
					}
				}
				if s, err := p.try(p.m.OpenSignUp(p.t.Context(), p.link, "", home)); err != nil || s.Stage != auth.StageNewPassword {
					return fmt.Errorf("stands at %s %s: %w", s.Stage, s.Reason, err)
				}
				return p.chooses("New & Co")
			},
			after: func(p *cast) {
				if !p.opensWith(newcomer, p.typed) {
					p.move(time.Hour)
					p.typed = "yet another long passphrase"
					if _, err := p.m.SignUp(p.t.Context(), newcomer, "", home); err != nil {
						p.t.Fatal(err)
					}
					if _, err := p.try(p.m.OpenSignUp(p.t.Context(), linkToken(p.letterOf(mail.SignUp)), "", home)); err != nil {
						p.t.Fatal(err)
					}
					p.must(p.chooses("New & Co"))
				}
				u, err := p.people.UserByEmail(p.t.Context(), newcomer)
				p.must(err)
				if all, err := p.m.Memberships(p.t.Context(), u.ID); err != nil || len(all) != 1 || all[0].Role != auth.RoleSuperAdmin || !p.opensWith(newcomer, p.typed) {
					p.t.Errorf("again: companies %+v, %v, want one with its super administrator, who has a password", all, err)
				}
			},
		},
		"invite": {
			run: func(p *cast) error {
				_, _, a, err := p.m.Invite(p.t.Context(), auth.NewInvitation{AccountID: "acme", Email: newcomer, Products: []string{"crm"}}, home)
				if err == nil && a.Reason != "" {
					err = fmt.Errorf("refused: %s", a.Reason)
				}
				return err
			},
			after: func(p *cast) {
				p.lapse()
				people, err := p.people.People(p.t.Context(), "acme")
				p.must(err)
				if len(people.Invitations) == 0 {
					p.invite1()
				} else {
					p.move(time.Hour)
					p.link = p.sends(people.Invitations[0].ID)
				}
				p.mail.take()
				p.activates(p.link, home).at(auth.StageNewPassword, "").choose(auth.PasswordChoice{Password: fresh})
				if seats, err := p.people.Seats(p.t.Context(), "acme"); err != nil || seats[0].Taken != 1 {
					p.t.Errorf("again: seats %+v, %v, want one taken", seats, err)
				}
			},
		},
		"activate": {
			prepare: func(p *cast) { p.invite1() },
			run: func(p *cast) error {
				if s, err := p.try(p.m.OpenInvitation(p.t.Context(), p.link, "", home)); err != nil || s.Stage != auth.StageNewPassword {
					return fmt.Errorf("stands at %s %s: %w", s.Stage, s.Reason, err)
				}
				return p.chooses("")
			},
			after: func(p *cast) {
				p.member1()
				if p.opensWith(newcomer, p.typed) { // an account without the membership: they sign in, and join
					c, s := p.knownWith(newcomer, p.typed, from("198.51.100.71"))
					if p.member(s.UserID, "acme").State == "" {
						p.joins(p.link, c).at(auth.StageReady, "").finish()
					}
				} else {
					p.activates(p.link, home).at(auth.StageNewPassword, "").choose(auth.PasswordChoice{Password: p.typed})
				}
				p.member1()
				if p.standing(p.invite) != auth.InvitationJoined {
					p.t.Errorf("again: the invitation is %s", p.standing(p.invite))
				}
			},
		},
		"join": {
			prepare: func(p *cast) {
				i, link := p.world.invite(auth.NewInvitation{AccountID: "umbra", Email: annsOwn})
				p.invite, p.link = i.ID, link
			},
			run: func(p *cast) error {
				s, err := p.try(p.m.StepUp(p.t.Context(), auth.StepUpOpening{Action: auth.ActionJoin, Link: p.link}, p.c))
				if err != nil || s.Stage != auth.StageReady {
					return fmt.Errorf("stands at %s %s: %w", s.Stage, s.Reason, err)
				}
				done, s, err := p.m.Finish(p.t.Context(), p.ref, p.c)
				return p.took(done, auth.Answer{Reason: s.Reason}, err)
			},
			after: func(p *cast) {
				joined := p.member("ann", "umbra").State == auth.MemberActive
				if (p.standing(p.invite) == auth.InvitationJoined) != joined {
					p.t.Errorf("member %v, invitation %s, want both or neither", joined, p.standing(p.invite))
				}
				if !p.live(p.other.Session) {
					p.t.Error("another session has ended")
				}
				if p.live(p.c.Session) {
					if s := p.session(p.c); s.AccountID == "umbra" && !joined {
						p.t.Error("in a company of which she is no member")
					}
				}
				if !joined {
					p.joins(p.link, p.other).at(auth.StageReady, "").finish()
				} else {
					p.switches("umbra", p.other).at(auth.StageReady, "").finish()
				}
			},
		},
		"decline": {
			prepare: func(p *cast) {
				i, link := p.world.invite(auth.NewInvitation{AccountID: "umbra", Email: annsOwn})
				p.invite, p.link = i.ID, link
			},
			run: func(p *cast) error { return answered(p.m.Decline(p.t.Context(), p.link, p.c)) },
			after: func(p *cast) {
				if err := answered(p.m.Decline(p.t.Context(), p.link, p.c)); err != nil && p.standing(p.invite) != auth.InvitationDeclined {
					p.t.Errorf("again: %v, %s", err, p.standing(p.invite))
				}
			},
		},
		"ask for another address": {
			run: func(p *cast) error { return answered(p.m.AskEmail(p.t.Context(), p.s, annsNext, p.c)) },
			after: func(p *cast) {
				p.lapse()
				p.c = p.moves(p.c, annsNext)
			},
		},
		"confirm another address": {
			prepare: func(p *cast) {
				p.c = p.recovers(p.c, spare)
				p.other, _ = p.known(annsOwn, office)
				p.link = p.wants(p.c, annsNext)
				p.mail.take()
			},
			run: func(p *cast) error { return p.took(p.m.ConfirmEmail(p.t.Context(), p.link, p.c)) },
			after: func(p *cast) {
				moved := p.address("ann") == annsNext
				if moved && p.live(p.other.Session) {
					p.t.Error("R69 the address is new, and another session lives")
				}
				if !moved {
					if !p.live(p.c.Session) {
						p.t.Fatal("R69 nothing has changed, and the session has ended")
					}
					p.c = p.confirms(p.c, p.link)
				}
				p.move(10 * time.Second)
				undone := false
				for _, m := range p.mail.take() {
					if m.Kind == mail.EmailChanged && m.To == annsOwn && linkToken(m) != "" {
						a, err := p.m.UndoEmail(p.t.Context(), linkToken(m), home)
						undone = undone || err == nil && a.Reason == ""
					}
				}
				if !undone || p.address("ann") != annsOwn {
					p.t.Error("R69 the address is new, and the old one has no way back")
				}
			},
		},
		"undo": {
			prepare: func(p *cast) {
				p.c = p.recovers(p.c, "thief@elsewhere.example")
				p.c = p.moves(p.c, annsNext)
				p.move(10 * time.Second)
				for _, m := range p.mail.take() {
					if m.Kind == mail.EmailChanged && linkToken(m) != "" {
						p.link = linkToken(m)
					}
				}
			},
			run: func(p *cast) error { return answered(p.m.UndoEmail(p.t.Context(), p.link, home)) },
			after: func(p *cast) {
				if p.address("ann") == annsOwn && p.live(p.c.Session) {
					p.t.Error("R69 the old address is back, and the thief is in")
				}
				if _, why, err := p.m.CheckUndo(p.t.Context(), p.link); why == "" && err == nil {
					p.must(answered(p.m.UndoEmail(p.t.Context(), p.link, home)))
				}
				if is, _, err := p.m.RecoveryEmail(p.t.Context(), "ann"); p.address("ann") != annsOwn || p.sessions("ann") != 0 || is != "" || err != nil {
					p.t.Errorf("again: address %q, %d sessions, recovery address %q, %v", p.address("ann"), p.sessions("ann"), is, err)
				}
				p.must(p.resets(annsOwn, "yet another long passphrase"))
			},
		},
		"ask for a recovery address": {
			run: func(p *cast) error { return answered(p.m.AskRecoveryEmail(p.t.Context(), p.s, spare, p.c)) },
			after: func(p *cast) {
				p.lapse()
				p.c = p.recovers(p.c, spare)
			},
		},
		"confirm a recovery address": {
			prepare: func(p *cast) {
				p.must(answered(p.m.AskRecoveryEmail(p.t.Context(), p.session(p.c), spare, p.c)))
				p.link = linkToken(p.mail.one(mail.RecoveryConfirm))
			},
			run: func(p *cast) error { return p.took(p.m.ConfirmRecoveryEmail(p.t.Context(), p.link, p.c)) },
			after: func(p *cast) {
				is, _, err := p.m.RecoveryEmail(p.t.Context(), "ann")
				if err != nil || is != "" && p.live(p.other.Session) {
					p.t.Errorf("R70 the recovery address is %q, and another session lives %v, %v", is, p.live(p.other.Session), err)
				}
				p.move(10 * time.Second)
				if told := strings.Contains(letterKinds(p.mail.take()), string(mail.RecoveryChanged)); is != "" && !told {
					p.t.Error("R70 it was set, and nobody is told")
				}
				if is == "" {
					if !p.live(p.c.Session) {
						p.t.Fatal("R70 nothing has changed, and the session has ended")
					}
					p.must(p.took(p.m.ConfirmRecoveryEmail(p.t.Context(), p.link, p.c)))
				}
			},
		},
		"end a member": {
			run: func(p *cast) error { return p.m.EndMember(p.t.Context(), "ann", "acme") },
			after: func(p *cast) {
				p.must(p.m.EndMember(p.t.Context(), "ann", "acme"))
				if p.live(p.c.Session) || p.live(p.other.Session) {
					p.t.Error("again: a session lives")
				}
			},
		},
	}
	stage := func(t *testing.T, prepare func(p *cast)) *cast {
		p := &cast{world: mailed(t, signUp(auth.SignUpCompany)), old: secret, typed: fresh}
		p.other, _ = p.known(annsOwn, office)
		p.c, _ = p.known(annsOwn, home)
		p.must(p.people.SetSeats(t.Context(), "acme", "crm", 1))
		if prepare != nil {
			prepare(p)
		}
		p.mail.take()
		if s, err := lookup(p.m, p.c.Session); err == nil { // else it has ended in what came before
			p.s = s
		}
		p.spy.take()
		return p
	}
	most := 0
	for name, s := range stories {
		p := stage(t, s.prepare)
		if err := s.run(p); err != nil {
			t.Fatalf("%s without a crash: %v", name, err)
		}
		calls := p.spy.take()
		most = max(most, len(calls))
		if len(calls) < 4 {
			t.Errorf("%s makes %d calls: too few to be true", name, len(calls))
		}
		p.lapse()
		for n, call := range calls {
			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d %s done=%v", name, n+1, call, done), func(t *testing.T) {
					t.Parallel()
					p := stage(t, s.prepare)
					cut := func(i int, _ string) error {
						if i == n+1 {
							return errCrash
						}
						return nil
					}
					if done {
						p.spy.after = cut
					} else {
						p.spy.before = cut
					}
					err := s.run(p)
					p.spy.before, p.spy.after = nil, nil
					if err == nil {
						t.Fatal("it came through the crash")
					}
					if !errors.Is(err, errCrash) && !strings.Contains(err.Error(), errCrash.Error()) {
						t.Errorf("got %v, want the crash", err)
					}
					s.after(p)
					p.lapse()
				})
			}
		}
	}
	if most < waits {
		t.Errorf("the longest story makes %d calls: too few to be true", most)
	}
}

// first drops what NewPassword answers beside the step.
func first(s auth.Step, _ bool, err error) (auth.Step, error) { return s, err }

// answered is the error or reason of an answer.
func answered(a auth.Answer, err error) error {
	if err == nil && a.Reason != "" {
		return fmt.Errorf("refused: %s", a.Reason)
	}
	return err
}

// invite1 invites the newcomer with the one seat that there is.
func (p *cast) invite1() {
	p.t.Helper()
	i, link := p.world.invite(auth.NewInvitation{Email: newcomer, Products: []string{"crm"}})
	p.invite, p.link = i.ID, link
}

// member1 fails the test where the newcomer is a member without the invitation being closed, or the other way about.
func (p *cast) member1() {
	p.t.Helper()
	u, err := p.people.UserByEmail(p.t.Context(), newcomer)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		p.t.Fatal(err)
	}
	joined := err == nil && p.member(u.ID, "acme").State == auth.MemberActive
	if (p.standing(p.invite) == auth.InvitationJoined) != joined {
		p.t.Errorf("member %v, invitation %s, want both or neither", joined, p.standing(p.invite))
	}
}
