package auth_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
	"github.com/sallyport-auth/sallyport/store"
)

func TestNewNamesTheField(t *testing.T) {
	good := func() auth.Config {
		w := memory(t)
		return w.cfg
	}
	key := randomKey()
	for _, tt := range []struct {
		name string
		edit func(*auth.Config)
		want string
	}{
		{"no base URL", func(c *auth.Config) { c.BaseURL = "" }, "Config.BaseURL"},
		{"A-250 plain http", func(c *auth.Config) { c.BaseURL = "http://app.example.com" }, "Config.BaseURL"},
		{"base URL with a query", func(c *auth.Config) { c.BaseURL = "https://app.example.com/?x=1" }, "Config.BaseURL"},
		{"another scheme", func(c *auth.Config) { c.BaseURL = "ftp://app.example.com" }, "Config.BaseURL"},
		{"sign-in path", func(c *auth.Config) { c.SignInPath = "/auth/login" }, "Config.SignInPath"},
		{"A-271 no keys", func(c *auth.Config) { c.Keys = nil }, "Config.Keys"},
		{"A-271 a short key", func(c *auth.Config) { c.Keys = [][]byte{key[:31]} }, "Config.Keys"},
		{"A-271 a repeated key", func(c *auth.Config) { c.Keys = [][]byte{key, bytes.Clone(key)} }, "Config.Keys"},
		{"A-271 a key of zeros", func(c *auth.Config) { c.Keys = [][]byte{make([]byte, 32)} }, "Config.Keys"},
		{"no users", func(c *auth.Config) { c.Users = nil }, "Config.Users"},
		{"no credentials", func(c *auth.Config) { c.Stores.Credentials = nil }, "Stores.Credentials"},
		{"no flows", func(c *auth.Config) { c.Stores.Flows = nil }, "Stores.Flows"},
		{"no limits", func(c *auth.Config) { c.Stores.Limits = nil }, "Stores.Limits"},
		{"no sessions", func(c *auth.Config) { c.Stores.Sessions = nil }, "Stores.Sessions"},
		{"no devices", func(c *auth.Config) { c.Stores.Devices = nil }, "Stores.Devices"},
		{"no mail", func(c *auth.Config) { c.AllowNoMail = false }, "Config.Mail"},
		{"mail and no mail", func(c *auth.Config) { c.Mail = &mailbox{} }, "Config.AllowNoMail"},
		{"R55 two-step required without mail", func(c *auth.Config) { c.Preset.Policy.TwoStep = auth.TwoStepRequired }, "Config.Mail"},
		{"no apps", func(c *auth.Config) { c.Stores.TOTP = nil }, "Stores.TOTP"},
		{"no recovery codes", func(c *auth.Config) { c.Stores.Recovery = nil }, "Stores.Recovery"},
		{"no mailed codes", func(c *auth.Config) { c.Mail, c.AllowNoMail, c.Stores.Codes = &mailbox{}, false, nil }, "Stores.Codes"},
		{"no outbox", func(c *auth.Config) { c.Mail, c.AllowNoMail, c.Stores.Outbox = &mailbox{}, false, nil }, "Stores.Outbox"},
		{"two-step", func(c *auth.Config) { c.Preset.Policy.TwoStep = "maybe" }, "Policy.TwoStep"},
		{"device trust", func(c *auth.Config) { c.Preset.Policy.DeviceTrust = "maybe" }, "Policy.DeviceTrust"},
		{"verification", func(c *auth.Config) { c.Preset.Policy.Verification = "maybe" }, "Policy.Verification"},
		{"after set-up", func(c *auth.Config) { c.Preset.AfterSetup = "maybe" }, "Preset.AfterSetup"},
		{"self reset", func(c *auth.Config) { c.Preset.SelfReset = "maybe" }, "Preset.SelfReset"},
		{"R63 self reset by codes that nobody gets", func(c *auth.Config) { c.Preset.SkipRecoveryCodes = true }, "Preset.SelfReset"},
		{"negative delay", func(c *auth.Config) { c.Preset.SelfResetDelay = -1 }, "Preset.SelfResetDelay"},
		{"R3 layout", func(c *auth.Config) { c.Preset.Layout = "two-columns" }, "Preset.Layout"},
		{"keep", func(c *auth.Config) { c.Preset.Policy.Keep = "maybe" }, "Policy.Keep"},
		{"negative", func(c *auth.Config) { c.Preset.Policy.Idle = -time.Hour }, "Policy.Idle"},
		{"weak hashing", func(c *auth.Config) { c.Passwords = password.Hasher{Params: password.Params{Memory: 1024}} }, "Config.Passwords"},
		{"no companies", func(c *auth.Config) { c.Companies, c.Preset.NeedsCompany = nil, true }, "Config.Companies"},
		{"sign-in path with two slashes", func(c *auth.Config) { c.SignInPath = "/x//signin" }, "Config.SignInPath"},
		{"negative alert", func(c *auth.Config) { c.AlertAfter = -1 }, "Config.AlertAfter"},
		{"passwords shorter than any may be", func(c *auth.Config) { c.Preset.Policy.Passwords.MinLength = 3 }, "Policy.Passwords"},
		{"return origin", func(c *auth.Config) { c.ReturnOrigins = []string{"https://admin.example.com/"} }, "Config.ReturnOrigins"},
		{"return origin in plain http", func(c *auth.Config) { c.ReturnOrigins = []string{"http://admin.example.com"} }, "Config.ReturnOrigins"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := good()
			tt.edit(&cfg)
			if _, err := auth.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error that names %s", err, tt.want)
			}
		})
	}
	for base, want := range map[string]string{"https://App.Example.com:443/x/": "https://app.example.com/x/y", "http://LOCALHOST:80": "http://localhost/y"} {
		cfg := good()
		cfg.BaseURL = base
		if m, err := auth.New(cfg); err != nil || m.URL("/y") != want {
			t.Errorf("New with BaseURL %s: %v, want addresses as browsers write them: %s", base, err, want)
		}
	}
	for _, base := range []string{"http://localhost:8080", "http://127.0.0.1:8080", "https://app.example.com/app/"} {
		cfg := good()
		cfg.BaseURL = base
		if _, err := auth.New(cfg); err != nil {
			t.Errorf("New with BaseURL %s = %v, want it accepted", base, err)
		}
	}
	cfg := good()
	cfg.BaseURL, cfg.InsecureHTTP = "http://app.test", true
	if m, err := auth.New(cfg); err != nil || !m.InsecureHTTP() {
		t.Errorf("New with InsecureHTTP = %v, want it accepted", err)
	}
	cfg.BaseURL = "https://app.example.com"
	if m, err := auth.New(cfg); err != nil || m.InsecureHTTP() {
		t.Errorf("A-250 InsecureHTTP on an https address weakens cookies (%v)", err)
	}
}

