package web

import (
	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
)

// recoveryAnswer is the address that a person's resets go to.
type recoveryAnswer struct {
	Email     string `json:"email,omitempty"`   // masked; empty: there is none, and they go to the person's own address
	Pending   string `json:"pending,omitempty"` // until it is confirmed
	CanChange bool   `json:"can_change"`
	refusalAnswer
	Links links `json:"links"`
}

// recoveryLinks are the links that confirm a recovery address.
func recoveryLinks() linkPage {
	return linkPage{path: recoveryPath + "/confirm", cookie: recoveryLinkCookie, life: typedLife}
}

// recoveryEmailPage is that of the recovery address.
func (h *Handler) recoveryEmailPage() addressPage {
	return addressPage{
		path: recoveryPath, link: recoveryLinks(), recovery: true, ask: h.auth.AskRecoveryEmail, drop: h.auth.DropRecoveryEmail,
		check: h.auth.CheckRecoveryEmail, confirm: h.auth.ConfirmRecoveryEmail, answer: (*visit).answerRecovery,
	}
}

// removeRecovery takes the recovery address away.
func (h *Handler) removeRecovery(v *visit) {
	p, ok := v.signedInAs(recoveryPath)
	if !ok {
		return
	}
	done, a, err := h.auth.RemoveRecoveryEmail(v.r.Context(), p.Session, v.client)
	switch {
	case a.Reason == auth.ReasonProofRequired && err == nil:
		v.proofFirst(recoveryPath + "#remove")
	case err != nil, a.Reason != "":
		v.refused(a, err, recoveryPath, func(status int) { v.answerRecovery(status, p, a) })
	default:
		v.renewed(done)
		h.recoveryEmailPage().done(v, p, "removed")
	}
}

// answerRecovery shows the recovery address, with what was wrong with the last form. The present one is masked: whoever finds a
// browser open must not learn which mailbox to go for next.
func (v *visit) answerRecovery(status int, p person, a auth.Answer) {
	ctx := v.r.Context()
	present, pending, err := v.h.auth.RecoveryEmail(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	state, err := v.h.auth.PasswordState(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	masked, can := address.Mask(present), v.h.auth.CanMail() && !state.SSO
	if v.program {
		answer := recoveryAnswer{Email: masked, Pending: pending, CanChange: can, refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks()}
		at := v.h.prefix + recoveryPath
		if can {
			answer.Links["recovery"] = at
		}
		if present != "" {
			answer.Links["remove"] = at + "/remove"
		}
		if pending != "" {
			answer.Links["drop"], answer.Links["confirm"] = at+"/drop", v.h.prefix+recoveryLinks().path
		}
		v.json(status, answer)
		return
	}
	page := &AccountRecoveryPage{
		Email: p.user.Email, Recovery: masked, Pending: pending, CanChange: can, SSO: state.SSO, New: v.typed(recoveryPath, p),
	}
	if a.Reason != "" {
		page.New, page.Problem = v.in["email"], v.accountProblem(a)
	} else {
		page.Notice = v.notice(recoveryPath)
	}
	v.show(status, page)
}
