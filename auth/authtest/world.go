package authtest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"slices"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/social/socialtest"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store"
)

// BaseURL is where a World is, unless Config.Auth says otherwise.
const BaseURL = "https://app.example.com"

// Backend is a database that keeps everything: store.Memory and sqlstore.DB are.
type Backend interface {
	directory.Store
	Stores() auth.Stores

	sso.Requests
	sso.Logins
	sso.Store
	social.Requests
}

// Config says what is special about a World. The zero Config is ready to use.
type Config struct {
	DB   Backend // nil: a new store.Memory
	Mail bool    // letters go to World.Mail; false: nothing can be mailed
	SSO  bool    // companies can have sign-ins of their own: World.AddCompany; false: none can
	// Social are the providers at which people have accounts, in the order of their buttons: World.Providers. All that speak OpenID Connect
	// will do. Nil: there are none.
	Social []socialtest.Personality
	Auth   func(*auth.Config) // changes the configuration of the manager before it is made; nil: nothing
	Web    func(*web.Config)  // the same for the pages
}

// A World is a product with nobody in it yet.
type World struct {
	Auth   *auth.Manager
	Web    *web.Handler
	People *directory.Directory
	Clock  *Clock
	Mail   *Mailbox // nil, unless Config.Mail
	Phone  *Phone   // an authenticator app; make more with NewPhone

	Social    *social.Manager      // nil, unless Config.Social
	Providers map[string]*Provider // by ID

	SSO         *sso.Manager  // nil, unless Config.SSO
	Connections *sso.Registry // the same

	t         testing.TB
	base      string
	appleKey  *ecdsa.PublicKey // of the World, at Apple
	mu        sync.Mutex       // guards everything below
	events    []auth.Event
	ssoEvents []sso.Event
	faults    []web.Fault
}

// New makes a World, or ends the test.
func New(t testing.TB, cfg Config) *World {
	t.Helper()
	if cfg.DB == nil {
		cfg.DB = store.NewMemory()
	}
	w := &World{t: t, Clock: NewClock(), People: directory.New(cfg.DB)}
	w.People.Now = w.Clock.Now
	w.Phone = NewPhone(t, w.Clock)
	ac := auth.Config{
		BaseURL: BaseURL, Keys: Keys(), Users: w.People, Companies: w.People, Stores: cfg.DB.Stores(),
		Registrar: w.People, Invitations: w.People, Administrators: w.People, Members: w.People,
		AllowNoMail: !cfg.Mail, Passwords: CheapPasswords(), Record: w.record, Now: w.Clock.Now,
	}
	if cfg.Mail {
		w.Mail = NewMailbox(t)
		ac.Mail = w.Mail
	}
	if cfg.Auth != nil {
		cfg.Auth(&ac)
	}
	var err error
	if w.Auth, err = auth.New(ac); err != nil {
		t.Fatal(err)
	}
	if w.Mail != nil {
		w.Mail.Deliver, w.Mail.Clock = w.Auth.Deliver, w.Clock
	}
	w.base = ac.BaseURL
	wc := web.Config{Auth: w.Auth, Report: w.report}
	if cfg.Web != nil {
		cfg.Web(&wc)
	}
	if cfg.SSO {
		w.openCompanies(ac.BaseURL+cmp.Or(wc.Prefix, "/auth")+"/sso", cfg.DB, ac.InsecureHTTP)
		wc.SSO = w.SSO
	}
	if len(cfg.Social) > 0 {
		w.openProviders(ac.BaseURL+cmp.Or(wc.Prefix, "/auth")+"/social", cfg.DB, cfg.Social, ac.InsecureHTTP)
		wc.Social = w.Social
	}
	if w.Web, err = web.New(wc); err != nil {
		t.Fatal(err)
	}
	return w
}

// AddUser adds a person with a password; an empty one sets none.
func (w *World) AddUser(u auth.User, password string) auth.User {
	w.t.Helper()
	u, err := w.People.AddUser(context.Background(), u)
	if err == nil && password != "" {
		err = w.Auth.SetPassword(context.Background(), u.ID, password)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// AddAccount adds a company, with these people as its members.
func (w *World) AddAccount(a directory.Account, members ...auth.User) directory.Account {
	w.t.Helper()
	a, err := w.People.AddAccount(context.Background(), a)
	for _, u := range members {
		if err == nil {
			err = w.People.SetMember(context.Background(), directory.Member{AccountID: a.ID, UserID: u.ID})
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// Browser is a new browser in front of the pages.
func (w *World) Browser() *Browser {
	b := NewBrowser(w.t, w.base, w.Web)
	b.Now = w.Clock.Now
	return b
}

// Events are the events recorded since the last call, in order.
func (w *World) Events() []auth.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.events = nil }()
	return slices.Clone(w.events)
}

// Faults are the failures reported by the pages since the last call, in order.
func (w *World) Faults() []web.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.faults = nil }()
	return slices.Clone(w.faults)
}

func (w *World) record(_ context.Context, e auth.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	return nil
}

func (w *World) report(_ context.Context, f web.Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, f)
}
