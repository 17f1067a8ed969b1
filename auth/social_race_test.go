package auth_test

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const otherSecret = "an entirely different phrase"

// between does something of the owner's before each call of a step that a thief takes, one call after the other. check is told that it
// has happened, and how it and the step ended.
func between(t *testing.T, edit func(*auth.Config), begin func(w *world) (step func() (auth.Step, error), owner func() error), check func(t *testing.T, w *world, owner error, s auth.Step)) {
	t.Helper()
	for n, happens := 1, true; happens; n++ {
		if n > 60 {
			t.Fatal("a step of more than sixty calls")
		}
		t.Run(fmt.Sprint("before call ", n), func(t *testing.T) {
			w := mailed(t, func(c *auth.Config) {
				if edit != nil {
					edit(c)
				}
			})
			step, owner := begin(w)
			happened, ended := false, error(nil)
			calls := 0
			w.spy.before = func(int, string) error {
				if calls++; calls == n {
					w.spy.before, happened = nil, true
					ended = owner()
				}
				return nil
			}
			s, _ := step()
			w.spy.before = nil
			if happens = happened; happened {
				check(t, w, ended, s)
			}
			w.quiet()
		})
	}
}

// Invariant 6, A-116: a link that is under way does not outlive a new password, whoever sets it and whenever it comes.
func TestLinkAgainstNewPassword(t *testing.T) {
	thief := from("198.51.100.66")
	for name, owner := range map[string]func(w *world, link string) error{
		"A-116 the owner's reset": func(w *world, link string) error {
			k := w.opens(link, home)
			_, _, err := w.m.NewPassword(w.t.Context(), k.ref, auth.PasswordChoice{Password: otherSecret}, home)
			return err
		},
		"A-116 an administrator": func(w *world, _ string) error { return w.m.SetPassword(w.t.Context(), "ann", otherSecret) },
	} {
		t.Run(name, func(t *testing.T) {
			var k *walker
			between(t, nil, func(w *world) (func() (auth.Step, error), func() error) {
				k = w.by(google("evil"), thief)
				k.took(w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example", Replaces: k.ref.Token}, thief))
				k.took(w.m.Password(t.Context(), k.ref, secret, thief))
				k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageLink, "")
				link := w.forgot("ann@acme.example")
				return func() (auth.Step, error) { return w.m.Link(t.Context(), k.ref, true, thief) }, func() error { return owner(w, link) }
			}, func(t *testing.T, w *world, ended error, s auth.Step) {
				k.ref.Token = cmp.Or(s.Token, k.ref.Token)
				done, _, _ := w.m.Finish(t.Context(), k.ref, thief)
				if ended == nil && done.Token != "" {
					t.Errorf("the thief is signed in past the new password, links %q", w.links("ann"))
				}
			})
		})
	}
}

// nor does a connection that is under way outlive the proof of an address.
func TestConnectAgainstTakeOver(t *testing.T) {
	between(t, func(c *auth.Config) { c.Preset.Policy.Verification = auth.VerifyOff }, func(w *world) (func() (auth.Step, error), func() error) {
		w.unverified("eve")
		thief, _ := w.known("eve@acme.example", from("198.51.100.66"))
		k := &walker{world: w, c: thief}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, thief)).at(auth.StageLink, "")
		ticket := w.lays(k.goesOn("google"), google("evil"))
		w.quiet()
		link := w.forgot("eve@acme.example")
		return func() (auth.Step, error) { return w.m.Arrived(t.Context(), k.ref, ticket, false, thief) }, func() error {
			r := w.opens(link, home)
			_, _, err := w.m.NewPassword(t.Context(), r.ref, auth.PasswordChoice{Password: otherSecret}, home)
			return err
		}
	}, func(t *testing.T, w *world, ended error, _ auth.Step) {
		if got := w.links("eve"); ended == nil && len(got) > 0 {
			t.Errorf("A-117 the address is proven, and %q opens the account still", got)
		}
	})
}

