package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

const (
	productName = "Sallyport Demo"
	support     = "mailto:support@sallyport.example"
)

// A product is the host: its database, its people, its mailbox, its sign-in and its home page.
type product struct {
	db        *sql.DB
	where     string // the database, as it may be printed
	people    *directory.Directory
	mail      *mailbox
	in        *auth.Manager
	pages     *web.Handler
	companies *companies
	accounts  *accounts
	trail     *trail
	apps      *appOf
}

// newProduct makes a product that people reach at baseURL, and companies that they reach at theirs.
func newProduct(ctx context.Context, o options, baseURL, theirs string) (*product, error) {
	preset, err := presetNamed(o.preset)
	if err != nil {
		return nil, err
	}
	db, dialect, where, err := openDB(o.db)
	if err != nil {
		return nil, err
	}
	p := &product{db: db, where: where, mail: &mailbox{}}
	if err := p.build(ctx, dialect, baseURL, theirs, o, preset); err != nil {
		db.Close()
		return nil, err
	}
	return p, nil
}

func (p *product) build(ctx context.Context, dialect sqlstore.Dialect, baseURL, theirs string, o options, preset auth.Preset) error {
	db, err := sqlstore.Open(p.db, dialect)
	if err != nil {
		return err
	}
	key, err := loadKey(o) // after the database: one that is not there leaves no key behind
	if err != nil {
		return err
	}
	if p.trail, err = newTrail(ctx, p.db, dialect); err != nil {
		return err
	}
	stores := db.Stores()
	if p.apps, err = newAppOf(ctx, p.db, dialect, stores.TOTP, key); err != nil {
		return err
	}
	if p.companies, err = newCompanies(db, key, baseURL, theirs); err != nil {
		return err
	}
	if p.accounts, err = newAccounts(db, key, baseURL, theirs, o.credentials); err != nil {
		return err
	}
	p.people = directory.New(db)
	cfg := auth.Config{
		BaseURL: baseURL, Keys: [][]byte{key},
		Users: p.people, Companies: p.people, Stores: stores,
		Registrar: p.people, Invitations: p.people, Members: p.people, Administrators: p.people,
		Mail: p.mail, Product: productName, Letters: mail.LettersConfig{Support: support},
		Words: []string{"Sallyport"}, Record: p.trail.record,
		Report: func(_ context.Context, err error) { log.Printf("session check: %v", err) },
	}
	// The demo people are made under the recommended rules: their password is theirs in every preset.
	recommended, err := auth.New(cfg)
	if err != nil {
		return err
	}
	_, err = p.people.UserByID(ctx, "kim")
	isNew := errors.Is(err, auth.ErrNotFound) // what was changed since an earlier start stays
	if err := seed(ctx, recommended, p.people); err != nil {
		return err
	}
	if err := p.accounts.connect(ctx, stores.Identities, "kim", "kim@umbra.example", isNew); err != nil {
		return err
	}
	if err := p.companies.connect(ctx); err != nil {
		return err
	}
	if err := seedSSO(ctx, recommended, p.people, p.apps); err != nil {
		return err
	}
	cfg.Preset = preset
	cfg.Preset.SignUp = auth.SignUpMode(o.signUp)
	cfg.Preset.SocialDisplay = cmp.Or(auth.SocialDisplay(o.socialDisplay), preset.SocialDisplay)
	cfg.Preset.SocialSignUp = cmp.Or(auth.SocialSignUp(o.socialSignUp), preset.SocialSignUp)
	if p.in, err = auth.New(cfg); err != nil {
		return err
	}
	p.pages, err = web.New(web.Config{
		Auth: p.in, SSO: p.companies.manager, Social: p.accounts.manager, SSOTested: p.tested, Support: support, Billing: "/billing",
		Report: func(_ context.Context, f web.Fault) { log.Printf("reference %s: %v", f.Reference, f.Err) },
	})
	return err
}

func (p *product) close() { p.db.Close() }

func presetNamed(name string) (auth.Preset, error) {
	switch name {
	case "recommended":
		return auth.Recommended(), nil
	case "one-page":
		return auth.OnePage(), nil
	case "email-first":
		return auth.EmailFirst(), nil
	case "forced-two-step":
		return auth.ForcedTwoStep(), nil
	}
	return auth.Preset{}, fmt.Errorf("there is no preset %q: try recommended, one-page, email-first or forced-two-step", name)
}

func openDB(name string) (db *sql.DB, dialect sqlstore.Dialect, where string, err error) {
	if strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://") {
		db, err = sql.Open("pgx", name)
		return db, sqlstore.PostgreSQL, "PostgreSQL", err
	}
	if scheme, _, found := strings.Cut(name, "://"); found {
		return nil, "", "", fmt.Errorf("-db %s:// is no database that this program knows: try a file, :memory: or postgres://", scheme)
	}
	if db, err = sql.Open("sqlite", sqlstore.SQLiteDSN(name)); err != nil {
		return nil, "", "", err
	}
	if name == ":memory:" {
		db.SetMaxOpenConns(1)
		return db, sqlstore.SQLite, "memory, until the program ends", nil
	}
	return db, sqlstore.SQLite, name, nil
}

// loadKey reads the key that belongs to the database, or makes one. A real host keeps its keys where it keeps its other secrets.
func loadKey(o options) ([]byte, error) {
	key := make([]byte, 32)
	file := o.key
	switch {
	case file != "":
	case o.db == ":memory:":
		rand.Read(key)
		return key, nil
	case strings.Contains(o.db, "://"):
		file = "sallyport-demo.key"
	default:
		file = o.db + ".key"
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		rand.Read(key)
		return key, os.WriteFile(file, []byte(hex.EncodeToString(key)+"\n"), 0o600)
	}
	if err != nil {
		return nil, err
	}
	if key, err = hex.DecodeString(strings.TrimSpace(string(text))); err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold a key of 32 bytes in hexadecimal", file)
	}
	return key, nil
}

// handler is the whole host: the sign-in, a home page behind it, and the mailbox.
func (p *product) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/", p.pages)
	mux.Handle("/.well-known/", p.pages.WellKnown())
	mux.Handle("GET /{$}", p.in.Require(http.HandlerFunc(p.home)))
	mux.Handle("GET /reports", p.in.RequireProduct(reports, http.HandlerFunc(p.reports)))
	p.teamRoutes(mux)
	p.billingRoutes(mux)
	mux.HandleFunc("GET /home.css", homeStyle)
	p.mail.routes(mux)
	return p.onOwnHost(mux)
}

// onOwnHost sends a visitor of 127.0.0.1 to localhost: cookies belong to one name.
func (p *product) onOwnHost(next http.Handler) http.Handler {
	_, own, _ := strings.Cut(p.in.URL(""), "://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != own {
			there := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: r.URL.RawQuery}
			http.Redirect(w, r, p.in.URL(there.String()), http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}
