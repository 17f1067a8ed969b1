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

// showReset answers where a reset stands, or whether the mailed link that somebody comes with counts. It consumes nothing: mail
// scanners follow every link.
//
// The link's token is taken out of the address bar at once, into a cookie of a few minutes. The redirect says no-referrer, for the
// address that it leaves holds the token; the page itself has an address without one, and keeps the policy of all pages, so that
// its form is posted with an Origin.
func (h *Handler) showReset(v *visit) {
	v.of(auth.Reset)
	v.here.RawQuery = v.kept().Encode()
	v.showsView()
	whose, valid, err := v.linkCounts()
	if err != nil {
		v.broken(err)
		return
	}
	if v.in["token"] != "" && !v.program {
		if valid { // a dead one must not take the place of one that is on its way
			h.cookies.write(v.w, linkCookie, v.in["token"], linkLife)
		}
		v.w.Header().Set("Referrer-Policy", "no-referrer")
		to := url.URL{Path: h.prefix + roomOf(auth.Reset).page, RawQuery: v.kept().Encode()}
		v.redirect(to.String())
		return
	}
	step, err := h.auth.Current(v.r.Context(), v.flow, v.client)
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
	case err == nil && step.Stage != auth.StageRefused: // a link that somebody else has sent must not hide it
		v.showStep(http.StatusOK, step)
	case valid:
		v.showStep(http.StatusOK, auth.Step{Decision: auth.Decision{
			Stage: auth.StageAuthenticate, Offer: []auth.Method{auth.MethodEmailLink},
		}, MailTo: whose})
	case err == nil:
		v.showStep(http.StatusOK, step)
	default:
		v.showStep(http.StatusOK, auth.Step{Decision: auth.Decision{Stage: auth.StageRefused, Reason: auth.ReasonResetExpired}})
	}
}

// link is the token of the mailed link: what came with the request, or with the one before.
func (v *visit) link() string {
	if v.in["token"] != "" {
		return v.in["token"]
	}
	return v.h.cookies.read(v.r, linkCookie)
}

// linkCounts tells whether the visitor has come with a link that still counts, and whose it is.
func (v *visit) linkCounts() (whose string, ok bool, err error) {
	if v.link() == "" {
		return "", false, nil
	}
	whose, why, err := v.h.auth.CheckReset(v.r.Context(), v.link())
	return whose, why == "", err
}

// resetPage is the page of a link.
func (v *visit) resetPage(frame Frame) (Page, error) {
	whose, valid, err := v.linkCounts()
	frame.Notice = ""
	return &ResetPage{Frame: frame, Valid: valid, Email: whose}, err
}

// openReset begins the reset that a link allows, in the place of one under way.
func (h *Handler) openReset(v *visit) {
	v.of(auth.Reset)
	before := v.flow
	step, err := h.auth.OpenReset(v.r.Context(), v.link(), v.chosen(), v.client)
	if err == nil && step.Token != "" {
		err = h.auth.Cancel(v.r.Context(), before)
		h.cookies.clear(v.w, linkCookie)
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
