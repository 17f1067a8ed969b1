package directory_test

import (
	"context"
	"errors"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/store"
)

// dns is a resolver with the records of a test.
type dns struct {
	mu      sync.Mutex
	records map[string][]string // by complete name, with the dot
	broken  error
	asked   []string
}

func (r *dns) LookupTXT(ctx context.Context, name string) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, name)
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, errors.New("a look-up without a deadline")
	}
	if r.broken != nil {
		return nil, r.broken
	}
	if len(r.records[name]) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return r.records[name], nil
}

func (r *dns) put(name string, texts ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.records == nil {
		r.records = map[string][]string{}
	}
	r.records[name] = texts
}

// clock moves the time of a directory.
func clock(d *directory.Directory, at time.Time) { d.Now = func() time.Time { return at } }

const day = 24 * time.Hour

func TestClaims(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		root := people[auth.RoleSuperAdmin].ID
		records := &dns{}
		d.Resolver = records

		for who, by := range map[string]string{"an administrator": people[auth.RoleAdmin].ID, "a member": people[auth.RoleMember].ID, "a stranger": "usr_nobody"} {
			_, err := d.ClaimDomain(ctx, by, id, "acme.example")
			refused(t, "R86 ClaimDomain by "+who, err, auth.ReasonForbidden)
		}
		if err := d.SuspendUser(ctx, root); err != nil {
			t.Fatal(err)
		}
		_, err := d.ClaimDomain(ctx, root, id, "acme.example")
		refused(t, "R86 ClaimDomain by somebody who is suspended altogether", err, auth.ReasonForbidden)
		if err := d.UnsuspendUser(ctx, root); err != nil {
			t.Fatal(err)
		}
		_, err = d.ClaimDomain(ctx, root, id, "other.example")
		refused(t, "R86 ClaimDomain of a first domain that is not one's own", err, auth.ReasonForbidden)
		for _, domain := range []string{"a.acme.example", "example.acme"} {
			_, err = d.ClaimDomain(ctx, root, id, domain)
			refused(t, "R86 ClaimDomain of a first domain near one's own", err, auth.ReasonForbidden)
		}
		for _, domain := range []string{"gmail.com", "GMAIL.com", "outlook.com", "yahoo.co.uk", "co.uk", "github.io", "gmx.de", "mailinator.com"} {
			_, err = d.ClaimDomain(ctx, "", id, domain)
			refused(t, "R86 ClaimDomain("+domain+")", err, auth.ReasonDomainPublic)
		}
		for _, domain := range []string{"", "acme", "acme..example", "acme.example.", "192.0.2.1", "acme.example\n"} {
			if _, err := d.ClaimDomain(ctx, "", id, domain); err == nil && domain != "acme.example\n" {
				t.Errorf("ClaimDomain(%q) was accepted", domain)
			}
		}
		newcomer := must[auth.User](t)(d.AddUser(ctx, auth.User{Email: "new@acme.example", Unverified: true}))
		if err := d.SetMember(ctx, directory.Member{AccountID: id, UserID: newcomer.ID, Role: auth.RoleSuperAdmin}); err != nil {
			t.Fatal(err)
		}
		_, err = d.ClaimDomain(ctx, newcomer.ID, id, "acme.example")
		refused(t, "R86 ClaimDomain by somebody whose address nobody has proved", err, auth.ReasonForbidden)
		if err := d.DropClaim(ctx, id, "acme.example"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ClaimDomain(ctx, "", "acc_nowhere", "acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("ClaimDomain(no such company) = %v, want ErrNotFound", err)
		}

		c, err := d.ClaimDomain(ctx, root, id, "ACME.example")
		if err != nil || c.Domain != "acme.example" || c.Name != "acme.example" || c.AccountID != id || !c.ExpiresAt.Equal(now.Add(10*day)) {
			t.Fatalf("R86 ClaimDomain = %+v, %v, want acme.example for ten days", c, err)
		}
		if !regexp.MustCompile(`^sallyport-verification=[a-z2-7]{26}$`).MatchString(c.Value) {
			t.Errorf("R86 the value is %q, want a prefix and 26 random characters", c.Value)
		}
		clock(d, now.Add(10*day-time.Second))
		if again, err := d.ClaimDomain(ctx, root, id, "acme.example"); err != nil || again.Value != c.Value {
			t.Errorf("R86 ClaimDomain while one is pending = %q, %v, want the same value, %q", again.Value, err, c.Value)
		}

		// What is there must be the value: all of it, in one record, at the very name.
		for what, texts := range map[string][]string{
			"another value": {"sallyport-verification=aaaaaaaaaaaaaaaaaaaaaaaaaa"}, "more than the value": {c.Value + " ", "x" + c.Value}, "part of the value": {c.Value[:len(c.Value)-1]},
			"another spelling": {strings.ToUpper(c.Value)}, "no text": {""},
		} {
			records.put("acme.example.", texts...)
			refused(t, "R86 ProveDomain with "+what, d.ProveDomain(ctx, id, "acme.example"), auth.ReasonDomainNotFound)
		}
		records.put("acme.example.")
		records.put("a.acme.example.", c.Value)
		records.put("example.", c.Value)
		records.put("acme.example", c.Value)
		refused(t, "R86 ProveDomain with the record elsewhere", d.ProveDomain(ctx, id, "acme.example"), auth.ReasonDomainNotFound)
		records.put("acme.example.", "v=spf1 -all", c.Value)
		records.broken = &net.DNSError{Err: "server misbehaving", IsTemporary: true}
		if err := d.ProveDomain(ctx, id, "acme.example"); err == nil || isRefusal(err) {
			t.Errorf("R86 ProveDomain while DNS does not answer = %v, want an error that is no refusal", err)
		}
		records.broken = nil
		if _, err := d.DomainRule(ctx, "acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("DomainRule of a domain that is only claimed = %v, want ErrNotFound", err)
		}

		clock(d, now.Add(10*day))
		if err := d.ProveDomain(ctx, id, "acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("R86 ProveDomain of a claim that has expired = %v, want ErrNotFound", err)
		}
		if all, err := d.Claims(ctx, id); err != nil || len(all) != 1 || all[0].Name != "acme.example" {
			t.Errorf("Claims = %+v, %v, want the one that has expired", all, err)
		}
		anew, err := d.ClaimDomain(ctx, root, id, "acme.example")
		if err != nil || anew.Value == c.Value {
			t.Errorf("R86 ClaimDomain after one has expired = %q, %v, want a new value", anew.Value, err)
		}
		refused(t, "R86 ProveDomain with the value of before", d.ProveDomain(ctx, id, "acme.example"), auth.ReasonDomainNotFound)
		records.put("acme.example.", c.Value, anew.Value)
		if err := d.ProveDomain(ctx, id, "acme.example"); err != nil {
			t.Fatalf("R86 ProveDomain = %v, want nil", err)
		}
		want := auth.DomainRule{Domain: "acme.example", AccountID: id}
		if rule, err := d.DomainRule(ctx, "acme.example"); err != nil || rule != want {
			t.Errorf("R86 DomainRule = %+v, %v, want %+v", rule, err, want)
		}
		if err := d.ProveDomain(ctx, id, "acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("R86 ProveDomain once more = %v, want ErrNotFound: the claim is used", err)
		}
		if _, err := d.ClaimDomain(ctx, root, id, "acme.example"); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("ClaimDomain of one's own = %v, want ErrConflict", err)
		}
		if _, err := d.ClaimDomain(ctx, root, id, "second.example"); err != nil {
			t.Errorf("R86 ClaimDomain of a second domain = %v, want nil", err)
		}
		for _, name := range []string{"a.acme.example", "b.acme.example"} {
			if _, err := d.DomainRule(ctx, name); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("R86 DomainRule(%s) = %v, want ErrNotFound: a domain below is another one", name, err)
			}
		}
	})
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[auth.Refusal](err)
	return ok
}

