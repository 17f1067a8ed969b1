package socialtest_test

import (
	"fmt"
	"net/url"

	"github.com/sallyport-auth/sallyport/social/socialtest"
)

// Somebody signs in with Google, without a browser: a test hands what comes back to the product's callback.
func ExampleProvider_SignIn() {
	google, err := socialtest.New(socialtest.Config{
		BaseURL: "http://127.0.0.1:8081/google", Personality: socialtest.Google,
		People: []socialtest.Person{{Email: "anna@corp.example", Name: "Anna Berg", HostedDomain: "corp.example"}},
	})
	if err != nil {
		panic(err)
	}
	google.RegisterClient(socialtest.Client{ID: "product", Secret: "secret", RedirectURIs: []string{"https://app.example.com/auth/social/google/callback"}})

	// Where the product sends people; a real product made it.
	address := google.AuthorizeURL() + "?" + url.Values{
		"client_id": {"product"}, "redirect_uri": {"https://app.example.com/auth/social/google/callback"}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"s"},
	}.Encode()
	back, err := google.SignIn(address, "anna@corp.example")
	if err != nil {
		panic(err)
	}
	fmt.Println(back.Form == nil, back.Query().Get("state"), back.Query().Get("hd"), back.Query().Has("code"))

	back, err = google.Cancel(address)
	fmt.Println(back.Query().Get("error"), err)
	// Output:
	// true s corp.example true
	// access_denied <nil>
}

// A table of every attack that Microsoft can make, and what the product must make of each.
func ExampleAttacks() {
	for _, attack := range socialtest.Attacks(socialtest.Microsoft) {
		if attack.Number() == 91 && attack.Want() == socialtest.Refuse {
			fmt.Println(attack)
		}
	}
	// Output:
	// A-091 issuer with a slash
	// A-091 issuer in other case
	// A-091 issuer with the other scheme
	// A-091 issuer with a placeholder
	// A-091 issuer that looks alike
	// A-091 issuer with a path below
	// A-091 no issuer
	// A-091 iss of one tenant, tid of another
	// A-091 no tid
	// A-091 a tenant that is none
}
