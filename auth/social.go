package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
	"github.com/sallyport-auth/sallyport/session"
)

// A Provider is a social provider, as the host names it and as people know it.
type Provider struct {
	ID   string // "google"
	Name string // "Google"; empty: the ID
}

// name is how people know the provider of a social account.
func (a Arrival) name() string { return cmp.Or(a.ProviderName, a.Provider) }

// checkSocial refuses what no caller that has checked the answer of a social provider hands over. An address that is none is dropped.
func (a *Arrival) checkSocial() error {
	issuer, err := url.Parse(a.Issuer)
	switch {
	case err != nil || issuer.Scheme != "https" && issuer.Scheme != "http" || issuer.Host == "" || len(a.Issuer) > MaxIdentity:
		return errors.New("auth: Arrival.Issuer must be an address of at most MaxIdentity bytes")
	case strings.TrimSpace(a.Subject) == "":
		return errors.New("auth: an arrival without a subject")
	case len(a.Subject) > MaxIdentity:
		return errors.New("auth: Arrival.Subject is longer than MaxIdentity")
	case a.Connection != "" || a.AccountID != "" || a.JustInTime || a.MultiFactor || a.Role != "" || len(a.Login) > 0 || !a.Ends.IsZero():
		return errors.New("auth: an arrival of a social account with the fields of a company")
	}
	typed, err := address.Parse(a.Email)
	a.Email, a.Speaks = typed.Canonical, a.Speaks && err == nil
	a.Name = oneLine(a.Name)
	return nil
}

// DepartSocial says whether this browser may leave for a social provider: in a flow that offers it (to prove it once more, to connect an
// account, or to prove whose account another one is to be linked with), or else in a new one. Of the Opening, Email counts for nothing
// (the provider is not told it), and once a sign-in under way knows more than its first page asks, what it was told counts instead.
// Reason ReasonTooManyAttempts. The host knows whether there is such a provider.
//
// ErrFlowGone and ErrFlowChanged: the flow that the Ref names is none that could go on like this.
func (m *Manager) DepartSocial(ctx context.Context, ref Ref, o Opening, provider string, c Client) (Departure, error) {
	now := m.now()
	if provider == "" {
		return Departure{}, errors.New("auth: a departure for no provider")
	}
	under, err := m.open(ctx, ref, c, now)
	switch f := under.step.Flow; {
	case errors.Is(err, ErrFlowGone) && PurposeOf(ref.ID) == SignIn:
	case f.Purpose == SignIn && under.step.Stage == StageIdentify && f.Pending.Provider == "":
		o.Replaces = ref.Token // the page asks anew for what a sign-in begins with: what it says now counts
	case err != nil:
		return Departure{Step: under.step}, err
	case slices.Contains(under.step.Offer, SocialMethod(provider)), under.step.Social && f.pendsSocial(now):
		return m.leave(ctx, under, Departure{Provider: provider}, c)
	case f.Purpose != SignIn:
		step, err := outOfOrder(under.step, nil)
		return Departure{Step: step}, err
	default:
		o.Remember, o.ReturnTo, o.Lang, o.Replaces = f.Remember, f.ReturnTo, cmp.Or(o.Lang, f.Lang), ref.Token
	}
	o.Email, o.Way = "", WayAny
	f, step, err := m.begin(ctx, o, c)
	if err != nil || step.Reason != "" {
		return Departure{Step: step}, err
	}
	f.Provider = provider
	return m.leaveAnew(ctx, f, o.Replaces, Departure{Provider: provider}, c)
}

// arrivedSocial is Arrived for a social account.
func (m *Manager) arrivedSocial(ctx context.Context, o opened, c Client) (Step, error) {
	f := o.step.Flow
	a := f.Arrival
	switch {
	case f.Action == ActionConnect && o.step.Stage == StageLink: // before that it is the proof that was asked for
		return m.connect(ctx, o, a, c)
	case f.UserID != "" && !slices.Contains(o.step.Offer, a.method()):
		return m.dismiss(ctx, o, ReasonOtherUser, c)
	}
	return m.settleSocial(ctx, o, a, c)
}

