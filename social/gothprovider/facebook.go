package gothprovider

import (
	"errors"
	"net/http"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/facebook"

	"github.com/sallyport-auth/sallyport/social"
)

// Facebook makes the provider "facebook", for an app of these credentials. Its people have IDs that are good for this one app: with
// another app they are other people. It may say no address, or one that nobody has confirmed. Facebook has PKCE in its OpenID trial
// alone, so a code is bound to the browser by our state.
func Facebook(id, secret string) social.Provider {
	return New(Config{
		ID: "facebook", Name: "Facebook", Issuer: "https://www.facebook.com",
		Provider: func(callback string, client *http.Client) (goth.Provider, error) {
			if id == "" || secret == "" {
				return nil, errors.New("an app has an id and a secret")
			}
			p := facebook.New(id, secret, callback).SetCustomFields([]string{"id", "name", "first_name", "last_name", "email"})
			p.HTTPClient = client
			return p, nil
		},
	})
}
