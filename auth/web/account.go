package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/session"
)

// The pages of my account.
const (
	homePath     = "/account"
	twoStepPath  = "/account/two-step"
	devicesPath  = "/account/devices"
	sessionsPath = "/account/sessions"
)

// accountRoutes are those of my account.
func (h *Handler) accountRoutes() []route {
	return []route{
		{http.MethodGet, homePath, h.showAccount},
		{http.MethodGet, twoStepPath, h.showTwoStep},
		{http.MethodPost, twoStepPath + "/on", h.turnOnTwoStep},
		{http.MethodPost, twoStepPath + "/newdevice", h.replaceApp},
		{http.MethodPost, twoStepPath + "/off", h.turnOffTwoStep},
		{http.MethodPost, twoStepPath + "/codes", h.newRecoveryCodes},
		{http.MethodGet, devicesPath, h.showDevices},
		{http.MethodPost, devicesPath + "/trust", h.trustDevice},
		{http.MethodPost, devicesPath + "/untrust", h.stopTrusting},
		{http.MethodGet, devicesPath + "/report", h.showReport},
		{http.MethodPost, devicesPath + "/report", h.reportDevice},
		{http.MethodGet, sessionsPath, h.showSessions},
		{http.MethodPost, sessionsPath + "/end", h.endSession},
		{http.MethodPost, sessionsPath + "/end/others", h.endOtherSessions},
		{http.MethodGet, sessionsPath + "/end/all", h.showEndAll},
		{http.MethodPost, sessionsPath + "/end/all", h.endAllSessions},
	}
}

// accountSamples are pages of my account, of every kind.
func accountSamples() []Page {
	now := time.Date(2026, time.November, 22, 14, 5, 0, 0, time.UTC)
	ago := func(d time.Duration) Moment { return Moment{At: now.Add(-d), Now: now} }
	here := SessionRow{
		ID: "s1", Browser: "Firefox, Linux", IP: "192.0.2.1", Current: true, Kept: true, Methods: "password totp",
		SignedIn: ago(3 * time.Hour), Seen: ago(0),
	}
	there := SessionRow{ID: "s2", Methods: "password email_code", SignedIn: ago(40 * day), Seen: ago(25 * time.Minute)}
	trusted := DeviceRow{
		ID: "d1", Browser: "Firefox, Linux", IP: "192.0.2.1", Current: true, Sessions: 1,
		FirstSeen: ago(70 * day), LastSeen: ago(3 * time.Hour), Trusted: ago(21 * day), Spared: ago(-9 * day),
	}
	strange := DeviceRow{ID: "d2", Browser: "Chrome, Windows", IP: "203.0.113.9", FirstSeen: ago(2 * day), LastSeen: ago(2 * day), Sessions: 2}
	on := auth.TwoStepState{Since: now.Add(-21 * day), CodesLeft: 9}
	return []Page{
		&AccountHomePage{
			Name: "Ann", Email: "ann@acme.example", Session: here, TwoStep: on, Since: ago(21 * day), Devices: 2, Sessions: 2,
		},
		&AccountTwoStepPage{TwoStep: on, Since: ago(21 * day)},
		&AccountDevicesPage{Devices: []DeviceRow{trusted, strange, {ID: "d3", FirstSeen: ago(50 * day), LastSeen: ago(30 * day)}}, TwoStep: true, TrustDays: 90},
		&AccountReportPage{Device: strange},
		&AccountReportedPage{Email: "ann@acme.example"},
		&AccountSessionsPage{Sessions: []SessionRow{here, there}},
		&AccountEndAllPage{Sessions: 2},
	}
}

// A person is whoever is signed in, and by which session.
type person struct {
	session.Session
	user auth.User
}

// myAccountAnswer is my account for a program.
type myAccountAnswer struct {
	User    userAnswer    `json:"user"`
	Session sessionAnswer `json:"session"`
	TwoStep twoStepAnswer `json:"two_step"`
	Links   links         `json:"links"`
}

