package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
)

// showStepUp answers where a step-up stands, or asks for the first proof of one. It changes nothing. A return_to or an action that
// the one under way does not have begins another.
func (h *Handler) showStepUp(v *visit) {
	v.of(auth.StepUp)
	v.here.RawQuery = v.kept().Encode()
	v.showsView()
	step, err := h.auth.Current(v.r.Context(), v.flow, v.client)
	o := v.stepUpOpening()
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
	case err != nil, step.Reason == auth.ReasonSessionExpired,
		o.ReturnTo != "" && o.ReturnTo != step.Flow.ReturnTo, o.Action != "" && o.Action != step.Flow.Action:
		v.startStepUp(http.StatusOK, "")
	default:
		v.showStep(http.StatusOK, step)
	}
}

// stepUpOpening is what the visitor wants the step-up for.
func (v *visit) stepUpOpening() auth.StepUpOpening {
	o := auth.StepUpOpening{ReturnTo: v.h.auth.ReturnTo(v.in["return_to"]), Lang: v.chosen(), Replaces: v.flow}
	for _, a := range []auth.Action{auth.ActionTwoStep, auth.ActionNewPhone} {
		if v.in["action"] == string(a) {
			o.Action = a
		}
	}
	return o
}

// startStepUp shows the form that makes the flow; with a reason, why there is none any more. Where nothing more need be proven,
// the visitor is sent on.
func (v *visit) startStepUp(status int, why auth.Reason) {
	o := v.stepUpOpening()
	step, err := v.h.auth.PreviewStepUp(v.r.Context(), o, v.client)
	switch {
	case errors.Is(err, auth.ErrFlowGone):
		v.signInBefore(o)
	case err != nil:
		v.broken(err)
	case step.Stage == auth.StageReady:
		v.sendOn(o.ReturnTo)
	default:
		step.Flow.ID, step.Flow.Version = "", 0 // there is no such flow
		step.Reason = cmp.Or(step.Reason, why)
		v.showStep(status, step)
	}
}

// signInBefore answers somebody who is not signed in. Whoever signs in has proven it just now, so that leads to where the step-up
// would have led.
func (v *visit) signInBefore(o auth.StepUpOpening) {
	if v.program || o.ReturnTo == "" {
		v.signInFirst(homePath)
		return
	}
	q := url.Values{"return_to": {o.ReturnTo}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + roomOf(auth.SignIn).page, RawQuery: q.Encode()}
	v.redirect(to.String())
}

// stepUp makes the flow of a step-up, and tries the proof that came along.
func (h *Handler) stepUp(v *visit) {
	v.of(auth.StepUp)
	o := v.stepUpOpening()
	ctx := v.r.Context()
	step, err := h.auth.StepUp(ctx, o, v.client)
	if errors.Is(err, auth.ErrFlowGone) {
		v.signInBefore(o)
		return
	}
	ref := auth.Ref{Token: step.Token, ID: step.Flow.ID, Version: step.Flow.Version}
	v.issued = step.Token
	if v.in["way"] == string(viewRecovery) {
		v.view = viewRecovery
	}
	offered := func(m auth.Method) bool { return slices.Contains(step.Offer, m) }
	switch {
	case err != nil, step.Reason != "":
	case v.in.ticked("sso") && offered(auth.MethodSSO) && h.sso != nil:
		if d, away := h.auth.Depart(ctx, ref, step.Connection, v.client); away == nil {
			v.depart(d)
			return
		} else {
			err = away
		}
	case v.in["provider"] != "" && h.social != nil && offered(auth.SocialMethod(v.in["provider"])):
		if p, known := h.social.Provider(v.in["provider"]); known {
			d, away := h.auth.DepartSocial(ctx, ref, auth.Opening{}, p.ID, v.client)
			if away == nil && d.Handle != nil {
				v.departSocial(p, d)
				return
			}
			step, err = d.Step, away
		}
	case v.in.has("code") && v.view == viewRecovery && offered(auth.MethodRecoveryCode):
		step, err = h.auth.RecoveryCode(ctx, ref, v.in["code"], v.client)
	case v.in.has("code") && offered(auth.MethodTOTP):
		step, err = h.auth.TOTP(ctx, ref, v.in["code"], false, v.client)
	case v.in.has("password") && offered(auth.MethodPassword):
		step, err = h.auth.Password(ctx, ref, v.in["password"], v.client)
	case v.in.ticked("begin") && step.Dialog == 1: // the first dialog was seen already
		step, err = h.auth.EnrollBegin(ctx, ref, v.client)
	}
	v.answer(ref, step, err)
}

// restartStepUp makes another flow in the place of one that takes no more tries.
func (h *Handler) restartStepUp(v *visit, ref auth.Ref) {
	step, err := h.auth.Current(v.r.Context(), ref.Token, v.client)
	if err == nil && ref.ID != "" && ref.ID != step.Flow.ID {
		err = auth.ErrFlowChanged
	}
	if err != nil {
		v.answer(ref, step, err)
		return
	}
	if step.Flow.Action == auth.ActionJoin { // the flow does not know its link, and another tab may have brought that of another invitation
		in, err := v.h.auth.CheckInvitation(v.r.Context(), v.linkOf(joinLinks()), v.client)
		if err != nil {
			v.broken(err)
			return
		}
		if in.Invitation.ID != step.Flow.Invitation {
			if _, ok := v.dropped(); ok {
				v.begun("/join")
			}
			return
		}
	}
	step, err = h.auth.StepUp(v.r.Context(), auth.StepUpOpening{
		Action: step.Flow.Action, Target: step.Flow.Target, Link: v.linkOf(joinLinks()), Provider: step.Flow.Provider, ReturnTo: step.Flow.ReturnTo, Lang: step.Flow.Lang, Replaces: ref.Token,
	}, v.client)
	v.answer(auth.Ref{Token: step.Token}, step, err)
}
