package auth

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Require lets signed-in people through to next, which reads who it is with session.From. Others are sent to the sign-in page,
// and from there back to the page they asked for; programs (see WantsJSON) get 401 and a reason. A broken store answers 503:
// nobody is taken for signed out because the machine is broken.
func (m *Manager) Require(next http.Handler) http.Handler { return m.sessions.Require(next) }

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
			h.Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			json.NewEncoder(w).Encode(struct {
				Reason Reason `json:"reason"`
				SignIn string `json:"sign_in"`
			}{reason, m.URL(strings.TrimPrefix(m.signInPath, m.base.Path))})
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
