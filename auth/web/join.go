package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// joinLinks are the links of invitations.
func joinLinks() linkPage {
	return linkPage{path: "/join", cookie: joinLinkCookie, life: joinLife, stays: true}
}

// inviteeAnswer is what a program is told of an invitation.
type inviteeAnswer struct {
	Invitation *invitationAnswer `json:"invitation,omitempty"`
	Exists     bool              `json:"exists"`          // the person has an account
	SSO        bool              `json:"sso"`             // and their company its own sign-in
	SignedIn   bool              `json:"signed_in"`       // the person is
	Other      string            `json:"other,omitempty"` // who else is
	Declined   bool              `json:"declined,omitempty"`
	Reason     auth.Reason       `json:"reason,omitempty"`
	Message    string            `json:"message,omitempty"`
	Links      links             `json:"links"`
}

// invitationAnswer is what whoever reads the mailbox of an invitation may know of it.
type invitationAnswer struct {
	Company  string    `json:"company"`
	Email    string    `json:"email"`
	Name     string    `json:"name,omitempty"`
	Role     auth.Role `json:"role"`
	Products []string  `json:"products,omitempty"`
	Expires  string    `json:"expires"`
}

func answerOfInvitation(i auth.Invitation) *invitationAnswer {
	return &invitationAnswer{
		Company: i.As.AccountName, Email: i.Email, Name: i.Name, Role: cmp.Or(i.As.Role, auth.RoleMember), Products: i.As.Products,
		Expires: stamp(i.ExpiresAt),
	}
}

// showJoin shows what an invitation leads to. It changes nothing: an answer is a POST.
func (h *Handler) showJoin(v *visit) {
	v.atJoin()
	switch {
	case v.tookLink(joinLinks(), v.invitationCounts):
	case v.in["done"] == "declined" && v.linkOf(joinLinks()) == "" && !v.program:
		v.here.RawQuery = url.Values{"done": {"declined"}}.Encode()
		v.show(http.StatusOK, &JoinPage{Declined: true})
	default:
		v.showInvitee(http.StatusOK, "")
	}
}

// atJoin makes this a visit to the page of an invitation.
func (v *visit) atJoin() {
	v.here = url.URL{Path: v.h.prefix + joinLinks().path}
	if v.chosen() != "" {
		v.here.RawQuery = url.Values{"lang": {v.chosen()}}.Encode()
	}
}

// invitationCounts tells whether the link of an invitation counts.
func (v *visit) invitationCounts(token string) (bool, error) {
	in, err := v.h.auth.CheckInvitation(v.r.Context(), token, v.client)
	return in.Why == "", err
}

// showInvitee shows what the invitation leads to; a reason says why what was posted was not done.
func (v *visit) showInvitee(status int, why auth.Reason) {
	if !v.program {
		page, err := v.joinPage(Frame{}, why)
		if err != nil {
			v.broken(err)
			return
		}
		v.show(status, page)
		return
	}
	in, other, err := v.invitee()
	if err != nil {
		v.broken(err)
		return
	}
	a := inviteeAnswer{Exists: in.Exists, SSO: in.SSO, SignedIn: in.SignedIn, Other: other.Email, Reason: cmp.Or(why, in.Why), Links: v.links()}
	if a.Reason != "" {
		a.Message = v.message(a.Reason, 0)
	}
	a.Links["signin"] = v.h.prefix + "/signin"
	if in.Why == "" {
		a.Invitation = answerOfInvitation(in.Invitation)
		switch {
		case in.SignedIn && in.Exists:
			a.Links["join"] = v.h.prefix + joinLinks().path
		case !in.Exists && !in.SSO:
			a.Links["activate"] = v.h.prefix + roomOf(auth.Activate).page
		}
	}
	v.json(status, a)
}

// invitee is what the visitor's link leads to, and who else is signed in.
func (v *visit) invitee() (in auth.Invitee, other auth.User, err error) {
	in, err = v.h.auth.CheckInvitation(v.r.Context(), v.linkOf(joinLinks()), v.client)
	if err != nil || in.Why != "" || !in.Other {
		return in, other, err
	}
	s, live, err := v.session()
	if err != nil || !live {
		return in, other, err
	}
	other, err = v.h.auth.User(v.r.Context(), s.UserID)
	if errors.Is(err, auth.ErrNotFound) {
		err = nil
	}
	return in, other, err
}

