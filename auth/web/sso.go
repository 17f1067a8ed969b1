package web

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
	"github.com/sallyport-auth/sallyport/sso"
)

// arrivalRoutes are where answers from outside lead.
func (h *Handler) arrivalRoutes() []route {
	if h.sso == nil && h.social == nil {
		return nil
	}
	return []route{
		{http.MethodGet, "/signin/arrived", h.arrived},
		{http.MethodPost, "/signin/arrived", h.arrived},
		{http.MethodPost, "/signin/link", h.link},
	}
}

// ssoRoutes are the addresses of connections, {connection} among them.
func (h *Handler) ssoRoutes() []route {
	if h.sso == nil {
		return nil
	}
	return []route{
		{http.MethodGet, "/signin/company", h.showCompanyID},
		{http.MethodPost, "/signin/company", h.companyID},
		{http.MethodGet, "/sso/{connection}/start", h.showStart},
		{http.MethodPost, "/sso/{connection}/start", h.start},
		{http.MethodPost, "/sso/{connection}/acs", h.answerPosted},
		{http.MethodGet, "/sso/{connection}/callback", h.answerBrought},
		{http.MethodGet, "/sso/{connection}/metadata", h.metadata},
		{http.MethodGet, "/sso/{connection}/slo", h.logout},
		{http.MethodPost, "/sso/{connection}/slo", h.logout},
	}
}

// namedIn splits the address of a connection or of a provider: the pattern that it has among the routes, and the ID.
func namedIn(path string) (pattern, id string) {
	for _, of := range []struct{ folder, hole string }{{"/sso/", "{connection}/"}, {"/social/", "{provider}/"}} {
		rest, ok := strings.CutPrefix(path, of.folder)
		id, verb, two := strings.Cut(rest, "/")
		if ok && two && id != "" && !strings.Contains(verb, "/") {
			return of.folder + of.hole + verb, id
		}
	}
	return path, ""
}

// fromElsewhere tells whether other sites post to an address. What they post carries a secret of its own, which is used once, or a
// signature.
func (h *Handler) fromElsewhere(method, pattern, id string) bool {
	company := pattern == "/sso/{connection}/acs" || pattern == "/sso/{connection}/slo"
	return h.sso != nil && method == http.MethodPost && company || h.postsHere(method, pattern, id)
}

// maxAnswer is how long a posted answer may be: 256 KiB, as it is written in a form.
const maxAnswer = 640 << 10

// brought is the message that came to the address of a connection or of a provider. It answers the visitor, and false, where there is none.
func (v *visit) brought() (m sso.Message, ok bool) {
	m = sso.Message{Post: v.r.Method == http.MethodPost, RawQuery: v.r.URL.RawQuery}
	var err error
	if m.Query, err = url.ParseQuery(m.RawQuery); err != nil || len(m.RawQuery) > maxBody {
		v.fail(http.StatusBadRequest, auth.ReasonBadRequest)
		return m, false
	}
	if !m.Post {
		return m, true
	}
	if mediaType(v.r) != "application/x-www-form-urlencoded" {
		v.fail(http.StatusUnsupportedMediaType, auth.ReasonBadRequest)
		return m, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxAnswer))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		v.fail(http.StatusRequestEntityTooLarge, auth.ReasonTooLarge)
		return m, false
	}
	if err == nil && strings.Count(string(body), "&") < maxFields {
		m.Form, err = url.ParseQuery(string(body))
	}
	if err != nil || m.Form == nil {
		v.fail(http.StatusBadRequest, auth.ReasonBadRequest)
		return m, false
	}
	return m, true
}

// showStart shows the way to a company's sign-in that was asked for by name. It changes nothing.
func (h *Handler) showStart(v *visit) {
	v.here.Path = h.prefix + "/sso/" + v.named + "/start"
	v.here.RawQuery = v.kept().Encode()
	if v.program {
		l := v.links()
		l["sso"] = v.here.Path
		v.json(http.StatusOK, stepAnswer{Stage: auth.StageIdentify, Offer: []auth.Method{auth.MethodSSO}, Links: l})
		return
	}
	c, ok := v.destination(v.named)
	if !ok {
		return
	}
	frame := Frame{Purpose: auth.SignIn, At: h.prefix + "/signin", ReturnTo: h.auth.ReturnTo(v.in["return_to"])}
	v.show(http.StatusOK, &CompanyPage{Frame: frame, Company: c.Name, Start: v.here.Path})
}

