package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

const (
	annsOwn  = "ann@acme.example"
	annsNext = "ann@elsewhere.example"
)

// wants asks for another address and answers the token of the link that goes there.
func (w *world) wants(c auth.Client, to string) string {
	w.t.Helper()
	if a := w.asksFor(c, to); a.Reason != "" {
		w.t.Fatalf("AskEmail(%q) = %+v", to, a)
	}
	return linkToken(w.letterOf(mail.EmailConfirm))
}

func (w *world) asksFor(c auth.Client, to string) auth.Answer {
	w.t.Helper()
	a, err := w.m.AskEmail(w.t.Context(), w.session(c), to, c)
	if err != nil {
		w.t.Fatalf("AskEmail(%q): %v", to, err)
	}
	return a
}

// session is that of a browser which is signed in.
func (w *world) session(c auth.Client) session.Session {
	w.t.Helper()
	s, err := lookup(w.m, c.Session)
	w.must(err)
	return s
}

// moves gives whoever is signed in another address, and answers the browser as it goes on.
func (w *world) moves(c auth.Client, to string) auth.Client {
	w.t.Helper()
	return w.confirms(c, w.wants(c, to))
}

func (w *world) confirms(c auth.Client, link string) auth.Client {
	w.t.Helper()
	done, a, err := w.m.ConfirmEmail(w.t.Context(), link, c)
	if err != nil || a.Reason != "" || done.Token == "" {
		w.t.Fatalf("ConfirmEmail = %+v, %v", a, err)
	}
	return with(c, done)
}

// address is what somebody is written to at.
func (w *world) address(userID string) string {
	w.t.Helper()
	u, err := w.people.UserByID(w.t.Context(), userID)
	w.must(err)
	return u.Email
}

// undoLink waits for the letter that tells an old address, and answers the token of the link in it; empty: there is none.
func (w *world) undoLink() string {
	w.t.Helper()
	return linkToken(w.letterOf(mail.EmailChanged))
}

