package auth_test

import (
	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

type sessionOf = session.Session

// invite invites somebody into Acme, if n names no other company, on behalf of the host, and answers the token of the link.
func (w *world) invite(n auth.NewInvitation) (auth.Invitation, string) {
	w.t.Helper()
	if n.AccountID == "" {
		n.AccountID = "acme"
	}
	i, link, a, err := w.m.Invite(w.t.Context(), n, office)
	if err != nil || a.Reason != "" {
		w.t.Fatalf("Invite(%+v) = %+v, %v", n, a, err)
	}
	for _, m := range w.mail.take() {
		if link == "" && m.Kind == mail.Invite { // a first password comes by the letter alone
			return i, linkToken(m)
		}
	}
	return i, tokenOf(link)
}

// signUps is the same product with sign-up.
func (w *world) signUps() *auth.Manager {
	w.t.Helper()
	cfg := w.cfg
	cfg.Preset.SignUp = auth.SignUpPerson
	m, err := auth.New(cfg)
	w.must(err)
	return m
}
