package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
)

// askedAnswer is what a program is told that asks for a letter: the same for every address.
type askedAnswer struct {
	Sent    bool        `json:"sent"` // if there is somebody to send it to
	Reason  auth.Reason `json:"reason,omitempty"`
	Field   string      `json:"field,omitempty"`
	Message string      `json:"message,omitempty"`
	Links   links       `json:"links"`
}

// An asking is a page where somebody who need not be signed in asks for a letter with a link.
type asking struct {
	path string // below the prefix
	keys string // what the names of its texts begin with
}

// The askings there are.
func askForgot() asking { return asking{path: "/forgot", keys: "forgot"} }
func askSignUp() asking { return asking{path: "/signup", keys: "signup"} }

// showForgot shows the form for the address whose password was forgotten, or that it was sent.
func (h *Handler) showForgot(v *visit) {
	v.here = url.URL{Path: h.prefix + askForgot().path, RawQuery: v.kept().Encode()}
	if h.auth.CanMail() && v.showAsked(askForgot()) {
		return
	}
	email := ""
	if step, err := h.auth.Current(v.r.Context(), v.flow, v.client); err == nil {
		email, v.flowLang = step.Flow.Email, step.Flow.Lang
	}
	if email == "" {
		email = h.cookies.open(v.r, emailCookie)
	}
	v.showForgotForm(http.StatusOK, email, "")
}

// forgot has the way to a new password mailed. The answer does not depend on whether there is such a person.
func (h *Handler) forgot(v *visit) {
	v.here = url.URL{Path: h.prefix + askForgot().path, RawQuery: v.kept().Encode()}
	why, err := h.auth.Forgot(v.r.Context(), v.in["email"], v.chosen(), v.client)
	switch {
	case err != nil:
		v.broken(err)
	case why != "":
		v.showForgotForm(http.StatusUnprocessableEntity, v.in["email"], why)
	case !h.auth.CanMail():
		v.showForgotForm(http.StatusOK, v.in["email"], "")
	default:
		v.asked(askForgot())
	}
}

// showForgotForm shows the form, with what was wrong with the last one.
func (v *visit) showForgotForm(status int, email string, why auth.Reason) {
	if v.program {
		a := v.askedAnswer(askForgot(), why)
		if !v.h.auth.CanMail() {
			a.Message = v.text().Get("forgot.none.text")
			delete(a.Links, "forgot")
		}
		v.json(status, a)
		return
	}
	v.show(status, &ForgotPage{Frame: v.askingFrame(why), Email: email, Mails: v.h.auth.CanMail()})
}

// askingFrame says what was wrong with an address.
func (v *visit) askingFrame(why auth.Reason) Frame {
	if why == "" {
		return Frame{}
	}
	return Frame{Problem: &Problem{Reason: why, Field: field(why), Message: v.message(why, 0)}}
}

// asked answers somebody who has asked for a letter. The address travels to the page that says so in a cookie that only this program
// can read, for what stands in an address bar is kept in logs and histories.
func (v *visit) asked(a asking) {
	v.rememberLanguage()
	email := strings.TrimSpace(v.in["email"])
	if v.program {
		answer := v.askedAnswer(a, "")
		answer.Sent, answer.Message = true, v.text().Get(a.keys+".sent.lead", "to", email)
		v.json(http.StatusOK, answer)
		return
	}
	v.h.cookies.hint(v.w, askedCookie, email, askedLife)
	q := url.Values{"sent": {"1"}}
	if v.in.ticked("again") {
		q.Set("sent", "again")
	}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + a.path, RawQuery: q.Encode()}
	v.redirect(to.String())
}

// askedAnswer is that of somebody who has not asked yet, or was refused.
func (v *visit) askedAnswer(a asking, why auth.Reason) askedAnswer {
	answer := askedAnswer{Reason: why, Links: v.links()}
	if why != "" {
		answer.Field, answer.Message = field(why), v.message(why, 0)
	}
	answer.Links["signin"], answer.Links[a.path[1:]] = v.h.prefix+"/signin", v.h.prefix+a.path
	return answer
}

// showAsked shows that a letter is on its way, if one was asked for in this browser a moment ago.
func (v *visit) showAsked(a asking) bool {
	email := v.h.cookies.open(v.r, askedCookie)
	if v.program || email == "" || v.in["sent"] == "" {
		return false
	}
	page := &AskedPage{Email: email, SignsUp: a == askSignUp(), Again: v.h.prefix + a.path}
	if v.in["sent"] == "again" {
		page.Notice = v.text().Get("asked.again")
	}
	v.show(http.StatusOK, page)
	return true
}
