// Sessiononly is the smallest program that keeps people signed in: package session and the standard library, nothing else.
//
// It takes everybody who presses the button for Ada. A program of your own identifies people first, by whatever it has,
// and keeps its sessions in a database instead of in memory.
//
//	go run ./examples/sessiononly -addr localhost:8081
//
// Browsers keep the cookie over plain http on localhost only (Safari not even there): anywhere else put TLS in front.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/sallyport-auth/sallyport/session"
)

func main() {
	addr := flag.String("addr", "localhost:8081", "where to listen")
	flag.Parse()
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("open http://%s/", *addr)
	log.Fatal(http.ListenAndServe(*addr, handler))
}

const door = `<!doctype html><title>Door</title><form method="post" action="/signin"><button>Sign in as Ada</button></form>`

const room = `<!doctype html><title>Room</title><p>You are %s since %s.</p><form method="post" action="/signout"><button>Sign out</button></form>`

func newHandler() (http.Handler, error) {
	sessions, err := session.New(session.Config{
		Store:        session.NewMemory(),
		Unauthorized: http.RedirectHandler("/signin", http.StatusSeeOther),
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		w.Header().Set("Cache-Control", "no-store") // or the back button shows this page after signing out
		fmt.Fprintf(w, room, s.UserID, s.CreatedAt.Format("15:04:05"))
	})))
	mux.HandleFunc("GET /signin", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, door) })
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		ip, _, _ := net.SplitHostPort(r.RemoteAddr)
		token, s, err := sessions.Issue(r.Context(), session.Start{UserID: "ada", UserAgent: r.UserAgent(), IP: ip})
		if err == nil {
			err = signOut(sessions, r) // the session that this browser had before, if any
		}
		if err != nil {
			http.Error(w, "Signing in does not work at the moment.", http.StatusServiceUnavailable)
			return
		}
		sessions.SetCookie(w, token, s)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		if err := signOut(sessions, r); err != nil {
			http.Error(w, "Signing out does not work at the moment.", http.StatusServiceUnavailable)
			return
		}
		sessions.ClearCookie(w)
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(mux), nil // no other site signs anybody in or out
}

func signOut(sessions *session.Manager, r *http.Request) error {
	token, _ := sessions.Token(r)
	return sessions.SignOut(r.Context(), token) // no token, or one that opens nothing, is no error
}
