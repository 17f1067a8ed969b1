package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/auth/web"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/session"
)

const secret = "correct horse 7 battery staple"

// A product is a World with a few people in it, and a page of its own behind the sign-in.
type product struct {
	*authtest.World
	t   *testing.T
	mux *http.ServeMux
}

// newProduct makes these people: ann, of Acme; two, of Acme and Umbra; gone, who is suspended; nopass, who never set a password;
// and solo, of no company. All live at acme.example. globex.example belongs to Globex, which enforces its own sign-in; pat is there.
func newProduct(t *testing.T, cfg authtest.Config) *product {
	t.Helper()
	p := &product{World: authtest.New(t, cfg), t: t, mux: http.NewServeMux()}
	ctx := t.Context()
	person := func(name, domain, password string) auth.User {
		return p.AddUser(auth.User{ID: name, Email: name + "@" + domain, Name: strings.ToUpper(name[:1]) + name[1:]}, password)
	}
	ann, two, gone := person("ann", "acme.example", secret), person("two", "acme.example", secret), person("gone", "acme.example", secret)
	nopass, pat := person("nopass", "acme.example", ""), person("pat", "globex.example", secret)
	person("solo", "acme.example", secret)
	p.AddAccount(directory.Account{ID: "acme", Name: "Acme"}, ann, two, gone, nopass)
	p.AddAccount(directory.Account{ID: "umbra", Name: "Umbra"}, two)
	p.AddAccount(directory.Account{ID: "globex", Name: "Globex"}, pat)
	for _, err := range []error{
		p.People.SuspendUser(ctx, "gone"),
		p.People.AddDomain(ctx, "globex", "globex.example", p.Clock.Now()),
		p.People.SetDomainSSO(ctx, "globex.example", auth.SSOEnforced),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.mux.Handle("/auth/", p.Web)
	p.mux.Handle("/", p.Auth.Require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := session.From(r.Context())
		fmt.Fprintf(w, "app: %s at %s in %s", s.UserID, r.URL.RequestURI(), s.AccountID)
	})))
	p.Events() // what it took to get here
	return p
}

// browser is a new browser in front of the whole product.
func (p *product) browser() *authtest.Browser {
	b := authtest.NewBrowser(p.t, authtest.BaseURL, p.mux)
	b.Now = p.Clock.Now
	return b
}

// A visitor signs in by pages or by JSON; stories are the same for both.
type visitor struct {
	*authtest.Browser
	p     *product
	json  bool
	shown *authtest.Page
	query url.Values     // what the sign-in page was asked for with: a program sends it along, as the form does
	state map[string]any // the last answer in JSON
}

// both tells a story once with a person at the pages and once with a program: over memory, and each over one of the databases. The tests of
// package auth tell theirs over all three. With -short, which is for the race detector, it tells it once: a story has one visitor.
func both(t *testing.T, cfg authtest.Config, story func(t *testing.T, v *visitor)) {
	t.Helper()
	tell := func(t *testing.T, db authtest.Backend, json bool) {
		cfg := cfg
		cfg.DB = db
		story(t, newProduct(t, cfg).visitor(json))
	}
	t.Run("JSON over memory", func(t *testing.T) { tell(t, nil, true) })
	if testing.Short() {
		return
	}
	t.Run("HTML over memory", func(t *testing.T) { tell(t, nil, false) })
	t.Run("HTML over postgresql", func(t *testing.T) { tell(t, testdb.PostgreSQL(t), false) })
	t.Run("JSON over sqlite", func(t *testing.T) { tell(t, testdb.SQLite(t), true) })
}

func (p *product) visitor(json bool) *visitor {
	return &visitor{Browser: p.browser(), p: p, json: json}
}

// again is the same kind of visitor with a browser of its own.
func (v *visitor) again() *visitor { return v.p.visitor(v.json) }

// open asks for the sign-in page: open("return_to", "/reports").
func (v *visitor) open(pairs ...string) *visitor {
	v.query = form(pairs...)
	return v.get("/auth/signin?" + v.query.Encode())
}

func (v *visitor) get(path string) *visitor {
	v.p.t.Helper()
	if v.json {
		return v.take(v.JSON(http.MethodGet, path, ""))
	}
	return v.take(v.Get(path))
}

// step fills in the form that leads to an action. Programs send what the form would.
func (v *visitor) step(action string, values map[string]string) *visitor {
	v.p.t.Helper()
	path := "/auth/" + action
	if !v.json {
		return v.take(v.Submit(v.shown.Form(path), values))
	}
	body := map[string]any{}
	for name, value := range values {
		body[name] = value
	}
	_, first := values["email"]
	for name := range v.query {
		if first && (name == "return_to" || name == "lang") {
			body[name] = v.query.Get(name)
		}
	}
	if !first && v.state["flow"] != nil {
		body["flow"], body["version"] = v.state["flow"], v.state["version"]
	}
	text, _ := json.Marshal(body)
	return v.take(v.JSON(http.MethodPost, path, string(text)))
}

