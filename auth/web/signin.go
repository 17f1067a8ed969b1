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
	v.here.RawQuery = v.kept("switch", "reason").Encode()
	s, live, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	step, err := h.auth.Current(v.r.Context(), v.flow)
	switch {
	case err != nil && !errors.Is(err, auth.ErrFlowGone):
		v.broken(err)
	case live && v.in["switch"] == "1":
		v.showWho(s, returnTo)
	case err == nil && (returnTo == "" || returnTo == step.Flow.ReturnTo):
		v.showStep(http.StatusOK, step)
	case live && v.in["switch"] != "other":
		v.sendOn(returnTo)
	default:
		first := auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}
		first.Flow.Email, first.Flow.Remember = step.Flow.Email, step.Flow.Remember
		if err != nil {
			first.Flow.Email = h.cookies.open(v.r, emailCookie)
		}
		first.Flow.ReturnTo = returnTo
		v.showStep(http.StatusOK, first)
	}
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
	v.mayLeadTo(v.h.landing(returnTo))
	v.show(http.StatusOK, &SwitchPage{Name: u.Name, Email: u.Email, To: v.h.landing(returnTo), Other: other.String()})
}

// identify takes an address, and begins a sign-in for it.
func (h *Handler) identify(v *visit) {
	step, err := v.begin()
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// begin makes a flow for the address that was posted.
func (v *visit) begin() (auth.Step, error) {
	step, err := v.h.auth.Identify(v.r.Context(), auth.Opening{
		Email: v.in["email"], Remember: v.in.ticked("remember"), ReturnTo: v.in["return_to"],
		Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	v.issued = step.Token
	return step, err
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

// restart goes back to the first page and keeps what was typed there.
func (h *Handler) restart(v *visit) {
	ref := v.ref()
	ref.Version = 0 // however far the flow has come, it goes back
	step, err := h.auth.Restart(v.r.Context(), ref)
	v.issued = step.Token
	v.answer(auth.Ref{Token: v.flow}, step, err)
}

// cancel ends the sign-in. One that is gone already needs no ending.
func (h *Handler) cancel(v *visit) {
	step, err := h.auth.Current(v.r.Context(), v.flow)
	if err == nil && v.in["flow"] != "" && v.in["flow"] != step.Flow.ID {
		err = auth.ErrFlowChanged
	}
	if err == nil {
		err = h.auth.Cancel(v.r.Context(), v.flow)
	}
	if err != nil && !errors.Is(err, auth.ErrFlowGone) {
		v.answer(auth.Ref{Token: v.flow}, step, err)
		return
	}
	h.cookies.clear(v.w, flowCookie)
	if v.program {
		v.json(http.StatusOK, v.stepAnswer(auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}))
		return
	}
	v.redirect(v.address("/signin", ""))
}

// answer is the way out of every step: it finishes a flow that is ready, and says where any other stands. The Ref names the flow
// that the step was for.
func (v *visit) answer(ref auth.Ref, step auth.Step, err error) {
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

// finish makes the session. Whoever was signed in on this browser before is signed out: first, because whatever then fails
// leaves nobody signed in as somebody else.
func (v *visit) finish(ref auth.Ref) {
	ctx, m := v.r.Context(), v.h.auth
	if old, ok := m.SessionToken(v.r); ok {
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
	v.h.auth.SetSessionCookie(v.w, done)
	c.write(v.w, deviceCookie, done.Device, deviceLife)
	c.clear(v.w, flowCookie)
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
		v.h.cookies.write(v.w, flowCookie, v.issued, 0)
		v.issued = ""
	}
}

// answerStep answers a step that has not led to a session.
func (v *visit) answerStep(step auth.Step) {
	v.keepFlow()
	v.rememberLanguage()
	status := http.StatusOK
	switch step.Reason {
	case "":
	case auth.ReasonTooManyAttempts:
		status = http.StatusTooManyRequests
	case auth.ReasonBusy:
		status = http.StatusServiceUnavailable
	default:
		status = http.StatusUnprocessableEntity
	}
	if !v.program && (step.Reason == "" || ofStage(step)) {
		v.redirect(v.address("/signin", step.Flow.Lang))
		return
	}
	v.showStep(status, step)
}

// ofStage tells whether the reason says what the stage is, and not what was wrong with what was posted.
func ofStage(step auth.Step) bool {
	switch step.Reason {
	case auth.ReasonSSORequired, auth.ReasonUserSuspended, auth.ReasonAccountExpired, auth.ReasonNoCompany:
		return true
	}
	return step.Stage == auth.StageRefused || step.Stage == auth.StagePolicy
}

// gone answers a step whose flow has ended: another tab has finished it, or it took too long.
func (v *visit) gone() {
	_, live, err := v.session()
	if err != nil {
		v.broken(err)
		return
	}
	returnTo := v.h.auth.ReturnTo(v.in["return_to"])
	if live && !v.program {
		v.redirect(v.h.landing(returnTo))
		return
	}
	first := auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify, Reason: auth.ReasonFlowGone}}
	first.Flow.Email = cmp.Or(v.in["email"], v.in["username"])
	first.Flow.Remember, first.Flow.ReturnTo = v.in.ticked("remember"), returnTo
	v.showStep(http.StatusGone, first)
}

// changed answers a step whose form was made for an older state of the flow, or for another one: with the current state.
func (v *visit) changed(token string) {
	step, err := v.h.auth.Current(v.r.Context(), token)
	if err != nil {
		v.answer(auth.Ref{Token: token}, step, err)
		return
	}
	step.Reason = auth.ReasonFlowChanged
	v.showStep(http.StatusConflict, step)
}

// showStep shows where a flow stands, as JSON or as the page of its stage.
func (v *visit) showStep(status int, step auth.Step) {
	v.flowLang = step.Flow.Lang
	if step.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", seconds(step.RetryAfter))
	}
	if v.program {
		v.json(status, v.stepAnswer(step))
		return
	}
	v.mayLeadTo(v.h.landing(step.Flow.ReturnTo))
	v.show(status, v.stepPage(step))
}

// stepPage is the page of a stage, with what was wrong with the last form on it.
func (v *visit) stepPage(step auth.Step) Page {
	f := step.Flow
	frame := Frame{Flow: f.ID, Version: f.Version, ReturnTo: f.ReturnTo}
	switch {
	case step.Reason == "" && v.in["reason"] == string(auth.ReasonSessionExpired) && step.Stage == auth.StageIdentify:
		frame.Notice = v.message(auth.ReasonSessionExpired, 0)
	case step.Reason == "":
	case ofStage(step):
		frame.Notice = v.message(step.Reason, 0)
	default:
		frame.Problem = v.problem(step.Reason, step)
	}
	preset := v.h.auth.Preset()
	keep := preset.Policy.Keep != auth.KeepForbid
	password := step.Stage == auth.StageAuthenticate && slices.Contains(step.Offer, auth.MethodPassword)
	switch {
	case preset.Layout == auth.LayoutOnePage && (password || step.Stage == auth.StageIdentify):
		frame.Flow, frame.Version = "", 0 // each try brings its address along and is a flow of its own
		return &OnePagePage{Frame: frame, Email: f.Email, Remember: f.Remember, Keep: keep}
	case step.Stage == auth.StageIdentify:
		return &IdentifyPage{Frame: frame, Email: f.Email, Remember: f.Remember, Keep: keep}
	case password:
		return &PasswordPage{Frame: frame, Email: f.Email}
	case step.Stage == auth.StageAccount:
		return &AccountPage{Frame: frame, Accounts: step.Accounts}
	case step.Stage == auth.StageReady:
		return &ReadyPage{Frame: frame}
	}
	frame.Notice = "" // the page is about nothing else
	return &StopPage{Frame: frame, Reason: step.Reason, Email: f.Email, Signed: f.UserID != ""}
}

// session is the live session that the browser has. The error is that of a broken store.
func (v *visit) session() (s session.Session, live bool, err error) {
	s, err = v.h.auth.Authenticate(v.r)
	if errors.Is(err, session.ErrNotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

// sendOn sends somebody who is signed in to where they wanted to go.
func (v *visit) sendOn(returnTo string) {
	to := v.h.landing(returnTo)
	if !v.program {
		v.redirect(to)
		return
	}
	a := v.stepAnswer(auth.Step{Decision: auth.Decision{Stage: auth.StageReady}})
	a.ReturnTo = to
	v.json(http.StatusOK, a)
}

// landing is where somebody goes who is signed in.
func (h *Handler) landing(returnTo string) string {
	if returnTo == "" {
		return h.home
	}
	return returnTo
}

// address is where a page is. A language that was chosen just now travels along, unless the page will speak it anyway.
func (v *visit) address(path, speaks string) string {
	to := url.URL{Path: v.h.prefix + path}
	if chosen := v.chosen(); chosen != "" && chosen != speaks {
		to.RawQuery = url.Values{"lang": {chosen}}.Encode()
	}
	return to.String()
}

// kept is what of the query stays when the page changes its language, with some more names: addresses that are not allowed do not.
func (v *visit) kept(more ...string) url.Values {
	q := url.Values{}
	if to := v.h.auth.ReturnTo(v.in["return_to"]); to != "" {
		q.Set("return_to", to)
	}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	for _, name := range more {
		if v.in[name] == "1" || v.in[name] == "other" || v.in[name] == string(auth.ReasonSessionExpired) {
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
