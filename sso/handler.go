package sso

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// HandlerConfig says what a Handler works with.
type HandlerConfig struct {
	Manager *Manager // required

	// Done gets who has signed in, on a request of the browser that asked for it, and answers that request: it makes the host's session
	// and goes on. Required.
	Done func(w http.ResponseWriter, r *http.Request, id Identity)

	// Failed answers a sign-in that did not work out: err is a *Refusal, or something is broken. reference is new and says nothing: for
	// the page, and for a log that tells what err is. Nil: a plain page in English.
	Failed func(w http.ResponseWriter, r *http.Request, err error, reference string)

	// Ended ends sessions of the host's because a provider asks for it; see Manager.Remember. Nil: the provider is told that it failed.
	Ended func(ctx context.Context, sessions []SessionRef) error
}

// A Handler is the addresses of all connections over HTTP, for a program that does not use package auth. It makes no session: that is
// Done's. Mount it at the path of Config.BaseURL, with or without http.StripPrefix in front:
//
//	GET  /{id}/start      says where the person will go        POST /{id}/start  goes there; a field "email" is passed on as a hint
//	POST /{id}/acs        takes answers of SAML                GET  /{id}/callback  those of OpenID
//	GET  /{id}/metadata   is for the provider's administrators
//	GET|POST /{id}/slo    ends sessions
//	GET|POST /arrived     brings an answer that was posted by another site to the browser that asked for it
//
// An answer counts only in the browser that asked. What asked for nothing (Connection.IdPInitiated) is shown first, and counts when the
// person agrees.
type Handler struct {
	cfg        HandlerConfig
	m          *Manager
	path       string // of BaseURL
	mux        *http.ServeMux
	protection *http.CrossOriginProtection
	pages      pages
	prefix     string // of the names of cookies
	secure     bool
}

// NewHandler makes a Handler. Its error names the field.
func NewHandler(cfg HandlerConfig) (*Handler, error) {
	switch {
	case cfg.Manager == nil:
		return nil, errors.New("sso: HandlerConfig.Manager is required")
	case cfg.Done == nil:
		return nil, errors.New("sso: HandlerConfig.Done is required")
	}
	h := &Handler{cfg: cfg, m: cfg.Manager, prefix: "__Host-", secure: true, mux: http.NewServeMux()}
	base, err := url.Parse(h.m.base)
	if err != nil {
		return nil, fmt.Errorf("sso: reading the address of HandlerConfig.Manager: %w", err)
	}
	h.path = base.Path
	leadsTo := "https:"
	if base.Scheme == "http" {
		leadsTo = "https: http:"
		if h.m.cfg.InsecureHTTP {
			h.prefix, h.secure = "", false
		}
	}
	if h.pages, err = newPages(leadsTo); err != nil {
		return nil, err
	}
	h.protection = http.NewCrossOriginProtection()
	if err := h.protection.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil { // where a proxy changes Host
		return nil, fmt.Errorf("sso: the origin of HandlerConfig.Manager: %w", err)
	}
	h.mux.HandleFunc("GET /{id}/start", h.showStart)
	h.mux.HandleFunc("POST /{id}/start", h.own(h.start))
	h.mux.HandleFunc("POST /{id}/acs", h.acs)
	h.mux.HandleFunc("GET /{id}/callback", h.callback)
	h.mux.HandleFunc("GET /{id}/metadata", h.metadata)
	h.mux.HandleFunc("GET /{id}/slo", h.logout)
	h.mux.HandleFunc("POST /{id}/slo", h.logout)
	h.mux.HandleFunc("GET /arrived", h.arrived)
	h.mux.HandleFunc("POST /arrived", h.own(h.agreed))
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "same-origin") // not no-referrer: then browsers post forms with "Origin: null"
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		// The mux takes it for GET, which spends an answer here. Link checkers and previews must not.
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if h.path == "" {
		h.mux.ServeHTTP(w, r)
		return
	}
	if rest, found := strings.CutPrefix(r.URL.Path, h.path); found && strings.HasPrefix(rest, "/") {
		http.StripPrefix(h.path, h.mux).ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// own keeps other sites from posting what only pages of this site may.
func (h *Handler) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if h.protection.Check(r) != nil {
			h.pages.show(w, http.StatusForbidden, page{Title: "This did not come from here", Text: "Another site has sent this request. Nothing was done."})
			return
		}
		next(w, r)
	}
}

