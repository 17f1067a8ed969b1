package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// showSignIn answers where a sign-in stands. It changes nothing.
//
// Whoever is signed in and has no other sign-in under way is sent on. With switch=1 they are shown who they are instead, and
// with switch=other they are shown the first page, for somebody else. A return_to that the sign-in under way does not have begins
// a new one, with the address filled in.
func (h *Handler) showSignIn(v *visit) {
	returnTo := h.auth.ReturnTo(v.in["return_to"])
	v.here.RawQuery = v.kept().Encode()
	v.showsView()
	s, live, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	step, err := h.auth.Current(v.r.Context(), v.flow, v.client)
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
	case live && v.in["switch"] == "1":
		v.showWho(s, returnTo)
	case err == nil && (returnTo == "" || returnTo == step.Flow.ReturnTo) && (v.way() == auth.WayAny || v.way() == step.Flow.Way):
		v.showStep(http.StatusOK, step)
	case live && v.in["switch"] != "other":
		v.sendOn(returnTo)
	default:
		first := auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}
		first.Flow.Email, first.Flow.Remember = step.Flow.Email, step.Flow.Remember
		if err != nil {
			first.Flow.Email = h.cookies.open(v.r, emailCookie)
		}
		first.Flow.ReturnTo, first.Flow.Way = returnTo, v.way()
		if err := v.invitedTo(&first); err != nil {
			v.broken(err)
			return
		}
		v.showStep(http.StatusOK, first)
	}
}

// invitedTo fills in the address of whoever comes from an invitation and has an account, and says what the sign-in is for: all of
// it stood on the page before.
func (v *visit) invitedTo(first *auth.Step) error {
	if first.Flow.ReturnTo != v.h.prefix+joinLinks().path {
		return nil
	}
	in, _, err := v.invitee()
	if err != nil || in.Why != "" || !in.Exists || in.SignedIn {
		return err
	}
	first.Flow.Email = in.Invitation.Email
	v.purport = v.text().Get("identify.invited", "name", in.Invitation.As.AccountName)
	return nil
}

// showWho shows whoever is signed in that they are.
func (v *visit) showWho(s session.Session, returnTo string) {
	if v.program {
		v.sendOn(returnTo)
		return
	}
	u, err := v.h.auth.User(v.r.Context(), s.UserID)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		v.broken(err)
		return
	}
	v.ownLang = u.Locale
	q := v.kept()
	q.Set("switch", "other")
	other := url.URL{Path: v.h.prefix + "/signin", RawQuery: q.Encode()}
	v.mayLeadTo(v.landing(returnTo))
	v.show(http.StatusOK, &SwitchPage{Name: u.Name, Email: u.Email, To: v.landing(returnTo), Other: other.String()})
}

