package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// The reasons that the sign-in page is given after a first or a new password, by what it ended.
const (
	passwordSet = "password_set" // a reset
	activated   = "activated"    // an invitation
	signedUp    = "signed_up"    // a sign-up
)

// newPassword sets the new password. A sign-in goes on from there; everything else ends, and nobody is signed in by it.
func (h *Handler) newPassword(v *visit) {
	ref := v.ref()
	if ref.ID == "" {
		v.of(v.withoutID())
		ref.Token = v.flow
	}
	step, done, err := h.auth.NewPassword(v.r.Context(), ref, v.passwordChoice(), v.client)
	refused, busy := (*auth.PasswordError)(nil), (*password.BusyError)(nil)
	switch {
	case errors.As(err, &refused):
		step.Reason, v.unmet = refused.Reason(), refused.Unmet
		v.answerStep(step)
	case errors.As(err, &busy):
		step.Reason, step.RetryAfter = auth.ReasonBusy, busy.RetryAfter
		v.answerStep(step)
	case err == nil && done:
		v.passwordDone()
	default:
		v.answer(ref, step, err)
	}
}

// withoutID is the purpose of the flow that a new password is for where no id says so: that of a mailed link, if one is under way.
func (v *visit) withoutID() auth.Purpose {
	for _, p := range []auth.Purpose{auth.Reset, auth.Activate, auth.SignUp} {
		if v.h.cookies.read(v.r, roomOf(p).cookie) != "" {
			return p
		}
	}
	if v.h.cookies.read(v.r, flowCookie) != "" {
		return auth.SignIn
	}
	return auth.Reset // for which the page of one that is gone is made
}

// passwordChoice is what was typed. A box that is not ticked is not sent; but a program that sends nothing has not been asked, and
// means what the box would say before anybody touches it.
func (v *visit) passwordChoice() auth.PasswordChoice {
	signsOut := v.in.ticked("signout")
	if v.program && !v.in.has("signout") {
		signsOut = v.h.auth.Preset().ResetSignOut != auth.ResetSignOutUnticked
	}
	return auth.PasswordChoice{Password: v.in["password"], Name: v.in["name"], Company: v.in["company"], KeepSessions: !signsOut}
}

// passwordDone sends somebody to the sign-in who has set a password.
func (v *visit) passwordDone() {
	why := passwordSet
	switch v.purpose {
	case auth.Activate:
		why = activated
		v.forgetLink(joinLinks())
	case auth.SignUp:
		why = signedUp
	}
	v.h.cookies.clear(v.w, roomOf(v.purpose).cookie)
	v.rememberLanguage()
	v.of(auth.SignIn)
	if v.program {
		v.json(http.StatusOK, v.stepAnswer(auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}))
		return
	}
	q := url.Values{"reason": {why}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + roomOf(auth.SignIn).page, RawQuery: q.Encode()}
	v.redirect(to.String())
}

// newPasswordPage asks for a password. What was typed besides it comes back after a refusal.
func (v *visit) newPasswordPage(frame Frame, step auth.Step) Page {
	page := &NewPasswordPage{
		Frame: frame, Email: step.Flow.Email, SignOut: step.SignOut, SignsOut: step.SignOut == auth.ResetSignOutTicked,
		AsksName: asksName(step), Name: step.Invitation.Name, AsksCompany: v.asksCompany(step), Joins: step.Invitation.As.AccountName,
	}
	for _, r := range v.rulesOf(step) {
		page.Rules = append(page.Rules, Rule{Text: v.rule(r), Unmet: slices.Contains(v.unmet, r)})
	}
	if v.in.has("password") && v.r.Method == http.MethodPost {
		page.Name, page.Company, page.SignsOut = v.in["name"], v.in["company"], v.in.ticked("signout")
	}
	return page
}

// newPasswordFields are the names of the fields that the stage takes.
func (v *visit) newPasswordFields(step auth.Step) []string {
	fields := []string{"password"}
	if asksName(step) {
		fields = append(fields, "name")
	}
	if v.asksCompany(step) {
		fields = append(fields, "company")
	}
	if asksSignOut(step) {
		fields = append(fields, "signout")
	}
	return fields
}

// asksName tells whether somebody new says how they are called.
func asksName(step auth.Step) bool {
	return step.Flow.Purpose == auth.Activate || step.Flow.Purpose == auth.SignUp
}

// asksCompany tells whether somebody new says how their company is called.
func (v *visit) asksCompany(step auth.Step) bool {
	return step.Flow.Purpose == auth.SignUp && v.h.auth.Preset().SignUp == auth.SignUpCompany
}

// asksSignOut tells whether there is the box "Sign out of all sessions".
func asksSignOut(step auth.Step) bool {
	return step.SignOut == auth.ResetSignOutTicked || step.SignOut == auth.ResetSignOutUnticked
}

// rulesOf are the rules for the new password, and those besides that the one tried does not meet.
func (v *visit) rulesOf(step auth.Step) []password.Unmet {
	rules := slices.Clone(step.Rules)
	for _, r := range v.unmet {
		if !slices.Contains(rules, r) {
			rules = append(rules, r)
		}
	}
	return rules
}

// rule is a rule in words.
func (v *visit) rule(r password.Unmet) string {
	text := v.text()
	switch r.Rule {
	case password.TooShort:
		return text.Count("rule.too_short", r.N)
	case password.TooLong:
		return text.Count("rule.too_long", r.N)
	case password.NotText:
		return text.Get("rule.not_text")
	case password.NeedsLetter:
		return text.Get("rule.needs_letter")
	case password.NeedsLower:
		return text.Get("rule.needs_lower")
	case password.NeedsUpper:
		return text.Get("rule.needs_upper")
	case password.NeedsDigit:
		return text.Get("rule.needs_digit")
	case password.Common:
		return text.Get("rule.common")
	case password.Personal:
		return text.Get("rule.personal")
	case password.Breached:
		return text.Get("rule.breached")
	case password.Reused:
		return text.Count("rule.reused", r.N)
	}
	return text.Get("reason.password_policy")
}
