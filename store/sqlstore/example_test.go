package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
	_ "modernc.org/sqlite" // the host chooses the driver
)

func ExampleOpen() {
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(":memory:")) // or a path: sqlstore.SQLiteDSN("app.db")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1) // only for ":memory:"

	db, err := sqlstore.Open(pool, sqlstore.SQLite) // makes the tables
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	ann := auth.User{ID: "1", Email: "ann@acme.example", Name: "Ann"}
	fmt.Println(db.CreateUser(ctx, ann))
	fmt.Println(errors.Is(db.CreateUser(ctx, ann), auth.ErrConflict)) // the address is taken
	found, err := db.UserByEmail(ctx, "ann@acme.example")
	fmt.Println(found.Name, err)

	stores := db.Stores() // for auth.Config.Stores
	_, err = stores.Expiry.DeleteExpired(ctx, time.Now(), 100)
	fmt.Println(err)
	// Output:
	// <nil>
	// true
	// Ann <nil>
	// <nil>
}
