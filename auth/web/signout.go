package web

import (
	"net/http"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

// signOutAnswer is what a program is told about being signed in.
type signOutAnswer struct {
	SignedIn bool        `json:"signed_in"`
	Redirect string      `json:"redirect,omitempty"` // where the browser goes to sign out at its company too
	Post     *postAnswer `json:"post,omitempty"`     // what it posts there instead
	Links    links       `json:"links"`
}

// showSignOut shows the page after signing out, or the button to sign out to whoever still is in. It changes nothing.
func (h *Handler) showSignOut(v *visit) {
	v.here.Path = h.prefix + "/signout"
	_, live, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		v.signOutAnswer(live)
		return
	}
	v.show(http.StatusOK, &SignedOutPage{SignedIn: live})
}

// signOut ends the session, wherever its cookie has been copied to, and whatever is under way on this browser.
func (h *Handler) signOut(v *visit) {
	ctx := v.r.Context()
	s, _, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	if plain, ok := h.auth.SessionToken(v.r); ok {
		if err := h.auth.SignOut(ctx, plain, v.client); err != nil {
			v.broken(err)
			return
		}
	}
	for _, purpose := range []auth.Purpose{auth.SignUp, auth.Activate, auth.Reset, auth.StepUp, auth.SignIn} {
		v.of(purpose)
		if err := h.auth.Cancel(ctx, v.flow); err != nil {
			v.broken(err)
			return
		}
		if v.flow != "" || purpose == auth.SignIn {
			h.cookies.clear(v.w, roomOf(purpose).cookie)
		}
	}
	v.forget()
	v.rememberLanguage()
	if v.signOutThere(s.ID) {
		return
	}
	if v.program {
		v.signOutAnswer(false)
		return
	}
	v.redirect(v.address("/signout", ""))
}

// forget takes the session from the browser, and the mailed links that wait in it: whoever sits down next must not find the buttons
// that they lead to. Chromium keeps even pages that must not be stored, for its back button, until an HttpOnly cookie is set; taking
// one away is not enough.
func (v *visit) forget() {
	v.h.auth.ClearSessionCookie(v.w)
	for _, p := range []linkPage{resetLinks(), joinLinks(), signUpLinks(), undoLinks(), emailLinks(), recoveryLinks()} {
		v.forgetLink(p)
	}
	v.h.cookies.write(v.w, endedCookie, "1", time.Second)
}

func (v *visit) signOutAnswer(live bool) {
	a := signOutAnswer{SignedIn: live, Links: v.links()}
	a.Links["signin"] = v.h.prefix + "/signin"
	if live {
		a.Links["signout"] = v.h.prefix + "/signout"
	}
	v.json(http.StatusOK, a)
}