func TestOneCompanyProvesADomain(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		clock(d, now)
		records := &dns{}
		d.Resolver = records
		var ids []string
		for _, name := range []string{"Acme", "Globex"} {
			a := must[directory.Account](t)(d.AddAccount(ctx, directory.Account{Name: name}))
			c := must[directory.Claim](t)(d.ClaimDomain(ctx, "", a.ID, "acme.example"))
			ids = append(ids, a.ID)
			records.put("acme.example.", append(records.records["acme.example."], c.Value)...)
		}
		if err := d.ProveDomain(ctx, ids[1], "acme.example"); err != nil {
			t.Fatal(err)
		}
		asked := len(records.asked)
		refused(t, "R86 ProveDomain of the second", d.ProveDomain(ctx, ids[0], "acme.example"), auth.ReasonDomainTaken)
		if len(records.asked) != asked {
			t.Error("DNS was asked for a domain that is taken")
		}
		_, err := d.ClaimDomain(ctx, "", ids[0], "acme.example")
		refused(t, "R86 ClaimDomain of a domain that is taken", err, auth.ReasonDomainTaken)
		if err := d.AddDomain(ctx, ids[0], "acme.example", now); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("AddDomain of a domain that is taken = %v, want ErrConflict", err)
		}
		if err := d.ReleaseDomain(ctx, ids[0], "acme.example"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("ReleaseDomain of another company's = %v, want ErrNotFound", err)
		}
		if err := d.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced); err != nil {
			t.Fatal(err)
		}
		refused(t, "R86 ReleaseDomain of one that is enforced", d.ReleaseDomain(ctx, ids[1], "acme.example"), auth.ReasonSSOEnforced)
		if err := errors.Join(d.SetDomainSSO(ctx, "acme.example", auth.SSOOff), d.ReleaseDomain(ctx, ids[1], "acme.example")); err != nil {
			t.Fatal(err)
		}
		if err := d.ProveDomain(ctx, ids[0], "acme.example"); err != nil {
			t.Errorf("R86 ProveDomain of one that was released = %v, want nil", err)
		}
	})
}

