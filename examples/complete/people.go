package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

const demoPassword = "correct horse battery staple"

// A demoPerson is somebody to sign in as. They are the same at every start, so that anyone can script against them.
type demoPerson struct {
	email    string
	name     string
	about    string
	member   []directory.Member // AccountID, Role and State
	password bool
	seat     bool // for Reports, in each company that is theirs
}

// reports is the product that people need a seat for.
const reports = "Reports"

var demoPeople = []demoPerson{
	{"ann@acme.example", "Ann", "member of Acme, with a seat for Reports", []directory.Member{{AccountID: "acme"}}, true, true},
	{"admin@acme.example", "Ada", "super administrator of Acme: invites people at /team", []directory.Member{{AccountID: "acme", Role: auth.RoleSuperAdmin}}, true, true},
	{"eve@acme.example", "Eve", "member of Acme without a seat: asks for one", []directory.Member{{AccountID: "acme"}}, true, false},
	{"two@acme.example", "Tuva", "member of Acme and of Umbra: chooses, and can switch", []directory.Member{{AccountID: "acme"}, {AccountID: "umbra"}}, true, true},
	{"sam@acme.example", "Sam", "suspended in Acme: is told so, once it is proven who he is", []directory.Member{{AccountID: "acme", State: auth.MemberSuspended}}, true, false},
	{"kim@umbra.example", "Kim", "member of Umbra: has connected her account at Google", []directory.Member{{AccountID: "umbra"}}, true, true},
	{"vera@vault.example", "Vera", "member of Vault, which requires two-step verification", []directory.Member{{AccountID: "vault"}}, true, false},
	{"lara@dawdle.example", "Lara", "member of Dawdle, whose renewal is due", []directory.Member{{AccountID: "dawdle"}}, true, true},
	{"otto@bygone.example", "Otto", "member of Bygone, whose account has expired", []directory.Member{{AccountID: "bygone"}}, true, false},
	{"boss@bygone.example", "Bo", "super administrator of Bygone: may renew it", []directory.Member{{AccountID: "bygone", Role: auth.RoleSuperAdmin}}, true, false},
	{"gil@globex.example", "Gil", "member of Globex, which asks for its own sign-in (SAML): he has no password here", []directory.Member{{AccountID: globex}}, false, true},
	{"root@globex.example", "Ruth", "super administrator of Globex: comes in at /auth/signin?way=password, should its sign-in break", []directory.Member{{AccountID: globex, Role: auth.RoleSuperAdmin}}, true, true},
	{"ina@initech.example", "Ina", "member of Initech: uses its sign-in (OpenID Connect) or her password", []directory.Member{{AccountID: initech}}, true, true},
	{"nopass@acme.example", "Nor", "has no password yet: nobody can tell; \"Forgot your password?\" gives them one", []directory.Member{{AccountID: "acme"}}, false, false},
}

// demoAccounts are the companies. Vault asks everybody for a second step; Dawdle works for ten days more, Bygone no longer.
func demoAccounts(now time.Time) []directory.Account {
	return []directory.Account{
		{ID: "acme", Name: "Acme"},
		{ID: "umbra", Name: "Umbra"},
		{ID: "vault", Name: "Vault", Policy: auth.Policy{TwoStep: auth.TwoStepRequired, TwoStepSince: time.Date(2026, time.May, 1, 0, 0, 0, 0, time.UTC)}},
		{ID: "dawdle", Name: "Dawdle", State: auth.AccountLapsed, GraceEnds: now.AddDate(0, 0, 10)},
		{ID: "bygone", Name: "Bygone", State: auth.AccountExpired},
		{ID: globex, Name: "Globex"},
		{ID: initech, Name: "Initech"},
	}
}

// seed makes the companies and people that are not there yet. It can be repeated, also after it was stopped half-way.
func seed(ctx context.Context, in *auth.Manager, people *directory.Directory) error {
	for _, a := range demoAccounts(time.Now()) {
		_, err := people.AddAccount(ctx, a)
		if err == nil {
			err = people.SetSeats(ctx, a.ID, reports, 5)
		}
		if err != nil && !errors.Is(err, auth.ErrConflict) {
			return err
		}
	}
	for _, account := range []string{"acme", "vault", globex, initech} {
		if err := people.AddDomain(ctx, account, account+".example", time.Now()); err != nil {
			return err
		}
	}
	for _, d := range demoPeople {
		if err := d.seed(ctx, in, people); err != nil {
			return fmt.Errorf("making %s: %w", d.email, err)
		}
	}
	return nil
}

// seedSSO lets people in by the sign-ins of their companies, which are there by now: Globex's must be used, but for one administrator who has
// an app, and Initech's may be. What was changed since an earlier start stays.
func seedSSO(ctx context.Context, in *auth.Manager, people *directory.Directory, apps *appOf) error {
	const root = "root"
	if err := apps.setUp(ctx, root, root+"@globex.example"); err != nil {
		return fmt.Errorf("setting up the app of root@globex.example: %w", err)
	}
	for connection, mode := range map[string]auth.SSOMode{globex: auth.SSOEnforced, initech: auth.SSOOptional} {
		name := connection + ".example"
		d, err := people.Domain(ctx, name)
		if err == nil && d.Connection == "" {
			err = errors.Join(people.SetDomainSSO(ctx, name, mode), people.SetDomainConnection(ctx, name, connection))
			if connection == globex && err == nil {
				_, err = in.SetMemberSSO(ctx, globex, root, auth.SSOExempt)
			}
		}
		if err != nil {
			return fmt.Errorf("what %s asks for: %w", name, err)
		}
	}
	return nil
}

func (d demoPerson) seed(ctx context.Context, in *auth.Manager, people *directory.Directory) error {
	id, _, _ := strings.Cut(d.email, "@")
	_, err := people.AddUser(ctx, auth.User{ID: id, Email: d.email, Name: d.name})
	if errors.Is(err, auth.ErrConflict) {
		if has, err := in.HasPassword(ctx, id); err != nil || has || !d.password {
			return err // made by an earlier start; what was changed since stays
		}
	} else if err != nil {
		return err
	}
	for _, m := range d.member {
		m.UserID = id
		if err := people.SetMember(ctx, m); err != nil {
			return err
		}
		if !d.seat {
			continue
		}
		if err := people.TakeSeat(ctx, m.AccountID, reports, id); err != nil {
			return err
		}
	}
	if !d.password {
		return nil
	}
	if err := in.SetPassword(ctx, id, demoPassword); err != nil {
		if has, _ := in.HasPassword(ctx, id); !has {
			return err
		} // else another program, started at the same moment on the same database, was faster
	}
	return nil
}
