package sqlstore_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

// dump reads every table as a thief of a backup would: each row in one line, bytes as they are and in hexadecimal.
func dump(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) string {
	t.Helper()
	names := map[string]bool{}
	for _, column := range tables(t, raw, dialect) {
		name, _, _ := strings.Cut(column, ".")
		names[name] = true
	}
	var all strings.Builder
	for name := range names {
		rows, err := raw.Query("SELECT * FROM " + name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(&all, name)
			for i, value := range values {
				v := *value.(*any)
				fmt.Fprintf(&all, " %s=%v", columns[i], v)
				if b, ok := v.([]byte); ok {
					fmt.Fprintf(&all, " %s %x", b, b)
				}
			}
			fmt.Fprintln(&all)
		}
		rows.Close()
	}
	return all.String()
}

func count(t *testing.T, raw *sql.DB, table string) (n int) {
	t.Helper()
	if err := raw.QueryRow("SELECT COUNT(*) FROM sallyport_" + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatACopyOfTheDatabaseTells(t *testing.T) {
	eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
		db := mustOpen(t, raw, dialect)
		sessions, err := session.New(session.Config{Store: db, Now: func() time.Time { return noon }})
		if err != nil {
			t.Fatal(err)
		}
		sessionToken, s, err := sessions.Issue(ctx, session.Start{UserID: "ann", Methods: "password"})
		if err != nil {
			t.Fatal(err)
		}
		flowToken, flowKey := token.New(token.Flow)
		if err := db.CreateFlow(ctx, flowKey, auth.FlowRow{ExpiresAt: noon, Body: []byte("the body of a flow")}, noon.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		deviceToken, deviceKey := token.New(token.Device)
		if _, err := db.GrantDevice(ctx, session.Key{}, deviceKey, session.Device{ID: "device 1", UserID: "ann"}); err != nil {
			t.Fatal(err)
		}
		ring, err := token.NewRing([][]byte{[]byte("0123456789abcdef0123456789abcdef")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Charge(ctx, []auth.Charge{{Key: ring.MAC("limit", "typed@acme.example"), Window: time.Hour}}, noon); err != nil {
			t.Fatal(err)
		}

		t.Run("A-268 A-243 no token and no address of a counter is in it", func(t *testing.T) {
			all := dump(t, raw, dialect)
			for _, there := range []string{s.ID, "the body of a flow", "device 1", hex.EncodeToString(flowKey[:])} {
				if !strings.Contains(all, there) {
					t.Fatalf("the dump does not have %q, so it proves nothing:\n%s", there, all)
				}
			}
			for _, plain := range []string{sessionToken, flowToken, deviceToken} {
				secret, err := base64.RawURLEncoding.DecodeString(plain[4:])
				if err != nil {
					t.Fatal(err)
				}
				for _, form := range []string{plain, plain[4:], string(secret), hex.EncodeToString(secret)} {
					if strings.Contains(all, form) {
						t.Errorf("the dump has a token, or the randomness in it: %q", form)
					}
				}
			}
			if strings.Contains(all, "typed@acme.example") {
				t.Error("the dump has the address that somebody typed")
			}
		})

		t.Run("A-244 what is in it opens nothing", func(t *testing.T) {
			stored, _ := token.Lookup(token.Session, sessionToken)
			for _, forged := range []string{
				s.ID, hex.EncodeToString(stored[:]), string(token.Session) + base64.RawURLEncoding.EncodeToString(stored[:]), string(stored[:]),
			} {
				if got, err := sessions.Lookup(ctx, forged); err == nil {
					t.Errorf("Lookup(%q) = %+v, want nothing", forged, got)
				}
			}
			if _, err := sessions.Lookup(ctx, sessionToken); err != nil {
				t.Errorf("Lookup(the token) = %v, want the session", err)
			}
		})
	})
}

func TestExpiredRowsGo(t *testing.T) {
	eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
		db := mustOpen(t, raw, dialect)
		fill := func(t *testing.T, n int, at time.Time) {
			t.Helper()
			for i := range n {
				id := fmt.Sprint(at.Unix(), " ", i)
				s := aSession(id, id)
				s.CreatedAt, s.SeenAt, s.ExpiresAt = at, at, at.Add(time.Hour)
				if err := db.CreateSession(ctx, key(id), s); err != nil {
					t.Fatal(err)
				}
				if err := db.CreateFlow(ctx, key(id), auth.FlowRow{ExpiresAt: at.Add(15 * time.Minute)}, at); err != nil {
					t.Fatal(err)
				}
				charge := auth.Charge{Key: key(id), Window: time.Hour, Limit: 5, Lock: time.Hour}
				if _, err := db.Charge(ctx, []auth.Charge{charge}, at); err != nil {
					t.Fatal(err)
				}
				if _, err := db.GrantDevice(ctx, session.Key{}, key(id), session.Device{ID: id, UserID: id, LastSeen: at, KnownUntil: at.Add(time.Hour)}); err != nil {
					t.Fatal(err)
				}
				if _, err := db.SendCode(ctx, key(id), mfa.CodeRecord{ID: id, EndsAt: at.Add(time.Hour)}, mfa.CodeRules{}, at); err != nil {
					t.Fatal(err)
				}
				if err := db.PutTicket(ctx, auth.Ticket{Key: key(id), Slot: key(id), ExpiresAt: at.Add(time.Hour)}, at); err != nil {
					t.Fatal(err)
				}
				if err := db.CreateRequest(ctx, key(id), sso.RequestRow{ExpiresAt: at.Add(time.Hour)}, at); err != nil {
					t.Fatal(err)
				}
				if err := db.CreateSocialRequest(ctx, key(id), social.RequestRow{ExpiresAt: at.Add(time.Hour)}, at); err != nil {
					t.Fatal(err)
				}
				if used, err := db.UseAssertion(ctx, key(id), at.Add(time.Hour), at); err != nil || !used {
					t.Fatal(used, err)
				}
				if err := db.AddLogin(ctx, sso.LoginRow{SessionID: id, ExpiresAt: at.Add(time.Hour)}, at); err != nil {
					t.Fatal(err)
				}
			}
		}
		kinds := []string{"sessions", "flows", "limits", "devices", "codes", "tickets", "sso_requests", "sso_assertions", "sso_logins", "social_requests"}

		t.Run("A-278 each new row takes up to 16 expired ones with it", func(t *testing.T) {
			fill(t, 40, noon)
			fill(t, 2, noon.Add(48*time.Hour))
			for _, table := range kinds {
				if got := count(t, raw, table); got != 40-2*16+2 {
					t.Errorf("sallyport_%s has %d rows, want %d: 40 expired, 2 new, each of which takes 16", table, got, 40-2*16+2)
				}
			}
			fill(t, 1, noon.Add(49*time.Hour))
			for _, table := range kinds {
				if got := count(t, raw, table); got > 3 {
					t.Errorf("sallyport_%s has %d rows, want 3 at most: no expired row is left", table, got)
				}
			}
		})

		t.Run("A-278 DeleteExpired leaves nothing that has ended", func(t *testing.T) {
			fill(t, 20, noon.Add(72*time.Hour))
			for {
				n, err := db.DeleteExpired(ctx, noon.Add(96*time.Hour), 7)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
			}
			for _, table := range kinds {
				if got := count(t, raw, table); got != 0 {
					t.Errorf("sallyport_%s has %d rows, want 0", table, got)
				}
			}
		})
	})
}

func TestExpiryAndSignInsDoNotStandInEachOthersWay(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *sqlstore.DB) {
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				for j := range 12 {
					at := noon.Add(time.Duration(j) * time.Hour)
					user, id := fmt.Sprint("user ", (i+j)%3), fmt.Sprint(i, " ", j)
					s := aSession(user, id)
					s.CreatedAt, s.SeenAt, s.ExpiresAt = at, at, at.Add(time.Minute)
					charges := []auth.Charge{
						{Key: key(user), Window: time.Minute}, {Key: key(fmt.Sprint(i % 4)), Window: time.Minute}, {Key: key("all"), Window: time.Minute},
					}
					_, charged := db.Charge(ctx, charges, at)
					_, deleted := db.DeleteExpired(ctx, at, 50)
					created := db.CreateSession(ctx, key(id), s)
					_, sent := db.SendCode(ctx, key(user), mfa.CodeRecord{ID: id, EndsAt: at.Add(time.Minute)}, mfa.CodeRules{}, at)
					if errors.Is(sent, mfa.ErrSpent) {
						sent = nil
					}
					for verb, err := range map[string]error{
						"Charge": charged, "DeleteExpired": deleted, "CreateSession": created, "SendCode": sent,
						"EndSessions": db.EndSessions(ctx, user, id),
						"ClearLimits": db.ClearLimits(ctx, [][32]byte{charges[2].Key, charges[0].Key}),
					} {
						if err != nil {
							t.Errorf("%s = %v, want nil", verb, err)
						}
					}
				}
			})
		}
		group.Wait()
	})
}

