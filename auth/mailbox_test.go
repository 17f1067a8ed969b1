package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/mail"
)

// A mailbox is where all letters of a world arrive.
type mailbox struct {
	w *world

	mu   sync.Mutex
	list []mail.Message
}

func (b *mailbox) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, m)
	return nil
}

// take delivers what is due and answers all letters so far.
func (b *mailbox) take() []mail.Message {
	b.w.t.Helper()
	b.w.spy.delivering = true
	_, err := b.w.m.Deliver(context.Background())
	b.w.spy.delivering = false
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

// has tells whether such a letter has arrived already.
func (b *mailbox) has(kind mail.Kind) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.list, func(m mail.Message) bool { return m.Kind == kind })
}

// one answers the only letter there is, which must be of this kind.
func (b *mailbox) one(kind mail.Kind) mail.Message {
	b.w.t.Helper()
	list := b.take()
	if len(list) != 1 || list[0].Kind != kind {
		b.w.t.Fatalf("letters %v, want one %s", letterKinds(list), kind)
	}
	return list[0]
}

// notices waits until held letters are due, and fails unless they are these.
func (b *mailbox) notices(want ...mail.Kind) []mail.Message {
	b.w.t.Helper()
	b.w.move(10 * time.Second)
	list := b.take()
	slices.SortFunc(list, func(a, b mail.Message) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	slices.Sort(want)
	if got := letterKinds(list); got != strings.Join(kindNames(want), " ") {
		b.w.t.Errorf("letters %q, want %q", got, want)
	}
	return list
}

func (b *mailbox) mustBeEmpty() {
	b.w.move(time.Minute)
	if list := b.take(); len(list) > 0 {
		b.w.t.Errorf("letters nobody expected: %s", letterKinds(list))
	}
}

func letterKinds(list []mail.Message) string {
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = string(m.Kind)
	}
	return strings.Join(names, " ")
}

