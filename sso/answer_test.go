package sso_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

func TestIdentity(t *testing.T) {
	c := acme()
	c.Roles = []sso.RoleRule{{Group: "it", Role: "admin"}, {Group: "staff", Role: "member"}}
	t.Run("R21 an accepted answer says who it is", func(t *testing.T) {
		w := newWorld(t, c)
		handle := w.begin("acme", sso.Opening{State: []byte("flow-1")})
		m := answer(handle, "name", "Ann\r\nBcc: x\u202e")
		m.Form["group"], m.Form["context"] = []string{"staff", "it"}, []string{"mfa"}
		a, err := w.m.Receive(t.Context(), "acme", m)
		if err != nil || string(a.State) != "flow-1" || a.Unsolicited || a.Test {
			t.Fatalf("Receive = %+v, %v, want the state of the opening", a, err)
		}
		id, rep, err := a.Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if id.Connection != "acme" || id.AccountID != "acc_acme" || id.Subject != "ann-1" || id.Email != "ann@acme.example" || id.Name != "Ann  Bcc: x" {
			t.Errorf("Identity = %+v, want Ann of acme, with a canonical address and a clean name", id)
		}
		if id.Role != "admin" || !id.MultiFactor || !id.At.Equal(w.now) || id.Login.Subject != "ann-1" || id.Login.Index != "idx-1" {
			t.Errorf("Identity = %+v, want role, second step, time and login", id)
		}
		for _, check := range rep.Checks {
			if !check.OK {
				t.Errorf("check %s failed", check.Code)
			}
		}
		if e := w.last(); e.Kind != sso.AnswerAccepted || e.Connection != "acme" || e.Unsolicited {
			t.Errorf("event = %+v, want answer accepted at acme", e)
		}
	})
	for _, tt := range []struct {
		name   string
		pairs  []string
		change func(c *sso.Connection)
		want   sso.Code
		public sso.Reason
	}{
		{"what the protocol refuses", []string{"bad", "1"}, nil, "signature", sso.ReasonFailed},
		{"R90 no address", []string{"email", ""}, nil, sso.CodeEmailMissing, sso.ReasonNoEmail},
		{"R90 a blank address", []string{"email", "  "}, nil, sso.CodeEmailMissing, sso.ReasonNoEmail},
		{"no address at all", []string{"email", "ann"}, nil, sso.CodeEmailInvalid, sso.ReasonNoEmail},
		{"two addresses", []string{"email", "ann@acme.example,eve@evil.example"}, nil, sso.CodeEmailInvalid, sso.ReasonNoEmail},
		{"A-062 an address of another company", []string{"email", "bob@globex.example"}, nil, sso.CodeEmailDomain, sso.ReasonDomainMismatch},
		{"A-063 a public mail domain", []string{"email", "ann@gmail.com"}, nil, sso.CodeEmailDomain, sso.ReasonDomainMismatch},
		{"A-063 a sub-domain", []string{"email", "ann@mail.acme.example"}, nil, sso.CodeEmailDomain, sso.ReasonDomainMismatch},
		{"A-063 a domain that ends alike", []string{"email", "ann@notacme.example"}, nil, sso.CodeEmailDomain, sso.ReasonDomainMismatch},
		{"A-063 a connection without domains", nil, func(c *sso.Connection) { c.Domains = nil }, sso.CodeEmailDomain, sso.ReasonDomainMismatch},
		{"a connection that may speak for all", []string{"email", "ann@gmail.com"}, func(c *sso.Connection) { c.AllowAnyDomain = true }, "", ""},
		{"no subject", []string{"subject", ""}, nil, sso.CodeSubject, sso.ReasonFailed},
		{"a blank subject", []string{"subject", " \t\n"}, nil, sso.CodeSubject, sso.ReasonFailed},
		{"a subject beyond any size", []string{"subject", strings.Repeat("x", 1025)}, nil, sso.CodeSubject, sso.ReasonFailed},
		{"a subject that no database keeps", []string{"subject", "ann\x00"}, nil, sso.CodeSubject, sso.ReasonFailed},
		{"a subject that is not text", []string{"subject", "ann\xff"}, nil, sso.CodeSubject, sso.ReasonFailed},
		{"A-045 a session that is over there", []string{"ends", "2026-11-28T12:00:00Z"}, nil, sso.CodeSessionOver, sso.ReasonExpired},
		{"a session that is over there, which does not matter", []string{"ends", "2026-11-28T12:00:00Z"}, func(c *sso.Connection) { c.SkipSessionEnd = true }, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c
			if tt.change != nil {
				tt.change(&c)
			}
			w := newWorld(t, c)
			id, rep, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), tt.pairs...))
			if code(err) != tt.want {
				t.Fatalf("Identity = %v, want %q", err, tt.want)
			}
			if tt.want == "" {
				return
			}
			if id.Subject != "" || id.Email != "" {
				t.Errorf("a refused answer says %+v, want nobody", id)
			}
			var r *sso.Refusal
			if errors.As(err, &r); r.Public() != tt.public {
				t.Errorf("Public = %q, want %q", r.Public(), tt.public)
			}
			if last := rep.Checks[len(rep.Checks)-1]; tt.want == "signature" && (last.OK || last.Code != tt.want) {
				t.Errorf("the report ends with %+v, want the failed check", last)
			}
			if e := w.last(); e.Kind != sso.AnswerRefused || e.Code != tt.want {
				t.Errorf("event = %+v, want answer refused with %s", e, tt.want)
			}
			if strings.Contains(err.Error(), "@") {
				t.Errorf("the error %q repeats what came", err)
			}
		})
	}
	t.Run("A-045 the end of the session there is told", func(t *testing.T) {
		w := newWorld(t)
		id, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "ends", "2026-11-28T20:00:00Z"))
		if err != nil || !id.SessionEnds.Equal(w.now.Add(8*time.Hour)) {
			t.Errorf("SessionEnds = %v, %v, want eight o'clock", id.SessionEnds, err)
		}
	})
	t.Run("A-067 a group that no rule names gives no role", func(t *testing.T) {
		w := newWorld(t, c)
		id, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "group", "owner"))
		if err != nil || id.Role != "" {
			t.Errorf("Role = %q, %v, want none", id.Role, err)
		}
	})
	for _, tt := range []struct {
		name    string
		change  func(c *sso.Connection)
		context string
		want    bool
	}{
		{"a second step by the usual name", nil, "mfa", true},
		{"no second step", nil, "pwd", false},
		{"a connection with its own names", func(c *sso.Connection) { c.MultiFactor = []string{"hardware"} }, "hardware", true},
		{"the usual name where there are own ones", func(c *sso.Connection) { c.MultiFactor = []string{"hardware"} }, "mfa", false},
		{"a connection that does not count it", func(c *sso.Connection) { c.RequireTwoStep = true }, "mfa", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := c
			if tt.change != nil {
				tt.change(&c)
			}
			w := newWorld(t, c)
			id, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "context", tt.context))
			if err != nil || id.MultiFactor != tt.want {
				t.Errorf("MultiFactor = %t, %v, want %t", id.MultiFactor, err, tt.want)
			}
		})
	}
}

