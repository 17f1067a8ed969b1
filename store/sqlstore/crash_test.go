package sqlstore_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/directory"
	"github.com/sallyport-auth/sallyport/auth/mail"
	"github.com/sallyport-auth/sallyport/internal/testdb"
	"github.com/sallyport-auth/sallyport/mfa"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/social"
	"github.com/sallyport-auth/sallyport/sso"
	"github.com/sallyport-auth/sallyport/store/sqlstore"
)

var (
	ctx  = context.Background()
	noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

func key(name string) [32]byte { return sha256.Sum256([]byte(name)) }

func aSession(userID, id string) session.Session {
	return session.Session{
		ID: id, UserID: userID, AccountID: "acme", Methods: "password",
		CreatedAt: noon, AuthTime: noon, SeenAt: noon, Idle: time.Hour, ExpiresAt: noon.Add(24 * time.Hour),
	}
}

// signInForEver makes a session and ends the one before, and says so after each, until it is killed.
func signInForEver(db *sqlstore.DB, out io.Writer) error {
	for i := 0; ; i++ {
		id := strconv.Itoa(i)
		if err := db.CreateSession(ctx, key(id), aSession("ann", id)); err != nil {
			return err
		}
		if err := db.EndSessions(ctx, "ann", id); err != nil {
			return err
		}
		fmt.Fprintln(out, i)
	}
}

func TestAProgramThatIsKilledLosesNothingItSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "killed.db")
	cmd := child(t, "sign in", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := -1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if said, err = strconv.Atoi(lines.Text()); err != nil {
			t.Errorf("the other program said %q", lines.Text())
			break
		}
		if said == 20 {
			_ = cmd.Process.Kill() // it goes on until it is dead; what it says till then counts
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if said < 20 {
		t.Fatalf("the other program said %d, want 20 at least", said)
	}

	raw, err := sql.Open("sqlite", sqlstore.SQLiteDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	db := mustOpen(t, raw, sqlstore.SQLite)
	for i := range said {
		if _, err := db.Session(ctx, key(strconv.Itoa(i)), noon); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Session(%d) = %v, want session.ErrNotFound: it was ended before the program was killed", i, err)
		}
	}
	// The last one that was said stands, or the one after it, if the program came that far and was killed before it said so.
	all, err := db.Sessions(ctx, "ann", noon)
	if err != nil || len(all) == 0 || len(all) > 2 {
		t.Fatalf("Sessions = %d, %v, want the last one that was said, or it and the next", len(all), err)
	}
	for _, s := range all {
		if n, _ := strconv.Atoi(s.ID); n != said && n != said+1 {
			t.Errorf("session %s stands, want %d or %d", s.ID, said, said+1)
		}
	}
	var check string
	if err := raw.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("PRAGMA integrity_check = %q, %v, want ok", check, err)
	}
}

func TestCancellationLeavesNothingHalfDone(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *sqlstore.DB) {
		t.Run("a caller who has gone already writes nothing", func(t *testing.T) {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			if err := db.CreateSession(gone, key("gone"), aSession("gone", "s")); !errors.Is(err, context.Canceled) {
				t.Errorf("CreateSession = %v, want context.Canceled", err)
			}
			if _, err := db.Session(ctx, key("gone"), noon); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Session = %v, want session.ErrNotFound", err)
			}
		})

		t.Run("A-275 a caller who goes in the middle charges all counters or none", func(t *testing.T) {
			charges := []auth.Charge{
				{Key: key("a"), Window: time.Hour, Limit: 100, Lock: time.Hour},
				{Key: key("b"), Window: time.Hour, Limit: 100, Lock: time.Hour},
				{Key: key("c"), Window: time.Hour, Limit: 100, Lock: time.Hour},
			}
			counted, cut := 0, 0
			for i := range 60 {
				leaving, cancel := context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
				_, err := db.Charge(leaving, charges, noon)
				cancel()
				switch {
				case err == nil:
					counted++
				default:
					cut++
				}
			}
			var guesses [3]int
			for i, c := range charges {
				if guesses[i] = made(t, db, c); guesses[i] != guesses[0] {
					t.Errorf("counter %d has %d guesses and counter 0 has %d, want the same: a guess charges all counters or none", i, guesses[i], guesses[0])
				}
			}
			if guesses[0] < counted || guesses[0] > counted+cut {
				t.Errorf("%d guesses stand after %d that were answered and %d that were cut off", guesses[0], counted, cut)
			}
			if cut == 0 {
				t.Error("no call was cut off: the test tried nothing")
			}
		})

		t.Run("A-275 a caller who goes in the middle gives a whole set of recovery codes or none", func(t *testing.T) {
			stands, cut := 0, 0
			for i := range 60 {
				set := mfa.RecoverySet{ID: strconv.Itoa(i + 1), MadeAt: noon}
				for j := range 10 {
					set.MACs = append(set.MACs, key(fmt.Sprint(set.ID, " ", j)))
				}
				leaving, cancel := context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
				if err := db.ReplaceRecovery(leaving, "ann", set); err == nil {
					stands = i + 1
				} else {
					cut++
				}
				cancel()
				id, codes, _, err := db.SpendRecovery(ctx, "ann", mfa.Budget{Burst: 1000, Limit: 1000}, noon)
				if errors.Is(err, mfa.ErrNotFound) && stands == 0 {
					continue
				}
				if err != nil || len(codes) != 10 || id != strconv.Itoa(stands) && id != set.ID {
					t.Fatalf("SpendRecovery = set %s with %d codes, %v, want 10 of set %d or %s", id, len(codes), err, stands, set.ID)
				}
				for _, c := range codes {
					found := false
					for j := range 10 {
						found = found || c.MAC == key(fmt.Sprint(id, " ", j))
					}
					if !found {
						t.Fatalf("set %s has a code of another set", id)
					}
				}
				stands, _ = strconv.Atoi(id) // also where the answer did not arrive
			}
			if cut == 0 {
				t.Error("no call was cut off: the test tried nothing")
			}
		})
	})
}

