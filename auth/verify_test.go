package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

var office = from("203.0.113.5")

// digits are six digits that are not these.
func otherThan(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

func TestVerification(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		k := w.begin("ann@acme.example", home).at(auth.StageVerify, "")
		if got := k.step.Offer; len(got) != 1 || got[0] != auth.MethodEmailCode {
			t.Errorf("R49 on a new device %v is offered, want the mailed code alone", got)
		}
		if k.step.MailTo != "a…@acme.example" {
			t.Errorf("U18 the code goes to %q, want the address masked", k.step.MailTo)
		}
		if done, s, err := w.m.Finish(t.Context(), k.ref, home); err != nil || done.Token != "" || s.Stage != auth.StageVerify {
			t.Errorf("invariant 1: Finish before the code = %+v, %s, %v, want no session", done, s.Stage, err)
		}
		letter := w.mail.one(mail.VerifyLogin)
		if letter.To != "ann@acme.example" || len(letter.Code) != 6 || strings.Contains(letter.Subject, letter.Code) {
			t.Errorf("R50 A-192 letter to %q with code %q and subject %q", letter.To, letter.Code, letter.Subject)
		}
		k.code(otherThan(letter.Code)).at(auth.StageVerify, auth.ReasonCodeWrong)
		k.code("12345").at(auth.StageVerify, auth.ReasonCodeFormat)
		typed := letter.Code[:3] + " " + letter.Code[3:]
		done := k.code(typed).finish()
		if !done.Session.Methods.Has("email_code") || !done.Session.Methods.Has("password") {
			t.Errorf("R114 methods %q, want password and email_code", done.Session.Methods)
		}
		again := with(home, done)
		w.begin("ann@acme.example", again).finish() // next time nobody asks
		for _, e := range w.take() {
			if strings.Contains(strings.Join(e.Trace, " "), letter.Code) {
				t.Errorf("A-192 the trail holds the code: %+v", e)
			}
		}
		w.move(91 * 24 * time.Hour)
		w.begin("ann@acme.example", again).at(auth.StageVerify, "")
		w.mail.one(mail.VerifyLogin)
	})
}

// R49: the modes, against what is known of the device and what the host's hook says.
func TestVerificationModes(t *testing.T) {
	broken := errors.New("no answer")
	for _, tt := range []struct {
		name    string
		mode    auth.Verification
		known   bool
		trusted bool
		verdict auth.Verdict
		err     error
		nohook  bool
		asks    bool
	}{
		{name: "R49 off", mode: auth.VerifyOff, verdict: auth.VerdictUnusual},
		{name: "R49 new device", mode: auth.VerifyNewDevice, nohook: true, asks: true},
		{name: "R49 known device", mode: auth.VerifyNewDevice, known: true, nohook: true},
		{name: "R49 known device, unusual", mode: auth.VerifyNewDevice, known: true, verdict: auth.VerdictUnusual, asks: true},
		{name: "R64 trusted device, unusual", mode: auth.VerifyNewDevice, known: true, trusted: true, verdict: auth.VerdictUnusual},
		{name: "R49 risk, ordinary", mode: auth.VerifyRisk, verdict: auth.VerdictOrdinary},
		{name: "R49 risk, unusual", mode: auth.VerifyRisk, known: true, verdict: auth.VerdictUnusual, asks: true},
		{name: "R49 risk, the hook fails, new device", mode: auth.VerifyRisk, err: broken, asks: true},
		{name: "R49 risk, the hook fails, known device", mode: auth.VerifyRisk, known: true, err: broken},
		{name: "R49 risk without a hook, new device", mode: auth.VerifyRisk, nohook: true, asks: true},
		{name: "R49 risk, the hook makes something up", mode: auth.VerifyRisk, verdict: "fine", asks: true},
		{name: "R49 always", mode: auth.VerifyAlways, known: true, verdict: auth.VerdictOrdinary, asks: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			verdict, fails := auth.VerdictOrdinary, error(nil)
			w := mailed(t, func(c *auth.Config) {
				c.Preset.Policy.Verification = tt.mode
				if !tt.nohook {
					c.Risk = func(_ context.Context, a auth.Attempt) (auth.Verdict, error) {
						if a.User.ID != "ann" || a.Client.Device != "" || a.Method != auth.MethodPassword {
							t.Errorf("the hook is told %+v", a)
						}
						return verdict, fails
					}
				}
			})
			c := home
			if tt.known {
				k := w.begin("ann@acme.example", home)
				if k.step.Stage == auth.StageVerify {
					k.code(w.mail.one(mail.VerifyLogin).Code)
				}
				done := k.finish()
				c = with(home, done)
				if tt.trusted {
					if why, err := w.m.TrustDevice(t.Context(), done.Session, done.Session.DeviceID, c); why != "" || err != nil {
						t.Fatalf("TrustDevice = %s, %v", why, err)
					}
				}
				w.mail.notices(map[bool][]mail.Kind{true: {mail.NewDevice}}[tt.mode == auth.VerifyRisk]...)
			}
			verdict, fails = tt.verdict, tt.err
			k := w.begin("ann@acme.example", c)
			if asked := k.step.Stage == auth.StageVerify; asked != tt.asks {
				t.Errorf("asked for a code: %v, want %v (trace %q)", asked, tt.asks, k.step.Trace)
			}
			unknown := tt.err != nil || tt.verdict == "fine"
			if recorded := has(w.take(), auth.RiskUnknown); recorded != unknown {
				t.Errorf("the trail has a hook that failed: %v, want %v", recorded, unknown)
			}
			w.mail.take()
		})
	}
}

