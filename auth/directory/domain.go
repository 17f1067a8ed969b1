package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
)

// testLife is how long a test of a connection counts for enforcing it.
const testLife = 7 * 24 * time.Hour

// A Domain is an e-mail domain that a company has verified to be its own.
type Domain struct {
	Name       string    // in ASCII, lower case
	AccountID  string    // the company that owns it
	VerifiedAt time.Time // when the company last proved that it owns the domain

	SSO        auth.SSOMode // what it asks of addresses in it; empty: nothing
	EnforcedAt time.Time    // since when SSO is enforced; zero: it is not
	Connection string       // the ID of the connection that speaks for the domain; empty: none
	TestedAt   time.Time    // when PassConnectionTest was last told that a test of Connection has passed; ordinary sign-ins do not count. Zero: never

	Proof    string    // the DNS record that proved it; empty: the host added it, and nobody looks whether it is still the company's
	CheckAt  time.Time // when Proof is looked for next; zero: not again
	Misses   int       // how often in a row it was not there
	MissedAt time.Time // the first of these times; zero: it was there
	LostAt   time.Time // it was not there too often: the domain counts no more, and is anybody's to prove; zero: it counts
}

// Lost tells whether the domain counts no more.
func (d Domain) Lost() bool { return !d.LostAt.IsZero() }

// MayEnforce tells why the domain cannot be made to enforce a company's own sign-in now, as an error of type auth.Refusal, or nil. It is
// the rule for stores, which do not decide by themselves. Refusals: ReasonConnectionRequired, ReasonTestRequired.
func (d Domain) MayEnforce(now time.Time) error {
	switch {
	case d.Connection == "":
		return auth.Refusal(auth.ReasonConnectionRequired)
	case d.TestedAt.IsZero(), now.After(d.TestedAt.Add(testLife)):
		return auth.Refusal(auth.ReasonTestRequired)
	}
	return nil
}

// MayRelease tells why the domain cannot be given up, as an error of type auth.Refusal, or nil. It is the rule for stores, which do not
// decide by themselves. Refusal: ReasonSSOEnforced, which does not count once the domain is lost.
func (d Domain) MayRelease() error {
	if d.SSO == auth.SSOEnforced && !d.Lost() {
		return auth.Refusal(auth.ReasonSSOEnforced)
	}
	return nil
}

// AddDomain gives a company a domain that it has proved to own, now, to the host's own satisfaction: nobody looks again whether it is
// still the company's. For a proof by DNS see ClaimDomain. ErrConflict: it is another company's. ErrNotFound: no such company.
func (d *Directory) AddDomain(ctx context.Context, accountID, domain string, now time.Time) error {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return fmt.Errorf("directory: adding a domain: %w", err)
	}
	if err := d.store.AddDomain(ctx, Domain{Name: name, AccountID: accountID, VerifiedAt: now}); err != nil {
		return fmt.Errorf("directory: adding a domain: %w", err)
	}
	return nil
}

// ReleaseDomain gives a company's domain up: addresses in it are nobody's from the next sign-in on. People and their memberships stay.
// ErrNotFound: it is not the company's. Refusal: ReasonSSOEnforced; a domain that is lost can be given up whatever it asked.
func (d *Directory) ReleaseDomain(ctx context.Context, accountID, domain string) error {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return auth.ErrNotFound
	}
	return d.store.ReleaseDomain(ctx, accountID, name)
}

// Domain answers a domain with all that is kept of it, for administrators: also one that is lost. ErrNotFound: nobody has verified it.
func (d *Directory) Domain(ctx context.Context, domain string) (Domain, error) {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return Domain{}, auth.ErrNotFound
	}
	return d.store.Domain(ctx, name)
}

// Domains answers the domains of a company, by name, also those that are lost. None is not an error.
func (d *Directory) Domains(ctx context.Context, accountID string) ([]Domain, error) {
	return d.store.Domains(ctx, accountID)
}

