package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// Lives of mailed links.
const (
	resetLife  = time.Hour
	signUpLife = time.Hour
	changeLife = day
	undoLife   = 7 * day
	inviteLife = 7 * day
)

// A link is what a mailed link stands for. It names the version of what it may replace, so that every change of password, app or
// address ends it.
type link struct {
	UserID  string // whose; nobody where nobody gets the letter
	Version int64  // of the person's credential
	Address string // the person's address when the letter went out: a link does not outlive it
	To      string // the address that it is about: the new one, the old one to go back to, the one that signs up
}

// A mailed link as its purpose asks for it.
type linkKind struct {
	purpose token.Purpose
	page    string // below the prefix of the sign-in
	life    time.Duration
}

func resetLinks() linkKind  { return linkKind{token.Reset, "reset", resetLife} }
func signUpLinks() linkKind { return linkKind{token.SignUp, "signup", signUpLife} }
func emailLinks() linkKind  { return linkKind{token.EmailChange, "account/email/confirm", changeLife} }
func undoLinks() linkKind   { return linkKind{token.EmailUndo, "undo", undoLife} }
func recoveryLinks() linkKind {
	return linkKind{token.RecoveryEmail, "account/recovery/confirm", changeLife}
}

// newTicket makes the ticket of a link and the address of its page. It stores nothing.
func (m *Manager) newTicket(k linkKind, whose string, l link, now time.Time) (t Ticket, address string, err error) {
	plain, key := token.New(k.purpose)
	body, err := json.Marshal(l)
	if err != nil {
		return t, "", fmt.Errorf("auth: making a link: %w", err)
	}
	sealed, err := m.ring.Seal("ticket "+string(k.purpose), string(key[:]), body)
	if err != nil {
		return t, "", fmt.Errorf("auth: sealing a link: %w", err)
	}
	t = Ticket{Key: key, Slot: m.slots(k, whose)[0], ExpiresAt: now.Add(k.life), Body: sealed}
	return t, m.linkAddress(k.page, plain), nil
}

// linkAddress is where a mailed link leads. It is made from Config.BaseURL and nothing that a request says.
func (m *Manager) linkAddress(page, plain string) string {
	to := url.URL{Scheme: m.base.Scheme, Host: m.base.Host, Path: m.prefix + page}
	to.RawQuery = url.Values{"token": {plain}}.Encode()
	return to.String()
}

// slots are the slots of one purpose and person, one for each key of the ring, that of new tickets first.
func (m *Manager) slots(k linkKind, whose string) [][32]byte {
	return m.ring.MACs("ticket slot "+string(k.purpose), whose)
}

// putTicket stores a ticket as the only one of its purpose and person, also where the ring has a new key since the last.
func (m *Manager) putTicket(ctx context.Context, k linkKind, whose string, t Ticket, now time.Time) error {
	for _, slot := range m.slots(k, whose)[1:] {
		if err := m.stores.Tickets.DropTicket(ctx, slot); err != nil {
			return fmt.Errorf("auth: dropping a link: %w", err)
		}
	}
	if err := m.stores.Tickets.PutTicket(ctx, t, now); err != nil {
		return fmt.Errorf("auth: keeping a link: %w", err)
	}
	return nil
}

// mailable makes a link, stores it, and answers its address and when it ends.
func (m *Manager) mailable(ctx context.Context, k linkKind, whose string, l link, now time.Time) (address string, ends time.Time, err error) {
	t, address, err := m.newTicket(k, whose, l, now)
	if err != nil {
		return "", time.Time{}, err
	}
	return address, t.ExpiresAt, m.putTicket(ctx, k, whose, t, now)
}

// dropTickets ends what is outstanding of one purpose and person.
func (m *Manager) dropTickets(ctx context.Context, k linkKind, whose string) error {
	for _, slot := range m.slots(k, whose) {
		if err := m.stores.Tickets.DropTicket(ctx, slot); err != nil {
			return fmt.Errorf("auth: dropping a link: %w", err)
		}
	}
	return nil
}

// A ticketed link is one that was found, and may be used yet.
type ticketed struct {
	link
	key  [32]byte
	ends time.Time
}

// readTicket answers what the token of a link stands for; false: it is none of ours, too old, or a newer one was sent.
func (m *Manager) readTicket(ctx context.Context, k linkKind, plain string, now time.Time) (ticketed, bool, error) {
	key, ok := token.Lookup(k.purpose, plain)
	if !ok || m.stores.Tickets == nil {
		return ticketed{}, false, nil
	}
	t, err := m.stores.Tickets.Ticket(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return ticketed{}, false, nil
	}
	if err != nil {
		return ticketed{}, false, fmt.Errorf("auth: reading a link: %w", err)
	}
	return m.openTicket(k, t, now)
}

// standing is the link that is outstanding of one purpose and person; false: there is none.
func (m *Manager) standing(ctx context.Context, k linkKind, whose string, now time.Time) (ticketed, bool, error) {
	if m.stores.Tickets == nil {
		return ticketed{}, false, nil
	}
	for _, slot := range m.slots(k, whose) {
		t, err := m.stores.Tickets.TicketIn(ctx, slot)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return ticketed{}, false, fmt.Errorf("auth: reading a link: %w", err)
		}
		if l, ok, err := m.openTicket(k, t, now); err != nil || ok {
			return l, ok, err
		}
	}
	return ticketed{}, false, nil
}

func (m *Manager) openTicket(k linkKind, t Ticket, now time.Time) (ticketed, bool, error) {
	if !now.Before(t.ExpiresAt) {
		return ticketed{}, false, nil
	}
	body, err := m.ring.Open("ticket "+string(k.purpose), string(t.Key[:]), t.Body)
	if err != nil {
		return ticketed{}, false, nil // the key that it was sealed with is gone
	}
	l := ticketed{key: t.Key, ends: t.ExpiresAt}
	if err := json.Unmarshal(body, &l.link); err != nil {
		return ticketed{}, false, fmt.Errorf("auth: a link cannot be read: %w", err)
	}
	return l, true, nil
}

// spent deletes a link that was used. One that somebody else has used at the same moment is gone already.
func (m *Manager) spent(ctx context.Context, l ticketed) error {
	if err := m.stores.Tickets.TakeTicket(ctx, l.key); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("auth: deleting a link: %w", err)
	}
	return nil
}

// chargeOpening charges the opening of a link to where it comes from.
func (m *Manager) chargeOpening(ctx context.Context, c Client, now time.Time) (wait time.Duration, err error) {
	var t toll
	t.add(m.counters("identify", source(c)), Charge{Window: time.Minute, Limit: identifyLimit, Lock: time.Minute}, false)
	return m.charge(ctx, t, now)
}

// spoken is a language as a flow may keep it.
func spoken(lang string) string {
	if len(lang) > maxLang {
		return ""
	}
	return lang
}

// An Answer is what becomes of something that a person asks for outside of a flow: the zero Answer says that it was done.
type Answer struct {
	Reason     Reason        // why it was not; empty: it was
	RetryAfter time.Duration // with ReasonTooManyAttempts and ReasonBusy: when to try again
}
