package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// Uncapped as a cap means that no length of stay ends a session; only rest does.
// Such a session's ExpiresAt lies a hundred years after its sign-in, an instant that every store can hold.
const Uncapped = time.Duration(1<<63 - 1)

const (
	day     = 24 * time.Hour
	century = 100 * 365 * day
)

// Config says how sessions are kept. Only Store is required.
type Config struct {
	Store Store // where sessions are kept; required
	Cuts  Cuts  // the same store again, to end a whole account's sessions; nil: CutAccount and CutAccountAt answer an error

	Idle     time.Duration // a session that is not kept ends this long after the last activity; zero: 12 hours
	Cap      time.Duration // and this long after sign-in at the latest; zero: 24 hours
	KeptIdle time.Duration // a kept session ends this long after the last activity; zero: 30 days
	KeptCap  time.Duration // and this long after sign-in at the latest; zero: 180 days

	// TouchEvery is how often activity is written down, at most; zero: 15 minutes. A session with a short Idle is
	// written more often, at a tenth of it, so that it never ends much too early. It never ends late.
	TouchEvery time.Duration

	// CookieName is the name of the cookie; empty: "__Host-session". It must start with "__Host-", for which browsers
	// promise that no other host and no other path has set it. With InsecureHTTP it must not; empty is "session" then.
	CookieName string

	// InsecureHTTP makes a cookie that travels over plain http, where anybody on the way can read it and another host of
	// the same domain can set it. It is for a test machine with a name other than localhost, and for browsers that keep
	// no secure cookie of http://localhost.
	InsecureHTTP bool

	Unauthorized http.Handler                                    // what Require answers to nobody; nil: 401, in JSON or plain text
	Broken       func(http.ResponseWriter, *http.Request, error) // what Require answers when the store fails; nil: 503, and the error is lost
	Now          func() time.Time                                // the clock; nil: time.Now
}

// A Manager issues, checks and ends sessions. It is safe for concurrent use.
//
// Methods of one Session answer [ErrNotFound] for whoever may not come in, and any other error only where the store is
// broken: that is no reason to ask a person to sign in again.
type Manager struct {
	cfg    Config
	secure bool
}

