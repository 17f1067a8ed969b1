package web_test

import (
	"context"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

const annMail = "ann@acme.example"

// enter signs in, with a mailed code if one is asked for.
func (v *visitor) enter(email string) *visitor {
	v.p.t.Helper()
	v.p.dropParts()
	v.open().identify(email).password(secret)
	if v.at() == "mailcode" {
		v.code(v.p.Mail.Code(email))
	}
	return v.is("in")
}

// dropParts takes from addresses what names a part of the page, which browsers keep to themselves.
func (p *product) dropParts() {
	const path = "/auth/account/"
	if _, pattern := p.mux.Handler(httptest.NewRequest(http.MethodGet, path, nil)); pattern == path {
		return
	}
	p.mux.Handle("/auth/account", p.Web)
	p.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path, _, _ = strings.Cut(r.URL.Path, "#")
		r.URL.RawQuery, _, _ = strings.Cut(r.URL.RawQuery, "#")
		p.Web.ServeHTTP(w, r)
	})
}

// setUp goes through the dialogs of two-step verification, from the first of them on, and answers the recovery codes.
func (v *visitor) setUp() []string {
	v.p.t.Helper()
	codes := v.dialogs(annMail, v.p.Phone).confirm(v.p.Phone)
	if len(codes) != 10 {
		v.p.t.Fatalf("%d recovery codes, want 10:\n%s", len(codes), v.shown.Body)
	}
	return codes
}

// enrolled is a visitor who is signed in as ann, has set an app up just now and has no other session.
func (v *visitor) enrolled() (codes []string) {
	v.p.t.Helper()
	v.enter(annMail).get("/auth/account/two-step").do("account/two-step/on")
	codes = v.setUp()
	v.letter(annMail, mail.TwoStepOn)
	return codes
}

// letter waits for a notice.
func (v *visitor) letter(to string, kinds ...mail.Kind) {
	v.p.t.Helper()
	v.p.Clock.Advance(11 * time.Second)
	var got []mail.Kind
	for _, m := range v.p.Mail.Take(to) {
		got = append(got, m.Kind)
	}
	slices.Sort(got)
	slices.Sort(kinds)
	if !slices.Equal(got, kinds) {
		v.p.t.Fatalf("letters to %s: %q, want %q", to, got, kinds)
	}
}

// stale lets the proof of the session become too old.
func (v *visitor) stale() *visitor {
	v.p.Clock.Advance(11 * time.Minute)
	return v
}

// sentToProve checks that the visitor must prove once more who they are, before they get back to the page.
func (v *visitor) sentToProve(page string) *visitor {
	v.p.t.Helper()
	if v.json {
		v.status(http.StatusForbidden).told(auth.ReasonProofRequired)
		if links := v.state["links"].(map[string]any); links["stepup"] != "/auth/stepup" {
			v.p.t.Fatalf("links %v, want one to the step-up", links)
		}
		return v
	}
	if v.shown.URL.Path != "/auth/stepup" || v.shown.URL.Query().Get("return_to") != page {
		v.p.t.Fatalf("the visitor is at %s, want the step-up with return_to=%s", v.shown.URL, page)
	}
	return v
}

// proves goes through the step-up. It leads back to the page, and to nothing that was posted to it.
func (v *visitor) proves(name, value, page string) *visitor {
	v.p.t.Helper()
	v.do("stepup", name, value)
	if v.json {
		return v.is("in")
	}
	if at, _, _ := strings.Cut(v.shown.URL.Path, "#"); at != page || v.shown.Status != http.StatusOK {
		v.p.t.Fatalf("the step-up led to %s, want %s\n%s", v.shown, page, v.shown.Body)
	}
	return v
}

// says checks that a page has a text in English. Programs are told no texts.
func (v *visitor) says(keys ...string) *visitor {
	v.p.t.Helper()
	for _, key := range keys {
		if text := english(v.p.t).Get(key); !v.json && !strings.Contains(html.UnescapeString(v.shown.Body), text) {
			v.p.t.Fatalf("the page does not say %q:\n%s", text, v.shown.Body)
		}
	}
	return v
}

