package auth

// A Reason is the stable code of a refusal: what a program switches on. Its text is in auth/locale, under "reason." and the code.
type Reason string

const (
	ReasonEmailInvalid       Reason = "email_invalid"       // not an e-mail address
	ReasonInvalidCredentials Reason = "invalid_credentials" // wrong password, unknown address or no password: one answer for all
	ReasonTooManyAttempts    Reason = "too_many_attempts"   // the throttle; RetryAfter says how long
	ReasonBusy               Reason = "busy"                // too many sign-ins at this moment; RetryAfter says how long
	ReasonSSORequired        Reason = "sso_required"        // the domain of the address asks for the company's own sign-in
	ReasonUserSuspended      Reason = "user_suspended"      // told only after proof
	ReasonAccountExpired     Reason = "account_expired"     // told only after proof
	ReasonNoCompany          Reason = "no_company"          // the product works for members of a company only; told only after proof
	ReasonAccountUnknown     Reason = "account_unknown"     // the company chosen is not one of this person's
	ReasonPasswordPolicy     Reason = "password_policy"     // a new password does not meet the rules; the unmet ones stand beside it
	ReasonPasswordMissing    Reason = "password_missing"    // the field was empty
	ReasonSignInRequired     Reason = "sign_in_required"    // the page is for people who have signed in
	ReasonSessionExpired     Reason = "session_expired"     // signed out after a time without activity
	ReasonFlowChanged        Reason = "flow_changed"        // another tab has moved on
	ReasonFlowGone           Reason = "flow_gone"           // the sign-in took too long, or was finished
	ReasonCrossOrigin        Reason = "cross_origin"        // posted by another site
	ReasonBadRequest         Reason = "bad_request"         // the request cannot be read
	ReasonTooLarge           Reason = "too_large"           // the request is larger than any sign-in
	ReasonNotFound           Reason = "not_found"           // no such page
	ReasonMethodNotAllowed   Reason = "method_not_allowed"  // the page does not answer this method
	ReasonBroken             Reason = "broken"              // the machine is broken; a reference id goes with it
)
