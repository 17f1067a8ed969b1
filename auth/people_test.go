package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/session"
)

func TestSetPassword(t *testing.T) {
	t.Run("R15 nobody without a password gets in, and with a first one they do", func(t *testing.T) {
		w := memory(t)
		w.want(w.guess("nopass@acme.example", secret, home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
		if err := w.m.SetPassword(t.Context(), "nopass", secret); err != nil {
			t.Fatal(err)
		}
		w.signIn("nopass@acme.example", home)
	})
	t.Run("invariant 6 ends sessions, devices and other sign-ins", func(t *testing.T) {
		w := memory(t)
		done := w.signIn("ann@acme.example", home)
		ref := auth.Ref{Token: w.identify("ann@acme.example", home).Token}
		w.password(&ref, secret, home)
		if err := w.m.SetPassword(t.Context(), "ann", "another long passphrase"); err != nil {
			t.Fatal(err)
		}
		if w.live(done.Token) {
			t.Error("a session from before lives on")
		}
		if d, err := w.spy.stores.Devices.Devices(t.Context(), "ann"); err != nil || len(d) != 0 {
			t.Errorf("%d device records are left, %v, want none", len(d), err)
		}
		if s, err := w.m.Current(t.Context(), ref.Token, home); err != nil || s.Stage != auth.StageAuthenticate {
			t.Errorf("a sign-in with the old password stands at %q, %v, want authenticate again", s.Stage, err)
		}
	})
	t.Run("R10 A-155 all unmet rules at once", func(t *testing.T) {
		w := memory(t)
		w.cfg.Preset.Policy.Passwords = password.Enhanced()
		w.m = w.manager()
		err := w.m.SetPassword(t.Context(), "ann", "password")
		var refused *auth.PasswordError
		if !errors.As(err, &refused) {
			t.Fatalf("SetPassword = %v, want a PasswordError", err)
		}
		var rules []string
		for _, u := range refused.Unmet {
			rules = append(rules, string(u.Rule))
		}
		for _, want := range []string{"too_short", "needs_upper", "needs_digit", "common"} {
			if !slices.Contains(rules, want) {
				t.Errorf("unmet rules %v, want %s among them", rules, want)
			}
		}
		if strings.Contains(err.Error(), "password\"") || has(w.take(), auth.PasswordSet) {
			t.Errorf("%v: a refused password was recorded as set, or stands in the error", err)
		}
	})
	t.Run("A-155 the person, the company and the host's words", func(t *testing.T) {
		w := memory(t, func(c *auth.Config) { c.Words = []string{"Sallyport"} })
		for _, typed := range []string{"acme.example2026", "sallyport-sallyport"} {
			var refused *auth.PasswordError
			if err := w.m.SetPassword(t.Context(), "ann", typed); !errors.As(err, &refused) {
				t.Errorf("SetPassword(%q) = %v, want it refused", typed, err)
			}
		}
	})
	t.Run("R10 the company's rules count", func(t *testing.T) {
		w := memory(t)
		if err := w.people.SetAccountPolicy(t.Context(), "acme", auth.Policy{Passwords: password.Policy{MinLength: 40}}); err != nil {
			t.Fatal(err)
		}
		var refused *auth.PasswordError
		if err := w.m.SetPassword(t.Context(), "ann", "a passphrase of 29 characters"); !errors.As(err, &refused) || refused.Unmet[0] != (password.Unmet{Rule: password.TooShort, N: 40}) {
			t.Errorf("SetPassword = %v, want 40 characters asked for", err)
		}
		if rules, err := w.m.PasswordRules(t.Context(), "ann"); err != nil || rules.MinLength != 40 {
			t.Errorf("PasswordRules = %+v, %v, want 40 characters", rules, err)
		}
	})
	t.Run("R10 earlier passwords", func(t *testing.T) {
		w := memory(t, func(c *auth.Config) {
			c.Preset.Policy.Passwords = password.Modern()
			c.Preset.Policy.Passwords.History = 2
		})
		for _, typed := range []string{"passphrase number one", "passphrase number two", "passphrase number three"} {
			if err := w.m.SetPassword(t.Context(), "ann", typed); err != nil {
				t.Fatal(err)
			}
		}
		var refused *auth.PasswordError
		for _, typed := range []string{"passphrase number three", "passphrase number two"} {
			if err := w.m.SetPassword(t.Context(), "ann", typed); !errors.As(err, &refused) {
				t.Errorf("SetPassword(%q) = %v, want it refused as used before", typed, err)
			}
		}
		if cred, err := w.spy.stores.Credentials.Credential(t.Context(), "ann"); err != nil || len(cred.History) != 2 {
			t.Errorf("%d earlier hashes are kept, %v, want 2", len(cred.History), err)
		}
		if err := w.m.SetPassword(t.Context(), "ann", secret); err != nil {
			t.Errorf("a password from long ago: %v, want it accepted", err)
		}
	})
	t.Run("a breach check that fails refuses", func(t *testing.T) {
		down := errors.New("the list cannot be reached")
		w := memory(t)
		w.cfg.Breaches = func(context.Context, string) (bool, error) { return false, down }
		if err := w.manager().SetPassword(t.Context(), "ann", "another long passphrase"); !errors.Is(err, down) {
			t.Errorf("SetPassword = %v, want the error of the check", err)
		}
		w.cfg.Breaches = func(context.Context, string) (bool, error) { return true, nil }
		var refused *auth.PasswordError
		if err := w.manager().SetPassword(t.Context(), "ann", "another long passphrase"); !errors.As(err, &refused) {
			t.Errorf("SetPassword of a breached one = %v, want it refused", err)
		}
	})
	t.Run("two at once", func(t *testing.T) {
		w := memory(t)
		w.spy.before = func(_ int, call string) error {
			if call == "SwapCredential" {
				w.spy.before = nil
				return w.manager().SetPassword(t.Context(), "ann", "the faster passphrase")
			}
			return nil
		}
		if err := w.m.SetPassword(t.Context(), "ann", "the slower passphrase"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("the slower one got %v, want ErrConflict", err)
		}
		w.want(w.guess("ann@acme.example", "the faster passphrase", home), auth.StageReady, "")
	})
	t.Run("while the person's sessions are ended", func(t *testing.T) {
		w := memory(t)
		w.spy.before = func(_ int, call string) error {
			if call == "SwapCredential" {
				w.spy.before = nil
				return w.manager().EndUser(t.Context(), "ann")
			}
			return nil
		}
		if err := w.m.SetPassword(t.Context(), "ann", "another long passphrase"); err != nil {
			t.Errorf("SetPassword = %v, want it to hold against an EndUser in between", err)
		}
		w.want(w.guess("ann@acme.example", "another long passphrase", home), auth.StageReady, "")
	})
	t.Run("nobody", func(t *testing.T) {
		w := memory(t)
		if err := w.m.SetPassword(t.Context(), "nobody", secret); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SetPassword of nobody = %v, want ErrNotFound", err)
		}
	})
}

// legacy is a host's old hash format.
func legacy(hash, typed string) (mine, ok bool) {
	sum := sha256.Sum256([]byte("pepper" + typed))
	return strings.HasPrefix(hash, "legacy:"), hash == "legacy:"+hex.EncodeToString(sum[:])
}

func TestHashUpgrade(t *testing.T) {
	w := memory(t, func(c *auth.Config) { c.Passwords.Verifiers = []password.Verifier{legacy} })
	sum := sha256.Sum256([]byte("pepper" + secret))
	old := auth.Credential{UserID: "nopass", Hash: "legacy:" + hex.EncodeToString(sum[:])}
	if err := w.spy.stores.Credentials.SwapCredential(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	w.want(w.guess("nopass@acme.example", "wrong", home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
	w.signIn("nopass@acme.example", home)
	cred, err := w.spy.stores.Credentials.Credential(t.Context(), "nopass")
	if err != nil || !strings.HasPrefix(cred.Hash, "$argon2id$") || cred.Version != 1 {
		t.Errorf("A-156 after the sign-in the row is %.12q version %d, %v, want argon2id at the same version", cred.Hash, cred.Version, err)
	}
	if !has(w.take(), auth.HashUpgraded) {
		t.Error("R113 the upgrade left no event")
	}
	w.signIn("nopass@acme.example", home)
	if has(w.take(), auth.HashUpgraded) {
		t.Error("a current hash was upgraded again")
	}
}

func TestUnreadableHash(t *testing.T) {
	w := memory(t)
	if err := w.spy.stores.Credentials.SwapCredential(t.Context(), auth.Credential{UserID: "nopass", Hash: "md5:5f4dcc3b"}); err != nil {
		t.Fatal(err)
	}
	w.want(w.guess("nopass@acme.example", secret, home), auth.StageAuthenticate, auth.ReasonInvalidCredentials)
	if !has(w.take(), auth.HashUnreadable) {
		t.Error("invariant 3: a hash that nobody can read must look like a wrong password, and stand in the trail")
	}
}

func TestEndingSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		phone, desk := w.signIn("ann@acme.example", from("203.0.113.1")), w.signIn("ann@acme.example", from("203.0.113.2"))
		other := w.signIn("solo@acme.example", from("203.0.113.3"))
		t.Run("A-246 somebody else's", func(t *testing.T) {
			if err := w.m.EndSession(t.Context(), "solo", phone.Session.ID); !errors.Is(err, session.ErrNotFound) || !w.live(phone.Token) {
				t.Errorf("EndSession of another person's = %v, want ErrNotFound and the session alive", err)
			}
		})
		t.Run("R65 one", func(t *testing.T) {
			if err := w.m.EndSession(t.Context(), "ann", phone.Session.ID); err != nil || w.live(phone.Token) || !w.live(desk.Token) {
				t.Errorf("EndSession = %v, want one ended and the other alive", err)
			}
		})
		t.Run("R65 all others", func(t *testing.T) {
			phone = w.signIn("ann@acme.example", from("203.0.113.1"))
			if err := w.m.EndOtherSessions(t.Context(), desk.Session); err != nil || w.live(phone.Token) || !w.live(desk.Token) {
				t.Errorf("EndOtherSessions = %v, want the others ended and this one alive", err)
			}
		})
		t.Run("R67 A-225 signing out, on every node", func(t *testing.T) {
			if err := w.m.SignOut(t.Context(), desk.Token, home); err != nil {
				t.Fatal(err)
			}
			if _, err := lookup(w.manager(), desk.Token); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("a copied cookie after sign-out: %v, want ErrNotFound", err)
			}
			if err := w.m.SignOut(t.Context(), desk.Token, home); err != nil {
				t.Errorf("signing out twice: %v, want no error", err)
			}
		})
		t.Run("A-242 a company, and what was made before stays ended", func(t *testing.T) {
			desk = w.signIn("ann@acme.example", home)
			w.move(time.Second)
			if err := w.people.SetAccountState(t.Context(), "acme", auth.AccountExpired, time.Time{}); err != nil {
				t.Fatal(err)
			}
			if err := w.m.EndAccount(t.Context(), "acme"); err != nil || w.live(desk.Token) || !w.live(other.Token) {
				t.Errorf("EndAccount = %v, want acme's sessions ended and others alive", err)
			}
			if err := w.people.SetAccountState(t.Context(), "acme", auth.AccountActive, time.Time{}); err != nil || w.live(desk.Token) {
				t.Errorf("%v: reactivating the company brought a session back", err)
			}
			w.move(time.Second)
			w.signIn("ann@acme.example", home)
		})
		wantKinds := []auth.Kind{auth.SessionEnded, auth.SessionsEnded, auth.SignedOut}
		got := kinds(w.take())
		for _, k := range wantKinds {
			if !slices.Contains(got, k) {
				t.Errorf("R113 no %s among %v", k, got)
			}
		}
	})
}