func TestPresets(t *testing.T) {
	if risks := auth.Recommended().Validate(); len(risks) != 0 {
		t.Errorf("Recommended has risks: %+v", risks)
	}
	if risks := (auth.Preset{}).Validate(); len(risks) != 0 {
		t.Errorf("the zero preset is Recommended, and yet has risks: %+v", risks)
	}
	lists := func(p auth.Preset, number string) bool {
		for _, r := range p.Validate() {
			if r.Field == "" || r.Why == "" {
				t.Errorf("a risk without field or reason: %+v", r)
			}
			for _, c := range r.Cases {
				if c == number {
					return true
				}
			}
		}
		return false
	}
	if !lists(auth.EmailFirst(), "A-227") {
		t.Error("R17 EmailFirst keeps a session without a cap, and Validate does not name A-227")
	}
	for name, p := range map[string]auth.Preset{"EmailFirst": auth.EmailFirst(), "ForcedTwoStep": auth.ForcedTwoStep()} {
		if !lists(p, "A-208") {
			t.Errorf("R63 %s lets a mailbox replace a phone, and Validate does not name A-208", name)
		}
	}
	if lists(auth.Recommended(), "A-208") {
		t.Error("R63 Recommended lets a mailbox replace a phone")
	}
	if p := auth.ForcedTwoStep(); p.Policy.TwoStep != auth.TwoStepRequired || p.AfterSetup != auth.AfterSetupNewCode || !p.SkipRecoveryCodes || p.Policy.DeviceTrust != auth.TrustForbid {
		t.Errorf("R54 R56 R59 R61 ForcedTwoStep = %+v", p)
	}
	one := auth.Preset{Policy: auth.Policy{Passwords: password.Policy{RequireDigit: true}}}
	w := memory(t)
	w.cfg.Preset = one
	want := password.Modern()
	want.RequireDigit = true
	if got := w.manager().Preset().Policy.Passwords; got != want {
		t.Errorf("R10 with one rule more the password policy is %+v, want %+v: nothing else may be lost", got, want)
	}
	if p := auth.OnePage(); p.Layout != auth.LayoutOnePage || p.Policy.Keep != auth.KeepForbid {
		t.Errorf("R3 OnePage = %+v, want one page and no keep box", p)
	}
	for name, p := range map[string]auth.Preset{"Recommended": auth.Recommended(), "EmailFirst": auth.EmailFirst(), "OnePage": auth.OnePage(), "zero": {}} {
		w := memory(t)
		w.cfg.Preset = p
		if got := w.manager().Preset(); got.Layout == "" || got.Policy.Keep == "" || got.Policy.Idle == 0 || got.Policy.Cap == 0 || got.Policy.KeptIdle == 0 || got.Policy.KeptCap == 0 || got.Policy.Passwords.MinLength == 0 {
			t.Errorf("R108 %s leaves a limit open: %+v", name, got)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	w := memory(t)
	w.identify("ann@acme.example", home)
	w.move(2 * time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.m.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run = %v, want the end of its context", err)
	}
	n, err := w.spy.stores.Expiry.DeleteExpired(t.Context(), w.clock(), 100)
	if err != nil || n != 0 {
		t.Errorf("A-278 after Run %d expired rows were left, %v, want none", n, err)
	}
}

// Run outlives a store that does not answer for a while, and says so.
func TestRunGoesOn(t *testing.T) {
	told := make(chan error, 100)
	w := mailed(t, func(c *auth.Config) { c.Report = func(_ context.Context, err error) { told <- err } })
	broken := errors.New("the outbox does not answer")
	w.spy.claim = broken
	w.begin("ann@acme.example", home)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.m.Run(ctx) }()
	if err := <-told; !errors.Is(err, broken) {
		t.Errorf("Run reports %v, want %v", err, broken)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want the end of its context", err)
	}
	w.spy.claim = nil
	w.mail.one(mail.VerifyLogin)
}

// Run sends what is posted in the same program at once, not with the next tick.
func TestRunIsWoken(t *testing.T) {
	w := mailed(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.m.Run(ctx) }()
	w.begin("ann@acme.example", home)
	for !w.mail.has(mail.VerifyLogin) {
		runtime.Gosched() // the test's own limit of time ends it
	}
	cancel()
	<-ended
	w.mail.one(mail.VerifyLogin)
}

// Every program over the same stores must know the same keys; a flow and a session made by one are the other's too.
func TestTwoNodes(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	other := w.manager()
	s, err := w.m.Identify(t.Context(), auth.Opening{Email: "ann@acme.example"}, home)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = other.Password(t.Context(), auth.Ref{Token: s.Token}, secret, home); err != nil || s.Stage != auth.StageReady {
		t.Fatalf("the other node's password step: %s, %v, want ready", s.Stage, err)
	}
	if done, _, err := w.m.Finish(t.Context(), auth.Ref{Token: s.Token}, home); err != nil || done.Token == "" {
		t.Errorf("and the first node's last one: %v, want a session", err)
	}
}
