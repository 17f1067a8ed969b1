package web

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sallyport-auth/sallyport/auth"
	"github.com/sallyport-auth/sallyport/auth/locale"
	"github.com/sallyport-auth/sallyport/session"
)

// The pages of my account. Their forms are posted to addresses below Prefix: account/password (current, password); account/email
// (email), …/drop and …/confirm (link); account/recovery (email), …/drop, …/remove and …/confirm (link); account/switch (account,
// return_to); account/two-step/on, …/newdevice, …/off and …/codes; account/connected/connect (provider) and …/disconnect (id);
// account/devices/trust, …/untrust and …/report (id); account/sessions/end (id), …/end/others and …/end/all; and signout.

// AccountHomePage says who is signed in, and how their account is protected.
type AccountHomePage struct {
	Frame
	Name      string // may be empty
	Email     string
	Pending   string     // the new address, until it is confirmed; empty: none
	SSO       bool       // the company has its own sign-in: there is no password and no address to change
	Password  bool       // there is one
	Changed   Moment     // since when it is this one
	Recovery  string     // the recovery address, masked; empty: none
	Providers []string   // names of the providers at which accounts are connected
	Company   CompanyRow // that of the session; the zero CompanyRow: it has none
	Companies int        // how many the person belongs to, whatever their state
	Session   SessionRow // the one that asks
	TwoStep   auth.TwoStepState
	Since     Moment // since when two-step verification is on
	Devices   int    // how many devices are known
	Sessions  int    // how many sessions there are
}

// AccountPasswordPage changes the password, or sets the first.
type AccountPasswordPage struct {
	Frame
	Email    string // for password managers
	Password bool   // there is one, which is asked for
	Changed  Moment // since when it is this one
	SSO      bool   // the company has its own sign-in: there is no form
	Rules    []Rule // of a new one
}

// AccountEmailPage shows the person's address and begins a change of it.
type AccountEmailPage struct {
	Frame
	Email     string
	Pending   string // the new address, until it is confirmed; empty: none
	New       string // what was typed into the form
	CanChange bool   // there is a form
	SSO       bool   // there is none because the company has its own sign-in
}

// AccountRecoveryPage shows the address that resets are mailed to, and changes it.
type AccountRecoveryPage struct {
	Frame
	Email     string // the person's own address
	Recovery  string // the recovery address, masked; empty: none
	Pending   string // the one that waits to be confirmed; empty: none
	New       string // what was typed into the form
	CanChange bool   // there is a form
	SSO       bool   // there is none because the company has its own sign-in
}

// AccountConfirmPage is where the link in a letter to a new address leads.
type AccountConfirmPage struct {
	Frame
	Email    string      // of whoever is signed in
	New      string      // the address to confirm; empty where the link does not count
	Recovery bool        // it becomes the recovery address, else the person's own
	Reason   auth.Reason // why the link does not count; empty: it does
	Back     string      // the page where a change begins
}

// AccountSwitchPage lists the companies that the person belongs to, and leads into another one.
type AccountSwitchPage struct {
	Frame
	Companies []CompanyRow
}

// AccountTwoStepPage turns two-step verification on and off, and makes recovery codes.
type AccountTwoStepPage struct {
	Frame
	TwoStep auth.TwoStepState
	Since   Moment
}

// AccountConnectedPage lists the accounts elsewhere that the person signs in with, and connects others.
type AccountConnectedPage struct {
	Frame
	Accounts []ConnectedRow
	Others   []ProviderButton // that none is connected at
	SSO      bool             // none can be connected because the company has its own sign-in
}

// AccountDisconnectPage asks whether an account elsewhere is to be disconnected.
type AccountDisconnectPage struct {
	Frame
	Account   ConnectedRow
	Remaining []string // the ways to sign in that remain, in words
}

// AccountDevicesPage lists the browsers that the person has signed in from.
type AccountDevicesPage struct {
	Frame
	Devices   []DeviceRow
	TrustDays int  // how long trust lasts
	TwoStep   bool // there is an app, whose code trust does not spare
}

