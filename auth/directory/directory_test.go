package directory_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/store"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func everywhere(t *testing.T, story func(t *testing.T, d *directory.Directory)) {
	t.Run("memory", func(t *testing.T) { story(t, directory.New(store.NewMemory())) })
	testdb.Both(t, func(t *testing.T, db *sqlstore.DB) { story(t, directory.New(db)) })
}

func TestPeople(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		ann, err := d.AddUser(ctx, auth.User{Email: " Ann@ACME.example ", Name: "Ann", Locale: "es"})
		if err != nil {
			t.Fatal(err)
		}
		if ann.Email != "ann@acme.example" || !strings.HasPrefix(ann.ID, "usr_") {
			t.Errorf("A-158 AddUser = %+v, want a canonical address and an ID", ann)
		}
		for _, email := range []string{"ann@acme.example", "ANN@acme.example", "\tann@Acme.Example\u00a0"} {
			if got, err := d.UserByEmail(ctx, email); err != nil || got != ann {
				t.Errorf("A-158 UserByEmail(%q) = %+v, %v, want %+v", email, got, err, ann)
			}
			if _, err := d.AddUser(ctx, auth.User{Email: email}); !errors.Is(err, auth.ErrConflict) {
				t.Errorf("A-158 a second person as %q: %v, want ErrConflict", email, err)
			}
		}
		if got, err := d.UserByID(ctx, ann.ID); err != nil || got != ann {
			t.Errorf("UserByID = %+v, %v, want %+v", got, err, ann)
		}
		for _, look := range []string{"\u0430nn@acme.example", "ann+x@acme.example", "a.nn@acme.example"} {
			other, err := d.AddUser(ctx, auth.User{Email: look})
			if err != nil || other.ID == ann.ID {
				t.Errorf("A-159 A-161 AddUser(%q) = %v, %v, want another person", look, other.ID, err)
			}
			if got, err := d.UserByEmail(ctx, look); err != nil || got.ID != other.ID {
				t.Errorf("A-159 A-161 UserByEmail(%q) = %q, %v, want %q", look, got.ID, err, other.ID)
			}
		}
		for _, bad := range []string{"", "ann", "ann@", "kelvin@acme.example\u212a", "a@b@c.example"} {
			if _, err := d.AddUser(ctx, auth.User{Email: bad}); err == nil {
				t.Errorf("A-162 AddUser(%q) was accepted", bad)
			}
			if _, err := d.UserByEmail(ctx, bad); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("UserByEmail(%q) = %v, want ErrNotFound", bad, err)
			}
		}
		if err := d.SuspendUser(ctx, ann.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := d.UserByID(ctx, ann.ID); err != nil || !got.Suspended {
			t.Errorf("after SuspendUser: %+v, %v, want suspended", got, err)
		}
		if err := d.UnsuspendUser(ctx, ann.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := d.UserByID(ctx, ann.ID); err != nil || got != ann {
			t.Errorf("after UnsuspendUser: %+v, %v, want %+v", got, err, ann)
		}
		if err := d.SuspendUser(ctx, "nobody"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SuspendUser(nobody) = %v, want ErrNotFound", err)
		}
	})
}

