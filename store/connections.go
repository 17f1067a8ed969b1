package store

import (
	"context"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/sso"
)

// ConnectionRow implements sso.Store.
func (m *Memory) ConnectionRow(ctx context.Context, id string) (sso.ConnectionRow, error) {
	row, err := m.companySignIns.ConnectionRow(ctx, id)
	if err != nil {
		return sso.ConnectionRow{}, err
	}
	return m.people.withDomains([]sso.ConnectionRow{row})[0], nil
}

// ConnectionRows implements sso.Store.
func (m *Memory) ConnectionRows(ctx context.Context, accountID string) ([]sso.ConnectionRow, error) {
	rows, err := m.companySignIns.ConnectionRows(ctx, accountID)
	return m.people.withDomains(rows), err
}

// ClaimRefresh implements sso.Store.
func (m *Memory) ClaimRefresh(ctx context.Context, now, until time.Time, limit int) ([]sso.ConnectionRow, error) {
	rows, err := m.companySignIns.ClaimRefresh(ctx, now, until, limit)
	return m.people.withDomains(rows), err
}

// withDomains fills in which domains connections speak for: those of their company that name them, and are not lost. One that names
// none is nobody's, whatever a connection is called.
func (p *people) withDomains(rows []sso.ConnectionRow) []sso.ConnectionRow {
	type place struct{ connection, accountID string }
	p.mu.RLock()
	defer p.mu.RUnlock()
	named := map[place][]string{}
	for name, d := range p.domains {
		if d.Connection != "" && !d.Lost() {
			at := place{d.Connection, d.AccountID}
			named[at] = append(named[at], name)
		}
	}
	for i, row := range rows {
		rows[i].Domains = named[place{row.ID, row.AccountID}]
		slices.Sort(rows[i].Domains)
	}
	return rows
}