// What somebody may have connected who had the account does not outlive the way out of a lock.
func TestLockTakesSocialAccounts(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		w.connected("ann", google("evil"), from("198.51.100.66"))
		w.connected("solo", google("solo"), from("198.51.100.66"))
		w.must(w.m.Lock(t.Context(), "ann"))
		w.quiet()
		w.reset("ann@acme.example", otherSecret, home)
		w.reset("solo@acme.example", otherSecret, home)
		w.quiet()
		if got := w.links("ann"); len(got) > 0 {
			t.Errorf("A-116 after a lock and a new password %q opens the account", got)
		}
		if got := w.links("solo"); len(got) != 1 {
			t.Errorf("after a reset without a lock links %q, want the one that was there", got)
		}
		w.by(google("evil"), from("198.51.100.67")).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
	})
}

// R23, R27: whoever must use the company's own sign-in is linked by nobody, however little they have set up.
func TestBareRequired(t *testing.T) {
	for _, name := range []string{"nopass", "eve"} {
		w := mailed(t, func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn })
		w.company(auth.SSOOptional)
		if name == "eve" {
			w.unverified("eve")
			w.must(w.people.SetMember(t.Context(), memberOf("acme", "eve", auth.MemberActive)))
		}
		_, err := w.m.SetMemberSSO(t.Context(), "acme", name, auth.SSORequired)
		w.must(err)
		w.by(google(name), home).at(auth.StageIdentify, auth.ReasonSSORequired)
		if got := w.links(name); len(got) > 0 {
			t.Errorf("R27 %s must use the company's own sign-in, and is linked: %q", name, got)
		}
		w.quiet()
	}
}

// A code that reached a mailbox before anybody was named counts for a while, and ends with what ends everything else.
func TestSocialCodeGrowsOld(t *testing.T) {
	begin := func(t *testing.T) *walker {
		w := mailed(t)
		a := facebook("evil")
		a.Email = "solo@acme.example"
		k := w.by(a, from("198.51.100.66"))
		return k.code(w.mail.one(mail.SocialCode).Code).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
	}
	again := func(k *walker, email string) {
		k.took(k.m.Identify(k.t.Context(), auth.Opening{Email: email, Replaces: k.ref.Token}, k.c))
	}
	t.Run("it is not handed on for ever", func(t *testing.T) {
		k := begin(t)
		for range 5 {
			k.move(9 * time.Minute)
			again(k, "solo@acme.example")
			k.comesBack(k.goesOn("google"), google("evil"))
		}
		again(k, "solo@acme.example")
		k.took(k.m.Password(t.Context(), k.ref, secret, k.c)).at(auth.StageVerify, "")
		k.mail.one(mail.VerifyLogin)
	})
	t.Run("it is nobody else's", func(t *testing.T) {
		k := begin(t)
		again(k, "ann@acme.example")
		k.took(k.m.Password(t.Context(), k.ref, secret, k.c)).at(auth.StageVerify, "")
		k.mail.one(mail.VerifyLogin)
	})
	t.Run("it ends with a new password", func(t *testing.T) {
		k := begin(t)
		k.took(k.m.Password(t.Context(), k.ref, secret, k.c)).at(auth.StageLink, "")
		k.must(k.m.SetPassword(t.Context(), "solo", otherSecret))
		k.quiet()
		k.took(k.m.Current(t.Context(), k.ref.Token, k.c)).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		k.took(k.m.Password(t.Context(), k.ref, otherSecret, k.c)).at(auth.StageVerify, "")
		k.mail.one(mail.VerifyLogin)
	})
}

// One account at a provider does not mail codes to everybody.
func TestSocialMailCost(t *testing.T) {
	w := mailed(t)
	a := facebook("evil")
	a.Email = ""
	sent := 0
	for i := range 60 {
		k := w.by(a, home).at(auth.StageIdentify, "")
		k.took(w.m.Identify(t.Context(), auth.Opening{Email: fmt.Sprintf("s%d@elsewhere.example", i), Replaces: k.ref.Token}, home))
		sent += len(w.mail.take())
	}
	if sent != 30 {
		t.Errorf("A-154 %d letters to strangers within a minute from one address, want 30", sent)
	}
}

