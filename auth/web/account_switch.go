package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/sallyport-auth/sallyport/auth"
)

// companyAnswer is a company of the person's, as they stand in it.
type companyAnswer struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Role      auth.Role         `json:"role"`
	Member    auth.MemberState  `json:"member"` // active, invited or suspended
	State     auth.AccountState `json:"state"`  // active, lapsed or expired
	GraceEnds string            `json:"grace_ends,omitempty"`
	Current   bool              `json:"current"`
	Usable    bool              `json:"usable"`
}

// companiesAnswer are all of them.
type companiesAnswer struct {
	Companies []companyAnswer `json:"companies"`
	refusalAnswer
	Links links `json:"links"`
}

func answerOfCompany(m auth.Membership, current string) companyAnswer {
	a := companyAnswer{
		ID: m.AccountID, Name: m.AccountName, Role: cmp.Or(m.Role, auth.RoleMember), Member: cmp.Or(m.State, auth.MemberSuspended),
		State: cmp.Or(m.AccountState, auth.AccountActive), Current: m.AccountID == current, Usable: m.Usable(),
	}
	if a.State == auth.AccountLapsed && !m.GraceEnds.IsZero() {
		a.GraceEnds = stamp(m.GraceEnds)
	}
	return a
}

// showSwitch lists the companies that the person belongs to.
func (h *Handler) showSwitch(v *visit) {
	if p, ok := v.signedInAs(switchPath); ok {
		v.answerSwitch(http.StatusOK, p, auth.Answer{}, "")
	}
}

// switchCompany begins a step-up that leads into another company. Where the session meets what that company asks, it is entered at
// once, under a new token.
func (h *Handler) switchCompany(v *visit) {
	p, ok := v.signedInAs(switchPath)
	if !ok {
		return
	}
	v.of(auth.StepUp)
	step, err := h.auth.StepUp(v.r.Context(), auth.StepUpOpening{
		Action: auth.ActionSwitch, Target: v.in["account"], ReturnTo: v.switchedTo(), Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	switch {
	case errors.Is(err, auth.ErrFlowGone):
		v.signInFirst(switchPath)
	case err == nil && step.Token == "": // there is no flow: the company cannot be entered
		v.notSwitched(p, step)
	default:
		v.answer(auth.Ref{Token: step.Token}, step, err)
	}
}

// switchedTo is where a switch leads: to where the visitor wants, else to my account, which says so.
func (v *visit) switchedTo() string {
	to := url.URL{Path: v.h.prefix + homePath, RawQuery: url.Values{"done": {"switched"}}.Encode()}
	return cmp.Or(v.h.auth.ReturnTo(v.in["return_to"]), to.String())
}

// notSwitched shows the companies to somebody who cannot enter the one that they chose, and why.
func (v *visit) notSwitched(p person, step auth.Step) {
	v.here = url.URL{Path: v.h.prefix + switchPath}
	a := auth.Answer{Reason: step.Reason, RetryAfter: step.RetryAfter}
	v.refused(a, nil, switchPath, func(status int) { v.answerSwitch(status, p, a, step.Flow.Target) })
}

// turnedAway answers a switch that was refused at its last step, after a proof: nothing more comes of its flow.
func (v *visit) turnedAway(step auth.Step) {
	if err := v.h.auth.Cancel(v.r.Context(), cmp.Or(v.issued, v.flow)); err != nil {
		v.broken(err)
		return
	}
	v.issued = ""
	v.h.cookies.clear(v.w, stepUpCookie)
	if p, ok := v.signedInAs(switchPath); ok {
		v.notSwitched(p, step)
	}
}

// answerSwitch shows the companies, with why the one that was chosen was not entered.
func (v *visit) answerSwitch(status int, p person, a auth.Answer, chosen string) {
	all, err := v.h.auth.Memberships(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		answer := companiesAnswer{Companies: []companyAnswer{}, refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks()}
		for _, m := range all {
			answer.Companies = append(answer.Companies, answerOfCompany(m, p.AccountID))
		}
		answer.Links["switch"] = v.h.prefix + switchPath
		v.json(status, answer)
		return
	}
	page := &AccountSwitchPage{}
	if page.ReturnTo = v.h.auth.ReturnTo(v.in["return_to"]); page.ReturnTo != "" {
		v.here.RawQuery = url.Values{"return_to": {page.ReturnTo}}.Encode()
	}
	now := v.h.auth.Now()
	for _, m := range all {
		page.Companies = append(page.Companies, rowOfCompany(m, p.AccountID, now))
	}
	currentFirst(page.Companies, func(c CompanyRow) bool { return c.Current })
	if a.Reason != "" {
		page.Problem = v.accountProblem(a)
	}
	if a.Reason == auth.ReasonSignInAgain {
		page.Problem.Link, page.Problem.Label = v.signInTo(chosen), v.text().Get("button.signin_again")
	}
	v.show(status, page)
}

// signInTo is where somebody who is signed in signs in once more, into one company.
func (v *visit) signInTo(accountID string) string {
	home := url.URL{Path: v.h.prefix + homePath}
	if accountID != "" {
		home.RawQuery = url.Values{"account": {accountID}}.Encode()
	}
	q := url.Values{"switch": {"other"}, "return_to": {home.String()}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + roomOf(auth.SignIn).page, RawQuery: q.Encode()}
	return to.String()
}
