package authtest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// noticeHold is longer than a notice waits before it goes: the manager holds it back until what it tells of has happened.
const noticeHold = 11 * time.Second

// A Mailbox is a mail.Sender that keeps every letter until a test takes it. When the test ends nothing may be left, so that no
// letter goes unnoticed: the clock is moved past the time for which notices are held back, what is due is delivered, and each
// letter that nobody has taken fails the test. Make one with NewMailbox. It is safe for concurrent use.
type Mailbox struct {
	Deliver func(context.Context) (int, error) // auth.Manager.Deliver, so that letters come when a test looks; nil: they come by themselves, and nobody waits for them
	Clock   *Clock                             // that of the manager; nil: at the end no time passes

	t       testing.TB
	mu      sync.Mutex
	letters []mail.Message // oldest first
}

var _ mail.Sender = (*Mailbox)(nil)

// NewMailbox returns an empty Mailbox, for auth.Config.Mail.
func NewMailbox(t testing.TB) *Mailbox {
	b := &Mailbox{t: t}
	t.Cleanup(b.empty)
	return b
}

// Send implements mail.Sender.
func (b *Mailbox) Send(_ context.Context, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, m)
	return nil
}

// Take takes all letters to an address out of the mailbox, oldest first, those that are due now among them. A notice is due ten
// seconds after what it tells of.
func (b *Mailbox) Take(to string) []mail.Message {
	b.t.Helper()
	return b.take(to, func(mail.Message) bool { return true })
}

// TakeOne takes the letters to an address, and ends the test unless that is exactly one, of this kind.
func (b *Mailbox) TakeOne(to string, kind mail.Kind) mail.Message {
	b.t.Helper()
	letters := b.Take(to)
	if len(letters) != 1 || letters[0].Kind != kind {
		b.t.Fatalf("authtest: letters to %s: %q, want one: %q", to, kinds(letters), kind)
	}
	return letters[0]
}

// Code takes the letters to an address that have a code in them, and answers the code of the newest. Notices stay. It ends the
// test if there is no such letter.
func (b *Mailbox) Code(to string) string {
	b.t.Helper()
	letters := b.take(to, func(m mail.Message) bool { return m.Code != "" })
	if len(letters) == 0 {
		b.t.Fatalf("authtest: there is no letter with a code to %s", to)
	}
	return letters[len(letters)-1].Code
}

func (b *Mailbox) take(to string, wanted func(mail.Message) bool) []mail.Message {
	b.t.Helper()
	b.deliver()
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken, left []mail.Message
	for _, m := range b.letters {
		if strings.EqualFold(m.To, to) && wanted(m) {
			taken = append(taken, m)
		} else {
			left = append(left, m)
		}
	}
	b.letters = left
	return taken
}

func (b *Mailbox) deliver() {
	b.t.Helper()
	if b.Deliver == nil {
		return
	}
	if _, err := b.Deliver(context.Background()); err != nil {
		b.t.Errorf("authtest: delivering letters: %v", err)
	}
}

// empty is the end of the test.
func (b *Mailbox) empty() {
	if b.t.Failed() {
		return // stopped half-way: whoever would have taken the rest did not get there
	}
	if b.Clock != nil {
		b.Clock.Advance(noticeHold)
	}
	b.deliver()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.letters {
		b.t.Errorf("authtest: nobody took the letter %q to %s: %s", m.Kind, m.To, m.Subject)
	}
}

func kinds(letters []mail.Message) []mail.Kind {
	var all []mail.Kind
	for _, m := range letters {
		all = append(all, m.Kind)
	}
	return all
}
