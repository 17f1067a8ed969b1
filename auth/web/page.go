package web

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
)

// A Page is what a template or a Renderer is given: one of the …Page structs of this package, by pointer.
//
// Its forms are posted to addresses below Prefix: signin/identify (email, remember, return_to), signin/password (password; without
// a flow also email, remember and return_to), signin/code (code), signin/code/resend, signin/totp (code, trust), signin/recovery
// (code), signin/enroll/begin, …/email (code), …/app, …/confirm (code), …/newdevice, signin/reset, signin/newpassword (password),
// signin/account (account; empty on the ReadyPage), signin/restart, signin/cancel, reset and signout. Every form posts lang, with
// Chosen; every form of a flow posts flow and version besides. An address that is shown but not asked for is called username.
//
// A step-up of which no flow is made yet (Frame.Begins) posts to At instead: return_to, action, and password or code (with way, which
// is "recovery" for a recovery code) or begin, which is 1.
type Page interface {
	// Template names the page's file among the templates: "identify" stands for identify.html. Each of these files is parsed
	// together with all files that belong to no page, so pages may define parts of one name and share the others. A page that
	// only defines parts is shown by layout.html; one with text of its own is the whole document.
	Template() string
	frame() *Frame
}

// A Frame is what every page has.
type Frame struct {
	Lang      string       // BCP 47 tag of the page's language
	Chosen    string       // the same if somebody chose it on a page: travels in every form as lang; empty: nobody did
	Dir       string       // "ltr" or "rtl"
	Text      locale.Text  // the words of the page's language: {{.T "key" "name" "value"}}
	Product   string       // the host's name for itself
	Title     string       // of the document; begins with the word for "Error" after a refused form
	Prefix    string       // where the sign-in is mounted, as browsers see it: "/auth"
	Home      string       // where people land who have nowhere else to go
	Styles    Asset        // the style sheet, assets/style.css
	Script    Asset        // the script, assets/script.js, which only makes pages more comfortable
	Languages []Language   // the languages there are, for the switch at the foot of the page
	Help      string       // address of the help page
	Support   string       // the host's own support address; empty: hidden
	Problem   *Problem     // what was wrong with the last form; nil: nothing
	Notice    string       // something to know, which is not an error; empty: nothing
	Flow      string       // public id of the flow, for the form; empty: none
	Version   int64        // version of the flow, for the form
	ReturnTo  string       // travels in the forms that take an address or a password, so that a sign-in that ran out does not lose it
	Purpose   auth.Purpose // what the flow is for; empty where there is none
	Action    auth.Action  // of a step-up: what it leads to
	LinkID    string       // of the page of a mailed link: tells it from other links; travels in its form as link
	At        string       // address of the flow's page, to which its links and pages come back; empty where there is no flow

	assets map[string]Asset // by name
}

// Asset is a file of the assets folder by its name: {{(.Asset "logo.svg").URL}}. The zero Asset: there is none.
func (f *Frame) Asset(name string) Asset { return f.assets[name] }

// T is the text of a key, with its placeholders filled in pairs of name and value.
func (f *Frame) T(key string, pairs ...string) string { return f.Text.Get(key, pairs...) }

// Begins tells whether the page is that of a step-up of which no flow is made yet: its form makes it.
func (f *Frame) Begins() bool { return f.Purpose == auth.StepUp && f.Flow == "" }

// Link is the address of the flow's page with something more in its query, which says which of the stage's pages to show. It goes on
// in the language chosen, and in a step-up of which no flow is made yet with what that is for.
func (f *Frame) Link(name, value string) string {
	q := url.Values{}
	if f.Begins() && f.ReturnTo != "" {
		q.Set("return_to", f.ReturnTo)
	}
	if f.Begins() && f.Action != "" {
		q.Set("action", string(f.Action))
	}
	if f.Chosen != "" {
		q.Set("lang", f.Chosen)
	}
	if name != "" {
		q.Set(name, value)
	}
	to := url.URL{Path: f.At, RawQuery: q.Encode()}
	return to.String()
}

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

// PasswordPage asks for the password of an address; in a step-up, once more for that of whoever is signed in.
type PasswordPage struct {
	Frame
	Email string
}

// AccountPage lets a person choose a company.
type AccountPage struct {
	Frame
	Accounts []auth.AccountChoice
}

// Mailed is what a page says of a code that was mailed.
type Mailed struct {
	To      string // where: masked in a sign-in, in full where something is set up
	Sent    bool   // false: none could be mailed yet
	Wait    int    // seconds until it may be sent again
	Minutes int    // for which it counts yet; zero: no longer
}

// Progress says how far the set-up of an app has come.
type Progress struct {
	Dialog, All int
}

// MailCodePage asks for the code that was mailed because the sign-in is unusual.
type MailCodePage struct {
	Frame
	Spent  bool // too many wrong codes: the flow has to begin anew
	Mailed Mailed
}

