package web

import (
	"errors"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
)

// signUpLinks are the links of a sign-up.
func signUpLinks() linkPage {
	return linkPage{path: askSignUp().path, cookie: signUpLink, life: linkLife}
}

// signsUp tells whether people get accounts by themselves here.
func (h *Handler) signsUp() bool { return h.auth.Preset().SignUp != auth.SignUpOff }

// showSignUp answers where a sign-up stands: the form for the address, that a letter is on its way, the page of its link, or the flow
// that the link has begun. It changes nothing.
func (h *Handler) showSignUp(v *visit) {
	v.of(auth.SignUp)
	v.here.RawQuery = v.kept().Encode()
	switch {
	case !h.signsUp():
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
	case v.tookLink(signUpLinks(), v.signUpCounts):
	case v.in["sent"] != "" && v.showAsked(askSignUp()): // another letter was asked for since
	default:
		v.signUpStands(http.StatusOK, "")
	}
}

// signUpCounts tells whether the link of a sign-up counts.
func (v *visit) signUpCounts(token string) (bool, error) {
	_, why, err := v.h.auth.CheckSignUp(v.r.Context(), token)
	return why == "", err
}

// signUpStands shows the flow that is under way, else the link that is, else the form. A reason says why what was posted was not done.
func (v *visit) signUpStands(status int, why auth.Reason) {
	step, err := v.h.auth.Current(v.r.Context(), v.flow, v.client)
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
		return
	case err == nil:
	case v.linkOf(signUpLinks()) != "":
		step = auth.Step{Decision: auth.Decision{Stage: auth.StageAuthenticate, Offer: []auth.Method{auth.MethodEmailLink}}}
		_, dead, err := v.h.auth.CheckSignUp(v.r.Context(), v.linkOf(signUpLinks()))
		if err != nil {
			v.broken(err)
			return
		}
		if dead != "" {
			step = auth.Step{Decision: auth.Decision{Stage: auth.StageRefused, Reason: dead}}
		}
	default:
		v.showSignUpForm(status, "", why)
		return
	}
	if why != "" {
		v.why, step.Reason = step.Reason, why
	}
	v.showStep(status, step)
}

// signUp has a link mailed to the address that was posted; without one it opens the link that was.
func (h *Handler) signUp(v *visit) {
	v.of(auth.SignUp)
	switch {
	case !h.signsUp():
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	case !v.in.has("email"):
		v.openSignUp()
		return
	}
	why, err := h.auth.SignUp(v.r.Context(), v.in["email"], v.chosen(), v.client)
	switch {
	case err != nil:
		v.broken(err)
	case why != "":
		v.showSignUpForm(http.StatusUnprocessableEntity, v.in["email"], why)
	default:
		v.forgetLink(signUpLinks()) // the page would be that of the link before
		v.asked(askSignUp())
	}
}

// showSignUpForm shows the form, with what was wrong with the last one.
func (v *visit) showSignUpForm(status int, email string, why auth.Reason) {
	if v.program {
		v.json(status, v.askedAnswer(askSignUp(), why))
		return
	}
	v.show(status, &SignUpPage{Frame: v.askingFrame(why), Email: email})
}

// openSignUp begins the flow that a link allows, in the place of one under way.
func (v *visit) openSignUp() {
	if !v.fitsLink(signUpLinks()) {
		v.signUpStands(http.StatusConflict, auth.ReasonFlowChanged)
		return
	}
	v.openLink(signUpLinks(), v.h.auth.OpenSignUp)
}

// signUpPage is the page of a link.
func (v *visit) signUpPage(frame Frame) (Page, error) {
	email, dead, err := v.h.auth.CheckSignUp(v.r.Context(), v.linkOf(signUpLinks()))
	frame.Notice, frame.LinkID = "", fingerprint(v.linkOf(signUpLinks()))
	return &SignUpLinkPage{Frame: frame, Valid: dead == "", Reason: dead, Email: email}, err
}