// R69: ask, confirm, and the old address takes it back.
func TestChangeEmail(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c, s := w.known(annsOwn, home)
		other, _ := w.known(annsOwn, office)
		c = w.recovers(c, "spare@elsewhere.example")
		other, _ = w.known(annsOwn, office)
		w.move(time.Minute)
		w.mail.take()

		link := w.wants(c, " Ann@Elsewhere.example ")
		if got, err := w.m.PendingEmail(ctx, "ann"); got != annsNext || err != nil || w.address("ann") != annsOwn {
			t.Errorf("R69 pending %q, %v, address %q, want the new one to wait", got, err, w.address("ann"))
		}
		if to, why, err := w.m.CheckEmail(ctx, link, c); to != annsNext || why != "" || err != nil {
			t.Errorf("A-179 CheckEmail = %q, %q, %v", to, why, err)
		}
		if _, _, err := w.m.ConfirmEmail(ctx, link, home); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("R69 confirming without a session = %v, want session.ErrNotFound", err)
		}
		solo, _ := w.known("solo@acme.example", from("198.51.100.9"))
		if _, a, err := w.m.ConfirmEmail(ctx, link, solo); a.Reason != auth.ReasonOtherUser || err != nil {
			t.Errorf("R69 confirming as somebody else = %q, %v", a.Reason, err)
		}
		after := w.confirms(c, link)
		if w.address("ann") != annsNext || w.live(c.Session) || !w.live(after.Session) || w.session(after).ID != s.ID {
			t.Errorf("R69 address %q, old token %v, new token %v, want the same session under a new token alone", w.address("ann"), w.live(c.Session), w.live(after.Session))
		}
		if w.live(other.Session) {
			t.Error("invariant 6: another session outlives the new address")
		}
		w.move(10 * time.Second)
		list := w.mail.take()
		var undo string
		to := map[string]bool{}
		for _, m := range list {
			if m.Kind == mail.EmailChanged {
				to[m.To] = true
				if m.To == annsOwn {
					undo = linkToken(m)
				} else if strings.Contains(m.Text, "token=") {
					t.Error("A-181 the way back is mailed to another address than the old one")
				}
			}
		}
		if !to[annsOwn] || !to["spare@elsewhere.example"] || to[annsNext] || undo == "" {
			t.Fatalf("A-181 told %v, undo %q, want the old address with a way back, and the recovery address", to, undo)
		}
		if _, a, err := w.m.ConfirmEmail(ctx, link, after); a.Reason != auth.ReasonLinkExpired || err != nil {
			t.Errorf("A-170 the link again = %q, %v, want expired", a.Reason, err)
		}
		w.beginWith(annsNext, secret, after).at(auth.StageReady, "")
		if s := w.guess(annsOwn, secret, office); s.Reason != auth.ReasonInvalidCredentials {
			t.Errorf("R69 the old address signs in: %s %s", s.Stage, s.Reason)
		}

		w.move(7*24*time.Hour - time.Minute)
		if back, why, err := w.m.CheckUndo(ctx, undo); back != annsOwn || why != "" || err != nil {
			t.Fatalf("CheckUndo = %q, %q, %v", back, why, err)
		}
		w.mail.take()
		if a, err := w.m.UndoEmail(ctx, undo, office); a.Reason != "" || err != nil {
			t.Fatalf("UndoEmail = %+v, %v", a, err)
		}
		if w.address("ann") != annsOwn || w.sessions("ann") != 0 {
			t.Errorf("R69 undone: address %q, %d sessions, want the old one and none", w.address("ann"), w.sessions("ann"))
		}
		if at, pending, err := w.m.RecoveryEmail(ctx, "ann"); at != "" || pending != "" || err != nil {
			t.Errorf("R69 undone: the recovery address is %q (%q), %v, want none", at, pending, err)
		}
		w.begin(annsOwn, after).at(auth.StageRefused, auth.ReasonAccountLocked)
		w.move(10 * time.Second)
		list = w.mail.take()
		i := slices.IndexFunc(list, func(m mail.Message) bool { return m.Kind == mail.Reset })
		if i < 0 || list[i].To != annsOwn {
			t.Fatalf("R69 undone: letters %v, want a reset to the address that counts again", letterKinds(list))
		}
		w.opens(linkToken(list[i]), office).choose(auth.PasswordChoice{Password: fresh})
		if a, err := w.m.UndoEmail(ctx, undo, office); a.Reason != auth.ReasonLinkExpired || err != nil {
			t.Errorf("A-170 undone twice = %q, %v, want expired", a.Reason, err)
		}
		w.beginWith(annsOwn, fresh, office).at(auth.StageVerify, "")
		w.move(time.Minute)
		w.mail.take()
	})
}