func TestALeaverJoinsOrDoesNot(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *sqlstore.DB) {
		err := errors.Join(db.CreateAccount(ctx, directory.Account{ID: "acme", Name: "Acme", State: auth.AccountActive}), db.SetSeats(ctx, "acme", "crm", 60, noon))
		if err != nil {
			t.Fatal(err)
		}
		joined, cut := 0, 0
		for i := range 60 {
			id := strconv.Itoa(i)
			_, err := db.CreateInvitation(ctx, auth.Invitation{
				ID: id, Email: id + "@acme.example", State: auth.InvitationOpen, ExpiresAt: noon.Add(time.Hour),
				As: auth.Membership{AccountID: "acme", Role: auth.RoleMember, Products: []string{"crm"}},
			}, noon)
			if err != nil {
				t.Fatal(err)
			}
			patience := time.Duration(i) * 100 * time.Microsecond
			if i >= 50 {
				patience = time.Minute // however slow the machine is, some stay to the end
			}
			leaving, cancel := context.WithTimeout(ctx, patience)
			if _, err := db.Join(leaving, id, 0, id, noon); err != nil {
				cut++
			}
			cancel()
			got, err := db.Invitation(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			in, err := db.Memberships(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if got.State == auth.InvitationJoined {
				joined++
			}
			if member := len(in) == 1 && len(in[0].Products) == 1; member != (got.State == auth.InvitationJoined) || len(in) == 1 && !member {
				t.Errorf("a caller who went in the middle of Join left the invitation %q and the memberships %+v, want all of it or nothing", got.State, in)
			}
		}
		if cut == 0 || joined == 0 {
			t.Errorf("%d calls were cut off and %d joined: the test tried only one of them", cut, joined)
		}
		if all, err := db.Seats(ctx, "acme", noon.Add(2*time.Hour)); err != nil || all[0].Taken != joined {
			t.Errorf("Seats = %v, %v once the rest has expired, want %d taken", all, err, joined)
		}
	})
}

// made tells how many guesses stand in a counter, by making the rest.
func made(t *testing.T, db *sqlstore.DB, c auth.Charge) int {
	t.Helper()
	n := 0
	for ; n < c.Limit; n++ {
		closedTo, err := db.Charge(ctx, []auth.Charge{c}, noon)
		if err != nil {
			t.Fatal(err)
		}
		if !closedTo.IsZero() {
			break
		}
	}
	return c.Limit - n
}

