package auth_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/store"
)

// admin makes somebody an administrator of Acme.
func (w *world) admin(name string, role auth.Role) {
	w.t.Helper()
	m := memberOf("acme", name, auth.MemberActive)
	m.Role = role
	w.must(w.people.SetMember(w.t.Context(), m))
}

// sends sends an invitation once more, and answers the token of the link.
func (w *world) sends(id string) string {
	w.t.Helper()
	w.move(time.Minute)
	_, link, a, err := w.m.SendInvitation(w.t.Context(), id, home)
	if err != nil || a.Reason != "" {
		w.t.Fatalf("SendInvitation = %+v, %v", a, err)
	}
	return tokenOf(link)
}

// activates begins a flow with the link of an invitation.
func (w *world) activates(link string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	return k.took(w.m.OpenInvitation(w.t.Context(), link, "", c))
}

// joins begins a StepUp with the link of an invitation.
func (w *world) joins(link string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	return k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionJoin, Link: link}, c))
}

// switches begins a StepUp to another company.
func (w *world) switches(account string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	return k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionSwitch, Target: account}, c))
}

// member is a person's place in a company; the zero Membership: none.
func (w *world) member(userID, account string) auth.Membership {
	w.t.Helper()
	all, err := w.m.Memberships(w.t.Context(), userID)
	w.must(err)
	for _, m := range all {
		if m.AccountID == account {
			return m
		}
	}
	return auth.Membership{}
}

// standing is what has become of an invitation.
func (w *world) standing(id string) auth.InvitationState {
	w.t.Helper()
	i, err := w.people.Invitation(w.t.Context(), id)
	w.must(err)
	return i.State
}

// R40, R41: an invitation, its letter, a password; what was invited to is what comes of it.
func TestActivate(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.admin("ann", auth.RoleSuperAdmin)
		w.must(w.people.SetSeats(ctx, "acme", "crm", 1))
		i, link, a, err := w.m.Invite(ctx, auth.NewInvitation{
			AccountID: "acme", Email: " NewComer@elsewhere.example", Name: "New\nComer", Role: auth.RoleAdmin, Products: []string{"crm"}, Lang: "fr", By: "ann",
		}, home)
		if err != nil || a.Reason != "" || i.Letter != 1 || i.Email != newcomer || !strings.HasPrefix(link, "https://app.example.com/auth/join?token=") {
			t.Fatalf("R40 Invite = %+v, %q, %+v, %v", i, link, a, err)
		}
		m := w.mail.one(mail.Invite)
		if m.To != newcomer || m.Lang != "fr" || m.Link != link || strings.Contains(m.Text, home.IP.String()) {
			t.Errorf("R40 the letter is %q to %q in %q, want the same link, in French, without where the inviter sits", m.Link, m.To, m.Lang)
		}
		if n := w.member("nobody", "acme"); n.AccountID != "" {
			t.Errorf("R40 a membership without a person: %+v", n)
		}
		if _, err := w.people.UserByEmail(ctx, newcomer); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("R40 the person is there already: %v", err)
		}
		if seats, err := w.people.Seats(ctx, "acme"); err != nil || len(seats) != 1 || seats[0].Taken != 1 {
			t.Errorf("R40 R94 seats %+v, %v, want the one held", seats, err)
		}
		tok := tokenOf(link)
		for range 3 {
			in, err := w.m.CheckInvitation(ctx, tok, home)
			if err != nil || in.Why != "" || in.Exists || in.SSO || in.Other || in.SignedIn || in.Invitation.As.AccountName != "Acme" || in.Invitation.Email != newcomer {
				t.Errorf("A-179 R41 CheckInvitation = %+v, %v", in, err)
			}
		}
		k := w.activates(tok, home).at(auth.StageNewPassword, "")
		if k.step.Invitation.ID != i.ID || len(k.step.Rules) == 0 {
			t.Errorf("R41 the page shows %+v, rules %v", k.step.Invitation, k.step.Rules)
		}
		if done, _, err := w.m.Finish(ctx, k.ref, home); err != nil || done.Token != "" {
			t.Errorf("A-175 Finish of an activation = %+v, %v", done, err)
		}
		var unmet *auth.PasswordError
		if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: newcomer}, home); done || !errors.As(err, &unmet) {
			t.Errorf("A-155 the own address = %v, %v, want the rules", done, err)
		}
		k.choose(auth.PasswordChoice{Password: fresh})
		u, err := w.people.UserByEmail(ctx, newcomer)
		if err != nil || u.Unverified || u.Name != "New Comer" {
			t.Errorf("R41 the person is %+v, %v, want verified, as the inviter calls them", u, err)
		}
		if got := w.member(u.ID, "acme"); got.State != auth.MemberActive || got.Role != auth.RoleAdmin || !slices.Equal(got.Products, []string{"crm"}) {
			t.Errorf("A-129 the member is %+v, want what the invitation says", got)
		}
		for what, open := range map[string]auth.Reason{"A-130 the link again": auth.ReasonInviteUsed} {
			if s, err := w.m.OpenInvitation(ctx, tok, "", home); err != nil || s.Reason != open || s.Token != "" {
				t.Errorf("%s = %s, %v, want %s", what, s.Reason, err, open)
			}
		}
		if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: "the thief's passphrase"}, home); done || !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-170 the same flow again = %v, %v", done, err)
		}
		w.mail.notices()
		c, s := w.knownWith(newcomer, fresh, home)
		if s.AccountID != "acme" || !w.live(c.Session) {
			t.Errorf("R41 the sign-in enters %q", s.AccountID)
		}
	})
}

