package auth_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// google is what a provider that speaks for its addresses says of somebody.
func google(name string) auth.Arrival {
	return auth.Arrival{
		Provider: "google", ProviderName: "Google", Issuer: "https://accounts.google.com", Subject: "g-" + name, Email: name + "@acme.example",
		Speaks: true, Name: name,
	}
}

// facebook is what a provider says of somebody that hands on whatever address they have written down.
func facebook(name string) auth.Arrival {
	return auth.Arrival{
		Provider: "facebook", ProviderName: "Facebook", Issuer: "https://www.facebook.com", Subject: "f-" + name, Email: name + "@acme.example", Name: name,
	}
}

var providers = []auth.Provider{{ID: "google", Name: "Google"}, {ID: "facebook", Name: "Facebook"}}

// goes leaves for a provider, without having said who it is.
func (w *world) goes(provider string, c auth.Client) (*walker, auth.Departure) {
	w.t.Helper()
	d, err := w.m.DepartSocial(w.t.Context(), auth.Ref{}, auth.Opening{Remember: true, ReturnTo: "/reports"}, provider, c)
	if err != nil || d.Handle == nil || d.Provider != provider || d.Token == "" {
		w.t.Fatalf("R31 DepartSocial = %+v, %v, want a way to %s", d, err, provider)
	}
	return &walker{world: w, c: c, step: d.Step, ref: auth.Ref{Token: d.Token}}, d
}

// by is a whole way by a social account.
func (w *world) by(a auth.Arrival, c auth.Client) *walker {
	w.t.Helper()
	k, d := w.goes(a.Provider, c)
	return k.comesBack(d, a)
}

// goesOn leaves for a provider in the flow that is under way.
func (k *walker) goesOn(provider string) auth.Departure {
	k.t.Helper()
	d, err := k.m.DepartSocial(k.t.Context(), k.ref, auth.Opening{}, provider, k.c)
	if err != nil || d.Handle == nil || d.Token != "" {
		k.t.Fatalf("DepartSocial = %+v, %v, want a way to %s in the same flow", d, err, provider)
	}
	return d
}

// connected is somebody who has connected a social account, and the client that did.
func (w *world) connected(name string, a auth.Arrival, c auth.Client) (auth.Client, session.Session) {
	w.t.Helper()
	c, s := w.connects(name, a, c)
	for _, l := range w.mail.notices(mail.SocialLinked) {
		if !strings.Contains(l.Text, a.ProviderName) || !strings.Contains(l.Text, "https://app.example.com/auth/account/connected") {
			w.t.Errorf("R35 the letter names neither the provider nor where it is disconnected:\n%s", l.Text)
		}
		if name, _, _ := strings.Cut(a.Email, "@"); a.Email != "" && !strings.Contains(l.Text, "Address at "+a.ProviderName+": "+name+" @") {
			w.t.Errorf("R35 the letter does not say which account it is:\n%s", l.Text)
		}
	}
	return c, s
}

// connects is connected without a look at the letters.
func (w *world) connects(name string, a auth.Arrival, c auth.Client) (auth.Client, session.Session) {
	w.t.Helper()
	c, _ = w.known(name+"@acme.example", c)
	k := &walker{world: w, c: c}
	k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: a.Provider}, c)).at(auth.StageLink, "")
	if !slices.Equal(k.step.Offer, []auth.Method{auth.SocialMethod(a.Provider)}) {
		w.t.Fatalf("R35 a connection offers %v, want the provider", k.step.Offer)
	}
	done := k.comesBack(k.goesOn(a.Provider), a).finish()
	return with(c, done), done.Session
}

func (w *world) links(userID string) (names []string) {
	w.t.Helper()
	list, err := w.m.Connected(w.t.Context(), userID)
	w.must(err)
	for _, l := range list {
		names = append(names, l.Provider+" "+l.Subject)
	}
	return names
}

