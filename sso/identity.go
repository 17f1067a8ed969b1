package sso

import "time"

// An Identity is who somebody is at a connection. It is what an accepted answer says, and no more: whether that person has an
// account, and may come in, is the host's to decide.
type Identity struct {
	Connection string // the ID of the connection
	AccountID  string // the company whose it is

	// Subject names the person at this connection for good. It is the key to remember somebody by, with Connection; the address is
	// not, which may be given to another person. It holds whatever belongs to the name: of SAML the format and the qualifiers too.
	Subject string

	Email      string // canonical, in a domain that the connection speaks for
	Name       string // may be empty, as the next two
	GivenName  string
	FamilyName string
	Groups     []string // as the provider writes them
	Role       string   // what Connection.Roles make of Groups; empty: nothing

	At          time.Time // when the answer was accepted
	AuthTime    time.Time // when the person proved it there; zero: the provider does not say
	MultiFactor bool      // the provider asserts a second step, and the connection believes it
	Contexts    []string  // how, in the provider's words: AuthnContextClassRef, or acr and amr
	SessionEnds time.Time // the provider wants the session over by then; zero: it does not say
	Login       Login     // what ends it there, and is ended from there
}

// A Login is a session at a provider: what single logout needs to name it. It is kept sealed.
type Login struct {
	Subject string // what the provider calls the person when a session ends; empty: Identity.Subject
	Index   string // of SAML the SessionIndex, of OpenID the sid; empty: the provider does not say
	Token   []byte // the protocol's own: the NameID as it was written, or the ID token
}
