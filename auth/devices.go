package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/session"
)

// A Device is a browser that a person has signed in from, with the sessions that are open there.
type Device struct {
	session.Device
	Current  bool              // the one that asks
	Trusted  bool              // the person said so, and it still counts
	Spared   bool              // it needs no code of the app
	Sessions []session.Session // newest first; none: nobody is signed in there
}

// ListDevices answers a person's devices, last seen first. s is the session that asks.
func (m *Manager) ListDevices(ctx context.Context, s session.Session) ([]Device, error) {
	records, err := m.stores.Devices.Devices(ctx, s.UserID)
	if err != nil {
		return nil, fmt.Errorf("auth: listing devices: %w", err)
	}
	sessions, err := m.sessions.List(ctx, s.UserID)
	if err != nil {
		return nil, fmt.Errorf("auth: listing sessions: %w", err)
	}
	now := m.now()
	var all []Device
	for _, d := range records {
		if !d.Known(now) {
			continue
		}
		one := Device{
			Device: d, Current: d.ID == s.DeviceID, Spared: now.Before(d.TwoStepUntil),
			Trusted: !d.TrustedAt.IsZero() && now.Before(d.TrustedAt.Add(m.preset.TrustFor)),
		}
		for _, open := range sessions {
			if open.DeviceID == d.ID {
				one.Sessions = append(one.Sessions, open)
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// TrustDevice writes down that the person trusts one of their devices: no code is mailed for a sign-in from there, even an unusual
// one. It spares nobody the second step. Reason ReasonProofRequired. session.ErrNotFound: the person has no such device.
func (m *Manager) TrustDevice(ctx context.Context, s session.Session, id string, c Client) (Reason, error) {
	if recent, err := m.RecentlyProven(ctx, s); err != nil || !recent {
		return ReasonProofRequired, err
	}
	now := m.now()
	return "", m.onDevice(ctx, s, id, DeviceTrusted, c, func() error { return m.stores.Devices.TrustDevice(ctx, s.UserID, id, now) })
}

// StopTrusting takes trust back, and with it what spares the device the app's code. session.ErrNotFound: no such device.
func (m *Manager) StopTrusting(ctx context.Context, s session.Session, id string, c Client) error {
	var never = session.Device{}.TrustedAt
	return m.onDevice(ctx, s, id, DeviceDistrusted, c, func() error { return m.stores.Devices.TrustDevice(ctx, s.UserID, id, never) })
}

// onDevice does something to one of the person's devices, if it is one.
func (m *Manager) onDevice(ctx context.Context, s session.Session, id string, kind Kind, c Client, do func() error) error {
	records, err := m.stores.Devices.Devices(ctx, s.UserID) // so that nothing that somebody typed gets into the trail
	if err != nil {
		return fmt.Errorf("auth: listing devices: %w", err)
	}
	if !slices.ContainsFunc(records, func(d session.Device) bool { return d.ID == id }) {
		return session.ErrNotFound
	}
	e := m.event(kind, m.now(), c)
	e.UserID, e.SessionID, e.DeviceID = s.UserID, s.ID, id
	if err := m.note(ctx, e); err != nil {
		return err
	}
	if err := do(); err != nil && !errors.Is(err, session.ErrNotFound) {
		return fmt.Errorf("auth: changing a device: %w", err)
	} else if err != nil {
		return session.ErrNotFound
	}
	return nil
}

// ReportDevice is for a person who does not recognize one of their devices: it ends the sessions there and what is remembered of it.
// Unless Preset.KeepOnReport, it ends every other session but the one that asks too, and locks the account until a new password is
// set by the mail that is sent at once (see ChangeReported).
//
// Reasons: ReasonDeviceCurrent (it is the device that asks), and where it locks ReasonProofRequired: whoever has only found a session
// open must not shut its owner out. session.ErrNotFound: the person has no such device.
func (m *Manager) ReportDevice(ctx context.Context, s session.Session, id string, c Client) (Reason, error) {
	if id == s.DeviceID {
		return ReasonDeviceCurrent, nil
	}
	if !m.preset.KeepOnReport {
		if recent, err := m.RecentlyProven(ctx, s); err != nil || !recent {
			return ReasonProofRequired, err
		}
	}
	u, err := m.User(ctx, s.UserID)
	if err != nil {
		return "", err
	}
	return "", m.onDevice(ctx, s, id, DeviceReported, c, func() error {
		if _, err := m.announce(ctx, m.letter(mail.DeviceReported, u, "", c, m.now())); err != nil {
			return err
		}
		return m.expel(ctx, u, s, id, c)
	})
}

// expel ends what a reported device has.
func (m *Manager) expel(ctx context.Context, u User, s session.Session, id string, c Client) error {
	if m.preset.KeepOnReport { // what is under way on the device must not end in a session there
		if _, err := m.stores.Credentials.MoveCredential(ctx, u.ID, time.Time{}); err != nil {
			return fmt.Errorf("auth: moving a credential's version: %w", err)
		}
	} else if _, err := m.invalidate(ctx, u.ID, ChangeReported, s.ID); err != nil {
		return err
	}
	if err := m.endWhere(ctx, u.ID, func(one session.Session) bool { return one.DeviceID == id }); err != nil {
		return err
	}
	if err := m.stores.Devices.EndDevice(ctx, u.ID, id); err != nil && !errors.Is(err, session.ErrNotFound) {
		return fmt.Errorf("auth: forgetting a device: %w", err)
	}
	if m.preset.KeepOnReport {
		return nil
	}
	return m.mailReset(ctx, u, "", c)
}
