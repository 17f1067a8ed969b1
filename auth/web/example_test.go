package web_test

import (
	"fmt"
	"net/http"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store"
)

func ExampleNew() {
	db := store.NewMemory()
	people := directory.New(db)
	in, err := auth.New(auth.Config{
		BaseURL: "http://localhost:8080", Keys: authtest.Keys(), // a real program reads its keys from where it keeps secrets
		Users: people, Companies: people, Stores: db.Stores(), AllowNoMail: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	pages, err := web.New(web.Config{Auth: in, Product: "Harbour"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", pages)
	mux.Handle("/.well-known/", pages.WellKnown())
	mux.Handle("/", in.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := session.From(r.Context())
		fmt.Fprintln(w, "signed in:", who.UserID)
	})))
	fmt.Println("sign in at", in.SignInPath())
	// Output: sign in at /auth/signin
}
