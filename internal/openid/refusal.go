package openid

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport/internal/fetch"
)

// A Code says what was checked, or what failed. Codes are stable. Those of package fetch come along with its refusals.
type Code string

const (
	// What the browser brought.
	CallbackMalformed Code = "callback_malformed" // neither a code nor an error, or something that is neither
	CallbackDuplicate Code = "callback_duplicate" // a parameter twice
	CallbackAmbiguous Code = "callback_ambiguous" // a code and an error
	CallbackIssuer    Code = "callback_issuer"    // an answer of another provider (RFC 9207)
	ProviderError     Code = "provider_error"     // the provider says no
	RequestChanged    Code = "request_changed"    // the settings have changed since the request was made

	// What the provider publishes.
	DiscoveryFailed    Code = "discovery_failed"    // its document cannot be had
	DiscoveryMalformed Code = "discovery_malformed" // it is not what it should be
	DiscoveryIssuer    Code = "discovery_issuer"    // it is somebody else's
	DiscoveryEndpoint  Code = "discovery_endpoint"  // an address in it is missing, or not https
	KeysFailed         Code = "keys_failed"         // its keys cannot be had
	KeysMalformed      Code = "keys_malformed"

	// What it answers.
	TokenFailed   Code = "token_failed"     // the token address cannot be reached
	TokenError    Code = "token_error"      // it says no, and in one word why
	TokenResponse Code = "token_response"   // an answer that is none
	TokenMissing  Code = "id_token_missing" // no ID token in it

	// The ID token, and the logout token.
	TokenMalformed  Code = "id_token_malformed" // not three parts of strict JSON
	TokenType       Code = "id_token_type"      // a token of another kind
	TokenHeader     Code = "id_token_header"    // it brings a key, or asks for what we do not know
	TokenAlgorithm  Code = "id_token_algorithm"
	TokenKey        Code = "id_token_key" // signed by none of the provider's keys
	TokenSignature  Code = "id_token_signature"
	TokenIssuer     Code = "id_token_issuer"
	TokenTenant     Code = "id_token_tid" // of a tenant that is not among those that may
	TokenAudience   Code = "id_token_audience"
	TokenParty      Code = "id_token_azp"
	TokenExpired    Code = "id_token_expired"
	TokenIssued     Code = "id_token_issued_at"
	TokenNotBefore  Code = "id_token_not_before"
	TokenNonce      Code = "id_token_nonce"
	TokenSubject    Code = "id_token_subject"
	TokenAccessHash Code = "id_token_at_hash"
	TokenAuthTime   Code = "id_token_auth_time"
	TokenContext    Code = "id_token_acr"
	TokenOpinion    Code = "id_token_second_opinion" // go-oidc refuses what we accept

	UserInfoFailed   Code = "userinfo_failed"
	UserInfoResponse Code = "userinfo_response"
	UserInfoSubject  Code = "userinfo_subject"

	LogoutEvent Code = "logout_token_event" // no logout event
	LogoutNonce Code = "logout_token_nonce" // a nonce, which only ID tokens have
	LogoutID    Code = "logout_token_id"    // nothing names the token
	LogoutNames Code = "logout_token_names" // nothing says whose sessions

	NoticeEvent Code = "notice_event" // nothing says what has happened to whom, or when
)

// A Refusal is a rule that was not met, as an error.
type Refusal struct {
	Code     Code
	Expected string // never a secret; empty: does not apply
	Received string // what came: a provider wrote it, so cut it and escape it. Never a secret
}

func (r *Refusal) Error() string { return fmt.Sprintf("openid: refused: %s", r.Code) }

// A Failure is a provider that cannot be reached now. It is no Refusal: trying again may help.
type Failure struct {
	Code   Code
	Reason fetch.Code
	Err    error // of the network
}

// Error says nothing of Err, in which addresses stand with their queries.
func (f *Failure) Error() string { return fmt.Sprintf("openid: %s: %s", f.Code, f.Reason) }

func (f *Failure) Unwrap() error { return f.Err }

// A Check is one rule that was tried. Code is the one of the Refusal that says it was not met.
type Check struct {
	Refusal
	OK bool
}

// A Trail is every rule that was tried, in order. It is for the people who run the connection.
type Trail struct{ Checks []Check }

// pass writes down a rule that was met.
func (t *Trail) pass(code Code, received string) {
	t.Checks = append(t.Checks, Check{Refusal{Code: code, Received: received}, true})
}

// fail writes down a rule that was not met, and answers the refusal.
func (t *Trail) fail(r Refusal) *Refusal {
	t.Checks = append(t.Checks, Check{r, false})
	return &r
}

// explain makes a Refusal or a Failure of what a request came to. What code means is where it failed, unless the error knows better.
func explain(code, malformed Code, err error) error {
	var (
		ours     *Refusal
		refused  *fetch.Refused
		answered *oauth2.RetrieveError
	)
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &refused) && refused.Code == fetch.BadStatus && strings.HasPrefix(refused.Received, "5"):
		return &Failure{Code: code, Reason: fetch.BadStatus, Err: err}
	case errors.As(err, &refused):
		return &Refusal{Code: Code(refused.Code), Received: refused.Received}
	case errors.As(err, &answered) && answered.Response != nil && answered.Response.StatusCode >= http.StatusInternalServerError:
		return &Failure{Code: code, Reason: fetch.BadStatus}
	case errors.As(err, &answered):
		return &Refusal{Code: malformed, Received: word(answered.ErrorCode)}
	case network(err):
		reason, _ := fetch.Explain(err)
		return &Failure{Code: code, Reason: reason, Err: err}
	}
	return &Refusal{Code: malformed}
}

// word is a word that a provider may have written into an error, as far as it is one (RFC 6749 §5.2).
func word(s string) string {
	for i := range len(s) {
		if i == 64 || s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' || s[i] == '<' || s[i] == '>' || s[i] == '&' {
			return ""
		}
	}
	return s
}