func TestClaimPrefix(t *testing.T) {
	d := directory.New(store.NewMemory())
	a := must[directory.Account](t)(d.AddAccount(t.Context(), directory.Account{Name: "Acme"}))
	d.ClaimPrefix = "acme-proof_1.x"
	if c, err := d.ClaimDomain(t.Context(), "", a.ID, "acme.example"); err != nil || !strings.HasPrefix(c.Value, "acme-proof_1.x=") {
		t.Errorf("ClaimDomain = %q, %v, want the prefix of the field", c.Value, err)
	}
	for _, bad := range []string{"a b", "a=b", "a\"", "é", "a;b"} {
		d.ClaimPrefix = bad
		if _, err := d.ClaimDomain(t.Context(), "", a.ID, "acme.example"); err == nil || !strings.Contains(err.Error(), "ClaimPrefix") {
			t.Errorf("ClaimDomain with the prefix %q = %v, want an error that names ClaimPrefix", bad, err)
		}
	}
}

func TestClaimsAreBounded(t *testing.T) {
	d := directory.New(store.NewMemory())
	clock(d, now)
	a := must[directory.Account](t)(d.AddAccount(t.Context(), directory.Account{Name: "Acme"}))
	claim := func(i int) error {
		_, err := d.ClaimDomain(t.Context(), "", a.ID, "d"+string(rune('a'+i/26))+string(rune('a'+i%26))+".example")
		return err
	}
	for i := range 100 {
		if err := claim(i); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "A-277 one claim too many", claim(100), auth.ReasonTooManyAttempts)
	if err := claim(7); err != nil {
		t.Errorf("ClaimDomain of one that is pending = %v, want nil", err)
	}
	clock(d, now.Add(10*day))
	if err := claim(100); err != nil {
		t.Errorf("ClaimDomain once the others have expired = %v, want nil", err)
	}
}

