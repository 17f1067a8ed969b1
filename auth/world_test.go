package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// start is when the clocks of these tests begin.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const secret = "correct horse battery staple"

// A backend is what a world keeps its things in.
type backend interface {
	directory.Store
	Stores() auth.Stores
}

// A world is a product with a few people, a clock to move, and an ear at everything that is stored or recorded.
type world struct {
	t      *testing.T
	m      *auth.Manager
	cfg    auth.Config
	people *directory.Directory
	spy    *spy

	mu     sync.Mutex
	now    time.Time
	events []auth.Event
	refuse auth.Kind // Record refuses events of this kind

	reports []error
	mail    *mailbox // nil: nothing can be mailed
}

var errTrail = errors.New("the trail cannot be written")

// newWorld makes the people that every story here needs: ann, a member of Acme; two, of Acme and Umbra; sam, suspended in
// Acme; gone, a suspended user; nopass, without a password; and solo, who belongs to no company.
func newWorld(t *testing.T, db backend, edit ...func(*auth.Config)) *world {
	t.Helper()
	w := &world{t: t, people: directory.New(db), now: start}
	w.people.Now = w.clock
	w.spy = &spy{stores: db.Stores(), users: w.people, companies: w.people, registrar: w.people, invitations: w.people, admins: w.people, members: w.people}
	w.cfg = auth.Config{
		BaseURL: "https://app.example.com", Keys: [][]byte{randomKey()}, Users: w.spy, Companies: w.spy, Stores: w.spy.Stores(),
		Registrar: w.spy, Invitations: w.spy, Administrators: w.spy, Members: w.spy,
		AllowNoMail: true, Passwords: password.Hasher{InsecureTestCost: true}, HashesWaiting: 1000,
		Record: w.record, Report: func(_ context.Context, err error) { w.reports = append(w.reports, err) }, Now: w.clock,
	}
	for _, e := range edit {
		e(&w.cfg)
	}
	w.m = w.manager()
	ctx := t.Context()
	for _, name := range []string{"Acme", "Umbra"} {
		if _, err := w.people.AddAccount(ctx, directory.Account{ID: strings.ToLower(name), Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.people.AddDomain(ctx, "acme", "acme.example", start); err != nil {
		t.Fatal(err)
	}
	for name, accounts := range map[string][]string{"ann": {"acme"}, "two": {"acme", "umbra"}, "sam": {"acme"}, "gone": {"acme"}, "nopass": {"acme"}, "solo": nil} {
		if _, err := w.people.AddUser(ctx, auth.User{ID: name, Email: name + "@acme.example", Name: strings.ToUpper(name), Suspended: name == "gone"}); err != nil {
			t.Fatal(err)
		}
		for _, a := range accounts {
			member := directory.Member{AccountID: a, UserID: name}
			if name == "sam" {
				member.State = auth.MemberSuspended
			}
			if err := w.people.SetMember(ctx, member); err != nil {
				t.Fatal(err)
			}
		}
		if name != "nopass" {
			if err := w.m.SetPassword(ctx, name, secret); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.spy.take()
	w.take()
	return w
}

// manager is another program over the same stores.
func (w *world) manager() *auth.Manager {
	w.t.Helper()
	m, err := auth.New(w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func memory(t *testing.T, edit ...func(*auth.Config)) *world {
	return newWorld(t, store.NewMemory(), edit...)
}

// mailed is a world that can mail.
func mailed(t *testing.T, edit ...func(*auth.Config)) *world {
	return mailedOn(t, store.NewMemory(), edit...)
}

func mailedOn(t *testing.T, db backend, edit ...func(*auth.Config)) *world {
	t.Helper()
	box := &mailbox{}
	w := newWorld(t, db, append([]func(*auth.Config){func(c *auth.Config) { c.AllowNoMail, c.Mail = false, box }}, edit...)...)
	w.mail, box.w = box, w
	t.Cleanup(box.mustBeEmpty)
	return w
}

// mailedEverywhere runs a story of a world that can mail over every store there is.
func mailedEverywhere(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { story(t, mailed(t)) })
	testdb.Both(t, func(t *testing.T, db *sqlstore.DB) { story(t, mailedOn(t, db)) })
}

// everywhere runs a story over every store there is.
func everywhere(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { story(t, memory(t)) })
	testdb.Both(t, func(t *testing.T, db *sqlstore.DB) { story(t, newWorld(t, db)) })
}

func randomKey() []byte {
	_, key := token.New(token.Flow)
	return key[:]
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) record(_ context.Context, e auth.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind == w.refuse {
		return errTrail
	}
	w.events = append(w.events, e)
	return nil
}

// take answers the events so far and starts a new list.
func (w *world) take() []auth.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

func kinds(events []auth.Event) []auth.Kind {
	var out []auth.Kind
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

// from is a browser on some network.
func from(ip string) auth.Client {
	return auth.Client{IP: netip.MustParseAddr(ip), UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
}

var home = from("192.0.2.10")

func (w *world) identify(email string, c auth.Client) auth.Step {
	w.t.Helper()
	s, err := w.m.Identify(w.t.Context(), auth.Opening{Email: email}, c)
	if err != nil {
		w.t.Fatalf("Identify(%q): %v", email, err)
	}
	return s
}

// password tries a password, and follows the flow to its new token.
func (w *world) password(ref *auth.Ref, typed string, c auth.Client) (auth.Step, error) {
	s, err := w.m.Password(w.t.Context(), *ref, typed, c)
	if s.Token != "" {
		ref.Token = s.Token
	}
	return s, err
}

// guess opens a flow and tries one password.
func (w *world) guess(email, typed string, c auth.Client) auth.Step {
	w.t.Helper()
	s, err := w.m.Password(w.t.Context(), auth.Ref{Token: w.identify(email, c).Token}, typed, c)
	if err != nil {
		w.t.Fatalf("Password(%q): %v", email, err)
	}
	return s
}

// signIn goes all the way.
func (w *world) signIn(email string, c auth.Client) auth.Done {
	w.t.Helper()
	ref := auth.Ref{Token: w.identify(email, c).Token}
	if s, err := w.password(&ref, secret, c); err != nil || s.Stage != auth.StageReady {
		w.t.Fatalf("Password(%q) = %s %s, %v, want ready", email, s.Stage, s.Reason, err)
	}
	done, _, err := w.m.Finish(w.t.Context(), ref, c)
	if err != nil || done.Token == "" {
		w.t.Fatalf("Finish(%q) = %+v, %v, want a session", email, done, err)
	}
	return done
}

// lookup is the session of a request with this token in its cookie.
func lookup(m *auth.Manager, tok string) (session.Session, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: tok})
	return m.Authenticate(r)
}

// live tells whether a session's token opens anything.
func (w *world) live(tok string) bool {
	w.t.Helper()
	_, err := lookup(w.m, tok)
	return err == nil
}

func (w *world) sessions(userID string) int {
	w.t.Helper()
	list, err := w.m.ListSessions(w.t.Context(), userID)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(list)
}

func (w *world) want(s auth.Step, stage auth.Stage, reason auth.Reason) {
	w.t.Helper()
	if s.Stage != stage || s.Reason != reason {
		w.t.Errorf("got stage %q reason %q, want %q %q", s.Stage, s.Reason, stage, reason)
	}
}

func has(events []auth.Event, kind auth.Kind) bool { return slices.Contains(kinds(events), kind) }

func memberOf(account, user string, state auth.MemberState) directory.Member {
	return directory.Member{AccountID: account, UserID: user, State: state}
}

// fuzzConfig is a configuration that needs no test to clean up after it.
func fuzzConfig() auth.Config {
	db := store.NewMemory()
	people := directory.New(db)
	return auth.Config{
		BaseURL: "https://app.example.com", Keys: [][]byte{randomKey()}, Users: people, Companies: people, Stores: db.Stores(),
		AllowNoMail: true, Passwords: password.Hasher{InsecureTestCost: true}, ReturnOrigins: []string{"https://admin.example.com"},
	}
}

// skipShort leaves out, with -short, what has one goroutine and many cases: -short is for the race detector.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("one goroutine and many cases: run without -short")
	}
}
