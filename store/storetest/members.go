package storetest

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// leaders counts the active super administrators of acme.
func leaders(t *testing.T, s directory.Store) (n int) {
	t.Helper()
	all, err := s.Members(context.Background(), "acme")
	ok(t, "Members", err)
	for _, p := range all {
		if p.Role == auth.RoleSuperAdmin && p.State == auth.MemberActive {
			n++
		}
	}
	return n
}

func members(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	demote, suspend, restore := directory.MemberChange{Role: auth.RoleMember}, directory.MemberChange{Suspend: true}, directory.MemberChange{Restore: true}
	set := func(s directory.Store, userID string, role auth.Role, state auth.MemberState) error {
		return s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: userID, Role: role, State: state})
	}
	last := refusal(auth.ReasonLastSuperAdmin)

	t.Run("R74 a company keeps its last active super administrator", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetMember", set(s, "suspended", auth.RoleSuperAdmin, auth.MemberSuspended))
		ok(t, "SetMember", set(s, "invited", auth.RoleSuperAdmin, auth.MemberInvited))
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "other", Role: auth.RoleSuperAdmin, State: auth.MemberActive}))
		for verb, do := range map[string]func() error{
			"SetMember (another role)":    func() error { return set(s, "super_admin", auth.RoleAdmin, auth.MemberActive) },
			"SetMember (suspended)":       func() error { return set(s, "super_admin", auth.RoleSuperAdmin, auth.MemberSuspended) },
			"SetMember (invited)":         func() error { return set(s, "super_admin", auth.RoleSuperAdmin, auth.MemberInvited) },
			"ChangeMember (another role)": func() error { return s.ChangeMember(ctx, "", "acme", "super_admin", demote) },
			"ChangeMember (suspended)":    func() error { return s.ChangeMember(ctx, "", "acme", "super_admin", suspend) },
			"RemoveMember":                func() error { return s.RemoveMember(ctx, "acme", "super_admin") },
		} {
			refused(t, verb+" of the last super administrator", do(), auth.ReasonLastSuperAdmin)
			wantMember(t, s, "super_admin", auth.RoleSuperAdmin, auth.MemberActive)
		}
		ok(t, "SetMember (the same)", set(s, "super_admin", auth.RoleSuperAdmin, auth.MemberActive))
		join(t, s, "second", auth.RoleSuperAdmin)
		ok(t, "RemoveMember", s.RemoveMember(ctx, "acme", "super_admin"))
		wantMember(t, s, "super_admin", "", "")
		refused(t, "RemoveMember of the one who is left", s.RemoveMember(ctx, "acme", "second"), auth.ReasonLastSuperAdmin)
	})

	t.Run("R74 of 64 super administrators who all go one stays", func(t *testing.T) {
		for _, by := range []string{"the host", "each other"} {
			s := open(t)
			ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}))
			who := func(i int) string { return fmt.Sprint("user ", i%callers) }
			for i := range callers {
				join(t, s, who(i), auth.RoleSuperAdmin)
			}
			forbidden := refusal(auth.ReasonForbidden)
			won := winners(t, "ChangeMember, SetMember or RemoveMember", func(err error) bool { return last(err) || by != "the host" && forbidden(err) }, func(i int) error {
				switch {
				case by == "each other":
					return s.ChangeMember(ctx, who(i), "acme", who(i+1), []directory.MemberChange{demote, suspend}[i%2])
				case i%4 == 0:
					return s.ChangeMember(ctx, "", "acme", who(i), suspend)
				case i%4 == 1:
					return s.ChangeMember(ctx, "", "acme", who(i), demote)
				case i%4 == 2:
					return set(s, who(i), auth.RoleMember, auth.MemberActive)
				}
				return s.RemoveMember(ctx, "acme", who(i))
			})
			left := leaders(t, s)
			if left < 1 || left != callers-won || by == "the host" && left != 1 {
				t.Errorf("%d super administrators went by %s, %d times, and %d are left, want one at least, and exactly one where the host does it: every verb must count them in the step that writes",
					callers, by, won, left)
			}
		}
	})

	t.Run("R74 two super administrators do not demote each other", func(t *testing.T) {
		s := made(t, open)
		for round := range rounds {
			join(t, s, "super_admin", auth.RoleSuperAdmin)
			join(t, s, "second", auth.RoleSuperAdmin)
			pair := [2]string{"super_admin", "second"}
			won := winners(t, "ChangeMember", refusal(auth.ReasonForbidden), func(i int) error {
				return s.ChangeMember(ctx, pair[i%2], "acme", pair[1-i%2], directory.MemberChange{Role: auth.RoleAdmin})
			})
			if left := leaders(t, s); left != 1 || won < 1 {
				t.Fatalf("round %d: %d super administrators are left, want one: ChangeMember must look at who does it in the step that writes", round, left)
			}
		}
	})

	t.Run("R74 R77 who may change whom", func(t *testing.T) {
		s := made(t, open)
		join(t, s, "second", auth.RoleSuperAdmin)
		join(t, s, "plain", auth.RoleMember)
		join(t, s, "desk", auth.RoleAdmin)
		ok(t, "SetMember", set(s, "shut", auth.RoleSuperAdmin, auth.MemberSuspended))
		ok(t, "CreateUser", s.CreateUser(ctx, auth.User{ID: "gone", Email: "gone@acme.example", Suspended: true}))
		join(t, s, "gone", auth.RoleSuperAdmin)
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "elsewhere", Role: auth.RoleSuperAdmin, State: auth.MemberActive}))
		may := []string{"R74 super_admin > second", "R74 super_admin > plain", "R74 super_admin > desk", "R77 super_admin > second",
			"R77 super_admin > plain", "R77 super_admin > desk", "R77 admin > plain"}
		roles := map[string]auth.Role{"second": auth.RoleSuperAdmin, "plain": auth.RoleMember, "desk": auth.RoleAdmin, "super_admin": auth.RoleSuperAdmin, "admin": auth.RoleAdmin, "member": auth.RoleMember}
		for _, by := range []string{"super_admin", "admin", "member", "shut", "gone", "elsewhere", "stranger"} {
			for _, whom := range []string{"second", "plain", "desk", by} {
				for name, change := range map[string]directory.MemberChange{"R74": {Role: "owner"}, "R77": suspend} {
					act := fmt.Sprintf("%s %s > %s", name, by, whom)
					err := s.ChangeMember(ctx, by, "acme", whom, change)
					allowed := false
					for _, one := range may {
						allowed = allowed || one == act
					}
					if !allowed {
						if !refusal(auth.ReasonForbidden)(err) {
							t.Errorf("ChangeMember (%s) = %v, want auth.Refusal(forbidden)", act, err)
						}
						if role, there := roles[whom]; there {
							wantMember(t, s, whom, role, auth.MemberActive)
						}
						continue
					}
					if err != nil {
						t.Errorf("ChangeMember (%s) = %v, want nil", act, err)
					}
					if name == "R77" {
						wantMember(t, s, whom, roles[whom], auth.MemberSuspended)
						ok(t, "ChangeMember (restore)", s.ChangeMember(ctx, by, "acme", whom, restore))
					} else {
						wantMember(t, s, whom, "owner", auth.MemberActive)
						join(t, s, whom, roles[whom])
					}
					wantMember(t, s, whom, roles[whom], auth.MemberActive)
				}
			}
		}
		absent(t, "ChangeMember(no such company)", s.ChangeMember(ctx, "", "nowhere", "plain", demote))
		absent(t, "ChangeMember(no member)", s.ChangeMember(ctx, "super_admin", "acme", "stranger", demote))
		absent(t, "RemoveMember(no such company)", s.RemoveMember(ctx, "nowhere", "plain"))
		absent(t, "RemoveMember(no member)", s.RemoveMember(ctx, "acme", "stranger"))
		ok(t, "SetMember", set(s, "invited", auth.RoleMember, auth.MemberInvited))
		ok(t, "ChangeMember (restore)", s.ChangeMember(ctx, "", "acme", "invited", restore))
		wantMember(t, s, "invited", auth.RoleMember, auth.MemberInvited)
	})

	t.Run("R76 a company's members are listed by address", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetMember", set(s, "host's own", "billing", auth.MemberSuspended))
		odd := auth.User{ID: "zoe", Email: "Zoe@acme.example", Name: "Zoe", Locale: "es", Suspended: true, Unverified: true}
		ok(t, "CreateUser", s.CreateUser(ctx, odd))
		ok(t, "SetMember", set(s, "zoe", auth.RoleMember, auth.MemberInvited))
		for _, product := range []string{"b", "a"} {
			ok(t, "SetSeats", s.SetSeats(ctx, "acme", product, 1, noon))
			ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", product, "admin", noon))
		}
		got, err := s.Members(ctx, "acme")
		want := []directory.Person{
			{User: auth.User{ID: "host's own"}, Role: "billing", State: auth.MemberSuspended},
			{User: odd, Role: auth.RoleMember, State: auth.MemberInvited},
			{User: person("admin"), Role: auth.RoleAdmin, State: auth.MemberActive, Products: []string{"a", "b"}},
			{User: person("member"), Role: auth.RoleMember, State: auth.MemberActive},
			{User: person("super_admin"), Role: auth.RoleSuperAdmin, State: auth.MemberActive},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Members =\n%+v, %v\nwant\n%+v", got, err, want)
		}
		if got, err := s.Members(ctx, "nowhere"); err != nil || got != nil {
			t.Errorf("Members(no such company) = %v, %v, want nil", got, err)
		}
	})

	t.Run("administrators are told, super administrators first", func(t *testing.T) {
		s := made(t, open)
		for _, u := range []auth.User{
			{ID: "1", Email: "zed@acme.example"}, {ID: "2", Email: "amy@acme.example"}, {ID: "3", Email: "B@acme.example"},
			{ID: "4", Email: "gone@acme.example", Suspended: true}, {ID: "5", Email: "shut@acme.example"},
		} {
			ok(t, "CreateUser", s.CreateUser(ctx, u))
			join(t, s, u.ID, map[string]auth.Role{"1": auth.RoleSuperAdmin, "2": auth.RoleAdmin, "3": auth.RoleAdmin, "4": auth.RoleSuperAdmin}[u.ID])
		}
		ok(t, "SetMember", set(s, "5", auth.RoleSuperAdmin, auth.MemberSuspended))
		join(t, s, "host's own", auth.RoleSuperAdmin)
		for limit, want := range map[int][]string{20: {"super_admin", "1", "3", "admin", "2"}, 3: {"super_admin", "1", "3"}} {
			all, err := s.Administrators(ctx, "acme", limit)
			var got []string
			for _, u := range all {
				got = append(got, u.ID)
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Administrators(limit %d) = %v, %v, want %v", limit, got, err, want)
			}
		}
		if all, err := s.Administrators(ctx, "nowhere", 20); err != nil || len(all) != 0 {
			t.Errorf("Administrators(no such company) = %v, %v, want none", all, err)
		}
	})
}

