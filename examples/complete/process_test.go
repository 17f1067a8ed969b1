package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/testdb"
)

// A program is a process of ours.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
	log *strings.Builder
}

// build builds the program as its users do.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "complete")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// launch starts the program without waiting for it.
func launch(t *testing.T, path string, args ...string) (*program, func() *program) {
	t.Helper()
	p := &program{t: t, log: &strings.Builder{}}
	p.cmd = exec.Command(path, append([]string{"-addr", "localhost:0"}, args...)...)
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p, func() *program {
		t.Helper()
		late := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
		p.url = readAddress(out)
		late.Stop()
		if p.url == "" {
			p.kill()
			t.Fatalf("the program does not start: %s", p.log)
		}
		return p
	}
}

// start starts the program and waits until it listens.
func start(t *testing.T, path string, args ...string) *program {
	t.Helper()
	_, ready := launch(t, path, args...)
	return ready()
}

// kill ends the program as the loss of power does: it can do nothing about it.
func (p *program) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait() // a second time there is nothing to wait for
}

// stop asks the program to end.
func (p *program) stop() {
	p.t.Helper()
	late := time.AfterFunc(30*time.Second, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the program ends with %v: %s", err, p.log)
	}
}

func TestProcess(t *testing.T) {
	path := build(t)
	t.Run("kill -9 in the middle of 200 sign-ins", func(t *testing.T) { testKill(t, path) })
	t.Run("the data outlives the program", func(t *testing.T) {
		testRestart(t, path, "-db", filepath.Join(t.TempDir(), "demo.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		args := func(t *testing.T) []string {
			return []string{"-db", postgres(t), "-key", filepath.Join(t.TempDir(), "demo.key")}
		}
		t.Run("the data outlives the program", func(t *testing.T) { testRestart(t, path, args(t)...) })
		t.Run("two programs", func(t *testing.T) { testTwo(t, path, args(t)) })
	})
}

// postgres is the address of an empty schema, which goes with the test.
func postgres(t *testing.T) string {
	t.Helper()
	db := testdb.RawPostgreSQL(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var schema, address string
	if err := conn.QueryRowContext(t.Context(), "SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	err = conn.Raw(func(driver any) error {
		address = driver.(*stdlib.Conn).Conn().Config().ConnString()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	q.Set("search_path", schema)
	to.RawQuery = q.Encode()
	return to.String()
}

// An attempt is one of the sign-ins that the program is killed in.
type attempt struct {
	*visitor
	who      auth.User
	first    reply // what the first step was answered
	answered bool  // with a session
	err      error // of the connection
}

func testKill(t *testing.T, path string) {
	const all, enough = 200, 70
	file := filepath.Join(t.TempDir(), "demo.db")
	people := crowd(t, file, 100)
	p := start(t, path, "-db", file)

	// Each comes from an address of its own: the program lets one address guess 30 times a minute, and mails one person five codes
	// an hour.
	attempts := make([]*attempt, all)
	for i := range attempts {
		attempts[i] = &attempt{visitor: newVisitor(t, p.url, fmt.Sprintf("127.1.%d.7", i+1)), who: people[i%len(people)]}
	}
	var next, done atomic.Int64
	var once sync.Once
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < all; i = next.Add(1) - 1 {
				if attempts[i].run(); attempts[i].answered && done.Add(1) >= enough {
					once.Do(func() { p.cmd.Process.Kill() })
				}
			}
		})
	}
	workers.Wait()
	p.kill()

	var answered int
	var cut []*attempt
	for i, a := range attempts {
		switch {
		case a.answered:
			answered++
		case a.err == nil:
			t.Errorf("sign-in %d of %s was refused: %+v", i, a.email, a.first)
		case a.first.Stage != "":
			cut = append(cut, a)
		}
	}
	if answered < enough || len(cut) == 0 {
		t.Fatalf("%d sign-ins were answered and %d cut in two, want %d and some: the program was not killed in the middle\n%s", answered, len(cut), enough, p.log)
	}
	t.Logf("of %d sign-ins %d were answered and %d cut in two", all, answered, len(cut))

	p = start(t, path, "-db", file)
	for _, a := range attempts {
		a.url = p.url
		if a.answered {
			a.sees(t, a.who.Name)
		} else {
			a.sees(t, "")
		}
	}
	// Whoever was cut off tries again where they were; if that sign-in is over, or its letter was lost with the mailbox, they begin
	// anew.
	for _, a := range cut {
		workers.Go(func() {
			a.wait = 2 * time.Second
			r, err := a.finish(a.first)
			if err == nil && !r.in() {
				a.wait = 0
				r, err = a.signIn(a.email)
			}
			if err != nil || !r.in() {
				t.Errorf("the sign-in of %s, cut off, ends with %v %+v, want ready", a.email, err, r)
			}
		})
	}
	workers.Wait()
	checkSessions(t, attempts, cut)
}

