package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// twoStep is how ann stands.
func (v *visitor) twoStep() auth.TwoStepState {
	v.p.t.Helper()
	s, err := v.p.Auth.TwoStep(v.p.t.Context(), "ann")
	if err != nil {
		v.p.t.Fatal(err)
	}
	return s
}

// enterWithApp signs ann in with a new code of the app.
func (v *visitor) enterWithApp() *visitor {
	v.p.t.Helper()
	v.open().identify(annMail).password(secret).is("appcode")
	v.do("signin/totp", "code", v.p.Phone.Next()).is("in")
	v.letter(annMail, mail.NewDevice)
	return v
}

func TestAccountTwoStep(t *testing.T) {
	const page = "/auth/account/two-step"
	t.Run("R57 turned on in the settings, and off with a recent code", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			other := v.again().enter(annMail)
			v.enter(annMail).get(page).says("twostep.off")
			v.do("account/two-step/on")
			v.setUp()
			v.letter(annMail, mail.TwoStepOn)
			if s := v.twoStep(); !s.On() || s.CodesLeft != 10 || v.p.sessions("ann") != 1 {
				t.Errorf("state %+v and %d sessions, want it on, 10 codes and 1 session", s, v.p.sessions("ann"))
			}
			other.get(page)
			if other.shown.Status == http.StatusOK && other.shown.URL.Path == page {
				t.Error("another session outlives the change")
			}
			v.get(page).status(200).says("twostep.on", "twostep.since")
			v.do("account/two-step/off").status(200)
			v.letter(annMail, mail.TwoStepOff)
			if v.twoStep().On() {
				t.Error("it is on after turning it off with a recent code")
			}
			v.says("twostep.done.off", "twostep.on.button")
			v.post(page + "/off").status(422).told(auth.ReasonNotEnrolled)
			v.post(page + "/codes").status(422).told(auth.ReasonNotEnrolled)
			v.post(page + "/newdevice").status(422).told(auth.ReasonNotEnrolled)
		})
	})
	t.Run("R57 R66 A-211 turning it off asks for the app, and for nothing less", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			v.stale().get(page).do("account/two-step/off").sentToProve(page + "#off")
			v.post("/auth/stepup", "password", secret, "return_to", page)
			v.post(page + "/off").sentToProve(page + "#off")
			if !v.twoStep().On() {
				t.Fatal("it is off without a proof")
			}
			v.proves("code", v.p.Phone.Next(), page)
			if !v.twoStep().On() {
				t.Fatal("the step-up itself has turned it off: what was posted before must be asked for again (R66)")
			}
			v.get(page).do("account/two-step/off").status(200)
			v.letter(annMail, mail.TwoStepOff)
			if v.twoStep().On() {
				t.Error("it is on after turning it off with a proof")
			}
		})
	})
	t.Run("R57 a recovery code turns it off as well", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			codes := v.enrolled()
			v.stale().post(page + "/off").sentToProve(page + "#off")
			v.post("/auth/stepup", "code", codes[0], "way", "recovery", "return_to", page)
			v.post(page + "/off").status(200)
			v.letter(annMail, mail.RecoveryUsed, mail.TwoStepOff)
			if v.twoStep().On() {
				t.Error("it is on after a recovery code")
			}
		})
	})
	t.Run("R57 A-211 refused where it is required", func(t *testing.T) {
		required := func(p *auth.Preset) { p.Policy.TwoStep, p.AfterSetup = auth.TwoStepRequired, auth.AfterSetupGoOn }
		both(t, mailing(required), func(t *testing.T, v *visitor) {
			v.open().identify(annMail).password(secret)
			v.setUp()
			if v.p.Phone.Next(); v.p.sessions("ann") != 1 {
				t.Fatalf("ann has %d sessions, want 1", v.p.sessions("ann"))
			}
			v.letter(annMail, mail.TwoStepOn)
			v.get(page).status(200).says("twostep.off.required.text")
			if v.json {
				if links := v.state["links"].(map[string]any); links["off"] != nil || links["newdevice"] == nil {
					t.Errorf("links %v, want none to turn it off", links)
				}
			} else if strings.Contains(v.shown.Body, "two-step/off") {
				t.Error("the page has a form to turn it off")
			}
			v.post(page + "/off").status(422).told(auth.ReasonMFARequired)
			if !v.twoStep().On() {
				t.Error("it is off, although required")
			}
		})
	})
	t.Run("R63 another phone: the old one counts until the new one is set up", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			old := *v.p.Phone
			v.get(page).do("account/two-step/newdevice")
			v.setUp()
			v.letter(annMail, mail.TwoStepReplaced)
			w := v.again().open().identify(annMail).password(secret)
			w.do("signin/totp", "code", old.Next()).status(422).told(auth.ReasonTOTPWrong)
			w.do("signin/totp", "code", v.p.Phone.Next()).is("in")
			v.letter(annMail, mail.NewDevice)
		})
	})
	t.Run("R57 whoever has it on sees so, and begins nothing", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			v.p.Events()
			v.post(page + "/on").status(200).says("twostep.on")
			if events := v.p.Events(); len(events) != 0 {
				t.Errorf("events %v, want none", events)
			}
		})
	})
	t.Run("R59 A-214 new recovery codes ask for a proof, and the old ones die", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			old := v.enrolled()
			v.stale().get(page).do("account/two-step/codes").sentToProve(page + "#codes")
			if got := v.twoStep().CodesLeft; got != 10 {
				t.Fatalf("%d codes are left, want the old 10", got)
			}
			v.proves("code", v.p.Phone.Next(), page)
			v.get(page).do("account/two-step/codes").status(200)
			codes := v.codes()
			v.letter(annMail, mail.RecoveryNew)
			if !v.json {
				v.get("/auth/account/two-step")
				if strings.Contains(v.shown.Body, codes[0]) {
					t.Error("the codes are shown twice")
				}
			}
			w := v.again().open().identify(annMail).password(secret)
			w.recovery(old[0]).status(422).told(auth.ReasonRecoveryWrong)
			w.recovery(codes[0]).is("in")
			v.letter(annMail, mail.NewDevice, mail.RecoveryUsed)
			v.get("/auth/account/two-step").status(200)
			if got := v.twoStep().CodesLeft; got != 9 {
				t.Errorf("%d codes are left, want 9", got)
			}
		})
	})
}

