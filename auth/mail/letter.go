package mail

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
	"unicode"
)

// A Kind is what a letter is about. Its texts are in auth/locale, under "mail." and the kind.
type Kind string

const (
	VerifyLogin     Kind = "verify_login"     // the code that a sign-in from an unknown device asks for
	VerifyStepUp    Kind = "verify_stepup"    // the code that somebody who is signed in is asked for, before they may do something
	EnrollEmail     Kind = "enroll_email"     // the code of the second dialog of two-step set-up
	NewDevice       Kind = "new_device"       // somebody signed in on a device not known before
	TwoStepOn       Kind = "two_step_on"      // two-step verification was set up
	TwoStepOff      Kind = "two_step_off"     // it was turned off by the person
	TwoStepReplaced Kind = "two_step_new"     // another phone has taken the place of the old one
	TwoStepReset    Kind = "two_step_reset"   // an administrator took it away, to be set up anew
	TwoStepAsked    Kind = "two_step_asked"   // somebody asks to replace the phone without it; Until says when that will be possible
	RecoveryUsed    Kind = "recovery_used"    // a recovery code was used; Left says how many remain
	RecoveryNew     Kind = "recovery_new"     // new recovery codes were made; the old ones are gone
	PasswordChanged Kind = "password_changed" // the password was changed
	DeviceReported  Kind = "device_reported"  // the person reported a device: it and everybody else was signed out
	Locked          Kind = "locked"           // a suspicious sign-in: the account waits for a new password
	Guessing        Kind = "guessing"         // somebody who knows the password tries codes
	Reset           Kind = "reset"            // Link leads to a page where a new password is set; ExpiresAt says until when

	ResetSSO        Kind = "reset_sso"        // somebody asked for a new password, and the company has its own sign-in: there is none
	Invite          Kind = "invite"           // Link leads to a page where somebody new sets a password and joins Company
	InviteExisting  Kind = "invite_existing"  // Link leads to a page where somebody with an account joins or declines
	InviteSSO       Kind = "invite_sso"       // the same for somebody whose company has its own sign-in
	SignUp          Kind = "signup"           // Link leads to a page where somebody new sets a password
	SignUpTaken     Kind = "signup_taken"     // somebody asked for an account with an address that has one
	EmailConfirm    Kind = "email_confirm"    // to a new address: Link leads to where it is confirmed
	EmailTaken      Kind = "email_taken"      // to an address of somebody else's that a person wants for theirs
	EmailAsked      Kind = "email_asked"      // to the present address: it is to be replaced by NewEmail
	EmailChanged    Kind = "email_changed"    // to the old address: it was replaced by NewEmail. Link, if there is one, takes that back until ExpiresAt
	EmailUndone     Kind = "email_undone"     // the old address counts again; everybody was signed out, and a new password is needed
	RecoveryConfirm Kind = "recovery_confirm" // to a recovery address: Link leads to where it is confirmed
	RecoveryChanged Kind = "recovery_changed" // the recovery address was set or replaced by NewEmail, or removed where that is empty. Link, if there is one, takes that back until ExpiresAt
	SeatRequest     Kind = "seat_request"     // to an administrator of Company: Person asks for a seat for Item
	SSOLinked       Kind = "sso_linked"       // the company's own sign-in opens the account from now on
	SocialLinked    Kind = "social_linked"    // the account that the person has at Item opens the account from now on
	SocialUnlinked  Kind = "social_unlinked"  // it does no longer
	SocialCode      Kind = "social_code"      // the code that proves the address of somebody who comes from Item; there may be no account with it
	BreakGlass      Kind = "break_glass"      // to a super administrator: Person went round the company's own sign-in
	Nothing         Kind = "nothing"          // is posted and never sent: it takes the place of a letter that nobody must get, so that the work is the same
)

// Kinds are all kinds that are sent: every one but Nothing.
func Kinds() []Kind {
	return []Kind{
		VerifyLogin, VerifyStepUp, EnrollEmail, NewDevice, TwoStepOn, TwoStepOff, TwoStepReplaced, TwoStepReset, TwoStepAsked, RecoveryUsed,
		RecoveryNew, PasswordChanged, DeviceReported, Locked, Guessing, Reset, ResetSSO, Invite, InviteExisting, InviteSSO, SignUp,
		SignUpTaken, EmailConfirm, EmailTaken, EmailAsked, EmailChanged, EmailUndone, RecoveryConfirm, RecoveryChanged, SeatRequest,
		SSOLinked, SocialLinked, SocialUnlinked, SocialCode, BreakGlass,
	}
}

