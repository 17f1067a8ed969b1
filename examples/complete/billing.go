package main

import (
	_ "embed"
	"log"
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

//go:embed billing.html
var billingHTML string

// billingRoutes adds the page that renews a company: where auth/web sends whoever may do that. It asks for no money.
func (p *product) billingRoutes(mux *http.ServeMux) {
	forms := http.NewCrossOriginProtection()
	mux.Handle("GET /billing", p.in.Require(p.billing(func(w http.ResponseWriter, _ *http.Request, m auth.Membership) {
		servePage(w, http.StatusOK, billingHTML, m)
	})))
	mux.Handle("POST /billing", forms.Handler(p.in.RequireRecent(p.billing(func(w http.ResponseWriter, r *http.Request, m auth.Membership) {
		if err := p.people.SetAccountState(r.Context(), m.AccountID, auth.AccountActive, time.Time{}); err != nil {
			log.Printf("billing: %v", err)
			http.Error(w, "This did not work. Try again.", http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))))
}

// billing lets the super administrators of the session's company through, whether or not it has expired.
func (p *product) billing(next func(http.ResponseWriter, *http.Request, auth.Membership)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		m, err := p.company(r, s)
		switch {
		case err != nil:
			log.Printf("billing: %v", err)
			http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		case m.State != auth.MemberActive || m.Role != auth.RoleSuperAdmin:
			http.Error(w, "This page is for the super administrators of your company.", http.StatusForbidden)
		default:
			next(w, r, m)
		}
	})
}
