package sqlstore_test

import (
	"testing"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
	"github.com/sallyport-auth/sallyport/store/storetest"
)

func TestEveryDatabaseKeepsEveryContract(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *sqlstore.DB{
		"sqlite file":   testdb.SQLite,
		"sqlite memory": testdb.SQLiteMemory,
		"postgresql":    testdb.PostgreSQL,
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "postgresql" {
				t.Skip("SQLite in Go takes minutes under the race detector, and the store's own code is the same: run without -short")
			}
			t.Run("Sessions", func(t *testing.T) {
				storetest.Sessions(t, func(t *testing.T) session.Store { return open(t) })
			})
			t.Run("Cuts", func(t *testing.T) {
				storetest.Cuts(t, func(t *testing.T) storetest.CutStore { return open(t) })
			})
			t.Run("Devices", func(t *testing.T) {
				storetest.Devices(t, func(t *testing.T) session.Devices { return open(t) })
			})
			t.Run("Credentials", func(t *testing.T) {
				storetest.Credentials(t, func(t *testing.T) auth.Credentials { return open(t) })
			})
			t.Run("Flows", func(t *testing.T) {
				storetest.Flows(t, func(t *testing.T) auth.Flows { return open(t) })
			})
			t.Run("Limits", func(t *testing.T) {
				storetest.Limits(t, func(t *testing.T) auth.Limits { return open(t) })
			})
			t.Run("Tickets", func(t *testing.T) {
				storetest.Tickets(t, func(t *testing.T) auth.Tickets { return open(t) })
			})
			t.Run("TOTP", func(t *testing.T) {
				storetest.TOTP(t, func(t *testing.T) mfa.TOTPStore { return open(t) })
			})
			t.Run("Codes", func(t *testing.T) {
				storetest.Codes(t, func(t *testing.T) mfa.CodeStore { return open(t) })
			})
			t.Run("Recovery", func(t *testing.T) {
				storetest.Recovery(t, func(t *testing.T) mfa.RecoveryStore { return open(t) })
			})
			t.Run("Outbox", func(t *testing.T) {
				storetest.Outbox(t, func(t *testing.T) mail.OutboxStore { return open(t) })
			})
			t.Run("Expiry", func(t *testing.T) {
				storetest.Expiry(t, func(t *testing.T) storetest.ExpiryStore { return open(t) })
			})
			t.Run("Identities", func(t *testing.T) {
				storetest.Identities(t, func(t *testing.T) auth.Identities { return open(t) })
			})
			t.Run("Directory", func(t *testing.T) {
				storetest.Directory(t, func(t *testing.T) directory.Store { return open(t) })
			})
			t.Run("SSORequests", func(t *testing.T) {
				storetest.SSORequests(t, func(t *testing.T) sso.Requests { return open(t) })
			})
			t.Run("SSOLogins", func(t *testing.T) {
				storetest.SSOLogins(t, func(t *testing.T) sso.Logins { return open(t) })
			})
			t.Run("SSOConnections", func(t *testing.T) {
				storetest.SSOConnections(t, func(t *testing.T) sso.Store { return open(t) })
			})
			t.Run("SSODomains", func(t *testing.T) {
				storetest.SSODomains(t, func(t *testing.T) storetest.SSODomainStore { return open(t) })
			})
			t.Run("SSOExpiry", func(t *testing.T) {
				storetest.SSOExpiry(t, func(t *testing.T) storetest.SSOExpiryStore { return open(t) })
			})
			t.Run("SocialRequests", func(t *testing.T) {
				storetest.SocialRequests(t, func(t *testing.T) social.Requests { return open(t) })
			})
			t.Run("SocialExpiry", func(t *testing.T) {
				storetest.SocialExpiry(t, func(t *testing.T) storetest.SocialExpiryStore { return open(t) })
			})
		})
	}
}
