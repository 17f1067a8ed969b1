package web

import (
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
)

// twoStepAnswer is how a person stands with two-step verification.
type twoStepAnswer struct {
	On        bool   `json:"on"`
	Since     string `json:"since,omitempty"`
	Required  bool   `json:"required"`
	CodesLeft *int   `json:"recovery_codes_left,omitempty"` // nil: there are none in this product, or no app
}

// twoStepPageAnswer is the page for a program.
type twoStepPageAnswer struct {
	TwoStep       twoStepAnswer `json:"two_step"`
	RecoveryCodes []string      `json:"recovery_codes,omitempty"` // in the one answer that makes them
	Reason        auth.Reason   `json:"reason,omitempty"`
	Message       string        `json:"message,omitempty"`
	Links         links         `json:"links"`
}

func answerOfTwoStep(s auth.TwoStepState) twoStepAnswer {
	a := twoStepAnswer{On: s.On(), Required: s.Required}
	if s.On() {
		a.Since = stamp(s.Since)
		if !s.NoCodes {
			a.CodesLeft = &s.CodesLeft
		}
	}
	return a
}

// showTwoStep shows how the person stands with two-step verification.
func (h *Handler) showTwoStep(v *visit) {
	if p, ok := v.signedInAs(twoStepPath); ok {
		v.answerTwoStep(http.StatusOK, p, "")
	}
}

// turnOnTwoStep begins the set-up of an app.
func (h *Handler) turnOnTwoStep(v *visit) { h.setUpTwoStep(v, auth.ActionTwoStep) }

// replaceApp begins the set-up of another phone.
func (h *Handler) replaceApp(v *visit) { h.setUpTwoStep(v, auth.ActionNewPhone) }

// setUpTwoStep begins a step-up that leads to the dialogs. Whoever has turned two-step verification on in another tab sees so.
func (h *Handler) setUpTwoStep(v *visit, action auth.Action) {
	p, ok := v.signedInAs(twoStepPath)
	if !ok {
		return
	}
	state, err := h.auth.TwoStep(v.r.Context(), p.UserID)
	switch {
	case err != nil:
		v.broken(err)
	case state.On() && action == auth.ActionTwoStep:
		v.showTwoStepState(http.StatusOK, state, "")
	case !state.On() && action == auth.ActionNewPhone:
		v.showTwoStepState(http.StatusUnprocessableEntity, state, auth.ReasonNotEnrolled)
	default:
		v.beginStepUp(action, twoStepPath)
	}
}

// beginStepUp begins a step-up that leads back to a page of my account.
func (v *visit) beginStepUp(action auth.Action, back string) {
	v.of(auth.StepUp)
	step, err := v.h.auth.StepUp(v.r.Context(), auth.StepUpOpening{
		Action: action, ReturnTo: v.h.prefix + back, Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	v.issued = step.Token
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// turnOffTwoStep takes the app and the recovery codes away.
func (h *Handler) turnOffTwoStep(v *visit) {
	p, ok := v.signedInAs(twoStepPath)
	if !ok {
		return
	}
	reason, err := h.auth.TurnOffTwoStep(v.r.Context(), p.Session, v.client)
	switch {
	case err != nil:
		v.broken(err)
	case reason == auth.ReasonProofRequired:
		v.proofFirst(twoStepPath + "#off")
	case reason != "":
		v.answerTwoStep(http.StatusUnprocessableEntity, p, reason)
	case v.program:
		v.answerTwoStep(http.StatusOK, p, "")
	default:
		v.done(twoStepPath, "off", "")
	}
}

// newRecoveryCodes makes new recovery codes and shows them this once. What could still fail comes before.
func (h *Handler) newRecoveryCodes(v *visit) {
	p, ok := v.signedInAs(twoStepPath)
	if !ok {
		return
	}
	state, err := h.auth.TwoStep(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	codes, reason, err := h.auth.NewRecoveryCodes(v.r.Context(), p.Session, v.client)
	switch {
	case err != nil:
		v.broken(err)
	case reason == auth.ReasonProofRequired:
		v.proofFirst(twoStepPath + "#codes")
	case reason != "":
		v.showTwoStepState(http.StatusUnprocessableEntity, state, reason)
	case v.program:
		state.CodesLeft = len(codes)
		v.json(http.StatusOK, twoStepPageAnswer{TwoStep: answerOfTwoStep(state), RecoveryCodes: codes, Links: v.twoStepLinks(state)})
	default:
		v.rememberLanguage()
		v.show(http.StatusOK, &RecoveryCodesPage{Codes: codes, Next: v.address(twoStepPath, "")})
	}
}

// answerTwoStep shows how the person stands now, and why nothing was changed, if so.
func (v *visit) answerTwoStep(status int, p person, reason auth.Reason) {
	state, err := v.h.auth.TwoStep(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	v.showTwoStepState(status, state, reason)
}

func (v *visit) showTwoStepState(status int, state auth.TwoStepState, reason auth.Reason) {
	if v.program {
		a := twoStepPageAnswer{TwoStep: answerOfTwoStep(state), Reason: reason, Links: v.twoStepLinks(state)}
		if reason != "" {
			a.Message = v.message(reason, 0)
		}
		v.json(status, a)
		return
	}
	page := &AccountTwoStepPage{TwoStep: state, Since: Moment{state.Since, v.h.auth.Now()}}
	if reason != "" {
		page.Problem = v.refusal(reason)
	} else if !state.On() {
		page.Notice = v.notice(twoStepPath)
	}
	v.show(status, page)
}

func (v *visit) twoStepLinks(s auth.TwoStepState) links {
	l := v.links()
	at := v.h.prefix + twoStepPath
	l["account"] = v.h.prefix + homePath
	if !s.On() {
		l["on"] = at + "/on"
		return l
	}
	l["newdevice"] = at + "/newdevice"
	if !s.NoCodes {
		l["codes"] = at + "/codes"
	}
	if !s.Required {
		l["off"] = at + "/off"
	}
	return l
}
