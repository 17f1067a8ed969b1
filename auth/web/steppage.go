package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/mfa"
)

// showStep shows where a flow stands, as JSON or as the page of its stage.
func (v *visit) showStep(status int, step auth.Step) {
	v.flowLang = step.Flow.Lang
	if step.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", seconds(step.RetryAfter))
	}
	if v.program {
		a, err := v.wholeAnswer(step)
		if err != nil {
			v.broken(err)
			return
		}
		v.json(status, a)
		return
	}
	page, err := v.stepPage(step)
	if err != nil {
		v.broken(err)
		return
	}
	v.mayLeadTo(v.landing(step.Flow.ReturnTo))
	v.show(status, page)
}

// stepPage is the page of a stage, with what was wrong with the last form on it.
func (v *visit) stepPage(step auth.Step) (Page, error) {
	f := step.Flow
	frame := v.stepFrame(step)
	preset := v.h.auth.Preset()
	keep := preset.Policy.Keep != auth.KeepForbid
	password := step.Stage == auth.StageAuthenticate && slices.Contains(step.Offer, auth.MethodPassword)
	start := v.startOf(step)
	company := v.companyName(step)
	waiting := v.waiting(f)
	providers, err := v.providersOf(step)
	if err != nil {
		return nil, err
	}
	switch {
	case step.Stage == auth.StageIdentify && f.Way == auth.WayCompany:
		return &CompanyIDPage{Frame: frame, Email: f.Email}, nil
	case start != "" && !password:
		if step.Stage == auth.StageIdentify { // whoever has come by an account elsewhere, which does not count: the company is asked for by name
			frame.Flow, frame.Version = "", 0
		}
		return &CompanyPage{
			Frame: frame, Company: company, Email: f.Email, Start: start, Reference: v.reference, Other: v.purpose == auth.SignIn,
			Moves: v.goesOn(step),
		}, nil
	case v.purpose == auth.SignIn && preset.Layout == auth.LayoutOnePage && (password || step.Stage == auth.StageIdentify):
		frame.Flow, frame.Version = "", 0 // each try brings its address along and is a flow of its own
		return &OnePagePage{Frame: frame, Email: f.Email, Remember: f.Remember, Keep: keep, Company: company, Start: start, Way: f.Way, Reference: v.reference, Providers: providers, Waiting: waiting}, nil
	case step.Stage == auth.StageIdentify:
		return &IdentifyPage{
			Frame: frame, Email: f.Email, Remember: f.Remember, Keep: keep, Way: f.Way, Providers: providers, Waiting: waiting, Reference: v.reference,
		}, nil
	case password:
		return &PasswordPage{
			Frame: frame, Email: f.Email, Company: company, Start: start, Reference: v.reference, Providers: providers, Waiting: waiting,
		}, nil
	case len(v.offeredProviders(step)) > 0:
		return &ProviderPage{
			Frame: frame, Providers: v.offeredProviders(step), Connects: step.Stage == auth.StageLink, Reference: v.reference,
			Moves: v.goesOn(step),
		}, nil
	case step.Stage == auth.StageLink && waiting != nil:
		frame.titled = "title.link.provider"
		return &LinkPage{Frame: frame, Email: f.Email, Waiting: waiting}, nil
	case step.Stage == auth.StageLink:
		name, err := v.connectionName(f.Pending.Connection)
		return &LinkPage{Frame: frame, Company: name, Email: f.Pending.Email}, err
	}
	switch step.Stage {
	case auth.StageVerify:
		return v.verifyPage(frame, step), nil
	case auth.StageEnroll:
		return v.enrollPage(frame, step)
	case auth.StageNewPassword:
		return v.newPasswordPage(frame, step), nil
	case auth.StageAccount:
		return &AccountPage{Frame: frame, Accounts: step.Accounts}, nil
	case auth.StageReady:
		return &ReadyPage{Frame: frame}, nil
	}
	return v.stopPage(frame, step)
}

// goesOn tells whether a page may lead to another site by itself: after the step that asked for it, of a flow that is there. Another site that
// sends a browser here gets a page with a button.
func (v *visit) goesOn(step auth.Step) bool {
	from := v.r.Header.Get("Sec-Fetch-Site")
	return v.in["go"] == "1" && step.Reason == "" && step.Flow.ID != "" && (from == "" || from == "same-origin")
}

