package sso

// Codes, with what it means that one was not met. Those of SAML are checked by saml, those of OpenID by oidc; all are in one name space.
// [Explain] says each to an administrator.
const (
	// Of every protocol, checked by Manager.
	CodeUnsolicited       Code = "unsolicited"        // nobody asked for this answer, and the connection does not take such
	CodeRequestUnknown    Code = "request_unknown"    // the request that it answers is not under way: too old, or answered already
	CodeRequestConnection Code = "request_connection" // the request that it answers was made at another connection
	CodeBrowser           Code = "browser"            // it was asked for in another browser
	CodeMessage           Code = "message_malformed"  // what came is no message that a browser posts, has a parameter twice, or is too long
	CodeReplayed          Code = "replayed"           // this answer, or message, was used before
	CodeSubject           Code = "subject"            // nothing in it names the person for good
	CodeEmailMissing      Code = "email_missing"      // no e-mail address, or several
	CodeEmailInvalid      Code = "email_invalid"      // something that is no e-mail address
	CodeEmailUnverified   Code = "email_unverified"   // an address that the provider does not vouch for
	CodeEmailDomain       Code = "email_domain"       // an address in a domain that the connection does not speak for
	CodeSessionOver       Code = "session_over"       // the session at the provider has ended already
	CodeRole              Code = "role"               // never fails: which role the groups give
	CodeMultiFactor       Code = "multi_factor"       // never fails: whether a second step was asserted, and is believed

	// Of SAML: the signature.
	CodeSignatureMissing   Code = "signature_missing"   // what must be signed is not
	CodeSignatureMalformed Code = "signature_malformed" // a signature that is not built as SAML has it
	CodeAlgorithm          Code = "algorithm_refused"   // SHA-1, an HMAC, or anything else that is not on the list
	CodeSignatureKey       Code = "signature_key"       // signed by a key that the connection does not know
	CodeSignatureInvalid   Code = "signature_invalid"   // what was signed is not what came

	// Of SAML: the answer.
	CodeMalformed    Code = "malformed"            // not the small part of XML that is read, or too much of it
	CodeStructure    Code = "structure"            // not a Response with one assertion, or something where it does not belong
	CodeVersion      Code = "version"              // not SAML 2.0
	CodeStatus       Code = "status_not_success"   // the provider says that it did not sign the person in
	CodeDecryption   Code = "decryption_failed"    // nothing more is said: a reason would help to guess what is in it
	CodeIssuer       Code = "issuer_mismatch"      // from another provider
	CodeDestination  Code = "destination_mismatch" // sent to another address
	CodeIssued       Code = "issue_instant"        // made too long ago, or in the future
	CodeInResponseTo Code = "in_response_to"       // for another request, or for none
	CodeConfirmation Code = "subject_confirmation" // nobody may present it here
	CodeRecipient    Code = "recipient_mismatch"   // to be presented at another address
	CodeConditions   Code = "conditions"           // missing, or one that is not known
	CodeNotYet       Code = "not_yet_valid"        // counts from later on
	CodeExpired      Code = "expired"              // counts no longer, or does not say until when
	CodeAudience     Code = "audience_mismatch"    // for another service
	CodeStatement    Code = "authn_statement"      // it does not say when the person signed in
	CodeNotFresh     Code = "not_fresh"            // signed in before we asked for it to be done anew
	CodeContext      Code = "authn_context"        // signed in by other means than we asked for

	// Of SAML: metadata.
	CodeMetadataFetch   Code = "metadata_unreachable"      // the address does not answer with a document
	CodeMetadataXML     Code = "metadata_malformed"        // too large, too deep, or no metadata
	CodeMetadataDTD     Code = "metadata_dtd"              // it has a document type
	CodeMetadataEntity  Code = "metadata_entity"           // the entity that was asked for is not in it, or is there twice
	CodeMetadataSeveral Code = "metadata_several_entities" // it has several, and none was asked for
	CodeMetadataRole    Code = "metadata_role"             // the entity is no identity provider of SAML 2.0, or is several
	CodeMetadataExpired Code = "metadata_expired"          // its validUntil has passed
	CodeMetadataAddress Code = "metadata_address"          // an address that is not https
	CodeMetadataBinding Code = "metadata_binding"          // requests can be sent neither by Redirect nor by POST
	CodeMetadataKey     Code = "metadata_certificate"      // no certificate to check signatures with, or one that cannot be read

	// Of SAML: logout.
	CodeLogoutUnknown     Code = "logout_unknown"     // an answer to a sign-out that is not under way
	CodeLogoutNobody      Code = "logout_nobody"      // a request to end sessions that names none
	CodeLogoutOff         Code = "logout_off"         // we have no key, and so no single logout
	CodeLogoutMessage     Code = "logout_malformed"   // no message, two of them, too large, or not built as SAML has it
	CodeLogoutIssuer      Code = "logout_issuer"      // of another provider
	CodeLogoutDestination Code = "logout_destination" // for another address
	CodeLogoutTime        Code = "logout_time"        // too old, or from a time to come
	CodeLogoutName        Code = "logout_name"        // it does not say who is signed out, or in a way that is not read
	CodeLogoutReply       Code = "logout_reply"       // it answers no request of ours
	CodeLogoutStatus      Code = "logout_status"      // the provider could not sign the person out

	// Of OpenID: what the browser brought.
	CodeCallbackMalformed Code = "callback_malformed" // neither a code nor an error, or something that is neither
	CodeCallbackDuplicate Code = "callback_duplicate" // a parameter twice
	CodeCallbackAmbiguous Code = "callback_ambiguous" // a code and an error
	CodeCallbackIssuer    Code = "callback_issuer"    // an answer of another provider (RFC 9207)
	CodeCallbackMethod    Code = "callback_method"    // an answer by POST
	CodeProviderError     Code = "provider_error"     // the provider says no
	CodeRequestChanged    Code = "request_changed"    // the settings have changed since the request was made

	// Of OpenID: what the provider publishes.
	CodeDiscoveryFailed    Code = "discovery_failed"    // its document cannot be had
	CodeDiscoveryMalformed Code = "discovery_malformed" // it is not what it should be
	CodeDiscoveryIssuer    Code = "discovery_issuer"    // it is somebody else's
	CodeDiscoveryEndpoint  Code = "discovery_endpoint"  // an address in it is missing, or not https
	CodeKeysFailed         Code = "keys_failed"         // its keys cannot be had
	CodeKeysMalformed      Code = "keys_malformed"      // not a set of public keys

	// Of OpenID: what the token address answers.
	CodeTokenFailed   Code = "token_failed"     // the token address cannot be reached
	CodeTokenError    Code = "token_error"      // it says no, and in one word why
	CodeTokenResponse Code = "token_response"   // an answer that is none
	CodeTokenMissing  Code = "id_token_missing" // no ID token in it

	// Of OpenID: the ID token, and the logout token.
	CodeTokenMalformed     Code = "id_token_malformed"      // not three parts of strict JSON
	CodeTokenType          Code = "id_token_type"           // a token of another kind
	CodeTokenHeader        Code = "id_token_header"         // it brings a key, or asks for what we do not know
	CodeTokenAlgorithm     Code = "id_token_algorithm"      // an algorithm that is not on the list
	CodeTokenKey           Code = "id_token_key"            // signed by none of the provider's keys
	CodeTokenSignature     Code = "id_token_signature"      // not what the provider has signed
	CodeTokenIssuer        Code = "id_token_issuer"         // by another provider
	CodeTokenAudience      Code = "id_token_audience"       // for another application
	CodeTokenParty         Code = "id_token_azp"            // asked for by another application
	CodeTokenExpired       Code = "id_token_expired"        // counts no longer
	CodeTokenIssued        Code = "id_token_issued_at"      // made too long ago, or in the future
	CodeTokenNotBefore     Code = "id_token_not_before"     // counts from later on
	CodeTokenNonce         Code = "id_token_nonce"          // for another sign-in
	CodeTokenSubject       Code = "id_token_subject"        // it names nobody
	CodeTokenAccessHash    Code = "id_token_at_hash"        // it came with another access token
	CodeTokenAuthTime      Code = "id_token_auth_time"      // signed in before we asked for it to be done anew
	CodeTokenContext       Code = "id_token_acr"            // signed in by other means than we asked for
	CodeTokenOpinion       Code = "id_token_second_opinion" // a second check refuses what the first accepts
	CodeUserInfoFailed     Code = "userinfo_failed"         // the userinfo address cannot be reached
	CodeUserInfoResponse   Code = "userinfo_response"       // not what it should be
	CodeUserInfoSubject    Code = "userinfo_subject"        // of somebody else
	CodeHostedDomain       Code = "hosted_domain"           // of another company, at an issuer that many share
	CodeLogoutTokenMissing Code = "logout_token_missing"    // no logout token, or two
	CodeLogoutTokenEvent   Code = "logout_token_event"      // no logout event
	CodeLogoutTokenNonce   Code = "logout_token_nonce"      // a nonce, which only ID tokens have
	CodeLogoutTokenID      Code = "logout_token_id"         // nothing names the token
	CodeLogoutTokenNames   Code = "logout_token_names"      // nothing says whose sessions

	// Of what is fetched from a provider.
	CodeFetchAddress     Code = "fetch_address"     // not an address that anything is fetched from
	CodeFetchScheme      Code = "fetch_scheme"      // not https
	CodeFetchPrivate     Code = "fetch_private"     // an address of this machine, of a private network, or of nobody
	CodeFetchRedirect    Code = "fetch_redirect"    // the answer points elsewhere
	CodeFetchTooLarge    Code = "fetch_too_large"   // more than is read
	CodeFetchStatus      Code = "fetch_status"      // not 200
	CodeFetchTimeout     Code = "fetch_timeout"     // no answer in time
	CodeFetchName        Code = "fetch_name"        // the name leads to no address
	CodeFetchCertificate Code = "fetch_certificate" // the certificate is not one for this name, by somebody whom we trust
	CodeFetchUnreachable Code = "fetch_unreachable" // anything else
)

