package web

import "github.com/sallyport-auth/sallyport/auth"

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

// emailPage is that of the person's own address. Whether the new one is somebody else's makes no difference to anything that the asker
// is told.
func (h *Handler) emailPage() addressPage {
	return addressPage{
		path: emailPath, link: emailLinks(), ask: h.auth.AskEmail, drop: h.auth.DropEmail, check: h.auth.CheckEmail,
		confirm: h.auth.ConfirmEmail, answer: (*visit).answerEmail,
	}
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
