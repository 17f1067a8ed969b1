package sso_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// A fake speaks a protocol without any cryptography: what a message says is true, if its form says so. Nil funcs do the usual.
type fake struct {
	name   string
	begin  func(r sso.Request) (sso.Departure, error)
	verify func(r sso.Request, m sso.Message, rep *sso.Report) (sso.Verified, error)
	logout func(r sso.Request, l sso.Login) (sso.Departure, bool, error)
	ended  func(m sso.Message) (sso.Ending, error)
	check  func(c sso.Connection) error
}

const provider = "https://idp.acme.example"

func (f *fake) Name() string {
	if f.name == "" {
		return "saml"
	}
	return f.name
}

func (f *fake) Check(c sso.Connection) error {
	if f.check != nil {
		return f.check(c)
	}
	return nil
}

func (f *fake) Begin(_ context.Context, r sso.Request) (sso.Departure, error) {
	if f.begin != nil {
		return f.begin(r)
	}
	return sso.Departure{URL: provider + "/?" + url.Values{"RelayState": {r.Handle}}.Encode(), Memory: []byte("memory of " + r.Handle)}, nil
}

func (f *fake) Handle(m sso.Message) (string, error) {
	if len(m.Form["handle"]) > 1 {
		return "", &sso.Refusal{Code: "twice"}
	}
	return m.Form.Get("handle"), nil
}

func (f *fake) Verify(_ context.Context, r sso.Request, m sso.Message, rep *sso.Report) (sso.Verified, error) {
	if f.verify != nil {
		return f.verify(r, m, rep)
	}
	if want := "memory of " + r.Handle; r.Handle != "" && string(r.Memory) != want {
		return sso.Verified{}, fmt.Errorf("Request.Memory = %q, want %q", r.Memory, want)
	}
	if m.Form.Get("bad") != "" {
		return sso.Verified{}, rep.Fail(sso.Refusal{Code: "signature"})
	}
	rep.Pass("signature", "")
	id := sso.Identity{
		Subject: m.Form.Get("subject"), Email: m.Form.Get("email"), Name: m.Form.Get("name"),
		Groups: m.Form["group"], Contexts: m.Form["context"], Login: sso.Login{Index: m.Form.Get("index"), Token: []byte("token")},
	}
	if ends := m.Form.Get("ends"); ends != "" {
		id.SessionEnds, _ = time.Parse(time.RFC3339, ends)
	}
	return sso.Verified{Identity: id, Once: m.Form.Get("once"), OnceEnds: r.Now.Add(time.Minute)}, nil
}

func (f *fake) Metadata(_ sso.Connection, a sso.Addresses) ([]byte, string, bool, error) {
	return []byte("<EntityDescriptor entityID='" + a.EntityID + "'/>"), "application/samlmetadata+xml", f.Name() == "saml", nil
}

func (f *fake) Logout(_ context.Context, r sso.Request, l sso.Login) (sso.Departure, bool, error) {
	if f.logout != nil {
		return f.logout(r, l)
	}
	q := url.Values{"handle": {r.Handle}, "subject": {l.Subject}, "index": {l.Index}, "token": {string(l.Token)}}
	return sso.Departure{URL: provider + "/logout?" + q.Encode(), Memory: []byte("secret")}, true, nil
}

func (f *fake) Ended(_ context.Context, r sso.Request, m sso.Message, rep *sso.Report) (sso.Ending, error) {
	if f.ended != nil {
		return f.ended(m)
	}
	if m.Form.Get("bad") != "" {
		return sso.Ending{}, rep.Fail(sso.Refusal{Code: "signature"})
	}
	if h := m.Form.Get("handle"); h != "" {
		return sso.Ending{Handle: h}, nil
	}
	return sso.Ending{
		Request: true, Subject: m.Form.Get("subject"), Indexes: m.Form["index"], Once: m.Form.Get("once"), OnceEnds: r.Now.Add(time.Minute),
		Answer: func(done bool) (sso.Departure, error) {
			return sso.Departure{URL: fmt.Sprintf("%s/answer?done=%t", provider, done)}, nil
		},
	}, nil
}

// world is a manager over memory with a clock that tests move.
type world struct {
	t      *testing.T
	m      *sso.Manager
	cfg    sso.Config
	fake   *fake
	memory *memory
	mu     sync.Mutex
	now    time.Time
	events []sso.Event
}

func acme() sso.Connection {
	return sso.Connection{
		ID: "acme", AccountID: "acc_acme", Name: "Acme", Protocol: "saml", Domains: []string{"acme.example"},
		OIDC: sso.OIDC{Secret: "hush"},
	}
}

