package web

import "github.com/sallyport-auth/sallyport/sso"

// CompanyPage leads to a company's own sign-in. Its form is posted to Start, which leaves this site; on a Moves page the script posts it.
type CompanyPage struct {
	Frame
	Company   string // how people know it; empty: that cannot be told now
	Email     string // empty where nobody has typed one
	Start     string
	Moves     bool   // the script goes on by itself
	Reference string // of what went wrong just now; empty: nothing, or there is none
	Other     bool   // another address may be given instead
}

// CompanyIDPage asks for the address at a company that has its own sign-in.
type CompanyIDPage struct {
	Frame
	Email string
}

// AwayPage takes a browser to another site: its company's, to sign in or out there, or a provider's.
type AwayPage struct {
	Frame
	Provider string    // its name; empty: it is a company's
	Company  string    // empty as well: to sign out there
	URL      string    // where to
	Post     *sso.Form // what is posted there; nil: it is a link
}

// ArrivedPage asks whoever comes from a page of their company's, without having begun here, whether to go on. Its form is posted to
// signin/arrived.
type ArrivedPage struct {
	Frame
	Company string
	Email   string
	Other   string // who is signed in on this browser, and will be no longer; empty: nobody else
}

// LinkPage asks whether a company's sign-in, or an account elsewhere, is this person's from now on. Its form is posted to signin/link, with do,
// which is link or skip.
type LinkPage struct {
	Frame
	Company string
	Email   string   // of the account here
	Waiting *Waiting // the account elsewhere; nil: it is a company's sign-in
}

// TestedPage ends the test of a connection.
type TestedPage struct {
	Frame
	Company string
	Passed  bool
}

// Template implements Page.
func (*CompanyPage) Template() string { return "company" }

// Template implements Page.
func (*CompanyIDPage) Template() string { return "companyid" }

// Template implements Page.
func (*AwayPage) Template() string { return "away" }

// Template implements Page.
func (*ArrivedPage) Template() string { return "arrived" }

// Template implements Page.
func (*LinkPage) Template() string { return "link" }

// Template implements Page.
func (*TestedPage) Template() string { return "tested" }
