package oidc

import (
	"github.com/sallyport-auth/sallyport/internal/fetch"
	"github.com/sallyport-auth/sallyport/internal/openid"
	"github.com/sallyport-auth/sallyport/sso"
)

// Codes of what this package checks, beside those of package sso. Each says what was refused where a check failed.
const (
	CodeMethod        sso.Code = "callback_method"      // an answer by POST
	CodeHostedDomain  sso.Code = "hosted_domain"        // somebody of another company, at an issuer of many
	CodeLogoutMissing sso.Code = "logout_token_missing" // no logout token

	CodeCallbackMalformed  = sso.Code(openid.CallbackMalformed)  // neither a code nor an error, or something that is neither
	CodeCallbackDuplicate  = sso.Code(openid.CallbackDuplicate)  // a parameter twice
	CodeCallbackAmbiguous  = sso.Code(openid.CallbackAmbiguous)  // a code and an error
	CodeCallbackIssuer     = sso.Code(openid.CallbackIssuer)     // an answer of another provider (RFC 9207)
	CodeProviderError      = sso.Code(openid.ProviderError)      // the provider says no
	CodeRequestChanged     = sso.Code(openid.RequestChanged)     // the settings have changed since the request was made
	CodeDiscoveryFailed    = sso.Code(openid.DiscoveryFailed)    // its document cannot be had
	CodeDiscoveryMalformed = sso.Code(openid.DiscoveryMalformed) // it is not what it should be
	CodeDiscoveryIssuer    = sso.Code(openid.DiscoveryIssuer)    // it is somebody else's
	CodeDiscoveryEndpoint  = sso.Code(openid.DiscoveryEndpoint)  // an address in it is missing, or not https
	CodeKeysFailed         = sso.Code(openid.KeysFailed)         // its keys cannot be had
	CodeKeysMalformed      = sso.Code(openid.KeysMalformed)      // they are no key set, or hold no key that counts
	CodeTokenFailed        = sso.Code(openid.TokenFailed)        // the token address cannot be reached
	CodeTokenError         = sso.Code(openid.TokenError)         // it says no, and in one word why
	CodeTokenResponse      = sso.Code(openid.TokenResponse)      // an answer that is none
	CodeIDTokenMissing     = sso.Code(openid.TokenMissing)       // no ID token in it
	CodeIDTokenMalformed   = sso.Code(openid.TokenMalformed)     // not three parts of strict JSON
	CodeIDTokenType        = sso.Code(openid.TokenType)          // a token of another kind
	CodeIDTokenHeader      = sso.Code(openid.TokenHeader)        // it brings a key, or asks for what we do not know
	CodeIDTokenAlgorithm   = sso.Code(openid.TokenAlgorithm)     // signed in a way that does not count
	CodeIDTokenKey         = sso.Code(openid.TokenKey)           // signed by none of the provider's keys
	CodeIDTokenSignature   = sso.Code(openid.TokenSignature)     // the signature is not one of its text
	CodeIDTokenIssuer      = sso.Code(openid.TokenIssuer)        // made by another provider than the connection's
	CodeIDTokenAudience    = sso.Code(openid.TokenAudience)      // made for somebody else, or for others too
	CodeIDTokenParty       = sso.Code(openid.TokenParty)         // asked for by somebody else
	CodeIDTokenExpired     = sso.Code(openid.TokenExpired)       // no longer good, or without an end
	CodeIDTokenIssued      = sso.Code(openid.TokenIssued)        // not made just now
	CodeIDTokenNotBefore   = sso.Code(openid.TokenNotBefore)     // not good yet
	CodeIDTokenNonce       = sso.Code(openid.TokenNonce)         // not made for this request
	CodeIDTokenSubject     = sso.Code(openid.TokenSubject)       // names nobody
	CodeIDTokenAccessHash  = sso.Code(openid.TokenAccessHash)    // came with another access token
	CodeIDTokenAuthTime    = sso.Code(openid.TokenAuthTime)      // a fresh sign-in was demanded, and did not happen
	CodeIDTokenContext     = sso.Code(openid.TokenContext)       // not signed in as the connection demands
	CodeIDTokenOpinion     = sso.Code(openid.TokenOpinion)       // go-oidc refuses what we accept
	CodeUserInfoFailed     = sso.Code(openid.UserInfoFailed)     // the userinfo address cannot be reached
	CodeUserInfoResponse   = sso.Code(openid.UserInfoResponse)   // an answer that is none
	CodeUserInfoSubject    = sso.Code(openid.UserInfoSubject)    // it speaks of somebody else
	CodeLogoutEvent        = sso.Code(openid.LogoutEvent)        // no logout event
	CodeLogoutNonce        = sso.Code(openid.LogoutNonce)        // a nonce, which only ID tokens have
	CodeLogoutID           = sso.Code(openid.LogoutID)           // nothing names the token
	CodeLogoutNames        = sso.Code(openid.LogoutNames)        // nothing says whose sessions

	// Where a provider was to be asked.
	CodeFetchAddress  = sso.Code(fetch.BadAddress) // an address that nobody should be asked for
	CodeFetchScheme   = sso.Code(fetch.BadScheme)  // an address that is not https
	CodeFetchPrivate  = sso.Code(fetch.Private)    // an address of this machine or of a private network
	CodeFetchRedirect = sso.Code(fetch.Redirected) // an answer that points elsewhere
	CodeFetchTooLarge = sso.Code(fetch.TooLarge)   // an answer that is too long
	CodeFetchStatus   = sso.Code(fetch.BadStatus)  // an answer that is not 200
)
