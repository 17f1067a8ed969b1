package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
)

const week = 7 * 24 * time.Hour

// utc is a domain as it compares.
func utc(d directory.Domain) directory.Domain {
	for _, at := range []*time.Time{&d.VerifiedAt, &d.EnforcedAt, &d.TestedAt, &d.CheckAt, &d.MissedAt, &d.LostAt} {
		*at = at.UTC()
	}
	return d
}

// wantDomain finds a domain as it should stand.
func wantDomain(t *testing.T, s directory.Store, want directory.Domain) {
	t.Helper()
	if got, err := s.Domain(context.Background(), want.Name); err != nil || utc(got) != utc(want) {
		t.Errorf("Domain(%s) = %+v, %v, want\n%+v", want.Name, got, err, want)
	}
}

// offices opens a store with companies.
func offices(t *testing.T, open func(t *testing.T) directory.Store, ids ...string) directory.Store {
	t.Helper()
	s := open(t)
	for _, id := range ids {
		ok(t, "CreateAccount", s.CreateAccount(context.Background(), directory.Account{ID: id, Name: "Company " + id, State: auth.AccountActive}))
	}
	return s
}

// claimOf is a company's claim to acme.example, which anybody finds by its value.
func claimOf(accountID string) directory.Claim {
	return directory.Claim{Domain: "acme.example", AccountID: accountID, Value: "proof of " + accountID, MadeAt: noon, ExpiresAt: noon.Add(10 * 24 * time.Hour)}
}

// provedBy is acme.example as the company proves it.
func provedBy(accountID string) directory.Domain {
	return directory.Domain{
		Name: "acme.example", AccountID: accountID, VerifiedAt: noon.Add(time.Hour), Proof: "proof of " + accountID, CheckAt: noon.Add(time.Hour + week),
	}
}

// proved opens a store where acme has proved acme.example.
func proved(t *testing.T, open func(t *testing.T) directory.Store) directory.Store {
	t.Helper()
	ctx := context.Background()
	s := offices(t, open, "acme", "globex")
	_, err := s.ClaimDomain(ctx, claimOf("acme"))
	ok(t, "ClaimDomain", err)
	ok(t, "ProveDomain", s.ProveDomain(ctx, provedBy("acme")))
	return s
}

// lose makes acme.example a domain that is lost.
func lose(t *testing.T, s directory.Store) directory.Domain {
	t.Helper()
	d, err := s.Domain(context.Background(), "acme.example")
	ok(t, "Domain", err)
	was := d.CheckAt
	d.Misses, d.MissedAt, d.LostAt, d.CheckAt = 3, noon, noon.Add(2*week), time.Time{}
	ok(t, "SwapDomainCheck", s.SwapDomainCheck(context.Background(), d, was))
	return d
}