// A program that leaves the flow's id out is understood as long as only one flow can be meant.
func TestTwoStepWithoutFlowIDs(t *testing.T) {
	w := authtest.New(t, authtest.Config{Mail: true})
	u := w.AddUser(auth.User{Email: "ann@acme.example"}, secret)
	b := w.Browser()
	ask := func(path, body, want string) *authtest.Page {
		t.Helper()
		p := b.JSON("POST", "/auth/"+path, body)
		if !strings.Contains(p.Body, want) {
			t.Fatalf("POST %s = %d %s, want %s in it", path, p.Status, p.Body, want)
		}
		return p
	}
	ask("signin/identify", `{"email":"`+u.Email+`"}`, `"stage":"authenticate"`)
	ask("signin/password", `{"password":"`+secret+`"}`, `"stage":"verify"`)
	ask("signin/code", `{"code":"`+w.Mail.Code(u.Email)+`"}`, `"stage":"ready"`)
	w.Mail.Take(u.Email)
	ask("account/two-step/on", `{}`, `"step":1`)
	ask("signin/enroll/begin", `{}`, `"step":2`)
	if p := ask("signin/enroll/app", `{}`, `"reason":"flow_changed"`); p.Status != 409 {
		t.Errorf("a step out of order answers %d, want 409: nobody must take it for accepted", p.Status)
	}
	ask("signin/enroll/email", `{"code":"`+w.Mail.Code(u.Email)+`"}`, `"step":3`)
	shown := ask("signin/enroll/app", `{}`, `"step":4`)
	_, rest, _ := strings.Cut(shown.Body, `"secret":"`)
	key, _, _ := strings.Cut(rest, `"`)
	w.Phone.Scan(strings.ReplaceAll(key, " ", ""))
	ask("signin/enroll/confirm", `{"code":"`+w.Phone.Code()+`"}`, `"recovery_codes"`)
	w.Clock.Advance(11 * time.Second)
	w.Mail.TakeOne(u.Email, mail.TwoStepOn)
}
