package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Require lets a request through to next only with a live session, which [From] finds in the request's context.
//
// Anybody else gets Config.Unauthorized. A store that fails is not taken for "nobody": the answer is Config.Broken.
// Where a kept session can outlast its cookie, the cookie is renewed from time to time.
//
// Require leaves the cookie alone when it turns somebody away, for a newer one may be on its way to the same browser.
// It does not keep other sites from posting here (put http.CrossOriginProtection around the whole program), and
// says nothing about caching: pages are their handler's.
func (m *Manager) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plain, ok := m.Token(r)
		if !ok {
			m.cfg.Unauthorized.ServeHTTP(w, r)
			return
		}
		ctx := r.Context()
		s, touched, err := m.check(ctx, plain)
		if err != nil {
			if errors.Is(err, ErrNotFound) {
				m.cfg.Unauthorized.ServeHTTP(w, r)
			} else {
				m.cfg.Broken(w, r, err)
			}
			return
		}
		if touched && s.Kept && s.ExpiresAt.Sub(s.CreatedAt) > maxCookieAge {
			m.SetCookie(w, plain, *s)
		}
		next.ServeHTTP(w, r.WithContext(&signedIn{ctx, s}))
	})
}

// From returns the session of the request that a context belongs to. It is false outside of [Manager.Require].
func From(ctx context.Context) (Session, bool) {
	if in, ok := ctx.Value(contextKey{}).(*signedIn); ok {
		return *in.session, true
	}
	return Session{}, false
}

// signedIn is a context that holds a session: one allocation, where context.WithValue would need two.
type signedIn struct {
	context.Context
	session *Session
}

type contextKey struct{}

func (c *signedIn) Value(key any) any {
	if _, ours := key.(contextKey); ours {
		return c
	}
	return c.Context.Value(key)
}

func unauthorized(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusUnauthorized, "session_expired", "You are not signed in. Sign in to go on.")
}

func broken(w http.ResponseWriter, r *http.Request, _ error) {
	answer(w, r, http.StatusServiceUnavailable, "broken", "This cannot be checked at the moment. Try again later.")
}

// answer writes the same refusal for programs and for people. Reason and message are constants that need no escaping.
func answer(w http.ResponseWriter, r *http.Request, status int, reason, message string) {
	contentType, body := "text/plain; charset=utf-8", message+"\n"
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		contentType, body = "application/json", `{"reason":"`+reason+`","message":"`+message+"\"}\n"
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	io.WriteString(w, body) // nobody is left to tell if this fails
}
