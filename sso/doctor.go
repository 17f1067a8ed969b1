package sso

import (
	"strconv"
	"strings"
)

// Explain says a check in plain English to whoever runs a connection: what was looked at and, where it is not met, what was expected,
// what came, and what to do. It is plain text: a provider wrote parts of it, so escape it. A code that is not known is named.
func Explain(code Code, check Check) string {
	e := explanationOf(code)
	// Two that never fail have something to say where nothing came.
	if tells := (code == CodeRole || code == CodeMultiFactor) && check.Received == ""; check.OK && !tells {
		return e.ok(check)
	}
	text := e.Wrong
	if check.Expected == "" && check.Received == "" {
		text = strings.ReplaceAll(text, " Expected: {expected}; came: {received}.", "")
	}
	if check.Received == "" {
		text = strings.ReplaceAll(text, ": {received}.", ".")
	}
	text = strings.NewReplacer("{expected}", quoted(check.Expected), "{received}", quoted(check.Received)).Replace(text)
	if !strings.Contains(e.Wrong, "{expected}") && check.Expected != "" {
		text += " Expected: " + quoted(check.Expected) + "."
	}
	if !strings.Contains(e.Wrong, "{received}") && check.Received != "" {
		text += " What came: " + quoted(check.Received) + "."
	}
	if check.Detail != "" {
		text += " To be exact: " + printable(check.Detail) + "."
	}
	if why := Code(check.Received); strings.HasPrefix(check.Received, "fetch_") && why != code {
		text += " " + strings.ReplaceAll(explanationOf(why).Wrong, ": {received}", "")
	}
	return text + " " + e.Do
}

// quoted is a text of a provider in a sentence.
func quoted(s string) string {
	if s = printable(s); s == "" {
		return "nothing"
	}
	return strconv.Quote(s)
}

// An explanation is what an administrator reads about a code.
type explanation struct {
	Name  string // what is looked at
	Wrong string // what is not as it should be, with {expected} and {received}
	Do    string // what may help
}

func (e explanation) ok(check Check) string {
	if check.Received == "" {
		return e.Name + ": as it should be."
	}
	return e.Name + ": " + quoted(check.Received) + "."
}