func TestMailedCodes(t *testing.T) {
	t.Run("A-183 five tries, then a new first proof", func(t *testing.T) {
		w := mailed(t)
		k := w.begin("ann@acme.example", home)
		code := w.mail.one(mail.VerifyLogin).Code
		for range 5 {
			k.code(otherThan(code)).at(auth.StageVerify, auth.ReasonCodeWrong)
		}
		k.code(code).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		w.move(time.Minute)
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		if list := w.mail.take(); len(list) != 0 {
			t.Errorf("A-183 another code was mailed: %s", letterKinds(list))
		}
	})

	t.Run("A-184 one budget for a person, over all sign-ins", func(t *testing.T) {
		w := mailed(t)
		looked := 0
		for i := range 4 {
			c := from([]string{"198.51.100.1", "198.51.101.1", "198.51.102.1", "198.51.103.1"}[i])
			k := w.begin("ann@acme.example", c)
			code := w.mail.one(mail.VerifyLogin).Code
			for range 5 {
				if k.code(otherThan(code)); k.step.Reason == auth.ReasonCodeWrong {
					looked++
				}
			}
		}
		if looked != 10 {
			t.Errorf("A-184 %d wrong codes were looked at within an hour, want 10", looked)
		}
		w.mail.notices(mail.Guessing)
	})

	t.Run("A-185 a code counts in its own flow and for its own purpose only", func(t *testing.T) {
		w := mailed(t)
		a := w.begin("ann@acme.example", home)
		code := w.mail.one(mail.VerifyLogin).Code
		b := w.begin("ann@acme.example", office)
		other := w.mail.one(mail.VerifyLogin).Code
		if code == other {
			return // by chance
		}
		b.code(code).at(auth.StageVerify, auth.ReasonCodeWrong)
		a.code(code).at(auth.StageReady, "")
	})

	t.Run("A-186 the newest only, and a resend gives no new tries", func(t *testing.T) {
		w := mailed(t)
		k := w.begin("ann@acme.example", home)
		first := w.mail.one(mail.VerifyLogin).Code
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, auth.ReasonTooManyAttempts)
		if k.step.RetryAfter != 30*time.Second {
			t.Errorf("U16 too early: try again in %v, want 30s", k.step.RetryAfter)
		}
		k.code(otherThan(first))
		w.move(30 * time.Second)
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, "")
		second := w.mail.one(mail.VerifyLogin).Code
		if first != second {
			k.code(first).at(auth.StageVerify, auth.ReasonCodeWrong)
		}
		for range 3 {
			k.code(otherThan(second))
		}
		k.code(second).at(auth.StageVerify, auth.ReasonTooManyAttempts)
	})

	t.Run("A-187 a code does not survive a new password, an ending or a suspension", func(t *testing.T) {
		for name, change := range map[string]func(w *world){
			"password":  func(w *world) { w.must(w.m.SetPassword(t.Context(), "ann", "another long passphrase")) },
			"ended":     func(w *world) { w.must(w.m.EndUser(t.Context(), "ann")) },
			"locked":    func(w *world) { w.must(w.m.Lock(t.Context(), "ann")) },
			"suspended": func(w *world) { w.must(w.people.SuspendUser(t.Context(), "ann")) },
		} {
			w := mailed(t)
			k := w.begin("ann@acme.example", home)
			code := w.mail.one(mail.VerifyLogin).Code
			change(w)
			k.code(code)
			if k.step.Stage == auth.StageReady || k.step.Stage == auth.StageVerify {
				t.Errorf("A-187 %s: the code leads to %s", name, k.step.Stage)
			}
			w.move(10 * time.Second)
			w.mail.take()
		}
	})

	t.Run("R50 ten minutes, once", func(t *testing.T) {
		w := mailed(t)
		k := w.begin("ann@acme.example", home)
		code := w.mail.one(mail.VerifyLogin).Code
		w.move(10 * time.Minute)
		k.code(code).at(auth.StageVerify, auth.ReasonCodeExpired)
		k.took(w.m.ResendCode(t.Context(), k.ref, home)).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.VerifyLogin).Code).at(auth.StageReady, "")
	})

	t.Run("A-191 five codes an hour to one mailbox, and a warning", func(t *testing.T) {
		w := mailed(t)
		sent := 0
		for i := range 8 {
			w.begin("ann@acme.example", from([]string{"198.51.100.1", "198.51.101.1", "198.51.102.1", "198.51.103.1", "198.51.104.1", "198.51.105.1", "198.51.106.1", "198.51.107.1"}[i]))
			sent += len(w.mail.take())
		}
		if sent != 5 {
			t.Errorf("A-191 %d codes were mailed within an hour, want 5", sent)
		}
		w.mail.notices(mail.Guessing)
	})

	t.Run("A-188 a copied user agent, network or foreign device cookie makes no known device", func(t *testing.T) {
		w := mailed(t)
		_, _, two := w.enroll("solo@acme.example", from("198.51.100.9"))
		k := w.begin("ann@acme.example", home)
		k.code(w.mail.one(mail.VerifyLogin).Code)
		k.finish()
		for name, device := range map[string]string{"none": "", "another person's": two.Device, "made up": "dev_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			c := home
			c.Device = device
			if k := w.begin("ann@acme.example", c); k.step.Stage != auth.StageVerify {
				t.Errorf("A-188 A-218 device cookie %s: %s, want a code asked for", name, k.step.Stage)
			}
			w.mail.one(mail.VerifyLogin)
		}
	})
}

// must ends the test on an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
