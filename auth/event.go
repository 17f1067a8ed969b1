package auth

import (
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
)

// A Kind says what happened.
type Kind string

const (
	FlowStarted      Kind = "flow_started"   // an address was given
	ProofAccepted    Kind = "proof_accepted" // something was proven
	ProofRefused     Kind = "proof_refused"  // a guess was wrong
	Throttled        Kind = "throttled"      // a guess was not looked at
	AccountChosen    Kind = "account_chosen" // a company was chosen
	TurnedAway       Kind = "turned_away"    // proven, but not let in; Reason says why
	SignedIn         Kind = "signed_in"      // a session begins
	SignedOut        Kind = "signed_out"     // its owner ended it
	SessionEnded     Kind = "session_ended"  // one session was ended from a list
	SessionsEnded    Kind = "sessions_ended" // a person's or a company's sessions were ended
	PasswordSet      Kind = "password_set"   // a person has a new password
	Locked           Kind = "locked"         // a suspicious sign-in closed every door of a person
	CodeSent         Kind = "code_sent"      // a code was mailed; Method says what for it counts
	TwoStepSet       Kind = "two_step_set"   // an authenticator app was set up, or took the place of another
	TwoStepOff       Kind = "two_step_off"   // its owner turned it off
	TwoStepReset     Kind = "two_step_reset" // an administrator took it away
	TwoStepAsked     Kind = "two_step_asked" // somebody asks to replace it without it, after a delay
	RecoveryMade     Kind = "recovery_made"  // new recovery codes
	SteppedUp        Kind = "stepped_up"     // a session was proven anew
	DeviceTrusted    Kind = "device_trusted"
	DeviceDistrusted Kind = "device_distrusted"
	DeviceReported   Kind = "device_reported"    // its owner does not know a device
	ResetSent        Kind = "reset_sent"         // the link of a reset was mailed
	ResetAsked       Kind = "reset_asked"        // somebody has asked for a new password by mail; UserID is empty where nobody gets a letter
	SignUpAsked      Kind = "sign_up_asked"      // somebody has asked for an account; UserID is that of who has one already
	UserCreated      Kind = "user_created"       // a person was added: by sign-up or invitation
	UserVerified     Kind = "user_verified"      // an address was proven for the first time
	Invited          Kind = "invited"            // an invitation was made
	InvitationSent   Kind = "invitation_sent"    // a letter of it went out
	InvitationClosed Kind = "invitation_closed"  // it was declined or taken back
	Joined           Kind = "joined"             // a person has joined a company
	Switched         Kind = "switched"           // a session goes on in another company
	EmailAsked       Kind = "email_asked"        // a person wants another address
	EmailChanged     Kind = "email_changed"      // a person has another address
	EmailUndone      Kind = "email_undone"       // whoever reads the old address has taken the change back
	RecoveryChanged  Kind = "recovery_changed"   // a person's recovery address was set or removed
	ChangeRequired   Kind = "change_required"    // an administrator asks for a new password
	SeatAsked        Kind = "seat_asked"         // a person asks the administrators for a seat
	LetterDead       Kind = "letter_dead"        // a letter was given up; Letter says which kind
	RiskUnknown      Kind = "risk_unknown"       // Config.Risk has failed
	SignOutAppointed Kind = "sign_out_appointed" // a company's sessions will end at a date
	HashUpgraded     Kind = "hash_upgraded"      // the same password is stored in a newer form
	HashUnreadable   Kind = "hash_unreadable"    // a stored hash is in no format that the Hasher or its Verifiers know
	LinkAsked        Kind = "link_asked"         // a company's sign-in, or a social account, is somebody's who has to prove it here first
	IdentityLinked   Kind = "identity_linked"    // it is a person's from now on
	IdentityUnlinked Kind = "identity_unlinked"  // it is no longer: an administrator, the person or the provider took that back
	Unlocked         Kind = "unlocked"           // a locked account was opened by a company's sign-in, demanded anew
	BreakGlass       Kind = "break_glass"        // somebody who is exempt went round their company's own sign-in
	SSOChanged       Kind = "sso_changed"        // a member was exempted from the company's own sign-in, bound to it, or neither
	GuessingAlert    Kind = "guessing_alert"     // this process refused unusually many guesses within a minute, over all people
)

// An Event is one line of the trail. It never holds a secret, a token or anything that somebody typed: a guess at an unknown
// address is an event without a UserID.
type Event struct {
	Kind       Kind
	Time       time.Time
	FlowID     string
	UserID     string // empty where nobody is known, or nobody must be told
	AccountID  string
	SessionID  string
	DeviceID   string
	Method     Method
	Connection string      // of a company's own sign-in
	Override   SSOOverride // with SSOChanged: what it is now
	Reference  string      // with ProofRefused: what the person was told to name
	Reason     Reason
	Change     Change // with SessionsEnded: why, where a change of the person is the reason
	IP         string
	UserAgent  string    // cut to 256 bytes, without control characters
	Invitation string    // its ID, with InvitationSent, InvitationClosed and Joined. Invited has none yet: the first letter follows it
	Verdict    Verdict   // what Config.Risk said, with ProofAccepted
	Due        time.Time // with SignOutAppointed: when
	Letter     mail.Kind // with LetterDead
	Count      int       // with GuessingAlert: the guesses refused so far in this minute
	Trace      []string  // the rules that decided, where Next did
}
