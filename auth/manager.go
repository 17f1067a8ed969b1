package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/internal/baseurl"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
)

// Config is what New needs. A field that says nothing of zero is required.
type Config struct {
	// BaseURL is the address at which people reach this host: "https://app.example.com", with a path if a proxy adds one.
	// All links are made from it, never from a request. Plain http is accepted for localhost only; see InsecureHTTP.
	BaseURL string

	// SignInPath is the path of the sign-in page below BaseURL; it must end in "/signin". Empty: "/auth/signin".
	SignInPath string

	// Keys are random keys of 32 bytes. The first seals, all open, so that a new one is put in front of the old.
	Keys [][]byte

	Users     Users     // the host's people
	Companies Companies // nil: there are no companies; only Preset counts
	Stores    Stores    // what the library keeps

	Registrar      Registrar      // adds people and changes their addresses; nil: nobody can sign up, be invited, or change theirs
	Invitations    Invitations    // nil: nobody can be invited
	Members        Members        // nil: no company's sign-in adds anybody, and nobody is exempt from it
	Administrators Administrators // whom to turn to in a company; nil: nobody can ask for a seat, and pages name no contact

	// Preset is the product's policy and layout. What it leaves zero is filled from Recommended, field by field.
	Preset Preset

	// Product is the name of the product: in letters, in authenticator apps (which keep it for good), and on the pages unless
	// web.Config says otherwise. Empty: the host name of BaseURL.
	Product string

	// Mail takes letters to people: smtp.New makes one. Letters wait in Stores.Outbox until Run or Deliver sends them. Required,
	// unless AllowNoMail.
	Mail mail.Sender
	// Letters says how letters look. Its Product may be empty: Config.Product; its Security too: our page with the person's devices.
	Letters mail.LettersConfig
	// AllowNoMail says that nothing can be mailed: nobody is asked for a code on a browser never seen before, nobody is told of
	// anything, who must set up two-step verification cannot, only SetPassword opens a locked account, and so Preset.KeepOnReport
	// is set. It goes with no Mail.
	AllowNoMail bool

	// Risk judges every sign-in after its first proof: by place, network, time or history, which this library knows nothing of. An
	// error is recorded, and leaves the decision to what is known of the device. Nil: so does that.
	Risk func(ctx context.Context, a Attempt) (Verdict, error)

	// Passwords hashes and checks passwords. The zero Hasher is ready to use.
	Passwords password.Hasher
	// HashesAtOnce is how many passwords are hashed at the same time; zero: one for each processor. Each takes 19 MiB.
	HashesAtOnce int
	// HashesWaiting is how many more may wait; zero: 16 for each processor. Whoever comes then is told to try again.
	HashesWaiting int
	// Breaches tells whether a new password is known from a breach. Nil: not asked. If it fails, the password is not set.
	Breaches password.Breaches
	// Words may not make up a new password: the product's name. Nil: none beyond the person's and the company's own.
	Words []string

	// ReturnOrigins are other origins ("https://admin.example.com") that a person may be sent to after signing in. Nil: none.
	ReturnOrigins []string

	// InsecureHTTP allows a plain http BaseURL that is not localhost, and cookies that travel over it, for a test network without
	// certificates. Browsers that refuse Secure cookies on http://localhost, as Safari does, need it there too.
	InsecureHTTP bool

	// AlertAfter is how many guesses this process refuses within a minute before it records a GuessingAlert. Zero: 100.
	AlertAfter int

	// Record gets every event before its effect; an error refuses the step. So an event says what was about to happen: the step may
	// still fail after it. Nil: there is no trail.
	Record func(ctx context.Context, e Event) error

	// Report gets the error behind each 503 of Require and RequireRecent, and what fails in Run: a store that does not answer. Nil:
	// nobody is told.
	Report func(ctx context.Context, err error)

	// Chores are what Run does besides, once a minute: the metadata of companies' sign-ins (sso.Registry.Refresh), the domains that they have
	// proved (directory.Directory.RecheckDomains). Each bounds its own work. Nil: nothing.
	Chores []func(ctx context.Context) error

	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// A Manager signs people in. Make it with New. It is safe for concurrent use, and keeps nothing that matters outside its Stores:
// any number of programs may share them.
type Manager struct {
	users         Users
	companies     Companies
	registrar     Registrar      // nil: people cannot be added or changed
	invitations   Invitations    // nil: nobody is invited
	admins        Administrators // nil: nobody is named
	members       Members        // nil: no company's sign-in adds anybody, and nobody is exempt from it
	stores        Stores
	sessions      *session.Manager
	ring          *token.Ring
	preset        Preset
	product       string
	hasher        password.Hasher
	queue         *password.Queue
	breaches      password.Breaches
	words         []string
	totp          *mfa.TOTP
	recovery      *mfa.Recovery
	codes         *mfa.Codes   // nil: nothing can be mailed
	outbox        *mail.Outbox // nil: the same
	posted        chan struct{}
	risk          func(ctx context.Context, a Attempt) (Verdict, error)
	base          *url.URL
	signInPath    string // with the path of BaseURL before it
	prefix        string // signInPath without "signin"
	returnOrigins []string
	insecureHTTP  bool
	report        func(context.Context, error) // nil: nobody is told
	brokenGuard   func(http.ResponseWriter, *http.Request, error)
	record        func(ctx context.Context, e Event) error
	chores        []func(ctx context.Context) error
	now           func() time.Time
	alarm         *alarm
}

// New checks the configuration and returns a Manager. Its errors name the field.
func New(cfg Config) (*Manager, error) {
	base, err := baseurl.Parse(cfg.BaseURL, cfg.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("auth: Config.BaseURL %w", err)
	}
	signIn := cmp.Or(cfg.SignInPath, "/auth/signin")
	if !strings.HasPrefix(signIn, "/") || !strings.HasSuffix(signIn, "/signin") || path.Clean(signIn) != signIn {
		return nil, fmt.Errorf("auth: Config.SignInPath %q must be a plain path that ends in /signin", cfg.SignInPath)
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("auth: Config.Keys: %w", err)
	}
	if err := required(cfg); err != nil {
		return nil, err
	}
	preset := cfg.Preset.complete()
	preset.KeepOnReport = preset.KeepOnReport || cfg.AllowNoMail // nobody could mail the way out of the lock
	if err := preset.check(); err != nil {
		return nil, err
	}
	if err := cfg.Passwords.Check(); err != nil {
		return nil, fmt.Errorf("auth: Config.Passwords: %w", err)
	}
	origins, err := cleanOrigins(cfg.ReturnOrigins)
	if err != nil {
		return nil, err
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	companies := cfg.Companies
	if companies == nil {
		companies = noCompanies{}
	}
	m := &Manager{
		users: cfg.Users, companies: companies, stores: cfg.Stores,
		registrar: cfg.Registrar, invitations: cfg.Invitations, admins: cfg.Administrators, members: cfg.Members,
		ring: ring, preset: preset, product: cmp.Or(cfg.Product, base.Hostname()),
		hasher: cfg.Passwords, queue: password.NewQueue(cfg.HashesAtOnce, cfg.HashesWaiting),
		breaches: cfg.Breaches, words: cfg.Words,
		base: base, signInPath: base.Path + signIn, prefix: base.Path + strings.TrimSuffix(signIn, "signin"),
		returnOrigins: origins, insecureHTTP: cfg.InsecureHTTP && base.Scheme == "http",
		posted: make(chan struct{}, 1), risk: cfg.Risk, report: cfg.Report, brokenGuard: broken(cfg.Report),
		record: cfg.Record, chores: cfg.Chores, now: now, alarm: &alarm{limit: cmp.Or(cfg.AlertAfter, 100)},
	}
	if err := m.secondSteps(cfg); err != nil {
		return nil, err
	}
	if err := m.letters(cfg); err != nil {
		return nil, err
	}
	m.sessions, err = session.New(session.Config{
		Store: cfg.Stores.Sessions, Cuts: cfg.Stores.Cuts,
		Idle: preset.Policy.Idle, Cap: preset.Policy.Cap,
		KeptIdle: preset.Policy.KeptIdle, KeptCap: preset.Policy.KeptCap,
		InsecureHTTP: m.insecureHTTP, Unauthorized: m.signInFirst(), Broken: m.brokenGuard, Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("auth: making the session manager: %w", err)
	}
	return m, nil
}

// secondSteps makes the managers of package mfa.
func (m *Manager) secondSteps(cfg Config) (err error) {
	issuer := strings.TrimSpace(strings.ReplaceAll(m.product, ":", " ")) // apps cut the name at a colon
	m.totp, err = mfa.NewTOTP(mfa.TOTPConfig{Store: cfg.Stores.TOTP, Keys: cfg.Keys, Issuer: issuer, Now: m.now})
	if err != nil {
		return fmt.Errorf("auth: making the manager of authenticator apps: %w", err)
	}
	m.recovery, err = mfa.NewRecovery(mfa.RecoveryConfig{Store: cfg.Stores.Recovery, Keys: cfg.Keys, Now: m.now})
	if err != nil {
		return fmt.Errorf("auth: making the manager of recovery codes: %w", err)
	}
	return nil
}

// letters makes what mails, unless nothing can be mailed.
func (m *Manager) letters(cfg Config) (err error) {
	if cfg.Mail == nil {
		return nil
	}
	m.codes, err = mfa.NewCodes(mfa.CodesConfig{Store: cfg.Stores.Codes, Keys: cfg.Keys, Now: m.now})
	if err != nil {
		return fmt.Errorf("auth: making the manager of mailed codes: %w", err)
	}
	look := cfg.Letters
	look.Product = cmp.Or(look.Product, m.product)
	look.Security = cmp.Or(look.Security, m.URLOf("account/devices"))
	look.Help = cmp.Or(look.Help, m.URLOf("help"))
	letters, err := mail.NewLetters(look)
	if err != nil {
		return fmt.Errorf("auth: Config.Letters: %w", err)
	}
	m.outbox, err = mail.NewOutbox(mail.OutboxConfig{
		Store: cfg.Stores.Outbox, Keys: cfg.Keys, Sender: cfg.Mail, Letters: letters, Dead: m.dead, Now: m.now,
	})
	if err != nil {
		return fmt.Errorf("auth: making the outbox: %w", err)
	}
	return nil
}

// required names the first field that is missing.
func required(cfg Config) error {
	for _, f := range []struct {
		missing bool
		field   string
	}{
		{cfg.Users == nil, "Users"},
		{cfg.Stores.Credentials == nil, "Stores.Credentials"},
		{cfg.Stores.Flows == nil, "Stores.Flows"},
		{cfg.Stores.Limits == nil, "Stores.Limits"},
		{cfg.Stores.Sessions == nil, "Stores.Sessions"},
		{cfg.Stores.Devices == nil, "Stores.Devices"},
		{cfg.Stores.TOTP == nil, "Stores.TOTP"},
		{cfg.Stores.Recovery == nil, "Stores.Recovery"},
		{cfg.Mail != nil && cfg.Stores.Codes == nil, "Stores.Codes"},
		{cfg.Mail != nil && cfg.Stores.Outbox == nil, "Stores.Outbox"},
		{cfg.Mail != nil && cfg.Stores.Tickets == nil, "Stores.Tickets"},
	} {
		if f.missing {
			return fmt.Errorf("auth: Config.%s is required", f.field)
		}
	}
	if cfg.Companies == nil && cfg.Preset.NeedsCompany {
		return errors.New("auth: Config.Companies is required by Preset.NeedsCompany")
	}
	if cfg.AlertAfter < 0 {
		return errors.New("auth: Config.AlertAfter is negative")
	}
	signUp := cmp.Or(cfg.Preset.SignUp, SignUpOff) != SignUpOff
	switch {
	case cfg.Invitations != nil && cfg.Registrar == nil:
		return errors.New("auth: Config.Registrar is required by Invitations: whoever is new has to be added")
	case signUp && cfg.Registrar == nil:
		return errors.New("auth: Config.Registrar is required by Preset.SignUp")
	case signUp && cfg.Mail == nil:
		return errors.New("auth: Config.Mail is required by Preset.SignUp: an address is proven by a letter")
	}
	if cfg.Preset.SocialSignUp == SocialSignUpOn && cfg.Registrar == nil {
		return errors.New("auth: Config.Registrar is required by Preset.SocialSignUp")
	}
	switch {
	case cfg.Mail == nil && !cfg.AllowNoMail:
		return errors.New("auth: Config.Mail is required: codes and notices are mailed; or AllowNoMail, to do without them")
	case cfg.Mail != nil && cfg.AllowNoMail:
		return errors.New("auth: Config.AllowNoMail is set, and Mail too: take one away")
	case cfg.AllowNoMail && cfg.Preset.Policy.TwoStep == TwoStepRequired:
		return errors.New("auth: Config.Mail is required by Preset.Policy.TwoStep: an app is set up with a mailed code")
	}
	return nil
}

func cleanOrigins(origins []string) ([]string, error) {
	out := make([]string, 0, len(origins))
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && baseurl.Loopback(u.Hostname())) || o != u.Scheme+"://"+u.Host {
			return nil, fmt.Errorf("auth: Config.ReturnOrigins: %q must be an origin like https://admin.example.com", o)
		}
		out = append(out, o)
	}
	return out, nil
}

// noCompanies is Companies for a host that has none.
type noCompanies struct{}

func (noCompanies) Memberships(context.Context, string) ([]Membership, error) { return nil, nil }
func (noCompanies) DomainRule(context.Context, string) (DomainRule, error) {
	return DomainRule{}, ErrNotFound
}

// Product is the name of the product.
func (m *Manager) Product() string { return m.product }

// Preset is the product's policy as it counts, with nothing left open.
func (m *Manager) Preset() Preset { return m.preset }

// URL is the absolute address of a path below BaseURL.
func (m *Manager) URL(path string) string {
	return m.base.Scheme + "://" + m.base.Host + m.base.Path + path
}

// URLOf is the absolute address of a page of the sign-in: "signin", "help", "account".
func (m *Manager) URLOf(page string) string {
	return m.base.Scheme + "://" + m.base.Host + m.prefix + page
}

// SignInPath is the path of the sign-in page as browsers see it: with the path of BaseURL.
func (m *Manager) SignInPath() string { return m.signInPath }

// InsecureHTTP tells whether cookies must do without Secure.
func (m *Manager) InsecureHTTP() bool { return m.insecureHTTP }

// Now is the manager's clock.
func (m *Manager) Now() time.Time { return m.now() }

// Secret derives a key of n bytes (at most 64) for one purpose from each key of the ring, the sealing one first. It is for
// packages around this one that make cookies of their own; a purpose must be used for one thing only.
func (m *Manager) Secret(purpose string, n int) [][]byte { return m.ring.DeriveAll("host "+purpose, n) }

// Run does the housekeeping until ctx ends, and answers why it ended: it sends letters as they come, those of other programs on the
// same stores within two seconds, and once a minute deletes what has expired and does Config.Chores. What fails is told to Config.Report and tried again.
// It is the one worker that a host starts; without it nothing is insecure, but no letter goes unless the host calls Deliver.
func (m *Manager) Run(ctx context.Context) error {
	expire, deliver := time.NewTicker(time.Minute), time.NewTicker(2*time.Second)
	defer expire.Stop()
	defer deliver.Stop()
	work := errors.Join(m.Expire(ctx), m.doChores(ctx))
	for {
		if _, err := m.Deliver(ctx); err != nil {
			work = errors.Join(work, err)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case work != nil && m.report != nil:
			m.report(ctx, work)
		}
		work = nil
		select {
		case <-ctx.Done():
		case <-m.posted:
		case <-deliver.C:
		case <-expire.C:
			work = errors.Join(m.Expire(ctx), m.doChores(ctx))
		}
	}
}

// doChores does what the host has asked for besides. One that fails keeps no other from being done.
func (m *Manager) doChores(ctx context.Context) (failed error) {
	for _, do := range m.chores {
		failed = errors.Join(failed, do(ctx))
	}
	return failed
}

// Expire deletes what has expired, in small portions. It does nothing where Stores.Expiry is nil.
func (m *Manager) Expire(ctx context.Context) error {
	const portion = 500
	for m.stores.Expiry != nil {
		n, err := m.stores.Expiry.DeleteExpired(ctx, m.now(), portion)
		if err != nil {
			return fmt.Errorf("auth: deleting what has expired: %w", err)
		}
		if n < portion {
			break
		}
	}
	return nil
}

// note records an event; an error refuses the step.
func (m *Manager) note(ctx context.Context, e Event) error {
	if m.record == nil {
		return nil
	}
	if err := m.record(ctx, e); err != nil {
		return fmt.Errorf("auth: recording %s: %w", e.Kind, err)
	}
	return nil
}

// event is an event with what is known of the client.
func (m *Manager) event(kind Kind, now time.Time, c Client) Event {
	return Event{Kind: kind, Time: now, IP: ipText(c.IP), UserAgent: session.CleanUserAgent(c.UserAgent)}
}

func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

// An alarm counts the guesses refused within a minute, over all people: what a spray of one password over many accounts looks
// like from here. It counts in this process only.
type alarm struct {
	limit int

	mu     sync.Mutex
	minute int64
	count  int
}

// refused counts one more and tells whether it is the one to report.
func (a *alarm) refused(now time.Time) (count int, report bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if minute := now.Unix() / 60; minute != a.minute {
		a.minute, a.count = minute, 0
	}
	a.count++
	return a.count, a.count == a.limit
}