// post posts a form that no page offers, or the same as JSON.
func (v *visitor) post(path string, pairs ...string) *visitor {
	v.p.t.Helper()
	if !v.json {
		return v.take(v.Post(path, form(pairs...)))
	}
	body := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		body[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(body)
	return v.take(v.JSON(http.MethodPost, path, string(text)))
}

// accountPages are the GETs of my account, and accountForms what may be posted there.
var (
	accountPages = []string{
		"/auth/account", "/auth/account/password", "/auth/account/email", "/auth/account/email/confirm", "/auth/account/recovery",
		"/auth/account/recovery/confirm", "/auth/account/switch", "/auth/account/two-step", "/auth/account/devices", "/auth/account/sessions", "/auth/account/sessions/end/all",
	}
	accountForms = []string{
		"/auth/account/password", "/auth/account/email", "/auth/account/email/drop", "/auth/account/email/confirm",
		"/auth/account/recovery", "/auth/account/recovery/drop", "/auth/account/recovery/remove", "/auth/account/recovery/confirm",
		"/auth/account/switch",
		"/auth/account/two-step/on", "/auth/account/two-step/newdevice", "/auth/account/two-step/off", "/auth/account/two-step/codes",
		"/auth/account/devices/trust", "/auth/account/devices/untrust", "/auth/account/devices/report",
		"/auth/account/sessions/end", "/auth/account/sessions/end/others", "/auth/account/sessions/end/all",
	}
)

func TestAccountNobody(t *testing.T) {
	t.Run("R65 nobody is signed in: the sign-in comes first, and leads back", func(t *testing.T) {
		p := newProduct(t, authtest.Config{})
		pages := append([]string{"/auth/account/devices/report?id=x"}, accountPages...)
		for i, path := range slices.Concat(pages, accountForms) {
			ask := func(v *visitor) {
				if i < len(pages) {
					v.get(path)
					return
				}
				v.post(path, "id", "x")
			}
			v := p.visitor(true)
			ask(v)
			v.status(http.StatusUnauthorized).told(auth.ReasonSignInRequired)
			if links := v.state["links"].(map[string]any); links["signin"] != "/auth/signin" {
				t.Errorf("%s: links %v, want one to the sign-in", path, links)
			}
			v = p.visitor(false)
			v.SetCookie("__Host-session", "ses_nonsense")
			ask(v)
			back := v.shown.URL.Query().Get("return_to")
			if v.shown.URL.Path != "/auth/signin" || !slices.Contains(accountPages, back) || i > 0 && i < len(pages) && back != path {
				t.Errorf("%s leads to %s, want the sign-in with a return_to of its page", path, v.shown.URL)
			}
			if got := v.shown.URL.Query().Get("reason"); got != string(auth.ReasonSessionExpired) {
				t.Errorf("%s: reason %q, want session_expired", path, got)
			}
		}
	})
	t.Run("R65 the sign-in leads back to my account", func(t *testing.T) {
		both(t, authtest.Config{}, func(t *testing.T, v *visitor) {
			v.open("return_to", "/auth/account/devices").identify(annMail).password(secret)
			if v.json {
				if got := v.landed(); got != "/auth/account/devices" {
					t.Errorf("return_to %q, want the devices", got)
				}
				return
			}
			v.is("account_devices")
		})
	})
	t.Run("whoever was deleted is signed in no more", func(t *testing.T) {
		users := map[string]bool{}
		p := newProduct(t, authtest.Config{Auth: func(c *auth.Config) { c.Users = forgetful{c.Users, users} }})
		v := p.visitor(true).signIn(annMail)
		users["ann"] = true
		v.get("/auth/account").status(http.StatusUnauthorized).told(auth.ReasonSessionExpired)
	})
}

func TestAccountHome(t *testing.T) {
	t.Run("R57 who, by which session, and how the account is protected", func(t *testing.T) {
		both(t, mailing(nil), func(t *testing.T, v *visitor) {
			v.enter(annMail).get("/auth/account").status(200)
			if v.json {
				user, s, two := v.state["user"].(map[string]any), v.state["session"].(map[string]any), v.state["two_step"].(map[string]any)
				if user["email"] != annMail || user["name"] != "Ann" || s["current"] != true || two["on"] != false {
					t.Errorf("answer %v", v.state)
				}
				if links := v.state["links"].(map[string]any); links["devices"] != "/auth/account/devices" || links["signout"] != "/auth/signout" {
					t.Errorf("links %v", links)
				}
				return
			}
			v.is("account_home").says("twostep.off", "sessions.method.password", "sessions.method.email_code", "myaccount.heading")
			for _, want := range []string{annMail, ">Ann<", "192.0.2.1", "Firefox, Linux", "1 device<", "1 session<", "<time datetime="} {
				if !strings.Contains(v.shown.Body, want) {
					t.Errorf("the page does not have %q:\n%s", want, v.shown.Body)
				}
			}
			v.take(v.Submit(v.shown.Form("/signout"), nil)).is("signedout")
			v.get("/auth/account").is("identify")
		})
	})
	t.Run("R111 in the person's own language, or the one chosen on the page, which stays", func(t *testing.T) {
		p := newProduct(t, authtest.Config{})
		p.AddUser(auth.User{ID: "luz", Email: "luz@acme.example", Locale: "es"}, secret)
		v := p.visitor(false).signIn("luz@acme.example")
		if body := v.get("/auth/account").shown.Body; !strings.Contains(body, `<html lang="es"`) || strings.Contains(body, "?lang=") &&
			!strings.Contains(body, `href="/auth/account?lang=fr"`) {
			t.Errorf("not in Spanish, or without the switch:\n%s", body)
		}
		body := v.get("/auth/account/sessions?lang=fr").shown.Body
		if !strings.Contains(body, `<html lang="fr"`) || !strings.Contains(body, `href="/auth/account/devices?lang=fr"`) {
			t.Errorf("French does not stay:\n%s", body)
		}
		p.visitor(false).signIn("luz@acme.example")
		v.get("/auth/account/sessions?lang=fr")
		v.take(v.Submit(v.shown.Form("/end/others"), nil)).is("account_sessions")
		if body := v.shown.Body; !strings.Contains(body, `<html lang="fr"`) {
			t.Errorf("French does not stay after a form:\n%s", body)
		}
	})
}

func TestAccountPages(t *testing.T) {
	p := newProduct(t, authtest.Config{})
	for _, lang := range []string{"en", "es", "fr"} {
		for name, body := range p.Web.Rehearsed(lang) {
			if !strings.HasPrefix(name, "account_") {
				continue
			}
			if got := strings.Count(body, "<h1"); got != 1 {
				t.Errorf("%s %s has %d headings of the first rank, want 1", lang, name, got)
			}
			ids := map[string]bool{}
			for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(body, -1) {
				if ids[m[1]] {
					t.Errorf("%s %s has the id %q twice", lang, name, m[1])
				}
				ids[m[1]] = true
			}
			for _, m := range regexp.MustCompile(`aria-(?:labelledby|describedby)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
				for id := range strings.FieldsSeq(m[1]) {
					if !ids[id] {
						t.Errorf("%s %s refers to %q, which is not there", lang, name, id)
					}
				}
			}
			if m := regexp.MustCompile(`\{\w+\}|\[\w+\.[\w.]+\]`).FindString(body); m != "" {
				t.Errorf("%s %s shows %q", lang, name, m)
			}
		}
	}
}

// TestAccountPapers compares answers with docs/openapi.yaml.
func TestAccountPapers(t *testing.T) {
	doc := readPapers(t)
	check := func(v *visitor, state map[string]any, name string) {
		t.Helper()
		s := doc.Components.Schemas[name]
		for key := range maps.Keys(state) {
			if _, ok := s.Properties[key]; !ok {
				t.Errorf("%s has no %q:\n%s", name, key, v.shown.Body)
			}
		}
		for _, key := range s.Required {
			if _, ok := state[key]; !ok {
				t.Errorf("%s needs %q:\n%s", name, key, v.shown.Body)
			}
		}
	}
	in := func(v *visitor, name string) map[string]any { return v.state[name].(map[string]any) }
	t.Run("R110 answers have the shape that the papers say", func(t *testing.T) {
		v := newProduct(t, mailing(nil)).visitor(true)
		v.enrolled()
		v.again().enterWithApp()
		v.get("/auth/account")
		check(v, v.state, "MyAccount")
		check(v, in(v, "user"), "User")
		check(v, in(v, "session"), "Session")
		check(v, in(v, "two_step"), "TwoStep")
		check(v, in(v, "company"), "Company")
		check(v, in(v, "password"), "Password")
		v.get("/auth/account/password")
		check(v, v.state, "PasswordPage")
		check(v, v.state["rules"].([]any)[0].(map[string]any), "Rule")
		v.post("/auth/account/password", "current", "wrong", "password", secret).status(422)
		check(v, v.state, "PasswordPage")
		v.post("/auth/account/email", "email", "nonsense").status(422)
		check(v, v.state, "EmailPage")
		v.post("/auth/account/recovery", "email", "nonsense").status(422)
		check(v, v.state, "RecoveryPage")
		v.get("/auth/account/email/confirm?token=x").status(200)
		check(v, v.state, "ConfirmPage")
		v.post("/auth/account/switch", "account", "x").status(422)
		check(v, v.state, "Companies")
		check(v, v.state["companies"].([]any)[0].(map[string]any), "Company")
		v.get("/auth/account/two-step")
		check(v, v.state, "TwoStepPage")
		check(v, in(v, "two_step"), "TwoStep")
		v.post("/auth/account/two-step/codes").status(200)
		check(v, v.state, "TwoStepPage")
		v.letter(annMail, mail.RecoveryNew)
		v.get("/auth/account/devices")
		check(v, v.state, "Devices")
		device := v.state["devices"].([]any)[0].(map[string]any)
		check(v, device, "Device")
		v.get("/auth/account/devices/report?id=" + v.otherDevice()).status(200)
		check(v, v.state, "Report")
		v.post("/auth/account/devices/report", "id", "x").status(404)
		check(v, v.state, "Error")
	})
}

// forgetful is Users without the people named.
type forgetful struct {
	auth.Users
	gone map[string]bool
}

func (f forgetful) UserByID(ctx context.Context, id string) (auth.User, error) {
	if f.gone[id] {
		return auth.User{}, auth.ErrNotFound
	}
	return f.Users.UserByID(ctx, id)
}
