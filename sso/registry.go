package sso

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/token"
)

// RegistryConfig says what a Registry works with.
type RegistryConfig struct {
	Store     Store                              // required
	Keys      [][]byte                           // as Config.Keys: the first seals secrets, all open them
	Protocols []Protocol                         // as Config.Protocols: they tell what is wrong with a connection
	Record    func(context.Context, Event) error // as Config.Record
	Now       func() time.Time                   // nil: time.Now
}

// A Registry keeps the connections of companies in a Store, with their secrets sealed. It is Connections for a Manager, and safe for
// concurrent use. It asks nobody who may change what: that is the caller's.
//
// Whose domain is whose is not its to say: the Domains of a connection come from the Store, which knows what a company has proved.
type Registry struct {
	cfg       RegistryConfig
	ring      *token.Ring
	protocols map[string]Protocol
}

// NewRegistry makes a Registry. Its error names the field.
func NewRegistry(cfg RegistryConfig) (*Registry, error) {
	if cfg.Store == nil {
		return nil, errors.New("sso: RegistryConfig.Store is required")
	}
	ring, err := token.NewRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("sso: RegistryConfig.Keys: %w", err)
	}
	protocols, err := byName(cfg.Protocols)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Registry{cfg: cfg, ring: ring, protocols: protocols}, nil
}

// Connection implements Connections. It answers the secret too: it is for a Manager, and Get is for everybody else.
func (r *Registry) Connection(ctx context.Context, id string) (Connection, error) {
	row, err := r.row(ctx, id)
	if err != nil {
		return Connection{}, err
	}
	return r.read(row)
}

// Get answers a connection of a company, without its secret. ErrNotFound: the company has none of this ID.
func (r *Registry) Get(ctx context.Context, accountID, id string) (Connection, error) {
	row, err := r.row(ctx, id)
	switch {
	case err != nil:
		return Connection{}, err
	case row.AccountID != accountID:
		return Connection{}, ErrNotFound
	}
	c, _, err := parse(row)
	return c, err
}

