package directory_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

// refused finds that a rule said no, and which.
func refused(t *testing.T, doing string, err error, reason auth.Reason) {
	t.Helper()
	if refusal, ok := errors.AsType[auth.Refusal](err); !ok || auth.Reason(refusal) != reason {
		t.Errorf("%s = %v, want auth.Refusal(%s)", doing, err, reason)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// acme is a company with a super administrator, an administrator and a member, who are called by their address.
func acme(t *testing.T, d *directory.Directory) (id string, people map[auth.Role]auth.User) {
	t.Helper()
	d.Now = func() time.Time { return now }
	a := must[directory.Account](t)(d.AddAccount(t.Context(), directory.Account{Name: "Acme"}))
	people = map[auth.Role]auth.User{}
	for _, role := range []auth.Role{auth.RoleSuperAdmin, auth.RoleAdmin, auth.RoleMember} {
		people[role] = must[auth.User](t)(d.AddUser(t.Context(), auth.User{Email: string(role) + "@acme.example"}))
		if err := d.SetMember(t.Context(), directory.Member{AccountID: a.ID, UserID: people[role].ID, Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	return a.ID, people
}

func TestRegistrar(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		ann, err := d.CreateUser(ctx, auth.NewUser{Email: "Ann@ACME.example", Name: "Ann", Locale: "es"})
		if want := (auth.User{ID: ann.ID, Email: "ann@acme.example", Name: "Ann", Locale: "es"}); err != nil || ann != want || !strings.HasPrefix(ann.ID, "usr_") {
			t.Errorf("CreateUser = %+v, %v, want %+v with an ID", ann, err, want)
		}
		if _, err := d.CreateUser(ctx, auth.NewUser{Email: "ann@acme.example"}); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("CreateUser(an address that is taken) = %v, want ErrConflict", err)
		}
		if _, err := d.CreateUser(ctx, auth.NewUser{Email: "no address"}); err == nil {
			t.Error("CreateUser took something that is no address")
		}

		bob := must[auth.User](t)(d.AddUser(ctx, auth.User{Email: "bob@acme.example", Unverified: true}))
		if err := d.VerifyUser(ctx, bob.ID, "ann@acme.example"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("VerifyUser(another address) = %v, want ErrConflict", err)
		}
		if got := must[auth.User](t)(d.UserByID(ctx, bob.ID)); !got.Unverified {
			t.Error("a proof of another address verified a person")
		}
		if err := d.VerifyUser(ctx, bob.ID, "BOB@acme.example"); err != nil {
			t.Errorf("VerifyUser = %v, want nil", err)
		}
		if err := d.SwapEmail(ctx, bob.ID, "bob@acme.example", "Ann@Acme.example"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("SwapEmail(to a taken address) = %v, want ErrConflict", err)
		}
		if err := d.SwapEmail(ctx, bob.ID, "bob@acme.example", "B\u00f6b@acme.example"); err != nil {
			t.Errorf("SwapEmail = %v, want nil", err)
		}
		if err := d.SwapEmail(ctx, bob.ID, "bob@acme.example", "rob@acme.example"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("SwapEmail(from an address of before) = %v, want ErrConflict", err)
		}
		if got, err := d.UserByEmail(ctx, "b\u00f6b@acme.example"); err != nil || got.ID != bob.ID || got.Unverified {
			t.Errorf("UserByEmail(the new address) = %+v, %v, want bob, verified", got, err)
		}
		for _, bad := range []string{"", "bob", "b@ob@acme.example"} {
			if d.SwapEmail(ctx, bob.ID, "b\u00f6b@acme.example", bad) == nil || d.SwapEmail(ctx, bob.ID, bad, "rob@acme.example") == nil || d.VerifyUser(ctx, bob.ID, bad) == nil {
				t.Errorf("%q was taken for an address", bad)
			}
		}
		if err := errors.Join(d.SetName(ctx, bob.ID, "Bob"), d.SetLocale(ctx, bob.ID, "fr-CA")); err != nil {
			t.Fatal(err)
		}
		if got := must[auth.User](t)(d.UserByID(ctx, bob.ID)); got.Name != "Bob" || got.Locale != "fr-CA" {
			t.Errorf("UserByID = %+v, want the name and language that were set", got)
		}

		first := must[string](t)(d.CreateCompany(ctx, "Ann's", ann.ID))
		if again, err := d.CreateCompany(ctx, "Ann's other", ann.ID); err != nil || again != first {
			t.Errorf("R115 CreateCompany once more = %q, %v, want %q: a sign-up that was cut short is repeated", again, err, first)
		}
		if _, err := d.CreateCompany(ctx, "", bob.ID); err == nil {
			t.Error("a company without a name was accepted")
		}
		if _, err := d.CreateCompany(ctx, "Nobody's", "nobody"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("CreateCompany(of nobody) = %v, want ErrNotFound", err)
		}
	})
}

func TestBootstrap(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		d.Now = func() time.Time { return now }
		for _, bad := range [][2]string{{"", "root@acme.example"}, {"Acme", "root"}} {
			if _, err := d.Bootstrap(ctx, bad[0], bad[1]); err == nil || errors.Is(err, directory.ErrNotEmpty) {
				t.Errorf("Bootstrap(%q) = %v, want another error", bad, err)
			}
		}
		var mu sync.Mutex
		var made []auth.Invitation
		var group sync.WaitGroup
		for i := range 64 {
			group.Go(func() {
				invitation, err := d.Bootstrap(ctx, fmt.Sprint("Acme ", i), "Root@acme.example")
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made = append(made, invitation)
				} else if !errors.Is(err, directory.ErrNotEmpty) {
					t.Errorf("Bootstrap = %v, want nil or ErrNotEmpty", err)
				}
			})
		}
		group.Wait()
		if len(made) != 1 {
			t.Fatalf("R116 of 64 callers %d made the first company, want 1", len(made))
		}
		i := made[0]
		if i.Email != "root@acme.example" || i.By != "" || i.As.Role != auth.RoleSuperAdmin || i.State != auth.InvitationOpen || i.Letter != 0 || !i.ExpiresAt.Equal(now.Add(7*24*time.Hour)) {
			t.Errorf("R116 Bootstrap = %+v, want an open invitation of a super administrator, for seven days", i)
		}
		if to, err := d.InvitationsTo(ctx, "root@acme.example", now); err != nil || len(to) != 1 {
			t.Errorf("R116 InvitationsTo = %d, %v, want one: the others have left nothing", len(to), err)
		}
		root := must[auth.User](t)(d.CreateUser(ctx, auth.NewUser{Email: i.Email}))
		if m, err := d.Join(ctx, i.ID, i.Letter, root.ID, now); err != nil || m.Role != auth.RoleSuperAdmin || !m.Usable() {
			t.Errorf("R116 Join = %+v, %v, want a super administrator", m, err)
		}
	})
}