type userAnswer struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`
}

// showAccount shows who is signed in, and how their account is protected.
func (h *Handler) showAccount(v *visit) {
	p, ok := v.signedInAs(homePath)
	if !ok {
		return
	}
	ctx := v.r.Context()
	state, err := h.auth.TwoStep(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	if v.program {
		a := myAccountAnswer{
			User:    userAnswer{ID: p.user.ID, Name: p.user.Name, Email: p.user.Email},
			Session: answerOfSession(p.Session, p.ID), TwoStep: answerOfTwoStep(state), Links: v.links(),
		}
		a.Links["two_step"], a.Links["devices"] = h.prefix+twoStepPath, h.prefix+devicesPath
		a.Links["sessions"], a.Links["signout"] = h.prefix+sessionsPath, h.prefix+"/signout"
		v.json(http.StatusOK, a)
		return
	}
	devices, err := h.auth.ListDevices(ctx, p.Session)
	if err != nil {
		v.broken(err)
		return
	}
	sessions, err := h.auth.ListSessions(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	now := h.auth.Now()
	v.show(http.StatusOK, &AccountHomePage{
		Name: p.user.Name, Email: p.user.Email, Session: rowOfSession(p.Session, p.ID, now),
		TwoStep: state, Since: Moment{state.Since, now}, Devices: len(devices), Sessions: len(sessions),
	})
}

// signedInAs is whoever asks. back is the page that the request belongs to: where its language is changed, and where a sign-in that
// has to come first leads. It answers the visitor, and false, where nobody is signed in.
func (v *visit) signedInAs(back string) (person, bool) {
	path, query, _ := strings.Cut(back, "?")
	v.here = url.URL{Path: v.h.prefix + path, RawQuery: query}
	s, live, err := v.session()
	if err != nil {
		v.broken(err)
		return person{}, false
	}
	u := auth.User{}
	if live {
		u, err = v.h.auth.User(v.r.Context(), s.UserID)
		if errors.Is(err, auth.ErrNotFound) { // whoever was deleted is signed in no more
			live, err = false, nil
		}
		if err != nil {
			v.broken(err)
			return person{}, false
		}
	}
	if !live {
		v.signInFirst(back)
		return person{}, false
	}
	v.ownLang = u.Locale
	return person{s, u}, true
}

// signInFirst answers somebody who is not signed in.
func (v *visit) signInFirst(back string) {
	reason := auth.ReasonSignInRequired
	if _, presented := v.h.auth.SessionToken(v.r); presented {
		reason = auth.ReasonSessionExpired
	}
	if v.program {
		a := errorAnswer{Reason: reason, Message: v.message(reason, 0), Links: v.links()}
		a.Links["signin"] = v.h.prefix + "/signin"
		v.json(http.StatusUnauthorized, a)
		return
	}
	q := url.Values{"return_to": {v.h.prefix + back}}
	if reason == auth.ReasonSessionExpired {
		q.Set("reason", string(reason))
	}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + "/signin", RawQuery: q.Encode()}
	v.redirect(to.String())
}

// proofFirst answers somebody who must prove once more who they are. back is the page to which that leads, with the part of it that
// the request came from: what was asked for is never done by itself.
func (v *visit) proofFirst(back string) {
	to := url.URL{Path: v.h.prefix + "/stepup"}
	if v.program {
		a := errorAnswer{Reason: auth.ReasonProofRequired, Message: v.message(auth.ReasonProofRequired, 0), Links: v.links()}
		a.Links["stepup"] = to.Path
		v.json(http.StatusForbidden, a)
		return
	}
	q := url.Values{"return_to": {v.h.prefix + back}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to.RawQuery = q.Encode()
	v.redirect(to.String())
}

// told are what a page of my account says after something was done there: the keys by what stands in the query.
func told(page string) map[string]string {
	return map[string]map[string]string{
		twoStepPath:  {"off": "twostep.done.off"},
		devicesPath:  {"trusted": "devices.done.trusted", "untrusted": "devices.done.untrusted"},
		sessionsPath: {"ended": "sessions.done.ended", "others": "sessions.done.others"},
	}[page]
}

// done sends a browser back to the page where it has done something.
func (v *visit) done(page, what, part string) {
	v.rememberLanguage()
	q := url.Values{"done": {what}}
	if v.chosen() != "" {
		q.Set("lang", v.chosen())
	}
	to := url.URL{Path: v.h.prefix + page, RawQuery: q.Encode(), Fragment: part}
	v.redirect(to.String())
}

// notice is what the page says of what was done there.
func (v *visit) notice(page string) string {
	if v.r.Method == http.MethodPost {
		return ""
	}
	if key := told(page)[v.in["done"]]; key != "" {
		return v.text().Get(key)
	}
	return ""
}

// refusal is the summary on top of a page of my account.
func (v *visit) refusal(reason auth.Reason) *Problem {
	return &Problem{Reason: reason, Message: v.message(reason, 0)}
}

// goneProblem is the summary for what is not there: it has ended in another tab, or never was the person's.
func (v *visit) goneProblem(key string) *Problem {
	return &Problem{Reason: auth.ReasonNotFound, Message: v.text().Get(key)}
}

// one is the one that a posted id names among the person's own: nothing that somebody typed gets any further.
func one[T any](all []T, id string, is func(T) string) (T, bool) {
	i := slices.IndexFunc(all, func(t T) bool { return is(t) == id })
	if id == "" || i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}
