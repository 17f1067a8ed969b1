package auth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/store"
)

// A shelf keeps tickets as a thief of the table would: it can read and write every row.
type shelf struct {
	auth.Tickets
	mu   sync.Mutex
	rows []auth.Ticket
}

func (s *shelf) PutTicket(ctx context.Context, t auth.Ticket, now time.Time) error {
	s.mu.Lock()
	s.rows = append(s.rows, t)
	s.mu.Unlock()
	return s.Tickets.PutTicket(ctx, t, now)
}

// newest is the row that was written last.
func (s *shelf) newest() auth.Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[len(s.rows)-1]
}

// A letterbox is one of each link that can be mailed, and how it is opened. All are for ann, but for those of newcomers.
type letterbox struct {
	*world
	c     auth.Client
	links map[string]string
}

// linked has one of each mailed.
func linked(t *testing.T, edit ...func(*auth.Config)) *letterbox {
	t.Helper()
	b := &letterbox{world: mailed(t, append(edit, signUp(auth.SignUpPerson))...), links: map[string]string{}}
	b.c, _ = b.known(annsOwn, home)
	b.c = b.moves(b.c, annsNext)
	b.links["undo"] = b.undoLink()
	b.links["reset"] = b.forgot(annsNext)
	b.links["e-mail"] = b.wants(b.c, "third@elsewhere.example")
	if a, err := b.m.AskRecoveryEmail(t.Context(), b.session(b.c), spare, b.c); a.Reason != "" || err != nil {
		t.Fatal(a, err)
	}
	b.links["recovery"] = linkToken(b.mail.one(mail.RecoveryConfirm))
	b.links["sign-up"] = b.signsUp(newcomer)
	_, b.links["invitation"] = b.invite(auth.NewInvitation{Email: "invited@elsewhere.example"})
	return b
}

// doors are all places where a link is taken; each answers whether it has opened.
func (b *letterbox) doors() map[string]func(tok string) bool {
	ctx := b.t.Context()
	no := func(reason auth.Reason, err error) bool { return err != nil || reason != "" }
	return map[string]func(tok string) bool{
		"reset":                 func(tok string) bool { s, err := b.m.OpenReset(ctx, tok, "", office); return !no(s.Reason, err) },
		"reset, looked at":      func(tok string) bool { _, why, err := b.m.CheckReset(ctx, tok); return !no(why, err) },
		"sign-up":               func(tok string) bool { s, err := b.m.OpenSignUp(ctx, tok, "", office); return !no(s.Reason, err) },
		"sign-up, looked at":    func(tok string) bool { _, why, err := b.m.CheckSignUp(ctx, tok); return !no(why, err) },
		"invitation":            func(tok string) bool { s, err := b.m.OpenInvitation(ctx, tok, "", office); return !no(s.Reason, err) },
		"invitation, looked at": func(tok string) bool { in, err := b.m.CheckInvitation(ctx, tok, office); return !no(in.Why, err) },
		"invitation, declined":  func(tok string) bool { a, err := b.m.Decline(ctx, tok, b.c); return !no(a.Reason, err) },
		"invitation, joined": func(tok string) bool {
			s, err := b.m.StepUp(ctx, auth.StepUpOpening{Action: auth.ActionJoin, Link: tok}, b.c)
			return !no(s.Reason, err)
		},
		"e-mail, looked at":   func(tok string) bool { _, why, err := b.m.CheckEmail(ctx, tok, b.c); return !no(why, err) },
		"recovery, looked at": func(tok string) bool { _, why, err := b.m.CheckRecoveryEmail(ctx, tok, b.c); return !no(why, err) },
		"undo, looked at":     func(tok string) bool { _, why, err := b.m.CheckUndo(ctx, tok); return !no(why, err) },
		"recovery": func(tok string) bool {
			done, a, err := b.m.ConfirmRecoveryEmail(ctx, tok, b.c)
			if done.Token != "" {
				b.c = with(b.c, done)
			}
			return !no(a.Reason, err)
		},
		"e-mail": func(tok string) bool {
			done, a, err := b.m.ConfirmEmail(ctx, tok, b.c)
			if done.Token != "" {
				b.c = with(b.c, done)
			}
			return !no(a.Reason, err)
		},
		"undo": func(tok string) bool { a, err := b.m.UndoEmail(ctx, tok, office); return !no(a.Reason, err) },
	}
}