func TestWhatIsRefusedLeavesNoRow(t *testing.T) {
	eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
		db := mustOpen(t, raw, dialect)
		if _, err := db.SendCode(ctx, key("a"), mfa.CodeRecord{ID: "c", EndsAt: noon}, mfa.CodeRules{Tries: -1}, noon); !errors.Is(err, mfa.ErrSpent) {
			t.Fatalf("SendCode by rules that allow nothing = %v, want mfa.ErrSpent", err)
		}
		if _, err := db.SpendCode(ctx, key("a"), 1, noon); !errors.Is(err, mfa.ErrNotFound) {
			t.Errorf("SpendCode = %v, want mfa.ErrNotFound", err)
		}
		if _, _, _, err := db.SpendRecovery(ctx, "ann", mfa.Budget{}, noon); !errors.Is(err, mfa.ErrNotFound) {
			t.Errorf("SpendRecovery = %v, want mfa.ErrNotFound", err)
		}
		for _, table := range []string{"codes", "recovery", "recovery_codes"} {
			if got := count(t, raw, table); got != 0 {
				t.Errorf("sallyport_%s has %d rows, want 0", table, got)
			}
		}
	})
}

func TestAWorkerDoesNotWaitForAnother(t *testing.T) {
	raw := testdb.RawPostgreSQL(t)
	db := mustOpen(t, raw, sqlstore.PostgreSQL)
	for _, id := range []string{"a", "b"} {
		if err := db.AddOutbox(ctx, mail.OutboxRow{ID: id, DueAt: noon, Body: []byte("sealed")}); err != nil {
			t.Fatal(err)
		}
	}
	other, err := raw.Begin() // another worker, in the middle of a claim
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback()
	if _, err := other.Exec("UPDATE sallyport_outbox SET attempts = 1 WHERE id = 'a'"); err != nil {
		t.Fatal(err)
	}
	rows, err := db.ClaimOutbox(ctx, noon, noon.Add(time.Minute), 10)
	if err != nil || len(rows) != 1 || rows[0].ID != "b" {
		t.Errorf("ClaimOutbox while another worker claims a = %+v, %v, want b at once", rows, err)
	}
	for _, id := range []string{"a", "b"} {
		if err := db.CreateConnection(ctx, sso.ConnectionRow{ID: id, AccountID: "acme", RefreshAt: noon}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Exec("UPDATE sallyport_sso_connections SET refresh_at = 1 WHERE id = 'a'"); err != nil {
		t.Fatal(err)
	}
	connections, err := db.ClaimRefresh(ctx, noon, noon.Add(time.Minute), 10)
	if err != nil || len(connections) != 1 || connections[0].ID != "b" {
		t.Errorf("ClaimRefresh while another worker claims a = %+v, %v, want b at once", connections, err)
	}
}

func TestAnswersOfAProviderDoNotStandInEachOthersWay(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *sqlstore.DB) {
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				for j := range 12 {
					at := noon.Add(time.Duration(j) * time.Minute)
					id := fmt.Sprint((i*7 + j*5) % 20)
					added := db.AddLogin(ctx, sso.LoginRow{
						SessionID: id, Connection: "acme", Subject: key(fmt.Sprint(i % 2)), Index: key(fmt.Sprint(j % 3)), ExpiresAt: at.Add(time.Minute),
					}, at)
					_, bySubject := db.TakeLogins(ctx, "acme", key(fmt.Sprint(j%2)), nil)
					_, byIndex := db.TakeLogins(ctx, "acme", [32]byte{}, [][32]byte{key(fmt.Sprint(i % 3)), key(fmt.Sprint((i + 1) % 3))})
					_, deleted := db.DeleteExpired(ctx, at, 50)
					for verb, err := range map[string]error{
						"AddLogin": added, "TakeLogins by subject": bySubject, "TakeLogins by index": byIndex, "DeleteExpired": deleted,
						"DropLogin": db.DropLogin(ctx, id),
					} {
						if err != nil {
							t.Errorf("%s = %v, want nil", verb, err)
						}
					}
				}
			})
		}
		group.Wait()
	})
}

