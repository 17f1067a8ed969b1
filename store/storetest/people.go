package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// refusal is the answer of who is told no for a reason.
func refusal(reason auth.Reason) func(error) bool {
	return func(err error) bool { return errors.Is(err, auth.Refusal(reason)) }
}

// refused finds that a rule said no, and which.
func refused(t *testing.T, verb string, err error, reason auth.Reason) {
	t.Helper()
	if !refusal(reason)(err) {
		t.Errorf("%s = %v, want auth.Refusal(%s)", verb, err, reason)
	}
}

// absent finds that what a verb is to change is not there.
func absent(t *testing.T, verb string, err error) {
	t.Helper()
	if !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("%s = %v, want auth.ErrNotFound", verb, err)
	}
}

// person is somebody with an address of their own.
func person(id string) auth.User { return auth.User{ID: id, Email: id + "@acme.example"} }

// made opens a store with the company acme and an active member of it for each role, called as the role is.
func made(t *testing.T, open func(t *testing.T) directory.Store) directory.Store {
	t.Helper()
	ctx := context.Background()
	s := open(t)
	ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}))
	for _, role := range []auth.Role{auth.RoleMember, auth.RoleAdmin, auth.RoleSuperAdmin} {
		ok(t, "CreateUser", s.CreateUser(ctx, person(string(role))))
		join(t, s, string(role), role)
	}
	return s
}

// join makes a person an active member of acme.
func join(t *testing.T, s directory.Store, userID string, role auth.Role) {
	t.Helper()
	ok(t, "SetMember", s.SetMember(context.Background(), directory.Member{AccountID: "acme", UserID: userID, Role: role, State: auth.MemberActive}))
}

// inAcme is what a person is in acme; the zero Membership: nothing.
func inAcme(t *testing.T, s directory.Store, userID string) auth.Membership {
	t.Helper()
	all, err := s.Memberships(context.Background(), userID)
	ok(t, "Memberships", err)
	for _, m := range all {
		if m.AccountID == "acme" {
			return m
		}
	}
	return auth.Membership{}
}

// wantMember finds a person in acme with a role, a state and seats; the empty role: not at all.
func wantMember(t *testing.T, s directory.Store, userID string, role auth.Role, state auth.MemberState, products ...string) {
	t.Helper()
	got := inAcme(t, s, userID)
	if got.Role != role || got.State != state || !reflect.DeepEqual(got.Products, products) {
		t.Errorf("%s is %q (%q) with seats of %q, want %q (%q) with %q", userID, got.Role, got.State, got.Products, role, state, products)
	}
}

