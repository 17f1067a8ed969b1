package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// emailAnswer is a person's address, and the change of it that is under way.
type emailAnswer struct {
	Email     string `json:"email"`
	Pending   string `json:"pending,omitempty"` // the new address, until it is confirmed
	CanChange bool   `json:"can_change"`
	refusalAnswer
	Links links `json:"links"`
}

// emailLinks are the links that confirm another address. They wait as long as the sign-in that may have to come first.
func emailLinks() linkPage {
	return linkPage{path: emailPath + "/confirm", cookie: emailLinkCookie, life: typedLife}
}

// showEmail shows the person's address.
func (h *Handler) showEmail(v *visit) {
	if p, ok := v.signedInAs(emailPath); ok {
		v.answerEmail(http.StatusOK, p, auth.Answer{})
	}
}

// askEmail begins a change of the address. Whether the new one is somebody else's makes no difference to anything that the asker is
// told.
func (h *Handler) askEmail(v *visit) {
	p, ok := v.signedInAs(emailPath)
	if !ok {
		return
	}
	a, err := h.auth.AskEmail(v.r.Context(), p.Session, v.in["email"], v.client)
	switch {
	case a.Reason == auth.ReasonProofRequired && err == nil:
		v.keepTyped(emailPath, p)
		v.proofFirst(emailPath)
	case err != nil, a.Reason != "":
		v.refused(a, err, emailPath, func(status int) { v.answerEmail(status, p, a) })
	default:
		v.forgetTyped()
		v.changedEmail(p, "asked")
	}
}

// dropEmail takes back what askEmail began.
func (h *Handler) dropEmail(v *visit) {
	p, ok := v.signedInAs(emailPath)
	if !ok {
		return
	}
	if err := h.auth.DropEmail(v.r.Context(), p.Session); err != nil {
		v.broken(err)
		return
	}
	v.changedEmail(p, "dropped")
}

// changedEmail answers what was done on the page of the address.
func (v *visit) changedEmail(p person, what string) {
	if v.program {
		v.answerEmail(http.StatusOK, p, auth.Answer{})
		return
	}
	v.done(emailPath, what, "")
}

// answerEmail shows the address and the change that is under way, with what was wrong with the last form.
func (v *visit) answerEmail(status int, p person, a auth.Answer) {
	ctx := v.r.Context()
	pending, err := v.h.auth.PendingEmail(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	state, err := v.h.auth.PasswordState(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	can := v.h.auth.CanChangeEmail() && !state.SSO
	if v.program {
		answer := emailAnswer{Email: p.user.Email, Pending: pending, CanChange: can, refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks()}
		if can {
			answer.Links["email"] = v.h.prefix + emailPath
		}
		if pending != "" {
			answer.Links["drop"], answer.Links["confirm"] = v.h.prefix+emailPath+"/drop", v.h.prefix+emailLinks().path
		}
		v.json(status, answer)
		return
	}
	page := &AccountEmailPage{Email: p.user.Email, Pending: pending, CanChange: can, SSO: state.SSO, New: v.typed(emailPath, p)}
	if a.Reason != "" {
		page.New, page.Problem = v.in["email"], v.accountProblem(a)
	} else {
		page.Notice = v.notice(emailPath)
	}
	v.show(status, page)
}

// showEmailLink shows where the link in a letter to a new address leads: the button that confirms it.
func (h *Handler) showEmailLink(v *visit) { v.showConfirm(h.emailConfirmation()) }

// confirmEmail gives the person the address that a link is about.
func (h *Handler) confirmEmail(v *visit) { v.confirm(h.emailConfirmation()) }

func (h *Handler) emailConfirmation() confirmation {
	return confirmation{link: emailLinks(), page: emailPath, check: h.auth.CheckEmail, confirm: h.auth.ConfirmEmail}
}

// A confirmation is a mailed link by which somebody who is signed in confirms an address of theirs.
type confirmation struct {
	link     linkPage
	page     string // of the address
	recovery bool   // it is the recovery address
	check    func(context.Context, string, auth.Client) (string, auth.Reason, error)
	confirm  func(context.Context, string, auth.Client) (auth.Done, auth.Answer, error)
}

// confirmAnswer is the page of such a link for a program.
type confirmAnswer struct {
	Email string `json:"email,omitempty"` // the address to confirm, where the link counts
	refusalAnswer
	Links links `json:"links"`
}

// showConfirm shows which address the link is about, to the person whose it is. Whoever is not signed in does that first: the link
// waits in its cookie meanwhile.
func (v *visit) showConfirm(c confirmation) {
	counts := func(token string) (bool, error) {
		_, why, err := c.check(v.r.Context(), token, v.client)
		if errors.Is(err, session.ErrNotFound) {
			return false, nil // nobody can tell before the sign-in
		}
		return why == "", err
	}
	v.here.Path = v.h.prefix + c.link.path
	if v.tookLink(c.link, counts) {
		return
	}
	if p, ok := v.signedInAs(c.link.path); ok {
		v.answerConfirm(http.StatusOK, p, c, auth.Answer{})
	}
}

// confirm makes the address the person's.
func (v *visit) confirm(c confirmation) {
	p, ok := v.signedInAs(c.link.path)
	if !ok {
		return
	}
	if !v.fitsLink(c.link) {
		v.answerConfirm(http.StatusConflict, p, c, auth.Answer{Reason: auth.ReasonFlowChanged})
		return
	}
	done, a, err := c.confirm(v.r.Context(), v.linkOf(c.link), v.client)
	if err != nil || a.Reason != "" {
		v.refused(a, err, c.link.path, func(status int) { v.answerConfirm(status, p, c, a) })
		return
	}
	v.renewed(done)
	v.forgetLink(c.link)
	if !c.recovery {
		v.rememberAddress(done)
	}
	if !v.program {
		v.done(c.page, "changed", "")
		return
	}
	p.Session = done.Session
	p.user, err = v.h.auth.User(v.r.Context(), p.UserID)
	switch {
	case err != nil:
		v.broken(err)
	case c.recovery:
		v.answerRecovery(http.StatusOK, p, auth.Answer{})
	default:
		v.answerEmail(http.StatusOK, p, auth.Answer{})
	}
}

// rememberAddress puts the new address in the place of the old one that fills the first page of the next sign-in.
func (v *visit) rememberAddress(done auth.Done) {
	switch c := v.h.cookies; {
	case c.read(v.r, emailCookie) == "":
	case done.Session.Kept:
		c.hint(v.w, emailCookie, done.Email, emailLife)
	default:
		c.clear(v.w, emailCookie)
	}
}

// answerConfirm shows where a link leads, or why it counts no longer.
func (v *visit) answerConfirm(status int, p person, c confirmation, a auth.Answer) {
	to, dead, err := c.check(v.r.Context(), v.linkOf(c.link), v.client)
	switch {
	case errors.Is(err, session.ErrNotFound): // it has ended just now
		v.signInFirst(c.link.path)
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
			answer.Links["confirm"] = v.h.prefix + c.link.path
		}
		v.json(status, answer)
		return
	}
	page := &AccountConfirmPage{Email: p.user.Email, New: to, Recovery: c.recovery, Reason: dead, Back: v.address(c.page, "")}
	page.LinkID = fingerprint(v.linkOf(c.link))
	if a.Reason != dead {
		page.Problem = v.accountProblem(a)
	}
	v.show(status, page)
}
