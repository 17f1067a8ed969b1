package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
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

// listSessions lists where the person is signed in.
func (h *Handler) listSessions(v *visit) {
	if s, ok := v.signedInAs(); ok {
		v.answerSessions(s)
	}
}

// endSession ends one of the person's sessions: in another browser, or this one.
func (h *Handler) endSession(v *visit) {
	s, ok := v.signedInAs()
	if !ok {
		return
	}
	ctx, id := v.r.Context(), v.in["id"]
	mine, err := h.auth.ListSessions(ctx, s.UserID) // so that nothing that somebody typed gets into the trail
	if err != nil {
		v.broken(err)
		return
	}
	err = session.ErrNotFound
	if slices.ContainsFunc(mine, func(one session.Session) bool { return one.ID == id }) {
		err = h.auth.EndSession(ctx, s.UserID, id)
	}
	switch {
	case errors.Is(err, session.ErrNotFound):
		v.fail(http.StatusNotFound, auth.ReasonNotFound)
	case err != nil:
		v.broken(err)
	case id == s.ID:
		v.answerEnded()
	default:
		v.answerSessions(s)
	}
}

// endOtherSessions ends every session of the person but the one that asks.
func (h *Handler) endOtherSessions(v *visit) {
	s, ok := v.signedInAs()
	if !ok {
		return
	}
	if err := h.auth.EndOtherSessions(v.r.Context(), s); err != nil {
		v.broken(err)
		return
	}
	v.answerSessions(s)
}

// endAllSessions ends every session of the person, and what is remembered of their browsers.
func (h *Handler) endAllSessions(v *visit) {
	s, ok := v.signedInAs()
	if !ok {
		return
	}
	if err := h.auth.EndUser(v.r.Context(), s.UserID); err != nil {
		v.broken(err)
		return
	}
	v.answerEnded()
}

// signedInAs is the session of whoever asks. It answers the visitor, and false, where there is none. In this release the list
// has no page: it is JSON for everybody.
func (v *visit) signedInAs() (session.Session, bool) {
	v.program = true
	s, live, err := v.session()
	switch {
	case err != nil:
		v.broken(err)
	case !live:
		reason := auth.ReasonSignInRequired
		if _, presented := v.h.auth.SessionToken(v.r); presented {
			reason = auth.ReasonSessionExpired
		}
		a := errorAnswer{Reason: reason, Message: v.message(reason, 0), Links: v.links()}
		a.Links["signin"] = v.h.prefix + "/signin"
		v.json(http.StatusUnauthorized, a)
	}
	return s, live
}

// answerSessions lists what is left.
func (v *visit) answerSessions(current session.Session) {
	all, err := v.h.auth.ListSessions(v.r.Context(), current.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	a := sessionsAnswer{Sessions: []sessionAnswer{}, Links: v.links()}
	for _, s := range all {
		a.Sessions = append(a.Sessions, sessionAnswer{
			ID: s.ID, Current: s.ID == current.ID, AccountID: s.AccountID, Methods: slices.Collect(s.Methods.All()), Kept: s.Kept,
			SignedIn: stamp(s.CreatedAt), LastSeen: stamp(s.SeenAt), Expires: stamp(s.ExpiresAt), UserAgent: s.UserAgent, IP: s.IP,
		})
	}
	for name, path := range map[string]string{"end": "", "end_others": "/others", "end_all": "/all"} {
		a.Links[name] = v.h.prefix + "/account/sessions/end" + path
	}
	v.json(http.StatusOK, a)
}

// answerEnded answers somebody whose own session has just ended.
func (v *visit) answerEnded() {
	v.forget()
	a := sessionsAnswer{Sessions: []sessionAnswer{}, Links: v.links()}
	a.Links["signin"] = v.h.prefix + "/signin"
	v.json(http.StatusOK, a)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
