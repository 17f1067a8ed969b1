package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

func TestEnroll(t *testing.T) {
	t.Run("R55 R56 R59 the six dialogs, and then the app's next code", func(t *testing.T) {
		bothMailed(t, unverified(required), func(t *testing.T, v *visitor) {
			v.open("return_to", "/reports").identify(ann).password(secret).is("enrollstart").progress(t, 1)
			v.do("signin/enroll/begin").is("enrollmail").progress(t, 2)
			if !strings.Contains(v.shown.Body, ann) {
				t.Errorf("the address does not stand there in full (U18):\n%s", v.shown.Body)
			}
			code := v.p.Mail.Code(ann)
			v.do("signin/enroll/email", "code", other(code)).status(422).is("enrollmail").told(auth.ReasonCodeWrong)
			v.do("signin/enroll/email", "code", code).is("enrollapp").progress(t, 3)
			v.do("signin/enroll/app").is("enrollscan").progress(t, 4)
			v.p.Phone.Scan(v.scan())
			if !v.json {
				v.follow("dialog=5").is("enrollcode").progress(t, 5)
			}
			wrong := other(v.p.Phone.Code())
			v.do("signin/enroll/confirm", "code", wrong).status(422).told(auth.ReasonTOTPWrong)
			if !v.json {
				v.is("enrollcode")
			}
			used := v.p.Phone.Code()
			v.do("signin/enroll/confirm", "code", used).status(200)
			if got := v.codes(); len(got) != 10 {
				t.Errorf("recovery codes %v, want ten", got)
			}
			if v.p.sessions("ann") != 0 {
				t.Error("there is a session before the next code")
			}
			v.next().is("enrollnext").progress(t, 6)
			v.totp(used).status(422).is("enrollnext").told(auth.ReasonTOTPReused)
			if got := v.totp(v.p.Phone.Next()).landed(); got != "/reports" {
				t.Errorf("landed at %q", got)
			}
			v.again().identify(ann).password(secret).is("appcode")
		})
	})
	t.Run("R55 the set-up code signs in where the product says so, past the recovery codes", func(t *testing.T) {
		bothMailed(t, unverified(func(p *auth.Preset) { required(p); p.AfterSetup = auth.AfterSetupGoOn }), func(t *testing.T, v *visitor) {
			v.open("return_to", "/reports").identify(ann).password(secret).dialogs(ann, v.p.Phone)
			if !v.json && !strings.Contains(v.shown.Body, "Step 4 of 5") {
				t.Errorf("there is no sixth step here:\n%s", v.shown.Body)
			}
			if got := v.confirm(v.p.Phone); len(got) != 10 {
				t.Errorf("recovery codes %v, want ten", got)
			}
			if got := v.next().landed(); got != "/reports" {
				t.Errorf("landed at %q", got)
			}
		})
	})
	t.Run("A-207 R59 key and codes are shown once, and kept by nobody", func(t *testing.T) {
		bothMailed(t, unverified(required), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).dialogs(ann, v.p.Phone)
			address := v.scan()
			u, err := url.Parse(address)
			if err != nil || u.Query().Get("secret") == "" {
				t.Fatalf("no key in %q: %v", address, err)
			}
			key := u.Query().Get("secret")
			if got := v.shown.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("the key comes with Cache-Control %q", got)
			}
			if v.json && !strings.HasPrefix(v.state["enroll"].(map[string]any)["qr"].(string), "data:image/png;base64,") {
				t.Errorf("no picture in %s", v.shown.Body)
			}
			if !v.json && !regexp.MustCompile(`<img src="data:image/png;base64,[^"]{100,}" alt="[^"]+"`).MatchString(v.shown.Body) {
				t.Errorf("no picture with a text in its place:\n%s", v.shown.Body)
			}
			codes := v.confirm(v.p.Phone)
			if got := v.shown.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("the codes come with Cache-Control %q", got)
			}
			if strings.Contains(v.shown.Body, "hreflang") {
				t.Error("a change of language would lose the codes")
			}
			if v.shown.URL.RawQuery != "" {
				t.Errorf("the codes are at %s, which can be opened again", v.shown.URL)
			}
			seen := ""
			for _, path := range []string{"/auth/signin", "/auth/signin?dialog=5", "/auth/signin?dialog=4", "/auth/signin?way=recovery"} {
				seen += v.get(path).shown.Body
			}
			v.take(v.JSON("POST", "/auth/signin/enroll/app", `{}`))
			seen += v.shown.Body
			v.take(v.JSON("POST", "/auth/signin/enroll/confirm", `{"code":"123456"}`))
			seen += v.shown.Body
			for _, e := range v.p.Events() {
				seen += strings.Join(e.Trace, " ")
			}
			for _, private := range append(codes, key, key[:8], inFours(key)) {
				if strings.Contains(seen, private) {
					t.Errorf("%q can be seen again", private)
				}
			}
		})
	})
	t.Run("A-205 the key is the server's: a posted one counts for nothing, nor does an older one", func(t *testing.T) {
		bothMailed(t, unverified(required), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).dialogs(ann, v.p.Phone)
			own := authtest.NewPhone(t, v.p.Clock)
			own.Scan("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
			v.follow("dialog=5")
			v.do("signin/enroll/confirm", "code", own.Code(), "secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "sealed", "x", "uri", "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP").
				status(422).told(auth.ReasonTOTPWrong)
			v.do("signin/cancel").is("identify")
			older := *v.p.Phone
			v.identify(ann).password(secret).dialogs(ann, v.p.Phone)
			v.follow("dialog=5").do("signin/enroll/confirm", "code", older.Code()).status(422).told(auth.ReasonTOTPWrong)
			if got := v.confirmHere(v.p.Phone); len(got) != 10 {
				t.Errorf("recovery codes %v, want ten", got)
			}
		})
	})
	t.Run("R55 the mailbox comes first, whatever address is posted to", func(t *testing.T) {
		bothMailed(t, unverified(required), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).do("signin/enroll/begin").is("enrollmail")
			v.p.Mail.Code(ann)
			for _, path := range []string{"app", "confirm", "newdevice", "begin"} {
				v.take(v.JSON("POST", "/auth/signin/enroll/"+path, `{"code":"123456"}`))
			}
			v.open().is("enrollmail")
			if strings.Contains(v.get("/auth/signin?dialog=5").shown.Body, "otpauth") {
				t.Error("a key before the mailbox was proven")
			}
		})
	})
	t.Run("R55 five wrong set-up codes end the flow", func(t *testing.T) {
		bothMailed(t, unverified(required), func(t *testing.T, v *visitor) {
			v.identify(ann).password(secret).dialogs(ann, v.p.Phone).follow("dialog=5")
			for range 5 {
				v.do("signin/enroll/confirm", "code", other(v.p.Phone.Code())).status(422)
			}
			v.do("signin/enroll/confirm", "code", v.p.Phone.Code()).status(http.StatusTooManyRequests)
			v.do("signin/restart").is("identify")
		})
	})
	t.Run("R55 nothing can be mailed: nobody can set it up", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			if err := v.p.People.SetAccountPolicy(t.Context(), "acme", auth.Policy{TwoStep: auth.TwoStepRequired}); err != nil {
				t.Fatal(err)
			}
			v.identify(ann).password(secret).is("stop").told(auth.ReasonMailMissing)
		})
	})
	t.Run("R63 another phone after a recovery code; the old one works until the end", func(t *testing.T) {
		bothMailed(t, unverified(nil), func(t *testing.T, v *visitor) {
			old, codes := v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode").do("signin/enroll/newdevice").is("recovery")
			v.recovery(codes[0]).is("enrollstart")
			if want := english(t).Get("enrollstart.replace.lead"); !v.json && !strings.Contains(v.shown.Body, want) {
				t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
			}
			v.dialogs(ann, v.p.Phone)
			v.again().identify(ann).password(secret).totp(old.Code()).is("in")
			fresh := v.confirm(v.p.Phone)
			if len(fresh) != 10 || slices.Contains(fresh, codes[1]) {
				t.Errorf("recovery codes %v after %v, want ten new ones", fresh, codes)
			}
			v.next().is("enrollnext").totp(v.p.Phone.Next()).is("in")
			w := v.again()
			w.identify(ann).password(secret).totp(old.Next()).status(422).told(auth.ReasonTOTPWrong)
			w.recovery(codes[1]).status(422).told(auth.ReasonRecoveryWrong)
		})
	})
	t.Run("R63 self_reset_off: only an administrator helps", func(t *testing.T) {
		bothMailed(t, unverified(func(p *auth.Preset) { p.SelfReset = auth.SelfResetOff }), func(t *testing.T, v *visitor) {
			v.p.withApp(t, ann)
			v.identify(ann).password(secret).is("appcode")
			if !v.json && strings.Contains(v.shown.Body, "newdevice") || v.state["new_device"] == true {
				t.Errorf("it is offered:\n%s", v.shown.Body)
			}
			v.take(v.JSON("POST", "/auth/signin/enroll/newdevice", `{}`)).status(422)
			if !strings.Contains(v.shown.Body, `"self_reset_off"`) {
				t.Errorf("answer %s, want self_reset_off", v.shown.Body)
			}
		})
	})
	t.Run("R63 with a delay the page says how long", func(t *testing.T) {
		bothMailed(t, unverified(func(p *auth.Preset) { p.SelfReset = auth.SelfResetEmailWait }), func(t *testing.T, v *visitor) {
			v.p.withApp(t, ann)
			v.identify(ann).password(secret).do("signin/enroll/newdevice").status(422).is("appcode")
			if want := english(t).Count("reason.self_reset_wait.hours", 24); !strings.Contains(v.shown.Body, want) {
				t.Errorf("the answer does not say %q:\n%s", want, v.shown.Body)
			}
			if v.json && v.state["reason"] != string(auth.ReasonSelfResetWait) {
				t.Errorf("reason %v", v.state["reason"])
			}
			v.p.Clock.Advance(24 * time.Hour)
			v.open("switch", "other").identify(ann).password(secret).do("signin/enroll/newdevice").is("enrollstart")
		})
	})
}

// progress checks which dialog the page is.
func (v *visitor) progress(t *testing.T, dialog int) *visitor {
	t.Helper()
	if v.json {
		if got := v.state["enroll"].(map[string]any)["step"]; got != float64(dialog) {
			t.Errorf("step %v, want %d", got, dialog)
		}
		return v
	}
	want := english(t).Get("progress.step", "n", string(rune('0'+dialog)), "all", "6")
	if !strings.Contains(v.shown.Body, want) {
		t.Errorf("the page does not say %q:\n%s", want, v.shown.Body)
	}
	return v
}

// confirmHere is confirm at the fifth dialog.
func (v *visitor) confirmHere(phone *authtest.Phone) []string {
	v.p.t.Helper()
	return v.do("signin/enroll/confirm", "code", phone.Code()).status(200).codes()
}

// inFours parts a key as the page shows it.
func inFours(key string) string {
	var parts []string
	for part := range slices.Chunk([]byte(key), 4) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, " ")
}
