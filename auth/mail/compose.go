package mail

import (
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/address"
)

// Compose makes the mail of a letter. An error that wraps ErrRefused: To is no address.
func (l *Letters) Compose(letter Letter, id string) (Message, error) {
	if err := letter.check(); err != nil {
		return Message{}, err
	}
	to, err := recipient(letter.To)
	if err != nil {
		return Message{}, err
	}
	c := l.content(letter, to)
	m := Message{ID: id, Kind: letter.Kind, To: to, Lang: c.Lang, Subject: c.Subject, Code: c.Code, Link: c.Button.URL}
	if m.Link == "" {
		m.Link = c.Unasked.Button.URL
	}
	m.Text, m.HTML, err = l.render(c)
	return m, err
}

// recipient is the one address that a mail goes to: what stands before the at sign as it was given, because only its own server
// knows whether case matters there, and the domain in ASCII.
func recipient(to string) (string, error) {
	a, err := address.Parse(to)
	if err != nil {
		return "", fmt.Errorf("mail: the address of the letter: %w: %w", ErrRefused, err)
	}
	local, _, _ := strings.Cut(a.Typed, "@")
	return local + "@" + a.Domain, nil
}