func TestSocialSignIn(t *testing.T) {
	t.Run("R32 R35 whoever has connected an account signs in by it", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			c, _ := w.connected("ann", google("ann"), home)
			c.Session = ""
			k := w.by(google("ann"), c).at(auth.StageReady, "")
			done := k.finish()
			if s := done.Session; s.UserID != "ann" || s.AccountID != "acme" || !s.Methods.Has("social:google") || !s.Kept || done.ReturnTo != "/reports" {
				t.Errorf("R114 the session is %+v, %q, want ann's by google, kept, and back where she wanted to go", s, done.ReturnTo)
			}
			if got := w.links("ann"); !slices.Equal(got, []string{"google g-ann"}) {
				t.Errorf("links %q", got)
			}
		})
	})
	t.Run("R32 R49 a new device: whose address the provider speaks for gets no code", func(t *testing.T) {
		w := mailed(t)
		w.connected("ann", google("ann"), home)
		w.by(google("ann"), office).at(auth.StageReady, "").finish()
		w.mail.notices(mail.NewDevice)
		other := google("ann")
		other.Email = "ann.private@gmail.example"
		k := w.by(other, from("203.0.113.77")).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageReady, "").finish()

		w.connected("solo", facebook("solo"), home)
		k = w.by(facebook("solo"), office).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageReady, "").finish()
	})
	t.Run("R32 A-124 invariant 1 two-step verification is asked for after it", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		p, _, _ := w.enroll("ann@acme.example", c)
		w.move(time.Minute)
		k := w.by(google("ann"), office).at(auth.StageVerify, "")
		if !slices.Contains(k.step.Offer, auth.MethodTOTP) {
			t.Fatalf("offer %v, want the app", k.step.Offer)
		}
		if done, _, err := w.m.Finish(t.Context(), k.ref, office); err != nil || done.Token != "" {
			t.Fatalf("Finish without the app = %+v, %v", done, err)
		}
		k.totp(p.next()).at(auth.StageReady, "").finish()
		w.mail.notices(mail.NewDevice)
	})
	t.Run("R32 R77 a suspended person is told so, and a locked one", func(t *testing.T) {
		w := mailed(t)
		w.connected("ann", google("ann"), home)
		w.connected("solo", google("solo"), home)
		w.must(w.people.SuspendUser(t.Context(), "ann"))
		w.by(google("ann"), office).at(auth.StageRefused, auth.ReasonUserSuspended)
		w.must(w.m.Lock(t.Context(), "solo"))
		w.by(google("solo"), office).at(auth.StageRefused, auth.ReasonAccountLocked)
		w.mail.notices(mail.Locked)
	})
	t.Run("R27 R32 A-124 where the company's own sign-in is enforced it opens nothing, and no proof is kept", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		w.company(auth.SSOEnforced)
		k := w.by(google("ann"), c).at(auth.StageIdentify, auth.ReasonSSORequired)
		if len(k.step.Flow.Proofs) != 0 || k.step.Flow.UserID != "" || k.step.Connection != conn {
			t.Errorf("the flow is %+v, %q, want no proof and the way to the company", k.step.Flow, k.step.Connection)
		}
		elsewhere := google("ann") // it is the address here that counts
		elsewhere.Email = "ann.private@gmail.example"
		if k := w.by(elsewhere, c).at(auth.StageIdentify, auth.ReasonSSORequired); len(k.step.Flow.Proofs) != 0 || k.step.Connection != conn {
			t.Errorf("with another address there the flow is %+v, want no proof", k.step.Flow)
		}
		w.by(google("solo"), c).at(auth.StageIdentify, auth.ReasonSSORequired) // whoever it is
		w.by(facebook("stranger"), c).at(auth.StageIdentify, auth.ReasonSSORequired)
		if got := w.links("solo"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("R23 R27 enforced while the sign-in is under way", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		p, _, c := w.enroll("ann@acme.example", c)
		w.move(time.Minute)
		k := w.by(google("ann"), c).at(auth.StageVerify, "")
		w.company(auth.SSOEnforced)
		k.took(w.m.TOTP(t.Context(), k.ref, p.next(), false, c))
		if done, step, err := w.m.Finish(t.Context(), k.ref, c); done.Token != "" || step.Stage == auth.StageReady {
			t.Errorf("Finish = %+v, %s, %v, want no session", done, step.Stage, err)
		}
	})
	t.Run("R23 one member who must use the company's own sign-in", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		w.company(auth.SSOOptional)
		w.by(google("ann"), c).at(auth.StageReady, "")
		_, err := w.m.SetMemberSSO(t.Context(), "acme", "ann", auth.SSORequired)
		w.must(err)
		w.by(google("ann"), c).at(auth.StageIdentify, auth.ReasonSSORequired)
	})
	t.Run("A-098 A-109 C-12 another subject with the same address is somebody else", func(t *testing.T) {
		w := mailed(t)
		w.connected("ann", google("ann"), home)
		recycled := google("ann")
		recycled.Subject = "g-somebody"
		w.by(recycled, office).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		elsewhere := google("ann")
		elsewhere.Issuer = "https://accounts.google.com.evil.example"
		w.by(elsewhere, office).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		renamed := google("ann")
		renamed.Email = "solo@acme.example"
		if k := w.by(renamed, home); k.step.Flow.UserID != "ann" {
			t.Errorf("the same subject with somebody else's address is %q, want ann", k.step.Flow.UserID)
		}
		w.mail.one(mail.VerifyLogin)
	})
	t.Run("A-078 A-079 the answer counts in the browser that asked, for whoever brought it, once", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		k, d := w.goes("google", c)
		ticket := w.lays(d, google("ann"))
		for _, wrong := range []string{"", "sst_x", k.ref.Token} {
			if step, err := w.m.Arrived(t.Context(), k.ref, wrong, false, c); !errors.Is(err, auth.ErrFlowChanged) {
				t.Errorf("Arrived with the ticket %q = %s, %v, want ErrFlowChanged", wrong, step.Stage, err)
			}
		}
		other, _ := w.goes("google", office)
		if step, err := w.m.Arrived(t.Context(), other.ref, ticket, false, office); !errors.Is(err, auth.ErrFlowChanged) {
			t.Errorf("Arrived in another flow = %s, %v, want ErrFlowChanged", step.Stage, err)
		}
		if w.m.Belongs(d.Handle, other.ref.Token) || !w.m.Belongs(d.Handle, k.ref.Token) {
			t.Error("Belongs takes another browser's flow for the one that asked")
		}
		first := k.ref
		k.took(w.m.Arrived(t.Context(), first, ticket, false, c)).at(auth.StageReady, "")
		if _, err := w.m.Arrived(t.Context(), first, ticket, false, c); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("A-080 the answer again = %v, want ErrFlowGone", err)
		}
	})
	t.Run("R38 an answer that says no, and one that comes too late", func(t *testing.T) {
		w := mailed(t)
		k, d := w.goes("google", home)
		k.comesBack(d, auth.Arrival{Provider: "google", Why: auth.ReasonSocialCancelled, Reference: "r1"}).at(auth.StageIdentify, auth.ReasonSocialCancelled)
		if k.step.Came.Reference != "r1" || k.step.Came.Provider != "google" || !k.step.Flow.Remember || k.step.Flow.ReturnTo != "/reports" {
			t.Errorf("the step is %+v, want the reference, and what was chosen kept", k.step)
		}
		k, d = w.goes("google", home)
		ticket := w.lays(d, google("ann"))
		w.move(11 * time.Minute)
		k.took(w.m.Arrived(t.Context(), k.ref, ticket, false, home)).at(auth.StageIdentify, auth.ReasonSocialFailed)
	})
}

