package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

const spare = "spare@elsewhere.example"

// R70: ask, confirm, and resets go there; until it is taken away.
func TestRecoveryEmail(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		other, _ := w.known(annsOwn, office)
		c, s := w.known(annsOwn, home)
		for to, want := range map[string]auth.Reason{"": auth.ReasonEmailInvalid, "spare": auth.ReasonEmailInvalid, " ANN@acme.example": auth.ReasonRecoverySame} {
			if a, err := w.m.AskRecoveryEmail(ctx, s, to, c); a.Reason != want || err != nil {
				t.Errorf("R70 AskRecoveryEmail(%q) = %q, %v, want %q", to, a.Reason, err, want)
			}
		}
		ask := func(to string) string {
			t.Helper()
			if a, err := w.m.AskRecoveryEmail(ctx, w.session(c), to, c); a.Reason != "" || err != nil {
				t.Fatalf("R70 AskRecoveryEmail(%q) = %+v, %v", to, a, err)
			}
			m := w.mail.one(mail.RecoveryConfirm)
			if m.To != to {
				t.Errorf("R70 mailed to %q, want %q", m.To, to)
			}
			return linkToken(m)
		}
		older := ask("older@elsewhere.example")
		link := ask(spare)
		if is, pending, err := w.m.RecoveryEmail(ctx, "ann"); is != "" || pending != spare || err != nil {
			t.Errorf("R70 %q, %q waits, %v", is, pending, err)
		}
		if _, why, err := w.m.CheckRecoveryEmail(ctx, older, c); why != auth.ReasonLinkExpired || err != nil {
			t.Errorf("A-171 the older link = %q, %v", why, err)
		}
		if to, why, err := w.m.CheckRecoveryEmail(ctx, link, c); to != spare || why != "" || err != nil {
			t.Errorf("A-179 CheckRecoveryEmail = %q, %q, %v", to, why, err)
		}
		if _, _, err := w.m.ConfirmRecoveryEmail(ctx, link, home); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("R70 without a session = %v", err)
		}
		solo, _ := w.known("solo@acme.example", from("198.51.100.9"))
		if _, a, err := w.m.ConfirmRecoveryEmail(ctx, link, solo); a.Reason != auth.ReasonOtherUser || err != nil {
			t.Errorf("R70 as somebody else = %q, %v", a.Reason, err)
		}
		reset := w.forgot(annsOwn)
		done, a, err := w.m.ConfirmRecoveryEmail(ctx, link, c)
		if a.Reason != "" || err != nil || w.live(c.Session) || w.live(other.Session) || !w.live(done.Token) || done.Session.ID != s.ID {
			t.Fatalf("R70 ConfirmRecoveryEmail = %+v, %v, want the same session under a new token alone", a, err)
		}
		c = with(c, done)
		if _, why, err := w.m.CheckReset(ctx, reset); why != auth.ReasonResetUsed || err != nil {
			t.Errorf("A-173 a reset from before = %q, %v", why, err)
		}
		w.mail.notices(mail.RecoveryChanged)
		w.begin(annsOwn, c).at(auth.StageReady, "")
		if _, a, err := w.m.ConfirmRecoveryEmail(ctx, link, c); a.Reason != auth.ReasonLinkExpired || err != nil {
			t.Errorf("A-170 the link again = %q, %v", a.Reason, err)
		}
		w.asked(annsOwn)
		if m := w.mail.one(mail.Reset); m.To != spare {
			t.Errorf("R45 the reset goes to %q, want the recovery address", m.To)
		}
		// Another one: the first is told, too.
		link = ask("second@elsewhere.example")
		if done, a, err = w.m.ConfirmRecoveryEmail(ctx, link, c); a.Reason != "" || err != nil {
			t.Fatal(a, err)
		}
		c = with(c, done)
		told := map[string]bool{}
		for _, m := range w.mail.notices(mail.RecoveryChanged, mail.RecoveryChanged) {
			told[m.To] = true
		}
		if !told[annsOwn] || !told[spare] {
			t.Errorf("A-181 told %v, want the person and the address that is replaced", told)
		}
		// A new password keeps it, and tells it.
		if c, a, err = w.changesPassword(c, secret, fresh); a.Reason != "" || err != nil {
			t.Fatal(a, err)
		}
		w.mail.notices(mail.PasswordChanged, mail.PasswordChanged)
		if is, _, err := w.m.RecoveryEmail(ctx, "ann"); is != "second@elsewhere.example" || err != nil {
			t.Errorf("R70 after a new password: %q, %v", is, err)
		}
		w.move(11 * time.Minute)
		if _, a, err := w.m.RemoveRecoveryEmail(ctx, w.session(c), c); a.Reason != auth.ReasonProofRequired || err != nil {
			t.Errorf("R66 RemoveRecoveryEmail with an old proof = %q, %v", a.Reason, err)
		}
		s = w.session(c)
		s.AuthTime = w.clock()
		if done, a, err = w.m.RemoveRecoveryEmail(ctx, s, c); a.Reason != "" || err != nil || !w.live(done.Token) {
			t.Fatalf("R70 RemoveRecoveryEmail = %+v, %v", a, err)
		}
		w.mail.notices(mail.RecoveryChanged, mail.RecoveryChanged)
		w.asked(annsOwn)
		if m := w.mail.one(mail.Reset); m.To != annsOwn {
			t.Errorf("R45 the reset goes to %q, want the person's own address", m.To)
		}
	})
}