// AccountReportPage asks whether a device is to be reported.
type AccountReportPage struct {
	Frame
	Device DeviceRow
	Alone  bool // nothing but this device is signed out: Preset.KeepOnReport
}

// AccountReportedPage says what a report has done.
type AccountReportedPage struct {
	Frame
	Email string
	Alone bool
}

// AccountSessionsPage lists where the person is signed in.
type AccountSessionsPage struct {
	Frame
	Sessions []SessionRow
}

// AccountEndAllPage asks whether every session is to be ended.
type AccountEndAllPage struct {
	Frame
	Sessions int
}

func (*AccountHomePage) Template() string       { return "account_home" }
func (*AccountPasswordPage) Template() string   { return "account_password" }
func (*AccountEmailPage) Template() string      { return "account_email" }
func (*AccountRecoveryPage) Template() string   { return "account_recovery" }
func (*AccountConfirmPage) Template() string    { return "account_confirm" }
func (*AccountSwitchPage) Template() string     { return "account_switch" }
func (*AccountTwoStepPage) Template() string    { return "account_twostep" }
func (*AccountConnectedPage) Template() string  { return "account_connected" }
func (*AccountDisconnectPage) Template() string { return "account_disconnect" }
func (*AccountDevicesPage) Template() string    { return "account_devices" }
func (*AccountReportPage) Template() string     { return "account_report" }
func (*AccountReportedPage) Template() string   { return "account_reported" }
func (*AccountSessionsPage) Template() string   { return "account_sessions" }
func (*AccountEndAllPage) Template() string     { return "account_endall" }

// A SessionRow is a session as people see it.
type SessionRow struct {
	ID       string
	Browser  string // "Firefox, Linux"; empty: it cannot be told
	IP       string // the address at sign-in; empty: unknown
	Current  bool   // the one that asks
	Kept     bool
	Methods  session.Methods
	SignedIn Moment
	Seen     Moment // the last activity

	providers map[string]string // names by ID
}

// A DeviceRow is a device as people see it.
type DeviceRow struct {
	ID        string
	Browser   string // "Firefox, Linux"; empty: it cannot be told
	IP        string // the address of the last sign-in; empty: unknown
	Current   bool   // the one that asks
	Sessions  int    // how many are open there; zero: nobody is signed in
	FirstSeen Moment
	LastSeen  Moment // the last sign-in
	Trusted   Moment // since when; zero: it is not trusted
	Spared    Moment // until when it needs no code of the app; zero: it needs one
}

// A ConnectedRow is an account elsewhere as people see it.
type ConnectedRow struct {
	ID    string // of the link
	Name  string // of the provider
	Email string // the address there, when it was connected; empty: the provider gave none
	Logo  Asset  // as in ProviderButton
	Off   bool   // nobody can sign in with that provider now
	Since Moment
	Used  Moment // the last sign-in; zero: none yet
}

// A CompanyRow is a company as its people see it.
type CompanyRow struct {
	ID        string // empty: there is no company
	Name      string
	Role      auth.Role
	Member    auth.MemberState
	State     auth.AccountState
	GraceEnds Moment // of a lapsed company: it works until then; zero: no such day was set
	Current   bool   // that of the session
	Usable    bool   // it can be entered
}

// RoleName is what the person is in the company, in words. A role of the host's own is a member's here.
func (r CompanyRow) RoleName(words locale.Text) string {
	switch r.Role {
	case auth.RoleSuperAdmin:
		return words.Get("companies.role.super_admin")
	case auth.RoleAdmin:
		return words.Get("companies.role.admin")
	}
	return words.Get("companies.role.member")
}

// A Moment is a point in time, as pages tell it.
type Moment struct {
	At  time.Time
	Now time.Time // when the page was made
}

// IsZero tells whether there is no such moment.
func (m Moment) IsZero() bool { return m.At.IsZero() }

// Stamp is for the datetime attribute.
func (m Moment) Stamp() string { return stamp(m.At) }