func explanationOf(code Code) explanation {
	switch code {
	case CodeUnsolicited:
		return explanation{
			"Begun here",
			"Nobody here has asked for this answer: the person began at a page of the provider.",
			"Let people begin at the sign-in page of this product, or allow sign-ins that begin at the provider (IdP-initiated) on this connection.",
		}
	case CodeRequestUnknown:
		return explanation{
			"Request under way",
			"The request that this answers is not known any more: it is older than ten minutes, or was answered before.",
			"Begin again. If it happens to everybody, check that all servers of this product share one database, and that the provider returns RelayState, or state, as it came.",
		}
	case CodeRequestConnection:
		return explanation{
			"Same connection",
			"The answer came to the address of another connection ({received}) than the one that asked ({expected}).",
			"Compare the reply address (ACS URL, redirect URI) at the provider with the one that is shown for this connection.",
		}
	case CodeBrowser:
		return explanation{
			"Same browser",
			"The sign-in was begun in another browser, or the browser has kept no cookie of this product.",
			"Begin and finish in one browser window, with cookies allowed. If it happens to everybody, the address that people use differs from the one this product is configured with.",
		}
	case CodeMessage:
		return explanation{
			"Form of the message",
			"What came is not one message in a form that a browser posts.",
			"SAML answers must be sent by HTTP-POST, with SAMLResponse once, in base64. Choose that binding for the ACS URL at the provider.",
		}
	case CodeReplayed:
		return explanation{
			"Used for the first time",
			"This very message was used before, and counts only once.",
			"Begin again. Nothing is to be changed unless it happens often: then somebody or something sends messages twice, for instance a proxy that repeats requests.",
		}
	case CodeSubject:
		return explanation{
			"Name of the person",
			"Nothing in the answer can name the person for good.",
			"At the provider, choose a claim for NameID (or Subject) that every person has and that never changes, such as a persistent identifier. Transient names do not do.",
		}
	case CodeEmailMissing:
		return explanation{
			"E-mail address",
			"The answer has no single e-mail address where one was looked for.",
			"Let the provider send the address in an attribute (claim) named email, or enter the name of the attribute that has it under Attributes. Check that this person has an address there.",
		}
	case CodeEmailInvalid:
		return explanation{
			"Form of the e-mail address",
			"What the answer gives as e-mail address is none: {received}.",
			"The attribute may hold a login name instead. Choose one that has one full address, or correct it for this person at the provider.",
		}
	case CodeEmailUnverified:
		return explanation{
			"Checked e-mail address",
			"The provider does not say that it has checked the e-mail address (email_verified).",
			"Let it send email_verified. For a provider that never does, such as Entra ID, allow unverified addresses on this connection: they count in the proved domains alone.",
		}
	case CodeEmailDomain:
		return explanation{
			"Domain of the e-mail address",
			"The address is in the domain {received}, and this connection may speak for {expected}.",
			"Prove that domain as the company's own and add it to this connection, or let the provider send addresses in a proved one. Sub-domains are domains of their own.",
		}
	case CodeSessionOver:
		return explanation{
			"Session at the provider",
			"The provider wants the session to be over at {received}, which has passed.",
			"Compare the clocks, and the length of sessions at the provider (SessionNotOnOrAfter).",
		}
	case CodeRole:
		return explanation{
			"Role",
			"None of the person's groups gives a role.",
			"Nothing is wrong. To give roles by groups, let the provider send groups, and write rules that name them as they are sent.",
		}
	case CodeMultiFactor:
		return explanation{
			"Second step",
			"The provider does not say that it has asked for a second step.",
			"Nothing is wrong: this product asks for its own where one is required. To count the provider's, name the values that it sends for one under MultiFactor.",
		}
	case CodeSignatureMissing:
		return explanation{
			"Signature",
			"What must be signed has no signature. Expected: {expected}.",
			"Let the provider sign the assertion. Only if it cannot, choose on this connection that a signature of the whole answer counts.",
		}
	case CodeSignatureMalformed:
		return explanation{
			"Form of the signature",
			"The signature is not built as SAML prescribes.",
			"This is not a setting: either the provider's software is at fault, or somebody has changed the answer on its way. Report it to the provider's maker with the details.",
		}
	case CodeAlgorithm:
		return explanation{
			"Algorithm of the signature",
			"The signature is made by {received}, which is not safe. Accepted: {expected}.",
			"Choose RSA-SHA256 (or better, or ECDSA) for signing and SHA-256 for digests at the provider. SHA-1 is refused.",
		}
	case CodeSignatureKey:
		return explanation{
			"Key of the signature",
			"The signature is by a key that this connection does not know. Known certificates: {expected}.",
			"The provider has probably changed its certificate: read its metadata again, approve the new certificate if it is held, or upload it.",
		}
	case CodeSignatureInvalid:
		return explanation{
			"Content of the signature",
			"What came is not what the provider has signed.",
			"Something between the provider and this product changes answers, or somebody tries to forge them. If the person sees it again, look for proxies and browser extensions that rewrite pages.",
		}
	case CodeMalformed:
		return explanation{
			"Form of the answer",
			"The answer cannot be read: it is too large, or has XML that is refused, such as a document type or comments.",
			"Providers do not send such answers by themselves. If it is too large, send fewer groups: only those that rules name.",
		}
	case CodeStructure:
		return explanation{
			"Structure of the answer",
			"The answer is not one Response with one assertion. Expected: {expected}; came: {received}.",
			"Choose SAML 2.0 and the usual web sign-on profile at the provider. If the provider is configured so, somebody has put the answer together by hand.",
		}
	case CodeVersion:
		return explanation{
			"Version",
			"The answer is of version {received}, not SAML 2.0.",
			"Choose SAML 2.0 at the provider; older versions and WS-Federation are other protocols.",
		}
	case CodeStatus:
		return explanation{
			"Status",
			"The provider answers that it has not signed the person in: {received}.",
			"Look into the provider's own sign-in log. Often the person is not assigned to this application, has cancelled, or the provider cannot give what we asked for (NameID format, authentication context).",
		}
	case CodeDecryption:
		return explanation{
			"Encryption",
			"The encrypted assertion could not be accepted. No more is said, because a reason would help to guess what is in it.",
			"Give the provider the encryption certificate of our current metadata, and choose AES-GCM with RSA-OAEP. Or switch encryption off: the answer travels over TLS anyway.",
		}
	case CodeIssuer:
		return explanation{
			"Issuer",
			"The answer is issued by {received}; this connection is for {expected}.",
			"If the provider has been renamed or moved, enter its new entity ID here, best by its metadata. Otherwise the person came from the provider of somebody else.",
		}
	case CodeDestination:
		return explanation{
			"Destination",
			"The answer is meant for the address {received}; it came to {expected}.",
			"Enter the latter as reply address (ACS URL, Single sign-on URL) at the provider, byte by byte, without a slash more or less.",
		}
	case CodeIssued:
		return explanation{
			"Time of issue",
			"The answer says that it was made at {received}; it is {expected} here.",
			"Set the clock of the provider, or of this server, by a time server: two minutes of difference are accepted. If the clocks are right, the answer waited too long on its way.",
		}
	case CodeInResponseTo:
		return explanation{
			"Request that is answered",
			"The answer says that it is for the request {received}; we have asked {expected}.",
			"Begin again, in one window. If it stays, the provider mixes answers up, or sends them without InResponseTo although we asked.",
		}
	case CodeConfirmation:
		return explanation{
			"Confirmation of the subject",
			"The assertion does not say that a browser may present it here (bearer, with SubjectConfirmationData).",
			"Choose the web browser sign-on profile at the provider. Holder-of-key and sender-vouches are for other uses.",
		}
	case CodeRecipient:
		return explanation{
			"Recipient",
			"The assertion may be presented at {received} only; this is {expected}.",
			"Enter the latter as recipient at the provider; most take it from the reply address (ACS URL).",
		}
	case CodeConditions:
		return explanation{
			"Conditions",
			"The assertion has no conditions, has them twice, or has one that is not known: {received}.",
			"Remove what is beyond the usual (a time frame and an audience) from the provider's settings for this application.",
		}
	case CodeNotYet:
		return explanation{
			"Beginning of validity",
			"The assertion counts from {received} on; it is {expected} here.",
			"One of the two clocks is off: set both by a time server. Some providers can let assertions count from a little earlier on.",
		}
	case CodeExpired:
		return explanation{
			"End of validity",
			"The assertion counts until {received} only; it is {expected} here.",
			"Begin again. If it happens to everybody, the provider's clock is behind, or assertions live too short there: five minutes are usual.",
		}
	case CodeAudience:
		return explanation{
			"Audience",
			"The answer names {received} as its audience; this connection is {expected}.",
			"Enter the latter as Audience or Entity ID (also: SP entity ID, Identifier) at the provider, byte by byte.",
		}
	case CodeStatement:
		return explanation{
			"Statement about the sign-in",
			"The assertion does not say properly when and how the person has signed in (AuthnStatement).",
			"Choose a sign-on application at the provider: what it sent is an assertion for something else.",
		}
	case CodeNotFresh:
		return explanation{
			"Fresh sign-in",
			"We asked for the person to sign in anew; the provider says that it was at {received}.",
			"Let the provider heed ForceAuthn, or prompt=login and max_age, for this application.",
		}
	case CodeContext:
		return explanation{
			"Means of the sign-in",
			"The person has signed in by {received}; this connection asks for {expected}.",
			"Let the provider ask for it, or change what the connection asks for to a value that the provider knows.",
		}
	case CodeMetadataFetch:
		return explanation{
			"Address of the metadata",
			"The address of the metadata does not answer with a document. Expected: {expected}; came: {received}.",
			"Open the address in a private window: it must show XML without signing in, and be reachable from the internet. Or upload the document.",
		}
	case CodeMetadataXML:
		return explanation{
			"Form of the metadata",
			"The document is no SAML 2.0 metadata, or too large.",
			"Use the provider's federation metadata (an EntityDescriptor), not a page about it.",
		}
	case CodeMetadataDTD:
		return explanation{
			"Document type of the metadata",
			"The document has a document type (DOCTYPE), which is not read.",
			"Often this is a web page, such as a sign-in page, instead of metadata. Otherwise take that line out and upload the document.",
		}
	case CodeMetadataEntity:
		return explanation{
			"Entity in the metadata",
			"The metadata is about {received}, not once about {expected}.",
			"Use the metadata of the provider that this connection is for, or correct the entity ID here. For another provider add another connection.",
		}
	case CodeMetadataSeveral:
		return explanation{
			"Number of entities in the metadata",
			"The metadata is about {received} entities, and it is not known which one is meant.",
			"Enter the entity ID of your provider next to the address.",
		}
	case CodeMetadataRole:
		return explanation{
			"Role in the metadata",
			"The metadata does not describe one identity provider of SAML 2.0. Expected: {expected}; came: {received}.",
			"Take the metadata of the identity provider, not that of an application (service provider).",
		}
	case CodeMetadataExpired:
		return explanation{
			"Validity of the metadata",
			"The metadata was valid until {received}.",
			"The provider must publish it anew. If you have uploaded a file, download a new one.",
		}
	case CodeMetadataAddress:
		return explanation{
			"Addresses in the metadata",
			"An address is not https, or not one at all: {received}.",
			"Let the provider use https for its sign-on and logout addresses.",
		}
	case CodeMetadataBinding:
		return explanation{
			"Bindings in the metadata",
			"The provider takes requests neither by HTTP-Redirect nor by HTTP-POST.",
			"Switch one of the two on at the provider; artifact and SOAP are not spoken here.",
		}
	case CodeMetadataKey:
		return explanation{
			"Certificates in the metadata",
			"The metadata has no certificate for signatures that can be used. Came: {received}.",
			"The provider needs a signing certificate with an RSA key of 2048 bits at least, or an elliptic one.",
		}
	case CodeLogoutUnknown:
		return explanation{
			"Sign-out under way",
			"This answers a sign-out that is not known any more, or that never was.",
			"Nothing is to be done: the person is signed out here.",
		}
	case CodeLogoutNobody:
		return explanation{
			"Sessions to end",
			"The provider asks to end sessions, and names neither a person nor a session.",
			"Let it send NameID, or sub or sid.",
		}
	case CodeLogoutOff:
		return explanation{
			"Single logout",
			"Single logout is not possible here: this product has no key to sign its messages with.",
			"Remove the logout address at the provider, or ask who runs this product for a signing key.",
		}
	case CodeLogoutMessage:
		return explanation{
			"Form of the logout message",
			"What came to the logout address is no logout message of SAML. Expected: {expected}; came: {received}.",
			"Check that the logout address (SLO URL) at the provider is the one that is shown for this connection, by Redirect or POST.",
		}
	case CodeLogoutIssuer:
		return explanation{
			"Issuer of the logout message",
			"The logout message is of {received}; this connection is for {expected}.",
			"The logout address of this connection is configured at another provider too: give each its own.",
		}
	case CodeLogoutDestination:
		return explanation{
			"Destination of the logout message",
			"The logout message is meant for {received}; it came to {expected}.",
			"Enter the latter as logout address (SLO URL) at the provider, byte by byte.",
		}
	case CodeLogoutTime:
		return explanation{
			"Time of the logout message",
			"The logout message was made at {received}; expected was {expected}.",
			"Set the clocks of the provider and of this server by a time server.",
		}
	case CodeLogoutName:
		return explanation{
			"Name in the logout message",
			"The logout message does not say in a readable way who is signed out. Expected: {expected}; came: {received}.",
			"Let the provider write the NameID of logout messages in the clear, in the format of the sign-in.",
		}
	case CodeLogoutReply:
		return explanation{
			"Request of the logout answer",
			"The answer does not say which sign-out of ours it is for.",
			"Let the provider return RelayState and InResponseTo as they came.",
		}
	case CodeLogoutStatus:
		return explanation{
			"Status of the logout",
			"The provider could not sign the person out there.",
			"The session here has ended. Look into the provider's log for why that one has not.",
		}
	case CodeCallbackMalformed:
		return explanation{
			"Form of the callback",
			"The browser came back with neither a code nor an error.",
			"Choose the authorization code flow (response type code, response mode query) for this application at the provider.",
		}
	case CodeCallbackDuplicate:
		return explanation{
			"Parameters of the callback",
			"A parameter stands twice in the address that the browser came back with.",
			"Somebody has put the address together by hand, or a proxy adds parameters. Begin again.",
		}
	case CodeCallbackAmbiguous:
		return explanation{
			"Outcome of the callback",
			"The provider says both yes and no: a code and an error.",
			"Begin again. If it stays, the provider's software is at fault.",
		}
	case CodeCallbackMethod:
		return explanation{
			"Way of the answer",
			"The answer was posted; OpenID answers are taken from the address alone.",
			"Choose the response mode query (the default of the code flow) at the provider, not form_post.",
		}
	case CodeCallbackIssuer:
		return explanation{
			"Issuer of the callback",
			"The answer is of {received}; this connection is for {expected}.",
			"Enter the issuer exactly as the provider writes it. If it is not your provider's, somebody tried to mix providers up.",
		}
	case CodeProviderError:
		return explanation{
			"Error of the provider",
			"The provider has not signed the person in: {received}.",
			"access_denied: the person is not assigned to this application, or has cancelled. invalid_scope, unauthorized_client: the application's settings at the provider do not allow what we ask for. Its sign-in log says more.",
		}
	case CodeRequestChanged:
		return explanation{
			"Settings since the request",
			"The settings of this connection have changed while the person was signing in.",
			"Begin again.",
		}
	case CodeDiscoveryFailed:
		return explanation{
			"Discovery document",
			"The provider's configuration (issuer followed by /.well-known/openid-configuration) cannot be had: {received}.",
			"Open that address in a browser. It must be reachable from the internet, over https.",
		}
	case CodeDiscoveryMalformed:
		return explanation{
			"Form of the discovery document",
			"The provider's configuration is not what OpenID prescribes. Expected: {expected}; came: {received}.",
			"Check the issuer: it must be that of an OpenID provider with the authorization code flow.",
		}
	case CodeDiscoveryIssuer:
		return explanation{
			"Issuer of the discovery document",
			"The provider calls itself {received}; this connection is for {expected}.",
			"Enter the issuer byte by byte as the provider's configuration has it, with or without a slash at the end. Of Entra ID take the address with your tenant, not common.",
		}
	case CodeDiscoveryEndpoint:
		return explanation{
			"Addresses of the provider",
			"An address in the provider's configuration is missing or not https. Expected: {expected}; came: {received}.",
			"The provider's software must publish it; this is not a setting here.",
		}
	case CodeKeysFailed:
		return explanation{
			"Keys of the provider",
			"The provider's keys (jwks_uri) cannot be had: {received}.",
			"The address must be reachable from the internet. Try again later.",
		}
	case CodeKeysMalformed:
		return explanation{
			"Form of the provider's keys",
			"The provider's keys are no proper set of public keys. Expected: {expected}.",
			"The provider's software must publish a JSON Web Key Set of at most 100 public keys.",
		}
	case CodeTokenFailed:
		return explanation{
			"Token address",
			"The provider's token address cannot be reached: {received}.",
			"Try again later. If it stays, a firewall may keep this server from it.",
		}
	case CodeTokenError:
		return explanation{
			"Answer of the token address",
			"The provider refuses to exchange the code: {received}.",
			"invalid_client: the client secret is wrong or has expired, or the provider expects another authentication method (basic, post, private key). invalid_grant: the code was used or waited too long, or the redirect URI differs. Begin again after each change.",
		}
	case CodeTokenResponse:
		return explanation{
			"Form of the token answer",
			"The token address does not answer as OpenID prescribes. Expected: {expected}; came: {received}.",
			"Something between may answer instead, such as a firewall's page.",
		}
	case CodeTokenMissing:
		return explanation{
			"ID token",
			"The provider has answered without an ID token.",
			"Allow the scope openid for this application at the provider: without it the answer is one of plain OAuth.",
		}
	case CodeTokenMalformed:
		return explanation{
			"Form of the token",
			"The token is not a signed JSON Web Token. Expected: {expected}.",
			"Switch encryption of ID tokens off at the provider. Otherwise its software is at fault.",
		}
	case CodeTokenType:
		return explanation{
			"Kind of the token",
			"The token is of the kind {received}. Expected: {expected}.",
			"The provider has sent an access token or something else in its place.",
		}
	case CodeTokenHeader:
		return explanation{
			"Header of the token",
			"The token brings along something that is refused: {received}.",
			"Tokens must be signed by a key that the provider publishes, and not bring their own.",
		}
	case CodeTokenAlgorithm:
		return explanation{
			"Algorithm of the token",
			"The token is signed by {received}. Accepted: {expected}.",
			"Choose RS256, or ES256, for ID tokens of this application at the provider. HS256 and none are refused.",
		}
	case CodeTokenKey:
		return explanation{
			"Key of the token",
			"The token is signed by a key that the provider does not publish: {received}.",
			"Try again in a minute: the provider may have changed its keys. If it stays, the issuer may be one of another tenant or server.",
		}
	case CodeTokenSignature:
		return explanation{
			"Signature of the token",
			"The signature of the token is not right.",
			"Somebody has changed it, or the provider publishes a wrong key under this name.",
		}
	case CodeTokenIssuer:
		return explanation{
			"Issuer of the token",
			"The token is issued by {received}; this connection is for {expected}.",
			"Enter the issuer byte by byte as the provider writes it. Of Entra ID it has your tenant's ID in it.",
		}
	case CodeTokenAudience:
		return explanation{
			"Audience of the token",
			"The token is for the application {received}; this connection is {expected}.",
			"Compare the client ID here with that of the application at the provider.",
		}
	case CodeTokenParty:
		return explanation{
			"Authorized party of the token",
			"The token was made for {received} to use; this connection is {expected}.",
			"Take other applications out of the audience of this one at the provider.",
		}
	case CodeTokenExpired:
		return explanation{
			"End of the token",
			"The token counts until {received} only; it is {expected} here.",
			"Begin again. If it happens to everybody, one of the clocks is off, or ID tokens live too short there.",
		}
	case CodeTokenIssued:
		return explanation{
			"Time of the token",
			"The token says that it was made at {received}; it is {expected} here.",
			"Set the clocks of the provider and of this server by a time server.",
		}
	case CodeTokenNotBefore:
		return explanation{
			"Beginning of the token",
			"The token counts from {received} on; it is {expected} now.",
			"One of the clocks is off: set both by a time server.",
		}
	case CodeTokenNonce:
		return explanation{
			"Nonce of the token",
			"The token is for another sign-in than this one.",
			"Begin again. If it stays, the provider does not return nonce as it came, or somebody uses a code of another person.",
		}
	case CodeTokenSubject:
		return explanation{
			"Subject of the token",
			"The token does not name the person (sub).",
			"OpenID prescribes it: the provider's software is at fault.",
		}
	case CodeTokenAccessHash:
		return explanation{
			"Access token",
			"The ID token belongs to another access token than the one that came with it.",
			"Begin again. If it stays, the provider's software is at fault.",
		}
	case CodeTokenAuthTime:
		return explanation{
			"Time of the sign-in",
			"The token says that the person signed in there at {received}, which was not asked for or cannot be.",
			"Where that lies ahead, one of the clocks is off. Otherwise we asked for the person to sign in anew: let the provider heed prompt=login and max_age, and send auth_time, for this application.",
		}
	case CodeTokenContext:
		return explanation{
			"Authentication context of the token",
			"The person has signed in by {received} (acr); this connection asks for {expected}.",
			"Let the provider ask for it, or change ACR of the connection to a value that the provider knows.",
		}
	case CodeTokenOpinion:
		return explanation{
			"Second check of the token",
			"A second, independent check has refused the token.",
			"Report it to whoever runs this product, with the time: the provider sends something unusual.",
		}
	case CodeUserInfoFailed:
		return explanation{
			"Userinfo address",
			"The provider's userinfo address cannot be reached: {received}.",
			"Try again later, or switch userinfo off if the ID token has all claims.",
		}
	case CodeUserInfoResponse:
		return explanation{
			"Form of the userinfo answer",
			"The userinfo address does not answer with a JSON object.",
			"Switch signing and encryption of userinfo off at the provider, or do not ask for it.",
		}
	case CodeUserInfoSubject:
		return explanation{
			"Subject of the userinfo answer",
			"The userinfo address speaks of {received}, the token of {expected}.",
			"Both must name the person alike: choose the same subject type for both at the provider.",
		}
	case CodeHostedDomain:
		return explanation{
			"Company at a shared issuer",
			"This issuer signs in people of many companies, and others too. The ID token says that the person is of {received}; this connection is for {expected}.",
			"The person has to sign in with the company's account (of its Google Workspace), not with one of their own that has the same address. Or prove the domain as the company's and add it to this connection.",
		}
	case CodeLogoutTokenMissing:
		return explanation{
			"Presence of a logout token",
			"What was posted has no logout token, or two.",
			"Enter this address as back-channel logout URI at the provider. SAML single logout and front-channel logout do not work with OpenID connections.",
		}
	case CodeLogoutTokenEvent:
		return explanation{
			"Event of the logout token",
			"The token that came to the logout address announces no logout.",
			"Enter the address as back-channel logout URI at the provider, and for nothing else.",
		}
	case CodeLogoutTokenNonce:
		return explanation{
			"Nonce in the logout token",
			"The logout token has a nonce, which only ID tokens have: somebody may use one for the other.",
			"The provider's software is at fault if it has made it.",
		}
	case CodeLogoutTokenID:
		return explanation{
			"ID of the logout token",
			"The logout token has no jti, and could be used again.",
			"The provider's software must send one.",
		}
	case CodeLogoutTokenNames:
		return explanation{
			"Names in the logout token",
			"The logout token names neither a person (sub) nor a session (sid).",
			"Let the provider send one of them.",
		}
	case CodeFetchAddress:
		return explanation{
			"Form of the address",
			"This is not an address that anything is fetched from: {received}.",
			"Enter a full address that begins with https:// and has no user name in it.",
		}
	case CodeFetchScheme:
		return explanation{
			"Scheme of the address",
			"The address is not https.",
			"Use https: what decides who may sign in must not come over an open line.",
		}
	case CodeFetchPrivate:
		return explanation{
			"Network of the address",
			"The address leads into a private network, where nothing is fetched from.",
			"The provider must be reachable from the internet. Otherwise upload its metadata.",
		}
	case CodeFetchRedirect:
		return explanation{
			"Redirect of the address",
			"The address points to another one: {received}. That is not followed.",
			"If the other address is the provider's, enter it instead.",
		}
	case CodeFetchTooLarge:
		return explanation{
			"Size of the answer",
			"What is there is larger than anything that is read here.",
			"Take the document of your provider alone, not that of a whole federation.",
		}
	case CodeFetchStatus:
		return explanation{
			"Status of the address",
			"The address answers with the status {received}.",
			"Open it in a private window: it must answer without signing in.",
		}
	case CodeFetchTimeout:
		return explanation{
			"Time of the address",
			"The address does not answer in time.",
			"Try again later; a firewall that drops requests looks like this too.",
		}
	case CodeFetchName:
		return explanation{
			"Host of the address",
			"The name of the host is not known to the internet.",
			"Check it for slips; a name that only a company network knows cannot be reached from here.",
		}
	case CodeFetchCertificate:
		return explanation{
			"Certificate of the host",
			"The host's own certificate (TLS) is not for this name, has expired, or is by nobody who is trusted.",
			"The provider needs one by a public authority, sent with its intermediates.",
		}
	case CodeFetchUnreachable:
		return explanation{
			"Reach of the host",
			"The host cannot be reached.",
			"Try again later. If it stays, a firewall may be in between.",
		}
	}
	return explanation{
		"The check " + quoted(string(code)),
		"The check " + quoted(string(code)) + " is not met. Expected: {expected}; came: {received}.",
		"Nothing more is known about it here.",
	}
}
