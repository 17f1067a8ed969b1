package directory

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/internal/token"
)

const (
	claimLife  = 10 * 24 * time.Hour
	lookupTime = 10 * time.Second // for one question to DNS
	maxClaims  = 100              // pending ones of one company
)

// A Claim is what a company says of a domain until it has proved it: put Value into a TXT record of the domain Name.
type Claim struct {
	Domain    string // in ASCII, lower case
	AccountID string
	Value     string // the text of the record, all of it
	Name      string // where the record belongs: at this exact name, which is the domain itself and none below or above it
	MadeAt    time.Time
	ExpiresAt time.Time // it can be proved until then; after that ClaimDomain makes another
}

// Resolver asks DNS. *net.Resolver is one.
type Resolver interface {
	// LookupTXT answers the texts of the TXT records at a name, which ends in a dot: it is complete, and nothing is to be tried
	// behind it. A *net.DNSError with IsNotFound says that there are none.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// publicMail lists domains where anybody gets an address, one a line.
//
//go:embed publicmail.txt
var publicMail string

// public tells whether a domain cannot be one company's: anybody gets an address in it, or anybody registers names below it.
func public(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain || strings.Contains(publicMail, "\n"+domain+"\n")
}

// ClaimDomain begins the proof that a company owns a domain, and answers what to put into DNS; then comes ProveDomain. Until the claim
// expires, ten days later, the same one is answered again. Others may claim the domain at the same time: who proves it first has it.
// A domain above or below is another domain.
//
// by is the super administrator who does it; a company's first domain is that of their own address. Empty: the host itself, which is
// asked for neither.
//
// ErrNotFound: no such company. ErrConflict: the domain is the company's already. Refusals: ReasonForbidden, ReasonDomainPublic (everybody
// has addresses in it), ReasonDomainTaken, ReasonTooManyAttempts (a hundred claims are pending). What is no domain is another error.
func (d *Directory) ClaimDomain(ctx context.Context, by, accountID, domain string) (Claim, error) {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return Claim{}, fmt.Errorf("directory: claiming a domain: %w", err)
	}
	prefix := cmp.Or(d.ClaimPrefix, "sallyport-verification")
	if strings.Trim(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return Claim{}, errors.New("directory: Directory.ClaimPrefix has a character that is no letter, digit, dot, hyphen or underscore")
	}
	// These read before they write. A claim gives no right: only a record in the domain does.
	if by != "" {
		if err := d.mayClaim(ctx, by, accountID, name); err != nil {
			return Claim{}, err
		}
	}
	if public(name) {
		return Claim{}, auth.Refusal(auth.ReasonDomainPublic)
	}
	now := d.now()
	if err := d.roomToClaim(ctx, accountID, name, now); err != nil {
		return Claim{}, err
	}
	return named(d.store.ClaimDomain(ctx, Claim{
		Domain: name, AccountID: accountID, Value: prefix + "=" + token.NewID(), MadeAt: now, ExpiresAt: now.Add(claimLife),
	}))
}

// named adds where the record belongs, which stores do not keep.
func named(c Claim, err error) (Claim, error) {
	c.Name = c.Domain
	return c, err
}

// mayClaim refuses who is no super administrator of the company, and a first domain that is not that of their own address.
func (d *Directory) mayClaim(ctx context.Context, by, accountID, name string) error {
	all, err := d.store.Memberships(ctx, by)
	if err != nil {
		return err
	}
	leads := slices.ContainsFunc(all, func(m auth.Membership) bool {
		return m.AccountID == accountID && Member{Role: m.Role, State: m.State}.Leads()
	})
	u, err := d.store.UserByID(ctx, by)
	switch {
	case errors.Is(err, auth.ErrNotFound), err == nil && (!leads || u.Suspended):
		return auth.Refusal(auth.ReasonForbidden)
	case err != nil:
		return err
	}
	domains, err := d.store.Domains(ctx, accountID)
	if err != nil {
		return err
	}
	own, _ := address.Domain(u.Email)
	if len(domains) == 0 && (own != name || u.Unverified) {
		return auth.Refusal(auth.ReasonForbidden)
	}
	return nil
}

// roomToClaim refuses one claim more than a company may have.
func (d *Directory) roomToClaim(ctx context.Context, accountID, name string, now time.Time) error {
	claims, err := d.store.Claims(ctx, accountID)
	if err != nil {
		return err
	}
	pending := 0
	for _, c := range claims {
		if c.Domain != name && now.Before(c.ExpiresAt) {
			pending++
		}
	}
	if pending >= maxClaims {
		return auth.Refusal(auth.ReasonTooManyAttempts)
	}
	return nil
}

// Claims answers the claims of a company, by domain, also those that have expired: they can be made anew, or dropped.
func (d *Directory) Claims(ctx context.Context, accountID string) ([]Claim, error) {
	all, err := d.store.Claims(ctx, accountID)
	for i := range all {
		all[i].Name = all[i].Domain
	}
	return all, err
}

// DropClaim forgets a claim. A domain that was proved stays: see ReleaseDomain. It is not an error if there is none.
func (d *Directory) DropClaim(ctx context.Context, accountID, domain string) error {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return nil
	}
	return d.store.DropClaim(ctx, accountID, name)
}

// ProveDomain looks for the record of a company's claim, and gives the company the domain where it is there. From then on it is looked
// for every week: see RecheckDomains. A domain that the company had lost is what it was before, with what it asks.
//
// ErrNotFound: the company has no claim to the domain, or it has expired: ClaimDomain makes one. Refusals: ReasonDomainNotFound,
// ReasonDomainTaken (another company was first). Where DNS does not answer, that is an error: the claim stays.
func (d *Directory) ProveDomain(ctx context.Context, accountID, domain string) error {
	name, err := address.ParseDomain(domain)
	if err != nil {
		return auth.ErrNotFound
	}
	c, err := d.pending(ctx, accountID, name)
	if err != nil {
		return err
	}
	if stands, err := d.store.Domain(ctx, name); err == nil && !stands.Lost() && stands.AccountID != accountID {
		return auth.Refusal(auth.ReasonDomainTaken) // the store says so too, but this asks nobody else
	}
	found, err := d.lookup(ctx, name, c.Value)
	switch {
	case err != nil:
		return fmt.Errorf("directory: proving a domain: %w", err)
	case !found:
		return auth.Refusal(auth.ReasonDomainNotFound)
	}
	now := d.now()
	return d.store.ProveDomain(ctx, Domain{Name: name, AccountID: accountID, VerifiedAt: now, Proof: c.Value, CheckAt: now.Add(checkEvery)})
}

// pending is a company's claim to a domain. auth.ErrNotFound: there is none that has not expired.
func (d *Directory) pending(ctx context.Context, accountID, name string) (Claim, error) {
	claims, err := d.store.Claims(ctx, accountID)
	if err != nil {
		return Claim{}, err
	}
	for _, c := range claims {
		if c.Domain == name && d.now().Before(c.ExpiresAt) {
			return c, nil
		}
	}
	return Claim{}, auth.ErrNotFound
}

// lookup tells whether a domain has a TXT record with exactly this text. An error means that nobody knows.
func (d *Directory) lookup(ctx context.Context, name, value string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	resolver := d.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	// The dot keeps a resolver from trying the name within the domains of this machine.
	texts, err := resolver.LookupTXT(ctx, name+".")
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return false, nil
	}
	return slices.Contains(texts, value), err
}