func globex() sso.Connection {
	return sso.Connection{ID: "globex", AccountID: "acc_globex", Name: "Globex", Protocol: "saml", Domains: []string{"globex.example"}}
}

// newWorld makes a world of connections; none: Acme and Globex.
func newWorld(t *testing.T, connections ...sso.Connection) *world {
	t.Helper()
	if len(connections) == 0 {
		connections = []sso.Connection{acme(), globex()}
	}
	w := &world{t: t, fake: &fake{}, memory: newMemory(), now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	w.cfg = sso.Config{
		BaseURL: "https://app.example.com/auth/sso", Keys: [][]byte{newKey()}, Connections: sso.Fixed(connections), Requests: w.memory, Logins: w.memory,
		Protocols: []sso.Protocol{w.fake, &fake{name: "oidc"}},
		Record: func(_ context.Context, e sso.Event) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
			return nil
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	}
	w.make()
	return w
}

// make makes the manager anew, after a change of cfg.
func (w *world) make() {
	w.t.Helper()
	m, err := sso.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.m = m
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// last is the newest event.
func (w *world) last() sso.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == 0 {
		return sso.Event{}
	}
	return w.events[len(w.events)-1]
}

// begin begins a sign-in and answers the handle that went to the provider.
func (w *world) begin(connection string, o sso.Opening) string {
	w.t.Helper()
	d, err := w.m.Begin(w.t.Context(), connection, o)
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Query().Get("RelayState")
}

// answer is what an honest provider of Acme posts for Ann. Pairs of names and values change it; an empty value takes a field away.
func answer(handle string, pairs ...string) sso.Message {
	f := url.Values{"handle": {handle}, "subject": {"ann-1"}, "email": {"Ann@Acme.example"}, "name": {"Ann"}, "once": {"answer-" + handle}, "index": {"idx-1"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if f.Del(pairs[i]); pairs[i+1] != "" {
			f.Set(pairs[i], pairs[i+1])
		}
	}
	return sso.Message{Post: true, Form: f}
}

// identity receives a message and looks at it.
func (w *world) identity(connection string, m sso.Message) (sso.Identity, sso.Report, error) {
	a, err := w.m.Receive(w.t.Context(), connection, m)
	if err != nil {
		return sso.Identity{}, sso.Report{}, err
	}
	return a.Identity(w.t.Context())
}

// code is the code of a refusal; empty: no error; anything else: the text of the error.
func code(err error) sso.Code {
	var r *sso.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &r):
		return r.Code
	}
	return sso.Code("broken: " + err.Error())
}

func newKey() []byte {
	k := make([]byte, 32)
	rand.Read(k)
	return k
}

// memory is a store that tells what it was given, and can be broken.
type memory struct {
	*sso.Memory
	mu     sync.Mutex
	broken error
	moved  string        // the connection that rows are written for, instead of their own
	slow   time.Duration // how late its clock is
	bodies [][]byte      // of requests and logins
	used   []time.Time   // until when answers are remembered
}

func newMemory() *memory { return &memory{Memory: sso.NewMemory()} }

func (m *memory) CreateRequest(ctx context.Context, key [32]byte, r sso.RequestRow, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, r.Body)
	r.Connection = cmp.Or(m.moved, r.Connection)
	return cmp.Or(m.broken, m.Memory.CreateRequest(ctx, key, r, now))
}

func (m *memory) TakeRequest(ctx context.Context, key [32]byte, now time.Time) (sso.RequestRow, error) {
	if m.broken != nil {
		return sso.RequestRow{}, m.broken
	}
	return m.Memory.TakeRequest(ctx, key, now.Add(-m.slow))
}

func (m *memory) UseAssertion(ctx context.Context, key [32]byte, expires, now time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = append(m.used, expires)
	return m.Memory.UseAssertion(ctx, key, expires, now)
}

func (m *memory) AddLogin(ctx context.Context, l sso.LoginRow, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, l.Body, l.Subject[:], l.Index[:])
	return m.Memory.AddLogin(ctx, l, now)
}

// holds tells whether a text stands readable in anything that was written.
func (m *memory) holds(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.bodies, func(b []byte) bool { return bytes.Contains(b, []byte(text)) })
}

// logins tells how many of some sessions are remembered.
func (m *memory) logins(sessions ...string) int {
	n := 0
	for _, id := range sessions {
		if _, err := m.LoginOf(context.Background(), id); err == nil {
			n++
		}
	}
	return n
}
