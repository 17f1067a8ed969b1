package auth

import (
	"context"
	"time"
)

// MaxIdentity is how many bytes a Link's Source and Subject may have, each. What is longer is no identity: whoever reads one from
// outside refuses it before it comes here.
const MaxIdentity = 512

// A Link ties a person to who they are at a company's connection or at a social provider. Source and Subject say who that is: an
// e-mail address is a claim about it, and never finds a person.
type Link struct {
	ID       string    // names it in lists; never reused
	UserID   string    // whose it is
	Source   string    // the connection ("sso:" and its ID), or the issuer; at most MaxIdentity bytes
	Subject  string    // who the person is there, byte by byte; at most MaxIdentity bytes
	Provider string    // the ID of the social provider that it came by; empty: a company's
	Email    string    // what was asserted when it was linked; may be empty, and is for people to read
	LinkedAt time.Time // when
	UsedAt   time.Time // when the person last came in by it; zero: never
}

// Identities keeps who people are elsewhere. A pair of Source and Subject is one person's, and a person has one Subject at a Source.
// Sources and subjects are compared byte by byte, and need not be text. Every method is one atomic change. storetest.Identities tries
// all of this.
type Identities interface {
	// IdentityBy answers the link of a source and subject. ErrNotFound: it is nobody's.
	IdentityBy(ctx context.Context, source, subject string) (Link, error)
	// Identities answers the links of a person by LinkedAt and then by ID, compared byte by byte. None is not an error.
	Identities(ctx context.Context, userID string) ([]Link, error)
	// LinkIdentity adds a link. ErrConflict: source and subject are somebody else's, the person has another subject at the source, or
	// the ID is taken. A link of the same person, source and subject that stands already is left as it is, and is no error. Of callers
	// that want one identity at the same moment, one gets it.
	LinkIdentity(ctx context.Context, l Link) error
	// UseIdentity moves UsedAt forward, and never back. ErrNotFound: there is no such link.
	UseIdentity(ctx context.Context, source, subject string, now time.Time) error
	// UnlinkIdentity deletes one link of a person. Where providers is nil, in any case. Else only where another link of the person
	// stays whose Provider is among them, looked at and deleted in one step: of callers who unlink a person's last two at the same
	// moment, one does. ErrConflict: none stays, as always where providers is empty and not nil. ErrNotFound: the person has no such
	// link.
	UnlinkIdentity(ctx context.Context, userID, id string, providers []string) error
	// UnlinkIdentities deletes all links of a person. It is not an error if there is none.
	UnlinkIdentities(ctx context.Context, userID string) error
}
