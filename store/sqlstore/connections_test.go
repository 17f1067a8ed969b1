package sqlstore_test

import (
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

func TestAConnectionSpeaksForTheDomainsOfItsCompany(t *testing.T) {
	eachRaw(t, func(t *testing.T, raw *sql.DB, dialect sqlstore.Dialect) {
		db := mustOpen(t, raw, dialect)
		err := errors.Join(
			db.CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}),
			db.CreateAccount(ctx, directory.Account{ID: "evil", Name: "Evil", State: auth.AccountActive}),
			db.CreateConnection(ctx, sso.ConnectionRow{ID: "c1", AccountID: "acme", RefreshAt: noon}),
			db.CreateConnection(ctx, sso.ConnectionRow{ID: "c2", AccountID: "acme", RefreshAt: noon}),
			db.CreateConnection(ctx, sso.ConnectionRow{ID: "", AccountID: "acme"}),
		)
		for _, d := range []struct {
			name, account, connection string
			lostAt                    int64
		}{
			{"z.example", "acme", "c1", 0}, {"acme.example", "acme", "c1", 0}, {"xn--a-ecp.example", "acme", "c1", 0},
			{"lost.example", "acme", "c1", 1}, {"other.example", "acme", "c9", 0}, {"none.example", "acme", "", 0},
			{"evil.example", "evil", "c1", 0}, {"case.example", "acme", "C1", 0},
		} {
			err = errors.Join(err, db.AddDomain(ctx, directory.Domain{Name: d.name, AccountID: d.account, VerifiedAt: noon}))
			set := map[sqlstore.Dialect]string{sqlstore.SQLite: "? WHERE name = ?", sqlstore.PostgreSQL: "$1 WHERE name = $2"}[dialect]
			_, named := raw.Exec("UPDATE sallyport_domains SET connection_id = "+set, d.connection, d.name)
			_, lost := raw.Exec("UPDATE sallyport_domains SET lost_at = "+set, d.lostAt, d.name)
			err = errors.Join(err, named, lost)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"acme.example", "xn--a-ecp.example", "z.example"}
		check := func(verb string, row sso.ConnectionRow, err error) {
			t.Helper()
			domains := map[string][]string{"c1": want}[row.ID]
			if err != nil || !slices.Equal(row.Domains, domains) {
				t.Errorf("A-062 %s = domains %v of %q, %v, want %v: the company's own that name it and are not lost", verb, row.Domains, row.ID, err, domains)
			}
		}
		for _, id := range []string{"c1", "c2", ""} {
			row, err := db.ConnectionRow(ctx, id)
			check("ConnectionRow", row, err)
		}
		rows, err := db.ConnectionRows(ctx, "acme")
		if len(rows) != 3 {
			t.Errorf("ConnectionRows = %d rows, %v, want 3", len(rows), err)
		}
		due, claimed := db.ClaimRefresh(ctx, noon, noon.Add(time.Hour), 10)
		if len(due) != 2 {
			t.Errorf("ClaimRefresh = %d rows, %v, want 2", len(due), claimed)
		}
		for _, row := range rows {
			check("ConnectionRows", row, err)
		}
		for _, row := range due {
			check("ClaimRefresh", row, claimed)
		}
	})
}