func TestSocialStrangers(t *testing.T) {
	t.Run("R33 nobody: told to sign in with e-mail, and then it is connected", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			a := google("newcomer")
			k := w.by(a, home).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
			if _, err := w.people.UserByEmail(t.Context(), a.Email); !errors.Is(err, auth.ErrNotFound) {
				t.Fatalf("R33 somebody was added: %v", err)
			}
			step, err := w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example", Replaces: k.ref.Token}, home)
			k.took(step, err).at(auth.StageAuthenticate, "")
			k.took(w.m.Password(t.Context(), k.ref, secret, home)).at(auth.StageVerify, "")
			k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageLink, "")
			if k.step.Flow.Pending.Email != a.Email || k.step.Flow.Pending.Provider != "google" {
				t.Errorf("R34 the confirmation names %+v", k.step.Flow.Pending)
			}
			k.took(w.m.Link(t.Context(), k.ref, true, home)).at(auth.StageReady, "").finish()
			w.mail.notices(mail.SocialLinked)
			if got := w.links("ann"); !slices.Equal(got, []string{"google g-newcomer"}) {
				t.Errorf("links %q", got)
			}
		})
	})
	t.Run("R34 somebody has the address: password, app, then the question", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			p, _, c := w.enroll("ann@acme.example", home)
			w.move(time.Minute)
			k := w.by(google("ann"), c).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
			if !slices.Equal(k.step.Offer, []auth.Method{auth.MethodPassword}) || k.step.Flow.UserID != "" {
				t.Fatalf("the step is %+v, want the password and nobody proven", k.step)
			}
			if step, err := w.m.Link(t.Context(), k.ref, true, c); !errors.Is(err, auth.ErrFlowChanged) && step.Stage != auth.StageAuthenticate {
				t.Fatalf("A-124 Link before the password = %s, %v", step.Stage, err)
			}
			k.took(w.m.Password(t.Context(), k.ref, "wrong", c)).at(auth.StageAuthenticate, auth.ReasonInvalidCredentials)
			k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageVerify, "")
			if _, err := w.m.Link(t.Context(), k.ref, true, c); !errors.Is(err, auth.ErrFlowChanged) {
				t.Fatalf("A-124 Link before the app = %v, want ErrFlowChanged", err)
			}
			k.totp(p.next()).at(auth.StageLink, "")
			k.took(w.m.Link(t.Context(), k.ref, true, c)).at(auth.StageReady, "")
			done := k.finish()
			w.mail.notices(mail.SocialLinked)
			if got := w.links("ann"); !slices.Equal(got, []string{"google g-ann"}) || !done.Session.Methods.Has("social:google") {
				t.Errorf("links %q, session %q", got, done.Session.Methods)
			}
		})
	})
	t.Run("R34 whoever says no is signed in, and nothing is linked", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		k := w.by(google("ann"), c)
		k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageLink, "")
		k.took(w.m.Link(t.Context(), k.ref, false, c)).at(auth.StageReady, "").finish()
		if got := w.links("ann"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("R34 after ten minutes it is too late", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		k := w.by(google("ann"), c)
		w.move(6 * time.Minute)
		k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageLink, "")
		w.move(5 * time.Minute)
		k.took(w.m.Link(t.Context(), k.ref, true, c)).at(auth.StageReady, auth.ReasonLinkExpired)
		k.step.Reason = ""
		k.finish()
		if got := w.links("ann"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("R34 it is somebody else's by the time of the answer", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		k := w.by(google("ann"), c)
		k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageLink, "")
		w.connected("solo", google("ann"), office)
		k.took(w.m.Link(t.Context(), k.ref, true, c))
		if k.step.Reason != auth.ReasonSocialAlreadyLinked || len(w.links("ann")) != 0 {
			t.Errorf("Link = %s %s, links %q, want %s", k.step.Stage, k.step.Reason, w.links("ann"), auth.ReasonSocialAlreadyLinked)
		}
	})
	t.Run("R35 two accounts at one provider, the second of which waits", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		second := google("ann")
		second.Subject = "g-ann-2"
		k := w.by(second, c).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		// The other account of the same person proves it as well as the password does.
		k.comesBack(k.goesOn("google"), google("ann"))
		if k.step.Flow.UserID != "ann" {
			t.Fatalf("the step is %+v, want ann", k.step)
		}
		k.finish()
	})
	t.Run("R34 an account elsewhere proves whose it is to be linked with", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		k := w.by(facebook("ann"), c).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.SocialCode).Code).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		if !k.step.Social {
			t.Fatal("the page does not show the providers")
		}
		k.comesBack(k.goesOn("google"), google("ann")).at(auth.StageLink, "")
		k.took(w.m.Link(t.Context(), k.ref, true, c)).at(auth.StageReady, "").finish()
		w.mail.notices(mail.SocialLinked)
		if got := w.links("ann"); !slices.Equal(got, []string{"google g-ann", "facebook f-ann"}) {
			t.Errorf("links %q", got)
		}
	})
}