func domains(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	conflict := func(err error) bool { return errors.Is(err, auth.ErrConflict) }
	domain := directory.Domain{Name: "acme.example", AccountID: "acme", SSO: auth.SSOOptional, VerifiedAt: noon}

	t.Run("a domain belongs to one company", func(t *testing.T) {
		s := open(t)
		absent(t, "AddDomain(no such company)", s.AddDomain(ctx, domain))
		_, err := s.Domain(ctx, "acme.example")
		absent(t, "Domain(nobody's)", err)
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}))
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		ok(t, "AddDomain", s.AddDomain(ctx, domain))
		wantDomain(t, s, domain)
		stolen := domain
		stolen.AccountID, stolen.SSO = "globex", auth.SSOEnforced
		if err := s.AddDomain(ctx, stolen); !conflict(err) {
			t.Errorf("AddDomain(another company's) = %v, want auth.ErrConflict", err)
		}
		again := domain
		again.SSO, again.VerifiedAt = auth.SSOOff, noon.Add(time.Hour)
		if err := s.AddDomain(ctx, again); err != nil {
			t.Errorf("AddDomain(the company's already) = %v, want nil", err)
		}
		wantDomain(t, s, domain)
	})

	t.Run("one company gets a domain", func(t *testing.T) {
		s := open(t)
		for i := range callers {
			ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: fmt.Sprint(i), Name: "Company", State: auth.AccountActive}))
		}
		won := winners(t, "AddDomain", conflict, func(i int) error {
			return s.AddDomain(ctx, directory.Domain{Name: "acme.example", AccountID: fmt.Sprint(i), VerifiedAt: noon})
		})
		if won != 1 {
			t.Errorf("%d companies took one domain %d times, want 1: AddDomain must look and write in one step", callers, won)
		}
	})

	t.Run("the domains of a company are listed by name, lost ones too", func(t *testing.T) {
		s := proved(t, open)
		lost := lose(t, s)
		var want []string
		for _, name := range []string{"b.example", "xn--acm-dma.example", "a.example"} {
			ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: name, AccountID: "acme", VerifiedAt: noon}))
			want = append(want, name)
		}
		ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: "globex.example", AccountID: "globex", VerifiedAt: noon}))
		want = append(want, lost.Name)
		slices.Sort(want)
		all, err := s.Domains(ctx, "acme")
		ok(t, "Domains", err)
		var got []string
		for _, d := range all {
			if got = append(got, d.Name); d.Name == lost.Name && utc(d) != utc(lost) {
				t.Errorf("Domains has %+v, want %+v", d, lost)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("Domains = %q, want %q", got, want)
		}
		if all, err := s.Domains(ctx, "nowhere"); err != nil || len(all) != 0 {
			t.Errorf("Domains(no such company) = %d, %v, want none", len(all), err)
		}
	})

	t.Run("R86 a domain is released by its company while it enforces nothing", func(t *testing.T) {
		s := proved(t, open)
		absent(t, "ReleaseDomain(nobody's)", s.ReleaseDomain(ctx, "acme", "other.example"))
		absent(t, "ReleaseDomain(another company's)", s.ReleaseDomain(ctx, "globex", "acme.example"))
		ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon))
		if err := s.ReleaseDomain(ctx, "acme", "acme.example"); !refusal(auth.ReasonSSOEnforced)(err) {
			t.Errorf("ReleaseDomain(enforced) = %v, want auth.Refusal(sso_enforced)", err)
		}
		want := provedBy("acme")
		want.SSO, want.EnforcedAt = auth.SSOEnforced, noon
		wantDomain(t, s, want)
		ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOOptional, noon))
		won := winners(t, "ReleaseDomain", func(err error) bool { return errors.Is(err, auth.ErrNotFound) }, func(int) error {
			return s.ReleaseDomain(ctx, "acme", "acme.example")
		})
		if won != 1 {
			t.Errorf("%d callers released one domain %d times, want 1: ReleaseDomain must look and delete in one step", callers, won)
		}
		_, err := s.Domain(ctx, "acme.example")
		absent(t, "Domain(released)", err)

		s = proved(t, open)
		ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon))
		lose(t, s)
		ok(t, "ReleaseDomain (lost)", s.ReleaseDomain(ctx, "acme", "acme.example"))
	})

	t.Run("R86 a domain is not both enforced and released", func(t *testing.T) {
		for round := range rounds {
			s := proved(t, open)
			var enforced, released atomic.Int32
			together(func(i int) {
				var err error
				var won *atomic.Int32
				if shuffled(i, round)%2 == 0 {
					won, err = &enforced, s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon)
				} else {
					won, err = &released, s.ReleaseDomain(ctx, "acme", "acme.example")
				}
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, auth.ErrNotFound) && !refusal(auth.ReasonSSOEnforced)(err):
					t.Errorf("SetDomainSSO or ReleaseDomain = %v, want nil, auth.ErrNotFound or auth.Refusal(sso_enforced)", err)
				}
			})
			if _, err := s.Domain(ctx, "acme.example"); enforced.Load() > 0 && released.Load() > 0 || (err == nil) != (enforced.Load() > 0) {
				t.Errorf("a domain was enforced %d times and released %d times, and is found with %v, want one of the two: both verbs must look and write in one step", enforced.Load(), released.Load(), err)
			}
		}
	})

	t.Run("a domain that is lost is anybody's, and a domain that counts is not", func(t *testing.T) {
		s := proved(t, open)
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
		ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon))
		lost := lose(t, s)
		for verb, err := range map[string]error{
			"SetDomainSSO(off)":   s.SetDomainSSO(ctx, "acme.example", auth.SSOOff, noon),
			"SetDomainSSO":        s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon.Add(time.Hour)),
			"EnforceSSO":          s.EnforceSSO(ctx, "acme.example", noon),
			"SetDomainConnection": s.SetDomainConnection(ctx, "acme.example", "other"),
		} {
			absent(t, verb+"(lost)", err)
		}
		ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "con", noon))
		wantDomain(t, s, lost)

		back := domain
		back.VerifiedAt = noon.Add(3 * week)
		ok(t, "AddDomain (what was lost)", s.AddDomain(ctx, back))
		back.SSO, back.EnforcedAt, back.Connection = auth.SSOEnforced, noon, "con"
		wantDomain(t, s, back)
	})

	t.Run("R86 a domain that is lost comes back with what it asked to its company, and with nothing to another", func(t *testing.T) {
		for _, accountID := range []string{"acme", "globex"} {
			s := proved(t, open)
			ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
			ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "con", noon))
			ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon))
			lose(t, s)
			want := provedBy(accountID)
			want.Proof = "new proof"
			c := claimOf(accountID)
			c.Value = want.Proof
			_, err := s.ClaimDomain(ctx, c)
			ok(t, "ClaimDomain(lost)", err)
			ok(t, "ProveDomain(lost)", s.ProveDomain(ctx, want))
			if accountID == "acme" {
				want.SSO, want.EnforcedAt, want.Connection, want.TestedAt = auth.SSOEnforced, noon, "con", noon
			}
			wantDomain(t, s, want)
		}
	})
}

