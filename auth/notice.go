package auth

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// noticeHold is how long a notice waits in the outbox: it is written before the change that it tells of, and taken back if that
// is refused. One notice too many is accepted, a missing one is not.
const noticeHold = 10 * time.Second

// letter is a letter to a person about what this client does.
func (m *Manager) letter(kind mail.Kind, u User, lang string, c Client, now time.Time) mail.Letter {
	return mail.Letter{
		Kind: kind, UserID: u.ID, To: u.Email, Lang: cmp.Or(u.Locale, lang, c.Lang),
		When: now, IP: ipText(c.IP), Browser: session.Browser(c.UserAgent),
	}
}

// announce puts a notice into the outbox, before the change that it tells of. An empty id: nothing can be mailed, or there is
// no address.
func (m *Manager) announce(ctx context.Context, l mail.Letter) (id string, err error) {
	if m.outbox == nil || l.To == "" {
		return "", nil
	}
	if id, err = m.outbox.Post(ctx, l, noticeHold); err != nil {
		return "", fmt.Errorf("auth: announcing %s: %w", l.Kind, err)
	}
	return id, nil
}

// announceToAll announces a notice to the person's address, and to another one that is theirs too, unless that is empty.
func (m *Manager) announceToAll(ctx context.Context, l mail.Letter, other string) (ids []string, err error) {
	to := []string{l.To}
	if other != "" && other != l.To {
		to = append(to, other)
	}
	for _, l.To = range to {
		id, err := m.announce(ctx, l)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// retract takes notices back whose change was refused. One that cannot be taken back is one too many.
func (m *Manager) retract(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		if id == "" {
			continue
		}
		if err := m.outbox.Drop(ctx, id); err != nil {
			return fmt.Errorf("auth: taking a notice back: %w", err)
		}
	}
	return nil
}

// post mails a letter that somebody waits for.
func (m *Manager) post(ctx context.Context, l mail.Letter) error {
	if _, err := m.outbox.Post(ctx, l, 0); err != nil {
		return fmt.Errorf("auth: mailing %s: %w", l.Kind, err)
	}
	select {
	case m.posted <- struct{}{}:
	default: // Run has not looked yet
	}
	return nil
}

// CanMail tells whether letters can be sent: Config.Mail is set.
func (m *Manager) CanMail() bool { return m.outbox != nil }

// Deliver sends the letters that are due and answers how many went. Run does it all the time; a host without Run calls it itself.
func (m *Manager) Deliver(ctx context.Context) (int, error) {
	if m.outbox == nil {
		return 0, nil
	}
	sent, err := m.outbox.Deliver(ctx)
	if err != nil {
		return sent, fmt.Errorf("auth: delivering letters: %w", err)
	}
	return sent, nil
}

// dead records a letter that will not be sent any more.
func (m *Manager) dead(ctx context.Context, d mail.DeadLetter) error {
	return m.note(ctx, Event{Kind: LetterDead, Time: m.now(), UserID: d.UserID, Letter: d.Kind, Count: d.Attempts})
}

// suspect tells a person, once a day, that somebody who knows the password keeps trying codes.
func (m *Manager) suspect(ctx context.Context, u User, c Client, f Flow, now time.Time) error {
	var t toll
	t.add(m.counters("told of guessing", u.ID), Charge{Window: day, Limit: 1, Lock: day}, false)
	if wait, err := m.charge(ctx, t, now); err != nil || wait > 0 {
		return err
	}
	_, err := m.announce(ctx, m.letter(mail.Guessing, u, f.Lang, c, now))
	return err
}
