package session

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const hostPrefix = "__Host-"

// maxCookieAge is the longest life that browsers grant a cookie.
const maxCookieAge = 400 * day

func checkCookieName(name string, insecure bool) error {
	switch {
	case (&http.Cookie{Name: name, Value: "x"}).Valid() != nil:
		return fmt.Errorf("session: Config.CookieName %q cannot be the name of a cookie", name)
	case insecure && strings.HasPrefix(name, "__"):
		return fmt.Errorf("session: Config.CookieName %q must not start with __ where InsecureHTTP is set: browsers would drop the cookie", name)
	case !insecure && (!strings.HasPrefix(name, hostPrefix) || name == hostPrefix):
		return fmt.Errorf("session: Config.CookieName %q must start with __Host- and go on", name)
	}
	return nil
}

// SetCookie gives the browser the token of a session. A kept session's cookie lasts as long as the session can, at most
// the 400 days that browsers allow; any other goes when the browser is closed.
//
// It takes back a cookie that it has set on the same answer before, and marks an answer that says nothing about caching
// as no-store, for it carries a secret.
func (m *Manager) SetCookie(w http.ResponseWriter, plain string, s Session) {
	c := m.cookie(plain)
	if s.Kept {
		left := s.ExpiresAt.Sub(m.cfg.Now())
		if left < time.Second {
			m.ClearCookie(w)
			return
		}
		c.MaxAge = int(min(left, maxCookieAge) / time.Second)
	}
	m.send(w, c)
}

// ClearCookie makes the browser forget its token. It ends no session; see [Manager.SignOut].
func (m *Manager) ClearCookie(w http.ResponseWriter) {
	c := m.cookie("")
	c.MaxAge = -1
	m.send(w, c)
}

func (m *Manager) cookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: m.cfg.CookieName, Value: value,
		Path: "/", Secure: m.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (m *Manager) send(w http.ResponseWriter, c *http.Cookie) {
	h := w.Header()
	if earlier := h["Set-Cookie"]; len(earlier) > 0 {
		kept := make([]string, 0, len(earlier)+1)
		for _, line := range earlier {
			if !strings.HasPrefix(line, c.Name+"=") {
				kept = append(kept, line)
			}
		}
		h["Set-Cookie"] = kept
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	http.SetCookie(w, c)
}

// Token returns the session token in a request's cookie, which may still open nothing.
//
// It is false where the cookie comes twice: no browser sends two cookies of one __Host- name, so somebody else has set
// one of them, and which one cannot be told.
func (m *Manager) Token(r *http.Request) (string, bool) {
	return cookieValue(r.Header["Cookie"], m.cfg.CookieName)
}

// cookieValue finds the one cookie of a name, as RFC 6265 writes them (section 4.2.1), with any blanks around the pairs.
// It goes through the header once, which net/http has bounded (http.Server.MaxHeaderBytes), and allocates nothing.
func cookieValue(headers []string, name string) (value string, ok bool) {
	found := false
	for _, rest := range headers {
		for rest != "" {
			pair := rest
			if i := strings.IndexByte(rest, ';'); i >= 0 {
				pair, rest = rest[:i], rest[i+1:]
			} else {
				rest = ""
			}
			pair = trimBlanks(pair)
			if !strings.HasPrefix(pair, name) {
				continue
			}
			after := trimBlanks(pair[len(name):])
			if after != "" && after[0] != '=' {
				continue // a longer name
			}
			if found {
				return "", false
			}
			found = true
			if after != "" {
				value = trimBlanks(after[1:])
			}
		}
	}
	return value, value != ""
}

func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
