package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// A linkPage is where a mailed link leads: a page with a button, for mail scanners follow every link and press none.
//
// The link's token is taken out of the address bar at once, into a cookie of its own, and is nowhere in the page. What the page
// carries instead is the token's fingerprint (Frame.LinkID), which its form posts as link: two links that are open in two tabs share
// the cookie, and a button must do what its own page said.
type linkPage struct {
	path   string        // below the prefix
	cookie string        // where the token waits for the button
	life   time.Duration // and for how long
	stays  bool          // also when it has begun a flow: should that end too early, the page of the link leads on
}

// resetLinks are the links of a reset.
func resetLinks() linkPage {
	return linkPage{path: "/reset", cookie: linkCookie, life: linkLife}
}

// tookLink takes the token of a link that a browser comes with out of its address bar, and answers the visitor then. One that counts
// no longer is kept as well, for the page to say why; but not in the place of one that counts, which somebody is on the way with.
// Programs post the token, and keep no cookie.
//
// The redirect says no-referrer, for the address that it leaves holds the token. The page itself keeps the policy of all pages, so
// that its form is posted with an Origin.
func (v *visit) tookLink(p linkPage, counts func(token string) (bool, error)) bool {
	if v.in["token"] == "" || v.program {
		return false
	}
	valid, err := counts(v.in["token"])
	waiting := v.h.cookies.read(v.r, p.cookie)
	keeps := valid || waiting == ""
	if err == nil && !keeps {
		valid, err = counts(waiting)
		keeps = !valid
	}
	if err != nil {
		v.broken(err)
		return true
	}
	if keeps {
		v.h.cookies.write(v.w, p.cookie, v.in["token"], p.life)
	}
	v.w.Header().Set("Referrer-Policy", "no-referrer")
	to := url.URL{Path: v.h.prefix + p.path, RawQuery: v.kept().Encode()}
	v.redirect(to.String())
	return true
}

// linkOf is the token of the link that the visitor is here with: the one that came with the request, else the one that waits. Empty:
// there is none.
func (v *visit) linkOf(p linkPage) string {
	if v.in["token"] != "" {
		return v.in["token"]
	}
	return v.h.cookies.read(v.r, p.cookie)
}

// fitsLink tells whether what was posted is meant for the link that linkOf answers. A program that sends the token itself, or leaves
// the fingerprint out, means what it has.
func (v *visit) fitsLink(p linkPage) bool {
	waiting := v.linkOf(p)
	if waiting == "" || v.in["token"] != "" || v.program && !v.in.has("link") {
		return true
	}
	return subtle.ConstantTimeCompare([]byte(v.in["link"]), []byte(fingerprint(waiting))) == 1
}

// openLink begins the flow that a link allows, in the place of one under way.
func (v *visit) openLink(p linkPage, open func(ctx context.Context, token, lang string, c auth.Client) (auth.Step, error)) {
	before := v.flow
	step, err := open(v.r.Context(), v.linkOf(p), v.chosen(), v.client)
	if err == nil && step.Token != "" {
		err = v.h.auth.Cancel(v.r.Context(), before)
		if !p.stays {
			v.forgetLink(p)
		}
	}
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// forgetLink takes a link that has done what it was for from the browser.
func (v *visit) forgetLink(p linkPage) {
	if _, err := v.r.Cookie(v.h.cookies.prefix + p.cookie); err != http.ErrNoCookie {
		v.h.cookies.clear(v.w, p.cookie)
	}
}

// fingerprint tells links apart, and opens none.
func fingerprint(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("sallyport link\x00" + token))
	return hex.EncodeToString(sum[:8])
}