func TestErrorsTellNothingThatPeopleTyped(t *testing.T) {
	const canary = "canary@acme.example"
	for name, raw := range map[string]*sql.DB{"sqlite": testdb.RawSQLite(t), "postgresql": testdb.RawPostgreSQL(t)} {
		db := mustOpen(t, raw, map[string]sqlstore.Dialect{"sqlite": sqlstore.SQLite, "postgresql": sqlstore.PostgreSQL}[name])
		for _, table := range []string{"users", "credentials", "flows", "sessions", "devices", "totp", "codes", "recovery", "outbox", "tickets",
			"invitation_seats", "invitations", "seat_holders", "seats", "members", "domain_claims", "domains", "accounts", "identities",
			"sso_requests", "sso_assertions", "sso_logins", "sso_connections", "social_requests"} {
			if _, err := raw.Exec("DROP TABLE sallyport_" + table); err != nil {
				t.Fatal(err)
			}
		}
		_, byEmail := db.UserByEmail(ctx, canary)
		s := aSession(canary, canary)
		s.UserAgent, s.IP = canary, canary
		_, moved := db.MoveCredential(ctx, canary, noon)
		_, _, spentApp := db.SpendTOTP(ctx, canary, mfa.Budget{}, noon)
		_, advanced := db.AdvanceTOTP(ctx, canary, canary, 1)
		_, asked := db.AskTOTPReset(ctx, canary, canary, noon, noon)
		_, sent := db.SendCode(ctx, key(canary), mfa.CodeRecord{ID: canary}, mfa.CodeRules{}, noon)
		_, spentCode := db.SpendCode(ctx, key(canary), 1, noon)
		_, _, _, spentSet := db.SpendRecovery(ctx, canary, mfa.Budget{}, noon)
		_, used := db.ConsumeRecovery(ctx, canary, canary, key(canary), noon)
		_, claimed := db.ClaimOutbox(ctx, noon, noon, 1)
		_, byKey := db.Ticket(ctx, key(canary))
		given := auth.Invitation{ID: canary, Email: canary, Name: canary, As: auth.Membership{AccountID: canary}}
		_, founded := db.CreateCompany(ctx, directory.Account{ID: canary, Name: canary}, canary)
		_, invited := db.CreateInvitation(ctx, given, noon)
		_, byID := db.Invitation(ctx, canary)
		_, to := db.InvitationsTo(ctx, canary, noon)
		_, counted := db.CountLetter(ctx, canary, noon, noon)
		_, joined := db.Join(ctx, canary, 0, canary, noon)
		_, belongs := db.Memberships(ctx, canary)
		_, listed := db.Members(ctx, canary)
		_, led := db.Administrators(ctx, canary, 1)
		_, had := db.Seats(ctx, canary, noon)
		_, added := db.AddMember(ctx, directory.Member{AccountID: canary, UserID: canary}, noon)
		_, byName := db.Domain(ctx, canary)
		_, owned := db.Domains(ctx, canary)
		_, due := db.DueDomains(ctx, noon, noon, 1)
		_, claim := db.ClaimDomain(ctx, directory.Claim{Domain: canary, AccountID: canary, Value: canary})
		_, pending := db.Claims(ctx, canary)
		_, bySubject := db.IdentityBy(ctx, canary, canary)
		_, links := db.Identities(ctx, canary)
		domain := directory.Domain{Name: canary, AccountID: canary, Proof: canary, Connection: canary}
		_, requested := db.TakeRequest(ctx, key(canary), noon)
		_, departed := db.TakeSocialRequest(ctx, key(canary), noon)
		_, usedUp := db.UseAssertion(ctx, key(canary), noon.Add(time.Hour), noon)
		login := sso.LoginRow{SessionID: canary, UserID: canary, Connection: canary, Subject: key(canary), Body: []byte(canary)}
		_, loginOf := db.LoginOf(ctx, canary)
		_, ended := db.TakeLogins(ctx, canary, key(canary), [][32]byte{key(canary)})
		connection := sso.ConnectionRow{ID: canary, AccountID: canary, Version: 1, Body: []byte(canary)}
		_, connected := db.ConnectionRow(ctx, canary)
		_, connections := db.ConnectionRows(ctx, canary)
		_, refreshed := db.ClaimRefresh(ctx, noon, noon, 1)
		for verb, err := range map[string]error{
			"CreateRequest": db.CreateRequest(ctx, key(canary), sso.RequestRow{Connection: canary, Body: []byte(canary)}, noon),
			"TakeRequest":   requested, "UseAssertion": usedUp,
			"CreateSocialRequest": db.CreateSocialRequest(ctx, key(canary), social.RequestRow{Provider: canary, Body: []byte(canary)}, noon),
			"TakeSocialRequest":   departed,
			"AddLogin":            db.AddLogin(ctx, login, noon), "LoginOf": loginOf, "TakeLogins": ended, "DropLogin": db.DropLogin(ctx, canary),
			"CreateConnection": db.CreateConnection(ctx, connection), "ConnectionRow": connected, "ConnectionRows": connections,
			"SwapConnection": db.SwapConnection(ctx, connection), "DeleteConnection": db.DeleteConnection(ctx, canary, 1), "ClaimRefresh": refreshed,

			"UserByEmail":     byEmail,
			"CreateUser":      db.CreateUser(ctx, auth.User{ID: canary, Email: canary, Name: canary}),
			"SwapCredential":  db.SwapCredential(ctx, auth.Credential{UserID: canary, Hash: canary}),
			"CreateFlow":      db.CreateFlow(ctx, key(canary), auth.FlowRow{Body: []byte(canary)}, noon),
			"CreateSession":   db.CreateSession(ctx, key(canary), s),
			"TrustDevice":     db.TrustDevice(ctx, canary, canary, noon),
			"MoveCredential":  moved,
			"SpendTOTP":       spentApp,
			"AdvanceTOTP":     advanced,
			"ReplaceTOTP":     db.ReplaceTOTP(ctx, "", mfa.TOTPRecord{UserID: canary, ID: canary, Sealed: []byte(canary)}),
			"AskTOTPReset":    asked,
			"SendCode":        sent,
			"SpendCode":       spentCode,
			"SpendRecovery":   spentSet,
			"ReplaceRecovery": db.ReplaceRecovery(ctx, canary, mfa.RecoverySet{ID: canary, MACs: [][32]byte{key(canary)}}),
			"ConsumeRecovery": used,
			"AddOutbox":       db.AddOutbox(ctx, mail.OutboxRow{ID: canary, Body: []byte(canary)}),
			"ClaimOutbox":     claimed,
			"PutTicket":       db.PutTicket(ctx, auth.Ticket{Key: key(canary), Body: []byte(canary)}, noon),
			"Ticket":          byKey,

			"SwapEmail": db.SwapEmail(ctx, canary, canary, "other "+canary), "VerifyUser": db.VerifyUser(ctx, canary, canary),
			"SetUserName": db.SetUserName(ctx, canary, canary), "SetUserLocale": db.SetUserLocale(ctx, canary, canary),
			"CreateAccount": db.CreateAccount(ctx, directory.Account{ID: canary, Name: canary}), "CreateCompany": founded,
			"Bootstrap": db.Bootstrap(ctx, directory.Account{ID: canary, Name: canary}, given, noon),
			"SetMember": db.SetMember(ctx, directory.Member{AccountID: canary, UserID: canary}), "RemoveMember": db.RemoveMember(ctx, canary, canary),
			"ChangeMember": db.ChangeMember(ctx, canary, canary, canary, directory.MemberChange{Suspend: true}),
			"SetSeats":     db.SetSeats(ctx, canary, canary, 1, noon), "TakeSeat": db.TakeSeat(ctx, canary, canary, canary, noon),
			"FreeSeat": db.FreeSeat(ctx, canary, canary, canary), "Seats": had,
			"CreateInvitation": invited, "Invitation": byID, "InvitationsTo": to, "CountLetter": counted, "Join": joined,
			"CloseInvitation": db.CloseInvitation(ctx, canary, auth.InvitationRevoked),
			"Memberships":     belongs, "Members": listed, "Administrators": led,
			"AddMember": added, "SetMemberSSO": db.SetMemberSSO(ctx, canary, canary, auth.SSOExempt),
			"AddDomain": db.AddDomain(ctx, domain), "ReleaseDomain": db.ReleaseDomain(ctx, canary, canary), "Domain": byName, "Domains": owned,
			"DueDomains": due, "SwapDomainCheck": db.SwapDomainCheck(ctx, domain, noon),
			"ClaimDomain": claim, "Claims": pending, "ProveDomain": db.ProveDomain(ctx, domain), "DropClaim": db.DropClaim(ctx, canary, canary),
			"SetDomainSSO": db.SetDomainSSO(ctx, canary, auth.SSOEnforced, noon), "EnforceSSO": db.EnforceSSO(ctx, canary, noon),
			"SetDomainConnection": db.SetDomainConnection(ctx, canary, canary), "PassConnectionTest": db.PassConnectionTest(ctx, canary, noon),
			"IdentityBy": bySubject, "Identities": links,
			"LinkIdentity":   db.LinkIdentity(ctx, auth.Link{ID: canary, UserID: canary, Source: canary, Subject: canary, Email: canary}),
			"UseIdentity":    db.UseIdentity(ctx, canary, canary, noon),
			"UnlinkIdentity": db.UnlinkIdentity(ctx, canary, canary, nil), "UnlinkIdentity, not the last": db.UnlinkIdentity(ctx, canary, canary, []string{canary}),
			"UnlinkIdentities": db.UnlinkIdentities(ctx, canary),
		} {
			if err == nil || strings.Contains(err.Error(), canary) || strings.Count(err.Error(), "sqlstore: ") != 1 {
				t.Errorf("%s: %s over a broken database = %v, want an error that says once what was done, and not to whom", name, verb, err)
			}
		}
	}
}
