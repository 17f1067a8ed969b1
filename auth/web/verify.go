package web

import (
	"github.com/sallyport-auth/sallyport/auth"
)

// mailedCode takes a code that was mailed: for login verification, or in the set-up of an app.
func (h *Handler) mailedCode(v *visit) {
	ref := v.ref()
	step, err := h.auth.Code(v.r.Context(), ref, v.in["code"], v.client)
	v.answer(ref, step, err)
}

// resendCode mails another code.
func (h *Handler) resendCode(v *visit) {
	ref := v.ref()
	v.resends = true
	step, err := h.auth.ResendCode(v.r.Context(), ref, v.client)
	v.sent = err == nil && step.Reason == "" && !step.Flow.Code.SentAt.IsZero()
	v.answer(ref, step, err)
}

// totp takes a code of the person's app.
func (h *Handler) totp(v *visit) {
	ref := v.ref()
	step, err := h.auth.TOTP(v.r.Context(), ref, v.in["code"], v.in.ticked("trust"), v.client)
	v.answer(ref, step, err)
}

// recoveryCode takes a recovery code.
func (h *Handler) recoveryCode(v *visit) {
	ref := v.ref()
	v.view = viewRecovery
	step, err := h.auth.RecoveryCode(v.r.Context(), ref, v.in["code"], v.client)
	v.answer(ref, step, err)
}

// sendReset mails the way to a new password to somebody whose account is locked.
func (h *Handler) sendReset(v *visit) {
	ref := v.ref()
	step, err := h.auth.SendReset(v.r.Context(), ref, v.client)
	locked := err == nil && step.Stage == auth.StageRefused
	v.sent = locked && step.Reason == auth.ReasonAccountLocked && h.auth.CanMail()
	if locked && step.Reason == auth.ReasonTooManyAttempts {
		v.why = auth.ReasonAccountLocked // of what was asked for too often
	}
	v.answer(ref, step, err)
}
