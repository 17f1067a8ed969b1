package sso

import (
	"context"
	"errors"
	"time"
)

// Errors that implementers of this package's interfaces answer with.
var (
	ErrNotFound = errors.New("sso: not found")
	ErrConflict = errors.New("sso: conflict") // somebody else was there first; nothing was written
)

// A Connection is what a company has told about its own sign-in: one identity provider, spoken to by one protocol.
// It is a value; keep it where you like, and give it to a Manager by way of Connections.
type Connection struct {
	ID        string // names it in addresses and identities: letters, digits, "-" and "_", at most 64; never reused for another company
	AccountID string // the company whose it is
	Name      string // how people know the company; shown on the way there
	Version   int64  // moves with every change
	Protocol  string // which of Config.Protocols speaks it: "saml" or "oidc"
	Disabled  bool   // nobody is sent there, and no answer is taken

	// Domains are the e-mail domains that the company has proved to be its own, in ASCII and lower case. The connection speaks for
	// addresses in them and in no others, not even in their sub-domains. None: for nobody, unless AllowAnyDomain.
	Domains []string
	// AllowAnyDomain lets the connection speak for every address. It is for a program with one company that trusts its provider
	// with all of its people; where there are several, each could sign in as the people of the others.
	AllowAnyDomain bool

	SAML SAML // where Protocol is "saml"
	OIDC OIDC // where Protocol is "oidc"

	Attributes Attributes // where an answer says what; zero fields: the usual names
	Roles      []RoleRule // which groups give which role; the first that fits counts. None: nobody gets one by this connection
	JustInTime bool       // people who are not known yet are added when they arrive; false: they are told to ask their administrator

	// RequireTwoStep asks for our own second step even where the provider asserts that it has asked for one.
	RequireTwoStep bool
	// MultiFactor are the values of an answer (AuthnContextClassRef, acr, amr) that assert a second step. None: the usual ones,
	// see DefaultMultiFactor.
	MultiFactor []string
	// IdPInitiated takes answers that nobody asked for: people begin at a page of their company. It weakens nothing else. It lets
	// others bring a browser to the page that asks whether to go on as somebody.
	IdPInitiated bool
	// SkipSessionEnd does not end sessions when the provider's own session ends, where the answer says when that is.
	SkipSessionEnd bool
}

// SAML is what a company tells about its SAML provider.
type SAML struct {
	EntityID     string        // of the provider
	SSOURL       string        // where requests go, https
	SSOBinding   string        // "redirect" or "post"; empty: redirect
	SLOURL       string        // where messages of single logout go, https; empty: the provider has none
	SLOBinding   string        // "redirect" or "post"; empty: redirect
	SLOReply     string        // where answers to the provider's logout requests go, if elsewhere; empty: SLOURL
	Certificates []Certificate // whose keys the provider signs with; at least one that is not held

	MetadataURL         string    // where all of the above is read again daily; empty: it was given by hand
	MetadataCertificate []byte    // DER; metadata must be signed by its key, and then new keys count at once. Empty: not asked
	AllowNewKeys        bool      // keys in metadata read by https alone count at once, without an administrator's approval
	ReadAt              time.Time // when the metadata was last read
	ValidUntil          time.Time // what it says of itself; zero: nothing

	SignRequests     bool   // our requests are signed
	NameIDFormat     string // asked for; empty: whatever the provider has configured
	EntityIDOverride string // ours towards this provider, where the metadata address cannot be it; empty: the metadata address
	ResponseSigned   bool   // the signature of the whole answer counts where the assertion has none. Zero: the assertion must be signed
	AllowCBC         bool   // assertions may be encrypted with AES-CBC, which lets others learn their content by trying. For AD FS before 2019 and the like
	AuthnContext     string // asked for, and then required of the answer; empty: none
}

// A Certificate is one that a provider signs with.
type Certificate struct {
	DER    []byte
	Held   bool      // found in metadata, and waiting for an administrator to approve it: it counts for nothing
	SeenAt time.Time // when the metadata last held it; zero: it was given by hand
}

// OIDC is what a company tells about its OpenID provider.
type OIDC struct {
	Issuer     string   // https, compared byte by byte
	ClientID   string   // ours at this provider
	Secret     string   // ours too. Manager and Registry never give it away; kept sealed
	AuthMethod string   // "client_secret_basic", "client_secret_post" or "private_key_jwt"; empty: basic
	Scopes     []string // besides openid; none: email and profile
	ACR        string   // asked for, and then required of the answer; empty: none
	UserInfo   bool     // ask the userinfo address for what the ID token leaves out
	// AllowUnverifiedEmail takes the address of an ID token without email_verified. It is for providers such as Entra ID, which never
	// send it, and counts only together with Domains: the company is trusted with the addresses that it owns.
	AllowUnverifiedEmail bool
}

// Attributes say where an answer has what: names of SAML attributes or of OpenID claims. Empty: the usual ones.
type Attributes struct {
	Subject    string // what names the person for good; empty: NameID or sub
	Email      string
	Name       string
	GivenName  string
	FamilyName string
	Groups     string
}

// A RoleRule gives a role to the members of a group.
type RoleRule struct {
	Group string // as the provider writes it
	Role  string // as the host understands it; auth gives "member" and "admin", and never more
}

// RoleOf is the role that the first fitting rule gives; empty: none does.
func (c Connection) RoleOf(groups []string) string {
	for _, r := range c.Roles {
		for _, g := range groups {
			if g == r.Group {
				return r.Role
			}
		}
	}
	return ""
}

// SpeaksFor tells whether the connection may speak for addresses in a domain, given in ASCII and lower case.
func (c Connection) SpeaksFor(domain string) bool {
	if c.AllowAnyDomain {
		return true
	}
	for _, d := range c.Domains {
		if d == domain && d != "" {
			return true
		}
	}
	return false
}

// Connections finds the connections of companies. Registry is one, over a Store; Fixed is one, for a program that knows its own.
type Connections interface {
	Connection(ctx context.Context, id string) (Connection, error) // ErrNotFound
}

// Fixed is Connections that never change.
type Fixed []Connection

// Connection implements Connections.
func (f Fixed) Connection(_ context.Context, id string) (Connection, error) {
	for _, c := range f {
		if c.ID == id {
			return c, nil
		}
	}
	return Connection{}, ErrNotFound
}

// DefaultMultiFactor are the values that assert a second step where Connection.MultiFactor has none: of RFC 8176 and of the
// providers that have presets.
func DefaultMultiFactor() []string {
	return []string{
		"mfa", // RFC 8176
		"https://refeds.org/profile/mfa",
		"http://schemas.microsoft.com/claims/multipleauthn",
		"urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
		"urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
		"urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered",
		"phr", "phrh", // OpenID EAP ACR
	}
}