// R69: what cannot be asked for, and by whom.
func TestAskEmailRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(w *world, c auth.Client)
		to      string
		want    auth.Reason
	}{
		"R66 an old proof": {func(w *world, c auth.Client) { w.move(11 * time.Minute) }, annsNext, auth.ReasonProofRequired},
		"R14 locked":       {func(w *world, c auth.Client) { w.reported(c) }, annsNext, auth.ReasonProofRequired},
		"no address":       {nil, "ann at elsewhere", auth.ReasonEmailInvalid},
		"the same":         {nil, "ANN@acme.example", auth.ReasonEmailSame},
		"the old domain is the company's": {func(w *world, c auth.Client) {
			w.must(w.people.SetDomainSSO(w.t.Context(), "acme.example", auth.SSOEnforced))
		}, annsNext, auth.ReasonDomainNotAllowed},
		"the new domain is a company's": {func(w *world, c auth.Client) {
			w.must(w.people.AddDomain(w.t.Context(), "umbra", "umbra.example", start))
			w.must(w.people.SetDomainSSO(w.t.Context(), "umbra.example", auth.SSOEnforced))
		}, "ann@umbra.example", auth.ReasonDomainNotAllowed},
		"A-201 an app, and a proof without it": {func(w *world, c auth.Client) {
			desk, _ := w.known(annsOwn, office)
			k := &walker{world: w, c: desk}
			k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionTwoStep}, desk)).setUp()
			k.finish()
		}, annsNext, auth.ReasonProofRequired},
	} {
		t.Run("R69 "+name, func(t *testing.T) {
			w := mailed(t)
			c, s := w.known(annsOwn, home)
			if tt.prepare != nil {
				tt.prepare(w, c)
			}
			if a, err := w.m.AskEmail(t.Context(), s, tt.to, c); a.Reason != tt.want || err != nil {
				t.Errorf("AskEmail = %q, %v, want %q", a.Reason, err, tt.want)
			}
			w.move(time.Minute)
			if list := w.mail.take(); strings.Contains(letterKinds(list), "email_") {
				t.Errorf("letters %v", letterKinds(list))
			}
		})
	}
	t.Run("R69 where there is no registrar", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Registrar, c.Invitations = nil, nil })
		c, s := w.known(annsOwn, home)
		if a, err := w.m.AskEmail(t.Context(), s, annsNext, c); a.Reason != auth.ReasonForbidden || err != nil || w.m.CanChangeEmail() {
			t.Errorf("AskEmail = %q, %v, want forbidden", a.Reason, err)
		}
	})
}

// reported locks the account of whoever is signed in, who reports another of their devices.
func (w *world) reported(c auth.Client) {
	w.t.Helper()
	k := w.begin(annsOwn, from("198.51.100.99"))
	k.code(w.mail.one(mail.VerifyLogin).Code)
	if why, err := w.m.ReportDevice(w.t.Context(), w.session(c), k.finish().Session.DeviceID, c); why != "" || err != nil {
		w.t.Fatal(why, err)
	}
	w.move(10 * time.Second)
	w.mail.take()
}

// whoever asks for somebody else's address is answered as for a free one, by the same calls; the owner is told, and no link
// goes anywhere.
func TestAskEmailOfSomebodyElse(t *testing.T) {
	w := mailed(t)
	c, _ := w.known(annsOwn, home)
	var calls [2][]string
	for i, to := range []string{annsNext, "solo@acme.example"} {
		w.move(time.Minute)
		w.mail.take()
		s := w.session(c)
		w.spy.take()
		if a, err := w.m.AskEmail(t.Context(), s, to, c); a != (auth.Answer{}) || err != nil {
			t.Errorf("A-138 AskEmail(%q) = %+v, %v, want the same answer for both", to, a, err)
		}
		calls[i] = w.spy.take()
		if got, err := w.m.PendingEmail(t.Context(), "ann"); got != to || err != nil {
			t.Errorf("A-138 pending %q, %v, want %q", got, err, to)
		}
	}
	if !slices.Equal(calls[0], calls[1]) {
		t.Errorf("A-138 calls\n%v\n%v, want the same", calls[0], calls[1])
	}
	for _, m := range w.mail.notices(mail.EmailAsked, mail.EmailTaken) {
		if m.Kind == mail.EmailTaken && (m.To != "solo@acme.example" || strings.Contains(m.Text, "token=") || strings.Contains(m.Text, annsOwn) || strings.Contains(m.Text, home.IP.String())) {
			t.Errorf("A-138 the owner is mailed\n%s", m.Text)
		}
	}
	// Taken between asking and confirming: neutral, and nothing is left of it.
	link := w.wants(c, annsNext)
	w.move(time.Minute)
	w.mail.take()
	if _, err := w.people.AddUser(t.Context(), auth.User{ID: "late", Email: annsNext}); err != nil {
		t.Fatal(err)
	}
	if _, a, err := w.m.ConfirmEmail(t.Context(), link, c); a.Reason != auth.ReasonLinkExpired || err != nil || w.address("ann") != annsOwn {
		t.Errorf("R69 taken meanwhile = %q, %v, want expired", a.Reason, err)
	}
	w.mail.notices() // the notice was taken back

	t.Run("A-177", func(t *testing.T) {
		sent := 0
		for i := range 20 {
			if w.asksFor(c, fmt.Sprintf("x%d@elsewhere.example", i)).Reason == "" {
				sent++
			}
		}
		if sent > 5 {
			t.Errorf("%d letters within an hour, want five at most", sent)
		}
		w.move(time.Minute)
		w.mail.take()
	})
}

