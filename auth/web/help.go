package web

import (
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
)

// helpAnswer is all the help there is for a program.
type helpAnswer struct {
	Links links `json:"links"`
}

// showHelp shows the help with signing in. It is the same for everybody.
func (h *Handler) showHelp(v *visit) {
	v.here.Path = h.prefix + "/help"
	if v.program {
		a := helpAnswer{Links: v.links()}
		a.Links["signin"], a.Links["account"] = h.prefix+"/signin", h.prefix+homePath
		v.strangerLinks(a.Links)
		v.json(http.StatusOK, a)
		return
	}
	v.show(http.StatusOK, &HelpPage{Social: h.social != nil})
}

// WellKnown serves /.well-known/change-password, where browsers and password managers look for the page to change a password, and
// leads there: it is in my account. Every other path is a real 404, for managers ask for one that cannot exist to find out whether the answers of a host can be believed. It is to be mounted at
// /.well-known/change-password, or at /.well-known/ where nothing else of the host lives there.
func (h *Handler) WellKnown() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r)
		switch {
		case r.URL.Path != "/.well-known/change-password":
			v.fail(http.StatusNotFound, auth.ReasonNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			v.fail(http.StatusMethodNotAllowed, auth.ReasonMethodNotAllowed)
		default:
			v.redirect(h.prefix + homePath + "/password")
		}
	})
}