// settleSocial does with a social account what Meet says, and answers where the flow stands then.
func (m *Manager) settleSocial(ctx context.Context, o opened, a Arrival, c Client) (Step, error) {
	f := o.step.Flow
	meeting, err := m.meeting(ctx, a, o.facts.Now)
	if err != nil {
		return Step{}, err
	}
	w := Meet(meeting)
	switch {
	case f.UserID != "" && (w.User.ID != f.UserID || w.Act != Recognize): // whoever goes on as somebody binds nothing
		return m.dismiss(ctx, o, ReasonOtherUser, c)
	case w.Reason != "":
		step, err := m.dismiss(ctx, o, w.Reason, c)
		if w.Reason == ReasonSSORequired && meeting.Domain.companySignIn() {
			step.Connection = meeting.Domain.Connection
		}
		return step, err
	case w.Act == Ask, w.Act == Prove:
		return m.layAside(ctx, o, a, w, c)
	}
	u, why, err := m.welcomed(ctx, meeting, w, f, c)
	if err != nil {
		return o.step, err
	}
	if why != "" {
		return m.dismiss(ctx, o, why, c)
	}
	return m.proveArrival(ctx, o, a, u, c)
}

// layAside keeps a social account that is nobody's yet, until somebody proves whose it is to be. Its clock goes on.
func (m *Manager) layAside(ctx context.Context, o opened, a Arrival, w Welcome, c Client) (Step, error) {
	f := o.step.Flow.accepted(o.facts.Now)
	f.Arrival, f.Pending, f.Told = Arrival{}, a, ""
	f.Email, f.Address, f.Way = "", "", WayAny
	switch {
	case w.Act == Prove:
	case w.User.ID != "":
		f.Told, f.Email, f.Address = ReasonSocialEmailExists, w.User.Email, a.Email
	default:
		f.Told = ReasonSocialNotConnected
	}
	e := m.event(LinkAsked, o.facts.Now, c)
	e.FlowID, e.Method = f.ID, a.method()
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	var err error
	if o.facts.Domain, err = m.domainRule(ctx, f.Address); err != nil {
		return Step{}, err
	}
	plain, next := token.New(token.Flow)
	if err := m.arrive(ctx, &o, &f, c); err != nil { // mails the code that is asked for
		return Step{}, err
	}
	o.step.Token, o.step.Came = plain, a
	return o.step, m.save(ctx, o.key, next, f)
}

// addressProven takes note that the address of the social account that waits is its owner's, and settles it.
func (m *Manager) addressProven(ctx context.Context, o opened, c Client) (Step, error) {
	f, now := &o.step.Flow, o.facts.Now
	f.Pending.Proven = true
	f.Proofs = append(slices.Clip(f.Proofs), Proof{Method: MethodEmailCode, At: now, Address: f.Pending.Email})
	f.Code = MailedCode{}
	e := m.event(ProofAccepted, now, c)
	e.FlowID, e.Method = f.ID, MethodEmailCode
	if err := m.note(ctx, e); err != nil {
		return Step{}, err
	}
	return m.settleSocial(ctx, o, f.Pending, c)
}