func people(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	ann := auth.User{ID: "ann", Email: "ann@acme.example", Name: "Ann", Locale: "fr", Suspended: true, Unverified: true}
	stands := func(t *testing.T, s directory.Store, want auth.User) {
		t.Helper()
		if got, err := s.UserByID(ctx, want.ID); err != nil || got != want {
			t.Errorf("UserByID = %+v, %v, want %+v", got, err, want)
		}
		if got, err := s.UserByEmail(ctx, want.Email); err != nil || got != want {
			t.Errorf("UserByEmail = %+v, %v, want %+v", got, err, want)
		}
	}

	t.Run("name and language change alone", func(t *testing.T) {
		s := open(t)
		absent(t, "SetUserName(nobody)", s.SetUserName(ctx, "ann", "Ann"))
		absent(t, "SetUserLocale(nobody)", s.SetUserLocale(ctx, "ann", "de"))
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		want := ann
		for round := range rounds {
			want.Name, want.Locale, want.Suspended = fmt.Sprint("Ann ", round), fmt.Sprint("x-", round), round%2 == 0
			together(func(i int) {
				var err error
				switch i {
				case 0:
					err = s.SetUserName(ctx, "ann", want.Name)
				case 1:
					err = s.SetUserLocale(ctx, "ann", want.Locale)
				case 2:
					err = s.SetUserSuspended(ctx, "ann", want.Suspended)
				}
				if err != nil {
					t.Errorf("SetUserName, SetUserLocale or SetUserSuspended = %v, want nil", err)
				}
			})
			if got, err := s.UserByID(ctx, "ann"); err != nil || got != want {
				t.Errorf("UserByID = %+v, %v after all three were set at the same moment, want %+v: a verb of a person must change its own part and nothing else", got, err, want)
			}
		}
	})

	t.Run("an address is verified while it is the person's", func(t *testing.T) {
		s := open(t)
		absent(t, "VerifyUser(nobody)", s.VerifyUser(ctx, "ann", ann.Email))
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		ok(t, "CreateUser", s.CreateUser(ctx, person("bob")))
		for _, other := range []string{"other@acme.example", "bob@acme.example"} {
			if err := s.VerifyUser(ctx, "ann", other); !conflict(err) {
				t.Errorf("VerifyUser(%s) = %v, want auth.ErrConflict", other, err)
			}
			stands(t, s, ann)
		}
		verified := ann
		verified.Unverified = false
		for range 2 {
			ok(t, "VerifyUser", s.VerifyUser(ctx, "ann", ann.Email))
			stands(t, s, verified)
		}
	})

	t.Run("an address is swapped where it stands and is free", func(t *testing.T) {
		s := open(t)
		absent(t, "SwapEmail(nobody)", s.SwapEmail(ctx, "ann", ann.Email, "new@acme.example"))
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		ok(t, "CreateUser", s.CreateUser(ctx, person("bob")))
		for _, swap := range [][2]string{{"old@acme.example", "new@acme.example"}, {ann.Email, "bob@acme.example"}, {"bob@acme.example", "new@acme.example"}} {
			if err := s.SwapEmail(ctx, "ann", swap[0], swap[1]); !conflict(err) {
				t.Errorf("SwapEmail(%s, %s) = %v, want auth.ErrConflict", swap[0], swap[1], err)
			}
			stands(t, s, ann)
			stands(t, s, person("bob"))
		}
		absent(t, "SwapEmail(nobody, to a taken address)", s.SwapEmail(ctx, "cleo", "cleo@acme.example", "bob@acme.example"))
		ok(t, "SwapEmail", s.SwapEmail(ctx, "ann", ann.Email, "new@acme.example"))
		moved := ann
		moved.Email, moved.Unverified = "new@acme.example", false
		stands(t, s, moved)
		_, err := s.UserByEmail(ctx, ann.Email)
		absent(t, "UserByEmail(the old address)", err)
		ok(t, "SwapEmail", s.SwapEmail(ctx, "bob", "bob@acme.example", ann.Email))
		if got, err := s.UserByEmail(ctx, ann.Email); err != nil || got.ID != "bob" {
			t.Errorf("UserByEmail(an address that was given up) = %+v, %v, want bob", got, err)
		}
	})

	t.Run("one caller swaps an address", func(t *testing.T) {
		s := open(t)
		ok(t, "CreateUser", s.CreateUser(ctx, ann))
		won := winners(t, "SwapEmail", conflict, func(i int) error { return s.SwapEmail(ctx, "ann", ann.Email, fmt.Sprintf("ann%d@acme.example", i)) })
		found := 0
		for i := range callers {
			if _, err := s.UserByEmail(ctx, fmt.Sprintf("ann%d@acme.example", i)); err == nil {
				found++
			}
		}
		if won != 1 || found != 1 {
			t.Errorf("%d callers swapped one address %d times, and %d new ones are the person's, want 1 and 1: SwapEmail must compare and write in one step", callers, won, found)
		}
	})

	t.Run("one person is given an address", func(t *testing.T) {
		s := open(t)
		for i := range callers {
			ok(t, "CreateUser", s.CreateUser(ctx, person(fmt.Sprint("user", i))))
		}
		const wanted = "wanted@acme.example"
		won := winners(t, "SwapEmail or CreateUser", conflict, func(i int) error {
			if i == 0 {
				return s.CreateUser(ctx, auth.User{ID: "new", Email: wanted})
			}
			id := fmt.Sprint("user", i)
			return s.SwapEmail(ctx, id, id+"@acme.example", wanted)
		})
		if won != 1 {
			t.Errorf("%d people got one address %d times, want 1: SwapEmail must look and write in one step", callers, won)
		}
	})
}

