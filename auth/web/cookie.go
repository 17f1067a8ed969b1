package web

import (
	"net/http"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/sallyport-auth/sallyport/auth"
)

// The names of our cookies, without the prefix that makes browsers refuse them from anybody else.
const (
	flowCookie   = "flow"       // the token of the sign-in in progress; goes when the browser is closed
	stepUpCookie = "stepup"     // the same of a step-up
	resetCookie  = "reset"      // the same of a reset
	linkCookie   = "reset-link" // the token of the link in a mail, on its way from the address bar into a form
	deviceCookie = "device"     // the token of this browser's records

	activateCookie     = "activate"      // the token of the flow that leads from an invitation to a first password
	signUpCookie       = "signup"        // the same of a sign-up
	joinLinkCookie     = "join-link"     // the tokens of other mailed links on the same way
	signUpLink         = "signup-link"   //
	undoLinkCookie     = "undo-link"     //
	emailLinkCookie    = "email-link"    // the same of a link that confirms a new address
	recoveryLinkCookie = "recovery-link" // the same of a link that confirms a recovery address
	typedCookie        = "typed"         // an address typed into a form of my account that a proof has to come before
	askedCookie        = "asked"         // the address that a letter was asked for: the page that answers repeats it

	emailCookie = "signin-email" // the address of whoever asked to be kept signed in: fills the first page
	langCookie  = "signin-lang"  // the language chosen
	lastCookie  = "signin-last"  // the providers by which somebody has signed in here
	endedCookie = "signed-out"   // says nothing, and goes at once; see visit.forget
)

const day = 24 * time.Hour

// Lives of the cookies that outlast the browser.
const (
	deviceLife = 400 * day // the longest that browsers grant
	emailLife  = 180 * day
	langLife   = 365 * day
	lastLife   = 180 * day
	linkLife   = 10 * time.Minute
	joinLife   = time.Hour // whoever has an account signs in on the way
	askedLife  = 15 * time.Minute
)

// cookies reads and writes all cookies but the session's, which session.Manager does.
type cookies struct {
	prefix string
	secure bool
	codecs map[string][]securecookie.Codec // of the hints, by name: the first seals, all open
}

func newCookies(m *auth.Manager) cookies {
	c := cookies{prefix: "__Host-", secure: true, codecs: map[string][]securecookie.Codec{}}
	if m.InsecureHTTP() {
		c.prefix, c.secure = "", false
	}
	for name, life := range map[string]time.Duration{
		emailCookie: emailLife, langCookie: langLife, lastCookie: lastLife, askedCookie: askedLife, typedCookie: typedLife,
	} {
		for _, key := range m.Secret("web cookies", 64) {
			codec := securecookie.New(key[:32], key[32:]).MaxAge(int(life / time.Second)).SetSerializer(securecookie.NopEncoder{})
			c.codecs[name] = append(c.codecs[name], codec)
		}
	}
	return c
}

// read answers the value of a cookie; empty: there is none. Two cookies of one name are none: no browser sends two of a
// __Host- name, so somebody else has set one of them, and which one cannot be told.
func (c cookies) read(r *http.Request, name string) string {
	found := r.CookiesNamed(c.prefix + name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// write sets a cookie. A life of zero ends with the browser.
func (c cookies) write(w http.ResponseWriter, name, value string, life time.Duration) {
	c.set(w, name, value, int(life/time.Second))
}

// clear makes the browser forget a cookie.
func (c cookies) clear(w http.ResponseWriter, name string) { c.set(w, name, "", -1) }

func (c cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.prefix + name, Value: value, MaxAge: maxAge,
		Path: "/", Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// hint sets a cookie that only this program can read. What it says is a convenience: nothing may depend on it.
func (c cookies) hint(w http.ResponseWriter, name, value string, life time.Duration) {
	sealed, err := securecookie.EncodeMulti(name, []byte(value), c.codecs[name][0])
	if err != nil {
		return // a value too long to keep; then there is no hint
	}
	c.write(w, name, sealed, life)
}

// open answers what a hint says; empty: nothing.
func (c cookies) open(r *http.Request, name string) string {
	sealed := c.read(r, name)
	if sealed == "" {
		return ""
	}
	var value []byte
	if err := securecookie.DecodeMulti(name, sealed, &value, c.codecs[name]...); err != nil {
		return ""
	}
	return string(value)
}