// crowd makes a database with so many people more in it.
func crowd(t *testing.T, file string, n int) []auth.User {
	t.Helper()
	p, err := newProduct(t.Context(), options{db: file, preset: "recommended"}, "http://localhost:8080", "http://127.0.0.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	people := make([]auth.User, n)
	var workers sync.WaitGroup
	var next atomic.Int64
	for range 4 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				name := fmt.Sprintf("crowd%03d", i)
				u, err := p.people.AddUser(t.Context(), auth.User{ID: name, Email: name + "@acme.example", Name: name})
				if err == nil {
					err = p.in.SetPassword(t.Context(), u.ID, demoPassword)
				}
				if err != nil {
					t.Errorf("making %s: %v", name, err)
				}
				people[i] = u
			}
		})
	}
	workers.Wait()
	return people
}

// run signs in, step by step, as far as the program lives.
func (a *attempt) run() {
	a.first, a.err = a.identify(a.who.Email)
	if a.err != nil || a.first.Stage != "authenticate" {
		return
	}
	r, err := a.finish(a.first)
	a.err = err
	if a.answered = err == nil && r.in(); err == nil && !a.answered {
		a.first = r
	}
}

// checkSessions checks that each person has the sessions that were answered, and beyond them no more than could have been on their
// way when the program was killed.
func checkSessions(t *testing.T, attempts, cut []*attempt) {
	t.Helper()
	answered, more := map[string]int{}, map[string]int{}
	for _, a := range attempts {
		if a.answered {
			answered[a.email]++
		}
	}
	for _, a := range cut {
		answered[a.email]++ // in the end
		more[a.email]++
	}
	for _, a := range attempts {
		if a.first.Stage == "" {
			continue
		}
		r, err := a.do(http.MethodGet, "/auth/account/sessions", "application/json", nil)
		var list struct{ Sessions []struct{ ID string } }
		if err == nil {
			err = json.Unmarshal([]byte(r.body), &list)
		}
		got, least := len(list.Sessions), answered[a.email]
		if err != nil || got < least || got > least+more[a.email] {
			t.Errorf("%s has %d sessions (%v), want %d, and up to %d more", a.email, got, err, least, more[a.email])
		}
	}
}

// testRestart stops the program in two ways and starts it again on what it has left.
func testRestart(t *testing.T, path string, args ...string) {
	p := start(t, path, args...)
	v := newVisitor(t, p.url, "127.0.0.1")
	if r, err := v.signIn("ann@acme.example"); err != nil || !r.in() {
		t.Fatalf("signing in ends with %v %+v, want ready", err, r)
	}
	v.sees(t, "Ann")
	p.stop()
	p = start(t, path, args...)
	v.url = p.url
	v.sees(t, "Ann")
	p.kill()
	p = start(t, path, args...)
	v.url = p.url
	v.sees(t, "Ann")
	if r, err := v.post("/auth/signout", nil); err != nil || r.status != http.StatusOK {
		t.Errorf("signing out: %v %+v, want 200", err, r)
	}
	v.sees(t, "")
}

// testTwo runs two programs on one database.
func testTwo(t *testing.T, path string, args []string) {
	_, ready := launch(t, path, args...)
	_, readyToo := launch(t, path, args...)
	one, two := ready(), readyToo()
	both := []string{one.url, two.url} // they send each other's letters
	v := newVisitor(t, one.url, "127.0.0.1")
	v.mail = both
	if r, err := v.signIn("ann@acme.example"); err != nil || !r.in() {
		t.Fatalf("signing in ends with %v %+v, want ready", err, r)
	}
	copied := map[string]string{}
	for name, value := range v.cookies {
		copied[name] = value
	}
	v.url = two.url
	t.Run("R17 signed in at one, in at the other", func(t *testing.T) { v.sees(t, "Ann") })
	t.Run("A-225 R67 signed out at the other, out at the one", func(t *testing.T) {
		if r, err := v.post("/auth/signout", nil); err != nil || r.status != http.StatusOK {
			t.Errorf("signing out: %v %+v, want 200", err, r)
		}
		v.url, v.cookies = one.url, copied
		v.sees(t, "")
	})
	t.Run("R107 begun at one, finished at the other", func(t *testing.T) {
		v := newVisitor(t, one.url, "127.0.0.1")
		v.mail = both
		r, err := v.identify("admin@acme.example")
		if err != nil || r.Stage != "authenticate" {
			t.Fatalf("the first step: %v %+v, want authenticate", err, r)
		}
		v.url = two.url
		if r, err = v.finish(r); err != nil || !r.in() {
			t.Errorf("the second step: %v %+v, want ready", err, r)
		}
		v.url = one.url
		v.sees(t, "Ada")
	})
}
