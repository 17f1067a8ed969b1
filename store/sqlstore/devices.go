package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

const deviceColumns = `id, user_id, user_agent, ip, first_seen, last_seen, known_until, trusted_at, two_step_until`

const selectDevice = `SELECT ` + deviceColumns + ` FROM sallyport_devices WHERE token_hash = ? AND user_id = ?`

// moveDevices gives all records of a browser another key, unless that one has records already.
const moveDevices = `UPDATE sallyport_devices SET token_hash = ?
	WHERE token_hash = ? AND NOT EXISTS (SELECT 1 FROM sallyport_devices taken WHERE taken.token_hash = ?)`

// addDevice adds a record, or updates the one that stands and leaves the marks that the new one does not have.
const addDevice = `INSERT INTO sallyport_devices (token_hash, ` + deviceColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (token_hash, user_id) DO UPDATE SET
		user_agent = excluded.user_agent, ip = excluded.ip, last_seen = excluded.last_seen, known_until = excluded.known_until,
		trusted_at = CASE WHEN excluded.trusted_at <> 0 THEN excluded.trusted_at ELSE sallyport_devices.trusted_at END,
		two_step_until = CASE WHEN excluded.two_step_until <> 0 THEN excluded.two_step_until ELSE sallyport_devices.two_step_until END`

func scanDevice(row scanner) (d session.Device, err error) {
	err = row.Scan(&d.ID, &d.UserID, &d.UserAgent, &d.IP, instant{&d.FirstSeen}, instant{&d.LastSeen}, instant{&d.KnownUntil},
		instant{&d.TrustedAt}, instant{&d.TwoStepUntil})
	return d, err
}

// Device implements session.Devices.
func (db *DB) Device(ctx context.Context, key session.Key, userID string) (session.Device, error) {
	d, err := scanDevice(db.row(ctx, db.sql, selectDevice, key, userID))
	if errors.Is(err, sql.ErrNoRows) {
		return session.Device{}, session.ErrNotFound
	}
	return d, failed("looking up a device", err)
}

// GrantDevice implements session.Devices.
func (db *DB) GrantDevice(ctx context.Context, old, key session.Key, d session.Device) (session.Device, error) {
	var stands session.Device
	err := db.change(ctx, func(tx *sql.Tx) error {
		if old != (session.Key{}) {
			if _, err := db.exec(ctx, tx, moveDevices, key, old, key); err != nil {
				return err
			}
		}
		_, err := db.exec(ctx, tx, addDevice,
			key, d.ID, d.UserID, d.UserAgent, d.IP, d.FirstSeen, d.LastSeen, d.KnownUntil, d.TrustedAt, d.TwoStepUntil)
		if err != nil {
			return err
		}
		stands, err = scanDevice(db.row(ctx, tx, selectDevice, key, d.UserID))
		return err
	})
	if err != nil {
		return session.Device{}, failed("granting a device", err)
	}
	db.sweep(ctx, d.LastSeen, deviceTable)
	return stands, nil
}

// Devices implements session.Devices.
func (db *DB) Devices(ctx context.Context, userID string) ([]session.Device, error) {
	rows, err := db.rows(ctx, db.sql, `SELECT `+deviceColumns+` FROM sallyport_devices WHERE user_id = ? ORDER BY last_seen DESC, id`, userID)
	all, err := scanAll(rows, err, scanDevice)
	return all, failed("listing devices", err)
}

// TrustDevice implements session.Devices.
func (db *DB) TrustDevice(ctx context.Context, userID, id string, at time.Time) error {
	marks := `trusted_at = ?`
	if at.IsZero() {
		marks += `, two_step_until = 0`
	}
	changed, err := db.write(ctx, `UPDATE sallyport_devices SET `+marks+` WHERE user_id = ? AND id = ?`, at, userID, id)
	if err == nil && changed == 0 {
		return session.ErrNotFound
	}
	return failed("trusting a device", err)
}

// EndDevice implements session.Devices.
func (db *DB) EndDevice(ctx context.Context, userID, id string) error {
	ended, err := db.write(ctx, `DELETE FROM sallyport_devices WHERE user_id = ? AND id = ?`, userID, id)
	if err == nil && ended == 0 {
		return session.ErrNotFound
	}
	return failed("ending a device", err)
}

// EndDevices implements session.Devices.
func (db *DB) EndDevices(ctx context.Context, userID string) error {
	_, err := db.write(ctx, `DELETE FROM sallyport_devices WHERE user_id = ?`, userID)
	return failed("ending a person's devices", err)
}
