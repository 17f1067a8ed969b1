package web

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// refusalAnswer is why a change of the account was not made, for a program. It is part of the page's own answer.
type refusalAnswer struct {
	Reason     auth.Reason `json:"reason,omitempty"`
	Field      string      `json:"field,omitempty"`
	Message    string      `json:"message,omitempty"`
	RetryAfter int         `json:"retry_after,omitempty"` // seconds
}

func (v *visit) refusalAnswer(a auth.Answer) refusalAnswer {
	if a.Reason == "" {
		return refusalAnswer{}
	}
	return refusalAnswer{
		Reason: a.Reason, Field: field(a.Reason), Message: v.message(a.Reason, a.RetryAfter), RetryAfter: wholeSeconds(a.RetryAfter),
	}
}

// refused answers a change of the account that was not made: the page again, by show, with the status of the reason. Somebody whose
// session has ended meanwhile signs in first, and comes back to the page.
func (v *visit) refused(a auth.Answer, err error, back string, show func(status int)) {
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, auth.ErrFlowGone):
		v.signInFirst(back)
		return
	case err != nil:
		v.broken(err)
		return
	}
	if a.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", seconds(a.RetryAfter))
	}
	switch a.Reason {
	case auth.ReasonTooManyAttempts:
		show(http.StatusTooManyRequests)
	case auth.ReasonBusy:
		show(http.StatusServiceUnavailable)
	case auth.ReasonForbidden:
		show(http.StatusForbidden)
	case auth.ReasonFlowChanged:
		show(http.StatusConflict)
	default:
		show(http.StatusUnprocessableEntity)
	}
}

// accountProblem is the summary of what was wrong with the last form of my account. The ids of its fields are those that password
// managers and browsers know.
func (v *visit) accountProblem(a auth.Answer) *Problem {
	ids := map[string]string{"current": "current-password", "password": "new-password"}
	name := field(a.Reason)
	return &Problem{Reason: a.Reason, Field: cmp.Or(ids[name], name), Message: v.message(a.Reason, a.RetryAfter)}
}

// renewed gives the browser the new tokens of a session in which something was changed.
func (v *visit) renewed(done auth.Done) {
	v.h.auth.SetSessionCookie(v.w, done)
	if done.Device != "" {
		v.h.cookies.write(v.w, deviceCookie, done.Device, deviceLife)
	}
}

// typedLife is how long an address that was typed waits for the proof that has to come first: as long as a step-up may take.
const typedLife = time.Hour

// keepTyped keeps an address that was typed into a form of my account while its owner proves once more who they are. Nothing that was
// posted is ever done by itself: the form comes back with the address in it.
func (v *visit) keepTyped(page string, p person) {
	v.h.cookies.hint(v.w, typedCookie, strings.Join([]string{page, p.ID, v.in["email"]}, "\n"), typedLife)
}

// typed is the address that waits for this page, if it was typed in this session.
func (v *visit) typed(page string, p person) string {
	kept := strings.SplitN(v.h.cookies.open(v.r, typedCookie), "\n", 3)
	if len(kept) != 3 || kept[0] != page || kept[1] != p.ID {
		return ""
	}
	return kept[2]
}

// forgetTyped lets go of what was kept, once its form was sent again.
func (v *visit) forgetTyped() {
	if v.h.cookies.read(v.r, typedCookie) != "" {
		v.h.cookies.clear(v.w, typedCookie)
	}
}

// accountLinks are those of every answer below my account.
func (v *visit) accountLinks() links {
	l := v.links()
	l["account"] = v.h.prefix + homePath
	return l
}