// AppCodePage asks for the code of the person's authenticator app.
type AppCodePage struct {
	Frame
	Spent    bool // too many wrong codes: the flow has to begin anew
	TrustBox bool // the box that spares this device the code for 30 days is offered
	Trust    bool // it was ticked
	NewPhone bool // "set up a new mobile device" is offered
	Recovery bool // so is a recovery code
}

// RecoveryPage asks for a recovery code.
type RecoveryPage struct {
	Frame
	Spent    bool // too many wrong codes: the flow has to begin anew
	NewPhone bool // the code leads to the set-up of another phone
	App      bool // the app's code is offered too
}

// EnrollStartPage is the first dialog of two-step set-up: what comes.
type EnrollStartPage struct {
	Frame
	Progress Progress
	Replaces bool // another phone is paired already, and stops working at the end
}

// EnrollMailPage is the second: the code that was mailed.
type EnrollMailPage struct {
	Frame
	Progress Progress
	Spent    bool // too many wrong codes: the flow has to begin anew
	Mailed   Mailed
}

// EnrollAppPage is the third: install an app.
type EnrollAppPage struct {
	Frame
	Progress Progress
}

// EnrollScanPage is the fourth: the key of the app. Nothing shows it again once the app is set up.
type EnrollScanPage struct {
	Frame
	Progress Progress
	QR       template.URL // a picture of URI
	Key      string       // in groups of four
	URI      template.URL // opens an app on this device
	Email    string       // how the app names the account
}

// EnrollCodePage is the fifth: the app's first code.
type EnrollCodePage struct {
	Frame
	Progress Progress
	Spent    bool // the flow has to begin anew: too many wrong codes, or it took too long
}

// EnrollNextPage is the sixth: the app's next code, to sign in with.
type EnrollNextPage struct {
	Frame
	Progress Progress
	Spent    bool // too many wrong codes: the flow has to begin anew
}

// RecoveryCodesPage shows new recovery codes, this once.
type RecoveryCodesPage struct {
	Frame
	Codes []string
	Next  string // where Continue leads
}

// File is the codes as a text file, in an address that holds all of it.
func (p *RecoveryCodesPage) File() template.URL {
	text := p.T("codes.file", "product", p.Product) + "\n\n" + strings.Join(p.Codes, "\n") + "\n"
	return template.URL("data:text/plain;charset=utf-8," + url.PathEscape(text))
}

// ResetPage is where the link of a reset leads.
type ResetPage struct {
	Frame
	Valid  bool        // the link counts: there is a button to go on
	Reason auth.Reason // why it counts no longer; empty: it does
	Email  string      // whose password it is for, masked; empty where it counts no longer
}

// NewPasswordPage asks for a new password.
type NewPasswordPage struct {
	Frame
	Email string
	Rules []Rule
}

// A Rule is one that a new password must meet.
type Rule struct {
	Text  string
	Unmet bool // by the one that was tried
}

// ReadyPage lets a person go on whose sign-in needs nothing more: after something that was in the way has gone.
type ReadyPage struct {
	Frame
}

// StopPage says why there is no way on here: suspended, expired, locked, no company, or the company's own sign-in is asked for.
type StopPage struct {
	Frame
	Reason auth.Reason
	Email  string
	Signed bool // something was proven: the person may be told
	Mails  bool // letters can be sent: a locked person gets a new password by mail, and else from an administrator
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

func (*IdentifyPage) Template() string      { return "identify" }
func (*OnePagePage) Template() string       { return "onepage" }
func (*PasswordPage) Template() string      { return "password" }
func (*MailCodePage) Template() string      { return "mailcode" }
func (*AppCodePage) Template() string       { return "appcode" }
func (*RecoveryPage) Template() string      { return "recovery" }
func (*EnrollStartPage) Template() string   { return "enrollstart" }
func (*EnrollMailPage) Template() string    { return "enrollmail" }
func (*EnrollAppPage) Template() string     { return "enrollapp" }
func (*EnrollScanPage) Template() string    { return "enrollscan" }
func (*EnrollCodePage) Template() string    { return "enrollcode" }
func (*EnrollNextPage) Template() string    { return "enrollnext" }
func (*RecoveryCodesPage) Template() string { return "codes" }
func (*ResetPage) Template() string         { return "reset" }
func (*NewPasswordPage) Template() string   { return "newpassword" }
func (*AccountPage) Template() string       { return "account" }
func (*ReadyPage) Template() string         { return "ready" }
func (*StopPage) Template() string          { return "stop" }
func (*SwitchPage) Template() string        { return "switch" }
func (*SignedOutPage) Template() string     { return "signedout" }
func (*HelpPage) Template() string          { return "help" }
func (*ErrorPage) Template() string         { return "error" }
