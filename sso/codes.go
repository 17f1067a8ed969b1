package sso

// Codes of what this package checks itself, whatever the protocol. What the protocols check has codes of theirs; all are in one name space.
const (
	CodeUnsolicited       Code = "unsolicited"        // nobody asked for this answer, and the connection does not take such
	CodeRequestUnknown    Code = "request_unknown"    // the request that it answers is not under way: too old, or answered already
	CodeMessage           Code = "message"            // what came is no message that a browser posts, or is too long
	CodeBrowser           Code = "browser"            // it was asked for in another browser
	CodeRequestConnection Code = "request_connection" // the request that it answers was made at another connection
	CodeReplayed          Code = "replayed"           // this answer, or message, was used before
	CodeSubject           Code = "subject"            // nothing in it names the person for good
	CodeEmailMissing      Code = "email_missing"      // no e-mail address
	CodeEmailInvalid      Code = "email_invalid"      // something that is no e-mail address
	CodeEmailDomain       Code = "email_domain"       // an address in a domain that the connection does not speak for
	CodeSessionOver       Code = "session_over"       // the session at the provider has ended already
	CodeRole              Code = "role"               // never fails: which role the groups give
	CodeMultiFactor       Code = "multi_factor"       // never fails: whether a second step was asserted, and is believed
	CodeLogoutUnknown     Code = "logout_unknown"     // an answer to a sign-out that is not under way
	CodeLogoutNobody      Code = "logout_nobody"      // a request to end sessions that names none
)

// CodeSignatureKey is a protocol's: signed by a key that the connection does not know. Then its metadata is read again.
const CodeSignatureKey Code = "signature_key"

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
	case CodeRequestUnknown, CodeSessionOver, CodeBrowser:
		return ReasonExpired
	case CodeReplayed:
		return ReasonReplayed
	case CodeUnsolicited:
		return ReasonUnsolicited
	case CodeEmailMissing, CodeEmailInvalid:
		return ReasonNoEmail
	case CodeEmailDomain:
		return ReasonDomainMismatch
	}
	return ReasonFailed
}
