package sso_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// A refresher is a fake whose connections have metadata.
type refresher struct {
	fake
	calls   atomic.Int32
	refresh func(c sso.Connection) (sso.Connection, []sso.Change, error)
}

func (r *refresher) Refresh(_ context.Context, c sso.Connection, now time.Time) (sso.Connection, []sso.Change, error) {
	r.calls.Add(1)
	if r.refresh != nil {
		return r.refresh(c)
	}
	if len(c.SAML.Certificates) == 0 {
		c.SAML.EntityID, c.SAML.SSOURL = "https://idp.acme.example/metadata", provider
		c.SAML.Certificates = []sso.Certificate{{DER: []byte("first"), SeenAt: now}}
	}
	c.SAML.ReadAt = now
	return c, nil, nil
}

// registry is one over a store in memory, with a clock that tests move.
type registry struct {
	*sso.Registry
	cfg    sso.RegistryConfig
	store  *shelf
	saml   *refresher
	oidc   *fake
	mu     sync.Mutex
	now    time.Time
	events []sso.Event
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{store: newShelf(), saml: &refresher{}, oidc: &fake{name: "oidc"}, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	r.cfg = sso.RegistryConfig{
		Store: r.store, Keys: [][]byte{newKey()}, Protocols: []sso.Protocol{r.saml, r.oidc},
		Record: func(_ context.Context, e sso.Event) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, e)
			return nil
		},
		Now: func() time.Time { return r.now },
	}
	var err error
	if r.Registry, err = sso.NewRegistry(r.cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

// kinds are the events so far.
func (r *registry) kinds() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		all = append(all, strings.TrimPrefix(string(e.Kind), "sso_"))
	}
	return strings.Join(all, " ")
}