// connect links a social account with whoever is signed in, and has gone to its provider for that.
func (m *Manager) connect(ctx context.Context, o opened, a Arrival, c Client) (Step, error) {
	f := o.step.Flow
	if !slices.Contains(o.step.Offer, a.method()) {
		return m.dismiss(ctx, o, ReasonSocialFailed, c)
	}
	link, err := m.stores.Identities.IdentityBy(ctx, a.source(), a.Subject)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Step{}, fmt.Errorf("auth: reading an identity: %w", err)
	}
	switch {
	case err == nil && link.UserID != f.UserID:
		return m.dismiss(ctx, o, ReasonSocialAlreadyLinked, c)
	case err != nil:
		f.Arrival = Arrival{}
		if f, err = m.claimed(ctx, &o, f); err != nil {
			return o.step, err
		}
		o.step.Flow.Arrival = a // for what is said of it
		why, err := m.bind(ctx, a, o.facts.User, f, o.facts.Credential, c, true)
		if err != nil {
			return o.step, err
		}
		if why != "" {
			return m.dismiss(ctx, o, why, c)
		}
		if f, err = m.bound(ctx, &o, f); err != nil {
			return Step{}, err
		}
	}
	f = f.accepted(o.facts.Now)
	f.Arrival, f.Connected = Arrival{}, true
	plain, next := token.New(token.Flow)
	if err := m.save(ctx, o.key, next, f); err != nil {
		return Step{}, err
	}
	step := m.stepOf(o.facts, f)
	step.Token, step.Came = plain, a
	return step, nil
}

// Connected answers a person's accounts at social providers, by when they were linked.
func (m *Manager) Connected(ctx context.Context, userID string) ([]Link, error) {
	all, err := m.Identities(ctx, userID)
	return slices.DeleteFunc(all, func(l Link) bool { return l.Provider == "" }), err
}

// Disconnect takes a social account back from whoever is signed in: it opens theirs no longer. It ends what ChangeUnlinked ends, and
// writes to the person. The providers are those that people can sign in with now.
//
// Reasons: ReasonProofRequired (what was proven last is older than ten minutes, or was not the strongest), ReasonLastMethod (there is
// nothing else to sign in with: no password, no company's own sign-in, no account at another of the providers). ErrNotFound: the person has
// no such account.
func (m *Manager) Disconnect(ctx context.Context, s session.Session, linkID string, providers []Provider, c Client) (Reason, error) {
	if recent, err := m.RecentlyProven(ctx, s); err != nil || !recent {
		return ReasonProofRequired, err
	}
	all, err := m.Connected(ctx, s.UserID)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(l Link) bool { return l.ID == linkID })
	if i < 0 {
		return "", ErrNotFound
	}
	u, err := m.User(ctx, s.UserID)
	if err != nil {
		return "", err
	}
	others, err := m.needs(ctx, u, providers)
	if err != nil {
		return "", err
	}
	// Looked at before anything is ended; that nobody else takes the other one away meanwhile is the store's to see.
	if others != nil && !slices.ContainsFunc(all, func(l Link) bool { return l.ID != linkID && slices.Contains(others, l.Provider) }) {
		return ReasonLastMethod, nil
	}
	name := all[i].Provider
	for _, p := range providers {
		if p.ID == name {
			name = cmp.Or(p.Name, p.ID)
			break
		}
	}
	return m.unlink(ctx, u, all[i], name, others, s.ID, c)
}