// lapse lets time pass and letters go.
func (w *world) lapse() {
	w.move(time.Minute)
	w.mail.take()
}

// Invariant 2: a token of one purpose opens nothing of another; nor do the tokens of cookies open a letter's door, or the other way about.
func TestLinksOfOtherPurposes(t *testing.T) {
	b := linked(t)
	b.lapse()
	tokens := map[string]string{
		"a session": b.c.Session, "a device": b.c.Device, "a flow": b.identify(annsNext, office).Token, "nothing": "", "an ID": b.session(b.c).ID,
	}
	for kind, link := range b.links {
		tokens["the link of "+kind] = link
		if i := strings.Index(link, "_"); i == 3 { // the secret of one under the prefix of each other
			for _, prefix := range []string{"rst_", "sup_", "eml_", "und_", "rcv_", "flw_", "ses_", "dev_"} {
				if link[:4] != prefix {
					tokens["the secret of "+kind+" as "+prefix] = prefix + link[4:]
				}
			}
		}
	}
	for door, open := range b.doors() {
		for what, tok := range tokens {
			own, _, _ := strings.Cut(door, ",")
			if tok == b.links[own] {
				continue
			}
			b.move(time.Second)
			if open(tok) {
				t.Errorf("invariant 2: %s opens the door of %s", what, door)
			}
		}
	}
	for what, tok := range tokens {
		if tok == b.c.Session || tok == tokens["a flow"] {
			continue
		}
		if _, err := lookup(b.m, tok); err == nil {
			t.Errorf("invariant 2: %s is a session", what)
		}
		if s, err := b.m.Current(t.Context(), tok, office); err == nil {
			t.Errorf("invariant 2: %s is a flow: %s", what, s.Stage)
		}
	}
	b.lapse()
	for _, kind := range []string{"reset", "sign-up", "invitation", "recovery", "undo"} { // in which none ends one that follows
		if !b.doors()[kind](b.links[kind]) {
			t.Errorf("the link of %s does not open its own door", kind)
		}
	}
	b.lapse()
}

// Whoever can write the table cannot make a link of one person, purpose or address into another's: bodies are sealed, and bound to
// their rows.
func TestChangedTickets(t *testing.T) {
	kept := &shelf{}
	b := linked(t, func(c *auth.Config) {
		kept.Tickets = c.Stores.Tickets
		c.Stores.Tickets = kept
	})
	b.lapse()
	rows := map[string]auth.Ticket{}
	for kind, ask := range map[string]func() string{
		"reset":   func() string { return b.forgot(annsNext) },
		"e-mail":  func() string { return b.wants(b.c, "fourth@elsewhere.example") },
		"sign-up": func() string { b.move(time.Minute); return b.signsUp(newcomer) },
		"recovery": func() string {
			if a, err := b.m.AskRecoveryEmail(t.Context(), b.session(b.c), spare, b.c); a.Reason != "" || err != nil {
				t.Fatal(a, err)
			}
			return linkToken(b.mail.one(mail.RecoveryConfirm))
		},
	} {
		b.links[kind] = ask()
		rows[kind] = kept.newest()
		b.lapse()
	}
	for kind, row := range rows {
		if link := b.links[kind]; strings.Contains(string(row.Body), annsNext) || strings.Contains(string(row.Body), link) || strings.Contains(string(row.Key[:]), link) {
			t.Errorf("a copied row of %s says whose it is, or what opens it", kind)
		}
		for n := range row.Body {
			forged := row
			forged.Body = slices.Clone(row.Body)
			forged.Body[n] ^= 1
			b.must(kept.Tickets.PutTicket(t.Context(), forged, b.clock()))
			if b.doors()[kind+", looked at"](b.links[kind]) {
				t.Fatalf("the link of %s opens with byte %d of its row changed", kind, n)
			}
		}
		for other, from := range rows {
			if other == kind {
				continue
			}
			forged := row
			forged.Body = from.Body
			b.must(kept.Tickets.PutTicket(t.Context(), forged, b.clock()))
			if b.doors()[kind+", looked at"](b.links[kind]) {
				t.Errorf("the link of %s opens with the body of %s", kind, other)
			}
		}
		// The body of another person's row, of the same purpose.
		if kind == "reset" {
			solo := b.forgot("solo@acme.example")
			forged := row
			forged.Body = kept.newest().Body
			b.must(kept.Tickets.PutTicket(t.Context(), forged, b.clock()))
			if b.doors()["reset"](b.links[kind]) || !b.doors()["reset"](solo) {
				t.Error("a link opens with the body of another person's")
			}
		}
		b.must(kept.Tickets.PutTicket(t.Context(), row, b.clock()))
		if !b.doors()[kind+", looked at"](b.links[kind]) {
			t.Errorf("the link of %s does not open with its own row again", kind)
		}
	}
	b.lapse()
}