func TestTwoProgramsShareOneSQLiteFile(t *testing.T) {
	raw := testdb.RawSQLite(t)
	programs := []*sqlstore.DB{mustOpen(t, raw, sqlstore.SQLite), mustOpen(t, raw, sqlstore.SQLite)}
	charge := []auth.Charge{{Key: key("a"), Window: time.Hour, Limit: 5, Lock: time.Hour}}
	five := mfa.Budget{Burst: 5}
	err := errors.Join(
		programs[0].ReplaceTOTP(ctx, "", mfa.TOTPRecord{UserID: "ann", ID: "app"}),
		programs[0].ReplaceRecovery(ctx, "ann", mfa.RecoverySet{ID: "set", MACs: [][32]byte{key("code")}}),
	)
	err = errors.Join(err,
		programs[0].CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}),
		programs[0].SetSeats(ctx, "acme", "crm", 5, noon),
		programs[0].LinkIdentity(ctx, auth.Link{ID: "stays", UserID: "ann", Source: "apple", Subject: "ann", Provider: "apple"}),
	)
	for i := range 64 {
		err = errors.Join(err, programs[0].SetMember(ctx, directory.Member{AccountID: "acme", UserID: fmt.Sprint(i), State: auth.MemberActive}))
	}
	var next, taken, answered, unlinked, used atomic.Int32
	for i := range 5 {
		err = errors.Join(err,
			programs[0].AddOutbox(ctx, mail.OutboxRow{ID: fmt.Sprint(i), DueAt: noon}),
			programs[0].CreateConnection(ctx, sso.ConnectionRow{ID: fmt.Sprint(i), AccountID: "acme", RefreshAt: noon}),
			programs[0].CreateRequest(ctx, key(fmt.Sprint("request ", i)), sso.RequestRow{ExpiresAt: noon.Add(time.Hour)}, noon),
			programs[0].CreateSocialRequest(ctx, key(fmt.Sprint("request ", i)), social.RequestRow{ExpiresAt: noon.Add(time.Hour)}, noon),
			programs[0].LinkIdentity(ctx, auth.Link{ID: fmt.Sprint(i), UserID: "ann", Source: fmt.Sprint("issuer ", i), Subject: "ann", Provider: "google"}),
		)
	}
	if err != nil {
		t.Fatal(err)
	}
	for verb, do := range map[string]func(db *sqlstore.DB) (won bool, err error){
		"Charge": func(db *sqlstore.DB) (bool, error) {
			closedTo, err := db.Charge(ctx, charge, noon)
			return closedTo.IsZero(), err
		},
		"SpendTOTP": func(db *sqlstore.DB) (bool, error) {
			_, closedTo, err := db.SpendTOTP(ctx, "ann", five, noon)
			return closedTo.IsZero(), err
		},
		"SpendRecovery": func(db *sqlstore.DB) (bool, error) {
			_, _, closedTo, err := db.SpendRecovery(ctx, "ann", five, noon)
			return closedTo.IsZero(), err
		},
		"SendCode": func(db *sqlstore.DB) (bool, error) {
			_, err := db.SendCode(ctx, key("a"), mfa.CodeRecord{ID: "c", EndsAt: noon.Add(time.Hour)}, mfa.CodeRules{First: -1, Then: -1}, noon)
			if errors.Is(err, mfa.ErrSpent) {
				return false, nil
			}
			return true, err
		},
		"TakeSeat": func(db *sqlstore.DB) (bool, error) {
			err := db.TakeSeat(ctx, "acme", "crm", fmt.Sprint(next.Add(1)-1), noon)
			if errors.Is(err, auth.Refusal(auth.ReasonNoSeatsLeft)) {
				return false, nil
			}
			return true, err
		},
		"ClaimOutbox": func(db *sqlstore.DB) (bool, error) {
			rows, err := db.ClaimOutbox(ctx, noon, noon.Add(time.Minute), 1)
			return len(rows) == 1, err
		},
		"ClaimRefresh": func(db *sqlstore.DB) (bool, error) {
			rows, err := db.ClaimRefresh(ctx, noon, noon.Add(time.Minute), 1)
			return len(rows) == 1, err
		},
		"TakeRequest": func(db *sqlstore.DB) (bool, error) {
			_, err := db.TakeRequest(ctx, key(fmt.Sprint("request ", taken.Add(1)%5)), noon)
			if errors.Is(err, sso.ErrNotFound) {
				return false, nil
			}
			return true, err
		},
		"TakeSocialRequest": func(db *sqlstore.DB) (bool, error) {
			_, err := db.TakeSocialRequest(ctx, key(fmt.Sprint("request ", answered.Add(1)%5)), noon)
			if errors.Is(err, social.ErrNotFound) {
				return false, nil
			}
			return true, err
		},
		"UnlinkIdentity": func(db *sqlstore.DB) (bool, error) {
			err := db.UnlinkIdentity(ctx, "ann", fmt.Sprint(unlinked.Add(1)%5), []string{"apple"})
			if errors.Is(err, auth.ErrNotFound) {
				return false, nil
			}
			return true, err
		},
		"UseAssertion": func(db *sqlstore.DB) (bool, error) {
			return db.UseAssertion(ctx, key(fmt.Sprint("answer ", used.Add(1)%5)), noon.Add(time.Hour), noon)
		},
	} {
		t.Run(verb, func(t *testing.T) {
			var won atomic.Int32
			var group sync.WaitGroup
			for i := range 64 {
				group.Go(func() {
					ok, err := do(programs[i%2])
					if err != nil {
						t.Errorf("%s = %v, want nil: writers wait for each other", verb, err)
					} else if ok {
						won.Add(1)
					}
				})
			}
			group.Wait()
			if won.Load() != 5 {
				t.Errorf("of 64 callers in two programs %d won, want 5", won.Load())
			}
		})
	}
}

