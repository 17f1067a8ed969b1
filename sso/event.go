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

	ConnectionAdded   Kind = "sso_connection_added"
	ConnectionChanged Kind = "sso_connection_changed" // by an administrator
	ConnectionDeleted Kind = "sso_connection_deleted"
	MetadataChanged   Kind = "sso_metadata_changed" // a provider says something anew about itself; Count says how many things
	MetadataHeld      Kind = "sso_metadata_held"    // it says things that wait for an administrator; Count says how many. Every reading says so
	MetadataFailed    Kind = "sso_metadata_failed"  // it cannot be read, Code says why; the connection goes on as it was
	KeyApproved       Kind = "sso_key_approved"     // an administrator lets a new key count
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
	Count       int
}

// record writes to a trail, which may be nil.
func record(ctx context.Context, trail func(context.Context, Event) error, c Connection, e Event) error {
	if trail == nil {
		return nil
	}
	e.Connection, e.AccountID = c.ID, c.AccountID
	if err := trail(ctx, e); err != nil {
		return fmt.Errorf("sso: recording %s: %w", e.Kind, err)
	}
	return nil
}

func (m *Manager) record(ctx context.Context, c Connection, e Event) error {
	return record(ctx, m.cfg.Record, c, e)
}