// where the provider does not speak for the address, a code goes there before anything is said about it.
func TestSocialAddress(t *testing.T) {
	t.Run("R38 A-101 the same for an address that is somebody's and one that is nobody's", func(t *testing.T) {
		w := mailed(t)
		w.spy.take()
		type answer struct {
			stage         auth.Stage
			reason        auth.Reason
			offer, calls  string
			sent          mail.Kind
			method        auth.Kind
			named, social bool
		}
		of := func(name string, c auth.Client) answer {
			k := w.by(facebook(name), c)
			calls := fmt.Sprint(w.spy.take())
			l := w.mail.one(mail.SocialCode)
			w.spy.take()
			if l.To != name+"@acme.example" || k.step.MailTo != l.To {
				t.Errorf("the code went to %q, and the page says %q", l.To, k.step.MailTo)
			}
			return answer{k.step.Stage, k.step.Reason, fmt.Sprint(k.step.Offer), calls, l.Kind, "", k.step.Flow.UserID != "" || k.step.Flow.Address != "", k.step.Social}
		}
		want := of("ann", from("192.0.2.1"))
		if want.stage != auth.StageVerify || want.named || strings.Contains(want.calls, "User") {
			t.Fatalf("the answer is %+v, want a code to be asked for, and nobody looked up", want)
		}
		for i, name := range []string{"nobody", "nopass", "gone", "sam"} {
			if got := of(name, from(fmt.Sprintf("192.0.2.%d", i+2))); got != want {
				t.Errorf("A-101 %s gets\n%+v, want\n%+v", name, got, want)
			}
		}
	})
	t.Run("R38 the code, then what there is to say", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			k := w.by(facebook("ann"), home)
			l := w.mail.one(mail.SocialCode)
			if step, err := w.m.Link(t.Context(), k.ref, true, home); !errors.Is(err, auth.ErrFlowChanged) {
				t.Fatalf("Link before the code = %s, %v", step.Stage, err)
			}
			k.code("12345").at(auth.StageVerify, auth.ReasonCodeFormat)
			k.code(wrong(l.Code)).at(auth.StageVerify, auth.ReasonCodeWrong)
			k.code(l.Code).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
			// The mailbox is proven: a sign-in on a new device asks for no second code.
			k.took(w.m.Password(t.Context(), k.ref, secret, home)).at(auth.StageLink, "")
			k.took(w.m.Link(t.Context(), k.ref, true, home)).at(auth.StageReady, "")
			if done := k.finish(); !done.Session.Methods.Has("email_code") {
				t.Errorf("R114 the session was made by %q, want the code among it", done.Session.Methods)
			}
			w.mail.notices(mail.SocialLinked)

			k = w.by(facebook("nobody"), home)
			k.code(w.mail.one(mail.SocialCode).Code).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
		})
	})
	t.Run("R38 A-101 no address: the person types one, and proves it", func(t *testing.T) {
		w := mailed(t)
		a := facebook("ann")
		a.Email = ""
		k := w.by(a, home).at(auth.StageIdentify, "")
		if k.step.Flow.Pending.Provider != "facebook" || k.step.Flow.Pending.Email != "" {
			t.Fatalf("what waits is %+v", k.step.Flow.Pending)
		}
		k.took(w.m.Identify(t.Context(), auth.Opening{Email: "Ann@acme.example", Replaces: k.ref.Token}, home)).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.SocialCode).Code).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
	})
	t.Run("an address that is none is as good as no address", func(t *testing.T) {
		w := mailed(t)
		a := google("ann")
		a.Email = "not an address"
		if k := w.by(a, home).at(auth.StageIdentify, ""); k.step.Flow.Pending.Email != "" || k.step.Flow.Pending.Speaks {
			t.Errorf("what waits is %+v", k.step.Flow.Pending)
		}
	})
	t.Run("A-154 codes are bounded by address, over all flows", func(t *testing.T) {
		w := mailed(t)
		sent := 0
		for i := range 8 {
			k := w.by(facebook("ann"), from(fmt.Sprintf("192.0.2.%d", i+1)))
			sent += len(w.mail.take())
			if i >= 5 && k.step.Reason != auth.ReasonTooManyAttempts {
				t.Errorf("flow %d: %s %s, want too_many_attempts", i, k.step.Stage, k.step.Reason)
			}
		}
		if sent != 5 {
			t.Errorf("%d codes were mailed to one address, want 5", sent)
		}
	})
	t.Run("guesses are bounded", func(t *testing.T) {
		w := mailed(t)
		k := w.by(facebook("ann"), home)
		code := w.mail.one(mail.SocialCode).Code
		for range 5 {
			k.code(wrong(code)).at(auth.StageVerify, auth.ReasonCodeWrong)
		}
		if k.code(code); k.step.Stage != auth.StageVerify || k.step.Reason != auth.ReasonTooManyAttempts && k.step.Reason != auth.ReasonCodeExpired {
			t.Errorf("the right code after five wrong ones = %s %s", k.step.Stage, k.step.Reason)
		}
	})
	t.Run("another code", func(t *testing.T) {
		w := mailed(t)
		k := w.by(facebook("ann"), home)
		old := w.mail.one(mail.SocialCode).Code
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		w.move(31 * time.Second)
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, "")
		fresh := w.mail.one(mail.SocialCode).Code
		if old != fresh {
			k.code(old).at(auth.StageVerify, auth.ReasonCodeWrong)
		}
		k.code(fresh).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
	})
	t.Run("where nothing can be mailed nobody is told anything", func(t *testing.T) {
		w := memory(t)
		for _, name := range []string{"ann", "nobody"} {
			k := w.by(facebook(name), home).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
			k.took(w.m.Identify(t.Context(), auth.Opening{Email: "solo@acme.example", Replaces: k.ref.Token}, home)).at(auth.StageAuthenticate, "")
			k.took(w.m.Password(t.Context(), k.ref, secret, home)).at(auth.StageLink, "")
		}
	})
}