func TestRecheckDomains(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, _ := acme(t, d)
		records := &dns{}
		d.Resolver = records
		c := must[directory.Claim](t)(d.ClaimDomain(ctx, "", id, "acme.example"))
		records.put("acme.example.", c.Value)
		err := errors.Join(
			d.ProveDomain(ctx, id, "acme.example"), d.SetDomainConnection(ctx, "acme.example", "con"), d.SetDomainSSO(ctx, "acme.example", auth.SSOEnforced),
			d.AddDomain(ctx, id, "given.example", now),
		)
		if err != nil {
			t.Fatal(err)
		}
		check := func(at time.Time, want ...directory.Standing) directory.Domain {
			t.Helper()
			all, err := d.RecheckDomains(ctx, at, 10)
			var got []directory.Standing
			for _, c := range all {
				got = append(got, c.Standing)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("RecheckDomains(%s) = %q, %v, want %q", at.Sub(now), got, err, want)
			}
			if len(all) == 0 {
				return directory.Domain{}
			}
			stands := must[directory.Domain](t)(d.Domain(ctx, "acme.example"))
			if told := all[0].Domain; !stands.CheckAt.Equal(told.CheckAt) || stands.Misses != told.Misses || !stands.LostAt.Equal(told.LostAt) || !stands.VerifiedAt.Equal(told.VerifiedAt) {
				t.Errorf("RecheckDomains tells %+v, and %+v stands", told, stands)
			}
			return all[0].Domain
		}
		counts := func(want bool) {
			t.Helper()
			rule, err := d.DomainRule(ctx, "acme.example")
			if want && (err != nil || rule.SSO != auth.SSOEnforced || rule.Connection != "con" || rule.AccountID != id) {
				t.Errorf("DomainRule = %+v, %v, want what was set", rule, err)
			}
			if !want && (!errors.Is(err, auth.ErrNotFound) || rule != auth.DomainRule{}) {
				t.Errorf("DomainRule of a domain that is lost = %+v, %v, want ErrNotFound", rule, err)
			}
		}

		check(now.Add(7*day - time.Second))
		at := now.Add(7 * day)
		if got := check(at, directory.DomainProved); got.Misses != 0 || !got.VerifiedAt.Equal(at) {
			t.Errorf("RecheckDomains = %+v, want it verified then", got)
		}
		check(at)
		records.put("acme.example.", "something else")
		at = at.Add(7 * day)
		if got := check(at, directory.DomainMissed); got.Misses != 1 || !got.MissedAt.Equal(at) {
			t.Errorf("RecheckDomains = %+v, want one miss, then", got)
		}
		check(at.Add(time.Hour))
		records.put("acme.example.", c.Value)
		at = at.Add(7 * day)
		if got := check(at, directory.DomainProved); got.Misses != 0 || !got.MissedAt.IsZero() {
			t.Errorf("RecheckDomains = %+v, want the miss forgotten", got)
		}

		records.put("acme.example.")
		for i := range 2 {
			at = at.Add(7 * day)
			if got := check(at, directory.DomainMissed); got.Misses != i+1 {
				t.Errorf("RecheckDomains = %+v, want %d misses", got, i+1)
			}
			counts(true)
		}
		// A resolver that does not answer is no miss, and is asked again an hour later.
		at = at.Add(7 * day)
		records.broken = &net.DNSError{Err: "i/o timeout", IsTimeout: true}
		if all, err := d.RecheckDomains(ctx, at, 10); err == nil || len(all) != 0 {
			t.Errorf("RecheckDomains while DNS does not answer = %+v, %v, want an error and nothing else", all, err)
		}
		records.broken = nil
		counts(true)
		check(at.Add(time.Hour - time.Second))
		at = at.Add(time.Hour)
		if got := check(at, directory.DomainLost); !got.Lost() || got.SSO != auth.SSOEnforced {
			t.Errorf("RecheckDomains = %+v, want it lost, with what it asks stored", got)
		}
		counts(false)
		records.put("acme.example.", c.Value)
		check(at.Add(30 * day)) // lost is lost
		counts(false)
		for verb, err := range map[string]error{
			"SetDomainSSO":        d.SetDomainSSO(ctx, "acme.example", auth.SSOOff),
			"SetDomainConnection": d.SetDomainConnection(ctx, "acme.example", "other"),
		} {
			if !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s of a domain that is lost = %v, want ErrNotFound", verb, err)
			}
		}
		if _, err := d.EnforceSSO(ctx, "acme.example", at); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("EnforceSSO of a domain that is lost = %v, want ErrNotFound", err)
		}

		// Its company proves it anew, and finds what it had asked.
		clock(d, at)
		c2 := must[directory.Claim](t)(d.ClaimDomain(ctx, "", id, "acme.example"))
		refused(t, "ProveDomain with the record of before", d.ProveDomain(ctx, id, "acme.example"), auth.ReasonDomainNotFound)
		records.put("acme.example.", c2.Value)
		if err := d.ProveDomain(ctx, id, "acme.example"); err != nil {
			t.Fatal(err)
		}
		counts(true)
		if _, err := d.DomainRule(ctx, "given.example"); err != nil {
			t.Errorf("DomainRule of a domain that the host gave = %v: it is never checked", err)
		}
	})
}

