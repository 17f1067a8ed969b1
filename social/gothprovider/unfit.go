package gothprovider

import (
	"path"
	"reflect"
	"strings"

	"github.com/markbates/goth"
)

// unfit tells why a provider cannot be used here; empty: it can. It goes by names, so that nothing of a provider is linked that the host
// does not link. What it does not know the rules of Begin and Verify find.
func unfit(p goth.Provider) string {
	if why := openID(p.Name()); why != "" {
		return why
	}
	kind := reflect.TypeOf(p)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if path.Dir(kind.PkgPath()) != "github.com/markbates/goth/providers" {
		return ""
	}
	return known(path.Base(kind.PkgPath()))
}

// known tells why a provider of goth's, by the name of its package, cannot be used here.
func known(name string) string {
	if why := openID(name); why != "" {
		return why
	}
	switch name {
	case "azuread", "onedrive":
		return "takes an address for an ID: use social.Microsoft"
	case "auth0":
		return "does not use the client that it is given: use an OpenID provider of package social"
	case "dailymotion", "discord", "fitbit", "intercom", "mailru", "oura", "reddit", "seatalk", "wechat", "yandex":
		return "does not use the client that it is given, and so would know no limits"
	case "lastfm", "steam", "tumblr", "twitter", "twitterv2", "xero":
		return "does not speak OAuth 2"
	case "shopify":
		return "names shops, and reads more of a callback than the code"
	}
	return ""
}

// openID points to who speaks OpenID Connect better, for providers of that name.
func openID(name string) string {
	switch strings.ToLower(name) {
	case "google", "gplus":
		return "believes what nobody signed: use social.Google"
	case "microsoftonline", "azureadv2":
		return "takes an address that its owner may change for the person's: use social.Microsoft"
	case "apple":
		return "has no nonce, and no subject is no error to it: use social.Apple"
	case "linkedin":
		return "asks at addresses that are gone: use social.LinkedIn"
	case "openidconnect", "openid-connect":
		return "believes what nobody signed: use an OpenID provider of package social"
	}
	return ""
}