// A-130, R41: what ends a link, before it is opened and while its flow is under way.
func TestInvitationEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(w *world, i auth.Invitation)
		want auth.Reason
	}{
		"A-130 seven days":   {func(w *world, i auth.Invitation) { w.move(7 * 24 * time.Hour) }, auth.ReasonInviteExpired},
		"R44 a newer letter": {func(w *world, i auth.Invitation) { w.sends(i.ID) }, auth.ReasonInviteReplaced},
		"A-130 R44 revoked":  {func(w *world, i auth.Invitation) { w.must(w.m.RevokeInvitation(w.t.Context(), i.ID, home)) }, auth.ReasonInviteRevoked},
		"A-130 the company lapsed": {func(w *world, i auth.Invitation) {
			w.must(w.people.SetAccountState(w.t.Context(), "acme", auth.AccountExpired, time.Time{}))
		}, auth.ReasonAccountExpired},
		"A-130 the inviter is one no more": {func(w *world, i auth.Invitation) {
			w.admin("two", auth.RoleSuperAdmin)
			w.admin("ann", auth.RoleMember)
		}, auth.ReasonInviteRevoked},
		"A-131 a company's own sign-in": {func(w *world, i auth.Invitation) { w.enforced(newcomer) }, auth.ReasonSSORequired},
		"A-127 an account meanwhile":    {func(w *world, i auth.Invitation) { w.made(newcomer) }, auth.ReasonInviteSignIn},
	} {
		for _, opened := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, opened %v", name, opened), func(t *testing.T) {
				w := mailed(t)
				w.admin("ann", auth.RoleSuperAdmin)
				i, link := w.invite(auth.NewInvitation{Email: newcomer, Role: auth.RoleAdmin, By: "ann"})
				if !opened {
					tt.end(w, i)
					w.mail.take()
					if s, err := w.m.OpenInvitation(t.Context(), link, "", home); err != nil || s.Stage != auth.StageRefused || s.Reason != tt.want {
						t.Errorf("OpenInvitation = %s %s, %v, want %s", s.Stage, s.Reason, err, tt.want)
					}
				} else {
					k := w.activates(link, home).at(auth.StageNewPassword, "")
					tt.end(w, i)
					w.mail.take()
					s, done, err := w.m.NewPassword(t.Context(), k.ref, auth.PasswordChoice{Password: fresh}, home)
					if done || err != nil && !errors.Is(err, auth.ErrFlowGone) || err == nil && (s.Stage != auth.StageRefused || s.Reason != tt.want) {
						t.Errorf("NewPassword = %s %s, %v, %v, want %s", s.Stage, s.Reason, done, err, tt.want)
					}
				}
				if u, err := w.people.UserByEmail(t.Context(), newcomer); err == nil && (u.ID != "made" || w.opensWith(newcomer, fresh)) {
					t.Errorf("A-131 A-127 somebody was added, or given a password: %+v", u)
				}
			})
		}
	}
	w := mailed(t)
	i, link := w.invite(auth.NewInvitation{Email: newcomer})
	raw, err := base64.RawURLEncoding.DecodeString(link)
	w.must(err)
	for n := range raw { // nothing in a link can be changed
		raw[n] ^= 1
		if s, err := w.m.OpenInvitation(t.Context(), base64.RawURLEncoding.EncodeToString(raw), "", from(fmt.Sprintf("198.51.%d.1", n))); err != nil || s.Reason != auth.ReasonInviteRevoked || s.Token != "" {
			t.Fatalf("A-129 with byte %d changed: %s, %v", n, s.Reason, err)
		}
		raw[n] ^= 1
	}
	for _, tok := range []string{"", "x", "===", i.ID, link + "A", link[:len(link)-4]} {
		if in, err := w.m.CheckInvitation(t.Context(), tok, home); err != nil || in.Why != auth.ReasonInviteRevoked {
			t.Errorf("A-178 CheckInvitation(%.8q) = %+v, %v", tok, in, err)
		}
	}
	if err := w.m.RevokeInvitation(t.Context(), "inv_nothing", home); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("R44 revoking nothing = %v, want ErrNotFound", err)
	}
}