func TestRoles(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		root, admin, member := people[auth.RoleSuperAdmin].ID, people[auth.RoleAdmin].ID, people[auth.RoleMember].ID
		for _, by := range []string{admin, member, "stranger"} {
			refused(t, "R74 ChangeRole by "+by, d.ChangeRole(ctx, by, id, member, auth.RoleAdmin), auth.ReasonForbidden)
		}
		refused(t, "R74 ChangeRole of one's own", d.ChangeRole(ctx, root, id, root, auth.RoleMember), auth.ReasonForbidden)
		refused(t, "R74 ChangeRole of the last one", d.ChangeRole(ctx, "", id, root, auth.RoleAdmin), auth.ReasonLastSuperAdmin)
		refused(t, "R74 RemoveMember of the last one", d.RemoveMember(ctx, id, root), auth.ReasonLastSuperAdmin)
		refused(t, "R74 SuspendMember of the last one", d.SuspendMember(ctx, "", id, root), auth.ReasonLastSuperAdmin)
		refused(t, "R74 SetMember of the last one", d.SetMember(ctx, directory.Member{AccountID: id, UserID: root}), auth.ReasonLastSuperAdmin)
		refused(t, "R77 SuspendMember of oneself", d.SuspendMember(ctx, admin, id, admin), auth.ReasonForbidden)
		refused(t, "R77 SuspendMember of a super administrator by an administrator", d.SuspendMember(ctx, admin, id, root), auth.ReasonForbidden)
		refused(t, "R77 SuspendMember by a member", d.SuspendMember(ctx, member, id, admin), auth.ReasonForbidden)
		if err := d.SuspendUser(ctx, root); err != nil {
			t.Errorf("SuspendUser of the last super administrator = %v, want nil: it is the host's decision", err)
		}
		refused(t, "R74 ChangeRole by somebody who is suspended altogether", d.ChangeRole(ctx, root, id, member, auth.RoleAdmin), auth.ReasonForbidden)
		if err := d.UnsuspendUser(ctx, root); err != nil {
			t.Fatal(err)
		}

		if err := errors.Join(d.SetSeats(ctx, id, "crm", 1), d.TakeSeat(ctx, id, "crm", member)); err != nil {
			t.Fatal(err)
		}
		if err := d.SuspendMember(ctx, admin, id, member); err != nil {
			t.Fatal(err)
		}
		if got := must[[]auth.Membership](t)(d.Memberships(ctx, member)); got[0].State != auth.MemberSuspended || got[0].Usable() || got[0].Products != nil {
			t.Errorf("R77 Memberships = %+v, want suspended, without a seat", got)
		}
		if err := d.RestoreMember(ctx, admin, id, member); err != nil {
			t.Fatal(err)
		}
		if got := must[[]auth.Membership](t)(d.Memberships(ctx, member)); !got[0].Usable() || got[0].Products != nil {
			t.Errorf("R77 Memberships = %+v, want active again, without a seat", got)
		}
		if err := d.ChangeRole(ctx, root, id, member, ""); err != nil {
			t.Errorf("ChangeRole(to none) = %v, want a member's", err)
		}
		if err := d.ChangeRole(ctx, root, id, member, auth.RoleSuperAdmin); err != nil {
			t.Fatal(err)
		}
		if err := d.RemoveMember(ctx, id, root); err != nil {
			t.Errorf("R74 RemoveMember of one of two = %v, want nil", err)
		}
		var got []string
		for _, u := range must[[]auth.User](t)(d.Administrators(ctx, id)) {
			got = append(got, u.ID)
		}
		if want := []string{member, admin}; !reflect.DeepEqual(got, want) {
			t.Errorf("Administrators = %v, want the super administrator and the administrator, %v", got, want)
		}
	})
}

