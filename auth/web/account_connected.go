package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/social"
)

// connectedAnswer are the accounts elsewhere, for a program.
type connectedAnswer struct {
	Accounts  []connectedAccount `json:"accounts"`
	Providers []providerAnswer   `json:"providers"` // that none is connected at, and one can be
	Remaining []string           `json:"remaining,omitempty"`
	SSO       bool               `json:"sso"` // none can be: the company has its own sign-in
	refusalAnswer
	Links links `json:"links"`
}

type connectedAccount struct {
	ID        string `json:"id"`
	Provider  string `json:"provider"`
	Name      string `json:"name"`
	Email     string `json:"email,omitempty"`
	Offered   bool   `json:"offered"` // one can sign in with the provider now
	Connected string `json:"connected_at"`
	Used      string `json:"used_at,omitempty"`
}

// providerAnswer is a provider, for a program.
type providerAnswer struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Start string `json:"start,omitempty"`
	Last  bool   `json:"last,omitempty"`
}

// A tie is what my account knows of a person's accounts elsewhere.
type tie struct {
	links []auth.Link
	state auth.PasswordState
}

func (v *visit) ties(p person) (t tie, err error) {
	if t.links, err = v.h.auth.Connected(v.r.Context(), p.UserID); err != nil {
		return t, err
	}
	t.state, err = v.h.auth.PasswordState(v.r.Context(), p.UserID)
	return t, err
}

// showConnected lists the person's accounts elsewhere.
func (h *Handler) showConnected(v *visit) {
	if p, ok := v.signedInAs(connectedPath); ok {
		v.answerConnected(http.StatusOK, p, nil, auth.Answer{})
	}
}

// answerConnected shows them, with what was wrong with the last request: for people as a problem, for programs as an answer.
func (v *visit) answerConnected(status int, p person, problem *Problem, a auth.Answer) {
	v.here = url.URL{Path: v.h.prefix + connectedPath}
	t, err := v.ties(p)
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		v.json(status, v.connectedAnswer(t, a))
		return
	}
	page := &AccountConnectedPage{SSO: t.state.SSO}
	for _, l := range t.links {
		page.Accounts = append(page.Accounts, v.rowOfLink(l))
	}
	for _, other := range v.unconnected(t) {
		page.Others = append(page.Others, v.providerButton(other))
	}
	if page.Problem = problem; problem == nil {
		page.Notice = v.notice(connectedPath)
	}
	v.show(status, page)
}

func (v *visit) connectedAnswer(t tie, a auth.Answer) connectedAnswer {
	answer := connectedAnswer{
		Accounts: []connectedAccount{}, Providers: []providerAnswer{}, SSO: t.state.SSO, refusalAnswer: v.refusalAnswer(a), Links: v.accountLinks(),
	}
	for _, l := range t.links {
		row := v.rowOfLink(l)
		one := connectedAccount{
			ID: l.ID, Provider: l.Provider, Name: row.Name, Email: l.Email, Offered: !row.Off, Connected: stamp(l.LinkedAt),
		}
		if !l.UsedAt.IsZero() {
			one.Used = stamp(l.UsedAt)
		}
		answer.Accounts = append(answer.Accounts, one)
	}
	for _, other := range v.unconnected(t) {
		answer.Providers = append(answer.Providers, providerAnswer{ID: other.ID, Name: other.Name})
	}
	for name, path := range map[string]string{"connected": "", "connect": "/connect", "disconnect": "/disconnect"} {
		answer.Links[name] = v.h.prefix + connectedPath + path
	}
	return answer
}

// unconnected are the providers at which the person may connect an account.
func (v *visit) unconnected(t tie) (all []social.Provider) {
	if t.state.SSO {
		return nil
	}
	for _, p := range v.h.social.Providers() {
		if !slices.ContainsFunc(t.links, func(l auth.Link) bool { return l.Provider == p.ID }) {
			all = append(all, p)
		}
	}
	return all
}

func (v *visit) rowOfLink(l auth.Link) ConnectedRow {
	p, known := v.h.social.Provider(l.Provider)
	now := v.h.auth.Now()
	return ConnectedRow{
		ID: l.ID, Name: cmp.Or(p.Name, l.Provider), Email: l.Email, Logo: v.h.assets.named["provider-"+l.Provider+".svg"], Off: !known,
		Since: Moment{l.LinkedAt, now}, Used: Moment{l.UsedAt, now},
	}
}