// R40, A-134: who may be invited, by whom, and how often.
func TestInviteRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(w *world)
		n       auth.NewInvitation
		want    auth.Reason
	}{
		"no address":                 {nil, auth.NewInvitation{Email: "x"}, auth.ReasonEmailInvalid},
		"A-134 by a member":          {nil, auth.NewInvitation{Email: newcomer, By: "ann"}, auth.ReasonForbidden},
		"A-134 by nobody":            {nil, auth.NewInvitation{Email: newcomer, By: "nobody"}, auth.ReasonForbidden},
		"A-134 above the own role":   {func(w *world) { w.admin("ann", auth.RoleAdmin) }, auth.NewInvitation{Email: newcomer, By: "ann", Role: auth.RoleSuperAdmin}, auth.ReasonForbidden},
		"A-134 by another company's": {func(w *world) { w.admin("ann", auth.RoleSuperAdmin) }, auth.NewInvitation{AccountID: "umbra", Email: newcomer, By: "ann"}, auth.ReasonForbidden},
		"R40 a member":               {nil, auth.NewInvitation{Email: annsOwn}, auth.ReasonUserExistsInAccount},
		"R40 a suspended member":     {nil, auth.NewInvitation{Email: "sam@acme.example"}, auth.ReasonUserExistsInAccount},
		"R40 somebody invited":       {func(w *world) { w.invite(auth.NewInvitation{Email: newcomer}) }, auth.NewInvitation{Email: newcomer}, auth.ReasonUserExistsInAccount},
		"R40 no seat": {func(w *world) {
			w.must(w.people.SetSeats(w.t.Context(), "acme", "crm", 1))
			w.must(w.people.TakeSeat(w.t.Context(), "acme", "crm", "ann"))
		}, auth.NewInvitation{Email: newcomer, Products: []string{"crm"}}, auth.ReasonNoSeatsLeft},
		"R96 into an expired company": {func(w *world) {
			w.must(w.people.SetAccountState(w.t.Context(), "acme", auth.AccountExpired, time.Time{}))
		}, auth.NewInvitation{Email: newcomer}, auth.ReasonAccountExpired},
		"A-177 too many to one address": {func(w *world) { w.invitesMany() }, auth.NewInvitation{Email: newcomer}, auth.ReasonTooManyAttempts},
	} {
		t.Run(name, func(t *testing.T) {
			w := mailed(t)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			if tt.n.AccountID == "" {
				tt.n.AccountID = "acme"
			}
			i, link, a, err := w.m.Invite(t.Context(), tt.n, home)
			if a.Reason != tt.want || err != nil || link != "" {
				t.Errorf("Invite = %+v, %q, %q, %v, want %q and no link", i, link, a.Reason, err, tt.want)
			}
		})
	}
	w := mailed(t)
	if _, _, _, err := w.m.Invite(t.Context(), auth.NewInvitation{AccountID: "nowhere", Email: newcomer}, home); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("into no company = %v, want ErrNotFound", err)
	}
	w = mailed(t, func(c *auth.Config) { c.Invitations = nil })
	if _, _, _, err := w.m.Invite(t.Context(), auth.NewInvitation{AccountID: "acme", Email: newcomer}, home); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("where nobody can be invited = %v, want ErrNotFound", err)
	}
}

