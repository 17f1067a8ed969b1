package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
)

const (
	checkEvery = 7 * 24 * time.Hour
	checkLease = time.Hour // a check that came to no end is made again after it
	lostMisses = 3
	lostAfter  = 14 * 24 * time.Hour // between the first of these misses and the last
)

// Standing is what a check of a domain came to.
type Standing string

const (
	DomainProved Standing = "proved" // the record is there
	DomainMissed Standing = "missed" // it is not: warn the company's administrators. Domain.Misses says how often in a row
	DomainLost   Standing = "lost"   // it was not there too often: the domain counts no more, and nor does what it asked
)

// A DomainCheck is a domain that was looked at again, as it stands after it.
type DomainCheck struct {
	Domain   Domain
	Standing Standing
}

// RecheckDomains looks whether domains that were proved by DNS are still their company's: those that are due, limit at most, each once
// a week, whoever else calls it at the same moment. It is for a worker of the host's, which may call it every hour. A domain whose record
// is missing three times, over 14 days at least, is lost: DomainRule answers it no more, and anybody may prove it. What it asks stays
// stored, for its company to find when it proves the domain again.
//
// The answer is for warning people: domains that are proved are in it too. It may be given together with an error: DNS did not answer
// for some domains, or the store is broken. What DNS did not answer counts as no miss, and is asked again an hour later.
func (d *Directory) RecheckDomains(ctx context.Context, now time.Time, limit int) ([]DomainCheck, error) {
	due, err := d.store.DueDomains(ctx, now, now.Add(checkLease), limit)
	if err != nil {
		return nil, err
	}
	var all []DomainCheck
	var failures []error
	for _, domain := range due {
		if err := ctx.Err(); err != nil {
			failures = append(failures, err)
			break
		}
		found, err := d.lookup(ctx, domain.Name, domain.Proof)
		if err != nil {
			failures = append(failures, fmt.Errorf("directory: checking a domain again: %w", err))
			continue
		}
		next, standing := domain.checked(found, now)
		err = d.store.SwapDomainCheck(ctx, next, domain.CheckAt)
		switch {
		case errors.Is(err, auth.ErrConflict): // released, proved anew, or this took so long that somebody else has looked
		case err != nil:
			failures = append(failures, err)
		default:
			all = append(all, DomainCheck{next, standing})
		}
	}
	return all, errors.Join(failures...)
}

// checked is what a look at the record makes of a domain.
func (d Domain) checked(found bool, now time.Time) (Domain, Standing) {
	d.CheckAt = now.Add(checkEvery)
	if found {
		d.VerifiedAt, d.Misses, d.MissedAt = now, 0, time.Time{}
		return d, DomainProved
	}
	if d.Misses++; d.Misses == 1 {
		d.MissedAt = now
	}
	if d.Misses < lostMisses || now.Before(d.MissedAt.Add(lostAfter)) {
		return d, DomainMissed
	}
	d.LostAt, d.CheckAt = now, time.Time{}
	return d, DomainLost
}
