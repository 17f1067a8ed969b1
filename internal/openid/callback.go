package openid

import "net/url"

// A Callback is what a browser brings back from a provider.
type Callback struct {
	State  string
	Code   string
	Error  string // a word of the provider's; what else it says is dropped
	Issuer string // empty: it does not say
}

// ParseCallback reads the query of a callback, or the form of one that was posted (Party.FormPost). What it does not know it ignores, tokens included: identity comes from the exchange of
// the code, and from nothing that a browser brings. A refusal comes with the State where there is one.
func ParseCallback(q url.Values) (Callback, error) {
	for _, values := range q {
		if len(values) > 1 {
			return Callback{}, &Refusal{Code: CallbackDuplicate}
		}
	}
	c := Callback{State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss")}
	switch {
	case len(c.State) > 512 || len(c.Code) > 8192 || len(c.Issuer) > 2048, !printable(c.State), !printable(c.Code), !printable(c.Issuer):
		return Callback{}, &Refusal{Code: CallbackMalformed}
	case q.Has("error") && q.Has("code"):
		return Callback{State: c.State}, &Refusal{Code: CallbackAmbiguous}
	case q.Has("error"):
		if c.Error = word(q.Get("error")); c.Error == "" {
			c.Error = "unreadable"
		}
	case c.Code == "":
		return Callback{State: c.State}, &Refusal{Code: CallbackMalformed, Expected: "code or error"}
	}
	return c, nil
}
