package web_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
)

const aDay = 24 * time.Hour

// keepIn signs in with the box ticked.
func (v *visitor) keepIn(email string) *visitor {
	v.p.t.Helper()
	return v.open().step("signin/identify", map[string]string{"email": email, "remember": "1"}).password(secret).is("in")
}

func TestKeep(t *testing.T) {
	t.Run("R16 the box is there, and not ticked", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		f := v.open().shown.Form("/identify")
		if _, ticked := f.Fields["remember"]; ticked || !slices.Contains(f.Boxes, "remember") {
			t.Errorf("boxes %v, fields %v; want the box remember, not ticked", f.Boxes, f.Fields)
		}
	})
	t.Run("R16 where it is forbidden there is none, and one that is posted counts for nothing", func(t *testing.T) {
		forbidden := auth.Recommended()
		forbidden.Policy.Keep = auth.KeepForbid
		both(t, preset(forbidden), func(t *testing.T, v *visitor) {
			if !v.json {
				if boxes := v.open().shown.Form("/identify").Boxes; len(boxes) != 0 {
					t.Errorf("boxes %v, want none", boxes)
				}
			}
			v.keepIn("ann@acme.example").Restart()
			v.open().is("identify")
		})
	})
	t.Run("R17 ticked: closing the browser signs nobody out, 30 days of rest do", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.keepIn("ann@acme.example")
			v.Restart()
			v.open().is("in")
			for range 3 {
				v.p.Clock.Advance(29 * aDay)
				v.open().is("in")
			}
			v.p.Clock.Advance(30*aDay + time.Second)
			v.open().is("identify")
		})
	})
	t.Run("R16 R110 programs tick it with true", func(t *testing.T) {
		for ticked, want := range map[string]string{"true": "in", "false": "identify", `"0"`: "identify", `"on"`: "in"} {
			v := newProduct(t, authtest.Config{}).visitor(true)
			v.send("/auth/signin/identify", "application/json", `{"email":"ann@acme.example","remember":`+ticked+`}`).password(secret).Restart()
			if got := v.open().at(); got != want {
				t.Errorf("remember %s: after closing the browser the visitor is at %q, want %q", ticked, got, want)
			}
		}
	})
	t.Run("R18 not ticked: closing the browser signs out, and so do 12 hours of rest", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			v.p.Clock.Advance(11 * time.Hour)
			v.open().is("in")
			v.p.Clock.Advance(12*time.Hour + time.Second)
			v.open().is("identify")
			v.signIn("ann@acme.example")
			v.Restart()
			v.open().is("identify")
		})
	})
	t.Run("R19 what has ended is said, and where it goes on is remembered", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.signIn("ann@acme.example")
		v.p.Clock.Advance(13 * time.Hour)
		v.get("/reports").is("identify").told(auth.ReasonSessionExpired)
		v.identify("ann@acme.example").password(secret)
		if got := v.landed(); got != "/reports" {
			t.Errorf("landed at %q, want the page that was asked for", got)
		}
	})
	t.Run("R19 only known reasons are said", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		for _, reason := range []string{"broken", "user_suspended", "<b>", "reason"} {
			if body := v.open("reason", reason).shown.Body; strings.Contains(body, `class="notice"`) || strings.Contains(body, "<b>") {
				t.Errorf("reason=%s is said on the page", reason)
			}
		}
	})
	t.Run("R19 U41 the address is filled in for whoever asked to be kept, and for nobody else", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		address := func() string { return v.open().shown.Form("/identify").Fields["email"] }
		v.keepIn("ann@acme.example")
		v.take(v.Post("/auth/signout", nil))
		v.Restart()
		if got := address(); got != "ann@acme.example" {
			t.Errorf("the first page holds %q, want the address of whoever was kept", got)
		}
		sealed := v.Cookie("__Host-signin-email")
		outer, err := base64.URLEncoding.DecodeString(sealed)
		parts := bytes.Split(outer, []byte("|")) // the time, the value, the MAC
		if err != nil || len(parts) < 3 {
			t.Fatalf("the cookie is %q, want the form of package securecookie", sealed)
		}
		if value, _ := base64.URLEncoding.DecodeString(string(parts[1])); len(value) == 0 || bytes.Contains(value, []byte("acme.example")) {
			t.Errorf("the cookie can be read: %q", value)
		}
		v.signIn("solo@acme.example")
		v.take(v.Post("/auth/signout", nil))
		if got := address(); got != "" {
			t.Errorf("the first page holds %q after a sign-in without the box, want nothing", got)
		}
		v.SetCookie("__Host-signin-email", "bm9uc2Vuc2U=")
		if got := address(); got != "" {
			t.Errorf("the first page holds %q from a cookie that is not ours", got)
		}
	})
}

func TestSignOut(t *testing.T) {
	t.Run("R67 A-225 the session ends, wherever its cookie was copied to", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.keepIn("ann@acme.example")
			copied := v.Cookie("__Host-session")
			if v.json {
				v.take(v.JSON(http.MethodPost, "/auth/signout", "")).status(200)
				if v.state["signed_in"] != false {
					t.Errorf("signed_in %v, want false", v.state["signed_in"])
				}
			} else {
				v.get("/auth/signout").is("signedout")
				v.take(v.Submit(v.shown.Form("/signout"), nil)).is("signedout").status(200)
				if len(v.shown.Forms()) != 0 {
					t.Error("the page still has a button to sign out")
				}
			}
			if got := v.Cookie("__Host-session"); got != "" {
				t.Errorf("the browser still has the cookie %q", got)
			}
			if got := v.p.sessions("ann"); got != 0 {
				t.Errorf("ann has %d sessions, want none", got)
			}
			v.SetCookie("__Host-session", copied)
			v.open().is("identify")
		})
	})
	t.Run("R67 a sign-in under way ends as well", func(t *testing.T) {
		v := newProduct(t, authtest.Config{}).visitor(false)
		v.identify("two@acme.example").password(secret).is("account")
		flow := v.Cookie("__Host-flow")
		v.Post("/auth/signout", nil)
		v.SetCookie("__Host-flow", flow)
		v.open().is("identify")
	})
	t.Run("R67 A-168 a mailed link that was opened does not wait for whoever sits down next", func(t *testing.T) {
		v := newProduct(t, unverified(nil)).anyLetters().visitor(false)
		v.signIn(ann)
		if _, err := v.p.Auth.Forgot(t.Context(), ann, "", auth.Client{}); err != nil {
			t.Fatal(err)
		}
		for mailed, page := range map[string]string{v.p.resetLink(ann): "reset", v.p.invite(nora): "join"} {
			v.follows(mailed, page)
		}
		v.Post("/auth/signout", nil)
		for _, name := range []string{"reset-link", "join-link"} {
			if v.Cookie("__Host-"+name) != "" {
				t.Errorf("the cookie %s is still there", name)
			}
		}
		if v.get("/auth/join"); strings.Contains(v.shown.Body, nora) {
			t.Error("the next person is shown the invitation")
		}
	})
	t.Run("A-233 no link and no other site signs anybody out", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.signIn("ann@acme.example")
			v.get("/auth/signout")
			v.PostFrom("https://evil.example", "/auth/signout", nil)
			v.open().is("in")
		})
	})
}
