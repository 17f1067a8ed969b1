package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/session"
)

// known signs somebody in on a new device, mailed code and all.
func (w *world) known(email string, c auth.Client) (auth.Client, session.Session) {
	w.t.Helper()
	k := w.begin(email, c)
	if k.step.Stage == auth.StageVerify {
		k.code(w.mail.one(mail.VerifyLogin).Code)
	}
	done := k.finish()
	return with(c, done), done.Session
}

func TestDevices(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		phone, there := w.known("ann@acme.example", office)
		w.move(time.Hour)
		desk, here := w.known("ann@acme.example", home)
		w.known("solo@acme.example", desk) // another person on the same browser

		list, err := w.m.ListDevices(ctx, here)
		if err != nil || len(list) != 2 || !list[0].Current || list[0].ID != here.DeviceID || list[1].Current || len(list[1].Sessions) != 1 {
			t.Fatalf("R65 ListDevices = %+v, %v, want this device first and the other with its session", list, err)
		}
		w.move(20 * time.Minute)
		if why, err := w.m.TrustDevice(ctx, here, here.DeviceID, desk); why != auth.ReasonProofRequired || err != nil {
			t.Errorf("R64 TrustDevice = %s, %v, want a recent proof asked for", why, err)
		}
		here.AuthTime = w.clock() // as after a step-up
		if why, err := w.m.TrustDevice(ctx, here, here.DeviceID, desk); why != "" || err != nil {
			t.Errorf("R64 TrustDevice = %s, %v", why, err)
		}
		if list, _ = w.m.ListDevices(ctx, here); !list[0].Trusted || !list[0].TrustedAt.Equal(w.clock()) {
			t.Errorf("R64 after trusting: %+v", list[0])
		}
		w.must(w.m.StopTrusting(ctx, here, here.DeviceID, desk))
		if list, _ = w.m.ListDevices(ctx, here); list[0].Trusted {
			t.Error("R64 still trusted")
		}
		solo, _ := w.m.ListDevices(ctx, session.Session{UserID: "solo"})
		for _, id := range []string{"made up", solo[0].ID} {
			_, trust := w.m.TrustDevice(ctx, here, id, desk)
			_, report := w.m.ReportDevice(ctx, here, id, desk)
			if err := w.m.StopTrusting(ctx, here, id, desk); !errors.Is(err, session.ErrNotFound) || !errors.Is(trust, session.ErrNotFound) || !errors.Is(report, session.ErrNotFound) {
				t.Errorf("A-218 a device of nobody or somebody else: %v, %v, %v, want not found", err, trust, report)
			}
		}
		if why, err := w.m.ReportDevice(ctx, here, here.DeviceID, desk); why != auth.ReasonDeviceCurrent || err != nil {
			t.Errorf("R62 reporting the device in use = %s, %v", why, err)
		}

		third, _ := w.known("ann@acme.example", from("198.51.100.77"))
		if why, err := w.m.ReportDevice(ctx, here, there.DeviceID, desk); why != "" || err != nil {
			t.Fatalf("R62 ReportDevice = %s, %v", why, err)
		}
		if w.live(phone.Session) || w.live(third.Session) || w.sessions("ann") != 1 {
			t.Errorf("R62 reported device alive %v, another %v, %d sessions, want this one alone", w.live(phone.Session), w.live(third.Session), w.sessions("ann"))
		}
		reset := w.mail.one(mail.Reset)
		// R14: the password, which may be known, opens nothing until it is new; and it is told only after the right one.
		w.guess("ann@acme.example", "wrong", office)
		w.begin("ann@acme.example", desk).at(auth.StageRefused, auth.ReasonAccountLocked)
		w.mail.notices(mail.DeviceReported)
		k := &walker{world: w, c: desk}
		k.took(w.m.OpenReset(ctx, linkToken(reset), "", desk)).at(auth.StageNewPassword, "")
		if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: "another long passphrase"}, desk); err != nil || !done {
			t.Fatalf("NewPassword = %v, %v", done, err)
		}
		w.mail.notices(mail.PasswordChanged)
		w.beginWith("ann@acme.example", "another long passphrase", desk).at(auth.StageVerify, "") // no device is known any more
		w.mail.one(mail.VerifyLogin)
	})
}

