package auth

// A Reason is the stable code of a refusal: what a program switches on. Its text is in auth/locale, under "reason." and the code.
type Reason string

const (
	ReasonEmailInvalid       Reason = "email_invalid"                 // not an e-mail address
	ReasonInvalidCredentials Reason = "invalid_credentials"           // wrong password, unknown address or no password: one answer for all
	ReasonTooManyAttempts    Reason = "too_many_attempts"             // the throttle; RetryAfter says how long
	ReasonBusy               Reason = "busy"                          // too many sign-ins at this moment; RetryAfter says how long
	ReasonSSORequired        Reason = "sso_required"                  // the domain of the address asks for the company's own sign-in
	ReasonUserSuspended      Reason = "user_suspended"                // told only after proof
	ReasonAccountExpired     Reason = "account_expired"               // told only after proof
	ReasonNoCompany          Reason = "no_company"                    // the product works for members of a company only; told only after proof
	ReasonAccountUnknown     Reason = "account_unknown"               // the company chosen is not one of this person's
	ReasonAccountLocked      Reason = "account_locked_reset_required" // a suspicious sign-in was seen; told only after proof
	ReasonCodeFormat         Reason = "code_format"                   // not six digits, or not the form of a recovery code; nothing was charged
	ReasonCodeWrong          Reason = "code_wrong"                    // not the mailed code
	ReasonCodeExpired        Reason = "code_expired"                  // the mailed code is too old, was used, or another was sent
	ReasonTOTPWrong          Reason = "totp_wrong"                    // not the app's code at this time
	ReasonTOTPReused         Reason = "totp_reused"                   // the app's code, used already: the next one is needed
	ReasonRecoveryWrong      Reason = "recovery_wrong"                // not a recovery code of this person
	ReasonRecoveryUsed       Reason = "recovery_used"                 // a recovery code that was used before
	ReasonSetupExpired       Reason = "setup_expired"                 // the set-up of an app took too long: it begins anew
	ReasonMailMissing        Reason = "mail_missing"                  // two-step verification is required, and cannot be set up where nothing can be mailed
	ReasonSelfResetOff       Reason = "self_reset_off"                // a lost phone is an administrator's matter here
	ReasonSelfResetWait      Reason = "self_reset_wait"               // a lost phone can be replaced later; RetryAfter says when
	ReasonMFARequired        Reason = "mfa_required"                  // two-step verification cannot be turned off: a company or the product requires it
	ReasonNotEnrolled        Reason = "not_enrolled"                  // there is no two-step verification to change
	ReasonProofRequired      Reason = "proof_required"                // the page asks for a recent proof: a StepUp
	ReasonDeviceCurrent      Reason = "device_current"                // the device in use cannot be reported
	ReasonDateOutOfRange     Reason = "date_out_of_range"             // a forced sign-out must be from today to 14 days on
	ReasonResetExpired       Reason = "reset_expired"                 // the link of a reset is too old, was used, or a newer password was set
	ReasonPasswordPolicy     Reason = "password_policy"               // a new password does not meet the rules; the unmet ones stand beside it
	ReasonPasswordMissing    Reason = "password_missing"              // the field was empty
	ReasonSignInRequired     Reason = "sign_in_required"              // the page is for people who have signed in
	ReasonSessionExpired     Reason = "session_expired"               // signed out after a time without activity
	ReasonFlowChanged        Reason = "flow_changed"                  // another tab has moved on
	ReasonFlowGone           Reason = "flow_gone"                     // the sign-in took too long, or was finished
	ReasonCrossOrigin        Reason = "cross_origin"                  // posted by another site
	ReasonBadRequest         Reason = "bad_request"                   // the request cannot be read
	ReasonTooLarge           Reason = "too_large"                     // the request is larger than any sign-in
	ReasonNotFound           Reason = "not_found"                     // no such page
	ReasonMethodNotAllowed   Reason = "method_not_allowed"            // the page does not answer this method
	ReasonBroken             Reason = "broken"                        // the machine is broken; a reference id goes with it
)
