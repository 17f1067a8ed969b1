package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/auth/password"
)

// SetPassword gives a person a password, without asking for the old one: it is for administrators' tools, not for a form. For
// hashes from another system see ImportHash. It judges the password by the strictest policy over the product and the person's
// companies (*PasswordError), ends what ChangePassword ends, opens a locked account, and tells the person if there was a password
// before. ErrNotFound: no such person. ErrConflict: somebody else was faster.
func (m *Manager) SetPassword(ctx context.Context, userID, typed string) error {
	u, err := m.users.UserByID(ctx, userID)
	if err != nil {
		return fmt.Errorf("auth: setting a password: reading the user: %w", err)
	}
	cred, err := m.credential(ctx, userID)
	if err != nil {
		return err
	}
	members, err := m.memberships(ctx, userID, m.now())
	if err != nil {
		return err
	}
	hash, err := m.hashNew(ctx, u, cred, members, typed)
	if err != nil {
		return err
	}
	return m.swapPassword(ctx, u, cred, newPassword{hash: hash, remember: m.judgeOf(members).Policy.History, resetAt: cred.ResetAt, insist: true}, Client{})
}

// RequireNewPassword makes the person's next sign-in ask for a new password, and ends every sign-in and link that is under way. It
// is for administrators' tools. ErrNotFound: the person has no password.
func (m *Manager) RequireNewPassword(ctx context.Context, userID string) error {
	if err := m.note(ctx, Event{Kind: ChangeRequired, Time: m.now(), UserID: userID}); err != nil {
		return err
	}
	return m.edit(ctx, userID, func(c *Credential) error {
		if c.Hash == "" {
			return ErrNotFound
		}
		c.MustChange = true
		return nil
	})
}

// edit changes something about a credential besides its password, however often others change it meanwhile.
func (m *Manager) edit(ctx context.Context, userID string, change func(*Credential) error) error {
	for {
		cred, err := m.credential(ctx, userID)
		if err != nil {
			return err
		}
		cred.UserID = userID
		if err := change(&cred); err != nil {
			return err
		}
		err = m.stores.Credentials.SwapCredential(ctx, cred)
		if err == nil || !errors.Is(err, ErrConflict) {
			return wrapped("auth: changing a credential", err)
		}
	}
}

// wrapped says what was being done where something failed.
func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// hashNew judges a password (*PasswordError, *password.BusyError) and hashes it.
func (m *Manager) hashNew(ctx context.Context, u User, cred Credential, members []Membership, typed string) (string, error) {
	place, err := m.queue.Enter("")
	if err != nil {
		return "", fmt.Errorf("auth: setting a password: %w", err)
	}
	defer place.Leave()
	if err := place.Start(ctx); err != nil {
		return "", fmt.Errorf("auth: setting a password: %w", err)
	}
	unmet, err := m.judgeOf(members).Unmet(ctx, typed, m.about(u, cred, members))
	if err != nil {
		return "", fmt.Errorf("auth: judging a password: %w", err)
	}
	if len(unmet) > 0 {
		return "", &PasswordError{Unmet: unmet}
	}
	hash, err := m.hasher.Hash(typed)
	return hash, wrapped("auth: hashing a password", err)
}

// A newPassword is one that was judged, and how it is to be set.
type newPassword struct {
	hash     string
	remember int       // how many of the last ones, this one among them, may not be set again
	resetAt  time.Time // when a mailed reset last set one
	keep     string    // the session that lives on; empty: none
	keepAll  bool      // every session does
	insist   bool      // whatever was ended meanwhile keeps it from being set only if it was the password
	afresh   bool      // nothing from before stays: the address was not proven then
}

// change is the line of the table at Change.
func (p newPassword) change() Change {
	switch {
	case p.afresh:
		return ChangeVerified
	case p.keepAll:
		return ChangePasswordKept
	}
	return ChangePassword
}

// swapPassword ends what the old password opened, writes the new one, and ends once more what slipped in between the two.
// ErrConflict: somebody else was faster, or has ended what led here.
func (m *Manager) swapPassword(ctx context.Context, u User, old Credential, p newPassword, c Client) error {
	now := m.now()
	e := m.event(PasswordSet, now, c)
	e.UserID, e.SessionID, e.Change = u.ID, p.keep, p.change()
	if err := m.note(ctx, e); err != nil {
		return err
	}
	var notices []string
	if old.Hash != "" {
		var err error
		if notices, err = m.announceToAll(ctx, m.letter(mail.PasswordChanged, u, "", c, now), old.RecoveryEmail); err != nil {
			return err
		}
	}
	if err := m.endBy(ctx, u.ID, p.change(), p.keep); err != nil {
		return err
	}
	if err := m.dropped(ctx, u.ID, old, p); err != nil {
		return err
	}
	swap := m.stores.Credentials.SwapCredential
	if p.insist {
		swap = func(ctx context.Context, next Credential) (err error) {
			old.LockedAt, err = m.swap(ctx, next, old)
			return err
		}
	}
	if err := swap(ctx, p.over(u.ID, old, now)); err != nil {
		if errors.Is(err, ErrConflict) {
			err = errors.Join(err, m.retract(ctx, notices...))
		}
		return fmt.Errorf("auth: setting a password: %w", err)
	}
	ctx = context.WithoutCancel(ctx) // a browser that hangs up must not keep what the old password has opened
	if err := m.endBy(ctx, u.ID, p.change(), p.keep); err != nil {
		return err
	}
	if err := m.dropped(ctx, u.ID, old, p); err != nil { // what was linked between the two
		return err
	}
	return m.forgive(ctx, u)
}

