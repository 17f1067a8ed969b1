// Oidc lets the people of one company in by the company's own OpenID provider: packages sso and session, no password, no package auth.
// Tell the provider http://localhost:8082/sso/company/callback, and http://localhost:8082/sso/company/slo for logout, then:
//
//	OIDC_SECRET=… go run ./examples/oidc -issuer https://idp.corp.example -client app -domain corp.example
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"html"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/oidc"
)

func main() {
	company := sso.Connection{ID: "company", AccountID: "company", Protocol: "oidc", Domains: make([]string, 1)}
	flag.StringVar(&company.OIDC.Issuer, "issuer", "", "the provider")
	flag.StringVar(&company.OIDC.ClientID, "client", "", "what the provider calls this program")
	flag.StringVar(&company.Domains[0], "domain", "", "the domain of the company's addresses; no other is let in")
	local := flag.Bool("local", false, "the provider is on this machine")
	flag.Parse()
	company.OIDC.Secret = os.Getenv("OIDC_SECRET")
	handler, err := newHandler("http://localhost:8082", company, oidc.Config{AllowPrivate: *local})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("open http://localhost:8082/")
	log.Fatal(http.ListenAndServe("localhost:8082", handler))
}

func newHandler(base string, company sso.Connection, cfg oidc.Config) (http.Handler, error) {
	key := make([]byte, 32)
	rand.Read(key) // yours outlasts the program, and so do its stores
	memory := sso.NewMemory()
	sessions, err1 := session.New(session.Config{Store: session.NewMemory(), Unauthorized: http.RedirectHandler("/sso/company/start", http.StatusSeeOther)})
	speaker, err2 := oidc.New(cfg)
	companies, err3 := sso.New(sso.Config{
		BaseURL: base + "/sso", Keys: [][]byte{key}, Connections: sso.Fixed{company}, Requests: memory, Logins: memory, Protocols: []sso.Protocol{speaker},
	})
	door, err4 := sso.NewHandler(sso.HandlerConfig{
		Manager: companies,
		Done: func(w http.ResponseWriter, r *http.Request, id sso.Identity) { // the subject is who somebody is; the address may change
			token, s, err := sessions.Issue(r.Context(), session.Start{UserID: id.Subject, Via: id.Connection})
			if err == nil {
				err = companies.Remember(r.Context(), s.ID, s.UserID, id, s.ExpiresAt)
			}
			if err != nil {
				http.Error(w, "Signing in does not work at the moment.", http.StatusServiceUnavailable)
				return
			}
			sessions.SetCookie(w, token, s)
			http.Redirect(w, r, "/", http.StatusSeeOther)
		},
		Ended: func(ctx context.Context, list []sso.SessionRef) (err error) {
			for _, s := range list {
				err = errors.Join(err, sessions.End(ctx, s.UserID, s.SessionID))
			}
			return err
		},
	})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	own := http.NewServeMux()
	own.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		w.Header().Set("Cache-Control", "no-store")
		io.WriteString(w, `<!doctype html><title>Room</title><p>You are `+html.EscapeString(s.UserID)+`.</p><form method="post" action="/signout"><button>Sign out</button></form>`)
	})
	own.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		if err := sessions.End(r.Context(), s.UserID, s.ID); err != nil {
			http.Error(w, "Signing out does not work at the moment.", http.StatusServiceUnavailable)
			return
		}
		sessions.ClearCookie(w)
		to, there, err := companies.SignOut(r.Context(), s.ID)
		if err != nil || !there {
			to.URL = "/sso/company/start"
		}
		http.Redirect(w, r, to.URL, http.StatusSeeOther)
	})
	mux := http.NewServeMux()
	mux.Handle("/sso/", door) // other sites send browsers here: it guards itself
	mux.Handle("/", http.NewCrossOriginProtection().Handler(sessions.Require(own)))
	return mux, nil
}
