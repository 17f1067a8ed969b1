package social

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A Provider is where people have accounts, as a value: Google, Microsoft, Apple, LinkedIn, LastPass and OpenIDConnect make one, and so
// does gothprovider.New.
type Provider struct {
	ID   string // names it in addresses, settings and trails: small letters, digits and dashes, 32 at most
	Name string // how people know it; it is not translated

	OpenID  *OpenID // how it speaks OpenID Connect; nil: it does not
	Speaker Speaker // how it is spoken to otherwise: gothprovider.New. Nil where OpenID is set

	// Issuer is who names the people of a Speaker: an https address of the provider's own. It must stay the same for ever, for people with
	// another one are other people. Empty where OpenID is set, which has its own.
	Issuer string
}

// Posts tells whether answers of the provider are posted by the browser, which brings no cookies of ours then: Apple's are.
func (p Provider) Posts() bool { return p.OpenID != nil && p.OpenID.ways.post }

// Fresh tells whether a fresh sign-in can be demanded there: whoever comes back has proved it anew, and Identity.AuthTime says when.
func (p Provider) Fresh() bool { return p.OpenID != nil && p.OpenID.Fresh }

// Notices tells whether the provider says on its own account that somebody has taken back a consent: see Manager.Notice.
func (p Provider) Notices() bool { return p.OpenID != nil && p.OpenID.ways.notices }

// A Speaker speaks to a provider that does not speak OpenID Connect. Package gothprovider has one. It is safe for concurrent use.
//
// State, that an answer counts once, and which browser brings it are the Manager's business. So are errors that a provider sends
// instead of an answer, and parameters that come twice: Verify sees neither.
type Speaker interface {
	// Check tells what is wrong with the settings. It asks nobody.
	Check() error

	// Begin makes the address that a browser goes to. What it must remember until the answer goes into Departure.Memory, which is sealed.
	Begin(ctx context.Context, r Request) (Departure, error)

	// Verify turns an answer into who somebody is. Identity.Provider and Identity.Issuer are not its to say: they are the Provider's. A
	// *Refusal says which rule was not met; any other error means that the provider cannot be reached now.
	Verify(ctx context.Context, r Request, m Message) (Identity, error)
}

// A Request is one that is under way, as its Speaker sees it.
type Request struct {
	Now       time.Time
	MadeAt    time.Time    // when it was begun
	State     string       // travels to the provider and back
	Callback  string       // where the answer comes: from configuration, never from a request
	Memory    []byte       // what Departure.Memory held; nil in Begin
	Fresh     bool         // whoever signs in must prove it anew
	LoginHint string       // the address that was typed; empty: none. Not in Verify
	HTTP      *http.Client // the one way out, with the limits of the Manager's Config

	SelectAccount bool // people should be asked which account they mean, where the provider can do that. Not in Verify
}

// A Departure is where a browser goes, and what to remember until it is back.
type Departure struct {
	URL    string
	Memory []byte
}

// A Message is what a browser brings back, or a provider posts.
type Message struct {
	Post  bool       // it was posted: Form counts; else Query
	Query url.Values // as they came, with what is there twice
	Form  url.Values
}

// values are what counts of a message.
func (m Message) values() url.Values {
	if m.Post {
		return m.Form
	}
	return m.Query
}

// An Identity is who somebody is at a provider. Issuer and Subject are the key; everything else is what is said about it.
type Identity struct {
	Provider string // Provider.ID
	Issuer   string // who names the Subject: Provider.Issuer, OpenID.Issuer, or one of the latter's tenants
	Subject  string // never empty, never an address

	Email string // may be empty, or one of Apple's that forwards
	// Authoritative says that the provider speaks for Email: whoever has the account there has the mailbox. Where it does not, somebody
	// may have written anybody's address into their profile.
	Authoritative bool

	Name       string // to be shown, and nothing else; may be empty
	GivenName  string
	FamilyName string

	AuthTime time.Time // when the person proved it there; zero: the provider does not say
}