// dropped takes away what somebody else may have set up: all of it, before the address was proven; and the social accounts, where the
// account was locked, because whoever had it may have connected one of theirs. Their owner connects them anew.
func (m *Manager) dropped(ctx context.Context, userID string, old Credential, p newPassword) error {
	switch {
	case p.afresh:
		return m.discard(ctx, userID)
	case old.LockedAt.IsZero():
		return nil
	}
	all, err := m.Connected(ctx, userID)
	if err != nil {
		return err
	}
	for _, l := range all {
		if err := m.note(ctx, Event{Kind: IdentityUnlinked, Time: m.now(), UserID: userID, Method: SocialMethod(l.Provider)}); err != nil {
			return err
		}
		if err := m.stores.Identities.UnlinkIdentity(ctx, userID, l.ID, nil); err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("auth: unlinking an identity: %w", err)
		}
	}
	return nil
}

// over is the credential with the new password in the place of the old.
func (p newPassword) over(userID string, old Credential, now time.Time) Credential {
	next := Credential{UserID: userID, Hash: p.hash, Version: old.Version, ChangedAt: now, ResetAt: p.resetAt}
	if p.afresh {
		return next
	}
	next.History, next.RecoveryEmail = old.History, old.recovery()
	if old.Hash != "" {
		next.History = append([]string{old.Hash}, old.History...)
	}
	next.History = next.History[:min(len(next.History), max(p.remember, 0))]
	return next
}

// recovery is the recovery address that goes with a new password: none where the account was locked, because whoever had it may have
// set the address, and could have the next reset mailed to themselves.
func (c Credential) recovery() string {
	if !c.LockedAt.IsZero() {
		return ""
	}
	return c.RecoveryEmail
}

// discard takes away what was set up before the person's address was proven: identities, an app and recovery codes.
func (m *Manager) discard(ctx context.Context, userID string) error {
	if m.stores.Identities != nil {
		if err := m.stores.Identities.UnlinkIdentities(ctx, userID); err != nil {
			return fmt.Errorf("auth: unlinking identities: %w", err)
		}
	}
	app, err := m.app(ctx, userID)
	if err != nil || app.ID == "" {
		return err
	}
	if err := m.recovery.Remove(ctx, userID); err != nil {
		return fmt.Errorf("auth: removing recovery codes: %w", err)
	}
	return m.dropApp(ctx, userID, app.ID)
}

// forgive forgets the guesses at a person that a new password makes good: whoever made them does not get that far any more. Those
// at the app and the recovery codes are forgiven as they are tried.
func (m *Manager) forgive(ctx context.Context, u User) error {
	all := m.passwordToll(accountOf(u), u.ID, Client{}, "")
	all.refunds = slices.Concat(all.refunds, m.codeToll(u.ID).refunds, m.mailToll(u.ID).refunds)
	return m.refund(ctx, all)
}

// swap writes a new password over the old one. An EndUser meanwhile moves the version and not the password; it must not keep
// a new password from being set. Nor does the new password bring back a recovery address that was taken away meanwhile, or keep that of
// an account that was locked meanwhile.
func (m *Manager) swap(ctx context.Context, next, old Credential) (lockedAt time.Time, err error) {
	for lockedAt = old.LockedAt; ; {
		err := m.stores.Credentials.SwapCredential(ctx, next)
		if !errors.Is(err, ErrConflict) {
			return lockedAt, err
		}
		cred, failed := m.credential(ctx, next.UserID)
		if failed != nil {
			return lockedAt, failed
		}
		if cred.Hash != old.Hash || cred.Version == next.Version {
			return lockedAt, err
		}
		next.Version, next.RecoveryEmail, lockedAt = cred.Version, cred.recovery(), cred.LockedAt
	}
}

// judgeOf is the judge of a new password of somebody in these companies.
func (m *Manager) judgeOf(members []Membership) password.Judge {
	policy := m.preset.Policy
	for _, member := range members {
		if member.State == MemberActive {
			policy = policy.Strictest(member.Policy)
		}
	}
	return password.Judge{Policy: policy.Passwords, Hasher: m.hasher, Breaches: m.breaches}
}

// about is what the judge must know of the person.
func (m *Manager) about(u User, cred Credential, members []Membership) password.About {
	about := password.About{Email: u.Email, Name: u.Name, Words: slices.Clone(m.words)}
	for _, member := range members {
		about.Words = append(about.Words, member.AccountName)
	}
	about.TwoStep = Facts{Preset: m.preset, Memberships: members}.policy().TwoStep == TwoStepRequired
	if cred.Hash != "" {
		about.Previous = append([]string{cred.Hash}, cred.History...)
	}
	return about
}

// outdated tells whether a right password would not be accepted as a new one any more, where somebody asks for that. Nobody is asked
// about breaches: that would keep a sign-in waiting.
func (m *Manager) outdated(ctx context.Context, o *opened) bool {
	judge := m.judgeOf(o.facts.Memberships)
	if !judge.Policy.Recheck {
		return false
	}
	judge.Breaches = nil
	unmet, err := judge.Unmet(ctx, o.typed, m.about(o.facts.User, Credential{}, o.facts.Memberships))
	return err == nil && len(unmet) > 0
}
