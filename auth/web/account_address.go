package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// An addressPage is the page of one of a person's addresses: their own, or the recovery address. Either is changed by a link that is
// mailed to the new one, and that the person follows signed in.
type addressPage struct {
	path     string
	link     linkPage // that confirms the new address
	recovery bool
	ask      func(context.Context, session.Session, string, auth.Client) (auth.Answer, error)
	drop     func(context.Context, session.Session) error
	check    func(context.Context, string, auth.Client) (string, auth.Reason, error)
	confirm  func(context.Context, string, auth.Client) (auth.Done, auth.Answer, error)
	answer   func(v *visit, status int, p person, a auth.Answer) // shows the page, with what was wrong with the last form
}

// routes are those of the page and its link.
func (on addressPage) routes() []route {
	return []route{
		{http.MethodGet, on.path, on.show},
		{http.MethodPost, on.path, on.begin},
		{http.MethodPost, on.path + "/drop", on.takeBack},
		{http.MethodGet, on.link.path, on.showLink},
		{http.MethodPost, on.link.path, on.finish},
	}
}

// show shows the address and the change of it that is under way.
func (on addressPage) show(v *visit) {
	if p, ok := v.signedInAs(on.path); ok {
		on.answer(v, http.StatusOK, p, auth.Answer{})
	}
}

// begin begins a change: it has a link mailed to the address that was typed.
func (on addressPage) begin(v *visit) {
	p, ok := v.signedInAs(on.path)
	if !ok {
		return
	}
	a, err := on.ask(v.r.Context(), p.Session, v.in["email"], v.client)
	switch {
	case a.Reason == auth.ReasonProofRequired && err == nil:
		v.keepTyped(on.path, p)
		v.proofFirst(on.path)
	case err != nil, a.Reason != "":
		v.refused(a, err, on.path, func(status int) { on.answer(v, status, p, a) })
	default:
		v.forgetTyped()
		on.done(v, p, "asked")
	}
}

// takeBack takes back what begin began.
func (on addressPage) takeBack(v *visit) {
	p, ok := v.signedInAs(on.path)
	if !ok {
		return
	}
	if err := on.drop(v.r.Context(), p.Session); err != nil {
		v.broken(err)
		return
	}
	on.done(v, p, "dropped")
}

// done answers what was done on the page.
func (on addressPage) done(v *visit, p person, what string) {
	if v.program {
		on.answer(v, http.StatusOK, p, auth.Answer{})
		return
	}
	v.done(on.path, what, "")
}

// confirmAnswer is the page of a link that confirms an address, for a program.
type confirmAnswer struct {
	Email string `json:"email,omitempty"` // the address to confirm, where the link counts
	refusalAnswer
	Links links `json:"links"`
}

// showLink shows which address the link is about, to the person whose it is. Whoever is not signed in does that first: the link
// waits in its cookie meanwhile.
func (on addressPage) showLink(v *visit) {
	counts := func(token string) (bool, error) {
		_, why, err := on.check(v.r.Context(), token, v.client)
		if errors.Is(err, session.ErrNotFound) {
			return false, nil // nobody can tell before the sign-in
		}
		return why == "", err
	}
	v.here.Path = v.h.prefix + on.link.path
	if v.tookLink(on.link, counts) {
		return
	}
	if p, ok := v.signedInAs(on.link.path); ok {
		on.answerLink(v, http.StatusOK, p, auth.Answer{})
	}
}

// finish makes the address the person's.
func (on addressPage) finish(v *visit) {
	p, ok := v.signedInAs(on.link.path)
	if !ok {
		return
	}
	if !v.fitsLink(on.link) {
		on.answerLink(v, http.StatusConflict, p, auth.Answer{Reason: auth.ReasonFlowChanged})
		return
	}
	done, a, err := on.confirm(v.r.Context(), v.linkOf(on.link), v.client)
	if err != nil || a.Reason != "" {
		v.refused(a, err, on.link.path, func(status int) { on.answerLink(v, status, p, a) })
		return
	}
	v.renewed(done)
	v.forgetLink(on.link)
	if !on.recovery {
		v.rememberAddress(done)
	}
	if !v.program {
		v.done(on.path, "changed", "")
		return
	}
	p.Session = done.Session
	if p.user, err = v.h.auth.User(v.r.Context(), p.UserID); err != nil {
		v.broken(err)
		return
	}
	on.answer(v, http.StatusOK, p, auth.Answer{})
}

// answerLink shows where a link leads, or why it counts no longer.
func (on addressPage) answerLink(v *visit, status int, p person, a auth.Answer) {
	to, dead, err := on.check(v.r.Context(), v.linkOf(on.link), v.client)
	switch {
	case errors.Is(err, session.ErrNotFound): // it has ended just now
		v.signInFirst(on.link.path)
		return
	case err != nil:
		v.broken(err)
		return
	}
	if a.Reason == "" {
		a.Reason = dead
	}
	if v.program {
		answer := confirmAnswer{Email: to, refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks()}
		if dead == "" {
			answer.Links["confirm"] = v.h.prefix + on.link.path
		}
		v.json(status, answer)
		return
	}
	page := &AccountConfirmPage{Email: p.user.Email, New: to, Recovery: on.recovery, Reason: dead, Back: v.address(on.path, "")}
	page.LinkID = fingerprint(v.linkOf(on.link))
	if a.Reason != dead {
		page.Problem = v.accountProblem(a)
	}
	v.show(status, page)
}