// Nothing that somebody typed, and nothing that opens a door, stands in an event or an error.
func TestNothingSecretIsTold(t *testing.T) {
	w := memory(t)
	const canary = "Zx9-canary-passphrase-77"
	if err := w.m.SetPassword(t.Context(), "ann", canary); err != nil {
		t.Fatal(err)
	}
	told := &strings.Builder{}
	tell := func(err error) {
		if err != nil {
			told.WriteString(err.Error() + "\n")
		}
	}
	canaries := []string{canary, "canary-wrong", "canary-person"}
	var secrets []string
	for _, typed := range []string{"canary-wrong", canary} {
		for _, email := range []string{"ann@acme.example", "canary-person@acme.example"} {
			s, err := w.m.Identify(t.Context(), auth.Opening{Email: email, ReturnTo: "/canary-return"}, home)
			tell(err)
			ref := auth.Ref{Token: s.Token}
			_, err = w.password(&ref, typed, home)
			tell(err)
			done, _, err := w.m.Finish(t.Context(), ref, home)
			tell(err)
			secrets = append(secrets, s.Token, ref.Token)
			if done.Token != "" {
				secrets = append(secrets, done.Token, done.Device)
			}
		}
	}
	for n := range 9 { // and with a machine that breaks at each call
		w.spy.take()
		w.spy.before = func(i int, _ string) error {
			if i == n+3 {
				return errCrash
			}
			return nil
		}
		_, err := attempt(w, "ann@acme.example", canary)
		tell(err)
	}
	w.spy.before = nil
	if err := w.m.SetPassword(t.Context(), "ann", "canary"); err == nil {
		t.Error("a short password was accepted")
	} else {
		tell(err)
	}
	if told.Len() == 0 {
		t.Fatal("nothing was told: this test proves nothing")
	}
	for _, e := range w.take() {
		told.WriteString(strings.Join(append(e.Trace, string(e.Kind), e.FlowID, e.UserID, e.AccountID, e.SessionID, e.DeviceID, string(e.Method), string(e.Reason), e.IP, e.UserAgent), "\n") + "\n")
	}
	for _, secret := range append(secrets, canaries...) {
		if secret != "" && strings.Contains(told.String(), secret) {
			t.Errorf("invariant 11: %.20q stands in an event or an error", secret)
		}
	}
}

