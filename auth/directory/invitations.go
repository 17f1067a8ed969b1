package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

// ErrNotEmpty is the answer of Bootstrap where there is somebody or something already.
var ErrNotEmpty = errors.New("directory: not empty")

// bootstrapLife is how long the first invitation lasts, as others do.
const bootstrapLife = 7 * 24 * time.Hour

// Bootstrap makes the first company, and an invitation of its super administrator that has no letter yet, on an empty store:
// once, however many programs start together. Its inviter is the host itself, whose it is to send the letter.
// ErrNotEmpty: there is a person or a company, as on every later start. InvitationsTo finds the invitation again while it is open;
// where a week may pass before somebody follows the letter, keep its ID: (*auth.Manager).SendInvitation makes it good for a week more.
func (d *Directory) Bootstrap(ctx context.Context, company, email string) (auth.Invitation, error) {
	if company == "" {
		return auth.Invitation{}, errors.New("directory: bootstrapping: the name of the company is required")
	}
	now := d.now()
	a := Account{ID: "acc_" + token.NewID(), Name: company, State: auth.AccountActive}
	first, err := newInvitation(auth.NewInvitation{AccountID: a.ID, Email: email, Role: auth.RoleSuperAdmin}, now.Add(bootstrapLife))
	if err != nil {
		return auth.Invitation{}, fmt.Errorf("directory: bootstrapping: %w", err)
	}
	if err := d.store.Bootstrap(ctx, a, first, now); err != nil {
		return auth.Invitation{}, err
	}
	return d.store.Invitation(ctx, first.ID)
}

// CreateInvitation implements auth.Invitations. A super administrator may give any role, an administrator that of a member.
func (d *Directory) CreateInvitation(ctx context.Context, n auth.NewInvitation, expires, now time.Time) (auth.Invitation, error) {
	i, err := newInvitation(n, expires)
	if err != nil {
		return auth.Invitation{}, fmt.Errorf("directory: inviting: %w", err)
	}
	return d.store.CreateInvitation(ctx, i, now)
}

func newInvitation(n auth.NewInvitation, expires time.Time) (auth.Invitation, error) {
	a, err := address.Parse(n.Email)
	if err != nil {
		return auth.Invitation{}, err
	}
	return auth.Invitation{
		ID: "inv_" + token.NewID(), Email: a.Canonical, Name: n.Name, Lang: n.Lang, By: n.By,
		As: auth.Membership{
			AccountID: n.AccountID, State: auth.MemberInvited, Role: cmp.Or(n.Role, auth.RoleMember),
			Products: slices.Compact(slices.Sorted(slices.Values(n.Products))),
		},
		State: auth.InvitationOpen, ExpiresAt: expires,
	}, nil
}

// Invitation implements auth.Invitations.
func (d *Directory) Invitation(ctx context.Context, id string) (auth.Invitation, error) {
	return d.store.Invitation(ctx, id)
}

// InvitationsTo implements auth.Invitations. Those whose inviter could not make them any more are left out.
func (d *Directory) InvitationsTo(ctx context.Context, email string, now time.Time) ([]auth.Invitation, error) {
	return d.store.InvitationsTo(ctx, email, now)
}

// CountLetter implements auth.Invitations.
func (d *Directory) CountLetter(ctx context.Context, id string, expires, now time.Time) (auth.Invitation, error) {
	return d.store.CountLetter(ctx, id, expires, now)
}

// Join implements auth.Invitations. The person has the seats of the invitation from then on. Refusal: also ReasonNoSeatsLeft, where
// programs whose clocks differ have given a seat away.
func (d *Directory) Join(ctx context.Context, id string, letter int, userID string, now time.Time) (auth.Membership, error) {
	return d.store.Join(ctx, id, letter, userID, now)
}

// CloseInvitation implements auth.Invitations.
func (d *Directory) CloseInvitation(ctx context.Context, id string, as auth.InvitationState, _ time.Time) error {
	if as != auth.InvitationDeclined && as != auth.InvitationRevoked {
		return fmt.Errorf("directory: closing an invitation: %q is no way to close one", as)
	}
	return d.store.CloseInvitation(ctx, id, as)
}