// hasCode tells whether letters of the kind are for bringing a code.
func (k Kind) hasCode() bool {
	return k == VerifyLogin || k == VerifyStepUp || k == EnrollEmail || k == SocialCode
}

// hasLink tells whether letters of the kind are for bringing a link.
func (k Kind) hasLink() bool {
	return k == Reset || k == SignUp || k == EmailConfirm || k == RecoveryConfirm || k.invites()
}

// invites tells whether letters of the kind ask somebody to join a company.
func (k Kind) invites() bool { return k == Invite || k == InviteExisting || k == InviteSSO }

// stranger tells whether letters of the kind go to an address that nobody has proven to read yet.
func (k Kind) stranger() bool {
	return k == Invite || k == InviteSSO || k == SignUp || k == EmailConfirm || k == RecoveryConfirm || k == SocialCode
}

// social tells whether letters of the kind are about the account that a person has at a social provider.
func (k Kind) social() bool { return k == SocialLinked || k == SocialUnlinked || k == SocialCode }

// A Letter is something to tell a person. What a kind has no use for stays zero.
type Letter struct {
	Kind      Kind
	UserID    string    // for events; never in the mail
	To        string    // the address
	Lang      string    // the person's language, as a BCP 47 tag; empty: English
	Code      string    // to be typed: letters, digits and hyphens
	ExpiresAt time.Time // of Code or Link; the letter is not sent from then on. Zero: it is sent however late
	Link      string    // where to go: an absolute address of this host. Empty: for most notices, LettersConfig.Security
	When      time.Time // when it happened; zero: the letter does not say
	IP        string    // from where; empty: unknown
	Browser   string    // with what, as a person says it ("Firefox, Linux"); empty: unknown
	Left      int       // recovery codes
	Until     time.Time // see TwoStepAsked
	Company   string    // the name of a company, as its administrators wrote it: see Invite, SeatRequest
	Person    string    // the address of the person who asks, or did it: see SeatRequest, BreakGlass; of the account elsewhere: SocialLinked, SocialUnlinked; empty: the letter does not say
	Item      string    // the name of the product that is asked for: see SeatRequest; empty: the letter does not say. Of a social provider: see SocialLinked, SocialUnlinked, SocialCode
	NewEmail  string    // see EmailAsked, EmailChanged, RecoveryChanged
}

// check refuses what no caller should ask for. Addresses and names are not looked at: they are data. A letter to a wrong address is
// refused by Compose, and what cannot be shown of the rest is left out.
func (l Letter) check() error {
	switch {
	case !slices.Contains(Kinds(), l.Kind):
		return fmt.Errorf("mail: there is no kind of letter %q", l.Kind)
	case l.Kind.hasCode() && !plainCode(l.Code):
		return fmt.Errorf("mail: a letter %s needs a Code of letters, digits and hyphens", l.Kind)
	case l.Kind.hasLink() && l.Link == "":
		return fmt.Errorf("mail: a letter %s needs a Link", l.Kind)
	case (l.Kind.invites() || l.Kind == SeatRequest) && l.Company == "":
		return fmt.Errorf("mail: a letter %s needs a Company", l.Kind)
	case l.Kind.social() && clean(l.Item, maxItem) == "":
		return fmt.Errorf("mail: a letter %s needs an Item", l.Kind)
	case (l.Kind == EmailAsked || l.Kind == EmailChanged) && l.NewEmail == "":
		return fmt.Errorf("mail: a letter %s needs a NewEmail", l.Kind)
	case l.Link != "" && !absolute(l.Link, "https", "http"):
		return errors.New("mail: Link is not an absolute address")
	}
	return nil
}

// plainCode tells a code that can be read, typed and found in a mail by a program.
func plainCode(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, r := range s {
		if r != '-' && (r >= unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return false
		}
	}
	return true
}

// absolute tells whether a text is an address of one of these schemes that can stand on a line of its own.
func absolute(s string, schemes ...string) bool {
	for _, r := range s {
		if r <= ' ' || r >= unicode.MaxASCII {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && len(s) <= 2048 && slices.Contains(schemes, u.Scheme) && (u.Host != "" || u.Scheme == "mailto" && u.Opaque != "")
}
