package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

const newPasswordTries = 20 // in one flow

// A PasswordChoice is what somebody enters who chooses a new password.
type PasswordChoice struct {
	Password     string
	Name         string // of somebody new, as they write it; empty: as the invitation has it, or none
	Company      string // the name of their company, with SignUpCompany
	KeepSessions bool   // at the end of a reset: the box "Sign out of all sessions" is not ticked. Where Decision.SignOut does not ask, it counts for nothing
}

// NewPassword sets the password that StageNewPassword asks for. A password that does not meet the rules is answered with a
// *PasswordError, and one that comes while too many are being hashed with a *password.BusyError; the flow stays.
//
// At the end of a Reset, an Activate and a SignUp it is done: the password is set, the flow is gone, and nobody is signed in; the way
// on is the sign-in page. A SignIn goes on, under a new token. What ends with a new password stands at Change.
//
// Reasons: ReasonPasswordMissing, ReasonCompanyMissing, ReasonTooManyAttempts; with StageRefused those of an invitation that could
// not be accepted any more, when the password was set. ErrFlowGone: another flow has set one, or something has ended what led here.
// ErrFlowChanged: another flow has just added the person.
func (m *Manager) NewPassword(ctx context.Context, ref Ref, choice PasswordChoice, c Client) (step Step, done bool, err error) {
	now := m.now()
	o, err := m.open(ctx, ref, c, now)
	step = o.step
	if err != nil || step.Stage != StageNewPassword {
		return step, false, err
	}
	choice.Name, choice.Company = oneLine(choice.Name), oneLine(choice.Company)
	switch {
	case choice.Password == "":
		return step.refused(ReasonPasswordMissing, 0), false, nil
	case choice.Company == "" && step.Flow.Purpose == SignUp && m.preset.SignUp == SignUpCompany:
		return step.refused(ReasonCompanyMissing, 0), false, nil
	}
	var t toll // a refusal may tell which password was used before
	t.add(m.counters("flow", step.Flow.ID, "new password"), Charge{Window: flowLife, Limit: newPasswordTries, Lock: flowLife}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return step.refused(ReasonTooManyAttempts, 0), false, err
	}
	u := o.facts.User
	if !o.facts.Found {
		u = User{Email: step.Flow.Address, Name: choice.Name}
	}
	cred, err := m.credential(ctx, u.ID)
	if err != nil {
		return step, false, err
	}
	if cred.Version != o.facts.Credential {
		return step, false, ErrFlowGone
	}
	hash, err := m.hashNew(ctx, u, cred, o.facts.Memberships, choice.Password)
	if err != nil {
		return step, false, err
	}
	p := newPassword{hash: hash, remember: m.judgeOf(o.facts.Memberships).Policy.History, resetAt: cred.ResetAt}
	if step.Flow.Purpose == SignIn {
		step, err = m.renewed(ctx, o, cred, p, c)
		return step, false, err
	}
	p.afresh = u.Unverified // the link has proven the address, which nothing in a sign-in need have
	if step.Flow.newcomer() {
		return m.settle(ctx, o, u, cred, p, choice, c)
	}
	p.resetAt = now
	p.keepAll = step.SignOut == ResetSignOutNever || choice.KeepSessions && step.SignOut != ResetSignOutAlways
	if err := m.replace(ctx, u, cred, p, c); err != nil {
		return step, false, err
	}
	return step, true, flowError("dropping", m.stores.Flows.DropFlow(ctx, o.key))
}

// replace sets the password of somebody who is there, and writes down that their address is proven if a link has just done that.
func (m *Manager) replace(ctx context.Context, u User, cred Credential, p newPassword, c Client) error {
	err := m.swapPassword(ctx, u, cred, p, c)
	if errors.Is(err, ErrConflict) { // somebody else has set one, or has ended what led here
		return ErrFlowGone
	}
	if err != nil || !p.afresh {
		return err
	}
	return m.verify(ctx, u, c)
}

// verify writes down that the person's address is proven.
func (m *Manager) verify(ctx context.Context, u User, c Client) error {
	if m.registrar == nil {
		return nil // the host's table says so again at the next look: what is proven here is then never worth more than once
	}
	e := m.event(UserVerified, m.now(), c)
	e.UserID = u.ID
	if err := m.note(ctx, e); err != nil {
		return err
	}
	err := m.registrar.VerifyUser(ctx, u.ID, u.Email)
	if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("auth: writing down that an address is proven: %w", err)
	}
	return nil
}