// connect begins a step-up that leads to a provider. Whoever has proven just now who they are goes there at once.
func (h *Handler) connect(v *visit) {
	p, ok := v.signedInAs(connectedPath)
	if !ok {
		return
	}
	to, known := h.social.Provider(v.in["provider"])
	t, err := v.ties(p)
	switch {
	case err != nil:
		v.broken(err)
		return
	case !known:
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	case t.state.SSO:
		v.unchanged(p, auth.Answer{Reason: auth.ReasonSSORequired})
		return
	}
	v.of(auth.StepUp)
	back := url.URL{Path: h.prefix + connectedPath, RawQuery: url.Values{"done": {"connected"}}.Encode()}
	step, err := h.auth.StepUp(v.r.Context(), auth.StepUpOpening{
		Action: auth.ActionConnect, Provider: to.ID, ReturnTo: back.String(), Lang: v.chosen(), Replaces: v.flow,
	}, v.client)
	ref := auth.Ref{Token: step.Token, ID: step.Flow.ID, Version: step.Flow.Version}
	v.issued = step.Token
	switch {
	case errors.Is(err, auth.ErrFlowGone):
		v.signInFirst(connectedPath)
	case err == nil && step.Stage == auth.StageLink && step.Reason == "":
		d, err := h.auth.DepartSocial(v.r.Context(), ref, auth.Opening{}, to.ID, v.client)
		if err != nil || d.Handle == nil {
			v.answer(ref, d.Step, err)
			return
		}
		v.departSocial(to, d)
	default:
		v.answer(ref, step, err)
	}
}

// unchanged shows the accounts elsewhere again, and why nothing was done.
func (v *visit) unchanged(p person, a auth.Answer) {
	v.refused(a, nil, connectedPath, func(status int) { v.answerConnected(status, p, v.accountProblem(a), a) })
}

// disconnectAt is the page that asks whether to disconnect an account.
func disconnectAt(id string) string {
	return connectedPath + "/disconnect?" + url.Values{"id": {id}}.Encode()
}

// showDisconnect asks whether to disconnect an account, and says what remains.
func (h *Handler) showDisconnect(v *visit) {
	p, ok := v.signedInAs(disconnectAt(v.in["id"]))
	if !ok {
		return
	}
	t, err := v.ties(p)
	if err != nil {
		v.broken(err)
		return
	}
	l, ok := one(t.links, v.in["id"], func(l auth.Link) string { return l.ID })
	if !ok {
		v.notConnected(p)
		return
	}
	remaining := v.remaining(t, l)
	if v.program {
		a := v.connectedAnswer(tie{[]auth.Link{l}, t.state}, auth.Answer{})
		a.Providers, a.Remaining = []providerAnswer{}, append([]string{}, remaining...)
		v.json(http.StatusOK, a)
		return
	}
	v.show(http.StatusOK, &AccountDisconnectPage{Account: v.rowOfLink(l), Remaining: remaining})
}

// remaining are the ways to sign in that a person has without one account elsewhere, in words.
func (v *visit) remaining(t tie, without auth.Link) (ways []string) {
	text := v.text()
	switch {
	case t.state.SSO:
		ways = append(ways, text.Get("sessions.method.sso"))
	case t.state.Set:
		ways = append(ways, text.Get("sessions.method.password"))
	}
	for _, l := range t.links {
		if row := v.rowOfLink(l); l.ID != without.ID && !row.Off {
			ways = append(ways, row.Name)
		}
	}
	return ways
}

// notConnected answers somebody who means an account that is not theirs, or not any more.
func (v *visit) notConnected(p person) {
	if v.program {
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
		return
	}
	v.answerConnected(http.StatusNotFound, p, v.goneProblem("connected.gone"), auth.Answer{})
}

// disconnect takes an account elsewhere back.
func (h *Handler) disconnect(v *visit) {
	p, ok := v.signedInAs(connectedPath)
	if !ok {
		return
	}
	var providers []auth.Provider
	for _, one := range h.social.Providers() {
		providers = append(providers, auth.Provider{ID: one.ID, Name: one.Name})
	}
	why, err := h.auth.Disconnect(v.r.Context(), p.Session, v.in["id"], providers, v.client)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		v.notConnected(p)
	case err != nil:
		v.broken(err)
	case why == auth.ReasonProofRequired:
		v.proofFirst(disconnectAt(v.in["id"]))
	case why != "":
		v.unchanged(p, auth.Answer{Reason: why})
	case v.program:
		v.answerConnected(http.StatusOK, p, nil, auth.Answer{})
	default:
		v.done(connectedPath, "disconnected", "")
	}
}