// invitesMany invites the newcomer and takes it back, as often as goes in a day.
func (w *world) invitesMany() {
	w.t.Helper()
	for range 10 {
		i, _ := w.invite(auth.NewInvitation{Email: newcomer})
		w.must(w.m.RevokeInvitation(w.t.Context(), i.ID, home))
	}
}

// an administrator of one company is not handed the first password of somebody who belongs to another.
func TestInvitationOfSomebodyWithoutAPassword(t *testing.T) {
	w := mailed(t)
	i, link, a, err := w.m.Invite(t.Context(), auth.NewInvitation{AccountID: "umbra", Email: "nopass@acme.example"}, home)
	if link != "" || a.Reason != "" || err != nil {
		t.Errorf("Invite answers the link %q, %+v, %v, want none", link, a, err)
	}
	if m := w.mail.one(mail.Invite); m.To != "nopass@acme.example" || linkToken(m) == "" {
		t.Errorf("the letter goes to %q with the link %q", m.To, linkToken(m))
	}
	if link := w.sends(i.ID); link != "" {
		t.Errorf("SendInvitation answers the link %q, want none", link)
	}
	w.mail.one(mail.Invite)
}

// ten letters of one company a day reach one address, whatever the number of invitations; another company has its own ten.
func TestLettersToOneAddress(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	for range 2 {
		i, _ := w.invite(auth.NewInvitation{Email: newcomer})
		for range 4 {
			w.sends(i.ID)
		}
		w.must(w.m.RevokeInvitation(ctx, i.ID, home))
	}
	if _, _, a, err := w.m.Invite(ctx, auth.NewInvitation{AccountID: "acme", Email: newcomer}, home); a.Reason != auth.ReasonTooManyAttempts || err != nil {
		t.Errorf("the eleventh letter = %q, %v, want too_many_attempts", a.Reason, err)
	}
	w.mail.take()
	w.invite(auth.NewInvitation{AccountID: "umbra", Email: newcomer})
}

// R44: another letter, how often, and what taking an invitation back frees.
func TestSendInvitation(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	w.must(w.people.SetSeats(ctx, "acme", "crm", 1))
	i, first := w.invite(auth.NewInvitation{Email: newcomer, Products: []string{"crm"}})
	if _, _, a, err := w.m.SendInvitation(ctx, i.ID, home); a.Reason != auth.ReasonTooManyAttempts || a.RetryAfter == 0 || err != nil {
		t.Errorf("R44 at once again = %+v, %v, want too_many_attempts", a, err)
	}
	second := w.sends(i.ID)
	w.mail.one(mail.Invite)
	if in, err := w.m.CheckInvitation(ctx, first, home); err != nil || in.Why != auth.ReasonInviteReplaced {
		t.Errorf("A-171 the older link = %q, %v", in.Why, err)
	}
	if in, err := w.m.CheckInvitation(ctx, second, home); err != nil || in.Why != "" || in.Invitation.Letter != 2 {
		t.Errorf("R44 the newer link = %+v, %v", in, err)
	}
	w.move(7 * 24 * time.Hour) // expired: its seat is free, and taken by a letter as long as there is one
	w.must(w.people.TakeSeat(ctx, "acme", "crm", "ann"))
	if _, _, a, err := w.m.SendInvitation(ctx, i.ID, home); a.Reason != auth.ReasonNoSeatsLeft || err != nil {
		t.Errorf("R94 with its seat taken = %+v, %v", a, err)
	}
	w.must(w.people.FreeSeat(ctx, "acme", "crm", "ann"))
	third := w.sends(i.ID)
	w.mail.take()
	if in, err := w.m.CheckInvitation(ctx, third, home); err != nil || in.Why != "" {
		t.Errorf("R44 sent again after a week = %+v, %v, want it good for seven days more", in, err)
	}
	sent := 0
	for range 20 {
		w.move(time.Minute)
		if _, _, a, err := w.m.SendInvitation(ctx, i.ID, home); a.Reason == "" && err == nil {
			sent++
		}
	}
	if sent > 5 {
		t.Errorf("A-177 %d letters within an hour, want five at most", sent)
	}
	w.mail.take()
	w.must(w.m.RevokeInvitation(ctx, i.ID, home))
	w.must(w.people.TakeSeat(ctx, "acme", "crm", "ann")) // R44: it is free again
	if _, _, _, err := w.m.SendInvitation(ctx, i.ID, home); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("R44 sending what was taken back = %v, want ErrNotFound", err)
	}
	if trail := w.take(); !has(trail, auth.InvitationClosed) || trail[len(trail)-1].Invitation != i.ID {
		t.Error("R113 nothing in the trail says that it was taken back")
	}
}

