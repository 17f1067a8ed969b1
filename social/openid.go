package social

import (
	"cmp"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// OpenID is how a provider speaks OpenID Connect. A function of this package fills it in; what differs may be changed afterwards.
type OpenID struct {
	Issuer   string // compared byte by byte
	ClientID string
	Secret   string // Apple's is made anew for each exchange, and is empty here

	Scopes        []string // besides openid; none: email and profile
	SecretInForm  bool     // the secret is sent in the form (client_secret_post); false: as HTTP Basic
	SelectAccount bool     // people are asked there which account they mean, also where they have one only; false: as the provider likes

	// UserInfo asks the provider's userinfo address for what an ID token leaves out: an address, a name. False: the token must say it.
	UserInfo bool

	// Fresh says that the provider can be asked to make people prove it anew, and says when they did: it takes prompt=login and max_age,
	// and its tokens then have auth_time. An answer without it is refused where a fresh sign-in was asked for. False: nobody asks.
	Fresh bool

	// Authoritative says that the issuer speaks for every address that it calls verified: that nobody is told to have a mailbox there who
	// has not. It is a promise of yours about somebody else: for an issuer of your own, yes; for one where people write their own
	// profiles, never. False: what it says of addresses is a claim. The functions for well-known providers decide it themselves.
	Authoritative bool

	// Aliases are further names of the same issuer, which its document and tokens may bear. An Identity always says Issuer.
	// None, as for almost all: it has one name.
	Aliases []string

	// Document is the issuer whose document is read, of one that has {tenantid} in Issuer: it has a name for each of its tenants, and one
	// document for all. A token must bear Issuer with its own tid, a UUID, in that place. Empty: Issuer has a document.
	Document string

	// Tenants are the tids that people may have; none: any. Their addresses say nothing about where somebody belongs.
	Tenants []string

	ways ways
}

// ways are what is special about a provider that everybody knows. The zero ways are the specification's.
type ways struct {
	post      bool         // answers are posted
	notices   bool         // it sends notices
	skipNonce bool         // it has none in its tokens
	skipPKCE  bool         // it refuses it
	skipHint  bool         // it does not know login_hint
	selects   bool         // it takes prompt=select_account
	signs     bool         // its secret is one that we sign
	secret    signedSecret // where signs is set
	appIDs    []string     // who else its notices are for

	// email says which address somebody has, and whether the provider speaks for it; nil: ownEmail.
	email func(o OpenID, c openid.Claims) (email string, authoritative bool)

	// named adds what an answer says about a name beside the token; nil: nothing.
	named func(id *Identity, m Message)
}

// signedSecret is what a secret is made with.
type signedSecret struct {
	team, keyID string
	key         crypto.Signer
}

// OpenIDConnect is any provider that speaks OpenID Connect. It says who somebody is; that it speaks for their addresses is yours to say:
//
//	p := social.OpenIDConnect("corp", "Corp", "https://login.corp.example", id, secret)
//	p.OpenID.Authoritative = true
//
// It asks the userinfo address for what the ID token leaves out, and can be asked for a fresh sign-in, as the specification wants it;
// set UserInfo or Fresh to false for one that cannot do that.
func OpenIDConnect(id, name, issuer, clientID, secret string) Provider {
	return Provider{ID: id, Name: name, OpenID: &OpenID{Issuer: issuer, ClientID: clientID, Secret: secret, UserInfo: true, Fresh: true}}
}

// LastPass is LastPass as a provider. It has no issuer that all its customers share: name yours. People's addresses count as claims,
// unless you set OpenID.Authoritative, and it is not asked for a fresh sign-in, unless you set OpenID.Fresh. For companies whose sign-in
// LastPass is, use a SAML connection of package sso.
func LastPass(issuer, clientID, secret string) Provider {
	return Provider{ID: "lastpass", Name: "LastPass", OpenID: &OpenID{Issuer: issuer, ClientID: clientID, Secret: secret, UserInfo: true}}
}

const selectAccount = "select_account"

// ownEmail is the address of a provider that says of itself whether it speaks for it.
func ownEmail(o OpenID, c openid.Claims) (string, bool) {
	return c.Email, c.EmailVerified && o.Authoritative
}

// private is a copy that nobody else can change.
func (o OpenID) private() OpenID {
	o.Scopes, o.Aliases, o.Tenants = slices.Clone(o.Scopes), slices.Clone(o.Aliases), slices.Clone(o.Tenants)
	o.ways.appIDs = slices.Clone(o.ways.appIDs)
	return o
}

// public is a copy without secrets.
func (o OpenID) public() OpenID {
	o = o.private()
	o.Secret, o.ways.secret = "", signedSecret{}
	return o
}

// party is us at the provider.
func (o OpenID) party(callback string) openid.Party {
	p := openid.Party{
		Issuer: o.Issuer, ClientID: o.ClientID, Secret: o.Secret, Redirect: callback, Scopes: o.Scopes,
		FormPost: o.ways.post, Issuers: o.Aliases, Document: o.Document, Tenants: o.Tenants,
		SkipNonce: o.ways.skipNonce, SkipPKCE: o.ways.skipPKCE,
	}
	if len(p.Scopes) == 0 {
		p.Scopes = []string{"email", "profile"}
	}
	if o.SecretInForm {
		p.AuthMethod = openid.SecretPost
	}
	if o.SelectAccount {
		p.Prompt = selectAccount
	}
	if o.ways.signs {
		p.SecretFunc = o.signed().Sign
	}
	return p
}

// signed is the secret that we sign.
func (o OpenID) signed() openid.SignedSecret {
	s := o.ways.secret
	return openid.SignedSecret{Issuer: s.team, Subject: o.ClientID, Audience: appleAudience, KeyID: s.keyID, Key: s.key}
}

// A relyingParty is the Speaker of providers that speak OpenID Connect.
type relyingParty struct {
	o      OpenID
	client *openid.Client
}

// Check implements Speaker.
func (r relyingParty) Check() error {
	if r.o.ways.signs {
		if err := r.o.checkSecret(); err != nil {
			return err
		}
	}
	err := r.client.Check(r.o.party(""))
	if wrong, ok := errors.AsType[*openid.Wrong](err); ok {
		field := cmp.Or(map[string]string{"Issuers": "Aliases", "AuthMethod": "SecretInForm"}[wrong.Field], wrong.Field)
		hint := ""
		if wrong.Field == "Issuer" && strings.HasPrefix(r.o.Issuer, "http://") {
			hint = "; for tests, Config.AllowPrivate takes plain http"
		}
		if wrong.Field == "Issuer" && strings.HasPrefix(r.o.Issuer, microsoft) {
			hint = "; see Microsoft, which knows all tenants and some"
		}
		return fmt.Errorf("OpenID.%s %s%s", field, wrong.Why, hint)
	}
	return err
}

// Begin implements Speaker.
func (r relyingParty) Begin(ctx context.Context, req Request) (Departure, error) {
	party := r.o.party(req.Callback)
	if req.SelectAccount && r.o.ways.selects {
		party.Prompt = selectAccount
	}
	ask := openid.Ask{State: req.State, LoginHint: req.LoginHint, Fresh: req.Fresh}
	if r.o.ways.skipHint {
		ask.LoginHint = ""
	}
	address, kept, err := r.client.Begin(ctx, req.Now, party, ask)
	if err != nil {
		return Departure{}, refusal(err)
	}
	memory, err := json.Marshal(kept)
	if err != nil {
		return Departure{}, fmt.Errorf("social: writing down a request: %w", err)
	}
	return Departure{URL: address, Memory: memory}, nil
}

// Verify implements Speaker. No token is kept: what it says is read, and it is gone.
func (r relyingParty) Verify(ctx context.Context, req Request, m Message) (Identity, error) {
	a := openid.Answer{Since: req.MadeAt, Fresh: req.Fresh, UserInfo: r.o.UserInfo}
	var err error
	if a.Callback, err = openid.ParseCallback(m.values()); err != nil {
		return Identity{}, refusal(err)
	}
	if err := json.Unmarshal(req.Memory, &a.Memory); err != nil {
		return Identity{}, &Refusal{Code: CodeRequestUnknown}
	}
	claims, err := r.client.Finish(ctx, req.Now, r.o.party(req.Callback), a, &openid.Trail{})
	if err != nil {
		return Identity{}, refusal(err)
	}
	return r.o.identity(claims, m), nil
}

// identity is whom claims speak of.
func (o OpenID) identity(c openid.Claims, m Message) Identity {
	id := Identity{
		Issuer: o.Issuer, Subject: c.Subject, AuthTime: c.AuthTime,
		Name: c.Text("name"), GivenName: c.Text("given_name"), FamilyName: c.Text("family_name"),
	}
	if o.Document != "" {
		id.Issuer = c.Issuer // the tenant's: a subject is one of its own
	}
	email := o.ways.email
	if email == nil {
		email = ownEmail
	}
	id.Email, id.Authoritative = email(o, c)
	if o.ways.named != nil {
		o.ways.named(&id, m)
	}
	return id
}

// refusal is an error as this package has it.
func refusal(err error) error {
	if r, ok := errors.AsType[*openid.Refusal](err); ok {
		return &Refusal{Code: Code(r.Code), Expected: r.Expected, Received: r.Received}
	}
	return err
}
