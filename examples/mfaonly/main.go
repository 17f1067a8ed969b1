// Mfaonly is the smallest program with a second step: package mfa behind one page, without the rest of Sallyport.
//
// It takes everybody for Ada. A program of your own asks for her password first, and keeps rows in a database, its key elsewhere.
//
//	go run ./examples/mfaonly -addr localhost:8082
package main

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"html/template"
	"log"
	"net/http"

	"github.com/sallyport-auth/sallyport/mfa"
)

//go:embed page.html
var page string

const ada, mail = "ada", "ada@example.com"

func main() {
	addr := flag.String("addr", "localhost:8082", "where to listen")
	flag.Parse()
	log.Printf("open http://%s/", *addr)
	log.Fatal(http.ListenAndServe(*addr, newHandler()))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

type program struct {
	apps     *mfa.TOTP
	recovery *mfa.Recovery
	page     *template.Template
}

func newHandler() http.Handler {
	key := make([]byte, 32)
	rand.Read(key)
	db := mfa.NewMemory()
	p := program{
		apps:     must(mfa.NewTOTP(mfa.TOTPConfig{Store: db, Keys: [][]byte{key}, Issuer: "Sallyport example"})),
		recovery: must(mfa.NewRecovery(mfa.RecoveryConfig{Store: db, Keys: [][]byte{key}})),
		page:     must(template.New("page").Parse(page)),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.show(w, r, view{}) })
	mux.HandleFunc("POST /setup", p.setUp)
	mux.HandleFunc("POST /check", func(w http.ResponseWriter, r *http.Request) {
		p.show(w, r, say(p.apps.Verify(r.Context(), ada, r.FormValue("code")), "That is the right code."))
	})
	mux.HandleFunc("POST /recover", func(w http.ResponseWriter, r *http.Request) {
		_, err := p.recovery.Verify(r.Context(), ada, r.FormValue("code"))
		p.show(w, r, say(err, "That is one of your recovery codes. It is used now."))
	})
	return http.NewCrossOriginProtection().Handler(mux) // no other site spends Ada's tries
}

// setUp takes the first code. The secret comes back in the form, sealed: until now nothing is stored.
func (p program) setUp(w http.ResponseWriter, r *http.Request) {
	sealed, _ := hex.DecodeString(r.FormValue("sealed"))
	v := say(p.apps.Confirm(r.Context(), ada, sealed, r.FormValue("code"), ""), "Your app is set up.")
	v.App, _ = p.apps.Pending(ada, mail, sealed) // the same picture again, unless it took too long
	if v.Good != "" {
		v.Codes, _ = p.recovery.New(r.Context(), ada) // without them the page says that none are left
	}
	p.show(w, r, v)
}

type view struct {
	Good, Bad string
	App       mfa.Pending // to scan, where there is none yet
	Codes     []string    // new recovery codes, shown this once
	Left      int         // recovery codes not used
}

func say(err error, good string) view {
	closed := &mfa.ClosedError{}
	switch {
	case err == nil:
		return view{Good: good}
	case errors.As(err, &closed):
		return view{Bad: "Too many wrong codes. Try again after " + closed.Until.Format("15:04 on 2 January.")}
	case errors.Is(err, mfa.ErrFormat):
		return view{Bad: "That does not look like a code."}
	case errors.Is(err, mfa.ErrReused):
		return view{Bad: "That code was used before. Wait for the next one, or take another."}
	case errors.Is(err, mfa.ErrWrong):
		return view{Bad: "That code is wrong. Is the clock of your phone right?"}
	}
	return view{Bad: "That does not work, or took too long. Begin again."}
}

func (v view) QR() (template.URL, error) {
	picture, err := mfa.QR(v.App.URI)
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)), err
}

func (p program) show(w http.ResponseWriter, r *http.Request, v view) {
	w.Header().Set("Cache-Control", "no-store") // there is a secret on the page
	if _, err := p.apps.Status(r.Context(), ada); err == nil {
		v.App = mfa.Pending{} // it is set up: nobody sees the secret again
		v.Left, _ = p.recovery.Left(r.Context(), ada)
	} else if v.App.URI == "" {
		v.App, _ = p.apps.Begin(ada, mail)
	}
	if err := p.page.Execute(w, v); err != nil {
		log.Print(err)
	}
}
