package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// passwordAnswer is how a person stands with their password.
type passwordAnswer struct {
	Set     bool   `json:"set"`
	Changed string `json:"changed,omitempty"`
	SSO     bool   `json:"sso"` // the company has its own sign-in: no password counts
}

// passwordPageAnswer is the page for a program.
type passwordPageAnswer struct {
	Password passwordAnswer `json:"password"`
	Rules    []ruleAnswer   `json:"rules,omitempty"`
	refusalAnswer
	Links links `json:"links"`
}

func answerOfPassword(s auth.PasswordState) passwordAnswer {
	a := passwordAnswer{Set: s.Set, SSO: s.SSO}
	if s.Set {
		a.Changed = stamp(s.ChangedAt)
	}
	return a
}

// showPassword shows the form for a new password. Whoever must prove once more who they are does so before the form, because nothing
// that is typed into it could be kept on the way.
func (h *Handler) showPassword(v *visit) {
	p, ok := v.signedInAs(passwordPath)
	if !ok {
		return
	}
	state, err := h.auth.PasswordState(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	if !v.program && !state.SSO {
		recent, err := h.auth.RecentlyProven(v.r.Context(), p.Session)
		if err != nil {
			v.broken(err)
			return
		}
		if !recent {
			v.proofFirst(passwordPath)
			return
		}
	}
	v.answerPassword(http.StatusOK, p, auth.Answer{})
}

// changePassword sets a new password. It leads to another page, so that a password manager sees that the form was taken (U4).
func (h *Handler) changePassword(v *visit) {
	p, ok := v.signedInAs(passwordPath)
	if !ok {
		return
	}
	ctx := v.r.Context()
	before, err := h.auth.PasswordState(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	done, a, err := h.auth.ChangePassword(ctx, p.Session, v.in["current"], v.in["password"], v.client)
	if refused := (*auth.PasswordError)(nil); errors.As(err, &refused) {
		a, v.unmet, err = auth.Answer{Reason: refused.Reason()}, refused.Unmet, nil
	}
	switch {
	case errors.Is(err, auth.ErrConflict): // another tab, or an administrator, was faster
		v.answerPassword(http.StatusConflict, p, auth.Answer{Reason: auth.ReasonFlowChanged})
	case a.Reason == auth.ReasonProofRequired && err == nil:
		v.proofFirst(passwordPath)
	case err != nil, a.Reason != "":
		v.refused(a, err, passwordPath, func(status int) { v.answerPassword(status, p, a) })
	case v.program:
		v.renewed(done)
		v.answerPassword(http.StatusOK, p, auth.Answer{})
	default:
		v.renewed(done)
		what := "password"
		if !before.Set {
			what = "password_set"
		}
		v.done(homePath, what, "")
	}
}

// answerPassword shows the form, with what was wrong with the last one. What was typed into it is never shown again.
func (v *visit) answerPassword(status int, p person, a auth.Answer) {
	state, err := v.h.auth.PasswordState(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	rules, err := v.ownRules(p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		answer := passwordPageAnswer{Password: answerOfPassword(state), refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks()}
		if !state.SSO {
			answer.Links["password"] = v.h.prefix + passwordPath
			for _, r := range rules {
				answer.Rules = append(answer.Rules, ruleAnswer{Rule: r.Rule, N: r.N, Message: v.rule(r), Unmet: slices.Contains(v.unmet, r)})
			}
		}
		v.json(status, answer)
		return
	}
	page := &AccountPasswordPage{
		Email: p.user.Email, Password: state.Set, Changed: Moment{state.ChangedAt, v.h.auth.Now()}, SSO: state.SSO || a.Reason == auth.ReasonSSORequired,
	}
	for _, r := range rules {
		page.Rules = append(page.Rules, Rule{Text: v.rule(r), Unmet: slices.Contains(v.unmet, r)})
	}
	if a.Reason != "" && !page.SSO {
		page.Problem = v.accountProblem(a)
	}
	v.show(status, page)
}

// ownRules are the rules for a new password of somebody who is signed in, and those besides that the one tried does not meet.
func (v *visit) ownRules(userID string) ([]password.Unmet, error) {
	ctx := v.r.Context()
	policy, err := v.h.auth.PasswordRules(ctx, userID)
	if err != nil {
		return nil, err
	}
	state, err := v.h.auth.TwoStep(ctx, userID)
	if err != nil {
		return nil, err
	}
	rules := password.Judge{Policy: policy}.Rules(state.Required)
	for _, r := range v.unmet {
		if !slices.Contains(rules, r) {
			rules = append(rules, r)
		}
	}
	return rules, nil
}