// A key that is put in front of the old ones ends no link, and is used for the next one, which replaces the old. One that is taken away
// ends what it has sealed.
func TestLinksOutliveAKeyChange(t *testing.T) {
	b := linked(t)
	b.lapse()
	old := b.cfg.Keys
	b.cfg.Keys = append([][]byte{randomKey()}, old...)
	b.m = b.manager()
	for _, kind := range []string{"reset", "sign-up", "invitation", "e-mail", "recovery", "undo"} {
		door := kind + ", looked at"
		if !b.doors()[door](b.links[kind]) {
			t.Errorf("the link of %s has ended with a new key", kind)
		}
	}
	if to, err := b.m.PendingEmail(t.Context(), "ann"); to != "third@elsewhere.example" || err != nil {
		t.Errorf("R69 pending %q, %v", to, err)
	}
	newer := map[string]string{"reset": b.forgot(annsNext), "sign-up": b.signsUp(newcomer), "e-mail": b.wants(b.c, "fourth@elsewhere.example")}
	b.lapse()
	for kind, link := range newer {
		if b.doors()[kind+", looked at"](b.links[kind]) || !b.doors()[kind+", looked at"](link) {
			t.Errorf("A-171 the older link of %s counts beside the newer, or the newer does not", kind)
		}
	}
	// The oldest address alone can take a change back, under whatever key that stands.
	b.c = b.confirms(b.c, newer["e-mail"])
	for _, m := range b.mail.notices(mail.EmailChanged) {
		if linkToken(m) != "" && linkToken(m) != b.links["undo"] {
			t.Errorf("R69 %s can take the second change back", m.To)
		}
	}
	b.cfg.Keys = b.cfg.Keys[:1]
	b.m = b.manager()
	for kind, link := range b.links {
		if b.doors()[kind+", looked at"](link) {
			t.Errorf("the link of %s outlives its key", kind)
		}
	}
	b.cfg.Keys = old
	b.m = b.manager()
	if !b.doors()["undo"](b.links["undo"]) || b.address("ann") != annsOwn {
		t.Error("R69 the first address does not get back")
	}
	b.lapse()
}

// what is looked up is the hash of 256 random bits; a near miss finds nothing, and costs the same call.
func TestLinksAreLookedUpByHash(t *testing.T) {
	b := linked(t)
	b.lapse()
	seen := map[string]bool{}
	for range 20 {
		b.move(time.Hour)
		link := b.forgot(annsNext)
		if len(link) != len("rst_")+43 || seen[link] {
			t.Fatalf("A-178 the link is %q: want 256 bits, and never the same", link)
		}
		seen[link] = true
		for n := 4; n < len(link); n += 7 {
			near := []byte(link)
			near[n] = map[bool]byte{true: 'B', false: 'A'}[near[n] == 'A']
			b.spy.take()
			if _, why, err := b.m.CheckReset(t.Context(), string(near)); why != auth.ReasonResetExpired || err != nil {
				t.Errorf("A-178 a near miss = %q, %v", why, err)
			}
			if calls := b.spy.take(); !slices.Equal(calls, []string{"Ticket"}) {
				t.Errorf("A-178 a near miss calls %v, want one look-up", calls)
			}
		}
	}
	b.lapse()
}

