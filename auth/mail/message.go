package mail

import (
	"context"
	"errors"
)

// A Message is a mail ready to be sent.
type Message struct {
	ID      string // the same for every attempt at the same letter: the left part of its Message-ID
	Kind    Kind
	To      string
	Lang    string
	Subject string
	Text    string
	HTML    string
	Code    string // the code in it, for mailboxes of tests and demonstrations; empty: none
	Link    string // the same of its link
}

// A Sender takes mails to where people read them. Send answers nil once somebody else is responsible for the mail.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRefused, wrapped by a Sender's error, says that sending again cannot help: the address does not exist.
var ErrRefused = errors.New("mail: refused for good")
