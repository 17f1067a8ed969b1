package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

const devicesPage = "/auth/account/devices"

// devices are those of a person, as they stand for somebody who is signed in nowhere.
func (p *product) devices(userID string) []auth.Device {
	p.t.Helper()
	all, err := p.Auth.ListDevices(p.t.Context(), session.Session{UserID: userID})
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// ownDevice is the device that the visitor is told to be on, and otherDevice the first of the others.
func (v *visitor) ownDevice() string   { return v.listedDevice(true) }
func (v *visitor) otherDevice() string { return v.listedDevice(false) }

func (v *visitor) listedDevice(current bool) string {
	v.p.t.Helper()
	v.get(devicesPage).status(200)
	if v.json {
		for _, d := range v.state["devices"].([]any) {
			if one := d.(map[string]any); one["current"] == current {
				return one["id"].(string)
			}
		}
	} else {
		for _, one := range strings.Split(v.shown.Body, `<article class="panel" id="device-`)[1:] {
			if strings.Contains(one, english(v.p.t).Get("devices.current")) == current {
				return one[:strings.IndexByte(one, '"')]
			}
		}
	}
	v.p.t.Fatalf("there is no such device:\n%s", v.shown.Body)
	return ""
}

// onDevice fills in the form of one device in the list.
func (v *visitor) onDevice(action, id string) *visitor {
	v.p.t.Helper()
	if v.json {
		return v.post("/auth/account/devices/"+action, "id", id)
	}
	for _, f := range v.shown.Forms() {
		if strings.HasSuffix(f.Action, "/devices/"+action) && f.Fields["id"] == id {
			return v.take(v.Submit(f, nil))
		}
	}
	v.p.t.Fatalf("the page has no form for %s of %s:\n%s", action, id, v.shown.Body)
	return nil
}

// leave signs out, and so keeps the device.
func (v *visitor) leave() *visitor {
	v.p.t.Helper()
	return v.post("/auth/signout")
}

// always mails a code at every sign-in, unless the device is trusted.
func always(p *auth.Preset) { p.Policy.Verification = auth.VerifyAlways }

func TestAccountDevices(t *testing.T) {
	t.Run("R64 U45 a list with marks, times and addresses", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			b := v.again()
			b.UserAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
			b.Address = "203.0.113.9:4000"
			b.enter(annMail)
			v.p.Clock.Advance(3 * time.Hour)
			v.enter(annMail)
			v.ownDevice()
			if v.json {
				all := v.state["devices"].([]any)
				first, second := all[0].(map[string]any), all[1].(map[string]any)
				if len(all) != 2 || first["current"] != true || second["ip"] != "203.0.113.9" || len(second["sessions"].([]any)) != 1 {
					t.Errorf("devices %v", all)
				}
				return
			}
			for _, want := range []string{"Chrome, Windows", "203.0.113.9", "Firefox, Linux", "3 hours ago", "UTC</time>", "Signed in now", "90 days"} {
				if !strings.Contains(v.shown.Body, want) {
					t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
				}
			}
			if got := strings.Count(v.shown.Body, "devices/report?id="); got != 1 {
				t.Errorf("%d devices can be reported, want 1: the current one cannot (R62)", got)
			}
		})
	})
	t.Run("R64 A-219 trust spares the mailed code, and it is asked for again once trust is taken back", func(t *testing.T) {
		both(t, mailing(always), func(t *testing.T, v *visitor) {
			id := v.enter(annMail).ownDevice()
			v.onDevice("trust", id).status(200).says("devices.done.trusted", "devices.trusted.since", "devices.untrust.hint")
			v.leave().open().identify(annMail).password(secret).is("in")
			id = v.ownDevice()
			v.onDevice("untrust", id).status(200).says("devices.done.untrusted")
			v.leave().open().identify(annMail).password(secret)
			if v.at() != "mailcode" {
				t.Errorf("no code is asked for:\n%s", v.shown.Body)
			}
			v.p.Mail.Code(annMail)
		})
	})
	t.Run("R66 trust asks for a recent proof, and is not given by proving", func(t *testing.T) {
		both(t, mailing(always), func(t *testing.T, v *visitor) {
			id := v.enter(annMail).ownDevice()
			v.stale().onDevice("trust", id).sentToProve(devicesPage + "#device-" + id)
			v.proves("password", secret, devicesPage)
			if v.p.devices("ann")[0].Trusted {
				t.Error("the device is trusted by the proof alone")
			}
			v.get(devicesPage).onDevice("trust", id).status(200)
			if !v.p.devices("ann")[0].Trusted {
				t.Error("the device is not trusted")
			}
		})
	})
	t.Run("A-218 one person's trust says nothing about another's", func(t *testing.T) {
		both(t, mailing(always), func(t *testing.T, v *visitor) {
			v.onDevice("trust", v.enter(annMail).ownDevice()).status(200)
			v.leave().open().identify("solo@acme.example").password(secret)
			if v.at() != "mailcode" {
				t.Errorf("no code is asked for:\n%s", v.shown.Body)
			}
			v.p.Mail.Code("solo@acme.example")
		})
	})
	t.Run("A-216 A-219 a copied device cookie is listed, shows by the other asking again, and can be revoked", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enrolled()
			v.leave().open().identify(annMail).password(secret)
			v.do("signin/totp", "code", v.p.Phone.Next(), "trust", "1").is("in")
			thief := v.again()
			thief.SetCookie("__Host-device", v.Cookie("__Host-device"))
			thief.open().identify(annMail).password(secret).is("in")
			id := v.ownDevice() // the thief's: it is one record
			v.says("devices.spared")
			if got := len(v.p.devices("ann")[0].Sessions); got != 2 {
				t.Errorf("%d sessions stand at the device, want 2", got)
			}
			w := v.again()
			w.SetCookie("__Host-device", v.Cookie("__Host-device"))
			if w.open().identify(annMail).password(secret); w.at() != "appcode" {
				t.Error("the older token of the device still spares the code")
			}
			v.onDevice("untrust", id).status(200)
			thief.leave().open().identify(annMail).password(secret)
			if thief.at() != "appcode" {
				t.Errorf("the revoked device is asked for no code:\n%s", thief.shown.Body)
			}
		})
	})
	t.Run("A-145 A-246 other people's devices and absent ones are not found, and nothing typed is recorded", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn(annMail)
			solo := v.again().signIn("solo@acme.example")
			v.p.Events()
			for _, id := range []string{v.p.devices("ann")[0].ID, "absent", ""} {
				for _, action := range []string{"trust", "untrust", "report"} {
					solo.post(devicesPage+"/"+action, "id", id).status(404)
					solo.says("devices.gone")
				}
				solo.get(devicesPage + "/report?id=" + id).status(404)
			}
			if events := v.p.Events(); len(events) != 0 {
				t.Errorf("events %v, want none", events)
			}
			if d := v.p.devices("ann"); len(d) != 1 || d[0].Trusted || len(d[0].Sessions) != 1 {
				t.Errorf("ann's devices %v, want hers as it was", d)
			}
		})
	})
}