func TestSeats(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		for _, bad := range []error{d.SetSeats(ctx, id, "", 1), d.SetSeats(ctx, id, "crm", -1)} {
			if bad == nil {
				t.Error("SetSeats took no product, or fewer seats than none")
			}
		}
		if err := d.SetSeats(ctx, id, "crm", 2); err != nil {
			t.Fatal(err)
		}
		i, err := d.CreateInvitation(ctx, auth.NewInvitation{AccountID: id, Email: "new@acme.example", Products: []string{"crm", "crm"}}, now.Add(time.Hour), now)
		if err != nil || !reflect.DeepEqual(i.As.Products, []string{"crm"}) {
			t.Fatalf("CreateInvitation = %+v, %v, want it with one seat of each product", i, err)
		}
		if err := d.TakeSeat(ctx, id, "crm", people[auth.RoleMember].ID); err != nil {
			t.Fatal(err)
		}
		refused(t, "R94 TakeSeat(one is held by an invitation)", d.TakeSeat(ctx, id, "crm", people[auth.RoleAdmin].ID), auth.ReasonNoSeatsLeft)
		want := []directory.Seats{{Product: "crm", Total: 2, Taken: 2}}
		if got, err := d.Seats(ctx, id); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("R94 Seats = %v, %v, want %v", got, err, want)
		}
		d.Now = func() time.Time { return now.Add(time.Hour) }
		if err := d.TakeSeat(ctx, id, "crm", people[auth.RoleAdmin].ID); err != nil {
			t.Errorf("R94 TakeSeat once the invitation has expired = %v, want nil", err)
		}
		if err := d.FreeSeat(ctx, id, "crm", people[auth.RoleAdmin].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := d.CountLetter(ctx, i.ID, now.Add(3*time.Hour), now.Add(time.Hour)); err != nil {
			t.Errorf("R44 CountLetter of one that had expired = %v, want it open again, with its seat", err)
		}
		refused(t, "R44 TakeSeat(it is held again)", d.TakeSeat(ctx, id, "crm", people[auth.RoleAdmin].ID), auth.ReasonNoSeatsLeft)
	})
}

