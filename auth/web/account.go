package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/internal/address"
	"github.com/sallyport-auth/sallyport/session"
)

// The pages of my account.
const (
	homePath      = "/account"
	passwordPath  = "/account/password"
	emailPath     = "/account/email"
	recoveryPath  = "/account/recovery" // of the recovery address; recovery codes are a matter of two-step verification
	switchPath    = "/account/switch"
	twoStepPath   = "/account/two-step"
	connectedPath = "/account/connected"
	devicesPath   = "/account/devices"
	sessionsPath  = "/account/sessions"
)

// accountRoutes are those of my account.
func (h *Handler) accountRoutes() []route {
	return slices.Concat(h.emailPage().routes(), h.recoveryEmailPage().routes(), []route{
		{http.MethodGet, homePath, h.showAccount},
		{http.MethodGet, passwordPath, h.showPassword},
		{http.MethodPost, passwordPath, h.changePassword},
		{http.MethodPost, recoveryPath + "/remove", h.removeRecovery},
		{http.MethodGet, switchPath, h.showSwitch},
		{http.MethodPost, switchPath, h.switchCompany},
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
	})
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
	company := func(id, name string, role auth.Role) CompanyRow {
		return CompanyRow{ID: id, Name: name, Role: role, Member: auth.MemberActive, State: auth.AccountActive, Usable: true}
	}
	lapsed, suspended, expired := company("acme", "Acme", auth.RoleAdmin), company("initech", "Initech", auth.RoleMember), company("globex", "Globex", auth.RoleMember)
	lapsed.State, lapsed.GraceEnds, lapsed.Current = auth.AccountLapsed, ago(-10*day), true
	suspended.Member, suspended.Usable = auth.MemberSuspended, false
	expired.State, expired.Usable = auth.AccountExpired, false
	google := ConnectedRow{ID: "idn_1", Name: "Google", Email: "ann.at.home@mail.example", Since: ago(70 * day), Used: ago(3 * time.Hour)}
	rules := []Rule{{Text: "…", Unmet: true}, {Text: "…"}}
	return []Page{
		&AccountHomePage{
			Name: "Ann", Email: "ann@acme.example", Pending: "ann@umbra.example", Password: true, Changed: ago(70 * day),
			Recovery: "a…@home.example", Company: lapsed, Companies: 3, Providers: []string{"Google", "Apple"},
			Session: here, TwoStep: on, Since: ago(21 * day), Devices: 2, Sessions: 2,
		},
		&AccountPasswordPage{Email: "ann@acme.example", Password: true, Changed: ago(70 * day), Rules: rules},
		&AccountEmailPage{Email: "ann@acme.example", Pending: "ann@umbra.example", CanChange: true},
		&AccountRecoveryPage{Email: "ann@acme.example", Recovery: "a…@home.example", Pending: "ann@umbra.example", CanChange: true},
		&AccountConfirmPage{Email: "ann@acme.example", New: "ann@umbra.example", Back: "/auth/account/email"},
		&AccountSwitchPage{Companies: []CompanyRow{lapsed, company("umbra", "Umbra", auth.RoleSuperAdmin), suspended, expired}},
		&AccountTwoStepPage{TwoStep: on, Since: ago(21 * day)},
		&AccountConnectedPage{
			Accounts: []ConnectedRow{google, {ID: "idn_2", Name: "orkut", Off: true, Since: ago(400 * day)}},
			Others:   []ProviderButton{{ID: "apple", Name: "Apple", Label: "Continue with Apple", Start: "/auth/social/apple/start"}},
		},
		&AccountDisconnectPage{Account: google, Remaining: []string{"…", "Apple"}},
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
	User     userAnswer     `json:"user"`
	Company  *companyAnswer `json:"company,omitempty"` // that of the session
	Password passwordAnswer `json:"password"`
	Session  sessionAnswer  `json:"session"`
	TwoStep  twoStepAnswer  `json:"two_step"`
	Links    links          `json:"links"`
}

type userAnswer struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`

	PendingEmail  string `json:"pending_email,omitempty"`  // until it is confirmed
	RecoveryEmail string `json:"recovery_email,omitempty"` // masked
}

// A standing is how a person's account stands, besides two-step verification.
type standing struct {
	password  auth.PasswordState
	pending   string // the new address, until it is confirmed
	recovery  string // the recovery address, masked
	companies []auth.Membership
	providers []string // names of those at which accounts are connected
}

func (v *visit) standing(p person) (s standing, err error) {
	ctx, m := v.r.Context(), v.h.auth
	if s.password, err = m.PasswordState(ctx, p.UserID); err != nil {
		return s, err
	}
	if s.pending, err = m.PendingEmail(ctx, p.UserID); err != nil {
		return s, err
	}
	recovery, _, err := m.RecoveryEmail(ctx, p.UserID)
	if err != nil {
		return s, err
	}
	s.recovery = address.Mask(recovery)
	if v.h.social != nil {
		links, err := m.Connected(ctx, p.UserID)
		if err != nil {
			return s, err
		}
		for _, l := range links {
			s.providers = append(s.providers, v.rowOfLink(l).Name)
		}
	}
	s.companies, err = m.Memberships(ctx, p.UserID)
	return s, err
}

// company is that of the person's session; false: it has none.
func (s standing) company(p person) (auth.Membership, bool) {
	return one(s.companies, p.AccountID, func(m auth.Membership) string { return m.AccountID })
}

// showAccount shows who is signed in, and how their account is protected.
func (h *Handler) showAccount(v *visit) {
	p, ok := v.signedInAs(homePath)
	if !ok {
		return
	}
	s, err := v.standing(p)
	if err != nil {
		v.broken(err)
		return
	}
	state, err := h.auth.TwoStep(v.r.Context(), p.UserID)
	switch {
	case err != nil:
		v.broken(err)
	case v.program:
		v.json(http.StatusOK, v.myAccountAnswer(p, s, state))
	default:
		v.showHome(p, s, state)
	}
}

func (v *visit) myAccountAnswer(p person, s standing, state auth.TwoStepState) myAccountAnswer {
	a := myAccountAnswer{
		User: userAnswer{
			ID: p.user.ID, Name: p.user.Name, Email: p.user.Email, PendingEmail: s.pending, RecoveryEmail: s.recovery,
		},
		Password: answerOfPassword(s.password), Session: answerOfSession(p.Session, p.ID), TwoStep: answerOfTwoStep(state), Links: v.links(),
	}
	if m, ok := s.company(p); ok {
		company := answerOfCompany(m, p.AccountID)
		a.Company = &company
	}
	for name, path := range map[string]string{
		"password": passwordPath, "email": emailPath, "recovery": recoveryPath, "switch": switchPath,
		"two_step": twoStepPath, "devices": devicesPath, "sessions": sessionsPath, "signout": "/signout",
	} {
		a.Links[name] = v.h.prefix + path
	}
	if at := v.h.connectedAt(); at != "" {
		a.Links["connected"] = at
	}
	return a
}

func (v *visit) showHome(p person, s standing, state auth.TwoStepState) {
	ctx, now := v.r.Context(), v.h.auth.Now()
	devices, err := v.h.auth.ListDevices(ctx, p.Session)
	if err != nil {
		v.broken(err)
		return
	}
	sessions, err := v.h.auth.ListSessions(ctx, p.UserID)
	if err != nil {
		v.broken(err)
		return
	}
	page := &AccountHomePage{
		Name: p.user.Name, Email: p.user.Email, Pending: s.pending, SSO: s.password.SSO, Password: s.password.Set,
		Changed: Moment{s.password.ChangedAt, now}, Recovery: s.recovery, Companies: len(s.companies),
		Session: v.h.rowOfSession(p.Session, p.ID, now), Providers: s.providers, TwoStep: state, Since: Moment{state.Since, now},
		Devices: len(devices), Sessions: len(sessions),
	}
	if m, ok := s.company(p); ok {
		page.Company = rowOfCompany(m, p.AccountID, now)
	}
	page.Notice = v.notice(homePath)
	v.show(http.StatusOK, page)
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
		homePath:  {"password": "password.done", "password_set": "password.done.first", "switched": "companies.done"},
		emailPath: {"asked": "email.done.asked", "dropped": "email.done.dropped", "changed": "email.done.changed"},
		recoveryPath: {
			"asked": "recoverymail.done.asked", "dropped": "recoverymail.done.dropped", "changed": "recoverymail.done.changed",
			"removed": "recoverymail.done.removed",
		},
		twoStepPath:   {"off": "twostep.done.off"},
		connectedPath: {"connected": "connected.done.connected", "disconnected": "connected.done.disconnected"},
		devicesPath:   {"trusted": "devices.done.trusted", "untrusted": "devices.done.untrusted"},
		sessionsPath:  {"ended": "sessions.done.ended", "others": "sessions.done.others"},
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