func (r *registry) add(t *testing.T, c sso.Connection) sso.Connection {
	t.Helper()
	c, err := r.Add(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func initech() sso.Connection {
	return sso.Connection{
		AccountID: "acc_initech", Name: "Initech", Protocol: "oidc", Domains: []string{"evil.example"},
		OIDC: sso.OIDC{Issuer: "https://idp.initech.example", ClientID: "app", Secret: "hush-hush"},
	}
}

func TestNewRegistry(t *testing.T) {
	for name, change := range map[string]func(c *sso.RegistryConfig){
		"Store":     func(c *sso.RegistryConfig) { c.Store = nil },
		"Keys":      func(c *sso.RegistryConfig) { c.Keys = [][]byte{{1}} },
		"Protocols": func(c *sso.RegistryConfig) { c.Protocols = nil },
	} {
		cfg := newRegistry(t).cfg
		change(&cfg)
		if _, err := sso.NewRegistry(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("NewRegistry = %v, want an error of %s", err, name)
		}
	}
}

func TestRegistry(t *testing.T) {
	t.Run("R91 a secret is kept sealed, and answered to a Manager alone", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		if !strings.HasPrefix(c.ID, "con_") || c.Version != 1 || c.OIDC.Secret != "" {
			t.Errorf("Add = %+v, want an ID, version 1 and no secret", c)
		}
		if body := r.store.row(t, c.ID).Body; bytes.Contains(body, []byte("hush")) {
			t.Errorf("the secret stands readable in %s", body)
		}
		if got, err := r.Connection(t.Context(), c.ID); err != nil || got.OIDC.Secret != "hush-hush" {
			t.Errorf("Connection = %+v, %v, want the secret", got.OIDC, err)
		}
		if got, err := r.Get(t.Context(), "acc_initech", c.ID); err != nil || got.OIDC.Secret != "" || got.Name != "Initech" {
			t.Errorf("Get = %+v, %v, want no secret", got, err)
		}
		if list, err := r.List(t.Context(), "acc_initech"); err != nil || len(list) != 1 || list[0].OIDC.Secret != "" || list[0].ID != c.ID {
			t.Errorf("List = %+v, %v, want one without a secret", list, err)
		}
	})
	t.Run("A-063 domains are the store's to tell", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		if len(c.Domains) != 0 || bytes.Contains(r.store.row(t, c.ID).Body, []byte("evil.example")) {
			t.Errorf("Add = %+v, want no domain of the caller's", c.Domains)
		}
		r.store.domains[c.ID] = []string{"initech.example"}
		c, err := r.Get(t.Context(), "acc_initech", c.ID)
		if err != nil || fmt.Sprint(c.Domains) != "[initech.example]" {
			t.Errorf("Domains = %v, %v, want what is proved", c.Domains, err)
		}
		c.Domains = append(c.Domains, "evil.example")
		if c, err = r.Change(t.Context(), c); err != nil || fmt.Sprint(c.Domains) != "[initech.example]" {
			t.Errorf("Change = %v, %v, want what is proved", c.Domains, err)
		}
		if bytes.Contains(r.store.row(t, c.ID).Body, []byte(".example\"]")) {
			t.Error("domains are written down with the connection")
		}
		if got, err := r.Connection(t.Context(), c.ID); err != nil || got.SpeaksFor("evil.example") {
			t.Errorf("Connection = %v, %v, speaks for a domain that nobody proved", got.Domains, err)
		}
	})
	t.Run("a change without a secret keeps it", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		c.Name = "Initech Ltd"
		c, err := r.Change(t.Context(), c)
		if err != nil || c.Version != 2 || c.Name != "Initech Ltd" {
			t.Fatalf("Change = %+v, %v, want version 2", c, err)
		}
		if got, err := r.Connection(t.Context(), c.ID); err != nil || got.OIDC.Secret != "hush-hush" {
			t.Errorf("Connection = %+v, %v, want the secret", got.OIDC, err)
		}
	})
	for name, change := range map[string]func(c *sso.Connection){
		"another issuer": func(c *sso.Connection) { c.OIDC.Issuer = "https://evil.example" },
		"another client": func(c *sso.Connection) { c.OIDC.ClientID = "other" },
	} {
		t.Run("the secret does not follow to "+name, func(t *testing.T) {
			r := newRegistry(t)
			c := r.add(t, initech())
			change(&c)
			c, err := r.Change(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := r.Connection(t.Context(), c.ID); err != nil || got.OIDC.Secret != "" {
				t.Errorf("Connection = %+v, %v, want no secret", got.OIDC, err)
			}
		})
	}
	t.Run("a secret that somebody has copied to another row", func(t *testing.T) {
		r := newRegistry(t)
		mine, other := initech(), initech()
		other.OIDC.Issuer = "https://evil.example"
		one, two := r.add(t, mine), r.add(t, other)
		row := r.store.row(t, two.ID)
		row.Body = r.store.row(t, one.ID).Body
		if err := r.store.SwapConnection(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Connection(t.Context(), two.ID); err == nil {
			t.Errorf("Connection = %+v, want an error", got.OIDC)
		}
	})
	t.Run("another company's", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		if _, err := r.Get(t.Context(), "acc_acme", c.ID); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		c.AccountID = "acc_acme"
		if _, err := r.Change(t.Context(), c); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Change = %v, want ErrNotFound", err)
		}
		if err := r.Delete(t.Context(), c); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Delete = %v, want ErrNotFound", err)
		}
		if _, err := r.Approve(t.Context(), c, [32]byte{}); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Approve = %v, want ErrNotFound", err)
		}
	})
	t.Run("an older version", func(t *testing.T) {
		r := newRegistry(t)
		old := r.add(t, initech())
		if _, err := r.Change(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Change(t.Context(), old); !errors.Is(err, sso.ErrConflict) {
			t.Errorf("Change = %v, want ErrConflict", err)
		}
		if err := r.Delete(t.Context(), old); !errors.Is(err, sso.ErrConflict) {
			t.Errorf("Delete = %v, want ErrConflict", err)
		}
		if _, err := r.Get(t.Context(), "acc_initech", old.ID); err != nil {
			t.Errorf("Get = %v, want the connection still", err)
		}
	})
	t.Run("what cannot be added", func(t *testing.T) {
		r := newRegistry(t)
		taken := r.add(t, initech())
		for name, change := range map[string]func(c *sso.Connection){
			"AccountID": func(c *sso.Connection) { c.AccountID = "" },
			"ID":        func(c *sso.Connection) { c.ID = "../x" },
			"Protocol":  func(c *sso.Connection) { c.Protocol = "cas" },
			"conflict":  func(c *sso.Connection) { c.ID = taken.ID },
		} {
			c := initech()
			change(&c)
			if _, err := r.Add(t.Context(), c); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("Add = %v, want an error of %s", err, name)
			}
		}
		r.oidc.check = func(sso.Connection) error { return errors.New("oidc: Connection.OIDC.Issuer is required") }
		if _, err := r.Add(t.Context(), initech()); err == nil {
			t.Error("Add of what the protocol does not like = nil")
		}
		taken.Name = "x"
		if _, err := r.Change(t.Context(), taken); err == nil {
			t.Error("Change to what the protocol does not like = nil")
		}
		r.oidc.check = nil
		taken.Protocol = "saml"
		if _, err := r.Change(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "Protocol") {
			t.Errorf("Change of the protocol = %v, want an error: names of people are the provider's", err)
		}
	})
	t.Run("deleted", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		if err := r.Delete(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Connection(t.Context(), c.ID); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Connection = %v, want ErrNotFound", err)
		}
		if got := r.kinds(); got != "connection_added connection_deleted" {
			t.Errorf("events %q", got)
		}
	})
	t.Run("keys may change", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		r.cfg.Keys = append([][]byte{newKey()}, r.cfg.Keys...)
		again, err := sso.NewRegistry(r.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.Connection(t.Context(), c.ID); err != nil || got.OIDC.Secret != "hush-hush" {
			t.Errorf("Connection = %+v, %v, want the secret", got.OIDC, err)
		}
	})
}

