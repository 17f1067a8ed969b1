package web

import (
	"net/http"
	"net/url"

	"github.com/sallyport-auth/sallyport/auth"
)

// undoLinks are the links that take a change of address, or of the recovery address, back.
func undoLinks() linkPage {
	return linkPage{path: "/undo", cookie: undoLinkCookie, life: linkLife}
}

// undoAnswer is what a program is told of such a link.
type undoAnswer struct {
	Email   string      `json:"email,omitempty"` // that counts then
	Undone  bool        `json:"undone"`
	Reason  auth.Reason `json:"reason,omitempty"`
	Message string      `json:"message,omitempty"`
	Links   links       `json:"links"`
}

// showUndo shows for which address a link takes a change back, and what happens then. It changes nothing, and nobody need be signed in.
func (h *Handler) showUndo(v *visit) {
	v.here = url.URL{Path: h.prefix + undoLinks().path, RawQuery: v.kept().Encode()}
	switch {
	case v.tookLink(undoLinks(), v.undoCounts):
	case v.in["done"] == "1" && v.linkOf(undoLinks()) == "" && !v.program:
		v.here.RawQuery = url.Values{"done": {"1"}}.Encode()
		v.show(http.StatusOK, &UndoPage{Done: true})
	default:
		v.undoStands(http.StatusOK, auth.Answer{})
	}
}

// undoCounts tells whether the link counts.
func (v *visit) undoCounts(token string) (bool, error) {
	_, why, err := v.h.auth.CheckUndo(v.r.Context(), token)
	return why == "", err
}

// undoStands shows the page of the link; a reason says why what was posted was not done.
func (v *visit) undoStands(status int, refused auth.Answer) {
	email, dead, err := v.h.auth.CheckUndo(v.r.Context(), v.linkOf(undoLinks()))
	if err != nil {
		v.broken(err)
		return
	}
	why := refused.Reason
	if why == "" || dead != "" {
		why = dead
	}
	if refused.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", seconds(refused.RetryAfter))
	}
	if v.program {
		a := undoAnswer{Email: email, Reason: why, Links: v.links()}
		if why != "" {
			a.Message = v.message(why, refused.RetryAfter)
		}
		if dead == "" {
			a.Links["undo"] = v.h.prefix + undoLinks().path
		}
		v.json(status, a)
		return
	}
	page := &UndoPage{Frame: Frame{LinkID: fingerprint(v.linkOf(undoLinks()))}, Email: email, Valid: dead == ""}
	if why != "" && page.Valid {
		page.Problem = &Problem{Reason: why, Message: v.message(why, refused.RetryAfter)}
	}
	v.show(status, page)
}

// undo takes the change back. Whoever is signed in as that person is signed out by it, in this browser too.
func (h *Handler) undo(v *visit) {
	v.here = url.URL{Path: h.prefix + undoLinks().path}
	if !v.fitsLink(undoLinks()) {
		v.undoStands(http.StatusConflict, auth.Answer{Reason: auth.ReasonFlowChanged})
		return
	}
	a, err := h.auth.UndoEmail(v.r.Context(), v.linkOf(undoLinks()), v.client)
	switch {
	case err != nil:
		v.broken(err)
	case a.Reason != "":
		v.undoStands(statusOf(a.Reason), a)
	case v.program:
		v.forgetLink(undoLinks())
		answer := undoAnswer{Undone: true, Message: v.text().Get("undo.done.text"), Links: v.links()}
		answer.Links["signin"] = h.prefix + "/signin"
		v.json(http.StatusOK, answer)
	default:
		v.forgetLink(undoLinks())
		v.rememberLanguage()
		q := url.Values{"done": {"1"}}
		if v.chosen() != "" {
			q.Set("lang", v.chosen())
		}
		to := url.URL{Path: h.prefix + undoLinks().path, RawQuery: q.Encode()}
		v.redirect(to.String())
	}
}