// seats are held as invitations are made: no more of them than there are seats, however many are made at once.
func TestInviteSeatRace(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.must(w.people.SetSeats(t.Context(), "acme", "crm", 3))
		var made, refused atomic.Int32
		atOnce(64, func(i int) {
			_, _, a, err := w.m.Invite(t.Context(), auth.NewInvitation{AccountID: "acme", Email: fmt.Sprintf("new%d@elsewhere.example", i), Products: []string{"crm"}}, home)
			switch {
			case err != nil:
				t.Errorf("A-133 Invite: %v", err)
			case a.Reason == "":
				made.Add(1)
			case a.Reason == auth.ReasonNoSeatsLeft:
				refused.Add(1)
			}
		})
		if made.Load() != 3 || refused.Load() != 61 {
			t.Errorf("A-133 %d invitations made, %d refused, want 3 and 61", made.Load(), refused.Load())
		}
		w.mail.take()
	})
}

// R42: somebody who has an account signs in, and joins.
func TestJoin(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		i, link, a, err := w.m.Invite(ctx, auth.NewInvitation{AccountID: "umbra", Email: annsOwn, Role: auth.RoleAdmin}, home)
		if err != nil || a.Reason != "" {
			t.Fatal(a, err)
		}
		w.mail.one(mail.InviteExisting)
		link = tokenOf(link)
		c, s := w.known(annsOwn, home)
		if in, err := w.m.CheckInvitation(ctx, link, c); err != nil || !in.Exists || !in.SignedIn || in.Other {
			t.Errorf("R42 CheckInvitation = %+v, %v", in, err)
		}
		if st, err := w.m.OpenInvitation(ctx, link, "", home); err != nil || st.Stage != auth.StageRefused || st.Reason != auth.ReasonInviteSignIn {
			t.Errorf("A-127 the way of newcomers = %s %s, %v, want the sign-in", st.Stage, st.Reason, err)
		}
		solo, _ := w.known("solo@acme.example", office)
		if in, err := w.m.CheckInvitation(ctx, link, solo); err != nil || !in.Other || in.SignedIn {
			t.Errorf("A-128 as somebody else CheckInvitation = %+v, %v", in, err)
		}
		if k := w.joins(link, solo); k.step.Stage != auth.StageRefused || k.step.Reason != auth.ReasonInviteOtherUser || k.step.Token != "" || k.step.Flow.ID != "" {
			t.Errorf("A-128 as somebody else = %s %s, flow %q, want no flow", k.step.Stage, k.step.Reason, k.step.Flow.ID)
		}
		if a, err := w.m.Decline(ctx, link, solo); a.Reason != auth.ReasonInviteOtherUser || err != nil || w.standing(i.ID) != auth.InvitationOpen {
			t.Errorf("A-128 declining as somebody else = %q, %v", a.Reason, err)
		}
		if _, err := w.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionJoin, Link: link}, home); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("R42 nobody signed in = %v", err)
		}
		other, _ := w.known(annsOwn, from("198.51.100.44"))
		k := w.joins(link, c).at(auth.StageReady, "")
		if w.member("ann", "umbra").State != "" || w.standing(i.ID) != auth.InvitationOpen {
			t.Error("R42 she has joined before she said so")
		}
		done := k.finish()
		if done.Session.ID != s.ID || done.Session.AccountID != "umbra" || w.live(c.Session) || !w.live(done.Token) {
			t.Errorf("R42 the session is %+v, want the same in umbra, under a new token alone", done.Session)
		}
		if m := w.member("ann", "umbra"); m.State != auth.MemberActive || m.Role != auth.RoleAdmin || w.standing(i.ID) != auth.InvitationJoined {
			t.Errorf("A-129 the member is %+v, the invitation %s", m, w.standing(i.ID))
		}
		if w.session(other).AccountID != "acme" || !w.live(other.Session) {
			t.Error("R42 another session has moved or ended")
		}
		c = with(c, done)
		if k := w.joins(link, c); k.step.Reason != auth.ReasonInviteUsed {
			t.Errorf("A-130 the link again = %s %s", k.step.Stage, k.step.Reason)
		}
		if w.opensWith(annsOwn, fresh) || !w.opensWith(annsOwn, secret) {
			t.Error("A-127 the invitation has touched the password")
		}
		trail := w.take()
		of := map[auth.Kind]string{}
		for _, e := range trail {
			of[e.Kind] = e.Invitation
		}
		if of[auth.InvitationSent] != i.ID || of[auth.Joined] != i.ID {
			t.Errorf("R113 the trail names the invitation %q, and %q where she joined, want %q", of[auth.InvitationSent], of[auth.Joined], i.ID)
		}
		kinds := kinds(trail)
		for _, kind := range []auth.Kind{auth.Invited, auth.InvitationSent, auth.Joined, auth.SteppedUp} {
			if !slices.Contains(kinds, kind) {
				t.Errorf("R113 no %s in the trail", kind)
			}
		}

		// And another one, declined.
		i, link = w.invite(auth.NewInvitation{AccountID: "umbra", Email: "solo@acme.example"})
		under := w.joins(link, solo).at(auth.StageReady, "")
		if a, err := w.m.Decline(ctx, link, solo); a.Reason != "" || err != nil || w.standing(i.ID) != auth.InvitationDeclined {
			t.Errorf("R42 Decline = %+v, %v, %s", a, err, w.standing(i.ID))
		}
		if done, st, err := w.m.Finish(ctx, under.ref, solo); err != nil || done.Token != "" || st.Reason != auth.ReasonInviteUsed || w.member("solo", "umbra").State != "" {
			t.Errorf("R42 joining what was declined = %+v, %s, %v", done, st.Reason, err)
		}
		if a, err := w.m.Decline(ctx, link, solo); a.Reason != auth.ReasonInviteUsed || err != nil {
			t.Errorf("R42 declining twice = %q, %v", a.Reason, err)
		}
		if _, err := w.m.Decline(ctx, link, home); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("R42 declining without a session = %v", err)
		}
		if !w.live(solo.Session) {
			t.Error("R42 a session ended with the declining")
		}
	})
}