// settle makes somebody new: the person, what belongs to them, the password, and then the membership that they were invited to. If
// it stops on the way, the same link or another one to the same mailbox goes on: a person without a password is still new.
func (m *Manager) settle(ctx context.Context, o opened, u User, cred Credential, p newPassword, choice PasswordChoice, c Client) (Step, bool, error) {
	step, f := o.step, o.step.Flow
	var err error
	if u.ID == "" {
		if u, err = m.createUser(ctx, o, choice, c); err != nil {
			return step, false, err
		}
		// cred stays nobody's: whoever has set a password since they were added was first.
	}
	if f.Purpose == SignUp && m.preset.SignUp == SignUpCompany {
		if _, err := m.registrar.CreateCompany(ctx, choice.Company, u.ID); err != nil {
			return step, false, fmt.Errorf("auth: making a company: %w", err)
		}
	}
	if err := m.replace(ctx, u, cred, p, c); err != nil {
		return step, false, err
	}
	if f.Purpose == Activate {
		why, err := m.join(ctx, o.facts.Invitation, f.Letter, u, "", c)
		if err != nil {
			return step, false, err
		}
		if why != "" { // the invitation was taken back in this moment; the account is the person's all the same
			step.Decision = Decision{}.stop(StageRefused, why, "the invitation cannot be accepted")
			return step, false, flowError("dropping", m.stores.Flows.DropFlow(ctx, o.key))
		}
	}
	return step, true, flowError("dropping", m.stores.Flows.DropFlow(ctx, o.key))
}

// createUser adds whoever has proven the flow's address. ErrFlowChanged: somebody else has done so just now.
func (m *Manager) createUser(ctx context.Context, o opened, choice PasswordChoice, c Client) (User, error) {
	f := o.step.Flow
	e := m.event(UserCreated, o.facts.Now, c)
	e.FlowID = f.ID
	if err := m.note(ctx, e); err != nil {
		return User{}, err
	}
	name := choice.Name
	if name == "" {
		name = o.facts.Invitation.Name
	}
	u, err := m.registrar.CreateUser(ctx, NewUser{Email: f.Address, Name: name, Locale: f.Lang})
	if errors.Is(err, ErrConflict) {
		return User{}, ErrFlowChanged
	}
	return u, wrapped("auth: adding a person", err)
}

// renewed sets the new password of somebody who is signing in. What was proven in the flow counts on, at the new version of the
// credential; everything else ends.
func (m *Manager) renewed(ctx context.Context, o opened, cred Credential, p newPassword, c Client) (Step, error) {
	if err := m.replace(ctx, o.facts.User, cred, p, c); err != nil {
		return o.step, err
	}
	f := o.step.Flow.accepted(o.facts.Now)
	f.Proofs = o.carried(cred.Version + 1)
	f.Renewed, f.Outdated = o.facts.Now, false
	o.facts.stand(p.over(cred.UserID, cred, o.facts.Now))
	o.facts.Credential = cred.Version + 1
	o.facts.Device = session.Device{} // it ended with the others
	plain, next := token.New(token.Flow)
	if err := m.save(ctx, o.key, next, f); err != nil {
		return Step{}, err
	}
	step := m.stepOf(o.facts, f)
	step.Token = plain
	return step, nil
}

// carried are the flow's proofs that count, at another version of the credential: that of a change which was made in the flow itself.
func (o opened) carried(version int64) []Proof {
	proofs := make([]Proof, 0, len(o.step.Flow.Proofs)+1)
	for _, p := range o.step.Flow.Proofs {
		if p.counts(o.facts) {
			p.Version = version
			proofs = append(proofs, p)
		}
	}
	return proofs
}

// maxName is as long as the name of a person or company may be.
const maxName = 80

// oneLine is what somebody wrote into a field of one line: without control characters and marks that turn the direction of writing,
// and cut to maxName characters.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r) || unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxName {
		s = string([]rune(s)[:maxName])
	}
	return s
}
