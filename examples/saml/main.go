// Saml lets the people of one company in by the company's own SAML provider: packages sso and session, no password, no package auth.
//
//	go run ./examples/saml -metadata idp.xml -domain corp.example
//
// Tell the provider http://localhost:8083/sso/company/metadata, which says everything else. It needs nothing of the provider but the
// file: an answer comes by way of the browser.
package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"html"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/sso/saml"
)

func main() {
	file := flag.String("metadata", "", "a file with the metadata of the provider")
	domain := flag.String("domain", "", "the domain of the company's addresses; no other is let in")
	flag.Parse()
	doc, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newHandler("http://localhost:8083", *domain, doc)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("open http://localhost:8083/")
	log.Fatal(http.ListenAndServe("localhost:8083", handler))
}

func newHandler(base, domain string, metadata []byte) (http.Handler, error) {
	company := sso.Connection{ID: "company", AccountID: "company", Protocol: "saml", Domains: []string{domain}}
	var err error
	if company.SAML, err = saml.ReadMetadata(metadata, "", time.Now()); err != nil {
		return nil, fmt.Errorf("the provider's metadata: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key) // yours outlasts the program, and so do its stores
	sessions, err1 := session.New(session.Config{Store: session.NewMemory(), Unauthorized: http.RedirectHandler("/sso/company/start", http.StatusSeeOther)})
	speaker, err2 := saml.New(saml.Config{})
	companies, err3 := sso.New(sso.Config{
		BaseURL: base + "/sso", Keys: [][]byte{key}, Connections: sso.Fixed{company}, Requests: sso.NewMemory(), Protocols: []sso.Protocol{speaker},
	})
	door, err4 := sso.NewHandler(sso.HandlerConfig{
		Manager: companies,
		Done: func(w http.ResponseWriter, r *http.Request, id sso.Identity) { // the subject is who somebody is; the address may change
			token, s, err := sessions.Issue(r.Context(), session.Start{UserID: id.Subject, Via: id.Connection})
			if err != nil {
				http.Error(w, "Signing in does not work at the moment.", http.StatusServiceUnavailable)
				return
			}
			sessions.SetCookie(w, token, s)
			http.Redirect(w, r, "/", http.StatusSeeOther)
		},
	})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/sso/", door) // other sites post here: it guards itself
	mux.Handle("GET /{$}", sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		w.Header().Set("Cache-Control", "no-store")
		io.WriteString(w, "<!doctype html><title>Room</title><p>You are "+html.EscapeString(s.UserID)+".")
	})))
	return mux, nil
}