// Day is the date, in UTC: "22 November 2026".
func (m Moment) Day(words locale.Text) string { return words.Get("myaccount.day", m.parts(words)...) }

// Full is the date and the time, in UTC, as letters tell it too: "22 November 2026, 14:05 UTC".
func (m Moment) Full(words locale.Text) string { return words.Get("mail.time", m.parts(words)...) }

func (m Moment) parts(words locale.Text) []string {
	t := m.At.UTC()
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = words.Get("mail.day.first")
	}
	return []string{
		"day", day, "month", words.Get("mail.month." + strconv.Itoa(int(t.Month()))), "year", fmt.Sprintf("%04d", t.Year()),
		"clock", t.Format("15:04"), "zone", "UTC",
	}
}

// Ago is how long ago it was, roughly: "5 minutes ago".
func (m Moment) Ago(words locale.Text) string {
	switch d := m.Now.Sub(m.At); {
	case d < time.Minute:
		return words.Get("myaccount.ago.now")
	case d < time.Hour:
		return words.Count("myaccount.ago.minutes", int(d/time.Minute))
	case d < day:
		return words.Count("myaccount.ago.hours", int(d/time.Hour))
	case d < 60*day:
		return words.Count("myaccount.ago.days", int(d/day))
	default:
		return words.Count("myaccount.ago.months", int(d/(30*day)))
	}
}

// MethodNames are the ways in which the person has proven who they are, in words.
func (r SessionRow) MethodNames(words locale.Text) []string {
	keys := map[string]string{
		string(auth.MethodPassword):     "sessions.method.password",
		string(auth.MethodEmailCode):    "sessions.method.email_code",
		string(auth.MethodTOTP):         "sessions.method.totp",
		string(auth.MethodRecoveryCode): "sessions.method.recovery_code",
		string(auth.MethodEmailLink):    "sessions.method.email_link",
		string(auth.MethodSSO):          "sessions.method.sso",
	}
	var names []string
	for method := range r.Methods.All() {
		if key := keys[method]; key != "" {
			method = words.Get(key)
		} else if provider, ok := auth.Method(method).Social(); ok {
			method = cmp.Or(r.providers[provider], provider)
		}
		names = append(names, method)
	}
	return names
}

func (h *Handler) rowOfSession(s session.Session, current string, now time.Time) SessionRow {
	return SessionRow{
		ID: s.ID, Browser: session.Browser(s.UserAgent), IP: s.IP, Current: s.ID == current, Kept: s.Kept, Methods: s.Methods,
		SignedIn: Moment{s.CreatedAt, now}, Seen: Moment{s.SeenAt, now}, providers: h.providerNames(),
	}
}

func rowOfCompany(m auth.Membership, current string, now time.Time) CompanyRow {
	row := CompanyRow{
		ID: m.AccountID, Name: m.AccountName, Role: m.Role, Member: cmp.Or(m.State, auth.MemberSuspended),
		State: cmp.Or(m.AccountState, auth.AccountActive), Current: m.AccountID == current, Usable: m.Usable(),
	}
	if row.State == auth.AccountLapsed {
		row.GraceEnds = Moment{m.GraceEnds, now}
	}
	return row
}

func rowOfDevice(d auth.Device, now time.Time) DeviceRow {
	row := DeviceRow{
		ID: d.ID, Browser: session.Browser(d.UserAgent), IP: d.IP, Current: d.Current, Sessions: len(d.Sessions),
		FirstSeen: Moment{d.FirstSeen, now}, LastSeen: Moment{d.LastSeen, now},
	}
	if d.Trusted {
		row.Trusted = Moment{d.TrustedAt, now}
	}
	if d.Spared {
		row.Spared = Moment{d.TwoStepUntil, now}
	}
	return row
}

// currentFirst puts what the person looks for first on top.
func currentFirst[T any](rows []T, current func(T) bool) {
	if i := slices.IndexFunc(rows, current); i > 0 {
		first := rows[i]
		copy(rows[1:i+1], rows[:i])
		rows[0] = first
	}
}