// R43, A-131: where the company's own sign-in is enforced, no password is set: the letter and the page say so.
func TestInviteUnderSSO(t *testing.T) {
	w := mailed(t)
	w.enforced(newcomer)
	_, link, a, err := w.m.Invite(t.Context(), auth.NewInvitation{AccountID: "acme", Email: newcomer}, home)
	if err != nil || a.Reason != "" {
		t.Fatal(a, err)
	}
	w.mail.one(mail.InviteSSO)
	if in, err := w.m.CheckInvitation(t.Context(), tokenOf(link), home); err != nil || !in.SSO || in.Exists {
		t.Errorf("R43 CheckInvitation = %+v, %v", in, err)
	}
	w.activates(tokenOf(link), home).at(auth.StageRefused, auth.ReasonSSORequired)
	if _, err := w.people.UserByEmail(t.Context(), newcomer); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("A-131 somebody was added: %v", err)
	}
}

// another browser with the same link is faster, once the person is there.
func TestInvitationTakenWhileSomebodyIsAdded(t *testing.T) {
	w := mailed(t)
	_, link := w.invite(auth.NewInvitation{Email: newcomer})
	slow, fast := w.activates(link, home).at(auth.StageNewPassword, ""), w.activates(link, office).at(auth.StageNewPassword, "")
	won := false
	w.spy.after = func(_ int, call string) error {
		if call == "CreateUser" {
			w.spy.after = nil
			_, done, err := w.m.NewPassword(t.Context(), fast.ref, auth.PasswordChoice{Password: fresh}, office)
			if won = done; err != nil {
				t.Errorf("the faster one's NewPassword = %v", err)
			}
		}
		return nil
	}
	_, done, err := w.m.NewPassword(t.Context(), slow.ref, auth.PasswordChoice{Password: otherSecret}, home)
	if !won || done || !errors.Is(err, auth.ErrFlowGone) {
		t.Errorf("NewPassword = %v, %v, and the faster one's %v, want ErrFlowGone after it", done, err, won)
	}
	if !w.opensWith(newcomer, fresh) || w.opensWith(newcomer, otherSecret) {
		t.Error("the password of the faster one was replaced")
	}
}