// List answers the connections of a company by ID, without their secrets.
func (r *Registry) List(ctx context.Context, accountID string) ([]Connection, error) {
	rows, err := r.cfg.Store.ConnectionRows(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("sso: listing connections: %w", err)
	}
	list := make([]Connection, len(rows))
	for i, row := range rows {
		if list[i], _, err = parse(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Add adds a connection and answers it as it is kept, without its secret. Its ID is made where it is empty; Version and Domains do not
// count. One of SAML with nothing but a MetadataURL is read there first. ErrConflict: the ID is taken.
func (r *Registry) Add(ctx context.Context, c Connection) (Connection, error) {
	if c.AccountID == "" {
		return Connection{}, errors.New("sso: Connection.AccountID is required")
	}
	if c.ID == "" {
		c.ID = "con_" + token.NewID()
	}
	c.Version, c.Domains = 0, nil
	now := r.cfg.Now()
	row, err := r.prepare(ctx, c, c.OIDC.Secret, now)
	if err != nil {
		return Connection{}, err
	}
	if err := record(ctx, r.cfg.Record, c, Event{Kind: ConnectionAdded, Time: now}); err != nil {
		return Connection{}, err
	}
	if err := r.cfg.Store.CreateConnection(ctx, row); err != nil {
		return Connection{}, wrapped(err, "adding", c.ID)
	}
	row.Version = 1
	kept, _, err := parse(row)
	return kept, err
}

// Change writes a connection over the one of the same Version, and answers it as it is kept. Domains do not count. An empty
// OIDC.Secret keeps the one that there is, unless Issuer or ClientID change: no provider gets the secret of another. ErrConflict:
// somebody else has changed it since; ErrNotFound.
func (r *Registry) Change(ctx context.Context, c Connection) (Connection, error) {
	row, err := r.at(ctx, c)
	if err != nil {
		return Connection{}, err
	}
	was, sealed, err := parse(row)
	switch {
	case err != nil:
		return Connection{}, err
	case was.Protocol != c.Protocol:
		return Connection{}, errors.New("sso: Connection.Protocol cannot change: the same name may be another person's there. Add another connection")
	}
	secret := c.OIDC.Secret
	if secret == "" {
		if was.OIDC.Issuer == c.OIDC.Issuer && was.OIDC.ClientID == c.OIDC.ClientID {
			if secret, err = r.unseal(was, sealed); err != nil {
				return Connection{}, err
			}
		}
	}
	return r.write(ctx, c, secret, row.Domains, Event{Kind: ConnectionChanged}, nil)
}

// Delete deletes a connection where it stands at c.Version. Nobody signs in by it any more; who came by it stays signed in. ErrNotFound,
// ErrConflict.
func (r *Registry) Delete(ctx context.Context, c Connection) error {
	if _, err := r.at(ctx, c); err != nil {
		return err
	}
	if err := record(ctx, r.cfg.Record, c, Event{Kind: ConnectionDeleted, Time: r.cfg.Now()}); err != nil {
		return err
	}
	return wrapped(r.cfg.Store.DeleteConnection(ctx, c.ID, c.Version), "deleting", c.ID)
}

// Approve lets a certificate count that metadata has brought and that was held, named by the SHA-256 of its DER. ErrNotFound: the
// connection, which is c's by AccountID, ID and Version, holds none of that name. ErrConflict: somebody else has changed it since.
// Other things that are held, such as addresses, are not kept: whoever agrees writes them with Change (see saml.Approve).
func (r *Registry) Approve(ctx context.Context, c Connection, fingerprint [sha256.Size]byte) (Connection, error) {
	row, err := r.at(ctx, c)
	if err != nil {
		return Connection{}, err
	}
	kept, err := r.read(row)
	if err != nil {
		return Connection{}, err
	}
	i := slices.IndexFunc(kept.SAML.Certificates, func(c Certificate) bool { return c.Held && sha256.Sum256(c.DER) == fingerprint })
	if i < 0 {
		return Connection{}, ErrNotFound
	}
	kept.SAML.Certificates[i].Held = false
	return r.write(ctx, kept, kept.OIDC.Secret, row.Domains, Event{Kind: KeyApproved, Count: 1}, nil)
}

// Refreshed is what came of reading the metadata of a connection again.
type Refreshed struct {
	Connection Connection // as it is kept now, without its secret
	Changes    []Change   // what the provider says anew; tell the company
	Err        error      // why it could not be read, a *Refusal where there is something to mend; the connection goes on as it was
}

const (
	refreshEvery = 22 * time.Hour // and up to four more, so that they do not come all at once
	refreshRetry = time.Hour      // after a reading that failed, or that nobody has come back from
)

// Refresh reads the metadata of up to limit connections again whose time has come; call it every few minutes. Several programs may:
// each connection goes to one. Its error means that the Store does not work.
func (r *Registry) Refresh(ctx context.Context, limit int) ([]Refreshed, error) {
	now := r.cfg.Now()
	rows, err := r.cfg.Store.ClaimRefresh(ctx, now, now.Add(refreshRetry), limit)
	if err != nil {
		return nil, fmt.Errorf("sso: claiming connections: %w", err)
	}
	var all []Refreshed
	for _, row := range rows {
		c, err := r.read(row)
		if err == nil {
			var changes []Change
			if c, changes, err = r.refresh(ctx, c, row.Domains, now); err == nil {
				all = append(all, Refreshed{Connection: withoutSecret(c), Changes: changes})
				continue
			}
		}
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		e := Event{Kind: MetadataFailed, Time: now}
		if refusal, ok := errors.AsType[*Refusal](err); ok {
			e.Code = refusal.Code
		}
		as := Connection{ID: row.ID, AccountID: row.AccountID}
		if err := record(ctx, r.cfg.Record, as, e); err != nil {
			return all, err
		}
		all = append(all, Refreshed{Connection: as, Err: err})
	}
	return all, nil
}

// Renew reads the metadata of one connection again at once, and answers it with its secret. It is for Config.Renew, which sees to it
// that this does not happen too often.
func (r *Registry) Renew(ctx context.Context, id string) (Connection, error) {
	row, err := r.row(ctx, id)
	if err != nil {
		return Connection{}, err
	}
	c, err := r.read(row)
	if err != nil {
		return Connection{}, err
	}
	c, _, err = r.refresh(ctx, c, row.Domains, r.cfg.Now())
	return c, err
}

// refresh reads the metadata of a connection, writes what it says, and answers the connection with its secret.
func (r *Registry) refresh(ctx context.Context, c Connection, domains []string, now time.Time) (Connection, []Change, error) {
	p, ok := r.protocols[c.Protocol].(Refresher)
	if !ok || c.SAML.MetadataURL == "" {
		return Connection{}, nil, fmt.Errorf("sso: connection %q has no metadata to read", c.ID)
	}
	fresh, changes, err := p.Refresh(ctx, c, now)
	if err != nil {
		return Connection{}, nil, fmt.Errorf("sso: reading the metadata of %q: %w", c.ID, err)
	}
	if c.SAML, err = told(c.SAML, fresh.SAML); err != nil {
		return Connection{}, nil, fmt.Errorf("sso: reading the metadata of %q: %w", c.ID, err)
	}
	kept, err := r.write(ctx, c, c.OIDC.Secret, domains, Event{Kind: MetadataChanged}, changes)
	if err != nil {
		return Connection{}, nil, err
	}
	kept.OIDC.Secret = c.OIDC.Secret
	return kept, changes, nil
}

// told is what a company has set, with what metadata may say anew: where the provider is and which keys it has. It never says what else
// the company has set, whose the connection is, or that the provider is another one now.
func told(c, fresh SAML) (SAML, error) {
	if fresh.EntityID != c.EntityID {
		return SAML{}, errors.New("it is of another entity")
	}
	c.SSOURL, c.SSOBinding = fresh.SSOURL, fresh.SSOBinding
	c.SLOURL, c.SLOBinding, c.SLOReply = fresh.SLOURL, fresh.SLOBinding, fresh.SLOReply
	c.Certificates, c.ReadAt, c.ValidUntil = fresh.Certificates, fresh.ReadAt, fresh.ValidUntil
	return c, nil
}

// write records an event and writes a connection over the one of its Version. changes are those of a reading; then the event is left
// out where there are none.
func (r *Registry) write(ctx context.Context, c Connection, secret string, domains []string, e Event, changes []Change) (Connection, error) {
	e.Time = r.cfg.Now()
	row, err := r.prepare(ctx, c, secret, e.Time)
	if err != nil {
		return Connection{}, err
	}
	events := []Event{e}
	if e.Kind == MetadataChanged {
		events = eventsOf(e, changes)
	}
	for _, e := range events {
		if err := record(ctx, r.cfg.Record, c, e); err != nil {
			return Connection{}, err
		}
	}
	if err := r.cfg.Store.SwapConnection(ctx, row); err != nil {
		return Connection{}, wrapped(err, "writing", c.ID)
	}
	row.Version, row.Domains = row.Version+1, domains
	kept, _, err := parse(row)
	return kept, err
}

// eventsOf are the events of a reading.
func eventsOf(e Event, changes []Change) []Event {
	held := 0
	for _, c := range changes {
		if c.Held {
			held++
		}
	}
	var events []Event
	if e.Count = len(changes) - held; e.Count > 0 {
		events = append(events, e)
	}
	if held > 0 {
		events = append(events, Event{Kind: MetadataHeld, Time: e.Time, Count: held})
	}
	return events
}

// body is what ConnectionRow.Body holds.
type body struct {
	Connection Connection // without ID, AccountID, Version and Domains, which the row tells, and without its secret
	Secret     []byte     // sealed; empty: none
}

// prepare checks a connection and makes the row of it. One of SAML that has nothing but the address of its metadata is read there.
func (r *Registry) prepare(ctx context.Context, c Connection, secret string, now time.Time) (ConnectionRow, error) {
	c.OIDC.Secret = secret
	p, refreshes := r.protocols[c.Protocol].(Refresher)
	refreshes = refreshes && c.SAML.MetadataURL != ""
	if refreshes && len(c.SAML.Certificates) == 0 {
		fresh, _, err := p.Refresh(ctx, c, now)
		if err != nil {
			return ConnectionRow{}, fmt.Errorf("sso: reading the metadata of %q: %w", c.ID, err)
		}
		c.SAML = fresh.SAML
	}
	c.Domains = nil
	if err := check(c, r.protocols); err != nil {
		return ConnectionRow{}, err
	}
	row := ConnectionRow{ID: c.ID, AccountID: c.AccountID, Version: c.Version}
	if refreshes {
		row.RefreshAt = nextRefresh(c.ID, now)
	}
	var b body
	if secret != "" {
		sealed, err := r.ring.Seal(sealedSecret, secretOwner(c), []byte(secret))
		if err != nil {
			return ConnectionRow{}, fmt.Errorf("sso: sealing the secret of %q: %w", c.ID, err)
		}
		b.Secret = sealed
	}
	c.ID, c.AccountID, c.Version, c.OIDC.Secret = "", "", 0, ""
	b.Connection = c
	var err error
	if row.Body, err = json.Marshal(b); err != nil {
		return ConnectionRow{}, fmt.Errorf("sso: writing down connection %q: %w", row.ID, err)
	}
	return row, nil
}

const sealedSecret = "sso connection secret"

// secretOwner binds a secret to the connection and to the provider that may get it.
func secretOwner(c Connection) string { return c.ID + " " + c.OIDC.Issuer }

// nextRefresh spreads the connections over four hours, each at its own place.
func nextRefresh(id string, now time.Time) time.Time {
	sum := sha256.Sum256([]byte(id))
	return now.Add(refreshEvery + time.Duration(binary.BigEndian.Uint32(sum[:])%(4*60*60))*time.Second)
}

func (r *Registry) row(ctx context.Context, id string) (ConnectionRow, error) {
	if !validID(id) {
		return ConnectionRow{}, ErrNotFound
	}
	row, err := r.cfg.Store.ConnectionRow(ctx, id)
	if err == nil && row.ID != id {
		err = ErrNotFound // a table that does not tell capitals apart
	}
	return row, wrapped(err, "finding", id)
}

// at answers the row of a connection of its company, where it stands at its Version.
func (r *Registry) at(ctx context.Context, c Connection) (ConnectionRow, error) {
	row, err := r.row(ctx, c.ID)
	switch {
	case err != nil:
		return ConnectionRow{}, err
	case row.AccountID != c.AccountID:
		return ConnectionRow{}, ErrNotFound
	case row.Version != c.Version:
		return ConnectionRow{}, ErrConflict
	}
	return row, nil
}

// read is parse, with the secret.
func (r *Registry) read(row ConnectionRow) (Connection, error) {
	c, sealed, err := parse(row)
	if err != nil {
		return Connection{}, err
	}
	c.OIDC.Secret, err = r.unseal(c, sealed)
	return c, err
}

func (r *Registry) unseal(c Connection, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	secret, err := r.ring.Open(sealedSecret, secretOwner(c), sealed)
	if err != nil {
		return "", fmt.Errorf("sso: opening the secret of %q: %w", c.ID, err)
	}
	return string(secret), nil
}

// parse reads a row. The connection is without its secret, which is answered as it is sealed.
func parse(row ConnectionRow) (Connection, []byte, error) {
	var b body
	if err := json.Unmarshal(row.Body, &b); err != nil {
		return Connection{}, nil, fmt.Errorf("sso: reading connection %q: %w", row.ID, err)
	}
	c := b.Connection
	c.ID, c.AccountID, c.Version, c.Domains, c.OIDC.Secret = row.ID, row.AccountID, row.Version, row.Domains, ""
	return c, b.Secret, nil
}

// wrapped says what was being done, and lets the two errors of a contract through as they are.
func wrapped(err error, doing, id string) error {
	for _, contract := range []error{ErrNotFound, ErrConflict} {
		if errors.Is(err, contract) {
			return contract
		}
	}
	if err != nil {
		return fmt.Errorf("sso: %s connection %q: %w", doing, cmp.Or(id, "?"), err)
	}
	return nil
}
