package sso

import (
	"context"
	"fmt"
	"time"
)

// A Kind says what happened.
type Kind string

const (
	RequestMade    Kind = "sso_request_made"    // a browser is sent to a provider
	AnswerAccepted Kind = "sso_answer_accepted" // a provider says who somebody is
	AnswerRefused  Kind = "sso_answer_refused"  // Code says why
	AnswerTested   Kind = "sso_answer_tested"   // a test has come to its end; Code says why it failed, empty: it did not
	LogoutMade     Kind = "sso_logout_made"     // a browser is sent to a provider to sign out there
	LogoutAccepted Kind = "sso_logout_accepted" // a provider asks to end sessions
	LogoutAnswered Kind = "sso_logout_answered" // a provider has answered a sign-out of ours
	LogoutRefused  Kind = "sso_logout_refused"  // Code says why
)

// An Event is one line of the trail. It never holds a secret, nor anything that a provider or a person has written.
type Event struct {
	Kind        Kind
	Time        time.Time
	Connection  string
	AccountID   string
	Code        Code
	Unsolicited bool // nobody had asked for the answer
	Test        bool
	UserID      string // of a sign-out of ours
	SessionID   string // the same
}

func (m *Manager) record(ctx context.Context, c Connection, e Event) error {
	if m.cfg.Record == nil {
		return nil
	}
	e.Connection, e.AccountID = c.ID, c.AccountID
	if err := m.cfg.Record(ctx, e); err != nil {
		return fmt.Errorf("sso: recording %s: %w", e.Kind, err)
	}
	return nil
}
