package auth_test

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/store"
)

// A sign-in without HTTP: what auth/web does for each form.
func ExampleManager_Finish() {
	ctx := context.Background()
	key := make([]byte, 32)
	rand.Read(key)
	db := store.NewMemory()
	people := directory.New(db)
	in, err := auth.New(auth.Config{
		BaseURL: "https://app.example.com", Keys: [][]byte{key}, AllowNoMail: true,
		Users: people, Companies: people, Stores: db.Stores(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, err := people.AddUser(ctx, auth.User{Email: "ann@acme.example"})
	if err == nil {
		err = in.SetPassword(ctx, ann.ID, "correct horse battery staple")
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	var browser auth.Client
	step, err := in.Identify(ctx, auth.Opening{Email: "ann@acme.example"}, browser)
	fmt.Println(step.Stage, step.Offer, err)
	flow := auth.Ref{Token: step.Token}
	step, err = in.Password(ctx, flow, "wrong", browser)
	fmt.Println(step.Stage, step.Reason, err)
	step, err = in.Password(ctx, flow, "correct horse battery staple", browser)
	fmt.Println(step.Stage, err)
	flow.Token = step.Token // a proof changes the token: send it to the browser
	done, _, err := in.Finish(ctx, flow, browser)
	fmt.Println(done.Session.Methods, err)
	// Output:
	// authenticate [password] <nil>
	// authenticate invalid_credentials <nil>
	// ready <nil>
	// password <nil>
}