// identify takes an address, and begins a sign-in for it.
func (h *Handler) identify(v *visit) {
	step, err := v.begin()
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// begin makes a flow for the address that was posted.
func (v *visit) begin() (auth.Step, error) {
	step, err := v.h.auth.Identify(v.r.Context(), auth.Opening{
		Email: v.in["email"], Way: v.way(), Remember: v.in.ticked("remember"), ReturnTo: v.in["return_to"],
		Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	v.issued = step.Token
	v.moves = err == nil && step.Reason == "" // whoever has just named their company's address need not press another button
	return step, err
}

// way is how the visitor asks to prove who they are.
func (v *visit) way() auth.Way {
	for _, w := range []auth.Way{auth.WayPassword, auth.WayCompany} {
		if v.in["way"] == string(w) {
			return w
		}
	}
	return auth.WayAny
}

// password takes a password: for the flow that the form was made for, or, on the page that asks for both, for the address that
// comes with it.
func (h *Handler) password(v *visit) {
	ref := v.ref()
	if ref.ID == "" && v.in.has("email") {
		step, err := v.begin()
		ref = auth.Ref{Token: step.Token, ID: step.Flow.ID, Version: step.Flow.Version}
		if err != nil || !slices.Contains(step.Offer, auth.MethodPassword) {
			v.answer(ref, step, err)
			return
		}
	}
	step, err := h.auth.Password(v.r.Context(), ref, v.in["password"], v.client)
	if step.Token != "" {
		ref.Token, v.issued = step.Token, step.Token
	}
	v.answer(ref, step, err)
}

// account takes the company to enter. Without one it takes on a flow that is ready.
func (h *Handler) account(v *visit) {
	ref := v.ref()
	step, err := h.auth.ChooseAccount(v.r.Context(), ref, v.in["account"], v.client)
	v.answer(ref, step, err)
}

// restart goes back to the first page and keeps what was typed there. A step-up begins anew; what a mailed link has begun does so
// with its link.
func (h *Handler) restart(v *visit) {
	ref := v.ref()
	ref.Version = 0 // however far the flow has come, it goes back
	switch v.purpose {
	case auth.StepUp:
		h.restartStepUp(v, ref)
	case auth.Reset, auth.Activate, auth.SignUp:
		if _, ok := v.dropped(); ok {
			v.begun(map[auth.Purpose]string{auth.Reset: "/reset", auth.Activate: "/join", auth.SignUp: "/signup"}[v.purpose])
		}
	default:
		step, err := h.auth.Restart(v.r.Context(), ref)
		v.answer(auth.Ref{Token: v.flow}, step, err)
	}
}

// cancel ends the flow.
func (h *Handler) cancel(v *visit) {
	v.ref()
	f, ok := v.dropped()
	switch {
	case !ok:
	case f.Action == auth.ActionConnect && h.social != nil:
		v.sendOn(h.prefix + connectedPath)
	case v.purpose == auth.StepUp:
		v.sendOn("")
	default:
		v.begun("/signin")
	}
}

// dropped ends the flow that the form was made for, and answers which that was. One that is gone already needs no ending. It answers the
// visitor, and false, where the flow is another one.
func (v *visit) dropped() (auth.Flow, bool) {
	step, err := v.h.auth.Current(v.r.Context(), v.flow, v.client)
	if err == nil && v.in["flow"] != "" && v.in["flow"] != step.Flow.ID {
		err = auth.ErrFlowChanged
	}
	if err == nil {
		err = v.h.auth.Cancel(v.r.Context(), v.flow)
	}
	if err != nil && !errors.Is(err, auth.ErrFlowGone) {
		v.answer(auth.Ref{Token: v.flow}, step, err)
		return auth.Flow{}, false
	}
	v.h.cookies.clear(v.w, roomOf(v.purpose).cookie)
	return step.Flow, true
}

// begun sends somebody to a page where everything begins anew.
func (v *visit) begun(page string) {
	if v.program {
		v.showStep(http.StatusOK, auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}})
		return
	}
	v.redirect(v.address(page, ""))
}

// answer is the way out of every step: it finishes a flow that is ready, and says where any other stands. The Ref names the flow
// that the step was for.
func (v *visit) answer(ref auth.Ref, step auth.Step, err error) {
	if step.Token != "" {
		ref.Token, v.issued = step.Token, step.Token
	}
	if len(step.RecoveryCodes) > 0 {
		v.codes = step.RecoveryCodes
	}
	switch {
	case errors.Is(err, auth.ErrFlowGone):
		v.gone()
	case errors.Is(err, auth.ErrFlowChanged):
		v.changed(ref.Token)
	case err != nil:
		v.broken(err)
	case step.Stage == auth.StageReady && step.Reason == "":
		v.finish(auth.Ref{Token: ref.Token, ID: step.Flow.ID, Version: step.Flow.Version})
	default:
		v.answerStep(step)
	}
}

// finish makes the session of a sign-in, or gives that of a step-up its new token. Before a sign-in whoever was signed in on this
// browser is signed out: first, because whatever then fails leaves nobody signed in as somebody else.
func (v *visit) finish(ref auth.Ref) {
	ctx, m := v.r.Context(), v.h.auth
	if old, ok := m.SessionToken(v.r); ok && v.purpose == auth.SignIn {
		if err := m.SignOut(ctx, old, v.client); err != nil {
			v.broken(err)
			return
		}
	}
	done, step, err := m.Finish(ctx, ref, v.client)
	switch {
	case err != nil:
		v.answer(ref, step, err)
	case done.Token == "": // something has changed since the step was taken
		v.answerStep(step)
	default:
		v.signedIn(done)
	}
}

// signedIn gives the browser its session and sends it where it wanted to go.
func (v *visit) signedIn(done auth.Done) {
	c := v.h.cookies
	if err := v.remember(done); err != nil { // its company could not end it
		err = errors.Join(err, v.h.auth.EndSession(v.r.Context(), done.Session.UserID, done.Session.ID))
		v.broken(err)
		return
	}
	v.h.auth.SetSessionCookie(v.w, done)
	if done.Device != "" {
		c.write(v.w, deviceCookie, done.Device, deviceLife)
	}
	c.clear(v.w, roomOf(v.purpose).cookie)
	if v.purpose == auth.StepUp {
		v.ownLang = done.Lang
		v.sendOn(done.ReturnTo)
		return
	}
	v.rememberProvider(done)
	if done.Session.Kept {
		c.hint(v.w, emailCookie, done.Email, emailLife)
	} else if c.read(v.r, emailCookie) != "" {
		c.clear(v.w, emailCookie)
	}
	v.ownLang = done.Lang
	if spoken := v.chosen(); spoken != "" || done.Lang != "" {
		c.hint(v.w, langCookie, v.text().Tag(), langLife)
	}
	v.sendOn(done.ReturnTo)
}

// keepFlow gives the browser the token of the flow that this request has made or moved on.
func (v *visit) keepFlow() {
	if v.issued != "" {
		v.h.cookies.write(v.w, roomOf(v.purpose).cookie, v.issued, 0)
		v.issued = ""
	}
}

// answerStep answers a step that has not led to a session.
func (v *visit) answerStep(step auth.Step) {
	if step.Stage == auth.StageRefused && step.Flow.Action == auth.ActionSwitch && !v.program {
		v.turnedAway(step)
		return
	}
	v.keepFlow()
	v.rememberLanguage()
	if step.Stage == auth.StageLink && len(step.Offer) > 0 && step.Reason == "" { // whoever connects an account goes there
		v.moves = true
	}
	status := http.StatusOK
	switch {
	case step.Reason == "", v.sent && ofStage(step):
	case step.Reason == auth.ReasonTooManyAttempts:
		status = http.StatusTooManyRequests
	case step.Reason == auth.ReasonBusy:
		status = http.StatusServiceUnavailable
	default:
		status = http.StatusUnprocessableEntity
	}
	switch {
	case v.program || step.Reason != "" && !ofStage(step) || step.Flow.ID == "" && v.purpose != auth.SignIn:
		v.showStep(status, step)
	case len(v.codes) > 0:
		v.showCodes(v.address(roomOf(v.purpose).page, step.Flow.Lang))
	default:
		v.redirect(v.address(roomOf(v.purpose).page, step.Flow.Lang))
	}
}

// ofStage tells whether the reason says what the stage is, and not what was wrong with what was posted.
func ofStage(step auth.Step) bool {
	switch step.Reason {
	case auth.ReasonTooManyAttempts, auth.ReasonFlowChanged, auth.ReasonFlowGone:
		return false
	case auth.ReasonSSORequired:
		return len(step.Offer) == 0 && step.Stage != auth.StageIdentify // there it is about an account elsewhere
	case auth.ReasonSSOAgain, auth.ReasonUserSuspended, auth.ReasonAccountExpired, auth.ReasonNoCompany:
		return true
	case auth.ReasonSocialNotConnected, auth.ReasonSocialEmailExists:
		return step.Flow.Pending.Provider != "" && step.Reason == step.Flow.Told
	case auth.ReasonPasswordExpired, auth.ReasonPasswordChange, auth.ReasonPasswordOutdated:
		return true // why a new password is asked for
	}
	return step.Stage == auth.StageRefused || step.Stage == auth.StagePolicy
}

// gone answers a step whose flow has ended: another tab has finished it, or it took too long.
func (v *visit) gone() {
	switch v.purpose {
	case auth.StepUp:
		v.startStepUp(http.StatusGone, auth.ReasonFlowGone)
		return
	case auth.Reset, auth.Activate, auth.SignUp:
		v.showStep(http.StatusGone, auth.Step{Decision: auth.Decision{Stage: auth.StageRefused, Reason: auth.ReasonFlowGone}})
		return
	}
	_, live, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	returnTo := v.h.auth.ReturnTo(v.in["return_to"])
	if live && !v.program {
		v.redirect(v.landing(returnTo))
		return
	}
	first := auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify, Reason: auth.ReasonFlowGone}}
	first.Flow.Email = cmp.Or(v.in["email"], v.in["username"])
	first.Flow.Remember, first.Flow.ReturnTo = v.in.ticked("remember"), returnTo
	v.showStep(http.StatusGone, first)
}

