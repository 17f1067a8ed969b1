package web

import (
	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
)

// A Page is what a template or a Renderer is given: one of the …Page structs of this package, by pointer.
//
// Its forms are posted to addresses below Prefix: signin/identify (email, remember, return_to), signin/password (password; without
// a flow also email, remember and return_to), signin/account (account; empty on the ReadyPage), signin/restart, signin/cancel and
// signout. Every form posts lang, with Chosen; every form of a flow posts flow and version besides. An address that is shown but
// not asked for is called username.
type Page interface {
	// Template names the page's file among the templates: "identify" stands for identify.html. Each of these files is parsed
	// together with all files that belong to no page, so pages may define parts of one name and share the others. A page that
	// only defines parts is shown by layout.html; one with text of its own is the whole document.
	Template() string
	frame() *Frame
}

// A Frame is what every page has.
type Frame struct {
	Lang      string      // BCP 47 tag of the page's language
	Chosen    string      // the same if somebody chose it on a page: travels in every form as lang; empty: nobody did
	Dir       string      // "ltr" or "rtl"
	Text      locale.Text // the words of the page's language: {{.T "key" "name" "value"}}
	Product   string      // the host's name for itself
	Title     string      // of the document; begins with the word for "Error" after a refused form
	Prefix    string      // where the sign-in is mounted, as browsers see it: "/auth"
	Home      string      // where people land who have nowhere else to go
	Styles    Asset       // the style sheet, assets/style.css
	Script    Asset       // the script, assets/script.js, which only makes pages more comfortable
	Languages []Language  // the languages there are, for the switch at the foot of the page
	Help      string      // address of the help page
	Support   string      // the host's own support address; empty: hidden
	Problem   *Problem    // what was wrong with the last form; nil: nothing
	Notice    string      // something to know, which is not an error; empty: nothing
	Flow      string      // public id of the flow, for the form; empty: none
	Version   int64       // version of the flow, for the form
	ReturnTo  string      // travels in the forms that take an address or a password, so that a sign-in that ran out does not lose it

	assets map[string]Asset // by name
}

// Asset is a file of the assets folder by its name: {{(.Asset "logo.svg").URL}}. The zero Asset: there is none.
func (f *Frame) Asset(name string) Asset { return f.assets[name] }

// T is the text of a key, with its placeholders filled in pairs of name and value.
func (f *Frame) T(key string, pairs ...string) string { return f.Text.Get(key, pairs...) }

func (f *Frame) frame() *Frame { return f }

// An Asset is a file that a page loads, with the hash that the browser checks it by.
type Asset struct {
	URL       string
	Integrity string
}

// A Language is a link to the same page in another language.
type Language struct {
	Tag     string // "es"
	Name    string // "Español"
	URL     string
	Current bool
}

// A Problem is the summary on top of a form that was refused.
type Problem struct {
	Reason  auth.Reason
	Field   string // id of the field it is about; empty: none of them
	Message string
	Link    string // where to go instead; empty: nowhere
	Label   string // the words of Link
}

// IdentifyPage asks for the e-mail address.
type IdentifyPage struct {
	Frame
	Email    string
	Remember bool
	Keep     bool // the box "keep me signed in" is offered
}

// OnePagePage asks for e-mail and password together.
type OnePagePage struct {
	Frame
	Email    string
	Remember bool
	Keep     bool
}

// PasswordPage asks for the password of an address.
type PasswordPage struct {
	Frame
	Email string
}

// AccountPage lets a person choose a company.
type AccountPage struct {
	Frame
	Accounts []auth.AccountChoice
}

// ReadyPage lets a person go on whose sign-in needs nothing more: after something that was in the way has gone.
type ReadyPage struct {
	Frame
}

// StopPage says why there is no way on here: suspended, expired, no company, or the company's own sign-in is asked for.
type StopPage struct {
	Frame
	Reason auth.Reason
	Email  string
	Signed bool // something was proven: the person may be told
}

// SwitchPage shows who is signed in and lets them go on, or somebody else sign in.
type SwitchPage struct {
	Frame
	Name  string // how the person is greeted; empty: by Email
	Email string
	To    string // where Continue leads
	Other string // the first page, for somebody else
}

// SignedOutPage says that the session has ended.
type SignedOutPage struct {
	Frame
	SignedIn bool // somebody is signed in: the page has the button to sign out instead
}

// HelpPage is the help with signing in, the same for everybody.
type HelpPage struct {
	Frame
}

// ErrorPage says that a request could not be answered.
type ErrorPage struct {
	Frame
	Status    int
	Reason    auth.Reason
	Message   string
	Reference string // names this failure to support; empty: none
	Retry     string // where to try again
}

func (*IdentifyPage) Template() string  { return "identify" }
func (*OnePagePage) Template() string   { return "onepage" }
func (*PasswordPage) Template() string  { return "password" }
func (*AccountPage) Template() string   { return "account" }
func (*ReadyPage) Template() string     { return "ready" }
func (*StopPage) Template() string      { return "stop" }
func (*SwitchPage) Template() string    { return "switch" }
func (*SignedOutPage) Template() string { return "signedout" }
func (*HelpPage) Template() string      { return "help" }
func (*ErrorPage) Template() string     { return "error" }
