package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store"
	"github.com/sallyport-auth/sallyport/store/storetest"
)

func TestMemoryKeepsEveryContract(t *testing.T) {
	t.Run("Sessions", func(t *testing.T) {
		storetest.Sessions(t, func(*testing.T) session.Store { return store.NewMemory() })
	})
	t.Run("Cuts", func(t *testing.T) {
		storetest.Cuts(t, func(*testing.T) storetest.CutStore { return store.NewMemory() })
	})
	t.Run("Devices", func(t *testing.T) {
		storetest.Devices(t, func(*testing.T) session.Devices { return store.NewMemory() })
	})
	t.Run("Credentials", func(t *testing.T) {
		storetest.Credentials(t, func(*testing.T) auth.Credentials { return store.NewMemory() })
	})
	t.Run("Flows", func(t *testing.T) {
		storetest.Flows(t, func(*testing.T) auth.Flows { return store.NewMemory() })
	})
	t.Run("Limits", func(t *testing.T) {
		storetest.Limits(t, func(*testing.T) auth.Limits { return store.NewMemory() })
	})
	t.Run("Tickets", func(t *testing.T) {
		storetest.Tickets(t, func(*testing.T) auth.Tickets { return store.NewMemory() })
	})
	t.Run("TOTP", func(t *testing.T) {
		storetest.TOTP(t, func(*testing.T) mfa.TOTPStore { return store.NewMemory() })
	})
	t.Run("Codes", func(t *testing.T) {
		storetest.Codes(t, func(*testing.T) mfa.CodeStore { return store.NewMemory() })
	})
	t.Run("Recovery", func(t *testing.T) {
		storetest.Recovery(t, func(*testing.T) mfa.RecoveryStore { return store.NewMemory() })
	})
	t.Run("Outbox", func(t *testing.T) {
		storetest.Outbox(t, func(*testing.T) mail.OutboxStore { return store.NewMemory() })
	})
	t.Run("Expiry", func(t *testing.T) {
		storetest.Expiry(t, func(*testing.T) storetest.ExpiryStore { return store.NewMemory() })
	})
	t.Run("Identities", func(t *testing.T) {
		storetest.Identities(t, func(*testing.T) auth.Identities { return store.NewMemory() })
	})
	t.Run("Directory", func(t *testing.T) {
		storetest.Directory(t, func(*testing.T) directory.Store { return store.NewMemory() })
	})
	t.Run("SSORequests", func(t *testing.T) {
		storetest.SSORequests(t, func(*testing.T) sso.Requests { return store.NewMemory() })
	})
	t.Run("SSOLogins", func(t *testing.T) {
		storetest.SSOLogins(t, func(*testing.T) sso.Logins { return store.NewMemory() })
	})
	t.Run("SSOConnections", func(t *testing.T) {
		storetest.SSOConnections(t, func(*testing.T) sso.Store { return store.NewMemory() })
	})
	t.Run("SSODomains", func(t *testing.T) {
		storetest.SSODomains(t, func(*testing.T) storetest.SSODomainStore { return store.NewMemory() })
	})
	t.Run("SSOExpiry", func(t *testing.T) {
		storetest.SSOExpiry(t, func(*testing.T) storetest.SSOExpiryStore { return store.NewMemory() })
	})
	t.Run("SocialRequests", func(t *testing.T) {
		storetest.SocialRequests(t, func(*testing.T) social.Requests { return store.NewMemory() })
	})
	t.Run("SocialExpiry", func(t *testing.T) {
		storetest.SocialExpiry(t, func(*testing.T) storetest.SocialExpiryStore { return store.NewMemory() })
	})
}