// Invariant 11: no link, password or typed address stands in an event or an error, wherever a flow of links breaks.
func TestNoLinkIsTold(t *testing.T) {
	told := &strings.Builder{}
	var secrets []string
	const canary = "Zx9-canary-passphrase-77"
	tell := func(err error) {
		if err != nil {
			told.WriteString(err.Error() + "\n")
		}
	}
	for n := range 40 {
		db := store.NewMemory()
		w := mailedOn(t, db, signUp(auth.SignUpPerson))
		c, s := w.known(annsOwn, home)
		w.take()
		w.spy.take()
		w.spy.before = func(i int, _ string) error {
			if i == n+1 {
				return errCrash
			}
			return nil
		}
		ctx := t.Context()
		asks := []func() error{
			func() error { _, err := w.m.Forgot(ctx, annsOwn, "", home); return err },
			func() error { _, err := w.m.Forgot(ctx, "canary-person@acme.example", "", home); return err },
			func() error { _, err := w.m.SignUp(ctx, "canary-person@elsewhere.example", "", home); return err },
			func() error { _, err := w.m.AskEmail(ctx, s, "canary-new@elsewhere.example", c); return err },
			func() error { _, err := w.m.AskRecoveryEmail(ctx, s, "canary-spare@elsewhere.example", c); return err },
			func() error {
				_, link, _, err := w.m.Invite(ctx, auth.NewInvitation{AccountID: "acme", Email: "canary-invited@elsewhere.example", Name: "canary-name"}, home)
				secrets = append(secrets, tokenOf(link))
				return err
			},
		}
		for _, ask := range asks {
			w.spy.take()
			tell(ask())
		}
		w.spy.before = nil
		letters := w.mail.take()
		for _, m := range letters {
			secrets = append(secrets, linkToken(m))
		}
		for _, m := range letters {
			tok := linkToken(m)
			w.spy.take()
			w.spy.before = func(i int, _ string) error {
				if i == n+1 {
					return errCrash
				}
				return nil
			}
			var st auth.Step
			var err error
			switch m.Kind {
			case mail.Reset:
				st, err = w.m.OpenReset(ctx, tok, "", home)
			case mail.SignUp:
				st, err = w.m.OpenSignUp(ctx, tok, "", home)
			case mail.Invite:
				st, err = w.m.OpenInvitation(ctx, tok, "", home)
			case mail.EmailConfirm:
				_, _, err = w.m.ConfirmEmail(ctx, tok, c)
			case mail.RecoveryConfirm:
				_, _, err = w.m.ConfirmRecoveryEmail(ctx, tok, c)
			}
			tell(err)
			if st.Token != "" {
				secrets = append(secrets, st.Token)
				_, _, err := w.m.NewPassword(ctx, auth.Ref{Token: st.Token}, auth.PasswordChoice{Password: canary, Name: "canary-name"}, home)
				tell(err)
			}
			w.spy.before = nil
		}
		for _, e := range w.take() {
			fmt.Fprintf(told, "%+v\n", e)
		}
		w.move(8 * 24 * time.Hour)
		w.mail.take()
	}
	for _, secret := range append(secrets, canary, "canary-") {
		if secret != "" && strings.Contains(told.String(), secret) {
			t.Errorf("invariant 11, A-132: %.12q stands in an event or an error", secret)
		}
	}
	if len(secrets) < 100 || told.Len() < 10_000 {
		t.Errorf("%d secrets, and %d bytes were told: this test proves little", len(secrets), told.Len())
	}
}