func TestReportKeepsTheRest(t *testing.T) {
	w := mailed(t, func(c *auth.Config) { c.Preset.KeepOnReport = true })
	_, there := w.known("ann@acme.example", office)
	third, _ := w.known("ann@acme.example", from("198.51.100.77"))
	desk, here := w.known("ann@acme.example", home)
	if why, err := w.m.ReportDevice(t.Context(), here, there.DeviceID, desk); why != "" || err != nil {
		t.Fatalf("R62 ReportDevice = %s, %v", why, err)
	}
	if !w.live(third.Session) || w.sessions("ann") != 2 {
		t.Errorf("R62 with KeepOnReport %d sessions are left, want 2", w.sessions("ann"))
	}
	w.begin("ann@acme.example", desk).finish()
	w.mail.notices(mail.DeviceReported)
}

// a device that was spared and is distrusted, or has ended, is asked again.
func TestDistrustedDevice(t *testing.T) {
	w := mailed(t)
	p, _, c := w.enroll("ann@acme.example", home)
	w.move(time.Minute)
	k := w.begin("ann@acme.example", c)
	k.took(w.m.TOTP(t.Context(), k.ref, p.code(), true, c))
	done := k.finish()
	c = with(c, done)
	k = w.begin("ann@acme.example", c).at(auth.StageReady, "")
	w.must(w.m.StopTrusting(t.Context(), done.Session, done.Session.DeviceID, c))
	if d, _, err := w.m.Finish(t.Context(), k.ref, c); err != nil || d.Token != "" {
		t.Errorf("A-219 a sign-in that was spared finishes after the device was distrusted: %+v, %v", d, err)
	}
	w.begin("ann@acme.example", c).at(auth.StageVerify, "")
}

func TestLock(t *testing.T) {
	mailedEverywhere(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		c, s := w.known("ann@acme.example", home)
		started := w.begin("ann@acme.example", c).at(auth.StageReady, "")
		w.must(w.m.Lock(ctx, "ann"))
		if w.live(c.Session) {
			t.Error("R14 a session of a locked person lives")
		}
		if done, step, err := w.m.Finish(ctx, started.ref, c); err != nil || done.Token != "" || step.Stage == auth.StageReady {
			t.Errorf("R14 a sign-in under way = %+v, %s, %v, want no session", done, step.Stage, err)
		}
		if _, err := w.m.StepUp(ctx, auth.StepUpOpening{}, c); !errors.Is(err, auth.ErrFlowGone) {
			t.Errorf("R14 a step-up = %v, want flow gone", err)
		}
		w.mail.notices(mail.Locked)
		w.guess("ann@acme.example", "wrong", from("198.51.100.3")) // R14: told only after the right password
		k := w.begin("ann@acme.example", c).at(auth.StageRefused, auth.ReasonAccountLocked)
		k.took(w.m.SendReset(ctx, k.ref, c))
		link := linkToken(w.mail.one(mail.Reset))
		if _, why, err := w.m.CheckReset(ctx, link); err != nil || why != "" {
			t.Errorf("CheckReset = %v, %v", why, err)
		}
		for _, bad := range []string{"", "x", link[:len(link)-3], link[3:], link + "AA"} {
			if _, why, err := w.m.CheckReset(ctx, bad); err != nil || why != auth.ReasonResetExpired {
				t.Errorf("CheckReset(%d bytes) = %q, %v, want reset_expired", len(bad), why, err)
			}
		}
		r := &walker{world: w, c: office} // U24: in another browser
		r.took(w.m.OpenReset(ctx, link, "", office)).at(auth.StageNewPassword, "")
		var weak *auth.PasswordError
		if _, done, err := w.m.NewPassword(ctx, r.ref, auth.PasswordChoice{Password: "short"}, office); !errors.As(err, &weak) || done {
			t.Errorf("NewPassword(short) = %v, %v, want the rules", done, err)
		}
		if step, done, err := w.m.NewPassword(ctx, r.ref, auth.PasswordChoice{Password: ""}, office); err != nil || done || step.Reason != auth.ReasonPasswordMissing {
			t.Errorf("NewPassword() = %s, %v, %v", step.Reason, done, err)
		}
		if done, step, err := w.m.Finish(ctx, r.ref, office); err != nil || done.Token != "" {
			t.Errorf("R46 the link signs in: %+v, %s, %v", done, step.Stage, err)
		}
		if _, done, err := w.m.NewPassword(ctx, r.ref, auth.PasswordChoice{Password: "another long passphrase"}, office); err != nil || !done {
			t.Fatalf("NewPassword = %v, %v", done, err)
		}
		if s, err := w.m.OpenReset(ctx, link, "", office); err != nil || s.Token != "" || s.Reason != auth.ReasonResetUsed {
			t.Errorf("A-170 the link a second time = %s, %v, want reset_used", s.Reason, err)
		}
		w.guess("ann@acme.example", secret, home)
		k = w.beginWith("ann@acme.example", "another long passphrase", c).at(auth.StageVerify, "")
		k.code(w.mail.one(mail.VerifyLogin).Code).finish()
		w.mail.notices(mail.PasswordChanged)
		_ = s
	})
}