// destination is a connection that people can be sent to. It answers the visitor, and false, where there is none.
func (v *visit) destination(id string) (c sso.Connection, ok bool) {
	c, err := v.h.sso.Destination(v.r.Context(), id)
	switch {
	case errors.Is(err, sso.ErrNotFound), errors.Is(err, sso.ErrDisabled):
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
	case err != nil:
		v.broken(err)
	default:
		return c, true
	}
	return c, false
}

// start takes the browser to a company's sign-in: for the flow that offers it, or, where there is none, for one that it makes.
func (h *Handler) start(v *visit) {
	ctx := v.r.Context()
	ref := v.ref()
	d, err := h.auth.Depart(ctx, ref, v.named, v.client)
	nameless := ref.ID == "" || d.Stage == auth.StageIdentify                                  // of whoever has come by an account elsewhere, and needs their company
	if nameless && (errors.Is(err, auth.ErrFlowGone) || errors.Is(err, auth.ErrFlowChanged)) { // no form of a flow's: by name
		v.of(auth.SignIn)
		if _, ok := v.destination(v.named); !ok {
			return
		}
		d, err = h.auth.DepartFor(ctx, auth.Opening{
			Remember: v.in.ticked("remember"), ReturnTo: v.in["return_to"], Lang: v.chosen(), Replaces: v.flow,
		}, v.named, v.client)
	}
	if err != nil || d.Handle == nil {
		v.answer(ref, d.Step, err)
		return
	}
	v.depart(d)
}

// depart sends the browser off.
func (v *visit) depart(d auth.Departure) {
	v.issued = cmp.Or(d.Token, v.issued)
	to, err := v.h.sso.Begin(v.r.Context(), d.Connection, sso.Opening{State: d.Handle, LoginHint: d.LoginHint, Fresh: d.Fresh})
	if err != nil {
		v.reference = v.reported(err)
		v.keepFlow()
		step := d.Step
		step.Reason, step.Came.Reference = auth.ReasonSSOFailed, v.reference
		v.showStep(http.StatusUnprocessableEntity, step)
		return
	}
	v.keepFlow()
	v.rememberLanguage()
	c, err := v.h.sso.Destination(v.r.Context(), d.Connection)
	if err != nil {
		v.broken(err)
		return
	}
	var a stepAnswer
	if v.program {
		a = v.stepAnswer(d.Step)
	}
	v.away(to, c.Name, a)
}

// away sends the browser to another site: by a page, because browsers hold the form-action of the page before against a redirect.
// A program is told where to go in its answer.
func (v *visit) away(to sso.Departure, company string, a stepAnswer) {
	if v.program {
		a.Redirect, a.Post = to.URL, answerOfForm(to.Post)
		v.json(http.StatusOK, a)
		return
	}
	page := &AwayPage{Company: company, URL: to.URL}
	if to.Post != nil {
		page.Post, page.URL = to.Post, to.Post.Action
		// Not only the provider itself: it may lead on to another page of its company's, and browsers hold the form to that.
		v.w.Header().Set("Content-Security-Policy", policy+" https: "+originOf(to.Post.Action))
	} else {
		v.w.Header().Set("Refresh", "0; url="+to.URL)
	}
	v.show(http.StatusOK, page)
}