// R69: only the newest link counts, for a day, until it is taken back; and not past a company's own sign-in.
func TestEmailLinkEnds(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	c, s := w.known(annsOwn, home)
	gone := func(what, link string) {
		t.Helper()
		if _, a, err := w.m.ConfirmEmail(ctx, link, c); a.Reason == "" || err != nil || w.address("ann") != annsOwn {
			t.Errorf("%s: ConfirmEmail = %q, %v, want refused", what, a.Reason, err)
		}
	}
	first := w.wants(c, "first@elsewhere.example")
	second := w.wants(c, "second@elsewhere.example")
	gone("A-171 an older link", first)
	w.must(w.m.DropEmail(ctx, s))
	gone("R69 a change that was taken back", second)
	if to, err := w.m.PendingEmail(ctx, "ann"); to != "" || err != nil {
		t.Errorf("R69 %q still waits, %v", to, err)
	}
	third := w.wants(c, "third@elsewhere.example")
	w.must(w.people.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced))
	gone("A-173 the company's own sign-in", third)
	w.must(w.people.SetDomainSSO(ctx, "acme.example", auth.SSOOff))
	w.move(8 * time.Hour)
	w.must(func() error { _, err := lookup(w.m, c.Session); return err }()) // she works on
	w.move(8 * time.Hour)
	w.must(func() error { _, err := lookup(w.m, c.Session); return err }())
	w.move(8 * time.Hour)
	c, _ = w.known(annsOwn, home)
	gone("A-172 a link of yesterday", third)
	w.move(time.Minute)
	w.mail.take()
}

// R69: whoever has got in and changes the address twice does not take the way back from its owner.
func TestUndoAfterTwoChanges(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	thief, _ := w.known(annsOwn, office)
	thief = w.moves(thief, "thief@elsewhere.example")
	undo := w.undoLink()
	w.move(time.Hour)
	k := w.begin("thief@elsewhere.example", thief)
	if k.step.Stage == auth.StageVerify {
		k.code(w.mail.one(mail.VerifyLogin).Code)
	}
	thief = with(office, k.finish())
	thief = w.recovers(thief, "loot@elsewhere.example")
	thief = w.moves(thief, "thief2@elsewhere.example")
	for _, m := range w.mail.notices(mail.EmailChanged, mail.EmailChanged) {
		if strings.Contains(m.Text, "token=") {
			t.Errorf("R69 the second change can be undone by %s", m.To)
		}
	}
	if a, err := w.m.UndoEmail(ctx, undo, home); a.Reason != "" || err != nil || w.address("ann") != annsOwn || w.live(thief.Session) {
		t.Fatalf("R69 UndoEmail = %+v, %v, address %q, the thief is in: %v", a, err, w.address("ann"), w.live(thief.Session))
	}
	if at, _, err := w.m.RecoveryEmail(ctx, "ann"); at != "" || err != nil {
		t.Errorf("R69 the thief's recovery address %q is left, %v", at, err)
	}
	for _, m := range w.mail.notices(mail.EmailUndone, mail.EmailUndone, mail.Reset) {
		if m.Kind == mail.Reset && m.To != annsOwn {
			t.Errorf("R69 the reset goes to %s", m.To)
		}
	}
	// The thief asks for a new password, too: it goes to the owner.
	w.asked(annsOwn)
	if m := w.mail.one(mail.Reset); m.To != annsOwn {
		t.Errorf("R45 the reset goes to %s", m.To)
	}
}

