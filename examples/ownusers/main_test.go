package main

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const right = "correct horse battery staple"

// start makes the host with a mailbox in the place of the terminal, and ann's password.
func start(t *testing.T) (*host, *authtest.Mailbox, *authtest.Browser) {
	t.Helper()
	box := authtest.NewMailbox(t)
	h, err := newHost(t.Context(), ":memory:", "http://localhost:8083", box)
	if err != nil {
		t.Fatal(err)
	}
	box.Deliver = h.in.Deliver
	if err := h.in.SetPassword(t.Context(), "1", right); err != nil {
		t.Fatal(err)
	}
	return h, box, authtest.NewBrowser(t, "http://localhost:8083", h.handler())
}

func signIn(b *authtest.Browser, box *authtest.Mailbox, email, password string) *authtest.Page {
	p := b.Submit(b.Get("/auth/signin").Form("/signin/identify"), map[string]string{"email": email})
	p = b.Submit(p.Form("/signin/password"), map[string]string{"password": password})
	if strings.Contains(p.Body, "/signin/code") {
		p = b.Submit(p.Form("/signin/code"), map[string]string{"code": box.Code(email)})
	}
	return p
}

func TestSignIn(t *testing.T) {
	h, box, b := start(t)
	p := signIn(b, box, "Ann@ACME.example", right)
	if p.URL.Path != "/" || !strings.Contains(p.Body, "You are user 1") {
		t.Fatalf("signing in ends at %s with %q, want user 1", p, p.Body)
	}
	t.Run("who is blocked in the host's table is out", func(t *testing.T) {
		if err := h.block(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		if p := b.Get("/"); p.URL.Path != "/auth/signin" {
			t.Errorf("a blocked person is at %s, want the sign-in", p)
		}
		if p := signIn(b, box, "ann@acme.example", right); !strings.Contains(p.Body, "suspended") {
			t.Errorf("a blocked person signs in: %s, want to be told", p)
		}
	})
}

// Somebody in the host's table who has no password gets one by mail.
func TestFirstPassword(t *testing.T) {
	_, box, b := start(t)
	const bob = "bob@acme.example"
	b.Submit(b.Get("/auth/forgot").Form("/forgot"), map[string]string{"email": bob})
	link, err := url.Parse(box.TakeOne(bob, mail.Reset).Link)
	if err != nil {
		t.Fatal(err)
	}
	p := b.Submit(b.Get(link.RequestURI()).Form("/reset"), nil)
	p = b.Submit(p.Form("/signin/newpassword"), map[string]string{"password": "a first passphrase for bob"})
	if p.URL.Path != "/auth/signin" {
		t.Fatalf("R15 the first password leads to %s, want the sign-in", p)
	}
	if p = signIn(b, box, bob, "a first passphrase for bob"); !strings.Contains(p.Body, "You are user 2") {
		t.Errorf("R15 bob signs in at %s: %q, want user 2", p, p.Body)
	}
}

// The two methods and the tables stand on their own: a manager over them needs nothing else of the host.
func TestTable(t *testing.T) {
	h, _, _ := start(t)
	for _, email := range []string{"nobody@acme.example", ""} {
		if _, err := h.people.UserByEmail(context.Background(), email); err == nil {
			t.Errorf("UserByEmail(%q) finds somebody", email)
		}
	}
	u, err := h.people.UserByID(t.Context(), "2")
	if err != nil || u.Email != "bob@acme.example" || u.Name != "" {
		t.Errorf("UserByID(2) = %+v, %v, want bob without a name", u, err)
	}
}