func TestAccountReport(t *testing.T) {
	report := func(v *visitor, id string) *visitor {
		v.p.t.Helper()
		v.get(devicesPage + "/report?id=" + id).status(200)
		if v.json {
			return v.post(devicesPage+"/report", "id", id)
		}
		return v.do("account/devices/report")
	}
	t.Run("R62 a report ends the device, the other sessions and the password", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			strange, third := v.again(), v.again()
			strange.Address = "203.0.113.9:4000"
			id := strange.enter(annMail).ownDevice()
			third.enter(annMail)
			v.enter(annMail)
			v.get(devicesPage + "/report?id=" + id).status(200)
			if v.json {
				if v.state["locks"] != true || v.state["device"].(map[string]any)["ip"] != "203.0.113.9" {
					t.Errorf("answer %v", v.state)
				}
			} else {
				v.is("account_report").says("devices.report.lock", "devices.report.mail", "devices.last")
				if !strings.Contains(v.shown.Body, "203.0.113.9") || !strings.Contains(v.shown.Body, "Firefox, Linux") {
					t.Errorf("the page does not say which device:\n%s", v.shown.Body)
				}
			}
			if got := len(v.p.devices("ann")); got != 3 {
				t.Fatalf("looking at the page leaves %d devices, want 3", got)
			}
			report(v, id).status(200).says("devices.reported.mail.text", "devices.reported.locked.text")
			if v.json && v.state["locked"] != true {
				t.Errorf("answer %v, want locked", v.state)
			}
			v.letter(annMail, mail.DeviceReported, mail.Reset)
			if got := v.p.sessions("ann"); got != 1 {
				t.Errorf("ann has %d sessions, want the one that reported", got)
			}
			if slices.ContainsFunc(v.p.devices("ann"), func(d auth.Device) bool { return d.ID == id }) {
				t.Error("the device is still remembered")
			}
			v.get("/auth/account").status(200)
			strange.open().identify(annMail).password(secret).told(auth.ReasonAccountLocked)
			v.post(devicesPage+"/report", "id", id).status(404)
		})
	})
	t.Run("R62 with KeepOnReport nothing else ends", func(t *testing.T) {
		both(t, mailing(func(p *auth.Preset) { p.KeepOnReport = true }), func(t *testing.T, v *visitor) {
			strange, third := v.again().enter(annMail), v.again().enter(annMail)
			id := strange.ownDevice()
			v.enter(annMail)
			report(v, id).status(200).says("devices.reported.text")
			if body := v.shown.Body; strings.Contains(body, "new password") || v.json && v.state["locked"] != nil {
				t.Errorf("a new password is asked for:\n%s", body)
			}
			v.letter(annMail, mail.DeviceReported)
			strange.open().is("identify")
			third.get("/auth/account").status(200)
			third.leave().open().identify(annMail).password(secret).is("in")
		})
	})
	t.Run("R62 the device in use cannot be reported", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			id := v.enter(annMail).ownDevice()
			if !v.json && strings.Contains(v.shown.Body, "devices/report") {
				t.Error("the page offers it")
			}
			v.get(devicesPage + "/report?id=" + id).status(422).told(auth.ReasonDeviceCurrent)
			v.post(devicesPage+"/report", "id", id).status(422).told(auth.ReasonDeviceCurrent)
			v.get("/auth/account").status(http.StatusOK)
		})
	})
}
