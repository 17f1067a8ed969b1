package web

import (
	"fmt"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// fail answers a request that cannot be answered as asked, through no fault of this program.
func (v *visit) fail(status int, reason auth.Reason) {
	v.refuse(status, reason, "")
}

// broken answers a request that failed because something here is broken: with a reference to it, and never with what it was.
func (v *visit) broken(err error) {
	v.keepFlow()
	v.refuse(http.StatusServiceUnavailable, auth.ReasonBroken, v.reported(err))
}

// reported tells the host of a failure, and answers the reference that it has.
func (v *visit) reported(err error) (reference string) {
	reference = token.NewID()
	if v.h.report != nil {
		v.h.report(v.r.Context(), Fault{Reference: reference, Method: v.r.Method, Path: v.r.URL.Path, Err: err})
	}
	return reference
}

func (v *visit) refuse(status int, reason auth.Reason, reference string) {
	message := v.message(reason, 0)
	if v.program {
		v.json(status, errorAnswer{Reason: reason, Message: message, Reference: reference, Links: v.links()})
		return
	}
	retry := "" // the page leads back to the sign-in
	if reason == auth.ReasonBroken && v.r.Method == http.MethodGet {
		retry = v.here.String()
	}
	v.show(status, &ErrorPage{Status: status, Reason: reason, Message: message, Reference: reference, Retry: retry})
}

// unrendered answers where even the page could not be made.
func (v *visit) unrendered(err error) {
	reference := v.reported(fmt.Errorf("web: rendering a page: %w", err))
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.w.WriteHeader(http.StatusServiceUnavailable)
	text := v.text()
	fmt.Fprintf(v.w, "%s\n%s\n", text.Get("reason.broken"), text.Get("error.reference", "reference", reference))
}