// R45: a link counts for an hour, and until anything about the person changes.
func TestResetLinkEnds(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"an hour":      func(w *world) { w.move(time.Hour) },
		"a password":   func(w *world) { w.must(w.m.SetPassword(t.Context(), "ann", "another long passphrase")) },
		"an ending":    func(w *world) { w.must(w.m.EndUser(t.Context(), "ann")) },
		"another lock": func(w *world) { w.must(w.m.Lock(t.Context(), "ann")) },
	} {
		w := mailed(t)
		w.must(w.m.Lock(t.Context(), "ann"))
		k := w.begin("ann@acme.example", home).at(auth.StageRefused, auth.ReasonAccountLocked)
		k.took(w.m.SendReset(t.Context(), k.ref, home))
		link := linkToken(w.mail.one(mail.Reset))
		w.move(59 * time.Minute)
		if _, why, err := w.m.CheckReset(t.Context(), link); err != nil || why != "" {
			t.Errorf("R45 after 59 minutes the link counts: %v, %v", why, err)
		}
		end(w)
		if _, why, err := w.m.CheckReset(t.Context(), link); err != nil || why == "" {
			t.Errorf("R45 after %s the link counts: %v, %v, want false", name, why, err)
		}
		w.move(time.Minute)
		w.mail.take()
	}
}

// R53: a malicious sign-in is offered no code, and locks.
func TestMaliciousVerdict(t *testing.T) {
	verdict := auth.VerdictOrdinary
	w := mailed(t, func(c *auth.Config) {
		c.Risk = func(_ context.Context, _ auth.Attempt) (auth.Verdict, error) { return verdict, nil }
	})
	c, _ := w.known("ann@acme.example", home)
	verdict = auth.VerdictMalicious
	w.begin("ann@acme.example", office).at(auth.StageRefused, auth.ReasonAccountLocked)
	if w.live(c.Session) {
		t.Error("R53 the person's sessions live on")
	}
	verdict = auth.VerdictOrdinary
	w.begin("ann@acme.example", c).at(auth.StageRefused, auth.ReasonAccountLocked)
	w.mail.notices(mail.Locked)
	w.must(w.m.SetPassword(t.Context(), "ann", "another long passphrase")) // an administrator opens it
	w.beginWith("ann@acme.example", "another long passphrase", c).at(auth.StageVerify, "")
	w.mail.notices(mail.VerifyLogin, mail.PasswordChanged)
}

// a mailed reset asks for the second step.
func TestResetAsksSecondStep(t *testing.T) {
	w := mailed(t)
	p, codes, c := w.enroll("ann@acme.example", home)
	w.must(w.m.Lock(t.Context(), "ann"))
	w.mail.notices(mail.Locked)
	k := w.begin("ann@acme.example", c).at(auth.StageRefused, auth.ReasonAccountLocked)
	k.took(w.m.SendReset(t.Context(), k.ref, c))
	r := &walker{world: w, c: office}
	r.took(w.m.OpenReset(t.Context(), linkToken(w.mail.one(mail.Reset)), "", office)).at(auth.StageVerify, "")
	if r.step.NewPhone || r.step.TrustBox {
		t.Error("A-198 a reset offers another phone, or to spare the device")
	}
	if step, done, err := w.m.NewPassword(t.Context(), r.ref, auth.PasswordChoice{Password: "another long passphrase"}, office); err != nil || done || step.Stage != auth.StageVerify {
		t.Errorf("A-198 NewPassword before the second step = %s, %v, %v", step.Stage, done, err)
	}
	r.took(w.m.NewPhone(t.Context(), r.ref, office)).at(auth.StageVerify, "")
	r.recover(codes[0]).at(auth.StageNewPassword, "")
	if _, done, err := w.m.NewPassword(t.Context(), r.ref, auth.PasswordChoice{Password: "another long passphrase"}, office); err != nil || !done {
		t.Fatalf("NewPassword = %v, %v", done, err)
	}
	w.beginWith("ann@acme.example", "another long passphrase", office).totp(p.next()).finish()
	w.mail.notices(mail.RecoveryUsed, mail.PasswordChanged, mail.NewDevice)
}

