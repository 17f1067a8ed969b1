package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport/session"
)

// Require lets signed-in people through to next, which reads who it is with session.From. Others are sent to the sign-in page,
// and from there back to the page they asked for; programs (see WantsJSON) get 401 and a reason. A broken store answers 503:
// nobody is taken for signed out because the machine is broken.
func (m *Manager) Require(next http.Handler) http.Handler { return m.sessions.Require(next) }

// Authenticate answers the session of a request, for handlers that are not behind Require. session.ErrNotFound: nobody is signed in.
func (m *Manager) Authenticate(r *http.Request) (session.Session, error) {
	return m.sessions.Authenticate(r)
}

// SessionToken is the token in a request's session cookie, which may open nothing; false: there is none.
func (m *Manager) SessionToken(r *http.Request) (string, bool) { return m.sessions.Token(r) }

// SetSessionCookie gives the browser the session that Finish has made.
func (m *Manager) SetSessionCookie(w http.ResponseWriter, done Done) {
	m.sessions.SetCookie(w, done.Token, done.Session)
}

// ClearSessionCookie makes the browser forget its session. It ends nothing: see SignOut.
func (m *Manager) ClearSessionCookie(w http.ResponseWriter) { m.sessions.ClearCookie(w) }

// broken answers a request whose session cannot be looked up.
func broken(report func(context.Context, error)) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		if report != nil {
			report(r.Context(), err)
		}
		w.Header().Set("Cache-Control", "no-store")
		if WantsJSON(r) {
			refuse(w, http.StatusServiceUnavailable, ReasonBroken, nil)
			return
		}
		http.Error(w, "This cannot be checked at the moment. Try again later.", http.StatusServiceUnavailable)
	}
}

// refuse answers a program in the shape of auth/web, but for the message: words are auth/web's.
func refuse(w http.ResponseWriter, status int, reason Reason, links map[string]string) {
	answer(w, status, refused{Reason: reason, Links: links})
}

// refused is what a program is told that may not come in.
type refused struct {
	Reason Reason            `json:"reason"`
	Gate   *gate             `json:"gate,omitempty"`
	Links  map[string]string `json:"links,omitempty"`
}

// gate is the product that is not open, and the page that says why.
type gate struct {
	Product string `json:"product"`
	URL     string `json:"url"`
}

func answer(w http.ResponseWriter, status int, what refused) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(what) // nobody is left to tell if this fails
}

// signInFirst answers a request without a session.
func (m *Manager) signInFirst() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reason := ReasonSignInRequired
		if _, presented := m.sessions.Token(r); presented {
			reason = ReasonSessionExpired
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Add("Vary", "Cookie")
		h.Add("Vary", "Accept")
		if WantsJSON(r) {
			refuse(w, http.StatusUnauthorized, reason, map[string]string{"signin": m.signInPath})
			return
		}
		q := url.Values{}
		if r.Method == http.MethodGet { // a form that was posted cannot be posted again by going back to its address
			if to := m.ReturnTo(m.base.Path + r.URL.RequestURI()); to != "" {
				q.Set("return_to", to)
			}
		}
		if reason == ReasonSessionExpired {
			q.Set("reason", string(reason))
		}
		to := url.URL{Path: m.signInPath, RawQuery: q.Encode()}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	})
}

// WantsJSON tells whether a request comes from a program: it accepts JSON and does not name HTML.
func WantsJSON(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