// R69: the way back stands with every change, however a confirmation before it came to nothing.
func TestUndoOfARepeatedChange(t *testing.T) {
	t.Run("it stopped half-way", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known(annsOwn, home)
		link := w.wants(c, annsNext)
		w.mail.take()
		kept := false
		w.spy.before = func(_ int, call string) error { // the link is kept, and its letter is not
			kept = kept || call == "PutTicket"
			if kept && call == "AddOutbox" {
				return errCrash
			}
			return nil
		}
		if _, _, err := w.m.ConfirmEmail(t.Context(), link, c); !errors.Is(err, errCrash) {
			t.Fatalf("got %v, want the crash", err)
		}
		w.spy.before = nil
		w.confirms(c, link)
		if undo := w.undoLink(); undo == "" {
			t.Error("R69 the old address has no way back")
		} else if a, err := w.m.UndoEmail(t.Context(), undo, office); a.Reason != "" || err != nil {
			t.Errorf("R69 UndoEmail = %+v, %v", a, err)
		}
		w.move(time.Minute)
		w.mail.take()
	})
	t.Run("two tabs", func(t *testing.T) {
		for n := 1; ; n++ { // the other tab confirms before each call of the first
			w := mailed(t)
			c, _ := w.known(annsOwn, home)
			link := w.wants(c, annsNext)
			w.mail.take()
			happened := w.meanwhile(n, func() error {
				w.m.ConfirmEmail(t.Context(), link, c)
				return nil
			})
			_, _, err := w.m.ConfirmEmail(t.Context(), link, c)
			w.spy.before = nil
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, session.ErrNotFound) {
				t.Fatalf("before call %d: %v", n, err)
			}
			if w.address("ann") != annsNext {
				t.Fatalf("before call %d: address %q", n, w.address("ann"))
			}
			w.move(10 * time.Second)
			undone := false
			for _, m := range w.mail.take() {
				if m.Kind == mail.EmailChanged && linkToken(m) != "" {
					a, err := w.m.UndoEmail(t.Context(), linkToken(m), office)
					undone = undone || a.Reason == "" && err == nil
				}
			}
			if !undone || w.address("ann") != annsOwn {
				t.Errorf("R69 two tabs, the other before call %d: nobody can take the change back", n)
			}
			w.move(time.Minute)
			w.mail.take()
			if !*happened {
				if n < 12 {
					t.Errorf("a confirmation makes %d calls: too few to be true", n)
				}
				return
			}
		}
	})
}

// R69: a change that is confirmed while the old address takes one back does not keep it from that.
func TestUndoDuringAChange(t *testing.T) {
	for n := 1; ; n++ {
		w := mailed(t)
		thief, _ := w.known(annsOwn, office)
		thief = w.moves(thief, "thief@elsewhere.example")
		undo := w.undoLink()
		next := w.wants(thief, "thief2@elsewhere.example")
		w.mail.take()
		happened := w.meanwhile(n, func() error {
			if a, err := w.m.UndoEmail(t.Context(), undo, home); a.Reason != "" || err != nil {
				t.Errorf("R69 UndoEmail before call %d of a change = %+v, %v", n, a, err)
			}
			return nil
		})
		done, a, err := w.m.ConfirmEmail(t.Context(), next, thief)
		w.spy.before = nil
		if err == nil && a.Reason == "" && *happened && w.live(done.Token) {
			t.Errorf("R69 before call %d: the thief's change goes through", n)
		}
		if !*happened {
			if a, err := w.m.UndoEmail(t.Context(), undo, home); a.Reason != "" || err != nil {
				t.Errorf("R69 UndoEmail = %+v, %v", a, err)
			}
		}
		if w.address("ann") != annsOwn || w.sessions("ann") != 0 {
			t.Errorf("R69 the other way back before call %d: address %q, %d sessions, want the owner's and none", n, w.address("ann"), w.sessions("ann"))
		}
		w.move(time.Minute)
		for _, m := range w.mail.take() {
			if tok := linkToken(m); m.Kind == mail.EmailChanged && tok != undo && tok != "" {
				if _, why, err := w.m.CheckUndo(t.Context(), tok); err != nil || why == "" {
					t.Errorf("R69 before call %d: %s can take the account back", n, m.To)
				}
			}
		}
		if !*happened {
			break
		}
	}
	// And the other way about: the thief's confirmation at each point of the undoing.
	for n := 1; ; n++ {
		w := mailed(t)
		thief, _ := w.known(annsOwn, office)
		thief = w.moves(thief, "thief@elsewhere.example")
		undo := w.undoLink()
		next := w.wants(thief, "thief2@elsewhere.example")
		w.mail.take()
		happened := w.meanwhile(n, func() error {
			w.m.ConfirmEmail(t.Context(), next, thief)
			return nil
		})
		if a, err := w.m.UndoEmail(t.Context(), undo, home); a.Reason != "" || err != nil {
			t.Errorf("R69 UndoEmail with a change before call %d = %+v, %v", n, a, err)
		}
		w.spy.before = nil
		if w.address("ann") != annsOwn || w.sessions("ann") != 0 {
			t.Errorf("R69 a change before call %d of the undoing: address %q, %d sessions, want the owner's and none", n, w.address("ann"), w.sessions("ann"))
		}
		w.move(time.Minute)
		w.mail.take()
		if !*happened {
			return
		}
	}
}

