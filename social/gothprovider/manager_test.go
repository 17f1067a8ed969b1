package gothprovider_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/gothprovider"
)

// rows is a table that a test can look into.
type rows struct {
	social.Requests
	bodies [][]byte
}

func (r *rows) CreateSocialRequest(ctx context.Context, key [32]byte, row social.RequestRow, now time.Time) error {
	r.bodies = append(r.bodies, row.Body)
	return r.Requests.CreateSocialRequest(ctx, key, row, now)
}

// R31, R32: the same as a host does it, with the Manager of package social.
func TestR32Manager(t *testing.T) {
	s := newServer(t)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	table := &rows{Requests: social.NewMemory()}
	m, err := social.New(social.Config{
		BaseURL: "https://app.example.com/auth/social", Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Requests: table,
		Providers: []social.Provider{gothprovider.New(s.config()), gothprovider.Facebook(clientID, secret)},
		RootCAs:   roots, AllowPrivate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T) (social.Message, string) {
		t.Helper()
		address, err := m.Begin(t.Context(), "github", social.Opening{State: []byte("flow-1")})
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return s.browse(t, address), u.Query().Get("state")
	}

	back, state := start(t)
	if got := back.Query.Get("state"); got != state || len(state) < 32 {
		t.Errorf("the state %q came back as %q, want one that nobody guesses, unchanged", state, got)
	}
	answer, err := m.Receive(t.Context(), "github", back)
	if err != nil || string(answer.State) != "flow-1" {
		t.Fatalf("Receive = %q, %v; want the state of the Opening", answer.State, err)
	}
	got, err := answer.Identity(t.Context())
	want := social.Identity{Provider: "github", Issuer: "https://github.com", Subject: "4711", Email: "ann@example.com", Name: "Ann Lee"}
	if err != nil || got != want {
		t.Errorf("Identity = %+v, %v; want %+v", got, err, want)
	}

	refused := func(name string, err error, want social.Code, public string) {
		t.Helper()
		r, ok := errors.AsType[*social.Refusal](err)
		if !ok || r.Code != want || r.Public() != public {
			t.Errorf("%s: %v, want refusal %q, in public %q", name, err, want, public)
		}
	}
	_, err = m.Receive(t.Context(), "github", back)
	refused("A-080 an answer that was received", err, social.CodeRequestUnknown, "social_failed")

	back, _ = start(t)
	_, err = m.Receive(t.Context(), "facebook", back)
	refused("A-081 at another provider's callback", err, social.CodeRequestProvider, "social_failed")

	back, _ = start(t)
	answer, err = m.Receive(t.Context(), "github", without("code", "error", "access_denied", "error_reason", "user_denied")(back))
	if err != nil {
		t.Fatal(err)
	}
	_, err = answer.Identity(t.Context())
	refused("R38 denied", err, social.CodeCancelled, "social_cancelled")

	s.profileOf(`{"name":"Ann Lee"}`)
	back, _ = start(t)
	if answer, err = m.Receive(t.Context(), "github", back); err != nil {
		t.Fatal(err)
	}
	_, err = answer.Identity(t.Context())
	refused("A-104 nobody", err, "userinfo_subject", "social_failed")

	if _, err := m.Begin(t.Context(), "github", social.Opening{Fresh: true}); err == nil {
		t.Error("Begin with Fresh = nil, want an error")
	}
	for _, body := range table.bodies {
		if bytes.Contains(body, []byte("github")) || bytes.Contains(body, []byte("Verifier")) || hasSecret(string(body)) {
			t.Errorf("A-111: a row holds %q, want nothing that can be read", body)
		}
	}

	if _, err := social.New(social.Config{
		BaseURL: "https://app.example.com/auth/social", Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Requests: table,
		Providers: []social.Provider{gothprovider.Facebook("", "")},
	}); err == nil {
		t.Error("New with a Facebook that has no id = nil, want the error of its Check")
	}
}
