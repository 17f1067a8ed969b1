package sso

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// sealedLogin is the purpose that a Login is sealed for, with the ID of our session as its owner.
const sealedLogin = "sso login"

// Remember writes down that one of our sessions came from a session at a provider, until it ends: then each can end the other.
// Without Config.Logins it does nothing.
func (m *Manager) Remember(ctx context.Context, sessionID, userID string, id Identity, ends time.Time) error {
	if m.cfg.Logins == nil {
		return nil
	}
	if sessionID == "" || userID == "" || id.Connection == "" || id.Subject == "" {
		return errors.New("sso: Remember needs a session, a person and an accepted Identity")
	}
	body, err := json.Marshal(id.Login)
	if err != nil {
		return fmt.Errorf("sso: writing down a login: %w", err)
	}
	sealed, err := m.ring.Seal(sealedLogin, sessionID, body)
	if err != nil {
		return fmt.Errorf("sso: sealing a login: %w", err)
	}
	row := LoginRow{
		SessionID: sessionID, UserID: userID, Connection: id.Connection, Body: sealed, ExpiresAt: ends,
		Subject: m.ring.MAC(macSubject, id.Connection, cmp.Or(id.Login.Subject, id.Subject)),
	}
	if id.Login.Index != "" {
		row.Index = m.ring.MAC(macIndex, id.Connection, id.Login.Index)
	}
	if err := m.cfg.Logins.AddLogin(ctx, row, m.cfg.Now()); err != nil {
		return fmt.Errorf("sso: keeping a login: %w", err)
	}
	return nil
}

// sealedOnWay is the purpose that a Login is sealed for between the answer and our session.
const sealedOnWay = "sso login on its way"

// SealLogin is what Remember needs of an accepted identity, sealed: for a caller who keeps it somewhere until there is a session.
func (m *Manager) SealLogin(id Identity) ([]byte, error) {
	text, err := json.Marshal(Identity{Connection: id.Connection, Subject: id.Subject, Login: id.Login})
	if err != nil {
		return nil, fmt.Errorf("sso: writing down a login: %w", err)
	}
	sealed, err := m.ring.Seal(sealedOnWay, "", text)
	if err != nil {
		return nil, fmt.Errorf("sso: sealing a login: %w", err)
	}
	return sealed, nil
}

// OpenLogin answers what SealLogin was given of an identity, for Remember.
func (m *Manager) OpenLogin(sealed []byte) (id Identity, err error) {
	text, err := m.ring.Open(sealedOnWay, "", sealed)
	if err == nil {
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("sso: reading a login: %w", err)
	}
	return id, nil
}

const (
	macSubject = "sso login subject"
	macIndex   = "sso login index"
)

// SignOut says how the browser signs out at the provider too, for a session of ours that the caller has ended. It is false where the
// session did not come from a provider, or that has no address for it. What was remembered of the session is gone then.
func (m *Manager) SignOut(ctx context.Context, sessionID string) (Departure, bool, error) {
	if m.cfg.Logins == nil {
		return Departure{}, false, nil
	}
	row, err := m.cfg.Logins.LoginOf(ctx, sessionID)
	switch {
	case errors.Is(err, ErrNotFound):
		return Departure{}, false, nil
	case err != nil:
		return Departure{}, false, fmt.Errorf("sso: finding a login: %w", err)
	}
	now := m.cfg.Now()
	d, ok, err := m.signOutThere(ctx, row, now)
	if err != nil {
		return Departure{}, false, err
	}
	if err := m.cfg.Logins.DropLogin(ctx, sessionID); err != nil {
		return Departure{}, false, fmt.Errorf("sso: dropping a login: %w", err)
	}
	return d, ok, nil
}

func (m *Manager) signOutThere(ctx context.Context, row LoginRow, now time.Time) (Departure, bool, error) {
	c, p, err := m.open(ctx, row.Connection)
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrDisabled) || !now.Before(row.ExpiresAt):
		return Departure{}, false, nil
	case err != nil:
		return Departure{}, false, err
	}
	var l Login
	body, err := m.ring.Open(sealedLogin, row.SessionID, row.Body)
	if err != nil {
		return Departure{}, false, nil // its key has left the ring: nobody can say any more what it is called there
	}
	if err := json.Unmarshal(body, &l); err != nil {
		return Departure{}, false, fmt.Errorf("sso: reading a login: %w", err)
	}
	handle, key := token.New(token.SSOLogout)
	d, ok, err := p.Logout(ctx, Request{Connection: c, Addresses: m.Addresses(c), Handle: handle, MadeAt: now, Now: now}, l)
	switch {
	case err != nil:
		return Departure{}, false, fmt.Errorf("sso: beginning a sign-out at %q: %w", c.ID, err)
	case !ok:
		return Departure{}, false, nil
	}
	if err := m.checkDeparture(d); err != nil {
		return Departure{}, false, err
	}
	e := Event{Kind: LogoutMade, Time: now, UserID: row.UserID, SessionID: row.SessionID}
	if err := m.record(ctx, c, e); err != nil {
		return Departure{}, false, err
	}
	if err := m.keep(ctx, token.SSOLogout, key, c.ID, remembered{Memory: d.Memory}, now); err != nil {
		return Departure{}, false, err
	}
	d.Memory = nil
	return d, true, nil
}