// R69: the change is refused where a new password comes between, at whatever moment: never a new address with a session from before.
func TestNewPasswordDuringAChangeOfAddress(t *testing.T) {
	for n := 1; ; n++ {
		w := mailed(t)
		thief, _ := w.known(annsOwn, office)
		link := w.wants(thief, "thief@elsewhere.example")
		reset := w.opens(w.forgot(annsOwn), home).at(auth.StageNewPassword, "")
		w.mail.take()
		happened := w.meanwhile(n, func() error {
			w.m.NewPassword(t.Context(), reset.ref, auth.PasswordChoice{Password: fresh}, home)
			return nil
		})
		done, _, _ := w.m.ConfirmEmail(t.Context(), link, thief)
		w.spy.before = nil
		w.notBoth(fmt.Sprint("a reset before call ", n), thief, done)
		if !*happened {
			return
		}
	}
}

// Invariant 7: nor does a change go through beside an ending or a lock, at whatever moment that comes.
func TestEndingDuringAChangeOfAddress(t *testing.T) {
	for name, end := range map[string]func(w *world) error{
		"an ending": func(w *world) error { return w.m.EndUser(w.t.Context(), "ann") },
		"a lock":    func(w *world) error { return w.m.Lock(w.t.Context(), "ann") },
	} {
		for n := 1; ; n++ {
			w := mailed(t)
			thief, _ := w.known(annsOwn, office)
			link := w.wants(thief, "thief@elsewhere.example")
			w.mail.take()
			before := ""
			happened := w.meanwhile(n, func() error {
				before = w.address("ann")
				return end(w)
			})
			done, _, _ := w.m.ConfirmEmail(t.Context(), link, thief)
			w.spy.before = nil
			if *happened && (w.sessions("ann") != 0 || done.Token != "" && w.live(done.Token)) {
				t.Errorf("invariant 7: %s before call %d of a change of address: %d sessions are left", name, n, w.sessions("ann"))
			}
			if *happened && before == annsOwn && w.address("ann") != annsOwn {
				t.Errorf("R69 %s before call %d: the address has moved after it", name, n)
			}
			w.lapse()
			if !*happened {
				break
			}
		}
	}
}

// notBoth fails the test where the thief has both a new address and a session alive beside the owner's new password.
func (w *world) notBoth(when string, thief auth.Client, done auth.Done) {
	w.t.Helper()
	moved := w.address("ann") != annsOwn
	in := w.live(thief.Session) || done.Token != "" && w.live(done.Token)
	owned := w.opensWith(w.address("ann"), fresh)
	if owned && (moved || in) {
		w.t.Errorf("R69 %s: the new password is set, the address has moved %v, the thief is in %v, want neither", when, moved, in)
	}
	w.move(time.Minute)
	w.mail.take()
}

