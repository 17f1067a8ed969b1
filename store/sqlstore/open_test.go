package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// eachRaw runs a test over databases that Open has not seen.
func eachRaw(t *testing.T, test func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect)) {
	t.Run("sqlite", func(t *testing.T) { test(t, testdb.RawSQLite(t), sqlstore.SQLite) })
	t.Run("postgresql", func(t *testing.T) { test(t, testdb.RawPostgreSQL(t), sqlstore.PostgreSQL) })
}

// tables lists the tables of this module, with their columns: "sallyport_flows.body".
func tables(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) []string {
	t.Helper()
	query := `SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name LIKE 'sallyport%' ORDER BY 1`
	if dialect == sqlstore.PostgreSQL {
		query = `SELECT table_name || '.' || column_name FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name LIKE 'sallyport%' ORDER BY 1`
	}
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	slices.Sort(all)
	return all
}

func TestOpenRefuses(t *testing.T) {
	if _, err := sqlstore.Open(nil, sqlstore.SQLite); err == nil || !strings.Contains(err.Error(), "*sql.DB") {
		t.Errorf("Open(nil) = %v, want an error that asks for a *sql.DB", err)
	}
	if _, err := sqlstore.Open(testdb.RawSQLite(t), "mysql"); err == nil || !strings.Contains(err.Error(), `"mysql"`) {
		t.Errorf("Open(mysql) = %v, want an error that names the dialect", err)
	}
	for _, weak := range []struct{ dsn, want string }{
		{":memory:", "SetMaxOpenConns(1)"},
		{filepath.Join(t.TempDir(), "a.db"), "busy_timeout"},
		{filepath.Join(t.TempDir(), "b.db") + "?_busy_timeout=1000&_synchronous=NORMAL", "synchronous"},
	} {
		db, err := sql.Open("sqlite", weak.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := sqlstore.Open(db, sqlstore.SQLite); err == nil || !strings.Contains(err.Error(), weak.want) {
			t.Errorf("Open(%s) = %v, want an error that says %s", filepath.Base(weak.dsn), err, weak.want)
		}
	}
}

// A crowded connector cannot connect while others let go of the file.
type crowded struct {
	driver.Connector
	refuses atomic.Int32
}

func (c *crowded) Connect(ctx context.Context) (driver.Conn, error) {
	if c.refuses.Add(-1) >= 0 {
		return nil, errors.New("database is locked (5) (SQLITE_BUSY)")
	}
	return c.Connector.Connect(ctx)
}

// named is a connector of a driver that has none.
type named struct {
	driver driver.Driver
	dsn    string
}

func (n named) Connect(context.Context) (driver.Conn, error) { return n.driver.Open(n.dsn) }
func (n named) Driver() driver.Driver                        { return n.driver }

func TestOpenWaitsForSQLite(t *testing.T) {
	raw := testdb.RawSQLite(t)
	open := func(refusals int32) (left int32, err error) {
		c := &crowded{Connector: named{raw.Driver(), sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "a.db"))}}
		c.refuses.Store(refusals)
		db := sql.OpenDB(c)
		defer db.Close()
		_, err = sqlstore.Open(db, sqlstore.SQLite)
		return c.refuses.Load(), err
	}
	if left, err := open(5); err != nil || left >= 0 {
		t.Errorf("Open while five others let go = %v, and %d are left, want it to wait", err, left)
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := open(math.MaxInt32)
		if waited := time.Since(start); err == nil || !strings.Contains(err.Error(), "SQLITE_BUSY") || waited < 9*time.Second || waited > 20*time.Second {
			t.Errorf("Open while all others let go = %v after %v, want why, after 10 seconds", err, waited)
		}
	})
}

func TestSQLiteDSNSurvivesAPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd % name ? # é.db")
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := sqlstore.Open(db, sqlstore.SQLite); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the database is not in the file of that name: %v", err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		for i := range 3 { // on every connection
			conn, err := db.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var got string
			if err := conn.QueryRowContext(context.Background(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("PRAGMA %s of connection %d = %q, %v, want %q", pragma, i, got, err, want)
			}
		}
	}
}