func TestCompanies(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		if _, err := d.AddAccount(ctx, directory.Account{}); err == nil {
			t.Error("a company without a name was accepted")
		}
		acme, err := d.AddAccount(ctx, directory.Account{Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		if acme.ID == "" || acme.State != auth.AccountActive {
			t.Errorf("AddAccount = %+v, want an ID and active", acme)
		}
		umbra, err := d.AddAccount(ctx, directory.Account{ID: "umbra", Name: "Umbra"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.AddAccount(ctx, umbra); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("the same company again: %v, want ErrConflict", err)
		}
		for _, m := range []directory.Member{{AccountID: umbra.ID, UserID: "u", Role: auth.RoleSuperAdmin}, {AccountID: acme.ID, UserID: "u"}} {
			if err := d.SetMember(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.SetMember(ctx, directory.Member{AccountID: "nowhere", UserID: "u"}); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("a member of no company: %v, want ErrNotFound", err)
		}
		policy := auth.Policy{Keep: auth.KeepForbid, Idle: time.Hour}
		if err := d.SetAccountPolicy(ctx, acme.ID, policy); err != nil {
			t.Fatal(err)
		}
		if err := d.SetAccountState(ctx, umbra.ID, auth.AccountLapsed, time.Time{}); err != nil {
			t.Fatal(err)
		}
		got, err := d.Memberships(ctx, "u")
		want := []auth.Membership{
			{AccountID: acme.ID, AccountName: "Acme", State: auth.MemberActive, AccountState: auth.AccountActive, Role: auth.RoleMember, Policy: policy},
			{AccountID: umbra.ID, AccountName: "Umbra", State: auth.MemberActive, AccountState: auth.AccountLapsed, Role: auth.RoleSuperAdmin},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Memberships = %+v, %v, want %+v", got, err, want)
		}
		if got, err := d.Memberships(ctx, "stranger"); err != nil || len(got) != 0 {
			t.Errorf("Memberships of a stranger = %v, %v, want none", got, err)
		}
	})
}

// A misspelt state, policy or mode would ask for nothing: none is kept.
func TestSettingsThatThereAreNot(t *testing.T) {
	d := directory.New(store.NewMemory())
	ctx := t.Context()
	a, err := d.AddAccount(ctx, directory.Account{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddDomain(ctx, a.ID, "acme.example", now); err != nil {
		t.Fatal(err)
	}
	short := auth.Recommended().Policy
	short.Passwords.MinLength = 3
	added := func(a directory.Account) error { _, err := d.AddAccount(ctx, a); return err }
	for name, err := range map[string]error{
		"state of a new company":  added(directory.Account{Name: "B", State: "x"}),
		"policy of a new company": added(directory.Account{Name: "B", Policy: auth.Policy{Keep: "x"}}),
		"no name":                 added(directory.Account{}),
		"state":                   d.SetAccountState(ctx, a.ID, "expried", time.Time{}),
		"empty state":             d.SetAccountState(ctx, a.ID, "", time.Time{}),
		"two-step":                d.SetAccountPolicy(ctx, a.ID, auth.Policy{TwoStep: "requierd"}),
		"keep":                    d.SetAccountPolicy(ctx, a.ID, auth.Policy{Keep: "forbid"}),
		"device trust":            d.SetAccountPolicy(ctx, a.ID, auth.Policy{DeviceTrust: "forbid"}),
		"verification":            d.SetAccountPolicy(ctx, a.ID, auth.Policy{Verification: "allways"}),
		"a limit":                 d.SetAccountPolicy(ctx, a.ID, auth.Policy{Idle: time.Second}),
		"passwords":               d.SetAccountPolicy(ctx, a.ID, short),
		"single sign-on":          d.SetDomainSSO(ctx, "acme.example", "enforce"),
	} {
		if err == nil || errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	for _, p := range []auth.Policy{{}, {TwoStep: auth.TwoStepRequired, Verification: auth.VerifyOff}, auth.Recommended().Policy, auth.EmailFirst().Policy} {
		if err := d.SetAccountPolicy(ctx, a.ID, p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestDomains(t *testing.T) {
	everywhere(t, func(t *testing.T, d *directory.Directory) {
		ctx := t.Context()
		for _, id := range []string{"acme", "umbra"} {
			if _, err := d.AddAccount(ctx, directory.Account{ID: id, Name: id}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.AddDomain(ctx, "acme", " B\u00dccher.Example ", now); err != nil {
			t.Fatal(err)
		}
		if err := d.AddDomain(ctx, "acme", "xn--bcher-kva.example", now); err != nil {
			t.Errorf("A-160 the same domain in ASCII, again: %v, want no error", err)
		}
		if err := d.AddDomain(ctx, "umbra", "b\u00fccher.example", now); !errors.Is(err, auth.ErrConflict) {
			t.Errorf("another company's domain: %v, want ErrConflict", err)
		}
		if err := d.AddDomain(ctx, "umbra", "not a domain", now); err == nil {
			t.Error("something that is no domain was accepted")
		}
		if err := d.SetDomainSSO(ctx, "b\u00fccher.example", auth.SSOEnforced); err != nil {
			t.Fatal(err)
		}
		want := auth.DomainRule{Domain: "xn--bcher-kva.example", AccountID: "acme", SSO: auth.SSOEnforced}
		if got, err := d.DomainRule(ctx, "xn--bcher-kva.example"); err != nil || got != want {
			t.Errorf("DomainRule = %+v, %v, want %+v", got, err, want)
		}
		for _, other := range []string{"bucher.example", "sub.xn--bcher-kva.example", "b\u0443cher.example"} {
			if _, err := d.DomainRule(ctx, other); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("A-160 DomainRule(%q) = %v, want ErrNotFound: a look-alike or a sub-domain has no rule", other, err)
			}
		}
		if err := d.SetDomainSSO(ctx, "nowhere.example", auth.SSOEnforced); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("SetDomainSSO of a domain nobody has = %v, want ErrNotFound", err)
		}
	})
}
