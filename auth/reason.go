package auth

// A Refusal is an error that says why a store or directory has refused a change: by a rule, and not because it is broken.
type Refusal Reason

func (r Refusal) Error() string { return "auth: refused: " + string(r) }

// A Reason is the stable code of a refusal: what a program switches on. Its text is in auth/locale, under "reason." and the code.
type Reason string

const (
	ReasonEmailInvalid        Reason = "email_invalid"                 // not an e-mail address
	ReasonInvalidCredentials  Reason = "invalid_credentials"           // wrong password, unknown address or no password: one answer for all
	ReasonTooManyAttempts     Reason = "too_many_attempts"             // the throttle; RetryAfter says how long
	ReasonBusy                Reason = "busy"                          // too many sign-ins at this moment; RetryAfter says how long
	ReasonSSORequired         Reason = "sso_required"                  // the domain of the address asks for the company's own sign-in
	ReasonSSOAgain            Reason = "sso_again"                     // a suspicious sign-in was seen: the company's own sign-in is demanded anew; told only after proof
	ReasonSSOFailed           Reason = "sso_failed"                    // the company's sign-in did not complete
	ReasonSSOExpired          Reason = "sso_expired"                   // its answer came too late
	ReasonSSOReplayed         Reason = "sso_replayed"                  // its answer was used before
	ReasonSSOUnsolicited      Reason = "sso_unsolicited"               // nobody has asked for its answer
	ReasonSSONoEmail          Reason = "sso_no_email"                  // its answer names no address
	ReasonSSODomainMismatch   Reason = "sso_domain_mismatch"           // its answer names an address that the company may not speak for
	ReasonSSOUserUnknown      Reason = "sso_user_unknown"              // whoever is signed in there has no account here
	ReasonSSOSubjectChanged   Reason = "sso_subject_changed"           // the person is somebody else at their company than before: an administrator looks at it
	ReasonSocialNotConnected  Reason = "social_not_connected"          // the account at the provider opens none here; the person signs in first, and connects it
	ReasonSocialEmailExists   Reason = "social_email_exists"           // the provider names an address that has an account: the person signs in with it again, and confirms
	ReasonSocialAlreadyLinked Reason = "social_already_linked"         // the account at the provider opens another one here, or another one of the provider opens this one: not whose
	ReasonSocialCancelled     Reason = "social_cancelled"              // the person did not agree at the provider
	ReasonSocialFailed        Reason = "social_failed"                 // the sign-in at the provider did not complete
	ReasonLastMethod          Reason = "last_method"                   // the person would have nothing left to sign in with
	ReasonCompanyIDUnknown    Reason = "company_id_unknown"            // the domain has no company's own sign-in
	ReasonExemptNeedsTwoStep  Reason = "exempt_needs_two_step"         // whoever is exempt from the company's own sign-in needs an app first; told to administrators
	ReasonUserSuspended       Reason = "user_suspended"                // told only after proof
	ReasonAccountExpired      Reason = "account_expired"               // told only after proof
	ReasonNoCompany           Reason = "no_company"                    // the product works for members of a company only; told only after proof
	ReasonAccountUnknown      Reason = "account_unknown"               // the company chosen is not one of this person's
	ReasonAccountLocked       Reason = "account_locked_reset_required" // a suspicious sign-in was seen; told only after proof
	ReasonCodeFormat          Reason = "code_format"                   // not six digits, or not the form of a recovery code; nothing was charged
	ReasonCodeWrong           Reason = "code_wrong"                    // not the mailed code
	ReasonCodeExpired         Reason = "code_expired"                  // the mailed code is too old, was used, or another was sent
	ReasonTOTPWrong           Reason = "totp_wrong"                    // not the app's code at this time
	ReasonTOTPReused          Reason = "totp_reused"                   // the app's code, used already: the next one is needed
	ReasonRecoveryWrong       Reason = "recovery_wrong"                // not a recovery code of this person
	ReasonRecoveryUsed        Reason = "recovery_used"                 // a recovery code that was used before
	ReasonSetupExpired        Reason = "setup_expired"                 // the set-up of an app took too long: it begins anew
	ReasonMailMissing         Reason = "mail_missing"                  // two-step verification is required, and cannot be set up where nothing can be mailed
	ReasonSelfResetOff        Reason = "self_reset_off"                // a lost phone is an administrator's matter here
	ReasonSelfResetWait       Reason = "self_reset_wait"               // a lost phone can be replaced later; RetryAfter says when
	ReasonMFARequired         Reason = "mfa_required"                  // two-step verification cannot be turned off: a company or the product requires it
	ReasonNotEnrolled         Reason = "not_enrolled"                  // there is no two-step verification to change
	ReasonProofRequired       Reason = "proof_required"                // the page asks for a recent proof: a StepUp
	ReasonDeviceCurrent       Reason = "device_current"                // the device in use cannot be reported
	ReasonDateOutOfRange      Reason = "date_out_of_range"             // a forced sign-out must be from today to 14 days on
	ReasonResetExpired        Reason = "reset_expired"                 // the link of a reset is too old, was used, or a newer password was set
	ReasonResetUsed           Reason = "reset_used"                    // the link of a reset was used, or the password was changed otherwise since
	ReasonLinkExpired         Reason = "link_expired"                  // another mailed link is too old, was used, or a newer one was sent
	ReasonInviteExpired       Reason = "invite_expired"                // the invitation is too old
	ReasonInviteReplaced      Reason = "invite_replaced"               // a newer letter was sent: its link counts
	ReasonInviteUsed          Reason = "invite_used"                   // the invitation was accepted or declined already
	ReasonInviteRevoked       Reason = "invite_revoked"                // the invitation was taken back, or there never was one
	ReasonInviteOtherUser     Reason = "invite_other_user"             // somebody else is signed in than the one who is invited
	ReasonOtherUser           Reason = "other_user"                    // the mailed link is another person's than the one signed in
	ReasonInviteSignIn        Reason = "invite_sign_in"                // whoever is invited has an account: they sign in, and join
	ReasonUserExistsInAccount Reason = "user_exists_in_account"        // the person is a member or invited already; told to administrators
	ReasonNoSeatsLeft         Reason = "no_seats_left"                 // every seat of the product is taken; told to administrators
	ReasonDomainNotAllowed    Reason = "domain_not_allowed"            // an address in this domain cannot be taken here: its company has its own sign-in
	ReasonDomainNotFound      Reason = "domain_not_found"              // the record that proves a domain is not there; told to administrators
	ReasonDomainTaken         Reason = "domain_taken"                  // another company has proved the domain; told to administrators
	ReasonDomainPublic        Reason = "domain_public"                 // everybody can have an address in the domain: it is no company's
	ReasonConnectionRequired  Reason = "connection_required"           // the domain names no connection that people could sign in through
	ReasonTestRequired        Reason = "test_required"                 // nobody has seen the domain's connection work in the last seven days
	ReasonNoExemptAdmin       Reason = "no_exempt_admin"               // a warning: where the company's own sign-in breaks, no administrator gets in
	ReasonSSOEnforced         Reason = "sso_enforced"                  // the domain asks for the company's own sign-in, which is turned off first
	ReasonForbidden           Reason = "forbidden"                     // whoever asks may not do that
	ReasonLastSuperAdmin      Reason = "last_super_admin"              // a company keeps one super administrator
	ReasonNotAssigned         Reason = "product_not_assigned"          // the person has no seat for the product
	ReasonAccountExists       Reason = "account_exists"                // whoever signs up has an account; told once the mailbox is proven
	ReasonSignUpOff           Reason = "sign_up_off"                   // nobody can sign up by themselves
	ReasonCompanyMissing      Reason = "company_missing"               // the field was empty
	ReasonCurrentWrong        Reason = "current_password_wrong"        // not the present password
	ReasonPasswordReused      Reason = "password_reused"               // it is one of the last ones: the one rule that is not met
	ReasonPasswordExpired     Reason = "password_expired"              // the password is older than the policy allows: a new one is needed
	ReasonPasswordChange      Reason = "password_change_required"      // an administrator asks for a new password
	ReasonPasswordOutdated    Reason = "password_outdated"             // the password does not meet the rules as they are now: a new one is needed
	ReasonEmailSame           Reason = "email_same"                    // the new address is the present one
	ReasonRecoverySame        Reason = "recovery_same"                 // the recovery address is the person's own address
	ReasonSignInAgain         Reason = "sign_in_again"                 // the company has ended its sessions since this one began: a new sign-in enters it
	ReasonPasswordPolicy      Reason = "password_policy"               // a new password does not meet the rules; the unmet ones stand beside it
	ReasonPasswordMissing     Reason = "password_missing"              // the field was empty
	ReasonSignInRequired      Reason = "sign_in_required"              // the page is for people who have signed in
	ReasonSessionExpired      Reason = "session_expired"               // signed out after a time without activity
	ReasonFlowChanged         Reason = "flow_changed"                  // another tab has moved on
	ReasonFlowGone            Reason = "flow_gone"                     // the sign-in took too long, or was finished
	ReasonCrossOrigin         Reason = "cross_origin"                  // posted by another site
	ReasonBadRequest          Reason = "bad_request"                   // the request cannot be read
	ReasonTooLarge            Reason = "too_large"                     // the request is larger than any sign-in
	ReasonNotFound            Reason = "not_found"                     // no such page
	ReasonMethodNotAllowed    Reason = "method_not_allowed"            // the page does not answer this method
	ReasonBroken              Reason = "broken"                        // the machine is broken; a reference id goes with it
)
