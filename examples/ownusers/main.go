// Ownusers is a host that has a table of users already: two methods that read it are all that the sign-in needs. Passwords, sessions
// and links stay in Sallyport's own tables, by the ids of the host's.
//
//	go run ./examples/ownusers -addr localhost:8083
//
// Letters are written to the terminal. Without a Registrar nobody can sign up or change their address here, as this host does that
// itself; forgotten passwords, two-step verification and everything else work.
package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	_ "modernc.org/sqlite"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// schema is the host's own: numbers for ids, a column that says who may not come in, and whatever else it keeps of its people.
const schema = `
CREATE TABLE IF NOT EXISTS users (
	id      INTEGER PRIMARY KEY,
	email   TEXT NOT NULL UNIQUE, -- as auth.CanonicalEmail gives it
	name    TEXT,
	blocked INTEGER NOT NULL DEFAULT 0
);
INSERT OR IGNORE INTO users (id, email, name) VALUES (1, 'ann@acme.example', 'Ann'), (2, 'bob@acme.example', NULL);`

// users is the host's table as the sign-in sees it. The two methods are auth.Users.
type users struct{ db *sql.DB }

func (u users) UserByID(ctx context.Context, id string) (auth.User, error) {
	return u.one(ctx, `SELECT id, email, COALESCE(name, ''), blocked FROM users WHERE id = ?`, id)
}

func (u users) UserByEmail(ctx context.Context, email string) (auth.User, error) {
	return u.one(ctx, `SELECT id, email, COALESCE(name, ''), blocked FROM users WHERE email = ?`, email)
}

func (u users) one(ctx context.Context, query, arg string) (user auth.User, err error) {
	var id int64
	err = u.db.QueryRowContext(ctx, query, arg).Scan(&id, &user.Email, &user.Name, &user.Suspended)
	if errors.Is(err, sql.ErrNoRows) {
		return auth.User{}, auth.ErrNotFound
	}
	user.ID = strconv.FormatInt(id, 10)
	return user, err
}

// A host is the program: its database, its people, its sign-in.
type host struct {
	people users
	in     *auth.Manager
	pages  *web.Handler
}

// newHost opens a SQLite file, or ":memory:".
func newHost(ctx context.Context, file, baseURL string, letters mail.Sender) (*host, error) {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(file))
	if err != nil {
		return nil, err
	}
	if file == ":memory:" {
		db.SetMaxOpenConns(1) // each connection would have a memory of its own
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	stores, err := sqlstore.Open(db, sqlstore.SQLite) // in the same database, in tables whose names begin with sallyport_
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32) // a real host keeps its key
	rand.Read(key)
	h := &host{people: users{db}}
	h.in, err = auth.New(auth.Config{
		BaseURL: baseURL, Keys: [][]byte{key}, Product: "Own users", Mail: letters,
		Users: h.people, Stores: stores.Stores(),
	})
	if err != nil {
		return nil, err
	}
	h.pages, err = web.New(web.Config{Auth: h.in})
	return h, err
}

func (h *host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/", h.pages)
	mux.Handle("/.well-known/", h.pages.WellKnown())
	mux.Handle("/", h.in.Require(http.HandlerFunc(h.hello)))
	return mux
}

func (h *host) hello(w http.ResponseWriter, r *http.Request) {
	s, _ := session.From(r.Context())
	u, err := h.people.UserByID(r.Context(), s.UserID)
	if err != nil {
		http.Error(w, "The page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "You are user %s of the host's own table: %s.\n", u.ID, u.Email)
}

// block is what the host's own administration does: first the table, then what the person has open.
func (h *host) block(ctx context.Context, id string) error {
	if _, err := h.people.db.ExecContext(ctx, `UPDATE users SET blocked = 1 WHERE id = ?`, id); err != nil {
		return err
	}
	return h.in.EndUser(ctx, id)
}

func main() {
	addr := flag.String("addr", "localhost:8083", "where to listen")
	flag.Parse()
	ctx := context.Background()
	_, port, err := net.SplitHostPort(*addr)
	if err != nil {
		log.Fatal(err)
	}
	h, err := newHost(ctx, ":memory:", "http://localhost:"+port, &mail.LogSender{W: os.Stderr})
	if err != nil {
		log.Fatal(err)
	}
	if err := h.in.SetPassword(ctx, "1", "correct horse battery staple"); err != nil {
		log.Fatal(err)
	}
	go h.in.Run(ctx) // sends the letters
	log.Printf("open http://localhost:%s/ and sign in as ann@acme.example with: correct horse battery staple", port)
	log.Printf("bob@acme.example has no password yet: \"Forgot your password?\" gives him one")
	log.Fatal(http.ListenAndServe(*addr, h.handler()))
}