func TestMissesMustSpanTwoWeeks(t *testing.T) {
	s := store.NewMemory()
	d := directory.New(s)
	d.Resolver = &dns{}
	a := must[directory.Account](t)(d.AddAccount(t.Context(), directory.Account{Name: "Acme"}))
	err := s.AddDomain(t.Context(), directory.Domain{
		Name: "acme.example", AccountID: a.ID, VerifiedAt: now, Proof: "proof", CheckAt: now.Add(day), Misses: 2, MissedAt: now.Add(-13*day + time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []directory.Standing{directory.DomainMissed, directory.DomainLost} {
		all, err := d.RecheckDomains(t.Context(), now.Add(day+time.Duration(i)*7*day), 10)
		if err != nil || len(all) != 1 || all[0].Standing != want || all[0].Domain.Misses != 3+i {
			t.Errorf("RecheckDomains = %+v, %v, want %s with %d misses", all, err, want, 3+i)
		}
	}
}

func TestOneWorkerChecksADomain(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, _ := acme(t, d)
		records := &dns{}
		d.Resolver = records
		for _, name := range []string{"a.example", "b.example", "c.example"} {
			c := must[directory.Claim](t)(d.ClaimDomain(ctx, "", id, name))
			records.put(name+".", c.Value)
			if err := d.ProveDomain(ctx, id, name); err != nil {
				t.Fatal(err)
			}
			records.put(name + ".")
		}
		var mu sync.Mutex
		told := map[string]int{}
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				all, err := d.RecheckDomains(ctx, now.Add(8*day), 2)
				if err != nil {
					t.Errorf("RecheckDomains = %v, want nil", err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, c := range all {
					told[c.Domain.Name] += c.Domain.Misses
				}
			})
		}
		group.Wait()
		if want := map[string]int{"a.example": 1, "b.example": 1, "c.example": 1}; !reflect.DeepEqual(told, want) {
			t.Errorf("64 workers counted the misses %v, want %v: one check each", told, want)
		}
	})
}

func TestRecheckLeavesWhatChangedMeanwhile(t *testing.T) {
	d := directory.New(store.NewMemory())
	id, _ := acme(t, d)
	records := &dns{}
	d.Resolver = records
	c := must[directory.Claim](t)(d.ClaimDomain(t.Context(), "", id, "acme.example"))
	records.put("acme.example.", c.Value)
	if err := d.ProveDomain(t.Context(), id, "acme.example"); err != nil {
		t.Fatal(err)
	}
	d.Resolver = meanwhile(func() error { return d.ReleaseDomain(t.Context(), id, "acme.example") })
	if all, err := d.RecheckDomains(t.Context(), now.Add(7*day), 10); err != nil || len(all) != 0 {
		t.Errorf("RecheckDomains of a domain that is released meanwhile = %+v, %v, want nothing", all, err)
	}
	if _, err := d.Domain(t.Context(), "acme.example"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Domain = %v, want ErrNotFound: a check brings nothing back", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := d.AddDomain(t.Context(), id, "acme.example", now); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := d.RecheckDomains(ctx, now, 10); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("RecheckDomains for a caller who has gone = %v, want context.Canceled or nil", err)
	}
}