// joinPage is the page of an invitation. A reason says why what was posted was not done; where the invitation counts no longer, the
// page says so anyway.
func (v *visit) joinPage(frame Frame, why auth.Reason) (Page, error) {
	in, other, err := v.invitee()
	if err != nil {
		return nil, err
	}
	frame.Notice, frame.LinkID = "", fingerprint(v.linkOf(joinLinks()))
	i := in.Invitation
	page := &JoinPage{
		Frame: frame, Why: in.Why, Exists: in.Exists, SSO: in.SSO, SignedIn: in.SignedIn, Other: other.Email,
		SignIn: v.otherSignIn(v.h.prefix + joinLinks().path),
	}
	switch {
	case in.Why != "":
		page.Problem = nil
	case why != "" && page.Problem == nil:
		page.Problem = &Problem{Reason: why, Message: v.message(why, 0)}
	}
	if in.Why == "" {
		page.Company, page.Email, page.Role, page.Products = i.As.AccountName, i.Email, cmp.Or(i.As.Role, auth.RoleMember), i.As.Products
	}
	return page, nil
}

// join accepts or declines an invitation, for whoever is signed in and was invited.
func (h *Handler) join(v *visit) {
	v.atJoin()
	switch {
	case !v.fitsLink(joinLinks()):
		v.showInvitee(http.StatusConflict, auth.ReasonFlowChanged)
	case v.in["do"] == "decline":
		v.decline()
	case v.in["do"] == "join":
		v.accept()
	default:
		v.fail(http.StatusBadRequest, auth.ReasonBadRequest)
	}
}

// decline closes the invitation.
func (v *visit) decline() {
	a, err := v.h.auth.Decline(v.r.Context(), v.linkOf(joinLinks()), v.client)
	switch {
	case errors.Is(err, session.ErrNotFound):
		v.signInFirst(joinLinks().path)
	case err != nil:
		v.broken(err)
	case a.Reason != "":
		v.showInvitee(http.StatusUnprocessableEntity, a.Reason)
	default:
		v.forgetLink(joinLinks())
		v.rememberLanguage()
		if v.program {
			v.json(http.StatusOK, inviteeAnswer{Declined: true, Links: v.links()})
			return
		}
		q := url.Values{"done": {"declined"}}
		if v.chosen() != "" {
			q.Set("lang", v.chosen())
		}
		to := url.URL{Path: v.h.prefix + joinLinks().path, RawQuery: q.Encode()}
		v.redirect(to.String())
	}
}

// accept joins the company. That is a step-up: the company may ask for more than the session was made with.
func (v *visit) accept() {
	link := v.linkOf(joinLinks())
	v.of(auth.StepUp)
	step, err := v.h.auth.StepUp(v.r.Context(), auth.StepUpOpening{
		Action: auth.ActionJoin, Link: link, ReturnTo: v.h.auth.ReturnTo(v.h.home), Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	switch {
	case errors.Is(err, auth.ErrFlowGone):
		v.atJoin()
		v.signInFirst(joinLinks().path)
	case err == nil && step.Token == "" && !v.program: // it cannot be accepted, or not now: its page says so
		v.atJoin()
		if step.RetryAfter > 0 {
			v.w.Header().Set("Retry-After", seconds(step.RetryAfter))
		}
		v.showInvitee(statusOf(step.Reason), step.Reason)
	default:
		if err == nil && step.Stage == auth.StageReady && step.Reason == "" {
			v.forgetLink(joinLinks())
		}
		v.answer(auth.Ref{Token: step.Token, ID: step.Flow.ID, Version: step.Flow.Version}, step, err)
	}
}

// statusOf is the status of an answer that refuses for a reason.
func statusOf(why auth.Reason) int {
	switch why {
	case auth.ReasonTooManyAttempts:
		return http.StatusTooManyRequests
	case auth.ReasonBusy:
		return http.StatusServiceUnavailable
	case auth.ReasonForbidden:
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}

// otherSignIn is the first page, for whoever signs in next, with where that leads.
func (v *visit) otherSignIn(returnTo string) string {
	q := url.Values{"switch": {"other"}, "return_to": {returnTo}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + roomOf(auth.SignIn).page, RawQuery: q.Encode()}
	return to.String()
}

// showActivate answers where the way from an invitation to a first password stands. It changes nothing.
func (h *Handler) showActivate(v *visit) {
	v.of(auth.Activate)
	v.here.RawQuery = v.kept().Encode()
	step, err := h.auth.Current(v.r.Context(), v.flow, v.client)
	switch {
	case errors.Is(err, auth.ErrFlowGone) && v.program:
		v.gone()
	case errors.Is(err, auth.ErrFlowGone):
		v.redirect(inLanguage(h.prefix+joinLinks().path, v.chosen()))
	case err != nil:
		v.broken(err)
	default:
		v.showStep(http.StatusOK, step)
	}
}

// openInvitation begins that way.
func (h *Handler) openInvitation(v *visit) {
	v.of(auth.Activate)
	if !v.fitsLink(joinLinks()) {
		v.atJoin()
		v.showInvitee(http.StatusConflict, auth.ReasonFlowChanged)
		return
	}
	v.openLink(joinLinks(), h.auth.OpenInvitation)
}
