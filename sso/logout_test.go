package sso_test

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// signIn makes a session of ours that came from one at the provider.
func (w *world) signIn(session, subject, index string) {
	w.t.Helper()
	id, _, err := w.identity("acme", answer(w.begin("acme", sso.Opening{}), "subject", subject, "index", index))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.m.Remember(w.t.Context(), session, "usr-"+subject, id, w.now.Add(time.Hour)); err != nil {
		w.t.Fatal(err)
	}
}

// asks is what a provider sends to end sessions.
func asks(once, subject string, indexes ...string) sso.Message {
	return sso.Message{Post: true, Form: url.Values{"once": {once}, "subject": {subject}, "index": indexes}}
}

func sessions(l sso.LogoutResult) string {
	var ids []string
	for _, s := range l.Sessions {
		ids = append(ids, s.SessionID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestSignOut(t *testing.T) {
	t.Run("a sign-out goes on at the provider", func(t *testing.T) {
		w := newWorld(t)
		w.signIn("ses-1", "ann", "idx-1")
		if w.memory.holds("idx-1") || w.memory.holds("token") {
			t.Error("what the session is called there stands readable in the store")
		}
		d, ok, err := w.m.SignOut(t.Context(), "ses-1")
		if err != nil || !ok || d.Memory != nil {
			t.Fatalf("SignOut = %+v, %t, %v, want an address without Memory", d, ok, err)
		}
		for _, want := range []string{"subject=ann", "index=idx-1", "token=token", "handle=slo_"} {
			if !strings.Contains(d.URL, want) {
				t.Errorf("SignOut goes to %s, want %s in it", d.URL, want)
			}
		}
		if e := w.last(); e.Kind != sso.LogoutMade || e.SessionID != "ses-1" || e.UserID != "usr-ann" {
			t.Errorf("event = %+v, want logout made", e)
		}
		if _, ok, err := w.m.SignOut(t.Context(), "ses-1"); ok || err != nil {
			t.Errorf("SignOut again = %t, %v, want false", ok, err)
		}
	})
	t.Run("a session of ours alone", func(t *testing.T) {
		w := newWorld(t)
		if _, ok, err := w.m.SignOut(t.Context(), "ses-1"); ok || err != nil {
			t.Errorf("SignOut = %t, %v, want false", ok, err)
		}
	})
	t.Run("a provider without an address for it", func(t *testing.T) {
		w := newWorld(t)
		w.signIn("ses-1", "ann", "")
		w.fake.logout = func(sso.Request, sso.Login) (sso.Departure, bool, error) { return sso.Departure{}, false, nil }
		if _, ok, err := w.m.SignOut(t.Context(), "ses-1"); ok || err != nil || w.memory.logins("ses-1") != 0 {
			t.Errorf("SignOut = %t, %v with %d rows, want false and none", ok, err, w.memory.logins("ses-1"))
		}
	})
	t.Run("without Logins nothing is remembered", func(t *testing.T) {
		w := newWorld(t)
		w.cfg.Logins = nil
		w.make()
		w.signIn("ses-1", "ann", "idx-1")
		if _, ok, err := w.m.SignOut(t.Context(), "ses-1"); ok || err != nil || w.memory.logins("ses-1") != 0 {
			t.Errorf("SignOut = %t, %v with %d rows, want false and none", ok, err, w.memory.logins("ses-1"))
		}
		if l, err := w.m.Logout(t.Context(), "acme", asks("one", "ann")); err != nil || len(l.Sessions) != 0 {
			t.Errorf("Logout = %+v, %v, want nobody", l.Sessions, err)
		}
	})
	t.Run("an Identity that was not accepted", func(t *testing.T) {
		if err := newWorld(t).m.Remember(t.Context(), "ses-1", "usr-ann", sso.Identity{}, time.Time{}); err == nil {
			t.Error("Remember of nobody = nil, want an error")
		}
	})
}

func TestLogoutAnswer(t *testing.T) {
	w := newWorld(t)
	handle := signOutHandle(t, w)
	reply := func(handle string) sso.Message { return sso.Message{Form: url.Values{"handle": {handle}}} }
	t.Run("A-072 an answer to nothing", func(t *testing.T) {
		for _, h := range []string{"x", "slo_" + strings.Repeat("A", 43), w.begin("acme", sso.Opening{})} {
			if _, err := w.m.Logout(t.Context(), "acme", reply(h)); code(err) != sso.CodeLogoutUnknown {
				t.Errorf("Logout(%s) = %v, want logout_unknown", h, err)
			}
		}
	})
	t.Run("the provider's answer", func(t *testing.T) {
		l, err := w.m.Logout(t.Context(), "acme", reply(handle))
		if err != nil || !l.Answered || len(l.Sessions) != 0 {
			t.Errorf("Logout = %+v, %v, want an answer and no sessions", l, err)
		}
		if _, ok, err := l.Done(t.Context(), true); ok || err != nil {
			t.Errorf("Done = %t, %v, want no reply", ok, err)
		}
		if e := w.last(); e.Kind != sso.LogoutAnswered {
			t.Errorf("event = %+v, want logout answered", e)
		}
	})
	t.Run("A-072 the same answer again", func(t *testing.T) {
		if _, err := w.m.Logout(t.Context(), "acme", reply(handle)); code(err) != sso.CodeLogoutUnknown {
			t.Errorf("Logout = %v, want logout_unknown", err)
		}
	})
	t.Run("A-072 at another connection", func(t *testing.T) {
		if _, err := w.m.Logout(t.Context(), "globex", reply(signOutHandle(t, w))); code(err) != sso.CodeRequestConnection {
			t.Errorf("Logout = %v, want request_connection", err)
		}
	})
}

func TestLogoutRequest(t *testing.T) {
	three := func(t *testing.T) *world {
		w := newWorld(t)
		w.signIn("ses-1", "ann", "idx-1")
		w.signIn("ses-2", "ann", "idx-2")
		w.signIn("ses-3", "bob", "idx-3")
		return w
	}
	for _, tt := range []struct {
		name string
		m    sso.Message
		want string
		code sso.Code
	}{
		{"all of a person", asks("m", "ann"), "ses-1 ses-2", ""},
		{"one of a person", asks("m", "ann", "idx-2"), "ses-2", ""},
		{"one by its index alone", asks("m", "", "idx-3"), "ses-3", ""},
		{"S-19 somebody else's index", asks("m", "ann", "idx-3"), "", ""},
		{"S-19 a person who is not here", asks("m", "eve"), "", ""},
		{"S-19 nobody", asks("m", ""), "", sso.CodeLogoutNobody},
		{"A-071 what the protocol refuses", sso.Message{Form: url.Values{"bad": {"1"}, "subject": {"ann"}}}, "", "signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := three(t)
			l, err := w.m.Logout(t.Context(), "acme", tt.m)
			if code(err) != tt.code || sessions(l) != tt.want {
				t.Fatalf("Logout = %q, %v, want %q and %q", sessions(l), err, tt.want, tt.code)
			}
			if err != nil {
				if left := w.memory.logins("ses-1", "ses-2", "ses-3"); left != 3 || w.last().Kind != sso.LogoutRefused {
					t.Errorf("a refused message leaves %d of 3 logins, event %+v", left, w.last())
				}
				return
			}
			if d, ok, err := l.Done(t.Context(), true); err != nil || !ok || !strings.HasSuffix(d.URL, "done=true") {
				t.Errorf("Done = %+v, %t, %v, want the reply", d, ok, err)
			}
		})
	}
	t.Run("of another connection", func(t *testing.T) {
		w := three(t)
		if l, err := w.m.Logout(t.Context(), "globex", asks("m", "ann")); err != nil || len(l.Sessions) != 0 {
			t.Errorf("Logout = %+v, %v, want nobody of acme", l.Sessions, err)
		}
	})
	t.Run("the same message again", func(t *testing.T) {
		w := three(t)
		if _, err := w.m.Logout(t.Context(), "acme", asks("m", "ann")); err != nil {
			t.Fatal(err)
		}
		w.signIn("ses-4", "ann", "idx-4")
		if l, err := w.m.Logout(t.Context(), "acme", asks("m", "ann")); code(err) != sso.CodeReplayed || len(l.Sessions) != 0 {
			t.Errorf("again = %+v, %v, want replayed", l.Sessions, err)
		}
	})
	t.Run("a message without a name could be used again", func(t *testing.T) {
		w := three(t)
		if _, err := w.m.Logout(t.Context(), "acme", asks("", "ann")); !strings.HasPrefix(string(code(err)), "broken") {
			t.Errorf("Logout = %v, want an error", err)
		}
	})
	t.Run("sessions that could not be ended are found by the next message", func(t *testing.T) {
		w := three(t)
		l, err := w.m.Logout(t.Context(), "acme", asks("m", "ann"))
		if err != nil {
			t.Fatal(err)
		}
		if d, ok, err := l.Done(t.Context(), false); err != nil || !ok || !strings.HasSuffix(d.URL, "done=false") {
			t.Errorf("Done(false) = %+v, %t, %v, want the reply", d, ok, err)
		}
		if l, err := w.m.Logout(t.Context(), "acme", asks("m2", "ann")); err != nil || sessions(l) != "ses-1 ses-2" {
			t.Errorf("the next message = %q, %v, want both sessions", sessions(l), err)
		}
	})
	t.Run("sessions from before a change of keys", func(t *testing.T) {
		w := three(t)
		w.cfg.Keys = append([][]byte{newKey()}, w.cfg.Keys...)
		w.make()
		w.signIn("ses-5", "ann", "idx-5")
		if l, err := w.m.Logout(t.Context(), "acme", asks("m", "ann")); err != nil || sessions(l) != "ses-1 ses-2 ses-5" {
			t.Errorf("Logout = %q, %v, want old and new sessions", sessions(l), err)
		}
	})
	t.Run("64 providers with one message", func(t *testing.T) {
		w := three(t)
		var wins atomic.Int32
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if _, err := w.m.Logout(t.Context(), "acme", asks("m", "ann")); err == nil {
					wins.Add(1)
				}
			})
		}
		all.Wait()
		if got := wins.Load(); got != 1 {
			t.Errorf("%d of 64 messages were taken, want 1", got)
		}
	})
}

// What single logout needs waits sealed where a caller keeps it between the answer and the session.
func TestSealLogin(t *testing.T) {
	w := newWorld(t)
	id := sso.Identity{
		Connection: "acme", Subject: "ann", Email: "ann@acme.example", Login: sso.Login{Subject: "name", Index: "idx-1", Token: []byte("the-token-itself")},
	}
	sealed, err := w.m.SealLogin(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"the-token-itself", "dGhlLXRva2VuLWl0c2VsZg", "ann", "idx-1"} {
		if strings.Contains(string(sealed), secret) {
			t.Errorf("%q can be read in it", secret)
		}
	}
	got, err := w.m.OpenLogin(sealed)
	if err != nil || got.Connection != "acme" || got.Subject != "ann" || got.Login.Index != "idx-1" || string(got.Login.Token) != "the-token-itself" || got.Email != "" {
		t.Errorf("OpenLogin = %+v, %v, want what logout needs and no more", got, err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := w.m.OpenLogin(sealed); err == nil {
		t.Error("what somebody has changed opens")
	}
}
