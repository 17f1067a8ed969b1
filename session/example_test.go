package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sallyport-auth/sallyport/session"
)

func ExampleNew() {
	sessions, err := session.New(session.Config{Store: session.NewMemory()})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	// Somebody has proven to be Ada.
	token, _, err := sessions.Issue(ctx, session.Start{UserID: "ada", Methods: session.NewMethods("password")})
	if err != nil {
		log.Fatal(err)
	}
	s, err := sessions.Lookup(ctx, token)
	fmt.Println(s.UserID, s.Methods, err)

	// Her administrator ends all her sessions.
	if err := sessions.EndAll(ctx, "ada"); err != nil {
		log.Fatal(err)
	}
	_, err = sessions.Lookup(ctx, token)
	fmt.Println(err)
	// Output:
	// ada password <nil>
	// session: not found
}

func ExampleManager_Require() {
	sessions, err := session.New(session.Config{Store: session.NewMemory()})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signin", func(w http.ResponseWriter, r *http.Request) {
		token, s, err := sessions.Issue(r.Context(), session.Start{UserID: "ada"}) // after checking that it is her
		if err != nil {
			http.Error(w, "Try again later.", http.StatusServiceUnavailable)
			return
		}
		sessions.SetCookie(w, token, s)
	})
	mux.Handle("/", sessions.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		fmt.Fprintf(w, "Hello, %s.", s.UserID)
	})))

	stranger := httptest.NewRecorder()
	mux.ServeHTTP(stranger, httptest.NewRequest("GET", "/", nil))
	fmt.Println(stranger.Code)

	signIn := httptest.NewRecorder()
	mux.ServeHTTP(signIn, httptest.NewRequest("POST", "/signin", nil))
	visit := httptest.NewRequest("GET", "/", nil)
	visit.AddCookie(signIn.Result().Cookies()[0])
	page := httptest.NewRecorder()
	mux.ServeHTTP(page, visit)
	fmt.Println(page.Code, page.Body)
	// Output:
	// 401
	// 200 Hello, ada.
}
