// Package store keeps everything in memory, and is the map of what is kept at all.
//
// Call [NewMemory] for tests and for trying things out. For everything else there is store/sqlstore, with the same methods over
// SQLite and PostgreSQL. Either gives [auth.Stores] with one call:
//
//	in, err := auth.New(auth.Config{Stores: store.NewMemory().Stores(), …})
//
// # The contracts
//
// Each package declares the storage that it needs, beside the code that calls it. A host implements the ones that it wants
// to keep elsewhere and assigns them over ours: s := db.Stores(); s.Sessions = mine. What sso, social and auth/directory ask for
// is given to their own New.
//
//	interface                what it keeps                      verbs                                       its suite in storetest
//	session.Store            who is signed in                   CreateSession Session TouchSession          Sessions
//	                                                            RotateSession Sessions EndSession EndSessions
//	session.Cuts             when a company's sessions ended    CutSessions DueCut                          Cuts
//	session.Devices          browsers people signed in from     Device GrantDevice Devices TrustDevice      Devices
//	                                                            EndDevice EndDevices
//	auth.Credentials         passwords and their versions       Credential SwapCredential MoveCredential    Credentials
//	                                                            UpgradeHash
//	auth.Flows               sign-ins in progress               CreateFlow Flow SwapFlow TakeFlow DropFlow  Flows
//	auth.Limits              guesses                            Charge ClearLimits                          Limits
//	auth.Tickets             mailed links, one in a slot        PutTicket Ticket TicketIn TakeTicket        Tickets
//	                                                            DropTicket
//	auth.Identities          who people are elsewhere           IdentityBy Identities LinkIdentity          Identities
//	                                                            UseIdentity UnlinkIdentity UnlinkIdentities
//	mfa.TOTPStore            authenticator apps                 TOTP SpendTOTP AdvanceTOTP ReplaceTOTP      TOTP
//	                                                            DeleteTOTP AskTOTPReset
//	mfa.CodeStore            mailed codes                       SendCode SpendCode ConsumeCode              Codes
//	mfa.RecoveryStore        recovery codes                     ReplaceRecovery SpendRecovery               Recovery
//	                                                            ConsumeRecovery RecoveryLeft
//	mail.OutboxStore         letters that wait to be sent       AddOutbox ClaimOutbox RetryOutbox           Outbox
//	                                                            DropOutbox
//	sso.Requests             requests to companies' providers,  CreateRequest TakeRequest UseAssertion      SSORequests
//	                         and which answers were used
//	sso.Logins               which session at a provider        AddLogin LoginOf TakeLogins DropLogin       SSOLogins
//	                         a session came from
//	sso.Store                connections of companies           CreateConnection ConnectionRow              SSOConnections
//	                                                            ConnectionRows SwapConnection               SSODomains
//	                                                            DeleteConnection ClaimRefresh
//	social.Requests          requests to social providers       CreateSocialRequest TakeSocialRequest       SocialRequests
//	auth.Expiry              nothing: it deletes what has ended DeleteExpired                               Expiry SSOExpiry
//	                                                                                                        SocialExpiry
//	directory.UserStore      people                             CreateUser UserByID UserByEmail             Directory
//	                                                            SetUserSuspended SetUserName SetUserLocale
//	                                                            VerifyUser SwapEmail
//	directory.AccountStore   companies                          CreateAccount CreateCompany Bootstrap       Directory
//	                                                            SetAccountState SetAccountPolicy
//	directory.MemberStore    who belongs to which company       SetMember ChangeMember RemoveMember         Directory
//	                                                            AddMember SetMemberSSO Memberships
//	                                                            Members Administrators
//	directory.SeatStore      seats of products                  SetSeats TakeSeat FreeSeat Seats            Directory
//	directory.InvitationStore  invitations                      CreateInvitation Invitation InvitationsTo   Directory
//	                                                            InvitationsOf CountLetter Join
//	                                                            CloseInvitation
//	directory.DomainStore    verified domains                   AddDomain ReleaseDomain Domain Domains      Directory
//	                                                            DueDomains SwapDomainCheck
//	directory.ClaimStore     domains that are claimed           ClaimDomain Claims ProveDomain DropClaim    Directory
//	directory.SSOStore       what domains ask                   SetDomainSSO EnforceSSO                     Directory
//	                                                            SetDomainConnection PassConnectionTest
//
// What a host has to write, then:
//
//   - for session alone: session.Store, and session.Cuts if whole companies are to be signed out at once. Or nothing, with
//     the stores here.
//   - for mfa alone: mfa.TOTPStore, mfa.CodeStore or mfa.RecoveryStore, by what it uses. Or nothing, with the stores here.
//   - for sso alone: sso.Requests, and sso.Logins if a sign-out is to reach the provider. Connections that a program knows when it
//     starts are kept nowhere. Or nothing, with the stores here.
//   - for social alone: social.Requests. Or nothing, with the stores here.
//   - for auth with people in a table of its own: auth.Users, two reads. It is no store of ours and has no suite.
//   - for auth with companies of its own: auth.Companies, two reads.
//   - for auth with auth/directory: nothing.
//
// # What every verb promises
//
// A verb is one atomic change. Of any number of callers at the same moment, in one program or in many, one wins, and a caller
// who goes away or a program that is killed leaves all of it or nothing. No verb reads for a decision that another verb writes
// down: the store counts, swaps and takes. Where a verb must look at other rows first, as the last seat of a company does, it
// locks the one row that owns them before it looks. Comparing secrets is the library's; keys are hashes, and no store ever sees
// a token, a code or the text of a letter: what it keeps of them are MACs and sealed bytes.
//
// Missing rows are ErrNotFound and lost races ErrConflict, each package's own by which one declares the interface: those of
// session, auth, mfa, sso, social and auth/mail. What a rule of a company forbids is an auth.Refusal, with its reason. A mailed code that
// may not be tried or sent any more is mfa.ErrSpent. Any other error means that the store is broken, and the library then lets
// nobody in.
//
// Time is told to a store. A clock of its own would be a second opinion about what has expired. The clocks of several programs
// differ, so no instant decides who came first: keys and versions do. What instants decide is when something ends, and whether a
// session is older than a cut of its account.
//
// This package does not write to disk, and does not share anything between programs.
package store
