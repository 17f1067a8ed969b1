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

func invitations(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	expires := noon.Add(time.Hour)
	sent := 0
	to := func(name string, role auth.Role, by string, products ...string) auth.Invitation {
		sent++
		return auth.Invitation{
			ID: fmt.Sprint("invitation ", sent), Email: name + "@acme.example", Name: "Dr. " + name, Lang: "es", By: by, State: auth.InvitationOpen,
			As: auth.Membership{AccountID: "acme", State: auth.MemberInvited, Role: role, Products: products}, ExpiresAt: expires,
		}
	}
	// invite makes an invitation that must be taken.
	invite := func(t *testing.T, s directory.Store, i auth.Invitation) string {
		t.Helper()
		_, err := s.CreateInvitation(ctx, i, noon)
		ok(t, "CreateInvitation", err)
		return i.ID
	}
	no := func(t *testing.T, s directory.Store, i auth.Invitation, now time.Time, reason auth.Reason) {
		t.Helper()
		_, err := s.CreateInvitation(ctx, i, now)
		refused(t, fmt.Sprintf("CreateInvitation(%s as %s by %q)", i.Email, i.As.Role, i.By), err, reason)
		_, err = s.Invitation(ctx, i.ID)
		absent(t, "Invitation(one that was refused)", err)
	}
	same := func(t *testing.T, verb string, got, want auth.Invitation, err error) {
		t.Helper()
		times := got.SentAt.Equal(want.SentAt) && got.ExpiresAt.Equal(want.ExpiresAt)
		got.SentAt, got.ExpiresAt = want.SentAt, want.ExpiresAt
		if err != nil || !times || !reflect.DeepEqual(got, want) {
			t.Errorf("%s =\n%+v, %v\nwant\n%+v", verb, got, err, want)
		}
	}
	state := func(t *testing.T, s directory.Store, id string, want auth.InvitationState) {
		t.Helper()
		if got, err := s.Invitation(ctx, id); err != nil || got.State != want {
			t.Errorf("Invitation = %q, %v, want %q", got.State, err, want)
		}
	}
	taken := func(t *testing.T, s directory.Store, now time.Time) int {
		t.Helper()
		all, err := s.Seats(ctx, "acme", now)
		ok(t, "Seats", err)
		n := 0
		for _, one := range all {
			n += one.Taken
			if one.Taken > one.Total {
				t.Errorf("%d seats of %s are taken, and there are %d", one.Taken, one.Product, one.Total)
			}
		}
		return n
	}

	t.Run("R40 an invitation is answered with its company as it stands", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 5, noon))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "desk", 5, noon))
		want := to("new", auth.RoleMember, "admin", "crm", "desk")
		want.As.AccountName, want.As.AccountState = "Acme", auth.AccountActive
		made, err := s.CreateInvitation(ctx, want, noon)
		same(t, "CreateInvitation", made, want, err)
		grace, policy := noon.Add(72*time.Hour).UTC(), auth.Policy{Idle: time.Hour}
		ok(t, "SetAccountState", s.SetAccountState(ctx, "acme", auth.AccountLapsed, grace))
		ok(t, "SetAccountPolicy", s.SetAccountPolicy(ctx, "acme", policy))
		want.As.AccountState, want.As.GraceEnds, want.As.Policy = auth.AccountLapsed, grace, policy
		got, err := s.Invitation(ctx, want.ID)
		same(t, "Invitation", got, want, err)
		want.Letter, want.SentAt, want.ExpiresAt = 1, noon.Add(time.Minute), noon.Add(2*time.Hour)
		got, err = s.CountLetter(ctx, want.ID, want.ExpiresAt, want.SentAt)
		same(t, "CountLetter", got, want, err)
		got, err = s.Invitation(ctx, want.ID)
		same(t, "Invitation", got, want, err)
		bare := to("bare", auth.RoleSuperAdmin, "")
		bare.Name, bare.Lang, bare.As.AccountName, bare.As.AccountState, bare.As.GraceEnds, bare.As.Policy = "", "", "Acme", auth.AccountLapsed, grace, policy
		got, err = s.CreateInvitation(ctx, bare, noon)
		same(t, "CreateInvitation", got, bare, err)
		_, err = s.Invitation(ctx, "no such")
		absent(t, "Invitation(no such)", err)
		_, err = s.CountLetter(ctx, "no such", expires, noon)
		absent(t, "CountLetter(no such)", err)
		absent(t, "CloseInvitation(no such)", s.CloseInvitation(ctx, "no such", auth.InvitationRevoked))
		lost := to("lost", auth.RoleMember, "")
		lost.As.AccountID = "nowhere"
		_, err = s.CreateInvitation(ctx, lost, noon)
		absent(t, "CreateInvitation(no such company)", err)
		again := to("again", auth.RoleMember, "")
		again.ID = want.ID
		if _, err := s.CreateInvitation(ctx, again, noon); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("CreateInvitation(an ID that is taken) = %v, want auth.ErrConflict", err)
		}
	})

	t.Run("A-134 nobody gives more than they may", func(t *testing.T) {
		s := made(t, open)
		join(t, s, "second", auth.RoleSuperAdmin)
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "shut", Role: auth.RoleSuperAdmin, State: auth.MemberSuspended}))
		join(t, s, "gone", auth.RoleSuperAdmin)
		ok(t, "CreateUser", s.CreateUser(ctx, auth.User{ID: "gone", Email: "gone@acme.example", Suspended: true}))
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "elsewhere", Role: auth.RoleSuperAdmin, State: auth.MemberActive}))
		may := map[string]int{"": 4, "super_admin": 4, "admin": 1, "member": 0, "shut": 0, "gone": 0, "elsewhere": 0, "stranger": 0}
		for by, up := range may {
			for i, role := range []auth.Role{auth.RoleMember, auth.RoleAdmin, auth.RoleSuperAdmin, "owner"} {
				one := to(fmt.Sprintf("%s-%d", by, i), role, by)
				if i < up {
					invite(t, s, one)
					state(t, s, one.ID, auth.InvitationOpen)
				} else {
					no(t, s, one, noon, auth.ReasonForbidden)
				}
			}
		}
		// Who may not invite is told nothing else.
		ok(t, "SetAccountState", s.SetAccountState(ctx, "acme", auth.AccountExpired, time.Time{}))
		no(t, s, to("member", auth.RoleMember, "member", "no such product"), noon, auth.ReasonForbidden)
	})

	t.Run("R40 who is invited or a member is not invited again", func(t *testing.T) {
		s := made(t, open)
		for _, st := range []auth.MemberState{auth.MemberActive, auth.MemberSuspended, auth.MemberInvited} {
			ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "member", Role: auth.RoleMember, State: st}))
			no(t, s, to("member", auth.RoleMember, "admin"), noon, auth.ReasonUserExistsInAccount)
		}
		id := invite(t, s, to("new", auth.RoleMember, "admin"))
		no(t, s, to("new", auth.RoleMember, "super_admin"), expires.Add(-time.Microsecond), auth.ReasonUserExistsInAccount)
		state(t, s, id, auth.InvitationOpen)
		replaced := func(id string, now time.Time, why string) string {
			t.Helper()
			next := to("new", auth.RoleMember, "admin")
			next.ExpiresAt = now.Add(time.Hour)
			_, err := s.CreateInvitation(ctx, next, now)
			ok(t, "CreateInvitation, where the earlier one "+why, err)
			_, err = s.Invitation(ctx, id)
			absent(t, "Invitation(one that was replaced)", err)
			if all, err := s.InvitationsTo(ctx, "new@acme.example", now); err != nil || len(all) != 1 || all[0].ID != next.ID {
				t.Errorf("InvitationsTo = %+v, %v, want the new one", all, err)
			}
			return next.ID
		}
		id = replaced(id, expires, "has expired")
		for _, as := range []auth.InvitationState{auth.InvitationDeclined, auth.InvitationRevoked} {
			ok(t, "CloseInvitation", s.CloseInvitation(ctx, id, as))
			id = replaced(id, expires, "is "+string(as))
		}
		ok(t, "CreateUser", s.CreateUser(ctx, person("new")))
		_, err := s.Join(ctx, id, 0, "new", expires)
		ok(t, "Join", err)
		no(t, s, to("new", auth.RoleMember, ""), expires, auth.ReasonUserExistsInAccount)
		ok(t, "RemoveMember", s.RemoveMember(ctx, "acme", "new"))
		id = replaced(id, expires, "was accepted by somebody who is gone")
		ok(t, "SetUserSuspended", s.SetUserSuspended(ctx, "admin", true))
		next := to("new", auth.RoleMember, "super_admin")
		_, err = s.CreateInvitation(ctx, next, noon)
		ok(t, "CreateInvitation, where the earlier one is not live", err)
		_, err = s.Invitation(ctx, id)
		absent(t, "Invitation(one that was replaced)", err)
	})

	t.Run("R96 R97 nobody is invited into a company that has expired, or joins it", func(t *testing.T) {
		s := made(t, open)
		id := invite(t, s, to("new", auth.RoleMember, "admin"))
		for _, stands := range []struct {
			state auth.AccountState
			grace time.Time
		}{{auth.AccountExpired, time.Time{}}, {auth.AccountExpired, noon.Add(time.Hour)}, {auth.AccountLapsed, noon}, {auth.AccountLapsed, noon.Add(-time.Hour)}} {
			ok(t, "SetAccountState", s.SetAccountState(ctx, "acme", stands.state, stands.grace))
			no(t, s, to("other", auth.RoleMember, "admin"), noon, auth.ReasonAccountExpired)
			_, err := s.Join(ctx, id, 0, "new", noon)
			refused(t, "Join", err, auth.ReasonAccountExpired)
			wantMember(t, s, "new", "", "")
			state(t, s, id, auth.InvitationOpen)
		}
		ok(t, "SetAccountState", s.SetAccountState(ctx, "acme", auth.AccountLapsed, noon.Add(time.Microsecond)))
		invite(t, s, to("other", auth.RoleMember, "admin"))
		_, err := s.Join(ctx, id, 0, "new", noon)
		ok(t, "Join", err)
	})

	t.Run("R40 R44 R94 an open invitation holds its seats", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 1, noon))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "desk", 1, noon))
		no(t, s, to("new", auth.RoleMember, "admin", "crm", "no such"), noon, auth.ReasonNoSeatsLeft)
		if n := taken(t, s, noon); n != 0 {
			t.Errorf("%d seats are taken, want none: nothing was written", n)
		}
		id := invite(t, s, to("new", auth.RoleMember, "admin", "crm"))
		no(t, s, to("other", auth.RoleMember, "admin", "crm"), noon, auth.ReasonNoSeatsLeft)
		refused(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "member", noon), auth.ReasonNoSeatsLeft)
		refused(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 0, noon), auth.ReasonNoSeatsLeft)
		ok(t, "CloseInvitation", s.CloseInvitation(ctx, id, auth.InvitationRevoked))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "member", noon))
		ok(t, "FreeSeat", s.FreeSeat(ctx, "acme", "crm", "member"))

		id = invite(t, s, to("new", auth.RoleMember, "admin", "crm"))
		ok(t, "TakeSeat once the invitation has expired", s.TakeSeat(ctx, "acme", "crm", "member", expires))
		_, err := s.CountLetter(ctx, id, expires.Add(time.Hour), expires)
		refused(t, "CountLetter(of one that had expired)", err, auth.ReasonNoSeatsLeft)
		_, err = s.Join(ctx, id, 0, "new", noon) // a clock that is behind
		refused(t, "Join, by a clock that is behind", err, auth.ReasonNoSeatsLeft)
		wantMember(t, s, "new", "", "")
		if got, err := s.Invitation(ctx, id); err != nil || got.Letter != 0 || !got.ExpiresAt.Equal(expires) || !got.SentAt.IsZero() {
			t.Errorf("Invitation = %+v, %v, want it as it was: nothing was written", got, err)
		}
		ok(t, "FreeSeat", s.FreeSeat(ctx, "acme", "crm", "member"))
		_, err = s.CountLetter(ctx, id, expires.Add(time.Hour), expires)
		ok(t, "CountLetter", err)
		_, err = s.CountLetter(ctx, id, expires.Add(time.Hour), expires) // it has its seat already
		ok(t, "CountLetter", err)
		if n := taken(t, s, expires); n != 1 {
			t.Errorf("%d seats are taken, want the one that the invitation holds anew", n)
		}
		ok(t, "SetUserSuspended", s.SetUserSuspended(ctx, "admin", true))
		_, err = s.CountLetter(ctx, id, expires.Add(time.Hour), expires)
		absent(t, "CountLetter(one that is not live)", err)
		invite(t, s, to("new", auth.RoleMember, "", "crm", "desk"))
		if n := taken(t, s, noon); n != 2 {
			t.Errorf("%d seats are taken, want 2: the one that was replaced holds none", n)
		}
	})

	t.Run("invitations are listed to whom and where", func(t *testing.T) {
		s := made(t, open)
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		older, newer, other, byAdmin := to("new", auth.RoleMember, ""), to("new", auth.RoleAdmin, ""), to("Beth", auth.RoleMember, ""), to("abe", auth.RoleMember, "admin")
		newer.As.AccountID, newer.ExpiresAt = "globex", expires.Add(time.Hour)
		for i, one := range []auth.Invitation{older, newer, other, byAdmin} {
			_, err := s.CreateInvitation(ctx, one, noon.Add(time.Duration(i)*time.Minute))
			ok(t, "CreateInvitation", err)
		}
		list := func(verb string, all []auth.Invitation, err error, want ...string) {
			t.Helper()
			var got []string
			for _, i := range all {
				got = append(got, i.ID)
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s = %q, %v, want %q", verb, got, err, want)
			}
		}
		all, err := s.InvitationsTo(ctx, "new@acme.example", noon)
		list("InvitationsTo", all, err, newer.ID, older.ID)
		all, err = s.InvitationsTo(ctx, "new@acme.example", expires)
		list("InvitationsTo(once one has expired)", all, err, newer.ID)
		all, err = s.InvitationsTo(ctx, "NEW@acme.example", noon)
		list("InvitationsTo(another address)", all, err)
		all, err = s.InvitationsOf(ctx, "acme")
		list("InvitationsOf", all, err, other.ID, byAdmin.ID, older.ID)
		join(t, s, "admin", auth.RoleMember)
		ok(t, "CloseInvitation", s.CloseInvitation(ctx, older.ID, auth.InvitationDeclined))
		all, err = s.InvitationsOf(ctx, "acme")
		list("InvitationsOf", all, err, other.ID)
		all, err = s.InvitationsTo(ctx, "abe@acme.example", noon)
		list("InvitationsTo(whose inviter may invite no more)", all, err)
		all, err = s.InvitationsTo(ctx, "new@acme.example", noon)
		list("InvitationsTo(once one is declined)", all, err, newer.ID)
		all, err = s.InvitationsOf(ctx, "nowhere")
		list("InvitationsOf(no such company)", all, err)
	})

	t.Run("R41 who joins is a member with the seats that were held", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 1, noon))
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "desk", 1, noon))
		one := to("new", auth.RoleAdmin, "super_admin", "crm", "desk")
		id := invite(t, s, one)
		counted, err := s.CountLetter(ctx, id, expires, noon)
		ok(t, "CountLetter", err)
		got, err := s.Join(ctx, id, counted.Letter, "new", noon)
		want := counted.As
		want.State = auth.MemberActive
		if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(inAcme(t, s, "new"), want) {
			t.Errorf("Join = %+v, %v, and the person is %+v, want %+v", got, err, inAcme(t, s, "new"), want)
		}
		state(t, s, id, auth.InvitationJoined)
		if n := taken(t, s, noon); n != 2 {
			t.Errorf("%d seats are taken, want 2: they go from the invitation to the person", n)
		}
		absent(t, "CloseInvitation(once joined)", s.CloseInvitation(ctx, id, auth.InvitationRevoked))
		_, err = s.CountLetter(ctx, id, expires, noon)
		absent(t, "CountLetter(once joined)", err)
		state(t, s, id, auth.InvitationJoined)
	})

	t.Run("A-130 R41 R42 who may not join, and nothing is written", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 5, noon))
		id := invite(t, s, to("new", auth.RoleMember, "admin", "crm"))
		for range 2 {
			_, err := s.CountLetter(ctx, id, expires, noon)
			ok(t, "CountLetter", err)
		}
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "shut", Role: auth.RoleMember, State: auth.MemberSuspended}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "asked", Role: auth.RoleAdmin, State: auth.MemberInvited}))
		denied := func(id string, letter int, userID string, now time.Time, reason auth.Reason) {
			t.Helper()
			before, seats := inAcme(t, s, userID), taken(t, s, noon)
			_, err := s.Join(ctx, id, letter, userID, now)
			refused(t, fmt.Sprintf("Join(%s, letter %d)", userID, letter), err, reason)
			if after := inAcme(t, s, userID); !reflect.DeepEqual(after, before) || taken(t, s, noon) != seats {
				t.Errorf("a Join that was refused made %+v of %+v", after, before)
			}
		}
		_, err := s.Join(ctx, "no such", 0, "new", noon)
		absent(t, "Join(no such)", err)
		for _, letter := range []int{0, 1, 3} {
			denied(id, letter, "new", noon, auth.ReasonInviteReplaced)
		}
		denied(id, 2, "new", expires, auth.ReasonInviteExpired)
		denied(id, 1, "new", expires, auth.ReasonInviteReplaced)
		denied(id, 2, "shut", noon, auth.ReasonUserSuspended)
		denied(id, 2, "asked", noon, auth.ReasonUserExistsInAccount)
		denied(id, 2, "super_admin", noon, auth.ReasonUserExistsInAccount)
		state(t, s, id, auth.InvitationOpen)
		for as, reason := range map[auth.InvitationState]auth.Reason{
			auth.InvitationDeclined: auth.ReasonInviteUsed, auth.InvitationRevoked: auth.ReasonInviteRevoked,
		} {
			closed := invite(t, s, to(string(as), auth.RoleMember, "admin", "crm"))
			ok(t, "CloseInvitation", s.CloseInvitation(ctx, closed, as))
			denied(closed, 0, "new", noon, reason)
			denied(closed, 9, "new", expires, reason)
			absent(t, "CloseInvitation(again)", s.CloseInvitation(ctx, closed, auth.InvitationDeclined))
			state(t, s, closed, as)
		}
		_, err = s.Join(ctx, id, 2, "new", noon)
		ok(t, "Join", err)
		denied(id, 2, "other", noon, auth.ReasonInviteUsed)
		denied(id, 1, "new", noon, auth.ReasonInviteUsed)
	})

	t.Run("A-130 an invitation does not outlive its inviter's right", func(t *testing.T) {
		lose := map[string]func(s directory.Store) error{
			"a lower role": func(s directory.Store) error {
				return s.ChangeMember(ctx, "", "acme", "second", directory.MemberChange{Role: auth.RoleAdmin})
			},
			"SetMember": func(s directory.Store) error {
				return s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "second", Role: auth.RoleMember, State: auth.MemberActive})
			},
			"suspended by the company": func(s directory.Store) error {
				return s.ChangeMember(ctx, "", "acme", "second", directory.MemberChange{Suspend: true})
			},
			"removed":               func(s directory.Store) error { return s.RemoveMember(ctx, "acme", "second") },
			"suspended by the host": func(s directory.Store) error { return s.SetUserSuspended(ctx, "second", true) },
		}
		for how, do := range lose {
			s := made(t, open)
			ok(t, "CreateUser", s.CreateUser(ctx, person("second")))
			join(t, s, "second", auth.RoleSuperAdmin)
			ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 1, noon))
			high, low := invite(t, s, to("high", auth.RoleAdmin, "second", "crm")), invite(t, s, to("low", auth.RoleMember, "second"))
			ok(t, how, do(s))
			state(t, s, high, auth.InvitationRevoked)
			_, err := s.Join(ctx, high, 0, "high", noon)
			refused(t, "Join, whose inviter is "+how, err, auth.ReasonInviteRevoked)
			wantMember(t, s, "high", "", "")
			if how == "a lower role" {
				state(t, s, low, auth.InvitationOpen) // an administrator may still ask members in
			} else {
				state(t, s, low, auth.InvitationRevoked)
			}
			if how == "suspended by the host" {
				ok(t, "SetUserSuspended", s.SetUserSuspended(ctx, "second", false))
				state(t, s, high, auth.InvitationOpen)
				continue
			}
			if n := taken(t, s, noon); n != 0 {
				t.Errorf("%d seats are taken, want none: what is revoked holds no seat", n)
			}
			join(t, s, "second", auth.RoleSuperAdmin)
			state(t, s, high, auth.InvitationRevoked) // what is revoked stays so
		}
	})

	t.Run("one caller invites an address", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", callers, noon))
		all := make([]auth.Invitation, callers)
		for i := range all {
			all[i] = to("new", auth.RoleMember, "admin", "crm")
		}
		won := winners(t, "CreateInvitation", refusal(auth.ReasonUserExistsInAccount), func(i int) error {
			_, err := s.CreateInvitation(ctx, all[i], noon)
			return err
		})
		if listed, err := s.InvitationsOf(ctx, "acme"); err != nil || won != 1 || len(listed) != 1 || taken(t, s, noon) != 1 {
			t.Errorf("%d callers invited one address %d times, %d invitations stand (%v), and %d seats are held, want 1 each: CreateInvitation must look and write in one step",
				callers, won, len(listed), err, taken(t, s, noon))
		}
	})

	t.Run("R41 A-130 one caller joins", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", callers, noon))
		for round := range 3 {
			id := invite(t, s, to(fmt.Sprint("new", round), auth.RoleMember, "admin", "crm"))
			who := func(i int) string { return fmt.Sprint(round, " user ", i*(round%2)) } // one person with many clicks, or many people
			won := winners(t, "Join", refusal(auth.ReasonInviteUsed), func(i int) error {
				_, err := s.Join(ctx, id, 0, who(i), noon)
				return err
			})
			joined := map[string]bool{}
			for i := range callers {
				if inAcme(t, s, who(i)).State == auth.MemberActive {
					joined[who(i)] = true
				}
			}
			if won != 1 || len(joined) != 1 || taken(t, s, noon) != round+1 {
				t.Errorf("%d callers joined by one invitation %d times, and %d people are in with %d seats in all, want 1, 1 and %d: Join must look and write in one step",
					callers, won, len(joined), taken(t, s, noon), round+1)
			}
		}
	})

	t.Run("an invitation is not both joined and closed", func(t *testing.T) {
		s := made(t, open)
		for round := range rounds {
			id, user := invite(t, s, to(fmt.Sprint("new", round), auth.RoleMember, "admin")), fmt.Sprint("user ", round)
			lost := func(err error) bool {
				return errors.Is(err, auth.ErrNotFound) || refusal(auth.ReasonInviteUsed)(err) || refusal(auth.ReasonInviteRevoked)(err)
			}
			won := winners(t, "Join or CloseInvitation", lost, func(i int) error {
				if i%2 == 0 {
					_, err := s.Join(ctx, id, 0, user, noon)
					return err
				}
				return s.CloseInvitation(ctx, id, auth.InvitationRevoked)
			})
			got, err := s.Invitation(ctx, id)
			ok(t, "Invitation", err)
			if in := inAcme(t, s, user).State == auth.MemberActive; won != 1 || in != (got.State == auth.InvitationJoined) {
				t.Errorf("callers who joined and callers who revoked won %d times, and the invitation is %q while the person is a member: %v, want 1: both verbs must look and write in one step", won, got.State, in)
			}
		}
	})

	t.Run("A-133 an invitation and others do not get the same last seat", func(t *testing.T) {
		s := made(t, open)
		for i := range callers {
			join(t, s, fmt.Sprint("user ", i), auth.RoleMember)
		}
		late := expires.Add(time.Minute)
		full := refusal(auth.ReasonNoSeatsLeft)
		for round := range 3 {
			product := fmt.Sprint("crm ", round)
			ok(t, "SetSeats", s.SetSeats(ctx, "acme", product, 1, noon))
			id := invite(t, s, to(fmt.Sprint("new", round), auth.RoleMember, "admin", product))
			others := make([]auth.Invitation, callers)
			for i := range others {
				others[i] = to(fmt.Sprintf("other%d-%d", round, i), auth.RoleMember, "admin", product)
				others[i].ExpiresAt = late.Add(time.Hour)
			}
			won := winners(t, "CountLetter, TakeSeat, CreateInvitation or Join", full, func(i int) (err error) {
				switch i % 4 {
				case 0:
					err = s.TakeSeat(ctx, "acme", product, fmt.Sprint("user ", i), late)
				case 1:
					_, err = s.CreateInvitation(ctx, others[i], late)
				case 2:
					if i > 2 {
						return auth.Refusal(auth.ReasonNoSeatsLeft)
					}
					_, err = s.CountLetter(ctx, id, late.Add(time.Hour), late)
				case 3:
					if i > 3 {
						return auth.Refusal(auth.ReasonNoSeatsLeft)
					}
					_, err = s.Join(ctx, id, 0, fmt.Sprint("new ", round), noon) // a clock that is behind
					if refusal(auth.ReasonInviteReplaced)(err) {
						err = auth.Refusal(auth.ReasonNoSeatsLeft)
					}
				}
				if errors.Is(err, auth.ErrNotFound) {
					err = auth.Refusal(auth.ReasonNoSeatsLeft)
				}
				return err
			})
			all, err := s.Seats(ctx, "acme", late)
			ok(t, "Seats", err)
			for _, one := range all {
				if one.Product == product && (won != 1 || one.Taken != 1) {
					t.Errorf("%d callers for one seat won %d times, and %d are taken, want 1 and 1: every verb must count the seats in the step that writes", callers, won, one.Taken)
				}
			}
		}
	})

	t.Run("nobody invites while they lose the right", func(t *testing.T) {
		s := made(t, open)
		for round := range 3 {
			join(t, s, "second", auth.RoleSuperAdmin)
			all := make([]auth.Invitation, callers)
			for i := range all {
				all[i] = to(fmt.Sprintf("new%d-%d", round, i), auth.RoleAdmin, "second")
			}
			together(func(i int) {
				if i == callers/2 {
					if err := s.ChangeMember(ctx, "super_admin", "acme", "second", directory.MemberChange{Role: auth.RoleAdmin}); err != nil {
						t.Errorf("ChangeMember = %v, want nil", err)
					}
				} else if _, err := s.CreateInvitation(ctx, all[i], noon); err != nil && !refusal(auth.ReasonForbidden)(err) {
					t.Errorf("CreateInvitation = %v, want nil or auth.Refusal(forbidden)", err)
				}
			})
			join(t, s, "second", auth.RoleSuperAdmin)
			if stand, err := s.InvitationsOf(ctx, "acme"); err != nil || len(stand) != 0 {
				t.Errorf("%d invitations stand, %v, want none: CreateInvitation must look at its inviter in the step that writes", len(stand), err)
			}
		}
	})
}
