package social

import (
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/openid"
)

// A Code says which rule an answer did not meet. Codes are stable. Those of the relying party come along as they are, and are spelled and
// explained as in package sso: discovery_issuer is sso.CodeDiscoveryIssuer, token_error is sso.CodeTokenError, and so on.
type Code string

const (
	CodeCancelled       Code = "cancelled"       // the person has said no there
	CodeProviderError   Code = "provider_error"  // the provider says no
	CodeMethod          Code = "callback_method" // posted where the provider does not, or the other way round
	CodeDuplicate       Code = "callback_duplicate"
	CodeAmbiguous       Code = "callback_ambiguous" // a code and an error
	CodeMessage         Code = "callback_malformed" // what came is no message
	CodeRequestUnknown  Code = "request_unknown"    // nobody asked, or it was answered, or it has expired
	CodeRequestProvider Code = "request_provider"   // an answer to what another provider was asked
	CodeSubject         Code = "subject"            // nothing that can name a person for good
	CodeNotice          Code = "notice_malformed"   // what came is no notice
)

// A Refusal is a rule that was not met, as an error. It is for whoever runs the program: the person before the page learns no more
// than Public.
type Refusal struct {
	Code     Code
	Expected string // never a secret; empty: does not apply
	Received string // what came: a provider wrote it, so cut it and escape it. Never a secret
}

// Error names the rule, with what came and what was expected, cut and quoted; but not who somebody says they are.
func (r *Refusal) Error() string {
	text := "social: refused: " + string(r.Code)
	if r.Code == CodeSubject || r.Code == Code(openid.TokenSubject) || r.Code == Code(openid.UserInfoSubject) {
		return text
	}
	if r.Received != "" {
		text += fmt.Sprintf(", got %q", cut(r.Received))
	}
	if r.Expected != "" {
		text += fmt.Sprintf(", want %q", cut(r.Expected))
	}
	return text
}

// Public is what the person may know: "social_cancelled" or "social_failed".
func (r *Refusal) Public() string {
	if r.Code == CodeCancelled {
		return "social_cancelled"
	}
	return "social_failed"
}