// A Reason is what somebody who stands before the page learns of a refusal. Reasons are stable, and say nothing about the connection
// that an outsider could use.
type Reason string

const (
	ReasonFailed         Reason = "sso_failed"          // it did not work; whoever runs the connection can see why
	ReasonExpired        Reason = "sso_expired"         // it took too long: begin again
	ReasonReplayed       Reason = "sso_replayed"        // this answer was used before: begin again
	ReasonUnsolicited    Reason = "sso_unsolicited"     // nobody asked: begin here
	ReasonNoEmail        Reason = "sso_no_email"        // the company did not say which address
	ReasonDomainMismatch Reason = "sso_domain_mismatch" // an address that is not the company's
)

// Public is what whoever stands before the page may learn.
func (r *Refusal) Public() Reason {
	switch r.Code {
	case CodeRequestUnknown, CodeBrowser, CodeSessionOver, CodeExpired, CodeTokenExpired:
		return ReasonExpired
	case CodeReplayed:
		return ReasonReplayed
	case CodeUnsolicited:
		return ReasonUnsolicited
	case CodeEmailMissing, CodeEmailInvalid, CodeEmailUnverified:
		return ReasonNoEmail
	case CodeEmailDomain:
		return ReasonDomainMismatch
	}
	return ReasonFailed
}
