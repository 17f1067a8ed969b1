// Minimal is the smallest host: one person, everything in memory. Run it and open http://localhost:8080.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store"
)

func main() { log.Fatal(http.ListenAndServe("localhost:8080", host())) }

func host() http.Handler {
	key := make([]byte, 32) // a real host keeps its key
	rand.Read(key)
	db := store.NewMemory()
	people := directory.New(db)
	in := must(auth.New(auth.Config{
		BaseURL: "http://localhost:8080", Keys: [][]byte{key}, AllowNoMail: true,
		Users: people, Companies: people, Stores: db.Stores(),
	}))
	ann := must(people.AddUser(context.Background(), auth.User{Email: "ann@acme.example", Name: "Ann"}))
	if err := in.SetPassword(context.Background(), ann.ID, "correct horse battery staple"); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", must(web.New(web.Config{Auth: in, Product: "Minimal"})))
	mux.Handle("/", in.Require(http.HandlerFunc(hello)))
	return mux
}

func hello(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	fmt.Fprintf(w, "Signed in since %s.\n", s.CreatedAt.Format("15:04"))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