func TestReceive(t *testing.T) {
	t.Run("A-040 A-080 S-13 a second answer for one request", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{})
		if _, _, err := w.identity("acme", answer(handle)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.identity("acme", answer(handle, "once", "another")); code(err) != sso.CodeRequestUnknown {
			t.Errorf("second answer = %v, want request_unknown", err)
		}
	})
	t.Run("A-040 an answer that is refused ends its request too", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{})
		if _, _, err := w.identity("acme", answer(handle, "bad", "1")); code(err) != "signature" {
			t.Fatal(err)
		}
		if _, _, err := w.identity("acme", answer(handle)); code(err) != sso.CodeRequestUnknown {
			t.Errorf("answer after a refused one = %v, want request_unknown", err)
		}
	})
	t.Run("A-042 A-061 A-081 an answer at another connection", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{})
		_, _, err := w.identity("globex", answer(handle))
		if code(err) != sso.CodeRequestConnection {
			t.Errorf("at globex = %v, want request_connection", err)
		}
		var r *sso.Refusal
		if errors.As(err, &r); r.Public() != sso.ReasonFailed {
			t.Errorf("Public = %q, want sso_failed", r.Public())
		}
		if _, _, err := w.identity("acme", answer(handle)); code(err) != sso.CodeRequestUnknown {
			t.Errorf("at acme afterwards = %v, want request_unknown: it was charged before it was checked", err)
		}
	})
	t.Run("R21 a request lives for ten minutes", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{})
		w.pass(10 * time.Minute)
		_, _, err := w.identity("acme", answer(handle))
		var r *sso.Refusal
		if !errors.As(err, &r) || r.Code != sso.CodeRequestUnknown || r.Public() != sso.ReasonExpired {
			t.Errorf("after ten minutes = %v, want request_unknown, told as sso_expired", err)
		}
		w.memory.slow = time.Hour
		handle = w.begin("acme", sso.Opening{})
		w.pass(10 * time.Minute)
		if _, err := w.m.Receive(t.Context(), "acme", answer(handle)); code(err) != sso.CodeRequestUnknown {
			t.Errorf("after ten minutes, with a store that is late = %v, want request_unknown", err)
		}
		handle = w.begin("acme", sso.Opening{})
		w.pass(10*time.Minute - time.Second)
		a, err := w.m.Receive(t.Context(), "acme", answer(handle))
		if err != nil {
			t.Fatalf("within ten minutes = %v", err)
		}
		w.pass(time.Minute)
		if _, _, err := a.Identity(t.Context()); code(err) != sso.CodeRequestUnknown {
			t.Errorf("an answer kept for later = %v, want request_unknown", err)
		}
	})
	for _, tt := range []struct {
		name, handle string
		want         sso.Code
	}{
		{"A-050 S-14 an answer that nobody asked for", "", sso.CodeUnsolicited},
		{"A-058 a RelayState that is an address", "https://evil.example", sso.CodeUnsolicited},
		{"A-058 a RelayState that is a script", "javascript:alert(1)", sso.CodeUnsolicited},
		{"A-059 a RelayState of a megabyte", strings.Repeat("x", 1<<20), sso.CodeUnsolicited},
		{"A-059 a RelayState with a line break", "sso_\r\nSet-Cookie: x=1", sso.CodeUnsolicited},
		{"a handle that looks like ours", "sso_" + strings.Repeat("A", 43), sso.CodeRequestUnknown},
		{"a token for something else", "slo_" + strings.Repeat("A", 43), sso.CodeUnsolicited},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if _, _, err := w.identity("acme", answer(tt.handle)); code(err) != tt.want {
				t.Errorf("Identity = %v, want %s", err, tt.want)
			}
			if e := w.last(); e.Code != tt.want {
				t.Errorf("event = %+v, want %s", e, tt.want)
			}
		})
	}
	t.Run("A-073 a message that cannot be an answer", func(t *testing.T) {
		w := newWorld(t)
		m := answer(w.begin("acme", sso.Opening{}))
		m.Form.Add("handle", "another")
		if _, _, err := w.identity("acme", m); code(err) != "twice" {
			t.Errorf("Receive = %v, want the refusal of the protocol", err)
		}
	})
	t.Run("A-076 a row of another kind", func(t *testing.T) {
		w := newWorld(t)
		handle := signOutHandle(t, w)
		if _, _, err := w.identity("acme", answer("sso_"+strings.TrimPrefix(handle, "slo_"))); code(err) != sso.CodeRequestUnknown {
			t.Errorf("a handle of a sign-out as one of a sign-in = %v, want request_unknown", err)
		}
	})
	t.Run("a row that somebody has moved to another connection", func(t *testing.T) {
		w := newWorld(t)
		w.memory.moved = "globex"
		handle := w.begin("acme", sso.Opening{})
		if _, _, err := w.identity("globex", answer(handle, "email", "bob@globex.example")); code(err) != sso.CodeRequestUnknown {
			t.Errorf("Receive = %v, want request_unknown: it does not open", err)
		}
	})
	t.Run("a store that is broken is no refusal", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{})
		w.memory.broken = errors.New("disk")
		if _, _, err := w.identity("acme", answer(handle)); !strings.HasPrefix(string(code(err)), "broken") {
			t.Errorf("Receive = %v, want an error that is no refusal", err)
		}
	})
	t.Run("keys may change while somebody is at the provider", func(t *testing.T) {
		w := newWorld(t)
		handle := w.begin("acme", sso.Opening{State: []byte("s")})
		w.cfg.Keys = append([][]byte{newKey()}, w.cfg.Keys...)
		w.make()
		if _, _, err := w.identity("acme", answer(handle)); err != nil {
			t.Errorf("Identity = %v, want none", err)
		}
	})
}