func (h *Handler) showStart(w http.ResponseWriter, r *http.Request) {
	c, err := h.m.Destination(r.Context(), r.PathValue("id"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	name := printable(c.Name)
	if name == "" {
		name = "your company"
	}
	h.pages.show(w, http.StatusOK, page{
		Title: "Sign in with " + name, Text: "You will sign in there, and come back here afterwards.",
		Action: h.path + "/" + c.ID + "/start", Button: "Continue",
	})
}

func (h *Handler) start(w http.ResponseWriter, r *http.Request) {
	msg, err := ReadMessage(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	plain, key := h.browser(r, browserCookie)
	if plain == "" {
		plain, key = token.New(token.SSOBrowser)
	}
	d, err := h.m.Begin(r.Context(), r.PathValue("id"), Opening{State: key[:], LoginHint: msg.Form.Get("email")})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.setCookie(w, browserCookie, plain)
	h.leave(w, r, d)
}

// leave sends the browser to a provider.
func (h *Handler) leave(w http.ResponseWriter, r *http.Request, d Departure) {
	if d.Post == nil {
		http.Redirect(w, r, d.URL, http.StatusSeeOther)
		return
	}
	h.pages.show(w, http.StatusOK, page{Title: "One moment", Action: d.Post.Action, Fields: d.Post.Fields, Button: "Continue", Submit: true})
}

// callback takes an answer that came by GET. The browser's cookies have come along.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) {
	msg, err := ReadMessage(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	a, err := h.m.Receive(r.Context(), r.PathValue("id"), msg)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	// Before Identity, which sends the code on: not even the provider hears of a code that came to another browser.
	if a.Unsolicited || !h.sameBrowser(r, browserCookie, a.State) {
		h.fail(w, r, h.m.refused(r.Context(), a.Connection, AnswerRefused, Event{Time: h.m.cfg.Now()}, &Refusal{Code: CodeBrowser}))
		return
	}
	id, _, err := a.Identity(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.cfg.Done(w, r, id)
}

// parked is an accepted answer that waits for its browser.
type parked struct {
	Browser     []byte // the key of its cookie
	Unsolicited bool
	Identity    Identity
}

// acs takes an answer that another site has posted. The browser's cookies have not come along, so it is parked until they do.
func (h *Handler) acs(w http.ResponseWriter, r *http.Request) {
	msg, err := ReadMessage(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	a, err := h.m.Receive(r.Context(), r.PathValue("id"), msg)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	id, _, err := a.Identity(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	p := parked{Browser: a.State, Unsolicited: a.Unsolicited, Identity: id}
	if a.Unsolicited {
		// A cookie of its own: the one of a sign-in that this browser has begun must outlast what others post here.
		plain, key := token.New(token.SSOBrowser)
		p.Browser = key[:]
		h.setCookie(w, agreeCookie, plain)
	}
	plain, key := token.New(token.SSOArrival)
	if err := h.m.keep(r.Context(), token.SSOArrival, key, id.Connection, p, h.m.cfg.Now()); err != nil {
		h.fail(w, r, err)
		return
	}
	if !a.Unsolicited {
		http.Redirect(w, r, h.path+"/arrived?"+url.Values{"answer": {plain}}.Encode(), http.StatusSeeOther)
		return
	}
	h.pages.show(w, http.StatusOK, page{
		Title: "Continue as " + id.Email + "?", Text: "Your company's sign-in has sent you here. If you did not come from there, close this page.",
		Action: h.path + "/arrived", Fields: []Field{{Name: "answer", Value: plain}}, Button: "Continue as " + id.Email,
	})
}

// arrived brings an answer together with the browser that asked for it.
func (h *Handler) arrived(w http.ResponseWriter, r *http.Request) {
	h.finish(w, r, r.URL.Query().Get("answer"), browserCookie, false)
}

// agreed is arrived for an answer that nobody had asked for.
func (h *Handler) agreed(w http.ResponseWriter, r *http.Request) {
	msg, err := ReadMessage(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.finish(w, r, msg.Form.Get("answer"), agreeCookie, true)
}

func (h *Handler) finish(w http.ResponseWriter, r *http.Request, plain, cookie string, unsolicited bool) {
	var p parked
	_, err := h.m.take(r.Context(), token.SSOArrival, plain, &p, h.m.cfg.Now())
	switch {
	case errors.Is(err, ErrNotFound):
		err = &Refusal{Code: CodeRequestUnknown}
	case err == nil && (p.Unsolicited != unsolicited || !h.sameBrowser(r, cookie, p.Browser)):
		c := Connection{ID: p.Identity.Connection, AccountID: p.Identity.AccountID}
		err = h.m.refused(r.Context(), c, AnswerRefused, Event{Time: h.m.cfg.Now(), Unsolicited: p.Unsolicited}, &Refusal{Code: CodeBrowser})
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if unsolicited {
		h.clearCookie(w, agreeCookie)
	}
	h.cfg.Done(w, r, p.Identity)
}

func (h *Handler) metadata(w http.ResponseWriter, r *http.Request) {
	doc, kind, err := h.m.Metadata(r.Context(), r.PathValue("id"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(doc)
}

func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	msg, err := ReadMessage(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	l, err := h.m.Logout(r.Context(), r.PathValue("id"), msg)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if l.Answered {
		http.Redirect(w, r, h.m.cfg.SignedOutURL, http.StatusSeeOther)
		return
	}
	ended := errors.New("sso: HandlerConfig.Ended is nil: no session of this host can be ended")
	if h.cfg.Ended != nil {
		ended = h.cfg.Ended(r.Context(), l.Sessions)
	}
	d, reply, err := l.Done(r.Context(), ended == nil)
	switch {
	case err != nil:
		h.fail(w, r, err)
	case reply:
		h.leave(w, r, d)
	case ended != nil:
		h.fail(w, r, fmt.Errorf("sso: ending sessions: %w", ended))
	}
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	reference := token.NewID()[:10]
	if h.cfg.Failed != nil {
		h.cfg.Failed(w, r, err, reference)
		return
	}
	p := page{Title: "You are not signed in", Text: "Please try again later.", Small: "Reference: " + reference}
	status := http.StatusServiceUnavailable
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		status, p.Text = http.StatusBadRequest, plainly(refusal.Public())
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrDisabled):
		status, p.Text = http.StatusNotFound, "There is no company sign-in at this address. Ask your administrator for the right one."
	}
	h.pages.show(w, status, p)
}

// plainly says a Reason to whoever stands before the page.
func plainly(r Reason) string {
	switch r {
	case ReasonExpired:
		return "This took too long, or began in another browser. Please sign in again."
	case ReasonReplayed:
		return "This sign-in was used before. Please sign in again."
	case ReasonUnsolicited:
		return "Please begin to sign in here, not at your company's page."
	case ReasonNoEmail:
		return "Your company did not tell us your e-mail address. Your administrator can change that."
	case ReasonDomainMismatch:
		return "Your company has sent an e-mail address that is not one of its own. Your administrator can help."
	}
	return "Your company's sign-in did not work. Please try again, or ask your administrator and tell them the reference below."
}

// Names of the cookies.
const (
	browserCookie = "sso"       // which browser has begun a sign-in
	agreeCookie   = "sso-agree" // which browser was asked whether to go on
)

// browser answers the token of a cookie and its key; empty: there is none, or there are two, of which somebody else has set one.
func (h *Handler) browser(r *http.Request, name string) (plain string, key [32]byte) {
	found := r.CookiesNamed(h.prefix + name)
	if len(found) != 1 {
		return "", key
	}
	key, ok := token.Lookup(token.SSOBrowser, found[0].Value)
	if !ok {
		return "", key
	}
	return found[0].Value, key
}

func (h *Handler) sameBrowser(r *http.Request, name string, want []byte) bool {
	plain, key := h.browser(r, name)
	return plain != "" && subtle.ConstantTimeCompare(key[:], want) == 1
}

func (h *Handler) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: h.prefix + name, Value: value, MaxAge: int(2 * requestLife / time.Second), // an answer, and the way from there
		Path: "/", Secure: h.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (h *Handler) clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: h.prefix + name, MaxAge: -1, Path: "/", Secure: h.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
