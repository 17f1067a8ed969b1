package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// passwordSet is the reason that the sign-in page is given after a reset.
const passwordSet = "password_set"

// showReset answers where a reset stands, or whether the mailed link that somebody comes with counts. It consumes nothing.
func (h *Handler) showReset(v *visit) {
	v.of(auth.Reset)
	v.here.RawQuery = v.kept().Encode()
	v.showsView()
	if !v.tookLink(resetLinks, v.resetCounts) {
		v.resetStands(http.StatusOK, "")
	}
}

// resetCounts tells whether the link of a reset counts.
func (v *visit) resetCounts(token string) (bool, error) {
	_, why, err := v.h.auth.CheckReset(v.r.Context(), token)
	return why == "", err
}

// resetStands shows the reset that is under way, else the link that is. A reason says why what was posted was not done.
func (v *visit) resetStands(status int, why auth.Reason) {
	whose, dead, err := v.reset()
	if err != nil {
		v.broken(err)
		return
	}
	step, err := v.h.auth.Current(v.r.Context(), v.flow, v.client)
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
		return
	case err == nil && (step.Stage != auth.StageRefused || dead != ""): // a link that somebody else has sent must not hide it
	case dead == "":
		step = auth.Step{Decision: auth.Decision{
			Stage: auth.StageAuthenticate, Offer: []auth.Method{auth.MethodEmailLink},
		}, MailTo: whose}
	default:
		step = auth.Step{Decision: auth.Decision{Stage: auth.StageRefused, Reason: dead}}
	}
	if why != "" {
		v.why, step.Reason = step.Reason, why
	}
	v.showStep(status, step)
}

// reset tells whose password the visitor's link is for, or why it counts no longer.
func (v *visit) reset() (whose string, dead auth.Reason, err error) {
	if v.linkOf(resetLinks) == "" {
		return "", auth.ReasonResetExpired, nil
	}
	return v.h.auth.CheckReset(v.r.Context(), v.linkOf(resetLinks))
}

// resetPage is the page of a link.
func (v *visit) resetPage(frame Frame) (Page, error) {
	whose, dead, err := v.reset()
	frame.Notice, frame.LinkID = "", fingerprint(v.linkOf(resetLinks))
	return &ResetPage{Frame: frame, Valid: dead == "", Reason: dead, Email: whose}, err
}

// openReset begins the reset that a link allows, in the place of one under way.
func (h *Handler) openReset(v *visit) {
	v.of(auth.Reset)
	if !v.fitsLink(resetLinks) {
		v.resetStands(http.StatusConflict, auth.ReasonFlowChanged)
		return
	}
	before := v.flow
	step, err := h.auth.OpenReset(v.r.Context(), v.linkOf(resetLinks), v.chosen(), v.client)
	if err == nil && step.Token != "" {
		err = h.auth.Cancel(v.r.Context(), before)
		v.forgetLink(resetLinks)
	}
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// newPassword sets the new password. Nobody is signed in by it.
func (h *Handler) newPassword(v *visit) {
	ref := v.ref()
	if ref.ID == "" { // nothing else ends in a new password
		v.of(auth.Reset)
		ref.Token = v.flow
	}
	step, done, err := h.auth.NewPassword(v.r.Context(), ref, auth.PasswordChoice{Password: v.in["password"]}, v.client)
	refused, busy := (*auth.PasswordError)(nil), (*password.BusyError)(nil)
	switch {
	case errors.As(err, &refused):
		step.Reason, v.unmet = auth.ReasonPasswordPolicy, refused.Unmet
		v.answerStep(step)
	case errors.As(err, &busy):
		step.Reason, step.RetryAfter = auth.ReasonBusy, busy.RetryAfter
		v.answerStep(step)
	case err == nil && done:
		v.passwordSet()
	default:
		v.answer(ref, step, err)
	}
}

// passwordSet sends somebody to the sign-in who has set a new password.
func (v *visit) passwordSet() {
	v.h.cookies.clear(v.w, resetCookie)
	v.of(auth.SignIn)
	if v.program {
		v.json(http.StatusOK, v.stepAnswer(auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}))
		return
	}
	q := url.Values{"reason": {passwordSet}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + roomOf(auth.SignIn).page, RawQuery: q.Encode()}
	v.redirect(to.String())
}

// rulesOf are the rules for a person's new password, and those besides that the one tried does not meet.
func (v *visit) rulesOf(userID string) ([]password.Unmet, error) {
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

// rules are the same in words.
func (v *visit) rules(userID string) ([]Rule, error) {
	all, err := v.rulesOf(userID)
	if err != nil {
		return nil, err
	}
	var list []Rule
	for _, r := range all {
		list = append(list, Rule{Text: v.rule(r), Unmet: slices.Contains(v.unmet, r)})
	}
	return list, nil
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