// meanwhile is a resolver that finds nothing, and during whose search something happens.
type meanwhile func() error

func (m meanwhile) LookupTXT(context.Context, string) ([]string, error) {
	return nil, errors.Join(m(), &net.DNSError{IsNotFound: true})
}

func TestEnforceSSO(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		root, member := people[auth.RoleSuperAdmin].ID, people[auth.RoleMember].ID
		if _, err := d.EnforceSSO(ctx, "acme.example", now); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("EnforceSSO of nobody's = %v, want ErrNotFound", err)
		}
		if err := d.AddDomain(ctx, id, "acme.example", now); err != nil {
			t.Fatal(err)
		}
		enforce := func(at time.Time, reason auth.Reason) {
			t.Helper()
			warnings, err := d.EnforceSSO(ctx, "acme.example", at)
			refused(t, "R89 EnforceSSO", err, reason)
			if rule := must[auth.DomainRule](t)(d.DomainRule(ctx, "acme.example")); warnings != nil || rule.SSO != auth.SSOOff {
				t.Errorf("R89 EnforceSSO warns of %q and leaves %+v, want nothing: it was refused", warnings, rule)
			}
		}
		enforce(now, auth.ReasonConnectionRequired)
		if err := errors.Join(d.PassConnectionTest(ctx, "con", now), d.PassConnectionTest(ctx, "", now), d.SetDomainConnection(ctx, "Acme.example", "con")); err != nil {
			t.Fatal(err)
		}
		enforce(now, auth.ReasonTestRequired)
		if err := d.PassConnectionTest(ctx, "con", now); err != nil {
			t.Fatal(err)
		}
		enforce(now.Add(7*day+time.Second), auth.ReasonTestRequired)
		if err := errors.Join(d.SetDomainConnection(ctx, "acme.example", "other"), d.SetDomainConnection(ctx, "acme.example", "con")); err != nil {
			t.Fatal(err)
		}
		enforce(now, auth.ReasonTestRequired)
		if err := d.PassConnectionTest(ctx, "con", now); err != nil {
			t.Fatal(err)
		}

		exempt := func(userID string, o auth.SSOOverride) {
			t.Helper()
			if err := d.SetMemberSSO(ctx, id, userID, o); err != nil {
				t.Fatal(err)
			}
		}
		warned := func(when string, want ...auth.Reason) {
			t.Helper()
			before, err := d.WarnEnforcing(ctx, "acme.example")
			if got, enforced := d.EnforceSSO(ctx, "acme.example", now.Add(7*day)); err != nil || enforced != nil || !slices.Equal(got, want) || !slices.Equal(before, want) {
				t.Errorf("R89 EnforceSSO with %s warns of %q, and before of %q (%v, %v), want %q", when, got, before, enforced, err, want)
			}
		}
		if warnings, err := d.WarnEnforcing(ctx, "acme.example"); err != nil || len(warnings) != 1 {
			t.Errorf("WarnEnforcing = %q, %v, want a warning", warnings, err)
		}
		if rule := must[auth.DomainRule](t)(d.DomainRule(ctx, "acme.example")); rule.SSO != auth.SSOOff {
			t.Errorf("DomainRule = %+v, want nothing changed by a warning", rule)
		}
		warned("nobody exempt", auth.ReasonNoExemptAdmin)
		exempt(member, auth.SSOExempt)
		exempt(root, auth.SSORequired)
		warned("a member exempt, who could not turn it off", auth.ReasonNoExemptAdmin)
		exempt(root, auth.SSOExempt)
		warned("an administrator exempt")
		if err := d.SuspendUser(ctx, root); err != nil {
			t.Fatal(err)
		}
		warned("an exempt administrator who is suspended", auth.ReasonNoExemptAdmin)
		want := auth.DomainRule{Domain: "acme.example", AccountID: id, SSO: auth.SSOEnforced, Connection: "con"}
		if rule, err := d.DomainRule(ctx, "acme.example"); err != nil || rule != want {
			t.Errorf("R89 DomainRule = %+v, %v, want %+v", rule, err, want)
		}
		if got := must[directory.Domain](t)(d.Domain(ctx, "acme.example")); !got.EnforcedAt.Equal(now.Add(7 * day)) {
			t.Errorf("R26 enforced since %s, want %s", got.EnforcedAt, now.Add(7*day))
		}
	})
}