func kindNames(kinds []mail.Kind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// A phone is an authenticator app that knows nothing of ours.
type phone struct {
	w      *world
	secret string
	off    time.Duration // how wrong its clock is
}

func (w *world) scan(secret string) *phone {
	return &phone{w: w, secret: strings.ReplaceAll(secret, " ", "")}
}

func (p *phone) code() string {
	p.w.t.Helper()
	code, err := totp.GenerateCode(p.secret, p.w.clock().Add(p.off))
	if err != nil {
		p.w.t.Fatal(err)
	}
	return code
}

// next waits for a code that was not shown before.
func (p *phone) next() string {
	p.w.move(30 * time.Second)
	return p.code()
}

// wrongOne is six digits that no step near now has.
func (p *phone) wrongOne() string {
	near := map[string]bool{}
	for _, d := range []time.Duration{-time.Minute, -30 * time.Second, 0, 30 * time.Second, time.Minute} {
		code, _ := totp.GenerateCode(p.secret, p.w.clock().Add(d))
		near[code] = true
	}
	for _, c := range []string{"000000", "111111", "222222", "333333", "444444", "555555"} {
		if !near[c] {
			return c
		}
	}
	return "666666"
}

// A walker goes through one flow, following its tokens.
type walker struct {
	*world
	ref  auth.Ref
	c    auth.Client
	step auth.Step
}

// begin names somebody and proves the password.
func (w *world) begin(email string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	k.ref.Token = w.identify(email, c).Token
	return k.took(w.m.Password(w.t.Context(), k.ref, secret, c))
}

// took follows a step. Its error fails the test, but for that of a step that the flow does not stand at: its answer is followed.
func (k *walker) took(s auth.Step, err error) *walker {
	k.t.Helper()
	if err != nil && !(errors.Is(err, auth.ErrFlowChanged) && s.Flow.ID != "") {
		k.t.Fatalf("step: %v", err)
	}
	if s.Token != "" {
		k.ref.Token = s.Token
	}
	k.step = s
	return k
}

func (k *walker) code(typed string) *walker {
	k.t.Helper()
	return k.took(k.m.Code(k.t.Context(), k.ref, typed, k.c))
}

func (k *walker) totp(typed string) *walker {
	k.t.Helper()
	return k.took(k.m.TOTP(k.t.Context(), k.ref, typed, false, k.c))
}

func (k *walker) recover(typed string) *walker {
	k.t.Helper()
	return k.took(k.m.RecoveryCode(k.t.Context(), k.ref, typed, k.c))
}

// at fails the test unless the flow stands there.
func (k *walker) at(stage auth.Stage, reason auth.Reason) *walker {
	k.t.Helper()
	if k.step.Stage != stage || k.step.Reason != reason {
		k.t.Fatalf("stage %q reason %q (dialog %d, offer %v, trace %q), want %q %q",
			k.step.Stage, k.step.Reason, k.step.Dialog, k.step.Offer, k.step.Trace, stage, reason)
	}
	return k
}

func (k *walker) dialog(n int) *walker {
	k.t.Helper()
	if k.at(auth.StageEnroll, ""); k.step.Dialog != n {
		k.t.Fatalf("dialog %d, want %d", k.step.Dialog, n)
	}
	return k
}

// finish ends the flow in a session; the browser keeps the cookies.
func (k *walker) finish() auth.Done {
	k.t.Helper()
	k.at(auth.StageReady, "")
	done, s, err := k.m.Finish(k.t.Context(), k.ref, k.c)
	if err != nil || done.Token == "" {
		k.t.Fatalf("Finish = %+v, %s %s, %v, want a session", done, s.Stage, s.Reason, err)
	}
	return done
}

// setUp goes through the dialogs from the first, mailed code and all, and answers the phone and the recovery codes.
func (k *walker) setUp() (*phone, []string) {
	k.t.Helper()
	ctx := k.t.Context()
	k.dialog(1).took(k.m.EnrollBegin(ctx, k.ref, k.c))
	if k.mail != nil {
		k.dialog(2).code(k.mail.one(mail.EnrollEmail).Code)
	}
	k.dialog(3).took(k.m.EnrollApp(ctx, k.ref, k.c)).dialog(4)
	p := k.scan(k.step.App.Secret)
	k.took(k.m.EnrollConfirm(ctx, k.ref, p.code(), k.c))
	return p, k.step.RecoveryCodes
}

// with is the client after a sign-in: with its cookies.
func with(c auth.Client, done auth.Done) auth.Client {
	c.Session = done.Token
	if done.Device != "" {
		c.Device = done.Device
	}
	return c
}

// enroll gives a person an app by way of a StepUp in a session of its own, and answers the phone, the recovery codes, and the
// client that did it.
func (w *world) enroll(email string, c auth.Client) (*phone, []string, auth.Client) {
	w.t.Helper()
	k := w.begin(email, c)
	if k.step.Stage == auth.StageVerify {
		k.code(w.mail.one(mail.VerifyLogin).Code)
	}
	done := k.finish()
	c = with(c, done)
	k = &walker{world: w, c: c}
	k.took(w.m.StepUp(w.t.Context(), auth.StepUpOpening{Action: auth.ActionTwoStep}, c))
	p, codes := k.setUp()
	c = with(c, k.finish())
	if w.mail != nil {
		w.mail.notices(mail.TwoStepOn)
	}
	w.take()
	return p, codes, c
}

// beginWith is begin with another password.
func (w *world) beginWith(email, typed string, c auth.Client) *walker {
	w.t.Helper()
	k := &walker{world: w, c: c}
	k.ref.Token = w.identify(email, c).Token
	return k.took(w.m.Password(w.t.Context(), k.ref, typed, c))
}

// resetPassword sets "another long passphrase" for a locked person by the mailed link, with the app's code if p is not nil.
func (w *world) resetPassword(email string, c auth.Client, p *phone) {
	w.t.Helper()
	ctx := w.t.Context()
	k := w.begin(email, c).at(auth.StageRefused, auth.ReasonAccountLocked)
	w.mail.take()
	k.took(w.m.SendReset(ctx, k.ref, c))
	k = &walker{world: w, c: c}
	k.took(w.m.OpenReset(ctx, linkToken(w.mail.one(mail.Reset)), "", c))
	if p != nil {
		k.at(auth.StageVerify, "").totp(p.next())
	}
	k.at(auth.StageNewPassword, "")
	if _, done, err := w.m.NewPassword(ctx, k.ref, auth.PasswordChoice{Password: "another long passphrase"}, c); err != nil || !done {
		w.t.Fatalf("NewPassword = %v, %v", done, err)
	}
	w.move(10 * time.Second)
	w.mail.take()
}

// linkToken is the token in a letter's link.
func linkToken(m mail.Message) string { return tokenOf(m.Link) }

// tokenOf is the token in a link.
func tokenOf(link string) string {
	_, tok, _ := strings.Cut(link, "token=")
	return tok
}
