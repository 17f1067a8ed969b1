package main

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short.key")
	if err := os.WriteFile(short, []byte("0a0b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		o    options
		want string // in the error
	}{
		"R3 a preset that is not there": {options{db: ":memory:", preset: "v4"}, `no preset "v4"`},
		"a key that is none":            {options{db: ":memory:", preset: "recommended", key: short}, "does not hold a key of 32 bytes"},
		"a database in no folder":       {options{db: filepath.Join(dir, "no", "demo.db"), preset: "recommended", key: filepath.Join(dir, "a.key")}, "opening SQLite"},
		"an address that is none":       {options{addr: "localhost:none", db: ":memory:", preset: "recommended"}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.o.addr == "" {
				row.o.addr = "localhost:0"
			}
			err := run(t.Context(), row.o, io.Discard)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("run = %v, want an error with %q", err, row.want)
			}
		})
	}

	for preset, stage := range map[string]string{"recommended": "ready", "one-page": "ready", "email-first": "ready", "forced-two-step": "enroll"} {
		t.Run("R3 the same steps with preset "+preset, func(t *testing.T) {
			v := newVisitor(t, serve(t, options{preset: preset}), "127.0.0.1")
			r, err := v.identify("ann@acme.example")
			if err != nil || r.Stage != "authenticate" {
				t.Fatalf("the first step: %v %+v, want authenticate", err, r)
			}
			r, err = v.finish(r)
			if err != nil || r.Stage != stage {
				t.Errorf("in the end: %v %+v, want %s", err, r, stage)
			}
			v.sees(t, map[string]string{"ready": "Ann"}[stage])
		})
	}
}

func TestKey(t *testing.T) {
	o := options{db: filepath.Join(t.TempDir(), "demo.db")}
	made, err := loadKey(o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadKey(o)
	if err != nil || string(again) != string(made) {
		t.Errorf("the key of the second start is %x (%v), want %x", again, err, made)
	}
	info, err := os.Stat(o.db + ".key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the key: %v (%v), want one that nobody else can read", info, err)
	}
	text, err := os.ReadFile(o.db + ".key")
	if err != nil || strings.TrimSpace(string(text)) != hex.EncodeToString(made) {
		t.Errorf("the file holds %q (%v), want the key in hexadecimal", text, err)
	}
}

func TestWelcome(t *testing.T) {
	p, err := newProduct(t.Context(), options{db: ":memory:", preset: "recommended"}, "http://localhost:8080", "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var out strings.Builder
	p.welcome(t.Context(), &out)
	for _, want := range []string{"http://localhost:8080/", demoPassword, "http://localhost:8080/dev/mail", "ann@acme.example", "vera@vault.example", "nopass@acme.example", "gil@globex.example", "http://127.0.0.1:8081/globex/", "otpauth://totp/", "memory"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the program does not say %q:\n%s", want, out.String())
		}
	}
	db, _, where, err := openDB("postgres://someone:secret@127.0.0.1/product")
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if where != "PostgreSQL" {
		t.Errorf("of a server the program says %q, which may hold a password", where)
	}
}

func TestSeed(t *testing.T) {
	p, err := newProduct(t.Context(), options{db: ":memory:", preset: "recommended"}, "http://localhost:8080", "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	ann, err := p.people.UserByEmail(t.Context(), "ann@acme.example")
	if err != nil {
		t.Fatal(err)
	}
	const own = "a password of her own choice"
	if err := p.in.SetPassword(t.Context(), ann.ID, own); err != nil {
		t.Fatal(err)
	}
	if err := seed(context.Background(), p.in, p.people); err != nil {
		t.Errorf("the second start: %v", err)
	}
	again, err := p.people.UserByEmail(t.Context(), "ann@acme.example")
	if err != nil || again.ID != ann.ID {
		t.Errorf("after a second start Ann is %q (%v), want %q", again.ID, err, ann.ID)
	}
	b := authtest.NewBrowser(t, "http://localhost:8080", p.handler())
	page := b.Post("/auth/signin/password", url.Values{"email": {ann.Email}, "password": {own}})
	if sent, err := p.in.Deliver(t.Context()); err != nil || sent == 0 {
		t.Fatalf("letters delivered: %d (%v), want the code for Ann's new browser", sent, err)
	}
	if page = b.Submit(page.Form("/signin/code"), map[string]string{"code": p.mail.newestFirst()[0].Code}); page.URL.Path != "/" {
		t.Errorf("after a second start Ann's own password leads to %s, want the home page", page)
	}
	if has, err := p.in.HasPassword(t.Context(), "nopass"); err != nil || has {
		t.Errorf("nopass@ has a password: %v (%v), want none", has, err)
	}
}

func TestOneName(t *testing.T) {
	v := newVisitor(t, serve(t, options{}), "127.0.0.1")
	home := v.url
	v.url = strings.Replace(home, "localhost", "127.0.0.1", 1)
	r, err := v.get("/auth/signin?lang=es")
	if want := home + "/auth/signin?lang=es"; err != nil || r.status != http.StatusTemporaryRedirect || r.location != want {
		t.Errorf("at 127.0.0.1: %v %d to %s, want 307 to %s", err, r.status, r.location, want)
	}
}

// TestReconnect starts the program again, where the companies are elsewhere and have new keys.
func TestReconnect(t *testing.T) {
	o := options{db: filepath.Join(t.TempDir(), "demo.db"), preset: "recommended"}
	var app string
	for _, theirs := range []string{"http://127.0.0.1:8081", "http://127.0.0.1:9001"} {
		p, err := newProduct(t.Context(), o, "http://localhost:8080", theirs)
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		g, err := p.companies.registry.Get(t.Context(), globex, globex)
		if want := theirs + "/globex/saml/sso"; err != nil || g.SAML.SSOURL != want || len(g.SAML.Certificates) != 1 {
			t.Errorf("people of Globex go to %s, with %d certificates (%v), want %s and one", g.SAML.SSOURL, len(g.SAML.Certificates), err, want)
		}
		i, err := p.companies.registry.Get(t.Context(), initech, initech)
		if want := theirs + "/initech/oidc"; err != nil || i.OIDC.Issuer != want {
			t.Errorf("the issuer of Initech is %s (%v), want %s", i.OIDC.Issuer, err, want)
		}
		address, err := p.apps.address(t.Context(), "root")
		if err != nil || address == "" || app != "" && address != app {
			t.Errorf("the app of root@globex.example is %q (%v), want %q", address, err, app)
		}
		app = address
		if theirs == "http://127.0.0.1:8081" {
			if err := p.people.SetDomainSSO(t.Context(), "globex.example", auth.SSOOptional); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if d, err := p.people.Domain(t.Context(), "globex.example"); err != nil || d.SSO != auth.SSOOptional {
			t.Errorf("globex.example asks for %q after a second start (%v), want what was changed since the first", d.SSO, err)
		}
	}
}

// TestListen takes two ports, or says which one is taken.
func TestListen(t *testing.T) {
	ours, theirs, err := listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if got, want := theirs.Addr().(*net.TCPAddr).Port, ours.Addr().(*net.TCPAddr).Port+1; got != want {
		t.Errorf("the companies are at port %d, want %d", got, want)
	}
	at := ours.Addr().String()
	ours.Close()
	if _, _, err := listen(at); err == nil || !strings.Contains(err.Error(), "next port") {
		t.Errorf("where the next port is taken: %v, want an error that says so", err)
	}
}