func (v *visitor) take(p *authtest.Page) *visitor {
	v.shown = p
	if v.json {
		v.state = nil
		json.Unmarshal([]byte(p.Body), &v.state)
	}
	return v
}

func (v *visitor) identify(email string) *visitor {
	v.p.t.Helper()
	if v.shown == nil {
		v.open()
	}
	return v.step("signin/identify", map[string]string{"email": email})
}

func (v *visitor) password(typed string) *visitor {
	v.p.t.Helper()
	return v.step("signin/password", map[string]string{"password": typed})
}

// signIn goes all the way.
func (v *visitor) signIn(email string) *visitor {
	v.p.t.Helper()
	return v.identify(email).password(secret).is("in")
}

var pageOf = regexp.MustCompile(`<body class="page-(\w+)"`)

// at is where the visitor is: identify, password, account, ready, stop, in, or the name of another page.
func (v *visitor) at() string {
	if strings.HasPrefix(v.shown.Body, "app:") {
		return "in"
	}
	if !v.json {
		m := pageOf.FindStringSubmatch(v.shown.Body)
		if m == nil {
			return v.shown.String()
		}
		if m[1] == "onepage" {
			return "identify"
		}
		return m[1]
	}
	offer, _ := v.state["offer"].([]any)
	switch stage := v.state["stage"]; {
	case stage == "ready" && v.state["flow"] == nil:
		return "in"
	case stage == "authenticate" && len(offer) > 0:
		return "password"
	case stage == "authenticate", stage == "refused", stage == "policy":
		return "stop"
	case stage == "verify" && v.state["enroll"] != nil:
		return "enrollnext"
	case stage == "verify" && offer[0] == "email_code":
		return "mailcode"
	case stage == "verify" && (offer[0] == "recovery_code" || v.shown.URL.Path == "/auth/signin/recovery"):
		return "recovery"
	case stage == "verify":
		return "appcode"
	case stage == "enroll":
		step, _ := v.state["enroll"].(map[string]any)["step"].(float64)
		return []string{"", "enrollstart", "enrollmail", "enrollapp", "enrollscan"}[int(step)]
	case stage == "new_password":
		return "newpassword"
	case stage != nil:
		return stage.(string)
	}
	return v.shown.String()
}

func (v *visitor) is(want string) *visitor {
	v.p.t.Helper()
	if got := v.at(); got != want {
		v.p.t.Fatalf("the visitor is at %q, want %q\n%d %v\n%s", got, want, v.shown.Status, v.shown.Header, v.shown.Body)
	}
	return v
}

func (v *visitor) status(want int) *visitor {
	v.p.t.Helper()
	if v.shown.Status != want {
		v.p.t.Fatalf("status %d, want %d\n%s", v.shown.Status, want, v.shown.Body)
	}
	return v
}

// told checks that the visitor is given a reason: by its code, or in English.
func (v *visitor) told(reason auth.Reason) *visitor {
	v.p.t.Helper()
	if v.json {
		if got := v.state["reason"]; got != string(reason) {
			v.p.t.Fatalf("reason %v, want %s\n%s", got, reason, v.shown.Body)
		}
		return v
	}
	says := english(v.p.t).Get("reason." + string(reason))
	switch reason {
	case auth.ReasonTooManyAttempts:
		says = "Too many "
	case auth.ReasonCodeFormat:
		says = " digits."
	}
	if strings.Contains(v.shown.Body, "{name}") {
		v.p.t.Fatalf("a name is left out:\n%s", v.shown.Body)
	}
	says = longest(says)
	if !strings.Contains(html.UnescapeString(v.shown.Body), says) {
		v.p.t.Fatalf("the page does not say %q:\n%s", says, v.shown.Body)
	}
	return v
}

// landed is the path that the visitor was sent to after signing in.
func (v *visitor) landed() string {
	v.p.t.Helper()
	v.is("in")
	if v.json {
		to, _ := v.state["return_to"].(string)
		return to
	}
	return v.shown.URL.RequestURI()
}

func english(t *testing.T) locale.Text {
	t.Helper()
	words, err := locale.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return words.Text("en")
}

// sessions counts the live sessions of a person.
func (p *product) sessions(userID string) int {
	p.t.Helper()
	list, err := p.Auth.ListSessions(p.t.Context(), userID)
	if err != nil {
		p.t.Fatal(err)
	}
	return len(list)
}

func preset(preset auth.Preset) authtest.Config {
	return authtest.Config{Auth: func(c *auth.Config) { c.Preset = preset }}
}

func withWeb(edit func(*web.Config)) authtest.Config { return authtest.Config{Web: edit} }

func retryAfter(p *authtest.Page) int {
	n, _ := strconv.Atoi(p.Header.Get("Retry-After"))
	return n
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// longest is the longest part of a text that has a name in it.
func longest(text string) (part string) {
	for _, one := range strings.Split(text, "{name}") {
		if len(one) > len(part) {
			part = one
		}
	}
	return part
}