func claims(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	taken := refusal(auth.ReasonDomainTaken)
	same := func(a, b directory.Claim) bool {
		return a.Domain == b.Domain && a.AccountID == b.AccountID && a.Value == b.Value && a.MadeAt.Equal(b.MadeAt) && a.ExpiresAt.Equal(b.ExpiresAt)
	}
	stand := func(t *testing.T, s directory.Store, accountID string, want ...directory.Claim) {
		t.Helper()
		got, err := s.Claims(ctx, accountID)
		ok(t, "Claims", err)
		if !slices.EqualFunc(got, want, same) {
			t.Errorf("Claims(%s) = %+v, want %+v", accountID, got, want)
		}
	}

	t.Run("R86 a pending claim is answered again, and one that has expired is made anew", func(t *testing.T) {
		s := open(t)
		_, err := s.ClaimDomain(ctx, claimOf("acme"))
		absent(t, "ClaimDomain(no such company)", err)
		s = offices(t, open, "acme", "globex")
		stand(t, s, "acme")
		first := claimOf("acme")
		claim := func(c, want directory.Claim) {
			t.Helper()
			if got, err := s.ClaimDomain(ctx, c); err != nil || !same(got, want) {
				t.Errorf("ClaimDomain = %+v, %v, want %+v", got, err, want)
			}
		}
		claim(first, first)
		again := first
		again.Value, again.MadeAt, again.ExpiresAt = "another", first.ExpiresAt.Add(-time.Microsecond), first.ExpiresAt.Add(week)
		claim(again, first)
		claim(claimOf("globex"), claimOf("globex"))
		again.MadeAt = first.ExpiresAt
		claim(again, again)
		below := again
		below.Domain, below.Value = "a.acme.example", "below"
		claim(below, below)
		stand(t, s, "acme", below, again)
		stand(t, s, "globex", claimOf("globex"))
	})

	t.Run("R86 many claims of one company at the same moment are one", func(t *testing.T) {
		s := offices(t, open, "acme")
		var mu sync.Mutex
		told := map[string]bool{}
		together(func(i int) {
			c := claimOf("acme")
			c.Value = fmt.Sprint("value ", i)
			got, err := s.ClaimDomain(ctx, c)
			if err != nil {
				t.Errorf("ClaimDomain = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			told[got.Value] = true
		})
		all, err := s.Claims(ctx, "acme")
		if err != nil || len(all) != 1 || len(told) != 1 || !told[all[0].Value] {
			t.Errorf("%d callers were told of %d values, and %+v stands, %v, want one: ClaimDomain must look and write in one step", callers, len(told), all, err)
		}
	})

	t.Run("claims that expired long ago go", func(t *testing.T) {
		s := offices(t, open, "acme")
		for _, name := range []string{"a.example", "b.example"} {
			c := claimOf("acme")
			c.Domain = name
			_, err := s.ClaimDomain(ctx, c)
			ok(t, "ClaimDomain", err)
		}
		late := claimOf("acme")
		late.MadeAt, late.ExpiresAt = noon.Add(9*week), noon.Add(10*week)
		if _, err := s.ClaimDomain(ctx, late); err != nil {
			t.Fatalf("ClaimDomain = %v, want nil", err)
		}
		if all, err := s.Claims(ctx, "acme"); err != nil || !slices.ContainsFunc(all, func(c directory.Claim) bool { return same(c, late) }) {
			t.Errorf("Claims = %+v, %v, want the new one among them", all, err)
		}
	})

	t.Run("R86 a claim is proved by its value, in time, once", func(t *testing.T) {
		s := offices(t, open, "acme", "globex")
		_, err := s.ClaimDomain(ctx, claimOf("acme"))
		ok(t, "ClaimDomain", err)
		right := provedBy("acme")
		for what, change := range map[string]func(d *directory.Domain){
			"no claim":         func(d *directory.Domain) { d.AccountID = "globex" },
			"another domain":   func(d *directory.Domain) { d.Name = "a.acme.example" },
			"another value":    func(d *directory.Domain) { d.Proof = "proof of globex" },
			"no value":         func(d *directory.Domain) { d.Proof = "" },
			"when it is ended": func(d *directory.Domain) { d.VerifiedAt = claimOf("acme").ExpiresAt },
		} {
			wrong := right
			change(&wrong)
			absent(t, "ProveDomain("+what+")", s.ProveDomain(ctx, wrong))
		}
		_, err = s.Domain(ctx, "acme.example")
		absent(t, "Domain", err)
		won := winners(t, "ProveDomain", func(err error) bool { return errors.Is(err, auth.ErrNotFound) }, func(int) error { return s.ProveDomain(ctx, right) })
		if won != 1 {
			t.Errorf("%d callers proved one claim %d times, want 1: ProveDomain must delete the claim and write in one step", callers, won)
		}
		wantDomain(t, s, right)
		stand(t, s, "acme")
		if _, err := s.ClaimDomain(ctx, claimOf("acme")); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("ClaimDomain(the company's own) = %v, want auth.ErrConflict", err)
		}
		if _, err := s.ClaimDomain(ctx, claimOf("globex")); !taken(err) {
			t.Errorf("ClaimDomain(another company's) = %v, want auth.Refusal(domain_taken)", err)
		}
		stand(t, s, "globex")
	})

	t.Run("R86 of companies that prove a domain the first has it", func(t *testing.T) {
		var ids []string
		for i := range callers {
			ids = append(ids, fmt.Sprint(i))
		}
		s := offices(t, open, ids...)
		for _, id := range ids {
			_, err := s.ClaimDomain(ctx, claimOf(id))
			ok(t, "ClaimDomain", err)
		}
		won := winners(t, "ProveDomain", taken, func(i int) error { return s.ProveDomain(ctx, provedBy(ids[i])) })
		if won != 1 {
			t.Errorf("%d companies proved one domain %d times, want 1: ProveDomain must look and write in one step", callers, won)
		}
		d, err := s.Domain(ctx, "acme.example")
		ok(t, "Domain", err)
		for _, id := range ids {
			want := []directory.Claim{claimOf(id)}
			if id == d.AccountID {
				want = nil
			}
			stand(t, s, id, want...)
		}
	})

	t.Run("R86 a claim to what the host has given the company proves it", func(t *testing.T) {
		s := offices(t, open, "acme")
		_, err := s.ClaimDomain(ctx, claimOf("acme"))
		ok(t, "ClaimDomain", err)
		ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: "acme.example", AccountID: "acme", SSO: auth.SSOOptional, VerifiedAt: noon}))
		ok(t, "ProveDomain", s.ProveDomain(ctx, provedBy("acme")))
		want := provedBy("acme")
		want.SSO = auth.SSOOptional
		wantDomain(t, s, want)
	})

	t.Run("a claim is dropped by its company", func(t *testing.T) {
		s := offices(t, open, "acme", "globex")
		for _, id := range []string{"acme", "globex"} {
			_, err := s.ClaimDomain(ctx, claimOf(id))
			ok(t, "ClaimDomain", err)
		}
		for range 2 {
			ok(t, "DropClaim", s.DropClaim(ctx, "acme", "acme.example"))
		}
		stand(t, s, "acme")
		stand(t, s, "globex", claimOf("globex"))
		absent(t, "ProveDomain(dropped)", s.ProveDomain(ctx, provedBy("acme")))
	})
}