func TestBothSchemasHaveTheSameColumns(t *testing.T) {
	lite, pg := testdb.RawSQLite(t), testdb.RawPostgreSQL(t)
	mustOpen(t, lite, sqlstore.SQLite)
	mustOpen(t, pg, sqlstore.PostgreSQL)
	got, want := tables(t, pg, sqlstore.PostgreSQL), tables(t, lite, sqlstore.SQLite)
	if !slices.Equal(got, want) || len(want) < 40 {
		t.Errorf("PostgreSQL has the columns\n%v\nwant those of SQLite\n%v", got, want)
	}
}

func mustOpen(t testing.TB, db *sql.DB, dialect sqlstore.Dialect) *sqlstore.DB {
	t.Helper()
	d, err := sqlstore.Open(db, dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// versions lists the versions that were applied.
func versions(t *testing.T, db *sql.DB) []int {
	t.Helper()
	rows, err := db.Query("SELECT version FROM sallyport_schema_version ORDER BY version")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []int
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestMigrations(t *testing.T) {
	t.Run("programs that start together migrate once", func(t *testing.T) {
		eachRaw(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() {
					if _, err := sqlstore.Open(db, dialect); err != nil {
						t.Errorf("Open = %v, want nil for each of 16 callers", err)
					}
				})
			}
			group.Wait()
			once := tables(t, db, dialect)
			mustOpen(t, db, dialect)
			if got := versions(t, db); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
				t.Errorf("versions applied = %v, want [1 2 3 4 5]", got)
			}
			if again := tables(t, db, dialect); !slices.Equal(once, again) {
				t.Errorf("a second Open changed the tables:\n%v\nwant\n%v", again, once)
			}
		})
	})

	t.Run("processes that start together migrate once", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "shared.db")
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if out, err := child(t, "open", path).CombinedOutput(); err != nil {
					t.Errorf("a process that opened the database ended with %v:\n%s", err, out)
				}
			})
		}
		group.Wait()
		db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if got := versions(t, db); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
			t.Errorf("versions applied = %v, want [1 2 3 4 5]", got)
		}
	})

	t.Run("an older program is refused", func(t *testing.T) {
		eachRaw(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
			mustOpen(t, db, dialect)
			if _, err := db.Exec("INSERT INTO sallyport_schema_version (version, applied_at) VALUES (99, 0)"); err != nil {
				t.Fatal(err)
			}
			_, err := sqlstore.Open(db, dialect)
			if err == nil || !strings.Contains(err.Error(), "version 99") || !strings.Contains(err.Error(), "newer release") {
				t.Errorf("Open = %v, want an error that says that a newer release has changed the database to version 99", err)
			}
		})
	})

	t.Run("a migration that fails leaves nothing", func(t *testing.T) {
		for table, version := range map[string]string{"sallyport_users": "version 1", "sallyport_outbox": "version 2", "sallyport_invitations": "version 3", "sallyport_domain_claims": "version 4", "sallyport_social_requests": "version 5"} {
			eachRaw(t, func(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
				if _, err := db.Exec("CREATE TABLE " + table + " (in_the_way BIGINT)"); err != nil {
					t.Fatal(err)
				}
				if _, err := sqlstore.Open(db, dialect); err == nil || !strings.Contains(err.Error(), version) {
					t.Fatalf("Open = %v, want an error that names the version that failed, %s", err, version)
				}
				for _, column := range tables(t, db, dialect) {
					if !strings.HasPrefix(column, table+".") && !strings.HasPrefix(column, "sallyport_schema_version.") {
						t.Errorf("a failed migration left %s", column)
					}
				}
				if _, err := db.Exec("DROP TABLE " + table); err != nil {
					t.Fatal(err)
				}
				mustOpen(t, db, dialect)
			})
		}
	})

	t.Run("what an older program wrote is kept, and says nothing of what came since", func(t *testing.T) {
		eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
			applyFirst(t, raw, dialect)
			bytes := map[sqlstore.Dialect]string{sqlstore.SQLite: "x'%x'", sqlstore.PostgreSQL: `'\x%x'`}[dialect]
			for _, statement := range []string{
				`INSERT INTO sallyport_credentials (user_id, hash, version, changed_at, history) VALUES ('ann', 'hash', 7, 1, 'null')`,
				`INSERT INTO sallyport_users (id, email, name, locale, suspended) VALUES ('ann', 'ann@acme.example', 'Ann', 'es', 1)`,
				`INSERT INTO sallyport_accounts (id, name, state, policy) VALUES ('acme', 'Acme', 'lapsed', '{}')`,
				`INSERT INTO sallyport_members (account_id, user_id, role, state) VALUES ('acme', 'ann', 'admin', 'active')`,
				`INSERT INTO sallyport_domains (name, account_id, sso, verified_at) VALUES ('acme.example', 'acme', 'enforced', 5)`,
				`INSERT INTO sallyport_devices (token_hash, user_id, id, user_agent, ip, first_seen, last_seen, known_until)
					VALUES (` + fmt.Sprintf(bytes, key("browser")) + `, 'ann', 'd', '', '', 1, 2, 3)`,
			} {
				if _, err := raw.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			db := mustOpen(t, raw, dialect)
			if got := versions(t, raw); !slices.Equal(got, []int{1, 2, 3, 4, 5}) {
				t.Errorf("versions applied = %v, want [1 2 3 4 5]", got)
			}
			c, err := db.Credential(ctx, "ann")
			if err != nil || c.Hash != "hash" || c.Version != 7 || !c.LockedAt.IsZero() || !c.ResetAt.IsZero() || c.MustChange || c.RecoveryEmail != "" {
				t.Errorf("Credential = %+v, %v, want the one that was there, neither locked nor reset nor to be changed", c, err)
			}
			d, err := db.Device(ctx, key("browser"), "ann")
			if err != nil || d.ID != "d" || !d.TrustedAt.IsZero() || !d.TwoStepUntil.IsZero() {
				t.Errorf("Device = %+v, %v, want the one that was there, without marks", d, err)
			}
			rule := directory.Domain{Name: "acme.example", AccountID: "acme", SSO: auth.SSOEnforced, VerifiedAt: time.UnixMicro(5).UTC(), EnforcedAt: time.UnixMicro(5).UTC()}
			if got, err := db.Domain(ctx, "acme.example"); err != nil || got != rule {
				t.Errorf("Domain = %+v, %v, want %+v: enforced since it was verified, for all that is known, and never checked", got, err, rule)
			}
			if u, err := db.UserByEmail(ctx, "ann@acme.example"); err != nil || u != (auth.User{ID: "ann", Email: "ann@acme.example", Name: "Ann", Locale: "es", Suspended: true}) {
				t.Errorf("UserByEmail = %+v, %v, want the person who was there, verified", u, err)
			}
			want := auth.Membership{AccountID: "acme", AccountName: "Acme", AccountState: auth.AccountLapsed, Role: auth.RoleAdmin, State: auth.MemberActive}
			if all, err := db.Memberships(ctx, "ann"); err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], want) {
				t.Errorf("Memberships = %+v, %v, want the one that was there, without an end of grace", all, err)
			}
			fresh := testdb.RawSQLite(t)
			mustOpen(t, fresh, sqlstore.SQLite)
			if got, want := tables(t, raw, dialect), tables(t, fresh, sqlstore.SQLite); !slices.Equal(got, want) {
				t.Errorf("a database that was updated has the columns\n%v\nwant those of a new one\n%v", got, want)
			}
		})
	})

	t.Run("an up-to-date database needs no right to change tables", func(t *testing.T) {
		db := testdb.RawSQLite(t)
		mustOpen(t, db, sqlstore.SQLite)
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("PRAGMA query_only = 1"); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, db, sqlstore.SQLite)
	})
}

// applyFirst makes a database as the first version of the schema has it, as a host may that applies the files itself.
func applyFirst(t *testing.T, db *sql.DB, dialect sqlstore.Dialect) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("schema", string(dialect), "0001.sql"))
	if err != nil {
		t.Fatal(err)
	}
	statements := append(strings.Split(string(text), ";\n"),
		`CREATE TABLE sallyport_schema_version (version BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)`,
		`INSERT INTO sallyport_schema_version (version, applied_at) VALUES (1, 0)`)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// childVariable tells a process of the test binary that it is one of child.
const childVariable = "SALLYPORT_SQLSTORE_CHILD"

// child is another program that uses the SQLite file at path. TestMain runs it.
func child(t *testing.T, does, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+does+"\n"+path)
	return cmd
}

func TestMain(m *testing.M) {
	does, path, ok := strings.Cut(os.Getenv(childVariable), "\n")
	if !ok {
		os.Exit(m.Run())
	}
	if err := beChild(does, path, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beChild(does, path string, out io.Writer) error {
	db, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		return err
	}
	defer db.Close()
	d, err := sqlstore.Open(db, sqlstore.SQLite)
	if err != nil || does == "open" {
		return err
	}
	return signInForEver(d, out)
}