// A SessionRef names one of our sessions.
type SessionRef struct {
	UserID    string
	SessionID string
}

// A LogoutResult is what a message at the logout address of a connection asks for.
type LogoutResult struct {
	Connection Connection   // without its secret
	Answered   bool         // the provider answers a sign-out of ours: the person is done, and lands on Config.SignedOutURL
	Sessions   []SessionRef // to be ended; then call Done

	m      *Manager
	rows   []LoginRow
	answer func(done bool) (Departure, error)
}

// Logout takes a message that came to the logout address of a connection, by a browser or from the provider itself. It ends nothing:
// the caller ends the Sessions, then calls Done. Errors are those of Receive.
func (m *Manager) Logout(ctx context.Context, connectionID string, msg Message) (LogoutResult, error) {
	c, p, err := m.open(ctx, connectionID)
	if err != nil {
		return LogoutResult{}, err
	}
	now := m.cfg.Now()
	var rep Report
	end, err := p.Ended(ctx, Request{Connection: c, Addresses: m.Addresses(c), Now: now}, msg, &rep)
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) {
			err = fmt.Errorf("sso: reading a logout message of %q: %w", c.ID, err)
		}
		return LogoutResult{}, m.refused(ctx, c, LogoutRefused, Event{Time: now}, err)
	}
	res := LogoutResult{Connection: withoutSecret(c), Answered: !end.Request, m: m, answer: end.Answer}
	if res.Answered {
		err = m.answered(ctx, c, end, now)
	} else {
		res.rows, err = m.asked(ctx, c, end, now)
	}
	if err != nil {
		return LogoutResult{}, m.refused(ctx, c, LogoutRefused, Event{Time: now}, err)
	}
	for _, row := range res.rows {
		res.Sessions = append(res.Sessions, SessionRef{UserID: row.UserID, SessionID: row.SessionID})
	}
	return res, nil
}

// answered takes the request of ours that a message answers. There must be one: an answer changes nothing by itself, but a page that
// says "you are signed out there too" must not be had by a link.
func (m *Manager) answered(ctx context.Context, c Connection, end Ending, now time.Time) error {
	var kept remembered
	row, err := m.take(ctx, token.SSOLogout, end.Handle, &kept, now)
	switch {
	case errors.Is(err, ErrNotFound):
		return &Refusal{Code: CodeLogoutUnknown}
	case err != nil:
		return err
	case row.Connection != c.ID:
		return &Refusal{Code: CodeRequestConnection, Expected: row.Connection, Received: c.ID}
	}
	return m.record(ctx, c, Event{Kind: LogoutAnswered, Time: now})
}

// asked finds the sessions that a provider wants ended, and takes them.
func (m *Manager) asked(ctx context.Context, c Connection, end Ending, now time.Time) ([]LoginRow, error) {
	if end.Subject == "" && len(end.Indexes) == 0 {
		return nil, &Refusal{Code: CodeLogoutNobody}
	}
	if end.Once == "" {
		return nil, fmt.Errorf("sso: %q accepts a logout message that has no name: it could be used again", c.Protocol)
	}
	first, err := m.once(ctx, "logout", c.ID, end.Once, end.OnceEnds, now)
	switch {
	case err != nil:
		return nil, err
	case !first:
		return nil, &Refusal{Code: CodeReplayed}
	}
	if err := m.record(ctx, c, Event{Kind: LogoutAccepted, Time: now}); err != nil || m.cfg.Logins == nil {
		return nil, err
	}
	return m.takeLogins(ctx, c.ID, end)
}

// takeLogins asks under every key of the ring: sessions outlast a change of keys.
func (m *Manager) takeLogins(ctx context.Context, connection string, end Ending) ([]LoginRow, error) {
	subjects := m.ring.MACs(macSubject, connection, end.Subject)
	indexes := make([][][32]byte, len(subjects))
	for _, index := range end.Indexes {
		for i, mac := range m.ring.MACs(macIndex, connection, index) {
			indexes[i] = append(indexes[i], mac)
		}
	}
	var all []LoginRow
	for i, subject := range subjects {
		if end.Subject == "" {
			subject = [32]byte{}
		}
		rows, err := m.cfg.Logins.TakeLogins(ctx, connection, subject, indexes[i])
		if err != nil {
			return nil, fmt.Errorf("sso: taking the logins of %q: %w", connection, err)
		}
		all = append(all, rows...)
	}
	return all, nil
}

// Done makes the reply to the provider, where it expects one by way of the browser, once the Sessions are ended (done) or could not
// be. Then they are remembered again, so that the provider's next message finds them.
func (l LogoutResult) Done(ctx context.Context, done bool) (Departure, bool, error) {
	if !done {
		for _, row := range l.rows {
			if err := l.m.cfg.Logins.AddLogin(ctx, row, l.m.cfg.Now()); err != nil {
				return Departure{}, false, fmt.Errorf("sso: keeping a login: %w", err)
			}
		}
	}
	if l.answer == nil {
		return Departure{}, false, nil
	}
	d, err := l.answer(done)
	if err != nil {
		return Departure{}, false, fmt.Errorf("sso: answering a logout message of %q: %w", l.Connection.ID, err)
	}
	if err := l.m.checkDeparture(d); err != nil {
		return Departure{}, false, err
	}
	d.Memory = nil
	return d, true, nil
}