// R70: what ends a link that waits, and who cannot ask.
func TestRecoveryEmailRefuses(t *testing.T) {
	w := mailed(t)
	ctx := t.Context()
	c, s := w.known(annsOwn, home)
	ask := func(to string) string {
		t.Helper()
		if a, err := w.m.AskRecoveryEmail(ctx, s, to, c); a.Reason != "" || err != nil {
			t.Fatalf("AskRecoveryEmail = %+v, %v", a, err)
		}
		return linkToken(w.mail.one(mail.RecoveryConfirm))
	}
	link := ask(spare)
	w.must(w.m.DropRecoveryEmail(ctx, s))
	if _, a, err := w.m.ConfirmRecoveryEmail(ctx, link, c); a.Reason != auth.ReasonLinkExpired || err != nil {
		t.Errorf("R70 taken back = %q, %v", a.Reason, err)
	}
	link = ask(spare)
	w.must(w.people.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced))
	if _, a, err := w.m.ConfirmRecoveryEmail(ctx, link, c); a.Reason != auth.ReasonSSORequired || err != nil {
		t.Errorf("A-173 the company's own sign-in came meanwhile = %q, %v", a.Reason, err)
	}
	if a, err := w.m.AskRecoveryEmail(ctx, s, spare, c); a.Reason != auth.ReasonSSORequired || err != nil {
		t.Errorf("R70 the company's own sign-in = %q, %v", a.Reason, err)
	}
	w.must(w.people.SetDomainSSO(ctx, "acme.example", auth.SSOOff))
	sent := 2
	for range 10 {
		if a, err := w.m.AskRecoveryEmail(ctx, s, spare, c); a.Reason == "" && err == nil {
			sent++
		}
	}
	if sent != 5 {
		t.Errorf("A-177 %d letters within an hour, want five", sent)
	}
	w.mail.take()
	w.reported(c)
	if a, err := w.m.AskRecoveryEmail(ctx, s, spare, c); a.Reason != auth.ReasonProofRequired || err != nil {
		t.Errorf("R14 locked = %q, %v", a.Reason, err)
	}
	if _, a, err := w.m.ConfirmRecoveryEmail(ctx, link, c); a.Reason != auth.ReasonLinkExpired || err != nil {
		t.Errorf("R14 locked, a link from before = %q, %v", a.Reason, err)
	}
}

