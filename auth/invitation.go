package auth

import (
	"context"
	"time"
)

// InvitationState is what has become of an invitation.
type InvitationState string

const (
	InvitationOpen     InvitationState = "open"
	InvitationJoined   InvitationState = "joined"
	InvitationDeclined InvitationState = "declined"
	InvitationRevoked  InvitationState = "revoked" // taken back, or its inviter may no longer give what it gives
)

// An Invitation asks whoever reads an address into a company. It creates no person and no credential: joining does.
type Invitation struct {
	ID        string
	Email     string     // whose it is, in the form of CanonicalEmail
	Name      string     // how the inviter calls the person; may be empty
	Lang      string     // the language of its letters, as a BCP 47 tag; empty: unknown
	By        string     // the inviter's user ID; empty: the host itself
	As        Membership // what joining makes of the person: company, role, seats; State is MemberInvited
	State     InvitationState
	Letter    int       // how many letters were sent; only the newest one's link counts
	SentAt    time.Time // when; zero: none was
	ExpiresAt time.Time // no link counts from then on, and its seats are free
}

// stands says why a link of this letter counts no longer; empty: it counts.
func (i Invitation) stands(letter int, now time.Time) Reason {
	switch {
	case i.ID == "", i.State == InvitationRevoked:
		return ReasonInviteRevoked
	case i.State != InvitationOpen:
		return ReasonInviteUsed
	case letter != i.Letter:
		return ReasonInviteReplaced
	case !now.Before(i.ExpiresAt):
		return ReasonInviteExpired
	case i.As.at(now).AccountState == AccountExpired:
		return ReasonAccountExpired
	}
	return ""
}

// A NewInvitation is one to be made.
type NewInvitation struct {
	AccountID string   // the company; required
	Email     string   // whoever reads it is invited
	Name      string   // how the person is called; may be empty
	Role      Role     // empty: a member
	Products  []string // seats that are held for the person; none: none
	Lang      string   // the language of the letters, as a BCP 47 tag; empty: that of the person, else English
	By        string   // the inviter's user ID: an active administrator of the company, whose own role is not below Role. Empty: the host itself, which may give any
}

// Invitations keeps invitations. It is optional: without it nobody can be invited. directory.Directory is one. Every method is one
// atomic change. Refusals are errors of type Refusal.
type Invitations interface {
	// CreateInvitation adds an open invitation without a letter, and holds its seats. Refusals: ReasonForbidden (By may not give
	// Role), ReasonUserExistsInAccount (there is an open invitation or a membership, in whatever state), ReasonNoSeatsLeft,
	// ReasonAccountExpired. ErrNotFound: no such company. n.Email is canonical.
	CreateInvitation(ctx context.Context, n NewInvitation, expires, now time.Time) (Invitation, error)

	// Invitation answers one, whatever its state. One that is open is answered as revoked where By may no longer give its role.
	// ErrNotFound: there is none.
	Invitation(ctx context.Context, id string) (Invitation, error)

	// InvitationsTo answers the open invitations to an address, given in canonical form, newest first. None is not an error.
	InvitationsTo(ctx context.Context, email string, now time.Time) ([]Invitation, error)

	// CountLetter writes down that one more letter goes out, so that earlier links count no longer, and until when its link counts.
	// One that had expired takes its seats anew. ErrNotFound: it is not open. Refusal: ReasonNoSeatsLeft.
	CountLetter(ctx context.Context, id string, expires, now time.Time) (Invitation, error)

	// Join makes the person a member and closes the invitation: for one caller. Letter is that of the link. Refusals:
	// ReasonInviteUsed, ReasonInviteReplaced, ReasonInviteRevoked, ReasonInviteExpired, ReasonUserExistsInAccount,
	// ReasonUserSuspended (a membership that was suspended stays so), ReasonAccountExpired, ReasonNoSeatsLeft (another machine's clock
	// ran ahead and gave the seat away); nothing was written then.
	// ErrNotFound: there is no such invitation.
	Join(ctx context.Context, id string, letter int, userID string, now time.Time) (Membership, error)

	// CloseInvitation closes an open invitation as declined or revoked, and frees its seats. ErrNotFound: it is not open.
	CloseInvitation(ctx context.Context, id string, as InvitationState, now time.Time) error
}
