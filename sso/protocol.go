package sso

import (
	"context"
	"net/url"
	"time"
)

// A Protocol speaks to identity providers. saml.New and oidc.New make the two that there are; a program links those that it names.
// Its methods keep nothing between calls but what they have fetched: what one sign-in must remember travels in Request.Memory.
type Protocol interface {
	// Name is what Connection.Protocol says: "saml", "oidc".
	Name() string

	// Check tells what is wrong with the settings of a connection, naming the field. It asks nobody.
	Check(c Connection) error

	// Begin makes a request. The Memory of its Departure comes back in the Request of the answer.
	Begin(ctx context.Context, r Request) (Departure, error)

	// Handle is the handle that an answer claims to be for, and nothing else of it is believed; empty: it names none. An error is a
	// *Refusal: the message cannot be an answer.
	Handle(m Message) (string, error)

	// Verify checks an answer and says who it is. A refusal is a *Refusal; any other error means that the provider cannot be reached
	// or something is broken here. What was checked is written into rep, whatever comes out.
	Verify(ctx context.Context, r Request, m Message, rep *Report) (Verified, error)

	// Metadata is what the provider's administrators may read of us; for a protocol that has none, false.
	Metadata(c Connection, a Addresses) (doc []byte, contentType string, ok bool, err error)

	// Logout makes the request that ends the provider's session, where the connection has an address for it; else false.
	Logout(ctx context.Context, r Request, l Login) (Departure, bool, error)

	// Ended reads a message that came to the logout address: a request of the provider to end sessions, or its answer to ours.
	// Only what is signed counts; else a *Refusal.
	Ended(ctx context.Context, r Request, m Message, rep *Report) (Ending, error)
}

// A Refresher is a Protocol whose connections can read their settings again at an address: SAML.MetadataURL. Registry asks it daily.
type Refresher interface {
	// Refresh reads the settings and answers the connection with them, and what has changed. It writes nothing, and changes nothing of
	// c's own slices. Where the connection has no key yet, those that it finds count; later ones are held as SAML says. An error leaves
	// the connection as it was: what is not there, or not right, never takes a working connection away.
	Refresh(ctx context.Context, c Connection, now time.Time) (Connection, []Change, error)
}

// A Change is something that a provider says anew about itself.
type Change struct {
	Field string // of SAML: "Certificates", "SSOURL"
	Was   string // of a certificate its SHA-256 in hexadecimal; empty: nothing
	Is    string // the same; empty: it is gone
	Held  bool   // it counts for nothing until an administrator approves it
}

// A Request is one sign-in, or one message, at a connection.
type Request struct {
	Connection Connection
	Addresses  Addresses
	Handle     string    // travels to the provider and back, and opens nothing but the row of this request; empty: nobody asked
	Memory     []byte    // of Begin
	Fresh      bool      // whoever signs in must prove it anew
	LoginHint  string    // the address that was typed; empty: none
	MadeAt     time.Time // when the request was made; zero: nobody asked
	Now        time.Time
}

// Addresses are ours, for one connection: absolute, and made from Config.BaseURL alone. The administrators of a SAML provider need EntityID,
// ACS and Logout, or Metadata for all of it; those of an OpenID provider Callback and Logout, and Metadata where the connection has
// private_key_jwt.
type Addresses struct {
	EntityID  string // of SAML: the address of the metadata, or SAML.EntityIDOverride
	Metadata  string
	ACS       string // where SAML answers are posted; OpenID has none
	Callback  string // where OpenID answers come: its redirect URI; SAML has none
	Logout    string // where messages of single logout come; of OpenID the post-logout redirect URI and the back-channel logout URI
	SignedOut string // where a person lands after signing out there; no provider has to know it
}

// A Departure is how a browser gets to a provider: by going to URL, or by posting Post.
type Departure struct {
	URL    string
	Post   *Form
	Memory []byte // for Request.Memory; it may hold secrets, and is kept sealed
}

// A Form is posted by the browser.
type Form struct {
	Action string
	Fields []Field
}

// A Field is one of a Form's.
type Field struct{ Name, Value string }

// A Message is what a browser, or a provider itself, has brought to one of our addresses.
type Message struct {
	Post     bool       // it came by POST
	RawQuery string     // as it stood in the address: signatures of SAML are over its bytes
	Query    url.Values // what RawQuery holds
	Form     url.Values // of a POST: what its body holds, and nothing of the query
}

// Verified is what a protocol has read in an answer that it accepts.
type Verified struct {
	Identity Identity
	Once     string    // names the answer for good; it counts once. Empty: Handle has seen to that
	OnceEnds time.Time // when nobody could use it any more
}

// An Ending is what came to the logout address.
type Ending struct {
	Request bool   // the provider asks to end sessions
	Handle  string // of an answer to ours: which one it is for

	Subject  string   // of a request: whose sessions, as Login.Subject; empty: whoever Indexes name
	Indexes  []string // which of them, as Login.Index; none: all
	Once     string   // names the message for good; it counts once
	OnceEnds time.Time

	// Answer makes the reply to a request, once the sessions are ended (done) or could not be. Nil: none is expected.
	Answer func(done bool) (Departure, error)
}