func seats(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	full := refusal(auth.ReasonNoSeatsLeft)
	wantSeats := func(t *testing.T, s directory.Store, want ...directory.Seats) {
		t.Helper()
		if got, err := s.Seats(ctx, "acme", noon); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Seats = %v, %v, want %v", got, err, want)
		}
	}

	t.Run("R94 a company has so many seats of a product", func(t *testing.T) {
		s := made(t, open)
		wantSeats(t, s)
		absent(t, "SetSeats(no such company)", s.SetSeats(ctx, "nowhere", "crm", 1, noon))
		absent(t, "TakeSeat(no such company)", s.TakeSeat(ctx, "nowhere", "crm", "member", noon))
		refused(t, "TakeSeat(no such product)", s.TakeSeat(ctx, "acme", "crm", "member", noon), auth.ReasonNoSeatsLeft)
		ok(t, "FreeSeat(no such product)", s.FreeSeat(ctx, "acme", "crm", "member"))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 2, noon))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "Zed", 1, noon))
		absent(t, "TakeSeat(no member)", s.TakeSeat(ctx, "acme", "crm", "stranger", noon))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "member", noon))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "admin", noon))
		ok(t, "TakeSeat (again)", s.TakeSeat(ctx, "acme", "crm", "admin", noon))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "Zed", "member", noon))
		wantSeats(t, s, directory.Seats{Product: "Zed", Total: 1, Taken: 1}, directory.Seats{Product: "crm", Total: 2, Taken: 2})
		refused(t, "TakeSeat(none left)", s.TakeSeat(ctx, "acme", "crm", "super_admin", noon), auth.ReasonNoSeatsLeft)
		for _, total := range []int{1, 0} {
			refused(t, "SetSeats(fewer than are taken)", s.SetSeats(ctx, "acme", "crm", total, noon), auth.ReasonNoSeatsLeft)
		}
		wantMember(t, s, "member", auth.RoleMember, auth.MemberActive, "Zed", "crm")
		wantMember(t, s, "super_admin", auth.RoleSuperAdmin, auth.MemberActive)
		ok(t, "FreeSeat", s.FreeSeat(ctx, "acme", "crm", "member"))
		ok(t, "FreeSeat (again)", s.FreeSeat(ctx, "acme", "crm", "member"))
		wantMember(t, s, "member", auth.RoleMember, auth.MemberActive, "Zed")
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 1, noon))
		ok(t, "FreeSeat", s.FreeSeat(ctx, "acme", "Zed", "member"))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "Zed", 0, noon))
		wantSeats(t, s, directory.Seats{Product: "crm", Total: 1, Taken: 1})
	})

	t.Run("R77 who is suspended or removed has no seat", func(t *testing.T) {
		s := made(t, open)
		shut := map[string]func(userID string) error{
			"ChangeMember": func(userID string) error {
				return s.ChangeMember(ctx, "", "acme", userID, directory.MemberChange{Suspend: true})
			},
			"SetMember": func(userID string) error {
				return s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: userID, Role: auth.RoleMember, State: auth.MemberSuspended})
			},
			"RemoveMember": func(userID string) error { return s.RemoveMember(ctx, "acme", userID) },
		}
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 2, noon))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "admin", noon))
		for verb, do := range shut {
			join(t, s, verb, auth.RoleMember)
			ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", verb, noon))
			ok(t, verb, do(verb))
			wantSeats(t, s, directory.Seats{Product: "crm", Total: 2, Taken: 1})
			if verb != "RemoveMember" {
				refused(t, "TakeSeat(suspended)", s.TakeSeat(ctx, "acme", "crm", verb, noon), auth.ReasonUserSuspended)
			}
			join(t, s, verb, auth.RoleMember)
			wantMember(t, s, verb, auth.RoleMember, auth.MemberActive)
		}
		wantMember(t, s, "admin", auth.RoleAdmin, auth.MemberActive, "crm")
	})

	t.Run("R94 one member gets the last seat", func(t *testing.T) {
		s := made(t, open)
		for i := range callers {
			join(t, s, fmt.Sprint("user ", i), auth.RoleMember)
		}
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 1, noon))
		won := winners(t, "TakeSeat", full, func(i int) error { return s.TakeSeat(ctx, "acme", "crm", fmt.Sprint("user ", i), noon) })
		hold := 0
		for i := range callers {
			hold += len(inAcme(t, s, fmt.Sprint("user ", i)).Products)
		}
		if won != 1 || hold != 1 {
			t.Errorf("%d callers took the last seat %d times, and %d hold it, want 1 and 1: TakeSeat must count and write in one step", callers, won, hold)
		}
		together(func(i int) {
			var err error
			if i%2 == 0 {
				err = s.SetSeats(ctx, "acme", "crm", 1+i%3, noon)
			} else {
				err = s.TakeSeat(ctx, "acme", "crm", fmt.Sprint("user ", i), noon)
			}
			if err != nil && !full(err) {
				t.Errorf("SetSeats or TakeSeat = %v, want nil or auth.Refusal(no_seats_left)", err)
			}
		})
		if all, err := s.Seats(ctx, "acme", noon); err != nil || len(all) != 1 || all[0].Taken > all[0].Total {
			t.Errorf("Seats = %v, %v, want no more taken than there are: SetSeats must count and write in one step", all, err)
		}
	})

	t.Run("who is suspended while they take a seat has none", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 10, noon))
		for range rounds {
			join(t, s, "plain", auth.RoleMember)
			together(func(i int) {
				if i == callers/2 {
					if err := s.ChangeMember(ctx, "", "acme", "plain", directory.MemberChange{Suspend: true}); err != nil {
						t.Errorf("ChangeMember = %v, want nil", err)
					}
				} else if err := s.TakeSeat(ctx, "acme", "crm", "plain", noon); err != nil && !refusal(auth.ReasonUserSuspended)(err) {
					t.Errorf("TakeSeat = %v, want nil or auth.Refusal(user_suspended)", err)
				}
			})
			if got := inAcme(t, s, "plain"); got.State != auth.MemberSuspended || got.Products != nil {
				t.Errorf("the member is %q with seats of %q, want suspended and none: TakeSeat must look at the member in the step that writes", got.State, got.Products)
			}
		}
	})
}
