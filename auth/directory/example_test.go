package directory_test

import (
	"context"
	"fmt"
	"time"

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

func ExampleDirectory_Bootstrap() {
	ctx := context.Background()
	people := directory.New(store.NewMemory())
	invitation, err := people.Bootstrap(ctx, "Acme", "ann@acme.example")
	fmt.Println(invitation.Email, invitation.As.AccountName, invitation.As.Role, err)
	_, err = people.Bootstrap(ctx, "Acme", "ann@acme.example")
	fmt.Println(err)
	// Output:
	// ann@acme.example Acme super_admin <nil>
	// directory: not empty
}

func ExampleDirectory_CreateInvitation() {
	ctx, now := context.Background(), time.Now()
	people := directory.New(store.NewMemory())
	acme, err := people.AddAccount(ctx, directory.Account{Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	asked := auth.NewInvitation{AccountID: acme.ID, Email: "Bob@Acme.example", Products: []string{"crm"}}
	_, err = people.CreateInvitation(ctx, asked, now.Add(7*24*time.Hour), now)
	fmt.Println(err)
	if err := people.SetSeats(ctx, acme.ID, "crm", 10); err != nil {
		fmt.Println(err)
		return
	}
	invitation, err := people.CreateInvitation(ctx, asked, now.Add(7*24*time.Hour), now)
	fmt.Println(invitation.Email, invitation.As.Products, err)
	// Output:
	// auth: refused: no_seats_left
	// bob@acme.example [crm] <nil>
}

// records stands in for DNS; a program leaves Directory.Resolver nil.
type records map[string][]string

func (r records) LookupTXT(_ context.Context, name string) ([]string, error) { return r[name], nil }

func ExampleDirectory_ProveDomain() {
	ctx, dns := context.Background(), records{}
	people := directory.New(store.NewMemory())
	people.Resolver = dns
	acme, err := people.AddAccount(ctx, directory.Account{Name: "Acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	claim, err := people.ClaimDomain(ctx, "", acme.ID, "acme.example")
	fmt.Println("a TXT record at", claim.Name, err)
	fmt.Println(people.ProveDomain(ctx, acme.ID, "acme.example"))
	dns["acme.example."] = []string{claim.Value} // what the administrator does, at their provider of DNS
	fmt.Println(people.ProveDomain(ctx, acme.ID, "acme.example"))
	// Output:
	// a TXT record at acme.example <nil>
	// auth: refused: domain_not_found
	// <nil>
}
