package directory_test

import (
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/store"
)

func ExampleNew() {
	ctx := context.Background()
	people := directory.New(store.NewMemory())
	acme, err := people.AddAccount(ctx, directory.Account{Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ann, err := people.AddUser(ctx, auth.User{Email: "Ann@Acme.example", Name: "Ann"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := people.SetMember(ctx, directory.Member{AccountID: acme.ID, UserID: ann.ID}); err != nil {
		fmt.Println(err)
		return
	}
	memberships, err := people.Memberships(ctx, ann.ID)
	fmt.Println(ann.Email, memberships[0].AccountName, memberships[0].Role, err)
	// Output: ann@acme.example Acme member <nil>
}