func TestUnsolicited(t *testing.T) {
	c := acme()
	c.IdPInitiated = true
	t.Run("R25 an answer that nobody asked for, where the connection takes it", func(t *testing.T) {
		w := newWorld(t, c)
		a, err := w.m.Receive(t.Context(), "acme", answer("https://app.example.com/product", "once", "one"))
		if err != nil || !a.Unsolicited || len(a.State) != 0 {
			t.Fatalf("Receive = %+v, %v, want an unsolicited answer", a, err)
		}
		if id, _, err := a.Identity(t.Context()); err != nil || id.Email != "ann@acme.example" {
			t.Errorf("Identity = %+v, %v, want Ann", id, err)
		}
		if e := w.last(); !e.Unsolicited || e.Kind != sso.AnswerAccepted {
			t.Errorf("event = %+v, want it to tell that nobody asked", e)
		}
	})
	t.Run("A-048 A-049 S-12 the same answer again", func(t *testing.T) {
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer("", "once", "one")); err != nil {
			t.Fatal(err)
		}
		again := answer("x", "once", "one", "name", "in another envelope")
		_, _, err := w.identity("acme", again)
		var r *sso.Refusal
		if !errors.As(err, &r) || r.Code != sso.CodeReplayed || r.Public() != sso.ReasonReplayed {
			t.Errorf("again = %v, want replayed", err)
		}
		w.cfg.Keys = [][]byte{newKey()} // another node, or a program that has started again with new keys
		w.make()
		if _, _, err := w.identity("acme", again); code(err) != sso.CodeReplayed {
			t.Errorf("again with other keys = %v, want replayed", err)
		}
	})
	t.Run("A-048 an answer to a request, sent again as one that nobody asked for", func(t *testing.T) {
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "once", "one")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.identity("acme", answer("", "once", "one")); code(err) != sso.CodeReplayed {
			t.Errorf("again = %v, want replayed", err)
		}
	})
	t.Run("A-064 two connections with one provider do not spend each other's answers", func(t *testing.T) {
		other := globex()
		other.IdPInitiated = true
		w := newWorld(t, c, other)
		if _, _, err := w.identity("globex", answer("", "once", "one", "email", "bob@globex.example")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.identity("acme", answer("", "once", "one")); err != nil {
			t.Errorf("at acme = %v, want none", err)
		}
	})
	t.Run("an answer without a name could be used again", func(t *testing.T) {
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer("", "once", "")); !strings.HasPrefix(string(code(err)), "broken") {
			t.Errorf("Identity = %v, want an error", err)
		}
	})
	t.Run("junk does not fill the table of used answers", func(t *testing.T) {
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer("", "bad", "1", "once", "junk")); code(err) != "signature" || len(w.memory.used) != 0 {
			t.Errorf("Identity = %v with %d rows, want a refusal and none", err, len(w.memory.used))
		}
	})
	t.Run("a used answer is remembered as long as its request could live", func(t *testing.T) {
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer("", "once", "one")); err != nil {
			t.Fatal(err)
		}
		for _, ends := range w.memory.used {
			if ends.Before(w.now.Add(10 * time.Minute)) {
				t.Errorf("kept until %v, want ten minutes at least", ends)
			}
		}
	})
	t.Run("OpenID has no answers that nobody asked for", func(t *testing.T) {
		c := c
		c.Protocol = "oidc"
		w := newWorld(t, c)
		if _, _, err := w.identity("acme", answer("", "once", "one")); code(err) != sso.CodeUnsolicited {
			t.Errorf("Identity = %v, want unsolicited", err)
		}
	})
}

