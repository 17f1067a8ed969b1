package auth

import (
	"context"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// SignUp mails a link to whoever wants an account with this address; to an address that has one it mails that instead. What it
// answers, and the work that it does, is the same for both. Nobody is added before the link is opened and a password is set.
//
// Reasons: ReasonEmailInvalid, ReasonSignUpOff, and ReasonSSORequired where the domain of the address asks for its company's own
// sign-in.
func (m *Manager) SignUp(ctx context.Context, email, lang string, c Client) (Reason, error) {
	if m.preset.SignUp == SignUpOff {
		return ReasonSignUpOff, nil
	}
	a, err := address.Parse(email)
	if err != nil {
		return ReasonEmailInvalid, nil
	}
	now := m.now()
	asked, err := m.ask(ctx, "sign-up", a.Canonical, c, now)
	if err != nil || !asked {
		return "", err
	}
	s, err := m.stranger(ctx, a.Canonical, now)
	if err != nil {
		return "", err
	}
	if s.domain.SSO == SSOEnforced {
		return ReasonSSORequired, nil
	}
	app, err := m.app(ctx, s.user.ID)
	if err != nil {
		return "", err
	}
	to, ends, err := m.mailable(ctx, signUpLinks(), a.Canonical, link{UserID: nobody, Address: a.Canonical, To: a.Canonical}, now)
	if err != nil {
		return "", err
	}
	letter := m.letter(mail.SignUp, User{ID: nobody, Email: a.Typed}, spoken(lang), c, now)
	letter.Link, letter.ExpiresAt = to, ends
	e := m.event(SignUpAsked, now, c)
	if complete(Facts{Found: s.found, User: s.user, Password: s.cred.Hash != "", App: app, Linked: s.linked}) || s.user.Suspended {
		letter = m.letter(mail.SignUpTaken, s.user, spoken(lang), c, now)
		letter.Link = m.URLOf("signin")
		e.UserID = s.user.ID
	}
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	return "", m.post(ctx, letter)
}

// CheckSignUp tells which address the link of a sign-up is for, or why it counts no longer: ReasonLinkExpired, ReasonSignUpOff. It
// changes nothing: mail scanners follow every link.
func (m *Manager) CheckSignUp(ctx context.Context, linkToken string) (email string, why Reason, err error) {
	if m.preset.SignUp == SignUpOff {
		return "", ReasonSignUpOff, nil
	}
	l, ok, err := m.readTicket(ctx, signUpLinks(), linkToken, m.now())
	if err != nil || !ok {
		return "", ReasonLinkExpired, err
	}
	return l.To, "", nil
}

// OpenSignUp begins a flow with the link of a sign-up. It leads to a first password, which NewPassword sets together with the person
// and, with SignUpCompany, the company; never to a session. Reasons ReasonLinkExpired, ReasonSignUpOff, ReasonTooManyAttempts; no flow
// is made then.
func (m *Manager) OpenSignUp(ctx context.Context, linkToken, lang string, c Client) (Step, error) {
	now := m.now()
	if wait, err := m.chargeOpening(ctx, c, now); err != nil || wait > 0 {
		refused := Step{Decision: Decision{Stage: StageAuthenticate, Offer: []Method{MethodEmailLink}}}
		return refused.refused(ReasonTooManyAttempts, wait), err
	}
	email, why, err := m.CheckSignUp(ctx, linkToken)
	if err != nil || why != "" {
		return Step{Decision: Decision{Stage: StageRefused, Reason: why}}, err
	}
	return m.opensWith(ctx, Flow{
		ID: signUpPrefix + token.NewID(), Purpose: SignUp, Email: email, Address: email, Lang: spoken(lang), MadeAt: now,
		Proofs: []Proof{{Method: MethodEmailLink, At: now}},
	}, c)
}
