package authtest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/authtest"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// A trial is a test within a test: it notes what would have failed.
type trial struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (t *trial) Helper()          {}
func (t *trial) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *trial) Failed() bool     { return len(t.failures) > 0 }

func (t *trial) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

func (t *trial) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *trial) Fatal(args ...any) { t.Fatalf("%s", fmt.Sprint(args...)) }

// try runs a test to its end and answers what failed.
func try(test func(t *trial)) []string {
	t := &trial{}
	var done sync.WaitGroup
	done.Go(func() { test(t) })
	done.Wait()
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	return t.failures
}

// failsWith fails the test unless exactly this one failure came of it, which says all of these words.
func failsWith(t *testing.T, got []string, words ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("failures %q, want one", got)
	}
	for _, w := range words {
		if !strings.Contains(got[0], w) {
			t.Errorf("the failure is %q, want one that says %q", got[0], w)
		}
	}
}

func letter(to string, kind mail.Kind, code string) mail.Message {
	return mail.Message{To: to, Kind: kind, Code: code, Subject: "About " + string(kind)}
}

func TestMailbox(t *testing.T) {
	const ann, two = "ann@acme.example", "two@acme.example"
	post := func(t *testing.T, b *authtest.Mailbox, letters ...mail.Message) {
		t.Helper()
		for _, m := range letters {
			if err := b.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}

	t.Run("letters are taken once, by address", func(t *testing.T) {
		b := authtest.NewMailbox(t)
		post(t, b, letter(ann, mail.VerifyLogin, "111111"), letter(two, mail.Locked, ""), letter(ann, mail.NewDevice, ""))
		got := b.Take("Ann@acme.example")
		if len(got) != 2 || got[0].Kind != mail.VerifyLogin || got[1].Kind != mail.NewDevice {
			t.Errorf("letters to ann: %v, want the code and then the notice", got)
		}
		if again := b.Take(ann); len(again) != 0 {
			t.Errorf("letters to ann, taken again: %v, want none", again)
		}
		if m := b.TakeOne(two, mail.Locked); m.To != two {
			t.Errorf("the letter to two is to %s", m.To)
		}
	})

	t.Run("the newest code", func(t *testing.T) {
		b := authtest.NewMailbox(t)
		post(t, b, letter(ann, mail.VerifyLogin, "111111"), letter(ann, mail.VerifyLogin, "222222"), letter(ann, mail.NewDevice, ""))
		if got := b.Code(ann); got != "222222" {
			t.Errorf("Code = %s, want the newest, 222222", got)
		}
		b.TakeOne(ann, mail.NewDevice)
	})

	for name, row := range map[string]struct {
		test func(b *authtest.Mailbox)
		want []string
	}{
		"a letter that nobody takes":  {func(*authtest.Mailbox) {}, []string{"nobody took", `"verify_login"`, ann}},
		"another kind":                {func(b *authtest.Mailbox) { b.TakeOne(ann, mail.Reset) }, []string{"verify_login", "want one", "reset"}},
		"no letter":                   {func(b *authtest.Mailbox) { b.TakeOne(two, mail.Reset) }, []string{two, "[]", "want one"}},
		"no code":                     {func(b *authtest.Mailbox) { b.Code(two) }, []string{"no letter with a code", two}},
		"a delivery that breaks down": {func(b *authtest.Mailbox) { b.Deliver = broken; b.Take(ann) }, []string{"the outbox is shut"}},
	} {
		t.Run(name+" fails the test", func(t *testing.T) {
			failsWith(t, try(func(inner *trial) {
				b := authtest.NewMailbox(inner)
				post(t, b, letter(ann, mail.VerifyLogin, "111111"))
				row.test(b)
			}), row.want...)
		})
	}
}

func broken(context.Context) (int, error) { return 0, fmt.Errorf("the outbox is shut") }

const secret = "correct horse battery staple"

// signIn takes the first two steps at the pages, and answers where they lead.
func signIn(b *authtest.Browser, email string) *authtest.Page {
	p := b.Submit(b.Get("/auth/signin").Form("/signin/identify"), map[string]string{"email": email})
	return b.Submit(p.Form("/signin/password"), map[string]string{"password": secret})
}

func TestWorldMail(t *testing.T) {
	const email = "ann@acme.example"
	world := func(t testing.TB, v auth.Verification) *authtest.World {
		w := authtest.New(t, authtest.Config{Mail: true, Auth: func(c *auth.Config) { c.Preset.Policy.Verification = v }})
		w.AddUser(auth.User{Email: email}, secret)
		return w
	}

	t.Run("a mailed code signs in", func(t *testing.T) {
		w := world(t, auth.VerifyNewDevice)
		b := w.Browser()
		p := signIn(b, email)
		p = b.Submit(p.Form("/signin/code"), map[string]string{"code": w.Mail.Code(email)})
		if p.URL.Path != "/" {
			t.Errorf("the code leads to %s, want the home page", p)
		}
	})

	t.Run("a notice comes when it is due", func(t *testing.T) {
		w := world(t, auth.VerifyOff)
		signIn(w.Browser(), email)
		if early := w.Mail.Take(email); len(early) != 0 {
			t.Errorf("letters %v at once, want none: notices are held back", early)
		}
		w.Clock.Advance(10 * time.Second)
		if m := w.Mail.TakeOne(email, mail.NewDevice); m.Text == "" || m.HTML == "" {
			t.Errorf("the letter %+v is empty", m)
		}
	})

	t.Run("a notice that is not due yet at the end counts", func(t *testing.T) {
		failsWith(t, try(func(inner *trial) {
			w := world(inner, auth.VerifyOff)
			signIn(w.Browser(), email)
		}), "nobody took", `"new_device"`, email)
	})

	t.Run("where nothing can be mailed there is no mailbox", func(t *testing.T) {
		w := authtest.New(t, authtest.Config{})
		w.AddUser(auth.User{Email: email}, secret)
		if p := signIn(w.Browser(), email); w.Mail != nil || p.URL.Path != "/" {
			t.Errorf("the password leads to %s, want the home page: no code can be mailed", p)
		}
	})
}