func TestConnectByASocialAccount(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn })
	done := w.by(google("fresh"), home).at(auth.StageReady, "").finish()
	w.quiet()
	c := with(home, done)
	w.move(time.Hour)
	k := &walker{world: w, c: c}
	k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "facebook"}, c)).at(auth.StageAuthenticate, "")
	k.comesBack(k.goesOn("google"), google("another")).at(auth.StageAuthenticate, auth.ReasonOtherUser)
	k.comesBack(k.goesOn("google"), google("fresh")).at(auth.StageVerify, "")
	k.code(w.mail.one(mail.VerifyStepUp).Code).at(auth.StageLink, "")
	k.comesBack(k.goesOn("facebook"), facebook("fresh")).at(auth.StageReady, "").finish()
	w.mail.notices(mail.SocialLinked)
	if got := w.links(done.Session.UserID); len(got) != 2 {
		t.Errorf("R35 links %q, want both", got)
	}
}

// R39: what the person has agreed to anew stays, and what was connected under an older ID of the provider's goes.
func TestRevokedBySomebodyWhoCameBack(t *testing.T) {
	w := mailed(t)
	c, _ := w.connected("ann", google("ann"), home)
	w.move(time.Hour)
	at := w.clock()
	w.move(time.Minute)
	c.Session = ""
	done := w.by(google("ann"), c).at(auth.StageReady, "").finish()
	renamed := auth.Provider{ID: "google-2", Name: "Google"}
	w.must(w.m.Revoked(context.WithoutCancel(t.Context()), renamed, "https://accounts.google.com", "g-ann", at))
	if got := w.links("ann"); len(got) != 1 || !w.live(done.Token) {
		t.Errorf("R39 a notice older than the last sign-in leaves %q, want the account", got)
	}
	w.move(time.Minute)
	w.must(w.m.Revoked(t.Context(), renamed, "https://accounts.google.com", "g-ann", w.clock()))
	if got := w.links("ann"); len(got) != 0 {
		t.Errorf("R39 a newer one leaves %q, want nothing", got)
	}
	w.mail.notices(mail.SocialUnlinked)
}

// R36: the company's own sign-in is no way in for whoever it asks for a password.
func TestLastOfSuperAdmin(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn })
	done := w.by(google("fresh"), home).at(auth.StageReady, "").finish()
	w.quiet()
	m := memberOf("umbra", done.Session.UserID, auth.MemberActive)
	m.Role = auth.RoleSuperAdmin
	w.must(w.people.SetMember(t.Context(), m))
	w.company(auth.SSOOptional)
	s := done.Session
	s.AuthTime = w.clock()
	all, err := w.m.Connected(t.Context(), s.UserID)
	w.must(err)
	if why, err := w.m.Disconnect(t.Context(), s, all[0].ID, providers, home); err != nil || why != auth.ReasonLastMethod {
		t.Errorf("R36 Disconnect = %q, %v, want last_method", why, err)
	}
}

// Invariant 4: pressed twice, or sixty-four times at once, a link is made once, and its owner goes on.
func TestLinkPressedTwice(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		c, _ := w.known("ann@acme.example", home)
		k := w.by(google("ann"), c)
		k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageLink, "")
		var wg sync.WaitGroup
		var ready atomic.Int32
		for range 64 {
			wg.Go(func() {
				s, err := w.m.Link(t.Context(), k.ref, true, c)
				switch {
				case err == nil && s.Stage == auth.StageReady && s.Token != "":
					ready.Add(1)
				case err == nil && s.Token != "":
					t.Errorf("Link = %s %s with a token, want ready", s.Stage, s.Reason)
				}
			})
		}
		wg.Wait()
		if got := w.links("ann"); len(got) != 1 || ready.Load() != 1 {
			t.Errorf("64 callers were ready %d times, links %q, want once and one", ready.Load(), got)
		}
		w.mail.notices(mail.SocialLinked)
	})
}
