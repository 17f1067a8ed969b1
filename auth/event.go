package auth

import "time"

// A Kind says what happened.
type Kind string

const (
	FlowStarted    Kind = "flow_started"    // an address was given
	ProofAccepted  Kind = "proof_accepted"  // something was proven
	ProofRefused   Kind = "proof_refused"   // a guess was wrong
	Throttled      Kind = "throttled"       // a guess was not looked at
	AccountChosen  Kind = "account_chosen"  // a company was chosen
	TurnedAway     Kind = "turned_away"     // proven, but not let in; Reason says why
	SignedIn       Kind = "signed_in"       // a session begins
	SignedOut      Kind = "signed_out"      // its owner ended it
	SessionEnded   Kind = "session_ended"   // one session was ended from a list
	SessionsEnded  Kind = "sessions_ended"  // a person's or a company's sessions were ended
	PasswordSet    Kind = "password_set"    // a person has a new password
	HashUpgraded   Kind = "hash_upgraded"   // the same password is stored in a newer form
	HashUnreadable Kind = "hash_unreadable" // a stored hash is in no format that the Hasher or its Verifiers know
	GuessingAlert  Kind = "guessing_alert"  // this process refused unusually many guesses within a minute, over all people
)

// An Event is one line of the trail. It never holds a secret, a token or anything that somebody typed: a guess at an unknown
// address is an event without a UserID.
type Event struct {
	Kind      Kind
	Time      time.Time
	FlowID    string
	UserID    string // empty where nobody is known, or nobody must be told
	AccountID string
	SessionID string
	DeviceID  string
	Method    Method
	Reason    Reason
	IP        string
	UserAgent string   // cut to 256 bytes, without control characters
	Count     int      // with GuessingAlert: the guesses refused so far in this minute
	Trace     []string // the rules that decided, where Next did
}