// changed answers a step whose form was made for an older state of the flow, or for another one: with the current state.
func (v *visit) changed(token string) {
	step, err := v.h.auth.Current(v.r.Context(), token, v.client)
	if err != nil {
		v.answer(auth.Ref{Token: token}, step, err)
		return
	}
	v.why, step.Reason = step.Reason, auth.ReasonFlowChanged
	v.showStep(http.StatusConflict, step)
}

// session is the live session that the browser has. The error is that of a broken store.
func (v *visit) session() (s session.Session, live bool, err error) {
	s, err = v.h.auth.Authenticate(v.r)
	if errors.Is(err, session.ErrNotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

// sendOn sends somebody who is signed in to where they wanted to go: past the recovery codes, if some were made.
func (v *visit) sendOn(returnTo string) {
	to := v.landing(returnTo)
	switch {
	case v.program:
	case len(v.codes) > 0:
		v.showCodes(to)
		return
	default:
		v.redirect(to)
		return
	}
	a := v.stepAnswer(auth.Step{Decision: auth.Decision{Stage: auth.StageReady}})
	a.ReturnTo = to
	v.json(http.StatusOK, a)
}

// landing is where somebody goes who is signed in: after a step-up, to my account.
func (v *visit) landing(returnTo string) string {
	switch {
	case returnTo != "":
		return returnTo
	case v.purpose == auth.StepUp:
		return v.h.prefix + "/account"
	}
	return v.h.home
}

// address is where a page is. A language that was chosen just now travels along, unless the page will speak it anyway; and that a
// letter went out, for the page to say so.
func (v *visit) address(path, speaks string) string {
	to, q := url.URL{Path: v.h.prefix + path}, url.Values{}
	if chosen := v.chosen(); chosen != "" && chosen != speaks {
		q.Set("lang", chosen)
	}
	if v.sent {
		q.Set("sent", "1")
	}
	if v.moves && (path == "/signin" || path == roomOf(auth.StepUp).page) {
		q.Set("go", "1")
	}
	to.RawQuery = q.Encode()
	return to.String()
}

// kept is what of the query stays when the page changes its language: an address that is not allowed does not, nor does anything
// that means nothing here.
func (v *visit) kept() url.Values {
	q := url.Values{}
	if to := v.h.auth.ReturnTo(v.in["return_to"]); to != "" {
		q.Set("return_to", to)
	}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	if h := v.h; h.social != nil {
		if p, known := h.social.Provider(v.in["provider"]); known {
			q.Set("provider", p.ID)
		}
	}
	for name, values := range map[string][]string{
		"switch": {"1", "other"}, "reason": {string(auth.ReasonSessionExpired), string(auth.ReasonSocialCancelled), passwordSet, activated, signedUp}, "sent": {"1", "again"},
		"way": {string(viewRecovery), string(auth.WayPassword)}, "dialog": {string(viewSetupCode)}, "action": {string(auth.ActionTwoStep), string(auth.ActionNewPhone)},
	} {
		if slices.Contains(values, v.in[name]) {
			q.Set(name, v.in[name])
		}
	}
	return q
}

// rememberLanguage keeps a language that was chosen just now, for later visits. Only a POST does that.
func (v *visit) rememberLanguage() {
	if chosen := v.chosen(); chosen != "" {
		v.h.cookies.hint(v.w, langCookie, chosen, langLife)
	}
}
