package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// CreateUser implements auth.Registrar. Unlike AddUser it is for people whose address is proven.
func (d *Directory) CreateUser(ctx context.Context, u auth.NewUser) (auth.User, error) {
	return d.AddUser(ctx, auth.User{Email: u.Email, Name: u.Name, Locale: u.Locale})
}

// VerifyUser implements auth.Registrar.
func (d *Directory) VerifyUser(ctx context.Context, userID, email string) error {
	a, err := address.Parse(email)
	if err != nil {
		return fmt.Errorf("directory: verifying a user: %w", err)
	}
	return d.store.VerifyUser(ctx, userID, a.Canonical)
}

// SwapEmail implements auth.Registrar. A person with a new address is verified.
func (d *Directory) SwapEmail(ctx context.Context, userID, from, to string) error {
	was, err := address.Parse(from)
	if err != nil {
		return fmt.Errorf("directory: changing an address: the old one: %w", err)
	}
	a, err := address.Parse(to)
	if err != nil {
		return fmt.Errorf("directory: changing an address: the new one: %w", err)
	}
	return d.store.SwapEmail(ctx, userID, was.Canonical, a.Canonical)
}

// CreateCompany implements auth.Registrar. ErrNotFound: no such person.
func (d *Directory) CreateCompany(ctx context.Context, name, ownerID string) (accountID string, err error) {
	if name == "" {
		return "", errors.New("directory: creating a company: the name is required")
	}
	return d.store.CreateCompany(ctx, Account{ID: "acc_" + token.NewID(), Name: name, State: auth.AccountActive}, ownerID)
}

// SetName changes how a person is greeted. ErrNotFound: no such person.
func (d *Directory) SetName(ctx context.Context, userID, name string) error {
	return d.store.SetUserName(ctx, userID, name)
}

// SetLocale keeps the language that a person chose, as a BCP 47 tag; empty: none. ErrNotFound: no such person.
func (d *Directory) SetLocale(ctx context.Context, userID, tag string) error {
	return d.store.SetUserLocale(ctx, userID, tag)
}