// metadata is a connection that has nothing but the address of its metadata.
func metadata() sso.Connection {
	return sso.Connection{ID: "acme", AccountID: "acc_acme", Protocol: "saml", SAML: sso.SAML{MetadataURL: "https://idp.acme.example/metadata"}}
}

func TestRefresh(t *testing.T) {
	second := []byte("second")
	held := func(c sso.Connection) (sso.Connection, []sso.Change, error) {
		c.SAML.Certificates = append(c.SAML.Certificates[:1:1], sso.Certificate{DER: second, Held: true})
		return c, []sso.Change{{Field: "Certificates", Is: "22", Held: true}}, nil
	}
	t.Run("R87 the address of the metadata is enough", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, metadata())
		if len(c.SAML.Certificates) != 1 || c.SAML.Certificates[0].Held || c.SAML.SSOURL == "" {
			t.Errorf("Add = %+v, want what the metadata says", c.SAML)
		}
	})
	t.Run("daily, each at its own time, by one of several programs", func(t *testing.T) {
		r := newRegistry(t)
		times := map[time.Time]bool{}
		for i := range 8 {
			c := metadata()
			c.ID = fmt.Sprintf("acme-%d", i)
			row := r.store.row(t, r.add(t, c).ID)
			if times[row.RefreshAt] = true; row.RefreshAt.Before(r.now.Add(22*time.Hour)) || row.RefreshAt.After(r.now.Add(26*time.Hour)) {
				t.Errorf("RefreshAt = %v, want about a day after %v", row.RefreshAt, r.now)
			}
		}
		if len(times) < 5 {
			t.Errorf("8 connections are read at %d times, want them spread", len(times))
		}
		r.saml.calls.Store(0)
		r.now = r.now.Add(21 * time.Hour)
		if done, err := r.Refresh(t.Context(), 100); err != nil || len(done) != 0 {
			t.Errorf("Refresh after 21 hours = %+v, %v, want none", done, err)
		}
		r.now = r.now.Add(5 * time.Hour)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if _, err := r.Refresh(t.Context(), 3); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := r.saml.calls.Load(); got != 8 {
			t.Errorf("64 callers have read %d times, want 8", got)
		}
	})
	t.Run("A-069 a new key is held until somebody approves it", func(t *testing.T) {
		r := newRegistry(t)
		r.add(t, metadata())
		r.saml.refresh = held
		r.now = r.now.Add(26 * time.Hour)
		done, err := r.Refresh(t.Context(), 10)
		if err != nil || len(done) != 1 || done[0].Err != nil || len(done[0].Changes) != 1 {
			t.Fatalf("Refresh = %+v, %v, want one with a change", done, err)
		}
		if got := r.kinds(); got != "connection_added metadata_held" {
			t.Errorf("events %q", got)
		}
		c := done[0].Connection
		if _, err := r.Approve(t.Context(), c, sha256.Sum256([]byte("third"))); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Approve of another = %v, want ErrNotFound", err)
		}
		if _, err := r.Approve(t.Context(), c, sha256.Sum256([]byte("first"))); !errors.Is(err, sso.ErrNotFound) {
			t.Errorf("Approve of one that is not held = %v, want ErrNotFound", err)
		}
		old := c
		c, err = r.Approve(t.Context(), c, sha256.Sum256(second))
		if err != nil || c.SAML.Certificates[1].Held || c.Version != old.Version+1 {
			t.Errorf("Approve = %+v, %v, want it to count", c.SAML.Certificates, err)
		}
		if _, err := r.Approve(t.Context(), old, sha256.Sum256(second)); !errors.Is(err, sso.ErrConflict) {
			t.Errorf("Approve of an older version = %v, want ErrConflict", err)
		}
	})
	t.Run("A-069 metadata says nothing about whose the connection is", func(t *testing.T) {
		r := newRegistry(t)
		r.add(t, metadata())
		r.saml.refresh = func(c sso.Connection) (sso.Connection, []sso.Change, error) {
			c.Domains, c.AllowAnyDomain, c.AccountID, c.IdPInitiated = []string{"evil.example"}, true, "acc_evil", true
			c.SAML.AllowNewKeys, c.SAML.ResponseSigned, c.SAML.MetadataURL = true, true, "https://evil.example"
			c.SAML.SSOURL = "https://new.acme.example"
			return c, []sso.Change{{Field: "SSOURL", Is: c.SAML.SSOURL}}, nil
		}
		c, err := r.Renew(t.Context(), "acme")
		if err != nil || c.SAML.SSOURL != "https://new.acme.example" {
			t.Fatalf("Renew = %+v, %v, want the new address", c.SAML, err)
		}
		if c.AllowAnyDomain || c.IdPInitiated || len(c.Domains) != 0 || c.AccountID != "acc_acme" ||
			c.SAML.AllowNewKeys || c.SAML.ResponseSigned || c.SAML.MetadataURL != metadata().SAML.MetadataURL {
			t.Errorf("Renew = %+v, want nothing else to change", c)
		}
		r.saml.refresh = func(c sso.Connection) (sso.Connection, []sso.Change, error) {
			c.SAML.EntityID = "https://evil.example"
			return c, nil, nil
		}
		if c, err := r.Renew(t.Context(), "acme"); err == nil {
			t.Errorf("Renew with another entity = %+v, want an error", c.SAML)
		}
	})
	t.Run("metadata that cannot be read leaves the connection as it was, and is tried again", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, metadata())
		r.saml.refresh = func(sso.Connection) (sso.Connection, []sso.Change, error) {
			return sso.Connection{}, nil, &sso.Refusal{Code: sso.CodeMetadataFetch}
		}
		r.now = r.now.Add(26 * time.Hour)
		for _, want := range []int{1, 0} {
			done, err := r.Refresh(t.Context(), 10)
			if err != nil || len(done) != want || want == 1 && done[0].Err == nil {
				t.Errorf("Refresh = %+v, %v, want %d failure", done, err, want)
			}
		}
		if got, err := r.Get(t.Context(), "acc_acme", "acme"); err != nil || got.Version != c.Version || len(got.SAML.Certificates) != 1 {
			t.Errorf("Get = %+v, %v, want it as it was", got, err)
		}
		r.saml.refresh = nil
		r.now = r.now.Add(time.Hour)
		if done, err := r.Refresh(t.Context(), 10); err != nil || len(done) != 1 || done[0].Err != nil {
			t.Errorf("Refresh an hour later = %+v, %v, want it read", done, err)
		}
		if got, e := r.kinds(), r.events[1]; got != "connection_added metadata_failed" || e.Code != sso.CodeMetadataFetch || e.AccountID != "acc_acme" {
			t.Errorf("events %q, the second %+v, want one with its code", got, e)
		}
	})
	t.Run("one that has no metadata", func(t *testing.T) {
		r := newRegistry(t)
		c := r.add(t, initech())
		if !r.store.row(t, c.ID).RefreshAt.IsZero() {
			t.Error("it is to be refreshed")
		}
		if _, err := r.Renew(t.Context(), c.ID); err == nil {
			t.Error("Renew = nil, want an error")
		}
	})
}

