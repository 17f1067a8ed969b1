package sso_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/sso"
)

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(c *sso.Config)
		want   string // in the error; empty: none
	}{
		{"as it is", func(*sso.Config) {}, ""},
		{"plain http on this machine", func(c *sso.Config) { c.BaseURL = "http://127.0.0.1:8080/sso" }, ""},
		{"plain http elsewhere", func(c *sso.Config) { c.BaseURL = "http://app.example.com/sso" }, "BaseURL"},
		{"plain http elsewhere, on purpose", func(c *sso.Config) { c.BaseURL, c.InsecureHTTP = "http://app.example.com/sso", true }, ""},
		{"no address", func(c *sso.Config) { c.BaseURL = "" }, "BaseURL"},
		{"a query", func(c *sso.Config) { c.BaseURL += "?x=1" }, "BaseURL"},
		{"another scheme after sign-out", func(c *sso.Config) { c.SignedOutURL = "javascript:alert(1)" }, "SignedOutURL"},
		{"no keys", func(c *sso.Config) { c.Keys = nil }, "Keys"},
		{"no connections", func(c *sso.Config) { c.Connections = nil }, "Connections"},
		{"no requests", func(c *sso.Config) { c.Requests = nil }, "Requests"},
		{"no protocols", func(c *sso.Config) { c.Protocols = nil }, "Protocols"},
		{"a nil protocol", func(c *sso.Config) { c.Protocols = []sso.Protocol{nil} }, "Protocols"},
		{"a protocol twice", func(c *sso.Config) { c.Protocols = []sso.Protocol{&fake{}, &fake{}} }, "Protocols"},
		{"a connection twice", func(c *sso.Config) { c.Connections = sso.Fixed{acme(), acme()} }, `"acme" twice`},
		{"an ID that is no path", func(c *sso.Config) { c.Connections = sso.Fixed{{ID: "a/b", Protocol: "saml"}} }, "Connection.ID"},
		{"an ID that is too long", func(c *sso.Config) { c.Connections = sso.Fixed{{ID: strings.Repeat("a", 65), Protocol: "saml"}} }, "Connection.ID"},
		{"a protocol that nobody speaks", func(c *sso.Config) { c.Connections = sso.Fixed{{ID: "a", Protocol: "cas"}} }, "Protocol"},
		{"a domain in capitals", func(c *sso.Config) {
			c.Connections = sso.Fixed{{ID: "a", Protocol: "saml", Domains: []string{"Acme.example"}}}
		}, "Domains"},
		{"a rule without a role", func(c *sso.Config) {
			c.Connections = sso.Fixed{{ID: "a", Protocol: "saml", Roles: []sso.RoleRule{{Group: "x"}}}}
		}, "Roles"},
		{"what the protocol does not like", func(c *sso.Config) {
			c.Protocols = []sso.Protocol{&fake{check: func(sso.Connection) error { return errors.New("SAML.SSOURL is required") }}}
		}, "SSOURL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := newWorld(t).cfg
			tt.change(&cfg)
			_, err := sso.New(cfg)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestBegin(t *testing.T) {
	t.Run("R20 a browser goes to the provider, and what we remember stays here", func(t *testing.T) {
		w := newWorld(t)
		d, err := w.m.Begin(t.Context(), "acme", sso.Opening{State: []byte("flow-1"), LoginHint: "ann@acme.example"})
		if err != nil || !strings.HasPrefix(d.URL, provider) || d.Memory != nil {
			t.Errorf("Begin = %+v, %v, want an address of the provider without Memory", d, err)
		}
		for _, secret := range []string{"flow-1", "memory of", "ann@acme.example"} {
			if w.memory.holds(secret) || strings.Contains(d.URL, secret) {
				t.Errorf("%q stands readable in the store or the address", secret)
			}
		}
		if e := w.last(); e.Kind != sso.RequestMade || e.Connection != "acme" || e.AccountID != "acc_acme" {
			t.Errorf("event = %+v, want request made at acme", e)
		}
	})
	t.Run("S-15 the handle fits into a RelayState, says nothing, and is never the same", func(t *testing.T) {
		w := newWorld(t)
		one, two := w.begin("acme", sso.Opening{}), w.begin("acme", sso.Opening{})
		if len(one) > 80 || one == two || strings.ContainsAny(one, "&=%/+ \r\n") {
			t.Errorf("handles %q and %q, want two different ones of at most 80 plain bytes", one, two)
		}
	})
	for _, tt := range []struct {
		name string
		id   string
		want error
	}{
		{"nobody's", "nobody", sso.ErrNotFound}, {"switched off", "off", sso.ErrDisabled}, {"no ID", "", sso.ErrNotFound}, {"a path", "../acme", sso.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			off := acme()
			off.ID, off.Disabled = "off", true
			w := newWorld(t, acme(), off)
			if _, err := w.m.Begin(t.Context(), tt.id, sso.Opening{}); !errors.Is(err, tt.want) {
				t.Errorf("Begin = %v, want %v", err, tt.want)
			}
			if _, err := w.m.Receive(t.Context(), tt.id, answer("")); !errors.Is(err, tt.want) {
				t.Errorf("Receive = %v, want %v", err, tt.want)
			}
			if _, err := w.m.Destination(t.Context(), tt.id); !errors.Is(err, tt.want) {
				t.Errorf("Destination = %v, want %v", err, tt.want)
			}
			if len(w.memory.bodies) != 0 {
				t.Error("a row was made")
			}
		})
	}
	t.Run("A-070 a provider's address that is no web page", func(t *testing.T) {
		for _, to := range []string{"javascript:alert(1)", "data:text/html,x", "http://idp.acme.example/", "//idp.acme.example", "", "https://"} {
			w := newWorld(t)
			w.fake.begin = func(sso.Request) (sso.Departure, error) { return sso.Departure{URL: to}, nil }
			if d, err := w.m.Begin(t.Context(), "acme", sso.Opening{}); err == nil {
				t.Errorf("Begin to %q = %+v, want an error", to, d)
			}
			w.fake.begin = func(sso.Request) (sso.Departure, error) { return sso.Departure{Post: &sso.Form{Action: to}}, nil }
			if d, err := w.m.Begin(t.Context(), "acme", sso.Opening{}); err == nil {
				t.Errorf("Begin by POST to %q = %+v, want an error", to, d)
			}
		}
	})
	t.Run("state beyond its size is refused, and a hint that nobody has is left out", func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.m.Begin(t.Context(), "acme", sso.Opening{State: make([]byte, 1025)}); err == nil {
			t.Error("Begin with 1025 bytes = nil, want an error")
		}
		var hint string
		w.fake.begin = func(r sso.Request) (sso.Departure, error) {
			hint = r.LoginHint
			return sso.Departure{URL: provider}, nil
		}
		if _, err := w.m.Begin(t.Context(), "acme", sso.Opening{LoginHint: strings.Repeat("a", 1<<20)}); err != nil || hint != "" {
			t.Errorf("Begin = %v with a hint of %d bytes, want none", err, len(hint))
		}
	})
	t.Run("a trail that cannot be written stops it", func(t *testing.T) {
		w := newWorld(t)
		w.cfg.Record = func(context.Context, sso.Event) error { return errors.New("full") }
		w.make()
		if _, err := w.m.Begin(t.Context(), "acme", sso.Opening{}); err == nil || len(w.memory.bodies) != 0 {
			t.Errorf("Begin = %v with %d rows, want an error and none", err, len(w.memory.bodies))
		}
	})
	t.Run("a provider that cannot be reached is no refusal", func(t *testing.T) {
		w := newWorld(t)
		w.fake.begin = func(sso.Request) (sso.Departure, error) { return sso.Departure{}, errors.New("no route") }
		if _, err := w.m.Begin(t.Context(), "acme", sso.Opening{}); !strings.HasPrefix(string(code(err)), "broken") {
			t.Errorf("Begin = %v, want an error that is no refusal", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	w := newWorld(t)
	w.cfg.BaseURL += "/"
	w.make()
	got := w.m.Addresses(sso.Connection{ID: "acme"})
	want := sso.Addresses{
		EntityID: "https://app.example.com/auth/sso/acme/metadata", Metadata: "https://app.example.com/auth/sso/acme/metadata",
		ACS: "https://app.example.com/auth/sso/acme/acs", Callback: "https://app.example.com/auth/sso/acme/callback",
		Logout: "https://app.example.com/auth/sso/acme/slo", SignedOut: "https://app.example.com/",
	}
	if got != want {
		t.Errorf("Addresses = %+v, want %+v", got, want)
	}
	c := acme()
	c.SAML.EntityIDOverride = "urn:acme:app"
	if got := w.m.Addresses(c).EntityID; got != "urn:acme:app" {
		t.Errorf("EntityID = %q, want the override", got)
	}
}

func TestDestination(t *testing.T) {
	w := newWorld(t)
	c, err := w.m.Destination(t.Context(), "acme")
	if err != nil || c.Name != "Acme" || c.OIDC.Secret != "" {
		t.Errorf("Destination = %+v, %v, want Acme without its secret", c, err)
	}
	a, err := w.m.Receive(t.Context(), "acme", answer(w.begin("acme", sso.Opening{})))
	if err != nil || a.Connection.OIDC.Secret != "" {
		t.Errorf("Receive = %+v, %v, want a connection without its secret", a.Connection, err)
	}
}

func TestMetadata(t *testing.T) {
	oidc := globex()
	oidc.Protocol = "oidc"
	w := newWorld(t, acme(), oidc)
	doc, kind, err := w.m.Metadata(t.Context(), "acme")
	if err != nil || kind == "" || !strings.Contains(string(doc), "https://app.example.com/auth/sso/acme/metadata") {
		t.Errorf("Metadata = %q, %q, %v", doc, kind, err)
	}
	if _, _, err := w.m.Metadata(t.Context(), "globex"); !errors.Is(err, sso.ErrNotFound) {
		t.Errorf("Metadata of a protocol without any = %v, want ErrNotFound", err)
	}
}

func TestFixedTellsCapitalsApart(t *testing.T) {
	w := newWorld(t)
	w.cfg.Connections = anyCase{}
	w.make()
	if _, err := w.m.Destination(t.Context(), "ACME"); !errors.Is(err, sso.ErrNotFound) {
		t.Errorf("Destination(ACME) = %v, want ErrNotFound: the store has answered acme", err)
	}
}

type anyCase struct{}

func (anyCase) Connection(context.Context, string) (sso.Connection, error) { return acme(), nil }
