package main

import (
	_ "embed"
	"errors"
	"log"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/session"
)

//go:embed team.html
var teamHTML string

// A teamPage is who belongs to a company, for its administrators. It stands in for an admin centre.
type teamPage struct {
	Company     auth.Membership
	Me          string // user ID
	Members     []directory.Person
	Invitations []auth.Invitation
	Seats       []directory.Seats
	Roles       []auth.Role // that may be given
	Notice      string
	Problem     string
	Email, Name string // of a form that was refused

	SSO []directory.Domain // that have the company's own sign-in
}

// Moment is an instant as people read it.
func (teamPage) Moment(t time.Time) string { return moment(t) }

// Has tells whether a member has a seat for a product.
func (teamPage) Has(p directory.Person, product string) bool {
	return slices.Contains(p.Products, product)
}

// Expired tells whether an invitation is too old.
func (teamPage) Expired(i auth.Invitation) bool { return !time.Now().Before(i.ExpiresAt) }

// teamRoutes adds the page and its forms. Only administrators get there, with a proof of the last ten minutes.
func (p *product) teamRoutes(mux *http.ServeMux) {
	forms := http.NewCrossOriginProtection()
	for pattern, do := range map[string]func(*http.Request, session.Session, auth.Membership) (string, error){
		"POST /team/invite":  p.invite,
		"POST /team/resend":  p.resend,
		"POST /team/revoke":  p.revoke,
		"POST /team/suspend": p.suspend,
		"POST /team/restore": p.restore,
		"POST /team/seat":    p.seat,
	} {
		mux.Handle(pattern, forms.Handler(p.in.RequireRecent(p.administrators(func(w http.ResponseWriter, r *http.Request, s session.Session, m auth.Membership) {
			notice, err := do(r, s, m)
			if why := (*refused)(nil); errors.As(err, &why) {
				p.showTeam(w, r, s, m, http.StatusUnprocessableEntity, teamPage{Problem: why.Error(), Email: r.PostFormValue("email"), Name: r.PostFormValue("name")})
				return
			}
			if err != nil {
				log.Printf("team: %v", err)
				http.Error(w, "This did not work. Try again.", http.StatusInternalServerError)
				return
			}
			http.Redirect(w, r, "/team?done="+url.QueryEscape(notice), http.StatusSeeOther)
		}))))
	}
	mux.Handle("POST /team/sso", forms.Handler(p.in.RequireRecent(p.administrators(p.testConnection))))
	mux.Handle("GET /team", p.in.RequireRecent(p.administrators(func(w http.ResponseWriter, r *http.Request, s session.Session, m auth.Membership) {
		p.showTeam(w, r, s, m, http.StatusOK, teamPage{Notice: notices[r.URL.Query().Get("done")]})
	})))
}

// notices are what the page says after something was done.
var notices = map[string]string{
	"invited": "The invitation is on its way.", "resent": "Another letter is on its way. The link of the one before no longer works.",
	"revoked": "The invitation is taken back.", "suspended": "The person is shut out, and their sessions in this company have ended.",
	"restored": "The person may sign in again.", "seat": "The seats are changed.",
}

// A refused error says why something was not done.
type refused struct{ auth.Reason }

func (r *refused) Error() string {
	switch r.Reason {
	case auth.ReasonEmailInvalid:
		return "Enter an email address like name@example.com."
	case auth.ReasonUserExistsInAccount:
		return "This person is a member or invited already."
	case auth.ReasonNoSeatsLeft:
		return "No seat is left."
	case auth.ReasonForbidden:
		return "You may not do that: roles are given by super administrators, and nobody changes themselves."
	case auth.ReasonTooManyAttempts:
		return "A letter was sent just now. Wait a minute before you send another."
	case auth.ReasonLastSuperAdmin:
		return "A company keeps one super administrator."
	case auth.ReasonAccountExpired:
		return "The company's account has expired."
	}
	return "This cannot be done: " + string(r.Reason) + "."
}

// administrators lets the administrators of the session's company through.
func (p *product) administrators(next func(http.ResponseWriter, *http.Request, session.Session, auth.Membership)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		m, err := p.company(r, s)
		switch {
		case err != nil:
			log.Printf("team: %v", err)
			http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		case !administers(m):
			http.Error(w, "This page is for the administrators of your company.", http.StatusForbidden)
		default:
			next(w, r, s, m)
		}
	})
}

func administers(m auth.Membership) bool {
	return m.Usable() && (m.Role == auth.RoleAdmin || m.Role == auth.RoleSuperAdmin)
}

// company is the session's own; the zero Membership where it has none.
func (p *product) company(r *http.Request, s session.Session) (auth.Membership, error) {
	all, err := p.in.Memberships(r.Context(), s.UserID)
	for _, m := range all {
		if s.AccountID != "" && m.AccountID == s.AccountID {
			return m, err
		}
	}
	return auth.Membership{}, err
}

