package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// A LogSender writes mails where a developer sees them, instead of sending them. It is for development only: whoever reads what
// it writes reads codes and links, and can sign in with them. It is safe for concurrent use.
type LogSender struct {
	W io.Writer // required: os.Stderr, for one

	mu sync.Mutex // one mail at a time
}

// Send writes the text of a mail.
func (s *LogSender) Send(_ context.Context, m Message) error {
	if s.W == nil {
		return errors.New("mail: LogSender.W is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintf(s.W, "--- mail %s\nTo: %s\nSubject: %s\n\n%s\n---\n", m.ID, m.To, m.Subject, m.Text); err != nil {
		return fmt.Errorf("mail: writing a mail to the log: %w", err)
	}
	return nil
}
