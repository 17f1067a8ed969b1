package saml

import "github.com/sallyport-auth/sallyport/sso"

// A Preset says how a provider is connected: what to begin with, and what is called what on the pages of its administrators. It is data
// for a page of yours; labels are the provider's own, in English, and change when it likes.
type Preset struct {
	ID   string // stable: "okta", "entra", "google", "onelogin", "adfs", "lastpass", "generic"
	Name string // as people know it

	Attributes   sso.Attributes // where its answers say what, once Statements are set up there
	NameIDFormat string         // to ask for; empty: it sends what it is set to
	SLOBinding   string         // for single logout; empty: what its metadata says

	Ours       []Label     // our values, and where they go there
	Theirs     []Label     // settings of ours, and where their values are found there
	Statements []Statement // attributes that it sends only when told to; none: it sends the usual ones, or they are named differently everywhere
	Quirks     []Quirk     // what to know or to set there besides
}

// A Label is a value and what the provider calls it.
type Label struct {
	Value string // in Ours a field of sso.Addresses, or "Certificate" for ours of signing; in Theirs a field of sso.SAML
	Label string // on the provider's page
}

// A Statement tells a provider to send an attribute.
type Statement struct {
	Source string // what the provider calls the value
	Name   string // under which name it is to be sent; as in Preset.Attributes
}

// A Quirk is something about a provider that an administrator should know. Quirks are stable; texts are the host's.
type Quirk string

const (
	QuirkNoLogout       Quirk = "no_logout"         // it has no single logout
	QuirkUploadKey      Quirk = "upload_key"        // single logout works only once our certificate was given to it
	QuirkNoMetadataURL  Quirk = "no_metadata_url"   // its metadata is a file to download, so nobody sees when its key changes: mind the warnings
	QuirkKeysRoll       Quirk = "keys_roll"         // it changes its keys by itself, about yearly: give the address of its metadata
	QuirkInside         Quirk = "inside"            // it is often reached only from the company's network, and its metadata then not by us
	QuirkSHA256         Quirk = "sha256"            // it may be set to sign with SHA-1, which is refused: set SHA-256
	QuirkSignAssertion  Quirk = "sign_assertion"    // it must be set to sign the assertion, or both
	QuirkLeaveUnticked  Quirk = "response_unticked" // leave the box of a signed response unticked: ticked, the response is signed, and the assertion is not
	QuirkGroupIDs       Quirk = "group_ids"         // groups come as their IDs and not as names
	QuirkGroupsLeftOut  Quirk = "groups_left_out"   // people in more than 150 groups come with none
	QuirkCBC            Quirk = "cbc"               // if it encrypts, then by AES-CBC: switch encryption off there, or AllowCBC on here
	QuirkMethods        Quirk = "methods_attribute" // it says how people have signed in with an attribute, authnmethodsreferences, besides the AuthnContextClassRef
	QuirkNameIDRule     Quirk = "name_id_rule"      // it names nobody before a rule says what the Name ID is
	QuirkContextRefused Quirk = "context_refused"   // it fails where AuthnContext asks for another way to sign in than the person has just used
)

// Fill writes what a preset says into the empty settings of a connection.
func (p Preset) Fill(c sso.Connection) sso.Connection {
	for _, f := range []struct {
		setting *string
		value   string
	}{
		{&c.Attributes.Subject, p.Attributes.Subject},
		{&c.Attributes.Email, p.Attributes.Email},
		{&c.Attributes.Name, p.Attributes.Name},
		{&c.Attributes.GivenName, p.Attributes.GivenName},
		{&c.Attributes.FamilyName, p.Attributes.FamilyName},
		{&c.Attributes.Groups, p.Attributes.Groups},
		{&c.SAML.NameIDFormat, p.NameIDFormat},
		{&c.SAML.SLOBinding, p.SLOBinding},
	} {
		if *f.setting == "" {
			*f.setting = f.value
		}
	}
	return c
}