func TestTheSessionCheckIsOneIndexedLookUp(t *testing.T) {
	eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
		db := mustOpen(t, raw, dialect)
		if err := db.CreateSession(ctx, key("7"), aSession("ann", "7")); err != nil {
			t.Fatal(err)
		}
		// As many rows as make an index worth its while.
		var sessions, cuts []string
		for i := range 3000 {
			sessions = append(sessions, fmt.Sprintf("('key %d', 'id', 'user %d', 'account %d', '', '', '', 0, 1, 1, 1, 1, 1, 1, '', '')", i, i, i))
			cuts = append(cuts, fmt.Sprintf("('account %d', 1, 0)", i))
		}
		for table, rows := range map[string][]string{"sessions": sessions, "account_cuts": cuts} {
			if _, err := raw.Exec("INSERT INTO sallyport_" + table + " VALUES " + strings.Join(rows, ", ")); err != nil {
				t.Fatal(err)
			}
		}
		explain := "EXPLAIN QUERY PLAN "
		want := []string{"SEARCH s USING PRIMARY KEY (token_hash=?)", "SEARCH c USING PRIMARY KEY (account_id=?)"}
		if dialect == sqlstore.PostgreSQL {
			explain = "EXPLAIN "
			want = []string{"sallyport_sessions_pkey", "sallyport_account_cuts_pkey"}
		}
		if _, err := raw.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		k := key("7")
		rows, err := raw.Query(explain+db.SelectSession(), k[:], noon.UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		columns, _ := rows.Columns()
		var plan bytes.Buffer
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&plan, values[len(values)-1].(*sql.NullString).String)
		}
		for _, part := range want {
			if !strings.Contains(plan.String(), part) {
				t.Errorf("the plan of the session look-up does not have %q:\n%s", part, &plan)
			}
		}
		if strings.Contains(plan.String(), "Seq Scan") || strings.Contains(plan.String(), "SCAN") {
			t.Errorf("the session look-up reads a whole table:\n%s", &plan)
		}
	})
}