// stepFrame is what every page of a flow has.
func (v *visit) stepFrame(step auth.Step) Frame {
	f := step.Flow
	frame := Frame{
		Flow: f.ID, Version: f.Version, ReturnTo: f.ReturnTo, Purpose: v.purpose, Action: f.Action, At: v.h.prefix + roomOf(v.purpose).page,
	}
	begins := step.Stage == auth.StageIdentify || step.Stage == auth.StageAuthenticate
	switch {
	case step.Reason != "" && !ofStage(step):
		frame.Problem = v.problem(step)
	case begins && v.in["reason"] == passwordSet:
		frame.Notice = v.text().Get("identify.password_set")
	case begins && v.in["reason"] == activated:
		frame.Notice = v.text().Get("identify.activated")
	case begins && v.in["reason"] == signedUp:
		frame.Notice = v.text().Get("identify.signed_up")
	case step.Reason != "":
		frame.Notice = v.stepMessage(step)
	case begins && v.in["reason"] == string(auth.ReasonSessionExpired) && step.Stage == auth.StageIdentify:
		frame.Notice = v.message(auth.ReasonSessionExpired, 0)
	case v.in["reason"] == string(auth.ReasonSocialCancelled) && v.r.Method == http.MethodGet:
		told := step
		if told.Reason = auth.ReasonSocialCancelled; f.Action == auth.ActionConnect {
			frame.Notice = v.text().Get("provider.cancelled", "name", v.meant(told))
		} else {
			frame.Notice = v.messageOf(told)
		}
	case step.Stage == auth.StageIdentify && f.Pending.Provider != "" && f.Pending.Email == "":
		frame.Notice = v.text().Get("provider.noaddress.text", "name", v.waiting(f).Name)
	case step.Stage == auth.StageAuthenticate && f.Pending.Provider == "" && f.Pending.Email != "":
		frame.Notice = v.text().Get("link.first")
	case begins && v.purport != "":
		frame.Notice = v.purport
	case v.in["sent"] == "1" && slices.Contains(step.Offer, auth.MethodEmailCode):
		frame.Notice = v.text().Get("resend.sent")
	}
	return frame
}

// stopPage says why there is no way on.
func (v *visit) stopPage(frame Frame, step auth.Step) (Page, error) {
	reason := cmp.Or(v.why, step.Reason)
	if reason != auth.ReasonSSORequired && reason != auth.ReasonUserSuspended && reason != auth.ReasonAccountExists {
		switch v.purpose {
		case auth.Reset:
			return v.resetPage(frame)
		case auth.Activate:
			return v.joinPage(frame, step.Reason)
		case auth.SignUp:
			return v.signUpPage(frame)
		}
	}
	frame.Notice = "" // the page is about nothing else
	if reason == auth.ReasonAccountLocked && v.in["sent"] == "1" {
		frame.Notice = v.text().Get("stop.account_locked_reset_required.sent")
	}
	page := &StopPage{Frame: frame, Reason: reason, Email: step.Flow.Email, Signed: step.Flow.UserID != "", Mails: v.h.auth.CanMail()}
	if reason == auth.ReasonSignInAgain {
		page.SignIn = v.otherSignIn(cmp.Or(step.Flow.ReturnTo, v.h.prefix+"/account"))
	}
	var err error
	page.Contacts, err = v.stopContacts(step)
	return page, err
}