// New checks the Config, fills in its zeros and returns a Manager.
func New(cfg Config) (*Manager, error) {
	if cfg.Store == nil {
		return nil, errors.New("session: Config.Store is required")
	}
	for _, f := range []struct {
		name  string
		value *time.Duration
		zero  time.Duration
	}{
		{"Idle", &cfg.Idle, 12 * time.Hour},
		{"Cap", &cfg.Cap, day},
		{"KeptIdle", &cfg.KeptIdle, 30 * day},
		{"KeptCap", &cfg.KeptCap, 180 * day},
		{"TouchEvery", &cfg.TouchEvery, 15 * time.Minute},
	} {
		if *f.value < 0 {
			return nil, fmt.Errorf("session: Config.%s is negative", f.name)
		}
		*f.value = cmp.Or(*f.value, f.zero)
	}
	if cfg.CookieName == "" {
		cfg.CookieName = "__Host-session"
		if cfg.InsecureHTTP {
			cfg.CookieName = "session"
		}
	}
	if err := checkCookieName(cfg.CookieName, cfg.InsecureHTTP); err != nil {
		return nil, err
	}
	if cfg.Unauthorized == nil {
		cfg.Unauthorized = http.HandlerFunc(unauthorized)
	}
	if cfg.Broken == nil {
		cfg.Broken = broken
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Manager{cfg: cfg, secure: !cfg.InsecureHTTP}, nil
}

// A Start says whose session begins, and how.
type Start struct {
	ID        string        // names the session, if the caller has already written it down somewhere; empty: a random one
	UserID    string        // who signs in; required
	AccountID string        // the company chosen; empty: none
	DeviceID  string        // the browser's device record; empty: none
	Methods   Methods       // how the person proved who they are, in order
	Via       string        // the connection or provider the person came by; empty: this application itself
	Kept      bool          // "keep me signed in" was chosen
	Idle      time.Duration // ends this long after the last activity; zero: the manager's
	Cap       time.Duration // ends this long after CreatedAt, whatever happens; zero: the manager's
	CreatedAt time.Time     // when the facts that let the person in were read: cuts of the account count from then; zero, or a time to come: now
	AuthTime  time.Time     // when something was proven last; zero, or later than CreatedAt: CreatedAt
	UserAgent string        // the browser's own description, as it came; CleanUserAgent is applied to it
	IP        string        // the browser's address; empty: unknown
}

// Issue begins a session for somebody whom the caller has identified, and returns the token to give to the browser with
// [Manager.SetCookie]. The token is always a new one: whatever the browser sent before is neither looked at nor ended,
// so sign an older session out first.
//
// Somebody may be shut out while their sign-in is under way, and the session comes after [Manager.EndAll] went through. Look
// once more, when Issue has returned, whether the person may come in, and end the session instead of giving out the token
// if not. Package auth does.
func (m *Manager) Issue(ctx context.Context, start Start) (plain string, s Session, err error) {
	if start.UserID == "" {
		return "", Session{}, errors.New("session: Start.UserID is required")
	}
	if start.Idle < 0 || start.Cap < 0 {
		return "", Session{}, errors.New("session: Start.Idle or Start.Cap is negative")
	}
	now := m.now()
	created := now
	if !start.CreatedAt.IsZero() && start.CreatedAt.Before(now) {
		created = stored(start.CreatedAt)
	}
	proven := created
	if !start.AuthTime.IsZero() && start.AuthTime.Before(created) {
		proven = stored(start.AuthTime)
	}
	idle, stay := m.cfg.Idle, m.cfg.Cap
	if start.Kept {
		idle, stay = m.cfg.KeptIdle, m.cfg.KeptCap
	}
	s = Session{
		ID:        cmp.Or(start.ID, token.NewID()),
		UserID:    start.UserID,
		AccountID: start.AccountID,
		DeviceID:  start.DeviceID,
		Methods:   start.Methods,
		Via:       start.Via,
		Kept:      start.Kept,
		CreatedAt: created,
		AuthTime:  proven,
		SeenAt:    now,
		Idle:      bounded(cmp.Or(start.Idle, idle)),
		ExpiresAt: created.Add(bounded(cmp.Or(start.Cap, stay))),
		UserAgent: CleanUserAgent(start.UserAgent),
		IP:        printable(start.IP, 64),
	}
	plain, key := token.New(token.Session)
	if err := m.cfg.Store.CreateSession(ctx, key, s); err != nil {
		return "", Session{}, fmt.Errorf("session: creating: %w", err)
	}
	return plain, s, nil
}

// Lookup returns the session that a token opens. ErrNotFound: it opens none, be it unknown, malformed, expired or ended.
//
// Every call that finds a session counts as activity and puts off its idle end, and so does every request that passes
// [Manager.Require] or [Manager.Authenticate]: a page that asks the server every minute keeps its session alive until
// the cap. Leave requests that no person makes outside of Require if they should not count.
//
// A session found expired is ended for good: a clock that is set back does not revive it.
func (m *Manager) Lookup(ctx context.Context, plain string) (Session, error) {
	s, _, err := m.check(ctx, plain)
	if err != nil {
		return Session{}, err
	}
	return *s, nil
}

// Authenticate is Lookup of the token in a request's cookie, for handlers that are not behind [Manager.Require].
func (m *Manager) Authenticate(r *http.Request) (Session, error) {
	plain, ok := m.Token(r)
	if !ok {
		return Session{}, ErrNotFound
	}
	s, _, err := m.check(r.Context(), plain)
	if err != nil {
		return Session{}, err
	}
	return *s, nil
}

// check finds a live session and writes its activity down when that is due.
func (m *Manager) check(ctx context.Context, plain string) (s *Session, touched bool, err error) {
	key, ok := token.Lookup(token.Session, plain)
	if !ok {
		return nil, false, ErrNotFound
	}
	now := m.cfg.Now()
	s, err = m.find(ctx, key, now)
	if err != nil {
		return nil, false, err
	}
	if rest := s.rest(now); rest < m.cfg.TouchEvery.Microseconds() && rest < s.Idle.Microseconds()/10 {
		return s, false, nil
	}
	return m.touch(ctx, key, s, now)
}

// find returns a live session of the store. The answer is shared.
func (m *Manager) find(ctx context.Context, key Key, now time.Time) (*Session, error) {
	s, err := m.cfg.Store.Session(ctx, key, now)
	if err != nil {
		return nil, failed("reading", err)
	}
	if !s.live(now) {
		// The answer is the same whether or not this succeeds; the row would only wait for DeleteExpired.
		_ = m.cfg.Store.EndSession(ctx, s.UserID, s.ID)
		return nil, ErrNotFound
	}
	return s, nil
}

func (m *Manager) touch(ctx context.Context, key Key, s *Session, now time.Time) (*Session, bool, error) {
	seen := *s
	seen.SeenAt = stored(now)
	if err := m.cfg.Store.TouchSession(ctx, key, seen.SeenAt); err != nil {
		return nil, false, failed("touching", err)
	}
	return &seen, true, nil
}

// A Change is what is different about a session after a change of privilege. Zero in a field leaves it as it was.
type Change struct {
	AccountID string        // the company now chosen
	Methods   Methods       // the whole list as it now stands
	AuthTime  time.Time     // when something was proven just now; it never moves back, nor into the future
	Idle      time.Duration // the limits as they now stand
	Cap       time.Duration // counted from the sign-in, not from now; it may have passed already
}

// Rotate gives a session a new token and what change says, in one step. Call it whenever somebody's power changes: after
// a step-up, a new factor, another company, a new role. The old token opens nothing from then on; the session keeps its ID.
// Of several calls with one token, one wins.
//
// ErrNotFound: the token opens nothing; or the session is over by its new limits, and has ended; or the company it was to go to has
// ended its sessions since this one began (see CutAccount): then it stays where it is, and a new sign-in enters the company.
func (m *Manager) Rotate(ctx context.Context, plain string, change Change) (newPlain string, s Session, err error) {
	old, ok := token.Lookup(token.Session, plain)
	if !ok {
		return "", Session{}, ErrNotFound
	}
	if change.Idle < 0 || change.Cap < 0 {
		return "", Session{}, errors.New("session: Change.Idle or Change.Cap is negative")
	}
	now := m.now()
	found, err := m.find(ctx, old, now)
	if err != nil {
		return "", Session{}, err
	}
	s = changed(*found, change, now)
	if !s.live(now) {
		if err := m.End(ctx, s.UserID, s.ID); err != nil {
			return "", Session{}, err
		}
		return "", Session{}, ErrNotFound
	}
	newPlain, key := token.New(token.Session)
	if err := m.cfg.Store.RotateSession(ctx, old, key, s, now); err != nil {
		return "", Session{}, failed("rotating", err)
	}
	return newPlain, s, nil
}

func changed(s Session, change Change, now time.Time) Session {
	s.AccountID = cmp.Or(change.AccountID, s.AccountID)
	s.Methods = cmp.Or(change.Methods, s.Methods)
	if proven := stored(change.AuthTime); proven.After(s.AuthTime) {
		s.AuthTime = proven
		if proven.After(now) {
			s.AuthTime = now
		}
	}
	if change.Idle != 0 {
		s.Idle = bounded(change.Idle)
	}
	if change.Cap != 0 {
		s.ExpiresAt = s.CreatedAt.Add(bounded(change.Cap))
	}
	return s
}

// SignOut ends the session that a token opens, wherever its cookie has been copied to. A token that opens nothing is not
// an error. It does not touch the cookie; see [Manager.ClearCookie].
func (m *Manager) SignOut(ctx context.Context, plain string) error {
	key, ok := token.Lookup(token.Session, plain)
	if !ok {
		return nil
	}
	s, err := m.cfg.Store.Session(ctx, key, m.now())
	if err == nil {
		err = m.cfg.Store.EndSession(ctx, s.UserID, s.ID)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return failed("signing out", err)
	}
	return nil
}

// List returns a person's live sessions, newest first.
func (m *Manager) List(ctx context.Context, userID string) ([]Session, error) {
	now := m.now()
	all, err := m.cfg.Store.Sessions(ctx, userID, now)
	if err != nil {
		return nil, failed("listing", err)
	}
	live := make([]Session, 0, len(all))
	for _, s := range all {
		if s.live(now) {
			live = append(live, s)
		}
	}
	return live, nil
}

// End ends one session of a person, by its ID. ErrNotFound: the person has no such session, though somebody else may.
func (m *Manager) End(ctx context.Context, userID, id string) error {
	return failed("ending", m.cfg.Store.EndSession(ctx, userID, id))
}

// EndOthers ends every session of s.UserID but s.
func (m *Manager) EndOthers(ctx context.Context, s Session) error {
	if s.UserID == "" || s.ID == "" {
		return errors.New("session: EndOthers was given no session to keep")
	}
	return failed("ending others", m.cfg.Store.EndSessions(ctx, s.UserID, s.ID))
}

// EndAll ends every session of a person. Shut the person out first, then call it; see [Manager.Issue] for sign-ins under way.
func (m *Manager) EndAll(ctx context.Context, userID string) error {
	return failed("ending all", m.cfg.Store.EndSessions(ctx, userID, ""))
}

// CutAccount ends every session of an account that there is. People may sign in again if they are let in.
func (m *Manager) CutAccount(ctx context.Context, accountID string) error {
	if err := m.canCut(accountID); err != nil {
		return err
	}
	return failed("cutting", m.cfg.Cuts.CutSessions(ctx, accountID, m.now()))
}

// CutAccountAt appoints the end of every session of an account that is made before at. It needs no job to run then: from
// that instant on they are not found. There is one appointment for each account; a new one replaces it and a zero at takes
// it back, unless it has passed.
func (m *Manager) CutAccountAt(ctx context.Context, accountID string, at time.Time) error {
	if err := m.canCut(accountID); err != nil {
		return err
	}
	return failed("appointing a cut", m.cfg.Cuts.DueCut(ctx, accountID, stored(at), m.now()))
}

func (m *Manager) canCut(accountID string) error {
	if m.cfg.Cuts == nil {
		return errors.New("session: Config.Cuts is not set, so an account's sessions cannot be cut")
	}
	if accountID == "" {
		return errors.New("session: an account without an ID cannot be cut")
	}
	return nil
}

// now is the instant of a step as it may be stored and compared.
func (m *Manager) now() time.Time { return stored(m.cfg.Now()) }

// stored is a time as every store can give it back: without the monotonic clock, which another process does not share,
// and in whole microseconds. Two instants compare the same before and after they were written.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Truncate(time.Microsecond).UTC()
}

// bounded keeps a time added to any date within what time.Time and SQL stores can hold.
func bounded(d time.Duration) time.Duration { return min(d.Truncate(time.Microsecond), century) }

// failed says what was being done, but leaves ErrNotFound alone: it is an answer, and the commonest one.
func failed(doing string, err error) error {
	if err == nil || err == ErrNotFound {
		return err
	}
	return fmt.Errorf("session: %s: %w", doing, err)
}

// CleanUserAgent makes a browser's description of itself fit to be stored and shown: valid UTF-8 without anything that does
// not print, of at most 256 bytes. Nothing in it can be relied on.
func CleanUserAgent(s string) string { return printable(s, 256) }

// printable copies the text, so that a short one does not keep a long one in memory.
func printable(s string, limit int) string {
	var b strings.Builder
	for _, r := range s[:min(len(s), 4*limit)] { // what is damaged reads as U+FFFD, three bytes
		if !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+len(string(r)) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