// answerOfForm is what a program is told of a form; nil: there is none.
func answerOfForm(f *sso.Form) *postAnswer {
	if f == nil {
		return nil
	}
	a := &postAnswer{Action: f.Action, Fields: map[string]string{}}
	for _, field := range f.Fields {
		a.Fields[field.Name] = field.Value
	}
	return a
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// answerPosted takes an answer that another site has posted: without cookies, so that it waits for the browser's next request. The ticket
// in its address goes to this browser alone: whoever had somebody else bring the answer to a request of theirs does not get it.
func (h *Handler) answerPosted(v *visit) {
	a, ok := v.received()
	if !ok {
		return
	}
	id, _, err := a.Identity(v.r.Context())
	switch {
	case err != nil && a.Unsolicited:
		v.unanswered(err)
	case a.Unsolicited:
		v.unasked(v.arrivalOf(id, a.Connection))
	default:
		if ticket, ok := v.laid(a, id, err); ok {
			v.redirect(v.h.prefix + "/signin/arrived?" + url.Values{"flow": {h.auth.Departed(a.State)}, "answer": {ticket}}.Encode())
		}
	}
}

// answerBrought takes an answer that the browser brings itself, with its cookies: only that of the flow that asked goes on.
func (h *Handler) answerBrought(v *visit) {
	a, ok := v.received()
	if !ok {
		return
	}
	v.of(auth.PurposeOf(h.auth.Departed(a.State)))
	if a.Unsolicited || !h.auth.Belongs(a.State, v.flow) { // before the code is sent anywhere
		v.unanswered(&sso.Refusal{Code: sso.CodeUnsolicited})
		return
	}
	id, _, err := a.Identity(v.r.Context())
	if ticket, ok := v.laid(a, id, err); ok {
		v.meet(auth.Ref{Token: v.flow}, ticket, false)
	}
}

// received takes the answer that came to the address of a connection. It answers the visitor, and false, where there is none that could
// sign anybody in.
func (v *visit) received() (a sso.Answer, ok bool) {
	m, ok := v.brought()
	if !ok {
		return a, false
	}
	a, err := v.h.sso.Receive(v.r.Context(), v.named, m)
	switch {
	case err != nil:
		v.unanswered(err)
	case a.Test:
		v.tested(a)
	default:
		return a, true
	}
	return a, false
}

// laid lays a company's answer beside the flow that asked for it. It answers the visitor, and false, where that cannot be done.
func (v *visit) laid(a sso.Answer, id sso.Identity, refused error) (ticket string, ok bool) {
	arrival := v.arrivalOf(id, a.Connection)
	if refused != nil {
		arrival = auth.Arrival{Connection: a.Connection.ID, AccountID: a.Connection.AccountID}
		arrival.Why, arrival.Reference = v.publicly(refused)
	}
	return v.lay(a.State, arrival)
}

// lay lays what an answer has come to beside the flow that asked for it, as laid does.
func (v *visit) lay(departed []byte, arrival auth.Arrival) (ticket string, ok bool) {
	ticket, err := v.h.auth.Arrive(v.r.Context(), departed, arrival)
	switch {
	case errors.Is(err, auth.ErrFlowGone), errors.Is(err, auth.ErrFlowChanged):
		v.of(auth.PurposeOf(v.h.auth.Departed(departed)))
		v.gone()
	case err != nil:
		v.broken(err)
	}
	return ticket, err == nil
}

// publicly is what the person may learn of an error, and by which reference those who run the connection find the rest.
func (v *visit) publicly(err error) (auth.Reason, string) {
	reference := v.reported(err)
	if r := (*sso.Refusal)(nil); errors.As(err, &r) {
		return auth.Reason(r.Public()), reference
	}
	return auth.ReasonSSOFailed, reference
}

// unanswered answers a message that belongs to no flow.
func (v *visit) unanswered(err error) {
	if errors.Is(err, sso.ErrNotFound) || errors.Is(err, sso.ErrDisabled) {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	}
	why, reference := v.publicly(err)
	v.refuse(http.StatusUnprocessableEntity, why, reference)
}

// arrivalOf is what package auth is told of an identity.
func (v *visit) arrivalOf(id sso.Identity, c sso.Connection) auth.Arrival {
	a := auth.Arrival{
		Connection: id.Connection, AccountID: id.AccountID, Subject: id.Subject, Email: id.Email,
		Name: cmp.Or(id.Name, strings.TrimSpace(id.GivenName+" "+id.FamilyName)), Role: auth.Role(id.Role), JustInTime: c.JustInTime,
		AuthTime: id.AuthTime, MultiFactor: id.MultiFactor, Ends: id.SessionEnds,
	}
	if id.Subject != "" {
		sealed, err := v.h.sso.SealLogin(id)
		switch {
		case err != nil:
			v.reported(err)
		case len(sealed) <= 8<<10: // a longer one cannot be signed out there
			a.Login = sealed
		}
	}
	return a
}

// unasked takes an answer that nobody has asked for: on the page that follows, the person says whether to go on.
func (v *visit) unasked(a auth.Arrival) {
	v.of(auth.SignIn)
	step, err := v.h.auth.ArriveUnasked(v.r.Context(), a, auth.Opening{Lang: v.chosen()}, v.client)
	if err != nil || step.Reason != "" {
		v.answer(auth.Ref{}, step, err)
		return
	}
	v.issued = step.Token
	v.keepFlow()
	v.redirect(v.h.prefix + "/signin/arrived?" + url.Values{"flow": {step.Flow.ID}}.Encode())
}

// arrived makes a proof of the answer that waits for this browser. One that nobody has asked for is shown by a GET, and counts by a POST.
func (h *Handler) arrived(v *visit) {
	v.meet(v.ref(), v.in["answer"], v.r.Method == http.MethodPost)
}

func (v *visit) meet(ref auth.Ref, ticket string, confirmed bool) {
	step, err := v.h.auth.Arrived(v.r.Context(), ref, ticket, confirmed, v.client)
	if errors.Is(err, auth.ErrFlowChanged) && v.r.Method == http.MethodGet && !v.program { // loaded again
		v.redirect(v.address(roomOf(v.purpose).page, ""))
		return
	}
	if err == nil && step.Flow.Arrival.Unasked {
		v.confirms(step)
		return
	}
	v.reference = step.Came.Reference
	if err == nil && v.purpose == auth.StepUp && step.Flow.Connected {
		v.rememberConnected(step.Came.Provider)
	}
	if err == nil && step.Reason == auth.ReasonSocialCancelled && !v.program { // the page says so, and may be loaded again
		v.issued = cmp.Or(step.Token, v.issued)
		v.keepFlow()
		to := url.URL{Path: v.h.prefix + roomOf(v.purpose).page, RawQuery: url.Values{"reason": {string(step.Reason)}, "provider": {step.Came.Provider}}.Encode()}
		v.redirect(to.String())
		return
	}
	v.answer(ref, step, err)
}

// confirms asks whether to go on as who the company says.
func (v *visit) confirms(step auth.Step) {
	a := step.Came
	c, ok := v.destination(a.Connection)
	if !ok {
		return
	}
	v.keepFlow()
	if v.program {
		answer := v.stepAnswer(step)
		answer.Links["arrived"] = v.h.prefix + "/signin/arrived"
		answer.Company = c.Name
		v.json(http.StatusOK, answer)
		return
	}
	v.here = url.URL{Path: v.h.prefix + "/signin/arrived", RawQuery: url.Values{"flow": {step.Flow.ID}}.Encode()}
	other, err := v.otherThan(a)
	if err != nil {
		v.broken(err)
		return
	}
	v.show(http.StatusOK, &ArrivedPage{Frame: v.stepFrame(step), Company: c.Name, Email: a.Email, Other: other})
}

// otherThan is the address of whoever is signed in on this browser, if that is not the person who arrives.
func (v *visit) otherThan(a auth.Arrival) (string, error) {
	s, live, err := v.session()
	if err != nil || !live {
		return "", err
	}
	u, err := v.h.auth.User(v.r.Context(), s.UserID)
	if errors.Is(err, auth.ErrNotFound) || err == nil && u.Email == a.Email {
		return "", nil
	}
	return u.Email, err
}

// link answers the question whether a company's sign-in, or an account elsewhere, is this person's from now on.
func (h *Handler) link(v *visit) {
	ref := v.ref()
	step, err := h.auth.Link(v.r.Context(), ref, v.in["do"] == "link", v.client)
	v.answer(ref, step, err)
}

// showCompanyID shows the page for whoever knows that their company has its own sign-in.
func (h *Handler) showCompanyID(v *visit) {
	v.here.Path = h.prefix + "/signin/company"
	v.here.RawQuery = v.kept().Encode()
	first := auth.Step{Decision: auth.Decision{Stage: auth.StageIdentify}}
	first.Flow.Email, first.Flow.ReturnTo, first.Flow.Way = h.cookies.open(v.r, emailCookie), h.auth.ReturnTo(v.in["return_to"]), auth.WayCompany
	v.showStep(http.StatusOK, first)
}

// companyID takes the address of whoever comes by that page.
func (h *Handler) companyID(v *visit) {
	v.here.Path = h.prefix + "/signin/company"
	v.in["way"] = string(auth.WayCompany)
	step, err := v.begin()
	v.answer(auth.Ref{Token: step.Token}, step, err)
}

// metadata is what the administrators of a company's provider read of us.
func (h *Handler) metadata(v *visit) {
	doc, kind, err := h.sso.Metadata(v.r.Context(), v.named)
	if err != nil {
		if errors.Is(err, sso.ErrNotFound) {
			v.fail(http.StatusNotFound, auth.ReasonNotFound)
			return
		}
		v.broken(err)
		return
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.Write(doc) // nobody is left to tell if this fails
}

// logout takes a message of single logout: it ends the sessions that the provider names, and answers it.
func (h *Handler) logout(v *visit) {
	m, ok := v.brought()
	if !ok {
		return
	}
	ctx := v.r.Context()
	res, err := h.sso.Logout(ctx, v.named, m)
	if err != nil {
		v.unanswered(err)
		return
	}
	if res.Answered {
		v.redirect(h.prefix + "/signout")
		return
	}
	var failed error
	for _, s := range res.Sessions {
		if err := h.auth.EndSession(ctx, s.UserID, s.SessionID); err != nil && !errors.Is(err, session.ErrNotFound) {
			failed = errors.Join(failed, err)
		}
	}
	to, answers, err := res.Done(ctx, failed == nil)
	switch {
	case failed != nil && (err != nil || !answers):
		v.broken(failed)
	case err != nil:
		v.broken(err)
	case answers && to.Post == nil:
		v.redirect(to.URL)
	case answers:
		v.program = false // a browser carries it
		v.away(to, res.Connection.Name, stepAnswer{})
	default: // between programs
		v.w.WriteHeader(http.StatusOK)
	}
}

// tested ends a test of a connection: it signs nobody in. What came out is for the host.
func (v *visit) tested(a sso.Answer) {
	ctx := v.r.Context()
	rep, id, err := a.DryRun(ctx)
	if r := (*sso.Refusal)(nil); err != nil && !errors.As(err, &r) {
		v.broken(err)
		return
	}
	if v.h.tests == nil {
		v.broken(errors.New("web: Config.SSOTested is nil: nobody is told what the test of a connection came to"))
		return
	}
	if err := v.h.tests(ctx, SSOTest{Connection: a.Connection, State: a.State, Passed: err == nil, Report: rep, Identity: id}); err != nil {
		v.broken(err)
		return
	}
	if v.program {
		v.json(http.StatusOK, struct {
			Passed bool  `json:"passed"`
			Links  links `json:"links"`
		}{err == nil, v.links()})
		return
	}
	v.show(http.StatusOK, &TestedPage{Company: a.Connection.Name, Passed: err == nil})
}

// remember writes down which session at its company a person came from, so that each can end the other.
func (v *visit) remember(done auth.Done) error {
	if v.h.sso == nil || len(done.Login) == 0 {
		return nil
	}
	id, err := v.h.sso.OpenLogin(done.Login)
	if err != nil {
		return err
	}
	return v.h.sso.Remember(v.r.Context(), done.Session.ID, done.Session.UserID, id, done.Session.ExpiresAt)
}

// signOutThere takes whoever has signed out here to their company, to sign out there too. It answers the visitor, and true, where there
// is something to do.
func (v *visit) signOutThere(sessionID string) bool {
	if v.h.sso == nil || sessionID == "" {
		return false
	}
	to, ok, err := v.h.sso.SignOut(v.r.Context(), sessionID)
	if err != nil {
		v.reported(err) // the person is signed out here, which is what they are told
		return false
	}
	if !ok {
		return false
	}
	if v.program {
		a := signOutAnswer{Links: v.links(), Redirect: to.URL, Post: answerOfForm(to.Post)}
		a.Links["signin"] = v.h.prefix + "/signin"
		v.json(http.StatusOK, a)
		return true
	}
	v.here.Path = v.h.prefix + "/signout"
	v.away(to, "", stepAnswer{})
	return true
}

// companyName is how people know the company whose sign-in a step offers; empty where that cannot be told now.
func (v *visit) companyName(step auth.Step) string {
	if step.Connection == "" {
		return ""
	}
	name, _ := v.connectionName(step.Connection) // the page does without
	return name
}

// connectionName is how people know the company of a connection.
func (v *visit) connectionName(id string) (string, error) {
	if v.h.sso == nil {
		return "", nil
	}
	c, err := v.h.sso.Destination(v.r.Context(), id)
	if errors.Is(err, sso.ErrNotFound) || errors.Is(err, sso.ErrDisabled) {
		return "", nil
	}
	return c.Name, err
}

// startOf is where the company's sign-in that a step offers begins; empty: it offers none.
func (v *visit) startOf(step auth.Step) string {
	needed := step.Reason == auth.ReasonSSORequired && step.Connection != "" // a password was right, and does not count
	if v.h.sso == nil || !needed && !slices.Contains(step.Offer, auth.MethodSSO) {
		return ""
	}
	return v.h.prefix + "/sso/" + step.Connection + "/start"
}
