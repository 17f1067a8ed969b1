package mail_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// broken is a writer that cannot.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestLogSender(t *testing.T) {
	var b strings.Builder
	s := &mail.LogSender{W: &b}
	m := compose(t, newLetters(t, harbour()), letter(mail.VerifyLogin))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if err := s.Send(t.Context(), m); err != nil {
				t.Errorf("Send: %v", err)
			}
		})
	}
	wg.Wait()
	want := "--- mail id1\nTo: ana@acme.example\nSubject: Email verification for Harbour\n\n" + m.Text + "\n---\n"
	if got := b.String(); got != strings.Repeat(want, 64) {
		t.Errorf("64 mails were written as %.2000q, want each whole: %q", got, want)
	}
	if err := (&mail.LogSender{}).Send(t.Context(), m); err == nil {
		t.Errorf("Send without W = nil, want an error")
	}
	if err := (&mail.LogSender{W: broken{}}).Send(t.Context(), m); err == nil || strings.Contains(err.Error(), m.Code) {
		t.Errorf("Send to a broken writer = %v, want an error without the code", err)
	}
}
