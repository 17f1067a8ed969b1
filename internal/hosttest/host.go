// Package hosttest is a program that signs people in by their company's sign-in, for tests of the protocols against real providers:
// [New] listens, and [Host.Open] puts an sso.Handler behind it, once the providers are known. Its sessions are a map.
//
// It is at localhost, where providers of package providertest are at 127.0.0.1: another site, as in life. Only tests import it. It
// links no protocol.
package hosttest

import (
	"context"
	"crypto/rand"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/providertest"
	"github.com/sallyport-auth/sallyport/sso"
)

// Bye is what the page says on which people land who have signed out at their provider.
const Bye = "You have signed out."

// A Host is a program. It is safe for concurrent use.
type Host struct {
	URL     string       // without a slash at its end
	Manager *sso.Manager // of Open

	t   testing.TB
	mux *http.ServeMux

	mu       sync.Mutex
	sessions map[string]sso.Identity
	failed   error
}

// New makes a Host that listens, and answers nothing yet.
func New(t testing.TB) *Host {
	t.Helper()
	h := &Host{t: t, mux: http.NewServeMux(), sessions: map[string]sso.Identity{}}
	server := httptest.NewServer(h.mux)
	t.Cleanup(server.Close)
	h.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return h
}

// Base is sso.Config.BaseURL.
func (h *Host) Base() string { return h.URL + "/auth/sso" }

// Open makes the Manager, and all addresses.
func (h *Host) Open(connections []sso.Connection, protocol sso.Protocol) {
	h.t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	memory := sso.NewMemory()
	var err error
	h.Manager, err = sso.New(sso.Config{
		BaseURL: h.Base(), Keys: [][]byte{key}, Connections: sso.Fixed(connections), Requests: memory, Logins: memory,
		Protocols: []sso.Protocol{protocol}, SignedOutURL: h.URL + "/bye",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	handler, err := sso.NewHandler(sso.HandlerConfig{Manager: h.Manager, Done: h.done, Ended: h.ended, Failed: h.fails})
	if err != nil {
		h.t.Fatal(err)
	}
	h.mux.Handle("/auth/sso/", handler)
	h.mux.HandleFunc("GET /{$}", h.home)
	h.mux.HandleFunc("GET /signout", h.signOut)
	h.mux.HandleFunc("GET /bye", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, Bye) })
}

// Begin opens the page of a connection with a browser, and goes where it leads.
func (h *Host) Begin(b *providertest.Browser, connection string) *providertest.Page {
	h.t.Helper()
	at := b.Get(h.Base() + "/" + connection + "/start")
	return b.Submit(at, at.Form(""), nil)
}

// SignOut signs out here, and goes where that leads.
func (h *Host) SignOut(b *providertest.Browser) *providertest.Page {
	h.t.Helper()
	return b.Get(h.URL + "/signout")
}

// Who is signed in with a browser; false: nobody.
func (h *Host) Who(b *providertest.Browser) (sso.Identity, bool) {
	h.t.Helper()
	session := b.Get(h.URL).Body
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.sessions[session]
	return id, ok
}

// Failed is why the last sign-in or sign-out did not work out, since Failed was called; nil: all did.
func (h *Host) Failed() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.failed
	h.failed = nil
	return err
}

const cookie = "__Host-session"

func (h *Host) done(w http.ResponseWriter, r *http.Request, id sso.Identity) {
	session := rand.Text()
	if err := h.Manager.Remember(r.Context(), session, "user of "+id.Subject, id, time.Now().Add(time.Hour)); err != nil {
		h.fails(w, r, err, "")
		return
	}
	h.mu.Lock()
	h.sessions[session] = id
	h.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (h *Host) ended(_ context.Context, sessions []sso.SessionRef) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range sessions {
		delete(h.sessions, s.SessionID)
	}
	return nil
}

func (h *Host) fails(w http.ResponseWriter, _ *http.Request, err error, _ string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = err
	http.Error(w, "That did not work.", http.StatusBadRequest)
}

func session(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (h *Host) home(w http.ResponseWriter, r *http.Request) { io.WriteString(w, session(r)) }

func (h *Host) signOut(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	delete(h.sessions, session(r))
	h.mu.Unlock()
	d, ok, err := h.Manager.SignOut(r.Context(), session(r))
	switch {
	case err != nil:
		h.fails(w, r, err, "")
	case !ok:
		io.WriteString(w, "You have signed out here alone.")
	case d.Post == nil:
		http.Redirect(w, r, d.URL, http.StatusSeeOther)
	default:
		const form = `<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}</form>`
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := template.Must(template.New("").Parse(form)).Execute(w, d.Post); err != nil {
			h.t.Error(err)
		}
	}
}