// stopContacts are the people to turn to where all companies that a member might enter have expired: everything else is proven then.
func (v *visit) stopContacts(step auth.Step) (list []Contact, err error) {
	if step.Stage != auth.StagePolicy || cmp.Or(v.why, step.Reason) != auth.ReasonAccountExpired {
		return nil, nil
	}
	all, err := v.h.auth.Memberships(v.r.Context(), step.Flow.UserID)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if m.State != auth.MemberActive {
			continue
		}
		some, err := v.contactsOf(m.AccountID)
		if err != nil {
			return nil, err
		}
		for _, c := range some {
			if !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// verifyPage asks for the second step, or for the code that was mailed.
func (v *visit) verifyPage(frame Frame, step auth.Step) Page {
	spent := spent(step)
	switch {
	case slices.Contains(step.Offer, auth.MethodEmailCode) && step.Flow.UserID == "" && step.Flow.Pending.Provider != "":
		frame.titled = "title.mailcode.provider"
		return &MailCodePage{Frame: frame, Spent: spent, Mailed: v.mailed(step), Waiting: v.waiting(step.Flow)}
	case slices.Contains(step.Offer, auth.MethodEmailCode):
		return &MailCodePage{Frame: frame, Spent: spent, Mailed: v.mailed(step)}
	case afterSetup(step):
		return &EnrollNextPage{Frame: frame, Spent: spent, Progress: v.progress(6)}
	case v.view == viewRecovery && slices.Contains(step.Offer, auth.MethodRecoveryCode), !slices.Contains(step.Offer, auth.MethodTOTP):
		return &RecoveryPage{Frame: frame, Spent: spent, NewPhone: step.Flow.NewPhone, App: slices.Contains(step.Offer, auth.MethodTOTP)}
	}
	return &AppCodePage{
		Frame: frame, Spent: spent, TrustBox: step.TrustBox, Trust: v.in.ticked("trust"), NewPhone: step.NewPhone,
		Recovery: slices.Contains(step.Offer, auth.MethodRecoveryCode),
	}
}

// afterSetup tells whether the next code of the app is asked for that was set up in this flow.
func afterSetup(step auth.Step) bool {
	return !step.Flow.Setup.DoneAt.IsZero() && slices.Contains(step.Offer, auth.MethodTOTP)
}

// spent tells whether so much was tried in the flow that nothing more is looked at: it has to begin anew.
func spent(step auth.Step) bool {
	return step.Reason == auth.ReasonTooManyAttempts && step.RetryAfter == 0 && (step.Stage == auth.StageVerify || step.Stage == auth.StageEnroll)
}

// mailed is what a page says of a mailed code. Times are told from now on: nobody knows the visitor's clock.
func (v *visit) mailed(step auth.Step) Mailed {
	m := Mailed{To: step.MailTo}
	code, now := step.Flow.Code, v.h.auth.Now()
	if code.SentAt.IsZero() {
		return m
	}
	m.Sent = true
	m.Wait = max(wholeSeconds(code.ResendAt().Sub(now)), 0)
	m.Minutes = max(int((code.ExpiresAt.Sub(now)+time.Minute-1)/time.Minute), 0)
	return m
}

// enrollPage is one of the dialogs in which an app is set up.
func (v *visit) enrollPage(frame Frame, step auth.Step) (Page, error) {
	replaces := step.Flow.NewPhone || step.Flow.Action == auth.ActionNewPhone
	spent := spent(step) || step.Reason == auth.ReasonSetupExpired
	switch {
	case step.Dialog == 1:
		return &EnrollStartPage{Frame: frame, Progress: v.progress(1), Replaces: replaces}, nil
	case step.Dialog == 2:
		return &EnrollMailPage{Frame: frame, Spent: spent, Progress: v.progress(2), Mailed: v.mailed(step)}, nil
	case step.Dialog == 3:
		return &EnrollAppPage{Frame: frame, Progress: v.progress(3)}, nil
	case v.view == viewSetupCode || spent:
		return &EnrollCodePage{Frame: frame, Spent: spent, Progress: v.progress(5)}, nil
	}
	png, err := mfa.QR(step.App.URI)
	return &EnrollScanPage{
		Frame: frame, Progress: v.progress(4), QR: picture(png), Key: step.App.Secret, URI: pageAddress(step.App.URI), Email: step.MailTo,
	}, err
}

// progress says how far the set-up has come. The sixth dialog is there where the app's next code is asked for.
func (v *visit) progress(dialog int) Progress {
	all := 5
	if v.purpose == auth.SignIn && v.h.auth.Preset().AfterSetup == auth.AfterSetupNewCode {
		all = 6
	}
	return Progress{Dialog: dialog, All: all}
}

// showCodes shows the recovery codes that this request has made. No page shows them again: there is no redirect before it.
func (v *visit) showCodes(to string) {
	v.show(http.StatusOK, &RecoveryCodesPage{Frame: Frame{Notice: v.text().Get("codes.done")}, Codes: v.codes, Next: to})
}