func (p *product) showTeam(w http.ResponseWriter, r *http.Request, s session.Session, m auth.Membership, status int, page teamPage) {
	people, err := p.people.People(r.Context(), m.AccountID)
	if err == nil {
		page.Seats, err = p.people.Seats(r.Context(), m.AccountID)
	}
	if err == nil {
		page.SSO, err = p.people.Domains(r.Context(), m.AccountID)
		page.SSO = slices.DeleteFunc(page.SSO, func(d directory.Domain) bool { return d.Connection == "" })
	}
	if err != nil {
		log.Printf("team: %v", err)
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	page.Company, page.Me, page.Members, page.Invitations = m, s.UserID, people.Members, people.Invitations
	page.Roles = rolesFor(m)
	servePage(w, status, teamHTML, page)
}

// rolesFor are the roles that an administrator may give. The library asks again.
func rolesFor(m auth.Membership) []auth.Role {
	if m.Role == auth.RoleSuperAdmin {
		return []auth.Role{auth.RoleMember, auth.RoleAdmin, auth.RoleSuperAdmin}
	}
	return []auth.Role{auth.RoleMember}
}

// invite is the Go API of invitations: who, as what, by whom.
func (p *product) invite(r *http.Request, s session.Session, m auth.Membership) (string, error) {
	n := auth.NewInvitation{
		AccountID: m.AccountID, Email: r.PostFormValue("email"), Name: r.PostFormValue("name"), Role: auth.Role(r.PostFormValue("role")),
		By: s.UserID,
	}
	if n.Role != "" && !slices.Contains(rolesFor(m), n.Role) {
		return "", &refused{auth.ReasonForbidden}
	}
	if product := r.PostFormValue("product"); product != "" {
		n.Products = []string{product}
	}
	_, _, a, err := p.in.Invite(r.Context(), n, auth.Client{UserAgent: r.UserAgent()})
	return "invited", answered(a, err)
}

func (p *product) resend(r *http.Request, _ session.Session, m auth.Membership) (string, error) {
	id, err := p.invitationOf(r, m)
	if err != nil {
		return "", err
	}
	_, _, a, err := p.in.SendInvitation(r.Context(), id, auth.Client{UserAgent: r.UserAgent()})
	return "resent", answered(a, err)
}

func (p *product) revoke(r *http.Request, _ session.Session, m auth.Membership) (string, error) {
	id, err := p.invitationOf(r, m)
	if err != nil {
		return "", err
	}
	return "revoked", answered(auth.Answer{}, p.in.RevokeInvitation(r.Context(), id, auth.Client{UserAgent: r.UserAgent()}))
}

// invitationOf is the invitation that a form names, if it is one of this company, to a role that the administrator may give.
func (p *product) invitationOf(r *http.Request, m auth.Membership) (string, error) {
	i, err := p.people.Invitation(r.Context(), r.PostFormValue("id"))
	by := directory.Member{AccountID: m.AccountID, Role: m.Role, State: m.State}
	if errors.Is(err, auth.ErrNotFound) || err == nil && (i.As.AccountID != m.AccountID || !by.MayManage(i.As.Role)) {
		return "", &refused{auth.ReasonForbidden}
	}
	return i.ID, err
}

func (p *product) suspend(r *http.Request, s session.Session, m auth.Membership) (string, error) {
	id := r.PostFormValue("id")
	if err := p.people.SuspendMember(r.Context(), s.UserID, m.AccountID, id); err != nil {
		return "", answered(auth.Answer{}, err)
	}
	return "suspended", p.in.EndMember(r.Context(), id, m.AccountID) // first the change, then the end
}

func (p *product) restore(r *http.Request, s session.Session, m auth.Membership) (string, error) {
	return "restored", answered(auth.Answer{}, p.people.RestoreMember(r.Context(), s.UserID, m.AccountID, r.PostFormValue("id")))
}

func (p *product) seat(r *http.Request, _ session.Session, m auth.Membership) (string, error) {
	change := p.people.TakeSeat
	if r.PostFormValue("do") == "free" {
		change = p.people.FreeSeat
	}
	return "seat", answered(auth.Answer{}, change(r.Context(), m.AccountID, r.PostFormValue("product"), r.PostFormValue("id")))
}

// answered turns what the library answers into an error: a refused one where a rule says no.
func answered(a auth.Answer, err error) error {
	var r auth.Refusal
	switch {
	case errors.As(err, &r):
		return &refused{auth.Reason(r)}
	case errors.Is(err, auth.ErrNotFound):
		return &refused{auth.ReasonForbidden}
	case err == nil && a.Reason != "":
		return &refused{a.Reason}
	}
	return err
}