func wrong(code string) string {
	if code == "000000" {
		return "111111"
	}
	return "000000"
}

func TestSocialSignUp(t *testing.T) {
	on := func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn }
	t.Run("R33 whoever is new gets an account by a provider that speaks for the address", func(t *testing.T) {
		w := mailed(t, on)
		done := w.by(google("newcomer"), home).at(auth.StageReady, "").finish()
		w.mail.notices(mail.NewDevice)
		u, err := w.people.UserByEmail(t.Context(), "newcomer@acme.example")
		if err != nil || done.Session.UserID != u.ID || u.Unverified || u.Name != "newcomer" {
			t.Errorf("the person is %+v, %v, the session %+v", u, err, done.Session)
		}
		w.by(google("newcomer"), home).at(auth.StageReady, "").finish()
		w.mail.notices(mail.NewDevice)
	})
	t.Run("R33 A-101 A-119 or by a code", func(t *testing.T) {
		w := mailed(t, on)
		k := w.by(facebook("newcomer"), home).at(auth.StageVerify, "")
		if _, err := w.people.UserByEmail(t.Context(), "newcomer@acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Fatalf("A-119 somebody was added before the code: %v", err)
		}
		k.code(w.mail.one(mail.SocialCode).Code).at(auth.StageReady, "").finish()
		w.quiet()
	})
	t.Run("A-115 A-117 A-123 an account that nobody has proven is taken over with nothing that was set up on it", func(t *testing.T) {
		w := mailed(t, on)
		_, err := w.people.AddUser(t.Context(), auth.User{ID: "una", Email: "una@acme.example", Unverified: true})
		w.must(err)
		w.must(w.m.SetPassword(t.Context(), "una", secret))
		w.quiet()
		w.by(google("una"), home).at(auth.StageReady, "").finish()
		w.quiet()
		u, err := w.people.UserByID(t.Context(), "una")
		if err != nil || u.Unverified {
			t.Errorf("una is %+v, %v, want proven", u, err)
		}
		if s := w.guess("una@acme.example", secret, office); s.Reason != auth.ReasonInvalidCredentials {
			t.Errorf("A-115 the password from before answers %s %s, want it gone", s.Stage, s.Reason)
		}
	})
	t.Run("A-123 without social sign-up it gains nothing", func(t *testing.T) {
		w := mailed(t)
		_, err := w.people.AddUser(t.Context(), auth.User{ID: "una", Email: "una@acme.example", Unverified: true})
		w.must(err)
		w.by(google("una"), home).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
		if got := w.links("una"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("invariant 8 somebody who has a way in is never handed over", func(t *testing.T) {
		w := mailed(t, on)
		w.by(google("ann"), home).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
		w.by(google("gone"), home)
		if got := append(w.links("ann"), w.links("gone")...); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("a sign-up that was cut short is completed", func(t *testing.T) {
		w := mailed(t, on)
		w.by(google("nopass"), home).at(auth.StageReady, "").finish()
		w.mail.notices(mail.SocialLinked, mail.NewDevice)
	})
}

func TestConnect(t *testing.T) {
	t.Run("R35 needs a recent proof", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		w.move(11 * time.Minute)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c)).at(auth.StageAuthenticate, "")
		if d, err := w.m.DepartSocial(t.Context(), k.ref, auth.Opening{}, "google", c); !errors.Is(err, auth.ErrFlowChanged) {
			t.Fatalf("DepartSocial before the proof = %+v, %v, want ErrFlowChanged", d, err)
		}
		k.took(w.m.Password(t.Context(), k.ref, secret, c)).at(auth.StageLink, "")
		d := k.goesOn("google")
		if !d.Connects {
			t.Error("DepartSocial does not say that an account is to be connected")
		}
		k.comesBack(d, google("x")).at(auth.StageReady, "")
		done := k.finish()
		w.mail.notices(mail.SocialLinked)
		if w.live(c.Session) || !w.live(done.Token) {
			t.Error("the session goes on under its old token")
		}
	})
	t.Run("R35 A-125 it is somebody else's: said so, and not whose", func(t *testing.T) {
		w := mailed(t)
		w.connected("solo", google("ann"), office)
		c, _ := w.known("ann@acme.example", home)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c))
		k.comesBack(k.goesOn("google"), google("ann")).at(auth.StageLink, auth.ReasonSocialAlreadyLinked)
		if got := w.links("ann"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("R35 it is theirs already", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.connected("ann", google("ann"), home)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c))
		k.comesBack(k.goesOn("google"), google("ann")).at(auth.StageReady, "").finish()
	})
	t.Run("A-120 A-121 A-122 begun by one, finished in another's session, or in a sign-in", func(t *testing.T) {
		w := mailed(t)
		ann, _ := w.known("ann@acme.example", home)
		solo, _ := w.known("solo@acme.example", home)
		k := &walker{world: w, c: ann}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, ann))
		d := k.goesOn("google")
		ticket := w.lays(d, google("evil"))
		for who, c := range map[string]auth.Client{"solo": solo, "nobody": home} {
			step, err := w.m.Arrived(t.Context(), k.ref, ticket, false, c)
			if err == nil && step.Stage != auth.StageRefused {
				t.Errorf("A-121 Arrived in the session of %s = %s %s", who, step.Stage, step.Reason)
			}
		}
		in, other := w.goes("google", home)
		in.comesBack(other, google("evil")).at(auth.StageIdentify, auth.ReasonSocialNotConnected)
		if got := append(w.links("ann"), w.links("solo")...); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("R27 R35 not where the company's own sign-in is enforced", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		w.company(auth.SSOEnforced)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c)).at(auth.StageRefused, auth.ReasonSSORequired)
	})
	t.Run("R35 another provider's answer, and none", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, c))
		k.comesBack(k.goesOn("google"), facebook("ann")).at(auth.StageLink, auth.ReasonSocialFailed)
		k.comesBack(k.goesOn("google"), auth.Arrival{Provider: "google", Why: auth.ReasonSocialCancelled}).at(auth.StageLink, auth.ReasonSocialCancelled)
		if got := w.links("ann"); len(got) != 0 {
			t.Errorf("links %q, want none", got)
		}
	})
	t.Run("A-125 invariant 4 of 64 people one gets the account", func(t *testing.T) {
		w := mailed(t)
		c, _ := w.known("ann@acme.example", home)
		d, _ := w.known("solo@acme.example", office)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 64 {
			who := []auth.Client{c, d}[i%2]
			step, err := w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "google"}, who)
			if err != nil || step.Reason != "" {
				continue // thirty a minute
			}
			away, err := w.m.DepartSocial(t.Context(), auth.Ref{Token: step.Token}, auth.Opening{}, "google", who)
			w.must(err)
			ticket := w.lays(away, google("prize"))
			wg.Go(func() {
				s, err := w.m.Arrived(t.Context(), auth.Ref{Token: step.Token}, ticket, false, who)
				if err == nil && s.Stage == auth.StageReady {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if got := append(w.links("ann"), w.links("solo")...); len(got) != 1 || won.Load() == 0 {
			t.Errorf("links %q, %d ready, want one link", got, won.Load())
		}
		w.quiet()
	})
}

func TestDisconnect(t *testing.T) {
	id := func(w *world, userID, provider string) string {
		list, err := w.m.Connected(w.t.Context(), userID)
		w.must(err)
		for _, l := range list {
			if l.Provider == provider {
				return l.ID
			}
		}
		w.t.Fatalf("%s has no %s account", userID, provider)
		return ""
	}
	t.Run("R36 A-126 with a recent proof, and a letter", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, w *world) {
			c, s := w.connected("ann", google("ann"), home)
			other := with(office, w.by(google("ann"), office).finish())
			w.mail.notices(mail.NewDevice)
			w.move(11 * time.Minute)
			if why, err := w.m.Disconnect(t.Context(), s, id(w, "ann", "google"), providers, c); err != nil || why != auth.ReasonProofRequired {
				t.Fatalf("A-126 Disconnect = %q, %v, want proof_required", why, err)
			}
			c, s = w.known("ann@acme.example", c)
			if why, err := w.m.Disconnect(t.Context(), s, id(w, "ann", "google"), providers, c); err != nil || why != "" {
				t.Fatalf("R36 Disconnect = %q, %v", why, err)
			}
			w.mail.notices(mail.SocialUnlinked)
			if got := w.links("ann"); len(got) != 0 {
				t.Errorf("links %q, want none", got)
			}
			if w.live(other.Session) || !w.live(c.Session) {
				t.Error("invariant 6 the session that came by the account lives, or the one that disconnected it does not")
			}
			w.by(google("ann"), c).at(auth.StageAuthenticate, auth.ReasonSocialEmailExists)
			for _, wrong := range []string{"", "x", "idn_x"} {
				if _, err := w.m.Disconnect(t.Context(), s, wrong, providers, c); !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("Disconnect(%q) = %v, want ErrNotFound", wrong, err)
				}
			}
		})
	})
	t.Run("A-126 somebody else's", func(t *testing.T) {
		w := mailed(t)
		w.connected("solo", google("solo"), office)
		_, s := w.connected("ann", google("ann"), home)
		if _, err := w.m.Disconnect(t.Context(), s, id(w, "solo", "google"), providers, home); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("Disconnect(solo's) = %v, want ErrNotFound", err)
		}
	})
	on := func(c *auth.Config) { c.Preset.SocialSignUp = auth.SocialSignUpOn }
	// newcomer is somebody who has nothing but a social account.
	newcomer := func(w *world) (auth.Client, session.Session) {
		a := google("newcomer")
		a.AuthTime = w.clock()
		done := w.by(a, home).finish()
		w.quiet()
		return with(home, done), done.Session
	}
	t.Run("R36 A-110 the last way in stays", func(t *testing.T) {
		mailedEverywhere(t, func(t *testing.T, _ *world) {})
		w := mailed(t, on)
		c, s := newcomer(w)
		link := id(w, s.UserID, "google")
		if why, err := w.m.Disconnect(t.Context(), s, link, providers, c); err != nil || why != auth.ReasonLastMethod {
			t.Fatalf("R36 Disconnect = %q, %v, want last_method", why, err)
		}
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "facebook"}, c))
		k.comesBack(k.goesOn("facebook"), facebook("newcomer"))
		done := k.finish()
		w.mail.notices(mail.SocialLinked)
		if why, err := w.m.Disconnect(t.Context(), done.Session, link, providers[:1], c); err != nil || why != auth.ReasonLastMethod {
			t.Errorf("R36 with an account at a provider that is switched off = %q, %v, want last_method", why, err)
		}
		if why, err := w.m.Disconnect(t.Context(), done.Session, link, nil, c); err != nil || why != auth.ReasonLastMethod {
			t.Errorf("R36 without providers = %q, %v, want last_method", why, err)
		}
		if why, err := w.m.Disconnect(t.Context(), done.Session, link, providers, c); err != nil || why != "" {
			t.Errorf("R36 with another account = %q, %v", why, err)
		}
		w.mail.notices(mail.SocialUnlinked)
	})
	t.Run("R36 A-110 of two that go at once one stays", func(t *testing.T) {
		w := mailed(t, on)
		c, s := newcomer(w)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{Action: auth.ActionConnect, Provider: "facebook"}, c))
		k.comesBack(k.goesOn("facebook"), facebook("newcomer"))
		s = k.finish().Session
		var wg sync.WaitGroup
		ids := []string{id(w, s.UserID, "google"), id(w, s.UserID, "facebook")}
		for i := range 64 {
			wg.Go(func() {
				if why, err := w.m.Disconnect(t.Context(), s, ids[i%2], providers, c); err != nil && !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("Disconnect = %q, %v", why, err)
				}
			})
		}
		wg.Wait()
		if got := w.links(s.UserID); len(got) != 1 {
			t.Errorf("links %q, want one", got)
		}
		w.quiet()
	})
	t.Run("R36 whoever has their company's own sign-in needs none", func(t *testing.T) {
		w := mailed(t, on)
		c, s := newcomer(w)
		w.company(auth.SSOOptional)
		if why, err := w.m.Disconnect(t.Context(), s, id(w, s.UserID, "google"), providers, c); err != nil || why != "" {
			t.Errorf("Disconnect = %q, %v", why, err)
		}
		w.mail.notices(mail.SocialUnlinked)
	})
	t.Run("R66 whoever has nothing else proves it by the account, and by a mailed code where that was not demanded anew", func(t *testing.T) {
		w := mailed(t, on)
		c, s := newcomer(w)
		w.move(11 * time.Minute)
		k := &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{}, c)).at(auth.StageAuthenticate, "")
		if !slices.Equal(k.step.Offer, []auth.Method{"social:google"}) || !k.step.Fresh {
			t.Fatalf("the step is %+v, want the account, demanded anew", k.step.Decision)
		}
		k.comesBack(k.goesOn("google"), google("somebody")).at(auth.StageAuthenticate, auth.ReasonOtherUser)
		k.comesBack(k.goesOn("google"), google("newcomer")).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.VerifyStepUp).Code).at(auth.StageReady, "")
		done := k.finish()
		if recent, err := w.m.RecentlyProven(t.Context(), done.Session); err != nil || !recent || done.Session.ID != s.ID {
			t.Errorf("RecentlyProven = %v, %v, want true in the same session", recent, err)
		}
		c = with(c, done)
		w.move(11 * time.Minute)
		k = &walker{world: w, c: c}
		k.took(w.m.StepUp(t.Context(), auth.StepUpOpening{}, c))
		dated := google("newcomer")
		dated.AuthTime = w.clock()
		k.comesBack(k.goesOn("google"), dated).at(auth.StageReady, "").finish()
	})
}

