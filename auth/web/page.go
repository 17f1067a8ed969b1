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
// (code), signin/enroll/begin, …/email (code), …/app, …/confirm (code), …/newdevice, signin/reset, signin/newpassword (password;
// name, company and signout where the page asks for them), signin/account (account; empty on the ReadyPage), signin/restart,
// signin/company (email, return_to), signin/arrived, signin/link (do, which is link or skip), social/{provider}/start (remember, return_to),
// signin/cancel, forgot (email; again, which is 1, on the AskedPage), signup (email; on the AskedPage again; on the SignUpLinkPage
// nothing), reset, activate, join (do, which is join or decline), undo, product (name) and signout. Every form posts lang, with
// Chosen; every form of a flow posts flow and version besides, and every form on the page of a mailed link posts link, with LinkID.
// An address that is shown but not asked for is called username.
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
	Forgot    string       // address of the page to ask for a new password; empty: nothing can be mailed
	SignUp    string       // address of the page to get an account; empty: nobody can by themselves
	Problem   *Problem     // what was wrong with the last form; nil: nothing
	Notice    string       // something to know, which is not an error; empty: nothing
	Flow      string       // public id of the flow, for the form; empty: none
	Version   int64        // version of the flow, for the form
	ReturnTo  string       // travels in the forms that take an address or a password, so that a sign-in that ran out does not lose it
	Purpose   auth.Purpose // what the flow is for; empty where there is none
	Action    auth.Action  // of a step-up: what it leads to
	LinkID    string       // of the page of a mailed link: tells it from other links; travels in its form as link
	CompanyID string       // address of the page for whoever has a company's own sign-in; empty: there are none
	At        string       // address of the flow's page, to which its links and pages come back; empty where there is no flow
	Connected string       // address of the page of connected accounts elsewhere; empty: nobody can have any

	titled string           // key of the title; empty: that of the template
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
	Keep     bool     // the box "keep me signed in" is offered
	Way      auth.Way // travels in the form as way; empty: it does not

	Providers []ProviderButton // accounts elsewhere that one can sign in with; nil: none
	Waiting   *Waiting         // the account that the person has come with, and that opens nothing yet; nil: none
	Reference string           // of what went wrong at a provider just now; empty: nothing, or there is none
}

// OnePagePage asks for e-mail and password together.
type OnePagePage struct {
	Frame
	Email    string
	Remember bool
	Keep     bool
	Way      auth.Way // as in IdentifyPage
	Company  string   // whose own sign-in is offered too; empty: that cannot be told now
	Start    string   // where that begins; empty: it is not offered

	Reference string           // of what went wrong there, or at a provider, just now; empty: nothing, or there is none
	Providers []ProviderButton // as in IdentifyPage, as the next
	Waiting   *Waiting
}

// PasswordPage asks for the password of an address; in a step-up, once more for that of whoever is signed in.
type PasswordPage struct {
	Frame
	Email   string
	Company string // as in OnePagePage, as all that follow
	Start   string

	Reference string
	Providers []ProviderButton
	Waiting   *Waiting
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

// MailCodePage asks for the code that was mailed because the sign-in is unusual, or because a provider does not speak for the address.
type MailCodePage struct {
	Frame
	Spent   bool // too many wrong codes: the flow has to begin anew
	Mailed  Mailed
	Waiting *Waiting // the account elsewhere whose address is to be proven; nil: the sign-in is unusual
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

// ForgotPage asks for the address of somebody who has forgotten the password.
type ForgotPage struct {
	Frame
	Email string
	Mails bool // letters can be sent; if not, the page says whom to ask instead
}

// AskedPage says that a letter is on its way, if there is somebody to send it to. It is the same for every address.
type AskedPage struct {
	Frame
	Email   string // as it was typed
	SignsUp bool   // of somebody who wants an account; else of somebody who has forgotten the password
	Again   string // where the form to send it again is posted
}

// SignUpPage asks for the address of somebody who wants an account.
type SignUpPage struct {
	Frame
	Email string
}

// SignUpLinkPage is where the link of a sign-up leads.
type SignUpLinkPage struct {
	Frame
	Valid  bool        // the link counts: there is a button to go on
	Reason auth.Reason // why it counts no longer; empty: it does
	Email  string      // that signs up
}

// JoinPage is where the link of an invitation leads: to a new account, to a sign-in, or to the buttons to join or decline.
type JoinPage struct {
	Frame
	Why      auth.Reason // why it counts no longer; then nothing below is filled in but Other. Empty: it counts
	Company  string
	Email    string // who is invited
	Role     auth.Role
	Products []string // seats that go with it
	Exists   bool     // the person has an account
	SSO      bool     // the person's company has its own sign-in: no password can be set
	SignedIn bool     // the person is signed in
	Other    string   // who else is signed in, by address; empty: nobody
	SignIn   string   // where the person signs in, and comes back from to this page
	Declined bool     // the invitation was declined just now; nothing else is filled in
}

// UndoPage is where the link leads that gives somebody back the address that they had.
type UndoPage struct {
	Frame
	Valid bool   // the link counts: there is a button to go on
	Email string // that comes back
	Done  bool   // it is back; nothing else is filled in
}

// ProductPage says why a product is not open to whoever is signed in, and what can be done.
type ProductPage struct {
	Frame
	Name     string      // of the product, as the host calls it
	Reason   auth.Reason // why it is shut; empty: it is open
	Company  string      // that the person works in; empty: none
	Contacts []Contact   // whom to turn to
	Asks     bool        // a seat can be asked for
	Asked    bool        // it was, just now
	Renews   bool        // the person may renew the company's account
	Renew    string      // where; empty: the host has said nothing of it
	Switch   string      // where another company is chosen; empty: there is no other
}

// A Contact is an administrator of a company.
type Contact struct {
	Name  string // empty: unknown
	Email string
}

// NewPasswordPage asks for a new password, or for somebody's first.
type NewPasswordPage struct {
	Frame
	Email       string
	Rules       []Rule
	AsksName    bool              // it is the first: there is a field for how the person is called
	Name        string            // what stands in it
	AsksCompany bool              // there is one for how their company is called
	Company     string            // what stands in it
	Joins       string            // the company that the person was invited to; empty: none
	SignOut     auth.ResetSignOut // whether there is the box "Sign out of all sessions", or what becomes of them; empty: nothing is said
	SignsOut    bool              // the box is ticked
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
	Reason   auth.Reason
	Email    string
	Signed   bool      // something was proven: the person may be told
	SignIn   string    // where to sign in again, because only that leads on; empty: it does not
	Contacts []Contact // whom to turn to in a company that has expired
	Mails    bool      // letters can be sent: a locked person gets a new password by mail, and else from an administrator
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
	Social bool // people sign in with accounts elsewhere, too
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
func (*ForgotPage) Template() string        { return "forgot" }
func (*AskedPage) Template() string         { return "asked" }
func (*SignUpPage) Template() string        { return "signup" }
func (*SignUpLinkPage) Template() string    { return "signuplink" }
func (*JoinPage) Template() string          { return "join" }
func (*UndoPage) Template() string          { return "undo" }
func (*ProductPage) Template() string       { return "product" }
func (*AccountPage) Template() string       { return "account" }
func (*ReadyPage) Template() string         { return "ready" }
func (*StopPage) Template() string          { return "stop" }
func (*SwitchPage) Template() string        { return "switch" }
func (*SignedOutPage) Template() string     { return "signedout" }
func (*HelpPage) Template() string          { return "help" }
func (*ErrorPage) Template() string         { return "error" }