func domainChecks(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()

	t.Run("due domains are answered once, longest due first", func(t *testing.T) {
		s := offices(t, open, "acme")
		at := map[string]time.Time{"late.example": noon.Add(time.Minute), "early.example": noon.Add(-time.Hour), "now.example": noon, "never.example": {}}
		for name, due := range at {
			ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: name, AccountID: "acme", VerifiedAt: noon, Proof: "proof", CheckAt: due}))
		}
		again := noon.Add(time.Hour)
		take := func(now time.Time, limit int, want ...string) {
			t.Helper()
			due, err := s.DueDomains(ctx, now, again, limit)
			var got []string
			for _, d := range due {
				if got = append(got, d.Name); !d.CheckAt.Equal(again) || d.Proof != "proof" || d.AccountID != "acme" {
					t.Errorf("DueDomains has %+v, want the whole domain, with CheckAt moved", d)
				}
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("DueDomains = %q, %v, want %q", got, err, want)
			}
		}
		take(noon, 1, "early.example")
		take(noon, 10, "now.example")
		take(noon, 10)
		wantDomain(t, s, directory.Domain{Name: "early.example", AccountID: "acme", VerifiedAt: noon, Proof: "proof", CheckAt: again})
		wantDomain(t, s, directory.Domain{Name: "late.example", AccountID: "acme", VerifiedAt: noon, Proof: "proof", CheckAt: at["late.example"]})
	})

	t.Run("many workers share the domains", func(t *testing.T) {
		const n = 40
		s := offices(t, open, "acme")
		for i := range n {
			ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: fmt.Sprintf("d%d.example", i), AccountID: "acme", VerifiedAt: noon, Proof: "proof", CheckAt: noon}))
		}
		var mu sync.Mutex
		told := map[string]int{}
		together(func(int) {
			due, err := s.DueDomains(ctx, noon, noon.Add(time.Hour), 3)
			if err != nil {
				t.Errorf("DueDomains = %v, want nil", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, d := range due {
				told[d.Name]++
			}
		})
		for name, times := range told {
			if times != 1 {
				t.Errorf("%s was given to %d of %d workers, want 1: DueDomains must look and write in one step", name, times, callers)
			}
		}
	})

	t.Run("a check is written where nothing has changed since, and changes nothing else", func(t *testing.T) {
		s := proved(t, open)
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
		ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced, noon))
		want := provedBy("acme")
		want.SSO, want.EnforcedAt, want.Connection = auth.SSOEnforced, noon, "con"
		was := want.CheckAt
		checked := provedBy("acme") // without what was set meanwhile
		checked.AccountID, checked.SSO = "globex", auth.SSOOptional
		checked.VerifiedAt, checked.CheckAt, checked.Misses, checked.MissedAt = noon.Add(week), noon.Add(2*week), 2, noon.Add(-week)
		for what, err := range map[string]error{
			"another time":  s.SwapDomainCheck(ctx, checked, was.Add(time.Second)),
			"another proof": s.SwapDomainCheck(ctx, directory.Domain{Name: "acme.example", Proof: "other", CheckAt: noon}, was),
			"nobody's":      s.SwapDomainCheck(ctx, directory.Domain{Name: "other.example", Proof: checked.Proof, CheckAt: noon}, was),
		} {
			if !errors.Is(err, auth.ErrConflict) {
				t.Errorf("SwapDomainCheck(%s) = %v, want auth.ErrConflict", what, err)
			}
		}
		wantDomain(t, s, want)
		ok(t, "SwapDomainCheck", s.SwapDomainCheck(ctx, checked, was))
		want.VerifiedAt, want.CheckAt, want.Misses, want.MissedAt = checked.VerifiedAt, checked.CheckAt, checked.Misses, checked.MissedAt
		wantDomain(t, s, want)
	})

	t.Run("one caller writes a check", func(t *testing.T) {
		s := proved(t, open)
		d := provedBy("acme")
		was := d.CheckAt
		won := winners(t, "SwapDomainCheck", func(err error) bool { return errors.Is(err, auth.ErrConflict) }, func(i int) error {
			next := d
			next.Misses, next.MissedAt, next.CheckAt = 1, noon, noon.Add(time.Duration(i+1)*time.Second)
			return s.SwapDomainCheck(ctx, next, was)
		})
		if won != 1 {
			t.Errorf("%d callers wrote one check %d times, want 1: SwapDomainCheck must compare and write in one step", callers, won)
		}
	})

	t.Run("what a domain asks is not undone by a check at the same moment", func(t *testing.T) {
		s := proved(t, open)
		want := provedBy("acme")
		for round := range rounds {
			was := want.CheckAt
			want.CheckAt = was.Add(time.Second)
			want.Connection = fmt.Sprint("con ", round)
			checked := want
			checked.Connection = "from before"
			together(func(i int) {
				var err error
				switch i {
				case 0:
					err = s.SetDomainConnection(ctx, "acme.example", want.Connection)
				case 1:
					err = s.SwapDomainCheck(ctx, checked, was)
				}
				if err != nil {
					t.Errorf("SetDomainConnection or SwapDomainCheck = %v, want nil", err)
				}
			})
			if got, err := s.Domain(ctx, "acme.example"); err != nil || utc(got) != utc(want) {
				t.Fatalf("Domain = %+v, %v after both were written at the same moment, want\n%+v: each verb of a domain must change its own part and nothing else", got, err, want)
			}
		}
	})
}