func companies(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	company := func(id string) directory.Account {
		return directory.Account{ID: id, Name: "Company " + id, State: auth.AccountActive}
	}

	t.Run("a person gets one company", func(t *testing.T) {
		s := open(t)
		_, err := s.CreateCompany(ctx, company("none"), "ann")
		absent(t, "CreateCompany(of nobody)", err)
		ok(t, "CreateAccount", s.CreateAccount(ctx, company("acme")))
		ok(t, "CreateUser", s.CreateUser(ctx, person("ann")))
		if _, err := s.CreateCompany(ctx, company("acme"), "ann"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("CreateCompany(an ID that is taken) = %v, want auth.ErrConflict", err)
		}
		join(t, s, "ann", auth.RoleAdmin)
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "bob", Role: auth.RoleSuperAdmin, State: auth.MemberActive}))
		var mu sync.Mutex
		told := map[string]bool{}
		together(func(i int) {
			id, err := s.CreateCompany(ctx, company(fmt.Sprint("company ", i)), "ann")
			if err != nil {
				t.Errorf("CreateCompany = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[id] = true
		})
		all, err := s.Memberships(ctx, "ann")
		if err != nil || len(told) != 1 || len(all) != 2 || !told[all[1].AccountID] ||
			all[1].Role != auth.RoleSuperAdmin || all[1].State != auth.MemberActive || all[1].AccountState != auth.AccountActive {
			t.Errorf("%d callers for one person were told of %d companies, and the person is in %+v, %v, want one new one, as super administrator: CreateCompany must look and write in one step",
				callers, len(told), all, err)
		}
		_, err = s.CreateCompany(ctx, company("none"), "nobody")
		absent(t, "CreateCompany(of nobody)", err)
	})

	first := func(id string) auth.Invitation {
		return auth.Invitation{
			ID: "invitation to " + id, Email: "root@acme.example", State: auth.InvitationOpen, ExpiresAt: noon.Add(time.Hour),
			As: auth.Membership{AccountID: id, Role: auth.RoleSuperAdmin},
		}
	}

	t.Run("R116 one caller makes the first company", func(t *testing.T) {
		s := open(t)
		// Whoever has a connection already would be done before the others have theirs: all get one first.
		together(func(int) { _, _ = s.UserByID(ctx, "nobody") })
		notEmpty := func(err error) bool { return errors.Is(err, directory.ErrNotEmpty) }
		won := winners(t, "Bootstrap", notEmpty, func(i int) error {
			id := fmt.Sprint("company ", i)
			return s.Bootstrap(ctx, company(id), first(id), noon)
		})
		invited, err := s.InvitationsTo(ctx, "root@acme.example", noon)
		ok(t, "InvitationsTo", err)
		if won != 1 || len(invited) != 1 {
			t.Fatalf("%d callers made the first company %d times and invited %d people, want 1 and 1: Bootstrap must look and write in one step", callers, won, len(invited))
		}
		m, err := s.Join(ctx, invited[0].ID, 0, "root", noon)
		if err != nil || m.Role != auth.RoleSuperAdmin || m.AccountName == "" {
			t.Errorf("Join = %+v, %v, want the super administrator of the company", m, err)
		}
	})

	t.Run("R116 a store that is not empty has no first company", func(t *testing.T) {
		for what, fill := range map[string]func(s directory.Store) error{
			"a person":  func(s directory.Store) error { return s.CreateUser(ctx, person("ann")) },
			"a company": func(s directory.Store) error { return s.CreateAccount(ctx, company("globex")) },
		} {
			s := open(t)
			ok(t, "CreateUser or CreateAccount", fill(s))
			if err := s.Bootstrap(ctx, company("acme"), first("acme"), noon); !errors.Is(err, directory.ErrNotEmpty) {
				t.Errorf("Bootstrap with %s there = %v, want directory.ErrNotEmpty", what, err)
			}
			absent(t, "SetAccountPolicy", s.SetAccountPolicy(ctx, "acme", auth.Policy{}))
			if invited, err := s.InvitationsTo(ctx, "root@acme.example", noon); err != nil || len(invited) != 0 {
				t.Errorf("InvitationsTo = %d, %v, want none: nothing was written", len(invited), err)
			}
		}
	})
}