func TestRenewedKeys(t *testing.T) {
	r := newRegistry(t)
	r.add(t, metadata())
	r.store.domains["acme"] = []string{"acme.example"}
	w := newWorld(t)
	w.cfg.Connections, w.cfg.Renew, w.cfg.Protocols = r, r.Renew, []sso.Protocol{r.saml}
	w.make()
	known := "first"
	r.saml.verify = func(q sso.Request, m sso.Message, rep *sso.Report) (sso.Verified, error) {
		for _, c := range q.Connection.SAML.Certificates {
			if string(c.DER) == m.Form.Get("key") && !c.Held {
				return sso.Verified{Identity: sso.Identity{Subject: "ann-1", Email: "ann@acme.example"}}, nil
			}
		}
		refused := sso.CodeSignatureKey
		if m.Form.Get("key") == "" {
			refused = sso.CodeSignatureMissing
		}
		return sso.Verified{}, rep.Fail(sso.Refusal{Code: refused})
	}
	r.saml.refresh = func(c sso.Connection) (sso.Connection, []sso.Change, error) {
		c.SAML.Certificates = []sso.Certificate{{DER: []byte(known)}}
		return c, nil, nil
	}
	try := func(key string) error {
		_, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "key", key))
		return err
	}
	if err := try(""); code(err) != sso.CodeSignatureMissing || r.saml.calls.Load() != 1 {
		t.Errorf("an answer without a signature = %v, want signature_missing, and no metadata to be read", err)
	}
	known = "second"
	if err := try("second"); err != nil {
		t.Errorf("an answer signed by a new key = %v, want the metadata to be read", err)
	}
	known = "third"
	r.saml.calls.Store(0)
	for range 20 {
		if err := try("third"); code(err) != sso.CodeSignatureKey {
			t.Errorf("another new key at once = %v, want signature_key", err)
		}
	}
	if got := r.saml.calls.Load(); got != 0 {
		t.Errorf("the metadata was read %d times within ten minutes, want once", got+1)
	}
	w.pass(10 * time.Minute)
	if err := try("third"); err != nil {
		t.Errorf("ten minutes later = %v, want none", err)
	}
	w.pass(10 * time.Minute)
	r.saml.refresh = func(sso.Connection) (sso.Connection, []sso.Change, error) {
		return sso.Connection{}, nil, errors.New("503")
	}
	if err := try("fourth"); code(err) != sso.CodeSignatureKey {
		t.Errorf("with metadata that cannot be read = %v, want signature_key", err)
	}
}

// shelf is a store that knows which domains companies have proved.
type shelf struct {
	*sso.Memory
	domains map[string][]string
}

func newShelf() *shelf { return &shelf{Memory: sso.NewMemory(), domains: map[string][]string{}} }

func (s *shelf) ConnectionRow(ctx context.Context, id string) (sso.ConnectionRow, error) {
	row, err := s.Memory.ConnectionRow(ctx, id)
	row.Domains = s.domains[id]
	return row, err
}

// row is one as it is kept.
func (s *shelf) row(t *testing.T, id string) sso.ConnectionRow {
	t.Helper()
	row, err := s.ConnectionRow(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}