func TestImportHash(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		// bcrypt of the demo password, cost 8, made by another program
		const hash = "$2a$08$pmc9HcId4kZOxWKd.jRaLO1CyOJi07J.SC.MsVcbGhE/3Cjz9WiBu"
		if err := w.m.EndUser(t.Context(), "nopass"); err != nil { // leaves a row without a password
			t.Fatal(err)
		}
		if err := w.m.ImportHash(t.Context(), "nopass", hash); err != nil {
			t.Fatal(err)
		}
		w.signIn("nopass@acme.example", home)
		cred, err := w.spy.stores.Credentials.Credential(t.Context(), "nopass")
		if err != nil || !strings.HasPrefix(cred.Hash, "$argon2id$") {
			t.Errorf("A-153 after a sign-in the row is %.12q, %v, want argon2id", cred.Hash, err)
		}
		if err := w.m.ImportHash(t.Context(), "nopass", hash); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("importing over a password = %v, want ErrConflict", err)
		}
		if err := w.m.ImportHash(t.Context(), "nobody", hash); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("importing for nobody = %v, want ErrNotFound", err)
		}
	})
}

func TestCanonicalEmail(t *testing.T) {
	if got, err := auth.CanonicalEmail(" Bob@B\u00dcCHER.example "); err != nil || got != "bob@xn--bcher-kva.example" {
		t.Errorf("A-158 CanonicalEmail = %q, %v, want bob@xn--bcher-kva.example", got, err)
	}
	if _, err := auth.CanonicalEmail("canary at example"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("invariant 11: CanonicalEmail of no address = %v, want an error without what was typed", err)
	}
}