// needs are the providers of which a person must keep an account, to have anything to sign in with; nil: there is something else.
func (m *Manager) needs(ctx context.Context, u User, providers []Provider) ([]string, error) {
	cred, err := m.credential(ctx, u.ID)
	if err != nil || cred.Hash != "" {
		return nil, err
	}
	if own, err := m.companyOpens(ctx, u); err != nil || own {
		return nil, err
	}
	ids := make([]string, 0, len(providers))
	for _, p := range providers {
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// companyOpens tells whether the company's own sign-in lets a person in who has no password: one that knows them, or will. Whoever is exempt
// from it, or a super administrator, is asked for a password before it does.
func (m *Manager) companyOpens(ctx context.Context, u User) (bool, error) {
	rule, err := m.domainRule(ctx, u.Email)
	if err != nil || !rule.companySignIn() {
		return false, err
	}
	all, err := m.Identities(ctx, u.ID)
	if err != nil || slices.ContainsFunc(all, func(l Link) bool { return l.Source == ssoSource(rule.Connection) }) {
		return err == nil, err
	}
	members, err := m.memberships(ctx, u.ID, m.now())
	in, _ := in(members, rule.AccountID)
	return in.SSO != SSOExempt && !superAdmin(members), err
}

// unlink takes a social account back. What was made with it ends first, so that a program that stops in between leaves nothing open.
func (m *Manager) unlink(ctx context.Context, u User, l Link, name string, others []string, keep string, c Client) (Reason, error) {
	now := m.now()
	e := m.event(IdentityUnlinked, now, c)
	e.UserID, e.SessionID, e.Method = u.ID, keep, SocialMethod(l.Provider)
	if err := m.note(ctx, e); err != nil {
		return "", err
	}
	letter := m.letter(mail.SocialUnlinked, u, "", c, now)
	letter.Item, letter.Person, letter.Link = name, l.Email, m.URLOf("account/connected")
	notice, err := m.announce(ctx, letter)
	if err != nil {
		return "", err
	}
	if _, err := m.invalidate(ctx, u.ID, ChangeUnlinked, keep); err != nil {
		return "", err
	}
	err = m.stores.Identities.UnlinkIdentity(ctx, u.ID, l.ID, others)
	switch {
	case errors.Is(err, ErrConflict):
		return ReasonLastMethod, m.retract(ctx, notice)
	case errors.Is(err, ErrNotFound):
		return "", errors.Join(ErrNotFound, m.retract(ctx, notice))
	case err != nil:
		return "", fmt.Errorf("auth: unlinking an identity: %w", err)
	}
	// A sign-in by the account that was finishing meanwhile has read the version as it is by now.
	_, err = m.invalidate(context.WithoutCancel(ctx), u.ID, ChangeUnlinked, keep)
	return "", err
}

// Revoked takes a social account back because its provider says so: the person has forbidden it there, or has no account there any more. It
// ends all sessions of the person and writes to them. One that was linked, or used to sign in, after the provider has said so stays: the
// person has agreed anew. So does one that is nobody's. Of the Provider, Name alone counts, for the letter.
func (m *Manager) Revoked(ctx context.Context, p Provider, issuer, subject string, at time.Time) error {
	if m.stores.Identities == nil {
		return nil
	}
	l, err := m.stores.Identities.IdentityBy(ctx, issuer, subject)
	if errors.Is(err, ErrNotFound) || err == nil && (l.Provider == "" || l.LinkedAt.Truncate(time.Second).After(at) || l.UsedAt.Truncate(time.Second).After(at)) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("auth: reading an identity: %w", err)
	}
	u, _, err := found(m.users.UserByID(ctx, l.UserID))
	if err != nil {
		return err
	}
	u.ID = l.UserID // also of somebody who is gone
	_, err = m.unlink(ctx, u, l, cmp.Or(p.Name, p.ID), nil, "", Client{})
	if errors.Is(err, ErrNotFound) { // taken back already
		return nil
	}
	return err
}

// ProvidersFor answers the social providers of which the owner of a flow's address has accounts, with SocialConnectedForUser. It tells
// whoever has typed the address, which is what that display does. Otherwise it answers none.
func (m *Manager) ProvidersFor(ctx context.Context, s Step) ([]string, error) {
	if m.preset.SocialDisplay != SocialConnectedForUser || m.stores.Identities == nil || s.Stage != StageAuthenticate || s.Flow.Address == "" {
		return nil, nil
	}
	u, known, err := found(m.users.UserByEmail(ctx, s.Flow.Address))
	if err != nil || !known {
		return nil, err
	}
	all, err := m.Connected(ctx, u.ID)
	var ids []string
	for _, l := range all {
		ids = append(ids, l.Provider)
	}
	return ids, err
}

// KeepsIdentities tells whether people can be known elsewhere at all: Config.Stores.Identities is there.
func (m *Manager) KeepsIdentities() bool { return m.stores.Identities != nil }
