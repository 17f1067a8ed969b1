package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

//go:embed home.html
var homeHTML string

//go:embed reports.html
var reportsHTML string

//go:embed home.css
var homeCSS string

// homeData is what the page shows of a session.
type homeData struct {
	User    auth.User
	Company *auth.Membership // nil: none
	Session session.Session
	Via     string // the company whose own sign-in was used; empty: none
	At      string // the provider whose account was used; empty: none
	Why     []string
	SignOut string
	Switch  string
	Account string
	Mailbox string
	Team    bool // the person may see it
	Several bool // companies to switch between
}

// Lapses is until when a company works whose renewal is due; empty: it is not.
func (d homeData) Lapses() string {
	if d.Company == nil || d.Company.AccountState != auth.AccountLapsed {
		return ""
	}
	return d.Company.GraceEnds.Local().Format("2 January 2006")
}

// Expired tells whether the company has.
func (d homeData) Expired() bool {
	return d.Company != nil && d.Company.AccountState == auth.AccountExpired
}

// Renews tells whether the person may renew the company: who is let in by billing.
func (d homeData) Renews() bool {
	return d.Company != nil && d.Company.Role == auth.RoleSuperAdmin
}

// Moment is an instant as people read it.
func (homeData) Moment(t time.Time) string { return moment(t) }

func moment(t time.Time) string { return t.Local().Format("2 January 2006, 15:04:05") }

// Span is a length of time as people read it.
func (homeData) Span(d time.Duration) string {
	if hours := int(d.Hours()); hours < 48 {
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// home says who is signed in, how, since when, and why.
func (p *product) home(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	d, err := p.homeData(r, s)
	if err != nil {
		log.Printf("home: %v", err)
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	servePage(w, http.StatusOK, homeHTML, d)
}

func (p *product) homeData(r *http.Request, s session.Session) (homeData, error) {
	d := homeData{Session: s, SignOut: "/auth/signout", Switch: "/auth/signin?switch=1", Account: "/auth/account", Mailbox: "/dev/mail"}
	var err error
	if d.User, err = p.people.UserByID(r.Context(), s.UserID); err != nil {
		return d, err
	}
	memberships, err := p.in.Memberships(r.Context(), s.UserID)
	if err != nil {
		return d, err
	}
	for _, m := range memberships {
		if m.AccountID == s.AccountID && s.AccountID != "" {
			d.Company, d.Team = &m, administers(m)
		}
	}
	d.Several = len(memberships) > 1
	if s.Via != "" {
		c, err := p.companies.manager.Destination(r.Context(), s.Via)
		if err != nil {
			return d, err
		}
		d.Via = c.Name
	}
	for name := range s.Methods.All() {
		if id, ok := auth.Method(name).Social(); ok {
			from, _ := p.accounts.manager.Provider(id)
			d.At = cmp.Or(from.Name, id)
		}
	}
	d.Why, err = p.trail.why(r.Context(), s.ID)
	return d, err
}

// reports is a page of a product: the library lets only people through who have a seat for it.
func (p *product) reports(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	m, err := p.company(r, s)
	if err != nil {
		log.Printf("reports: %v", err)
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	servePage(w, http.StatusOK, reportsHTML, m)
}

func homeStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write([]byte(homeCSS))
}