// 64 at once with one invitation.
func TestInvitationRaces(t *testing.T) {
	t.Run("A-174 a newcomer", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			i, link := w.invite(auth.NewInvitation{Email: newcomer})
			var walks [64]*walker
			for i := range walks {
				walks[i] = w.activates(link, home).at(auth.StageNewPassword, "")
			}
			var n atomic.Int32
			var typed atomic.Value
			atOnce(64, func(i int) {
				mine := fmt.Sprintf("%s %d", fresh, i)
				s, done, err := w.m.NewPassword(t.Context(), walks[i].ref, auth.PasswordChoice{Password: mine}, home)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) || err == nil && !done && s.Stage != auth.StageRefused {
					t.Errorf("NewPassword = %s %s, %v, %v", s.Stage, s.Reason, done, err)
				}
				if done {
					n.Add(1)
					typed.Store(mine)
				}
			})
			u, err := w.people.UserByEmail(t.Context(), newcomer)
			w.must(err)
			if n.Load() != 1 || w.member(u.ID, "acme").State != auth.MemberActive || w.standing(i.ID) != auth.InvitationJoined || !w.opensWith(newcomer, typed.Load().(string)) {
				t.Errorf("%d have activated, member %+v, invitation %s, want one of each", n.Load(), w.member(u.ID, "acme"), w.standing(i.ID))
			}
		})
	})
	t.Run("A-174 a member elsewhere", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			i, link := w.invite(auth.NewInvitation{AccountID: "umbra", Email: annsOwn})
			c, _ := w.known(annsOwn, home)
			var walks [16]*walker
			for n := range walks {
				walks[n] = w.joins(link, c).at(auth.StageReady, "")
			}
			var n atomic.Int32
			atOnce(64, func(i int) {
				done, s, err := w.m.Finish(t.Context(), walks[i%len(walks)].ref, c)
				if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, auth.ErrFlowChanged) {
					t.Errorf("Finish = %s %s, %v", s.Stage, s.Reason, err)
				}
				if done.Token != "" {
					n.Add(1)
				}
			})
			if n.Load() != 1 || w.member("ann", "umbra").State != auth.MemberActive || w.standing(i.ID) != auth.InvitationJoined || w.sessions("ann") != 1 {
				t.Errorf("%d have joined, member %+v, invitation %s, %d sessions, want one of each", n.Load(), w.member("ann", "umbra"), w.standing(i.ID), w.sessions("ann"))
			}
		})
	})
}

// R116: the first administrator of an empty store.
func TestBootstrap(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	if _, err := w.people.Bootstrap(ctx, "Other", newcomer); !errors.Is(err, directory.ErrNotEmpty) {
		t.Errorf("R116 where there are people = %v, want ErrNotEmpty", err)
	}
	db := store.NewMemory()
	people := directory.New(db)
	people.Now = w.clock
	w.cfg.Users, w.cfg.Companies, w.cfg.Registrar, w.cfg.Invitations, w.cfg.Administrators = people, people, people, people, people
	w.cfg.Stores = db.Stores()
	w.m, w.people = w.manager(), people
	first, err := people.Bootstrap(ctx, "First", newcomer)
	w.must(err)
	i, link, a, err := w.m.SendInvitation(ctx, first.ID, auth.Client{})
	if err != nil || a.Reason != "" || i.Letter != 1 || w.mail.one(mail.Invite).Link != link {
		t.Fatalf("R116 SendInvitation = %+v, %q, %+v, %v, want the link, answered and mailed", i, link, a, err)
	}
	w.activates(tokenOf(link), home).at(auth.StageNewPassword, "").choose(auth.PasswordChoice{Password: fresh})
	_, s := w.knownWith(newcomer, fresh, home)
	if m := w.member(s.UserID, s.AccountID); m.Role != auth.RoleSuperAdmin || m.AccountName != "First" {
		t.Errorf("R116 the first person is %+v", m)
	}
	if _, err := people.Bootstrap(ctx, "Second", newcomer); !errors.Is(err, directory.ErrNotEmpty) {
		t.Errorf("R116 twice = %v, want ErrNotEmpty", err)
	}
}
