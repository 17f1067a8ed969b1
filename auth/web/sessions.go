package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/session"
)

// sessionsAnswer is a person's own list of sessions.
type sessionsAnswer struct {
	Sessions []sessionAnswer `json:"sessions"`
	Links    links           `json:"links"`
}

type sessionAnswer struct {
	ID        string   `json:"id"` // opens nothing
	Current   bool     `json:"current"`
	AccountID string   `json:"account,omitempty"`
	Methods   []string `json:"methods"`
	Kept      bool     `json:"kept"`
	SignedIn  string   `json:"signed_in"`
	LastSeen  string   `json:"last_seen"`
	Expires   string   `json:"expires"` // at the latest
	UserAgent string   `json:"user_agent,omitempty"`
	IP        string   `json:"ip,omitempty"`
}

func answerOfSession(s session.Session, current string) sessionAnswer {
	return sessionAnswer{
		ID: s.ID, Current: s.ID == current, AccountID: s.AccountID, Methods: slices.Collect(s.Methods.All()), Kept: s.Kept,
		SignedIn: stamp(s.CreatedAt), LastSeen: stamp(s.SeenAt), Expires: stamp(s.ExpiresAt), UserAgent: s.UserAgent, IP: s.IP,
	}
}

// showSessions lists where the person is signed in.
func (h *Handler) showSessions(v *visit) {
	if p, ok := v.signedInAs(sessionsPath); ok {
		v.answerSessions(http.StatusOK, p, nil)
	}
}

// endSession ends one of the person's sessions: in another browser, or this one.
func (h *Handler) endSession(v *visit) {
	p, ok := v.signedInAs(sessionsPath)
	if !ok {
		return
	}
	ctx := v.r.Context()
	mine, err := h.auth.ListSessions(ctx, p.UserID) // so that nothing that somebody typed gets into the trail
	if err != nil {
		v.broken(err)
		return
	}
	s, ok := one(mine, v.in["id"], func(s session.Session) string { return s.ID })
	err = session.ErrNotFound
	if ok {
		err = h.auth.EndSession(ctx, p.UserID, s.ID)
	}
	switch {
	case errors.Is(err, session.ErrNotFound):
		v.answerSessions(http.StatusNotFound, p, v.goneProblem("sessions.gone"))
	case err != nil:
		v.broken(err)
	case s.ID == p.ID:
		v.answerEnded()
	case v.program:
		v.answerSessions(http.StatusOK, p, nil)
	default:
		v.done(sessionsPath, "ended", "")
	}
}

// endOtherSessions ends every session of the person but the one that asks.
func (h *Handler) endOtherSessions(v *visit) {
	p, ok := v.signedInAs(sessionsPath)
	if !ok {
		return
	}
	err := h.auth.EndOtherSessions(v.r.Context(), p.Session)
	switch {
	case err != nil:
		v.broken(err)
	case v.program:
		v.answerSessions(http.StatusOK, p, nil)
	default:
		v.done(sessionsPath, "others", "")
	}
}

// showEndAll asks whether every session is to be ended. For a program it is the list.
func (h *Handler) showEndAll(v *visit) {
	p, ok := v.signedInAs(sessionsPath + "/end/all")
	if !ok {
		return
	}
	if v.program {
		v.answerSessions(http.StatusOK, p, nil)
		return
	}
	all, err := h.auth.ListSessions(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	v.show(http.StatusOK, &AccountEndAllPage{Sessions: len(all)})
}

// endAllSessions ends every session of the person, and what is remembered of their browsers.
func (h *Handler) endAllSessions(v *visit) {
	p, ok := v.signedInAs(sessionsPath)
	if !ok {
		return
	}
	if err := h.auth.EndUser(v.r.Context(), p.UserID); err != nil {
		v.broken(err)
		return
	}
	v.answerEnded()
}

// answerSessions shows what is left, with what was wrong with the last request.
func (v *visit) answerSessions(status int, p person, problem *Problem) {
	if v.program && problem != nil {
		v.fail(status, problem.Reason)
		return
	}
	all, err := v.h.auth.ListSessions(v.r.Context(), p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		v.json(status, v.sessionsJSON(all, p.ID))
		return
	}
	page := &AccountSessionsPage{}
	now := v.h.auth.Now()
	for _, s := range all {
		page.Sessions = append(page.Sessions, v.h.rowOfSession(s, p.ID, now))
	}
	currentFirst(page.Sessions, func(s SessionRow) bool { return s.Current })
	if page.Problem = problem; problem == nil {
		page.Notice = v.notice(sessionsPath)
	}
	v.show(status, page)
}

func (v *visit) sessionsJSON(all []session.Session, current string) sessionsAnswer {
	a := sessionsAnswer{Sessions: []sessionAnswer{}, Links: v.links()}
	for _, s := range all {
		a.Sessions = append(a.Sessions, answerOfSession(s, current))
	}
	for name, path := range map[string]string{"end": "", "end_others": "/others", "end_all": "/all"} {
		a.Links[name] = v.h.prefix + sessionsPath + "/end" + path
	}
	return a
}

// answerEnded answers somebody whose own session has just ended.
func (v *visit) answerEnded() {
	v.forget()
	v.rememberLanguage()
	if !v.program {
		v.redirect(v.address("/signout", ""))
		return
	}
	a := sessionsAnswer{Sessions: []sessionAnswer{}, Links: v.links()}
	a.Links["signin"] = v.h.prefix + "/signin"
	v.json(http.StatusOK, a)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