func TestWhatStrangersMakeIsBounded(t *testing.T) {
	ctx := context.Background()
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	key := func(i int) (k [32]byte) {
		binary.BigEndian.PutUint64(k[:], uint64(i))
		return k
	}

	t.Run("A-277 the oldest flow goes first", func(t *testing.T) {
		m := store.NewMemory()
		for i := range store.MaxFlows + 10 {
			if err := m.CreateFlow(ctx, key(i), auth.FlowRow{ExpiresAt: noon}, noon.Add(-time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range map[int]error{0: auth.ErrNotFound, 9: auth.ErrNotFound, 10: nil, store.MaxFlows + 9: nil} {
			if _, err := m.Flow(ctx, key(i)); !errors.Is(err, want) {
				t.Errorf("Flow(%d of %d) = %v, want %v", i, store.MaxFlows+10, err, want)
			}
		}
	})

	t.Run("A-277 the oldest mailed link goes first", func(t *testing.T) {
		m := store.NewMemory()
		for i := range store.MaxTickets + 10 {
			if err := m.PutTicket(ctx, auth.Ticket{Key: key(i), Slot: key(-i - 1), ExpiresAt: noon}, noon.Add(-time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range map[int]error{0: auth.ErrNotFound, 9: auth.ErrNotFound, 10: nil, store.MaxTickets + 9: nil} {
			_, byKey := m.Ticket(ctx, key(i))
			_, bySlot := m.TicketIn(ctx, key(-i-1))
			if !errors.Is(byKey, want) || !errors.Is(bySlot, want) {
				t.Errorf("Ticket and TicketIn(%d of %d) = %v and %v, want %v", i, store.MaxTickets+10, byKey, bySlot, want)
			}
		}
	})

	t.Run("A-277 a flood of guesses opens no closed counter and forgets no password", func(t *testing.T) {
		m := store.NewMemory()
		if err := m.SwapCredential(ctx, auth.Credential{UserID: "ann", Hash: "hash"}); err != nil {
			t.Fatal(err)
		}
		closed := []auth.Charge{{Key: key(-1), Window: time.Hour, Limit: 1, Lock: time.Hour}}
		if _, err := m.Charge(ctx, closed, noon); err != nil {
			t.Fatal(err)
		}
		for i := range store.MaxCounters + 10 {
			if _, err := m.Charge(ctx, []auth.Charge{{Key: key(i), Window: time.Hour, Limit: 2, Lock: time.Hour}}, noon); err != nil {
				t.Fatal(err)
			}
		}
		if closedTo, err := m.Charge(ctx, closed, noon); err != nil || closedTo.IsZero() {
			t.Errorf("Charge = %v, %v, want the counter closed still", closedTo, err)
		}
		if _, err := m.Credential(ctx, "ann"); err != nil {
			t.Errorf("Credential = %v, want the password", err)
		}
		// The table is at its bound: everything in it expires, and this is how many there were.
		if n, err := m.DeleteExpired(ctx, noon.Add(time.Hour), 10*store.MaxCounters); err != nil || n != store.MaxCounters {
			t.Errorf("DeleteExpired = %d, %v, want %d", n, err, store.MaxCounters)
		}
	})
}

func TestTheMapNamesEveryContract(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, contract := range []reflect.Type{
		reflect.TypeFor[session.Store](), reflect.TypeFor[session.Cuts](), reflect.TypeFor[session.Devices](),
		reflect.TypeFor[auth.Credentials](), reflect.TypeFor[auth.Flows](), reflect.TypeFor[auth.Limits](), reflect.TypeFor[auth.Expiry](),
		reflect.TypeFor[auth.Tickets](), reflect.TypeFor[auth.Identities](),
		reflect.TypeFor[mfa.TOTPStore](), reflect.TypeFor[mfa.CodeStore](), reflect.TypeFor[mfa.RecoveryStore](), reflect.TypeFor[mail.OutboxStore](),
		reflect.TypeFor[directory.UserStore](), reflect.TypeFor[directory.AccountStore](), reflect.TypeFor[directory.MemberStore](),
		reflect.TypeFor[sso.Requests](), reflect.TypeFor[sso.Logins](), reflect.TypeFor[sso.Store](), reflect.TypeFor[social.Requests](),
		reflect.TypeFor[directory.SeatStore](), reflect.TypeFor[directory.InvitationStore](), reflect.TypeFor[directory.DomainStore](),
		reflect.TypeFor[directory.ClaimStore](), reflect.TypeFor[directory.SSOStore](),
	} {
		names := []string{contract.String()}
		for i := range contract.NumMethod() {
			names = append(names, contract.Method(i).Name)
		}
		for _, name := range names {
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).Match(text) {
				t.Errorf("doc.go does not name %s of %s", name, contract)
			}
		}
	}
	stores := reflect.ValueOf(store.NewMemory().Stores())
	for i := range stores.NumField() {
		if stores.Field(i).IsNil() {
			t.Errorf("Stores leaves %s nil", stores.Type().Field(i).Name)
		}
	}
}

func ExampleNewMemory() {
	stores := store.NewMemory().Stores() // for auth.Config.Stores

	ctx, key := context.Background(), [32]byte{1}
	_ = stores.Flows.CreateFlow(ctx, key, auth.FlowRow{ExpiresAt: time.Now().Add(15 * time.Minute)}, time.Now())
	fmt.Println(stores.Flows.TakeFlow(ctx, key, 1))
	fmt.Println(stores.Flows.TakeFlow(ctx, key, 1)) // one caller wins
	// Output:
	// <nil>
	// auth: not found
}
