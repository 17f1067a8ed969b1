package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// Directory tries a directory.Store. open answers an empty one each time.
func Directory(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	missing := func(t *testing.T, verb string, err error) {
		t.Helper()
		if !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s = %v, want auth.ErrNotFound", verb, err)
		}
	}
	ann := auth.User{ID: "ann", Email: "ann@acme.example", Name: "Ann Æther", Locale: "fr-CA", Suspended: true, Unverified: true}
	acme := directory.Account{ID: "acme", Name: "Acme", State: auth.AccountLapsed, GraceEnds: noon.Add(72 * time.Hour), Policy: auth.OnePage().Policy}
	globex := directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}

	t.Run("people are found by id and by address", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		if got, err := s.UserByID(ctx, "ann"); err != nil || got != ann {
			t.Errorf("UserByID = %+v, %v, want %+v", got, err, ann)
		}
		if got, err := s.UserByEmail(ctx, ann.Email); err != nil || got != ann {
			t.Errorf("UserByEmail = %+v, %v, want %+v", got, err, ann)
		}
		for _, other := range []string{"Ann@acme.example", "ann@acme.example ", "ann", "", "\xff\x00", "%", "ann@acme_example"} {
			_, err := s.UserByEmail(ctx, other)
			missing(t, fmt.Sprintf("UserByEmail(%q)", other), err)
		}
		_, err := s.UserByID(ctx, "ANN")
		missing(t, "UserByID(ANN)", err)
	})

	t.Run("an id and an address are taken once", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		for _, u := range []auth.User{{ID: "ann", Email: "other@acme.example"}, {ID: "other", Email: ann.Email}} {
			if err := s.CreateUser(ctx, u); !conflict(err) {
				t.Errorf("CreateUser(%+v) = %v, want auth.ErrConflict", u, err)
			}
		}
		if got, err := s.UserByID(ctx, "ann"); err != nil || got != ann {
			t.Errorf("UserByID = %+v, %v, want %+v: a conflict writes nothing", got, err, ann)
		}
		_, err := s.UserByID(ctx, "other")
		missing(t, "UserByID(of a conflict)", err)
		_, err = s.UserByEmail(ctx, "other@acme.example")
		missing(t, "UserByEmail(of a conflict)", err)
	})

	t.Run("one caller gets an address", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateUser", conflict, func(i int) error {
			return s.CreateUser(ctx, auth.User{ID: fmt.Sprint("user ", i), Email: ann.Email})
		})
		if won != 1 {
			t.Errorf("%d callers took one address %d times, want 1: CreateUser must look and write in one step", callers, won)
		}
	})

	t.Run("a suspension changes nothing else", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		for _, suspended := range []bool{false, true, true} {
			ok(t, "SetUserSuspended", s.SetUserSuspended(ctx, "ann", suspended))
			want := ann
			want.Suspended = suspended
			if got, err := s.UserByEmail(ctx, ann.Email); err != nil || got != want {
				t.Errorf("UserByEmail = %+v, %v, want %+v", got, err, want)
			}
		}
		missing(t, "SetUserSuspended(nobody)", s.SetUserSuspended(ctx, "nobody", true))
	})

	memberships := func(t *testing.T, s directory.Store, userID string, want ...auth.Membership) {
		t.Helper()
		got, err := s.Memberships(ctx, userID)
		ok(t, "Memberships", err)
		if len(got) != len(want) {
			t.Errorf("Memberships(%s) answers %d, want %d", userID, len(got), len(want))
		} else if len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("Memberships(%s) =\n%+v\nwant\n%+v", userID, got, want)
		}
	}
	member := func(a directory.Account, role auth.Role, state auth.MemberState) auth.Membership {
		return auth.Membership{
			AccountID: a.ID, AccountName: a.Name, State: state, AccountState: a.State, Role: role, Policy: a.Policy, GraceEnds: a.GraceEnds,
		}
	}

	t.Run("memberships carry what the company asks, by name", func(t *testing.T) {
		s := open(t)
		lower := directory.Account{ID: "z", Name: "a company in lower case", State: auth.AccountActive}
		twin := directory.Account{ID: "another acme", Name: "Acme", State: auth.AccountExpired}
		for _, a := range []directory.Account{globex, lower, twin, acme} {
			ok(t, "CreateAccount", s.CreateAccount(ctx, a))
			ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: a.ID, UserID: "ann", Role: auth.RoleAdmin, State: auth.MemberInvited}))
		}
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "bob", Role: auth.RoleMember, State: auth.MemberActive}))
		memberships(t, s, "ann", member(acme, auth.RoleAdmin, auth.MemberInvited), member(twin, auth.RoleAdmin, auth.MemberInvited),
			member(globex, auth.RoleAdmin, auth.MemberInvited), member(lower, auth.RoleAdmin, auth.MemberInvited))
		memberships(t, s, "bob", member(acme, auth.RoleMember, auth.MemberActive))
		memberships(t, s, "nobody")
	})

	t.Run("a member is replaced, not added twice", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateAccount", s.CreateAccount(ctx, globex))
		roles := []auth.Role{auth.RoleMember, auth.RoleAdmin}
		together(func(i int) {
			if err := s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "ann", Role: roles[i%2], State: auth.MemberActive}); err != nil {
				t.Errorf("SetMember = %v, want nil", err)
			}
		})
		if got, err := s.Memberships(ctx, "ann"); err != nil || len(got) != 1 {
			t.Errorf("Memberships = %d, %v after %d callers set one member, want 1: SetMember must add or replace in one step", len(got), err, callers)
		}
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "ann", Role: auth.RoleMember, State: auth.MemberSuspended}))
		memberships(t, s, "ann", member(globex, auth.RoleMember, auth.MemberSuspended))
		missing(t, "SetMember(no such company)", s.SetMember(ctx, directory.Member{AccountID: "nowhere", UserID: "ann", Role: auth.RoleMember, State: auth.MemberActive}))
		memberships(t, s, "ann", member(globex, auth.RoleMember, auth.MemberSuspended))
	})

	t.Run("a company's id is taken once", func(t *testing.T) {
		s := open(t)
		won := winners(t, "CreateAccount", conflict, func(i int) error {
			return s.CreateAccount(ctx, directory.Account{ID: "acme", Name: fmt.Sprint("Acme ", i), State: auth.AccountActive})
		})
		if won != 1 {
			t.Errorf("%d callers made one company %d times, want 1: CreateAccount must look and write in one step", callers, won)
		}
	})

	t.Run("state and policy change alone", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateAccount", s.CreateAccount(ctx, acme))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "ann", Role: auth.RoleMember, State: auth.MemberActive}))
		want := acme
		for round := range rounds {
			want.State = []auth.AccountState{auth.AccountLapsed, auth.AccountExpired}[round%2]
			want.GraceEnds = noon.Add(time.Duration(round) * time.Hour).UTC()
			want.Policy = auth.Policy{Keep: auth.KeepForbid, Idle: time.Duration(round+1) * time.Minute, KeptCap: auth.Uncapped}
			together(func(i int) {
				var err error
				switch i {
				case 0:
					err = s.SetAccountState(ctx, "acme", want.State, want.GraceEnds)
				case 1:
					err = s.SetAccountPolicy(ctx, "acme", want.Policy)
				}
				if err != nil {
					t.Errorf("SetAccountState or SetAccountPolicy = %v, want nil", err)
				}
			})
			got, err := s.Memberships(ctx, "ann")
			ok(t, "Memberships", err)
			if !reflect.DeepEqual(got, []auth.Membership{member(want, auth.RoleMember, auth.MemberActive)}) {
				t.Errorf("Memberships = %+v after state and policy were set at the same moment, want both: each verb must change its own part and nothing else", got)
			}
		}
		missing(t, "SetAccountState(no such company)", s.SetAccountState(ctx, "nowhere", auth.AccountActive, time.Time{}))
		missing(t, "SetAccountPolicy(no such company)", s.SetAccountPolicy(ctx, "nowhere", auth.Policy{}))
	})

	people(t, open)
	companies(t, open)
	members(t, open)
	seats(t, open)
	invitations(t, open)
	domains(t, open)
	claims(t, open)
	domainChecks(t, open)
	domainSSO(t, open)
	overrides(t, open)
}