// short are the attribute names for providers that let one choose.
func short() sso.Attributes {
	return sso.Attributes{Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"}
}

const xmlsoap = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

// Presets are those that there are, the generic one last. The slice is yours to change.
func Presets() []Preset {
	return []Preset{
		{
			ID: "okta", Name: "Okta",
			Attributes: short(), NameIDFormat: formatEmail,
			SLOBinding: "post", // its help says that it takes logout requests so
			Ours: []Label{
				{"ACS", "Single sign-on URL"},
				{"EntityID", "Audience URI (SP Entity ID)"},
				{"Logout", "Single Logout URL"},
				{"EntityID", "SP Issuer"},
				{"Certificate", "Signature Certificate"},
			},
			Theirs: []Label{
				{"MetadataURL", "Metadata URL"},
				{"SSOURL", "Identity Provider Single Sign-On URL"},
				{"EntityID", "Identity Provider Issuer"},
				{"SLOURL", "Identity Provider Single Logout URL"},
				{"Certificates", "X.509 Certificate"},
			},
			Statements: []Statement{
				{"user.email", "email"}, {"user.firstName", "firstName"}, {"user.lastName", "lastName"},
				{"Group Attribute Statements", "groups"},
			},
			Quirks: []Quirk{QuirkUploadKey},
		},
		{
			ID: "entra", Name: "Microsoft Entra ID",
			Attributes: sso.Attributes{
				Subject: "http://schemas.microsoft.com/identity/claims/objectidentifier", // its NameID is an address, which may be given to another
				Email:   xmlsoap + "emailaddress", Name: "http://schemas.microsoft.com/identity/claims/displayname",
				GivenName: xmlsoap + "givenname", FamilyName: xmlsoap + "surname",
				Groups: "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
			},
			Ours: []Label{
				{"EntityID", "Identifier (Entity ID)"},
				{"ACS", "Reply URL (Assertion Consumer Service URL)"},
				{"Logout", "Logout Url (Optional)"},
			},
			Theirs: []Label{
				{"MetadataURL", "App Federation Metadata Url"},
				{"SSOURL", "Login URL"},
				{"EntityID", "Microsoft Entra Identifier"},
				{"SLOURL", "Logout URL"},
				{"Certificates", "Certificate (Base64)"},
			},
			Quirks: []Quirk{QuirkGroupIDs, QuirkGroupsLeftOut, QuirkMethods, QuirkContextRefused},
		},
		{
			ID: "google", Name: "Google Workspace",
			Attributes: short(), NameIDFormat: formatEmail,
			Ours:   []Label{{"ACS", "ACS URL"}, {"EntityID", "Entity ID"}},
			Theirs: []Label{{"SSOURL", "SSO URL"}, {"EntityID", "Entity ID"}, {"Certificates", "Certificate"}},
			Statements: []Statement{
				{"Primary email", "email"}, {"First name", "firstName"}, {"Last name", "lastName"}, {"Group membership", "groups"},
			},
			Quirks: []Quirk{QuirkNoLogout, QuirkNoMetadataURL, QuirkLeaveUnticked},
		},
		{
			ID: "onelogin", Name: "OneLogin",
			Attributes: short(), NameIDFormat: formatEmail,
			Ours: []Label{
				{"EntityID", "Audience (EntityID)"},
				{"ACS", "Recipient"},
				{"ACS", "ACS (Consumer) URL Validator"}, // a regular expression there
				{"ACS", "ACS (Consumer) URL"},
				{"Logout", "Single Logout URL"},
			},
			Theirs: []Label{
				{"MetadataURL", "Issuer URL"},
				{"SSOURL", "SAML 2.0 Endpoint (HTTP)"},
				{"EntityID", "Issuer URL"},
				{"SLOURL", "SLO Endpoint (HTTP)"},
				{"Certificates", "X.509 Certificate"},
			},
			Statements: []Statement{{"Email", "email"}, {"First Name", "firstName"}, {"Last Name", "lastName"}, {"MemberOf", "groups"}},
			Quirks:     []Quirk{QuirkSHA256, QuirkSignAssertion},
		},
		{
			ID: "adfs", Name: "AD FS",
			Attributes: sso.Attributes{
				Email: xmlsoap + "emailaddress", Name: xmlsoap + "name", GivenName: xmlsoap + "givenname", FamilyName: xmlsoap + "surname",
				Groups: "http://schemas.xmlsoap.org/claims/Group",
			},
			NameIDFormat: formatEmail,
			Ours: []Label{
				{"Metadata", "Federation metadata address (host name or URL)"},
				{"EntityID", "Relying party trust identifier"},
				{"ACS", "Relying party SAML 2.0 SSO service URL"},
			},
			Theirs: []Label{{"MetadataURL", "/FederationMetadata/2007-06/FederationMetadata.xml"}},
			Statements: []Statement{
				{"E-Mail-Addresses", "E-Mail Address"}, {"Display-Name", "Name"}, {"Given-Name", "Given Name"}, {"Surname", "Surname"},
				{"E-Mail Address", "Name ID"},
			},
			Quirks: []Quirk{QuirkNameIDRule, QuirkKeysRoll, QuirkInside, QuirkCBC, QuirkSHA256},
		},
		{
			ID: "lastpass", Name: "LastPass",
			Attributes: short(), NameIDFormat: formatEmail,
			Ours:       []Label{{"ACS", "ACS"}, {"EntityID", "Entity ID"}, {"Certificate", "Upload partner certificate"}},
			Theirs:     []Label{{"EntityID", "Identity Provider"}},
			Statements: []Statement{{"Email", "email"}, {"Groups", "groups"}},
			Quirks:     []Quirk{QuirkNoMetadataURL, QuirkSHA256, QuirkSignAssertion},
		},
		{
			ID: "generic", Name: "SAML 2.0",
			Ours:   []Label{{"Metadata", "metadata"}, {"EntityID", "entityID"}, {"ACS", "AssertionConsumerService"}, {"Logout", "SingleLogoutService"}},
			Theirs: []Label{{"MetadataURL", "metadata"}, {"EntityID", "entityID"}, {"SSOURL", "SingleSignOnService"}, {"SLOURL", "SingleLogoutService"}, {"Certificates", "X509Certificate"}},
		},
	}
}