// 64 at once, for each link about an address; and a reset at the same moment.
func TestEmailRaces(t *testing.T) {
	t.Run("A-174 confirming", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			c, _ := w.known(annsOwn, home)
			link := w.wants(c, annsNext)
			w.mail.take()
			var done sync.Map
			atOnce(64, func(i int) {
				d, a, err := w.m.ConfirmEmail(t.Context(), link, c)
				switch {
				case err == nil && a.Reason == "":
					done.Store(i, d.Token)
				case err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, session.ErrNotFound):
					t.Errorf("A-174 ConfirmEmail = %v, %v", a, err)
				}
			})
			n, undo := 0, 0
			done.Range(func(_, _ any) bool { n++; return true })
			if n != 1 || w.address("ann") != annsNext || w.sessions("ann") != 1 {
				t.Errorf("A-174 %d have confirmed, address %q, %d sessions, want one of each", n, w.address("ann"), w.sessions("ann"))
			}
			w.move(10 * time.Second)
			for _, m := range w.mail.take() {
				if _, why, err := w.m.CheckUndo(t.Context(), linkToken(m)); m.Kind == mail.EmailChanged && why == "" && err == nil {
					undo++
				}
			}
			if undo != 1 {
				t.Errorf("R69 %d letters can take the change back, want one", undo)
			}
		})
	})
	t.Run("A-174 undoing", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			c, _ := w.known(annsOwn, home)
			w.moves(c, annsNext)
			undo := w.undoLink()
			atOnce(64, func(i int) {
				if a, err := w.m.UndoEmail(t.Context(), undo, from(fmt.Sprintf("198.51.%d.7", i))); err != nil || a.Reason != "" && a.Reason != auth.ReasonLinkExpired {
					t.Errorf("A-174 UndoEmail = %+v, %v", a, err)
				}
			})
			if w.address("ann") != annsOwn || w.sessions("ann") != 0 {
				t.Errorf("R69 address %q, %d sessions", w.address("ann"), w.sessions("ann"))
			}
			w.begin(annsOwn, home).at(auth.StageRefused, auth.ReasonAccountLocked)
			w.move(time.Minute)
			resets := 0
			for _, m := range w.mail.take() {
				if _, why, err := w.m.CheckReset(t.Context(), linkToken(m)); m.Kind == mail.Reset && why == "" && err == nil {
					resets++
				}
			}
			if resets != 1 {
				t.Errorf("A-171 %d resets count, want the newest", resets)
			}
		})
	})
	t.Run("R69 a reset at the same moment", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			for i := range 6 {
				w.move(2 * time.Hour)
				w.mail.take()
				typed := fmt.Sprintf("%s %d", fresh, i)
				w.must(w.m.SetPassword(t.Context(), "ann", typed))
				k := w.beginWith(w.address("ann"), typed, office)
				k.code(w.mail.take0())
				thief := with(office, k.finish())
				link := w.wants(thief, fmt.Sprintf("thief%d@elsewhere.example", i))
				own := w.address("ann")
				reset := w.opens(w.forgot(own), home).at(auth.StageNewPassword, "")
				var done auth.Done
				var set bool
				atOnce(2, func(n int) {
					if n == 0 {
						done, _, _ = w.m.ConfirmEmail(t.Context(), link, thief)
					} else {
						_, set, _ = w.m.NewPassword(t.Context(), reset.ref, auth.PasswordChoice{Password: fmt.Sprintf("the owner's own passphrase %d", i)}, home)
					}
				})
				in := w.live(thief.Session) || done.Token != "" && w.live(done.Token)
				if set && (in || w.address("ann") != own) {
					t.Errorf("R69 round %d: a new password is set, the thief is in %v, the address has moved %v", i, in, w.address("ann") != own)
				}
			}
			w.move(time.Minute)
			w.mail.take()
		})
	})
}

// atOnce does something n times at the same moment.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			do(i)
		})
	}
	close(gate)
	wg.Wait()
}