func TestInvitations(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		root, admin := people[auth.RoleSuperAdmin].ID, people[auth.RoleAdmin].ID
		expires := now.Add(7 * 24 * time.Hour)
		invite := func(email string, role auth.Role, by string) (auth.Invitation, error) {
			return d.CreateInvitation(ctx, auth.NewInvitation{AccountID: id, Email: email, Role: role, By: by, Name: "New", Lang: "es"}, expires, now)
		}
		if _, err := invite("no address", "", ""); err == nil {
			t.Error("somebody without an address was invited")
		}
		_, err := invite("me.too@acme.example", auth.RoleSuperAdmin, admin)
		refused(t, "A-134 an administrator who invites an address of theirs as super administrator", err, auth.ReasonForbidden)
		_, err = invite("me.too@acme.example", auth.RoleMember, people[auth.RoleMember].ID)
		refused(t, "R40 a member who invites", err, auth.ReasonForbidden)
		_, err = invite("MEMBER@acme.example", auth.RoleMember, admin)
		refused(t, "R40 a member who is invited", err, auth.ReasonUserExistsInAccount)

		i := must[auth.Invitation](t)(invite("New@ACME.example", "", admin))
		if i.Email != "new@acme.example" || !strings.HasPrefix(i.ID, "inv_") || i.As.Role != auth.RoleMember || i.As.State != auth.MemberInvited || i.As.AccountName != "Acme" {
			t.Errorf("R40 CreateInvitation = %+v, want a member's, with a canonical address and an ID", i)
		}
		_, err = invite("new@acme.example", "", root)
		refused(t, "R40 somebody who is invited already", err, auth.ReasonUserExistsInAccount)
		for n := range 2 {
			i = must[auth.Invitation](t)(d.CountLetter(ctx, i.ID, expires, now))
			if i.Letter != n+1 || !i.SentAt.Equal(now) {
				t.Errorf("R44 CountLetter = %+v, want letter %d", i, n+1)
			}
		}
		if got, err := d.People(ctx, id); err != nil || len(got.Members) != 3 || len(got.Invitations) != 1 || got.Invitations[0].Letter != 2 {
			t.Errorf("R76 People = %+v, %v, want three members and an invitation with two letters", got, err)
		}

		newcomer := must[auth.User](t)(d.CreateUser(ctx, auth.NewUser{Email: i.Email}))
		_, err = d.Join(ctx, i.ID, 1, newcomer.ID, now)
		refused(t, "R44 Join by the first letter", err, auth.ReasonInviteReplaced)
		_, err = d.Join(ctx, i.ID, 2, newcomer.ID, expires)
		refused(t, "R41 Join too late", err, auth.ReasonInviteExpired)
		if m, err := d.Join(ctx, i.ID, 2, newcomer.ID, now); err != nil || m.AccountID != id || m.State != auth.MemberActive {
			t.Errorf("R41 Join = %+v, %v, want a member", m, err)
		}
		_, err = d.Join(ctx, i.ID, 2, newcomer.ID, now)
		refused(t, "R41 Join again", err, auth.ReasonInviteUsed)

		i = must[auth.Invitation](t)(invite("other@acme.example", auth.RoleMember, admin))
		if err := d.CloseInvitation(ctx, i.ID, auth.InvitationJoined, now); err == nil || errors.Is(err, auth.ErrNotFound) {
			t.Errorf("CloseInvitation(as joined) = %v, want an error: only Join joins", err)
		}
		if err := d.CloseInvitation(ctx, i.ID, auth.InvitationRevoked, now); err != nil {
			t.Fatal(err)
		}
		_, err = d.Join(ctx, i.ID, 0, "other", now)
		refused(t, "R44 Join of one that was revoked", err, auth.ReasonInviteRevoked)

		i = must[auth.Invitation](t)(invite("other@acme.example", auth.RoleMember, admin))
		if err := d.ChangeRole(ctx, root, id, admin, auth.RoleMember); err != nil {
			t.Fatal(err)
		}
		if got := must[auth.Invitation](t)(d.Invitation(ctx, i.ID)); got.State != auth.InvitationRevoked {
			t.Errorf("R44 the invitation of somebody who may invite no more is %q, want revoked", got.State)
		}

		i = must[auth.Invitation](t)(invite("late@acme.example", auth.RoleMember, root))
		if err := d.SetAccountState(ctx, id, auth.AccountLapsed, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := must[[]auth.Membership](t)(d.Memberships(ctx, root)); got[0].AccountState != auth.AccountLapsed || !got[0].GraceEnds.Equal(now.Add(time.Hour)) {
			t.Errorf("R97 Memberships = %+v, want lapsed, with the end of the grace", got)
		}
		_, err = d.Join(ctx, i.ID, 0, "late", now.Add(time.Hour))
		refused(t, "R97 Join once the grace is over", err, auth.ReasonAccountExpired)
		if err := d.SetAccountState(ctx, id, auth.AccountActive, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := must[[]auth.Membership](t)(d.Memberships(ctx, root)); !got[0].GraceEnds.IsZero() {
			t.Errorf("R97 Memberships = %+v, want no end of grace: the company is active", got)
		}
	})
}

func TestSeatRace(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		if err := d.SetSeats(ctx, id, "crm", 1); err != nil {
			t.Fatal(err)
		}
		i := must[auth.Invitation](t)(d.CreateInvitation(ctx, auth.NewInvitation{AccountID: id, Email: "new@acme.example", Products: []string{"crm"}}, now.Add(time.Hour), now))
		var group sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for n := range 64 {
			group.Go(func() {
				who := []string{people[auth.RoleMember].ID, people[auth.RoleAdmin].ID, fmt.Sprint("new ", n)}[n%3]
				var err error
				if n%3 == 2 {
					_, err = d.Join(ctx, i.ID, 0, who, now)
				} else {
					err = d.TakeSeat(ctx, id, "crm", who)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, who)
				}
			})
		}
		group.Wait()
		if got := must[[]directory.Seats](t)(d.Seats(ctx, id)); len(won) != 1 || got[0].Taken != 1 {
			t.Errorf("A-133 %v took the last seat, and %d are taken, want one who joined", won, got[0].Taken)
		}
	})
}