func TestDryRun(t *testing.T) {
	t.Run("R88 every check is reported, also after the first that is not met", func(t *testing.T) {
		w := newWorld(t)
		a, err := w.m.Receive(t.Context(), "acme", answer(w.begin("acme", sso.Opening{Test: true}), "subject", "", "email", "ann@gmail.com"))
		if err != nil || !a.Test {
			t.Fatalf("Receive = %+v, %v, want a test", a, err)
		}
		rep, id, err := a.DryRun(t.Context())
		failed := map[sso.Code]sso.Check{}
		for _, c := range rep.Checks {
			if !c.OK {
				failed[c.Code] = c
			}
		}
		if code(err) != sso.CodeSubject || id.Email != "" {
			t.Errorf("DryRun = %+v, %v, want the first refusal and nobody", id, err)
		}
		got, ok := failed[sso.CodeEmailDomain]
		if _, subject := failed[sso.CodeSubject]; !subject || !ok || got.Expected != "acme.example" || got.Received != "gmail.com" {
			t.Errorf("failed checks %+v, want subject, and email_domain with what came", failed)
		}
		if e := w.last(); e.Kind != sso.AnswerTested || !e.Test || e.Code != sso.CodeSubject {
			t.Errorf("event = %+v, want answer tested", e)
		}
	})
	t.Run("A-076 a test signs nobody in", func(t *testing.T) {
		w := newWorld(t)
		a, err := w.m.Receive(t.Context(), "acme", answer(w.begin("acme", sso.Opening{Test: true})))
		if err != nil {
			t.Fatal(err)
		}
		if id, _, err := a.Identity(t.Context()); !errors.Is(err, sso.ErrTest) || id.Subject != "" {
			t.Errorf("Identity = %+v, %v, want ErrTest", id, err)
		}
		rep, id, err := a.DryRun(t.Context())
		if err != nil || id.Email != "ann@acme.example" || len(rep.Checks) == 0 {
			t.Errorf("DryRun = %+v, %+v, %v, want Ann", rep, id, err)
		}
	})
	t.Run("A-076 the answer of a test is spent", func(t *testing.T) {
		c := acme()
		c.IdPInitiated = true
		w := newWorld(t, c)
		handle := w.begin("acme", sso.Opening{Test: true})
		a, _ := w.m.Receive(t.Context(), "acme", answer(handle, "once", "one"))
		if _, _, err := a.DryRun(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, m := range []sso.Message{answer(handle, "once", "one"), answer("", "once", "one"), answer(w.begin("acme", sso.Opening{}), "once", "one")} {
			if _, _, err := w.identity("acme", m); err == nil {
				t.Errorf("the answer of a test signs in with handle %q", m.Form.Get("handle"))
			}
		}
	})
	t.Run("a sign-in is no test", func(t *testing.T) {
		w := newWorld(t)
		a, err := w.m.Receive(t.Context(), "acme", answer(w.begin("acme", sso.Opening{})))
		if err != nil {
			t.Fatal(err)
		}
		if _, id, err := a.DryRun(t.Context()); err == nil || id.Subject != "" {
			t.Errorf("DryRun = %+v, %v, want an error", id, err)
		}
	})
}

func TestAnswerCountsOnce(t *testing.T) {
	t.Run("nobody's answer", func(t *testing.T) {
		if _, _, err := (sso.Answer{}).Identity(t.Context()); err == nil {
			t.Error("Identity of a zero Answer = nil, want an error")
		}
		if _, _, err := (sso.Answer{Test: true}).DryRun(t.Context()); err == nil {
			t.Error("DryRun of a zero Answer = nil, want an error")
		}
	})
	unsolicited := acme()
	unsolicited.IdPInitiated = true
	for _, tt := range []struct {
		name string
		call func(w *world) func(context.Context) error
	}{
		{"A-040 S-12 64 callers with one message", func(w *world) func(context.Context) error {
			m := answer(w.begin("acme", sso.Opening{}))
			return func(context.Context) error {
				_, _, err := w.identity("acme", m)
				return err
			}
		}},
		{"A-048 64 callers with one message that nobody asked for", func(w *world) func(context.Context) error {
			m := answer("", "once", "one")
			return func(context.Context) error {
				_, _, err := w.identity("acme", m)
				return err
			}
		}},
		{"64 callers with one Answer", func(w *world) func(context.Context) error {
			a, err := w.m.Receive(w.t.Context(), "acme", answer(w.begin("acme", sso.Opening{}), "once", ""))
			if err != nil {
				w.t.Fatal(err)
			}
			return func(ctx context.Context) error {
				_, _, err := a.Identity(ctx)
				return err
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, unsolicited)
			call := tt.call(w)
			var wins atomic.Int32
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					if call(t.Context()) == nil {
						wins.Add(1)
					}
				})
			}
			all.Wait()
			if got := wins.Load(); got != 1 {
				t.Errorf("%d of 64 callers got an identity, want 1", got)
			}
		})
	}
}

// signOutHandle signs Ann in and out again, and answers the handle of the sign-out.
func signOutHandle(t *testing.T, w *world) string {
	t.Helper()
	id, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.m.Remember(t.Context(), "ses-1", "usr-ann", id, w.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d, ok, err := w.m.SignOut(t.Context(), "ses-1")
	if err != nil || !ok {
		t.Fatalf("SignOut = %+v, %t, %v", d, ok, err)
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("handle")
}