// TestRowsAreLockedInOneOrder tries the verbs that change several rows which others may name by something else: two callers who lock them
// in different orders would wait for each other.
func TestRowsAreLockedInOneOrder(t *testing.T) {
	logins := func(db *sqlstore.DB) (err error) {
		for _, id := range []string{"b", "a"} {
			login := sso.LoginRow{SessionID: id, Connection: "acme", Subject: key("ann"), Index: key(id), ExpiresAt: noon.Add(time.Hour)}
			err = errors.Join(err, db.AddLogin(ctx, login, noon))
		}
		return err
	}
	identities := func(db *sqlstore.DB) (err error) {
		for _, id := range []string{"b", "a"} {
			link := auth.Link{ID: id, UserID: "ann", Source: "https://" + id + ".example", Subject: "ann", Provider: id}
			err = errors.Join(err, db.LinkIdentity(ctx, link))
		}
		return err
	}
	for verb, test := range map[string]struct {
		fill  func(db *sqlstore.DB) error // with a and b: b stands first in the table
		table string
		id    string
		order string
		do    func(db *sqlstore.DB) error
	}{
		"TakeLogins": {logins, "sso_logins", "session_id", "session_id", func(db *sqlstore.DB) error {
			rows, err := db.TakeLogins(ctx, "acme", key("ann"), nil)
			if err == nil && len(rows) != 2 {
				err = fmt.Errorf("%d rows", len(rows))
			}
			return err
		}},
		"UnlinkIdentity": {identities, "identities", "id", "identity_key", func(db *sqlstore.DB) error {
			return db.UnlinkIdentity(ctx, "ann", "b", []string{"a"})
		}},
		"UnlinkIdentities": {identities, "identities", "id", "identity_key", func(db *sqlstore.DB) error {
			return db.UnlinkIdentities(ctx, "ann")
		}},
	} {
		t.Run(verb, func(t *testing.T) {
			raw := testdb.RawPostgreSQL(t)
			db := mustOpen(t, raw, sqlstore.PostgreSQL)
			if err := test.fill(db); err != nil {
				t.Fatal(err)
			}
			var first string
			if err := raw.QueryRow("SELECT " + test.id + " FROM sallyport_" + test.table + " ORDER BY " + test.order + " LIMIT 1").Scan(&first); err != nil || first != "a" {
				t.Fatalf("the first row by %s is %q, %v, want a, which is the last in the table: this test would see nothing", test.order, first, err)
			}
			other, err := raw.Begin() // another caller, who names the same rows by something else
			if err != nil {
				t.Fatal(err)
			}
			defer other.Rollback()
			lock := func(id string) error {
				_, err := other.Exec("SELECT 1 FROM sallyport_"+test.table+" WHERE "+test.id+" = $1 FOR UPDATE NOWAIT", id)
				return err
			}
			var pid int
			if err := errors.Join(lock("a"), other.QueryRow("SELECT pg_backend_pid()").Scan(&pid)); err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			group.Go(func() {
				if err := test.do(db); err != nil {
					t.Errorf("%s = %v, want nil, and both rows, once the other caller is done", verb, err)
				}
			})
			for waits, tries := 0, 0; waits == 0; time.Sleep(time.Millisecond) {
				if tries++; tries > 10_000 {
					t.Fatalf("%s does not wait for a row that somebody else holds", verb)
				}
				if err := raw.QueryRow("SELECT COUNT(*) FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid))", pid).Scan(&waits); err != nil {
					t.Fatal(err)
				}
			}
			if err := lock("b"); err != nil {
				t.Errorf("a caller who waits for the first row holds the second (%v): two callers would wait for each other", err)
			}
			if err := other.Rollback(); err != nil {
				t.Fatal(err)
			}
			group.Wait()
		})
	}
}