func domainSSO(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()

	t.Run("R26 what a domain asks changes alone, and says since when it enforces", func(t *testing.T) {
		s := proved(t, open)
		absent(t, "SetDomainSSO(nobody's)", s.SetDomainSSO(ctx, "other.example", auth.SSOEnforced, noon))
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
		want := provedBy("acme")
		want.Connection = "con"
		for i, step := range []struct {
			mode  auth.SSOMode
			since time.Duration
		}{{auth.SSOEnforced, 0}, {auth.SSOEnforced, 0}, {auth.SSOOptional, -1}, {auth.SSOEnforced, 3}, {auth.SSOOff, -1}, {auth.SSOOff, -1}} {
			ok(t, "SetDomainSSO", s.SetDomainSSO(ctx, "acme.example", step.mode, noon.Add(time.Duration(i)*time.Hour)))
			want.SSO, want.EnforcedAt = step.mode, time.Time{}
			if step.since >= 0 {
				want.EnforcedAt = noon.Add(step.since * time.Hour)
			}
			wantDomain(t, s, want)
		}
	})

	t.Run("R89 enforcing needs a connection, and a test of it within seven days", func(t *testing.T) {
		s := proved(t, open)
		want := provedBy("acme")
		enforce := func(now time.Time, reason auth.Reason) {
			t.Helper()
			if err := s.EnforceSSO(ctx, "acme.example", now); !refusal(reason)(err) {
				t.Errorf("EnforceSSO = %v, want auth.Refusal(%s)", err, reason)
			}
			wantDomain(t, s, want)
		}
		absent(t, "EnforceSSO(nobody's)", s.EnforceSSO(ctx, "other.example", noon))
		enforce(noon, auth.ReasonConnectionRequired)
		ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
		want.Connection = "con"
		enforce(noon, auth.ReasonTestRequired)
		ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "other", noon))
		enforce(noon, auth.ReasonTestRequired)
		ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "con", noon))
		want.TestedAt = noon
		enforce(noon.Add(week+time.Microsecond), auth.ReasonTestRequired)
		ok(t, "EnforceSSO", s.EnforceSSO(ctx, "acme.example", noon.Add(week)))
		want.SSO, want.EnforcedAt = auth.SSOEnforced, noon.Add(week)
		wantDomain(t, s, want)
		ok(t, "EnforceSSO (again)", s.EnforceSSO(ctx, "acme.example", noon))
		wantDomain(t, s, want)
	})

	t.Run("R89 a test counts for the connection that was tested, in all domains that name it", func(t *testing.T) {
		s := proved(t, open)
		ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: "b.example", AccountID: "acme", VerifiedAt: noon}))
		ok(t, "AddDomain", s.AddDomain(ctx, directory.Domain{Name: "c.example", AccountID: "globex", VerifiedAt: noon}))
		a, b, c := provedBy("acme"), directory.Domain{Name: "b.example", AccountID: "acme", VerifiedAt: noon}, directory.Domain{Name: "c.example", AccountID: "globex", VerifiedAt: noon}
		for _, d := range []*directory.Domain{&a, &b, &c} {
			if d.Connection = "con"; d == &c {
				d.Connection = "other"
			}
			ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, d.Name, d.Connection))
		}
		for _, at := range []time.Duration{1, 0} { // a test of before changes nothing
			ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "con", noon.Add(at*time.Hour)))
		}
		a.TestedAt, b.TestedAt = noon.Add(time.Hour), noon.Add(time.Hour)
		ok(t, "SetDomainConnection (the same)", s.SetDomainConnection(ctx, "acme.example", "con"))
		for _, d := range []directory.Domain{a, b, c} {
			wantDomain(t, s, d)
		}
		for _, other := range []string{"other", "con", ""} {
			ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", other))
			a.Connection, a.TestedAt = other, time.Time{}
			wantDomain(t, s, a)
		}
		wantDomain(t, s, b)
		absent(t, "SetDomainConnection(nobody's)", s.SetDomainConnection(ctx, "other.example", "con"))
	})

	t.Run("R89 nobody enforces what another connection has passed", func(t *testing.T) {
		for round := range rounds {
			s := proved(t, open)
			ok(t, "SetDomainConnection", s.SetDomainConnection(ctx, "acme.example", "con"))
			ok(t, "PassConnectionTest", s.PassConnectionTest(ctx, "con", noon))
			swap := noon.Add(time.Duration(round) * time.Minute)
			together(func(i int) {
				var err error
				switch shuffled(i, round) % 3 {
				case 0:
					err = s.SetDomainConnection(ctx, "acme.example", "other")
				case 1:
					err = s.PassConnectionTest(ctx, "con", swap)
				default:
					err = s.EnforceSSO(ctx, "acme.example", noon)
				}
				if err != nil && !refusal(auth.ReasonTestRequired)(err) {
					t.Errorf("SetDomainConnection, PassConnectionTest or EnforceSSO = %v, want nil or auth.Refusal(test_required)", err)
				}
			})
			if d, err := s.Domain(ctx, "acme.example"); err != nil || d.Connection != "other" || !d.TestedAt.IsZero() {
				t.Errorf("Domain = %+v, %v, want the other connection, not tested: SetDomainConnection must clear the test in the step that writes, and PassConnectionTest look at the connection in its own", d, err)
			}
		}
	})
}

