package gothprovider_test

import (
	"fmt"
	"net/http"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/sallyport-auth/sallyport/social/gothprovider"
)

// Any provider of goth's that speaks OAuth 2 takes five lines.
func ExampleNew() {
	const id, secret = "Iv1.8a61f9b3a7aba766", "from your settings"

	provider := gothprovider.New(gothprovider.Config{ID: "github", Name: "GitHub", Issuer: "https://github.com", PKCE: true, Provider: func(callback string, client *http.Client) (goth.Provider, error) {
		p := github.New(id, secret, callback, "user:email") // without this scope GitHub tells public addresses only
		p.HTTPClient = client
		return p, nil
	}})

	fmt.Println(provider.Name, provider.Speaker.Check())
	// Output: GitHub <nil>
}

func ExampleFacebook() {
	provider := gothprovider.Facebook("1234567890", "from your settings")
	fmt.Println(provider.Name, provider.Speaker.Check())
	// Output: Facebook <nil>
}
