package web

import (
	"errors"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
)

// showReset answers where a reset stands, or whether the mailed link that somebody comes with counts. It consumes nothing.
func (h *Handler) showReset(v *visit) {
	v.of(auth.Reset)
	v.here.RawQuery = v.kept().Encode()
	v.showsView()
	if !v.tookLink(resetLinks(), v.resetCounts) {
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
	if v.linkOf(resetLinks()) == "" {
		return "", auth.ReasonResetExpired, nil
	}
	return v.h.auth.CheckReset(v.r.Context(), v.linkOf(resetLinks()))
}

// resetPage is the page of a link.
func (v *visit) resetPage(frame Frame) (Page, error) {
	whose, dead, err := v.reset()
	frame.Notice, frame.LinkID = "", fingerprint(v.linkOf(resetLinks()))
	return &ResetPage{Frame: frame, Valid: dead == "", Reason: dead, Email: whose}, err
}

// openReset begins the reset that a link allows, in the place of one under way.
func (h *Handler) openReset(v *visit) {
	v.of(auth.Reset)
	if !v.fitsLink(resetLinks()) {
		v.resetStands(http.StatusConflict, auth.ReasonFlowChanged)
		return
	}
	v.openLink(resetLinks(), h.auth.OpenReset)
}