func overrides(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	sso := func(t *testing.T, s directory.Store, userID string, want auth.SSOOverride) {
		t.Helper()
		if got := inAcme(t, s, userID); got.SSO != want {
			t.Errorf("%s has the override %q, want %q", userID, got.SSO, want)
		}
		all, err := s.Members(ctx, "acme")
		ok(t, "Members", err)
		for _, p := range all {
			if p.User.ID == userID && p.SSO != want {
				t.Errorf("Members has the override %q of %s, want %q", p.SSO, userID, want)
			}
		}
	}
	add := func(s directory.Store, userID string, role auth.Role) (auth.Membership, error) {
		return s.AddMember(ctx, directory.Member{AccountID: "acme", UserID: userID, Role: role, State: auth.MemberActive}, noon)
	}

	t.Run("R23 what a member is asked changes alone, and ends with the membership", func(t *testing.T) {
		s := made(t, open)
		ok(t, "CreateAccount", s.CreateAccount(ctx, directory.Account{ID: "globex", Name: "Globex", State: auth.AccountActive}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "globex", UserID: "admin", Role: auth.RoleMember, State: auth.MemberActive}))
		absent(t, "SetMemberSSO(no member)", s.SetMemberSSO(ctx, "acme", "stranger", auth.SSOExempt))
		absent(t, "SetMemberSSO(no such company)", s.SetMemberSSO(ctx, "nowhere", "admin", auth.SSOExempt))
		sso(t, s, "admin", auth.SSOInherit)
		for _, o := range []auth.SSOOverride{auth.SSORequired, auth.SSOInherit, auth.SSOExempt} {
			ok(t, "SetMemberSSO", s.SetMemberSSO(ctx, "acme", "admin", o))
			sso(t, s, "admin", o)
			sso(t, s, "member", auth.SSOInherit)
			wantMember(t, s, "admin", auth.RoleAdmin, auth.MemberActive)
		}
		all, err := s.Memberships(ctx, "admin")
		if err != nil || len(all) != 2 || all[1].AccountID != "globex" || all[1].SSO != auth.SSOInherit {
			t.Errorf("Memberships = %+v, %v, want nothing changed in the other company", all, err)
		}
		for verb, err := range map[string]error{
			"ChangeMember": s.ChangeMember(ctx, "", "acme", "admin", directory.MemberChange{Role: auth.RoleMember}),
			"SetMember":    s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "admin", Role: auth.RoleAdmin, State: auth.MemberSuspended}),
		} {
			ok(t, verb, err)
			sso(t, s, "admin", auth.SSOExempt)
		}
		ok(t, "RemoveMember", s.RemoveMember(ctx, "acme", "admin"))
		absent(t, "SetMemberSSO(removed)", s.SetMemberSSO(ctx, "acme", "admin", auth.SSOExempt))
		join(t, s, "admin", auth.RoleAdmin)
		sso(t, s, "admin", auth.SSOInherit)
	})

	t.Run("R23 role and override that are set at the same moment both count", func(t *testing.T) {
		s := made(t, open)
		for round := range rounds {
			role, o := []auth.Role{auth.RoleAdmin, auth.RoleMember}[round%2], []auth.SSOOverride{auth.SSOExempt, auth.SSORequired}[round%2]
			together(func(i int) {
				var err error
				switch i {
				case 0:
					err = s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "member", Role: role, State: auth.MemberActive})
				case 1:
					err = s.SetMemberSSO(ctx, "acme", "member", o)
				}
				if err != nil {
					t.Errorf("SetMember or SetMemberSSO = %v, want nil", err)
				}
			})
			if got := inAcme(t, s, "member"); got.Role != role || got.SSO != o {
				t.Errorf("member is %q with %q, want %q with %q: each verb of a member must change its own part and nothing else", got.Role, got.SSO, role, o)
			}
		}
	})

	t.Run("R28 a member is added where there is none, and nobody else is changed", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetSeats", s.SetSeats(ctx, "acme", "crm", 2, noon))
		ok(t, "TakeSeat", s.TakeSeat(ctx, "acme", "crm", "admin", noon))
		ok(t, "SetMemberSSO", s.SetMemberSSO(ctx, "acme", "admin", auth.SSOExempt))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "suspended", Role: auth.RoleAdmin, State: auth.MemberSuspended}))
		ok(t, "SetMember", s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "invited", Role: auth.RoleMember, State: auth.MemberInvited}))
		for userID, want := range map[string]auth.Membership{
			"new":         {Role: auth.RoleMember, State: auth.MemberActive},
			"admin":       {Role: auth.RoleAdmin, State: auth.MemberActive, Products: []string{"crm"}, SSO: auth.SSOExempt},
			"super_admin": {Role: auth.RoleSuperAdmin, State: auth.MemberActive},
			"suspended":   {Role: auth.RoleAdmin, State: auth.MemberSuspended},
			"invited":     {Role: auth.RoleMember, State: auth.MemberInvited},
		} {
			got, err := add(s, userID, auth.RoleMember)
			if err != nil || got.AccountID != "acme" || got.AccountName != "Acme" || got.AccountState != auth.AccountActive || got.Role != want.Role || got.State != want.State ||
				got.SSO != want.SSO || !slices.Equal(got.Products, want.Products) {
				t.Errorf("AddMember(%s) = %+v, %v, want it in Acme as %+v", userID, got, err, want)
			}
			wantMember(t, s, userID, want.Role, want.State, want.Products...)
			sso(t, s, userID, want.SSO)
		}
		_, err := s.AddMember(ctx, directory.Member{AccountID: "nowhere", UserID: "new", Role: auth.RoleMember, State: auth.MemberActive}, noon)
		absent(t, "AddMember(no such company)", err)
	})

	t.Run("R28 nobody is added to a company that has expired", func(t *testing.T) {
		s := made(t, open)
		ok(t, "SetAccountState", s.SetAccountState(ctx, "acme", auth.AccountLapsed, noon))
		if _, err := add(s, "new", auth.RoleMember); !refusal(auth.ReasonAccountExpired)(err) {
			t.Errorf("AddMember = %v, want auth.Refusal(account_expired)", err)
		}
		wantMember(t, s, "new", "", "")
		if got, err := add(s, "member", auth.RoleAdmin); err != nil || got.Role != auth.RoleMember {
			t.Errorf("AddMember(a member) = %+v, %v, want them unchanged", got, err)
		}
	})

	t.Run("R28 whoever is suspended while they are added is suspended", func(t *testing.T) {
		for round := range rounds {
			s := made(t, open)
			together(func(i int) {
				var err error
				if shuffled(i, round) == callers/2 {
					err = s.SetMember(ctx, directory.Member{AccountID: "acme", UserID: "new", Role: auth.RoleMember, State: auth.MemberSuspended})
				} else {
					_, err = add(s, "new", auth.RoleMember)
				}
				if err != nil {
					t.Errorf("SetMember or AddMember = %v, want nil", err)
				}
			})
			if got := inAcme(t, s, "new"); got.State != auth.MemberSuspended {
				t.Errorf("new is %q, want suspended: AddMember must look and write in one step", got.State)
			}
			if all, err := s.Members(ctx, "acme"); err != nil || len(all) != 4 {
				t.Errorf("Members = %d, %v, want 4", len(all), err)
			}
		}
	})
}