// of 64 that confirm at once one does.
func TestRecoveryEmailRace(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		c, s := w.known(annsOwn, home)
		if a, err := w.m.AskRecoveryEmail(t.Context(), s, spare, c); a.Reason != "" || err != nil {
			t.Fatal(a, err)
		}
		link := linkToken(w.mail.one(mail.RecoveryConfirm))
		done := make([]bool, 64)
		atOnce(64, func(i int) {
			_, a, err := w.m.ConfirmRecoveryEmail(t.Context(), link, c)
			done[i] = err == nil && a.Reason == ""
			if err != nil && !errors.Is(err, auth.ErrFlowGone) && !errors.Is(err, session.ErrNotFound) {
				t.Errorf("A-174 ConfirmRecoveryEmail = %v, %v", a, err)
			}
		})
		n := 0
		for _, d := range done {
			if d {
				n++
			}
		}
		if is, _, err := w.m.RecoveryEmail(t.Context(), "ann"); n != 1 || is != spare || err != nil || w.sessions("ann") != 1 {
			t.Errorf("A-174 %d have confirmed, address %q, %d sessions, want one of each", n, is, w.sessions("ann"))
		}
		// One letter is the winner's. Its link may have been replaced by that of whoever came after, whose letter then stays too.
		w.move(10 * time.Second)
		letters, back := w.mail.take(), 0
		for _, m := range letters {
			if _, why, err := w.m.CheckUndo(t.Context(), linkToken(m)); err != nil || m.Kind != mail.RecoveryChanged {
				t.Errorf("a letter %s, %v", m.Kind, err)
			} else if why == "" {
				back++
			}
		}
		if back != 1 {
			t.Errorf("A-181 %d letters, %d of them with a link that takes it back, want one", len(letters), back)
		}
	})
}

// the person's own address takes a recovery address back that somebody else has set, and the password with it.
func TestRecoveryEmailTakenBack(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		thief, s := w.known(annsOwn, home)
		if a, err := w.m.AskRecoveryEmail(ctx, s, "thief@elsewhere.example", thief); err != nil || a.Reason != "" {
			t.Fatalf("AskRecoveryEmail = %+v, %v", a, err)
		}
		if _, a, err := w.m.ConfirmRecoveryEmail(ctx, linkToken(w.mail.one(mail.RecoveryConfirm)), thief); err != nil || a.Reason != "" {
			t.Fatalf("ConfirmRecoveryEmail = %+v, %v", a, err)
		}
		w.move(time.Minute)
		told := w.mail.one(mail.RecoveryChanged)
		l := linkToken(told)
		if told.To != annsOwn || l == "" {
			t.Fatalf("the letter goes to %q with the link %q, want the person's own address and a way back", told.To, l)
		}
		if a, err := w.m.UndoEmail(ctx, l, office); a.Reason != "" || err != nil {
			t.Fatalf("UndoEmail = %q, %v", a.Reason, err)
		}
		if is, _, err := w.m.RecoveryEmail(ctx, "ann"); is != "" || err != nil || w.sessions("ann") != 0 {
			t.Errorf("the recovery address is %q, %v, and there are %d sessions, want none", is, err, w.sessions("ann"))
		}
		if m := w.mail.one(mail.Reset); m.To != annsOwn {
			t.Errorf("the reset goes to %q, want the person's own address", m.To)
		}
		if a, err := w.m.UndoEmail(ctx, l, office); a.Reason != auth.ReasonLinkExpired || err != nil {
			t.Errorf("the link a second time = %q, %v", a.Reason, err)
		}
		w.move(time.Minute)
		w.mail.take()
	})
}

// a locked account opens without the recovery address. Whoever had the account may have set it, and would have the next reset
// mailed to themselves: the new password would last as long as they like.
func TestRecoveryEmailOfALockedAccount(t *testing.T) {
	for what, opens := range map[string]func(w *world){
		"by a reset": func(w *world) {
			w.must(w.m.Lock(t.Context(), "ann"))
			w.reset(annsOwn, fresh, office)
		},
		"by an administrator": func(w *world) {
			w.must(w.m.Lock(t.Context(), "ann"))
			w.must(w.m.SetPassword(t.Context(), "ann", fresh))
		},
		"by an administrator, at the moment in which it is locked": func(w *world) {
			w.spy.before = func(_ int, call string) error {
				if call != "SwapCredential" {
					return nil
				}
				w.spy.before = nil
				return w.m.Lock(t.Context(), "ann")
			}
			w.must(w.m.SetPassword(t.Context(), "ann", fresh))
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := mailed(t)
			thief, _ := w.known(annsOwn, home)
			w.recovers(thief, "thief@elsewhere.example")
			opens(w)
			w.move(time.Hour)
			w.mail.take()
			if is, _, err := w.m.RecoveryEmail(t.Context(), "ann"); is != "" || err != nil {
				t.Errorf("A-117 the recovery address is %q, %v, want none", is, err)
			}
			w.asked(annsOwn)
			if m := w.mail.one(mail.Reset); m.To != annsOwn {
				t.Errorf("A-117 the next reset goes to %q, want the person's own address", m.To)
			}
		})
	}
}
