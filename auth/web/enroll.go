package web

import (
	"encoding/base64"
	"html/template"
)

// enrollBegin leaves the first dialog of the set-up of an app.
func (h *Handler) enrollBegin(v *visit) {
	ref := v.ref()
	step, err := h.auth.EnrollBegin(v.r.Context(), ref, v.client)
	v.answer(ref, step, err)
}

// enrollApp leaves the third: a key is made.
func (h *Handler) enrollApp(v *visit) {
	ref := v.ref()
	step, err := h.auth.EnrollApp(v.r.Context(), ref, v.client)
	v.answer(ref, step, err)
}

// enrollConfirm takes the first code of the new app.
func (h *Handler) enrollConfirm(v *visit) {
	ref := v.ref()
	v.view = viewSetupCode
	step, err := h.auth.EnrollConfirm(v.r.Context(), ref, v.in["code"], v.client)
	v.answer(ref, step, err)
}

// newDevice begins the set-up of another phone, for somebody who does not have theirs any more.
func (h *Handler) newDevice(v *visit) {
	ref := v.ref()
	step, err := h.auth.NewPhone(v.r.Context(), ref, v.client)
	v.answer(ref, step, err)
}

// picture is a PNG as an address that holds all of it: html/template would not let it be one.
func picture(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

// pageAddress is an address of our own making, of a kind that html/template does not know: otpauth.
func pageAddress(uri string) template.URL { return template.URL(uri) }