// DomainRule implements auth.Companies. A domain that is lost has none.
func (d *Directory) DomainRule(ctx context.Context, domain string) (auth.DomainRule, error) {
	found, err := d.store.Domain(ctx, domain)
	if err != nil {
		return auth.DomainRule{}, err
	}
	if found.Lost() {
		return auth.DomainRule{}, auth.ErrNotFound
	}
	return auth.DomainRule{Domain: found.Name, AccountID: found.AccountID, SSO: found.SSO, Connection: found.Connection}, nil
}

// SetDomainSSO says what a domain asks of addresses in it, from the next sign-in on. Sessions stay. It is for seeding and for a host's
// own decisions and asks for nothing: enforcing a sign-in that does not work shuts everybody out. What an administrator asks for on a
// page goes through EnforceSSO. ErrNotFound: nobody has verified the domain. A mode that there is not is an error.
func (d *Directory) SetDomainSSO(ctx context.Context, domain string, mode auth.SSOMode) error {
	switch mode {
	case auth.SSOOff, auth.SSOOptional, auth.SSOEnforced:
	default:
		return fmt.Errorf("directory: changing a domain: the mode %q is none of off (empty), optional, enforced", mode)
	}
	name, err := address.ParseDomain(domain)
	if err != nil {
		return auth.ErrNotFound
	}
	return d.store.SetDomainSSO(ctx, name, mode, d.now())
}

// EnforceSSO makes a company's own sign-in the only way in for addresses in a domain, from the next sign-in on: what the page of a
// company's administrator calls. Sessions stay. It needs a connection that the domain names and that was seen to work within seven days.
// The warning ReasonNoExemptAdmin goes with success: no active administrator of the company is exempt, so that nobody can turn it off
// again where the connection breaks. Ask whether somebody has read it before calling, with WarnEnforcing.
//
// ErrNotFound: nobody has verified the domain. Refusals: ReasonConnectionRequired, ReasonTestRequired.
func (d *Directory) EnforceSSO(ctx context.Context, domain string, now time.Time) (warnings []auth.Reason, err error) {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return nil, auth.ErrNotFound
	}
	if warnings, err = d.WarnEnforcing(ctx, name); err != nil {
		return nil, err
	}
	if err := d.store.EnforceSSO(ctx, name, now); err != nil {
		return nil, err
	}
	return warnings, nil
}

// WarnEnforcing answers what EnforceSSO would warn of, and changes nothing. None is not an error. ErrNotFound: nobody has verified the
// domain.
func (d *Directory) WarnEnforcing(ctx context.Context, domain string) ([]auth.Reason, error) {
	rule, err := d.DomainRule(ctx, domain)
	if err != nil {
		return nil, err
	}
	members, err := d.store.Members(ctx, rule.AccountID)
	if err != nil {
		return nil, err
	}
	for _, p := range members {
		m := Member{Role: p.Role, State: p.State}
		if p.SSO == auth.SSOExempt && !p.User.Suspended && m.MayManage(auth.RoleMember) {
			return nil, nil
		}
	}
	return []auth.Reason{auth.ReasonNoExemptAdmin}, nil
}

// SetDomainConnection names the connection that speaks for a domain, by its ID; empty: none. Another one than before has not been
// tested. Whoever calls it makes sure that the connection is the company's, and in a domain that enforces SSO that it works: like
// SetDomainSSO it asks for nothing. ErrNotFound: nobody has verified the domain.
func (d *Directory) SetDomainConnection(ctx context.Context, domain, connectionID string) error {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return auth.ErrNotFound
	}
	return d.store.SetDomainConnection(ctx, name, connectionID)
}

// PassConnectionTest keeps that a sign-in through a connection was seen to work, for all domains that name it. An earlier test than the
// one that is kept changes nothing.
func (d *Directory) PassConnectionTest(ctx context.Context, connectionID string, at time.Time) error {
	if connectionID == "" {
		return nil // that names no connection
	}
	return d.store.PassConnectionTest(ctx, connectionID, at)
}