// what a device's cookie is worth.
func TestDeviceCookies(t *testing.T) {
	ctx := t.Context()
	t.Run("A-216 a copied cookie skips only what it was meant to, and shows", func(t *testing.T) {
		w := mailed(t)
		mine, _ := w.known("ann@acme.example", home)
		thief := office
		thief.Device = mine.Device
		w.guess("ann@acme.example", "wrong", thief) // without the password it is worth nothing
		stolen := w.begin("ann@acme.example", thief).at(auth.StageReady, "")
		stolen.finish()
		k := w.begin("ann@acme.example", mine).at(auth.StageVerify, "") // the owner is a stranger now, and is told by the mail
		k.code(w.mail.one(mail.VerifyLogin).Code)
		done := k.finish()
		list, err := w.m.ListDevices(ctx, done.Session)
		if err != nil || len(list) != 2 {
			t.Errorf("A-216 %d devices are listed, %v, want the copy and the new one", len(list), err)
		}
	})

	t.Run("A-217 nothing but a token of ours finds a record", func(t *testing.T) {
		w := mailed(t)
		mine, _ := w.known("ann@acme.example", home)
		for _, forged := range []string{"dev_", mine.Device[:len(mine.Device)-1], mine.Device + "A", "ses_" + mine.Device[4:], mine.Session} {
			c := home
			c.Device = forged
			w.begin("ann@acme.example", c).at(auth.StageVerify, "")
			w.mail.take()
			w.move(20 * time.Minute)
		}
		w.move(time.Minute)
		w.mail.take()
	})

	t.Run("A-220 trust spares the mailed code and never the app", func(t *testing.T) {
		w := mailed(t)
		_, _, c := w.enroll("ann@acme.example", home)
		s, err := lookup(w.m, c.Session)
		w.must(err)
		if why, err := w.m.TrustDevice(ctx, s, s.DeviceID, c); why != "" || err != nil {
			t.Fatalf("R52 TrustDevice = %s, %v", why, err)
		}
		w.begin("ann@acme.example", c).at(auth.StageVerify, "")
	})

	t.Run("R64 trust lasts 90 days, or as long as the preset says", func(t *testing.T) {
		w := mailed(t, func(c *auth.Config) { c.Preset.TrustFor = time.Hour })
		c, s := w.known("ann@acme.example", home)
		if why, err := w.m.TrustDevice(ctx, s, s.DeviceID, c); why != "" || err != nil {
			t.Fatalf("TrustDevice = %s, %v", why, err)
		}
		if list, _ := w.m.ListDevices(ctx, s); !list[0].Trusted {
			t.Error("R64 not trusted")
		}
		w.move(time.Hour)
		if list, _ := w.m.ListDevices(ctx, s); list[0].Trusted {
			t.Error("R64 trusted for longer than it may be")
		}
	})
}

// in the flow for a lost phone nothing is told that was not, and nothing else can be changed.
func TestNewPhoneTellsNothing(t *testing.T) {
	w := mailed(t, func(c *auth.Config) {
		c.Preset = auth.EmailFirst()
		c.Preset.Policy.Passwords = password.Modern()
	})
	_, _, c := w.enroll("ann@acme.example", home)
	k := w.begin("ann@acme.example", c)
	if k.step.MailTo != "a…@acme.example" {
		t.Errorf("A-209 the address is shown as %q, want it masked", k.step.MailTo)
	}
	k.took(w.m.NewPhone(t.Context(), k.ref, c)).dialog(1)
	if u, err := w.m.User(t.Context(), "ann"); err != nil || u.Email != "ann@acme.example" || k.step.Flow.Email != "ann@acme.example" {
		t.Errorf("A-209 the flow is for %q of %+v", k.step.Flow.Email, u)
	}
	state, err := w.m.TwoStep(t.Context(), "ann")
	if err != nil || !state.On() {
		t.Errorf("A-209 asking for another phone changes the old one: %+v, %v", state, err)
	}
}