func TestMembersOfASignIn(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		id, people := acme(t, d)
		for _, role := range []auth.Role{auth.RoleSuperAdmin, "owner"} {
			_, err := d.AddMember(ctx, id, "usr_new", role, now)
			refused(t, "R28 AddMember as "+string(role), err, auth.ReasonForbidden)
		}
		if m, err := d.AddMember(ctx, id, "usr_new", "", now); err != nil || m.Role != auth.RoleMember || m.State != auth.MemberActive || m.AccountID != id {
			t.Errorf("R28 AddMember = %+v, %v, want an active member", m, err)
		}
		if m, err := d.AddMember(ctx, id, "usr_admin", auth.RoleAdmin, now); err != nil || m.Role != auth.RoleAdmin {
			t.Errorf("R28 AddMember = %+v, %v, want an administrator", m, err)
		}
		root := people[auth.RoleSuperAdmin].ID
		if m, err := d.AddMember(ctx, id, root, auth.RoleMember, now); err != nil || m.Role != auth.RoleSuperAdmin {
			t.Errorf("R28 AddMember of a super administrator = %+v, %v, want them unchanged", m, err)
		}
		member := people[auth.RoleMember].ID
		if err := d.SuspendMember(ctx, "", id, member); err != nil {
			t.Fatal(err)
		}
		if m, err := d.AddMember(ctx, id, member, auth.RoleMember, now); err != nil || m.State != auth.MemberSuspended {
			t.Errorf("R28 A-242 AddMember of somebody who is suspended = %+v, %v, want them suspended", m, err)
		}
		if err := d.SetMemberSSO(ctx, id, root, "never"); err == nil || errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SetMemberSSO(never) = %v, want an error: there is no such override", err)
		}
		if err := d.SetMemberSSO(ctx, id, "usr_nobody", auth.SSOExempt); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SetMemberSSO(no member) = %v, want ErrNotFound", err)
		}
		if err := d.SetMemberSSO(ctx, id, root, auth.SSOExempt); err != nil {
			t.Fatal(err)
		}
		if all := must[[]auth.Membership](t)(d.Memberships(ctx, root)); all[0].SSO != auth.SSOExempt {
			t.Errorf("R23 Memberships = %+v, want the exemption", all)
		}
	})
}

func TestPublicMailDomains(t *testing.T) {
	text, err := os.ReadFile("publicmail.txt")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "\r") || !strings.HasPrefix(string(text), "# ") || !strings.HasSuffix(string(text), "\n") {
		t.Error("publicmail.txt must begin with a comment, and have one line feed after every line: that is how it is searched")
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name := strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(name, "#") {
			continue
		}
		if canonical, err := address.ParseDomain(name); err != nil || canonical != name {
			t.Errorf("publicmail.txt has %q, which is not the canonical %q (%v)", name, canonical, err)
		}
		if seen[name] {
			t.Errorf("publicmail.txt has %q twice", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "aol.com", "icloud.com", "proton.me", "gmx.net", "web.de", "mail.ru", "qq.com", "163.com", "orange.fr", "libero.it"} {
		if !seen[name] {
			t.Errorf("publicmail.txt lacks %q", name)
		}
	}
	d := directory.New(store.NewMemory())
	a := must[directory.Account](t)(d.AddAccount(t.Context(), directory.Account{Name: "Acme"}))
	for _, name := range []string{"mail.com.example", "xgmail.com", "gmail.com.acme.example", "acme.co.uk", "acme.github.io", "sallyport.example"} {
		if _, err := d.ClaimDomain(t.Context(), "", a.ID, name); err != nil {
			t.Errorf("ClaimDomain(%q) = %v, want nil: it is no public domain", name, err)
		}
	}
}
