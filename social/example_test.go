package social_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"

	"github.com/sallyport-auth/sallyport/social"
)

func ExampleNew() {
	key := make([]byte, 32)
	rand.Read(key) // yours comes from a secret store, and is the same on every node
	providers, err := social.New(social.Config{
		BaseURL:   "https://app.example.com/auth/social",
		Keys:      [][]byte{key},
		Providers: []social.Provider{social.Google("client", "secret"), social.LinkedIn("client", "secret")},
		Requests:  social.NewMemory(),
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range providers.Providers() {
		fmt.Printf("Continue with %s: register %s there\n", p.Name, providers.Callback(p.ID))
	}
	// Output:
	// Continue with Google: register https://app.example.com/auth/social/google/callback there
	// Continue with LinkedIn: register https://app.example.com/auth/social/linkedin/callback there
}

// Beginning, and what comes back: the cookie says which browser has asked. See examples/social for all of it.
func ExampleManager_Begin() {
	var providers *social.Manager // of New
	http.HandleFunc("POST /signin/{provider}", func(w http.ResponseWriter, r *http.Request) {
		browser := rand.Text()
		address, err := providers.Begin(r.Context(), r.PathValue("provider"), social.Opening{State: []byte(browser)})
		if err != nil {
			http.Error(w, "This does not work at the moment.", http.StatusServiceUnavailable)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "__Host-asked", Value: browser, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, address, http.StatusSeeOther)
	})
}