// R39: a provider that says that the person has taken back what it may say.
func TestRevoked(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		c, _ := w.connected("ann", google("ann"), home)
		p, a := providers[0], google("ann")
		linked := w.clock()
		w.move(time.Hour)
		for what, err := range map[string]error{
			"another subject":    w.m.Revoked(t.Context(), p, a.Issuer, "x", w.clock()),
			"another issuer":     w.m.Revoked(t.Context(), p, "https://x.example", a.Subject, w.clock()),
			"before the linking": w.m.Revoked(t.Context(), p, a.Issuer, a.Subject, linked.Add(-time.Hour)),
		} {
			if err != nil || len(w.links("ann")) != 1 {
				t.Errorf("R39 a notice of %s = %v, links %q, want nothing done", what, err, w.links("ann"))
			}
		}
		if err := w.m.Revoked(t.Context(), p, a.Issuer, a.Subject, w.clock()); err != nil {
			t.Fatal(err)
		}
		w.mail.notices(mail.SocialUnlinked)
		if got := w.links("ann"); len(got) != 0 || w.live(c.Session) {
			t.Errorf("R39 links %q, the session lives: %v, want neither", got, w.live(c.Session))
		}
		if err := w.m.Revoked(t.Context(), p, a.Issuer, a.Subject, w.clock()); err != nil {
			t.Errorf("R39 the notice again = %v, want nil", err)
		}
	})
}

func TestProvidersFor(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.SocialDisplay = auth.SocialConnectedForUser })
	w.connected("ann", google("ann"), home)
	for email, want := range map[string][]string{"ann@acme.example": {"google"}, "solo@acme.example": nil, "nobody@acme.example": nil} {
		if got, err := w.m.ProvidersFor(t.Context(), w.identify(email, home)); err != nil || !slices.Equal(got, want) {
			t.Errorf("R29 ProvidersFor(%s) = %q, %v, want %q", email, got, err, want)
		}
	}
	w = mailed(t)
	w.connected("ann", google("ann"), home)
	s := w.identify("ann@acme.example", home)
	w.spy.take()
	if got, err := w.m.ProvidersFor(t.Context(), s); err != nil || got != nil || len(w.spy.take()) > 0 {
		t.Errorf("invariant 3 ProvidersFor = %q, %v, want nobody looked up", got, err)
	}
}

// What a caller that has checked an answer does not hand over.
func TestSocialArrival(t *testing.T) {
	w := mailed(t)
	_, d := w.goes("google", home)
	for what, change := range map[string]func(*auth.Arrival){
		"A-104 no subject":        func(a *auth.Arrival) { a.Subject = "" },
		"A-104 a blank subject":   func(a *auth.Arrival) { a.Subject = " \t" },
		"a long subject":          func(a *auth.Arrival) { a.Subject = string(make([]byte, 513)) },
		"no issuer":               func(a *auth.Arrival) { a.Issuer = "" },
		"a company for an issuer": func(a *auth.Arrival) { a.Issuer = "sso:" + conn },
		"a word for an issuer":    func(a *auth.Arrival) { a.Issuer = "google" },
		"a connection":            func(a *auth.Arrival) { a.Connection = conn },
		"a company":               func(a *auth.Arrival) { a.AccountID = "acme" },
		"a second step":           func(a *auth.Arrival) { a.MultiFactor = true },
		"a role":                  func(a *auth.Arrival) { a.Role = auth.RoleAdmin },
		"just in time":            func(a *auth.Arrival) { a.JustInTime = true },
		"a login":                 func(a *auth.Arrival) { a.Login = []byte("x") },
	} {
		a := google("ann")
		if change(&a); true {
			if _, err := w.m.Arrive(t.Context(), d.Handle, a); err == nil {
				t.Errorf("Arrive with %s = nil, want an error", what)
			}
		}
	}
	company := says("ann")
	company.Speaks = true
	if _, err := w.m.Arrive(t.Context(), d.Handle, company); err == nil {
		t.Error("Arrive of a company that speaks for addresses = nil, want an error")
	}
	proven := facebook("ann")
	proven.Proven = true
	k, d := w.goes("facebook", home)
	k.comesBack(d, proven).at(auth.StageVerify, "") // nobody but Code says so
	w.mail.one(mail.SocialCode)
}
